"""Any conversation gives a request that the API's own types allow, and what we render we read."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lingate._dialects.anthropic.usage import canonical_usage, native_usage
from lingate._model import Call, Traits
from lingate.errors import ConfigError, LingateError
from tests.dialects.anthropic.oracle import check_params, parse_message
from tests.dialects.anthropic.support import CHAT, decode, message, normal, read, sse, streamed, target
from tests.dialects.short import collect
from tests.dialects.strategies import (
    JSON,
    MAYBE_EMPTY,
    NAMES,
    OBJECTS,
    OPTIONS,
    TEXT_PARTS,
    WORDS,
    function_calls,
    functions,
    joined,
    messages,
)

_mark = st.sampled_from([{}, {"cache_control": {"type": "ephemeral"}}])
_ids = st.text("abc.:_-", min_size=1, max_size=4)
_text_part = joined(TEXT_PARTS, _mark)
_image_part = joined(
    st.sampled_from(
        [
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a"}},
            {"type": "file", "file": {"file_data": "data:text/plain;base64,QUJD"}},
        ]
    ),
    _mark,
)
_content = st.one_of(MAYBE_EMPTY, st.lists(st.one_of(_text_part, _image_part), max_size=3))
_thoughts = st.sampled_from(
    [
        {},
        {"reasoning_content": "hm"},
        {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]},
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "d"}, {"type": "thinking", "thinking": "unsigned"}]},
    ]
)
_call = function_calls(_ids)
_message = messages(
    _content,
    ids=_ids,
    calls=_call,
    thoughts=_thoughts,
    said=st.one_of(MAYBE_EMPTY, st.lists(_text_part, max_size=2)),
    results=_content,
    mark=_mark,
)
_options = st.fixed_dictionaries({}, optional={**OPTIONS, "tools": st.lists(functions(), max_size=2)})
_traits = st.fixed_dictionaries(
    {},
    optional={
        "thinking": st.sampled_from(["adaptive", "budget", "none"]),
        "structured": st.sampled_from(["json_schema", "json_object", "tool", "none"]),
        "sampling": st.sampled_from(["any", "one", "none"]),
        "late_system": st.sampled_from(["keep", "user"]),
        "max_stop": st.integers(0, 4),
        "prefill": st.booleans(),
        "cache_control": st.booleans(),
    },
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_message, max_size=8), _options, _traits)
def test_any_conversation_gives_a_request_that_the_apis_types_allow(
    messages: list[dict[str, Any]], options: dict[str, Any], traits: Traits
) -> None:
    made = Call("chat", "m", {"messages": messages, **options}, drop_params=True)
    before = json.dumps(made.body)

    try:
        sent = CHAT.request(made, target(traits))
    except ConfigError:
        return  # nothing in it but blanks

    assert json.dumps(made.body) == before
    body = json.loads(sent.body)
    check_params(body)
    _check_rules(body)


def _check_rules(body: dict[str, Any]) -> None:
    """What the types do not say and the API refuses."""
    roles = [turn["role"] for turn in body["messages"]]
    assert all(a != b for a, b in itertools.pairwise(roles) if a != "system")
    assert json.dumps(body).count('"cache_control"') <= 4
    for turn in body["messages"]:
        blocks = turn["content"] if isinstance(turn["content"], list) else [{"type": "text", "text": turn["content"]}]
        assert blocks
        assert all(block["text"].strip() for block in blocks if block["type"] == "text")
        kinds = [block["type"] == "tool_result" for block in blocks]
        assert kinds == sorted(kinds, reverse=True)
    thinking = body.get("thinking", {})
    if thinking.get("type") == "enabled":
        assert 1024 <= thinking["budget_tokens"] < body["max_tokens"]
    if thinking.get("type") in ("enabled", "adaptive"):
        assert body.get("temperature", 1) == 1
        assert body.get("tool_choice", {"type": "auto"})["type"] in ("auto", "none")
    assert all(text.strip() for text in body.get("stop_sequences", []))
    assert 0 <= body.get("temperature", 0) <= 1
    if "tool_choice" in body:
        assert body.get("tools") or body["tool_choice"]["type"] in ("any", "tool")


@settings(max_examples=200, deadline=None)
@given(st.lists(_message, min_size=1, max_size=6))
def test_a_conversation_that_was_written_is_read_and_written_again_the_same(messages: list[dict[str, Any]]) -> None:
    try:
        first = CHAT.request(Call("chat", "claude-test", {"messages": messages}, drop_params=True), target())
    except ConfigError:
        return

    again = CHAT.request(CHAT.parse_call(first.body, {}), target())

    assert normal(json.loads(again.body)) == normal(json.loads(first.body))


_sentence = WORDS.filter(str.strip)
_block = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, _sentence),
    st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": "sig"}, WORDS),
    st.just({"type": "redacted_thinking", "data": "xyz"}),
    st.builds(
        lambda i, name, given: {"type": "tool_use", "id": f"t{i}", "name": name, "input": given}, _ids, NAMES, OBJECTS
    ),
    st.builds(lambda given: {"type": "server_tool_use", "id": "s", "name": "web_search", "input": given}, OBJECTS),
)
_usage = st.fixed_dictionaries(
    {"input_tokens": st.integers(0, 99), "output_tokens": st.integers(0, 99)},
    optional={
        "cache_read_input_tokens": st.integers(0, 99),
        "cache_creation_input_tokens": st.integers(0, 99),
        "output_tokens_details": st.builds(lambda n: {"thinking_tokens": n}, st.integers(0, 9)),
        "service_tier": st.just("standard"),
        "server_tool_use": st.just({"web_search_requests": 1, "web_fetch_requests": 0}),
    },
)


def _whole(blocks: list[dict[str, Any]], reason: str, usage: dict[str, Any]) -> dict[str, Any]:
    """An answer whose stop reason fits: with tool calls it is `tool_use`, unless it was cut short or refused."""
    calls = any(block["type"] == "tool_use" for block in blocks)
    cut = reason in ("max_tokens", "refusal")
    reason = reason if cut else "tool_use" if calls else reason.replace("tool_use", "end_turn")
    return message(*blocks, stop_reason=reason, usage=usage)


_answer = st.builds(
    _whole,
    st.lists(_block, max_size=5, unique_by=lambda block: block["id"] if block["type"] == "tool_use" else object()),
    st.sampled_from(["end_turn", "max_tokens", "tool_use", "refusal", "pause_turn", "stop_sequence"]),
    _usage,
)


@settings(max_examples=200, deadline=None)
@given(_answer)
def test_an_answer_that_we_read_and_render_and_read_says_the_same(body: dict[str, Any]) -> None:
    response = read(body)
    rendered = CHAT.render(response)

    assert read(rendered) == response
    assert json.loads(rendered)["content"] == body["content"]
    assert json.loads(rendered)["usage"] == body["usage"]


@settings(max_examples=100, deadline=None)
@given(_answer)
def test_a_streamed_answer_that_we_write_again_adds_up_to_the_same(body: dict[str, Any]) -> None:
    events = decode([sse(*streamed(body))])
    encoder = CHAT.encoder(Call("chat", "m", {}))

    again = b"".join(encoder.event(event) for event in events) + encoder.end()

    assert collect(decode([again])) == collect(events)
    assert collect(events)["choices"][0]["message"].get("provider_specific_fields") == read(body)["choices"][0][
        "message"
    ].get("provider_specific_fields")


@settings(max_examples=200, deadline=None)
@given(_usage)
def test_counts_survive_both_ways_and_add_up(native: dict[str, Any]) -> None:
    canonical = canonical_usage(native)

    assert native_usage(canonical) == native
    details = canonical.get("prompt_tokens_details", {})
    assert sum(details.values()) + native["input_tokens"] == canonical["prompt_tokens"]
    assert canonical["total_tokens"] == canonical["prompt_tokens"] + canonical["completion_tokens"]


_canonical_message = joined(
    st.builds(lambda c: {"role": "assistant", "content": c}, st.one_of(st.none(), WORDS)),
    st.fixed_dictionaries({}, optional={"tool_calls": st.lists(_call, max_size=2), "refusal": WORDS}),
    _thoughts,
)


@settings(max_examples=100, deadline=None)
@given(_canonical_message, st.sampled_from(["stop", "length", "tool_calls", "content_filter", "new", None]))
def test_any_canonical_answer_is_a_message_to_the_official_package(said: dict[str, Any], reason: str | None) -> None:
    response = {"id": "c", "model": "m", "choices": [{"index": 0, "message": said, "finish_reason": reason}]}

    made = parse_message(CHAT.render(response))

    words = "".join(block["text"] for block in made["content"] if block["type"] == "text")
    assert words == (said["content"] or said.get("refusal") or "")
    assert len([b for b in made["content"] if b["type"] == "tool_use"]) == len(said.get("tool_calls", []))


_wild_block = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "image", "document", "new"]
        )
    },
    optional=dict.fromkeys(
        ["text", "thinking", "signature", "data", "id", "name", "input", "source", "content", "citations"],
        JSON | OBJECTS,
    ),
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(_wild_block, max_size=3),
    st.fixed_dictionaries({}, optional={"usage": JSON, "stop_reason": JSON, "id": JSON}),
)
def test_no_answer_however_wild_raises_anything_but_our_errors(blocks: list[Any], fields: dict[str, Any]) -> None:
    body = {"content": blocks, **fields}
    try:
        response = read(json.dumps(body).encode())
    except LingateError:
        return
    assert json.loads(CHAT.render(response))["type"] == "message"
    CHAT.request(
        Call("chat", "m", {"messages": [{"role": "user", "content": "x"}, response["choices"][0]["message"]]}), target()
    )


_wild_message = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": st.lists(_wild_block, max_size=3) | JSON}
)


@settings(max_examples=100, deadline=None)
@given(st.lists(_wild_message, max_size=3))
def test_no_request_of_a_client_however_wild_raises_anything_but_our_errors(messages: list[Any]) -> None:
    body = {"model": "m", "max_tokens": 1, "messages": messages}
    try:
        made = CHAT.parse_call(json.dumps(body).encode(), {})
        made.drop_params = True
        CHAT.request(made, target())
    except LingateError:
        return

"""Any conversation gives a request that the API's own types allow, and what we render we read."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lingate._dialects._format_choice import form_of
from lingate._dialects._replay import replay
from lingate._dialects._round_trip import seal
from lingate._dialects.openai_responses.face_response import response_object
from lingate._dialects.openai_responses.response import canonical_usage, native_usage
from lingate._model import Call, Failed, ProviderRow, Target, Traits
from lingate.errors import ConfigError, LingateError
from tests.dialects.openai_responses.oracle import check_params, check_response, parse_stream
from tests.dialects.openai_responses.support import (
    CHAT,
    NATIVE,
    answer,
    decode,
    decoded,
    encoded,
    function_call,
    message,
    parse,
    read,
    reasoning,
    sent,
    sse,
    streamed,
    target,
)
from tests.dialects.short import collect
from tests.dialects.strategies import (
    JSON,
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

_ids = st.text("abc.:_-", min_size=1, max_size=4) | st.just("x" * 90)
_part = st.one_of(
    TEXT_PARTS,
    st.sampled_from(
        [
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "low"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a"}},
            {"type": "file", "file": {"file_data": "QUJD"}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
            "plain",
        ]
    ),
)
_content = st.one_of(st.none(), WORDS, st.lists(_part, max_size=3))
_call = st.one_of(
    function_calls(_ids),
    st.builds(
        lambda given, text: {"id": given, "type": "custom", "custom": {"name": "sql", "input": text}}, _ids, WORDS
    ),
)
_own = {"type": "thinking", "thinking": "hm", "signature": seal("openai_responses", "rs_1:gAA")}
_foreign = {"type": "thinking", "thinking": "hm", "signature": "EqQB"}
_thoughts = st.sampled_from(
    [
        {},
        {"reasoning_content": "hm"},
        {"thinking_blocks": [_own]},
        {"thinking_blocks": [_foreign, {"type": "redacted_thinking", "data": "d"}]},
        {"thinking_blocks": [_own, _foreign]},
    ]
)
_message = messages(_content, ids=_ids, calls=_call, thoughts=_thoughts, said=_content, results=_content)
_tool = st.one_of(
    functions(),
    st.sampled_from(
        [
            {"type": "function", "function": {"name": "bare"}},
            {"type": "custom", "custom": {"name": "sql", "format": {"type": "text"}}},
            {"type": "web_search"},
            {"type": "image_generation"},
        ]
    ),
)
_options = st.fixed_dictionaries(
    {},
    optional={
        **OPTIONS,
        "tools": st.lists(_tool, max_size=2),
        "thinking": st.sampled_from([{"type": "disabled"}, {"type": "enabled", "budget_tokens": 4096}]),
        "verbosity": st.sampled_from(["low", "medium", "high"]),
        "logprobs": st.booleans(),
        "top_logprobs": st.integers(0, 5),
        "metadata": st.just({"a": "b"}),
        "store": st.booleans(),
        "previous_response_id": st.just("resp_1"),
        "service_tier": st.sampled_from(["auto", "flex"]),
        "web_search_options": st.sampled_from([{}, {"search_context_size": "low"}]),
    },
)
_traits = st.fixed_dictionaries(
    {},
    optional={
        "structured": st.sampled_from(["json_schema", "json_object", "tool", "none"]),
        "sampling": st.sampled_from(["any", "one", "none", "effort_none"]),
        "reasoning_history": st.sampled_from(["reasoning_content", "drop"]),
        "max_temperature": st.just(1.0),
    },
)


@settings(max_examples=600, deadline=None)
@given(st.lists(_message, min_size=1, max_size=8), _options, _traits)
def test_any_conversation_gives_a_request_that_the_apis_types_allow(
    messages: list[dict[str, Any]], options: dict[str, Any], traits: Traits
) -> None:
    made = Call("chat", "m", {"messages": messages, **options}, drop_params=True)
    before = json.dumps(made.body)

    try:
        request = CHAT.request(made, target(traits))
    except ConfigError:
        assert {one["role"] for one in messages} == {"assistant"}  # and none of them says anything
        return

    assert json.dumps(made.body) == before
    body = json.loads(request.body)
    check_params(body)
    _check_rules(body)


def _check_rules(body: dict[str, Any]) -> None:
    """What the types do not say and the API refuses."""
    items = body.get("input", [])
    ids = [item["call_id"] for item in items if "call_id" in item]
    assert all(len(given) <= 64 for given in ids)
    kinds = [item.get("type") for item in items]
    for here, after in itertools.pairwise(kinds):
        assert here != "reasoning" or after != "function_call_output"
    assert "reasoning" not in kinds[-1:]
    assert "stop" not in body
    assert body.get("max_output_tokens", 16) >= 16
    if "tool_choice" in body:
        assert body["tools"]


@settings(max_examples=200, deadline=None)
@given(st.lists(_message, min_size=1, max_size=6), _options)
def test_a_request_that_was_written_is_read_and_written_again_the_same(
    messages: list[dict[str, Any]], options: dict[str, Any]
) -> None:
    try:
        first = CHAT.request(Call("chat", "m-1", {"messages": messages, **options}, drop_params=True), target())
    except ConfigError:
        return
    body = json.loads(first.body)

    assert json.loads(NATIVE.request(parse(body), target()).body) == body


_output_part = st.one_of(
    st.builds(lambda text: {"type": "output_text", "text": text, "annotations": [], "logprobs": []}, WORDS),
    st.builds(lambda text: {"type": "refusal", "refusal": text}, WORDS.filter(bool)),
)
_numbers = st.integers(0, 99)


def _numbered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """No two items of a response have the same id."""
    return [{**item, "id": f"{item['id']}_{n}"} for n, item in enumerate(items)]


_items = st.lists(
    st.one_of(
        st.builds(lambda parts: {**message(), "content": parts}, st.lists(_output_part, max_size=2)),
        st.builds(
            lambda texts, secret: reasoning(*texts, secret=secret),
            st.lists(WORDS.filter(bool), max_size=2),
            st.none() | st.just("gAA"),
        ),
        st.builds(lambda n, name, given: function_call(json.dumps(given), name, f"call_{n}"), _numbers, NAMES, OBJECTS),
        st.builds(
            lambda n, text: {
                "id": "ctc",
                "type": "custom_tool_call",
                "call_id": f"call_{n}",
                "name": "s",
                "input": text,
            },
            _numbers,
            WORDS,
        ),
        st.just(
            {"id": "ws", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
        ),
        st.just({"id": "ig", "type": "image_generation_call", "status": "completed", "result": "QUJD"}),
    ),
    max_size=5,
).map(_numbered)
_usage = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {
            "input_tokens": st.integers(50, 99),
            "input_tokens_details": st.fixed_dictionaries(
                {"cached_tokens": st.integers(0, 9), "cache_write_tokens": st.integers(0, 9)}
            ),
            "output_tokens": st.integers(50, 99),
            "output_tokens_details": st.fixed_dictionaries({"reasoning_tokens": st.integers(0, 9)}),
        },
        optional={"cost": _numbers},
    ).map(lambda usage: {**usage, "total_tokens": usage["input_tokens"] + usage["output_tokens"]}),
)
_ends = st.sampled_from(
    [
        {"status": "completed"},
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
    ]
)
_answer = st.builds(
    lambda items, usage, end, extra: answer(*items, **{**extra, **end, "usage": usage}),
    _items,
    _usage,
    _ends,
    st.fixed_dictionaries({}, optional={"billing": OBJECTS, "service_tier": st.just("flex"), "instructions": WORDS}),
)


@settings(max_examples=200, deadline=None)
@given(_answer)
def test_a_response_that_we_read_and_render_is_the_same_response(body: dict[str, Any]) -> None:
    response = read(body, NATIVE)

    assert response_object(response) == body
    assert read(NATIVE.render(response), NATIVE) == response


@settings(max_examples=200, deadline=None)
@given(_answer)
def test_a_chat_answer_that_we_render_and_read_says_the_same(body: dict[str, Any]) -> None:
    response = read(body)

    back = read(NATIVE.render(response))

    assert back["choices"] == response["choices"]
    assert back["usage"] == response["usage"]


@settings(max_examples=100, deadline=None)
@given(_answer)
def test_a_stream_adds_up_to_the_whole_answer_and_is_sent_on_as_it_came(body: dict[str, Any]) -> None:
    events = streamed(body)
    for operation in (CHAT, NATIVE):
        told = decode([sse(*events)], sent(operation))

        added = collect(told)

        assert added == read(body, operation)
    assert decoded(encoded(told)) == events


@settings(max_examples=200, deadline=None)
@given(_usage.filter(bool))
def test_counts_survive_both_ways_and_add_up(native: dict[str, Any]) -> None:
    canonical = canonical_usage(native)

    assert canonical is not None
    assert native_usage(canonical) == native
    assert canonical["total_tokens"] == canonical["prompt_tokens"] + canonical["completion_tokens"]


_answer_call = _call.map(lambda call: {**call, "id": call["id"]})
_said = joined(
    st.builds(lambda c: {"role": "assistant", "content": c}, st.none() | WORDS),
    st.fixed_dictionaries({}, optional={"tool_calls": st.lists(_answer_call, max_size=2), "refusal": WORDS}),
    _thoughts,
)
_reasons = st.sampled_from(["stop", "length", "tool_calls", "content_filter", "new", None])


@settings(max_examples=150, deadline=None)
@given(_said, _reasons, st.none() | _usage.map(canonical_usage))
def test_any_canonical_answer_is_a_response_to_the_official_package(
    said: dict[str, Any], reason: Any, usage: Any
) -> None:
    response = {
        "id": "c",
        "model": "m",
        "usage": usage,
        "choices": [{"index": 0, "message": said, "finish_reason": reason}],
    }

    made = check_response(NATIVE.render(response))

    assert made["output_text"] == (said["content"] or "")
    calls = [item for item in made["output"] if item["type"] in ("function_call", "custom_tool_call")]
    assert len(calls) == len(said.get("tool_calls", []))


@settings(max_examples=100, deadline=None)
@given(_said, st.sampled_from(["stop", "tool_calls", "length"]))
def test_an_answer_of_another_provider_goes_through_a_client_and_comes_back(said: dict[str, Any], reason: str) -> None:
    response = {"id": "c", "model": "m", "choices": [{"index": 0, "message": said, "finish_reason": reason}]}
    output = json.loads(NATIVE.render(response))["output"]

    (back,) = parse({"input": output}).body["messages"]

    assert (back["content"] or "") == (said["content"] or "")
    assert back.get("refusal", "") == said.get("refusal", "")
    assert [call["id"] for call in back.get("tool_calls", [])] == [call["id"] for call in said.get("tool_calls", [])]
    assert back.get("thinking_blocks") == said.get("thinking_blocks")


_letters = st.text("abc", min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(_said, _letters)
def test_any_stream_is_a_response_to_the_official_package(said: dict[str, Any], text: str) -> None:
    calls = [{**call, "id": f"call_{n}"} for n, call in enumerate(said.get("tool_calls", []))]
    said = {**said, "content": said["content"] or text, "tool_calls": calls}
    response = {
        "id": "c",
        "model": "m",
        "created": 1,
        "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }

    made = parse_stream(encoded(replay(response)))

    assert made["output_text"] == said["content"]


_kinds = [
    "message",
    "reasoning",
    "function_call",
    "custom_tool_call",
    "function_call_output",
    "web_search_call",
    "image_generation_call",
    "new",
]
_wild_part = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                "output_text",
                "refusal",
                "summary_text",
                "reasoning_text",
                "input_text",
                "input_image",
                "input_file",
                "output_audio",
                "new",
            ]
        )
    },
    optional=dict.fromkeys(["text", "refusal", "annotations", "logprobs", "image_url", "file_data", "data"], JSON),
)
_wild_item = st.fixed_dictionaries(
    {"type": st.sampled_from(_kinds)},
    optional={
        "content": JSON | st.lists(_wild_part, max_size=2),
        "summary": JSON | st.lists(_wild_part, max_size=2),
        **dict.fromkeys(
            ["id", "role", "call_id", "name", "arguments", "input", "output", "encrypted_content", "result", "status"],
            JSON,
        ),
        "role": st.sampled_from(["user", "assistant", "system"]),
    },
)
_wild = st.lists(_wild_item | JSON, max_size=3)


@settings(max_examples=400, deadline=None)
@given(
    _wild,
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(["usage", "status", "id", "model", "created_at", "error", "incomplete_details"], JSON),
    ),
)
def test_no_answer_however_wild_raises_anything_but_our_errors(items: list[Any], fields: dict[str, Any]) -> None:
    for operation in (CHAT, NATIVE):
        try:
            response = read({"output": items, **fields}, operation)
        except LingateError:
            continue
        assert json.loads(operation.render(response))["object"] == "response"
        history = [{"role": "user", "content": "x"}, response["choices"][0]["message"]]
        CHAT.request(Call("chat", "m", {"messages": history}, drop_params=True), target())


_wild_event = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                "response.created",
                "response.output_item.added",
                "response.output_item.done",
                "response.output_text.delta",
                "response.output_text.annotation.added",
                "response.refusal.delta",
                "response.reasoning_summary_text.delta",
                "response.reasoning_text.delta",
                "response.function_call_arguments.delta",
                "response.custom_tool_call_input.delta",
                "response.audio.delta",
                "response.completed",
                "response.failed",
                "error",
                "new",
            ]
        )
        | JSON
    },
    optional={
        "item": _wild_item | JSON,
        "response": JSON
        | st.fixed_dictionaries({}, optional={"output": _wild, "status": JSON, "error": JSON, "usage": JSON}),
        **dict.fromkeys(
            ["delta", "output_index", "content_index", "summary_index", "item_id", "annotation", "logprobs", "error"],
            JSON,
        ),
    },
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_wild_event | JSON, max_size=6))
def test_no_stream_however_wild_raises_anything_and_every_stream_ends(events: list[Any]) -> None:
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    for operation in (CHAT, NATIVE):
        told = decode([data], sent(operation))
        assert sum(isinstance(event, Failed) for event in told) <= 1
        encoded(event for event in told if not isinstance(event, Failed))


@settings(max_examples=400, deadline=None)
@given(
    _wild,
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ["tools", "tool_choice", "text", "reasoning", "include", "instructions", "prompt", "stream_options"], JSON
        ),
    ),
)
def test_no_request_of_a_client_however_wild_raises_anything_but_our_errors(
    items: list[Any], fields: dict[str, Any]
) -> None:
    try:
        call = parse({"input": items, **fields})
    except LingateError:
        return
    call.drop_params = True
    json.loads(NATIVE.request(call, target()).body)
    for dialect in ("openai_chat", "anthropic"):
        to = Target(row=ProviderRow(name="acme", dialect=dialect), model="m", url="https://x.test")
        try:
            form_of(to, "responses").request(call, to)
        except ConfigError:
            continue

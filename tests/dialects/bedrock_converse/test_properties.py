"""Any conversation gives a request that the API's own model allows, and what we render we read."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lingate._dialects.bedrock_converse.usage import canonical_usage, native_usage
from lingate._model import Call, Failed, Traits
from lingate._wire.eventstream import encode
from lingate.errors import ConfigError, LingateError
from tests.dialects.bedrock_converse.oracle import check_params
from tests.dialects.bedrock_converse.support import (
    CHAT,
    CLAUDE,
    LLAMA,
    NEW_CLAUDE,
    NOVA,
    OLD_CLAUDE,
    at_bedrock,
    decode,
    message,
    read,
    stream,
    streamed,
    target,
)
from tests.dialects.short import collect, single_bytes
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

_mark = st.sampled_from(
    [{}, {}, {"cache_control": {"type": "ephemeral"}}, {"cache_control": {"type": "ephemeral", "ttl": "1h"}}]
)
_ids = st.text("abc.:_-!", min_size=1, max_size=4) | st.just("x" * 80)
_text_part = joined(TEXT_PARTS, _mark)
_media_part = joined(
    st.sampled_from(
        [
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "low"}},
            {"type": "image_url", "image_url": "s3://bucket/a/b.webp"},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
            {"type": "file", "file": {"file_data": "data:text/plain,abc"}},
            {"type": "file", "file": {"file_data": "QUJD", "filename": "näme_ of  a file!.docx"}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}},
            {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,QUJD"}},
        ]
    ),
    _mark,
)
_content = st.one_of(MAYBE_EMPTY, st.lists(st.one_of(_text_part, _media_part), max_size=3))
_tool_content = st.one_of(MAYBE_EMPTY, st.lists(_text_part, max_size=2))
_thoughts = st.sampled_from(
    [
        {},
        {"reasoning_content": "hm"},
        {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "gemini#s"}]},
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "d"}, {"type": "thinking", "thinking": "unsigned"}]},
    ]
)
_message = messages(
    _content,
    ids=_ids,
    calls=function_calls(_ids),
    thoughts=_thoughts,
    said=_tool_content,
    results=_tool_content,
    mark=_mark,
)
_tool = joined(functions(description=st.sampled_from([None, "", "Looks."])), _mark)
_options = st.fixed_dictionaries(
    {},
    optional={
        **OPTIONS,
        "tools": st.lists(_tool, max_size=2),
        "service_tier": st.sampled_from(["auto", "default", "flex", "scale"]),
        "metadata": st.dictionaries(WORDS, WORDS, max_size=2),
        "performanceConfig": st.just({"latency": "optimized"}),
        "guardrailConfig": st.just({"guardrailIdentifier": "g", "guardrailVersion": "1"}),
        "something_new": st.just({"a": 1}),
    },
)
_traits = st.fixed_dictionaries(
    {},
    optional={
        "thinking": st.sampled_from(["adaptive", "budget", "none"]),
        "structured": st.sampled_from(["json_schema", "json_object", "tool", "none"]),
        "sampling": st.sampled_from(["any", "one", "none"]),
        "late_system": st.sampled_from(["keep", "user"]),
        "tool_choice_required": st.sampled_from(["any", "auto"]),
        "reasoning_param": st.sampled_from(["reasoning_effort", "reasoning_config", "reasoning", "none"]),
        "reasoning_history": st.sampled_from(["drop", "reasoning_content"]),
        "max_stop": st.integers(0, 4),
        "prefill": st.booleans(),
        "cache_control": st.booleans(),
    },
)
_models = st.sampled_from(["m", CLAUDE, OLD_CLAUDE, NEW_CLAUDE, NOVA, LLAMA, "qwen.qwen3-32b-v1:0"])


@settings(max_examples=600, deadline=None)
@given(st.lists(_message, max_size=8), _options, _models, _traits)
def test_any_conversation_gives_a_request_that_the_apis_model_allows(
    messages: list[dict[str, Any]], options: dict[str, Any], model: str, traits: Traits
) -> None:
    made = Call("chat", "m", {"messages": messages, **options}, drop_params=True)
    before = json.dumps(made.body)
    to = at_bedrock(model) if model != "m" else target(model, traits)

    try:
        sent = CHAT.request(made, to)
    except ConfigError:
        return  # nothing in it but blanks

    assert json.dumps(made.body) == before
    body = json.loads(sent.body)
    check_params(body)
    _check_rules(body)


def _check_rules(body: dict[str, Any]) -> None:
    """What the model of the API does not say and the service refuses."""
    roles = [turn["role"] for turn in body["messages"]]
    assert all(a != b for a, b in itertools.pairwise(roles) if a != "system")
    assert json.dumps(body).count('"cachePoint"') <= 4
    names: list[str] = []
    for turn in body["messages"]:
        blocks = turn["content"]
        assert blocks
        assert all(block["text"].strip() for block in blocks if "text" in block)
        kinds = ["toolResult" in block for block in blocks if "cachePoint" not in block]
        assert kinds == sorted(kinds, reverse=True)
        names += [block["document"]["name"] for block in blocks if "document" in block]
        if turn["role"] == "user" and any("document" in block for block in blocks):
            assert any("text" in block for block in blocks)
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9\s\-()\[\]_]{1,200}", name) and "  " not in name for name in names)
    _check_config(body)


def _check_config(body: dict[str, Any]) -> None:
    inference = body.get("inferenceConfig", {})
    thinking = body.get("additionalModelRequestFields", {}).get("thinking", {})
    if thinking.get("type") == "enabled":
        assert 1024 <= thinking["budget_tokens"] < inference.get("maxTokens", 1_000_000)
    choice = body.get("toolConfig", {}).get("toolChoice", {})
    if thinking.get("type") in ("enabled", "adaptive"):
        assert inference.get("temperature", 1) == 1
        assert not choice.keys() & {"any", "tool"}
    assert 0 <= inference.get("temperature", 0) <= 1
    used = re.findall(r'"(toolUse|toolResult)":', json.dumps(body["messages"]))
    if "toolUse" in used:
        assert body["toolConfig"]["tools"]
    ids = [
        block["toolUse"]["toolUseId"] for turn in body["messages"] for block in turn["content"] if "toolUse" in block
    ]
    assert all(re.fullmatch(r"[a-zA-Z0-9_.:-]{1,64}", given) for given in ids)


@settings(max_examples=200, deadline=None)
@given(st.lists(_message, min_size=1, max_size=6))
def test_a_conversation_that_was_written_is_read_and_written_again_the_same(messages: list[dict[str, Any]]) -> None:
    to = at_bedrock(CLAUDE)
    try:
        first = CHAT.request(Call("chat", "m", {"messages": messages}, drop_params=True), to)
    except ConfigError:
        return

    again = CHAT.request(CHAT.parse_call(first.body, {"model": CLAUDE}), to)

    wanted = json.loads(first.body)
    # Stubs for tools that are used but not declared are declared tools the second time.
    told = [block for block in wanted.get("system", []) if "no longer available" not in block.get("text", "")]
    assert json.loads(again.body)["messages"] == wanted["messages"]
    assert [b for b in json.loads(again.body).get("system", []) if "no longer" not in b.get("text", "")] == told


_sentence = WORDS.filter(str.strip)
_block = st.one_of(
    st.builds(lambda text: {"text": text}, _sentence),
    st.builds(lambda text: {"reasoningContent": {"reasoningText": {"text": text, "signature": "sig"}}}, _sentence),
    st.just({"reasoningContent": {"redactedContent": "eHl6"}}),
    st.just({"reasoningContent": {"redactedContent": "/////w=="}}),
    st.builds(
        lambda i, name, given: {"toolUse": {"toolUseId": f"t{i}"[:64], "name": name, "input": given}},
        st.text("abc", min_size=1, max_size=4),
        NAMES,
        OBJECTS,
    ),
    st.builds(
        lambda given: {"toolUse": {"toolUseId": "s", "name": "search", "input": given, "type": "server_tool_use"}},
        OBJECTS,
    ),
    st.builds(lambda text: {"toolResult": {"toolUseId": "s", "type": "found", "content": [{"text": text}]}}, _sentence),
    st.builds(
        lambda text: {
            "citationsContent": {
                "content": [{"text": text}],
                "citations": [{"title": "X", "location": {"web": {"url": "https://x.test/"}}}],
            }
        },
        _sentence,
    ),
    st.just({"citationsContent": {"citations": [{"location": {"documentPage": {"documentIndex": 0, "start": 1}}}]}}),
)
_usage = st.builds(
    lambda counts: {**counts, "totalTokens": sum(counts.values())},
    st.fixed_dictionaries(
        {"inputTokens": st.integers(0, 99), "outputTokens": st.integers(0, 99)},
        optional={"cacheReadInputTokens": st.integers(0, 99), "cacheWriteInputTokens": st.integers(0, 99)},
    ),
)


def _whole(blocks: list[dict[str, Any]], reason: str, usage: dict[str, Any]) -> dict[str, Any]:
    """An answer whose stop reason fits: with tool calls it is `tool_use`, unless it was cut short or refused."""
    calls = any("toolUse" in block and "type" not in block["toolUse"] for block in blocks)
    cut = reason in ("max_tokens", "guardrail_intervened")
    reason = reason if cut else "tool_use" if calls else reason.replace("tool_use", "end_turn")
    return message(*blocks, stop=reason, usage=usage)


_answer = st.builds(
    _whole,
    st.lists(_block, max_size=5),
    st.sampled_from(["end_turn", "max_tokens", "tool_use", "guardrail_intervened", "stop_sequence"]),
    _usage,
)


@settings(max_examples=300, deadline=None)
@given(_answer)
def test_an_answer_that_we_read_and_render_and_read_says_the_same(body: dict[str, Any]) -> None:
    response = read(body)
    rendered = CHAT.render(response)

    assert read(rendered) == response
    assert json.loads(rendered) == body


@settings(max_examples=200, deadline=None)
@given(_answer)
def test_a_streamed_answer_adds_up_to_the_whole_one_and_is_written_again_the_same(body: dict[str, Any]) -> None:
    data = stream(*streamed(body))
    events = decode([data])
    encoder = CHAT.encoder(Call("chat", "m", {}))

    again = b"".join(encoder.event(event) for event in events) + encoder.end()

    added = collect(events)
    assert decode(single_bytes(data)) == events
    assert collect(decode([again])) == added
    whole = read(body)
    assert added["choices"][0]["message"] == whole["choices"][0]["message"]
    assert added["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert added["usage"] == whole["usage"]


@settings(max_examples=200, deadline=None)
@given(_usage)
def test_counts_survive_both_ways_and_add_up(native: dict[str, Any]) -> None:
    canonical = canonical_usage(native)

    assert native_usage(canonical) == native
    details = canonical.get("prompt_tokens_details", {})
    assert sum(details.values()) + native["inputTokens"] == canonical["prompt_tokens"]
    assert canonical["total_tokens"] == native["totalTokens"]


_wild_block = st.dictionaries(
    st.sampled_from(
        [
            "text",
            "toolUse",
            "toolResult",
            "reasoningContent",
            "citationsContent",
            "image",
            "document",
            "cachePoint",
            "new",
        ]
    ),
    JSON
    | st.dictionaries(
        st.sampled_from(
            ["text", "name", "toolUseId", "input", "reasoningText", "redactedContent", "source", "content", "format"]
        ),
        JSON | OBJECTS,
        max_size=4,
    ),
    max_size=2,
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(_wild_block, max_size=3),
    st.fixed_dictionaries({}, optional={"usage": JSON, "stopReason": JSON, "metrics": JSON}),
)
def test_no_answer_however_wild_raises_anything_but_our_errors(blocks: list[Any], fields: dict[str, Any]) -> None:
    body = {"output": {"message": {"role": "assistant", "content": blocks}}, **fields}
    try:
        response = read(json.dumps(body).encode())
    except LingateError:
        return
    assert "output" in json.loads(CHAT.render(response))
    history = [{"role": "user", "content": "x"}, response["choices"][0]["message"]]
    CHAT.request(Call("chat", "m", {"messages": history}), target())


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "messageStart",
                    "contentBlockStart",
                    "contentBlockDelta",
                    "contentBlockStop",
                    "messageStop",
                    "metadata",
                    "new",
                ]
            ),
            st.fixed_dictionaries(
                {},
                optional={
                    "contentBlockIndex": st.integers(0, 1) | JSON,
                    "start": _wild_block | JSON,
                    "delta": _wild_block
                    | JSON
                    | st.sampled_from(
                        [{"citation": 5}, {"toolResult": [1]}, {"reasoningContent": {"redactedContent": "?"}}]
                    ),
                    "stopReason": JSON,
                    "usage": JSON,
                },
            )
            | JSON,
        ),
        max_size=6,
    )
)
def test_no_stream_however_wild_raises_anything(events: list[tuple[str, Any]]) -> None:
    data = b"".join(
        encode({":event-type": name, ":message-type": "event"}, json.dumps(payload).encode())
        for name, payload in events
    )

    found = decode([data])

    assert list(map(repr, decode(single_bytes(data)))) == list(map(repr, found))
    assert [event for event in found[:-1] if isinstance(event, Failed)] == []
    encoder = CHAT.encoder(Call("chat", "m", {}))
    for event in found:
        if not isinstance(event, Failed):
            encoder.event(event)
    encoder.end()


_wild_message = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": st.lists(_wild_block, max_size=3) | JSON}
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(_wild_message, max_size=3),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            [
                "system",
                "inferenceConfig",
                "toolConfig",
                "outputConfig",
                "additionalModelRequestFields",
                "serviceTier",
                "x",
            ],
            JSON | OBJECTS,
        ),
    ),
)
def test_no_request_of_a_client_however_wild_raises_anything_but_our_errors(
    messages: list[Any], fields: dict[str, Any]
) -> None:
    try:
        made = CHAT.parse_call(json.dumps({"messages": messages, **fields}).encode(), {"model": "m"})
        made.drop_params = True
        CHAT.request(made, target())
    except LingateError:
        return


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_rubbish_is_a_protocol_error(data: bytes) -> None:
    (event,) = decode([data])

    assert isinstance(event, Failed)
    assert event.error.kind in ("protocol", "stream_interrupted")

"""Every member of the unions in the API's own model, in answers, in streams and in requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.bedrock_converse.shapes import instances, shape
from tests.dialects.bedrock_converse.support import CHAT, CLAUDE, call, decode, message, read, send, stream, target
from tests.dialects.instances import refused_elsewhere
from tests.dialects.short import collect, single_bytes

OTHERS = ("anthropic", "cohere", "gemini", "ollama", "openai_chat", "openai_responses")
ASKED_ONLY = ("cachePoint", "guardContent", "toolAddition", "toolRemoval")
BLOCKS = tuple(shape("ContentBlock").members)
OF_REQUESTS = [name for name in shape("ConverseRequest").members if name not in ("modelId", "messages")]
HERE = target(CLAUDE, traits={"structured": "json_schema", "late_system": "keep"})


def blocks(kind: str) -> list[dict[str, Any]]:
    return [{kind: value} for value in instances(shape("ContentBlock").members[kind], kind, ("ContentBlock",))]


def conforms(value: Any, kind: Any, where: str = "") -> None:
    """Fail where a value is not what the model says, down to the last field."""
    if kind.type_name == "structure" and not kind.is_document_type:
        assert value.keys() <= kind.members.keys(), where
        assert set(kind.required_members) <= value.keys(), where
        assert not kind.is_tagged_union or len(value) == 1, where
        for name, item in value.items():
            conforms(item, kind.members[name], f"{where}.{name}")
    elif kind.type_name in ("list", "map"):
        for item in value if kind.type_name == "list" else value.values():
            conforms(item, kind.member if kind.type_name == "list" else kind.value, where)
    elif getattr(kind, "enum", None):
        assert value in kind.enum, where


def answer(block: dict[str, Any]) -> dict[str, Any]:
    called = "toolUse" in block and "type" not in block["toolUse"]
    return message({"text": "a"}, block, {"text": "b"}, stop="tool_use" if called else "end_turn")


@pytest.mark.parametrize("kind", [kind for kind in BLOCKS if kind not in ASKED_ONLY])
def test_every_block_of_an_answer_is_read_and_shown_again_as_it_was(kind: str) -> None:
    for block in blocks(kind):
        made = read(answer(block))
        shown = json.loads(CHAT.render(made))

        conforms(shown, shape("ConverseResponse"))
        assert shown == answer(block)
        assert bool(made["choices"][0]["message"].get("tool_calls")) == (shown["stopReason"] == "tool_use")


@pytest.mark.parametrize(
    "name", [n for n in shape("ConverseResponse").members if n not in ("output", "stopReason", "usage")]
)
def test_every_field_of_an_answer_is_shown_again_whole_and_streamed(name: str) -> None:
    for value in instances(shape("ConverseResponse").members[name], name):
        body = message({"text": "a"}, **{name: value})
        assert json.loads(CHAT.render(read(body))) == body

        place = "messageStop" if name == "additionalModelResponseFields" else "metadata"
        end: dict[str, dict[str, Any]] = {
            "messageStop": {"stopReason": "end_turn"},
            "metadata": {"usage": body["usage"], "metrics": body["metrics"]},
        }
        end[place][name] = value
        assert told([("contentBlockDelta", at(delta={"text": "a"})), ("contentBlockStop", at()), *end.items()])


def test_every_count_is_read() -> None:
    for usage in instances(shape("TokenUsage")):
        made = read(message({"text": "a"}, usage=usage))["usage"]

        caches = usage.get("cacheReadInputTokens", 0) + usage.get("cacheWriteInputTokens", 0)
        assert made["prompt_tokens"] == usage["inputTokens"] + caches
        assert made["completion_tokens"] == usage["outputTokens"]
        shown = json.loads(CHAT.render(read(message({"text": "a"}, usage=usage))))["usage"]
        assert shown == {**usage, "totalTokens": made["prompt_tokens"] + made["completion_tokens"]}


def at(**fields: Any) -> dict[str, Any]:
    return {"contentBlockIndex": 0, **fields}


def told(events: list[tuple[str, dict[str, Any]]]) -> bool:
    """Whether a client of this format is told in a stream what the provider told."""
    data = stream(("messageStart", {"role": "assistant"}), *events)
    found = decode([data])
    assert decode(single_bytes(data)) == found
    encoder = CHAT.encoder(call())
    written = b"".join(map(encoder.event, found)) + encoder.end()
    return decode([written]) == found


@pytest.mark.parametrize("kind", [*shape("ContentBlockDelta").members])
def test_every_piece_of_a_block_is_told_again(kind: str) -> None:
    starts = {
        "toolUse": {"toolUseId": "t1", "name": "f"},
        "toolResult": {"toolUseId": "t1"},
        "image": {"format": "png"},
    }
    begin = [("contentBlockStart", at(start={kind: starts[kind]}))] if kind in starts else []
    stop = {"stopReason": "tool_use" if kind == "toolUse" else "end_turn"}
    end = [("messageStop", stop), ("metadata", {"usage": message()["usage"], "metrics": {"latencyMs": 3}})]
    for piece in instances(shape("ContentBlockDelta").members[kind], kind):
        if kind == "toolUse":
            piece = {"input": '{"a": 1}'}
        told_again = told([*begin, ("contentBlockDelta", at(delta={kind: piece})), ("contentBlockStop", at()), *end])
        assert told_again or piece == {}


@pytest.mark.parametrize("kind", [*shape("ContentBlockStart").members])
def test_every_beginning_of_a_block_is_told_again(kind: str) -> None:
    end = [
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": message()["usage"], "metrics": {"latencyMs": 3}}),
    ]
    for start in instances(shape("ContentBlockStart").members[kind], kind):
        data = stream(("messageStart", {"role": "assistant"}), ("contentBlockStart", at(start={kind: start})), *end)
        made = collect(decode([data]))["choices"][0]["message"]

        assert bool(made.get("tool_calls")) == (kind == "toolUse" and "type" not in start)


def conversation(block: dict[str, Any]) -> list[dict[str, Any]]:
    (kind,) = block
    before: list[dict[str, Any]] = [
        {"role": "user", "content": [{"text": "q"}]},
        {"role": "assistant", "content": [{"text": "a"}]},
    ]
    if kind in ("toolAddition", "toolRemoval"):
        return [*before, before[0], {"role": "system", "content": [block]}]
    if kind in ("toolUse", "reasoningContent", "citationsContent"):
        return [before[0], {"role": "assistant", "content": [block, {"text": "a"}]}, before[0]]
    if kind == "toolResult":
        return [*before, {"role": "user", "content": [block, {"text": "on"}]}]
    return [*before, {"role": "user", "content": [{"text": "on"}, block]}]


def plain(value: Any) -> Any:
    """Without what says nothing, and with what a schema of a tool has to say."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: plain(item) for key, item in value.items()}
    if "inputSchema" in made:
        made["inputSchema"] = {"json": {**made["inputSchema"].get("json", {}), "type": "object", "properties": {}}}
    return made


@pytest.mark.parametrize("kind", BLOCKS)
def test_every_block_of_a_request_comes_out_again_as_it_went_in(kind: str) -> None:
    for block in blocks(kind):
        asked = {"messages": conversation(block)}
        body, sent = send(CHAT.parse_call(json.dumps(asked).encode(), {"model": CLAUDE}), HERE)

        unsigned = "messages[1].thinking_blocks (unsigned)" in sent.dropped
        empty = kind == "toolResult" and block[kind]["content"] == []
        assert unsigned or empty or body["messages"] == asked["messages"]
        assert unsigned or sent.dropped == []


@pytest.mark.parametrize("name", OF_REQUESTS)
def test_every_field_of_a_request_comes_out_again_as_it_went_in(name: str) -> None:
    for value in instances(shape("ConverseRequest").members[name], name):
        asked = {"messages": conversation({"text": "x"}), name: value}
        body, sent = send(CHAT.parse_call(json.dumps(asked).encode(), {"model": CLAUDE}), HERE)

        says_nothing = value in ({}, [], {"stopSequences": []})
        only_marks = name == "toolConfig" and all("cachePoint" in tool for tool in value["tools"])
        assert says_nothing or only_marks or plain(body) == plain(asked)
        assert sent.dropped == []


@pytest.mark.parametrize("other", OTHERS)
def test_no_part_of_a_request_raises_anything_but_our_errors_elsewhere(other: str) -> None:
    bodies: list[dict[str, Any]] = [{"messages": conversation(block)} for kind in BLOCKS for block in blocks(kind)]
    for name in OF_REQUESTS:
        values = instances(shape("ConverseRequest").members[name], name)
        bodies += [{"messages": conversation({"text": "x"}), name: value} for value in values]
    assert not refused_elsewhere(lambda body: CHAT.parse_call(body, {"model": "m"}), bodies, other)

"""Every member of the unions among the official package's types, in answers, in streams and in requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types.beta import BetaMessage, BetaUsage
from anthropic.types.beta.beta_content_block import BetaContentBlock
from anthropic.types.beta.beta_content_block_param import BetaContentBlockParam
from anthropic.types.beta.beta_raw_message_stream_event import BetaRawMessageStreamEvent
from anthropic.types.beta.beta_tool_union_param import BetaToolUnionParam
from anthropic.types.beta.message_create_params import MessageCreateParamsBase
from pydantic import TypeAdapter

from tests.dialects.anthropic.support import (
    CHAT,
    NEWEST,
    call,
    decode,
    message,
    normal,
    read,
    send,
    sse,
    streamed,
    target,
    text,
)
from tests.dialects.instances import fields_of, instances, members, refused_elsewhere, some
from tests.dialects.short import collect, without_nulls

OTHERS = ("bedrock_converse", "cohere", "gemini", "ollama", "openai_chat", "openai_responses")
BY_THE_MODEL = ("thinking", "tool_use", "result", "compaction", "listing", "fallback", "upload", "redacted")
NOT_IN_THE_BODY = ("messages", "tools", "model", "betas", "user_profile_id", "workspace_id")
_MESSAGE, _EVENT = TypeAdapter(BetaMessage), TypeAdapter(BetaRawMessageStreamEvent)


def name_of(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


def answer(block: dict[str, Any]) -> dict[str, Any]:
    stop = "tool_use" if block["type"] == "tool_use" else "end_turn"
    served = {"model": block["to"]["model"]} if block["type"] == "fallback" else {}
    return message(text("a"), block, text("b"), stop_reason=stop, **served)


def said(response: dict[str, Any]) -> Any:
    """A canonical answer with the arguments of calls decoded: their spaces are the sender's own."""
    made = json.loads(json.dumps(without_nulls({**response, "usage": None})))
    for made_call in made["choices"][0]["message"].get("tool_calls", ()):
        made_call["function"]["arguments"] = json.loads(made_call["function"]["arguments"])
    return made


@pytest.mark.parametrize("kind", members(BetaContentBlock), ids=name_of)
def test_every_block_of_an_answer_is_read_and_shown_again_as_it_was(kind: Any) -> None:
    for block in some(kind):
        body = answer(block)
        made = read(body)
        shown = json.loads(CHAT.render(made))

        _MESSAGE.validate_python(shown)
        assert without_nulls(shown) == without_nulls(body)
        calls = [made_call["id"] for made_call in made["choices"][0]["message"].get("tool_calls", ())]
        assert calls == ([block["id"]] if block["type"] == "tool_use" else [])


@pytest.mark.parametrize("kind", members(BetaContentBlock), ids=name_of)
def test_every_block_of_a_stream_adds_up_to_the_whole_one_and_is_written_again_the_same(kind: Any) -> None:
    for block in some(kind, 20):
        body = answer(block)
        data = sse(*streamed(body))
        events = decode([data])
        assert decode(data[at : at + 1] for at in range(len(data))) == events
        assert said(collect(events)) == said(read(body))

        encoder = CHAT.encoder(call())
        written = b"".join(map(encoder.event, events)) + encoder.end()
        for line in written.decode().splitlines():
            if line.startswith("data: ") and '"ping"' not in line:
                _EVENT.validate_json(line[6:])
        assert collect(decode([written])) == collect(events)


def test_every_count_is_read_and_shown_again() -> None:
    for usage in instances(BetaUsage):
        made = read(message(text("a"), usage=usage))
        counts, split = made["usage"], usage.get("cache_creation") or {}
        written = usage.get("cache_creation_input_tokens") or sum(split.values())
        shown = json.loads(CHAT.render(made))["usage"]

        assert counts["completion_tokens"] == usage["output_tokens"]
        assert counts["prompt_tokens"] == usage["input_tokens"] + written + (usage.get("cache_read_input_tokens") or 0)
        if written:
            shown.setdefault("cache_creation_input_tokens", written)
            usage = {**usage, "cache_creation_input_tokens": written}
        assert without_nulls(shown) == without_nulls(usage)


@pytest.mark.parametrize(
    "name", ["container", "context_management", "diagnostics", "input_transformations", "stop_details"]
)
def test_every_other_field_of_an_answer_is_shown_again(name: str) -> None:
    for value in instances(BetaMessage.model_fields[name].annotation, name):
        body = message(text("a"), **{name: value})

        assert without_nulls(json.loads(CHAT.render(read(body)))) == without_nulls(body)


def conversation(block: dict[str, Any]) -> list[dict[str, Any]]:
    kind = block["type"]
    before: list[dict[str, Any]] = [{"role": "user", "content": "q"}]
    if kind in ("tool_addition", "tool_removal"):
        return [*before, {"role": "assistant", "content": "a"}, *before, {"role": "system", "content": [block]}]
    if kind != "tool_result" and any(word in kind for word in BY_THE_MODEL):
        return [*before, {"role": "assistant", "content": [block, text("a")]}, {"role": "user", "content": "on"}]
    return [*before, {"role": "assistant", "content": "a"}, {"role": "user", "content": [block, text("on")]}]


def asked(**fields: Any) -> dict[str, Any]:
    return {"model": "claude-test", "max_tokens": 9000, "messages": [{"role": "user", "content": "hi"}], **fields}


def plain(value: Any) -> Any:
    """Without what says nothing: empty fields, a direct caller, the type of a common tool and of its schema."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: plain(item) for key, item in value.items() if item not in (None, [], {}, "custom")}
    if isinstance(made.get("input_schema"), dict):
        made["input_schema"] = {**made["input_schema"], "type": "object"}
    elif "input_schema" in value:
        made["input_schema"] = {"type": "object"}
    return {key: item for key, item in made.items() if (key, item) != ("caller", {"type": "direct"})}


def sent_on(body: dict[str, Any]) -> tuple[Any, Any]:
    """What is sent to the same format, and what was asked."""
    made, sent = send(CHAT.parse_call(json.dumps(body).encode(), {}), target(NEWEST))
    assert sent.dropped == []
    if "tools" not in body:
        made = {key: value for key, value in made.items() if key not in ("tools", "tool_choice")}
    return plain(normal(made)), plain(normal(body))


@pytest.mark.parametrize("kind", members(BetaContentBlockParam), ids=name_of)
def test_every_block_of_a_request_comes_out_again_as_it_went_in(kind: Any) -> None:
    for block in some(kind, 120):
        body, wanted = sent_on(asked(messages=conversation(block)))
        assert body == wanted


@pytest.mark.parametrize("kind", members(BetaToolUnionParam), ids=name_of)
def test_every_tool_comes_out_again_as_it_went_in(kind: Any) -> None:
    for tool in some(kind):
        body, wanted = sent_on(asked(tools=[tool]))
        assert body == wanted


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name, kind, _ in fields_of(MessageCreateParamsBase) if name not in NOT_IN_THE_BODY],
)
def test_every_field_of_a_request_comes_out_again_as_it_went_in(name: str, kind: Any) -> None:
    for value in instances(kind, name):
        tools = (
            {"tools": [{"name": value.get("name", "f"), "input_schema": {"type": "object"}}]}
            if name == "tool_choice"
            else {}
        )
        body, wanted = sent_on(asked(**{"max_tokens": 9000, name: value}, **tools))
        assert body == wanted


@pytest.mark.parametrize("other", OTHERS)
def test_no_part_of_a_request_raises_anything_but_our_errors_elsewhere(other: str) -> None:
    bodies = [
        asked(messages=conversation(block)) for kind in members(BetaContentBlockParam) for block in some(kind, 20)
    ]
    bodies += [asked(tools=[tool]) for kind in members(BetaToolUnionParam) for tool in some(kind, 10)]
    assert not refused_elsewhere(lambda body: CHAT.parse_call(body, {}), bodies, other)

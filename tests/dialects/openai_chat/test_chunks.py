"""Events as chat completion chunks."""

from __future__ import annotations

from typing import Any

from lingate._dialects._chunks import ChunkBuilder
from lingate._model import (
    Annotations,
    Event,
    Extra,
    Failed,
    Finish,
    Media,
    Opaque,
    Refusal,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate.errors import StreamInterruptedError

START = Start("id-1", "m-1", 7)
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def chunks(*events: Event, **options: Any) -> list[dict[str, Any]]:
    builder = ChunkBuilder(**options)
    made = [builder.chunk(event) for event in (START, *events)]
    return [chunk for chunk in [*made, builder.end()] if chunk is not None]


def deltas(*events: Event) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks(*events)[1:]]


def test_a_start_gives_the_role_and_every_chunk_has_the_same_head() -> None:
    first, second = chunks(Text("a"))

    head = {"id": "id-1", "object": "chat.completion.chunk", "created": 7, "model": "m-1"}
    role = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    assert first == {**head, "choices": [role]}
    assert second == {**head, "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}


def test_a_model_of_our_own_replaces_the_providers() -> None:
    assert {chunk["model"] for chunk in chunks(Text("a"), model="alias")} == {"alias"}


def test_each_choice_begins_with_its_role() -> None:
    assert deltas(Text("x", 1), Text("y", 1)) == [{"role": "assistant", "content": "x"}, {"content": "y"}]


def test_every_kind_of_delta() -> None:
    image = {"type": "image_url", "image_url": {"url": "u"}}

    assert deltas(
        Refusal("no"),
        Thinking("hm"),
        ToolStart(0, "c1", "f", extra={"extra_content": 1}),
        ToolArgs(0, "{}"),
        Media("audio", {"id": "a"}),
        Media("image", image),
        Annotations([{"type": "url_citation"}]),
        Extra({"new": 1}, 0),
    ) == [
        {"refusal": "no"},
        {"reasoning_content": "hm"},
        {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "extra_content": 1, "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        {"audio": {"id": "a"}},
        {"images": [{"index": 0, **image}]},
        {"annotations": [{"index": 0, "type": "url_citation"}]},
        {"new": 1},
    ]  # fmt: skip


def test_an_annotation_that_says_null_for_its_place_has_one_all_the_same() -> None:
    # The openai package adds lists up by it: "list delta entry `index` value is not an integer; None".
    assert deltas(Annotations([{"index": None, "file_id": "f"}]), Annotations([{"index": None}, {"index": 9}])) == [
        {"annotations": [{"index": 0, "file_id": "f"}]},
        {"annotations": [{"index": 1}, {"index": 9}]},
    ]


def test_custom_and_legacy_calls_have_their_own_form() -> None:
    assert deltas(ToolStart(0, "c1", "q", kind="custom"), ToolArgs(0, "SELECT")) == [
        {"tool_calls": [{"index": 0, "id": "c1", "type": "custom", "custom": {"name": "q", "input": ""}}]},
        {"tool_calls": [{"index": 0, "custom": {"input": "SELECT"}}]},
    ]
    assert deltas(ToolStart(0, "c1", "f", kind="function_call"), ToolArgs(0, "{}")) == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
    ]


def test_a_signature_comes_with_its_whole_block() -> None:
    assert deltas(Thinking("h"), Thinking("m"), Thinking("", signature="s"), Thinking("", block=1, redacted="d")) == [
        {"reasoning_content": "h"},
        {"reasoning_content": "m"},
        {"thinking_blocks": [{"index": 0, "type": "thinking", "thinking": "hm", "signature": "s"}]},
        {"thinking_blocks": [{"index": 1, "type": "redacted_thinking", "data": "d"}]},
    ]


def test_finish_and_logprobs_and_choice_fields_are_on_the_choice() -> None:
    logprobs = {"content": []}
    made = chunks(Text("a", logprobs=logprobs), Extra({"reason": 1}, 0, on_choice=True), Finish("stop", 0, "end_turn"))

    assert made[1]["choices"][0] == {"index": 0, "delta": {"content": "a"}, "finish_reason": None, "logprobs": logprobs}
    assert made[2]["choices"][0] == {"index": 0, "delta": {}, "finish_reason": None, "reason": 1}
    assert made[3]["choices"][0] == {
        "index": 0, "delta": {}, "finish_reason": "stop", "native_finish_reason": "end_turn",
    }  # fmt: skip


def test_usage_after_the_finish_has_a_chunk_without_choices() -> None:
    made = chunks(Text("a"), Finish("stop"), Usage(USAGE))

    assert made[-1]["choices"] == []
    assert made[-1]["usage"] == USAGE
    assert "usage" not in made[-2]


def test_usage_before_the_finish_waits_for_the_end() -> None:
    made = chunks(Usage({"prompt_tokens": 1}), Text("a"), Usage(USAGE), Finish("stop"))

    assert len(made) == 4
    assert made[-2]["choices"][0]["finish_reason"] == "stop"
    assert (made[-1]["choices"], made[-1]["usage"]) == ([], USAGE)


def test_usage_may_be_left_out() -> None:
    made = chunks(Usage(USAGE), Finish("stop"), Usage(USAGE), include_usage=False)

    assert all("usage" not in chunk for chunk in made)
    assert len(made) == 2


def test_fields_of_the_response_go_with_the_next_chunk_or_last() -> None:
    builder = ChunkBuilder()
    start = builder.chunk(Start("i", "m", 1, {"system_fingerprint": "fp", "provider": "p"}))
    text = builder.chunk(Text("a"))
    assert builder.chunk(Extra({"citations": [1]})) is None
    finish = builder.chunk(Finish("stop"))
    assert builder.chunk(Extra({"late": 1})) is None
    last = builder.end()

    assert start is not None
    assert text is not None
    assert finish is not None
    assert last is not None
    assert (start["provider"], start["system_fingerprint"]) == ("p", "fp")
    assert "provider" not in text
    assert text["system_fingerprint"] == "fp"
    assert finish["citations"] == [1]
    assert (last["late"], last["choices"]) == (1, [])
    assert builder.end() is None


def test_events_without_a_form_here_have_no_chunk() -> None:
    assert len(chunks(Opaque("other", {}), Failed(StreamInterruptedError("x")))) == 1

"""The server's side: the official package agrees with every answer, stream and error that we write."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest

from lingate._call.collect import Collector
from lingate._call.stream import StopFilter, cut_at_stops
from lingate._dialects._replay import replay
from lingate._dialects.anthropic import DIALECT
from lingate._model import (
    Annotations,
    Event,
    Extra,
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
from lingate.errors import (
    LingateError,
    OverloadedError,
    RateLimitError,
    StreamInterruptedError,
    UnsupportedError,
)
from tests.dialects.anthropic.oracle import parse_message, parse_stream, raised
from tests.dialects.anthropic.samples import (
    ANSWERS,
)
from tests.dialects.anthropic.support import CHAT, call, decode, message, read, sse, streamed, text
from tests.dialects.openai_chat import support as openai_chat
from tests.dialects.short import collect, fed, single_bytes


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "new kinds"])
def test_the_official_package_reads_our_rendering_as_the_providers_own_answer(name: str) -> None:
    body = ANSWERS[name]

    rendered = parse_message(CHAT.render(read(body)))

    assert _without_empty(rendered) == _without_empty(body)


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "new kinds"])
def test_the_official_package_reads_our_stream_as_the_providers_own(name: str) -> None:
    body = ANSWERS[name]
    encoder = CHAT.encoder(call())
    data = b"".join(encoder.event(event) for event in decode([sse(*streamed(body))])) + encoder.end()

    assert _without_empty(parse_stream(data)) == _without_empty(body)


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "new kinds"])
def test_a_whole_answer_that_is_told_as_a_stream_keeps_every_block(name: str) -> None:
    body = ANSWERS[name]
    encoder = CHAT.encoder(call())
    data = b"".join(encoder.event(event) for event in replay(read(body))) + encoder.end()

    assert _without_empty(parse_stream(data)) == _without_empty(body)


@pytest.mark.parametrize("name", ANSWERS)
def test_reading_what_we_rendered_gives_what_we_rendered(name: str) -> None:
    response = read(ANSWERS[name])

    assert read(CHAT.render(response)) == response
    encoder = CHAT.encoder(call())
    events = decode([sse(*streamed(ANSWERS[name]))])
    data = b"".join(encoder.event(event) for event in events) + encoder.end()
    assert decode([data[n : n + 13] for n in range(0, len(data), 13)]) != []
    assert collect(decode([data])) == collect(events)


@pytest.mark.parametrize("name", ANSWERS)
def test_our_stream_has_the_providers_own_events_in_order(name: str) -> None:
    given = streamed(ANSWERS[name])
    encoder = CHAT.encoder(call())

    data = b"".join(encoder.event(event) for event in decode([sse(*given)])) + encoder.end()

    made = [json.loads(line[6:]) for line in data.decode().splitlines() if line.startswith("data: ")]
    skipped = ("message_delta", "message_start")
    assert [_joined(e) for e in made if e["type"] not in skipped and _tells(e)] == [
        _joined(e) for e in given if e["type"] not in skipped and _tells(e)
    ]


def test_nothing_of_a_message_in_another_formats_words_is_in_ours() -> None:
    foreign = {"model": "m", "message": {"role": "assistant", "content": "", "thinking": "x"}}

    begun = CHAT.encoder(call()).event(Start("i", "m", 1, raw=foreign))

    message = json.loads(begun.decode().partition("data: ")[2])["message"]
    assert "thinking" not in message
    assert (message["id"], message["content"]) == ("i", [])


def _tells(event: dict[str, Any]) -> bool:
    """An empty piece of JSON may come or not."""
    return event.get("delta", {}).get("partial_json") not in ("", "{}")


def _joined(event: dict[str, Any]) -> Any:
    return {key: value for key, value in event.items() if value is not None}


OPENAI = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "It is.",
                "reasoning_content": "hm",
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"url": "https://x.test", "title": "X", "start_index": 0, "end_index": 2},
                    }
                ],
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
                    {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": ""}},
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 0},
    },
}


def test_another_providers_answer_is_a_message_of_this_format() -> None:
    made = parse_message(CHAT.render(OPENAI))

    thinking, words, first, second = made["content"]
    assert thinking == {"type": "thinking", "thinking": "hm", "signature": ""}
    assert words["text"] == "It is."
    assert (words["citations"][0]["url"], words["citations"][0]["cited_text"]) == ("https://x.test", "It")
    assert (first["id"], first["name"], first["input"]) == ("call_1", "f", {"a": 1})
    assert (second["id"], second["input"]) == ("call_2", {})
    assert made["stop_reason"] == "tool_use"
    assert made["usage"] == {
        "input_tokens": 40,
        "cache_read_input_tokens": 60,
        "output_tokens": 20,
        "output_tokens_details": {"thinking_tokens": 5},
    }


@pytest.mark.parametrize(
    ("finish", "native"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("content_filter", "refusal"),
        ("function_call", "tool_use"),
        (None, "end_turn"),
    ],
)
def test_every_finish_reason_has_its_stop_reason(finish: str | None, native: str) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": finish}

    assert parse_message(CHAT.render({**OPENAI, "choices": [choice]}))["stop_reason"] == native


@pytest.mark.parametrize(
    ("finish", "said", "told"),
    [
        ("stop", "stop_sequence", "stop_sequence"),
        ("length", "model_context_window_exceeded", "model_context_window_exceeded"),
        ("stop", "eos", "end_turn"),
        ("tool_calls", "stop_sequence", "tool_use"),
    ],
)
def test_what_ended_an_answer_is_said_in_its_own_word_where_the_provider_said_it(
    finish: str, said: str, told: str
) -> None:
    # Claude on Bedrock does, and what is cut at a stop sequence on our side.
    choice = {**OPENAI["choices"][0], "finish_reason": finish, "native_finish_reason": said}
    encoder = CHAT.encoder(call())
    events = [Start("i", "m", 1), Text("a"), Finish(finish, 0, said)]

    assert parse_message(CHAT.render({**OPENAI, "choices": [choice]}))["stop_reason"] == told
    assert parse_stream(b"".join(map(encoder.event, events)) + encoder.end())["stop_reason"] == told


@pytest.mark.parametrize("name", ["stop_reason", "matched_stop"])
@pytest.mark.parametrize(
    ("value", "reason", "shown"),
    [("END", "stop_sequence", "END"), ("<eos>", "end_turn", None), (151645, "end_turn", None)],
)
def test_the_stop_sequence_that_ended_an_answer_is_told_where_the_server_tells_it(
    name: str, value: Any, reason: str, shown: str | None
) -> None:
    # vLLM and SGLang do, each in its own field, where a token's number or text stands too (agentgateway/agentgateway#3283).
    sent = openai_chat.CHAT.request(openai_chat.call(stop=["END", "STOP"]), openai_chat.target())
    end = {"index": 0, "finish_reason": "stop", name: value}
    whole = {**OPENAI, "choices": [{**end, "message": {"role": "assistant", "content": "a"}}]}
    chunks = [{"index": 0, "delta": {"content": "a"}}, {**end, "delta": {"content": ""}}]
    stream = b"".join(b"data: %b\n\n" % json.dumps({**OPENAI, "choices": [one]}).encode() for one in chunks)
    read = openai_chat.CHAT.response(sent, openai_chat.JSON, json.dumps(whole).encode())[0]
    told = parse_message(CHAT.render(read))

    assert (told["stop_reason"], told["stop_sequence"]) == (reason, shown)
    for pieces in ([stream + b"data: [DONE]\n\n"], single_bytes(stream + b"data: [DONE]\n\n")):
        encoder = CHAT.encoder(call())
        events = fed(openai_chat.CHAT.decoder(sent, openai_chat.SSE), pieces)
        told = parse_stream(b"".join(map(encoder.event, events)) + encoder.end())
        assert (told["stop_reason"], told["stop_sequence"]) == (reason, shown)


def test_the_stop_sequence_that_we_cut_at_is_told() -> None:
    encoder = CHAT.encoder(call())
    events = StopFilter(["END"]).filter([Start("i", "m", 1), Text("a E"), Text("ND b")])
    choice = {"index": 0, "message": {"role": "assistant", "content": "a END b"}, "finish_reason": "stop"}
    cut = cut_at_stops({**OPENAI, "choices": [choice]}, ["END"])

    for told in (
        parse_message(CHAT.render(cut)),
        parse_stream(b"".join(map(encoder.event, events)) + encoder.end()),
    ):
        assert (told["stop_reason"], told["stop_sequence"]) == ("stop_sequence", "END")


def test_why_claude_refused_is_told_once_whole_and_streamed() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "No."}
    body = message(stop_reason="refusal", stop_details=details)

    whole = parse_message(CHAT.render(read(body)))
    flowing = parse_stream(_encoded(*decode([sse(*streamed(body))])))

    assert whole["content"] == flowing["content"] == []
    assert whole["stop_details"] == flowing["stop_details"] == details


def test_an_openai_refusal_is_text_and_a_stop_reason() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": None, "refusal": "No."}, "finish_reason": "stop"}

    made = parse_message(CHAT.render({**OPENAI, "choices": [choice]}))

    assert made["content"] == [text("No.")]
    assert made["stop_reason"] == "refusal"
    assert made["stop_details"]["explanation"] == "No."


def test_an_object_that_was_written_as_a_text_of_json_is_one() -> None:
    made = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps('{"a": 1}')}}
    choice = {"index": 0, "message": {"role": "assistant", "tool_calls": [made]}, "finish_reason": "tool_calls"}

    assert parse_message(CHAT.render({**OPENAI, "choices": [choice]}))["content"][0]["input"] == {"a": 1}


@pytest.mark.parametrize(("arguments", "shown"), [("not json", "not json"), ("[1]", [1]), ({"arguments": 1}, 1)])
def test_arguments_that_are_no_object_are_shown_to_the_client(arguments: Any, shown: Any) -> None:
    made = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    choice = {"index": 0, "message": {"content": None, "tool_calls": [made]}, "finish_reason": "tool_calls"}

    assert parse_message(CHAT.render({**OPENAI, "choices": [choice]}))["content"][0]["input"] == {"arguments": shown}


def test_an_answer_without_choices_or_usage_is_still_a_message() -> None:
    made = parse_message(CHAT.render({"id": "x", "model": "m", "choices": []}))

    assert made["content"] == []
    assert made["usage"] == {"input_tokens": 0, "output_tokens": 0}


@pytest.mark.parametrize(("told", "ended"), [(None, 70), ({"prompt_tokens": 9, "completion_tokens": 2}, 9)])
def test_the_estimate_that_a_stream_began_with_stands_only_where_nobody_counts(told: Any, ended: int) -> None:
    encoder = CHAT.encoder(call())
    encoder.estimated = 70  # type: ignore[attr-defined]
    events: list[Event] = [Start("i", "m", 1), Text("hi"), Finish("stop"), *([Usage(told)] if told else [])]

    body = b"".join(map(encoder.event, events)) + encoder.end()

    assert json.loads(body.split(b"data: ")[1].split(b"\n")[0])["message"]["usage"]["input_tokens"] == 70
    assert parse_stream(body)["usage"]["input_tokens"] == ended


def _encoded(*events: Event) -> bytes:
    encoder = CHAT.encoder(call())
    return b"".join(encoder.event(event) for event in events) + encoder.end()


def test_another_providers_stream_is_opened_and_closed_block_by_block() -> None:
    data = _encoded(
        Start("c1", "gpt", 1),
        Thinking("h", 0, 0),
        Thinking("m", 0, 0),
        Text("It "),
        Text("is."),
        ToolStart(0, "call_1", "f"),
        ToolArgs(0, '{"a"'),
        ToolArgs(0, ": 1}"),
        ToolStart(1, "call_2", "g"),
        ToolArgs(1, "{}"),
        Finish("tool_calls", 0, "tool_calls"),
        Usage({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 5}}),
    )

    made = parse_stream(data)

    assert made["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "It is."},
        {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "call_2", "name": "g", "input": {}},
    ]
    assert made["stop_reason"] == "tool_use"
    assert made["usage"]["input_tokens"] == 4
    assert made["usage"]["cache_read_input_tokens"] == 5
    assert made["usage"]["output_tokens"] == 4
    kinds = [line[7:] for line in data.decode().splitlines() if line.startswith("event: ")]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 4
    # Vercel's AI SDK sends a block back only if it was told a signature.
    assert data.count(b'"delta":{"type":"signature_delta","signature":""}') == 1


def test_blocks_that_the_upstream_never_ends_are_ended_before_the_message_is() -> None:
    events = [event for event in streamed(message(text("Hi"))) if event["type"] != "content_block_stop"]

    data = _encoded(*decode([sse(*events)]))

    kinds = [line[7:] for line in data.decode().splitlines() if line.startswith("event: ")]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert kinds.count("message_stop") == kinds.count("content_block_stop") == 1
    made = parse_stream(data)
    assert (made["stop_reason"], made["usage"]["output_tokens"]) == ("end_turn", 5)


def test_arguments_of_two_tools_that_come_interleaved_stay_apart() -> None:
    data = _encoded(
        Start("c1", "gpt", 1),
        ToolStart(0, "a", "f"),
        ToolStart(1, "b", "g"),
        ToolArgs(0, '{"x":'),
        ToolArgs(1, '{"y":2}'),
        ToolArgs(0, "1}"),
        Finish("tool_calls"),
    )

    assert [block["input"] for block in parse_stream(data)["content"]] == [{"x": 1}, {"y": 2}]


def test_signatures_and_hidden_thinking_reach_the_client() -> None:
    data = _encoded(
        Start("c1", "m", 1),
        Thinking("a", 0, 0),
        Thinking("", 0, 0, signature="s0"),
        Thinking("", 0, 1, redacted="zzz"),
        Thinking("b", 0, 2, signature="s2"),
        Text("x"),
        Finish("stop"),
    )

    assert parse_stream(data)["content"] == [
        {"type": "thinking", "thinking": "a", "signature": "s0"},
        {"type": "redacted_thinking", "data": "zzz"},
        {"type": "thinking", "thinking": "b", "signature": "s2"},
        {"type": "text", "text": "x"},
    ]


def test_what_ends_last_is_the_text_although_proofs_come_after_it() -> None:
    # Claude Code takes each block as it ends for a message of its own, and prints the last: nothing, if that is thinking.
    own = {"provider_specific_fields": {"gemini": {"parts": [{"text": "It is."}]}}}
    data = _encoded(
        Start("c1", "m", 1),
        Text("It "),
        Thinking("", 0, 0, signature="s0"),
        Text("is."),
        Thinking("", 0, 1, signature="s1"),
        Extra(own, 0),
        Finish("stop"),
    )

    content = parse_stream(data)["content"]
    ends = [json.loads(line[6:])["index"] for line in data.decode().splitlines() if '"content_block_stop"' in line]

    assert content[0] == {"type": "text", "text": "It is."}
    assert [block["type"] for block in content[1:]] == ["thinking"] * 3
    assert [block["signature"][:8] for block in content[1:]] == ["s0", "s1", "lingate#"]
    assert ends == [1, 2, 3, 0]


def test_annotations_that_have_no_counterpart_and_come_before_the_text_leave_it_whole() -> None:
    told = Annotations([{"type": "file", "file": {"hash": "4af1", "name": "plan.pdf"}}])

    data = _encoded(Start("c", "m", 1), told, Text("Up"), Text("wards."), Finish("stop"))

    assert parse_stream(data)["content"] == [{"type": "text", "text": "Upwards."}]


def test_annotations_of_another_provider_are_citations_of_the_text() -> None:
    cited = {
        "type": "url_citation",
        "url_citation": {"url": "https://x.test", "title": "X", "start_index": 0, "end_index": 2},
    }

    data = _encoded(Start("c", "m", 1), Text("It is."), Annotations([cited]), Finish("stop"))

    (block,) = parse_stream(data)["content"]
    assert block["text"] == "It is."
    assert (block["citations"][0]["url"], block["citations"][0]["cited_text"]) == ("https://x.test", "It")


def test_a_refusal_of_another_provider_is_text_and_the_reason() -> None:
    made = parse_stream(_encoded(Start("c", "m", 1), Refusal("No"), Refusal("."), Finish("stop")))

    assert made["content"] == [text("No.")]
    assert made["stop_reason"] == "refusal"
    assert made["stop_details"]["explanation"] == "No."


def test_what_the_format_has_no_place_for_makes_no_bytes() -> None:
    encoder = CHAT.encoder(call())
    encoder.event(Start("c", "m", 1))

    assert encoder.event(Text("other", choice=1)) == b""
    assert encoder.event(Media("audio", {"data": "x"})) == b""
    assert encoder.event(Opaque("gemini", {"x": 1})) == b""
    assert encoder.event(Extra({"x": 1}, 0)) == b""


@pytest.mark.parametrize("events", [(), (Text("x"),), (Finish("stop"),)])
def test_a_stream_without_a_beginning_gets_one(events: tuple[Event, ...]) -> None:
    assert parse_stream(_encoded(*events))["stop_reason"] == "end_turn"


def test_a_ping_before_the_beginning_does_not_begin_the_message() -> None:
    data = _encoded(
        Opaque("anthropic", {"type": "ping"}),
        Usage({"prompt_tokens": 2}),
        Start("c9", "m", 1),
        Text("x"),
        Finish("stop"),
    )

    assert data.startswith(b"event: ping\n")
    assert data.count(b"event: message_start") == 1
    assert parse_stream(data)["id"] == "c9"


def test_a_lone_surrogate_reaches_the_client_as_it_was() -> None:
    data = _encoded(Start("c", "m", 1), Text("\ud83d"), Text("\ude00"), Finish("stop"))

    assert b"\\ud83d" in data


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (RateLimitError("x", provider="p", status=429), 429, anthropic.RateLimitError),
        (OverloadedError("x", provider="p", status=529), 529, anthropic.InternalServerError),
        (UnsupportedError("n is not supported", param="n"), 400, anthropic.BadRequestError),
    ],
)
def test_our_errors_are_the_packages_errors(error: LingateError, status: int, kind: type[Exception]) -> None:
    made_status, body = DIALECT.render_error(error)

    assert made_status == status
    assert isinstance(raised(body, made_status), kind)


def test_an_error_in_mid_stream_is_an_error_to_the_package() -> None:
    encoder = CHAT.encoder(call())
    data = encoder.event(Start("c", "m", 1)) + encoder.event(Text("half"))
    data += encoder.error(StreamInterruptedError("cut", provider="p"))

    error = raised(data, 200, "text/event-stream")

    assert error.body["error"]["type"] == "api_error"  # type: ignore[index]
    assert b"message_stop" not in data


def test_the_upstreams_own_words_do_not_reach_a_gateways_client() -> None:
    _, body = DIALECT.render_error(RateLimitError("secret words", provider="p", status=429, detail="secret words"))

    assert b"secret" not in body


def _without_empty(value: Any) -> Any:
    """Without nulls and empty citations, which the package adds."""
    if isinstance(value, dict):
        kept = {key: _without_empty(inner) for key, inner in value.items() if inner is not None}
        kept.pop("parsed_output", None)
        return {key: inner for key, inner in kept.items() if (key, inner) != ("citations", [])}
    return [_without_empty(inner) for inner in value] if isinstance(value, list) else value


def test_a_collected_response_renders_like_a_whole_one() -> None:
    body = message(text("a"), stop_reason="max_tokens")
    collector = Collector()
    for event in decode([sse(*streamed(body))]):
        collector.add(event)

    assert parse_message(CHAT.render(collector.response())) == parse_message(CHAT.render(read(body)))


@pytest.mark.parametrize(
    ("spent", "told"),
    [
        ({"reasoning_tokens": 3, "audio_tokens": 1}, {"thinking_tokens": 3}),
        ({"audio_tokens": 1}, None),
        ({"effort_tokens": 2}, {"effort_tokens": 2}),
        ({}, None),
    ],
)
def test_what_was_thought_is_told_where_it_was_counted(spent: Any, told: Any) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 5, "completion_tokens_details": spent}

    shown = json.loads(CHAT.render({"id": "c", "model": "m", "choices": [choice], "usage": usage}))["usage"]

    assert shown.get("output_tokens_details") == told

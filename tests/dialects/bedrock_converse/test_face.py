"""As a face: what a client of this format sees of other providers' answers, and what it may not send."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lingate._dialects.bedrock_converse import DIALECT
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
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    LingateError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    RequestTimeoutError,
    UnsupportedError,
)
from tests.dialects.bedrock_converse.oracle import parse_message, parse_stream, raised, raised_in_stream
from tests.dialects.bedrock_converse.support import CHAT, COUNT, PNG, call, target

ANNOTATION = {
    "type": "url_citation",
    "url_citation": {"start_index": 0, "end_index": 2, "url": "https://x.test/", "title": "X"},
}
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
RESPONSE: dict[str, Any] = {
    "id": "c",
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": "So.",
                "reasoning_content": "hm",
                "annotations": [ANNOTATION],
                "images": [IMAGE],
                "tool_calls": [
                    {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}},
                    {"id": "t2", "type": "function", "function": {"name": "hear", "arguments": "not json"}},
                ],
            },
        }
    ],
    "usage": {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
    },
}
EVENTS: list[Event] = [
    Start("c", "m", 1),
    Thinking("h"),
    Thinking("m"),
    Text("S"),
    Text("o."),
    Annotations([ANNOTATION]),
    Media("image", IMAGE),
    ToolStart(0, "t1", "look"),
    ToolArgs(0, '{"a":'),
    ToolArgs(0, " 1}"),
    ToolStart(1, "t2", "hear"),
    ToolArgs(1, "{}"),
    Usage(RESPONSE["usage"]),
    Extra({"provider_specific_fields": {"other": {"a": 1}}}),
    Opaque("other", {"type": "x"}),
    Finish("tool_calls"),
]


def encoded(events: list[Event]) -> bytes:
    encoder = CHAT.encoder(call())
    return b"".join(encoder.event(event) for event in events) + encoder.end()


def test_another_providers_answer_is_one_of_this_format_to_the_official_package() -> None:
    answer = parse_message(CHAT.render(RESPONSE))

    assert answer["stopReason"] == "tool_use"
    assert answer["usage"] == {"inputTokens": 6, "outputTokens": 5, "totalTokens": 15, "cacheReadInputTokens": 4}
    assert answer["metrics"] == {"latencyMs": 0}
    assert answer["output"]["message"] == {
        "role": "assistant",
        "content": [
            {"reasoningContent": {"reasoningText": {"text": "hm"}}},
            {"text": "So."},
            {"citationsContent": {"citations": [{"title": "X", "location": {"web": {"url": "https://x.test/"}}}]}},
            {"image": {"format": "png", "source": {"bytes": base64.b64decode(PNG)}}},
            {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"a": 1}}},
            {"toolUse": {"toolUseId": "t2", "name": "hear", "input": {"arguments": "not json"}}},
        ],
    }


def test_another_providers_stream_is_one_of_this_format_to_the_official_package() -> None:
    events = parse_stream(encoded(EVENTS))

    names = [next(iter(event)) for event in events]
    assert names[0] == "messageStart"
    assert names[-2:] == ["messageStop", "metadata"]
    deltas = [event["contentBlockDelta"] for event in events if "contentBlockDelta" in event]
    assert [(delta["contentBlockIndex"], next(iter(delta["delta"]))) for delta in deltas] == [
        (0, "reasoningContent"),
        (0, "reasoningContent"),
        (1, "text"),
        (1, "text"),
        (2, "citation"),
        (3, "image"),
        (4, "toolUse"),
        (4, "toolUse"),
        (5, "toolUse"),
    ]
    assert [event["contentBlockStop"]["contentBlockIndex"] for event in events if "contentBlockStop" in event] == [
        *range(6)
    ]
    starts = [event["contentBlockStart"] for event in events if "contentBlockStart" in event]
    assert [next(iter(start["start"])) for start in starts] == ["image", "toolUse", "toolUse"]
    assert events[-2]["messageStop"] == {"stopReason": "tool_use"}
    assert events[-1]["metadata"]["usage"]["cacheReadInputTokens"] == 4


def test_a_stream_of_nothing_is_still_an_answer() -> None:
    assert [next(iter(event)) for event in parse_stream(encoded([]))] == ["messageStart", "messageStop", "metadata"]


def test_signatures_and_redacted_thinking_are_shown() -> None:
    thoughts: list[Event] = [
        Start("c", "m", 1),
        Thinking("hm", block=0),
        Thinking("", block=0, signature="sig"),
        Thinking("", block=1, redacted="xyz"),
        Thinking("more", block=2, signature="both"),
        Refusal("No."),
        Finish("content_filter"),
    ]

    events = parse_stream(encoded(thoughts))

    told = [
        (e["contentBlockDelta"]["contentBlockIndex"], e["contentBlockDelta"]["delta"])
        for e in events
        if "contentBlockDelta" in e
    ]
    assert told == [
        (0, {"reasoningContent": {"text": "hm"}}),
        (0, {"reasoningContent": {"signature": "sig"}}),
        (1, {"reasoningContent": {"redactedContent": b"xyz"}}),
        (2, {"reasoningContent": {"text": "more"}}),
        (2, {"reasoningContent": {"signature": "both"}}),
        (3, {"text": "No."}),
    ]
    assert events[-2]["messageStop"]["stopReason"] == "content_filtered"


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (RateLimitError("x", kind="rate_limit"), 429, "ThrottlingException"),
        (ContextLengthError("x"), 400, "ValidationException"),
        (AuthenticationError("x", provider="p"), 403, "UnrecognizedClientException"),
        (NotFoundError("x"), 404, "ResourceNotFoundException"),
        (OverloadedError("x"), 503, "ServiceUnavailableException"),
        (RequestTimeoutError("x"), 408, "ModelTimeoutException"),
        (LingateError("x"), 500, "InternalServerException"),
    ],
)
def test_our_errors_are_those_of_the_service_to_the_official_package(
    error: LingateError, status: int, name: str
) -> None:
    given, body = DIALECT.render_error(error)

    found = raised(body, given)

    assert given == status
    assert found.response["Error"]["Code"] == name
    assert found.response["Error"]["Message"]


def test_an_error_in_mid_stream_is_one_to_the_official_package() -> None:
    encoder = CHAT.encoder(call())
    begun = b"".join(encoder.event(event) for event in EVENTS[:4])

    found = raised_in_stream(begun + encoder.error(RateLimitError("x", provider="p", retry_after=3)))

    assert "throttlingException" in str(found)
    assert "Try again in 3 seconds" in str(found)
    assert "validationException" in str(raised_in_stream(encoder.error(BadRequestError("bad field"))))


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("[]", "the body must be"),
        ("{", "the body is not JSON"),
        ("{}", "messages"),
        ('{"messages": []}', "messages"),
        ('{"messages": [{"role": "user", "content": "x"}]}', r"messages\[0\].content"),
        (
            '{"messages": [{"role": "user", "content": [{"toolUse": {}}]}]}',
            r"messages\[0\].content\[0\].toolUse.toolUseId",
        ),
        ('{"messages": [{"role": "user", "content": [{"text": 5}]}]}', r"messages\[0\].content\[0\].text"),
        ('{"messages": [{"role": "bot", "content": []}]}', r"messages\[0\].role"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_with_its_place(body: str, where: str) -> None:
    with pytest.raises(BadRequestError, match=where):
        CHAT.parse_call(body.encode(), {"model": "m"})


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"inferenceConfig": {"maxTokens": "x"}}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": {"stopSequences": [1]}}, r"inferenceConfig.stopSequences\[0\]"),
        ({"toolConfig": {}}, "toolConfig.tools"),
        ({"toolConfig": {"tools": [{"toolSpec": {"name": "x"}}]}}, r"toolConfig.tools\[0\].toolSpec.inputSchema"),
        ({"toolConfig": {"tools": [], "toolChoice": {}}}, "toolConfig.toolChoice"),
        ({"outputConfig": {"textFormat": {"type": "x"}}}, "outputConfig.textFormat"),
        ({"serviceTier": {"type": "x"}}, "serviceTier.type"),
        ({"additionalModelRequestFields": 5}, "additionalModelRequestFields"),
    ],
)
def test_a_field_that_cannot_be_read_is_refused_with_its_place(fields: dict[str, Any], where: str) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "hi"}]}], **fields}

    with pytest.raises(BadRequestError, match=where):
        CHAT.parse_call(json.dumps(body).encode(), {"model": "m"})


def test_the_path_names_the_model_and_says_whether_to_stream() -> None:
    body = b'{"messages": [{"role": "user", "content": [{"text": "hi"}]}]}'

    made = CHAT.parse_call(body, {"model": "a/b", "method": "converse-stream"})

    assert (made.model, made.stream) == ("a/b", True)
    assert not CHAT.parse_call(body, {"model": "a", "method": "converse"}).stream
    with pytest.raises(BadRequestError, match="names no model"):
        CHAT.parse_call(body, {})


def test_a_count_of_something_else_is_refused() -> None:
    with pytest.raises(BadRequestError, match=r"input\.converse"):
        COUNT.parse_call(b'{"input": {}}', {"model": "m"})
    with pytest.raises(UnsupportedError):
        COUNT.encoder(call())


@pytest.mark.parametrize(
    ("messages", "where"),
    [
        ([5], r"messages\[0\]"),
        ([{"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": 5, "input": {}}}]}], "toolUse.name"),
        (
            [{"role": "user", "content": [{"citationsContent": {"content": [{}, {"text": 5}]}}]}],
            r"citationsContent.content\[1\].text",
        ),
    ],
)
@pytest.mark.parametrize("counted", [False, True])
def test_a_message_that_cannot_be_read_is_refused_with_its_place(messages: Any, where: str, counted: bool) -> None:
    form, body = (COUNT, {"input": {"converse": {"messages": messages}}}) if counted else (CHAT, {"messages": messages})

    with pytest.raises(BadRequestError, match=where):
        form.parse_call(json.dumps(body).encode(), {"model": "m"})


@pytest.mark.parametrize("schema", ["{", "5", 5])
def test_a_schema_that_is_no_json_object_in_text_is_refused(schema: Any) -> None:
    form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema}}}
    body = {"messages": [{"role": "user", "content": [{"text": "hi"}]}], "outputConfig": {"textFormat": form}}

    with pytest.raises(BadRequestError, match=r"outputConfig\.textFormat"):
        CHAT.parse_call(json.dumps(body).encode(), {"model": "m"})


@pytest.mark.parametrize(
    "block",
    [
        {"newThing": {"a": 1}, "andMore": True},
        {"guardContent": {}},
        {"document": {"format": "pdf", "source": {"bytes": "QUJD"}}},
    ],
    ids=["unknown", "an empty guard", "a nameless document"],
)
def test_blocks_that_say_little_come_back_as_they_were(block: dict[str, Any]) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "hi"}, block]}]}
    made = CHAT.parse_call(json.dumps(body).encode(), {"model": "m"})

    assert json.loads(CHAT.request(made, target()).body)["messages"] == body["messages"]


@pytest.mark.parametrize("event", [Text("b", 1), Media("audio", {"data": "QUJD", "format": "wav"}), Finish("stop", 1)])
def test_further_choices_and_sound_have_no_place_in_a_stream(event: Event) -> None:
    told = [Start("c", "m", 1), Text("a"), event, Finish("stop")]

    assert encoded(told) == encoded([told[0], told[1], told[3]])

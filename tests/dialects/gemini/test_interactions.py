"""Interactions: what is asked in their words, and what their steps say, whole, streamed, in the background and broken.

What we write is read by the types of the vendor's own package; what we read is written by them.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from google.genai import interactions as vendor
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

import lingate
from lingate._dialects._base import dialect
from lingate._model import Failed, ToolStart
from lingate.errors import (
    InternalServerError,
    LingateError,
    ProtocolError,
    RateLimitError,
    RequestTimeoutError,
    StreamInterruptedError,
    UnsupportedError,
)
from lingate.testing import FakeTransport, Reply, Streamed
from tests.conftest import RECORDINGS
from tests.dialects.hosts.support import (
    HELLO,
    KEY,
    TOOL,
    ask,
    counted,
    decode,
    ended,
    events_of,
    place,
    read,
    said,
    sse,
    wire,
)
from tests.dialects.short import collect, failed
from tests.servers import RawServer, Script

ENV = {"GEMINI_API_KEY": KEY}
FLASH = place("gemini/interactions/gemini-2.5-flash", ENV)
THREE = place("gemini/interactions/gemini-3-pro-preview", ENV)
AGENT = place("gemini/deep-research-pro-preview-12-2025", ENV)
REQUEST: TypeAdapter[Any] = TypeAdapter(vendor.CreateModelInteraction)

USAGE = {
    "total_tokens": 30,
    "total_input_tokens": 10,
    "total_output_tokens": 5,
    "total_thought_tokens": 12,
    "total_tool_use_tokens": 3,
    "total_cached_tokens": 4,
    "input_tokens_by_modality": [{"modality": "text", "tokens": 8}, {"modality": "image", "tokens": 2}],
    "output_tokens_by_modality": [{"modality": "text", "tokens": 5}],
    "cached_tokens_by_modality": [{"modality": "image", "tokens": 4}],
    "tool_use_tokens_by_modality": [{"modality": "text", "tokens": 3}],
}
THOUGHT = {"type": "thought", "signature": "c2ln", "summary": [{"type": "text", "text": "hm"}]}
CALL = {"type": "function_call", "id": "c1", "name": "f", "arguments": {"a": 1}}
SEARCH = {"type": "google_search_call", "id": "s1", "arguments": {"queries": ["a", "b"]}}


def output(*texts: str) -> dict[str, Any]:
    return {"type": "model_output", "content": [{"type": "text", "text": text} for text in texts]}


def interaction(*steps: Any, status: str = "completed", **fields: Any) -> dict[str, Any]:
    made = {"id": "v1_x", "status": status, "model": "gemini-2.5-flash", "created": "2026-05-13T19:57:40Z"}
    return {**made, "usage": USAGE, "steps": list(steps), **fields}


def checked(body: dict[str, Any]) -> dict[str, Any]:
    """The body, all of which the vendor's own types know."""
    known = REQUEST.validate_python(body)
    assert json.loads(known.model_dump_json(exclude_none=True, by_alias=True)) == body
    return body


def streamed(*events: dict[str, Any], done: bool = True) -> bytes:
    names = tuple(event["event_type"] for event in events)
    return sse(*events, names=names, done=False) + (b"event: done\ndata: [DONE]\n\n" if done else b"")


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {**fields, "event_type": kind}


def step(index: int, opened: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        event("step.start", index=index, step=opened),
        *(event("step.delta", index=index, delta=delta) for delta in deltas),
        event("step.stop", index=index),
    ]


CREATED = event("interaction.created", interaction={"id": "v1_x", "status": "in_progress", "model": "gemini-2.5-flash"})
COMPLETED = event("interaction.completed", interaction=interaction(service_tier="flex"))
TEXT = step(1, {"type": "model_output"}, {"type": "text", "text": "he"}, {"type": "text", "text": "llo"})


# What is asked.


def test_a_question_is_a_step_and_is_not_stored_by_the_vendor() -> None:
    sent = ask(FLASH)

    assert sent.url == "https://generativelanguage.googleapis.com/v1beta/interactions"
    assert sent.headers["api-revision"] == "2026-05-20"
    assert sent.headers["x-goog-api-key"] == KEY
    assert checked(json.loads(sent.body)) == {
        "model": "gemini-2.5-flash",
        "input": [{"type": "user_input", "content": [{"type": "text", "text": "hello"}]}],
        "store": False,
    }


def test_a_conversation_with_tools_goes_out_in_steps() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    file = {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD"}}
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"}},
    ]
    body = wire(
        FLASH,
        messages=[
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "see"}, image, file]},
            {"role": "assistant", "content": "ok", "tool_calls": calls},
            {"role": "tool", "tool_call_id": "c2", "content": '{"b": 2}'},
            {"role": "tool", "tool_call_id": "c1", "content": "no such file", "is_error": True},
            {"role": "user", "content": "and now?"},
        ],
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "f"}},
    )

    assert checked(body)["system_instruction"] == "be brief"
    assert body["input"] == [
        {
            "type": "user_input",
            "content": [
                {"type": "text", "text": "see"},
                {"type": "image", "data": "QUJD", "mime_type": "image/png"},
                {"type": "document", "data": "QUJD", "mime_type": "application/pdf"},
            ],
        },
        output("ok"),
        {"type": "function_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
        {"type": "function_call", "id": "c2", "name": "f", "arguments": {}},
        {"type": "function_result", "call_id": "c1", "name": "f", "result": "no such file", "is_error": True},
        {"type": "function_result", "call_id": "c2", "name": "f", "result": {"b": 2}},
        {"type": "user_input", "content": [{"type": "text", "text": "and now?"}]},
    ]
    assert body["tools"] == [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}]
    assert body["generation_config"]["tool_choice"] == {"allowed_tools": {"mode": "any", "tools": ["f"]}}


def test_a_tool_that_answers_with_a_list_or_a_picture_does_so_in_contents() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    called = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

    def result(content: Any) -> Any:
        messages = [
            *HELLO,
            {"role": "assistant", "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "c1", "content": content},
        ]
        return checked(wire(THREE, messages=messages))["input"][-1]["result"]

    assert result("[1, 2]") == "[1,2]"
    assert result([{"type": "text", "text": "see"}, image]) == [
        {"type": "text", "text": "see"},
        {"type": "image", "data": "QUJD", "mime_type": "image/png"},
    ]


def test_results_find_calls_that_had_no_ids_where_they_were_made() -> None:
    made = [f"call_g{n}_r1" for n in range(3)]  # as answers of generateContent have them
    names = ("f", "g", "f")
    calls = [
        {"id": given, "type": "function", "function": {"name": name, "arguments": "{}"}}
        for given, name in zip(made, names, strict=True)
    ]
    results = [{"role": "tool", "tool_call_id": given, "content": given[-4:]} for given in reversed(made)]
    steps = checked(wire(FLASH, messages=[*HELLO, {"role": "assistant", "tool_calls": calls}, *results]))["input"]

    called, told = steps[1:4], steps[4:]
    assert [step["name"] for step in called] == list(names)
    assert len({step["id"] for step in called}) == 3
    assert [(step["call_id"], step["name"]) for step in told] == [(step["id"], step["name"]) for step in called]
    assert [step["result"] for step in told] == ["0_r1", "1_r1", "2_r1"]


def test_each_thought_goes_back_before_what_it_was_about() -> None:
    other = {"type": "thought", "signature": "b3RoZXI="}
    steps = [THOUGHT, output("so"), other, CALL]
    message = read(FLASH, interaction(*steps))["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": "c1", "content": "1"}

    assert checked(wire(FLASH, messages=[*HELLO, message, result]))["input"][1:5] == steps


def test_what_is_elsewhere_goes_out_as_an_address_and_system_texts_stay_apart() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a.test/b.png", "detail": "high"}}
    body = wire(
        THREE,
        messages=[
            {"role": "system", "content": "be brief"},
            {"role": "developer", "content": "be kind"},
            {"role": "user", "content": [image]},
        ],
        modalities=["text"],
    )

    assert checked(body)["system_instruction"] == "be brief\n\nbe kind"
    assert body["input"][0]["content"] == [
        {"type": "image", "uri": "https://a.test/b.png", "mime_type": "image/png", "resolution": "high"}
    ]
    assert "response_format" not in body


def test_a_model_that_knows_few_levels_is_asked_for_the_nearest() -> None:
    sent = ask(THREE, reasoning_effort="medium")

    assert json.loads(sent.body)["generation_config"]["thinking_level"] == "low"
    assert sent.dropped == ["reasoning_effort (medium was sent as low)"]


def test_settings_go_out_under_their_own_names() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    body = wire(
        THREE,
        temperature=0.5,
        top_p=0.9,
        seed=7,
        max_tokens=99,
        stop=["END"],
        reasoning_effort="low",
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        modalities=["text", "audio"],
        audio={"voice": "Kore", "format": "pcm16"},
        service_tier="flex",
        safetySettings=[{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_NONE"}],
        tools=[{"type": "web_search"}, {"codeExecution": {}}, {"googleMaps": {"enableWidget": True}}],
        previous_interaction_id="v1_before",
        logprobs=False,
        n=1,
    )

    assert checked(body)["generation_config"] == {
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "max_output_tokens": 99,
        "stop_sequences": ["END"],
        "thinking_level": "low",
        "thinking_summaries": "auto",
        "speech_config": [{"voice": "Kore"}],
    }
    assert body["response_format"] == [
        {"type": "text", "mime_type": "application/json", "schema": schema},
        {"type": "audio"},
    ]
    assert body["tools"] == [
        {"type": "google_search"},
        {"type": "code_execution"},
        {"type": "google_maps", "enable_widget": True},
    ]
    assert body["safety_settings"] == [{"type": "hate_speech", "threshold": "block_none"}]
    assert body["service_tier"] == "flex"
    assert body["previous_interaction_id"] == "v1_before"
    assert "store" not in body, "the vendor must find it again"


@pytest.mark.parametrize(
    ("asked", "level"),
    [({"reasoning_effort": "none"}, "minimal"), ({"reasoning_effort": "max"}, "xhigh")]
    + [({"reasoning_effort": word}, word) for word in ("minimal", "low", "medium", "high", "xhigh")]
    + [({"thinking": {"type": "enabled", "budget_tokens": 9000}}, "high")],
)
def test_a_model_that_counted_thoughts_is_asked_by_level_too(asked: dict[str, Any], level: str) -> None:
    sent = ask(FLASH, **asked)

    assert checked(json.loads(sent.body))["generation_config"]["thinking_level"] == level
    assert bool(sent.dropped) is ("thinking" in asked), "a number that became a word is told"


@pytest.mark.parametrize(
    "asked", [{"top_k": 4}, {"presence_penalty": 1.0}, {"frequency_penalty": 1.0}, {"logprobs": True}, {"n": 2}]
)
def test_what_interactions_have_not_is_refused_by_its_name(asked: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError) as caught:
        ask(FLASH, **asked)

    assert caught.value.param in asked
    sent = ask(FLASH, drop=True, **asked)
    assert next(iter(asked)) in " ".join(sent.dropped)
    assert "generation_config" not in json.loads(sent.body)


def test_an_agent_works_in_the_background_unless_told_otherwise() -> None:
    body = wire(AGENT)

    assert body == {
        "agent": "deep-research-pro-preview-12-2025",
        "input": [{"type": "user_input", "content": [{"type": "text", "text": "hello"}]}],
        "background": True,
    }
    assert wire(AGENT, background=False)["background"] is False
    assert wire(AGENT, stream=True)["background"] is True


@pytest.mark.parametrize("store", [True, False])
def test_who_says_whether_to_store_is_taken_at_their_word(store: bool) -> None:
    sent = ask(FLASH, store=store)

    assert json.loads(sent.body)["store"] is store
    assert sent.dropped == []


# What is answered.


def test_steps_are_an_answer() -> None:
    answer = read(FLASH, interaction(THOUGHT, output("hel", "lo"), service_tier="flex"))
    message = answer["choices"][0]["message"]

    assert answer["id"] == "v1_x"
    assert answer["created"] == 1778702260
    assert answer["service_tier"] == "flex"
    assert message["content"] == "hello"
    assert message["reasoning_content"] == "hm"
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["choices"][0]["native_finish_reason"] == "completed"
    assert answer["usage"] == {
        "prompt_tokens": 13,
        "completion_tokens": 17,
        "total_tokens": 30,
        "prompt_tokens_details": {
            "text_tokens": 11,
            "image_tokens": 2,
            "cached_tokens": 4,
            "cached_tokens_details": {"image_tokens": 4},
        },
        "completion_tokens_details": {"text_tokens": 5, "reasoning_tokens": 12},
        "toolUsePromptTokenCount": 3,
        "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}],
    }
    assert read(FLASH, interaction(output("x"), service_tier="standard"))["service_tier"] == "default"
    assert "service_tier" not in read(FLASH, interaction(output("x")))


def test_thoughts_and_calls_go_back_as_they_came() -> None:
    second = {**CALL, "id": "c2"}
    answer = read(FLASH, interaction(THOUGHT, output("ok"), CALL, second, status="requires_action"))
    message = answer["choices"][0]["message"]

    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert [call["id"] for call in message["tool_calls"]] == ["c1", "c2"]
    results = [{"role": "tool", "tool_call_id": name, "content": "1"} for name in ("c1", "c2")]
    sent = checked(wire(FLASH, messages=[*HELLO, message, *results]))["input"]
    assert sent[1:5] == [THOUGHT, output("ok"), CALL, second]

    # A client keeps what OpenAI has: the thinking blocks alone are enough.
    bare = {name: message[name] for name in ("role", "content", "tool_calls", "thinking_blocks")}
    assert checked(wire(FLASH, messages=[*HELLO, bare, *results]))["input"][1]["signature"] == "c2ln"


def test_a_call_behind_its_thought_has_the_signature_where_clients_keep_it() -> None:
    thought = step(0, {"type": "thought"}, {"type": "thought_signature", "signature": "c2ln"})
    called = step(1, CALL)
    whole = read(FLASH, interaction(THOUGHT, CALL, {**CALL, "id": "c2"}))
    told = collect(events_of(FLASH, streamed(CREATED, *thought, *called, COMPLETED)))

    for answer, count in ((whole, 2), (told, 1)):
        calls = answer["choices"][0]["message"]["tool_calls"]
        assert calls[0]["extra_content"] == {"google": {"thought_signature": "c2ln"}}
        assert ["extra_content" in call for call in calls] == [True, False][:count]
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "1"} for call in calls]
        bare = {"role": "assistant", "tool_calls": calls}
        sent = checked(wire(FLASH, messages=[*HELLO, bare, *results]))["input"]
        assert sent[1:3] == [{"type": "thought", "signature": "c2ln"}, CALL]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("completed", "stop"),
        ("incomplete", "length"),
        ("requires_continuation", "length"),
        ("budget_exceeded", "length"),
    ],
)
def test_how_an_interaction_ended_is_the_finish_reason(status: str, reason: str) -> None:
    choice = read(FLASH, interaction(output("x"), status=status))["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (reason, status)

    events = events_of(
        FLASH, streamed(CREATED, *TEXT, event("interaction.completed", interaction=interaction(status=status)))
    )
    assert ended(events) == reason


def test_sources_stand_where_they_are_in_the_whole_text() -> None:
    cited = {"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 5}
    told = {
        "type": "model_output",
        "content": [
            {"type": "text", "text": "grüß "},
            {"type": "text", "text": "welt", "annotations": [{**cited, "end_index": 4}]},
        ],
    }
    message = read(FLASH, interaction(told))["choices"][0]["message"]

    [note] = message["annotations"]
    assert note["url_citation"] == {"start_index": 5, "end_index": 9, "url": "https://a.test", "title": "A"}

    deltas = (
        [{"type": "text", "text": "grüß "}],
        [
            {"type": "text", "text": "welt"},
            {"type": "text_annotation_delta", "annotations": [{**cited, "end_index": 4}]},
        ],
    )
    steps = [item for n, given in enumerate(deltas) for item in step(n, {"type": "model_output"}, *given)]
    assert collect(events_of(FLASH, streamed(CREATED, *steps, COMPLETED)))["choices"][0]["message"]["annotations"] == [
        note
    ]


def test_a_source_may_be_a_file_and_may_not_say_where_it_is_used() -> None:
    cited = [
        {"type": "file_citation", "document_uri": "https://a.test/f.pdf", "start_index": 0, "end_index": 2},
        {"type": "url_citation", "url": "https://b.test", "title": "B"},
        {"type": "url_citation", "title": "nowhere"},
    ]
    told = {"type": "model_output", "content": [{"type": "text", "text": "words", "annotations": cited}]}
    notes = read(FLASH, interaction(told))["choices"][0]["message"]["annotations"]

    assert [note["url_citation"] for note in notes] == [
        {"start_index": 0, "end_index": 2, "url": "https://a.test/f.pdf", "title": ""},
        {"start_index": 0, "end_index": 5, "url": "https://b.test", "title": "B"},
    ]


def test_a_call_may_have_no_arguments() -> None:
    for bare in ({"type": "function_call", "id": "c1", "name": "f"}, {**CALL, "arguments": None}):
        [call] = read(FLASH, interaction(bare))["choices"][0]["message"]["tool_calls"]
        assert call == {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({**CALL, "arguments": "x"}, r"steps\[0\]\.arguments: must be an object"),
        ({**CALL, "name": None}, r"steps\[0\]\.name: must be a string"),
        ("x", r"steps\[0\]: must be an object"),
    ],
)
def test_a_step_that_makes_no_sense_is_named(wrong: Any, where: str) -> None:
    with pytest.raises(ProtocolError, match=where):
        read(FLASH, interaction(wrong))


def test_an_error_in_a_step_is_told_in_its_words() -> None:
    with pytest.raises(LingateError, match="the tool broke"):
        read(FLASH, interaction({"type": "model_output", "error": {"message": "the tool broke"}}, status="failed"))
    with pytest.raises(InternalServerError, match="an interaction that is cancelled"):
        read(FLASH, interaction(status="cancelled"))


def test_searches_are_counted_as_they_are_billed() -> None:
    ran = {**USAGE, "grounding_tool_count": [{"type": "google_search", "count": 3}]}
    told = read(FLASH, interaction(SEARCH, output("x"), usage=ran))
    untold = read(FLASH, interaction(SEARCH, output("x")))
    none = read(FLASH, interaction({"type": "url_context_call", "id": "u1"}, output("x")))

    assert told["usage"]["server_tool_use"] == {"web_search_requests": 3}
    own = untold["choices"][0]["message"]["provider_specific_fields"]["gemini"]
    assert own["groundingMetadata"] == {"webSearchQueries": ["a", "b"]}
    assert own["steps"] == [SEARCH]
    assert "groundingMetadata" not in none["choices"][0]["message"]["provider_specific_fields"]["gemini"]


def test_pictures_and_sound_are_media() -> None:
    picture = {"type": "image", "data": "QUJD", "mime_type": "image/png"}
    sound = {"type": "audio", "data": "QUJD", "mime_type": "audio/l16"}
    bare = {"type": "image", "data": "QUJD"}
    away = {"type": "image", "uri": "https://a.test/b.jpg", "mime_type": "image/jpeg"}
    told = {"type": "model_output", "content": [picture, bare, away, sound]}
    message = read(FLASH, interaction(told))["choices"][0]["message"]

    urls = [image["image_url"]["url"] for image in message["images"]]
    assert urls == ["data:image/png;base64,QUJD", "data:image/png;base64,QUJD", "https://a.test/b.jpg"]
    assert message["audio"]["data"] == "QUJD"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (interaction(status="failed"), InternalServerError),
        (interaction(status="cancelled"), InternalServerError),
        (interaction(status="failed", errors=[{"code": "rate_limit_exceeded", "message": "slow down"}]), RateLimitError),
        (interaction({"type": "model_output", "error": {"code": 3, "message": "no"}}, status="failed"), LingateError),
        ({"id": "x", "steps": []}, ProtocolError),
        ({**interaction(), "steps": None}, ProtocolError),
        (interaction({"type": "function_call", "name": None, "id": "x"}), ProtocolError),
        (interaction({**CALL, "arguments": "x"}), ProtocolError),
        (interaction("x"), ProtocolError),
        ({"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}, RateLimitError),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_an_error(body: Any, error: type[LingateError]) -> None:
    with pytest.raises(error):
        read(FLASH, body)


# What is streamed.


def test_a_stream_says_what_the_whole_answer_says() -> None:
    thought = step(
        0,
        {"type": "thought"},
        {"type": "thought_summary", "content": {"type": "text", "text": "hm"}},
        {"type": "thought_signature", "signature": "c2"},
        {"type": "thought_signature", "signature": "ln"},
    )
    pieces = [{"type": "arguments_delta", "arguments": text} for text in ('{"a"', ": 1}")]
    called = step(2, {"type": "function_call", "id": "c1", "name": "f", "arguments": {}}, *pieces)
    events = events_of(FLASH, streamed(CREATED, *thought, *TEXT, *called, COMPLETED))
    whole = read(FLASH, interaction(THOUGHT, output("hello"), CALL))

    answer = collect(events)
    message, expected = answer["choices"][0]["message"], whole["choices"][0]["message"]
    assert said(events) == "hello"
    assert ended(events) == "tool_calls"
    assert counted(events) == whole["usage"]
    assert answer["service_tier"] == "flex"
    for name in ("content", "reasoning_content", "tool_calls"):
        assert message[name] == expected[name]
    results = [{"role": "tool", "tool_call_id": "c1", "content": "1"}]
    again = [checked(wire(FLASH, messages=[*HELLO, one, *results]))["input"][1:4] for one in (message, expected)]
    assert again[0] == again[1] == [THOUGHT, output("hello"), CALL]


def test_a_call_is_told_when_its_step_ends_and_a_step_may_begin_with_content() -> None:
    called = step(0, {"type": "function_call", "id": "c1", "name": "f", "arguments": {"a": 1}})
    begun = event("step.start", index=1, step=output("hel"))
    more = event("step.delta", index=1, delta={"type": "text", "text": "lo"})

    early = decode(FLASH, [streamed(CREATED, *called, done=False)])
    whole = events_of(FLASH, streamed(CREATED, *called, begun, more, COMPLETED))

    assert [one.name for one in early if isinstance(one, ToolStart)] == ["f"]
    assert said(whole) == "hello"
    assert collect(whole)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a":1}'


def test_counts_of_a_stream_are_told_before_its_end() -> None:
    counts = {"usage": {**USAGE, "total_output_tokens": 1}}
    early = event("step.delta", index=0, delta={"type": "text", "text": "x"}, metadata=counts)
    events = decode(
        FLASH, [streamed(CREATED, event("step.start", index=0, step={"type": "model_output"}), early, done=False)]
    )

    assert counted(events) is not None
    assert isinstance(failed(events), StreamInterruptedError)


def test_the_providers_own_tools_are_told_beside_a_streamed_answer() -> None:
    search = step(
        0,
        {"type": "google_search_call", "id": "s1"},
        {"type": "google_search_call", "arguments": {"queries": ["a", "b"]}},
    )
    message = collect(events_of(FLASH, streamed(CREATED, *search, *TEXT, COMPLETED)))["choices"][0]["message"]

    assert message["provider_specific_fields"]["gemini"]["steps"] == [SEARCH]


def test_a_call_that_the_limit_has_cut_is_not_told_as_one() -> None:
    begun = step(
        0, {"type": "function_call", "id": "c1", "name": "f"}, {"type": "arguments_delta", "arguments": '{"a'}
    )[:-1]
    cut = event("interaction.completed", interaction=interaction(status="incomplete"))

    events = events_of(FLASH, streamed(CREATED, *TEXT, *begun, cut))

    assert ended(events) == "length"
    assert "tool_calls" not in collect(events)["choices"][0]["message"]
    assert isinstance(failed(events_of(FLASH, streamed(CREATED, *TEXT, *begun, COMPLETED))), ProtocolError)


@pytest.mark.parametrize("kept", range(1, 7))
def test_a_stream_that_is_cut_is_never_whole(kept: int) -> None:
    events = events_of(FLASH, streamed(*[CREATED, *TEXT, COMPLETED][:kept][: len(TEXT) + 1], done=False))

    assert isinstance(failed(events), StreamInterruptedError)


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (event("error", error={"code": "rate_limit_exceeded", "message": "slow down"}), RateLimitError),
        (event("interaction.completed", interaction=interaction(status="failed")), InternalServerError),
        (event("step.start", index=2, step="x"), ProtocolError),
    ],
)
def test_a_stream_that_fails_says_why(last: dict[str, Any], error: type[LingateError]) -> None:
    events = events_of(FLASH, streamed(CREATED, *TEXT, last))

    assert said(events) == "hello"
    assert isinstance(failed(events), error)


def test_a_host_that_answers_in_one_piece_is_understood() -> None:
    events = events_of(FLASH, json.dumps(interaction(output("hello"))).encode())

    assert said(events) == "hello"


# Over HTTP, in the background, as recorded, and whatever else may come.

MODEL = "gemini/interactions/gemini-2.5-flash"
WHOLE = [json.dumps(interaction(output("hello"))).encode()]
STREAM = [streamed(CREATED, *TEXT, COMPLETED)]


async def _asked(**options: Any) -> list[str]:
    whole = await lingate.achat(MODEL, "x", **options)
    return [whole.text]


async def _listened(**options: Any) -> list[str]:
    return [chunk.text async for chunk in await lingate.achat(MODEL, "x", stream=True, **options) if chunk.text]


def test_a_chat_goes_over_http_whole_and_streamed_sync_and_async() -> None:
    with RawServer() as server:
        options: Any = {"api_base": server.url, "api_key": KEY}
        server.script = Script(WHOLE, headers={"content-type": "application/json"})
        assert lingate.chat(MODEL, "x", **options).text == "hello"
        assert asyncio.run(_asked(**options)) == ["hello"]
        server.script = Script(STREAM)
        told = [chunk.text for chunk in lingate.chat(MODEL, "x", stream=True, **options)]
        assert [text for text in told if text] == ["he", "llo"]
        assert asyncio.run(_listened(**options)) == ["he", "llo"]
        assert {head.split(b"\r\n")[0] for head in server.heads} == {b"POST /v1beta/interactions HTTP/1.1"}


def test_a_stream_is_told_as_it_comes() -> None:
    head, tail = streamed(CREATED, *TEXT[:2], done=False), streamed(*TEXT[2:], COMPLETED)
    with RawServer(Script([head, tail], pause=0.2)) as server:
        stream = lingate.chat(MODEL, "x", stream=True, api_base=server.url, api_key=KEY)
        came = [(chunk.text, time.monotonic()) for chunk in stream if chunk.text]

    assert [text for text, _ in came] == ["he", "llo"]
    assert came[1][1] - came[0][1] > 0.1, "the second was sent a while after the first"


def test_what_goes_on_in_the_background_is_asked_after() -> None:
    begun = {"id": "v1_x", "status": "queued"}
    transport = FakeTransport(
        Reply(begun), Reply({**begun, "status": "in_progress"}), Reply(interaction(output("a report")))
    )
    made = lingate.Lingate(transport=transport, env=ENV)

    assert made.chat("gemini/deep-research-pro-preview-12-2025", "x").text == "a report"

    asked = [(sent.method, sent.url.partition("/v1beta")[2]) for sent in transport.requests]
    assert asked == [("POST", "/interactions"), ("GET", "/interactions/v1_x"), ("GET", "/interactions/v1_x")]
    assert transport.requests[1].headers["x-goog-api-key"] == KEY


def test_of_a_conversation_that_is_told_later_the_end_is_the_answer() -> None:
    """Asked after, an interaction has all of its steps: what it was asked too."""
    before = [{"type": "user_input", "content": [{"type": "text", "text": "hi"}]}, output("what?"), CALL]
    result = {"type": "function_result", "call_id": "c1", "name": "f", "result": "1"}

    for asked in (before[:1], [*before, result], [*before, before[0]]):
        message = read(FLASH, interaction(*asked, THOUGHT, output("hello")))["choices"][0]["message"]
        assert (message["content"], message["reasoning_content"], message.get("tool_calls")) == ("hello", "hm", None)


def test_the_deadline_holds_in_the_background_too() -> None:
    made = lingate.Lingate(transport=FakeTransport(Reply({"id": "v1_x", "status": "in_progress"})), env=ENV)

    with pytest.raises(RequestTimeoutError):
        made.chat("gemini/deep-research-pro-preview-12-2025", "x", timeout=1.0)


def test_as_a_face_it_is_generate_content() -> None:
    form = dialect("gemini_interactions").operation("chat", "gemini")
    answer = read(FLASH, interaction(THOUGHT, output("hello"), CALL))

    told = types.GenerateContentResponse.model_validate_json(form.render(answer))

    assert told.text == "hello"
    assert told.function_calls is not None
    assert told.function_calls[0].args == {"a": 1}
    assert told.usage_metadata is not None
    assert told.usage_metadata.thoughts_token_count == 12


def _id(item: dict[str, Any]) -> str:
    return str(item["id"])


def _recorded() -> list[dict[str, Any]]:
    file = RECORDINGS / "gemini-interactions.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.is_file() else []


@pytest.mark.skipif(not _recorded(), reason="no recordings: set LINGATE_RECORDINGS")
@pytest.mark.parametrize(
    "item", [x for x in _recorded() if isinstance(x["request"]["body"].get("input"), str)], ids=_id
)
def test_a_recorded_question_is_asked_as_it_was(item: dict[str, Any]) -> None:
    asked = item["request"]["body"]
    config = asked.get("generation_config") or {}
    names = {"temperature": "temperature", "max_tokens": "max_output_tokens", "reasoning_effort": "thinking_level"}

    sent = wire(
        FLASH,
        messages=[{"role": "user", "content": asked["input"]}],
        **{ours: config[native] for ours, native in names.items() if native in config},
    )

    made = checked(sent).get("generation_config", {})
    assert {name: made.get(name) for name in names.values()} == {name: config.get(name) for name in names.values()}
    assert sent["input"][-1]["content"] == [{"type": "text", "text": asked["input"]}]


@pytest.mark.skipif(not _recorded(), reason="no recordings: set LINGATE_RECORDINGS")
@pytest.mark.parametrize("item", [x for x in _recorded() if x["response"]["status"] == 200], ids=_id)
def test_a_recorded_answer_says_what_the_provider_said(item: dict[str, Any]) -> None:
    body = item["response"]["body"]
    steps, told = _told(body)

    answer = read(FLASH, body) if isinstance(body, dict) else collect(events_of(FLASH, body.encode()))

    message = answer["choices"][0]["message"]
    output = [part for step in steps if step["type"] == "model_output" for part in step.get("content") or ()]
    assert (message["content"] or "") == "".join(part.get("text") or "" for part in output)
    calls = [step for step in steps if step["type"] == "function_call"]
    made = [
        (one["id"], one["function"]["name"], json.loads(one["function"]["arguments"]))
        for one in message.get("tool_calls", ())
    ]
    assert made == [(one["id"], one["name"], one.get("arguments") or {}) for one in calls]
    signatures = [step["signature"] for step in steps if step["type"] == "thought" and step.get("signature")]
    blocks = [one for one in message.get("thinking_blocks", ()) if one.get("signature")]
    assert all(any(proof in block["signature"] for block in blocks) for proof in signatures)
    usage = told.get("usage")
    if usage:
        written = usage["total_output_tokens"] + usage.get("total_thought_tokens", 0)
        assert answer["usage"]["prompt_tokens"] == usage["total_input_tokens"] + usage.get("total_tool_use_tokens", 0)
        assert (answer["usage"]["completion_tokens"], answer["usage"]["total_tokens"]) == (
            written,
            usage["total_tokens"],
        )


def _told(body: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The steps of an answer, and the answer without them, from its events where there are any."""
    if isinstance(body, dict):
        return body["steps"], body
    steps: dict[int, dict[str, Any]] = {}
    told: dict[str, Any] = {}
    for event in (json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")):
        told.update(event.get("interaction") or {})
        if event["event_type"] == "step.start":
            steps[event["index"]] = dict(event["step"])
        elif event["event_type"] == "step.delta":
            _add(steps[event["index"]], event["delta"])
    for step in steps.values():
        if isinstance(step.get("arguments"), str):
            step["arguments"] = json.loads(step["arguments"])
    return list(steps.values()), told


def _add(step: dict[str, Any], delta: dict[str, Any]) -> None:
    if delta["type"] == "text":
        step.setdefault("content", []).append(delta)
    elif delta["type"] == "thought_signature":
        step["signature"] = step.get("signature", "") + delta["signature"]
    elif delta["type"] == "arguments_delta":
        step["arguments"] = (step.get("arguments") or "") + delta["arguments"]


FIELDS = [
    "annotations",
    "arguments",
    "content",
    "count",
    "data",
    "delta",
    "end_index",
    "error",
    "errors",
    "event_type",
    "grounding_tool_count",
    "id",
    "index",
    "interaction",
    "metadata",
    "mime_type",
    "name",
    "queries",
    "signature",
    "start_index",
    "status",
    "step",
    "steps",
    "summary",
    "text",
    "type",
    "uri",
    "url",
    "usage",
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)


@given(ANYTHING, st.sampled_from(["completed", "incomplete", "failed"]))
def test_no_answer_makes_more_than_an_error_of_ours(value: Any, status: str) -> None:
    for body in (value, interaction(value, status=status), {**interaction(status=status), "steps": value}):
        try:
            read(FLASH, json.dumps(body).encode())
        except LingateError:
            continue


@given(
    st.lists(st.tuples(st.sampled_from(["step.start", "step.delta", "step.stop", "interaction.completed"]), ANYTHING))
)
def test_no_stream_makes_more_than_an_error_of_ours(events: list[tuple[str, Any]]) -> None:
    told = [
        event(kind, index=0, step=value, delta=value, interaction=value, metadata=value, usage=value)
        for kind, value in events
    ]
    found = decode(FLASH, [streamed(CREATED, *told, done=False)])
    assert sum(isinstance(one, Failed) for one in found) <= 1


@pytest.mark.parametrize("fault", ["overloaded", "cut"])
def test_a_stream_that_fails_before_its_first_word_is_tried_again(fault: str) -> None:
    words = {"code": "unavailable", "message": "The model is overloaded. Please try again later."}
    first = (
        [streamed(CREATED, event("error", error=words))] if fault == "overloaded" else [streamed(CREATED, done=False)]
    )
    transport = FakeTransport(Streamed(first), Streamed(STREAM))
    made = lingate.Lingate(transport=transport, env=ENV)

    with made.chat(MODEL, "x", stream=True) as stream:
        assert "".join(chunk.text for chunk in stream) == "hello"
    assert [attempt.kind for attempt in stream.attempts] == [
        "overloaded" if fault == "overloaded" else "stream_interrupted",
        "ok",
    ]


def test_a_stream_that_is_answered_in_one_piece_by_a_job_is_asked_after() -> None:
    transport = FakeTransport(Reply({"id": "v1_x", "status": "queued"}), Reply(interaction(output("hello"))))
    made = lingate.Lingate(transport=transport, env=ENV)

    with made.chat("gemini/deep-research-pro-preview-12-2025", "x", stream=True) as stream:
        assert "".join(chunk.text for chunk in stream) == "hello"
    assert [sent.method for sent in transport.requests] == ["POST", "GET"]

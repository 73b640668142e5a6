"""Whatever a provider answers, it is an error of ours or an answer that each format can tell, whole and streamed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._dialects._base import OperationFormat, dialect
from lingate._dialects._replay import replay
from lingate._model import Call, Finish, Head, HttpRequest, ProviderRow, Start, Target, ToolArgs, ToolStart
from lingate._wire import sse
from lingate.errors import LingateError
from tests.dialects.test_any_request import GARBAGE, _paths, _with

HEAD = Head(200, {"content-type": "application/json"})
HI = [{"role": "user", "content": "hi"}]
ASKED: dict[tuple[str, str], dict[str, Any]] = {
    ("openai_chat", "chat"): {"messages": HI},
    ("openai_chat", "completions"): {"prompt": "hi"},
    ("anthropic", "chat"): {"messages": HI, "max_tokens": 9},
    ("gemini", "chat"): {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    ("cohere", "chat"): {"messages": HI},
    ("ollama", "chat"): {"messages": HI},
    ("bedrock_converse", "chat"): {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
    ("openai_responses", "responses"): {"input": "hi"},
}
LOGPROB = {"token": "a", "logprob": -1, "bytes": [1], "top_logprobs": []}
ANSWERS: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "id": "c",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "logprobs": {"content": [LOGPROB], "refusal": None},
                "message": {
                    "role": "assistant",
                    "content": "x",
                    "refusal": "no",
                    "reasoning_content": "r",
                    "reasoning_details": [{"type": "reasoning.text", "text": "x", "signature": "s"}],
                    "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "start_index": 0}}],
                    "audio": {"id": "a", "data": "AAAA", "transcript": "t"},
                    "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
                    "tool_calls": [
                        {"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                        {"id": "u", "type": "custom", "custom": {"name": "g", "input": "x"}},
                    ],
                    "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s"}],
                },
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10},
    },
    "anthropic": {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "stop_reason": "tool_use",
        "content": [
            {"type": "thinking", "thinking": "t", "signature": "s"},
            {"type": "redacted_thinking", "data": "AAAA"},
            {"type": "text", "text": "x", "citations": [{"type": "web_search_result_location", "url": "u"}]},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "openai_responses": {
        "id": "r",
        "object": "response",
        "created_at": 1.5,
        "model": "m",
        "status": "completed",
        "output": [
            {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "AAAA"},
            {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "x", "annotations": []}]},
        ],
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    },
}
_STRANGE = [*GARBAGE, "\ud83d", float("nan"), [{"x": "\ud83d"}]]


@st.composite
def answers(draw: st.DrawFn) -> tuple[str, bytes]:
    """An answer with one or two things in it replaced."""
    name = draw(st.sampled_from(sorted(ANSWERS)))
    body = ANSWERS[name]
    for _ in range(draw(st.integers(0, 2))):
        body = _with(body, draw(st.sampled_from(list(_paths(body)))), draw(st.sampled_from(_STRANGE)))
    return name, json.dumps(body).encode()


def _asked(name: str, operation: str) -> tuple[OperationFormat, Call]:
    form = dialect(name).operations[operation]
    body = {"model": "m", **ASKED[name, operation]}
    return form, form.parse_call(json.dumps(body).encode(), {"model": "m"})


def _sent(name: str) -> tuple[OperationFormat, HttpRequest]:
    form, call = _asked(name, "responses" if name == "openai_responses" else "chat")
    return form, form.request(
        call, Target(row=ProviderRow(name="acme", dialect=name), model="m", url="https://x.example")
    )


FACES = [_asked(*which) for which in ASKED]


@given(answers())
def test_any_answer_is_an_error_or_can_be_told_in_every_format(answer: tuple[str, bytes]) -> None:
    form, sent = _sent(answer[0])
    try:
        data, raw = form.response(sent, HEAD, answer[1])
    except LingateError:
        return
    for face, call in FACES:
        face.render(copy.deepcopy(data))
        encoder = face.encoder(call)
        for event in replay(data, raw):
            encoder.event(event)
        encoder.end()


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("message", "tool_calls", 0, "id"), 7, "tool_calls"),
        (("message", "tool_calls", 0, "function", "arguments"), {"a": 1}, "tool_calls"),
        (("message", "tool_calls", 1, "custom", "input"), {"a": 1}, "tool_calls"),
        (("message", "thinking_blocks"), ["x"], "content"),
        (("message", "refusal"), {"why": "x"}, "content"),
        (("logprobs",), "none", "content"),
    ],
    ids=str,
)
def test_what_is_of_the_wrong_kind_does_not_take_the_rest_of_the_answer_with_it(
    path: tuple[Any, ...], value: Any, field: str
) -> None:
    form, sent = _sent("openai_chat")
    body = _with(ANSWERS["openai_chat"], ("choices", 0, *path), value)
    data, raw = form.response(sent, HEAD, json.dumps(body).encode())
    assert raw == body
    message = data["choices"][0]["message"]
    assert message[field]
    for call in message["tool_calls"]:
        inner = call[call["type"]]
        assert all(isinstance(text, str) for text in (call["id"], inner.get("arguments", inner.get("input"))))


def test_the_name_of_an_event_may_be_anything_that_came() -> None:
    assert sse.encode(b"{}", "\ud83d") == b"event: ?\ndata: {}\n\n"


@pytest.mark.parametrize("name", ["anthropic", "gemini", "ollama", "bedrock_converse"])
def test_arguments_with_line_breaks_in_their_texts_are_shown_as_the_object_that_they_are(name: str) -> None:
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"patch":"one\n\ttwo"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    answer = {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}

    wire = dialect(name).operation("chat", name).render(answer)

    assert json.dumps({"patch": "one\n\ttwo"}) in json.dumps(json.loads(wire))


@pytest.mark.parametrize("name", ["gemini", "ollama"])
def test_an_emoji_that_was_cut_in_two_is_whole_in_arguments_that_are_shown_as_an_object(name: str) -> None:
    form, call = _asked(name, "chat")
    encoder = form.encoder(call)
    pieces = [ToolArgs(0, '{"mood":"\ud83d'), ToolArgs(0, '\ude00"}')]

    told = b"".join(map(encoder.event, [Start("c", "m", 1), ToolStart(0, "t", "f"), *pieces, Finish("tool_calls")]))

    assert json.dumps({"mood": "😀"}) in (told + encoder.end()).decode().replace('":"', '": "')


@pytest.mark.parametrize("name", ["anthropic", "gemini", "cohere", "ollama", "bedrock_converse", "openai_responses"])
def test_an_old_function_call_is_a_tool_call_to_who_knows_no_other(name: str) -> None:
    message = {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": '{"a":"here"}'}}
    response = {"id": "c", "model": "m", "choices": [{"message": message, "finish_reason": "function_call"}]}
    form, call = _asked(name, "responses" if name == "openai_responses" else "chat")

    whole = form.render(response)

    assert b"look" in whole
    assert b"here" in whole
    encoder = form.encoder(call)
    streamed = b"".join(map(encoder.event, replay(response))) + encoder.end()
    assert b"look" in streamed
    assert b"here" in streamed

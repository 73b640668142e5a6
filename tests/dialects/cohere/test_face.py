"""As a face: clients' requests in, canonical answers and events out, judged by the official package."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._failure import failure
from lingate._dialects._replay import replay
from lingate._dialects.cohere import DIALECT
from lingate._model import Annotations, Finish, Head, Media, Start, Text, Thinking, ToolArgs, ToolStart, Usage
from lingate.errors import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    LingateError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
)
from tests.dialects.cohere.oracle import parse_chat, parse_models, parse_stream, plain, raised
from tests.dialects.cohere.support import (
    CHAT,
    MODELS,
    TOOL,
    answer,
    call,
    decode,
    encode,
    read,
    send,
    target,
    text,
    thought,
    tool_call,
)
from tests.dialects.cohere.test_answers import ANSWERS
from tests.dialects.short import collect

ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def _parsed(**fields: Any) -> dict[str, Any]:
    return CHAT.parse_call(json.dumps({**ASK, **fields}).encode(), {}).body


def _asked(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _parsed(messages=list(messages))["messages"]
    return found


def _again(**fields: Any) -> dict[str, Any]:
    """A request after the way through the canonical form."""
    made = CHAT.parse_call(json.dumps({**ASK, **fields}).encode(), {})
    body, sent = send(made, target())
    assert sent.dropped == []
    return {**body, "model": made.model}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"p": 0.5, "k": 3, "stop_sequences": ["x"]}, {"top_p": 0.5, "top_k": 3, "stop": ["x"]}),
        ({"max_tokens": 5, "seed": 1}, {"max_tokens": 5, "seed": 1}),
        ({"tools": [TOOL], "tool_choice": "REQUIRED"}, {"tools": [TOOL], "tool_choice": "required"}),
        ({"tools": [TOOL], "tool_choice": "NONE"}, {"tools": [TOOL], "tool_choice": "none"}),
        ({"tools": []}, {}),
        ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        (
            {"response_format": {"type": "json_object", "json_schema": {"type": "object"}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}},
                }
            },
        ),
        ({"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}),
        ({"thinking": {"type": "enabled"}}, {"reasoning_effort": "high"}),
        (
            {"thinking": {"type": "enabled", "token_budget": 9}},
            {"thinking": {"type": "enabled", "budget_tokens": 9}},
        ),
        ({"documents": ["d"], "safety_mode": "OFF"}, {"documents": ["d"], "safety_mode": "OFF"}),
        ({"temperature": None}, {}),
    ],
)
def test_a_field_has_its_canonical_name(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    parsed = _parsed(**fields)

    del parsed["messages"]
    assert parsed == expected
    given = {name: value for name, value in fields.items() if value not in (None, [])}
    assert _again(**fields) == {**ASK, "stream": False, **given}


@pytest.mark.parametrize("word", ["required", "none"])
def test_words_that_coheres_api_takes_besides_its_own_are_understood(word: str) -> None:
    schema = {"type": "object"}

    assert _again(tools=[TOOL], tool_choice=word)["tool_choice"] == word.upper()
    asked = _again(response_format={"type": "json_schema", "json_schema": schema})["response_format"]
    assert asked == {"type": "json_object", "json_schema": schema}


def test_a_stream_is_asked_for_by_a_flag() -> None:
    assert CHAT.parse_call(json.dumps({**ASK, "stream": True}).encode(), {}).stream is True
    assert CHAT.parse_call(json.dumps(ASK).encode(), {}).stream is False
    assert CHAT.parse_call(json.dumps({"messages": ASK["messages"]}).encode(), {"model": "p"}).model == "p"


def test_the_assistant_s_own_parts_become_canonical_and_come_back() -> None:
    turn = {"role": "assistant", "content": [thought("hm"), text("a"), thought("ha"), text("b")]}
    plan = {"role": "assistant", "tool_plan": "look", "tool_calls": [tool_call()]}
    result = {
        "role": "tool",
        "tool_call_id": "c1",
        "content": [{"type": "document", "document": {"data": {"x": 1}, "id": "d"}}, text("t")],
    }
    messages = [ASK["messages"][0], turn, plan, result]

    made = _asked(*messages)

    assert (made[1]["content"], made[1]["reasoning_content"]) == ([text("a"), text("b")], "hmha")
    assert (made[2]["reasoning_content"], made[2]["tool_calls"]) == ("look", [tool_call()])
    assert made[3]["content"] == [text('{"x":1}'), text("t")]
    assert _again(messages=messages)["messages"] == messages


def test_a_tool_result_that_was_edited_is_sent_as_it_is_now() -> None:
    result = {"role": "tool", "tool_call_id": "c", "content": [{"type": "document", "document": {"data": {"x": 1}}}]}
    made = CHAT.parse_call(json.dumps({**ASK, "messages": [result]}).encode(), {})
    made.body["messages"][0]["content"] = "other"

    assert send(made)[0]["messages"] == [{"role": "tool", "tool_call_id": "c", "content": "other"}]


@pytest.mark.parametrize(
    "change",
    [
        {"model": None},
        {"model": 7},
        {"messages": None},
        {"messages": []},
        {"messages": [7]},
        {"messages": [{"role": "developer", "content": "x"}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}]},
        {"stream": "yes"},
        {"temperature": "hot"},
        {"p": True},
        {"stop_sequences": "x"},
        {"tools": {}},
        {"tools": [{"type": "function"}]},
        {"tool_choice": "auto"},
        {"tool_choice": []},
        {"response_format": "json"},
        {"response_format": {"type": "json_schema"}},
        {"response_format": {"type": "json_object", "json_schema": 7}},
        {"thinking": 7},
        {"thinking": {"type": "adaptive"}},
        {"thinking": {"type": "enabled", "token_budget": "x"}},
    ],
    ids=str,
)
def test_a_request_that_is_none_is_refused_with_its_place(change: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError) as error:
        _parsed(**change)
    assert next(iter(change)) in str(error.value)


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"7", b'{"model"'])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequestError):
        CHAT.parse_call(body, {})


# --- answers


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_survives_the_way_through_the_face(body: dict[str, Any]) -> None:
    response = read(body)
    again = read(CHAT.render(response))

    for choice in (response["choices"][0], again["choices"][0]):
        del choice["native_finish_reason"]  # one that says less than the canonical one is not repeated
    assert again == response
    if body["message"].get("content") or body["message"].get("tool_calls"):
        judged = plain(parse_chat(CHAT.render(read(body))))
        assert judged["message"] == plain(parse_chat(json.dumps(body).encode()))["message"]


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_a_stream_survives_the_way_through_the_face(body: dict[str, Any]) -> None:
    response = read(body)

    again = collect(decode([encode(replay(response))]))

    assert _told(again) == _told(response)


def _told(response: dict[str, Any]) -> Any:
    """What a response says, without how its provider put it."""
    choice = response["choices"][0]
    native = choice["message"].pop("provider_specific_fields", {}).get("cohere", {})
    return choice["message"], choice["finish_reason"], response["usage"], native.get("citations")


OTHERS: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "so it is",
                "reasoning_content": "hm",
                "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"start_index": 3, "end_index": 5, "url": "https://x.test", "title": "X"},
                    }
                ],
            },
            "finish_reason": "stop",
            "logprobs": {"content": [{"token": "so", "logprob": -1.0, "bytes": [1], "top_logprobs": []}]},
        },
        {"index": 1, "message": {"role": "assistant", "content": "second"}, "finish_reason": "stop"},
    ],
    "usage": {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
}


@pytest.mark.parametrize(
    ("reason", "native", "word"),
    [("stop", "STOP", "COMPLETE"), ("length", "LENGTH", "MAX_TOKENS"), ("stop", "STOP_SEQUENCE", "STOP_SEQUENCE")],
)
def test_only_words_of_coheres_own_are_told_as_they_came(reason: str, native: str, word: str) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": reason}

    assert parse_chat(CHAT.render({"choices": [{**choice, "native_finish_reason": native}]})).finish_reason == word


def test_another_provider_s_answer_is_one_that_the_package_reads() -> None:
    made = plain(parse_chat(CHAT.render(OTHERS)))

    assert made["message"]["content"] == [thought("hm"), text("so it is")]
    citation = made["message"]["citations"][0]
    assert (citation["start"], citation["end"], citation["text"]) == (3, 5, "it")
    assert citation["sources"][0]["document"]["url"] == "https://x.test"
    assert made["finish_reason"] == "COMPLETE"
    assert made["logprobs"] == [{"text": "so", "token_ids": [], "logprobs": [-1.0]}]
    assert made["usage"]["tokens"] == {"input_tokens": 9, "output_tokens": 4, "reasoning_tokens": 1}
    assert made["usage"]["billed_units"] == {"input_tokens": 9, "output_tokens": 4}
    assert made["usage"]["cached_tokens"] == 2


def test_another_provider_s_stream_is_one_that_the_package_reads() -> None:
    made = plain(parse_stream(encode(replay(OTHERS))))

    kinds = [event["type"] for event in made]
    assert kinds == [
        "message-start",
        "content-start",
        "content-delta",
        "content-end",
        "content-start",
        "content-delta",
        "citation-start",
        "citation-end",
        "content-end",
        "message-end",
    ]
    assert made[5]["logprobs"]["text"] == "so"
    assert made[-1]["delta"]["finish_reason"] == "COMPLETE"
    assert made[-1]["delta"]["usage"]["tokens"]["input_tokens"] == 9


def test_calls_of_another_provider_have_their_own_events() -> None:
    events = [
        Start("i", "m", 1),
        Thinking("look"),
        Thinking("", signature="s"),
        ToolStart(0, "a", "f"),
        ToolArgs(0, "{}"),
        ToolStart(1, "b", "g"),
        ToolArgs(1, '{"x":'),
        ToolArgs(1, "1}"),
        Media("image", {}),
        Finish("tool_calls"),
        Usage({"prompt_tokens": 1, "completion_tokens": 2}),
    ]

    data = encode(events)

    kinds = [event["type"] for event in plain(parse_stream(data))]
    assert kinds[3:] == [
        "content-end",
        *("tool-call-start", "tool-call-delta", "tool-call-end"),
        *("tool-call-start", "tool-call-delta", "tool-call-delta", "tool-call-end"),
        "message-end",
    ]
    message = collect(decode([data]))["choices"][0]["message"]
    assert message["tool_calls"] == [tool_call("a", "f", "{}"), tool_call("b", "g", '{"x":1}')]


def test_a_refusal_is_text_and_an_answer_without_anything_is_whole() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": None, "refusal": "no"}, "finish_reason": "stop"}

    assert parse_chat(CHAT.render({"choices": [choice]})).message.content[0].text == "no"
    assert parse_chat(CHAT.render({})).finish_reason == "COMPLETE"
    assert [event["type"] for event in plain(parse_stream(encode([])))] == ["message-start", "message-end"]
    assert encode([]).endswith(b"data: [DONE]\n\n")


def test_citations_of_others_are_told_as_they_come() -> None:
    note = {"type": "file_citation", "file_citation": {"start_index": 0, "end_index": 1, "file_id": "f"}}

    made = plain(parse_stream(encode([Text("x"), Annotations([note, {"type": "odd"}]), Finish("stop")])))

    (cited,) = [event for event in made if event["type"] == "citation-start"]
    assert cited["delta"]["message"]["citations"]["sources"][0]["id"] == "f"


def test_an_error_in_mid_stream_ends_the_message() -> None:
    encoder = CHAT.encoder(call(stream=True))
    data = encoder.event(Text("hal")) + encoder.error(OverloadedError("busy", provider="p"))

    last = plain(parse_stream(data))[-1]

    assert last["delta"] == {"error": "The provider is overloaded.", "finish_reason": "ERROR"}
    assert b"[DONE]" not in data


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AuthenticationError("x", provider="p"), 401),
        (NotFoundError("x", provider="p"), 404),
        (RateLimitError("x", provider="p"), 429),
        (ContextLengthError("x", provider="p"), 400),
        (OverloadedError("x", provider="p"), 503),
    ],
    ids=lambda value: type(value).__name__,
)
def test_our_errors_are_those_of_the_package_and_of_our_own_reading(error: LingateError, status: int) -> None:
    code, body = DIALECT.render_error(error)

    assert code == status
    assert json.loads(body).keys() == {"message"}
    judged = raised(body, code)
    assert (judged.status_code, judged.body["message"]) == (status, json.loads(body)["message"])
    assert type(failure(Head(code, {}), body, target())) is type(error)


def test_models_are_listed_as_the_package_reads_them() -> None:
    listed = {
        "object": "list",
        "data": [{"id": "a", "object": "model", "created": 1, "owned_by": "x", "endpoints": ["chat"]}],
    }

    (model,) = parse_models(MODELS.render(listed)).models

    assert (model.name, model.endpoints) == ("a", ["chat"])
    made = MODELS.parse_call(b"", {"page_size": "5", "model": "a", "other": "x"})
    assert (made.model, made.body) == ("a", {"page_size": "5"})


def test_an_empty_answer_says_so() -> None:
    assert json.loads(CHAT.render(read(answer())))["message"]["content"] == [text("")]


@pytest.mark.parametrize("tools", [[], [{"type": "web", "function": None}]])
def test_tools_of_other_kinds_are_others_to_judge(tools: Any) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "tools": tools}

    assert CHAT.parse_call(json.dumps(body).encode(), {}).body.get("tools", []) == tools


def test_parts_of_other_kinds_come_back_as_they_were() -> None:
    content = [{"type": "text", "text": "hi"}, {"type": "sound", "sound": "x"}]
    made = CHAT.parse_call(json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode(), {})

    assert json.loads(CHAT.request(made, target()).body)["messages"][0]["content"] == content


def test_an_answer_whose_content_is_a_text_is_shown_in_a_list() -> None:
    citation = {"start": 0, "end": 2, "text": "so", "sources": [], "type": "TEXT_CONTENT"}
    response = read({**answer(), "message": {"role": "assistant", "content": "so", "citations": [citation]}})

    message = json.loads(CHAT.render(response))["message"]

    assert message == {"role": "assistant", "content": [{"type": "text", "text": "so"}], "citations": [citation]}


@pytest.mark.parametrize(
    ("usage", "shown"),
    [
        ({"total_tokens": 5}, {}),
        ({"prompt_tokens_details": {"image_tokens": 4}}, {"tokens": {"image_tokens": 4}}),
        (
            {"prompt_tokens": 3},
            {"billed_units": {"input_tokens": 3}, "tokens": {"input_tokens": 3}},
        ),
    ],
)
def test_counts_that_are_missing_are_not_made_up(usage: Any, shown: Any) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "so"}, "finish_reason": "stop"}

    assert json.loads(CHAT.render({"id": "c", "choices": [choice], "usage": usage}))["usage"] == shown

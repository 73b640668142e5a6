"""As a face: clients' requests in, canonical answers and events out, judged by the official package."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._failure import failure
from lingate._dialects._replay import replay
from lingate._dialects.ollama import DIALECT
from lingate._dialects.ollama.face_response import timed
from lingate._dialects.ollama.models import render_show, render_version
from lingate._model import Annotations, Finish, Head, Media, Refusal, Start, Text, Thinking, ToolArgs, ToolStart, Usage
from lingate.errors import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    LingateError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
)
from tests.dialects.ollama import oracle
from tests.dialects.ollama.support import (
    CHAT,
    EMBED,
    GENERATE,
    IMAGE,
    MODELS,
    PNG,
    TOOL,
    decode,
    encode,
    line_dicts,
    read,
    send,
    target,
    tool_call,
)
from tests.dialects.ollama.test_answers import ANSWERS
from tests.dialects.short import collect, failed

ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def _parsed(**fields: Any) -> dict[str, Any]:
    return CHAT.parse_call(json.dumps({**ASK, **fields}).encode(), {}).body


def _again(**fields: Any) -> dict[str, Any]:
    """A request after the way through the canonical form."""
    made = CHAT.parse_call(json.dumps({**ASK, **fields}).encode(), {})
    body, sent = send(made, target())
    assert sent.dropped == []
    return {**body, "model": made.model}


def test_an_answer_is_streamed_unless_the_client_says_no() -> None:
    assert CHAT.parse_call(json.dumps(ASK).encode(), {}).stream is True
    assert CHAT.parse_call(json.dumps({**ASK, "stream": False}).encode(), {}).stream is False
    assert GENERATE.parse_call(b'{"model":"m","prompt":"x"}', {}).stream is True


OPTIONS = {
    "num_predict": 9,
    "temperature": 0,
    "top_p": 0.5,
    "top_k": 3,
    "min_p": 0.1,
    "seed": 1,
    "stop": ["x"],
    "repeat_penalty": 1.2,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "num_ctx": 4096,
    "mirostat": 1,
}


def test_options_have_their_canonical_names_and_those_about_the_machine_stay_apart() -> None:
    parsed = _parsed(options=OPTIONS, keep_alive="5m")

    del parsed["messages"]
    assert parsed == {
        "max_tokens": 9,
        "temperature": 0,
        "top_p": 0.5,
        "top_k": 3,
        "min_p": 0.1,
        "seed": 1,
        "stop": ["x"],
        "repetition_penalty": 1.2,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "provider_specific_fields": {"ollama": {"keep_alive": "5m", "options": {"num_ctx": 4096, "mirostat": 1}}},
    }
    assert _again(options=OPTIONS, keep_alive="5m") == {**ASK, "stream": True, "options": OPTIONS, "keep_alive": "5m"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"format": "json"}, {"response_format": {"type": "json_object"}}),
        (
            {"format": {"type": "object"}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}},
                }
            },
        ),
        ({"think": True}, {"reasoning_effort": "medium", "provider_specific_fields": {"ollama": {"think": True}}}),
        ({"think": False}, {"reasoning_effort": "none", "provider_specific_fields": {"ollama": {"think": False}}}),
        ({"think": "high"}, {"reasoning_effort": "high", "provider_specific_fields": {"ollama": {"think": "high"}}}),
        ({"tools": [TOOL]}, {"tools": [TOOL]}),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
        ({"options": {"num_predict": -1}}, {"provider_specific_fields": {"ollama": {"options": {"num_predict": -1}}}}),
    ],
)
def test_a_field_has_its_canonical_name(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    parsed = _parsed(**fields)

    del parsed["messages"]
    assert parsed == expected
    assert _again(**fields) == {**ASK, "stream": True, **fields}


@pytest.mark.parametrize(
    "nothing", [{"format": ""}, {"tools": []}, {"options": {}}, {"options": {"seed": None}}, {"keep_alive": None}]
)
def test_what_says_nothing_is_nothing(nothing: dict[str, Any]) -> None:
    assert _parsed(**nothing) == _parsed()


def test_an_effort_that_was_changed_wins_over_the_client_s_own_word() -> None:
    made = CHAT.parse_call(json.dumps({**ASK, "think": True}).encode(), {})
    made.body["reasoning_effort"] = "low"

    assert send(made)[0]["think"] == "low"


def test_images_become_parts_and_come_back() -> None:
    message = {"role": "user", "content": "look", "images": [PNG, "/9j/4AAQ", "aGk="]}

    (made,) = _parsed(messages=[message])["messages"]

    kinds = [part["image_url"]["url"].partition(";")[0] for part in made["content"][1:]]
    assert made["content"][:2] == [{"type": "text", "text": "look"}, IMAGE]
    assert kinds == ["data:image/png", "data:image/jpeg", "data:image/png"]
    assert _again(messages=[message])["messages"] == [message]
    assert _parsed(messages=[{"role": "user", "images": [PNG]}])["messages"][0]["content"] == [IMAGE]


def test_a_conversation_with_tools_and_ids_comes_back_as_it_was() -> None:
    messages = [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": "",
            "thinking": "hm",
            "tool_calls": [tool_call(id="c1"), tool_call("b", id="c2")],
        },
        {"role": "tool", "content": "1", "tool_name": "find", "tool_call_id": "c1"},
        {"role": "tool", "content": "2", "tool_name": "b", "tool_call_id": "c2"},
    ]

    assert _again(messages=messages)["messages"] == messages


@pytest.mark.parametrize("named", [True, False])
def test_results_without_ids_are_told_by_name_and_order(named: bool) -> None:
    calls = [tool_call("a"), tool_call("b"), tool_call("a")]
    order = ["b", "a", "a"] if named else ["a", "b", "a"]
    results = [
        {"role": "tool", "content": str(n), **({"tool_name": name} if named else {})} for n, name in enumerate(order)
    ]
    messages = [{"role": "assistant", "content": "", "tool_calls": calls}, *results, {"role": "user", "content": "go"}]

    made = _parsed(messages=messages)["messages"]

    ids = [one["id"] for one in made[0]["tool_calls"]]
    names = dict(zip(ids, ["a", "b", "a"], strict=True))
    answered = [message["tool_call_id"] for message in made[1:-1]]
    assert sorted(answered) == sorted(ids)
    assert [names[one] for one in answered] == order
    assert _again(messages=messages)["messages"] == messages


def test_calls_in_messages_of_their_own_are_one_turn_whose_results_find_them() -> None:
    messages = [
        {"role": "assistant", "content": "Let me see."},
        {"role": "assistant", "tool_calls": [tool_call("a")]},
        {"role": "assistant", "tool_calls": [tool_call("b")]},
        {"role": "tool", "content": "1"},
        {"role": "tool", "content": "2"},
        {"role": "assistant", "tool_calls": [tool_call("c")]},
        {"role": "tool", "content": "3"},
    ]

    said, first, *results, second, result = _parsed(messages=messages)["messages"]

    assert said["content"] == "Let me see."
    assert [one["function"]["name"] for one in first["tool_calls"]] == ["a", "b"]
    assert [one["id"] for one in first["tool_calls"]] == [one["tool_call_id"] for one in results]
    assert [one["id"] for one in second["tool_calls"]] == [result["tool_call_id"]]


def test_a_result_that_answers_nothing_has_an_id_all_the_same() -> None:
    (made,) = _parsed(messages=[{"role": "tool", "content": "x"}])["messages"]

    assert made["tool_call_id"]


def test_roles_are_taken_in_any_case_and_unknown_fields_stay() -> None:
    (made,) = _parsed(messages=[{"role": "User", "content": "x", "new": 1}], other=2)["messages"]

    assert made == {"role": "user", "content": "x", "new": 1}
    assert _parsed(other=2)["other"] == 2


def test_a_prompt_is_a_chat_of_one_turn() -> None:
    asked = {"model": "m", "prompt": "why", "system": "be brief", "images": [PNG], "stream": False, "template": ""}

    made = GENERATE.parse_call(json.dumps(asked).encode(), {})

    assert (made.operation, made.stream) == ("chat", False)
    assert made.body["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "why"}, IMAGE]},
    ]


@pytest.mark.parametrize(
    "field",
    [{"context": [1]}, {"raw": True}, {"suffix": "x"}, {"template": "{{ .Prompt }}"}, {"width": 512}, {"steps": 4}],
)
def test_what_only_a_prompt_can_have_is_refused(field: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError, match=next(iter(field))):
        GENERATE.parse_call(json.dumps({"model": "m", "prompt": "x", **field}).encode(), {})


@pytest.mark.parametrize(
    "change",
    [
        {"model": None},
        {"messages": "hi"},
        {"messages": [7]},
        {"messages": [{"role": "x", "content": ""}]},
        {"messages": [{"role": "user", "content": [7]}]},
        {"messages": [{"role": "user", "content": "x", "images": [7]}]},
        {"messages": [{"role": "user", "content": "x", "images": "x"}]},
        {"messages": [{"role": "assistant", "content": "", "tool_calls": [7]}]},
        {"messages": [{"role": "assistant", "content": "", "tool_calls": [{"function": {}}]}]},
        {"messages": [{"role": "assistant", "content": "", "thinking": 7}]},
        {"messages": [{"role": "tool", "content": "", "tool_name": 7}]},
        {"stream": "yes"},
        {"tools": {}},
        {"tools": [7]},
        {"format": 7},
        {"format": "yaml"},
        {"think": "much"},
        {"options": 7},
        {"options": {"temperature": "hot"}},
        {"options": {"stop": 7}},
    ],
    ids=str,
)
def test_a_request_that_is_none_is_refused_with_its_place(change: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError) as error:
        _parsed(**change)
    assert next(iter(change)) in str(error.value)


# --- answers


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_survives_the_way_through_the_face(body: dict[str, Any]) -> None:
    again = read(CHAT.render(read(body)))

    assert _told(again) == _told(read(body))
    if "images" not in body["message"]:  # which the package cannot read
        judged = oracle.plain(oracle.parse_chat(json.dumps(body).encode()))
        assert oracle.plain(oracle.parse_chat(CHAT.render(read(body))))["message"] == judged["message"]


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_a_stream_survives_the_way_through_the_face(body: dict[str, Any]) -> None:
    data = encode(replay(read(body)))

    again, response = collect(decode([data])), read(body)
    for found in (again, response):
        found["choices"][0]["message"].pop("provider_specific_fields", None)
    assert _told(again) == _told(response)
    assert oracle.parse_stream(data)[-1].done is True


def _told(response: dict[str, Any]) -> Any:
    """What a response says, without ids that were made of its time, which becomes whole seconds."""
    choice = response["choices"][0]
    calls = [one["function"] for one in choice["message"].pop("tool_calls", ())]
    return choice["message"], calls, choice["finish_reason"], {**response, "id": "", "choices": []}


def test_another_provider_s_answer_is_one_that_the_package_reads() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "not json"}},
    ]
    message = {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": calls}
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}

    made = oracle.parse_chat(
        CHAT.render({"id": "i", "model": "gpt", "created": 1755697701, "choices": [choice], "usage": usage})
    )

    assert (made.message.content, made.message.thinking, made.model) == ("", "hm", "gpt")
    assert [one.function.arguments for one in made.message.tool_calls] == [{"x": 1}, {"arguments": "not json"}]
    assert (made.done, made.done_reason, made.prompt_eval_count, made.eval_count) == (True, "stop", 9, 4)
    assert made.created_at == "2025-08-20T13:48:21Z"


EVENTS = [
    Start("i", "gpt", 1755697701),
    Thinking("hm"),
    Thinking("", signature="s"),
    Text("a"),
    Text("b"),
    Annotations([]),
    Media("image", {}),
    ToolStart(0, "c0", "f"),
    ToolStart(1, "c1", "g"),
    ToolArgs(0, '{"x"'),
    ToolArgs(1, "{}"),
    ToolArgs(0, ":1}"),
    ToolArgs(9, "lost"),
    Text("late"),
    Finish("tool_calls"),
    Usage({"prompt_tokens": 9, "completion_tokens": 4}),
]


def test_another_provider_s_stream_is_lines_that_the_package_reads() -> None:
    data = encode(EVENTS)

    made = oracle.parse_stream(data)

    assert [item.message.thinking for item in made][:1] == ["hm"]
    assert "".join(item.message.content for item in made) == "ablate"
    lines = [item.message.tool_calls for item in made if item.message.tool_calls]
    assert [len(line) for line in lines] == [1, 1], "there are clients that take the calls of a line for one"
    calls = [one for line in lines for one in line]
    assert [(one.function.name, one.function.arguments) for one in calls] == [("f", {"x": 1}), ("g", {})]
    assert (made[-1].done, made[-1].done_reason, made[-1].eval_count) == (True, "stop", 4)
    assert [item.done for item in made[:-1]] == [False] * (len(made) - 1)
    indices = [one["function"]["index"] for item in line_dicts(data) for one in item["message"].get("tool_calls", ())]
    assert indices == [0, 1]


def test_the_same_stream_as_an_answer_to_a_prompt() -> None:
    made = oracle.parse_generate_stream(encode([*EVENTS[:5], Refusal("no"), Finish("length")], GENERATE))

    assert "".join(item.response for item in made) == "abno"
    assert made[0].thinking == "hm"
    assert (made[-1].done, made[-1].done_reason) == (True, "length")
    whole = {"choices": [{"message": {"content": "ab", "reasoning_content": "hm"}, "finish_reason": "stop"}]}
    assert oracle.parse_generate(GENERATE.render(whole)).response == "ab"


def test_log_probabilities_of_others_are_told() -> None:
    logprobs = {"content": [{"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}], "refusal": None}

    made = oracle.parse_stream(encode([Text("a", logprobs=logprobs), Finish("stop")]))

    assert made[0].logprobs[0].logprob == -1.0
    choice = {"message": {"content": "a"}, "finish_reason": "stop", "logprobs": logprobs}
    assert oracle.parse_chat(CHAT.render({"choices": [choice]})).logprobs[0].token == "a"


def test_an_answer_without_anything_is_whole() -> None:
    assert oracle.parse_chat(CHAT.render({})).done is True
    assert [item.done for item in oracle.parse_stream(encode([]))] == [True]


def test_an_error_in_mid_stream_is_a_line_of_its_own() -> None:
    encoder = CHAT.encoder(CHAT.parse_call(json.dumps(ASK).encode(), {}))
    data = encoder.event(Text("hal")) + encoder.error(OverloadedError("busy", provider="p"))

    assert str(oracle.raised(data, stream=True).error) == "The provider is overloaded."
    assert isinstance(failed(decode([data])), OverloadedError)


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

    judged = oracle.raised(body, code)
    assert (judged.status_code, judged.error) == (status, json.loads(body)["error"])
    assert type(failure(Head(code, {}), body, target())) is type(error)


# --- other operations


def test_vectors_are_shown_to_clients_of_both_paths() -> None:
    response = {"model": "m", "data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 3}}

    assert oracle.parse_embed(EMBED.render(response)).embeddings == [[0.5]]
    assert oracle.parse_embed(EMBED.render(response)).prompt_eval_count == 3
    assert oracle.parse_embeddings(EMBED.render(response)).embedding == [0.5]
    two = {"data": [{"embedding": [1.0]}, {"embedding": [2.0]}]}
    assert json.loads(EMBED.render(two)) == {"model": "", "embeddings": [[1.0], [2.0]]}


def test_requests_for_vectors_of_both_paths_are_read() -> None:
    new = {"model": "m", "input": ["a", "b"], "dimensions": 4, "truncate": True, "options": {"num_ctx": 9}}

    made = EMBED.parse_call(json.dumps(new).encode(), {})

    assert made.body == {
        "input": ["a", "b"],
        "dimensions": 4,
        "provider_specific_fields": {"ollama": {"truncate": True, "options": {"num_ctx": 9}}},
    }
    assert json.loads(EMBED.request(made, target()).body) == {**new, "model": "llama-test"}
    assert EMBED.parse_call(b'{"model":"m","prompt":"a"}', {}).body == {"input": "a"}


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m"},
        {"input": "a"},
        {"model": "m", "input": []},
        {"model": "m", "input": [1]},
        {"model": "m", "prompt": ["a"]},
        {"model": "m", "input": "a", "dimensions": "x"},
    ],
)
def test_a_request_for_vectors_that_is_none_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        EMBED.parse_call(json.dumps(body).encode(), {})


def test_models_and_what_is_asked_about_them() -> None:
    model = {"id": "gpt", "object": "model", "created": 1755697701, "owned_by": "x"}

    (listed,) = oracle.parse_models(MODELS.render({"data": [model]})).models
    shown = oracle.parse_show(render_show(model))

    assert (listed.model, listed.modified_at.year) == ("gpt", 2025)
    assert shown.capabilities == ["completion", "tools"]
    assert shown.modelinfo == {"general.architecture": "model", "general.basename": "gpt"}
    known = oracle.parse_show(render_show(model, 128_000, ("reasoning", "vision", "pdf_input")))
    assert known.capabilities == ["completion", "tools", "vision", "thinking"]
    assert known.modelinfo["model.context_length"] == 128_000
    assert len(listed.digest or "") == 64
    assert tuple(map(int, json.loads(render_version())["version"].split("."))) >= (0, 6, 4)
    assert MODELS.parse_call(b"", {}).operation == "models"
    own = {
        "id": "a",
        "name": "a",
        "model": "a",
        "modified_at": "2020-01-01T00:00:00Z",
        "size": 5,
        "details": {"family": "b"},
    }
    assert json.loads(MODELS.render({"data": [own]}))["models"][0]["size"] == 5


def test_whole_numbers_may_be_written_with_a_point() -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    options = {"num_predict": 128.0, "top_k": 20.0, "seed": 1.0, "temperature": 1.0}
    made = CHAT.parse_call(json.dumps({**asked, "options": options}).encode(), {}).body

    assert [repr(made[name]) for name in ("max_tokens", "top_k", "seed", "temperature")] == ["128", "20", "1", "1.0"]


def test_no_stop_sequences_are_none() -> None:
    assert "stop" not in _parsed(options={"stop": []})


@pytest.mark.parametrize("content", ["hello", [{"type": "text", "text": "hel"}, "x", {"type": "text", "text": "lo"}]])
def test_an_answer_in_parts_is_one_text(content: Any) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}

    shown = json.loads(CHAT.render({"id": "c", "created": 1, "model": "m", "choices": [choice]}))

    assert shown["message"]["content"] == "hello"


@pytest.mark.parametrize(("own", "shown"), [({"total_duration": 5}, 5), ({}, 2_000_000_000)])
def test_an_answer_is_timed_where_its_provider_did_not(own: dict[str, int], shown: int) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
    response = {"id": "c", "created": 1, "model": "m", "choices": [choice], "provider_specific_fields": {"ollama": own}}

    assert json.loads(CHAT.render(timed(response, 2.0)))["total_duration"] == shown

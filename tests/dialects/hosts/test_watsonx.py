"""watsonx: the project, the paths, the words for tools, and answers old and new."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from lingate._dialects.openai_chat import DIALECT as OPENAI_CHAT
from lingate._model import Call
from lingate.errors import (
    AuthenticationError,
    ConfigError,
    MissingCredentialError,
    ProtocolError,
    StreamInterruptedError,
    UnsupportedError,
)
from tests.dialects.gemini.strategies import requests
from tests.dialects.hosts.support import (
    KEY,
    TOOL,
    ask,
    chat_answer,
    chunk,
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

HOST = "https://us-south.ml.cloud.ibm.com"
ENV = {"WATSONX_APIKEY": KEY, "WATSONX_API_BASE": HOST, "WATSONX_PROJECT_ID": "p1"}


def at(model: str = "ibm/granite-4", **more: str) -> Any:
    return place(f"watsonx/{model}", {**ENV, **more})


def test_a_chat_and_a_stream_have_paths_of_their_own() -> None:
    assert ask(at()).url == f"{HOST}/ml/v1/text/chat?version=2024-03-13"
    assert ask(at(), stream=True).url == f"{HOST}/ml/v1/text/chat_stream?version=2024-03-13"
    assert not {"stream", "stream_options"} & set(wire(at(), stream=True))


def test_the_region_is_enough_and_the_version_may_be_another() -> None:
    to = place("watsonx/m", {"WATSONX_APIKEY": KEY, "WATSONX_REGION": "eu-de"}, api_version="2025-10-01")

    assert ask(to, project_id="p").url == "https://eu-de.ml.cloud.ibm.com/ml/v1/text/chat?version=2025-10-01"


def test_model_and_project_are_in_the_body() -> None:
    body = wire(at())

    assert (body["model_id"], body["project_id"]) == ("ibm/granite-4", "p1")
    assert "model" not in body


def test_a_space_goes_in_place_of_a_project_and_never_beside_one() -> None:
    both = at(WX_SPACE_ID="s1")

    assert "space_id" not in wire(both)
    assert wire(both, space_id="s2")["space_id"] == "s2"
    assert "project_id" not in wire(both, space_id="s2")
    assert wire(at(), project_id="p2")["project_id"] == "p2"


def test_without_either_nothing_is_sent() -> None:
    to = place("watsonx/m", {"WATSONX_APIKEY": KEY, "WATSONX_API_BASE": HOST})

    with pytest.raises(ConfigError, match="needs a project or a space"):
        ask(to)


def test_a_deployment_knows_its_own_model_and_space() -> None:
    sent = ask(at("deployment/abc-1"), stream=True)

    assert sent.url == f"{HOST}/ml/v1/deployments/abc-1/text/chat_stream?version=2024-03-13"
    assert not {"model_id", "project_id", "space_id", "model"} & set(json.loads(sent.body))


def test_words_for_the_choice_of_a_tool_have_a_field_of_their_own() -> None:
    named = {"type": "function", "function": {"name": "f"}}

    assert wire(at(), tools=[TOOL], tool_choice="required")["tool_choice_option"] == "required"
    assert wire(at(), tools=[TOOL], tool_choice=named)["tool_choice"] == named


def test_what_the_schemas_may_not_hold_is_left_out() -> None:
    parameters = {"type": "object", "properties": {"a": {"type": "object", "additionalProperties": False}}}
    tool = {"type": "function", "function": {"name": "f", "strict": True, "parameters": parameters}}

    function = wire(at(), tools=[tool])["tools"][0]["function"]

    assert function == {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "object"}}}}


def test_what_it_refuses_is_refused() -> None:
    with pytest.raises(UnsupportedError):
        ask(at(), tools=[TOOL], parallel_tool_calls=False)


def test_a_token_or_a_key_of_one_s_own_premises_needs_no_exchange() -> None:
    base = {"WATSONX_API_BASE": HOST, "WATSONX_PROJECT_ID": "p"}

    assert ask(place("watsonx/m", {**base, "WATSONX_TOKEN": "tok"})).headers["authorization"] == "Bearer tok"
    zen = ask(place("watsonx/m", {**base, "WATSONX_ZENAPIKEY": "zen"}))
    assert zen.headers["authorization"] == "ZenApiKey zen"
    with pytest.raises(MissingCredentialError, match="WATSONX_APIKEY"):
        place("watsonx/m", base)


def test_the_model_of_an_answer_may_stand_under_its_older_name() -> None:
    body = {**chat_answer(), "model_id": "ibm/granite-4", "created_at": "2026-01-01T00:00:00Z"}
    del body["model"]

    response = read(at(), body)

    assert response["model"] == "ibm/granite-4"
    assert response["created_at"] == body["created_at"]


def test_a_stream_ends_with_its_finish_reason_and_no_other_mark() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    pieces = [chunk({"role": "assistant", "content": "h"}), chunk({"content": "i"}), chunk({}, "stop")]
    data = sse(*pieces, {**chunk(), "choices": [], "usage": usage}, done=False)

    events = events_of(at(), data)

    assert (said(events), ended(events), counted(events)) == ("hi", "stop", usage)
    assert isinstance(failed(decode(at(), [sse(pieces[0], done=False)])), StreamInterruptedError)


def test_tool_calls_are_read_whole_and_streamed() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    whole = read(at(), chat_answer({"role": "assistant", "tool_calls": [call]}, "tool_calls"))
    streamed = collect(events_of(at(), sse(chunk({"tool_calls": [{"index": 0, **call}]}), chunk({}, "tool_calls"))))

    for response in (whole, streamed):
        choice = response["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        assert [item["function"] for item in choice["message"]["tool_calls"]] == [call["function"]]


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"), [("eos_token", "stop"), ("max_tokens", "length"), ("stop_sequence", "stop")]
)
def test_answers_of_text_generation_are_understood(stop_reason: str, finish_reason: str) -> None:
    result = {
        "generated_text": "2",
        "generated_token_count": 2,
        "input_token_count": 7,
        "stop_reason": stop_reason,
    }
    body = {"model_id": "google/flan-ul2", "created_at": "2024-03-10T14:39:21.676Z", "results": [result]}

    response = read(at(), body)

    choice = response["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("2", finish_reason)
    assert response["usage"] == {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    assert response["model"] == "google/flan-ul2"


def test_its_errors_are_told_apart() -> None:
    error = {
        "errors": [{"code": "authentication_token_expired", "message": "Failed"}],
        "trace": "t",
        "status_code": 401,
    }

    events = events_of(at(), sse(error, done=False))

    assert isinstance(failed(events), AuthenticationError)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b"{}", b'{"results": []}', b'{"results": [5]}', b'{"choices": 5}']
)
def test_rubbish_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(at(), body)


@settings(max_examples=300, deadline=None)
@given(requests())
def test_whatever_is_asked_the_body_is_openai_s_but_for_what_is_said_above(body: Any) -> None:
    to = at()
    made = Call("chat", to.model, body, drop_params=True)

    ours = json.loads(ask(to, drop=True, **body).body)
    plain = json.loads(OPENAI_CHAT.operations["chat"].request(made, to).body)

    assert ours.pop("model_id") == plain.pop("model")
    option = ours.pop("tool_choice_option", None)
    if option is not None:
        ours["tool_choice"] = option
    assert ours == plain

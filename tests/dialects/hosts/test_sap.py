"""SAP's orchestration: the configuration around a chat, and the envelopes around its answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from lingate._dialects.openai_chat import DIALECT as OPENAI_CHAT
from lingate._model import Call
from lingate.errors import BadRequestError, ConfigError, LingateError, ProtocolError, StreamInterruptedError
from tests.dialects.gemini.strategies import requests
from tests.dialects.hosts.support import (
    HELLO,
    TOOL,
    ask,
    chat_answer,
    chunk,
    ended,
    events_of,
    place,
    read,
    said,
    sse,
    wire,
)
from tests.dialects.short import collect, failed

URL = "https://api.ai.example/v2/inference/deployments/d1"
TOKEN = {"authorization": "Bearer ey.token"}
SERVICE_KEY = {
    "clientid": "c1",
    "clientsecret": "s1",
    "url": "https://auth.example",
    "serviceurls": {"AI_API_URL": "https://api.ai.example"},
}


def at(model: str = "gpt-4o", **given: Any) -> Any:
    return place(f"sap/{model}", {}, api_base=URL, headers=TOKEN, **given)


@pytest.mark.parametrize(
    "env",
    [
        {"AICORE_SERVICE_KEY": json.dumps(SERVICE_KEY, indent=2)},
        {"AICORE_SERVICE_KEY": json.dumps({"credentials": SERVICE_KEY})},
        {"AICORE_BASE_URL": "https://api.ai.example/v2"},
        {"AICORE_BASE_URL": "https://api.ai.example"},
    ],
)
def test_the_address_comes_from_the_service_key_or_from_variables(env: dict[str, str]) -> None:
    to = place("sap/gpt-4o", {**env, "AICORE_DEPLOYMENT_ID": "d1"}, headers=TOKEN)

    assert ask(to).url == f"{URL}/v2/completion"
    assert ask(to).headers["ai-resource-group"] == "default"


def test_without_a_deployment_the_variables_are_named() -> None:
    with pytest.raises(ConfigError, match="AICORE_DEPLOYMENT_ID"):
        place("sap/gpt-4o", {"AICORE_SERVICE_KEY": json.dumps(SERVICE_KEY)})


def test_a_chat_is_a_template_and_a_model_with_parameters() -> None:
    body = wire(at(), max_tokens=5, temperature=0.5, tools=[TOOL], tool_choice="auto", stop=["x"])

    assert body == {
        "config": {
            "modules": {
                "prompt_templating": {
                    "prompt": {"template": HELLO, "tools": [TOOL]},
                    "model": {
                        "name": "gpt-4o",
                        "version": "latest",
                        "params": {"max_tokens": 5, "temperature": 0.5, "tool_choice": "auto", "stop": ["x"]},
                    },
                }
            }
        }
    }


def test_a_stream_and_a_version_are_asked_for_in_their_places() -> None:
    config = wire(at(), stream=True, model_version="2024-08-06")["config"]

    assert config["stream"] == {"enabled": True, "chunk_size": 100}
    assert config["modules"]["prompt_templating"]["model"]["version"] == "2024-08-06"
    own = wire(at(), stream=True, stream_options={"chunk_size": 5, "include_usage": True})["config"]
    assert own["stream"]["enabled"] is True


def test_a_format_belongs_to_the_prompt() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}

    assert (
        wire(at(), response_format=form)["config"]["modules"]["prompt_templating"]["prompt"]["response_format"] == form
    )


@pytest.mark.parametrize("name", ["final_result", "orchestration_result"])
def test_the_answer_is_inside_and_what_is_around_it_is_kept(name: str) -> None:
    body = {"request_id": "r1", "intermediate_results": {"templating": []}, name: chat_answer()}

    response = read(at(), body)

    assert response["choices"][0]["message"]["content"] == "hi"
    assert response["id"] == "c1"
    assert response["request_id"] == "r1"
    assert response["usage"]["total_tokens"] == 5


@pytest.mark.parametrize("done", [True, False])
def test_streamed_answers_are_inside_each_event(done: bool) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    pieces = [chunk({"role": "assistant", "content": "h"}), chunk({"content": "i"}), chunk({}, "stop", usage=usage)]
    first = {"request_id": "r1", "intermediate_results": {"templating": [1]}, "final_result": {"choices": [], "id": ""}}
    data = sse(first, *({"request_id": "r1", "final_result": piece} for piece in pieces), done=done)

    events = events_of(at(), data)

    assert (said(events), ended(events)) == ("hi", "stop")
    assert collect(events)["usage"] == usage
    assert any(event.raw and "final_result" in event.raw for event in events)  # type: ignore[union-attr]


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf \n"])
def test_a_stream_that_is_answered_in_one_piece_is_read_and_so_is_an_error_instead(before: bytes) -> None:
    body = {"request_id": "r1", "final_result": chat_answer()}

    events = events_of(at(), before + json.dumps(body).encode())

    assert (said(events), ended(events)) == ("hi", "stop")
    assert all(event.raw in (None, body) for event in events)  # type: ignore[union-attr]
    refused = {"error": {"code": 400, "message": "400 - LLM Module: no", "location": "LLM Module"}}
    assert isinstance(failed(events_of(at(), before + json.dumps(refused).encode())), BadRequestError)
    assert isinstance(failed(events_of(at(), before + b'{"final_result": ')), LingateError)


def test_rubbish_in_a_stream_makes_no_sense_but_half_an_event_at_its_end_was_cut() -> None:
    begun = sse({"final_result": chunk({"content": "h"})}, done=False)

    assert isinstance(failed(events_of(at(), begun + b"data: rubbish\n\n" + begun)), ProtocolError)
    assert isinstance(failed(events_of(at(), begun + b'data: {"final_res')), StreamInterruptedError)


@pytest.mark.parametrize("wrapped", [True, False])
def test_errors_of_the_modules_are_told_apart(wrapped: bool) -> None:
    error = {
        "request_id": "r1",
        "code": 400,
        "message": "400 - LLM Module: temperature must be at most 2",
        "location": "LLM Module",
    }
    body = {"error": error} if wrapped else error

    with pytest.raises(BadRequestError):
        read(at(), json.dumps(body).encode())
    assert isinstance(failed(events_of(at(), sse(body, done=False))), BadRequestError)


@pytest.mark.parametrize("body", [b"{}", b'{"final_result": 5}', b'{"final_result": {"choices": 5}}', b"no"])
def test_rubbish_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(at(), body)


@settings(max_examples=200, deadline=None)
@given(requests())
def test_whatever_is_asked_all_of_it_is_somewhere_in_the_configuration(body: Any) -> None:
    to = at()
    plain = json.loads(OPENAI_CHAT.operations["chat"].request(Call("chat", to.model, body, drop_params=True), to).body)

    module = wire(to, drop=True, **body)["config"]["modules"]["prompt_templating"]

    flat = {
        **module["model"].get("params", {}),
        "model": module["model"]["name"],
        "messages": module["prompt"]["template"],
    }
    flat |= {name: value for name, value in module["prompt"].items() if name != "template"}
    assert flat == plain

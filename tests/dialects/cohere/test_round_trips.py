"""What the model must get back to go on with its tools survives the faces that other clients speak."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._call.collect import Collector
from lingate._dialects._base import dialect
from lingate._dialects._replay import replay
from lingate._model import Call, Head, ProviderRow, Target
from tests.dialects.cohere.support import answer, text, thought, tool_call
from tests.dialects.ollama.support import answer as ollama_answer
from tests.dialects.ollama.support import tool_call as ollama_call

FACES = ["openai_chat", "anthropic", "cohere", "ollama"]
COHERE = answer(
    tool_plan="I look.", tool_calls=[tool_call("c1"), tool_call("c2", "other", "{}")], finish_reason="TOOL_CALL"
)
OLLAMA = ollama_answer("", thinking="I look.", calls=[ollama_call(id="c1"), ollama_call("other", {}, id="c2")])
UPSTREAMS = {"cohere": COHERE, "ollama": OLLAMA}


def _target(name: str) -> Target:
    return Target(row=ProviderRow(name="acme", dialect=name), model="m", url="https://api.acme.test")


def _answered(upstream: str) -> dict[str, Any]:
    form, to = dialect(upstream).operations["chat"], _target(upstream)
    sent = form.request(Call("chat", "m", {"messages": [{"role": "user", "content": "hi"}]}), to)
    return form.response(sent, Head(200, {}), json.dumps(UPSTREAMS[upstream]).encode())[0]


def _client_turn(face: str, body: dict[str, Any]) -> dict[str, Any]:
    """What a client of a face sends back, given what it was shown."""
    if face == "openai_chat":
        message = body["choices"][0]["message"]
        results = [{"role": "tool", "tool_call_id": one["id"], "content": "r"} for one in message["tool_calls"]]
    elif face == "anthropic":
        message = {"role": "assistant", "content": body["content"]}
        uses = [block for block in body["content"] if block["type"] == "tool_use"]
        blocks = [{"type": "tool_result", "tool_use_id": one["id"], "content": "r"} for one in uses]
        results = [{"role": "user", "content": blocks}]
    elif face == "cohere":
        message = body["message"]
        results = [{"role": "tool", "tool_call_id": one["id"], "content": "r"} for one in message["tool_calls"]]
    else:
        message = body["message"]
        results = [
            {"role": "tool", "tool_name": one["function"]["name"], "content": "r"} for one in message["tool_calls"]
        ]
    return {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}, message, *results]}


def _sent_back(upstream: str, face: str, response: dict[str, Any]) -> list[dict[str, Any]]:
    form = dialect(face).operations["chat"]
    shown = json.loads(form.render(response))
    call = form.parse_call(json.dumps(_client_turn(face, shown)).encode(), {})
    sent = dialect(upstream).operations["chat"].request(call, _target(upstream))
    found: list[dict[str, Any]] = json.loads(sent.body)["messages"]
    return found


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_reasoning_and_calls_go_back_through_any_face(upstream: str, face: str) -> None:
    made = _sent_back(upstream, face, _answered(upstream))

    turn, first, second = made[1], made[2], made[3]
    native = UPSTREAMS[upstream]["message"]
    plan = "tool_plan" if upstream == "cohere" else "thinking"
    assert turn[plan] == native[plan]
    assert [(one["id"], one["function"]) for one in turn["tool_calls"]] == [
        (one["id"], one["function"]) for one in native["tool_calls"]
    ]
    assert (first["tool_call_id"], second["tool_call_id"]) == ("c1", "c2")


@pytest.mark.parametrize("face", ["openai_chat", "cohere"])
def test_what_only_cohere_has_goes_back_too(face: str) -> None:
    citation = {"start": 0, "end": 2, "text": "it", "sources": [{"type": "tool", "id": "c:0"}], "content_index": 1}
    native = answer(thought("hm"), text("it is"), text(" so"), citations=[citation])["message"]
    form, to = dialect("cohere").operations["chat"], _target("cohere")
    sent = form.request(Call("chat", "m", {"messages": [{"role": "user", "content": "hi"}]}), to)
    body = {"id": "i", "finish_reason": "COMPLETE", "message": native}
    response = form.response(sent, Head(200, {}), json.dumps(body).encode())[0]

    shown = json.loads(dialect(face).operations["chat"].render(response))
    message = shown["choices"][0]["message"] if face == "openai_chat" else shown["message"]
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}, message, {"role": "user", "content": "go"}]}
    call = dialect(face).operations["chat"].parse_call(json.dumps(asked).encode(), {})

    assert json.loads(form.request(call, to).body)["messages"][1] == native


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_a_stream_of_one_format_reads_the_same_in_another(upstream: str, face: str) -> None:
    response = _answered(upstream)
    form, to = dialect(face).operations["chat"], _target(face)
    call = Call("chat", "m", {"messages": [{"role": "user", "content": "hi"}]}, stream=True)
    encoder = form.encoder(call)

    data = b"".join(encoder.event(event) for event in replay(response)) + encoder.end()
    decoder = form.decoder(form.request(call, to), Head(200, {"content-type": encoder.content_type}))
    collector = Collector()
    for event in decoder.feed(data) + decoder.finish():
        collector.add(event)

    again, first = collector.response()["choices"][0], response["choices"][0]
    assert again["finish_reason"] == first["finish_reason"] == "tool_calls"
    assert again["message"]["reasoning_content"] == first["message"]["reasoning_content"]
    assert again["message"]["tool_calls"] == first["message"]["tool_calls"]

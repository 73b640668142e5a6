"""What only its provider understands of an answer comes back to it as it was, whatever format the client between speaks.

Each answer goes out through a face to a client, which sends it back with the results of the tools; what then goes to the
provider is compared with what a client without anything between would have sent.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._round_trip import round_trip_fields
from lingate._model import Call, Traits
from lingate._providers.rows import PROXIES
from tests.fidelity.clients import client_of
from tests.fidelity.formats import (
    Answer,
    answers,
    base_of,
    chats,
    faces,
    parse,
    pass_on,
    read,
    target,
    told_through,
    turn_through,
)
from tests.fidelity.gist import secrets_in
from tests.fidelity.losses import LOSSES, NATIVE
from tests.fidelity.providers import provider_of
from tests.fidelity.talk import JsonDict, Talk, canonical

CASES = [
    pytest.param(face, upstream, answer, id=f"{face}-{upstream}-{case}")
    for face in faces()
    for upstream in faces()
    for case, answer in answers(upstream).items()
]
MODES = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def directly(upstream: str, answer: Answer, talk: Talk) -> list[Any]:
    """What a client of the provider itself would send back: of the whole answer, and of its stream."""
    client = client_of(upstream)
    turns = [client.turn_of(answer.data)]
    if talk.stream:
        turns.append(client.turn_of_stream(provider_of(base_of(upstream)).stream(answer.body)[0]))
    return [client.said_in(json.loads(client.ask(talk, turn))) for turn in turns]


def is_lost(face: str, upstream: str, answer: Answer) -> bool:
    message = read(upstream, answer.data)["choices"][0]["message"]
    held = secrets_in(message) or round_trip_fields(message, face)
    return any(loss.way == "turn" and loss.what == NATIVE and loss.applies(face, upstream, held) for loss in LOSSES)


@MODES
@pytest.mark.parametrize(("face", "upstream", "answer"), CASES)
def test_a_providers_own_turn_comes_back_to_it_as_it_was(
    face: str, upstream: str, answer: Answer, stream: bool
) -> None:
    talk = Talk(stream=stream)
    turn = turn_through(face, upstream, answer, stream)

    sent = pass_on(face, upstream, talk, turn, answer.traits).sent

    said = client_of(upstream).said_in(json.loads(sent.body))
    expected = directly(upstream, answer, talk)
    if is_lost(face, upstream, answer):
        assert said not in expected
    else:
        assert said in expected


@MODES
@pytest.mark.parametrize(("face", "upstream", "answer"), CASES)
def test_results_are_told_to_belong_to_the_calls_that_were_made(
    face: str, upstream: str, answer: Answer, stream: bool
) -> None:
    talk = Talk(stream=stream)

    back = pass_on(face, upstream, talk, turn_through(face, upstream, answer, stream), answer.traits).back

    calls = [call["id"] for message in back.body["messages"] for call in message.get("tool_calls") or ()]
    results = [message["tool_call_id"] for message in back.body["messages"] if message["role"] == "tool"]
    assert results == calls


@MODES
@pytest.mark.parametrize(("face", "upstream", "answer"), CASES)
def test_a_providers_own_turn_is_shown_to_no_other(face: str, upstream: str, answer: Answer, stream: bool) -> None:
    """A conversation that moves on to another provider takes along what is said, and no proof that it cannot check."""
    message = read(upstream, answer.data)["choices"][0]["message"]
    secrets = secrets_in(message)
    client = client_of(face)
    talk = Talk(stream=stream)
    call = parse(face, client.ask(talk, turn_through(face, upstream, answer, stream)), client.path(talk))
    call.drop_params = True

    others = [name for name in faces() if name not in _AKIN.get(upstream, (upstream,))]
    bodies = {name: chats()[name].request(call, target(name)).body.decode() for name in others}

    assert {name: [s for s in secrets if s in body] for name, body in bodies.items()} == {name: [] for name in others}


UPSTREAM_CASES = [
    pytest.param(name, answer, id=f"{name}-{case}") for name in faces() for case, answer in answers(name).items()
]


@MODES
@pytest.mark.parametrize(("upstream", "answer"), UPSTREAM_CASES)
def test_a_program_behind_a_gateway_of_ours_keeps_a_providers_own_turn(
    upstream: str, answer: Answer, stream: bool
) -> None:
    """The SDK speaks OpenAI's format to the gateway, which speaks the provider's own."""
    talk, (gateway, _) = Talk(stream=stream), PROXIES
    message = told_through("openai_chat", upstream, answer, stream)["choices"][0]["message"]
    call = Call("chat", talk.model, canonical(talk, message), stream=stream)

    sent = chats()["openai_chat"].request(call, target("openai_chat", gateway.traits))

    passed_on = parse("openai_chat", sent.body, sent.url)
    reached = chats()[upstream].request(passed_on, target(upstream, answer.traits))
    assert client_of(upstream).said_in(json.loads(reached.body)) in directly(upstream, answer, talk)
    assert sent.dropped == []


_AKIN = {
    "anthropic": ("anthropic", "bedrock_converse", "openai_chat"),
    "bedrock_converse": ("anthropic", "bedrock_converse", "openai_chat"),
    "gemini": ("gemini", "openai_chat"),
    "openai_chat": ("anthropic", "bedrock_converse", "gemini", "openai_chat"),
}
"""Formats in which the models of one maker are served: their signatures hold in all of them."""


MARK = {"type": "ephemeral"}
MARKED: dict[str, JsonDict] = {
    "anthropic": {
        "system": [{"type": "text", "text": "Rules.", "cache_control": MARK}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "A long text.", "cache_control": MARK}]}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "cache_control": MARK}],
        "max_tokens": 99,
    },
    "bedrock_converse": {
        "system": [{"text": "Rules."}, {"cachePoint": {"type": "default"}}],
        "messages": [{"role": "user", "content": [{"text": "A long text."}, {"cachePoint": {"type": "default"}}]}],
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}},
                {"cachePoint": {"type": "default"}},
            ]
        },
    },
    "openai_chat": {
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "Rules.", "cache_control": MARK}]},
            {"role": "user", "content": [{"type": "text", "text": "A long text.", "cache_control": MARK}]},
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}, "cache_control": MARK}
        ],
    },
}
"""The same request in the formats in which clients say what is to be cached."""

MARKING: dict[str, Traits] = {"anthropic": {}, "bedrock_converse": {}, "openai_chat": {"cache_control": True}}
"""Traits of providers that are told."""


def marks(body: JsonDict) -> dict[str, Any]:
    """Where a canonical request bears marks."""
    places = {message["role"]: _mark_of(message) for message in body["messages"]}
    return places | {tool["function"]["name"]: tool.get("cache_control") for tool in body["tools"]}


def _mark_of(message: JsonDict) -> Any:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return next((part["cache_control"] for part in parts if part.get("cache_control")), message.get("cache_control"))


@pytest.mark.parametrize("upstream", faces())
@pytest.mark.parametrize("face", MARKED)
def test_marks_for_the_cache_arrive_or_are_reported_as_left_out(face: str, upstream: str) -> None:
    data = json.dumps({"model": "model-1", **MARKED[face]}).encode()
    call = parse(face, data, client_of(face).path(Talk()))
    assert marks(call.body) == {"system": MARK, "user": MARK, "f": MARK}

    sent = chats()[upstream].request(call, target(upstream, MARKING.get(upstream)))

    back = parse(upstream, sent.body, sent.url).body
    if upstream in MARKING:
        assert marks(back) == {"system": MARK, "user": MARK, "f": MARK}
    else:
        assert marks(back) == {"system": None, "user": None, "f": None}
        assert "cache_control" in sent.dropped

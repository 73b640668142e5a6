"""Requests of every kind against the backend itself: no sockets, so many of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate.simulator.backend import Backend, Config, HttpCall
from lingate.simulator.stats import Stats
from lingate.simulator.steps import Begin, Send
from lingate.simulator.turn import ROUTES, find_route
from tests.simulator.wire import ANTHROPIC, OPENAI

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 5000) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _object(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional={name: part | _json for name, part in fields.items()})


_parts = st.lists(
    _object(
        type=st.sampled_from(["text", "image_url", "image", "file", "tool_use", "tool_result", "thinking", "document"]),
        text=st.text(max_size=9),
        image_url=_object(
            url=st.sampled_from(["data:image/png;base64,iVBORw0KGgo=", "data:,x", "https://x.example/a"])
        ),
        source=_object(type=st.just("base64"), media_type=st.just("image/png"), data=st.just("iVBORw0KGgo=")),
        id=st.just("c1"),
        name=st.just("find"),
        input=_json,
        tool_use_id=st.just("c1"),
        content=st.text(max_size=5),
        cache_control=st.just({"type": "ephemeral"}),
    ),
    max_size=3,
)
_messages = st.lists(
    _object(
        role=st.sampled_from(["user", "assistant", "system", "tool", "developer"]),
        content=st.text(max_size=20) | _parts,
        tool_calls=st.lists(
            _object(id=st.just("c1"), type=st.just("function"), function=_object(name=st.just("find"))), max_size=2
        ),
        tool_call_id=st.just("c1"),
    ),
    min_size=1,
    max_size=4,
)
_schemas = _object(
    type=st.sampled_from(["object", "string", "array", "integer"]),
    properties=st.dictionaries(st.text("ab", min_size=1, max_size=2), _object(type=st.just("string")), max_size=2),
    required=st.lists(st.text("ab", min_size=1, max_size=2), max_size=2),
    items=_object(type=st.just("number")),
    enum=st.lists(_json, max_size=3),
)
_bodies = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["sim", "sim-words-3", "sim-parallel-2"]),
        "messages": _messages,
        "max_tokens": st.just(500),
    },
    optional={
        "stream": st.booleans(),
        "tools": st.lists(
            _object(type=st.just("function"), function=_object(name=st.just("find"), parameters=_schemas))
            | _object(name=st.just("find"), input_schema=_schemas),
            max_size=2,
        ),
        "tool_choice": st.sampled_from(["auto", "required", "none"]) | _object(type=st.sampled_from(["any", "tool"])),
        "response_format": _object(type=st.just("json_schema"), json_schema=_object(schema=_schemas)),
        "thinking": _object(type=st.sampled_from(["enabled", "disabled"]), budget_tokens=st.just(1024)),
        "reasoning_effort": st.sampled_from(["low", "none"]) | _json,
        "reasoning": _json,
        "stop": st.text(max_size=3) | _json,
        "stop_sequences": st.lists(st.text(max_size=2), max_size=2),
        "n": st.integers(-1, 3) | _json,
        "logprobs": st.booleans(),
        "top_logprobs": st.integers(0, 3) | _json,
        "cache_control": _json,
    },
)


def run(path: str, body: bytes, backend: Backend | None = None, **headers: str) -> tuple[int, bytes]:
    """Status and bytes of the answer."""
    exchange = (backend or Backend(Config(), Stats(10))).respond(HttpCall("POST", path, "", headers, body))
    status, sent = 0, b""
    for step in exchange.steps:
        if isinstance(step, Begin):
            status = step.status
        elif isinstance(step, Send):
            sent += step.data
    return status, sent


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC])
@given(body=_bodies)
@settings(max_examples=150, deadline=None)
def test_any_body_is_answered_or_refused_and_always_alike(path: str, body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()

    status, sent = run(path, raw)

    assert status in (200, 400)
    assert sent
    assert run(path, raw) == (status, sent)


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC, "/embeddings", "/messages/count_tokens"])
@given(raw=st.binary(max_size=30) | _json.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=80, deadline=None)
def test_garbage_is_a_400(path: str, raw: bytes) -> None:
    status, sent = run(path, raw)

    assert status == 400
    assert json.loads(sent)["error"]["message"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/chat/completions", ("openai_chat", "chat")),
        ("/v1/messages", ("anthropic", "chat")),
        ("/anthropic/v1/messages/count_tokens", ("anthropic", "count_tokens")),
        ("/v1/embeddings", ("openai_chat", "embeddings")),
    ],
)
def test_the_longest_path_decides(path: str, expected: tuple[str, str]) -> None:
    found = find_route("POST", path, {})

    assert found is not None
    assert (found[0].dialect, found[0].operation) == expected


def test_the_list_of_models_is_anthropics_for_its_clients() -> None:
    assert find_route("GET", "/v1/models", {"anthropic-version": "2023-06-01"})[0].dialect == "anthropic"  # type: ignore[index]
    assert find_route("GET", "/v1/models", {})[0].dialect == "openai_chat"  # type: ignore[index]
    assert find_route("GET", "/v1/models/some-name", {})[1] == {"model": "some-name"}  # type: ignore[index]


def test_every_route_has_its_dialect() -> None:
    from lingate._dialects._base import dialect

    for route in ROUTES:
        assert route.operation in dialect(route.dialect).operations, route.path

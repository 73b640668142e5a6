"""Whatever a caller writes into a request, each format sends it or refuses it with one of our errors, and changes nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._dialects._base import dialect
from lingate._dialects._format_choice import form_of
from lingate._endpoints import chat
from lingate._model import Call, Target, Traits, replaced
from lingate._providers import lookup
from lingate.errors import LingateError

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
CALLS = [
    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
    {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "x"}},
]
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": ["integer", "null"], "anyOf": [{"type": "string"}, {"$ref": "#/$defs/x"}]}},
    "required": ["a"],
    "$defs": {"x": {"type": "string", "enum": ["b"]}},
}
BODY: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "hi"},
                PICTURE,
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ],
        },
        {
            "role": "assistant",
            "content": "x",
            "reasoning_content": "r",
            "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "AAAA"}],
            "tool_calls": CALLS,
            "provider_specific_fields": {
                "gemini": {"parts": [{"text": "x"}]},
                "cohere": {"content": [{"type": "text", "text": "x"}]},
                "bedrock_converse": {"content": [{"text": "x"}]},
                "openai_responses": {"items": [{"type": "message"}]},
            },
        },
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "1"}, PICTURE]},
        {"role": "tool", "tool_call_id": "c2", "content": "2"},
        {"role": "assistant", "content": "a", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "{}"},
        {"role": "developer", "content": "d"},
        {"role": "user", "content": "go"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "f", "description": "d", "strict": True, "parameters": SCHEMA}},
        {"type": "custom", "custom": {"name": "g"}},
        {"type": "web_search_20250305", "name": "web_search"},
        {"functionDeclarations": [{"name": "h"}]},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
    },
    "response_format": {"type": "json_schema", "json_schema": {"name": "o", "schema": SCHEMA, "strict": True}},
    "reasoning_effort": "high",
    "thinking": {"type": "enabled", "budget_tokens": 2000},
    "stop": ["a", "b"],
    "max_tokens": 5000,
    "temperature": 0.5,
    "logit_bias": {"1": 2},
    "metadata": {"user_id": "x"},
    "modalities": ["text", "audio"],
    "audio": {"voice": "v", "format": "wav"},
    "service_tier": "flex",
    "stream_options": {"include_usage": True},
    "web_search_options": {"user_location": {"type": "approximate", "approximate": {"country": "DE"}}},
    "provider_specific_fields": {"gemini": {"generationConfig": {"x": 1}}, "openai_responses": {"reasoning": {}}},
}
GARBAGE = [
    None, 0, -1, True, "", "x", "{", 1.5, 10**30, [], {}, [None], [1], ["x"], [[]], [{}], {"x": 1}, {"type": ["x"]},
    {"type": "x"}, {"type": None}, {"type": "none"}, {"type": "auto"}, {"text": 1}, {"name": 1}, "s3://b/k", "data:,x",
]  # fmt: skip
ROWS = {row.dialect: row for row in lookup.rows()}
TRAITS: list[Traits] = [
    {},
    {"structured": "tool"},
    {"structured": "json_object"},
    {"structured": "none", "thinking": "none"},
    {"thinking": "adaptive", "tool_choice_required": "auto"},
]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from _paths(item, (*path, key))


def _with(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(body)
    inside: Any = body
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    return body


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """The request with one thing in it replaced, and without some of the rest, which may be refused before it."""
    path = draw(st.sampled_from(list(_paths(BODY))))
    body = _with(BODY, path, draw(st.sampled_from(GARBAGE)))
    left_out = draw(st.sets(st.sampled_from(sorted(BODY.keys() - {"messages", path[0]}))))
    return {name: value for name, value in body.items() if name not in left_out}


def _from_a_client(body: dict[str, Any]) -> Call:
    return dialect("openai_chat").operations["chat"].parse_call(json.dumps({"model": "m", **body}).encode(), {})


def _from_a_program(body: dict[str, Any]) -> Call:
    return chat.prepare("m", body["messages"], {name: body[name] for name in body if name != "messages"})[0]


@pytest.mark.parametrize("read", [_from_a_client, _from_a_program])
@given(body=bodies(), traits=st.sampled_from(TRAITS), drop=st.booleans(), stream=st.booleans())
def test_any_request_is_sent_or_refused_in_every_format(
    read: Any, body: dict[str, Any], traits: Traits, drop: bool, stream: bool
) -> None:
    try:
        call = replaced(read(body), drop_params=drop, stream=stream)
    except LingateError:
        return
    before = copy.deepcopy(call.body)
    for name, row in ROWS.items():
        to = Target(row=row, model="claude-sonnet-4-6", url="https://x.example", traits={**row.traits, **traits})
        try:
            dialect(name).operation("chat", row.name).request(call, to)
        except LingateError:
            pass
        assert call.body == before, name


def test_a_tool_that_is_left_out_leaves_nothing_in_its_place() -> None:
    row = ROWS["gigachat_chat"]
    body = {"messages": [{"role": "user", "content": "hi"}], "tools": [BODY["tools"][0], {"type": "web_search"}]}
    to = Target(row=row, model="m", url="https://x.example", traits=row.traits)
    sent = dialect(row.dialect).operation("chat", row.name).request(Call("chat", "m", body, drop_params=True), to)
    assert [function["name"] for function in json.loads(sent.body)["functions"]] == ["f"]
    assert any("tools" in item for item in sent.dropped)


WILD: list[tuple[str, dict[str, Any]]] = [
    ("anthropic", {"max_tokens": 9, "service_tier": ["x"]}),
    ("anthropic", {"max_tokens": 9, "tools": [{"type": ["x"], "name": "n"}]}),
    ("anthropic", {"max_tokens": 9, "thinking": {"type": "adaptive"}, "output_config": {"effort": ["high"]}}),
    ("ollama", {"tools": [{"type": {}}]}),
    ("openai_responses", {"service_tier": {}}),
    ("openai_responses", {"text": {"format": {"type": ["x"]}}}),
    ("bedrock_converse", {"serviceTier": {"type": []}}),
]
ASKED = {
    "openai_responses": {"input": "hi"},
    "bedrock_converse": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
}


@pytest.mark.parametrize(("face", "fields"), WILD, ids=str)
@pytest.mark.parametrize("traits", TRAITS, ids=str)
def test_what_one_format_lets_through_no_other_stumbles_over(face: str, fields: dict[str, Any], traits: Traits) -> None:
    operation = "responses" if face == "openai_responses" else "chat"
    asked = ASKED.get(face, {"messages": [{"role": "user", "content": "hi"}]})
    try:
        call = dialect(face).operations[operation].parse_call(json.dumps({**asked, **fields}).encode(), {"model": "m"})
    except LingateError:
        return
    for row in ROWS.values():
        to = Target(row=row, model="claude-sonnet-4-6", url="https://x.example", traits={**row.traits, **traits})
        try:
            form_of(to, operation).request(replaced(call, drop_params=True), to)
        except LingateError:
            pass


@pytest.mark.parametrize(
    "name", ["openai_chat", "openai_responses", "anthropic", "gemini", "cohere", "ollama", "bedrock_converse"]
)
@pytest.mark.parametrize("traits", TRAITS[:2], ids=str)
def test_what_a_schema_is_of_is_told_the_model_or_reported(name: str, traits: Traits) -> None:
    form = {"name": "o", "description": "A city of Mars.", "schema": {"type": "object", "properties": {}}}
    wanted = {"type": "json_schema", "json_schema": form}
    body = {"messages": [{"role": "user", "content": "hi"}], "response_format": wanted}
    to = Target(row=ROWS[name], model="claude-sonnet-4-6", url="https://x.example", traits=traits)

    sent = dialect(name).operation("chat", name).request(Call("chat", "m", body), to)

    assert (b"A city of Mars." in sent.body) != ("response_format.json_schema.description" in sent.dropped)


@pytest.mark.parametrize(
    "name", ["openai_chat", "openai_responses", "anthropic", "gemini", "cohere", "ollama", "bedrock_converse"]
)
@pytest.mark.parametrize("traits", TRAITS[:2], ids=str)
@pytest.mark.parametrize("kind", ["json_schema", "json_object"])
def test_a_schema_that_stands_beside_its_type_is_the_schema(name: str, traits: Traits, kind: str) -> None:
    # As Together and llama.cpp take it.
    wanted = {"type": kind, "schema": {"type": "object", "properties": {"moons": {"type": "integer"}}}}
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "response_format": wanted}
    to = Target(row=ROWS[name], model="claude-sonnet-4-6", url="https://x.example", traits=traits)
    call = dialect("openai_chat").operation("chat", "x").parse_call(json.dumps(body).encode(), {})

    sent = dialect(name).operation("chat", name).request(call, to)

    assert b"moons" in sent.body


def test_a_schema_that_stands_beside_its_type_goes_on_as_it_is_where_that_is_taken() -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    body = {"messages": [{"role": "user", "content": "hi"}], "response_format": chat.response_format(wanted)[0]}
    to = Target(row=ROWS["openai_chat"], model="m", url="https://x.example")

    sent = dialect("openai_chat").operation("chat", "x").request(Call("chat", "m", body), to)

    assert json.loads(sent.body)["response_format"] == wanted

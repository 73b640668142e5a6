"""Canonical requests as users write them, at random."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import strategies as st

text = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)
names = st.from_regex(r"[a-z][a-z0-9_]{0,15}", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(names, values, max_size=4)
data = st.binary(min_size=1, max_size=12).map(lambda raw: base64.b64encode(raw).decode())

parts = st.one_of(
    st.builds(lambda t: {"type": "text", "text": t}, text),
    st.builds(
        lambda kind, d, detail: {
            "type": "image_url",
            "image_url": {"url": f"data:image/{kind};base64,{d}", **({"detail": detail} if detail else {})},
        },
        st.sampled_from(["png", "jpeg", "webp"]),
        data,
        st.sampled_from([None, "auto", "low", "high"]),
    ),
    st.builds(
        lambda name: {"type": "image_url", "image_url": {"url": f"https://example.org/{name}"}},
        st.sampled_from(["a.png", "b.jpg?x=1", "c"]),
    ),
    st.builds(
        lambda kind, d: {"type": "input_audio", "input_audio": {"format": kind, "data": d}},
        st.sampled_from(["wav", "mp3"]),
        data,
    ),
    st.builds(
        lambda d: {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{d}"}}, data
    ),
    st.just({"type": "file", "file": {"file_id": "gs://bucket/x.pdf"}}),
)
content = text | st.lists(parts, min_size=1, max_size=4)


def schema() -> st.SearchStrategy[dict[str, Any]]:
    leaf = st.sampled_from(
        [
            {"type": "string"},
            {"type": "integer", "minimum": 0},
            {"type": "string", "enum": ["a", "b"]},
            {"type": ["string", "null"]},
            {"const": "x"},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            {"$ref": "#/$defs/thing"},
            {"type": "number", "exclusiveMinimum": 0},
        ]
    )
    inner = st.recursive(
        leaf,
        lambda node: st.one_of(
            st.builds(lambda i: {"type": "array", "items": i}, node),
            st.dictionaries(names, node, min_size=1, max_size=3).map(
                lambda p: {"type": "object", "properties": p, "required": sorted(p), "additionalProperties": False}
            ),
        ),
        max_leaves=5,
    )
    return st.dictionaries(names, inner, min_size=1, max_size=3).map(
        lambda p: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": p,
            "required": sorted(p)[:1],
            "additionalProperties": False,
            "$defs": {"thing": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        }
    )


tools = st.lists(
    st.builds(
        lambda name, about, parameters: {
            "type": "function",
            "function": {"name": name, "description": about, "parameters": parameters},
        },
        names,
        text,
        schema() | st.just({"type": "object", "properties": {}}),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda tool: tool["function"]["name"],
)


@st.composite
def turns(draw: Any) -> list[dict[str, Any]]:
    """A few exchanges, some with tool calls, and the message that is to be answered."""
    messages: list[dict[str, Any]] = []
    for role in draw(st.lists(st.sampled_from(["system", "developer"]), max_size=2)):
        messages.append({"role": role, "content": draw(text)})
    number = 0
    for _ in range(draw(st.integers(0, 3))):
        messages.append({"role": "user", "content": draw(content)})
        calls = draw(st.lists(st.tuples(names, objects), max_size=2))
        made = [
            {
                "id": f"call_{(number := number + 1)}",
                "type": "function",
                "function": {"name": n, "arguments": json.dumps(a)},
            }
            for n, a in calls
        ]
        message: dict[str, Any] = {"role": "assistant", "content": draw(st.none() | text) if made else draw(text)}
        if made:
            message["tool_calls"] = made
        messages.append(message)
        for one in made:
            messages.append(
                {"role": "tool", "tool_call_id": one["id"], "content": draw(text | objects.map(json.dumps))}
            )
        if draw(st.booleans()):
            messages.append({"role": "system", "content": draw(text)})
    if not messages or messages[-1]["role"] != "tool":
        messages.append({"role": "user", "content": draw(content)})
    return messages


@st.composite
def requests(draw: Any) -> dict[str, Any]:
    """A canonical request."""
    body: dict[str, Any] = {"messages": draw(turns())}
    options: dict[str, Any] = {
        "temperature": st.floats(0, 2).map(lambda x: round(x, 2)),
        "top_p": st.floats(0, 1).map(lambda x: round(x, 2)),
        "top_k": st.integers(1, 100),
        "n": st.integers(1, 3),
        "seed": st.integers(0, 1000),
        "presence_penalty": st.sampled_from([-1.5, 0, 0.5]),
        "frequency_penalty": st.sampled_from([0, 1.5]),
        "max_tokens": st.integers(1, 5000),
        "max_completion_tokens": st.integers(1, 5000),
        "stop": text | st.lists(text, max_size=8),
        "logprobs": st.booleans(),
        "top_logprobs": st.integers(0, 5),
        "tools": tools,
        "tool_choice": st.sampled_from(["auto", "none", "required"]),
        "parallel_tool_calls": st.just(True),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh"]),
        "response_format": st.one_of(
            st.just({"type": "json_object"}),
            st.just({"type": "text"}),
            schema().map(
                lambda s: {"type": "json_schema", "json_schema": {"name": "thing", "schema": s, "strict": True}}
            ),
        ),
        "modalities": st.sampled_from([["text"], ["text", "image"]]),
        "service_tier": st.sampled_from(["auto", "default", "flex", "priority"]),
        "web_search_options": st.just({}),
        "user": text,
        "store": st.just(False),
    }
    for name in draw(st.lists(st.sampled_from(sorted(options)), unique=True, max_size=8)):
        body[name] = draw(options[name])
    if "tools" in body and draw(st.booleans()):
        name = body["tools"][0]["function"]["name"]
        body["tool_choice"] = {"type": "function", "function": {"name": name}}
    return body

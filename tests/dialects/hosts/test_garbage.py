"""Whatever a host sends: an answer, or one of our errors; never anything else, and nothing that was sent is changed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate._model import Failed
from lingate._wire.sse import MAX_EVENT_BYTES
from lingate.errors import LingateError, ProtocolError
from tests.dialects.hosts.support import JSON, SSE, ask, decode, form, place, read
from tests.dialects.hosts.test_texts import AGENT, FLOW, GRAPH, NLP, REPLICATE, TGI
from tests.dialects.short import failed

TOKEN = {"authorization": "Bearer t"}
PLACES = [
    place("azure/dep", {"AZURE_API_KEY": "k", "AZURE_API_BASE": "https://x.example"}),
    place("azure_ai/claude-x", {"AZURE_AI_API_KEY": "k", "AZURE_AI_API_BASE": "https://x.example"}),
    place("vertex_ai/claude-x", {"VERTEXAI_PROJECT": "p"}, headers=TOKEN),
    place("vertex_ai/meta/llama", {"VERTEXAI_PROJECT": "p"}, headers=TOKEN),
    place("watsonx/m", {"WATSONX_TOKEN": "t", "WATSONX_REGION": "x", "WATSONX_PROJECT_ID": "p"}),
    place("gigachat/m", {"GIGACHAT_ACCESS_TOKEN": "t"}),
    place("sap/m", {}, api_base="https://x.example", headers=TOKEN),
    place("databricks/m", {"DATABRICKS_HOST": "https://x.example", "DATABRICKS_TOKEN": "t"}),
    place("snowflake/m", {"SNOWFLAKE_ACCOUNT": "a", "SNOWFLAKE_TOKEN": "t"}),
    TGI,
    NLP,
    FLOW,
    GRAPH,
    AGENT,
    REPLICATE,
]
_each = pytest.mark.parametrize("to", PLACES, ids=lambda to: f"{to.provider}-{to.row.dialect}")

_WORDS = st.sampled_from(
    [
        "choices", "message", "delta", "content", "tool_calls", "function", "function_call", "name", "arguments", "usage",
        "finish_reason", "final_result", "orchestration_result", "results", "generated_text", "details", "token", "text",
        "result", "kind", "status", "state", "parts", "artifacts", "artifact", "outputs", "output", "messages", "type",
        "id", "model", "index", "error", "code", "urls", "get", "stream", "values", "metrics", "prompt_tokens",
    ]
)  # fmt: skip
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "stop", "x", "message", "task", "succeeded", "starting", "ai", "failed", "text", "function_call"]
    ),
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=5), max_leaves=25
)


@_each
@settings(max_examples=150, deadline=None)
@given(value=_VALUES)
def test_a_body_of_any_shape_is_an_answer_or_an_error_of_ours(to: Any, value: Any) -> None:
    data = json.dumps(value).encode()
    sent = ask(to)
    try:
        response, raw = form(to).response(sent, JSON, data)
    except LingateError:
        return

    assert raw in (value, {"data": value}, *(value if isinstance(value, list) else ()))
    assert isinstance(response["choices"], list)
    for choice in response["choices"]:
        assert choice["finish_reason"] in ("stop", "length", "tool_calls", "content_filter", "function_call")


@_each
@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(st.tuples(st.sampled_from(["", "messages", "output", "error", "done", "end"]), _VALUES), max_size=5)
)
def test_a_stream_of_any_shape_is_events_and_at_most_one_failure(to: Any, values: Any) -> None:
    before = copy.deepcopy(values)
    data = b"".join(
        (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(value).encode() + b"\n\n"
        for name, value in values
    )

    events = decode(to, [data, b"data: [DONE]\n\n"])

    assert values == before
    assert all(not isinstance(event, Failed) for event in events[:-1])


@_each
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=60), head=st.sampled_from([SSE, JSON]))
def test_bytes_of_any_kind_are_events_and_at_most_one_failure(to: Any, data: bytes, head: Any) -> None:
    events = decode(to, [data], head)

    assert all(not isinstance(event, Failed) for event in events[:-1])
    with pytest.raises(LingateError):
        form(to).response(ask(to), head, b"\x00" + data)


@pytest.mark.parametrize(
    "to", [TGI, place("gigachat/m", {"GIGACHAT_ACCESS_TOKEN": "t"}), place("ollama/m", {})], ids=str
)
def test_an_event_that_never_ends_is_a_failure(to: Any) -> None:
    """A host that is broken, or hostile, must not fill the memory."""
    decoder = form(to).decoder(ask(to, stream=True), SSE)

    events = decoder.feed(b"data: " + bytes(MAX_EVENT_BYTES))

    assert isinstance(failed(events), ProtocolError)
    assert not decoder.done
    assert decoder.feed(b"data: [DONE]\n\n") == decoder.finish() == []


@pytest.mark.parametrize("to", [FLOW, GRAPH], ids=lambda to: to.row.dialect)
@pytest.mark.parametrize("odd", [{"outputs": [{"outputs": 5}]}, {"outputs": [{"outputs": [5]}]}, {"messages": [5]}])
def test_an_answer_of_another_shape_makes_no_sense(to: Any, odd: Any) -> None:
    with pytest.raises(ProtocolError):
        read(to, odd)

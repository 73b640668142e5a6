"""Conversations as any caller may have them, for the properties that hold for all of them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MAYBE_EMPTY = st.one_of(st.none(), st.just(""), st.just("  "), WORDS)
NAMES = st.sampled_from(["look", "hear", "feel"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(WORDS, JSON, max_size=2)
TEXT_PARTS = st.builds(lambda text: {"type": "text", "text": text}, WORDS)
UNMARKED: Any = st.just({})

OPTIONS: dict[str, Any] = {
    "tool_choice": st.sampled_from(["auto", "none", "required", {"type": "function", "function": {"name": "look"}}]),
    "parallel_tool_calls": st.booleans(),
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0, 1),
    "top_k": st.integers(0, 9),
    "max_tokens": st.integers(1, 50_000),
    "stop": st.one_of(WORDS, st.lists(WORDS, max_size=6)),
    "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    "response_format": st.sampled_from(
        [
            {"type": "text"},
            {"type": "json_object"},
            {"type": "json_schema", "json_schema": {"name": "look", "schema": {"type": "object", "properties": {}}}},
        ]
    ),
    "user": st.just("u"),
    "n": st.integers(1, 2),
    "seed": st.integers(),
    "frequency_penalty": st.floats(-2, 2),
}
"""Parameters of a chat that every format has something to say to."""


def joined(*parts: Any) -> Any:
    """One dictionary out of several strategies of dictionaries."""
    return st.tuples(*parts).map(lambda found: {key: value for part in found for key, value in part.items()})


def function_calls(ids: Any) -> Any:
    """Calls of functions, with arguments that are an object."""
    return st.builds(
        lambda given, name, arguments: {
            "id": given,
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        },
        ids,
        NAMES,
        OBJECTS,
    )


def functions(**more: Any) -> Any:
    """Tools that are functions; `more` are further fields of them."""
    fields = {"strict": st.sampled_from([None, True, False]), **more}
    return st.builds(
        lambda name, given: {"type": "function", "function": {"name": name, "parameters": {"type": "object"}, **given}},
        NAMES,
        st.fixed_dictionaries(fields),
    )


def messages(
    content: Any, *, ids: Any, calls: Any, thoughts: Any, said: Any, results: Any, mark: Any = UNMARKED
) -> Any:
    """Messages of every role: `said` is what an assistant says, `results` what tools do, `content` everybody else."""
    return st.one_of(
        joined(st.builds(lambda c: {"role": "user", "content": c}, content), mark),
        joined(
            st.builds(lambda r, c: {"role": r, "content": c}, st.sampled_from(["system", "developer"]), WORDS), mark
        ),
        joined(
            st.builds(
                lambda c, made: {"role": "assistant", "content": c, "tool_calls": made},
                said,
                st.lists(calls, max_size=2),
            ),
            thoughts,
            mark,
        ),
        joined(st.builds(lambda i, c: {"role": "tool", "tool_call_id": i, "content": c}, ids, results), mark),
    )

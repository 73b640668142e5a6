"""LiteLLM's TypedDicts: dicts whose fields nobody checks, for annotations and for code that builds messages with them."""

from __future__ import annotations

from typing import Any, TypedDict


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    made = globals()[name] = TypedDict(name, {}, total=False)  # type: ignore[operator]
    return made

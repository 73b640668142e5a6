# LiteLLM's TypedDicts: dicts whose fields nobody checks, for annotations and for code that builds messages with them.

from __future__ import annotations

from importlib import import_module
from typing import Any, TypedDict


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name == "BaseModel":  # pydantic's, which OpenHands imports from litellm
        return import_module("pydantic").BaseModel
    made = globals()[name] = TypedDict(name, {}, total=False)  # type: ignore[operator]
    return made

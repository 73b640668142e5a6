"""What hosts are told of models, from tables alone: which one where none is named, and how much fits into one."""

from __future__ import annotations

from typing import Any

from lingate.errors import LingateError

__all__ = ["DEFAULT_MODEL", "LONGEST_ANSWER", "WINDOW", "known_of"]

DEFAULT_MODEL = "openai/gpt-4o-mini"
"""Asked where neither the user nor the host names a model."""

WINDOW, LONGEST_ANSWER = 128_000, 16_384
"""Tokens, where nothing is known of a model and the host insists on limits. As fast-agent assumes of unknown models."""


def known_of(model: str) -> dict[str, Any]:
    """What litellm's `get_model_info` would say of a model; empty where nothing is known."""
    from lingate.compat import litellm

    try:
        return dict(litellm.get_model_info(model))
    except (LingateError, litellm.ModelNotMappedError):
        return {}  # hosts have defaults, and a call says what is wrong with the name

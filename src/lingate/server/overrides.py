# What a caller may ask of the gateway itself for one call: how long, how often, and who else may answer.

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from lingate._model import JsonDict
from lingate._wire.shapes import is_number
from lingate.errors import BadRequestError
from lingate.server.routing import LONGEST_NAME

FIELDS = frozenset({"timeout", "num_retries", "fallbacks"})
"""Request fields, by LiteLLM's names."""

_LONGEST = 1e6
"""Seconds."""

_MOST_RETRIES = 10
_MOST_FALLBACKS = 10


class Overrides(NamedTuple):
    # One caller's overrides; None where there is none.

    timeout: float | None = None
    """Seconds for the whole call, or until a stream's first event."""
    retries: int | None = None
    """Further tries in a group."""
    fallbacks: tuple[str, ...] | None = None
    """Groups that stand in, in order, instead of those of the configuration."""


def are_anthropics(fallbacks: Any) -> bool:
    # Whether `fallbacks` are those of Anthropic's own format: models that it asks itself where one declines.
    return fallbacks == "default" or (isinstance(fallbacks, list) and any(isinstance(item, dict) for item in fallbacks))


def overrides_of(body: JsonDict, header: Callable[[str], str | None], native: bool = False) -> Overrides | None:
    # Take a caller's overrides out of a request; None for none.
    # native: Whether it has `fallbacks` that its provider is to see.
    # Raises BadRequestError: One of them makes no sense.
    timeout = body.pop("timeout", None)
    if timeout is None:
        timeout = _number(header("x-lingate-timeout") or header("x-litellm-timeout"))
    retries = body.pop("num_retries", None)
    if retries is None:
        retries = _number(header("x-lingate-num-retries") or header("x-litellm-num-retries"))
    fallbacks = None if native else body.pop("fallbacks", None)
    if timeout is None and retries is None and fallbacks is None:
        return None
    return Overrides(
        None if timeout is None else _timeout(timeout),
        None if retries is None else _retries(retries),
        None if fallbacks is None else _fallbacks(fallbacks),
    )


def _number(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _timeout(value: Any) -> float:
    if not is_number(value) or not 0 < value <= _LONGEST:
        raise BadRequestError(f"timeout: expected a number of seconds above 0, not {value!s:.40}")
    return float(value)


def _retries(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_RETRIES:
        raise BadRequestError(f"num_retries: expected a whole number from 0 to {_MOST_RETRIES}, not {value!s:.40}")
    return value


def _fallbacks(value: Any) -> tuple[str, ...]:
    if (
        not isinstance(value, list)
        or len(value) > _MOST_FALLBACKS
        or not all(isinstance(item, str) and 0 < len(item) <= LONGEST_NAME for item in value)
    ):
        raise BadRequestError(f"fallbacks: expected a list of at most {_MOST_FALLBACKS} names of models")
    return tuple(value)

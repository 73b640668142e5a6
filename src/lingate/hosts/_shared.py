# What the hosts' adapters share: how they are loaded and started, what hosts are told of models, and of failed calls.

# An application tells its user about a failed call in sentences of ours, one for each kind of error. None of them holds a
# provider's words, an address or a credential. Hosts search error texts for words to tell an overflow from anything else, so no
# sentence but the overflow's own speaks of contexts, tokens, prompts or inputs.

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import import_module
from typing import Any

from lingate.errors import ConfigError, LingateError, MissingExtraError

OVERFLOW = "The conversation does not fit into the model's context window."

CUT = {
    "length": "The answer hit the size limit before it said anything.",
    "content_filter": "The provider's content policy withheld the answer.",
}
"""What to say of an answer without text and tool calls, by its finish reason: hosts take it for a short answer."""

_SENTENCES = {
    "auth": "The provider refused the API key.",
    "bad_request": "The provider refused the request as malformed or not possible for this model.",
    "budget": "A budget that was set for these calls is used up.",
    "concurrency": "There are too many calls at once.",
    "config": "The call is not set up properly.",
    "conflict": "The provider saw a conflicting request.",
    "connect": "The provider could not be reached.",
    "content_filter": "The provider's content policy refused the request.",
    "context_window": OVERFLOW,
    "deadline": "The provider did not answer in time.",
    "missing_credential": "There is no API key for the model's provider.",
    "missing_extra": "A package that this provider needs is not installed.",
    "not_found": "The provider does not have this model.",
    "output_limit": "The provider refused the size of answer that was asked for.",
    "overloaded": "The provider is out of capacity.",
    "payload_too_large": "The request has more bytes than the provider takes.",
    "permission": "The API key may not use this model.",
    "protocol": "The provider sent something that could not be understood.",
    "quota": "The account's credit or quota at the provider is used up.",
    "rate_limit": "The provider rate limited this request.",
    "server_error": "The provider failed.",
    "stream_interrupted": "The answer broke off before its end.",
    "timeout": "The provider did not answer in time.",
    "unknown_provider": "The model's name does not begin with a known provider.",
    "unsupported": "The provider cannot do what was asked for.",
}
_OTHERWISE = "The model could not be asked."


def sentence(error: BaseException) -> str:
    # One or two sentences for a person: what happened, the HTTP status, and how long the provider wants to be left alone.
    # Errors that are not Lingate's have one sentence for all.
    if not isinstance(error, LingateError):
        return _OTHERWISE
    said = _SENTENCES.get(error.kind, _OTHERWISE)
    if error.status is not None and error.status >= 400 and said != OVERFLOW:
        said = f"{said[:-1]} (HTTP {error.status})."
    if error.retry_after is not None and error.retry_after >= 1:
        said = f"{said} It asks to wait {error.retry_after:.0f} seconds."
    return said


def words(part: Any) -> str:
    # The text of an answer or of a chunk; of a model that refuses, its words, which come in a field of their own.
    said: str = part.text
    if said or not part.choices:
        return said
    choice = part.choices[0]
    return (choice.delta if hasattr(choice, "delta") else choice.message).refusal or ""


def note_dropped(model: str, dropped: Iterable[str]) -> None:
    # Log, once for each model, what of a host's options did not reach it: hosts have no place to show it.
    _note(model, tuple(what for what in dropped if not what.startswith("messages[")))


@lru_cache(maxsize=1024)
def _note(model: str, dropped: tuple[str, ...]) -> None:
    if dropped:
        logging.getLogger("lingate.hosts").warning("left out or changed for %s: %s", model, ", ".join(dropped))


DEFAULT_MODEL = "openai/gpt-4o-mini"
"""Asked where neither the user nor the host names a model."""

WINDOW, LONGEST_ANSWER = 128_000, 16_384
"""Tokens, where nothing is known of a model and the host insists on limits. As fast-agent assumes of unknown models."""


def known_of(model: str) -> dict[str, Any]:
    # What litellm's `get_model_info` would say of a model; empty where nothing is known.
    from lingate.compat import litellm

    try:
        return dict(litellm.get_model_info(model))
    except (LingateError, litellm.ModelNotMappedError):
        return {}  # hosts have defaults, and a call says what is wrong with the name


def load(module: str, *, of: str, hint: str) -> Any:
    # Import a module of a host, or one of ours that imports the host; `hint` is what to do where `of` is not installed.
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "lingate":
            raise
        raise MissingExtraError(f"{of} cannot be imported here: there is no {error.name}", hint=hint) from error


def launch(main: Callable[[], None]) -> None:
    # Start a host. What keeps it from starting is one line for its user, and exit code 2.
    try:
        main()
    except ConfigError as error:
        sys.stderr.write(f"lingate: {type(error).__name__}: {error}\n")
        raise SystemExit(2) from None

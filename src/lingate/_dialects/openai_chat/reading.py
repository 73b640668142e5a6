"""What every reader of this format's bytes needs: the decoded object, errors hidden in a success, made-up ids."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lingate._dialects._redact import redact
from lingate._model import JsonDict, Target
from lingate._wire import json
from lingate.errors import InternalServerError, LingateError, ProtocolError

_NO_HEADERS: Mapping[str, str] = {}


def new_id(prefix: str) -> str:
    """An id for something the provider left nameless; unique, so that a client can send it back."""
    return prefix + os.urandom(12).hex()


def body_failure(value: object, target: Target, headers: Mapping[str, str] = _NO_HEADERS) -> LingateError | None:
    """The error inside a decoded body or event, None if it is an ordinary one."""
    from lingate._dialects import _failure  # the classifier is loaded by the first error

    return _failure.body_failure(value, target, headers=headers)


def malformed(target: Target, what: str) -> ProtocolError:
    """The error for bytes that are not this format."""
    return ProtocolError(f"{target.provider}: {what}", provider=target.provider, model=target.model)


def decode_object(body: bytes, target: Target) -> JsonDict:
    """The body as a JSON object.

    Raises:
        ProtocolError: It is empty, not JSON, or not an object.
        UpstreamError: It is a list that holds an error.
    """
    try:
        value = json.decode(body)
    except ValueError as error:
        raise malformed(target, f"the answer is {error}" if body.strip() else "the answer has an empty body") from None
    if not isinstance(value, dict):
        raise not_an_object(value, target, "the answer")
    return value


def not_an_object(value: object, target: Target, what: str) -> LingateError:
    """The error for JSON that is no object: Google puts errors into a list, on its OpenAI surface too."""
    return body_failure(value, target) or malformed(target, f"{what} is a JSON {type(value).__name__}, not an object")


def decode_list(body: bytes, target: Target, name: str, things: str) -> JsonDict:
    """The body as a JSON object, one that is a bare list under `name`.

    Raises:
        ProtocolError: It is not JSON, or neither of them.
    """
    try:
        value = json.decode(body)
    except ValueError as error:
        raise malformed(target, f"the answer is {error}") from None
    if isinstance(value, list):
        return {name: value}
    if not isinstance(value, dict):
        raise malformed(target, f"the answer is not a list of {things}")
    return value


def hidden_error(value: JsonDict, target: Target, headers: Mapping[str, str] = _NO_HEADERS) -> LingateError | None:
    """The error that a body, chunk or choice holds although its status said success, if it holds one."""
    if "error" not in value and "x_groq" not in value and "base_resp" not in value:
        return None
    given = value.get("error")
    groq = value.get("x_groq")
    if isinstance(groq, dict) and groq.get("error"):
        value = {"error": groq["error"]}  # where Groq reports errors in mid-stream
    elif not given and "base_resp" not in value:
        return None
    found = body_failure(value, target, headers=headers)
    return found or (provider_failed(target, "an error without a description") if given else None)


def provider_failed(target: Target, what: str) -> InternalServerError:
    """The error for an answer by which the provider says that it failed."""
    what = redact(what, target.secrets, 200)
    return InternalServerError(
        f"{target.provider} answered with {what}", provider=target.provider, model=target.model, detail=what
    )

"""Lingate's errors as fast-agent knows errors: it tells them apart by the openai package's types and by their text."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import openai

from lingate.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigError,
    ConflictError,
    ContextLengthError,
    DeadlineExceededError,
    InternalServerError,
    LimitError,
    LingateError,
    MissingCredentialError,
    NotFoundError,
    OverloadedError,
    PayloadTooLargeError,
    PermissionDeniedError,
    ProtocolError,
    QuotaExceededError,
    RateLimitError,
    RequestTimeoutError,
    TransportError,
)

MakeKeyError = Callable[[str, str], Exception]
"""Makes fast-agent's own error for a credential, from a message and details."""

# The openai package of fast-agent's version speaks of httpx; from version 3 on of either.
_http: Any = import_module("httpx" if find_spec("httpx") is not None else "httpx2")

# First match counts. Whatever is wrong with the request itself is a 400 there: fast-agent tries nothing else but that only once.
_KINDS: tuple[tuple[type[LingateError], type[openai.APIStatusError], int], ...] = (
    (PayloadTooLargeError, openai.BadRequestError, 413),
    (BadRequestError, openai.BadRequestError, 400),
    (ConfigError, openai.BadRequestError, 400),
    (AuthenticationError, openai.AuthenticationError, 401),
    (PermissionDeniedError, openai.PermissionDeniedError, 403),
    (NotFoundError, openai.NotFoundError, 404),
    (ConflictError, openai.ConflictError, 409),
    (RateLimitError, openai.RateLimitError, 429),
    (LimitError, openai.RateLimitError, 429),
    (OverloadedError, openai.InternalServerError, 503),
    (InternalServerError, openai.InternalServerError, 500),
    (ProtocolError, openai.InternalServerError, 502),
)
_CODES: tuple[tuple[type[LingateError], str], ...] = (
    (ContextLengthError, "context_length_exceeded"),
    (QuotaExceededError, "insufficient_quota"),
)
# With one of these in its text, fast-agent tries again although the credential is wrong.
_TRANSIENT = ("429", "503", "quota", "exhausted", "overloaded", "unavailable", "timeout")


def as_openai(error: LingateError, key_error: MakeKeyError | None = None) -> Exception:
    """The error of the openai package that means the same, with message, status and code.

    Args:
        error: What was raised.
        key_error: Makes the error for a missing or refused credential instead of the openai package's.
    """
    if key_error is not None and isinstance(error, (MissingCredentialError, AuthenticationError)):
        return key_error(*_about_key(error))
    message = str(error)
    request = _http.Request("POST", "http://lingate/chat/completions")
    if isinstance(error, (RequestTimeoutError, DeadlineExceededError)):
        late = openai.APITimeoutError(request)
        late.message, late.args = message, (message,)
        return late
    if isinstance(error, TransportError):
        return openai.APIConnectionError(message=message, request=request)
    code = next((code for kind, code in _CODES if isinstance(error, kind)), error.code or error.kind)
    body = {"message": message, "type": error.kind, "code": code, "param": getattr(error, "param", None)}
    if isinstance(error, MissingCredentialError):
        return openai.AuthenticationError(message, response=_response(error, 401, request), body=body)
    for kind, theirs, status in _KINDS:
        if isinstance(error, kind):
            return theirs(message, response=_response(error, error.status or status, request), body=body)
    return openai.APIError(message, request, body=body)


def _response(error: LingateError, status: int, request: Any) -> Any:
    headers = {} if error.retry_after is None else {"retry-after": f"{error.retry_after:g}"}
    if error.request_id is not None:
        headers["x-request-id"] = error.request_id
    return _http.Response(status, request=request, headers=headers)


def _about_key(error: LingateError) -> tuple[str, str]:
    whose = error.provider or "the provider"
    if isinstance(error, MissingCredentialError):
        title = f"No credential for {whose}"
    else:
        title = f"{whose} refused the credential"
    found = str(error)
    if any(word in found.lower() for word in _TRANSIENT):
        found = "Check the key and what it may be used for."
    return title, found

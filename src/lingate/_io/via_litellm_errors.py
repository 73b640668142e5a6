# What the litellm package raises, as our errors: by the provider's own answer where it is still attached.

# The package decides by words before it looks at a status, so its verdict is the last thing to go by. Below its exception
# there mostly hangs the one of the HTTP client, with status, headers and body as they came; those are classified as if
# they had come to us.

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from lingate._dialects._failure import body_failure, failure
from lingate._dialects._redact import redact
from lingate._io.via_litellm_call import unsupported
from lingate._model import Head, HttpRequest, Target, replaced
from lingate._providers.settings import SENSITIVE
from lingate._wire.json import decode
from lingate.errors import (
    ConnectError,
    InternalServerError,
    LingateError,
    MissingExtraError,
    ProtocolError,
    RequestTimeoutError,
    UnsupportedError,
)

_MOST = 32
_SHORTEST_SECRET = 8

_TIMEOUTS = (TimeoutError, httpx.TimeoutException)
_BROKEN = (ConnectionError, httpx.TransportError, socket.gaierror, ssl.SSLError)
"""The last two: a name that was not resolved, TLS that failed."""
_GARBAGE = (AttributeError, LookupError, TypeError, ValueError)
"""What code raises that meets an answer it does not expect."""
_ENDS = (StopIteration, StopAsyncIteration)


def told(error: Exception, request: HttpRequest, outside: BaseException | None) -> LingateError:
    # Our error for an exception of the package.
    # outside: What the caller was handling when it asked; it hangs below every exception that is raised meanwhile,
    # and is none of theirs.
    if isinstance(error, LingateError):
        return error
    links = _links(error, outside)
    # The package takes credentials from the environment; which of them it took, only it knows.
    own = (value for name, value in os.environ.items() if len(value) >= _SHORTEST_SECRET and SENSITIVE.search(name))
    target = replaced(request.target, secrets=(*request.target.secrets, *own))
    found = _refused(links, request) or _answered(links, target) or _unanswered(links, target)
    return found or _by_status(links, target)


def _links(error: BaseException, outside: BaseException | None) -> list[BaseException]:
    # An exception and what it came from, the outermost first.
    links: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting and len(links) < _MOST:
        link = waiting.pop(0)
        if isinstance(link, BaseException) and link is not outside and link not in links:
            links.append(link)
            waiting += [getattr(link, "original_exception", None), link.__cause__, link.__context__]
    return links


def _refused(links: Sequence[BaseException], request: HttpRequest) -> LingateError | None:
    # The package would not send it.
    import litellm

    provider, model = request.target.provider, request.target.model
    if any(isinstance(link, litellm.UnsupportedParamsError) for link in links):
        names = unsupported(litellm, decode(request.body), request)
        return UnsupportedError(
            f"{provider} has no way to express {', '.join(f'`{name}`' for name in names) or 'a parameter'}",
            provider=provider,
            model=model,
            param=names[0] if names else None,
            hint="leave it out, or pass drop_params=True to have it left out",
        )
    absent = next((link for link in links if isinstance(link, ImportError)), None)
    if absent is not None:
        missing = absent.name or "a package"
        return MissingExtraError(
            f"the litellm package needs {missing} for {provider}: pip install {missing.partition('.')[0]}",
            provider=provider,
            model=model,
        )
    return None


def _answered(links: Sequence[BaseException], target: Target) -> LingateError | None:
    # The provider's own answer, as far down as there is one.
    for link in reversed(links):
        response = getattr(link, "response", None)
        status = getattr(response, "status_code", None)
        # The package makes some up itself, with whatever a provider's body called a code for a status.
        if isinstance(response, httpx.Response) and type(status) is int and not 200 <= status <= 299:
            body = _body(response)
            if body or response.headers:
                return failure(Head(status, _headers(response.headers)), body, target)
    for link in reversed(links):
        body_of = getattr(link, "body", None)
        if isinstance(body_of, Mapping):
            found = body_failure({"error": dict(body_of)}, target, status=None)
            if found is not None:
                return found
    return None


def _body(response: httpx.Response) -> bytes:
    try:
        return response.content
    except httpx.StreamError:
        return b""


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _unanswered(links: Sequence[BaseException], target: Target) -> LingateError | None:
    # There was no answer, or none that made sense.
    import litellm

    provider, model = target.provider, target.model
    for link in reversed(links):
        words = redact(_words(link), target.secrets)
        if isinstance(link, (*_TIMEOUTS, litellm.Timeout)):
            return RequestTimeoutError(f"{provider} did not answer in time", provider=provider, model=model)
        if isinstance(link, _BROKEN):
            said = f"the connection to {provider} failed: {type(link).__name__}: {words}"
            return ConnectError(said, provider=provider, model=model, detail=words or None)
    last = next((link for link in reversed(links) if not isinstance(link, _ENDS)), links[0])
    if isinstance(last, _GARBAGE):
        words = redact(_words(last), target.secrets)
        said = f"{provider}: the litellm package could not make the request or read the answer: {type(last).__name__}: {words}"
        return ProtocolError(said, provider=provider, model=model, detail=words or None)
    return None


def _by_status(links: Sequence[BaseException], target: Target) -> LingateError:
    # The innermost exception that states a status; the package's own, where nothing below it does.
    for link in reversed(links):
        status = getattr(link, "status_code", None)
        if type(status) is int and 400 <= status <= 599:
            headers = getattr(link, "headers", None)
            known = _headers(headers) if isinstance(headers, Mapping) else {}
            return failure(Head(status, known), _words(link).encode("utf-8", "replace"), target)
    detail = redact(_words(links[-1]), target.secrets)
    return InternalServerError(
        f"{target.provider} answered with an error: {detail or type(links[-1]).__name__}",
        provider=target.provider,
        model=target.model,
        detail=detail or None,
    )


def _words(link: BaseException) -> str:
    said = getattr(link, "message", None)
    return said if isinstance(said, str) and said else str(link)

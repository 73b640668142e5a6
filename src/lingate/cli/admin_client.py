# The line of the command line to the admin API of a running gateway.

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from lingate._providers.settings import check_key, check_url
from lingate.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigError,
    ConflictError,
    ConnectError,
    InternalServerError,
    MissingCredentialError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
)

DEFAULT_URL = "http://127.0.0.1:4000"
_PATIENCE = 30.0
_CLASSES = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
}


class _Said(dict[str, Any]):
    # What a gateway says, which others that answer in JSON do not.
    def __missing__(self, name: str) -> NoReturn:
        raise ProtocolError(f"the answer has no {name}: is this a Lingate gateway?")


class _Straight(HTTPRedirectHandler):
    # Follows no redirect: the key would go along to whatever host that names, and a POST arrive as a GET.
    def redirect_request(self, *_: Any) -> None:
        return None


class AdminClient:
    # Sends requests to the admin API; `LINGATE_URL` and `LINGATE_MASTER_KEY` hold what is not given.

    def __init__(self, url: str | None = None, key: str | None = None) -> None:
        self.url = (url or os.environ.get("LINGATE_URL") or DEFAULT_URL).rstrip("/").removesuffix("/v1")
        check_url(self.url, "the gateway's address")
        found = key or os.environ.get("LINGATE_MASTER_KEY")
        if not found:
            raise MissingCredentialError(
                "the gateway's master key is needed",
                variables=("LINGATE_MASTER_KEY",),
                hint="set LINGATE_MASTER_KEY to the key that the gateway printed at its first start",
            )
        self._key = check_key(found, "the gateway's key")

    def ask(self, method: str, *path: str, body: Any = None, **query: Any) -> Any:
        with self._opened(method, path, body, query, _PATIENCE) as answer:
            raw = answer.read()
        try:
            found = json.loads(raw, object_hook=_Said)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ProtocolError("the answer is not a JSON object: is this a Lingate gateway?")
        return found

    def follow(self, *path: str, silence: float, **query: Any) -> Iterator[tuple[str, bytes]]:
        # Read server-sent events, name and data, until the gateway ends them, or is silent for so many seconds.
        with self._opened("GET", path, None, query, silence) as answer:
            name = ""
            for line in answer:
                word, _, value = line.rstrip(b"\r\n").partition(b": ")
                if word == b"event":
                    name = value.decode("utf-8", "replace")
                elif word == b"data":
                    yield name, value

    @contextmanager
    def _opened(
        self, method: str, path: tuple[str, ...], body: Any, query: dict[str, Any], patience: float
    ) -> Iterator[Any]:
        given = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in query.items()
            if value is not None
        }
        # What is not UTF-8 on the command line goes as the bytes that it is.
        address = "/".join((self.url, "admin", *(quote(part, safe="", errors="surrogateescape") for part in path)))
        request = Request(  # noqa: S310 - the scheme was checked
            f"{address}?{urlencode(given, errors='surrogateescape')}" if given else address,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"authorization": f"Bearer {self._key}", "content-type": "application/json"},
        )
        # A gateway on this machine is not reached through a proxy, whatever the environment says.
        local = urlsplit(self.url).hostname in {"localhost", "127.0.0.1", "::1"}
        opener = build_opener(_Straight, *([ProxyHandler({})] if local else []))
        try:
            with opener.open(request, timeout=patience) as answer:
                yield answer
        except HTTPError as error:
            if (onward := error.headers.get("location")) and error.code < 400:
                raise ConfigError(
                    f"{self.url} leads on to {onward.partition('/admin/')[0]}",
                    hint="if that is your gateway, set LINGATE_URL to it",
                ) from None
            with error:
                raw = error.read()
            try:
                message = str(json.loads(raw)["error"]["message"])
            except (ValueError, KeyError, TypeError):
                message = f"the gateway answered {error.code}"
            usual = InternalServerError if error.code >= 500 else BadRequestError
            hint = (
                "LINGATE_MASTER_KEY is to hold the gateway's master key, or an administrator's"
                if error.code == 401
                else None
            )
            raise _CLASSES.get(error.code, usual)(message, status=error.code, hint=hint) from None
        except (URLError, OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ConnectError(
                f"no gateway answers at {self.url}: {reason}", hint="start one with `lingate serve`"
            ) from None

# Tokens that a key, or a client's id with its secret, is exchanged for: OAuth's client credentials, IBM's IAM and their kin.

# What is posted where is the row's `exchange`. The request goes out by the transport of the call that needs the token.

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from lingate._auth._token_cache import CachingSigner, Fetched
from lingate._model import Head, HttpRequest, ProviderRow, SendOne, TokenExchange
from lingate._wire.json import decode
from lingate._wire.shapes import as_dict
from lingate.errors import (
    AuthenticationError,
    ConfigError,
    InternalServerError,
    LingateError,
    MissingCredentialError,
    ProtocolError,
    RateLimitError,
)

_LIMIT = 30.0
_LIFE = 300.0
"""Seconds that a token is used for whose life nobody told."""
_USUAL_PATH = "/oauth/token"
_TOKENS = ("access_token", "tok", "token")
_TEXTS = ("error_description", "errorMessage", "message", "error")
_MILLISECONDS = 1e11
"""Points in time beyond this are in milliseconds: in seconds it would be the year 5138."""
_PLACE = re.compile(r"\{(key|basic|origin|uuid)\}")


def signer(argument: str, row: ProviderRow, env: Mapping[str, str], key: str | None, url: str) -> OAuthSigner:
    exchange = row.exchange
    if exchange is None:
        raise ConfigError(f"{row.name} has no exchange of keys for tokens", provider=row.name)
    variables = row.key_env + row.token_env + row.sign_env
    texts = (exchange.url, *exchange.form.values(), *exchange.headers.values())
    needs_pair = any("{basic}" in text for text in texts)
    if any("{key}" in text for text in texts) and key is None:
        raise _missing(row, variables, "needs a key and none was found")
    if needs_pair and not (exchange.client_id and exchange.client_secret):
        raise _missing(row, variables, "needs a client id and its secret, and not both were found")
    if not exchange.url:
        raise ConfigError(f"{row.name}: the address where tokens are given is not known", provider=row.name)
    return OAuthSigner(exchange, row, key, url)


class OAuthSigner(CachingSigner):
    # Signs with a bearer token; see `Signer` and `TokenSigner`.

    __slots__ = ("_exchange", "_key", "_origin", "_provider")

    def __init__(self, exchange: TokenExchange, row: ProviderRow, key: str | None, url: str) -> None:
        super().__init__()
        parts = urlsplit(url)
        self._exchange = exchange
        self._provider = row.name
        self._key = key
        self._origin = f"{parts.scheme}://{parts.netloc}"

    @property
    def key(self) -> Hashable:
        given = self._exchange
        posted = tuple(given.form.items()), tuple(given.headers.items())
        return self._provider, self._key, self._origin, given.url, given.client_id, given.client_secret, posted

    def exchange(self, send: SendOne, request: HttpRequest, now: float) -> None:
        self._kept.get(now, partial(self._exchanged, send, request))

    def _fetch(self, now: float) -> Fetched[Mapping[str, str]]:
        raise ConfigError(f"{self._provider}: a token is fetched by the transport of a call", provider=self._provider)

    def _exchanged(self, send: SendOne, request: HttpRequest, now: float) -> Fetched[Mapping[str, str]]:
        head, body = send(self._request(request), _LIMIT)
        value = _decoded(body)
        if not 200 <= head.status < 300:
            raise self._refused(head, value)
        token = next((value[name] for name in _TOKENS if isinstance(value.get(name), str) and value[name]), None)
        if token is None:
            raise ProtocolError(f"{self._provider}: the answer to the sign-in has no token", provider=self._provider)
        return Fetched({"authorization": f"Bearer {token}"}, _expiry(value, now))

    def _request(self, request: HttpRequest) -> HttpRequest:
        given = self._exchange
        fill = self._filler()
        url = fill(given.url)
        if urlsplit(url).path in ("", "/"):
            url = url.rstrip("/") + _USUAL_PATH
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
            **{name.lower(): fill(text) for name, text in given.headers.items()},
        }
        form = urlencode({name: fill(text) for name, text in given.form.items()})
        return HttpRequest("POST", url, headers, form.encode(), request.call, request.target)

    def _filler(self) -> Callable[[str], str]:
        pair = f"{self._exchange.client_id}:{self._exchange.client_secret}"
        values = {
            "key": self._key or "",
            "basic": b64encode(pair.encode()).decode(),
            "origin": self._origin,
            "uuid": str(uuid4()),
        }
        return lambda text: _PLACE.sub(lambda found: values[found[1]], text)

    def _refused(self, head: Head, value: Mapping[str, Any]) -> LingateError:
        # The error for an answer without a token. Its own words are kept apart, and without what was posted.
        detail = next((value[name] for name in _TEXTS if isinstance(value.get(name), str)), None)
        for secret in filter(None, (self._key, self._exchange.client_secret)):
            detail = detail and detail.replace(secret, "***")
        kind: type[LingateError] = AuthenticationError
        if head.status == 429:
            kind = RateLimitError
        elif head.status >= 500:
            kind = InternalServerError
        code = value.get("error") or value.get("errorCode") or value.get("code")
        return kind(
            f"{self._provider}: the sign-in was refused ({head.status})",
            provider=self._provider,
            status=head.status,
            code=code if isinstance(code, str) and " " not in code else None,
            detail=detail,
            hint="check the key, or the client id and its secret",
        )


def _missing(row: ProviderRow, variables: tuple[str, ...], what: str) -> MissingCredentialError:
    where = f"set {' or '.join(variables)}, or pass api_key" if variables else "pass api_key"
    return MissingCredentialError(f"{row.name} {what}: {where}", variables=variables, provider=row.name)


def _decoded(body: bytes) -> Mapping[str, Any]:
    try:
        value = decode(body)
    except ValueError:
        return {}
    return as_dict(value)


def _expiry(value: Mapping[str, Any], now: float) -> float:
    # When the token expires, in epoch seconds: told as a life, or as a point in time of seconds or milliseconds.
    life = _number(value.get("expires_in"))
    if life is not None and life > 0:
        return now + life
    for name in ("expires_at", "expiration", "exp"):
        at = _number(value.get(name))
        if at is not None and at > 0:
            return at / 1000 if at > _MILLISECONDS else at
    return now + _LIFE


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None

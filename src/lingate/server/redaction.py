# Keeps secrets out of what is written for people: those the gateway knows, and whatever looks like one.

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from lingate._dialects._redact import redact
from lingate._providers.settings import secrets_in
from lingate.server.config.settings import GatewayConfig

_BLANK = "[redacted]"
_LONGEST = 16_000
_LEAST = 8
"""Shorter strings are no secrets worth the name, and would blank ordinary words."""

_NAMED_SO = re.compile(
    r"(?:^|[_.-]|API|PG)(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|CREDENTIAL|AUTHORIZATION)S?(?:[_.-]|\d|$)",
    re.IGNORECASE,
)
_NO_SECRETS = re.compile(r"(?:^|_)(?:FILE|PATH|URL|DIR|ID|NAME)$", re.IGNORECASE)


def looks_secret(text: str) -> bool:
    # Whether a text holds something of a credential's shape.
    return redact(text, ()) != text


class Redaction:
    # Blanks secrets in texts.

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: tuple[str, ...] = ()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        # Know more secrets.
        # Those of before stay: something may still speak of them.
        found = set(self._secrets)
        for secret in secrets:
            if len(secret) >= _LEAST:
                found |= {secret, quote(secret, safe="")}
        self._secrets = tuple(sorted(found, key=len, reverse=True))

    def known(self, text: str) -> str:
        # Blank the secrets that are known.
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, _BLANK)
        return text

    def clean(self, text: str) -> str:
        # Blank these, and whatever looks like a credential.
        return redact(self.known(text), (), _LONGEST)


def secrets_of(config: GatewayConfig, env: Mapping[str, str]) -> set[str]:
    found = set(_in_environment(env)) | set(_in_environment(config.env))
    general, routing, cache = config.general, config.routing, config.settings.cache_params
    found |= {text for text in (general.master_key, routing.redis_password, cache.password) if text}
    # Whoever has the path of a webhook's address can write there.
    found |= {part for urls in config.webhooks.values() for url in urls for part in (url, urlsplit(url).path)}
    for url in (general.database_url, routing.redis_url, cache.url, config.redis_url):
        found |= set(_in_url(url))
    headers = [given.get("headers") or {} for given in config.own.providers.values()]
    passed = general.pass_through_endpoints
    headers += [*(one.headers for one in passed), *(entry.params.extra_headers for entry in config.deployments)]
    for one in passed:
        found |= set(_in_mapping(dict(parse_qsl(one.target.partition("?")[2]))))
    for sent in headers:
        found |= {*sent.values(), *secrets_in(sent)}
    for entry in config.deployments:
        found |= {entry.params.api_key or "", *_in_mapping(entry.overlay)}
        found |= set(_in_mapping(entry.params.extra_body))
    found |= set(_in_mapping(config.own.providers))
    return found


def _in_environment(env: Mapping[str, str]) -> Iterator[str]:
    for name, value in env.items():
        if _NAMED_SO.search(name) and not _NO_SECRETS.search(name):
            yield value
        elif "://" in value:
            yield from _in_url(value)


def _in_url(url: str | None) -> Iterator[str]:
    try:
        password = urlsplit(url).password if url else None
    except ValueError:
        return
    if password:
        yield str(password)
        yield unquote(str(password))


def _in_mapping(given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        if isinstance(value, Mapping):
            yield from _in_mapping(value)
        elif isinstance(value, str) and _NAMED_SO.search(name):
            yield value

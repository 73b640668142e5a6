# The HTTP request around a body: URL, headers, encoding, and what goes onto the body last.

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import lru_cache

from lingate._model import Call, HttpRequest, JsonDict, Operation, Target
from lingate._wire import json
from lingate.errors import ConfigError, UnsupportedError


def new_request(call: Call, target: Target, operation: Operation, path: str, method: str = "POST") -> HttpRequest:
    extra = call.extra_headers
    return HttpRequest(
        method,
        join_url(target.url, target.row.paths.get(operation, path), target.model),
        merge_headers(target.headers, extra) if extra else target.headers,
        b"",
        call,
        target,
    )


@lru_cache(maxsize=256)
def join_url(base: str, path: str, model: str) -> str:
    # Base and path, with a query that the base may have kept behind the path; `{model}` stands for the model.
    if "?" in base:
        base, _, query = base.partition("?")
        path = f"{path}{'&' if '?' in path else '?'}{query}"
    url = base.rstrip("/") + path
    if "{model}" not in url:
        return url
    from urllib.parse import quote  # importing Lingate's client is to be quick, and few addresses name the model

    return url.replace("{model}", quote(model, safe=""))


def merge_headers(headers: Mapping[str, str], extra: Mapping[str, str]) -> Mapping[str, str]:
    # Both, the caller's own winning; names compare without case.
    own = {name.lower() for name in extra}
    return {**{name: value for name, value in headers.items() if name.lower() not in own}, **extra}


def seal(sent: HttpRequest, wire: JsonDict, joined: Container[str] = (), apart: bool = False) -> HttpRequest:
    # Apply the row's edits and the caller's extra fields, and encode.
    # `wire`: its body, which is changed.
    # `joined`: fields that are objects of settings: the caller's own join those that are there.
    # `apart`: the caller's own fields go out as one, `extra_body`.
    # Raises ConfigError: the body holds something that JSON has no form for.
    for edit in sent.target.edits:
        edit(wire, sent)
    if extra := sent.call.extra_body:
        for name, value in ({"extra_body": extra} if apart else extra).items():
            have = wire.get(name) if name in joined else None
            wire[name] = {**have, **value} if isinstance(have, dict) and isinstance(value, dict) else value
    try:
        sent.body = json.encode(wire)
    except (TypeError, ValueError) as error:
        target = sent.target
        # The fault of whoever made the call, a program or a client of the gateway.
        raise ConfigError(
            f"the request cannot be written as JSON: {error}",
            provider=target.provider,
            model=target.model,
            kind="bad_call",
        ) from error
    return sent


def refuse(sent: HttpRequest, param: str, why: str = "") -> None:
    # Note that a parameter is left out, or raise if the caller did not allow that.
    if not sent.call.drop_params:
        provider = sent.target.provider
        raise UnsupportedError(
            f"{provider} has no way to express `{param}`{why}",
            provider=provider,
            model=sent.target.model,
            param=param,
            hint="leave it out, or pass drop_params=True to have it left out",
        )
    note(sent, param)


def note(sent: HttpRequest, what: str) -> None:
    # Put something that was left out or changed on the request, once.
    if what not in sent.dropped:
        sent.dropped.append(what)

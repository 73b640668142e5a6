# From the bytes of a request to a call that may be made: read, permitted, and with somebody to answer it.

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from lingate._dialects._claude import BETA
from lingate._model import Call, JsonDict
from lingate._wire.shapes import as_dicts, as_str, is_number
from lingate.errors import BadRequestError, NotFoundError, PermissionDeniedError, UnsupportedError
from lingate.server.access import may_use
from lingate.server.access.bounds import other_models
from lingate.server.exchange import Exchange
from lingate.server.http import HOP
from lingate.server.ledger.journal import plain_text
from lingate.server.routing import LONGEST_NAME
from lingate.server.upstreams import UPSTREAM_FIELDS, caller_upstream

# What a caller may ask of the gateway itself for one call: how long, how often, and who else may answer.

OVERRIDES = frozenset({"timeout", "num_retries", "fallbacks"})
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


_NOT_THE_PROVIDERS = frozenset({"tags", "litellm_metadata", "cache", *OVERRIDES, *UPSTREAM_FIELDS})
_NATIVE = "provider_specific_fields"
_OWN_NAMES = {
    name: own
    for own in _NOT_THE_PROVIDERS
    for name in (own, own.split("_")[0] + "".join(map(str.capitalize, own.split("_")[1:])))
}
"""Our fields as Google's format writes them, whose names have no underscores."""
LATEST = ":latest"
_MARKS = {"ollama": LATEST, "anthropic": "[1m]"}
"""What clients put behind a name without meaning another model: Ollama's tag that is meant where there is none, and the
mark by which Anthropic's coding agent knows that it has the large window, and asks for that in a header."""
_MOST_TAGS = 32
_LONGEST_TAG = 256
_LONGEST_USER = 1024
"""Bytes. What becomes part of the ledger is bounded: a caller must not fill it with what it can send in one request, and
Postgres has no index for more than 2,704 of them."""


def read_call(exchange: Exchange, body: bytes) -> None:
    # Read the request, and find who is to answer it.
    # Raises BadRequestError: The body is not what the face expects.
    # Raises PermissionDeniedError: The key may not use the model.
    # Raises NotFoundError: There is no such model.
    found = exchange.found
    args = found.args
    content_type = exchange.request.header("content-type")
    if content_type is not None and content_type != "application/json":
        args = {**args, "content-type": content_type}
    call = exchange.form.parse_call(body, args)
    if found.placed:
        call.model = args["model"]
    exchange.call = call
    row = exchange.row
    row.stream, row.model = call.stream, _cut(call.model)
    if found.face.name == "completions":
        row.operation = call.operation
    if found.face.dialect == "anthropic" and call.body.get("thread") is not None:
        # A provider that holds the conversation is one account of one provider; who answers the next call, nobody knows.
        raise UnsupportedError(
            "threads are not held here: send the whole conversation, without `thread`", param="thread"
        )
    caching = own_fields(exchange, call)
    theirs = None
    if found.face.dialect == "anthropic":
        # Claude Code compares names without the mark, and sends no signed thinking back to a model of another name.
        theirs, exchange.asked = call.body.get("fallbacks"), call.model.removesuffix(_MARKS["anthropic"])
    native = theirs is not None and are_anthropics(theirs)
    overrides = overrides_of(call.body, exchange.request.header, native)
    _forward_headers(exchange, call)
    if exchange.live.drop_params:
        call.drop_params = True
    model = _meant(exchange)
    if exchange.caller.model_rules:
        instead = (overrides.fallbacks if overrides is not None else None) or ()
        _permit(
            exchange, model, [*instead, *(as_str(item.get("model")) for item in as_dicts(theirs if native else None))]
        )
    exchange.overrides = overrides
    if (
        exchange.live.cache is not None
        and exchange.caller_upstream is None
        and (overrides is None or overrides.fallbacks is None)
    ):
        exchange.cache_request = exchange.live.cache.cache_request(exchange, caching)


def _meant(exchange: Exchange) -> str:
    # The model that is asked for, without the key's own names and clients' marks; its group is who is to answer.
    router, asked = exchange.live.router, exchange.call.model
    model = exchange.caller.aliases.get(asked, asked)
    mark = _MARKS.get(exchange.found.face.dialect)
    if mark is not None and model.endswith(mark) and model not in router.models():
        model = model.removesuffix(mark)
    group = router.group(model)
    if group is None:
        raise NotFoundError(router.why_not(model, partial(may_use, exchange.caller)))
    if model != asked:
        exchange.row.model = _cut(model)  # nobody else knows the key's own names, and budgets by model go by these
    exchange.group = group
    return model


def _cut(model: str) -> str:
    # What the ledger has of a name that somebody asks for.
    if model.isascii():
        return model[:LONGEST_NAME]
    return plain_text(model).encode()[:LONGEST_NAME].decode(errors="ignore")


def _permit(exchange: Exchange, model: str, instead: list[str]) -> None:
    # Refuse a call that would ask a model which the key may not use, be it in place of another or as a tool.
    for name in (model, *instead):
        if not _is_allowed(exchange, name):
            raise PermissionDeniedError(
                f"this key may not use the model {exchange.call.model if name == model else name!r}"
            )
    for name in other_models(exchange.call.body):
        if not may_use(exchange.caller, name):
            raise PermissionDeniedError(f"this key may not use the model {name!r:.100}")


def _is_allowed(exchange: Exchange, model: str) -> bool:
    # Whether the key may use a model. The id of a deployment is no way around its group, unless the key names it itself.
    caller, group = exchange.caller, exchange.live.router.group(model)
    if not may_use(caller, model):
        return False
    if group is None:
        return True
    first = group.deployments[0]
    if model != first.id or may_use(caller, first.group):
        return True
    return all(model in rule for rule in caller.model_rules)


def own_fields(exchange: Exchange, call: Call) -> Any:
    # Take out what a request says to the gateway, and note for whom it is made.
    # Gives what it says about the cache.
    body, row = call.body, exchange.row
    caching, labels = None, list(row.tags)
    if _NATIVE in body:
        _lift(body[_NATIVE], body)
    if not body.keys().isdisjoint(_NOT_THE_PROVIDERS):
        caching = body.get("cache")
        exchange.caller_upstream = caller_upstream(body, exchange.live)
        tags = body.pop("tags", None)
        if isinstance(tags, list):
            labels += map(str, tags)
        for name in _NOT_THE_PROVIDERS - OVERRIDES:
            body.pop(name, None)
    given = exchange.request.header("x-lingate-tags") or exchange.request.header("x-litellm-tags")
    if given:
        labels += (tag.strip() for tag in given.split(",") if tag.strip())
    metadata = body.get("metadata")
    if isinstance(metadata, dict):
        tags = metadata.get("tags")
        if isinstance(tags, list):
            labels += map(str, tags)
            metadata = {name: value for name, value in metadata.items() if name != "tags"}
            body["metadata"] = metadata
            if not metadata:
                del body["metadata"]
    if len(labels) > len(row.tags):
        row.tags = _checked(labels, exchange.caller.tags)
    user = exchange.request.header(exchange.live.user_header) if exchange.live.user_header else None
    user = user or body.get("user") or body.get("safety_identifier")
    if user is None and isinstance(metadata, dict):
        user = metadata.get("user_id")
    if isinstance(user, str):
        if len(user := plain_text(user)) > _LONGEST_USER or len(user.encode()) > _LONGEST_USER:
            raise BadRequestError(f"the name of an end user has at most {_LONGEST_USER} bytes")
        row.end_user = user or None
    if exchange.live.needs_user and row.end_user is None:
        raise BadRequestError("this gateway wants to know the end user of each call: set `user`")
    return caching


def _checked(labels: list[str], own: tuple[str, ...]) -> tuple[str, ...]:
    # The tags of a call, of which the key's own come first.
    tags = tuple(dict.fromkeys(map(plain_text, labels)))
    if len(tags) > max(_MOST_TAGS, len(own)) or any(len(tag) > _LONGEST_TAG for tag in tags[len(own) :]):
        raise BadRequestError(f"a call takes at most {_MOST_TAGS} tags of at most {_LONGEST_TAG} characters")
    return tags


def _lift(native: Any, body: JsonDict) -> None:
    # Move what is the gateway's from among the fields that only one format has: some write all names in their own way.
    for fields in native.values() if isinstance(native, dict) else ():
        if isinstance(fields, dict):
            for name in _OWN_NAMES.keys() & fields.keys():
                body.setdefault(_OWN_NAMES[name], fields.pop(name))


_HARMLESS = re.compile(
    r"x-(?!lingate-|litellm-|forwarded|real-ip)(?!.*(?:api-?key|token\b|secret|auth|credential|passw))"
)
"""Headers that `forward_client_headers_to_llm_api` means: nobody has looked at them one by one."""


def _forward_headers(exchange: Exchange, call: Call) -> None:
    # Pass on the headers that the owner allows, and the one by which Anthropic's clients ask for new features.
    live = exchange.live
    kept: dict[str, str] = {}
    if exchange.found.face.dialect == "anthropic":
        beta = exchange.request.header(BETA)
        if beta is not None:
            kept[BETA] = beta
    if live.forwarded or live.forwarded_prefixes or live.forwards_x:
        for name, value in exchange.request.headers():
            low = name.lower()
            named = low in live.forwarded or low.startswith(live.forwarded_prefixes)
            if (named or (live.forwards_x and _HARMLESS.match(low))) and low not in _NEVER and low != live.key_header:
                kept[low] = value
    if kept:
        call.extra_headers = kept


_NEVER = HOP | {
    *("authorization", "x-api-key", "x-goog-api-key", "api-key", "x-litellm-api-key"),
    *("content-type", "content-encoding"),
}
"""Headers that are between the client and the gateway, whatever the configuration says."""

# Which calls are equal.

# Everything that may change the answer is in the key; what only says who asks is not.
# The key is a digest: neither prompts nor names of callers can be read from it.

from __future__ import annotations

import json
import math
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from lingate._model import Call, JsonDict, Record
from lingate._wire.shapes import is_number
from lingate.errors import BadRequestError
from lingate.server.records import Caller
from lingate.server.routing import Group

_encoder = msgspec.json.Encoder(order="deterministic")
_IN_ANY_ORDER = ("messages", "input")
"""All other fields may hold schemas, by whatever name: models write what is in them in their order."""

_VERSION = 1
"""Part of every key: raised when what is kept changes its form."""

_HOW = ("stream", "stream_options")
_NOT_THE_ANSWERS = (*_HOW, "user", "metadata", "safety_identifier")
"""Fields that say how the answer is sent, and for whom: OpenAI's responses repeat the latter."""

_ON_THE_WAY = frozenset({"traceparent", "tracestate", "baggage", "x-request-id", "x-correlation-id"})
"""Headers that are different for every call and never change an answer."""

_OUR_TOOLS = ("function", "custom")
_BEYOND = (
    *("previous_response_id", "conversation", "prompt", "background", "container", "mcp_servers"),
    *("web_search_options", "search_parameters", "enable_search", "plugins", "connectors", "modalities"),
)
"""Fields with which the answer depends on more than the call: what a provider remembers, or finds out meanwhile. The words
for a search are OpenAI's, xAI's, Alibaba's, OpenRouter's and Cohere's.
"""
_IDLE = (None, False, ["text"])

CALL_TYPES = {
    "chat": ("completion", "acompletion", "anthropic_messages"),
    "completions": ("text_completion", "atext_completion"),
    "responses": ("responses", "aresponses"),
    "embeddings": ("embedding", "aembedding"),
    "rerank": ("rerank", "arerank"),
    "moderations": ("moderation", "amoderation"),
}
"""What can be kept, with LiteLLM's words for it in `supported_call_types`."""


def is_cacheable(call: Call) -> bool:
    # Whether an equal call would have an equal answer: nothing of a provider's own takes part in it.
    body = call.body
    if call.operation not in CALL_TYPES:
        return False
    if call.operation in ("embeddings", "rerank", "moderations", "completions"):
        return True
    if any(body.get(name) not in _IDLE for name in _BEYOND):
        return False
    return all(_are_ours(body.get(name)) for name in ("tools", "functions"))


def _are_ours(tools: Any) -> bool:
    # Whether the caller runs them all: a provider's own bring in what nobody can compare.
    # The functions of 2023 have a name and no type.
    return not tools or (
        isinstance(tools, list)
        and all(
            isinstance(tool, dict)
            and (tool["type"] in _OUR_TOOLS if tool.get("type") else "function" in tool or "name" in tool)
            for tool in tools
        )
    )


def owner_of(caller: Caller, scope: Literal["key", "team", "shared"]) -> tuple[str, str]:
    # Whose answers a caller may get.
    if scope == "shared":
        return ("shared", "")
    if scope == "team" and caller.team_id is not None:
        return ("team", caller.team_id)
    return ("key", caller.key_id)


def key_of(call: Call, group: Group, owner: tuple[str, str], namespace: str, tags: tuple[str, ...]) -> str | None:
    # The digest by which an answer is found; None for a call that cannot be written down.
    # group: Who is asked. Its deployments are part of the key, so that a change of theirs makes new answers.
    # tags: The call's tags, which may decide who answers.
    beside = _HOW if call.operation == "responses" else _NOT_THE_ANSWERS
    body: JsonDict = {name: value for name, value in call.body.items() if name not in beside}
    about = (
        _VERSION,
        owner,
        namespace,
        call.operation,
        group.base,
        [(item.id, item.name, item.defaults, item.extra_body, item.always_drop) for item in group.deployments],
        sorted(tags) if group.tagged else (),
        call.drop_params,
        sorted(
            item
            for item in (call.extra_headers or {}).items()
            if item[0] not in _ON_THE_WAY and not item[0].startswith("x-stainless-")
        ),
        call.extra_body,
        body,
    )
    try:
        written = _encoder.encode(about)
        ordered = [body[name] for name in sorted(body) if name not in _IN_ANY_ORDER]
        written += msgspec.json.encode((ordered, call.extra_body))
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8 form
        written = json.dumps(about).encode("ascii")
    except (TypeError, RecursionError):
        return None
    return blake2b(written, digest_size=24).hexdigest()


# What a request says about the cache: LiteLLM's `cache` field, and the header that HTTP has for it.

LONGEST = 30 * 86400.0
"""Longest time that a caller may have an answer kept, in seconds."""

_KNOWN = ("no-cache", "no-store", "ttl", "s-maxage", "namespace", "use-cache")
_MOST_NAMESPACE = 200


class Control(Record):
    # What one request wants of the cache.

    read: bool = True
    """It may be answered from the cache."""
    write: bool = True
    """Its answer may be kept."""
    ttl: float | None = None
    """For how many seconds, None for the owner's choice."""
    max_age: float | None = None
    """It is content with answers of at most this age, in seconds."""
    namespace: str = ""
    """It shares answers only with requests that say the same."""
    wanted: bool = False
    """It asks for the cache, where that is off by default."""


def control_of(field: Any, header: str | None) -> Control:
    # What a request wants.
    # Raises BadRequestError: The field is not what it must be; the message says where.
    control = Control()
    # Directives that mean nothing here are passed over, as HTTP wants it.
    for directive in (header or "").lower().split(","):
        name, _, value = directive.strip().partition("=")
        if name == "no-cache":
            control.read = False
        elif name == "no-store":
            control.write = False
        elif name == "max-age" and value.isdecimal() and len(value) < 10:
            control.max_age = float(value)
    if field is not None:
        _read_field(field, control)
    return control


def _read_field(field: Any, control: Control) -> None:
    if not isinstance(field, dict):
        raise BadRequestError("cache: must be an object, such as {'no-cache': true}")
    for name in field:
        if name not in _KNOWN:
            raise BadRequestError(f"cache: has no {name!r:.60}; it may hold {', '.join(_KNOWN)}")
    if _flag(field, "no-cache"):
        control.read = False
    if _flag(field, "no-store"):
        control.write = False
    control.wanted = _flag(field, "use-cache")
    control.ttl = _seconds(field, "ttl")
    max_age = _seconds(field, "s-maxage")
    control.max_age = control.max_age if max_age is None else max_age
    namespace = field.get("namespace") or ""
    if not isinstance(namespace, str) or len(namespace) > _MOST_NAMESPACE:
        raise BadRequestError(f"cache.namespace: must be a text of at most {_MOST_NAMESPACE} characters")
    control.namespace = namespace


def _flag(field: dict[str, Any], name: str) -> bool:
    value = field.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise BadRequestError(f"cache.{name}: must be true or false")


def _seconds(field: dict[str, Any], name: str) -> float | None:
    value = field.get(name)
    if value is None:
        return None
    if not is_number(value) or not 0 <= value < math.inf:
        raise BadRequestError(f"cache.{name}: must be a number of seconds from 0")
    return float(min(value, LONGEST))

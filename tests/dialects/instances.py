"""Instances of a vendor's types: of each object the smallest, and every value of every field, one field at a time."""

from __future__ import annotations

import inspect
import itertools
import json
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Union

import typing_extensions as typing
from pydantic import BaseModel

from lingate._dialects._base import dialect
from lingate._model import Call, ProviderRow, Target
from lingate.errors import ConfigError

_UNIONS = (Union, types.UnionType)
_WRAPPERS = (typing.Required, typing.NotRequired, typing.Annotated)
_TEXTS = {"data": "QUJD", "media_type": "image/png", "url": "https://x.test/a"}
_NEVER_THE_SAME = itertools.count()
_FREE = {"any": {"words": [None, "é"]}}
_DEEPEST = 2  # how often an object is inside of itself


def members(kind: Any) -> list[Any]:
    """The types that a union is of; for those of requests without those of answers, which are allowed there too."""
    found: list[Any] = []
    for member in map(_bare, typing.get_args(_bare(kind))):
        nested = typing.get_origin(member) in _UNIONS
        found += members(member) if nested else [member] if member is not type(None) else []
    return [member for member in found if not _is_model(member)] or found


def some(kind: Any, most: int = 60) -> Iterator[Any]:
    """The first of them, of which the last has every field."""
    found = list(instances(kind))
    yield from found if len(found) <= most else [*found[: most - 1], found[-1]]


def instances(kind: Any, name: str = "", inside: tuple[Any, ...] = ()) -> Iterator[Any]:
    """All of them. No two texts or numbers are the same, so that none can stand in for another."""
    kind = _bare(kind)
    origin = typing.get_origin(kind)
    if name == "data":  # an open file too, for the package
        yield _TEXTS[name]
    elif _is_object(kind):
        yield from _objects(kind, inside)
    elif origin in _UNIONS:
        for member in members(kind):
            yield from instances(member, name, inside)
        if type(None) in typing.get_args(kind):
            yield None
    elif origin is typing.Literal:
        yield from typing.get_args(kind)
    elif origin is dict:
        yield {f"key{next(_NEVER_THE_SAME)}": smallest(typing.get_args(kind)[1], name, inside)}
        yield {}
    elif origin is not None:  # lists, under many names
        for item in instances(typing.get_args(kind)[0], name, inside):
            yield [item]
        yield []
    else:
        yield from _simple(kind, name)


def smallest(kind: Any, name: str = "", inside: tuple[Any, ...] = ()) -> Any:
    """The first instance."""
    bare = _bare(kind)
    return _required(bare, inside) if _is_object(bare) else next(instances(kind, name, inside))


def _objects(kind: Any, inside: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    if inside.count(kind) >= _DEEPEST:
        return
    least = _required(kind, inside)
    yield least
    every = {}
    for name, inner, required in fields_of(kind):
        found = list(instances(inner, name, (*inside, kind)))
        every.update({name: found[0]} if found else {})
        for value in found[1:] if required else found:
            yield {**least, name: value}
    yield every


def _required(kind: Any, inside: tuple[Any, ...]) -> dict[str, Any]:
    return {name: smallest(inner, name, (*inside, kind)) for name, inner, needed in fields_of(kind) if needed}


def fields_of(kind: Any) -> list[tuple[str, Any, bool]]:
    """Name on the wire, type, and whether it is required."""
    if _is_model(kind):
        return [
            (field.alias or name, field.annotation, field.is_required()) for name, field in kind.model_fields.items()
        ]
    found = []
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        origin = typing.get_origin(hint)
        required = origin is typing.Required or (origin is not typing.NotRequired and name in kind.__required_keys__)
        inner = typing.get_args(hint)[0] if origin in _WRAPPERS[:2] else hint
        marks = [getattr(mark, "alias", None) for mark in getattr(inner, "__metadata__", ())]
        found.append((next(filter(None, marks), name), inner, required))
    return found


def _simple(kind: Any, name: str) -> Iterator[Any]:
    if kind is bool:
        yield from (True, False)
    elif kind is int:
        yield 1000 + next(_NEVER_THE_SAME)
    elif kind is float:
        yield 0.5
    elif kind in (Any, object):
        yield _FREE
    elif kind is str:
        yield _TEXTS.get(name) or f"{name}-{next(_NEVER_THE_SAME)}"
    elif getattr(kind, "__name__", "") == "datetime":
        yield "2026-07-14T10:00:00Z"


def _bare(kind: Any) -> Any:
    while typing.get_origin(kind) in _WRAPPERS:
        kind = typing.get_args(kind)[0]
    return kind


def _is_model(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, BaseModel)


def _is_object(kind: Any) -> bool:
    return typing.is_typeddict(kind) or _is_model(kind)


def refused_elsewhere(parse: Callable[[bytes], Call], bodies: Iterable[Any], other: str) -> list[ConfigError]:
    """What another format refuses of requests although it may leave out what it has no place for."""
    elsewhere = Target(row=ProviderRow(name="acme", dialect=other), model="m", url="https://x.test")
    refused = []
    for body, drop_params in itertools.product(bodies, (False, True)):
        made = parse(json.dumps(body).encode())
        made.drop_params = drop_params
        try:
            json.loads(dialect(other).operations["chat"].request(made, elsewhere).body)
        except ConfigError as error:
            if drop_params and "tool_call_id" not in str(error):  # the result has no call here
                refused.append(error)
    return refused

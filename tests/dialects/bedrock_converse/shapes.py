"""Instances of the shapes in the API's model: of each object the smallest, and every value of every member, one at a time."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import botocore.session

_TEXTS = {
    "uri": "s3://bucket/a.pdf",
    "schema": '{"type": "object", "properties": {}}',
    "toolUseId": "t1",
    "guardrailIdentifier": "abcdef",
    "name": "a name",
}
_NEVER_THE_SAME = itertools.count()
_DEEPEST = 2  # how often an object is inside of itself


@lru_cache
def _service() -> Any:
    return botocore.session.get_session().get_service_model("bedrock-runtime")


def shape(name: str) -> Any:
    return _service().shape_for(name)


def instances(kind: Any, name: str = "", inside: tuple[str, ...] = ()) -> Iterator[Any]:
    """All instances of a shape. No two texts or numbers are the same but for those that have a form."""
    word = kind.type_name
    if word == "structure":
        yield from [{"any": {"words": [None, "é"]}}, {}] if kind.is_document_type else _objects(kind, inside)
    elif word == "list":
        for item in instances(kind.member, name, inside):
            yield [item]
        yield []
    elif word == "map":
        for item in instances(kind.value, name, inside):
            yield {f"key{next(_NEVER_THE_SAME)}": item}
    elif getattr(kind, "enum", None):
        yield from kind.enum
    elif word == "boolean":
        yield from (True, False)
    else:
        yield _simple(word, name)


def _objects(kind: Any, inside: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if inside.count(kind.name) >= _DEEPEST:
        return
    inside = (*inside, kind.name)
    if kind.is_tagged_union:
        for name, member in kind.members.items():
            yield from ({name: value} for value in instances(member, name, inside))
        return
    found = {name: list(instances(member, name, inside)) for name, member in kind.members.items()}
    least = {name: found[name][0] for name in kind.required_members}
    yield least
    for name, values in found.items():
        for value in values[1:] if name in least else values:
            yield {**least, name: value}
    yield {name: values[0] for name, values in found.items() if values}


def _simple(word: str, name: str) -> Any:
    number = next(_NEVER_THE_SAME)
    if word == "string":
        return _TEXTS.get(name) or f"{name}-{number}"
    if word == "blob":
        return base64.b64encode(f"data {number}".encode()).decode()
    return 0.5 if word in ("float", "double") else number

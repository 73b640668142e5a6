"""An item of a stream as far as it has arrived."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lingate._dialects.openai_responses.items import call_id
from lingate._model import JsonDict

Place: TypeAlias = tuple[str, Any]
"""Where an event belongs: by `output_index`, since some hosts change an item's id from event to event, else by id."""


@dataclass(slots=True)
class Item:
    """One output item.

    Attributes:
        kind: Its type.
        ids: The ids it goes by.
        number: Place among the tool calls or the reasoning items; -1 where it is neither.
        answer: It is the tool call whose arguments are the structured answer.
        told: Pieces of its arguments or its reasoning have arrived.
        part: The part of the reasoning that is arriving.
        positions: Characters of answer text before each text part.
        annotations: How many annotations of each text part have been told.
        refused: Parts whose refusal has been told.
        ended: It has been seen whole.
    """

    kind: str
    ids: frozenset[str] = frozenset()
    number: int = -1
    answer: bool = False
    told: bool = False
    part: tuple[str, int] | None = None
    positions: dict[int, int] = field(default_factory=dict)
    annotations: dict[int, int] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    ended: bool = False


def place_of(raw: JsonDict) -> Place:
    """The place that an event names."""
    index, given = raw.get("output_index"), raw.get("item_id")
    if type(index) is int:
        return "index", index
    item = raw.get("item")
    if isinstance(item, dict) and not isinstance(given, str):
        given = item.get("id")
    return "id", given if isinstance(given, str) else ""


def index_of(raw: JsonDict, name: str) -> int:
    """A position that an event gives; the first where it gives none."""
    found = raw.get(name)
    return found if type(found) is int else 0


def ids_of(item: JsonDict) -> frozenset[str]:
    """Every id an item goes by."""
    given = item.get("id")
    return frozenset(filter(None, (given if isinstance(given, str) else "", call_id(item))))

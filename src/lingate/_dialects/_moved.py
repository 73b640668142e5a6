"""An operation of one wire format at a host that has other addresses, or another envelope, for the same bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from lingate._dialects._base import OperationFormat, StreamDecoder, StreamEncoder
from lingate._model import Call, Edit, Head, HttpRequest, JsonDict, Target

Move: TypeAlias = Callable[[Call, Target], Target]
"""The target as the format inside is to see it."""


class Moved:
    """An operation that is written for a target somewhere else, and otherwise that of the format inside.

    Args:
        inside: The operation of the format inside.
        move: Where to.
    """

    __slots__ = ("_inside", "_move")

    def __init__(self, inside: OperationFormat, move: Move) -> None:
        self._inside = inside
        self._move = move

    def request(self, call: Call, target: Target) -> HttpRequest:
        return self._inside.request(call, self._move(call, target))

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        return self._inside.response(sent, head, body)

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        return self._inside.decoder(sent, head)

    def parse_call(self, body: bytes, path_args: Mapping[str, str]) -> Call:
        return self._inside.parse_call(body, path_args)

    def render(self, response: JsonDict) -> bytes:
        return self._inside.render(response)

    def encoder(self, call: Call) -> StreamEncoder:
        return self._inside.encoder(call)


def edited(target: Target, *edits: Edit) -> Target:
    """The target with edits of the wire body that come after its own."""
    return replace(target, edits=(*target.edits, *edits))

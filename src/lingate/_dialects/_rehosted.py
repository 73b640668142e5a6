# An operation of one wire format at a host that has other addresses, or another envelope, for the same bodies.

from __future__ import annotations

from collections.abc import Callable

from lingate._dialects._base import Form, OperationFormat
from lingate._model import Call, Edit, Target, replaced

Move = Callable[[Call, Target], Target]
"""The target as the format inside is to see it."""


class Rehosted(Form):
    # An operation that is written for a target somewhere else, and otherwise that of the format inside.

    def __init__(self, inside: OperationFormat, move: Move) -> None:
        super().__init__(
            lambda call, target: inside.request(call, move(call, target)),
            inside.response,
            inside.parse_call,
            inside.render,
            inside.decoder,
            inside.encoder,
        )
        self._inside = inside  # whose bodies these are


def edited(target: Target, *edits: Edit) -> Target:
    # The target with edits of the wire body that come after its own.
    return replaced(target, edits=(*target.edits, *edits))

"""Arguments of a function call that arrive value by value, each with the JSON path of its place (RFC 9535, names and
indices only): `{"jsonPath": "$.places[0].city", "stringValue": "Bos", "willContinue": true}`.
"""

from __future__ import annotations

import re
from typing import Any

from lingate._dialects._check import Malformed, expect
from lingate._model import JsonDict

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""")
_ESCAPE = re.compile(r"\\(.)")
_MAX_STEPS = 64


class ArgsBuilder:
    """Puts values in their places."""

    __slots__ = ("_open", "args")

    def __init__(self) -> None:
        self.args: JsonDict = {}
        self._open: str | None = None

    def add(self, pieces: Any) -> None:
        """Take the next `partialArgs`.

        Raises:
            Malformed: A piece has no path, or one that leads nowhere.
        """
        expect(pieces, list, "partialArgs")
        for piece in pieces:
            expect(piece, dict, "partialArgs[]")
            path = piece.get("jsonPath")
            expect(path, str, "partialArgs[].jsonPath")
            value = _value(piece)
            steps = _steps(path)
            if isinstance(value, str) and self._open == path:
                value = self._place(steps, None) + value
            self._place(steps, value)
            self._open = path if isinstance(value, str) and piece.get("willContinue") else None

    def _place(self, steps: list[str | int], value: Any) -> Any:
        """Put a value at the end of a path, making what is on the way; None reads what is there."""
        node: Any = self.args
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            last = following is None
            if isinstance(step, int):
                _expect_room(node, step)
                if step == len(node):
                    node.append(None)
            elif not isinstance(node, dict):
                raise Malformed("partialArgs[].jsonPath", "names a member of what is no object")
            have = node[step] if isinstance(step, int) else node.get(step)
            if last:
                if value is None:
                    return have if isinstance(have, str) else ""
                node[step] = None if value is _NULL else value
            elif not isinstance(have, (dict, list)):
                node[step] = [] if isinstance(following, int) else {}
            node = node[step]
        return None


_NULL = object()


def _expect_room(node: Any, index: int) -> None:
    if not isinstance(node, list) or index > len(node):
        raise Malformed("partialArgs[].jsonPath", "has an index of what is no list, or one that leaves a gap")


def _value(piece: JsonDict) -> Any:
    """The value of a piece; a string where it names none, since empty ones are left out."""
    if piece.get("numberValue") is not None:
        number = piece["numberValue"]
        return int(number) if isinstance(number, float) and number.is_integer() else number
    if "boolValue" in piece:
        return piece["boolValue"]
    if "nullValue" in piece:
        return _NULL
    text = piece.get("stringValue", "")
    expect(text, str, "partialArgs[].stringValue")
    return text


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    at = 1
    while path.startswith("$") and at < len(path):
        found = _STEP.match(path, at)
        if found is None or len(steps) > _MAX_STEPS:
            break
        name, index, *quoted = found.groups()
        words = next((word for word in (name, *quoted) if word is not None), "")
        steps.append(int(index) if index is not None else words if name is not None else _ESCAPE.sub(r"\1", words))
        at = found.end()
    if not steps or at != len(path):
        raise Malformed("partialArgs[].jsonPath", "must be a path of names and indices")
    return steps

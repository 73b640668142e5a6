"""Checks of decoded JSON that a format promises to look a certain way."""

from __future__ import annotations

from typing import Any

_TYPES: dict[type, str] = {str: "a string", dict: "an object", list: "a list", bool: "true or false"}


class Malformed(ValueError):
    """A value is not what the format promises.

    Attributes:
        where: Path of the value.
        why: What is wrong with it.
    """

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why


def expect(value: Any, kind: type, where: str) -> None:
    """Check the JSON type of one value.

    Raises:
        Malformed: It is another.
    """
    if not isinstance(value, kind):
        raise Malformed(where, f"must be {_TYPES[kind]}")

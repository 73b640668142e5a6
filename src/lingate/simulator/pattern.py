"""A string for a regular expression: the part of the syntax that JSON schemas use."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

_WORD = string.ascii_lowercase + string.ascii_uppercase + string.digits + "_"
_PLAIN = string.ascii_lowercase + string.digits + string.ascii_uppercase + " -_.,:;!?@#$%&*()+=/'\"[]{}<>|\\^~`"
_CLASSES = {"d": string.digits, "w": _WORD, "s": " ", "D": string.ascii_lowercase, "W": "-. ", "S": _WORD}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_MANY = 1 << 16


@dataclass(slots=True)
class _Chars:
    allowed: str


@dataclass(slots=True)
class _Sequence:
    parts: list[_Node]


@dataclass(slots=True)
class _Choice:
    options: list[_Node]


@dataclass(slots=True)
class _Repeat:
    part: _Node
    low: int
    high: int


_Node: TypeAlias = _Chars | _Sequence | _Choice | _Repeat

Pick: TypeAlias = Callable[[int], int]
"""Given n, a number from 0 to n-1."""


def string_matching(pattern: str, low: int, high: int | None, pick: Pick) -> str | None:
    """A string that the pattern finds, of a length from `low` to `high`; None if none was found."""
    try:
        compiled = re.compile(pattern)
        tree = _Parser(pattern).parse()
    except (re.error, ValueError):
        return None
    # A pattern without anchors may stand anywhere, so padding after the match is a way to reach the length.
    tail = "" if pattern.endswith("$") else "x" * low
    for extra in (0, 1, 2, 4, 8, 16, low, low + 16):
        text = _render(tree, extra, pick)
        for candidate in (text, text[:high], text + tail, (text + tail)[: max(low, len(text))]):
            if len(candidate) >= low and (high is None or len(candidate) <= high) and compiled.search(candidate):
                return candidate
    return None


def _render(node: _Node, extra: int, pick: Pick) -> str:
    match node:
        case _Chars(allowed):
            return allowed[pick(len(allowed))] if allowed else ""
        case _Sequence(parts):
            return "".join(_render(part, extra, pick) for part in parts)
        case _Choice(options):
            return _render(options[pick(len(options))], extra, pick)
        case _Repeat(part, low, high):
            return "".join(_render(part, extra, pick) for _ in range(min(high, low + extra)))


class _Parser:
    """Recursive descent over the pattern. What it does not know raises ValueError."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def parse(self) -> _Node:
        node = self._choice()
        if self.at < len(self.text):
            raise ValueError("unbalanced parenthesis")
        return node

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise ValueError("the pattern ends too early")
        self.at += 1
        return char

    def _choice(self) -> _Node:
        options = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            options.append(self._sequence())
        return options[0] if len(options) == 1 else _Choice(options)

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._peek() not in ("", "|", ")"):
            atom = self._atom()
            if atom is not None:
                parts.append(self._quantified(atom))
        return parts[0] if len(parts) == 1 else _Sequence(parts)

    def _atom(self) -> _Node | None:
        char = self._take()
        if char in "^$":
            return None
        if char == ".":
            return _Chars(_PLAIN)
        if char == "[":
            return self._set()
        if char == "(":
            return self._group()
        if char == "\\":
            found = self._escape()
            return _Chars(found) if found else None
        return _Chars(char)

    def _group(self) -> _Node | None:
        looks = False
        if self._peek() == "?":
            self.at += 1
            kind = self._take()
            if kind == "P" or (kind == "<" and self._peek() not in ("=", "!")):
                self.at = self.text.index(">", self.at) + 1
            elif kind != ":":
                # Look-arounds consume nothing; whether the result obeys them is checked at the end.
                looks = True
        node = self._choice()
        if self._take() != ")":
            raise ValueError("a group is not closed")
        return None if looks else node

    def _escape(self) -> str:
        """The characters an escape stands for; empty for one that consumes nothing."""
        char = self._take()
        if char in "bBAZz":
            return ""
        if char in _CLASSES:
            return _CLASSES[char]
        if char in "xu":
            size = 2 if char == "x" else 4
            self.at += size
            return chr(int(self.text[self.at - size : self.at], 16))
        if char.isdigit() and char != "0":
            raise ValueError("back-references are not supported")
        return _CONTROLS.get(char, char)

    def _set(self) -> _Node:
        negated = self._peek() == "^"
        if negated:
            self.at += 1
        allowed: list[str] = []
        while self._peek() != "]" or not allowed:
            chars = self._set_item()
            if self._peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", "") and len(chars) == 1:
                self.at += 1
                last = self._set_item()
                chars = "".join(map(chr, range(ord(chars), min(ord(last[:1]), ord(chars) + 512) + 1)))
            allowed.append(chars)
        self.at += 1
        joined = "".join(allowed)
        return _Chars("".join(c for c in _PLAIN if c not in joined) if negated else joined)

    def _set_item(self) -> str:
        char = self._take()
        return self._escape() if char == "\\" else char

    def _quantified(self, atom: _Node) -> _Node:
        low, high = 1, 1
        char = self._peek()
        if char in ("*", "+", "?") and char:
            self.at += 1
            low, high = {"*": (0, _MANY), "+": (1, _MANY), "?": (0, 1)}[char]
        elif braces := re.compile(r"\{(\d*)(,?)(\d*)\}").match(self.text, self.at):
            if not braces[1] and not braces[3]:
                return atom
            self.at = braces.end()
            low = int(braces[1] or 0)
            high = int(braces[3]) if braces[3] else (_MANY if braces[2] else low)
        else:
            return atom
        if self._peek() in ("?", "+") and self._peek():
            self.at += 1
        return _Repeat(atom, low, min(high, _MANY))

# Reads plain values into records by the records' annotations.

# Collects what is wrong instead of stopping at the first.

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from lingate.errors import ConfigError

T = TypeVar("T")

Place = tuple[str | int, ...]
"""Keys and numbers of entries that lead to a value."""


class Problem(NamedTuple):
    # Something that is wrong.

    where: str
    """File and line."""
    place: Place
    """Keys that lead there."""
    text: str
    """What is wrong, without any value that may be a secret."""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""  # the environment has neither file nor line
        return f"{where}{dotted(self.place)} {self.text}" if self.place else where + self.text


class ConfigFileError(ConfigError):
    # The configuration has errors; the message lists all of them.

    # files: Where it may be put right, as far as they were read.

    def __init__(self, path: str, problems: Sequence[Problem], files: tuple[str, ...] = ()) -> None:
        self.problems, self.files = tuple(problems), files
        count = f"{len(self.problems)} error{'s' if len(self.problems) != 1 else ''}"
        super().__init__("\n".join((f"{path} has {count}:", *map("  {}".format, self.problems))))


class FromEnv(str):
    # A text that came from a variable: it may stand for a number or a switch, which YAML would have told apart.

    __slots__ = ("variable",)
    variable: str

    def __new__(cls, text: str, variable: str) -> FromEnv:
        made = super().__new__(cls, text)
        made.variable = variable
        return made


class Unset(NamedTuple):
    # A reference to a variable that is not set.

    variable: str


def dotted(place: Sequence[str | int]) -> str:
    # A place as people write it: `model_list[0].litellm_params.rpm`.
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part!s:.80}" for part in place)
    return text.removeprefix(".")


def nearest(word: str, known: Sequence[str], template: float = 0.6) -> str:
    # The end of a message about a word that is nearly known; empty for any other.
    near = get_close_matches(word, known, 1, template)
    return f"; did you mean {near[0]!r}?" if near else ""


def closest(word: str, known: Sequence[str]) -> str:
    # The end of a message about an unknown word.
    if near := nearest(word, known):
        return near
    return f"; known are {', '.join(sorted(known))}" if len(known) <= 40 else ""


class Bad(Exception):
    # A value that is not what it must be; the text says what it must be.
    pass


@lru_cache(maxsize=64)
def hints_of(record: Any) -> dict[str, Any]:
    return get_type_hints(record, include_extras=True)


class Reading:
    # One pass over a configuration.

    def __init__(self, where: Any) -> None:
        self._where = where
        self.problems: list[Problem] = []
        self.undone: dict[Place, str] = {}

    def problem(self, place: Sequence[str | int], text: str) -> None:
        self.problems.append(Problem(self._where(tuple(place)), tuple(place), text))

    def record(
        self,
        wanted: type[T],
        data: Any,
        place: Place,
        *,
        undone: Mapping[str, str] | None = None,
        also: Sequence[str] = (),
        near: Callable[[str], str] = lambda key: "",
    ) -> T:
        # Read a mapping into a record.
        # data: The mapping; None for one without keys.
        # undone: Keys that are known, have no effect here, and what to use instead.
        # also: Keys that are read elsewhere.
        # near: Says where an unknown key belongs; empty where it does not know either.
        kind: Any = wanted
        hints = hints_of(kind)
        given: dict[str, Any] = {}
        for key, value in self.mapping(data, place).items():
            if key in hints:
                found = self.value(value, hints[key], (*place, key))
                if found is not MISSING:
                    given[key] = found
            elif key in also:
                continue
            elif undone is not None and key in undone:
                self.undone[*place, key] = undone[key]
            else:
                self.problem((*place, key), f"is unknown{near(key) or closest(key, (*hints, *also))}")
        for item in fields(kind):
            if item.default is item.default_factory is MISSING and item.name not in given:
                self.problem((*place, item.name), "is missing")
                given[item.name] = None
        return wanted(**given)

    def mapping(self, data: Any, place: Sequence[str | int]) -> Mapping[str, Any]:
        if data is None or isinstance(data, Unset):
            return {}
        if not isinstance(data, Mapping):
            self.problem(place, f"must be a mapping, not {found(data)}")
            return {}
        for key in data:
            if not isinstance(key, str):
                self.problem(place, f"has a key that is {found(key)}; write it in quotes")
        return {key: value for key, value in data.items() if isinstance(key, str)}

    def value(self, value: Any, wanted: Any, place: Place) -> Any:
        # Read a value; MISSING where there is none, or a problem was noted.
        if value is None or isinstance(value, Unset):
            return MISSING
        if get_origin(wanted) in (Union, UnionType):
            wanted = next(part for part in get_args(wanted) if part is not type(None))
        if wanted is Any:
            return plain(value)
        origin, parts = get_origin(wanted), get_args(wanted)
        if origin is tuple:
            return self._sequence(value, parts[0], place)
        if origin in (dict, Mapping):
            return self._there(self.mapping(value, place).items(), parts[1], place)
        if is_dataclass(wanted):
            return self.record(wanted, value, place)  # type: ignore[arg-type]
        try:
            return scalar(value, wanted)
        except Bad as bad:
            self.problem(place, str(bad))
            return MISSING

    def _sequence(self, value: Any, wanted: Any, place: Place) -> Any:
        if isinstance(value, str):
            # `callbacks: prometheus` is as clear as a list of one, and a variable can hold no list.
            value = [part.strip() for part in value.split(",")] if isinstance(value, FromEnv) else [value]
        if not isinstance(value, list | tuple):
            self.problem(place, f"must be a list, not {found(value)}")
            return MISSING
        return tuple(self._there(enumerate(value), wanted, place).values())

    def _there(self, items: Iterable[tuple[Any, Any]], wanted: Any, place: Place) -> dict[Any, Any]:
        # What was read of items, by their keys or numbers.
        read = {key: self.value(item, wanted, (*place, key)) for key, item in items}
        return {key: item for key, item in read.items() if item is not MISSING}


def plain(value: Any) -> Any:
    # A value of any kind, its texts ordinary ones again; what refers to an unset variable is left out.
    if isinstance(value, FromEnv):
        return str(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items() if not isinstance(item, Unset)}
    if isinstance(value, list | tuple) and not isinstance(value, Unset):
        return [plain(item) for item in value if not isinstance(item, Unset)]
    return value


_FOUND = {bool: "a switch", int: "a whole number", float: "a number", str: "a text", list: "a list", dict: "a mapping"}


def found(value: Any) -> str:
    # What kind of value was found, never the value: it may be a secret in the wrong place.
    if isinstance(value, FromEnv):
        return f"the text in the variable {value.variable}"
    return _FOUND.get(type(value), type(value).__name__)


def scalar(value: Any, wanted: Any) -> Any:
    # One value of a simple type.
    # Raises Bad: It is something else.
    if get_origin(wanted) is Annotated:
        base, rule = get_args(wanted)[:2]
        return _RULES[rule](value, base)
    if get_origin(wanted) is Literal:
        words = get_args(wanted)
        if isinstance(value, str) and value in words:
            return str(value)
        # What is no word, and resembles none of these, may be a secret in the wrong place.
        if isinstance(value, str) and not isinstance(value, FromEnv) and (value.isalpha() or nearest(value, words)):
            raise Bad(f"is {value!r:.60}{closest(value, words)}")
        raise Bad(f"must be one of {', '.join(words)}, not {found(value)}")
    return _simple(value, wanted)


_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_SWITCHES = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _simple(value: Any, wanted: type) -> Any:
    if isinstance(value, str) and wanted is not str:
        # A variable is always a text; so are "60" in quotes and, in YAML 1.1, 1e-6 without a point.
        return _from_text(value, wanted)
    if (wanted is float and type(value) is int) or (wanted is str and isinstance(value, str)):
        return wanted(value)
    if type(value) is not wanted or (wanted is float and value != value):
        hint = "; write it in quotes" if wanted is str and not isinstance(value, list | dict) else ""
        raise Bad(f"must be {_NAMES[wanted]}, not {found(value)}{hint}")
    return value


def _from_text(value: str, wanted: type) -> Any:
    text = value.strip()
    try:
        return _SWITCHES[text.lower()] if wanted is bool else wanted(text)
    except (KeyError, ValueError):
        raise Bad(f"must be {_NAMES[wanted]}, not {found(value)}") from None


_DURATION = re.compile(r"(\d{1,15}(?:\.\d+)?)\s*(ms|s|m|h|d|w|mo|y)?")
_SECONDS = {"ms": 0.001, "s": 1, None: 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 2592000, "y": 31536000}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d+)?)\s*([KMG]i?)?B?", re.IGNORECASE)
_UNITS = {None: 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def _duration(value: Any, base: type) -> float:
    if not isinstance(value, str):
        return float(_from_zero(value, float, "a number of seconds"))
    if match := _DURATION.fullmatch(value.strip()):
        return float(match[1]) * _SECONDS[match[2]]
    raise Bad(f"must be a number of seconds or a time such as 30s, 10m, 24h, 30d, 1mo, not {found(value)}")


def _size(value: Any, base: type) -> int:
    if not isinstance(value, str):
        return int(_from_zero(value, int, "a number of bytes"))
    if match := _SIZE.fullmatch(value.strip()):
        return int(float(match[1]) * _UNITS[match[2] and match[2][0].lower()])
    raise Bad(f"must be a number of bytes or a size such as 10MB, not {found(value)}")


_PERIOD = re.compile(r"[1-9]\d{0,8}(s|m|h|d|w|mo|y)")


def _period(value: Any, base: type) -> str:
    if isinstance(value, str) and _PERIOD.fullmatch(value.strip()):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return f"{value}s"
    raise Bad(f"must be a period such as 1h, 1d, 30d or 1mo, not {found(value)}")


def _from_zero(value: Any, base: type, what: str | None = None) -> Any:
    read = _simple(value, base)
    if not 0 <= read < float("inf"):
        raise Bad(f"must be {what or _NAMES[base]} from 0")
    return read


def _secret(value: Any, base: type) -> str:
    if not isinstance(value, str):
        raise Bad(f"must be a text, not {found(value)}; write it in quotes")
    return str(value)


_RULES = {
    "duration": _duration,
    "period": _period,
    "size": _size,
    "count": _from_zero,
    "amount": _from_zero,
    "secret": _secret,
}

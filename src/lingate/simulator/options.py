# What a client asks of the simulator, in parts of the model's name or in `x-sim-*` headers (headers win).

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lingate._model import Fixed, replaced
from lingate.errors import BadRequestError

MAX_WORDS = 100_000


class FaultSpec(Fixed, frozen=True):
    # A fault that was asked for: `times` is how many requests it hits, None for all.

    name: str
    arg: float | None = None
    times: int | None = None


class Options(Fixed, frozen=True):
    # How to answer.

    delay: float = 0.0
    """Seconds before each token."""
    first_delay: float = 0.0
    """Seconds before the first event, on top."""
    words: int | None = None
    """Length of the answer's text; None for the natural one."""
    parallel: int | None = None
    """How many tools to call at once; None for one."""
    dimensions: int | None = None
    """Size of embedding vectors where the request does not say."""
    tools: bool = True
    """Whether tools are called at all when the choice is left to the model."""
    unique: bool = False
    """Whether every answer has an id of its own, instead of the same one for the same request."""
    faults: tuple[FaultSpec, ...] = ()
    """What goes wrong."""


def read_options(model: str, headers: Mapping[str, str], names: Mapping[str, str], defaults: Options) -> Options:
    # Options of one request: those of its headers, else those in the model's name, else the defaults.
    #
    # `names` are known faults and their aliases, to the fault's name. What does not exist is a `BadRequestError`.
    options = _from_headers(headers, names, _from_model(model, names, defaults))
    if options.words is not None and options.words > MAX_WORDS:
        raise BadRequestError(f"at most {MAX_WORDS} words can be asked for")
    return options


def _from_model(model: str, names: Mapping[str, str], options: Options) -> Options:
    parts = re.split(r"[-/:@]", model.lower())
    faults: list[FaultSpec] = []
    times: int | None = None
    for at, part in enumerate(parts):
        following = parts[at + 1] if at + 1 < len(parts) else ""
        if part == "fault":
            fault, used = _fault_name(parts[at + 1 :], names)
            faults.append(FaultSpec(fault, _number(parts[at + 1 + used]) if at + 1 + used < len(parts) else None))
        elif part == "flaky" and following.isdigit():
            times = int(following)
        elif part == "notools":
            options = replaced(options, tools=False)
        elif part == "parallel":
            options = replaced(options, parallel=int(following) if following.isdigit() else 2)
        elif part in _PARTS and following.isdigit():
            options = _with_number(options, _PARTS[part], int(following))
    if times is not None:
        faults = [replaced(fault, times=times) for fault in faults or [FaultSpec("unavailable")]]
    return replaced(options, faults=options.faults + tuple(faults)) if faults else options


_PARTS = {"words": "words", "delay": "delay", "first": "first_delay", "dims": "dimensions"}
"""Parts of a model's name that a number follows, and the option that it is for."""
_NUMBERS = {
    "x-sim-delay-ms": "delay",
    "x-sim-first-token-ms": "first_delay",
    "x-sim-words": "words",
    "x-sim-parallel": "parallel",
    "x-sim-dimensions": "dimensions",
}
"""Headers that hold a number, and the option that it is for."""


def _with_number(options: Options, name: str, number: float) -> Options:
    changed: dict[str, Any] = {name: number / 1000 if name in ("delay", "first_delay") else int(number)}
    return replaced(options, **changed)


def _fault_name(parts: list[str], names: Mapping[str, str]) -> tuple[str, int]:
    # The longest run of parts that names a fault, and its length: `rate-limit` is `rate_limit`.
    for size in range(min(4, len(parts)), 0, -1):
        name = names.get("_".join(parts[:size]))
        if name:
            return name, size
    raise _unknown(parts[0] if parts else "", names)


def _from_headers(headers: Mapping[str, str], names: Mapping[str, str], options: Options) -> Options:
    for header, value in headers.items():
        if header == "x-sim-fault":
            options = replaced(options, faults=_header_faults(value, names))
        elif header in _NUMBERS:
            options = _with_number(options, _NUMBERS[header], _amount(header, value))
        elif header in ("x-sim-unique", "x-sim-tools"):
            switched: dict[str, Any] = {header[6:]: value.strip().lower() not in ("0", "false", "no", "off")}
            options = replaced(options, **switched)
        elif header.startswith("x-sim-"):
            raise BadRequestError(f"the simulator has no header {header}")
    return options


def _header_faults(value: str, names: Mapping[str, str]) -> tuple[FaultSpec, ...]:
    # `name[=arg][; times=N]`, several separated by commas.
    faults = []
    for item in filter(None, (piece.strip() for piece in value.split(","))):
        head, *settings = (piece.strip() for piece in item.split(";"))
        name, _, arg = head.partition("=")
        known = names.get(name.strip().lower().replace("-", "_"))
        if known is None:
            raise _unknown(name, names)
        times = None
        for setting in settings:
            key, _, number = setting.partition("=")
            if key.strip() != "times":
                raise BadRequestError(f"a fault has no setting {key.strip()!r}, only times=N")
            times = int(_amount("times", number))
        faults.append(FaultSpec(known, _amount(name, arg) if arg else None, times))
    return tuple(faults)


def _amount(name: str, text: str) -> float:
    number = _number(text)
    if number is None:
        raise BadRequestError(f"{name} needs a number that is not negative, got {text!r}")
    return number


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\s*\d{1,12}(\.\d{1,9})?\s*", text, re.ASCII) else None


def _unknown(name: str, names: Mapping[str, str]) -> BadRequestError:
    return BadRequestError(f"the simulator has no fault {name!r}; it has: {', '.join(sorted(set(names.values())))}")

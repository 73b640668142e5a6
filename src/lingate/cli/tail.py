"""`lingate tail`: the calls of a running gateway as they end, one line each."""

from __future__ import annotations

from dataclasses import dataclass

from lingate._wire import json
from lingate.cli.admin_line import AdminLine
from lingate.cli.screen import Screen
from lingate.errors import ProtocolError

_SILENCE = 30.0
"""Seconds without a byte: the gateway sends something every ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    model: str | None = None
    key: str | None = None
    team: str | None = None
    errors: bool = False
    as_json: bool = False
    count: int | None = None
    url: str | None = None


def run(screen: Screen, options: Options) -> None:
    """Show calls until the gateway stops, the number asked for has passed, or Ctrl-C."""
    events = AdminLine(options.url).follow(
        "tail",
        silence=_SILENCE,
        model=options.model,
        key=options.key,
        team=options.team,
        errors=options.errors or None,
    )
    shown = 0
    for name, data in events:
        if name == "lost":
            screen.note(f"{_lost(data)} calls are not shown: they came faster than they were read")
        elif name == "call":
            screen.answer((data.decode("utf-8", "replace") if options.as_json else line_of(data)) + "\n")
            shown += 1
            if shown == options.count:
                return
    screen.note("the gateway has stopped")


def line_of(data: bytes) -> str:
    from lingate.server.lines import ESCAPES, call_of, call_text, time_text

    try:
        row, message = call_of(data)
    except ValueError:
        raise ProtocolError("that is not a call: is this a Lingate gateway?") from None
    text = f"{time_text(row.at + row.seconds)[11:-1]} {call_text(row, row.model)}"
    return f"{text}: {message[:200].translate(ESCAPES)}" if message else text


def _lost(data: bytes) -> object:
    try:
        return json.decode(data)["calls"]
    except (ValueError, LookupError, TypeError):
        return "some"

# `lingate tail`: the calls of a running gateway as they end, one line each.

from __future__ import annotations

from lingate._wire import json
from lingate.cli.admin_client import AdminClient
from lingate.cli.screen import Screen
from lingate.errors import ProtocolError

_SILENCE = 30.0
"""Seconds without a byte: the gateway sends something every ten."""


def run(screen: Screen, *, url: str | None, as_json: bool, count: int | None, **wanted: str | bool | None) -> None:
    # Show calls until the gateway stops, the number asked for has passed, or Ctrl-C.
    events = AdminClient(url).follow("tail", silence=_SILENCE, **wanted)
    shown = 0
    if screen.terminal:
        screen.note("calls are shown as they end; Ctrl-C leaves")
    for name, data in events:
        if name == "lost":
            screen.note(f"{_lost(data)} calls are not shown: they came faster than they were read")
        elif name == "call":
            screen.answer((data.decode("utf-8", "replace") if as_json else line_of(data)) + "\n")
            shown += 1
            if shown == count:
                return
    screen.note("the gateway has stopped")


def line_of(data: bytes) -> str:
    from lingate.server.access_log import ESCAPES, call_of, call_text, time_text

    try:
        row, message = call_of(data)
    except ValueError:
        raise ProtocolError("that is not a call: is this a Lingate gateway?") from None
    text = f"{time_text(row.at + row.seconds)[11:]} {call_text(row, str)}"
    return f"{text}: {message[:200].translate(ESCAPES)}" if message else text


def _lost(data: bytes) -> object:
    try:
        return json.decode(data)["calls"]
    except (ValueError, LookupError, TypeError):
        return "some"

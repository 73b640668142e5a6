# A gateway's log: a line for each call and what went wrong, for people or as JSON, without secrets.

# Nobody who answers calls waits for a log: lines are handed to a thread, in bounded numbers, and what finds no room is
# counted and the count written. `docs/observability.md` has the fields.

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import msgspec

from lingate.errors import LingateError
from lingate.server.access_log import ESCAPES, call_fields, call_text, time_text
from lingate.server.records import LedgerRow
from lingate.server.redaction import Redaction, secrets_of

if TYPE_CHECKING:
    from lingate.server.config.settings import GatewayConfig
    from lingate.server.gateway import Gateway
    from lingate.server.live import Live

_MOST_WAITING = 20_000
_TOGETHER = 0.2
"""Seconds that lines of calls wait for others: one wake-up of the thread is dearer than the lines themselves."""

_MOST_NAMES = 2048
_ACCESS = "lingate.access"
_LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}


class _Line(NamedTuple):
    at: float
    level: str
    logger: str
    message: str
    trace: str | None


class Logs(logging.Handler):
    # config: What the gateway is set to: level, format, and the secrets that are blanked.
    # env: The environment, whose secrets are blanked too.

    def __init__(self, config: GatewayConfig, env: Mapping[str, str], stream: TextIO) -> None:
        super().__init__()
        self.lost = 0
        self._env = env
        self._stream = stream
        self._redaction = Redaction()
        self._gateway: Gateway | None = None
        self._live: Live | None = None
        self._rows: list[LedgerRow] = []
        self._flushing: asyncio.TimerHandle | None = None
        self._models: dict[str, str] = {}
        self._encode = msgspec.json.Encoder().encode
        self._json = False
        self._access = False
        self._queue: SimpleQueue[_Line | list[LedgerRow] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="lingate-log", daemon=True)
        self._configure(config)

    def attach(self, gateway: Gateway) -> None:
        # Write a line for each call of a gateway, and follow changes of its configuration.
        self._gateway, self._live = gateway, gateway.live
        gateway.observers.append(self.observe)

    def observe(self, row: LedgerRow, error: LingateError | None) -> None:
        # Note a call that has ended; called on the loop's thread.
        if not self._access:
            if self._gateway is not None and self._gateway.live is not self._live:
                self._follow()
            return
        rows = self._rows
        if len(rows) >= _MOST_WAITING:
            self.lost += 1
            return
        rows.append(row)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_TOGETHER, self._hand_over)

    def emit(self, record: logging.LogRecord) -> None:
        # Note a line of the program's own.
        if self._queue.qsize() >= _MOST_WAITING:
            self.lost += 1
            return
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        trace = None
        if record.exc_info is not None and record.exc_info[1] is not None:
            trace = "".join(traceback.format_exception(record.exc_info[1]))
        self._queue.put(_Line(record.created, record.levelname, record.name, message, trace))

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        # Write what is waiting, and no more.
        # Not `close`: whoever configures logging anew calls that.
        if self._flushing is not None:
            self._flushing.cancel()
            self._hand_over()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(5.0)
        self.close()

    def _hand_over(self) -> None:
        self._flushing = None
        rows, self._rows = self._rows, []
        if not rows:
            return
        if self._queue.qsize() >= _MOST_WAITING:
            self.lost += len(rows)
        else:
            self._queue.put(rows)

    def _configure(self, config: GatewayConfig) -> None:
        level = _LEVELS[config.settings.log_level]
        self._json = config.settings.json_logs
        self._access = config.own.access_log and level <= logging.INFO
        logging.getLogger("lingate").setLevel(level)
        self._redaction.learn(secrets_of(config, self._env))
        self._models = {}

    def _follow(self) -> None:
        gateway = self._gateway
        if gateway is not None and gateway.live is not self._live:
            self._live = gateway.live
            self._configure(gateway.live.config)

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                break
            self._follow()
            text = "".join(map(self._access_line, item)) if isinstance(item, list) else self._line(item)
            if self.lost:
                lost, self.lost = self.lost, 0
                now = time.time()
                text += self._line(
                    _Line(now, "WARNING", "lingate.logs", f"{lost} lines of the log found no room", None)
                )
            # Where nobody reads any more there is nobody to be told.
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(self._redaction.known(text))
                self._stream.flush()

    def _line(self, line: _Line) -> str:
        message = self._redaction.clean(line.message)
        trace = None if line.trace is None else self._redaction.clean(line.trace)
        if self._json:
            fields = {"at": time_text(line.at), "level": line.level, "logger": line.logger, "message": message}
            return self._encoded(fields if trace is None else {**fields, "trace": trace})
        text = f"{time_text(line.at)} {line.level:<7} {line.logger}: {message.translate(ESCAPES)}\n"
        if trace is not None:
            text += "".join(f"    {part.translate(ESCAPES)}\n" for part in trace.splitlines())
        return text

    def _access_line(self, row: LedgerRow) -> str:
        if self._json:
            head = {"at": time_text(row.at + row.seconds), "level": "INFO", "logger": _ACCESS, "message": "call"}
            return self._encoded({**head, **call_fields(row, self._shown)})
        return f"{time_text(row.at + row.seconds)} INFO    {_ACCESS}: {call_text(row, self._shown)}\n"

    def _encoded(self, fields: dict[str, Any]) -> str:
        return self._encode(fields).decode() + "\n"

    def _shown(self, name: str) -> str:
        # A model's name fit for a line: it is the caller's word, and might be anything.
        shown = self._models.get(name)
        if shown is None:
            shown = self._redaction.clean(name[:200]).translate(ESCAPES)
            if len(self._models) >= _MOST_NAMES:
                self._models.clear()
            self._models[name] = shown
        return shown


@contextlib.contextmanager
def writing(config: GatewayConfig, env: Mapping[str, str], stream: TextIO) -> Iterator[Logs]:
    # Write the process's log for the length of a `with`.
    root, own = logging.getLogger(), logging.getLogger("lingate")
    before, own_before = root.level, own.level
    logs = Logs(config, env, stream)
    root.addHandler(logs)
    root.setLevel(logging.WARNING)
    logs.start()
    try:
        yield logs
    finally:
        root.removeHandler(logs)
        root.setLevel(before)
        own.setLevel(own_before)
        logs.end()

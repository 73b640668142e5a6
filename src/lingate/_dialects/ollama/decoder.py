"""From the upstream: the lines of a stream as canonical events."""

from __future__ import annotations

from typing import Any

from lingate._dialects._dates import epoch
from lingate._dialects.ollama.facts import NAME
from lingate._dialects.ollama.reading import (
    calls_of,
    error_of,
    extras_of,
    logprobs_of,
    made_id,
    message_of,
    seed_of,
    usage_of,
)
from lingate._dialects.openai_chat.reading import malformed
from lingate._dialects.openai_chat.reasons import canonical_reason, settle
from lingate._model import (
    Event,
    Extra,
    Failed,
    Finish,
    Head,
    HttpRequest,
    JsonDict,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate._wire.json import decode
from lingate._wire.ndjson import NdjsonDecoder
from lingate.errors import LingateError, StreamInterruptedError

_LINE = frozenset({"model", "created_at", "message", "done"})
_TEXT = frozenset({"role", "content"})


class Decoder:
    """NDJSON -> canonical events. A whole answer on one line is a stream of one line."""

    __slots__ = ("_calls", "_extra", "_lines", "_over", "_seed", "_sent", "done")

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        self._sent = sent
        self._lines = NdjsonDecoder()
        self._seed: str | None = None
        self._calls = 0
        self._extra: JsonDict = {}
        self._over = False
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        if self._over:
            return []
        out: list[Event] = []
        try:
            for line in self._lines.feed(data):
                self._read(line, out)
                if self.done:
                    break
        except LingateError as error:
            self._fail(error, out)
        except ValueError as error:
            self._fail(malformed(self._sent.target, str(error)), out)
        return out

    def finish(self) -> list[Event]:
        if self._over:
            return []
        out: list[Event] = []
        try:
            for line in self._lines.finish():
                self._read(line, out, last=True)
        except LingateError as error:
            self._fail(error, out)
        if not self._over:
            target = self._sent.target
            interrupted = StreamInterruptedError(
                "the stream ended before its last line", provider=target.provider, model=target.model
            )
            self._fail(interrupted, out)
        return out

    def _read(self, line: bytes, out: list[Event], last: bool = False) -> None:
        try:
            raw = decode(line)
        except ValueError as error:
            if last:
                return  # half a line: the stream was cut
            raise malformed(self._sent.target, f"a line of the stream is {error}") from None
        if not isinstance(raw, dict):
            raise malformed(self._sent.target, f"a line of the stream is a JSON {type(raw).__name__}, not an object")
        message: Any = raw.get("message")
        if (
            self._seed is not None
            and raw.keys() == _LINE
            and type(message) is dict
            and message.keys() == _TEXT
            and type(message["content"]) is str
            and raw["done"] is False
        ):
            # The path of nearly every line.
            if message["content"]:
                out.append(Text(message["content"], 0, raw))
            return
        stated = error_of(raw, self._sent.target)
        if stated is not None:
            raise stated
        self._take(raw, out)

    def _take(self, raw: JsonDict, out: list[Event]) -> None:
        target = self._sent.target
        message = message_of(raw, target)
        if self._seed is None:
            self._seed = seed_of(raw)
            model = raw.get("model")
            name = model if isinstance(model, str) and model else target.model
            out.append(Start(made_id("chatcmpl-", self._seed), name, epoch(raw.get("created_at")), raw=raw))
        if message.get("thinking"):
            out.append(Thinking(message["thinking"], raw=raw))
        logprobs = logprobs_of(raw)
        if message.get("content") or logprobs:
            out.append(Text(message.get("content") or "", 0, raw, logprobs))
        for call in calls_of(message, self._seed, self._calls, target):
            out.append(ToolStart(self._calls, call["id"], call["function"]["name"], raw=raw))
            out.append(ToolArgs(self._calls, call["function"]["arguments"], 0, raw))
            self._calls += 1
        top, inner = extras_of(raw, message)
        self._extra.update(top)
        if inner:
            out.append(Extra({"provider_specific_fields": {NAME: inner}}, 0, raw))
        if raw.get("done") is True:
            self._end(raw, out)

    def _end(self, raw: JsonDict, out: list[Event]) -> None:
        usage = usage_of(raw)
        if usage is not None:
            out.append(Usage(usage, raw))
        if self._extra:
            out.append(Extra({"provider_specific_fields": {NAME: self._extra}}, None, raw))
        native = raw.get("done_reason")
        word = settle(canonical_reason(native), calls=self._calls > 0)
        out.append(Finish(word, 0, native if isinstance(native, str) and native else None, raw))
        self.done = self._over = True

    def _fail(self, error: LingateError, out: list[Event]) -> None:
        self._over = True
        out.append(Failed(error))

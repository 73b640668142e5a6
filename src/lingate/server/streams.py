# Streamed answers: from the upstream's pieces to the client's, with the ledger's row before the last of them.

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import re
from time import monotonic

from lingate._call.plan import Streaming, open_stream
from lingate._call.stream import StreamState
from lingate._dialects._base import StreamEncoder
from lingate._io.aio import perform
from lingate._io.transport import AsyncByteStream, untied
from lingate._model import Event, Start, Text
from lingate.errors import LingateError, StreamInterruptedError
from lingate.server.cache import collected
from lingate.server.continuation import Continuation, continuation_of
from lingate.server.costing import note_stream
from lingate.server.errors import OverloadError, internal
from lingate.server.exchange import Exchange
from lingate.server.http import ClientGoneError, Sink
from lingate.server.relay import begun, encoder_for, is_plain, may_relay

_log = logging.getLogger("lingate.gateway")

_STOPPING = "the gateway is shutting down"
_EVENTS = "text/event-stream"
_COMMENT = b": keep-alive\n\n"
_WITHOUT_COMMENTS = frozenset({"gemini"})
"""Formats whose clients take every line for data: Google's packages fail at a comment, in all their languages."""
_NO_BUFFERING = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))
_NOT_SILENT = math.inf

_LOOK = 0.25
"""Seconds between two looks for silent streams."""


async def stream(exchange: Exchange) -> None:
    # Answer as a stream.
    # The head goes out when the upstream's first event is there: until then an error is an answer.
    opened = await perform(open_stream(exchange.chain, exchange.context), exchange.transport)
    try:
        exchange.note_first_event(opened)
        encoder = encoder_for(exchange)
        exchange.dropped = opened.sent.dropped
        # What comes first is ready before the head goes out, so that both leave together.
        relay = Relay(exchange, opened, encoder)
        first = relay.begin(opened.taken)
        sink = await exchange.reply.stream(200, [*exchange.headers(encoder.content_type), *_NO_BUFFERING])
        exchange.started = True
    except BaseException:
        state = StreamState(opened, exchange.context.trail)
        state.begin()
        note_stream(exchange, state)
        await opened.stream.aclose()
        raise
    exchange.gateway.streams.add(relay)
    try:
        await relay.run(first, sink)
    except LingateError as error:
        await relay.fail(error)
    except (ClientGoneError, asyncio.CancelledError):
        raise
    except Exception:
        _log.exception("call %s failed in mid-stream", exchange.row.id)
        await relay.fail(internal())
    finally:
        exchange.gateway.streams.discard(relay)
        relay.close()
        sink.close()


class Streams(set["Relay"]):
    def interrupt(self) -> None:
        # Let every stream end with an error that says why: the gateway is about to stop.
        for relay in list(self):
            relay.interrupt()

    async def keep_alive(self) -> None:
        # Send comments on streams that have been silent for long, so that nobody between here and there gives them up.
        while True:
            await asyncio.sleep(_LOOK)
            self._look(monotonic())

    def _look(self, now: float) -> None:
        # Not in the loop above, which would hold the last stream for as long as there is no other.
        for relay in list(self):
            relay.keep_alive(now)


class Relay:
    # One streamed answer.

    __slots__ = (
        "_aligned",
        "_comment",
        "_edge",
        "_encoder",
        "_events",
        "_exchange",
        "_held",
        "_interrupted",
        "_more",
        "_plain",
        "_raw",
        "_silence",
        "_silent_since",
        "_sink",
        "_state",
        "_stream",
        "_task",
        "_template",
    )

    def __init__(self, exchange: Exchange, opened: Streaming, encoder: StreamEncoder) -> None:
        content_type = encoder.content_type.partition(";")[0]
        self._exchange = exchange
        self._encoder = encoder
        self._sink: Sink
        self._state = StreamState(opened, exchange.context.trail)
        self._stream: AsyncByteStream = opened.stream
        self._task = asyncio.current_task()
        self._events = content_type == _EVENTS
        comments = self._events and exchange.found.face.dialect not in _WITHOUT_COMMENTS
        self._silence = exchange.live.keepalive if comments else 0.0
        self._comment: asyncio.Task[None] | None = None
        self._interrupted = False
        self._silent_since = _NOT_SILENT  # since when nothing comes, while it is waited for
        self._more = continuation_of(exchange)
        same = bool(opened.taken) and may_relay(exchange, opened.sent)
        openai = exchange.found.face.dialect == "openai_chat"
        # OpenAI's streams hold what their client may not have asked for (token counts), the others nothing of the kind.
        self._plain = same and openai
        # An answer that somebody else may go on with is written by the encoder from its beginning.
        whose = same and not openai and self._more is None and not exchange.found.listed
        said = opened.head.headers.get("content-type", "")
        unlike = self._events and opened.taken.lstrip()[:1] in (b"{", b"[")  # no events, whatever its head says
        self._raw = whose and said.startswith(content_type) and not unlike
        self._template = ChunkTemplate()
        self._aligned = True  # what has come so far ends where an event ends
        self._held: list[bytes] = []  # the beginning of an event, whose end has not come yet
        self._edge = b""  # its last bytes: what ends it may lie across two pieces

    def interrupt(self) -> None:
        # End the stream with an error: the gateway stops.
        self._interrupted = True
        if self._task is not None:
            self._task.cancel()

    def keep_alive(self, now: float) -> None:
        # Send a comment if nothing has been sent for long.
        # Nobody waits for it: its client may have stopped to read.
        if self._silence and now - self._silent_since >= self._silence:
            self._silent_since = now
            if self._comment is None or self._comment.done():
                self._comment = asyncio.create_task(self._send_comment())

    async def _send_comment(self) -> None:
        with contextlib.suppress(ClientGoneError):  # the call itself notices
            await self._sink.send(_COMMENT)

    def close(self) -> None:
        if self._comment is not None:
            self._comment.cancel()

    async def fail(self, error: LingateError) -> None:
        # End the answer with an error that is no fault of the upstream's.
        await self._stream.aclose()
        self._exchange.refuse(error)
        await self._sink.send(self._encoder.error(error))

    async def run(self, first: bytes, sink: Sink) -> None:
        # Send what has begun and what comes until it ends, and the end only when it is written down.
        exchange = self._exchange
        self._sink = sink
        rest = b""
        try:
            rest = await self._forward(first)
            while self._more is not None and self._more.may(self._state) and await self._goes_on(self._more, rest):
                rest = b""
                rest = await self._forward(self.begin(b""))
        except asyncio.CancelledError:
            if not self._interrupted:
                raise
            self._state.broken(StreamInterruptedError(_STOPPING))
        finally:
            state = self._state
            self._note(state)
            if not state.whole:
                await self._stream.aclose()
        self._task = None  # what is left is the end, and not to be interrupted
        exchange.settle(200, state.error)
        if state.error is not None:
            # It is not the provider whose answer ended early then.
            rest += self._encoder.error(OverloadError(_STOPPING) if self._interrupted else state.error)
        elif not self._raw:
            for event in self._more.untold(state) if self._more is not None else ():
                rest += self._encoder.event(event)
            rest += self._encoder.end()
        await self._sink.send(rest)
        if state.whole:
            await self._stream.finish()

    def begin(self, data: bytes) -> bytes:
        # What goes out of what has come so far, which was read from this.
        events = self._state.begin()
        for event in events:
            if type(event) is Start:
                data = begun(self._exchange, event, data)
                if self._raw:
                    self._encoder.event(event)  # what it may have to end with an error
        return self._written(data, events)

    async def _forward(self, out: bytes) -> bytes:
        # Send everything but the end; gives that.
        exchange, state, takes = self._exchange, self._state, self._template.takes
        read, send = self._stream.read, self._sink.send
        while not state.done:
            if out:
                await send(out)
                exchange.gateway.affinity.give_way(exchange.gateway.in_flight)
            if self._interrupted:
                # Awaitables that are not asyncio's own may lose a cancellation: seen with 200 streams at once.
                raise asyncio.CancelledError
            self._silent_since = began = monotonic()
            try:
                piece = await read()
            except LingateError as error:
                state.broken(untied(error))
                return self._written(b"", [])
            finally:
                self._silent_since = _NOT_SILENT
                exchange.waited += monotonic() - began
            if piece is None:
                out = self._written(b"", state.end())
            else:
                out = piece if takes(piece) else self._written(piece, state.feed(piece))
        return out

    def _note(self, state: StreamState) -> None:
        # Write down what the answer used, and keep it if it is wanted and whole.
        exchange, more = self._exchange, self._more
        if more is not None and more.count:
            more.note(state)
        elif more is None or not more.noted(state):
            note_stream(exchange, state)
            if exchange.keep and state.done and state.error is None:
                collected(exchange, state)

    async def _goes_on(self, more: Continuation, rest: bytes) -> bool:
        # Let another deployment go on where this stream broke off; False if none does.
        await self._stream.aclose()
        self._silent_since = monotonic()
        opened = await more.opened(self._state)
        self._silent_since = _NOT_SILENT
        if opened is None:
            return False
        self._state = StreamState(opened, self._exchange.context.trail)
        self._stream = opened.stream
        self._plain = self._raw = False
        self._template = ChunkTemplate()
        await self._sink.send(rest)
        return True

    def _written(self, data: bytes, events: list[Event]) -> bytes:
        if self._raw:
            return self._whole_events(data)
        if self._plain and data:
            aligned, self._aligned = self._aligned, data.endswith(b"\n\n")
            if aligned and events and is_plain(data, events):
                if len(events) == 1:
                    (event,) = events
                    assert type(event) is Text  # nothing else is plain
                    self._template.learn(data, event, self._state.collector.texts(event.choice))
                return data
            if not self._aligned:
                self._template.forget()
        if self._more is not None:
            events = self._more.edited(events)
        if len(events) == 1:
            return self._encoder.event(events[0])
        return b"".join(map(self._encoder.event, events))

    def _whole_events(self, data: bytes) -> bytes:
        # What is held back and the piece, up to the end of its last event.
        state, held = self._state, self._held
        if state.error is not None or (state.done and not data):
            return self._last_events(b"".join((*held, data)))
        if not held and data.endswith(b"\n\n"):
            return data
        across = self._edge + data
        end = self._end_in(across) - len(self._edge)
        if end <= 0:
            held.append(data)
            self._edge = across[-3:]
            return b""
        whole = b"".join((*held, data[:end]))
        self._held = [data[end:]]
        self._edge = data[end:][-3:]
        return whole

    def _last_events(self, data: bytes) -> bytes:
        # The same at the end. An error of the upstream's own is left out: ours follows instead.
        if self._state.error is None:
            # Some leave out what ends an event at the very end.
            return data + (b"\n\n" if self._events else b"\n") if data else data
        # Where the upstream does not say so itself, nobody knows where in the piece the failure begins.
        found = _FAILURE.search(data)
        data = data[: found.start()] if found else b""
        return data[: self._end_in(data)]

    def _end_in(self, data: bytes) -> int:
        return _end_of_events(data) if self._events else data.rfind(b"\n") + 1


_FAILURE = re.compile(rb'"error"(?!\s*:\s*null)')
_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")


def _end_of_events(data: bytes) -> int:
    # Where the last whole event ends.
    if data.endswith(b"\n\n"):
        return len(data)
    if b"\r" not in data:
        return data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0
    return max((found.end() for found in _BLANK_LINE.finditer(data)), default=0)


# Chunks that look like the one before: nearly all of a stream's, and nothing is to be found out about them but their text.

_TEXT = b'"content":"'
_PADDING = b'"obfuscation":"'
_END = b'"}\n\n'
_BEFORE_END = slice(None, -len(_END))
_MORE_TO_SAY = b'"finish_reason":"'


class ChunkTemplate:
    # Knows what a stream's last ordinary chunk looked like, in OpenAI's format.

    # The first of its kind is decoded. Another that is the same byte for byte around its text (and OpenAI's padding)
    # means the same, so its text is all there is to take from it.

    __slots__ = ("_after", "_before", "_padded", "_texts")

    def __init__(self) -> None:
        self._before = b""
        self._after = b""
        self._padded = False
        self._texts: list[str] = []

    def learn(self, data: bytes, event: Text, texts: list[str]) -> None:
        # Take a chunk, which was decoded to nothing but this text, as the pattern.
        # `texts` are where such texts go.
        before, mark, rest = data.partition(_TEXT)
        text, _, after = rest.partition(b'"')
        self._before = b""
        if (
            not mark
            or _TEXT in rest
            or _MORE_TO_SAY in after
            or event.logprobs is not None
            or not data.startswith(b"data: {")
            or data.find(b"\n\n") != len(data) - 2
            or text != event.text.encode("utf-8", "surrogatepass")
        ):
            return
        head, padding, _ = after.partition(_PADDING)
        self._padded = bool(padding)
        self._after = head + padding
        self._before = before + mark
        self._texts = []
        if not self.takes(data):
            self.forget()
        self._texts = texts

    def forget(self) -> None:
        # Take no chunk until another has been learned.
        self._before = b""

    def takes(self, data: bytes) -> bool:
        # Whether a chunk looks the same; its text is taken then.
        # Done for each event of a stream.
        before = self._before
        if not before or not data.startswith(before):
            return False
        raw, _, rest = data[len(before) :].partition(b'"')
        if self._padded:
            padding = rest[len(self._after) :]
            if not (
                rest.startswith(self._after) and padding.endswith(_END) and (b"0" + padding[_BEFORE_END]).isalnum()
            ):
                return False
        elif rest != self._after:
            return False
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return False
        # Control characters have no place in JSON, and a backslash begins something that is to be read.
        if not text or "\\" in text or not text.isprintable():
            return False
        self._texts.append(text)
        return True

"""From the upstream: the bytes of a stream as canonical events."""

from __future__ import annotations

from lingate._dialects.anthropic.facts import NAME
from lingate._dialects.anthropic.response import garbage, read_message
from lingate._dialects.anthropic.stream import MessageStream
from lingate._model import (
    Annotations,
    Event,
    Extra,
    Finish,
    Head,
    HttpRequest,
    JsonDict,
    Refusal,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate._wire.json import decode
from lingate._wire.sse import SseDecoder, SseEvent
from lingate.errors import LingateError


class Decoder:
    """SSE of the Messages API -> canonical events.

    A host that answers a request for a stream with one JSON body, an error or a whole message, is understood too.
    """

    __slots__ = ("_body", "_head", "_sent", "_sse", "_stream", "done")

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        self._sent = sent
        self._head = head
        self._sse = SseDecoder()
        self._stream = MessageStream(sent, head)
        self.done = False
        self._body: list[bytes] | None = [] if "json" in head.headers.get("content-type", "") else None

    def feed(self, data: bytes) -> list[Event]:
        if self._stream.over:
            return []
        if self._body is not None:
            self._body.append(data)
            return []
        out: list[Event] = []
        try:
            records = self._sse.feed(data)
        except ValueError as error:
            self._stream.fail(garbage(self._sent.target, str(error)), out)
            return out
        if records:
            self._read(records, out)
        return out

    def finish(self) -> list[Event]:
        out: list[Event] = []
        if self._stream.over:
            return out
        if self._body:
            self._read_whole(b"".join(self._body), out)
            return out
        self._read(self._sse.finish(), out, last=True)
        self._stream.cut(out)
        self.done = self._stream.done
        return out

    def _read(self, records: list[SseEvent], out: list[Event], last: bool = False) -> None:
        stream = self._stream
        for _, data in records:
            try:
                raw = decode(data)
            except ValueError as error:
                if data.strip() == b"[DONE]":
                    continue  # not of this format, but some hosts add it
                if last:
                    return  # half an event: the stream was cut
                stream.fail(garbage(self._sent.target, str(error)), out)
                return
            stream.read(raw, out)
            if stream.over:
                self.done = stream.done
                return

    def _read_whole(self, body: bytes, out: list[Event]) -> None:
        try:
            response, raw = read_message(self._sent, self._head, body)
        except LingateError as error:
            self._stream.fail(error, out)
            return
        out.extend(events_of(response, raw))
        self.done = self._stream.over = True


def events_of(response: JsonDict, raw: JsonDict) -> list[Event]:
    """The events that a stream of this canonical response would have had."""
    choice = response["choices"][0]
    message = choice["message"]
    events: list[Event] = [Start(response["id"], response["model"], response["created"], raw=raw)]
    for n, block in enumerate(message.get("thinking_blocks", ())):
        text, data = block.get("thinking", ""), block.get("data")
        events.append(Thinking(text, block=n, signature=block.get("signature"), redacted=data, raw=raw))
    if message["content"]:
        events.append(Text(message["content"], raw=raw))
    for n, call in enumerate(message.get("tool_calls", ())):
        events.append(ToolStart(n, call["id"], call["function"]["name"], raw=raw))
        events.append(ToolArgs(n, call["function"]["arguments"], raw=raw))
    if message.get("annotations"):
        events.append(Annotations(message["annotations"], raw=raw))
    if message.get("refusal"):
        events.append(Refusal(message["refusal"], raw=raw))
    if "usage" in response:
        events.append(Usage(response["usage"], raw))
    for holder, place in ((response, None), (message, 0)):
        if holder.get("provider_specific_fields"):
            events.append(Extra({"provider_specific_fields": holder["provider_specific_fields"]}, place, raw))
    native = (response.get("provider_specific_fields") or {}).get(NAME, {}).get("stop_reason")
    events.append(Finish(choice["finish_reason"], 0, native, raw))
    return events

# The upstream's stream as canonical events.

# How a stream ends. A finish reason closes its choice, but the `Finish` event is held until the stream itself says that
# no more comes: with a chunk of usage alone, or with `[DONE]`. So a stream that is cut after its finish reason does
# not pass as whole, and a tool call that follows a premature `stop` still counts. `[DONE]` is required unless the
# `stream_end` trait says that a finish reason is enough, or the chunk with the finish reason holds the whole message too
# (Perplexity). With `[DONE]` but without a finish reason (Snowflake never sends one) a choice that has content ends as
# `stop` or `tool_calls`; one that has none was interrupted.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import (
    body_failure,
    decode_object,
    hidden_error,
    malformed,
    new_id,
    not_an_object,
    raise_hidden,
    unsaid_reason,
)
from lingate._dialects._counts import unix
from lingate._dialects._replay import replay
from lingate._dialects.openai_chat.choice import ChoiceStream
from lingate._dialects.openai_chat.response import canonical_response
from lingate._dialects.openai_chat.usage import canonical_usage
from lingate._model import Event, Extra, Failed, Head, HttpRequest, JsonDict, Start, Text, Usage
from lingate._wire.json import REFUSED, decode, loads
from lingate._wire.shapes import dig
from lingate._wire.sse import MAX_EVENT_BYTES, SseDecoder, SseEvent
from lingate.errors import LingateError, StreamInterruptedError

_KNOWN = frozenset({"id", "object", "created", "model", "choices", "usage", "error", "obfuscation", "p"})
"""Top-level fields with a meaning of their own; `obfuscation` (OpenAI) and `p` (Mistral) are padding."""

# A chunk with no other fields than these can take the short way. The last three repeat without news.
_QUIET = _KNOWN - {"error"} | {"system_fingerprint", "service_tier", "provider"}
_QUIET_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs", "native_finish_reason"})
_TEXT_DELTA = frozenset({"content", "role"})
_ANSWER = frozenset({"choices", "usage", "id"})
_DONE = b"[DONE]"


class ChatDecoder:
    # Decodes one stream; see `StreamDecoder`.

    __slots__ = (
        "_body",
        "_choice_keys",
        "_choices",
        "_counted",
        "_extra",
        "_headers",
        "_keys",
        "_over",
        "_plain",
        "_sent",
        "_size",
        "_sse",
        "_start",
        "_usage",
        "done",
    )

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        self.done = False
        self._sent = sent
        self._headers = head.headers
        self._sse = SseDecoder()
        self._over = False
        self._body: list[bytes] | None = []  # None once it is clear that this is a stream and not one JSON body
        self._size = 0
        self._start: Start | None = None
        self._extra: JsonDict = {}
        self._usage: JsonDict | None = None
        self._counted: JsonDict | None = None  # the chunk with counts that are not told yet
        self._choices: dict[int, ChoiceStream] = {}
        # What the last ordinary text chunk looked like: one that looks the same needs no second look.
        self._plain: set[int] = set()
        self._keys: frozenset[str] = frozenset()
        self._choice_keys: frozenset[str] = frozenset()

    def feed(self, data: bytes) -> list[Event]:
        if self._over:
            return []
        if self._body is not None:
            return self._sniff(data)
        events: list[Event] = []
        try:
            frames = self._sse.feed(data)
            for frame in frames:
                try:
                    chunk = loads(frame[1])
                except REFUSED:
                    if frame[1].strip() == _DONE:
                        self._complete(events)
                        break
                    chunk = self._leniently(frame)
                try:
                    (choice,) = chunk["choices"]
                    delta = choice["delta"]
                    text = delta.get("content")
                    if (
                        type(text) is str
                        and text
                        and choice["index"] in self._plain
                        and chunk.keys() == self._keys
                        and choice.keys() == self._choice_keys
                        and (len(delta) == 1 or delta.keys() == _TEXT_DELTA)
                        and not (choice.get("finish_reason") or choice.get("logprobs") or chunk.get("usage"))
                    ):
                        events.append(Text(text, choice["index"], chunk))
                        continue
                except (ValueError, TypeError, KeyError, AttributeError):
                    pass  # not ordinary: the long way says what it is
                self._chunk(chunk, frame[0], events)
        except LingateError as error:
            self._fail(error, events)
        except ValueError as error:
            self._fail(malformed(self._sent.target, str(error)), events)
        return events

    def finish(self) -> list[Event]:
        if self._over:
            return []
        events: list[Event] = []
        try:
            if self._body:
                self._read_whole(b"".join(self._body), events)
            else:
                self._read_rest(events)
                if not self.done and not self._ends_by_reason():
                    raise self._interrupted()
                if not self.done:
                    self._complete(events)
        except LingateError as error:
            self._fail(error, events)
        self._over = True
        return events

    def _sniff(self, data: bytes) -> list[Event]:
        # Some servers answer a request for a stream with one JSON body; its first character tells.
        body = self._body
        assert body is not None
        if not body:
            data = data.lstrip(b"\xef\xbb\xbf \t\r\n")
            if not data:
                return []
            if data[0] not in b"{[":
                self._body = None
                return self.feed(data)
        body.append(data)
        self._size += len(data)
        events: list[Event] = []
        if self._size > MAX_EVENT_BYTES:
            self._fail(malformed(self._sent.target, f"the answer is larger than {MAX_EVENT_BYTES} bytes"), events)
        return events

    def _read_whole(self, body: bytes, events: list[Event]) -> None:
        raw = decode_object(body, self._sent.target)
        raise_hidden(raw, self._sent.target, self._headers)
        events.extend(replay(canonical_response(raw, self._sent), raw))
        self.done = True

    def _read_rest(self, events: list[Event]) -> None:
        # The last event, if no blank line followed it; one that is cut in the middle does not count.
        for name, payload in self._sse.finish():
            if payload.strip() == _DONE:
                self._complete(events)
                continue
            try:
                chunk = decode(payload)
            except ValueError:
                continue
            self._chunk(chunk, name, events)

    def _leniently(self, frame: SseEvent) -> Any:
        # What is no strict JSON: read as `decode` does, None for a blank, else an error in words, or rubbish.
        try:
            return decode(frame[1])
        except ValueError as error:
            payload = frame[1].strip()
            if payload and frame[0] == "error":
                return {"error": payload.decode("utf-8", "replace")}
            if payload:
                raise malformed(self._sent.target, f"a stream event is {error}") from None
            return None

    def _chunk(self, chunk: Any, name: str, events: list[Event]) -> None:
        target = self._sent.target
        if chunk is None:
            return
        if not isinstance(chunk, dict):
            raise not_an_object(chunk, target, "a stream event")
        error = hidden_error(chunk, target, self._headers)
        if error is None and (name == "error" or "error_message" in chunk or chunk.keys().isdisjoint(_ANSWER)):
            told = {"error": chunk or "unknown error"} if name == "error" else chunk
            error = body_failure(told, target, headers=self._headers)
        if error is not None:
            raise error
        choices = chunk.get("choices") or []
        if not isinstance(choices, list):
            raise malformed(target, f"a stream event's choices is a {type(choices).__name__}, not a list")
        self._top(chunk, bool(choices), events)
        for at, choice in enumerate(choices):
            self._choice(choice, at, chunk, events)
        usage = canonical_usage(_usage_of(chunk, choices))
        if usage is not None:
            if usage != self._usage:
                self._usage, self._counted = usage, chunk
            if not choices:
                for state in self._choices.values():
                    if state.finished:
                        state.settle(chunk, events)
            # A reason and counts in one chunk may be the last, or be so in every chunk: the next one tells.
            if not choices or not any(state.finished for state in self._choices.values()):
                self._tell_usage(events)
        if len(choices) == 1:
            self._remember(chunk, choices[0])

    def _tell_usage(self, events: list[Event]) -> None:
        if self._usage is not None and self._counted is not None:
            events.append(Usage(self._usage, self._counted))
            self._counted = None

    def _top(self, chunk: JsonDict, answers: bool, events: list[Event]) -> None:
        # `Start` with the first chunk that has a choice (Azure's first has none, and no id), then what changes.
        news: JsonDict = {}
        if not chunk.keys() <= _KNOWN:
            news = {
                name: value
                for name, value in chunk.items()
                if name not in _KNOWN and value is not None and self._extra.get(name) != value
            }
            self._extra.update(news)
        if self._start is not None:
            if news:
                events.append(Extra(news, raw=chunk))
        elif answers:
            identity, model = chunk.get("id"), chunk.get("model")
            self._start = Start(
                identity if identity and isinstance(identity, str) else new_id("chatcmpl-"),
                model if model and isinstance(model, str) else self._sent.target.model,
                unix(chunk.get("created")),
                dict(self._extra) or None,
                chunk,
            )
            events.append(self._start)

    def _choice(self, choice: Any, at: int, chunk: JsonDict, events: list[Event]) -> None:
        if not isinstance(choice, dict):
            raise malformed(self._sent.target, f"a stream event's choices[{at}] is not an object")
        index = choice.get("index")
        index = index if type(index) is int else at
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = ChoiceStream(index, self._sent)
        state.add(choice, chunk, events)
        if not state.plain:
            self._plain.discard(index)

    def _remember(self, chunk: JsonDict, choice: JsonDict) -> None:
        # Let chunks that look like this one take the short way, if this one had no more than text.
        index, delta = choice.get("index"), choice.get("delta")
        state = self._choices.get(index) if type(index) is int else None
        if (
            state is not None
            and state.plain
            and isinstance(delta, dict)
            and delta.get("content")
            and delta.keys() <= _TEXT_DELTA
            and chunk.keys() <= _QUIET
            and choice.keys() <= _QUIET_CHOICE
        ):
            self._plain.add(state.index)
            self._keys = frozenset(chunk)
            self._choice_keys = frozenset(choice)

    def _ends_by_reason(self) -> bool:
        enough = self._sent.target.traits.get("stream_end", "done") == "finish"
        states = self._choices.values()
        return bool(states) and all(state.whole or (enough and state.finished) for state in states)

    def _complete(self, events: list[Event]) -> None:
        if not self._choices:
            raise malformed(self._sent.target, "the stream ended without an answer")
        if any(not state.finished and not state.spoken for state in self._choices.values()):
            raise self._interrupted()
        unsaid = unsaid_reason(self._sent, self._usage, len(self._choices))
        for state in self._choices.values():
            state.settle(None, events, unsaid)
        self._tell_usage(events)
        self.done = self._over = True

    def _interrupted(self) -> StreamInterruptedError:
        target = self._sent.target
        what = "before its first event" if self._start is None else "without its end marker"
        return StreamInterruptedError(
            f"the stream from {target.provider} ended {what}", provider=target.provider, model=target.model
        )

    def _fail(self, error: LingateError, events: list[Event]) -> None:
        self._over = True
        self._tell_usage(events)
        events.append(Failed(error))


def _usage_of(chunk: JsonDict, choices: list[JsonDict]) -> Any:
    # The counts of a chunk, wherever they are: Groq has them in a field of its own, Moonshot in the choice.
    given = chunk.get("usage") or dig(chunk, "x_groq", "usage")
    return given or next((choice["usage"] for choice in choices if choice.get("usage")), None)

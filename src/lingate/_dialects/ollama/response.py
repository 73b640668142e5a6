# From the upstream: whole answers, and the lines of a stream, in canonical form.

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from lingate._dialects._answers import (
    canonical_reason,
    decode_object,
    malformed,
    new_id,
    provider_failed,
    settle,
)
from lingate._dialects._counts import integer, usage_beside_caches
from lingate._dialects._draft import keep
from lingate._dialects._failure import body_failure
from lingate._dialects._reading import spoken
from lingate._dialects._sse_stream import StreamedAnswer
from lingate._dialects._times import epoch
from lingate._dialects.ollama.facts import COUNTS, NAME, PLACEHOLDER
from lingate._dialects.openai_chat.response import arguments_text
from lingate._model import (
    Event,
    Extra,
    Finish,
    Head,
    HttpRequest,
    JsonDict,
    Start,
    Target,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate._wire.json import decode
from lingate._wire.json_streams import NdjsonDecoder
from lingate._wire.shapes import as_dicts, as_str, dig, not_null
from lingate.errors import BadRequestError, LingateError

_TOP = frozenset(
    {
        "model",
        "created_at",
        "message",
        "response",
        "thinking",
        "tool_calls",
        "done",
        "done_reason",
        "logprobs",
        *COUNTS,
    }
)
_MESSAGE = frozenset({"role", "content", "thinking", "tool_calls"})


def message_of(raw: JsonDict, target: Target) -> JsonDict:
    # The message inside an answer or line: `/api/chat` has one, `/api/generate` has its fields at the top.
    # Raises ProtocolError: there is none, or a field of it has the wrong type.
    message = raw.get("message")
    if message is None and "response" in raw:
        message = {"content": raw["response"], "thinking": raw.get("thinking"), "tool_calls": raw.get("tool_calls")}
    if message is None and raw.get("done") is True:
        message = {}
    if not isinstance(message, dict):
        raise malformed(target, "the answer has no message")
    for name, kind in (("content", str), ("thinking", str), ("tool_calls", list)):
        if message.get(name) is not None and not isinstance(message[name], kind):
            raise malformed(target, f"a message's {name} is a {type(message[name]).__name__}")
    return message


def calls_of(message: JsonDict, seed: str, first: int, target: Target) -> list[JsonDict]:
    # Tool calls in canonical form.
    # Older servers give them no ids: then these are made of when and where they came.
    # `first`: how many calls the answer has had before.
    # Raises ProtocolError: one is not a call.
    calls = []
    for n, call in enumerate(message.get("tool_calls") or ()):
        function = dig(call, "function")
        name = dig(function, "name")
        if not isinstance(function, dict) or not isinstance(name, str) or not name:
            raise malformed(target, "a tool call has no function name")
        ident = as_str(call.get("id")) or made_id(PLACEHOLDER, seed, str(first + n))
        text = arguments_text(function.get("arguments"))
        calls.append({"id": ident, "type": "function", "function": {"name": name, "arguments": text}})
    return calls


def made_id(prefix: str, *parts: str) -> str:
    # An id that is the same whenever it is made of the same parts.
    return prefix + blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=12).hexdigest()


def seed_of(raw: JsonDict) -> str:
    # What tells one answer from another: its time, which has nanoseconds; chance where it has whole seconds only.
    created = as_str(raw.get("created_at"))
    return f"{raw.get('model')} {created}" if "." in created else new_id("")


def usage_of(raw: JsonDict) -> JsonDict | None:
    # Token counts; None where there are none.
    # With a warm cache older servers leave out those of the prompt.
    read, written, cached = (integer(raw.get(name)) for name in COUNTS)
    fresh = read if read is None or cached is None else read - cached
    return usage_beside_caches(fresh, written, cached, None) or None


def logprobs_of(raw: JsonDict) -> JsonDict | None:
    # Log-probabilities as OpenAI has them, whose entries always have bytes and alternatives.
    items = as_dicts(raw.get("logprobs"))
    return {"content": [{"top_logprobs": [], **_logprob(item)} for item in items], "refusal": None} if items else None


def extras_of(raw: JsonDict, message: JsonDict) -> tuple[JsonDict, JsonDict]:
    # Fields without a canonical name: of the answer, and of the message.
    top = not_null(raw, _TOP)
    inner = {name: value for name, value in message.items() if name not in _MESSAGE and value}
    return top, inner


def error_of(raw: JsonDict, target: Target) -> LingateError | None:
    # The error that a body or line holds, if it holds one.
    # In mid-stream there is no status (older servers) and mostly no code; what is not about the request is the
    # server's.
    given = raw.get("error")
    if not given and "done" in raw:
        return None
    found = body_failure(raw, target)
    status = integer(raw.get("status"))
    if given and type(found) is BadRequestError and (status is None or status >= 500):
        return provider_failed(target, given if isinstance(given, str) else "an error without a description")
    return found


def _logprob(item: JsonDict) -> JsonDict:
    token = as_str(item.get("token"))
    others = list(map(_logprob, as_dicts(item.get("top_logprobs"))))
    made: JsonDict = {"bytes": list(token.encode("utf-8", "surrogatepass")), **item, "token": token}
    if "top_logprobs" in item or others:
        made["top_logprobs"] = others
    return made


def read_object(body: bytes, target: Target) -> JsonDict:
    # The body as a JSON object that is no error; raises as `OperationFormat.response`.
    raw = decode_object(body, target)
    error = error_of(raw, target)
    if error is not None:
        raise error
    return raw


def read_chat(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # A whole answer of `/api/chat` or `/api/generate` as a canonical response, and as it came.
    target = sent.target
    raw = read_object(body, target)
    native = message_of(raw, target)
    seed = seed_of(raw)
    calls = calls_of(native, seed, 0, target)
    top, inner = extras_of(raw, native)
    message = spoken(
        native.get("content") or (None if calls else ""),
        reasoning_content=native.get("thinking"),
        tool_calls=calls,
        provider_specific_fields=inner and {NAME: inner},
    )
    reason = raw.get("done_reason")
    choice = {"index": 0, "message": message, "finish_reason": settle(canonical_reason(reason), calls=bool(calls))}
    if isinstance(reason, str) and reason:
        choice["native_finish_reason"] = reason
    logprobs = logprobs_of(raw)
    if logprobs is not None:
        choice["logprobs"] = logprobs
    response: JsonDict = {
        "id": made_id("chatcmpl-", seed),
        "object": "chat.completion",
        "created": epoch(raw.get("created_at")),
        "model": as_str(raw.get("model")) or target.model,
        "choices": [choice],
        "usage": usage_of(raw),
    }
    return keep(response, NAME, top), raw


_LINE = frozenset({"model", "created_at", "message", "done"})
_TEXT = frozenset({"role", "content"})


class Decoder(StreamedAnswer):
    # NDJSON -> canonical events. A whole answer on one line is a stream of one line.

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        super().__init__(sent)
        self._lines = NdjsonDecoder()
        self._seed: str | None = None
        self._calls = 0
        self._extra: JsonDict = {}

    def feed(self, data: bytes) -> list[Event]:
        if self.over:
            return []
        out: list[Event] = []
        try:
            for line in self._lines.feed(data):
                self._read(line, out)
                if self.done:
                    break
        except LingateError as error:
            self.fail(error, out)
        except ValueError as error:
            self.fail(malformed(self._sent.target, str(error)), out)
        return out

    def finish(self) -> list[Event]:
        if self.over:
            return []
        out: list[Event] = []
        try:
            for line in self._lines.finish():
                self._read(line, out, last=True)
        except LingateError as error:
            self.fail(error, out)
        self.cut(out)
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
            name = as_str(raw.get("model")) or target.model
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
        out.append(Finish(word, 0, as_str(native) or None, raw))
        self.done = self.over = True

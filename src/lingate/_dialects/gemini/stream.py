# From the upstream: the bytes of a stream as canonical events.

# How a stream ends: no event says that it is the last, and some models put a finish reason on each one. So a stream is whole
# if its bytes end in good order and every candidate has a finish reason by then, or the prompt was refused; `Finish` waits
# for that.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import garbage, interrupted
from lingate._dialects._sse_stream import Speaker, StreamedAnswer
from lingate._dialects._vertex import region
from lingate._dialects.gemini.facts import NAME, UNFINISHED
from lingate._dialects.gemini.grounding import url_citations
from lingate._dialects.gemini.joined import JoinedParts, candidates_of, merge_extras
from lingate._dialects.gemini.media import SoundJoiner, audio_format, media_type
from lingate._dialects.gemini.parts import SEALED, call_extra, image_of, made_id, read_parts, seal_for
from lingate._dialects.gemini.response import (
    answer_id,
    block_message,
    block_reason,
    broken_off,
    created_at,
    finish_reason,
    finish_word,
    hidden_error,
    origin_of,
    top_extras,
)
from lingate._dialects.gemini.tools import own_functions
from lingate._dialects.gemini.usage import canonical_logprobs, canonical_usage, has_counts, merged_usage
from lingate._model import (
    Annotations,
    Event,
    Extra,
    Finish,
    Head,
    HttpRequest,
    JsonDict,
    Media,
    Opaque,
    Refusal,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate._wire.json import decode, encode_str
from lingate._wire.json_streams import JsonArrayDecoder
from lingate._wire.shapes import as_str
from lingate._wire.sse import SseDecoder


class AnswerStream(StreamedAnswer):
    def __init__(self, sent: HttpRequest, head: Head) -> None:
        super().__init__(sent)
        self._head = head
        self._id = ""
        self._candidates: dict[int, CandidateStream] = {}
        self._own = own_functions(sent)
        self._usage: JsonDict = {}
        self._extra: JsonDict = {}
        self._last: JsonDict | None = None

    def read(self, raw: Any, out: list[Event]) -> None:
        error = hidden_error(raw, self._sent.target)
        if error is not None:
            self.fail(error, out)
        elif not isinstance(raw, dict):
            self._broken("a stream event must be an object", out)
        else:
            try:
                self._read(raw, out)
            except ValueError as flaw:
                self._broken(str(flaw), out)

    def cut(self, out: list[Event]) -> None:
        if self.over:
            return
        blocked = block_reason(self._extra)
        unfinished = not self._candidates or any(one.reason is None for one in self._candidates.values())
        if unfinished and blocked is None:
            self.fail(interrupted(self._sent.target), out)
            return
        for one in self._candidates.values():
            one.reason = one.reason or blocked  # a filter may stop an answer that has begun in the prompt's name
            error = broken_off(one.reason, one.words, self._sent.target)
            if error is not None:
                self.fail(error, out)
                return
        if self._extra:
            out.append(Extra({"provider_specific_fields": {NAME: self._extra}}, None, self._last))
        for index in sorted(self._candidates):
            self._candidates[index].finish(self._last, out)
        if not self._candidates:
            self._tell_block(out)
        self.done = self.over = True

    def _read(self, raw: JsonDict, out: list[Event]) -> None:
        if self._last is None:
            self._start(raw, out)
        self._last = raw
        for index, candidate, parts in candidates_of(raw):
            one = self._candidates.get(index)
            if one is None:
                origin = origin_of(self._id, index)
                one = self._candidates[index] = CandidateStream(index, origin, self._sent.answer_tool, self._own)
            one.add(candidate, parts, raw, out)
        self._count(raw, out)
        extra = top_extras(raw)
        if extra:
            if has_counts(self._usage):
                extra.pop("usageMetadata", None)
            self._extra.update(extra)

    def _start(self, raw: JsonDict, out: list[Event]) -> None:
        self._id = answer_id(raw, self._head)
        name = as_str(raw.get("modelVersion")) or self._sent.target.model
        out.append(Start(self._id, name, created_at(raw, self._head), raw=raw))

    def _count(self, raw: JsonDict, out: list[Event]) -> None:
        usage = raw.get("usageMetadata")
        if not isinstance(usage, dict) or not usage:
            return
        merged = merged_usage(self._usage, usage)
        if merged == self._usage:
            return
        self._usage = merged
        if has_counts(merged):
            self._extra.pop("usageMetadata", None)
            out.append(Usage({**canonical_usage(merged), **region(self._sent)}, raw))

    def _tell_block(self, out: list[Event]) -> None:
        words = block_message(self._extra)
        if words:
            out.append(Refusal(words, 0, self._last))
        out.append(Finish("content_filter", 0, block_reason(self._extra), self._last))


class Decoder:
    # SSE of `streamGenerateContent` -> canonical events.

    # Without `alt=sse` the stream is one JSON array, and some hosts answer with one object: the first character tells.

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        self.done = False
        self._sent = sent
        self._stream = AnswerStream(sent, head)
        self._sse = SseDecoder()
        self._array: JsonArrayDecoder | None = None
        self._unknown: bytes | None = b""  # what has come before the first character that tells; None once it is there

    def feed(self, data: bytes) -> list[Event]:
        out: list[Event] = []
        if not self._stream.over:
            if self._unknown is not None:
                data = self._sniff(data)
            try:
                self._read(self._frames(data), out)
            except ValueError as error:
                self._stream.fail(garbage(self._sent.target, str(error)), out)
        return out

    def finish(self) -> list[Event]:
        out: list[Event] = []
        if self._stream.over:
            return out
        if self._array is None:
            self._read([data for _, data in self._sse.finish()], out, last=True)
        self._stream.cut(out)
        self.done = self._stream.done
        return out

    def _sniff(self, data: bytes) -> bytes:
        data = (self._unknown or b"") + data
        start = data.lstrip(b"\xef\xbb\xbf \t\r\n")
        if not start:
            self._unknown = data
            return b""
        self._unknown = None
        if start[:1] in b"{[":
            self._array = JsonArrayDecoder()
        return data

    def _frames(self, data: bytes) -> list[bytes]:
        if self._array is not None:
            return self._array.feed(data)
        return [frame[1] for frame in self._sse.feed(data)] if data else []

    def _read(self, frames: list[bytes], out: list[Event], last: bool = False) -> None:
        stream = self._stream
        for data in frames:
            try:
                raw = decode(data)
            except ValueError as error:
                # An event cut in the middle does not count: whether the answer is whole is decided by what came before.
                # `[DONE]` is not of this format, but some hosts add it.
                if last or data.strip() in (b"", b"[DONE]"):
                    continue
                stream.fail(garbage(self._sent.target, str(error)), out)
                return
            stream.read(raw, out)
            if stream.over:
                return


_TEXT = frozenset({"text"})
_SILENT = frozenset({"text", "thought", "thoughtSignature"})


class CandidateStream(Speaker):
    # What one candidate has said so far.

    # `answer_tool`: name of the function whose arguments are the structured answer.
    # `own`: the functions that are the caller's; None if all are.

    def __init__(self, index: int, origin: str, answer_tool: str | None, own: list[str] | None) -> None:
        super().__init__(answer_tool)
        self.reason: str | None = None
        """The provider's finish reason; None while there is none."""
        self.words: Any = None
        """What it says about that."""
        self._index = index
        self._origin = origin
        self._answer_tool = answer_tool
        self._own = own
        self._joined = JoinedParts()
        self._text: list[str] = []
        self._block = -1
        self._open_block = False  # the last event was a thought, whose block a signature may still complete
        self._calls = 0
        self._call = -1  # number of the call whose arguments are due; -1 for the answer
        self._unsigned: str | None = None  # its id, while its signature may still come
        self._images = 0
        self._sound: SoundJoiner | None = None
        self._extra: JsonDict = {}

    def add(self, candidate: JsonDict, parts: list[JsonDict], raw: JsonDict, out: list[Event]) -> None:
        # Take one event's share of this candidate.
        # Raises ValueError: it cannot be read.
        before = len(out)
        for part in parts:
            if part.keys() == _TEXT and self._held is None and not self._joined.is_open:
                self._joined.add(part)
                self._say(part["text"], raw, out)
                continue
            for kind, done in self._joined.add(part):
                self._take(kind, done, raw, out)
        logprobs = canonical_logprobs(candidate.get("logprobsResult"))
        if logprobs:
            self._attach(logprobs, raw, out, before)
        merge_extras(self._extra, candidate)
        word = finish_word(candidate.get("finishReason"))
        if word in (None, UNFINISHED):
            if self.reason is not None and any(part.keys() - _SILENT or part.get("text") for part in parts):
                self.reason = None  # it goes on, as after code that was run
        else:
            # Whoever has code run, or an MCP server asked, is told STOP with that, and then what came of it.
            last = parts[-1] if word == "STOP" and parts else {}
            waits = "executableCode" in last or self._is_theirs(last)
            self.reason = None if waits else word
        if candidate.get("finishMessage"):
            self.words = candidate["finishMessage"]

    def finish(self, raw: JsonDict | None, out: list[Event]) -> None:
        # Nothing more will come: tell what was held back, and how it ended.
        cut_call = self._joined.is_open
        for kind, done in self._joined.close_call():
            self._take(kind, done, raw, out)
        if self._sound is not None and (rest := self._sound.finish()):
            out.append(Media("audio", {"data": rest}, self._index, raw))
        self._tell_held(raw, out, self._index)
        cited = [] if self._answered else url_citations(self._extra, "".join(self._text))
        if cited:
            out.append(Annotations(cited, self._index, raw))
        reason = finish_reason(self.reason, self._calls > 0)
        if cut_call and self.reason == "MAX_TOKENS":
            reason = "length"  # the arguments of the last call are not complete
        if reason == "content_filter" and isinstance(self.words, str):
            out.append(Refusal(self.words, self._index, raw))
        self._tell_extras(raw, out)
        out.append(Finish(reason, self._index, self.reason, raw))

    def _tell_extras(self, raw: JsonDict | None, out: list[Event]) -> None:
        extra = dict(self._extra)
        if self.words:
            extra["finishMessage"] = self.words
        parts = self._joined.finish()
        if not self._answered and not read_parts(parts, self._origin).exact:
            extra["parts"] = parts
        if extra:
            out.append(Extra({"provider_specific_fields": {NAME: extra}}, self._index, raw))

    def _take(self, kind: str, part: JsonDict, raw: JsonDict | None, out: list[Event]) -> None:
        signature = part.get("thoughtSignature")
        if self._is_theirs(part):
            if kind == "call":
                return
            kind = "other"
        if kind == "call":
            self._begin_call(part, raw, out)
            return
        if kind == "called":
            self._end_call(part, raw, out)
            return
        if kind == "thought":
            if part["text"] or not self._open_block:
                self._think(part["text"], raw, out)
        elif kind == "text":
            self._open_block = False
            self._say(part["text"], raw, out)
        elif kind == "image":
            out.append(Media("image", image_of(part, self._images), self._index, raw))
            self._images += 1
        elif kind == "audio":
            self._hear(part, raw, out)
        elif self._held is None:
            out.append(Opaque(NAME, {"part": part}, self._index))
        if signature and kind in SEALED:
            self._sign(seal_for("", signature), raw, out)
        self._open_block = kind == "thought" and not signature

    def _say(self, text: str, raw: JsonDict | None, out: list[Event]) -> None:
        if not text:
            return
        self._open_block = False
        self._text.append(text)
        self._tell(Text(text, self._index, raw), out)

    def _think(self, text: str, raw: JsonDict | None, out: list[Event]) -> None:
        if not self._open_block:
            self._block += 1
            self._open_block = True
        out.append(Thinking(text, self._index, self._block, raw=raw))

    def _sign(self, signature: str, raw: JsonDict | None, out: list[Event]) -> None:
        if not self._open_block:
            self._block += 1
        self._open_block = False
        out.append(Thinking("", self._index, self._block, signature=signature, raw=raw))

    def _hear(self, part: JsonDict, raw: JsonDict | None, out: list[Event]) -> None:
        kind, data = media_type(part["inlineData"]), part["inlineData"]["data"]
        piece: JsonDict = {}
        if self._sound is None:
            self._sound = SoundJoiner()
            piece["format"] = audio_format(kind)
        out.append(Media("audio", {"data": self._sound.feed(data), **piece}, self._index, raw))

    def _is_theirs(self, part: JsonDict) -> bool:
        call = part.get("functionCall")
        return self._own is not None and call is not None and call.get("name") not in self._own

    def _begin_call(self, part: JsonDict, raw: JsonDict | None, out: list[Event]) -> None:
        call = part["functionCall"]
        if call["name"] == self._answer_tool:
            self._call = -1
            return
        self._call = self._calls
        self._calls += 1
        identity = call.get("id") or made_id(self._call, self._origin)
        signature = part.get("thoughtSignature")
        if signature:
            self._sign(seal_for(identity, signature), raw, out)
        self._unsigned = None if signature else identity
        self._open_block = False
        extra = call_extra(signature)
        out.append(ToolStart(self._call, identity, call["name"], self._index, extra=extra, raw=raw))

    def _end_call(self, part: JsonDict, raw: JsonDict | None, out: list[Event]) -> None:
        text = encode_str(part["functionCall"].get("args") or {})
        if self._call >= 0:
            out.append(ToolArgs(self._call, text, self._index, raw))
            if self._unsigned and (signature := part.get("thoughtSignature")):
                self._sign(seal_for(self._unsigned, signature), raw, out)
        elif not self._answered:
            self._answered = True
            out.append(Text(text, self._index, raw))

    def _attach(self, logprobs: JsonDict, raw: JsonDict, out: list[Event], before: int) -> None:
        # Put log-probabilities on the text they came with.
        for event in out[before:]:
            if type(event) is Text:
                event.logprobs = logprobs
                return
        out.append(Text("", self._index, raw, logprobs))

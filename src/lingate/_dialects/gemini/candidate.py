"""One candidate of a stream: its parts as events, and its end."""

from __future__ import annotations

from typing import Any

from lingate._dialects.gemini.facts import NAME
from lingate._dialects.gemini.grounding import url_citations
from lingate._dialects.gemini.joined import JoinedParts, merge_extras
from lingate._dialects.gemini.logprobs import canonical_logprobs
from lingate._dialects.gemini.media import media_type
from lingate._dialects.gemini.parts import SEALED, call_extra, image_of, made_id, read_parts, seal_for
from lingate._dialects.gemini.response import finish_reason, finish_word
from lingate._dialects.gemini.sound import SoundJoiner, audio_format
from lingate._model import (
    Annotations,
    Event,
    Extra,
    Finish,
    JsonDict,
    Media,
    Opaque,
    Refusal,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
)
from lingate._wire.json import encode_str

_TEXT = frozenset({"text"})


class CandidateStream:
    """What one candidate has said so far.

    Args:
        index: Number of the candidate.
        origin: What makes the ids of its calls unique.
        answer_tool: Name of the function whose arguments are the structured answer.

    Attributes:
        reason: The provider's finish reason; None while there is none.
        words: What it says about that.
    """

    __slots__ = (
        "_answer_tool",
        "_answered",
        "_block",
        "_call",
        "_calls",
        "_extra",
        "_held",
        "_images",
        "_index",
        "_joined",
        "_open_block",
        "_origin",
        "_sound",
        "_text",
        "reason",
        "words",
    )  # fmt: skip

    def __init__(self, index: int, origin: str, answer_tool: str | None) -> None:
        self.reason: str | None = None
        self.words: Any = None
        self._index = index
        self._origin = origin
        self._answer_tool = answer_tool
        # Text beside a structured answer is not part of it, but whether an answer comes is known only at the end.
        self._held: list[str] | None = None if answer_tool is None else []
        self._answered = False
        self._joined = JoinedParts()
        self._text: list[str] = []
        self._block = -1
        self._open_block = False  # the last event was a thought, whose block a signature may still complete
        self._calls = 0
        self._call = -1  # number of the call whose arguments are due; -1 for the answer
        self._images = 0
        self._sound: SoundJoiner | None = None
        self._extra: JsonDict = {}

    def add(self, candidate: JsonDict, parts: list[JsonDict], raw: JsonDict, out: list[Event]) -> None:
        """Take one event's share of this candidate.

        Raises:
            ValueError: It cannot be read.
        """
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
        if candidate.get("finishReason") is not None:
            self.reason = finish_word(candidate["finishReason"]) or self.reason
        if candidate.get("finishMessage"):
            self.words = candidate["finishMessage"]

    def finish(self, raw: JsonDict | None, out: list[Event]) -> None:
        """Nothing more will come: tell what was held back, and how it ended."""
        cut_call = self._joined.is_open
        for kind, done in self._joined.close_call():
            self._take(kind, done, raw, out)
        if self._sound is not None and (rest := self._sound.finish()):
            out.append(Media("audio", {"data": rest}, self._index, raw))
        held = "".join(self._held or ())
        if held and not self._answered:
            out.append(Text(held, self._index, raw))
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
        if self._held is None:
            out.append(Text(text, self._index, raw))
        else:
            self._held.append(text)

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
        self._open_block = False
        extra = call_extra(signature)
        out.append(ToolStart(self._call, identity, call["name"], self._index, extra=extra, raw=raw))

    def _end_call(self, part: JsonDict, raw: JsonDict | None, out: list[Event]) -> None:
        text = encode_str(part["functionCall"].get("args") or {})
        if self._call >= 0:
            out.append(ToolArgs(self._call, text, self._index, raw))
        elif not self._answered:
            self._answered = True
            out.append(Text(text, self._index, raw))

    def _attach(self, logprobs: JsonDict, raw: JsonDict, out: list[Event], before: int) -> None:
        """Put log-probabilities on the text they came with."""
        for event in out[before:]:
            if type(event) is Text:
                event.logprobs = logprobs
                return
        out.append(Text("", self._index, raw, logprobs))

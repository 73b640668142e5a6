"""From the upstream: the events of a stream as canonical events. Bytes are `decoder.py`'s matter.

How a stream ends: no event says that it is the last, and some models put a finish reason on each one. So a stream is whole
if its bytes end in good order and every candidate has a finish reason by then, or the prompt was refused; `Finish` waits
for that.
"""

from __future__ import annotations

from typing import Any

from lingate._dialects._failure import garbage, interrupted
from lingate._dialects._streamed import StreamedAnswer
from lingate._dialects.gemini.candidate import CandidateStream
from lingate._dialects.gemini.facts import BROKEN, NAME
from lingate._dialects.gemini.joined import candidates_of
from lingate._dialects.gemini.response import (
    answer_id,
    block_message,
    block_reason,
    check_finish,
    created_at,
    hidden_error,
    origin_of,
    top_extras,
)
from lingate._dialects.gemini.usage import canonical_usage, has_counts, merged_usage
from lingate._model import Event, Extra, Finish, Head, HttpRequest, JsonDict, Refusal, Start, Usage
from lingate.errors import LingateError


class AnswerStream(StreamedAnswer):
    """One streamed answer.

    Attributes:
        done: The bytes have ended, and the answer is whole.
        over: Nothing more will come: done, or failed.
    """

    __slots__ = ("_candidates", "_extra", "_head", "_id", "_last", "_usage")

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        super().__init__(sent)
        self._head = head
        self._id = ""
        self._candidates: dict[int, CandidateStream] = {}
        self._usage: JsonDict = {}
        self._extra: JsonDict = {}
        self._last: JsonDict | None = None

    def read(self, raw: Any, out: list[Event]) -> None:
        """Take the next event and append what it means."""
        target = self._sent.target
        error = hidden_error(raw, target)
        if error is not None:
            self.fail(error, out)
        elif not isinstance(raw, dict):
            self.fail(garbage(target, "a stream event must be an object"), out)
        else:
            try:
                self._read(raw, out)
            except ValueError as flaw:
                self.fail(garbage(target, str(flaw)), out)

    def cut(self, out: list[Event]) -> None:
        """The bytes have ended."""
        if self.over:
            return
        blocked = block_reason(self._extra)
        unfinished = not self._candidates or any(one.reason is None for one in self._candidates.values())
        if unfinished and blocked is None:
            self.fail(interrupted(self._sent.target), out)
            return
        for one in self._candidates.values():
            one.reason = one.reason or blocked  # a filter may stop an answer that has begun in the prompt's name
            if one.reason in BROKEN:
                self._fail_broken(one, out)
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
                one = self._candidates[index] = CandidateStream(index, origin, self._sent.answer_tool)
            one.add(candidate, parts, raw, out)
        self._count(raw, out)
        extra = top_extras(raw)
        if extra:
            if has_counts(self._usage):
                extra.pop("usageMetadata", None)
            self._extra.update(extra)

    def _start(self, raw: JsonDict, out: list[Event]) -> None:
        self._id = answer_id(raw, self._head)
        model = raw.get("modelVersion")
        name = model if isinstance(model, str) and model else self._sent.target.model
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
            out.append(Usage(canonical_usage(merged), raw))

    def _tell_block(self, out: list[Event]) -> None:
        words = block_message(self._extra)
        if words:
            out.append(Refusal(words, 0, self._last))
        out.append(Finish("content_filter", 0, block_reason(self._extra), self._last))

    def _fail_broken(self, one: CandidateStream, out: list[Event]) -> None:
        try:
            check_finish(one.reason, one.words, self._sent.target)
        except LingateError as error:
            self.fail(error, out)

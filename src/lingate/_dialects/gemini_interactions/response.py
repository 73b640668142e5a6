# From the upstream: interactions, whole and as streams, in the words of `generateContent`.

# A thought's signature becomes that of the call which follows it, where `generateContent` has it, or else of an empty text. What
# the provider's own tools did is told beside the answer, under `steps`.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import garbage, provider_failed
from lingate._dialects._check import Malformed, expect
from lingate._dialects._failure import body_failure
from lingate._dialects.gemini import stream
from lingate._dialects.gemini.response import canonical_response, hidden_error, read_object
from lingate._model import Event, Extra, Failed, Finish, Head, HttpRequest, JsonDict
from lingate._wire.json import decode
from lingate._wire.shapes import as_dict, as_dicts, as_list, as_str, dig
from lingate.errors import LingateError

RUNNING = frozenset({"in_progress", "queued"})
"""States of an interaction that has no answer yet."""

_FINISH = {
    "completed": "STOP",
    "requires_action": "STOP",
    "incomplete": "MAX_TOKENS",
    "requires_continuation": "MAX_TOKENS",
    "budget_exceeded": "MAX_TOKENS",
}
"""States of an answer -> finish reasons; in all others it failed."""

_COUNTS = {
    "total_input_tokens": "promptTokenCount",
    "total_output_tokens": "candidatesTokenCount",
    "total_thought_tokens": "thoughtsTokenCount",
    "total_tool_use_tokens": "toolUsePromptTokenCount",
    "total_cached_tokens": "cachedContentTokenCount",
    "total_tokens": "totalTokenCount",
}
_KINDS = {
    "input_tokens_by_modality": "promptTokensDetails",
    "output_tokens_by_modality": "candidatesTokensDetails",
    "cached_tokens_by_modality": "cacheTokensDetails",
    "tool_use_tokens_by_modality": "toolUsePromptTokensDetails",
}
_NAMES = {"id": "responseId", "model": "modelVersion", "created": "createTime"}
_TOOLS = {"google_search": "web_search", "google_maps": "maps_search"}
_TIERS = {"standard": "default"}
_SOUND_AND_SIGHT = {"image": "image/png", "audio": "audio/l16"}
_ASKED = ("user_input", "function_result")
"""Steps that the caller adds."""
_OPEN = ("thought", "model_output", None)
"""Steps whose pieces are told as they come."""


def read_answer(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # A whole interaction as a canonical response; and as it came.
    raw = read_object(body, sent.target)
    state = as_str(raw.get("status"))
    failed = _failure(raw, state, sent)
    if failed is not None:
        raise failed
    try:
        expect(raw.get("steps"), list, "steps")
        reading = Reading()
        # Who asks for an interaction later is told the whole conversation, of which the end is the answer.
        asked = [n for n, step in enumerate(raw["steps"], 1) if dig(step, "type") in _ASKED]
        answer = raw["steps"][max(asked, default=0) :]
        parts = [part for n, step in enumerate(answer) for part in reading.step(step, f"steps[{n}]")]
        whole = {**_envelope(raw), "candidates": [reading.candidate(parts, state)]}
        made = canonical_response(whole, sent, head)
    except Malformed as flaw:
        raise garbage(sent.target, str(flaw)) from None
    made["choices"][0]["native_finish_reason"] = state
    return {**made, **_tier(raw)}, raw


def _failure(raw: JsonDict, state: str, sent: HttpRequest) -> LingateError | None:
    if state in _FINISH:
        return None
    told = as_dicts(raw.get("errors")) + [as_dict(step.get("error")) for step in as_dicts(raw.get("steps"))]
    error = next((body_failure({"error": words}, sent.target) for words in told if words), None)
    if error is None and not state:
        return garbage(sent.target, "status: must be a string")
    return error or provider_failed(sent.target, f"an interaction that is {state}")


class Reading:
    # Steps as they come, in the words of `generateContent`.

    def __init__(self) -> None:
        self.size = 0
        """Bytes of the text so far."""
        self._citations: list[JsonDict] = []
        self._signature = ""  # of a thought whose part is still to come
        self._steps: list[JsonDict] = []

    def step(self, step: Any, where: str) -> list[JsonDict]:
        # The parts of a whole step.
        # Raises Malformed: it cannot be read.
        expect(step, dict, where)
        kind = step.get("type")
        if kind == "thought":
            self.sign(step)
            return [part for item in as_dicts(step.get("summary")) for part in self.thought(item)]
        if kind == "model_output":
            return [part for item in as_dicts(step.get("content")) for part in self.content(item)]
        if kind == "function_call":
            expect(step.get("name"), str, f"{where}.name")
            expect(step.get("arguments") or {}, dict, f"{where}.arguments")
            call = {"name": step["name"], "args": step.get("arguments") or {}, "id": as_str(step.get("id"))}
            signature, self._signature = self._signature, ""
            return [{"functionCall": call, **({"thoughtSignature": signature} if signature else {})}]
        self._steps.append(step)
        return []

    def sign(self, thought: JsonDict) -> None:
        # Keep the signature of a thought, or a piece of one.
        self._signature += as_str(thought.get("signature"))

    def thought(self, item: JsonDict) -> list[JsonDict]:
        # The part of a summary, of which empty text is none.
        return [{"text": item["text"], "thought": True}] if item.get("text") else []

    def content(self, item: JsonDict) -> list[JsonDict]:
        # The part of what the model says, of which empty text is none.
        kind, data, uri = as_str(item.get("type")), item.get("data"), item.get("uri")
        if kind == "text":
            self.cite(item, 0)
            text = as_str(item.get("text"))
            self.size += len(text.encode("utf-8", "surrogatepass"))
            return [*self._seal(), {"text": text}] if text else []
        label = {"mimeType": item.get("mime_type") or _SOUND_AND_SIGHT.get(kind, "")}
        if data:
            return [*self._seal(), {"inlineData": {**label, "data": data}}]
        return [*self._seal(), {"fileData": {**label, "fileUri": uri}}] if uri else []

    def cite(self, told: JsonDict, behind: int) -> None:
        # Note the sources of a text that began so many bytes before: their places are counted in each text anew.
        for cited in as_dicts(told.get("annotations")):
            start, end = cited.get("start_index", 0), cited.get("end_index")
            made = {"uri": cited.get("url") or cited.get("document_uri"), "title": cited.get("title")}
            if isinstance(start, int) and isinstance(end, int):
                began = self.size - behind
                made |= {"startIndex": began + start, "endIndex": began + end}
            self._citations.append(made)

    def candidate(self, parts: list[JsonDict], state: str) -> JsonDict:
        # The candidate of these last parts, and of what is told at the end.
        made: JsonDict = {
            "content": {"role": "model", "parts": [*parts, *self._seal()]},
            "finishReason": _FINISH[state],
        }
        if self._citations:
            made["citationMetadata"] = {"citations": self._citations}
        searches = [step for step in self._steps if step.get("type") == "google_search_call"]
        asked = [words for step in searches for words in as_list(dig(step, "arguments", "queries"))]
        if asked:
            made["groundingMetadata"] = {"webSearchQueries": asked}  # they are paid for
        return {**made, "steps": self._steps} if self._steps else made

    def _seal(self) -> list[JsonDict]:
        # The signature alone, in front of what is said, so that a stream tells it as the end of the thought.
        signature, self._signature = self._signature, ""
        return [{"text": "", "thoughtSignature": signature}] if signature else []


class AnswerStream(stream.AnswerStream):
    # One streamed interaction. It is whole once `interaction.completed` has come.

    def __init__(self, sent: HttpRequest, head: Head) -> None:
        super().__init__(sent, head)
        self._reading = Reading()
        self._step: JsonDict = {}  # the one that is open
        self._arguments: list[str] = []
        self._began = 0  # bytes of text before it
        self._state = ""

    def read(self, raw: Any, out: list[Event]) -> None:
        error = hidden_error(raw, self._sent.target)
        before = len(out)
        try:
            expect(raw, dict, "a stream event")
            if error is None:
                self._take(raw, out)
        except ValueError as flaw:
            error = garbage(self._sent.target, str(flaw))
        if error is not None:
            self.fail(error, out)
        for event in out[before:]:
            if isinstance(event, Finish):
                event.native = self._state
            if not isinstance(event, Failed):
                event.raw = raw

    def cut(self, out: list[Event]) -> None:
        # The bytes have ended, which is too early: nothing comes after the end of an interaction.
        super(stream.AnswerStream, self).cut(out)

    def _take(self, raw: JsonDict, out: list[Event]) -> None:
        kind, told = raw.get("event_type"), as_dict(raw.get("interaction"))
        parts: list[JsonDict] = []
        if kind == "step.start":
            parts = [*self._close(), *self._begin(raw.get("step"))]
        elif kind == "step.delta":
            parts = self._go_on(as_dict(raw.get("delta")))
        elif kind == "step.stop":
            parts = self._close()
        meta = as_dict(raw.get("metadata"))
        usage = told.get("usage") or raw.get("usage") or meta.get("total_usage") or meta.get("usage")
        chunk = _envelope({**told, "usage": usage})
        if kind == "interaction.completed":
            self._finish(told, chunk, out)
        elif parts or chunk:
            self._read({**chunk, "candidates": [{"content": {"parts": parts}}] if parts else []}, out)

    def _finish(self, told: JsonDict, chunk: JsonDict, out: list[Event]) -> None:
        state = as_str(told.get("status"))
        failed = _failure(told, state, self._sent)
        if failed is not None:
            self.fail(failed, out)
            return
        parts = self._close(cut_off=_FINISH[state] != "STOP")
        self._read({**chunk, "candidates": [self._reading.candidate(parts, state)]}, out)
        if tier := _tier(told):
            out.append(Extra(tier))
        self._state = state
        super().cut(out)

    def _begin(self, step: Any) -> list[JsonDict]:
        expect(step, dict, "step")
        self._step, self._arguments, self._began = dict(step), [], self._reading.size
        return self._reading.step(step, "step") if step.get("type") in _OPEN else []

    def _go_on(self, delta: JsonDict) -> list[JsonDict]:
        kind, reading = delta.get("type"), self._reading
        if kind == "thought_signature":
            reading.sign(delta)
        elif kind == "thought_summary":
            return reading.thought(as_dict(delta.get("content")))
        elif kind == "text_annotation_delta":
            reading.cite(delta, reading.size - self._began)
        elif kind == "arguments_delta":
            self._arguments.append(as_str(delta.get("arguments")))
        elif self._step.get("type") in _OPEN:
            return reading.content(delta)
        else:
            self._step |= delta
        return []

    def _close(self, cut_off: bool = False) -> list[JsonDict]:
        # The end of a step, whose call is whole now; one that the limit of the answer has cut is none.
        step, self._step = self._step, {}
        if step.get("type") in _OPEN:
            return []
        if arguments := "".join(self._arguments):
            try:
                step["arguments"] = decode(arguments.encode())
            except ValueError as flaw:
                if cut_off:
                    return []
                raise Malformed("arguments", str(flaw)) from None
        return self._reading.step(step, "step")


def _envelope(raw: JsonDict) -> JsonDict:
    # What is told of an answer besides what it says.
    made: JsonDict = {word: raw[name] for name, word in _NAMES.items() if isinstance(raw.get(name), str)}
    usage = as_dict(raw.get("usage"))
    counts: JsonDict = {word: usage[name] for name, word in _COUNTS.items() if name in usage}
    for name, word in _KINDS.items():
        kinds = [(as_str(item.get("modality")).upper(), item.get("tokens", 0)) for item in as_dicts(usage.get(name))]
        if kinds:
            counts[word] = [{"modality": kind, "tokenCount": count} for kind, count in kinds]
    ran = {as_str(item.get("type")): item.get("count", 0) for item in as_dicts(usage.get("grounding_tool_count"))}
    if ran:
        counts["server_tool_use"] = {f"{_TOOLS.get(name, name)}_requests": count for name, count in ran.items()}
    return {**made, "usageMetadata": counts} if counts else made


def _tier(raw: JsonDict) -> JsonDict:
    tier = as_str(raw.get("service_tier"))
    return {"service_tier": _TIERS.get(tier, tier)} if tier else {}

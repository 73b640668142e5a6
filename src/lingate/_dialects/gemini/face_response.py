# As a face: canonical answers as this format's bodies, and canonical events as the SSE of `streamGenerateContent`.

from __future__ import annotations

from typing import Any

from lingate._dialects._base import StreamEncoder
from lingate._dialects._dataurl import is_data_url, split_data_url
from lingate._dialects._draft import native_fields
from lingate._dialects._encoders import FaceEncoder
from lingate._dialects._face_errors import google_error
from lingate._dialects._reading import content_text, with_old_call
from lingate._dialects._round_trip import Packer, round_trip_fields, unseal
from lingate._dialects._times import rfc3339
from lingate._dialects._tool_arguments import is_whole, shown_arguments
from lingate._dialects.gemini.content import kept_parts
from lingate._dialects.gemini.facts import FINISH, FINISH_REASON, MEDIA_TYPES, NAME
from lingate._dialects.gemini.grounding import grounding_metadata
from lingate._dialects.gemini.media import native_sound
from lingate._dialects.gemini.parts import (
    call_extra,
    call_signature,
    foreign_part,
    is_foreign_block,
    sealed_signatures,
    wire_id,
)
from lingate._dialects.gemini.response import block_reason, finish_reason
from lingate._dialects.gemini.turns import original_parts
from lingate._dialects.gemini.usage import native_logprobs, native_usage
from lingate._model import (
    Annotations,
    Call,
    Event,
    Extra,
    Finish,
    JsonDict,
    Media,
    Opaque,
    Refusal,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    replaced,
)
from lingate._wire.json import encode
from lingate._wire.shapes import as_dicts, without
from lingate._wire.sse import encode as encode_event
from lingate.errors import LingateError


def render_answer(response: JsonDict) -> bytes:
    native = native_fields(response, NAME)
    choices = response.get("choices") or ()
    wire: JsonDict = {}
    if not is_blocked(native, choices):
        wire["candidates"] = list(map(_candidate, choices))
    if response.get("usage"):
        wire["usageMetadata"] = native_usage(response["usage"])
    wire.update(answer_fields(response.get("id"), response.get("model"), response.get("created")))
    wire.update(native)
    return encode(wire)


def is_blocked(native: JsonDict, choices: Any) -> bool:
    # Whether the prompt was refused by this format's own provider, which then gives no candidates.
    said = any((choice.get("message") or {}).get("content") for choice in choices)
    return block_reason(native) is not None and not said


def answer_fields(identity: Any, model: Any, created: Any) -> JsonDict:
    # What every answer and event has at its top.
    fields: JsonDict = {"modelVersion": model or "", "responseId": identity or ""}
    if isinstance(created, int) and created > 0:
        fields["createTime"] = rfc3339(created)
    return fields


def finish_word(reason: Any, native: Any) -> str:
    # The format's word for a finish reason: its own provider's if it means the same.
    called = reason in ("tool_calls", "function_call")
    if (
        isinstance(native, str)
        and native in FINISH
        and finish_reason(native, called) == ("tool_calls" if called else reason)
    ):
        return native
    return FINISH_REASON.get(reason, "STOP") if isinstance(reason, str) else "STOP"


def message_parts(message: JsonDict) -> list[JsonDict]:
    # Parts of a canonical message: the ones it was read from, or new ones in the usual order.
    kept = original_parts(message)
    if kept is not None:
        return kept
    sealed = sealed_signatures(message.get("thinking_blocks"))
    message = with_old_call(message)
    parts = _thoughts(message)
    carried = round_trip_fields(message, NAME)
    parts += [foreign_part(carried)] if carried else []
    text = content_text(message.get("content"))
    if text:
        parts.append({"text": text})
    if "" in sealed:
        if parts and not parts[-1].get("thought"):
            parts[-1]["thoughtSignature"] = sealed[""]
        else:
            parts.append({"text": "", "thoughtSignature": sealed[""]})
    parts += filter(None, map(image_part, as_dicts(message.get("images"))))
    sound = native_sound(message.get("audio"))
    parts += [sound] if sound else []
    calls = [call_part(call, sealed) for call in as_dicts(message.get("tool_calls"))]
    proofs = [part["thoughtSignature"] for part in parts if part.get("thought") and "thoughtSignature" in part]
    if calls and len(proofs) == 1 and not carried:
        calls[0].setdefault("thoughtSignature", proofs[0])
    return parts + calls


def image_part(image: JsonDict) -> JsonDict | None:
    holder = image.get("image_url")
    url = holder.get("url") if isinstance(holder, dict) else holder
    if not isinstance(url, str) or not url:
        return None
    signature = call_signature(image)
    signed = {"thoughtSignature": signature} if signature else {}
    if is_data_url(url) and "," in url:
        kind, data = split_data_url(url)
        return {"inlineData": {"mimeType": kind or "image/png", "data": data}, **signed}
    ending = url.partition("?")[0].rpartition(".")[2].lower()
    return {"fileData": {"mimeType": MEDIA_TYPES.get(ending, "image/png"), "fileUri": url}, **signed}


def call_part(call: JsonDict, sealed: dict[str, str]) -> JsonDict:
    function = call.get("function") or call.get("custom") or {}
    given = call.get("id")
    wire: JsonDict = {"name": function.get("name") or ""}
    if isinstance(given, str) and given and wire_id(given) is not None:
        wire = {"id": given, **wire}
    wire["args"] = shown_arguments(function.get("arguments", function.get("input")))
    part: JsonDict = {"functionCall": wire}
    signature = call_signature(call) or (sealed.get(given) if isinstance(given, str) else None)
    if signature:
        part["thoughtSignature"] = signature
    return part


def candidate_fields(message: JsonDict) -> JsonDict:
    fields = without(native_fields(message, NAME), ("parts",))
    if "groundingMetadata" not in fields and "citationMetadata" not in fields:
        made = grounding_metadata(message.get("annotations"), content_text(message.get("content")))
        if made:
            fields["groundingMetadata"] = made
    return fields


def render_count(response: JsonDict) -> bytes:
    rest = without(response, ("input_tokens", "object"))
    return encode({"totalTokens": response.get("input_tokens", 0), **rest})


def _candidate(choice: JsonDict) -> JsonDict:
    message = choice.get("message") or {}
    reason = finish_word(choice.get("finish_reason"), choice.get("native_finish_reason"))
    parts, refusal = message_parts(message), message.get("refusal")
    if reason == "STOP" and isinstance(refusal, str) and refusal:
        parts.append({"text": refusal})
    candidate: JsonDict = {
        "content": {"parts": parts, "role": "model"},
        "finishReason": reason,
        "index": choice.get("index") or 0,
    }
    if reason != "STOP" and isinstance(refusal, str):
        candidate["finishMessage"] = refusal
    logprobs = native_logprobs(choice.get("logprobs"))
    if logprobs:
        candidate["logprobsResult"] = logprobs
    return {**candidate, **candidate_fields(message)}


def _thoughts(message: JsonDict) -> list[JsonDict]:
    # Reasoning as thought parts; blocks with another provider's proof travel whole.
    blocks = as_dicts(message.get("thinking_blocks"))
    if not blocks:
        reasoning = message.get("reasoning_content")
        return [{"text": reasoning, "thought": True}] if isinstance(reasoning, str) and reasoning else []
    parts: list[JsonDict] = []
    for block in blocks:
        text = block.get("thinking")
        if isinstance(text, str) and text:
            parts.append({"text": text, "thought": True})
        if is_foreign_block(block):
            parts.append(foreign_part(block))
    return parts


class _Tool:
    # A call whose arguments are on their way: this format has no pieces of them.

    def __init__(self, start: ToolStart) -> None:
        self.start = start
        self.pieces: list[str] = []

    def whole(self) -> bool:
        return is_whole(self.pieces)

    def part(self, signed: dict[str, str]) -> JsonDict:
        start = self.start
        function = {"name": start.name, "arguments": "".join(self.pieces)}
        return call_part({"id": start.id, "function": function, **(start.extra or {})}, signed)


class _Candidate:
    # What is known of one choice until its end is told.

    def __init__(self) -> None:
        self.packer = Packer(NAME)
        self.proofs: list[str] = []
        self.tools: dict[int, _Tool] = {}
        self.thoughts: dict[int, list[str]] = {}
        self.signed: dict[str, str] = {}
        self.text: list[str] = []
        self.sound = "pcm16"
        self.refusal = ""
        self.annotations: list[JsonDict] = []
        self.extra: JsonDict = {}
        self.finish: Finish | None = None
        self.told = False


class Encoder(FaceEncoder, dialect=NAME):
    # Canonical events -> SSE. Each event is a whole answer with new parts only; the last ones say why it ended.

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._top: JsonDict = answer_fields("", call.model, 0)
        self._candidates: dict[int, _Candidate] = {}

    def event(self, event: Event) -> bytes:
        # The bytes of one event; none where it can be told only later.
        if type(event) is Text and event.logprobs is None:
            return self._on_text(event)
        taker = self._takers.get(type(event))
        return b"" if taker is None else taker(self, event)

    def end(self) -> bytes:
        # Tell why the answer ended and what it cost.
        usage = {} if self._usage is None else {"usageMetadata": native_usage(self._usage)}
        said = [{"message": {"content": "".join(one.text)}} for one in self._candidates.values()]
        if is_blocked(self._native, said):
            return _sse({**usage, **self._top, **self._native})
        candidates = [self._ending(index, one) for index, one in sorted(self._candidates.items())]
        if not candidates:
            candidates = [{"content": {"parts": [], "role": "model"}, "finishReason": "STOP", "index": 0}]
        return _sse({"candidates": candidates, **usage, **self._top, **self._native})

    def error(self, error: LingateError) -> bytes:
        return _sse(google_error(error)[1])

    def _ending(self, index: int, one: _Candidate) -> JsonDict:
        parts = [] if one.told else [tool.part(one.signed) for _, tool in sorted(one.tools.items())]
        reason = finish_word(one.finish.reason, one.finish.native) if one.finish else "STOP"
        message: JsonDict = {"content": "".join(one.text), "annotations": one.annotations, **one.extra}
        fields = candidate_fields(message)
        if one.refusal and reason == "STOP":
            parts = [{"text": one.refusal}, *parts]
        elif one.refusal:
            fields.setdefault("finishMessage", one.refusal)
        # Without any part the vendor's chats drop the whole turn from their history; its own streams end like this.
        parts = parts or [{"text": ""}]
        return {"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": index, **fields}

    def _candidate(self, index: int) -> _Candidate:
        found = self._candidates.get(index)
        if found is None:
            found = self._candidates[index] = _Candidate()
        return found

    def _parts(self, index: int, parts: list[JsonDict], **fields: Any) -> bytes:
        # An event with new parts, behind those calls of the candidate that are complete.
        one = self._candidate(index)
        if one.told:
            parts, one.tools = [], {}
            if not fields:
                return b""
        tools = one.tools
        whole = [number for number, tool in sorted(tools.items()) if tool.whole()]
        parts = [*(tools.pop(number).part(one.signed) for number in whole), *parts]
        candidate = {"content": {"parts": parts, "role": "model"}, "index": index, **fields}
        return _sse({"candidates": [candidate], **self._top})

    def _begin(self, event: Start) -> bytes:
        self._top = answer_fields(event.id, event.model, event.created)
        return super()._begin(event)

    def _on_text(self, event: Text) -> bytes:
        self._candidate(event.choice).text.append(event.text)
        logprobs = native_logprobs(event.logprobs)
        fields = {"logprobsResult": logprobs} if logprobs else {}
        parts = [{"text": event.text}] if event.text else []
        return self._parts(event.choice, parts, **fields) if parts or fields else b""

    def _on_refusal(self, event: Refusal) -> bytes:
        self._candidate(event.choice).refusal += event.text
        return b""

    def _on_thinking(self, event: Thinking) -> bytes:
        one = self._candidate(event.choice)
        one.packer.take(event)
        told = one.thoughts.setdefault(event.block, [])
        parts: list[JsonDict] = []
        if event.text:
            told.append(event.text)
            parts.append({"text": event.text, "thought": True})
        foreign = None
        if event.redacted is not None:
            foreign = {"type": "redacted_thinking", "data": event.redacted}
        elif event.signature:
            own = unseal(event.signature, NAME)
            if own is None:
                foreign = {"type": "thinking", "thinking": "".join(told), "signature": event.signature}
            else:
                owner, _, signature = own.rpartition("#")
                if owner:
                    one.signed[owner] = signature
                else:
                    parts.append({"text": "", "thoughtSignature": signature})
        if foreign is not None:
            parts.append(foreign_part(foreign))
            one.proofs.append(parts[-1]["thoughtSignature"])
        return self._parts(event.choice, parts) if parts else b""

    def _on_tool(self, event: ToolStart) -> bytes:
        one = self._candidate(event.choice)
        one.packer.take(event)
        told = self._parts(event.choice, []) if any(tool.whole() for tool in one.tools.values()) else b""
        # Google's own proofs are on calls, and Gemini CLI and others send back what is there, but no thoughts.
        proofs, one.proofs = one.proofs, []
        if len(proofs) == 1 and not event.extra and event.id not in one.signed:
            event = replaced(event, extra=call_extra(proofs[0]))
        one.tools[event.tool] = _Tool(event)
        return told

    def _on_args(self, event: ToolArgs) -> bytes:
        tool = self._candidate(event.choice).tools.get(event.tool)
        if tool is not None:
            tool.pieces.append(event.text)
        return b""

    def _on_media(self, event: Media) -> bytes:
        if event.kind == "image":
            made = image_part(event.data)
        else:
            one = self._candidate(event.choice)
            kind = event.data.get("format")
            one.sound = kind if isinstance(kind, str) else one.sound
            made = native_sound({**event.data, "format": one.sound})
        return self._parts(event.choice, [made]) if made else b""

    def _on_annotations(self, event: Annotations) -> bytes:
        self._candidate(event.choice).annotations += event.items
        return b""

    def _on_extra(self, event: Extra) -> bytes:
        if event.choice is None:
            return super()._on_extra(event)
        kept = None if event.choice in self._candidates else kept_parts(event.fields)
        one = self._candidate(event.choice)
        one.extra.update(event.fields)
        one.packer.take(event)
        # A whole answer is told as a stream: its parts are the content, and what follows only repeats them.
        told = self._parts(event.choice, kept) if kept else b""
        one.told = bool(kept)
        return told

    def _on_finish(self, event: Finish) -> bytes:
        # Usage may still come; the last event waits for it.
        one = self._candidate(event.choice)
        one.finish = event
        carried = one.packer.block()
        return self._parts(event.choice, [foreign_part(carried)]) if carried else b""

    def _on_opaque(self, event: Opaque) -> bytes:
        part = event.raw.get("part") if event.dialect == NAME else None
        return self._parts(event.choice, [part]) if isinstance(part, dict) else b""


def _sse(value: JsonDict) -> bytes:
    return encode_event(encode(value))


_DATA = b"data: "


class ListEncoder:
    # Writes what another encoder puts into events as the items of one JSON list, as a stream is without `alt=sse`.

    content_type = "application/json"

    def __init__(self, inside: StreamEncoder) -> None:
        self._inside = inside
        self._begun = False

    def event(self, event: Event) -> bytes:
        return self._items(self._inside.event(event))

    def end(self) -> bytes:
        return self._items(self._inside.end()) + b"]"

    def error(self, error: LingateError) -> bytes:
        return self._items(self._inside.error(error)) + b"]"

    def _items(self, events: bytes) -> bytes:
        items = [event.removeprefix(_DATA) for event in events.split(b"\n\n") if event]
        if not items:
            return b""
        before = b",\r\n" if self._begun else b"["
        self._begun = True
        return before + b",\r\n".join(items)

# As a face: canonical answers as this format's bodies, and canonical events as the SSE of the Messages API.

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lingate._dialects._answers import stopped_by
from lingate._dialects._draft import native_fields
from lingate._dialects._encoders import BlockEncoder
from lingate._dialects._face_errors import anthropic_error
from lingate._dialects._reading import content_text, first_choice
from lingate._dialects._round_trip import is_foreign, round_trip_fields
from lingate._dialects._times import rfc3339
from lingate._dialects._tool_arguments import shown_arguments, shown_call
from lingate._dialects.anthropic.assistant import kept_blocks, original_blocks
from lingate._dialects.anthropic.facts import FINISH, NAME, STOP_REASON
from lingate._dialects.anthropic.usage import native_usage
from lingate._model import (
    Annotations,
    Call,
    Event,
    Extra,
    Finish,
    JsonDict,
    Opaque,
    Refusal,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate._wire.json import encode
from lingate._wire.shapes import as_dict, as_list, dig, without
from lingate._wire.sse import encode_typed
from lingate.errors import LingateError


def render_message(response: JsonDict) -> bytes:
    # A canonical response as a message.
    # The format has one answer, so only the first choice is shown.
    choice, message = first_choice(response)
    native = native_fields(response, NAME)
    wire: JsonDict = {
        "id": response.get("id") or "msg_unknown",
        "type": "message",
        "role": "assistant",
        "model": response.get("model") or "",
        "content": message_blocks(without(message, ("refusal",)) if native.get("stop_details") else message),
        "stop_reason": stop_reason(
            choice.get("finish_reason"), _said(native, choice.get("native_finish_reason")), message.get("refusal")
        ),
        "stop_sequence": native.get("stop_sequence"),
        "usage": native_usage(response.get("usage")),
    }
    if wire["stop_reason"] == "stop_sequence":
        wire["stop_sequence"] = wire["stop_sequence"] or stopped_by(choice) or None
    details = native.get("stop_details") or stop_details(wire["stop_reason"], message.get("refusal"))
    if details:
        wire["stop_details"] = details
    wire.update(without(native, wire))
    return encode(wire)


def message_blocks(message: JsonDict) -> list[JsonDict]:
    # Content blocks of a canonical message: the ones it was read from, or new ones in the usual order.
    kept = original_blocks(message)
    if kept is not None:
        return kept
    carried = round_trip_fields(message, NAME)
    blocks = [*thinking_blocks(message), *([carried] if carried else ())]
    # Who has asked for no thinking reads the first block's text: what holds another format's proof alone comes after it.
    proofs = [block for block in blocks if not block.get("thinking") and is_foreign(block.get("signature"), NAME)]
    if proofs:
        blocks = [block for block in blocks if block not in proofs]
    text = content_text(message.get("content")) or message.get("refusal")
    if text:
        block: JsonDict = {"type": "text", "text": text}
        citations = citations_of(message.get("annotations"), text)
        if citations:
            block["citations"] = citations
        blocks.append(block)
    blocks += proofs
    for call in message.get("tool_calls") or ():
        name, arguments = shown_call(call)
        blocks.append(
            {"type": "tool_use", "id": call.get("id") or name, "name": name, "input": shown_arguments(arguments)}
        )
    return blocks


def thinking_blocks(message: JsonDict) -> list[JsonDict]:
    # Thinking with signatures where there are any; other providers' reasoning is shown with an empty one.
    given = message.get("thinking_blocks")
    if given:
        return [{"signature": "", **block} if block.get("type") == "thinking" else block for block in given]
    reasoning = message.get("reasoning_content")
    return [{"type": "thinking", "thinking": reasoning, "signature": ""}] if reasoning else []


def stop_reason(finish: Any, native: Any, refusal: Any = None) -> str:
    # The format's word for a finish reason: its own provider's if it means the same.
    if isinstance(native, str) and FINISH.get(native, "stop") == finish:
        return native
    if finish == "stop" and refusal:
        return "refusal"
    return STOP_REASON.get(finish, "end_turn") if isinstance(finish, str) else "end_turn"


def _said(native: JsonDict, told: Any) -> Any:
    # What ended the answer in a word of this format's, as Claude says it on Bedrock too.
    return native.get("stop_reason") or (told if isinstance(told, str) and told in FINISH else None)


def stop_details(reason: str, refusal: Any) -> JsonDict | None:
    # What is known about a refusal that the format's own provider did not describe.
    if reason != "refusal" or not isinstance(refusal, str):
        return None
    return {"type": "refusal", "category": None, "explanation": refusal}


def citations_of(items: Any, text: str) -> list[JsonDict]:
    # OpenAI's url citations as this format's.
    # The empty index tells them from the provider's own.
    made = []
    for item in as_list(items):
        cited = dig(item, "url_citation")
        if isinstance(cited, dict) and isinstance(cited.get("url"), str):
            made.append(
                {
                    "type": "web_search_result_location",
                    "url": cited["url"],
                    "title": cited.get("title"),
                    "cited_text": _slice(text, cited.get("start_index"), cited.get("end_index")),
                    "encrypted_index": "",
                }
            )
    return made


def render_count(response: JsonDict) -> bytes:
    edited = {name: value for name, value in response.items() if name == "context_management"}
    return encode({"input_tokens": response.get("input_tokens", 0), **edited})


def render_models(response: JsonDict) -> bytes:
    # An OpenAI list of models as a page of this format, or one of them.
    if "data" not in response and "id" in response:
        return encode(_model(response))
    data = list(map(_model, response.get("data") or ()))
    paging = {
        "has_more": bool(response.get("has_more")),
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }
    return encode({"data": data, **paging})


def _model(model: JsonDict) -> JsonDict:
    others: Iterable[tuple[str, Any]] = (
        (key, value) for key, value in model.items() if key not in ("object", "created", "owned_by")
    )
    basics = {"type": "model", "display_name": model["id"], "created_at": rfc3339(model.get("created"))}
    return {**basics, **dict(others)}


def _slice(text: str, start: Any, end: Any) -> str:
    return text[start:end] if isinstance(start, int) and isinstance(end, int) else ""


class Encoder(BlockEncoder, dialect=NAME):
    # Canonical events -> SSE.

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._late: list[str] = []
        self._signed = True
        self._prefix = b""
        self._text: list[str] = []
        self._refusal = ""
        self.estimated = 0  # tokens of the prompt, which are told at the end elsewhere

    def event(self, event: Event) -> bytes:
        if type(event) is Text and self._open == "text" and not event.choice:
            # The path of nearly every event.
            self._text.append(event.text)
            return self._prefix + encode(event.text) + b"}}\n\n"
        if self._asked is not None:
            return self._beside_call(event)
        taker = self._takers.get(type(event))
        if taker is None or getattr(event, "choice", None):
            return b""
        if (
            self._started
            or type(event) not in _BEGINNING
            or (type(event) is Opaque and event.raw.get("type") == "ping")
        ):
            return taker(self, event)
        return self._begin(Start("msg_unknown", self._model, 0)) + taker(self, event)

    def end(self) -> bytes:
        # Close the last block, tell why the answer ended and what it cost.
        begun = b"" if self._started else self._begin(Start("msg_unknown", self._model, 0))
        finish = self._finish.reason if self._finish else "stop"
        said = _said(self._native, self._finish and self._finish.native)
        reason = stop_reason(finish, said, self._refusal)
        by = self._native.get("stop_sequence") if reason == "stop_sequence" else None
        delta: JsonDict = {"stop_reason": reason, "stop_sequence": by}
        details = self._native.get("stop_details") or stop_details(reason, self._refusal or None)
        if details:
            delta["stop_details"] = details
        if "container" in self._native:
            delta["container"] = self._native["container"]
        usage = native_usage(self._usage or {"prompt_tokens": self.estimated})
        last: JsonDict = {"type": "message_delta", "delta": delta, "usage": usage}
        last.update(without(self._native, _DELTA_FIELDS))
        told = begun + self._tell_held(complete=True)
        return told + self._close() + encode_typed(last) + encode_typed({"type": "message_stop"})

    def error(self, error: LingateError) -> bytes:
        _, body = anthropic_error(error)
        return encode_typed(body)

    def _begin(self, event: Start) -> bytes:
        if self._started:
            return b""
        super()._begin(event)
        own = event.raw.get("message") if event.raw and event.raw.get("type") == "message_start" else None
        message = dict(as_dict(own))
        message |= {"id": event.id, "type": "message", "role": "assistant", "model": event.model}
        for name, value in (("content", []), ("stop_reason", None), ("stop_sequence", None)):
            message.setdefault(name, value)
        message.setdefault("usage", {"input_tokens": self.estimated, "output_tokens": 0})
        return encode_typed({"type": "message_start", "message": message})

    def _open_block(self, kind: str, block: JsonDict) -> bytes:
        closed = self._close()
        self._index += 1
        self._open = kind
        delta = _DELTAS.get(kind)
        if delta is not None:
            head = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":'
            self._prefix = b'%b%d,"delta":{"type":"%b_delta","%b":' % (head, self._index, *delta)
        start = {"type": "content_block_start", "index": self._index, "content_block": block}
        return closed + encode_typed(start)

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = self._block = self._asked = None
        end = encode_typed({"type": "content_block_stop", "index": self._index})
        if not self._signed:
            # Without one, be it empty, Vercel's AI SDK does not send the block back.
            end = self._delta(self._index, {"type": "signature_delta", "signature": ""}) + end
            self._signed = True
        late, self._late = self._late, []
        told = [self._tell_block({"type": "thinking", "thinking": "", "signature": proof}) for proof in late]
        return b"".join(told) + self._close() + end

    def _delta(self, index: int, delta: JsonDict) -> bytes:
        return encode_typed({"type": "content_block_delta", "index": index, "delta": delta})

    def _on_text(self, event: Text) -> bytes:
        opened = b""
        if self._open != "text":
            opened = self._open_block("text", {"type": "text", "text": ""})
        self._text.append(event.text)
        return opened + self._prefix + encode(event.text) + b"}}\n\n"

    def _on_refusal(self, event: Refusal) -> bytes:
        self._refusal += event.text
        told = self._native.get("stop_details") or Text not in self._takers
        return b"" if told else self._on_text(Text(event.text))

    def _on_thinking(self, event: Thinking) -> bytes:
        if event.redacted is not None:
            return self._open_block("redacted", {"type": "redacted_thinking", "data": event.redacted}) + self._close()
        self._packer.take(event)
        if self._open == "text" and event.signature and not event.text:
            # Its block ends before the text's: what ends last is the answer to Claude Code, which prints nothing else.
            self._late.append(event.signature)
            return b""
        opened = b""
        if self._is_other_thought(event):
            opened = self._open_block("thinking", {"type": "thinking", "thinking": "", "signature": ""})
            self._signed = False
        self._block = event.block
        told = self._prefix + encode(event.text) + b"}}\n\n" if event.text or event.signature is None else b""
        own = dig(event.raw, "delta")
        if isinstance(own, dict) and own.keys() > _THINKING_DELTA and own["type"] == "thinking_delta":
            told = self._delta(self._index, {**own, "thinking": event.text})
        if event.signature is not None:
            told += self._delta(self._index, {"type": "signature_delta", "signature": event.signature})
            self._signed = True
        return opened + told

    def _on_tool(self, event: ToolStart) -> bytes:
        self._packer.take(event)
        own = event.raw.get("content_block") if event.raw else None
        block = dict(as_dict(own))
        block |= {"type": "tool_use", "id": event.id, "name": event.name, "input": {}}
        opened = self._open_block("tool", block)
        self._begin_call(event)
        self._tools[event.tool] = self._index
        return opened

    def _on_args(self, event: ToolArgs) -> bytes:
        # What a provider adds to a call that was whole keeps the index of its block.
        index = self._tools.get(event.tool, self._index)
        return self._delta(index, {"type": "input_json_delta", "partial_json": event.text})

    def _on_annotations(self, event: Annotations) -> bytes:
        if self._cited or self._open not in (None, "text"):
            return b""
        cited = citations_of(event.items, "".join(self._text))
        opened = b"" if self._open or not cited else self._open_block("text", {"type": "text", "text": ""})
        return opened + b"".join(
            self._delta(self._index, {"type": "citations_delta", "citation": one}) for one in cited
        )

    def _on_extra(self, event: Extra) -> bytes:
        if event.choice is not None and self._started and self._index < 0 and (blocks := kept_blocks(event.fields)):
            # A whole answer is told as a stream: its blocks are the content, and what follows only repeats them.
            self._takers = {kind: self._takers[kind] for kind in (Refusal, Usage, Extra, Finish)}
            told = b"".join(map(self._tell_block, blocks)) + self._close()
            return told + super()._on_extra(event)
        if event.on_choice and (by := stopped_by(event.fields)):
            self._native["stop_sequence"] = by
        return super()._on_extra(event)

    def _tell_block(self, block: JsonDict) -> bytes:
        # A whole block as a provider streams it, since that is what clients add up and show.
        start, deltas = dict(block), []
        if block["type"] == "text":
            start["text"] = ""
            deltas = [{"type": "text_delta", "text": block["text"]}]
            deltas += [{"type": "citations_delta", "citation": one} for one in as_list(start.pop("citations", None))]
        elif block["type"] == "thinking":
            start |= {"thinking": "", "signature": ""}
            deltas = [{"type": f"{field}_delta", field: block.get(field, "")} for field in ("thinking", "signature")]
        elif "input" in block:
            start["input"] = {}
            deltas = [{"type": "input_json_delta", "partial_json": encode(block["input"]).decode()}]
        opened = self._open_block(block["type"], start)
        return opened + b"".join(self._delta(self._index, delta) for delta in deltas)

    def _on_opaque(self, event: Opaque) -> bytes:
        if event.dialect != NAME:
            return b""
        raw, kind = event.raw, event.raw.get("type")
        if kind == "content_block_start":
            block = raw["content_block"]
            return self._open_block(block["type"], block)
        if kind == "content_block_stop":
            return self._close()
        if kind == "content_block_delta":
            self._cited = self._cited or raw["delta"].get("type") == "citations_delta"
            return encode_typed({**raw, "index": self._index})
        return encode_typed(raw)


_DELTA_FIELDS = frozenset({"stop_reason", "stop_sequence", "stop_details", "container", "type", "delta", "usage"})
_THINKING_DELTA = {"type", "thinking"}
_DELTAS = {"text": (b"text", b"text"), "thinking": (b"thinking", b"thinking")}


_BEGINNING = frozenset({Text, Refusal, Thinking, ToolStart, ToolArgs, Annotations, Opaque})
"""Events that nothing can be said about before the message has begun."""

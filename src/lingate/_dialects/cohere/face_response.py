# As a face: canonical answers as this format's bodies, and canonical events as its stream.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import canonical_reason
from lingate._dialects._draft import native_fields
from lingate._dialects._encoders import CallEncoder
from lingate._dialects._face_errors import openai_error
from lingate._dialects._reading import content_text, first_choice
from lingate._dialects._tool_arguments import shown_call
from lingate._dialects.cohere.assistant import citations_of, kept_fields
from lingate._dialects.cohere.facts import FINISH, NAME
from lingate._dialects.cohere.usage import native_logprobs, native_usage
from lingate._model import (
    Annotations,
    Call,
    Event,
    Extra,
    Finish,
    JsonDict,
    Opaque,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
)
from lingate._wire.json import encode
from lingate._wire.sse import encode_typed
from lingate.errors import LingateError


def render_chat(response: JsonDict) -> bytes:
    # A canonical response.
    # The format has one answer, so only the first choice is shown.
    choice, message = first_choice(response)
    wire: JsonDict = {
        "id": response.get("id") or "",
        "finish_reason": finish_word(choice.get("finish_reason"), choice.get("native_finish_reason")),
        "message": _message(message),
    }
    usage = native_usage(response.get("usage"))
    if usage is not None:
        wire["usage"] = usage
    logprobs = native_logprobs(choice.get("logprobs"))
    if logprobs:
        wire["logprobs"] = logprobs
    return encode({**native_fields(response, NAME), **wire})


_OWN = (*FINISH.values(), "STOP_SEQUENCE", "ERROR_LIMIT", "USER_CANCEL")


def finish_word(reason: Any, native: Any) -> str:
    # The format's word for a finish reason: the provider's own if that is one and means the same.
    if isinstance(native, str) and native in _OWN and canonical_reason(native) == reason:
        return native
    return FINISH.get(reason, "COMPLETE") if isinstance(reason, str) else "COMPLETE"


def render_error(error: LingateError) -> tuple[int, bytes]:
    status, body = openai_error(error)
    return status, encode({"message": body["error"]["message"]})


def _message(message: JsonDict) -> JsonDict:
    wire: JsonDict = {"role": "assistant"}
    kept = kept_fields(message)
    wire.update(_made(message) if kept is None else kept)
    if isinstance(wire.get("content"), str):
        wire["content"] = [{"type": "text", "text": wire["content"]}]
    calls = list(map(_call, message.get("tool_calls") or ()))
    if calls:
        wire["tool_calls"] = calls
    return wire


def _made(message: JsonDict) -> JsonDict:
    text = content_text(message.get("content")) or message.get("refusal") or ""
    reasoning, calls = message.get("reasoning_content"), message.get("tool_calls")
    made: JsonDict = {}
    content = [{"type": "text", "text": text}] if text or not calls else []
    if reasoning and calls:
        made["tool_plan"] = reasoning
    elif reasoning:
        content.insert(0, {"type": "thinking", "thinking": reasoning})
    if content:
        made["content"] = content
    citations = citations_of(message.get("annotations"), text)
    if citations:
        made["citations"] = citations
    return made


def _call(call: JsonDict) -> JsonDict:
    name, arguments = shown_call(call)
    return {
        "id": call.get("id") or name,
        "type": "function",
        "function": {"name": name, "arguments": arguments or "{}"},
    }


_NEW_MESSAGE = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}


class Encoder(CallEncoder, dialect=NAME):
    # Canonical events -> SSE, one content block at a time; blocks open and close as the kind of content changes.

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._index = -1
        self._open: tuple[str, int] | None = None
        self._prefix = b""
        self._text: list[str] = []
        self._cited = False
        self._citations: list[JsonDict] = []
        self._own: list[JsonDict] = []

    def event(self, event: Event) -> bytes:
        if type(event) is Text and self._open == ("text", 0) and not event.choice and event.logprobs is None:
            # The path of nearly every event.
            self._text.append(event.text)
            return self._prefix + encode(event.text) + b"}}}}\n\n"
        return super().event(event)

    def end(self) -> bytes:
        # Close what is open, tell why the answer ended and what it cost.
        told = (b"" if self._started else self._begin(Start("", "", 0))) + self._tell_held(complete=True)
        finish = self._finish
        delta: JsonDict = {
            **self._native,
            "finish_reason": finish_word(finish.reason, finish.native) if finish else "COMPLETE",
        }
        usage = native_usage(self._usage)
        if usage is not None:
            delta["usage"] = usage
        return told + self._close() + encode_typed({"type": "message-end", "delta": delta}) + b"data: [DONE]\n\n"

    def error(self, error: LingateError) -> bytes:
        # An error in mid-stream: a message that ended in one.
        # No `[DONE]` follows it.
        _, body = openai_error(error)
        return encode_typed(
            {"type": "message-end", "delta": {"error": body["error"]["message"], "finish_reason": "ERROR"}}
        )

    def _begin(self, event: Start) -> bytes:
        super()._begin(event)
        return encode_typed({"id": event.id, "type": "message-start", "delta": {"message": _NEW_MESSAGE}})

    def _open_block(self, kind: str, number: int) -> bytes:
        closed = self._close()
        self._index += 1
        self._open = (kind, number)
        head = b'event: content-delta\ndata: {"type":"content-delta","index":%d,"delta":{"message":{"content":{"%b":'
        self._prefix = head % (self._index, kind.encode())
        message = {"content": {"type": kind, kind: ""}}
        return closed + encode_typed({"type": "content-start", "index": self._index, "delta": {"message": message}})

    def _close(self) -> bytes:
        closed = b""
        if self._open is not None:
            closed = encode_typed({"type": "content-end", "index": self._index})
        elif self._asked is not None:
            closed = encode_typed({"type": "tool-call-end", "index": self._asked.tool})
        self._open = self._asked = None
        return closed

    def _on_text(self, event: Text) -> bytes:
        opened = b"" if self._open == ("text", 0) else self._open_block("text", 0)
        self._text.append(event.text)
        logprobs = native_logprobs(event.logprobs)
        if not logprobs:
            return opened + self._prefix + encode(event.text) + b"}}}}\n\n"
        message = {"content": {"text": event.text}}
        told: JsonDict = {"type": "content-delta", "index": self._index, "delta": {"message": message}}
        return opened + encode_typed({**told, "logprobs": logprobs[0]})

    def _on_thinking(self, event: Thinking) -> bytes:
        if not event.text:
            return b""  # a signature, which the format has no place for
        if event.raw is not None and event.raw.get("type") == "tool-plan-delta":
            return self._close() + encode_typed(
                {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": event.text}}}
            )
        opened = b""
        if self._open != ("thinking", event.block):
            opened = self._open_block("thinking", event.block)
        return opened + self._prefix + encode(event.text) + b"}}}}\n\n"

    def _on_tool(self, event: ToolStart) -> bytes:
        closed = self._close()
        self._begin_call(event)
        call = {"id": event.id, "type": "function", "function": {"name": event.name, "arguments": ""}}
        message = {"tool_calls": call}
        return closed + encode_typed({"type": "tool-call-start", "index": event.tool, "delta": {"message": message}})

    def _on_args(self, event: ToolArgs) -> bytes:
        message = {"tool_calls": {"function": {"arguments": event.text}}}
        return encode_typed({"type": "tool-call-delta", "index": event.tool, "delta": {"message": message}})

    def _on_annotations(self, event: Annotations) -> bytes:
        if event.raw is not None and event.raw.get("type") == "citation-start":
            return b""  # told already, by the event itself
        self._citations += citations_of(event.items, "".join(self._text))
        return b""

    def _on_extra(self, event: Extra) -> bytes:
        own = native_fields(event.fields, NAME).get("citations")
        if event.choice is not None and isinstance(own, list):
            self._own = own  # they say more than the annotations that were made of them
        return super()._on_extra(event)

    def _on_finish(self, event: Finish) -> bytes:
        return super()._on_finish(event) + self._tell_held(complete=True) + self._tell_citations() + self._close()

    def _tell_citations(self) -> bytes:
        # Citations that have not come as events of this format.
        told = b""
        for n, citation in enumerate(() if self._cited else self._own or self._citations):
            start = {"type": "citation-start", "index": n, "delta": {"message": {"citations": citation}}}
            told += encode_typed(start) + encode_typed({"type": "citation-end", "index": n})
        self._cited = True
        return told

    def _on_opaque(self, event: Opaque) -> bytes:
        if event.dialect != NAME:
            return b""
        self._cited = self._cited or event.raw.get("type") == "citation-start"
        return encode_typed(event.raw)

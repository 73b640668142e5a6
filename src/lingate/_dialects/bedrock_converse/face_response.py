# As a face: canonical answers as this format's bodies, and canonical events as its event stream.

from __future__ import annotations

from typing import Any

from lingate._dialects._dataurl import is_data_url, split_data_url
from lingate._dialects._draft import native_fields
from lingate._dialects._encoders import BlockEncoder
from lingate._dialects._face_errors import aws_error
from lingate._dialects._frames import event_frame, exception_frame
from lingate._dialects._reading import content_text, first_choice
from lingate._dialects._round_trip import round_trip_fields
from lingate._dialects._tool_arguments import shown_arguments
from lingate._dialects.bedrock_converse.assistant import original_blocks, reasoning_block, redacted_content
from lingate._dialects.bedrock_converse.facts import FINISH, IMAGES, NAME, STOP_REASON
from lingate._dialects.bedrock_converse.usage import native_usage
from lingate._model import Annotations, JsonDict, Media, Opaque, Start, Text, Thinking, ToolArgs, ToolStart
from lingate._wire import eventstream
from lingate._wire.json import encode
from lingate._wire.shapes import as_dict, as_dicts, dig, without
from lingate.errors import LingateError


def render_message(response: JsonDict) -> bytes:
    # A canonical response as an answer.
    # The format has one, so only the first choice is shown.
    choice, message = first_choice(response)
    native = native_fields(response, NAME)
    wire: JsonDict = {
        "output": {"message": {"role": "assistant", "content": message_blocks(message)}},
        "stopReason": stop_reason(choice.get("finish_reason"), choice.get("native_finish_reason")),
        "usage": native_usage(response.get("usage")),
        "metrics": native.get("metrics") or {"latencyMs": 0},
    }
    wire.update(without(native, wire))
    return encode(wire)


def message_blocks(message: JsonDict) -> list[JsonDict]:
    # Content blocks of a canonical message: the ones it was read from, or new ones in the usual order.
    kept = original_blocks(message)
    if kept is not None:
        return kept
    carried = round_trip_fields(message, NAME)
    blocks = list(map(reasoning_block, (*_thoughts(message), *([carried] if carried else ()))))
    text = content_text(message.get("content")) or message.get("refusal")
    if text:
        blocks.append({"text": text})
    citations = list(filter(None, map(citation, message.get("annotations") or ())))
    if citations:
        blocks.append({"citationsContent": {"citations": citations}})
    blocks += [{"image": image} for image in map(image_of, message.get("images") or ()) if image]
    for call in message.get("tool_calls") or ():
        function = call.get("function") or call.get("custom") or {}
        name = function.get("name") or ""
        given = shown_arguments(function.get("arguments", function.get("input")))
        blocks.append({"toolUse": {"toolUseId": call.get("id") or name, "name": name, "input": given}})
    return blocks


def stop_reason(finish: Any, native: Any) -> str:
    # The format's word for a finish reason: the provider's own if it means the same here.
    if isinstance(native, str) and FINISH.get(native) == finish:
        return native
    return STOP_REASON.get(finish, "end_turn") if isinstance(finish, str) else "end_turn"


def citation(item: Any) -> JsonDict | None:
    # OpenAI's url citation as this format's; None for other kinds.
    cited = dig(item, "url_citation")
    if not isinstance(cited, dict) or not isinstance(cited.get("url"), str):
        return None
    made: JsonDict = {"location": {"web": {"url": cited["url"]}}}
    return {"title": cited["title"], **made} if cited.get("title") else made


def image_of(item: Any) -> JsonDict | None:
    # An image of a canonical message as format and source; None if it is not inside the message.
    holder = dig(item, "image_url")
    url = holder.get("url") if isinstance(holder, dict) else holder
    if not isinstance(url, str) or not is_data_url(url) or "," not in url:
        return None
    media_type, data = split_data_url(url)
    return {"format": IMAGES.get(media_type, "png"), "source": {"bytes": data}}


def render_count(response: JsonDict) -> bytes:
    return encode({"inputTokens": response.get("input_tokens", 0)})


def _thoughts(message: JsonDict) -> list[JsonDict]:
    if message.get("thinking_blocks"):
        return as_dicts(message["thinking_blocks"])
    reasoning = message.get("reasoning_content")
    return [{"type": "thinking", "thinking": reasoning}] if reasoning else []


_STREAM_ERRORS = {
    "ThrottlingException": "throttlingException",
    "ServiceUnavailableException": "serviceUnavailableException",
    "InternalServerException": "internalServerException",
    "ModelTimeoutException": "modelStreamErrorException",
}
_IN_STOP = "additionalModelResponseFields"


class Encoder(BlockEncoder, dialect=NAME):
    # Canonical events -> frames.

    content_type = eventstream.CONTENT_TYPE

    def end(self) -> bytes:
        # Close the last block, tell why the answer ended and what it cost.
        begun = b"" if self._started else self._begin(Start("", "", 0))
        finish = self._finish.reason if self._finish else "stop"
        native = self._finish.native if self._finish else None
        stop: JsonDict = {"stopReason": stop_reason(finish, native)}
        if _IN_STOP in self._native:
            stop[_IN_STOP] = self._native[_IN_STOP]
        told: JsonDict = {"usage": native_usage(self._usage), "metrics": {"latencyMs": 0}}
        told.update(without(self._native, (_IN_STOP,)))
        begun += self._tell_held(complete=True)
        return begun + self._close() + _frame("messageStop", stop) + _frame("metadata", told)

    def error(self, error: LingateError) -> bytes:
        # An error in mid-stream; neither `messageStop` nor `metadata` follows.
        return eventstream.encode(*exception_frame(*stream_error(error)))

    def _begin(self, event: Start) -> bytes:
        self._started = True
        return _frame("messageStart", {"role": "assistant"})

    def _open_block(self, kind: str, start: JsonDict | None = None) -> bytes:
        closed = self._close()
        self._index += 1
        self._open = kind
        if start is None:
            return closed
        return closed + _frame("contentBlockStart", {"contentBlockIndex": self._index, "start": start})

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = self._block = self._asked = None
        return _frame("contentBlockStop", {"contentBlockIndex": self._index})

    def _delta(self, delta: JsonDict, index: int | None = None) -> bytes:
        at = self._index if index is None else index
        return _frame("contentBlockDelta", {"contentBlockIndex": at, "delta": delta})

    def _on_text(self, event: Text) -> bytes:
        opened = b"" if self._open == "text" else self._open_block("text")
        return opened + self._delta({"text": event.text})

    def _on_thinking(self, event: Thinking) -> bytes:
        self._packer.take(event)
        opened = b""
        if self._is_other_thought(event):
            opened = self._open_block("thinking")
        self._block = event.block
        if event.redacted is not None:
            delta: JsonDict = {"redactedContent": redacted_content(event.redacted)}
        elif event.signature is not None:
            delta = {"signature": event.signature}
        else:
            delta = {"text": event.text}
        told = self._delta({"reasoningContent": {"text": event.text}}) if event.text and "text" not in delta else b""
        return opened + told + self._delta({"reasoningContent": delta})

    def _on_tool(self, event: ToolStart) -> bytes:
        self._packer.take(event)
        call = as_dict(dig(event.raw, "contentBlockStart", "start", "toolUse"))
        opened = self._open_block("tool", {"toolUse": {**call, "toolUseId": event.id, "name": event.name}})
        self._begin_call(event)
        self._tools[event.tool] = self._index
        return opened

    def _on_args(self, event: ToolArgs) -> bytes:
        # What a provider adds to a call that was whole keeps the index of its block.
        return self._delta({"toolUse": {"input": event.text}}, self._tools.get(event.tool))

    def _on_annotations(self, event: Annotations) -> bytes:
        cited = [] if self._cited else list(filter(None, map(citation, event.items)))
        if not cited:
            return b""
        opened = self._open_block("citations")
        return opened + b"".join([self._delta({"citation": item}) for item in cited]) + self._close()

    def _on_media(self, event: Media) -> bytes:
        image = image_of(event.data) if event.kind == "image" else None
        if image is None or self._open == "own":  # which says it itself
            return b""
        opened = self._open_block("image", {"image": {"format": image["format"]}})
        return opened + self._delta({"image": {"source": image["source"]}}) + self._close()

    def _on_opaque(self, event: Opaque) -> bytes:
        if event.dialect != NAME:
            return b""
        ((name, payload),) = event.raw.items()
        if name == "contentBlockStop":
            return self._close()
        if name == "contentBlockStart":
            return self._open_block("own", payload.get("start"))
        if name != "contentBlockDelta":
            return _frame(name, payload)
        self._cited = self._cited or "citation" in payload["delta"]
        opened = b"" if self._open else self._open_block("text")
        return opened + self._delta(payload["delta"])


def stream_error(error: LingateError) -> tuple[str, str]:
    _, name, text = aws_error(error)
    return _STREAM_ERRORS.get(name, "validationException"), text


def _frame(name: str, payload: JsonDict) -> bytes:
    return eventstream.encode(*event_frame(name, payload))

# As a face: canonical events as the events of a streamed response.

# Events of this very format are sent on as they came. From other providers' events the items are made: they open and close
# as the kind of content changes, except that calls stay open to the end, since more of their arguments may come.

from __future__ import annotations

from typing import Any

from lingate._dialects._encoders import TAKERS
from lingate._dialects._face_errors import openai_error
from lingate._dialects.openai_responses.draft import native_fields
from lingate._dialects.openai_responses.face_items import Call as OpenCall
from lingate._dialects.openai_responses.face_items import (
    Message,
    Opened,
    Reasoning,
    Whole,
    carried_in,
    image_item,
    made_id,
    with_carried,
)
from lingate._dialects.openai_responses.face_response import echo_of, frame, status_of, usage_of
from lingate._dialects.openai_responses.facts import CANONICAL_ITEMS, INCOMPLETE_REASON, NAME
from lingate._dialects.openai_responses.items import kind_of
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
    Usage,
)
from lingate._wire.shapes import as_dict, as_list, without
from lingate._wire.sse import encode_typed
from lingate.errors import LingateError

_ENDS = ("response.completed", "response.incomplete", "response.done")


class EventBuilder:
    # Turns canonical events into this format's, one at a time.

    def __init__(self, call: Call) -> None:
        self._call = call
        self._response: JsonDict = {}
        self._native: JsonDict = {}
        self._number = 0
        self._started = False
        self._passing: _Passing | None = None
        self._items: list[Opened] = []
        self._open: Reasoning | Message | None = None
        self._calls: dict[int, OpenCall] = {}
        self._carried: JsonDict = {}
        self._usage: JsonDict | None = None
        self._finish: str | None = None

    def events(self, event: Event) -> list[JsonDict]:
        # What a client sees of one event.
        # What the format has no place for (further choices) makes nothing.
        if self._passing is not None:
            return self._passing.events(event)
        if getattr(event, "choice", None):
            return []
        out: list[JsonDict] = []
        if not self._started:
            if type(event) is Start and event.raw and str(event.raw.get("type")).startswith("response."):
                # The response as it was when it began, under the name that its client knows.
                self._started, self._response = True, as_dict(event.raw.get("response"))
                if self._response:
                    self._response = {**self._response, "model": event.model}
                self._passing = _Passing(self._response)
                return self._passing.events(event)
            self._begin(event if type(event) is Start else Start("resp_unknown", self._call.model, 0), out)
        if type(event) is not Start and (take := getattr(self, TAKERS.get(type(event), ""), None)):
            take(event, out)
        return out

    def end(self) -> list[JsonDict]:
        # The terminal event, only for a stream that was whole.
        if self._passing is not None:
            return self._passing.end()
        out: list[JsonDict] = []
        if not self._started:
            self._begin(Start("resp_unknown", self._call.model, 0), out)
        self._close_all(out)
        finish = self._finish or "stop"
        status = status_of(finish, self._native)
        response = frame(self._response["id"], None, None, status, {**self._response, **self._native})
        response["output"] = self._output()
        response["usage"] = usage_of(self._usage, self._native)
        if status == "incomplete" and not response.get("incomplete_details"):
            response["incomplete_details"] = {"reason": INCOMPLETE_REASON.get(finish, "max_output_tokens")}
        self._emit(out, f"response.{status}", response=response)
        return out

    def error(self, error: LingateError) -> list[JsonDict]:
        # The end of a stream that broke, in two events as OpenAI's: some clients know the one only, some the other.
        fault = openai_error(error)[1]["error"]
        fault["code"] = fault["code"] or "invalid_prompt"  # OpenAI's for requests that are wrong
        if self._passing is not None:
            self._number = self._passing.number
        out: list[JsonDict] = []
        self._emit(out, "error", **without(fault, ("type",)), error=fault)
        if self._response:
            response = {**self._response, "status": "failed", "error": without(fault, ("type", "param"))}
            if self._items:
                response["output"] = [item.final("incomplete") for item in self._items]
            self._emit(out, "response.failed", response=response)
        return out

    def _emit(self, out: list[JsonDict], kind: str, **fields: Any) -> None:
        self._tell(out, [{"type": kind, "sequence_number": 0, **fields}])

    def _tell(self, out: list[JsonDict], told: list[JsonDict]) -> None:
        for event in told:
            event["sequence_number"] = self._number
            self._number += 1
        out += told

    def _begin(self, event: Start, out: list[JsonDict]) -> None:
        self._started = True
        self._response = frame(event.id, event.created, event.model, "in_progress", echo_of(self._call))
        self._take_fields(event.extra or {})
        self._emit(out, "response.created", response=self._response)
        self._emit(out, "response.in_progress", response=self._response)

    def _take_fields(self, fields: JsonDict) -> None:
        self._native.update(native_fields(fields))
        if isinstance(fields.get("service_tier"), str):
            self._response["service_tier"] = fields["service_tier"]

    # Items

    def _add(self, item: Opened, out: list[JsonDict]) -> None:
        for tool, call in [*self._calls.items()]:
            if call is not item and call.is_whole():
                self._end_item(call, out)
                del self._calls[tool]
        item.index = len(self._items)
        self._items.append(item)
        self._tell(out, item.begin())

    def _id(self, prefix: str) -> str:
        return made_id(prefix, self._response["id"], len(self._items))

    def _close(self, out: list[JsonDict]) -> None:
        # Close the reasoning or the message that is open.
        if self._open is not None:
            self._end_item(self._open, out)
            self._open = None

    def _end_item(self, item: Opened, out: list[JsonDict]) -> None:
        if self._carried:
            item.carried, self._carried = self._carried, {}
        part = self._finish in INCOMPLETE_REASON and item is self._items[-1]
        self._tell(out, item.end("incomplete" if part else "completed"))

    def _close_all(self, out: list[JsonDict]) -> None:
        self._close(out)
        for item in self._calls.values():
            self._end_item(item, out)
        self._calls = {}

    def _output(self) -> list[JsonDict]:
        if not self._items:
            self._items.append(Message(self._id("msg")))
        items = [item.final("completed") for item in self._items]
        return with_carried(items, self._carried) if self._carried else items

    def _message(self, out: list[JsonDict]) -> Message:
        if not isinstance(self._open, Message):
            self._close(out)
            message = self._open = Message(self._id("msg"))
            self._add(message, out)
            return message
        return self._open

    # Events

    def _on_text(self, event: Text, out: list[JsonDict]) -> None:
        # Probabilities of tokens that are no text yet, such as those of reasoning, begin no message.
        if event.text or isinstance(self._open, Message):
            self._tell(out, self._message(out).say(event.text, event.logprobs))

    def _on_refusal(self, event: Refusal, out: list[JsonDict]) -> None:
        self._tell(out, self._message(out).decline(event.text))

    def _on_thinking(self, event: Thinking, out: list[JsonDict]) -> None:
        item = self._open
        if not isinstance(item, Reasoning) or item.block != event.block:
            known = next((i for i in self._items if isinstance(i, Reasoning) and i.block == event.block), None)
            if known is not None and not event.text:
                known.prove(event)  # the proof of a block that is closed: it is in the final response at least
                return
            self._close(out)
            item = self._open = Reasoning(self._id("rs"), block=event.block)
            self._add(item, out)
        self._tell(out, item.think(event))

    def _on_tool(self, event: ToolStart, out: list[JsonDict]) -> None:
        self._close(out)
        kind = "custom" if event.kind == "custom" else "function"
        call = {**(event.extra or {}), "id": event.id, "type": kind, kind: {"name": event.name}}
        item = self._calls[event.tool] = OpenCall(self._id("fc"), call=call)
        self._add(item, out)

    def _on_args(self, event: ToolArgs, out: list[JsonDict]) -> None:
        item = self._calls.get(event.tool)
        if item is not None and event.text:
            self._tell(out, item.write(event.text))

    def _on_media(self, event: Media, out: list[JsonDict]) -> None:
        if event.kind == "image":
            self._close(out)
            self._add_whole(image_item(event.data, self._id("ig")), out)
            return
        for name, kind in (("data", "response.audio.delta"), ("transcript", "response.audio.transcript.delta")):
            if isinstance(event.data.get(name), str):
                self._emit(out, kind, delta=event.data[name])

    def _add_whole(self, item: JsonDict, out: list[JsonDict]) -> None:
        whole = Whole(str(item.get("id")), given=item)
        self._add(whole, out)
        self._tell(out, whole.end("completed"))

    def _on_annotations(self, event: Annotations, out: list[JsonDict]) -> None:
        messages = [item for item in self._items if isinstance(item, Message)]
        message = messages[-1] if messages else self._message(out)
        self._tell(out, message.cite(event.items))

    def _on_usage(self, event: Usage, out: list[JsonDict]) -> None:
        self._usage = event.usage

    def _on_extra(self, event: Extra, out: list[JsonDict]) -> None:
        if event.choice is None:
            self._take_fields(event.fields)
            return
        self._carried.update(carried_in(event.fields))
        for item in as_list(native_fields(event.fields).get("items")):
            if kind_of(item) not in CANONICAL_ITEMS and kind_of(item) != "image_generation_call":
                self._close(out)
                self._add_whole(item, out)

    def _on_finish(self, event: Finish, out: list[JsonDict]) -> None:
        # Usage may still come; the end of the response waits for it.
        self._finish = event.reason
        self._close_all(out)


class _Passing:
    # Sends the events of this very format on, each once. The terminal one waits for the end.

    def __init__(self, response: JsonDict) -> None:
        self.number = 0
        self._response = response
        self._last: JsonDict | None = None
        self._final: JsonDict | None = None
        self._items: list[JsonDict] = []

    def events(self, event: Event) -> list[JsonDict]:
        raw = getattr(event, "raw", None)
        if raw is None or raw is self._last or (type(event) is Opaque and event.dialect != NAME):
            return []
        self._last = raw
        self.number = raw["sequence_number"] + 1 if type(raw.get("sequence_number")) is int else self.number + 1
        kind = raw.get("type")
        if kind in _ENDS:
            self._final = raw
            return []
        if kind == "response.output_item.done" and isinstance(raw.get("item"), dict):
            self._items.append(raw["item"])
        if type(event) is Text and kind == "response.output_text.delta" and event.text != raw.get("delta"):
            return [{**raw, "delta": event.text}]
        return [raw]

    def end(self) -> list[JsonDict]:
        if self._final is not None:
            return [self._ending(self._final)]
        response = {**self._response, "status": "completed", "output": self._items}
        return [{"type": "response.completed", "sequence_number": self.number, "response": response}]

    def _ending(self, final: JsonDict) -> JsonDict:
        # By the name that clients wait for, and with its items: ChatGPT's backend of Codex leaves them out.
        response = as_dict(final.get("response"))
        if not response.get("output") and self._items:
            final = {**final, "response": {**response, "output": self._items}}
        if final["type"] == "response.done":
            final = {**final, "type": f"response.{response.get('status') or 'completed'}"}
        return final


class Encoder:
    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, call: Call) -> None:
        self._builder = EventBuilder(call)

    def event(self, event: Event) -> bytes:
        return _sse(self._builder.events(event))

    def end(self) -> bytes:
        return _sse(self._builder.end())

    def error(self, error: LingateError) -> bytes:
        return _sse(self._builder.error(error))


def _sse(events: list[JsonDict]) -> bytes:
    return b"".join(map(encode_typed, events))

# From the upstream: the events of a stream, and their bytes, as canonical events.

# Every event of the stream is the `raw` of at least one canonical event, at worst of an `Opaque` one, so that a client of
# this very format can be given all of them.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lingate._dialects._answers import malformed, provider_failed
from lingate._dialects._base import StreamDecoder
from lingate._dialects._check import Malformed
from lingate._dialects._counts import unix
from lingate._dialects._failure import body_failure
from lingate._dialects._reading import take_answer, text_of
from lingate._dialects._sse_stream import SseStreamDecoder, StreamedAnswer
from lingate._dialects.openai_chat.response import arguments_text
from lingate._dialects.openai_responses.facts import CALLS, NAME
from lingate._dialects.openai_responses.items import (
    TEXTS,
    asks_caller,
    call_id,
    canonical_annotation,
    check_item,
    free_input,
    image_of,
    kind_of,
    reasoning_text,
    signature_of,
)
from lingate._dialects.openai_responses.response import (
    canonical_usage,
    failure_of,
    finish_reason,
    identity,
    keeps_items,
    model_of,
    native_reason,
    read_output,
    read_response,
    tools_of,
    top_fields,
)
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
from lingate._wire.shapes import as_dicts, as_list, as_str
from lingate.errors import LingateError

Place = tuple[str, Any]
"""Where an event belongs: by `output_index`, since some hosts change an item's id from event to event, else by id."""


@dataclass(slots=True, eq=False)
class Item:
    # One output item.

    kind: str
    """Its type."""
    ids: frozenset[str] = frozenset()
    """The ids it goes by."""
    number: int = -1
    """Place among the tool calls or the reasoning items; -1 where it is neither."""
    answer: bool = False
    """It is the tool call whose arguments are the structured answer."""
    told: bool = False
    """Pieces of its reasoning have arrived."""
    pieces: list[str] = field(default_factory=list)
    """What has been told of a call's input."""
    said: str = ""
    """All of that, as its own end event had it; some servers say it nowhere else."""
    part: tuple[str, int] | None = None
    """The part of the reasoning that is arriving."""
    positions: dict[int, int] = field(default_factory=dict)
    """Characters of answer text before each text part."""
    annotations: dict[int, int] = field(default_factory=dict)
    """How many annotations of each text part have been told."""
    refused: set[int] = field(default_factory=set)
    """Parts whose refusal has been told."""
    ended: bool = False
    """It has been seen whole."""


def place_of(raw: JsonDict) -> Place:
    index, given = raw.get("output_index"), raw.get("item_id")
    if type(index) is int:
        return "index", index
    item = raw.get("item")
    if isinstance(item, dict) and not isinstance(given, str):
        given = item.get("id")
    return "id", as_str(given)


def index_of(raw: JsonDict, name: str) -> int:
    # A position that an event gives; the first where it gives none.
    found = raw.get(name)
    return found if type(found) is int else 0


def ids_of(item: JsonDict) -> frozenset[str]:
    # Every id an item goes by, or an event calls it by.
    return frozenset(filter(None, (as_str(item.get("id") or item.get("item_id")), call_id(item))))


def _said(source: JsonDict) -> str:
    return as_str(source.get("arguments", source.get("input")))


_BEGINNINGS = ("response.created", "response.queued", "response.in_progress")
_ENDS = ("response.completed", "response.done", "response.incomplete", "response.failed", "response.cancelled")


class ResponseStream(StreamedAnswer):
    def __init__(self, sent: HttpRequest) -> None:
        super().__init__(sent)
        self._items: dict[Place, Item] = {}
        self._seen: list[Item] = []
        self._finals: list[JsonDict] = []
        self._calls = 0
        self._thoughts = 0
        self._length = 0
        self._started = False
        self._for_caller = asks_caller(tools_of(sent))
        # Events before the model has said anything wait for what follows: until then a failure can be retried.
        self._quiet: list[Event] = []

    def read(self, raw: Any, out: list[Event]) -> None:
        try:
            self._read(raw, out)
        except Malformed as flaw:
            self.fail(malformed(self._sent.target, f"a stream event makes no sense: {flaw}"), out)
        except LingateError as error:
            self.fail(error, out)

    def _read(self, raw: Any, out: list[Event]) -> None:
        if not isinstance(raw, dict):
            raise Malformed("event", "must be an object")
        kind = raw.get("type")
        if kind == "response.output_text.delta" and self._started and not self._quiet:
            self._on_text(raw, out)
            return
        if kind in _BEGINNINGS:
            self._on_beginning(raw, out)
            return
        if kind in _ENDS:
            self._on_end(raw, out)
            return
        handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
        # An item's own error, of a server of tools for one, is not the answer's.
        if handler is None and (kind == "error" or "item_id" not in raw):
            error = body_failure(raw, self._sent.target)
            if error is not None:
                raise error
        if not self._started:
            self._begin({}, raw, out)
        if self._quiet:
            out += self._quiet
            self._quiet = []
        before = len(out)
        if handler is not None:
            handler(self, raw, out)
        if len(out) == before:
            out.append(Opaque(NAME, raw))

    def _begin(self, response: JsonDict, raw: JsonDict, out: list[Event]) -> None:
        self._started = True
        created = unix(response.get("created_at"))
        out.append(Start(identity(response), model_of(response, self._sent.target), created, raw=raw))

    def _on_beginning(self, raw: JsonDict, out: list[Event]) -> None:
        response = raw.get("response")
        if not isinstance(response, dict):
            raise Malformed(f"{raw['type']}.response", "must be an object")
        if self._started:
            self._quiet.append(Opaque(NAME, raw))
        else:
            self._begin(response, raw, out)

    # Items

    def _on_item(self, raw: JsonDict, out: list[Event]) -> None:
        if raw.get("item", 0) is not None:  # some servers announce nothing
            self._add_item(place_of(raw), self._item_of(raw), raw, out)

    def _item_of(self, raw: JsonDict) -> JsonDict:
        item = raw.get("item")
        if isinstance(item, dict) and "content" not in item and kind_of(item) == "message":
            item = {**item, "content": None}  # some servers leave it out until there is any
        check_item(item, f"{raw['type']}.item")
        assert isinstance(item, dict)
        return item

    def _add_item(self, place: Place, start: JsonDict, raw: JsonDict, out: list[Event]) -> Item:
        item = self._items[place] = Item(kind_of(start), ids_of(start))
        self._seen.append(item)
        if item.kind == "reasoning":
            item.number = self._thoughts
            self._thoughts += 1
        elif item.kind in CALLS:
            self._begin_call(item, start, raw, out)
        return item

    def _begin_call(self, item: Item, start: JsonDict, raw: JsonDict, out: list[Event]) -> None:
        item.said = _said(start)
        if not self._for_caller(start):
            return
        if start["name"] == self._sent.answer_tool:
            item.answer = not self._answered
            self._answered = True
            return
        item.number = self._calls
        self._calls += 1
        out.append(ToolStart(item.number, call_id(start), start["name"], kind=CALLS[item.kind], raw=raw))

    def _known(self, raw: JsonDict, kind: str, ids: frozenset[str]) -> Item | None:
        # The item of this kind that an event names. An id that is known is right: servers miscount places, or give all items
        # the same one. One that is not may have been made up for the event.
        item = self._items.get(place_of(raw))
        at = item if item is not None and item.kind == kind else None
        if at is not None and ids <= at.ids:
            return at
        return next((item for item in reversed(self._seen) if item.kind == kind and item.ids & ids), at)

    def _found(self, raw: JsonDict, kind: str, out: list[Event]) -> Item:
        # The item that a piece is for. If the event names none, it is the one that was announced last and has said nothing
        # yet; without a place it may have. Otherwise a new one begins here.
        place = place_of(raw)
        item = self._items.get(place)
        if item is not None and item.kind == kind and as_str(raw.get("item_id")) in item.ids:
            return item
        item = self._known(raw, kind, ids_of(raw))
        if item is not None and (place[1] != "" or not item.ended):
            return item
        for item in reversed(self._seen):
            silent = place[0] == "id" or not (item.told or item.positions or item.pieces)
            if silent and item.kind == kind and not item.ended:
                if place[0] == "index":
                    self._items[place] = item
                return item
        if kind in CALLS:
            raise Malformed(raw["type"], "comes before its call")
        return self._add_item(place, {"type": kind}, raw, out)

    def _on_item_done(self, raw: JsonDict, out: list[Event]) -> None:
        final = self._item_of(raw)
        kind, ids = kind_of(final), ids_of(final)
        item = self._known(raw, kind, ids)
        if item is not None and item.ended and item.ids == ids:
            return
        if item is None or item.ended:
            open_ones = (item for item in self._seen if item.kind == kind and not item.ended)
            said = _said(final)
            item = next((item for item in open_ones if said.startswith("".join(item.pieces))), None)
            item = item or self._add_item(place_of(raw), final, raw, out)
        self._end_item(item, final, raw, out)

    def _end_item(self, item: Item, final: JsonDict, raw: JsonDict, out: list[Event]) -> None:
        # Tell what the pieces have not told; some servers send whole items only.
        item.ended = True
        item.ids |= ids_of(final)
        self._finals.append(final)
        if item.kind == "message":
            self._end_message(item, final, raw, out)
        elif item.kind == "reasoning":
            text = "" if item.told else reasoning_text(final)
            signature = signature_of(final)
            if text or signature is not None:
                out.append(Thinking(text, 0, item.number, signature=signature, raw=raw))
        elif item.kind in CALLS:
            given = final.get("arguments") if item.kind == "function_call" else free_input(final)
            # LM Studio ends such an item with an empty object: earendil-works/pi#917.
            text = item.said if given == "{}" and item.said else given or item.said
            if item.kind == "function_call" and (text or not item.pieces):
                text = arguments_text(text)
            self._complete(item, text, raw, out)
        elif item.kind == "image_generation_call" and (image := image_of(final)) is not None:
            out.append(Media("image", image, 0, raw))

    def _end_message(self, item: Item, final: JsonDict, raw: JsonDict, out: list[Event]) -> None:
        content = final.get("content")
        parts = [{"type": "output_text", "text": content}] if isinstance(content, str) else content or ()
        if parts and max(item.positions, default=-1) >= len(parts):
            # Such indexes number the pieces, or the parts of all items, and everything has been told.
            item.positions = dict.fromkeys(range(len(parts)), min(item.positions.values()))
        for n, part in enumerate(parts):
            if part["type"] in TEXTS and isinstance(part.get("text"), str):
                self._end_text(item, n, part, raw, out)
            elif part["type"] == "refusal" and n not in item.refused and part["refusal"]:
                out.append(Refusal(part["refusal"], 0, raw))

    def _end_text(self, item: Item, n: int, part: JsonDict, raw: JsonDict, out: list[Event]) -> None:
        if n not in item.positions:
            item.positions[n] = self._length
            if part["text"]:
                self._say(part["text"], part.get("logprobs"), raw, out)
        annotations = as_list(part.get("annotations"))
        self._annotate(annotations[item.annotations.get(n, 0) :], item.positions[n], raw, out)

    # Pieces

    def _on_text(self, raw: JsonDict, out: list[Event]) -> None:
        text = raw.get("delta")
        if not isinstance(text, str):
            raise Malformed("response.output_text.delta.delta", "must be a string")
        item = self._items.get(place_of(raw))
        if item is None or item.kind != "message":
            item = self._found(raw, "message", out)
        item.positions.setdefault(index_of(raw, "content_index"), self._length)
        self._say(text, raw.get("logprobs"), raw, out)

    def _say(self, text: str, logprobs: Any, raw: JsonDict, out: list[Event]) -> None:
        self._length += len(text)
        told = {"content": logprobs} if logprobs and isinstance(logprobs, list) else None
        self._tell(Text(text, 0, raw, told), out)

    def _on_refusal(self, raw: JsonDict, out: list[Event]) -> None:
        text = raw.get("delta")
        if isinstance(text, str):
            self._found(raw, "message", out).refused.add(index_of(raw, "content_index"))
            out.append(Refusal(text, 0, raw))

    def _on_annotation(self, raw: JsonDict, out: list[Event]) -> None:
        item = self._found(raw, "message", out)
        n = index_of(raw, "content_index")
        item.annotations[n] = item.annotations.get(n, 0) + 1
        self._annotate([raw.get("annotation")], item.positions.get(n, self._length), raw, out)

    def _annotate(self, annotations: list[Any], position: int, raw: JsonDict, out: list[Event]) -> None:
        items = [canonical_annotation(given, position) for given in as_dicts(annotations)]
        if items and self._held is None:
            out.append(Annotations(items, 0, raw))

    def _on_thought(self, raw: JsonDict, out: list[Event], field: str) -> None:
        text = text_of(raw.get("delta"))
        if not text:
            return
        # Reasoning itself has one part; some servers count its pieces.
        part = field, index_of(raw, "summary_index") if field == "summary" else 0
        item = self._found(raw, "reasoning", out)
        if item.told and part != item.part:
            text = "\n\n" + text  # parts of one item are set apart
        item.told, item.part = True, part
        out.append(Thinking(text, 0, item.number, raw=raw))

    def _on_call_piece(self, raw: JsonDict, out: list[Event], kind: str) -> None:
        item = self._found(raw, kind, out)
        text = raw.get("delta")
        if isinstance(text, str) and text:
            self._tell_piece(item, text, raw, out)

    def _on_call_said(self, raw: JsonDict, out: list[Event], kind: str) -> None:
        item = self._known(raw, kind, ids_of(raw))
        if item is not None:
            item.said = _said(raw)

    def _complete(self, item: Item, text: str, raw: JsonDict, out: list[Event]) -> None:
        # Tell what the pieces have left out of a call's input.
        told = "".join(item.pieces)
        if len(text) > len(told) and text.startswith(told):
            self._tell_piece(item, text[len(told) :], raw, out)

    def _tell_piece(self, item: Item, text: str, raw: JsonDict, out: list[Event]) -> None:
        item.pieces.append(text)
        if item.number >= 0:
            out.append(ToolArgs(item.number, text, 0, raw))
        elif item.answer:
            out.append(Text(text, 0, raw))

    def _on_audio(self, raw: JsonDict, out: list[Event], name: str) -> None:
        if isinstance(raw.get("delta"), str):
            out.append(Media("audio", {name: raw["delta"]}, 0, raw))

    # The end

    def _on_end(self, raw: JsonDict, out: list[Event]) -> None:
        response = raw.get("response")
        if raw["type"] in ("response.failed", "response.cancelled"):
            raise body_failure(raw, self._sent.target) or provider_failed(
                self._sent.target, f"the event {raw['type']!r}"
            )
        if not isinstance(response, dict):
            raise Malformed(f"{raw['type']}.response", "must be an object")
        response = self._whole(response, raw["type"])
        error = failure_of(response, self._sent.target)
        if error is not None:
            raise error
        if not self._started:
            self._begin(response, raw, out)
        out += self._quiet
        reading = read_output(response["output"], self._sent)
        self._end_rest(response["output"], raw, out)
        for item in self._seen:
            if item.kind in CALLS and not item.ended:
                self._complete(item, item.said, raw, out)
        self._tell_rest(response, raw, out)
        if keeps_items(reading, take_answer(reading, self._sent.answer_tool), self._sent):
            out.append(Extra({"provider_specific_fields": {NAME: {"items": response["output"]}}}, 0, raw))
        calls = bool(reading.calls) or self._calls > 0
        out.append(Finish(finish_reason(response, calls) or "stop", 0, native_reason(response), raw))
        self.done = self.over = True

    def _end_rest(self, finals: list[JsonDict], raw: JsonDict, out: list[Event]) -> None:
        # Tell those items of the final response that the events before it have not told. Servers that make up new ids for
        # it have the items of a kind in the order in which they were told.
        named = frozenset().union(*map(ids_of, finals))
        seen = self._seen.copy()
        for n, final in enumerate(finals):
            place, ids = ("index", n), ids_of(final)
            same = [item for item in seen if item.kind == kind_of(final)]
            at_place = [item for item in same if self._items.get(place) is item]
            nameless = [item for item in same if not item.ids & named]
            item = next(iter([*(item for item in same if item.ids & ids), *at_place, *nameless]), None)
            if item is None:
                item = self._add_item(place, final, raw, out)
            else:
                seen.remove(item)
            if not item.ended:
                self._end_item(item, final, raw, out)

    def _whole(self, response: JsonDict, kind: str) -> JsonDict:
        # The final response with what some servers leave out of it: the items, and the status.
        if not isinstance(response.get("output"), list) or (not response["output"] and self._finals):
            response = {**response, "output": list(self._finals)}
        if response.get("status") is None or response["status"] == "in_progress":
            response = {**response, "status": kind.partition(".")[2]}
        return response

    def _tell_rest(self, response: JsonDict, raw: JsonDict, out: list[Event]) -> None:
        self._tell_held(raw, out)
        usage = canonical_usage(response.get("usage"))
        if usage is not None:
            out.append(Usage(usage, raw))
        top = top_fields(response, self._sent)
        if top:
            out.append(Extra(top, None, raw))


_HANDLERS: dict[str, Callable[[ResponseStream, JsonDict, list[Event]], None]] = {
    "response.output_item.added": ResponseStream._on_item,
    "response.output_item.done": ResponseStream._on_item_done,
    "response.output_text.delta": ResponseStream._on_text,
    "response.output_text.annotation.added": ResponseStream._on_annotation,
    "response.refusal.delta": ResponseStream._on_refusal,
    "response.reasoning_summary_text.delta": partial(ResponseStream._on_thought, field="summary"),
    "response.reasoning_text.delta": partial(ResponseStream._on_thought, field="content"),
    # The older names of the two.
    "response.reasoning_summary.delta": partial(ResponseStream._on_thought, field="summary"),
    "response.reasoning.delta": partial(ResponseStream._on_thought, field="content"),
    "response.function_call_arguments.delta": partial(ResponseStream._on_call_piece, kind="function_call"),
    "response.custom_tool_call_input.delta": partial(ResponseStream._on_call_piece, kind="custom_tool_call"),
    "response.function_call_arguments.done": partial(ResponseStream._on_call_said, kind="function_call"),
    "response.custom_tool_call_input.done": partial(ResponseStream._on_call_said, kind="custom_tool_call"),
    "response.audio.delta": partial(ResponseStream._on_audio, name="data"),
    "response.audio.transcript.delta": partial(ResponseStream._on_audio, name="transcript"),
}


def stream_decoder(sent: HttpRequest, head: Head) -> StreamDecoder:
    return SseStreamDecoder(sent, head, ResponseStream(sent), read_response)

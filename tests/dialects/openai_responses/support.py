"""What the tests of this dialect share: targets, short forms of the operations, the recordings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

from lingate._dialects.openai_responses import DIALECT
from lingate._model import Call, Event, Failed, Head, HttpRequest, JsonDict, ProviderRow, Target, Traits
from tests.dialects import short

CHAT: Any = DIALECT.operations["chat"]
NATIVE: Any = DIALECT.operations["responses"]
COUNT: Any = DIALECT.operations["count_tokens"]

JSON_HEAD = Head(200, {"content-type": "application/json"})
SSE_HEAD = Head(200, {"content-type": "text/event-stream; charset=utf-8"})

HELLO = [{"role": "user", "content": "hello"}]
recorded = partial(
    short.recorded,
    "openai-responses",
    "xai-responses",
    "azure-openai-responses",
    "deepseek-responses",
    "bedrock-mantle-responses",
    "openrouter-responses",
)


def target(traits: Traits | None = None, model: str = "m-1", **row: Any) -> Target:
    return Target(
        row=ProviderRow(**{"name": "acme", "dialect": "openai_responses", **row}),
        model=model,
        url="https://api.acme.test/v1",
        headers={"authorization": "Bearer sk-secret-0001", "content-type": "application/json"},
        secrets=("sk-secret-0001",),
        traits=traits or {},
    )


def chat_call(stream: bool = False, drop_params: bool = False, **body: Any) -> Call:
    return Call("chat", "m-1", {"messages": HELLO, **body}, stream=stream, drop_params=drop_params)


def wire(traits: Traits | None = None, drop_params: bool = False, **body: Any) -> JsonDict:
    """The body that a chat call is sent with."""
    made: JsonDict = json.loads(CHAT.request(chat_call(drop_params=drop_params, **body), target(traits)).body)
    return made


def dropped(traits: Traits | None = None, drop_params: bool = False, **body: Any) -> list[str]:
    found: list[str] = CHAT.request(chat_call(drop_params=drop_params, **body), target(traits)).dropped
    return found


def parse(body: JsonDict, operation: Any = NATIVE) -> Call:
    """A client's request as a call."""
    made: Call = operation.parse_call(json.dumps({"model": "m-1", **body}).encode(), {})
    return made


def again(body: JsonDict, **row: Any) -> JsonDict:
    """A client's request as it goes on to this very format."""
    made: JsonDict = json.loads(NATIVE.request(parse(body), target(**row)).body)
    return made


def sent(operation: Any = CHAT, answer_tool: str | None = None, stream: bool = False) -> HttpRequest:
    made = parse({"input": "hi", "stream": stream}) if operation is NATIVE else chat_call(stream)
    request: HttpRequest = operation.request(made, target())
    request.answer_tool = answer_tool
    return request


def read(body: Any, operation: Any = CHAT, answer_tool: str | None = None) -> JsonDict:
    """The canonical response of a body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    canonical: JsonDict = operation.response(sent(operation, answer_tool), JSON_HEAD, data)[0]
    return canonical


def message(text: str = "hi", **fields: Any) -> JsonDict:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part], **fields}


def function_call(arguments: str = '{"a":1}', name: str = "look", call_id: str = "call_1", **fields: Any) -> JsonDict:
    return {
        "id": f"fc_{call_id}",
        "type": "function_call",
        "status": "completed",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        **fields,
    }


def reasoning(*summary: str, secret: str | None = "gAAA", **fields: Any) -> JsonDict:
    parts = [{"type": "summary_text", "text": text} for text in summary]
    return {"id": "rs_1", "type": "reasoning", "summary": parts, "encrypted_content": secret, **fields}


def answer(*items: JsonDict, status: str = "completed", **fields: Any) -> JsonDict:
    """A response as the API gives it."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_750_000_000,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "m-1-2026",
        "output": list(items),
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": 10,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 6,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 16,
        },
        **fields,
    }


def streamed(body: JsonDict) -> list[JsonDict]:
    """The events with which the API would stream this response, a letter at a time."""
    begun = {**body, "status": "in_progress", "output": [], "usage": None}
    events: list[JsonDict] = [{"type": f"response.{name}", "response": begun} for name in ("created", "in_progress")]
    for n, item in enumerate(body["output"]):
        events += _item_events(n, item)
    end = "incomplete" if body["status"] == "incomplete" else "completed"
    events.append({"type": f"response.{end}", "response": body})
    return [{**event, "sequence_number": n} for n, event in enumerate(events)]


def _item_events(n: int, item: JsonDict) -> list[JsonDict]:
    place = {"item_id": item.get("id"), "output_index": n}
    bare: JsonDict = {**item, "status": "in_progress"}
    told: list[JsonDict] = []
    if item["type"] == "message":
        bare["content"] = []
        for at, part in enumerate(item["content"]):
            told += _part_events({**place, "content_index": at}, part)
    elif item["type"] == "reasoning":
        bare = {"id": item["id"], "type": "reasoning", "summary": []}
        for at, part in enumerate(item["summary"]):
            where = {**place, "summary_index": at}
            told.append({"type": "response.reasoning_summary_part.added", **where, "part": {**part, "text": ""}})
            told += [
                {"type": "response.reasoning_summary_text.delta", **where, "delta": letter} for letter in part["text"]
            ]
            told.append({"type": "response.reasoning_summary_text.done", **where, "text": part["text"]})
            told.append({"type": "response.reasoning_summary_part.done", **where, "part": part})
        for at, part in enumerate(item.get("content") or ()):
            where = {**place, "content_index": at}
            told += [{"type": "response.reasoning_text.delta", **where, "delta": letter} for letter in part["text"]]
            told.append({"type": "response.reasoning_text.done", **where, "text": part["text"]})
    elif item["type"] in ("function_call", "custom_tool_call"):
        field, event = (
            ("arguments", "function_call_arguments") if "arguments" in item else ("input", "custom_tool_call_input")
        )
        bare[field] = ""
        told += [{"type": f"response.{event}.delta", **place, "delta": letter} for letter in item[field]]
        told.append({"type": f"response.{event}.done", **place, field: item[field]})
    return [
        {"type": "response.output_item.added", "output_index": n, "item": bare},
        *told,
        {"type": "response.output_item.done", "output_index": n, "item": item},
    ]


def _part_events(where: JsonDict, part: JsonDict) -> list[JsonDict]:
    kind, field = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
    told: list[JsonDict] = [
        {"type": "response.content_part.added", **where, "part": {**part, field: "", "annotations": []}}
    ]
    for letter in part[field]:
        told.append({"type": f"response.{kind}.delta", **where, "delta": letter, "logprobs": [], "obfuscation": "x9"})
    for at, annotation in enumerate(part.get("annotations") or ()):
        told.append(
            {
                "type": "response.output_text.annotation.added",
                **where,
                "annotation_index": at,
                "annotation": annotation,
            }
        )
    told.append({"type": f"response.{kind}.done", **where, field: part[field]})
    return [*told, {"type": "response.content_part.done", **where, "part": part}]


def sse(*events: JsonDict | bytes) -> bytes:
    return b"".join(
        event if isinstance(event, bytes) else f"event: {event.get('type')}\ndata: {json.dumps(event)}\n\n".encode()
        for event in events
    )


def decode(pieces: Iterable[bytes], request: HttpRequest | None = None, head: Head = SSE_HEAD) -> list[Event]:
    return short.fed(CHAT.decoder(request or sent(stream=True), head), pieces)


def events_of(*events: JsonDict | bytes, operation: Any = CHAT, answer_tool: str | None = None) -> list[Event]:
    """The events of a stream, which must be the same whole, byte by byte and cut at random."""
    data = sse(*events)
    request = sent(operation, answer_tool, stream=True)
    whole = decode([data], request)
    for pieces in (short.single_bytes(data), short.cut_at_random(data, len(data))):
        assert comparable(decode(pieces, request)) == comparable(whole)
    return whole


def comparable(events: list[Event]) -> list[Any]:
    """Events with made-up ids levelled and errors as text."""
    found: list[Any] = []
    for event in events:
        if isinstance(event, Failed):
            found.append(str(event.error))
            continue
        made = getattr(event, "id", "")
        levelled = "resp_" if made.startswith("resp_") and len(made) == 29 else made
        values = tuple(levelled if name == "id" else getattr(event, name) for name in event.__slots__)
        found.append((type(event).__name__, *values))
    return found


def encoded(events: Iterable[Event], made: Call | None = None) -> bytes:
    """What a client of this format is sent for these events."""
    encoder = NATIVE.encoder(made or parse({"input": "hi"}))
    data: bytes = b"".join(encoder.event(event) for event in events) + encoder.end()
    return data


def decoded(data: bytes) -> list[JsonDict]:
    """The events of a stream as a client reads them."""
    lines = data.decode().split("\n")
    return [json.loads(line[5:]) for line in lines if line.startswith("data:") and "[DONE]" not in line]

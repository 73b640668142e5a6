"""OpenAI's Responses: every item is announced, told, and given whole at its end; the last event has them all."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fidelity.providers._pieces import SSE, halves, sse
from tests.fidelity.talk import JsonDict


def stream(body: JsonDict) -> tuple[bytes, str]:
    begun = {**body, "status": "in_progress", "output": [], "usage": None}
    events: list[JsonDict] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(body["output"]):
        events += [{**event, "output_index": index} for event in _item(item)]
    events.append({"type": "response.completed", "response": body})
    return sse(*({**event, "sequence_number": n} for n, event in enumerate(events)), named=True), SSE


def _item(item: JsonDict) -> Iterator[JsonDict]:
    tell = {"reasoning": _reasoning, "message": _message, "function_call": _call}.get(item["type"], _other)
    yield from tell(item)
    yield {"type": "response.output_item.done", "item": item}


def _added(item: JsonDict, **begun: object) -> JsonDict:
    return {"type": "response.output_item.added", "item": {**item, **begun}}


def _reasoning(item: JsonDict) -> Iterator[JsonDict]:
    yield _added(item, summary=[], encrypted_content="")
    for number, part in enumerate(item["summary"]):
        place = {"item_id": item["id"], "summary_index": number}
        yield {"type": "response.reasoning_summary_part.added", **place, "part": {**part, "text": ""}}
        for piece in halves(part["text"]):
            yield {"type": "response.reasoning_summary_text.delta", **place, "delta": piece}
        yield {"type": "response.reasoning_summary_text.done", **place, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **place, "part": part}


def _message(item: JsonDict) -> Iterator[JsonDict]:
    yield _added(item, status="in_progress", content=[])
    for number, part in enumerate(item["content"]):
        place = {"item_id": item["id"], "content_index": number}
        bare = {**part, "text": "", "annotations": []}
        yield {"type": "response.content_part.added", **place, "part": bare}
        for piece in halves(part["text"]):
            yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
        for at, annotation in enumerate(part["annotations"]):
            told = {"annotation_index": at, "annotation": annotation}
            yield {"type": "response.output_text.annotation.added", **place, **told}
        yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
        yield {"type": "response.content_part.done", **place, "part": part}


def _call(item: JsonDict) -> Iterator[JsonDict]:
    yield _added(item, status="in_progress", arguments="")
    for piece in halves(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", "item_id": item["id"], "delta": piece}
    yield {"type": "response.function_call_arguments.done", "item_id": item["id"], "arguments": item["arguments"]}


def _other(item: JsonDict) -> Iterator[JsonDict]:
    yield _added(item, status="in_progress")
    yield {"type": f"response.{item['type']}.completed", "item_id": item["id"]}

"""As a face: parts of canonical messages as output items."""

from __future__ import annotations

import re
from typing import Any

from lingate._dialects._dataurl import is_data_url, split_data_url
from lingate._dialects.openai_responses.content import content_text
from lingate._dialects.openai_responses.conversation import CARRIED, CARRIED_CALL, DETAILS
from lingate._dialects.openai_responses.facts import NAME
from lingate._dialects.openai_responses.proof import own_item, secret_of
from lingate._model import JsonDict

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")
_CALL_FIELDS = ("id", "type", "index", "function", "custom")


def made_id(prefix: str, response_id: str, number: int) -> str:
    """An id for an item of an answer whose provider gives its parts none."""
    return f"{prefix}_{_NOT_IN_IDS.sub('', response_id)}_{number}"


def output_items(message: JsonDict, logprobs: Any, response_id: str, status: str) -> list[JsonDict]:
    """A canonical message as output items, in the usual order."""
    items = reasoning_items(message, response_id)
    text, refusal = content_text(message.get("content")), message.get("refusal")
    parts: list[JsonDict] = []
    if text:
        parts.append(text_part(text, message.get("annotations"), logprobs))
    if isinstance(refusal, str) and refusal:
        parts.append({"type": "refusal", "refusal": refusal})
    calls = message.get("tool_calls") or ()
    images = message.get("images") or ()
    if parts or not (items or calls or images or status == "in_progress"):
        items.append(message_item(made_id("msg", response_id, len(items)), parts, status))
    for call in calls:
        items.append(call_item(call, made_id("fc", response_id, len(items)), status))
    for image in images:
        items.append(image_item(image, made_id("ig", response_id, len(items))))
    return with_carried(items, carried_in(message))


def carried_in(message: JsonDict) -> JsonDict:
    """What other providers want back with a message."""
    fields = message.get("provider_specific_fields")
    carried = {name: value for name, value in fields.items() if name != NAME} if isinstance(fields, dict) else {}
    details = message.get(DETAILS)
    return {**carried, DETAILS: details} if isinstance(details, list) else carried


def with_carried(items: list[JsonDict], carried: JsonDict) -> list[JsonDict]:
    """The items with what other providers want back on the first of them."""
    return [{**items[0], CARRIED: carried}, *items[1:]] if items and carried else items


def message_item(given: str, parts: list[JsonDict], status: str) -> JsonDict:
    """A message of the model."""
    return {"id": given, "type": "message", "status": status, "role": "assistant", "content": parts}


def text_part(text: str, annotations: Any = None, logprobs: Any = None) -> JsonDict:
    """A part with text."""
    found = logprobs.get("content") if isinstance(logprobs, dict) else None
    return {
        "type": "output_text",
        "annotations": native_annotations(annotations),
        "logprobs": found if isinstance(found, list) else [],
        "text": text,
    }


def native_annotations(annotations: Any) -> list[JsonDict]:
    """OpenAI's chat annotations in the flat form of this format."""
    made: list[JsonDict] = []
    for annotation in annotations if isinstance(annotations, list) else ():
        if not isinstance(annotation, dict):
            continue
        cited = annotation.get("url_citation")
        if not isinstance(cited, dict):
            made.append(annotation)
            continue
        required = {"start_index": 0, "end_index": 0, "title": "", "url": ""}
        given = {key: value for key, value in cited.items() if value is not None}
        made.append({"type": "url_citation", **required, **given})
    return made


def call_item(call: JsonDict, given: str, status: str, text: str | None = None) -> JsonDict:
    """A tool call; `text` replaces its arguments."""
    kind = "custom" if call.get("type") == "custom" else "function"
    words = call.get(kind) or {}
    head: JsonDict = {
        "id": given,
        "status": status,
        "call_id": call.get("id") or given,
        "name": words.get("name") or "",
    }
    if kind == "custom":
        item = {"type": "custom_tool_call", **head, "input": words.get("input") or "" if text is None else text}
    else:
        item = {"type": "function_call", **head, "arguments": words.get("arguments") or "{}" if text is None else text}
    rest = {key: value for key, value in call.items() if key not in _CALL_FIELDS and value is not None}
    return {**item, CARRIED_CALL: rest} if rest else item


def reasoning_items(message: JsonDict, response_id: str) -> list[JsonDict]:
    """The reasoning of a message: an item for each block, with its proof where it has one."""
    blocks = message.get("thinking_blocks")
    blocks = [block for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    text = message.get("reasoning_content")
    if not blocks and isinstance(text, str) and text:
        blocks = [{"type": "thinking", "thinking": text}]
    return [reasoning_item(block, made_id("rs", response_id, n)) for n, block in enumerate(blocks)]


def reasoning_item(block: JsonDict, given: str) -> JsonDict:
    """One block of reasoning."""
    own = own_item(block)
    if own is not None:
        return {"id": given, **own}
    text, secret = block.get("thinking"), secret_of(block)
    summary = [{"type": "summary_text", "text": text}] if isinstance(text, str) and text else []
    item: JsonDict = {"id": given, "type": "reasoning", "summary": summary}
    return item if secret is None else {**item, "encrypted_content": secret}


def image_item(image: Any, given: str) -> JsonDict:
    """A generated image, as the work of the built-in tool that makes them here."""
    holder = image.get("image_url") if isinstance(image, dict) else None
    url = holder.get("url") if isinstance(holder, dict) else holder
    item: JsonDict = {"id": given, "type": "image_generation_call", "status": "completed", "result": url}
    if not is_data_url(url):
        return item
    try:
        media_type, data = split_data_url(str(url))
    except ValueError:
        return item
    return {**item, "result": data, "output_format": media_type.partition("/")[2] or "png"}

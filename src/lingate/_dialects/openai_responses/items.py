# What a model says: output items -> text, reasoning, tool calls, annotations and images of a canonical message.

# Proofs of reasoning are `encrypted_content` here and the `signature` of a canonical thinking block. Towards other formats
# an item's id and secret travel sealed in a signature. Towards clients of this format the signatures of other providers
# travel in `encrypted_content`, behind a mark that no provider's own secret holds.

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lingate._dialects._check import Malformed, expect
from lingate._dialects._dataurl import data_url
from lingate._dialects._round_trip import seal, unseal
from lingate._dialects.openai_chat.response import arguments_text
from lingate._dialects.openai_responses.facts import CALLS, NAME
from lingate._model import JsonDict
from lingate._wire.shapes import as_dict, as_dicts, as_list, as_str, dig, without

_BLOCK = "thinking"
_REDACTED = "redacted_thinking"


def is_foreign_item(item: JsonDict) -> bool:
    # Whether a reasoning item holds the proof of another format, which no provider of this one may see.
    secret = item.get("encrypted_content")
    return item.get("type") == "reasoning" and (
        unseal(secret, _BLOCK) is not None or unseal(secret, _REDACTED) is not None
    )


def thinking_block(item: JsonDict, text: str) -> JsonDict | None:
    # A reasoning item as a canonical thinking block; None if there is nothing in it.
    secret = item.get("encrypted_content")
    redacted = unseal(secret, _REDACTED)
    if redacted is not None:
        return {"type": "redacted_thinking", "data": redacted}
    signature = signature_of(item)
    if signature is not None:
        return {"type": "thinking", "thinking": text, "signature": signature}
    return {"type": "thinking", "thinking": text} if text else None


def signature_of(item: JsonDict) -> str | None:
    # The proof of a reasoning item as a signature; None if it has none.
    secret, given = item.get("encrypted_content"), item.get("id")
    if not isinstance(secret, str) or not secret:
        return None
    if unseal(secret, NAME) is not None:
        return secret
    foreign = unseal(secret, _BLOCK)
    return seal(NAME, f"{as_str(given)}:{secret}") if foreign is None else foreign or None


def restored(item: JsonDict) -> JsonDict:
    # A reasoning item with the id that its secret belongs to, if a client was shown it under another.
    # The secret of one item with the id of another is refused (`invalid_encrypted_content`).
    payload = unseal(item.get("encrypted_content"), NAME)
    if payload is None:
        return item
    given, _, secret = payload.partition(":")
    rest = without(item, ("id",))
    return {**({"id": given} if given else {}), **rest, "encrypted_content": secret}


def own_item(block: Any) -> JsonDict | None:
    # The reasoning item that a thinking block was made of; None for a block of another format.
    payload = unseal(block.get("signature"), NAME) if isinstance(block, dict) else None
    if payload is None:
        return None
    given, _, secret = payload.partition(":")
    text = block.get("thinking")
    summary = [{"type": "summary_text", "text": text}] if isinstance(text, str) and text else []
    item: JsonDict = {"type": "reasoning", "summary": summary, "encrypted_content": secret}
    return {"id": given, **item} if given else item


def secret_of(block: JsonDict) -> str | None:
    # What a client of this format is given as `encrypted_content` of a thinking block; None if there is nothing in it.
    # Reasoning without a proof has an empty one: Vercel's AI SDK sends back none without, and some models want it.
    if block.get("type") == "redacted_thinking":
        data = block.get("data")
        return seal(_REDACTED, data) if isinstance(data, str) else None
    signature = as_str(block.get("signature"))
    if not signature:
        return seal(_BLOCK, "") if block.get("thinking") else None
    payload = unseal(signature, NAME)
    return seal(_BLOCK, signature) if payload is None else payload.partition(":")[2]


_RANK = {"reasoning": 0, "message": 1, "function_call": 2, "custom_tool_call": 2}
_PLAIN_KEYS = {
    "reasoning": {"id", "type", "summary", "encrypted_content", "status"},
    "message": {"id", "type", "role", "status", "content"},
    "function_call": {"id", "type", "status", "call_id", "name", "arguments"},
    "custom_tool_call": {"id", "type", "status", "call_id", "name", "input"},
}
_EMPTY: tuple[Any, ...] = (None, [], {})

_BRINGING_TOOLS = ("namespace", "tool_search", "mcp")
"""Tools that hold or find further ones, so that the request does not name all that may be called."""


@dataclass(slots=True)
class Reading:
    # What items say in canonical words.

    text: str = ""
    """All text, joined."""
    refusal: str = ""
    """All text of refusals, joined."""
    thinking: list[JsonDict] = field(default_factory=list)
    """A block for each reasoning item that holds anything."""
    calls: list[JsonDict] = field(default_factory=list)
    """Tool calls for the caller to execute. The provider's own tools are not among them."""
    annotations: list[JsonDict] = field(default_factory=list)
    """Citations, positions counted in the joined text."""
    images: list[JsonDict] = field(default_factory=list)
    """Images that were made."""
    audio: JsonDict | None = None
    """Speech that was made, None if none was."""
    logprobs: list[JsonDict] = field(default_factory=list)
    """Log-probabilities of the text's tokens."""
    exact: bool = True
    """The canonical form alone says all that the items say."""

    @property
    def reasoning(self) -> str:
        return "".join(block.get("thinking") or "" for block in self.thinking)


def kind_of(item: JsonDict) -> str:
    # The type of an item; a message may leave it out.
    return str(item.get("type") or ("message" if "role" in item else "item_reference"))


def check_items(items: Any, where: str) -> None:
    # Check a list of items that a model has made, as far as they are read.
    # Raises Malformed: an item cannot be read.
    expect(items, list, where)
    for n, item in enumerate(items):
        check_item(item, f"{where}[{n}]")


def check_item(item: Any, where: str) -> None:
    # Check one item.
    # Raises Malformed: it cannot be read.
    expect(item, dict, where)
    if item.get("type") is not None:
        expect(item["type"], str, f"{where}.type")
    kind = kind_of(item)
    if kind == "message":
        content = item.get("content", 0)
        if content is not None and not isinstance(content, str):
            _check_parts(content, f"{where}.content")
    elif kind == "reasoning":
        for name in ("summary", "content"):
            if item.get(name) is not None:
                _check_parts(item[name], f"{where}.{name}")
    elif kind in CALLS:
        expect(item.get("name"), str, f"{where}.name")
        if not call_id(item):
            raise Malformed(f"{where}.call_id", "must be a string that is not empty")


_PART_TEXT = {"output_text": "text", "refusal": "refusal", "summary_text": "text", "reasoning_text": "text"}
TEXTS = ("output_text", "text", "input_text")
"""Parts of a message that are text, by all their names."""


def _check_parts(parts: Any, where: str) -> None:
    expect(parts, list, where)
    for n, part in enumerate(parts):
        expect(part, dict, f"{where}[{n}]")
        expect(part.get("type"), str, f"{where}[{n}].type")
        name = _PART_TEXT.get(part["type"])
        if name is not None and part.get(name, 0) is not None:
            expect(part.get(name), str, f"{where}[{n}].{name}")


def asks_caller(tools: Any) -> Callable[[JsonDict], bool]:
    # What tells whether a call item asks the caller to run a tool, given the tools of the request in either form.
    # xAI's search reports its steps as calls of custom tools with names that nobody has offered.
    offered, can_tell = set(), False
    for tool in tools if isinstance(tools, list | tuple) else ():
        kind = dig(tool, "type")
        if kind in ("function", "custom"):
            inner = tool.get(kind)
            offered.add((inner if isinstance(inner, dict) else tool).get("name"))
        elif kind in _BRINGING_TOOLS:
            return _any_call
        else:
            can_tell = True
    if not can_tell:
        return _any_call
    return lambda item: item.get("type") != "custom_tool_call" or item.get("name") in offered


def _any_call(_: JsonDict) -> bool:
    return True


def read_items(items: Sequence[JsonDict], for_caller: Callable[[JsonDict], bool] = _any_call) -> Reading:
    # Read checked items; `for_caller` tells the caller's calls from the provider's own.
    reading = Reading()
    rank = messages = 0
    for item in items:
        kind = kind_of(item)
        if kind == "message":
            messages += 1
            _read_message(item, reading)
        elif kind == "reasoning":
            block = thinking_block(item, reasoning_text(item))
            if block is not None:
                reading.thinking.append(block)
        elif kind in CALLS and for_caller(item):
            reading.calls.append(tool_call(item))
        elif kind in CALLS:
            reading.exact = False
        elif kind == "image_generation_call" and (image := image_of(item)) is not None:
            reading.images.append(image)
        reading.exact = reading.exact and _RANK.get(kind, -1) >= rank and _is_plain(item, kind)
        rank = _RANK.get(kind, rank)
    reading.exact = reading.exact and messages <= 1
    return reading


def reasoning_text(item: JsonDict) -> str:
    # The readable part of a reasoning item: its summary, and the reasoning itself where the model shows it.
    parts = [*(item.get("summary") or ()), *(item.get("content") or ())]
    return "\n\n".join(filter(None, (as_str(part.get("text")) for part in parts)))


def call_id(item: JsonDict) -> str:
    # The id under which a call's result goes back; some servers give the item's id only.
    given = item.get("call_id") or item.get("id")
    return as_str(given)


def tool_call(item: JsonDict) -> JsonDict:
    kind = CALLS[kind_of(item)]
    words = {
        "name": item["name"],
        **({"arguments": arguments_text(item.get("arguments"))} if kind == "function" else {"input": free_input(item)}),
    }
    return {"id": call_id(item), "type": kind, kind: words, **as_dict(item.get("tool_call_fields"))}


def free_input(item: JsonDict) -> str:
    # What a custom tool is called with.
    return as_str(item.get("input"))


def image_of(item: JsonDict) -> JsonDict | None:
    # A generated image as the canonical form has it; None while there is none.
    result, form = item.get("result"), item.get("output_format")
    if not isinstance(result, str) or not result:
        return None
    media_type = f"image/{as_str(form) or 'png'}".replace("/svg", "/svg+xml")
    url = result if result.startswith(("data:", "https://", "http://")) else data_url(media_type, result)
    return {"type": "image_url", "image_url": {"url": url}}


def canonical_annotation(annotation: JsonDict, position: int) -> JsonDict:
    # An annotation with its positions counted from the beginning of the answer.
    moved = dict(annotation)
    for name in ("start_index", "end_index"):
        if isinstance(moved.get(name), int):
            moved[name] += position
    if moved.get("type") != "url_citation" or "url_citation" in moved:
        return moved
    cited = without(moved, ("type",))
    return {"type": "url_citation", "url_citation": cited}


def _read_message(item: JsonDict, reading: Reading) -> None:
    content = item.get("content")
    if isinstance(content, str):
        reading.text += content
        return
    for part in content or ():
        kind = part["type"]
        if kind in TEXTS and isinstance(part.get("text"), str):
            if given := part.get("annotations"):
                reading.annotations += [canonical_annotation(one, len(reading.text)) for one in as_dicts(given)]
            reading.logprobs += as_list(part.get("logprobs"))
            reading.text += part["text"]
        elif kind == "refusal":
            reading.refusal += part["refusal"] or ""
        elif kind == "output_audio":
            reading.audio = {key: part[key] for key in ("data", "transcript") if isinstance(part.get(key), str)}


def _is_plain(item: JsonDict, kind: str) -> bool:
    # Whether the canonical form has a place for everything in an item.
    said = {key for key, value in item.items() if value not in _EMPTY or key in ("content", "summary")}
    if not said <= _PLAIN_KEYS.get(kind, set()):
        return False
    if kind == "reasoning":
        # Without its secret an item means something only to the provider that stored it.
        return bool(item.get("encrypted_content")) and len(item.get("summary") or ()) <= 1
    content = item.get("content")
    if kind == "message" and isinstance(content, list):
        return len(content) <= 1 and all(map(_is_plain_part, content))
    return True


def _is_plain_part(part: JsonDict) -> bool:
    said = {key for key, value in part.items() if value not in _EMPTY}
    return part["type"] == "output_text" and said <= {"type", "text"}

# What a canonical chat request says, as far as an answer depends on it, and how many tokens it has.
#
# The simulator's own token count is simple, exact and the same for whole and streamed answers.

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from lingate._model import JsonDict, Record
from lingate._wire import json

# Up to eight letters, or one sign. A long run of x, which is what a huge event is made of, is one token.
_TOKEN = re.compile(r"\s*(?:x{64,}|\w{1,8}|[^\w\s])|\s+\Z")
_PER_MESSAGE = 4
_PER_MEDIUM = 85  # what OpenAI counts for an image in low detail


def split(text: str) -> list[str]:
    # The text's tokens; joined they are the text again.
    return _TOKEN.findall(text)


def count(text: str) -> int:
    return len(_TOKEN.findall(text))


def count_message(message: Mapping[str, Any]) -> int:
    # Tokens of one canonical message, its tool calls and media included.
    total = _PER_MESSAGE + count(text_of(message.get("content")))
    content = message.get("content")
    if isinstance(content, list):
        total += _PER_MEDIUM * sum(1 for part in content if isinstance(part, Mapping) and part.get("type") != "text")
    for call in message.get("tool_calls") or ():
        total += count(json.encode_str(call))
    return total


def text_of(content: Any) -> str:
    # The text of a message's content: a string, or the text parts of a list.
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") for part in content if isinstance(part, Mapping)]
    return "\n".join(part for part in parts if isinstance(part, str))


def holds(value: Any, names: Collection[str]) -> bool:
    # Whether one of the names has a value that is not empty, at any depth.
    if isinstance(value, Mapping):
        return any((key in names and bool(item)) or holds(item, names) for key, item in value.items())
    return isinstance(value, list) and any(holds(item, names) for item in value)


def without(value: Any, names: Collection[str], *, nulled: bool = False) -> Any:
    # The same without those names, at any depth, or with null in them.
    if isinstance(value, Mapping):
        kept = ((key, item) for key, item in value.items() if nulled or key not in names)
        return {key: None if key in names else without(item, names, nulled=nulled) for key, item in kept}
    return [without(item, names, nulled=nulled) for item in value] if isinstance(value, list) else value


_EXCERPT = 400
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class Prompt(Record):
    # The parts of a request that the answer mentions: the last user's text and media, and the results of tools after it.

    text: str = ""
    results: list[tuple[str, str]] = []
    media: list[str] = []

    @property
    def words(self) -> list[str]:
        # Words of the text that can stand as values: names, numbers and long words first.
        words = re.findall(r"[\w'-]+", self.text)[:200]
        telling = [word for word in words if word[0].isupper() or word[0].isdigit() or len(word) > 5]
        return telling or words


def read_prompt(body: JsonDict) -> Prompt:
    # Read the messages of a canonical request; what is malformed in them is passed over.
    messages = [message for message in body.get("messages") or () if isinstance(message, Mapping)]
    prompt = Prompt()
    names = dict(_call_names(messages))
    for message in reversed(messages):
        role = message.get("role")
        if role == "tool":
            name = names.get(str(message.get("tool_call_id")), "tool")
            prompt.results.insert(0, (name, text_of(message.get("content"))[:_EXCERPT]))
        elif role == "assistant":
            break
    for message in reversed(messages):
        if message.get("role") == "user":
            prompt.text = text_of(message.get("content"))[:_EXCERPT]
            prompt.media = list(_media(message.get("content")))
            break
    return prompt


def _call_names(messages: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for message in messages:
        for call in message.get("tool_calls") or ():
            body = call.get(call.get("type") or "function") if isinstance(call, Mapping) else None
            if isinstance(body, Mapping):
                yield str(call.get("id")), str(body.get("name") or "tool")


def _media(content: Any) -> Iterator[str]:
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, Mapping):
            continue
        kind = str(part.get("type"))
        value = part.get(kind)
        if kind == "image_url":
            yield f"an image ({_about_url(value.get('url') if isinstance(value, Mapping) else value)})"
        elif kind == "file" and isinstance(value, Mapping):
            yield f"a file ({_about_url(value.get('file_data') or value.get('filename') or value.get('file_id'))})"
        elif kind == "input_audio" and isinstance(value, Mapping):
            yield f"audio ({value.get('format')}, {len(_decoded(str(value.get('data'))))} bytes)"
        elif kind != "text":
            yield f"a part of type {kind}"


def _about_url(url: Any) -> str:
    if not isinstance(url, str) or not url.startswith("data:"):
        return str(url)
    head, _, payload = url[5:].partition(",")
    mime = head.split(";")[0] or "text/plain"
    data = _decoded(payload) if head.endswith(";base64") else unquote_to_bytes(payload)
    return f"{mime}, {about_bytes(data)}"


def about_bytes(data: bytes) -> str:
    size = pixels(data)
    return f"{len(data)} bytes" + (f", {size[0]}x{size[1]} pixels" if size else "")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


def pixels(data: bytes) -> tuple[int, int] | None:
    # Width and height of a PNG, GIF or JPEG image; None for anything else.
    size: tuple[int, int] | None = None
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        size = struct.unpack(">II", data[16:24])
    elif data[:4] == b"GIF8" and len(data) >= 10:
        size = struct.unpack("<HH", data[6:10])
    elif data[:2] == b"\xff\xd8":
        at = 2
        while at + 9 <= len(data) and data[at] == 0xFF and data[at + 1] not in _JPEG_SIZES:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if at + 9 <= len(data) and data[at] == 0xFF:
            size = struct.unpack(">HH", data[at + 5 : at + 9])[::-1]  # the height comes first
    return size

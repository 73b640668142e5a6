"""The prompt cache that the simulator pretends to have: which beginnings of prompts were seen before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from lingate._model import Call, JsonDict
from lingate._wire import json
from lingate.simulator.answers import CacheHit
from lingate.simulator.tokens import count, count_message

IMPLICIT_TOKENS = 1024
"""Without marks, only prompts of this length are cached, in steps of `IMPLICIT_STEP` (OpenAI's numbers)."""

IMPLICIT_STEP = 128
_MAX_PREFIXES = 4096


class PromptCache:
    """Prefixes of prompts, message by message. Marked ones (`cache_control`) are cached whatever their length."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def look_up(self, call: Call) -> CacheHit:
        """What the cache does for this prompt; the prompt is in the cache afterwards."""
        prefixes = list(_prefixes(call))
        marked = any(mark for _, _, mark in prefixes)
        read = written = 0
        for key, tokens, mark in prefixes:
            if key in self._seen:
                read = tokens
            elif mark:
                written = tokens - read
        for key, tokens, mark in prefixes:
            if mark or (not marked and tokens >= IMPLICIT_TOKENS):
                self._keep(key)
        if marked:
            return CacheHit(read, max(written, 0))
        return CacheHit(read // IMPLICIT_STEP * IMPLICIT_STEP)

    def _keep(self, key: bytes) -> None:
        self._seen[key] = None
        self._seen.move_to_end(key)
        if len(self._seen) > _MAX_PREFIXES:
            self._seen.popitem(last=False)


def _prefixes(call: Call) -> Iterator[tuple[bytes, int, bool]]:
    """Each beginning of the prompt: what identifies it, its tokens, and whether it ends at a mark."""
    body: JsonDict = call.body
    digest = sha256(call.model.encode("utf-8", "surrogatepass"))
    tokens = 0
    if body.get("tools"):
        written = json.encode(body["tools"])
        digest.update(written)
        tokens += count(written.decode())
        yield digest.digest(), tokens, _is_marked(body["tools"])
    messages = [message for message in body.get("messages") or () if isinstance(message, Mapping)]
    for at, message in enumerate(messages):
        digest.update(json.encode(_unmarked(message)))
        tokens += count_message(message)
        last = at == len(messages) - 1
        yield digest.digest(), tokens, _is_marked(message) or (last and "cache_control" in body)


def _is_marked(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value.get("cache_control")) or any(map(_is_marked, value.values()))
    return isinstance(value, list) and any(map(_is_marked, value))


def _unmarked(value: Any) -> Any:
    """Without marks: a conversation moves its mark along, and the prompt before it stays the same."""
    if isinstance(value, Mapping):
        return {key: _unmarked(item) for key, item in value.items() if key != "cache_control"}
    return [_unmarked(item) for item in value] if isinstance(value, list) else value

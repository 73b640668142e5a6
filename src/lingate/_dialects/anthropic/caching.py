"""At most four `cache_control` marks reach the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from lingate._dialects.anthropic.draft import Draft
from lingate._dialects.anthropic.facts import MAX_CACHE_MARKS
from lingate._model import JsonDict

_Path: TypeAlias = tuple[str | int, ...]


def limit_cache_marks(draft: Draft) -> None:
    """Take away the oldest marks beyond the limit: the later ones cover their text too."""
    allowed = MAX_CACHE_MARKS if draft.traits.get("cache_control") else 0
    if "cache_control" in draft.body:
        if not allowed:
            del draft.body["cache_control"]
            draft.note("cache_control")
        else:
            # The automatic mark takes one of the four places.
            allowed -= 1
    marked = list(_marked(draft.body))
    surplus = marked[: max(len(marked) - allowed, 0)]
    for path in surplus:
        _unmark(draft.body, path)
        draft.note(f"cache_control of {_words(path)}")


def _marked(body: JsonDict) -> Iterator[_Path]:
    """Everything that bears a mark, in the order in which the API caches: tools, system, messages."""
    for field in ("tools", "system"):
        yield from _listed(body.get(field), (field,))
    for n, turn in enumerate(body["messages"]):
        if isinstance(turn.get("content"), list):
            yield from _listed(turn["content"], ("messages", n, "content"))


def _listed(blocks: object, path: _Path) -> Iterator[_Path]:
    for n, block in enumerate(blocks) if isinstance(blocks, list) else ():
        if isinstance(block, dict):
            if block.get("type") == "tool_result" and isinstance(block.get("content"), list):
                yield from _listed(block["content"], (*path, n, "content"))
            if block.get("cache_control"):
                yield (*path, n)


def _unmark(body: JsonDict, path: _Path) -> None:
    """Rebuild what is on the way to the block: parts of it may be the caller's own objects."""
    node: Any = body
    for step in path:
        child = node[step]
        node[step] = list(child) if isinstance(child, list) else dict(child)
        node = node[step]
    del node["cache_control"]


def _words(path: _Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")

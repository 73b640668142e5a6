# System messages behind the first turn, for models that take them at the head only.

# There they would change what all that follows stands behind, which providers cache (BerriAI/litellm#42104: nothing was read
# from the cache any more), and would hold for what was said before them. So they are the user's where they stand, marked.

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from lingate._model import JsonDict
from lingate._wire.shapes import dig

SYSTEM = ("system", "developer")
TOLD = "messages[].role (system messages behind the first turn were sent as the user's)"


def marked(content: Any) -> Any:
    # A text, or blocks of any format that have theirs in `text`.
    if isinstance(content, list):
        return [{**block, "text": marked(dig(block, "text"))} if dig(block, "text") else block for block in content]
    return f"<system>\n{content}\n</system>"


def late_as_users(messages: list[Any], note: Callable[[str], None], into_results: bool = False) -> list[Any]:
    # The messages, those of the system at the head as one, as where a late one is refused a second is too, and late ones as the
    # user's, which divide no calls from their results.
    # `into_results`: a result before it says it, for models that refuse turns of the user's there, or reason anew from each.
    head = leading(messages)
    system = messages[:head]
    if head > 1:
        system = [{**messages[0], "content": reduce(joined, [message.get("content") or "" for message in system])}]
    made, late = list[JsonDict](), list[JsonDict]()
    for message in messages[head:]:
        role = dig(message, "role")
        if role not in SYSTEM:
            if role != "tool":
                made += late
                late = []
            made.append(message)
            continue
        if not (content := message.get("content")):
            continue
        note(TOLD)
        if into_results and made[-1].get("role") == "tool":
            made[-1] = {**made[-1], "content": joined(made[-1].get("content"), marked(content))}
        else:
            late.append({**message, "role": "user", "content": marked(content)})
    return system + made + late


def leading(messages: list[Any]) -> int:
    # How many system messages stand at the head.
    return next((n for n, message in enumerate(messages) if dig(message, "role") not in SYSTEM), len(messages))


def joined(first: Any, second: Any) -> Any:
    # One content of two.
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}" if first and second else first or second
    return [*_parts(first), *_parts(second)]


def _parts(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []

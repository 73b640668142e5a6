# System messages behind the first turn, for models that take them at the head only.

# There they would change what all that follows stands behind, which providers cache (BerriAI/litellm#42104: nothing was read
# from the cache any more), and would hold for what was said before them. So they are the user's where they stand, marked.

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from lingate._model import Traits
from lingate._wire.shapes import dig

_SYSTEM = ("system", "developer")
TOLD = "messages[].role (system messages behind the first turn were sent as the user's)"


def marked(content: Any) -> Any:
    # A text, or blocks of any format that have theirs in `text`.
    if isinstance(content, list):
        return [{**block, "text": marked(dig(block, "text"))} if dig(block, "text") else block for block in content]
    return f"<system>\n{content}\n</system>"


def system_in_place(messages: Any, traits: Traits, note: Callable[[str], None]) -> Any:
    # The messages, those of the system at the head as one, as where a late one is refused a second is too, and late ones as the
    # user's, which divide no calls from their results; or part of the result before (`late_system`).
    way = traits.get("late_system", "keep")
    if way == "keep":
        return messages
    head = leading(messages)
    made: list[Any] = list(messages[:head])
    if head > 1:
        made = [{**messages[0], "content": reduce(joined, [message.get("content") or "" for message in made])}]
    late: list[Any] = []
    for message in messages[head:]:
        role = dig(message, "role")
        if role not in _SYSTEM:
            if role != "tool":
                made += late
                late = []
            made.append(message)
        elif content := message.get("content"):
            note(TOLD)
            if way == "result" and dig(made[-1], "role") == "tool":
                made[-1] = {**made[-1], "content": joined(made[-1].get("content"), marked(content))}
            else:
                late.append({**message, "role": "user", "content": marked(content)})
    return made + late


def leading(messages: Any) -> int:
    # How many system messages stand at the head.
    return next((n for n, message in enumerate(messages) if dig(message, "role") not in _SYSTEM), len(messages))


def joined(first: Any, second: Any) -> Any:
    # One content of two.
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}" if first and second else first or second
    return [*_parts(first), *_parts(second)]


def _parts(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []

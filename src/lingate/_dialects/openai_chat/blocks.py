# Anthropic's blocks for calls and results in a chat, which Cursor writes where the model's name has Claude in it.

# Sources: https://github.com/BerriAI/litellm/issues/21380, https://github.com/router-for-me/CLIProxyAPI/issues/3805.

from __future__ import annotations

from typing import Any

from lingate._dialects._check import Malformed
from lingate._dialects.openai_chat.validation import fail
from lingate._model import JsonDict
from lingate._wire.shapes import as_list, dig

_KINDS = {"user": ("tool_result",), "assistant": ("text", "tool_use")}


def has_blocks(message: JsonDict) -> bool:
    # Whether a checked message holds such blocks, in the role that they belong to.
    content, kinds = message.get("content"), _KINDS.get(message["role"])
    return kinds is not None and isinstance(content, list) and any(dig(part, "type") == kinds[-1] for part in content)


def without_blocks(messages: list[JsonDict]) -> list[JsonDict]:
    # The messages as chats have them: calls beside the text, results in messages of their own, ahead of the rest.
    # Raises BadRequestError: a block is not valid.
    out: list[JsonDict] = []
    for n, message in enumerate(messages):
        if has_blocks(message):
            try:
                out += _read(message, f"messages[{n}].content")
            except Malformed as flaw:
                fail(flaw.where, flaw.why)
        else:
            out.append(message)
    return out


def _read(message: JsonDict, where: str) -> list[JsonDict]:
    from lingate._dialects.anthropic.blocks import check_blocks  # of a format that is built on this one
    from lingate._dialects.anthropic.face_request import assistant_messages, user_messages

    kinds = _KINDS[message["role"]]
    blocks = [part for part in message["content"] if part["type"] in kinds]
    rest: list[Any] = [part for part in message["content"] if part["type"] not in kinds]
    check_blocks(blocks, where)
    if message["role"] == "user":
        return [*user_messages(blocks), *([{**message, "content": rest}] if rest else [])]
    if rest:
        fail(where, f"a part of type {rest[0]['type']!r:.60} does not go with tool_use")
    (made,) = assistant_messages(blocks)
    return [{**message, **made, "tool_calls": [*as_list(message.get("tool_calls")), *made["tool_calls"]]}]

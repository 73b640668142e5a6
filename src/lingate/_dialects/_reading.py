# What an assistant's blocks say in canonical words, for formats that make messages of blocks.

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from lingate._model import JsonDict
from lingate._wire.json import decode, encode_str
from lingate._wire.shapes import as_dict, as_dicts, as_list, as_str, dig, is_number

if TYPE_CHECKING:
    from lingate._dialects._draft import Draft

SAID_FIELDS = frozenset(
    {
        "role",
        "content",
        "refusal",
        "tool_calls",
        "annotations",
        "thinking_blocks",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "provider_specific_fields",
    }
)
"""Fields of an assistant's message that every format takes, or that say nothing which the others do not."""


class Calling(Protocol):
    # What holds tool calls.

    calls: list[JsonDict]


class Reading(Calling, Protocol):
    # What an assistant's blocks say; formats have further fields of their own.

    thinking: list[JsonDict]
    annotations: list[JsonDict]

    @property
    def text(self) -> str: ...

    @property
    def reasoning(self) -> str: ...


def take_answer(reading: Calling, answer_tool: str | None) -> str | None:
    # The structured answer, taken out of the tool calls; None where the model gave none.
    if answer_tool is None:
        return None
    names = [call.get("function", {}).get("name") for call in reading.calls]
    answers = [call for call, name in zip(reading.calls, names, strict=True) if name == answer_tool]
    reading.calls = [call for call, name in zip(reading.calls, names, strict=True) if name != answer_tool]
    found: str | None = answers[0]["function"]["arguments"] if answers else None
    return found


def canonical_message(reading: Reading, answer: str | None) -> JsonDict:
    # An assistant message; `answer` replaces the text where a tool's input stands for it.
    content: str | None = reading.text if answer is None else answer
    return spoken(
        content or (None if reading.calls else ""),
        reasoning_content=reading.reasoning,
        thinking_blocks=reading.thinking if has_proof(reading.thinking) else None,
        tool_calls=reading.calls,
        annotations=reading.annotations if answer is None else None,
    )


def has_proof(thinking: Sequence[JsonDict]) -> bool:
    # Whether thinking holds what only its own provider can make, and so must go back as it is.
    return any(block.get("signature") or "data" in block for block in thinking)


def gist_of(calls: Any) -> list[tuple[Any, ...]]:
    # What calls ask for, however their arguments are written: id, name, arguments and free text of each.
    made = []
    for call in as_list(calls):
        words = as_dict(dig(call, "custom" if dig(call, "type") == "custom" else "function"))
        arguments = words.get("arguments")
        try:
            arguments = decode(arguments) if isinstance(arguments, str) and arguments.strip() else arguments or {}
        except ValueError:
            pass
        made.append((dig(call, "id"), words.get("name"), arguments, words.get("input")))
    return made


def first_choice(response: JsonDict) -> tuple[JsonDict, JsonDict]:
    # The only choice that formats with one answer show of a canonical response, and its message.
    choice: JsonDict = (response.get("choices") or [{}])[0]
    return choice, with_old_call(choice.get("message") or {})


def with_old_call(message: JsonDict) -> JsonDict:
    # A message of an answer whose old-style `function_call` is one of its tool calls, as which other formats know it.
    called = message.get("function_call")
    if not isinstance(called, dict) or message.get("tool_calls"):
        return message
    call = {"id": "call_" + os.urandom(12).hex(), "type": "function", "function": called}
    return {**message, "tool_calls": [call]}


def reasoning_of(message: JsonDict, where: str, draft: Draft) -> str:
    # The reasoning of a message in a request, as far as its model is to have it: its text, or that of its blocks.
    texts = [as_str(block.get("thinking")) for block in as_dicts(message.get("thinking_blocks"))]
    if not all(texts):
        draft.note(f"{where}.thinking_blocks (encrypted)")
    name, text = named_reasoning(message)
    if name and not text:
        draft.note(f"{where}.{name} (encrypted)")
    text = text or "".join(texts)
    if text and draft.traits.get("reasoning_history") == "drop":
        draft.note(f"{where}.reasoning_content")
        return ""
    return text


def named_reasoning(message: JsonDict) -> tuple[str, str]:
    # The field in which a message has its reasoning, and the text: other hosts' clients have other names for it.
    # The name is empty if there is no such field. Details without a text are for their own provider's eyes only.
    for name in ("reasoning_content", "reasoning"):
        if text := as_str(message.get(name)):
            return name, text
    details = as_dicts(message.get("reasoning_details"))
    return "reasoning_details" if details else "", "".join(map(detail_text, details))


def detail_text(detail: JsonDict) -> str:
    # The readable part of one of OpenRouter's `reasoning_details`.
    return text_of(detail.get("text")) or text_of(detail.get("summary"))


_BEDROCK = ("text", "reasoningContent", "reasoningText")


def text_of(value: Any) -> str:
    # The text of a string, of a list of text parts, or of an object with text.
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(text_of(item.get("text") if isinstance(item, dict) else item) for item in value)
    if is_number(value):
        return encode_str(value)  # a token that is a number, at hosts that decode each
    if isinstance(value, dict):  # as Bedrock has it, or the text in the same two objects less
        return text_of(next((value[name] for name in _BEDROCK if name in value), None))
    return ""


def content_text(content: Any) -> str:
    # The text of a message's content: text, or a list of parts, which may be bare texts.
    if isinstance(content, str):
        return content
    return "".join(as_str(part) or as_str(dig(part, "text") or dig(part, "refusal")) for part in as_list(content))


REASONED = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks")
"""The fields of an assistant's message that hold its reasoning."""


def spoken(content: Any, **fields: Any) -> JsonDict:
    # An assistant's message with those of the fields that hold something.
    return {"role": "assistant", "content": content, **{name: value for name, value in fields.items() if value}}

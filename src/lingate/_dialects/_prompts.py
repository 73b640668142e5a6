# Conversations as one text, for models that take nothing else: each maker's own way to write turns.

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from lingate._dialects._draft import Draft
from lingate._dialects._reading import REASONED, content_text
from lingate._wire.shapes import as_list, dig


class Turn(NamedTuple):
    # One message: `role` is system, user, assistant, or tool where those are told.

    role: str
    text: str


def turns_of(draft: Draft, *, tell_tools: bool = False) -> list[Turn]:
    # The conversation as text alone.
    # `tell_tools`: put calls of tools and their results into words, instead of refusing them.
    # Raises ConfigError: the messages are none.
    messages = draft.messages()
    turns: list[Turn] = []
    for n, message in enumerate(messages):
        role = dig(message, "role")
        role = "system" if role == "developer" else role
        calls = dig(message, "tool_calls")
        if not tell_tools and (role == "tool" or calls):
            draft.refuse(f"messages[{n}]", "the model takes text, and knows no tools")
            continue
        if role not in ("system", "user", "assistant", "tool"):
            raise draft.broken(f"messages[{n}].role", "must be system, developer, user, assistant or tool")
        for name in REASONED:
            if message.get(name):
                draft.note(f"messages[{n}].{name}")
        _check_parts(message.get("content"), f"messages[{n}].content", draft)
        text = "\n".join(filter(None, [content_text(message.get("content")), *map(_told, calls or ())]))
        if text.strip():
            turns.append(Turn(role, text))
    if not turns:
        raise draft.broken("messages", "hold nothing to answer")
    return turns


def _told(call: Any) -> str:
    function = dig(call, "function")
    return f"{function.get('name')}({function.get('arguments') or ''})" if isinstance(function, dict) else ""


def _check_parts(content: Any, where: str, draft: Draft) -> None:
    for n, part in enumerate(as_list(content)):
        if isinstance(part, dict) and part.get("type") not in ("text", "refusal"):
            draft.refuse(f"{where}[{n}]", "the model takes text alone")


def system_and_rest(turns: list[Turn]) -> tuple[str, list[Turn]]:
    # System text, wherever it stood, and the other turns.
    system = "\n\n".join(turn.text for turn in turns if turn.role == "system")
    return system, [turn for turn in turns if turn.role != "system"]


def _script(user: str, assistant: str) -> Callable[[list[Turn]], str]:
    # Turns as lines with a name before them; a lone question stays as it is.
    def write(turns: list[Turn]) -> str:
        system, rest = system_and_rest(turns)
        if not rest:
            return system
        names = {"user": user, "assistant": assistant, "tool": "Tool"}
        if len(rest) == 1 and rest[0].role == "user":
            told = rest[0].text
        else:
            lines = [f"{names[turn.role]}: {turn.text}" for turn in rest]
            told = "\n".join([*lines, *([f"{assistant}:"] if rest[-1].role != "assistant" else [])])
        return f"{system}\n\n{told}" if system else told

    return write


def _tagged(begin: str, head: str, end: str) -> Callable[[list[Turn]], str]:
    # Turns between tags with the role in them, as Llama 3 and 4 have them.
    def write(turns: list[Turn]) -> str:
        told = [f"{head.format(turn.role)}\n\n{turn.text}{end}" for turn in turns]
        if turns[-1].role == "assistant":
            told[-1] = told[-1].removesuffix(end)
        else:
            told.append(f"{head.format('assistant')}\n\n")
        return begin + "".join(told)

    return write


def _instructed(begin: str, system_in: str) -> Callable[[list[Turn]], str]:
    # Turns as instructions and answers, as Mistral and Llama 2 have them.
    def write(turns: list[Turn]) -> str:
        system, rest = system_and_rest(turns)
        told = begin
        for turn in rest or [Turn("user", "")]:
            if turn.role == "user":
                text, system = (system_in.format(system, turn.text) if system else turn.text), ""
                told += f"[INST] {text} [/INST]"
            else:
                told += f" {turn.text}</s>"
        return told

    return write


def _deepseek(turns: list[Turn]) -> str:
    system, rest = system_and_rest(turns)
    names = {"user": "<\uff5cUser\uff5c>", "assistant": "<\uff5cAssistant\uff5c>"}
    ends = {"user": "", "assistant": "<\uff5cend\u2581of\u2581sentence\uff5c>"}
    told = "".join(names[turn.role] + turn.text + ends[turn.role] for turn in rest)
    return f"<\uff5cbegin\u2581of\u2581sentence\uff5c>{system}{told}<\uff5cAssistant\uff5c>"


TITAN = _script("User", "Bot")
COHERE = _script("User", "Chatbot")
PLAIN = _script("User", "Assistant")
LLAMA_2 = _instructed("<s>", "<<SYS>>\n{}\n<</SYS>>\n\n{}")
LLAMA_3 = _tagged("<|begin_of_text|>", "<|start_header_id|>{}<|end_header_id|>", "<|eot_id|>")
LLAMA_4 = _tagged("<|begin_of_text|>", "<|header_start|>{}<|header_end|>", "<|eot|>")
MISTRAL = _instructed("<s>", "{}\n\n{}")
DEEPSEEK = _deepseek


_SCRIPTS = ((re.compile("mistral|mixtral"), MISTRAL), (re.compile("deep-?seek"), DEEPSEEK))


def llama(model: str) -> Callable[[list[Turn]], str]:
    # How this Llama writes turns.
    if "llama4" in model or "llama-4" in model:
        return LLAMA_4
    return LLAMA_2 if "llama2" in model or "llama-2" in model else LLAMA_3


def script_for(model: str) -> Callable[[list[Turn]], str]:
    # How a model writes turns, by what its name tells.
    name = model.lower()
    if "llama" in name:
        return llama(name)
    return next((script for pattern, script in _SCRIPTS if pattern.search(name)), PLAIN)

# The conversation: canonical messages -> `instructions` and input items.

from __future__ import annotations

from typing import Any
from zlib import crc32

from lingate._dialects._check import Malformed
from lingate._dialects._late import system_in_place
from lingate._dialects._reading import REASONED, SAID_FIELDS, content_text, gist_of, named_reasoning
from lingate._dialects._tool_arguments import calls_of
from lingate._dialects.openai_chat.response import arguments_text
from lingate._dialects.openai_responses.content import input_content
from lingate._dialects.openai_responses.conversation import kept_items, read_input
from lingate._dialects.openai_responses.draft import Draft
from lingate._dialects.openai_responses.facts import CALLS, MAX_CALL_ID, NAME, WITHOUT_INPUT
from lingate._dialects.openai_responses.items import asks_caller, call_id, check_items, kind_of, own_item, read_items
from lingate._model import JsonDict
from lingate._wire.json import encode_str
from lingate._wire.plain import plain_text
from lingate._wire.shapes import as_list, as_str, dig, without

_SILENT_FIELDS = SAID_FIELDS | {"tool_call_id"}
_TOOL_FIELDS = _SILENT_FIELDS | {"name"}


def write_input(draft: Draft) -> None:
    messages = system_in_place(draft.messages(NAME), draft.traits, draft.note)
    if draft.exact and draft.native.get("instructions") == "":
        draft.body["instructions"] = ""
    first = 1 if _write_instructions(draft, messages) else 0
    items: list[JsonDict] = []
    for n in range(first, len(messages)):
        message = messages[n]
        if (text := plain_text(message)) is not None and message.get("role") in ("user", "assistant"):
            items.append({"role": message["role"], "content": text})
        else:
            items += message_items(message, f"messages[{n}]", draft)
    if first and not items and not draft.exact:
        # Alone it would leave no input, which is refused; a chat answers it.
        del draft.body["instructions"]
        items = message_items(messages[0], "messages[0]", draft)
    plain = draft.native.get("input")
    if isinstance(plain, str) and items == [{"role": "user", "content": plain}]:
        draft.body["input"] = plain
    elif items or (draft.exact and draft.asked["messages"]):
        draft.body["input"] = items
    elif not draft.exact and not any(draft.asked.get(name) for name in WITHOUT_INPUT):
        raise draft.broken("messages", "hold nothing to answer")


def _write_instructions(draft: Draft, messages: list[Any]) -> bool:
    # Put the first message into `instructions`, if that is where it belongs.
    first = messages[0] if messages else None
    if not isinstance(first, dict) or first.get("role") not in ("system", "developer"):
        return False
    content = first.get("content")
    if draft.exact:
        fits = content == draft.native.get("instructions")
    else:
        fits = not set(first) - {"role", "content", "provider_specific_fields"}
    if not fits or not isinstance(content, str) or (not content and not draft.exact):
        return False
    draft.body["instructions"] = content
    return True


def message_items(message: Any, where: str, draft: Draft) -> list[JsonDict]:
    # One canonical message as items: those it was read from if it still says the same, else made anew.
    role = dig(message, "role")
    if role == "assistant":
        return _assistant_items(message, where, draft)
    if role == "tool":
        return _original(message) or [_result(message, where, draft)]
    if role in ("user", "system", "developer"):
        return _original(message) or [_turn(message, where, draft)]
    raise draft.broken(f"{where}.role", "must be system, developer, user, assistant or tool")


def _original(message: JsonDict) -> list[JsonDict] | None:
    # The items that a message of the user's side was read from, unless it was edited since.
    items = kept_items(message)
    if items is None:
        return None
    try:
        read = read_input(items)
    except Malformed:
        return None
    if len(read) != 1:
        return None
    names = ("role", "content", "tool_call_id")
    return items if all(read[0].get(name) == message.get(name) for name in names) else None


def _turn(message: JsonDict, where: str, draft: Draft) -> JsonDict:
    draft.note_others(message, _SILENT_FIELDS, where)
    return {"role": message["role"], "content": input_content(message.get("content"), f"{where}.content", draft)}


def _result(message: JsonDict, where: str, draft: Draft) -> JsonDict:
    draft.note_others(message, _TOOL_FIELDS, where)
    given = draft.answered(message.get("tool_call_id"), where)
    kind = "custom_tool_call_output" if given in draft.custom else "function_call_output"
    output = message.get("content")
    if not isinstance(output, str | list) and output is not None:
        output = encode_str(output)
    output = input_content(output, f"{where}.content", draft)
    return {"type": kind, "call_id": _wire_id(given, draft), "output": output}


def _wire_id(given: str, draft: Draft) -> str:
    # A call id that is not too long; the provider's own stays as the provider made it.
    if len(given) <= MAX_CALL_ID or given in draft.known_ids:
        return given
    mark = f"_{crc32(given.encode('utf-8', 'replace')):08x}"
    return given[: MAX_CALL_ID - len(mark)] + mark


def _assistant_items(message: JsonDict, where: str, draft: Draft) -> list[JsonDict]:
    for call in as_list(message.get("tool_calls")):
        if _is_custom(call):
            draft.custom.add(str(call.get("id")))
    kept = original_items(message, draft.asked.get("tools"))
    if kept is not None:
        draft.known_ids.update(call_id(item) for item in kept if kind_of(item) in CALLS)
        return kept if draft.exact or not draft.stateless else _memorable(kept, where, draft)
    draft.note_others(message, _SILENT_FIELDS, where)
    text = _assistant_text(message, where, draft)
    said: list[JsonDict] = [{"role": "assistant", "content": text}] if text else []
    if message.get("tool_calls"):
        said += [_call(call, words, draft) for call, words, _ in calls_of(message, where, draft, _words)]
    reasoning = _reasoning(message, where, draft)
    if said or not reasoning:
        return [*reasoning, *said]
    # An item that nothing follows is refused: "provided without its required following item".
    draft.note(f"{where} (reasoning that nothing follows)")
    return []


def original_items(message: JsonDict, tools: Any) -> list[JsonDict] | None:
    # The items that an assistant message was read from, unless they are gone or the message was edited since.
    # `tools`: those that the caller offers, which tell the caller's calls from the provider's own.
    items = kept_items(message)
    if items is None:
        return None
    try:
        check_items(items, "items")
    except Malformed:
        return None
    reading = read_items(items)
    calls = gist_of(message.get("tool_calls"))
    same = (
        content_text(message.get("content")) == reading.text
        and (message.get("refusal") or "") == reading.refusal
        and (calls == gist_of(reading.calls) or calls == gist_of(read_items(items, asks_caller(tools)).calls))
    )
    return items if same else None


def _memorable(items: list[JsonDict], where: str, draft: Draft) -> list[JsonDict]:
    # The items without reasoning that is only a reference, if the provider was asked not to remember it.
    # The others may no longer refer to it, so they lose their ids.
    kept = [
        item for item in items if kind_of(item) != "reasoning" or item.get("encrypted_content") or item.get("content")
    ]
    if len(kept) == len(items):
        return items
    draft.note(f"{where} (reasoning that was not encrypted)")
    return list(map(_anonymous, kept))


def _anonymous(item: JsonDict) -> JsonDict:
    if kind_of(item) in CALLS:
        return without(item, ("id",))
    if kind_of(item) == "message" and isinstance(item.get("content"), list):
        phase = {"phase": item["phase"]} if item.get("phase") else {}
        return {"role": "assistant", "content": content_text(item["content"]), **phase}
    return item


def _assistant_text(message: JsonDict, where: str, draft: Draft) -> str:
    content = message.get("content")
    if content is not None and not isinstance(content, str | list):
        raise draft.broken(f"{where}.content", "must be text or a list of parts")
    for n, part in enumerate(as_list(content)):
        if not isinstance(part, str) and not (isinstance(part, dict) and part.get("type") in ("text", "refusal")):
            draft.note(f"{where}.content[{n}]")
    return content_text(content) or as_str(message.get("refusal"))


def _reasoning(message: JsonDict, where: str, draft: Draft) -> list[JsonDict]:
    # Reasoning that this format's provider has signed goes back; anybody else's means nothing to it.
    if message.keys().isdisjoint(REASONED):
        return []
    blocks = as_list(message.get("thinking_blocks"))
    items = [item for block in blocks if (item := own_item(block)) is not None]
    name, text = named_reasoning(message)
    if not items and draft.traits.get("reasoning_history") == "reasoning_content" and text:
        made = f"rs_{crc32(text.encode('utf-8', 'replace')):08x}"
        return [{"id": made, "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text}]}]
    if len(items) < len(blocks):
        draft.note(f"{where}.thinking_blocks")
    elif not items and name:
        draft.note(f"{where}.{name}")
    return items


def _is_custom(call: Any) -> bool:
    return bool(dig(call, "type") == "custom")


def _words(call: Any) -> Any:
    return dig(call, "custom" if _is_custom(call) else "function")


def _call(call: JsonDict, words: JsonDict, draft: Draft) -> JsonDict:
    made = {"call_id": _wire_id(call["id"], draft), "name": words["name"]}
    if _is_custom(call):
        return {"type": "custom_tool_call", **made, "input": as_str(words.get("input"))}
    return {"type": "function_call", **made, "arguments": arguments_text(words.get("arguments"))}

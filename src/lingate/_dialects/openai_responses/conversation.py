# As a face: input items -> canonical messages.

# What a model made (reasoning, text, calls, work of built-in tools) and stands together is one assistant message. A message
# that says less than its items keeps them in `provider_specific_fields`, so that they are the same when they go on to
# this format again.

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lingate._dialects._check import Malformed, expect
from lingate._dialects._reading import spoken
from lingate._dialects.openai_responses.content import canonical_content
from lingate._dialects.openai_responses.draft import native_fields
from lingate._dialects.openai_responses.facts import NAME, RESULTS
from lingate._dialects.openai_responses.items import Reading, check_item, is_foreign_item, kind_of, read_items, restored
from lingate._model import JsonDict
from lingate._wire.shapes import as_dicts, as_str, without

CARRIED = "provider_specific_fields"
"""Field of an item in which this face carries what other providers want back with the message."""

DETAILS = "reasoning_details"
"""Field of a canonical message that is carried among them."""

CARRIED_CALL = "tool_call_fields"
"""Field of a call item in which this face carries further fields of a canonical tool call."""

_ROLES = ("user", "system", "developer", "assistant")


def read_input(items: Sequence[Any], where: str = "input") -> list[JsonDict]:
    # Read input items.
    # Raises Malformed: an item cannot be read.
    messages: list[JsonDict] = []
    made: list[JsonDict] = []
    for n, item in enumerate(items):
        place = f"{where}[{n}]"
        check_item(item, place)
        read = _reader(item, place)
        if read is None:
            made.append(item)
            continue
        if made:
            messages.append(assistant_message(made))
            made = []
        messages.append(read(item, place))
    if made:
        messages.append(assistant_message(made))
    return messages


def kept_items(message: JsonDict) -> list[JsonDict] | None:
    # The items of this format that a canonical message carries beside its own content.
    if "provider_specific_fields" not in message:
        return None
    items = native_fields(message).get("items")
    return items if isinstance(items, list) else None


def _reader(item: JsonDict, where: str) -> Callable[[JsonDict, str], JsonDict] | None:
    # What reads an item of the caller's side; None for one that a model has made.
    kind = kind_of(item)
    if kind == "message":
        if item.get("role") not in _ROLES:
            raise Malformed(f"{where}.role", f"must be one of {', '.join(_ROLES)}")
        return None if item["role"] == "assistant" else _read_turn
    if kind in RESULTS:
        return _read_result
    if kind == "agent_message":
        return _read_agent
    if kind == "additional_tools" or item.get("role") in ("system", "developer", "user"):
        return _read_other_turn
    # What the caller's side did for any other kind of call.
    is_result = kind.endswith("_call_output") or kind == "mcp_approval_response"
    return _read_other_result if is_result else None


def _read_turn(item: JsonDict, where: str) -> JsonDict:
    content = canonical_content(item.get("content"), f"{where}.content")
    message = {"role": item["role"], "content": content}
    plain = set(item) <= {"role", "content"} and isinstance(content, str)
    return message if plain else _kept(message, [item])


def _read_agent(item: JsonDict, where: str) -> JsonDict:
    # What Codex's agents tell each other: all that a spawned one learns of its task (ollama/ollama#18286). A model that is not
    # OpenAI's encrypts nothing: what is called so is its text. What OpenAI encrypted begins like any Fernet token.
    content = item.get("content")
    parts = [{"text": content}] if isinstance(content, str) else as_dicts(content)
    texts = [as_str(part.get("text") or part.get("encrypted_content")) for part in parts]
    readable = not any(text.startswith("gAAAA") for text in texts)
    return _kept({"role": "user", "content": "\n".join(texts) if readable else ""}, [item])


def _read_result(item: JsonDict, where: str) -> JsonDict:
    given = item.get("call_id")
    if given is None and (item.get("name") or item.get("id")):
        given = as_str(item.get("id"))  # of something that no call of this conversation asked for
    expect(given, str, f"{where}.call_id")
    output = canonical_content(item.get("output"), f"{where}.output")
    message = {"role": "tool", "tool_call_id": given, "content": output}
    plain = (
        set(item) == {"type", "call_id", "output"}
        and isinstance(output, str)
        and item["type"] == "function_call_output"
    )
    return message if plain else _kept(message, [item])


def _read_other_turn(item: JsonDict, where: str) -> JsonDict:
    role = item.get("role")
    return _kept({"role": role if role in ("system", "user") else "developer", "content": ""}, [item])


def _read_other_result(item: JsonDict, where: str) -> JsonDict:
    own = item.get("id") if item["type"] == "local_shell_call_output" else None
    given = item.get("call_id") or item.get("approval_request_id") or own
    expect(given, str, f"{where}.call_id")
    return _kept({"role": "tool", "tool_call_id": given, "content": ""}, [item])


def assistant_message(items: list[JsonDict]) -> JsonDict:
    if _says_all(items):
        return {"role": "assistant", "content": items[0]["content"]}
    reading = read_items(items)
    carried = [item[CARRIED] for item in items if isinstance(item.get(CARRIED), dict)]
    own = [restored(_without_carried(item)) for item in items if not is_foreign_item(item)]
    message = canonical_message(reading)
    fields: JsonDict = {key: value for found in carried for key, value in found.items() if key != NAME}
    details = fields.pop(DETAILS, None)
    if isinstance(details, list):
        message[DETAILS] = details
    if own and not _says_all(own):
        fields[NAME] = {"items": own}
    if fields:
        message["provider_specific_fields"] = fields
    return message


def canonical_message(reading: Reading) -> JsonDict:
    proven = any("signature" in block or "data" in block for block in reading.thinking)
    return spoken(
        reading.text or (None if reading.calls else ""),
        refusal=reading.refusal,
        reasoning_content=reading.reasoning,
        thinking_blocks=reading.thinking if proven else None,
        tool_calls=reading.calls,
        annotations=reading.annotations,
        images=reading.images,
        audio=reading.audio,
    )


def _says_all(items: list[JsonDict]) -> bool:
    # Whether a plain message of text is all there is.
    return len(items) == 1 and set(items[0]) == {"role", "content"} and isinstance(items[0]["content"], str)


def _without_carried(item: JsonDict) -> JsonDict:
    if CARRIED not in item and CARRIED_CALL not in item:
        return item
    return without(item, (CARRIED, CARRIED_CALL))


def _kept(message: JsonDict, items: list[JsonDict]) -> JsonDict:
    return {**message, "provider_specific_fields": {NAME: {"items": items}}}

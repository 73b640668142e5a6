"""As a face: a client's contents as canonical messages."""

from __future__ import annotations

from typing import Any

from lingate._dialects._check import Malformed, expect
from lingate._dialects._luggage import opened, put_back
from lingate._dialects.gemini.casing import camelized, is_camelized
from lingate._dialects.gemini.checks import checked_parts
from lingate._dialects.gemini.content import canonical_content, is_plain, text_alone
from lingate._dialects.gemini.facts import NAME
from lingate._dialects.gemini.parts import Reading, call_of, made_id, only_calls, read_parts
from lingate._dialects.gemini.passport import foreign_blocks, without_foreign
from lingate._dialects.gemini.results import is_plain_result, result_content
from lingate._dialects.gemini.sound import canonical_audio
from lingate._model import JsonDict

_USER_ROLES = (None, "", "user", "function")


def read_system(system: Any) -> list[JsonDict]:
    """`systemInstruction` as a message.

    Raises:
        Malformed: It cannot be read.
    """
    parts = [{"text": system}] if isinstance(system, str) else checked_parts(system, "systemInstruction")
    if not parts:
        return []
    return [_kept({"role": "system", "content": canonical_content(parts)}, parts)]


def read_contents(contents: Any) -> list[JsonDict]:
    """`contents` as messages; their names may be in snake_case.

    Raises:
        Malformed: They cannot be read.
    """
    if isinstance(contents, dict) and contents:
        contents = [contents]
    expect(contents, list, "contents")
    if not contents:
        raise Malformed("contents", "must not be empty")
    messages: list[JsonDict] = []
    waiting: list[tuple[str, str]] = []  # id and name of calls that no answer has come for
    spoken: list[JsonDict] | None = None  # parts of the model's turn that may go on
    for n, content in enumerate(contents):
        if not isinstance(content, dict):
            expect(content, dict, f"contents[{n}]")
        role, text = content.get("role"), text_alone(content.get("parts"))
        # What long conversations are made of needs none of the questions that the others are asked.
        if role == "user" and text is not None:
            spoken = None
            messages.append({"role": "user", "content": text})
            continue
        if role == "model" and text is not None and spoken is None:
            spoken, waiting = content["parts"], []
            messages.append({"role": "assistant", "content": text})
            continue
        if role == "model" and spoken is None and only_calls(content.get("parts")):
            spoken = content["parts"]
            calls = [call_of(part, at, f"h{len(messages)}") for at, part in enumerate(spoken)]
            waiting = [(call["id"], call["function"]["name"]) for call in calls]
            messages.append({"role": "assistant", "content": None, "tool_calls": calls})
            continue
        parts = checked_parts(content if is_camelized(content) else camelized(content), f"contents[{n}]")
        if role == "model":
            if spoken is not None:
                # The vendor's chats keep each event of a stream as a turn of its own.
                messages.pop()
                parts = [*spoken, *parts]
            spoken = parts
            message = _assistant(parts, f"h{len(messages)}")
            waiting = [(call["id"], call["function"]["name"]) for call in message.get("tool_calls", ())]
            messages.append(message)
        elif role in _USER_ROLES:
            spoken = None
            messages += _user(parts, waiting)
        else:
            raise Malformed(f"contents[{n}].role", "must be user or model")
    return messages


def _user(parts: list[JsonDict], waiting: list[tuple[str, str]]) -> list[JsonDict]:
    """Tool results become messages of their own, ahead of the rest."""
    messages: list[JsonDict] = []
    rest: list[JsonDict] = []
    for part in parts:
        if part.get("functionResponse") is not None:
            messages.append(_result(part["functionResponse"], waiting))
        else:
            rest.append(part)
    if rest:
        message = _kept({"role": "user", "content": canonical_content(rest)}, rest)
        if messages:
            message.setdefault("provider_specific_fields", {}).setdefault(NAME, {})["with_results"] = True
        messages.append(message)
    return messages


def _result(response: JsonDict, waiting: list[tuple[str, str]]) -> JsonDict:
    """A function response; one without an id answers the first call of that name that is still open."""
    name, given = response["name"], response.get("id")
    if not given:
        given = next((known for known, called in waiting if called == name), None) or made_id(0, name)
    waiting[:] = [item for item in waiting if item[0] != given]
    said = result_content(response)
    message: JsonDict = {"role": "tool", "tool_call_id": given, "name": name, "content": said}
    if not is_plain_result(response, said):
        message["provider_specific_fields"] = {NAME: {"parts": [{"functionResponse": response}]}}
    return message


def _assistant(parts: list[JsonDict], origin: str) -> JsonDict:
    packed, foreign = None, []
    if any("thoughtSignature" in part for part in parts):
        travelled = foreign_blocks(parts)
        packed = next(filter(None, map(opened, travelled)), None)
        foreign = [block for block in travelled if opened(block) is None]
        parts = without_foreign(parts)
    reading = read_parts(parts, origin)
    message: JsonDict = {"role": "assistant", "content": reading.text or (None if reading.calls else "")}
    if reading.blocks or foreign:
        _add_reasoning(message, reading, foreign)
    if reading.calls:
        message["tool_calls"] = reading.calls
    if reading.images:
        message["images"] = reading.images
    if reading.sound:
        message["audio"] = canonical_audio(reading.sound)
    if not reading.exact:
        message["provider_specific_fields"] = {NAME: {"parts": parts}}
    if packed:
        put_back(message, packed)
    return message


def _add_reasoning(message: JsonDict, reading: Reading, foreign: list[JsonDict]) -> None:
    blocks = [*foreign, *(block for block in reading.blocks if not foreign or "signature" in block)]
    reasoning = "".join(block.get("thinking") or "" for block in blocks)
    if reasoning:
        message["reasoning_content"] = reasoning
    if any("signature" in block or "data" in block for block in blocks):
        message["thinking_blocks"] = blocks


def _kept(message: JsonDict, parts: list[JsonDict]) -> JsonDict:
    """The message with the parts it was read from, if it says less than they do."""
    if not all(map(is_plain, parts)):
        message["provider_specific_fields"] = {NAME: {"parts": parts}}
    return message

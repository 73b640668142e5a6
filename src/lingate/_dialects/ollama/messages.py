"""The conversation: canonical messages -> Ollama's, whose content is text and whose images stand apart."""

from __future__ import annotations

from typing import Any

from lingate._dialects._arguments import arguments_object, called
from lingate._dialects._dataurl import is_data_url, split_data_url
from lingate._dialects._draft import Draft, native_fields
from lingate._dialects._plain import plain_text
from lingate._dialects.ollama.facts import NAME, PLACEHOLDER
from lingate._model import JsonDict
from lingate._wire.json import encode_str

_SILENT = frozenset(
    {
        "role",
        "content",
        "tool_calls",
        "tool_call_id",
        "reasoning_content",
        "thinking_blocks",
        "reasoning",
        "reasoning_details",
        "refusal",
        "provider_specific_fields",
    }
)


def write_messages(draft: Draft) -> None:
    """Write `messages`.

    Raises:
        ConfigError: The messages make no sense in any format.
        UnsupportedError: A part has no counterpart here and `drop_params` is off.
    """
    messages = draft.asked.get("messages")
    if not isinstance(messages, list):
        raise draft.broken("messages", "must be a list of messages")
    names: dict[Any, str] = {}
    wire: list[JsonDict] = []
    for n, message in enumerate(messages):
        # What long conversations are made of needs none of the questions that the others are asked.
        if (text := plain_text(message)) is not None and message.get("role") in ("user", "assistant"):
            wire.append({"role": message["role"], "content": text})
        elif (made := _message(message, f"messages[{n}]", draft, names)) is not None:
            wire.append(made)
    if not wire:
        raise draft.broken("messages", "hold nothing to answer")
    if draft.traits.get("late_system") == "hoist":
        wire.sort(key=lambda message: bool(message["role"] != "system"))
    draft.body["messages"] = wire


def _message(message: Any, where: str, draft: Draft, names: dict[Any, str]) -> JsonDict | None:
    role = message.get("role") if isinstance(message, dict) else None
    if role not in ("system", "developer", "user", "assistant", "tool"):
        raise draft.broken(f"{where}.role", "must be system, developer, user, assistant, tool or function")
    for name in message:
        if name not in _SILENT and message[name] is not None and not (name == "name" and role == "tool"):
            draft.note(f"{where}.{name}")
    text, images = _content(message.get("content"), f"{where}.content", draft)
    made: JsonDict = {"role": "system" if role == "developer" else role, "content": text}
    if images:
        made["images"] = images
    if role == "assistant":
        return _assistant(made, message, where, draft, names)
    if role == "tool":
        _name_result(made, message, where, draft, names)
    return made


def _assistant(made: JsonDict, message: JsonDict, where: str, draft: Draft, names: dict[Any, str]) -> JsonDict | None:
    made["content"] = made["content"] or message.get("refusal") or ""
    reasoning = _reasoning(message)
    if reasoning and draft.traits.get("reasoning_history") == "drop":
        draft.note(f"{where}.reasoning_content")
    elif reasoning:
        made["thinking"] = reasoning
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise draft.broken(f"{where}.tool_calls", "must be a list")
    wire = [_call(call, f"{where}.tool_calls[{n}]", draft, names) for n, call in enumerate(calls)]
    if wire:
        made["tool_calls"] = wire
    return made if len(made) > 2 or made["content"] else None


def _call(call: Any, where: str, draft: Draft, names: dict[Any, str]) -> JsonDict:
    function = called(call)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise draft.broken(where, "must be a function call with a name")
    given = arguments_object(function.get("arguments"), f"{where}.function.arguments", draft)
    made: JsonDict = {"function": {"name": function["name"], "arguments": given}}
    ident = call.get("id")
    if isinstance(ident, str) and ident:
        names[ident] = function["name"]
        if not ident.startswith(PLACEHOLDER):
            made = {"id": ident, **made}
    return made


def _name_result(made: JsonDict, message: JsonDict, where: str, draft: Draft, names: dict[Any, str]) -> None:
    """Say which call is answered: by the function's name, which all servers understand, and by the newer ones' id."""
    given = message.get("tool_call_id")
    if not isinstance(given, str) or not given:
        raise draft.broken(f"{where}.tool_call_id", "must be the id of the tool call that this answers")
    name = names.get(given, message.get("name"))
    if isinstance(name, str) and name and "tool_name" not in native_fields(message, NAME):
        made["tool_name"] = name
    if not given.startswith(PLACEHOLDER):
        made["tool_call_id"] = given


def _reasoning(message: JsonDict) -> str:
    text = message.get("reasoning_content")
    if isinstance(text, str) and text:
        return text
    blocks = message.get("thinking_blocks")
    texts = [block.get("thinking") for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    return "".join(text for text in texts if isinstance(text, str))


def _content(content: Any, where: str, draft: Draft) -> tuple[str, list[str]]:
    """Text and images. Parts are paragraphs of their own."""
    if content is None:
        return "", []
    if isinstance(content, str):
        return content, []
    if isinstance(content, dict):
        return encode_str(content), []
    if not isinstance(content, list):
        raise draft.broken(where, "must be text or a list of parts")
    texts: list[str] = []
    images: list[str] = []
    for n, part in enumerate(content):
        _part(part, f"{where}[{n}]", draft, texts, images)
    return "\n".join(texts), images


def _part(part: Any, where: str, draft: Draft, texts: list[str], images: list[str]) -> None:
    if isinstance(part, str):
        part = {"type": "text", "text": part}
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise draft.broken(where, "must be an object with a type")
    if part.get("cache_control"):
        draft.note("cache_control")
    kind = part["type"]
    if kind in ("text", "refusal"):
        if not isinstance(part.get(kind), str):
            raise draft.broken(f"{where}.{kind}", "must be a string")
        texts.append(part[kind])
    elif kind == "image_url":
        _image(part, where, draft, images)
    elif kind == "input_audio" and isinstance(part.get("input_audio"), dict):
        # Ollama's own OpenAI surface hands sound to the model in the same place.
        data = part["input_audio"].get("data")
        if not isinstance(data, str):
            raise draft.broken(f"{where}.input_audio.data", "must be base64 text")
        images.append(data)
    else:
        draft.refuse(where, f"there is no place for {kind}")


def _image(part: JsonDict, where: str, draft: Draft, images: list[str]) -> None:
    holder = part.get("image_url")
    url = holder.get("url") if isinstance(holder, dict) else holder
    if not isinstance(url, str) or not url:
        raise draft.broken(f"{where}.image_url.url", "must be a data URL")
    if isinstance(holder, dict) and holder.get("detail") not in (None, "auto"):
        draft.note(f"{where}.image_url.detail")
    if not is_data_url(url):
        draft.refuse(where, "images must be data URLs, since the server fetches nothing")
        return
    try:
        media_type, data = split_data_url(url)
    except ValueError as error:
        raise draft.broken(where, str(error)) from None
    if media_type and not media_type.startswith("image/"):
        draft.refuse(where, f"there is no place for {media_type}")
        return
    images.append(data)

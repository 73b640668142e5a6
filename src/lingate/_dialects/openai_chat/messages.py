# Messages: the canonical history as this provider takes it. The caller's own dicts are never changed.

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from lingate._dialects._envelope import note, refuse
from lingate._dialects._ignorable import CACHE_MARK, ignorable_part
from lingate._dialects._late import joined, leading, system_in_place
from lingate._dialects._native_only import note_native_only_of
from lingate._dialects._reading import REASONED, detail_text
from lingate._dialects._round_trip import is_foreign
from lingate._dialects._tool_names import fitted_id
from lingate._dialects.openai_chat.content import NAME, as_received
from lingate._model import HttpRequest, JsonDict
from lingate._wire import json
from lingate._wire.shapes import as_dicts, dig, not_null, without
from lingate.errors import ConfigError

# What answers carry and strict providers refuse when an answer goes back as history. OpenAI has fields for the first two.
_ANSWER_ONLY = (
    "refusal",
    "audio",
    "images",
    "executed_tools",
    "extra_content",
    "thought_signature",
    "provider_metadata",
)

_FORMATS = frozenset({"anthropic", "bedrock_converse", "cohere", "gemini", "ollama", "openai_responses"})
"""Who keeps what a message was read from in `provider_specific_fields`, so that what is lost of it can be told."""

_THOUGHT = frozenset({"role", "content", "reasoning_content"})
_MEDIA = frozenset({"image_url", "file", "input_audio", "video_url"})
_PLAIN_ROLES = frozenset({"user", "assistant", "system"})


def write_messages(messages: Any, sent: HttpRequest) -> Any:
    # The messages for the wire; the same list if there is nothing to change.
    traits = sent.target.traits
    plain_roles = _PLAIN_ROLES if traits.get("system_role", "system") == "system" else _PLAIN_ROLES - {"system"}
    written: list[Any] | None = None
    parts_of_tools = False
    for at, message in enumerate(messages):
        if (
            type(message) is dict
            and len(message) == 2
            and type(content := message.get("content")) is str
            and content
            and message.get("role") in plain_roles
        ):
            continue
        if written is None:
            written = list(messages)
        written[at] = made = _message(message, at, sent)
        parts_of_tools |= made.get("role") == "tool" and type(made["content"]) is list
    if written and parts_of_tools and not traits.get("tool_media", True):
        written = _media_apart(written, sent)
    if traits.get("late_system", "keep") != "keep":
        written = system_in_place(written or messages, traits, partial(note, sent))
    if written and traits.get("strict_turns"):
        written = _bridged(written, sent)
    if messages and traits.get("needs_user") and all(message.get("role") != "user" for message in written or messages):
        written = list(written or messages)
        written.insert(leading(written), {"role": "user", "content": "."})
        note(sent, "messages (a full stop of the user's was added, as the model needs a turn of theirs)")
    return messages if written is None else written


def add_system_text(messages: Any, text: str) -> Any:
    # The messages with one more instruction, in the first system message or in one of its own.
    first = messages[0] if messages else None
    if isinstance(first, dict) and first.get("role") in {"system", "developer"}:
        return [{**first, "content": joined(first.get("content") or "", text)}, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]


def _message(message: Any, at: int, sent: HttpRequest) -> JsonDict:
    if not isinstance(message, Mapping):
        raise ConfigError(f"messages[{at}] is a {type(message).__name__}, not a mapping", provider=sent.target.provider)
    wire = dict(message)
    role = wire.get("role")
    if role == "assistant":
        _assistant(wire, sent)
    elif role == "tool":
        _tool_result(wire)
        if "tool_call_id" in wire:
            wire["tool_call_id"] = _call_id(wire["tool_call_id"], sent)
    elif role in {"system", "developer"}:
        wire["role"] = sent.target.traits.get("system_role", "system")
    if isinstance(wire.get("content"), list):
        wire["content"] = _content(_known(wire["content"], f"messages[{at}].content", sent), sent)
    if not _is_gateway(sent):
        kept = wire.pop("provider_specific_fields", None)
        if isinstance(kept, dict) and kept.keys() <= _FORMATS:
            note_native_only_of(wire | {"provider_specific_fields": kept}, at, NAME, partial(note, sent))
        elif kept:
            note(sent, "messages[].provider_specific_fields")
    _unmark(wire, sent)
    return wire


def _unmark(wire: JsonDict, sent: HttpRequest) -> None:
    if "cache_control" in wire and not sent.target.traits.get("cache_control"):
        del wire["cache_control"]
        note(sent, "cache_control")


def _assistant(wire: JsonDict, sent: HttpRequest) -> None:
    for name in [name for name, value in wire.items() if value is None and name != "content"]:
        del wire[name]
    if _is_gateway(sent):
        if "thinking_blocks" in wire:
            wire["thinking_blocks"] = _own_proofs(wire["thinking_blocks"], sent)
    else:
        _reasoning(wire, sent)
        strict = sent.target.traits.get("strict_schema")
        for name in ("annotations", *(_ANSWER_ONLY if strict else _ANSWER_ONLY[2:] if _is_openais(sent) else ())):
            if name in wire:
                del wire[name]
                note(sent, f"messages[].{name}")
    audio = wire.get("audio")
    if isinstance(audio, dict) and "id" in audio:
        wire["audio"] = {"id": audio["id"]}  # the sound itself is not taken back
    calls = wire.get("tool_calls")
    if isinstance(calls, list | tuple) and calls:
        wire["tool_calls"] = [_tool_call(call, sent) for call in calls]
    else:
        wire.pop("tool_calls", None)
    if not wire.get("content"):
        spoken = "tool_calls" in wire or "function_call" in wire or "audio" in wire
        wire["content"] = None if spoken and not sent.target.traits.get("text_content") else ""


def _reasoning(wire: JsonDict, sent: HttpRequest) -> None:
    # Move reasoning into the field in which this provider takes it back.
    had = {name: wire.pop(name) for name in REASONED if name in wire}
    if not had:
        return
    wanted = sent.target.traits.get("reasoning_history", "drop")
    if wanted == "drop":
        for name in had:
            note(sent, f"messages[].{name}")
        return
    blocks = _own_proofs(had.get("thinking_blocks"), sent)
    if "thinking_blocks" in had:
        had["thinking_blocks"] = blocks
    of_details = "".join(map(detail_text, as_dicts(had.get("reasoning_details")))) or None
    told = [had.get("reasoning_content"), had.get("reasoning"), _blocks_text(blocks), of_details]
    # An empty text counts if there is no other: some providers require the field on every turn with tool calls.
    text = next(filter(None, told), "" if "" in told else None)
    if wanted == "reasoning_details":
        details = had.get("reasoning_details") or _details(blocks)
        if details:
            wire["reasoning_details"] = details
        elif text:
            wire["reasoning"] = text
    elif wanted == "thinking_blocks":
        wire.update(
            (name, value) for name, value in had.items() if value and name in {"thinking_blocks", "reasoning_content"}
        )
    elif text is not None:
        wire[wanted] = text
    elif had.get("reasoning_details"):
        note(sent, "messages[].reasoning_details")


def _own_proofs(blocks: Any, sent: HttpRequest) -> Any:
    # The blocks but for proofs that another format has sealed: this provider could not read them.
    if not isinstance(blocks, list):
        return blocks
    proofs = [block.get("signature", block.get("data")) if isinstance(block, dict) else None for block in blocks]
    kept = [as_received(block) for block, proof in zip(blocks, proofs, strict=True) if not is_foreign(proof, NAME)]
    if len(kept) < len(blocks):
        note(sent, "messages[].thinking_blocks (another provider's)")
    return kept


def _blocks_text(blocks: Any) -> str | None:
    if not isinstance(blocks, list):
        return None
    return "".join(str(block.get("thinking", "")) for block in blocks if isinstance(block, dict)) or None


def _details(blocks: Any) -> list[JsonDict]:
    # Anthropic's blocks as OpenRouter's `reasoning_details`.
    details: list[JsonDict] = []
    for at, block in enumerate(as_dicts(blocks)):
        common = {"format": "anthropic-claude-v1", "index": at}
        if block.get("type") == "redacted_thinking":
            details.append({"type": "reasoning.encrypted", "data": block.get("data"), **common})
        elif block.get("type") == "thinking":
            signed = {"signature": block["signature"]} if block.get("signature") else {}
            details.append({"type": "reasoning.text", "text": block.get("thinking", ""), **signed, **common})
    return details


def _tool_call(call: Any, sent: HttpRequest) -> Any:
    if not isinstance(call, dict):
        return call
    wire = dict(call)
    if "id" in wire:
        wire["id"] = _call_id(wire["id"], sent)
    _unmark(wire, sent)
    traits = sent.target.traits
    if traits.get("strict_schema"):
        wire.pop("index", None)
    # Google's signature of the call, which means nothing to OpenAI and to those that know their own fields only.
    own = traits.get("strict_schema") or (traits.get("custom_tools") and not _is_gateway(sent))
    if own and wire.pop("extra_content", None):
        note(sent, "messages[].tool_calls[].extra_content")
    function = wire.get("function")
    if isinstance(function, dict):
        arguments = function.get("arguments")
        if not arguments or not isinstance(arguments, str):
            wire["function"] = {**function, "arguments": json.encode_str(arguments) if arguments else "{}"}
        elif not (traits.get("custom_tools") or _is_gateway(sent) or json.is_json(arguments)):
            # What a model wrote that was cut off ends every later turn where templates read it: 400 `"function.arguments" [...]
            # must be in JSON format` (HKUDS/nanobot#2469), "invalid function arguments json string" (#2373).
            wire["function"] = {**function, "arguments": json.encode_str({"arguments": arguments})}
            note(sent, "messages[].tool_calls[].function.arguments (no JSON: its text was put into an object)")
    return wire


def _call_id(given: Any, sent: HttpRequest) -> Any:
    taken = sent.target.traits.get("call_ids")
    return given if taken is None or not isinstance(given, str) else fitted_id(given, taken)


def _tool_result(wire: JsonDict) -> None:
    content = wire.get("content")
    if content is None or content == []:
        wire["content"] = ""
    elif not isinstance(content, str | list):
        wire["content"] = json.encode_str(content)
    for name in [name for name, value in wire.items() if value is None]:
        del wire[name]


def _known(parts: list[Any], where: str, sent: HttpRequest) -> list[Any]:
    # The parts without those that only another format has, but where somebody stands before other providers.
    if sent.target.traits.get("cache_control"):
        return parts
    kept = []
    for n, part in enumerate(parts):
        if strange := ignorable_part(part):
            refuse(sent, f"{where}[{n}]", f": {strange} is a part of another format's")
        elif _is_openais(sent) and dig(part, "file", "file_url") and not dig(part, "file", "file_data"):
            # 400 "Unknown parameter: 'messages[0].content[1].file.file_url'".
            refuse(sent, f"{where}[{n}]", ": its chats take files as data, its responses by their address too")
        else:
            kept.append(part)
    return kept


def _content(parts: list[Any], sent: HttpRequest) -> Any:
    traits = sent.target.traits
    if traits.get("text_content") and all(map(_is_text, parts)):
        if any("cache_control" in part for part in parts if isinstance(part, dict)):
            note(sent, "cache_control")
        return "\n".join(part if isinstance(part, str) else part["text"] for part in parts)
    return [_part(part, sent) for part in parts]


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or (dig(part, "type") == "text" and isinstance(part.get("text"), str))


def _part(part: Any, sent: HttpRequest) -> Any:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, dict):
        return part
    if "cache_control" in part and not sent.target.traits.get("cache_control"):
        part = without(part, ("cache_control",))
        note(sent, "cache_control")
    if CACHE_MARK in part and sent.target.traits.get("strict_schema"):
        part = without(part, (CACHE_MARK,))
        note(sent, CACHE_MARK)
    if None in part.values():
        part = not_null(part)
    if part.get("type") == "image_url" and isinstance(part.get("image_url"), str):
        part = {**part, "image_url": {"url": part["image_url"]}}
    kind = part.get("type")
    if kind in ("image_url", "file") and dig(part, kind, "format") is not None and not _is_gateway(sent):
        # LiteLLM's word for the media type; OpenAI refuses what it does not know.
        part = {**part, kind: without(part[kind], ("format",))}
        note(sent, f"messages[].content[].{kind}.format")
    data = dig(part, "file", "file_data")
    if isinstance(data, str) and not (part["file"].get("filename") or part["file"].get("file_id")):
        # 400 "Missing required parameter: 'messages[0].content[1].file.file_id'" where data have no name: langchainjs#9570.
        part = {**part, "file": {**part["file"], "filename": "file.pdf" if "application/pdf" in data[:30] else "file"}}
    return part


def _is_gateway(sent: HttpRequest) -> bool:
    return bool(sent.target.traits.get("canonical_history"))


def _is_openais(sent: HttpRequest) -> bool:
    # Whether OpenAI itself refuses what it does not know, and nobody stands before it.
    traits = sent.target.traits
    return bool(traits.get("custom_tools")) and not traits.get("cache_control") and not _is_gateway(sent)


def _media_apart(messages: list[Any], sent: HttpRequest) -> list[Any]:
    # Put what tools gave besides text into the user's turn behind their results, the only one that may hold it.
    # OpenAI: "Image URLs are only allowed for messages with role 'user', but this message with role 'tool' contains [one]".
    apart: list[Any] = []
    held: list[Any] = []
    for message in messages:
        role, content = message.get("role"), message.get("content")
        if role == "tool" and isinstance(content, list):
            media = [part for part in content if str(dig(part, "type")) in _MEDIA]
            if media:
                held += [{"type": "text", "text": f"From the tool call {message.get('tool_call_id')}:"}, *media]
                rest = [part for part in content if part not in media]
                message = {**message, "content": _content(rest, sent) if rest else "See the next message."}
                note(sent, f"messages[{len(apart)}].content (its media were put into a turn of the user's)")
        elif held and role != "tool":
            if role == "user":
                message = {**message, "content": joined(held, content)}
            else:
                apart.append({"role": "user", "content": held})
            held = []
        apart.append(message)
    return [*apart, {"role": "user", "content": held}] if held else apart


def _bridged(messages: list[Any], sent: HttpRequest) -> list[Any]:
    # Put a turn of the assistant between a tool's result and a user's turn, for models that refuse one after the other.
    # What they refuse too is an answer that was empty ("must have either content or tool_calls, but not none"), and so does
    # Kimi ("with role 'assistant' must not be empty": MoonshotAI/kimi-code#1985).
    bridged: list[Any] = []
    all_of_it = sent.target.traits.get("strict_turns") is True
    for message in messages:
        if message.keys() <= _THOUGHT and message.get("role") == "assistant" and not message.get("content"):
            continue
        if all_of_it and bridged and message.get("role") == "user" and bridged[-1].get("role") == "tool":
            note(sent, f"messages[{len(bridged)}] (a turn of the assistant was added, as the model needs one there)")
            bridged.append({"role": "assistant", "content": "Done."})
        bridged.append(message)
    return bridged

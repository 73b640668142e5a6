"""Messages: the canonical history as this provider takes it. The caller's own dicts are never changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._signature import is_foreign
from lingate._dialects.openai_chat.content import NAME, as_received
from lingate._dialects.openai_chat.envelope import note
from lingate._model import HttpRequest, JsonDict
from lingate._wire import json
from lingate._wire.shapes import as_list, not_null, without
from lingate.errors import ConfigError

_REASONING = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks")
_CANONICAL_ONLY = ("provider_specific_fields", "annotations")
# What answers carry and strict providers refuse when an answer goes back as history.
_ANSWER_ONLY = (
    "refusal",
    "audio",
    "images",
    "executed_tools",
    "extra_content",
    "thought_signature",
    "provider_metadata",
)

_PLAIN_ROLES = frozenset({"user", "assistant", "system"})


def write_messages(messages: Any, sent: HttpRequest) -> Any:
    """The messages for the wire; the same list if there is nothing to change."""
    if not isinstance(messages, (list, tuple)):
        return messages
    traits = sent.target.traits
    plain_roles = _PLAIN_ROLES if traits.get("system_role", "system") == "system" else _PLAIN_ROLES - {"system"}
    written: list[Any] | None = None
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
        written[at] = _message(message, at, sent)
    if traits.get("late_system") == "hoist":
        return _hoist(written or list(messages))
    return messages if written is None else written


def add_system_text(messages: Any, text: str) -> Any:
    """The messages with one more instruction, in the first system message or in one of its own."""
    if not isinstance(messages, list | tuple):
        return messages
    first = messages[0] if messages else None
    if isinstance(first, dict) and first.get("role") in {"system", "developer"}:
        return [{**first, "content": _joined(first.get("content"), text)}, *messages[1:]]
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
    elif role in {"system", "developer"}:
        wire["role"] = sent.target.traits.get("system_role", "system")
    if isinstance(wire.get("content"), list):
        wire["content"] = _content(wire["content"], sent)
    if not sent.target.traits.get("canonical_history") and wire.pop("provider_specific_fields", None):
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
    if sent.target.traits.get("canonical_history"):
        if "thinking_blocks" in wire:
            wire["thinking_blocks"] = _own_proofs(wire["thinking_blocks"], sent)
    else:
        _reasoning(wire, sent)
        for name in _CANONICAL_ONLY + (_ANSWER_ONLY if sent.target.traits.get("strict_schema") else ()):
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
    """Move reasoning into the field in which this provider takes it back."""
    had = {name: wire.pop(name) for name in _REASONING if name in wire}
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
    told = [had.get("reasoning_content"), had.get("reasoning"), _blocks_text(blocks)]
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


def _own_proofs(blocks: Any, sent: HttpRequest) -> Any:
    """The blocks but for proofs that another format has sealed: this provider could not read them."""
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
    """Anthropic's blocks as OpenRouter's `reasoning_details`."""
    details: list[JsonDict] = []
    for at, block in enumerate(as_list(blocks)):
        if not isinstance(block, dict):
            continue
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
    _unmark(wire, sent)
    if sent.target.traits.get("strict_schema"):
        wire.pop("index", None)
        wire.pop("extra_content", None)
    function = wire.get("function")
    if isinstance(function, dict) and (not function.get("arguments") or not isinstance(function["arguments"], str)):
        arguments = function.get("arguments")
        wire["function"] = {**function, "arguments": json.encode_str(arguments) if arguments else "{}"}
    return wire


def _tool_result(wire: JsonDict) -> None:
    content = wire.get("content")
    if content is None or content == []:
        wire["content"] = ""
    elif not isinstance(content, str | list):
        wire["content"] = json.encode_str(content)
    for name in [name for name, value in wire.items() if value is None]:
        del wire[name]


def _content(parts: list[Any], sent: HttpRequest) -> Any:
    traits = sent.target.traits
    if traits.get("text_content") and all(_is_text(part) for part in parts):
        if any("cache_control" in part for part in parts if isinstance(part, dict)):
            note(sent, "cache_control")
        return "\n".join(part if isinstance(part, str) else part["text"] for part in parts)
    return [_part(part, sent) for part in parts]


def _is_text(part: Any) -> bool:
    if isinstance(part, str):
        return True
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)


def _part(part: Any, sent: HttpRequest) -> Any:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, dict):
        return part
    if "cache_control" in part and not sent.target.traits.get("cache_control"):
        part = without(part, ("cache_control",))
        note(sent, "cache_control")
    if None in part.values():
        part = not_null(part)
    if part.get("type") == "image_url" and isinstance(part.get("image_url"), str):
        part = {**part, "image_url": {"url": part["image_url"]}}
    return part


def _joined(content: Any, text: str) -> Any:
    if isinstance(content, list):
        return [*content, {"type": "text", "text": text}]
    return f"{content}\n\n{text}" if content else text


def _hoist(messages: list[Any]) -> list[Any]:
    """Join system messages from after the first turn to those before it, for models that allow them only there."""
    roles = {"system", "developer"}
    leading = next((at for at, message in enumerate(messages) if message.get("role") not in roles), len(messages))
    late = [message for message in messages[leading:] if message.get("role") in roles]
    if not late:
        return messages
    rest = [message for message in messages[leading:] if message.get("role") not in roles]
    system = dict(messages[leading - 1]) if leading else dict(late.pop(0))
    for message in late:
        system["content"] = _merged(system.get("content"), message.get("content"))
    return [*messages[: max(leading - 1, 0)], system, *rest]


def _merged(first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    return [*_as_parts(first), *_as_parts(second)]


def _as_parts(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []

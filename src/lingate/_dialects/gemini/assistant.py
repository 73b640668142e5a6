"""The model's turns: canonical assistant messages as parts."""

from __future__ import annotations

from typing import Any

from lingate._dialects._arguments import arguments_object, called
from lingate._dialects._check import Malformed
from lingate._dialects._draft import native_fields
from lingate._dialects.gemini.checks import check_parts, objects
from lingate._dialects.gemini.content import content_parts, content_text
from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.facts import NAME, UNSIGNED
from lingate._dialects.gemini.media import write_image
from lingate._dialects.gemini.parts import call_signature, read_parts, sealed_signatures, wire_id
from lingate._model import JsonDict
from lingate._wire.json import decode

_SILENT_FIELDS = frozenset(
    {
        "role",
        "content",
        "refusal",
        "tool_calls",
        "images",
        "annotations",
        "thinking_blocks",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "cache_control",
        "provider_specific_fields",
    }
)


def model_parts(message: JsonDict, where: str, draft: Draft) -> list[JsonDict]:
    """A canonical assistant message as parts: the original ones if it still says the same, else made anew."""
    if message.get("cache_control"):
        draft.note("cache_control")
    kept = original_parts(message)
    if kept is not None:
        _remember(message, kept, draft)
        return _signed(kept, draft)
    for name in message:
        if name not in _SILENT_FIELDS and message[name] is not None:
            draft.note(f"{where}.{name}")
    sealed = sealed_signatures(message["thinking_blocks"]) if "thinking_blocks" in message else {}
    parts = _thoughts(message, sealed, where, draft)
    said = message.get("content") or message.get("refusal")
    if said:
        parts += content_parts(said, f"{where}.content", draft)
    if "" in sealed and parts and "text" in parts[-1]:
        parts[-1] = {**parts[-1], "thoughtSignature": sealed[""]}
    for n, image in enumerate(objects(message.get("images"))):
        parts.append(write_image(image, f"{where}.images[{n}]", draft))
    return _signed(parts + _calls(message, sealed, where, draft), draft)


def original_parts(message: JsonDict) -> list[JsonDict] | None:
    """The parts that an assistant message was read from, unless they are gone or the message was edited since."""
    if "provider_specific_fields" not in message:
        return None
    parts = native_fields(message, NAME).get("parts")
    try:
        check_parts(parts, "parts")
    except Malformed:
        return None
    assert isinstance(parts, list)
    reading = read_parts(parts, "kept")
    same = content_text(message.get("content")) == reading.text and _gist(message.get("tool_calls")) == _gist(
        reading.calls
    )
    # Empty text is what streams end with; Vertex refuses to see it again.
    return [part for part in parts if part != {"text": ""}] if same else None


def _thoughts(message: JsonDict, sealed: dict[str, str], where: str, draft: Draft) -> list[JsonDict]:
    """Other models' reasoning is not sent unless the facts say so. This format's own is known by its signatures."""
    if sealed:
        texts = [block.get("thinking") for block in objects(message["thinking_blocks"])]
        # A stream of OpenAI's shows whole blocks only where they are signed, and all of the text beside them.
        texts = texts if any(texts) else [message.get("reasoning_content")]
        return [{"text": text, "thought": True} for text in texts if isinstance(text, str) and text]
    reasoning = message.get("reasoning_content")
    if not isinstance(reasoning, str) or not reasoning:
        return []
    if draft.traits.get("reasoning_history") in ("reasoning_content", "thinking_blocks"):
        return [{"text": reasoning, "thought": True}]
    draft.note(f"{where}.reasoning_content")
    return []


def _calls(message: JsonDict, sealed: dict[str, str], where: str, draft: Draft) -> list[JsonDict]:
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise draft.broken(f"{where}.tool_calls", "must be a list")
    return [_call(call, sealed, f"{where}.tool_calls[{n}]", draft) for n, call in enumerate(calls)]


def _signed(parts: list[JsonDict], draft: Draft) -> list[JsonDict]:
    """The parts, with a stand-in for the signature where another model, or an older one, made the calls."""
    if not draft.newest:
        return parts
    calls = [n for n, part in enumerate(parts) if part.get("functionCall") is not None]
    if not calls or any("thoughtSignature" in parts[n] for n in calls):
        return parts
    return [{**part, "thoughtSignature": UNSIGNED} if n == calls[0] else part for n, part in enumerate(parts)]


def _call(call: Any, sealed: dict[str, str], where: str, draft: Draft) -> JsonDict:
    function = called(call)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise draft.broken(where, "must be a function call with a name")
    given = call.get("id")
    if not isinstance(given, str) or not given:
        raise draft.broken(f"{where}.id", "must be a string that is not empty")
    on_wire = wire_id(given)
    draft.names[given], draft.wire_ids[given] = function["name"], on_wire
    wire: JsonDict = {} if on_wire is None else {"id": on_wire}
    wire["name"] = function["name"]
    wire["args"] = arguments_object(function.get("arguments"), f"{where}.function.arguments", draft)
    part: JsonDict = {"functionCall": wire}
    signature = call_signature(call) or sealed.get(given)
    if signature:
        part["thoughtSignature"] = signature
    return part


def _remember(message: JsonDict, parts: list[JsonDict], draft: Draft) -> None:
    """Names and ids of calls that go out as they came."""
    wires = [part["functionCall"] for part in parts if part.get("functionCall") is not None]
    for call, wire in zip(message.get("tool_calls") or (), wires, strict=True):
        draft.names[call["id"]], draft.wire_ids[call["id"]] = wire.get("name") or "", wire.get("id")


def _gist(calls: Any) -> list[tuple[Any, Any, Any]] | None:
    """What calls ask for, with the ids that are the provider's own; None for what are no calls."""
    made = []
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(call.get("id"), str):
            return None
        arguments = function.get("arguments")
        try:
            arguments = decode(arguments) if isinstance(arguments, str) and arguments.strip() else arguments or {}
        except ValueError:
            return None
        made.append((wire_id(call["id"]), function.get("name"), arguments))
    return made

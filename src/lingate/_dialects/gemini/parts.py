# The model's parts: what they say in canonical words, and whether those words give back the same parts.

# Other providers' thinking blocks travel among them: a client keeps `thoughtSignature` and sends it back, so the whole block
# is there, and goes on to its own provider as it came.

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from lingate._dialects._dataurl import data_url, decoded, standard
from lingate._dialects._reading import has_proof
from lingate._dialects._round_trip import opened, seal, unseal
from lingate._dialects.gemini.facts import NAME
from lingate._dialects.gemini.media import canonical_audio, media_type
from lingate._model import JsonDict
from lingate._wire.json import decode, encode, encode_str
from lingate._wire.shapes import as_list, as_str, dig, without

MADE_ID = re.compile(r"call_g\d+_.+")
_CALL_KEYS = frozenset({"name", "args", "id"})
_CALL_PART = frozenset({"functionCall", "thoughtSignature"})
SEALED = frozenset({"text", "call"})
"""Kinds of parts whose signatures travel in thinking blocks; those of the others have meaning in their own place only."""

_RANK = {"thought": 0, "text": 1, "image": 2, "call": 3}


@dataclass(slots=True)
class Reading:
    # What a model's parts say.

    text: str = ""
    """The answer."""
    thinking: list[JsonDict] = field(default_factory=list)
    """Thinking blocks: thoughts, and sealed signatures."""
    calls: list[JsonDict] = field(default_factory=list)
    """Tool calls for the caller to execute. The provider's own tools are not among them."""
    annotations: list[JsonDict] = field(default_factory=list)
    """None, since parts hold no sources."""
    images: list[JsonDict] = field(default_factory=list)
    """Pictures, as OpenAI-shaped image objects."""
    sound: list[tuple[str, str]] = field(default_factory=list)
    """Audio, as `(media type, base64)` pieces."""
    exact: bool = True
    """The canonical form alone gives back these very parts."""

    @property
    def reasoning(self) -> str:
        return "".join(as_str(block.get("thinking")) for block in self.thinking)

    def media(self) -> JsonDict:
        # `images` and `audio` of a message, as far as there are any.
        made: JsonDict = {"images": self.images} if self.images else {}
        return {**made, "audio": canonical_audio(self.sound)} if self.sound else made


def read_parts(parts: Sequence[JsonDict], origin: str) -> Reading:
    # Read checked parts.
    # `origin`: what makes the ids of calls without one unique: the answer's id, or a place in the conversation.
    reading = Reading()
    texts: list[str] = []
    rank = 0
    open_block = False  # the part before was a thought without a signature
    answered = answered_in(parts)
    for part in parts:
        kind = kind_of(part, answered)
        owner = ""
        if kind == "thought":
            reading.exact = reading.exact and not open_block
            if not open_block:
                reading.thinking.append({"type": "thinking", "thinking": ""})
            open_block = True
            reading.thinking[-1]["thinking"] += part["text"]
        elif kind == "text":
            texts.append(part["text"])
        elif kind == "image":
            reading.images.append(image_of(part, len(reading.images)))
        elif kind == "audio":
            reading.sound.append((media_type(part["inlineData"]), standard(part["inlineData"]["data"])))
        elif kind == "call":
            reading.calls.append(call_of(part, len(reading.calls), origin))
            owner = reading.calls[-1]["id"]
        signature = part.get("thoughtSignature")
        if signature and kind in SEALED:
            _sign(reading.thinking, open_block and kind == "call", seal_for(owner, signature))
        open_block = kind == "thought" and not signature
        reading.exact = reading.exact and _RANK.get(kind, -1) >= rank and _is_plain(part, kind)
        rank = _RANK.get(kind, rank) + (kind == "text")
    reading.text = "".join(texts)
    # Thoughts go back only with a signature: it tells that they are this format's own.
    reading.exact = reading.exact and (not reading.thinking or has_proof(reading.thinking))
    return reading


def answered_in(parts: Sequence[JsonDict]) -> set[Any]:
    # Names of functions whose results are among the model's own parts: the provider asked an MCP server.
    return {dig(part, "functionResponse", "name") for part in parts if "functionResponse" in part}


def kind_of(part: JsonDict, answered: Collection[Any] = ()) -> str:
    # `thought`, `text`, `image`, `audio`, `call`, or `other` for what the canonical form does not know.
    if isinstance(part.get("text"), str):
        return "thought" if part.get("thought") else "text"
    if part.get("functionCall") is not None:
        return "other" if part["functionCall"].get("name") in answered else "call"
    if part.get("thought"):
        return "other"  # a draft of a picture is not the answer
    blob = part.get("inlineData")
    if blob is not None:
        family = media_type(blob).partition("/")[0]
        return family if family in ("image", "audio") else "other"
    link = part.get("fileData")
    return "image" if link is not None and media_type(link).startswith("image/") else "other"


def only_calls(parts: Any) -> bool:
    # Whether parts, unchecked, are calls of functions of which the canonical form says all, and nothing else.
    if not isinstance(parts, list) or not parts:
        return False
    for part in parts:
        call = part.get("functionCall") if isinstance(part, dict) and len(part) == 1 else None
        if not isinstance(call, dict) or not call.keys() <= _CALL_KEYS or not call.get("name"):
            return False
        if not (isinstance(call["name"], str) and isinstance(call.get("id", ""), str)):
            return False
        if not isinstance(call.get("args"), dict):
            return False
    return True


def image_of(part: JsonDict, index: int) -> JsonDict:
    # A picture as an OpenAI-shaped image object.
    blob = part.get("inlineData")
    url = data_url(media_type(blob), standard(blob["data"])) if blob is not None else part["fileData"]["fileUri"]
    made = {"type": "image_url", "image_url": {"url": url}, "index": index}
    return {**made, **(call_extra(part.get("thoughtSignature")) or {})}


def call_of(part: JsonDict, index: int, origin: str) -> JsonDict:
    # A function call as a tool call.
    # `args` is missing where a tool takes no arguments.
    call = part["functionCall"]
    made: JsonDict = {
        "id": call.get("id") or made_id(index, origin),
        "type": "function",
        "function": {"name": call.get("name") or "", "arguments": encode_str(call.get("args") or {})},
    }
    extra = call_extra(part.get("thoughtSignature"))
    return {**made, **extra} if extra else made


def call_extra(signature: Any) -> JsonDict | None:
    # A call's signature where Gemini's own OpenAI surface has it; a picture's in the same place.
    return {"extra_content": {"google": {"thought_signature": signature}}} if signature else None


def call_signature(call: JsonDict) -> str | None:
    # The signature on a tool call or a picture, from either place that clients keep it in.
    own, other = dig(call, "extra_content", "google"), dig(call, "provider_specific_fields")
    return as_str(dig(own, "thought_signature")) or as_str(dig(other, "thought_signature")) or None


def made_id(index: int, origin: str) -> str:
    # An id for a call that the provider left nameless.
    return f"call_g{index}_{origin}"


def wire_id(given: str) -> str | None:
    # The id on the wire: none for one that we made up.
    return None if MADE_ID.fullmatch(given) else given


def seal_for(call_id: str, signature: str) -> str:
    # A part's signature as that of a thinking block: which call it belongs to (none: the text), and what it is.
    return seal(NAME, f"{call_id}#{signature}")


def sealed_signatures(blocks: Any) -> dict[str, str]:
    # Signatures that came back in thinking blocks, by the id of the call they belong to; the text's has no id.
    found: dict[str, str] = {}
    for block in as_list(blocks):
        payload = unseal(block.get("signature"), NAME) if isinstance(block, dict) else None
        if payload is not None:
            call_id, _, signature = payload.rpartition("#")
            found[call_id] = signature
    return found


def _sign(blocks: list[JsonDict], open_block: bool, signature: str) -> None:
    if open_block:
        blocks[-1]["signature"] = signature
    else:
        blocks.append({"type": "thinking", "thinking": "", "signature": signature})


def _is_plain(part: JsonDict, kind: str) -> bool:
    if kind == "text":
        return part.keys() == {"text"} and part["text"] != ""
    if kind == "thought":
        return part.keys() == {"text", "thought"} and part["text"] != ""
    if kind == "call":
        call = part["functionCall"]
        known = part.keys() <= _CALL_PART and call.keys() <= _CALL_KEYS
        return known and bool(call.get("name")) and isinstance(call.get("args"), dict)
    return kind == "image" and part.keys() == {"inlineData"} and part["inlineData"].keys() == {"mimeType", "data"}


_MAGIC = b"\x00lingate:"
_BEGINNING = base64.b64encode(_MAGIC).decode()


def foreign_part(block: JsonDict) -> JsonDict:
    # A thinking block of another provider as a part without text: that was told before.
    sealed = base64.b64encode(_MAGIC + encode(block)).decode()
    return {"text": "", "thought": True, "thoughtSignature": sealed}


def is_foreign_block(block: Any) -> bool:
    # Whether a thinking block holds another provider's proof.
    if not isinstance(block, dict):
        return False
    if block.get("type") == "redacted_thinking":
        return isinstance(block.get("data"), str)
    signature = block.get("signature")
    return isinstance(signature, str) and signature != "" and unseal(signature, NAME) is None


def foreign_blocks(parts: Sequence[JsonDict]) -> list[JsonDict]:
    # The blocks that travel in these parts, carried among them; what a call holds, too, once.
    found = [block for block in map(_block_of, parts) if block is not None]
    return [block for n, block in enumerate(found) if block not in found[:n]]


def without_foreign(parts: Sequence[JsonDict]) -> list[JsonDict]:
    # The parts that are this format's own.
    # The thoughts of a foreign block are in the block, so they go too.
    own = [part for part in parts if opened(_block_of(part)) is None]
    if not any(_block_of(part) is not None for part in own):
        return own
    own = [without(part, ("thoughtSignature",)) if "functionCall" in part and _block_of(part) else part for part in own]
    return [part for part in own if not (part.get("thought") and isinstance(part.get("text"), str))]


def _block_of(part: JsonDict) -> JsonDict | None:
    sealed = part.get("thoughtSignature")
    if not isinstance(sealed, str) or not (part.get("thought") or sealed.startswith(_BEGINNING)):
        return None
    try:
        data = decoded(sealed)
        block = decode(data[len(_MAGIC) :]) if data.startswith(_MAGIC) else None
    except ValueError:
        return None
    return block if isinstance(block, dict) else None

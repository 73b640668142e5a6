# What one format wants back with a message, proofs of reasoning first of all, inside another that has no place for it.

# A signature means something to the provider that made it and is an error to any other. One that has no field of its own in
# the canonical form goes into `thinking_blocks` with its dialect's name before it, so that every face carries it, its own
# dialect finds it again, and all others know to leave it out.
#
# Raw blocks in `provider_specific_fields`, `reasoning_details` and further fields of tool calls travel as the signature of
# one more thinking block, which has no text: clients of formats that know thinking send such blocks back unread. A face adds
# the block to what it shows, and takes it off what comes back.

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from lingate._model import Event, Extra, JsonDict, Thinking, ToolStart
from lingate._wire.json import decode, encode
from lingate._wire.shapes import as_dict, as_str, not_null

_MARK = "#"  # not a letter of base64, so no provider's own signature holds it
_OWNER = "lingate"  # no dialect, so that none of them takes the block for its own
_BACK = frozenset({"content", "parts", "items", "tool_plan", "citations"})
"""A dialect's own fields of a message that go back with it. What else an answer tells (ratings, sources) is for readers."""

_TOLD = frozenset({"id", "type", "function", "custom", "index", "cache_control"})
_PROOFS = ("signature", "data")
_MOST = 1024 * 1024  # bytes; more (pictures, mostly) would burden every later request of the conversation


def seal(dialect: str, payload: str) -> str:
    # A signature that only `dialect` will open.
    return f"{dialect}{_MARK}{payload}"


def unseal(signature: Any, dialect: str) -> str | None:
    # What this dialect sealed; None for every other signature.
    if not isinstance(signature, str) or not signature.startswith(f"{dialect}{_MARK}"):
        return None
    return signature[len(dialect) + 1 :]


def is_foreign(signature: Any, dialect: str) -> bool:
    # Whether another dialect sealed this signature, so that it is of no use here.
    return isinstance(signature, str) and _MARK in signature and unseal(signature, dialect) is None


def round_trip_fields(message: JsonDict, dialect: str) -> JsonDict | None:
    # The block for a canonical message that is shown as `dialect`; None if nothing is to travel, or too much.
    packed: JsonDict = {}
    fields = message.get("provider_specific_fields")
    native = {
        name: {key: item for key, item in value.items() if key in _BACK}
        for name, value in (fields.items() if isinstance(fields, dict) else ())
        if isinstance(value, dict) and name != dialect
    }
    native = {name: value for name, value in native.items() if value}
    if native:
        packed["provider_specific_fields"] = native
    blocks = [block for block in message.get("thinking_blocks") or () if isinstance(block, dict)]
    proofs = [str(block.get(name) or "") for block in blocks for name in _PROOFS]
    details = message.get("reasoning_details")
    if isinstance(details, list) and any(_proof_of(detail) not in (None, *proofs) for detail in details):
        packed["reasoning_details"] = details
    calls = _call_fields(message.get("tool_calls") or (), proofs)
    if calls:
        packed["tool_calls"] = calls
    if not packed:
        return None
    data = base64.b64encode(encode(packed)).decode()
    return {"type": "thinking", "thinking": "", "signature": seal(_OWNER, data)} if len(data) <= _MOST else None


def opened(block: Any) -> JsonDict | None:
    # What travelled in a canonical thinking block; None for one of somebody else's, or was tampered with.
    sealed = unseal(block.get("signature"), _OWNER) if isinstance(block, dict) else None
    if sealed is None:
        return None
    try:
        packed = decode(base64.b64decode(sealed, validate=True))
    except ValueError:
        return {}
    return as_dict(packed)


def put_back(message: JsonDict, packed: JsonDict) -> None:
    # Give a canonical message back what travelled beside it.
    # What it says itself stays.
    native, details = packed.get("provider_specific_fields"), packed.get("reasoning_details")
    if isinstance(native, dict) and native:
        message["provider_specific_fields"] = {**native, **(message.get("provider_specific_fields") or {})}
    if isinstance(details, list):
        message.setdefault("reasoning_details", details)
    fields = as_dict(packed.get("tool_calls"))
    for call in message.get("tool_calls") or ():
        extra = fields.get(call["id"])
        if isinstance(extra, dict):
            call.update((name, value) for name, value in extra.items() if name not in _TOLD and name not in call)


class Packer:
    # Gathers the carried fields of a streamed answer's first choice.

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._message: JsonDict = {"tool_calls": [], "thinking_blocks": []}

    def take(self, event: Event) -> None:
        # Take note of an event that may hold some.
        match event:
            case ToolStart(extra=dict(extra)) if extra:
                self._message["tool_calls"].append({**extra, "id": event.id})
            case Thinking(signature=str(signature)):
                self._message["thinking_blocks"].append({"signature": signature})
            case Extra(choice=0, on_choice=False):
                self._message.update((name, event.fields[name]) for name in _FIELDS if name in event.fields)

    def block(self) -> JsonDict | None:
        return round_trip_fields(self._message, self._dialect)


_FIELDS = ("provider_specific_fields", "reasoning_details")


def _proof_of(detail: Any) -> str | None:
    # What only the provider understands of one of the `reasoning_details`; text alone goes back as text.
    found = [detail[name] for name in _PROOFS if detail.get(name)] if isinstance(detail, dict) else []
    return str(found[0]) if found else None


def _call_fields(calls: Iterable[Any], proofs: Iterable[str]) -> JsonDict:
    # Further fields of tool calls, by the calls' ids, but for signatures that thinking blocks hold already.
    found: JsonDict = {}
    for call in calls:
        extra = not_null(call, _TOLD)
        signature = _google_signature(extra)
        if signature is not None and any(proof.endswith(signature) for proof in proofs):
            extra.pop("extra_content")
        if extra and isinstance(call.get("id"), str):
            found[call["id"]] = extra
    return found


def _google_signature(extra: JsonDict) -> str | None:
    # The signature in `extra_content`, if that is all there is in it.
    content = extra.get("extra_content")
    google = content.get("google") if isinstance(content, dict) and len(content) == 1 else None
    found = google.get("thought_signature") if isinstance(google, dict) and len(google) == 1 else None
    return as_str(found) or None

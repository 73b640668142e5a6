"""Amazon's Converse: binary frames, one block after the other."""

from __future__ import annotations

import binascii
import json
import struct
from collections.abc import Iterator

from tests.fidelity.providers._pieces import halves
from tests.fidelity.talk import JsonDict

CONTENT_TYPE = "application/vnd.amazon.eventstream"


def stream(body: JsonDict) -> tuple[bytes, str]:
    frames = [_frame("messageStart", {"role": "assistant"})]
    for index, block in enumerate(body["output"]["message"]["content"]):
        for kind, event in _pieces(block):
            frames.append(_frame(kind, {**event, "contentBlockIndex": index}))
        frames.append(_frame("contentBlockStop", {"contentBlockIndex": index}))
    frames.append(_frame("messageStop", {"stopReason": body["stopReason"]}))
    frames.append(_frame("metadata", {"usage": body["usage"], "metrics": body["metrics"]}))
    return b"".join(frames), CONTENT_TYPE


def _pieces(block: JsonDict) -> Iterator[tuple[str, JsonDict]]:
    if "toolUse" in block:
        inner = {name: value for name, value in block["toolUse"].items() if name != "input"}
        yield "contentBlockStart", {"start": {"toolUse": inner}}
    for delta in _deltas(block):
        yield "contentBlockDelta", {"delta": delta}


def _deltas(block: JsonDict) -> Iterator[JsonDict]:
    if "toolUse" in block:
        yield from ({"toolUse": {"input": piece}} for piece in halves(json.dumps(block["toolUse"]["input"])))
    elif "text" in block:
        yield from ({"text": piece} for piece in halves(block["text"]))
    elif "citationsContent" in block:
        inner = block["citationsContent"]
        yield from ({"text": part["text"]} for part in inner["content"])
        yield from ({"citation": citation} for citation in inner["citations"])
    elif "redactedContent" in block["reasoningContent"]:
        yield {"reasoningContent": block["reasoningContent"]}
    else:
        told = block["reasoningContent"]["reasoningText"]
        yield from ({"reasoningContent": {"text": piece}} for piece in halves(told["text"]))
        yield {"reasoningContent": {"signature": told["signature"]}}


def _frame(kind: str, event: JsonDict) -> bytes:
    """One frame: lengths, a checksum of them, headers, the payload, a checksum of it all."""
    named = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in named.items()
    )
    payload = json.dumps(event).encode()
    prelude = struct.pack("!II", len(headers) + len(payload) + 16, len(headers))
    whole = prelude + struct.pack("!I", binascii.crc32(prelude)) + headers + payload
    return whole + struct.pack("!I", binascii.crc32(whole))

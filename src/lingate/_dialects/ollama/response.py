"""From the upstream: whole answers as canonical responses."""

from __future__ import annotations

from lingate._dialects._dates import epoch
from lingate._dialects.ollama.facts import NAME
from lingate._dialects.ollama.reading import (
    calls_of,
    error_of,
    extras_of,
    logprobs_of,
    made_id,
    message_of,
    seed_of,
    usage_of,
)
from lingate._dialects.openai_chat.reading import decode_object
from lingate._dialects.openai_chat.reasons import canonical_reason, settle
from lingate._model import Head, HttpRequest, JsonDict


def read_chat(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    """A whole answer of `/api/chat` or `/api/generate` as a canonical response, and as it came.

    Raises:
        UpstreamError: The body is an error although the status says success.
        ProtocolError: It is not an answer.
    """
    target = sent.target
    raw = decode_object(body, target)
    error = error_of(raw, target)
    if error is not None:
        raise error
    native = message_of(raw, target)
    calls = calls_of(native, seed_of(raw), 0, target)
    top, inner = extras_of(raw, native)
    message: JsonDict = {"role": "assistant", "content": native.get("content") or (None if calls else "")}
    if native.get("thinking"):
        message["reasoning_content"] = native["thinking"]
    if calls:
        message["tool_calls"] = calls
    if inner:
        message["provider_specific_fields"] = {NAME: inner}
    reason = raw.get("done_reason")
    choice = {"index": 0, "message": message, "finish_reason": settle(canonical_reason(reason), calls=bool(calls))}
    if isinstance(reason, str) and reason:
        choice["native_finish_reason"] = reason
    logprobs = logprobs_of(raw)
    if logprobs is not None:
        choice["logprobs"] = logprobs
    response: JsonDict = {
        "id": made_id("chatcmpl-", seed_of(raw)),
        "object": "chat.completion",
        "created": epoch(raw.get("created_at")),
        "model": raw["model"] if isinstance(raw.get("model"), str) and raw["model"] else target.model,
        "choices": [choice],
        "usage": usage_of(raw),
    }
    if top:
        response["provider_specific_fields"] = {NAME: top}
    return response, raw

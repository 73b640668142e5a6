# From the upstream: whole answers and token counts as canonical dicts.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import block_reason, decoded, garbage, new_id
from lingate._dialects._check import Malformed
from lingate._dialects._counts import integer
from lingate._dialects._draft import keep
from lingate._dialects._failure import body_failure
from lingate._dialects._reading import canonical_message, take_answer
from lingate._dialects._times import created_at
from lingate._dialects.bedrock_converse.assistant import read_blocks
from lingate._dialects.bedrock_converse.checks import check_blocks
from lingate._dialects.bedrock_converse.facts import FINISH, NAME
from lingate._dialects.bedrock_converse.usage import canonical_usage
from lingate._model import Head, HttpRequest, JsonDict, Target
from lingate._wire.shapes import dig, not_null

_ANSWER_KEYS = frozenset({"output", "stopReason", "usage"})


def read_message(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = read_object(body, sent.target)
    return canonical_response(raw, sent, head), raw


def canonical_response(raw: JsonDict, sent: HttpRequest, head: Head) -> JsonDict:
    blocks = dig(raw, "output", "message", "content")
    if blocks is None and raw.get("stopReason"):
        blocks = []  # as with Anthropic's own format, it is an empty answer
    try:
        check_blocks(blocks, "output.message.content")
    except Malformed as flaw:
        raise body_failure(raw, sent.target) or garbage(sent.target, str(flaw)) from None
    assert isinstance(blocks, list)
    reading = read_blocks(blocks)
    answer = take_answer(reading, sent.answer_tool)
    message = canonical_message(reading, answer)
    if reading.images:
        message["images"] = reading.images
    if answer is None and not reading.exact:
        message["provider_specific_fields"] = {NAME: {"content": blocks}}
    native, usage = raw.get("stopReason"), raw.get("usage")
    counts = canonical_usage(usage) if isinstance(usage, dict) else None
    response = whole_answer(sent, head, message, finish_reason(native, bool(reading.calls)), native, counts)
    response |= service_tier(raw)
    return keep(response, NAME, not_null(raw, _ANSWER_KEYS))


def whole_answer(
    sent: HttpRequest, head: Head, message: JsonDict, reason: str, native: Any, usage: JsonDict | None
) -> JsonDict:
    # A canonical response with one choice, of which only the head says when and as what it was made.
    choice = {"index": 0, "message": message, "finish_reason": reason}
    if isinstance(native, str):
        choice["native_finish_reason"] = native
    response: JsonDict = {
        "id": identity(head),
        "object": "chat.completion",
        "created": created_at(head),
        "model": sent.target.model,
        "choices": [choice],
    }
    return response if usage is None else {**response, "usage": usage}


def service_tier(raw: JsonDict) -> JsonDict:
    # What an answer says of the tier that it was served on, which decides on its price.
    tier, latency = dig(raw, "serviceTier", "type"), dig(raw, "performanceConfig", "latency")
    tier = latency if latency == "optimized" else tier
    return {"service_tier": tier} if isinstance(tier, str) else {}


def finish_reason(native: Any, has_calls: bool) -> str:
    # Nor is a call to be executed that is malformed.
    return block_reason(native, FINISH, has_calls and not str(native).startswith("malformed_"))


def identity(head: Head) -> str:
    # The answer's id: the format has none, so the request's id says it.
    return head.headers.get("x-amzn-requestid") or new_id("msg_")


def read_count(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = read_object(body, sent.target)
    found = integer(raw.get("inputTokens"))
    if found is None:
        raise garbage(sent.target, "inputTokens: must be a number")
    return {"input_tokens": found}, raw


def read_object(body: bytes, target: Target) -> JsonDict:
    # Decode a JSON object that is not an error.
    # Raises UpstreamError: it is an error; ProtocolError: it is not a JSON object.
    raw = decoded(body, target)
    if not isinstance(raw, dict):
        raise garbage(target, "must be an object")
    if raw.get("__type"):
        raise body_failure(raw, target) or garbage(target, "an error without words")
    return raw

"""From the upstream: whole answers as canonical responses."""

from __future__ import annotations

from typing import Any

from lingate._dialects._check import Malformed
from lingate._dialects._dates import created_at
from lingate._dialects._failure import body_failure
from lingate._dialects.cohere.assistant import Reading, check_message, read_calls, read_message
from lingate._dialects.cohere.facts import NAME
from lingate._dialects.cohere.logprobs import canonical_logprobs
from lingate._dialects.cohere.usage import canonical_usage
from lingate._dialects.openai_chat.reading import decode_object, malformed, new_id, provider_failed
from lingate._dialects.openai_chat.reasons import ERROR, canonical_reason, settle
from lingate._model import Head, HttpRequest, JsonDict, Target
from lingate._wire.json import decode
from lingate.errors import BadRequestError, LingateError

_TOP = frozenset({"id", "message", "finish_reason", "usage", "logprobs"})


def read_chat(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    """A whole answer as a canonical response, and as it came.

    Raises:
        UpstreamError: The body is an error although the status says success.
        ProtocolError: It is not a message.
    """
    raw = decode_object(body, sent.target)
    message = raw.get("message")
    if not isinstance(message, dict):
        raise stated_error(raw, sent.target) or malformed(sent.target, "the answer has no message")
    native = raw.get("finish_reason")
    reason = canonical_reason(native)
    if reason == ERROR:
        raise provider_failed(sent.target, f"finish_reason {native}")
    choice: JsonDict = {"index": 0, "message": {}, "finish_reason": reason}
    choice["message"], choice["finish_reason"] = canonical_message(message, reason, sent)
    if isinstance(native, str):
        choice["native_finish_reason"] = native
    logprobs = canonical_logprobs(raw.get("logprobs"))
    if logprobs is not None:
        choice["logprobs"] = logprobs
    response: JsonDict = {
        "id": identity(raw.get("id")),
        "object": "chat.completion",
        "created": created_at(head),
        "model": sent.target.model,
        "choices": [choice],
        "usage": canonical_usage(raw.get("usage")),
    }
    extra = {name: value for name, value in raw.items() if name not in _TOP and value is not None}
    if extra:
        response["provider_specific_fields"] = {NAME: extra}
    return response, raw


def canonical_message(native: Any, reason: str | None, sent: HttpRequest) -> tuple[JsonDict, str]:
    """An assistant's message in canonical form, and why it ended.

    Raises:
        ProtocolError: It is no message.
    """
    try:
        check_message(native, "message")
    except Malformed as flaw:
        raise malformed(sent.target, f"the answer makes no sense: {flaw}") from None
    reading, calls = read_message(native), read_calls(native)
    answers = [call for call in calls if call["function"]["name"] == sent.answer_tool]
    if answers:
        calls = [call for call in calls if call["function"]["name"] != sent.answer_tool]
        reading.text, reading.kept, reading.annotations = answers[0]["function"]["arguments"], None, []
    for call in calls:
        call["id"] = call["id"] or new_id("call_")
    whole = all(is_whole(call["function"]["arguments"]) for call in calls)
    return _message(reading, calls), settle(reason, calls=bool(calls), whole=whole)


def is_whole(text: str) -> bool:
    """Whether the text is complete JSON."""
    try:
        decode(text)
    except ValueError:
        return False
    return True


def identity(given: Any) -> str:
    """The answer's id, or one of ours."""
    return given if isinstance(given, str) and given else new_id("chatcmpl-")


def stated_error(value: JsonDict, target: Target) -> LingateError | None:
    """The error in a body or event that has a message in words where an answer should be; None if it has none."""
    found, text = body_failure(value, target), value.get("message")
    if isinstance(text, str) and text:
        found = found or body_failure({"error": {"message": text}}, target)
        if type(found) is BadRequestError:
            # A request that was wrong would have been told so by its status.
            return provider_failed(target, text)
    return found


def _message(reading: Reading, calls: list[JsonDict]) -> JsonDict:
    message: JsonDict = {"role": "assistant", "content": reading.text or (None if calls else "")}
    if reading.reasoning:
        message["reasoning_content"] = reading.reasoning
    if calls:
        message["tool_calls"] = calls
    if reading.annotations:
        message["annotations"] = reading.annotations
    if reading.kept:
        message["provider_specific_fields"] = {NAME: reading.kept}
    return message

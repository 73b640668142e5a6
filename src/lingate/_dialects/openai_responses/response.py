# From the upstream: a whole answer as a canonical response. Token counts are here for both directions.

# Both formats are OpenAI's and count alike; only the names differ.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._answers import decode_object, garbage, new_id, provider_failed
from lingate._dialects._check import Malformed
from lingate._dialects._counts import unix
from lingate._dialects._failure import body_failure
from lingate._dialects._reading import take_answer
from lingate._dialects.openai_chat.usage import canonical_usage as repaired
from lingate._dialects.openai_responses.conversation import canonical_message
from lingate._dialects.openai_responses.facts import ANSWERED, ASKED, INCOMPLETE, NAME, PENDING
from lingate._dialects.openai_responses.items import Reading, asks_caller, check_items, read_items
from lingate._model import Head, HttpRequest, JsonDict, Target
from lingate._wire.shapes import as_dict, as_str, dig, not_null
from lingate.errors import LingateError

_NAMES = (
    ("input_tokens", "prompt_tokens"),
    ("input_tokens_details", "prompt_tokens_details"),
    ("output_tokens", "completion_tokens"),
    ("output_tokens_details", "completion_tokens_details"),
)
_TO_CANONICAL = dict(_NAMES)
_TO_NATIVE = {canonical: native for native, canonical in _NAMES}
_REQUIRED = (
    ("input_tokens_details", {"cached_tokens": 0, "cache_write_tokens": 0}),
    ("output_tokens_details", {"reasoning_tokens": 0}),
)


def canonical_usage(native: Any) -> JsonDict | None:
    # The counts in canonical form, inconsistent ones put right; None where the provider gave none.
    if not isinstance(native, dict) or not native:
        return None
    return repaired({_TO_CANONICAL.get(name, name): value for name, value in native.items() if value is not None})


def native_usage(usage: Any) -> JsonDict | None:
    # The counts in this format's names.
    # Those that the format requires are 0 where nobody said.
    if not isinstance(usage, dict) or not usage:
        return None
    counts: JsonDict = usage
    native = {_TO_NATIVE.get(name, name): value for name, value in counts.items() if value is not None}
    for group, required in _REQUIRED:
        native[group] = {**required, **not_null(as_dict(native.get(group)))}
    for name in ("input_tokens", "output_tokens"):
        native.setdefault(name, 0)
    native.setdefault("total_tokens", native["input_tokens"] + native["output_tokens"])
    return native


_NO_HEADERS: Mapping[str, str] = {}


def read_response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = decode_object(body, sent.target)
    error = failure_of(raw, sent.target, head.headers)
    if error is not None:
        raise error
    return canonical_response(raw, sent), raw


def failure_of(raw: JsonDict, target: Target, headers: Mapping[str, str] = _NO_HEADERS) -> LingateError | None:
    # The error that a decoded response stands for; None if it is an answer, be it a part of one.
    if raw.get("error"):
        return body_failure(raw, target, headers=headers) or provider_failed(target, "an error without a description")
    status = raw.get("status")
    if status in ("failed", "cancelled"):
        return provider_failed(target, f"status {status!r}")
    if not isinstance(raw.get("output"), list):
        return body_failure(raw, target, headers=headers)
    return None


def canonical_response(raw: JsonDict, sent: HttpRequest) -> JsonDict:
    # The canonical form of a decoded response that is no error.
    # `raw` is not changed.
    # Raises ProtocolError: it is not a response.
    items = raw.get("output")
    reading = read_output(items, sent)
    answer = take_answer(reading, sent.answer_tool)
    message = canonical_message(reading)
    if answer is not None:
        message["content"] = answer
    if (told := raw.get("reasoning")) and isinstance(told, str):  # mistral.rs
        message.setdefault("reasoning_content", told)
    assert isinstance(items, list)
    if keeps_items(reading, answer, sent):
        message["provider_specific_fields"] = {NAME: {"items": items}}
    choice: JsonDict = {
        "index": 0,
        "message": message,
        "finish_reason": finish_reason(raw, bool(reading.calls)),
        "native_finish_reason": native_reason(raw),
    }
    if reading.logprobs:
        choice["logprobs"] = {"content": reading.logprobs}
    return {
        "id": identity(raw),
        "object": "chat.completion",
        "created": unix(raw.get("created_at")),
        "model": model_of(raw, sent.target),
        "choices": [choice],
        "usage": canonical_usage(raw.get("usage")),
        **top_fields(raw, sent),
    }


def read_output(items: Any, sent: HttpRequest) -> Reading:
    # Read output items of the answer to a request.
    # Raises ProtocolError: they cannot be read.
    try:
        check_items(items, "output")
    except Malformed as flaw:
        raise garbage(sent.target, str(flaw)) from None
    return read_items(items, asks_caller(tools_of(sent)))


def tools_of(sent: HttpRequest) -> Any:
    own = sent.call.extra_body or {}
    return own["tools"] if "tools" in own else sent.call.body.get("tools")


def keeps_items(reading: Reading, answer: str | None, sent: HttpRequest) -> bool:
    # Whether the items stay beside the message: where it says less, and for clients of this very format.
    return answer is None and (not reading.exact or sent.call.operation == "responses")


def finish_reason(raw: JsonDict, has_calls: bool) -> str | None:
    # OpenAI's word for how an answer ended; None while it is still being made.
    # An answer with tool calls ends with `tool_calls`, unless it was cut short: a call whose arguments are incomplete
    # must not be executed.
    status = raw.get("status")
    if status in PENDING:
        return None
    if status == "incomplete":
        return INCOMPLETE.get(native_reason(raw), "length")
    return "tool_calls" if has_calls else "stop"


def native_reason(raw: JsonDict) -> str:
    # The provider's word for how the answer ended.
    reason = dig(raw, "incomplete_details", "reason")
    words = reason or raw.get("status") or "completed"
    return words if isinstance(words, str) else "completed"


def identity(raw: JsonDict) -> str:
    return as_str(raw.get("id")) or new_id("resp_")


def model_of(raw: JsonDict, target: Target) -> str:
    return as_str(raw.get("model")) or target.model


def top_fields(raw: JsonDict, sent: HttpRequest) -> JsonDict:
    # Fields of a response beside its output: all of them for clients of this very format, else what is news.
    exact = sent.call.operation == "responses"
    kept = {
        name: value
        for name, value in raw.items()
        if name != "output" and (exact or (value is not None and name not in ASKED and name not in ANSWERED))
    }
    fields: JsonDict = {"provider_specific_fields": {NAME: kept}} if kept else {}
    if isinstance(raw.get("service_tier"), str):
        fields["service_tier"] = raw["service_tier"]
    return fields

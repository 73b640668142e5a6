# From the upstream: whole answers, model lists and token counts as canonical dicts.

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

from lingate._dialects import _times
from lingate._dialects._answers import decoded, garbage, interrupted
from lingate._dialects._check import Malformed
from lingate._dialects._draft import keep
from lingate._dialects._failure import body_failure
from lingate._dialects._reading import canonical_message, take_answer
from lingate._dialects._redact import redact
from lingate._dialects._times import epoch
from lingate._dialects._vertex import region
from lingate._dialects.gemini.facts import BROKEN, FINISH, FINISH_NUMBERS, NAME
from lingate._dialects.gemini.grounding import url_citations
from lingate._dialects.gemini.joined import candidates_of, join_chunks, merge_extras
from lingate._dialects.gemini.parts import read_parts
from lingate._dialects.gemini.usage import canonical_logprobs, canonical_usage, has_counts
from lingate._model import Head, HttpRequest, JsonDict, Target
from lingate._wire.json import encode
from lingate._wire.shapes import as_str, dig, not_null, without
from lingate.errors import InternalServerError, LingateError

_PLAIN_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_TAKEN = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId"})


def read_answer(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # A whole answer, or a stream that came as a JSON array, as a canonical response; and as it came.
    target = sent.target
    raw = read_json(body, target)
    try:
        whole = raw
        if isinstance(raw, list):
            whole = join_chunks(raw)
            _check_whole(whole, target)
        return canonical_response(whole, sent, head), raw
    except Malformed as flaw:
        raise garbage(target, str(flaw)) from None


def _check_whole(joined: JsonDict, target: Target) -> None:
    # A stream is complete if each of its candidates is, whatever it came in.
    candidates = joined.get("candidates") or ()
    unfinished = not candidates or any(candidate.get("finishReason") is None for candidate in candidates)
    if unfinished and block_reason(joined) is None:
        raise interrupted(target)


def canonical_response(raw: JsonDict, sent: HttpRequest, head: Head) -> JsonDict:
    # Raises Malformed: it cannot be read; UpstreamError: the model failed.
    identity = answer_id(raw, head)
    model = raw.get("modelVersion")
    blocked = block_reason(raw)
    choices = [
        _choice(index, candidate, parts, identity, sent, finish_word(candidate.get("finishReason")) or blocked)
        for index, candidate, parts in candidates_of(raw)
    ]
    if not choices:
        if blocked is None:
            raise Malformed("candidates", "are missing, and nothing says why")
        choices = [blocked_choice(raw)]
    response: JsonDict = {
        "id": identity,
        "object": "chat.completion",
        "created": created_at(raw, head),
        "model": as_str(model) or sent.target.model,
        "choices": choices,
    }
    usage = raw.get("usageMetadata")
    if isinstance(usage, dict) and has_counts(usage):
        response["usage"] = {**canonical_usage(usage), **region(sent)}
    return keep(response, NAME, top_extras(raw))


def top_extras(raw: JsonDict) -> JsonDict:
    # Top-level fields that the canonical form has no name for.
    extra = not_null(raw, _TAKEN)
    if _PLAIN_TIME.fullmatch(as_str(extra.get("createTime"))):
        del extra["createTime"]  # `created` says the same
    usage = raw.get("usageMetadata")
    if isinstance(usage, dict) and usage and not has_counts(usage):
        extra["usageMetadata"] = usage  # what is no count has no place in `usage` by itself
    return extra


def _choice(
    index: int, candidate: JsonDict, parts: list[JsonDict], identity: str, sent: HttpRequest, native: str | None
) -> JsonDict:
    failed = broken_off(native, candidate.get("finishMessage"), sent.target)
    if failed is not None:
        raise failed
    reading = read_parts(parts, origin_of(identity, index))
    answer = take_answer(reading, sent.answer_tool)
    reason = finish_reason(native, bool(reading.calls))
    extra: JsonDict = {}
    merge_extras(extra, candidate)
    if candidate.get("finishMessage"):
        extra["finishMessage"] = candidate["finishMessage"]
    if answer is None and not reading.exact:
        extra["parts"] = parts
    message = {**canonical_message(reading, answer), **reading.media()}
    if answer is None:
        cited = url_citations(candidate, reading.text)
        if cited:
            message["annotations"] = cited
    if reason == "content_filter" and isinstance(candidate.get("finishMessage"), str):
        message["refusal"] = candidate["finishMessage"]
    keep(message, NAME, extra)
    choice: JsonDict = {"index": index, "message": message, "finish_reason": reason}
    logprobs = canonical_logprobs(candidate.get("logprobsResult"))
    if logprobs:
        choice["logprobs"] = logprobs
    if native is not None:
        choice["native_finish_reason"] = native
    return choice


def blocked_choice(raw: JsonDict) -> JsonDict:
    # The choice that stands for a prompt which was refused: there are no candidates then.
    message: JsonDict = {"role": "assistant", "content": ""}
    words = block_message(raw)
    if words:
        message["refusal"] = words
    return {
        "index": 0,
        "message": message,
        "finish_reason": "content_filter",
        "native_finish_reason": block_reason(raw),
    }


def block_reason(raw: JsonDict) -> str | None:
    # Why the prompt was refused; None if it was not.
    reason = dig(raw, "promptFeedback", "blockReason")
    return None if reason is None else str(reason)


def block_message(raw: JsonDict) -> str | None:
    # The words that go with it.
    return as_str(dig(raw, "promptFeedback", "blockReasonMessage")) or None


def finish_word(native: Any) -> str | None:
    # A finish reason as its name; some clients ask for numbers.
    if isinstance(native, int) and not isinstance(native, bool):
        return FINISH_NUMBERS[native] if 0 <= native < len(FINISH_NUMBERS) else "OTHER"
    return as_str(native) or None


def finish_reason(native: str | None, has_calls: bool) -> str:
    # OpenAI's word for a finish reason.
    # A message with tool calls ends with `tool_calls` whatever the provider calls it, as calls arrive whole; unless a
    # filter ended it, since its calls must not be executed then.
    reason = FINISH.get(native, "stop") if native is not None else "stop"
    if reason == "content_filter":
        return reason
    return "tool_calls" if has_calls else reason


def broken_off(native: str | None, words: Any, target: Target) -> LingateError | None:
    # The error for an answer that the model says it failed to write, which another try may do better; None for others.
    if native not in BROKEN:
        return None
    detail = redact(words, target.secrets) if isinstance(words, str) and words else None
    return InternalServerError(
        f"{target.provider}: the model's answer was broken off ({native})" + (f": {detail[:600]}" if detail else ""),
        provider=target.provider,
        model=target.model,
        code=native,
        detail=detail,
    )


def answer_id(raw: JsonDict, head: Head) -> str:
    # The answer's id.
    # Where the provider gave none it is made of the answer itself (or of a stream's first event) and its date: ids of tool
    # calls rest on it, so it must differ between the turns of a conversation.
    given = raw.get("responseId")
    if isinstance(given, str) and given:
        return given
    return f"resp_{sha256(encode(raw) + head.headers.get('date', '').encode()).hexdigest()[:20]}"


def origin_of(identity: str, index: int) -> str:
    # What makes the ids of one candidate's calls unique.
    return f"{index}_{identity}" if index else identity


def created_at(raw: JsonDict, head: Head) -> int:
    # When the answer was made: Vertex says it, elsewhere the `Date` header does. 0 if neither is there.
    return epoch(raw.get("createTime")) or _times.created_at(head)


def read_json(body: bytes, target: Target) -> Any:
    # Decode a JSON object, or a list of them, that is not an error.
    # Raises UpstreamError: it is an error; ProtocolError: it is neither.
    raw = decoded(body, target)
    if not isinstance(raw, (dict, list)):
        raise garbage(target, "must be an object")
    failed = hidden_error(raw, target)
    if failed is not None:
        raise failed
    return raw


def read_object(body: bytes, target: Target) -> JsonDict:
    # Decode a JSON object that is not an error.
    # Raises UpstreamError: it is an error; ProtocolError: it is not a JSON object.
    raw = read_json(body, target)
    if not isinstance(raw, dict):
        raise garbage(target, "must be an object")
    return raw


def hidden_error(raw: Any, target: Target) -> LingateError | None:
    # The error that an answer or event is, if it is one; Google sometimes wraps it in a list.
    if isinstance(raw, dict) and "candidates" in raw and not raw.get("error"):
        return None
    for item in raw if isinstance(raw, list) else (raw,):
        failed = body_failure(item, target) if isinstance(item, dict) else None
        if failed is not None:
            return failed
    return None


def read_count(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = read_object(body, sent.target)
    total = raw.get("totalTokens")
    if not isinstance(total, int) or isinstance(total, bool):
        raise garbage(sent.target, "totalTokens: must be a number")
    return {"input_tokens": total, **without(raw, ("totalTokens",))}, raw

# From the upstream: whole answers, model lists and token counts as canonical dicts.

from __future__ import annotations

from datetime import datetime
from typing import Any

from lingate._dialects._answers import block_reason, decoded, garbage, new_id, told_ids
from lingate._dialects._check import Malformed
from lingate._dialects._draft import keep
from lingate._dialects._failure import body_failure
from lingate._dialects._reading import canonical_message, take_answer
from lingate._dialects._times import created_at
from lingate._dialects._vertex import region
from lingate._dialects.anthropic.assistant import read_blocks
from lingate._dialects.anthropic.blocks import check_blocks
from lingate._dialects.anthropic.facts import FINISH, NAME
from lingate._dialects.anthropic.usage import canonical_usage
from lingate._model import Head, HttpRequest, JsonDict, Target
from lingate._wire.shapes import as_str, not_null, without

_MESSAGE_KEYS = frozenset({"id", "type", "role", "model", "content", "usage"})


def read_message(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = read_object(body, sent.target, head)
    return canonical_response(raw, sent, head), raw


def canonical_response(raw: JsonDict, sent: HttpRequest, head: Head) -> JsonDict:
    blocks = raw.get("content")
    if blocks is None and raw.get("stop_reason"):
        told = raw.get("completion")  # Anthropic's first format
        # Without any it is an empty answer, as servers written in Go say it.
        blocks = [{"type": "text", "text": told}] if isinstance(told, str) else []
    try:
        check_blocks(blocks, "content")
    except Malformed as flaw:
        raise garbage(sent.target, str(flaw)) from None
    assert isinstance(blocks, list)
    reading = read_blocks(blocks)
    given = identity(raw.get("id"), head)
    taken = told_ids(sent) if reading.calls else set()
    for n, call in enumerate(reading.calls):
        call["id"] = unique_id(call["id"] or f"{given}_{n}", taken)
    answer = take_answer(reading, sent.answer_tool)
    message = canonical_message(reading, answer)
    if answer is None and not reading.exact:
        message["provider_specific_fields"] = {NAME: {"content": blocks}}
    reason = raw.get("stop_reason")
    refusal = refusal_text(raw.get("stop_details")) if reason == "refusal" else None
    if refusal:
        message["refusal"] = refusal
    choice = {"index": 0, "message": message, "finish_reason": finish_reason(reason, bool(reading.calls))}
    if isinstance(reason, str):
        choice["native_finish_reason"] = reason
    usage = raw.get("usage")
    response: JsonDict = {
        "id": given,
        "object": "chat.completion",
        "created": created_at(head),
        "model": raw["model"] if isinstance(raw.get("model"), str) else sent.target.model,
        "choices": [choice],
    }
    if isinstance(usage, dict):
        response["usage"] = canonical_usage(usage) | region(sent)
    return keep(response, NAME, not_null(raw, _MESSAGE_KEYS))


def finish_reason(native: Any, has_calls: bool) -> str:
    return block_reason(native, FINISH, has_calls)


def refusal_text(details: Any) -> str | None:
    # Why the model refused, in the provider's words.
    if not isinstance(details, dict):
        return None
    words = details.get("explanation") or details.get("category")
    return words if isinstance(words, str) else None


def identity(given: Any, head: Head) -> str:
    # The answer's id; a host that gives none has at least a request id.
    return as_str(given) or head.headers.get("request-id") or new_id("msg_")


def unique_id(given: str, taken: set[str]) -> str:
    # The id of a call, or one of ours where it is taken: Kimi's endpoint gives calls at once the same (HKUDS/nanobot#4473).
    made = new_id("toolu_") if given in taken else given
    taken.add(made)
    return made


def read_count(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = read_object(body, sent.target, head)
    if not isinstance(raw.get("input_tokens"), int):
        raise garbage(sent.target, "input_tokens: must be a number")
    return dict(raw), raw


def read_models(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # A page of models as an OpenAI list; `has_more` and `last_id` say whether and where the next one begins.
    raw = read_object(body, sent.target, head)
    data = raw.get("data")
    if not isinstance(data, list) or not all(isinstance(m, dict) and isinstance(m.get("id"), str) for m in data):
        raise garbage(sent.target, "data: must be a list of models with an id")
    owner = sent.target.provider
    models = [{"owned_by": owner, **model, "object": "model", "created": _epoch(model)} for model in data]
    paging = without(raw, ("data", "object"))
    return {"object": "list", "data": models, **paging}, raw


def read_object(body: bytes, target: Target, head: Head) -> JsonDict:
    # Decode a JSON object that is not an error.
    # Raises UpstreamError: it is an error; ProtocolError: it is not a JSON object.
    raw = decoded(body, target)
    if not isinstance(raw, dict) or "content" not in raw or raw.get("type") == "error":
        error = body_failure(raw, target, head.status, head.headers)
        if error is not None or not isinstance(raw, dict):
            raise error or garbage(target, "must be an object")
    return raw


def _epoch(model: JsonDict) -> int:
    if isinstance(model.get("created"), int):
        return int(model["created"])
    try:
        return int(datetime.fromisoformat(model["created_at"]).timestamp())
    except (KeyError, TypeError, ValueError):
        return 0

# What readers of answers need, whatever the format: the decoded object, errors hidden in a success, ids, why answers end, vectors.

from __future__ import annotations

import base64
import os
import struct
from collections.abc import Mapping
from typing import Any

from lingate._dialects._redact import redact
from lingate._model import Head, HttpRequest, JsonDict, Target
from lingate._wire import json
from lingate._wire.shapes import as_dicts, as_list, as_str, dig
from lingate.errors import InternalServerError, LingateError, ProtocolError, StreamInterruptedError

_NO_HEADERS: Mapping[str, str] = {}


def new_id(prefix: str) -> str:
    # An id for something the provider left nameless; unique, so that a client can send it back.
    return prefix + os.urandom(12).hex()


def told_ids(sent: HttpRequest) -> set[str]:
    # Ids of the tool calls in the conversation so far.
    # Some count them anew in each answer: Kimi K3 at several hosts (fw-ai/fireconnect#16, vllm-project/vllm#50295). Claude
    # Code, which pairs results by id alone, then calls without end; Anthropic's API takes none twice.
    turns = as_dicts(sent.call.body.get("messages"))
    return {as_str(call.get("id")) for turn in turns for call in as_dicts(turn.get("tool_calls"))}


def body_failure(value: object, target: Target, headers: Mapping[str, str] = _NO_HEADERS) -> LingateError | None:
    # The error inside a decoded body or event, None if it is an ordinary one.
    from lingate._dialects import _failure  # the classifier is loaded by the first error

    return _failure.body_failure(value, target, headers=headers)


def malformed(target: Target, what: str) -> ProtocolError:
    # The error for bytes that are not of the format.
    return ProtocolError(f"{target.provider}: {what}", provider=target.provider, model=target.model)


def garbage(target: Target, why: str) -> ProtocolError:
    # The error for an answer that is not what the format promises.
    return malformed(target, f"the answer makes no sense: {why}")


def interrupted(target: Target) -> StreamInterruptedError:
    # The error for a stream whose bytes have ended too early.
    return StreamInterruptedError(
        "the stream ended before the answer was complete", provider=target.provider, model=target.model
    )


def decoded(body: bytes, target: Target) -> Any:
    # A body as the JSON value that it is.
    # Raises ProtocolError: it is none.
    try:
        return json.decode(body)
    except ValueError as error:
        raise garbage(target, str(error)) from None


def decode_object(body: bytes, target: Target) -> JsonDict:
    # The body as a JSON object.
    # Raises ProtocolError: it is empty, not JSON, or not an object; UpstreamError: it is a list that holds an error.
    try:
        value = json.decode(body)
    except ValueError as error:
        raise malformed(target, f"the answer is {error}" if body.strip() else "the answer has an empty body") from None
    if not isinstance(value, dict):
        raise not_an_object(value, target, "the answer")
    return value


def not_an_object(value: object, target: Target, what: str) -> LingateError:
    # The error for JSON that is no object: Google puts errors into a list, on its OpenAI surface too.
    return body_failure(value, target) or malformed(target, f"{what} is a JSON {type(value).__name__}, not an object")


def decode_list(body: bytes, target: Target, name: str, things: str) -> JsonDict:
    # The body as a JSON object, one that is a bare list under `name`.
    # Raises ProtocolError: it is not JSON, or neither of them.
    try:
        value = json.decode(body)
    except ValueError as error:
        raise malformed(target, f"the answer is {error}") from None
    if isinstance(value, list):
        return {name: value}
    if not isinstance(value, dict):
        raise malformed(target, f"the answer is not a list of {things}")
    return value


def hidden_error(value: JsonDict, target: Target, headers: Mapping[str, str] = _NO_HEADERS) -> LingateError | None:
    # The error that a body, chunk or choice holds although its status said success, if it holds one.
    if "error" not in value and "x_groq" not in value and "base_resp" not in value:
        return None
    given = value.get("error")
    groq = value.get("x_groq")
    if isinstance(groq, dict) and groq.get("error"):
        value = {"error": groq["error"]}  # where Groq reports errors in mid-stream
    elif not given and "base_resp" not in value:
        return None
    return body_failure(value, target, headers=headers)


def raise_hidden(value: JsonDict, target: Target, headers: Mapping[str, str]) -> None:
    # Raise the error that a body holds although its status said success, if it holds one.
    error = hidden_error(value, target, headers)
    if error is not None:
        raise error


def read_object(sent: HttpRequest, head: Head, body: bytes) -> JsonDict:
    # The answer as a JSON object that is no error.
    # Raises UpstreamError: the body is an error; ProtocolError: it is not a JSON object.
    raw = decode_object(body, sent.target)
    raise_hidden(raw, sent.target, head.headers)
    return raw


def provider_failed(target: Target, what: str) -> InternalServerError:
    # The error for an answer by which the provider says that it failed.
    what = redact(what, target.secrets, 200)
    return InternalServerError(
        f"{target.provider} answered with {what}", provider=target.provider, model=target.model, detail=what
    )


ERROR = "error"

# PROVIDERS.md section 3; the rest are words of other formats that OpenAI-shaped proxies let through.
_CANONICAL = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "complete": "stop",
    "completed": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_length": "length",
    "max_output_tokens": "length",
    "max_new_tokens": "length",
    "max_context_length": "length",
    "context_length": "length",
    "context_length_exceeded": "length",
    "token_limit": "length",
    "time_limit": "length",
    "incomplete": "length",
    "repetition": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "function_call",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "sensitive": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "image_safety": "content_filter",
    "model_armor": "content_filter",
    "prompt_blocked": "content_filter",
    "refusal": "content_filter",
    "error_toxic": "content_filter",
    "error_limit": "length",
    "user_cancel": ERROR,
    "error": ERROR,
    "failed": ERROR,
    "abort": ERROR,
    "aborted": ERROR,
    "cancelled": ERROR,
    "timeout": ERROR,
    "network_error": ERROR,
    "malformed_function_call": ERROR,
    "function_call_filter": ERROR,
    "malformed_response": ERROR,
    "unexpected_tool_call": ERROR,
    "server_error": ERROR,
    "insufficient_system_resource": ERROR,
}


def reason_of(choice: JsonDict, stops: Any) -> Any:
    # Why a choice ended, in the provider's word, or in Anthropic's if by one of the sequences that were asked for.
    reason = choice.get("finish_reason")
    if reason is None:
        return choice.get("stop_reason")  # of Mistral's models on Bedrock
    by = stopped_by(choice) if reason == "stop" and stops else ""
    return "stop_sequence" if by and by in ([stops] if isinstance(stops, str) else as_list(stops)) else reason


def stopped_by(choice: JsonDict) -> str:
    # The stop sequence that ended a choice, as vLLM and SGLang tell it, each in its own field; "" for a token's number.
    return as_str(choice.get("stop_reason")) or as_str(choice.get("matched_stop"))


def canonical_reason(native: Any) -> str | None:
    # OpenAI's word, `error` for an answer that failed, None where the provider gave no reason.
    # A word nobody has explained counts as `stop`: the provider did end the answer on purpose.
    if not native or not isinstance(native, str):
        return None
    if native in _CANONICAL:
        return _CANONICAL[native]
    # Google's OpenAI surface says `content_filter: PROHIBITED_CONTENT`.
    kind, _, detail = native.lower().replace("-", "_").partition(": ")
    return _CANONICAL.get(kind) or _CANONICAL.get(detail, "stop")


def unsaid_reason(sent: HttpRequest, usage: Any, choices: int) -> str | None:
    # Why an answer ended whose provider gave no reason: `length` where it has all the tokens it may have.
    # Recorded of xAI's models at OpenRouter. Tokens are counted over all choices.
    asked = sent.call.body
    most, made = asked.get("max_completion_tokens") or asked.get("max_tokens"), dig(usage, "completion_tokens")
    cut = choices == 1 and isinstance(most, int) and isinstance(made, int) and made >= most
    return "length" if cut else None


def block_reason(native: Any, words: Mapping[str, str], calls: bool) -> str:
    # OpenAI's word for why an answer of blocks ended, by a format's own words or those of the model's maker.
    # A message with tool calls ends with `tool_calls` whatever the provider calls it, unless it was cut short: a call
    # whose arguments are incomplete must not be executed.
    reason = words.get(native) or canonical_reason(native) if isinstance(native, str) else "stop"
    if reason in ("length", "content_filter"):
        return reason
    return "tool_calls" if calls else "stop"


def settle(reason: str | None, *, calls: bool, legacy: bool = False, whole: bool = True) -> str:
    # The reason a choice ends with, once it is known what the choice holds.
    # A choice with tool calls ends with `tool_calls` whatever the provider called it: hosts execute calls on that word
    # only. The exceptions are answers cut inside a call (`whole` is false: its arguments are not JSON) and filtered
    # ones, whose calls must not be executed.
    # `calls`: the choice holds calls that the caller is to execute.
    # `whole`: the arguments of all calls are complete JSON.
    if reason == "content_filter":
        return reason
    if not calls:
        return "length" if reason == "length" else "stop"
    if reason == "length" and not whole:
        return reason
    return "function_call" if legacy else "tool_calls"


def shown_vector(vector: Any, sent: HttpRequest) -> Any:
    # A vector as base64 of little-endian single floats, if that was asked for and it is numbers.
    # OpenAI's own clients ask for it by default, and some take whatever comes for it: vectors a quarter as long.
    # Raises ProtocolError: a number is too large for that.
    if type(vector) is not list or sent.call.body.get("encoding_format") != "base64":
        return vector
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except struct.error:
        return vector  # no plain vector
    except OverflowError as flaw:
        raise garbage(sent.target, str(flaw)) from None


def embeddings(vectors: list[Any], sent: HttpRequest) -> list[JsonDict]:
    return [
        {"object": "embedding", "index": n, "embedding": shown_vector(vector, sent)} for n, vector in enumerate(vectors)
    ]

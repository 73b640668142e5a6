# A whole answer of the upstream as the canonical response.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import (
    ERROR,
    body_failure,
    canonical_reason,
    decode_object,
    hidden_error,
    malformed,
    new_id,
    provider_failed,
    raise_hidden,
    reason_of,
    settle,
    told_ids,
    unsaid_reason,
)
from lingate._dialects._counts import integer, unix
from lingate._dialects.openai_chat.content import (
    REASONING_NAMES,
    THOUGHT,
    Parts,
    read_parts,
    read_reasoning,
    split_think,
    split_thought,
)
from lingate._dialects.openai_chat.usage import canonical_usage
from lingate._model import Head, HttpRequest, JsonDict, Target
from lingate._wire import json
from lingate._wire.plain import is_plain_answer
from lingate._wire.shapes import as_dict, as_list, as_str, dig, without


def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    target = sent.target
    raw = decode_object(body, target)
    if not target.traits.get("think_tags") and is_plain_answer(raw):
        return {**raw, "choices": raw["choices"].copy()}, raw
    raise_hidden(raw, target, head.headers)
    return canonical_response(raw, sent), raw


def canonical_response(raw: JsonDict, sent: HttpRequest) -> JsonDict:
    # The canonical form of a decoded chat completion, which is not changed.
    # Raises UpstreamError: a choice says that it failed; ProtocolError: it is not a chat completion.
    target = sent.target
    choices = raw.get("choices")
    if not isinstance(choices, list) or not choices:
        raise body_failure(raw, target) or malformed(target, "the answer has no choices")
    canonical = raw.copy()
    canonical["object"] = "chat.completion"
    if not raw.get("id") or not isinstance(raw["id"], str):
        canonical["id"] = new_id("chatcmpl-")
    canonical["created"] = unix(raw.get("created"))
    if not raw.get("model") or not isinstance(raw["model"], str):
        canonical["model"] = target.model
    usage = raw.get("usage")
    if not usage and isinstance(raw.get("x_groq"), dict):
        usage = raw["x_groq"].get("usage")
    unsaid = unsaid_reason(sent, usage, len(choices))
    canonical["choices"] = [_choice(choice, at, sent, unsaid) for at, choice in enumerate(_joined(choices, sent))]
    canonical["usage"] = canonical_usage(usage)
    return canonical


def _joined(choices: list[Any], sent: HttpRequest) -> list[Any]:
    # The choices; one where the text and each tool call of a single answer have their own (GitHub Copilot).
    # Such choices all end for the calls, and have no numbers.
    first = choices[0]
    if len(choices) == 1 or sent.call.body.get("n", 1) not in (1, None):
        return choices
    if any(dig(choice, "finish_reason") != "tool_calls" or "index" in choice for choice in choices):
        return choices
    messages = [as_dict(choice.get("message")) for choice in choices]
    said = [message["content"] for message in messages if message.get("content")]
    calls = [call for message in messages for call in as_list(message.get("tool_calls"))]
    if not calls or len(said) > 1 or not all(messages):
        return choices
    return [{**first, "message": {**messages[0], "content": said[0] if said else None, "tool_calls": calls}}]


def _choice(raw: Any, at: int, sent: HttpRequest, unsaid: str | None) -> JsonDict:
    target = sent.target
    if not isinstance(raw, dict):
        raise malformed(target, f"choices[{at}] is not an object")
    # `messages` are there where the provider used tools of its own; the last is the answer.
    message = raw.get("message") or raw.get("delta") or next(iter(as_list(raw.get("messages"))[-1:]), None)
    native = reason_of(raw, sent.call.body.get("stop"))
    if message is None and native and isinstance(native, str):
        message = {}  # Google's OpenAI surface has none where a filter left nothing of the answer
    if not isinstance(message, dict):
        raise malformed(target, f"choices[{at}] has no message")
    reason = canonical_reason(native) or unsaid
    if raw.get("error") or reason == ERROR:
        raise hidden_error(raw, target) or provider_failed(target, f"finish_reason {native!r}")
    choice = dict(raw)
    index = integer(raw.get("index"))
    choice["index"] = at if index is None else index
    told, message = message, canonical_message(message, sent)
    choice["message"] = message
    logprobs = raw.get("logprobs")
    if logprobs:
        choice["logprobs"] = {name: _objects(value) for name, value in as_dict(logprobs).items()} or None
    calls = message.get("tool_calls")
    if not calls and not message.get("content") and _is_asked_for(message.get("reasoning_content"), sent):
        message["content"] = message.pop("reasoning_content")
    legacy = not calls and isinstance(message.get("function_call"), dict)
    whole = reason != "length" or _is_whole(told)
    choice["finish_reason"] = settle(reason, calls=bool(calls) or legacy, legacy=legacy, whole=whole)
    if native and native != choice["finish_reason"]:
        choice.setdefault("native_finish_reason", native)
    return choice


def canonical_message(raw: JsonDict, sent: HttpRequest) -> JsonDict:
    # The canonical form of an assistant message, as a new dict.
    message = dict(raw)
    message["role"] = as_str(raw.get("role")) or "assistant"
    _read_content(raw, message, sent.target)
    calls = raw.get("tool_calls")
    if calls is not None:
        _read_calls(calls, message, sent)
    for name in ("function_call", "audio"):
        given = raw.get(name)
        if given is not None and not (isinstance(given, dict) and any(given.values())):
            del message[name]  # an object of empty strings is how servers written in Go say null
    # What is of the wrong kind says nothing to anybody; the body as it came still has it.
    for name in ("refusal", "reasoning_content"):
        if not isinstance(message.get(name), str | None):
            del message[name]
    for name in ("annotations", "images", "thinking_blocks"):
        if message.get(name):
            message[name] = _objects(message[name]) or []
    if isinstance(message.get("function_call"), dict):
        message["function_call"] = _function(message["function_call"], sent.target)
    return message


def _objects(value: Any) -> list[JsonDict] | None:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else None


def _read_content(raw: JsonDict, message: JsonDict, target: Target) -> None:
    # Text and reasoning, wherever the provider put them.
    content = raw.get("content")
    parts = Parts([], [])
    if isinstance(content, list):
        parts = read_parts(content)
        content = parts.text
    elif content is not None and not isinstance(content, str):
        # Some hosts decode what is JSON: an object where a schema was asked for, a number where it is all of the text.
        content = json.encode_str(content)
    reasoning, blocks = read_reasoning(raw)
    reasoning = reasoning or parts.reasoning
    if content and target.traits.get("think_tags"):
        thought, content = split_think(content)
        reasoning = reasoning or thought
    if content and raw.get("extra_content") == THOUGHT and content.startswith("<thought>"):
        thought, content = split_thought(content)
        reasoning = reasoning or thought
        del message["extra_content"]
    message["content"] = content
    for name in REASONING_NAMES[1:]:
        if name in message and not isinstance(message[name], dict):
            del message[name]
    if reasoning:
        message["reasoning_content"] = reasoning
    if blocks or parts.blocks:
        message["thinking_blocks"] = blocks or parts.blocks
    if parts.others:
        message["provider_specific_fields"] = {
            **as_dict(raw.get("provider_specific_fields")),
            "content": parts.others,
        }


def _read_calls(raw: Any, message: JsonDict, sent: HttpRequest) -> None:
    if isinstance(raw, dict) and "function" in raw:
        raw = [raw]
    if not isinstance(raw, list):
        raise malformed(sent.target, f"tool_calls is a {type(raw).__name__}, not a list")
    calls = [_call(call, sent.target) for call in raw]
    taken = told_ids(sent)
    for call in calls:
        if call["id"] in taken:
            call["id"] = new_id("call_")  # two of one id could not be answered
        taken.add(call["id"])
    if sent.answer_tool is not None:
        answers = [call for call in calls if _name(call) == sent.answer_tool]
        if answers:
            message["content"] = answers[0]["function"]["arguments"]
            calls = [call for call in calls if _name(call) != sent.answer_tool]
    if calls:
        message["tool_calls"] = calls
    else:
        del message["tool_calls"]


def _name(call: JsonDict) -> Any:
    return dig(call, "function", "name")


def _call(raw: Any, target: Target) -> JsonDict:
    if not isinstance(raw, dict):
        raise malformed(target, "a tool call is not an object")
    kind, function = called(raw)
    call = without(raw, {"function", "custom"})
    ident, named = raw.get("id"), raw.get("type")
    call["id"] = as_str(ident) or new_id("call_")
    call["type"] = as_str(named) or kind
    call[kind] = _custom(function, target) if kind == "custom" else _function(function, target)
    return call


def _custom(raw: JsonDict, target: Target) -> JsonDict:
    if not isinstance(raw.get("name"), str):
        raise malformed(target, "a tool call has no name")
    text = raw.get("input") or ""
    return raw if isinstance(text, str) else {**raw, "input": json.encode_str(text)}


def called(call: JsonDict) -> tuple[str, JsonDict]:
    # What a tool call or a piece of one calls: `function` or `custom`, and its object.
    # Servers written in Go send both, one of them with empty strings.
    function, custom = call.get("function"), call.get("custom")
    if isinstance(custom, dict) and not (isinstance(function, dict) and any(function.values())):
        return "custom", custom
    return "function", as_dict(function)


def _function(raw: JsonDict, target: Target) -> JsonDict:
    if not isinstance(raw.get("name"), str) or not raw["name"]:
        raise malformed(target, "a tool call has no function name")
    return {**raw, "arguments": arguments_text(raw.get("arguments"))}


def arguments_text(raw: Any) -> str:
    # A call's arguments as JSON text, however they were sent; none at all is an empty object.
    if isinstance(raw, str):
        # What streams begin with at some hosts stays there where such a stream was put together (recorded).
        raw = raw[2:] if raw.startswith("{}{") else raw
        return raw if raw.strip() not in ("", "null") else "{}"
    return "{}" if raw is None else json.encode_str(raw)


def _is_whole(message: JsonDict) -> bool:
    # The arguments of every call are complete JSON. No arguments at all are arguments that did not come.
    calls = message.get("tool_calls") or {"function": message.get("function_call")}
    for kind, function in map(called, calls if isinstance(calls, list) else [calls]):
        arguments = function.get("arguments", "")
        if kind != "custom" and (arguments is None or (isinstance(arguments, str) and not json.is_json(arguments))):
            return False
    return True


def _is_asked_for(thought: str | None, sent: HttpRequest) -> bool:
    # Whether this is the JSON that was asked for: vLLM's parsers take it for reasoning where the model did not think
    # (vllm-project/vllm#48863, #50948).
    asks = as_str(dig(sent.call.body, "response_format", "type")).startswith("json_")
    return asks and thought is not None and thought[:1] == "{" and json.is_json(thought)

"""As a face: canonical answers as this format's bodies."""

from __future__ import annotations

from typing import Any

from lingate._dialects._draft import native_fields
from lingate._dialects._faults import openai_error
from lingate._dialects.cohere.assistant import kept_fields
from lingate._dialects.cohere.citations import citations_of
from lingate._dialects.cohere.content import content_text
from lingate._dialects.cohere.facts import FINISH, NAME
from lingate._dialects.cohere.logprobs import native_logprobs
from lingate._dialects.cohere.usage import native_usage
from lingate._dialects.openai_chat.reasons import canonical_reason
from lingate._model import JsonDict
from lingate._wire.json import encode
from lingate.errors import LingateError


def render_chat(response: JsonDict) -> bytes:
    """A canonical response. The format has one answer, so only the first choice is shown."""
    choices = response.get("choices") or [{}]
    choice = choices[0]
    wire: JsonDict = {
        "id": response.get("id") or "",
        "finish_reason": finish_word(choice.get("finish_reason"), choice.get("native_finish_reason")),
        "message": _message(choice.get("message") or {}),
    }
    usage = native_usage(response.get("usage"))
    if usage is not None:
        wire["usage"] = usage
    logprobs = native_logprobs(choice.get("logprobs"))
    if logprobs:
        wire["logprobs"] = logprobs
    return encode({**native_fields(response, NAME), **wire})


def finish_word(reason: Any, native: Any) -> str:
    """The format's word for a finish reason: the provider's own if it means the same."""
    if isinstance(native, str) and native.isupper() and canonical_reason(native) == reason:
        return native
    return FINISH.get(reason, "COMPLETE") if isinstance(reason, str) else "COMPLETE"


def render_error(error: LingateError) -> tuple[int, bytes]:
    """Status and body of an error of ours."""
    status, body = openai_error(error)
    return status, encode({"message": body["error"]["message"]})


def _message(message: JsonDict) -> JsonDict:
    wire: JsonDict = {"role": "assistant"}
    kept = kept_fields(message)
    wire.update(_made(message) if kept is None else kept)
    if isinstance(wire.get("content"), str):
        wire["content"] = [{"type": "text", "text": wire["content"]}]
    calls = [_call(call) for call in message.get("tool_calls") or ()]
    if calls:
        wire["tool_calls"] = calls
    return wire


def _made(message: JsonDict) -> JsonDict:
    text = content_text(message.get("content")) or message.get("refusal") or ""
    reasoning, calls = message.get("reasoning_content"), message.get("tool_calls")
    made: JsonDict = {}
    content = [{"type": "text", "text": text}] if text or not calls else []
    if reasoning and calls:
        made["tool_plan"] = reasoning
    elif reasoning:
        content.insert(0, {"type": "thinking", "thinking": reasoning})
    if content:
        made["content"] = content
    citations = citations_of(message.get("annotations"), text)
    if citations:
        made["citations"] = citations
    return made


def _call(call: JsonDict) -> JsonDict:
    function = call.get("function") or call.get("custom") or {}
    arguments = function.get("arguments", function.get("input"))
    given = {"name": function.get("name") or "", "arguments": arguments or "{}"}
    return {"id": call.get("id") or given["name"], "type": "function", "function": given}

"""As a face: canonical answers as this format's bodies."""

from __future__ import annotations

from typing import Any

from lingate._dialects._arguments import shown_arguments
from lingate._dialects._counts import integer
from lingate._dialects._dates import rfc3339
from lingate._dialects._draft import native_fields
from lingate._dialects._faults import openai_error
from lingate._dialects.ollama.facts import NAME
from lingate._model import JsonDict
from lingate._wire.json import encode
from lingate.errors import LingateError


def render_chat(response: JsonDict) -> bytes:
    """A canonical response as an answer of `/api/chat`. Only the first choice is shown: the format has one."""
    choice = _choice(response)
    message = choice.get("message") or {}
    native: JsonDict = {"role": "assistant", "content": _text(message)}
    if message.get("reasoning_content"):
        native["thinking"] = message["reasoning_content"]
    calls = [wire_call(call, n) for n, call in enumerate(message.get("tool_calls") or ())]
    if calls:
        native["tool_calls"] = calls
    native.update(native_fields(message, NAME))
    return encode({**_head(response), "message": native, **_tail(response, choice)})


def render_generate(response: JsonDict) -> bytes:
    """A canonical response as an answer of `/api/generate`."""
    choice = _choice(response)
    message = choice.get("message") or {}
    wire = {**_head(response), "response": _text(message)}
    if message.get("reasoning_content"):
        wire["thinking"] = message["reasoning_content"]
    return encode({**wire, **_tail(response, choice)})


def render_error(error: LingateError) -> tuple[int, bytes]:
    """Status and body of an error of ours."""
    status, body = openai_error(error)
    return status, encode({"error": body["error"]["message"]})


def wire_call(call: JsonDict, index: int) -> JsonDict:
    """A canonical tool call, whose arguments become an object."""
    function = call.get("function") or call.get("custom") or {}
    given = shown_arguments(function.get("arguments", function.get("input")))
    wire = {"function": {"index": index, "name": function.get("name") or "", "arguments": given}}
    return {"id": call["id"], **wire} if call.get("id") else wire


def done_reason(finish: Any, native: Any) -> str:
    """The format's word for why an answer ended."""
    if finish == "length":
        return "length"
    return native if native in ("stop", "load", "unload") else "stop"


def counts(usage: Any) -> JsonDict:
    """Token counts under this format's names."""
    usage = usage if isinstance(usage, dict) else {}
    found = {
        "prompt_eval_count": integer(usage.get("prompt_tokens")),
        "eval_count": integer(usage.get("completion_tokens")),
    }
    return {name: count for name, count in found.items() if count is not None}


def wire_logprobs(logprobs: Any) -> JsonDict:
    """OpenAI's `logprobs` as a field of an answer or line; nothing where there are none."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return {"logprobs": content} if isinstance(content, list) and content else {}


def _choice(response: JsonDict) -> JsonDict:
    choices = response.get("choices") or [{}]
    first: JsonDict = choices[0]
    return first


def _text(message: JsonDict) -> str:
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content or message.get("refusal") or ""


def _head(response: JsonDict) -> JsonDict:
    return {"model": response.get("model") or "", "created_at": rfc3339(response.get("created"))}


def _tail(response: JsonDict, choice: JsonDict) -> JsonDict:
    reason = done_reason(choice.get("finish_reason"), choice.get("native_finish_reason"))
    told = {"done": True, "done_reason": reason, **counts(response.get("usage"))}
    return {**native_fields(response, NAME), **told, **wire_logprobs(choice.get("logprobs"))}

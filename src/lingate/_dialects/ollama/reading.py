"""From the upstream: what answers and lines of streams have in common."""

from __future__ import annotations

from hashlib import blake2b

from lingate._dialects._arguments import arguments_text
from lingate._dialects._counts import integer
from lingate._dialects._failure import body_failure
from lingate._dialects.ollama.facts import PLACEHOLDER
from lingate._dialects.openai_chat.reading import malformed, new_id, provider_failed
from lingate._model import JsonDict, Target
from lingate.errors import BadRequestError, LingateError

_TOP = frozenset(
    {
        "model",
        "created_at",
        "message",
        "response",
        "thinking",
        "tool_calls",
        "done",
        "done_reason",
        "prompt_eval_count",
        "eval_count",
        "logprobs",
    }
)
_MESSAGE = frozenset({"role", "content", "thinking", "tool_calls"})


def message_of(raw: JsonDict, target: Target) -> JsonDict:
    """The message inside an answer or line: `/api/chat` has one, `/api/generate` has its fields at the top.

    Raises:
        ProtocolError: There is none, or a field of it has the wrong type.
    """
    message = raw.get("message")
    if message is None and "response" in raw:
        message = {"content": raw["response"], "thinking": raw.get("thinking"), "tool_calls": raw.get("tool_calls")}
    if message is None and raw.get("done") is True:
        message = {}
    if not isinstance(message, dict):
        raise malformed(target, "the answer has no message")
    for name, kind in (("content", str), ("thinking", str), ("tool_calls", list)):
        if message.get(name) is not None and not isinstance(message[name], kind):
            raise malformed(target, f"a message's {name} is a {type(message[name]).__name__}")
    return message


def calls_of(message: JsonDict, seed: str, first: int, target: Target) -> list[JsonDict]:
    """Tool calls in canonical form. Older servers give them no ids: then these are made of when and where they came.

    Args:
        message: A checked message.
        seed: What tells this answer from others.
        first: How many calls the answer has had before.
        target: Who answered.

    Raises:
        ProtocolError: One is not a call.
    """
    calls = []
    for n, call in enumerate(message.get("tool_calls") or ()):
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str) or not name:
            raise malformed(target, "a tool call has no function name")
        given = call.get("id")
        ident = given if isinstance(given, str) and given else made_id(PLACEHOLDER, seed, str(first + n))
        text = arguments_text(function.get("arguments"))
        calls.append({"id": ident, "type": "function", "function": {"name": name, "arguments": text}})
    return calls


def made_id(prefix: str, *parts: str) -> str:
    """An id that is the same whenever it is made of the same parts; a random one where there are none."""
    if not any(parts):
        return new_id(prefix)
    return prefix + blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=12).hexdigest()


def seed_of(raw: JsonDict) -> str:
    """What tells one answer from another: its time, which has nanoseconds."""
    created = raw.get("created_at")
    return f"{raw.get('model')} {created}" if isinstance(created, str) and created else ""


def usage_of(raw: JsonDict) -> JsonDict | None:
    """Token counts; None where there are none. With a warm cache older servers leave out those of the prompt."""
    read, written = integer(raw.get("prompt_eval_count")), integer(raw.get("eval_count"))
    counts = {"prompt_tokens": read, "completion_tokens": written}
    if read is not None and written is not None:
        counts["total_tokens"] = read + written
    return {name: count for name, count in counts.items() if count is not None} or None


def logprobs_of(raw: JsonDict) -> JsonDict | None:
    """Log-probabilities as OpenAI has them, whose entries always have bytes and alternatives."""
    items = raw.get("logprobs")
    items = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return {"content": [_logprob(item) for item in items], "refusal": None} if items else None


def extras_of(raw: JsonDict, message: JsonDict) -> tuple[JsonDict, JsonDict]:
    """Fields without a canonical name: of the answer, and of the message."""
    top = {name: value for name, value in raw.items() if name not in _TOP and value is not None}
    inner = {name: value for name, value in message.items() if name not in _MESSAGE and value}
    return top, inner


def error_of(raw: JsonDict, target: Target) -> LingateError | None:
    """The error that a body or line holds, if it holds one.

    In mid-stream there is no status (older servers) and mostly no code; what is not about the request is the server's.
    """
    given = raw.get("error")
    if not given:
        return None
    found = body_failure(raw, target)
    if found is None or type(found) is BadRequestError:
        words = given if isinstance(given, str) else "an error without a description"
        status = integer(raw.get("status"))
        return found if found is not None and status is not None and status < 500 else provider_failed(target, words)
    return found


def _logprob(item: JsonDict) -> JsonDict:
    token = item.get("token")
    token = token if isinstance(token, str) else ""
    others = item.get("top_logprobs")
    others = [_logprob(other) for other in others if isinstance(other, dict)] if isinstance(others, list) else []
    made: JsonDict = {"bytes": list(token.encode("utf-8", "surrogatepass")), **item, "token": token}
    if "top_logprobs" in item or others:
        made["top_logprobs"] = others
    return made

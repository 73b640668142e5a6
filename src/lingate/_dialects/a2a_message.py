# Agents that speak A2A: JSON-RPC's `message/send` and `message/stream` (https://a2a-protocol.org, version 0.3).

# The base URL is the agent's own; the model is a name for it only. What it answers may be a message, or a task with artifacts.

from __future__ import annotations

from typing import Any
from uuid import uuid4

from lingate._dialects._answers import malformed, provider_failed, read_object
from lingate._dialects._base import Dialect
from lingate._dialects._params import CHAT_FIELDS, write_rest
from lingate._dialects._texts import TextForm, TextStream, answer, begin, choice_of, question_of, refuse_limits, send
from lingate._dialects.openai_chat.face import render_error
from lingate._model import Call, Event, Head, HttpRequest, JsonDict, Target
from lingate._wire.shapes import dig

_FAILED = frozenset({"failed", "rejected", "canceled", "auth-required"})
_OPEN = frozenset({"submitted", "working"})


def chat_request(call: Call, target: Target) -> HttpRequest:
    # One message, and its answer.
    draft = begin(call, target)
    refuse_limits(draft, "the agent decides on it")
    asked: JsonDict = {name: draft.asked.pop(name) for name in ("contextId", "taskId") if name in draft.asked}
    text = question_of(draft)
    write_rest(draft, CHAT_FIELDS)
    message: JsonDict = {
        "kind": "message",
        "role": "user",
        "parts": [{"kind": "text", "text": text}],
        "messageId": str(uuid4()),
        **asked,
    }
    body: JsonDict = {
        "jsonrpc": "2.0",
        "id": str(uuid4()),
        "method": "message/stream" if call.stream else "message/send",
        "params": {"message": message, **draft.body},
    }
    return send(draft, target.url, body, {"accept": "text/event-stream"} if call.stream else None)


def read_chat(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = read_object(sent, head, body)
    result = raw.get("result")
    if not isinstance(result, dict):
        raise malformed(sent.target, "the answer has no result")
    state = _state(result)
    if state in _FAILED or state in _OPEN:
        raise provider_failed(sent.target, f"a task that is {state}: {_status_text(result)}")
    text = _parts(result) or _artifacts(result) or _status_text(result)
    facts = {name: result[name] for name in ("contextId", "taskId") if isinstance(result.get(name), str)}
    return answer(sent, [choice_of(text, None)], None, {**facts, "id": _id(result)}), raw


class _Stream(TextStream):
    # Ends with a message, or with the status of the task that is final; its text counts where no artifact had one.

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        value = self.value(data)
        result = dig(value, "result")
        if not isinstance(result, dict):
            raise malformed(self._sent.target, "a stream event has no result")
        self.start(value, out, _id(result))
        kind, state = result.get("kind"), _state(result)
        if state in _FAILED:
            raise provider_failed(self._sent.target, f"a task that is {state}: {_status_text(result)}")
        if kind == "artifact-update":
            self.say(_parts(result.get("artifact")), value, out)
        elif kind == "message":
            self.say(_parts(result), value, out)
            self.complete(None, value, out)
        elif kind == "task" and state is not None and state not in _OPEN:
            self.say("" if self.spoken else _artifacts(result) or _status_text(result), value, out)
            self.complete(None, value, out)
        elif kind == "status-update" and result.get("final") is True:
            self.say("" if self.spoken else _status_text(result), value, out)
            self.complete(None, value, out)


def _id(result: JsonDict) -> str | None:
    found = (result.get(name) for name in ("messageId", "taskId", "id"))
    return next((item for item in found if isinstance(item, str) and item), None)


def _parts(holder: Any) -> str:
    parts: Any = dig(holder, "parts")
    texts = (part.get("text") for part in parts if isinstance(part, dict)) if isinstance(parts, list) else ()
    return "".join(text for text in texts if isinstance(text, str))


def _artifacts(result: JsonDict) -> str:
    found: Any = result.get("artifacts")
    return "\n".join(filter(None, map(_parts, found))) if isinstance(found, list) else ""


def _state(result: JsonDict) -> str | None:
    state = dig(result, "status", "state")
    return state if isinstance(state, str) else None


def _status_text(result: JsonDict) -> str:
    status: Any = result.get("status")
    return _parts(status.get("message")) if isinstance(status, dict) else ""


DIALECT = Dialect(
    name="a2a_message", operations={"chat": TextForm(chat_request, read_chat, _Stream)}, render_error=render_error
)

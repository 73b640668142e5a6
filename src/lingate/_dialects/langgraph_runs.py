# A LangGraph server's runs without a thread: messages in, the agent's last message out.

# https://docs.langchain.com/langgraph-platform/api-ref. An agent runs its own tools; how it is set up is `config`.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import malformed, read_object
from lingate._dialects._base import Dialect
from lingate._dialects._envelope import join_url
from lingate._dialects._params import CHAT_FIELDS, write_rest
from lingate._dialects._reading import text_of
from lingate._dialects._texts import TextForm, TextStream, answer, begin, choice_of, counts, refuse_limits, send
from lingate._dialects.openai_chat.face import render_error
from lingate._model import Call, Event, Head, HttpRequest, JsonDict, Target
from lingate._wire.shapes import as_list

_ROLES = {"user": "human", "assistant": "ai", "system": "system", "developer": "system", "tool": "tool"}
_SPOKEN = frozenset({"ai", "assistant", "AIMessage", "AIMessageChunk"})


def chat_request(call: Call, target: Target) -> HttpRequest:
    # `POST /runs/wait`, or `/runs/stream`.
    draft = begin(call, target)
    refuse_limits(draft, "the agent decides on it")
    if "assistant_id" in draft.asked:
        draft.refuse("assistant_id", "the model is the agent")
    messages = draft.asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise draft.broken("messages", "must be a list that is not empty")
    metadata = draft.asked.pop("metadata", None)
    write_rest(draft, CHAT_FIELDS | {"assistant_id"})
    body: JsonDict = {
        "assistant_id": target.model,
        "input": {"messages": list(map(_message, messages))},
        **({"metadata": metadata} if metadata else {}),
        **draft.body,
    }
    if call.stream:
        body.setdefault("stream_mode", "messages-tuple")
    return send(draft, join_url(target.url, "/runs/stream" if call.stream else "/runs/wait", ""), body)


def read_chat(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = read_object(sent, head, body)
    values = raw.get("values")
    messages = (values if isinstance(values, dict) else raw).get("messages")
    spoken = [item for item in as_list(messages) if _is_spoken(item)]
    if not spoken:
        raise malformed(sent.target, "the answer has no message of the agent")
    last = spoken[-1]
    facts = {"id": last["id"]} if isinstance(last.get("id"), str) else {}
    return answer(sent, [choice_of(text_of(last.get("content")), _reason(last))], _usage(last), facts), raw


class _Stream(TextStream):
    # The run ends with the event `end`, or, from servers that send none, after a message that gives a reason for its end.

    def __init__(self, sent: HttpRequest, head: Head, whole: Any) -> None:
        super().__init__(sent, head, whole)
        self._reason: Any = None
        self._last: Any = None

    def read(self, name: str, data: bytes, out: list[Event]) -> None:
        if name == "end":
            self.complete(self._reason, self._last, out)
            return
        value = self.value(data)
        if name == "error":
            raise self.failed(value)
        message: Any = value[0] if name.startswith("messages") and isinstance(value, list) and value else None
        if not _is_spoken(message):
            return
        self.start(value, out, message.get("id"))
        self.say(text_of(message.get("content")), value, out)
        self.count(_usage(message), value, out)
        self._reason, self._last = _reason(message) or self._reason, value

    def cut(self, out: list[Event]) -> None:
        if self._reason and not self.over:
            self.complete(self._reason, self._last, out)
        super().cut(out)


def _message(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    role = message.get("role")
    return {**message, "role": _ROLES.get(str(role), "human")}


def _is_spoken(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    return any(isinstance(word, str) and word in _SPOKEN for word in (message.get("type"), message.get("role")))


def _reason(message: JsonDict) -> Any:
    told: Any = message.get("response_metadata")
    return (told.get("finish_reason") or told.get("stop_reason")) if isinstance(told, dict) else None


def _usage(message: JsonDict) -> JsonDict | None:
    told: Any = message.get("usage_metadata")
    return counts(told.get("input_tokens"), told.get("output_tokens")) if isinstance(told, dict) else None


DIALECT = Dialect(
    name="langgraph_runs", operations={"chat": TextForm(chat_request, read_chat, _Stream)}, render_error=render_error
)

"""Langflow's run of a flow: the last question in, the flow's text out (https://docs.langflow.org/api-flows-run).

A flow remembers a conversation by its `session_id`, which goes through like any other field.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from lingate._dialects._base import Dialect, StreamDecoder
from lingate._dialects._params import CHAT_FIELDS, write_rest
from lingate._dialects._texts import NoFace, WholeStream, answer, begin, choice_of, prompt_of, send
from lingate._dialects.openai_chat.envelope import join_url
from lingate._dialects.openai_chat.face import render_error
from lingate._dialects.openai_chat.reading import decode_object, hidden_error, malformed
from lingate._model import Call, Head, HttpRequest, JsonDict, Target

_LIMITS = ("max_tokens", "max_completion_tokens", "stop", "temperature", "top_p")


class Chat(NoFace):
    """`POST /api/v1/run/{flow_id}`."""

    def request(self, call: Call, target: Target) -> HttpRequest:
        draft = begin(call, target)
        for name in _LIMITS:
            if name in draft.asked:
                draft.refuse(name, "the flow decides on it")
                del draft.asked[name]
        if "session_id" in draft.asked:
            # What was said before is in the session.
            draft.asked["messages"] = (draft.asked.get("messages") or [])[-1:]
        system, prompt = prompt_of(draft)
        write_rest(draft, CHAT_FIELDS)
        question = f"{system}\n\n{prompt}" if system else prompt
        body: JsonDict = {"input_value": question, "input_type": "chat", "output_type": "chat", **draft.body}
        url = join_url(target.url, f"/api/v1/run/{quote(target.model, safe='')}?stream=false", "")
        return send(draft, url, body)

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        raw = decode_object(body, sent.target)
        failure = hidden_error(raw, sent.target, head.headers)
        if failure is not None:
            raise failure
        text = _message(raw.get("outputs"))
        if text is None:
            raise malformed(sent.target, "the answer has no message; the flow must end in a chat output")
        session = {"session_id": raw["session_id"]} if "session_id" in raw else {}
        return answer(sent, [choice_of(text, None)], None, session), raw

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        return WholeStream(sent, head, self.response)


def _message(outputs: Any) -> str | None:
    """The first text that a component of the flow put out."""
    for output in outputs if isinstance(outputs, list) else ():
        for inner in (output.get("outputs") if isinstance(output, dict) else None) or ():
            text = _text(inner)
            if text is not None:
                return text
    return None


def _text(inner: Any) -> str | None:
    """`results.message.text`, or `outputs.<name>.message` of older servers."""
    if not isinstance(inner, dict):
        return None
    named: Any = inner.get("outputs")
    for holder in (inner.get("results"), *(named.values() if isinstance(named, dict) else ())):
        message = holder.get("message") if isinstance(holder, dict) else None
        text = message.get("text") if isinstance(message, dict) else message
        if isinstance(text, str):
            return text
    return None


DIALECT = Dialect(name="langflow_run", operations={"chat": Chat()}, render_error=render_error)

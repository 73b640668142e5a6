# Langflow's run of a flow: the last question in, the flow's text out (https://docs.langflow.org/api-flows-run).

# A flow remembers a conversation by its `session_id`, which goes through like any other field.

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from lingate._dialects._answers import malformed, read_object
from lingate._dialects._base import Dialect
from lingate._dialects._envelope import join_url
from lingate._dialects._params import CHAT_FIELDS, write_rest
from lingate._dialects._texts import TextForm, answer, begin, choice_of, question_of, refuse_limits, send
from lingate._dialects.openai_chat.face import render_error
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.shapes import as_dict, as_list, dig


def chat_request(call: Call, target: Target) -> HttpRequest:
    # `POST /api/v1/run/{flow_id}`.
    draft = begin(call, target)
    refuse_limits(draft, "the flow decides on it")
    if "session_id" in draft.asked:
        # What was said before is in the session.
        draft.asked["messages"] = (draft.asked.get("messages") or [])[-1:]
    question = question_of(draft)
    write_rest(draft, CHAT_FIELDS)
    body: JsonDict = {"input_value": question, "input_type": "chat", "output_type": "chat", **draft.body}
    url = join_url(target.url, f"/api/v1/run/{quote(target.model, safe='')}?stream=false", "")
    return send(draft, url, body)


def read_chat(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = read_object(sent, head, body)
    text = _message(raw.get("outputs"))
    if text is None:
        raise malformed(sent.target, "the answer has no message; the flow must end in a chat output")
    session = {"session_id": raw["session_id"]} if "session_id" in raw else {}
    return answer(sent, [choice_of(text, None)], None, session), raw


def _message(outputs: Any) -> str | None:
    # The first text that a component of the flow put out.
    for output in as_list(outputs):
        for inner in as_list(dig(output, "outputs")):
            text = _text(inner)
            if text is not None:
                return text
    return None


def _text(inner: Any) -> str | None:
    # `results.message.text`, or `outputs.<name>.message` of older servers.
    for holder in (dig(inner, "results"), *as_dict(dig(inner, "outputs")).values()):
        message = dig(holder, "message")
        text = message.get("text") if isinstance(message, dict) else message
        if isinstance(text, str):
            return text
    return None


DIALECT = Dialect(
    name="langflow_run", operations={"chat": TextForm(chat_request, read_chat)}, render_error=render_error
)

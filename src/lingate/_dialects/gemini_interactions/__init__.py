# Google's interactions, towards the upstream: the conversation as steps, for models and for agents.

# https://ai.google.dev/api/interactions-api, the types of the google-genai package (3.4), and recorded traffic. A call is written
# as for `generateContent` and retold in the words of this format, and an answer the other way around, so that everything
# that is known about the models holds here too. As a face of a server this is `generateContent`.

from __future__ import annotations

from lingate._dialects._base import Dialect, Form, Further
from lingate._dialects._free_text import FunctionsOnly
from lingate._dialects._sse_stream import SseStreamDecoder
from lingate._dialects.gemini import DIALECT as GEMINI
from lingate._dialects.gemini.face_request import parse_chat
from lingate._dialects.gemini.face_response import Encoder, render_answer
from lingate._dialects.gemini_interactions.request import chat_request, question
from lingate._dialects.gemini_interactions.response import RUNNING, AnswerStream, read_answer
from lingate._model import Head, HttpRequest
from lingate._wire.json import decode
from lingate._wire.shapes import as_dict, as_str

_PAUSE = 2.0
"""Seconds between two questions whether an interaction in the background is done."""


def _further(sent: HttpRequest, head: Head, body: bytes) -> Further | None:
    # The question whether an interaction is done that goes on in the background.
    try:
        raw = as_dict(decode(body))
    except ValueError:
        return None
    identity = as_str(raw.get("id"))
    return Further(question(sent, identity), _PAUSE) if identity and raw.get("status") in RUNNING else None


def _decoder(sent: HttpRequest, head: Head) -> SseStreamDecoder:
    return SseStreamDecoder(sent, head, AnswerStream(sent, head), read_answer)


class _Steps(FunctionsOnly):
    further = staticmethod(_further)


DIALECT = Dialect(
    name="gemini_interactions",
    operations={"chat": _Steps(Form(chat_request, read_answer, parse_chat, render_answer, _decoder, Encoder))},
    render_error=GEMINI.render_error,
)

# The Gemini generateContent wire format, both directions: towards an upstream, and as a face of a server.

from __future__ import annotations

from lingate._dialects._base import Dialect, Form
from lingate._dialects._face_errors import google_error
from lingate._dialects._free_text import FunctionsOnly
from lingate._dialects._tool_names import ShortNames
from lingate._dialects.gemini.embeddings import embed_request, embed_response, most_inputs, parse_embed, render_embed
from lingate._dialects.gemini.face_request import parse_chat, parse_count
from lingate._dialects.gemini.face_response import Encoder, render_answer, render_count
from lingate._dialects.gemini.facts import NAME
from lingate._dialects.gemini.models import models_request, parse_models, read_models, render_models
from lingate._dialects.gemini.request import chat_request, count_request
from lingate._dialects.gemini.response import read_answer, read_count
from lingate._dialects.gemini.stream import Decoder
from lingate._wire.json import encode
from lingate.errors import LingateError


def render_error(error: LingateError) -> tuple[int, bytes]:
    status, body = google_error(error)
    return status, encode(body)


DIALECT = Dialect(
    name=NAME,
    operations={
        "chat": ShortNames(FunctionsOnly(Form(chat_request, read_answer, parse_chat, render_answer, Decoder, Encoder))),
        "embeddings": Form(embed_request, embed_response, parse_embed, render_embed, most=most_inputs),
        "models": Form(models_request, read_models, parse_models, render_models),
        "count_tokens": ShortNames(FunctionsOnly(Form(count_request, read_count, parse_count, render_count))),
    },
    render_error=render_error,
)

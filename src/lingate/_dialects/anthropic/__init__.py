# The Anthropic Messages wire format, both directions: towards an upstream, and as a face of a server.

from __future__ import annotations

from urllib.parse import urlencode

from lingate._dialects._base import Dialect, Form
from lingate._dialects._claude import asked_betas
from lingate._dialects._envelope import join_url
from lingate._dialects._face_errors import anthropic_error
from lingate._dialects._free_text import FunctionsOnly
from lingate._dialects._tool_names import ShortNames
from lingate._dialects.anthropic.face_request import PAGING, parse_chat, parse_count, parse_models
from lingate._dialects.anthropic.face_response import Encoder, render_count, render_message, render_models
from lingate._dialects.anthropic.facts import MODELS_PATH, NAME
from lingate._dialects.anthropic.request import chat_request, count_request, headers_for
from lingate._dialects.anthropic.response import read_count, read_message, read_models
from lingate._dialects.anthropic.stream import stream_decoder
from lingate._model import Call, HttpRequest, Target
from lingate._wire.json import encode
from lingate._wire.shapes import without
from lingate.errors import LingateError


def models_request(call: Call, target: Target) -> HttpRequest:
    # Ask for the models, a page at a time: `after_id` in the call asks for the next one.
    asked = {name: value for name, value in call.body.items() if name in PAGING and value is not None}
    query = urlencode({"limit": 1000, **asked})
    url = join_url(target.url, f"{target.row.paths.get('models', MODELS_PATH)}?{query}", target.model)
    headers = headers_for(call, target, asked_betas(call, target, str))
    return HttpRequest("GET", url, without(headers, ("content-type",)), b"", call, target)


def render_error(error: LingateError) -> tuple[int, bytes]:
    status, body = anthropic_error(error)
    return status, encode(body)


DIALECT = Dialect(
    name=NAME,
    operations={
        "chat": ShortNames(
            FunctionsOnly(Form(chat_request, read_message, parse_chat, render_message, stream_decoder, Encoder))
        ),
        "models": Form(models_request, read_models, parse_models, render_models),
        "count_tokens": ShortNames(FunctionsOnly(Form(count_request, read_count, parse_count, render_count))),
    },
    render_error=render_error,
)

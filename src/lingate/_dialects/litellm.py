# What the litellm package is asked, for providers that it knows and we do not: no wire format, but its arguments.

# They are OpenAI's, which is our canonical form, so a call goes out as it is. `_io/via_litellm.py` is what takes it; the
# answers come as OpenAI's chat format.

from __future__ import annotations

from lingate._dialects._base import Dialect, Form
from lingate._dialects._envelope import merge_headers, refuse, seal
from lingate._dialects.openai_chat import face
from lingate._dialects.openai_chat.embeddings import FORM as EMBEDDINGS
from lingate._dialects.openai_chat.parameters import limit_stop, set_stream, tidy
from lingate._dialects.openai_chat.response import response
from lingate._dialects.openai_chat.stream import ChatDecoder
from lingate._model import Call, HttpRequest, JsonDict, Target
from lingate._wire.shapes import not_null


def chat_request(call: Call, target: Target) -> HttpRequest:
    wire = dict(call.body)
    tidy(wire)
    sent = _new(call, target)
    if call.stream and wire.get("n", 1) != 1:
        refuse(sent, "n", " in a stream: the litellm package does not say how each of several choices ended")
        del wire["n"]
    limit_stop(wire, sent)
    set_stream(wire, sent)
    return _sealed(sent, wire)


def embeddings_request(call: Call, target: Target) -> HttpRequest:
    return _sealed(_new(call, target), not_null(call.body))


def _new(call: Call, target: Target) -> HttpRequest:
    extra = call.extra_headers
    headers = merge_headers(target.headers, extra) if extra else target.headers
    return HttpRequest("POST", target.url, headers, b"", call, target)


def _sealed(sent: HttpRequest, wire: JsonDict) -> HttpRequest:
    # The package gets the caller's extra fields apart: it is what puts them into a provider's own body.
    wire["model"] = f"{sent.target.row.name}/{sent.target.model}"
    return seal(sent, wire, apart=True)


DIALECT = Dialect(
    name="litellm",
    operations={
        "chat": Form(chat_request, response, face.parse_call, face.render, ChatDecoder, face.ChunkEncoder),
        "embeddings": Form(embeddings_request, EMBEDDINGS.response, EMBEDDINGS.parse_call, EMBEDDINGS.render),
    },
    render_error=face.render_error,
)

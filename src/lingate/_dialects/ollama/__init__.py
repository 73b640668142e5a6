# Ollama's own format (PROVIDERS.md, section 4.7), both directions: towards an upstream, and as a face of a server.

# `/api/generate` is a face only: towards an upstream `/api/chat` does the same and more.

from __future__ import annotations

from lingate._dialects._base import Dialect, Form
from lingate._dialects._free_text import FunctionsOnly
from lingate._dialects.ollama.embeddings import embed_request, parse_embed, read_embed, render_embed
from lingate._dialects.ollama.face_request import parse_chat, parse_generate
from lingate._dialects.ollama.face_response import Encoder, render_chat, render_error, render_generate
from lingate._dialects.ollama.facts import NAME
from lingate._dialects.ollama.models import models_request, read_models, render_models
from lingate._dialects.ollama.request import chat_request
from lingate._dialects.ollama.response import Decoder, read_chat
from lingate._dialects.openai_chat.models import parse_call
from lingate._model import Call, HttpRequest, Target
from lingate.errors import UnsupportedError


class Chat(Form):
    # `POST /api/chat`.

    in_lines = True
    """Streams are such whatever they are labelled as: ollama.com calls them `application/json`."""


class Generate(Form):
    # `POST /api/generate`, as a face: its requests are chat calls of one turn. Its answers can be read too.

    face_only = True


def _no_request(call: Call, target: Target) -> HttpRequest:
    raise UnsupportedError(
        "prompts without messages are not sent in this format: ask for a chat", provider=target.provider
    )


DIALECT = Dialect(
    name=NAME,
    operations={
        "chat": FunctionsOnly(Chat(chat_request, read_chat, parse_chat, render_chat, Decoder, Encoder)),
        "completions": Generate(
            _no_request, read_chat, parse_generate, render_generate, Decoder, lambda call: Encoder(call, flat=True)
        ),
        "embeddings": Form(embed_request, read_embed, parse_embed, render_embed),
        "models": Form(models_request, read_models, parse_call, render_models),
    },
    render_error=render_error,
)

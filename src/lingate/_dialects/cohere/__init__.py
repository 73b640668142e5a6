# Cohere's second format (PROVIDERS.md, section 4.6), both directions: towards an upstream, and as a face of a server.

# The first one (`/v1/chat` with `message` and `chat_history`) is not spoken: Cohere itself asks to move on from it.

from lingate._dialects._base import Dialect, Form
from lingate._dialects._free_text import FunctionsOnly
from lingate._dialects.cohere.embeddings import embed_request, parse_embed, read_embed, render_embed
from lingate._dialects.cohere.face_request import parse_chat
from lingate._dialects.cohere.face_response import Encoder, render_chat, render_error
from lingate._dialects.cohere.facts import MOST_TEXTS, NAME
from lingate._dialects.cohere.models import models_request, parse_models, read_models, render_models
from lingate._dialects.cohere.request import chat_request
from lingate._dialects.cohere.rerank import read_rerank, render_rerank, rerank_request
from lingate._dialects.cohere.response import read_chat, stream_decoder
from lingate._dialects.openai_chat.ranking import parse_call

DIALECT = Dialect(
    name=NAME,
    operations={
        "chat": FunctionsOnly(Form(chat_request, read_chat, parse_chat, render_chat, stream_decoder, Encoder)),
        "embeddings": Form(embed_request, read_embed, parse_embed, render_embed, most=lambda target: MOST_TEXTS),
        "rerank": Form(rerank_request, read_rerank, parse_call, render_rerank),
        "models": Form(models_request, read_models, parse_models, render_models),
    },
    render_error=render_error,
)

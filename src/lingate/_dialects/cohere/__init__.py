# Cohere's second format (PROVIDERS.md, section 4.6), both directions: towards an upstream, and as a face of a server.

# The first one (`/v1/chat` with `message` and `chat_history`) is not spoken: Cohere itself asks to move on from it.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from lingate._dialects._answers import decode_object, malformed
from lingate._dialects._base import Dialect, Form
from lingate._dialects._envelope import new_request
from lingate._dialects._free_text import FunctionsOnly
from lingate._dialects.cohere.face_request import parse_chat
from lingate._dialects.cohere.face_response import Encoder, render_chat, render_error
from lingate._dialects.cohere.facts import MODELS_PATH, MOST_TEXTS, NAME
from lingate._dialects.cohere.request import chat_request
from lingate._dialects.cohere.response import read_chat, stated_error, stream_decoder
from lingate._dialects.cohere.retrieval import (
    embed_request,
    parse_embed,
    read_embed,
    read_rerank,
    render_embed,
    render_rerank,
    rerank_request,
)
from lingate._dialects.openai_chat.ranking import parse_call
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import encode
from lingate._wire.shapes import without

_QUERY = ("page_size", "page_token", "endpoint", "default_only")
_OPENAI_ONLY = frozenset({"id", "object", "created", "owned_by"})


def models_request(call: Call, target: Target) -> HttpRequest:
    # Ask for the models; 1000 is the largest page, and `page_token` in the call asks for the next one.
    asked = {name: value for name, value in call.body.items() if name in _QUERY and value is not None}
    path = target.row.paths.get("models", MODELS_PATH)
    sent = new_request(call, target, "models", path, method="GET")
    sent.url += ("&" if "?" in sent.url else "?") + urlencode({"page_size": 1000, **asked})
    return sent


def read_models(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # A page of models as an OpenAI list; `next_page_token` is there if there is another one.
    target = sent.target
    raw = decode_object(body, target)
    found = raw.get("models", raw.get("data"))
    if not isinstance(found, list):
        raise stated_error(raw, target) or malformed(target, "the answer has no list of models")
    rest = without(raw, ("models", "data"))
    return {**rest, "object": "list", "data": [_model(item, target) for item in found]}, raw


def parse_models(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a client's question, which has no body; `model` in the path asks for one model.
    paging = {name: path_args[name] for name in _QUERY if name in path_args}
    return Call("models", path_args.get("model", ""), paging)


def render_models(response: JsonDict) -> bytes:
    # An OpenAI list of models as a page of this format.
    models = list(map(_native, response.get("data") or ()))
    token = response.get("next_page_token")
    return encode({"models": models, **({"next_page_token": token} if token else {})})


def _model(raw: Any, target: Target) -> JsonDict:
    name = (raw.get("name") or raw.get("id")) if isinstance(raw, dict) else None
    if not isinstance(name, str) or not name:
        raise malformed(target, "a model has no name")
    return {**raw, "id": name, "object": "model", "created": 0, "owned_by": raw.get("owned_by") or target.provider}


def _native(model: JsonDict) -> JsonDict:
    basics: JsonDict = {"name": model.get("id"), "endpoints": [], "finetuned": False}
    return {**basics, **without(model, _OPENAI_ONLY)}


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

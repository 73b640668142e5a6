# The Gemini generateContent wire format, both directions: towards an upstream, and as a face of a server.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from lingate._dialects._answers import garbage
from lingate._dialects._base import Dialect, Form
from lingate._dialects._face_errors import google_error
from lingate._dialects._free_text import FunctionsOnly
from lingate._dialects._tool_names import ShortNames
from lingate._dialects.gemini.embeddings import embed_request, embed_response, most_inputs, parse_embed, render_embed
from lingate._dialects.gemini.face_request import parse_chat, parse_count
from lingate._dialects.gemini.face_response import Encoder, render_answer, render_count
from lingate._dialects.gemini.facts import NAME
from lingate._dialects.gemini.request import chat_request, count_request, headers_for
from lingate._dialects.gemini.response import read_answer, read_count, read_object
from lingate._dialects.gemini.stream import Decoder
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import encode
from lingate._wire.shapes import as_dicts, without
from lingate.errors import LingateError

PAGING = ("pageSize", "pageToken")
"""Query parameters of the list."""

_PLACES = ("models/", "tunedModels/")
_OPENAI = frozenset({"id", "object", "created", "owned_by"})


def models_request(call: Call, target: Target) -> HttpRequest:
    # Ask for a page; `pageToken` in the call asks for the next one.
    asked = {name: value for name, value in call.body.items() if name in PAGING and value is not None}
    base, _, query = target.url.partition("?")
    terms = "&".join(filter(None, (query, urlencode({"pageSize": 1000, **asked}))))
    url = f"{base.rstrip('/')}{target.row.paths.get('models', '/models')}?{terms}"
    headers = {name: value for name, value in headers_for(call, target).items() if name.lower() != "content-type"}
    return HttpRequest("GET", url, headers, b"", call, target)


def read_models(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # A page of models as an OpenAI list; `has_more` and `nextPageToken` say whether and where the next one begins.
    raw = read_object(body, sent.target)
    found = raw.get("models", raw.get("publisherModels", [] if raw.keys() <= {"nextPageToken"} else None))
    if not isinstance(found, list) or not all(isinstance(m, dict) and isinstance(m.get("name"), str) for m in found):
        raise garbage(sent.target, "models: must be a list of models with a name")
    token = raw.get("nextPageToken")
    models = [
        {
            **model,
            "id": model["name"].removeprefix("models/").rpartition("publishers/google/models/")[2],
            "object": "model",
            "created": 0,
            "owned_by": sent.target.provider,
        }
        for model in found
    ]
    paging = {"nextPageToken": token} if token else {}
    return {"object": "list", "data": models, "has_more": bool(token), **paging}, raw


def parse_models(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a request for the list, or for one model that the path names.
    paging = {name: path_args[name] for name in PAGING if name in path_args}
    return Call("models", path_args.get("model", ""), paging)


def render_models(response: JsonDict) -> bytes:
    # An OpenAI list of models, or one of them, in this format.
    if "data" not in response and "id" in response:
        return encode(_model(response))
    wire: JsonDict = {"models": list(map(_model, as_dicts(response.get("data"))))}
    if response.get("nextPageToken"):
        wire["nextPageToken"] = response["nextPageToken"]
    return encode(wire)


def _model(model: JsonDict) -> JsonDict:
    name: Any = model.get("id") or ""
    rest = without(model, _OPENAI)
    # Clients make an address of it: `/v1beta/{name}:generateContent`.
    shown = name if name.startswith(_PLACES) else f"models/{name}"
    return {"name": shown, "displayName": model.get("display_name") or name, **rest}


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

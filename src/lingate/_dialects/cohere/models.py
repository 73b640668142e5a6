# The list of models, both directions, a page at a time: `page_token` in the call asks for the next one.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from lingate._dialects._answers import decode_object, malformed
from lingate._dialects._envelope import new_request
from lingate._dialects.cohere.facts import MODELS_PATH
from lingate._dialects.cohere.response import stated_error
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import encode
from lingate._wire.shapes import without

_QUERY = ("page_size", "page_token", "endpoint", "default_only")
_OPENAI_ONLY = frozenset({"id", "object", "created", "owned_by"})


def models_request(call: Call, target: Target) -> HttpRequest:
    # Ask for the models; 1000 is the largest page.
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

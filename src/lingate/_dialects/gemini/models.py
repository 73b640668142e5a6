# The list of models, both directions, a page at a time.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from lingate._dialects._answers import garbage
from lingate._dialects.gemini.request import headers_for
from lingate._dialects.gemini.response import read_object
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import encode
from lingate._wire.shapes import as_dicts, without

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

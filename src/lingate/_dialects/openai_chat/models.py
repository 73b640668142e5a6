# The list of models in OpenAI's format, both directions.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._answers import body_failure, decode_list, malformed, raise_hidden
from lingate._dialects._base import Form
from lingate._dialects._counts import unix
from lingate._dialects._envelope import new_request
from lingate._dialects.openai_chat.face import render
from lingate._model import Call, Head, HttpRequest, JsonDict, Target


def request(call: Call, target: Target) -> HttpRequest:
    return new_request(call, target, "models", "/models", method="GET")


def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # Read the list; some send it bare, or under `models`.
    # Gives the canonical list, and the decoded body (a bare list as `{"data": [...]}`).
    target = sent.target
    raw = decode_list(body, target, "data", "models")
    raise_hidden(raw, target, head.headers)
    data = next((found for name in ("data", "models", "result") if isinstance(found := raw.get(name), list)), None)
    if data is None and raw.get("object") == "list" and "data" in raw:
        data = []  # null, as servers written in Go say it
    if data is None:
        raise body_failure(raw, target, headers=head.headers) or malformed(target, "the answer has no list of models")
    rest = {name: value for name, value in raw.items() if value is not data}
    models = [_model(item, target) for item in data]
    return {**rest, "object": "list", "data": models}, raw


def _model(raw: Any, target: Target) -> JsonDict:
    if isinstance(raw, str):
        raw = {"id": raw}
    name = (
        next((raw[key] for key in ("id", "name", "model") if isinstance(raw.get(key), str)), "")
        if isinstance(raw, dict)
        else ""
    )
    if not name:
        raise malformed(target, "a model has no id")
    return {
        **raw,
        "id": name,
        "object": "model",
        "created": unix(raw.get("created")),
        "owned_by": raw.get("owned_by") or target.provider,
    }


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a client's question, which has no body; `model` in the path asks for one model.
    return Call("models", path_args.get("model", ""), {})


FORM = Form(request, response, parse_call, render)

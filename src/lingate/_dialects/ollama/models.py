# The list of models, both directions, and what else Ollama's clients ask about a server and its models.

# By calls without anything to answer they have a model loaded, or taken out of memory.

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from typing import Any

from lingate._dialects._answers import malformed
from lingate._dialects._draft import native_fields
from lingate._dialects._envelope import new_request
from lingate._dialects._times import epoch, rfc3339
from lingate._dialects.ollama.facts import MODELS_PATH, NAME, VERSION
from lingate._dialects.ollama.response import read_object
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import encode
from lingate._wire.shapes import without

_OPENAI_ONLY = frozenset({"id", "object", "created", "owned_by"})
_ARCHITECTURE = "model"
_ABILITIES = ("vision", "vision"), ("reasoning", "thinking")
_DETAILS = {
    "parent_model": "",
    "format": "",
    "family": "",
    "families": [],
    "parameter_size": "",
    "quantization_level": "",
}


def models_request(call: Call, target: Target) -> HttpRequest:
    return new_request(call, target, "models", MODELS_PATH, method="GET")


def read_models(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    target = sent.target
    raw = read_object(body, target)
    found = raw.get("models", raw.get("data"))
    if found is None and "models" in raw:
        found = []  # older servers say it so
    if not isinstance(found, list):
        raise malformed(target, "the answer has no list of models")
    rest = without(raw, ("models", "data"))
    return {**rest, "object": "list", "data": [_model(item, target) for item in found]}, raw


def render_models(response: JsonDict) -> bytes:
    # An OpenAI list of models as this format's.
    return encode({"models": list(map(_native, response.get("data") or ()))})


def render_version() -> bytes:
    # The answer to `GET /api/version`: not ours, but that of the Ollama whose API this is.
    return encode({"version": VERSION})


def render_show(model: JsonDict, window: int | None = None, abilities: Collection[str] = ()) -> bytes:
    # The answer to `POST /api/show` for one model of an OpenAI list.
    # Raises nothing: what is not known about a model of another provider is left empty, and it is said to do what
    # gateways translate.
    native = _native(model)
    # Clients find the window under the name of an architecture, and the name that they show beside it.
    info: JsonDict = {"general.architecture": _ARCHITECTURE, "general.basename": model.get("id")}
    if window is not None:
        info[f"{_ARCHITECTURE}.context_length"] = window
    does = ["completion", "tools", *(word for ability, word in _ABILITIES if ability in abilities)]
    wire: JsonDict = {"details": native["details"], "model_info": info, "capabilities": does}
    known = ("modelfile", "parameters", "template", "license", "details", "model_info", "capabilities", "modified_at")
    return encode({**wire, "modified_at": native["modified_at"], **{k: native[k] for k in known if k in native}})


def _model(raw: Any, target: Target) -> JsonDict:
    name = next((raw[key] for key in ("model", "name", "id") if raw.get(key)), None) if isinstance(raw, dict) else None
    if not isinstance(name, str):
        raise malformed(target, "a model has no name")
    created = raw.get("created") if type(raw.get("created")) is int else epoch(raw.get("modified_at"))
    return {**raw, "id": name, "object": "model", "created": created, "owned_by": target.provider}


def _native(model: JsonDict) -> JsonDict:
    name = model.get("id")
    at = rfc3339(model.get("created"))
    # Ollama's own command line shows the first twelve digits of a digest, and dies where there are fewer.
    digest = sha256(str(name).encode("utf-8", "surrogatepass")).hexdigest()
    basics = {"name": name, "model": name, "modified_at": at, "size": 0, "digest": digest, "details": _DETAILS}
    return {**basics, **without(model, _OPENAI_ONLY)}


_AT_ONCE = (0, "0", "0s", "0m", "0h")


def only_loads(call: Call) -> bool:
    # Whether a call of a client of this format asks for nothing.
    return call.operation == "chat" and not call.body["messages"]


def loaded(call: Call, at: int) -> JsonDict:
    # The response to such a call, as if it were done: nobody else's model is ours to load.
    gone = native_fields(call.body, NAME).get("keep_alive") in _AT_ONCE
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": ""},
        "finish_reason": "stop",
        "native_finish_reason": "unload" if gone else "load",
    }
    return {"model": call.model, "created": at, "choices": [choice]}

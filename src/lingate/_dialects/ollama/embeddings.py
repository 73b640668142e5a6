# Embeddings, both directions. As a face also of the older `/api/embeddings`, which has one `prompt` and one vector.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._answers import embeddings, malformed
from lingate._dialects._counts import integer
from lingate._dialects._draft import keep, native_fields
from lingate._dialects._ignorable import note_others_words
from lingate._dialects._params import begun, finished
from lingate._dialects.ollama.facts import DEFAULTS, EMBED_PATH, NAME
from lingate._dialects.ollama.response import read_object
from lingate._dialects.openai_chat.validation import decode_request, fail
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import encode
from lingate._wire.shapes import as_str, not_null, without

_WRITTEN = frozenset({"input", "encoding_format", "user", "provider_specific_fields", "model"})
_KEPT = ("options", "keep_alive", "truncate")


def embed_request(call: Call, target: Target) -> HttpRequest:
    made = begun(call, target, DEFAULTS)
    given = made.asked.get("input")
    items = given if isinstance(given, list) else [given]
    if not items or not all(isinstance(item, str) for item in items):
        if items and all(isinstance(item, int | list) for item in items):
            made.refuse("input", "texts cannot be given as tokens")
        raise made.broken("input", "must be text or a list of texts")
    if "user" in made.asked:
        made.note("user")
    note_others_words(made.asked, made.note, NAME)
    rest = without(made.asked, _WRITTEN)
    made.body = {**native_fields(made.asked, NAME), "model": target.model, "input": given, **rest}
    return finished(made, "embeddings", EMBED_PATH, made.body, ("options",))


def read_embed(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    target = sent.target
    raw = read_object(body, target)
    vectors = raw.get("embeddings", [raw.get("embedding")])
    if not isinstance(vectors, list) or not all(isinstance(vector, list) and vector for vector in vectors):
        raise malformed(target, "the answer has no embeddings")
    count = integer(raw.get("prompt_eval_count"))
    known = ("model", "embeddings", "embedding", "prompt_eval_count")
    rest = not_null(raw, known)
    response: JsonDict = {
        "object": "list",
        "model": as_str(raw.get("model")) or target.model,
        "data": embeddings(vectors, sent),
        "usage": None if count is None else {"prompt_tokens": count, "total_tokens": count},
    }
    return keep(response, NAME, rest), raw


def parse_embed(body: bytes, path_args: Mapping[str, str]) -> Call:
    fields, model = decode_request(body, path_args)
    name = "prompt" if "prompt" in fields and "input" not in fields else "input"
    given = fields.pop(name, None)
    items = given if isinstance(given, list) and name == "input" else [given]
    if not items or not all(isinstance(item, str) for item in items):
        fail(name, "expected text" + ("" if name == "prompt" else ", or a list of texts that is not empty"))
    dimensions = fields.get("dimensions", 1)
    if type(dimensions) is not int or dimensions < 0:
        fail("dimensions", "expected a whole number")
    native: JsonDict = {kept: fields.pop(kept) for kept in _KEPT if kept in fields}
    canonical: JsonDict = {"input": given, **fields}
    return Call("embeddings", model, keep(canonical, NAME, native))


def render_embed(response: JsonDict) -> bytes:
    # A canonical response.
    # A single vector also stands where clients of the older path look for it.
    vectors: list[Any] = [item.get("embedding") for item in response.get("data") or ()]
    usage = response.get("usage")
    count = integer(usage.get("prompt_tokens")) if isinstance(usage, dict) else None
    wire: JsonDict = {"model": response.get("model") or "", "embeddings": vectors}
    if len(vectors) == 1:
        wire["embedding"] = vectors[0]
    if count is not None:
        wire["prompt_eval_count"] = count
    return encode({**native_fields(response, NAME), **wire})

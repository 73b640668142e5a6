# Embeddings and reranking, both directions.

# The canonical form of a ranking is this one; only the second version of the API takes texts alone.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._answers import decode_object, embeddings, malformed
from lingate._dialects._draft import Draft, native_fields
from lingate._dialects._ignorable import note_others_words
from lingate._dialects._params import begun, finished
from lingate._dialects.cohere.facts import DEFAULTS, EMBED_PATH, EMBEDDING_TYPES, NAME, RERANK_PATH
from lingate._dialects.cohere.response import stated_error
from lingate._dialects.cohere.usage import canonical_usage
from lingate._dialects.openai_chat.ranking import canonical_rerank
from lingate._dialects.openai_chat.validation import decode_request, fail
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import encode, encode_str
from lingate._wire.shapes import as_dict, dig, not_null, without

_WRITTEN = frozenset({"input", "dimensions", "encoding_format", "user", "provider_specific_fields", "model"})


def embed_request(call: Call, target: Target) -> HttpRequest:
    # An embeddings call, ready to be sent.
    # `input_type` is required by all newer models; documents are the default.
    made = begun(call, target, DEFAULTS)
    body = made.body
    body["model"] = target.model
    _write_input(made)
    rest = without(made.asked, _WRITTEN)
    body.update({"input_type": "search_document", **rest})
    if "dimensions" in made.asked:
        body.setdefault("output_dimension", made.asked["dimensions"])
    if "encoding_format" in made.asked:
        body.setdefault("embedding_types", [made.asked["encoding_format"]])
    if "user" in made.asked:
        made.note("user")
    note_others_words(made.asked, made.note, NAME)
    return finished(made, "embeddings", EMBED_PATH, body)


def _write_input(draft: Draft) -> None:
    given = draft.asked.get("input")
    items = given if isinstance(given, list) else [given]
    if not items:
        raise draft.broken("input", "must not be empty")
    if all(isinstance(item, str) for item in items):
        draft.body["texts"] = items
    elif all(isinstance(item, str | dict) for item in items):
        urls = list(map(_image, items))
        if all(urls):
            draft.body["images"] = urls
        else:
            draft.body["inputs"] = list(map(_mixed, items))
    elif all(isinstance(item, int | list) for item in items):
        draft.refuse("input", "texts cannot be given as tokens")
        raise draft.broken("input", "there is nothing else to embed")
    else:
        raise draft.broken("input", "must be text or a list of texts")


def _image(item: Any) -> str | None:
    holder = item.get("image_url") if isinstance(item, dict) and item.get("type") == "image_url" else None
    url = holder.get("url") if isinstance(holder, dict) else holder
    return url if isinstance(url, str) else None


def _mixed(item: Any) -> JsonDict:
    if isinstance(item, dict) and "content" in item:
        return item
    return {"content": [{"type": "text", "text": item} if isinstance(item, str) else item]}


def read_embed(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # An answer in canonical form: vectors of one kind; those of further kinds stay beside them.
    target = sent.target
    raw = decode_object(body, target)
    vectors = raw.get("embeddings")
    if not isinstance(vectors, list | dict):
        raise stated_error(raw, target) or malformed(target, "the answer has no embeddings")
    kinds = {"float": vectors} if isinstance(vectors, list) else vectors
    kind = next((name for name in EMBEDDING_TYPES if isinstance(kinds.get(name), list)), None)
    if kind is None or not all(isinstance(vector, list | str) and vector for vector in kinds[kind]):
        raise malformed(target, "the answer has no embeddings")
    rest = without(raw, ("id", "embeddings"))
    others = not_null(kinds, (kind,))
    usage = canonical_usage(raw.get("meta"))
    if usage is not None and "prompt_tokens" in usage:
        usage["total_tokens"] = usage["prompt_tokens"]
    response: JsonDict = {
        "object": "list",
        "id": raw.get("id"),
        "model": target.model,
        "data": embeddings(kinds[kind], sent),
        "usage": usage,
        "provider_specific_fields": {NAME: {**rest, "embedding_type": kind, "embeddings": others}},
    }
    return response, raw


def parse_embed(body: bytes, path_args: Mapping[str, str]) -> Call:
    fields, model = decode_request(body, path_args)
    given = [name for name in ("texts", "images", "inputs") if name in fields]
    if len(given) != 1:
        fail("texts", "expected one of texts, images and inputs")
    items = fields.pop(given[0])
    if not isinstance(items, list) or not items:
        fail(given[0], "expected a list that is not empty")
    wanted = dict if given[0] == "inputs" else str
    for at, item in enumerate(items):
        if not isinstance(item, wanted):
            fail(f"{given[0]}[{at}]", "expected an object" if wanted is dict else "expected text")
    if given[0] == "images":
        items = [{"type": "image_url", "image_url": {"url": url}} for url in items]
    canonical: JsonDict = {"input": items}
    dimensions = fields.pop("output_dimension", None)
    if dimensions is not None:
        if type(dimensions) is not int or dimensions < 1:
            fail("output_dimension", "expected a whole number above 0")
        canonical["dimensions"] = dimensions
    _read_kinds(fields, canonical)
    return Call("embeddings", model, {**canonical, **fields})


def _read_kinds(fields: JsonDict, canonical: JsonDict) -> None:
    kinds = fields.get("embedding_types")
    if kinds is None:
        return
    if not isinstance(kinds, list) or not kinds or not all(isinstance(kind, str) for kind in kinds):
        fail("embedding_types", "expected a list of texts that is not empty")
    if kinds in (["float"], ["base64"]):
        canonical["encoding_format"] = fields.pop("embedding_types")[0]


def render_embed(response: JsonDict) -> bytes:
    native = native_fields(response, NAME)
    data = response.get("data") or []
    kind = native.get("embedding_type")
    if kind not in EMBEDDING_TYPES:
        kind = "base64" if data and isinstance(data[0].get("embedding"), str) else "float"
    vectors = {kind: [item.get("embedding") for item in data], **as_dict(native.get("embeddings"))}
    rest = without(native, ("embedding_type", "embeddings"))
    count = dig(response, "usage", "prompt_tokens")
    billed: JsonDict = {} if count is None else {"billed_units": {"input_tokens": count}}
    wire = {"meta": {"api_version": {"version": "2"}, **billed}, "response_type": "embeddings_by_type", **rest}
    return encode({"id": response.get("id") or "", "embeddings": vectors, **wire})


_OURS = frozenset({"documents", "return_documents"})


def rerank_request(call: Call, target: Target) -> HttpRequest:
    made = begun(call, target, DEFAULTS)
    documents = made.asked.get("documents")
    if not isinstance(documents, list):
        raise made.broken("documents", "must be a list of texts")
    rest = without(made.asked, _OURS)
    texts = [_text(document, f"documents[{n}]", made) for n, document in enumerate(documents)]
    return finished(made, "rerank", RERANK_PATH, {"model": target.model, **rest, "documents": texts})


def read_rerank(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # An answer in canonical form.
    # It holds no documents, so those that were asked for are put in from the request.
    raw = decode_object(body, sent.target)
    if not isinstance(raw.get("results"), list):
        error = stated_error(raw, sent.target)
        if error is not None:
            raise error
    return canonical_rerank(raw, sent, canonical_usage(raw.get("meta"))), raw


def render_rerank(response: JsonDict) -> bytes:
    # A canonical response; what other providers count is shown where Cohere's clients look for it.
    wire = without(response, ("object", "usage", "model"))
    usage = as_dict(response.get("usage"))
    meta: JsonDict = {"api_version": {"version": "2"}}
    if isinstance(usage.get("billed_units"), dict):
        meta["billed_units"] = usage["billed_units"]
    if type(usage.get("prompt_tokens")) is int:
        meta["tokens"] = {"input_tokens": usage["prompt_tokens"]}
    return encode({**wire, "meta": {**meta, **as_dict(wire.get("meta"))}})


def _text(document: Any, where: str, draft: Draft) -> str:
    if isinstance(document, str):
        return document
    if not isinstance(document, dict):
        raise draft.broken(where, "must be text or an object")
    if document.keys() == {"text"} and isinstance(document["text"], str):
        return document["text"]
    if "image" in document:
        draft.refuse(where, "documents are texts")
    # "Structured data should be formatted as YAML strings", and JSON is YAML.
    draft.note(f"{where} (sent as JSON text)")
    return encode_str(document)

# Reranking, both directions. The canonical form is this one; only the API's second version takes texts alone.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import decode_object
from lingate._dialects._draft import Draft
from lingate._dialects._params import begun, finished
from lingate._dialects.cohere.facts import DEFAULTS, RERANK_PATH
from lingate._dialects.cohere.response import stated_error
from lingate._dialects.cohere.usage import canonical_usage
from lingate._dialects.openai_chat.ranking import canonical_rerank
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.json import encode, encode_str
from lingate._wire.shapes import as_dict, without

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

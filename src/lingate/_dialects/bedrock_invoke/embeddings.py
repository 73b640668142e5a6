# Embeddings and reranking, in the formats of the models on Bedrock that do it.

from __future__ import annotations

from typing import Any

from lingate._dialects._answers import embeddings, garbage
from lingate._dialects._bedrock import begin_request
from lingate._dialects._counts import integer
from lingate._dialects._draft import Draft, keep
from lingate._dialects._envelope import seal
from lingate._dialects._ignorable import note_others_words
from lingate._dialects._params import begun
from lingate._dialects.bedrock_converse.response import read_object
from lingate._dialects.bedrock_invoke.answers import counted
from lingate._dialects.bedrock_invoke.facts import NAME, format_of
from lingate._dialects.bedrock_invoke.request import INVOKE
from lingate._dialects.cohere.facts import MOST_TEXTS
from lingate._dialects.openai_chat.ranking import canonical_rerank
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.shapes import is_number, not_null, without

_TAKEN = frozenset({"input", "dimensions", "encoding_format", "user", "model", "provider_specific_fields"})
_NOVA_PURPOSE = "GENERIC_INDEX"


def embed_request(call: Call, target: Target) -> HttpRequest:
    draft = begun(call, target)
    if draft.asked.get("user") is not None:
        draft.note("user")
    note_others_words(draft.asked, draft.note)
    given = draft.asked.get("input")
    items = given if isinstance(given, list) else [given]
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) < len(items):
        draft.refuse("input", "only text can be embedded, not token numbers")
    if not texts:
        raise draft.broken("input", "holds nothing that can be embedded")
    write = _WRITERS.get(format_of(target), _titan)
    body = write(draft, texts)
    body.update(without(draft.asked, _TAKEN | body.keys()))
    return seal(begin_request(draft, INVOKE, target.model), body)


def most_texts(target: Target) -> int:
    return MOST_TEXTS if format_of(target) == "cohere" else 1


def read_embeddings(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # Vectors as an OpenAI list.
    raw = read_object(body, sent.target)
    vectors = _vectors(raw)
    if not vectors or not all(map(_is_vector, vectors)):
        raise garbage(sent.target, "there are no embeddings in it")
    response: JsonDict = {"object": "list", "model": sent.target.model, "data": embeddings(vectors, sent)}
    usage = counted(head, integer(raw.get("inputTextTokenCount")))
    if "prompt_tokens" in usage:
        response["usage"] = {"prompt_tokens": usage["prompt_tokens"], "total_tokens": usage["prompt_tokens"]}
    rest = not_null(raw, ("embedding", "embeddings", "texts"))
    return keep(response, NAME, rest), raw


def _titan(draft: Draft, texts: list[str]) -> JsonDict:
    body: JsonDict = {"inputText": texts[0]}
    size = draft.asked.get("dimensions")
    if size is not None:
        if "embed-image" in draft.target.model:
            body["embeddingConfig"] = {"outputEmbeddingLength": size}
        else:
            body["dimensions"] = size
    return body


def _cohere(draft: Draft, texts: list[str]) -> JsonDict:
    body: JsonDict = {"texts": texts, "input_type": draft.asked.get("input_type", "search_document")}
    if draft.asked.get("dimensions") is not None:
        body["output_dimension"] = draft.asked["dimensions"]
    return body


def _nova(draft: Draft, texts: list[str]) -> JsonDict:
    params: JsonDict = {
        "embeddingPurpose": draft.asked.pop("embeddingPurpose", _NOVA_PURPOSE),
        "text": {"value": texts[0], "truncationMode": draft.asked.pop("truncationMode", "END")},
    }
    if draft.asked.get("dimensions") is not None:
        params["embeddingDimension"] = draft.asked["dimensions"]
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}


_WRITERS = {"titan": _titan, "cohere": _cohere, "nova": _nova}


def _vectors(raw: JsonDict) -> list[Any]:
    found = raw.get("embedding", raw.get("embeddings"))
    if isinstance(found, dict):
        # By type, of which the first is the only one unless the caller asked for more.
        found = found.get("float") or next(iter(found.values()), None)
    if not isinstance(found, list) or not found:
        return []
    if is_number(found[0]):
        return [found]
    return [item.get("embedding") if isinstance(item, dict) else item for item in found]


def _is_vector(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_number, value))


_API_VERSION = 2


def rerank_request(call: Call, target: Target) -> HttpRequest:
    # A rerank call, ready to be sent.
    # Documents come back with the results on our side.
    draft = begun(call, target)
    documents = draft.asked.get("documents")
    if not isinstance(documents, list):
        raise draft.broken("documents", "must be a list of texts")
    texts = [item.get("text") if isinstance(item, dict) else item for item in documents]
    if not all(isinstance(text, str) for text in texts):
        draft.refuse("documents", "the model ranks text alone")
        raise draft.broken("documents", "none can be left out: results name them by their places")
    body: JsonDict = {**draft.asked, "documents": texts}
    body.pop("return_documents", None)
    if format_of(target) == "cohere":
        body["api_version"] = _API_VERSION
    return seal(begin_request(draft, INVOKE, target.model), body)


def read_rerank(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    # Results in canonical form, and the decoded body.
    raw = read_object(body, sent.target)
    return canonical_rerank(raw, sent, counted(head) or None), raw

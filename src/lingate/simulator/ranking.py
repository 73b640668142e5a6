"""Rankings: documents that share words with the query come first, and the same request always has the same scores."""

from __future__ import annotations

from typing import Any

from lingate._model import Call, JsonDict
from lingate._wire import json
from lingate.errors import BadRequestError
from lingate.simulator.tokens import count
from lingate.simulator.vectors import vector_of

_SIZE = 256


def answer_rerank(call: Call) -> JsonDict:
    """The canonical rerank response.

    Raises:
        BadRequestError: There is nothing to rank.
    """
    body = call.body
    query, documents = body.get("query"), body.get("documents")
    if not isinstance(query, str) or not isinstance(documents, list) or not documents:
        raise BadRequestError("query must be a text and documents a list of texts that is not empty")
    texts = [_text(document) for document in documents]
    wanted = vector_of(query, _SIZE)
    scores = [_closeness(wanted, vector_of(text, _SIZE)) for text in texts]
    order = sorted(range(len(texts)), key=lambda index: (-scores[index], index))
    results: list[JsonDict] = [{"index": index, "relevance_score": scores[index]} for index in order]
    if body.get("return_documents"):
        for result in results:
            result["document"] = {"text": texts[result["index"]]}
    tokens = count(query) * len(texts) + sum(map(count, texts))
    return {
        "object": "rerank",
        "id": "sim-rerank",
        "model": call.model,
        "results": results[: body.get("top_n")],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _closeness(left: list[float], right: list[float]) -> float:
    """The angle between two unit vectors, as a number from 0 to 1."""
    product = sum(a * b for a, b in zip(left, right, strict=True))
    return round(min(max((product + 1) / 2, 0.0), 1.0), 6)


def _text(document: Any) -> str:
    if isinstance(document, str):
        return document
    text = document.get("text") if isinstance(document, dict) else None
    return text if isinstance(text, str) else json.encode_str(document)

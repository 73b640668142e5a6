"""Embeddings, unit vectors made from the words of a text, so that texts that share words are close; and rankings by them."""

from __future__ import annotations

import array
import math
import re
import sys
from base64 import b64encode
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from lingate._model import Call, JsonDict
from lingate._wire import json
from lingate.errors import BadRequestError
from lingate.simulator.prompt import count

DEFAULT_DIMENSIONS = 1536
_MAX_DIMENSIONS = 8192
_MAX_INPUTS = 2048
_SLOTS = 8  # places of the vector that a word touches
_RANKING_SIZE = 256
_NOISE = 0.01  # keeps vectors dense and texts of the same words apart


def answer_embeddings(call: Call, dimensions: int | None) -> JsonDict:
    body = call.body
    size = body.get("dimensions")
    if size is None:
        size = dimensions or DEFAULT_DIMENSIONS
    if not isinstance(size, int) or not 1 <= size <= _MAX_DIMENSIONS:
        raise BadRequestError(f"dimensions must be a number from 1 to {_MAX_DIMENSIONS}")
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise BadRequestError("encoding_format must be float or base64")
    inputs = list(_inputs(body.get("input")))
    if not 1 <= len(inputs) <= _MAX_INPUTS:
        raise BadRequestError(f"input must hold from 1 to {_MAX_INPUTS} texts")
    tokens = sum(tokens for _, tokens in inputs)
    vectors = (vector_of(text, size) for text, _ in inputs)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if encoding == "base64" else vector}
            for index, vector in enumerate(vectors)
        ],
        "model": call.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _inputs(value: Any) -> Iterator[tuple[str, int]]:
    """Each text with its tokens; a list of numbers is one text that is tokens already."""
    if isinstance(value, dict) and isinstance(value.get("parts"), list):
        value = "".join(str(part.get("text", "")) for part in value["parts"])  # one input in several pieces
    if isinstance(value, str):
        yield value, count(value)
    elif isinstance(value, list) and value and all(isinstance(item, int) for item in value):
        yield " ".join(map(str, value)), len(value)
    elif isinstance(value, list):
        for item in value:
            if not isinstance(item, (str, list, dict)) or item == []:
                raise BadRequestError("input must be a text, a list of texts or lists of tokens")
            yield from _inputs(item)
    else:
        raise BadRequestError("input must be a text, a list of texts or lists of tokens")


def vector_of(text: str, size: int) -> list[float]:
    """A unit vector of `size` numbers, always the same for the same text."""
    state = _hash(text)
    vector = []
    for _ in range(size):
        # a linear congruential generator (Knuth, MMIX): one multiplication, where a hash costs ten times that
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        vector.append(((state >> 40) / (1 << 24) - 0.5) * _NOISE)
    for word in re.findall(r"\w+", text.lower()):
        bits = _hash(word)
        for _ in range(_SLOTS):
            vector[bits % 0xFFFF % size] += 1.0 if bits & 0x10000 else -1.0
            bits = (bits * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
    length = math.sqrt(sum(number * number for number in vector)) or 1.0
    return [number / length for number in vector]


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _packed(vector: list[float]) -> str:
    """Little-endian 32-bit floats in base64, as OpenAI sends them."""
    numbers = array.array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode()


def answer_rerank(call: Call) -> JsonDict:
    body = call.body
    query, documents = body.get("query"), body.get("documents")
    if not isinstance(query, str) or not isinstance(documents, list) or not documents:
        raise BadRequestError("query must be a text and documents a list of texts that is not empty")
    texts = [_text(document) for document in documents]
    wanted = vector_of(query, _RANKING_SIZE)
    scores = [_closeness(wanted, vector_of(text, _RANKING_SIZE)) for text in texts]
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

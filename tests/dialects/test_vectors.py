"""Vectors come as OpenAI's own clients ask for them, also from hosts that give numbers whatever they are asked."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from lingate._dialects._format_choice import form_of
from lingate._model import Call, Head
from lingate._providers import lookup
from lingate.errors import ProtocolError

ENV = {"AWS_REGION": "eu-west-1"}
ANSWERS: dict[str, Any] = {
    "ollama/nomic-embed-text": {"embeddings": [[0.5, -1.0]]},
    "mistral/mistral-embed": {"data": [{"index": 0, "embedding": [0.5, -1.0]}]},
    "gemini/gemini-embedding-001": {"embeddings": [{"values": [0.5, -1.0]}]},
    "bedrock/amazon.titan-embed-text-v2:0": {"embedding": [0.5, -1.0]},
    "sagemaker/minilm": [[0.5, -1.0]],
}


def embedding(model: str, answer: Any, **fields: Any) -> Any:
    target = lookup.resolve(model, env=ENV, api_key="k")
    form = form_of(target, "embeddings")
    sent = form.request(Call("embeddings", model, {"input": "x", **fields}), target)
    head = Head(200, {"content-type": "application/json"})
    return form.response(sent, head, json.dumps(answer).encode())[0]["data"][0]["embedding"]


@pytest.mark.parametrize("model", ANSWERS)
def test_numbers_are_packed_where_that_was_asked_for(model: str) -> None:
    packed = embedding(model, ANSWERS[model], encoding_format="base64")

    assert struct.unpack("<2f", base64.b64decode(packed)) == (0.5, -1.0)
    assert embedding(model, ANSWERS[model]) == [0.5, -1.0]


def test_what_is_no_plain_vector_stays_and_a_number_too_large_makes_no_sense() -> None:
    packed: Any = {"data": [{"embedding": "AAAAPw=="}]}
    several: Any = {"data": [{"embedding": [[0.5], [1.0]]}]}

    assert embedding("mistral/m", packed, encoding_format="base64") == "AAAAPw=="
    assert embedding("mistral/m", several, encoding_format="base64") == [[0.5], [1.0]]
    with pytest.raises(ProtocolError):
        embedding("mistral/m", {"data": [{"embedding": [1e39]}]}, encoding_format="base64")

from __future__ import annotations

import array
import base64
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._model import Call
from lingate.errors import BadRequestError
from lingate.simulator.media import answer_embeddings, vector_of


def embed(value: Any, default: int | None = None, **body: Any) -> dict[str, Any]:
    return answer_embeddings(Call("embeddings", "sim", {"input": value, **body}), default)


def close(left: str, right: str) -> float:
    return sum(a * b for a, b in zip(vector_of(left, 512), vector_of(right, 512), strict=True))


@given(st.text(max_size=60), st.integers(1, 300))
def test_a_vector_has_the_size_asked_for_and_length_one(text: str, size: int) -> None:
    vector = vector_of(text, size)

    assert len(vector) == size
    assert math.isclose(math.fsum(number * number for number in vector), 1.0, rel_tol=1e-9)
    assert vector == vector_of(text, size)


def test_texts_that_share_words_are_closer_than_texts_that_do_not() -> None:
    question = "how do I reset my password"

    assert close(question, "reset the password like this") > close(question, "bananas are yellow fruit") + 0.2


def test_a_batch_keeps_its_order_and_counts_tokens() -> None:
    made = embed(["one", "two words", "one"], dimensions=8)

    assert [item["index"] for item in made["data"]] == [0, 1, 2]
    assert made["data"][0]["embedding"] == made["data"][2]["embedding"] != made["data"][1]["embedding"]
    assert made["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


def test_base64_holds_the_same_numbers() -> None:
    plain = embed("text", dimensions=16)["data"][0]["embedding"]
    packed = embed("text", dimensions=16, encoding_format="base64")["data"][0]["embedding"]

    assert array.array("f", base64.b64decode(packed)).tolist() == pytest.approx(plain, abs=1e-6)


def test_token_lists_are_texts() -> None:
    assert len(embed([1, 2, 3], dimensions=4)["data"]) == 1
    assert len(embed([[1, 2], [3]], dimensions=4)["data"]) == 2


def test_the_request_decides_on_the_size_before_the_model_does() -> None:
    assert len(embed("x")["data"][0]["embedding"]) == 1536
    assert len(embed("x", 32)["data"][0]["embedding"]) == 32
    assert len(embed("x", 32, dimensions=7)["data"][0]["embedding"]) == 7


@pytest.mark.parametrize(
    ("value", "body"),
    [
        (None, {}),
        ([], {}),
        ([None], {}),
        ([[]], {}),
        ({"a": 1}, {}),
        ("x", {"dimensions": 0}),
        ("x", {"dimensions": 10**9}),
        ("x", {"encoding_format": "hex"}),
        (["x"] * 3000, {}),
    ],
)
def test_an_impossible_request_is_a_bad_request(value: Any, body: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        embed(value, **body)

"""Inputs in several pieces, which Google's format has, at a provider that has them not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._base import dialect
from lingate._model import Call
from lingate._providers import lookup


def _sent(given: Any) -> Any:
    target = lookup.resolve("openai/text-embedding-3-small", env={"OPENAI_API_KEY": "sk-x"})
    form = dialect("openai_chat").operations["embeddings"]
    return json.loads(form.request(Call("embeddings", target.model, {"input": given}), target).body)["input"]


TWO = {"role": "user", "parts": [{"text": "one "}, {"text": "text"}]}
PICTURE = {"parts": [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}


@pytest.mark.parametrize(
    ("given", "wire"),
    [("a", "a"), (["a", "b"], ["a", "b"]), ([[1, 2]], [[1, 2]]), (TWO, "one text"), ([TWO, "b"], ["one text", "b"])],
    ids=["text", "texts", "tokens", "pieces", "pieces and text"],
)
def test_several_pieces_of_text_are_one_text(given: Any, wire: Any) -> None:
    assert _sent(given) == wire


def test_what_is_more_than_text_is_left_for_the_provider_to_refuse() -> None:
    assert _sent([PICTURE]) == [PICTURE]

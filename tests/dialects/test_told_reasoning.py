"""Reasoning in a history under the names that other hosts' clients have for it: taken where text is, else reported."""

from __future__ import annotations

from typing import Any

import pytest

from lingate._dialects._format_choice import form_of
from lingate._model import Call, HttpRequest
from lingate._providers.lookup import resolve

WORDS = "the user is in Oslo"
DETAILS = [{"type": "reasoning.text", "text": WORDS, "signature": "s", "index": 0}]
SUMMARY = [{"type": "reasoning.summary", "summary": WORDS, "index": 0}]
SECRET = [{"type": "reasoning.encrypted", "data": "x", "index": 0}]
TOLD: list[dict[str, Any]] = [
    {"reasoning_content": WORDS},
    {"reasoning": WORDS},
    {"reasoning_details": DETAILS},
    {"reasoning_details": SUMMARY},
]


def sent(model: str, content: str = "hi", **told: Any) -> HttpRequest:
    said = {"role": "assistant", "content": content, **told}
    history = [{"role": "user", "content": "hello"}, said, {"role": "user", "content": "go on"}]
    config = {"items": {"dialect": "openai_responses", "url": "https://items.test/v1"}}
    to = resolve(model, env={"AWS_REGION": "eu-west-1"}, api_key="k", config=config)
    return form_of(to, "chat").request(Call("chat", to.model, {"messages": history}), to)


@pytest.mark.parametrize("told", [*TOLD, {"reasoning_details": SECRET}], ids=str)
@pytest.mark.parametrize(
    "model",
    ["anthropic/claude-sonnet-4-5", "bedrock/amazon.nova-pro-v1:0", "gemini/gemini-2.5-flash", "items/m"],
)
def test_what_a_provider_of_signed_reasoning_cannot_take_is_reported(model: str, told: Any) -> None:
    request = sent(model, **told)

    assert WORDS not in request.body.decode()
    assert request.dropped == [f"messages[1].{name}" for name in told]


@pytest.mark.parametrize("told", TOLD, ids=str)
@pytest.mark.parametrize("model", ["ollama/llama3.2", "cohere/command-a-reasoning-08-2025"])
def test_what_a_provider_of_plain_reasoning_takes_goes_there(model: str, told: Any) -> None:
    assert WORDS in sent(model, **told).body.decode()


@pytest.mark.parametrize("told", [{"reasoning_content": WORDS}, {"reasoning": WORDS}], ids=str)
def test_a_turn_of_reasoning_alone_is_missed_as_well(told: Any) -> None:
    assert sent("items/m", "", **told).dropped == [f"messages[1].{name}" for name in told]

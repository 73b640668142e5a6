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
    name, _, dialect = model.partition("/")[0].partition("-")
    if name == "texts":
        config[f"texts-{dialect}"] = {"dialect": dialect, "url": "https://texts.test/v1"}
    to = resolve(model, env={"AWS_REGION": "eu-west-1"}, api_key="k", config=config)
    return form_of(to, "chat").request(Call("chat", to.model, {"messages": history}), to)


@pytest.mark.parametrize("model", ["ollama/llama3.2", "cohere/command-a-reasoning-08-2025"])
@pytest.mark.parametrize(
    ("told", "lost"),
    [
        ({"thinking_blocks": [{"type": "redacted_thinking", "data": "x"}]}, "thinking_blocks"),
        ({"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "x"}]}, "thinking_blocks"),
        (
            {"thinking_blocks": [{"type": "thinking", "thinking": WORDS}, {"type": "redacted_thinking", "data": "x"}]},
            "thinking_blocks",
        ),
        (
            {"reasoning_content": WORDS, "thinking_blocks": [{"type": "redacted_thinking", "data": "x"}]},
            "thinking_blocks",
        ),
        ({"reasoning_details": SECRET}, "reasoning_details"),
    ],
    ids=str,
)
def test_what_nobody_else_can_read_is_reported_where_text_is_taken(model: str, told: Any, lost: str) -> None:
    request = sent(model, **told)

    assert request.dropped == [f"messages[1].{lost} (encrypted)"]
    assert (WORDS.encode() in request.body) == (WORDS in str(told))


@pytest.mark.parametrize("told", [*TOLD, {"thinking_blocks": [{"type": "redacted_thinking", "data": "x"}]}], ids=str)
@pytest.mark.parametrize("dialect", ["nlpcloud_generation", "replicate_predictions", "a2a_message", "tgi_generate"])
def test_what_a_model_of_text_alone_is_not_told_is_reported(dialect: str, told: Any) -> None:
    request = sent(f"texts-{dialect}/m", **told)

    (name,) = told
    assert request.dropped == [f"messages[1].{name}"]


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

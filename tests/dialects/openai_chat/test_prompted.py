"""Prompts at providers that have chats only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._format_choice import form_of
from lingate._dialects.openai_chat.completions import FORM
from lingate._model import Call, Head
from lingate._providers import lookup
from lingate.errors import ConfigError, UnsupportedError

CHATS = ("anthropic/claude-opus-4-6", "gemini/gemini-2.5-flash", "cohere/command-a-03-2025", "ollama/llama3.2")


def asked(model: str, *, drop_params: bool = False, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    """The body that goes out, and what it leaves out."""
    target = lookup.resolve(model, env={}, api_key="sk-test")
    call = Call("completions", model, {"prompt": "Once", **fields}, drop_params=drop_params)
    sent = form_of(target, "completions").request(call, target)
    assert sent.call is call
    return json.loads(sent.body), sent.dropped


@pytest.mark.parametrize("model", CHATS)
def test_a_prompt_goes_out_as_a_users_message(model: str) -> None:
    body, dropped = asked(model, max_tokens=7, best_of=1, echo=False, suffix="")
    assert "Once" in json.dumps(body.get("messages") or body["contents"])
    assert not {"prompt", "best_of", "echo", "suffix"} & body.keys()
    assert dropped == []
    assert asked(model, prompt=["Once"], max_tokens=7)[0] == body


@pytest.mark.parametrize("model", CHATS)
@pytest.mark.parametrize("field", ["suffix", "echo", "best_of", "logprobs"])
def test_what_chats_have_not_is_refused_by_name_or_left_out(model: str, field: str) -> None:
    value = {"suffix": "end", "echo": True, "best_of": 2, "logprobs": 1}[field]
    with pytest.raises(UnsupportedError) as caught:
        asked(model, **{field: value})
    assert caught.value.param == field
    assert asked(model, drop_params=True, **{field: value}) == (asked(model)[0], [field])


@pytest.mark.parametrize("prompt", [["a", "b"], [1, 2], [[1]]], ids=str)
def test_several_prompts_and_tokens_are_no_message(prompt: Any) -> None:
    with pytest.raises(UnsupportedError):
        asked("anthropic/claude-opus-4-6", prompt=prompt)
    with pytest.raises(ConfigError):
        asked("anthropic/claude-opus-4-6", prompt=prompt, drop_params=True)


def test_the_answer_is_a_completion() -> None:
    target = lookup.resolve("ollama/llama3.2", env={}, api_key="sk-test")
    form = form_of(target, "completions")
    sent = form.request(Call("completions", "llama3.2", {"prompt": "Once"}), target)
    said = {
        "model": "llama3.2",
        "message": {"role": "assistant", "content": " upon"},
        "done": True,
        "done_reason": "length",
    }
    body = json.dumps({**said, "prompt_eval_count": 1, "eval_count": 2}).encode()
    canonical, raw = form.response(sent, Head(200, {"content-type": "application/json"}), body)

    assert canonical["object"] == "text_completion"
    assert (canonical["choices"][0]["text"], canonical["choices"][0]["finish_reason"]) == (" upon", "length")
    assert canonical["usage"]["total_tokens"] == 3
    assert raw["message"] == said["message"]


def test_where_there_are_completions_they_are_asked_for() -> None:
    target = lookup.resolve("openai/gpt-3.5-turbo-instruct", env={}, api_key="sk-test")
    assert form_of(target, "completions") is FORM

"""Calls that are answered without a provider."""

from __future__ import annotations

from typing import Any

import pytest

from lingate.compat import litellm
from tests.compat.conftest import ASKED


def test_a_mock_is_an_answer_of_the_model_that_was_asked() -> None:
    answer = litellm.completion("gpt-4o", ASKED, mock_response="hello")

    assert answer.choices[0].message.content == "hello"
    assert answer.model == "gpt-4o"
    assert answer._hidden_params["custom_llm_provider"] == "openai"
    assert answer._hidden_params["response_cost"] > 0


def test_there_are_as_many_choices_as_were_asked_for() -> None:
    answer = litellm.completion("gpt-4o", ASKED, mock_response="hello", n=3)

    assert [choice.message.content for choice in answer.choices] == ["hello"] * 3


async def test_a_mock_can_be_streamed() -> None:
    chunks = list(litellm.completion("gpt-4o", ASKED, mock_response="hello you", stream=True))
    stream = await litellm.acompletion("gpt-4o", ASKED, mock_response="hello you", stream=True)
    awaited = [item async for item in stream]

    for found in (chunks, awaited):
        assert "".join(item.choices[0].delta.content or "" for item in found) == "hello you"
        assert found[-1].choices[0].finish_reason == "stop"


def test_a_mock_can_be_a_response_a_tool_call_or_a_vector() -> None:
    given = litellm.ModelResponse(choices=[{"message": {"content": "x"}, "finish_reason": "length"}])
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

    assert litellm.completion("gpt-4o", ASKED, mock_response=given).choices[0].finish_reason == "length"
    answer = litellm.completion("gpt-4o", ASKED, mock_tool_calls=[call])
    assert answer.choices[0].message.tool_calls[0].function.name == "f"
    assert answer.choices[0].finish_reason == "tool_calls"
    assert litellm.embedding("gpt-4o", "a", mock_response=[0.5, 1.0]).data[0].embedding == [0.5, 1.0]
    assert litellm.text_completion("a", model="gpt-4o", mock_response="b").choices[0].text == "b"


def test_a_mock_can_be_an_exception_or_the_name_of_one() -> None:
    with pytest.raises(litellm.RateLimitError) as caught:
        litellm.completion("gpt-4o", ASKED, mock_response="litellm.RateLimitError")
    assert caught.value.llm_provider == "openai"
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.completion("gpt-4o", ASKED, mock_response=litellm.ContextWindowExceededError("m", "gpt-4o", "openai"))
    with pytest.raises(litellm.Timeout):
        litellm.completion("gpt-4o", ASKED, mock_timeout=True)
    with pytest.raises(ValueError, match="boom"):
        litellm.completion("gpt-4o", ASKED, mock_response=ValueError("boom"))


async def test_an_awaited_mock_can_be_an_exception() -> None:
    with pytest.raises(litellm.RateLimitError):
        await litellm.acompletion("gpt-4o", ASKED, mock_response="litellm.RateLimitError")


@pytest.mark.parametrize("prompt", ["hello you", ["hello", "you"], [15339, 499]])
def test_a_prompt_in_any_form_is_counted(prompt: Any) -> None:
    answer = litellm.text_completion(model="gpt-3.5-turbo-instruct", prompt=prompt, mock_response="fine")

    assert (answer.choices[0].text, answer.usage.prompt_tokens) == ("fine", 2)
    assert litellm.responses(model="gpt-4o", input="hello you", mock_response="fine").usage.input_tokens == 2

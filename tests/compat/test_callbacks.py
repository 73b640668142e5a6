"""Who is told of calls."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from lingate.compat import litellm
from lingate.compat.litellm.integrations.custom_logger import CustomLogger
from tests.compat.conftest import ASKED


class Notes(CustomLogger):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, Any], Any]] = []

    def log_pre_api_call(self, model: str, messages: Any, kwargs: dict[str, Any]) -> None:
        self.seen.append(("before", kwargs, messages))

    def log_success_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        self.seen.append(("success", kwargs, response_obj))

    def log_failure_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        self.seen.append(("failure", kwargs, response_obj))

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.seen.append(("asuccess", kwargs, response_obj))

    async def async_log_failure_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.seen.append(("afailure", kwargs, response_obj))

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.seen]


def test_a_logger_is_told_before_and_after_a_call(to: dict[str, Any]) -> None:
    notes = Notes()
    litellm.callbacks = [notes]

    answer = litellm.completion("gpt-4o", ASKED, metadata={"who": "me"}, **to)

    assert notes.names == ["before", "success"]
    _, details, response = notes.seen[1]
    assert response is answer
    assert details["response_cost"] == answer._hidden_params["response_cost"]
    assert details["litellm_params"]["metadata"] == {"who": "me"}
    assert (details["model"], details["custom_llm_provider"], details["messages"]) == ("gpt-4o", "openai", ASKED)
    assert details["end_time"] >= details["start_time"]
    assert details["standard_logging_object"]["total_tokens"] == answer.usage.total_tokens
    assert "key" not in str(details["optional_params"])


def test_functions_are_told_of_success_and_failure_apart(to: dict[str, Any]) -> None:
    good: list[Any] = []
    bad: list[Any] = []
    litellm.success_callback = [lambda kwargs, response, start, end: good.append(response)]
    litellm.failure_callback = [lambda kwargs, response, start, end: bad.append(kwargs["exception"])]

    litellm.completion("gpt-4o", ASKED, **to)
    with pytest.raises(litellm.InternalServerError) as caught:
        litellm.completion("gpt-4o", ASKED, extra_headers={"x-sim-fault": "server_error"}, **to)

    assert len(good) == 1
    assert bad == [caught.value]


async def test_awaited_calls_tell_the_awaited_methods(to: dict[str, Any]) -> None:
    notes = Notes()
    told: list[str] = []

    async def function(kwargs: dict[str, Any], response: Any, start: Any, end: Any) -> None:
        told.append(kwargs["call_type"])

    litellm.callbacks = [notes]
    litellm.success_callback = [function]

    await litellm.acompletion("gpt-4o", ASKED, **to)
    with pytest.raises(litellm.InternalServerError):
        await litellm.acompletion("gpt-4o", ASKED, extra_headers={"x-sim-fault": "server_error"}, **to)

    assert notes.names == ["before", "asuccess", "before", "afailure"]
    assert told == ["completion"]


def test_a_stream_is_told_of_once_with_the_whole_answer(to: dict[str, Any]) -> None:
    notes = Notes()
    litellm.callbacks = [notes]

    stream = litellm.completion("gpt-4o", ASKED, stream=True, **to)
    assert notes.names == ["before"]
    text = "".join(item.choices[0].delta.content or "" for item in stream)

    assert notes.names == ["before", "success"]
    whole = notes.seen[1][1]["complete_streaming_response"]
    assert whole.choices[0].message.content == text
    assert whole.usage.total_tokens > 0
    assert notes.seen[1][1]["response_cost"] > 0


def test_a_stream_that_breaks_or_is_left_is_a_failure(to: dict[str, Any]) -> None:
    notes = Notes()
    litellm.callbacks = [notes]

    with pytest.raises(litellm.APIConnectionError):
        list(litellm.completion("gpt-4o", ASKED, stream=True, extra_headers={"x-sim-fault": "cut=2"}, **to))
    left = litellm.completion("gpt-4o", ASKED, stream=True, **to)
    next(left)
    left.close()
    left.close()

    assert notes.names == ["before", "failure", "before", "failure"]


def test_what_a_callback_raises_is_logged_and_the_call_succeeds(
    to: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a bug of the application")

    litellm.success_callback = [broken]

    with caplog.at_level(logging.ERROR, "lingate.compat.litellm"):
        assert litellm.completion("gpt-4o", ASKED, **to).choices
    assert "a callback failed" in caplog.text


def test_an_integration_of_litellms_by_name_is_warned_about_once(to: dict[str, Any]) -> None:
    litellm.success_callback = ["langfuse-for-this-test"]

    with pytest.warns(UserWarning, match="langfuse-for-this-test"):
        litellm.completion("gpt-4o", ASKED, **to)
    litellm.completion("gpt-4o", ASKED, **to)


def test_a_budget_that_is_used_up_stops_further_calls(to: dict[str, Any]) -> None:
    litellm.max_budget = 1e-9
    litellm.completion("gpt-4o", ASKED, **to)

    with pytest.raises(litellm.BudgetExceededError) as caught:
        litellm.completion("gpt-4o", ASKED, **to)
    assert caught.value.current_cost > caught.value.max_budget


def test_messages_can_be_kept_from_callbacks_and_calls_too(to: dict[str, Any]) -> None:
    notes = Notes()
    litellm.callbacks = [notes]
    litellm.turn_off_message_logging = True

    litellm.completion("gpt-4o", ASKED, **to)
    assert "You said" not in str(notes.seen)
    notes.seen.clear()
    litellm.completion("gpt-4o", ASKED, **{"no-log": True}, **to)
    assert notes.names == []


async def test_a_call_may_bring_callbacks_of_its_own(to: dict[str, Any]) -> None:
    always, notes = Notes(), Notes()
    told: list[str] = []
    litellm.callbacks = [always]
    own: dict[str, Any] = {
        "callbacks": [notes],
        "input_callback": [lambda kwargs: told.append("before")],
        "success_callback": [lambda kwargs, response, start, end: told.append("success")],
        "failure_callback": lambda kwargs, response, start, end: told.append("failure"),
    }

    list(litellm.completion("gpt-4o", ASKED, stream=True, **own, **to))
    await litellm.acompletion("gpt-4o", ASKED, **own, **to)
    with pytest.raises(litellm.InternalServerError):
        litellm.completion("gpt-4o", ASKED, extra_headers={"x-sim-fault": "server_error"}, **own, **to)
    litellm.completion("gpt-4o", ASKED, **to)

    assert told == ["before", "success"] * 2 + ["before", "failure"]
    assert notes.names == ["before", "success", "before", "asuccess", "before", "failure"]
    assert always.names == [*notes.names, "before", "success"]
    assert litellm.callbacks == [always]


async def test_a_function_of_the_call_is_told_before_it_unless_nobody_is_to_be(
    to: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    async def broken(*_: Any) -> None:
        raise RuntimeError("a bug of the application")

    with caplog.at_level(logging.ERROR, "lingate.compat.litellm"):
        await litellm.acompletion(
            "gpt-4o", ASKED, logger_fn=lambda details: told.append(details["model"]), success_callback=broken, **to
        )
    assert "a callback failed" in caplog.text
    litellm.completion(
        "gpt-4o", ASKED, logger_fn=lambda details: told.append(details["model"]), **{"no-log": True}, **to
    )

    assert told == ["gpt-4o"]

"""Exceptions: which class, which attributes, and their parents."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import openai
import pytest

from lingate import errors
from lingate.compat import litellm
from lingate.compat.litellm._errors import translate
from tests.compat.conftest import ASKED

RAISED = {
    "rate_limit": (litellm.RateLimitError, openai.RateLimitError, 429),
    "quota": (litellm.RateLimitError, openai.RateLimitError, 429),
    "auth": (litellm.AuthenticationError, openai.AuthenticationError, 401),
    "permission": (litellm.PermissionDeniedError, openai.PermissionDeniedError, 403),
    "not_found": (litellm.NotFoundError, openai.NotFoundError, 404),
    "payment": (litellm.PaymentRequiredError, openai.BadRequestError, 402),
    "conflict": (litellm.ConflictError, openai.ConflictError, 409),
    "payload_too_large": (litellm.BadRequestError, openai.BadRequestError, 413),
    "context": (litellm.ContextWindowExceededError, openai.BadRequestError, 400),
    "content_filter": (litellm.ContentPolicyViolationError, openai.BadRequestError, 400),
    "bad_request": (litellm.BadRequestError, openai.BadRequestError, 400),
    "timeout": (litellm.Timeout, openai.APITimeoutError, 408),
    "server_error": (litellm.InternalServerError, openai.InternalServerError, 500),
    "bad_gateway": (litellm.BadGatewayError, openai.APIStatusError, 502),
    "unavailable": (litellm.ServiceUnavailableError, openai.APIStatusError, 503),
    "reset_head": (litellm.APIConnectionError, openai.APIConnectionError, 500),
    "malformed_json": (litellm.APIResponseValidationError, openai.APIResponseValidationError, 200),
}


@pytest.mark.parametrize("fault", RAISED)
def test_an_error_has_litellms_class_and_the_openai_packages(to: dict[str, Any], fault: str) -> None:
    ours, theirs, status = RAISED[fault]

    with pytest.raises(openai.OpenAIError) as caught:
        litellm.completion("groq/some-model", ASKED, extra_headers={"x-sim-fault": fault}, **to)

    error: Any = caught.value
    assert type(error) is ours
    assert isinstance(error, theirs)
    assert error.status_code in (status, 500, 529)
    assert (error.llm_provider, error.model) == ("groq", "some-model")
    assert error.message.startswith(f"litellm.{ours.__name__}: ")
    assert error.max_retries == 0
    assert error.response.status_code == error.status_code
    assert isinstance(error.__cause__, errors.LingateError)


def test_retry_after_is_among_the_responses_headers(to: dict[str, Any]) -> None:
    with pytest.raises(litellm.RateLimitError) as caught:
        litellm.completion("openai/x", ASKED, extra_headers={"x-sim-fault": "rate_limit=7"}, **to)

    assert caught.value.response.headers["retry-after"] == "7"


def test_a_refused_connection_is_a_connection_error() -> None:
    with pytest.raises(litellm.APIConnectionError):
        litellm.completion("openai/x", ASKED, api_base="http://127.0.0.1:9/v1", api_key="k", num_retries=0)


def test_a_missing_key_is_an_authentication_error_that_names_the_variable() -> None:
    with pytest.raises(litellm.AuthenticationError, match="OPENAI_API_KEY"):
        litellm.completion("gpt-4o", ASKED)


def test_a_model_without_a_known_provider_is_a_bad_request() -> None:
    with pytest.raises(litellm.BadRequestError, match="LLM Provider NOT provided"):
        litellm.completion("nothing-known", ASKED)


def test_a_timeout_is_one_in_the_openai_packages_eyes_too(to: dict[str, Any]) -> None:
    with pytest.raises(openai.APITimeoutError):
        litellm.completion("openai/sim-first-2000", ASKED, timeout=0.1, **to)


def test_the_code_of_a_prompt_that_does_not_fit_is_in_the_text(to: dict[str, Any]) -> None:
    with pytest.raises(litellm.ContextWindowExceededError, match="context_length_exceeded"):
        litellm.completion("openai/x", ASKED, extra_headers={"x-sim-fault": "context"}, **to)


@pytest.mark.parametrize("name", sorted({cls.__name__ for cls in litellm.LITELLM_EXCEPTION_TYPES}))
def test_each_class_can_be_raised_by_hand_pickled_and_copied(name: str) -> None:
    cls = getattr(litellm, name)
    assert getattr(litellm.exceptions, name) is cls

    error = (
        cls(message="it failed")
        if name == "BudgetExceededError"
        else cls(message="it failed", llm_provider="p", model="m")
    )

    assert "it failed" in str(error)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(twin), str(twin)) == (cls, str(error))


def test_positional_arguments_are_in_litellms_order() -> None:
    assert litellm.RateLimitError("m", "provider", "model").llm_provider == "provider"
    assert litellm.BadRequestError("m", "model", "provider").llm_provider == "provider"
    assert litellm.NotFoundError("m", "model", "provider").model == "model"
    assert litellm.Timeout("m", "model", "provider").llm_provider == "provider"
    assert litellm.APIError(418, "m", "provider", "model").status_code == 418


@pytest.mark.parametrize("cls", [getattr(errors, name) for name in errors.__all__])
def test_every_error_of_lingate_has_a_translation(cls: type[errors.LingateError]) -> None:
    found = translate(cls("it failed", provider="p", model="m"), "p/m", 2)

    assert "it failed" in str(found)
    assert isinstance(found, (openai.OpenAIError, litellm.BudgetExceededError))


def test_without_the_openai_package_the_classes_are_plain_exceptions() -> None:
    code = (
        "import sys; sys.modules['openai'] = None; sys.modules['httpx'] = None\n"
        "from lingate.compat import litellm\n"
        "try: litellm.completion('nothing-known', 'hi')\n"
        "except litellm.BadRequestError as error: print(error.response.status_code, isinstance(error, litellm.OpenAIError))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "400 True"


def test_an_exception_says_how_often_was_tried_and_takes_a_response() -> None:
    error = litellm.RateLimitError("slow down", "openai", "m", num_retries=2)

    assert str(error) == "litellm.RateLimitError: slow down LiteLLM Retried: 2 times"
    error.max_retries = 3
    assert str(error).endswith("LiteLLM Retried: 2 times, LiteLLM Max Retries: 3")
    assert repr(error) == "RateLimitError('litellm.RateLimitError: slow down')"
    assert error.request.method == "POST"
    error.response = "mine"
    assert error.response == "mine"

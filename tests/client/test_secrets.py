"""Two canary keys, one in the environment and one in the call, under every fault of the simulator: they appear nowhere."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import Any

import pytest

import lingate
from lingate.errors import LingateError
from lingate.simulator import FAULTS, Simulator

IN_ENV = "sk-canary-environment-0123456789abcdef"
IN_CALL = "canarycall9876543210zyxwvu"
MODELS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "groq": "GROQ_API_KEY"}


def texts(value: Any) -> list[str]:
    """Every way in which a value could be written down."""
    found = [str(value), repr(value), pickle.dumps(value).decode("latin-1")]
    if isinstance(value, BaseException):
        found += traceback.format_exception(value)
        found += [repr(item) for item in vars(value).values()]
    return found


def watched(call: Any) -> Any:
    """What a call gives back, or raises."""
    try:
        return call()
    except LingateError as error:
        return error


@pytest.mark.parametrize("provider", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_no_fault_brings_a_key_to_light(
    provider: str, stream: bool, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[Any] = []
    env = {MODELS[provider]: IN_ENV}
    with Simulator() as simulator, lingate.Lingate(env=env, timeout=1.0, retries=0) as client:
        for fault in FAULTS:
            for key in (None, IN_CALL):

                def call(fault: str = fault, key: str | None = key) -> Any:
                    answer = client.chat(
                        f"{provider}/sim-fault-{fault}",
                        "hello",
                        stream=stream,
                        api_key=key,
                        api_base=simulator.url,
                        timeout=0.4,
                    )
                    return answer.final() if stream else answer

                seen.append(watched(call))
        seen += [client._session, client._session.config]

    written = [text for item in seen[:-2] for text in texts(item)] + [repr(item) for item in seen[-2:]]
    written += [caplog.text, *capfd.readouterr()]
    assert sum(isinstance(item, LingateError) for item in seen) > len(FAULTS)
    for secret in (IN_ENV, IN_CALL):
        assert not [text for text in written if secret in text]


def test_a_target_and_a_request_hide_their_headers() -> None:
    from lingate._model import Call, HttpRequest
    from lingate._providers.lookup import resolve

    target = resolve("openai/m", env={}, api_key=IN_CALL)
    request = HttpRequest("POST", target.url, target.headers, IN_CALL.encode(), Call("chat", "m", {}), target)

    assert IN_CALL in target.headers["authorization"]
    assert IN_CALL not in repr(target)
    assert IN_CALL not in repr(request)


@pytest.mark.parametrize("key", ["", "  ", "with\nnewline", "tab\there", 5])
def test_a_key_that_cannot_be_one_is_refused_without_being_repeated(key: Any) -> None:
    with pytest.raises(lingate.errors.ConfigError) as caught:
        lingate.Lingate(env={}).chat("openai/m", "hi", api_key=key)

    assert "with" not in str(caught.value).split("key")[0]
    assert "there" not in str(caught.value)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("header", ["Authorization", "x-api-key", "api-key"])
def test_a_key_in_the_calls_own_headers_is_in_no_error(header: str, stream: bool) -> None:
    from lingate.testing import FakeTransport, Reply

    refused = Reply({"error": {"message": f"Incorrect API key provided: {IN_CALL}"}}, status=401)
    client = lingate.Lingate(transport=FakeTransport(refused), env={"OPENAI_API_KEY": IN_ENV})

    with pytest.raises(lingate.errors.AuthenticationError) as caught:
        client.chat("openai/m", "hi", stream=stream, extra_headers={header: f"Bearer {IN_CALL}"})

    assert not [text for text in texts(caught.value) if IN_CALL in text]

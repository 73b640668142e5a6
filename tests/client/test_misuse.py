"""What is written wrongly is said to be wrong, before anything is sent; what can be meant in one way only is taken so."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import lingate
from lingate import RetryPolicy, Timeout
from lingate._model import Attempt
from lingate.errors import ConfigError, ContextLengthError, InternalServerError, MissingCredentialError, ProtocolError
from lingate.simulator import Simulator
from lingate.testing import AsyncFakeTransport, FakeTransport, Reply

ANSWER = {
    "id": "c1",
    "model": "m-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
}
TOO_LONG = Reply({"error": {"message": "too long", "code": "context_length_exceeded"}}, status=400)
KEYS = {f"{name}_API_KEY": "k" for name in ("OPENAI", "GROQ", "MISTRAL")}


class Shaped:
    """A class as pydantic makes them: its methods are there on the class too, where they cannot be called."""

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]:
        return {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

    def model_dump(self, exclude_none: bool = False) -> dict[str, Any]:
        return {"city": "Oslo"}


@dataclass
class Plain:
    city: str = "Oslo"


class Word(str):
    __slots__ = ()


class Number(float):
    __slots__ = ()


class Colour(enum.Enum):
    RED = "red"


class Mood(enum.StrEnum):
    GOOD = "good"


def client(*answers: Any, **options: Any) -> tuple[lingate.Lingate, FakeTransport]:
    transport = FakeTransport(*answers or (Reply(ANSWER),))
    return lingate.Lingate(transport=transport, env=KEYS, retries=0, **options), transport


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"tools": [Shaped]}, r"tools\[0\] holds the class Shaped"),
    ({"tools": [{"type": "function", "function": {"name": "a", "parameters": Shaped}}]}, "parameters holds the class"),
    ({"tools": [Plain()]}, r"tools\[0\] holds a Plain"),
    ({"seed": Colour.RED}, "seed holds a Colour"),
    ({"temperature": float("nan")}, "temperature is nan"),
    ({"extra_body": {"a": [float("inf")]}}, r"extra_body.a\[0\] is inf"),
    ({"api_key": ["k"]}, "api_key must be a string, not list"),
    ({"api_base": {"a": 1}}, "api_base must be a string, not dict"),
    ({"api_version": ["v1"]}, "api_version"),
    ({"api_base": "http://[::1"}, "api_base is not a base URL"),
    ({"api_base": "http://host:123456/v1"}, "api_base is not a base URL"),
    ({"api_base": "http://127.0.0.1:99999/v1"}, "api_base is not a base URL"),
    ({"api_base": "http://%zz/"}, "api_base is not a base URL"),
    ({"extra_headers": {"a b": "x"}}, "'a b' is not the name of a header"),
    ({"extra_headers": {"": "x"}}, "'' is not the name of a header"),
    ({"drop_params": "false"}, "drop_params must be True or False, not 'false'"),
    ({"drop_params": 1}, "drop_params must be True or False, not 1"),
    ({"timeout": True}, "timeout must be a positive number"),
    ({"extra_headers": {"x": 5}}, "'x' does not"),
    ({"service_tier": 5}, "service_tier must be a string, not int"),
    ({"reasoning_effort": 5}, "reasoning_effort must be a string, not int"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema must be a dict"),
    ({"response_format": {"strict": True}}, "response_format must be a class, a JSON schema, or"),
    ({"response_format": "xml"}, "not str"),
    ({"fallbacks": [{"model": "groq/m", "on": ["rate_limt"]}]}, r"fallbacks\[0\].on has 'rate_limt': the kinds are"),
    (
        {"fallbacks": [{"model": "groq/m", "on": ["payment_required"]}]},
        r"'payment_required': the kinds are .*\bquota\b",
    ),
    ({"fallbacks": [{"model": "groq/m", "on": [["timeout"]]}]}, r"fallbacks\[0\].on has \['timeout'\]"),
    ({"fallbacks": [{"model": "groq/m", "on": 5}]}, r"fallbacks\[0\].on must be a kind"),
    ({"fallbacks": [{"model": "groq/m", "params": 5}]}, r"fallbacks\[0\].params must be a mapping"),
    ({"fallbacks": [{"model": "groq/m", "params": {"stop": 5}}]}, "stop must be a string"),
    ({"fallbacks": [{"model": "groq/m", "params": {"timeout": 5}}]}, "has 'timeout', which is no parameter"),
]


@pytest.mark.parametrize(("params", "message"), WRONG, ids=[f"{params}"[:60] for params, _ in WRONG])
def test_a_wrong_argument_is_named_and_nothing_is_sent(params: dict[str, Any], message: str) -> None:
    blocking, transport = client()
    awaited = AsyncFakeTransport(Reply(ANSWER))

    with pytest.raises(ConfigError, match=message):
        blocking.chat("openai/m", "hi", **params)
    with pytest.raises(ConfigError, match=message):
        asyncio.run(lingate.AsyncLingate(transport=awaited, env=KEYS).chat("openai/m", "hi", **params))

    assert transport.requests == awaited.requests == []


class Waiting:
    """A file whose `read` is awaited."""

    async def read(self, size: int) -> bytes:
        return b"x"


def _nested(levels: int) -> list[Any]:
    return [_nested(levels - 1)] if levels else []


CALLS: list[tuple[Callable[[lingate.Lingate], Any], str]] = [
    (lambda it: it.embed("openai/m", "a", extra_body="x"), "extra_body must be a mapping"),
    (lambda it: it.embed("openai/m", [[b"x"]]), r"input\[0\] must be text or tokens"),
    (lambda it: it.embed("openai/m", [[1, "a"]]), r"input\[0\] must be text or tokens"),
    (lambda it: it.models("openai", extra_body={"a": 1}), r"models\(\) has no argument extra_body"),
    (lambda it: it.models("openai/gpt-4o"), r"models\(\) takes the name of a provider"),
    (lambda it: it.chat("openai/m", [{"role": "assistant", "tool_calls": "f"}]), r"\[0\].tool_calls must be a list"),
    (lambda it: it.chat("openai/m", [{"role": "assistant", "tool_calls": ["f"]}]), r"\[0\].tool_calls must be a list"),
    (lambda it: it.chat("openai/m", [{"role": "assistant", "tool_calls": [{"id": 5}]}]), "a tool call is 5"),
    (lambda it: it.chat("openai/m", [{"role": "tool", "tool_call_id": 7, "content": "x"}]), "a tool call is 7"),
    (lambda it: it.chat("openai/m", "hi", metadata=_nested(80)), "nested more than 64 levels deep"),
    (lambda it: it.transcribe("openai/m", b"x", translate="yes"), "translate must be True or False"),
    (lambda it: it.transcribe("openai/m", Waiting()), r"file.read\(\) gives a coroutine, not bytes"),
    (lambda it: it.responses("openai/m", "hi", text=5, text_format=Shaped), "text must be a mapping"),
]


@pytest.mark.parametrize(("call", "message"), CALLS, ids=[message for _, message in CALLS])
def test_a_wrong_argument_of_another_endpoint_is_named(call: Callable[[lingate.Lingate], Any], message: str) -> None:
    blocking, transport = client()

    with pytest.raises(ConfigError, match=message):
        call(blocking)

    assert transport.requests == []


def test_what_is_text_or_a_number_to_json_goes_out_as_that() -> None:
    blocking, transport = client()

    blocking.chat("openai/m", [{"role": "user", "content": Word("hi")}], temperature=Number(0.5), user=Mood.GOOD)

    assert transport.bodies[0] == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "user": "good",
    }


def test_texts_of_another_class_go_out_as_texts() -> None:
    blocking, transport = client()
    moods = [Word("hi"), Mood.GOOD]

    blocking.chat("openai/m", Word("hi"))
    for ask in (blocking.embed, blocking.moderate, blocking.complete):
        for given in (Word("hi"), moods):
            with contextlib.suppress(ProtocolError):  # what is answered is a chat
                ask("openai/m", given)
    with contextlib.suppress(ProtocolError):
        blocking.rerank("openai/m", Word("hi"), moods)

    assert transport.bodies[0]["messages"] == [{"role": "user", "content": "hi"}]
    sent = [body.get("input") or body.get("prompt") for body in transport.bodies[1:7]]
    assert sent == ["hi", ["hi", "good"]] * 3
    assert (transport.bodies[7]["query"], transport.bodies[7]["documents"]) == ("hi", ["hi", "good"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Timeout(total=-1),
        lambda: Timeout(connect=0),
        lambda: Timeout(read=float("nan")),
        lambda: Timeout(total=None),
        lambda: Timeout(total="5"),
        lambda: RetryPolicy(retries=-1),
        lambda: RetryPolicy(retries=1.5),
        lambda: RetryPolicy(base=float("nan")),
        lambda: RetryPolicy(cap=None),
        lambda: lingate.Lingate({"fallbacks": 5}),
        lambda: lingate.Lingate(5),
        lambda: lingate.Lingate(env=["A=1"]),
        lambda: lingate.Lingate(drop_params="no"),
        lambda: lingate.Lingate(transport=AsyncFakeTransport()),
        lambda: lingate.AsyncLingate(transport=FakeTransport()),
        lambda: lingate.Lingate(transport=object()),
    ],
)
def test_settings_that_cannot_work_are_refused_where_they_are_made(make: Callable[[], Any]) -> None:
    with pytest.raises(ConfigError):
        make()


@pytest.mark.parametrize("timeout", [float("inf"), 1e300, 10**400, Timeout(total=float("inf"), read=1e300)])
def test_a_time_out_longer_than_any_clock_is_none(timeout: Any) -> None:
    options: dict[str, Any] = {"api_key": "k", "timeout": timeout}
    with Simulator() as simulator, lingate.Lingate() as blocking:
        options["api_base"] = simulator.url

        assert blocking.chat("openai/sim", "hi", **options).text
        assert blocking.chat("openai/sim", "hi", stream=True, **options).final().text
        assert asyncio.run(lingate.AsyncLingate().chat("openai/sim", "hi", **options)).text


def test_what_the_http_client_refuses_to_build_is_a_config_error() -> None:
    from lingate._io.via_httpx2 import SyncHttpx

    for transport in (None, SyncHttpx()):
        with (
            lingate.Lingate(transport=transport) as made,
            pytest.raises(ConfigError, match="check api_base and headers"),
        ):
            made.chat("openai/m", "hi", api_key="k", api_base="http://127.0.0.1:9", extra_headers={"a": "\ud800"})


def test_a_fallbacks_parameters_are_read_as_those_of_the_call_are() -> None:
    blocking, transport = client(TOO_LONG, Reply(ANSWER))
    params = {"messages": "short", "stop": "x", "response_format": Shaped, "temperature": None, "tools": []}

    blocking.chat("openai/m", "long", temperature=0.5, fallbacks=[{"model": "groq/m", "params": params}])

    sent = transport.bodies[1]
    assert sent["messages"] == [{"role": "user", "content": "short"}]
    assert sent["stop"] == ["x"]
    assert sent["response_format"]["json_schema"]["name"] == "Shaped"
    assert not {"temperature", "tools"} & set(sent)


def test_a_fallback_may_be_asked_for_by_every_kind_that_a_provider_can_cause() -> None:
    kinds = ["context_window", "content_filter", "rate_limit", "connect", "timeout", "protocol", "stream_interrupted"]
    blocking, transport = client(TOO_LONG, Reply(ANSWER))

    blocking.chat("openai/m", "long", fallbacks=[{"model": "groq/m", "on": kinds}])

    assert len(transport.requests) == 2


def test_the_fallbacks_of_the_configuration_are_for_what_another_model_can_do_as_well() -> None:
    config = {"fallbacks": ["mistral/m"]}
    failure = Reply({"error": {"message": "down"}}, status=500)

    for call in (
        lambda it: it.models("groq"),
        lambda it: it.embed("openai/m", "a"),
        lambda it: it.rerank("cohere/m", "q", ["a"], api_key="k"),
        lambda it: it.moderate("openai/m", "a"),
    ):
        blocking, transport = client(failure, config=config)
        with pytest.raises(InternalServerError):
            call(blocking)
        assert len(transport.requests) == 1
    blocking, transport = client(TOO_LONG, Reply(ANSWER), config=config)
    assert blocking.chat("openai/m", "hi").provider == "mistral"
    blocking, transport = client(TOO_LONG, TOO_LONG, config=config)
    with pytest.raises(ContextLengthError):
        blocking.embed("openai/m", "a", fallbacks=["mistral/m"])
    assert len(transport.requests) == 2


def test_a_registered_providers_repr_has_none_of_the_values_that_may_be_secret() -> None:
    canary = "sk-canary-0123456789"
    row = lingate.ProviderRow(
        name="x",
        headers={"x-api-key": canary},
        query={"code": canary},
        body={"user": canary},
        env={"X_KEY": canary},
        exchange=lingate._model.TokenExchange(
            url="https://x.example", form={"p": canary}, headers={"h": canary}, client_secret=canary
        ),
    )

    assert canary not in repr(row)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_answer_is_pickled_by_every_protocol(protocol: int) -> None:
    answer = client()[0].chat("openai/m", "hi")

    again = pickle.loads(pickle.dumps(answer, protocol))

    assert again == answer
    assert again.attempts == answer.attempts
    assert again.model_dump_json() == answer.to_json()
    assert isinstance(again.attempts[0], Attempt)


def test_a_stream_can_be_neither_copied_nor_pickled() -> None:
    with Simulator() as simulator:
        stream = lingate.Lingate().chat("openai/sim", "hi", stream=True, api_key="k", api_base=simulator.url)

        with pytest.raises(TypeError, match="a ChatStream can be neither copied nor pickled"):
            pickle.dumps(stream)
        assert stream.final().text


def test_the_types_of_everything_that_is_given_back_have_public_names() -> None:
    fake = client()[0]

    assert isinstance(lingate.providers(env={})[0], lingate.ProviderInfo)
    assert isinstance(lingate.credentials("openai", env={}), lingate.Credential)
    assert isinstance(lingate.catalog(env={})[0], lingate.Offer)
    with Simulator() as simulator:
        options: dict[str, Any] = {"api_key": "k", "api_base": simulator.url}
        real = lingate.Lingate()
        assert isinstance(real.responses("openai/sim", "hi", **options), lingate.ResponsesResponse)
        assert isinstance(real.responses("openai/sim", "hi", stream=True, **options), lingate.ResponsesStream)
    assert isinstance(fake.chat("openai/m", "hi"), lingate.ChatResponse)


def replied(text: str | None, **message: Any) -> Reply:
    return Reply(
        {**ANSWER, "choices": [{"index": 0, "message": {"content": text, **message}, "finish_reason": "stop"}]}
    )


def test_an_answer_that_does_not_fit_the_class_is_a_protocol_error_with_the_classs_own_as_cause() -> None:
    class Strict(Shaped):
        @classmethod
        def model_validate(cls, value: Any) -> Any:
            raise ValueError(f"no city in {value}")

    class Made(Shaped):
        def __init__(self, city: str) -> None:
            self.city = city

    answer = client(replied('{"town": "Oslo"}'))[0].chat("openai/m", "hi", response_format=Strict)
    with pytest.raises(ProtocolError, match="the answer does not fit Strict: no city in") as caught:
        _ = answer.parsed
    assert isinstance(caught.value.__cause__, ValueError)
    answer = client(replied('{"town": "Oslo"}'))[0].chat("openai/m", "hi", response_format=Made)
    with pytest.raises(ProtocolError, match="the answer does not fit Made"):
        _ = answer.parsed


def test_a_refusal_instead_of_an_object_is_said_to_be_one() -> None:
    answer = client(replied(None, refusal="I cannot"))[0].chat("openai/m", "hi", response_format=Shaped)

    with pytest.raises(ProtocolError, match="the answer is a refusal: I cannot"):
        _ = answer.parsed


def test_a_credential_in_the_calls_own_headers_is_one() -> None:
    fake = FakeTransport(Reply(ANSWER))
    blocking = lingate.Lingate(transport=fake, env={})

    blocking.chat("openai/m", "hi", extra_headers={"Authorization": "Bearer mine"})
    blocking.chat("openai/m", "hi", api_key="k", fallbacks=["groq/m"])
    with pytest.raises(MissingCredentialError):
        blocking.chat("openai/m", "hi", extra_headers={"x-team": "search"})

    assert {name.lower(): value for name, value in fake.requests[0].headers.items()}["authorization"] == "Bearer mine"


def test_register_takes_a_row_or_a_name() -> None:
    with pytest.raises(ConfigError, match="a whole row or a name, not int"):
        lingate.register(5)


def test_the_credential_in_a_calls_headers_does_not_travel_to_another_provider() -> None:
    headers = {"Authorization": "Bearer mine", "x-team": "search"}
    blocking, transport = client(TOO_LONG, TOO_LONG, Reply(ANSWER))

    blocking.chat("openai/m", "hi", extra_headers=headers, fallbacks=["openai/larger", "groq/m"])

    sent = [{name.lower(): value for name, value in request.headers.items()} for request in transport.requests]
    assert [item["authorization"] for item in sent] == ["Bearer mine", "Bearer mine", "Bearer k"]
    assert [item["x-team"] for item in sent] == ["search"] * 3


def test_an_error_that_is_looked_for_at_the_top_is_told_where_errors_are() -> None:
    with pytest.raises(AttributeError, match=r"'RateLimitError': errors are in lingate\.errors"):
        _ = lingate.RateLimitError  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"no attribute 'chatt'$"):
        _ = lingate.chatt  # type: ignore[attr-defined]

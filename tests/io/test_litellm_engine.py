"""The litellm package as an engine, the real one, against the simulator: our semantics around its calls.

Skipped where the package is not installed (`pip install 'lingate[litellm]'`). Providers are sent there by `dialect`, so
that its three kinds of client are covered: the openai package, its own one for Anthropic, and its general one.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import os
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lingate
from lingate.errors import (
    AuthenticationError,
    ContextLengthError,
    InternalServerError,
    LingateError,
    OverloadedError,
    RateLimitError,
    RequestTimeoutError,
    StreamInterruptedError,
    UnknownProviderError,
    UnsupportedError,
)
from lingate.simulator import Simulator
from tests.servers import RawServer, Script

if importlib.util.find_spec("litellm") is None:
    pytest.skip("the litellm package is not installed", allow_module_level=True)

# Warnings are the package's own: it leaves clients and an event loop open.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

KEY = "sk-canary-4711-0815"
PROVIDERS = ["openai", "anthropic", "databricks"]
CONFIG = {"providers": {name: {"dialect": "litellm"} for name in (*PROVIDERS, "mistral")}}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def _left_behind() -> Iterator[None]:
    """The package keeps its clients for ever; what is left of them must not be found by another module's tests."""
    yield
    import litellm

    litellm.in_memory_llm_clients_cache.flush_cache()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def place(simulator: Simulator, provider: str) -> dict[str, Any]:
    return {"api_key": KEY, "api_base": simulator.url + ("" if provider == "anthropic" else "/v1")}


@pytest.fixture(params=["blocking", "awaited"])
def ask(request: pytest.FixtureRequest, simulator: Simulator) -> Any:
    """Makes one call in one of the two colours: the whole response, or the chunks and the response of a stream."""
    blocking = lingate.Lingate(CONFIG, retries=0)
    awaited = lingate.AsyncLingate(CONFIG, retries=0)

    async def call(model: str, prompt: Any = "hello", **params: Any) -> Any:
        options = {**place(simulator, model.partition("/")[0]), **params}
        if request.param == "blocking":
            answer = blocking.chat(model, prompt, **options)
            return (list(answer), answer.final()) if params.get("stream") else answer
        answer = await awaited.chat(model, prompt, **options)
        return ([chunk async for chunk in answer], await answer.final()) if params.get("stream") else answer

    return call


def sent_to(simulator: Simulator) -> Any:
    return simulator.requests()[-1]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_answer_is_the_one_that_our_own_dialect_reads(ask: Any, simulator: Simulator, provider: str) -> None:
    own = lingate.Lingate().chat(f"{provider}/sim", "the same", **place(simulator, provider))

    answer = await ask(f"{provider}/sim", "the same")

    assert answer.text == own.text
    assert answer.finish_reason == own.finish_reason == "stop"
    assert answer.usage.prompt_tokens == own.usage.prompt_tokens
    assert answer.usage.total_tokens == own.usage.total_tokens
    assert (answer.provider, answer.model) == (provider, "sim")
    assert [attempt.kind for attempt in answer.attempts] == ["ok"]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_stream_adds_up_to_the_response(ask: Any, provider: str) -> None:
    chunks, answer = await ask(f"{provider}/sim", "add up", stream=True)

    assert len(chunks) > 5
    assert "".join(chunk.text for chunk in chunks) == answer.text
    assert "add up" in answer.text
    assert chunks[-1].choices[0].finish_reason == answer.finish_reason == "stop"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_the_usage_of_a_stream_is_the_provider_s(ask: Any, provider: str) -> None:
    whole = await ask(f"{provider}/sim", "count me")
    quiet, _ = await ask(f"{provider}/sim", "count me", stream=True)
    chunks, answer = await ask(f"{provider}/sim", "count me", stream=True, stream_options={"include_usage": True})

    assert answer.usage.prompt_tokens == whole.usage.prompt_tokens
    assert answer.usage.completion_tokens == whole.usage.completion_tokens
    assert (chunks[-1].choices, chunks[-1].usage) == ([], answer.usage)
    assert all(chunk.choices for chunk in quiet)


async def test_usage_that_the_package_counts_itself_is_not_reported(ask: Any) -> None:
    _, answer = await ask("openai/sim-fault-no_usage", stream=True)

    assert answer.usage is None or answer.usage.total_tokens is None


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_tools_are_called_and_their_results_taken(ask: Any, provider: str, stream: bool) -> None:
    question = [{"role": "user", "content": "weather in Oslo"}]
    found = await ask(f"{provider}/sim", question, tools=[WEATHER], max_tokens=100, stream=stream)
    answer = found[1] if stream else found

    (call,) = answer.tool_calls
    assert answer.finish_reason == "tool_calls"
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments)["city"] in question[0]["content"]

    results = [{"role": "tool", "tool_call_id": call.id, "content": "rain, 7 C"}]
    told = await ask(f"{provider}/sim", [*question, answer.message, *results], tools=[WEATHER], max_tokens=100)
    assert "rain, 7 C" in told.text


async def test_embeddings_go_through(simulator: Simulator) -> None:
    client, awaited = lingate.Lingate(CONFIG), lingate.AsyncLingate(CONFIG)

    found = client.embed("openai/sim-dims-4", ["a", "b"], **place(simulator, "openai"))
    same = await awaited.embed("openai/sim-dims-4", ["a", "b"], **place(simulator, "openai"))

    assert [len(item.embedding) for item in found.data] == [4, 4]
    assert found.data[1].embedding == same.data[1].embedding
    assert found.usage.prompt_tokens == 2
    assert set(sent_to(simulator).body) <= {"model", "input", "encoding_format"}


ERRORS = [
    ("401", AuthenticationError, 401),
    ("429-7", RateLimitError, 429),
    ("500", InternalServerError, 500),
    ("context", ContextLengthError, 400),
    ("html", InternalServerError, 502),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("fault", "kind", "status"), ERRORS, ids=[name for name, *_ in ERRORS])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_error_is_what_the_provider_answered(
    ask: Any, provider: str, fault: str, kind: type[LingateError], status: int, stream: bool
) -> None:
    with pytest.raises(kind) as caught:
        await ask(f"{provider}/sim-fault-{fault}", stream=stream)

    error = caught.value
    assert type(error) is kind
    assert (error.status, error.provider) == (status, provider)
    assert error.retry_after == (7 if fault == "429-7" else None)
    assert error.request_id is not None
    assert len(error.attempts) == 1
    assert KEY not in f"{error}{vars(error)}"
    assert error.__context__ is None


async def test_a_429_that_speaks_of_tokens_is_a_rate_limit_whatever_the_package_makes_of_it(ask: Any) -> None:
    said = "This model's maximum context length is 10 tokens per minute, rate limit"
    body = {"error": {"message": said, "type": "tokens", "code": "rate_limit_exceeded"}}
    script = Script([json.dumps(body).encode()], status=429, headers={"content-type": "application/json"})
    with RawServer(script) as server, pytest.raises(RateLimitError) as caught:
        await ask("openai/sim", api_base=f"{server.url}/v1")

    assert caught.value.code == "rate_limit_exceeded"


async def test_a_key_that_the_package_found_in_the_environment_is_not_in_the_error(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_OTHER_API_KEY", "canary.of.the.environment")
    body = {"error": {"message": "no such key: canary.of.the.environment", "code": "invalid_api_key"}}
    script = Script([json.dumps(body).encode()], status=401, headers={"content-type": "application/json"})
    with RawServer(script) as server, pytest.raises(AuthenticationError) as caught:
        await ask("openai/sim", api_base=f"{server.url}/v1")

    assert "canary" not in f"{caught.value}{vars(caught.value)}"


async def test_an_error_in_mid_stream_is_told_as_it_is(ask: Any) -> None:
    with pytest.raises(OverloadedError) as caught:
        await ask("openai/sim-fault-error_event-4", stream=True)

    assert caught.value.code == "server_is_overloaded"


@pytest.mark.parametrize("fault", ["cut-6", "eof-6", "reset-6"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_stream_without_its_end_is_interrupted_and_not_stopped(ask: Any, provider: str, fault: str) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        await ask(f"{provider}/sim-fault-{fault}", stream=True)

    assert caught.value.partial.text.startswith("You said")
    assert caught.value.partial.finish_reason is None


async def test_a_provider_that_does_not_answer_is_a_timeout(ask: Any) -> None:
    with pytest.raises(RequestTimeoutError):
        await ask("openai/sim-fault-slow_head-3000", timeout=0.3)


def wait_for(seen: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not seen() and time.monotonic() < deadline:
        time.sleep(0.01)
    return seen()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_leaving_a_stream_early_lets_the_upstream_go(provider: str) -> None:
    with Simulator() as simulator, lingate.Lingate(CONFIG) as client:
        model = f"{provider}/sim-words-5000-delay-5"
        for _ in client.chat(model, "long", stream=True, **place(simulator, provider)):
            break

        assert wait_for(lambda: simulator.stats()["requests"]["disconnected"] == 1)


@pytest.mark.parametrize("how", ["left", "cancelled"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_leaving_an_awaited_stream_early_lets_the_upstream_go(provider: str, how: str) -> None:
    with Simulator() as simulator:
        client = lingate.AsyncLingate(CONFIG)
        begun = asyncio.Event()

        async def read() -> None:
            model = f"{provider}/sim-words-5000-delay-5"
            stream = await client.chat(model, "long", stream=True, **place(simulator, provider))
            async for _ in stream:
                begun.set()
                if how == "left":
                    break

        task = asyncio.create_task(read())
        await begun.wait()
        if how == "cancelled":
            task.cancel()
        await asyncio.wait([task])

        assert task.cancelled() is (how == "cancelled")
        assert await asyncio.to_thread(wait_for, lambda: simulator.stats()["requests"]["disconnected"] == 1)


@pytest.mark.parametrize("of_its_own", [None, 3])
async def test_only_our_own_engine_tries_again(ask: Any, simulator: Simulator, of_its_own: int | None) -> None:
    import litellm

    litellm.num_retries = of_its_own
    try:
        simulator.reset()
        answer = await ask("openai/sim-fault-500-flaky-2", "again", retries=lingate.RetryPolicy(retries=2, base=0.01))
        with pytest.raises(InternalServerError):
            await ask("openai/sim-fault-500", "never")
    finally:
        litellm.num_retries = None

    assert [attempt.kind for attempt in answer.attempts] == ["server_error", "server_error", "ok"]
    assert len(simulator.requests()) == 4


async def test_a_fallback_leads_from_the_package_to_a_provider_of_ours(ask: Any, simulator: Simulator) -> None:
    fallback = {"model": "groq/sim", "api_key": "k", "api_base": simulator.url}

    answer = await ask("openai/sim-fault-401", "on", fallbacks=[fallback])

    assert answer.provider == "groq"
    assert [attempt.kind for attempt in answer.attempts] == ["auth", "ok"]


async def test_a_parameter_that_the_package_cannot_translate_is_refused_or_noted(
    ask: Any, simulator: Simulator
) -> None:
    with pytest.raises(UnsupportedError) as caught:
        await ask("mistral/sim", logit_bias={"1": 1}, temperature=0.5)
    answer = await ask("mistral/sim", logit_bias={"1": 1}, temperature=0.5, drop_params=True)

    assert caught.value.param == "logit_bias"
    assert answer.dropped == ("logit_bias",)
    assert "logit_bias" not in sent_to(simulator).body
    assert sent_to(simulator).body["temperature"] == 0.5


@pytest.mark.parametrize(
    "name", ["mock_response", "custom_llm_provider", "metadata", "aws_role_name", "base_url", "fallbacks_", "_private"]
)
async def test_a_setting_of_the_package_cannot_be_smuggled_in_as_a_field(
    ask: Any, simulator: Simulator, name: str
) -> None:
    if name == "fallbacks_":
        answer = await ask("openai/sim", fallbacks_="a field like any other")
        assert sent_to(simulator).body["fallbacks_"] == "a field like any other"
        return
    with pytest.raises(UnsupportedError) as caught:
        await ask("openai/sim", **{name: "x"})
    answer = await ask("openai/sim", "without", **{name: "x"}, drop_params=True)

    assert caught.value.param == name
    assert answer.dropped == (name,)
    assert name not in sent_to(simulator).body


async def test_what_we_do_not_know_goes_through(ask: Any, simulator: Simulator) -> None:
    await ask("openai/sim", top_k=7, extra_body={"metadata": {"a": "b"}}, extra_headers={"x-team": "search"}, seed=3)

    request = sent_to(simulator)
    assert request.body["top_k"] == 7
    assert request.body["metadata"] == {"a": "b"}
    assert request.body["seed"] == 3
    assert request.headers["x-team"] == "search"


async def test_several_choices_in_a_stream_are_refused(ask: Any) -> None:
    with pytest.raises(UnsupportedError, match="how each of several choices ended"):
        await ask("openai/sim", n=2, stream=True)

    answer = await ask("openai/sim", n=2)
    assert len(answer.choices) == 2


async def test_the_package_s_callbacks_and_output_are_off(ask: Any, capfd: pytest.CaptureFixture[str]) -> None:
    import litellm

    called: list[str] = []
    litellm.success_callback = [lambda *_: called.append("success")]
    litellm.failure_callback = [lambda *_: called.append("failure")]
    try:
        await ask("openai/sim")
        await ask("openai/sim", stream=True)
        with pytest.raises(AuthenticationError):
            await ask("openai/sim-fault-401")
        await asyncio.sleep(0.2)  # they run in threads
    finally:
        litellm.success_callback, litellm.failure_callback = [], []

    assert called == []
    assert capfd.readouterr() == ("", "")


async def test_an_error_that_the_caller_was_handling_is_none_of_the_provider_s(ask: Any) -> None:
    import httpx

    earlier = httpx.Response(401, text="another's", headers={"x": "y"}, request=httpx.Request("GET", "http://other"))
    try:
        earlier.raise_for_status()
    except httpx.HTTPStatusError:
        with pytest.raises(InternalServerError):
            await ask("openai/sim-fault-error_in_200")


async def test_a_provider_without_a_row_is_found_by_its_name(ask: Any, simulator: Simulator) -> None:
    answer = await ask("text-completion-openai/sim", "go on")

    assert sent_to(simulator).path == "/v1/completions"
    assert answer.provider == "text-completion-openai"
    assert answer.text


async def test_responses_and_costs_work_as_for_every_provider(simulator: Simulator) -> None:
    client = lingate.Lingate(CONFIG)

    answer = client.responses("text-completion-openai/sim", "go on", **place(simulator, "openai"))
    chat = client.chat("text-completion-openai/sim", "go on", **place(simulator, "openai"))

    assert answer.output_text == chat.text
    assert chat.cost is None or chat.cost >= 0
    assert lingate.credentials("text-completion-openai", env={"OPENAI_API_KEY": "k"}).present


async def test_a_provider_that_only_the_installed_package_knows_is_found_too(ask: Any) -> None:
    import litellm

    class Echo(litellm.CustomLLM):  # type: ignore[misc]
        def completion(self, *_: Any, messages: Any, model_response: Any, **__: Any) -> Any:
            model_response.choices[0].message.content = messages[-1]["content"]
            return model_response

        async def acompletion(self, *_: Any, **given: Any) -> Any:
            return self.completion(**given)

    litellm.custom_provider_map = [{"provider": "home-made", "custom_handler": Echo()}]
    try:
        answer = await ask("home_made/any", "said back")
    finally:
        litellm.custom_provider_map = []

    assert (answer.text, answer.provider) == ("said back", "home-made")
    assert answer.usage is None or answer.usage.total_tokens is None


async def test_a_name_that_the_package_does_not_know_either_is_unknown(ask: Any) -> None:
    with pytest.raises(UnknownProviderError, match="the closest are"):
        await ask("surely-nobody/any")


def test_importing_the_package_fetches_nothing_and_reads_no_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FROM_A_FILE=1\nOPENAI_API_BASE=http://127.0.0.1:9/elsewhere\n")
    code = textwrap.dedent(
        """
        import os, sys
        before = dict(os.environ)
        import lingate
        from lingate.errors import LingateError
        client = lingate.Lingate({"providers": {"openai": {"dialect": "litellm"}}}, retries=0)
        assert "litellm" not in sys.modules
        try:
            client.chat("openai/x", "hi", api_key="k", api_base="http://127.0.0.1:9/v1")
        except LingateError as error:
            print(type(error).__name__)
        assert "litellm" in sys.modules
        # The package itself says where its tokenizers are, once it counts tokens.
        print({name for name in os.environ if os.environ[name] != before.get(name)} - {"TIKTOKEN_CACHE_DIR"})
        """
    )
    prices = Script([b"{}"], headers={"content-type": "application/json"})
    with RawServer(prices) as server:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LITELLM_")}
        env = {**kept, "LITELLM_MODEL_COST_MAP_URL": server.url}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )

    assert done.stdout.splitlines() == ["ConnectError", "set()"], done.stderr
    assert server.connections == 0

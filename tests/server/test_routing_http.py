"""Routing over real HTTP against the simulator. What LiteLLM gets wrong (its issues are named) is right here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from lingate._call.plan import Context, Streaming, complete, open_stream
from lingate._call.policy import RetryPolicy
from lingate._call.stream import StreamState
from lingate._io.aio import events, perform
from lingate._io.via_pyreqwest_aio import AsyncPyreqwest
from lingate._model import Call, Text
from lingate.errors import LingateError, OverloadedError, RateLimitError, StreamInterruptedError
from lingate.server.routing import RouteChain, Router
from lingate.server.routing.health import Probes
from lingate.simulator import Simulator
from tests.server.driving import config_of

PROVIDERS = {
    "openai": "/v1",
    "groq": "/openai/v1",
    "hosted_vllm": "/v1",
    "anthropic": "",
    "cohere": "",
    "ollama": "",
}


@dataclass
class Answered:
    """How one call went."""

    chain: RouteChain
    error: LingateError | None
    seconds: float
    text: str = ""

    @property
    def kinds(self) -> list[str]:
        assert self.chain.context is not None
        return [attempt.kind for attempt in self.chain.context.trail]


class Caller:
    """Calls through a router, as the gateway's handler does."""

    def __init__(self, text: str, transport: AsyncPyreqwest, env: Mapping[str, str] | None) -> None:
        self.router = Router(config_of(text, env))
        self.transport = transport

    async def ask(self, model: str, *, stream: bool = False, say: str = "hello") -> Answered:
        group = self.router.group(model)
        assert group is not None
        call = Call("chat", model, {"messages": [{"role": "user", "content": say}]}, stream)
        chain = self.router.chain(group, call)
        chain.context = Context(RetryPolicy(), self.router.timeout, time.monotonic, lambda: 0.02)
        began = time.monotonic()
        text = ""
        try:
            if stream:
                opened = await perform(open_stream(chain, chain.context), self.transport)
                chain.first_event(time.monotonic() - began)
                text = await self._text(opened)
            else:
                done = await perform(complete(chain, chain.context), self.transport)
                text = done.data["choices"][0]["message"]["content"]
        except LingateError as error:
            chain.failed(error)
            return Answered(chain, error, time.monotonic() - began)
        chain.succeeded(time.monotonic() - began, 10)
        return Answered(chain, None, time.monotonic() - began, text)

    async def _text(self, opened: Streaming) -> str:
        state = StreamState(opened, [])
        text = ""
        async for ready in events(state, opened.stream):
            text += "".join(event.text for event in ready if isinstance(event, Text))
        return text

    def in_flight(self) -> int:
        return sum(item.load.in_flight for item in self.router.deployments())


@asynccontextmanager
async def calling(text: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Caller]:
    transport = AsyncPyreqwest()
    try:
        caller = Caller(text, transport, env)
        yield caller
        assert caller.in_flight() == 0
    finally:
        await transport.aclose()


def entry(simulator: Simulator, model: str, *, group: str = "gpt", provider: str = "openai", more: str = "") -> str:
    base = simulator.url + PROVIDERS[provider]
    extra = f", {more}" if more else ""
    return f"  - {{model_name: {group}, litellm_params: {{model: {provider}/{model}, api_base: '{base}', api_key: any{extra}}}}}\n"


def asked(simulator: Simulator) -> list[str]:
    """Models of the requests since the last reset, in order."""
    return [request.model for request in simulator.requests()]


@pytest.fixture(autouse=True)
def _fresh(simulator: Simulator) -> None:
    simulator.reset()


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", ["503", "429", "close_head"])
async def test_num_retries_means_the_same_for_every_provider(simulator: Simulator, provider: str, fault: str) -> None:
    """LiteLLM: one try, or a bare Exception about tenacity (#5690, #2616, #19462)."""
    text = (
        "model_list:\n"
        + entry(simulator, f"sim-fault-{fault}", provider=provider)
        + "litellm_settings: {num_retries: 2}"
    )
    async with calling(text) as caller:
        answered = await caller.ask("gpt")

    assert len(answered.kinds) == 3
    assert len(simulator.requests()) == 3
    assert isinstance(answered.error, LingateError)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_max_retries_of_a_deployment_means_the_same_for_every_provider(
    simulator: Simulator, provider: str
) -> None:
    """LiteLLM: honoured by openai, ignored by groq, hosted_vllm, anthropic."""
    text = "model_list:\n" + entry(simulator, "sim-fault-503-flaky-1", provider=provider, more="max_retries: 1")
    async with calling(text) as caller:
        answered = await caller.ask("gpt")

    assert answered.kinds == ["overloaded", "ok"]


async def test_every_retry_after_is_waited_for_the_later_ones_too(simulator: Simulator) -> None:
    """LiteLLM's router ignores later ones: twelve times faster than allowed (#20722)."""
    text = "model_list:\n" + entry(simulator, "sim-fault-429-1-flaky-2")
    async with calling(text) as caller:
        answered = await caller.ask("gpt")

    assert answered.kinds == ["rate_limit", "rate_limit", "ok"]
    assert answered.seconds >= 2.0


async def test_a_long_retry_after_is_not_waited_for_but_told(simulator: Simulator) -> None:
    text = "model_list:\n" + entry(simulator, "sim-fault-429-300")
    async with calling(text) as caller:
        first, second = await caller.ask("gpt"), await caller.ask("gpt")

    assert isinstance(first.error, RateLimitError)
    assert first.error.retry_after == 300
    assert isinstance(second.error, RateLimitError)
    assert second.error.retry_after == pytest.approx(300, abs=2)
    assert len(simulator.requests()) == 1


async def test_a_single_deployment_rests_and_its_fallback_answers_at_once(simulator: Simulator) -> None:
    """LiteLLM: single-deployment groups never cool down, so every request of an outage burns three tries (#40405, #42450)."""
    text = (
        "model_list:\n"
        + entry(simulator, "sim-fault-503")
        + entry(simulator, "sim-words-3", group="safe")
        + "litellm_settings: {num_retries: 2}\nrouter_settings: {fallbacks: [{gpt: [safe]}]}"
    )
    async with calling(text) as caller:
        for _ in range(3):
            assert (await caller.ask("gpt")).error is None
        tries = asked(simulator).count("sim-fault-503")
        for _ in range(10):
            answered = await caller.ask("gpt")
            assert answered.error is None
            assert answered.kinds == ["ok"]

    assert tries <= 7
    assert asked(simulator).count("sim-fault-503") == tries


async def test_equal_failures_each_count(simulator: Simulator) -> None:
    """LiteLLM: a cool-down skipped because its log line was a duplicate (#32574)."""
    text = "model_list:\n" + entry(simulator, "sim-fault-500") + "router_settings: {allowed_fails: 3, num_retries: 0}"
    async with calling(text) as caller:
        for _ in range(4):
            await caller.ask("gpt")
        refused = await caller.ask("gpt")

    assert isinstance(refused.error, OverloadedError)
    assert len(simulator.requests()) == 4


@pytest.mark.parametrize(
    "fault", ["close_head", "reset_head", "cut-0", "eof-0", "empty_body", "error_event-0", "503", "error_in_200"]
)
async def test_a_stream_that_fails_before_its_first_event_goes_to_the_fallback(
    simulator: Simulator, fault: str
) -> None:
    """LiteLLM: fallback never tried when a stream breaks (#40404)."""
    text = (
        "model_list:\n"
        + entry(simulator, f"sim-fault-{fault}")
        + entry(simulator, "sim-words-3", group="safe")
        + "router_settings: {fallbacks: [{gpt: [safe]}]}"
    )
    async with calling(text) as caller:
        answered = await caller.ask("gpt", stream=True)

    assert answered.error is None, answered.error
    assert answered.text
    assert answered.chain.fallbacks == 1


async def test_a_stream_that_breaks_later_says_so_and_counts_against_its_deployment(simulator: Simulator) -> None:
    text = (
        "model_list:\n"
        + entry(simulator, "sim-words-20-fault-cut-5")
        + entry(simulator, "sim-words-3", group="safe")
        + "router_settings: {fallbacks: [{gpt: [safe]}], allowed_fails: 0}"
    )
    async with calling(text) as caller:
        broken = await caller.ask("gpt", stream=True)
        after = await caller.ask("gpt", stream=True)

    assert isinstance(broken.error, StreamInterruptedError)
    assert after.chain.fallbacks == 1


async def test_tries_do_not_multiply(simulator: Simulator) -> None:
    """LiteLLM: retries of the client below times retries of the router above (#7130, #7262, #12358, #25285)."""
    text = (
        "model_list:\n"
        + "".join(entry(simulator, f"sim-words-{n}-fault-503") for n in (3, 4, 5))
        + entry(simulator, "sim-fault-503", group="safe")
        + "litellm_settings: {num_retries: 2}\nrouter_settings: {fallbacks: [{gpt: [safe]}]}"
    )
    async with calling(text) as caller:
        answered = await caller.ask("gpt")

    assert isinstance(answered.error, OverloadedError)
    assert len(simulator.requests()) == 6
    assert len(set(asked(simulator)[:3])) == 3


async def test_a_context_overflow_goes_to_the_larger_model(simulator: Simulator) -> None:
    text = (
        "model_list:\n"
        + entry(simulator, "sim-fault-context")
        + entry(simulator, "sim-words-3", group="large")
        + "litellm_settings: {context_window_fallbacks: [{gpt: [large]}]}"
    )
    async with calling(text) as caller:
        answered = await caller.ask("gpt")

    assert answered.kinds == ["context_window", "ok"]


async def test_a_content_filter_goes_to_the_fallback_for_it(simulator: Simulator) -> None:
    text = (
        "model_list:\n"
        + entry(simulator, "sim-fault-content_filter")
        + entry(simulator, "sim-words-3", group="other")
        + "litellm_settings: {content_policy_fallbacks: [{gpt: [other]}]}"
    )
    async with calling(text) as caller:
        answered = await caller.ask("gpt")

    assert answered.kinds == ["content_filter", "ok"]


async def test_a_wrong_key_is_answered_by_the_deployment_with_a_good_one() -> None:
    with Simulator(keys={"good"}, require_key=True) as simulator:
        text = (
            "model_list:\n"
            + entry(simulator, "sim-words-3", more="order: 1")
            + entry(simulator, "sim-words-4", more="order: 2").replace("any", "good")
        )
        async with calling(text) as caller:
            first, second = await caller.ask("gpt"), await caller.ask("gpt")

    assert first.kinds == ["auth", "ok"]
    assert second.kinds == ["ok"]


async def test_a_deployment_that_hangs_is_given_up_after_its_time_out_and_the_next_one_answers(
    simulator: Simulator,
) -> None:
    text = (
        "model_list:\n"
        + entry(simulator, "sim-fault-hang_head", more="order: 1, timeout: 0.3")
        + entry(simulator, "sim-words-3", more="order: 2")
    )
    async with calling(text) as caller:
        answered = await caller.ask("gpt")

    assert answered.kinds == ["timeout", "ok"]


async def test_parameters_and_headers_of_a_deployment_reach_the_provider(simulator: Simulator) -> None:
    text = "model_list:\n" + entry(
        simulator,
        "sim-words-3",
        more="temperature: 0.25, extra_headers: {x-team: search}, extra_body: {custom_field: 7}",
    )
    async with calling(text) as caller:
        await caller.ask("gpt")

    request = simulator.requests()[-1]
    assert request.body["temperature"] == 0.25
    assert request.body["custom_field"] == 7
    assert request.headers["x-team"] == "search"


# Active health checks


async def test_health_checks_list_models_and_bill_nothing(simulator: Simulator) -> None:
    text = "model_list:\n" + entry(simulator, "sim-words-3") + entry(simulator, "sim-words-4", provider="anthropic")
    async with calling(text) as caller:
        probes = Probes(lambda: caller.router, caller.transport)
        await probes.round()

    assert [probe.error for probe in probes.found.values()] == [None, None]
    assert {request.method for request in simulator.requests()} == {"GET"}
    assert simulator.stats()["billed"]["total"] == 0


async def test_a_health_check_that_fails_makes_the_deployment_rest() -> None:
    with Simulator(keys={"good"}, require_key=True) as simulator:
        text = (
            "model_list:\n"
            + entry(simulator, "sim-words-3", more="order: 1")
            + entry(simulator, "sim-words-4", more="order: 2").replace("any", "good")
        )
        async with calling(text) as caller:
            probes = Probes(lambda: caller.router, caller.transport)
            await probes.round()
            answered = await caller.ask("gpt")

    assert sorted(str(probe.error) for probe in probes.found.values()) == ["None", "auth"]
    assert answered.kinds == ["ok"]


async def test_health_checks_go_on_by_themselves_where_they_are_asked_for(simulator: Simulator) -> None:
    text = (
        "model_list:\n"
        + entry(simulator, "sim-words-3")
        + "general_settings: {background_health_checks: true, health_check_interval: 0}"
    )
    async with calling(text) as caller:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Probes(lambda: caller.router, caller.transport).run(), 1.6)

    assert [request.method for request in simulator.requests()] == ["GET"]

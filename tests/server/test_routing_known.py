"""What is known of a deployment: how fast it is, how much it was asked, whether it rests. Whoever asks, it is known of the right one."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from lingate._wire.json import encode
from lingate.errors import BadRequestError, PermissionDeniedError, RateLimitError
from lingate.server.routing.health import Probes
from tests.server.asking import ask
from tests.server.driving import Driver, deployments
from tests.server.gateway_kit import running_gateway
from tests.server.raw_upstream import CHAT, JSON, chat, whole
from tests.servers import RawServer, Script

WEIGHTED = """
model_list:
  - {model_name: gpt, litellm_params: {model: openai/a, api_key: k, weight: 1}, model_info: {id: one}}
  - {model_name: gpt, litellm_params: {model: openai/b, api_key: k, rpm: 100000}, model_info: {id: two}}
"""
LATENCY = "router_settings: {routing_strategy: latency-based-routing}\n"
WILD = "model_list: [{model_name: 'openai/*', litellm_params: {model: 'openai/*', api_key: k}}]"


def test_who_asks_for_a_deployment_by_its_id_changes_nothing_for_its_group() -> None:
    driver = Driver(WEIGHTED)
    driver.ask()

    assert driver.ask("two").answered == "b"

    assert {driver.ask().answered for _ in range(50)} == {"a"}
    driver.answer("b", 401)
    driver.answer("a", 401)
    assert driver.ask().sent == ["a", "b"]
    assert driver.health("b").until > driver.clock  # there was somebody else to ask


def test_endless_names_for_one_deployment_do_not_fill_its_memory() -> None:
    driver = Driver("model_list: [{model_name: '*', litellm_params: {model: openai/a, api_key: k}}]")

    for number in range(1000):
        assert driver.ask(f"name {number}").answered == "a"

    (found,) = driver.router.deployments()
    assert len(found.policies) <= 256


def test_another_replica_learns_which_model_behind_a_star_rests() -> None:
    said: list[tuple[str, float, str]] = []

    class Shared:
        def cooled(self, deployment: str, seconds: float, kind: str) -> None:
            said.append((deployment, seconds, kind))

    here, there = Driver(WILD, {"x": (429, {"retry-after": "70"})}, shared=Shared()), Driver(WILD)
    for name in ("openai/x", "openai/y"):
        assert there.ask(name).error is None

    here.ask("openai/x")
    there.router.rest(*said[0])

    assert there.ask("openai/x").sent == []
    assert there.ask("openai/y").sent == here.ask("openai/y").sent == ["y"]


@pytest.mark.parametrize("other", ["new", "b"])
def test_who_has_never_answered_or_does_not_any_more_is_not_asked_by_everybody(other: str) -> None:
    driver = Driver("model_list:\n" + deployments("a", "b") + LATENCY)
    for _ in range(20):
        driver.ask(seconds=1.0)
    driver = Driver("model_list:\n" + deployments("a", other) + LATENCY, previous=driver)
    hanging = []

    for _ in range(100):
        driver.clock += 60
        outcome = driver.ask(seconds=1.0, finish=False)
        if outcome.answered == "a":
            outcome.chain.succeeded(1.0)
        else:
            hanging.append(outcome)

    assert len(hanging) == 1


def test_a_further_try_counts_in_a_deployments_rpm() -> None:
    driver = Driver("model_list:\n" + deployments("a", more="rpm: 4"), {"a": [503, 503, 200]})

    assert driver.ask().sent == ["a", "a", "a"]
    driver.answer("a", 503)
    assert driver.ask().sent == ["a"]
    assert isinstance(driver.ask().error, RateLimitError)


def test_an_estimate_of_the_minute_before_is_not_given_back_to_this_one() -> None:
    driver = Driver("model_list:\n" + deployments("a", more="tpm: 100000"))
    (found,) = driver.router.deployments()
    driver.clock = found.load.start + 50
    long = driver.ask(finish=False, estimated_prompt=1000)
    driver.clock += 30
    driver.ask(tokens=500)

    long.chain.succeeded(30, 100)

    assert found.load.tokens == 500


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "File not found: file_011CNha8iCJcU1wX"),
        (404, "Item with id 'rs_68' not found."),
        (404, "Vector store with id ['vs_1'] not found."),
        (403, "You do not have permission to access the File abc123 or it may not exist."),
        (403, "CachedContent not found (or permission denied)"),
        (429, "Request too large for gpt on tokens per min (TPM): Limit 30000, Requested 40000."),
    ],
)
def test_what_a_caller_names_and_is_not_there_makes_nobody_rest(status: int, message: str) -> None:
    body = encode({"error": {"message": message, "type": "invalid_request_error"}})
    driver = Driver("model_list:\n" + deployments("a", "b"), dict.fromkeys("ab", (status, body)))

    assert driver.ask().error is not None

    assert [item.health.until for item in driver.router.deployments()] == [0.0, 0.0]


def test_bucket_is_a_word_of_limits_too() -> None:
    body = encode({"error": {"message": "The token bucket of this key is empty.", "type": "requests"}})
    driver = Driver("model_list:\n" + deployments("a", "b"), {"a": (429, body)})

    driver.ask()
    driver.ask()

    assert driver.health("a").until > driver.clock


@pytest.mark.parametrize("status", [403, 404])
def test_who_has_answered_is_not_taken_away_by_one_call_for_what_it_does_not_do(status: int) -> None:
    # A chat model that is asked for embeddings: OpenAI's 403, "You are not allowed to generate embeddings from this model".
    driver = Driver("model_list:\n" + deployments("a", "b"))
    for _ in range(20):
        driver.ask()
    driver.answer("a", status)
    driver.answer("b", status)

    assert sorted(driver.ask().sent) == ["a", "b"]
    assert [item.health.until for item in driver.router.deployments()] == [0.0, 0.0]

    driver.clock += 60
    for _ in range(5):  # a model that is gone
        driver.ask()
    assert all(item.health.until > driver.clock for item in driver.router.deployments())


@pytest.mark.parametrize(
    "message",
    ["The model `gpt` does not exist or you do not have access to its files.", "Your key was reported as leaked."],
)
def test_what_the_owner_named_and_is_not_there_rests(message: str) -> None:
    body = encode({"error": {"message": message, "type": "invalid_request_error"}})
    driver = Driver("model_list:\n" + deployments("a", "b"), {"a": (404, body), "b": (403, body)})

    driver.ask()

    assert all(item.health.until > driver.clock for item in driver.router.deployments())


def test_sticky_calls_are_shared_where_nobody_left_has_a_weight() -> None:
    rows = "".join(
        f"  - {{model_name: gpt, litellm_params: {{model: openai/{name}, api_key: k, order: {order}{weight}}}}}\n"
        for name, order, weight in (("a", 1, ", weight: 1"), ("b", 2, ""), ("c", 2, ""))
    )
    driver = Driver("model_list:\n" + rows, {"a": 401})

    counts = Counter(driver.ask(sticky=f"key {number}").answered for number in range(200))

    assert counts.keys() == {"b", "c"}
    assert min(counts.values()) > 60


async def test_a_key_that_may_not_list_models_can_still_be_asked() -> None:
    driver = Driver("model_list:\n" + deployments("a", "b"))

    class Refusing:
        async def send(self, request: object, timeout: object) -> object:
            raise PermissionDeniedError("missing scope: model.read", status=403)

    await Probes(lambda: driver.router, Refusing()).round()  # type: ignore[arg-type]

    assert [item.health.until for item in driver.router.deployments()] == [0.0, 0.0]


async def test_a_list_that_is_refused_ends_no_rest() -> None:
    driver = Driver(
        "model_list:\n" + deployments("a") + "router_settings: {num_retries: 0, allowed_fails: 0}\n", {"a": 503}
    )
    driver.ask()

    class Refusing:
        async def send(self, request: object, timeout: object) -> object:
            raise BadRequestError("no lists here", status=400)

    await Probes(lambda: driver.router, Refusing()).round()  # type: ignore[arg-type]

    assert driver.health("a").until > driver.clock


def test_an_answer_is_as_late_as_its_own_try_and_not_as_the_tries_before(tmp_path: Path) -> None:
    done = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    slow = Script([b"{}"], status=503, headers=JSON, pause=0.6)
    with RawServer(slow) as bad, RawServer(whole(done)) as good:
        entries = "".join(
            f"  - {{model_name: gpt, litellm_params: {{model: openai/{name}, api_base: '{url}/v1', api_key: k, order: {order}}}}}\n"
            for name, url, order in (("bad", bad.url, 1), ("good", good.url, 2))
        )
        with running_gateway("model_list:\n" + entries, tmp_path) as gateway:
            began = time.monotonic()
            assert ask(gateway, CHAT, chat("gpt")).status_code == 200
            took = time.monotonic() - began
            latency = {item.model: item.health.latency for item in gateway.gateway.live.router.deployments()}

    assert 0 < latency["good"] < took - 0.6

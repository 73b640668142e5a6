"""Routers: groups, strategies, retries, cool-down, fallbacks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lingate.compat import litellm
from lingate.compat.litellm._deployments import Fleet, deployment
from lingate.compat.litellm.router import Router
from lingate.simulator import Simulator
from tests.compat.conftest import ASKED


def entry(to: dict[str, Any], group: str, model: str, **params: Any) -> dict[str, Any]:
    return {
        "model_name": group,
        "litellm_params": {"model": model, "api_base": to["api_base"], "api_key": "key", **params},
        "model_info": {"id": f"{group}-{model}"},
    }


def fleet(strategy: str, *params: dict[str, Any], now: list[float] | None = None, dice: float = 0.0) -> Fleet:
    clock = now or [0.0]
    made = Fleet(strategy, 5.0, None, {}, lambda: clock[0], lambda: dice)
    made.deployments = [
        deployment(
            {
                "model_name": "g",
                "litellm_params": {"model": f"openai/{index}", **item},
                "model_info": {"id": str(index)},
            }
        )
        for index, item in enumerate(params)
    ]
    return made


def chosen(made: Fleet) -> str:
    found = made.choose("g", set())
    assert not isinstance(found, float)
    return found.id


def test_a_call_goes_to_a_deployment_of_the_group(to: dict[str, Any]) -> None:
    router = Router([entry(to, "g", "openai/a"), entry(to, "other", "openai/b")])

    answer = router.completion("g", ASKED)

    assert answer.model == "a"
    assert answer._hidden_params["model_id"] == "g-openai/a"
    assert router.get_model_names() == ["g", "other"]
    with pytest.raises(litellm.BadRequestError, match="no model 'none'"):
        router.completion("none", ASKED)


def test_a_deployment_that_fails_rests_and_another_answers(simulator: Simulator, to: dict[str, Any]) -> None:
    bad = entry(to, "g", "openai/a", weight=1000, extra_headers={"x-sim-fault": "rate_limit"})
    router = Router([bad, entry(to, "g", "groq/b", weight=0)])

    assert [router.completion("g", ASKED).model for _ in range(3)] == ["b", "b", "b"]
    assert len(simulator.requests()) == 4


def test_the_only_deployment_of_a_group_never_rests(to: dict[str, Any]) -> None:
    router = Router([entry(to, "g", "openai/a", extra_headers={"x-sim-fault": "rate_limit"})], num_retries=0)

    for _ in range(2):
        with pytest.raises(litellm.RateLimitError):
            router.completion("g", ASKED)


def test_a_router_tries_as_often_as_it_is_told_and_nothing_below_it_does(
    simulator: Simulator, to: dict[str, Any]
) -> None:
    router = Router([entry(to, "g", "openai/a", extra_headers={"x-sim-fault": "server_error"})], num_retries=1)

    with pytest.raises(litellm.InternalServerError):
        router.completion("g", ASKED)
    assert len(simulator.requests()) == 2
    with pytest.raises(litellm.InternalServerError):
        router.completion("g", ASKED, num_retries=0)
    assert len(simulator.requests()) == 3


def test_a_wrong_request_is_not_tried_again_and_rests_nobody(simulator: Simulator, to: dict[str, Any]) -> None:
    entries = [entry(to, "g", f"openai/{name}", extra_headers={"x-sim-fault": "bad_request"}) for name in "ab"]
    router = Router(entries)

    for _ in range(6):
        with pytest.raises(litellm.BadRequestError):
            router.completion("g", ASKED)
    assert len(simulator.requests()) == 6


def test_a_wrong_key_of_one_deployment_is_answered_by_another(to: dict[str, Any]) -> None:
    bad = entry(to, "g", "openai/a", order=1, extra_headers={"x-sim-fault": "auth"})

    assert Router([bad, entry(to, "g", "openai/b", order=2)]).completion("g", ASKED).model == "b"


@pytest.mark.parametrize(
    ("fault", "table"),
    [
        ("server_error", "fallbacks"),
        ("context", "context_window_fallbacks"),
        ("context", "fallbacks"),
        ("content_filter", "content_policy_fallbacks"),
    ],
)
async def test_another_group_answers_where_one_has_failed(to: dict[str, Any], fault: str, table: str) -> None:
    first = entry(to, "g", "openai/a", extra_headers={"x-sim-fault": fault})
    tables: dict[str, Any] = {table: [{"g": ["other"]}]}
    router = Router([first, entry(to, "other", "openai/b")], num_retries=0, **tables)

    assert router.completion("g", ASKED).model == "b"
    assert (await router.acompletion("g", ASKED)).model == "b"
    assert next(iter(router.completion("g", ASKED, stream=True))).model == "b"


def test_default_fallbacks_and_those_of_a_call(to: dict[str, Any]) -> None:
    first = entry(to, "g", "openai/a", extra_headers={"x-sim-fault": "server_error"})
    router = Router(
        [first, entry(to, "b", "openai/b"), entry(to, "c", "openai/c")], num_retries=0, default_fallbacks=["b"]
    )

    assert router.completion("g", ASKED).model == "b"
    assert router.completion("g", ASKED, fallbacks=["c"]).model == "c"
    with pytest.raises(litellm.InternalServerError):
        router.completion("g", ASKED, disable_fallbacks=True)
    assert router.completion("g", ASKED, fallbacks=[{"g": ["c"]}]).model == "c"


def test_aliases_and_patterns_name_groups(to: dict[str, Any]) -> None:
    router = Router([entry(to, "g", "openai/a"), entry(to, "any/*", "openai/*")], model_group_alias={"gpt-4": "g"})

    assert router.completion("gpt-4", ASKED).model == "a"
    assert router.completion("any/thing", ASKED).model == "thing"


def test_a_variable_of_the_environment_stands_in_a_model_list(
    simulator: Simulator, to: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_BASE", to["api_base"])

    assert Router([entry(to, "g", "openai/a", api_base="os.environ/MY_BASE")]).completion("g", ASKED).model == "a"


async def test_every_endpoint_can_be_routed(to: dict[str, Any]) -> None:
    router = Router([entry(to, "g", "openai/a"), entry(to, "rank", "jina_ai/r")])

    assert router.embedding("g", ["x"]).data
    assert (await router.aembedding("g", ["x"])).data
    assert router.responses("hi", "g").output_text
    assert router.text_completion("g", "say").choices[0].text
    assert router.image_generation("a cat", "g").data
    assert router.speech("g", "hi", "alloy").content
    assert router.transcription(("a.wav", b"RIFF"), "g").text
    assert (await router.arerank("rank", "q", ["a"])).results


def test_deployments_come_and_go(to: dict[str, Any]) -> None:
    router = Router([entry(to, "g", "openai/a")])

    router.add_deployment(entry(to, "h", "openai/b"))
    assert router.completion("h", ASKED).model == "b"
    assert router.delete_deployment("g-openai/a") is not None
    assert router.model_names == {"h"}
    assert router.delete_deployment("g-openai/a") is None


def test_the_keys_of_deployments_are_not_in_their_repr_or_id(to: dict[str, Any]) -> None:
    made = deployment({"model_name": "g", "litellm_params": {"model": "openai/a", "api_key": "very-secret"}})

    assert "very-secret" not in repr(made) + made.id


def test_a_stream_keeps_its_deployment_busy_until_it_ends(to: dict[str, Any]) -> None:
    router = Router([entry(to, "g", "openai/a"), entry(to, "g", "openai/b")], routing_strategy="least-busy")

    first = router.completion("g", ASKED, stream=True)
    second = router.completion("g", ASKED, stream=True)
    models = {next(first).model, next(second).model}
    list(first)
    third = router.completion("g", ASKED, stream=True)

    assert models == {"a", "b"}
    assert next(third).model == first.model
    second.close()
    third.close()
    assert [item.in_flight for item in router._fleet.deployments] == [0, 0]


async def test_a_cancelled_call_leaves_nobody_busy(to: dict[str, Any]) -> None:
    router = Router([entry(to, "g", "openai/sim-first-3000")])

    task = asyncio.create_task(router.acompletion("g", ASKED))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert router._fleet.deployments[0].in_flight == 0


def test_shuffling_follows_weights() -> None:
    assert chosen(fleet("simple-shuffle", {"weight": 1}, {"weight": 3}, dice=0.2)) == "0"
    assert chosen(fleet("simple-shuffle", {"weight": 1}, {"weight": 3}, dice=0.3)) == "1"
    assert chosen(fleet("simple-shuffle", {"rpm": 1}, {"rpm": 0}, dice=0.99)) == "0"
    assert chosen(fleet("simple-shuffle", {}, {}, dice=0.99)) == "1"


def test_the_least_busy_is_asked() -> None:
    made = fleet("least-busy", {}, {})

    assert [chosen(made), chosen(made), chosen(made)] == ["0", "1", "0"]


def test_the_fastest_is_asked_once_all_were_tried() -> None:
    made = fleet("latency-based-routing", {}, {})
    made.succeeded(made.deployments[0], 0.1, 0)
    assert chosen(made) == "1"
    made.succeeded(made.deployments[1], 5.0, 0)
    assert chosen(made) == "0"


def test_the_one_with_the_fewest_tokens_in_the_last_minute_is_asked() -> None:
    now = [0.0]
    made = fleet("usage-based-routing", {}, {}, now=now)
    made.succeeded(made.deployments[0], 0.1, 100)
    assert chosen(made) == "1"
    now[0] = 30.0
    made.succeeded(made.deployments[1], 0.1, 10)
    now[0] = 61.0
    assert chosen(made) == "0"


def test_a_deployment_at_its_limit_is_passed_over_and_a_rest_has_an_end() -> None:
    now = [0.0]
    made = fleet("simple-shuffle", {"rpm": 1}, {"tpm": 50}, now=now)
    assert chosen(made) == "0"
    assert chosen(made) == "1"
    made.succeeded(made.deployments[1], 0.1, 50)
    assert made.choose("g", set()) == 60.0

    made = fleet("simple-shuffle", {}, {}, now=now)
    for item in made.deployments:
        made.failed(item, 429, None)
    assert made.choose("g", set()) == 5.0
    now[0] = 5.0
    assert chosen(made) == "0"


def test_a_hint_of_the_provider_makes_the_rest_longer() -> None:
    made = fleet("simple-shuffle", {}, {"cooldown_time": 1})
    made.failed(made.deployments[0], 429, 30.0)
    made.failed(made.deployments[1], 429, None)

    assert [item.cooled_until for item in made.deployments] == [30.0, 1.0]


def test_most_of_five_failures_in_a_minute_are_needed_after_server_errors() -> None:
    made = fleet("simple-shuffle", {}, {})
    for _ in range(4):
        made.failed(made.deployments[0], 500, None)
    assert made.resting("g") == []

    made.failed(made.deployments[0], 500, None)
    assert made.resting("g") == ["0"]


def test_a_strategy_that_is_not_here_is_named() -> None:
    with pytest.raises(ValueError, match="least-busy"):
        Router([], routing_strategy="cost-based-routing")


def test_all_resting_is_an_error_with_the_time_left(to: dict[str, Any]) -> None:
    entries = [entry(to, "g", f"openai/{name}", extra_headers={"x-sim-fault": "rate_limit"}) for name in "ab"]
    router = Router(entries, num_retries=1)

    with pytest.raises(litellm.RateLimitError):
        router.completion("g", ASKED)
    with pytest.raises(litellm.RouterRateLimitError, match="No deployments available"):
        router.completion("g", ASKED)


def test_a_policy_says_how_often_each_kind_of_error_is_tried_again(simulator: Simulator, to: dict[str, Any]) -> None:
    def tries(fault: str, **options: Any) -> int:
        router = Router([entry(to, "g", "openai/a", extra_headers={"x-sim-fault": fault})], num_retries=2, **options)
        before = len(simulator.requests())
        with pytest.raises(litellm.OpenAIError):
            router.completion("g", ASKED)
        return len(simulator.requests()) - before

    policy = litellm.RetryPolicy(RateLimitErrorRetries=0, BadRequestErrorRetries=1)

    assert tries("429", retry_policy=policy) == 1
    assert tries("400", retry_policy={"BadRequestErrorRetries": 1}) == 2
    assert tries("400") == 1
    assert tries("429", model_group_retry_policy={"g": policy}) == 1
    assert tries("503", retry_policy=policy) == 3


@pytest.mark.parametrize(
    "options", [{"disable_cooldowns": True}, {"allowed_fails_policy": {"AuthenticationErrorAllowedFails": 5}}]
)
def test_a_deployment_rests_no_sooner_than_it_is_told(to: dict[str, Any], options: dict[str, Any]) -> None:
    bad = entry(to, "g", "openai/a", extra_headers={"x-sim-fault": "401"})
    router = Router([bad, {**bad, "model_info": {"id": "again"}}], num_retries=0, **options)

    for _ in range(4):
        with pytest.raises(litellm.AuthenticationError):
            router.completion("g", ASKED)


def test_fallbacks_that_are_set_for_all_routers_are_used(to: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "fallbacks", [{"bad": ["g"]}])
    bad = entry(to, "bad", "openai/b", extra_headers={"x-sim-fault": "500"})

    assert Router([bad, entry(to, "g", "openai/a")], num_retries=0).completion("bad", ASKED).model == "a"


def test_an_argument_that_is_none_leaves_the_deployments_own(to: dict[str, Any]) -> None:
    router = Router([entry(to, "g", "openai/a")])

    assert router.completion("g", ASKED, api_key=None, api_base=None, timeout=None).model == "a"


def test_arguments_of_a_router_that_have_no_effect_are_told_of() -> None:
    with pytest.warns(UserWarning, match="enable_pre_call_checks"):
        Router([], enable_pre_call_checks=True, set_verbose=True, redis_host="x", fallbacks=None)


async def test_groups_and_conversations_are_asked_at_once(to: dict[str, Any]) -> None:
    router = Router([entry(to, "a", "openai/a"), entry(to, "b", "openai/b")], num_retries=0)
    other = [{"role": "user", "content": "ho"}]

    one, two, failed = await router.abatch_completion(["a", "b", "c"], ASKED)
    grid = await router.abatch_completion(models=["a", "b"], messages=[ASKED, other], temperature=0)
    row = await router.abatch_completion_one_model_multiple_requests("b", [ASKED, [{"no": "role"}]])

    assert (one.model, two.model) == ("a", "b")
    assert isinstance(failed, litellm.BadRequestError)
    assert [[item.model for item in line] for line in grid] == [["a", "b"], ["a", "b"]]
    assert (row[0].model, type(row[1])) == ("b", litellm.BadRequestError)


async def test_a_stream_that_is_forgotten_keeps_its_deployment_busy_no_longer(to: dict[str, Any]) -> None:
    router = Router([entry(to, "g", "openai/a", rpm=9)])

    for _ in range(4):
        for _piece in router.completion("g", ASKED, stream=True):
            break
        async for _piece in await router.acompletion("g", ASKED, stream=True):
            break

    assert router._fleet.deployments[0].in_flight == 0
    assert router.get_available_deployment("g") == router.model_list[0]
    assert router._fleet.deployments[0].in_flight == 0


def test_a_call_that_cannot_be_made_keeps_no_deployment_busy(to: dict[str, Any]) -> None:
    router = Router([entry(to, "g", "openai/a")])

    with pytest.raises(litellm.BadRequestError, match="metadata must be a mapping"):
        router.completion("g", ASKED, metadata="abc")

    assert router._fleet.deployments[0].in_flight == 0


def test_a_stream_that_breaks_is_a_failure_of_its_deployment(to: dict[str, Any]) -> None:
    cut = {"extra_headers": {"x-sim-fault": "cut=2"}}
    router = Router([entry(to, "g", "openai/a", **cut), entry(to, "g", "openai/b", **cut)], allowed_fails=0)

    with pytest.raises(litellm.APIConnectionError):
        list(router.completion("g", ASKED, stream=True))

    assert sorted(item.in_flight for item in router._fleet.deployments) == [0, 0]
    assert len(router._fleet.resting("g")) == 1


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        ("rate_limit=90", 1),  # a wait that nobody sits out
        ("rate_limit=0", 3),
    ],
)
async def test_where_every_group_fails_the_last_ones_error_is_raised(
    simulator: Simulator, to: dict[str, Any], fault: str, tries: int
) -> None:
    refused = {"extra_headers": {"x-sim-fault": fault}}
    table = [
        entry(to, "g", "openai/a", **refused),
        entry(to, "other", "openai/b", extra_headers={"x-sim-fault": "401"}),
    ]
    router = Router(table, fallbacks=[{"g": ["other"]}], num_retries=2)

    for call in (router.completion, router.acompletion):
        simulator.reset()
        with pytest.raises(litellm.AuthenticationError):
            made = call("g", ASKED)
            await made

        assert [request.model for request in simulator.requests()] == ["a"] * tries + ["b"]


def test_a_group_of_which_all_rest_meanwhile_is_given_up(to: dict[str, Any]) -> None:
    limited = {"extra_headers": {"x-sim-fault": "rate_limit=1"}}
    router = Router([entry(to, "g", "openai/a", **limited), entry(to, "g", "openai/b", **limited)], num_retries=5)

    with pytest.raises(litellm.RateLimitError):
        router.completion("g", ASKED)


def test_an_entry_of_the_list_without_a_model_is_refused() -> None:
    with pytest.raises(ValueError, match="model_list needs model_name"):
        Router([{"model_name": "g", "litellm_params": {}}])

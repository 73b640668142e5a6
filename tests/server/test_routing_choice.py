"""Who is asked: strategies, weights, limits, tags, names and stickiness."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate.errors import ConnectError, LingateError, OverloadedError, RateLimitError
from lingate.server.routing import RouteChain, sticky_key
from tests.server.driving import Driver, config_of, deployments

FIVE = "model_list:\n" + deployments("a", "b", "c", "d", "e")


def strategy(name: str, *entries: str, more: str = "") -> str:
    """A group with these deployments and a strategy."""
    rows = "".join(f"  - {{model_name: gpt, litellm_params: {{api_key: k, {entry}}}}}\n" for entry in entries)
    return f"model_list:\n{rows}router_settings: {{routing_strategy: {name}{more}}}\n"


@settings(max_examples=25, deadline=None)
@given(weights=st.lists(st.integers(0, 9), min_size=2, max_size=5).filter(any), seed=st.integers(0, 2**32))
def test_traffic_is_shared_as_weights_say(weights: list[int], seed: int) -> None:
    rows = [f"model: openai/m{i}, weight: {weight}" for i, weight in enumerate(weights)]
    driver = Driver(strategy("simple-shuffle", *rows), seed=seed)
    calls = 3000

    counts = Counter(driver.ask(seconds=0).answered for _ in range(calls))

    for index, weight in enumerate(weights):
        share = weight / sum(weights)
        # Five standard deviations: one in a million.
        assert abs(counts[f"m{index}"] - share * calls) <= 5 * (calls * share * (1 - share)) ** 0.5 + 1e-9


@pytest.mark.parametrize("key", ["rpm", "tpm"])
def test_limits_are_weights_where_there_are_no_weights(key: str) -> None:
    text = strategy("simple-shuffle", f"model: openai/a, {key}: 300000", f"model: openai/b, {key}: 100000")
    driver = Driver(text)

    counts = Counter(driver.ask(tokens=1).answered for _ in range(2000))

    assert 1380 < counts["a"] < 1620


def test_a_weight_of_nothing_is_asked_only_when_nobody_else_can_be() -> None:
    text = strategy("simple-shuffle", "model: openai/a, weight: 0", "model: openai/b, weight: 5")
    driver = Driver(text, {"b": [200] * 50 + [503]})

    assert {driver.ask().answered for _ in range(50)} == {"b"}
    assert driver.ask().sent == ["b", "a"]


def test_least_busy_asks_whoever_has_the_fewest_calls_under_way() -> None:
    driver = Driver(strategy("least-busy", *(f"model: openai/{name}" for name in "abcd")))

    under_way = [driver.ask(finish=False) for _ in range(40)]

    assert Counter(outcome.sent[0] for outcome in under_way) == dict.fromkeys("abcd", 10)


def test_latency_routing_prefers_the_faster_and_keeps_looking_at_the_slower() -> None:
    driver = Driver(strategy("latency-based-routing", "model: openai/slow", "model: openai/fast", "model: openai/fair"))
    pace = {"slow": 4.0, "fast": 0.2, "fair": 1.0}
    counts: Counter[str] = Counter()
    for _ in range(400):
        chain = driver.chain()
        next(chain)
        assert chain.deployment is not None
        name = chain.deployment.model
        counts[name] += 1
        driver.clock += 0.5
        chain.succeeded(pace[name])

    assert counts["fast"] > counts["fair"] > counts["slow"] > 0


def test_usage_routing_spreads_tokens() -> None:
    driver = Driver(strategy("usage-based-routing-v2", "model: openai/a", "model: openai/b"))

    for _ in range(60):
        chain = driver.chain()
        next(chain)
        assert chain.deployment is not None
        chain.succeeded(0.01, 1000 if chain.deployment.model == "a" else 100)

    used = {item.model: item.load.used(driver.clock) for item in driver.router.deployments()}
    assert abs(used["a"][1] - used["b"][1]) <= 1000
    assert used["b"][0] > used["a"][0]


def test_cost_routing_asks_the_cheapest_and_the_unpriced_last() -> None:
    text = strategy(
        "cost-based-routing",
        "model: openai/unknown",
        "model: openai/dear, input_cost_per_token: 0.01, output_cost_per_token: 0.02",
        "model: openai/cheap, input_cost_per_token: 0.001, output_cost_per_token: 0.002",
    )
    driver = Driver(text, {"cheap": [200] * 5 + [503], "dear": 503})

    assert [driver.ask().answered for _ in range(5)] == ["cheap"] * 5
    assert driver.ask().sent == ["cheap", "dear", "unknown"]


def test_lower_orders_are_asked_first_while_they_can_be() -> None:
    rows = ["model: openai/a, order: 1", "model: openai/b, order: 1", "model: openai/z, order: 2"]
    driver = Driver(strategy("simple-shuffle", *rows))
    assert "z" not in {driver.ask().answered for _ in range(50)}

    driver.answer("a", 429)
    driver.answer("b", 429)

    assert driver.ask().answered == "z"


def test_no_more_calls_than_a_deployments_rpm_in_any_minute() -> None:
    driver = Driver(strategy("simple-shuffle", "model: openai/a, rpm: 10"))
    times = []
    for _ in range(400):
        outcome = driver.ask(seconds=0)
        if outcome.error is None:
            times.append(driver.clock)
        else:
            assert type(outcome.error) is RateLimitError
            assert outcome.error.retry_after is not None
            assert outcome.error.retry_after > 0
        driver.clock += 0.7

    assert max(sum(begin <= at < begin + 60 for at in times) for begin in times) <= 10
    assert len(times) > 35


@pytest.mark.parametrize(("pause", "more"), [(61.0, 52), (200.0, 200)])
def test_a_large_rpm_counts_what_was_in_the_minute_before_and_no_longer(pause: float, more: int) -> None:
    driver = Driver(strategy("simple-shuffle", "model: openai/a, rpm: 200"))
    for _ in range(150):
        driver.ask(seconds=0.0)
    driver.clock += pause

    assert sum(driver.ask(seconds=0.0).error is None for _ in range(300)) == pytest.approx(more, abs=2)


@pytest.mark.parametrize("rpm", [1, 2, 7])
def test_a_small_rpm_is_used_up_and_waits_for_no_more_than_a_minute(rpm: int) -> None:
    driver = Driver(strategy("simple-shuffle", f"model: openai/a, rpm: {rpm}"))
    times = []
    for _ in range(600):
        outcome = driver.ask(seconds=0)
        if outcome.error is None:
            times.append(driver.clock)
        else:
            assert 0 < (outcome.error.retry_after or 0) <= 60
        driver.clock += 1.0

    assert len(times) == rpm * 10
    assert max(sum(begin <= at < begin + 60 for at in times) for begin in times) == rpm


def test_waiting_as_long_as_the_error_says_is_enough() -> None:
    driver = Driver(strategy("simple-shuffle", "model: openai/a, rpm: 3"))
    for _ in range(40):
        outcome = driver.ask(seconds=0)
        if outcome.error is not None:
            assert outcome.error.retry_after is not None
            driver.clock += outcome.error.retry_after + 0.001
            assert driver.ask(seconds=0).error is None


def test_tokens_that_were_used_count_against_tpm() -> None:
    driver = Driver(strategy("simple-shuffle", "model: openai/a, tpm: 100"))

    assert driver.ask(tokens=99).error is None
    assert driver.ask(tokens=50).error is None
    assert isinstance(driver.ask().error, RateLimitError)
    driver.clock += 120
    assert driver.ask().error is None


def test_an_estimate_is_replaced_by_what_was_used() -> None:
    driver = Driver(strategy("simple-shuffle", "model: openai/a, tpm: 100"))

    driver.ask(tokens=1, estimated_prompt=99)

    assert driver.router.deployments()[0].load.tokens == 1


def test_max_parallel_requests_holds_and_frees() -> None:
    driver = Driver(strategy("simple-shuffle", "model: openai/a, max_parallel_requests: 2"))
    one, two = driver.ask(finish=False), driver.ask(finish=False)

    assert isinstance(driver.ask().error, RateLimitError)
    one.chain.failed(None)
    assert driver.ask().error is None
    two.chain.succeeded(0.1)


@pytest.mark.parametrize(
    ("mine", "all_of_them"),
    [
        ("", "default_max_parallel_requests: 0}"),
        ("", "timeout: 9}\ngeneral_settings: {max_parallel_requests: 0}"),
        (", max_parallel_requests: 0", "timeout: 9}\ngeneral_settings: {max_parallel_requests: 1}"),
    ],
)
def test_zero_calls_at_once_are_any_number_as_for_litellm(mine: str, all_of_them: str) -> None:
    text = strategy("simple-shuffle", f"model: openai/a{mine}", more=", ").replace(", }", f", {all_of_them}")
    driver = Driver(text)
    for _ in range(3):
        assert driver.ask(finish=False).error is None


def test_max_parallel_requests_sends_to_the_next_deployment() -> None:
    driver = Driver(
        strategy("simple-shuffle", "model: openai/a, order: 1, max_parallel_requests: 1", "model: openai/b, order: 2")
    )
    busy = driver.ask(finish=False)

    assert driver.ask().sent == ["b"]
    busy.chain.succeeded(0.1)
    assert driver.ask().sent == ["a"]


# Names


NAMES = """
model_list:
  - {model_name: gpt, litellm_params: {model: openai/gpt-4o, api_key: k}}
  - {model_name: "openai/*", litellm_params: {model: "openai/*", api_key: k}}
  - {model_name: "openai/o*", litellm_params: {model: "openai/reasoner-*", api_key: k}}
  - {model_name: "fixed-*", litellm_params: {model: openai/one, api_key: k}}
  - {model_name: "azure/*", litellm_params: {model: "azure/*", api_key: k, api_base: "https://x.example"}, model_info: {id: az}}
router_settings:
  model_group_alias: {best: gpt, secret: {model: gpt, hidden: true}}
"""


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("gpt", "openai/gpt-4o"),
        ("best", "openai/gpt-4o"),
        ("secret", "openai/gpt-4o"),
        ("openai/gpt-5", "openai/gpt-5"),
        ("openai/o3", "openai/reasoner-3"),
        ("fixed-anything", "openai/one"),
        ("azure/dep/with/slash", "azure/dep/with/slash"),
    ],
)
def test_names_aliases_and_patterns_lead_to_their_deployment(asked: str, name: str) -> None:
    group = Driver(NAMES).router.group(asked)

    assert group is not None
    assert group.name == asked
    assert group.deployments[0].name == name


def test_a_star_alone_takes_any_provider_and_model() -> None:
    driver = Driver('model_list: [{model_name: "*", litellm_params: {model: "*"}}]')

    group = driver.router.group("anthropic/claude-sonnet-4-6")
    assert group is not None
    assert group.deployments[0].name == "anthropic/claude-sonnet-4-6"
    assert driver.router.group("no-such-thing") is None


def test_a_star_with_a_provider_takes_bare_names() -> None:
    group = Driver('model_list: [{model_name: "*", litellm_params: {model: "openai/*", api_key: k}}]').router.group(
        "gpt-4o"
    )

    assert group is not None
    assert group.deployments[0].name == "openai/gpt-4o"


def test_models_lists_names_and_aliases_but_not_the_hidden_ones() -> None:
    names = Driver(NAMES).router.models()

    assert {"gpt", "best", "fixed-*"} <= set(names)
    assert "secret" not in names


def test_a_name_nobody_answers_for_is_told_with_the_closest() -> None:
    router = Driver(NAMES.replace('"openai/*"', '"oai/*"', 1)).router

    assert router.group("gpd") is None
    assert router.group("openai/" + "x" * 600) is None
    assert router.why_not("gpd", {"gpt", "best"}.__contains__) == "no model is named 'gpd' here; did you mean 'gpt'?"
    assert router.why_not("gpd") == "no model is named 'gpd' here"


def test_without_a_model_list_every_provider_with_a_credential_is_served() -> None:
    driver = Driver(config_of("", {"OPENAI_API_KEY": "k"}))

    group = driver.router.group("openai/gpt-4o")
    assert group is not None
    assert group.deployments[0].id == "openai/gpt-4o"
    assert driver.router.group("anthropic/claude-sonnet-4-6") is None
    assert "ANTHROPIC_API_KEY" in driver.router.why_not("anthropic/claude-sonnet-4-6")
    assert driver.router.group("gpt-4o") is None
    assert driver.router.why_not("gpt-4o") == "'gpt-4o' is not served here: write it as openai/gpt-4o"
    assert driver.router.why_not("house") == "'house' is not served here: write it as provider/model"
    assert "no provider is named 'opena'" in driver.router.why_not("opena/gpt-4o")
    assert any(name.startswith("openai/") for name in driver.router.models())


def test_with_a_model_list_nothing_else_is_served_unless_it_is_asked_for() -> None:
    text = "model_list:\n" + deployments("a")
    env = {"OPENAI_API_KEY": "k"}

    assert Driver(config_of(text, env)).router.group("openai/gpt-4o") is None
    assert (
        Driver(config_of(text + "lingate: {serve_all_providers: true}", env)).router.group("openai/gpt-4o") is not None
    )


def test_a_provider_of_the_owners_own_is_one_like_the_others() -> None:
    own = "lingate: {providers: {house: {url: 'https://house.example/v1', key_env: [HOUSE_KEY], headers: {x-team: a}}}}"
    text = "model_list: [{model_name: small, litellm_params: {model: house/m1}}]\n"
    env = {"HOUSE_KEY": "h"}

    for driver, name in ((Driver(config_of(text + own, env)), "small"), (Driver(config_of(own, env)), "house/m1")):
        group = driver.router.group(name)
        assert group is not None
        target = group.deployments[0].place("chat")[0]()[0]
        assert (target.url, target.model) == ("https://house.example/v1", "m1")
        assert target.headers["authorization"] == "Bearer h"
        assert target.headers["x-team"] == "a"


def test_the_loads_of_all_names_behind_a_star_are_one() -> None:
    driver = Driver('model_list: [{model_name: "openai/*", litellm_params: {model: "openai/*", api_key: k, rpm: 2}}]')

    assert driver.ask("openai/a").error is None
    assert driver.ask("openai/b").error is None
    assert isinstance(driver.ask("openai/c").error, RateLimitError)


def test_endless_names_behind_a_star_do_not_fill_the_memory() -> None:
    driver = Driver('model_list: [{model_name: "openai/*", litellm_params: {model: "openai/*", api_key: k}}]')

    for number in range(9000):
        assert driver.router.group(f"openai/{number}") is not None

    assert len(driver.router.deployments()) <= 4097


# Tags

TAGGED = """
model_list:
  - {model_name: gpt, litellm_params: {model: openai/free, api_key: k, tags: [free, eu]}}
  - {model_name: gpt, litellm_params: {model: openai/paid, api_key: k, tags: [paid]}}
  - {model_name: gpt, litellm_params: {model: openai/plain, api_key: k, tags: [default]}}
router_settings: {enable_tag_filtering: true}
"""


@pytest.mark.parametrize(
    ("tags", "name"), [(["free"], "free"), (["paid", "x"], "paid"), ([], "plain"), (["unheard-of"], "plain")]
)
def test_tags_choose_the_deployment(tags: list[str], name: str) -> None:
    driver = Driver(TAGGED)

    assert {driver.ask(tags=tags).answered for _ in range(20)} == {name}


def test_a_call_without_tags_goes_to_who_has_none() -> None:
    driver = Driver(TAGGED.replace(", tags: [default]", ""))

    assert {driver.ask(tags=[]).answered for _ in range(20)} == {"plain"}


def test_all_tags_must_be_there_where_one_is_not_enough() -> None:
    driver = Driver(TAGGED.replace("true}", "true, tag_filtering_match_any: false}"))

    assert driver.ask(tags=["free", "eu"]).answered == "free"
    assert driver.ask(tags=["free", "paid"]).answered == "plain"


def test_tags_that_nobody_takes_are_an_error() -> None:
    driver = Driver(TAGGED.replace("[default]", "[other]"))

    outcome = driver.ask(tags=["unheard-of"])

    assert outcome.sent == []
    assert "tags" in str(outcome.error)


# Stickiness


@given(keys=st.sets(st.text(min_size=1), min_size=40, max_size=80))
@settings(max_examples=20, deadline=None)
def test_calls_that_belong_together_stay_at_one_deployment_while_it_is_healthy(keys: set[str]) -> None:
    driver = Driver(FIVE)
    homes = {key: driver.ask(sticky=key).answered for key in keys}

    assert {key: driver.ask(sticky=key).answered for key in keys} == homes
    assert len(set(homes.values())) > 1

    driver.health("a").rest(60, "overloaded", trial=False)
    moved = {key: driver.ask(sticky=key).answered for key in keys}

    assert "a" not in moved.values()
    assert {key: home for key, home in homes.items() if home != "a"} == {
        key: home for key, home in moved.items() if homes[key] != "a"
    }


def test_sticky_calls_are_shared_as_weights_say() -> None:
    driver = Driver(strategy("simple-shuffle", "model: openai/a, weight: 3", "model: openai/b, weight: 1"))

    counts = Counter(driver.ask(sticky=f"key {number}").answered for number in range(2000))

    assert 1400 < counts["a"] < 1600


def test_a_growing_conversation_keeps_its_key_and_another_callers_is_another() -> None:
    system = {"role": "system", "content": "be brief"}
    turns: list[dict[str, Any]] = [system, {"role": "user", "content": "hi"}]
    later = [*turns, {"role": "assistant", "content": "hello"}, {"role": "user", "content": "again"}]

    key = sticky_key("prompt", "k1", {"messages": turns})

    assert key is not None
    assert sticky_key("prompt", "k1", {"messages": later}) == key
    assert sticky_key("prompt", "k2", {"messages": turns}) != key
    assert sticky_key("prompt", "k1", {"messages": [system, {"role": "user", "content": "other"}]}) != key
    assert sticky_key("prompt", "k1", {"input": "x"}) is None
    assert sticky_key("key", "k1", {}) == "k1"
    assert sticky_key("session", "k1", {}, "s") != sticky_key("session", "k2", {}, "s")
    assert sticky_key("session", "k1", {}) is None
    assert sticky_key("", "k1", {"messages": turns}) is None


def test_pre_call_checks_say_which_calls_stay_together() -> None:
    for check, word in (("prompt_caching", "prompt"), ("deployment_affinity", "key"), ("session_affinity", "session")):
        group = Driver(FIVE + f"router_settings: {{optional_pre_call_checks: [{check}]}}").router.group("gpt")
        assert group is not None
        assert group.sticky == word


# Whatever happens

ERRORS: list[LingateError | None] = [
    None,
    OverloadedError("no", status=503),
    RateLimitError("no", status=429, retry_after=3.0),
    RateLimitError("no", status=429),
    ConnectError("refused"),
]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "next", "won", "lost", "drop", "tick"]),
        st.integers(0, 7),
        st.integers(0, len(ERRORS) - 1),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, count=st.integers(1, 4), limit=st.sampled_from(["", "max_parallel_requests: 2", "rpm: 5"]))
def test_no_resting_deployment_is_asked_and_nothing_stays_in_flight(steps: list[Any], count: int, limit: str) -> None:
    names = "abcd"[:count]
    driver = Driver(
        "model_list:\n"
        + deployments(*names, more=limit)
        + deployments("z", group="safe")
        + "router_settings: {fallbacks: [{gpt: [safe]}]}"
    )
    rides: list[RouteChain] = []

    def advance(chain: RouteChain) -> None:
        ready = [item for item in chain.group.deployments if item.health.until <= driver.clock]
        try:
            next(chain)
        except (StopIteration, LingateError):
            return
        assert chain.deployment is not None
        resting = chain.deployment.health.until > driver.clock and not chain.deployment.health.trial
        assert not resting
        assert chain.deployment in ready or chain.deployment.group == "safe"

    for action, which, kind in steps:
        chain = rides[which % len(rides)] if rides else None
        if action == "begin":
            rides.append(driver.chain())
            advance(rides[-1])
        elif action == "tick":
            driver.clock += [0.2, 1.0, 5.0, 30.0, 61.0, 120.0, 0.0, 2.5][which]
        elif chain is None:
            continue
        elif action == "next":
            assert chain.context is not None
            chain.context.error = ERRORS[kind] and type(ERRORS[kind])("again", retry_after=ERRORS[kind].retry_after)
            advance(chain)
        elif action == "won":
            chain.succeeded(0.5, which)
        elif action == "lost":
            chain.failed(ERRORS[kind])
        else:
            rides.remove(chain)
        del chain
        assert driver.in_flight() == sum(chain._open for chain in rides)

    rides.clear()
    assert driver.in_flight() == 0

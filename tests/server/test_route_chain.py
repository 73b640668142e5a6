"""One call's way through deployments and groups: retries, other deployments, fallbacks, cool-downs."""

from __future__ import annotations

import gc

import pytest

from lingate.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigError,
    ConnectError,
    ContentFilterError,
    ContextLengthError,
    InternalServerError,
    MissingCredentialError,
    OverloadedError,
    RateLimitError,
    RequestTimeoutError,
    StreamInterruptedError,
)
from tests.server.driving import CONTEXT, FILTER, Driver, deployments

ONE = "model_list:\n" + deployments("a")
TWO = "model_list:\n" + deployments("a", "b")
IN_ORDER = """
model_list:
  - {model_name: gpt, litellm_params: {model: openai/a, api_key: k, order: 1}}
  - {model_name: gpt, litellm_params: {model: openai/b, api_key: k, order: 2}}
"""
FALLBACK = """
model_list:
  - {model_name: gpt, litellm_params: {model: openai/a, api_key: k}}
  - {model_name: other, litellm_params: {model: openai/z, api_key: k}}
router_settings:
  fallbacks: [{gpt: [other]}]
"""


def settings(**values: object) -> str:
    """A section `router_settings`."""
    return "router_settings:\n" + "".join(f"  {name}: {value}\n" for name, value in values.items())


def test_a_call_goes_to_the_deployment_and_counts_while_it_is_under_way() -> None:
    driver = Driver(ONE)

    outcome = driver.ask(finish=False)

    assert outcome.answered == "a"
    assert driver.in_flight() == 1
    outcome.chain.succeeded(0.1, 10)
    outcome.chain.succeeded(0.1, 10)
    outcome.chain.failed(None)
    assert driver.in_flight() == 0


@pytest.mark.parametrize(
    "failure",
    [429, 500, 502, 503, 529, 401, 403, 404, ConnectError("refused"), RequestTimeoutError("slow")],
    ids=lambda failure: str(failure) if isinstance(failure, int) else failure.kind,
)
def test_what_fails_at_one_deployment_goes_to_the_next_at_once(failure: object) -> None:
    driver = Driver(IN_ORDER, {"a": failure})  # type: ignore[dict-item]

    outcome = driver.ask()

    assert outcome.sent == ["a", "b"]
    assert outcome.waits == []
    assert driver.in_flight() == 0


@pytest.mark.parametrize("status", [401, 403, 404])
def test_who_cannot_answer_at_all_is_not_asked_again_soon_while_there_is_another(status: int) -> None:
    driver = Driver(IN_ORDER, {"a": status})

    assert [driver.ask().sent for _ in range(2)] == [["a", "b"], ["b"]]


def test_who_waits_for_one_of_several_is_told_of_the_first_that_comes_back() -> None:
    driver = Driver(TWO, {"a": (429, {"retry-after": "40"}), "b": (429, {"retry-after": "20"})})
    driver.ask(retries=1)

    refused = driver.ask()
    assert refused.sent == []
    assert 15 < (refused.error.retry_after or 0) <= 20  # type: ignore[union-attr]


def test_who_has_answered_again_rests_no_longer_than_at_first() -> None:
    driver = Driver(ONE + settings(num_retries=0))

    def rest() -> float:
        driver.answer("a", 500)
        for _ in range(5):
            driver.ask()
        refused = driver.ask().error
        return refused.retry_after or 0  # type: ignore[union-attr]

    first = rest()
    driver.clock += first + 0.1
    driver.ask()
    assert driver.ask().error.retry_after > first  # type: ignore[union-attr, operator]
    driver.clock += 70
    driver.answer("a", 200)
    assert driver.ask().error is None
    driver.clock += 70
    assert rest() == pytest.approx(first, abs=0.01)


def test_failures_are_few_among_the_answers_of_the_same_minute_and_not_of_the_one_before() -> None:
    driver = Driver(ONE + settings(num_retries=0))
    driver.ask()
    driver.clock += 70
    for _ in range(20):
        driver.ask()
    driver.answer("a", 500)
    assert [driver.ask().sent for _ in range(6)] == [["a"]] * 6
    driver.clock += 70
    assert [driver.ask().sent for _ in range(6)] == [["a"]] * 5 + [[]]


def test_who_does_not_take_a_calls_tags_is_nobody_to_keep_it_for() -> None:
    text = """
    model_list:
      - {model_name: gpt, litellm_params: {model: openai/a, api_key: k, order: 1, tags: [x]}}
      - {model_name: gpt, litellm_params: {model: openai/b, api_key: k, order: 2, tags: [y]}}
    router_settings: {enable_tag_filtering: true}
    """
    driver = Driver(text, {"a": 500})

    assert driver.ask(tags=["x"]).sent == ["a"] * 3
    assert driver.ask(tags=["y"]).sent == ["b"]


def test_an_only_deployment_takes_no_call_with_other_tags() -> None:
    text = "model_list: [{model_name: gpt, litellm_params: {model: openai/a, api_key: k, tags: [x]}}]"
    driver = Driver(text + "\nrouter_settings: {enable_tag_filtering: true}")

    assert driver.ask(tags=["x"]).sent == ["a"]
    refused = driver.ask(tags=["y"])
    assert refused.sent == []
    assert "these tags" in str(refused.error)


def test_a_request_that_is_wrong_is_not_asked_elsewhere_and_hurts_nobody() -> None:
    driver = Driver(
        IN_ORDER + "router_settings: {fallbacks: [{gpt: [gpt2]}], model_group_alias: {gpt2: gpt}}", {"a": 400}
    )

    for _ in range(20):
        outcome = driver.ask()

        assert outcome.sent == ["a"]
        assert type(outcome.error) is BadRequestError


def test_the_last_deployment_that_can_be_asked_is_retried() -> None:
    driver = Driver(IN_ORDER, {"a": 503, "b": [503, 200]})

    outcome = driver.ask()

    assert outcome.sent == ["a", "b", "b"]
    assert len(outcome.waits) == 1


def test_the_error_of_the_last_try_is_the_answer_when_all_have_failed() -> None:
    driver = Driver(IN_ORDER + settings(num_retries=1), {"a": 503, "b": 500})

    outcome = driver.ask()

    assert outcome.sent == ["a", "b"]
    assert type(outcome.error) is InternalServerError
    assert [attempt.kind for attempt in outcome.error.attempts] == ["overloaded", "server_error"]


def test_a_group_that_has_failed_goes_to_its_fallback() -> None:
    driver = Driver(FALLBACK, {"a": 503})

    outcome = driver.ask()

    assert outcome.sent == ["a", "z"]
    assert outcome.chain.fallbacks == 1
    assert outcome.chain.group.name == "other"
    assert outcome.chain.deployment is not None
    assert outcome.chain.deployment.model == "z"


def test_retries_come_before_a_fallback_only_where_they_are_asked_for() -> None:
    asked = Driver(FALLBACK + "  num_retries: 2\n", {"a": 503})
    unasked = Driver(FALLBACK, {"a": 503})

    assert asked.ask().sent == ["a", "a", "a", "z"]
    assert unasked.ask().sent == ["a", "z"]


def test_num_retries_of_the_deployment_wins() -> None:
    driver = Driver("model_list:\n" + deployments("a", more="max_retries: 1"), {"a": 503})

    assert driver.ask().sent == ["a", "a"]


def test_tries_are_as_many_as_asked_for_also_where_another_comes_back_meanwhile() -> None:
    driver = Driver(IN_ORDER + settings(num_retries=2), {"a": (429, {"retry-after": "1"})})
    assert driver.ask().sent == ["a", "b"]

    driver.answer("b", (503, {"retry-after": "2"}), 500, 500, 500)
    driver.answer("a", 200)
    assert driver.ask().sent == ["b", "b", "b"]


def test_no_retries_means_one_try() -> None:
    driver = Driver(TWO + settings(num_retries=0), {"a": 503, "b": 503})

    assert len(driver.ask().sent) == 1


@pytest.mark.parametrize(
    ("config", "retries", "sent"),
    [
        (ONE, 0, ["a"]),
        (ONE + settings(num_retries=0), 1, ["a", "a"]),
        ("model_list:\n" + deployments("a", more="max_retries: 4"), 1, ["a", "a"]),
        (ONE + settings(retry_policy="{DefaultRetries: 5, ServiceUnavailableErrorRetries: 5}"), 1, ["a", "a"]),
        (IN_ORDER, 0, ["a"]),
        (IN_ORDER, 1, ["a", "b"]),
        (IN_ORDER, 3, ["a", "b", "b", "b"]),
        (FALLBACK, 0, ["a", "z"]),
        (FALLBACK, 2, ["a", "a", "a", "z"]),
    ],
)
def test_how_often_is_the_callers_word_where_there_is_one(config: str, retries: int, sent: list[str]) -> None:
    driver = Driver(config, {"a": 503, "b": 503})

    assert driver.ask(retries=retries).sent == sent


def test_a_prompt_that_does_not_fit_goes_to_the_fallback_for_that_and_nowhere_else() -> None:
    text = """
    model_list:
      - {model_name: gpt, litellm_params: {model: openai/a, api_key: k}}
      - {model_name: gpt, litellm_params: {model: openai/b, api_key: k}}
      - {model_name: big, litellm_params: {model: openai/z, api_key: k}}
      - {model_name: other, litellm_params: {model: openai/o, api_key: k}}
    router_settings:
      fallbacks: [{gpt: [other]}]
      context_window_fallbacks: [{gpt: [big]}]
    """
    driver = Driver(text, {"a": CONTEXT, "b": CONTEXT})

    outcome = driver.ask()

    assert outcome.sent[1:] == ["z"]


def test_a_prompt_that_does_not_fit_goes_to_the_general_fallback_where_there_is_no_other() -> None:
    assert Driver(FALLBACK, {"a": CONTEXT}).ask().sent == ["a", "z"]


def test_a_refusal_by_a_content_policy_goes_only_to_the_fallback_for_that() -> None:
    text = FALLBACK + "  content_policy_fallbacks: [{gpt: [lenient]}]\n  model_group_alias: {lenient: other}\n"

    with_one, without = Driver(text, {"a": FILTER}), Driver(FALLBACK, {"a": FILTER})

    assert with_one.ask().sent == ["a", "z"]
    outcome = without.ask()
    assert outcome.sent == ["a"]
    assert isinstance(outcome.error, ContentFilterError)


def test_default_fallbacks_stand_in_for_groups_without_their_own() -> None:
    text = "model_list:\n" + deployments("a") + deployments("z", group="safe") + settings(default_fallbacks="[safe]")
    driver = Driver(text, {"a": 500, "z": 500})

    assert driver.ask().sent == ["a", "z", "z", "z"]
    assert driver.ask("safe").sent == ["z", "z", "z"]


def test_fallbacks_that_point_at_each_other_end() -> None:
    text = (
        "model_list:\n"
        + deployments("a")
        + deployments("b", group="two")
        + settings(fallbacks="[{gpt: [two, gpt]}, {two: [gpt, two]}]")
    )
    driver = Driver(text, {"a": 503, "b": 503})

    assert driver.ask().sent == ["a", "b"]


def test_an_alias_of_a_group_that_failed_is_not_asked_again() -> None:
    text = ONE + settings(model_group_alias="{same: gpt}", fallbacks="[{gpt: [same]}]", num_retries=0)

    assert Driver(text, {"a": 503}).ask().sent == ["a"]


def test_the_fallbacks_of_a_fallback_are_tried_up_to_the_limit() -> None:
    groups = "".join(deployments(f"m{i}", group=f"g{i}") for i in range(9))
    chain = "[" + ", ".join(f"{{g{i}: [g{i + 1}]}}" for i in range(8)) + "]"
    script = {f"m{i}": 503 for i in range(9)}

    outcome = Driver("model_list:\n" + groups + settings(fallbacks=chain, max_fallbacks=3), script).ask("g0")

    assert outcome.sent == ["m0", "m1", "m2", "m3"]


def test_callers_may_bring_fallbacks_of_their_own() -> None:
    driver = Driver("model_list:\n" + deployments("a") + deployments("z", group="safe"), {"a": [503]})

    assert driver.ask(fallbacks=["missing", "safe"]).sent[-1] == "z"


def test_a_fallback_may_bring_parameters() -> None:
    text = FALLBACK.replace("[other]", "[{model: other, temperature: 0.5}]")

    outcome = Driver(text, {"a": 503}).ask()

    assert outcome.body["temperature"] == 0.5


def test_parameters_of_the_deployment_lie_under_those_of_the_caller() -> None:
    text = "model_list:\n" + deployments("a", more="temperature: 0.1, seed: 7, additional_drop_params: [user]")

    outcome = Driver(text).ask(body={"temperature": 0.9, "user": "ann"})

    assert outcome.body["temperature"] == 0.9
    assert outcome.body["seed"] == 7
    assert "user" not in outcome.body


def test_what_is_left_out_may_be_inside_of_a_parameter_and_the_caller_keeps_its_own() -> None:
    paths = "['tools[*].input_examples', metadata.user_id, 'tools[1]', 'nowhere.at.all', 'seed.x']"
    text = "model_list:\n" + deployments("a", more=f"additional_drop_params: {paths}")
    tool = {"type": "function", "function": {"name": "f"}, "input_examples": [{}]}
    asked = {"tools": [tool, tool], "metadata": {"user_id": "u", "kind": "k"}, "seed": 7}

    body = Driver(text).ask(body=asked).body

    assert body["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert (body["metadata"], body["seed"]) == ({"kind": "k"}, 7)
    assert tool["input_examples"] == [{}]


def test_a_fallback_is_tried_at_once_while_the_only_deployment_rests() -> None:
    driver = Driver(FALLBACK, {"a": (429, {"retry-after": "20"})})
    driver.ask()

    outcome = driver.ask()

    assert outcome.sent == ["z"]
    assert outcome.chain.fallbacks == 1


def test_after_the_rest_it_is_asked_again() -> None:
    driver = Driver(FALLBACK, {"a": [(429, {"retry-after": "20"}), 200]})
    driver.ask()

    driver.clock += 19
    assert driver.ask().sent == ["z"]
    driver.clock += 2
    assert driver.ask().sent == ["a"]


def test_nobody_to_ask_is_an_error_that_says_when_to_come_back() -> None:
    driver = Driver(ONE + settings(num_retries=0), {"a": (429, {"retry-after": "30"})})
    driver.ask()
    driver.clock += 10

    outcome = driver.ask()

    assert outcome.sent == []
    assert type(outcome.error) is RateLimitError
    assert outcome.error.status == 429
    assert outcome.error.retry_after == pytest.approx(19.9, abs=0.2)
    assert "gpt" in outcome.error.message


def test_an_outage_without_fallback_opens_the_breaker_and_one_call_a_second_tries_it() -> None:
    driver = Driver(ONE + settings(num_retries=0), {"a": 503})
    for _ in range(5):
        driver.ask()

    refused = driver.ask()

    assert refused.sent == []
    assert type(refused.error) is OverloadedError
    assert refused.error.retry_after is not None
    assert 0 < refused.error.retry_after <= 5
    driver.clock += 5
    driver.answer("a", 200)
    first = driver.ask(finish=False)
    assert first.sent == ["a"]
    assert driver.ask().sent == []
    first.chain.succeeded(0.1)
    assert [driver.ask().answered for _ in range(3)] == ["a"] * 3


def test_a_failed_trial_makes_the_next_rest_longer() -> None:
    driver = Driver(ONE + settings(num_retries=0, allowed_fails=0), {"a": 503})
    rests = []
    for _ in range(4):
        driver.ask()
        rests.append(driver.health("a").until - driver.clock)
        driver.clock += rests[-1]

    assert rests == pytest.approx([5.0, 10.0, 20.0, 40.0])


def test_a_straggler_that_succeeds_does_not_end_a_rest() -> None:
    driver = Driver(ONE + settings(num_retries=0, allowed_fails=0))
    early = driver.ask(finish=False)
    driver.answer("a", 503)
    driver.ask()

    early.chain.succeeded(3.0)

    assert driver.ask().sent == []


def test_allowed_fails_counts_failures_in_a_minute() -> None:
    driver = Driver(
        TWO + settings(allowed_fails=2, num_retries=0, routing_strategy="cost-based-routing"), {"a": 500, "b": 500}
    )
    for _ in range(2):
        driver.ask()
    driver.clock += 61
    for _ in range(2):
        driver.ask()

    assert driver.health("a").until <= driver.clock


def test_allowed_fails_policy_is_by_kind_of_error() -> None:
    text = ONE + settings(
        num_retries=0, allowed_fails_policy="{RateLimitErrorAllowedFails: 1, InternalServerErrorAllowedFails: 50}"
    )
    driver = Driver(text, {"a": [500, 500, 500, 500, 500, 500, 500, 429]})

    for _ in range(7):
        assert driver.ask().sent == ["a"]
    driver.ask()

    assert driver.ask().sent == []


def test_retry_policy_is_by_kind_of_error() -> None:
    policy = "{RateLimitErrorRetries: 3, InternalServerErrorRetries: 0, BadRequestErrorRetries: 1}"
    script = {"a": [429, 429, 429, 429, 200]}

    assert Driver(ONE + settings(retry_policy=policy), script).ask().sent == ["a"] * 4
    assert Driver(ONE + settings(retry_policy=policy), {"a": 500}).ask().sent == ["a"]
    assert Driver(ONE + settings(retry_policy=policy), {"a": 400}).ask().sent == ["a"] * 2
    assert Driver(ONE + settings(retry_policy=policy), {"a": 529}).ask().sent == ["a"] * 3


def test_retry_policy_of_a_group_wins() -> None:
    text = ONE + settings(
        retry_policy="{RateLimitErrorRetries: 3}", model_group_retry_policy="{gpt: {RateLimitErrorRetries: 1}}"
    )

    assert Driver(text, {"a": 429}).ask().sent == ["a", "a"]


def test_disable_cooldowns_means_nobody_rests() -> None:
    driver = Driver(ONE + settings(num_retries=0, disable_cooldowns="true"), {"a": (429, {"retry-after": "30"})})

    assert [driver.ask().sent for _ in range(8)] == [["a"]] * 8


def test_a_wrong_key_is_told_as_it_is_where_nobody_else_can_be_asked() -> None:
    driver = Driver(ONE, {"a": 401})

    for _ in range(10):
        assert type(driver.ask().error) is AuthenticationError


def test_a_deployment_with_a_wrong_key_rests_where_another_can_be_asked() -> None:
    driver = Driver(IN_ORDER, {"a": 401})
    driver.ask()

    assert driver.ask().sent == ["b"]


def test_a_name_behind_a_star_that_does_not_exist_makes_nobody_rest() -> None:
    text = "model_list:\n" + deployments("*", group='"*"') + settings(default_fallbacks="[safe]") + ""
    text = text.replace("router_settings", deployments("z", group="safe") + "router_settings")
    driver = Driver(text, {"nope": 404})

    for _ in range(10):
        assert driver.ask("nope").sent == ["nope", "z"]


def test_a_client_that_leaves_is_nobodys_fault() -> None:
    driver = Driver(ONE)
    for _ in range(20):
        driver.ask(finish=False).chain.failed(None)

    assert driver.ask().answered == "a"
    assert driver.in_flight() == 0


def test_a_stream_that_breaks_counts_as_a_failure() -> None:
    driver = Driver(ONE + settings(allowed_fails=0))
    outcome = driver.ask(finish=False)

    outcome.chain.failed(StreamInterruptedError("cut"))

    assert driver.health("a").until > driver.clock


def test_time_outs_of_a_hurried_caller_do_not_hurt_the_deployment() -> None:
    driver = Driver(ONE + settings(num_retries=0), {"a": RequestTimeoutError("slow")})
    for _ in range(10):
        chain = driver.chain()
        chain.hurried = True
        route = next(chain)
        assert route.policy is not None
        route.policy.wait(RequestTimeoutError("slow"), 0, lambda: 0.5)
        chain.failed(RequestTimeoutError("slow"))

    assert driver.health("a").until <= driver.clock
    assert driver.in_flight() == 0


def test_a_ride_that_is_dropped_without_a_word_frees_its_deployment() -> None:
    driver = Driver(ONE)
    chain = driver.chain()
    next(chain)
    assert driver.in_flight() == 1

    del chain
    gc.collect()

    assert driver.in_flight() == 0


def test_a_deployment_whose_variable_is_not_set_is_passed_over() -> None:
    text = """
    model_list:
      - {model_name: gpt, litellm_params: {model: openai/a, api_key: os.environ/NOT_THERE, order: 1}}
      - {model_name: gpt, litellm_params: {model: openai/b, api_key: k, order: 2}}
    """
    assert Driver(text).ask().sent == ["b"]


def test_a_group_that_cannot_be_asked_names_the_variable() -> None:
    driver = Driver(
        "model_list:\n  - {model_name: gpt, litellm_params: {model: openai/a, api_key: os.environ/NOT_THERE}}\n"
    )

    outcome = driver.ask()

    assert outcome.sent == []
    assert isinstance(outcome.error, ConfigError)
    assert outcome.error.detail == "the variable NOT_THERE is not set"
    assert "NOT_THERE" not in str(outcome.error)


def test_a_missing_credential_is_passed_over_too_and_named_where_nobody_is_left() -> None:
    text = """
    model_list:
      - {model_name: gpt, litellm_params: {model: groq/a, order: 1}}
      - {model_name: gpt, litellm_params: {model: openai/b, api_key: k, order: 2}}
      - {model_name: bare, litellm_params: {model: groq/a}}
    """
    assert Driver(text).ask().sent == ["b"]
    outcome = Driver(text).ask("bare")
    assert isinstance(outcome.error, MissingCredentialError)
    assert "GROQ_API_KEY" in str(outcome.error)


def test_a_prompt_too_large_for_a_deployment_is_not_sent_to_it_with_pre_call_checks() -> None:
    text = """
    model_list:
      - {model_name: gpt, litellm_params: {model: openai/a, api_key: k, order: 1}, model_info: {max_input_tokens: 100}}
      - {model_name: gpt, litellm_params: {model: openai/b, api_key: k, order: 2}, model_info: {max_input_tokens: 1000}}
      - {model_name: big, litellm_params: {model: openai/z, api_key: k}, model_info: {max_input_tokens: 100000}}
    router_settings:
      enable_pre_call_checks: true
      context_window_fallbacks: [{gpt: [big]}]
    """
    driver = Driver(text)

    assert driver.ask(estimated_prompt=50).sent == ["a"]
    assert driver.ask(estimated_prompt=500).sent == ["b"]
    assert driver.ask(estimated_prompt=5000).sent == ["z"]
    outcome = driver.ask("big", estimated_prompt=500_000)
    assert outcome.sent == []
    assert isinstance(outcome.error, ContextLengthError)


def test_the_size_of_a_window_comes_from_what_is_known_about_the_model() -> None:
    driver = Driver("model_list:\n" + deployments("gpt-4") + settings(enable_pre_call_checks="true"))

    assert isinstance(driver.ask(estimated_prompt=12_000).error, ContextLengthError)
    assert driver.ask(estimated_prompt=9000).error is None


def test_time_outs_of_a_deployment_bound_each_try() -> None:
    driver = Driver(ONE.replace("api_key: k", "api_key: k, timeout: 7, stream_timeout: 3") + settings(timeout=50))

    chain = driver.chain()
    route = next(chain)
    chain.failed()

    assert route.timeout is not None
    assert route.timeout.total == 7.0
    chain = driver.chain()
    chain._call.stream = True
    route = next(chain)
    chain.failed()
    assert route.timeout is not None
    assert route.timeout.total == 3.0
    assert driver.router.timeout.total == 600.0


def test_a_retry_that_succeeds_ends_the_rest_that_its_own_failure_began() -> None:
    driver = Driver(FALLBACK + "  num_retries: 1\n", {"a": [429, 200]})

    assert driver.ask().sent == ["a", "a"]
    assert driver.health("a").until <= driver.clock
    assert driver.ask().sent == ["a"]


def test_a_trial_ends_with_the_first_event_of_a_stream() -> None:
    driver = Driver(ONE + settings(num_retries=0, allowed_fails=0), {"a": [503, 200]})
    driver.ask()
    driver.clock += 5
    long = driver.ask(finish=False)
    assert driver.ask().sent == []

    long.chain.first_event(0.3)

    assert driver.ask().sent == ["a"]
    long.chain.succeeded(60)
    assert driver.in_flight() == 0


@pytest.mark.parametrize(("others", "rest"), [(0, 10.0), (1, 0.0)])
def test_a_trial_that_breaks_off_has_failed_unless_another_call_has_come_through(others: int, rest: float) -> None:
    driver = Driver(ONE + settings(num_retries=0), {"a": 503})
    for _ in range(5):
        driver.ask()
    driver.clock += 5
    driver.answer("a", 200)
    trial = driver.ask(finish=False)
    trial.chain.first_event(0.3)
    for _ in range(others):
        assert driver.ask().answered == "a"

    trial.chain.failed(StreamInterruptedError("cut"))

    assert max(driver.health("a").until - driver.clock, 0.0) == pytest.approx(rest)
    assert driver.ask().sent == ([] if rest else ["a"])


def test_an_error_is_not_kept_after_its_call() -> None:
    import weakref

    driver = Driver(ONE + settings(num_retries=0), {"a": 503})
    outcome = driver.ask()
    assert outcome.error is not None
    alive = weakref.ref(outcome.error)

    del outcome
    gc.collect()

    assert alive() is None


def test_fallbacks_of_the_caller_are_not_for_requests_that_are_wrong() -> None:
    driver = Driver("model_list:\n" + deployments("a") + deployments("z", group="safe"), {"a": [400, CONTEXT]})

    assert driver.ask(fallbacks=["safe"]).sent == ["a"]
    assert driver.ask(fallbacks=["safe"]).sent == ["a", "z"]


def test_a_fallback_that_rests_is_passed_over_for_the_next() -> None:
    text = (
        "model_list:\n"
        + deployments("a")
        + deployments("y", group="first")
        + deployments("z", group="second")
        + settings(fallbacks="[{gpt: [first, second]}]")
    )
    driver = Driver(text, {"a": 503})
    driver.health("y").rest(60, "overloaded", trial=False)

    outcome = driver.ask()

    assert outcome.sent == ["a", "z"]
    assert outcome.chain.fallbacks == 1


def test_when_everything_rests_the_error_is_about_what_was_asked_for() -> None:
    driver = Driver(FALLBACK)
    driver.health("a").rest(20, "overloaded", trial=False)
    driver.health("z").rest(60, "rate_limit", trial=False)

    outcome = driver.ask()

    assert outcome.sent == []
    assert type(outcome.error) is OverloadedError
    assert outcome.error.message == "gpt is not available: its deployment rests after overloaded; try again in 20.0 s"
    assert outcome.chain.deployment is None

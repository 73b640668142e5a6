"""Costs: worked out by hand here, from prices that are set here or have been the provider's for long."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage
from genai_prices.data_snapshot import DataSnapshot, get_snapshot, set_custom_snapshot
from genai_prices.types import (
    ClauseStartsWith,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
)
from hypothesis import given
from hypothesis import strategies as st

from lingate._model import ProviderRow
from lingate._providers import lookup
from lingate._providers.catalog import Cost, cost_of, entry_of
from lingate._providers.counts import counts_of
from lingate._views import ChatResponse, Response


def _usage(prompt: int, completion: int, *, spent: dict[str, int] | None = None, **given: Any) -> dict[str, Any]:
    details = {key: given.pop(key) for key in list(given) if key.endswith("_tokens")}
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if details:
        usage["prompt_tokens_details"] = details
    if spent:
        usage["completion_tokens_details"] = spent
    return {**usage, **given}


def _model(name: str, prices: Any, variants: Any = None) -> ModelInfo:
    return ModelInfo(name, ClauseStartsWith(name), prices=prices, price_variants=variants)


def _dollars(**prices: str) -> ModelPrice:
    return ModelPrice(**{name: Decimal(price) for name, price in prices.items()})


_TEXT = {"input_mtok": "3", "output_mtok": "15", "cache_read_mtok": "0.3", "cache_write_mtok": "3.75"}
_MODELS = [
    _model("text", _dollars(**_TEXT, cache_write_1h_mtok="6", web_searches_kcount="10")),
    _model("plain", _dollars(input_mtok="2", output_mtok="8")),
    _model("media", _dollars(input_mtok="1", output_mtok="4", input_audio_mtok="10", output_audio_mtok="20")),
    _model(
        "tiers",
        ModelPrice(
            input_mtok=TieredPrices(Decimal(1), [Tier(200_000, Decimal(2)), Tier(500_000, Decimal(4))]),
            output_mtok=TieredPrices(Decimal(10), [Tier(200_000, Decimal(15))]),
        ),
    ),
    _model("thinks", _dollars(input_mtok="2", output_mtok="8", output_reasoning_mtok="3", requests_kcount="5")),
    _model("embeds", _dollars(input_mtok="0.02")),
    _model("hears", _dollars(audio_hours="0.36")),
    _model("free", ModelPrice()),
    _model(
        "service",
        _dollars(input_mtok="2", output_mtok="8"),
        [
            PriceVariant({"service_tier": "flex"}, _dollars(input_mtok="1", output_mtok="4")),
            PriceVariant({"service_tier": "default"}, ModelPrice()),
            PriceVariant({"speed": "fast"}, _dollars(input_mtok="12")),
        ],
    ),
    _model(
        "dated",
        [
            ConditionalPrice(prices=_dollars(input_mtok="10", output_mtok="40")),
            ConditionalPrice(StartDateConstraint(date(2025, 1, 1)), prices=_dollars(input_mtok="2", output_mtok="8")),
        ],
    ),
]
_LENT = Provider("lender", "Lender", "https://lender\\.example", models=_MODELS)
_SNAPSHOT = DataSnapshot(
    [
        Provider("openai", "OpenAI", "https://api\\.openai\\.com", models=_MODELS),
        _LENT,
        Provider("groq", "Groq", "https://api\\.groq\\.com", fallback_model_providers=["lender"]),
    ],
    from_auto_update=True,
    timestamp=datetime(2026, 5, 4, tzinfo=UTC),
)


@pytest.fixture
def prices() -> Iterator[None]:
    """Prices of this file instead of the package's own."""
    set_custom_snapshot(_SNAPSHOT)
    try:
        yield
    finally:
        set_custom_snapshot(None)


def _cost(model: str, usage: dict[str, Any], **facts: Any) -> Cost:
    return cost_of("openai", model, usage, **facts)


@pytest.mark.usefixtures("prices")
class TestArithmetic:
    def test_input_and_output_are_priced_by_the_million(self) -> None:
        cost = _cost("plain", _usage(1_000, 500))

        assert cost.total == pytest.approx(0.002 + 0.004)
        assert cost.parts == pytest.approx({"input": 0.002, "output": 0.004})
        assert cost.reason is None

    def test_cached_input_is_inside_the_prompt_and_charged_once_at_its_own_price(self) -> None:
        cost = _cost("text", _usage(10_000, 100, cached_tokens=8_000))

        assert cost.parts == pytest.approx({"input": 0.006, "cached_input": 0.0024, "output": 0.0015})
        assert cost.total == pytest.approx(0.0099)

    def test_cache_writes_are_charged_by_how_long_they_are_kept(self) -> None:
        usage = _usage(
            10_000,
            0,
            cached_tokens=1_000,
            cache_write_tokens=5_000,
            cache_creation={"ephemeral_1h_input_tokens": 2_000},
        )

        cost = _cost("text", usage)

        assert cost.parts == pytest.approx(
            {"input": 0.012, "cached_input": 0.0003, "cache_write": 0.01125, "cache_write_1h": 0.012}
        )
        assert cost.total == pytest.approx(0.03555)

    def test_cached_input_costs_as_much_as_any_where_no_other_price_is_listed(self) -> None:
        assert _cost("plain", _usage(1_000, 0, cached_tokens=900)).total == pytest.approx(0.002)

    def test_reasoning_is_inside_the_completion_and_shown_apart(self) -> None:
        cost = _cost("plain", _usage(0, 1_000, spent={"reasoning_tokens": 700}))

        assert cost.parts == pytest.approx({"reasoning": 0.0056, "output": 0.0024})
        assert cost.total == pytest.approx(0.008)

    def test_reasoning_with_a_price_of_its_own_and_a_fee_for_each_request(self) -> None:
        cost = _cost("thinks", _usage(1_000, 1_000, spent={"reasoning_tokens": 600}))

        assert cost.parts == pytest.approx({"input": 0.002, "output": 0.0032, "reasoning": 0.0018, "request": 0.005})
        assert cost.total == pytest.approx(0.012)

    def test_audio_in_and_out_has_its_own_prices(self) -> None:
        cost = _cost("media", _usage(1_000, 500, audio_tokens=400, spent={"audio_tokens": 300}))

        assert cost.parts == pytest.approx(
            {"input": 0.0006, "input_audio": 0.004, "output": 0.0008, "output_audio": 0.006}
        )

    @pytest.mark.parametrize(
        ("prompt", "expected"),
        [(200_000, 0.2 + 0.01), (200_001, 0.400002 + 0.015), (500_001, 2.000004 + 0.015)],
        ids=["at the limit", "one beyond it", "in the last tier"],
    )
    def test_beyond_a_tier_every_token_has_the_tiers_price(self, prompt: int, expected: float) -> None:
        assert _cost("tiers", _usage(prompt, 1_000)).total == pytest.approx(expected)

    def test_a_compaction_is_paid_for_besides_the_answer_and_alone_decides_on_its_tier(self) -> None:
        asked = {"type": "compaction", "input_tokens": 4_000, "output_tokens": 300}
        usage = {**_usage(1_000, 500), "iterations": [asked, {"type": "message", "input_tokens": 1_000}]}

        assert _cost("plain", usage).total == pytest.approx(0.002 + 0.004 + _cost("plain", _usage(4_000, 300)).total)
        caches = {"cache_read_input_tokens": 100, "cache_creation_input_tokens": 200}
        assert counts_of({**usage, "iterations": [{**asked, **caches}]}) == {
            "input": 5_000,
            "cached_input": 100,
            "cache_write": 200,
            "output": 800,
            "request": 1,
        }
        alone = _cost("tiers", _usage(150_000, 0)).total
        assert alone is not None
        twice = {**_usage(150_000, 0), "iterations": [{"type": "compaction", "input_tokens": 150_000}]}
        assert _cost("tiers", twice).total == pytest.approx(2 * alone)

    def test_an_adviser_is_paid_for_at_its_own_price_beside_the_answer(self) -> None:
        asked = {"type": "advisor_message", "model": "text", "input_tokens": 2_000, "output_tokens": 100}
        usage = {**_usage(1_000, 500), "iterations": [{"type": "message", "input_tokens": 1_000}, asked]}

        cost = _cost("plain", usage)

        assert cost.parts == pytest.approx({"input": 0.002 + 0.006, "output": 0.004 + 0.0015})
        assert cost.total == pytest.approx(0.0135)
        unknown = _cost("plain", {**usage, "iterations": [{**asked, "model": "no-such"}]})
        assert unknown.total is None
        assert unknown.reason == "the price catalogue has no model 'no-such' of OpenAI"
        assert unknown.parts == pytest.approx({"input": 0.002, "output": 0.004})

    def test_an_answer_of_a_fallback_of_the_providers_costs_what_that_model_does_and_what_was_said_before_it(
        self,
    ) -> None:
        served = {"type": "fallback_message", "model": "text", "input_tokens": 1_000, "output_tokens": 500}
        usage = {**_usage(1_000, 500), "iterations": [served]}

        assert _cost("plain", usage, answered="plain").total == pytest.approx(0.003 + 0.0075)
        # Who declines before it says anything is not paid; steps of the model that answers are in the sums.
        before = {"type": "message", "input_tokens": 4_000}
        steps = [
            {**before, "model": "plain", "output_tokens": 0},
            {**before, "model": "plain", "output_tokens": 100},
            {**before, "model": "text", "output_tokens": 100},
            served,
        ]
        assert _cost("plain", {**usage, "iterations": steps}).total == pytest.approx(0.0105 + 0.008 + 0.0008)

    def test_what_decides_on_the_tier_is_the_whole_input_cached_or_not(self) -> None:
        cost = _cost("tiers", _usage(200_001, 0, cached_tokens=199_000))

        assert cost.total == pytest.approx(0.400002)

    def test_web_searches_are_charged_by_the_thousand(self) -> None:
        cost = _cost("text", _usage(1_000, 0, server_tool_use={"web_search_requests": 3}))

        assert cost.parts == pytest.approx({"input": 0.003, "web_search": 0.03})

    def test_tools_without_a_fee_cost_nothing_and_others_without_a_price_leave_the_cost_open(self) -> None:
        free = {"web_fetch_requests": 2, "tool_search_requests": 1, "code_execution_requests": 1}
        assert _cost("text", _usage(1_000, 0, server_tool_use=free)).total == pytest.approx(0.003)

        cost = _cost("text", _usage(1_000, 0, server_tool_use={"code_interpreter_requests": 1}))

        assert cost.total is None
        assert cost.reason == "the price catalogue has no price for the code interpreter of text"
        assert cost.parts == pytest.approx({"input": 0.003})

    def test_a_router_that_does_not_say_what_it_costs_counts_searches_in_its_own_field(self) -> None:
        usage = _usage(1_000, 0, server_tool_use_details={"web_search_requests": 2, "tool_calls_executed": 2})

        assert _cost("text", usage).parts == pytest.approx({"input": 0.003, "web_search": 0.02})

    def test_a_price_that_changed_is_todays(self) -> None:
        assert _cost("dated", _usage(1_000_000, 0)).total == pytest.approx(2.0)

    @pytest.mark.parametrize(
        ("usage", "tier", "expected"),
        [
            ({}, "flex", 1.0),
            ({"service_tier": "flex"}, None, 1.0),
            ({"service_tier": "flex"}, "default", 2.0),
            ({}, "default", 2.0),
            ({}, "of another provider", 2.0),
            ({"speed": "fast"}, None, 12.0),
        ],
    )
    def test_a_service_tier_with_prices_of_its_own_is_charged_so(
        self, usage: dict[str, Any], tier: str | None, expected: float
    ) -> None:
        found = _cost("service", {**_usage(1_000_000, 0), **usage}, service_tier=tier)

        assert found.total == pytest.approx(expected)

    def test_a_provider_that_hosts_anothers_models_has_that_providers_basic_prices(self) -> None:
        found = cost_of("groq", "service", _usage(1_000_000, 0), service_tier="flex")

        assert found.total == pytest.approx(2.0)

    def test_embeddings_have_no_output_to_price(self) -> None:
        for usage in ({"prompt_tokens": 1_000_000, "total_tokens": 1_000_000}, {"prompt_tokens": 1_000_000}):
            assert _cost("embeds", usage).parts == pytest.approx({"input": 0.02})


@pytest.mark.usefixtures("prices")
class TestUnknown:
    @pytest.mark.parametrize(
        ("model", "usage", "reason"),
        [
            ("plain", None, "the provider gave no token counts"),
            ("plain", {}, "the provider gave no token counts"),
            ("plain", {"completion_tokens": 5}, "the provider did not count the input"),
            ("plain", {"prompt_tokens": 5, "total_tokens": 9}, "the provider did not count the output"),
            ("plain", _usage(10, 5, cached_tokens=11), "the provider's token counts contradict each other"),
            (
                "plain",
                _usage(10, 5, spent={"reasoning_tokens": 6}),
                "the provider's token counts contradict each other",
            ),
            ("plain", _usage(-1, 5), "the provider's token counts contradict each other"),
            ("no-such", _usage(10, 5), "the price catalogue has no model 'no-such' of OpenAI"),
            ("free", _usage(10, 5), "the price catalogue has no price for the input of free"),
            ("hears", _usage(10, 5), "the price catalogue has no price for the input of hears"),
            ("embeds", _usage(10, 5), "the price catalogue has no price for the output of embeds"),
            (
                "plain",
                _usage(10, 5, server_tool_use={"web_search_requests": 1}),
                "the price catalogue has no price for the web search of plain",
            ),
        ],
    )
    def test_a_cost_that_is_not_known_is_none_and_says_why(self, model: str, usage: Any, reason: str) -> None:
        cost = _cost(model, usage)

        assert cost.total is None
        assert cost.reason == reason
        assert (sum(cost.parts.values()) > 0) == reason.endswith("web search of plain")

    def test_a_model_without_a_price_that_used_nothing_is_not_free_either(self) -> None:
        assert _cost("free", _usage(0, 0)).total is None

    def test_a_provider_nobody_lists_and_one_on_the_users_machine_are_told_apart(self) -> None:
        usage = _usage(10, 5)

        assert cost_of("sambanova", "x", usage).reason == "SambaNova Cloud is not in the price catalogue"
        assert cost_of("lm_studio", "x", usage).reason == "LM Studio runs on your own machine"
        assert cost_of("never-heard-of", "x", usage).reason == "never-heard-of is not in the price catalogue"

    @given(
        usage=st.recursive(
            st.none() | st.booleans() | st.integers(-5, 10**9) | st.floats() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "prompt_tokens",
                            "completion_tokens",
                            "total_tokens",
                            "prompt_tokens_details",
                            "completion_tokens_details",
                            "cached_tokens",
                            "cache_write_tokens",
                            "audio_tokens",
                            "cached_tokens_details",
                            "cache_creation",
                            "ephemeral_1h_input_tokens",
                            "cost",
                            "cost_details",
                            "is_byok",
                            "total_cost",
                            "server_tool_use",
                            "web_search_requests",
                            "service_tier",
                            "speed",
                            "inference_geo",
                            "prompt_audio_seconds",
                            "estimated_cost",
                            "billed_units",
                            "reasoning_tokens",
                        ]
                    ),
                    inner,
                )
            ),
            max_leaves=12,
        )
    )
    def test_no_usage_however_odd_raises_or_is_priced_below_zero(self, usage: Any) -> None:
        cost = _cost("text", usage)

        assert (cost.total is None) == (cost.reason is not None)
        assert cost.total is None or cost.total >= 0
        assert cost.total is None or sum(cost.parts.values()) == pytest.approx(cost.total)


@pytest.mark.usefixtures("prices")
class TestLookUp:
    def test_the_model_that_answered_counts_before_the_one_that_was_asked_for(self) -> None:
        assert _cost("my-deployment", _usage(1_000_000, 0), answered="plain-2026").total == pytest.approx(2.0)
        assert _cost("text", _usage(1_000_000, 0), answered="unheard-of").total == pytest.approx(3.0)

    def test_the_source_names_the_data_and_the_model(self) -> None:
        assert _cost("plain", _usage(1, 1)).source == "genai-prices of 2026-05-04, openai/plain"

    def test_newer_prices_that_the_application_loads_count_from_then_on(self) -> None:
        before = _cost("plain", _usage(1_000_000, 0)).total
        dearer = _model("plain", _dollars(input_mtok="7", output_mtok="9"))
        set_custom_snapshot(
            DataSnapshot([Provider("openai", "OpenAI", "https://api\\.openai\\.com", models=[dearer])], True)
        )

        assert (before, _cost("plain", _usage(1_000_000, 0)).total) == (pytest.approx(2.0), pytest.approx(7.0))

    def test_a_row_can_name_its_entry_and_may_come_later(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lookup, "_users", {})
        usage = _usage(1_000_000, 0)
        before = cost_of("ours", "plain", usage)
        lookup.register(ProviderRow(name="ours", url="https://ours.example/v1", prices="lender"))

        assert before.reason == "ours is not in the price catalogue"
        assert cost_of("ours", "plain", usage).total == pytest.approx(2.0)


@pytest.mark.usefixtures("prices")
class TestReported:
    @pytest.mark.parametrize(
        ("fields", "total"),
        [
            ({"cost": 0.000735, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.000735}}, 0.000735),
            ({"cost": 0.0076, "cost_details": {"upstream_inference_cost": 0.0006}}, 0.0076),
            ({"cost": 0.00002, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.0004}}, 0.00042),
            ({"cost": 0, "is_byok": False}, 0.0),
            ({"cost": {"input_tokens_cost": 1e-05, "request_cost": 0.005, "total_cost": 0.00501}}, 0.00501),
            ({"cost_in_usd_ticks": 2_488_500}, 0.00024885),
        ],
        ids=["router", "router with a fee", "own key at the router", "free", "in parts", "ticks"],
    )
    def test_what_the_provider_says_it_costs_wins(self, fields: dict[str, Any], total: float) -> None:
        cost = _cost("plain", {**_usage(1_000_000, 0), **fields})

        assert cost.total == pytest.approx(total)
        assert cost.parts == pytest.approx({"reported": total})
        assert cost.source == "reported by the provider"

    @pytest.mark.parametrize(
        "fields",
        [
            {"cost_in_usd_ticks": 0},
            {"cost": None},
            {"is_byok": True, "cost_details": {"upstream_inference_cost": 0.1}},
            {"cost": "0.1"},
            {"cost": float("nan")},
            {"cost": 10**400},
            {"cost": -1},
            {"cost": True},
            {"cost": {}},
            {"cost": {"total_cost": 5.0, "currency": "EUR"}},
            {"cost": 0, "is_byok": True, "cost_details": None},
        ],
    )
    def test_what_is_no_statement_of_a_cost_is_not_taken_for_one(self, fields: dict[str, Any]) -> None:
        assert _cost("plain", {**_usage(1_000_000, 0), **fields}).total == pytest.approx(2.0)


class TestShippedPrices:
    """With the package's own data; the prices were these for more than a year."""

    @pytest.mark.parametrize(
        ("provider", "model", "usage", "total"),
        [
            (
                "openai",
                "gpt-4o-2024-08-06",
                _usage(2_000, 1_000, cached_tokens=1_024),
                976 * 2.5e-6 + 1_024 * 1.25e-6 + 0.01,
            ),
            ("openai", "gpt-4o-mini", _usage(1_000, 1_000), 0.00015 + 0.0006),
            ("openai", "text-embedding-3-small", {"prompt_tokens": 500, "total_tokens": 500}, 500 * 0.02e-6),
            (
                "anthropic",
                "claude-sonnet-4-5-20250929",
                _usage(5_000, 100, cached_tokens=3_000, cache_write_tokens=1_000),
                1_000 * 3e-6 + 3_000 * 0.3e-6 + 1_000 * 3.75e-6 + 100 * 15e-6,
            ),
            ("anthropic", "claude-sonnet-4-5", _usage(200_001, 1_000), 200_001 * 6e-6 + 1_000 * 22.5e-6),
            ("anthropic", "claude-haiku-4-5", _usage(100, 200, spent={"reasoning_tokens": 150}), 100e-6 + 200 * 5e-6),
        ],
    )
    def test_known_models_cost_what_their_providers_price_lists_say(
        self, provider: str, model: str, usage: dict[str, Any], total: float
    ) -> None:
        cost = cost_of(provider, model, usage)

        assert cost.total == pytest.approx(total, rel=1e-9)
        assert sum(cost.parts.values()) == pytest.approx(total, rel=1e-9)

    def test_every_model_of_the_catalogue_costs_what_the_package_itself_works_out(self) -> None:
        """The split into kinds is ours; the sum must be theirs."""
        usage = {
            **_usage(250_000, 3_000, cached_tokens=1_000, cache_write_tokens=700, audio_tokens=40, image_tokens=60),
            "completion_tokens_details": {"reasoning_tokens": 500, "audio_tokens": 20, "image_tokens": 30},
            "cache_creation": {"ephemeral_1h_input_tokens": 300},
        }
        theirs = Usage(
            input_tokens=250_000,
            cache_read_tokens=1_000,
            cache_write_tokens=700,
            cache_write_5m_tokens=400,
            cache_write_1h_tokens=300,
            input_audio_tokens=40,
            input_image_tokens=60,
            cache_audio_read_tokens=0,
            cache_image_read_tokens=0,
            output_tokens=3_000,
            output_reasoning_tokens=500,
            output_audio_tokens=20,
            output_image_tokens=30,
        )
        row_of = {row.prices: row.name for row in lookup.rows() if row.prices}
        compared = 0
        for provider in get_snapshot().providers:
            name = row_of.get(provider.id, provider.id)
            for model in provider.models:
                cost = cost_of(name, model.id, usage)
                if (
                    cost.total is not None
                    and cost.source is not None
                    and cost.source.endswith(f", {provider.id}/{model.id}")
                ):
                    expected = float(model.calc_price(theirs, provider).total_price)
                    assert cost.total == pytest.approx(expected, rel=1e-9, abs=1e-12), (provider.id, model.id)
                    compared += 1

        assert compared > 300


@pytest.mark.parametrize(
    ("asked", "same"),
    [
        ("mistral-large-latest", "mistral-large-2512"),
        ("magistral-medium-latest", "mistral-medium-latest"),
        ("magistral-small-latest", "mistral-small-latest"),
    ],
)
def test_a_name_that_moved_on_costs_what_its_model_of_today_does(asked: str, same: str) -> None:
    usage = _usage(1_000, 1_000, cached_tokens=500)

    cost, other = cost_of("mistral", asked, usage, answered=asked), cost_of("mistral", same, usage)

    assert other.total is not None
    assert (cost.total, cost.source) == (other.total, other.source)


class TestOnResponses:
    def test_a_response_knows_its_cost_and_the_tier_it_was_served_on(self) -> None:
        body = {"model": "gpt-5-2025-08-07", "usage": _usage(1_000_000, 0)}

        standard = Response(body, provider="openai", requested_model="gpt-5")
        flex = Response({**body, "service_tier": "flex"}, provider="openai", requested_model="gpt-5")

        assert standard.cost == pytest.approx(1.25)
        assert flex.cost == pytest.approx(0.625)
        assert standard.cost_details.source.endswith("openai/gpt-5")

    def test_a_response_without_usage_has_no_cost(self) -> None:
        response = ChatResponse({"choices": []}, provider="openai", requested_model="gpt-4o")

        assert response.cost is None
        assert response.cost_details.reason == "the provider gave no token counts"


def test_without_the_package_the_reason_is_the_pip_command_and_a_reported_cost_is_still_there() -> None:
    code = (
        "import sys; sys.modules['genai_prices'] = None\n"
        "from lingate._providers.catalog import cost_of\n"
        "usage = {'prompt_tokens': 5, 'completion_tokens': 5}\n"
        "print(cost_of('openai', 'gpt-4o', usage).reason, cost_of('openai', 'gpt-4o', {**usage, 'cost': 0.5}).total)"
    )

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert out == "prices are not installed: pip install 'lingate[prices]' 0.5\n"


class TestCounts:
    def test_kinds_are_disjoint_and_add_up_to_prompt_and_completion(self) -> None:
        usage = _usage(
            100,
            50,
            cached_tokens=30,
            cache_write_tokens=20,
            audio_tokens=10,
            spent={"reasoning_tokens": 7, "audio_tokens": 3},
        )

        assert counts_of(usage) == {
            "cached_input": 30,
            "cache_write": 20,
            "input_audio": 10,
            "input": 40,
            "reasoning": 7,
            "output_audio": 3,
            "output": 40,
            "request": 1,
        }

    def test_audio_that_cannot_all_be_fresh_came_from_the_cache(self) -> None:
        assert counts_of(_usage(100, 0, cached_tokens=60, audio_tokens=70)) == {
            "cached_input": 30,
            "cached_audio": 30,
            "input_audio": 40,
            "request": 1,
        }

    def test_a_provider_that_says_which_media_were_cached_is_believed(self) -> None:
        usage = _usage(100, 0)
        usage["prompt_tokens_details"] = {
            "cached_tokens": 50,
            "audio_tokens": 40,
            "cached_tokens_details": {"audio_tokens": 25, "text_tokens": 25},
        }

        assert counts_of(usage) == {
            "cached_input": 25,
            "cached_audio": 25,
            "input_audio": 15,
            "input": 35,
            "request": 1,
        }

    @given(
        prompt=st.integers(0, 1000),
        cached=st.integers(0, 1000),
        written=st.integers(0, 1000),
        audio=st.integers(0, 1000),
        image=st.integers(0, 1000),
    )
    def test_whatever_the_provider_counts_no_token_is_counted_twice(
        self, prompt: int, cached: int, written: int, audio: int, image: int
    ) -> None:
        counts = counts_of(
            _usage(prompt, 0, cached_tokens=cached, cache_write_tokens=written, audio_tokens=audio, image_tokens=image)
        )

        if isinstance(counts, str):
            assert cached + written > prompt or audio + image > prompt - written
        else:
            assert sum(counts.values()) - counts["request"] == prompt
            assert min(counts.values()) > 0


def test_an_answer_of_no_tokens_is_not_free_and_not_the_catalogues_fault() -> None:
    cost = cost_of("openai", "gpt-4o", {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})
    assert (cost.total, cost.reason) == (None, "the provider counted no tokens")


@pytest.mark.parametrize(
    ("provider", "asked", "model"),
    [
        ("openai", "responses/gpt-5", "gpt-5"),
        ("azure", "responses/gpt-5", "gpt-5"),
        ("gemini", "interactions/gemini-2.5-flash", "gemini-2.5-flash"),
    ],
)
def test_the_format_that_a_model_is_asked_in_does_not_hide_its_price(provider: str, asked: str, model: str) -> None:
    """Under a budget a call is reserved before anybody has answered, by what was asked for."""
    found = entry_of(provider, asked)

    assert found is not None
    assert found == entry_of(provider, model)

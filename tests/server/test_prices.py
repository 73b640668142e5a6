"""Prices as money is reserved by them: no call costs more than was reserved for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._providers.catalog import cost_of, models_of
from lingate._providers.lookup import find
from lingate.server.access.bounds import answers_of, circumstances_of, longest_answer, shorten
from lingate.server.config.settings import ModelInfo, Prices
from lingate.server.records import Circumstances
from lingate.server.routing.prices import Sheet

MODELS = [
    (name, model)
    for name in ("openai", "anthropic", "gemini", "deepseek", "xai", "groq")
    for model in models_of(find(name))
]
TIERS = (None, "priority", "flex", "default", "batch")


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, str, Circumstances, dict[str, Any]]:
    """A call, and what its provider says that it used."""
    provider, model = draw(st.sampled_from(MODELS))
    media, sound, lasting = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    written, cached, heard, rest = (draw(st.integers(0, 100_000)) for _ in range(4))
    said, thought, spoken = (draw(st.integers(0, 50_000)) for _ in range(3))
    heard, spoken = heard if media else 0, spoken if sound else 0
    prompt, completion = written + cached + heard + rest, said + thought + spoken
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written, "audio_tokens": heard},
        "completion_tokens_details": {"reasoning_tokens": thought, "audio_tokens": spoken},
    }
    if lasting:
        usage["cache_creation"] = {"ephemeral_1h_input_tokens": draw(st.integers(0, written))}
    tier = draw(st.sampled_from(TIERS))
    return provider, model, Circumstances(prompt, lasting, media, sound, tier), usage


@given(calls())
def test_no_call_costs_more_than_its_highest_prices(call: tuple[str, str, Circumstances, dict[str, Any]]) -> None:
    provider, model, about, usage = call
    cost = cost_of(provider, model, usage, service_tier=about.tier).total
    if cost is None:
        return
    most = Sheet(provider, model, ModelInfo(), Prices()).highest(about)
    assert cost <= (
        usage["prompt_tokens"] * (most.input or 0.0) + usage["completion_tokens"] * (most.output or 0.0) + most.request
    ) * (1 + 1e-9)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "perplexity", "xai"])
@pytest.mark.parametrize("prompt", [10, 300_000])
def test_plain_counts_cost_what_the_catalogue_takes_for_them_with_steps_and_fees(provider: str, prompt: int) -> None:
    usage = {"prompt_tokens": prompt, "completion_tokens": 7, "total_tokens": prompt + 7}
    for model in models_of(find(provider)):
        total = cost_of(provider, model, usage).total
        found, _ = Sheet(provider, model, ModelInfo(), Prices()).cost(usage, None, None)
        assert found == (None if total is None else pytest.approx(total)), model


def test_a_models_bounds_are_the_owners_word_and_else_the_catalogues() -> None:
    own = Sheet("openai", "gpt-4o-mini", ModelInfo(max_input_tokens=9, max_output_tokens=7, max_tokens=8), Prices())
    assert (own.max_input, own.max_output) == (9, 7)
    assert Sheet("openai", "gpt-4o-mini", ModelInfo(max_tokens=8), Prices()).max_output == 8
    assert Sheet("openai", "gpt-4-32k", ModelInfo(), Prices()).max_input == 32_000


@pytest.mark.parametrize(
    ("provider", "asked", "model"),
    [("openai", "responses/gpt-5", "gpt-5"), ("gemini", "interactions/gemini-2.5-flash", "gemini-2.5-flash")],
)
def test_a_model_is_the_same_in_whatever_format_it_is_asked(provider: str, asked: str, model: str) -> None:
    one, other = (Sheet(provider, name, ModelInfo(), Prices()) for name in (asked, model))

    assert one.price().input is not None
    assert one.price() == other.price()
    assert one.highest(Circumstances()) == other.highest(Circumstances())
    assert (one.max_input, one.max_output, one.abilities) == (other.max_input, other.max_output, other.abilities)
    assert one.max_output is not None


def test_the_model_that_answered_decides_on_the_price() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17}
    for asked in ("gpt-4o-mini", "nobody-knows-it"):
        cost, _ = Sheet("openai", asked, ModelInfo(), Prices()).cost(usage, "gpt-4o", None)
        assert cost == pytest.approx(cost_of("openai", "gpt-4o", usage).total)


def test_the_model_that_an_owner_names_decides_whatever_the_answer_is_called() -> None:
    # Azure calls GPT-4 Turbo `gpt-4`, which costs three times as much: docs.litellm.ai, "Azure OpenAI", `base_model`.
    usage = {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17}
    sheet = Sheet("azure", "ours", ModelInfo(base_model="azure/gpt-4-turbo"), Prices())

    for counts in (usage, {**usage, "prompt_tokens_details": {"cached_tokens": 1}}):
        found = sheet.cost(counts, "gpt-4", None)[0]
        assert found == pytest.approx(cost_of("azure", "gpt-4-turbo", counts).total)
        assert found < cost_of("azure", "gpt-4", counts).total


def test_an_owners_dearest_price_counts() -> None:
    prices = Prices(
        input_cost_per_token=1.0,
        output_cost_per_token=2.0,
        cache_read_input_token_cost=0.1,
        cache_creation_input_token_cost=1.25,
        output_cost_per_reasoning_token=3.0,
    )
    found = Sheet("openai", "x", ModelInfo(), prices).highest(Circumstances())
    assert (found.input, found.output, found.request) == (1.25, 3.0, 0.0)


@pytest.mark.parametrize(
    ("body", "longest", "answers"),
    [
        ({}, None, 1),
        ({"max_tokens": 5}, 5, 1),
        ({"max_tokens": 5, "max_completion_tokens": 9, "n": 3}, 9, 3),
        ({"max_tokens": 5, "generationConfig": {"maxOutputTokens": 5000, "candidateCount": 4}}, 5000, 4),
        ({"max_tokens": 5, "options": {"num_predict": 700}}, 700, 1),
        ({"max_tokens": 5, "max_output_tokens": 80, "extra_body": {"max_tokens": 90}}, 90, 1),
        ({"max_tokens": 5, "provider_specific_fields": {"gemini": {"generationConfig": {"candidateCount": 2}}}}, 5, 2),
        ({"num_predict": 5}, None, 1),
        ({"max_tokens": 0}, None, 1),
        ({"max_tokens": True, "n": True}, None, 1),
        ({"messages": [{"content": {"max_tokens": 9}}], "tools": [{"n": 7}], "max_tokens": 5}, 5, 1),
        ({"prompt": ["a", "b"], "best_of": 4, "n": 2}, None, 8),
    ],
)
def test_bounds_count_under_whatever_name_a_provider_may_know_them(
    body: dict[str, Any], longest: int | None, answers: int
) -> None:
    assert (longest_answer(body), answers_of(body)) == (longest, answers)
    shorten(body, 3)
    assert (longest_answer(body), body["max_tokens"]) == (3, 3)


def test_what_a_provider_adds_to_the_input_counts() -> None:
    asked = {"messages": [{"role": "user", "content": "hi"}]}
    plain = circumstances_of(asked).tokens
    assert circumstances_of({**asked, "tools": [{"type": "bash_20250124", "name": "bash"}]}).tokens < plain + 2000
    for more in (
        {"previous_response_id": "resp_1"},
        {"conversation": "c"},
        {"prompt": {"id": "p"}},
        {"tools": [{"type": "web_search_preview"}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}}]}
            ]
        },
    ):
        assert circumstances_of({**asked, **more}).tokens > plain + 100_000


@given(
    model=st.sampled_from(MODELS),
    prompt=st.integers(0, 3_000_000),
    made=st.integers(0, 100_000),
    details=st.sampled_from([None, {}, {"cached_tokens": 0}, {"cached_tokens": 7}, {"audio_tokens": 3}]),
    tier=st.sampled_from([*TIERS, "odd"]),
    answered=st.sampled_from([None, "itself", "nonsense"]),
)
def test_the_short_way_to_a_cost_gives_what_the_catalogue_gives(
    model: tuple[str, str], prompt: int, made: int, details: Any, tier: str | None, answered: str | None
) -> None:
    usage: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}
    if details is not None:
        usage["prompt_tokens_details"] = details
    answered = model[1] if answered == "itself" else answered
    told = Sheet(*model, ModelInfo(), Prices()).cost(usage, answered, tier)
    whole = cost_of(*model, usage, answered=answered, service_tier=tier)
    assert told == (None if whole.total is None else pytest.approx(whole.total), whole.reason or whole.source)


OWN = Prices(input_cost_per_token=0.001, output_cost_per_token=0.01)
ASKED = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}


def test_an_owners_prices_are_those_of_tokens_and_fees_are_the_catalogues() -> None:
    sheet = Sheet("openai", "gpt-4.1", ModelInfo(), OWN)
    fee = cost_of("openai", "gpt-4.1", {**ASKED, "server_tool_use": {"web_search_requests": 2}}).parts["web_search"]

    assert fee > 0
    found, source = sheet.cost({**ASKED, "server_tool_use": {"web_search_requests": 2}}, None, None)
    assert (found, source) == (pytest.approx(0.2 + fee), "configuration")


def test_seconds_of_sound_are_no_tokens_and_an_owners_prices_have_none_for_them() -> None:
    sheet = Sheet("openai", "whisper-1", ModelInfo(), OWN)

    assert sheet.cost({"type": "duration", "seconds": 7}, None, None) == (
        None,
        "the configuration has no price for seconds of sound",
    )
    plain, _ = sheet.cost(ASKED, None, None)
    assert sheet.cost({**ASKED, "prompt_audio_seconds": 7}, None, None)[0] == plain


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({"server_tool_use": {"code_interpreter_requests": 1}}, "code interpreter"),
        (
            {"iterations": [{"type": "advisor_message", "model": "other-1", "input_tokens": 9, "output_tokens": 9}]},
            "what other-1 did",
        ),
        ({"iterations": [{"type": "fallback_message", "model": "other-1"}]}, "what other-1 did"),
    ],
)
def test_what_an_owner_has_no_price_for_is_said_beside_the_rest(more: dict[str, Any], missing: str) -> None:
    sheet = Sheet("openai", "gpt-4.1", ModelInfo(), OWN)

    found, reason = sheet.cost({**ASKED, **more}, None, None)

    assert (found, reason) == (pytest.approx(0.2), f"incomplete: there is no price for {missing}")


@pytest.mark.parametrize(
    ("own", "usage", "found"),
    [
        (
            {"cache_read_input_token_cost": 0.0001},
            {"prompt_tokens_details": {"cached_tokens": 40}},
            (0.164, "configuration"),
        ),
        (
            {"cache_creation_input_token_cost": 0.002},
            {"prompt_tokens_details": {"cache_write_tokens": 40}},
            (0.24, "configuration"),
        ),
        (
            {"output_cost_per_reasoning_token": 0.02},
            {"completion_tokens_details": {"reasoning_tokens": 4}},
            (0.24, "configuration"),
        ),
        ({}, {"prompt_tokens_details": {"cached_tokens": 40}}, (0.2, "configuration")),
        ({"output_cost_per_token": None}, {}, (None, "the configuration has no price for output tokens")),
        ({"input_cost_per_token": None}, {}, (None, "the configuration has no price for input tokens")),
    ],
)
def test_an_owners_price_of_a_kind_of_token_is_taken_for_it(
    own: dict[str, float | None], usage: dict[str, Any], found: tuple[float | None, str]
) -> None:
    sheet = Sheet("openai", "gpt-4.1", ModelInfo(), replace(OWN, **own))

    cost, source = sheet.cost({**ASKED, **usage}, None, None)

    assert (cost if cost is None else pytest.approx(cost), source) == found

"""Token counts of every layout in the one convention."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._dialects.openai_chat.usage import canonical_usage


def counts(prompt: Any = 10, completion: Any = 5, total: Any = 15, **fields: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **fields}


def cached(usage: Any) -> Any:
    return usage.get("prompt_tokens_details", {}).get("cached_tokens")


@pytest.mark.parametrize("raw", [None, {}, [], "x", 5])
def test_no_usage_is_none_and_never_zeros(raw: Any) -> None:
    assert canonical_usage(raw) is None


def test_openais_own_layout_is_kept_as_it_is() -> None:
    raw = counts(
        prompt_tokens_details={"cached_tokens": 4, "audio_tokens": 0, "cache_write_tokens": 2},
        completion_tokens_details={"reasoning_tokens": 3, "audio_tokens": 0},
    )

    assert canonical_usage(raw) == raw


def test_what_the_provider_did_not_say_stays_absent() -> None:
    assert canonical_usage({"prompt_tokens": 3, "total_tokens": 3}) == {"prompt_tokens": 3, "total_tokens": 3}
    assert canonical_usage(counts()) == counts()


def test_counts_may_be_written_as_text() -> None:
    assert canonical_usage(counts("10", "5", "15", cached_tokens="4")) == counts(
        cached_tokens="4", prompt_tokens_details={"cached_tokens": 4}
    )
    assert canonical_usage({"prompt_tokens": "ten", "completion_tokens": "-5", "total_tokens": "²"}) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt_tokens_details": {"cached_tokens": 4}},
        {"prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 6},
        {"cached_tokens": 4},
        {"num_cached_tokens": 4},
        {"prompt_token_details": {"cached_tokens": 4}},
        {"input_tokens_details": {"cached_tokens": 4}},
        {"cache_read_input_tokens": 4},
        {"num_cached_tokens": 4, "prompt_tokens_details": {"cached_tokens": 0}},
    ],
)
def test_cached_input_is_found_under_every_name(fields: Any) -> None:
    usage = canonical_usage(counts(**fields))

    assert usage is not None
    assert cached(usage) == 4
    assert (usage["prompt_tokens"], usage["total_tokens"]) == (10, 15)
    assert fields.items() <= {**usage, **fields}.items()


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt_tokens_details": {"cache_write_tokens": 4}},
        {"prompt_tokens_details": {"cache_creation_input_tokens": 4}},
        {"prompt_tokens_details": {"cache_creation_tokens": 4}},
        {"prompt_tokens_details": {"created_cache_tokens": 4}},
        {"prompt_tokens_details": {"cached_creation_tokens": 4}},
        {"input_tokens_details": {"cached_creation_tokens": 4, "cached_tokens": 0}},
        {"cache_creation_input_tokens": 4},
    ],
)
def test_cache_writes_are_found_under_every_name(fields: Any) -> None:
    usage = canonical_usage(counts(**fields))

    assert usage is not None
    assert usage["prompt_tokens_details"]["cache_write_tokens"] == 4


def test_reasoning_that_is_only_in_the_total_is_added_to_the_completion() -> None:
    usage = canonical_usage(counts(10, 5, 115, completion_tokens_details={"reasoning_tokens": 100}))

    assert usage == counts(10, 105, 115, completion_tokens_details={"reasoning_tokens": 100})


def test_reasoning_larger_than_the_completion_cannot_be_part_of_it() -> None:
    usage = canonical_usage(counts(10, 5, 15, completion_tokens_details={"reasoning_tokens": 49}))

    assert usage == counts(10, 54, 64, completion_tokens_details={"reasoning_tokens": 49})


@pytest.mark.parametrize(("completion", "reasoning"), [(2298, 2948), (16, 19), (10, 11)])
def test_reasoning_a_little_larger_than_the_completion_is_an_estimate_of_it(completion: int, reasoning: int) -> None:
    told = counts(42, completion, 42 + completion, completion_tokens_details={"reasoning_tokens": reasoning})

    assert canonical_usage(told) == {**told, "completion_tokens_details": {"reasoning_tokens": completion}}


def test_tokens_that_are_in_the_total_alone_were_generated() -> None:
    assert canonical_usage(counts(35, 12, 109)) == counts(35, 74, 109)


def test_audio_that_is_in_the_total_alone_was_input() -> None:
    usage = canonical_usage(counts(9, 248, 632, prompt_tokens_details={"audio_tokens": 375}))

    assert usage == counts(384, 248, 632, prompt_tokens_details={"audio_tokens": 375})

    seconds = canonical_usage(counts(4, 635, 3264, prompt_audio_seconds=203))

    assert seconds == counts(2629, 635, 3264, prompt_audio_seconds=203, prompt_tokens_details={"audio_tokens": 2625})

    short = canonical_usage(counts(6, 2, 383, prompt_audio_seconds=0))

    assert short == counts(381, 2, 383, prompt_audio_seconds=0, prompt_tokens_details={"audio_tokens": 375})


def test_tokens_of_the_models_behind_a_model_are_input_and_output() -> None:
    told = {"cached_tokens": 6, "orchestration_input_tokens": 900, "orchestration_input_cached_tokens": 300}

    usage = canonical_usage(
        counts(50, 20, 1040, prompt_tokens_details=told, completion_tokens_details={"orchestration_output_tokens": 70})
    )

    assert usage == counts(
        950,
        90,
        1040,
        prompt_tokens_details={**told, "cached_tokens": 306},
        completion_tokens_details={"orchestration_output_tokens": 70},
    )
    beside = counts(50, 20, 70, prompt_tokens_details=told)
    assert canonical_usage(beside) == beside  # in a total that leaves them out they may be a part of the rest


def test_caches_beside_the_prompt_are_added_to_it() -> None:
    by_total = canonical_usage(counts(10, 5, 115, cached_tokens=100))
    by_name = canonical_usage(counts(10, 5, 15, cache_read_input_tokens=70, cache_creation_input_tokens=30))

    assert by_total is not None
    assert by_name is not None
    assert (by_total["prompt_tokens"], by_total["total_tokens"], cached(by_total)) == (110, 115, 100)
    assert (by_name["prompt_tokens"], by_name["total_tokens"], cached(by_name)) == (110, 115, 70)


def test_a_cache_count_larger_than_the_prompt_is_cut_to_it() -> None:
    usage = canonical_usage(counts(prompt_tokens_details={"cached_tokens": 161, "text_tokens": 10}))

    assert usage == counts(prompt_tokens_details={"cached_tokens": 10, "text_tokens": 10})


def test_other_names_of_the_counts_are_read() -> None:
    usage = canonical_usage({"input_tokens": 3, "output_tokens": 4})

    assert usage == {"input_tokens": 3, "output_tokens": 4, **counts(3, 4, 7)}


def test_cost_and_timings_are_kept() -> None:
    raw = counts(cost=0.001, cost_details={"upstream_inference_cost": None}, queue_time=0.1, num_sources_used=2)

    assert canonical_usage(raw) == raw


def test_the_argument_is_not_changed() -> None:
    raw = counts(10, 5, 115, completion_tokens_details={"reasoning_tokens": 100}, prompt_cache_hit_tokens=3)
    before = str(raw)

    canonical_usage(raw)

    assert str(raw) == before


_NUMBER = st.one_of(st.integers(0, 10_000), st.none(), st.text(max_size=2), st.floats(allow_nan=True), st.booleans())
_NAMES = st.sampled_from(
    [
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "cached_tokens",
        "reasoning_tokens",
        "cache_write_tokens",
        "audio_tokens",
        "prompt_cache_hit_tokens",
        "cache_read_input_tokens",
        "input_tokens",
        "output_tokens",
    ]
)
_FLAT = st.dictionaries(_NAMES, _NUMBER)


@given(_FLAT, st.one_of(_NUMBER, _FLAT), st.one_of(_NUMBER, _FLAT))
def test_whatever_is_sent_the_parts_never_exceed_the_whole(flat: Any, prompt: Any, completion: Any) -> None:
    usage = canonical_usage({**flat, "prompt_tokens_details": prompt, "completion_tokens_details": completion})

    assert usage is not None
    ins, outs = usage.get("prompt_tokens"), usage.get("completion_tokens")
    details = usage.get("prompt_tokens_details")
    details = details if isinstance(details, dict) else {}
    if type(ins) is int and type(outs) is int:
        assert usage["total_tokens"] == ins + outs
        reasoning = usage.get("completion_tokens_details")
        told = reasoning.get("reasoning_tokens") if isinstance(reasoning, dict) else None
        assert type(told) is not int or told <= outs
    if type(ins) is int:
        parts = [details[name] for name in ("cached_tokens", "cache_write_tokens") if type(details.get(name)) is int]
        assert sum(parts) <= ins

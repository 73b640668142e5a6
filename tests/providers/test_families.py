"""Facts about models by name, wherever they run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lingate._providers.families import family_traits


@pytest.mark.parametrize(
    ("model", "sampling", "thinking", "structured", "limit"),
    [
        ("claude-3-haiku-20240307", None, "none", "tool", 4096),
        ("claude-3-opus-latest", None, "none", "tool", 4096),
        ("claude-2.1", None, "none", "tool", 4096),
        ("anthropic.claude-v2:1", None, "none", "tool", 4096),
        ("claude-instant-1.2", None, "none", "tool", 4096),
        ("claude-instant", None, "none", "tool", 4096),
        ("claude-3-5-sonnet@20241022", None, "none", "tool", 8192),
        ("claude-3-5-sonnet-v2@20241022", None, "none", "tool", 8192),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", None, "budget", "tool", 64_000),
        ("anthropic/claude-3.7-sonnet:thinking", None, "budget", "tool", 64_000),
        ("claude-sonnet-4-20250514", None, "budget", "tool", 64_000),
        ("claude-sonnet-4-0", None, "budget", "tool", 64_000),
        ("claude-opus-4@20250514", None, "budget", "tool", 32_000),
        ("claude-opus-4-1-20250805", "one", "budget", "json_schema", 32_000),
        ("anthropic/claude-sonnet-4.5", "one", "budget", "json_schema", 64_000),
        ("claude-4-5-sonnet", "one", "budget", "json_schema", 64_000),
        ("claude-haiku-4-5-20251001", "one", "budget", "json_schema", 64_000),
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", "one", "budget", "json_schema", 64_000),
        ("claude-sonnet-4-6", "one", "adaptive", "json_schema", 128_000),
        ("claude-opus-4-7", "none", "adaptive", "json_schema", 128_000),
        ("Claude-Opus-4.8", "none", "adaptive", "json_schema", 128_000),
        ("claude-sonnet-5", "none", "adaptive", "json_schema", 128_000),
        ("claude-fable-5-20260101", "none", "adaptive", "json_schema", 128_000),
        ("claude-opus-11-2", "none", "adaptive", "json_schema", 128_000),
        ("claude-something-new", "none", "adaptive", "json_schema", 128_000),
    ],
)
def test_claude_by_generation(model: str, sampling: str | None, thinking: str, structured: str, limit: int) -> None:
    traits = family_traits(model)

    assert traits.get("sampling") == sampling
    assert traits["thinking"] == thinking
    assert traits["structured"] == structured
    assert traits["default_max_tokens"] == limit
    assert traits["max_temperature"] == 1.0


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("o1", ("low", "medium", "high")),
        ("openai/o3-mini", ("low", "medium", "high")),
        ("o4-mini-2025-04-16", ("low", "medium", "high")),
        ("gpt-5-codex", ("low", "medium", "high")),
        ("gpt-5.1-codex-mini", ("low", "medium", "high")),
        ("gpt-5-pro", ("high",)),
        ("gpt-5.5-pro", ("medium", "high", "xhigh")),
        ("gpt-5.3-codex", ("none", "low", "medium", "high", "xhigh")),
        ("azure/gpt-5.2-2025-12-11", ("none", "low", "medium", "high", "xhigh")),
        ("gpt-5.4-mini", ("none", "low", "medium", "high", "xhigh")),
        ("gpt-5.5", ("none", "low", "medium", "high", "xhigh")),
        ("gpt-5.6-sol", ("none", "low", "medium", "high", "xhigh", "max")),
        ("gpt-6-luna", ("none", "low", "medium", "high", "xhigh", "max")),
        ("openai/gpt-6.1-terra", ("none", "low", "medium", "high", "xhigh", "max")),
        ("global.openai.gpt-6-astra", ("low", "medium", "high", "xhigh", "max")),
        ("gpt-6.2-astra", ("low", "medium", "high", "xhigh", "max")),
        ("gpt-6.1-sol", ("low", "medium", "high", "xhigh", "max")),
        ("gpt-7-sol", ("none", "low", "medium", "high", "xhigh", "max")),
        ("gpt-7-chat-latest", None),
        ("gpt-5.1-codex-max", None),
        ("gpt-5.2-chat-latest", None),
        ("gpt-5", ("minimal", "low", "medium", "high")),
        ("openai/gpt-5-mini-2025-08-07", ("minimal", "low", "medium", "high")),
        ("gpt-5.1", ("none", "low", "medium", "high")),
        ("gpt-5-chat-latest", None),
    ],
)
def test_openai_s_models_that_cannot_be_told_none(model: str, words: tuple[str, ...] | None) -> None:
    assert family_traits(model).get("efforts") == words


@pytest.mark.parametrize(
    ("model", "taken"), [("claude-haiku-4-5", True), ("claude-sonnet-4-6", False), ("claude-opus-5", False)]
)
def test_newer_claudes_take_no_beginning_of_their_answer(model: str, taken: bool) -> None:
    assert family_traits(model)["prefill"] is taken


def test_system_messages_between_turns_are_kept_only_for_claudes_that_take_them() -> None:
    assert family_traits("claude-opus-4-8").get("late_system") == "keep"
    assert "late_system" not in family_traits("claude-opus-4-7")
    # 400 "role 'system' is not supported on this model" (UKGovernmentBEIS/inspect_ai#4221).
    assert "late_system" not in family_traits("claude-mythos-preview")


@pytest.mark.parametrize(
    ("model", "forced", "unthinking"),
    [
        ("claude-opus-5", True, "disabled"),
        ("claude-haiku-5-5", True, "disabled"),
        ("claude-fable-5-20260609", True, ""),
        ("claude-fable-5-1", False, ""),
        ("anthropic/claude-mythos-5.1", False, ""),
        ("us.anthropic.claude-opus-5-5", False, ""),
        ("claude-sonnet-5-5@default", False, "between_tools"),
        ("claude-opus-latest", False, ""),
    ],
)
def test_the_newest_claudes_are_neither_forced_to_call_a_tool_nor_kept_from_thinking(
    model: str, forced: bool, unthinking: str
) -> None:
    traits = family_traits(model)

    assert (traits.get("tool_choice_required") != "auto") is forced
    assert traits.get("unthinking", "disabled") == unthinking


def test_each_claude_has_its_words_for_effort() -> None:
    assert "max" in family_traits("claude-opus-4-6")["efforts"]
    assert "xhigh" not in family_traits("claude-opus-4-6")["efforts"]
    assert "xhigh" in family_traits("claude-opus-4-7")["efforts"]
    assert family_traits("claude-opus-4-5")["efforts"] == ("none", "low", "medium", "high")
    assert "efforts" not in family_traits("claude-sonnet-4-5")


@pytest.mark.parametrize("model", ["o1", "o3", "openai/o3-pro", "o4-mini", "gpt-5", "azure/gpt-5-mini-2025-08-07"])
def test_openai_s_reasoning_models_do_not_sample(model: str) -> None:
    traits = family_traits(model)

    assert traits["sampling"] == "none"
    assert traits["max_tokens_param"] == "max_completion_tokens"


@pytest.mark.parametrize(
    ("model", "effort"),
    [("gpt-5.1", "none"), ("openai/gpt-5.4-mini", "none"), ("gpt-5.5", "medium"), ("gpt-6-sol", "medium")],
)
def test_later_ones_sample_while_they_do_not_reason(model: str, effort: str) -> None:
    assert family_traits(model)["sampling"] == "effort_none"
    assert family_traits(model)["default_effort"] == effort


@pytest.mark.parametrize(
    ("model", "stops"), [("gpt-5-mini", 0), ("o4-mini", 0), ("o3", 0), ("o3-mini", None), ("gpt-4o", None)]
)
def test_stop_is_watched_for_on_our_side_where_it_is_refused(model: str, stops: int | None) -> None:
    assert family_traits(model).get("max_stop") == stops


@pytest.mark.parametrize(
    "model",
    ["gpt-4o", "openai/gpt-4o-mini", "ft:gpt-4o-mini:me", "chatgpt-4o-latest", "gpt-4.1", "gpt-4", "gpt-3.5-turbo"],
)
def test_older_ones_never_reason(model: str) -> None:
    assert family_traits(model)["default_effort"] == "none"


def test_the_first_reasoning_models_have_no_system_role() -> None:
    assert family_traits("o1-mini")["system_role"] == "user"
    assert family_traits("o1-mini")["max_stop"] == 0
    assert "system_role" not in family_traits("o1")


@pytest.mark.parametrize(
    ("model", "way"),
    [
        ("gpt-4", "tool"),
        ("gpt-4-0613", "tool"),
        ("gpt-4-turbo-2024-04-09", "json_object"),
        ("gpt-3.5-turbo", "json_object"),
        ("gpt-35-turbo", "json_object"),
        ("gpt-4o-2024-05-13", "json_object"),
        ("gpt-4o", None),
        ("gpt-4o-2024-08-06", None),
        ("gpt-4.1-mini", None),
    ],
)
def test_schemas_are_asked_for_in_the_way_a_model_knows(model: str, way: str | None) -> None:
    assert family_traits(model).get("structured") == way


@pytest.mark.parametrize(
    "model", ["llama3", "bingo1", "foo/o1x", "yi-34b", "gpt-4ok", "gpt-4.15", "gemma-3-27b", "", "/"]
)
def test_of_most_models_nothing_is_known(model: str) -> None:
    assert family_traits(model) == {}


@pytest.mark.parametrize("model", ["openai/gpt-oss-120b", "openai.gpt-oss-20b-1:0", "gpt-oss:20b"])
def test_open_weights_with_a_famous_name_are_not_the_famous_models(model: str) -> None:
    assert family_traits(model) == {"efforts": ("low", "medium", "high")}


def test_reasoning_goes_back_to_models_that_ask_for_it() -> None:
    assert family_traits("moonshotai/kimi-k2.5")["reasoning_history"] == "reasoning_content"
    assert family_traits("deepseek-ai/DeepSeek-V3.2")["reasoning_history"] == "reasoning_content"
    assert family_traits("XiaomiMiMo/mimo-v2.5-pro")["reasoning_history"] == "reasoning_content"


@pytest.mark.parametrize("model", ["qwen/qwen3.5-122b-a10b", "Qwen3.8-Flash-Next", "accounts/fireworks/models/qwen3p8"])
def test_system_messages_become_one_where_the_template_knows_no_other(model: str) -> None:
    assert family_traits(model) == {"think_tags": True, "late_system": "result", "needs_user": True}
    assert family_traits("qwen4-max") == {"late_system": "result", "needs_user": True}
    assert family_traits("google/gemma-4-31b-it") == {"late_system": "user"}
    assert "late_system" not in family_traits("qwen3-32b")


@pytest.mark.parametrize("model", ["mistralai/mistral-small-4-119b-2603", "Devstral-Small-2-24B", "open-mixtral-8x7b"])
def test_turns_are_in_the_order_that_mistral_s_models_insist_on(model: str) -> None:
    known = {"call_ids": "[a-zA-Z0-9]{9}", "late_system": "result", "strict_turns": True}
    assert known.items() <= family_traits(model).items()


def test_a_family_is_looked_up_once() -> None:
    assert family_traits("claude-opus-4-6") is family_traits("claude-opus-4-6")


def test_no_recorded_claude_was_sampled_in_a_way_its_family_refuses(recordings: Path) -> None:
    file = recordings / "anthropic-messages.jsonl"
    if not file.is_file():
        pytest.skip(f"no {file}")

    wrong = set()
    for line in file.read_text().splitlines():
        exchange = json.loads(line)
        body = exchange["request"]["body"]
        if exchange["response"]["status"] != 200 or not isinstance(body, dict) or "messages" not in body:
            continue
        traits = family_traits(body["model"])
        sampled = {"temperature", "top_p"} & set(body)
        if (traits.get("sampling") == "none" and sampled) or (traits.get("sampling") == "one" and len(sampled) == 2):
            wrong.add(body["model"])
        if not traits.get("prefill", True) and body["messages"][-1]["role"] == "assistant":
            wrong.add(body["model"])
        if traits.get("thinking") == "none" and body.get("thinking", {}).get("type") not in (None, "disabled"):
            wrong.add(body["model"])

    assert wrong == set()

"""Parameters, sampling, thinking: what is sent, what is refused, and what is said about it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import Call, HttpRequest, JsonDict, Traits, replaced
from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.anthropic.oracle import check_params
from tests.dialects.anthropic.support import CHAT, COUNT, JSON_HEAD, MODELS, call, dropped, send, target, wire

ADAPTIVE: Traits = {"thinking": "adaptive", "structured": "json_schema"}
BUDGET: Traits = {"thinking": "budget"}
NO_SAMPLING: Traits = {"sampling": "none"}
ONE: Traits = {"sampling": "one"}


def test_max_tokens_is_the_callers_or_the_models_or_the_least_of_all_models() -> None:
    assert wire()["max_tokens"] == 4096
    assert wire({"default_max_tokens": 64000})["max_tokens"] == 64000
    assert wire(max_tokens=5)["max_tokens"] == 5
    assert wire(max_tokens=5, max_completion_tokens=7)["max_tokens"] == 7


@pytest.mark.parametrize("system", [["be brief"], [None, [1]], 7])
def test_a_system_field_that_makes_no_sense_is_its_providers_to_refuse(system: Any) -> None:
    assert wire(system=system)["system"] == system


def test_a_null_means_that_the_parameter_was_not_given() -> None:
    body = wire(stop=None, temperature=None, tools=None, max_tokens=None, n=None, unknown=None)

    assert body == {"model": "claude-test", "max_tokens": 4096, "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("seed", 1),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("frequency_penalty", 0.5),
        ("presence_penalty", -1),
        ("logit_bias", {"1": 2}),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "x"}),
        ("prediction", {"type": "content", "content": "x"}),
        ("moderation", {"model": "omni-moderation-latest"}),
        ("store", True),
        ("verbosity", "low"),
        ("service_tier", "flex"),
        ("response_format", {"type": "json_object"}),
    ],
)
def test_a_parameter_without_a_counterpart_is_unsupported_or_dropped_on_demand(name: str, value: Any) -> None:
    traits: Traits = {"structured": "none"}
    with pytest.raises(UnsupportedError) as caught:
        wire(traits, **{name: value})
    assert caught.value.param == name
    assert caught.value.provider == "acme"
    assert name in str(caught.value)

    assert dropped(traits, drop_params=True, **{name: value}) == [name]
    assert wire(traits, drop_params=True, **{name: value}) == wire(traits)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 1),
        ("logprobs", False),
        ("top_logprobs", 0),
        ("frequency_penalty", 0),
        ("presence_penalty", 0.0),
        ("logit_bias", {}),
        ("modalities", ["text"]),
        ("store", False),
        ("verbosity", "medium"),
        ("tools", []),
        ("stop", []),
        ("response_format", {"type": "text"}),
        ("stream_options", {"include_usage": True}),
        ("parallel_tool_calls", True),
        ("tool_choice", "auto"),
    ],
)
def test_a_value_that_asks_for_what_happens_anyway_is_left_out_in_silence(name: str, value: Any) -> None:
    assert wire(**{name: value}) == wire()
    assert dropped(**{name: value}) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("chat_template_kwargs", {"enable_thinking": False}, "chat_template_kwargs"),
        ("prompt_cache_key", "k", "prompt_cache_key"),
        ("prompt_cache_options", {"mode": "explicit", "ttl": "30m"}, "prompt_cache_options"),
        ("metadata", {"trace": "1"}, "metadata.trace"),
    ],
)
def test_a_hint_is_left_out_and_reported_but_never_an_error(name: str, value: Any, said: str) -> None:
    assert wire(**{name: value}) == wire()
    assert dropped(**{name: value}) == [said]


def test_parameters_we_do_not_know_are_sent_as_they_are() -> None:
    body = wire(top_k=5, inference_geo="eu", context_management={"edits": []}, brand_new={"a": [1]})

    assert (body["top_k"], body["inference_geo"], body["brand_new"]) == (5, "eu", {"a": [1]})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"user": "u"}, {"user_id": "u"}),
        ({"safety_identifier": "u"}, {"user_id": "u"}),
        ({"metadata": {"user_id": "u"}}, {"user_id": "u"}),
    ],
)
def test_the_user_goes_into_the_metadata(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert wire(**given)["metadata"] == expected


@pytest.mark.parametrize(
    ("given", "sent"),
    [("auto", "auto"), ("default", "standard_only"), ("standard_only", "standard_only"), ("priority", "auto")],
)
def test_the_service_tier_has_its_own_words(given: str, sent: str) -> None:
    assert wire(service_tier=given)["service_tier"] == sent


@pytest.mark.requirement("X4")
def test_stop_sequences_are_cut_to_what_the_wire_takes_and_kept_for_the_way_back() -> None:
    asked = [f"stop{n}" for n in range(10)]

    body, sent = send(call(stop=asked), target({"max_stop": 4}))

    assert body["stop_sequences"] == asked[:4]
    assert sent.stop == tuple(asked)
    assert sent.dropped == ["stop[4:]"]


def test_blank_stop_sequences_are_not_sent_but_enforced_on_the_way_back() -> None:
    body, sent = send(call(stop=["\n\n", "END", ""]))

    assert body["stop_sequences"] == ["END"]
    assert sent.stop == ("\n\n", "END")
    assert sent.dropped == ["stop (blank)"]


def test_a_single_stop_string_is_a_list_of_one() -> None:
    body, sent = send(call(stop="END"))

    assert body["stop_sequences"] == ["END"]
    assert sent.stop == ()


@pytest.mark.parametrize("stop", [5, ["a", 5], {"a": 1}])
def test_stop_sequences_that_are_no_text_are_refused(stop: Any) -> None:
    with pytest.raises(ConfigError, match=r"^stop"):
        wire(stop=stop)


@pytest.mark.requirement("X3")
def test_where_only_one_of_them_is_taken_temperature_wins_and_top_p_is_reported() -> None:
    body, sent = send(call(temperature=0.7, top_p=0.8), target(ONE))

    assert body["temperature"] == 0.7
    assert "top_p" not in body
    assert sent.dropped == ["top_p"]
    assert wire(ONE, top_p=0.8)["top_p"] == 0.8


def test_where_no_sampling_is_taken_only_values_that_matter_are_refused() -> None:
    for given in ({"temperature": 0.2}, {"top_p": 0.9}, {"top_k": 5}):
        with pytest.raises(UnsupportedError) as caught:
            wire(NO_SAMPLING, **given)
        assert caught.value.param in given
        assert dropped(NO_SAMPLING, drop_params=True, **given) == list(given)

    assert wire(NO_SAMPLING, temperature=1, top_p=1.0) == wire()


def test_a_temperature_above_the_range_is_clamped_and_reported() -> None:
    assert wire(temperature=1.7)["temperature"] == 1.0
    assert dropped(temperature=1.7) == ["temperature (clamped from 1.7 to 1.0)"]
    assert wire({"max_temperature": 2.0}, temperature=1.7)["temperature"] == 1.7


@pytest.mark.parametrize("effort", ["low", "medium", "high", "xhigh", "max"])
def test_effort_is_adaptive_thinking_where_the_model_adapts(effort: str) -> None:
    body = wire(ADAPTIVE, reasoning_effort=effort)

    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["output_config"] == {"effort": effort}
    check_params(body)


def test_minimal_effort_is_low_where_there_is_no_minimal() -> None:
    assert wire(ADAPTIVE, reasoning_effort="minimal")["output_config"] == {"effort": "low"}
    assert dropped(ADAPTIVE, reasoning_effort="minimal") == ["reasoning_effort=minimal (sent as low)"]


def test_effort_is_a_budget_where_the_model_thinks_by_budget() -> None:
    budgets = []
    for effort in ("minimal", "low", "medium", "high", "xhigh"):
        body = wire(BUDGET, reasoning_effort=effort, max_tokens=100_000)
        assert body["max_tokens"] == 100_000
        assert "output_config" not in body
        budgets.append(body["thinking"]["budget_tokens"])
        check_params(body)

    assert budgets == sorted(set(budgets))
    assert budgets[0] == 1024


def test_max_tokens_is_raised_above_the_budget_and_the_caller_is_told() -> None:
    body, sent = send(call(reasoning_effort="high", max_tokens=100), target(BUDGET))

    assert body["max_tokens"] == body["thinking"]["budget_tokens"] + 100
    assert sent.dropped[0].startswith("max_tokens (raised from 100")
    assert dropped(BUDGET, reasoning_effort="high") == []
    assert wire(BUDGET, reasoning_effort="high")["max_tokens"] == 16000 + 4096


@pytest.mark.parametrize("traits", [ADAPTIVE, BUDGET])
def test_effort_none_switches_thinking_off(traits: Traits) -> None:
    assert wire(traits, reasoning_effort="none")["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize("asked", [{"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}])
def test_a_model_that_always_thinks_does_so_as_little_as_it_can_where_it_is_not_to(asked: Any) -> None:
    body, sent = send(call(**asked), target({**ADAPTIVE, "unthinking": ""}))

    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"] == {"effort": "low"}
    assert sent.dropped == ["reasoning_effort=none (sent as low)"]
    between: Traits = {**ADAPTIVE, "unthinking": "between_tools"}
    assert wire(between, **asked) == {**wire(), "thinking": {"type": "between_tools"}}
    assert dropped(between, **asked) == []
    assert wire(between, reasoning_effort="high", thinking={"type": "disabled"})["output_config"] == {"effort": "high"}


def test_a_model_that_does_not_think_refuses_effort_but_not_none() -> None:
    traits: Traits = {"thinking": "none"}
    with pytest.raises(UnsupportedError) as caught:
        wire(traits, reasoning_effort="low")

    assert caught.value.param == "reasoning_effort"
    assert wire(traits, reasoning_effort="none") == wire()
    assert dropped(traits, drop_params=True, reasoning_effort="low") == ["reasoning_effort"]


def test_an_effort_nobody_knows_is_unsupported() -> None:
    with pytest.raises(UnsupportedError, match="reasoning_effort"):
        wire(ADAPTIVE, reasoning_effort="enormous")


def test_thinking_of_this_format_passes_as_it_is_and_effort_only_adds_to_it() -> None:
    given = {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}

    assert wire(BUDGET, thinking=given, max_tokens=3000)["thinking"] == given
    assert dropped(BUDGET, thinking=given, max_tokens=3000, reasoning_effort="high") == ["reasoning_effort"]
    both = wire(ADAPTIVE, thinking={"type": "adaptive"}, reasoning_effort="high")
    assert (both["thinking"], both["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})


def test_thinking_that_was_meant_for_another_model_is_said_as_this_one_takes_it() -> None:
    adaptive, budget = {"type": "adaptive", "display": "omitted"}, {"type": "enabled", "budget_tokens": 32_000}
    newest: Traits = {**ADAPTIVE, "budgets": False}

    assert wire(BUDGET, thinking=adaptive, reasoning_effort="low")["thinking"] == {
        "type": "enabled",
        "budget_tokens": 2048,
    }
    assert wire(BUDGET, thinking=adaptive)["thinking"] == {"type": "enabled", "budget_tokens": 8000}
    assert "thinking" not in wire({"thinking": "none"}, thinking=adaptive)
    assert dropped({"thinking": "none"}, thinking=adaptive) == ["thinking.type=adaptive"]
    enabled = {"type": "enabled", "budget_tokens": 1024}
    with pytest.raises(UnsupportedError, match="thinking"):
        wire({"thinking": "none"}, thinking=enabled)
    assert dropped({"thinking": "none"}, drop_params=True, thinking=enabled) == ["thinking"]
    assert wire(ADAPTIVE, thinking=budget)["thinking"] == budget
    body = wire(newest, thinking=budget)
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})
    for tokens, effort in ((1024, "low"), (2048, "low"), (8000, "medium"), (8001, "high")):
        assert wire(newest, thinking={**budget, "budget_tokens": tokens})["output_config"] == {"effort": effort}
    assert dropped(newest, thinking=budget) == ["thinking.budget_tokens"]


def test_an_effort_of_this_format_s_own_is_left_out_where_the_model_knows_none() -> None:
    own = {"reasoning_effort": "high", "provider_specific_fields": {"anthropic": {"output_config": {"effort": "high"}}}}

    assert wire({**BUDGET, "efforts": ("high",)}, **own)["output_config"] == {"effort": "high"}
    assert wire(BUDGET, **own) == wire(BUDGET)
    assert dropped(BUDGET, **own) == ["output_config.effort"]
    assert wire(BUDGET, thinking={"type": "adaptive"}, **own)["thinking"] == {"type": "enabled", "budget_tokens": 16000}


def test_a_default_limit_of_ours_never_is_below_the_callers_budget() -> None:
    assert wire(thinking={"type": "enabled", "budget_tokens": 10_000})["max_tokens"] == 14_096
    assert wire(thinking={"type": "enabled", "budget_tokens": 10_000}, max_tokens=50)["max_tokens"] == 50


@pytest.mark.parametrize("traits", [ADAPTIVE, BUDGET])
def test_sampling_that_thinking_rules_out_is_left_out_and_reported(traits: Traits) -> None:
    body, sent = send(call(reasoning_effort="low", temperature=0.2, top_p=0.5, top_k=3), target(traits))

    assert not {"temperature", "top_p", "top_k"} & set(body)
    assert [what.split()[0] for what in sent.dropped] == ["temperature", "top_k", "top_p"]
    kept = wire(traits, reasoning_effort="low", temperature=1, top_p=0.97)
    assert (kept["temperature"], kept["top_p"]) == (1, 0.97)


@pytest.mark.parametrize("traits", [ADAPTIVE, BUDGET])
def test_a_forced_tool_goes_before_effort_since_both_are_refused(traits: Traits) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]

    body, sent = send(call(reasoning_effort="high", tools=tools, tool_choice="required"), target(traits))

    assert body["tool_choice"] == {"type": "any"}
    assert "thinking" not in body
    assert sent.dropped == ["reasoning_effort (tool_choice forces a tool)"]


def _tool_turn(**fields: Any) -> list[dict[str, Any]]:
    use = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": None, "tool_calls": [use], **fields},
        {"role": "tool", "tool_call_id": "t", "content": "x"},
    ]


def test_a_tool_turn_that_began_without_thinking_goes_on_without() -> None:
    signed = [{"type": "thinking", "thinking": "hm", "signature": "s"}]

    assert "thinking" not in wire(BUDGET, reasoning_effort="low", messages=_tool_turn())
    assert len(dropped(BUDGET, reasoning_effort="low", messages=_tool_turn())) == 1
    assert "thinking" in wire(BUDGET, reasoning_effort="low", messages=_tool_turn(thinking_blocks=signed))
    assert "thinking" in wire(ADAPTIVE, reasoning_effort="low", messages=_tool_turn())


def test_a_plain_exchange_is_no_tool_turn() -> None:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]

    assert "thinking" in wire(BUDGET, reasoning_effort="low", messages=messages)


def test_metadata_that_is_no_object_is_refused() -> None:
    with pytest.raises(ConfigError, match="metadata"):
        wire(metadata="x")


def test_the_row_says_what_its_provider_refuses() -> None:
    to = target(unsupported=("top_k", "temperature>0.5", "tool_choice=required", "n"))

    for name, value, rule in (
        ("top_k", 5, "top_k"),
        ("temperature", 0.9, "temperature>0.5"),
        ("tool_choice", "required", "tool_choice=required"),
    ):
        with pytest.raises(UnsupportedError) as caught:
            send(call(**{name: value}), to)
        assert caught.value.param == rule
    made = call(top_k=5, temperature=0.9)
    made.drop_params = True
    body, sent = send(made, to)
    assert not {"top_k", "temperature"} & set(body)
    assert sent.dropped == ["top_k", "temperature>0.5"]
    body, sent = send(call(temperature=0.4, tool_choice="auto", n=1), to)
    assert body["temperature"] == 0.4
    assert sent.dropped == []


def test_beta_features_add_up_with_those_of_the_provider_and_the_caller() -> None:
    made = call(context_management={"edits": []}, mcp_servers=[{"name": "x"}], speed="fast")
    made.extra_headers = {"Anthropic-Beta": "mine, other", "X-Trace": "1", "Anthropic-Version": "2099-01-01"}

    _, sent = send(made)

    assert sent.headers["anthropic-beta"].split(",") == [
        "mine",
        "other",
        "mcp-client-2025-04-04",
        "context-management-2025-06-27",
        "fast-mode-2026-02-01",
    ]
    assert sent.headers["Anthropic-Version"] == "2099-01-01"
    assert sent.headers["X-Trace"] == "1"
    assert "anthropic-version" not in sent.headers


def test_compaction_needs_its_own_beta() -> None:
    _, sent = send(call(context_management={"edits": [{"type": "compact_20260112"}]}))

    assert sent.headers["anthropic-beta"].split(",") == ["context-management-2025-06-27", "compact-2026-01-12"]


def test_a_budget_for_a_task_needs_its_beta() -> None:
    body, sent = send(call(output_config={"task_budget": {"type": "tokens", "total": 20000}}))

    assert body["output_config"]["task_budget"]["total"] == 20000
    assert sent.headers["anthropic-beta"] == "task-budgets-2026-03-13"


def test_servers_of_a_toolset_need_the_newer_connector_only() -> None:
    toolset = {"type": "mcp_toolset", "mcp_server_name": "x"}

    _, sent = send(call(mcp_servers=[{"type": "url", "name": "x", "url": "https://x.test"}], tools=[toolset]))

    assert sent.headers["anthropic-beta"] == "mcp-client-2025-11-20"


def test_skills_in_a_container_need_their_beta() -> None:
    _, sent = send(call(container={"skills": [{"type": "anthropic", "skill_id": "xlsx"}]}))

    assert sent.headers["anthropic-beta"] == "skills-2025-10-02"


def test_no_beta_header_is_sent_unless_a_feature_needs_one() -> None:
    assert "anthropic-beta" not in send(call())[1].headers


def test_quirks_edit_the_body_and_the_callers_own_fields_come_last() -> None:
    def edit(body: JsonDict, sent: HttpRequest) -> None:
        body["quirk"] = body.pop("max_tokens")
        sent.dropped.append("max_tokens")

    to = target()
    to = type(to)(row=to.row, model=to.model, url=to.url, edits=(edit,))
    made = call()
    made.extra_body = {"quirk": 1, "mine": 2}

    sent = CHAT.request(made, to)

    body = json.loads(sent.body)
    assert (body["quirk"], body["mine"]) == (1, 2)
    assert sent.dropped == ["max_tokens"]


def test_a_call_that_json_cannot_hold_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="JSON"):
        wire(unknown=object())


def test_writing_a_request_changes_nothing_of_the_callers() -> None:
    body = {
        "messages": [
            *_tool_turn(cache_control={"type": "ephemeral"}),
            {"role": "user", "content": [{"type": "text", "text": "x"}]},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {}}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
        "metadata": {"user_id": "u", "x": "y"},
        "stop": [" ", "a"],
        "temperature": 3,
    }
    before = json.dumps(body)

    for traits in (ADAPTIVE, BUDGET):
        made = Call("chat", "m", body, extra_body={"a": 1})
        CHAT.request(made, target(traits))
        assert json.dumps(body) == before
        assert made.extra_body == {"a": 1}


def test_streaming_is_asked_for_in_the_body_only_when_wanted() -> None:
    made = call()
    assert "stream" not in send(made)[0]
    made.stream = True
    assert send(made)[0]["stream"] is True


def test_a_token_count_sends_only_what_is_counted() -> None:
    made = call(
        tools=[{"type": "function", "function": {"name": "f"}}],
        temperature=0.5,
        max_tokens=5,
        stop=["x"],
        user="u",
        thinking={"type": "enabled", "budget_tokens": 2000},
    )
    made.stream = True

    sent = COUNT.request(made, target())

    assert sent.url == "https://api.acme.test/v1/messages/count_tokens"
    assert set(json.loads(sent.body)) == {"model", "messages", "tools", "thinking"}
    elsewhere = COUNT.request(made, target(paths={"chat": "/messages"}))
    assert elsewhere.url == "https://api.acme.test/messages/count_tokens"


def test_a_token_count_is_of_what_is_left_after_the_context_was_edited() -> None:
    asked = {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
        "speed": "fast",
    }
    sent = COUNT.request(COUNT.parse_call(json.dumps(asked).encode(), {}), target())
    assert json.loads(sent.body) == {**asked, "model": "claude-test"}
    assert "context-management-2025-06-27" in sent.headers["anthropic-beta"]

    counted = {"input_tokens": 7, "context_management": {"original_input_tokens": 9}}
    told, _ = COUNT.response(sent, JSON_HEAD, json.dumps(counted).encode())
    assert json.loads(COUNT.render(told)) == counted


def test_models_are_listed_a_page_at_a_time() -> None:
    first = MODELS.request(Call("models", "", {}), target())
    second = MODELS.request(Call("models", "", {"limit": 5, "after_id": "m/1"}), target(paths={"models": "/m"}))

    assert (first.method, first.url, first.body) == ("GET", "https://api.acme.test/v1/models?limit=1000", b"")
    assert second.url == "https://api.acme.test/m?limit=5&after_id=m%2F1"
    assert first.headers["anthropic-version"] == "2023-06-01"


def test_a_query_of_the_base_url_stays_behind_the_path() -> None:
    place = replaced(target(), url="https://gate.test/claude?version=3")

    assert send(call(), place)[1].url == "https://gate.test/claude/v1/messages?version=3"
    assert COUNT.request(call(), place).url == "https://gate.test/claude/v1/messages/count_tokens?version=3"
    listing = MODELS.request(Call("models", "", {}), place)
    assert listing.url == "https://gate.test/claude/v1/models?limit=1000&version=3"


def test_operations_without_a_stream_say_so() -> None:
    sent = COUNT.request(call(), target())

    for operation in (COUNT, MODELS):
        with pytest.raises(UnsupportedError):
            operation.decoder(sent, None)  # type: ignore[arg-type]
        with pytest.raises(UnsupportedError):
            operation.encoder(call())


def test_a_feature_that_two_tools_need_is_named_once() -> None:
    tools = [{"type": "computer_20250124", "name": "computer", "display_width_px": 1, "display_height_px": 1}] * 2

    headers = send(call(tools=tools))[1].headers

    assert len(headers["anthropic-beta"].split(",")) == 1


@pytest.mark.parametrize(
    ("given", "effort", "sent"),
    [(None, None, "high"), (2048, None, "low"), (9000, None, "high"), (9000, "low", "low")],
)
def test_a_budget_becomes_an_effort_unless_that_is_given_where_the_model_takes_no_budget(
    given: Any, effort: Any, sent: str | None
) -> None:
    thinking = {"type": "enabled", **({"budget_tokens": given} if given else {})}
    asked = {"thinking": thinking, **({"reasoning_effort": effort} if effort else {})}

    body = wire({"thinking": "adaptive", "budgets": False}, **asked)

    assert body["thinking"] == {"type": "adaptive"}
    assert body.get("output_config", {}).get("effort", "high") == sent


@pytest.mark.parametrize("word", ["auto", "none"])
def test_a_choice_that_forces_nothing_stays_where_models_cannot_be_forced(word: str) -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    sent = send(call(tools=[tool], tool_choice=word), target({"tool_choice_required": "auto"}))

    assert sent[0].get("tool_choice") == {"type": word}
    assert sent[1].dropped == []

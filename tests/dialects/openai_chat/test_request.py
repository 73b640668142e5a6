"""Calls as the wire body of each kind of provider."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from lingate._dialects._format_choice import form_of
from lingate._model import Call, replaced
from lingate._providers import lookup
from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.openai_chat.support import CHAT, HELLO, TOOL, call, dropped, target, wire


def test_a_plain_call_is_sent_as_it_is_with_the_targets_headers() -> None:
    to = target()

    sent = CHAT.request(call(temperature=0.5, seed=7), to)

    assert sent.method == "POST"
    assert sent.url == "https://api.acme.test/v1/chat/completions"
    assert sent.headers is to.headers
    assert json.loads(sent.body) == {"model": "m-1", "messages": HELLO, "temperature": 0.5, "seed": 7}
    assert sent.dropped == []


def test_unknown_parameters_and_message_fields_pass_through() -> None:
    messages = [
        {"role": "user", "content": "hi", "weight": 1},
        {"role": "user", "content": [{"type": "hologram", "x": 1}]},
    ]

    body = wire(Call("chat", "m-1", {"messages": messages, "top_k": 3, "safe_prompt": True}))

    assert body["messages"] == messages
    assert (body["top_k"], body["safe_prompt"]) == (3, True)


def test_the_callers_own_body_is_never_changed() -> None:
    body = {
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": None, "reasoning_content": "r", "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
            ]},
            {"role": "tool", "tool_call_id": "1", "content": None},
        ],
        "tools": [{"type": "function", "strict": True, "function": {"name": "f", "parameters": {"$schema": "x"}}}],
        "stop": ["1", "2", "3", "4", "5"],
        "thinking": {"type": "enabled", "budget_tokens": 100},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "chat_template_kwargs": {"x": 1},
        "seed": 1,
        "outer": {"kept": 1},
    }  # fmt: skip
    before = deepcopy(body)
    to = target(
        traits={
            "tool_schema_drop": ("$schema", "strict"),
            "structured": "tool",
            "reasoning_param": "chat_template_kwargs",
            "text_content": True,
            "late_system": "user",
        },
        rename={"seed": "outer.seed"},
    )

    CHAT.request(Call("chat", "m-1", body, stream=True, drop_params=True, extra_body={"outer": 5}), to)

    assert body == before


def test_extra_headers_win_whatever_their_case_and_extra_body_is_merged_last() -> None:
    made = call(temperature=1)
    made.extra_headers = {"Authorization": "Bearer mine", "x-title": "t"}
    made.extra_body = {"temperature": 0, "provider": {"only": ["a"]}}

    sent = CHAT.request(made, target())

    assert sent.headers == {"content-type": "application/json", "Authorization": "Bearer mine", "x-title": "t"}
    assert json.loads(sent.body)["temperature"] == 0
    assert json.loads(sent.body)["provider"] == {"only": ["a"]}


def test_the_rows_edits_come_after_everything_but_the_extra_body() -> None:
    def edit(body: Any, sent: Any) -> None:
        body["seen"] = sorted(body)
        sent.dropped.append("edited")

    made = call(max_completion_tokens=5)
    made.extra_body = {"late": 1}
    sent = CHAT.request(made, target(edits=(edit,)))

    assert json.loads(sent.body)["seen"] == ["max_tokens", "messages", "model"]
    assert json.loads(sent.body)["late"] == 1
    assert sent.dropped == ["edited"]


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://h/v1", "/chat/completions", "https://h/v1/chat/completions"),
        ("https://h/v1/", "/chat/completions/", "https://h/v1/chat/completions/"),
        ("https://h/o?api-version=1", "/c", "https://h/o/c?api-version=1"),
        ("https://h/deployments/{model}", "/c?api-version=1", "https://h/deployments/a%2Fb/c?api-version=1"),
    ],
)
def test_base_and_path_make_the_url(base: str, path: str, url: str) -> None:

    to = replaced(target("a/b", paths={"chat": path}), url=base)

    assert CHAT.request(call(), to).url == url


def test_what_json_has_no_form_for_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="cannot be written as JSON"):
        CHAT.request(call(metadata={"x": object()}), target())


class TestOutputLimit:
    @pytest.mark.parametrize("given", ["max_tokens", "max_completion_tokens"])
    @pytest.mark.parametrize("wanted", ["max_tokens", "max_completion_tokens"])
    def test_it_goes_under_the_name_the_provider_knows(self, given: str, wanted: str) -> None:
        body = wire(call(**{given: 9}), target(traits={"max_tokens_param": wanted}))

        assert {name: value for name, value in body.items() if name.startswith("max")} == {wanted: 9}

    def test_two_limits_that_differ_are_reported(self) -> None:
        made = call(max_tokens=5, max_completion_tokens=9)

        assert wire(made)["max_tokens"] == 5
        assert dropped(made) == ["max_completion_tokens=9"]

    def test_a_default_is_sent_only_where_the_caller_gave_none(self) -> None:
        to = target(traits={"default_max_tokens": 100})

        assert wire(call(), to)["max_tokens"] == 100
        assert wire(call(max_tokens=5), to)["max_tokens"] == 5


class TestRename:
    def test_a_field_a_value_and_a_nested_name(self) -> None:
        to = target(
            rename={
                "seed": "random_seed",
                "tool_choice=required": "any",
                "top_k": "options.top_k",
                "user": "options.user",
            }
        )

        body = wire(call(seed=1, tools=[TOOL], tool_choice="required", top_k=4, options={"a": 1}), to)

        assert body["random_seed"] == 1
        assert "seed" not in body
        assert body["tool_choice"] == "any"
        assert body["options"] == {"a": 1, "top_k": 4}

    def test_the_new_value_may_repeat_the_fields_name(self) -> None:
        to = target(rename={"tool_choice=required": "tool_choice=any"})

        assert wire(call(tools=[TOOL], tool_choice="required"), to)["tool_choice"] == "any"

    def test_a_value_the_caller_gave_under_the_new_name_wins(self) -> None:
        assert wire(call(seed=1, random_seed=2), target(rename={"seed": "random_seed"}))["random_seed"] == 2


class TestUnsupported:
    def test_it_is_an_error_that_names_provider_parameter_and_remedy(self) -> None:
        with pytest.raises(UnsupportedError, match=r"acme.*`logit_bias`.*drop_params=True") as caught:
            CHAT.request(call(logit_bias={"1": 1}), target(unsupported=("logit_bias",)))

        assert (caught.value.param, caught.value.provider, caught.value.model) == ("logit_bias", "acme", "m-1")

    def test_with_drop_params_it_is_left_out_and_reported(self) -> None:
        made = call(drop_params=True, logit_bias={"1": 1}, user="u")
        to = target(unsupported=("logit_bias", "seed"))

        assert wire(made, to) == {"model": "m-1", "messages": HELLO, "user": "u"}
        assert dropped(made, to) == ["logit_bias"]

    def test_what_is_only_about_a_cache_is_never_an_error(self) -> None:
        made, to = call(prompt_cache_key="k"), target(unsupported=("prompt_cache_key",))

        assert "prompt_cache_key" not in wire(made, to)
        assert dropped(made, to) == ["prompt_cache_key"]

    @pytest.mark.parametrize(
        ("rule", "params", "refused"),
        [
            ("n>1", {"n": 2}, True),
            ("n>1", {"n": 1}, False),
            ("n>=1", {"n": 1}, False),  # one answer is what everybody gives
            (
                "tool_choice=required",
                {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"},
                True,
            ),
            (
                "tool_choice=required",
                {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"},
                False,
            ),
            (
                "tool_choice!=auto",
                {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"},
                True,
            ),
            ("provider.only", {"provider": {"only": 1, "order": 2}}, True),
            (
                "tools[].function.strict",
                {"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]},
                True,
            ),
            ("presence_penalty", {"presence_penalty": 0}, False),
            ("logprobs", {"logprobs": False}, False),
            ("tool_choice other than auto/none", {"tool_choice": "auto"}, False),
        ],
    )
    def test_values_and_nested_fields_can_be_refused(self, rule: str, params: dict[str, Any], refused: bool) -> None:
        to = target(unsupported=(rule,))
        if refused:
            with pytest.raises(UnsupportedError):
                CHAT.request(call(**params), to)
            assert dropped(call(drop_params=True, **params), to) == [rule]
        else:
            assert dropped(call(**params), to) == []

    def test_a_field_of_messages_is_taken_out_of_each_of_them(self) -> None:
        messages = [{"role": "user", "name": "ann", "content": "a"}, {"role": "user", "content": "b"}]
        made = Call("chat", "m-1", {"messages": messages}, drop_params=True)

        body = wire(made, target(unsupported=("messages[].name",)))

        assert body["messages"] == [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]

    def test_stop_and_stream_options_lose_nothing_because_we_do_them_ourselves(self) -> None:
        made = call(stream=True, stop=["a"], stream_options={"include_usage": True})

        sent = CHAT.request(made, target(unsupported=("stop", "stream_options")))

        assert json.loads(sent.body) == {"model": "m-1", "messages": HELLO, "stream": True}
        assert sent.stop == ("a",)
        assert sent.dropped == ["stop"]


class TestStop:
    def test_more_than_the_wire_takes_are_cut_and_all_are_kept_for_the_way_back(self) -> None:
        sent = CHAT.request(call(stop=list("abcdef")), target())

        assert json.loads(sent.body)["stop"] == ["a", "b", "c", "d"]
        assert sent.stop == tuple("abcdef")
        assert sent.dropped == ["stop[4:]"]

    @pytest.mark.parametrize(("limit", "left"), [(5, list("abcde")), (2, ["a", "b"]), (0, None)])
    def test_the_limit_is_the_providers(self, limit: int, left: Any) -> None:
        sent = CHAT.request(call(stop=list("abcde")), target(traits={"max_stop": limit}))

        assert json.loads(sent.body).get("stop") == left
        assert bool(sent.stop) is (limit < 5)

    def test_one_string_stays_one_string(self) -> None:
        assert wire(call(stop="x"))["stop"] == "x"

    @pytest.mark.parametrize("stop", [None, [], ""])
    def test_none_at_all_is_left_out(self, stop: Any) -> None:
        assert "stop" not in wire(call(stop=stop))


class TestSampling:
    def test_a_model_that_takes_one_of_two_keeps_temperature(self) -> None:
        made, to = call(temperature=0.7, top_p=0.8), target(traits={"sampling": "one"})

        assert wire(made, to) == {"model": "m-1", "messages": HELLO, "temperature": 0.7}
        assert dropped(made, to) == ["top_p"]
        assert wire(call(top_p=0.8), to)["top_p"] == 0.8

    def test_a_model_that_takes_none_refuses_them_but_not_the_default(self) -> None:
        to = target(traits={"sampling": "none"})

        assert "temperature" not in wire(call(temperature=1), to)
        with pytest.raises(UnsupportedError, match="top_p"):
            CHAT.request(call(top_p=0.5), to)
        assert dropped(call(drop_params=True, temperature=0.2, top_k=3), to) == ["temperature", "top_k"]

    def test_a_temperature_above_the_range_is_clamped_and_reported(self) -> None:
        made, to = call(temperature=1.5), target(traits={"max_temperature": 1.0})

        assert wire(made, to)["temperature"] == 1.0
        assert dropped(made, to) == ["temperature=1.5 -> 1.0"]
        assert wire(call(temperature=0.5), to)["temperature"] == 0.5


# What Claude Code says where its thinking is switched off: the effort is for the length of answers then.
OFF_BUT_HIGH = {"thinking": {"type": "disabled"}, "reasoning_effort": "high"}


class TestReasoning:
    @pytest.mark.parametrize(
        ("param", "params", "expected", "notes"),
        [
            ("reasoning_effort", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}, []),
            ("reasoning_effort", {"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}, []),
            ("reasoning_effort", {"thinking": {"type": "adaptive"}}, {}, []),
            ("reasoning_effort", OFF_BUT_HIGH, {"reasoning_effort": "none"}, ["reasoning_effort (thinking is given)"]),
            ("reasoning", OFF_BUT_HIGH, {"reasoning": {"enabled": False}}, ["reasoning_effort (thinking is given)"]),
            ("thinking", OFF_BUT_HIGH, {"thinking": {"type": "disabled"}}, ["reasoning_effort (thinking is given)"]),
            ("enable_thinking", OFF_BUT_HIGH, {"enable_thinking": False}, ["reasoning_effort (thinking is given)"]),
            ("reasoning", {"reasoning_effort": "high"}, {"reasoning": {"effort": "high"}}, []),
            ("reasoning", {"reasoning_effort": "none"}, {"reasoning": {"enabled": False}}, []),
            ("reasoning", {"reasoning_effort": "low", "reasoning": {"exclude": True}},
             {"reasoning": {"effort": "low", "exclude": True}}, []),
            ("thinking", {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}, []),
            ("thinking", {"reasoning_effort": "low"}, {"thinking": {"type": "enabled"}}, ["reasoning_effort=low"]),
            ("thinking", {"thinking": {"type": "enabled", "clear_thinking": False}},
             {"thinking": {"type": "enabled", "clear_thinking": False}}, []),
            ("thinking", {"thinking": {"type": "adaptive", "display": "omitted"}}, {}, []),
            ("thinking", {"thinking": {"type": "adaptive"}, "reasoning_effort": "max"},
             {"thinking": {"type": "enabled"}}, ["reasoning_effort=max"]),
            ("thinking_bool", {"reasoning_effort": "none"}, {"thinking": False}, []),
            ("thinking_bool", {"thinking": {"type": "enabled"}}, {"thinking": True}, []),
            ("thinking_bool", {"thinking": True}, {"thinking": True}, []),
            ("enable_thinking", {"reasoning_effort": "none"}, {"enable_thinking": False}, []),
            ("chat_template_kwargs", {"thinking": {"type": "disabled"}, "chat_template_kwargs": {"a": 1}},
             {"chat_template_kwargs": {"enable_thinking": False, "a": 1}}, []),
            ("think", {"reasoning_effort": "high"}, {"think": "high"}, []),
            ("think", {"reasoning_effort": "none"}, {"think": False}, []),
            ("think", {"reasoning_effort": "minimal"}, {"think": True}, ["reasoning_effort=minimal"]),
        ],
    )  # fmt: skip
    def test_it_is_switched_in_the_providers_way(
        self, param: Any, params: Any, expected: Any, notes: list[str]
    ) -> None:
        to = target(traits={"reasoning_param": param})

        assert wire(call(**params), to) == {"model": "m-1", "messages": HELLO, **expected}
        assert dropped(call(**params), to) == notes

    def test_an_adaptive_thinking_reaches_the_models_that_know_it(self) -> None:
        to = target(traits={"reasoning_param": "thinking", "thinking": "adaptive"})

        assert wire(call(thinking={"type": "adaptive"}), to)["thinking"] == {"type": "adaptive"}

    @pytest.mark.parametrize(
        ("param", "expected", "notes"),
        [
            ("reasoning_effort", {"reasoning_effort": "low"}, ["thinking.budget_tokens"]),
            ("reasoning", {"reasoning": {"max_tokens": 1500}}, []),
            ("thinking", {"thinking": {"type": "enabled", "budget_tokens": 1500}}, []),
            ("thinking_bool", {"thinking": True}, ["thinking.budget_tokens"]),
            ("enable_thinking", {"enable_thinking": True, "thinking_budget": 1500}, []),
            ("chat_template_kwargs", {"chat_template_kwargs": {"enable_thinking": True}}, ["thinking.budget_tokens"]),
            ("think", {"think": True}, ["thinking.budget_tokens"]),
        ],
    )
    def test_a_budget_is_kept_where_it_can_be_and_reported_where_not(
        self, param: Any, expected: Any, notes: Any
    ) -> None:
        made, to = call(thinking={"type": "enabled", "budget_tokens": 1500}), target(traits={"reasoning_param": param})

        assert wire(made, to) == {"model": "m-1", "messages": HELLO, **expected}
        assert dropped(made, to) == notes

    @pytest.mark.parametrize(("budget", "word"), [(1024, "low"), (4096, "medium"), (32000, "high"), (None, "medium")])
    def test_budgets_become_words(self, budget: Any, word: str) -> None:
        assert wire(call(thinking={"type": "enabled", "budget_tokens": budget}))["reasoning_effort"] == word

    @pytest.mark.parametrize("params", [{"reasoning_effort": "low"}, {"thinking": {"type": "enabled"}}])
    def test_where_there_is_no_switch_it_follows_the_drop_rule(self, params: Any) -> None:
        to = target(traits={"reasoning_param": "none"})

        with pytest.raises(UnsupportedError):
            CHAT.request(call(**params), to)
        assert wire(call(drop_params=True, **params), to) == {"model": "m-1", "messages": HELLO}


class TestStream:
    def test_usage_is_asked_for_and_the_callers_options_are_kept(self) -> None:
        assert wire(call(stream=True))["stream_options"] == {"include_usage": True}
        body = wire(call(stream=True, stream_options={"include_usage": False, "include_obfuscation": False}))
        assert body["stream_options"] == {"include_usage": True, "include_obfuscation": False}

    def test_a_provider_that_refuses_to_be_asked_is_not(self) -> None:
        made, to = (
            call(stream=True, stream_options={"include_obfuscation": False}),
            target(traits={"stream_usage": False}),
        )

        assert wire(made, to) == {"model": "m-1", "messages": HELLO, "stream": True}
        assert dropped(made, to) == ["stream_options"]

    def test_without_a_stream_there_are_no_options(self) -> None:
        assert wire(call(stream_options={"include_usage": True})) == {"model": "m-1", "messages": HELLO}


@pytest.mark.parametrize("off", [{"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}])
def test_models_that_never_reason_are_not_told_to_stop_it(off: dict[str, Any]) -> None:
    for model, told in (("openai/gpt-4o", None), ("openai/gpt-5.1", "none"), ("openai/gpt-5.5", "none")):
        target = lookup.resolve(model, env={}, api_key="k")
        body = {"messages": [{"role": "user", "content": "hi"}], **off}
        sent = json.loads(form_of(target, "chat").request(Call("chat", target.model, body), target).body)
        assert sent.get("reasoning_effort") == told
        assert "thinking" not in sent


@pytest.mark.parametrize("on", [{"reasoning_effort": "high"}, {"thinking": {"type": "enabled", "budget_tokens": 9}}])
def test_models_that_never_reason_are_not_told_to_where_parameters_may_be_left_out(on: dict[str, Any]) -> None:
    # Claude Code and the Gemini CLI ask every model to.
    for model, told in (("openai/gpt-4o", None), ("openai/gpt-5.1", True)):
        target = lookup.resolve(model, env={}, api_key="k")
        made = Call("chat", target.model, {"messages": [{"role": "user", "content": "hi"}], **on})
        assert "reasoning_effort" in json.loads(form_of(target, "chat").request(made, target).body)
        made.drop_params = True
        sent = form_of(target, "chat").request(made, target)
        assert ("reasoning_effort" in json.loads(sent.body)) is bool(told)
        assert told or sent.dropped == list(on)


@pytest.mark.parametrize("refused", ["tools[].function.strict", "stream_options.include_usage", "tools[].x"])
def test_what_a_path_of_the_row_does_not_find_stays_as_it_is(refused: str) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]

    body = wire(call(tools=tools), target(unsupported=(refused,)))

    assert body["tools"] == tools


def test_a_path_through_a_list_that_is_none_leads_nowhere() -> None:
    body = wire(call(own={"a": 5}), target(unsupported=("own.a[].b",)))

    assert body["own"] == {"a": 5}

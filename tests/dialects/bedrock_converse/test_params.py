"""Parameters, tools, thinking and structured answers on the wire; refusals and what `drop_params` does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import replaced
from lingate.errors import ConfigError, ProtocolError, UnsupportedError
from tests.dialects.bedrock_converse.oracle import check_params
from tests.dialects.bedrock_converse.support import (
    CHAT,
    CLAUDE,
    COUNT,
    JSON_HEAD,
    LLAMA,
    NEW_CLAUDE,
    NOVA,
    OLD_CLAUDE,
    at_bedrock,
    call,
    decode,
    dropped,
    message,
    read,
    send,
    stream,
    streamed,
    target,
    wire,
)
from tests.dialects.short import collect

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "thing", "schema": SCHEMA}}
LOOK = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}
HEAR = {"type": "function", "function": {"name": "hear"}}
USED = [
    {"role": "user", "content": "x"},
    {
        "role": "assistant",
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "look", "arguments": ""}}],
    },
    {"role": "tool", "tool_call_id": "a", "content": "seen"},
]


def test_the_model_stands_percent_encoded_in_the_path() -> None:
    arn = "arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/abc"

    assert send(call(), target(arn))[1].url == (
        "https://bedrock.acme.test/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3A"
        "application-inference-profile%2Fabc/converse"
    )
    made = call()
    made.stream = True
    assert send(made, target(CLAUDE))[1].url.endswith("/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream")


def test_limits_and_sampling_have_their_places() -> None:
    body = wire(max_completion_tokens=7, temperature=0.5, top_p=0.9, stop="END", user="u", n=1)

    assert body["inferenceConfig"] == {"maxTokens": 7, "stopSequences": ["END"], "temperature": 0.5, "topP": 0.9}
    check_params(body)


def test_a_bare_request_has_nothing_but_its_messages() -> None:
    assert wire(tools=[], stop=None, temperature=None) == {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}


@pytest.mark.requirement("X3")
def test_temperature_and_top_p_together_are_resolved_where_the_model_refuses_both() -> None:
    body = wire(at_bedrock(CLAUDE), temperature=0.7, top_p=0.8)

    assert body["inferenceConfig"] == {"temperature": 0.7}
    assert dropped(at_bedrock(CLAUDE), temperature=0.7, top_p=0.8) == ["top_p"]


@pytest.mark.parametrize("model", [NEW_CLAUDE, "us.openai.gpt-5.4", "global.openai.gpt-6-sol"])
def test_a_model_without_sampling_refuses_it_unless_it_may_be_left_out(model: str) -> None:
    with pytest.raises(UnsupportedError):
        wire(at_bedrock(model), temperature=0.7)
    assert "inferenceConfig" not in wire(at_bedrock(model), temperature=0.7, drop_params=True)


@pytest.mark.requirement("X4")
def test_more_stop_sequences_than_the_wire_takes_are_enforced_on_the_way_back() -> None:
    made, sent = send(call(stop=["a", "b", "c"]), target(traits={"max_stop": 2}))

    assert made["inferenceConfig"]["stopSequences"] == ["a", "b"]
    assert sent.stop == ("a", "b", "c")
    assert sent.dropped == ["stop[2:]"]


def test_blank_stop_sequences_are_kept_from_claude_and_enforced_by_us() -> None:
    made, sent = send(call(stop=["\n\n", "END"]), at_bedrock(CLAUDE))

    assert made["inferenceConfig"]["stopSequences"] == ["END"]
    assert sent.stop == ("\n\n", "END")


@pytest.mark.parametrize(
    ("name", "value", "neutral"),
    [
        ("n", 2, 1),
        ("seed", 5, None),
        ("logprobs", True, False),
        ("frequency_penalty", 0.5, 0),
        ("logit_bias", {"1": 1}, {}),
    ],
)
def test_what_has_no_counterpart_is_refused_or_left_out_on_demand(name: str, value: Any, neutral: Any) -> None:
    with pytest.raises(UnsupportedError) as caught:
        wire(**{name: value})

    assert caught.value.param == name
    assert dropped(drop_params=True, **{name: value}) == [name]
    assert dropped(**{name: neutral}) == []


def test_hints_are_left_out_and_reported() -> None:
    fields = {"user": "u", "prompt_cache_key": "k", "prompt_cache_options": {}, "chat_template_kwargs": {}}

    assert dropped(**fields) == list(fields)


def test_converses_own_fields_stay_at_the_top_and_unknown_ones_go_to_the_model() -> None:
    body = wire(guardrailConfig={"guardrailIdentifier": "g", "guardrailVersion": "1"}, mirostat=2, top_k=5)

    assert body["guardrailConfig"] == {"guardrailIdentifier": "g", "guardrailVersion": "1"}
    assert body["additionalModelRequestFields"] == {"mirostat": 2, "top_k": 5}
    assert wire(at_bedrock(NOVA), top_k=5)["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 5}}


def test_tier_and_metadata_have_their_places_as_far_as_they_fit() -> None:
    body = wire(service_tier="flex", metadata={"team": "a b"})

    assert (body["serviceTier"], body["requestMetadata"]) == ({"type": "flex"}, {"team": "a b"})
    assert wire(service_tier="auto") == wire()
    assert dropped(metadata={"team": "ä"}) == ["metadata"]
    with pytest.raises(UnsupportedError, match="service_tier"):
        wire(service_tier="scale")


def test_what_the_row_refuses_is_refused() -> None:
    to = target(unsupported=("top_p",))

    with pytest.raises(UnsupportedError, match="top_p"):
        wire(to, top_p=0.5)
    assert wire(to, top_p=0.5, drop_params=True) == wire()


def test_the_callers_own_fields_have_the_last_word() -> None:
    made = call(max_tokens=5)
    made.extra_body = {"inferenceConfig": {"maxTokens": 6}}
    made.extra_headers = {"X-Trace": "1", "Authorization": "Bearer mine"}

    body, sent = send(made)

    assert body["inferenceConfig"] == {"maxTokens": 6}
    assert dict(sent.headers) == {"content-type": "application/json", "X-Trace": "1", "Authorization": "Bearer mine"}


def test_tools_are_specs_with_an_object_schema() -> None:
    body = wire(
        tools=[LOOK, HEAR, {"type": "function", "function": {"name": "feel", "description": "", "strict": True}}]
    )

    assert body["toolConfig"]["tools"] == [
        {"toolSpec": {"name": "look", "description": "Looks.", "inputSchema": {"json": SCHEMA}}},
        {"toolSpec": {"name": "hear", "inputSchema": {"json": {"type": "object", "properties": {}}}}},
        {"toolSpec": {"name": "feel", "inputSchema": {"json": {"type": "object", "properties": {}}}}},
    ]
    check_params(body)


def test_branches_at_the_top_of_a_schema_are_told_in_words() -> None:
    branches = {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", **branches}}}

    made = wire(tools=[tool])["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]
    assert made.keys() == {"type", "properties", "description"}
    assert json.dumps(branches, separators=(",", ":")) in made["description"]


def test_strict_is_sent_where_schemas_are_enforced() -> None:
    few = {"type": "object", "properties": {"of": {"type": "array", "maxItems": 3}}, "additionalProperties": False}
    strict = {"type": "function", "strict": True, "function": {"name": "look", "parameters": few}}

    spec = wire(at_bedrock(CLAUDE), tools=[strict])["toolConfig"]["tools"][0]["toolSpec"]
    told = {"of": {"type": "array", "description": "{maxItems: 3}"}}
    assert spec == {"name": "look", "inputSchema": {"json": {**few, "properties": told}}, "strict": True}
    assert dropped(at_bedrock(OLD_CLAUDE), tools=[strict]) == ["tools[0].strict"]
    for newer in ("opus-4-7", "opus-5", "opus-5-5", "fable-5", "fable-5-1", "sonnet-5", "sonnet-5-20260601-v1:0"):
        assert dropped(at_bedrock(f"us.anthropic.claude-{newer}"), tools=[strict]) == ["tools[0].strict"]
    assert dropped(at_bedrock("us.anthropic.claude-sonnet-5-5"), tools=[strict]) == []


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "look"}}, {"tool": {"name": "look"}}),
    ],
)
def test_the_choice_among_tools_has_its_words(choice: Any, expected: Any) -> None:
    body = wire(tools=[LOOK], tool_choice=choice)

    assert body["toolConfig"]["toolChoice"] == expected
    check_params(body)


def test_no_tool_may_be_called_by_offering_none() -> None:
    assert "toolConfig" not in wire(tools=[LOOK], tool_choice="none")


def test_no_tool_may_be_called_is_said_in_words_where_the_history_needs_the_tools() -> None:
    body, sent = send(call(messages=USED, tools=[LOOK], tool_choice="none"))

    assert body["toolConfig"] == {"tools": [wire(tools=[LOOK])["toolConfig"]["tools"][0]]}
    assert body["system"] == [{"text": "Do not call any tool now. Answer with text."}]
    assert sent.dropped == ["tool_choice=none (asked for in words)"]


def test_a_choice_that_the_model_cannot_be_held_to_is_left_out_and_reported() -> None:
    body = wire(at_bedrock(LLAMA), tools=[LOOK], tool_choice="required")

    assert "toolChoice" not in body["toolConfig"]
    assert dropped(at_bedrock(LLAMA), tools=[LOOK], tool_choice="required") == ["tool_choice"]


def test_only_the_allowed_tools_are_offered() -> None:
    choice = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "name": "hear"}]},
    }

    config = wire(tools=[LOOK, HEAR], tool_choice=choice)["toolConfig"]

    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["hear"]
    assert config["toolChoice"] == {"any": {}}


def test_one_call_at_a_time_is_claudes_own_field() -> None:
    body = wire(at_bedrock(CLAUDE), tools=[LOOK], tool_choice="required", parallel_tool_calls=False)

    assert body["additionalModelRequestFields"] == {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}}
    assert "additionalModelRequestFields" not in wire(at_bedrock(CLAUDE), tools=[LOOK], parallel_tool_calls=True)
    assert "additionalModelRequestFields" not in wire(at_bedrock(NOVA), tools=[LOOK], parallel_tool_calls=False)


def test_claudes_own_tools_go_past_converse() -> None:
    computer = {"type": "computer_20250124", "name": "computer", "display_width_px": 1, "display_height_px": 1}

    body = wire(at_bedrock(CLAUDE), tools=[LOOK, computer])

    assert len(body["toolConfig"]["tools"]) == 1
    assert body["additionalModelRequestFields"] == {
        "tools": [computer],
        "anthropic_beta": ["computer-use-2025-01-24"],
    }
    with pytest.raises(UnsupportedError, match="computer_20250124"):
        wire(at_bedrock(NOVA), tools=[computer])


@pytest.mark.parametrize(
    "fields", [{"tools": "x"}, {"tools": [5]}, {"tools": [{"type": "function"}]}, {"tool_choice": "maybe"}]
)
def test_tools_that_make_no_sense_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="tool"):
        wire(**{"tools": [LOOK], **fields})


# Thinking


@pytest.mark.parametrize(
    ("model", "effort", "fields"),
    [
        (OLD_CLAUDE, "high", {"thinking": {"type": "enabled", "budget_tokens": 16000}}),
        (OLD_CLAUDE, "none", {"thinking": {"type": "disabled"}}),
        (
            NEW_CLAUDE,
            "medium",
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "medium"}},
        ),
        (NOVA, "low", {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}),
        (NOVA, "none", {"reasoningConfig": {"type": "disabled"}}),
        (
            "us.anthropic.claude-sonnet-4-6",
            "xhigh",
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}},
        ),
        ("openai.gpt-oss-120b-1:0", "medium", {"reasoning_effort": "medium"}),
        ("openai.gpt-oss-120b-1:0", "minimal", {"reasoning_effort": "low"}),
        ("openai.gpt-5.4", "low", {"reasoning": {"effort": "low"}}),
        ("qwen.qwen3-32b-v1:0", "medium", {"reasoning_config": "high"}),
        ("arn:aws:bedrock:us-east-1:1:imported-model/x", "low", {"reasoning_effort": "low"}),
    ],
)
def test_each_model_is_told_in_its_own_words_how_much_to_think(model: str, effort: str, fields: dict[str, Any]) -> None:
    assert wire(at_bedrock(model), reasoning_effort=effort)["additionalModelRequestFields"] == fields


@pytest.mark.parametrize(
    "model", ["anthropic.claude-3-haiku-20240307-v1:0", "us.deepseek.r1-v1:0", "amazon.nova-pro-v1:0"]
)
def test_a_model_that_cannot_be_told_refuses_unless_it_may_be_left_out(model: str) -> None:
    with pytest.raises(UnsupportedError, match="reasoning_effort"):
        wire(at_bedrock(model), reasoning_effort="low")
    assert wire(at_bedrock(model), reasoning_effort="low", drop_params=True) == wire()


def test_a_claude_that_always_thinks_does_so_little_and_no_tool_is_forced_on_it() -> None:
    newest = at_bedrock("us.anthropic.claude-opus-5-5")
    fields = wire(newest, reasoning_effort="none")["additionalModelRequestFields"]
    assert fields == {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    body = wire(newest, response_format=FORMAT)
    assert "toolChoice" not in body["toolConfig"]
    assert "calling the tool thing" in body["system"][0]["text"]


def test_thinking_that_was_meant_for_another_claude_is_said_as_this_one_takes_it() -> None:
    fields = wire(at_bedrock(OLD_CLAUDE), thinking={"type": "adaptive"})["additionalModelRequestFields"]
    assert fields == {"thinking": {"type": "enabled", "budget_tokens": 8000}}
    newest = at_bedrock("eu.anthropic.claude-opus-4-8")
    fields = wire(newest, thinking={"type": "enabled", "budget_tokens": 32_000})["additionalModelRequestFields"]
    assert fields == {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}


@pytest.mark.parametrize(
    ("model", "thinking", "fields"),
    [
        ("amazon.nova-pro-v1:0", {"type": "adaptive"}, None),
        ("amazon.nova-pro-v1:0", {"type": "disabled"}, None),
        ("meta.llama3-3-70b-instruct-v1:0", {"type": "adaptive"}, None),
        (
            "us.amazon.nova-2-lite-v1:0",
            {"type": "enabled", "budget_tokens": 4000},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}},
        ),
        (
            "us.amazon.nova-3-pro-v1:0",
            {"type": "enabled", "budget_tokens": 4000},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}},
        ),
        ("openai.gpt-oss-120b-1:0", {"type": "enabled", "budget_tokens": 1024}, {"reasoning_effort": "low"}),
        (
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/x",
            {"type": "adaptive"},
            {"thinking": {"type": "adaptive"}},
        ),
    ],
)
def test_claudes_own_thinking_field_is_said_to_other_models_in_their_words(
    model: str, thinking: dict[str, Any], fields: Any
) -> None:
    body, sent = send(call(thinking=thinking), at_bedrock(model))

    assert body.get("additionalModelRequestFields") == fields
    assert ("thinking" in sent.dropped) is (fields is None or "thinking" not in fields)


@pytest.mark.parametrize("model", ["us.amazon.nova-2-lite-v1:0", "openai.gpt-oss-120b-1:0"])
def test_an_effort_does_not_switch_thinking_on_that_is_switched_off(model: str) -> None:
    body, sent = send(call(thinking={"type": "disabled"}, reasoning_effort="high"), at_bedrock(model))

    assert "additionalModelRequestFields" not in body
    assert sent.dropped == ["thinking", "reasoning_effort (thinking is given)"]


def test_a_model_that_does_not_reason_may_be_asked_not_to() -> None:
    assert wire(at_bedrock("amazon.nova-pro-v1:0"), reasoning_effort="none") == wire()


def test_a_limit_below_the_thinking_budget_is_raised_and_reported() -> None:
    body = wire(at_bedrock(OLD_CLAUDE), reasoning_effort="low", max_tokens=100)

    assert body["inferenceConfig"]["maxTokens"] == 2148
    assert (
        "max_tokens (raised from 100 to 2148"
        in dropped(at_bedrock(OLD_CLAUDE), reasoning_effort="low", max_tokens=100)[0]
    )


def test_thinking_rules_out_most_sampling() -> None:
    fields = {"reasoning_effort": "low", "temperature": 0.5, "top_k": 3, "top_p": 0.97}

    body = wire(at_bedrock(OLD_CLAUDE), **fields)

    assert body["inferenceConfig"] == {"topP": 0.97}
    assert dropped(at_bedrock(OLD_CLAUDE), **fields) == [
        "temperature (not while thinking)",
        "top_k (not while thinking)",
    ]


def test_effort_gives_way_to_a_forced_tool_and_to_a_tool_turn_without_thinking() -> None:
    forced = {"tools": [LOOK], "tool_choice": "required", "reasoning_effort": "low"}

    assert dropped(at_bedrock(OLD_CLAUDE), **forced) == ["reasoning_effort (tool_choice forces a tool)"]
    assert dropped(at_bedrock(OLD_CLAUDE), messages=USED, tools=[LOOK], reasoning_effort="low") == [
        "reasoning_effort (the tool turn in progress has no thinking blocks)"
    ]


def test_claudes_own_thinking_field_is_sent_as_given() -> None:
    given = {"type": "enabled", "budget_tokens": 2000}

    assert wire(at_bedrock(OLD_CLAUDE), thinking=given)["additionalModelRequestFields"] == {"thinking": given}


# Structured answers


def test_a_schema_is_enforced_where_the_model_can() -> None:
    body = wire(at_bedrock(CLAUDE), response_format=FORMAT)

    (told,) = body["outputConfig"]["textFormat"]["structure"].values()
    assert told["name"] == "thing"
    schema = json.loads(told["schema"])
    assert schema["additionalProperties"] is False
    assert "minimum" not in schema["properties"]["a"]
    check_params(body)


def test_elsewhere_the_answer_is_the_input_of_a_forced_tool() -> None:
    body, sent = send(call(response_format=FORMAT), at_bedrock(OLD_CLAUDE))

    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": "thing"}}
    assert body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"] == {"json": SCHEMA}
    answer = message(
        {"text": "Here:"}, {"toolUse": {"toolUseId": "t", "name": "thing", "input": {"a": 1}}}, stop="tool_use"
    )
    for response in (read(answer, sent), collect(decode([stream(*streamed(answer))], sent))):
        choice = response["choices"][0]
        assert choice["message"]["content"] == '{"a":1}'
        assert "tool_calls" not in choice["message"]
        assert choice["finish_reason"] == "stop"


def test_a_structured_answer_beside_tools_lets_them_be_called_first() -> None:
    body, sent = send(call(response_format=FORMAT, tools=[LOOK]), at_bedrock(OLD_CLAUDE))

    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    answer = message(
        {"text": "Let me look."}, {"toolUse": {"toolUseId": "t", "name": "look", "input": {}}}, stop="tool_use"
    )
    for response in (read(answer, sent), collect(decode([stream(*streamed(answer))], sent))):
        assert response["choices"][0]["message"]["content"] == "Let me look."
        assert response["choices"][0]["finish_reason"] == "tool_calls"


def test_a_model_that_cannot_be_forced_is_asked_in_words_to_call_the_tool() -> None:
    body = wire(at_bedrock(LLAMA), response_format=FORMAT)

    assert "toolChoice" not in body["toolConfig"]
    assert "calling the tool thing exactly once" in body["system"][0]["text"]


def test_json_without_a_schema_is_asked_for_in_words() -> None:
    body = wire(response_format={"type": "json_object"})

    assert body["system"] == [{"text": "Answer with one JSON object and nothing else."}]
    assert wire(response_format={"type": "text"}) == wire()


@pytest.mark.parametrize(
    "wanted", ["json", {"type": "xml"}, {"type": "json_schema"}, {"type": "json_schema", "json_schema": {}}]
)
def test_a_format_that_makes_no_sense_is_refused(wanted: Any) -> None:
    with pytest.raises(ConfigError, match="response_format"):
        wire(response_format=wanted)


def test_a_count_asks_for_what_a_chat_would_read_and_for_the_foundation_model() -> None:
    made = call(max_tokens=5, tools=[LOOK], stop=["x"])
    made.operation = "count_tokens"

    sent = COUNT.request(made, at_bedrock(CLAUDE))

    assert sent.url.endswith("/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens")
    body = json.loads(sent.body)
    assert body["input"]["converse"].keys() == {"messages", "toolConfig"}
    check_params(body, "CountTokens")
    with pytest.raises(UnsupportedError):
        COUNT.decoder(sent, None)  # type: ignore[arg-type]


def test_a_count_is_read_and_what_is_none_makes_no_sense() -> None:
    made = call()
    made.operation = "count_tokens"
    sent = COUNT.request(made, at_bedrock(CLAUDE))

    assert COUNT.response(sent, JSON_HEAD, b'{"inputTokens": 7}')[0] == {"input_tokens": 7}
    with pytest.raises(ProtocolError):
        COUNT.response(sent, JSON_HEAD, b'{"inputTokens": "many"}')


def test_a_choice_of_tools_may_be_written_as_an_object() -> None:
    assert wire(tools=[LOOK], tool_choice={"type": "auto"})["toolConfig"]["toolChoice"] == {"auto": {}}
    assert wire(tools=[LOOK], tool_choice={"type": "any"})["toolConfig"]["toolChoice"] == {"any": {}}
    with pytest.raises(ConfigError, match="tool_choice"):
        wire(tools=[LOOK], tool_choice=5)
    assert "toolChoice" not in wire(tools=[LOOK], tool_choice={"type": "file"}, drop_params=True)["toolConfig"]


def test_something_without_a_json_form_is_the_callers_fault() -> None:
    with pytest.raises(ConfigError, match="cannot be written as JSON"):
        CHAT.request(call(max_tokens=object()), target())


def test_a_tool_in_the_formats_own_words_and_a_choice_written_as_an_object_go_through() -> None:
    own = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}

    assert wire(tools=[own])["toolConfig"]["tools"] == [own]


@pytest.mark.parametrize("function", [5, {}, {"name": 5}])
def test_a_function_without_a_name_is_refused(function: Any) -> None:
    with pytest.raises(ConfigError, match=r"tools\[0\]"):
        wire(tools=[{"type": "function", "function": function}])


def test_a_count_is_asked_for_with_what_the_provider_and_the_caller_change_about_a_chat() -> None:
    def edit(body: dict[str, Any], _: Any) -> None:
        body["system"] = [{"text": "edited"}]

    made = call()
    made.operation, made.extra_body = "count_tokens", {"additionalModelRequestFields": {"top_k": 5}}

    sent = COUNT.request(made, replaced(target(), edits=(edit,)))

    assert json.loads(sent.body) == {
        "input": {
            "converse": {
                "messages": [{"role": "user", "content": [{"text": "hi"}]}],
                "system": [{"text": "edited"}],
                "additionalModelRequestFields": {"top_k": 5},
            }
        }
    }


def test_the_least_effort_is_low_where_the_model_has_none_below() -> None:
    sent = send(call(reasoning_effort="minimal"), at_bedrock(NEW_CLAUDE))

    assert sent[0]["additionalModelRequestFields"]["output_config"] == {"effort": "low"}
    assert sent[1].dropped == ["reasoning_effort=minimal (sent as low)"]


@pytest.mark.parametrize(
    ("words", "told"),
    [({"name": "thing", "description": "A thing."}, {"name": "thing", "description": "A thing."}), ({}, {})],
)
def test_a_schema_goes_out_with_the_name_and_the_description_that_it_has(words: Any, told: Any) -> None:
    form = {"type": "json_schema", "json_schema": {**words, "schema": SCHEMA}}

    body = wire(at_bedrock(CLAUDE), response_format=form)

    written = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert {name: value for name, value in written.items() if name != "schema"} == told


@pytest.mark.parametrize("video", [None, {}, {"url": ""}, {"url": 5}, 5])
def test_a_video_without_a_place_makes_no_sense(video: Any) -> None:
    part = {"type": "video_url", "video_url": video}

    with pytest.raises(ConfigError, match=r"content\[0\]\.video_url\.url"):
        wire(messages=[{"role": "user", "content": [part]}])

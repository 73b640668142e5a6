"""The other request fields: sampling, limits, reasoning, output, and what has no counterpart."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._format_choice import form_of
from lingate._model import Call, HttpRequest, Traits
from lingate._providers import lookup
from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.gemini.support import (
    CHAT,
    CLOUD,
    COUNT,
    MIDDLE,
    OLD,
    call,
    config,
    dropped,
    parse,
    send,
    target,
    wire,
)

NEWEST: Traits = {"thinking": "level"}
FOURTH: Traits = {**NEWEST, "efforts": ("low", "medium", "high"), "budgets": False}


GOOGLES = {
    "thinking_config": {"thinking_budget": 800, "include_thoughts": True},
    "cached_content": "cachedContents/1",
    "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
}


@pytest.mark.parametrize("nested", [False, True], ids=["google", "extra_body.google"])
@pytest.mark.parametrize("place", ["body", "extra_body"])
def test_what_googles_openai_shaped_api_takes_is_said_in_this_formats_words(place: str, nested: bool) -> None:
    # It went out as it was, which is a 400 'Unknown name "google"'.
    holder = {"extra_body": {"google": GOOGLES, "other": 1}} if nested else {"google": GOOGLES}
    asked = call(reasoning_effort="low", **(holder if place == "body" else {}))
    if place == "extra_body":
        asked.extra_body = {**holder, "labels": {"a": "b"}}
    made = json.loads(CHAT.request(asked, target(MIDDLE)).body)

    assert made.pop("generationConfig") == {"thinkingConfig": {"thinkingBudget": 800, "includeThoughts": True}}
    assert (made.pop("cachedContent"), made.pop("safetySettings")) == ("cachedContents/1", GOOGLES["safety_settings"])
    assert made.pop("contents")
    labels = {} if place == "body" else {"labels": {"a": "b"}}
    assert made == labels | ({"other": 1} if nested else {})
    assert asked.extra_body is None or asked.extra_body.keys() == {*holder, "labels"}


def test_every_parameter_with_a_counterpart_has_it() -> None:
    made = config(
        temperature=0.5,
        top_p=0.9,
        top_k=7,
        n=2,
        seed=3,
        presence_penalty=0.1,
        frequency_penalty=-0.1,
        max_tokens=10,
        max_completion_tokens=20,
        stop="END",
        logprobs=True,
        top_logprobs=4,
        modalities=["text", "audio"],
        audio={"voice": "Kore", "format": "pcm16"},
    )

    assert made == {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 7,
        "candidateCount": 2,
        "seed": 3,
        "presencePenalty": 0.1,
        "frequencyPenalty": -0.1,
        "responseLogprobs": True,
        "logprobs": 4,
        "maxOutputTokens": 20,
        "stopSequences": ["END"],
        "responseModalities": ["TEXT", "AUDIO"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
    }


def test_a_request_without_parameters_has_no_config() -> None:
    assert wire() == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_temperature_and_top_p_go_together() -> None:
    assert config(temperature=0.7, top_p=0.8) == {"temperature": 0.7, "topP": 0.8}
    assert config({"sampling": "one"}, temperature=0.7, top_p=0.8) == {"temperature": 0.7}
    with pytest.raises(UnsupportedError, match="temperature"):
        wire({"sampling": "none"}, temperature=0.7)
    assert dropped({"max_temperature": 1.0}, temperature=1.5) == ["temperature (clamped from 1.5 to 1.0)"]


@pytest.mark.requirement("X4")
def test_more_stop_sequences_than_the_wire_takes_are_enforced_by_us() -> None:
    stops = [f"s{n}" for n in range(10)]

    made, sent = send(call(stop=stops))

    assert made["generationConfig"]["stopSequences"] == stops[:5]
    assert sent.stop == tuple(stops)
    assert sent.dropped == ["stop[5:]"]
    assert send(call(stop=stops[:5]))[1].stop == ()
    with pytest.raises(ConfigError, match="stop"):
        wire(stop=[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("logit_bias", {"1": 2}),
        ("prediction", {"type": "content", "content": "x"}),
        ("moderation", {"model": "omni-moderation-latest"}),
        ("verbosity", "low"),
        ("service_tier", "scale"),
        ("repetition_penalty", 1.2),
    ],
)
def test_what_has_no_counterpart_is_refused_or_left_out(name: str, value: Any) -> None:
    with pytest.raises(UnsupportedError) as caught:
        wire(**{name: value})
    assert caught.value.param == name
    assert wire(drop_params=True, **{name: value}) == wire()
    assert dropped(drop_params=True, **{name: value}) == [name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("logit_bias", {}),
        ("parallel_tool_calls", True),
        ("verbosity", "medium"),
        ("service_tier", "auto"),
        ("presence_penalty", 0),
        ("top_logprobs", 0),
        ("stream_options", {"include_usage": True}),
        ("temperature", None),
    ],
)
def test_values_that_ask_for_what_happens_anyway_are_left_out_in_silence(name: str, value: Any) -> None:
    assert wire(**{name: value}) == wire()
    assert dropped(**{name: value}) == []


def test_hints_are_left_out_and_reported() -> None:
    hints = {
        "user": "u",
        "metadata": {"a": "b"},
        "prompt_cache_key": "k",
        "prompt_cache_options": {},
        "chat_template_kwargs": {},
    }

    assert wire(**hints) == wire()
    assert dropped(**hints) == list(hints)


def test_what_the_row_refuses_is_refused() -> None:
    made = call(top_k=3, n=2)
    strict = target(unsupported=("top_k", "n>1", "seed"))

    with pytest.raises(UnsupportedError, match="top_k"):
        CHAT.request(made, strict)
    made.drop_params = True
    sent = CHAT.request(made, strict)
    assert sent.dropped == ["top_k", "n>1"]
    assert json.loads(sent.body) == wire()


def test_native_fields_may_be_given_in_either_case_and_go_where_they_belong() -> None:
    made = wire(
        safety_settings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        cachedContent="cachedContents/1",
        thinking_config={"include_thoughts": True},
        mediaResolution="MEDIA_RESOLUTION_LOW",
        generation_config={"audio_timestamp": True},
        labels={"team_name": "a"},
        something_new=1,
    )

    assert made["safetySettings"][0]["threshold"] == "BLOCK_NONE"
    assert made["cachedContent"] == "cachedContents/1"
    assert made["labels"] == {"team_name": "a"}
    assert made["something_new"] == 1
    assert made["generationConfig"] == {
        "thinkingConfig": {"includeThoughts": True},
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "audioTimestamp": True,
    }


def test_the_callers_own_fields_have_the_last_word() -> None:
    made = call(temperature=0.5, max_tokens=5)
    made.extra_body = {"generationConfig": {"temperature": 1}, "labels": {"a": "b"}}
    made.extra_headers = {"X-Goog-Api-Key": "mine"}

    body, sent = send(made)

    assert body["generationConfig"] == {"temperature": 1, "maxOutputTokens": 5}
    assert body["labels"] == {"a": "b"}
    assert {name.lower(): value for name, value in sent.headers.items()} == {
        "content-type": "application/json",
        "x-goog-api-key": "mine",
    }


def test_a_request_that_json_has_no_form_for_is_an_error() -> None:
    with pytest.raises(ConfigError, match="JSON"):
        wire(seed=object())


# Reasoning


@pytest.mark.parametrize(
    ("traits", "effort", "made"),
    [
        (NEWEST, "low", {"thinkingLevel": "low", "includeThoughts": True}),
        (NEWEST, "xhigh", {"thinkingLevel": "high", "includeThoughts": True}),
        (NEWEST, "none", {"thinkingLevel": "minimal"}),
        ({**NEWEST, "efforts": ("low", "high")}, "medium", {"thinkingLevel": "low", "includeThoughts": True}),
        ({**NEWEST, "efforts": ("low", "high")}, "none", {"thinkingLevel": "low"}),
        (MIDDLE, "minimal", {"includeThoughts": True, "thinkingBudget": 1024}),
        (MIDDLE, "medium", {"includeThoughts": True, "thinkingBudget": 8192}),
        (MIDDLE, "high", {"includeThoughts": True, "thinkingBudget": 24576}),
        (MIDDLE, "none", {"thinkingBudget": 0}),
        ({**MIDDLE, "efforts": ("low", "high")}, "none", {"thinkingBudget": 128}),
    ],
)
def test_how_much_to_reason(traits: Traits, effort: str, made: dict[str, Any]) -> None:
    assert config(traits, reasoning_effort=effort) == {"thinkingConfig": made}


@pytest.mark.parametrize(
    ("traits", "thinking", "made"),
    [
        (MIDDLE, {"type": "enabled", "budget_tokens": 500}, {"includeThoughts": True, "thinkingBudget": 500}),
        (NEWEST, {"type": "enabled", "budget_tokens": 500}, {"includeThoughts": True, "thinkingBudget": 500}),
        (MIDDLE, {"type": "enabled", "budget_tokens": 0}, {"thinkingBudget": 0}),
        (FOURTH, {"type": "enabled", "budget_tokens": 0}, {"thinkingLevel": "low"}),
        (MIDDLE, {"type": "adaptive"}, {"includeThoughts": True, "thinkingBudget": -1}),
        (NEWEST, {"type": "adaptive"}, {"includeThoughts": True}),
        (NEWEST, {"type": "between_tools"}, {"includeThoughts": True}),
        (FOURTH, {"type": "enabled", "budget_tokens": 500}, {"thinkingLevel": "low", "includeThoughts": True}),
        (FOURTH, {"type": "enabled", "budget_tokens": 9000}, {"thinkingLevel": "high", "includeThoughts": True}),
        (FOURTH, {"type": "disabled"}, {"thinkingLevel": "low"}),
        (MIDDLE, {"type": "disabled"}, {"thinkingBudget": 0}),
    ],
)
def test_how_many_tokens_to_reason_with(traits: Traits, thinking: dict[str, Any], made: dict[str, Any]) -> None:
    assert config(traits, thinking=thinking) == {"thinkingConfig": made}


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    with pytest.raises(UnsupportedError, match="reasoning_effort"):
        wire(OLD, reasoning_effort="low")
    with pytest.raises(UnsupportedError, match="thinking"):
        wire(OLD, thinking={"type": "enabled", "budget_tokens": 5})
    assert wire(OLD, reasoning_effort="none") == wire()
    with pytest.raises(UnsupportedError, match="reasoning_effort"):
        wire(reasoning_effort="a lot")
    with pytest.raises(ConfigError, match="thinking"):
        wire(thinking={"type": "sideways"})


def test_how_much_to_reason_is_told_beside_thinking_that_does_not_say_it() -> None:
    adaptive = {"type": "adaptive"}
    made = {"thinkingLevel": "high", "includeThoughts": True}

    assert config(NEWEST, thinking=adaptive, reasoning_effort="high") == {"thinkingConfig": made}
    assert dropped(NEWEST, thinking=adaptive, reasoning_effort="high") == []
    assert dropped(FOURTH, thinking={"type": "enabled", "budget_tokens": 9000}) == ["thinking.budget_tokens"]


@pytest.mark.parametrize("store", [True, False])
def test_whether_to_store_is_told_google_in_its_own_api_and_refused_in_its_cloud(store: bool) -> None:
    assert wire(store=store) == {**wire(), "store": store}
    assert send(parse({"contents": wire()["contents"], "store": store}))[0]["store"] is store
    cloud = lookup.resolve("vertex_ai/gemini-3-pro", env={}, api_key="k", api_base=CLOUD)
    asked = call(store=store)
    asked.drop_params = True

    sent = form_of(cloud, "chat").request(asked, cloud)

    assert b"store" not in sent.body
    assert sent.dropped == (["store"] if store else [])


@pytest.mark.parametrize(
    ("model", "continues"),
    [
        ("gemini-3.5-flash", True),
        ("gemini-3.1-pro-preview", True),
        ("gemini-3.5-flash-lite", False),
        ("gemini-3.6-flash", False),
        ("gemini-4-argon", False),
        ("gemini-flash-latest", False),
    ],
)
def test_newer_models_do_not_go_on_with_an_answer(model: str, continues: bool) -> None:
    to = lookup.resolve(f"gemini/{model}", env={}, api_key="k")
    begun = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "The"}]

    sent = form_of(to, "chat").request(call(messages=begun, drop_params=True), to)

    assert [turn["role"] for turn in json.loads(sent.body)["contents"]] == ["user", "model"][: 1 + continues]
    assert bool(sent.dropped) is not continues


def test_models_that_draw_think_little_or_much_or_are_not_told() -> None:
    # mozilla-ai/any-llm#1345; "thinking_level is not supported by this model": BerriAI/litellm#17074.
    flash, pro = (
        lookup.resolve(f"gemini/gemini-{model}-image-preview", env={}, api_key="k") for model in ("3.1-flash", "3-pro")
    )

    body = json.loads(form_of(flash, "chat").request(call(reasoning_effort="medium"), flash).body)

    assert body["generationConfig"]["thinkingConfig"]["thinkingLevel"] == "high"
    with pytest.raises(UnsupportedError, match="reasoning_effort"):
        form_of(pro, "chat").request(call(reasoning_effort="high"), pro)


@pytest.mark.parametrize(
    ("model", "level"),
    [
        ("gemini-3.6-flash", "minimal"),
        ("gemini-3.7-flash", "low"),
        ("gemini-3.8-flash", "low"),
        ("gemini-flash-latest", "low"),  # vercel/ai#19031
        ("gemini-pro-latest", "low"),
        ("gemini-flash-lite-latest", "minimal"),
        ("gemini-3.1-flash-image-preview", "minimal"),
    ],
)
def test_flash_thinks_at_least_a_little_from_some_day_on(model: str, level: str) -> None:
    to = lookup.resolve(f"gemini/{model}", env={}, api_key="k")

    body = json.loads(form_of(to, "chat").request(call(reasoning_effort="none"), to).body)

    assert body["generationConfig"]["thinkingConfig"] == {"thinkingLevel": level}


@pytest.mark.parametrize("model", ["gemini/gemini-4-argon", "vertex_ai/gemini-4-neon"])
def test_what_the_fourth_generation_answers_400_to_is_not_sent(model: str) -> None:
    to = lookup.resolve(model, env={}, api_key="k", api_base=CLOUD)

    def sent(**body: Any) -> HttpRequest:
        asked = call(**body)
        asked.drop_params = True
        return form_of(to, "chat").request(asked, to)

    for effort in ("none", "minimal", "low"):
        config = json.loads(sent(reasoning_effort=effort).body)["generationConfig"]["thinkingConfig"]
        assert config["thinkingLevel"] == "low"
    for name, value in (("n", 2), ("frequency_penalty", 0.1), ("presence_penalty", 0.1)):
        made = sent(**{name: value})
        assert "generationConfig" not in json.loads(made.body)
        assert made.dropped[0].startswith(name)
    budget = sent(thinking={"type": "enabled", "budget_tokens": 2000}).body
    assert json.loads(budget)["generationConfig"] == {
        "thinkingConfig": {"thinkingLevel": "medium", "includeThoughts": True}
    }


# Addresses


@pytest.mark.parametrize(
    ("url", "model", "expected"),
    [
        ("https://a.test/v1beta", "gemini-x", "https://a.test/v1beta/models/gemini-x:generateContent"),
        ("https://a.test/v1beta/", "models/gemini-x", "https://a.test/v1beta/models/gemini-x:generateContent"),
        ("https://a.test/v1beta", "tunedModels/t1", "https://a.test/v1beta/tunedModels/t1:generateContent"),
        ("https://a.test/v1beta?k=1", "gemini-x", "https://a.test/v1beta/models/gemini-x:generateContent?k=1"),
        (CLOUD, "gemini-x@001", f"{CLOUD}/models/gemini-x@001:generateContent"),
        (CLOUD, "endpoints/123", f"{CLOUD.removesuffix('/publishers/google')}/endpoints/123:generateContent"),
        (CLOUD, "123", f"{CLOUD.removesuffix('/publishers/google')}/endpoints/123:generateContent"),
        (CLOUD, "publishers/google/models/m", f"{CLOUD}/models/m:generateContent"),
        (
            CLOUD,
            "projects/p2/locations/l/endpoints/7",
            "https://cloud.acme.test/v1/projects/p2/locations/l/endpoints/7:generateContent",
        ),
        ("https://a.test/v1beta", "odd name?#", "https://a.test/v1beta/models/odd%20name%3F%23:generateContent"),
    ],
)
def test_where_a_model_is(url: str, model: str, expected: str) -> None:
    assert CHAT.request(call(), target(url=url, model=model)).url == expected


def test_a_stream_is_another_method() -> None:
    made = Call("chat", "m", {"messages": [{"role": "user", "content": "x"}]}, stream=True)

    sent = CHAT.request(made, target(url="https://a.test/v1?k=1"))

    assert sent.url == "https://a.test/v1/models/gemini-test:streamGenerateContent?alt=sse&k=1"


def test_a_row_may_have_paths_of_its_own() -> None:
    to = target(paths={"chat": "/gw/{model}/do:{method}", "count_tokens": "/count"})

    assert CHAT.request(call(), to).url == "https://api.acme.test/v1beta/gw/gemini-test/do:generateContent"
    assert COUNT.request(call(), to).url == "https://api.acme.test/v1beta/count"


# Counting


def test_a_count_of_more_than_messages_is_wrapped() -> None:
    made = Call(
        "count_tokens", "m", {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "x"}]}
    )

    wrapped = json.loads(COUNT.request(made, target()).body)
    flat = json.loads(COUNT.request(made, target({"google_cloud": True})).body)
    bare = json.loads(COUNT.request(call(max_tokens=5), target()).body)

    inner = {"contents": [{"role": "user", "parts": [{"text": "x"}]}], "systemInstruction": {"parts": [{"text": "s"}]}}
    assert wrapped == {"generateContentRequest": {"model": "models/gemini-test", **inner}}
    assert flat == inner
    assert bare == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_what_says_nothing_that_can_be_read_of_a_native_configuration_is_left_out() -> None:
    native = {"generationConfig": 5, "toolConfig": [], "labels": {"a": "b"}}

    body = wire(provider_specific_fields={"gemini": native}, temperature=0.5)

    assert (body["generationConfig"], body["labels"]) == ({"temperature": 0.5}, {"a": "b"})
    assert "toolConfig" not in body


def test_marks_for_a_cache_are_reported() -> None:
    turn = {"role": "assistant", "content": "a", "cache_control": {"type": "ephemeral"}}

    assert dropped(cache_control={"type": "ephemeral"}) == ["cache_control"]
    assert dropped(messages=[{"role": "user", "content": "a"}, turn, {"role": "user", "content": "b"}]) == [
        "cache_control"
    ]


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "null"}, {"nullable": True}),
        ({"anyOf": [{"type": "null"}]}, {"nullable": True}),
        (
            {"type": ["string", "integer", "null"]},
            {"nullable": True, "anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]},
        ),
    ],
)
def test_a_type_that_may_be_null_is_nullable_in_the_older_language(schema: Any, told: Any) -> None:
    form = {
        "type": "json_schema",
        "json_schema": {"name": "o", "schema": {"type": "object", "properties": {"a": schema}}},
    }

    assert config(OLD, response_format=form)["responseSchema"]["properties"]["a"] == told


def test_a_schema_of_more_parts_than_anyone_reads_is_cut_and_that_is_said() -> None:
    schema = {"type": "object", "properties": {f"a{n}": {"type": "string"} for n in range(20_001)}}
    form = {"type": "json_schema", "json_schema": {"name": "o", "schema": schema}}

    assert any("20,000" in what for what in dropped(OLD, response_format=form))


def test_the_tool_for_an_answer_has_a_name_that_no_other_has() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
    tools = [{"type": "function", "function": {"name": name}} for name in ("answer", "structured_answer")]

    body, sent = send(call(tools=tools, response_format=form), target({"structured": "tool"}))

    names = [tool["name"] for tool in body["tools"][0]["functionDeclarations"]]
    assert names == ["answer", "structured_answer", "structured_answer_"]
    assert sent.answer_tool == "structured_answer_"

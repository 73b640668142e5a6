"""Towards the server: what becomes of each field of a canonical request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import Call
from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.ollama.oracle import check, check_embed
from tests.dialects.ollama.support import (
    CHAT,
    EMBED,
    GENERATE,
    IMAGE,
    MODELS,
    PNG,
    TOOL,
    call,
    dropped,
    send,
    target,
    wire,
)


def _history(*messages: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
    made = wire(messages=list(messages), **body)
    check(made)
    found: list[dict[str, Any]] = made["messages"]
    return found


def test_a_call_is_a_post_that_says_whether_it_streams() -> None:
    sent = CHAT.request(call(), target())

    assert (sent.method, sent.url) == ("POST", "http://127.0.0.1:11434/api/chat")
    assert sent.headers["authorization"] == "Bearer secret"
    assert json.loads(sent.body) == {
        "model": "llama-test",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": False,
    }
    assert json.loads(CHAT.request(call(stream=True), target()).body)["stream"] is True


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        ({"max_tokens": 9}, {"num_predict": 9}),
        ({"max_completion_tokens": 9}, {"num_predict": 9}),
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"top_p": 0.5, "top_k": 7, "min_p": 0.1}, {"top_p": 0.5, "top_k": 7, "min_p": 0.1}),
        ({"seed": 3}, {"seed": 3}),
        ({"frequency_penalty": -1, "presence_penalty": 2}, {"frequency_penalty": -1, "presence_penalty": 2}),
        ({"repetition_penalty": 1.1}, {"repeat_penalty": 1.1}),
        ({"stop": "x"}, {"stop": ["x"]}),
        ({"stop": list("abcdefgh")}, {"stop": list("abcdefgh")}),
        ({"num_ctx": 8192, "num_gpu": 1}, {"num_ctx": 8192, "num_gpu": 1}),
        ({"options": {"num_ctx": 8192, "temperature": 1}, "temperature": 0}, {"num_ctx": 8192, "temperature": 1}),
    ],
)
def test_what_shapes_the_answer_is_an_option(asked: dict[str, Any], options: dict[str, Any]) -> None:
    made = wire(**asked)

    check(made)
    assert made["options"] == options
    assert made.keys() == {"model", "messages", "stream", "options"}
    assert dropped(**asked) == []


def test_the_caller_s_own_options_join_ours() -> None:
    made = call(temperature=0.5)
    made.extra_body = {"options": {"num_ctx": 4096}, "keep_alive": "5m"}

    body = json.loads(CHAT.request(made, target()).body)

    assert (body["options"], body["keep_alive"]) == ({"temperature": 0.5, "num_ctx": 4096}, "5m")
    assert made.extra_body == {"options": {"num_ctx": 4096}, "keep_alive": "5m"}


@pytest.mark.parametrize(
    ("asked", "field", "value"),
    [
        ({"keep_alive": 0}, "keep_alive", 0),
        ({"think": True}, "think", True),
        ({"truncate": False}, "truncate", False),
        ({"logprobs": True, "top_logprobs": 3}, "top_logprobs", 3),
        ({"response_format": {"type": "json_object"}}, "format", "json"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}},
            "format",
            {"type": "object"},
        ),
    ],
)
def test_other_fields_stand_beside_them(asked: dict[str, Any], field: str, value: Any) -> None:
    made = wire(**asked)

    check(made)
    assert made[field] == value


@pytest.mark.parametrize(
    ("effort", "think", "noted"),
    [
        ("none", False, []),
        ("minimal", "low", ["reasoning_effort=minimal (sent as low)"]),
        ("low", "low", []),
        ("high", "high", []),
        ("xhigh", "high", ["reasoning_effort=xhigh (sent as high)"]),
        ("max", "max", []),
    ],
)
def test_an_effort_is_a_word_of_think(effort: str, think: Any, noted: list[str]) -> None:
    assert wire(reasoning_effort=effort)["think"] == think
    assert dropped(reasoning_effort=effort) == noted


def test_thinking_in_other_words() -> None:
    assert wire(thinking={"type": "adaptive"})["think"] is True
    assert wire(thinking={"type": "disabled"})["think"] is False
    assert dropped(thinking={"type": "enabled", "budget_tokens": 9}) == ["thinking.budget_tokens"]
    assert "think" not in wire({"thinking": "none"}, reasoning_effort="none")
    with pytest.raises(UnsupportedError, match="reasoning_effort"):
        wire({"thinking": "none"}, reasoning_effort="low")
    with pytest.raises(UnsupportedError, match="reasoning_effort"):
        wire(reasoning_effort="a bit")


@pytest.mark.parametrize("field", ["n", "logit_bias", "prediction", "moderation", "web_search_options"])
def test_what_has_no_counterpart_is_refused_unless_it_may_be_dropped(field: str) -> None:
    value: Any = {"n": 2, "logit_bias": {"1": 2}}.get(field, {"x": 1})

    with pytest.raises(UnsupportedError) as raised:
        wire(**{field: value})
    assert raised.value.param == field
    assert wire(drop_params=True, **{field: value}) == wire()
    assert dropped(drop_params=True, **{field: value}) == [field]


@pytest.mark.parametrize(
    "neutral",
    [
        {"n": 1},
        {"tools": [], "tool_choice": "auto"},
        {"parallel_tool_calls": True},
        {"logprobs": False},
        {"stream_options": {"include_usage": True}},
        {"response_format": {"type": "text"}},
        {"stop": None},
        {"store": False, "service_tier": "auto", "logit_bias": {}},
        {"provider_specific_fields": {"other": {"x": 1}}},
    ],
)
def test_what_asks_for_what_happens_anyway_is_left_out(neutral: dict[str, Any]) -> None:
    assert wire(**neutral) == wire()
    assert dropped(**neutral) == []


def test_hints_are_left_out_and_reported_and_what_a_row_refuses_is_refused() -> None:
    assert dropped(user="me", metadata={"a": "b"}) == ["user", "metadata"]
    with pytest.raises(UnsupportedError, match="seed"):
        send(call(seed=1), target(unsupported=("seed",)))


def test_traits_hold_here_too() -> None:
    assert dropped({"max_temperature": 1.0}, temperature=1.5) == ["temperature (clamped from 1.5 to 1.0)"]
    assert dropped({"sampling": "one"}, temperature=0.5, top_p=0.5) == ["top_p"]
    assert wire({"default_max_tokens": 7})["options"] == {"num_predict": 7}
    assert wire({"max_stop": 1}, stop=["a", "b"])["options"]["stop"] == ["a"]
    assert wire({"tool_schema_drop": ("required",)}, tools=[TOOL])["tools"][0]["function"]["parameters"].keys() == {
        "type",
        "properties",
    }
    with pytest.raises(UnsupportedError, match="response_format"):
        wire({"structured": "none"}, response_format={"type": "json_object"})


# --- messages


def test_roles_are_told_in_the_words_there_are() -> None:
    made = _history(
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "text", "text": "ho"}]},
        {"role": "system", "content": "late"},
    )

    assert [(message["role"], message["content"]) for message in made] == [
        ("system", "be brief"),
        ("user", "hi"),
        ("assistant", "ho"),
        ("system", "late"),
    ]


def test_parts_become_paragraphs_and_images_stand_apart() -> None:
    text = {"type": "text", "text": "a"}
    sound = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}

    (made,) = _history({"role": "user", "content": [text, IMAGE, "b", sound]})

    assert made == {"role": "user", "content": "a\nb", "images": [PNG, "aGk="]}
    assert _history({"role": "user", "content": [IMAGE]}) == [{"role": "user", "content": "", "images": [PNG]}]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
        {"type": "image_url", "image_url": "http://x.test/a.png"},
        {"type": "image_url", "image_url": {"url": "data:application/pdf;base64,aa"}},
        {"type": "file", "file": {"file_id": "f"}},
    ],
)
def test_what_the_server_cannot_see_is_refused_by_its_path(part: dict[str, Any]) -> None:
    messages = [{"role": "user", "content": ["look", part]}]

    with pytest.raises(UnsupportedError) as raised:
        wire(messages=messages)
    assert raised.value.param == "messages[0].content[1]"
    assert wire(drop_params=True, messages=messages)["messages"] == [{"role": "user", "content": "look"}]


def test_a_percent_encoded_image_becomes_base64() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/gif,GIF", "detail": "low"}}

    assert _history({"role": "user", "content": [part]})[0]["images"] == ["R0lG"]
    assert dropped(messages=[{"role": "user", "content": [part]}]) == ["messages[0].content[0].image_url.detail"]


def test_empty_messages_of_the_assistant_are_left_out() -> None:
    made = _history(
        {"role": "user", "content": None},
        {"role": "assistant", "content": []},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "go"},
    )

    assert made == [{"role": "user", "content": ""}, {"role": "user", "content": "go"}]


def test_a_tool_s_turn_has_objects_names_and_ids() -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q":"x"}'}}]

    made = _history(
        {"role": "assistant", "content": None, "tool_calls": calls, "reasoning_content": "hm"},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "found"}, IMAGE]},
        {"role": "tool", "tool_call_id": "c2", "name": "other", "content": {"x": 1}},
    )

    told = [{"id": "c1", "function": {"name": "find", "arguments": {"q": "x"}}}]
    assert made[0] == {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": told}
    assert made[1] == {
        "role": "tool",
        "content": "found",
        "images": [PNG],
        "tool_name": "find",
        "tool_call_id": "c1",
    }
    assert made[2] == {"role": "tool", "content": '{"x":1}', "tool_name": "other", "tool_call_id": "c2"}


def test_reasoning_goes_back_unless_it_shall_not() -> None:
    message = {"role": "assistant", "content": "4", "reasoning_content": "2+2", "name": "bob"}

    assert wire({"reasoning_history": "drop"}, messages=[message])["messages"] == [
        {"role": "assistant", "content": "4"}
    ]
    assert dropped(messages=[message]) == ["messages[0].name"]
    blocks = [{"type": "thinking", "thinking": "2+2", "signature": "s"}]
    assert _history({"role": "assistant", "content": "4", "thinking_blocks": blocks})[0]["thinking"] == "2+2"


@pytest.mark.parametrize(
    "messages",
    [
        None,
        [],
        [1],
        [{"role": "x", "content": "y"}],
        [{"role": "user", "content": 7}],
        [{"role": "user", "content": [7]}],
        [{"role": "user", "content": [{"type": "text"}]}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:nothing"}}]}],
        [{"role": "tool", "content": "x"}],
        [{"role": "assistant", "tool_calls": "x"}],
        [{"role": "assistant", "tool_calls": [{"id": "c"}]}],
        [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": 5}}]}],
    ],
)
def test_messages_that_make_no_sense_are_a_config_error(messages: Any) -> None:
    with pytest.raises(ConfigError):
        wire(messages=messages)


# --- tools


def test_tools_are_openai_s_without_what_nobody_keeps() -> None:
    strict = {"type": "function", "function": {**TOOL["function"], "strict": True}}  # type: ignore[dict-item]

    made = wire(tools=[TOOL, strict])

    check(made)
    assert made["tools"] == [TOOL, TOOL]
    assert dropped(tools=[TOOL, strict]) == ["tools[1].strict"]


def test_what_is_not_offered_is_not_called() -> None:
    assert "tools" not in wire(tools=[TOOL], tool_choice="none")
    assert dropped(tools=[TOOL], tool_choice="none") == []


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "find"}}])
def test_a_model_cannot_be_made_to_call(choice: Any) -> None:
    with pytest.raises(UnsupportedError, match="tool_choice"):
        wire(tools=[TOOL], tool_choice=choice)
    assert dropped(drop_params=True, tools=[TOOL], tool_choice=choice) == ["tool_choice"]
    assert dropped({"tool_choice_required": "auto"}, tools=[TOOL], tool_choice=choice) == ["tool_choice"]


def test_functions_of_old_become_tools() -> None:
    messages = [
        {"role": "assistant", "content": None, "function_call": {"name": "find", "arguments": '{"q":"x"}'}},
        {"role": "function", "name": "find", "content": "found"},
    ]

    made = wire(messages=messages, functions=[TOOL["function"]], function_call="auto")

    check(made)
    assert made["tools"] == [TOOL]
    assert made["messages"][1]["tool_name"] == "find"


@pytest.mark.parametrize(
    "body",
    [
        {"tools": "x"},
        {"tools": [1]},
        {"tools": [{"type": "function"}]},
        {"response_format": {"type": "json_schema"}},
        {"response_format": "json"},
        {"options": 7},
        {"stop": 7},
    ],
)
def test_fields_that_make_no_sense_are_a_config_error(body: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        wire(**body)


# --- other operations


def test_texts_to_embed() -> None:
    def sent(drop_params: bool = False, **body: Any) -> tuple[dict[str, Any], list[str]]:
        made = EMBED.request(Call("embeddings", "m", body, drop_params=drop_params), target())
        assert made.url.endswith("/api/embed")
        check_embed(json.loads(made.body))
        return json.loads(made.body), made.dropped

    assert sent(input="x") == ({"model": "llama-test", "input": "x"}, [])
    assert sent(input=["x", "y"], dimensions=3, encoding_format="float", keep_alive="5m")[0] == {
        "model": "llama-test",
        "input": ["x", "y"],
        "dimensions": 3,
        "keep_alive": "5m",
    }
    assert sent(True, input="x", encoding_format="base64", user="me")[1] == ["user"]
    for wrong in ([1, 2], [[1]]):
        with pytest.raises(UnsupportedError, match="input"):
            sent(input=wrong)
    for nothing in (None, [], [{}]):
        with pytest.raises(ConfigError):
            sent(input=nothing)


def test_models_are_asked_for_and_prompts_are_not_sent() -> None:
    sent = MODELS.request(Call("models", "", {}), target())

    assert (sent.method, sent.url) == ("GET", "http://127.0.0.1:11434/api/tags")
    with pytest.raises(UnsupportedError, match="chat"):
        GENERATE.request(Call("completions", "m", {"prompt": "x"}), target())


@pytest.mark.parametrize("data", [None, 5, {}])
def test_sound_that_is_no_text_makes_no_sense(data: Any) -> None:
    part = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}

    with pytest.raises(ConfigError, match=r"input_audio\.data"):
        wire(messages=[{"role": "user", "content": [part]}])


@pytest.mark.parametrize("ident", [{}, {"id": None}, {"id": ""}])
def test_a_call_needs_no_id_where_the_format_has_none(ident: Any) -> None:
    made = {**ident, "type": "function", "function": {"name": "find", "arguments": "{}"}}

    body = wire(
        messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": None, "tool_calls": [made]}]
    )

    assert body["messages"][1]["tool_calls"] == [{"function": {"name": "find", "arguments": {}}}]


@pytest.mark.parametrize("at", [0, 1])
def test_what_is_no_message_is_told_from_those_of_2023(at: int) -> None:
    messages: list[Any] = [{"role": "function", "name": "f", "content": "1"}]
    messages.insert(at, 5)

    with pytest.raises(ConfigError, match=rf"messages\[{at}\]"):
        wire(messages=messages)


def test_a_call_that_is_told_in_both_ways_is_one() -> None:
    words = {"name": "find", "arguments": "{}"}
    turn = {"role": "assistant", "content": None, "function_call": words}
    turn["tool_calls"] = [{"id": "c1", "type": "function", "function": words}]
    messages = [{"role": "user", "content": "go"}, turn, {"role": "tool", "tool_call_id": "c1", "content": "1"}]

    assert wire(messages=messages)["messages"][1]["tool_calls"] == [
        {"id": "c1", "function": {"name": "find", "arguments": {}}}
    ]

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._call.collect import Collector
from lingate._model import Call
from lingate.errors import BadRequestError
from lingate.simulator.answers import CacheHit, Identity, answer_chat
from lingate.simulator.backend import PromptCache
from lingate.simulator.options import Options
from lingate.simulator.prompt import count, split
from lingate.simulator.turn import token_events

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
TIME = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}],
}


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def answer(*messages: Any, options: Options = Options(), model: str = "sim", **body: Any) -> dict[str, Any]:  # noqa: B008
    call = Call("chat", model, {"messages": list(messages) or [user("Hello there")], **body})
    return answer_chat(call, options, CacheHit(), Identity())


def choice(response: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = response["choices"][0]
    return found


def text(response: dict[str, Any]) -> str:
    found: str = choice(response)["message"]["content"]
    return found


def calls(response: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = choice(response)["message"].get("tool_calls", [])
    return found


def test_the_answer_mentions_the_last_user_text() -> None:
    made = answer(user("first"), {"role": "assistant", "content": "ok"}, user("What of Paris?"))

    assert "What of Paris?" in text(made)
    assert "first" not in text(made)
    assert choice(made)["finish_reason"] == "stop"


def test_the_same_request_has_the_same_answer_and_another_one_another_id() -> None:
    assert answer(tools=[WEATHER]) == answer(tools=[WEATHER])
    assert answer(user("a"))["id"] != answer(user("b"))["id"]


def test_whether_it_is_streamed_or_counted_does_not_change_the_answer() -> None:
    assert answer(stream_options={"include_usage": True}) == answer()


@pytest.mark.parametrize("words", [0, 1, 5, 200, 5000])
def test_the_answer_has_as_many_words_as_asked_for(words: int) -> None:
    assert len(text(answer(options=Options(words=words))).split()) == words


@pytest.mark.parametrize("cap", [1, 3, 7])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_cap_on_tokens_is_kept_and_ends_with_length(cap: int, name: str) -> None:
    made = answer(**{name: cap})

    assert count(text(made)) == cap == made["usage"]["completion_tokens"]
    assert choice(made)["finish_reason"] == "length"


def test_a_cap_that_is_not_reached_changes_nothing() -> None:
    assert choice(answer(max_tokens=10_000)) == choice({**answer(max_tokens=10_001)})
    assert choice(answer(max_tokens=10_000))["finish_reason"] == "stop"


def test_a_stop_sequence_ends_the_text_before_it() -> None:
    made = answer(user("one two three"), stop=["nowhere", "two"])

    assert "one" in text(made)
    assert "two" not in text(made)
    assert choice(made)["finish_reason"] == "stop"


def test_tools_are_called_with_arguments_that_satisfy_their_schema() -> None:
    made = answer(user("weather in Lisbon"), tools=[WEATHER, TIME])

    (call,) = calls(made)
    arguments = json.loads(call["function"]["arguments"])
    jsonschema.validate(arguments, WEATHER["function"]["parameters"])  # type: ignore[index]
    assert (call["function"]["name"], call["id"][:5]) == ("get_weather", "call_")
    assert arguments["city"] in ("Lisbon", "weather")
    assert (choice(made)["finish_reason"], choice(made)["message"]["content"]) == ("tool_calls", None)


def test_a_tool_that_the_text_names_is_preferred() -> None:
    assert calls(answer(user("use get_time please"), tools=[WEATHER, TIME]))[0]["function"]["name"] == "get_time"


@pytest.mark.parametrize(
    ("extra", "options", "expected"),
    [
        ({}, Options(), ["get_weather"]),
        ({}, Options(parallel=2), ["get_weather", "get_time"]),
        ({}, Options(parallel=3), ["get_weather", "get_time", "get_weather"]),
        ({"parallel_tool_calls": False}, Options(parallel=2), ["get_weather"]),
        ({"tool_choice": "none"}, Options(), []),
        ({"tool_choice": "required"}, Options(tools=False), ["get_weather"]),
        ({"tool_choice": "auto"}, Options(tools=False), []),
        ({"tool_choice": {"type": "function", "function": {"name": "get_time"}}}, Options(), ["get_time"]),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {
                        "mode": "auto",
                        "tools": [{"type": "function", "function": {"name": "get_time"}}],
                    },
                }
            },
            Options(),
            ["get_time"],
        ),
    ],
)
def test_the_tool_choice_is_respected(extra: dict[str, Any], options: Options, expected: list[str]) -> None:
    made = answer(tools=[WEATHER, TIME], options=options, **extra)

    assert [call["function"]["name"] for call in calls(made)] == expected


def test_asking_in_parallel_calls_every_tool_with_ids_of_their_own() -> None:
    made = calls(answer(user("do both in parallel"), tools=[WEATHER, TIME]))

    assert len({call["id"] for call in made}) == 2


def test_a_forced_tool_that_is_not_offered_is_a_bad_request() -> None:
    with pytest.raises(BadRequestError, match="nothing"):
        answer(tools=[TIME], tool_choice={"type": "function", "function": {"name": "nothing"}})


def test_a_broken_tool_schema_is_a_bad_request() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": 3}}}

    with pytest.raises(BadRequestError, match="Invalid schema for function 'f'"):
        answer(tools=[tool])


def test_custom_tools_are_called_with_free_text() -> None:
    (call,) = calls(answer(user("print 1"), tools=[{"type": "custom", "custom": {"name": "python"}}]))

    assert call["custom"] == {"name": "python", "input": "print 1"}


def test_after_tool_results_the_answer_quotes_them() -> None:
    made = answer(user("q"), CALLED, {"role": "tool", "tool_call_id": "c1", "content": "21 degrees"}, tools=[WEATHER])

    assert calls(made) == []
    assert 'get_weather answered: "21 degrees"' in text(made)


def test_a_forced_tool_is_called_after_tool_results_too() -> None:
    messages = [user("q"), CALLED, {"role": "tool", "tool_call_id": "c1", "content": "21"}]

    assert calls(answer(*messages, tools=[WEATHER], tool_choice="required"))


def test_a_tool_call_that_does_not_fit_the_cap_is_left_out() -> None:
    made = answer(tools=[WEATHER], max_tokens=2)

    assert (calls(made), choice(made)["finish_reason"]) == ([], "length")


def test_a_json_schema_is_answered_with_a_value_that_satisfies_it() -> None:
    schema = WEATHER["function"]["parameters"]  # type: ignore[index]
    made = answer(response_format={"type": "json_schema", "json_schema": {"name": "w", "schema": schema}})

    jsonschema.validate(json.loads(text(made)), schema)


def test_a_json_object_is_answered_with_an_object() -> None:
    assert isinstance(json.loads(text(answer(response_format={"type": "json_object"}))), dict)


def _png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def test_images_are_seen_with_their_type_and_size() -> None:
    png = _png(3, 5)
    data = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": data}},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.jpg"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg=="}},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/4AAE"}},
        {"type": "input_audio", "input_audio": {"data": "no base64: ä", "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "x"}},
    ]

    made = text(answer(user(parts)))

    assert "6 attachment(s)" in made
    assert "an image (image/jpeg, 6 bytes)" in made
    assert "audio (wav, 0 bytes)" in made
    assert "a part of type video_url" in made
    assert f"image/png, {len(png)} bytes, 3x5 pixels" in made
    assert "https://example.com/cat.jpg" in made
    assert "application/pdf, 4 bytes" in made


@pytest.mark.parametrize(
    "body",
    [
        {"reasoning_effort": "low"},
        {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        {"thinking": {"type": "adaptive"}},
        {"reasoning": {"effort": "high"}},
    ],
)
def test_reasoning_is_given_when_asked_for_and_counted_inside_the_completion(body: dict[str, Any]) -> None:
    made = answer(**body)

    message, usage = choice(made)["message"], made["usage"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    assert message["thinking_blocks"][0]["thinking"] == message["reasoning_content"]
    assert message["thinking_blocks"][0]["signature"]
    assert reasoning == count(message["reasoning_content"]) > 0
    assert usage["completion_tokens"] == reasoning + count(message["content"])


@pytest.mark.parametrize("body", [{}, {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}])
def test_no_reasoning_is_given_when_it_is_off(body: dict[str, Any]) -> None:
    assert "reasoning_content" not in choice(answer(**body))["message"]


def test_several_choices_differ() -> None:
    made = answer(n=3)

    assert len({item["message"]["content"] for item in made["choices"]}) == 3
    assert made["usage"]["completion_tokens"] == sum(count(item["message"]["content"]) for item in made["choices"])


@pytest.mark.parametrize("n", [-1, 1000, "2"])
def test_an_impossible_number_of_choices_is_a_bad_request(n: Any) -> None:
    with pytest.raises(BadRequestError):
        answer(n=n)


def test_logprobs_cover_the_text_token_by_token() -> None:
    made = answer(logprobs=True, top_logprobs=2)

    entries = choice(made)["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == text(made)
    assert all(len(entry["top_logprobs"]) == 2 for entry in entries)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"n": 3},
        {"tools": [WEATHER, TIME], "parallel_tool_calls": True},
        {"reasoning_effort": "medium", "logprobs": True},
        {"max_tokens": 4},
    ],
)
def test_streamed_and_whole_answers_are_the_same(body: dict[str, Any]) -> None:
    made = answer(user("do it in parallel"), **body)

    collector = Collector()
    tokens = 0
    for event, size in token_events(made):
        collector.add(event)
        tokens += size

    assert collector.response() == made
    assert tokens == made["usage"]["completion_tokens"]


def test_choices_take_turns_in_a_stream() -> None:
    order = [event.choice for event, size in token_events(answer(n=2)) if size]  # type: ignore[union-attr]

    assert order[:4] == [0, 1, 0, 1]


@given(st.text())
def test_the_tokens_of_any_text_are_the_text(value: str) -> None:
    assert "".join(split(value)) == value
    assert len(split(value)) == count(value)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{}],
        ["text"],
        [{"role": "user"}],
        [{"role": "user", "content": [None, 3, {"type": "image_url"}, {"type": "image_url", "image_url": {"url": 5}}]}],
        [{"role": "assistant", "tool_calls": [None, {"id": 1}]}, {"role": "tool"}],
        [{"role": "user", "content": "\ud83d"}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,!!!"}}]}],
    ],
)
def test_odd_messages_are_answered(messages: list[Any]) -> None:
    call = Call("chat", "sim", {"messages": messages})

    assert text(answer_chat(call, Options(), CacheHit(), Identity()))


def _look_up(cache: PromptCache, *messages: Any, **body: Any) -> CacheHit:
    return cache.look_up(Call("chat", body.pop("model", "sim"), {"messages": list(messages), **body}))


LONG = "word " * 2000


def test_a_long_prompt_is_cached_the_second_time() -> None:
    cache = PromptCache()

    assert _look_up(cache, user(LONG)).read == 0
    assert _look_up(cache, user(LONG)).read >= 1024
    assert _look_up(cache, user(LONG), {"role": "assistant", "content": "a"}, user("more")).read >= 1024
    assert _look_up(cache, user(LONG), model="other").read == 0
    assert _look_up(cache, user("x" + LONG)).read == 0


def test_a_short_prompt_is_not_cached() -> None:
    cache = PromptCache()

    assert _look_up(cache, user("hi")) == _look_up(cache, user("hi")) == CacheHit(0, None)


def test_a_marked_prompt_is_written_and_then_read() -> None:
    cache = PromptCache()
    system = {
        "role": "system",
        "content": [{"type": "text", "text": "rules " * 30, "cache_control": {"type": "ephemeral"}}],
    }

    first = _look_up(cache, system, user("one"))
    second = _look_up(cache, system, user("two"))

    assert first.read == 0
    assert second == CacheHit(first.written or 0, 0)


def test_a_mark_that_moves_along_reads_what_the_last_one_wrote() -> None:
    cache = PromptCache()
    marked = {"type": "text", "text": "question " * 20, "cache_control": {"type": "ephemeral"}}
    plain = {"type": "text", "text": "question " * 20}

    first = _look_up(cache, user([marked]))
    second = _look_up(cache, user([plain]), {"role": "assistant", "content": "a"}, user([marked]))

    assert second.read == first.written
    assert second.written


def test_usage_adds_up_with_cached_tokens_inside_the_prompt() -> None:
    call = Call("chat", "sim", {"messages": [user("hello")]})

    usage = answer_chat(call, Options(), CacheHit(2, 3), Identity())["usage"]

    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 2, "cache_write_tokens": 3}

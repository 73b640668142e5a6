"""Events add up to the response they came from."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lingate._call.collect import Collector
from lingate._dialects._replay import replay
from lingate._model import Event, Extra, Finish, Media, Start, Text, Thinking, ToolArgs, ToolStart, Usage

NAMES = st.text("abcdefgh_", min_size=1, max_size=8)
TOOLS = st.builds(
    lambda ident, name, args: {"id": ident, "type": "function", "function": {"name": name, "arguments": args}},
    NAMES,
    NAMES,
    st.sampled_from(["{}", '{"a":1}', '{"b":"c"}']),
)
BLOCKS = st.one_of(
    st.builds(lambda text, sign: {"type": "thinking", "thinking": text, "signature": sign}, NAMES, NAMES),
    st.builds(lambda data: {"type": "redacted_thinking", "data": data}, NAMES),
)


@st.composite
def responses(draw: Any) -> dict[str, Any]:
    choices = []
    for index in range(draw(st.integers(1, 3))):
        message: dict[str, Any] = {"role": "assistant", "content": draw(NAMES | st.just(""))}
        blocks = draw(st.lists(BLOCKS, max_size=3))
        if blocks:
            text = "".join(block.get("thinking", "") for block in blocks)
            if text:
                message["reasoning_content"] = text
            message["thinking_blocks"] = blocks
        tools = draw(st.lists(TOOLS, max_size=3))
        if tools:
            message["tool_calls"] = tools
            message["content"] = message["content"] or None
        if draw(st.booleans()):
            message["refusal"] = draw(NAMES)
        if draw(st.booleans()):
            message["provider_specific_fields"] = {"x": {"content": [1]}}
        choices.append(
            {"index": index, "message": message, "finish_reason": draw(st.sampled_from(["stop", "tool_calls"]))}
        )
    data = {"id": "r", "object": "chat.completion", "created": 3, "model": "m", "choices": choices}
    usage = draw(st.none() | st.just({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}))
    return {**data, "usage": usage, **({"service_tier": "x"} if draw(st.booleans()) else {})}


def collected(events: list[Event]) -> dict[str, Any]:
    collector = Collector()
    for event in events:
        collector.add(event)
    return collector.response()


@given(responses())
def test_a_response_taken_apart_and_collected_is_the_same_response(response: dict[str, Any]) -> None:
    assert collected(replay(response)) == response


def test_pieces_of_parallel_tool_calls_are_kept_apart() -> None:
    data = collected(
        [
            ToolStart(0, "a", "f"),
            ToolStart(1, "b", "g"),
            ToolArgs(1, '{"y":'),
            ToolArgs(0, '{"x":1}'),
            ToolArgs(1, "2}"),
        ]
    )

    calls = data["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]["arguments"]) for call in calls] == [("a", '{"x":1}'), ("b", '{"y":2}')]


def test_a_tool_call_without_arguments_has_an_empty_object() -> None:
    data = collected([ToolStart(0, "a", "f"), Finish("tool_calls")])

    assert data["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_an_interrupted_answer_has_no_finish_reason() -> None:
    assert collected([Start("i", "m", 1), Text("par")])["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": "par"},
        "finish_reason": None,
    }


def test_usage_that_was_not_sent_is_none_and_the_last_one_counts() -> None:
    assert collected([Text("x")])["usage"] is None
    assert collected([Usage({"prompt_tokens": 1}), Usage({"prompt_tokens": 2})])["usage"] == {"prompt_tokens": 2}


def test_thinking_blocks_stay_apart_with_their_signatures() -> None:
    data = collected(
        [
            Thinking("a", block=0),
            Thinking("", block=0, signature="s"),
            Thinking("", block=1, redacted="r"),
            Thinking("b", block=2),
        ]
    )

    message = data["choices"][0]["message"]
    assert message["reasoning_content"] == "ab"
    assert message["thinking_blocks"] == [
        {"type": "thinking", "thinking": "a", "signature": "s"},
        {"type": "redacted_thinking", "data": "r"},
        {"type": "thinking", "thinking": "b"},
    ]


def test_audio_grows_and_its_id_does_not() -> None:
    data = collected(
        [Media("audio", {"id": "a", "data": "QQ"}), Media("audio", {"id": "a", "data": "RR", "expires_at": 9})]
    )

    assert data["choices"][0]["message"]["audio"] == {"id": "a", "data": "QQRR", "expires_at": 9}


def test_unknown_fields_of_response_and_message_are_kept() -> None:
    data = collected(
        [Start("i", "m", 1, {"citations": ["u"]}), Extra({"provider": "p"}), Extra({"x": 1}, 0), Text("t")]
    )

    assert data["citations"] == ["u"]
    assert data["provider"] == "p"
    assert data["choices"][0]["message"]["x"] == 1


def test_numbered_items_of_an_unknown_field_that_come_one_by_one_are_all_kept() -> None:
    # Groq tells of each tool that it runs by itself: when it starts, and again when it is done.
    pieces = [[{"index": 0, "type": "f"}], [{"index": 0, "type": "search", "output": "x"}], [{"index": 1, "type": "f"}]]

    data = collected([Start("i", "m", 1), *(Extra({"executed_tools": items}, 0) for items in pieces), Finish("stop")])

    assert data["choices"][0]["message"]["executed_tools"] == [*pieces[1], *pieces[2]]


def test_what_is_not_numbered_is_told_anew() -> None:
    data = collected([Extra({"x": [{"a": 1}], "y": [1]}, 0), Extra({"x": [{"index": 0}], "y": []}, 0)])

    message = data["choices"][0]["message"]
    assert (message["x"], message["y"]) == ([{"index": 0}], [])


def test_an_emoji_cut_in_two_between_pieces_is_whole_in_the_response() -> None:
    collector = Collector()
    for event in (Text("a \ud83d"), Text("\ude00 \ud83d"), Finish("stop")):
        collector.add(event)

    assert collector.response()["choices"][0]["message"]["content"] == "a 😀 \ud83d"


def test_logprobs_of_the_text_and_of_the_refusal_after_it_are_both_whole() -> None:
    one, two, no = {"token": "a"}, {"token": "b"}, {"token": "n"}
    first = {"content": [one], "refusal": None}
    data = collected(
        [
            Text("a", logprobs=first),
            Text("b", logprobs={"content": [two], "refusal": None}),
            Text("", logprobs={"content": None, "refusal": [no]}),
            Text("", logprobs={"content": None, "refusal": [no]}),
        ]
    )

    assert data["choices"][0]["logprobs"] == {"content": [one, two], "refusal": [no, no]}
    assert first == {"content": [one], "refusal": None}  # a chunk that was handed over is not added to


def test_the_one_call_of_old_keeps_its_arguments_and_is_no_tool_call() -> None:
    start = ToolStart(0, "c", "f", kind="function_call")

    message = collected([start, ToolArgs(0, '{"x"'), ToolArgs(0, ":1}")])["choices"][0]["message"]

    assert message == {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"x":1}'}}
    assert collected([start])["choices"][0]["message"]["function_call"] == {"name": "f", "arguments": "{}"}


def test_a_signature_that_comes_in_pieces_is_one() -> None:
    data = collected([Thinking("a"), Thinking("", signature="s1"), Thinking("", signature="s2")])

    assert data["choices"][0]["message"]["thinking_blocks"] == [
        {"type": "thinking", "thinking": "a", "signature": "s1s2"}
    ]

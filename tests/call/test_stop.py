"""Stop sequences that the wire has no room for are enforced on our side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._call.stream import StopFilter, cut_at_stops, first_stop
from lingate._model import Annotations, Event, Finish, Start, Text, Thinking, ToolArgs, ToolStart, Usage


def streamed(pieces: list[str], stops: list[str]) -> tuple[str, str | None]:
    """Text and finish reason that come out when these pieces go in."""
    watch = StopFilter(stops)
    events: list[Event] = []
    for piece in pieces:
        events += watch.filter([Text(piece)])
        if watch.stopped:
            break
    else:
        events += watch.filter([Finish("length")])
    finish = [event.reason for event in events if isinstance(event, Finish)]
    return "".join(event.text for event in events if isinstance(event, Text)), finish[0] if finish else None


ALPHABET = st.text("abAB\n", max_size=12)


@given(st.lists(ALPHABET, max_size=8), st.lists(st.text("abAB\n", min_size=1, max_size=4), min_size=1, max_size=6))
def test_a_stream_ends_where_the_first_complete_stop_sequence_begins_whatever_the_chunking(
    pieces: list[str], stops: list[str]
) -> None:
    whole = "".join(pieces)
    at, by = first_stop(whole, stops)
    text, reason = streamed(pieces, stops)

    if not by:
        assert (text, reason) == (whole, "length")
    else:
        assert (text, reason) == (whole[:at], "stop")


@pytest.mark.requirement("X4")
def test_ten_stop_sequences_are_all_enforced() -> None:
    stops = [f"<{n}>" for n in range(10)]

    assert streamed(["one ", "<", "9", "> two"], stops) == ("one ", "stop")


def test_text_that_only_looked_like_a_stop_sequence_is_handed_over() -> None:
    assert streamed(["a <", "8] b"], ["<8>"]) == ("a <8] b", "length")


def test_only_what_may_begin_a_stop_sequence_is_held_back() -> None:
    assert [event.text for event in StopFilter(["STOP"]).filter([Text("abc"), Text("d ST")])] == ["abc", "d "]  # type: ignore[union-attr]


def test_text_held_back_comes_before_a_tool_call() -> None:
    watch = StopFilter(["END"])

    events = watch.filter([Text("go E"), ToolStart(0, "c1", "f"), ToolArgs(0, "{}"), Finish("tool_calls"), Usage({})])

    assert [type(event) for event in events] == [Text, Text, ToolStart, ToolArgs, Finish, Usage]


def test_a_stop_sequence_is_found_across_what_comes_between_its_pieces() -> None:
    watch = StopFilter(["STOP"])

    events = watch.filter([Text("a ST"), Annotations([{"type": "x"}]), Thinking("so"), Text("OP b"), Text("c")])

    assert "".join(event.text for event in events if isinstance(event, Text)) == "a "
    assert [event.reason for event in events if isinstance(event, Finish)] == ["stop"]
    assert watch.stopped


def test_each_of_several_choices_stops_by_itself() -> None:
    watch = StopFilter(["X"], alone=False)

    events = watch.filter(
        [Start("", "", 0), Text("aXb", 0), Text("c", 1), Text("d", 0), Finish("stop", 0), Finish("length", 1)]
    )

    assert [(event.text, event.choice) for event in events if isinstance(event, Text)] == [("a", 0), ("c", 1)]
    assert [(event.reason, event.choice) for event in events if isinstance(event, Finish)] == [
        ("stop", 0),
        ("length", 1),
    ]
    assert not watch.stopped


def test_a_whole_answer_is_cut_without_touching_the_original() -> None:
    data = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "a STOP b"}, "finish_reason": "length"}]
    }

    cut = cut_at_stops(data, ["STOP"])

    assert cut["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": "a "},
        "finish_reason": "stop",
        "native_finish_reason": "stop_sequence",
        "stop_reason": "STOP",
    }
    assert data["choices"][0]["message"] == {"role": "assistant", "content": "a STOP b"}

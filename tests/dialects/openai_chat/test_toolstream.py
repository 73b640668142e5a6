"""Tool calls in streams: told apart whatever pieces they come in."""

from __future__ import annotations

from typing import Any

import pytest

from lingate._model import Failed, Finish, ToolArgs, ToolStart
from lingate.errors import ProtocolError
from tests.dialects.openai_chat.support import CHAT, SSE, call, chunk, events_of, only, sse, target, tool
from tests.dialects.short import collect, fed, single_bytes


def calls(*deltas: Any, reason: Any = "tool_calls") -> list[tuple[str, str, str]]:
    """Id, name and arguments of the calls in a stream of these deltas."""
    events = events_of(sse(*(chunk(delta) for delta in deltas), chunk({}, reason)))
    assert only(events, Failed) == []
    assert only(events, Finish)[0].reason == "tool_calls"
    starts = only(events, ToolStart)
    assert [start.tool for start in starts] == list(range(len(starts)))
    texts = ["".join(event.text for event in only(events, ToolArgs) if event.tool == start.tool) for start in starts]
    return [(start.id, start.name, text) for start, text in zip(starts, texts, strict=True)]


def many(*pieces: Any) -> Any:
    return {"tool_calls": [tool(*piece[:-1], **piece[-1])["tool_calls"][0] for piece in pieces]}


def test_openais_own_form() -> None:
    assert calls(
        tool("f", "", id="1", index=0, type="function"),
        tool(None, '{"a"', index=0),
        tool(None, ":1}", index=0),
        tool("g", "", id="2", index=1, type="function"),
        tool(None, "{}", index=1),
    ) == [("1", "f", '{"a":1}'), ("2", "g", "{}")]


def test_pieces_of_two_calls_may_alternate() -> None:
    assert calls(
        many(("f", "", {"id": "1", "index": 0}), ("g", "", {"id": "2", "index": 1})),
        tool(None, "{", index=0),
        tool(None, "[", index=1),
        many((None, "}", {"index": 0}), (None, "]", {"index": 1})),
    ) == [("1", "f", "{}"), ("2", "g", "[]")]


def test_whole_calls_in_one_delta_with_and_without_index() -> None:
    whole = [("1", "f", '{"a":1}'), ("2", "f", '{"a":2}')]
    for fields in (({"index": 0}, {"index": 1}), ({}, {}), ({"index": 0}, {"index": 0})):
        pieces = [
            (name, text, {"id": call_id, **more}) for (call_id, name, text), more in zip(whole, fields, strict=True)
        ]
        assert calls(many(*pieces)) == whole
        assert calls(*(many(piece) for piece in pieces)) == whole


def test_without_index_a_new_id_begins_a_call_and_everything_else_continues_the_last() -> None:
    assert calls(
        tool("f", '{"a"', id="1"),
        tool(None, ":1"),
        tool(None, "}", id="1"),
        tool("g", "{", id="2"),
        tool("g", "}", id="2"),
    ) == [("1", "f", '{"a":1}'), ("2", "g", "{}")]


def test_without_index_or_ids_a_new_name_begins_a_call() -> None:
    got = calls(tool("f", "{"), tool(None, "}"), tool("g", "{}"))

    assert [(name, text) for _, name, text in got] == [("f", "{}"), ("g", "{}")]
    assert all(call_id.startswith("call_") for call_id, _, _ in got)


@pytest.mark.parametrize("index", [{}, {"index": 0}])
def test_the_same_name_again_is_another_call_only_after_a_complete_one(index: Any) -> None:
    twice = calls(tool("f", '{"a":1}', **index), tool("f", '{"a":2}', **index))
    once = calls(tool("f", '{"a"', **index), tool("f", ":1}", **index), tool("f", "", **index))

    assert [text for _, _, text in twice] == ['{"a":1}', '{"a":2}']
    assert [text for _, _, text in once] == ['{"a":1}']


@pytest.mark.parametrize("ids", [("1", "1", "1"), ("1", "", None), ("1", "x", "y")])
def test_with_an_index_ids_on_later_pieces_change_nothing(ids: Any) -> None:
    first, second, third = ids

    assert calls(
        tool("f", "", id=first, index=0), tool(None, "{", id=second, index=0), tool("", "}", id=third, index=0)
    ) == [("1", "f", "{}")]


def test_calls_of_one_number_that_are_told_by_turns_are_told_apart_by_their_ids() -> None:
    assert calls(
        tool("f", "", id="1", index=0),
        tool("g", "", id="2", index=0),
        tool(None, '{"a"', id="1", index=0),
        tool(None, '{"b"', id="2", index=0),
        tool(None, ":1}", id="1", index=0),
        tool(None, ":2}", id="2", index=0),
    ) == [("1", "f", '{"a":1}'), ("2", "g", '{"b":2}')]


@pytest.mark.parametrize("call_id", [None, ""])
def test_missing_ids_are_made(call_id: Any) -> None:
    ((made, name, text),) = calls(tool("f", "{}", index=0, id=call_id))

    assert made.startswith("call_")
    assert len(made) > 20
    assert (name, text) == ("f", "{}")


def test_a_name_that_comes_after_arguments_waits_for_nothing_else() -> None:
    assert calls(tool(None, "{", id="1", index=0), tool(None, '"a":', index=0), tool("f", "1}", index=0)) == [
        ("1", "f", '{"a":1}')
    ]


@pytest.mark.parametrize(
    ("arguments", "text"), [({"a": 1}, '{"a":1}'), (None, "{}"), ("", "{}"), ([], "[]"), (" ", " {}"), ({}, "{}")]
)
def test_arguments_of_any_form_are_json_text(arguments: Any, text: str) -> None:
    assert calls(tool("f", arguments, id="1", index=0)) == [("1", "f", text)]


@pytest.mark.parametrize("reason", ["stop", "", None, "tool_use"])
def test_calls_end_with_tool_calls_whatever_the_provider_says(reason: Any) -> None:
    assert calls(tool("f", "{}", id="1", index=0), reason=reason) == [("1", "f", "{}")]


def named(offered: tuple[str, ...], *deltas: Any) -> list[tuple[str, str]]:
    """Name and arguments of the calls in a stream of these deltas, where these functions are offered."""
    tools = [{"type": "function", "function": {"name": name}} for name in offered]
    request = CHAT.request(call(stream=True, tools=tools), target())
    data = sse(*map(chunk, deltas), chunk({}, "tool_calls"))
    whole, slow = (collect(fed(CHAT.decoder(request, SSE), pieces)) for pieces in ([data], single_bytes(data)))
    found, again = ([one["function"] for one in made["choices"][0]["message"]["tool_calls"]] for made in (whole, slow))
    assert found == again
    return [(one["name"], one["arguments"]) for one in found]


@pytest.mark.parametrize("again", [{}, {"id": "1"}])
def test_a_name_may_come_in_pieces(again: Any) -> None:
    # https://github.com/continuedev/continue/pull/5849
    offered = ("edit", "edit_files", "list")
    pieces = [tool("edit_f", "", id="1", index=0), tool("iles", "", index=0, **again)]

    assert named(offered, *pieces) == [("edit_files", "{}")]
    assert named(offered, *pieces, tool(None, '{"a":1}', index=0)) == [("edit_files", '{"a":1}')]
    assert named(offered, *pieces, tool("list", "", id="2", index=1)) == [("edit_files", "{}"), ("list", "{}")]


@pytest.mark.parametrize("name", ["edit", "edit_", "nothing"])
def test_a_name_that_does_not_go_on_is_whole(name: str) -> None:
    offered = ("edit", "edit_files")

    assert named(offered, tool(name, "", index=0)) == [(name, "{}")]
    assert named(offered, tool(name, '{"a":1}', index=0)) == [(name, '{"a":1}')]
    assert named(offered, tool(name, "", id="1"), tool("edit", "", id="2")) == [(name, "{}"), ("edit", "{}")]


def test_braces_inside_of_a_text_are_no_repetition() -> None:
    assert calls(tool("f", '{"a":"}', id="1", index=0), tool(None, '{b}"}', index=0)) == [("1", "f", '{"a":"}{b}"}')]


def test_unknown_fields_of_a_call_are_kept() -> None:
    signature = {"google": {"thought_signature": "s"}}
    events = events_of(sse(chunk(tool("f", "{}", id="1", index=0, extra_content=signature)), chunk({}, "stop")))

    assert only(events, ToolStart)[0].extra == {"extra_content": signature}
    assert collect(events)["choices"][0]["message"]["tool_calls"][0]["extra_content"] == signature


def test_a_custom_call_has_input_and_no_default() -> None:
    def custom(**fields: Any) -> Any:
        return {"tool_calls": [{"index": 0, "custom": fields}]}

    first = {"tool_calls": [{"index": 0, "id": "1", "type": "custom", "custom": {"name": "c", "input": ""}}]}
    events = events_of(
        sse(chunk(first), chunk(custom(input="SELECT")), chunk(custom(input=" 1")), chunk({}, "tool_calls"))
    )
    empty = events_of(sse(chunk(first), chunk({}, "tool_calls")))

    assert only(events, ToolStart)[0].kind == "custom"
    assert "".join(event.text for event in only(events, ToolArgs)) == "SELECT 1"
    assert only(empty, ToolArgs) == []


def test_a_legacy_call_keeps_its_kind() -> None:
    events = events_of(
        sse(
            chunk({"function_call": {"name": "f", "arguments": ""}}),
            chunk({"function_call": {"arguments": "{}"}}),
            chunk({}, "function_call"),
        )
    )

    assert only(events, ToolStart)[0].kind == "function_call"
    assert only(events, Finish)[0].reason == "function_call"


def test_an_empty_legacy_call_beside_the_text_is_none() -> None:
    events = events_of(sse(chunk({"content": "a", "function_call": {"name": "", "arguments": ""}}), chunk({}, "stop")))

    assert only(events, ToolStart) == []
    assert only(events, Finish)[0].reason == "stop"


@pytest.mark.parametrize("delta", [{"index": 0}, {"index": 0, "id": "", "function": {"name": "", "arguments": ""}}, {}])
def test_empty_pieces_are_no_calls(delta: Any) -> None:
    events = events_of(sse(chunk({"content": "a", "tool_calls": [delta, None]}), chunk({}, "stop")))

    assert only(events, ToolStart) == []
    assert only(events, Finish)[0].reason == "stop"


def test_a_call_that_never_gets_a_name_cannot_be_executed() -> None:
    events = events_of(sse(chunk(tool(None, "{}", id="1", index=0)), chunk({}, "tool_calls")))

    assert isinstance(events[-1], Failed)
    assert type(events[-1].error) is ProtocolError


def test_arguments_that_never_get_a_name_cannot_be_executed_either() -> None:
    events = events_of(sse(chunk(tool(None, '{"a":1}', index=0)), chunk({}, "tool_calls")))

    assert isinstance(only(events, Failed)[0].error, ProtocolError)


@pytest.mark.parametrize("more", [{"index": 0}, {"index": 0, "id": "1"}, {"id": "1"}, {}])
def test_a_name_that_is_the_word_null_names_nothing(more: Any) -> None:
    assert calls(tool("f", "", id="1", index=0), tool("null", '{"a"', **more), tool("null", ":1}", **more)) == [
        ("1", "f", '{"a":1}')
    ]
    assert calls(tool("null", "{}", id="1", index=0)) == [("1", "null", "{}")]


def test_calls_of_different_choices_are_kept_apart() -> None:
    events = events_of(
        sse(
            chunk(tool("f", "{", id="1", index=0)),
            chunk(tool("g", "[", id="2", index=0), index=1),
            chunk(tool(None, "}", index=0)),
            chunk(tool(None, "]", index=0), "tool_calls", index=1),
            chunk({}, "tool_calls"),
        )
    )

    message = [choice["message"]["tool_calls"][0]["function"] for choice in collect(events)["choices"]]
    assert message == [{"name": "f", "arguments": "{}"}, {"name": "g", "arguments": "[]"}]


def test_calls_told_apart_by_their_ids_alone_may_take_turns() -> None:
    assert calls(
        many(("f", "", {"id": "1"}), ("g", "", {"id": "2"})),
        tool(None, '{"a":', id="1"),
        tool(None, '{"b":2}', id="2"),
        tool(None, "1}", id="1"),
    ) == [("1", "f", '{"a":1}'), ("2", "g", '{"b":2}')]


def test_an_index_written_as_text_is_an_index() -> None:
    assert calls(
        many(("f", "", {"id": "1", "index": "0"}), ("g", "", {"id": "2", "index": "1"})),
        tool(None, '{"a":1}', index="0"),
        tool(None, '{"b":2}', index="1"),
    ) == [("1", "f", '{"a":1}'), ("2", "g", '{"b":2}')]


def test_a_call_may_come_without_a_list_around_it() -> None:
    # https://github.com/huggingface/text-generation-inference: DeltaToolCall, before its version 3.
    first, second = tool("f", '{"a"', index=0, id="1"), tool(None, ":1}", index=0, id="")

    assert calls(*({"tool_calls": delta["tool_calls"][0]} for delta in (first, second))) == [("1", "f", '{"a":1}')]


def test_arguments_that_are_repeated_count_once() -> None:
    # All of them once more at the end, as they were or written anew: https://github.com/elizaOS/eliza/pull/16973
    told = [tool("f", "", id="1", index=0), tool(None, '{"a"', index=0), tool(None, ": 1}", index=0)]
    for again in (tool(None, '{"a": 1}', index=0), tool("f", '{"a":1}', id="1", index=0)):
        assert calls(*told, again) == [("1", "f", '{"a": 1}')]

    # What has come so far with each piece: https://github.com/NousResearch/hermes-agent/pull/35718
    pieces = ['{"a"', '{"a": 1, "b": ', '{"a": 1, "b": ', '{"a": 1, "b": {}}']
    assert calls(*(tool("f", piece, id="1", index=0) for piece in pieces)) == [("1", "f", '{"a": 1, "b": {}}')]


@pytest.mark.parametrize(
    "text", ['{"a":{"a":{"a":1}}}', '{"a":[{"a":[{"a":[]}]}]}', '{"a": "{{\\"a\\": {"}', "{}", '{ "a":{}}']
)
def test_objects_inside_objects_are_no_repetition(text: str) -> None:
    for size in range(1, len(text) + 1):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert calls(*(tool("f" if not at else None, piece, index=0) for at, piece in enumerate(pieces)))[0][2] == text


@pytest.mark.parametrize("empty", ["{}", {}])
def test_an_empty_object_before_the_arguments_is_none_of_them(empty: Any) -> None:
    # https://github.com/openai/openai-agents-js/pull/712
    assert calls(tool("f", empty, id="1", index=0), tool(None, '{"a"', index=0), tool(None, ":1}", index=0)) == [
        ("1", "f", '{"a":1}')
    ]
    assert [call[1:] for call in calls(*(tool("f", empty, index=0) for _ in range(2)))] == [("f", "{}"), ("f", "{}")]
    events = events_of(sse(chunk(many(("f", empty, {"index": 0}), ("g", "{", {"index": 1}))), chunk({}, "tool_calls")))
    assert [event.tool for event in events if type(event) in (ToolStart, ToolArgs)] == [0, 0, 1, 1]


def test_arguments_under_another_number_than_the_name_belong_to_it() -> None:
    # https://github.com/danny-avila/LibreChat/issues/13987
    pieces = [tool(None, '{"a"', index=1), tool(None, ":1}", index=1)]

    assert calls(tool("f", "", id="1", index=0), *pieces, tool("g", "{}", id="2", index=1)) == [
        ("1", "f", '{"a":1}'),
        ("2", "g", "{}"),
    ]


@pytest.mark.parametrize("fields", [({"index": 0}, {"index": 1}), ({"index": 0}, {"index": 0}), ({}, {})])
def test_two_calls_of_one_id_are_two_and_get_two_ids(fields: Any) -> None:
    # https://github.com/HKUDS/nanobot/pull/3943
    first, second = fields
    pieces = [tool("f", "", id="1", **first), tool(None, "{}", id="1", **first)]

    (one, two) = calls(*pieces, tool("g", '{"a"', id="1", **second), tool(None, ":1}", id="1", **second))

    assert (one, two[1:]) == (("1", "f", "{}"), ("g", '{"a":1}'))
    assert two[0].startswith("call_")

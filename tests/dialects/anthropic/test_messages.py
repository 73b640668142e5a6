"""Canonical conversations as `system` and turns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._round_trip import seal
from lingate._model import Call
from lingate.errors import BadRequestError, ConfigError, UnsupportedError
from tests.dialects.anthropic.oracle import check_params
from tests.dialects.anthropic.samples import (
    MARK,
    assistant,
    called,
    result,
    user,
)
from tests.dialects.anthropic.support import CHAT, NEWEST, dropped, send, target, text, wire


def turns(*messages: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    body = wire(messages=list(messages), **options)
    check_params(body)
    return body["messages"]


def test_a_lone_system_text_stays_a_string_and_the_turns_stay_strings() -> None:
    body = wire(messages=[{"role": "system", "content": "Be brief."}, user("hi")])

    assert body["system"] == "Be brief."
    assert body["messages"] == [{"role": "user", "content": "hi"}]


NOTE = {"role": "system", "content": "note"}
TOLD = "messages[].role (system messages behind the first turn were sent as the user's)"


@pytest.mark.requirement("X6")
def test_system_messages_at_the_head_stand_apart_and_later_ones_are_the_users_in_their_place() -> None:
    # A system text that grows with the conversation is another beginning each time, and nothing is read from the cache.
    messages = [
        {"role": "system", "content": "one"},
        {"role": "developer", "content": [{"type": "text", "text": "two", "cache_control": MARK}]},
        user("hi"),
        assistant("hello"),
        user("more"),
        {"role": "system", "content": "three", "cache_control": MARK},
    ]
    body = wire(messages=messages)

    assert body["system"] == [text("one"), text("two", cache_control=MARK)]
    assert body["messages"] == [
        *messages[2:4],
        user([text("more"), text("<system>\nthree\n</system>", cache_control=MARK)]),
    ]
    assert dropped(messages=messages) == [TOLD]
    check_params(body)


def test_a_picture_in_a_system_message_is_the_users_with_what_is_said_about_it() -> None:
    shown = {
        "role": "system",
        "content": [text("look"), {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}],
    }
    blocks = [
        text("<system>\nlook\n</system>"),
        {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
    ]

    late, head = [user("hi"), assistant("hello"), user("more"), shown], [NOTE, shown, user("hi")]

    assert wire(messages=late)["messages"][2:] == [user([text("more"), *blocks])]
    assert wire(messages=head)["messages"] == [user([*blocks, text("hi")])]
    assert dropped(messages=late) == dropped(messages=head) == [TOLD]
    check_params(wire(messages=head))


def test_a_late_system_message_stands_behind_all_results_of_a_turn_and_before_what_the_user_adds() -> None:
    calls = [user("go"), assistant(tool_calls=[called("a"), called("b")])]
    turn = wire(messages=[*calls, result("a"), NOTE, result("b"), user("and?")])["messages"][-1]["content"]

    assert [block.get("tool_use_id") or block["text"] for block in turn] == [
        "a",
        "b",
        "<system>\nnote\n</system>",
        "and?",
    ]


@pytest.mark.parametrize("traits", [{}, NEWEST])
def test_what_was_sent_stays_the_beginning_of_what_is_sent_next(traits: Any) -> None:
    turns = [user("a"), NOTE, assistant("b"), NOTE, assistant("c"), user("d"), NOTE, assistant("e"), NOTE]
    whole = json.dumps(wire(traits, messages=turns)["messages"])

    for end in (2, 4, 7):
        assert whole.startswith(json.dumps(wire(traits, messages=turns[:end])["messages"])[:-1])


def test_a_late_system_message_stays_where_it_is_if_the_model_takes_it() -> None:
    body = wire(NEWEST, messages=[{"role": "system", "content": "a"}, user("hi"), {"role": "system", "content": "b"}])

    assert body["system"] == "a"
    assert body["messages"] == [user("hi"), {"role": "system", "content": "b"}]


def test_a_late_system_message_never_divides_the_results_of_one_turn() -> None:
    body = wire(
        NEWEST,
        messages=[
            user("go"),
            assistant(tool_calls=[called("a"), called("b")]),
            result("a"),
            {"role": "system", "content": "note"},
            result("b"),
            user("and?"),
        ],
    )

    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user", "system"]
    assert [block.get("tool_use_id") for block in body["messages"][2]["content"]] == ["a", "b", None]


@pytest.mark.parametrize(
    ("messages", "turns", "system"),
    [
        ([user("a"), NOTE, user("b")], [user([text("a"), text("b")]), NOTE], None),
        ([user("a"), assistant("b"), NOTE, user("c")], [user("a"), assistant("b"), user("c"), NOTE], None),
        ([user("a"), NOTE, NOTE, assistant("b"), user("c")], [user("a"), NOTE, NOTE, assistant("b"), user("c")], None),
        (
            [user("a"), assistant("b"), NOTE, assistant("c"), user("d")],
            [user("a"), assistant("b"), user([text("<system>\nnote\n</system>")]), assistant("c"), user("d")],
            None,
        ),
        (
            [user("a"), assistant("b"), NOTE],
            [user("a"), assistant("b"), user([text("<system>\nnote\n</system>")])],
            None,
        ),
        # An assistant's message that says nothing is none.
        ([user("a"), NOTE, assistant(""), user("b")], [user([text("a"), text("b")]), NOTE], None),
        (
            [user("a"), assistant("b"), NOTE, assistant(""), user("c")],
            [user("a"), assistant("b"), user("c"), NOTE],
            None,
        ),
    ],
)
def test_a_late_system_message_stands_behind_a_turn_of_the_users_and_before_one_of_the_assistants(
    messages: list[dict[str, Any]], turns: list[dict[str, Any]], system: Any
) -> None:
    # Anything else is a 400: "role 'system' must follow a 'user' message", "must precede an 'assistant' message".
    body = wire(NEWEST, messages=messages)

    assert body["messages"] == turns
    assert body.get("system") == system


@pytest.mark.parametrize("traits", [{}, {"prefill": False}, {**NEWEST, "prefill": False}])
def test_a_system_message_behind_the_assistants_last_words_asks_for_an_answer(traits: Any) -> None:
    # The model was made to go on with those words, or the request was refused as if it were asked to.
    messages = [user("hi"), assistant("Hello."), {"role": "system", "content": "Now summarise."}]

    asked = user([text("<system>\nNow summarise.\n</system>")])
    assert wire(traits, messages=messages)["messages"] == [*messages[:2], asked]
    assert dropped(traits, messages=messages) == [TOLD]


def test_a_lone_system_message_is_sent_as_the_users_since_there_must_be_one() -> None:
    messages = [{"role": "system", "content": "Say hello."}]

    assert wire(messages=messages)["messages"] == [user([text("Say hello.")])]
    assert any("messages[0].role" in what for what in dropped(messages=messages))


@pytest.mark.parametrize(
    "messages", [[], None, "hi", [user("")], [{"role": "robot", "content": "x"}], ["hi"], [user(5)]]
)
def test_messages_that_make_no_sense_are_refused_before_anything_is_sent(messages: Any) -> None:
    with pytest.raises(ConfigError, match=r"^messages"):
        wire(messages=messages)


def test_consecutive_messages_of_one_role_become_one_turn() -> None:
    assert turns(user("a"), user("b"), assistant("c"), assistant("d"), user("e")) == [
        user([text("a"), text("b")]),
        assistant([text("c"), text("d")]),
        user("e"),
    ]


@pytest.mark.requirement("X6")
@pytest.mark.parametrize("empty", [None, "", [], [{"type": "text", "text": ""}], "  \n"])
def test_an_assistant_message_without_content_leaves_no_turn(empty: Any) -> None:
    assert turns(user("a"), assistant(empty), user("b")) == [user([text("a"), text("b")])]


@pytest.mark.requirement("X6")
@pytest.mark.parametrize("empty", [None, "", []])
def test_an_assistant_message_may_consist_of_tool_calls_only(empty: Any) -> None:
    made = turns(user("a"), assistant(empty, tool_calls=[called("t1", '{"x": 1}')]), result("t1"))

    assert made[1] == assistant([{"type": "tool_use", "id": "t1", "name": "look", "input": {"x": 1}}])


def test_blank_text_is_left_out_and_said_so() -> None:
    messages = [user([text("  "), text("hi")])]

    assert wire(messages=messages)["messages"] == [user([text("hi")])]
    assert dropped(messages=messages) == ["messages[0].content[0] (blank text)"]


def test_the_results_of_a_turn_go_into_the_next_user_turn_ahead_of_its_text() -> None:
    made = turns(
        user("go"),
        assistant("calling", tool_calls=[called("a"), called("b")]),
        user("by the way"),
        result("a", "1"),
        result(
            "b", [{"type": "text", "text": "2"}, {"type": "image_url", "image_url": {"url": "https://x.test/i.png"}}]
        ),
        user("so?"),
    )

    assert made[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "1"},
        {
            "type": "tool_result",
            "tool_use_id": "b",
            "content": [text("2"), {"type": "image", "source": {"type": "url", "url": "https://x.test/i.png"}}],
        },
        text("by the way"),
        text("so?"),
    ]
    assert [turn["role"] for turn in made] == ["user", "assistant", "user"]


def test_a_tool_result_may_be_empty_a_failure_named_or_marked_for_caching() -> None:
    made = turns(
        user("go"),
        assistant(tool_calls=[called("a"), called("b"), called("c")]),
        result("a", None),
        result("b", "boom", is_error=True, name="look"),
        result("c", "ok", cache_control=MARK),
    )

    assert made[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a"},
        {"type": "tool_result", "tool_use_id": "b", "content": "boom", "is_error": True},
        {"type": "tool_result", "tool_use_id": "c", "content": "ok", "cache_control": MARK},
    ]


def test_a_tool_result_without_an_id_names_the_message() -> None:
    with pytest.raises(ConfigError, match=r"messages\[1\]\.tool_call_id"):
        wire(messages=[user("go"), {"role": "tool", "content": "x"}])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", {}),
        ("  ", {}),
        (None, {}),
        ("{}", {}),
        ("null", {}),
        ("[]", {}),
        ({"a": 1}, {"a": 1}),
        ('{"a": [1, null]}', {"a": [1, None]}),
        (json.dumps('{"a": 1}'), {"a": 1}),  # quarkiverse/quarkus-langchain4j#2642, tridz-dev/huf#676
    ],
)
def test_tool_arguments_come_as_text_an_object_or_nothing(arguments: Any, expected: dict[str, Any]) -> None:
    made = turns(user("go"), assistant(tool_calls=[called("t", arguments)]), result("t"))

    assert made[1]["content"][0]["input"] == expected


@pytest.mark.parametrize(("arguments", "shown"), [('{"a": ', '{"a": '), ("[1]", [1]), ('"text"', "text"), ("7", 7)])
def test_arguments_that_a_model_wrote_wrong_stay_in_the_conversation_as_what_they_are(
    arguments: Any, shown: Any
) -> None:
    asked = {"messages": [user("go"), assistant(tool_calls=[called("t", arguments)]), result("t")]}
    body, sent = send(Call("chat", "m", asked))

    assert body["messages"][1]["content"][0]["input"] == {"arguments": shown}
    assert sent.dropped == ["messages[1].tool_calls[0].function.arguments (no JSON object: its text was put into one)"]


def test_tool_arguments_that_are_neither_text_nor_an_object_are_refused_with_their_place() -> None:
    with pytest.raises(
        ConfigError, match=r"messages\[1\]\.tool_calls\[0\]\.function\.arguments: must be a JSON object"
    ):
        wire(messages=[user("go"), assistant(tool_calls=[called("t", 3)]), result("t")])


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"tool_calls": "x"}, "tool_calls"),
        ({"tool_calls": [5]}, "tool_calls[0]"),
        ({"tool_calls": [{"id": "t", "function": {}}]}, "tool_calls[0]"),
        ({"tool_calls": [{"id": "", "function": {"name": "f"}}]}, "tool_calls[0].id"),
        ({"function_call": {"arguments": "{}"}}, "tool_calls[0]"),
    ],
)
def test_a_tool_call_that_makes_no_sense_is_refused_with_its_place(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        wire(messages=[user("go"), assistant(None, **fields)])
    assert str(caught.value).startswith(f"messages[1].{where}: ")


def test_fields_of_a_message_that_have_no_place_are_reported() -> None:
    messages = [
        user([{"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}}]),
        assistant("a", audio={"id": "x"}, weight=1),
        {**result("t"), "custom": 1},
    ]

    assert dropped(messages=messages) == [
        "messages[0].content[0].image_url.detail",
        "messages[1].audio",
        "messages[1].weight",
        "messages[2].custom",
    ]


def test_a_part_may_be_a_bare_string_and_a_tool_call_may_bear_a_cache_mark() -> None:
    made = turns(user(["a", text("b")]), assistant(tool_calls=[{**called("t"), "cache_control": MARK}]), result("t"))

    assert made[0]["content"] == [text("a"), text("b")]
    assert made[1]["content"][0]["cache_control"] == MARK


def test_kept_blocks_are_dropped_when_the_arguments_are_no_longer_json() -> None:
    use = {"type": "tool_use", "id": "t", "name": "look", "input": {"a": 1}, "caller": {"type": "other"}}
    kept = {"provider_specific_fields": {"anthropic": {"content": [use]}}}

    made = turns(user("q"), assistant(None, tool_calls=[called("t", "{")], **kept), result("t"))
    assert made[1]["content"] == [{"type": "tool_use", "id": "t", "name": "look", "input": {"arguments": "{"}}]


def test_a_file_says_its_type_where_its_data_does_not() -> None:
    part = {"type": "file", "file": {"file_data": "aGk=", "format": "text/csv"}}

    assert turns(user([part]))[0]["content"][0]["source"]["data"] == "hi"


def test_ids_of_other_providers_are_written_in_the_letters_this_format_allows() -> None:
    made = turns(user("go"), assistant(tool_calls=[called("functions.look:0")]), result("functions.look:0"))

    used, answered = made[1]["content"][0]["id"], made[2]["content"][0]["tool_use_id"]
    assert used == answered
    assert used.startswith("functions_look_0_")


def test_two_ids_that_differ_only_in_forbidden_letters_stay_different() -> None:
    made = turns(user("go"), assistant(tool_calls=[called("a.1"), called("a:1")]), result("a.1"), result("a:1"))

    assert len({block["id"] for block in made[1]["content"]}) == 2


def test_calls_of_one_id_have_one_each_and_so_have_their_results() -> None:
    # Kimi's ids are unique within an answer only (fw-ai/fireconnect#16); "tool_use ids must be unique", says this API.
    again = [assistant(tool_calls=[called("look:0")]), result("look:0")]
    both = [assistant(tool_calls=[called("look:0"), called("look:0")]), result("look:0"), result("look:0")]
    asked = [user("go"), *again, *both, *again, user("and?")]

    made = turns(*asked)

    used = [block["id"] for turn in made[1::2] for block in turn["content"]]
    assert len({*used}) == 4
    assert [block["tool_use_id"] for turn in made[2::2] for block in turn["content"] if block["type"] != "text"] == used
    assert turns(*asked, assistant("so."), user("go on"))[:6] == made[:6], "what was cached once stays the same"


@pytest.mark.parametrize("between", [[], [user(" ")], [user("hm")], [assistant("")]])
def test_a_call_has_one_result(between: list[dict[str, Any]]) -> None:
    # "each tool_use must have a single result": histories in which one stands twice (QwenLM/qwen-code#8163,
    # router-for-me/CLIProxyAPI#4997).
    calls = [user("go"), assistant(tool_calls=[called("a"), called("b")])]
    asked = [*calls, *between, result("a"), *between, result("b"), *between, result("a")]

    made = turns(*asked, user("and?"))

    told = [block["tool_use_id"] for block in made[2]["content"] if block["type"] == "tool_result"]
    assert (len(made), told) == (3, ["a", "b"])
    assert f"messages[{len(asked) - 1}] (a second result of one call)" in dropped(messages=asked)


def test_the_last_result_of_an_id_is_the_last_calls() -> None:
    made = turns(
        user("go"), assistant(tool_calls=[called("a")]), user("no"), assistant(tool_calls=[called("a")]), result("a")
    )

    assert made[4]["content"][0]["tool_use_id"] == made[3]["content"][0]["id"] != "a"


def test_a_call_that_stands_in_the_content_too_is_one() -> None:
    # BerriAI/litellm#23510
    use = {"type": "tool_use", "id": "a", "name": "look", "input": {"b": 1}}

    made = turns(user("go"), assistant([text("hm"), use], tool_calls=[called("a", '{"b": 1}')]), result("a"))

    assert made[1]["content"] == [text("hm"), use]


def test_legacy_function_messages_become_a_tool_call_and_its_result() -> None:
    made = turns(
        user("go"),
        assistant(None, function_call={"name": "look", "arguments": '{"a": 1}'}),
        {"role": "function", "name": "look", "content": "seen"},
    )

    used = made[1]["content"][0]
    assert (used["name"], used["input"]) == ("look", {"a": 1})
    assert made[2]["content"] == [{"type": "tool_result", "tool_use_id": used["id"], "content": "seen"}]


def test_legacy_calls_of_one_function_have_an_id_each() -> None:
    again = [assistant(None, function_call={"name": "look"}), {"role": "function", "name": "look", "content": "seen"}]

    made = turns(user("go"), *again, *again, *again)

    used = [turn["content"][0]["id"] for turn in made[1::2]]
    assert len({*used}) == 3
    assert [turn["content"][0]["tool_use_id"] for turn in made[2::2]] == used


def test_thinking_goes_back_verbatim_at_the_head_of_the_turn() -> None:
    thinking = [
        {"type": "thinking", "thinking": "hm", "signature": "sig=="},
        {"type": "redacted_thinking", "data": "xyz"},
    ]
    made = turns(
        user("go"),
        assistant("look", thinking_blocks=thinking, reasoning_content="hm", tool_calls=[called("t")]),
        result("t"),
    )

    assert made[1]["content"] == [*thinking, text("look"), {"type": "tool_use", "id": "t", "name": "look", "input": {}}]


def test_reasoning_of_another_model_stays_out_and_is_reported() -> None:
    unsigned = [{"type": "thinking", "thinking": "hm"}]
    for fields in ({"reasoning_content": "hm"}, {"thinking_blocks": unsigned, "reasoning_content": "hm"}):
        messages = [user("go"), assistant("look", **fields), user("on")]

        assert wire(messages=messages)["messages"][1] == assistant("look")
        assert len(dropped(messages=messages)) == 1


def test_signatures_of_another_dialect_stay_out() -> None:
    foreign = [
        {"type": "thinking", "thinking": "hm", "signature": seal("other", "abc")},
        {"type": "redacted_thinking", "data": seal("other", "abc")},
        {"type": "thinking", "thinking": "mine", "signature": "c2ln"},
    ]
    messages = [user("go"), assistant("look", thinking_blocks=foreign), user("on")]

    assert wire(messages=messages)["messages"][1]["content"] == [foreign[2], text("look")]
    assert dropped(messages=messages) == ["messages[1].thinking_blocks (another provider's)"]


def test_unsigned_reasoning_goes_back_where_the_provider_wants_it() -> None:
    messages = [user("go"), assistant("look", reasoning_content="hm"), user("on")]

    made = wire({"reasoning_history": "reasoning_content"}, messages=messages)

    assert made["messages"][1]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": ""}
    bare = {"type": "thinking", "thinking": "hm"}
    messages = [user("go"), assistant("look", thinking_blocks=[bare]), user("on")]
    assert wire({"reasoning_history": "thinking_blocks"}, messages=messages)["messages"][1]["content"][0] == bare


def test_thinking_stays_out_where_the_provider_wants_none() -> None:
    signed = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    messages = [user("go"), assistant("look", thinking_blocks=signed), user("on")]

    assert wire({"reasoning_history": "drop"}, messages=messages)["messages"][1] == assistant("look")


def test_a_name_on_a_user_message_is_reported_and_a_refusal_in_the_history_is_text() -> None:
    messages = [user("hi", name="Ann"), assistant(None, refusal="I cannot."), user("why?")]

    assert wire(messages=messages)["messages"][1] == assistant([text("I cannot.")])
    assert dropped(messages=messages) == ["messages[0].name"]


def test_a_trailing_assistant_message_is_a_prefill_without_trailing_space() -> None:
    messages = [user("hi"), assistant("The answer is ")]

    assert wire(messages=messages)["messages"][-1] == assistant([text("The answer is")])
    assert dropped(messages=messages) == ["messages[-1].content (trailing whitespace)"]


def test_a_prefill_is_unsupported_where_the_model_takes_none() -> None:
    messages = [user("hi"), assistant("The answer is")]

    with pytest.raises(UnsupportedError):
        wire({"prefill": False}, messages=messages)
    assert wire({"prefill": False}, drop_params=True, messages=messages)["messages"] == [user("hi")]


@pytest.mark.parametrize(
    ("late", "betas"),
    [
        (
            {"role": "system", "content": "Now.", "clear_at": "next_user_message"},
            "mid-conversation-system-clear-at-2026-08-21",
        ),
        (
            {"role": "system", "output_config": {"effort": "low"}},
            "mid-conversation-output-config-2026-07-01",
        ),
        (
            {
                "role": "system",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": MARK}],
                "clear_at": "never",
                "output_config": {"effort": "low"},
            },
            "mid-conversation-system-clear-at-2026-08-21,mid-conversation-output-config-2026-07-01",
        ),
    ],
)
def test_fields_of_a_late_system_message_survive_both_ways(late: dict[str, Any], betas: str) -> None:
    history = [user("q"), assistant("a"), user("on"), late, assistant("b"), user("and")]
    asked = {"model": "claude-test", "max_tokens": 9, "messages": history}

    body, sent = send(CHAT.parse_call(json.dumps(asked).encode(), {}), target(NEWEST))
    assert body == asked
    assert sent.headers["anthropic-beta"] == betas

    elsewhere, sent = send(CHAT.parse_call(json.dumps(asked).encode(), {}), target())
    assert {f"messages[3].{name}" for name in late.keys() - {"role", "content"}} <= set(sent.dropped)
    assert "clear_at" not in json.dumps(elsewhere)


def test_a_late_system_message_that_says_nothing_is_refused() -> None:
    asked = {"model": "m", "max_tokens": 9, "messages": [user("q"), {"role": "system"}]}

    with pytest.raises(BadRequestError, match=r"^messages\[1\]\.content"):
        CHAT.parse_call(json.dumps(asked).encode(), {})

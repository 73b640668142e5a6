"""History as each kind of provider takes it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lingate._model import Call
from lingate._providers.families import family_traits
from lingate.errors import ConfigError
from tests.dialects.openai_chat.support import CHAT, HELLO, target, wire


def written(*messages: Any, drop: bool = False, **traits: Any) -> list[Any]:
    out: list[Any] = wire(Call("chat", "m", {"messages": list(messages)}, drop_params=drop), target(traits=traits))[
        "messages"
    ]
    return out


def dropped(*messages: Any, **traits: Any) -> list[str]:
    return list(CHAT.request(Call("chat", "m", {"messages": list(messages)}), target(traits=traits)).dropped)


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLER = {"role": "assistant", "content": None, "tool_calls": [CALL]}
THOUGHT = {
    "role": "assistant",
    "content": "hi",
    "reasoning_content": "hm",
    "thinking_blocks": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
    ],
}


@pytest.mark.parametrize("taken", ["[a-zA-Z0-9]{9}", ".{1,40}"])
def test_ids_of_calls_that_another_provider_gave_are_replaced_where_they_are_not_taken(taken: str) -> None:
    foreign = "toolu_" + "x" * 60
    result = {"role": "tool", "tool_call_id": foreign, "content": "ok"}
    asked, answered, asked_again, answered_again = written(
        {"role": "assistant", "content": None, "tool_calls": [{**CALL, "id": foreign}]},
        result,
        {"role": "assistant", "content": None, "tool_calls": [{**CALL, "id": "D681PevKs"}]},
        {**result, "tool_call_id": "D681PevKs"},
        call_ids=taken,
    )

    assert re.fullmatch("[a-zA-Z0-9]{9}", asked["tool_calls"][0]["id"])
    assert answered["tool_call_id"] == asked["tool_calls"][0]["id"]
    assert asked_again["tool_calls"][0]["id"] == answered_again["tool_call_id"] == "D681PevKs"
    assert result["tool_call_id"] == foreign


def test_a_turn_stands_between_a_result_and_a_user_where_one_must() -> None:
    asked = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "ok"}
    turns = [*HELLO, asked, result, *HELLO]

    assert written(*turns, strict_turns=True) == [
        *HELLO,
        asked,
        result,
        {"role": "assistant", "content": "Done."},
        *HELLO,
    ]
    assert dropped(*turns, strict_turns=True) == [
        "messages[3] (a turn of the assistant was added, as the model needs one there)"
    ]
    assert written(*turns) == turns
    assert written(*HELLO, asked, result, strict_turns=True) == turns[:3]


@pytest.mark.parametrize("content", ["", None, []])
def test_an_answer_that_was_empty_is_left_out_where_it_would_be_refused(content: Any) -> None:
    empty = {"role": "assistant", "content": content, "reasoning_content": "..."}

    assert written(*HELLO, empty, *HELLO, strict_turns=True) == [*HELLO, *HELLO]
    kimi = {"strict_turns": "answers", "reasoning_history": "reasoning_content"}
    assert written(*HELLO, empty, *HELLO, **kimi) == [*HELLO, *HELLO]
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    turns = [*HELLO, called, {"role": "tool", "tool_call_id": "c1", "content": "ok"}, *HELLO]
    assert written(*turns, **kimi) == turns
    assert written(*HELLO, empty, *HELLO) == [*HELLO, {"role": "assistant", "content": ""}, *HELLO]


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SEEN = {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "a"}, PICTURE]}
FILE = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}}
READ = {"role": "tool", "tool_call_id": "c2", "content": [FILE]}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ({"file_data": "data:application/pdf;base64,AAAA"}, "file.pdf"),
        ({"file_data": "data:text/plain;base64,AAAA", "filename": ""}, "file"),
        ({"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}, "a.pdf"),
        ({"file_id": "file-1"}, None),
    ],
)
def test_a_file_whose_data_are_there_has_a_name(file: dict[str, Any], name: str | None) -> None:
    # OpenAI: 400 "Missing required parameter: 'messages[0].content[0].file.file_id'" without one, as Claude Code sends PDFs.
    made = written({"role": "user", "content": [{"type": "file", "file": file}]})[0]["content"][0]["file"]

    assert made == {**file, **({"filename": name} if name else {})}


def test_pictures_and_files_that_tools_gave_stand_in_the_turn_of_the_user_behind_all_results() -> None:
    told = [
        {"type": "text", "text": "From the tool call c1:"},
        PICTURE,
        {"type": "text", "text": "From the tool call c2:"},
        FILE,
    ]
    results = [
        {**SEEN, "content": [{"type": "text", "text": "a"}]},
        {**READ, "content": "See the next message."},
    ]

    assert written(SEEN, READ, tool_media=False) == [*results, {"role": "user", "content": told}]
    assert written(SEEN, READ, *HELLO, tool_media=False) == [
        *results,
        {"role": "user", "content": [*told, {"type": "text", "text": "hello"}]},
    ]
    assert written(SEEN, CALLER, READ, tool_media=False)[1:3] == [{"role": "user", "content": told[:2]}, CALLER]
    plain = {"role": "tool", "tool_call_id": "c3", "content": "only text"}
    assert written(SEEN, plain, tool_media=False)[1:] == [plain, {"role": "user", "content": told[:2]}]
    assert written(SEEN, tool_media=False, text_content=True)[0]["content"] == "a"
    assert dropped(SEEN, tool_media=False) == ["messages[0].content (its media were put into a turn of the user's)"]
    assert written(SEEN, READ) == [SEEN, READ]
    assert SEEN["content"][1] is PICTURE


class TestAssistant:
    @pytest.mark.parametrize("content", [None, [], ""])
    def test_empty_content_is_text_without_calls_and_null_with_them(self, content: Any) -> None:
        assert written({"role": "assistant", "content": content}) == [{"role": "assistant", "content": ""}]
        with_calls = {"role": "assistant", "content": content, "tool_calls": [CALL]}
        assert written(with_calls) == [{"role": "assistant", "content": None, "tool_calls": [CALL]}]
        assert written(with_calls, text_content=True)[0]["content"] == ""

    def test_content_that_is_missing_is_treated_the_same(self) -> None:
        assert written({"role": "assistant", "tool_calls": [CALL]})[0]["content"] is None
        assert written({"role": "assistant"})[0]["content"] == ""

    def test_nulls_of_an_answer_are_left_out_when_it_goes_back(self) -> None:
        answer = {
            "role": "assistant",
            "content": "a",
            "refusal": None,
            "audio": None,
            "function_call": None,
            "tool_calls": None,
        }

        assert written(answer) == [{"role": "assistant", "content": "a"}]

    @pytest.mark.parametrize(("arguments", "text"), [({"a": 1}, '{"a":1}'), (None, "{}"), ("", "{}"), ({}, "{}")])
    def test_arguments_go_back_as_json_text(self, arguments: Any, text: str) -> None:
        call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}

        assert written({"role": "assistant", "content": None, "tool_calls": [call]})[0]["tool_calls"][0][
            "function"
        ] == {
            "name": "f",
            "arguments": text,
        }

    def test_arguments_that_are_no_json_are_put_into_an_object_where_templates_read_them(self) -> None:
        # Cut off by a limit, they stay in the conversation, and each later turn was a 400.
        cut = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": "b'}}
        turn = {"role": "assistant", "content": None, "tool_calls": [cut, CALL]}

        first, second = written(turn)[0]["tool_calls"]
        assert json.loads(first["function"]["arguments"]) == {"arguments": '{"a": "b'}
        assert second == CALL
        assert "function.arguments" in dropped(turn)[0]
        for trait in ("custom_tools", "canonical_history"):
            assert written(turn, **{trait: True})[0]["tool_calls"] == [cut, CALL]

    def test_a_turn_of_the_users_stands_behind_the_head_where_there_must_be_one(self) -> None:
        # An agent that makes room may leave its calls and their results alone.
        turns = [
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "x"},
        ]
        system = {"role": "system", "content": "s"}

        assert [turn["role"] for turn in written(system, *turns, needs_user=True)] == [
            "system",
            "user",
            "assistant",
            "tool",
        ]
        assert [turn["role"] for turn in written(*turns, needs_user=True)] == ["user", "assistant", "tool"]
        assert "full stop" in dropped(*turns, needs_user=True)[0]
        assert written(*HELLO, needs_user=True) == list(HELLO)
        assert written(needs_user=True) == []

    def test_audio_goes_back_by_its_id_alone(self) -> None:
        answer = {"role": "assistant", "content": None, "audio": {"id": "a1", "data": "xxxx", "expires_at": 1}}

        assert written(answer) == [{"role": "assistant", "content": None, "audio": {"id": "a1"}}]

    def test_legacy_function_calls_pass(self) -> None:
        answer = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}

        assert written(answer, {"role": "function", "name": "f", "content": "1"}) == [
            answer,
            {"role": "function", "name": "f", "content": "1"},
        ]

    def test_a_strict_provider_gets_nothing_that_only_answers_have(self) -> None:
        answer = {
            "role": "assistant",
            "content": "a",
            "refusal": "",
            "images": [],
            "tool_calls": [{**CALL, "index": 0}],
        }

        assert written(answer, strict_schema=True) == [{"role": "assistant", "content": "a", "tool_calls": [CALL]}]
        assert written(answer)[0]["tool_calls"][0]["index"] == 0

    @pytest.mark.parametrize("trait", ["strict_schema", "custom_tools"])
    def test_googles_signature_of_a_call_goes_back_where_it_may_have_come_from(self, trait: str) -> None:
        signed = {**CALL, "extra_content": {"google": {"thought_signature": "c2ln"}}}
        answer = {"role": "assistant", "content": None, "tool_calls": [signed]}

        assert written(answer)[0]["tool_calls"] == [signed]
        assert written(answer, custom_tools=True, canonical_history=True)[0]["tool_calls"] == [signed]
        assert written(answer, **{trait: True})[0]["tool_calls"] == [CALL]
        assert dropped(answer, **{trait: True}) == ["messages[].tool_calls[].extra_content"]


class TestReasoning:
    def test_a_provider_that_does_not_take_it_back_does_not_get_it_and_we_say_so(self) -> None:
        message = {**THOUGHT, "provider_specific_fields": {"x": 1}, "annotations": [], "weight": 1}

        assert written(message) == [{"role": "assistant", "content": "hi", "weight": 1}]
        assert dropped(message) == [
            "messages[].reasoning_content",
            "messages[].thinking_blocks",
            "messages[].annotations",
            "messages[].provider_specific_fields",
        ]

    @pytest.mark.parametrize("history", ["reasoning_content", "reasoning"])
    def test_it_goes_back_as_text_under_the_providers_name(self, history: Any) -> None:
        assert written(THOUGHT, reasoning_history=history) == [{"role": "assistant", "content": "hi", history: "hm"}]

    def test_text_is_taken_from_blocks_where_there_is_no_other(self) -> None:
        message = {name: value for name, value in THOUGHT.items() if name != "reasoning_content"}

        assert written(message, reasoning_history="reasoning")[0]["reasoning"] == "hm"

    def test_text_is_taken_from_details_where_there_is_no_other(self) -> None:
        details = [{"type": "reasoning.summary", "summary": "h"}, {"type": "reasoning.text", "text": "m"}]
        message = {"role": "assistant", "content": "hi", "reasoning_details": details}

        assert written(message, reasoning_history="reasoning_content")[0]["reasoning_content"] == "hm"

    def test_details_without_a_text_are_missed_where_only_text_goes_back(self) -> None:
        details = [{"type": "reasoning.encrypted", "data": "x", "format": "openai-responses-v1"}]
        message = {"role": "assistant", "content": "hi", "reasoning_details": details}

        assert written(message, reasoning_history="reasoning_content") == [{"role": "assistant", "content": "hi"}]
        assert dropped(message, reasoning_history="reasoning_content") == ["messages[].reasoning_details"]

    def test_an_empty_reasoning_is_kept_because_some_require_the_field(self) -> None:
        message = {"role": "assistant", "content": None, "reasoning_content": "", "tool_calls": [CALL]}

        assert written(message, reasoning_history="reasoning_content")[0]["reasoning_content"] == ""

    def test_details_go_back_unchanged(self) -> None:
        details = [{"type": "reasoning.encrypted", "data": "x", "format": "google-gemini-v1", "id": "t", "index": 0}]
        message = {**THOUGHT, "reasoning_details": details}

        assert written(message, reasoning_history="reasoning_details") == [
            {"role": "assistant", "content": "hi", "reasoning_details": details}
        ]

    def test_blocks_of_another_provider_become_details(self) -> None:
        assert written(THOUGHT, reasoning_history="reasoning_details")[0]["reasoning_details"] == [
            {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
            {"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1", "index": 1},
        ]

    def test_bare_text_goes_to_openrouters_other_field(self) -> None:
        message = {"role": "assistant", "content": "hi", "reasoning_content": "hm"}

        assert written(message, reasoning_history="reasoning_details")[0]["reasoning"] == "hm"

    def test_blocks_are_kept_where_they_are_understood(self) -> None:
        assert written(THOUGHT, reasoning_history="thinking_blocks") == [THOUGHT]


PARTS = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "b"}]


class TestContent:
    def test_cache_marks_are_taken_off_parts_messages_tools_and_calls(self) -> None:
        mark = {"cache_control": {"type": "ephemeral"}}
        messages = [
            {"role": "system", "content": PARTS, **mark},
            {"role": "assistant", "content": None, "tool_calls": [{**CALL, **mark}]},
        ]
        tool = {"type": "function", "function": {"name": "f"}}
        made = Call(
            "chat", "m", {"messages": messages, "tools": [{**tool, **mark}], "cache_control": {"type": "ephemeral"}}
        )

        body = wire(made)

        assert "cache_control" not in str(body)
        assert body["tools"] == [tool]
        assert CHAT.request(made, target()).dropped == ["cache_control"]
        kept = wire(made, target(traits={"cache_control": True}))
        assert kept["messages"] == messages
        assert kept["tools"] == [{**tool, **mark}]

    def test_text_is_joined_where_only_strings_are_taken(self) -> None:
        image = {"type": "image_url", "image_url": {"url": "data:,"}}

        assert written({"role": "user", "content": PARTS}, text_content=True)[0]["content"] == "a\nb"
        assert (
            written({"role": "tool", "tool_call_id": "1", "content": PARTS}, text_content=True)[0]["content"] == "a\nb"
        )
        assert written({"role": "user", "content": [PARTS[1], image]}, text_content=True)[0]["content"] == [
            PARTS[1],
            image,
        ]

    @pytest.mark.parametrize(
        "part",
        [
            {"type": "image_url", "image_url": {"url": "https://x/i.png", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"type": "file", "file": {"file_data": "data:,", "filename": "a.pdf"}},
            {"type": "video_url", "video_url": {"url": "https://x/v.mp4"}},
        ],
    )
    def test_media_parts_pass_as_they_are(self, part: Any) -> None:
        assert written({"role": "user", "content": [part]}) == [{"role": "user", "content": [part]}]

    @pytest.mark.parametrize("kind", ["image_url", "file"])
    def test_the_media_type_that_gateways_of_this_kind_write_goes_to_them_alone(self, kind: str) -> None:
        given: dict[str, Any] = {"type": kind, kind: {"url": "https://x/i.png", "format": "image/png"}}
        body = {"messages": [{"role": "user", "content": [given]}]}
        sent = CHAT.request(Call("chat", "m", body), target())

        part = json.loads(sent.body)["messages"][0]["content"][0]
        assert part == {"type": kind, kind: {"url": "https://x/i.png"}}
        assert sent.dropped == [f"messages[].content[].{kind}.format"]
        assert wire(sent.call, target(traits={"canonical_history": True}))["messages"] == body["messages"]

    def test_an_image_given_as_a_bare_url_and_nulls_inside_parts_are_straightened(self) -> None:
        parts = [{"type": "image_url", "image_url": "https://x/i.png", "text": None}, "plain"]

        assert written({"role": "user", "content": parts})[0]["content"] == [
            {"type": "image_url", "image_url": {"url": "https://x/i.png"}},
            {"type": "text", "text": "plain"},
        ]

    @pytest.mark.parametrize(("content", "text"), [(None, ""), ([], ""), ({"a": 1}, '{"a":1}'), (5, "5"), ("x", "x")])
    def test_a_tool_result_is_text(self, content: Any, text: str) -> None:
        assert written({"role": "tool", "tool_call_id": "1", "content": content, "name": None}) == [
            {"role": "tool", "tool_call_id": "1", "content": text}
        ]

    def test_a_result_without_its_call_and_a_system_message_at_the_end_are_sent(self) -> None:
        messages = [*HELLO, {"role": "tool", "tool_call_id": "x", "content": "1"}, {"role": "system", "content": "s"}]

        assert written(*messages) == messages

    def test_something_that_is_no_message_is_a_config_error_that_says_where(self) -> None:
        with pytest.raises(ConfigError, match=r"messages\[1\] is a int"):
            written(*HELLO, 5)


class TestSystem:
    MESSAGES = (
        {"role": "system", "content": "one"},
        {"role": "developer", "content": "two"},
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "three"},
        {"role": "user", "content": "bye"},
    )

    @pytest.mark.parametrize("role", ["system", "developer", "user"])
    def test_system_text_goes_under_the_role_the_model_knows(self, role: Any) -> None:
        roles = [message["role"] for message in written(*self.MESSAGES, system_role=role)]

        assert roles == [role, role, "user", role, "user"]

    def test_system_messages_are_one_at_the_head_where_they_must_be(self) -> None:
        # What stands there is the beginning of every later request, which providers cache: it is not to grow.
        assert written(*self.MESSAGES, late_system="user") == [
            {"role": "system", "content": "one\n\ntwo"},
            {"role": "user", "content": "hi"},
            {"role": "user", "content": "<system>\nthree\n</system>"},
            {"role": "user", "content": "bye"},
        ]
        assert written(*self.MESSAGES[:2], late_system="user") == [{"role": "system", "content": "one\n\ntwo"}]

    @pytest.mark.parametrize("late", ["user", "result"])
    def test_a_late_system_message_divides_no_calls_from_their_results(self, late: Any) -> None:
        note = {"role": "system", "content": "note"}
        results = [{"role": "tool", "tool_call_id": given, "content": given} for given in "ab"]
        calls = [{"id": given, "type": "function", "function": {"name": "f", "arguments": "{}"}} for given in "ab"]
        asked = {"role": "assistant", "content": None, "tool_calls": calls}
        told = "<system>\nnote\n</system>"

        made = written(*HELLO, asked, results[0], note, results[1], {"role": "system", "content": ""}, late_system=late)

        inside = [{**results[0], "content": f"a\n\n{told}"}, results[1]]
        assert made[-2 if late == "result" else -3 :] == (
            inside if late == "result" else [*results, {"role": "user", "content": told}]
        )

    def test_lists_of_parts_are_joined_as_lists(self) -> None:
        parts = [{"type": "text", "text": "late"}]
        late = {"role": "system", "content": parts}

        made = written(self.MESSAGES[0], late, *HELLO, late, late_system="user")
        assert made[0]["content"] == [{"type": "text", "text": "one"}, *parts]
        assert made[-1] == {"role": "user", "content": [{"type": "text", "text": "<system>\nlate\n</system>"}]}

    def test_a_last_system_message_asks_mistral_and_qwen_for_an_answer(self) -> None:
        # It was at the head, and the model went on with the answer that it had already given.
        for model in ("mistral-large-latest", "qwen3.5-plus"):
            made = written(
                *HELLO,
                {"role": "assistant", "content": "a"},
                {"role": "system", "content": "b"},
                **family_traits(model),
            )
            assert made[-1] == {"role": "user", "content": "<system>\nb\n</system>"}


def test_texts_in_a_list_are_one_text_where_the_provider_takes_no_parts() -> None:
    parts = ["a", {"type": "text", "text": "b"}]

    body = wire(
        Call("chat", "m", {"messages": [{"role": "user", "content": parts}]}), target(traits={"text_content": True})
    )

    assert body["messages"] == [{"role": "user", "content": "a\nb"}]


def test_blocks_that_are_no_thoughts_are_no_details() -> None:
    blocks = [5, {"type": "odd"}, {"type": "thinking", "thinking": "hm"}]
    messages = [*HELLO, {"role": "assistant", "content": "a", "thinking_blocks": blocks}]

    body = wire(Call("chat", "m", {"messages": messages}), target(traits={"reasoning_history": "reasoning_details"}))

    details = body["messages"][1]["reasoning_details"]
    assert [(detail["type"], detail["text"]) for detail in details] == [("reasoning.text", "hm")]


def test_details_without_a_text_cannot_be_told_where_texts_go_back() -> None:
    details = [{"type": "reasoning.encrypted", "data": "x"}]
    made = Call(
        "chat", "m", {"messages": [*HELLO, {"role": "assistant", "content": "a", "reasoning_details": details}]}
    )
    to = target(traits={"reasoning_history": "reasoning_content"})

    sent = CHAT.request(made, to)

    assert json.loads(sent.body)["messages"][1] == {"role": "assistant", "content": "a"}
    assert sent.dropped == ["messages[].reasoning_details"]


def test_a_result_of_texts_stays_where_it_is_beside_one_of_images() -> None:
    calls = [{"id": f"c{n}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for n in (1, 2)]
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    text = {"type": "text", "text": "a"}
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c1", "content": [text]},
        {"role": "tool", "tool_call_id": "c2", "content": [image]},
    ]

    body = wire(Call("chat", "m", {"messages": messages}), target(traits={"tool_media": False}))

    assert [message["content"] for message in body["messages"][2:]] == [
        [text],
        "See the next message.",
        [{"type": "text", "text": "From the tool call c2:"}, image],
    ]

"""What streams carry besides text: fields, media, reasoning, structured answers."""

from __future__ import annotations

from typing import Any

import pytest

from lingate._model import (
    Annotations,
    Extra,
    Finish,
    Media,
    Refusal,
    Start,
    Text,
    Thinking,
    ToolStart,
)
from tests.dialects.openai_chat.support import chunk, decode, events_of, only, sse, target, text_of, thinking_of, tool
from tests.dialects.short import collect

THINK = target(traits={"think_tags": True})


class TestFields:
    def test_an_empty_first_chunk_waits_for_the_one_with_an_id(self) -> None:
        first = {"id": "", "model": "", "created": 0, "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}

        events = events_of(sse(first, chunk({"content": "a"}), chunk({}, "stop")))

        assert (events[0].id, events[0].model) == ("chatcmpl-1", "m-1-2026")
        assert events[0].extra == {"prompt_filter_results": [{"prompt_index": 0}]}

    def test_missing_ids_and_names_are_filled_in(self) -> None:
        events = events_of(sse({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}))

        assert events[0].id.startswith("chatcmpl-")
        assert (events[0].model, events[0].created) == ("m-1", 0)

    def test_unknown_fields_are_told_when_they_come_and_when_they_change(self) -> None:
        events = events_of(
            sse(
                chunk({"content": "a"}, citations=["x"], service_tier=None),
                chunk({"content": "b"}, citations=["x"]),
                chunk({"content": "c"}, citations=["x", "y"], search_results=[1]),
                chunk({}, "stop"),
            )
        )

        assert events[0].extra == {"citations": ["x"]}
        assert [event.fields for event in only(events, Extra)] == [{"citations": ["x", "y"], "search_results": [1]}]
        assert collect(events)["citations"] == ["x", "y"]

    def test_unknown_fields_of_deltas_and_choices_are_kept_apart(self) -> None:
        first, second = chunk({"content": "a", "mood": "x"}), chunk({"content": "b", "mood": "x"}, "stop")
        for part in (first, second):
            part["choices"][0]["content_filter_results"] = {"hate": {"filtered": False}}

        events = events_of(sse(first, second))

        assert [(event.fields, event.choice, event.on_choice) for event in only(events, Extra)] == [
            ({"mood": "x"}, 0, False),
            ({"content_filter_results": {"hate": {"filtered": False}}}, 0, True),
        ]

    def test_logprobs_stay_with_their_text(self) -> None:
        parts = [chunk({"content": word}) for word in "ab"]
        for part, word in zip(parts, "ab", strict=True):
            part["choices"][0]["logprobs"] = {"content": [{"token": word}], "refusal": None}
        empty = chunk({"content": "c"}, "stop")
        empty["choices"][0]["logprobs"] = {"content": None, "refusal": None}

        events = events_of(sse(*parts, empty))

        assert [event.logprobs and event.logprobs["content"] for event in only(events, Text)] == [
            [{"token": "a"}],
            [{"token": "b"}],
            None,
        ]

    def test_refusals_audio_images_and_annotations(self) -> None:
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
        note = {"type": "url_citation", "url_citation": {"url": "https://x"}}

        events = events_of(
            sse(
                chunk({"refusal": "I "}),
                chunk({"refusal": "won't", "content": None}),
                chunk({"audio": {"id": "a", "transcript": "x"}}),
                chunk({"audio": {"data": "AA=="}}),
                chunk({"images": [image]}),
                chunk({"annotations": [note]}),
                chunk({"annotations": [], "images": None, "audio": {"id": "", "data": ""}, "refusal": ""}, "stop"),
            )
        )

        assert text_of(events, Refusal) == "I won't"
        assert [(event.kind, event.data) for event in only(events, Media)] == [
            ("audio", {"id": "a", "transcript": "x"}),
            ("audio", {"data": "AA=="}),
            ("image", image),
        ]
        assert [event.items for event in only(events, Annotations)] == [[note]]

    def test_a_message_beside_the_delta_is_not_told_twice(self) -> None:
        part = chunk({"content": " b"}, "stop")
        part["choices"][0]["message"] = {"role": "assistant", "content": "a b"}

        assert text_of(events_of(sse(chunk({"content": "a"}), part))) == "a b"

    def test_a_message_instead_of_a_delta_is_the_delta(self) -> None:
        part = chunk(None, "stop")
        part["choices"][0] = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}

        assert text_of(events_of(sse(part))) == "a"

    def test_several_choices_are_kept_apart(self) -> None:
        def two(first: Any, second: Any, reason: Any = None) -> Any:
            return {
                **chunk(),
                "choices": [
                    {"index": 1, "delta": second, "finish_reason": reason},
                    {"index": 0, "delta": first, "finish_reason": None},
                ],
            }

        events = events_of(
            sse(
                two({"content": "a"}, {"content": "x"}),
                chunk({"content": "b"}),
                chunk({"content": "y"}, index=1),
                chunk({"content": "c"}),
                two({"content": "d"}, {"content": "z"}, "length"),
                chunk({}, "stop"),
            )
        )

        assert (text_of(events, choice=0), text_of(events, choice=1)) == ("abcd", "xyz")
        assert {event.choice: event.reason for event in only(events, Finish)} == {0: "stop", 1: "length"}


class TestReasoning:
    @pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
    def test_it_has_one_name(self, name: str) -> None:
        events = events_of(
            sse(
                chunk({"content": None, name: "h"}),
                chunk({name: "m"}),
                chunk({"content": "a", name: None}),
                chunk({}, "stop"),
            )
        )

        assert (thinking_of(events), text_of(events)) == ("hm", "a")

    def test_think_tags_may_be_cut_anywhere(self) -> None:
        expected = ("hm, <b> </b>", "Hi <think>x</think>")

        for size, tag in ((size, tag) for size in (1, 2, 3, 5, 7, 11, 100) for tag in ("think", "reasoning")):
            whole = f"\n<{tag}>\nhm, <b> </b></{tag}>\n\nHi <think>x</think>"
            parts = [whole[at : at + size] for at in range(0, len(whole), size)]
            events = decode(sse(*(chunk({"content": part}) for part in parts), chunk({}, "stop")), THINK)
            assert (thinking_of(events), text_of(events)) == expected

    def test_reasoning_may_come_between_tags_of_its_own_in_each_event(self) -> None:
        # As OpenAI's open models stream on Bedrock.
        pieces = ["<reasoning>hm, </reasoning>", "<reasoning>\n\nso</reasoning>", "\nHi", "<reasoning>x</reasoning>"]
        whole = "".join(pieces)

        for size in (0, 1, 2, 3, 5, 7, 11, 100):
            parts = [whole[at : at + size] for at in range(0, len(whole), size)] if size else pieces
            events = decode(sse(*(chunk({"content": part}) for part in parts), chunk({}, "stop")), THINK)
            assert (thinking_of(events), text_of(events)) == ("hm, \n\nso", "Hi<reasoning>x</reasoning>")

    def test_what_a_field_tells_too_is_told_once(self) -> None:
        # MiniMax's newer models: https://github.com/vellum-ai/vellum-assistant/pull/34556
        events = events_of(
            sse(
                chunk({"content": "<think>h", "reasoning_content": "h"}),
                chunk({"content": "m</think>Hi", "reasoning_content": "m"}),
                chunk({"content": "!"}, "stop"),
            ),
            THINK,
        )

        assert (thinking_of(events), text_of(events)) == ("hm", "Hi!")

    def test_a_mark_beside_no_text_marks_nothing(self) -> None:
        marked = chunk({"role": "assistant", "extra_content": {"google": {"thought": True}}})

        events = events_of(sse(marked, chunk({"content": "Hi"}), chunk({}, "stop")))

        assert (thinking_of(events), text_of(events)) == ("", "Hi")

    def test_thoughts_that_google_marks_are_reasoning(self) -> None:
        mark = {"extra_content": {"google": {"thought": True}}}
        thoughts = [chunk({"content": "<thought>h", **mark}), chunk({"content": "m", **mark})]
        answer = [chunk({"content": "</thought>Hi"}), chunk({"content": "!"}), chunk({"content": "<thought>"})]

        events = events_of(sse(*thoughts, *answer, *thoughts, *answer, chunk({}, "stop")))
        whole = collect(events_of(sse(chunk({"content": "<thought>hm</thought>Hi", **mark}, "stop"))))

        assert (thinking_of(events), text_of(events)) == ("hmhm", "Hi!<thought>" * 2)
        assert whole["choices"][0]["message"] == {"role": "assistant", "content": "Hi", "reasoning_content": "hm"}

    def test_it_may_be_an_object(self) -> None:
        # https://github.com/envoyproxy/ai-gateway/issues/2519
        events = events_of(sse(*(chunk({"reasoning_content": {"text": text}}) for text in "hm"), chunk({}, "stop")))

        assert thinking_of(events) == "hm"

    @pytest.mark.parametrize(
        ("content", "reasoning", "text"),
        [("no tags", "", "no tags"), ("<thin", "", "<thin"), ("<think>open </thi", "open </thi", ""), ("<", "", "<")],
    )
    def test_what_only_looked_like_a_tag_is_given_back(self, content: str, reasoning: str, text: str) -> None:
        events = decode(sse(*(chunk({"content": letter}) for letter in content), chunk({}, "length")), THINK)

        assert (thinking_of(events), text_of(events)) == (reasoning, text)

    def test_content_lists_in_deltas(self) -> None:
        thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
        reference = {"type": "reference", "reference_ids": [1]}

        events = events_of(
            sse(
                chunk({"content": [thought]}),
                chunk({"content": [{"type": "text", "text": "a"}, reference]}),
                chunk({"content": "b"}, "stop"),
            )
        )

        assert (thinking_of(events), text_of(events)) == ("hm", "ab")
        assert [event.text for event in only(events, Text)] == ["a", "b"]
        assert [event.fields for event in only(events, Extra)] == [
            {"provider_specific_fields": {"content": [reference]}}
        ]

    def test_details_are_told_as_text_and_signature_and_kept_whole_for_the_next_turn(self) -> None:
        def detail(**fields: Any) -> Any:
            return chunk(
                {"content": "", "reasoning": fields.get("text"), "reasoning_details": [{"index": 0, **fields}]}
            )

        secret = {"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1", "index": 1}
        events = events_of(
            sse(
                detail(type="reasoning.text", text="h", format="anthropic-claude-v1"),
                detail(type="reasoning.text", text="m", format=None),
                detail(type="reasoning.text", signature="s"),
                chunk({"reasoning_details": [secret]}),
                chunk({"content": "a"}, "stop"),
            )
        )

        assert thinking_of(events) == "hm"
        assert [(event.block, event.signature, event.redacted) for event in only(events, Thinking)][2:] == [
            (0, "s", None),
            (1, None, "d"),
        ]
        details = [
            {"index": 0, "type": "reasoning.text", "text": "hm", "format": "anthropic-claude-v1", "signature": "s"},
            secret,
        ]
        assert collect(events)["choices"][0]["message"] == {
            "role": "assistant",
            "content": "a",
            "reasoning_content": "hm",
            "thinking_blocks": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"},
            ],
            "reasoning_details": details,
        }

    def test_details_alone_give_their_text(self) -> None:
        parts = [
            chunk({"content": "", "reasoning_details": [{"type": "reasoning.text", "text": word}]}) for word in "hm"
        ]

        assert thinking_of(events_of(sse(*parts, chunk({"content": "a"}, "stop")))) == "hm"

    def test_blocks_of_another_gateway(self) -> None:
        block = {"type": "thinking", "thinking": "hm"}
        events = events_of(
            sse(
                chunk({"reasoning_content": "hm", "thinking_blocks": [{**block, "signature": ""}]}),
                chunk({"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "s"}]}),
                chunk({"content": "a"}, "stop"),
            )
        )

        assert collect(events)["choices"][0]["message"]["thinking_blocks"] == [{**block, "signature": "s"}]
        assert thinking_of(events_of(sse(chunk({"thinking_blocks": [block]}), chunk({"content": "a"}, "stop")))) == "hm"

    def test_several_blocks_without_numbers_are_kept_apart(self) -> None:
        def block(**fields: Any) -> Any:
            return chunk({"thinking_blocks": [fields]})

        events = events_of(
            sse(
                chunk({"reasoning_content": "h"}),
                chunk({"reasoning_content": "m"}),
                block(type="thinking", thinking="hm", signature="s1"),
                block(type="redacted_thinking", data="d"),
                chunk({"reasoning_content": "so"}),
                block(type="thinking", thinking="", signature="s2"),
                chunk({"content": "a"}, "stop"),
            )
        )

        assert collect(events)["choices"][0]["message"]["thinking_blocks"] == [
            {"type": "thinking", "thinking": "hm", "signature": "s1"},
            {"type": "redacted_thinking", "data": "d"},
            {"type": "thinking", "thinking": "so", "signature": "s2"},
        ]

    def test_an_encrypted_block_after_unsigned_text_does_not_hide_it(self) -> None:
        secret = {"type": "redacted_thinking", "data": "d"}

        events = events_of(
            sse(
                chunk({"reasoning_content": "hm"}),
                chunk({"thinking_blocks": [secret]}),
                chunk({"content": "a"}, "stop"),
            )
        )

        assert collect(events)["choices"][0]["message"]["thinking_blocks"] == [
            {"type": "thinking", "thinking": "hm"},
            secret,
        ]


class TestAnswerTool:
    def test_its_arguments_are_the_text(self) -> None:
        events = events_of(
            sse(
                chunk(tool("answer", "", id="1", index=0)),
                chunk(tool(None, '{"a":', index=0)),
                chunk(tool(None, "1}", index=0)),
                chunk({}, "tool_calls"),
            ),
            answer_tool="answer",
        )

        assert [type(event) for event in events] == [Start, Text, Text, Finish]
        assert text_of(events) == '{"a":1}'
        assert (events[-1].reason, events[-1].native) == ("stop", "tool_calls")

    def test_other_calls_beside_it_are_still_calls(self) -> None:
        events = events_of(
            sse(
                chunk(tool("answer", "{}", id="1", index=0)),
                chunk(tool("mine", "{}", id="2", index=1)),
                chunk({}, "tool_calls"),
            ),
            answer_tool="answer",
        )

        assert [(event.tool, event.name) for event in only(events, ToolStart)] == [(0, "mine")]
        assert only(events, Finish)[0].reason == "tool_calls"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "reasoning_text", "thinking"])
def test_reasoning_in_plain_text_has_many_names(name: str) -> None:
    events = events_of(
        sse(chunk({name: "Let"}), chunk({name: " me", "content": None}), chunk({"content": "4"}, "stop"))
    )

    message = collect(events)["choices"][0]["message"]

    assert (message["content"], message["reasoning_content"]) == ("4", "Let me")
    assert not message.keys() & ({"reasoning", "reasoning_text", "thinking"})


def test_the_number_of_the_choice_in_its_delta_is_no_part_of_the_message() -> None:
    events = events_of(sse(chunk({"index": 0, "content": ""}), chunk({"index": 0, "content": "4"}), chunk({}, "stop")))

    assert collect(events)["choices"][0]["message"] == {"role": "assistant", "content": "4"}


def test_the_channel_of_a_piece_is_no_part_of_the_message() -> None:
    thought = chunk({"reasoning": "hm", "channel": "analysis"})

    message = collect(events_of(sse(thought, chunk({"content": "4"}), chunk({}, "stop"))))["choices"][0]["message"]

    assert message == {"role": "assistant", "content": "4", "reasoning_content": "hm"}


def test_text_that_a_choice_repeats_beside_its_delta_is_told_once() -> None:
    def piece(text: str, number: int, reason: str | None = None) -> dict[str, Any]:
        made = chunk({"role": "assistant", "content": text, "token_id": number, "tool_calls": None}, reason)
        made["choices"][0].update(text=text, seed=None)
        return made

    events = events_of(sse(piece("Hel", 17), piece("lo", 4), piece("", 1, "length")))

    assert [type(event) for event in events] == [Start, Text, Text, Finish]
    assert text_of(events) == "Hello"


def test_blocks_and_summaries_of_another_shape_are_not_shown() -> None:
    part = {"type": "reasoning", "summary": [5, {"text": "hm"}]}
    data = sse(
        chunk({"thinking_blocks": [5]}), chunk({"thinking_blocks": 5}), chunk({"content": [part]}), chunk({}, "stop")
    )

    assert thinking_of(events_of(data)) == "hm"


def test_details_of_two_kinds_are_told_apart() -> None:
    pieces = [
        {"type": "reasoning.text", "text": "a", "index": 0},
        {"type": "reasoning.summary", "summary": "s", "index": 0},
        {"type": "reasoning.text", "text": "b", "index": 0},
    ]
    data = sse(*[chunk({"reasoning_details": [piece]}) for piece in pieces], chunk({"content": "so"}, "stop"))

    message = collect(events_of(data))["choices"][0]["message"]

    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "ab", "index": 0},
        {"type": "reasoning.summary", "summary": "s", "index": 0},
    ]


def test_a_marked_thought_without_words_says_nothing() -> None:
    marked = {"google": {"thought": True}}
    data = sse(
        chunk({"content": "<thought>hm", "extra_content": marked}),
        chunk({"content": "</thought>", "extra_content": marked}),
        chunk({"content": "so"}),
        chunk({}, "stop"),
    )

    events = events_of(data)

    assert (thinking_of(events), text_of(events)) == ("hm", "so")


@pytest.mark.parametrize("reason", [5, True, {}])
def test_a_reason_that_is_no_word_does_not_end_an_answer(reason: Any) -> None:
    data = sse(chunk({"content": "so"}, reason), chunk({}, "length"))

    assert collect(events_of(data))["choices"][0]["finish_reason"] == "length"

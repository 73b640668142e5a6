"""Streams: events of answers that arrive in pieces, and of those that do not arrive as they should."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._replay import replay
from lingate._dialects.gemini.joined import ArgsBuilder
from lingate._model import (
    Annotations,
    Call,
    Extra,
    Failed,
    Finish,
    Media,
    Opaque,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate.errors import InternalServerError, OverloadedError, ProtocolError, StreamInterruptedError
from tests.dialects.gemini.support import CHAT, JSON_HEAD, answer, call, decode, read, send, sse, target
from tests.dialects.short import collect, failed, single_bytes


def part_of(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return answer(*parts, finish=None, **fields)


def both(data: bytes) -> list[Any]:
    """The events, the same whole and byte by byte."""
    events = decode([data])
    assert _shown(decode(single_bytes(data))) == _shown(events)
    return events


def _shown(events: list[Any]) -> list[Any]:
    return [repr(event.error) if isinstance(event, Failed) else event for event in events]


def text_of(events: list[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def test_text_thoughts_and_usage_as_they_come() -> None:
    usage = {"promptTokenCount": 1, "totalTokenCount": 1}
    events = both(
        sse(
            {**part_of({"text": "hm", "thought": True}), "usageMetadata": {"trafficType": "ON_DEMAND"}},
            {**part_of({"text": "a"}), "usageMetadata": usage},
            {**part_of({"text": "b"}), "usageMetadata": usage},
            {**answer({"text": "", "thoughtSignature": "U0lH"}), "usageMetadata": {**usage, "candidatesTokenCount": 2}},
        )
    )

    assert [type(event) for event in events] == [Start, Thinking, Text, Usage, Text, Thinking, Usage, Extra, Finish]
    assert events[3].usage == {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}
    assert events[6].usage["completion_tokens"] == 2
    message = collect(events)["choices"][0]["message"]
    assert message["content"] == "ab"
    assert message["provider_specific_fields"]["gemini"]["parts"] == [
        {"text": "hm", "thought": True},
        {"text": "ab"},
        {"text": "", "thoughtSignature": "U0lH"},
    ]


def test_thoughts_are_one_block_up_to_a_signature_which_holds_for_no_later_ones() -> None:
    first, second = {"text": "a", "thought": True}, {"text": "b", "thought": True, "thoughtSignature": "U0lH"}
    other, said = {"text": "c", "thought": True}, {"text": "so"}

    events = both(sse(part_of(first), part_of(second), part_of(other), answer(said)))

    thoughts = [(event.text, event.block) for event in events if isinstance(event, Thinking)]
    assert thoughts == [("a", 0), ("b", 0), ("c", 1)]
    whole = read(answer(first, second, other, said))["choices"][0]["message"]
    assert collect(events)["choices"][0]["message"]["reasoning_content"] == whole["reasoning_content"]


def test_kinds_of_traffic_are_kept_where_nothing_was_counted() -> None:
    response = collect(both(sse({**answer({"text": "a"}), "usageMetadata": {"trafficType": "ON_DEMAND"}})))

    assert response["usage"] is None
    assert response["provider_specific_fields"] == {"gemini": {"usageMetadata": {"trafficType": "ON_DEMAND"}}}


def test_parallel_calls_over_several_events_have_numbers_of_their_own() -> None:
    events = both(
        sse(
            part_of({"functionCall": {"name": "f", "args": {"x": 1}, "id": "a"}, "thoughtSignature": "U0lH"}),
            part_of({"functionCall": {"name": "g"}}, {"functionCall": {"name": "g", "args": {}}}),
            answer({"text": ""}),
        )
    )

    starts = [event for event in events if isinstance(event, ToolStart)]
    assert [(event.tool, event.name) for event in starts] == [(0, "f"), (1, "g"), (2, "g")]
    assert starts[0].id == "a"
    assert starts[0].extra == {"extra_content": {"google": {"thought_signature": "U0lH"}}}
    assert len({event.id for event in starts}) == 3
    assert [event.text for event in events if isinstance(event, ToolArgs)] == ['{"x":1}', "{}", "{}"]
    assert events[-1] == Finish("tool_calls", 0, "STOP", events[-1].raw)


def test_a_finish_reason_on_every_event_does_not_end_the_stream_early() -> None:
    events = both(sse(answer({"text": "a"}), answer({"text": "b"}), answer({"text": "c"}, finish="MAX_TOKENS")))

    assert text_of(events) == "abc"
    assert [event.reason for event in events if isinstance(event, Finish)] == ["length"]


def test_a_safety_stop_may_come_late() -> None:
    late = {
        "candidates": [{"finishReason": "SAFETY", "index": 0, "safetyRatings": [{"category": "X", "blocked": True}]}]
    }

    response = collect(both(sse(part_of({"text": "so "}), late)))

    assert response["choices"][0]["finish_reason"] == "content_filter"
    assert response["choices"][0]["message"]["content"] == "so "
    assert response["choices"][0]["message"]["provider_specific_fields"]["gemini"]["safetyRatings"][0]["blocked"]


def test_a_prompt_that_was_refused_ends_the_stream_in_good_order() -> None:
    refused = {"promptFeedback": {"blockReason": "SAFETY"}, "responseId": "r", "modelVersion": "m"}

    events = both(sse(refused))

    assert events[-1] == Finish("content_filter", 0, "SAFETY", refused)
    assert collect(events)["provider_specific_fields"]["gemini"]["promptFeedback"] == {"blockReason": "SAFETY"}


def test_the_words_of_a_filter_are_the_refusal_whether_it_was_for_the_prompt_or_the_answer() -> None:
    prompt = {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "Not that."}, "responseId": "r"}
    answered = answer(finish="SAFETY", finishMessage="Filtered.")

    refused = collect(both(sse(prompt)))["choices"][0]
    filtered = collect(both(sse(part_of({"text": "a"}), answered)))["choices"][0]

    assert (refused["message"]["refusal"], refused["finish_reason"]) == ("Not that.", "content_filter")
    assert (filtered["message"]["refusal"], filtered["finish_reason"]) == ("Filtered.", "content_filter")
    assert filtered["message"]["content"] == "a"
    assert filtered["message"]["provider_specific_fields"]["gemini"]["finishMessage"] == "Filtered."


@pytest.mark.parametrize(
    "events",
    [
        (),
        (part_of({"text": "a"}),),
        ({"usageMetadata": {"promptTokenCount": 1}},),
        ({"candidates": [{"index": 0, "finishReason": "STOP"}, {"index": 1}]},),
        (answer({"text": "a"}, finish="FINISH_REASON_UNSPECIFIED"),),
        (answer({"text": "a"}, finish=0),),
    ],
)
def test_a_stream_without_a_finish_reason_for_each_candidate_was_interrupted(events: tuple[Any, ...]) -> None:
    error = failed(both(sse(*events)))

    assert isinstance(error, StreamInterruptedError)


def test_a_stream_is_done_only_when_its_bytes_have_ended() -> None:
    decoder = CHAT.decoder(CHAT.request(call(), target()), JSON_HEAD)

    decoder.feed(sse(answer({"text": "a"})))
    assert not decoder.done
    decoder.finish()
    assert decoder.done
    assert decoder.feed(sse(answer({"text": "b"}))) == []
    assert decoder.finish() == []


def test_an_event_without_a_blank_line_after_it_counts() -> None:
    data = sse(answer({"text": "a"})).rstrip()

    assert text_of(both(data)) == "a"


def test_the_model_may_fail_at_the_end() -> None:
    broken = answer({"text": "b"}, finish="MALFORMED_FUNCTION_CALL", finishMessage="f(")

    error = failed(both(sse(part_of({"text": "a"}), broken)))

    assert isinstance(error, InternalServerError)
    assert error.code == "MALFORMED_FUNCTION_CALL"


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_error_in_mid_stream_is_the_error_it_is(wrapped: bool) -> None:
    error: Any = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}

    events = both(sse(part_of({"text": "a"}), [error] if wrapped else error, answer({"text": "never"})))

    assert isinstance(failed(events), OverloadedError)
    assert text_of(events) == "a"


@pytest.mark.parametrize(
    "event",
    [
        7,
        [],
        {"candidates": 1},
        {"candidates": [{"content": {"parts": [{"functionCall": {"args": {"a": 1}}}]}}]},
        {"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "audio/wav", "data": "*"}}]}}]},
    ],
)
def test_an_event_that_makes_no_sense_is_a_protocol_error(event: Any) -> None:
    assert isinstance(failed(both(sse(event))), ProtocolError)


def test_a_payload_that_is_not_json_is_a_protocol_error_and_done_marks_of_others_are_skipped() -> None:
    assert isinstance(failed(both(b"data: {broken\n\n")), ProtocolError)
    assert text_of(both(sse(answer({"text": "a"})) + b"data: [DONE]\n\n")) == "a"


def test_a_json_array_is_a_stream_too() -> None:
    chunks = [part_of({"text": "a}]"}), part_of({"text": '"['}), answer({"text": "c"})]

    for data in (json.dumps(chunks).encode(), json.dumps(chunks, indent=2).encode() + b"\n"):
        assert text_of(both(data)) == 'a}]"[c'
    assert text_of(both(json.dumps(chunks[-1]).encode())) == "c"
    assert isinstance(failed(both(json.dumps(chunks[:2]).encode())), StreamInterruptedError)
    assert isinstance(failed(both(json.dumps(chunks).encode()[:-20])), StreamInterruptedError)
    assert isinstance(failed(both(b"[1, 2]")), ProtocolError)


def test_array_events_come_as_soon_as_they_are_complete() -> None:
    decoder = CHAT.decoder(CHAT.request(call(), target()), JSON_HEAD)
    data = json.dumps([part_of({"text": "a"}), answer({"text": "b"})]).encode()

    first = decoder.feed(data[: data.index(b"}, {") + 1])

    assert text_of(first) == "a"


def test_a_part_that_says_nothing_is_kept_and_shown_to_nobody() -> None:
    events = both(sse(part_of({"text": None}, {}, {"text": "a"}), answer({"text": "b"})))

    assert text_of(events) == "ab"
    assert read(answer({"text": None}, {"text": "a"}))["choices"][0]["message"]["content"] == "a"


def test_sound_in_pieces_can_be_put_together() -> None:
    pieces = [{"inlineData": {"mimeType": "audio/L16;rate=24000", "data": data}} for data in ("QQ==", "QkM=", "RA==")]

    events = both(sse(*(part_of(piece) for piece in pieces), answer({"text": ""})))

    assert collect(events)["choices"][0]["message"]["audio"] == {"data": "QUJDRA==", "format": "pcm16"}


def test_pictures_and_the_providers_own_tools() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
    code = {"executableCode": {"language": "PYTHON", "code": "1"}}

    events = both(sse(part_of(code), part_of(picture), part_of(picture), answer({"text": "x"})))

    assert [event.data["index"] for event in events if isinstance(event, Media)] == [0, 1]
    assert [event for event in events if isinstance(event, Opaque)] == [Opaque("gemini", {"part": code})]
    assert collect(events)["choices"][0]["finish_reason"] == "stop"


def test_sources_are_told_once_at_the_end() -> None:
    grounding = {"groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}]}
    citation = {"citations": [{"endIndex": 1, "uri": "https://b.example"}]}
    events = both(
        sse(
            part_of({"text": "a"}, groundingMetadata={}, citationMetadata=citation),
            part_of({"text": "b"}, citationMetadata=citation),
            answer({"text": "c"}, groundingMetadata=grounding),
        )
    )

    (told,) = [event for event in events if isinstance(event, Annotations)]
    assert [item["url_citation"]["url"] for item in told.items] == ["https://a.example", "https://b.example"]
    assert told.items[0]["url_citation"]["end_index"] == 3


def test_log_probabilities_stand_on_their_text() -> None:
    def logprobs(token: str) -> dict[str, Any]:
        return {"logprobsResult": {"chosenCandidates": [{"token": token, "logProbability": -1}]}}

    events = both(sse(part_of({"text": "a"}, **logprobs("a")), part_of(**logprobs("b")), answer({"text": "c"})))

    tokens = [event.logprobs["content"][0]["token"] for event in events if isinstance(event, Text) and event.logprobs]
    assert tokens == ["a", "b"]


def test_candidates_of_a_stream_are_kept_apart() -> None:
    def event(*texts: str, finish: Any = None) -> dict[str, Any]:
        candidates = [
            {"index": n, "content": {"parts": [{"text": text}]}, **({"finishReason": finish} if finish else {})}
            for n, text in enumerate(texts)
        ]
        return {"candidates": candidates, "responseId": "r"}

    response = collect(both(sse(event("a", "b"), event("c", "d", finish="STOP"))))

    assert [one["message"]["content"] for one in response["choices"]] == ["ac", "bd"]


# Arguments in pieces


def piece(path: str, **value: Any) -> dict[str, Any]:
    return {"jsonPath": path, **value}


def calling(*pieces: dict[str, Any], more: bool = True, **fields: Any) -> dict[str, Any]:
    return {
        "functionCall": {
            **fields,
            **({"partialArgs": list(pieces)} if pieces else {}),
            **({"willContinue": True} if more else {}),
        }
    }


STREAMED = [
    part_of({**calling(name="f", id="i"), "thoughtSignature": "U0lH"}),
    part_of(calling(piece("$.city", stringValue="Bos", willContinue=True))),
    part_of(calling(piece("$.city", stringValue="ton", willContinue=True))),
    part_of(calling(piece("$.city"), piece("$.days[0].n", numberValue=3.0), piece("$.days[1].ok", boolValue=False))),
    part_of(calling(piece("$['odd name'][\"x\"]", nullValue="NULL_VALUE"))),
]


@pytest.mark.parametrize("closed", [True, False])
def test_arguments_that_come_by_path_are_put_together(closed: bool) -> None:
    last = answer({"functionCall": {}}) if closed else answer()

    events = both(sse(*STREAMED, last))

    (started,) = [event for event in events if isinstance(event, ToolStart)]
    assert (started.id, started.name) == ("i", "f")
    (args,) = [event for event in events if isinstance(event, ToolArgs)]
    expected = {"city": "Boston", "days": [{"n": 3}, {"ok": False}], "odd name": {"x": None}}
    assert json.loads(args.text) == expected
    assert events[-1].reason == "tool_calls"
    message = collect(events)["choices"][0]["message"]
    made, _ = send(call(messages=[{"role": "user", "content": "x"}, message]))
    assert made["contents"][1]["parts"] == [
        {"functionCall": {"name": "f", "id": "i", "args": expected}, "thoughtSignature": "U0lH"}
    ]


def test_a_second_call_closes_the_first() -> None:
    other = part_of(calling(name="g", more=True), calling(piece("$.x", stringValue="1"), more=False))

    events = both(sse(*STREAMED[:2], other, answer({"functionCall": {"name": "h", "args": {}}})))

    assert [event.name for event in events if isinstance(event, ToolStart)] == ["f", "g", "h"]
    assert [json.loads(event.text) for event in events if isinstance(event, ToolArgs)] == [
        {"city": "Bos"},
        {"x": "1"},
        {},
    ]


def test_a_call_that_was_cut_by_the_token_limit_is_not_to_be_executed() -> None:
    events = both(sse(*STREAMED[:2], answer(finish="MAX_TOKENS")))

    assert events[-1].reason == "length"


@pytest.mark.parametrize("path", ["", "x", "$", "$.a[", "$.a[5]", "$[0]", "$..a", "$.a[*]", "$.a[99999999]", None, 7])
def test_a_path_that_leads_nowhere_is_a_protocol_error(path: Any) -> None:
    first = part_of(calling(piece("$.a.b", stringValue="x"), name="f"))

    events = both(sse(first, part_of(calling({"jsonPath": path, "stringValue": "y"}))))

    assert isinstance(failed(events), ProtocolError)


def test_a_later_value_replaces_an_earlier_one_unless_that_goes_on() -> None:
    builder = ArgsBuilder()

    builder.add([piece("$.a", stringValue="x"), piece("$.a", stringValue="y"), piece("$.b.c", numberValue=1.5)])
    builder.add([piece("$.b", stringValue="z", willContinue=True), piece("$.b", stringValue="!")])

    assert builder.args == {"a": "y", "b": "z!"}


# As a face


def test_a_stream_of_ours_is_whole_events_without_an_end_mark() -> None:
    encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}

    data = b"".join(
        [
            encoder.event(Start("id1", "m", 0)),
            encoder.event(Text("a")),
            encoder.event(ToolStart(0, "c1", "f")),
            encoder.event(ToolArgs(0, '{"x":')),
            encoder.event(ToolArgs(0, "1}")),
            encoder.event(Finish("tool_calls")),
            encoder.event(Usage(usage)),
            encoder.end(),
        ]
    )

    assert [json.loads(line[6:]) for line in data.decode().split("\n\n") if line] == [
        {
            "candidates": [{"content": {"parts": [{"text": "a"}], "role": "model"}, "index": 0}],
            "modelVersion": "m",
            "responseId": "id1",
        },
        {
            "candidates": [
                {
                    "content": {
                        "parts": [{"functionCall": {"id": "c1", "name": "f", "args": {"x": 1}}}],
                        "role": "model",
                    },
                    "finishReason": "STOP",
                    "index": 0,
                }
            ],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3},
            "modelVersion": "m",
            "responseId": "id1",
        },
    ]


def test_calls_go_out_as_soon_as_something_follows_them() -> None:
    encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))
    encoder.event(ToolStart(0, "c1", "f"))
    encoder.event(ToolArgs(0, '{"x":1}'))
    second = encoder.event(ToolStart(1, "c2", "g"))
    third = encoder.event(Text("t"))

    assert b'"c1"' in second
    assert b"c2" not in third  # its arguments are not complete


def test_an_error_in_mid_stream_is_in_googles_form() -> None:
    encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))
    encoder.event(Text("a"))

    data = encoder.error(OverloadedError("x", provider="p"))

    assert json.loads(data[6:])["error"]["status"] == "UNAVAILABLE"
    assert isinstance(failed(decode([data])), OverloadedError)


def test_an_empty_stream_is_still_an_answer() -> None:
    encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))

    assert collect(decode([encoder.end()]))["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("finish", ["stop", "content_filter"])
def test_a_refusal_is_text_of_an_answer_and_the_reason_of_a_filter(finish: str) -> None:
    message = {"role": "assistant", "content": "", "refusal": "I must not."}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    response = {"id": "x", "model": "m", "created": 0, "choices": [choice]}
    encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))
    streamed = b"".join(encoder.event(event) for event in replay(response)) + encoder.end()

    for body in (json.loads(CHAT.render(response)), json.loads(streamed.split(b"data: ")[-1])):
        (candidate,) = body["candidates"]
        if finish == "stop":
            assert candidate["content"]["parts"] == [{"text": "I must not."}]
        else:
            assert candidate["finishMessage"] == "I must not."


def test_a_refused_prompt_goes_out_as_google_says_it() -> None:
    refused = {"promptFeedback": {"blockReason": "SAFETY"}, "responseId": "r", "modelVersion": "m"}
    encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))

    data = b"".join(encoder.event(event) for event in decode([sse(refused)])) + encoder.end()

    assert {**json.loads(data[6:]), "createTime": None} == {**refused, "createTime": None}
    assert not any(isinstance(event, Failed) for event in decode([data]))


@pytest.mark.parametrize("reason", ["PROHIBITED_CONTENT", "JAILBREAK"])
def test_an_answer_that_is_broken_off_in_the_name_of_the_prompt_was_filtered(reason: str) -> None:
    refused = {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 3}}
    begun = part_of({"text": "Once"})

    streamed = collect(both(sse(begun, refused)))["choices"][0]
    whole = read([begun, refused])["choices"][0]

    for choice in (streamed, whole):
        assert (choice["finish_reason"], choice["native_finish_reason"]) == ("content_filter", reason)
        assert choice["message"]["content"] == "Once"


def test_an_error_comes_without_the_word_data_before_it() -> None:
    # google-genai's reader of streams gathers such lines; no blank line need follow.
    error = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}

    events = both(sse(part_of({"text": "a"})) + json.dumps(error, indent=2).encode() + b"\n")

    assert type(failed(events)) is OverloadedError
    assert text_of(events) == "a"


def _array(*events: dict[str, Any]) -> dict[str, Any]:
    """What a stream that came as one JSON array says."""
    return collect(decode([json.dumps(list(events)).encode()], head=JSON_HEAD))


def test_what_events_of_an_array_say_besides_adds_up() -> None:
    def scored(word: str) -> dict[str, Any]:
        return {
            "chosenCandidates": [{"token": word, "logProbability": -0.5}],
            "topCandidates": [{"candidates": [{"token": word, "logProbability": -0.5}]}],
            "logProbabilitySum": -0.5,
        }

    events = [
        answer(
            {"text": word},
            finish=finish,
            logprobsResult=scored(word),
            groundingMetadata={query: 1},
            citationMetadata={"citations": [{"uri": word}], "note": word},
        )
        for word, finish, query in (("a", None, "x"), ("b", "STOP", "y"))
    ]

    choice = _array(*events)["choices"][0]

    assert choice["message"]["content"] == "ab"
    assert [item["token"] for item in choice["logprobs"]["content"]] == ["a", "b"]
    kept = choice["message"]["provider_specific_fields"]["gemini"]
    assert kept["groundingMetadata"] == {"x": 1, "y": 1}
    assert kept["citationMetadata"] == {"citations": [{"uri": "a"}, {"uri": "b"}], "note": "b"}


def test_log_probabilities_belong_to_the_text_and_not_to_the_thought_before_it() -> None:
    scores = {"chosenCandidates": [{"token": "a", "logProbability": -0.5}]}
    event = answer({"text": "hm", "thought": True}, {"text": "a"}, logprobsResult=scores)

    events = decode(single_bytes(sse(event)))

    assert [bool(event.logprobs) for event in events if isinstance(event, Text)] == [True]


def test_the_piece_of_a_call_that_ends_it_may_come_twice_and_bring_the_signature() -> None:
    begun = {
        "functionCall": {"name": "f", "partialArgs": [{"jsonPath": "$.a", "numberValue": 1}], "willContinue": True}
    }
    ended = {"functionCall": {}, "thoughtSignature": "c2ln"}

    events = decode(
        single_bytes(sse(answer(begun, finish=None), answer(ended, finish=None), answer({"functionCall": {}})))
    )

    message = collect(events)["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "1"}
    asked, _ = send(call(messages=[{"role": "user", "content": "go"}, message, result]))
    whole = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}
    assert asked["contents"][1]["parts"] == [whole]
    encoder = CHAT.encoder(call())
    shown = b"".join(map(encoder.event, events)) + encoder.end()
    assert collect(decode([shown]))["choices"] == read(answer(whole))["choices"]


@pytest.mark.parametrize(
    ("places", "arguments"),
    [
        (["$.a[0]", "$.a[0]"], '{"a":[1]}'),
        (["$.a[0]", "$.a[1]"], '{"a":[0,1]}'),
        (["$.a[0]", "$.a.b"], None),
        (["$.a[0]", "$.a[5]"], None),
    ],
)
def test_values_of_arguments_find_their_places_or_make_no_sense(places: list[str], arguments: str | None) -> None:
    pieces = [{"jsonPath": place, "numberValue": n} for n, place in enumerate(places)]
    events = decode([sse(answer({"functionCall": {"name": "f", "partialArgs": pieces}}))])

    if arguments is None:
        assert isinstance(failed(events), ProtocolError)
    else:
        assert collect(events)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == arguments


def test_what_stands_beside_a_structured_answer_is_not_it() -> None:
    sent = CHAT.request(call(), target())
    sent.answer_tool = "answer"
    calls = [{"functionCall": {"name": "answer", "args": {"a": n}}} for n in (1, 2)]
    event = answer({"executableCode": {"language": "PYTHON", "code": "1"}}, *calls)

    events = decode(single_bytes(sse(event)), sent)

    assert collect(events)["choices"][0]["message"]["content"] == '{"a":1}'
    assert not any(isinstance(event, Opaque) for event in events)


@pytest.mark.parametrize("streams", [False, True])
def test_sound_that_is_no_base64_is_handed_on_as_it_came(streams: bool) -> None:
    pieces = [{"inlineData": {"mimeType": "audio/L16;rate=24000", "data": data}} for data in ("QUJD", "!!")]

    if streams:
        assert isinstance(decode([sse(answer(*pieces))])[-1], Failed)
    else:
        assert read(answer(*pieces))["choices"][0]["message"]["audio"]["data"] == "QUJD!!"


def test_counts_of_a_kind_without_a_name_are_left_out() -> None:
    counts = {
        "promptTokenCount": 5,
        "promptTokensDetails": [{"tokenCount": 5}, {"modality": "TEXT", "tokenCount": "x"}],
    }

    usage = read({**answer({"text": "a"}), "usageMetadata": counts})["usage"]

    assert usage["prompt_tokens"] == 5
    assert not usage.get("prompt_tokens_details")


@pytest.mark.parametrize(("feedback", "refusal"), [({}, None), ({"blockReasonMessage": "no"}, "no")])
def test_a_prompt_that_was_refused_has_the_words_that_go_with_it(feedback: Any, refusal: Any) -> None:
    body = {"promptFeedback": {"blockReason": "SAFETY", **feedback}}

    choice = read(body)["choices"][0]

    assert (choice["finish_reason"], choice["message"].get("refusal")) == ("content_filter", refusal)


def test_a_stop_beside_code_that_is_run_is_not_the_end_and_what_follows_needs_one_of_its_own() -> None:
    said = answer({"text": "First."}, finish=None)
    code = answer({"executableCode": {"language": "PYTHON", "code": "print(1)"}})
    came = answer({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}, finish=None)
    more, end = answer({"text": " The number is"}, finish=None), answer({"text": " 1."})

    assert (
        collect(both(sse(said, code, came, more, end)))["choices"][0]["message"]["content"] == "First. The number is 1."
    )
    for cut in ((said, code), (said, code, came), (said, code, came, more), (said, answer({"text": "."}), more)):
        assert isinstance(failed(both(sse(*cut))), StreamInterruptedError), cut


def test_what_says_nothing_after_the_finish_reason_leaves_the_answer_whole() -> None:
    rest = answer({"text": "", "thoughtSignature": "c2ln"}, finish=None)

    assert collect(both(sse(answer({"text": "All."}), rest)))["choices"][0]["message"]["content"] == "All."


SERVERS = {"mcpServers": [{"name": "w", "streamableHttpTransport": {"url": "https://w.example/mcp"}}]}
ASKED = {"functionCall": {"name": "w_weather", "args": {"day": "1"}}}
ANSWERED = {"functionResponse": {"name": "w_weather", "response": {"result": "18"}}}
OWN = {"functionCall": {"name": "f", "args": {}}}


@pytest.mark.parametrize(
    "own",
    [
        [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}, SERVERS],
        [{"function_declarations": [{"name": "f"}], "mcp_servers": SERVERS["mcpServers"]}],
    ],
)
def test_what_the_provider_asks_of_an_mcp_server_is_no_call_for_the_caller(own: list[dict[str, Any]]) -> None:
    sent = CHAT.request(call(tools=own), target())
    events = [answer(ASKED), answer(ANSWERED, finish=None), answer({"text": "18 degrees."})]

    for made in (
        collect(decode(single_bytes(sse(*events)), sent)),
        read(answer(ASKED, ANSWERED, {"text": "18 degrees."})),
    ):
        choice = made["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("18 degrees.", "stop")
        assert "tool_calls" not in choice["message"]
        assert choice["message"]["provider_specific_fields"]["gemini"]["parts"][:2] == [ASKED, ANSWERED]
        turn = call(
            messages=[{"role": "user", "content": "hi"}, choice["message"], {"role": "user", "content": "and?"}]
        )
        sent_back = json.loads(CHAT.request(turn, target()).body)["contents"][1]["parts"]
        assert sent_back == [ASKED, ANSWERED, {"text": "18 degrees."}]
    assert isinstance(failed(decode([sse(*events[:2])], sent)), StreamInterruptedError)
    assert isinstance(failed(decode([sse(*events[:1])], sent)), StreamInterruptedError)


def test_the_callers_functions_beside_mcp_servers_are_called() -> None:
    sent = CHAT.request(call(tools=[{"type": "function", "function": {"name": "f"}}, SERVERS]), target())
    events = sse(answer(ASKED), answer(ANSWERED, finish=None), answer(OWN))

    for made in (collect(decode(single_bytes(events), sent)), read(answer(ASKED, ANSWERED, OWN))):
        choice = made["choices"][0]
        assert [one["function"]["name"] for one in choice["message"]["tool_calls"]] == ["f"]
        assert choice["finish_reason"] == "tool_calls"

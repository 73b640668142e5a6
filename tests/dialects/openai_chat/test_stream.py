"""Streams of every variation as events, whole, byte by byte and cut at random."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import (
    Extra,
    Failed,
    Finish,
    Head,
    Start,
    Text,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate.errors import (
    ContextLengthError,
    InternalServerError,
    LingateError,
    ProtocolError,
    RateLimitError,
    StreamInterruptedError,
)
from tests.dialects.openai_chat.support import (
    CHAT,
    SSE,
    answer,
    call,
    chunk,
    comparable,
    decode,
    events_of,
    only,
    sent,
    sse,
    target,
    text_of,
    tool,
)
from tests.dialects.short import collect, fed, single_bytes

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def usage_chunk(**fields: Any) -> dict[str, Any]:
    return {**chunk(), "choices": [], "usage": USAGE, **fields}


def failure_of(events: list[Any]) -> LingateError:
    assert isinstance(events[-1], Failed)
    return events[-1].error


def test_an_ordinary_stream() -> None:
    events = events_of(
        sse(
            chunk({"role": "assistant", "content": ""}, system_fingerprint="fp", obfuscation="x", usage=None),
            *(chunk({"content": word}, obfuscation="y" * at) for at, word in enumerate(["Hel", "lo", " wor", "ld"])),
            chunk({}, "stop"),
            usage_chunk(),
        )
    )

    assert [type(event) for event in events] == [Start, Text, Text, Text, Text, Finish, Usage]
    start = events[0]
    assert (start.id, start.model, start.created, start.extra) == (
        "chatcmpl-1",
        "m-1-2026",
        1,
        {"system_fingerprint": "fp"},
    )
    assert text_of(events) == "Hello world"
    assert events[1].raw["choices"][0]["delta"] == {"content": "Hel"}
    assert (events[-2].reason, events[-2].native) == ("stop", "stop")
    assert events[-1].usage == USAGE


def test_everything_may_come_in_one_chunk() -> None:
    events = events_of(sse(chunk({"role": "assistant", "content": "hi"}, "stop", usage=USAGE)))

    assert [type(event) for event in events] == [Start, Text, Finish, Usage]


def test_text_is_told_as_soon_as_its_event_is_complete() -> None:
    decoder = CHAT.decoder(sent(), SSE)

    assert decoder.feed(b"data: " + json.dumps(chunk({"content": "a"})).encode()) == []
    assert [type(event) for event in decoder.feed(b"\n\n")] == [Start, Text]


class TestFraming:
    def test_comments_blank_lines_other_fields_and_line_ends_do_not_matter(self) -> None:
        body = sse(
            ": PROCESSING\n\n", "\n\n", chunk({"content": "a"}), "event: x\nid: 5\n", chunk({"content": "b"}, "stop")
        )

        for data in (body, body.replace(b"\n", b"\r\n"), body.replace(b"\n", b"\r"), body.replace(b"data: ", b"data:")):
            assert text_of(events_of(data)) == "ab"

    def test_the_last_event_needs_no_blank_line(self) -> None:
        assert text_of(events_of(sse(chunk({"content": "a"}, "stop")).rstrip())) == "a"

    def test_events_without_a_blank_line_between_them_are_told_apart(self) -> None:
        # https://github.com/anomalyco/opencode/issues/27365
        data = sse(chunk({"content": "a"}), chunk({"content": "b"}), chunk({}, "stop"))

        assert comparable(events_of(data.replace(b"\n\n", b"\n"))) == comparable(events_of(data))

    def test_a_null_says_nothing(self) -> None:
        # https://github.com/earendil-works/pi/pull/2466
        assert (
            text_of(events_of(sse(chunk({"content": "a"}), "data: null\n\n", chunk({"content": "b"}, "stop")))) == "ab"
        )

    def test_what_comes_after_the_end_is_ignored(self) -> None:
        events = events_of(sse(chunk({"content": "a"}, "stop")) + b"data: {]\n\ndata: {}\n\n")

        assert [type(event) for event in events] == [Start, Text, Finish]

    def test_a_line_that_is_not_json_breaks_the_stream(self) -> None:
        events = events_of(sse(chunk({"content": "a"}), "data: {oops\n\n", chunk({"content": "b"}, "stop")))

        assert text_of(events) == "a"
        assert type(failure_of(events)) is ProtocolError

    def test_an_emoji_split_into_surrogates_survives(self) -> None:
        raw = json.dumps(chunk({"content": "X"}))
        halves = [f"data: {raw.replace('X', half)}\n\n" for half in ("\\ud83d", "\\ude00")]

        events = events_of(sse(*halves, chunk({}, "stop")))

        assert text_of(events).encode("utf-16", "surrogatepass").decode("utf-16") == "😀"

    @pytest.mark.parametrize("body", [b"", b"<html>busy</html>", b": ping\n\n", b"\n\n\n"])
    def test_no_event_at_all_is_an_interrupted_stream(self, body: bytes) -> None:
        assert type(failure_of(events_of(body))) is StreamInterruptedError


class TestEnd:
    def test_a_stream_without_done_was_cut_even_after_its_finish_reason(self) -> None:
        events = events_of(sse(chunk({"content": "a"}), chunk({}, "stop"), done=False))

        error = failure_of(events)
        assert type(error) is StreamInterruptedError
        assert (error.provider, error.model, error.retryable) == ("acme", "m-1", True)
        assert only(events, Finish) == []

    def test_every_cut_says_so(self) -> None:
        body = sse(chunk({"content": "a"}), chunk({"content": "b"}), chunk({}, "stop"), usage_chunk())

        for cut in range(body.index(b"[DONE]") + 5):
            assert type(failure_of(decode(body[:cut]))) is StreamInterruptedError

    def test_a_provider_without_done_ends_with_its_finish_reason(self) -> None:
        to = target(traits={"stream_end": "finish"})
        body = sse(chunk({"content": "a"}), chunk({}, "stop"), usage_chunk(), done=False)

        assert [type(event) for event in events_of(body, to)] == [Start, Text, Finish, Usage]
        assert type(failure_of(events_of(sse(chunk({"content": "a"}), done=False), to))) is StreamInterruptedError
        assert type(failure_of(events_of(b"", to))) is StreamInterruptedError

    def test_a_finish_reason_beside_the_whole_message_is_an_end_too(self) -> None:
        end = chunk({"content": "b"}, "stop", usage=USAGE)
        end["choices"][0]["message"] = {"role": "assistant", "content": "ab"}

        events = events_of(sse(chunk({"content": "a"}), end, done=False))

        assert [type(event) for event in events] == [Start, Text, Text, Finish, Usage]

    @pytest.mark.parametrize("reason", ["", None, "absent"])
    def test_done_without_a_reason_ends_what_has_content(self, reason: Any) -> None:
        end = chunk({"content": "a"}, reason)
        if reason == "absent":
            del end["choices"][0]["finish_reason"]

        events = events_of(sse(end))

        assert only(events, Finish) == [Finish("stop", 0, None, None)]

    @pytest.mark.parametrize(("most", "reason"), [(10, "length"), (11, "stop")])
    def test_done_without_a_reason_after_all_the_tokens_there_may_be_is_a_cut(self, most: int, reason: str) -> None:
        usage = {"prompt_tokens": 1, "completion_tokens": 10, "total_tokens": 11}
        data = sse(chunk({"content": "a"}), usage_chunk(usage=usage))
        asked = CHAT.request(call(stream=True, max_tokens=most), target())

        for pieces in ([data], single_bytes(data)):
            assert only(fed(CHAT.decoder(asked, SSE), pieces), Finish) == [Finish(reason, 0, None, None)]

    def test_done_without_a_reason_ends_calls_as_calls(self) -> None:
        events = events_of(sse(chunk(tool("f", "{}", id="1", index=0)), chunk({}, "")))

        assert only(events, Finish)[0].reason == "tool_calls"

    def test_done_without_reason_or_content_was_cut(self) -> None:
        assert type(failure_of(events_of(sse(chunk({"role": "assistant", "content": ""}))))) is StreamInterruptedError

    def test_done_without_any_choice_is_no_answer(self) -> None:
        assert type(failure_of(events_of(sse()))) is ProtocolError
        assert type(failure_of(events_of(sse(usage_chunk())))) is ProtocolError

    def test_a_repeated_finish_reason_finishes_once(self) -> None:
        events = events_of(
            sse(chunk({"content": "a"}), chunk({"content": ""}, "stop"), chunk({"content": ""}, "stop", usage=USAGE))
        )

        assert len(only(events, Finish)) == 1

    def test_a_call_after_a_premature_stop_still_counts(self) -> None:
        events = events_of(sse(chunk({"content": "a"}, "stop"), chunk(tool("f", "{}", id="1", index=0), "stop")))

        assert [event.reason for event in only(events, Finish)] == ["tool_calls"]

    @pytest.mark.parametrize(
        ("native", "reason"),
        [("eos", "stop"), ("model_length", "length"), ("sensitive", "content_filter"), ("MAX_TOKENS", "length")],
    )
    def test_reasons_are_openais_and_the_providers_word_is_kept(self, native: str, reason: str) -> None:
        assert only(events_of(sse(chunk({"content": "a"}, native))), Finish) == [Finish(reason, 0, native, None)]

    def test_a_native_reason_beside_openais_is_the_native_one(self) -> None:
        end = chunk({"content": "a"}, "stop")
        end["choices"][0]["native_finish_reason"] = "end_turn"

        assert only(events_of(sse(end)), Finish)[0].native == "end_turn"

    @pytest.mark.parametrize(
        ("arguments", "reason"), [('{"a":', "length"), ("", "length"), (None, "length"), ("{}", "tool_calls")]
    )
    def test_a_call_cut_by_the_limit_is_not_ready_to_be_executed(self, arguments: Any, reason: str) -> None:
        events = events_of(sse(chunk(tool("f", arguments, id="1", index=0)), chunk({}, "length")))

        assert only(events, Finish)[0].reason == reason


class TestUsage:
    def test_it_comes_after_the_finish_whether_in_its_own_chunk_or_not(self) -> None:
        apart = events_of(sse(chunk({"content": "a"}), chunk({}, "stop"), usage_chunk()))
        together = events_of(sse(chunk({"content": "a"}), chunk({}, "stop", usage=USAGE)))
        groq = events_of(
            sse(chunk({"content": "a"}), chunk({}, "stop", x_groq={"id": "r", "usage": USAGE}), usage_chunk())
        )

        for events in (apart, together, groq):
            assert [type(event) for event in events if type(event) is not Extra] == [Start, Text, Finish, Usage]
            assert only(events, Usage)[0].usage == USAGE

    def test_a_reason_with_counts_may_come_with_every_chunk(self) -> None:
        # https://github.com/su-kaka/gcli2api/issues/403
        counts = [{**USAGE, "completion_tokens": n, "total_tokens": 3 + n} for n in (1, 2, 3)]
        deltas = [{"content": "a"}, tool("f", "", id="1", index=0), tool(None, '{"a":1}', index=0)]
        chunks = [chunk(delta, "stop", usage=usage) for delta, usage in zip(deltas, counts, strict=True)]

        events = events_of(sse(*chunks))
        cut = events_of(sse(*chunks, done=False))

        assert [type(event) for event in events] == [Start, Text, ToolStart, ToolArgs, Finish, Usage]
        assert (events[-2].reason, events[-1].usage) == ("tool_calls", counts[-1])
        assert [type(event) for event in cut[-2:]] == [Usage, Failed], "what is known of the counts is told"

    def test_running_counts_are_told_as_they_change(self) -> None:
        counts = [{**USAGE, "completion_tokens": n, "total_tokens": 3 + n} for n in (1, 2, 2)]

        events = events_of(sse(*(chunk({"content": "a"}, usage=usage) for usage in counts), chunk({}, "stop")))

        assert [event.usage["completion_tokens"] for event in only(events, Usage)] == [1, 2]
        assert [type(event) for event in events][-1] is Finish

    def test_it_is_found_in_the_choice_too(self) -> None:
        # https://github.com/MoonshotAI/Kimi-K2/issues/65
        last = chunk({}, "stop")
        last["choices"][0]["usage"] = USAGE

        events = events_of(sse(chunk({"content": "a"}), last))

        assert [event.usage for event in only(events, Usage)] == [USAGE]

    def test_no_usage_is_no_event(self) -> None:
        assert only(events_of(sse(chunk({"content": "a"}, "stop", usage=None))), Usage) == []


class TestErrors:
    @pytest.mark.parametrize(
        ("part", "kind"),
        [
            ({"error": {"code": 429, "message": "slow down"}, "choices": [{"index": 0, "delta": {}}]}, RateLimitError),
            ('event: error\ndata: {"error":{"message":"no","type":"x","code":"tool_use_failed","status_code":400}}\n\n', LingateError),
            ("event: error\ndata: {}\n\n", InternalServerError),
            ('event: error\ndata: {"reason":"rate_limit_exceeded","region":"eu"}\n\n', RateLimitError),
            ({"x_groq": {"id": "r", "error": "over capacity"}, "choices": []}, LingateError),
            ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, RateLimitError),
            ({"object": "error", "message": "boom", "code": 500}, LingateError),
            ({"id": "x", "choices": None, "error_type": "BadRequestError", "error_message": "prompt is too long"}, ContextLengthError),
            (chunk({"content": ""}, "error"), InternalServerError),
            (chunk({}, "insufficient_system_resource"), InternalServerError),
            ("data: 5\n\n", ProtocolError),
            ("data: [1]\n\n", ProtocolError),
            ({"id": "x", "choices": {"a": 1}}, ProtocolError),
            ({"id": "x", "choices": [5]}, ProtocolError),
            ({"id": "x", "choices": [{"delta": "text"}]}, ProtocolError),
            (chunk({"tool_calls": {"a": 1}}), ProtocolError),
        ],
    )  # fmt: skip
    def test_one_in_mid_stream_ends_it_after_what_had_come(self, part: Any, kind: type[LingateError]) -> None:
        events = events_of(sse(chunk({"content": "a"}), part, chunk({"content": "b"}, "stop")))

        assert text_of(events) == "a"
        assert isinstance(failure_of(events), kind)
        assert failure_of(events).provider == "acme"

    def test_a_choice_with_an_error_is_classified(self) -> None:
        part = chunk({"content": ""}, "error")
        part["choices"][0]["error"] = {"code": 429, "message": "slow down"}

        assert isinstance(failure_of(events_of(sse(part))), RateLimitError)

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({"error": {"code": 429, "message": "slow down"}}, RateLimitError),
            ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, RateLimitError),
            ({"choices": []}, ProtocolError),
            ([1], ProtocolError),
        ],
    )
    def test_a_json_body_instead_of_a_stream_is_read_as_what_it_is(self, body: Any, kind: type[LingateError]) -> None:
        assert isinstance(failure_of(events_of(json.dumps(body).encode())), kind)

    def test_a_whole_answer_loses_nothing_on_the_way_through_events(self) -> None:
        message = {
            "role": "assistant",
            "content": "hi",
            "refusal": "no",
            "reasoning_content": "hm",
            "thinking_blocks": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"},
            ],
            "audio": {"id": "a", "data": "AA=="},
            "images": [{"type": "image_url", "image_url": {"url": "u"}}],
            "annotations": [{"type": "url_citation"}],
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": 1},
                {"id": "2", "type": "custom", "custom": {"name": "c", "input": "SELECT"}},
            ],
        }

        events = events_of(json.dumps(answer(message, "tool_calls")).encode())

        assert collect(events)["choices"][0]["message"] == message

    def test_a_signature_stays_with_the_text_it_was_made_for(self) -> None:
        block = {"type": "thinking", "thinking": "hm", "signature": "s"}
        message = {"content": "a", "reasoning_content": "hm, in other words", "thinking_blocks": [block]}
        bare = {
            "content": "a",
            "reasoning_content": "hm",
            "thinking_blocks": [{"type": "redacted_thinking", "data": "d"}],
        }

        assert collect(events_of(json.dumps(answer(message)).encode()))["choices"][0]["message"]["thinking_blocks"] == [
            block
        ]
        assert (
            collect(events_of(json.dumps(answer(bare)).encode()))["choices"][0]["message"]["reasoning_content"] == "hm"
        )

    def test_a_legacy_call_in_a_whole_answer_is_one_in_the_events(self) -> None:
        message = {"content": None, "function_call": {"name": "f", "arguments": "{}"}}

        events = events_of(json.dumps(answer(message, "function_call")).encode())

        assert [(event.name, event.kind) for event in only(events, ToolStart)] == [("f", "function_call")]
        assert only(events, Finish)[0].reason == "function_call"

    @pytest.mark.parametrize("start", [b"data: ", b"{"])
    def test_what_has_no_end_is_given_up(self, start: bytes) -> None:
        events = CHAT.decoder(sent(), SSE).feed(start + b" " * (64 * 1024 * 1024 + 1))

        assert type(failure_of(events)) is ProtocolError

    def test_half_a_json_body_is_an_error(self) -> None:
        assert isinstance(failure_of(events_of(b'{"choices": [')), ProtocolError)

    def test_a_whole_answer_instead_of_a_stream_is_told_as_one(self) -> None:
        calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
        message = {"role": "assistant", "content": "hi", "reasoning": "hm", "tool_calls": calls, "new": 1}
        body = answer(message, "stop", usage=USAGE, provider="p")

        events = events_of(b"\n " + json.dumps(body).encode())

        got = collect(events)
        assert got["choices"][0]["message"] == {
            "role": "assistant", "content": "hi", "reasoning_content": "hm", "tool_calls": calls, "new": 1,
        }  # fmt: skip
        assert (got["choices"][0]["finish_reason"], got["usage"], got["provider"]) == ("tool_calls", USAGE, "p")


def test_headers_of_the_answer_are_on_its_errors() -> None:
    decoder = CHAT.decoder(sent(), Head(200, {"x-request-id": "req-1"}))

    events = decoder.feed(sse({"error": {"code": 429, "message": "slow down"}}))

    assert failure_of(events).request_id == "req-1"


@pytest.mark.parametrize(
    ("words", "error"),
    [("rate limit exceeded", RateLimitError), ("Internal Server Error", InternalServerError), ("", ProtocolError)],
)
def test_an_error_event_that_holds_words_and_no_json_is_classified(words: str, error: type[LingateError]) -> None:
    data = sse(chunk({"content": "a"}), done=False) + f"event: error\ndata: {words} \n\ndata: nonsense\n\n".encode()

    assert type(failure_of(events_of(data))) is error


def test_an_error_in_a_list_is_the_error_it_says() -> None:
    wrapped = [{"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}]

    in_stream = failure_of(events_of(sse(chunk({"content": "a"}), wrapped, done=False)))
    instead = failure_of(events_of(json.dumps(wrapped).encode()))

    assert type(in_stream) is type(instead) is RateLimitError


def test_an_error_without_the_word_data_before_it_is_the_error_it_says() -> None:
    error = {"error": {"message": "Too many requests", "type": "rate_limit_error", "code": 429}}

    events = events_of(sse(chunk({"content": "a"}))[: -len(b"data: [DONE]\n\n")] + json.dumps(error, indent=1).encode())

    assert type(failure_of(events)) is RateLimitError


def test_the_whole_message_after_its_pieces_says_nothing_new() -> None:
    # https://github.com/ENTERPILOT/GoModel/pull/1068
    whole = {**answer({"role": "assistant", "content": "Hello", "reasoning_content": "hm"}), "usage": USAGE}

    events = events_of(
        sse(chunk({"reasoning_content": "hm"}), chunk({"content": "Hel"}), chunk({"content": "lo"}), whole)
    )

    told = collect(events)
    assert (told["choices"][0]["message"]["content"], told["choices"][0]["finish_reason"]) == ("Hello", "stop")
    assert told["choices"][0]["message"]["reasoning_content"] == "hm"
    assert told["usage"] == USAGE


def test_calls_that_come_with_the_whole_message_alone_count() -> None:
    asked = {"role": "assistant", "content": "Hi", "tool_calls": [{"id": "1", "function": {"name": "f"}}]}

    told = collect(events_of(sse(chunk({"content": "Hi"}), answer(asked))))["choices"][0]

    assert (told["message"]["content"], told["finish_reason"]) == ("Hi", "tool_calls")
    assert [call["function"]["name"] for call in told["message"]["tool_calls"]] == ["f"]

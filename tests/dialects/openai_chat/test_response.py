"""Whole answers of every variation as the canonical response."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate.errors import (
    ContentFilterError,
    InternalServerError,
    LingateError,
    ProtocolError,
    QuotaExceededError,
    RateLimitError,
)
from tests.dialects.openai_chat.support import CHAT, HELLO, JSON, SSE, answer, call, chunk, read, sse, target, tool
from tests.dialects.short import collect, fed, single_bytes


def message(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, **fields}


def first(body: Any, to: Any = None, **facts: Any) -> Any:
    return read(body, to, **facts)["choices"][0]


def test_an_ordinary_answer_is_kept_with_every_unknown_field() -> None:
    body = answer(
        {"role": "assistant", "content": "hi", "new": 1}, usage={"total_tokens": 3}, system_fingerprint="fp", x=[1]
    )
    body["choices"][0] |= {"logprobs": {"content": []}, "stop_reason": 128}

    assert read(body) == body


def test_missing_usage_is_none() -> None:
    assert read(answer())["usage"] is None


def test_usage_beside_the_answer_is_found() -> None:
    assert read(answer(x_groq={"id": "r", "usage": {"prompt_tokens": 1}}))["usage"] == {"prompt_tokens": 1}


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(1767312000123, 1767312000), (1767312000.5, 1767312000), ("1767312000", 1767312000), (-1, 0), (10**20, 0)],
)
def test_when_an_answer_was_made_is_told_in_seconds(told: Any, seconds: int) -> None:
    # Milliseconds are an error in .NET: "Valid values are between -62135596800 and 253402300799" (Rfym21/Qwen2API#93).
    data = sse(chunk({"content": "a"}, "stop", created=told))

    assert read(answer(created=told))["created"] == seconds
    for pieces in ([data], single_bytes(data)):
        assert collect(fed(CHAT.decoder(CHAT.request(call(stream=True), target()), SSE), pieces))["created"] == seconds


def test_what_every_client_needs_is_filled_in_where_it_is_missing() -> None:
    body = {"choices": [{"message": {"content": "a"}}, {"message": {"content": "b"}}], "id": "", "created": "x"}

    got = read(body)

    assert got["id"].startswith("chatcmpl-")
    assert (got["object"], got["created"], got["model"]) == ("chat.completion", 0, "m-1")
    assert [choice["index"] for choice in got["choices"]] == [0, 1]
    assert got["choices"][0]["message"] == {"content": "a", "role": "assistant"}
    assert got["choices"][0]["finish_reason"] == "stop"


class TestFinishReason:
    @pytest.mark.parametrize(
        ("native", "reason"),
        [
            ("stop", "stop"),
            ("eos", "stop"),
            ("eos_token", "stop"),
            ("", "stop"),
            (None, "stop"),
            ("STOP", "stop"),
            ("never heard of", "stop"),
            ("length", "length"),
            ("MAX_TOKENS", "length"),
            ("model_length", "length"),
            ("time_limit", "length"),
            ("repetition", "length"),
            ("content-filter", "content_filter"),
            ("model_context_window_exceeded", "length"),
            ("sensitive", "content_filter"),
            ("content_filter: PROHIBITED_CONTENT", "content_filter"),
            ("filter: SAFETY", "content_filter"),
            ("content_filter", "content_filter"),
            ("tool_calls", "stop"),  # without a call there is nothing to execute
        ],
    )
    def test_every_providers_word_becomes_openais(self, native: Any, reason: str) -> None:
        choice = first(answer(finish_reason=native))

        assert choice["finish_reason"] == reason
        assert choice.get("native_finish_reason") == (native if native and native != reason else None)

    @pytest.mark.parametrize("native", ["stop", "tool_calls", "", None, "tool_use", "eos", "function_call"])
    def test_an_answer_with_calls_ends_with_tool_calls(self, native: Any) -> None:
        calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]

        assert first(answer(message(tool_calls=calls), native))["finish_reason"] == "tool_calls"

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [('{"a":', "length"), ("", "length"), (None, "length"), ('{"a":1}', "tool_calls"), ({}, "tool_calls")],
    )
    def test_an_answer_cut_inside_a_call_is_not_ready_to_be_executed(self, arguments: Any, reason: str) -> None:
        function = {"name": "f", "arguments": arguments}
        calls = [{"id": "1", "type": "function", "function": function}]
        legacy = "function_call" if reason == "tool_calls" else reason

        assert first(answer(message(tool_calls=calls), "length"))["finish_reason"] == reason
        assert first(answer(message(tool_calls=calls[0]), "length"))["finish_reason"] == reason
        assert first(answer(message(function_call=function), "length"))["finish_reason"] == legacy

    def test_a_custom_call_is_whole_whatever_is_in_it(self) -> None:
        calls = [{"id": "1", "type": "custom", "custom": {"name": "f", "input": ""}}]

        assert first(answer(message(tool_calls=calls), "length"))["finish_reason"] == "tool_calls"

    @pytest.mark.parametrize(("written", "reason"), [(9, "stop"), (10, "length"), (12, "length"), (None, "stop")])
    @pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
    def test_an_answer_of_all_the_tokens_it_may_have_was_cut_where_no_reason_is_given(
        self, limit: str, written: Any, reason: str
    ) -> None:
        # xAI's models at OpenRouter: null, with as many tokens as were asked for, or a few more
        asked = CHAT.request(call(**{limit: 10}), target())
        usage = {"prompt_tokens": 1, "completion_tokens": written}

        def read_reasons(*given: Any) -> list[str]:
            choices = [
                {"index": n, "message": message(content="a"), "finish_reason": why} for n, why in enumerate(given)
            ]
            body = json.dumps({**answer(usage=usage), "choices": choices}).encode()
            return [choice["finish_reason"] for choice in CHAT.response(asked, JSON, body)[0]["choices"]]

        assert read_reasons(None) == [reason]
        assert read_reasons("stop") == ["stop"]
        assert read_reasons(None, None) == ["stop", "stop"]  # counted together

    def test_a_filtered_answer_stays_filtered(self) -> None:
        calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]

        assert first(answer(message(tool_calls=calls), "content_filter"))["finish_reason"] == "content_filter"

    def test_a_legacy_call_keeps_its_own_word(self) -> None:
        body = answer(message(function_call={"name": "f", "arguments": {"a": 1}}), "stop")

        assert first(body)["finish_reason"] == "function_call"
        assert first(body)["message"]["function_call"]["arguments"] == '{"a":1}'

    @pytest.mark.parametrize(
        "native",
        [
            "error",
            "network_error",
            "insufficient_system_resource",
            "abort",
            "function_call_filter: MALFORMED_FUNCTION_CALL",
        ],
    )
    def test_an_answer_that_failed_is_an_error(self, native: str) -> None:
        with pytest.raises(InternalServerError, match=native) as caught:
            read(answer(finish_reason=native))

        assert (caught.value.provider, caught.value.model, caught.value.retryable) == ("acme", "m-1", True)

    def test_a_filter_may_leave_nothing_of_the_message(self) -> None:
        body = {**answer(), "choices": [{"index": 0, "finish_reason": "content_filter: OTHER"}]}

        assert first(body)["finish_reason"] == "content_filter"
        assert first(body)["message"] == message()

    def test_it_may_go_by_the_name_of_stop_reason(self) -> None:
        # https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-chat-completion.html
        body = answer()
        body["choices"][0] = {"index": 0, "message": {"role": "assistant", "content": "a"}, "stop_reason": "length"}

        assert first(body)["finish_reason"] == "length"

    def test_an_error_inside_a_choice_is_classified(self) -> None:
        body = answer(finish_reason="error")
        body["choices"][0]["error"] = {"code": 429, "message": "slow down"}

        with pytest.raises(RateLimitError):
            read(body)


class TestReasoning:
    @pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
    def test_it_has_one_name(self, name: str) -> None:
        assert first(answer(message(content="a", **{name: "hm"})))["message"] == message(
            content="a", reasoning_content="hm"
        )

    def test_two_fields_with_the_same_text_are_one(self) -> None:
        assert first(answer(message(content="a", reasoning="hm", reasoning_content="hm")))["message"] == message(
            content="a", reasoning_content="hm"
        )

    def test_details_give_text_and_signed_blocks_and_stay_for_the_next_turn(self) -> None:
        details = [
            {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
            {"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1", "index": 1},
            {"type": "reasoning.encrypted", "data": "g", "format": "google-gemini-v1", "index": 2},
            {"type": "reasoning.summary", "summary": " so", "index": 3},
        ]

        got = first(answer(message(content="a", reasoning=None, reasoning_details=details)))["message"]

        assert got["reasoning_content"] == "hm so"
        assert got["reasoning_details"] == details
        assert got["thinking_blocks"] == [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "redacted_thinking", "data": "d"},
        ]
        assert "reasoning" not in got

    @pytest.mark.parametrize(
        ("content", "reasoning", "text"),
        [
            ("<think>hm</think>\n\nhi", "hm", "hi"),
            ("\n<think>\nhm\n</think>hi", "hm\n", "hi"),
            ("<think>\n\n</think>\n\nhi", None, "hi"),
            ("<think>never closed", "never closed", ""),
            ("hi <think>quoted</think>", None, "hi <think>quoted</think>"),
            ("<thin", None, "<thin"),
            ("<reasoning>hm, </think></reasoning>hi", "hm, </think>", "hi"),
            ("", None, ""),
        ],
    )
    def test_think_tags_at_the_head_are_reasoning(self, content: str, reasoning: Any, text: str) -> None:
        both = message(content=content, reasoning_content="told apart")
        assert first(answer(both), target(traits={"think_tags": True}))["message"]["reasoning_content"] == "told apart"
        got = first(answer(message(content=content)), target(traits={"think_tags": True}))["message"]

        assert (got["content"], got.get("reasoning_content")) == (text, reasoning)
        assert first(answer(message(content=content)))["message"]["content"] == content

    def test_blocks_inside_the_content(self) -> None:
        mistral = [
            {"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"type": "text", "text": "m"}]},
            {"type": "text", "text": "hi"},
        ]
        databricks = [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm", "signature": "s"}]},
            {"type": "text", "text": "hi"},
        ]

        assert first(answer(message(content=mistral)))["message"] == message(content="hi", reasoning_content="hm")
        assert first(answer(message(content=databricks)))["message"] == message(
            content="hi",
            reasoning_content="hm",
            thinking_blocks=[{"type": "thinking", "thinking": "hm", "signature": "s"}],
        )

    def test_blocks_of_another_gateway_are_kept_and_give_the_text(self) -> None:
        blocks = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "d"}]

        for given in (
            message(content="a", thinking_blocks=blocks),
            message(content=[*blocks, {"type": "text", "text": "a"}]),
        ):
            assert first(answer(given))["message"] == message(
                content="a", reasoning_content="hm", thinking_blocks=blocks
            )

    def test_parts_with_no_place_of_their_own_are_kept(self) -> None:
        reference = {"type": "reference", "reference_ids": [1]}

        got = first(answer(message(content=[{"type": "text", "text": "a"}, reference, "b"])))["message"]

        assert got["content"] == "ab"
        assert got["provider_specific_fields"] == {"content": [reference]}


class TestToolCalls:
    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"a": 1}, '{"a":1}'),
            ([1], "[1]"),
            (None, "{}"),
            ("", "{}"),
            (" ", "{}"),
            ('{"a": 1}', '{"a": 1}'),
            ("{", "{"),
            ('{}{"a": 1}', '{"a": 1}'),  # put together from a stream that begins so (Llama at OpenRouter)
        ],
    )
    def test_arguments_are_json_text(self, arguments: Any, text: str) -> None:
        calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}]

        assert first(answer(message(tool_calls=calls)))["message"]["tool_calls"][0]["function"]["arguments"] == text

    def test_missing_ids_types_and_arguments_are_made(self) -> None:
        calls = [{"function": {"name": "f"}}, {"id": "", "function": {"name": "g"}, "extra_content": {"x": 1}}]

        got = first(answer(message(tool_calls=calls)))["message"]["tool_calls"]

        assert [call["id"].startswith("call_") for call in got] == [True, True]
        assert got[0]["id"] != got[1]["id"]
        assert [call["type"] for call in got] == ["function", "function"]
        assert got[0]["function"] == {"name": "f", "arguments": "{}"}
        assert got[1]["extra_content"] == {"x": 1}

    def test_custom_calls_are_kept(self) -> None:
        calls = [{"id": "1", "type": "custom", "custom": {"name": "c", "input": "SELECT 1"}}]

        assert first(answer(message(tool_calls=calls), "stop"))["message"]["tool_calls"] == calls

    def test_objects_of_empty_strings_mean_nothing(self) -> None:
        calls = [{"id": "1", "type": "function", "function": {"name": "f"}, "custom": {"name": "", "input": ""}}]
        body = answer(
            message(tool_calls=calls, function_call={"name": "", "arguments": ""}, audio={"id": "", "expires_at": 0}),
            "",
        )

        got = first(body)["message"]

        assert "function_call" not in got
        assert "audio" not in got
        assert got["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
        assert "custom" not in got["tool_calls"][0]

    def test_the_tool_that_stands_for_the_answer_becomes_the_content(self) -> None:
        calls = [{"id": "1", "type": "function", "function": {"name": "answer", "arguments": '{"a":1}'}}]

        choice = first(answer(message(tool_calls=calls), "tool_calls"), answer_tool="answer")

        assert choice["message"] == message(content='{"a":1}')
        assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", "tool_calls")

    def test_beside_it_the_callers_tools_are_still_to_be_executed(self) -> None:
        calls = [
            {"id": "1", "type": "function", "function": {"name": name, "arguments": "{}"}}
            for name in ("mine", "answer")
        ]

        choice = first(answer(message(tool_calls=calls), "tool_calls"), answer_tool="answer")

        assert choice["message"]["content"] == "{}"
        assert [call["function"]["name"] for call in choice["message"]["tool_calls"]] == ["mine"]
        assert choice["finish_reason"] == "tool_calls"


class TestErrorsInsideASuccess:
    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({"error": {"code": 429, "message": "rate limited", "metadata": {"provider_name": "x"}}}, RateLimitError),
            ({"error": {"code": "content_filter", "message": "filtered", "status": 400}}, ContentFilterError),
            ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "choices": None}, RateLimitError),
            ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, QuotaExceededError),
            ({"x_groq": {"error": "over capacity"}, "choices": []}, LingateError),
            ({"error": {}, "choices": []}, ProtocolError),
            ({"choices": []}, ProtocolError),
            ({}, ProtocolError),
        ],
    )
    def test_they_are_found(self, body: Any, kind: type[LingateError]) -> None:
        with pytest.raises(kind) as caught:
            read(body)

        assert caught.value.provider == "acme"

    def test_a_status_that_says_success_is_no_error(self) -> None:
        assert first(answer(base_resp={"status_code": 0, "status_msg": ""}))["message"]["content"] == "hi"
        assert first(answer(error=None))["message"]["content"] == "hi"

    def test_secrets_never_show(self) -> None:
        with pytest.raises(LingateError) as caught:
            read({"error": {"message": "bad key sk-secret-0001", "code": 500}})
        assert "sk-secret-0001" not in f"{caught.value} {caught.value.detail} {vars(caught.value)}"

        with pytest.raises(LingateError) as caught:
            read(answer(finish_reason="error"))
        assert "sk-secret" not in str(vars(caught.value))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"<html>bad gateway</html>",
        b"[1]",
        b'"x"',
        b"null",
        b"{",
        b"[" * 100_000,
        b'{"choices":{}}',
        b'{"choices":[1]}',
        b'{"choices":[{}]}',
        b'{"choices":[{"message":[]}]}',
        b'{"choices":[{"message":{"tool_calls":{}}}]}',
        b'{"choices":[{"message":{"tool_calls":[1]}}]}',
        b'{"choices":[{"message":{"tool_calls":[{}]}}]}',
        b'{"choices":[{"message":{"tool_calls":[{"function":{"name":5}}]}}]}',
        b'{"choices":[{"message":{"content":"x","function_call":{"arguments":"1"}}}]}',
    ],
)
def test_what_is_no_answer_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(body) if body[:1] == b"{" and body != b"{" else _read_raw(body)


def _read_raw(body: bytes) -> None:
    from tests.dialects.openai_chat.support import CHAT, JSON, sent

    CHAT.response(sent(), JSON, body)


def test_strange_json_is_read_all_the_same() -> None:
    body = b'\xef\xbb\xbf{"choices":[{"message":{"content":"\\ud83d"},"logprobs":NaN}]}'
    from tests.dialects.openai_chat.support import CHAT, JSON, sent

    canonical, _ = CHAT.response(sent(), JSON, body)

    assert canonical["choices"][0]["message"]["content"] == "\ud83d"
    assert json.loads(CHAT.render(canonical))


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "reasoning_text", "thinking"])
def test_reasoning_in_plain_text_has_many_names(name: str) -> None:
    found = first(answer(message(content="4", **{name: "Let me"})))["message"]

    assert found == {"role": "assistant", "content": "4", "reasoning_content": "Let me"}


@pytest.mark.parametrize("odd", [[{"a": 1}], {"b": 2}, True])
def test_a_role_a_refusal_or_reasoning_that_is_no_text_says_nothing(odd: Any) -> None:
    got = first(answer({"role": odd, "content": "hi", "refusal": odd, "reasoning_content": odd}))["message"]

    assert got == {"role": "assistant", "content": "hi"}


@pytest.mark.parametrize("kind", [["text"], {"a": 1}, None, 3])
def test_a_part_of_no_known_kind_is_kept_whatever_its_kind_is(kind: Any) -> None:
    part = {"type": kind, "text": "?"}

    got = first(answer(message(content=[{"type": "text", "text": "hi"}, part])))["message"]

    assert got["content"] == "hi"
    assert got["provider_specific_fields"] == {"content": [part]}


def test_an_answer_cut_into_choices_that_nobody_asked_for_is_one() -> None:
    # GitHub Copilot: https://github.com/karthink/gptel/pull/1284
    calls = [{"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}} for name in "fg"]
    says = {"finish_reason": "tool_calls", "message": {"role": "assistant", "content": "hi"}}
    does = [{"finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [call]}} for call in calls]

    for text, choices in (("hi", [says, *does]), (None, does)):
        (choice,) = read({**answer(), "choices": choices})["choices"]
        assert choice["message"] == {"role": "assistant", "content": text, "tool_calls": calls}
        assert choice["finish_reason"] == "tool_calls"
    for others in ([says, says], [says, {**does[0], "index": 1}], [{**says, "finish_reason": "stop"}, does[0]]):
        assert len(read({**answer(), "choices": others})["choices"]) == 2


def test_thoughts_that_google_marks_are_reasoning() -> None:
    mark = {"google": {"thought": True}}

    said = read(answer({"content": "<thought>hm</thought>hi", "extra_content": mark}))["choices"][0]["message"]
    kept = read(answer({"content": "hi <thought>", "extra_content": mark}))["choices"][0]["message"]

    assert said == {"role": "assistant", "content": "hi", "reasoning_content": "hm"}
    assert kept == {"role": "assistant", "content": "hi <thought>", "extra_content": mark}


def test_reasoning_may_be_an_object() -> None:
    # https://github.com/envoyproxy/ai-gateway/issues/2519
    nested = {"reasoningContent": {"reasoningText": {"text": "hm"}}}

    assert (
        read(answer({"content": "hi", "reasoning_content": nested}))["choices"][0]["message"]["reasoning_content"]
        == "hm"
    )


def test_two_calls_of_one_id_get_two_ids() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

    one, two = read(answer({"content": None, "tool_calls": [call, call]}))["choices"][0]["message"]["tool_calls"]

    assert one == call
    assert two["id"].startswith("call_")


def test_an_id_that_the_conversation_has_already_is_made_new_whole_and_streamed() -> None:
    # https://github.com/vllm-project/vllm/issues/50295
    called = {"id": "look:0", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    history = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "look:0", "content": "dark"},
    ]
    request = CHAT.request(call(messages=history), target())
    turn = {"role": "assistant", "content": None, "tool_calls": [called, {**called, "id": "look:1"}]}

    whole = CHAT.response(request, JSON, json.dumps(answer(turn, "tool_calls")).encode())[0]
    pieces = [tool("look", "{}", id=f"look:{n}", index=n) for n in (0, 1)]
    data = sse(*map(chunk, pieces), chunk({}, "tool_calls"))
    streams = [collect(fed(CHAT.decoder(request, SSE), cut)) for cut in ([data], single_bytes(data))]

    for response in (whole, *streams):
        one, two = (made["id"] for made in response["choices"][0]["message"]["tool_calls"])
        assert (one[:5], two) == ("call_", "look:1")


def test_a_model_that_calls_another_tool_has_not_answered_yet() -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}]

    choice = read(answer({"role": "assistant", "content": None, "tool_calls": calls}), answer_tool="answer")["choices"][
        0
    ]

    assert (choice["message"]["tool_calls"], choice["message"]["content"]) == (calls, None)


def test_json_that_was_asked_for_and_told_as_reasoning_is_the_answer() -> None:
    # vllm-project/vllm#48863
    told = answer({"role": "assistant", "content": None, "reasoning_content": '{"a": 1}'})
    for asked, said in (({"type": "json_object"}, '{"a": 1}'), ({"type": "text"}, None)):
        sent = CHAT.request(call(messages=HELLO, response_format=asked), target())
        got = CHAT.response(sent, JSON, json.dumps(told).encode())[0]["choices"][0]["message"]
        assert (got["content"], "reasoning_content" in got) == (said, said is None)

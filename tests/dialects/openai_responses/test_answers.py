"""Whole answers: what a response says in canonical words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects.openai_responses.face_response import response_object
from lingate._dialects.openai_responses.response import canonical_usage, native_usage
from lingate._model import Head
from lingate.errors import (
    ContentFilterError,
    ContextLengthError,
    InternalServerError,
    LingateError,
    ProtocolError,
    RateLimitError,
)
from tests.dialects.openai_responses.support import CHAT, NATIVE, answer, function_call, message, read, reasoning, sent


def said(*items: dict[str, Any], **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = read(answer(*items, **fields))["choices"][0]["message"]
    return found


def finish(*items: dict[str, Any], **fields: Any) -> Any:
    return read(answer(*items, **fields))["choices"][0]["finish_reason"]


def test_a_plain_answer_is_a_chat_completion() -> None:
    assert read(answer(message("hi"), service_tier="default")) == {
        "id": "resp_1",
        "object": "chat.completion",
        "created": 1_750_000_000,
        "model": "m-1-2026",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hi"},
                "finish_reason": "stop",
                "native_finish_reason": "completed",
            }
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 6,
            "total_tokens": 16,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
        "service_tier": "default",
        "provider_specific_fields": {"openai_responses": {"service_tier": "default"}},
    }


def test_the_body_is_handed_over_untouched() -> None:
    body = answer(message(), reasoning("hm"), brand_new={"x": 1})
    before = json.dumps(body)

    _, raw = CHAT.response(sent(), Head(200, {}), before.encode())

    assert raw == json.loads(before)


def test_what_a_response_repeats_of_the_request_is_not_in_a_chat_but_news_are() -> None:
    body = answer(
        message(), instructions="secret plan", tools=[{"type": "shell"}], billing={"payer": "me"}, temperature=0.3
    )

    assert read(body)["provider_specific_fields"] == {"openai_responses": {"billing": {"payer": "me"}}}
    assert read(body, NATIVE)["provider_specific_fields"]["openai_responses"]["instructions"] == "secret plan"


def test_reasoning_beside_the_output_is_reasoning() -> None:
    # mistral.rs; OpenAI's `reasoning` says how much was asked for.
    body = answer(message("hi"), reasoning="Let me see.")

    assert read(body)["choices"][0]["message"] == {
        "role": "assistant",
        "content": "hi",
        "reasoning_content": "Let me see.",
    }
    assert response_object(read(body, NATIVE)) == body
    assert "reasoning_content" not in said(message("hi"), reasoning={"effort": "low"})


def test_text_of_all_messages_and_parts_is_joined() -> None:
    two = {**message(), "content": [*message("b")["content"], *message("c")["content"]]}

    found = said(message("a", phase="commentary"), two)

    assert found["content"] == "abc"
    assert found["provider_specific_fields"]["openai_responses"]["items"][0]["phase"] == "commentary"


def test_a_message_whose_content_is_null_says_nothing() -> None:
    found = said({**message(), "content": None}, function_call())

    assert found["content"] is None
    assert len(found["tool_calls"]) == 1


def test_a_refusal_is_a_refusal() -> None:
    found = said({**message(), "content": [{"type": "refusal", "refusal": "No."}]})

    assert (found["content"], found["refusal"]) == ("", "No.")


def test_citations_count_from_the_beginning_of_the_whole_text() -> None:
    cited = {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 2}
    filed = {"type": "file_citation", "file_id": "file-1", "filename": "a", "index": 1}
    second = {**message(), "content": [{"type": "output_text", "text": "yo", "annotations": [cited, filed]}]}

    found = said(message("abc"), second)

    inner = {"url": "https://x.test", "title": "X", "start_index": 3, "end_index": 5}
    assert found["annotations"] == [{"type": "url_citation", "url_citation": inner}, filed]


def test_logprobs_are_the_choices() -> None:
    probs = [{"token": "hi", "logprob": -0.1, "bytes": [104, 105], "top_logprobs": []}]
    part = {"type": "output_text", "text": "hi", "annotations": [], "logprobs": probs}

    response = read(answer({**message(), "content": [part]}))

    assert response["choices"][0]["logprobs"] == {"content": probs}


def test_calls_end_with_tool_calls() -> None:
    found = said(function_call(), function_call("", "hear", "call_2"))

    assert found["content"] is None
    assert found["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}},
        {"id": "call_2", "type": "function", "function": {"name": "hear", "arguments": "{}"}},
    ]
    assert finish(message(), function_call()) == "tool_calls"


def test_a_custom_tool_is_a_custom_call() -> None:
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "sql", "input": "select 1"}

    assert said(item)["tool_calls"] == [
        {"id": "call_1", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
    ]


def test_servers_that_give_a_call_one_id_or_its_arguments_as_an_object_are_understood() -> None:
    item = {"type": "function_call", "id": "fc_9", "name": "look", "arguments": {"a": 1}}

    (call,) = said(item)["tool_calls"]

    assert (call["id"], call["function"]["arguments"]) == ("fc_9", '{"a":1}')


@pytest.mark.parametrize(
    "item",
    [
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"type": "file_search_call", "id": "fs_1", "queries": ["q"], "results": None},
        {"type": "code_interpreter_call", "id": "ci_1", "code": "1", "container_id": "c", "outputs": []},
        {"type": "mcp_call", "id": "mcp_1", "name": "f", "arguments": "{}", "server_label": "s", "output": "x"},
        {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "s", "tools": []},
        {"type": "computer_call", "id": "cu_1", "call_id": "call_9", "action": {"type": "wait"}},
        {"type": "shell_call", "id": "sh_1", "call_id": "call_9", "action": {"commands": ["ls"]}},
        {"type": "tool_search_call", "id": "ts_1", "call_id": "call_9", "arguments": {}},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"},
        {"type": "search_results", "results": [{"url": "https://x.test"}]},
        {"type": "brand_new", "name": "f", "arguments": "{}"},
    ],
)
def test_what_the_providers_own_tools_did_is_kept_and_is_no_call_of_the_callers(item: dict[str, Any]) -> None:
    found = said(item, message())

    assert "tool_calls" not in found
    assert found["content"] == "hi"
    assert found["provider_specific_fields"]["openai_responses"]["items"] == [item, message()]
    assert finish(item, message()) == "stop"


def test_images_that_were_made_are_shown() -> None:
    item = {
        "type": "image_generation_call",
        "id": "ig_1",
        "status": "completed",
        "result": "QUJD",
        "output_format": "webp",
    }

    assert said(item)["images"] == [{"type": "image_url", "image_url": {"url": "data:image/webp;base64,QUJD"}}]
    assert "images" not in said({**item, "result": None})


def test_speech_that_was_made_is_audio() -> None:
    part = {"type": "output_audio", "data": "QUJD", "transcript": "hi"}

    assert said({**message(), "content": [part]})["audio"] == {"data": "QUJD", "transcript": "hi"}


def test_reasoning_is_shown_and_its_proof_is_sealed() -> None:
    found = said(reasoning("one", "two", secret="gAA"), message())

    assert found["reasoning_content"] == "one\n\ntwo"
    assert found["thinking_blocks"] == [
        {"type": "thinking", "thinking": "one\n\ntwo", "signature": "openai_responses#rs_1:gAA"}
    ]


def test_reasoning_that_the_model_shows_in_full_is_shown_without_a_proof() -> None:
    shown = reasoning(secret=None, content=[{"type": "reasoning_text", "text": "hm"}])

    found = said(shown, message())

    assert found["reasoning_content"] == "hm"
    assert "thinking_blocks" not in found
    assert found["provider_specific_fields"]["openai_responses"]["items"][0] == shown


def test_a_chat_keeps_no_second_copy_of_what_it_says_already() -> None:
    assert "provider_specific_fields" not in said(reasoning("hm"), message(), function_call())
    kept = read(answer(message()), NATIVE)["choices"][0]["message"]["provider_specific_fields"]
    assert kept == {"openai_responses": {"items": [message()]}}


@pytest.mark.parametrize(
    ("reason", "word"),
    [("max_output_tokens", "length"), ("content_filter", "content_filter"), ("steered", "length"), (None, "length")],
)
def test_an_incomplete_answer_never_ends_as_if_it_were_whole(reason: Any, word: str) -> None:
    details = {"reason": reason} if reason else None

    response = read(answer(message(), function_call('{"a'), status="incomplete", incomplete_details=details))

    assert response["choices"][0]["finish_reason"] == word
    assert response["choices"][0]["native_finish_reason"] == (reason or "incomplete")


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_an_answer_in_the_background_is_not_finished(status: str) -> None:
    response = read(answer(status=status, usage=None))

    assert response["choices"][0]["finish_reason"] is None
    assert response["choices"][0]["native_finish_reason"] == status
    assert response["usage"] is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "server_error", "message": "boom"}, InternalServerError),
        ({"code": "rate_limit_exceeded", "message": "slow down"}, RateLimitError),
        ({"code": "context_length_exceeded", "message": "too long"}, ContextLengthError),
        ({"code": "bio_policy", "message": "no"}, ContentFilterError),
        ({"code": "invalid_image", "message": "bad image"}, LingateError),
    ],
)
def test_a_failed_response_is_the_error_it_names(error: Any, kind: type[LingateError]) -> None:
    with pytest.raises(kind) as caught:
        read(answer(status="failed", error=error))

    assert caught.value.code == error["code"]
    assert caught.value.provider == "acme"


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_failure_without_words_is_a_failure_all_the_same(status: str) -> None:
    with pytest.raises(InternalServerError, match=status):
        read(answer(status=status))


def test_an_error_body_with_a_success_status_is_an_error() -> None:
    with pytest.raises(RateLimitError):
        read({"error": {"message": "slow down", "code": "rate_limit_exceeded"}})


def test_the_structured_answer_of_a_forced_tool_is_the_content() -> None:
    body = answer(message("so:"), function_call('{"x":1}', "answer"))

    response = read(body, answer_tool="answer")

    (choice,) = response["choices"]
    assert choice["message"] == {"role": "assistant", "content": '{"x":1}'}
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize("operation", [CHAT, NATIVE])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        {"output": None},
        {"output": "x"},
        {"output": [3]},
        {"output": [{"type": 3}]},
        {"output": [{"type": "message"}]},
        {"output": [{"type": "message", "content": [{"type": "output_text"}]}]},
        {"output": [{"type": "message", "content": [{}]}]},
        {"output": [{"type": "function_call", "name": "f"}]},
        {"output": [{"type": "function_call", "call_id": "c"}]},
        {"output": [{"type": "reasoning", "summary": "x"}]},
        {"output": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": 3}]}]},
    ],
)
def test_rubbish_is_a_protocol_error(body: Any, operation: Any) -> None:
    with pytest.raises(ProtocolError) as caught:
        read(body, operation)

    assert caught.value.provider == "acme"


def test_little_is_enough() -> None:
    response = read({"output": [{"type": "message", "content": "hi"}]})

    assert response["id"].startswith("resp_")
    assert (response["model"], response["created"], response["usage"]) == ("m-1", 0, None)
    assert response["choices"][0]["message"]["content"] == "hi"


# Usage


def test_counts_carry_what_only_the_provider_knows() -> None:
    native = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
        "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 16,
        "cost_in_usd_ticks": 7,
    }

    assert canonical_usage(native) == {
        "prompt_tokens": 10,
        "completion_tokens": 6,
        "total_tokens": 16,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
        "cost_in_usd_ticks": 7,
    }
    assert native_usage(canonical_usage(native)) == native


def test_counts_that_nobody_gave_are_absent_here_and_zero_where_the_format_requires_them() -> None:
    assert canonical_usage({"input_tokens": 1}) == {"prompt_tokens": 1}
    assert canonical_usage(None) is None
    assert canonical_usage({}) is None
    nobody = {"prompt_tokens_details": {"cached_tokens": None}, "completion_tokens_details": {"reasoning_tokens": None}}
    for said in ({"prompt_tokens": 1}, {"prompt_tokens": 1, **nobody}):
        assert native_usage(said) == {
            "input_tokens": 1,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 0,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 1,
        }
    assert native_usage(None) is None


def test_drawings_in_svg_are_shown_as_what_they_are() -> None:
    made = {
        "id": "ig_1",
        "type": "image_generation_call",
        "status": "completed",
        "result": "QUJD",
        "output_format": "svg",
    }

    image = read(answer(made))["choices"][0]["message"]["images"][0]

    assert image["image_url"]["url"] == "data:image/svg+xml;base64,QUJD"


def test_text_by_another_name_is_text() -> None:
    item = {**message(), "content": [{"type": "text", "text": "a"}, {"type": "input_text", "text": "b"}]}

    assert read(answer(item))["choices"][0]["message"]["content"] == "ab"


def test_an_answer_that_is_still_waited_for_says_so_to_clients_of_this_format() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": None}

    rendered = json.loads(NATIVE.render({"id": "r", "choices": [{**choice, "native_finish_reason": "queued"}]}))

    assert rendered["status"] == "queued"

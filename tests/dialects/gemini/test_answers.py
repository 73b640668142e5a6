"""Whole answers: what the provider said, in canonical words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects.gemini.grounding import grounding_metadata
from lingate._dialects.gemini.usage import canonical_usage, native_usage
from lingate._model import Head
from lingate.errors import (
    InternalServerError,
    OverloadedError,
    ProtocolError,
    RateLimitError,
    StreamInterruptedError,
)
from tests.dialects.gemini.support import CHAT, COUNT, JSON_HEAD, answer, call, read, target


def message(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = read(answer(*parts, **fields))["choices"][0]["message"]
    return found


def choice(finish: Any, *parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = read(answer(*parts, finish=finish, **fields))["choices"][0]
    return found


def test_a_plain_answer() -> None:
    assert read({**answer({"text": "hi"}), "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2}}) == {
        "id": "r1",
        "object": "chat.completion",
        "created": 1784023200,
        "model": "gemini-test",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hi"},
                "finish_reason": "stop",
                "native_finish_reason": "STOP",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }


@pytest.mark.parametrize(
    ("native", "expected"),
    [
        ("STOP", "stop"),
        (None, "stop"),
        ("FINISH_REASON_UNSPECIFIED", "stop"),
        ("SOMETHING_NEW", "stop"),
        ("MAX_TOKENS", "length"),
        (1, "stop"),
        (2, "length"),
        (3, "content_filter"),
        (99, "content_filter"),
        *[
            (name, "content_filter")
            for name in [
                "SAFETY",
                "RECITATION",
                "LANGUAGE",
                "BLOCKLIST",
                "PROHIBITED_CONTENT",
                "SPII",
                "IMAGE_SAFETY",
                "IMAGE_PROHIBITED_CONTENT",
                "IMAGE_RECITATION",
                "MODEL_ARMOR",
                "OTHER",
                "IMAGE_OTHER",
                "NO_IMAGE",
                "ESCALATION",
            ]
        ],
    ],
)
def test_finish_reasons(native: Any, expected: str) -> None:
    assert choice(native, {"text": "x"})["finish_reason"] == expected


@pytest.mark.parametrize("native", ["STOP", "MAX_TOKENS", None])
def test_an_answer_with_calls_ends_with_tool_calls(native: Any) -> None:
    assert choice(native, {"functionCall": {"name": "f"}})["finish_reason"] == "tool_calls"


def test_calls_of_an_answer_that_a_filter_ended_are_not_to_be_executed() -> None:
    assert choice("SAFETY", {"functionCall": {"name": "f"}})["finish_reason"] == "content_filter"


@pytest.mark.parametrize(
    "native",
    [
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
    ],
)
def test_an_answer_that_the_model_failed_to_write_is_an_error(native: str) -> None:
    with pytest.raises(InternalServerError) as caught:
        choice(native, {"text": "part"}, finishMessage="Malformed function call: f(")

    assert caught.value.code == native
    assert caught.value.retryable
    assert "f(" in str(caught.value)


def test_a_prompt_that_was_refused_is_a_filtered_answer() -> None:
    body = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "Not that."},
        "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7},
        "responseId": "r",
        "modelVersion": "m",
    }

    response = read(body)

    assert response["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "", "refusal": "Not that."},
            "finish_reason": "content_filter",
            "native_finish_reason": "PROHIBITED_CONTENT",
        }
    ]
    assert response["usage"] == {"prompt_tokens": 7, "completion_tokens": 0, "total_tokens": 7}
    rendered = json.loads(CHAT.render(response))
    assert "candidates" not in rendered
    assert rendered["promptFeedback"] == body["promptFeedback"]


def test_a_filtered_answer_says_why() -> None:
    found = choice("MODEL_ARMOR", finishMessage="Filtered.")

    assert found["message"]["refusal"] == "Filtered."
    assert found["message"]["content"] == ""


def test_thoughts_are_reasoning_and_signatures_stay_with_their_calls() -> None:
    found = message(
        {"text": "a", "thought": True},
        {"text": "b", "thought": True},
        {"text": "c"},
        {"functionCall": {"name": "f", "args": {"é": 1}, "id": "i"}, "thoughtSignature": "U0lH"},
    )

    assert found["reasoning_content"] == "ab"
    assert found["content"] == "c"
    assert found["tool_calls"] == [
        {
            "id": "i",
            "type": "function",
            "function": {"name": "f", "arguments": '{"é":1}'},
            "extra_content": {"google": {"thought_signature": "U0lH"}},
        }
    ]
    assert found["thinking_blocks"][0] == {"type": "thinking", "thinking": "ab"}


def test_calls_without_ids_get_some_that_differ_between_answers() -> None:
    first = message({"functionCall": {"name": "f"}}, {"functionCall": {"name": "f", "args": {}}})
    second = read({**answer({"functionCall": {"name": "f"}}), "responseId": "r2"})["choices"][0]["message"]
    unnamed = [
        read({**answer({"functionCall": {"name": "f"}}), "responseId": None, "usageMetadata": {"promptTokenCount": n}})
        for n in (5, 9)
    ]

    ids = [c["id"] for c in [*first["tool_calls"], *second["tool_calls"]]]
    ids += [one["choices"][0]["message"]["tool_calls"][0]["id"] for one in unnamed]
    assert len(set(ids)) == len(ids) == 5
    assert all(given.startswith("call_") and len(given) <= 40 for given in ids)
    assert first["tool_calls"][0]["function"]["arguments"] == "{}"


def test_the_providers_own_tools_are_not_the_callers() -> None:
    parts = [
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "id": "x"}, "thoughtSignature": "QQ=="},
        {"toolResponse": {"toolType": "GOOGLE_SEARCH_WEB", "id": "x"}},
        {"text": "done"},
    ]

    found = choice("STOP", *parts)

    assert found["finish_reason"] == "stop"
    assert found["message"]["content"] == "done"
    assert "tool_calls" not in found["message"]
    assert found["message"]["provider_specific_fields"]["gemini"]["parts"] == parts


def test_pictures_and_sound() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
    draft = {"inlineData": {"mimeType": "image/png", "data": "RA=="}, "thought": True}
    linked = {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/x.png"}}
    sound = {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "QUI="}}

    found = message(draft, {"text": "see"}, picture, linked, sound, sound)

    assert [image["image_url"]["url"] for image in found["images"]] == ["data:image/png;base64,QUJD", "gs://b/x.png"]
    assert found["audio"] == {"data": "QUJBQg==", "format": "pcm16"}
    assert found["content"] == "see"


def test_candidates_are_kept_apart() -> None:
    body = {
        "candidates": [
            {"content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS", "index": 1},
            {"content": {"parts": [{"functionCall": {"name": "f"}}]}, "finishReason": "STOP", "index": 0},
        ],
        "responseId": "r",
    }

    found = {one["index"]: one for one in read(body)["choices"]}

    assert found[1]["message"]["content"] == "b"
    assert found[1]["finish_reason"] == "length"
    assert found[0]["finish_reason"] == "tool_calls"


def test_what_the_canonical_form_has_no_word_for_is_kept() -> None:
    body = {
        **answer({"text": "x"}, safetyRatings=[{"category": "A"}], avgLogprobs=-0.5, newThing=1, groundingMetadata={}),
        "createTime": "2026-02-15T07:50:37.854117Z",
        "topThing": {"a": 1},
        "usageMetadata": {"trafficType": "ON_DEMAND"},
    }

    response = read(body)

    assert response["created"] == 1771141837
    assert response["provider_specific_fields"]["gemini"] == {
        "createTime": "2026-02-15T07:50:37.854117Z",
        "topThing": {"a": 1},
        "usageMetadata": {"trafficType": "ON_DEMAND"},
    }
    assert response["choices"][0]["message"]["provider_specific_fields"]["gemini"] == {
        "safetyRatings": [{"category": "A"}],
        "avgLogprobs": -0.5,
        "newThing": 1,
    }
    assert "usage" not in response
    assert read(CHAT.render(response)) == response


# Sources


def test_grounding_becomes_citations_with_positions_in_characters() -> None:
    text = "Größe: 3 m. Ja."
    metadata = {
        "groundingChunks": [
            {"web": {"uri": "https://a.example", "title": "A"}},
            {"maps": {"uri": "https://b.example", "title": "B"}},
            {"retrievedContext": {"text": "no address"}},
        ],
        "groundingSupports": [
            {"segment": {"endIndex": 13, "text": "Größe: 3 m."}, "groundingChunkIndices": [0, 1, 2, 9]},
            {"segment": {"startIndex": 99, "endIndex": 120, "text": "Ja."}, "groundingChunkIndices": [0]},
        ],
        "webSearchQueries": ["q"],
    }

    found = message({"text": text}, groundingMetadata=metadata)

    spans = [
        (c["url_citation"]["url"], text[c["url_citation"]["start_index"] : c["url_citation"]["end_index"]])
        for c in found["annotations"]
    ]
    assert spans == [
        ("https://a.example", "Größe: 3 m."),
        ("https://b.example", "Größe: 3 m."),
        ("https://a.example", "Ja."),
    ]
    assert found["provider_specific_fields"]["gemini"]["groundingMetadata"] == metadata


def test_sources_that_stand_behind_nothing_in_particular_stand_behind_everything() -> None:
    metadata = {"groundingChunks": [{"web": {"uri": "https://a.example"}}, {"web": {}}, None]}

    (found,) = message({"text": "abc"}, groundingMetadata=metadata)["annotations"]

    assert found["url_citation"] == {"start_index": 0, "end_index": 3, "url": "https://a.example", "title": ""}


def test_recited_sources_are_citations_too() -> None:
    metadata = {"citations": [{"startIndex": 1, "endIndex": 2, "uri": "https://a.example", "title": "T"}, {}]}

    (found,) = message({"text": "abc"}, citationMetadata=metadata)["annotations"]

    assert found["url_citation"] == {"start_index": 1, "end_index": 2, "url": "https://a.example", "title": "T"}


def test_citations_of_other_providers_as_grounding() -> None:
    items = [
        {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}},
        {"type": "url_citation", "url_citation": {"url": "u", "start_index": 1, "end_index": 2}},
        {"type": "file_citation"},
    ]

    assert grounding_metadata(items, "éa") == {
        "groundingChunks": [{"web": {"uri": "u", "title": "t"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 0, "endIndex": 2, "text": "é"}, "groundingChunkIndices": [0]},
            {"segment": {"startIndex": 2, "endIndex": 3, "text": "a"}, "groundingChunkIndices": [0]},
        ],
    }
    assert grounding_metadata([], "x") is None


# Usage


@pytest.mark.parametrize(
    ("native", "expected"),
    [
        (
            {
                "promptTokenCount": 10,
                "toolUsePromptTokenCount": 5,
                "candidatesTokenCount": 3,
                "thoughtsTokenCount": 2,
                "cachedContentTokenCount": 4,
                "totalTokenCount": 20,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 6}, {"modality": "IMAGE", "tokenCount": 4}],
                "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
                "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 4}],
                "candidatesTokensDetails": [{"modality": 4, "tokenCount": 3}],
                "serviceTier": "standard",
            },
            {
                "prompt_tokens": 15,
                "completion_tokens": 5,
                "total_tokens": 20,
                "prompt_tokens_details": {
                    "text_tokens": 11,
                    "image_tokens": 4,
                    "cached_tokens": 4,
                    "cached_tokens_details": {"text_tokens": 4},
                },
                "completion_tokens_details": {"audio_tokens": 3, "reasoning_tokens": 2},
                "toolUsePromptTokenCount": 5,
                "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
                "serviceTier": "standard",
            },
        ),
        (
            {"candidatesTokenCount": 18, "thoughtsTokenCount": 58},
            {"completion_tokens": 76, "completion_tokens_details": {"reasoning_tokens": 58}},
        ),
        (
            {"promptTokenCount": 5, "totalTokenCount": 9, "thoughtsTokenCount": 4},
            {
                "prompt_tokens": 5,
                "completion_tokens": 4,
                "total_tokens": 9,
                "completion_tokens_details": {"reasoning_tokens": 4},
            },
        ),
        (
            {"promptTokenCount": 5, "totalTokenCount": 5},
            {"prompt_tokens": 5, "completion_tokens": 0, "total_tokens": 5},
        ),
        ({"promptTokenCount": 5}, {"prompt_tokens": 5}),
        # A document by its address is in the total alone.
        (
            {"candidatesTokenCount": 2, "thoughtsTokenCount": 3, "toolUsePromptTokenCount": 1, "totalTokenCount": 25},
            {
                "prompt_tokens": 20,
                "completion_tokens": 5,
                "total_tokens": 25,
                "completion_tokens_details": {"reasoning_tokens": 3},
                "toolUsePromptTokenCount": 1,
            },
        ),
        ({"candidatesTokenCount": 5, "totalTokenCount": 3}, {"completion_tokens": 5, "total_tokens": 3}),
        # No prompt has no tokens: nobody has counted it.
        ({"candidatesTokenCount": 5, "totalTokenCount": 5}, {"completion_tokens": 5, "total_tokens": 5}),
        ({"promptTokenCount": "x", "totalTokenCount": None}, {}),
    ],
)
def test_usage_in_openais_convention_and_back(native: dict[str, Any], expected: dict[str, Any]) -> None:
    usage = canonical_usage(native)

    assert usage == expected
    assert canonical_usage(native_usage(usage)) == usage


def test_thoughts_that_the_answers_count_includes_are_counted_once() -> None:
    counts = {"promptTokenCount": 10, "candidatesTokenCount": 25, "thoughtsTokenCount": 20, "totalTokenCount": 35}

    usage = read({**answer({"text": "x"}), "usageMetadata": counts})["usage"]

    assert (usage["completion_tokens"], usage["total_tokens"]) == (25, 35)
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 20}


def test_log_probabilities() -> None:
    logprobs = {
        "chosenCandidates": [
            {"token": "é", "logProbability": -0.1, "tokenId": 7},
            {"token": "b", "logProbability": -0.2},
        ],
        "topCandidates": [{"candidates": [{"token": "é", "logProbability": -0.1}]}],
    }

    found = choice("STOP", {"text": "éb"}, logprobsResult=logprobs)["logprobs"]

    assert found["content"] == [
        {
            "token": "é",
            "logprob": -0.1,
            "bytes": [195, 169],
            "tokenId": 7,
            "top_logprobs": [{"token": "é", "logprob": -0.1, "bytes": [195, 169]}],
        },
        {"token": "b", "logprob": -0.2, "bytes": [98], "top_logprobs": []},
    ]


# What is no answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"7",
        b"[]",
        b"{}",
        b'{"candidates": {}}',
        b'{"candidates": [7]}',
        b'{"candidates": [{"content": []}]}',
        b'{"candidates": [{"content": {"parts": {}}}]}',
        b'{"candidates": [{"content": {"parts": [{"text": 1}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"functionCall": {"name": 1}}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": []}}]}}]}',
        b'{"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png"}}]}}]}',
        b'{"promptFeedback": {"safetyRatings": []}}',
    ],
)
def test_what_is_no_answer_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises((ProtocolError, StreamInterruptedError)):
        read(body)


def test_an_error_inside_a_success_is_the_error_it_is() -> None:
    error = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}

    with pytest.raises(OverloadedError):
        read(error)
    with pytest.raises(OverloadedError):
        read([error])
    limited = {
        "error": {
            "code": 429,
            "message": "You exceeded your current quota, please check your plan and billing details.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [
                {"@type": "x/QuotaFailure", "violations": [{"quotaId": "PerMinute", "quotaValue": "10"}]},
                {"@type": "x/RetryInfo", "retryDelay": "34s"},
            ],
        }
    }
    with pytest.raises(RateLimitError) as caught:
        read(limited)
    assert caught.value.retry_after == 34


def test_an_array_without_a_finish_reason_was_cut() -> None:
    with pytest.raises(StreamInterruptedError):
        read([answer({"text": "a"}, finish=None)])
    joined = read([answer({"text": "a"}, finish=None), answer({"text": "b"})])
    assert joined["choices"][0]["message"]["content"] == "ab"


def test_a_count_that_is_none_is_a_protocol_error() -> None:
    sent = COUNT.request(call(), target())

    with pytest.raises(ProtocolError):
        COUNT.response(sent, JSON_HEAD, b'{"total": 3}')
    assert COUNT.response(sent, JSON_HEAD, b'{"totalTokens": 3}')[0] == {"input_tokens": 3}


def test_a_date_that_is_none_is_no_reason_to_fail() -> None:
    sent = CHAT.request(call(), target())

    response, _ = CHAT.response(sent, Head(200, {"date": "yesterday"}), json.dumps(answer({"text": "x"})).encode())

    assert response["created"] == 0

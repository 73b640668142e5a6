"""The vendor's client against our face: rendered answers and streams from a plain server, and a whole server of ours."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors as sdk_errors
from google.genai import types

from lingate._dialects._replay import replay
from lingate._dialects.gemini import DIALECT
from lingate._model import Call
from lingate.errors import AuthenticationError, OverloadedError, RateLimitError
from lingate.simulator import Simulator
from tests.dialects.gemini.oracle import client_at
from tests.dialects.gemini.support import CHAT, broke_off, chunks_of, decode, parse, read, recorded, stream_bytes
from tests.dialects.short import collect
from tests.servers import RawServer, Script

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1752487200,
    "model": "some-model",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hällo 😀",
                "reasoning_content": "hm",
                "tool_calls": [
                    {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": '{"x": [1, 2]}'}},
                    {"id": "call_b", "type": "function", "function": {"name": "g", "arguments": ""}},
                ],
                "images": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}, "index": 0}],
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"start_index": 0, "end_index": 5, "url": "https://a.example", "title": "A"},
                    }
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {
        "prompt_tokens": 10,
        "completion_tokens": 7,
        "total_tokens": 17,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
}


def _check(parts: list[types.Part], usage: Any) -> None:
    thoughts = "".join(part.text or "" for part in parts if part.thought)
    said = "".join(part.text or "" for part in parts if not part.thought)
    assert (thoughts, said) == ("hm", "Hällo 😀")
    calls = [part.function_call for part in parts if part.function_call]
    assert [(call.id, call.name, call.args) for call in calls] == [("call_a", "f", {"x": [1, 2]}), ("call_b", "g", {})]
    (blob,) = [part.inline_data for part in parts if part.inline_data]
    assert (blob.mime_type, blob.data) == ("image/png", base64.b64decode(PNG))
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.thoughts_token_count) == (10, 5, 2)
    assert (usage.cached_content_token_count, usage.total_token_count) == (4, 17)


def _encoded(response: dict[str, Any]) -> list[bytes]:
    encoder = CHAT.encoder(Call("chat", "some-model", {}, stream=True))
    return [*(encoder.event(event) for event in replay(response)), encoder.end()]


def test_a_whole_answer_of_any_provider_is_read_by_the_vendors_client() -> None:
    script = Script([CHAT.render(ANSWER)], headers={"content-type": "application/json"})
    with RawServer(script) as server:
        client = client_at(server.url)
        found = client.models.generate_content(model="m", contents="hi")

    (candidate,) = found.candidates or []
    assert candidate.content is not None
    _check(candidate.content.parts or [], found.usage_metadata)
    assert candidate.finish_reason == types.FinishReason.STOP
    assert (found.response_id, found.model_version) == ("chatcmpl-1", "some-model")
    assert candidate.grounding_metadata is not None
    (chunk,) = candidate.grounding_metadata.grounding_chunks or []
    assert chunk.web is not None
    assert (chunk.web.uri, chunk.web.title) == ("https://a.example", "A")
    (support,) = candidate.grounding_metadata.grounding_supports or []
    assert support.segment is not None
    assert (support.segment.end_index, support.segment.text) == (6, "Hällo")


def test_a_streamed_answer_of_any_provider_is_read_by_the_vendors_client() -> None:
    with RawServer(Script(_encoded(ANSWER))) as server:
        client = client_at(server.url)
        chunks = list(client.models.generate_content_stream(model="m", contents="hi"))

    contents = [candidate.content for chunk in chunks for candidate in chunk.candidates or []]
    parts = [part for content in contents if content is not None for part in content.parts or []]
    _check(parts, chunks[-1].usage_metadata)
    reasons = [candidate.finish_reason for chunk in chunks for candidate in chunk.candidates or []]
    assert [reason for reason in reasons if reason] == [types.FinishReason.STOP]


def test_several_choices_are_kept_apart() -> None:
    choices = [
        {"index": n, "message": {"role": "assistant", "content": f"number {n}"}, "finish_reason": "stop"}
        for n in range(3)
    ]
    response = {**ANSWER, "choices": choices}
    with RawServer(Script(_encoded(response))) as server:
        client = client_at(server.url)
        chunks = list(client.models.generate_content_stream(model="m", contents="hi"))

    texts = ["", "", ""]
    for chunk in chunks:
        for candidate in chunk.candidates or []:
            for part in (candidate.content and candidate.content.parts) or []:
                texts[candidate.index or 0] += part.text or ""
    assert texts == ["number 0", "number 1", "number 2"]
    assert len(chunks[-1].candidates or []) == 3


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [
        (RateLimitError("x", provider="p", retry_after=7), 429, "RESOURCE_EXHAUSTED"),
        (AuthenticationError("x", provider="p"), 401, "UNAUTHENTICATED"),
        (OverloadedError("x", provider="p"), 503, "UNAVAILABLE"),
    ],
)
def test_an_error_of_ours_is_raised_by_the_vendors_client(error: Any, status: int, word: str) -> None:
    code, body = DIALECT.render_error(error)
    with (
        RawServer(Script([body], status=code, headers={"content-type": "application/json"})) as server,
        pytest.raises(sdk_errors.APIError) as caught,
    ):
        client = client_at(server.url)
        client.models.generate_content(model="m", contents="hi")

    assert (caught.value.code, caught.value.status) == (status, word)


def test_an_error_in_mid_stream_is_raised_by_the_vendors_client() -> None:
    encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))
    pieces = [encoder.event(event) for event in replay(ANSWER)[:3]] + [
        encoder.error(OverloadedError("x", provider="p"))
    ]
    with RawServer(Script(pieces)) as server, pytest.raises(sdk_errors.APIError) as caught:
        client = client_at(server.url)
        list(client.models.generate_content_stream(model="m", contents="hi"))

    assert caught.value.code == 503


GOOD = [
    x
    for x in recorded()
    if x["response"]["status"] == 200 and "enerateContent" in x["request"]["url"] and not broke_off(x)
]


@pytest.mark.skipif(not GOOD, reason="no recordings: set LINGATE_RECORDINGS")
@pytest.mark.parametrize("exchange", GOOD, ids=lambda x: x["id"])
def test_a_recorded_answer_that_went_through_us_is_read_by_the_vendors_types_as_if_it_had_not(
    exchange: dict[str, Any],
) -> None:
    chunks = chunks_of(exchange)
    response = read(chunks[0]) if len(chunks) == 1 else collect(decode([stream_bytes(exchange)]))
    through = json.loads(CHAT.render(response))

    ours, theirs = _parsed(through), [_parsed(chunk) for chunk in chunks]

    assert _said(ours) == "".join(map(_said, theirs))
    assert _calls(ours) == [call for one in theirs for call in _calls(one)]
    assert _finish(ours) == next((found for one in reversed(theirs) if any(found := _finish(one))), [])
    prompt, *counts, total = _counts(theirs[-1])
    assert _counts(ours) == (prompt or _counts(ours)[0], *counts, total or _counts(ours)[-1])
    signatures = [part.thought_signature for one in theirs for part in _parts(one) if part.thought_signature]
    assert [part.thought_signature for part in _parts(ours) if part.thought_signature] == signatures


def _parsed(body: dict[str, Any]) -> types.GenerateContentResponse:
    numbers = {1: "STOP", 2: "MAX_TOKENS"}
    plain = json.loads(json.dumps(body))
    for candidate in plain.get("candidates", ()):
        if candidate.get("finishReason") in numbers:
            candidate["finishReason"] = numbers[candidate["finishReason"]]
        for name in ("safetyRatings", "groundingMetadata", "citationMetadata"):
            candidate.pop(name, None)
    counts = {k: v for k, v in plain.get("usageMetadata", {}).items() if k.endswith("Count")}
    return types.GenerateContentResponse.model_validate(
        {"candidates": plain.get("candidates"), "usageMetadata": counts}
    )


def _parts(found: types.GenerateContentResponse) -> list[types.Part]:
    contents = [candidate.content for candidate in found.candidates or []]
    return [part for content in contents if content for part in content.parts or []]


def _said(found: types.GenerateContentResponse) -> str:
    return "".join(part.text or "" for part in _parts(found) if not part.thought)


def _calls(found: types.GenerateContentResponse) -> list[Any]:
    calls = [part.function_call for part in _parts(found) if part.function_call]
    return [(call.id, call.name, call.args or {}) for call in calls]


def _finish(found: types.GenerateContentResponse) -> Any:
    return [candidate.finish_reason for candidate in found.candidates or []]


def _counts(found: types.GenerateContentResponse) -> Any:
    usage = found.usage_metadata
    assert usage is not None
    return (
        usage.prompt_token_count,
        usage.candidates_token_count or 0,
        usage.thoughts_token_count,
        usage.tool_use_prompt_token_count,
        usage.cached_content_token_count,
        usage.total_token_count,
    )


def test_a_chat_of_the_vendors_client_keeps_another_providers_thinking_blocks() -> None:
    """Signed thinking goes out through this face, comes back from its client, and is the same block again."""
    blocks = [
        {"type": "thinking", "thinking": "let me see", "signature": "c2lnbmVk"},
        {"type": "redacted_thinking", "data": "b3BhcXVl"},
    ]
    message = {**ANSWER["choices"][0]["message"], "thinking_blocks": blocks, "reasoning_content": "let me see"}
    response = {**ANSWER, "choices": [{**ANSWER["choices"][0], "message": message}]}
    script = Script([CHAT.render(response)], headers={"content-type": "application/json"})
    with RawServer(script) as server:
        client = client_at(server.url)
        chat = client.chats.create(model="m")
        chat.send_message("hi")
        chat.send_message("go on")
        whole = json.loads(server.requests[-1])
    with RawServer(Script(_encoded(response))) as server:
        client = client_at(server.url)
        chat = client.chats.create(model="m")
        list(chat.send_message_stream("hi"))
        list(chat.send_message_stream("go on"))
        streamed = json.loads(server.requests[-1])

    for body in (whole, streamed):
        again = [m for m in parse(body).body["messages"] if m["role"] == "assistant"]
        assert [b for m in again for b in m.get("thinking_blocks", ())] == blocks
        assert "lingate" not in json.dumps([m.get("provider_specific_fields") for m in again])


# A whole server of ours


@pytest.fixture(scope="module")
def simulated() -> Iterator[genai.Client]:
    with Simulator() as simulator:
        client = client_at(simulator.url)
        yield client


def test_the_vendors_client_talks_to_the_simulator(simulated: genai.Client) -> None:
    whole = simulated.models.generate_content(model="sim", contents="one two three")
    streamed = list(simulated.models.generate_content_stream(model="sim", contents="one two three"))

    assert "one two three" in (whole.text or "")
    assert "".join(chunk.text or "" for chunk in streamed) == whole.text
    assert streamed[-1].usage_metadata == whole.usage_metadata


def test_the_vendors_client_runs_tools_of_the_simulator(simulated: genai.Client) -> None:
    def find(place: str) -> str:
        """Find a place.

        Args:
            place: Its name.
        """
        return f"found {place}"

    config = types.GenerateContentConfig(tools=[find])
    found = simulated.models.generate_content(model="sim", contents="find Paris", config=config)

    assert "found" in (found.text or "")
    history = found.automatic_function_calling_history or []
    assert [content.role for content in history] == ["user", "model", "user"]


def test_the_vendors_client_counts_embeds_and_lists_at_the_simulator(simulated: genai.Client) -> None:
    counted = simulated.models.count_tokens(model="sim", contents="one two three")
    embedded = simulated.models.embed_content(model="sim-dims-8", contents=["a", "b"])
    names = [model.name for model in simulated.models.list()]
    one = simulated.models.get(model="sim-large")

    assert (counted.total_tokens or 0) > 0
    assert [len(item.values or []) for item in embedded.embeddings or []] == [8, 8]
    assert "models/sim-large" in names
    assert one.name == "models/sim-large"


def test_structured_output_through_the_simulator(simulated: genai.Client) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=schema)

    found = simulated.models.generate_content(model="sim", contents="x", config=config)

    assert isinstance(json.loads(found.text or "")["n"], int)

"""`client.responses`: the Responses API whichever provider answers."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from openai.types.responses import Response as OfficialResponse

import lingate
from lingate.errors import (
    BadRequestError,
    ConfigError,
    InternalServerError,
    ProtocolError,
    RateLimitError,
    StreamInterruptedError,
    UnsupportedError,
)
from lingate.simulator import Simulator
from lingate.testing import AsyncFakeTransport, FakeTransport, Reply, Streamed
from tests.dialects.openai_responses.support import answer, function_call, message, reasoning, sse, streamed

KEYS = {"OPENAI_API_KEY": "k1", "GROQ_API_KEY": "k2", "ANTHROPIC_API_KEY": "k3", "PARASAIL_API_KEY": "k4"}
NATIVE = "openai/gpt-test"
BRIDGED = "anthropic/claude-test-4-5"
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}

CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-test",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "SIG"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 4},
}


def client(*answers: Any, **options: Any) -> tuple[lingate.Lingate, FakeTransport]:
    transport = FakeTransport(*answers or (Reply(answer(message())),))
    return lingate.Lingate(transport=transport, env=KEYS, **{"retries": 0, **options}), transport


def test_a_provider_that_has_the_api_gets_the_request_as_it_is_written() -> None:
    ours, transport = client()

    ours.responses(NATIVE, "hi", instructions="be brief", reasoning={"effort": "low"}, tools=[TOOL], temperature=None)

    assert transport.requests[0].url == "https://api.openai.com/v1/responses"
    assert transport.bodies == [
        {
            "model": "gpt-test",
            "instructions": "be brief",
            "input": "hi",
            "tools": [TOOL],
            "reasoning": {"effort": "low"},
        }
    ]


def test_its_answer_comes_back_as_it_is_with_short_cuts() -> None:
    body = answer(reasoning("hm"), message("hello"), function_call(), service_tier="flex", brand_new=[1])

    found = client(Reply(body))[0].responses(NATIVE, "hi")

    assert found.to_dict() == found.raw == body
    assert (found.id, found.model, found.status, found.output_text) == ("resp_1", "m-1-2026", "completed", "hello")
    assert [item.type for item in found.output] == ["reasoning", "message", "function_call"]
    assert [call.name for call in found.function_calls] == ["look"]
    assert (found.usage.input_tokens, found.usage.output_tokens, found.usage.total_tokens) == (10, 6, 16)
    assert (found.usage.cached_tokens, found.usage.reasoning_tokens) == (4, 2)
    assert (found.provider, found.dropped, found.brand_new) == ("openai", (), [1])
    assert [attempt.kind for attempt in found.attempts] == ["ok"]


def test_any_other_provider_gets_a_chat_and_its_answer_has_the_same_shape() -> None:
    ours, transport = client(Reply(CLAUDE))

    found = ours.responses(BRIDGED, "hi", instructions="be brief", tools=[TOOL], max_output_tokens=50)

    assert transport.requests[0].url.endswith("/v1/messages")
    assert transport.bodies[0]["system"] == "be brief"
    assert [item.type for item in found.output] == ["reasoning", "message", "function_call"]
    assert found.output_text == "Let me look."
    assert (found.instructions, found.max_output_tokens) == ("be brief", 50)
    assert found.raw == CLAUDE
    OfficialResponse.model_validate(found.to_dict() | {"tools": []})


@pytest.mark.parametrize(("model", "first"), [(NATIVE, answer(reasoning("hm"), function_call())), (BRIDGED, CLAUDE)])
def test_the_output_goes_back_into_the_input_and_the_proofs_with_it(model: str, first: Any) -> None:
    ours, transport = client(Reply(first))
    found = ours.responses(model, [{"role": "user", "content": "weather?"}], tools=[TOOL])
    (call,) = found.function_calls

    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sun"}
    ours.responses(model, [{"role": "user", "content": "weather?"}, *found.output, result], tools=[TOOL])

    sent = json.dumps(transport.bodies[1])
    assert ("gAAA" if model == NATIVE else '"signature": "SIG"') in sent
    assert "sun" in sent


def test_the_official_packages_objects_are_taken_as_input() -> None:
    official = OfficialResponse.model_validate(answer(function_call(), usage=None))
    ours, transport = client()

    ours.responses(NATIVE, [*official.output, {"type": "function_call_output", "call_id": "call_1", "output": "x"}])

    assert transport.bodies[0]["input"][0]["call_id"] == "call_1"


def test_an_answer_can_be_gone_on_from_by_id_where_the_api_is() -> None:
    ours, transport = client()

    ours.responses(NATIVE, "more", previous_response_id="resp_0", store=True)
    ours.responses(NATIVE, prompt={"id": "pmpt_1"})

    assert transport.bodies[0]["previous_response_id"] == "resp_0"
    assert "input" not in transport.bodies[1]
    with pytest.raises(UnsupportedError) as caught:
        ours.responses(BRIDGED, "more", previous_response_id="resp_0")
    assert (caught.value.param, caught.value.provider) == ("previous_response_id", "anthropic")


def test_what_was_left_out_is_on_the_answer() -> None:
    ours, _ = client(Reply(CLAUDE))

    found = ours.responses(BRIDGED, "hi", metadata={"a": "b"}, background=True, drop_params=True)

    assert {"metadata", "background"} <= set(found.dropped)


class Weather:
    """Stands for a pydantic model."""

    @staticmethod
    def model_json_schema() -> dict[str, Any]:
        return {"type": "object", "properties": {"sun": {"type": "boolean"}}, "required": ["sun"]}


@pytest.mark.parametrize("given", [Weather, Weather.model_json_schema()])
def test_a_class_or_a_schema_is_a_format(given: Any) -> None:
    ours, transport = client(Reply(answer(message('{"sun":true}'))))

    found = ours.responses(NATIVE, "hi", text_format=given, text={"verbosity": "low"})

    form = transport.bodies[0]["text"]["format"]
    assert (form["type"], form["strict"], transport.bodies[0]["text"]["verbosity"]) == ("json_schema", True, "low")
    assert found.output_parsed == {"sun": True}


def test_text_that_is_no_json_says_so_when_it_is_parsed() -> None:
    cut = answer(message('{"sun'), status="incomplete", incomplete_details={"reason": "max_output_tokens"})

    with pytest.raises(ProtocolError, match="cut short"):
        _ = client(Reply(cut))[0].responses(NATIVE, "hi").output_parsed


def test_answers_can_be_pickled_and_copied() -> None:
    found = client()[0].responses(NATIVE, "hi")

    again = pickle.loads(pickle.dumps(found))

    assert again == found
    assert (again.output_text, again.provider, again.usage) == ("hi", "openai", found.usage)


def test_a_call_costs_what_a_chat_costs() -> None:
    body = answer(message(), model="gpt-4o-mini")
    chat = {
        "id": "c",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 6,
            "total_tokens": 16,
            "prompt_tokens_details": {"cached_tokens": 4},
        },
    }

    found = client(Reply(body))[0].responses("openai/gpt-4o-mini", "hi")

    assert found.cost == client(Reply(chat))[0].chat("openai/gpt-4o-mini", "hi").cost


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"input": 3}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"role": "x", "content": "y"}]}, r"input\[0\]\.role"),
        ({"input": "x", "tools": "y"}, "tools"),
        ({"input": "x", "stream": "yes"}, "stream"),
        ({"input": "x", "extra_body": "y"}, "extra_body"),
        ({"input": "x", "metadata": {"a": object()}}, "metadata.a"),
        ({"input": None}, "input"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_sent(arguments: dict[str, Any], where: str) -> None:
    ours, transport = client()

    with pytest.raises(ConfigError, match=where):
        ours.responses(NATIVE, **arguments)

    assert transport.requests == []


def test_a_failed_response_is_retried_and_is_an_error_in_the_end() -> None:
    broken = answer(status="failed", error={"code": "server_error", "message": "boom"})
    ours, transport = client(Reply(broken), Reply(answer(message())), retries=1, timeout=30)

    assert ours.responses(NATIVE, "hi").output_text == "hi"
    assert len(transport.requests) == 2
    with pytest.raises(InternalServerError):
        client(Reply(broken))[0].responses(NATIVE, "hi")
    with pytest.raises(BadRequestError):
        client(Reply({"error": {"message": "no", "code": "x"}}, status=400))[0].responses(NATIVE, "hi")


def test_a_fallback_may_be_of_the_other_kind() -> None:
    ours, transport = client(
        Reply({"error": {"message": "x", "code": "rate_limit_exceeded"}}, status=429), Reply(CLAUDE)
    )

    found = ours.responses(NATIVE, [message("earlier"), {"role": "user", "content": "hi"}], fallbacks=[BRIDGED])

    assert (found.provider, found.output_text) == ("anthropic", "Let me look.")
    assert "input" not in transport.bodies[1]


def test_a_host_that_must_be_told_not_to_remember_is() -> None:
    ours, transport = client()

    ours.responses("parasail/m", "hi")
    ours.responses("parasail/m", "hi", store=True)

    assert [body["store"] for body in transport.bodies] == [False, True]


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("openai/o1-pro", "o1-pro"),
        ("openai/o3-pro-2025-06-10", "o3-pro-2025-06-10"),
        ("openai/gpt-5.2-pro", "gpt-5.2-pro"),
        ("openai/gpt-5-codex", "gpt-5-codex"),
        ("openai/codex-mini-latest", "codex-mini-latest"),
        ("openai/o4-mini-deep-research", "o4-mini-deep-research"),
    ],
)
def test_chats_with_models_that_know_no_chat_go_to_the_api(model: str, sent: str) -> None:
    ours, transport = client(Reply(answer(reasoning("hm"), message("hello"), function_call())))

    found = ours.chat(model, "hi", tools=[{"type": "function", "function": {"name": "look"}}])

    assert transport.requests[0].url == "https://api.openai.com/v1/responses"
    assert transport.bodies[0]["model"] == sent
    assert transport.bodies[0]["include"] == ["reasoning.encrypted_content"]
    assert (found.text, found.reasoning, found.finish_reason) == ("hello", "hm", "tool_calls")


@pytest.mark.parametrize("model", ["openai/gpt-5", "openai/gpt-4o", "openai/o3", "openai/gpt-5-chat-latest"])
def test_chats_with_the_others_do_not(model: str) -> None:
    ours, transport = client(Reply({"id": "c", "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}))

    ours.chat(model, "hi")

    assert transport.requests[0].url == "https://api.openai.com/v1/chat/completions"


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "openai/gpt-5-codex"])
def test_a_field_that_openais_own_models_do_not_know_is_refused_or_left_out(model: str) -> None:
    # Google's coding agent sends it with every request.
    chat_answer = {"id": "c", "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}
    ours, transport = client(Reply(answer(message("x")) if "codex" in model else chat_answer))

    with pytest.raises(UnsupportedError) as caught:
        ours.chat(model, "hi", top_k=64)
    found = ours.chat(model, "hi", top_k=64, drop_params=True)

    assert caught.value.param == "top_k"
    assert "top_k" in found.dropped
    assert "top_k" not in transport.bodies[0]


def test_a_server_in_the_providers_place_gets_that_field_for_models_of_its_own() -> None:
    ours, transport = client(Reply({"id": "c", "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}))

    ours.chat("openai/qwen3-8b", "hi", top_k=64, api_base="http://127.0.0.1:8000/v1")

    assert transport.bodies[0]["top_k"] == 64


def test_embeddings_of_a_provider_do_not_care_about_its_chats() -> None:
    ours, transport = client(Reply({"data": [{"embedding": [0.1], "index": 0}], "model": "m"}))

    ours.embed("openai/text-embedding-3-small", "x")

    assert transport.requests[0].url.endswith("/embeddings")


# Streams


def test_a_stream_of_the_api_is_handed_on_event_by_event() -> None:
    events = streamed(answer(reasoning("hm"), message("hello"), function_call()))
    ours, transport = client(Streamed([sse(*events)]))

    stream = ours.responses(NATIVE, "hi", stream=True)
    found = list(stream)

    assert [event.to_dict() for event in found] == events
    assert "".join(event.text for event in found) == "hello"
    assert transport.bodies[0]["stream"] is True
    assert stream.final().to_dict() == events[-1]["response"]
    assert (stream.provider, stream.dropped) == ("openai", ())


@pytest.mark.parametrize("output", [[], None])
@pytest.mark.parametrize("said", [message("hello"), function_call()])
def test_what_was_told_is_in_the_response_though_the_last_event_has_no_output(said: Any, output: Any) -> None:
    *events, last = streamed(answer(said))
    events = [event for event in events if event["type"] != "response.output_item.done"]
    ours, _ = client(Streamed([sse(*events, {**last, "response": {**last["response"], "output": output}})]))

    stream = ours.responses(NATIVE, "hi", stream=True)
    for _ in stream:
        pass
    (found,) = stream.final().output

    assert [found.get(name) for name in ("type", "call_id", "arguments")] == [
        said.get(name) for name in ("type", "call_id", "arguments")
    ]
    assert stream.final().output_text == ("hello" if said["type"] == "message" else "")


CLAUDE_EVENTS = [
    {"type": "message_start", "message": {**CLAUDE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "he"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "llo"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
    {"type": "message_stop"},
]


def test_a_stream_of_any_other_provider_has_the_apis_events() -> None:
    stream = client(Streamed([sse(*CLAUDE_EVENTS)]))[0].responses(BRIDGED, "hi", stream=True, instructions="be brief")

    found = list(stream)

    assert found[0].type == "response.created"
    assert "".join(event.text for event in found) == "hello"
    assert found[-1].type == "response.completed"
    assert stream.final().to_dict() == found[-1].response.to_dict()
    assert (stream.final().output_text, stream.final().instructions) == ("hello", "be brief")
    assert stream.final().usage.output_tokens == 4


@pytest.mark.parametrize(("model", "events"), [(NATIVE, streamed(answer(message("hello")))), (BRIDGED, CLAUDE_EVENTS)])
def test_a_stream_that_is_cut_says_so_and_gives_what_had_arrived(model: str, events: Any) -> None:
    stream = client(Streamed([sse(*events[:-2])]))[0].responses(model, "hi", stream=True)

    with pytest.raises(StreamInterruptedError) as caught:
        for event in stream:
            assert "completed" not in event.type

    assert caught.value.partial.output_text.startswith("hello"[:4])
    assert caught.value.partial.status == "in_progress"


def test_a_stream_that_fails_before_it_says_anything_is_retried() -> None:
    error = {"type": "error", "code": "rate_limit_exceeded", "message": "slow down"}
    events = streamed(answer(message("hello")))
    ours, transport = client(Streamed([sse(*events[:2], error)]), Streamed([sse(*events)]), retries=1, timeout=30)

    assert ours.responses(NATIVE, "hi", stream=True).final().output_text == "hello"
    assert len(transport.requests) == 2
    with pytest.raises(RateLimitError):
        client(Streamed([sse(*events[:2], error)]))[0].responses(NATIVE, "hi", stream=True)


def test_leaving_a_stream_lets_the_upstream_go() -> None:
    events = streamed(answer(message("hello")))
    ours, transport = client(Streamed([sse(event) for event in events]))

    for _ in ours.responses(NATIVE, "hi", stream=True):
        break

    assert transport.closed == 1


async def test_the_same_awaited() -> None:
    events = streamed(answer(message("hello")))
    transport = AsyncFakeTransport(Reply(answer(message())), Reply(CLAUDE), Streamed([sse(*events)]))
    ours = lingate.AsyncLingate(transport=transport, env=KEYS, retries=0)

    assert (await ours.responses(NATIVE, "hi")).output_text == "hi"
    assert (await ours.responses(BRIDGED, "hi")).output_text == "Let me look."
    stream = await ours.responses(NATIVE, "hi", stream=True)
    assert [event.to_dict() async for event in stream] == events
    assert (await stream.final()).output_text == "hello"


# Against a server


@pytest.mark.parametrize("model", ["openai/sim", "anthropic/claude-sim", "groq/sim"])
def test_a_tool_loop_ends_wherever_it_runs(model: str) -> None:
    items: list[Any] = [{"role": "user", "content": "look it up"}]

    with Simulator() as simulator, lingate.Lingate(env=KEYS) as ours:
        base = simulator.url if model.startswith("anthropic") else simulator.url + "/v1"
        first = ours.responses(model, items, tools=[TOOL], api_base=base)
        (call,) = first.function_calls
        items += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "forty-two"}]
        second = ours.responses(model, items, tools=[TOOL], api_base=base, stream=True).final()

    assert second.function_calls == []
    assert "forty-two" in second.output_text
    assert second.usage.input_tokens > 0

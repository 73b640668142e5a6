"""Streams as providers really send them, over HTTP, in both formats and both colours: what LiteLLM was seen to get wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

import lingate
from lingate._call import plan
from lingate.errors import (
    ConnectError,
    DeadlineExceededError,
    InternalServerError,
    LingateError,
    OverloadedError,
    ProtocolError,
    RateLimitError,
    RequestTimeoutError,
    StreamInterruptedError,
    TransportError,
)
from lingate.simulator import Simulator
from lingate.testing import AsyncFakeTransport, FakeTransport, Streamed
from tests.servers import RawServer, Script

MODELS = ["openai/sim", "anthropic/claude-sonnet-4-5"]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(params=["blocking", "awaited"])
def stream(request: pytest.FixtureRequest, simulator: Simulator) -> Any:
    """Reads a whole stream in one of the two colours: its chunks and its response."""

    async def awaited(model: str, prompt: str, **params: Any) -> Any:
        async with lingate.AsyncLingate(retries=0) as client:
            opened = await client.chat(model, prompt, stream=True, api_key="k", api_base=simulator.url, **params)
            return [chunk async for chunk in opened], await opened.final()

    async def blocking(model: str, prompt: str, **params: Any) -> Any:
        with lingate.Lingate(retries=0) as client:
            opened = client.chat(model, prompt, stream=True, api_key="k", api_base=simulator.url, **params)
            return list(opened), opened.final()

    return blocking if request.param == "blocking" else awaited


def faulty(model: str, fault: str) -> str:
    return f"{model}-fault-{fault}"


@pytest.mark.parametrize("model", MODELS)
async def test_chunks_add_up_to_the_response(stream: Any, model: str) -> None:
    chunks, answer = await stream(model, "add up")

    assert "".join(chunk.text for chunk in chunks) == answer.text
    assert "add up" in answer.text
    assert chunks[-1].choices[0].finish_reason == answer.finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@pytest.mark.parametrize("model", MODELS)
async def test_usage_comes_in_a_chunk_of_its_own_only_when_it_is_asked_for(stream: Any, model: str) -> None:
    quiet, _ = await stream(model, "x")
    asked, answer = await stream(model, "x", stream_options={"include_usage": True})

    assert all(chunk.choices for chunk in quiet)
    assert asked[-1].choices == []
    assert asked[-1].usage == answer.usage


@pytest.mark.parametrize("model", MODELS)
async def test_usage_that_the_upstream_did_not_send_is_none_and_not_zero(stream: Any, model: str) -> None:
    _, answer = await stream(faulty(model, "no_usage"), "x")

    assert answer.usage is None or answer.usage.total_tokens is None
    assert answer.cost is None


@pytest.mark.requirement("X1")
@pytest.mark.parametrize("model", MODELS)
async def test_a_tool_call_ends_with_tool_calls_and_whole_arguments(stream: Any, model: str) -> None:
    chunks, answer = await stream(model, "weather in two cities in parallel", tools=[TOOL])

    assert answer.finish_reason == "tool_calls"
    assert all(call.function.name == "weather" and "city" in call.arguments for call in answer.tool_calls)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "tool_calls"


async def test_tool_calls_without_an_index_are_told_apart(stream: Any) -> None:
    _, answer = await stream("openai/sim-fault-no_tool_index", "weather in two cities in parallel", tools=[TOOL])

    assert len(answer.tool_calls) == 2
    assert len({call.id for call in answer.tool_calls}) == 2
    assert all("city" in call.arguments for call in answer.tool_calls)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", ["cut", "eof", "no_terminal"])
async def test_a_stream_without_its_end_is_never_a_success(stream: Any, model: str, fault: str) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        await stream(faulty(model, fault), "x")

    assert caught.value.partial is not None
    assert caught.value.partial.text


@pytest.mark.parametrize("model", MODELS)
async def test_a_line_that_is_no_json_fails_the_stream_and_is_not_skipped(stream: Any, model: str) -> None:
    with pytest.raises(ProtocolError):
        await stream(faulty(model, "malformed_event"), "x")


@pytest.mark.parametrize("model", MODELS)
async def test_an_error_event_in_mid_stream_keeps_its_class(stream: Any, model: str) -> None:
    with pytest.raises((OverloadedError, InternalServerError)):
        await stream(faulty(model, "error_event"), "x")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", ["comments", "drip", "crlf", "huge_event"])
async def test_odd_framing_changes_nothing(stream: Any, model: str, fault: str) -> None:
    _, plain = await stream(model, "framing")
    _, odd = await stream(faulty(model, fault), "framing")

    assert plain.text in odd.text or fault == "huge_event"
    assert odd.finish_reason == "stop"


def test_a_hundred_chunks_that_say_the_same_are_an_answer_like_any_other() -> None:
    line = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"-----"}}]}\n\n'
    end = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    client = lingate.Lingate(transport=FakeTransport(Streamed([line * 300, end])))

    assert client.chat("openai/m", "a table", stream=True, api_key="k").final().text == "-----" * 300


@pytest.mark.parametrize("model", MODELS)
async def test_a_stream_that_fails_before_its_first_text_is_tried_again(simulator: Simulator, model: str) -> None:
    with lingate.Lingate(retries=2) as client:
        stream = client.chat(
            model,
            "again",
            stream=True,
            api_key="k",
            api_base=simulator.url,
            extra_headers={"x-sim-fault": "503; times=2"},
        )

        assert "again" in stream.final().text
        assert [attempt.kind for attempt in stream.attempts] == ["overloaded", "overloaded", "ok"]


@pytest.mark.parametrize("model", MODELS)
def test_an_error_status_on_a_stream_is_raised_by_the_call_itself(simulator: Simulator, model: str) -> None:
    with lingate.Lingate(retries=0) as client, pytest.raises(LingateError) as caught:
        client.chat(faulty(model, "context"), "x", stream=True, api_key="k", api_base=simulator.url)

    assert caught.value.kind == "context_window"


@pytest.fixture(params=["blocking", "awaited"])
def opened(request: pytest.FixtureRequest) -> Any:
    """Opens a stream in one of the two colours, and reads it."""

    async def awaited(base: str, **options: Any) -> Any:
        async with lingate.AsyncLingate(retries=0, **options) as client:
            found = await client.chat("openai/gpt-4o", "hi", stream=True, api_key="k", api_base=base)
            return await found.final()

    async def blocking(base: str, **options: Any) -> Any:
        with lingate.Lingate(retries=0, **options) as client:
            return client.chat("openai/gpt-4o", "hi", stream=True, api_key="k", api_base=base).final()

    return blocking if request.param == "blocking" else awaited


@pytest.mark.parametrize(
    ("status", "label", "piece"),
    [(200, "application/json", b" "), (400, "application/json", b" "), (200, "text/event-stream", b": wait\n\n")],
)
async def test_what_drips_instead_of_a_stream_ends_with_the_callers_patience(
    opened: Any, status: int, label: str, piece: bytes
) -> None:
    with RawServer(Script([piece] * 300, status=status, headers={"content-type": label}, pause=0.1)) as server:
        began = time.monotonic()
        with pytest.raises((RequestTimeoutError, DeadlineExceededError)):
            await opened(server.url, timeout=0.6)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(("status", "begun"), [(200, []), (200, [b'{"id']), (500, [b'{"error": {"mess'])])
async def test_a_whole_answer_to_a_stream_that_breaks_off_is_a_broken_connection(
    opened: Any, status: int, begun: list[bytes]
) -> None:
    broken = Script(begun, ending="reset", status=status, headers={"content-type": "application/json"})
    with RawServer(broken) as server, pytest.raises(TransportError) as caught:
        await opened(server.url)
    assert caught.value.provider == "openai"


@pytest.mark.parametrize("cut", [1, 7, 40])
async def test_a_stream_that_is_labelled_as_json_is_a_stream(opened: Any, cut: int) -> None:
    stream = b"".join(
        b"data: " + json.dumps({"id": "x", "model": "m", "created": 1, "choices": [choice]}).encode() + b"\n\n"
        for choice in (
            {"index": 0, "delta": {"role": "assistant", "content": "one "}},
            {"index": 0, "delta": {"content": "two"}, "finish_reason": "stop"},
        )
    )
    pieces = [stream[:cut], stream[cut:], b"data: [DONE]\n\n"]
    with RawServer(Script(pieces, headers={"content-type": "application/json"})) as server:
        assert (await opened(server.url)).text == "one two"


UNASKED = b"".join(
    b"data: " + json.dumps({"id": "x", "model": "m", "created": 1, **chunk}).encode() + b"\n\n"
    for chunk in (
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "one "}}]},
        {"choices": [{"index": 0, "delta": {"content": "two"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}},
    )
)


CONTINUED = (("one ", None), ("two", "stop"))


@pytest.mark.parametrize("label", ["text/event-stream", "application/json"])
@pytest.mark.parametrize("begins", [b"", b": keep-alive\n\n", b"\n\nevent: message\n"])
async def test_a_stream_that_nobody_asked_for_is_a_whole_answer(label: str, begins: bytes) -> None:
    script = Script([begins + UNASKED + b"data: [DONE]\n\n"], headers={"content-type": label})
    with RawServer(script) as server, lingate.Lingate(retries=0) as client:
        found = client.chat("openai/m", "x", api_key="k", api_base=server.url)
        async with lingate.AsyncLingate(retries=0) as awaited:
            again = await awaited.chat("openai/m", "x", api_key="k", api_base=server.url)
    assert found.to_dict() == again.to_dict() == found.raw
    assert (found.text, found.finish_reason, found.usage.total_tokens) == ("one two", "stop", 5)


def test_a_stream_that_nobody_asked_for_and_that_is_cut_or_fails_is_no_answer() -> None:
    failed = b'data: {"error": {"message": "slow down", "code": 429}}\n\n'
    with RawServer() as server, lingate.Lingate(retries=0) as client:
        for body, kind in (
            (UNASKED, StreamInterruptedError),
            (failed, RateLimitError),
            (b"data: x\n\n", ProtocolError),
        ):
            server.script = Script([body])
            with pytest.raises(kind):
                client.chat("openai/m", "x", api_key="k", api_base=server.url)
        with pytest.raises(ProtocolError):
            client.embed("openai/m", ["x"], api_key="k", api_base=server.url)


def test_pieces_of_a_completion_that_nobody_asked_for_are_a_whole_one() -> None:
    pieces = [{"id": "x", "choices": [{"index": 0, "text": text, "finish_reason": end}]} for text, end in CONTINUED]
    body = b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces) + b"data: [DONE]\n\n"
    with RawServer(Script([body])) as server, lingate.Lingate(retries=0) as client:
        found = client.complete("openai/m", "x", api_key="k", api_base=server.url)
    assert (found.text, found.to_dict()["choices"][0]["text"], found.raw["object"]) == ("one two",) * 2 + (
        "text_completion",
    )


def test_events_of_the_responses_api_that_nobody_asked_for_are_a_whole_response() -> None:
    item = {"id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "two"}]}
    events = (
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
        {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "two"},
        {"type": "response.output_item.done", "item": item},
        {"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": []}},
    )
    body = b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)
    with RawServer(Script([body])) as server, lingate.Lingate(retries=0) as client:
        found = client.responses("openai/m", "x", api_key="k", api_base=server.url)
    assert (found.output_text, found.output[0]["id"], found.raw["id"]) == ("two", "msg_1", "resp_1")


async def test_a_stream_of_nothing_is_interrupted_before_it_began(opened: Any) -> None:
    with RawServer(Script([b": nothing\n\n"])) as server, pytest.raises(StreamInterruptedError) as caught:
        await opened(server.url)
    assert caught.value.retryable


async def test_an_answer_to_a_stream_that_is_none_and_has_no_end_is_given_up(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "MOST_ANSWER", 1000)
    endless = Script([b"x" * 500] * 3, status=500, headers={"content-type": "text/html"})
    with RawServer(endless) as server, pytest.raises(ProtocolError, match="1000"):
        await opened(server.url)


async def test_an_empty_answer_to_a_stream_makes_no_sense(opened: Any) -> None:
    with RawServer(Script([], headers={"content-type": "application/json"})) as server, pytest.raises(ProtocolError):
        await opened(server.url)


PIECE = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"par"}}]}\n\n'
END = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectError("gone"), StreamInterruptedError),
        (RequestTimeoutError("silent"), RequestTimeoutError),
        (OverloadedError("a provider said so"), OverloadedError),
    ],
)
async def test_whatever_a_transport_calls_it_a_break_in_mid_answer_is_an_interruption_but_a_timeout_stays(
    error: LingateError, kind: type[LingateError]
) -> None:
    blocking = lingate.Lingate(transport=FakeTransport(Streamed([PIECE], error))).chat(
        "openai/m", "x", stream=True, api_key="k"
    )
    with pytest.raises(kind) as caught:
        list(blocking)
    assert type(caught.value) is kind
    assert caught.value.partial.text == "par"

    client = lingate.AsyncLingate(transport=AsyncFakeTransport(Streamed([PIECE], error)))
    awaited = await client.chat("openai/m", "x", stream=True, api_key="k")
    with pytest.raises(kind):
        await awaited.final()


async def test_who_asks_a_broken_stream_for_the_whole_gets_its_error_each_time() -> None:
    broken = Streamed([PIECE])
    stream = lingate.Lingate(transport=FakeTransport(broken)).chat("openai/m", "x", stream=True, api_key="k")
    for _ in range(2):
        with pytest.raises(StreamInterruptedError) as caught:
            stream.final()
        assert caught.value.partial.text == "par"
        assert [attempt.kind for attempt in caught.value.attempts] == ["ok"]

    client = lingate.AsyncLingate(transport=AsyncFakeTransport(broken))
    awaited = await client.chat("openai/m", "x", stream=True, api_key="k")
    for _ in range(2):
        with pytest.raises(StreamInterruptedError):
            await awaited.final()


async def test_a_stop_sequence_that_is_enforced_here_ends_its_own_choice_only() -> None:
    def said(index: int, text: str, reason: str | None = None) -> bytes:
        choice = {"index": index, "delta": {"content": text}, "finish_reason": reason}
        return f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n".encode()

    pieces = [
        said(0, "a5b"),
        said(1, "c"),
        said(0, "no"),
        said(1, "d", "stop"),
        said(0, "", "stop"),
        b"data: [DONE]\n\n",
    ]
    asked: Any = {"stream": True, "api_key": "k", "stop": list("12345"), "n": 2}

    stream = lingate.Lingate(transport=FakeTransport(Streamed(list(pieces)))).chat("openai/m", "x", **asked)
    client = lingate.AsyncLingate(transport=AsyncFakeTransport(Streamed(list(pieces))))
    awaited = await client.chat("openai/m", "x", **asked)

    for answer in (stream.final(), await awaited.final()):
        told = [(choice.message.content, choice.finish_reason) for choice in answer.choices]
        assert told == [("a", "stop"), ("cd", "stop")]


async def test_chunks_that_are_asked_for_one_by_one_end_with_the_stream() -> None:
    whole = Streamed([PIECE, END])
    stream = lingate.Lingate(transport=FakeTransport(whole)).chat("openai/m", "x", stream=True, api_key="k")
    assert [next(stream, None) is not None for _ in range(5)] == [True, True, True, False, False]
    assert stream.final().text == "par"
    assert stream.usage is None

    client = lingate.AsyncLingate(transport=AsyncFakeTransport(whole))
    awaited = await client.chat("openai/m", "x", stream=True, api_key="k")
    assert [await anext(awaited, None) is not None for _ in range(5)] == [True, True, True, False, False]
    assert (await awaited.final()).text == "par"

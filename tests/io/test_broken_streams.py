"""A stream that an upstream kills is never taken for a whole one, wherever it is cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lingate
from lingate.errors import LingateError, ProtocolError, StreamInterruptedError, TransportError, UpstreamError
from lingate.testing import AsyncFakeTransport, FakeTransport, Streamed
from tests.servers import RawServer, Script

MODELS = {"openai_chat": "openai/m", "anthropic": "anthropic/claude-sonnet-4-5"}
QUESTION = [{"role": "user", "content": "hi"}]

OPENAI = (
    b"".join(
        b"data: " + json.dumps(chunk).encode() + b"\n\n"
        for chunk in [
            {
                "id": "c",
                "created": 1,
                "model": "m",
                "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}],
            },
            {"id": "c", "created": 1, "model": "m", "choices": [{"index": 0, "delta": {"content": "Grün"}}]},
            {
                "id": "c",
                "created": 1,
                "model": "m",
                "choices": [
                    {
                        "index": 0,
                        "delta": {
                            "tool_calls": [
                                {
                                    "index": 0,
                                    "id": "t",
                                    "type": "function",
                                    "function": {"name": "f", "arguments": "{}"},
                                }
                            ]
                        },
                    }
                ],
            },
            {
                "id": "c",
                "created": 1,
                "model": "m",
                "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}],
            },
            {
                "id": "c",
                "created": 1,
                "model": "m",
                "choices": [],
                "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
            },
        ]
    )
    + b"data: [DONE]\n\n"
)

ANTHROPIC = b"".join(
    b"event: " + event["type"].encode() + b"\ndata: " + json.dumps(event).encode() + b"\n\n"
    for event in [
        {
            "type": "message_start",
            "message": {
                "id": "m",
                "type": "message",
                "role": "assistant",
                "model": "c",
                "content": [],
                "usage": {"input_tokens": 3, "output_tokens": 1},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Grün"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        },
        {"type": "content_block_stop", "index": 1},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 9},
        },
        {"type": "message_stop"},
    ]
)

OWN = {"openai_chat": OPENAI, "anthropic": ANTHROPIC}


def end_of_terminator(stream: bytes) -> int:
    """Where the terminal event is complete: before that, no stream is whole."""
    marker = b"[DONE]" if b"[DONE]" in stream else b'"message_stop"'
    return stream.index(b"\n", stream.rindex(marker)) + 1


def client(pieces: list[bytes], error: LingateError | None = None) -> lingate.Lingate:
    return lingate.Lingate(transport=FakeTransport(Streamed(pieces, error)), retries=0)


def outcome(model: str, pieces: list[bytes], error: LingateError | None) -> tuple[str, LingateError | None]:
    """The text that arrived, and the error that ended it."""
    seen: list[str] = []
    try:
        for chunk in client(pieces, error).chat(model, QUESTION, stream=True, api_key="k"):
            seen.append(chunk.text)
    except LingateError as caught:
        return "".join(seen), caught
    return "".join(seen), None


def check_every_cut(model: str, stream: bytes) -> None:
    text, error = outcome(model, [stream], None)
    assert error is None
    whole = end_of_terminator(stream)
    for cut in range(whole - 1):
        for ending in (None, StreamInterruptedError("cut")):
            seen, error = outcome(model, [stream[:cut]], ending)
            assert isinstance(error, (StreamInterruptedError, ProtocolError)), (cut, ending)
            assert text.startswith(seen)
            if isinstance(error, StreamInterruptedError) and error.partial is not None:
                assert error.partial.text == seen
                assert seen == "" or error.partial.finish_reason in (None, "stop", "tool_calls", "length")


@pytest.mark.parametrize("name", OWN)
def test_a_stream_cut_at_any_byte_is_interrupted_and_holds_what_had_arrived(name: str) -> None:
    check_every_cut(MODELS[name], OWN[name])


def recorded_streams(folder: Path, dialect: str, most: int) -> Iterator[bytes]:
    found = []
    file = folder / f"{dialect}.jsonl"
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        body = json.loads(line)["response"]["body"]
        if isinstance(body, str) and 800 < len(body) < 6000 and ("[DONE]" in body or "message_stop" in body):
            found.append(body.encode())
    # Spread over sizes; long ones only repeat themselves.
    found.sort(key=len)
    step = max(1, len(found) // most)
    yield from found[::step][:most]


@pytest.mark.parametrize(("dialect", "name"), [("openai-chat", "openai_chat"), ("anthropic-messages", "anthropic")])
def test_ten_recorded_streams_cut_at_any_byte_are_interrupted(recordings: Path, dialect: str, name: str) -> None:
    streams = list(recorded_streams(recordings, dialect, 5))

    if not streams:
        pytest.skip(f"no such streams at {recordings}")
    for stream in streams:
        check_every_cut(MODELS[name], stream)


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("name", OWN)
async def test_over_real_connections_a_cut_is_an_interruption_in_both_colours(name: str, ending: Any) -> None:
    stream = OWN[name]
    with RawServer() as server, lingate.Lingate(retries=0) as blocking:
        async with lingate.AsyncLingate(retries=0) as awaited:
            for cut in range(0, end_of_terminator(stream), 37):
                server.script = Script([stream[:cut]], ending)

                with pytest.raises((TransportError, ProtocolError)):
                    for _ in blocking.chat(MODELS[name], QUESTION, stream=True, api_key="k", api_base=server.url):
                        pass
                with pytest.raises((TransportError, ProtocolError)):
                    async for _ in await awaited.chat(
                        MODELS[name], QUESTION, stream=True, api_key="k", api_base=server.url
                    ):
                        pass


@pytest.mark.parametrize("name", OWN)
async def test_the_chunks_are_the_same_whole_byte_by_byte_sync_and_async(name: str) -> None:
    stream = OWN[name]
    pieces = [stream[index : index + 1] for index in range(len(stream))]

    whole = [chunk.to_dict() for chunk in client([stream]).chat(MODELS[name], QUESTION, stream=True, api_key="k")]
    split = [chunk.to_dict() for chunk in client(pieces).chat(MODELS[name], QUESTION, stream=True, api_key="k")]
    awaited = lingate.AsyncLingate(transport=AsyncFakeTransport(Streamed(pieces)))
    asynchronous = [
        chunk.to_dict() async for chunk in await awaited.chat(MODELS[name], QUESTION, stream=True, api_key="k")
    ]

    assert whole == split == asynchronous
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in whole) == "Grün"
    assert whole[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_stream_that_breaks_before_it_began_is_tried_again_and_nobody_notices() -> None:
    transport = FakeTransport(Streamed([OPENAI[:150]], StreamInterruptedError("cut")), Streamed([OPENAI]))
    stream = lingate.Lingate(transport=transport, retries=1).chat("openai/m", QUESTION, stream=True, api_key="k")

    assert "".join(chunk.text for chunk in stream) == "Grün"
    assert [attempt.kind for attempt in stream.attempts] == ["stream_interrupted", "ok"]


def test_a_stream_that_breaks_after_its_first_text_is_not_tried_again() -> None:
    cut = OPENAI.index(b"tool_calls")
    transport = FakeTransport(Streamed([OPENAI[:cut]], StreamInterruptedError("cut")), Streamed([OPENAI]))
    stream = lingate.Lingate(transport=transport, retries=3).chat("openai/m", QUESTION, stream=True, api_key="k")

    with pytest.raises(StreamInterruptedError) as caught:
        list(stream)

    assert caught.value.partial.text == "Grün"
    assert caught.value.partial.finish_reason is None
    assert len(transport.requests) == 1


def test_an_error_event_after_text_is_raised_after_the_text() -> None:
    broken = OPENAI[: OPENAI.index(b'data: {"id"', 300)] + b'data: {"error": {"message": "boom", "code": 500}}\n\n'
    seen: list[str] = []

    with pytest.raises((UpstreamError, ProtocolError)):
        for chunk in client([broken]).chat("openai/m", QUESTION, stream=True, api_key="k"):
            seen.append(chunk.text)

    assert "".join(seen) == "Grün"

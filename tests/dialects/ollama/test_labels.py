"""Over HTTP: what an answer is called does not decide whether it is a stream."""

from __future__ import annotations

import json

import pytest

import lingate
from lingate.errors import StreamInterruptedError
from tests.servers import RawServer, Script

LINES = [
    {"model": "m", "message": {"role": "assistant", "content": "one "}, "done": False},
    {"model": "m", "message": {"role": "assistant", "content": "two"}, "done": False},
    {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"},
]
DATA = b"".join(json.dumps(line).encode() + b"\n" for line in LINES)
WHOLE = {**LINES[-1], "message": {"role": "assistant", "content": "one two"}}
JSON = {"content-type": "application/json; charset=utf-8"}


@pytest.mark.parametrize("cut", [1, 30, len(DATA)])
async def test_lines_that_are_labelled_as_json_are_a_stream(cut: int) -> None:
    pieces = [DATA[at : at + cut] for at in range(0, len(DATA), cut)]

    with RawServer(Script(pieces, headers=JSON)) as server:
        told = [chunk.text for chunk in lingate.chat("ollama/m", "hi", stream=True, api_base=server.url)]
        again = [c.text async for c in await lingate.achat("ollama/m", "hi", stream=True, api_base=server.url)]

    assert [text for text in told if text] == ["one ", "two"]
    assert again == told


def test_so_they_are_to_who_asks_for_responses() -> None:
    with RawServer(Script([DATA], headers=JSON)) as server, lingate.Lingate() as client:
        stream = client.responses("ollama/m", "hi", stream=True, api_base=server.url)

        assert stream.final().output_text == "one two"


def test_such_lines_that_break_off_are_an_interruption() -> None:
    with RawServer(Script([DATA[: len(DATA) // 2]], headers=JSON)) as server, pytest.raises(StreamInterruptedError):
        list(lingate.chat("ollama/m", "hi", stream=True, api_base=server.url, retries=0))


@pytest.mark.parametrize("indent", [None, 2])
def test_a_whole_answer_to_a_request_for_a_stream_is_the_answer(indent: int | None) -> None:
    with RawServer(Script([json.dumps(WHOLE, indent=indent).encode()], headers=JSON)) as server:
        told = lingate.chat("ollama/m", "hi", stream=True, api_base=server.url)
        assert "".join(chunk.text for chunk in told) == "one two"

"""Answers that take more than one request: a job that is begun, asked after, or streamed from another address."""

from __future__ import annotations

import json
from typing import Any

import pytest

import lingate
from lingate.errors import (
    AuthenticationError,
    ConnectError,
    InternalServerError,
    RequestTimeoutError,
    StreamInterruptedError,
)
from lingate.testing import AsyncFakeTransport, FakeTransport, Reply, Streamed

KEY = "sk-canary-4711"
ENV = {"REPLICATE_API_KEY": KEY}
MODEL = "replicate/meta/llama"
GET = "https://api.replicate.com/v1/predictions/p1"
STREAM = "https://stream.replicate.com/v1/files/x1"
RUNNING = {"id": "p1", "status": "processing", "urls": {"get": GET}}
DONE = {"id": "p1", "status": "succeeded", "output": ["h", "i"], "urls": {"get": GET}}
PIECES = [b"event: output\ndata: h\n\n", b"event: output\ndata: i\n\n", b"event: done\ndata: {}\n\n"]


def client(*answers: Any, **options: Any) -> tuple[lingate.Lingate, FakeTransport]:
    transport = FakeTransport(*answers)
    return lingate.Lingate(transport=transport, env=ENV, **options), transport


def test_an_answer_that_is_there_at_once_takes_one_request() -> None:
    made, transport = client(Reply(DONE))

    assert made.chat(MODEL, "x").text == "hi"
    assert len(transport.requests) == 1


def test_a_job_is_asked_after_until_it_is_done() -> None:
    made, transport = client(Reply(RUNNING, 201), Reply(RUNNING), Reply(DONE))

    answer = made.chat(MODEL, "x")

    assert answer.text == "hi"
    assert [(sent.method, sent.url) for sent in transport.requests[1:]] == [("GET", GET), ("GET", GET)]
    assert transport.requests[1].headers["authorization"] == f"Bearer {KEY}"
    assert transport.requests[1].body == b""


@pytest.mark.parametrize("stream", [False, True])
def test_the_deadline_holds_for_the_job_too(stream: bool) -> None:
    made, transport = client(Reply(RUNNING))

    with pytest.raises(RequestTimeoutError):
        made.chat(MODEL, "x", stream=stream, timeout=1.2)
    assert 2 <= len(transport.requests) <= 4
    assert [sent.method for sent in transport.requests].count("POST") == 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply({"id": "p1", "status": "failed", "error": None}), InternalServerError),
        (Reply({"detail": "Invalid token."}, 401), AuthenticationError),
        (ConnectError("refused"), ConnectError),
    ],
)
def test_a_job_that_fails_later_is_an_error(reply: Any, kind: Any) -> None:
    made, _ = client(Reply(RUNNING), reply)

    with pytest.raises(kind):
        made.chat(MODEL, "x", retries=0)


def test_a_stream_is_read_where_the_job_says_and_the_key_stays_at_home() -> None:
    begun = {**RUNNING, "status": "starting", "urls": {"get": GET, "stream": STREAM}}
    made, transport = client(Reply(begun, 201), Streamed(PIECES))

    with made.chat(MODEL, "x", stream=True) as stream:
        text = "".join(chunk.text for chunk in stream)

    assert text == "hi"
    asked = transport.requests[1]
    assert (asked.method, asked.url) == ("GET", STREAM)
    assert dict(asked.headers) == {"accept": "text/event-stream"}


def test_a_model_without_a_stream_is_asked_after_and_told_in_one_piece() -> None:
    made, _ = client(Reply(RUNNING, 201), Reply(RUNNING), Reply(DONE))

    with made.chat(MODEL, "x", stream=True) as stream:
        assert [chunk.text for chunk in stream if chunk.text] == ["hi"]


def test_a_stream_that_breaks_says_so() -> None:
    begun = {**RUNNING, "urls": {"stream": STREAM}}
    made, _ = client(Reply(begun, 201), Streamed(PIECES[:1]))

    with made.chat(MODEL, "x", stream=True) as stream, pytest.raises(StreamInterruptedError) as caught:
        list(stream)
    assert caught.value.partial.text == "h"


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_on_the_first_request_is_told_as_ever(stream: bool) -> None:
    made, _ = client(Reply({"detail": "Invalid token.", "title": "Unauthenticated"}, 401))

    with pytest.raises(AuthenticationError):
        made.chat(MODEL, "x", stream=stream)
    with pytest.raises(ConnectError):
        client(ConnectError("refused"))[0].chat(MODEL, "x", stream=stream, retries=0)


async def test_the_same_awaited() -> None:
    begun = {**RUNNING, "urls": {"get": GET, "stream": STREAM}}
    transport = AsyncFakeTransport(Reply(RUNNING, 201), Reply(DONE), Reply(begun, 201), Streamed(PIECES))
    made = lingate.AsyncLingate(transport=transport, env=ENV)

    assert (await made.chat(MODEL, "x")).text == "hi"
    async with await made.chat(MODEL, "x", stream=True) as stream:
        assert "".join([chunk.text async for chunk in stream]) == "hi"


def test_a_further_answer_that_makes_no_sense_is_told_as_one() -> None:
    made, _ = client(Reply(RUNNING), Reply(b"<html>"))

    with pytest.raises(lingate.errors.ProtocolError):
        made.chat(MODEL, "x", retries=0)


def test_what_was_asked_is_not_lost_on_the_way() -> None:
    made, transport = client(Reply(RUNNING), Reply({**DONE, "output": "abc,d e"}))

    answer = made.chat(MODEL, "x", stop=["c,d"], drop_params=True, logit_bias={"1": 1})

    assert answer.text == "ab"
    assert "logit_bias" in answer.dropped
    assert "stop_sequences" not in json.loads(transport.requests[0].body)["input"]

"""A stream that fails after its beginning says what had arrived, whatever it failed with."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest

import lingate
from lingate.errors import InternalServerError, LingateError, ProtocolError, RequestTimeoutError, StreamInterruptedError
from lingate.simulator import Simulator


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("stall", RequestTimeoutError),
        ("error_event", LingateError),
        ("malformed_event", ProtocolError),
        ("cut", StreamInterruptedError),
    ],
)
@pytest.mark.parametrize("model", ["openai/sim", "anthropic/sim"])
async def test_what_had_arrived_is_on_the_error(model: str, fault: str, kind: type[LingateError]) -> None:
    options: dict[str, Any] = {"api_key": "k", "timeout": lingate.Timeout(total=20, read=0.4), "stream": True}
    options["extra_headers"] = {"x-sim-fault": f"{fault}=6"}
    with Simulator() as simulator, lingate.Lingate() as blocking:
        options["api_base"] = simulator.url
        with pytest.raises(kind) as caught:
            blocking.chat(model, "hello", **options).final()
        async with lingate.AsyncLingate() as awaited:
            with pytest.raises(kind) as caught_too:
                async for _ in await awaited.chat(model, "hello", **options):
                    pass

    for error in (caught.value, caught_too.value, pickle.loads(pickle.dumps(caught.value))):
        assert isinstance(error.partial, lingate.ChatResponse)
        assert error.partial.text.startswith("You")
        assert error.partial.finish_reason is None


def test_a_call_that_never_began_to_answer_has_nothing_to_show() -> None:
    with Simulator() as simulator, lingate.Lingate(retries=0) as blocking:
        for stream in (False, True):
            with pytest.raises(InternalServerError) as caught:
                blocking.chat("openai/sim-fault-500", "hi", stream=stream, api_key="k", api_base=simulator.url)

            assert caught.value.partial is None


async def test_a_stream_that_is_closed_while_it_is_read_ends_and_is_not_whole() -> None:
    options: dict[str, Any] = {"api_key": "k", "extra_headers": {"x-sim-delay-ms": "5"}}
    with Simulator() as simulator, lingate.Lingate() as blocking:
        options["api_base"] = simulator.url
        stream = blocking.chat("openai/sim-words-30", "hi", stream=True, **options)
        pieces = 0
        for _ in stream:
            pieces += 1
            stream.close()
        async with lingate.AsyncLingate() as client:
            awaited = await client.chat("openai/sim-words-30", "hi", stream=True, **options)
            async for _ in awaited:
                pieces += 1
                await awaited.aclose()
            with pytest.raises(StreamInterruptedError, match="closed before its end"):
                await awaited.final()

        with pytest.raises(StreamInterruptedError, match="closed before its end"):
            stream.final()
    assert 2 <= pieces < 30


async def test_a_stream_that_was_left_or_is_read_elsewhere_does_not_look_whole() -> None:
    options: dict[str, Any] = {"api_key": "k", "extra_headers": {"x-sim-delay-ms": "20"}}
    with Simulator() as simulator, lingate.Lingate() as blocking:
        options["api_base"] = simulator.url
        left = blocking.chat("openai/sim-words-30", "hi", stream=True, **options)
        for _ in left:
            break
        with pytest.raises(StreamInterruptedError, match="left before its end"):
            list(left)

        async with lingate.AsyncLingate() as client:
            stream = await client.chat("openai/sim-words-30", "hi", stream=True, **options)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    while True:
                        await anext(stream)
            with pytest.raises(StreamInterruptedError, match="left before its end"):
                await anext(stream)

            shared = await client.chat("openai/sim-words-3", "hi", stream=True, **options)
            first, other = await asyncio.gather(shared.final(), shared.final(), return_exceptions=True)
            assert not isinstance(first, BaseException)
            assert isinstance(other, StreamInterruptedError)
            assert "somebody else reads it" in str(other)
            assert [piece async for piece in shared] == []  # it has been read

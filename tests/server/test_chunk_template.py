"""Chunks that look like the one before: what is taken from them is what decoding them would give."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._dialects.openai_chat.stream import ChatDecoder
from lingate._model import Call, Event, Head, HttpRequest, ProviderRow, Target, Text
from lingate.server.streams import ChunkTemplate

_PLAIN: dict[str, Any] = {"usage": None}
_PADDED: dict[str, Any] = {"usage": None, "obfuscation": "Kx3vQ9bT"}


def chunk(text: str, more: dict[str, Any], **choice: Any) -> bytes:
    fields = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None, **choice}
    body = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [fields], **more}
    return b"data: " + json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n"


def decoder() -> ChatDecoder:
    """One that has seen the beginning of a stream."""
    target = Target(row=ProviderRow(name="acme"), model="m", url="https://api.acme.test/v1/chat/completions")
    made = ChatDecoder(HttpRequest("POST", target.url, {}, b"", Call("chat", "m", {}), target), Head(200, {}))
    made.feed(chunk("A beginning", _PADDED))
    return made


def taken(data: bytes, after: bytes) -> list[str]:
    """The text that is taken from a chunk once another was decoded; nothing if it is left to the decoder."""
    template, texts = ChunkTemplate(), list[str]()
    (event,) = decoder().feed(after)
    assert type(event) is Text
    template.learn(after, event, texts)
    assert template.takes(data) is bool(texts)
    return texts


def meaning(events: list[Event]) -> list[Any]:
    return [(event.text, event.choice) if type(event) is Text else type(event) for event in events]


@pytest.mark.parametrize("more", [_PLAIN, _PADDED, {}], ids=["plain", "padded", "short"])
def test_ordinary_chunks_are_recognised(more: dict[str, Any]) -> None:
    for text in (" sky", " größer", " 空は", "12.5%"):
        assert taken(chunk(text, more), after=chunk("The", more)) == [text]


@given(text=st.text(max_size=20), more=st.sampled_from([_PLAIN, _PADDED, {}]))
def test_the_text_that_is_taken_is_the_text_that_decoding_gives(text: str, more: dict[str, Any]) -> None:
    text = text.encode("utf-8", "ignore").decode()
    found = taken(chunk(text, more), after=chunk("The", more))

    assert not found or (found == [text] and meaning(decoder().feed(chunk(text, more))) == [(text, 0)])


@given(
    at=st.integers(0, 300),
    cut=st.integers(0, 40),
    put=st.sampled_from([b"", b'"', b"\\", b"\n", b"\n\n", b"}", b'","content":"', b"\xff", b"0", b"a", b'","x":"']),
    more=st.sampled_from([_PLAIN, _PADDED]),
)
def test_a_chunk_changed_anywhere_is_left_to_the_decoder_or_means_the_same(
    at: int, cut: int, put: bytes, more: dict[str, Any]
) -> None:
    whole = chunk(" sky", more)
    changed = whole[:at] + put + whole[at + cut :]

    found = taken(changed, after=chunk("The", more))

    assert not found or [(found[0], 0)] == meaning(decoder().feed(changed))


@pytest.mark.parametrize(
    "data",
    [
        chunk("The", _PADDED, finish_reason="stop"),
        chunk('The "sky"', _PADDED),
        chunk("The", _PADDED) + b": comment\n\n",
        b": comment\n" + chunk("The", _PADDED),
        chunk("The", {"obfuscation": "a b"}),
        chunk("The", {"obfuscation": "ab", "usage": None}),
        chunk("The", {"note": {"content": "x"}}),
    ],
    ids=["finished", "escaped", "two", "comment", "odd-padding", "padding-within", "mark-twice"],
)
def test_what_has_more_to_say_is_no_pattern(data: bytes) -> None:
    template = ChunkTemplate()

    template.learn(data, Text("The"), [])

    assert not template.takes(data)


def test_log_probabilities_are_no_padding() -> None:
    template = ChunkTemplate()
    data = chunk("The", _PADDED)

    template.learn(data, Text("The", logprobs={"content": []}), [])

    assert not template.takes(data)

"""Framing of server-sent events: the same events whatever the chunking."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._wire.sse import SseDecoder, SseEvent, encode

CASES = {
    "one event": (b"data: a\n\n", [("", b"a")]),
    "a name": (b"event: ping\ndata: {}\n\n", [("ping", b"{}")]),
    "data in several lines": (b"data: a\ndata: b\n\n", [("", b"a\nb")]),
    "no space after the colon": (b"data:a\n\n", [("", b"a")]),
    "only the first space is not data": (b"data:  a\n\n", [("", b" a")]),
    "a data line without a colon": (b"data\ndata: a\n\n", [("", b"\na")]),
    "comments and blank lines": (b": hello\n\n\n\ndata: a\n\n: bye\n\n", [("", b"a")]),
    "id and retry are skipped": (b"id: 1\nretry: 5\ndata: a\n\n", [("", b"a")]),
    "a name does not outlive its event": (b"event: x\n\ndata: a\n\n", [("", b"a")]),
    "a field that begins like event": (b"eventful: x\ndata: a\n\n", [("", b"a")]),
    "CRLF": (b"event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", [("x", b"a"), ("", b"b")]),
    "CR": (b"data: a\r\rdata: b\r\r", [("", b"a"), ("", b"b")]),
    "mixed line ends": (b"data: a\r\n\ndata: b\n\r\ndata: c\r\r\n", [("", b"a"), ("", b"b"), ("", b"c")]),
    "a byte-order mark": (b"\xef\xbb\xbfdata: a\n\n", [("", b"a")]),
    "no blank line at the end": (b"data: a\n\ndata: b\n", [("", b"a"), ("", b"b")]),
    "no newline at the end": (b"data: a\n\ndata: b", [("", b"a"), ("", b"b")]),
    "UTF-8": ("data: größe 🙂\n\n".encode(), [("", "größe 🙂".encode())]),
    "an object without a field's name": (
        b'data: a\n\n{\n  "error": 1\n}\n',
        [("", b"a"), ("", b'{\n  "error": 1\n}\n')],
    ),
    "half an object without a field's name": (b'data: a\n\n{\n  "error": 1\n', [("", b"a")]),
    "a field that only llama.cpp knows": (b'error: {"code":500}\n\n', [("error", b'{"code":500}')]),
    "objects without a blank line between them": (
        b'data: {"a":1}\ndata: {"b":{}}\ndata: [DONE]\n\n',
        [("", b'{"a":1}'), ("", b'{"b":{}}'), ("", b"[DONE]")],
    ),
    "an object in several lines": (b'data: {"a":\ndata: {"b":{}}}\n\n', [("", b'{"a":\n{"b":{}}}')]),
    "an object in lines that end as one does": (
        b'data: {"a":{}\ndata: ,"b":{}}\n\n',
        [("", b'{"a":{}\n,"b":{}}')],
    ),
    "nothing": (b"", []),
}


def run(pieces: list[bytes]) -> list[SseEvent]:
    decoder = SseDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish()


@pytest.mark.parametrize(("stream", "expected"), CASES.values(), ids=CASES.keys())
def test_the_events_are_the_same_whole_byte_by_byte_and_at_every_cut(
    stream: bytes, expected: list[tuple[str, bytes]]
) -> None:
    assert run([stream]) == expected
    assert run([stream[index : index + 1] for index in range(len(stream))]) == expected
    for cut in range(len(stream) + 1):
        assert run([stream[:cut], stream[cut:]]) == expected, cut


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_any_bytes_give_the_same_events_in_any_chunking(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]

    assert run([stream[a:b] for a, b in pairwise(edges)]) == run([stream])


@given(st.lists(st.tuples(st.sampled_from(["", "x", "message_stop"]), st.text().map(lambda t: t.encode()))))
def test_what_is_encoded_is_decoded(events: list[tuple[str, bytes]]) -> None:
    clean = [(name, data.replace(b"\n", b"").replace(b"\r", b"") or b"{}") for name, data in events]

    assert run([b"".join(encode(data, name) for name, data in clean)]) == clean


def test_a_line_that_never_ends_is_refused_instead_of_filling_memory() -> None:
    decoder = SseDecoder(limit=1000)

    with pytest.raises(ValueError, match="1000"):
        for _ in range(100):
            decoder.feed(b"data: " + b"x" * 50)


def test_an_event_of_endless_lines_is_refused_too() -> None:
    decoder = SseDecoder(limit=1000)

    with pytest.raises(ValueError, match="1000"):
        for _ in range(100):
            decoder.feed(b"data: " + b"x" * 50 + b"\n")

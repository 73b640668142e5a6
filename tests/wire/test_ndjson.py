"""Framing of newline-delimited JSON."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._wire.ndjson import NdjsonDecoder


def run(pieces: list[bytes]) -> list[bytes]:
    decoder = NdjsonDecoder()
    return [line for piece in pieces for line in decoder.feed(piece)] + decoder.finish()


def test_lines_are_cut_blank_ones_skipped_and_a_last_line_needs_no_newline() -> None:
    assert run([b'{"a":1}\r\n\n  \n{"b":2}\n{"c":3}']) == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_any_bytes_give_the_same_lines_in_any_chunking(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]

    assert run([stream[a:b] for a, b in pairwise(edges)]) == run([stream])


def test_a_line_that_never_ends_is_refused() -> None:
    decoder = NdjsonDecoder(limit=100)

    with pytest.raises(ValueError, match="100"):
        for _ in range(10):
            decoder.feed(b"x" * 20)

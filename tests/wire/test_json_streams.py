from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._wire.json_streams import JsonArrayDecoder, NdjsonDecoder

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def cut(pieces: list[bytes]) -> list[Any]:
    decoder = JsonArrayDecoder()
    items = [item for piece in pieces for item in decoder.feed(piece)]
    return [json.loads(item) for item in items + decoder.finish()]


@given(
    st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=4),
    st.integers(1, 9),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_objects_of_an_array_are_found_whatever_the_chunking(
    objects: list[Any], size: int, indent: int | None, ascii_only: bool
) -> None:
    data = json.dumps(objects, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass") + b"\r\n"

    assert cut([data]) == objects
    assert cut([data[at : at + size] for at in range(0, len(data), size)]) == objects


def test_one_bare_object_is_an_array_of_it() -> None:
    assert cut([b"\xef\xbb\xbf ", b'{"a": [{"b": "}"}]', b"} "]) == [{"a": [{"b": "}"}]}]


def test_an_object_is_there_as_soon_as_it_is_complete() -> None:
    decoder = JsonArrayDecoder()

    assert decoder.feed(b'[{"a": 1') == []
    assert decoder.feed(b'},{"b"') == [b'{"a": 1}']
    assert decoder.feed(b": 2}") == [b'{"b": 2}']


@pytest.mark.parametrize(
    "data", [b"hello", b"[1]", b'"x"', b"[[]]", b'["a"]', b"[{}] junk", b"]", b"[{}]]", b"[{}]{}", b'{"a":1} x']
)
def test_what_is_no_array_of_objects_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a JSON array"):
        cut([data])


def test_an_array_that_ends_in_the_middle_of_an_object_is_an_error() -> None:
    with pytest.raises(ValueError, match="in the middle"):
        cut([b'[{"a": "'])
    assert cut([b'[{"a": 1}']) == [{"a": 1}]  # nothing of an object is missing


def test_an_object_beyond_the_limit_is_an_error() -> None:
    decoder = JsonArrayDecoder(limit=10)

    with pytest.raises(ValueError, match="larger than 10 bytes"):
        decoder.feed(b'[{"a": "aaaaaaaaaaa')


def lines_of(pieces: list[bytes]) -> list[bytes]:
    decoder = NdjsonDecoder()
    return [line for piece in pieces for line in decoder.feed(piece)] + decoder.finish()


def test_lines_are_cut_blank_ones_skipped_and_a_last_line_needs_no_newline() -> None:
    assert lines_of([b'{"a":1}\r\n\n  \n{"b":2}\n{"c":3}']) == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_any_bytes_give_the_same_lines_in_any_chunking(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]

    assert lines_of([stream[a:b] for a, b in pairwise(edges)]) == lines_of([stream])


def test_a_line_that_never_ends_is_refused() -> None:
    decoder = NdjsonDecoder(limit=100)

    with pytest.raises(ValueError, match="100"):
        for _ in range(10):
            decoder.feed(b"x" * 20)

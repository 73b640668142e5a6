"""JSON where providers and users bend it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._wire.json import decode, encode

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_encoded_is_decoded(value: object) -> None:
    assert decode(encode(value)) == value


def test_half_an_emoji_survives_both_ways() -> None:
    half = decode(b'{"content":"\\ud83d"}')

    assert half == {"content": "\ud83d"}
    assert decode(encode(half)) == half
    assert decode('{"content":"\ud83d"}') == half


def test_text_with_an_emoji_in_two_halves_is_read() -> None:
    assert encode(decode('{"mood":"\ud83d\ude00"}')) == b'{"mood":"\\ud83d\\ude00"}'


def test_numbers_beyond_a_double_and_not_a_number_are_read() -> None:
    assert decode(b"[1e400, -Infinity]") == [math.inf, -math.inf]
    assert math.isnan(decode(b"[NaN]")[0])


def test_a_byte_order_mark_is_skipped() -> None:
    assert decode(b'\xef\xbb\xbf{"a":1}') == {"a": 1}
    assert decode('\ufeff{"a":1}') == {"a": 1}


def test_text_that_is_no_json_is_an_error_that_does_not_repeat_it() -> None:
    with pytest.raises(ValueError, match="not JSON") as caught:
        decode(b"<html>secret</html>")

    assert "secret" not in str(caught.value)


def test_a_value_nested_beyond_reason_is_an_error_and_no_crash() -> None:
    with pytest.raises(ValueError, match=r"deep|nested|recursion|JSON"):
        decode(b"[" * 200_000)

    nested: list[object] = []
    for _ in range(200_000):
        nested = [nested]
    with pytest.raises(TypeError, match="nested"):
        encode(nested)


def test_line_breaks_and_tabs_inside_of_text_are_read() -> None:
    # Models write them into the arguments of tools; nothing else that is wrong is let through.
    assert decode(b'{"a":"x\n\ty"}') == {"a": "x\n\ty"}
    with pytest.raises(ValueError, match="not JSON"):
        decode(b'{"a":"x\n\ty}')

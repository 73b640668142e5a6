from __future__ import annotations

import json
import struct
from base64 import b64decode
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from lingate._wire.eventstream import (
    MAX_HEADERS_BYTES,
    MAX_PAYLOAD_BYTES,
    EventStreamDecoder,
    Frame,
    encode,
)

EVENT = encode(
    {":event-type": "contentBlockDelta", ":content-type": "application/json", ":message-type": "event"},
    b'{"contentBlockIndex":0,"delta":{"text":"hi"}}',
)

# A frame that AWS sent, from the documentation of botocore's own test: no headers, `{'foo':'bar'}`.
PUBLISHED = (
    b"\x00\x00\x00\x1d\x00\x00\x00\x00\xfdR\x8cZ{'foo':'bar'}\xc3e96",
    b"\x00\x00\x00=\x00\x00\x00 \x07\xfd\x83\x96\x0ccontent-type\x07\x00\x10application/json{'foo':'bar'}\x8d\x9c\x08\xb1",
)

HEADERS = st.dictionaries(st.text(min_size=1, max_size=12), st.text(max_size=30), max_size=6)


def frames(pieces: Iterable[bytes]) -> list[Frame]:
    decoder = EventStreamDecoder()
    found = [frame for piece in pieces for frame in decoder.feed(piece)]
    return found + decoder.finish()


def single_bytes(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def recorded(recordings: Path) -> list[bytes]:
    found = []
    for name in ("bedrock-converse", "bedrock-invoke"):
        file = recordings / f"{name}.jsonl"
        for line in file.read_text().splitlines() if file.is_file() else ():
            response: dict[str, Any] = json.loads(line)["response"]
            if "eventstream" in response["headers"].get("content-type", ""):
                found.append(b64decode(response["body"]))
    return found


def sealed(lengths: bytes, rest: bytes) -> bytes:
    """A frame with right checksums around whatever a test puts into it."""
    frame = lengths + struct.pack(">I", crc32(lengths)) + rest
    return frame + struct.pack(">I", crc32(frame))


@pytest.mark.parametrize("data", PUBLISHED)
def test_a_published_frame_is_read_and_written_as_published(data: bytes) -> None:
    (frame,) = frames([data])

    assert frame.payload == b"{'foo':'bar'}"
    assert encode(frame.headers, frame.payload) == data


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=80)), max_size=4), st.data())
def test_what_is_written_is_read_again_whatever_the_chunking(
    messages: list[tuple[dict[str, str], bytes]], data: st.DataObject
) -> None:
    stream = b"".join(encode(headers, payload) for headers, payload in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert frames(pieces) == [Frame(headers, payload) for headers, payload in messages]
    assert frames(single_bytes(stream)) == frames([stream])


@given(HEADERS, st.binary(max_size=80))
def test_botocore_reads_what_we_write(headers: dict[str, str], payload: bytes) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(encode(headers, payload))

    (message,) = list(buffer)
    assert (message.headers, message.payload) == (headers, payload)


def test_recorded_streams_give_what_botocore_gives_at_every_chunking(recordings: Path) -> None:
    streams = recorded(recordings)
    if not streams:
        pytest.skip(f"no such streams at {recordings}")
    for stream in streams:
        buffer = EventStreamBuffer()
        buffer.add_data(stream)
        expected = [Frame(message.headers, message.payload) for message in buffer]

        assert frames([stream]) == expected
        assert frames(single_bytes(stream)) == expected
        for size in (3, 11, 12, 13, 1000):
            assert frames(stream[at : at + size] for at in range(0, len(stream), size)) == expected
        assert b"".join(encode(frame.headers, frame.payload) for frame in expected) == stream


def test_two_frames_are_told_apart_at_every_split_point() -> None:
    stream = EVENT + PUBLISHED[1]

    for at in range(len(stream) + 1):
        assert len(frames([stream[:at], stream[at:]])) == 2


@given(st.binary(max_size=200))
def test_rubbish_raises_nothing_but_value_error(data: bytes) -> None:
    decoder = EventStreamDecoder()
    try:
        decoder.feed(data)
        decoder.finish()
    except ValueError:
        pass


@given(st.data())
def test_one_wrong_bit_anywhere_is_noticed(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(EVENT) - 1))
    bit = data.draw(st.integers(0, 7))
    damaged = EVENT[:at] + bytes((EVENT[at] ^ 1 << bit,)) + EVENT[at + 1 :]

    with pytest.raises(ValueError, match="checksum"):
        EventStreamDecoder().feed(damaged)


def test_frames_before_a_damaged_one_are_handed_out_first() -> None:
    decoder = EventStreamDecoder()

    assert len(decoder.feed(EVENT + EVENT[:-1] + b"\x00")) == 1
    with pytest.raises(ValueError, match="checksum"):
        decoder.finish()
    with pytest.raises(ValueError, match="checksum"):
        decoder.feed(EVENT)


def test_a_frame_that_stands_unfinished_is_no_frame() -> None:
    decoder = EventStreamDecoder()

    assert decoder.feed(EVENT + EVENT[:20])[0].text(":event-type") == "contentBlockDelta"
    assert decoder.pending
    assert decoder.finish() == []
    assert not decoder.pending


@pytest.mark.parametrize(
    ("total", "headers"),
    [(16 + MAX_HEADERS_BYTES + 1, MAX_HEADERS_BYTES + 1), (16 + MAX_PAYLOAD_BYTES + 1, 0), (20, 5), (3, 0)],
)
def test_sizes_beyond_the_limits_are_refused_before_anything_is_waited_for(total: int, headers: int) -> None:
    lengths = struct.pack(">II", total, headers)

    with pytest.raises(ValueError, match="event-stream frame"):
        EventStreamDecoder().feed(lengths + struct.pack(">I", crc32(lengths)))


@pytest.mark.parametrize(
    "block",
    [
        b"\x01a",  # no type
        b"\x01a\x0a",  # a type that there is not
        b"\x01a\x07\x00\x09short",
        b"\x01a\x07\x00",
        b"\x01a\x05\x00\x00",
        b"\x01a\x07\x00\x00\x01a\x01",  # twice the same
        b"\x01\xff\x00",  # a name that is not UTF-8
        b"\x01a\x07\x00\x01\xff",
    ],
)
def test_headers_that_make_no_sense_are_refused(block: bytes) -> None:
    frame = sealed(struct.pack(">II", 16 + len(block), len(block)), block)

    with pytest.raises(ValueError):
        EventStreamDecoder().feed(frame)


@pytest.mark.parametrize(
    "other",
    [
        b"\x00",
        b"\x01",
        b"\x02\xff",
        b"\x03\xff\xff",
        b"\x04" + bytes(4),
        b"\x05" + bytes(8),
        b"\x06\x00\x03abc",
        b"\x08" + struct.pack(">q", 1_700_000_000_123),
        b"\x09" + bytes(range(16)),
    ],
)
def test_headers_that_hold_no_text_are_skipped(other: bytes) -> None:
    block = b"\x01o" + other + b"\x01t\x07\x00\x02hi"
    (frame,) = EventStreamDecoder().feed(sealed(struct.pack(">II", 16 + len(block), len(block)), block))

    assert frame.headers == {"t": "hi"}
    assert frame.text("o") == ""


@pytest.mark.parametrize("headers", [{"": "x"}, {"n" * 256: "x"}, {"n": "x" * 0x8000}])
def test_a_header_that_has_no_form_is_not_written(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        encode(headers, b"")


def test_a_payload_that_no_reader_would_take_is_not_written() -> None:
    with pytest.raises(ValueError, match="too large"):
        encode({}, bytes(MAX_PAYLOAD_BYTES + 1))

"""Bytes and names say what they are."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._wire.media import TYPES, extension_of, type_of


@pytest.mark.parametrize(
    ("data", "extension"),
    [
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "wav"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp"),
        (b"RIFF\x00\x00\x00\x00AVI ", None),
        (b"ID3\x04", "mp3"),
        (b"\xff\xfb\x90\x00", "mp3"),
        (b"\xff\xf3\x90\x00", "mp3"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"OggS\x00", "ogg"),
        (b"fLaC\x00", "flac"),
        (b"\x1aE\xdf\xa3", "webm"),
        (struct.pack(">I", 24) + b"ftypM4A ", "m4a"),
        (struct.pack(">I", 24) + b"ftypisom", "mp4"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff\xe0", "jpg"),
        (b"GIF89a", "gif"),
        (b"%PDF-1.7", None),
        (b"", None),
    ],
)
def test_bytes_are_known_by_how_they_begin(data: bytes, extension: str | None) -> None:
    assert extension_of(data) == extension


@given(st.binary(max_size=40))
def test_whatever_is_recognised_has_a_media_type(data: bytes) -> None:
    found = extension_of(data)

    assert found is None or found in TYPES


def test_names_are_known_by_how_they_end() -> None:
    assert type_of("a.b.WAV") == "audio/wav"
    assert type_of("wav") is None
    assert type_of("a.unknown") is None

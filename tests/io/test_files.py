"""Files as users hand them over."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._io import media_calls
from lingate._io.media_calls import load
from lingate._wire.multipart import Upload
from lingate.errors import ConfigError

WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
PNG = b"\x89PNG\r\n\x1a\n...."


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "said.wav"
    path.write_bytes(WAV)
    return path


def test_a_path_an_open_file_and_bytes_are_the_same_file(wav: Path) -> None:
    expected = Upload("said.wav", WAV, "audio/wav")

    with wav.open("rb") as file:
        assert load(file, "file") == expected
    assert load(wav, "file") == expected
    assert load(str(wav), "file") == expected
    assert load(("said.wav", WAV), "file") == expected
    assert load(("said.wav", io.BytesIO(WAV)), "file") == expected
    assert load(("said.wav", wav), "file") == expected
    assert load(expected, "file") == expected


def test_bytes_without_a_name_get_one_that_says_what_they_are() -> None:
    assert load(WAV, "file") == Upload("file.wav", WAV, "audio/wav")
    assert load(bytearray(PNG), "image[1]") == Upload("image.png", PNG, "image/png")
    assert load(memoryview(b"???"), "file") == Upload("file", b"???", "application/octet-stream")
    assert load(io.BytesIO(WAV), "file").name == "file.wav"


def test_a_media_type_that_was_given_wins() -> None:
    assert load(("x.bin", WAV, "audio/x-special"), "file") == Upload("x.bin", WAV, "audio/x-special")
    assert load((None, WAV), "file") == Upload("file.wav", WAV, "audio/wav")
    assert load(("x.bin", WAV), "file").content_type == "audio/wav"


def test_a_data_url_is_a_file() -> None:
    assert load("data:image/png;base64,aGk=", "image") == Upload("image.png", b"hi", "image/png")
    with pytest.raises(ConfigError, match="image is a data URL that cannot be read"):
        load("data:image/png;base64", "image")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("/no/such/file.wav", "file: there is no file '/no/such/file.wav'"),
        (Path(os.sep), "is a directory"),
        ("https://example.org/a.wav", "file is a URL"),
        ("a\x00b", "cannot be read"),
        ("x" * 100_000, "cannot be read"),
        (b"", "file is empty"),
        (io.BytesIO(b""), "nothing left to read"),
        (io.StringIO("text"), "text mode"),
        (("name",), "must be \\(name, content\\)"),
        ((1, b"x"), "must be \\(name, content\\)"),
        (("a", b"x", 3), "must be \\(name, content\\)"),
        (7, "file must be a path, an open file or bytes, not int"),
        (None, "not NoneType"),
        ({"a": 1}, "not dict"),
    ],
)
def test_what_cannot_be_read_is_a_config_error_that_says_why(value: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        load(value, "file")

    assert len(str(caught.value)) < 400


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()

    with pytest.raises(ConfigError, match=r"file is empty: empty\.wav"):
        load(tmp_path / "empty.wav", "file")


def test_a_file_that_was_read_before_is_not_sent_empty(wav: Path) -> None:
    with wav.open("rb") as file:
        file.read()
        with pytest.raises(ConfigError, match="was read before") as caught:
            load(file, "file")

    assert "seek(0)" in str(caught.value)


def test_a_closed_file_cannot_be_read(wav: Path) -> None:
    with wav.open("rb") as file:
        pass

    with pytest.raises(ConfigError, match="file cannot be read"):
        load(file, "file")


def test_a_file_of_an_async_library_is_refused() -> None:
    class Later:
        async def read(self, size: int) -> bytes:
            return b""

    with pytest.raises(ConfigError, match=r"read\(\) gives a coroutine, not bytes"):
        load(Later(), "file")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_says_so(wav: Path) -> None:
    wav.chmod(0)

    with pytest.raises(ConfigError, match="Permission denied"):
        load(wav, "file")


def test_what_is_too_large_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    with path.open("wb") as file:
        file.truncate(media_calls.MAX_BYTES + 1)

    with pytest.raises(ConfigError, match=f"more than the {media_calls.MAX_BYTES}"):
        load(path, "file")


@pytest.mark.parametrize("value", [b"x" * 11, io.BytesIO(b"x" * 11), "data:text/plain,xxxxxxxxxxx"])
def test_what_is_too_large_is_refused_wherever_it_is(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_calls, "MAX_BYTES", 10)

    with pytest.raises(ConfigError, match="more than the 10"):
        load(value, "file")
    assert load(b"x" * 10, "file").data == b"x" * 10


@given(
    st.one_of(st.none(), st.integers(), st.text(max_size=20), st.binary(max_size=20), st.tuples(st.text(), st.text()))
)
def test_any_value_is_a_file_or_a_config_error(value: Any) -> None:
    try:
        found = load(value, "file")
    except ConfigError:
        return

    assert found.data

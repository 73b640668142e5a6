"""Forms: what is written reads as it was meant, by us and by others, and rubbish is refused."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lingate._wire.multipart import (
    MAX_PARTS,
    Upload,
    boundary_of,
    encode,
    flatten,
    parse,
    unflatten,
)

# The escapes of names (%22 for a quote) have no escape of their own, in browsers neither.
NAMES = st.text(st.characters(exclude_characters="%\x00", exclude_categories=["Cs"]), min_size=1, max_size=20)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
UPLOADS = st.builds(Upload, NAMES, st.binary(max_size=400), st.sampled_from(["audio/wav", "image/png", "text/plain"]))
FIELDS = st.lists(st.tuples(NAMES.map(lambda name: name.strip() or "x"), TEXTS | UPLOADS), max_size=6)


@given(FIELDS)
def test_what_is_written_reads_as_it_was(fields: list[tuple[str, Any]]) -> None:
    body, content_type = encode(fields)

    assert parse(body, boundary_of(content_type, body) or "") == fields


@given(FIELDS.filter(bool))
def test_a_boundary_is_found_without_its_header(fields: list[tuple[str, Any]]) -> None:
    body, content_type = encode(fields)

    assert boundary_of(None, body) == boundary_of(content_type, b"")


@given(
    st.lists(st.tuples(st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.binary(max_size=300)), min_size=1, max_size=4)
)
def test_the_standard_library_reads_the_same(files: list[tuple[str, bytes]]) -> None:
    body, content_type = encode([(name, Upload(f"{name}.wav", data, "audio/wav")) for name, data in files])

    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)

    found = [
        (part.get_param("name", header="content-disposition"), part.get_filename(), part.get_content_type())
        for part in message.iter_parts()
    ]
    assert found == [(name, f"{name}.wav", "audio/wav") for name, _ in files]


def test_the_same_fields_give_the_same_bytes() -> None:
    fields: list[tuple[str, Any]] = [("model", "m"), ("file", Upload("a.wav", b"\x00\x01", "audio/wav"))]

    assert encode(fields) == encode(list(fields))


def test_a_boundary_is_in_none_of_the_fields() -> None:
    _, content_type = encode([("a", "text")])
    boundary = content_type.partition("boundary=")[2]

    body, other = encode([("a", "text"), ("b", f"--{boundary}")])

    assert parse(body, boundary_of(other, body) or "") == [("a", "text"), ("b", f"--{boundary}")]
    with pytest.raises(ValueError, match="boundary"):
        encode([("a", "x--mark")], boundary="mark")


def test_the_bytes_of_a_form() -> None:
    body, content_type = encode([("model", "m"), ("file", Upload('a"\r\n.wav', b"RIFF", "audio/wav"))], "mark")

    assert content_type == "multipart/form-data; boundary=mark"
    assert body == (
        b'--mark\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n'
        b'--mark\r\nContent-Disposition: form-data; name="file"; filename="a%22%0D%0A.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\nRIFF\r\n--mark--\r\n"
    )


def test_a_media_type_cannot_add_a_header() -> None:
    body, _ = encode([("file", Upload("a", b"x", "audio/wav\r\nX-Evil: 1"))], "mark")

    assert b"\r\nX-Evil" not in body


def test_forms_of_other_clients_are_read() -> None:
    body = (
        b"a preamble\r\n--B \t\r\ncontent-disposition: form-data; name=plain; x=y\r\n\r\n\r\n"
        b'--B\r\nContent-Type: audio/mp4\r\nContent-Disposition: form-data; name="f"; '
        b"filename=\"x\"; filename*=UTF-8''na%C3%AFve.m4a\r\n\r\n--not B\r\n--Bx\r\n"
        b"--B--\r\nan epilogue"
    ).replace(b"--Bx\r\n", b"")

    assert parse(body, "B") == [("plain", ""), ("f", Upload("naïve.m4a", b"--not B", "audio/mp4"))]


@pytest.mark.parametrize("extended", ["plain", "iso-8859-1'en'%A3", "utf-8'"])
def test_an_extended_name_that_cannot_be_read_leaves_the_other_one(extended: str) -> None:
    head = f'content-disposition: form-data; name=f; filename="x"; filename*={extended}'

    assert parse(f"--B\r\n{head}\r\n\r\ndata\r\n--B--\r\n".encode(), "B")[0][1].name == "x"  # type: ignore[union-attr]


def test_a_quoted_boundary_is_taken_out_of_its_quotes() -> None:
    assert boundary_of('multipart/form-data; charset=utf-8; boundary="a b"', b"") == "a b"
    assert boundary_of("Multipart/Form-Data; BOUNDARY=xyz", b"") == "xyz"
    assert boundary_of("application/json", b"--x\r\n") is None
    assert boundary_of("multipart/form-data", b"--x\r\n") is None
    assert boundary_of(None, b'{"a": 1}') is None
    assert boundary_of(None, b"--") is None


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "boundary is not in"),
        (b"nothing", "boundary is not in"),
        (b"--B", "does not begin"),
        (b"--Bx\r\n", "does not begin"),
        (b"--B\r\n", "has no end"),
        (b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nx', "has no end"),
        (b"--B\r\nno blank line\r\n--B--", "no blank line"),
        (b"--B\r\n\r\nx\r\n--B--", "has no name"),
        (b"--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--", "has no name"),
        (b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--B--', "not UTF-8"),
        (b"--B\r\n" + b"x: " + b"y" * 20_000 + b"\r\n\r\nx\r\n--B--", "headers of part 1"),
    ],
)
def test_what_is_no_form_is_refused_with_a_reason(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(body, "B")


def test_a_form_has_a_limit_of_parts() -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'

    assert len(parse(part * MAX_PARTS + b"--B--", "B")) == MAX_PARTS
    with pytest.raises(ValueError, match=f"more than {MAX_PARTS} parts"):
        parse(part * (MAX_PARTS + 1) + b"--B--", "B")


@given(st.binary(max_size=300), st.text("AB", min_size=1, max_size=3))
@example(b"--A\r\n\r\n--A--", "A")
def test_any_bytes_are_a_form_or_a_value_error(body: bytes, boundary: str) -> None:
    try:
        fields = parse(body, boundary)
    except ValueError:
        return

    assert all(name for name, _ in fields)


@given(FIELDS.filter(bool), st.data())
def test_a_form_that_was_cut_short_is_not_taken_for_whole(fields: list[tuple[str, Any]], data: Any) -> None:
    body, content_type = encode(fields)
    cut = data.draw(st.integers(0, len(body) - 5))

    with pytest.raises(ValueError):
        parse(body[:cut], boundary_of(content_type, body) or "")


KEYS = st.from_regex(r"[a-z_]{1,6}", fullmatch=True)
LEAVES = st.text("abc 1", max_size=5) | st.builds(Upload, st.just("n"), st.binary(max_size=9))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(LEAVES, min_size=1, max_size=3) | st.dictionaries(KEYS, inner, min_size=1, max_size=3),
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_nested_fields_come_back_as_they_were(fields: dict[str, Any]) -> None:
    assert unflatten(flatten(fields)) == fields


def test_fields_are_flattened_as_openai_s_clients_do() -> None:
    fields = {"a": True, "b": False, "n": 2, "x": 0.5, "none": None, "l": ["word", "segment"], "o": {"k": {"z": 1}}}

    assert flatten(fields) == [
        ("a", "true"),
        ("b", "false"),
        ("n", "2"),
        ("x", "0.5"),
        ("l[]", "word"),
        ("l[]", "segment"),
        ("o[k][z]", "1"),
    ]


def test_what_a_form_has_no_place_for_is_a_value_error() -> None:
    endless: dict[str, Any] = {}
    endless["a"] = endless

    with pytest.raises(ValueError, match="nested too deeply"):
        flatten(endless)
    with pytest.raises(ValueError, match="is a object"):
        flatten({"a": object()})


def test_repeated_names_are_a_list_and_objects_in_lists_stay_apart() -> None:
    assert unflatten([("image", "1"), ("image", "2"), ("image", "3")]) == {"image": ["1", "2", "3"]}
    assert unflatten([("l[][a]", "1"), ("l[][b]", "2"), ("l[][a]", "3")]) == {"l": [{"a": "1", "b": "2"}, {"a": "3"}]}
    assert unflatten([("odd[", "1"), ("[x]", "2"), ("a]b", "3")]) == {"odd[": "1", "[x]": "2", "a]b": "3"}


@pytest.mark.parametrize(
    "fields",
    [
        [("a", "1"), ("a[b]", "2")],
        [("a[b]", "1"), ("a", "2")],
        [("a[]", "1"), ("a[b]", "2")],
        [("a[b]", "1"), ("a[]", "2")],
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields: list[Any]) -> None:
    with pytest.raises(ValueError, match="contradicts"):
        unflatten(fields)


@given(st.lists(st.tuples(st.text("ab[]", max_size=8), st.just("x")), max_size=5))
def test_any_names_make_an_object_or_a_value_error(fields: list[tuple[str, Any]]) -> None:
    try:
        found = unflatten(fields)
    except ValueError:
        return

    assert bool(found) == bool(fields)


def test_a_file_s_bytes_are_not_shown() -> None:
    assert "secret" not in repr(Upload("a", b"secret"))

# multipart/form-data (RFC 7578): fields and files as one body, and back.

# Nested fields are flattened as OpenAI's own clients do it: `list[]` once an item, `object[key]`. Names are escaped as
# browsers do it (`%22` for a quote), with the doubled backslash of Python's clients.

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

FORM = "multipart/form-data"

MAX_PARTS = 1000
MAX_HEADER_BYTES = 16 * 1024
_MAX_BOUNDARY = 70  # RFC 2046
_MAX_DEPTH = 16

_ESCAPES = {'"': "%22", "\\": "\\\\", "\r": "%0D", "\n": "%0A"}
_ESCAPED = re.compile(r"\\([\\\"])|%(22|0D|0A)", re.IGNORECASE)
_PARAMETER = re.compile(r";\s*([\w!#$%&'+^`{|}~.*-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^;\s]*))")
_KEYS = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Upload:
    # A file on its way: its name as the other side sees it, its bytes, and what they are.

    name: str
    data: bytes = field(repr=False)
    content_type: str = "application/octet-stream"


Field = tuple[str, "str | Upload"]
"""A field's name, and its text or file."""


def encode(fields: Iterable[Field], boundary: str | None = None) -> tuple[bytes, str]:
    # Write fields as one body.
    # boundary: What stands between them. By default one that is made of the fields, so that the same fields give the
    # same bytes, and that is in none of them.
    # Returns: The body, and its content type.
    # Raises ValueError: A field contains the boundary that was given.
    parts = [_part(name, value) for name, value in fields]
    if boundary is None:
        boundary = _boundary(parts)
    mark = f"--{boundary}".encode()
    if any(mark in head or mark in data for head, data in parts):
        raise ValueError("a field contains the boundary")
    pieces: list[bytes] = []
    for head, data in parts:
        pieces += (mark, b"\r\n", head, data, b"\r\n")
    return b"".join([*pieces, mark, b"--\r\n"]), f"{FORM}; boundary={boundary}"


def _part(name: str, value: str | Upload) -> tuple[bytes, bytes]:
    disposition = f'Content-Disposition: form-data; name="{_escaped(name)}"'
    if isinstance(value, str):
        return f"{disposition}\r\n\r\n".encode("utf-8", "replace"), value.encode("utf-8", "replace")
    kind = re.sub(r"[\r\n]", "", value.content_type)
    head = f'{disposition}; filename="{_escaped(value.name)}"\r\nContent-Type: {kind}\r\n\r\n'
    return head.encode("utf-8", "replace"), value.data


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(char, char) for char in text)


def _boundary(parts: list[tuple[bytes, bytes]]) -> str:
    digest = hashlib.sha256()
    for head, data in parts:
        # The ends and the size of a file tell it apart well enough; that the boundary is not inside is looked up.
        digest.update(head + len(data).to_bytes(8) + data[:4096] + data[-4096:])
    while True:
        found = digest.hexdigest()[:32]
        if not any(found.encode() in data for _, data in parts):
            return found
        digest.update(b"again")


def flatten(fields: Mapping[str, Any]) -> list[Field]:
    # The fields of a form from a JSON-like object; None is left out.
    # Raises ValueError: A value has no form: bytes that are no file, or nesting without end.
    return [item for name, value in fields.items() for item in _flat(name, value, 0)]


def _flat(name: str, value: Any, depth: int) -> Iterable[Field]:
    if depth > _MAX_DEPTH:
        raise ValueError(f"{name[:80]} is nested too deeply for a form")
    if value is None:
        return
    if isinstance(value, (str, Upload)):
        yield name, value
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, (int, float)):
        yield name, str(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{name}[{key}]", item, depth + 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(f"{name}[]", item, depth + 1)
    else:
        raise ValueError(f"{name} is a {type(value).__name__}, which a form cannot hold")


def parse(body: bytes, boundary: str) -> list[Field]:
    # Cut a body into its fields.
    # A part with a file name is an `Upload`, any other is text.
    # Raises ValueError: It is not such a body, or is cut short; the message says where.
    if not 0 < len(boundary) <= _MAX_BOUNDARY:
        raise ValueError(f"the boundary must have 1 to {_MAX_BOUNDARY} characters")
    mark = b"\r\n--" + boundary.encode("latin-1", "replace")
    at = 0 if body.startswith(mark[2:]) else body.find(mark)
    if at < 0:
        raise ValueError("the form's boundary is not in the body")
    at += len(mark) - (2 if at == 0 and body.startswith(mark[2:]) else 0)
    fields: list[Field] = []
    while True:
        end = body.find(b"\r\n", at)
        rest = body[at : end if end >= 0 else len(body)]
        if rest.startswith(b"--"):
            return fields
        if end < 0 or rest.strip(b" \t"):
            raise ValueError(f"part {len(fields) + 1} of the form does not begin as one")
        following = body.find(mark, end)
        if following < 0:
            raise ValueError(f"part {len(fields) + 1} of the form has no end")
        if len(fields) == MAX_PARTS:
            raise ValueError(f"the form has more than {MAX_PARTS} parts")
        fields.append(_field(body[end + 2 : following] if following > end else b"", len(fields) + 1))
        at = following + len(mark)


def _field(part: bytes, number: int) -> Field:
    if part.startswith(b"\r\n"):
        head, data = b"", part[2:]
    else:
        head, blank, data = part.partition(b"\r\n\r\n")
        if not blank:
            raise ValueError(f"part {number} of the form has no blank line after its headers")
    if len(head) > MAX_HEADER_BYTES:
        raise ValueError(f"the headers of part {number} of the form are larger than {MAX_HEADER_BYTES} bytes")
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    given = _parameters(headers.get("content-disposition", ""))
    if not given.get("name"):
        raise ValueError(f"part {number} of the form has no name")
    if "filename" in given:
        return given["name"], Upload(given["filename"], data, headers.get("content-type") or "application/octet-stream")
    try:
        return given["name"], data.decode()
    except UnicodeDecodeError:
        raise ValueError(f"field {given['name'][:80]!r} of the form is not UTF-8 text") from None


def _parameters(value: str) -> dict[str, str]:
    # Parameters of a header; `filename*` (RFC 5987) wins over `filename`.
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(value):
        name, quoted, bare = match[1].lower(), match[2], match[3]
        found[name] = bare if quoted is None else _ESCAPED.sub(_unescaped, quoted)
    extended = found.pop("filename*", None)
    if extended is not None and extended.count("'") >= 2:
        charset, _, text = extended.split("'", 2)
        if charset.lower() == "utf-8":
            found["filename"] = unquote(text, errors="replace")
    return found


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    return chr(int(found[2], 16))


def boundary_of(content_type: str | None, body: bytes) -> str | None:
    # The boundary of a form: as its content type says, else as its first line shows.
    # None if this is no form.
    if content_type:
        kind = content_type.partition(";")[0].strip().lower()
        if kind != FORM:
            return None
        return _parameters(content_type).get("boundary") or None
    line = body[: _MAX_BOUNDARY + 4].partition(b"\r\n")
    if not line[1] or not line[0].startswith(b"--") or len(line[0]) < 3:
        return None
    return line[0][2:].rstrip(b" \t").decode("latin-1") or None


def unflatten(fields: Iterable[Field]) -> dict[str, Any]:
    # A form's fields as an object: `list[]` and repeated names become lists, `object[key]` objects.
    # Text stays text.
    # Raises ValueError: Two fields contradict each other, as `a` and `a[b]` do.
    out: dict[str, Any] = {}
    for name, value in fields:
        base, bracket, rest = name.partition("[")
        keys = _KEYS.findall(bracket + rest)
        if not base or "".join(f"[{key}]" for key in keys) != bracket + rest or len(keys) > _MAX_DEPTH:
            base, keys = name, []
        _put(out, [base, *keys], value, name)
    return out


def _put(out: dict[str, Any], path: list[str], value: str | Upload, name: str) -> None:
    holder: Any = out
    for at, key in enumerate(path):
        if at == len(path) - 1:
            _add(holder, key, value, name)
            return
        inner: Any = [] if path[at + 1] == "" else {}
        if isinstance(holder, list):
            # `list[][key]`: a key that the last object has already begins the next one, as form parsers have it.
            last = holder[-1] if holder and key == "" else None
            fresh = not isinstance(last, type(inner)) or (isinstance(last, dict) and path[at + 1] in last)
            if fresh:
                holder.append(inner)
            holder = holder[-1]
        else:
            holder = holder.setdefault(key, inner)
        if not isinstance(holder, type(inner)):
            raise ValueError(f"field {name[:80]!r} of the form contradicts another of its fields")


def _add(holder: Any, key: str, value: str | Upload, name: str) -> None:
    if isinstance(holder, list):
        holder.append(value)
    elif key not in holder:
        holder[key] = value
    elif isinstance(holder[key], list):
        holder[key].append(value)
    elif isinstance(holder[key], dict):
        raise ValueError(f"field {name[:80]!r} of the form contradicts another of its fields")
    else:
        holder[key] = [holder[key], value]

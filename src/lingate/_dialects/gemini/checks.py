"""What contents must have for us to read them. Unknown parts and unknown fields are nobody's fault."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lingate._dialects._check import expect
from lingate._model import JsonDict

_REQUIRED: dict[str, tuple[tuple[str, type], ...]] = {
    "inlineData": (("data", str),),
    "fileData": (("fileUri", str),),
    "functionResponse": (("name", str),),
}
_OPTIONAL: dict[str, tuple[tuple[str, type], ...]] = {
    "functionCall": (("name", str), ("id", str), ("args", dict), ("partialArgs", list)),
    "functionResponse": (("id", str), ("response", dict), ("parts", list)),
    "inlineData": (("mimeType", str), ("displayName", str)),
    "fileData": (("mimeType", str), ("displayName", str)),
}


def checked_parts(content: Any, where: str) -> list[JsonDict]:
    """The parts of a content, which may be missing or empty.

    Raises:
        Malformed: A part cannot be read.
    """
    if content is None:
        return []
    expect(content, dict, where)
    parts = content.get("parts")
    if parts is None:
        return []
    check_parts(parts, f"{where}.parts")
    return list(parts)


def check_parts(parts: Any, where: str) -> None:
    """Check a list of parts.

    Raises:
        Malformed: A part cannot be read.
    """
    expect(parts, list, where)
    for n, part in enumerate(parts):
        expect(part, dict, f"{where}[{n}]")
        for field in ("text", "thoughtSignature"):
            if part.get(field) is not None:
                expect(part[field], str, f"{where}[{n}].{field}")
        for field in ("functionCall", *_REQUIRED):
            if part.get(field) is not None:
                _check_part(part[field], field, f"{where}[{n}].{field}")


def _check_part(value: Any, field: str, where: str) -> None:
    expect(value, dict, where)
    for name, kind in _REQUIRED.get(field, ()):
        expect(value.get(name), kind, f"{where}.{name}")
    for name, kind in _OPTIONAL.get(field, ()):
        if value.get(name) is not None:
            expect(value[name], kind, f"{where}.{name}")
    if field == "functionResponse" and value.get("parts"):
        check_parts(value["parts"], f"{where}.parts")


def objects(value: Any) -> Iterable[JsonDict]:
    """The objects in what should be a list of them; for fields that are shown but not relied on."""
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()

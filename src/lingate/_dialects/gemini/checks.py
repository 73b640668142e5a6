# What contents must have for us to read them. Unknown parts and unknown fields are nobody's fault.

from __future__ import annotations

from typing import Any

from lingate._dialects._check import Malformed, expect
from lingate._model import JsonDict

_REQUIRED: dict[str, tuple[tuple[str, type], ...]] = {
    "inlineData": (("data", str),),
    "fileData": (("fileUri", str),),
    "functionResponse": (("name", str),),
}
_OPTIONAL: dict[str, tuple[tuple[str, type], ...]] = {
    "functionCall": (("name", str), ("id", str), ("args", dict), ("partialArgs", list)),
    "inlineData": (("mimeType", str), ("displayName", str)),
    "fileData": (("mimeType", str), ("displayName", str)),
    "functionResponse": (("id", str), ("response", dict), ("parts", list)),
}


def checked_parts(content: Any, where: str) -> list[JsonDict]:
    # The parts of a content, which may have none.
    # Raises Malformed: a part cannot be read.
    expect(content, dict, where)
    parts = content.get("parts")
    if parts is None:
        if content.keys() - {"role", "parts"}:
            raise Malformed(where, 'must be {"parts": [{"text": ...}]}')
        return []
    if isinstance(parts, dict) and parts:
        parts = [parts]  # Google takes one where it wants a list, and shows that in its examples
    check_parts(parts, f"{where}.parts")
    return list(parts)


def check_parts(parts: Any, where: str) -> None:
    # Check a list of parts.
    # Raises Malformed: a part cannot be read.
    expect(parts, list, where)
    for n, part in enumerate(parts):
        if type(part) is dict and len(part) == 1 and type(part.get("text")) is str:
            continue  # as most of them
        if not isinstance(part, dict):  # paths are put into words only where they are told
            expect(part, dict, f"{where}[{n}]")
        for field in ("text", "thoughtSignature"):
            if part.get(field) is not None and not isinstance(part[field], str):
                expect(part[field], str, f"{where}[{n}].{field}")
        for field in _OPTIONAL:
            if (value := part.get(field)) is not None:
                try:
                    _check_part(value, field)
                except Malformed as flaw:
                    raise Malformed(f"{where}[{n}].{field}{flaw.where}", flaw.why) from None


def _check_part(value: Any, field: str) -> None:
    expect(value, dict, "")
    for name, kind in _REQUIRED.get(field, ()):
        if not isinstance(value.get(name), kind):
            expect(value.get(name), kind, f".{name}")
    for name, kind in _OPTIONAL[field]:
        if (found := value.get(name)) is not None and not isinstance(found, kind):
            expect(found, kind, f".{name}")
    if field == "functionResponse" and value.get("parts"):
        check_parts(value["parts"], ".parts")

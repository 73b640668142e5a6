# What a content block must have for us to read it. Unknown members and unknown fields are nobody's fault.

from __future__ import annotations

from typing import Any

from lingate._dialects._check import Malformed, expect
from lingate._dialects.bedrock_converse.facts import BLOCKS
from lingate._model import JsonDict

_REQUIRED = {
    "image": (("source", dict),),
    "document": (("source", dict),),
    "video": (("source", dict),),
    "audio": (("source", dict),),
    "toolUse": (("toolUseId", str), ("name", str)),
    "toolResult": (("toolUseId", str), ("content", list)),
    "searchResult": (("content", list),),
}
_OPTIONAL = {
    "image": (("format", str),),
    "document": (("format", str), ("name", str)),
    "video": (("format", str),),
    "audio": (("format", str),),
    "reasoningContent": (("reasoningText", dict), ("redactedContent", str)),
    "citationsContent": (("content", list), ("citations", list)),
    "guardContent": (("text", dict), ("image", dict)),
}


def kind_of(block: JsonDict) -> str:
    # Which member of the union a block is; for one we do not know, its first key.
    if len(block) > 1:
        for kind in BLOCKS:
            if kind in block:
                return kind
    return next(iter(block), "")


def check_blocks(blocks: Any, where: str) -> None:
    # Raises Malformed: a block cannot be read.
    expect(blocks, list, where)
    for n, block in enumerate(blocks):
        _check_block(block, f"{where}[{n}]")


def _check_block(block: Any, where: str) -> None:
    if type(block) is dict and len(block) == 1 and type(block.get("text")) is str:
        return
    expect(block, dict, where)
    if not block or (len(block) > 1 and sum(kind in block for kind in BLOCKS) > 1):
        raise Malformed(where, "must be one block")
    kind = kind_of(block)
    inner, where = block[kind], f"{where}.{kind}"
    if kind == "text":
        expect(inner, str, where)
    elif kind in BLOCKS:
        expect(inner, dict, where)
        for key, wanted in _REQUIRED.get(kind, ()):
            if not isinstance(inner.get(key), wanted):  # paths are put into words only where they are told
                expect(inner.get(key), wanted, f"{where}.{key}")
        for key, wanted in _OPTIONAL.get(kind, ()):
            if inner.get(key) is not None:
                expect(inner[key], wanted, f"{where}.{key}")
        _check_inner(kind, inner, where)


def _check_inner(kind: str, inner: JsonDict, where: str) -> None:
    if kind in ("image", "document", "video", "audio"):
        _check_source(inner["source"], f"{where}.source")
    elif kind in ("toolResult", "searchResult"):
        check_blocks(inner["content"], f"{where}.content")
    elif kind == "reasoningContent":
        for key in ("text", "signature"):
            value = (inner.get("reasoningText") or {}).get(key)
            if value is not None:
                expect(value, str, f"{where}.reasoningText.{key}")
    elif kind == "citationsContent":
        for name in ("content", "citations"):
            for n, item in enumerate(inner.get(name) or ()):
                expect(item, dict, f"{where}.{name}[{n}]")
        for n, item in enumerate(inner.get("content") or ()):
            if item.get("text") is not None:
                expect(item["text"], str, f"{where}.content[{n}].text")
    elif kind == "guardContent":
        text, image = inner.get("text"), inner.get("image")
        if text is not None:
            expect(text.get("text"), str, f"{where}.text.text")
        if image is not None:
            expect(image.get("source"), dict, f"{where}.image.source")
            _check_source(image["source"], f"{where}.image.source")


def _check_source(source: JsonDict, where: str) -> None:
    for key in ("bytes", "text"):
        if source.get(key) is not None:
            expect(source[key], str, f"{where}.{key}")
    if source.get("content") is not None:
        check_blocks(source["content"], f"{where}.content")
    place = source.get("s3Location")
    if place is not None:
        expect(place, dict, f"{where}.s3Location")
        expect(place.get("uri"), str, f"{where}.s3Location.uri")

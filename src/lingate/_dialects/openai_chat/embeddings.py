# Embeddings in OpenAI's format, both directions.

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from operator import itemgetter
from typing import Any

from lingate._dialects._answers import body_failure, malformed, read_object, shown_vector
from lingate._dialects._base import Form
from lingate._dialects._counts import integer
from lingate._dialects._envelope import note, seal
from lingate._dialects._ignorable import note_others_words
from lingate._dialects.openai_chat.face import render
from lingate._dialects.openai_chat.parameters import begin
from lingate._dialects.openai_chat.usage import input_usage
from lingate._dialects.openai_chat.validation import decode_request, fail
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire.shapes import dig, without


def request(call: Call, target: Target) -> HttpRequest:
    sent, wire = begin(call, target, "embeddings", "/embeddings")
    note_others_words(call.body, partial(note, sent))
    given = wire.get("input")
    if isinstance(given, dict):
        wire["input"] = _text_of(given)
    elif isinstance(given, list) and any(isinstance(item, dict) for item in given):
        wire["input"] = list(map(_text_of, given))
    return seal(sent, wire)


def _text_of(item: Any) -> Any:
    # One text of an input in several pieces, as Google's package sends a list; what holds more than text stays.
    parts = dig(item, "parts")
    if not isinstance(parts, list):
        return item
    texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return "".join(texts) if len(texts) == len(parts) else item


def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    target = sent.target
    raw = read_object(sent, head, body)
    data = raw.get("data")
    if not isinstance(data, list):
        raise body_failure(raw, target, headers=head.headers) or malformed(target, "the answer has no embeddings")
    canonical = {**raw, "object": "list", "model": raw.get("model") or target.model}
    # Inputs that a host shares out among its machines come back as they are ready.
    canonical["data"] = sorted((_embedding(item, at, sent) for at, item in enumerate(data)), key=itemgetter("index"))
    canonical["usage"] = input_usage(raw.get("usage") or _added(data))
    return canonical, raw


def _embedding(raw: Any, at: int, sent: HttpRequest) -> JsonDict:
    # `embeddings` are many of one input, as of each of its tokens.
    vector = dig(raw, "embedding") or dig(raw, "embeddings")
    if not isinstance(vector, list | str | dict) or not vector:
        raise malformed(sent.target, f"data[{at}] has no embedding")
    if len(vector) == 1 and isinstance(vector, list) and isinstance(vector[0], list) and "embedding" in raw:
        vector = vector[0]
    index, rest = integer(raw.get("index")), without(raw, ("embeddings",))
    return {
        **rest,
        "object": "embedding",
        "index": at if index is None else index,
        "embedding": shown_vector(vector, sent),
    }


def _added(data: list[Any]) -> JsonDict | None:
    # Tokens that are counted for each vector by itself.
    found = [integer(dig(item, "usage", "prompt_tokens")) for item in data]
    counts = [count for count in found if count is not None]
    return {"total_tokens": sum(counts)} if counts and len(counts) == len(found) else None


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    fields, model = decode_request(body, path_args)
    _check_input(fields.get("input"))
    form = fields.get("encoding_format", "float")
    if form not in ("float", "base64"):
        fail("encoding_format", "expected float or base64")
    dimensions = fields.get("dimensions", 1)
    if type(dimensions) is not int or dimensions < 1:
        fail("dimensions", "expected a whole number above 0")
    return Call("embeddings", model, fields)


def _check_input(given: Any) -> None:
    if isinstance(given, str) and given:
        return
    if not isinstance(given, list) or not given:
        fail("input", "expected text, or a list of texts, token numbers or token lists, that is not empty")
    kind = type(given[0])
    for at, item in enumerate(given):
        if type(item) is not kind or kind not in {str, int, list, dict}:
            fail(f"input[{at}]", "expected text, a token number or a list of token numbers, the same in the whole list")


FORM = Form(request, response, parse_call, render)

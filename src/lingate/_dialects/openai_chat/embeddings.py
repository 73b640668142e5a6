"""Embeddings in OpenAI's format, both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._counts import integer
from lingate._dialects._streamless import Streamless
from lingate._dialects.openai_chat.envelope import seal
from lingate._dialects.openai_chat.face import render
from lingate._dialects.openai_chat.reading import body_failure, decode_object, hidden_error, malformed
from lingate._dialects.openai_chat.usage import canonical_usage
from lingate._dialects.openai_chat.validation import decode_request, fail
from lingate._dialects.openai_chat.whole import begin
from lingate._model import Call, Head, HttpRequest, JsonDict, Target


def request(call: Call, target: Target) -> HttpRequest:
    """Write an embeddings call.

    Raises:
        UnsupportedError: It asks for something the provider cannot express and `drop_params` is off.
    """
    sent, wire = begin(call, target, "embeddings", "/embeddings")
    given = wire.get("input")
    if isinstance(given, dict):
        wire["input"] = _text_of(given)
    elif isinstance(given, list) and any(isinstance(item, dict) for item in given):
        wire["input"] = [_text_of(item) for item in given]
    return seal(sent, wire)


def _text_of(item: Any) -> Any:
    """One text of an input in several pieces, as Google's package sends a list; what holds more than text stays."""
    parts = item.get("parts") if isinstance(item, dict) else None
    if not isinstance(parts, list):
        return item
    texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return "".join(texts) if len(texts) == len(parts) else item


def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    """Read a 2xx answer.

    Raises:
        UpstreamError: The body is an error.
        ProtocolError: The body is not a list of embeddings.
    """
    target = sent.target
    raw = decode_object(body, target)
    error = hidden_error(raw, target, head.headers)
    if error is not None:
        raise error
    data = raw.get("data")
    if not isinstance(data, list):
        raise body_failure(raw, target, headers=head.headers) or malformed(target, "the answer has no embeddings")
    canonical = {**raw, "object": "list", "model": raw.get("model") or target.model}
    canonical["data"] = [_embedding(item, at, target) for at, item in enumerate(data)]
    usage = canonical_usage(raw.get("usage"))
    if usage is not None and "prompt_tokens" not in usage and "total_tokens" in usage:
        usage["prompt_tokens"] = usage["total_tokens"]  # an embedding has no other tokens
    canonical["usage"] = usage
    return canonical, raw


def _embedding(raw: Any, at: int, target: Target) -> JsonDict:
    vector = raw.get("embedding") if isinstance(raw, dict) else None
    if not isinstance(vector, list | str | dict) or not vector:
        raise malformed(target, f"data[{at}] has no embedding")
    index = integer(raw.get("index"))
    return {**raw, "object": "embedding", "index": at if index is None else index}


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    """Read a client's embeddings request.

    Raises:
        BadRequestError: It is not valid; the message says where.
    """
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


class EmbeddingsFormat(Streamless):
    """The `embeddings` operation."""

    request = staticmethod(request)
    response = staticmethod(response)
    parse_call = staticmethod(parse_call)
    render = staticmethod(render)

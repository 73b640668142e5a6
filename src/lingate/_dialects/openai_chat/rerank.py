"""Reranking as hosts of OpenAI's formats serve it, both directions: in Cohere's and Jina's shape, at `/rerank`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._failure import body_failure
from lingate._dialects.openai_chat.envelope import new_request, seal
from lingate._dialects.openai_chat.face import render
from lingate._dialects.openai_chat.parameters import rename_fields, rename_values
from lingate._dialects.openai_chat.ranking import canonical_rerank, check_rerank
from lingate._dialects.openai_chat.reading import hidden_error, malformed
from lingate._dialects.openai_chat.refusals import apply_refusals
from lingate._dialects.openai_chat.validation import decode_request
from lingate._model import Call, Head, HttpRequest, JsonDict, Target
from lingate._wire import json
from lingate.errors import UnsupportedError


def request(call: Call, target: Target) -> HttpRequest:
    """Write a rerank call.

    Raises:
        UnsupportedError: It asks for something the provider cannot express and `drop_params` is off.
    """
    sent = new_request(call, target, "rerank", "/rerank")
    wire = {"model": target.model, **{name: value for name, value in call.body.items() if value is not None}}
    wire.pop("provider_specific_fields", None)
    rename_values(wire, sent)
    apply_refusals(wire, sent)
    rename_fields(wire, sent)
    return seal(sent, wire)


def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    """Read a 2xx answer.

    Returns:
        The canonical response, and the decoded body (a bare list as `{"results": [...]}`).

    Raises:
        UpstreamError: The body is an error.
        ProtocolError: The body is not a list of results.
    """
    target = sent.target
    try:
        raw = json.decode(body)
    except ValueError as error:
        raise malformed(target, f"the answer is {error}") from None
    if isinstance(raw, list):
        raw = {"results": raw}
    if not isinstance(raw, dict):
        raise malformed(target, "the answer is not a list of results")
    hidden = hidden_error(raw, target, head.headers)
    if hidden is None and not any(isinstance(value, list) for value in raw.values()):
        hidden = body_failure(raw, target, headers=head.headers)
    if hidden is not None:
        raise hidden
    wanted = sent.call.body.get("documents") if sent.call.body.get("return_documents") else None
    return canonical_rerank(raw, target, wanted, _counts(raw)), raw


def _counts(raw: JsonDict) -> JsonDict | None:
    """Token counts that stand where Cohere has them, as at SiliconFlow; None where they are in `usage`."""
    meta = raw.get("meta")
    tokens = meta.get("tokens") if isinstance(meta, dict) else raw.get("tokens")
    count = tokens.get("input_tokens") if isinstance(tokens, dict) else None
    if raw.get("usage") or type(count) is not int:
        return None
    return {"prompt_tokens": count, "total_tokens": count}


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    """Read a client's rerank request.

    Raises:
        BadRequestError: It is not valid; the message says where.
    """
    fields, model = decode_request(body, path_args)
    check_rerank(fields)
    return Call("rerank", model, fields)


class RerankFormat:
    """The `rerank` operation."""

    request = staticmethod(request)
    response = staticmethod(response)
    parse_call = staticmethod(parse_call)
    render = staticmethod(render)

    def decoder(self, sent: HttpRequest, head: Head) -> Any:
        raise _no_stream()

    def encoder(self, call: Call) -> Any:
        raise _no_stream()


def _no_stream() -> UnsupportedError:
    return UnsupportedError("rerank has no streams", param="stream")

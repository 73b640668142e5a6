"""Reranking as hosts of OpenAI's formats serve it, both directions: in Cohere's and Jina's shape, at `/rerank`."""

from __future__ import annotations

from collections.abc import Mapping

from lingate._dialects._failure import body_failure
from lingate._dialects._streamless import Streamless
from lingate._dialects.openai_chat.envelope import seal
from lingate._dialects.openai_chat.face import render
from lingate._dialects.openai_chat.ranking import canonical_rerank, check_rerank
from lingate._dialects.openai_chat.reading import decode_list, hidden_error
from lingate._dialects.openai_chat.validation import decode_request
from lingate._dialects.openai_chat.whole import begin
from lingate._model import Call, Head, HttpRequest, JsonDict, Target


def request(call: Call, target: Target) -> HttpRequest:
    """Write a rerank call.

    Raises:
        UnsupportedError: It asks for something the provider cannot express and `drop_params` is off.
    """
    return seal(*begin(call, target, "rerank", "/rerank"))


def response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    """Read a 2xx answer.

    Returns:
        The canonical response, and the decoded body (a bare list as `{"results": [...]}`).

    Raises:
        UpstreamError: The body is an error.
        ProtocolError: The body is not a list of results.
    """
    target = sent.target
    raw = decode_list(body, target, "results", "results")
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


class RerankFormat(Streamless):
    """The `rerank` operation."""

    request = staticmethod(request)
    response = staticmethod(response)
    parse_call = staticmethod(parse_call)
    render = staticmethod(render)

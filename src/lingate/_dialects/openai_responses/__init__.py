# OpenAI's Responses format, both directions: towards an upstream, and as a face of a server.

# `chat` asks for a chat on this wire: what the canonical form has no word for is refused, nothing is
# remembered by the provider. `responses` is the format itself: a request goes out as its client wrote it, and comes back
# with everything that the provider said.

from __future__ import annotations

from functools import partial

from lingate._dialects._answers import decode_object, malformed
from lingate._dialects._base import Dialect, Form, OperationFormat, StreamDecoder, dialect
from lingate._dialects._counts import integer
from lingate._dialects._envelope import join_url, seal
from lingate._dialects.openai_chat.face import render_error
from lingate._dialects.openai_responses.conversation import kept_items
from lingate._dialects.openai_responses.face_request import parse_call
from lingate._dialects.openai_responses.face_response import render_response
from lingate._dialects.openai_responses.face_stream import Encoder
from lingate._dialects.openai_responses.facts import NAME, PATH
from lingate._dialects.openai_responses.request import write_body, write_request
from lingate._dialects.openai_responses.response import failure_of, read_response
from lingate._dialects.openai_responses.stream import stream_decoder
from lingate._model import Call, Head, HttpRequest, JsonDict, Operation, Target
from lingate._wire.json import encode
from lingate._wire.shapes import as_dicts, as_list, dig

_COUNTED = frozenset(
    {
        "conversation",
        "input",
        "instructions",
        "parallel_tool_calls",
        "previous_response_id",
        "reasoning",
        "text",
        "tool_choice",
        "tools",
        "truncation",
    }
)
"""Fields that the path takes; the others do not change the count."""


def count_request(call: Call, target: Target) -> HttpRequest:
    made = write_body(call, target)
    sent = made.sent
    path = target.row.paths.get("count_tokens", target.row.paths.get("responses", PATH) + "/input_tokens")
    sent.url = join_url(target.url, path, target.model)
    sent.answer_tool, sent.stop = None, ()
    body = {name: value for name, value in made.body.items() if name in _COUNTED}
    return seal(sent, {"model": target.model, **body})


def read_count(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    raw = decode_object(body, sent.target)
    if integer(raw.get("input_tokens")) is None:
        raise failure_of(raw, sent.target, head.headers) or malformed(sent.target, "the answer has no input_tokens")
    return dict(raw), raw


def _request(call: Call, target: Target) -> HttpRequest:
    # A host that has functions only is asked by way of its chats for calls with tools for free text, which have those too.
    own = call.operation != "responses" or target.traits.get("custom_tools") or target.row.dialect == NAME
    return (
        write_request(call, target) if own or not _has_free_text(call.body) else _bridge(target).request(call, target)
    )


def _has_free_text(body: JsonDict) -> bool:
    # Codex has such tools in namespaces, and among the items (vllm-project/vllm#49493, router-for-me/CLIProxyAPI#5753).
    tools = as_list(body.get("tools"))
    for message in as_dicts(body.get("messages")):
        for item in as_dicts(kept_items(message)):
            tools = [*tools, *as_list(item.get("tools"))]
    return any(dig(one, "type") == "custom" for tool in tools for one in (tool, *as_list(dig(tool, "tools"))))


def _bridge(target: Target) -> OperationFormat:
    from lingate._dialects.openai_responses.bridge import Bridge

    return Bridge(dialect(target.row.dialect).operation("chat", target.row.name))


def _response(sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
    return _bridge(sent.target).response(sent, head, body) if sent.free_text else read_response(sent, head, body)


def _decoder(sent: HttpRequest, head: Head) -> StreamDecoder:
    return _bridge(sent.target).decoder(sent, head) if sent.free_text else stream_decoder(sent, head)


def _form(operation: Operation) -> Form:
    return Form(_request, _response, partial(parse_call, operation=operation), render_response, _decoder, Encoder)


DIALECT = Dialect(
    name=NAME,
    operations={
        "chat": _form("chat"),
        "responses": _form("responses"),
        "count_tokens": Form(
            count_request,
            read_count,
            partial(parse_call, operation="count_tokens"),
            lambda response: encode(
                {"object": "response.input_tokens", "input_tokens": response.get("input_tokens", 0)}
            ),
        ),
    },
    render_error=render_error,
)

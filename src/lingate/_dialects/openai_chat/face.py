"""This format as a server speaks it: clients' requests in, canonical responses and events out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._faults import openai_error
from lingate._dialects.openai_chat.chunks import ChunkBuilder
from lingate._dialects.openai_chat.mixed import nest_tools, response_call
from lingate._dialects.openai_chat.validation import check_chat, decode_request, flag
from lingate._model import Call, Event, JsonDict, Start, Text, Usage
from lingate._wire import json
from lingate.errors import LingateError

_TEXT_END = b'},"finish_reason":null}]}\n\n'


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    """Read a client's chat request. A model in the path stands in for one in the body.

    Raises:
        BadRequestError: It is not valid; the message says where.
    """
    fields, model = decode_request(body, path_args)
    if "input" in fields and not fields.get("messages"):
        return response_call(fields, model, stream=flag(fields, "stream"))
    if "tools" in fields:
        nest_tools(fields)
    check_chat(fields)
    fields["messages"] = [_numberless(message) for message in fields["messages"]]
    return Call("chat", model, fields, stream=flag(fields, "stream"))


def _numberless(message: JsonDict) -> JsonDict:
    """The message without the numbers of thinking blocks, by which a client added a stream up: no provider knows them."""
    blocks = message.get("thinking_blocks")
    if not isinstance(blocks, list):
        return message
    return {**message, "thinking_blocks": [_without_number(block) for block in blocks]}


def _without_number(block: Any) -> Any:
    return {name: value for name, value in block.items() if name != "index"} if isinstance(block, dict) else block


def render(response: JsonDict) -> bytes:
    """Write a canonical response."""
    return json.encode(response)


def render_error(error: LingateError) -> tuple[int, bytes]:
    """Status and body of an error."""
    status, body = openai_error(error)
    return status, json.encode(body)


class ChunkEncoder:
    """Writes events as server-sent chunks.

    Args:
        call: The client's call; usage is sent only if its `stream_options` ask for it.
    """

    content_type = "text/event-stream"

    __slots__ = ("_asked", "_builder", "_text_start", "_usage")

    def __init__(self, call: Call) -> None:
        options = call.body.get("stream_options")
        self._builder = ChunkBuilder(include_usage=False)
        self._asked = isinstance(options, dict) and options.get("include_usage") is True
        self._usage: JsonDict | None = None
        self._text_start = b""

    def event(self, event: Event) -> bytes:
        if type(event) is Text and event.choice == 0 and self._text_start and event.logprobs is None:
            return self._text_start + json.encode(event.text) + _TEXT_END
        if type(event) is Usage:
            self._usage = event.usage  # reported often by some, sent once: last
            return b""
        chunk = self._builder.chunk(event)
        if type(event) is Start:
            self._text_start = self._prepare()
        return b"" if chunk is None else b"data: " + json.encode(chunk) + b"\n\n"

    def end(self) -> bytes:
        last = self._builder.end()
        if self._asked and self._usage is not None:
            last = {**(last or self._builder.closing()), "usage": self._usage}
        return (b"" if last is None else b"data: " + json.encode(last) + b"\n\n") + b"data: [DONE]\n\n"

    def error(self, error: LingateError) -> bytes:
        return b"data: " + render_error(error)[1] + b"\n\n"

    def _prepare(self) -> bytes:
        """What stands before the text in a text chunk: it is the same in all of them, so it is encoded once."""
        chunk: Any = self._builder.chunk(Text(""))
        return b"data: " + json.encode(chunk).removesuffix(b'""' + _TEXT_END[:-2])

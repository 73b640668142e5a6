# This format as a server speaks it: clients' requests in, canonical responses and events out.

# Cursor and others send chat requests that are written in part as the Responses API is, and Cursor blocks of Anthropic's for
# calls and results where the model's name has Claude in it: https://github.com/BerriAI/litellm/issues/21380,
# https://github.com/router-for-me/CLIProxyAPI/issues/3805.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._check import Malformed
from lingate._dialects._chunks import ChunkBuilder
from lingate._dialects._face_errors import openai_error
from lingate._dialects.openai_chat.validation import check_messages, check_parameters, decode_request, fail, flag
from lingate._model import Annotations, Call, Event, JsonDict, Start, Text, Usage
from lingate._wire import json
from lingate._wire.plain import is_plain_chat
from lingate._wire.shapes import as_dict, as_list, dig, not_null, without
from lingate.errors import BadRequestError, LingateError

_WORDS = ("name", "description", "parameters", "strict", "format")
"""What the chat format has one level deeper in a tool."""

_BLOCKS = {"user": ("tool_result",), "assistant": ("text", "tool_use")}


def response_call(fields: JsonDict, model: str, *, stream: bool) -> Call:
    # A request with `input` instead of `messages`: a call for a response, which its client reads as a chat's answer.
    # Raises BadRequestError: it is not valid; the message says where.
    from lingate._dialects.openai_responses.face_request import canonical_body  # of a format that is built on this one

    options = fields.pop("stream_options", None)
    fields.pop("messages", None)
    try:
        body = canonical_body(fields)
    except Malformed as flaw:
        raise BadRequestError(str(flaw)) from None
    if isinstance(options, dict) and options.get("include_usage") is True:
        body["stream_options"] = {"include_usage": True}
    return Call("responses", model, body, stream=stream)


def nest_tools(fields: JsonDict) -> None:
    # Write tools, and the choice of one, as chats have them where they are written flat.
    tools = fields.get("tools")
    if isinstance(tools, list) and any(map(_is_flat, tools)):
        fields["tools"] = [nested(tool) if _is_flat(tool) else tool for tool in tools]
    choice = fields.get("tool_choice")
    if not isinstance(choice, dict):
        return
    if choice.get("type") in ("function", "custom") and _is_flat(choice):
        fields["tool_choice"] = {"type": choice["type"], choice["type"]: {"name": choice["name"]}}
    elif choice.get("type") == "tool" and isinstance(choice.get("name"), str):
        fields["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    elif choice.keys() == {"type"} and choice["type"] in ("auto", "none", "required", "any"):
        fields["tool_choice"] = "required" if choice["type"] == "any" else choice["type"]


def _is_flat(tool: Any) -> bool:
    if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
        return False
    kind = tool.get("type", "function")
    return kind in ("function", "custom") and kind not in tool


def nested(tool: JsonDict) -> JsonDict:
    kind = tool.get("type", "function")
    words = {name: tool[name] for name in _WORDS if tool.get(name) is not None}
    if "input_schema" in tool and "parameters" not in words:
        words["parameters"] = tool["input_schema"]  # Anthropic's word for them
    form = words.get("format")
    if isinstance(form, dict) and form.get("type") == "grammar" and "grammar" not in form:
        words["format"] = {"type": "grammar", "grammar": without(form, ("type",))}
    rest = not_null(tool, (*_WORDS, "type", "input_schema"))
    return {"type": kind, kind: words, **rest}


_COUNTS = {"prompt_tokens", "completion_tokens", "total_tokens"}
_TEXT_END = b'},"finish_reason":null}]}\n\n'


def parse_call(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a client's chat request.
    # A model in the path stands in for one in the body.
    fields, model = decode_request(body, path_args)
    if "input" in fields and not fields.get("messages"):
        return response_call(fields, model, stream=flag(fields, "stream"))
    if "tools" in fields:
        nest_tools(fields)
    messages: Any = fields.get("messages")
    texts = messages if is_plain_chat(messages) else None
    if texts is None:
        check_messages(messages)
        if any(map(_has_blocks, messages)):
            messages = _without_blocks(messages)
        fields["messages"] = list(map(_numberless, messages))
    check_parameters(fields)
    return Call("chat", model, fields, flag(fields, "stream"), texts=texts)


def _numberless(message: JsonDict) -> JsonDict:
    # The message without the numbers of thinking blocks, by which a client added a stream up: no provider knows them.
    blocks = message.get("thinking_blocks")
    if not isinstance(blocks, list):
        return message
    return {**message, "thinking_blocks": list(map(_without_number, blocks))}


def _without_number(block: Any) -> Any:
    return without(block, ("index",)) if isinstance(block, dict) else block


def render(response: JsonDict) -> bytes:
    return json.encode(response)


def render_chat(response: JsonDict) -> bytes:
    usage, choices = response.get("usage"), response.get("choices")
    if isinstance(choices, list):
        response = {**response, "choices": list(map(_files_apart, choices))}
    return json.encode({**response, "usage": _whole(usage)} if isinstance(usage, dict) else response)


_FILES = ("file_citation", "container_file_citation", "file_path")


def _files_apart(choice: JsonDict) -> JsonDict:
    # With files that are cited beside the pages: for anything else among these Vercel's AI SDK refuses an answer.
    name = "delta" if "delta" in choice else "message"
    notes: tuple[list[Any], list[Any]] = [], []
    for note in as_list(dig(choice, name, "annotations")):
        notes[dig(note, "type") in _FILES].append(note)
    if not notes[1]:
        return choice
    fields = {**as_dict(choice[name].get("provider_specific_fields")), "annotations": notes[1]}
    return {**choice, name: {**choice[name], "annotations": notes[0], "provider_specific_fields": fields}}


def _whole(usage: JsonDict) -> JsonDict | None:
    # The counts, if there are any. Those that the format requires are 0 where nobody said.
    if usage.keys() >= _COUNTS or not usage:
        return usage or None
    counts = {**dict.fromkeys(_COUNTS, 0), **not_null(usage)}
    return {**counts, "total_tokens": usage.get("total_tokens", counts["prompt_tokens"] + counts["completion_tokens"])}


def render_error(error: LingateError) -> tuple[int, bytes]:
    status, body = openai_error(error)
    return status, json.encode(body)


class ChunkEncoder:
    # `call`: the client's call; usage is sent only if its `stream_options` ask for it.

    content_type = "text/event-stream"

    __slots__ = ("_asked", "_builder", "_text_start", "_usage")

    def __init__(self, call: Call) -> None:
        options = call.body.get("stream_options")
        self._builder = ChunkBuilder(include_usage=False)
        self._asked = isinstance(options, dict) and options.get("include_usage") is True
        self._usage: JsonDict | None = None
        self._text_start: bytes | None = None  # empty until it is needed, None before the stream has begun

    def event(self, event: Event) -> bytes:
        if type(event) is Text and event.choice == 0 and self._text_start is not None and event.logprobs is None:
            if not self._text_start:
                self._text_start = self._before_text()
            return self._text_start + json.encode(event.text) + _TEXT_END
        if type(event) is Usage:
            self._usage = event.usage  # reported often by some, sent once: last
            return b""
        chunk = self._builder.chunk(event)
        if type(event) is Start:
            self._text_start = b""
        elif type(event) is Annotations and chunk is not None:
            chunk["choices"] = list(map(_files_apart, chunk["choices"]))
        return b"" if chunk is None else b"data: " + json.encode(chunk) + b"\n\n"

    def end(self) -> bytes:
        last = self._builder.end()
        if self._asked and self._usage is not None:
            last = {**(last or self._builder.closing()), "usage": _whole(self._usage)}
        return (b"" if last is None else b"data: " + json.encode(last) + b"\n\n") + b"data: [DONE]\n\n"

    def error(self, error: LingateError) -> bytes:
        return b"data: " + render_error(error)[1] + b"\n\n"

    def _before_text(self) -> bytes:
        # What stands before the text in a text chunk: it is the same in all of them, so it is encoded once.
        return b"data: " + json.encode(self._builder.of_text("", 0)).removesuffix(b'""' + _TEXT_END[:-2])


def _has_blocks(message: JsonDict) -> bool:
    # Whether a checked message holds such blocks, in the role that they belong to.
    content, kinds = message.get("content"), _BLOCKS.get(message["role"])
    return kinds is not None and isinstance(content, list) and any(dig(part, "type") == kinds[-1] for part in content)


def _without_blocks(messages: list[JsonDict]) -> list[JsonDict]:
    # The messages as chats have them: calls beside the text, results in messages of their own, ahead of the rest.
    # Raises BadRequestError: a block is not valid.
    out: list[JsonDict] = []
    for n, message in enumerate(messages):
        if _has_blocks(message):
            try:
                out += _unblocked(message, f"messages[{n}].content")
            except Malformed as flaw:
                fail(flaw.where, flaw.why)
        else:
            out.append(message)
    return out


def _unblocked(message: JsonDict, where: str) -> list[JsonDict]:
    from lingate._dialects.anthropic.blocks import check_blocks  # of a format that is built on this one
    from lingate._dialects.anthropic.face_request import assistant_messages, user_messages

    kinds = _BLOCKS[message["role"]]
    blocks = [part for part in message["content"] if part["type"] in kinds]
    rest: list[Any] = [part for part in message["content"] if part["type"] not in kinds]
    check_blocks(blocks, where)
    if message["role"] == "user":
        return [*user_messages(blocks), *([{**message, "content": rest}] if rest else [])]
    if rest:
        fail(where, f"a part of type {rest[0]['type']!r:.60} does not go with tool_use")
    (made,) = assistant_messages(blocks)
    return [{**message, **made, "tool_calls": [*as_list(message.get("tool_calls")), *made["tool_calls"]]}]

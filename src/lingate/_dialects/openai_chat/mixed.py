"""Chat requests that are written in part as the Responses API is. Cursor and others send them to whatever takes chats."""

from __future__ import annotations

from typing import Any

from lingate._dialects._check import Malformed
from lingate._model import Call, JsonDict
from lingate.errors import BadRequestError

_WORDS = ("name", "description", "parameters", "strict", "format")
"""What the chat format has one level deeper in a tool."""


def response_call(fields: JsonDict, model: str, *, stream: bool) -> Call:
    """A request with `input` instead of `messages`: a call for a response, which its client reads as a chat's answer.

    Raises:
        BadRequestError: It is not valid; the message says where.
    """
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
    """Write tools, and the choice of one, as chats have them where they are written flat."""
    tools = fields.get("tools")
    if isinstance(tools, list) and any(map(_is_flat, tools)):
        fields["tools"] = [_nested(tool) if _is_flat(tool) else tool for tool in tools]
    choice = fields.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("function", "custom") and _is_flat(choice):
        fields["tool_choice"] = {"type": choice["type"], choice["type"]: {"name": choice["name"]}}


def _is_flat(tool: Any) -> bool:
    if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
        return False
    kind = tool.get("type", "function")
    return kind in ("function", "custom") and kind not in tool


def _nested(tool: JsonDict) -> JsonDict:
    kind = tool.get("type", "function")
    words = {name: tool[name] for name in _WORDS if tool.get(name) is not None}
    if "input_schema" in tool and "parameters" not in words:
        words["parameters"] = tool["input_schema"]  # Anthropic's word for them
    form = words.get("format")
    if isinstance(form, dict) and form.get("type") == "grammar" and "grammar" not in form:
        words["format"] = {"type": "grammar", "grammar": {name: form[name] for name in form if name != "type"}}
    rest = {name: value for name, value in tool.items() if name not in (*_WORDS, "type", "input_schema")}
    return {"type": kind, kind: words, **rest}

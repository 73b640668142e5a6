"""Structured output: a JSON schema asked for in the way the provider has."""

from __future__ import annotations

import re
from typing import Any

from lingate._dialects.openai_chat.envelope import refuse
from lingate._dialects.openai_chat.messages import add_system_text
from lingate._model import HttpRequest, JsonDict
from lingate._wire import json

_JSON_ONLY = "Answer with one JSON object and nothing else: no code fence, no explanation."
_BY_SCHEMA = (
    "Answer with one JSON value that is valid under this JSON schema, and nothing else: no code fence, no explanation."
)
_TOOL_NAME = "answer"


def write_response_format(wire: JsonDict, sent: HttpRequest) -> None:
    """Translate `response_format` for targets without native JSON schemas.

    With a forced tool, the tool's name goes to `sent.answer_tool`: its arguments are the content of the answer.

    Raises:
        UnsupportedError: The provider has nothing of the kind and `drop_params` is off.
    """
    form = wire.get("response_format")
    way = sent.target.traits.get("structured", "json_schema")
    if not isinstance(form, dict) or way == "json_schema":
        return
    kind = form.get("type")
    if kind not in ("json_schema", "json_object"):
        if kind == "text":
            del wire["response_format"]
        return
    if way == "none":
        refuse(sent, "response_format")
        del wire["response_format"]
    elif way == "tool":
        _by_tool(wire, sent, form)
    elif kind == "json_schema":
        wire["response_format"] = {"type": "json_object"}
        wire["messages"] = add_system_text(wire.get("messages"), _instruction(form))


def _by_tool(wire: JsonDict, sent: HttpRequest, form: JsonDict) -> None:
    del wire["response_format"]
    schema, name, description = _parts(form)
    if schema is None:
        # Without a schema a forced tool would be called with nothing in it.
        wire["messages"] = add_system_text(wire.get("messages"), _JSON_ONLY)
        return
    tools = list(wire.get("tools") or ())
    taken = [
        tool["function"].get("name")
        for tool in tools
        if isinstance(tool, dict) and isinstance(tool.get("function"), dict)
    ]
    while name in taken:
        name += "_"
    function = {"name": name, "description": description, "parameters": schema}
    # With tools of the caller's own the model must be able to call them first; it still may not answer in prose.
    wire["tool_choice"] = "required" if tools else {"type": "function", "function": {"name": name}}
    wire["tools"] = [*tools, {"type": "function", "function": function}]
    sent.answer_tool = name


def _parts(form: JsonDict) -> tuple[Any, str, str]:
    """Schema, name and description; the schema is None where there is none."""
    given = form.get("json_schema")
    if not isinstance(given, dict):
        return None, _TOOL_NAME, ""
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", str(given.get("name") or _TOOL_NAME))[:60]
    description = given.get("description") or "Give the final answer by calling this tool."
    return given.get("schema"), name, str(description)


def _instruction(form: JsonDict) -> str:
    schema, _, _ = _parts(form)
    return _JSON_ONLY if schema is None else f"{_BY_SCHEMA}\n{json.encode_str(schema)}"

# Tools whose input is free text, in formats whose tools are functions: each goes out as a function of one argument.

# Codex's `apply_patch` is one. Source: the `custom` tool of
# https://developers.openai.com/api/reference/resources/chat/subresources/completions/methods/create.

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lingate._dialects._adapted import Adapted, AdaptedDecoder, with_calls, with_its_calls
from lingate._dialects._base import StreamDecoder
from lingate._dialects._draft import Draft, asked_of
from lingate._dialects._tool_arguments import TEXT, called
from lingate._model import Call, Event, Finish, Head, HttpRequest, JsonDict, Target, ToolArgs, ToolStart, replaced
from lingate._wire.json import decode, encode_str
from lingate._wire.shapes import as_dict, as_list, dig, without


class FunctionsOnly(Adapted):
    # An operation of a format that has no tools for free text, and may have no word for one tool call at a time.

    def _request(self, call: Call, target: Target) -> HttpRequest:
        tools = call.body.get("tools")
        if not tools or not any(map(_takes_text, as_list(tools))):
            return self._inside.request(call, target)
        return as_functions(self._inside.request, call, target)

    def _response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        canonical, raw = self._inside.response(sent, head, body)
        if sent.free_text and "choices" in canonical:
            canonical = answered(canonical, sent.free_text)
        if sent.one_call:
            for choice in canonical.get("choices") or ():
                del (choice["message"].get("tool_calls") or [])[1:]
        return canonical, raw

    def _decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        made = self._inside.decoder(sent, head)
        if sent.one_call:
            made = AdaptedDecoder(made, _first_calls)
        return told(made, sent.free_text) if sent.free_text else made


def as_functions(request: Callable[[Call, Target], HttpRequest], call: Call, target: Target) -> HttpRequest:
    # The request for a call, with functions in the place of such tools.
    # Raises UnsupportedError: one has a grammar, and `drop_params` is off.
    made = Draft(call, target, asked_of(call), {})
    names = _write_functions(made)
    made.asked["messages"] = [with_its_calls(one, _as_function) for one in as_list(made.asked.get("messages"))]
    sent = request(replaced(call, body=made.asked, texts=None), target)
    sent.call, sent.free_text = call, names
    sent.dropped[:0] = made.dropped
    return sent


def answered(response: JsonDict, names: tuple[str, ...]) -> JsonDict:
    # A canonical response with calls of such tools where their functions were called.
    return with_calls(response, lambda call: _call(call, names))


def told(decoder: StreamDecoder, names: tuple[str, ...]) -> StreamDecoder:
    # The same of a stream.
    return AdaptedDecoder(decoder, _Texts(names).retold)


def _as_function(call: Any) -> Any:
    if not _takes_text(call):
        return call
    words = called(call)
    function = {**words, "arguments": encode_str(words["arguments"])}
    return {**without(call, ("custom",)), "type": "function", "function": function}


def _first_calls(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, ToolStart | ToolArgs) or event.tool == 0]


def _takes_text(tool: Any) -> bool:
    # Anthropic's own functions may say that they are of this type too.
    return dig(tool, "type") == "custom" and isinstance(dig(tool, "custom"), dict)


def _write_functions(made: Draft) -> tuple[str, ...]:
    tools, names = [], []
    for n, tool in enumerate(made.objects("tools")):
        if _takes_text(tool):
            tool = _function(tool, f"tools[{n}]", made)
            names.append(tool["function"]["name"])
        tools.append(tool)
    made.asked["tools"] = tools
    choice = made.asked.get("tool_choice")
    if isinstance(choice, dict):
        made.asked["tool_choice"] = _chosen(choice)
    return tuple(names)


def _function(tool: JsonDict, where: str, made: Draft) -> JsonDict:
    words = tool["custom"]
    if not isinstance(words.get("name"), str):
        raise made.broken(f"{where}.custom.name", "must be a string")
    told = words.get("description") or ""
    grammar = as_dict(dig(words, "format", "grammar"))
    if grammar:
        made.refuse(f"{where}.custom.format", "a grammar can only be told to the model, not enforced")
        rule = f"The {TEXT} must match this {grammar.get('syntax')} grammar:\n{grammar.get('definition')}"
        told = f"{told}\n\n{rule}" if told else rule
    schema = {"type": "object", "properties": {TEXT: {"type": "string"}}, "required": [TEXT]}
    function = {"name": words["name"], **({"description": told} if told else {}), "parameters": schema}
    return {**without(tool, ("custom",)), "type": "function", "function": function}


def _chosen(choice: JsonDict) -> JsonDict:
    # A choice among tools, or a part of one, in which all are functions.
    words = choice.get("custom")
    if choice.get("type") == "custom" and isinstance(words, dict):
        return {"type": "function", "function": words}
    inner = choice.get("allowed_tools")
    if isinstance(inner, dict):
        tools = [_chosen(tool) if isinstance(tool, dict) else tool for tool in as_list(inner.get("tools"))]
        return {**choice, "allowed_tools": {**inner, "tools": tools}}
    return choice


def _call(call: JsonDict, names: tuple[str, ...]) -> JsonDict:
    function = call.get("function") or {}
    if function.get("name") not in names:
        return call
    words = {"name": function["name"], "input": _text(function.get("arguments") or "")}
    return {**without(call, ("function",)), "type": "custom", "custom": words}


def _text(arguments: str) -> str:
    # The one argument. Where there is none, what the model wrote: whoever runs the tool must see that.
    try:
        found = decode(arguments)
    except ValueError:
        return arguments
    text = dig(found, TEXT)
    return text if isinstance(text, str) else arguments


class _Texts:
    # What one stream's calls of such tools are given. It is held back until its call is whole: it is inside of JSON.

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._held: dict[tuple[int, int], list[str]] = {}

    def retold(self, events: list[Event]) -> list[Event]:
        # The events with calls of those tools, and their texts where the calls are whole.
        told: list[Event] = []
        for event in events:
            if isinstance(event, ToolArgs) and (event.choice, event.tool) in self._held:
                self._held[event.choice, event.tool].append(event.text)
                continue
            if isinstance(event, ToolStart) and event.name in self._names:
                event = replaced(event, kind="custom")
                self._held[event.choice, event.tool] = []
            elif isinstance(event, Finish):
                told += self._whole(event.choice)
            told.append(event)
        return told

    def _whole(self, choice: int) -> list[Event]:
        ended = [place for place in self._held if place[0] == choice]
        return [ToolArgs(tool, _text("".join(self._held.pop((at, tool)))), at) for at, tool in ended]

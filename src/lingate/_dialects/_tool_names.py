# Names of tools that are too long for a model's host, or have letters it refuses: they go out as others and come back.

# A coding agent's tools of its servers have names of up to 128 characters at Anthropic; most others take 64.

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from zlib import crc32

from lingate._dialects._adapted import Adapted, AdaptedDecoder, with_calls, with_its_calls
from lingate._dialects._base import StreamDecoder
from lingate._model import Call, Event, Head, HttpRequest, JsonDict, Target, ToolStart, replaced
from lingate._wire.shapes import as_list

_LONGEST = 64
_OTHERS = re.compile(r"[^a-zA-Z0-9_-]|^[0-9-]")
_KINDS = ("function", "custom")


class ShortNames(Adapted):
    # An operation at whose hosts the trait `tool_names` says which names are taken.

    def _request(self, call: Call, target: Target) -> HttpRequest:
        taken = target.traits.get("tool_names") if call.body.get("tools") else None
        if taken is None:
            return self._inside.request(call, target)
        others = {name: _taken(name) for name in set(_names(call.body)) if not re.fullmatch(taken, name)}
        if not others:
            return self._inside.request(call, target)
        sent = self._inside.request(replaced(call, body=_with_names(call.body, others), texts=None), target)
        sent.call, sent.renamed = call, {other: name for name, other in others.items()}
        return sent

    def _response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        canonical, raw = self._inside.response(sent, head, body)
        return (self._answered(canonical, sent) if sent.renamed and "choices" in canonical else canonical), raw

    def _decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        made = self._inside.decoder(sent, head)
        return self._told(made, sent) if sent.renamed else made

    def _answered(self, canonical: JsonDict, sent: HttpRequest) -> JsonDict:
        return with_calls(canonical, lambda call: _named(call, sent.renamed or {}))

    def _told(self, decoder: StreamDecoder, sent: HttpRequest) -> StreamDecoder:
        return AdaptedDecoder(decoder, lambda events: _retold(events, sent.renamed or {}))


class ToolsOfText(ShortNames):
    # Chats, at hosts of which few have tools for free text, as the trait `custom_tools` says.

    def _request(self, call: Call, target: Target) -> HttpRequest:
        tools = call.body.get("tools")
        if not tools:
            return self._inside.request(call, target)
        kinds = [tool.get("type") for tool in as_list(tools) if type(tool) is dict]
        if "custom" not in kinds or target.traits.get("custom_tools"):
            return super()._request(call, target)
        from lingate._dialects._free_text import as_functions  # few callers have such tools

        sent = as_functions(super()._request, call, target)
        sent.renamed = sent.renamed or {name: name for name in sent.free_text}  # so that the answer is looked at
        return sent

    def _answered(self, canonical: JsonDict, sent: HttpRequest) -> JsonDict:
        canonical = super()._answered(canonical, sent)
        if not sent.free_text:
            return canonical
        from lingate._dialects._free_text import answered

        return answered(canonical, sent.free_text)

    def _told(self, decoder: StreamDecoder, sent: HttpRequest) -> StreamDecoder:
        decoder = super()._told(decoder, sent)
        if not sent.free_text:
            return decoder
        from lingate._dialects._free_text import told

        return told(decoder, sent.free_text)


def _names(body: JsonDict) -> Iterator[str]:
    # The names of the tools, and of those that the conversation calls: a model may have called one that there is not.
    items = list(as_list(body.get("tools")))
    for message in as_list(body.get("messages")):
        if isinstance(message, dict) and (calls := message.get("tool_calls")):
            items += as_list(calls)
    for item in items:
        words = (item.get("function") or item.get("custom")) if isinstance(item, dict) else None
        name = words.get("name") if isinstance(words, dict) else None
        if isinstance(name, str) and name:
            yield name


def _taken(name: str) -> str:
    end = f"_{crc32(name.encode('utf-8', 'replace')):08x}"
    return _OTHERS.sub("_", name)[: _LONGEST - len(end)] + end


def _with_names(body: JsonDict, names: Mapping[str, str]) -> JsonDict:
    made = {**body, "tools": [_named(tool, names) for tool in as_list(body.get("tools"))]}
    messages = body.get("messages")
    if isinstance(messages, list):
        made["messages"] = [with_its_calls(message, lambda call: _named(call, names)) for message in messages]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        made["tool_choice"] = _named(choice, names)
        allowed = choice.get("allowed_tools")
        if isinstance(allowed, dict):
            tools = [_named(tool, names) for tool in as_list(allowed.get("tools"))]
            made["tool_choice"]["allowed_tools"] = {**allowed, "tools": tools}
    return made


def _named(holder: Any, names: Mapping[str, str]) -> Any:
    # A tool, a call or a choice with the other name.
    if not isinstance(holder, dict):
        return holder
    made = dict(holder)
    for kind in _KINDS:
        words = holder.get(kind)
        if isinstance(words, dict) and words.get("name") in names:
            made[kind] = {**words, "name": names[words["name"]]}
    return made


def _retold(events: list[Event], names: Mapping[str, str]) -> list[Event]:
    return [
        replaced(event, name=names[event.name]) if type(event) is ToolStart and event.name in names else event
        for event in events
    ]


def fitted_id(given: str, taken: str) -> str:
    # The id of a tool's call as a provider takes it, which says so by a pattern: nine letters and digits are right for all.
    return given if re.fullmatch(taken, given) else f"c{crc32(given.encode('utf-8', 'replace')):08x}"

# A call of the `responses` operation on a provider that has no such thing: it goes out as a chat.

# What only a server that remembers can do is refused; what makes no difference to the answer is left out and reported.

from __future__ import annotations

from typing import Any

from lingate._dialects._adapted import Adapted, AdaptedDecoder
from lingate._dialects._base import StreamDecoder
from lingate._dialects._check import Malformed
from lingate._dialects._draft import Draft, asked_of
from lingate._dialects.openai_responses.conversation import kept_items
from lingate._dialects.openai_responses.draft import native_fields
from lingate._dialects.openai_responses.face_response import with_echo
from lingate._dialects.openai_responses.facts import (
    BUILT_IN_TOOLS,
    BYGONE_ITEMS,
    CANONICAL_ITEMS,
    ENCRYPTED,
    LOGPROBS,
    NAME,
    SEARCH_TOOLS,
)
from lingate._dialects.openai_responses.items import kind_of
from lingate._dialects.openai_responses.spaces import (
    BRINGING,
    all_tools,
    spaced,
    spread,
    with_flat_choice,
    with_flat_names,
    with_spaces,
)
from lingate._dialects.openai_responses.tools import search_options
from lingate._model import Call, Head, HttpRequest, JsonDict, Target, replaced
from lingate._wire.shapes import as_list, dig, without
from lingate.errors import UnsupportedError

_REMEMBERED = ("previous_response_id", "conversation", "prompt", "background", "moderation", "context_management")
"""Fields without which the answer would be to something else, or not be what was asked for."""

_CONVERSATIONS = ("previous_response_id", "conversation")
"""Those of them that stand for what was said before: without it the answer would be to a fragment, which no `drop_params` can
mean. Clients send the whole conversation when they are told that nothing is kept (VS Code's, by the error's code)."""
_KEPT = "the provider has no Responses API, so nothing is kept there: send the whole conversation"

_WHY_NOT = {"item_reference": "nothing is kept under its id: send the item itself, as packages do with `store: false`"}

_IDLE = (
    *("access_programs", "background_options", "client_metadata", "image", "max_tool_calls", "metadata"),
    *("prompt_cache_options", "store", "truncation"),
)
"""Fields that say how the provider keeps, cuts or counts, or who asks (Codex, every time); chats do without."""

_OWN_FIELDS = ("allowed_callers", "async", "defer_loading", "output_schema")
"""Fields of a function among the tools for tools of this format alone: its search for tools, its runner of programs."""
_BY_DEFAULT = (None, False, ["direct"])

_SEARCH_FIELDS = ("type", "user_location", "search_context_size", "filters")


class Bridge(Adapted):
    # The `responses` operation by way of another format's `chat`.

    def _request(self, call: Call, target: Target) -> HttpRequest:
        body, dropped = chat_body(call, target)
        sent = self._inside.request(replaced(call, operation="chat", body=body), target)
        sent.call = call
        sent.dropped.extend(what for what in dropped if what not in sent.dropped)
        return sent

    def _response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        canonical, raw = self._inside.response(sent, head, body)
        names = spread(all_tools(sent.call.body))[1]
        return with_echo(with_spaces(canonical, names) if names else canonical, sent.call), raw

    def _decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        made = self._inside.decoder(sent, head)
        names = spread(all_tools(sent.call.body))[1]
        return AdaptedDecoder(made, lambda events: spaced(events, names)) if names else made


def chat_body(call: Call, target: Target) -> tuple[JsonDict, list[str]]:
    # The body of a chat that asks for the same, and what it had to leave out.
    made = Draft(call, target, asked_of(call), {})
    body = made.asked
    for name in _REMEMBERED:
        if not body.pop(name, None):
            continue
        if name in _CONVERSATIONS:
            raise UnsupportedError(f"{name} is not supported: {_KEPT}", param=name, provider=target.provider)
        made.refuse(name, "only the Responses API has it")
    for name in _IDLE:
        if body.pop(name, None) not in (None, False, "disabled"):
            made.note(name)
    _note_lost(native_fields(body), made)
    _without_native(body)
    try:
        given = all_tools(body)
        tools, names = spread(given)
    except Malformed as flaw:
        raise made.broken(flaw.where, flaw.why) from None
    for n, tool in enumerate(given):
        if tool.get("type") == "namespace":
            made.note_others(tool, ("type", "name", "tools"), f"tools[{n}]")
    if tools:
        body["tools"] = tools
        if names and "tool_choice" in body:
            body["tool_choice"] = with_flat_choice(body["tool_choice"], tools, names)
    body["messages"] = _messages(body["messages"], made)
    if "tools" in body:
        _write_tools(body, made)
    if not body["messages"]:
        raise made.broken("input", "is empty: a chat needs a message")
    return body, made.dropped


def _note_lost(native: JsonDict, made: Draft) -> None:
    for field, known in (("reasoning", ("effort", "summary")), ("stream_options", ("include_obfuscation",))):
        given = native.get(field)
        for name in given if isinstance(given, dict) else ():
            if name not in known:
                made.note(f"{field}.{name}")
    for word in as_list(native.get("include")):
        if word not in (ENCRYPTED, LOGPROBS):
            made.note(f"include ({word})")


def _without_native(holder: JsonDict) -> None:
    # Take this format's own part off a body or a message.
    fields = holder.get("provider_specific_fields")
    if isinstance(fields, dict) and NAME in fields:
        rest = without(fields, (NAME,))
        if rest:
            holder["provider_specific_fields"] = rest
        else:
            del holder["provider_specific_fields"]


def _messages(messages: list[JsonDict], made: Draft) -> list[JsonDict]:
    kept: list[JsonDict] = []
    for n, message in enumerate(messages):
        message = dict(with_flat_names(message))
        strange = {kind_of(item) for item in kept_items(message) or ()} - CANONICAL_ITEMS
        bringing = BRINGING in strange
        strange -= {BRINGING, "agent_message" if message.get("content") else ""}
        for kind in sorted(strange):
            if kind in BYGONE_ITEMS:
                made.note(f"messages[{n}] ({kind})")
            else:
                made.refuse(f"messages[{n}] ({kind})", _WHY_NOT.get(kind, "only the Responses API knows such items"))
        _without_native(message)
        if not (strange or bringing) or message.get("content") or message.get("tool_calls") or message.get("refusal"):
            kept.append(message)
    return _results_beside_calls(kept)


def _results_beside_calls(messages: list[JsonDict]) -> list[JsonDict]:
    # Chats want results right behind their calls. Here turns may stand between them: Codex puts its warnings there.
    ordered: list[JsonDict] = []
    owed: set[Any] = set()
    behind = 0
    for message in messages:
        if message.get("tool_call_id") in owed:
            ordered.insert(behind, message)
            behind += 1
            continue
        ordered.append(message)
        if calls := message.get("tool_calls"):
            owed, behind = {call.get("id") for call in calls}, len(ordered)
    return ordered


def _write_tools(body: JsonDict, made: Draft) -> None:
    tools: list[JsonDict] = []
    for n, tool in enumerate(body["tools"]):
        options = search_options(tool)
        if options is not None:
            if body.get("tool_choice") != "none":
                body["web_search_options"] = options
            made.note_others(tool, _SEARCH_FIELDS, f"tools[{n}]")
        elif tool.get("type") in BUILT_IN_TOOLS:
            made.refuse(f"tools[{n}]", f"{tool['type']} is a tool of the Responses API")
        else:
            for name in _OWN_FIELDS:
                if tool.get(name) not in _BY_DEFAULT:
                    made.note(f"tools[{n}].{name}")
            tools.append(without(tool, _OWN_FIELDS))
    _write_choice(body, made)
    if tools:
        body["tools"] = tools
        return
    if body.get("tool_choice") not in (None, "auto", "none"):
        made.note("tool_choice")
    for name in ("tools", "tool_choice", "parallel_tool_calls"):
        body.pop(name, None)


def _write_choice(body: JsonDict, made: Draft) -> None:
    # Leave tools that chats do not have out of the choice.
    choice: Any = body.get("tool_choice")
    inner = dig(choice, "allowed_tools")
    if _is_built_in(choice):
        made.refuse("tool_choice", f"{choice['type']} is a tool of the Responses API")
        del body["tool_choice"]
    elif isinstance(inner, dict) and any(map(_is_built_in, as_list(inner.get("tools")))):
        kept = [tool for tool in inner["tools"] if not _is_built_in(tool)]
        body["tool_choice"] = {**choice, "allowed_tools": {**inner, "tools": kept}} if kept else "none"


def _is_built_in(tool: Any) -> bool:
    kind = dig(tool, "type")
    return isinstance(kind, str) and (kind in BUILT_IN_TOOLS or kind.startswith(SEARCH_TOOLS))

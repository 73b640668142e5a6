# As a face: a client's request as a canonical call.

# What the canonical form has no word for stays beside it in `provider_specific_fields`, so that a request that goes on to
# this format again is the same request. Options that are about the machine (`num_ctx`, `num_gpu`, ...) are among it.

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from lingate._dialects._check import Malformed, client_request, expect, expect_texts
from lingate._dialects._dataurl import data_url, is_data_url
from lingate._dialects._draft import keep
from lingate._dialects.ollama.facts import NAME, OPTIONS, PLACEHOLDER
from lingate._dialects.ollama.request import canonical_effort
from lingate._dialects.openai_chat.response import arguments_text
from lingate._dialects.openai_chat.validation import decode_request, fail
from lingate._model import Call, JsonDict
from lingate._wire.plain import plain_text
from lingate._wire.shapes import is_number

_MAGIC = (("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))
_CANONICAL = {native: name for name, native in OPTIONS.items()}
_WHOLE = ("num_predict", "top_k", "seed")
_KEPT = ("keep_alive", "truncate", "shift", "_debug_render_only")
_ONLY_PROMPTS = ("suffix", "template", "raw", "context", "width", "height", "steps")
_ROLES = ("system", "user", "assistant", "tool")


@client_request
def parse_chat(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a request for `/api/chat`, which streams unless it says otherwise.
    # Without messages it only loads the model.
    wire, model = decode_request(body, path_args)
    messages = wire.pop("messages", [])
    expect(messages, list, "messages")
    reader = _Conversation()
    return _call(model, wire, list(filter(None, map(reader.read, messages, count()))))


@client_request
def parse_generate(body: bytes, path_args: Mapping[str, str]) -> Call:
    # Read a request for `/api/generate` as a chat of one turn; without a prompt, of none.
    wire, model = decode_request(body, path_args)
    for name in _ONLY_PROMPTS:
        if wire.pop(name, None):
            raise Malformed(name, "is not supported: prompts become chats here, which have no place for it")
    if "messages" in wire:
        raise Malformed("messages", "belongs to /api/chat")
    prompt, system, images = wire.pop("prompt", ""), wire.pop("system", ""), wire.pop("images", [])
    expect(prompt, str, "prompt")
    expect(system, str, "system")
    messages: list[JsonDict] = [{"role": "system", "content": system}] if system and prompt else []
    if prompt:
        messages.append({"role": "user", "content": _content(prompt, images, "images")})
    return _call(model, wire, messages)


def _call(model: str, wire: JsonDict, messages: list[JsonDict]) -> Call:
    stream = wire.pop("stream", True)
    if not isinstance(stream, bool):
        fail("stream", "must be true or false")
    native = {name: wire.pop(name) for name in _KEPT if name in wire}
    canonical: JsonDict = {"messages": messages}
    _read_options(wire.pop("options", {}), canonical, native)
    _read_format(wire.pop("format", ""), canonical)
    if "think" in wire:
        think = native["think"] = wire.pop("think")
        effort = canonical_effort(think)
        if effort is None:
            raise Malformed("think", 'must be true, false, "low", "medium", "high" or "max"')
        canonical["reasoning_effort"] = effort
    tools = wire.pop("tools", [])
    expect(tools, list, "tools")
    for n, tool in enumerate(tools):
        expect(tool, dict, f"tools[{n}]")
    if tools:
        canonical["tools"] = [{"type": "function", **tool} for tool in tools]
    keep(canonical, NAME, native)
    return Call("chat", model, {**canonical, **wire}, stream=stream)


def _read_options(options: Any, canonical: JsonDict, native: JsonDict) -> None:
    expect(options, dict, "options")
    kept: JsonDict = {}
    for name, value in options.items():
        if value is None:
            continue
        if name in _WHOLE and isinstance(value, float) and value.is_integer():
            value = int(value)
        if name == "num_predict" and type(value) is int and value > 0:
            canonical["max_tokens"] = value
        elif name == "stop":
            stops = [value] if isinstance(value, str) else value
            expect_texts(stops, "options.stop")
            if stops:
                canonical["stop"] = stops
        elif name in _CANONICAL:
            if not is_number(value):
                raise Malformed(f"options.{name}", "must be a number")
            canonical[_CANONICAL[name]] = value
        else:
            kept[name] = value
    if kept:
        native["options"] = kept


def _read_format(wanted: Any, canonical: JsonDict) -> None:
    if wanted == "json":
        canonical["response_format"] = {"type": "json_object"}
    elif isinstance(wanted, dict):
        canonical["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted}}
    elif wanted != "":
        raise Malformed("format", 'must be "json" or a JSON schema')


class _Conversation:
    # Messages in order; calls without ids get some, and results without ids are told by name and order.

    def __init__(self) -> None:
        self._made = 0
        self._open: list[tuple[str, str]] = []
        self._at = -2
        self._caller: JsonDict | None = None

    def read(self, message: Any, at: int) -> JsonDict | None:
        # The message at a place; None if what it says went into the one before.
        if (text := plain_text(message)) is not None and message.get("role") == "user":
            return {"role": "user", "content": text}
        where = f"messages[{at}]"
        expect(message, dict, where)
        role = message.get("role")
        role = role.lower() if isinstance(role, str) else role
        if role not in _ROLES:
            raise Malformed(f"{where}.role", f"must be one of {', '.join(_ROLES)}")
        content = message.get("content", "")
        content = "" if content is None else content
        expect(content, str, f"{where}.content")
        fields = dict(message)
        for name in ("role", "content", "images", "thinking", "tool_calls", "tool_name", "tool_call_id"):
            fields.pop(name, None)
        made = {"role": role, "content": _content(content, message.get("images") or [], f"{where}.images"), **fields}
        if role == "assistant":
            return self._read_assistant(message, made, at)
        elif role == "tool":
            self._read_result(message, made, where)
        return made

    def _read_assistant(self, message: JsonDict, made: JsonDict, at: int) -> JsonDict | None:
        where = f"messages[{at}]"
        thinking, calls = message.get("thinking"), message.get("tool_calls") or []
        if thinking is not None:
            expect(thinking, str, f"{where}.thinking")
        if thinking:
            made["reasoning_content"] = thinking
        expect(calls, list, f"{where}.tool_calls")
        caller = self._caller if at == self._at + 1 else None
        if caller is None:
            self._open = []
        self._at = at
        read = [self._read_call(call, f"{where}.tool_calls[{n}]") for n, call in enumerate(calls)]
        if read and caller is not None and made == {"role": "assistant", "content": ""}:
            # Some clients write each call of a turn in a message of its own. Other formats want results after each.
            caller["tool_calls"] += read
            return None
        if read:
            made["tool_calls"] = read
        self._caller = made if read else None
        return made

    def _read_call(self, call: Any, where: str) -> JsonDict:
        expect(call, dict, where)
        function = call.get("function")
        expect(function, dict, f"{where}.function")
        expect(function.get("name"), str, f"{where}.function.name")
        given = call.get("id")
        if not isinstance(given, str) or not given:
            given = f"{PLACEHOLDER}{self._made}"
            self._made += 1
        self._open.append((given, function["name"]))
        text = arguments_text(function.get("arguments"))
        return {"id": given, "type": "function", "function": {"name": function["name"], "arguments": text}}

    def _read_result(self, message: JsonDict, made: JsonDict, where: str) -> None:
        given, name = message.get("tool_call_id"), message.get("tool_name")
        if name is not None:
            expect(name, str, f"{where}.tool_name")
            made["name"] = name
        else:
            made["provider_specific_fields"] = {NAME: {"tool_name": None}}
        if not isinstance(given, str) or not given:
            matching = [known for known in self._open if name in (None, known[1])] or self._open
            given = matching[0][0] if matching else f"{PLACEHOLDER}{self._made}"
        self._open = [known for known in self._open if known[0] != given]
        made["tool_call_id"] = given


def _content(text: str, images: Any, where: str) -> Any:
    expect(images, list, where)
    if not images:
        return text
    parts: list[JsonDict] = [{"type": "text", "text": text}] if text else []
    for n, image in enumerate(images):
        expect(image, str, f"{where}[{n}]")
        if not is_data_url(image):  # which some clients write although they should not
            kind = next((kind for magic, kind in _MAGIC if image.startswith(magic)), "image/png")
            image = data_url(kind, image)
        parts.append({"type": "image_url", "image_url": {"url": image}})
    return parts

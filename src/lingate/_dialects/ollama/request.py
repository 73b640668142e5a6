# Towards the upstream: a canonical call as an HTTP request.

# Content is text in this format, and images stand apart.

from __future__ import annotations

from typing import Any

from lingate._dialects._dataurl import is_data_url
from lingate._dialects._draft import Draft, native_fields
from lingate._dialects._late import system_in_place
from lingate._dialects._legacy_functions import modern
from lingate._dialects._params import (
    CHAT_FIELDS,
    answer_limit,
    begun,
    finished,
    sampling,
    stops,
    write_rest,
)
from lingate._dialects._reading import SAID_FIELDS, reasoning_of
from lingate._dialects._tool_arguments import arguments_object, calls_of
from lingate._dialects._tools import asked_format, function_tool
from lingate._dialects.ollama.facts import CHAT_PATH, DEFAULTS, NAME, OPTIONS, OWN_OPTIONS, PLACEHOLDER, THINK
from lingate._model import Call, HttpRequest, JsonDict, Target
from lingate._wire.json import encode_str
from lingate._wire.plain import plain_text
from lingate._wire.shapes import as_dict, dig

_WRITTEN = CHAT_FIELDS | OPTIONS.keys() | OWN_OPTIONS | {"options", "logprobs", "top_logprobs"}


def chat_request(call: Call, target: Target) -> HttpRequest:
    made = begun(call, target, DEFAULTS, modern)
    made.body["model"] = target.model
    write_messages(made)
    # Without the field the server streams.
    made.body["stream"] = call.stream
    _write_native(made)
    _write_tools(made)
    _write_format(made)
    _write_think(made)
    _write_options(made)
    for name in ("logprobs", "top_logprobs"):
        if made.asked.get(name):
            made.body[name] = made.asked[name]
    write_rest(made, _WRITTEN, NAME)
    return finished(made, "chat", CHAT_PATH, made.body, ("options",))


def _write_native(draft: Draft) -> None:
    # What a client of this format asked for and the canonical form has no word for.
    for name, value in native_fields(draft.asked, NAME).items():
        if name not in ("options", "think"):
            draft.body.setdefault(name, value)


def _write_tools(draft: Draft) -> None:
    tools = draft.objects("tools")
    choice = draft.asked.get("tool_choice")
    if choice == "none" or not tools:
        return  # what is not offered is not called
    if choice not in (None, "auto"):
        if draft.traits.get("tool_choice_required") == "auto":
            draft.note("tool_choice")
        else:
            draft.refuse("tool_choice", "the model cannot be made to call a tool")
    made = (_tool(tool, f"tools[{n}]", draft) for n, tool in enumerate(tools))
    if wire := [tool for tool in made if tool is not None]:
        draft.body["tools"] = wire


def _tool(tool: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    if tool.get("type", "function") == "function" and (dig(tool, "function", "strict") or tool.get("strict")):
        draft.note(f"{where}.strict")
    return function_tool(tool, where, draft, {})


def _write_format(draft: Draft) -> None:
    asked = asked_format(draft)
    if asked is None:
        return
    if draft.traits.get("structured") == "none":
        draft.refuse("response_format", "the model cannot be held to a format")
    else:
        draft.body["format"] = asked[0] or "json"


def _write_think(draft: Draft) -> None:
    effort, thinking = draft.asked.get("reasoning_effort"), draft.asked.get("thinking")
    kept = native_fields(draft.asked, NAME)
    if "think" in kept and thinking is None and canonical_effort(kept["think"]) == effort:
        draft.body["think"] = kept["think"]
    elif isinstance(thinking, dict):
        if effort is not None:
            draft.note("reasoning_effort (thinking is given)")
        on = thinking.get("type") != "disabled"
        if on and thinking.get("budget_tokens") is not None:
            draft.note("thinking.budget_tokens")
        _switch(on, "thinking", draft)
    elif isinstance(effort, str) and effort in THINK:
        if THINK[effort] not in (False, effort):
            draft.note(f"reasoning_effort={effort} (sent as {THINK[effort]})")
        _switch(THINK[effort], "reasoning_effort", draft)
    elif effort is not None:
        draft.refuse("reasoning_effort", f"must be one of {', '.join(THINK)}")


def _switch(value: Any, param: str, draft: Draft) -> None:
    if draft.traits.get("thinking") != "none":
        draft.body["think"] = value
    elif value is not False:
        draft.refuse(param, "the model does not think")


def canonical_effort(think: Any) -> str | None:
    # A native `think` as `reasoning_effort`.
    if isinstance(think, bool):
        return "medium" if think else "none"
    return think if isinstance(think, str) and think in THINK else None


def _write_options(draft: Draft) -> None:
    # Write `options`: those a client of this format gave, ours, and the caller's own, the last winning.
    given, own = draft.asked.get("options"), native_fields(draft.asked, NAME).get("options")
    options: JsonDict = dict(as_dict(own))
    for name, value in sampling(draft, OPTIONS).items():
        options[OPTIONS[name]] = value
    limit = answer_limit(draft)
    if limit is not None:
        options["num_predict"] = limit
    wire = stops(draft, draft.traits.get("max_stop"))
    if wire:
        options["stop"] = wire
    options.update((name, draft.asked[name]) for name in OWN_OPTIONS if name in draft.asked)
    if given is not None and not isinstance(given, dict):
        raise draft.broken("options", "must be an object")
    options.update(given or {})
    if options:
        draft.body["options"] = options


_SILENT = SAID_FIELDS - {"annotations"} | {"tool_call_id"}


def write_messages(draft: Draft) -> None:
    messages = draft.messages()
    names: dict[Any, str] = {}
    wire: list[JsonDict] = []
    for n, message in enumerate(messages):
        if (text := plain_text(message)) is not None and message.get("role") in ("user", "assistant"):
            wire.append({"role": message["role"], "content": text})
        elif (made := _message(message, f"messages[{n}]", draft, names)) is not None:
            wire.append(made)
    if not wire:
        raise draft.broken("messages", "hold nothing to answer")
    wire = system_in_place(wire, draft.traits, draft.note)
    draft.body["messages"] = wire


def _message(message: Any, where: str, draft: Draft, names: dict[Any, str]) -> JsonDict | None:
    role = dig(message, "role")
    if role not in ("system", "developer", "user", "assistant", "tool"):
        raise draft.broken(f"{where}.role", "must be system, developer, user, assistant, tool or function")
    draft.note_others(message, _SILENT | {"name"} if role == "tool" else _SILENT, where)
    text, images = _content(message.get("content"), f"{where}.content", draft)
    made: JsonDict = {"role": "system" if role == "developer" else role, "content": text}
    if images:
        made["images"] = images
    if role == "assistant":
        return _assistant(made, message, where, draft, names)
    if role == "tool":
        _name_result(made, message, where, draft, names)
    return made


def _assistant(made: JsonDict, message: JsonDict, where: str, draft: Draft, names: dict[Any, str]) -> JsonDict | None:
    made["content"] = made["content"] or message.get("refusal") or ""
    if reasoning := reasoning_of(message, where, draft):
        made["thinking"] = reasoning
    wire = [_call(*found, draft, names) for found in calls_of(message, where, draft, need_id=False)]
    if wire:
        made["tool_calls"] = wire
    return made if len(made) > 2 or made["content"] else None


def _call(call: JsonDict, function: JsonDict, where: str, draft: Draft, names: dict[Any, str]) -> JsonDict:
    given = arguments_object(function.get("arguments"), f"{where}.function.arguments", draft)
    made: JsonDict = {"function": {"name": function["name"], "arguments": given}}
    ident = call.get("id")
    if isinstance(ident, str) and ident:
        names[ident] = function["name"]
        if not ident.startswith(PLACEHOLDER):
            made = {"id": ident, **made}
    return made


def _name_result(made: JsonDict, message: JsonDict, where: str, draft: Draft, names: dict[Any, str]) -> None:
    # Say which call is answered: by the function's name, which all servers understand, and by the newer ones' id.
    given = draft.answered(message.get("tool_call_id"), where)
    name = names.get(given, message.get("name"))
    if isinstance(name, str) and name and "tool_name" not in native_fields(message, NAME):
        made["tool_name"] = name
    if not given.startswith(PLACEHOLDER):
        made["tool_call_id"] = given


def _content(content: Any, where: str, draft: Draft) -> tuple[str, list[str]]:
    # Text and images. Parts are paragraphs of their own.
    if content is None:
        return "", []
    if isinstance(content, str):
        return content, []
    if isinstance(content, dict):
        return encode_str(content), []
    texts: list[str] = []
    images: list[str] = []
    for n, part in enumerate(draft.parts(content, where)):
        _part(part, f"{where}[{n}]", draft, texts, images)
    return "\n".join(texts), images


def _part(part: Any, where: str, draft: Draft, texts: list[str], images: list[str]) -> None:
    part = draft.part(part, where)
    if part.get("cache_control"):
        draft.note("cache_control")
    draft.note_marks(part, where)
    kind = part["type"]
    if kind in ("text", "refusal"):
        if not isinstance(part.get(kind), str):
            raise draft.broken(f"{where}.{kind}", "must be a string")
        texts.append(part[kind])
    elif kind == "image_url":
        _image(part, where, draft, images)
    elif kind == "input_audio" and isinstance(part.get("input_audio"), dict):
        # Ollama's own OpenAI surface hands sound to the model in the same place.
        data = part["input_audio"].get("data")
        if not isinstance(data, str):
            raise draft.broken(f"{where}.input_audio.data", "must be base64 text")
        images.append(data)
    else:
        draft.refuse(where, f"there is no place for {kind}")


def _image(part: JsonDict, where: str, draft: Draft, images: list[str]) -> None:
    url = draft.image_url(part, where, "a data URL")
    if not is_data_url(url):
        draft.refuse(where, "images must be data URLs, since the server fetches nothing")
        return
    media_type, data = draft.data_url(url, where)
    if media_type and not media_type.startswith("image/"):
        draft.refuse(where, f"there is no place for {media_type}")
        return
    images.append(data)

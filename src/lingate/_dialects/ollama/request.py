"""Towards the upstream: a canonical call as an HTTP request."""

from __future__ import annotations

from typing import Any

from lingate._dialects._draft import Draft, asked_of, native_fields
from lingate._dialects._legacy import modern
from lingate._dialects._params import CHAT_FIELDS, answer_limit, refuse_for_provider, sampling, stops, write_rest
from lingate._dialects.anthropic.schema import without_keys
from lingate._dialects.ollama.facts import CHAT_PATH, DEFAULTS, NAME, OPTIONS, OWN_OPTIONS, THINK
from lingate._dialects.ollama.messages import write_messages
from lingate._dialects.openai_chat.envelope import new_request, seal
from lingate._model import Call, HttpRequest, JsonDict, Operation, Target

_WRITTEN = CHAT_FIELDS | OPTIONS.keys() | OWN_OPTIONS | {"options", "logprobs", "top_logprobs"}
_FUNCTION_KEYS = frozenset({"strict", "cache_control", "provider_specific_fields"})


def chat_request(call: Call, target: Target) -> HttpRequest:
    """A chat call, ready to be sent.

    Raises:
        ConfigError: The call makes no sense in any format.
        UnsupportedError: Something has no counterpart here and `drop_params` is off.
    """
    made = Draft(call, target, modern(asked_of(call)), {**DEFAULTS, **target.traits})
    refuse_for_provider(made)
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
    write_rest(made, _WRITTEN)
    return finished(made, "chat", CHAT_PATH)


def finished(made: Draft, operation: Operation, path: str) -> HttpRequest:
    """Let the provider's quirks and the caller's own fields have the last word, and encode."""
    sent = new_request(made.call, made.target, operation, path)
    sent.dropped, sent.answer_tool, sent.stop = made.dropped, made.answer_tool, made.stop
    return seal(sent, made.body, joined=("options",))


def _write_native(draft: Draft) -> None:
    """What a client of this format asked for and the canonical form has no word for."""
    for name, value in native_fields(draft.asked, NAME).items():
        if name not in ("options", "think"):
            draft.body[name] = value


def _write_tools(draft: Draft) -> None:
    tools = draft.asked.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise draft.broken("tools", "must be a list of objects")
    choice = draft.asked.get("tool_choice")
    if choice == "none" or not tools:
        return  # what is not offered is not called
    if choice not in (None, "auto"):
        if draft.traits.get("tool_choice_required") == "auto":
            draft.note("tool_choice")
        else:
            draft.refuse("tool_choice", "the model cannot be made to call a tool")
    wire = [_tool(tool, f"tools[{n}]", draft) for n, tool in enumerate(tools)]
    wire = [tool for tool in wire if tool is not None]
    if wire:
        draft.body["tools"] = wire


def _tool(tool: JsonDict, where: str, draft: Draft) -> JsonDict | None:
    kind, function = tool.get("type", "function"), tool.get("function")
    if kind == "custom":
        draft.refuse(where, "tools with free text as input have no counterpart")
        return None
    if kind != "function":
        return dict(tool)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise draft.broken(f"{where}.function", "must be an object with a name")
    if function.get("strict") or tool.get("strict"):
        draft.note(f"{where}.strict")
    if tool.get("cache_control"):
        draft.note("cache_control")
    made: JsonDict = {key: value for key, value in function.items() if key not in _FUNCTION_KEYS and value is not None}
    dropped = draft.traits.get("tool_schema_drop", ())
    return {"type": "function", "function": without_keys(made, dropped) if dropped else made}


def _write_format(draft: Draft) -> None:
    wanted = draft.asked.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if wanted is None or kind == "text":
        return
    inner = wanted.get("json_schema") if isinstance(wanted, dict) else None
    inner = inner if isinstance(inner, dict) else {}
    schema = inner.get("schema")
    if kind not in ("json_schema", "json_object") or (kind == "json_schema" and not isinstance(schema, dict)):
        raise draft.broken("response_format", "must be text, json_object, or json_schema with a schema")
    if draft.traits.get("structured") == "none":
        draft.refuse("response_format", "the model cannot be held to a format")
    else:
        draft.body["format"] = schema if kind == "json_schema" else "json"


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
    """A native `think` as `reasoning_effort`."""
    if isinstance(think, bool):
        return "medium" if think else "none"
    return think if isinstance(think, str) and think in THINK else None


def _write_options(draft: Draft) -> None:
    """Write `options`: those a client of this format gave, ours, and the caller's own, the last winning."""
    given, own = draft.asked.get("options"), native_fields(draft.asked, NAME).get("options")
    options: JsonDict = dict(own) if isinstance(own, dict) else {}
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

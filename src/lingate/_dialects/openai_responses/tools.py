# Tools and the choice among them: OpenAI's chat form nests what this format writes flat. Both directions.

from __future__ import annotations

import re
from typing import Any

from lingate._dialects._check import expect
from lingate._dialects._tools import choice_object, search_place
from lingate._dialects.openai_chat.face import nested
from lingate._dialects.openai_chat.tools import write_tool_choice, write_tools
from lingate._dialects.openai_responses.draft import Draft
from lingate._dialects.openai_responses.facts import SEARCH_TOOLS
from lingate._model import JsonDict
from lingate._wire.shapes import as_str, dig, not_null, without

_ANTHROPICS_SEARCH = re.compile(r"web_search_\d{8}")
_SEARCH_FIELDS = ("type", "name", "allowed_domains", "blocked_domains", "user_location", "cache_control")
_OPEN_SCHEMA = {"type": "object", "properties": {}}
_NESTED = ("function", "custom")


def write_tool_fields(draft: Draft) -> None:
    # Write `tools`, `tool_choice` and `parallel_tool_calls`.
    asked, body = draft.asked, draft.body
    if draft.exact:
        _write_exactly(draft)
        return
    _write_searches(draft)
    searched = any(tool.get("type") == "tool_search" for tool in draft.objects("tools"))
    write_tools(asked, draft.sent, keep=("defer_loading",) if searched else ())  # 400 without
    write_tool_choice(asked, draft.sent)
    tools = _declared(draft)
    search = asked.get("web_search_options")
    if isinstance(search, dict):
        tools.append(search_tool(search))
    if not tools:
        return  # what is said about tools is refused where there are none
    body["tools"] = tools
    if "tool_choice" in asked:
        body["tool_choice"] = _flat_choice(asked["tool_choice"], draft)
    if "parallel_tool_calls" in asked:
        body["parallel_tool_calls"] = asked["parallel_tool_calls"]


def _write_searches(draft: Draft) -> None:
    # Anthropic's web search is the one that is here: Claude Code asks for it.
    tools = list(draft.objects("tools"))
    found = [n for n, tool in enumerate(tools) if _ANTHROPICS_SEARCH.fullmatch(as_str(tool.get("type")))]
    for n in found:
        tool, where = tools[n], f"tools[{n}]"
        if tool.get("blocked_domains"):
            draft.refuse(f"{where}.blocked_domains", "there is no such list")
        draft.note_others(tool, _SEARCH_FIELDS, where)
        domains = tool.get("allowed_domains")
        options = {"filters": {"allowed_domains": domains}} if domains else {}
        if tool.get("user_location"):
            options["user_location"] = tool["user_location"]
        tools[n] = made = search_tool(options)
        if dig(draft.asked.get("tool_choice"), "function", "name") == tool.get("name"):
            only = {"mode": "required", "tools": [{"type": made["type"]}]}
            draft.asked["tool_choice"] = {"type": "allowed_tools", "allowed_tools": only}
    if found:
        draft.asked["tools"] = tools


def _write_exactly(draft: Draft) -> None:
    # As the client wrote it, if it still means what is asked.
    asked, body, native = draft.asked, draft.body, draft.native
    if "tools" in asked:
        same = "tools" in native and canonical_tools(native["tools"]) == asked["tools"]
        body["tools"] = native["tools"] if same else _declared(draft)
    if "tool_choice" in asked:
        same = "tool_choice" in native and canonical_choice(native["tool_choice"]) == asked["tool_choice"]
        body["tool_choice"] = native["tool_choice"] if same else _flat_choice(asked["tool_choice"], draft)
    if "parallel_tool_calls" in asked:
        body["parallel_tool_calls"] = asked["parallel_tool_calls"]


def _declared(draft: Draft) -> list[JsonDict]:
    return [_flat_tool(tool, f"tools[{n}]", draft) for n, tool in enumerate(draft.objects("tools"))]


def _flat_tool(tool: JsonDict, where: str, draft: Draft) -> JsonDict:
    if tool.get("cache_control"):
        draft.note(f"{where}.cache_control")
    kind = "custom" if tool.get("type") == "custom" else "function"
    words = tool.get(kind)
    if tool.get("type") not in (None, kind) or (words is None and tool.get("type") is not None):
        return without(tool, ("cache_control",))  # a built-in tool, or flat already
    if not isinstance(words, dict) or not isinstance(words.get("name"), str):
        raise draft.broken(f"{where}.{kind}", "must be an object with a name")
    taken = ("type", kind, "cache_control", "strict", "provider_specific_fields")
    made: JsonDict = {"type": kind, **not_null(words)}
    made |= not_null(tool, taken)
    if kind == "custom":
        made.update(_flat_format(made.get("format")))
        return made
    made.setdefault("parameters", _OPEN_SCHEMA)
    # Here the default is true, in the chat format it is false.
    made.setdefault("strict", tool.get("strict") is True)
    return made


def _flat_format(form: Any) -> JsonDict:
    grammar = dig(form, "grammar")
    return {"format": {"type": "grammar", **grammar}} if isinstance(grammar, dict) else {}


def search_tool(options: JsonDict) -> JsonDict:
    # OpenAI's `web_search_options` as the tool that it is here.
    return {"type": "web_search", **not_null(options, ("user_location",)), **search_place(options)}


def search_options(tool: JsonDict) -> JsonDict | None:
    # A web search tool as `web_search_options`; None for any other tool.
    if not str(tool.get("type")).startswith(SEARCH_TOOLS):
        return None
    options = {name: tool[name] for name in ("search_context_size", "filters") if tool.get(name)}
    location = tool.get("user_location")
    if isinstance(location, dict):
        place = without(location, ("type",))
        options["user_location"] = {"type": "approximate", "approximate": place}
    return options


def _flat_choice(choice: Any, draft: Draft) -> Any:
    if isinstance(choice, str):
        return "required" if choice == "any" else choice
    if choice_object(choice, draft).get("type") == "allowed_tools" and isinstance(choice.get("allowed_tools"), dict):
        inner = choice["allowed_tools"]
        tools = inner.get("tools")
        if not isinstance(tools, list):
            raise draft.broken("tool_choice.allowed_tools.tools", "must be a list")
        return {"type": "allowed_tools", **inner, "tools": list(map(_flat_name, tools))}
    return _flat_name(choice)


def _flat_name(choice: Any) -> Any:
    for kind in _NESTED:
        words = dig(choice, kind)
        if isinstance(words, dict) and choice.get("type", kind) == kind:
            return {"type": kind, "name": words.get("name")}
    return choice


def canonical_tools(tools: list[Any]) -> list[JsonDict]:
    # This format's tools with functions in the chat form.
    # A tool of the provider's own stays as it is.
    # Raises Malformed: they are not tools.
    return [_nested_tool(tool, f"tools[{n}]") for n, tool in enumerate(tools)]


def _nested_tool(tool: Any, where: str) -> JsonDict:
    expect(tool, dict, where)
    expect(tool.get("type"), str, f"{where}.type")
    kind = tool["type"]
    if kind not in _NESTED or isinstance(tool.get(kind), dict):
        return dict(tool)
    expect(tool.get("name"), str, f"{where}.name")
    if tool.get("parameters") is not None:
        expect(tool["parameters"], dict, f"{where}.parameters")
    return nested(tool)


def canonical_choice(choice: Any) -> Any:
    # This format's `tool_choice` in the chat form.
    # Raises Malformed: it is neither a word nor an object.
    if isinstance(choice, str):
        return choice
    expect(choice, dict, "tool_choice")
    if choice.get("type") == "allowed_tools" and "allowed_tools" not in choice:
        expect(choice.get("tools"), list, "tool_choice.tools")
        inner = without(choice, ("type", "tools"))
        inner["tools"] = list(map(_nested_name, choice["tools"]))
        return {"type": "allowed_tools", "allowed_tools": inner}
    return _nested_name(choice)


def _nested_name(choice: Any) -> Any:
    kind = dig(choice, "type")
    if kind not in _NESTED or kind in choice:
        return choice
    return {"type": kind, kind: {"name": choice.get("name")}}

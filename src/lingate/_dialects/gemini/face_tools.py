"""As a face: a client's tools in canonical words."""

from __future__ import annotations

from typing import Any

from lingate._dialects._check import Malformed, expect
from lingate._dialects.gemini.checks import objects
from lingate._dialects.gemini.facts import CALLING_MODES
from lingate._dialects.gemini.schema import canonical_schema
from lingate._model import JsonDict


def check_tools(tools: Any) -> None:
    """Check what `canonical_tools` relies on.

    Raises:
        Malformed: A tool cannot be read.
    """
    expect(tools, list, "tools")
    for n, tool in enumerate(tools):
        expect(tool, dict, f"tools[{n}]")
        declarations = tool.get("functionDeclarations")
        if declarations is None:
            continue
        expect(declarations, list, f"tools[{n}].functionDeclarations")
        for m, declaration in enumerate(declarations):
            where = f"tools[{n}].functionDeclarations[{m}]"
            expect(declaration, dict, where)
            expect(declaration.get("name"), str, f"{where}.name")


def canonical_tools(tools: list[Any]) -> JsonDict:
    """Checked tools as `tools` and `web_search_options`; a tool of the provider's own stays as it is."""
    made: list[JsonDict] = []
    out: JsonDict = {}
    for tool in objects(tools):
        made += [_function(declaration) for declaration in objects(tool.get("functionDeclarations"))]
        rest = {name: value for name, value in tool.items() if name != "functionDeclarations"}
        if rest == {"googleSearch": {}}:
            out["web_search_options"] = {}
        elif rest:
            made.append(rest)
    if made:
        out["tools"] = made
    return out


def canonical_choice(config: JsonDict) -> Any:
    """A `toolConfig` as `tool_choice`; None where it leaves the choice to the model."""
    calling = config.get("functionCallingConfig")
    if not isinstance(calling, dict):
        return None
    mode, names = calling.get("mode"), calling.get("allowedFunctionNames")
    if isinstance(mode, int) and not isinstance(mode, bool) and 0 <= mode < len(CALLING_MODES):
        mode = CALLING_MODES[mode]
    mode = mode.upper() if isinstance(mode, str) else mode
    names = names if isinstance(names, list) else []
    if mode == "ANY" and len(names) == 1:
        return {"type": "function", "function": {"name": names[0]}}
    if mode in ("ANY", "VALIDATED") and names:
        word = "required" if mode == "ANY" else "auto"
        tools = [{"type": "function", "function": {"name": name}} for name in names]
        return {"type": "allowed_tools", "allowed_tools": {"mode": word, "tools": tools}}
    return {"ANY": "required", "NONE": "none", "AUTO": "auto", "VALIDATED": "auto"}.get(str(mode))


def check_choice(config: Any) -> None:
    """Check a `toolConfig`.

    Raises:
        Malformed: It cannot be read.
    """
    expect(config, dict, "toolConfig")
    calling = config.get("functionCallingConfig")
    if calling is None:
        return
    expect(calling, dict, "toolConfig.functionCallingConfig")
    names = calling.get("allowedFunctionNames")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise Malformed("toolConfig.functionCallingConfig.allowedFunctionNames", "must be a list of strings")


def _function(declaration: JsonDict) -> JsonDict:
    function: JsonDict = {"name": declaration.get("name")}
    if declaration.get("description") is not None:
        function["description"] = declaration["description"]
    given = declaration.get("parametersJsonSchema")
    if given is None and declaration.get("parameters") is not None:
        given = canonical_schema(declaration["parameters"])
    if given is not None:
        function["parameters"] = given
    known = ("name", "description", "parameters", "parametersJsonSchema")
    function.update((name, value) for name, value in declaration.items() if name not in known and value is not None)
    return {"type": "function", "function": function}

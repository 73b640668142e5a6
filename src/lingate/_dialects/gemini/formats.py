"""Structured answers: `response_format` <-> `responseMimeType` and a schema, or a forced function."""

from __future__ import annotations

import re
from typing import Any

from lingate._dialects.gemini.draft import Draft
from lingate._dialects.gemini.schema import canonical_schema, json_schema, openapi_schema
from lingate._dialects.gemini.tools import add_function, function_names, parameters
from lingate._model import JsonDict
from lingate._wire.json import encode_str

_JSON = "application/json"
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,63}")
_FIELDS = ("responseMimeType", "responseSchema", "responseJsonSchema")


def write_format(draft: Draft) -> None:
    """Write what `response_format` asks for, in the way this model knows. Call after the tools are written.

    Raises:
        ConfigError: It is no format.
        UnsupportedError: The model cannot be held to a format and `drop_params` is off.
    """
    wanted = draft.asked.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    kept = {name: value for name, value in draft.native.get("generationConfig", {}).items() if name in _FIELDS}
    if kept and canonical_format(kept) == wanted:
        draft.config().update(kept)
        return
    if wanted is None or kind == "text":
        return
    schema, name = _schema_of(wanted) if isinstance(wanted, dict) else (None, "")
    if kind not in ("json_schema", "json_object") or (kind == "json_schema" and schema is None):
        raise draft.broken("response_format", "must be text, json_object, or json_schema with a schema")
    way = draft.traits.get("structured")
    tools = function_names(draft)
    if way == "none":
        draft.refuse("response_format", "the model cannot be held to a format")
    elif schema is not None and (way == "tool" or (way == "json_schema_alone" and tools)):
        _write_function(draft, schema, name, tools)
    elif way == "json_object" and schema is not None:
        draft.config()["responseMimeType"] = _JSON
        _instruct(draft, f"Answer with JSON that matches this JSON schema and nothing else: {encode_str(schema)}")
    elif way == "tool" or (way == "json_schema_alone" and tools):
        _instruct(draft, "Answer with one JSON object and nothing else: no code fence, no explanation.")
    else:
        _write_native(draft, schema)


def canonical_format(config: JsonDict) -> JsonDict | None:
    """What a `generationConfig` says about the form of the answer, as `response_format`; None if nothing."""
    if config.get("responseMimeType") != _JSON:
        return None
    schema = config.get("responseJsonSchema")
    if schema is None and isinstance(config.get("responseSchema"), dict):
        schema = canonical_schema(config["responseSchema"])
    if not isinstance(schema, dict):
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _schema_of(wanted: JsonDict) -> tuple[JsonDict | None, str]:
    inner = wanted.get("json_schema")
    inner = inner if isinstance(inner, dict) else {}
    schema, name = inner.get("schema", wanted.get("schema")), inner.get("name")
    return schema if isinstance(schema, dict) else None, name if isinstance(name, str) else ""


def _write_native(draft: Draft, schema: JsonDict | None) -> None:
    draft.config()["responseMimeType"] = _JSON
    if schema is None:
        return

    def told(keyword: str) -> None:
        draft.note(f"response_format ({keyword})")

    if draft.traits.get("schema_language") == "openapi":
        draft.config()["responseSchema"] = openapi_schema(schema, told)
    else:
        draft.config()["responseJsonSchema"] = json_schema(schema, told)


def _write_function(draft: Draft, schema: JsonDict, name: str, taken: list[str]) -> None:
    """A function whose arguments are the answer: the only way for models that take no schema, or none beside tools."""
    config: JsonDict = draft.body.get("toolConfig", {})
    calling: Any = config.get("functionCallingConfig") or {}
    if calling.get("allowedFunctionNames"):
        return  # a function must be called now, so this turn is not the answer
    name = name if _NAME.fullmatch(name) and name not in taken else "structured_answer"
    while name in taken:
        name += "_"
    text = "Gives the final answer to the user. Its arguments are the whole answer."
    add_function(draft, {"name": name, "description": text, **parameters(draft, schema, "response_format")})
    calling = {"mode": "ANY"}
    if not taken or draft.asked.get("tool_choice") == "none":
        calling["allowedFunctionNames"] = [name]
    draft.body["toolConfig"] = {**config, "functionCallingConfig": calling}
    draft.answer_tool = name


def _instruct(draft: Draft, text: str) -> None:
    system = draft.body.get("systemInstruction") or {"parts": []}
    draft.body["systemInstruction"] = {**system, "parts": [*system["parts"], {"text": text}]}

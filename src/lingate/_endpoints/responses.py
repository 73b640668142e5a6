"""Responses: the fields of OpenAI's Responses API as users write them, into one canonical call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._dialects._check import Malformed
from lingate._dialects.openai_responses.face_request import canonical_body
from lingate._endpoints._arguments import plain, present, text_mapping
from lingate._endpoints.chat import response_format
from lingate._model import Call, JsonDict
from lingate.errors import ConfigError


def prepare(
    model: str,
    given: Any,
    params: Mapping[str, Any],
    *,
    stream: bool = False,
    drop_params: bool = False,
    extra_headers: Any = None,
    extra_body: Any = None,
) -> Call:
    """Build the canonical call.

    Args:
        model: The model as its provider names it.
        given: One string, a list of items (views and pydantic objects are taken too), or None where `params` hold what
            to go on with.
        params: Fields of the Responses API; None means not set. `text_format`, a class with `model_json_schema()` or a
            JSON schema, is short for `text.format`.
        stream: Whether the answer is wanted in pieces.
        drop_params: Leave out what the provider cannot express, instead of raising.
        extra_headers: Sent besides ours, and instead of ours where names are equal.
        extra_body: Merged into the wire body last.

    Raises:
        ConfigError: Something has the wrong type; the message says what and where.
    """
    wire: JsonDict = {name: plain(value, name) for name, value in present(params).items() if name != "text_format"}
    if given is not None:
        wire["input"] = plain(given, "input")
    if params.get("text_format") is not None:
        text = wire.get("text", {})
        if not isinstance(text, dict):
            raise ConfigError(f"text must be a mapping, not {type(text).__name__}")
        wire["text"] = {**text, "format": _flat_format(params["text_format"])}
    if extra_body is not None and not isinstance(extra_body, Mapping):
        raise ConfigError(f"extra_body must be a mapping, not {type(extra_body).__name__}")
    try:
        body = canonical_body(wire)
    except Malformed as flaw:
        raise ConfigError(str(flaw)) from None
    return Call(
        "responses",
        model,
        body,
        stream,
        drop_params,
        text_mapping(extra_headers, "extra_headers"),
        None if extra_body is None else plain(extra_body, "extra_body"),
    )


def _flat_format(given: Any) -> JsonDict:
    form, _ = response_format(given)
    return {"type": "json_schema", **form["json_schema"]} if "json_schema" in form else form

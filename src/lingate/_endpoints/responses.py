# Responses: the fields of OpenAI's Responses API as users write them, into one canonical call.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lingate._dialects._check import Malformed
from lingate._dialects.openai_responses.face_request import canonical_body
from lingate._endpoints._arguments import Extras, build, plain, present
from lingate._endpoints.chat import response_format
from lingate._model import Call, JsonDict
from lingate._providers.settings import wrong_type
from lingate.errors import ConfigError


def prepare(
    model: str, given: Any, params: Mapping[str, Any], *, stream: bool = False, **extras: Unpack[Extras]
) -> Call:
    # Build the canonical call.
    # given: One string, a list of items (views and pydantic objects are taken too), or None where `params` hold what to go
    # on with.
    # params: Fields of the Responses API. `text_format`, a class with `model_json_schema()` or a JSON schema, is short for
    # `text.format`.
    wire: JsonDict = {name: plain(value, name) for name, value in present(params).items() if name != "text_format"}
    if given is not None:
        wire["input"] = plain(given, "input")
    if params.get("text_format") is not None:
        text = wire.get("text", {})
        if not isinstance(text, dict):
            raise wrong_type("text", "a mapping", text)
        wire["text"] = {**text, "format": _flat_format(params["text_format"])}
    try:
        body = canonical_body(wire)
    except Malformed as flaw:
        raise ConfigError(str(flaw)) from None
    return build("responses", model, body, extras, stream=stream)


def _flat_format(given: Any) -> JsonDict:
    form, _ = response_format(given)
    return {"type": "json_schema", **form["json_schema"]} if "json_schema" in form else form

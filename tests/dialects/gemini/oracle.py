"""The vendor's own package as judge: our requests through its types and back, our answers through its client."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from google import genai
from google.genai import models as sdk
from google.genai import types
from google.genai._common import convert_to_dict, encode_unserializable_types
from google.oauth2.credentials import Credentials

from lingate._dialects.gemini.casing import camelized
from tests.dialects.short import without_nulls

_BESIDE = (
    *("systemInstruction", "tools", "toolConfig", "safetySettings", "cachedContent", "labels", "serviceTier", "store"),
)


@lru_cache(maxsize=2)
def _client(cloud: bool) -> genai.Client:
    if cloud:
        return genai.Client(vertexai=True, project="p1", location="us-central1", credentials=Credentials(token="t"))
    return genai.Client(api_key="k")


def rebuilt(body: dict[str, Any], cloud: bool = False) -> dict[str, Any]:
    """A request's body as the vendor's package writes it, given what its types read from ours; unknown fields fail."""
    assert body.keys() <= {"contents", "generationConfig", *_BESIDE}
    config = {**body.get("generationConfig", {}), **{name: body[name] for name in _BESIDE if name in body}}
    parameters = types._GenerateContentParameters(
        model="gemini-test",
        contents=[types.Content.model_validate(content) for content in body["contents"]],
        config=types.GenerateContentConfig.model_validate(config),
    )
    write = sdk._GenerateContentParameters_to_vertex if cloud else sdk._GenerateContentParameters_to_mldev
    made = write(_client(cloud)._api_client, parameters, None, parameters)
    made = encode_unserializable_types(convert_to_dict(made))
    for name in ("_url", "_query", "config"):
        made.pop(name, None)
    return comparable(made)


def comparable(body: dict[str, Any]) -> Any:
    """A body without differences that mean nothing: alphabets of base64, enums' case, nulls, kinds of numbers."""
    out = camelized(without_nulls(json.loads(json.dumps(body))))
    if not out.get("generationConfig"):
        out.pop("generationConfig", None)
    out.get("systemInstruction", {}).pop("role", None)
    out.get("tools", []).sort(key=sorted)  # the package puts functions last
    return _plain(out)


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, key) for key, item in value.items() if key != "propertyOrdering"}
    if isinstance(value, list):
        return [_plain(item, name) for item in value]
    if name in ("data", "thoughtSignature") and isinstance(value, str):
        return value.replace("-", "+").replace("_", "/").rstrip("=")
    if name in ("thinkingLevel", "serviceTier", "type", "mode", "level") and isinstance(value, str):
        return value.upper()
    return value


def client_at(url: str) -> genai.Client:
    """The vendor's client, pointed at a server of ours."""
    return genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url, api_version="v1beta"))

"""What tools answer: text and parts of canonical tool messages <-> the object of a function response."""

from __future__ import annotations

from typing import Any

from lingate._dialects.gemini.content import canonical_part
from lingate._model import JsonDict
from lingate._wire.json import decode, encode_str


def result_object(text: str, failed: Any = None) -> JsonDict:
    """A tool's text as the object the format wants: a JSON object as it is, anything else under a name."""
    value = _container(text)
    if failed is True:
        return value if isinstance(value, dict) and "error" in value else {"error": text if value is None else value}
    return value if isinstance(value, dict) else {"result": text if value is None else value}


def result_content(response: JsonDict) -> Any:
    """Content of the tool message for a checked function response."""
    text = _result_text(response.get("response") or {})
    if not response.get("parts"):
        return text
    media = [canonical_part(part) for part in response["parts"] if isinstance(part, dict)]
    return [{"type": "text", "text": text}, *media] if media else text


def is_plain_result(response: JsonDict, content: Any) -> bool:
    """Whether a canonical tool message with this content gives back this very function response."""
    if not response.keys() <= {"id", "name", "response"} or not isinstance(response.get("response"), dict):
        return False
    if content is response["response"].get("result"):
        return True  # it was unwrapped as it is, which is done only where it will be wrapped again
    return bool(result_object(content) == response["response"])


def _result_text(value: JsonDict) -> str:
    """The text that a result stands for; only what would be wrapped again is unwrapped."""
    if value.keys() == {"result"}:
        inner = value["result"]
        if isinstance(inner, str) and inner and _container(inner) is None:
            return inner
        if isinstance(inner, list):
            return encode_str(inner)
    return encode_str(value)


def _container(text: str) -> Any:
    """The JSON object or list that a text is; None if it is neither."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = decode(text)
    except ValueError:
        return None
    return value if isinstance(value, (dict, list)) else None

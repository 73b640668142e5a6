# Speech: text read aloud.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lingate._endpoints._arguments import Extras, build, fields, require_text
from lingate._model import Call


def prepare(model: str, text: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    return build("speech", model, {"input": require_text(text, "input", "say"), **fields(params)}, extras)

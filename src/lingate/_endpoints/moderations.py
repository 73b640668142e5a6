# Moderations: whether a text or an image breaks rules, and which.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lingate._endpoints._arguments import Extras, build, fields, plain, require_list, require_text
from lingate._model import Call
from lingate.errors import ConfigError


def prepare(model: str, inputs: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    # `inputs` is one text, a list of texts, or a list of OpenAI's content parts (`text` and `image_url`).
    return build("moderations", model, {"input": _inputs(inputs), **fields(params)}, extras)


def _inputs(inputs: Any) -> Any:
    if isinstance(inputs, str):
        return require_text(inputs, "input", "judge")
    require_list(inputs, "input", "a string or a list", "judge")
    made = plain(list(inputs), "input")
    kind = type(made[0])
    for index, item in enumerate(made):
        if type(item) is not kind or kind not in (str, dict):
            raise ConfigError(f"input[{index}] must be text or a part with a type, as in the rest of the list")
    return made

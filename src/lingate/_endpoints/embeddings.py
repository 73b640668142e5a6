# Embeddings: text or token lists into one canonical call.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lingate._endpoints._arguments import Extras, build, fields, plain, require_list, require_text
from lingate._model import Call
from lingate.errors import ConfigError


def prepare(model: str, inputs: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    # `inputs` is one text, a list of texts, a list of token numbers, or a list of such lists.
    return build("embeddings", model, {"input": _inputs(inputs), **fields(params)}, extras)


def _inputs(inputs: Any) -> Any:
    if isinstance(inputs, str):
        return require_text(inputs, "input", "embed")
    require_list(inputs, "input", "a string or a list", "embed")
    for index, item in enumerate(inputs):
        if isinstance(item, str):
            if not item:
                raise ConfigError(f"input[{index}] is an empty string: there is nothing to embed")
        elif not _is_token(item) and not (isinstance(item, (list, tuple)) and item and all(map(_is_token, item))):
            raise ConfigError(f"input[{index}] must be text or tokens, not {item!r:.60}")
    return [
        plain(item, "input") if isinstance(item, str) else list(item) if isinstance(item, tuple) else item
        for item in inputs
    ]


def _is_token(item: Any) -> bool:
    return isinstance(item, int) and not isinstance(item, bool)

"""Embeddings: text or token lists into one canonical call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from lingate._endpoints._arguments import Extras, build, fields
from lingate._model import Call
from lingate.errors import ConfigError


def prepare(model: str, inputs: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    """Build the canonical call.

    Args:
        model: The model as its provider names it.
        inputs: One text, a list of texts, a list of token numbers, or a list of such lists.
        params: OpenAI embedding parameters (`dimensions`, `encoding_format`, `user`); None means not set.
        **extras: See `Extras`.

    Raises:
        ConfigError: There is nothing to embed, or it has the wrong type.
    """
    return build("embeddings", model, {"input": _inputs(inputs), **fields(params)}, extras)


def _inputs(inputs: Any) -> Any:
    if isinstance(inputs, str):
        if not inputs:
            raise ConfigError("input is an empty string: there is nothing to embed")
        return inputs
    if not isinstance(inputs, Sequence) or isinstance(inputs, (bytes, bytearray)):
        raise ConfigError(f"input must be a string or a list, not {type(inputs).__name__}")
    if not inputs:
        raise ConfigError("input is an empty list: there is nothing to embed")
    for index, item in enumerate(inputs):
        if isinstance(item, str):
            if not item:
                raise ConfigError(f"input[{index}] is an empty string: there is nothing to embed")
        elif not _is_token(item) and not (isinstance(item, (list, tuple)) and item and all(map(_is_token, item))):
            raise ConfigError(f"input[{index}] must be text or tokens, not {item!r:.60}")
    return [list(item) if isinstance(item, tuple) else item for item in inputs]


def _is_token(item: Any) -> bool:
    return isinstance(item, int) and not isinstance(item, bool)

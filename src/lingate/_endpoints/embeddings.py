"""Embeddings: text or token lists into one canonical call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lingate._endpoints._arguments import plain, present, text_mapping
from lingate._model import Call, JsonDict
from lingate.errors import ConfigError


def prepare(
    model: str,
    inputs: Any,
    params: Mapping[str, Any],
    *,
    drop_params: bool = False,
    extra_headers: Any = None,
    extra_body: Any = None,
) -> Call:
    """Build the canonical call.

    Args:
        model: The model as its provider names it.
        inputs: One text, a list of texts, a list of token numbers, or a list of such lists.
        params: OpenAI embedding parameters (`dimensions`, `encoding_format`, `user`); None means not set.
        drop_params: Leave out what the provider cannot express, instead of raising.
        extra_headers: Sent besides ours.
        extra_body: Merged into the wire body last.

    Raises:
        ConfigError: There is nothing to embed, or it has the wrong type.
    """
    body: JsonDict = {"input": _inputs(inputs), **{key: plain(value, key) for key, value in present(params).items()}}
    return Call(
        "embeddings",
        model,
        body,
        drop_params=drop_params,
        extra_headers=text_mapping(extra_headers, "extra_headers"),
        extra_body=None if extra_body is None else plain(extra_body, "extra_body"),
    )


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
        elif not isinstance(item, (int, list, tuple)) or isinstance(item, bool):
            raise ConfigError(f"input[{index}] must be text or tokens, not {type(item).__name__}")
    return list(inputs)

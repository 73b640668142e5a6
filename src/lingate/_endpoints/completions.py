# Completions: text that goes on where a prompt ends. The endpoint that chat replaced.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lingate._endpoints._arguments import Extras, build, fields, list_stops, plain, require_list
from lingate._model import Call
from lingate.errors import ConfigError


def prepare(
    model: str, prompt: Any, params: Mapping[str, Any], *, stream: bool = False, **extras: Unpack[Extras]
) -> Call:
    # `prompt` is one text, a list of texts, a list of token numbers, or a list of such lists.
    body = {"prompt": _prompt(prompt), **fields(params)}
    list_stops(body)
    return build("completions", model, body, extras, stream=stream)


def _prompt(prompt: Any) -> Any:
    if isinstance(prompt, str):
        return plain(prompt, "prompt")
    require_list(prompt, "prompt", "a string or a list", "go on from")
    kind = _kind(prompt[0])
    for index, item in enumerate(prompt):
        if kind is None or _kind(item) is not kind:
            raise ConfigError(
                f"prompt[{index}] is a {type(item).__name__}: a prompt holds texts, token numbers or lists of them, one kind"
            )
    return [list(item) if kind is list else plain(item, "prompt") for item in prompt]


def _kind(item: Any) -> type | None:
    if isinstance(item, bool):
        return None
    if isinstance(item, (list, tuple)):
        return list if item and all(isinstance(token, int) for token in item) else None
    return next((kind for kind in (str, int) if isinstance(item, kind)), None)

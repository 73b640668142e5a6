"""Token counts: how much a chat's messages and tools would cost to read, without asking the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

from lingate._endpoints import chat
from lingate._endpoints._arguments import Extras
from lingate._model import Call


def prepare(model: str, messages: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    """Build the canonical call from the arguments of a chat.

    Args:
        model: The model as its provider names it.
        messages: As for a chat.
        params: As for a chat; those that do not count are left out on the wire.
        **extras: See `Extras`.

    Raises:
        ConfigError: Something has the wrong type; the message says what and where.
    """
    call, _ = chat.prepare(model, messages, params, **extras)
    return replace(call, operation="count_tokens")

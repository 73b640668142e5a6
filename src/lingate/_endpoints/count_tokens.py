# Token counts: how much a chat's messages and tools would cost to read, without asking the model.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lingate._endpoints import chat
from lingate._endpoints._arguments import Extras
from lingate._model import Call, replaced


def prepare(model: str, messages: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    # As for a chat; parameters that do not count are left out on the wire.
    call, _ = chat.prepare(model, messages, params, **extras)
    return replaced(call, operation="count_tokens")

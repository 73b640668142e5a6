"""Calls without anything to answer: by them Ollama's clients have a model loaded, or taken out of memory."""

from __future__ import annotations

from lingate._dialects._draft import native_fields
from lingate._dialects.ollama.facts import NAME
from lingate._model import Call, JsonDict

_AT_ONCE = (0, "0", "0s", "0m", "0h")


def only_loads(call: Call) -> bool:
    """Whether a call of a client of this format asks for nothing."""
    return call.operation == "chat" and not call.body["messages"]


def loaded(call: Call, at: int) -> JsonDict:
    """The response to such a call, as if it were done: nobody else's model is ours to load.

    Args:
        call: The client's call.
        at: When that was, epoch seconds.
    """
    gone = native_fields(call.body, NAME).get("keep_alive") in _AT_ONCE
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": ""},
        "finish_reason": "stop",
        "native_finish_reason": "unload" if gone else "load",
    }
    return {"model": call.model, "created": at, "choices": [choice]}

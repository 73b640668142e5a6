"""What providers want back with a message that called tools, where the host keeps its text and its calls alone.

Claude goes on thinking after a tool only if its thinking comes back with the call, Gemini wants its signatures: fast-agent's
history has a place for neither. Both are remembered here by the ids of the calls, for as long as a tool turn may take.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

_MOST = 512
_KNOWN = frozenset({"role", "content", "tool_calls", "refusal", "function_call"})


class Recall:
    """Remembers the last answers that called tools. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: OrderedDict[tuple[str, ...], dict[str, Any]] = OrderedDict()

    def keep(self, message: Mapping[str, Any]) -> None:
        """Remember an answer, if it called tools and holds more than a host keeps."""
        calls = message.get("tool_calls")
        if not calls:
            return
        more = {name: value for name, value in message.items() if name not in _KNOWN and value}
        if not more and all(call.keys() <= {"id", "type", "function", "index"} for call in calls):
            return
        with self._lock:
            self._messages[_key(calls)] = {**more, "tool_calls": list(calls)}
            if len(self._messages) > _MOST:
                self._messages.popitem(last=False)

    def restored(self, message: Any) -> Any:
        """A message of the history with what it lacks; as it is where nothing is known of it, or it was changed."""
        calls = message.get("tool_calls") if isinstance(message, Mapping) else None
        if not calls:
            return message
        with self._lock:
            kept = self._messages.get(_key(calls))
        if kept is None:
            return message
        whole = [{**own, **given} for own, given in zip(kept["tool_calls"], calls, strict=True)]
        return {**kept, **message, "tool_calls": whole}


def _key(calls: Any) -> tuple[str, ...]:
    """Ids, names and arguments: an id alone may come twice where a provider counts them."""
    parts = []
    for call in calls:
        function = call.get("function") or {}
        parts += [str(call.get("id")), str(function.get("name")), _plain(function.get("arguments"))]
    return tuple(parts)


def _plain(arguments: Any) -> str:
    """Arguments in one spelling: the host reads them and writes them anew."""
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (TypeError, ValueError):
        return str(arguments)

"""Answers that another format has read, with their tool calls changed before they are handed on."""

from __future__ import annotations

from collections.abc import Callable

from lingate._dialects._base import StreamDecoder
from lingate._model import Event, JsonDict


def with_calls(response: JsonDict, edit: Callable[[JsonDict], JsonDict]) -> JsonDict:
    """A canonical response with each of its tool calls as `edit` makes it."""
    return {**response, "choices": [_choice(choice, edit) for choice in response["choices"]]}


def _choice(choice: JsonDict, edit: Callable[[JsonDict], JsonDict]) -> JsonDict:
    message = choice["message"]
    calls = message.get("tool_calls")
    if not calls:
        return choice
    return {**choice, "message": {**message, "tool_calls": [edit(call) for call in calls]}}


class RetoldDecoder:
    """A decoder whose events are changed on their way.

    Args:
        inside: The decoder of the format that is read.
        retell: What is told instead of these events.
    """

    def __init__(self, inside: StreamDecoder, retell: Callable[[list[Event]], list[Event]]) -> None:
        self._inside = inside
        self._retell = retell
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        return self._told(self._inside.feed(data))

    def finish(self) -> list[Event]:
        return self._told(self._inside.finish())

    def _told(self, events: list[Event]) -> list[Event]:
        self.done = self._inside.done
        return self._retell(events)

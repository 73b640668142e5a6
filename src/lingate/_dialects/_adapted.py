# Operations by way of others: what goes out, and what comes back, is changed on its way.

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from lingate._dialects._base import Form, OperationFormat, StreamDecoder
from lingate._model import Call, Edit, Event, Head, HttpRequest, JsonDict, Target, replaced

Move = Callable[[Call, Target], Target]
"""The target as the format inside is to see it."""


class Rehosted(Form):
    # An operation at a host that has other addresses, or another envelope, for the same bodies: it is written for a target
    # somewhere else, and otherwise that of the format inside.

    def __init__(self, inside: OperationFormat, move: Move) -> None:
        super().__init__(
            lambda call, target: inside.request(call, move(call, target)),
            inside.response,
            inside.parse_call,
            inside.render,
            inside.decoder,
            inside.encoder,
        )
        self._inside = inside  # whose bodies these are


def edited(target: Target, *edits: Edit) -> Target:
    # The target with edits of the wire body that come after its own.
    return replaced(target, edits=(*target.edits, *edits))


class Adapted(Form, ABC):
    # An operation by way of another, `inside`, whose clients it shares.

    def __init__(self, inside: OperationFormat) -> None:
        super().__init__(self._request, self._response, inside.parse_call, inside.render, self._decoder, inside.encoder)
        self._inside = inside
        self.in_lines = getattr(inside, "in_lines", False)  # a label that says JSON is no whole answer then

    @abstractmethod
    def _request(self, call: Call, target: Target) -> HttpRequest: ...

    @abstractmethod
    def _response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]: ...

    @abstractmethod
    def _decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder: ...


def with_calls(response: JsonDict, edit: Callable[[JsonDict], JsonDict]) -> JsonDict:
    # A canonical response with each of its tool calls as `edit` makes it.
    return {**response, "choices": [_choice(choice, edit) for choice in response["choices"]]}


def _choice(choice: JsonDict, edit: Callable[[JsonDict], JsonDict]) -> JsonDict:
    made = with_its_calls(choice["message"], edit)
    return choice if made is choice["message"] else {**choice, "message": made}


def with_its_calls(message: Any, edit: Callable[[Any], Any]) -> Any:
    # A message with each of its tool calls as `edit` makes it; itself if it has none.
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    return {**message, "tool_calls": list(map(edit, calls))} if calls and isinstance(calls, list) else message


class AdaptedDecoder:
    # A decoder whose events are changed on their way.

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

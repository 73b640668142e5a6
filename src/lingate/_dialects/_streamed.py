"""What all streamed answers share, whatever their events look like: how they end when they do not end well."""

from __future__ import annotations

from lingate._dialects._failure import interrupted
from lingate._model import Event, Failed, HttpRequest
from lingate.errors import LingateError


class StreamedAnswer:
    """One streamed answer.

    Attributes:
        done: The stream's own terminal event has been seen.
        over: Nothing more will come: done, or failed.
    """

    __slots__ = ("_sent", "done", "over")

    def __init__(self, sent: HttpRequest) -> None:
        self._sent = sent
        self.done = False
        self.over = False

    def cut(self, out: list[Event]) -> None:
        """The bytes have ended, which is too early unless the answer is over."""
        if not self.over:
            self.fail(interrupted(self._sent.target), out)

    def fail(self, error: LingateError, out: list[Event]) -> None:
        """End with an error."""
        self.over = True
        out.append(Failed(error))

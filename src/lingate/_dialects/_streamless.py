"""Operations whose answers come in one piece."""

from __future__ import annotations

from lingate._dialects._base import StreamDecoder, StreamEncoder
from lingate._model import Call, Head, HttpRequest
from lingate.errors import UnsupportedError


class Streamless:
    """The half of an operation's format that says there are no streams."""

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        raise no_stream(sent.call.operation, sent.target.provider)

    def encoder(self, call: Call) -> StreamEncoder:
        raise no_stream(call.operation)


def no_stream(operation: str, provider: str | None = None) -> UnsupportedError:
    """The error for a stream of an operation that has none here."""
    return UnsupportedError(f"{operation} has no streams here", param="stream", provider=provider)

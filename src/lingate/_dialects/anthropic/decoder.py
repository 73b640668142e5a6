"""From the upstream: the bytes of a stream as canonical events."""

from __future__ import annotations

from lingate._dialects._base import StreamDecoder
from lingate._dialects._failure import garbage
from lingate._dialects._replay import replay
from lingate._dialects._sse_stream import SseStreamDecoder
from lingate._dialects.anthropic.response import read_message
from lingate._dialects.anthropic.stream import MessageStream
from lingate._model import Head, HttpRequest


def stream_decoder(sent: HttpRequest, head: Head) -> StreamDecoder:
    """The decoder of one answer."""
    return SseStreamDecoder(
        sent, MessageStream(sent, head), lambda body: replay(*read_message(sent, head, body)), garbage
    )

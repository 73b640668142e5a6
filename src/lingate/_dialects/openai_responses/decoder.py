"""From the upstream: the bytes of a stream as canonical events."""

from __future__ import annotations

from lingate._dialects._base import StreamDecoder
from lingate._dialects._replay import replay
from lingate._dialects._sse_stream import SseStreamDecoder
from lingate._dialects.openai_chat.reading import malformed
from lingate._dialects.openai_responses.response import read_response
from lingate._dialects.openai_responses.stream import ResponseStream
from lingate._model import Head, HttpRequest


def stream_decoder(sent: HttpRequest, head: Head) -> StreamDecoder:
    """The decoder of one answer."""
    return SseStreamDecoder(
        sent,
        ResponseStream(sent),
        lambda body: replay(*read_response(sent, head, body)),
        malformed,
        ignored=(b"[DONE]", b""),
    )

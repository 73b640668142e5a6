"""From the upstream: the bytes of a stream as canonical events."""

from __future__ import annotations

from lingate._dialects._base import StreamDecoder
from lingate._dialects._frames import FrameDecoder
from lingate._dialects._replay import replay
from lingate._dialects.bedrock_converse.response import read_message
from lingate._dialects.bedrock_converse.stream import ConverseStream
from lingate._model import Head, HttpRequest


def stream_decoder(sent: HttpRequest, head: Head) -> StreamDecoder:
    """The decoder of one answer."""
    return FrameDecoder(sent, head, ConverseStream(sent, head), lambda body: replay(*read_message(sent, head, body)))

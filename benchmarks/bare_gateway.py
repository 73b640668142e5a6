"""Beside the gateways: granian and pyreqwest, Lingate's server and its client for all but plain HTTP, with nothing between them.

Run as a program: the port to listen on. Each request says in `x-base` where it goes; its body goes there as it is and the
answer comes back as it is. No keys, no routing, no look at what is sent: what is left is the price of the two libraries.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from pyreqwest.client import ClientBuilder


async def serve(port: int) -> None:
    """Listen until the process is ended."""
    client = ClientBuilder().tcp_nodelay(True).build()

    async def relay(scope: Any, protocol: Any) -> None:
        body = await protocol()
        asked = client.post(f"{scope.headers['x-base']}/chat/completions").header("content-type", "application/json")
        async with asked.body_bytes(body).streamed_read_buffer_limit(0).build_streamed() as response:
            found, reader = response.headers, response.body_reader
            headers = [("content-type", found["content-type"])]
            if "content-length" in found:
                protocol.response_bytes(response.status, headers, bytes(await reader.bytes()))
                return
            piece = await reader.read_chunk()
            sink = protocol.response_stream(response.status, headers)
            while piece is not None:
                await sink.send_bytes(bytes(piece))
                piece = await reader.read_chunk()

    server = Server(
        relay,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=2048,
        log_enabled=False,
    )
    await server.serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))

"""A client of plain sockets: it sees how an answer ended, not only what was in it."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from typing import Any

import h11

from lingate.simulator import Simulator


@dataclass
class Reply:
    """What came back. `ended` is `whole`, `eof` (closed too early), `reset` or `timeout` (nothing more came)."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[bytes]:
        """Payloads of the `data:` lines."""
        lines = self.body.replace(b"\r\n", b"\n").split(b"\n")
        return [line[6:] for line in lines if line.startswith(b"data: ")]

    @property
    def objects(self) -> list[Any]:
        """The events that are JSON."""
        return [json.loads(event) for event in self.events if event != b"[DONE]"]


def connect(simulator: Simulator, timeout: float = 10) -> socket.socket:
    host, port = simulator.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=timeout)


def request_bytes(path: str, body: Any = None, headers: dict[str, str] | None = None, method: str = "POST") -> bytes:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: simulator", f"Content-Length: {len(raw)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + raw


def read_reply(connection: socket.socket, method: str = "POST", idle: float | None = None) -> Reply:
    """Read one answer. With `idle`, silence of so many seconds after the first bytes counts as a timeout."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    parser.send(h11.EndOfMessage())
    reply = Reply()
    while True:
        try:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                parser.receive_data(connection.recv(65536))
                if idle is not None:
                    connection.settimeout(idle)
                continue
        except TimeoutError:
            reply.ended = "timeout"
            return reply
        except ConnectionResetError:
            reply.ended = "reset"
            return reply
        except h11.RemoteProtocolError:
            reply.ended = "eof"
            return reply
        if isinstance(event, h11.Response):
            reply.status = event.status_code
            reply.headers = {name.decode(): value.decode() for name, value in event.headers}
        elif isinstance(event, h11.Data):
            reply.body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            reply.ended = "whole"
            return reply
        elif isinstance(event, h11.ConnectionClosed):
            reply.ended = "eof"
            return reply


def ask(
    simulator: Simulator,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    *,
    method: str = "POST",
    timeout: float = 10,
    idle: float | None = None,
) -> Reply:
    with connect(simulator, timeout) as connection:
        connection.sendall(request_bytes(path, body, headers, method))
        return read_reply(connection, method, idle)


QUESTION = [{"role": "user", "content": "one two three four five six"}]
OPENAI = "/v1/chat/completions"
ANTHROPIC = "/v1/messages"
TOOL_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def chat(simulator: Simulator, path: str = OPENAI, model: str = "sim", **fields: Any) -> Reply:
    """Ask either dialect the same question."""
    headers, timeout, idle = fields.pop("headers", None), fields.pop("timeout", 10), fields.pop("idle", None)
    body = {"model": model, "messages": QUESTION, "max_tokens": 4000, **fields}
    return ask(simulator, path, body, headers, timeout=timeout, idle=idle)

"""A raw HTTP server on loopback that answers with exactly the bytes a test wants, and ends as the test wants."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self


def until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for what happens in another thread or process."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


Ending = Literal["terminator", "close", "reset", "stay"]


@dataclass
class Script:
    """One answer: these body bytes in these pieces, chunked; then the way it ends.

    `terminator` is a proper end; `close` ends the connection in mid-body; `reset` does so with RST; `stay` sends nothing more.
    """

    pieces: list[bytes]
    ending: Ending = "terminator"
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    pause: float = 0.0  # seconds before each piece


class RawServer:
    """Answers every request with `script`, which may be changed between requests. Counts connections."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script
        self.connections = 0
        self.requests: list[bytes] = []
        self.heads: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A blocked accept() does not notice close(); shutdown() wakes it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            connection.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while self._read_request(connection) and self._answer(connection):
                pass
        except OSError:
            pass
        finally:
            self._open.discard(connection)
            connection.close()

    def _read_request(self, connection: socket.socket) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return False
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        self.heads.append(head)
        self.requests.append(body)
        return True

    def _answer(self, connection: socket.socket) -> bool:
        script = self.script
        assert script is not None
        lines = [f"HTTP/1.1 {script.status} OK", "transfer-encoding: chunked"]
        lines += [f"{name}: {value}" for name, value in script.headers.items()]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        for piece in script.pieces:
            time.sleep(script.pause)
            if piece:
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        if script.ending == "terminator":
            connection.sendall(b"0\r\n\r\n")
            return True
        if script.ending == "stay":
            connection.recv(1)
        if script.ending == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

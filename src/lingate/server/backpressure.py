# Waits for clients that do not read.

# granian (2.8) takes whatever a streamed answer sends and keeps it in memory until the client has read it; nobody is
# made to wait. So the sender looks for itself, now and then, how much of what it has sent is still in the kernel's
# queue.

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator

_FILES = "/proc/self/fd"
_SEEN = os.path.isdir(_FILES)  # elsewhere than on Linux nothing can be seen
_OUTGOING = 0x5411
"""SIOCOUTQ: bytes sent and not acknowledged."""

LOOK = 256 * 1024
"""Bytes sent between two looks: short answers are never looked at."""

_MOST = 512 * 1024
_SHORT, _LONG = 0.01, 0.25


class Backpressure:
    # How much a client has not read yet.

    __slots__ = ("_file", "_peer")

    def __init__(self, client: str) -> None:
        host, _, port = client.rpartition(":")
        self._peer = (host.strip("[]"), int(port) if port.isdigit() else 0)
        self._file = -1

    async def relieved(self) -> None:
        # Return when not much is waiting for the client any more, or when it has gone.
        wait = _SHORT
        while self.waiting() > _MOST:
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, _LONG)

    def waiting(self) -> int:
        # Bytes that it has not taken; 0 where that cannot be seen.
        if not _SEEN:
            return 0
        found = _outgoing(self._file, self._peer) if self._file >= 0 else None
        if found is None:
            self._file, found = _find(self._peer)
        return found


_Peer = tuple[str, int]

_REST = 5.0
"""Looking through all files takes at most one part in so many of the time."""

_files: dict[_Peer, int] = {}
_again = 0.0


def _find(peer: _Peer) -> tuple[int, int]:
    # The file of the connection to a peer, and what is in its queue; -1 and 0 where it is not known yet.
    # All files are looked through for all peers at once, and not all the time: with a thousand connections it takes ten
    # milliseconds, and streams that began together come here together.
    global _again
    number = _files.get(peer)
    found = None if number is None else _outgoing(number, peer)
    began = time.monotonic()
    if found is None and began >= _again:
        _files.clear()
        _files.update(_connections())
        now = time.monotonic()
        _again = now + _REST * (now - began)
        number = _files.get(peer)
        found = None if number is None else _outgoing(number, peer)
    return (-1, 0) if number is None or found is None else (number, found)


def _connections() -> Iterator[tuple[_Peer, int]]:
    # Every connection of this process: whom it leads to, and the number of its file.
    for name in os.listdir(_FILES):
        with contextlib.suppress(OSError):
            if os.readlink(f"{_FILES}/{name}").startswith("socket:"):
                with socket.socket(fileno=os.dup(int(name))) as connection:
                    if connection.family in (socket.AF_INET, socket.AF_INET6):
                        yield connection.getpeername()[:2], int(name)


def _outgoing(number: int, peer: _Peer) -> int | None:
    # What is in the queue of a file, if it is the connection to this peer: numbers of files are used again.
    import fcntl  # not on Windows

    try:
        with socket.socket(fileno=os.dup(number)) as connection:
            if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.getpeername()[:2] != peer:
                return None
            (found,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), _OUTGOING, bytes(4)))
            return int(found)
    except OSError:
        return None

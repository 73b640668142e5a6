"""Runs the command line where nothing can be reached: no internet socket can be made, and the HTTP client cannot be loaded.

A program of its own, because the second is done before anything of Lingate's is imported.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

_INTERNET = {int(socket.AF_INET), int(socket.AF_INET6)}


def _deny(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto"):
        raise SystemExit(f"the network is cut: {event}")
    if event == "socket.__new__" and int(arguments[1]) in _INTERNET:
        raise SystemExit("the network is cut: an internet socket")


def main() -> int:
    sys.addaudithook(_deny)
    sys.modules["pyreqwest"] = None  # type: ignore[assignment] # it is not made of Python's sockets
    from lingate.cli import main as lingate

    return lingate()


if __name__ == "__main__":
    sys.exit(main())

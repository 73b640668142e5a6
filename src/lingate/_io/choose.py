# Which transport a client uses in this process.

from __future__ import annotations

import os
import sys
import threading
from importlib import import_module
from typing import Any, Literal

from lingate._io.transport import AsyncTransport, Transport
from lingate._providers import lookup
from lingate.errors import ConfigError, MissingExtraError

forks = 0
"""Another number in a forked child than in its parent. Asking the system for the process's id costs up to a microsecond."""
_NOTHING = -1, None


def _note_fork() -> None:
    global forks
    forks += 1
    lookup.registered += 1  # what was looked up holds signers, for which threads of the parent may be fetching


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


class Chooser:
    # Makes a client's transport at its first use, and another one in a forked child, where pyreqwest cannot work.

    def __init__(self, given: Any, colour: Literal["sync", "async"]) -> None:
        ends, other = ("close", "aclose") if colour == "sync" else ("aclose", "close")
        if given is not None and not hasattr(given, ends):
            word = "blocking" if colour == "sync" else "awaited"
            hint = f"it has {other}(): it is for the other client" if hasattr(given, other) else None
            raise ConfigError(f"transport must be a {word} transport, not {type(given).__name__}", hint=hint)
        self._given = given
        self._colour = colour
        # The generation and what was made in it: one object, as it is read without the lock.
        self._made: tuple[int, Any] = _NOTHING
        self._lock = threading.Lock()

    def get(self) -> Any:
        # The transport for this process.
        # Raises ConfigError: This is a forked child, and the transport that would work here is not installed.
        if self._given is not None:
            return self._given
        made = self._made
        if made[0] == forks:
            return made[1]
        with self._lock if made[0] < 0 else threading.Lock():
            # A lock taken by another thread at the moment of the fork would stay taken in the child for ever.
            made = self._made
            if made[0] != forks:
                made = self._made = forks, _make(self._colour)
        return made[1]

    def drop(self) -> Any:
        # The transport to be closed, None if there is none of ours in this process.
        made, self._made = self._made, _NOTHING
        return made[1] if made[0] == forks else None


def _load_to_stay() -> None:
    # Have pyreqwest loaded by a thread that never ends.
    # Its allocator belongs to the thread that loads it: once that one has ended, the next call of another thread ends the
    # process (pyreqwest 0.15 with mimalloc, "Segmentation fault"). The main thread stays anyhow.
    if _STAYS in sys.modules or threading.current_thread() is threading.main_thread():
        return
    loaded = threading.Event()

    def stay() -> None:
        try:
            import_module(_STAYS)
        except ImportError:
            return  # told by the caller's own import
        finally:
            loaded.set()
        threading.Event().wait()

    threading.Thread(target=stay, name="lingate-loader", daemon=True).start()
    loaded.wait()


_STAYS = "lingate._io.via_pyreqwest"


def _make(colour: str) -> Transport | AsyncTransport:
    _load_to_stay()
    try:
        from lingate._io import via_pyreqwest
    except ImportError:
        return _httpx(colour, "pyreqwest has no wheel for this platform: pip install 'lingate[httpx]'")
    if via_pyreqwest.usable():
        if colour == "sync":
            return via_pyreqwest.SyncPyreqwest()
        from lingate._io.via_pyreqwest_aio import AsyncPyreqwest

        return AsyncPyreqwest()
    return _httpx(
        colour,
        "this process was forked after Lingate was used in its parent, and the HTTP client's threads do not survive a fork: "
        "pip install 'lingate[httpx]' for a client that does, or make the first call after the fork (spawn, not fork)",
    )


def _httpx(colour: str, why: str) -> Transport | AsyncTransport:
    try:
        from lingate._io import via_httpx2
    except MissingExtraError:
        raise ConfigError(why) from None
    return via_httpx2.SyncHttpx() if colour == "sync" else via_httpx2.AsyncHttpx()

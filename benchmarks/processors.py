"""Who runs where: the peers on one processor, the provider that they call on another.

Left to the scheduler, a peer's threads wake each other now on one processor and now across two, which costs twice as
much; which of the two it is turns on a microsecond of nginx's, and was seen to change from one round to the next.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


def peers() -> contextlib.AbstractContextManager[None]:
    """Processes that are started in here are peers."""
    return _kept_to(-1)


def provider() -> contextlib.AbstractContextManager[None]:
    """Processes that are started in here are called by them."""
    return _kept_to(0)


@contextlib.contextmanager
def _kept_to(which: int) -> Iterator[None]:
    # A process inherits where it may run. Elsewhere than on Linux, or with one processor only, nobody is kept anywhere.
    if sys.platform != "linux" or len(everywhere := os.sched_getaffinity(0)) < 2:
        yield
        return
    os.sched_setaffinity(0, {sorted(everywhere)[which]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)

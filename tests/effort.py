"""What work costs a processor, told so that a busy machine and a collector's round in between do not count."""

from __future__ import annotations

import time
from collections.abc import Callable


def least_cpu(work: Callable[..., object], *args: object, tries: int = 5) -> float:
    """Return the seconds of this thread's own that the cheapest of some tries took."""
    found = []
    for _ in range(tries):
        began = time.thread_time()
        work(*args)
        found.append(time.thread_time() - began)
    return min(found)

"""Tasks that run for as long as the gateway does."""

from __future__ import annotations

import asyncio
import contextlib


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks, and return when all have ended; the list is empty then."""
    ending, tasks[:] = tasks[:], []
    for task in ending:
        task.cancel()
    for task in ending:
        with contextlib.suppress(asyncio.CancelledError):
            await task

"""A process that writes rows until it is killed. Run with the journal's directory and the database's URL.

It imports everything once; each line on its standard input makes a child that writes rows, and each row's id goes to standard
output when `write` has returned: whoever has read it may rely on the row.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from pathlib import Path

from lingate.server.ledger import Drainer, Journal
from lingate.server.store import Store
from tests.server.rows import make_row


async def write_until_killed(root: Path, url: str) -> None:
    """Write rows in bursts, as traffic comes, with everything so small and quick that each step is often interrupted."""
    journal = Journal(root, segment_bytes=16_384)
    drainer = Drainer(journal, Store(url), interval=0.002, sync_interval=0.01, adopt_interval=0.02)
    task = asyncio.create_task(drainer.run())
    dice = random.Random(os.getpid())
    number = 0
    while not task.done():
        for _ in range(dice.randrange(1, 40)):
            number += 1
            row = make_row(id=f"{time.time_ns():020}-{os.getpid()}-{number}", cost=0.25, tags=("x",), end_user="e")
            journal.write(row)
            os.write(1, row.id.encode() + b"\n")
        await asyncio.sleep(dice.random() * 0.004)
    await task


def main(root: str, url: str) -> None:
    """Make a child for each line read."""
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(write_until_killed(Path(root), url))
            return
        os.write(1, f"pid {pid}\n".encode())
        os.waitpid(pid, 0)
        os.write(1, b"dead\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

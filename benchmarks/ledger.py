"""What the usage ledger costs, without the gateway around it: microseconds of CPU a row, and memory and time at start.

python -m benchmarks.ledger                          SQLite, in a temporary directory
python -m benchmarks.ledger postgresql://...         an empty Postgres database
"""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lingate.server.ledger import Drainer, Journal
from lingate.server.records import LedgerRow
from lingate.server.store import open_store

ROWS = 20_000
_START = """
import time
began = time.perf_counter()
import asyncio, msgspec
def memory(): return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
base, ready = memory(), time.perf_counter()
from lingate.server.ledger import Drainer, Journal
from lingate.server.store import open_store
imported = time.perf_counter()
async def main():
    await (await open_store({url!r})).close()
asyncio.run(main())
opened = time.perf_counter()
print(f"import {{1e3 * (imported - ready):.0f}} ms, open {{1e3 * (opened - imported):.0f}} ms, {{memory() - base:.1f}} MB")
"""


def make_row(number: int) -> LedgerRow:
    """A row as a gateway with keys, teams and prices writes it."""
    return LedgerRow(
        id=f"{int(time.time() * 1000):012x}{secrets.token_hex(8)}",
        at=time.time(),
        key_id=f"key_{number % 50}",
        key_alias="production",
        team_id=f"team_{number % 5}",
        user_id="user_1",
        face="openai_chat",
        operation="chat",
        stream=True,
        model="gpt-4o-mini",
        deployment="3fae3b2c",
        provider="examplegw",
        provider_model="gpt-4o-mini-2024-07-18",
        attempts=1,
        prompt_tokens=number,
        completion_tokens=22,
        cached_tokens=0,
        reasoning_tokens=0,
        cost=0.00012345,
        price="2026-11-01",
        seconds=1.234,
        ttft=0.2,
        upstream=1.2,
        finish="stop",
        request_id="chatcmpl-abcdefgh",
    )


async def measure(url: str, journals: Path) -> None:
    """Write rows, copy them, print what each cost this process."""
    store = await open_store(url)
    journal = Journal(journals)
    drainer = Drainer(journal, store)
    await drainer.flush()
    rows = [make_row(number) for number in range(ROWS)]
    began = time.process_time()
    for row in rows:
        journal.write(row)
    written = time.process_time()
    await drainer.flush()
    drained = time.process_time()
    print(f"write {1e6 * (written - began) / ROWS:.1f} us a row, copy {1e6 * (drained - written) / ROWS:.1f} us a row")
    began = time.process_time()
    for number in range(100):
        journal.write(make_row(number))
        await drainer.flush()
    print(f"copy a single row {1e6 * (time.process_time() - began) / 100:.0f} us")
    await drainer.stop()
    journal.close()
    await store.close()


def main() -> None:
    """Measure on the database that was named, or on SQLite."""
    with tempfile.TemporaryDirectory() as directory:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{directory}/ledger.db"
        for _ in range(2):
            subprocess.run([sys.executable, "-c", _START.format(url=url)], check=True)
        asyncio.run(measure(url, Path(directory) / "journal"))


if __name__ == "__main__":
    main()

"""`kill -9` at any moment: each row whose `write` returned is in the database once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from lingate.server.ledger import Drainer, Journal
from lingate.server.store import open_store
from lingate.server.store.schema import journal_positions, ledger, tag_hours, usage_hours

ROOT = Path(__file__).resolve().parents[2]
KILLS = 20


def _kill_often(directory: Path, url: str) -> list[str]:
    """Ids of the rows that were promised by processes which then died."""
    promised: list[str] = []
    dice = random.Random(7)
    victim = subprocess.Popen(
        [sys.executable, "-m", "tests.server.ledger_victim", str(directory), url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"},
    )
    assert victim.stdin is not None
    assert victim.stdout is not None
    with victim.stdin, victim.stdout:
        for _ in range(KILLS):
            print(file=victim.stdin, flush=True)
            end, pid = 0.0, 0
            for line in victim.stdout:
                word = line.split()
                if word[0] == "pid":
                    pid = int(word[1])
                elif word[0] == "dead":
                    break
                else:
                    promised.append(word[0])
                    end = end or time.monotonic() + dice.uniform(0.005, 0.25)
                if pid and end and time.monotonic() > end:
                    os.kill(pid, signal.SIGKILL)
                    end = float("inf")
    assert victim.wait(10) == 0
    return promised


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_no_row_is_missing_and_none_is_twice_after_twenty_kills(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue("postgres") if kind == "postgres" else f"sqlite:///{tmp_path}/l.db"
    promised = _kill_often(tmp_path / "journal", url)

    store = await open_store(url)
    journal = Journal(tmp_path / "journal")
    drainer = Drainer(journal, store)
    assert await drainer.stop(30)
    journal.close()

    async with store.read() as connection:
        ids = list((await connection.execute(select(ledger.c.id))).scalars())
        sums = [
            (await connection.execute(select(func.sum(table.c.calls), func.sum(table.c.cost)))).one()
            for table in (usage_hours, tag_hours)
        ]
        positions = (await connection.execute(select(journal_positions))).all()
    await store.close()
    assert len(promised) > KILLS
    assert len(ids) == len(set(ids))
    assert set(promised) <= set(ids)
    # A process may die between writing a row and saying so.
    assert len(ids) - len(promised) <= KILLS
    assert [(int(calls), cost) for calls, cost in sums] == [(len(ids), len(ids) / 4)] * 2
    assert [path.name for path in (tmp_path / "journal").iterdir()] == ["claim"]
    # A process may die between deleting a journal and forgetting how far it was read.
    assert len(positions) <= KILLS

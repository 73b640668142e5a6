"""Names that callers make up, whatever is in them: what becomes of the ledger and of budgets."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest

from tests.server.asking import ask
from tests.server.gateway_kit import ADMIN, running_gateway
from tests.server.ledger_kit import Starter, start_fixture, stored_ids, url_fixture
from tests.server.raw_upstream import CHAT, chat, config, whole
from tests.server.rows import make_row
from tests.servers import RawServer

__all__ = ["start_fixture", "url_fixture"]

GOOD = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def characters(count: int) -> str:
    """So many, of four bytes each, which nothing makes shorter."""
    dice = Random(1)
    return "".join(chr(dice.randrange(0x20000, 0x2A000)) for _ in range(count))


@pytest.mark.parametrize(
    "more",
    [{"user": characters(1024)}, {"tags": [characters(256)]}, {"user": characters(256), "tags": [characters(64)]}],
    ids=["a user", "a tag", "both"],
)
def test_as_long_as_no_index_of_postgres_holds_do_not_stop_the_ledger(
    upstream: RawServer, tmp_path: Path, postgres: str, more: dict[str, Any]
) -> None:
    with running_gateway(config(upstream.url), tmp_path, auth=True, database=postgres) as gateway:
        for name in (f"openai-{characters(500)}", f"openai-{characters(100)}", characters(600)):
            upstream.script = whole(GOOD)
            ask(gateway, CHAT, chat(name, **more), ADMIN)
        upstream.script = whole(GOOD)
        assert ask(gateway, CHAT, chat("openai-x"), ADMIN).status_code == 200
        gateway.flush()

        assert gateway.gateway.drainer.state.rejected_rows == 0
        assert httpx2.get(f"{gateway.url}/admin/spend", headers=ADMIN).json()["totals"]["calls"] == 4


async def test_that_are_too_long_all_the_same_cost_their_own_row_and_no_other(start: Starter) -> None:
    gateway = await start()
    made = [make_row(), make_row(end_user=characters(2000)), make_row()]
    for row in made:
        gateway.journal.write(row)
    await gateway.drainer.flush()

    kept = await stored_ids(gateway.store)
    assert kept == [row.id for row in (made if gateway.store.is_sqlite else made[::2])]
    assert gateway.drainer.state.rejected_rows == len(made) - len(kept)


@pytest.mark.parametrize("on", ["sqlite", "postgres"])
@pytest.mark.parametrize("user", ["\ud800bob", "bob\0", "\0"], ids=["half a pair", "a zero byte", "nothing else"])
def test_that_no_database_holds_are_counted_as_the_ledger_has_them(
    upstream: RawServer, tmp_path: Path, user: str, on: str, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue("postgres") if on == "postgres" else None
    settings = {"litellm_settings": {"max_end_user_budget": 5}}
    with running_gateway(config(upstream.url, settings=settings), tmp_path, auth=True, database=database) as gateway:
        for _ in range(2):
            upstream.script = whole(GOOD)
            body = json.dumps(chat("openai-x", max_tokens=10, user=user, tags=["a\0", "\ud800"]))
            headers = {**ADMIN, "content-type": "application/json"}
            answer = httpx2.post(gateway.url + CHAT, content=body.encode(), headers=headers, timeout=20)
            assert answer.status_code == 200
        limiter = gateway.gateway.access.limiter
        for path in ("teams/a%00b/block", "budgets/%00", "spend/rows/%00"):
            method = "POST" if path.endswith("block") else "GET" if path.endswith("rows/%00") else "PATCH"
            assert httpx2.request(method, f"{gateway.url}/admin/{path}", json={}, headers=ADMIN).status_code == 404

        assert limiter._ask_again <= time.monotonic()  # everybody's budgets are learnt from the ledger
        gateway.flush()
        found = httpx2.get(f"{gateway.url}/admin/spend/rows", headers=ADMIN).json()["data"]
        assert {row["end_user"] for row in found} == {user.replace("\ud800", "?").replace("\0", "") or None}
        assert [row["tags"] for row in found] == [["a", "?"]] * 2
        assert all(budget.known for scope in limiter._passing.values() for budget in scope.budgets)

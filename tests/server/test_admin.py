"""The admin API, asked without sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lingate.server.access import AccessSettings
from lingate.server.access.records import Entry
from lingate.server.admin import is_admin_path
from lingate.server.admin.endpoint import ConfigStatus, DeploymentInfo
from lingate.server.ledger import Drainer, Journal
from lingate.server.records import LedgerRow
from lingate.server.store import Store
from tests.server.access_kit import MASTER, Admin, Books, access


@contextlib.asynccontextmanager
async def admin(tmp_path: Path, settings: AccessSettings | None = None, **parts: Any) -> AsyncIterator[Admin]:
    async with access(tmp_path, settings) as found:
        store = Store(f"sqlite:///{tmp_path}/access.db")
        try:
            yield Admin(found, store, **parts)
        finally:
            await store.close()


async def test_a_key_goes_through_its_life(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        status, made = await api.ask(
            "POST",
            "/admin/keys",
            {"alias": "ci", "max_budget": 5, "budget_duration": "1d", "rpm_limit": 60, "metadata": {"owner": "ann"}},
        )
        key, token = made["key"], made["token"]
        assert status == 201
        assert token.startswith(f"sk-{key['id']}-")
        assert (key["alias"], key["rpm_limit"], key["created_by"], key["expires_at"]) == ("ci", 60, "master", None)
        assert key["budgets"][0] | {"resets_at": 0} == {
            "models": None,
            "max_budget": 5.0,
            "budget_duration": "1d",
            "spent": 0.0,
            "reserved": 0.0,
            "resets_at": 0,
        }
        path = f"/admin/keys/{key['id']}"
        assert (await api.ask("GET", path))[1] == key
        assert (await api.ask("GET", f"/admin/keys/{token}"))[0] == 400, "a token has no place in a URL"

        _, changed = await api.ask("PATCH", path, {"rpm_limit": None, "models": ["gpt-*"], "duration": "30d"})
        assert (changed["rpm_limit"], changed["models"], changed["alias"]) == (None, ["gpt-*"], "ci")
        assert changed["expires_at"] == pytest.approx(time.time() + 30 * 86400, abs=5)

        _, rotated = await api.ask("POST", f"{path}/rotate", {"overlap": "1h"})
        assert rotated["token"] != token
        assert (await api.ask("GET", "/admin/me", key=token))[1]["id"] == key["id"]
        assert (await api.ask("GET", "/admin/me", key=rotated["token"]))[1]["id"] == key["id"]

        assert (await api.ask("POST", f"{path}/block"))[1]["blocked"] is True
        status, refused = await api.ask("GET", "/admin/me", key=token)
        assert (status, refused["error"]["message"]) == (401, "this key is blocked")
        assert (await api.ask("POST", f"{path}/unblock"))[1]["blocked"] is False

        assert (await api.ask("DELETE", path))[0] == 200
        assert (await api.ask("GET", path))[0] == 404
        assert (await api.ask("GET", "/admin/me", key=token))[0] == 401


async def test_what_a_budget_has_spent_is_shown_also_where_only_other_replicas_spend_it(tmp_path: Path) -> None:
    books = Books()
    async with access(tmp_path, spending=books) as found:
        api = Admin(found)
        _, made = await api.ask("POST", "/admin/keys", {"max_budget": 5})
        assert made["key"]["budgets"][0]["spent"] == 0.0

        books.spent["key", made["key"]["id"]] = 4.0
        for path in (f"/admin/keys/{made['key']['id']}", "/admin/keys"):
            _, shown = await api.ask("GET", path)
            assert shown.get("data", [shown])[0]["budgets"][0]["spent"] == 4.0


async def test_keys_are_listed_in_parts_and_by_owner(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        await api.ask("POST", "/admin/teams", {"id": "red"})
        for number in range(5):
            await api.ask("POST", "/admin/keys", {"alias": f"k{number}", "team_id": "red" if number % 2 else None})

        _, first = await api.ask("GET", "/admin/keys", query="limit=2")
        _, rest = await api.ask("GET", "/admin/keys", query=f"limit=10&offset={first['next_offset']}")
        assert [key["alias"] for key in first["data"] + rest["data"]] == ["k4", "k3", "k2", "k1", "k0"]
        assert (first["total"], rest["next_offset"]) == (5, None)
        _, red = await api.ask("GET", "/admin/keys", query="team_id=red")
        assert [key["alias"] for key in red["data"]] == ["k3", "k1"]
        assert (await api.ask("GET", "/admin/keys", query="alias=k2&blocked=false"))[1]["total"] == 1


@pytest.mark.parametrize("many", ["teams", "users", "customers", "tags", "budgets"])
async def test_teams_and_the_like_go_through_their_lives(tmp_path: Path, many: str) -> None:
    async with admin(tmp_path) as api:
        status, made = await api.ask("POST", f"/admin/{many}", {"id": "x/1", "max_budget": 2.5, "tags": ["a"]})
        assert (status, made["id"], made["max_budget"]) == (201, "x/1", 2.5)
        assert (await api.ask("POST", f"/admin/{many}", {"id": "x/1"}))[0] == 409
        _, unnamed = await api.ask("POST", f"/admin/{many}", {})
        assert unnamed["id"].startswith(many.removesuffix("s") + "-")

        assert (await api.ask("PATCH", f"/admin/{many}/x/1", {"alias": "X"}))[1]["alias"] == "X"
        if many != "budgets":
            assert (await api.ask("POST", f"/admin/{many}/x/1/block"))[1]["blocked"] is True
            assert (await api.ask("POST", f"/admin/{many}/x/1/unblock"))[1]["blocked"] is False
        assert (await api.ask("GET", f"/admin/{many}"))[1]["total"] == 2
        assert (await api.ask("GET", f"/admin/{many}/x/1"))[1]["alias"] == "X"
        assert (await api.ask("DELETE", f"/admin/{many}/x/1"))[0] == 200
        assert (await api.ask("DELETE", f"/admin/{many}/x/1"))[0] == 404


async def test_what_others_refer_to_is_not_deleted(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        await api.ask("POST", "/admin/budgets", {"id": "small", "max_budget": 1})
        await api.ask("POST", "/admin/teams", {"id": "red", "budget_id": "small"})
        await api.ask("POST", "/admin/keys", {"team_id": "red"})

        for path in ("/admin/budgets/small", "/admin/teams/red"):
            assert (await api.ask("DELETE", path))[0] == 409


async def test_a_key_and_the_end_of_its_team_at_the_same_time_are_not_both_done(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        for number in range(8):
            await api.ask("POST", "/admin/teams", {"id": f"t{number}"})
            made, deleted = await asyncio.gather(
                api.ask("POST", "/admin/keys", {"team_id": f"t{number}"}), api.ask("DELETE", f"/admin/teams/t{number}")
            )
            assert (made[0], deleted[0]) in {(201, 409), (400, 200)}


async def test_a_key_whose_team_is_gone_by_way_of_another_replica_can_be_changed_and_blocked(tmp_path: Path) -> None:
    async with access(tmp_path) as found:
        api = Admin(found)
        await api.ask("POST", "/admin/teams", {"id": "red"})
        _, made = await api.ask("POST", "/admin/keys", {"team_id": "red"})
        edits = await found.database.edits()
        entry = Entry(at=0.0, actor="another", action="delete", kind="team", subject="red")
        await edits.edit_principal("team", "red", lambda _: None, lambda *_: entry)
        path = f"/admin/keys/{made['key']['id']}"

        assert (await api.ask("PATCH", path, {"rpm_limit": 1}))[1]["rpm_limit"] == 1
        assert (await api.ask("POST", f"{path}/block"))[0] == 200
        assert (await api.ask("GET", "/admin/me", key=made["token"]))[0] == 401
        assert (await api.ask("PATCH", path, {"user_id": "gone"}))[0] == 400


BAD: list[tuple[str, str, Any, int, str | None]] = [
    ("POST", "/admin/keys", {"rpm_limit": -1}, 400, "rpm_limit"),
    ("POST", "/admin/keys", {"rpm_limit": "many"}, 400, "rpm_limit"),
    ("POST", "/admin/keys", {"max_budget": 1e400}, 400, "max_budget"),
    ("POST", "/admin/keys", {"rpm": 5}, 400, None),
    ("POST", "/admin/keys", {"budget_duration": "soon"}, 400, "budget_duration"),
    ("POST", "/admin/keys", {"budget_duration": "999999999y"}, 400, "budget_duration"),
    ("POST", "/admin/keys", {"duration": "1d\n"}, 400, "duration"),
    ("POST", "/admin/keys", {"duration": "1d", "expires_at": 5}, 400, "duration"),
    ("POST", "/admin/keys", {"alias": "a\x00b"}, 400, "alias"),
    ("POST", "/admin/keys", {"team_id": "nobody"}, 400, "team_id"),
    ("POST", "/admin/keys", {"key": "sk-short"}, 400, "key"),
    ("POST", "/admin/keys", {"allowed_ips": ["999.1.1.1"]}, 400, "allowed_ips"),
    ("POST", "/admin/keys", {"metadata": {"x": "y" * 70_000}}, 400, "metadata"),
    ("POST", "/admin/keys", {"models": [""]}, 400, "models[0]"),
    ("POST", "/admin/keys", [], 400, None),
    ("POST", "/admin/budgets", {"budget_id": "other"}, 400, "budget_id"),
    ("PATCH", "/admin/keys/nobody", {}, 404, None),
    ("POST", "/admin/keys/nobody/rotate", {}, 404, None),
    ("POST", "/admin/keys/nobody/block", None, 404, None),
    ("DELETE", "/admin/teams/nobody", None, 404, None),
    ("GET", "/admin/spend/rows/nobody", None, 404, None),
    ("GET", "/admin/nothing", None, 404, None),
    ("PUT", "/admin/keys", {}, 405, None),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "param"), BAD, ids=lambda value: str(value)[:40])
async def test_bad_input_is_refused_and_says_where(
    tmp_path: Path, method: str, path: str, body: Any, status: int, param: str | None
) -> None:
    raw = None if body is None else json.dumps(body).replace("Infinity", "1e400").encode()
    async with admin(tmp_path) as api:
        found, answer = await api.ask(method, path, raw=raw)

        assert (found, answer["error"]["param"]) == (status, param)
        assert answer["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "example"),
    [
        ("POST", "/admin/keys", {"budget_duration": "1x"}, "'30d' - at `$.budget_duration`"),
        ("POST", "/admin/keys", {"duration": "tomorrow"}, "'30d' - at `$.duration`"),
        ("POST", "/admin/keys", {"allowed_ips": ["home"]}, "'10.0.0.0/8' - at `$.allowed_ips[0]`"),
        ("GET", "/admin/spend", "since=yesterday", "'2026-11-20' - at `$.since`"),
    ],
)
async def test_a_text_that_is_written_wrong_is_answered_with_one_that_is_right(
    tmp_path: Path, method: str, path: str, body: Any, example: str
) -> None:
    sent = {"query": body} if method == "GET" else {"raw": json.dumps(body).encode()}
    async with admin(tmp_path) as api:
        status, answer = await api.ask(method, path, **sent)

    assert (status, answer["error"]["message"]) == (400, f"Expected `str` such as {example}")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "offset=-1",
        "colour=red",
        "limit=1&limit=2",
        "team_id=%00",
        "blocked=perhaps",
    ],
)
async def test_bad_queries_are_refused(tmp_path: Path, query: str) -> None:
    async with admin(tmp_path) as api:
        assert (await api.ask("GET", "/admin/keys", query=query))[0] == 400


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/admin/spend", "by=colour"),
        ("/admin/spend", "since=yesterday"),
        ("/admin/spend", "since=2026-13-01"),
        ("/admin/spend", "since=99999999999999"),
        ("/admin/spend/rows", "cursor=garbage"),
        ("/admin/spend/rows.csv", "status=9999999999999999999"),
        ("/admin/models", "x=1"),
    ],
)
async def test_bad_questions_to_the_ledger_are_refused(tmp_path: Path, path: str, query: str) -> None:
    async with admin(tmp_path) as api:
        assert (await api.ask("GET", path, query=query))[0] == 400


@pytest.mark.parametrize("raw", [b"{", b"\xff", b"[" * 100_000, b'{"alias": "\\ud800"}', b"nan", b"null", b'"x"'])
async def test_bodies_that_are_no_json_object_are_refused(tmp_path: Path, raw: bytes) -> None:
    async with admin(tmp_path) as api:
        for path in ("/admin/keys", "/key/generate"):
            assert (await api.ask("POST", path, raw=raw))[0] == 400


async def test_metadata_of_any_depth_are_kept_or_refused(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        for depth in range(500, 1000, 5):
            status, _ = await api.ask(
                "POST", "/admin/keys", raw=b'{"metadata": {"a": %s1%s}}' % (b"[" * depth, b"]" * depth)
            )
            assert status in {201, 400}
        assert (await api.ask("GET", "/admin/keys", query="limit=1000"))[0] == 200


async def test_administrators_alone_are_let_in(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        _, plain = await api.ask("POST", "/admin/keys", {})
        _, chief = await api.ask("POST", "/admin/keys", {"admin": True})

        assert (await api.ask("GET", "/admin/keys", key=None))[0] == 401
        assert (await api.ask("GET", "/admin/keys", key="sk-wrong"))[0] == 401
        assert (await api.ask("GET", "/admin/keys", key=plain["token"]))[0] == 403
        assert (await api.ask("GET", "/admin/keys", key=chief["token"]))[0] == 200
        assert (await api.ask("GET", "/admin/keys", key=None, headers=[("x-api-key", MASTER)]))[0] == 200
        _, headers, _ = await api.exchange("GET", "/admin/keys", key=None)
        assert headers["www-authenticate"] == "Bearer"


async def test_the_admin_api_keeps_to_addresses_too(tmp_path: Path) -> None:
    settings = AccessSettings(master_key=MASTER, allowed_ips=("10.0.0.0/8",), trusted_proxies=("192.0.2.1",))
    async with admin(tmp_path, settings) as api:
        assert (await api.ask("GET", "/admin/keys", peer="10.1.2.3"))[0] == 200
        assert (await api.ask("GET", "/admin/keys", peer="203.0.113.5"))[0] == 403
        forwarded = [("x-forwarded-for", "10.9.9.9")]
        assert (await api.ask("GET", "/admin/keys", peer="203.0.113.5", headers=forwarded))[0] == 403
        assert (await api.ask("GET", "/admin/keys", peer="192.0.2.1", headers=forwarded))[0] == 200
        _, made = await api.ask("POST", "/admin/keys", {"admin": True, "allowed_ips": ["10.0.0.5"]}, peer="10.1.2.3")
        assert (await api.ask("GET", "/admin/keys", key=made["token"], peer="10.0.0.5"))[0] == 200
        assert (await api.ask("GET", "/admin/keys", key=made["token"], peer="10.0.0.6"))[0] == 403


async def test_every_change_is_in_the_audit_log_and_no_secret_is(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        _, made = await api.ask(
            "POST", "/admin/keys", {"alias": "ci", "metadata": {"password": "canary-1"}}, peer="10.0.0.7"
        )
        path = f"/admin/keys/{made['key']['id']}"
        await api.ask("PATCH", path, {"rpm_limit": 5, "metadata": {"password": "canary-2"}})
        _, rotated = await api.ask("POST", f"{path}/rotate")
        await api.ask("POST", f"{path}/block")
        await api.ask("POST", "/admin/config/reload")
        await api.ask("DELETE", path)
        await api.ask("POST", "/admin/keys", {"rpm_limit": -1})

        _, log = await api.ask("GET", "/admin/audit")
        _, of_key = await api.ask("GET", "/admin/audit", query=f"kind=key&subject={made['key']['id']}&limit=2")

    entries = log["data"]
    assert [entry["action"] for entry in entries] == ["delete", "reload", "block", "rotate", "update", "create"]
    assert {entry["actor"] for entry in entries} == {"master"}
    assert entries[-1]["address"] == "10.0.0.7"
    assert entries[-1]["changes"]["alias"] == {"to": "ci"}
    assert entries[-2]["changes"] == {"rpm_limit": {"to": 5}, "metadata": {}}
    assert [entry["action"] for entry in of_key["data"]] == ["delete", "block"]
    text = json.dumps(log)
    for secret in (made["token"], rotated["token"], MASTER, "canary"):
        assert secret not in text


async def test_spending_is_shown_in_sums_row_by_row_and_as_csv(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        await _calls(tmp_path)

        _, sums = await api.ask("GET", "/admin/spend", query="by=key_id,model&since=2026-11-20&until=2026-11-21")
        assert {(row["key_id"], row["model"], row["calls"]) for row in sums["data"]} == {
            ("k1", "gpt", 2),
            ("k2", "gpt", 1),
        }
        assert sums["totals"]["cost"] == pytest.approx(0.06)
        _, first = await api.ask("GET", "/admin/spend/rows", query="limit=2&key_id=k1")
        assert [row["id"] for row in first["data"]] == ["c1", "c0"]
        _, page = await api.ask("GET", "/admin/spend/rows", query="limit=1")
        _, more = await api.ask("GET", "/admin/spend/rows", query=f"limit=5&cursor={page['next_cursor']}")
        assert [row["id"] for row in page["data"] + more["data"]] == ["c2", "c1", "c0"]
        assert (await api.ask("GET", "/admin/spend/rows/c1"))[1]["cost"] == pytest.approx(0.02)
        status, headers, body = await api.exchange("GET", "/admin/spend/rows.csv")
        assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
        assert body.decode().count("\r\n") == 4
        _, sums_csv = await api.ask("GET", "/admin/spend.csv", query="by=day")
        assert sums_csv.splitlines()[1].startswith("2026-11-20,3,")


async def test_of_more_sums_than_are_wanted_there_are_the_latest_or_the_dearest(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        await _calls(tmp_path, 3601)

        _, hours = await api.ask("GET", "/admin/spend", query="by=hour&limit=1")
        assert [sums["hour"] for sums in hours["data"]] == ["2026-11-20T14:00:00Z"]
        _, keys = await api.ask("GET", "/admin/spend", query="by=key_id&limit=1")
        assert [sums["key_id"] for sums in keys["data"]] == ["k1"]
        _, table = await api.ask("GET", "/admin/spend.csv", query="by=hour&limit=1")
        assert [line[:20] for line in table.splitlines()[1:]] == ["2026-11-20T14:00:00Z"]


async def test_a_csv_of_many_calls_comes_whole(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        await _calls(tmp_path, 2100)

        _, _, body = await api.exchange("GET", "/admin/spend/rows.csv")
        assert body.decode().count("\r\n") == 2101
        _, _, nothing = await api.exchange("GET", "/admin/spend/rows.csv", query="key_id=nobody")
        assert nothing.decode().count("\r\n") == 1


async def test_a_csv_whose_database_goes_away_in_the_middle_says_that_it_is_not_whole(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        await _calls(tmp_path, 4000)
        pieces: list[bytes] = []
        asked = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if asked.is_set():
                await asyncio.Event().wait()
            asked.set()
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            pieces.append(message.get("body", b""))
            if len(pieces) == 3:
                with sqlite3.connect(tmp_path / "access.db") as database:
                    database.execute("ALTER TABLE ledger RENAME TO gone")
                database.close()

        headers = [(b"authorization", f"Bearer {MASTER}".encode())]
        scope = {"type": "http", "method": "GET", "path": "/admin/spend/rows.csv", "raw_path": b"", "headers": headers}
        await api.app({**scope, "query_string": b"", "client": ("127.0.0.1", 1), "root_path": ""}, receive, send)

        text = b"".join(pieces).decode()
        assert 1000 < text.count("\r\n") < 4000
        assert text.splitlines()[-1] == "# the rest is missing: the database does not answer"


async def _calls(tmp_path: Path, count: int = 3) -> None:
    store, journal = Store(f"sqlite:///{tmp_path}/access.db"), Journal(tmp_path / "journal")
    drainer = Drainer(journal, store)
    for number in range(count):
        at, key_id = 1_795_179_600.0 + number, "k2" if number == 2 else "k1"
        journal.write(
            LedgerRow(id=f"c{number}", at=at, key_id=key_id, model="gpt", prompt_tokens=10, cost=0.01 * (number + 1))
        )
    await drainer.flush()
    await drainer.stop(deadline=5.0)
    journal.close()
    await store.close()


async def test_models_config_and_status_are_shown_as_the_gateway_tells_them(tmp_path: Path) -> None:
    async def reload() -> ConfigStatus:
        return ConfigStatus(path="/etc/gateway.yaml", loaded_at=5.0, error="line 3 is wrong")

    parts = {
        "deployments": lambda: [
            DeploymentInfo(id="d1", model_name="gpt", provider="openai", model="gpt-4o", cooling=3.0)
        ],
        "config": lambda: ConfigStatus(path="/etc/gateway.yaml", warnings=("w",)),
        "reload": reload,
        "facts": lambda: {"journal": {"pending_bytes": 7}},
    }
    async with admin(tmp_path, **parts) as api:
        assert (await api.ask("GET", "/admin/models"))[1]["data"][0]["cooling"] == 3.0
        assert (await api.ask("GET", "/admin/config"))[1]["warnings"] == ["w"]
        assert (await api.ask("POST", "/admin/config/reload"))[1]["error"] == "line 3 is wrong"
        _, status = await api.ask("GET", "/admin/status")
        assert (status["facts"], status["keys"]) == ({"journal": {"pending_bytes": 7}}, 0)
        _, models = await api.ask("GET", "/v1/model/info")
        assert models["data"][0]["litellm_params"] == {"model": "openai/gpt-4o"}


async def test_any_key_is_told_what_the_models_that_it_may_use_can_do(tmp_path: Path) -> None:
    found = [
        DeploymentInfo(
            id=name, model_name=name, provider="p", model=name, max_input=9, max_output=5, abilities=("vision",)
        )
        for name in ("mine", "theirs")
    ]
    async with admin(tmp_path, deployments=lambda: found) as api:
        key = (await api.ask("POST", "/admin/keys", {"models": ["mine"]}))[1]["token"]
        _, told = await api.ask("GET", "/v1/model/info", key=key)
        _, one = await api.ask("GET", "/model/info", query="litellm_model_id=theirs")

    (mine,) = told["data"]
    assert mine["model_info"]["max_input_tokens"] == 9
    assert mine["model_info"]["max_output_tokens"] == mine["model_info"]["max_tokens"] == 5
    assert mine["model_info"]["supports_vision"]
    assert [entry["model_name"] for entry in one["data"]] == ["theirs"]


async def test_without_the_database_reading_goes_on_and_writing_is_503(tmp_path: Path) -> None:
    async with access(tmp_path, url="postgresql://nobody@127.0.0.1:1/none") as found:
        api = Admin(found)

        assert (await api.ask("GET", "/admin/keys", key="sk-wrong-wrong-wrong-wrong"))[0] == 401
        status, headers, body = await api.exchange("POST", "/admin/keys", {})
        assert (status, headers["retry-after"]) == (503, "2")
        assert b"does not answer" in body
        assert (await api.ask("GET", "/admin/models"))[0] == 200


async def test_answers_with_keys_are_not_to_be_kept(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        _, headers, _ = await api.exchange("POST", "/admin/keys", {})

        assert headers["cache-control"] == "no-store"


def test_paths_of_the_admin_api_are_told_from_others() -> None:
    assert all(map(is_admin_path, ("/admin", "/admin/keys", "/key/generate", "/v1/model/info", "/spend/logs")))
    assert not any(map(is_admin_path, ("/administrator", "/v1/models", "/keys", "/", "/v1/chat/completions")))

"""The endpoints of LiteLLM's proxy that scripts use, answered by the same records."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.access_kit import MASTER, Admin, Books, access
from tests.server.test_admin import _calls, admin


async def test_a_key_is_generated_shown_changed_and_deleted(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        body = {
            "key_alias": "ci",
            "duration": "30d",
            "models": ["gpt-4"],
            "max_parallel_requests": 3,
            "model_max_budget": {"gpt-4": {"budget_limit": "0.5", "time_period": "1d"}},
            "guardrails": [],
            "permissions": {},
            "key_type": "default",
            "send_invite_email": False,
        }
        status, made = await api.ask("POST", "/key/generate", body)
        assert (status, made["key_alias"], made["max_parallel_requests"]) == (200, "ci", 3)
        assert made["expires"].endswith("+00:00")
        assert made["model_max_budget"] == {"gpt-4": {"max_budget": 0.5, "budget_duration": "1d"}}

        _, info = await api.ask("GET", "/key/info", query=f"key={made['key']}")
        assert (info["info"]["key_alias"], info["info"]["key"]) == ("ci", None)
        _, mine = await api.ask("GET", "/key/info", key=made["key"])
        assert mine["key"] == made["token_id"]

        _, changed = await api.ask("POST", "/key/update", {"key": made["key"], "rpm_limit": 9, "max_budget": 3})
        assert (changed["rpm_limit"], changed["spend"]) == (9, 0.0)
        assert (await api.ask("POST", "/key/block", {"key": made["key"]}))[1]["blocked"] is True
        assert (await api.ask("POST", "/key/unblock", {"key": made["token_id"]}))[1]["blocked"] is False
        _, again = await api.ask("POST", "/key/regenerate", {"key": made["key"]})
        assert again["key"] != made["key"]
        assert again["token"] == made["token"]
        assert (await api.ask("GET", "/key/list"))[1]["total_count"] == 1
        assert (await api.ask("POST", "/key/delete", {"key_aliases": ["ci"]}))[1] == {"deleted_keys": ["ci"]}
        assert (await api.ask("GET", "/key/list"))[1]["keys"] == []


async def test_what_was_spent_is_the_ledgers_word_also_after_a_restart(tmp_path: Path) -> None:
    books = Books()
    async with access(tmp_path, spending=books) as found:
        api = Admin(found)
        for path, body in (("/team/new", {"team_id": "red"}), ("/customer/new", {"user_id": "ann"})):
            assert (await api.ask("POST", path, {**body, "max_budget": 9}))[0] == 200
        _, made = await api.ask("POST", "/key/generate", {"team_id": "red", "max_budget": 9})
        books.spent = {("key", made["token_id"]): 1.0, ("team", "red"): 2.0, ("end_user", "ann"): 3.0}
        assert (await api.ask("GET", "/key/list"))[1]["keys"][0]["spend"] == 1.0
        assert (await api.ask("GET", "/team/list"))[1][0]["spend"] == 2.0
        assert (await api.ask("GET", "/customer/info", query="end_user_id=ann"))[1]["spend"] == 3.0

    async with access(tmp_path, spending=books) as found:
        _, team = await Admin(found).ask("GET", "/team/info", query="team_id=red")
        assert team["team_info"]["spend"] == 2.0


async def test_a_key_that_is_blocked_or_over_is_still_named_by_its_token(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        _, made = await api.ask("POST", "/key/generate", {})
        token = made["key"]
        assert (await api.ask("POST", "/key/block", {"key": token}))[0] == 200
        assert (await api.ask("GET", "/key/info", query=f"key={token}"))[1]["key"] == made["token_id"]
        assert (await api.ask("GET", "/spend/logs", query=f"api_key={token}"))[0] == 200
        assert (await api.ask("POST", "/key/unblock", {"key": token}))[1]["blocked"] is False
        await api.ask("PATCH", f"/admin/keys/{made['token_id']}", {"expires_at": 1})
        assert (await api.ask("POST", "/key/update", {"key": token, "duration": "1d"}))[0] == 200
        assert (await api.ask("GET", "/key/info", key=token))[0] == 200
        await api.ask("PATCH", f"/admin/keys/{made['token_id']}", {"expires_at": 1})
        assert (await api.ask("POST", "/key/delete", {"keys": [token]}))[1] == {"deleted_keys": [token]}
        assert (await api.ask("GET", "/key/info", query=f"key={token}"))[0] == 404


async def test_a_key_may_ask_for_itself_and_for_no_other(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        _, one = await api.ask("POST", "/key/generate", {})
        _, two = await api.ask("POST", "/key/generate", {})

        assert (await api.ask("GET", "/key/info", query=f"key={one['key']}", key=one["key"]))[0] == 200
        assert (await api.ask("GET", "/key/info", query=f"key={two['token']}", key=one["key"]))[0] == 403
        assert (await api.ask("GET", "/key/info", query="key=nobody", key=one["key"]))[0] == 403
        assert (await api.ask("GET", "/key/list", key=one["key"]))[0] == 403
        assert (await api.ask("GET", "/key/info", query="key=nobody"))[0] == 404


@pytest.mark.parametrize(
    "body", [{"guardrails": ["x"]}, {"enforced_params": ["user"]}, {"rpm_limit": "x"}, {"alias": "no"}]
)
async def test_what_is_not_done_here_is_refused_and_not_dropped(tmp_path: Path, body: dict[str, object]) -> None:
    async with admin(tmp_path) as api:
        assert (await api.ask("POST", "/key/generate", body))[0] == 400


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("modles", "modles is unknown; did you mean 'models'?"),
        ("enforced_params", "enforced_params is unknown; known are "),
    ],
)
async def test_a_field_that_is_not_known_is_told_with_those_that_are(tmp_path: Path, field: str, said: str) -> None:
    async with admin(tmp_path) as api:
        for path in ("/key/generate", "/user/new", "/admin/keys"):
            assert (await api.ask("POST", path, {field: "x"}))[1]["error"]["message"].startswith(said)
        _, answer = await api.ask("GET", "/spend/logs", query="start_dat=2026-11-20")
        assert answer["error"]["message"] == "start_dat is unknown; did you mean 'start_date'?"


async def test_what_is_at_no_path_leads_to_the_list_of_paths(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        status, answer = await api.ask("GET", "/user/list")
        assert (status, "/admin/openapi.json" in answer["error"]["message"]) == (404, True)


async def test_teams_users_customers_and_budgets(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        _, team = await api.ask("POST", "/team/new", {"team_alias": "Red", "team_id": "red", "max_budget": 10})
        assert (team["team_id"], team["team_alias"], team["spend"]) == ("red", "Red", 0.0)
        await api.ask("POST", "/key/generate", {"team_id": "red"})
        _, info = await api.ask("GET", "/team/info", query="team_id=red")
        assert (info["team_info"]["max_budget"], len(info["keys"])) == (10, 1)
        assert [team["team_id"] for team in (await api.ask("GET", "/team/list"))[1]] == ["red"]
        assert (await api.ask("POST", "/team/update", {"team_id": "red", "rpm_limit": 4}))[1]["data"]["rpm_limit"] == 4
        assert (await api.ask("POST", "/team/delete", {"team_ids": ["red"]}))[0] == 409

        assert (await api.ask("POST", "/user/new", {"user_id": "ann", "user_alias": "Ann"}))[1]["user_alias"] == "Ann"
        assert (await api.ask("GET", "/user/info", query="user_id=ann"))[1]["keys"] == []
        assert (await api.ask("POST", "/customer/new", {"user_id": "c1", "rpm_limit": 2}))[1]["user_id"] == "c1"
        assert (await api.ask("GET", "/customer/info", query="end_user_id=c1"))[1]["rpm_limit"] == 2
        assert (await api.ask("POST", "/budget/new", {"budget_id": "b", "max_budget": 1}))[1]["budget_id"] == "b"
        assert (await api.ask("POST", "/budget/new", {"budget_id": "b"}))[0] == 409


async def test_logs_of_spending(tmp_path: Path) -> None:
    async with admin(tmp_path) as api:
        await _calls(tmp_path)

        _, logs = await api.ask("GET", "/spend/logs", query="start_date=2026-11-20&end_date=2026-11-20")
        assert [log["request_id"] for log in logs] == ["c2", "c1", "c0"]
        for end, count in (
            ("2026-11-20T13:00:01Z", 1),
            ("2026-11-20%2013:00:01", 1),
            ("1795179602", 2),
            ("2026-11-19", 0),
        ):
            assert len((await api.ask("GET", "/spend/logs", query=f"end_date={end}"))[1]) == count
        assert logs[0]["spend"] == pytest.approx(0.03)
        assert logs[0]["startTime"].startswith("2026-11-20T")
        assert len((await api.ask("GET", "/spend/logs", query="request_id=c1"))[1]) == 1
        assert (await api.ask("GET", "/spend/logs", query="request_id=none"))[1] == []
        assert (await api.ask("GET", "/spend/logs", query="api_key=sk-nobody"))[0] == 404
        assert (await api.ask("GET", "/spend/logs", query="start_date=x"))[0] == 400
        assert (await api.ask("GET", "/spend/logs", key=MASTER + "x"))[0] == 401

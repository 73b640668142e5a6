"""`lingate keys` against a running gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cli.driver import lingate
from tests.server.gateway_kit import MASTER, running_gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_gateway("model_list: []\n", tmp_path_factory.mktemp("gateway"), auth=True) as running:
        yield running.url


@pytest.fixture
def env(gateway: str) -> dict[str, str]:
    return {"LINGATE_URL": gateway, "LINGATE_MASTER_KEY": MASTER}


def test_a_key_is_made_shown_changed_rotated_blocked_and_deleted(env: dict[str, str]) -> None:
    options = [
        "--budget",
        "5",
        "--per",
        "1d",
        "--rpm",
        "60",
        "-m",
        "gpt-*",
        "-m",
        "claude",
        "--tag",
        "ci",
        "--expires",
        "30d",
    ]
    made = lingate("keys", "create", "--alias", "ci", "--metadata", '{"owner": "ann"}', *options, **env)
    token = made.out.strip()
    assert token.startswith("sk-")
    assert "shown this once" in made.err

    shown = lingate("keys", "show", "ci", **env).out
    assert "gpt-*, claude" in shown
    assert "$0.0000 of $5.00, begins anew" in shown
    assert token not in shown
    key = json.loads(lingate("keys", "show", token, "--json", **env).out)
    assert (key["alias"], key["rpm_limit"], key["tags"], key["metadata"]) == ("ci", 60, ["ci"], {"owner": "ann"})

    changed = json.loads(
        lingate("keys", "update", key["id"], "--tpm", "1000", "--clear", "models", "--json", **env).out
    )
    assert (changed["tpm_limit"], changed["rpm_limit"], changed["models"]) == (1000, 60, [])
    new = lingate("keys", "rotate", "ci", "--overlap", "1h", **env).out.strip()
    assert new != token
    assert json.loads(lingate("keys", "show", new, "--json", **env).out)["id"] == key["id"]

    assert lingate("keys", "block", "ci", **env).out == f"{key['id']} blocked\n"
    assert "blocked" in lingate("keys", "list", "--blocked", **env).out
    assert lingate("keys", "unblock", "ci", **env).out == f"{key['id']} unblocked\n"
    assert lingate("keys", "delete", "ci", **env).out == f"{key['id']} deleted\n"
    assert json.loads(lingate("keys", "list", "--json", **env).out) == []


def test_a_list_is_a_table_with_the_state_of_each_key(env: dict[str, str]) -> None:
    ids = [json.loads(lingate("keys", "create", "--alias", name, "--json", **env).out)["key"]["id"] for name in "ab"]

    done = lingate("keys", "list", **env)

    assert done.out.splitlines()[0].split() == ["id", "key", "alias", "team", "user", "models", "spent", "state"]
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == ids[::-1]
    assert done.err == "2 keys\n"
    for key_id in ids:
        lingate("keys", "delete", key_id, **env)


def test_a_token_of_ones_own_names_its_key(env: dict[str, str]) -> None:
    from lingate.cli.admin_line import AdminLine

    mine = "sk-brought-along-from-elsewhere"
    made = AdminLine(env["LINGATE_URL"], MASTER).ask("POST", "keys", body={"key": mine, "alias": "own"})

    assert json.loads(lingate("keys", "show", mine, "--json", **env).out)["id"] == made["key"]["id"]
    lingate("keys", "delete", mine, **env)


def test_an_alias_of_several_keys_is_not_guessed(env: dict[str, str]) -> None:
    ids = [json.loads(lingate("keys", "create", "--alias", "twin", "--json", **env).out)["key"]["id"] for _ in "ab"]

    done = lingate("keys", "delete", "twin", code=2, **env)

    assert all(key_id in done.err for key_id in ids)
    for key_id in ids:
        lingate("keys", "delete", key_id, **env)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "nobody"], 5, "there is no key 'nobody'"),
        (["create", "--team", "nobody"], 5, "there is no team 'nobody'"),
        (["create", "--per", "soon"], 5, "budget_duration"),
        (["create", "--metadata", "[1]"], 2, "not a JSON object"),
        (["create", "--rpm=-1"], 2, "--rpm"),
        (["update", "nobody"], 2, "say what to change"),
    ],
)
def test_what_cannot_be_done_says_why(env: dict[str, str], arguments: list[str], code: int, said: str) -> None:
    assert said in lingate("keys", *arguments, code=code, **env).err


def test_a_budget_of_less_than_a_cent_is_not_shown_as_none(env: dict[str, str]) -> None:
    lingate("keys", "create", "--alias", "tiny", "--budget", "0.0004", **env)

    assert "spent                   $0.0000 of $0.000400\n" in lingate("keys", "show", "tiny", **env).out
    assert "$0.0000 of $0.000400" in lingate("keys", "list", **env).out


def test_a_wrong_key_a_missing_key_and_a_missing_gateway_are_told_apart(env: dict[str, str]) -> None:
    refused = lingate("keys", "list", code=3, **{**env, "LINGATE_MASTER_KEY": "sk-wrong"}).err
    assert "AuthenticationError" in refused
    assert "LINGATE_MASTER_KEY is to hold" in refused
    assert "LINGATE_MASTER_KEY" in lingate("keys", "list", code=2, LINGATE_URL=env["LINGATE_URL"]).err
    with_line_end = lingate("keys", "list", code=2, LINGATE_MASTER_KEY="sk-canary-canary\r")
    assert "the gateway's key holds white space" in with_line_end.err
    assert "canary" not in with_line_end.err
    broken = lingate("keys", "list", "--url", "http://[::1", code=2, LINGATE_MASTER_KEY="sk-m")
    assert "the gateway's address is not a base URL" in broken.err
    missing = lingate("keys", "list", "--url", "http://127.0.0.1:1", code=6, LINGATE_MASTER_KEY="sk-canary-canary")
    assert "lingate serve" in missing.err
    assert "canary" not in missing.err
    assert lingate("keys", "list", "--url", "ftp://x", code=2, **env).err


def test_the_address_may_be_written_as_clients_of_openais_need_it(env: dict[str, str]) -> None:
    assert lingate("keys", "list", "--url", f"{env['LINGATE_URL']}/v1/", **env).code == 0

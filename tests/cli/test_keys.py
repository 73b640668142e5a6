"""`lingate keys` against a running gateway."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import pytest

from tests.cli.driver import Terminal, lingate
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
    assert "$0 of $5.00, begins anew" in shown
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
    assert lingate("keys", "delete", "ci", "--yes", **env).out == f"{key['id']} deleted\n"
    assert json.loads(lingate("keys", "list", "--json", **env).out) == []


def test_a_key_is_deleted_only_after_a_yes(env: dict[str, str]) -> None:
    key_id = json.loads(lingate("keys", "create", "--alias", "ann's", "--json", **env).out)["key"]["id"]

    for said, code, told in (("\r", 2, "nothing was changed"), ("\x04", 2, "nothing was changed"), ("\x03", 130, "")):
        with Terminal("keys", "delete", "ann's", **env) as terminal:
            assert key_id in terminal.until("""("ann's") for good? [y/N] """)
            terminal.type(said)
            ended = terminal.end()
        assert (ended[0], told in ended[1]) == (code, True), said
        assert lingate("keys", "show", key_id, **env).code == 0
    with Terminal("keys", "delete", "ann's", **env) as terminal:
        terminal.until("[y/N] ")
        terminal.type("y\r")
        assert terminal.until("deleted").split()[-2:] == [key_id, "deleted"]
        assert terminal.end()[0] == 0
    assert "there is no key" in lingate("keys", "show", key_id, code=5, **env).err


@pytest.mark.parametrize("typed", ["", "y\n"])
def test_without_a_terminal_a_key_is_deleted_with_yes_alone(env: dict[str, str], typed: str) -> None:
    key_id = json.loads(lingate("keys", "create", "--json", **env).out)["key"]["id"]

    refused = lingate("keys", "delete", key_id, stdin=typed, code=2, **env)

    assert (refused.out, "--yes goes on without asking" in refused.err) == ("", True)
    assert lingate("keys", "delete", key_id, "-y", **env).out == f"{key_id} deleted\n"
    assert "there is no key" in lingate("keys", "delete", key_id, code=5, **env).err


def test_a_limit_of_nothing_is_shown(env: dict[str, str]) -> None:
    key_id = json.loads(lingate("keys", "create", "--rpm", "0", "--parallel", "0", "--json", **env).out)["key"]["id"]

    shown = lingate("keys", "show", key_id, **env).out.split("\n")

    assert {"rpm_limit               0", "max_parallel_requests   0"} < set(shown)
    assert not any(line.startswith(("blocked", "admin", "tpm_limit")) for line in shown)
    lingate("keys", "delete", key_id, "--yes", **env)


def test_a_list_is_a_table_with_the_state_of_each_key(env: dict[str, str]) -> None:
    ids = [json.loads(lingate("keys", "create", "--alias", name, "--json", **env).out)["key"]["id"] for name in "ab"]

    done = lingate("keys", "list", **env)

    assert done.out.splitlines()[0].split() == ["id", "key", "alias", "team", "user", "models", "spent", "state"]
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == ids[::-1]
    assert {line.split()[-2] for line in done.out.splitlines()[1:]} == {"$0"}, "also without a budget"
    assert done.err == "2 keys\n"
    with Terminal("keys", "list", **env) as terminal:
        assert terminal.until("state").split() == ["id", "key", "alias", "models", "spent", "state"]
    with Terminal("keys", "list", **{**env, "COLUMNS": "40"}) as terminal:
        assert terminal.until("state").split() == ["id", "alias", "spent", "state"]
    for key_id in ids:
        lingate("keys", "delete", key_id, "--yes", **env)


def test_a_token_of_ones_own_names_its_key(env: dict[str, str]) -> None:
    from lingate.cli.admin_client import AdminClient

    mine = "sk-brought-along-from-elsewhere"
    made = AdminClient(env["LINGATE_URL"], MASTER).ask("POST", "keys", body={"key": mine, "alias": "own"})

    assert json.loads(lingate("keys", "show", mine, "--json", **env).out)["id"] == made["key"]["id"]
    lingate("keys", "delete", mine, "--yes", **env)


def test_an_alias_of_several_keys_is_not_guessed(env: dict[str, str]) -> None:
    ids = [json.loads(lingate("keys", "create", "--alias", "twin", "--json", **env).out)["key"]["id"] for _ in "ab"]

    done = lingate("keys", "delete", "twin", code=2, **env)

    assert all(key_id in done.err for key_id in ids)
    for key_id in ids:
        lingate("keys", "delete", key_id, "--yes", **env)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "nobody"], 5, "there is no key 'nobody'"),
        (["create", "--team", "nobody"], 5, "there is no team 'nobody'"),
        (["create", "--budget", "1", "--per", "soon"], 5, "budget_duration"),
        (["create", "--per", "1d"], 2, "--per says when a budget begins anew, and there is none (add --budget)"),
        (
            ["show", "sk-nobody-has-this-one-here"],
            5,
            "that names no key: this key is not valid (name it by id or alias)",
        ),
        (["create", "--metadata", "[1]"], 2, "not a JSON object"),
        (["create", "--rpm=-1"], 2, "--rpm"),
        (["update", "nobody"], 2, "say what to change"),
    ],
)
def test_what_cannot_be_done_says_why(env: dict[str, str], arguments: list[str], code: int, said: str) -> None:
    assert said in lingate("keys", *arguments, code=code, **env).err


def test_a_budget_of_less_than_a_cent_is_not_shown_as_none(env: dict[str, str]) -> None:
    lingate("keys", "create", "--alias", "tiny", "--budget", "0.0004", **env)

    assert "spent                   $0 of $0.000400\n" in lingate("keys", "show", "tiny", **env).out
    assert "$0 of $0.000400" in lingate("keys", "list", **env).out


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


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", ""], 2, "the argument is empty"),
        (["update", " \n", "--rpm", "5"], 2, "the argument is empty"),
        (["create", "--budget", "inf"], 2, "--budget"),
        (["create", "--metadata", '{"a": NaN}'], 2, "--metadata is not JSON: NaN"),
        (["show", os.fsdecode(b"caf\xe9")], 5, "there is no key"),
    ],
)
def test_what_no_key_can_have_is_told_before_anything_is_asked(
    env: dict[str, str], arguments: list[str], code: int, said: str
) -> None:
    done = lingate("keys", *arguments, code=code, **env)

    assert said in done.err
    assert (done.out, "Traceback" in done.err) == ("", False)


def test_no_other_host_is_given_the_key(env: dict[str, str]) -> None:
    with Elsewhere("{}") as other, Elsewhere(leads_to=other.url) as first:
        for arguments in (["list"], ["create"], ["delete", "ci"]):
            done = lingate("keys", *arguments, "--url", first.url, code=2, **env)
            assert f"ConfigError: {first.url} leads on to {other.url} (" in done.err
        assert len(first.asked) == 3
        assert not other.asked


@pytest.mark.parametrize("answer", ["{}", "[]", '"x"', '{"data": [{}], "next_offset": null}'])
def test_what_answers_in_json_and_is_no_gateway_is_told(env: dict[str, str], answer: str) -> None:
    with Elsewhere(answer) as other:
        for arguments in (["list"], ["create"], ["show", "ci"]):
            done = lingate("keys", *arguments, "--url", other.url, code=5, **env)
            assert "is this a Lingate gateway?" in done.err
            assert "Traceback" not in done.err


def test_an_alias_does_not_reach_the_terminals_own_commands(env: dict[str, str]) -> None:
    key_id = json.loads(lingate("keys", "create", "--alias", "\x9b31mred", "--json", **env).out)["key"]["id"]

    with Terminal("keys", "list", **env) as terminal:
        terminal.end()

    assert "31mred" in terminal.shown
    assert "\x9b" not in terminal.shown
    assert "\x9b" in lingate("keys", "list", **env).out, "a pipe gets what there is"
    lingate("keys", "delete", key_id, "--yes", **env)


class Elsewhere(ThreadingHTTPServer):
    """A server that is no gateway: one answer for everything, or the address of another one."""

    def __init__(self, answer: str = "", leads_to: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer, self.leads_to = answer, leads_to
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Elsewhere

    def do_GET(self) -> None:
        self.server.asked.append(self.command)
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(301 if self.server.leads_to else 200)
        if self.server.leads_to:
            self.send_header("location", self.server.leads_to + self.path)
        self.send_header("content-length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer.encode())

    do_POST = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        """It keeps quiet."""

"""`lingate doctor`: every state it can find, what it advises, and that it shows no secret."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingate.simulator import Simulator
from tests.auth.tokens import TokenServer
from tests.cli.driver import KEY, Done, lingate

NO_PROXY = {"HTTPS_PROXY": "", "HTTP_PROXY": ""}
CANARY = "sk-canary-0123456789abcdef"


class Report:
    """What `lingate doctor --json` found."""

    def __init__(self, done: Done) -> None:
        self.code = done.code
        self.findings: list[dict[str, Any]] = json.loads(done.out)
        for secret in (KEY, CANARY):
            assert secret not in done.out + done.err
            assert secret[-4:] not in done.out + done.err

    def about(self, name: str) -> dict[str, Any]:
        return next(item for item in self.findings if item["about"] == name)

    def level(self, level: str) -> list[str]:
        return [item["about"] for item in self.findings if item["level"] == level]


def doctor(folder: Path, *arguments: str, **env: str) -> Report:
    own = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), **NO_PROXY, **env}
    return Report(lingate("doctor", "--json", *arguments, code=None, **own))


@pytest.fixture
def free() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_fresh_machine_is_not_broken_and_is_told_what_to_do(tmp_path: Path) -> None:
    report = doctor(tmp_path)

    assert (report.code, report.level("broken")) == (0, [])
    assert report.level("warning") == ["credentials"]
    assert "OPENAI_API_KEY" in report.about("credentials")["remedy"]
    assert report.about("default model")["level"] == "note"
    assert "Python 3." in report.about("lingate")["text"]
    assert report.about("http")["text"].startswith(("pyreqwest", "httpx2"))


def test_each_finding_is_one_line_with_its_remedy(tmp_path: Path) -> None:
    done = lingate("doctor", HOME=str(tmp_path), OPENAI_API_KEY=f"{CANARY} with spaces", **NO_PROXY, code=1)
    lines = done.out.splitlines()

    line = next(line for line in lines if " openai " in line)
    assert line.startswith("✗ openai")
    assert "OPENAI_API_KEY holds white space" in line
    assert "-> give the key alone" in line
    assert f"{len(lines)} findings: 1 broken" in done.err
    assert CANARY not in done.out


def test_each_credential_is_named_with_where_it_comes_from(tmp_path: Path) -> None:
    config = tmp_path / "lingate.toml"
    config.write_text(
        f'[providers.cohere]\napi_key = "{CANARY}"\n[providers.ours]\nurl = "https://llm.example.org"\nkey_env = ["OURS"]\n'
    )
    report = doctor(tmp_path, OPENAI_API_KEY=CANARY, OURS=CANARY, LINGATE_CONFIG=str(config))

    assert report.about("openai")["text"] == "OPENAI_API_KEY"
    assert report.about("cohere")["text"] == "config file"
    assert report.about("ours")["text"] == "OURS"
    assert report.about("config")["text"] == f"{config} is in order"
    assert report.code == 0


def test_two_variables_with_different_keys_are_worth_a_note(tmp_path: Path) -> None:
    report = doctor(tmp_path, GOOGLE_API_KEY=CANARY, GEMINI_API_KEY=CANARY + "2")
    assert report.about("gemini")["level"] == "note"
    assert "GEMINI_API_KEY is set too" in report.about("gemini")["text"]

    assert doctor(tmp_path, GOOGLE_API_KEY=CANARY, GEMINI_API_KEY=CANARY).about("gemini")["level"] == "ok"


def test_a_key_without_the_address_it_needs_is_a_warning(tmp_path: Path) -> None:
    report = doctor(tmp_path, AZURE_API_KEY=CANARY)

    assert report.about("azure")["level"] == "warning"
    assert "AZURE_API_BASE" in report.about("azure")["remedy"]
    assert report.code == 0


def test_a_credentials_file_that_is_not_there_is_broken(tmp_path: Path) -> None:
    report = doctor(tmp_path, GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "none.json"))

    assert report.about("vertex_ai")["level"] == "broken"
    assert "GOOGLE_APPLICATION_CREDENTIALS" in report.about("vertex_ai")["remedy"]


def test_a_service_that_has_ended_is_a_warning(tmp_path: Path) -> None:
    from lingate._providers import lookup

    ended = next(row for row in lookup.rows() if row.ended and row.key_env)
    report = doctor(tmp_path, **{ended.key_env[0]: CANARY})

    assert report.about(ended.name)["level"] == "warning"
    assert ended.key_env[0] in report.about(ended.name)["remedy"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("timeout = ", "not valid TOML"),
        ("tiemout = 3", "did you mean 'timeout'"),
        ("[providers.openai]\nkey = 1", "openai"),
    ],
)
def test_a_broken_config_file_is_named_and_the_rest_is_looked_at_all_the_same(
    content: str, words: str, tmp_path: Path
) -> None:
    config = tmp_path / "lingate.toml"
    config.write_text(content)
    report = doctor(tmp_path, "--config", str(config), GROQ_API_KEY=CANARY)

    assert report.code == 1
    assert words in report.about("config")["text"] + (report.about("config")["remedy"] or "")
    assert report.about("groq")["level"] == "ok"


def test_a_config_file_that_is_not_there_is_broken(tmp_path: Path) -> None:
    assert doctor(tmp_path, LINGATE_CONFIG=str(tmp_path / "none.toml")).about("config")["level"] == "broken"


@pytest.mark.parametrize(
    ("model", "env", "level"),
    [
        ("openai/gpt-4o", {"OPENAI_API_KEY": CANARY}, "ok"),
        ("openai/gpt-4o", {}, "warning"),
        ("nobody/x", {}, "broken"),
        ("no-slash", {}, "broken"),
    ],
)
def test_the_default_model_is_looked_up(model: str, env: dict[str, str], level: str, tmp_path: Path) -> None:
    found = doctor(tmp_path, LINGATE_MODEL=model, **env).about("default model")

    assert found["level"] == level
    assert "LINGATE_MODEL" in found["text"]


def test_a_broken_settings_file_is_named(tmp_path: Path) -> None:
    place = tmp_path / "config" / "lingate" / "settings.json"
    place.parent.mkdir(parents=True)
    place.write_text("{")
    found = doctor(tmp_path).about("default model")

    assert (found["level"], str(place) in found["text"]) == ("broken", True)


def test_a_proxy_is_reached_or_not(tmp_path: Path, simulator: Simulator, free: int) -> None:
    up = doctor(tmp_path, LINGATE_PROXY_URL=simulator.url, LINGATE_PROXY_API_KEY=CANARY)
    assert up.about("LINGATE_PROXY_URL")["level"] == "ok"
    assert "LINGATE_PROXY_API_KEY" in up.about("LINGATE_PROXY_URL")["text"]
    assert up.level("warning") == []

    down = doctor(tmp_path, LINGATE_PROXY_URL=f"http://me:{CANARY}@127.0.0.1:{free}/v1")
    assert (down.code, down.about("LINGATE_PROXY_URL")["level"]) == (1, "broken")
    assert f"127.0.0.1:{free} cannot be reached" in down.about("LINGATE_PROXY_URL")["text"]

    assert doctor(tmp_path, HTTPS_PROXY=f"http://127.0.0.1:{free}").about("HTTPS_PROXY")["level"] == "broken"
    assert doctor(tmp_path, HTTPS_PROXY="http://:::").about("HTTPS_PROXY")["level"] == "broken"


def test_a_file_of_certificates_is_read(tmp_path: Path) -> None:
    with TokenServer(lambda _: (200, {}), tmp_path):
        report = doctor(tmp_path, SSL_CERT_FILE=str(tmp_path / "cert.pem"))
    assert (report.about("SSL_CERT_FILE")["level"], report.code) == ("ok", 0)
    for text, wrong in (("No such file", f"{tmp_path}/none.pem"), ("no certificate", __file__)):
        found = doctor(tmp_path, SSL_CERT_FILE=wrong).about("SSL_CERT_FILE")
        assert (found["level"], "unset it" in found["remedy"]) == ("broken", True)
        assert text in found["text"]


def test_online_asks_for_lists_of_models_and_nothing_else(tmp_path: Path) -> None:
    with Simulator(keys={"good"}, require_key=True) as simulator:
        report = doctor(
            tmp_path,
            "--online",
            OPENAI_API_KEY="good",
            OPENAI_BASE_URL=f"{simulator.url}/v1",
            GROQ_API_KEY=CANARY,
            GROQ_BASE_URL=f"{simulator.url}/v1",
        )

        assert {(request.method, request.path) for request in simulator.requests()} == {("GET", "/v1/models")}
        assert simulator.stats()["billed"]["total"] == 0
    assert report.about("openai online")["level"] == "ok"
    assert "models" in report.about("openai online")["text"]
    assert report.about("groq online")["level"] == "broken"
    assert "GROQ_API_KEY is refused" in report.about("groq online")["remedy"]
    assert report.code == 1


@pytest.mark.parametrize(
    ("fault", "level"), [("hang_head", "broken"), ("500", "warning"), ("429", "warning"), ("html=200", "warning")]
)
def test_a_provider_that_answers_badly_is_told_apart_from_one_that_refuses(
    fault: str, level: str, tmp_path: Path, simulator: Simulator, free: int
) -> None:
    config = tmp_path / "lingate.toml"
    config.write_text(f'[providers.openai]\nheaders = {{x-sim-fault = "{fault}"}}\n')
    url = f"http://127.0.0.1:{free}" if fault == "hang_head" else simulator.url
    report = doctor(
        tmp_path, "--online", OPENAI_API_KEY=CANARY, OPENAI_BASE_URL=f"{url}/v1", LINGATE_CONFIG=str(config)
    )

    assert report.about("openai online")["level"] == level
    assert "check the network" not in report.about("openai online")["text"], "that is the remedy"


def test_without_online_no_provider_is_asked(tmp_path: Path, simulator: Simulator) -> None:
    doctor(tmp_path, OPENAI_API_KEY=CANARY, OPENAI_BASE_URL=f"{simulator.url}/v1")

    assert simulator.requests() == []


def test_databases_are_looked_at_and_never_made(tmp_path: Path, free: int) -> None:
    pytest.importorskip("sqlalchemy")
    from lingate.server.store.migrate import HEAD

    place = tmp_path / "gateway.db"
    assert doctor(tmp_path, LINGATE_DATABASE_URL=f"sqlite:///{place}").about("database")["level"] == "note"
    assert not place.exists()

    with sqlite3.connect(place) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES (?)", [HEAD])
    database.close()
    assert doctor(tmp_path, LINGATE_DATABASE_URL=f"sqlite:///{place}").about("database")["level"] == "ok"

    place.write_bytes(b"this is no database" * 100)
    assert doctor(tmp_path, LINGATE_DATABASE_URL=f"sqlite:///{place}").about("database")["level"] == "broken"
    down = doctor(tmp_path, LINGATE_DATABASE_URL=f"postgresql://me:{CANARY}@127.0.0.1:{free}/x")
    assert f"127.0.0.1:{free} cannot be reached" in down.about("database")["text"]
    assert doctor(tmp_path, LINGATE_DATABASE_URL=f"oracle://me:{CANARY}@h/x").about("database")["level"] == "broken"
    assert (
        doctor(tmp_path, LINGATE_REDIS_URL=f"redis://:{CANARY}@127.0.0.1:{free}/0").about("redis")["level"] == "broken"
    )


def test_the_database_that_a_gateway_makes_for_itself_is_found(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    state = tmp_path / ".local" / "state" / "lingate"
    assert not any(item["about"] == "database" for item in doctor(tmp_path).findings)

    state.mkdir(parents=True)
    (state / "lingate.db").write_bytes(b"this is no database" * 100)
    found = doctor(tmp_path).about("database")
    assert (found["level"], str(state) in found["text"]) == ("broken", True)
    assert not any(item["about"] == "database" for item in doctor(tmp_path, LINGATE_STATE_DIR=str(tmp_path)).findings)


def test_a_gateway_s_config_file_is_checked_with_the_place_of_what_is_wrong(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    config = tmp_path / "gateway.yaml"
    config.write_text("model_list:\n  - model_name: fast\n    litellm_params: {model: openai/gpt-4o}\n")
    assert doctor(tmp_path, "--gateway", str(config)).about("gateway config")["level"] == "ok"

    config.write_text("model_lits: []\n")
    report = doctor(tmp_path, "--gateway", str(config))
    assert report.about("gateway config")["level"] == "broken"
    assert "model_list" in report.about("gateway config")["text"]

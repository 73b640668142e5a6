"""The log: what stands in it, what must not, and that nobody waits for it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import logging.config
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from lingate.server.access_log import call_text
from lingate.server.config import load
from lingate.server.config.settings import (
    DeploymentConfig,
    DeploymentParams,
    GatewayConfig,
    General,
    ModelInfo,
    Own,
    PassThrough,
    Settings,
)
from lingate.server.logs import Logs, writing
from lingate.server.records import LedgerRow
from lingate.server.redaction import Redaction, looks_secret, secrets_of
from lingate.simulator import Simulator
from tests.server.gateway_kit import MASTER, running_gateway
from tests.server.serve_process import Serve

ROW = LedgerRow(
    id="lg-1",
    at=1.5,
    face="openai_chat",
    operation="chat",
    model="small",
    provider="openai",
    provider_model="gpt",
    attempts=2,
    prompt_tokens=10,
    completion_tokens=5,
    cost=0.25,
    seconds=0.5,
    upstream=0.499,
    key_alias="ci",
)


def _config(level: str = "INFO", **settings: Any) -> GatewayConfig:
    return GatewayConfig(settings=Settings(log_level=level, **settings))  # type: ignore[arg-type]


def _written(config: GatewayConfig, act: Callable[[], None], env: dict[str, str] | None = None) -> str:
    stream = io.StringIO()
    with writing(config, env or {}, stream):
        act()
    return stream.getvalue()


def _warn(*args: Any) -> Callable[[], None]:
    return lambda: logging.getLogger("lingate.gateway").warning(*args)


def test_a_line_for_people_has_time_level_logger_and_message() -> None:
    text = _written(_config(), _warn("the database is %s", "away"))

    assert text.endswith("WARNING lingate.gateway: the database is away\n")
    assert text[10] == "T"


def test_a_line_of_json_has_the_same_as_fields() -> None:
    line = json.loads(_written(_config(json_logs=True), _warn("the database is %s", "away")))

    assert line.pop("at").endswith("Z")
    assert line == {"level": "WARNING", "logger": "lingate.gateway", "message": "the database is away"}


def test_lines_below_the_level_and_chatter_of_other_packages_are_left_out() -> None:
    def act() -> None:
        logging.getLogger("lingate.gateway").info("small")
        logging.getLogger("somebody.else").info("chatter")
        logging.getLogger("somebody.else").warning("trouble")

    assert "small" not in _written(_config("WARNING"), act)
    text = _written(_config("INFO"), act)
    assert "small" in text
    assert "chatter" not in text
    assert "trouble" in text


def test_a_message_stays_on_its_line_whatever_is_in_it() -> None:
    text = _written(_config(), _warn("upstream said: %s", "no\r\n2026-01-01 ERROR forged\x1b[2J"))

    assert text.count("\n") == 1
    assert "\\r\\n2026" in text
    assert "\x1b" not in text


def test_a_traceback_follows_indented_without_the_secrets_in_it() -> None:
    def act() -> None:
        try:
            raise ValueError("refused with sk-proj-abcdefghijklmnop")
        except ValueError:
            logging.getLogger("lingate.gateway").exception("failed")

    text = _written(_config(), act)
    assert "\n    ValueError: refused with [redacted]\n" in text
    assert "abcdefghijklmnop" not in text


def test_what_cannot_be_formatted_is_written_as_it_is() -> None:
    stream = io.StringIO()
    logs = Logs(_config(), {}, stream)
    logs.start()
    logs.emit(logging.LogRecord("x", logging.WARNING, "", 1, "broken %d", ("words",), None))
    logs.end()

    assert "broken %d" in stream.getvalue()


def test_another_packages_configuration_of_logging_does_not_end_it() -> None:
    def act() -> None:
        logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
        logging.getLogger("lingate.gateway").warning("still here")

    assert "still here" in _written(_config(), act)


def test_a_call_on_a_line_says_what_came_of_it() -> None:
    assert call_text(ROW, str) == (
        "lg-1 200 openai_chat chat, small -> openai/gpt, 500.0 ms (1.0 own), 10+5 tokens, $0.25, 2 tries, key ci"
    )
    kept = msgspec.structs.replace(ROW, fallbacks=1, cache="hit", attempts=0)
    assert call_text(kept, str).endswith(
        "chat, small, 500.0 ms (1.0 own), 10+5 tokens, $0.25, 1 fallbacks, cache hit, key ci"
    )


@pytest.mark.parametrize("as_json", [True, False])
def test_a_key_where_a_model_is_meant_is_blanked_behind_a_star_too(as_json: bool) -> None:
    key = "sk-proj-abcdefghijklmnop1234"
    stream = io.StringIO()
    logs = Logs(replace(_config(json_logs=as_json), own=Own(access_log=True)), {}, stream)
    logs.start()

    async def observe() -> None:
        logs.observe(replace_row(model=f"any/{key}", provider_model=key, deployment=f"openai/{key}"), None)
        logs.end()

    asyncio.run(observe())

    assert key not in stream.getvalue()
    assert stream.getvalue().count("[redacted]") == (3 if as_json else 2)


def test_known_secrets_are_blanked_in_every_form() -> None:
    config = GatewayConfig(
        general=General(
            master_key="master-word-1",
            database_url="postgresql://u:p%40ss-word-22@db/x",
            pass_through_endpoints=(
                PassThrough(
                    path="/rank",
                    target="https://h/rank?version=2026-01-01&api_key=query-secret-11",
                    headers={"authorization": "Bearer passing-word-12"},
                ),
            ),
        ),
        deployments=(
            DeploymentConfig(
                id="d",
                group="g",
                provider="openai",
                model="m",
                params=DeploymentParams(
                    api_key="plain words key",
                    extra_headers={"x-auth": "header-secret-4", "authorization": "Bearer header-word-10"},
                ),
                info=ModelInfo(),
                overlay={"AWS_SECRET_ACCESS_KEY": "overlay-secret-5"},
            ),
        ),
    )
    own = {"mine": {"api_key": "provider-key-8", "headers": {"x-auth": "provider-head-9"}, "env": ["MINE_WORD"]}}
    config = replace(config, own=Own(providers=own))
    env = {
        "SOME_API_KEY": "env-secret-66",
        "PGPASSWORD": "postgres-word-13",
        "SHORT_API_KEY": "short",
        "PATH": "/usr/bin",
        "ODD": "http://[no-address",
        "LINGATE_REDIS_URL": "redis://:redis-pass-7@r:1/0",
    }
    clean = Redaction(secrets_of(config, env)).clean

    for secret in (
        "master-word-1",
        "p@ss-word-22",
        "p%40ss-word-22",
        "plain words key",
        "plain%20words%20key",
        "header-secret-4",
        "overlay-secret-5",
        "env-secret-66",
        "redis-pass-7",
        "provider-key-8",
        "provider-head-9",
        "header-word-10",
        "query-secret-11",
        "passing-word-12",
        "postgres-word-13",
    ):
        assert secret not in clean(f"before {secret} after"), secret
    assert clean("from /usr/bin in short, 2026-01-01") == "from /usr/bin in short, 2026-01-01"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("sk-proj-abcdefghijklmnop1234", True),
        ("gpt-4o-mini", False),
        ("anthropic/claude-sonnet-4-6", False),
        ("AIzaSyA1234567890abcdefghijklmnop", True),
        ("my-model-2026-01-01", False),
    ],
)
def test_the_shape_of_a_key_tells(text: str, secret: bool) -> None:
    assert looks_secret(text) is secret


class _Stuck(io.StringIO):
    """A stream whose reader does not read."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        self.free.wait(60)
        return super().write(text)


def test_nobody_waits_for_a_log_that_is_not_read_and_what_is_lost_is_counted() -> None:
    stream = _Stuck()
    logger = logging.getLogger("lingate.gateway")
    with writing(_config(), {}, stream):
        began = time.monotonic()
        for number in range(21_000):
            logger.warning("line %d", number)
        assert not stream.free.is_set()
        assert time.monotonic() - began < 50, "the stream lets go after a minute"
        stream.free.set()
        deadline = time.monotonic() + 5
        while "line 0" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    text = stream.getvalue()

    assert "lines of the log found no room" in text
    assert text.count("lingate.gateway: line") >= 20_000


def test_a_stream_that_is_closed_does_not_end_the_thread() -> None:
    stream = io.StringIO()
    logs = Logs(_config(), {}, stream)
    logs.start()
    stream.close()
    logs.emit(logging.makeLogRecord({"msg": "nobody hears", "levelname": "WARNING", "name": "x"}))
    time.sleep(0.05)

    assert logs._thread.is_alive()
    logs.end()


def _gateway_config(simulator: str, **settings: Any) -> str:
    params = {"model": "openai/sim-*", "api_base": f"{simulator}/v1", "api_key": "upstream-key-99", "max_retries": 0}
    models = [{"model_name": "any-*", "litellm_params": params}]
    return json.dumps(
        {"model_list": models, "litellm_settings": settings, "lingate": {"reload": 0.05, "access_log": True}}
    )


def test_each_call_of_a_gateway_is_a_line_that_its_call_id_leads_to(tmp_path: Path) -> None:
    stream = io.StringIO()
    with Simulator() as simulator:
        text = _gateway_config(simulator.url, json_logs=True)
        (tmp_path / "read.yaml").write_text(text)
        config = load(str(tmp_path / "read.yaml"), dict(os.environ))
        with writing(config, {}, stream) as logs, running_gateway(text, tmp_path) as gateway:
            logs.attach(gateway.gateway)
            ids = []
            for model in ("any-small", "any-fault-server-error", "sk-proj-abcdefghijklmnop1234"):
                body = {"model": model, "messages": [{"role": "user", "content": "a secret thought"}]}
                answer = httpx2.post(f"{gateway.url}/v1/chat/completions", json=body)
                ids.append(answer.headers["x-lingate-call-id"])
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    calls = {line["call_id"]: line for line in lines if line["logger"] == "lingate.access"}

    assert [calls[id_]["status"] for id_ in ids] == [200, 502, 404]
    assert calls[ids[0]]["prompt_tokens"] > 0
    assert calls[ids[1]]["error"] == "server_error"
    assert calls[ids[2]]["model"] == "[redacted]"
    assert any(line["level"] == "WARNING" and ids[1] in line["message"] for line in lines)
    assert "secret thought" not in stream.getvalue()


def test_level_and_format_follow_the_configuration(tmp_path: Path) -> None:
    stream = io.StringIO()
    with Simulator() as simulator:
        text = _gateway_config(simulator.url, log_level="WARNING")
        with writing(_config("WARNING"), {}, stream) as logs, running_gateway(text, tmp_path) as gateway:
            logs.attach(gateway.gateway)

            def ask() -> None:
                body = {"model": "any-small", "messages": [{"role": "user", "content": "hello"}]}
                httpx2.post(f"{gateway.url}/v1/chat/completions", json=body)

            ask()
            gateway.config.write_text(_gateway_config(simulator.url, log_level="INFO", json_logs=True))
            deadline = time.monotonic() + 10
            while gateway.gateway.reloads.count == 0:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            ask()
            ask()
    lines = stream.getvalue().splitlines()

    assert len(lines) == 1
    assert json.loads(lines[0])["status"] == 200


def test_fields_with_nothing_in_them_are_left_out_of_lines() -> None:
    from lingate.server.access_log import call_fields

    fields = call_fields(replace_row(cost=None, key_alias=None), str)

    assert "cost" not in fields
    assert "key_alias" not in fields
    assert fields["seconds"] == 0.5


def replace_row(**changes: Any) -> LedgerRow:
    import msgspec

    return msgspec.structs.replace(ROW, **changes)


def test_the_program_writes_its_log_to_stderr_to_the_last_line(tmp_path: Path) -> None:
    with Simulator() as simulator:
        (tmp_path / "gateway.yaml").write_text(_gateway_config(simulator.url, json_logs=True))
        serve = Serve(tmp_path / "gateway.yaml", tmp_path / "state")
        serve.start()
        try:
            body = {"model": "any-small", "messages": [{"role": "user", "content": "hello"}]}
            headers = {"authorization": f"Bearer {MASTER}"}
            answer = httpx2.post(f"{serve.url}/v1/chat/completions", json=body, headers=headers)
        finally:
            serve.stop()
    lines = [json.loads(line) for line in serve.log.read_text().splitlines() if line.startswith("{")]

    calls = [line["call_id"] for line in lines if line["logger"] == "lingate.access"]
    assert calls == [answer.headers["x-lingate-call-id"]]
    assert MASTER not in serve.log.read_text()

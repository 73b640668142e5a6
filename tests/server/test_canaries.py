"""Secrets put everywhere a gateway takes one, and looked for everywhere it writes something."""

from __future__ import annotations

import io
import json
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lingate.server.config import load
from lingate.server.logs import writing
from lingate.simulator import Simulator
from lingate.simulator.faults import FAULTS
from tests.server.collector import collecting
from tests.server.gateway_kit import Running, running_gateway
from tests.servers import RawServer, Script, until

CONFIG = "sk-canary-of-the-config-4f1e7"
HEADER = "plain words of a header 5b2d"
MASTER = "sk-canary-master-word-8c3a9"
VARIABLE = "environment/canary+7d5e1=="
UNUSED = "unused-environment-canary-3f3"
WRONG = "sk-canary-of-a-wrong-call-2b6"
BROUGHT = "canary that a caller brought 9e"
DATABASE = "canary@database/77"
NEW = "sk-canary-of-a-new-config-6a8"
HOOK = "B0/canary-of-a-webhook-0d4"
CANARIES = (CONFIG, HEADER, MASTER, VARIABLE, UNUSED, WRONG, BROUGHT, DATABASE, NEW, HOOK)

_SLOW = {"hang_head", "stall", "slow_head", "slow_first", "drip", "huge_event"}
FAST_FAULTS = sorted(name for name in FAULTS if name not in _SLOW)
PATHS = ("/v1/chat/completions", "/v1/messages", "/api/chat", "/v1/responses")


def _config(simulator: str) -> str:
    own = {"api_base": f"{simulator}/v1", "max_retries": 0}
    models = [
        {
            "model_name": "any-*",
            "litellm_params": {
                "model": "openai/sim-*",
                "api_key": CONFIG,
                "extra_headers": {"x-extra": HEADER},
                **own,
            },
        },
        {
            "model_name": "env-*",
            "litellm_params": {
                "model": "anthropic/sim-*",
                "api_key": "os.environ/UPSTREAM_KEY",
                "api_base": simulator,
                "max_retries": 0,
            },
        },
        {
            "model_name": "nobody",
            "litellm_params": {
                "model": "openai/x",
                "api_key": CONFIG,
                "api_base": "http://127.0.0.1:9/v1",
                "max_retries": 0,
            },
        },
    ]
    return json.dumps(
        {
            "model_list": models,
            "general_settings": {
                "master_key": MASTER,
                "allow_client_side_credentials": True,
                "alerting": ["slack", "webhook"],
                "pass_through_endpoints": [
                    {
                        "path": path,
                        "target": f"{base}?key={CONFIG}",
                        "headers": {"authorization": "Bearer os.environ/UPSTREAM_KEY", "x-extra": HEADER},
                        "cost_per_request": 0,
                    }
                    for path, base in (
                        ("/pass", f"{simulator}/v1/chat/completions"),
                        ("/pass-nowhere", "http://127.0.0.1:9/x"),
                    )
                ],
            },
            "litellm_settings": {"log_level": "DEBUG"},
            "router_settings": {"disable_cooldowns": True},
            "lingate": {"reload": 0.05, "tracing": True, "access_log": True, "allowed_hosts": ["127.0.0.1"]},
        }
    )


def _body(path: str, model: str, stream: bool) -> dict[str, Any]:
    if path == "/v1/responses":
        return {"model": model, "input": "hello", "stream": stream}
    return {
        "model": model,
        "max_tokens": 50,
        "messages": [{"role": "user", "content": "hello"}],
        "stream": stream,
    }


class Seen:
    """Everything that came out of a gateway."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def note(self, where: str, answer: httpx2.Response) -> httpx2.Response:
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        self.texts[f"{where} #{len(self.texts)}"] = f"{head}\n\n{answer.content.decode('utf-8', 'replace')}"
        return answer

    def files(self, state: Path) -> None:
        for file in state.rglob("*"):
            if file.is_file():
                self.texts[str(file.relative_to(state))] = file.read_bytes().decode("latin-1")


def _leaks(texts: dict[str, str]) -> list[str]:
    found = []
    for where, text in texts.items():
        for canary in CANARIES:
            forms = {canary, json.dumps(canary)[1:-1], re.sub("[^a-z0-9-]", lambda at: f"%{ord(at[0]):02X}", canary)}
            found += [f"{canary!r} in {where}" for form in forms if form in text]
            # Half of one would be a leak too.
            found += [f"half of {canary!r} in {where}" for half in (canary[-14:],) if half in text]
    return found


def _talk(gateway: Running, seen: Seen, client: httpx2.Client) -> None:
    master = {"authorization": f"Bearer {MASTER}"}
    for fault in FAST_FAULTS:
        for number, kind in enumerate(("any", "env")):
            path = PATHS[(FAST_FAULTS.index(fault) + number) % len(PATHS)]
            for stream in (False, True):
                body = _body(path, f"{kind}-fault-{fault.replace('_', '-')}", stream)
                seen.note(f"{path} {fault}", client.post(path, json=body, headers=master))
        for stream in (False, True):
            body = _body("/pass", f"sim-fault-{fault.replace('_', '-')}", stream)
            seen.note(f"/pass {fault}", client.post("/pass", json=body, headers=master))
    seen.note("/pass-nowhere", client.post("/pass-nowhere", json={}, headers=master))
    for model in ("any-small", "env-small", "nobody", "nothing-of-the-kind"):
        body = _body(PATHS[0], model, False)
        seen.note(model, client.post(PATHS[0], json=body, headers=master))
        seen.note(model, client.post(PATHS[0], json={**body, "api_key": BROUGHT}, headers=master))
        for base in (f"http://x:{BROUGHT}@h/", f"http://127.0.0.1:9/{BROUGHT}", BROUGHT):
            seen.note(model, client.post(PATHS[0], json={**body, "api_base": base}, headers=master))
    body = _body(PATHS[0], "any-small", False)
    seen.note("wrong key", client.post(PATHS[0], json=body, headers={"authorization": f"Bearer {WRONG}"}))
    seen.note("wrong key", client.post(PATHS[0], json=body, headers={"x-api-key": WRONG}))
    seen.note("wrong key", client.post(f"{PATHS[0]}?key={WRONG}", json=body))
    seen.note("no JSON", client.post(PATHS[0], content=f'{{"api_key": "{BROUGHT}"', headers=master))
    seen.note("key as model", client.post("/v1beta/models/x:nothing", json=body, headers=master))


def _administer(seen: Seen, client: httpx2.Client) -> str:
    master = {"authorization": f"Bearer {MASTER}"}
    seen.note("admin, wrong key", client.get("/admin/keys", headers={"authorization": f"Bearer {WRONG}"}))
    made = client.post("/admin/keys", json={"alias": "ci"}, headers=master).json()["token"]
    seen.note("with a key", client.post(PATHS[0], json=_body(PATHS[0], "any-small", False), headers=_bearer(made)))
    seen.note("key/info", client.get("/key/info", params={"key": made}, headers=master))
    for path in (
        "keys",
        "models",
        "config",
        "status",
        "audit",
        "spend/rows",
        "spend/rows.csv",
        "spend",
        "openapi.json",
    ):
        seen.note(path, client.get(f"/admin/{path}", headers=master))
    for path in ("/metrics", "/health/ready", "/v1/models", "/"):
        seen.note(path, client.get(path, headers=master))
    return str(made)


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


BAD_CONFIGS = (
    json.dumps({"model_list": [{"model_name": "x", "litellm_params": {"model": "openai/x", "api_kee": NEW}}]}),
    json.dumps({"model_list": [{"model_name": "x", "litellm_params": {"model": "openai/x", "api_key": [NEW]}}]}),
    json.dumps({"general_settings": {"database_url": {"a": f"postgresql://u:{NEW}@h/d"}}}),
    f"model_list:\n  - api_key: {NEW}: {NEW}\n   bad: [",
    f'general_settings: {{master_key: "{NEW}',
    f"{NEW}",
)


def _reload(gateway: Running, seen: Seen, client: httpx2.Client) -> None:
    good, master = gateway.config.read_text(), _bearer(MASTER)
    for text in BAD_CONFIGS:
        gateway.config.write_text(text)
        seen.note("reload", client.post("/admin/config/reload", headers=master))
        status = seen.note("ready", client.get("/health/ready")).json()
        assert status["config"]["error"], text
        seen.note("metrics", client.get("/metrics"))
    gateway.config.write_text(good)
    seen.note("reload", client.post("/admin/config/reload", headers=master))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("UPSTREAM_KEY", VARIABLE)
        monkeypatch.setenv("GROQ_API_KEY", UNUSED)
        yield dict(os.environ)
        assert len(collector.spans) > 50
        sent = {f"span batch {number}": raw.decode("latin-1") for number, raw in enumerate(collector.raw)}
        assert _leaks(sent) == []


def test_no_secret_appears_in_anything_that_is_written_or_sent(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, log = Seen(), io.StringIO()
    with Simulator(keys=[CONFIG, VARIABLE]) as simulator, RawServer(Script([b"ok"])) as channel:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", f"{channel.url}/{HOOK}")
        monkeypatch.setenv("WEBHOOK_URL", f"http://127.0.0.1:9/{HOOK}")
        (tmp_path / "first.yaml").write_text(_config(simulator.url))
        config = load(str(tmp_path / "first.yaml"), environment)
        with (
            writing(config, environment, log) as logs,
            running_gateway(_config(simulator.url), tmp_path, auth=True) as gateway,
            httpx2.Client(base_url=gateway.url, timeout=30) as client,
        ):
            logs.attach(gateway.gateway)
            tail = threading.Thread(target=_watch, args=(gateway, seen))
            tail.start()
            until(lambda: len(gateway.gateway.feed) == 1)
            _talk(gateway, seen, client)
            made = _administer(seen, client)
            _reload(gateway, seen, client)
            gateway.flush()
            seen.files(gateway.state)
        tail.join(10)
        requests = simulator.requests()
    seen.texts["log"] = log.getvalue()
    seen.texts["alerts"] = b"\n".join(channel.requests).decode()

    assert "llm_exceptions" in seen.texts["alerts"]
    assert "alerts do not arrive" in seen.texts["log"]
    assert any(CONFIG in str(request) for request in requests) is False  # the simulator keeps no credentials either
    assert "event: call" in seen.texts["tail"]
    assert "lingate.access" in seen.texts["log"]
    assert _leaks(seen.texts) == []
    assert [where for where, text in seen.texts.items() if made in text] == []


def _watch(gateway: Running, seen: Seen) -> None:
    pieces = []
    with httpx2.stream("GET", f"{gateway.url}/admin/tail", headers=_bearer(MASTER), timeout=30) as answer:
        for piece in answer.iter_text():
            pieces.append(piece)
    seen.texts["tail"] = "".join(pieces)


def test_a_database_that_does_not_answer_does_not_make_its_password_known(
    environment: dict[str, str], tmp_path: Path
) -> None:
    seen, log = Seen(), io.StringIO()
    with Simulator() as simulator:
        (tmp_path / "first.yaml").write_text(_config(simulator.url))
        url = "postgresql://lingate:canary%40database%2F77@127.0.0.1:9/lingate"
        environment = {**environment, "LINGATE_DATABASE_URL": url}
        config = load(str(tmp_path / "first.yaml"), environment)
        with (
            writing(config, environment, log) as logs,
            running_gateway(_config(simulator.url), tmp_path, auth=True, env=environment, database=url) as gateway,
            httpx2.Client(base_url=gateway.url, timeout=30) as client,
        ):
            logs.attach(gateway.gateway)
            for _ in range(30):
                body = _body(PATHS[0], "any-small", False)
                assert seen.note("call", client.post(PATHS[0], json=body, headers=_bearer(MASTER))).status_code == 200
                seen.note("wrong", client.post(PATHS[0], json=body, headers=_bearer(WRONG)))
            for path in ("/admin/status", "/admin/keys", "/admin/spend/rows", "/health/ready", "/metrics"):
                seen.note(path, client.get(path, headers=_bearer(MASTER)))
            until(lambda: "away" in log.getvalue() or "without the database" in log.getvalue())
            seen.files(gateway.state)
    seen.texts["log"] = log.getvalue()

    assert _leaks(seen.texts) == []

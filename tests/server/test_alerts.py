"""Alerts: who is told of what, once, and what is never told."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lingate.server.config import ConfigFileError, load
from lingate.simulator import Simulator
from tests.server.gateway_kit import ADMIN, Running, running_gateway
from tests.servers import RawServer, Script, until
from tests.services import PostgresServer, free_port

TAKEN = Script([b"ok"])


@pytest.fixture(autouse=True)
def rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds are held when a test says so: on a busy machine one of the gateway's own would come in between."""
    monkeypatch.setattr("lingate.server.alerts._ROUND", 3600.0)


@pytest.fixture
def channel() -> Iterator[RawServer]:
    """Where alerts for people arrive."""
    with RawServer(TAKEN) as server:
        yield server


@pytest.fixture
def program() -> Iterator[RawServer]:
    with RawServer(TAKEN) as server:
        yield server


def _config(upstream: str, *, general: dict[str, Any] | None = None, **more: Any) -> str:
    def entry(name: str, id: str, model: str, **params: Any) -> dict[str, Any]:
        own = {"api_base": f"{upstream}/v1", "api_key": "sk-up", "max_retries": 0}
        prices = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.01}
        return {
            "model_name": name,
            "litellm_params": {"model": model, **own, **prices, **params},
            "model_info": {"id": id},
        }

    models = [
        entry("fine", "fine-1", "openai/sim-words-5"),
        entry("broken", "broken-1", "openai/sim-fault-server-error"),
        entry("keyless", "keyless-1", "openai/sim-fault-auth"),
        entry("keyless", "keyless-2", "openai/sim-fault-auth"),
        entry("slow", "slow-1", "openai/sim-fault-slow-head"),
        entry("hang", "hang-1", "openai/sim-fault-hang-head", timeout=5),
        entry("<!channel>", "<!here>&co", "openai/sim-fault-server-error"),
    ]
    settings = {"alerting": ["slack"], **(general or {})}
    return json.dumps(
        {"model_list": models, "router_settings": {"num_retries": 0}, "general_settings": settings, **more}
    )


def _on_loop(gateway: Running, what: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run_coroutine_threadsafe(what, gateway.loop).result(20)


def _round(gateway: Running) -> None:
    """What happens every ten seconds."""
    alerts = gateway.gateway.alerts
    assert alerts is not None
    _on_loop(gateway, alerts.round())


def _told(channel: RawServer) -> list[str]:
    """The lines that arrived, without the first of each message, which says where from."""
    lines = []
    for body in channel.requests:
        head, *rest = json.loads(body)["text"].split("\n")
        assert head.startswith("Lingate on ")
        lines += rest
    return lines


def _state(gateway: Running) -> Any:
    return httpx2.get(f"{gateway.url}/admin/status", headers=ADMIN).json()["facts"]["alerts"]


def _ask(gateway: Running, model: str, key: dict[str, str] = ADMIN, **more: Any) -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}
    return httpx2.post(f"{gateway.url}/v1/chat/completions", json=body, headers=key, timeout=20)


def _env(channel: RawServer, **more: str) -> dict[str, str]:
    return {"SLACK_WEBHOOK_URL": f"{channel.url}/services/T0/B0/secret-of-the-channel", **more}


def test_calls_that_a_provider_fails_are_counted_and_told_in_one_message(
    simulator: Simulator, channel: RawServer, tmp_path: Path
) -> None:
    with running_gateway(_config(simulator.url), tmp_path, auth=True, env=_env(channel)) as gateway:
        for _ in range(3):
            assert _ask(gateway, "broken").status_code >= 500
        assert _ask(gateway, "fine").status_code == 200
        assert _ask(gateway, "fine", temperature="warm").status_code == 400
        assert _ask(gateway, "nothing-of-the-kind").status_code == 404
        _round(gateway)
        lines = _told(channel)
        _round(gateway)

    assert len(channel.requests) == 1, "nothing is told twice"
    assert channel.heads[0].startswith(b"POST /services/T0/B0/secret-of-the-channel ")
    assert "*llm_exceptions* 3 calls failed at broken-1: server_error" in lines
    assert not [line for line in lines if "fine" in line or "nothing" in line]
    assert "content-type: application/json" in channel.heads[0].decode().lower()


def test_what_goes_on_failing_is_counted_and_told_again_after_a_while(
    simulator: Simulator, channel: RawServer, tmp_path: Path
) -> None:
    text = _config(simulator.url, general={"alerting_args": {"outage_alert_ttl": 3}})
    with running_gateway(text, tmp_path, auth=True, env=_env(channel)) as gateway:
        for _ in range(4):
            _ask(gateway, "broken")
            _round(gateway)
        time.sleep(3.1)
        _round(gateway)
    lines = [line for line in _told(channel) if "broken-1: server_error" in line]
    assert lines == [f"*llm_exceptions* {count} failed at broken-1: server_error" for count in ("1 call", "3 calls")]


def test_a_deployment_that_rests_and_a_model_without_any_left_are_told(
    simulator: Simulator, channel: RawServer, tmp_path: Path
) -> None:
    with running_gateway(_config(simulator.url), tmp_path, auth=True, env=_env(channel)) as gateway:
        for _ in range(2):
            _ask(gateway, "keyless")
        _round(gateway)
        first = _told(channel)
        _ask(gateway, "keyless")
        _round(gateway)

    assert [line for line in first if line.startswith("*cooldown_deployment* keyless-1 is not asked for 5 s: auth")]
    assert [line for line in first if line.startswith("*cooldown_deployment* keyless-2")]
    assert "*outage_alerts* no deployment of keyless could be asked" in first
    assert not [line for line in _told(channel)[len(first) :] if "outage" in line or "cooldown" in line]


def test_slow_calls_and_calls_that_hang_are_told(simulator: Simulator, channel: RawServer, tmp_path: Path) -> None:
    text = _config(simulator.url, general={"alerting_threshold": 0.3})
    with running_gateway(text, tmp_path, auth=True, env=_env(channel)) as gateway:
        assert _ask(gateway, "slow").status_code == 200
        waiting = [threading.Thread(target=_ask, args=(gateway, "hang")) for _ in range(2)]
        for one in waiting:
            one.start()
        while gateway.gateway.in_flight < 2:
            time.sleep(0.01)
        time.sleep(0.5)
        _round(gateway)
        _round(gateway)
        lines = _told(channel)
        for one in waiting:
            one.join()

    assert "*llm_requests_hanging* 2 calls without an answer for 0.3 s: hang-1: 2" in lines
    assert len([line for line in lines if "hanging" in line]) == 1, "a call that hangs is told once"
    (slow,) = [line for line in lines if "llm_too_slow" in line]
    assert slow.startswith("*llm_too_slow* 1 call took longer than 0.3 s at slow-1, up to ")


def test_a_budget_that_runs_out_is_told_at_each_mark_and_when_calls_are_refused(
    simulator: Simulator, channel: RawServer, program: RawServer, tmp_path: Path
) -> None:
    env = _env(channel, WEBHOOK_URL=program.url)
    text = _config(simulator.url, general={"alerting": ["slack", "webhook"], "alert_types": ["budget_alerts"]})
    with running_gateway(text, tmp_path, auth=True, env=env) as gateway:
        limits = {"key_alias": "ada", "max_budget": 3.0}
        made = httpx2.post(f"{gateway.url}/key/generate", json=limits, headers=ADMIN).json()
        key = {"authorization": f"Bearer {made['key']}"}
        cost = None
        while _ask(gateway, "fine", key, max_tokens=5).status_code == 200:
            info = httpx2.get(f"{gateway.url}/key/info", headers=key).json()["info"]
            cost = info["spend"]
            _round(gateway)
        _round(gateway)
        _round(gateway)

    assert cost is not None
    lines = _told(channel)
    marks = [line for line in lines if "has spent" in line]
    assert len(marks) == 2
    assert all(line.startswith("*budget_alerts* key ada has spent $2.") for line in marks)
    assert all(line.endswith("of its budget of $3.00") for line in marks)
    (refused,) = [line for line in lines if "refused" in line]
    assert refused.startswith(f"*budget_alerts* calls of {made['token']} are refused: the budget of key ada is $3.00")
    told = [json.loads(body) for body in program.requests]
    assert [one["event"] for one in told] == ["threshold_crossed", "threshold_crossed", "budget_crossed"]
    assert told[0]["event_group"] == "key"
    assert told[0]["token"] == made["token"]
    assert told[0]["max_budget"] == 3.0
    assert 2.55 <= told[0]["spend"] < 2.85 <= told[1]["spend"] <= 3.0
    assert told[0]["event_message"] == marks[0].removeprefix("*budget_alerts* ")
    assert made["key"] not in str(channel.requests + program.requests)


def test_a_soft_budget_refuses_nothing_and_is_told_once_a_period(
    simulator: Simulator, channel: RawServer, program: RawServer, tmp_path: Path
) -> None:
    env = _env(channel, WEBHOOK_URL=program.url)
    with running_gateway(
        _config(simulator.url, general={"alerting": ["slack", "webhook"]}), tmp_path, auth=True, env=env
    ) as gateway:
        team = {"team_id": "research", "soft_budget": 0.1, "budget_duration": "1d"}
        httpx2.post(f"{gateway.url}/team/new", json=team, headers=ADMIN).raise_for_status()
        made = httpx2.post(f"{gateway.url}/key/generate", json={"team_id": "research"}, headers=ADMIN).json()
        key = {"authorization": f"Bearer {made['key']}"}
        assert _ask(gateway, "fine", key).status_code == 200
        _round(gateway)
        before = _told(channel)
        for _ in range(3):
            assert _ask(gateway, "fine", key).status_code == 200
        _round(gateway)
        _ask(gateway, "fine", key)
        _round(gateway)
        shown = httpx2.get(f"{gateway.url}/team/info", params={"team_id": "research"}, headers=ADMIN).json()

    assert before == []
    (line,) = _told(channel)
    assert line.startswith("*budget_alerts* team research has spent $0.")
    assert line.endswith(" of its soft budget of $0.10")
    (told,) = [json.loads(body) for body in program.requests]
    assert (told["event"], told["team_id"], told["soft_budget"]) == ("soft_budget_crossed", "research", 0.1)
    assert shown["team_info"]["soft_budget"] == 0.1


async def test_a_budget_that_replicas_share_is_told_by_one_of_them(redis: str) -> None:
    from lingate.server.access.redis_limiter import RedisLimiter

    replicas = [RedisLimiter(redis), RedisLimiter(redis)]
    for one in replicas:
        await one.start()
    try:
        told = [await one.first("budget x", 60.0) for one in replicas]
        other = [await one.first("budget y", 0.05) for one in replicas]
        await asyncio.sleep(0.1)
        again = await replicas[1].first("budget y", 60.0)
    finally:
        for one in replicas:
            await one.stop()
    assert (told, other, again) == ([True, False], [True, False], True)


async def test_without_redis_each_replica_tells(redis_server: Any) -> None:
    from lingate.server.access.redis_limiter import RedisLimiter

    limiter = RedisLimiter(f"redis://127.0.0.1:{free_port()}/0")
    await limiter.start()
    try:
        assert await limiter.first("budget x", 60.0)
    finally:
        await limiter.stop()


def test_a_database_that_goes_away_and_comes_back_is_told(
    simulator: Simulator,
    channel: RawServer,
    postgres_server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lingate.server.alerts._ROUND", 0.2)
    url = postgres_server.database()
    try:
        with running_gateway(_config(simulator.url), tmp_path, auth=True, env=_env(channel), database=url) as gateway:
            assert _ask(gateway, "fine").status_code == 200
            postgres_server.stop()
            assert _ask(gateway, "fine").status_code == 200
            until(lambda: any("does not answer" in line for line in _told(channel)))
            postgres_server.start()
            until(lambda: any("answers again" in line for line in _told(channel)))
    finally:
        if postgres_server._process is None:
            postgres_server.start()
    lines = [line for line in _told(channel) if "db_exceptions" in line]
    assert lines == [
        "*db_exceptions* the database does not answer; calls go on, and their rows wait in the journal",
        "*db_exceptions* the database answers again",
    ]


def test_types_have_channels_of_their_own_and_types_that_are_not_wanted_are_not_told(
    simulator: Simulator, channel: RawServer, program: RawServer, tmp_path: Path
) -> None:
    general = {
        "alert_types": ["llm_exceptions", "outage_alerts"],
        "alert_to_webhook_url": {"llm_exceptions": ["os.environ/OWN_CHANNEL"]},
    }
    env = _env(channel, OWN_CHANNEL=f"{program.url}/own")
    with running_gateway(_config(simulator.url, general=general), tmp_path, auth=True, env=env) as gateway:
        for _ in range(2):
            _ask(gateway, "keyless")
        _round(gateway)

    assert {line.split()[0] for line in _told(program)} == {"*llm_exceptions*"}
    assert _told(channel) == ["*outage_alerts* no deployment of keyless could be asked"]


def test_a_name_cannot_write_slacks_markup(simulator: Simulator, channel: RawServer, tmp_path: Path) -> None:
    with running_gateway(_config(simulator.url), tmp_path, auth=True, env=_env(channel)) as gateway:
        _ask(gateway, "<!channel>")
        _round(gateway)
    (line,) = [line for line in _told(channel) if "llm_exceptions" in line]
    assert line == "*llm_exceptions* 1 call failed at &lt;!here&gt;&amp;co: server_error"


def test_a_message_that_does_not_arrive_is_sent_again_twice_and_then_counted_as_lost(
    simulator: Simulator, channel: RawServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    channel.script = Script([b"later"], status=503)
    with running_gateway(_config(simulator.url), tmp_path, auth=True, env=_env(channel)) as gateway:
        _ask(gateway, "broken")
        for _ in range(5):
            _round(gateway)
        assert len(channel.requests) == 3
        assert len(set(channel.requests)) == 1
        state = _state(gateway)
        assert state == {"sent": 0, "lost": 1, "waiting": 0, "error": "127.0.0.1 answered 503"}
        channel.script = TAKEN
        _ask(gateway, "keyless")
        _round(gateway)
        state = _state(gateway)
        assert state == {"sent": 1, "lost": 1, "waiting": 0, "error": None}
    warnings = [entry.getMessage() for entry in caplog.records if entry.name == "lingate.alerts"]
    assert warnings == ["alerts do not arrive: 127.0.0.1 answered 503"], "said once, without the address"


def test_an_address_that_is_wrong_is_not_asked_again(simulator: Simulator, channel: RawServer, tmp_path: Path) -> None:
    channel.script = Script([b"no_service"], status=404)
    with running_gateway(_config(simulator.url), tmp_path, auth=True, env=_env(channel)) as gateway:
        _ask(gateway, "broken")
        _round(gateway)
        _round(gateway)
    assert len(channel.requests) == 1


def test_nobody_listening_does_not_hold_up_calls_nor_the_end(simulator: Simulator, tmp_path: Path) -> None:
    env = {"SLACK_WEBHOOK_URL": f"http://127.0.0.1:{free_port()}/x"}
    with running_gateway(_config(simulator.url), tmp_path, auth=True, env=env) as gateway:
        _ask(gateway, "broken")
        _round(gateway)
        assert _ask(gateway, "fine").status_code == 200
        assert "(connect" in _state(gateway)["error"]


def test_what_happened_last_is_told_when_the_gateway_stops(
    simulator: Simulator, channel: RawServer, tmp_path: Path
) -> None:
    with running_gateway(_config(simulator.url), tmp_path, auth=True, env=_env(channel)) as gateway:
        _ask(gateway, "broken")
        _round(gateway)
        _ask(gateway, "broken")
    assert _told(channel) == ["*llm_exceptions* 1 call failed at broken-1: server_error"] * 2


def test_a_message_that_is_under_way_when_the_gateway_stops_is_not_given_up(
    simulator: Simulator, channel: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lingate.server.alerts._ROUND", 0.05)
    channel.script = Script([b"busy"], status=503, pause=0.5)
    with running_gateway(_config(simulator.url), tmp_path, auth=True, env=_env(channel)) as gateway:
        _ask(gateway, "broken")
        until(lambda: len(channel.requests) == 1)
    assert _told(channel)[:2] == ["*llm_exceptions* 1 call failed at broken-1: server_error"] * 2


def test_a_test_can_be_sent_and_says_what_is_wrong(simulator: Simulator, channel: RawServer, tmp_path: Path) -> None:
    with running_gateway(_config(simulator.url), tmp_path, auth=True, env=_env(channel)) as gateway:

        def test(service: str, headers: dict[str, str] = ADMIN) -> httpx2.Response:
            return httpx2.get(f"{gateway.url}/health/services", params={"service": service}, headers=headers)

        assert test("slack").json() == {"status": "success", "message": "a test was sent to slack"}
        assert _told(channel) == ["*test* This is a test: alerts arrive."]
        channel.script = Script([b"no_service"], status=404)
        refused = test("slack")
        assert refused.status_code == 400
        assert "no alert could be sent: 127.0.0.1 answered 404" in refused.json()["error"]["message"]
        assert "does not have webhook" in test("webhook").json()["error"]["message"]
        assert test("carrier-pigeon").status_code == 400
        assert test("slack", {}).status_code == 401


def test_alerts_begin_and_end_with_a_reload(simulator: Simulator, channel: RawServer, tmp_path: Path) -> None:
    with running_gateway(
        _config(simulator.url, general={"alerting": []}), tmp_path, auth=True, env=_env(channel)
    ) as gateway:

        def reload(**general: Any) -> None:
            gateway.config.write_text(_config(simulator.url, general=general))
            httpx2.post(f"{gateway.url}/admin/config/reload", headers=ADMIN).raise_for_status()

        _ask(gateway, "broken")
        assert gateway.gateway.alerts is None
        reload(alerting=["slack"])
        _ask(gateway, "broken")
        _round(gateway)
        assert _told(channel) == ["*llm_exceptions* 1 call failed at broken-1: server_error"]
        reload(alerting=[])
        _ask(gateway, "broken")
        assert gateway.gateway.alerts is None
        assert _state(gateway) is None
    assert len(channel.requests) == 1


def test_a_deployment_without_an_id_is_named_by_its_group_and_model(
    simulator: Simulator, channel: RawServer, tmp_path: Path
) -> None:
    params = {
        "model": "openai/sim-fault-auth",
        "api_base": f"{simulator.url}/v1",
        "api_key": "k",
        "cooldown_time": 2,
    }
    models = [{"model_name": "chat", "litellm_params": {**params, "order": order}} for order in (1, 2)]
    with running_gateway(_config(simulator.url, model_list=models), tmp_path, auth=True, env=_env(channel)) as gateway:
        for _ in range(2):
            _ask(gateway, "chat")
        time.sleep(2.1)
        _round(gateway)
    lines = _told(channel)
    assert "*llm_exceptions* 1 call failed at chat (openai/sim-fault-auth): auth" in lines
    assert "*cooldown_deployment* chat (openai/sim-fault-auth) is not asked for 2 s: auth" in lines
    assert "*outage_alerts* no deployment of chat could be asked" in lines


def test_many_things_at_once_make_one_message_of_bounded_length(
    simulator: Simulator, channel: RawServer, tmp_path: Path
) -> None:
    models = [
        {
            "model_name": f"m{n}",
            "litellm_params": {
                "model": "openai/sim-fault-server-error",
                "api_base": f"{simulator.url}/v1",
                "api_key": "k",
            },
            "model_info": {"id": f"d{n}"},
        }
        for n in range(30)
    ]
    with running_gateway(_config(simulator.url, model_list=models), tmp_path, auth=True, env=_env(channel)) as gateway:
        for n in range(30):
            _ask(gateway, f"m{n}")
        _round(gateway)
    lines = _told(channel)
    assert len(channel.requests) == 1
    assert len(lines) == 21
    assert lines[-1] == "and 10 more"


# What the configuration says


def _load(tmp_path: Path, general: dict[str, Any], **env: str) -> Any:
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps({"general_settings": general}))
    return load(str(file), env)


@pytest.mark.parametrize(
    ("general", "env", "said"),
    [
        ({"alerting": ["slak"]}, {}, "general_settings.alerting[0] is 'slak'; did you mean 'slack'?"),
        ({"alert_types": ["budget_alert"]}, {}, "did you mean 'budget_alerts'?"),
        ({"alert_to_webhook_url": {"budget_alert": "https://x.example/"}}, {}, "budget_alert is no type of alert"),
        (
            {"alert_to_webhook_url": {"budget_alerts": ["https://x.example/", "slack-channel"]}},
            {},
            "general_settings.alert_to_webhook_url.budget_alerts must be an address such as https://hooks.slack.com/",
        ),
        (
            {"alerting": ["slack"]},
            {"SLACK_WEBHOOK_URL": "the-secret"},
            "general_settings.alerting the address in SLACK_WEBHOOK_URL must be an address",
        ),
        ({"alerting_args": {"budget_alert_tll": 3}}, {}, "alerting_args.budget_alert_tll is unknown; did you mean"),
        ({"alerting_threshold": "soon"}, {}, "general_settings.alerting_threshold must be a number of seconds"),
    ],
)
def test_what_is_wrong_about_alerts_is_said_at_its_place(
    tmp_path: Path, general: dict[str, Any], env: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigFileError) as caught:
        _load(tmp_path, general, **env)
    assert said in str(caught.value)
    assert "the-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("general", "env", "said"),
    [
        ({"alerting": ["slack"]}, {}, "alerts that go nowhere: SLACK_WEBHOOK_URL must be set"),
        ({"alerting": ["webhook"]}, {}, "alerts that go nowhere: WEBHOOK_URL must be set"),
        ({"alerting": ["email"]}, {}, "email: use webhook, for a program that sends mail"),
        ({"alert_to_webhook_url": {"budget_alerts": "https://x.example/"}}, {}, "set alerting: [slack]"),
        ({"alert_types": ["budget_alerts", "daily_reports"]}, {}, "daily_reports: use the ledger"),
        ({"alerting_args": {"daily_report_frequency": 3}}, {}, "alerting_args.daily_report_frequency (use the ledger"),
    ],
)
def test_what_has_no_effect_about_alerts_is_a_warning(
    tmp_path: Path, general: dict[str, Any], env: dict[str, str], said: str
) -> None:
    assert said in "; ".join(_load(tmp_path, general, **env).warnings)


def test_an_alerting_section_as_litellm_documents_it_is_taken_without_a_warning(tmp_path: Path) -> None:
    general = {
        "alerting": ["slack"],
        "alerting_threshold": 300,
        "alert_types": ["llm_exceptions", "llm_too_slow", "budget_alerts", "db_exceptions", "outage_alerts"],
        "alert_to_webhook_url": {
            "llm_exceptions": ["https://hooks.slack.com/services/1", "https://hooks.slack.com/services/2"],
            "budget_alerts": "https://hooks.slack.com/services/3",
        },
        "alerting_args": {"budget_alert_ttl": 3600, "outage_alert_ttl": 60},
    }
    config = _load(tmp_path, general, SLACK_WEBHOOK_URL="https://hooks.slack.com/services/0")
    assert config.warnings == ()
    assert config.webhooks["slack"] == ("https://hooks.slack.com/services/0",)
    assert config.webhooks["budget_alerts"] == ("https://hooks.slack.com/services/3",)
    assert "services/3" not in repr(config)

"""The examples in `examples/gateway`: each loads, and behaves, against the simulator where it sends anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import pytest

from lingate._model import Call
from lingate.server.config import ConfigFileError, GatewayConfig, check, load, migrate
from lingate.server.config.litellm_schema import VARIABLES
from lingate.server.routing import Deployment
from lingate.simulator import Simulator, fingerprint
from tests.server.driving import Driver
from tests.server.gateway_kit import MASTER, running_gateway
from tests.server.test_routing_http import calling

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "gateway"
ALL = sorted(path.name for path in EXAMPLES.glob("*.yaml"))


class Everything(Mapping[str, str]):
    """An environment in which every variable is set, so that no example is short of one."""

    def __getitem__(self, name: str) -> str:
        if (
            name.startswith(("LINGATE_PROXY", "LITELLM_PROXY", "LINGATE_DATABASE"))
            or name in VARIABLES
            or "BASE" in name
            or "ENDPOINT" in name
            or "HOST" in name
        ):
            if name == "AZURE_API_BASE":
                return "https://resource.openai.azure.com"
            raise KeyError(name)
        if name.endswith("REDIS_URL"):
            return "redis://127.0.0.1:6379/0"
        if "REGION" in name:
            return "eu-central-1"
        return f"value-of-{name}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.fixture(autouse=True)
def _fresh(simulator: Simulator) -> None:
    simulator.reset()


def example(name: str, env: Mapping[str, str] | None = None) -> GatewayConfig:
    return load(str(EXAMPLES / f"{name}.yaml"), Everything() if env is None else env)


def text_of(name: str, simulator: Simulator, models: Mapping[str, str]) -> str:
    """An example whose models are the simulator's."""
    text = (EXAMPLES / f"{name}.yaml").read_text()
    for model, other in models.items():
        assert model in text
        text = text.replace(model, other)
    return text


def keys_of(simulator: Simulator) -> list[str]:
    """Fingerprints of the keys that were sent, in order."""
    sent = [request.headers for request in simulator.requests()]
    return [
        item.get("api-key") or item.get("x-api-key") or item["authorization"].removeprefix("Bearer ") for item in sent
    ]


def simulated(simulator: Simulator) -> dict[str, str]:
    """An environment in which the providers are the simulator."""
    return {
        "OPENAI_API_KEY": "k-openai",
        "OPENAI_BASE_URL": f"{simulator.url}/v1",
        "ANTHROPIC_API_KEY": "k-anthropic",
        "ANTHROPIC_BASE_URL": simulator.url,
        "GROQ_API_KEY": "k-groq",
        "GROQ_BASE_URL": f"{simulator.url}/openai/v1",
        "AZURE_API_KEY": "k-azure",
        "AZURE_API_BASE": simulator.url,
        "AZURE_TENANT_ID": "t",
        "AZURE_CLIENT_ID": "c",
        "AZURE_CLIENT_SECRET": "s",
    }


def test_all_that_are_promised_are_there() -> None:
    promised = {"load-balancing", "fallbacks", "wildcard", "azure", "bedrock", "cache", "budgets"}

    assert promised <= {Path(name).stem for name in ALL}


@pytest.mark.parametrize("name", ALL)
def test_an_example_loads_without_a_warning_and_every_deployment_could_be_asked(name: str) -> None:
    report = check(str(EXAMPLES / name), Everything())

    assert report.ok, report.problems
    assert report.warnings == ()
    assert [item for item in report.deployments if item.trouble] == []


@pytest.mark.parametrize("name", ALL)
def test_an_example_is_a_configuration_of_litellms_as_far_as_it_goes(name: str) -> None:
    assert migrate(str(EXAMPLES / name)).undone == {}


@pytest.mark.parametrize("name", ALL)
def test_a_slip_of_the_pen_in_an_example_is_told_with_its_path_and_the_closest_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text((EXAMPLES / name).read_text().replace("litellm_params", "litelm_params", 1))

    with pytest.raises(
        ConfigFileError, match=r"model_list\[0\]\.litelm_params is unknown; did you mean 'litellm_params'"
    ):
        load(str(path), Everything())


async def test_load_balancing_shares_the_traffic_and_keeps_conversations_together(simulator: Simulator) -> None:
    env = simulated(simulator)
    text = text_of(
        "load-balancing", simulator, {"openai/gpt-4o": "openai/sim-words-3", "azure/my-gpt-4o": "azure/sim-words-4"}
    )
    async with calling(text, env) as caller:
        for number in range(40):
            assert (await caller.ask("gpt-4o", say=str(number))).error is None
        group = caller.router.group("gpt-4o")

    keys = keys_of(simulator)
    assert set(keys) == {fingerprint("k-openai"), fingerprint("k-azure")}
    assert keys.count(fingerprint("k-openai")) > keys.count(fingerprint("k-azure"))
    assert group is not None
    assert group.sticky == "prompt"
    assert [item.weight for item in group.deployments] == [3.0, 1.0]
    assert {request.query for request in simulator.requests()} == {"", "api-version=2024-10-21"}


async def test_fallbacks_stand_in_for_outages_overflows_and_refusals(simulator: Simulator) -> None:
    for fault, expected in (("503", "sonnet"), ("context", "4.1"), ("content_filter", "sonnet")):
        simulator.reset()
        models = {
            "openai/gpt-4o-mini": f"openai/sim-fault-{fault}",
            "anthropic/claude-sonnet-4-6": "anthropic/sim-words-3-sonnet",
            "openai/gpt-4.1": "openai/sim-words-3-4.1",
        }
        async with calling(text_of("fallbacks", simulator, models), simulated(simulator)) as caller:
            answered = await caller.ask("fast")

        assert answered.error is None
        assert simulator.requests()[-1].model.endswith(expected)


async def test_wildcards_serve_whole_providers(simulator: Simulator) -> None:
    text = (EXAMPLES / "wildcard.yaml").read_text().replace("claude-*", "sim-*").replace("gpt-4o", "sim-words-2")
    async with calling(text, simulated(simulator)) as caller:
        for name in ("openai/sim-words-3", "groq/sim-words-3", "sim-words-4", "default", "internal"):
            assert (await caller.ask(name)).error is None
        listed = caller.router.models()

    assert [request.model for request in simulator.requests()] == [
        "sim-words-3",
        "sim-words-3",
        "sim-words-4",
        "sim-words-2-mini",
        "sim-words-2",
    ]
    assert keys_of(simulator)[:3] == [
        fingerprint("k-openai"),
        fingerprint("k-groq"),
        fingerprint("k-anthropic"),
    ]
    assert "default" in listed
    assert "internal" not in listed


async def test_azure_asks_its_deployments_at_their_addresses(simulator: Simulator) -> None:
    text = (EXAMPLES / "azure.yaml").read_text().replace("chat-deployment", "sim-words-3")
    async with calling(text, simulated(simulator)) as caller:
        assert (await caller.ask("gpt-4o")).error is None
        assert (await caller.ask("sweden-gpt-4o")).error is None
        reasons = caller.router.group("o3")
        france = caller.router.group("gpt-4o-france")

    assert simulator.requests()[0].path == "/openai/deployments/sim-words-3/chat/completions"
    assert reasons is not None
    target = reasons.deployments[0].place("chat")[0]()[0]
    assert target.traits["max_tokens_param"] == "max_completion_tokens"
    assert france is not None
    target = france.deployments[0].place("chat")[0]()[0]
    assert target.signer is not None, "a service principal of its own, not the key of the process"
    assert "api-key" not in target.headers


def test_bedrock_signs_with_each_deployments_own_credentials() -> None:
    env = {
        "EU_ACCESS_KEY_ID": "AKIAEU",
        "EU_SECRET_ACCESS_KEY": "eu-secret",
        "AWS_ACCESS_KEY_ID": "AKIAUS",
        "AWS_SECRET_ACCESS_KEY": "us-secret",
        "AWS_SESSION_TOKEN": "us-token",
        "AWS_PROFILE_NAME": "",
    }
    driver = Driver(example("bedrock", env))
    group = driver.router.group("claude")
    assert group is not None

    signed = [_signed(item) for item in group.deployments]

    assert "Credential=AKIAEU/" in signed[0]["authorization"]
    assert "/eu-central-1/bedrock/" in signed[0]["authorization"]
    assert "x-amz-security-token" not in signed[0], "the session token of the process belongs to another key"
    assert "Credential=AKIAUS/" in signed[1]["authorization"]
    assert signed[1]["x-amz-security-token"] == "us-token"
    assert [item.order for item in group.deployments] == [1, 2]


def _signed(item: Deployment) -> Mapping[str, str]:
    target, form = item.place("chat")[0]()
    request = form.request(Call("chat", target.model, {"messages": [{"role": "user", "content": "hi"}]}), target)
    assert target.signer is not None
    assert item.model.split(".")[0] in ("eu", "us")
    return target.signer.sign(request, 1_795_000_000.0)


def test_bedrock_passes_default_parameters_on() -> None:
    group = Driver(example("bedrock")).router.group("nova")

    assert group is not None
    assert group.deployments[0].defaults == {"max_tokens": 1000}


def test_cache_says_where_answers_are_kept_and_for_whom() -> None:
    config = example("cache", {"OPENAI_API_KEY": "k", "REDIS_PASSWORD": "p/w"})

    assert config.settings.cache
    assert config.settings.cache_params.ttl == 600.0
    assert config.settings.cache_params.namespace == "search"
    assert config.redis_url == "redis://:p%2Fw@localhost:6379/0"
    assert config.own.cache.namespace == "team"
    assert config.own.cache.max_entry == 256 * 1024


def test_budgets_have_prices_for_what_no_catalogue_knows() -> None:
    config = example("budgets")
    group = Driver(config).router.group("house")

    assert (config.settings.max_budget, config.settings.budget_duration) == (500.0, "30d")
    assert config.settings.max_end_user_budget == 5.0
    assert config.max_in_flight == 500
    assert config.max_body == 10 * 1024 * 1024
    assert config.retention == 90 * 86400.0
    assert group is not None
    price = group.deployments[0].price()
    assert (price.input, price.output, price.own) == (2e-7, 8e-7, True)


def test_a_price_of_the_catalogue_is_used_where_the_owner_gives_none() -> None:
    pytest.importorskip("genai_prices")
    group = Driver(example("budgets")).router.group("gpt-4o-mini")

    assert group is not None
    price = group.deployments[0].price()
    assert price.input is not None
    assert price.output is not None
    assert 0 < price.input < price.output
    assert not price.own
    assert group.deployments[0].max_output == 16_384


def ask(url: str, body: dict[str, object], key: str | None = None) -> httpx2.Response:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    given = {"messages": [{"role": "user", "content": "hi"}], **body}
    return httpx2.post(f"{url}/v1/chat/completions", json=given, headers=headers, timeout=20)


@pytest.mark.parametrize("kind", ["local", "redis"])
def test_the_cache_answers_equal_calls(
    kind: str, simulator: Simulator, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    text = (EXAMPLES / "cache.yaml").read_text().replace("openai/gpt-4o-mini", "openai/sim-words-3")
    if kind == "local":
        text = text.replace("type: redis", "type: local")
    else:
        url = request.getfixturevalue("redis")
        text = text.replace("host: localhost", f"url: {url}").replace("    port: 6379\n", "")
        text = text.replace("    password: os.environ/REDIS_PASSWORD\n", "")
    env = {**simulated(simulator), "REDIS_PASSWORD": "unused"}

    with running_gateway(text, tmp_path, env=env) as gateway:
        seen = [ask(gateway.url, {"model": "gpt-4o-mini"}).headers["x-lingate-cache"] for _ in range(3)]

    assert seen == ["miss", "hit", "hit"]
    assert len(simulator.requests()) == 1


def test_under_a_budget_only_what_has_a_price_is_answered(simulator: Simulator, tmp_path: Path) -> None:
    text = text_of(
        "budgets",
        simulator,
        {
            "openai/gpt-4o-mini": "openai/sim-words-3",
            "openai/house-model": "openai/sim-words-4",
            "https://models.internal.example/v1": f"{simulator.url}/v1",
        },
    )
    env = {**simulated(simulator), "HOUSE_KEY": "h", "LINGATE_MASTER_KEY": MASTER}

    with running_gateway(text, tmp_path, env=env, auth=True) as gateway:
        unpriced = ask(gateway.url, {"model": "gpt-4o-mini"}, MASTER)
        priced = ask(gateway.url, {"model": "house", "user": "ann"}, MASTER)
        stranger = ask(gateway.url, {"model": "house"}, "sk-wrong")

    assert unpriced.status_code == 429
    assert "price" in unpriced.json()["error"]["message"]
    assert priced.status_code == 200
    usage = priced.json()["usage"]
    expected = usage["prompt_tokens"] * 2e-7 + usage["completion_tokens"] * 8e-7
    assert float(priced.headers["x-lingate-response-cost"]) == pytest.approx(expected)
    assert stranger.status_code == 401

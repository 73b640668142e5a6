"""What hosts need of the gateway, asked as their own parsers ask."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingate.simulator import Simulator
from tests.hosts.gateways import gateway

pytest.importorskip("granian", reason="the gateway needs lingate[server]")


@pytest.fixture(scope="module")
def url(_running: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a gateway listens."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    with gateway(_running, folder) as found:
        yield found


def fetched(url: str, body: dict[str, Any] | None = None) -> str:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
        return str(answer.read().decode())


def chat(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "look up walrus"}], **more}


@pytest.mark.requirement("X13")
def test_the_health_probe_of_hosts_is_answered(url: str) -> None:
    assert "version" in json.loads(fetched(f"{url}/api/version"))


@pytest.mark.requirement("X13")
def test_models_are_listed(url: str) -> None:
    listed = json.loads(fetched(f"{url}/v1/models"))

    assert listed["object"] == "list"
    assert any(item["id"].startswith("openai/") for item in listed["data"])


@pytest.mark.requirement("X13", "X1")
@pytest.mark.parametrize("model", ["openai/sim-large", "anthropic/sim-large"])
@pytest.mark.parametrize("include_usage", [True, False])
def test_streams_are_lines_of_data_that_end_with_done_and_have_usage_if_asked(
    url: str, model: str, include_usage: bool
) -> None:
    options = {"stream_options": {"include_usage": True}} if include_usage else {}

    lines = [
        line for line in fetched(f"{url}/v1/chat/completions", chat(model, stream=True, **options)).split("\n") if line
    ]

    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    assert bool(chunks[-1].get("usage")) == include_usage
    assert "walrus" in "".join(
        chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"]
    )


@pytest.mark.requirement("X12")
@pytest.mark.parametrize("model", ["openai/sim-large", "anthropic/sim-large"])
def test_what_hosts_send_to_every_server_is_accepted(url: str, model: str) -> None:
    function = {"name": "look_up", "parameters": {"type": "object", "properties": {}}}
    body = chat(
        model,
        stop=None,
        top_k=20,
        chat_template_kwargs={"enable_thinking": False},
        tools=[{"type": "function", "strict": True, "function": function}],
    )

    answer = json.loads(fetched(f"{url}/v1/chat/completions", body))

    assert answer["choices"][0]["finish_reason"] == "tool_calls"


# What each host sends by itself to a gateway that it takes for OpenAI, beside the messages.
_OWN = {
    "deepwiki": {"temperature": 0.7, "top_p": 0.8, "stream": True},
    "director": {"temperature": 0.9, "top_p": 1.0, "max_tokens": 4096, "stop": None},
    "vui": {
        "temperature": 1.0,
        "top_p": 0.95,
        "presence_penalty": 1.5,
        "stop": [f"[{n}" for n in range(10)],
        "stream": True,
    },
}


@pytest.fixture(scope="module")
def documented(_running: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a gateway listens whose configuration is the one that the hosts' pages write."""
    pages = Path(__file__).parents[2] / "docs" / "hosts"
    found = {re.findall(r"printf '(.*)' > gateway.yaml", (pages / f"{host}.md").read_text())[0] for host in _OWN}
    (config,) = found
    with gateway(_running, tmp_path_factory.mktemp("documented"), config.replace("\\n", "\n")) as url:
        yield url


@pytest.mark.requirement("X3", "X12")
@pytest.mark.parametrize("model", ["openai/gpt-5", "anthropic/claude-opus-4-8", "anthropic/claude-sonnet-4-6"])
@pytest.mark.parametrize("host", _OWN)
def test_the_gateway_of_the_pages_takes_what_a_host_sends_to_any_model(documented: str, host: str, model: str) -> None:
    assert "walrus" in fetched(f"{documented}/v1/chat/completions", chat(model, **_OWN[host]))

"""The gateway that clients of every format are tried on, in front of providers of three formats."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lingate.simulator import Simulator
from tests.server.gateway_kit import Running, running_gateway

UPSTREAMS = ("openai", "anthropic", "gemini")
HI: list[Any] = [{"role": "user", "content": "hello"}]


def _config(simulator: str) -> str:
    bases = {"openai": f"{simulator}/v1", "anthropic": simulator, "gemini": f"{simulator}/v1beta"}
    names = {f"{name}-*": (f"{name}/sim-*", base) for name, base in bases.items()}
    names["org/model"] = ("openai/sim-large", bases["openai"])
    names["silent"] = ("openai/sim-delay-700", bases["openai"])
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": model, "api_base": base, "api_key": "sk-up", "max_retries": 0},
        }
        for name, (model, base) in names.items()
    ]
    own = {"cors": {"allow_origins": ["https://app.example"]}, "limits": {"max_body": 20_000}}
    settings = {"sse_keepalive_ping_interval_seconds": 0.2}
    return json.dumps({"model_list": models, "lingate": own, "litellm_settings": settings})


@contextlib.contextmanager
def clients_gateway(path: Path) -> Iterator[Running]:
    """Run it for the length of a `with`. Callers need the master key."""
    with Simulator() as simulator, running_gateway(_config(simulator.url), path, auth=True) as running:
        yield running


def chat(model: str = "openai-large", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": HI, **more}

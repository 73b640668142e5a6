"""What a call leaves behind in the process when it is over: nothing that waits for the garbage collector.

A collection of everything is rare in a process that answers for days. Until then a conversation of a megabyte is a megabyte.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lingate.server.exchange import Exchange
from lingate.simulator import Simulator
from tests.server.asking import ask
from tests.server.gateway_kit import Running, running_gateway


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    models = {"openai-*": ["sim-*"], "breaks": ["sim-words-20-fault-cut-5", "sim-words-21-fault-cut-5"]}
    there = {"api_base": f"{simulator.url}/v1", "api_key": "sk-up", "max_retries": 0}
    entries = [
        {"model_name": name, "litellm_params": {"model": f"openai/{model}", **there}}
        for name, found in models.items()
        for model in found
    ]
    config = {
        "model_list": entries,
        "router_settings": {"disable_cooldowns": True},
        "lingate": {"continue_streams": True},
    }
    with running_gateway(json.dumps(config), tmp_path_factory.mktemp("leftovers")) as running:
        yield running


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("openai-words-5", {}),
        ("openai-first-150", {}),
        ("openai-first-150", {"stream": True}),
        ("openai-fault-502", {}),
        ("openai-fault-reset_head", {"num_retries": 1}),
        ("openai-words-20-fault-cut-5", {"stream": True}),
        ("openai-words-20-fault-stall-5", {"stream": True, "timeout": 0.2}),
        ("breaks", {"stream": True}),
    ],
)
def test_what_a_call_holds_goes_with_its_end_and_does_not_wait_for_the_collector(
    gateway: Running, model: str, fields: dict[str, Any]
) -> None:
    gc.collect()
    gc.disable()
    try:
        ask(
            gateway, "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}
        )
        until = time.monotonic() + 2
        while any(type(item) is Exchange for item in gc.get_objects()):
            assert time.monotonic() < until, "something holds the call"
            time.sleep(0.01)
    finally:
        gc.enable()

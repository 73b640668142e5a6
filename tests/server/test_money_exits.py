"""However a call ends, one row says what it cost, its budget says the same, and nothing stays reserved."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from lingate.simulator import Simulator
from tests.server.asking import ask, rows
from tests.server.gateway_kit import ADMIN, Running, running_gateway
from tests.server.raw_upstream import CHAT, PRICES

MODELS = [
    *("words-30-delay-5", "first-200", "words-5", "fault-cut-3", "fault-reset-2", "fault-server-error"),
    *("fault-no-usage", "fault-rate-limit-1", "fault-error-event", "tools"),
]
FACES = ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/api/chat"]


def config(simulator: str, **own: Any) -> str:
    def entry(group: str, model: str, base: str) -> dict[str, Any]:
        params = {"model": model, "api_base": base, "api_key": "sk-up", "max_retries": 0, **PRICES}
        return {"model_name": group, "litellm_params": params}

    return json.dumps(
        {
            "model_list": [
                entry("openai-*", "openai/sim-*", f"{simulator}/v1"),
                entry("anthropic-*", "anthropic/sim-*", simulator),
                entry("other", "openai/sim-words-12", f"{simulator}/v1"),
            ],
            "router_settings": {"disable_cooldowns": True, "fallbacks": [{"openai-fault-server-error": ["other"]}]},
            "lingate": own,
        }
    )


def body_for(path: str, model: str, dice: random.Random) -> bytes:
    text = f"say {dice.randrange(10_000)}"
    asked: dict[str, Any] = {"model": model, "stream": dice.random() < 0.6}
    if path == "/v1/responses":
        asked["input"] = text
    else:
        asked["messages"] = [{"role": "user", "content": text}]
    if path == "/v1/messages" or (path == CHAT and dice.random() < 0.5):
        asked["max_tokens"] = 40
    if dice.random() < 0.2:
        asked["timeout"] = 0.05
    return json.dumps(asked).encode()


def call(gateway: Running, token: str, number: int) -> None:
    """One call whose client behaves as the dice say: it waits, or leaves at some point, politely or not."""
    dice = random.Random(number)
    path, at = dice.choice(FACES), urlsplit(gateway.url)
    body = body_for(path, f"{dice.choice(['openai', 'anthropic'])}-{dice.choice(MODELS)}", dice)
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {len(body)}\r\n"
    sent = f"{head}connection: close\r\n\r\n".encode() + body
    leaves = dice.choice(["never", "never", "in the head", "in the body", "before the answer", "in the answer"])
    with contextlib.suppress(OSError), socket.create_connection((at.hostname, at.port), timeout=20) as wire:
        cut = {"in the head": 60, "in the body": len(sent) - 9}.get(leaves)
        wire.sendall(sent[:cut])
        if leaves == "in the answer":
            wire.recv(dice.randrange(1, 2000))
        elif leaves == "never":
            while wire.recv(65536):
                pass
        else:
            time.sleep(dice.random() * 0.15)
        if leaves != "never" and dice.random() < 0.5:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    "own", [{}, {"continue_streams": True, "ledger": {"store_prompts": True}}], ids=["plain", "continued"]
)
def test_however_calls_end_the_books_balance(tmp_path: Path, own: dict[str, Any]) -> None:
    with Simulator() as simulator, running_gateway(config(simulator.url, **own), tmp_path, auth=True) as gateway:
        limits = {"max_budget": 100_000.0, "max_parallel_requests": 1000, "tpm_limit": 10**9, "rpm_limit": 10**6}
        made = ask(gateway, "/admin/keys", limits, ADMIN).json()
        callers = [threading.Thread(target=call, args=(gateway, made["token"], number)) for number in range(240)]
        for at in range(0, len(callers), 24):
            for caller in callers[at : at + 24]:
                caller.start()
            for caller in callers[at : at + 24]:
                caller.join(30)
        until = time.monotonic() + 10
        while gateway.gateway.in_flight and time.monotonic() < until:
            time.sleep(0.05)
        assert gateway.gateway.in_flight == 0

        scope = gateway.gateway.access.limiter.scope("key", made["key"]["id"])
        assert scope is not None
        assert scope.idle
        (budget,) = scope.budgets
        found = rows(gateway)
        assert len({row["id"] for row in found}) == len(found)
        assert len(found) > 100
        assert budget.reserved == 0
        unknown = [row for row in found if row["cost"] is None and row["attempts"] and row["error"] is None]
        known = sum(row["cost"] or 0.0 for row in found)
        if not unknown:
            assert budget.spent / 1e9 == pytest.approx(known, rel=1e-6)
        assert budget.spent / 1e9 >= known * (1 - 1e-9)
        for row in found:
            if row["cost"] is not None and row["status"] != 200:
                assert row["prompt_tokens"]
            if row["prompt_tokens"] is not None and row["completion_tokens"] is not None:
                cost = row["prompt_tokens"] * 0.001 + row["completion_tokens"] * 0.01
                assert row["cost"] == pytest.approx(cost), row

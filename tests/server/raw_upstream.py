"""A gateway in front of an upstream that says exactly what a test wants."""

from __future__ import annotations

import json
from typing import Any

from tests.servers import Script

CHAT = "/v1/chat/completions"
JSON = {"content-type": "application/json"}
PRICES = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.01}


def config(upstream: str, *, settings: dict[str, Any] | None = None, **own: Any) -> str:
    """One wildcard for each format, all at the same upstream."""
    bases = {
        "openai": f"{upstream}/v1",
        "anthropic": upstream,
        "gemini": f"{upstream}/v1beta",
        "ollama": upstream,
    }
    entries = [
        {
            "model_name": f"{name}-*",
            "litellm_params": {
                "model": f"{name}/sim-*",
                "api_base": base,
                "api_key": "sk-up",
                "max_retries": 0,
                **PRICES,
            },
        }
        for name, base in bases.items()
    ]
    entries.append(
        {
            "model_name": "free-for-all",
            "litellm_params": {
                "model": "openai/sim",
                "api_base": bases["openai"],
                "api_key": "sk-up",
                "max_retries": 0,
            },
        }
    )
    entries.append(
        {
            "model_name": "reserved",
            "litellm_params": {
                "model": "openai/sim",
                "api_base": bases["openai"],
                "api_key": "sk-up",
                "max_retries": 0,
            },
            "model_info": {"id": "openai-of-the-board"},
        }
    )
    everything = {"model_list": entries, "router_settings": {"disable_cooldowns": True}, "lingate": own}
    return json.dumps(everything | (settings or {}))


def chat(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}


def whole(usage: Any, **more: Any) -> Script:
    """An answer in OpenAI's format."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return Script([json.dumps(body | more).encode()], headers=JSON)


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def event(name: str, **fields: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), json.dumps({"type": name, **fields}).encode())

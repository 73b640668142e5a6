"""The contract that vui's backends have, written down from its description, to test adapters where vui is not."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx

DEFAULTS = {"temperature": 1.0, "top_k": 20, "top_p": 0.95, "presence_penalty": 1.5}


class LLMBackend:
    name = "abstract"

    def __init__(self, model: str, base_url: str, sampling: dict[str, Any] | None = None) -> None:
        self.model = model
        self.base_url = base_url
        self.sampling = DEFAULTS | (sampling or {})
        self._client: httpx.AsyncClient | None = None

    def _resolve_sampling(self, **given: Any) -> dict[str, Any]:
        return {name: self.sampling[name] if given[name] is None else given[name] for name in DEFAULTS}

    def _client_inst(self) -> httpx.AsyncClient:
        if self._client is None or self._client.is_closed:
            self._client = httpx.AsyncClient(timeout=30)
        return self._client

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def prefill(self, messages: list[dict[str, Any]]) -> None:
        await self.complete(messages, max_tokens=1)

    async def complete(self, messages: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        raise NotImplementedError

    async def list_models(self) -> list[str]:
        return [self.model]

    async def set_model(self, name: str) -> None:
        raise NotImplementedError


class VLLMBackend(LLMBackend):
    name = "vllm"

    def __init__(
        self, model: str, base_url: str, *, max_model_len: int = 8192, sampling: dict[str, Any] | None = None
    ) -> None:
        super().__init__(model, base_url, sampling)
        self.max_model_len = max_model_len

    def _body(
        self, messages: Any, *, stream: bool, max_tokens: int, stop: Any, tools: Any = None, **sampling: Any
    ) -> Any:
        body = {"model": self.model, "messages": messages, "stream": stream, "max_tokens": max_tokens}
        body |= self._resolve_sampling(**sampling) | {"chat_template_kwargs": {"enable_thinking": False}}
        return body | ({"stop": stop} if stop else {}) | ({"tools": tools} if tools else {})

    async def stream(
        self,
        messages: Any,
        *,
        max_tokens: int = 512,
        stop: Any = None,
        stats: dict[str, Any] | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        presence_penalty: float | None = None,
    ) -> AsyncIterator[str]:
        body = self._body(
            messages,
            stream=True,
            max_tokens=max_tokens,
            stop=stop,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            presence_penalty=presence_penalty,
        )
        body["stream_options"] = {"include_usage": True}
        async with self._client_inst().stream("POST", f"{self.base_url}/v1/chat/completions", json=body) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if not line.startswith("data: "):
                    continue
                if line == "data: [DONE]":
                    return
                chunk = json.loads(line[6:])
                for choice in chunk.get("choices") or ():
                    if choice["delta"].get("content"):
                        yield choice["delta"]["content"]
                if chunk.get("usage") and stats is not None:
                    stats.update(self._counts(chunk["usage"]))

    def _counts(self, usage: dict[str, Any]) -> dict[str, int]:
        used = usage["prompt_tokens"] + usage["completion_tokens"]
        counts = {name: usage[name] for name in ("prompt_tokens", "completion_tokens")}
        return counts | {"ctx_used": used, "ctx_max": self.max_model_len}

    async def complete(
        self,
        messages: Any,
        *,
        max_tokens: int = 1024,
        tools: Any = None,
        stop: Any = None,
        stats: dict[str, Any] | None = None,
        temperature: float | None = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        presence_penalty: float | None = None,
    ) -> dict[str, Any]:
        body = self._body(
            messages,
            stream=False,
            max_tokens=max_tokens,
            stop=stop,
            tools=tools,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            presence_penalty=presence_penalty,
        )
        answer = await self._client_inst().post(f"{self.base_url}/v1/chat/completions", json=body)
        answer.raise_for_status()
        found = answer.json()
        message, counts = found["choices"][0]["message"], self._counts(found["usage"])
        if stats is not None:
            stats.update(counts)
        calls = message.get("tool_calls") or []
        for call in calls:
            call["function"]["arguments"] = json.loads(call["function"]["arguments"] or "{}")
        return {
            "content": message.get("content") or "",
            "tool_calls": calls or None,
            "usage": {
                "prompt": counts["prompt_tokens"],
                "completion": counts["completion_tokens"],
                "ctx_used": counts["ctx_used"],
                "ctx_max": counts["ctx_max"],
            },
            "done_reason": found["choices"][0]["finish_reason"],
        }

    async def list_models(self) -> list[str]:
        answer = await self._client_inst().get(f"{self.base_url}/v1/models")
        return [item["id"] for item in answer.json()["data"]]


def make_backend(name: str | None = None, model: str | None = None) -> LLMBackend:
    name = (name or os.environ.get("VUI_LLM_BACKEND", "ollama")).lower()
    if name == "vllm":
        return VLLMBackend(model or "any", os.environ.get("VUI_VLLM_URL", "http://localhost:8000"))
    raise ValueError(f"unknown VUI_LLM_BACKEND: {name!r}")


_chosen: LLMBackend | None = None


def get_backend() -> LLMBackend:
    global _chosen
    _chosen = _chosen or make_backend()
    return _chosen


def set_backend(backend: LLMBackend) -> None:
    global _chosen
    _chosen = backend

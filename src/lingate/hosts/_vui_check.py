# Runs vui's own turn code on Lingate's backends against the simulator: `lingate hosts check vui`.

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import lingate
from lingate.hosts._probe import Probe, Skipped, expect

_MODEL = "openai/sim-words-40"
_ASKED = [{"role": "user", "content": "Tell me about rivers, seas and clouds."}]
_DEAD = "http://127.0.0.1:9/v1"  # the discard port: nobody listens


def check(probe: Probe) -> None:
    # Drive make_backend, set_backend, llm.py, thoughts.py and the health probe.
    if probe.path is not None:
        sys.path.insert(0, str(probe.path / "src"))
    asyncio.run(_all(probe))


async def _all(probe: Probe) -> None:
    with probe.step("vui can be imported, and Lingate's backends are made on its classes"):
        from lingate.hosts import vui

        vui.LingateBackend  # noqa: B018 (built when it is named)
    if probe.failed:
        return
    with probe.step("VUI_LLM_BACKEND=lingate selects the gateway, lingate-inprocess Lingate itself"):
        await _selection(probe)
    for kind in ("gateway", "in-process"):
        for says, model, step in _STEPS:
            with probe.step(f"{kind}: {says}"):
                async with _chosen(probe, kind, model) as backend:
                    await step(probe, backend)
        with probe.step(f"{kind}: a provider that cannot be reached turns vui's availability off"):
            async with _chosen(probe, kind, dead=True):
                await _unreachable()
    with probe.step("in-process: vui's health probe finds the backend"):
        async with _chosen(probe, "in-process"):
            await _health(probe)


@asynccontextmanager
async def _chosen(probe: Probe, kind: str, model: str = _MODEL, *, dead: bool = False) -> AsyncIterator[Any]:
    from vui.serving.stream.llm_backend import set_backend

    from lingate.hosts.vui import LingateBackend, LingateGatewayBackend

    backend: Any
    if kind == "gateway":
        # The simulator knows no prefixes; a gateway does.
        backend = LingateGatewayBackend(model.partition("/")[2], _DEAD if dead else probe.url, api_key="check")
    else:
        env = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": _DEAD}
        backend = LingateBackend(model, client=lingate.AsyncLingate(env=env, retries=0) if dead else None)
    set_backend(backend)
    probe.forget()
    try:
        yield backend
    finally:
        await backend.aclose()


async def _selection(probe: Probe) -> None:
    from vui.serving.stream.llm_backend import LLMBackend, make_backend

    if probe.path is None:
        raise Skipped("a checkout (--path): this edits vui's make_backend")
    os.environ["VUI_LINGATE_URL"] = probe.url
    gateway = make_backend("lingate", model="anthropic/claude-sonnet-4-6")
    expect(isinstance(gateway, LLMBackend), "it is none of vui's backends")
    expect((gateway.model, gateway.base_url) == ("anthropic/claude-sonnet-4-6", probe.url), "wrong settings")
    os.environ["VUI_LLM_BACKEND"] = "lingate-inprocess"
    os.environ["VUI_LINGATE_MODEL"] = _MODEL
    own = make_backend()
    expect(own.model == _MODEL and type(own) is not type(gateway), "the in-process backend was not made")
    await gateway.aclose()
    await own.aclose()


async def _turn(probe: Probe, backend: Any) -> None:
    from vui.serving.stream.llm import llm_next_chunk, llm_stream_chunks

    stats: dict[str, Any] = {}
    spoken = [piece async for piece in llm_stream_chunks(_ASKED, stats=stats)]
    expect(bool(spoken) and spoken[-1][1], "there was no final chunk")
    expect("rivers" in " ".join(text for text, _ in spoken), "the answer is another one")
    expect(0 < stats["ctx_used"] <= stats["ctx_max"] == backend.max_model_len, f"stats are {stats}")
    text, _ = await llm_next_chunk(_ASKED)
    expect(bool(text), "a whole answer had no text")
    for request in probe.requests():
        extra = {"top_k", "chat_template_kwargs"} & request["body"].keys()
        expect(not extra, f"sent {sorted(extra)}")


async def _prefill(probe: Probe, backend: Any) -> None:
    from vui.serving.stream.llm import llm_prefill_system, llm_prefill_user

    await llm_prefill_system("You are brief.")
    await llm_prefill_user(_ASKED)
    expect(probe.requests() == [], "something was sent, and would have been billed")


async def _thoughts(probe: Probe, backend: Any) -> None:
    thoughts, seen = _stream_of_thoughts("Remember that my cat is called Nine, use add_memory.")
    await thoughts._evaluate("Remember my cat.")
    sent = probe.requests()[-1]["body"]
    expect(len(sent["tools"]) > 5, "vui's tools were not sent")
    expect([m["role"] for m in sent["messages"]][-1] == "user", "the messages are others than vui's")
    evaluated = [entry for entry in seen if entry[0] == "thoughts_eval"]
    expect(bool(evaluated), f"no tool was called: {seen}")
    expect(isinstance(evaluated[0][1]["args"], dict), "arguments are no dict")
    troubles = [entry for entry in seen if "mismatch" in str(entry)]
    expect(not troubles, f"{troubles}")


def _stream_of_thoughts(said: str) -> tuple[Any, list[tuple[str, Any]]]:
    # vui's ThoughtsStream on a server of which only what it touches is there; and what it told that server.
    from vui.serving.stream.thoughts import ThoughtsStream

    seen: list[tuple[str, Any]] = []

    async def told(*args: Any, **_: Any) -> None:
        seen.append(("log", args))

    async def available(value: bool) -> None:
        seen.append(("available", value))

    session = SimpleNamespace(conversation=[{"role": "user", "content": said}], settings={})
    server = SimpleNamespace(
        session=session,
        thoughts_ctx=0,
        thoughts_ctx_max=0,
        _memories=[],
        _tasks={},
        _log=told,
        _log_conv=lambda kind, **facts: seen.append((kind, facts)),
        _set_llm_available=available,
        _task_server_available=False,
        ollama_model="",
    )
    thoughts: Any = ThoughtsStream(server)
    return thoughts, seen


async def _left(probe: Probe, backend: Any) -> None:
    async for _ in backend.stream(_ASKED, max_tokens=2048, stop=["[Results"]):
        break
    gc.collect()
    ended = await asyncio.to_thread(probe.outcomes)
    expect(ended[-1] == "disconnected", f"the provider went on: {ended}")


async def _unreachable() -> None:
    thoughts, seen = _stream_of_thoughts("hello")
    await thoughts._evaluate("hello")
    expect(("available", False) in seen, f"vui was told nothing: {seen}")


async def _health(probe: Probe) -> None:
    import httpx
    from vui.serving.stream.llm_backend import get_backend

    try:
        from vui.serving.stream.connection import probe_llm
    except ImportError:
        # vui's probe lives beside its audio code, which needs torch; what it asks is this.
        async with httpx.AsyncClient(timeout=3) as client:
            found = (await client.get(f"{get_backend().base_url}/api/version")).status_code == httpx.codes.OK
    else:
        found = await probe_llm()
    expect(found, "the user interface would say that the language model is offline")


_STEPS: tuple[tuple[str, str, Callable[[Probe, Any], Awaitable[None]]], ...] = (
    ("a turn is spoken sentence by sentence, and its context is counted", _MODEL, _turn),
    ("prefill sends nothing", _MODEL, _prefill),
    ("vui's thoughts call a tool with arguments it can take", _MODEL, _thoughts),
    ("a turn that is left early lets the provider go", "openai/sim-words-2000-delay-5", _left),
)

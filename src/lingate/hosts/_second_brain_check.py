"""Drives Second Brain's own code against the simulator: validator, discovery, its sandbox's box, and its conversation loop."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lingate.hosts._probe import Probe, Skipped
from lingate.hosts._second_brain_recipe import backend_file
from lingate.hosts.second_brain import Answering

_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8ffff3f0005fe02fea7569d1a0000000049454e44ae426082"
)
_OLDEST = (3, 12)
_STEPS: list[Callable[[_Host], None]] = []


def check(probe: Probe) -> None:
    """Run every step; without a checkout the adapter alone, with records of ours in place of the host's."""
    checkout = probe.path if probe.path and Path(probe.path, "sandbox", "guest", "llm.py").is_file() else None
    if checkout is None:
        with probe.step("the adapter answers, streams and names errors, without the host"):
            _alone(probe)
    if checkout is None or sys.version_info < _OLDEST:
        with probe.step("Second Brain's own code answers"):
            raise Skipped("needs a checkout and Python 3.12: --path CHECKOUT --python PYTHON")
    else:
        host = _Host(probe, checkout)
        try:
            probe.steps(_STEPS, host)
        finally:
            host.module("llm.registry").unload_all()


class _Response(SimpleNamespace):
    @classmethod
    def failure(cls, message: str, code: str) -> _Response:
        return cls(error=message, error_code=code)


def _alone(probe: Probe) -> None:
    adapter = Answering(_Response, lambda error: "context" in str(error))
    shown: list[str] = []
    sdk = SimpleNamespace(log=lambda *_, **__: None, llm=SimpleNamespace(delta=shown.append))
    asked: dict[str, Any] = {
        "messages": [{"role": "user", "content": "Hello there"}],
        "attachments": [],
        "tools": None,
        "params": {},
    }
    asked |= {"api_key": "", "base_url": ""}

    whole = adapter.chat(sdk, SimpleNamespace(model_name="openai/sim-words-8", stream=False, **asked))
    streamed = adapter.chat(sdk, SimpleNamespace(model_name="openai/sim-words-8", stream=True, **asked))
    limited = adapter.chat(sdk, SimpleNamespace(model_name="openai/sim-fault-429", stream=False, **asked))
    overflow = adapter.chat(sdk, SimpleNamespace(model_name="openai/sim-fault-context", stream=False, **asked))

    probe.expect(whole.content == streamed.content == "".join(shown) != "", f"{whole} {streamed} {shown}")
    probe.expect(limited.error_code == "provider_error", f"{limited}")
    probe.expect(overflow.error_code == "context_limit", f"{overflow}")


def _step(function: Callable[[_Host], None]) -> Callable[[_Host], None]:
    _STEPS.append(function)
    return function


class _Host:
    """The host with the backend where `lingate hosts install` puts it: in the workspace, so in a process of its own."""

    def __init__(self, probe: Probe, checkout: Path) -> None:
        sys.path.insert(0, str(checkout))
        for bundled in checkout.glob("bundled/llm/llm_lingate.py"):
            bundled.unlink()
        self.probe = probe
        data = self.module("paths").DATA_DIR
        self.file = Path(data, "workspace", "llm", "llm_lingate.py")
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(backend_file(), encoding="utf-8")
        self.module("sandbox")

    def module(self, name: str) -> Any:
        return import_module(name)

    def brain(self, model: str, **profile: Any) -> Any:
        settings = {"llm_service_class": "LingateBackend", **profile}
        registry = self.module("llm.registry")
        registry.discover()
        registry.refresh({"llm_profiles": {model: settings}, "default_llm_profile": model})
        self.probe.forget()
        return registry.brain(model)

    def ask(self, model: str, *, on_delta: Any = None, profile: dict[str, Any] | None = None, **request: Any) -> Any:
        asked: dict[str, Any] = {
            "messages": [{"role": "user", "content": "Hello there"}],
            "stream": on_delta is not None,
            **request,
        }
        brain = self.brain(model, **(profile or {}))
        return brain.chat(self.module("sandbox.guest.llm").LLMRequest(**asked), on_delta=on_delta)

    def sent(self) -> list[dict[str, Any]]:
        return self.probe.requests()


class _Turn:
    """One turn of the host's own conversation loop, with a compactor that counts."""

    def __init__(self, host: _Host, model: str, *, tool: bool = False, on_delta: Any = None, **profile: Any) -> None:
        support = host.module("tests.support")
        self.tool_arguments: list[Any] = []
        tools, schemas = support.echo_tool(self.tool_arguments) if tool else ({}, [])
        self.rig = support.loop_rig(tools, schemas, llm=host.brain(model, **profile))
        self.rig.loop.on_delta = on_delta
        self.rig.loop.cancel_event = self.rig.session.cancel_event
        self.rig.runtime.services["compactor"] = self
        self.history = [
            {"role": role, "content": f"{role} said number {number}"}
            for number in range(4)
            for role in ("user", "assistant")
        ]
        self.history.append({"role": "user", "content": "call echo" if tool else "Hello there"})
        self.compactions = 0
        self.error = ""
        self.reply: str | None = None

    loaded = True

    def compact(self, **_: Any) -> str:
        self.compactions += 1
        return "what was said before"

    def go(self) -> _Turn:
        try:
            self.reply = self.rig.loop.drive(self.rig.cs, "agent", self.history)[0]
        except RuntimeError as error:
            self.error = str(error)
        return self

    @property
    def truncated(self) -> bool:
        return any(row.get("author") == "truncation" for row in self.history)


def _expect_intact(host: _Host, turn: _Turn, calls: int = 1) -> None:
    seen = len(host.sent())
    host.probe.expect(turn.error != "", f"no error: {turn.reply!r}")
    host.probe.expect(turn.compactions == 0 and not turn.truncated, f"the history was touched: {turn.error}")
    host.probe.expect(seen == calls, f"{seen} calls instead of {calls}: {turn.error}")


@_step
def _validated(host: _Host) -> None:
    """the host's validator accepts the file."""
    report = host.module("sandbox.validator").validate_file(host.file)

    host.probe.expect(report.ok, report.render())


@_step
def _discovered(host: _Host) -> None:
    """the host finds the backend and what it can do."""
    brain = host.brain("openai/sim-words-8", llm_context_size=1000)

    host.probe.expect("LingateBackend" in host.module("llm.registry").backend_names(), "it is not among the backends")
    host.probe.expect(brain.supports_streaming and brain.supports_tool_choice, "capabilities are missing")
    host.probe.expect(brain.native_modalities == {"image", "audio", "video"}, f"{brain.native_modalities}")
    host.probe.expect(brain.load() and brain.loaded, "its box does not open")


@_step
def _answered(host: _Host) -> None:
    """a box answers, with the counts of tokens."""
    answer = host.ask("openai/sim-words-8")

    host.probe.expect(not answer.is_error and answer.content != "", f"{answer}")
    host.probe.expect(bool(answer.prompt_tokens and answer.completion_tokens), f"{answer}")
    host.probe.expect(answer.cached_prompt_tokens is not None, f"{answer}")


@_step
def _streamed(host: _Host) -> None:
    """streamed pieces are the answer."""
    pieces: list[str] = []

    answer = host.ask("openai/sim-words-12", on_delta=pieces.append)

    host.probe.expect(len(pieces) > 3 and "".join(pieces) == answer.content, f"{pieces} / {answer}")
    host.probe.expect(bool(answer.prompt_tokens and answer.completion_tokens), f"{answer}")


@_step
def _key_and_endpoint(host: _Host) -> None:
    """key and endpoint of the profile are used, for models without a known provider too."""
    profile = {"secret_llm_api_key": "of-the-profile", "llm_endpoint": f"{host.probe.url}/v1"}

    answer = host.ask("Some/local-model", profile=profile)

    host.probe.expect(not answer.is_error, f"{answer}")
    host.probe.expect([item["model"] for item in host.sent()] == ["Some/local-model"], f"{host.sent()}")


@_step
def _attached(host: _Host) -> None:
    """an image goes along in the last message of the user's."""
    image = Path(host.module("paths").DATA_DIR, "workspace", "dot.png")
    image.write_bytes(_PNG)
    item = {"path": str(image), "file_name": "dot.png", "extension": ".png", "modality": "image", "parsed_text": None}

    answer = host.ask("openai/sim-words-8", attachments=[item])

    host.probe.expect(not answer.is_error, f"{answer}")
    content = host.sent()[-1]["body"]["messages"][-1]["content"]
    host.probe.expect(any(part["type"] == "image_url" for part in content), f"{content}")


@_step
def _tool_used(host: _Host) -> None:
    """the loop runs a tool and answers."""
    turn = _Turn(host, "openai/sim-words-8", tool=True).go()

    host.probe.expect(len(turn.tool_arguments) == 1 and bool(turn.reply), f"{turn.tool_arguments} {turn.reply!r}")
    host.probe.expect(len(host.sent()) == 2, f"{len(host.sent())} calls instead of two")


@_step
def _rate_limited(host: _Host) -> None:
    """a rate limit that speaks of a tokens limit destroys nothing, and costs one call."""
    _expect_intact(host, _Turn(host, "openai/tokens-limit-fault-429").go())


@_step
def _other_errors(host: _Host) -> None:
    """neither do a wrong key, a missing model, an empty account and an unknown provider."""
    for fault in ("401", "404", "quota", "413"):
        _expect_intact(host, _Turn(host, f"openai/prompt-tokens-limit-fault-{fault}").go())
    _expect_intact(host, _Turn(host, "prompt-length/maximum").go(), calls=0)


@_step
def _overflowed(host: _Host) -> None:
    """a real overflow compacts once, and the answer comes."""
    turn = _Turn(host, "openai/sim-words-8-fault-context-flaky-1").go()

    host.probe.expect(turn.compactions == 1 and not turn.truncated, f"{turn.compactions} compactions: {turn.error}")
    host.probe.expect(bool(turn.reply) and len(host.sent()) == 2, f"{turn.reply!r} {turn.error}")


@_step
def _nearly_full(host: _Host) -> None:
    """a context that is nearly full is compacted before it overflows."""
    turn = _Turn(host, "openai/sim-words-8", llm_context_size=50).go()

    host.probe.expect(bool(turn.reply) and turn.compactions == 1, f"{turn.compactions} compactions: {turn.error}")
    host.probe.expect(len(host.sent()) == 1, f"{len(host.sent())} calls instead of one")


@_step
def _cancelled(host: _Host) -> None:
    """cancelling ends the call at once, also at the provider."""
    begun = threading.Event()
    turn = _Turn(host, "openai/sim-words-500-delay-20", on_delta=lambda _: begun.set())
    thread = threading.Thread(target=turn.go)
    thread.start()
    host.probe.expect(begun.wait(20), "nothing was streamed")

    turn.rig.session.cancel_event.set()
    turn.rig.session.interrupt()
    thread.join(8)

    # The whole answer would take ten seconds.
    host.probe.expect(not thread.is_alive(), "the turn went on")
    host.probe.expect(host.probe.outcomes() == ["disconnected"], "the provider was not left")
    host.probe.expect(turn.compactions == 0 and not turn.truncated, "the history was touched")

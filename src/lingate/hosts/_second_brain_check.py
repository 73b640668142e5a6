# Drives Second Brain's own code against the simulator: validator, discovery, its sandbox's box, and its conversation loop.

from __future__ import annotations

import sys
import threading
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lingate.hosts._probe import Probe, Skipped, expect
from lingate.hosts._second_brain_recipe import backend_file
from lingate.hosts.second_brain import Answering

_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8ffff3f0005fe02fea7569d1a0000000049454e44ae426082"
)
_OLDEST = (3, 12)


def check(probe: Probe) -> None:
    # Run every step; without a checkout the adapter alone, with records of ours in place of the host's.
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
    messages = [{"role": "user", "content": "Hello there"}]
    rest: dict[str, Any] = {"attachments": [], "tools": None, "params": {}, "api_key": "", "base_url": ""}

    def ask(model: str, *, stream: bool = False) -> Any:
        return adapter.chat(sdk, SimpleNamespace(model_name=model, stream=stream, messages=messages, **rest))

    whole = ask("openai/sim-words-8")
    streamed = ask("openai/sim-words-8", stream=True)
    limited = ask("openai/sim-fault-429")
    overflow = ask("openai/sim-fault-context")

    expect(whole.content == streamed.content == "".join(shown) != "", f"{whole} {streamed} {shown}")
    expect(limited.error_code == "provider_error", f"{limited}")
    expect(overflow.error_code == "context_limit", f"{overflow}")


class _Host:
    # The host with the backend where `lingate hosts install` puts it: in the workspace, so in a process of its own.

    module = staticmethod(import_module)

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

    def brain(self, model: str, **profile: Any) -> Any:
        settings = {"llm_service_class": "LingateBackend", **profile}
        registry = self.module("llm.registry")
        registry.discover()
        registry.refresh({"llm_profiles": {model: settings}, "default_llm_profile": model})
        self.probe.forget()
        return registry.brain(model)

    def ask(self, model: str, *, on_delta: Any = None, profile: dict[str, Any] | None = None, **request: Any) -> Any:
        messages = [{"role": "user", "content": "Hello there"}]
        asked: dict[str, Any] = {"messages": messages, "stream": on_delta is not None, **request}
        brain = self.brain(model, **(profile or {}))
        return brain.chat(self.module("sandbox.guest.llm").LLMRequest(**asked), on_delta=on_delta)

    def sent(self) -> list[dict[str, Any]]:
        return self.probe.requests()


class _Turn:
    # One turn of the host's own conversation loop, with a compactor that counts.

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


def _expect_calls(host: _Host, calls: int, error: str = "") -> None:
    seen = len(host.sent())
    expect(seen == calls, f"{seen} calls instead of {calls}: {error}".removesuffix(": "))


def _expect_intact(host: _Host, turn: _Turn, calls: int = 1) -> None:
    expect(turn.error != "", f"no error: {turn.reply!r}")
    expect(turn.compactions == 0 and not turn.truncated, f"the history was touched: {turn.error}")
    _expect_calls(host, calls, turn.error)


def _validated(host: _Host) -> None:
    """the host's validator accepts the file."""
    report = host.module("sandbox.validator").validate_file(host.file)

    expect(report.ok, report.render())


def _discovered(host: _Host) -> None:
    """the host finds the backend and what it can do."""
    brain = host.brain("openai/sim-words-8", llm_context_size=1000)

    expect("LingateBackend" in host.module("llm.registry").backend_names(), "it is not among the backends")
    expect(brain.supports_streaming and brain.supports_tool_choice, "capabilities are missing")
    expect(brain.native_modalities == {"image", "audio", "video"}, f"{brain.native_modalities}")
    expect(brain.load() and brain.loaded, "its box does not open")


def _answered(host: _Host) -> None:
    """a box answers, with the counts of tokens."""
    answer = host.ask("openai/sim-words-8")

    expect(not answer.is_error and answer.content != "", f"{answer}")
    expect(bool(answer.prompt_tokens and answer.completion_tokens), f"{answer}")
    expect(answer.cached_prompt_tokens is not None, f"{answer}")


def _streamed(host: _Host) -> None:
    """streamed pieces are the answer."""
    pieces: list[str] = []

    answer = host.ask("openai/sim-words-12", on_delta=pieces.append)

    expect(len(pieces) > 3 and "".join(pieces) == answer.content, f"{pieces} / {answer}")
    expect(bool(answer.prompt_tokens and answer.completion_tokens), f"{answer}")


def _key_and_endpoint(host: _Host) -> None:
    """key and endpoint of the profile are used, for models without a known provider too."""
    profile = {"secret_llm_api_key": "of-the-profile", "llm_endpoint": f"{host.probe.url}/v1"}

    answer = host.ask("Some/local-model", profile=profile)

    expect(not answer.is_error, f"{answer}")
    expect([item["model"] for item in host.sent()] == ["Some/local-model"], f"{host.sent()}")


def _attached(host: _Host) -> None:
    """an image goes along in the last message of the user's."""
    image = Path(host.module("paths").DATA_DIR, "workspace", "dot.png")
    image.write_bytes(_PNG)
    item = {"path": str(image), "file_name": "dot.png", "extension": ".png", "modality": "image", "parsed_text": None}

    answer = host.ask("openai/sim-words-8", attachments=[item])

    expect(not answer.is_error, f"{answer}")
    content = host.sent()[-1]["body"]["messages"][-1]["content"]
    expect(any(part["type"] == "image_url" for part in content), f"{content}")


def _tool_used(host: _Host) -> None:
    """the loop runs a tool and answers."""
    turn = _Turn(host, "openai/sim-words-8", tool=True).go()

    expect(len(turn.tool_arguments) == 1 and bool(turn.reply), f"{turn.tool_arguments} {turn.reply!r}")
    _expect_calls(host, 2)


def _rate_limited(host: _Host) -> None:
    """a rate limit that speaks of a tokens limit destroys nothing, and costs one call."""
    _expect_intact(host, _Turn(host, "openai/tokens-limit-fault-429").go())


def _other_errors(host: _Host) -> None:
    """neither do a wrong key, a missing model, an empty account and an unknown provider."""
    for fault in ("401", "404", "quota", "413"):
        _expect_intact(host, _Turn(host, f"openai/prompt-tokens-limit-fault-{fault}").go())
    _expect_intact(host, _Turn(host, "prompt-length/maximum").go(), calls=0)


def _overflowed(host: _Host) -> None:
    """a real overflow compacts once, and the answer comes."""
    turn = _Turn(host, "openai/sim-words-8-fault-context-flaky-1").go()

    expect(turn.compactions == 1 and not turn.truncated, f"{turn.compactions} compactions: {turn.error}")
    expect(bool(turn.reply) and len(host.sent()) == 2, f"{turn.reply!r} {turn.error}")


def _nearly_full(host: _Host) -> None:
    """a context that is nearly full is compacted before it overflows."""
    turn = _Turn(host, "openai/sim-words-8", llm_context_size=50).go()

    expect(bool(turn.reply) and turn.compactions == 1, f"{turn.compactions} compactions: {turn.error}")
    _expect_calls(host, 1)


def _cancelled(host: _Host) -> None:
    """cancelling ends the call at once, also at the provider."""
    begun = threading.Event()
    turn = _Turn(host, "openai/sim-words-500-delay-20", on_delta=lambda _: begun.set())
    thread = threading.Thread(target=turn.go)
    thread.start()
    expect(begun.wait(20), "nothing was streamed")

    turn.rig.session.cancel_event.set()
    turn.rig.session.interrupt()
    thread.join(8)

    # The whole answer would take ten seconds.
    expect(not thread.is_alive(), "the turn went on")
    expect(host.probe.outcomes() == ["disconnected"], "the provider was not left")
    expect(turn.compactions == 0 and not turn.truncated, "the history was touched")


_STEPS = (
    _validated,
    _discovered,
    _answered,
    _streamed,
    _key_and_endpoint,
    _attached,
    _tool_used,
    _rate_limited,
    _other_errors,
    _overflowed,
    _nearly_full,
    _cancelled,
)

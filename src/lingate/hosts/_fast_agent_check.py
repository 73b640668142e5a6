# Runs fast-agent's own agents on Lingate against the simulator: `lingate hosts check fast-agent`.

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lingate.hosts import registry
from lingate.hosts._disk import tree_of, write
from lingate.hosts._probe import Probe, Skipped, expect
from lingate.hosts._recipe import install

_WORDS = "openai/sim-words-30"
_ROUTED = "generic.lingate/"


def check_overlays(probe: Probe) -> None:
    # Drive agents in this process, and through overlays: those of a copied home, or of a new one.
    home = _prepared(probe, probe.path)
    if probe.path is None:
        write(home, install(registry.recipe("fast-agent"), tree_of(home)))
    asyncio.run(_agents(probe, lambda model: _ROUTED + model))
    if probe.failed:
        return
    with probe.step("an overlay reaches the gateway: text, tools, structured output and usage"):
        asyncio.run(_overlay(probe, home))
    with probe.step("overlays are a group of the model picker"):
        _overlay_rows(home)


def check_provider(probe: Probe) -> None:
    # Drive the patched provider: the factory, agents, and the data of the model picker.
    if probe.path is not None:
        source = probe.path / "src"
        sys.path.insert(0, str(source if source.is_dir() else probe.path))
    patched = probe.path is not None
    _prepared(probe, None)
    asyncio.run(_agents(probe, lambda model: f"lingate.{model}" if patched else _ROUTED + model))
    for says, step in _PROVIDER_STEPS:
        with probe.step(says):
            if not patched:
                raise Skipped("a checkout or an installed package (--path)")
            step()


def _prepared(probe: Probe, home: Path | None) -> Path:
    home = home or probe.home / "fast-agent-home"
    home.mkdir(exist_ok=True)
    if not any((home / name).exists() for name in ("fast-agent.yaml", "fastagent.config.yaml")):
        (home / "fast-agent.yaml").write_text("llm_retries: 0\n")
    os.environ["FAST_AGENT_HOME"] = str(home)
    os.environ["NO_COLOR"] = "1"
    return home


async def _agents(probe: Probe, spec: Callable[[str], str]) -> None:
    import lingate.hosts.fast_agent

    with probe.step("fast-agent starts and takes Lingate's class for its models"):
        lingate.hosts.fast_agent.register()
        host = await _Host.started(spec)
        _expect_class(await host.agent(), "LingateLLM")
    if probe.failed:
        return
    for says, step in _AGENT_STEPS:
        with probe.step(says):
            await step(probe, host)


def _expect_class(agent: Any, expected: str) -> None:
    found = type(agent._llm).__name__
    expect(found == expected, f"it took {found}")


class _Host:
    # fast-agent's core, and agents of it.

    def __init__(self, core: Any, spec: Callable[[str], str]) -> None:
        self.context = core.context
        self.spec = spec

    @classmethod
    async def started(cls, spec: Callable[[str], str] = str) -> _Host:
        from fast_agent.core import Core

        core = Core()
        await core.initialize()
        return cls(core, spec)

    async def agent(self, model: str = _WORDS, tools: tuple[Any, ...] = ()) -> Any:
        from fast_agent.agents.agent_types import AgentConfig
        from fast_agent.agents.tool_agent import ToolAgent
        from fast_agent.llm.model_factory import ModelFactory

        spec = self.spec(model)
        config = AgentConfig(name="check", instruction="Be brief.", model=spec)
        made = ToolAgent(config, tools=list(tools), context=self.context)
        await made.attach_llm(ModelFactory.create_factory(spec))
        return made

    @contextmanager
    def configured(self, **sections: Any) -> Iterator[None]:
        # Another configuration for as long as this lasts, read as fast-agent reads its file.
        from fast_agent.config import Settings

        before = self.context.config
        self.context.config = Settings.model_validate({"llm_retries": 0, **sections})
        try:
            yield
        finally:
            self.context.config = before


async def _answers(probe: Probe, host: _Host) -> None:
    agent = await host.agent()
    pieces: list[Any] = []
    agent._llm.add_stream_listener(pieces.append)
    text = await agent.send("Tell me about rivers.")
    expect("rivers" in text, f"the answer is {text!r}")
    expect(len(pieces) > 10, f"it came in {len(pieces)} pieces")
    usage = agent._llm.usage_accumulator.get_summary()
    expect(usage["total"] > usage["completion"]["total"] > 10, f"usage is {usage}")
    expect(agent._llm.model_info.context_window > 0, "no context window")
    body = probe.requests()[-1]["body"]
    expect(not body.get("tools") and body["stream_options"] == {"include_usage": True}, f"sent {sorted(body)}")


async def _thinking_on(probe: Probe, host: _Host) -> None:
    agent = await host.agent("anthropic/sim-words-30?reasoning=low", tools=(_remember,))
    _, first, second = await _asked_to_remember(probe, agent)
    expect("thinking" in first and "thinking" in second, "the turn after the tool is without thinking")
    kinds = [block["type"] for block in second["messages"][1]["content"]]
    expect(kinds[0] == "thinking", f"the call went back as {kinds}")


async def _asked_to_remember(probe: Probe, agent: Any) -> tuple[str, Any, Any]:
    probe.forget()
    text = await agent.send("Please remember my cat.")
    first, second = (request["body"] for request in probe.requests())
    return text, first, second


def _remember(content: str) -> str:
    return f"kept {content}"


async def _tools(probe: Probe, host: _Host) -> None:
    stored: list[str] = []

    def remember(content: str) -> str:
        """Keep something in mind."""
        stored.append(content)
        return _remember(content)

    text, first, second = await _asked_to_remember(probe, await host.agent(tools=(remember,)))
    expect(len(stored) == 1 and bool(stored[0]), f"the tool was called with {stored}")
    expect(first["tools"][0]["function"]["name"] == "remember", "the tool was not sent")
    expect(second["messages"][-1]["role"] == "tool", "the result did not go back")
    expect(f"kept {stored[0]}" in text, f"the answer is {text!r}")


async def _structured(probe: Probe, host: _Host) -> None:
    from pydantic import BaseModel

    class City(BaseModel):
        name: str
        people: int

    agent = await host.agent()
    city, _ = await agent.structured("Name a city.", City)
    expect(isinstance(city, City), f"it is {city!r}")
    sent = probe.requests()[-1]["body"]["response_format"]
    expect(sent["type"] == "json_schema", f"asked for {sent}")


async def _reasoning(probe: Probe, host: _Host) -> None:
    agent = await host.agent(_WORDS + "?reasoning=low")
    pieces: list[Any] = []
    agent._llm.add_stream_listener(pieces.append)
    answer = await agent.generate("Think about rivers.")
    expect(probe.requests()[-1]["body"]["reasoning_effort"] == "low", "the effort was not sent")
    expect(any(piece.is_reasoning for piece in pieces), "no reasoning was streamed")
    expect("reasoning" in (answer.channels or {}), f"channels are {list(answer.channels or {})}")
    expect("Let me think" not in answer.last_text(), "reasoning is in the answer")


async def _cached(probe: Probe, host: _Host) -> None:
    agent = await host.agent()
    await agent.send("rivers and seas " * 1500)
    await agent.send("Go on.")
    usage = agent._llm.usage_accumulator.get_summary()
    expect(usage["prompt"]["cache_read"] > 1000, f"usage is {usage}")


async def _empty(probe: Probe, host: _Host) -> None:
    agent = await host.agent("openai/sim-fault-empty_answer")
    probe.forget()
    try:
        await agent.send("Hello.")
    except RuntimeError as error:
        expect("no usable completion" in str(error), f"raised {error}")
    asked = [request["body"].get("stream", False) for request in probe.requests()]
    expect(asked == [True, False], f"streamed: {asked}")


async def _errors(probe: Probe, host: _Host) -> None:
    import openai
    from fast_agent.core.exceptions import ProviderKeyError

    for fault, code in (("429", "429"), ("500", "500"), ("404", "404"), ("cut-3", ""), ("eof-3", "")):
        agent = await host.agent(f"openai/sim-fault-{fault}")
        answer = await agent.generate("Hello.")
        expect(str(answer.stop_reason).lower().endswith("error"), f"{fault}: ended with {answer.stop_reason}")
        expect("fast-agent-error" in (answer.channels or {}), f"{fault}: no error channel")
        expect(code in answer.last_text(), f"{fault}: said {answer.last_text()!r}")
    for model, expected, named in (
        ("openai/sim-fault-400", openai.BadRequestError, ""),
        ("openai/sim-fault-context", openai.BadRequestError, ""),
        ("openai/sim-fault-401", ProviderKeyError, ""),
        ("groq/any", ProviderKeyError, "GROQ_API_KEY"),
        ("no-such-provider/any", openai.BadRequestError, "no-such-provider"),
    ):
        agent = await host.agent(model)
        try:
            answer = await agent.generate("Hello.")
        except expected as error:
            expect(named in str(error), f"{named} is not named: {error}")
        else:
            raise AssertionError(f"{expected.__name__} was not raised; the answer is {answer.last_text()!r}")


async def _gateway(probe: Probe, host: _Host) -> None:
    section = {
        "api_base": probe.url,
        "api_key": "gateway-key",
        "default_model": "my-deployment",
        "default_headers": {"x-team": "checks"},
        "extra_kwargs": {"seed": 7},
    }
    probe.forget()
    with host.configured(lingate=section, anthropic={"api_key": "other"}):
        agent = await host.agent("anthropic/sim-words-30")
        text = await agent.send("Tell me about rivers.")
        unnamed = type(agent._llm)(context=host.context).default_request_params.model
    request = probe.requests()[-1]
    expect("rivers" in text, f"the answer is {text!r}")
    expect(unnamed == "my-deployment", f"without a model it asks for {unnamed}")
    expect(request["body"].get("seed") == 7, "the extra arguments were not sent")
    expect(request["path"].startswith("/v1/chat"), f"it went to {request['path']}")
    expect(request["body"]["model"] == "anthropic/sim-words-30", f"it asked for {request['body']['model']}")
    expect(request["headers"].get("x-team") == "checks", "the headers were not sent")


async def _config_key(probe: Probe, host: _Host) -> None:
    kept = {name: os.environ.pop(name) for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")}
    try:
        probe.forget()
        with host.configured(anthropic={"api_key": "from-config", "base_url": f"{probe.url}/configured"}):
            agent = await host.agent("anthropic/sim-words-30")
            await agent.send("Tell me about rivers.")
        path = probe.requests()[-1]["path"]
        expect(path.startswith("/configured"), f"it went to {path}")
        expect("ANTHROPIC_API_KEY" not in os.environ, "the key was written into the environment")
    finally:
        os.environ.update(kept)


async def _overlay(probe: Probe, home: Path) -> None:
    files = sorted((home / "model-overlays").glob("lingate-*.yaml"))
    for file in files:
        # The simulator is the gateway here.
        file.write_text(re.sub(r"(?m)^  base_url:.*", f"  base_url: {probe.url}/v1", file.read_text()))
    name = min(file.stem for file in files)
    host = await _Host.started(lambda _: name)
    for step in (_answers, _tools, _structured):
        await step(probe, host)
    _expect_class(await host.agent(name), "GenericLLM")


def _overlay_rows(home: Path) -> None:
    from fast_agent.ui.model_picker_common import build_snapshot

    first = build_snapshot(config_payload={"home": str(home)}).providers[0]
    expect(first.overlay_group and first.active, f"the first group is {first.option_key}")
    expect(len(first.curated_entries) >= 20, f"it has {len(first.curated_entries)} models")


def _row() -> tuple[Any, Callable[[str], list[str]]]:
    # The first row of the picker, and what shows its specs.
    from fast_agent.ui.model_picker_common import build_snapshot, model_options_for_option

    row = next(option for option in build_snapshot(config_payload={}).providers if not option.overlay_group)
    expect(row.option_key == "lingate", f"the first row is {row.option_key}")
    return row, lambda source: [option.spec for option in model_options_for_option(row, source=source)]


def _curated_row() -> None:
    row, specs = _row()
    models = specs("curated")
    backings = {spec.removeprefix("lingate.").partition("/")[0] for spec in models}
    expect(row.active and row.credential_label is None, "it is not [available]")
    expect(len(models) >= 20 and len(backings) >= 16, f"{len(models)} models of {len(backings)} providers")


def _all_models() -> None:
    from fast_agent.llm.provider_model_catalog import ProviderModelCatalogRegistry
    from fast_agent.llm.provider_types import Provider

    _, specs = _row()
    curated, every = specs("curated"), specs("all")
    began = time.thread_time()  # of this thread alone: other programs may keep the machine busy
    specs("all")
    took = time.thread_time() - began
    expect(every[: len(curated)] == curated and len(set(every)) == len(every), "models are shown twice")
    expect(took < 0.05, f"listing takes {took * 1000:.0f} ms at each key")
    listed = ProviderModelCatalogRegistry.discover(vars(Provider)["LINGATE"], {}).all_models
    expect(set(every) >= set(listed), "the registry lists other models")
    if len(every) == len(curated):
        raise Skipped("lingate[prices] or litellm in fast-agent's Python, for more than the curated models")
    expect(len(every) > 2000, f"{len(every)} models")


def _marks() -> None:
    from fast_agent.ui.model_picker import _SplitListPicker

    picker = _SplitListPicker(config_path=None, config_payload={}, initial_provider="lingate")
    text = "".join(piece[1] for piece in picker._render_model_panel())
    shown = {line.split("lingate.")[1].split("/")[0]: line for line in text.splitlines() if "lingate." in line}
    expect("✓" in shown["anthropic"], f"a provider with a key is marked {shown['anthropic']!r}")
    missing = [name for name, line in shown.items() if "✗" in line]
    expect(len(missing) >= 10, f"only {missing} are marked as without a key")
    began = time.thread_time()
    picker._toggle_source()
    picker._render_model_panel()
    picker._render_model_panel()
    took = (time.thread_time() - began) / 2
    expect(took < 0.25, f"drawing all models takes {took * 1000:.0f} ms")


def _specs() -> None:
    from fast_agent.llm.model_factory import ModelFactory

    bedrock = "bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0"
    for model in (bedrock, "vertex_ai/claude-sonnet-4-5@20250929", "my-deployment"):
        parsed = ModelFactory.parse_model_string(f"lingate.{model}")
        expect((parsed.provider.value, parsed.model_name) == ("lingate", model), f"{model} is read as {parsed}")


_AGENT_STEPS = (
    ("an agent answers, streaming, and its tokens and its window are counted", _answers),
    ("an agent calls a tool, reads its result and goes on", _tools),
    ("structured output becomes an object", _structured),
    ("reasoning is asked for, arrives apart from the answer and is counted", _reasoning),
    ("a model that thinks goes on thinking after a tool", _thinking_on),
    ("cached tokens are counted", _cached),
    ("a stream without content is asked for again without streaming", _empty),
    ("errors become what fast-agent knows: a message, or raised at once where trying again is useless", _errors),
    ("a gateway in the configuration takes every call, with its own key", _gateway),
    ("a key in the configuration is used where the environment has none", _config_key),
)

_PROVIDER_STEPS = (
    ("the picker's first row is Lingate: available, twenty models and more of sixteen providers", _curated_row),
    ("`c` lists every known model, each once", _all_models),
    ("each model is marked by the credential of its provider", _marks),
    ("specs with colons, at signs and without a provider are read", _specs),
)

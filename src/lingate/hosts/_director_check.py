# Drives Director's own code against the simulator: the choice of the LLM, and its reasoning engine.

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lingate.hosts._probe import Probe, Skipped, expect
from lingate.hosts.director import FAILED

_MODEL = "openai/sim-words-12"
_TEXT = "What is in the collection?"


def check(probe: Probe) -> None:
    # Run every step; without a checkout there is no Director to run.
    if probe.path is None:
        with probe.step("Director's own code answers"):
            raise Skipped("needs a checkout: --path")
    else:
        sys.path.insert(0, str(probe.path / "backend"))
        probe.steps(_STEPS, probe)


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    # Exactly these of the variables that Director looks at.
    before = dict(os.environ)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLEAI_API_KEY", "DEFAULT_LLM", "LINGATE_CHAT_MODEL"):
        os.environ.pop(name, None)
    os.environ.update({"OPENAI_API_KEY": "check", **variables})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _chosen(model: str = _MODEL) -> Any:
    with _environment(DEFAULT_LLM="lingate", LINGATE_CHAT_MODEL=model):
        return import_module("director.llm").get_default_llm()


def _selection(probe: Probe) -> None:
    """DEFAULT_LLM=lingate selects Lingate, also beside an OPENAI_API_KEY, and nothing else does."""
    with _environment():
        other = type(import_module("director.llm").get_default_llm()).__name__

    expect(type(_chosen()).__name__ == "LingateLLM", "another LLM was selected")
    expect(other != "LingateLLM", "it was selected without DEFAULT_LLM")


def _answer(probe: Probe) -> None:
    """the reasoning engine answers, with one call."""
    _Run(probe).go(calls=1, status="success")


def _agent(probe: Probe) -> None:
    """an agent is run with arguments, and the run is summed up."""
    run = _Run(probe, agents=True)

    run.go(calls=3, status="success")

    expect(len(run.agent_calls) == 1, f"the agent ran {len(run.agent_calls)} times")
    expect("collection_id" in run.agent_calls[0], f"it got {run.agent_calls[0]}")


def _error(probe: Probe) -> None:
    """an error of the provider becomes a text without the provider's words."""
    run = _Run(probe, "openai/sim-fault-401")

    run.go(calls=1, status="error")

    expect(run.text.startswith(FAILED) and "Incorrect" not in run.text, f"text {run.text!r}")


def _length(probe: Probe) -> None:
    """an answer that is cut at its limit ends the run."""
    run = _Run(probe, "openai/sim-words-50")
    run.engine.llm.max_tokens = 5

    run.go(calls=1)


def _history(probe: Probe) -> None:
    """a history with agent calls is understood where no agents are offered."""
    llm = _chosen()
    found = llm.chat_completions([{"role": "user", "content": "call upload"}], tools=[_tool("upload")])
    asked = [{"role": "assistant", "content": [], "tool_calls": found.tool_calls}]
    asked += [{"role": "tool", "content": "done", "tool_call_id": found.tool_calls[0]["id"]}]

    answer = llm.chat_completions([{"role": "user", "content": "call upload"}, *asked])

    expect(answer.finish_reason == "stop" and answer.tool_calls == [], f"{answer}")


def _json_in_threads(probe: Probe) -> None:
    """bare JSON comes from several threads at once."""
    llm = _chosen()
    prompts = [[{"role": "user", "content": f"Answer in JSON, number {number}"}] for number in range(8)]

    with ThreadPoolExecutor() as pool:
        found = list(
            pool.map(lambda item: llm.chat_completions(item, response_format={"type": "json_object"}), prompts)
        )

    for number, answer in enumerate(found):
        expect(bool(answer.status) and f"number {number}" in json.dumps(json.loads(answer.content)), f"{answer}")


def _tool(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"collection_id": {"type": "string"}}, "required": ["collection_id"]}
    return {"name": name, "description": "Lists the videos of a collection", "parameters": parameters}


class _Run:
    # A real engine, session and database, and one agent.

    def __init__(self, probe: Probe, model: str = _MODEL, *, agents: bool = False, llm: str = "lingate") -> None:
        core, sqlite = import_module("director.core.session"), import_module("director.db.sqlite.db")
        database = str(Path(probe.home, "director.db"))
        import_module("director.db.sqlite.initialize").initialize_sqlite(database)
        session = core.Session(
            db=sqlite.SQLiteDB(database), session_id=os.urandom(4).hex(), conv_id="c", collection_id="m"
        )
        session.state["collection"] = SimpleNamespace(
            id="m-1", name="Holidays", description="videos", get_videos=list, get_images=list
        )
        message = core.InputMessage(
            db=session.db,
            session_id=session.session_id,
            conv_id="c",
            content=[{"type": "text", "text": _TEXT}],
        )
        with _environment(**{"DEFAULT_LLM": llm, f"{llm.upper()}_CHAT_MODEL": model}):
            self.engine = import_module("director.core.reasoning").ReasoningEngine(message, session)
        self.agent_calls: list[dict[str, Any]] = []
        if agents:
            self.engine.register_agents([_agent_class(self.agent_calls)(session)])
        self._probe = probe

    def go(self, *, calls: int | None = None, status: str = "") -> None:
        self._probe.forget()
        with _environment():
            self.engine.run()
        if calls is not None:
            expect(self.requests == calls, f"{self.requests} calls instead of {calls}")
            expect(self.text != "" and status in ("", self.status), f"{self.status}: {self.text!r}")

    @property
    def requests(self) -> int:
        return len(self._probe.requests())

    @property
    def text(self) -> str:
        return str(self.engine.output_message.content[-1].text)

    @property
    def status(self) -> str:
        status = self.engine.output_message.status
        return str(getattr(status, "value", status))


def _agent_class(calls: list[dict[str, Any]]) -> Any:
    base = import_module("director.agents.base")

    def run(self: Any, **arguments: Any) -> Any:
        calls.append(arguments)
        return base.AgentResponse(message="two videos")

    tool = _tool("list_videos")
    return type("ListVideos", (base.BaseAgent,), {"agent_name": tool.pop("name"), **tool, "run": run})


_STEPS = (_selection, _answer, _agent, _error, _length, _history, _json_in_threads)

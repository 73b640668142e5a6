"""One simulator for all tests of a file, and Second Brain's backend as its host would have it."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lingate.hosts._second_brain_recipe import backend_file
from lingate.simulator import Simulator
from tests.hosts.second_brain_kit import HELLO, Sdk


@pytest.fixture(scope="module")
def _running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(_running: Simulator) -> Simulator:
    """A simulator that remembers nothing of other tests."""
    _running.reset()
    return _running


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Second Brain's `guest.llm`, as its contract describes it."""
    monkeypatch.syspath_prepend(str(Path(__file__).with_name("stand_ins")))
    yield importlib.import_module("guest.llm")
    for name in ("guest.llm", "guest"):
        sys.modules.pop(name, None)


@pytest.fixture
def box(guest: Any) -> Any:
    """The backend of Second Brain's drop-in file, started."""
    module = types.ModuleType("llm_lingate")
    exec(compile(backend_file(), "llm_lingate.py", "exec"), vars(module))
    made = module.LingateBackend()
    assert made.start(Sdk()) is True
    return made


@pytest.fixture
def ask(box: Any, guest: Any, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Asks that backend as Second Brain does; its providers are the simulator."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{simulator.url}/v1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", simulator.url)

    def asked(model: str, sdk: Any = None, **request: Any) -> Any:
        return box.chat(sdk or Sdk(), guest.LLMRequest(**{"model_name": model, "messages": HELLO, **request}))

    return asked

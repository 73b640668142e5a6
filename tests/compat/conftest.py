"""A simulator for the whole session, and settings of the drop-in as they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lingate.compat import litellm
from lingate.compat.litellm._names import SETTINGS
from lingate.simulator import Simulator

ASKED = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def to(simulator: Simulator) -> dict[str, Any]:
    """Arguments that lead a call to the simulator, without retries."""
    simulator.reset()
    return {"api_base": f"{simulator.url}/v1", "api_key": "key", "num_retries": 0}


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    kept = {name: getattr(litellm, name) for name in SETTINGS}
    litellm._current_cost = 0.0
    for name, value in kept.items():
        if isinstance(value, (list, dict)):
            setattr(litellm, name, type(value)(value))
    yield
    for name, value in kept.items():
        setattr(litellm, name, value)

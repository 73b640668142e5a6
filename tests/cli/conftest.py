"""One simulator for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lingate.simulator import Simulator
from tests.services import postgres, postgres_server

__all__ = ["postgres", "postgres_server"]


@pytest.fixture(scope="module")
def _running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(_running: Simulator) -> Simulator:
    """A simulator that remembers nothing of other tests."""
    _running.reset()
    return _running

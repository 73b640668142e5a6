"""Fixtures of the gateway's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lingate.simulator import Simulator
from tests.servers import RawServer
from tests.services import postgres, postgres_server, redis, redis_server

__all__ = ["postgres", "postgres_server", "redis", "redis_server", "simulator", "upstream"]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """The provider behind the gateways of one module."""
    with Simulator() as running:
        yield running


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawServer]:
    """The scripted provider behind the gateways of one module."""
    with RawServer() as running:
        yield running

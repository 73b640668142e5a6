"""Where the measured processes run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks import processors

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="there is one processor, or it is not Linux"
)

_WHERE = "import os; print(*os.sched_getaffinity(0))"


def _where() -> set[int]:
    said = subprocess.run([sys.executable, "-c", _WHERE], capture_output=True, text=True, check=True).stdout
    return set(map(int, said.split()))


def test_peers_and_the_provider_run_on_different_processors_and_everybody_else_anywhere() -> None:
    everywhere = os.sched_getaffinity(0)
    with processors.peers():
        peers = _where()
    with processors.provider():
        provider = _where()

    assert len(peers) == len(provider) == 1
    assert not peers & provider
    assert _where() == os.sched_getaffinity(0) == everywhere


def test_a_failure_in_between_leaves_nobody_kept() -> None:
    everywhere = os.sched_getaffinity(0)
    with pytest.raises(ZeroDivisionError), processors.peers():
        _ = 1 / 0

    assert os.sched_getaffinity(0) == everywhere

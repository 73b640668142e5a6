"""A measured process and all below it, as Linux tells of them in /proc."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")
_QUIET_SECONDS = 0.6


def tree(pid: int) -> list[int]:
    """The process and its descendants."""
    below: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                below.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += below.get(one, [])
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of the tree, user and system, with children that have ended."""
    spent = 0.0
    for one in tree(pid):
        fields = _stat(one)
        if fields:
            # The first counts threads that have ended, but in steps of 10 ms; the second is exact.
            spent += max(sum(map(int, fields[11:13])) / _TICKS, _by_threads(one))
            spent += sum(map(int, fields[13:15])) / _TICKS if one == pid else 0.0
    return spent


def _by_threads(pid: int) -> float:
    """CPU time of a process's threads, to the nanosecond; 0 where the kernel keeps no such count."""
    spent = 0
    for thread in (_PROC / str(pid) / "task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # it has ended
            spent += int(thread.read_text().split()[0])
    return spent / 1e9


def rss_mb(pid: int) -> float:
    """Resident memory of the tree."""
    pages = 0
    for one in tree(pid):
        try:
            pages += int((_PROC / str(one) / "statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return pages * _PAGE / 1e6


def wait_until_quiet(pid: int, most: float) -> None:
    """Return when the tree does nothing any more, so that what it left for later has been counted; or after `most`."""
    until = time.monotonic() + most
    before = cpu_seconds(pid)
    while time.monotonic() < until:
        time.sleep(_QUIET_SECONDS)
        now = cpu_seconds(pid)
        if now - before <= 1 / _TICKS:
            return
        before = now


def _stat(pid: int) -> list[str]:
    """The fields of its `stat` from the third on; nothing if it is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []

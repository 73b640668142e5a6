# What Redis does, each as one atomic script: the files in `lua`.

# How counters are kept there is said in `common.lua`.

from __future__ import annotations

from pathlib import Path

from lingate.server.access.meters import WINDOW

SILENCE = 15
"""Seconds after which a replica that is not heard of is taken for dead."""
KEEP = 30 * 86400
"""Seconds that is kept what has no end of its own."""


def _script(*names: str) -> str:
    files = (Path(__file__).parent / "lua" / f"{name}.lua" for name in names)
    head = f"local WINDOW, SILENCE, KEEP = {WINDOW}, {SILENCE}, {KEEP}\n"
    return head + "".join(file.read_text(encoding="utf-8") for file in files)


ADMIT, SETTLE = _script("common", "admit"), _script("common", "settle")
SEED, RAISE, JOIN = _script("seed"), _script("raise"), _script("join")

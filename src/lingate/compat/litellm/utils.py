"""The names of `litellm.utils`: loaded on first use from where they live."""

from __future__ import annotations

from typing import Any

from lingate.compat import litellm
from lingate.compat.litellm._names import CAPABILITIES, SUBMODULES, missing


def __getattr__(name: str) -> Any:
    if name in SUBMODULES["utils"] or name in CAPABILITIES:
        return getattr(litellm, name)
    raise missing(name)

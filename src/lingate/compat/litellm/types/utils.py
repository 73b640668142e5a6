"""The names of `litellm.types.utils`: loaded on first use from where they live."""

from __future__ import annotations

from typing import Any

from lingate.compat import litellm
from lingate.compat.litellm._names import SUBMODULES, missing


def __getattr__(name: str) -> Any:
    if name in SUBMODULES["types.utils"]:
        return getattr(litellm, name)
    raise missing(name)

# Model listing: which models a provider offers to this key.

from __future__ import annotations

from typing import Any

from lingate._endpoints._arguments import text_mapping
from lingate._model import Call


def prepare(*, extra_headers: Any = None) -> Call:
    return Call("models", "", {}, extra_headers=text_mapping(extra_headers, "extra_headers"))

"""Clients of the wire formats, as their vendors' own packages behave: one module for each format that is a face.

A module has

- `path(talk)`: where the request goes;
- `ask(talk, turn)`: the body of the request, with the assistant's turn as the format keeps it;
- `turn_of(body)` and `turn_of_stream(data)`: the assistant's turn of an answer, as it goes back with the next request.

A turn holds what the format has fields for, and further fields where the vendor's package keeps them.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any


@lru_cache
def client_of(name: str) -> Any:
    """The client of a format; None if it has none of its own."""
    found = find_spec(f"{__name__}.{name}")
    return None if found is None else import_module(f"{__name__}.{name}")

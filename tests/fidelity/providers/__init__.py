"""Providers of the wire formats: how each of them streams the answer that it would else give whole.

A module has `stream(body)`, which gives the bytes and their content type. Written from the vendors' documentation and
recorded streams, not with the code under test.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def provider_of(name: str) -> Any:
    """The provider of a format."""
    return import_module(f"{__name__}.{name}")

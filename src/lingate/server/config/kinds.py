"""Kinds of values that a plain type does not tell."""

from __future__ import annotations

from typing import Annotated, TypeAlias

Seconds: TypeAlias = Annotated[float, "duration"]
"""A number of seconds, or a word such as `90s`, `30m`, `24h`, `30d`, `1mo`."""

Period: TypeAlias = Annotated[str, "period"]
"""How often something begins anew: `1d`, `30d`, `1mo`. Kept as it is written, since months differ in length."""

Bytes: TypeAlias = Annotated[int, "size"]
"""A number of bytes, or a word such as `10MB`."""

Secret: TypeAlias = Annotated[str, "secret"]
"""Kept out of every message."""

Count: TypeAlias = Annotated[int, "count"]
"""A whole number from 0."""

Amount: TypeAlias = Annotated[float, "amount"]
"""A number from 0."""

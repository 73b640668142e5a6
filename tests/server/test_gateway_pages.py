"""The configurations that the gateway's pages show can be read, every key of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.server.driving import problems_of, warnings_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
SHOWN = [
    (page, at, text)
    for page in ("gateway-cache.md", "gateway-continuation.md", "security.md")
    for at, text in enumerate(re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL))
]


@pytest.mark.parametrize(("page", "at", "text"), SHOWN, ids=[f"{page}-{at}" for page, at, _ in SHOWN])
def test_a_configuration_that_is_shown_is_one(page: str, at: int, text: str) -> None:
    assert problems_of(text) == []
    assert "not done" not in warnings_of(text)

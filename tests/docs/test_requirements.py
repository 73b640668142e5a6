"""Nothing that a host needs is without a test. (That the table is current is tested with the other generated pages.)"""

from __future__ import annotations

import pytest

from tests.hosts.page import marked
from tests.hosts.requirements import REQUIREMENTS


@pytest.mark.parametrize("requirement", list(REQUIREMENTS))
def test_a_test_shows_it(requirement: str) -> None:
    assert marked_once().get(requirement), f"no test is marked with {requirement!r}: {REQUIREMENTS[requirement]}"


def test_no_test_names_a_requirement_that_does_not_exist() -> None:
    assert set(marked_once()) <= set(REQUIREMENTS)


_MARKED: dict[str, list[str]] = {}


def marked_once() -> dict[str, list[str]]:
    """What all tests name; read from their source once."""
    if not _MARKED:
        _MARKED.update(marked())
    return _MARKED

"""Where the hosts' own code is, if the developer has it: `LINGATE_HOST_VUI=/path`, `LINGATE_HOST_VUI_PYTHON=...`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Read when this is imported: the fixture that scrubs the environment leaves none of it.
_GIVEN = {name: value for name, value in os.environ.items() if name.startswith("LINGATE_HOST_") and value}


def checkout(name: str) -> tuple[Path, str | None]:
    """The host's checkout and its Python (None: the one of the tests); the test is skipped where there is no checkout."""
    variable = f"LINGATE_HOST_{name}"
    path = _GIVEN.get(variable)
    if path is None:
        pytest.skip(f"no checkout of the host: set {variable} (and {variable}_PYTHON) to run its own code")
    return Path(path), _GIVEN.get(f"{variable}_PYTHON")

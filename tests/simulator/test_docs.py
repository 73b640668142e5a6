from __future__ import annotations

import re

from lingate.simulator import FAULTS
from lingate.simulator.backend import HELP
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "simulator.md").read_text()


def test_the_documentation_has_every_fault_as_the_table_has_it() -> None:
    rows = re.findall(r"^\| `(\w+)`[^|]* \| ?([^|]*?) ?\| ([^|]+) \|$", PAGE.partition("## Faults")[2], re.M)

    assert rows == [(name, f"{fault.arg:g}" if fault.arg else "", fault.about) for name, fault in FAULTS.items()]


def test_the_documentation_has_every_option_that_the_front_page_has() -> None:
    for option in re.findall(r"x-sim-[a-z-]+", HELP):
        assert option in PAGE

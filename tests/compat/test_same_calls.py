"""A hundred calls and more through litellm and through the drop-in: equal in every value, or a difference that is documented.

What litellm 1.106.2 answered to our simulator is kept in `theirs.json`, so that this side is always checked. With
`LINGATE_LITELLM_PYTHON` (an interpreter that has litellm and the `mcp` package) the file is checked too;
`LINGATE_RECORD=1` beside it writes the file anew.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import lingate
from lingate.simulator import Simulator

# Read before the fixture that cleans the environment.
PYTHON, RECORD = os.environ.get("LINGATE_LITELLM_PYTHON"), os.environ.get("LINGATE_RECORD")
CALLS, THEIRS = Path(__file__).with_name("calls.py"), Path(__file__).with_name("theirs.json")
PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "migrating-from-litellm.md"


class Difference(NamedTuple):
    """What differs on purpose.

    Attributes:
        what: The first column of its row in docs/migrating-from-litellm.md, where the reason is.
        where: `call: value` that it holds for.
    """

    what: str
    where: str


DIFFERENCES = (
    Difference("what a provider says in its own words", r".*: .*(native_finish_reason|provider_specific_fields.*)"),
    Difference("`text_tokens` in the details of usage", r".*: .*usage\..*_tokens_details\.text_tokens"),
    Difference(
        "cache counts that an answer does not state",
        r".*claude.*: .*\.cache_(write|creation|creation_input|read_input)_tokens",
    ),
    Difference(
        "usage that is absent", r"(text without usage|stream with no_usage): (answer\.usage\..*|built\.usage\..*|cost)"
    ),
    Difference("usage of a stream put together", r"stream.*: built\.usage\.(?!cost).*"),
    Difference("`usage.cost` of a stream put together", r"stream.*: built\.usage\.cost"),
    Difference("prices", r"text of (deepseek|together|openrouter): cost"),
    Difference("mocked usage", r"text that is made up: (answer\.usage\..*|cost)"),
    Difference("`index` of Claude's whole tool calls", r"tool of claude.*: .*tool_calls\[0\]\.index"),
    Difference("a stream with `n` above 1", r"stream of two: .*"),
    Difference("thinking blocks of a stream put together", r"stream of reasoning: built\..*thinking_blocks.*"),
    Difference("a stream that is cut", r"stream with (cut=3|reset=3|no_terminal): .*"),
    Difference("an error inside a stream", r"stream with (error_event|malformed_event)=2: error\..*"),
    Difference("402, 403, 409, 529", r"failure (402|403|409|529|529 of claude): error\..*"),
    Difference(
        "a 200 that holds an error, or makes no sense", r"failure (malformed_json|error_in_200|empty_body): error\..*"
    ),
    Difference("connection refused or reset", r"failure (close_head|reset_head): error\..*"),
    Difference("unknown provider", r"failure of (an unknown provider|a bare name): error\.class"),
    Difference("a call without a key", r"failure without a key: error\..*"),
    Difference("`model` of an awaited call's error", r"failure awaited: error\.model"),
    Difference("Groq's answers without `service_tier`", r"text of groq: .*"),
    Difference("usage of images and rankings", r"(image|ranking): answer\.usage\..*"),
    Difference("`model` and class of a moderation", r"moderation: (answer\.model|kinds)"),
    Difference("`object` and `model` of a ranking", r"ranking: answer\.(object|model)"),
    Difference("cost that is unknown", r"ranking: cost"),
)


def answers(python: str, module: str, folder: Path) -> dict[str, Any]:
    """What a library answers to every call, as its values by their places."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    if python == sys.executable:
        env["PYTHONPATH"] = str(Path(lingate.__file__).resolve().parent.parent)
    with Simulator() as simulator:
        done = subprocess.run(
            [python, str(CALLS), module, simulator.url],
            capture_output=True,
            text=True,
            check=False,
            env=env,
            cwd=folder,
            timeout=280,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: dict(flat(told)) for name, told in found.items()}


def flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        for at, item in enumerate(value):
            yield from flat(item, f"{name}[{at}]")
    else:
        yield name, value


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return answers(sys.executable, "lingate.compat.litellm", tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(THEIRS.read_text(encoding="utf-8"))
    return found


def different(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Every value that the two do not share."""
    absent = "<absent>"
    found = {}
    for name, values in theirs.items():
        for place in {**ours[name], **values}:
            mine, other = ours[name].get(place, absent), values.get(place, absent)
            numbers = isinstance(mine, float) and isinstance(other, (int, float))
            if mine != (pytest.approx(other, rel=1e-4) if numbers else other):
                found[f"{name}: {place}"] = mine, other
    return found


def test_more_than_sixty_calls_of_every_kind_are_compared(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours.keys() == theirs.keys()
    assert len(theirs) > 60
    for kind in ("text", "tool", "stream", "failure", "embedding"):
        assert sum(name.startswith(kind) for name in theirs) >= 5
    assert sum("cost" in values for values in theirs.values()) > 30


def test_every_value_is_the_same_or_a_difference_that_is_listed(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    left = {
        place: values
        for place, values in different(ours, theirs).items()
        if not any(re.fullmatch(difference.where, place) for difference in DIFFERENCES)
    }

    assert left == {}


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.what)
def test_every_difference_is_real_and_documented_with_its_reason(
    difference: Difference, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    assert any(re.fullmatch(difference.where, place) for place in different(ours, theirs))
    row = next(
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {difference.what} |")
    )
    assert [part for part in row.strip("|").split(" | ") if not part.strip()] == []


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason="set LINGATE_LITELLM_PYTHON to an interpreter that has litellm")
def test_the_kept_answers_are_those_that_litellm_gives(tmp_path: Path) -> None:
    found = answers(str(PYTHON), "litellm", tmp_path)
    if RECORD:
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(values)}" for name, values in found.items())
        THEIRS.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")

    assert found == json.loads(THEIRS.read_text(encoding="utf-8"))

from __future__ import annotations

from typing import Any

import pytest

from lingate.errors import BadRequestError
from lingate.simulator.faults import FAULT_NAMES, FAULTS
from lingate.simulator.options import FaultSpec, Options, read_options


def read(model: str = "sim", headers: dict[str, str] | None = None, defaults: Options = Options()) -> Options:  # noqa: B008
    return read_options(model, headers or {}, FAULT_NAMES, defaults)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("sim", Options()),
        ("anything/at-all:latest", Options()),
        ("sim-words-200", Options(words=200)),
        ("sim-delay-20-first-100", Options(delay=0.02, first_delay=0.1)),
        ("sim-parallel", Options(parallel=2)),
        ("sim-parallel-5", Options(parallel=5)),
        ("sim-notools", Options(tools=False)),
        ("embed-dims-256", Options(dimensions=256)),
        ("sim-fault-429", Options(faults=(FaultSpec("rate_limit"),))),
        ("sim-fault-429-2.5", Options(faults=(FaultSpec("rate_limit", 2.5),))),
        ("sim-fault-rate_limit-7", Options(faults=(FaultSpec("rate_limit", 7),))),
        ("sim-fault-rate-limit-7", Options(faults=(FaultSpec("rate_limit", 7),))),
        ("sim-fault-cut-3-words-50", Options(words=50, faults=(FaultSpec("cut", 3),))),
        ("sim-fault-comments-fault-drip", Options(faults=(FaultSpec("comments"), FaultSpec("drip")))),
        ("sim-flaky-2", Options(faults=(FaultSpec("unavailable", None, 2),))),
        ("sim-fault-500-flaky-1", Options(faults=(FaultSpec("server_error", None, 1),))),
        ("SIM-FAULT-Reset_Head", Options(faults=(FaultSpec("reset_head"),))),
    ],
)
def test_parts_of_the_model_name_say_how_to_answer(model: str, expected: Options) -> None:
    assert read(model) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-sim-delay-ms": "15"}, Options(delay=0.015)),
        ({"x-sim-first-token-ms": "1.5"}, Options(first_delay=0.0015)),
        ({"x-sim-words": "9", "x-sim-unique": "yes"}, Options(words=9, unique=True)),
        ({"x-sim-tools": "no", "x-sim-parallel": "3"}, Options(tools=False, parallel=3)),
        ({"x-sim-fault": "429"}, Options(faults=(FaultSpec("rate_limit"),))),
        ({"x-sim-fault": "cut=5; times=2"}, Options(faults=(FaultSpec("cut", 5, 2),))),
        ({"x-sim-fault": "comments, drip"}, Options(faults=(FaultSpec("comments"), FaultSpec("drip")))),
        ({"authorization": "Bearer x", "accept": "*/*"}, Options()),
    ],
)
def test_headers_say_how_to_answer(headers: dict[str, str], expected: Options) -> None:
    assert read(headers=headers) == expected


def test_headers_win_over_the_model_and_the_model_over_the_defaults() -> None:
    assert read("sim", {}, Options(delay=1)).delay == 1
    assert read("sim-delay-20", {}, Options(delay=1)).delay == 0.02
    assert read("sim-delay-20", {"x-sim-delay-ms": "30"}, Options(delay=1)).delay == 0.03


@pytest.mark.parametrize(
    ("model", "headers"),
    [
        ("sim-fault-nonsense", {}),
        ("sim-fault", {}),
        ("sim-words-999999999", {}),
        ("sim", {"x-sim-fault": "nonsense"}),
        ("sim", {"x-sim-fault": "cut; often=2"}),
        ("sim", {"x-sim-fault": "cut=three"}),
        ("sim", {"x-sim-delay-ms": "-1"}),
        ("sim", {"x-sim-dealy-ms": "1"}),
    ],
)
def test_what_is_not_understood_is_refused(model: str, headers: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        read(model, headers)


def test_every_fault_does_exactly_one_thing_and_says_what() -> None:
    for name, fault in FAULTS.items():
        assert sum(part is not None for part in (fault.error, fault.answer, fault.steps)) == 1, name
        assert fault.about.endswith("."), name
        assert "-" not in name

"""The conversation that every wire format is measured with: it is whole in each of them, and as large as it is said to be."""

from __future__ import annotations

from benchmarks import formats


def test_every_wire_format_is_measured_on_the_whole_conversation() -> None:
    steps = formats.steps_of(formats.conversation())

    assert set(steps) == {*formats.FORMATS, formats.FLOOR}
    for size, encode, decode in steps.values():
        assert 90_000 < size < 110_000
        assert encode() is not None
        assert decode() is not None

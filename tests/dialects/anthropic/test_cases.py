"""The hand-made exchanges in `tests/cases/anthropic`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lingate._model import Call, Failed, Head
from tests.dialects.anthropic.oracle import check_params
from tests.dialects.anthropic.support import CHAT, decode, send, target
from tests.dialects.short import collect

CASES = Path(__file__).resolve().parents[2] / "cases" / "anthropic"
ANSWERS = sorted(path.stem for path in (CASES / "answers").glob("*.sse"))
REQUESTS = sorted(path.stem for path in (CASES / "requests").glob("*.json"))

HEAD = Head(200, {"content-type": "text/event-stream"})


def _answer(name: str) -> tuple[bytes, dict[str, Any]]:
    folder = CASES / "answers"
    return (folder / f"{name}.sse").read_bytes(), json.loads((folder / f"{name}.json").read_text())


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_what_the_case_says(name: str, line_end: bytes) -> None:
    data, expected = _answer(name)

    events = decode([data.replace(b"\n", line_end)], head=HEAD)

    if "error" in expected:
        last = events[-1]
        assert isinstance(last, Failed)
        assert last.error.kind == expected["error"]["kind"]
        assert expected["error"]["text"] in str(last.error)
    else:
        assert collect(events) == expected["response"]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_the_same_whole_byte_by_byte_and_cut_anywhere(name: str) -> None:
    data, _ = _answer(name)
    whole = [_comparable(event) for event in decode([data], head=HEAD)]

    pieces = [data[n : n + 1] for n in range(len(data))]
    assert [_comparable(event) for event in decode(pieces, head=HEAD)] == whole
    for cut in range(len(data)):
        assert [_comparable(event) for event in decode([data[:cut], data[cut:]], head=HEAD)] == whole


@pytest.mark.parametrize("name", [name for name in ANSWERS if "response" in _answer(name)[1]])
def test_an_answer_that_a_face_writes_again_is_the_same_answer(name: str) -> None:
    data, expected = _answer(name)
    encoder = CHAT.encoder(Call("chat", "m", {}))

    again = b"".join(encoder.event(event) for event in decode([data], head=HEAD)) + encoder.end()

    made = collect(decode([again], head=HEAD))
    # A clone's wrong stop reason is put right on the way.
    for response in (made, expected["response"]):
        response.pop("provider_specific_fields")
        response["choices"][0].pop("native_finish_reason")
    assert made == expected["response"]


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_what_the_case_says(name: str) -> None:
    case = json.loads((CASES / "requests" / f"{name}.json").read_text())

    body, sent = send(Call("chat", "claude-test", case["call"]), target(case["traits"]))

    assert body.pop("model") == "claude-test"
    assert body == case["wire"]
    assert sent.dropped == case["dropped"]
    assert tuple(case["call"].get("stop") or ()) == (sent.stop or tuple(body.get("stop_sequences", ())))
    check_params({**body, "model": "claude-test"})


def _comparable(event: Any) -> Any:
    return (type(event.error), str(event.error)) if isinstance(event, Failed) else event

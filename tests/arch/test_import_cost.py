"""What importing costs, in modules: counts do not depend on how busy the machine is. Times are in benchmarks/RESULTS.md."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest


def _modules(code: str) -> int:
    program = f"import sys; before = len(sys.modules); {code}; print(len(sys.modules) - before)"
    return int(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)


def test_the_facade_is_two_modules() -> None:
    assert _modules("import lingate") == 2


def test_a_client_that_has_made_a_call_is_small() -> None:
    calls = (
        "import lingate; from lingate.testing import FakeTransport, Reply;"
        "reply = Reply({'choices': [{'index': 0, 'message': {'role': 'assistant', 'content': 'x'}, 'finish_reason': 'stop'}]});"
        "lingate.Lingate(transport=FakeTransport(reply)).chat('openai/x', 'hi', api_key='k')"
    )

    # msgspec, asyncio and the standard library under them make up most of it; LiteLLM loads 2,720.
    assert _modules(calls) < 260


def test_a_blocking_client_starts_without_what_only_others_need() -> None:
    program = (
        "import lingate, sys; lingate.Lingate()._transport.get();"
        "print(*(name for name in ('asyncio', 'dataclasses', 'lingate._dialects._failure') if name in sys.modules))"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert found.split() == []


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (
            "openai/x",
            {"choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]},
        ),
        (
            "anthropic/x",
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "text", "text": "x"}],
                "stop_reason": "end_turn",
            },
        ),
    ],
)
def test_a_first_answer_loads_nothing_that_reads_mail(model: str, answer: dict[str, Any]) -> None:
    # `email.utils` reads dates, and brings sockets, character sets and thirty modules.
    program = (
        "import lingate, sys; from lingate.testing import FakeTransport, Reply;"
        f"reply = Reply({answer!r}, headers={{'date': 'Sun, 06 Nov 1994 08:49:37 GMT'}});"
        f"made = lingate.Lingate(transport=FakeTransport(reply)).chat({model!r}, 'hi', api_key='k');"
        "print(made.created, *(name for name in ('email', 'socket') if name in sys.modules))"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert found.split() == ["784111777" if model == "anthropic/x" else "0"]

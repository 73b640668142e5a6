"""`lingate chat` at a terminal: a conversation, its commands, and what Ctrl-C and Ctrl-D do."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from lingate.simulator import Simulator
from tests.cli.driver import KEY, Terminal, to

HELLO = "/help for help"


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """Where the command may keep its history."""
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def _messages(simulator: Simulator) -> Any:
    body = simulator.requests()[-1].body
    assert isinstance(body, dict)
    return body["messages"]


@pytest.mark.parametrize("model", ["openai/sim-large", "anthropic/sim-large"])
def test_each_question_is_asked_with_all_that_was_said_before(
    simulator: Simulator, state: dict[str, str], model: str
) -> None:
    with Terminal("chat", *to(simulator, model), **state) as terminal:
        terminal.until(HELLO)
        terminal.ask("first\r")
        terminal.until('You said: "first". This is a simulated answer.')
        terminal.until("tokens out")
        terminal.ask("second\r")
        terminal.until('You said: "second"')
        terminal.until("tokens out")
        terminal.ask("\x04")
        code, rest = terminal.end()

    said = [(message["role"], json.dumps(message["content"])) for message in _messages(simulator)]
    assert [role for role, _ in said] == ["user", "assistant", "user"]
    assert "simulated answer" in said[1][1]
    assert "second" in said[2][1]
    assert code == 0
    assert "2 answers:" in rest


def test_ctrl_c_stops_the_answer_and_keeps_the_session(simulator: Simulator, state: dict[str, str]) -> None:
    with Terminal("chat", *to(simulator, "openai/sim-words-300-delay-40"), **state) as terminal:
        terminal.until(HELLO)
        terminal.ask("long\r")
        terminal.until('You said: "long"')
        terminal.type("\x03")
        terminal.until("(stopped after")
        terminal.ask("again\r")
        terminal.until('You said: "again"')
        terminal.type("\x03")
        terminal.until("(stopped after")
        terminal.ask("/quit\r")
        code, _ = terminal.end()

    assert code == 0
    # The simulator notes what became of a request once its connection has gone, a moment after the program.
    deadline = time.monotonic() + 15
    while any(one.outcome == "open" for one in simulator.requests()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [one.outcome for one in simulator.requests()] == ["disconnected", "disconnected"]
    # The half that was shown is part of what was said.
    assert [message["role"] for message in _messages(simulator)] == ["user", "assistant", "user"]


def test_ctrl_c_before_the_first_word_is_as_if_nothing_was_asked(simulator: Simulator, state: dict[str, str]) -> None:
    with Terminal("chat", *to(simulator, "openai/sim-fault-hang-head-flaky-1"), **state) as terminal:
        terminal.until(HELLO)
        terminal.ask("lost\r")
        while not simulator.requests():
            time.sleep(0.02)
        time.sleep(0.1)
        terminal.type("\x03")
        terminal.until("(stopped after")
        terminal.ask("kept\r")
        terminal.until('You said: "kept"')
        terminal.ask("\x04")
        terminal.end()

    assert _messages(simulator) == [{"role": "user", "content": "kept"}]


def test_ctrl_c_while_typing_only_clears_the_line(simulator: Simulator, state: dict[str, str]) -> None:
    with Terminal("chat", *to(simulator), **state) as terminal:
        terminal.until(HELLO)
        terminal.ask("half a")
        terminal.type("\x03")
        terminal.ask("whole\r")
        terminal.until('You said: "whole"')
        terminal.ask("\x04")

        assert terminal.end()[0] == 0


def test_alt_enter_begins_a_new_line(simulator: Simulator, state: dict[str, str]) -> None:
    with Terminal("chat", *to(simulator), **state) as terminal:
        terminal.until(HELLO)
        terminal.ask("one\x1b\rtwo\r")
        terminal.until("tokens out")
        terminal.ask("\x04")
        terminal.end()

    assert _messages(simulator) == [{"role": "user", "content": "one\ntwo"}]


def test_an_error_is_one_line_and_the_question_can_be_asked_again(simulator: Simulator, state: dict[str, str]) -> None:
    with Terminal("chat", "--retries", "0", *to(simulator, "openai/sim-fault-429-flaky-1"), **state) as terminal:
        terminal.until(HELLO)
        terminal.ask("try\r")
        terminal.until("lingate: RateLimitError:")
        terminal.ask("try\r")
        terminal.until('You said: "try"')
        terminal.ask("\x04")
        terminal.end()

    assert _messages(simulator) == [{"role": "user", "content": "try"}]
    assert KEY not in terminal.shown


def test_commands_change_what_is_sent(simulator: Simulator, state: dict[str, str], tmp_path: Path) -> None:
    picture = tmp_path / "a picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    with Terminal("chat", "--system", "old", *to(simulator), **state) as terminal:
        terminal.until(HELLO)
        terminal.ask("/system Answer in French\r")
        terminal.until("system prompt set")
        terminal.ask("/model openai/sim-small\r")
        terminal.until("model: openai/sim-small")
        terminal.ask(f"/image '{picture}'\r")
        terminal.until("goes with the next question")
        terminal.ask("look\r")
        terminal.until("I see 1 attachment(s)")
        terminal.until("tokens out")
        terminal.ask("again\r")
        terminal.until('You said: "again"')
        terminal.ask("\x04")
        terminal.end()

    messages = _messages(simulator)
    assert simulator.requests()[-1].model == "sim-small"
    assert messages[0] == {"role": "system", "content": "Answer in French"}
    assert [part["type"] for part in messages[1]["content"]] == ["image_url", "text"]
    assert messages[-1]["content"] == "again"


def test_clear_begins_anew_and_usage_counts_on(simulator: Simulator, state: dict[str, str]) -> None:
    with Terminal("chat", *to(simulator, "openai/gpt-4o-mini"), **state) as terminal:
        terminal.until(HELLO)
        for text in ("first\r", "/clear\r", "second\r"):
            terminal.ask(text)
            terminal.until("a new conversation" if "/" in text else "tokens out")
        terminal.ask("/usage\r")
        used = terminal.until("tokens out, $0.0000")
        terminal.ask("\x04")
        terminal.end()

    assert "2 answers:" in used
    assert _messages(simulator) == [{"role": "user", "content": "second"}]


def test_save_writes_the_conversation_for_its_owner_only(
    simulator: Simulator, state: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "talk.json"
    with Terminal("chat", "--system", "short", *to(simulator), **state) as terminal:
        terminal.until(HELLO)
        terminal.ask("remember\r")
        terminal.until("tokens out")
        terminal.ask(f"/save {path}\r")
        terminal.until("saved 3 messages")
        terminal.ask("/save /nonexistent/x.json\r")
        terminal.until("cannot write /nonexistent/x.json")
        terminal.ask("\x04")
        terminal.end()

    saved = json.loads(path.read_text())
    assert saved["model"] == "openai/sim-large"
    assert [message["role"] for message in saved["messages"]] == ["system", "user", "assistant"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("/help", "/save PATH"),
        ("/nonsense", "there is no command /nonsense"),
        ("/model opena/x", "the closest are openai"),
        ("/model gpt-4o", "a model is written provider/model"),
        ("/image /nonexistent.png", "cannot read /nonexistent.png"),
        ("/image", "write it as /image PATH or URL"),
        ("/file /nonexistent.pdf", "cannot read /nonexistent.pdf"),
    ],
)
def test_commands_answer_or_say_what_is_wrong(
    simulator: Simulator, state: dict[str, str], typed: str, shown: str
) -> None:
    with Terminal("chat", *to(simulator), **state) as terminal:
        terminal.until(HELLO)
        terminal.ask(f"{typed}\r")
        terminal.until(shown)
        terminal.ask("\x04")

        assert terminal.end()[0] == 0
    assert simulator.requests() == []


def test_what_was_typed_is_kept_for_the_next_time_and_for_nobody_else(
    simulator: Simulator, state: dict[str, str], tmp_path: Path
) -> None:
    with Terminal("chat", *to(simulator), **state) as terminal:
        terminal.until(HELLO)
        terminal.ask("remember me\r")
        terminal.until("tokens out")
        terminal.ask("\x04")
        terminal.end()
    with Terminal("chat", *to(simulator), **state) as terminal:
        terminal.until(HELLO)
        terminal.ask("\x1b[A\r")  # arrow up
        terminal.until('You said: "remember me"')
        terminal.ask("\x04")
        terminal.end()

    history = tmp_path / "state" / "lingate" / "history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.parent.stat().st_mode) == 0o700
    assert KEY not in history.read_text()


def test_without_a_place_for_the_history_it_works_all_the_same(simulator: Simulator, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with Terminal("chat", *to(simulator), XDG_STATE_HOME=str(tmp_path / "file")) as terminal:
        terminal.until("no history: cannot write")
        terminal.ask("hello\r")
        terminal.until('You said: "hello"')
        terminal.ask("\x04")

        assert terminal.end()[0] == 0

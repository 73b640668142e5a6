"""The line that is typed: history, completion of commands, and several lines where they are wanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import create_output

from lingate.cli.screen import Screen


def reader(commands: Sequence[str], screen: Screen) -> Callable[[], str]:
    """A function that reads what the user types; it raises EOFError at Ctrl-D and KeyboardInterrupt at Ctrl-C."""
    session: PromptSession[str] = PromptSession(
        history=_history(screen),
        completer=WordCompleter(list(commands), sentence=True),
        complete_while_typing=False,
        multiline=True,
        key_bindings=_keys(),
        prompt_continuation="  ",
        # The answers may go to a file while a person types.
        output=create_output(sys.stdout if screen.terminal else sys.stderr),
    )
    return lambda: session.prompt("> ")


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def history_path() -> Path:
    """Where typed lines are kept: `lingate/history` under XDG_STATE_HOME."""
    state = os.environ.get("XDG_STATE_HOME") or ""
    base = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    return base / "lingate" / "history"


def _history(screen: Screen) -> History:
    path = history_path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made here, because what people type to a model is for nobody else to read.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        path.chmod(0o600)
    except OSError as error:
        screen.note(f"no history: cannot write {path}: {error.strerror}")
        return InMemoryHistory()
    return FileHistory(str(path))

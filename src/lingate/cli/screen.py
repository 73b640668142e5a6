# What the command line writes: answers to stdout, everything else to stderr, and no escape code unless a terminal reads it.

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from lingate.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

_PIPE_WIDTH, _NARROW = 160, 80
_DIM, _RED, _RESET = "\x1b[2m", "\x1b[31m", "\x1b[0m"

# A model may write anything; what would move the cursor, change the title or fill the clipboard is not for a terminal.
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])
del _CONTROLS[ord("\n")], _CONTROLS[ord("\t")]
_HIGH_CONTROLS = dict.fromkeys(range(0x7F, 0xA0))


class Screen:
    # The two outputs of one command.

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._out, self._err = sys.stdout, sys.stderr
        for stream in (self._out, self._err):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        self.terminal = self._out.isatty()
        self._watched = self._err.isatty()
        self._colours = self._watched and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._open: TextIO | None = None

    @property
    def narrow(self) -> bool:
        # Whether some columns would have single letters.
        from shutil import get_terminal_size

        return self.terminal and get_terminal_size().columns < _NARROW

    def answer(self, text: str) -> None:
        if text:
            self._write(self._out, text.translate(_CONTROLS) if self.terminal else text)

    def json(self, value: Any) -> None:
        self.answer(json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def table(self, table: Table) -> None:
        from rich.console import Console

        # Rich asks the terminal for its width; a pipe has none, and a narrow guess would break names in two.
        console = Console(file=self._out, width=None if self.terminal else _PIPE_WIDTH)
        # Written by us: rich ends with a code of its own where the reader has gone, and leaves terminals' 8-bit controls in.
        with console.capture() as drawn:
            console.print(table)
        self._write(self._out, drawn.get().translate(_HIGH_CONTROLS if self.terminal else {}))

    def reasoning(self, text: str) -> None:
        # Write a piece of reasoning, dimmed, beside the answer and not into it.
        if text and not self._quiet:
            self._write(self._err, self._styled(text, _DIM))

    def end(self) -> None:
        if self._open is not None:
            open_, self._open = self._open, None
            open_.write("\n")
            open_.flush()

    def note(self, text: str) -> None:
        # Write a line about the answer, unless quiet.
        if not self._quiet:
            self.end()
            self._write(self._err, self._styled(text, _DIM) + "\n")

    def problem(self, text: str) -> None:
        # Write what went wrong, on one line.
        self.end()
        self._write(self._err, self._styled(" ".join(text.split()), _RED) + "\n")

    def detail(self, text: str) -> None:
        self._err.write(self._plain(text) + "\n")

    def agreed(self, question: str) -> None:
        # Ask whoever sits at the terminal. A no is an error, and so is nobody to ask.
        if sys.stdin is None or not sys.stdin.isatty():
            raise ConfigError("nothing was changed: there is nobody to ask", hint="--yes goes on without asking")
        self._write(self._err, self._plain(question) + " [y/N] ")
        said = sys.stdin.buffer.readline()
        if said:  # its end has ended the line on the screen, too
            self._open = None
        if said.strip().lower() not in (b"y", b"yes"):
            raise ConfigError("nothing was changed")

    def _write(self, stream: TextIO, text: str) -> None:
        if self._open is not stream:
            self.end()
        stream.write(text)
        stream.flush()
        self._open = None if text.endswith("\n") else stream

    def _styled(self, text: str, style: str) -> str:
        return f"{style}{self._plain(text)}{_RESET}" if self._colours else self._plain(text)

    def _plain(self, text: str) -> str:
        return text.translate(_CONTROLS) if self._watched else text


def plain_table(*left: str, right: Sequence[str] = ()) -> Table:
    # A table without lines, with these columns to the left and to the right.
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in left:
        table.add_column(title, no_wrap=True)
    for title in right:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def count_text(number: int | None) -> str:
    return str(number) if number else "-"


def usage_text(usage: Any) -> str:
    # Token counts in words; what the provider did not say is left out.
    if usage is None:
        return "no token counts"
    prompt = _counted(usage.prompt_tokens, "in", (usage.cached_tokens, "cached"), (usage.cache_write_tokens, "written"))
    completion = _counted(usage.completion_tokens, "out", (usage.reasoning_tokens, "reasoning"))
    return ", ".join(filter(None, (prompt, completion))) or "no token counts"


def _counted(count: int | None, word: str, *details: tuple[int | None, str]) -> str:
    if count is None:
        return ""
    inner = ", ".join(f"{number} {name}" for number, name in details if number)
    return f"{count} tokens {word}" + (f" ({inner})" if inner else "")


def dollars(amount: float) -> str:
    # US dollars, with enough digits to tell a small sum from nothing.
    if amount <= 0:
        return "$0"
    return f"${amount:.{max(4, 2 - math.floor(math.log10(amount)))}f}"


def duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"

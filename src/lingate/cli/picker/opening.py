# Shows the picker at once, in a tenth of a second: what runs it takes three times as long to load.

# The first frame is written straight to the terminal. From then on the keys that are typed wait in the terminal,
# unseen, until they are read by the picker itself, which paints over this frame without clearing it.

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lingate.cli.picker.frame import Line, frame
from lingate.cli.picker.state import State

ENTER_SCREEN, LEAVE_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
STYLES = {"": "", "bold": "1", "dim": "2", "underline": "4", "reverse": "7", "red": "31", "green": "32", "yellow": "33"}
"""The codes of the styles that frames use."""
_COLOURS = {"red", "green", "yellow"}


@contextmanager
def opened(state: State) -> Iterator[bool]:
    # Paint the first frame, and give the terminal back as it was, to SIGTERM too. Yields whether there is one to paint on.
    try:
        import termios
    except ImportError:  # Windows has none: there the first frame comes with the rest
        yield False
        return
    out, keys = sys.__stderr__, sys.__stdin__
    assert out is not None
    assert keys is not None
    ended = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    before = termios.tcgetattr(keys.fileno())
    waiting = list(before)
    waiting[0] &= ~(termios.ICRNL | termios.IXON)
    # Ctrl-C is a key like any other: as a signal in the middle of an import it is not always a KeyboardInterrupt that arrives.
    waiting[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
    # NOW, because anything else would throw away what was typed already.
    termios.tcsetattr(keys.fileno(), termios.TCSANOW, waiting)
    try:
        width, height = os.get_terminal_size(out.fileno())
        out.write(f"{ENTER_SCREEN}\x1b[?25l\x1b[H{painted(frame(state, width, height))}")
        out.flush()
        yield True
    finally:
        out.write(f"{LEAVE_SCREEN}\x1b[?25h")
        out.flush()
        termios.tcsetattr(keys.fileno(), termios.TCSANOW, before)
        signal.signal(signal.SIGTERM, ended)


def painted(lines: list[Line]) -> str:
    plain = {"", *_COLOURS} if os.environ.get("NO_COLOR") else {""}
    return "\r\n".join(
        "".join(text if style in plain else f"\x1b[{STYLES[style]}m{text}\x1b[m" for text, style in line)
        for line in lines
    )

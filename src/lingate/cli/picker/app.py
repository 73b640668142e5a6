# Runs the picker with textual: keys, the mouse, the size of the terminal, and what is loaded beside.

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, ClassVar, Literal, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import App, ComposeResult
from textual.driver import Driver
from textual.strip import Strip
from textual.widget import Widget

from lingate._providers.offered import Offer, merged
from lingate.cli.picker.frame import HEAD, Line, first, frame, left_width
from lingate.cli.picker.opening import ENTER_SCREEN, STYLES
from lingate.cli.picker.state import Action, Choice, State
from lingate.errors import LingateError

_STYLES = {name: Style.parse(name or "none") for name in STYLES}
_STEPS = {"up": -1, "down": 1, "ctrl+p": -1, "ctrl+n": 1, "home": -(10**9), "end": 10**9}


class Services(NamedTuple):
    # What the picker asks for: all are called outside its own thread, but `save`, which tells where.
    #
    # Each item of `live` is more models and a line to show.

    everything: Callable[[], list[Offer]]
    live: Callable[[], Iterable[tuple[list[Offer], str]]]
    save: Callable[[str], str]


class Canvas(Widget, can_focus=True):
    # The whole screen: draws the frame's lines, those that are to be seen and no others.

    DEFAULT_CSS = "Canvas { width: 100%; height: 100%; }"

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state
        self._lines: list[Line] = []

    def redraw(self) -> None:
        self._lines = []
        self.refresh()

    def render_line(self, y: int) -> Strip:
        size = self.size
        if len(self._lines) != size.height:
            self._lines = frame(self.state, size.width, size.height)
        return Strip([Segment(text, _STYLES[style]) for text, style in self._lines[y]], size.width)

    def on_resize(self) -> None:
        self.redraw()


class Picker(App[Choice]):
    # The picker on a terminal, whose first frame may be `painted` already. Leaves with a `Choice`, or with None.

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { layout: vertical; background: ansi_default; color: ansi_default; }"
    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, state: State, services: Services, *, painted: bool = False) -> None:
        self._painted = painted
        super().__init__(ansi_color=True)
        self.state, self.services = state, services
        self._asking = False

    def get_driver_class(self) -> type[Driver]:
        # Textual's own way to read and write the terminal, which does not clear what is painted.
        own: Any = super().get_driver_class()
        if not self._painted:
            return own  # type: ignore[no-any-return]

        class Quiet(own):  # type: ignore[misc]
            # Changes to the other screen once only: a second time would clear what is there.

            def write(self, data: str) -> None:
                super().write(data.replace(ENTER_SCREEN, ""))

        return Quiet

    def compose(self) -> ComposeResult:
        yield Canvas(self.state)

    def on_ready(self) -> None:
        # The screen is there: now load what takes longer.
        _beside(self._load)

    def redraw(self) -> None:
        self.query_one(Canvas).redraw()

    async def on_event(self, event: events.Event) -> None:
        # Keys are the picker's own, before any binding of textual's.
        if isinstance(event, events.Key) and self.is_running:
            event.stop()
            self.press(event)
        elif isinstance(event, events.Paste):
            event.stop()
            self.state.write(event.text)
            self.redraw()
        else:
            await super().on_event(event)

    def on_mouse_scroll_down(self) -> None:
        self._moved(3)

    def on_mouse_scroll_up(self) -> None:
        self._moved(-3)

    def on_click(self, event: events.Click) -> None:
        state, at = self.state, event.screen_y - HEAD
        if not 0 <= at < state.height:
            return
        if event.screen_x < left_width(self.size.width):
            state.pane = "providers"
            place = first(state.place, len(state.backings), state.height) + at
            if place < len(state.backings):
                state.select(state.backings[place].name)
        else:
            state.pane = "models"
            place = first(state.row, len(state.models), state.height) + at
            if place == state.row and event.chain > 1:
                self._take(state.enter)
            elif place < len(state.models):
                state.row = place
        self.redraw()

    def press(self, event: events.Key) -> None:
        key, state = event.key, self.state
        step = _STEPS.get(key) or {"pageup": -state.height, "pagedown": state.height}.get(key)
        plain = not state.query and not state.typing
        if step is not None:
            state.move(step)
        elif key == "ctrl+t":
            self._take("chat")
        elif key in _COMMANDS:
            _COMMANDS[key](self)
        elif key == "c" and plain:
            state.toggle()
        elif key == "slash" and plain:
            state.typing = True
        elif event.is_printable and event.character:
            state.write(event.character)
        self.redraw()

    def _moved(self, steps: int) -> None:
        self.state.move(steps)
        self.redraw()

    def _entered(self) -> None:
        if self.state.pane == "providers":
            self._pane("models")
        else:
            self._take(self.state.enter)

    def _chosen(self) -> str | None:
        model = self.state.written()
        if model is None:
            self.state.status = "no model is chosen"
        return model

    def _take(self, action: Action) -> None:
        model = self._chosen()
        if model is not None:
            self.exit(Choice(action, model))

    def _saved(self) -> None:
        model = self._chosen()
        try:
            if model is not None:
                self.state.status = f"{model} is the default now, kept in {self.services.save(model)}"
                self.state.default = model
        except LingateError as error:
            self.state.status = f"not saved: {error}"

    def _escaped(self) -> None:
        if self.state.query or self.state.typing:
            self.state.erase("all")
        else:
            self.exit()

    def _pane(self, pane: Literal["models", "providers"] | None = None) -> None:
        self.state.pane = pane or ("models" if self.state.pane == "providers" else "providers")

    def _ask(self) -> None:
        if not self._asking:
            self._asking = True
            self.state.status = "asking the providers that have a credential ..."
            _beside(self._asked)

    def _load(self) -> None:
        offers = self.state.curated
        try:
            offers = self.services.everything()
        finally:
            self._tell(offers, "")

    def _asked(self) -> None:
        try:
            for offers, line in self.services.live():
                self._tell(offers, line)
        finally:
            self._asking = False

    def _tell(self, offers: list[Offer], line: str) -> None:
        with suppress(RuntimeError):  # its loop is closed: the picker was left meanwhile
            self.call_later(self._loaded, offers, line)

    def _loaded(self, offers: list[Offer], line: str) -> None:
        state = self.state
        known = state.everything
        state.load(offers if known is None else merged(known, offers))
        if known is None and len(offers) == len(state.curated):
            line = "no other models are known here: pip install 'lingate[prices]' brings thousands"
        state.status = line or state.status
        self.redraw()


def _beside(work: Callable[[], None]) -> None:
    # Not a pool's thread: leaving must not wait for a provider that does not answer.
    threading.Thread(target=work, daemon=True, name="lingate-picker").start()


_COMMANDS: dict[str, Callable[[Picker], None]] = {
    "enter": Picker._entered,
    "ctrl+j": Picker._entered,  # what Enter was before the terminal had been told that keys are read one by one
    "escape": Picker._escaped,
    **dict.fromkeys(("ctrl+c", "ctrl+q", "ctrl+d"), lambda picker: picker.exit()),
    "ctrl+s": Picker._saved,
    "ctrl+r": Picker._ask,
    "ctrl+a": lambda picker: picker.state.toggle(),
    **dict.fromkeys(("tab", "shift+tab"), Picker._pane),
    "left": lambda picker: picker._pane("providers"),
    "right": lambda picker: picker._pane("models"),
    **dict.fromkeys(("backspace", "ctrl+h"), lambda picker: picker.state.erase()),
    "ctrl+w": lambda picker: picker.state.erase("word"),
    "ctrl+u": lambda picker: picker.state.erase("all"),
}

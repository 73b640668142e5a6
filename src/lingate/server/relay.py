"""When bytes of an upstream may go to the client as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lingate._dialects._base import StreamEncoder
from lingate._dialects._forms import form_of
from lingate._model import Event, HttpRequest, Text

if TYPE_CHECKING:
    from lingate.server.turn import Turn


def may_relay(turn: Turn, sent: HttpRequest) -> bool:
    """Whether the provider speaks the client's format and nothing in its answer is to be changed."""
    if sent.answer_tool is not None or sent.stop or sent.target.traits.get("think_tags"):
        return False
    return form_of(sent.target, turn.call.operation) is turn.form


def encoder_for(turn: Turn) -> StreamEncoder:
    """What writes a stream as the client wants it."""
    encoder = turn.form.encoder(turn.call)
    if not turn.found.listed:
        return encoder
    from lingate._dialects.gemini.face_response import ListEncoder  # few ask for it

    return ListEncoder(encoder)


def is_plain(data: bytes, events: list[Event]) -> bool:
    """Whether these bytes are whole chunks of text and nothing else."""
    return data.endswith(b"\n\n") and all(type(event) is Text for event in events)

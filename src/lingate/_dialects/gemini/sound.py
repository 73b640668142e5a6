"""Audio of an answer: pieces of base64 <-> OpenAI's `audio` object."""

from __future__ import annotations

import base64
from typing import Any

from lingate._dialects._dataurl import decoded
from lingate._model import JsonDict

_PCM = "audio/L16;codec=pcm;rate=24000"


class SoundJoiner:
    """Cuts pieces of base64 so that they can be put one behind the other: padding may only stand at the very end."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: str) -> str:
        """The next piece, in whole groups of three bytes.

        Raises:
            ValueError: It is not base64.
        """
        data = self._rest + decoded(piece)
        cut = len(data) - len(data) % 3
        self._rest = data[cut:]
        return base64.b64encode(data[:cut]).decode()

    def finish(self) -> str:
        """What is left."""
        rest, self._rest = self._rest, b""
        return base64.b64encode(rest).decode()


def canonical_audio(pieces: list[tuple[str, str]]) -> JsonDict:
    """Pieces of sound as one `audio` object."""
    if len(pieces) == 1:
        return {"data": pieces[0][1], "format": audio_format(pieces[0][0])}
    joiner = SoundJoiner()
    try:
        data = "".join([joiner.feed(data) for _, data in pieces] + [joiner.finish()])
    except ValueError:
        data = "".join(data for _, data in pieces)
    return {"data": data, "format": audio_format(pieces[0][0])}


def audio_format(kind: str) -> str:
    """OpenAI's word for a media type of sound."""
    family = kind.partition(";")[0].strip().lower()
    return "pcm16" if family in ("audio/l16", "audio/pcm") else family.removeprefix("audio/")


def native_sound(audio: Any) -> JsonDict | None:
    """An `audio` object as a part; None if it holds no sound."""
    data = audio.get("data") if isinstance(audio, dict) else None
    if not isinstance(data, str) or not data:
        return None
    kind = audio.get("format")
    kind = kind if isinstance(kind, str) and kind else "pcm16"
    return {"inlineData": {"mimeType": _PCM if kind == "pcm16" else f"audio/{kind}", "data": data}}

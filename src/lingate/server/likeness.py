"""Chunks that look like the one before: nearly all of a stream's, and nothing is to be found out about them but their text."""

from __future__ import annotations

from lingate._model import Text

_TEXT = b'"content":"'
_PADDING = b'"obfuscation":"'
_END = b'"}\n\n'
_MORE_TO_SAY = b'"finish_reason":"'


class Likeness:
    """Knows what a stream's last ordinary chunk looked like, in OpenAI's format.

    The first of its kind is decoded. Another that is the same byte for byte around its text (and OpenAI's padding) means
    the same, so its text is all there is to take from it.
    """

    __slots__ = ("_after", "_before", "_padded", "_texts")

    def __init__(self) -> None:
        self._before = b""
        self._after = b""
        self._padded = False
        self._texts: list[str] = []

    def learn(self, data: bytes, event: Text, texts: list[str]) -> None:
        """Take a chunk, which was decoded to nothing but this text, as the pattern. `texts` are where such texts go."""
        before, mark, rest = data.partition(_TEXT)
        text, _, after = rest.partition(b'"')
        self._before = b""
        if (
            not mark
            or _TEXT in rest
            or _MORE_TO_SAY in after
            or event.logprobs is not None
            or not data.startswith(b"data: {")
            or data.find(b"\n\n") != len(data) - 2
            or text != event.text.encode("utf-8", "surrogatepass")
        ):
            return
        head, padding, tail = after.partition(_PADDING)
        self._padded = bool(padding)
        if self._padded and not (tail.endswith(_END) and _is_padding(tail)):
            return
        self._after = b'"' + head + padding
        self._texts = texts
        self._before = before + mark

    def takes(self, data: bytes) -> bool:
        """Whether a chunk looks the same; its text is taken then."""
        before = self._before
        if not before or not data.startswith(before):
            return False
        begins = len(before)
        ends = data.find(b'"', begins)
        if ends <= begins or not data.startswith(self._after, ends):
            return False
        rest = data[ends + len(self._after) :]
        if rest and not (self._padded and _is_padding(rest)):
            return False
        try:
            text = data[begins:ends].decode()
        except UnicodeDecodeError:
            return False
        # Control characters have no place in JSON, and a backslash begins something that is to be read.
        if "\\" in text or not text.isprintable():
            return False
        self._texts.append(text)
        return True


def _is_padding(data: bytes) -> bool:
    padding = data[: -len(_END)]
    return data.endswith(_END) and (not padding or padding.isalnum())

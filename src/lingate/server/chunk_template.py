# Chunks that look like the one before: nearly all of a stream's, and nothing is to be found out about them but their text.

from __future__ import annotations

from lingate._model import Text

_TEXT = b'"content":"'
_PADDING = b'"obfuscation":"'
_END = b'"}\n\n'
_BEFORE_END = slice(None, -len(_END))
_MORE_TO_SAY = b'"finish_reason":"'


class ChunkTemplate:
    # Knows what a stream's last ordinary chunk looked like, in OpenAI's format.

    # The first of its kind is decoded. Another that is the same byte for byte around its text (and OpenAI's padding)
    # means the same, so its text is all there is to take from it.

    __slots__ = ("_after", "_before", "_padded", "_texts")

    def __init__(self) -> None:
        self._before = b""
        self._after = b""
        self._padded = False
        self._texts: list[str] = []

    def learn(self, data: bytes, event: Text, texts: list[str]) -> None:
        # Take a chunk, which was decoded to nothing but this text, as the pattern.
        # `texts` are where such texts go.
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
        head, padding, _ = after.partition(_PADDING)
        self._padded = bool(padding)
        self._after = head + padding
        self._before = before + mark
        self._texts = []
        if not self.takes(data):
            self.forget()
        self._texts = texts

    def forget(self) -> None:
        # Take no chunk until another has been learned.
        self._before = b""

    def takes(self, data: bytes) -> bool:
        # Whether a chunk looks the same; its text is taken then.
        # Done for each event of a stream.
        before = self._before
        if not before or not data.startswith(before):
            return False
        raw, _, rest = data[len(before) :].partition(b'"')
        if self._padded:
            padding = rest[len(self._after) :]
            if not (
                rest.startswith(self._after) and padding.endswith(_END) and (b"0" + padding[_BEFORE_END]).isalnum()
            ):
                return False
        elif rest != self._after:
            return False
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return False
        # Control characters have no place in JSON, and a backslash begins something that is to be read.
        if not text or "\\" in text or not text.isprintable():
            return False
        self._texts.append(text)
        return True

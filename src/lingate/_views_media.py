# Views of what the endpoints beside chat answer: completions, ranks, images, sound, transcripts, moderations,
# token counts.

from __future__ import annotations

import os
from typing import Any, cast

from lingate._dialects._dataurl import decoded, is_data_url, split_data_url
from lingate._model import JsonDict
from lingate._views import Chunk, Response, View, anything, given, parts
from lingate.errors import ProtocolError


class CompletionChoice(View):
    """One text that goes on from a prompt."""

    __slots__ = ()

    index: int = given("index", 0)
    """Position among the texts: those of the first prompt come first."""

    text: str = given("text", "")
    """The text; of a chunk, what it adds."""

    finish_reason: str | None = given("finish_reason")
    """`stop`, `length` or `content_filter`; None in all chunks but the last, and where an answer was interrupted."""

    logprobs: Any = anything("logprobs")
    """Token log-probabilities, if asked for."""


class CompletionResponse(Response):
    """A completion, with `.text` for the first choice."""

    __slots__ = ()

    created: int = given("created", 0)
    """When, in Unix seconds."""

    choices: list[CompletionChoice] = parts("choices", CompletionChoice)
    """The texts: `n` of them for each prompt."""

    @property
    def text(self) -> str:
        """The first text, empty where there is none."""
        choices = self._data.get("choices")
        return (choices[0].get("text") or "") if choices else ""

    @property
    def finish_reason(self) -> str | None:
        """Why the first text ended."""
        choices = self._data.get("choices")
        return choices[0].get("finish_reason") if choices else None


class CompletionChunk(Chunk):
    """One chunk of a completion's stream, in OpenAI's shape; `raw` is what the provider sent for it."""

    __slots__ = ()

    choices: list[CompletionChoice] = parts("choices", CompletionChoice)
    """One item, or none in the usage chunk that `stream_options={"include_usage": True}` asks for."""

    @property
    def text(self) -> str:
        """The text this chunk adds to the first choice, empty where it adds none."""
        for choice in self._data["choices"]:
            if not choice.get("index"):
                return choice.get("text") or ""
        return ""


class Image(View):
    """One image: its data, or where it can be fetched."""

    __slots__ = ()

    def __repr__(self) -> str:
        size = f"{len(self.b64_json)} characters of base64" if self.b64_json else (self.url or "")[:100]
        return f"{type(self).__name__}({size})"

    b64_json: str | None = given("b64_json")
    """The image in base64."""

    url: str | None = given("url")
    """Where the provider keeps the image, usually for an hour or so."""

    revised_prompt: str | None = given("revised_prompt")
    """The prompt the image was made from, where the provider changed it."""

    @property
    def data(self) -> bytes:
        """The image itself.

        Raises:
            ProtocolError: There is only a URL (nothing is fetched here), or the data is not base64.
        """
        text = self.b64_json or self.url
        try:
            if is_data_url(text):
                return decoded(split_data_url(cast(str, text))[1])
            if self.b64_json:
                return decoded(self.b64_json)
        except ValueError as error:
            raise ProtocolError(f"the image cannot be read: {error}") from None
        raise ProtocolError(
            "the provider gave no image data" + (", only a URL" if self.url else ""),
            hint="ask for response_format='b64_json', or fetch .url" if self.url else None,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the image to a file, which is replaced if it exists.

        Raises:
            ProtocolError: As for `data`.
            OSError: The file cannot be written.
        """
        _write(path, self.data)


class ImageResponse(Response):
    """Images, in the order they were made."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.data!r})"

    created: int = given("created", 0)
    """When, in Unix seconds."""

    data: list[Image] = parts("data", Image)
    """The images, one unless `n` asked for more."""


class SpeechResponse(Response):
    """Sound. `to_json()` has it in base64; `to_dict()` has the bytes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.audio)} bytes of {self.content_type})"

    audio: bytes = given("audio", b"")
    """The sound, in the format that `content_type` names."""

    content_type: str = given("content_type", "application/octet-stream")
    """What the sound is, such as `audio/mpeg`."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the sound to a file, which is replaced if it exists.

        Raises:
            OSError: The file cannot be written.
        """
        _write(path, self.audio)


class TranscriptionResponse(Response):
    """What was said. With `response_format` `text`, `srt` or `vtt`, `.text` is the provider's whole answer."""

    __slots__ = ()

    text: str = given("text", "")
    """The transcript."""

    language: str | None = given("language")
    """The language that was heard (`verbose_json`)."""

    duration: float | None = given("duration")
    """Length of the sound in seconds (`verbose_json`)."""

    segments: list[View] = parts("segments", View)
    """Sentences or so with their times (`verbose_json`, `diarized_json`)."""

    words: list[View] = parts("words", View)
    """Words with their times (`verbose_json` and `timestamp_granularities=["word"]`)."""


class ModerationResult(View):
    """What was found in one input."""

    __slots__ = ()

    @property
    def flagged(self) -> bool:
        """Whether any category applies."""
        return bool(self._data.get("flagged"))

    @property
    def categories(self) -> dict[str, bool]:
        """Whether each category applies, under the provider's names."""
        return cast("dict[str, bool]", self._data.get("categories") or {})

    @property
    def category_scores(self) -> dict[str, float]:
        """How sure the provider is, from 0 to 1; empty where it does not say."""
        return cast("dict[str, float]", self._data.get("category_scores") or {})


class ModerationResponse(Response):
    """Results in the order of the inputs."""

    __slots__ = ()

    results: list[ModerationResult] = parts("results", ModerationResult)
    """One item an input; parts of one message are one input."""

    @property
    def flagged(self) -> bool:
        """Whether anything was found in any input."""
        return any(result.flagged for result in self.results)


class TokenCount(Response):
    """How many tokens a chat would cost to read."""

    __slots__ = ()

    input_tokens: int = given("input_tokens", 0)
    """Tokens of messages, tools and everything else that the model would read."""


def _write(path: str | os.PathLike[str], data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


class RerankResult(View):
    """One document's place in the ranking."""

    __slots__ = ()

    index: int = given("index", 0)
    """Which of the documents that were given."""

    relevance_score: float = given("relevance_score", 0.0)
    """How relevant it is. Only scores of one answer compare."""

    document: JsonDict | None = given("document")
    """The document itself, mostly `{"text": ...}`, where `return_documents` asked for it."""


class RerankResponse(Response):
    """Documents in the order of their relevance to a query, the most relevant first."""

    __slots__ = ()

    results: list[RerankResult] = parts("results", RerankResult)
    """One item a document, or as many as `top_n` asked for."""

    @property
    def order(self) -> list[int]:
        """The documents' places in the list that was given, the most relevant first."""
        return [result.index for result in self.results]

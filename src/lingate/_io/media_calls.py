# Calls beside chat: how each is made from a method's arguments, and what its answer looks like. Loaded when one is made.

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lingate._call.plan import Completed
from lingate._dialects.openai_chat.images import FILES
from lingate._endpoints import completions, count_tokens, images, moderations, speech, transcription
from lingate._io import calls
from lingate._io.calls import Prepared
from lingate._io.files import load
from lingate._io.session import Session
from lingate._model import Call
from lingate._views import Response
from lingate._views_media import (
    CompletionResponse,
    ImageResponse,
    ModerationResponse,
    SpeechResponse,
    TokenCount,
    TranscriptionResponse,
)

R = TypeVar("R", bound=Response)


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """An operation whose answer comes in one piece."""

    make: Callable[..., Call]
    """Makes the call, from the model, what the operation is about, parameters and extras."""
    view: Callable[..., R]
    """Class of its answers."""
    files: bool = False
    """Making a call may read files."""

    def prepare(self, session: Session, model: Any, given: Any, params: dict[str, Any]) -> Prepared:
        return calls.prepare_call(session, self.make, model, given, params)

    async def prepare_async(self, session: Session, model: Any, given: Any, params: dict[str, Any]) -> Prepared:
        # The same, with files read beside the event loop.
        if self.files:
            return await asyncio.to_thread(self.prepare, session, model, given, params)
        return self.prepare(session, model, given, params)

    def answer(self, done: Completed, prepared: Prepared) -> R:
        return calls.answer(self.view, done, prepared)


def _with_images(model: str, prompt: Any, params: dict[str, Any], **extras: Any) -> Call:
    loaded = {name: _files(params[name], name) for name in FILES if params.get(name) is not None}
    return images.prepare(model, prompt, {**params, **loaded}, **extras)


def _files(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return [load(item, f"{name}[{index}]") for index, item in enumerate(value)]
    return load(value, name)


def _with_sound(model: str, file: Any, params: dict[str, Any], **extras: Any) -> Call:
    return transcription.prepare(model, load(file, "file"), params, **extras)


COUNT_TOKENS = Kind(count_tokens.prepare, TokenCount)
IMAGES = Kind(_with_images, ImageResponse, files=True)
MODERATIONS = Kind(moderations.prepare, ModerationResponse)
SPEECH = Kind(speech.prepare, SpeechResponse)
TRANSCRIPTION = Kind(_with_sound, TranscriptionResponse, files=True)


def prepare_completion(session: Session, model: Any, prompt: Any, params: dict[str, Any]) -> Prepared:
    # Read the arguments of a completion, which may come as a stream.
    return calls.prepare_call(session, completions.prepare, model, prompt, params, streams=True)


def completion_response(done: Completed, prepared: Prepared) -> CompletionResponse:
    return calls.answer(CompletionResponse, done, prepared)

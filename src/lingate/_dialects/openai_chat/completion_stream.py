"""The upstream's stream of a completion as canonical events: a chat's stream, but for where the text stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lingate._dialects._replay import replay
from lingate._dialects.openai_chat.reading import decode_object, hidden_error
from lingate._dialects.openai_chat.stream import ChatDecoder
from lingate._model import Event, Failed, Head, HttpRequest, JsonDict


class CompletionDecoder(ChatDecoder):
    """Decodes one stream; see `StreamDecoder`.

    Args:
        sent: The request that is being answered.
        head: Head of the answer.
        read: Gives the canonical form of a whole answer, for servers that send one although a stream was asked for.
    """

    __slots__ = ("_head", "_read")

    def __init__(self, sent: HttpRequest, head: Head, read: Callable[[JsonDict, HttpRequest, Head], JsonDict]) -> None:
        super().__init__(_without_tags(sent), head)
        self._head = head
        self._read = read

    def _read_whole(self, body: bytes, events: list[Event]) -> None:
        raw = decode_object(body, self._sent.target)
        error = hidden_error(raw, self._sent.target, self._head.headers)
        if error is not None:
            raise error
        events.extend(replay(self._read(raw, self._sent, self._head), raw))
        self.done = True

    def _chunk(self, chunk: Any, name: str, events: list[Event]) -> None:
        before = len(events)
        super()._chunk(_as_chat(chunk), name, events)
        for event in events[before:]:
            if not isinstance(event, Failed):
                event.raw = chunk


def _without_tags(sent: HttpRequest) -> HttpRequest:
    """What goes on from a prompt is the model's text as it is, tags of reasoning included."""
    if not sent.target.traits.get("think_tags"):
        return sent
    return replace(sent, target=replace(sent.target, traits={**sent.target.traits, "think_tags": False}))


def _as_chat(chunk: Any) -> Any:
    """The chunk with its text where chats have it; what is not such a chunk stays as it is."""
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    if not isinstance(choices, list):
        return chunk
    return {**chunk, "choices": [_chat_choice(choice) for choice in choices]}


def _chat_choice(choice: Any) -> Any:
    if not isinstance(choice, dict) or "text" not in choice:
        return choice
    rest = {name: value for name, value in choice.items() if name not in ("text", "delta", "message")}
    return {**rest, "delta": {"content": choice["text"]}}

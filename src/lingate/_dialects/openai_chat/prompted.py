"""A call of the `completions` operation on a provider that has chats only: the prompt goes out as a user's message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lingate._dialects._base import OperationFormat, StreamDecoder, StreamEncoder
from lingate._dialects._draft import Draft, asked_of
from lingate._dialects.openai_chat.completion_chunks import CompletionEncoder, completion_of
from lingate._dialects.openai_chat.completions import parse_call
from lingate._dialects.openai_chat.face import render
from lingate._model import Call, Head, HttpRequest, JsonDict, Target

_NEUTRAL: dict[str, tuple[Any, ...]] = {"best_of": (1,), "echo": (False,), "suffix": ("",), "logprobs": ()}
"""Fields that chats have no counterpart for, and the values that ask for what happens anyway."""


class Prompted:
    """The `completions` operation by way of another format's `chat`.

    Args:
        chat: The provider's own chat operation.
    """

    parse_call = staticmethod(parse_call)
    render = staticmethod(render)

    def __init__(self, chat: OperationFormat) -> None:
        self._chat = chat

    def request(self, call: Call, target: Target) -> HttpRequest:
        made = Draft(call, target, asked_of(call), {})
        body: JsonDict = {"messages": [{"role": "user", "content": _prompt(made)}]}
        for name, value in made.asked.items():
            if name != "prompt" and not made.left_out(name, value, _NEUTRAL, ()):
                body[name] = value
        sent = self._chat.request(replace(call, operation="chat", body=body), target)
        sent.call = call
        sent.dropped.extend(what for what in made.dropped if what not in sent.dropped)
        return sent

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        canonical, raw = self._chat.response(sent, head, body)
        return completion_of(canonical), raw

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder:
        return self._chat.decoder(sent, head)

    def encoder(self, call: Call) -> StreamEncoder:
        return CompletionEncoder(call)


def _prompt(made: Draft) -> Any:
    prompt = made.asked.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        made.refuse("prompt", "the provider has chats only, which take one text and no tokens")
        raise made.broken("prompt", "must be text")
    return prompt

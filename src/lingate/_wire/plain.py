# Whether something is as ordinary as most is, found out in one go: the careful readers need not look at it then.

# What does not fit a shape here is not wrong, it only takes the longer way.

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

S = TypeVar("S", bound=Struct)
_read = msgspec.convert


def shaped(value: Any, shape: type[S]) -> S | None:
    # The value as this shape, None if it is of another.
    try:
        return _read(value, shape)
    except (msgspec.ValidationError, ValueError, RecursionError):  # half a surrogate pair is a ValueError
        return None


_Word = Annotated[str, Meta(min_length=1)]
_Count = Annotated[int, Meta(ge=0)]
_Nothing = Annotated[list[Any], Meta(max_length=0)] | None


class _Message(Struct, forbid_unknown_fields=True):
    role: Literal["user", "assistant", "system"]
    content: _Word


class _Messages(Struct):
    messages: Annotated[list[_Message], Meta(min_length=1)]


def is_plain_chat(messages: Any) -> bool:
    # Whether each message is a role and a text and nothing else, and there is one.
    return shaped({"messages": messages}, _Messages) is not None


class _Details(Struct, forbid_unknown_fields=True):
    cached_tokens: _Count = 0
    reasoning_tokens: _Count = 0
    audio_tokens: _Count | None = 0
    accepted_prediction_tokens: Any = 0
    rejected_prediction_tokens: Any = 0


_NONE = _Details()
DETAILS = frozenset(_Details.__struct_fields__)
"""Parts of a count that OpenAI names."""


class PlainUsage(Struct, forbid_unknown_fields=True):
    # Token counts in OpenAI's own layout.

    prompt_tokens: _Count
    completion_tokens: _Count
    total_tokens: int
    prompt_tokens_details: _Details | UnsetType = UNSET
    completion_tokens_details: _Details | UnsetType = UNSET

    def adds_up(self) -> bool:
        # Whether the total is the sum, and no part larger than the whole.
        prompt, completion = self.prompt_tokens, self.completion_tokens
        read, written = self.prompt_tokens_details, self.completion_tokens_details
        return (
            prompt + completion == self.total_tokens
            and (read is UNSET or read.cached_tokens <= prompt)
            and (written is UNSET or written.reasoning_tokens <= completion)
        )

    def is_bare(self) -> bool:
        # Whether it is input and output alone, and no part of them is of another kind.
        read, written = self.prompt_tokens_details, self.completion_tokens_details
        return (read is UNSET or read == _NONE) and (written is UNSET or written == _NONE)


class _Said(Struct, forbid_unknown_fields=True):
    role: Literal["assistant"]
    content: str
    refusal: Literal[""] | None = None
    annotations: _Nothing = None
    audio: None = None
    function_call: None = None
    tool_calls: None = None


class _Choice(Struct, forbid_unknown_fields=True):
    index: Literal[0]
    message: _Said
    finish_reason: Literal["stop", "length"]
    logprobs: None = None


class _Groq(Struct):
    error: None = None


class _Answer(Struct):
    id: _Word
    object: Literal["chat.completion"]
    created: int
    model: _Word
    choices: Annotated[list[_Choice], Meta(min_length=1, max_length=1)]
    usage: PlainUsage
    # Where errors hide in answers that call themselves a success.
    error: None = None
    x_groq: _Groq | None = None
    base_resp: UnsetType = UNSET


def is_plain_answer(answer: Any) -> bool:
    # Whether this is a text in OpenAI's own words, with counts that add up, and no error: the canonical form already.
    read = shaped(answer, _Answer)
    return read is not None and read.usage.adds_up()


def plain_text(message: Any) -> str | None:
    # The text of a message that is a role and a text and nothing else; None for a blank one, and for what is no message.
    # Such are what long conversations are made of, and they need none of the questions that the others are asked.
    if type(message) is dict and len(message) == 2:
        text = message.get("content")
        if type(text) is str and text and not text.isspace():
            return text
    return None

"""The one exchange that every peer makes: the request, the answer, and the answer as a stream of 100 events.

Standard library only: it is imported by the workers inside the peers' own environments.
"""

from __future__ import annotations

import json
from itertools import cycle, islice
from typing import Any

MODEL = "gpt-4o-mini"
API_KEY = "sk-benchmark"
EVENTS = 100

MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "You are a careful assistant. Answer in plain words and keep it short."},
    {"role": "user", "content": "Why is the sky blue, and why is it red in the evening? Two sentences, please."},
]
"""What is asked."""


def conversation() -> list[dict[str, Any]]:
    """What a program asks that has been talking for a while: instructions, eleven messages, 9 KB."""
    rules = "Answer in plain words. Say so where you are not sure, and never make up a source. "
    words = "The light of the evening comes a long way through the air, and much of its blue has gone by then. "
    turns = [f"{number}. {words * 7}" for number in range(11)]
    said = [{"role": ("user", "assistant")[number % 2], "content": text} for number, text in enumerate(turns)]
    return [{"role": "system", "content": rules * 20}, *said]


# No quotes, dollars or backslashes: these words also travel through nginx's configuration.
_SENTENCE = "Sunlight holds every colour and the air scatters the short blue waves far more than the long red ones"
_CONTENT_EVENTS = EVENTS - 3
_PIECES = [word + " " for word in islice(cycle(_SENTENCE.split(" ")), _CONTENT_EVENTS)]

ANSWER = "".join(_PIECES)
"""The text of the answer, the same whole and streamed."""

_USAGE = {
    "prompt_tokens": 43,
    "completion_tokens": 97,
    "total_tokens": 140,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
_COMMON = {"created": 1750000000, "model": "gpt-4o-mini-2024-07-18", "service_tier": "default"}


def completion() -> bytes:
    """The whole answer as OpenAI's chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}
    return _encode(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            **_COMMON,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": _USAGE,
            "system_fingerprint": "fp_bench",
        }
    )


def events() -> list[bytes]:
    """The answer as 100 chunks (role, text, finish, usage), each a server-sent event, without the closing `[DONE]`."""
    deltas: list[tuple[dict[str, Any], str | None]] = [({"role": "assistant", "content": "", "refusal": None}, None)]
    deltas += [({"content": piece}, None) for piece in _PIECES]
    deltas.append(({}, "stop"))
    chunks = [_chunk([{"index": 0, "delta": d, "logprobs": None, "finish_reason": end}], None) for d, end in deltas]
    chunks.append(_chunk([], _USAGE))
    return [b"data: " + _encode(chunk) + b"\n\n" for chunk in chunks]


DONE = b"data: [DONE]\n\n"
"""The terminal event."""


def _chunk(choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        **_COMMON,
        "system_fingerprint": "fp_bench",
        "choices": choices,
        "usage": usage,
        "obfuscation": "Kx3vQ9bT",
    }


def _encode(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

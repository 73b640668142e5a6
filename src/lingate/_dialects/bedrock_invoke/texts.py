# Models that take a prompt and give text: one row each, and what they share.

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lingate._dialects import _prompts as prompts
from lingate._dialects._counts import integer
from lingate._dialects._draft import Draft
from lingate._dialects._prompts import Turn, system_and_rest
from lingate._model import JsonDict
from lingate._wire.shapes import as_dict, dig

_REASONS = {
    "length": "length",
    "max_tokens": "length",
    "error_limit": "length",
    "content_filtered": "content_filter",
    "error_toxic": "content_filter",
    "guardrail_intervened": "content_filter",
}
"""Reasons to end, in lower case, that mean something else than `stop`."""


class Piece(NamedTuple):
    # What an answer or an event of a stream says; the reason to end is None while it goes on.

    text: str
    reason: str | None = None
    read: int | None = None
    written: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFormat:
    # One maker's body.

    prompt: str = "prompt"
    """Field of the prompt."""
    script: Callable[[list[Turn]], str] | None = prompts.PLAIN
    """How turns are written; None: as this Llama does."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Canonical parameters -> fields, `a.b` for one inside an object. Those without are refused, except for stop
    sequences, which are enforced on the way back."""
    whole: Callable[[JsonDict], Piece]
    """Reads an answer."""
    piece: Callable[[JsonDict], Piece] | None = None
    """Reads an event of a stream; None where it is an answer too."""
    streams: str | None = None
    """Field that asks for a stream inside the body."""


def write_text_body(draft: Draft, form: TextFormat, turns: list[Turn]) -> JsonDict:
    if form is COMMAND_R:
        return _command_r_body(turns)
    script = form.script or prompts.llama(draft.target.model.lower())
    return {form.prompt: script(turns)}


def finish_word(native: Any) -> str:
    return _REASONS.get(native.lower(), "stop") if isinstance(native, str) else "stop"


def _first(items: Any) -> JsonDict:
    found = items[0] if isinstance(items, list) and items else items
    return as_dict(found)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("the text of the answer is no text")
    return value


def _titan(raw: JsonDict) -> Piece:
    inner = _first(raw.get("results"))
    if "results" in raw and not inner:
        raise ValueError("results: must hold an answer")
    inner = inner or raw
    written = inner.get("tokenCount", raw.get("totalOutputTextTokenCount"))
    return Piece(
        _text(inner.get("outputText")),
        inner.get("completionReason"),
        integer(raw.get("inputTextTokenCount")),
        integer(written),
    )


def _llama(raw: JsonDict) -> Piece:
    return Piece(
        _text(raw.get("generation")),
        raw.get("stop_reason"),
        integer(raw.get("prompt_token_count")),
        integer(raw.get("generation_token_count")),
    )


def _listed(name: str) -> Callable[[JsonDict], Piece]:
    # Reads the first of a list of answers.
    def read(raw: JsonDict) -> Piece:
        inner = _first(raw.get(name))
        return Piece(_text(inner.get("text")), inner.get("stop_reason"))

    return read


def _cohere(raw: JsonDict) -> Piece:
    inner = _first(raw.get("generations")) or raw
    return Piece(_text(inner.get("text")), inner.get("finish_reason"))


def _cohere_piece(raw: JsonDict) -> Piece:
    if raw.get("is_finished"):
        return Piece("", raw.get("finish_reason") or "COMPLETE")
    return _cohere(raw)


def _command_r_piece(raw: JsonDict) -> Piece:
    if raw.get("event_type") == "stream-end":
        return Piece("", raw.get("finish_reason") or "COMPLETE")
    return Piece(_text(raw.get("text")) if raw.get("event_type") == "text-generation" else "")


def _ai21(raw: JsonDict) -> Piece:
    inner = _first(raw.get("completions"))
    data, reason = inner.get("data"), inner.get("finishReason")
    if not isinstance(data, dict):
        raise ValueError("completions: must hold an answer")
    return Piece(_text(data.get("text")), dig(reason, "reason"))


def _command_r_body(turns: list[Turn]) -> JsonDict:
    system, rest = system_and_rest(turns)
    *before, last = rest or [Turn("user", system)]
    body: JsonDict = {"message": last.text}
    if before:
        names = {"user": "USER", "assistant": "CHATBOT"}
        body["chat_history"] = [{"role": names[turn.role], "message": turn.text} for turn in before]
    if system and rest:
        body["preamble"] = system
    return body


COMMAND_R = TextFormat(
    prompt="message",
    fields={
        "max_tokens": "max_tokens",
        "temperature": "temperature",
        "top_p": "p",
        "top_k": "k",
        "stop": "stop_sequences",
        "seed": "seed",
        "frequency_penalty": "frequency_penalty",
        "presence_penalty": "presence_penalty",
    },
    whole=_cohere,
    piece=_command_r_piece,
)

TEXT_FORMATS = {
    "titan": TextFormat(
        prompt="inputText",
        script=prompts.TITAN,
        fields={
            "max_tokens": "textGenerationConfig.maxTokenCount",
            "temperature": "textGenerationConfig.temperature",
            "top_p": "textGenerationConfig.topP",
            "stop": "textGenerationConfig.stopSequences",
        },
        whole=_titan,
    ),
    "llama": TextFormat(
        script=None,
        fields={"max_tokens": "max_gen_len", "temperature": "temperature", "top_p": "top_p"},
        whole=_llama,
    ),
    "mistral_text": TextFormat(
        script=prompts.MISTRAL,
        fields={
            "max_tokens": "max_tokens",
            "temperature": "temperature",
            "top_p": "top_p",
            "top_k": "top_k",
            "stop": "stop",
        },
        whole=_listed("outputs"),
    ),
    "deepseek_r1": TextFormat(
        script=prompts.DEEPSEEK,
        fields={"max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "stop": "stop"},
        whole=_listed("choices"),
    ),
    "cohere": TextFormat(
        script=prompts.COHERE,
        fields={
            "max_tokens": "max_tokens",
            "temperature": "temperature",
            "top_p": "p",
            "top_k": "k",
            "stop": "stop_sequences",
        },
        whole=_cohere,
        piece=_cohere_piece,
        streams="stream",
    ),
    "command_r": COMMAND_R,
    "jurassic": TextFormat(
        fields={
            "max_tokens": "maxTokens",
            "temperature": "temperature",
            "top_p": "topP",
            "stop": "stopSequences",
        },
        whole=_ai21,
    ),
}
"""By body format. https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html"""

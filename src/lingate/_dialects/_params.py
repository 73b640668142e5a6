# Request fields that several wire formats treat alike: sampling, stop sequences, and what has no counterpart.

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping
from typing import Any

from lingate._dialects._check import are_texts
from lingate._dialects._claude import limit_for_thinking
from lingate._dialects._draft import Draft, asked_of
from lingate._dialects._envelope import new_request, seal
from lingate._dialects._ignorable import ANTHROPICS_HINTS, ANTHROPICS_OWN, KEPT_ELSEWHERE, note_others_words
from lingate._dialects._refusals import take_out
from lingate._model import Call, HttpRequest, JsonDict, Operation, Target, Traits

CHAT_FIELDS = frozenset(
    {
        "messages",
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "response_format",
        "thinking",
        "reasoning_effort",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "stream",
        "stream_options",
        "model",
        "provider_specific_fields",
    }
)
"""Fields of a chat request that every format has a place of its own for, or needs none."""

NEUTRAL = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "min_p": (0,),
    "parallel_tool_calls": (True,),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "moderation": (),
    "store": (False,),
    "verbosity": ("medium",),
    "service_tier": ("auto", "default"),
    "web_search_options": (),
    **dict.fromkeys((*KEPT_ELSEWHERE, *ANTHROPICS_OWN), ()),
}
"""Fields that some formats have no counterpart for, and the values that ask for what happens anyway."""

CACHE_HINTS = ("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention")
"""Fields by which OpenAI's clients say how prompts are to be cached: hints, wherever that is said otherwise or not at all."""

HINTS = frozenset(
    {
        "user",
        "safety_identifier",
        "metadata",
        *CACHE_HINTS,
        "chat_template_kwargs",
        "enable_thinking",
        *ANTHROPICS_HINTS,
    }
)
"""Fields that do not change what the answer should be: left out and reported, never an error."""
_HINTS = HINTS | {"cache_control"}


def refuse_for_provider(draft: Draft) -> None:
    def refuse(name: str) -> None:
        draft.refuse(name, "the provider refuses it")

    if draft.target.row.unsupported:
        take_out(draft.asked, draft.target.row.unsupported, refuse)


def begun(
    call: Call, target: Target, defaults: Traits | None = None, read: Callable[[JsonDict], JsonDict] = dict
) -> Draft:
    # A request under construction, without what its provider refuses; `read` changes what is asked for.
    made = Draft(call, target, read(asked_of(call)), {**(defaults or {}), **target.traits})
    refuse_for_provider(made)
    return made


def sampling(
    draft: Draft, names: Iterable[str] = ("temperature", "top_p", "top_k"), thinking: bool = False
) -> JsonDict:
    # The sampling parameters that were asked for, as far as the model takes them; `thinking`: Claude, while it thinks.
    asked = {name: draft.asked[name] for name in names if name in draft.asked}
    clamp_temperature(draft, asked)
    rule = draft.traits.get("sampling")
    for name in ("temperature", "top_p", "top_k") if rule == "none" else ():
        if name in asked and (asked.pop(name) != 1 or name == "top_k"):
            draft.refuse(name, "the model takes no sampling parameters")
    if thinking:
        limit_for_thinking(draft, asked)
    if rule == "one" and "temperature" in asked and "top_p" in asked:
        # 400 "`temperature` and `top_p` cannot both be specified for this model".
        draft.note("top_p")
        del asked["top_p"]
    return asked


def generation_sampling(draft: Draft, names: Iterable[str]) -> JsonDict:
    # The sampling parameters for Text Generation Inference, which refuses the ends of their ranges.
    asked = sampling(draft, names)
    if asked.get("temperature") == 0:  # how to ask for the same
        del asked["temperature"]
        asked["do_sample"] = False
    if asked.get("top_p") == 1:
        del asked["top_p"]
    return asked


def clamp_temperature(draft: Draft, asked: JsonDict) -> None:
    # Lower a temperature that is above the model's range, and report it.
    top, value = draft.traits.get("max_temperature"), asked.get("temperature")
    if isinstance(value, int | float) and top is not None and value > top:
        draft.note(f"temperature (clamped from {value} to {top})")
        asked["temperature"] = top


def answer_limit(draft: Draft) -> Any:
    # How many tokens the answer may have; None if nobody says.
    asked = draft.asked.get("max_completion_tokens", draft.asked.get("max_tokens"))
    return draft.traits.get("default_max_tokens") if asked is None else asked


def asked_stops(draft: Draft) -> list[str]:
    # Stop sequences as they were asked for.
    # Raises ConfigError: they are neither text nor a list of texts.
    asked: Any = draft.asked.get("stop")
    asked = [asked] if isinstance(asked, str) else asked or []
    if not are_texts(asked):
        raise draft.broken("stop", "must be a string or a list of strings")
    return list(asked)


def stops(draft: Draft, limit: int | None, blank: bool = True) -> list[str]:
    # Stop sequences for the wire, which may not take `blank` ones; what it does not take is enforced on the way back.
    asked = list(filter(None, asked_stops(draft)))
    wire = asked if blank else list(filter(str.strip, asked))
    if len(wire) < len(asked):
        # 400 "each stop sequence must contain non-whitespace".
        draft.note("stop (blank)")
    if limit is not None and len(wire) > limit:
        draft.note(f"stop[{limit}:]" if limit else "stop")
        wire = wire[:limit]
    if len(wire) < len(asked):
        draft.stop = tuple(asked)
    return wire


def write_rest(
    draft: Draft,
    written: Collection[str],
    own: str = "",
    neutral: Mapping[str, tuple[Any, ...]] = NEUTRAL,
    hints: Collection[str] = _HINTS,
) -> None:
    # Leave out what has no counterpart, and pass on what we do not know; `own` is the format, where clients speak it.
    for name, value in draft.asked.items():
        if name not in written and not draft.left_out(name, value, neutral, hints):
            draft.body[name] = value
    note_others_words(draft.asked, draft.note, own)


def finished(draft: Draft, operation: Operation, path: str, body: JsonDict, joined: Container[str] = ()) -> HttpRequest:
    # The request, with the last word for the provider's quirks and the caller's own fields; see `envelope.seal`.
    sent = new_request(draft.call, draft.target, operation, path)
    draft.hand_over(sent)
    return seal(sent, body, joined)

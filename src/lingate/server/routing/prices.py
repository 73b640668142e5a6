# Prices and limits of a deployment: its owner's word, else the catalogue's.

# The catalogue is loaded at the first question.

from __future__ import annotations

import re
from dataclasses import fields
from time import monotonic
from typing import Any, NamedTuple

from lingate._model import JsonDict
from lingate._providers.catalog import Highest, Plain, cost_of, entry_of, highest, plain_prices
from lingate._providers.counts import counts_of, is_of_tokens
from lingate._providers.lookup import wire_model
from lingate._providers.rows_models import MODEL_FACTS
from lingate._wire.plain import PlainUsage, shaped
from lingate.server.config.settings import ModelInfo, Prices
from lingate.server.records import INCOMPLETE, Circumstances


class Price(NamedTuple):
    # Dollars a token.

    input: float | None = None
    """Of input; None where unknown."""
    output: float | None = None
    """Of output; None where unknown."""
    cached_input: float | None = None
    """Of input read from the provider's cache; None: as other input."""
    cache_write: float | None = None
    """Of input written to it; None: as other input."""
    reasoning: float | None = None
    """Of reasoning; None: as other output."""
    own: bool = False
    """The owner set them; else they are the catalogue's."""


class Sheet:
    # Prices and limits of one model, looked up once.

    # params: Prices that the owner gives beside the parameters; weaker.

    __slots__ = ("_catalogue", "_facts", "_highest", "_info", "_model", "_own", "_plain", "_provider")

    def __init__(self, provider: str, model: str, info: ModelInfo, params: Prices) -> None:
        self._provider = provider
        self._model = model
        self._info = info
        if info.base_model:
            head, slash, rest = info.base_model.partition("/")
            self._provider, self._model = (head, rest) if slash else (provider, head)
        own = _owner(info, params)
        self._own: Price | None = own
        self._plain: dict[tuple[str | None, str | None], tuple[float, Plain | None]] = {}
        self._highest: dict[tuple[Any, ...], tuple[float, Highest]] = {}
        self._catalogue: tuple[int | None, Price] | None = None
        self._facts: tuple[int | None, int | None, tuple[str, ...]] | None = None

    def price(self) -> Price:
        return self._looked_up()[1] if self._own is None else self._own

    def highest(self, of: Circumstances) -> Highest:
        # The prices that no call under these circumstances goes beyond.
        own = self._own
        if own is not None:
            read, written = own.input, own.output
            return Highest(
                None if read is None else max(read, own.cached_input or 0.0, own.cache_write or 0.0),
                None if written is None else max(written, own.reasoning or 0.0),
                0.0,
            )
        # Prices rise with the size of a prompt in few steps: a size somewhat above it will do, and can be known.
        size, now = (of.tokens // _STEP + 1) * _STEP, monotonic()
        key = (size, of.lasting, of.media, of.sound, of.tier, of.speed)
        known = self._highest.get(key)
        if known is None or known[0] < now:
            if len(self._highest) >= _MOST_ANSWERERS:
                self._highest.clear()
            context = {name: value for name, value in (("service_tier", of.tier), ("speed", of.speed)) if value}
            found = highest(self._provider, self._model, (_read(of), _written(of)), size, context)
            known = self._highest[key] = (now + _MINUTE, found or Highest(None, None, 0.0))
        return known[1]

    def cost(self, usage: JsonDict, answered: str | None, tier: str | None) -> tuple[float | None, str | None]:
        # What an answer cost in dollars, and by which prices; None and why not, where that is not known.
        # Where it is only a fee that is not known, the rest and `INCOMPLETE` with the reason.
        # usage: Token counts in canonical form.
        # tier: The tier it was served on.
        if self._own is not None:
            return _own_cost(self._own, usage, self._provider, self._model)
        if self._info.base_model:
            answered = None  # its owner says it because the answer does not
        # Both are the provider's word, and might be anything.
        counts = shaped(usage, PlainUsage) if type(answered) in _NAMES and type(tier) in _NAMES else None
        if counts is not None and counts.prompt_tokens and counts.is_bare():
            plain = self._plain_prices(answered, tier)
            if plain is not None:
                cost = counts.prompt_tokens * plain.input + counts.completion_tokens * plain.output
                return float(cost), plain.source
        found = cost_of(self._provider, self._model, usage, answered=answered, service_tier=tier)
        if found.total is None and found.parts:
            return sum(found.parts.values()), f"{INCOMPLETE}{found.reason}"
        return found.total, found.reason or found.source

    def _plain_prices(self, answered: str | None, tier: str | None) -> Plain | None:
        # The catalogue's, looked up once a minute: they may change with the hour.
        now = monotonic()
        known = self._plain.get((answered, tier))
        if known is None or known[0] < now:
            if len(self._plain) >= _MOST_ANSWERERS:
                self._plain.clear()
            plain = plain_prices(self._provider, self._model, answered, tier)
            known = self._plain[answered, tier] = (now + _MINUTE, plain)
        return known[1]

    @property
    def max_input(self) -> int | None:
        if self._info.max_input_tokens is not None:
            return self._info.max_input_tokens
        return self._known()[0] or self._looked_up()[0]

    @property
    def max_output(self) -> int | None:
        return self._info.max_output_tokens or self._info.max_tokens or self._known()[1]

    @property
    def mode(self) -> str | None:
        return self._info.mode

    @property
    def abilities(self) -> tuple[str, ...]:
        # What the model is known to do, in LiteLLM's words.
        return self._known()[2]

    def _known(self) -> tuple[int | None, int | None, tuple[str, ...]]:
        if self._facts is None:
            name = wire_model(self._provider, self._model)
            found = (item for item in MODEL_FACTS if re.fullmatch(item[0], name, re.IGNORECASE))
            self._facts = next(found, ("", None, None, ()))[1:]
        return self._facts

    def _looked_up(self) -> tuple[int | None, Price]:
        if self._catalogue is None:
            found = entry_of(self._provider, self._model)
            if found is None:
                self._catalogue = None, Price()
            else:
                window, rates = found
                self._catalogue = window, Price._make((*map(rates.get, Price._fields[:-1]), False))
        return self._catalogue


def _read(of: Circumstances) -> tuple[str, ...]:
    # Kinds of token that a call's input may have. Some providers write it to their cache without being asked.
    kinds: tuple[str, ...] = ("input", "cached_input", "cache_write")
    if of.lasting:
        kinds += ("cache_write_1h",)
    return (*kinds, *(f"input_{media}" for media in _MEDIA)) if of.media else kinds


def _written(of: Circumstances) -> tuple[str, ...]:
    # The same for its output. Models that make pictures make them without being asked.
    kinds = ("output", "reasoning", "output_image")
    return (*kinds, "output_audio", "output_video") if of.sound else kinds


_MEDIA = ("audio", "image", "video")
_RATES = {
    "cached_input": "cached_input",
    "cached_audio": "cached_input",
    "cache_write": "cache_write",
    "cache_write_1h": "cache_write",
    "reasoning": "reasoning",
}
_PLAIN = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
_TIMED = frozenset({"audio_seconds", "request"})
_NAMES = (str, type(None))
_MOST_ANSWERERS = 64
_MINUTE = 60.0
_STEP = 32_768
"""Tokens of input."""


def _own_cost(price: Price, usage: JsonDict, provider: str, model: str) -> tuple[float | None, str | None]:
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if usage.keys() <= _PLAIN and type(prompt) is int and type(completion) is int:
        counts: dict[str, int] | str = {"input": prompt, "output": completion}
    else:
        counts = counts_of(usage)
    if isinstance(counts, str):
        return None, counts
    total, missing = 0.0, None
    if counts.keys() <= _TIMED:
        return None, "the configuration has no price for seconds of sound"
    for kind, count in counts.items():
        if not count or kind in _TIMED:
            continue
        rate: float | None = getattr(price, _RATES[kind]) if kind in _RATES else None
        if not is_of_tokens(kind):
            # The owner's are prices of tokens; what the provider takes for its own tools is the catalogue's.
            rate = (entry_of(provider, model) or (None, {}))[1].get(kind)
            if rate is None:
                missing, rate = kind.replace("_", " "), 0.0
        elif rate is None:
            rate = price.output if kind == "reasoning" or kind.startswith("output") else price.input
        if rate is None:
            return None, f"the configuration has no price for {kind} tokens"
        total += count * rate
    return total, "configuration" if missing is None else f"{INCOMPLETE}there is no price for {missing}"


def _owner(info: ModelInfo, params: Prices) -> Price | None:
    names = [item.name for item in fields(Prices)]
    given = [getattr(info, name) if getattr(info, name) is not None else getattr(params, name) for name in names]
    return None if all(item is None for item in given) else Price(*given)._replace(own=True)

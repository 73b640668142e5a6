# The models that can be chosen from: the curated ones, the price catalogue's, LiteLLM's, and what providers list themselves.

# Pure: what LiteLLM's file or a provider's answer holds is passed in. What is not known about a model is None or empty.

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from lingate._model import ProviderRow
from lingate._providers import lookup
from lingate._providers.missing import plain
from lingate._providers.rows_curated import CURATED, NOT_SERVED

# LiteLLM prices one model under several names: by region, by commitment, by size and quality of an image.
_VARIANT = re.compile(
    r"(?:[a-z]{2}(?:-gov)?-[a-z]+-\d|\*|\d+-month-commitment|eu|us|global(?:-standard)?"
    r"|hd|standard|low|medium|high|\d+-x-\d+|max-x-max|256-x-256)/.*"
)
_OUTPUTS = {
    "embedding": ("embedding",),
    "rerank": ("ranking",),
    "image_generation": ("image",),
    "image_edit": ("image",),
    "video_generation": ("video",),
    "audio_speech": ("audio",),
    "moderation": ("verdict",),
}
# What the list prices beside models.
_NO_MODELS = {"search", "vector_store", "guardrail", "evaluation", "extraction"}
_READS = ("vision", "image"), ("pdf_input", "pdf"), ("audio_input", "audio"), ("video_input", "video")
_WINDOWS = ("context_length", "context_window", "max_context_length", "max_model_len", "inputTokenLimit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    # One model that can be chosen.

    provider: str
    """What is written before the slash."""
    name: str
    """What is written after it."""
    context: int | None = None
    """How many tokens it reads, None where not known."""
    input: float | None = None
    """US dollars for a million tokens in, at the basic rate; None where not known."""
    output: float | None = None
    """The same for tokens out."""
    inputs: tuple[str, ...] = ()
    """What it reads: `text`, `image`, `pdf`, `audio`, `video`; empty where not known."""
    outputs: tuple[str, ...] = ()
    """What it writes: `text`, `image`, `audio`, `video`, `embedding`, `ranking`, `verdict`."""
    curated: bool = False
    """Among those that are offered first."""
    sources: tuple[str, ...] = ()
    """Who knows it: `curated`, `prices`, `litellm`, `live`."""

    @property
    def model(self) -> str:
        return f"{self.provider}/{self.name}"


def curated() -> list[Offer]:
    # The models that are offered first, in the order of the table.
    return [
        Offer(
            provider=provider,
            name=name,
            context=context,
            input=read,
            output=written,
            inputs=tuple(inputs.split()),
            outputs=("text",),
            curated=True,
            sources=("curated",),
        )
        for model, context, read, written, inputs in CURATED
        for provider, _, name in [model.partition("/")]
    ]


def priced(rows: Iterable[ProviderRow]) -> Iterator[Offer]:
    # The price catalogue's models; none where its package is not installed.
    from lingate._providers.catalog import listed

    for row in rows:
        absent = re.compile(NOT_SERVED.get(row.name, r"(?!)"))
        for item in listed(row):
            name = _collapsed(item.name, row.name)
            if not absent.fullmatch(name):
                yield Offer(
                    provider=row.name,
                    name=name,
                    context=item.context,
                    input=item.input,
                    output=item.output,
                    sources=("prices",),
                )


def mapped(prices: Mapping[str, Any]) -> Iterator[Offer]:
    # The models of LiteLLM's own list, facts by `provider/name` or by name alone, under the names that providers have here.
    known = {plain(name): row.name for row in lookup.rows() for name in (row.name, *row.aliases)}
    for key, facts in prices.items():
        if not isinstance(facts, Mapping) or not isinstance(facts.get("litellm_provider"), str):
            continue
        if key == "sample_spec" or str(facts.get("mode")) in _NO_MODELS:
            continue
        provider = _provider(facts["litellm_provider"], known)
        name = _collapsed(key, facts["litellm_provider"].partition("-")[0], provider)
        if name and not _VARIANT.fullmatch(name):
            yield Offer(
                provider=provider,
                name=name,
                context=_count(facts.get("max_input_tokens")),
                input=_million(facts.get("input_cost_per_token")),
                output=_million(facts.get("output_cost_per_token")),
                inputs=("text", *(word for ability, word in _READS if facts.get(f"supports_{ability}") is True)),
                outputs=_OUTPUTS.get(str(facts.get("mode")), ("text",)),
                sources=("litellm",),
            )


def live(provider: str, data: Iterable[Mapping[str, Any]]) -> Iterator[Offer]:
    # The models that a provider lists itself, in OpenAI's form; many say no more than the name.
    for item in data:
        name = item.get("id")
        if not isinstance(name, str) or not name:
            continue
        about = item.get("architecture")
        about = about if isinstance(about, Mapping) else item
        price = item.get("pricing")
        price = price if isinstance(price, Mapping) else {}
        yield Offer(
            provider=provider,
            name=_collapsed(name.removeprefix("models/"), provider),
            context=next((count for key in _WINDOWS if (count := _count(item.get(key))) is not None), None),
            input=_million(price.get("prompt")),
            output=_million(price.get("completion")),
            inputs=_words(about.get("input_modalities")),
            outputs=_words(about.get("output_modalities")),
            sources=("live",),
        )


def merged(*lists: Iterable[Offer]) -> list[Offer]:
    # All of these, each model once.
    # Of what two lists say about a model, the earlier one counts.
    found: dict[str, Offer] = {}
    for offers in lists:
        for offer in offers:
            known = found.get(offer.model)
            found[offer.model] = offer if known is None else _joined(known, offer)
    return list(found.values())


def _joined(known: Offer, other: Offer) -> Offer:
    return replace(
        known,
        context=other.context if known.context is None else known.context,
        input=other.input if known.input is None else known.input,
        output=other.output if known.output is None else known.output,
        inputs=known.inputs or other.inputs,
        outputs=known.outputs or other.outputs,
        sources=tuple(dict.fromkeys((*known.sources, *other.sources))),
    )


@lru_cache(maxsize=8192)
def modalities(offer: Offer) -> tuple[tuple[str, ...], tuple[str, ...]]:
    # What a model reads and writes: as its list says, else as models of such a name do.
    from lingate._providers.rows_models import MODEL_FACTS, MODES

    names = (offer.name, offer.name.rpartition("/")[2])
    inputs, outputs = offer.inputs, offer.outputs
    if not outputs:
        mode = next((mode for pattern, mode in MODES if _fits(pattern, names)), "chat")
        outputs = _OUTPUTS.get(mode, ("text",))
    if not inputs:
        abilities = next((facts for pattern, _, _, facts in MODEL_FACTS if _fits(pattern, names)), ())
        inputs = ("text", *(word for ability, word in _READS if ability in abilities)) if abilities else ()
    return inputs, outputs


def _fits(pattern: str, names: tuple[str, ...]) -> bool:
    return any(re.fullmatch(pattern, name, re.IGNORECASE) for name in names)


def _provider(theirs: str, known: Mapping[str, str]) -> str:
    # The row's name for a provider of LiteLLM's, which has families of models for providers too; else its own name.
    for name in (theirs, theirs.partition("-")[0]):
        if plain(name) in known:
            return known[plain(name)]
    return theirs


def _collapsed(name: str, *providers: str) -> str:
    # The name without its provider in front of it, which some lists repeat.
    for provider in providers:
        if name.startswith(f"{provider}/"):
            return name[len(provider) + 1 :]
    return name


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _million(value: Any) -> float | None:
    # A price for one token, as a number or in a string, for a million.
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        price = float(value) * 1e6
    except ValueError:
        return None
    return round(price, 9) if 0 <= price < 1e6 else None


def _words(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, (list, tuple)) else ()

# What an answer cost, from the provider's own word or the price catalogue of the `genai-prices` package.

# The package is optional, loaded at the first question and never asked to fetch newer prices. A cost that is not known is
# None with a reason; it is never 0. Prices are today's, and those of the provider itself, wherever `api_base` points.

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from lingate._model import Fixed, JsonDict, ProviderRow, Record
from lingate._providers.counts import KINDS, is_of_tokens, requests_of
from lingate._providers.families import family_traits
from lingate._wire.shapes import is_number
from lingate.errors import ConfigError

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_MOST_MODELS = 4096
REPORTED = "reported by the provider"
"""The source of a cost that nobody worked out."""

_NO_PACKAGE = "prices are not installed: pip install 'lingate[prices]'"
_TICKS_PER_DOLLAR = 10**10  # xAI's unit: docs.x.ai, "Cost tracking"


class Cost(Fixed, frozen=True):
    # What one answer cost.

    total: float | None
    """US dollars, None where unknown."""
    reason: str | None = None
    """Why the cost is unknown, None where it is known."""
    parts: Mapping[str, float] = {}
    """US dollars by kind of token: `input`, `cached_input`, `cache_write`, `cache_write_1h`, `input_audio`,
    `cached_audio`, `output`, `reasoning`, `output_audio` (`image` and `video` as `audio`), and of fee: `web_search`,
    `file_search`, `audio_seconds`, `request`. No token is in two of them, and they add up to the total; where that is unknown
    for want of a fee, they are what is known of it. A sum that the provider gave is one part, `reported`.
    """
    source: str | None = None
    """Where the number comes from: the provider, or version of the price data and the model it was found under."""


def cost_of(
    provider: str,
    model: str,
    usage: JsonDict | None,
    *,
    answered: str | None = None,
    service_tier: str | None = None,
) -> Cost:
    # Work out what an answer cost.
    # A cost that the provider reports among the counts wins over any computation.
    #
    # The model that answered by its own word is looked up first, because what was asked for may be the name of a deployment or an
    # alias. `service_tier` is the one the answer was served on.
    if not isinstance(usage, dict) or not usage:
        return Cost(None, "the provider gave no token counts")
    reported = _reported(usage)
    if reported is not None:
        return Cost(reported, None, {"reported": reported}, REPORTED)
    found = _find(provider, answered if isinstance(answered, str) else "", model)
    if isinstance(found, str):
        return Cost(None, found)
    requests = requests_of(usage)
    if isinstance(requests, str):
        return Cost(None, requests)
    context = _context(usage, service_tier)
    uplift = _NONE if usage.get("inference_geo") in _ANYWHERE else _UPLIFT
    costs = []
    for name, counts in requests:
        entry = _find(provider, "", name) if name else found
        if counts:
            costs.append(Cost(None, entry) if isinstance(entry, str) else _priced(entry, counts, context, uplift))
    return reduce(_sum, costs)


_ANYWHERE = (None, "", "global", "not_available")
_NONE, _UPLIFT = Decimal(1), Decimal("1.1")
"""For tokens that had to be processed in some place: platform.claude.com, "Data residency"; Google's regional endpoints."""


def _sum(one: Cost, other: Cost) -> Cost:
    kinds = {**one.parts, **other.parts} if one.parts else {}
    parts = {kind: one.parts.get(kind, 0.0) + other.parts.get(kind, 0.0) for kind in kinds}
    total = None if one.total is None or other.total is None else one.total + other.total
    return Cost(total, one.reason or other.reason, parts, one.source)


def _reported(usage: JsonDict) -> float | None:
    # The sum that the provider itself put beside the counts.
    # The second is DeepInfra's name for it, the third LLM Gateway's.
    cost = next(
        (usage[name] for name in ("cost", "estimated_cost", "cost_usd_total") if usage.get(name) is not None), None
    )
    if isinstance(cost, Mapping):
        return _amount(cost.get("total_cost")) if cost.get("currency") in (None, "USD") else None
    total = _amount(cost)
    if total is not None and usage.get("is_byok") is True:
        # The router bills its fee only; the rest is on the caller's account at the provider behind it.
        details = usage.get("cost_details")
        upstream = _amount(details.get("upstream_inference_cost")) if isinstance(details, Mapping) else None
        return None if upstream is None else total + upstream
    if total is None:
        # Resold elsewhere, the field is there and always 0 (recorded at Azure): that is no statement.
        ticks = _amount(usage.get("cost_in_usd_ticks"))
        return ticks / _TICKS_PER_DOLLAR if ticks else None
    return total


def _amount(value: Any) -> float | None:
    if not is_number(value) or not 0 <= value < 1e300:
        return None
    return float(value)


def _context(usage: JsonDict, service_tier: Any) -> dict[str, str]:
    # What besides the model decides on the price.
    wanted = {"service_tier": service_tier or usage.get("service_tier"), "speed": usage.get("speed")}
    if wanted["service_tier"] == "batch":  # Anthropic's word for it, in the answers of a batch
        wanted["processing"] = "batch"
    return {name: value for name, value in wanted.items() if isinstance(value, str) and value}


_OTHER_PRICES = frozenset({"batch", "fast", "flex", "optimized", "priority", "provisioned", "reserved"})
"""Tiers and speeds that cost more or less than usual wherever there are any, but for rows with `one_price`."""


class _Rate(NamedTuple):
    # Price of one unit of a kind: the basic one, and others from a size of the input on, largest first.

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...]

    def at(self, size: int) -> Decimal:
        return next((price for start, price in self.tiers if size > start), self.base)


class _Entry(Record):
    # A model of the catalogue. `rates` are those of `price`, which changes with the date and the hour.

    provider: Provider
    model: ModelInfo
    source: str
    one_price: bool = False
    away: str | None = None
    price: ModelPrice | None = None
    rates: Mapping[str, _Rate] = {}

    def rates_now(self, context: dict[str, str]) -> Mapping[str, _Rate]:
        if not self.model.prices:
            return {}
        if context and not self._is_special(context):
            context = {}
        price = self.model.get_prices(datetime.now(UTC), context)
        if context:
            return _rates(price, self.model.id)
        if price is not self.price:
            self.rates = _rates(price, self.model.id)
            self.price = price
        return self.rates

    def unlisted(self, context: dict[str, str]) -> str | None:
        # A place, tier or speed that certainly has other prices, which the catalogue does not know.
        if self.away:
            return self.away
        if not context or self.one_price or self._is_special(context):
            return None
        return next((value for value in context.values() if value in _OTHER_PRICES), None)

    def _is_special(self, context: dict[str, str]) -> bool:
        # Whether any price differs in this context. Of a model borrowed from another provider's list, none does.
        return any(
            vars(variant.prices) and variant.when.items() <= context.items()
            for variant in self.model.price_variants or ()
        ) and any(self.model is own for own in self.provider.models)


def _priced(entry: _Entry, counts: Mapping[str, int], context: dict[str, str], uplift: Decimal) -> Cost:
    unlisted = entry.unlisted(context)
    if unlisted is not None:
        return Cost(None, f"the price catalogue has no {unlisted} price of {entry.model.id}", {}, entry.source)
    rates = entry.rates_now(context)
    size = sum(count for kind, count in counts.items() if KINDS.get(kind, {}).get("direction") == "input")
    parts: dict[str, float] = {}
    total = Decimal(0)
    missing = None
    by_time = "audio_seconds" in counts and "audio_seconds" in rates
    for kind, count in counts.items():
        rate = rates.get(kind)
        if kind == "audio_seconds" and not by_time:
            continue
        if by_time and (kind == "input_audio" or ("input" not in rates and is_of_tokens(kind))):
            continue  # the time is paid for instead
        if rate is not None:
            amount = rate.at(size) * count * (uplift if is_of_tokens(kind) else 1)
            total += amount
            parts[kind] = float(amount)
        elif kind != "request":
            missing = missing or kind
    if missing is not None:
        why = f"the price catalogue has no price for the {missing.replace('_', ' ')} of {entry.model.id}"
        return Cost(None, why, {} if is_of_tokens(missing) else parts, entry.source)
    if not parts or parts.keys() == {"request"}:
        return Cost(None, "the provider counted no tokens", {}, entry.source)
    return Cost(float(total), None, parts, entry.source)


def _rates(price: ModelPrice, model: str) -> dict[str, _Rate]:
    # The rate of every kind of token that this list prices: that of the narrowest unit the kind falls under.
    from genai_prices.data_units import unit_data
    from genai_prices.types import TieredPrices

    units = {unit["price_key"]: unit for unit in unit_data.values()}
    priced = [(units[key], value) for key, value in vars(price).items() if value is not None and key in units]
    # The catalogue lacks what sound costs at some models that are made for it (OpenAI's `gpt-4o-audio-preview`).
    sounds = "audio" in model or any(unit["dimensions"]["family"] == "durations" for unit, _ in priced)
    rates: dict[str, _Rate] = {}
    for kind, dimensions in KINDS.items():
        fitting = [item for item in priced if item[0]["dimensions"].items() <= dimensions.items()]
        if not fitting:
            continue
        unit, value = max(fitting, key=lambda item: len(item[0]["dimensions"]))
        if dimensions.get("modality") == "audio" != unit["dimensions"].get("modality") and sounds:
            continue  # never at the price of text
        if isinstance(value, TieredPrices):
            tiers = tuple((tier.start, tier.price / unit["per"]) for tier in reversed(value.tiers))
            rates[kind] = _Rate(value.base / unit["per"], tiers)
        else:
            rates[kind] = _Rate(value / unit["per"], ())
    return rates


_entries: dict[tuple[str, str, str], tuple[ProviderRow, _Entry | str]] = {}
_entries_of: DataSnapshot | None = None


@cache
def _is_installed() -> bool:
    # Whether there is a catalogue. Looking again at every answer for a package that is absent would cost more than the call.
    try:
        import genai_prices  # noqa: F401
    except ImportError:
        return False
    return True


def _find(provider: str, answered: str, asked: str) -> _Entry | str:
    # The model's entry, or why there is none.
    global _entries_of
    from lingate._providers.lookup import find, priced_as, wire_model

    if not _is_installed():
        return _NO_PACKAGE
    from genai_prices import __version__
    from genai_prices.data_snapshot import get_snapshot

    try:
        row = find(provider)
    except ConfigError:
        return f"{provider} is not in the price catalogue"
    snapshot = get_snapshot()
    if snapshot is not _entries_of or len(_entries) >= _MOST_MODELS:
        # The application may load newer prices into the package by itself.
        _entries.clear()
        _entries_of = snapshot
    key = (provider, answered, asked)
    known, entry = _entries.get(key, (None, ""))
    if known is not row:
        edition = f"of {snapshot.timestamp:%Y-%m-%d}" if snapshot.from_auto_update else __version__
        names = (priced_as(provider, answered), priced_as(provider, asked), wire_model(provider, asked))
        entry = _look_up(snapshot, row, names, f"genai-prices {edition}")
        _entries[key] = (row, entry)
    return entry


def _look_up(snapshot: DataSnapshot, row: ProviderRow, models: tuple[str, str, str], edition: str) -> _Entry | str:
    provider = _listed(snapshot, row)
    if provider is None:
        where = "runs on your own machine" if row.local else "is not in the price catalogue"
        return f"{row.title or row.name} {where}"
    answered, asked, known = models
    if f".{answered}" in asked:
        models = (asked, known, answered)  # what was asked for tells more, such as where: Bedrock's `global.`
    for model in models:
        found = provider.find_model(model, all_providers=snapshot.providers) if model else None
        if found is not None:
            away = re.search(row.traits.get("away", "(?!)"), asked)
            # What costs the same in all regions but those of governments is listed as such.
            away = None if away and found.id.startswith("regional.") and "gov" not in away[1] else away
            one_price = row.traits.get("one_price", False)
            return _Entry(provider, found, f"{edition}, {provider.id}/{found.id}", one_price, away and away[1])
    return f"the price catalogue has no model {asked!r} of {row.title or row.name}"


def _listed(snapshot: DataSnapshot, row: ProviderRow) -> Provider | None:
    # The catalogue's entry of a provider: as its row says, else the one with its address, else the one with its name.
    listed = {provider.id: provider for provider in snapshot.providers}
    if row.prices is not None:
        return listed.get(row.prices)
    if row.url is not None:
        for provider in snapshot.providers:
            if re.match(provider.api_pattern, row.url):
                return provider
    return next((listed[name] for name in (row.name, *row.aliases) if name in listed), None)


def entry_of(provider: str, model: str) -> tuple[int | None, dict[str, float]] | None:
    # A model's context window and its prices in US dollars, by kind of token; None where the catalogue has none of it.
    found = _find(provider, "", model)
    if isinstance(found, str):
        return None
    return found.model.context_window, {kind: float(rate.base) for kind, rate in found.rates_now({}).items()}


class Highest(NamedTuple):
    # The most that a token of input, a token of output and the call itself cost, US dollars; None where there is no price.

    input: float | None
    output: float | None
    request: float


def highest(
    provider: str, model: str, kinds: tuple[tuple[str, ...], tuple[str, ...]], size: int, context: Mapping[str, str]
) -> Highest | None:
    # The prices that no call of some kind goes beyond; None where the catalogue has none of the model.
    # `kinds` are those of token that its input and its output may have, `size` its most input in tokens, `context` the tier and
    # speed that it asks for.
    found = _find(provider, "", model)
    if isinstance(found, str):
        return None
    context = dict(context)
    lists = [found.rates_now({}), *([found.rates_now(context)] if context else ())]
    read, written = (
        max(
            (max(rate.base, rate.at(size)) for rates in lists for kind in some if (rate := rates.get(kind))),
            default=None,
        )
        for some in kinds
    )
    call = max((rates["request"].base for rates in lists if "request" in rates), default=Decimal(0))
    # Nobody knows what else decides on the price, but about how much it is.
    more = Decimal({None: 1, "batch": 1, "flex": 1, "fast": 6}.get(found.unlisted(context), 2))
    more *= _UPLIFT if family_traits(model).get("regional_price") else _NONE
    return Highest(
        None if read is None else float(read * more), None if written is None else float(written * more), float(call)
    )


class Plain(NamedTuple):
    # Prices of plain input and output, US dollars a token, where nothing but their counts decides; and the source.

    input: Decimal
    output: Decimal
    source: str


def plain_prices(provider: str, model: str, answered: str | None, service_tier: str | None = None) -> Plain | None:
    # Prices by which a busy caller may work out the cost of ordinary answers itself, for as long as a minute.
    #
    # None where they depend on more than the counts, or are not known: then `cost_of` tells.
    found = _find(provider, answered or "", model)
    if isinstance(found, str):
        return None
    context = _context({}, service_tier)
    rates = found.rates_now(context)
    read, written = rates.get("input"), rates.get("output")
    if found.unlisted(context) or read is None or written is None or read.tiers or written.tiers or "request" in rates:
        return None
    return Plain(read.base, written.base, found.source)


def models_of(row: ProviderRow) -> list[str]:
    # Names of the catalogue's models of a provider; none where the package is not installed.
    return [item.name for item in listed(row)]


class Listed(NamedTuple):
    # A model of the catalogue as a list shows it: context window, and US dollars for a million tokens in and out.

    name: str
    context: int | None
    input: float | None
    output: float | None


def listed(row: ProviderRow) -> list[Listed]:
    # The catalogue's models of a provider, at the basic prices of now; none where the package is not installed.
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError:
        return []
    provider = _listed(get_snapshot(), row)
    now = datetime.now(UTC)
    found = []
    for model in provider.models if provider is not None else ():
        price = model.get_prices(now) if model.prices else None
        read, written = _million(getattr(price, "input_mtok", None)), _million(getattr(price, "output_mtok", None))
        found.append(Listed(model.id, model.context_window, read, written))
    return found


def _million(price: Any) -> float | None:
    base = getattr(price, "base", price)
    return None if base is None else float(base)

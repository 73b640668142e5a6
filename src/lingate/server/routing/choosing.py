# Which of several deployments is asked next, and which calls belong together, so that a provider's prompt cache is met again.

# Pure: the clock and the dice are given.

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from math import log
from random import Random

from lingate._model import JsonDict
from lingate._wire.json import encode
from lingate.server.routing.deployment import Deployment

Choose = Callable[[Sequence[Deployment], float, Random], Deployment]
"""Chooses one of several that are ready; there is always one at least."""

_MASK = 0xFFFFFFFFFFFFFFFF
_NEXT_TO_NOTHING = 1e-12
_HEAD = ("system", "developer")


def shuffle(found: Sequence[Deployment], now: float, random: Random) -> Deployment:
    # By chance, as their weights say.
    count = len(found)
    if count == 1:
        return found[0]
    total = 0.0
    for item in found:
        total += item.weight
    if total <= 0.0:
        return found[int(random.random() * count)]
    point = random.random() * total
    for item in found:
        point -= item.weight
        if point < 0.0:
            return item
    return next(item for item in reversed(found) if item.weight > 0.0)


def least_busy(found: Sequence[Deployment], now: float, random: Random) -> Deployment:
    return _least(found, now, random, lambda item: item.load.in_flight)


def fastest(found: Sequence[Deployment], now: float, random: Random) -> Deployment:
    # Of two taken by chance, the one whose answer is due first: latency times the calls it would have.
    # Asking the fastest of all would send everyone to the same; two by chance spread nearly as well as knowing
    # everything (Mitzenmacher, The Power of Two Choices in Randomized Load Balancing).
    count = len(found)
    if count == 1:
        return found[0]
    first = int(random.random() * count)
    second = int(random.random() * (count - 1))
    one, other = found[first], found[second + (second >= first)]
    # Of one that has never answered nothing is known but that: it is not asked by everybody until it does.
    due = _due if one.health.latency and other.health.latency else _calls
    return one if due(one, now) <= due(other, now) else other


def _due(item: Deployment, now: float) -> float:
    # What was slow once is worth another look while nobody has one: calls that hang make it no faster.
    calls, health = item.load.in_flight, item.health
    return health.latency * (calls + 1) if calls else health.expected(now)


def _calls(item: Deployment, _now: float) -> float:
    return item.load.in_flight


def least_used(found: Sequence[Deployment], now: float, random: Random) -> Deployment:
    # Whoever has used the smallest part of its tokens in the last minute; of those without a limit, the fewest.
    return _least(found, now, random, lambda item: item.load.used(now)[1] / (item.tpm or 1.0))


def cheapest(found: Sequence[Deployment], now: float, random: Random) -> Deployment:
    # Whoever has the lowest price; unknown prices come last.
    return _least(found, now, random, _price)


def _price(item: Deployment) -> float:
    price = item.price()
    if price.input is None and price.output is None:
        return float("inf")
    return (price.input or 0.0) + (price.output or 0.0)


def _least(
    found: Sequence[Deployment], now: float, random: Random, measure: Callable[[Deployment], float]
) -> Deployment:
    measured = list(map(measure, found))
    least = min(measured)
    return shuffle([item for item, size in zip(found, measured, strict=True) if size == least], now, random)


STRATEGIES = {
    "simple-shuffle": shuffle,
    "least-busy": least_busy,
    "latency-based-routing": fastest,
    "usage-based-routing": least_used,
    "usage-based-routing-v2": least_used,
    "cost-based-routing": cheapest,
}
"""LiteLLM's names."""


def faithful(found: Sequence[Deployment], sticky: str) -> Deployment:
    # The same one for the same key, as long as it is among them; the same in every replica, and as weights say.
    # Weighted rendezvous hashing: who leaves takes only its own keys along.
    key = int.from_bytes(blake2b(sticky.encode(), digest_size=8).digest(), "little")
    best, most = found[0], float("-inf")
    for item in found:
        score = _score(key, item)
        if score > most:
            best, most = item, score
    return best


def _score(key: int, item: Deployment) -> float:
    weight = item.weight or _NEXT_TO_NOTHING  # who has none is asked where nobody has
    mixed = key ^ item.seed
    mixed = ((mixed ^ (mixed >> 33)) * 0xFF51AFD7ED558CCD) & _MASK
    mixed = ((mixed ^ (mixed >> 33)) * 0xC4CEB9FE1A85EC53) & _MASK
    share = ((mixed ^ (mixed >> 33)) + 0.5) / (_MASK + 1)
    return -weight / log(share) if share < 1.0 else float("inf")


def sticky_key(affinity: str, key_id: str, body: JsonDict, session: str | None = None) -> str | None:
    # The words that calls which belong together have in common; None where nothing does.
    # affinity: `Group.sticky`: `prompt`, `key`, `session`, or empty.
    # key_id: Whose call it is: callers never meet each other's caches.
    # body: The canonical request. For `prompt`, its tools and everything to the end of the first turn count: they stay
    # the same while a conversation grows.
    if affinity == "key":
        return key_id or None
    if affinity == "session":
        return f"{key_id}\0{session}" if session else None
    messages = body.get("messages")
    if affinity != "prompt" or not isinstance(messages, list) or not messages:
        return None
    first = next(
        (at for at, item in enumerate(messages) if not (isinstance(item, dict) and item.get("role") in _HEAD)),
        len(messages),
    )
    head = encode([key_id, body.get("tools"), messages[: first + 1]])
    return blake2b(head, digest_size=16).hexdigest()

"""Asks providers which models they offer: the one request that every provider answers free of charge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

from lingate._providers.offered import Offer, live
from lingate.errors import LingateError

_AT_ONCE = 8
PATIENCE = 15.0
"""Seconds that a provider has for its list."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a provider said.

    Attributes:
        provider: Its name.
        offers: The models it lists.
        error: Why there is no list, None if there is one.
        seconds: How long it took.
    """

    provider: str
    offers: list[Offer] = field(default_factory=list)
    error: LingateError | None = None
    seconds: float = 0.0


def ask(
    providers: Sequence[str], config: Any = None, *, env: Mapping[str, str] | None = None, patience: float = PATIENCE
) -> Iterator[Listed]:
    """Ask providers at the same time, and hand over each answer as it arrives.

    Args:
        providers: Names of providers.
        config: The configuration, as `Lingate` takes it.
        env: Where variables are looked up instead of the process's environment.
        patience: Seconds for each.
    """
    from lingate._client import Lingate

    if not providers:
        return
    with Lingate(config, env=env, retries=0, timeout=patience) as client:
        pool = ThreadPoolExecutor(min(_AT_ONCE, len(providers)), thread_name_prefix="lingate-online")
        try:
            asked = [pool.submit(_one, client.models, name) for name in providers]
            for answer in as_completed(asked):
                yield answer.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _one(models: Callable[[str], Any], provider: str) -> Listed:
    started = time.perf_counter()
    try:
        answer = models(provider)
    except LingateError as error:
        return Listed(provider, error=error, seconds=time.perf_counter() - started)
    raw = answer.to_dict().get("data")
    items = [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []
    return Listed(provider, list(live(provider, items)), seconds=time.perf_counter() - started)

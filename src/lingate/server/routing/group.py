# A model as clients name it: the deployments behind it, in the order they are asked, and what stands in for them.

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lingate._call.policy import NEVER_FALL_BACK
from lingate._model import Record
from lingate.errors import LingateError
from lingate.server.config.settings import Fallback
from lingate.server.records import Estimate
from lingate.server.routing.choosing import Choose
from lingate.server.routing.deployment import Deployment

_HERE = frozenset({"context_window"})
"""Kinds, besides those no other model would do better with, after which the rest of a group is of no use."""


class Group(Record, eq=False, kw_only=True):
    # A model as clients name it.

    name: str
    """As it was asked for."""
    base: str
    """The name behind an alias; else the same."""
    deployments: tuple[Deployment, ...]
    tiers: tuple[tuple[Deployment, ...], ...]
    """The same by `order`, lower ones first."""
    only: Deployment | None
    """The deployment, where there is one."""
    choose: Choose
    """How one of several is chosen."""
    retries: int | None = None
    """Further tries, None where nobody said."""
    retries_by_kind: Mapping[str, int] = {}
    """The same for some kinds of error."""
    general: tuple[Fallback, ...] = ()
    """What stands in when the group has failed."""
    context: tuple[Fallback, ...] = ()
    """What stands in for prompts that do not fit."""
    policy: tuple[Fallback, ...] = ()
    """What stands in when a content policy refused."""
    sticky: str = ""
    """Which calls stay at one deployment: `prompt`, `key`, `session`, or empty."""
    tagged: bool = False
    sized: bool = False
    """Deployments whose context window is too small are not asked."""
    aka: tuple[str, ...] = ()
    """Other names that limits by model may know it by."""

    @property
    def here(self) -> int:
        # Further tries at one deployment, where no other is left: none if somebody else may answer, unless asked for.
        if self.retries is not None:
            return self.retries
        return 0 if self.general else 2

    def bound(self, estimate: Estimate) -> None:
        # Fill in what the dearest deployment costs and the longest answer; unknown if it is of any.
        about = estimate.circumstances
        prices = [item.sheet.highest(about) for item in self.deployments]
        read, written = [price.input for price in prices], [price.output for price in prices]
        longest = [item.max_output or item.max_input for item in self.deployments]
        if None in read or None in written:
            first = next(item for item, price in zip(self.deployments, prices, strict=True) if None in price)
            estimate.keys = f"input_cost_per_token and output_cost_per_token of {first.provider}/{first.model}"
        estimate.input_price = None if None in read else max(filter(None, read), default=0.0)
        estimate.output_price = None if None in written else max(filter(None, written), default=0.0)
        estimate.model_max_output = None if None in longest else max(filter(None, longest), default=0)
        estimate.fixed = max(price.request for price in prices)
        if about.effort is not None:
            estimate.thinking = max(item.thinking(about.effort) for item in self.deployments)

    @property
    def stand_ins(self) -> Iterator[Fallback]:
        # What may stand in, for whatever reason.
        yield from (*self.general, *self.context, *self.policy)

    def tries(self, kind: str, wished: int | None) -> int:
        # Tries in this group that one call may have after the first.
        own = self.retries_by_kind.get(kind, self.retries) if wished is None else wished
        return len(self.deployments) + self.here if own is None else own

    def instead(self, error: LingateError | None) -> Sequence[Fallback]:
        # What stands in after an error; None for an outage that was known before.
        if error is None:
            return self.general
        if error.kind == "context_window":
            return self.context or self.general
        if error.kind == "content_filter":
            return self.policy
        return () if error.kind in NEVER_FALL_BACK else self.general


def is_worth_another(error: LingateError) -> bool:
    # Whether another deployment of the same group may do better.
    return error.kind not in NEVER_FALL_BACK and error.kind not in _HERE

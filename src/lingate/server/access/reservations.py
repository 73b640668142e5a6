# One call against its plan: what it asks for, whether it fits, and the reservation that comes out of it.

# Money is reserved as an upper bound: input tokens and the most output the call may give, at their prices. A call whose
# output nobody bounded takes what remains, and its output is bounded by that.
#
# Tokens a minute are counted as the input and the output that the caller allows, or the whole limit where that is less; what
# was really used replaces it at the end. Without a bound of the caller only the input is counted at first.

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lingate.errors import BudgetExceededError, ConcurrencyLimitError, LingateError, RateLimitError
from lingate.server.access.meters import NANO, WINDOW, Parallel, Rate, nanos
from lingate.server.access.scopes import Plan
from lingate.server.records import Estimate

BUDGET_STATUS = 402
"""Waiting does not help, and clients that retry every 429 should not."""
_SOON = 1.0


class Demand(NamedTuple):
    # What one call asks for.

    prompt: int
    tokens: int
    base: int
    """Price of the input and of the call itself, in billionths of a dollar."""
    most: int | None
    """Price of input and the most output; None where nothing bounds the output."""
    per_token: float
    """Price of a token of output, in dollars."""
    bounded: bool
    """The caller bounds the output itself."""

    def beyond(self, spare: int) -> Demand:
        # What is asked for beyond what is reserved already and not used.
        return self._replace(base=self.base - spare, most=None if self.most is None else self.most - spare)


def demand(plan: Plan, estimate: Estimate, *, allow_unpriced: bool) -> Demand:
    # What a call asks of its plan.
    # Raises BudgetExceededError: A budget applies and nobody knows what the model costs.
    prompt, output = estimate.prompt_tokens, estimate.max_output
    tokens = prompt if output is None else prompt + output
    if not plan.budgets:
        return Demand(prompt, tokens, 0, 0, 0.0, True)
    if estimate.most is not None:
        estimate.most(estimate)
    output = estimate.max_output  # with what thinking takes
    price_in, price_out = estimate.input_price, estimate.output_price
    if price_in is None and price_out is None:
        if allow_unpriced:
            return Demand(prompt, tokens, 0, 0, 0.0, True)
        raise BudgetExceededError(
            f"{plan.budgets[0].name} has a budget, and the price of {estimate.model} is unknown"
            f" (in the gateway's configuration: {estimate.keys})",
            status=BUDGET_STATUS,
            code="unpriced_model",
        )
    most_prompt = prompt if estimate.prompt_bound is None else max(prompt, estimate.prompt_bound)
    base, per_token = most_prompt * (price_in or 0.0) + estimate.fixed, price_out or 0.0
    bound = estimate.model_max_output if output is None else output
    if bound is None and per_token:
        return Demand(prompt, tokens, nanos(base), None, per_token, False)
    most = nanos(base + (bound or 0) * per_token)
    return Demand(prompt, tokens, nanos(base), most, per_token, output is not None or not per_token)


def take(plan: Plan, wanted: Demand, second: int, now: float) -> tuple[int, int | None]:
    # Whether a call fits: the money to reserve, and the bound of its output where that is ours.
    # Raises ConcurrencyLimitError: Too many calls at once.
    # Raises RateLimitError: Too many requests or tokens a minute.
    # Raises BudgetExceededError: It might go over a budget.
    for parallel in plan.parallel:
        if parallel.running >= parallel.limit:
            raise crowded(parallel)
    for rate in plan.requests:
        if rate.room(second) < 1:
            raise too_fast(rate, "requests", 1, rate.wait(second, 1))
    for rate in plan.tokens:
        need = min(wanted.tokens, rate.limit)
        if rate.room(second) < need or wanted.prompt > rate.limit:
            raise too_fast(rate, "tokens", wanted.prompt, rate.wait(second, need))
    if not plan.budgets:
        return 0, None
    tightest = min(plan.budgets, key=lambda budget: budget.remaining(now))
    least = tightest.remaining(now)
    granted = grant(wanted, least)
    if granted is None:
        raise spent_up(tightest.name, tightest.cap, least, tightest.reserved, wanted)
    return granted, bound_of(wanted, granted)


def grant(wanted: Demand, remaining: int) -> int | None:
    # The money to reserve of what remains; None if the call does not fit.
    if wanted.most is not None and wanted.most <= remaining:
        return wanted.most
    if wanted.bounded or remaining < wanted.base + nanos(wanted.per_token):
        return None
    return remaining


def bound_of(wanted: Demand, granted: int) -> int | None:
    # The most output that the granted money pays for; None where the call's own bound is paid for.
    if wanted.bounded or granted == wanted.most:
        return None
    return int((granted - wanted.base) / (wanted.per_token * NANO))


def crowded(parallel: Parallel) -> ConcurrencyLimitError:
    return ConcurrencyLimitError(
        f"{parallel.name} may make {parallel.limit} calls at once",
        status=429,
        code="max_parallel_requests",
        retry_after=_SOON,
        retryable=parallel.limit > 0,
    )


def too_fast(rate: Rate, what: str, needed: int, wait: int) -> LingateError:
    never = needed > rate.limit
    rest = f", and this call alone needs {needed}" if never else f"; try again in {wait} s"
    return RateLimitError(
        f"{rate.name} may use {rate.limit} {what} a minute{rest}",
        status=429,
        code=f"{what}_per_minute",
        retryable=not never,
        retry_after=None if never else float(wait),
    )


def spent_up(name: str, cap: int, remaining: int, reserved: int, wanted: Demand) -> BudgetExceededError:
    # A call that might go over a budget.
    # It may be worth a retry where calls under way hold the money back.
    needed = wanted.base if wanted.most is None or not wanted.bounded else wanted.most
    passing = reserved > 0 and grant(wanted, remaining + reserved) is not None
    left = max(0, remaining)
    if passing:
        hint = "calls under way hold the rest back; try again when they have ended"
    elif wanted.bounded and needed > wanted.base + nanos(wanted.per_token) <= left:
        hint = "a smaller max_tokens fits"
    else:
        hint = None
    return BudgetExceededError(
        f"the budget of {name} is ${dollars(cap)}, ${dollars(left)} of it remain, and this call may cost ${dollars(needed)}",
        status=429 if passing else BUDGET_STATUS,
        code="budget_exceeded",
        retryable=passing,
        retry_after=_SOON if passing else None,
        hint=hint,
    )


def dollars(amount: int) -> str:
    # Money for people: no exponent, no tail of zeros.
    text = f"{amount / NANO:.9f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"{whole}.{part:<02}"


def headers(plan: Plan, second: int) -> tuple[tuple[str, str], ...]:
    # `x-ratelimit-*` of the tightest limits.
    # `reset` is when the next part of what was used comes back.
    shown = _shown(plan.requests, OF_REQUESTS, second) if plan.requests else ()
    return shown + _shown(plan.tokens, OF_TOKENS, second) if plan.tokens else shown


OF_REQUESTS = ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
OF_TOKENS = ("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens")


def _shown(rates: Sequence[Rate], names: tuple[str, str, str], second: int) -> tuple[tuple[str, str], ...]:
    rate = rates[0] if len(rates) == 1 else min(rates, key=_left)
    limit, left, reset = names
    back = rate.slots[0][0] + WINDOW - second if rate.slots else 0
    return (limit, str(rate.limit)), (left, str(max(0, rate.limit - rate.used))), (reset, f"{back}s")


def _left(rate: Rate) -> int:
    return rate.limit - rate.used


@dataclass(slots=True, eq=False)
class LocalReservation:
    """A reservation that was granted. Exactly one of `settle` and `release` is called, once, however the call ended."""

    plan: Plan
    """The meters that the call passed."""
    _clock: Callable[[], float]
    _tokens: int
    _slots: list[list[int]] | None
    _amount: int
    _starts: list[float] | None
    max_output: int | None
    """Output tokens that the budgets have room for, where that is less than the caller's own bound or the caller gave
    none; the handler writes it into the request. None: no bound of ours."""
    headers: tuple[tuple[str, str], ...]
    """`x-ratelimit-*` headers for the answer."""
    _open: bool = field(default=True, init=False)
    _more: list[LocalReservation] = field(default_factory=list, init=False)

    @property
    def reserved(self) -> int:
        # Money that it holds of each budget, for all parts of the call.
        return self._amount + sum(reservation._amount for reservation in self._more)

    def add(self, reservation: LocalReservation) -> None:
        self._more.append(reservation)

    def settle(self, tokens: int | None, cost: float | None) -> None:
        # The call used this much (a part of an answer counts too); what is None stands as it was reserved.
        self._end(tokens, self.reserved if cost is None else nanos(cost))
        self._end_more()

    def release(self) -> None:
        # Nothing was used: the call was not made, or the upstream refused it.
        # The request itself stays counted: refusals are no way around a rate.
        self._end(0, 0)
        self._end_more()

    def _end_more(self) -> None:
        for reservation in self._more:  # after the call is charged: between the two nobody may take it
            reservation._end(0, 0)

    def _end(self, tokens: int | None, spent: int) -> None:
        if not self._open:
            return
        self._open = False
        plan = self.plan
        for parallel in plan.parallel:
            parallel.running -= 1
        if self._slots is not None and tokens is not None:
            second = int(self._clock())
            for rate, slot in zip(plan.tokens, self._slots, strict=True):
                rate.correct(slot, second, tokens - min(self._tokens, rate.limit))
        if self._starts is not None:
            for budget, start in zip(plan.budgets, self._starts, strict=True):
                budget.settle(start, self._amount, spent)

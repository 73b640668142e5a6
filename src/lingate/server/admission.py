# A call is paid for in advance, and then has its way.

from __future__ import annotations

from collections.abc import Sequence

from lingate._model import JsonDict, replaced
from lingate.errors import BudgetExceededError, PermissionDeniedError
from lingate.server.access.bounds import (
    LONGEST,
    all_output,
    answers_of,
    asked_output,
    circumstances_of,
    longest_answer,
    other_output,
    shorten,
)
from lingate.server.costing import estimate_tokens, prompt_size
from lingate.server.exchange import Exchange
from lingate.server.records import Estimate
from lingate.server.routing import sticky_key

_GENERATING = frozenset({"chat", "completions", "responses"})


async def reserve(exchange: Exchange) -> None:
    # Reserve what the call may use at most, and choose the way it goes.
    # Raises RateLimitError: A limit is reached.
    # Raises BudgetExceededError: A budget is.
    # Raises ConcurrencyLimitError: Too many calls at once.
    call, row, group = exchange.call, exchange.row, exchange.group
    prompt = exchange.prompt_tokens = estimate_tokens(prompt_size(call))
    overrides, router, aka = exchange.overrides, exchange.live.router, group.aka
    instead = None if overrides is None else overrides.fallbacks
    if instead:  # or limits of these would be got around by asking for what fails
        aka += (*instead, *(name for other in map(router.group, instead) if other is not None for name in other.aka))
    size = (0, None) if call.operation == "count_tokens" else (prompt, asked_output(call.body))
    estimate = Estimate(group.name, *size, aka=aka)
    if exchange.live.only_priced:
        router.bound(group, estimate, instead)
        if estimate.input_price is None:
            raise PermissionDeniedError(f"the price of {call.model!r} is not known, and this gateway wants to know it")

    def most(of: Estimate) -> None:  # an argument: without it the two would hold each other
        _bound(exchange, call.body, of)

    estimate.most = most
    reservation = await exchange.admit(estimate)
    if reservation is not None and reservation.max_output is not None:
        _shorten(call.body, reservation.max_output, estimate)
    exchange.context = exchange.live.context(None if overrides is None else overrides.timeout)
    sticky = sticky_key(group.sticky, exchange.caller.key_id, call.body, exchange.session) if group.sticky else None
    chain = exchange.chain = router.chain(
        group, call, tags=row.tags, sticky=sticky, estimated_prompt=prompt, fallbacks=instead
    )
    chain.context = exchange.context
    if reservation is not None and reservation.max_output is not None:
        chain.most = call.body["max_tokens"]
    if overrides is not None:
        chain.hurried, chain.retries = overrides.timeout is not None, overrides.retries
    if exchange.span is not None:
        exchange.span.routed(exchange)


async def reserve_more(exchange: Exchange, body: JsonDict, spent: float | None) -> int | None:
    # Reserve for one more part of an answer.
    # body: The request for the part, which is made to fit.
    # spent: What the parts before cost in dollars, None where nobody knows.
    # Returns: The bound that the part must have, None for its own.
    # Raises BudgetExceededError: There is no room for it.
    reservation = exchange.reservation
    if reservation is None:
        return None
    estimate = Estimate(exchange.group.name, 0, None)

    def most(of: Estimate) -> None:
        _bound(exchange, body, of)
        if reservation.max_output is not None and of.max_output is not None:
            # It is not the caller who bounds it: less will do, too.
            of.model_max_output, of.max_output = of.max_output, None

    estimate.most = most
    bound = await exchange.gateway.access.limiter.extend(reservation, estimate, spent)
    if bound is None:
        return None
    _shorten(body, bound, estimate)
    return int(body["max_tokens"])


def _bound(exchange: Exchange, body: JsonDict, of: Estimate) -> None:
    # Fill in what a call may cost at most, also where deployments and fallbacks have a word in its request.
    instead, router = None if exchange.overrides is None else exchange.overrides.fallbacks, exchange.live.router
    _bound_as(exchange, body, instead, of)
    seen = [body]
    for sent in router.bodies(exchange.group, replaced(exchange.call, body=body), instead):
        if sent not in seen:
            seen.append(sent)
            own = Estimate(of.model, 0)
            _bound_as(exchange, sent, instead, own)
            _widen(of, own)


def _bound_as(exchange: Exchange, body: JsonDict, instead: Sequence[str] | None, of: Estimate) -> None:
    # The same for one form of the request.
    of.circumstances = circumstances_of(body)
    of.prompt_bound = of.circumstances.tokens
    operation = exchange.call.operation
    if operation not in _GENERATING:
        of.circumstances = of.circumstances._replace(media=True, sound=True)
    exchange.live.router.bound(exchange.group, of, instead)
    if operation == "count_tokens":
        of.input_price = of.output_price = of.fixed = 0.0  # nobody takes money for it
    elif operation not in _GENERATING:
        of.answers = answers_of(body) if operation == "images" else 1
        of.max_output = other_output(operation, of.circumstances) * of.answers
        return
    elif of.input_price is None or of.output_price is None:
        of.input_price = of.output_price = None  # half a price is none
    limit, of.answers = longest_answer(body), answers_of(body)
    of.model_max_output = (of.model_max_output or LONGEST) * of.answers
    if limit is not None:
        of.max_output = all_output(limit, of.thinking, of.answers)


def _widen(of: Estimate, other: Estimate) -> None:
    # Let an estimate cover another one of the same call, too.
    longest = max(other.max_output or 0, other.model_max_output or 0)
    if of.max_output is not None:
        # Where the owner leaves the caller's bound out, there is none.
        of.max_output = max(of.max_output, longest if other.max_output is None else other.max_output)
    if of.model_max_output is not None:
        of.model_max_output = max(of.model_max_output, longest)
    of.prompt_bound = max(of.prompt_bound or 0, other.prompt_bound or 0)
    of.fixed, of.thinking = max(of.fixed, other.fixed), max(of.thinking, other.thinking)
    of.answers = max(of.answers, other.answers)
    if of.input_price is not None and of.output_price is not None:
        of.input_price = max(of.input_price, other.input_price or 0.0)
        of.output_price = max(of.output_price, other.output_price or 0.0)


def _shorten(body: JsonDict, tokens: int, estimate: Estimate) -> None:
    # Let the answers be no longer than there is money for. Of calls that generate no text all has its bound.
    most, thinking = tokens // estimate.answers, estimate.thinking
    if most < 1:
        raise BudgetExceededError("the budget has no room for so many answers", status=402, code="budget_exceeded")
    if most <= thinking:
        raise BudgetExceededError(
            f"the budget pays for {most} tokens, and thinking alone may take {thinking}",
            status=402,
            code="budget_exceeded",
            hint="a lower reasoning_effort fits",
        )
    shorten(body, most)

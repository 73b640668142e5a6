"""Budgets of one process: reserved before, settled after, never over."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate.errors import BudgetExceededError
from lingate.server.access import Limits, LocalLimiter
from lingate.server.access.bounds import circumstances_of
from lingate.server.access.meters import NANO, Owner, nanos
from lingate.server.access.records import ModelBudget, limits_of
from lingate.server.records import Caller, Estimate
from tests.server.access_kit import COST, Books, Clock, caller_of, estimate, outcome


def spent(limiter: LocalLimiter, id: str = "k", kind: str = "key") -> int:
    scope = limiter.scope(kind, id)
    assert scope is not None
    return scope.budgets[0].spent


async def test_200_calls_at_once_on_a_budget_for_50_spend_the_budget_and_not_more() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_budget=50 * COST))

    found = Counter(await asyncio.gather(*[outcome(limiter, caller, hold=0.01) for _ in range(200)]))

    assert found == {"ok": 50, "budget": 150}
    assert spent(limiter) == nanos(50 * COST)


@given(st.integers(1, 2000), st.integers(1, 10_000_000))
def test_a_budget_for_n_calls_is_for_exactly_n_calls(calls: int, price: int) -> None:
    # Sums of floats would let one more or one less through.
    cost = price / NANO

    assert nanos(cost) == price
    assert nanos(cost * calls) == price * calls


CALLS = st.lists(
    st.tuples(
        st.integers(0, 2000),
        st.one_of(st.none(), st.integers(0, 3000)),
        st.floats(0, 1),
        st.sampled_from("sruw"),
        st.floats(0, 90),
    ),
    max_size=60,
)


@settings(max_examples=100, deadline=None)
@given(CALLS, st.floats(0.0, 0.02), st.sampled_from(["30s", "1m", "1d", None]))
def test_what_is_spent_and_reserved_is_never_more_than_the_budget(
    calls: list[tuple[int, int | None, float, str, float]], budget: float, span: str | None
) -> None:
    async def run() -> None:
        clock = Clock()
        limiter = LocalLimiter(clock=clock, now=clock)
        caller = caller_of(limiter, Limits(max_budget=budget, budget_duration=span))
        scope = limiter.scope("key", "k")
        assert scope is not None
        money, under_way = scope.budgets[0], []
        for prompt, output, used, end, pause in calls:
            try:
                reservation = await limiter.admit(caller, estimate(prompt, output), None, ())
            except BudgetExceededError:
                reservation = None
            if reservation is not None:
                bound = (
                    reservation.max_output
                    if reservation.max_output is not None
                    else (4096 if output is None else output)
                )
                under_way.append((reservation, (prompt + bound * used * 2) * 1e-6, end))
            assert money.spent + money.reserved <= money.cap
            if end != "w" and under_way:
                reservation, cost, end = under_way.pop(0)
                reservation.release() if end == "r" else reservation.settle(None, cost if end == "s" else None)
            assert money.spent + money.reserved <= money.cap
            clock.sleep(pause)
        for reservation, cost, _ in under_way:
            reservation.settle(None, cost)
        money.remaining(clock())
        assert money.reserved == 0
        assert money.spent <= money.cap

    asyncio.run(run())


async def test_a_call_that_bounds_its_output_reserves_that_much() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_budget=1.0))

    reservation = await limiter.admit(caller, estimate(1000, 500), None, ())

    scope = limiter.scope("key", "k")
    assert reservation is not None
    assert scope is not None
    assert reservation.max_output is None
    assert scope.budgets[0].reserved == 2_000_000
    reservation.settle(1200, 0.0012)
    assert (scope.budgets[0].reserved, scope.budgets[0].spent) == (0, 1_200_000)


async def test_a_call_without_a_bound_gets_as_much_output_as_the_budget_pays_for() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_budget=0.002))

    reservation = await limiter.admit(caller, estimate(1000, None), None, ())

    assert reservation is not None
    assert reservation.max_output == 500


async def test_a_model_that_cannot_give_that_much_is_not_bounded() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_budget=1.0))

    reservation = await limiter.admit(caller, estimate(1000, None, most=4096), None, ())

    scope = limiter.scope("key", "k")
    assert reservation is not None
    assert scope is not None
    assert reservation.max_output is None
    assert scope.budgets[0].reserved == nanos(0.001 + 4096 * 2e-6)


async def test_nobody_knows_how_much_a_model_gives_and_the_budget_still_holds() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_budget=0.01))

    reservation = await limiter.admit(caller, estimate(1000, None, most=None), None, ())

    assert reservation is not None
    assert reservation.max_output == 4500
    with pytest.raises(BudgetExceededError) as caught:
        await limiter.admit(caller, estimate(10, 10), None, ())
    assert (caught.value.status, caught.value.retryable, caught.value.retry_after) == (429, True, 1.0)
    reservation.release()
    assert await outcome(limiter, caller) == "ok"


async def test_a_call_whose_prompt_alone_is_too_dear_is_refused() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_budget=0.001))

    with pytest.raises(BudgetExceededError, match=r"budget of key k is \$0.001, \$0.001 of it remain") as caught:
        await limiter.admit(caller, estimate(1000, None), None, ())

    assert (caught.value.status, caught.value.retryable, caught.value.code) == (402, False, "budget_exceeded")


async def test_a_bound_that_is_too_dear_is_refused_with_advice_and_not_cut() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_budget=0.01))

    with pytest.raises(BudgetExceededError, match="a smaller max_tokens fits"):
        await limiter.admit(caller, estimate(100, 64_000), None, ())


async def test_a_model_without_a_price_is_refused_under_a_budget_and_only_there() -> None:
    unpriced = Estimate("mystery", 100, 50)
    limiter = LocalLimiter()

    with pytest.raises(BudgetExceededError, match="the price of mystery is unknown") as caught:
        await limiter.admit(caller_of(limiter, Limits(max_budget=1000.0)), unpriced, None, ())
    assert (caught.value.code, caught.value.status) == ("unpriced_model", 402)
    assert await limiter.admit(caller_of(limiter, Limits(rpm_limit=5), "free"), unpriced, None, ()) is not None

    limiter = LocalLimiter(allow_unpriced=True)
    assert await limiter.admit(caller_of(limiter, Limits(max_budget=1000.0)), unpriced, None, ()) is not None


async def test_models_that_cost_nothing_are_not_refused_on_an_empty_budget() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_budget=0.0))

    assert await limiter.admit(caller, Estimate("own", 100, 50, 0.0, 0.0), None, ()) is not None
    assert await outcome(limiter, caller) == "budget"


async def test_money_of_a_call_counts_in_the_period_in_which_it_came() -> None:
    clock = Clock(1_800_000_010.0)
    limiter = LocalLimiter(clock=clock, now=clock)
    caller = caller_of(limiter, Limits(max_budget=COST, budget_duration="30s"))

    late = await limiter.admit(caller, estimate(), None, ())
    assert await outcome(limiter, caller) == "budget"
    clock.sleep(30)
    assert await outcome(limiter, caller) == "ok"
    assert late is not None
    late.settle(150, COST / 4)

    assert spent(limiter) == nanos(COST)
    (budget,) = limiter.scope("key", "k").budgets  # type: ignore[union-attr]
    assert budget.reserved == 0
    clock.sleep(-30)  # set back
    assert budget.remaining(clock()) == nanos(COST) - nanos(COST / 4)


async def test_a_prompt_is_reserved_by_what_it_can_have_at_most() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_budget=1.0, tpm_limit=200))

    reservation = await limiter.admit(caller, Estimate("gpt", 100, 50, 1e-6, 2e-6, None, prompt_bound=400), None, ())

    assert reservation is not None
    assert limiter.scope("key", "k").budgets[0].reserved == 500_000  # type: ignore[union-attr]
    assert ("x-ratelimit-remaining-tokens", "50") in reservation.headers


async def test_unknown_cost_leaves_the_reservation_standing() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_budget=1.0))

    assert await outcome(limiter, caller, cost=None) == "ok"

    assert spent(limiter) == nanos(COST)


async def test_the_tightest_of_several_budgets_decides_and_is_named() -> None:
    limiter = LocalLimiter()
    scopes = [
        limiter.limit("key", "k", Limits(max_budget=5.0)),
        limiter.limit("team", "t", Limits(max_budget=COST), name="Red"),
    ]
    caller = Caller(key_id="k", limits=limiter.limits_for(scopes))

    assert await outcome(limiter, caller) == "ok"
    with pytest.raises(BudgetExceededError, match="the budget of team Red"):
        await limiter.admit(caller, estimate(), None, ())

    assert spent(limiter) == spent(limiter, "t", "team") == nanos(COST)


async def test_budgets_by_model_count_the_models_they_name() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(model_max_budget={"gpt-*": ModelBudget(max_budget=COST, budget_duration="1d")}))

    assert await outcome(limiter, caller, estimate(model="gpt-4")) == "ok"
    assert await outcome(limiter, caller, estimate(model="gpt-5")) == "budget"
    assert await outcome(limiter, caller, estimate(model="claude")) == "ok"


async def test_a_restart_keeps_what_was_spent() -> None:
    books = Books({("key", "k"): 0.75, ("end_user", "ann"): 0.2})
    limiter = LocalLimiter(spending=books)
    limiter.limit_customers(Limits(max_budget=0.2))
    caller = caller_of(limiter, Limits(max_budget=0.75 + COST, budget_duration="1d"))

    assert await outcome(limiter, caller) == "ok"
    assert await outcome(limiter, caller) == "budget"
    with pytest.raises(BudgetExceededError, match="customer ann"):
        await limiter.admit(Caller(key_id="other"), estimate(), "ann", ())
    assert len(books.asked) == 2


async def test_the_ledger_is_asked_once_however_many_calls_come_first() -> None:
    books = Books()
    limiter = LocalLimiter(spending=books)
    caller = caller_of(limiter, Limits(max_budget=1.0))

    await asyncio.gather(*[outcome(limiter, caller) for _ in range(50)])

    assert len(books.asked) == 1


async def test_a_call_that_is_cancelled_as_the_ledger_answers_is_not_let_through() -> None:
    answer: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()

    async def books(wanted: object) -> list[float]:
        return await answer

    limiter = LocalLimiter(spending=books)
    call = asyncio.create_task(outcome(limiter, caller_of(limiter, Limits(max_budget=1.0))))
    await asyncio.sleep(0.01)
    answer.set_result([0.0])
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_without_the_ledger_calls_go_on_and_it_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, books = Clock(), Books({("key", "k"): 5.0})
    books.away = True
    limiter = LocalLimiter(spending=books, clock=clock, now=clock)
    caller = caller_of(limiter, Limits(max_budget=5.0))

    with caplog.at_level(logging.WARNING):
        assert [await outcome(limiter, caller) for _ in range(20)] == ["ok"] * 20
    assert len(caplog.records) == 1
    assert len(books.asked) == 1

    books.away = False
    clock.sleep(6)
    assert await outcome(limiter, caller) == "budget"


@pytest.mark.parametrize("calm", ["reconcile", "reread"])
async def test_a_ledger_that_takes_its_time_is_waited_for_where_no_call_waits(calm: str) -> None:
    # A month of sums of a busy gateway is some million rows.
    read = asyncio.Event()

    async def slow(wanted: Sequence[tuple[Owner, float]]) -> list[float]:
        await read.wait()
        return [5.0] * len(wanted)

    limiter = LocalLimiter(spending=slow)
    caller = caller_of(limiter, Limits(max_budget=5.0))
    assert await outcome(limiter, caller) == "ok"  # what is not known in time is not waited for

    scope = limiter.scope("key", "k")
    assert scope is not None
    reading = asyncio.create_task(limiter.reconcile() if calm == "reconcile" else limiter.reread(scope.budgets))
    await asyncio.sleep(0)
    assert await outcome(limiter, caller) == "ok"  # nor does it hold up a call meanwhile
    assert not reading.done()
    read.set()
    await reading
    assert await outcome(limiter, caller) == "budget"


async def test_what_other_replicas_spent_is_seen_when_the_ledger_is_asked_again() -> None:
    books = Books()
    limiter = LocalLimiter(spending=books)
    caller = caller_of(limiter, Limits(max_budget=1.0))
    assert await outcome(limiter, caller) == "ok"

    books.spent["key", "k"] = 1.0
    await limiter.reconcile()

    assert await outcome(limiter, caller) == "budget"


async def test_a_new_budget_on_an_old_key_counts_what_it_has_spent_before() -> None:
    limiter = LocalLimiter(spending=Books({("key", "k"): 3.0}))
    caller = caller_of(limiter, Limits(max_budget=10.0, budget_duration="1d"))
    assert await outcome(limiter, caller) == "ok"

    caller = caller_of(limiter, Limits(max_budget=3.0, budget_duration="1mo"))

    assert await outcome(limiter, caller) == "budget"


def test_a_record_fills_up_its_limits_from_the_budget_it_refers_to() -> None:
    base = Limits(max_budget=10.0, budget_duration="1d", rpm_limit=60, tpm_limit=1000)

    assert limits_of(Limits(rpm_limit=0), base) == Limits(
        max_budget=10.0, budget_duration="1d", rpm_limit=0, tpm_limit=1000
    )
    assert limits_of(Limits(max_budget=3.0), base).budget_duration is None


def test_dollars_are_rounded_up_and_never_by_the_noise_of_floats() -> None:
    assert nanos(0.1 + 0.2) == 300_000_000
    assert [nanos(10.0**power) for power in range(-9, 10)] == [10**power for power in range(19)]
    assert [nanos(amount) for amount in (0.0, 1e-14, 1e-12, 1.0000000001e-9)] == [0, 0, 1, 1]
    assert nanos(1e-12) == 0 or nanos(1e-12) == 1
    assert nanos(2e-9) == 2
    assert nanos(1.0) == NANO


TEXTS = st.text(st.characters(codec="utf-8"), max_size=200)


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), TEXTS), max_size=8))
def test_no_tokenizer_finds_more_tokens_than_the_bound(messages: list[tuple[str, str]]) -> None:
    body = {"model": "gpt", "messages": [{"role": role, "content": text} for role, text in messages]}

    # A byte each, and eight around each message, are more than any tokenizer and any template make of it.
    assert circumstances_of(body).tokens >= sum(len(text.encode()) + 8 for _, text in messages)


def test_pictures_count_by_the_piece_and_files_that_are_only_named_count_much() -> None:
    inline = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    named = {"type": "file", "file": {"file_id": "file-1"}}

    assert 16_384 <= circumstances_of({"messages": [{"role": "user", "content": [inline]}]}).tokens < 20_000
    assert circumstances_of({"messages": [{"role": "user", "content": [named]}]}).tokens > 100_000
    assert circumstances_of({"messages": [], "tools": [{"type": "function"}]}).tokens > 1000
    assert circumstances_of({"messages": [], "functions": [{"name": "f"}]}).tokens > 1000
    assert circumstances_of({"messages": [{"role": "user", "content": [named]}]}).media


def test_an_answer_may_have_sound_where_a_call_asks_for_it() -> None:
    asked = [{"modalities": ["text", "audio"]}, {"audio": {"voice": "x"}}, {"modalities": ["text"]}, {}]
    assert [circumstances_of(body).sound for body in asked] == [True, True, False, False]


def test_a_body_of_any_shape_has_a_bound() -> None:
    body = {"messages": None, "x": [1, 2.5, True, None, {"y": ["\ud800"]}], "image_url": ""}
    assert circumstances_of(body).tokens > 0


@pytest.mark.parametrize("jump", [-1.0, -40.0])
async def test_a_clock_that_goes_back_opens_no_budget_again(jump: float) -> None:
    clock = Clock(1_800_000_010.0)
    limiter = LocalLimiter(clock=Clock(), now=clock)
    caller = caller_of(limiter, Limits(max_budget=2 * COST, budget_duration="30s"))
    held = await limiter.admit(caller, estimate(), None, ())
    assert await outcome(limiter, caller) == "ok"

    clock.sleep(30)  # a second that the clock has made up
    assert await outcome(limiter, caller) == "ok"
    clock.sleep(-30)

    assert await outcome(limiter, caller) == "budget"
    assert held is not None
    held.settle(150, COST)
    money = limiter.scope("key", "k").budgets[0]  # type: ignore[union-attr]
    assert (money.spent, money.reserved) == (nanos(2 * COST), 0)
    clock.sleep(30)
    assert await outcome(limiter, caller) == "ok"
    assert await outcome(limiter, caller) == "budget"
    clock.sleep(jump)
    clock.sleep(-jump)
    assert await outcome(limiter, caller) == "budget"


async def test_another_period_does_not_forget_what_is_under_way() -> None:
    limiter = LocalLimiter(spending=Books())
    caller = caller_of(limiter, Limits(max_budget=COST, budget_duration="1d"))
    held = await limiter.admit(caller, estimate(), None, ())

    for period in ("1mo", "2d", None):
        caller = caller_of(limiter, Limits(max_budget=COST, budget_duration=period))
        assert await outcome(limiter, caller) == "budget"
    assert held is not None
    held.settle(150, COST / 2)

    money = limiter.scope("key", "k").budgets[0]  # type: ignore[union-attr]
    assert (money.spent, money.reserved) == (nanos(COST / 2), 0)
    assert await outcome(limiter, caller) == "budget"
    assert await outcome(limiter, caller_of(limiter, Limits(max_budget=1.5 * COST))) == "ok"


async def test_a_period_that_a_clock_goes_far_back_to_is_asked_of_the_ledger() -> None:
    clock, books = Clock(1_800_000_010.0), Books()
    limiter = LocalLimiter(spending=books, clock=clock, now=clock)
    caller = caller_of(limiter, Limits(max_budget=COST, budget_duration="30s"))
    for _ in range(3):
        assert await outcome(limiter, caller) == "ok"
        clock.sleep(30)
    assert len(books.asked) == 1  # what follows is counted here

    books.spent["key", "k"] = COST
    clock.sleep(-90)
    assert await outcome(limiter, caller) == "budget"


async def test_a_further_part_reserves_what_the_first_has_not_left() -> None:
    limiter = LocalLimiter()
    caller = caller_of(limiter, Limits(max_budget=3 * COST))
    money = limiter.scope("key", "k").budgets[0]  # type: ignore[union-attr]
    reservation = await limiter.admit(caller, estimate(), None, ())
    assert reservation is not None

    assert await limiter.extend(reservation, estimate(), COST / 4) is None
    assert money.reserved == nanos(COST + COST / 4)
    assert await limiter.extend(reservation, estimate(), COST / 8) is None, "it has left enough"
    assert money.reserved == nanos(COST + COST / 4)
    assert await limiter.extend(reservation, estimate(), None) is None
    assert money.reserved == nanos(2 * COST + COST / 4)
    with pytest.raises(BudgetExceededError):
        await limiter.extend(reservation, estimate(), None)
    assert (await limiter.extend(reservation, estimate(50, None), None) or 0) > 0
    assert money.reserved == money.cap

    reservation.settle(10, COST)
    assert (money.spent, money.reserved) == (nanos(COST), 0)
    reservation.release()
    assert (money.spent, money.reserved) == (nanos(COST), 0)


async def test_a_call_without_limits_has_no_further_part_to_pay() -> None:
    limiter = LocalLimiter()
    reservation = await limiter.admit(caller_of(limiter, Limits(rpm_limit=1)), estimate(), None, ())
    assert reservation is not None
    assert await limiter.extend(reservation, estimate(), 99.0) is None


async def test_parts_whose_cost_nobody_knows_stand_as_they_were_reserved() -> None:
    limiter = LocalLimiter()
    reservation = await limiter.admit(caller_of(limiter, Limits(max_budget=9 * COST)), estimate(), None, ())
    assert reservation is not None
    await limiter.extend(reservation, estimate(), None)
    reservation.settle(None, None)
    money = limiter.scope("key", "k").budgets[0]  # type: ignore[union-attr]
    assert (money.spent, money.reserved) == (nanos(2 * COST), 0)


def test_sound_in_a_prompt_is_reserved_for_at_the_price_of_sound() -> None:
    heard = {"type": "input_audio", "input_audio": {"data": "A" * 900, "format": "wav"}}
    about = circumstances_of({"messages": [{"role": "user", "content": [heard]}]})
    assert (about.media, about.sound) == (True, False)
    assert about.tokens > 900

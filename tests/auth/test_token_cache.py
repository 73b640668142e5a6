"""One call fetches for all that wait, however they wait."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lingate._auth._token_cache import CachedToken, Fetched
from lingate._io.signing import signed
from lingate._model import Call, HttpRequest, ProviderRow, Target
from lingate.errors import AuthenticationError, ConnectError, RequestTimeoutError

HOUR = 3600.0
URL = "http://127.0.0.1:9"
ROW = ProviderRow(name="here", dialect="openai_chat", url=URL)


class Source:
    """Hands out a new token at each call, or raises what it is told to; counts."""

    def __init__(self, life: float | None = HOUR, pause: float = 0.0) -> None:
        self.life = life
        self.pause = pause
        self.count = 0
        self.error: BaseException | None = None
        self.begun = threading.Event()

    def __call__(self, now: float) -> Fetched[str]:
        self.count += 1
        count = self.count
        error = self.error
        self.begun.set()
        time.sleep(self.pause)
        if error is not None:
            raise error
        return Fetched(f"token {count}", None if self.life is None else now + self.life)


def in_threads(number: int, act: Callable[[], Any]) -> list[Any]:
    """What each of so many threads gets, an exception included."""
    gate = threading.Barrier(number)

    def one(_: int) -> Any:
        gate.wait(10)
        try:
            return act()
        except Exception as error:
            return error

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


def test_nothing_is_fetched_before_it_is_needed_and_then_once() -> None:
    source = Source()
    kept = CachedToken(source)

    assert not kept.ready(0)
    assert source.count == 0
    assert [kept.get(0), kept.get(1), kept.get(HOUR / 2)] == ["token 1"] * 3
    assert kept.ready(HOUR / 2)


def test_it_is_renewed_shortly_before_it_expires() -> None:
    source = Source()
    kept = CachedToken(source, early=300)
    kept.get(0)

    assert kept.ready(HOUR - 301)
    assert not kept.ready(HOUR - 300)
    assert kept.get(HOUR - 300) == "token 2"


def test_what_lives_no_longer_than_the_margin_is_used_for_half_of_its_life() -> None:
    kept = CachedToken(Source(life=100), early=300)
    kept.get(0)

    assert kept.ready(49)
    assert not kept.ready(50)


def test_what_never_expires_is_fetched_once() -> None:
    source = Source(life=None)
    kept = CachedToken(source)

    assert {kept.get(now) for now in (0, 1e6, 1e12)} == {"token 1"}


def test_what_has_expired_when_it_is_given_is_good_all_the_same() -> None:
    source = Source(life=-HOUR)  # whoever gave it has another idea of the time
    kept = CachedToken(source)

    assert [kept.get(now) for now in (0.0, 100.0, 149.0, 151.0)] == ["token 1"] * 3 + ["token 2"]


def test_what_was_refused_is_fetched_anew_but_not_again_and_again() -> None:
    source = Source()
    kept = CachedToken(source)

    def refused(now: float, value: str) -> bool:
        kept.get(now)
        return kept.refused(lambda held: held == value)

    kept.get(0.0)
    assert not refused(5.0, "token 1")  # it has only just been fetched
    assert refused(60.0, "token 1")
    assert kept.get(60.0) == "token 2"
    assert refused(60.0, "token 1")  # another call had the old one too
    assert not refused(61.0, "token 2")
    assert (kept.get(61.0), source.count) == ("token 2", 2)
    assert refused(-HOUR, "token 2")  # the clock was set back


def test_a_failed_renewal_is_nobodys_error_while_the_old_value_is_good() -> None:
    source = Source()
    kept = CachedToken(source, early=300)
    kept.get(0)
    source.error = ConnectError("no way there")

    assert kept.get(HOUR - 300) == "token 1"
    assert kept.get(HOUR - 290) == "token 1"
    assert source.count == 2  # tried again only after a pause
    assert kept.get(HOUR - 260) == "token 1"
    assert source.count == 3
    with pytest.raises(ConnectError):
        kept.get(HOUR)
    source.error = None
    assert kept.get(HOUR) == "token 5"


def test_nobody_waits_for_the_one_that_renews_while_the_old_value_is_good() -> None:
    source = Source()
    kept = CachedToken(source, early=300)
    kept.get(0)
    source.begun.clear()
    source.pause = 0.5

    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(kept.get, HOUR - 300)
        assert source.begun.wait(10)
        assert kept.ready(HOUR - 300)
        assert kept.get(HOUR - 300) == "token 1"
        assert not kept.ready(HOUR - 10)  # it could expire on the way
        assert not renewing.done()
        assert renewing.result() == "token 2"

    assert (kept.get(HOUR), source.count) == ("token 2", 2)


def test_a_failure_is_not_remembered() -> None:
    source = Source()
    source.error = AuthenticationError("no")
    kept = CachedToken(source)
    with pytest.raises(AuthenticationError):
        kept.get(0)

    source.error = None

    assert kept.get(0) == "token 2"


def test_many_threads_fetch_once() -> None:
    source = Source(pause=0.05)
    kept = CachedToken(source)

    assert in_threads(32, lambda: kept.get(0)) == ["token 1"] * 32
    assert in_threads(32, lambda: kept.get(HOUR)) == ["token 2"] * 32


def test_each_waiting_thread_gets_the_failure_as_an_error_of_its_own() -> None:
    source = Source(pause=0.1)
    source.error = AuthenticationError("no", provider="here")
    kept = CachedToken(source)

    got = in_threads(16, lambda: kept.get(0))

    assert source.count < 16
    assert {(type(error), str(error)) for error in got} == {(AuthenticationError, str(source.error))}
    assert len({id(error) for error in got}) >= 16 - source.count + 1


def test_who_waits_goes_on_when_the_one_that_fetches_is_stopped() -> None:
    source = Source(pause=0.1)
    source.error = KeyboardInterrupt()
    kept = CachedToken(source)

    def stopped() -> None:
        with pytest.raises(KeyboardInterrupt):
            kept.get(0)

    first = threading.Thread(target=stopped)
    first.start()
    assert source.begun.wait(5)
    source.error = None

    assert in_threads(4, lambda: kept.get(0)) == ["token 2"] * 4
    first.join(5)


# On an event loop.


class Signing:
    """A signer like the clouds' own."""

    def __init__(self, source: Source, name: str = "a") -> None:
        self._kept = CachedToken(source)
        self._name = name

    @property
    def key(self) -> Hashable:
        return self._name

    def ready(self, now: float) -> bool:
        return self._kept.ready(now)

    def prepare(self, now: float) -> None:
        self._kept.get(now)

    def sign(self, request: HttpRequest, now: float) -> Mapping[str, str]:
        return {"authorization": self._kept.get(now)}


class NoTransport:
    """None is needed where a signer fetches by itself."""

    async def send(self, request: HttpRequest, timeout: Any) -> Any:
        raise AssertionError("nothing is to be sent")

    async def open(self, request: HttpRequest, timeout: Any) -> Any:
        raise AssertionError("nothing is to be sent")

    async def aclose(self) -> None:
        return


def request_for(signer: Signing) -> HttpRequest:
    target = Target(row=ROW, model="m", url=URL, signer=signer)
    return HttpRequest("POST", target.url, {}, b"", Call("chat", "m", {}), target)


def test_many_tasks_fetch_once_and_the_loop_goes_on_meanwhile() -> None:
    source = Source(pause=0.2)
    request = request_for(Signing(source))

    async def run() -> tuple[list[Any], int]:
        tasks = [asyncio.create_task(signed(request, 10, NoTransport())) for _ in range(50)]
        ticks = 0
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.01)
            ticks += 1
        return [task.result() for task in tasks], ticks

    made, ticks = asyncio.run(run())

    assert made == [{"authorization": "token 1"}] * 50
    assert source.count == 1
    assert ticks >= 5


def test_threads_and_the_tasks_of_two_loops_share_one_signer() -> None:
    source = Source(pause=0.1)
    signer = Signing(source)
    request = request_for(signer)

    async def run() -> list[Any]:
        return await asyncio.gather(*[signed(request, 10, NoTransport()) for _ in range(10)])

    def act() -> Any:
        return (
            asyncio.run(run())[-1]["authorization"] if threading.get_ident() % 2 else signer.sign(request, time.time())
        )

    in_threads(8, act)

    assert source.count == 1


def test_a_task_that_is_cancelled_leaves_the_others_their_token() -> None:
    source = Source(pause=0.2)
    request = request_for(Signing(source))

    async def run() -> list[Any]:
        first = asyncio.create_task(signed(request, 10, NoTransport()))
        others = [asyncio.create_task(signed(request, 10, NoTransport())) for _ in range(5)]
        await asyncio.sleep(0.05)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await asyncio.gather(*others)

    assert asyncio.run(run()) == [{"authorization": "token 1"}] * 5
    assert source.count == 1


def test_tasks_get_the_failure_each_as_an_error_of_its_own() -> None:
    source = Source(pause=0.05)
    source.error = AuthenticationError("no", provider="here")
    request = request_for(Signing(source))

    async def run() -> list[Any]:
        calls = [signed(request, 10, NoTransport()) for _ in range(5)]
        return await asyncio.gather(*calls, return_exceptions=True)

    got = asyncio.run(run())

    assert source.count == 1
    assert [type(error) for error in got] == [AuthenticationError] * 5
    assert len({id(error) for error in got}) == 5


def test_signing_in_is_bounded_by_the_calls_time() -> None:
    source = Source(pause=0.5)
    request = request_for(Signing(source))

    async def run() -> float:
        began = time.monotonic()
        with pytest.raises(RequestTimeoutError, match="signing in to here"):
            await signed(request, 0.05, NoTransport())
        return time.monotonic() - began

    assert asyncio.run(run()) < 0.4


def test_two_signers_do_not_wait_for_each_other() -> None:
    slow, fast = Source(pause=0.5), Source()
    slow_request, fast_request = request_for(Signing(slow, "slow")), request_for(Signing(fast, "fast"))

    async def run() -> float:
        task = asyncio.create_task(signed(slow_request, 10, NoTransport()))
        await asyncio.sleep(0)
        began = time.monotonic()
        await signed(fast_request, 10, NoTransport())
        took = time.monotonic() - began
        await task
        return took

    assert asyncio.run(run()) < 0.4

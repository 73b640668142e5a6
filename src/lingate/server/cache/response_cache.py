# The cache's part in a request: whether its answer is there, who fetches it, and whether it is kept.

from __future__ import annotations

import asyncio
import copy
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from lingate._call.collect import answer_to
from lingate._dialects._base import media_type
from lingate._dialects._replay import replay
from lingate._model import Record
from lingate._wire import json
from lingate.errors import DeadlineExceededError, LingateError
from lingate.server.cache.entry import Entry, Memory, has_ended, is_whole
from lingate.server.cache.keys import CALL_TYPES, Control, control_of, is_cacheable, key_of, owner_of
from lingate.server.relay import encoder_for, renamed, rendered

if TYPE_CHECKING:
    from lingate._call.stream import StreamState
    from lingate.server.cache.remote import Remote
    from lingate.server.config.settings import GatewayConfig
    from lingate.server.exchange import Exchange

_log = logging.getLogger("lingate.cache")

_LONGEST_WAIT = 120.0
"""Seconds to wait for an equal call. It may be held up by a client that reads slowly, which is nobody else's business."""

_DEFAULT_TTL = 600.0
"""Seconds that an answer is kept where the owner does not say. LiteLLM's own for answers in memory."""

FREE = "cache"
"""What the ledger has as the price of answers that were there."""


class Flight:
    # A call under way, and those that wait for it.

    __slots__ = ("_done", "entry", "error")

    def __init__(self) -> None:
        self._done = asyncio.Event()
        self.entry: Entry | None = None
        self.error: LingateError | None = None

    async def landed(self) -> Entry | None:
        # What it brought; None if its caller left before it was whole, then somebody else goes.
        # Raises LingateError: The provider refused it.
        await self._done.wait()
        if self.error is not None:
            # Each caller gets an error of its own: what is raised carries the traces of where.
            raise copy.copy(self.error)
        return self.entry

    def land(self) -> None:
        # Let the others go on.
        self._done.set()


class CacheRequest(Record):
    # What one request wants: its key, and how the cache may be used for it.

    cache: ResponseCache
    key: str
    control: Control


class ResponseCache:
    # The cache of one configuration.

    # before: The cache of the configuration before: what it keeps is kept on, if it is kept in the same place.

    def __init__(self, config: GatewayConfig, before: ResponseCache | None = None) -> None:
        params, own = config.settings.cache_params, config.own.cache
        self._params = params
        self._scope = own.namespace
        self._max_entry = own.max_entry
        self._single = own.single_flight
        self._wanted = params.mode == "default_off"
        named = params.supported_call_types
        self._operations = {
            operation for operation, names in CALL_TYPES.items() if not named or not set(names).isdisjoint(named)
        }
        url = config.cache_redis_url
        if url is None and params.type == "redis" and before is None:
            _log.warning("cache_params.type is redis and names no host: answers are kept in this process's memory")
        own_ttl = params.default_in_memory_ttl if url is None else params.default_in_redis_ttl
        self.ttl = next(seconds for seconds in (own_ttl, params.ttl, _DEFAULT_TTL) if seconds is not None)
        self.store: Memory | Remote = _store(url, own.max_bytes, None if before is None else before.store)
        self.flights: dict[str, Flight] = {} if before is None else before.flights
        """The calls under way, by key. All on one loop."""

    async def close(self) -> None:
        await self.store.close()

    def cache_request(self, exchange: Exchange, field: Any) -> CacheRequest | None:
        # What a request wants of the cache; None if nothing.
        # Called before limits change the call.
        # Raises BadRequestError: The field is not what it must be.
        control = control_of(field, exchange.request.header("cache-control"))
        call = exchange.call
        if self._wanted and not control.wanted:
            return None
        if not (control.read or control.write) or call.operation not in self._operations or not is_cacheable(call):
            return None
        namespace = f"{self._params.namespace}\n{control.namespace}"
        key = key_of(call, exchange.group, owner_of(exchange.caller, self._scope), namespace, exchange.row.tags)
        return None if key is None else CacheRequest(self, key, control)

    async def serve(
        self, exchange: Exchange, cache_request: CacheRequest, make: Callable[[Exchange], Awaitable[None]]
    ) -> None:
        # Answer a request from the cache, or with the others that ask for the same, or by making the call.
        # Raises LingateError: The call failed, or the one that it waited for.
        key, control = cache_request.key, cache_request.control
        exchange.row.cache = "miss"
        if control.read:
            entry = await self._kept(key, control)
            if entry is not None:
                await _answer(exchange, entry, "hit")
                return
        if not (self._single and control.read and control.write):
            await self._make(exchange, cache_request, make, None)
            return
        if key in self.flights:
            began, whole = time.monotonic(), exchange.context.timeout
            entry = await self._from_others(key, whole.total)
            if entry is not None:
                await _answer(exchange, entry, "shared")
                return
            # Who goes in the place of one that left has what is left of its own time.
            left = max(whole.total - (time.monotonic() - began), 0.001)
            exchange.context.timeout = msgspec.structs.replace(whole, total=left, connect=min(whole.connect, left))
        flight = self.flights[key] = Flight()
        try:
            await self._make(exchange, cache_request, make, flight)
        except LingateError as error:
            if exchange.overrides is None and not _is_bounded(exchange):  # else the others might have had an answer
                flight.error = error
            raise
        finally:
            latest = self.flights.get(key)
            if latest is flight:
                del self.flights[key]
            elif latest is not None and flight.entry is not None:
                latest.entry = flight.entry  # it was given up, and has come all the same
                latest.land()
            flight.land()

    async def _from_others(self, key: str, most: float) -> Entry | None:
        # What an equal call under way brings; None if none comes to its end in time.
        # Raises LingateError: It failed.
        # Raises DeadlineExceededError: The call has no more than `most` seconds itself, and they are over.
        until = time.monotonic() + most
        while (flight := self.flights.get(key)) is not None:
            left = until - time.monotonic()
            patience = asyncio.timeout(min(left, _LONGEST_WAIT))
            try:
                async with patience:
                    entry = await flight.landed()
            except TimeoutError:
                if not patience.expired():
                    raise  # the call's own
                if left <= _LONGEST_WAIT:
                    raise DeadlineExceededError(f"no answer within {most:g} s: an equal call was waited for") from None
                if self.flights.get(key) is flight:
                    return None  # else another one has gone already
            else:
                if entry is not None:
                    return entry
        return None

    async def _kept(self, key: str, control: Control) -> Entry | None:
        entry = await self.store.get(key)
        if entry is None or (control.max_age is not None and time.time() - entry.at > control.max_age):
            return None
        return entry

    async def _make(
        self,
        exchange: Exchange,
        cache_request: CacheRequest,
        make: Callable[[Exchange], Awaitable[None]],
        flight: Flight | None,
    ) -> None:
        exchange.keep = True
        try:
            await make(exchange)
        finally:
            # A client that left at the very end does not make a whole answer less so.
            made, entry = exchange.made, _entry_of(exchange)
            if made is not None and entry is not None and not (_is_bounded(exchange) and has_ended(made, "length")):
                if flight is not None:
                    flight.entry = entry
                ttl = self.ttl if cache_request.control.ttl is None else cache_request.control.ttl
                # Whether it is kept beyond those who wait for it: what was refused today may be answered tomorrow.
                lasts = len(entry.data) <= self._max_entry and not has_ended(made, "content_filter", "error")
                if cache_request.control.write and ttl > 0 and lasts:
                    self.store.put(cache_request.key, entry, ttl)


def outlived(before: ResponseCache | None, after: ResponseCache | None) -> ResponseCache | None:
    # The cache of a configuration that is no more, if nothing of it is used on: it is to be closed.
    if before is None or (after is not None and after.store is before.store):
        return None
    return before


def response_cache_of(config: GatewayConfig, before: ResponseCache | None) -> ResponseCache | None:
    # The cache that a configuration asks for, None if it asks for none.
    return ResponseCache(config, before) if config.settings.cache else None


def collected(exchange: Exchange, state: StreamState) -> None:
    # A stream is whole: keep what it adds up to.
    exchange.made = answer_to(exchange.call, state.collector)


def _is_bounded(exchange: Exchange) -> bool:
    # Whether its caller's budget bounds the answer, and nobody else's does.
    return exchange.reservation is not None and exchange.reservation.max_output is not None


def _entry_of(exchange: Exchange) -> Entry | None:
    response = exchange.made
    if response is None or not is_whole(response):
        return None
    deployment = exchange.chain.deployment
    assert deployment is not None  # it has answered
    return Entry(json.encode(response), time.time(), deployment.id, deployment.provider, deployment.model)


async def _answer(exchange: Exchange, entry: Entry, how: str) -> None:
    # Answer with what is there: nothing is asked of a provider, and nothing is charged.
    row, response = exchange.row, entry.response()
    row.cache, row.cost, row.price = how, 0.0, FREE
    row.deployment, row.provider, row.provider_model = entry.deployment, entry.provider, entry.model
    age = ("age", str(max(0, int(time.time() - entry.at))))
    if exchange.call.stream:
        encoder = encoder_for(exchange)
        body = b"".join(map(encoder.event, replay(renamed(exchange, response)))) + encoder.end()
        head = [
            *exchange.headers(encoder.content_type),
            age,
            ("cache-control", "no-cache"),
            ("x-accel-buffering", "no"),
        ]
        sink = await exchange.reply.stream(200, head)
        exchange.started = True
        row.ttft = time.monotonic() - exchange.began
        try:
            exchange.note_answer(response)
            exchange.answered()
            await sink.send(body)
        finally:
            sink.close()
        return
    body = rendered(exchange, response)
    head = [*exchange.headers(media_type(exchange.found.face.name, response)), age]
    exchange.note_answer(response)
    exchange.answered()
    exchange.reply.whole(200, head, body)
    exchange.started = True


def _store(url: str | None, max_bytes: int, before: Memory | Remote | None) -> Memory | Remote:
    if url is None:
        if isinstance(before, Memory):
            before.resize(max_bytes)
            return before
        return Memory(max_bytes)
    # Most gateways have no Redis, and its package takes long to import.
    from lingate.server.cache.remote import Remote

    if isinstance(before, Remote) and before.url == url:
        return before
    return Remote(url)

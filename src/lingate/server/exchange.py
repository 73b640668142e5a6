# One request on its way through the gateway: what is known about it, and what is to be written down in the end.

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import msgspec

from lingate._call.plan import Context, Streaming
from lingate._dialects._base import OperationFormat
from lingate._io.transport import untied
from lingate._model import Attempt, Call, JsonDict, Record
from lingate.errors import LingateError
from lingate.server.costing import SUMMED, added, estimated_cost, note_usage
from lingate.server.errors import OverloadError
from lingate.server.faces import Found
from lingate.server.http import ClientGoneError, Headers, Reply, Request
from lingate.server.ledger import JournalFullError
from lingate.server.live import Live
from lingate.server.records import Caller, Estimate, LedgerRow
from lingate.server.relay import told_in_stream
from lingate.server.routing import Group, RouteChain

if TYPE_CHECKING:
    from lingate._io.transport import AsyncTransport
    from lingate.server.access.reservations import LocalReservation
    from lingate.server.cache import CacheRequest
    from lingate.server.entry import Overrides
    from lingate.server.gateway import Gateway
    from lingate.server.tracing import CallSpan
    from lingate.server.upstreams import CallerUpstream

_log = logging.getLogger("lingate.gateway")

_TOO_SLOW = ("timeout", "deadline")
_UNSENT = ("config", "missing_credential", "missing_extra", "unknown_provider", "unsupported")
_LONGEST_TOLD = 500

CLIENT_LEFT = 499
"""What the ledger has as the status of calls whose client did not wait: nginx's number for it."""

_LATER: Any = None
"""Stands where something is filled in on the way; whoever reads it comes after that."""


class Exchange(Record, eq=False):
    # One request. Its parts are filled in as it goes along; `settle` is the end of it, whichever way it went.

    gateway: Gateway
    request: Request
    reply: Reply
    found: Found
    live: Live
    form: OperationFormat
    row: LedgerRow
    transport: AsyncTransport
    began: float
    _task: asyncio.Task[Any] | None
    call: Call = _LATER
    caller: Caller = _LATER
    context: Context = _LATER
    group: Group = _LATER
    chain: RouteChain = _LATER
    asked: str | None = None  # what the client calls the model, if its answer is to do so too
    overrides: Overrides | None = None
    dropped: Sequence[str] = ()  # what of the request the provider was not sent, or only changed
    reservation: LocalReservation | None = None
    caller_upstream: CallerUpstream | None = None  # the address or key of a provider that the caller brings
    cache_request: CacheRequest | None = None  # what the cache is to do for it
    keep: bool = False  # the answer is wanted whole, as `made`
    made: JsonDict | None = None
    abandoned: bool = False
    started: bool = False  # the head of the answer is out
    flowing: bool = False  # the rest of it may end with an error of ours
    prompt_tokens: int = 0  # our estimate
    waited: float = 0.0  # seconds for the upstream, beyond what the trail has
    span: CallSpan | None = None
    stalled: bool = False  # the request's body has not come
    interrupted: bool = False  # the gateway stops
    _ended: bool = False
    _late: bool = False  # it is settled when its answer is out
    before: JsonDict = msgspec.field(default_factory=dict)  # what the ledger has of the parts before
    _owed: tuple[float | None, ...] = ()  # what each part costs, or may where nobody knows
    _paid: bool = False  # there is a whole answer
    _watcher: asyncio.Task[None] | None = None
    _patience: asyncio.TimerHandle | None = None
    _unanswered: int = 0  # tries that the trail does not have, because they were left

    @classmethod
    def of(cls, gateway: Gateway, request: Request, reply: Reply, found: Found) -> Self:
        live, face = gateway.live, found.face
        row = LedgerRow(id=gateway.call_id(), at=time.time(), face=face.dialect, operation=face.name)
        return cls(
            gateway,
            request,
            reply,
            found,
            live,
            face.form,
            row,
            gateway.transport,
            time.monotonic(),
            asyncio.current_task(),
        )

    def __repr__(self) -> str:
        return f"Exchange({self.row.id})"

    @property
    def is_read(self) -> bool:
        # Whether its body is here, and a call.
        return self.call is not _LATER

    @property
    def trail(self) -> list[Attempt]:
        return [] if self.context is _LATER else self.context.trail

    def watch(self, watcher: asyncio.Task[None]) -> None:
        # From now on see the client leave, which `watcher` waits for, or be too slow with its request.
        self._watcher = watcher
        if not self.is_read:
            seconds = self.live.config.own.limits.body_seconds
            self._patience = asyncio.get_running_loop().call_later(seconds, self._lose_patience)

    def _lose_patience(self) -> None:
        if not self.is_read and self._task is not None:
            self.stalled = True
            self._task.cancel()

    def client_left(self) -> None:
        if self._ended:
            return
        self.abandoned = True
        # The transport cannot take back a request whose answer has not begun (pyreqwest 0.15), and providers finish and
        # bill what is asked for in one piece: it is waited for, so that the ledger has what it used.
        if self.is_read and self.call.stream and self._task is not None:
            self._task.cancel()
        elif self.context is not _LATER and self.cache_request is None:  # others may wait for what the cache is to keep
            self.context.wanted = False

    async def admit(self, estimate: Estimate) -> LocalReservation | None:
        # Reserve what the call may use.
        # Raises ClientGoneError: The client left meanwhile, and nobody has been asked yet.
        limiter, row = self.gateway.access.limiter, self.row
        self.reservation = await limiter.admit(self.caller, estimate, row.end_user, row.tags)
        if self.abandoned:
            raise ClientGoneError
        return self.reservation

    def close(self) -> None:
        if self._late:
            self._finish(_left() if self.row.error else None)
        watcher, self._watcher = self._watcher, None  # it keeps its cancellation, whose trace leads back here
        if watcher is not None:
            watcher.cancel()
        if self._patience is not None:
            self._patience.cancel()

    def note_answer(self, response: JsonDict, request_id: str | None = None) -> None:
        # Write down what came back in one piece, with the provider's id of it: it is paid for, whatever comes of it.
        self._paid = True
        choices = response.get("choices")
        if choices:
            self.row.finish = choices[0].get("finish_reason")
        note_usage(self, response)
        self.estimate_cost(response)
        self._note_used()
        if self.live.store_prompts:
            self.row.body = {"request": self.call.body, "response": response}
        self.row.request_id = request_id

    def estimate_cost(self, response: JsonDict) -> None:
        # Estimate a cost that nobody knows, if all that a budget had was reserved: it must not be gone for good.
        if self.reservation is not None and self.reservation.max_output is not None:
            cost = self.row.cost
            self._owed += (estimated_cost(self, response) if cost is None else cost,)

    def next_part(self) -> None:
        # What was noted is a part's; what will be is another's.
        self.before = added(self.before, self.row)
        for name in SUMMED:
            setattr(self.row, name, None)

    def sum_up(self) -> None:
        # Let the row have what all parts used together.
        for name, value in added(self.before, self.row).items():
            setattr(self.row, name, value)
        self.before = {}

    def charge(self, cost: float | None) -> None:
        # Note what a call costs that tells no usage, None where nobody knows; it is owed whatever comes of the answer.
        self._paid = True
        self.row.cost, self.row.price = cost, "cost_per_request" if cost is not None else "no cost_per_request"

    def answered(self, status: int = 200) -> None:
        # Write down what came back in one piece and is about to be sent; the rest of settling follows that, with `close`.
        self._late = not self._ended
        gone = self.abandoned
        self.settle(CLIENT_LEFT if gone else status, _left() if gone else None)

    def note_first_event(self, opened: Streaming) -> None:
        # Write down that the first event of a stream is there.
        row, deployment = self.row, self.chain.deployment
        row.ttft = time.monotonic() - self.began
        trail = self.context.trail
        row.request_id = trail[-1].request_id
        row.attempts = _sent(trail)
        # Not the tries before it, nor what the client took to send its request.
        self.chain.first_event(trail[-1].seconds)
        if deployment is not None:
            row.deployment = deployment.id

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        self.reply.whole(status, self.headers(content_type), body)
        self.started = True
        self.gateway.affinity.give_way(self.gateway.in_flight)

    def headers(self, content_type: str) -> Headers:
        # The head of an answer.
        # Those with `litellm` in their names are read by dashboards made for it.
        row = self.row
        headers: Headers = [
            ("content-type", content_type),
            ("x-lingate-call-id", row.id),
            ("x-litellm-call-id", row.id),
            ("x-request-id", row.id),  # OpenAI's packages look for this
            ("request-id", row.id),  # and Anthropic's for this
        ]
        if row.deployment is not None:
            named = row.deployment if row.deployment.isascii() else quote(row.deployment)
            headers += (("x-lingate-model-id", named), ("x-litellm-model-id", named))
            headers.append(("x-lingate-attempts", str(row.attempts)))
        if row.is_priced:
            cost = f"{row.cost:.10g}"
            headers += (("x-lingate-response-cost", cost), ("x-litellm-response-cost", cost))
        if row.cache is not None:
            headers.append(("x-lingate-cache", row.cache))
        if self.dropped:
            headers.append(("x-lingate-dropped", _in_a_header(self.dropped)))
        if self.reservation is not None:
            headers += self.reservation.headers
        if self.live.sharing is not None:
            headers += self.live.sharing.headers(self.request.header("origin"))
        return headers

    def refuse(self, error: LingateError) -> None:
        # Answer with an error, if there is still a way to.
        status, body = self.found.face.spoken.render_error(error)
        self._note_used()
        if error.kind in _TOO_SLOW:
            self._note_given_up()
        self.settle(status, error)
        if error.detail or status >= 500:
            _log.warning("call %s: %s %s: %s", self.row.id, status, error.kind, error.detail or error.message)
        if self.started:
            return
        content_type = "application/json"
        if (told := told_in_stream(self, error)) is not None:
            status, (content_type, body) = 200, told
        headers = self.headers(content_type)
        if error.retry_after is not None:
            headers.append(("retry-after", str(max(1, math.ceil(error.retry_after)))))
        if not error.retryable:
            headers.append(("x-should-retry", "false"))
        self.reply.whole(status, headers, body)
        self.started = True

    def abandon(self) -> None:
        # The client has left; what was used until then counts.
        self.note_asked()
        self.settle(CLIENT_LEFT, _left())

    def interrupt(self) -> None:
        # Answer with an error if there is no answer yet, or let one that flows end with it: the gateway stops.
        self.interrupted = True
        if (self.flowing or not self.started) and self._task is not None:
            self._task.cancel()

    def cut(self) -> None:
        # The gateway stops, and did not get an answer in time; what was asked may be billed all the same.
        self.note_asked()
        self.refuse(OverloadError.of(self.gateway))

    def _note_used(self) -> None:
        # Requests that a call was divided into, of which a later one failed: those before are paid for.
        chain: RouteChain | None = self.chain
        if chain is not None and not self._ended and (paid := chain.paid()):
            for deployment, used in paid:
                self.next_part()
                note_usage(self, {"usage": used}, deployment)
            self.sum_up()

    def _note_given_up(self) -> None:
        # A time-out of the caller's own is up, as if it had left: what was asked may be billed all the same.
        chain: RouteChain | None = self.chain
        if chain is not None and chain.hurried and any(attempt.kind in _TOO_SLOW for attempt in self.context.trail):
            self._note_input(self.prompt_tokens)

    def note_asked(self, more: int = 0) -> None:
        # A provider has been asked and has not told what was used: its input counts, with so many tokens more.
        chain: RouteChain | None = self.chain
        if not self._ended and chain is not None and chain.is_asking and self.row.prompt_tokens is None:
            trail = self.context.trail
            self._unanswered = 0 if trail and trail[-1].kind == "ok" else 1
            self._note_input(self.prompt_tokens + more)

    def _note_input(self, prompt: int) -> None:
        if self.row.prompt_tokens is None:
            self.row.estimated = True
            note_usage(self, {"usage": {"prompt_tokens": prompt, "completion_tokens": 0, "total_tokens": prompt}})

    @property
    def session(self) -> str | None:
        # The conversation that a call is part of, where its client says.
        header = self.request.header
        return header("x-lingate-session-id") or header("x-litellm-session-id") or header("x-litellm-trace-id")

    def unaccounted(self) -> None:
        # This was no call: it has no row.
        self._ended = True
        if self.span is not None:
            self.span.end(self, None)

    def settle(self, status: int, error: LingateError | None) -> None:
        # Write the ledger's row, give back what was reserved, tell the router.
        # Only the first time counts.
        if self._ended:
            return
        self._ended = True
        row = self.row
        row.status = status
        row.error = None if error is None else error.kind
        if error is not None:
            untied(error)
        row.seconds = time.monotonic() - self.began
        self._note_route()
        # Whoever has no key is counted in the metrics: rows are for callers, or anybody could fill the database.
        if self.live.keeps_ledger and self.caller is not _LATER:
            self._write(row)
        if not self._late:
            self._finish(error)

    def _finish(self, error: LingateError | None) -> None:
        self._late = False
        row, chain = self.row, self.chain
        if chain is not None:
            if error is None:
                took = self.trail[-1].seconds if self.trail else 0.0
                chain.succeeded(took, (row.prompt_tokens or 0) + (row.completion_tokens or 0))
            else:
                chain.failed(None if row.status == CLIENT_LEFT else error)
        if self.reservation is not None:
            self._give_back(self.reservation, error)
        for observe in self.gateway.observers:
            observe(row, error)
        if self.span is not None:
            self.span.end(self, error)

    def _give_back(self, reservation: LocalReservation, error: LingateError | None) -> None:
        row = self.row
        used = (row.prompt_tokens or 0) + (row.completion_tokens or 0)
        if row.attempts and (error is None or used or self._paid):
            counted = row.prompt_tokens is not None and (row.completion_tokens is not None or row.finish is None)
            cost = row.cost
            if cost is None and None not in self._owed:
                cost = sum(self._owed) if self._owed else None  # type: ignore[arg-type]
            if cost is not None and not row.is_priced and reservation.max_output is None:
                cost = max(cost, reservation.reserved / 1e9)  # a fee that nobody knows comes on top of it
            reservation.settle(used if counted else None, cost)
        else:
            reservation.release()

    def _write(self, row: LedgerRow) -> None:
        try:
            self.gateway.journal.write(row)
        except JournalFullError as full:
            # New calls have been refused for long; this one is over, and its client is not to blame.
            _log.error("the row of call %s is lost: %s", row.id, full)

    def _note_route(self) -> None:
        chain: RouteChain | None = self.chain
        if chain is None:
            return
        row, trail = self.row, self.context.trail
        row.attempts, row.fallbacks = _sent(trail) + self._unanswered, chain.fallbacks
        row.upstream = self.waited
        for attempt in trail:
            row.upstream += attempt.seconds + attempt.waited
        deployment = chain.deployment
        if deployment is not None:
            row.deployment, row.provider, row.provider_model = deployment.id, deployment.provider, deployment.model


def _sent(trail: Sequence[Attempt]) -> int:
    # How many tries went out: what a fallback cannot express is never sent to it.
    return sum(attempt.status is not None or attempt.kind not in _UNSENT for attempt in trail)


def _left() -> LingateError:
    return LingateError("the client closed the connection", kind="client_left")


def _in_a_header(words: Sequence[str]) -> str:
    # Words that may hold names of a caller's own, as a header can be sent: in ASCII, and not too long.
    text = ", ".join(words)[:_LONGEST_TOLD]
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


# Has calls that take long see their client leave, or be too slow.

# One timer for all: a timer for each costs more than a look.

_SOON = 0.03
"""Seconds after which a call is looked after: most calls that are refused have ended by then."""

_LOOK = 0.02
"""Seconds between two looks."""


class DisconnectWatcher:
    # The calls that are not looked after yet, oldest first.

    __slots__ = ("_fresh", "_next")

    def __init__(self) -> None:
        self._fresh: dict[Exchange, None] = {}
        self._next: asyncio.TimerHandle | None = None

    def add(self, exchange: Exchange) -> None:
        self._fresh[exchange] = None
        if self._next is None:
            self._next = asyncio.get_running_loop().call_later(_LOOK, self._look)

    def remove(self, exchange: Exchange) -> None:
        self._fresh.pop(exchange, None)

    def _look(self) -> None:
        self._next = None
        fresh, old = self._fresh, time.monotonic() - _SOON
        while fresh:
            exchange = next(iter(fresh))
            if exchange.began > old:
                self._next = asyncio.get_running_loop().call_later(_LOOK, self._look)
                return
            del fresh[exchange]
            exchange.watch(asyncio.get_running_loop().create_task(_wait_for_leaving(exchange)))


async def _wait_for_leaving(exchange: Exchange) -> None:
    await exchange.reply.gone()
    exchange.client_left()

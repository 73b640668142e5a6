# The plan of one call: a generator that yields I/O steps and is told what happened.

# Transport failures come back as answers, not as exceptions, so every decision (try again, wait, fall back, give up) is
# made here, once, for sync and async alike. Time and chance are arguments.

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from lingate._call.collect import Collector, add_cost, answer_to
from lingate._call.policy import MOST_ANSWER, RetryPolicy, Timeout, covers
from lingate._dialects._base import Further, OperationFormat, StreamDecoder
from lingate._dialects._redact import redact, with_words
from lingate._dialects._replay import replay
from lingate._model import Attempt, Call, Event, Failed, Head, HttpRequest, JsonDict, Record, Start, Target, Usage
from lingate._providers.lookup import credential_headers
from lingate._providers.settings import secrets_in
from lingate._wire.json import decode
from lingate.errors import (
    ConfigError,
    DeadlineExceededError,
    LingateError,
    ProtocolError,
    RequestTimeoutError,
    StreamInterruptedError,
    TransportError,
)


class Sign(Record):
    # Sign a request, or fetch the token it needs. Answered by the headers that join its own, or an error.
    #
    # `limit` bounds this in seconds where the shell can.

    request: HttpRequest
    limit: float


class Send(Record):
    # Send and read the whole answer. Answered by its head and body, or an error.

    request: HttpRequest
    timeout: Timeout


class Open(Record):
    # Send and read the head; the body is read piece by piece. Answered by `Opened` or an error.

    request: HttpRequest
    timeout: Timeout


class Read(Record):
    # The next bytes of an opened answer. Answered by bytes, None at the end, or an error.
    #
    # `limit` bounds this read in seconds where the shell can: a blocking read has only the transport's own read time-out.

    stream: Any
    limit: float | None = None


class Close(Record):
    # Let an opened answer go.

    stream: Any


class Sleep(Record):
    seconds: float


class Opened(Record):
    head: Head
    stream: Any


Clock = Callable[[], float]
Step = Sign | Send | Open | Read | Close | Sleep
Answer = Mapping[str, str] | tuple[Head, Any] | Opened | bytes | LingateError | None


class Route(Record):
    # One place a call may go to.

    find: tuple[Target, OperationFormat] | Callable[[], tuple[Target, OperationFormat]]
    """The place; or what looks it up when its turn comes, so that an unused fallback costs nothing, and may raise
    ConfigError."""
    call: Call
    """The canonical request for it."""
    on: frozenset[str] | None = None
    """Kinds of error after which this route is tried; None for the usual ones. Ignored for the first route."""
    policy: RetryPolicy | None = None
    """How often it is tried here, where that is not the call's own policy."""
    timeout: Timeout | None = None
    """Bounds each try here; the call's own still bounds them all together."""


class Context(Record):
    # What a plan is given besides its routes.

    policy: RetryPolicy
    timeout: Timeout
    now: Clock
    random: Callable[[], float]
    trail: list[Attempt] = msgspec.field(default_factory=list)
    error: LingateError | None = None
    """What the route before said: routes that are chosen one after another are chosen by it."""
    asked: bool = False
    """A request is out, or was answered: False before the first and while a retry is waited for."""
    wanted: bool = True
    """Somebody waits for the answer: if not, what is asked is brought to its end, and nothing else is asked."""
    used: JsonDict | None = None
    """Counts of what was answered, and is paid for, of calls of several requests that failed."""


class Completed(Record):
    # A whole answer; `body` is what it was read from, empty where that was several.

    sent: HttpRequest
    head: Head
    data: JsonDict
    raw: JsonDict
    body: bytes


class Streaming(Record):
    # A stream whose first substantial event has arrived; `events` are those so far. From here on errors are the caller's.
    #
    # `taken` is what they were read from; empty where the provider answered in one piece.

    sent: HttpRequest
    head: Head
    stream: Any
    decoder: StreamDecoder
    events: list[Event]
    taken: bytes = b""


_ANSWERED = (Completed, Streaming)
_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id")
_LONGEST_ID = 200


def complete(routes: Iterable[Route], context: Context) -> Generator[Step, Answer, Completed]:
    # Get one whole answer from the first route that gives one.
    return _over_routes(routes, context, True)


def open_stream(routes: Iterable[Route], context: Context) -> Generator[Step, Answer, Streaming]:
    # Open a stream on the first route whose first substantial event arrives.
    return _over_routes(routes, context, False)


def _over_routes(routes: Iterable[Route], context: Context, whole: bool) -> Generator[Step, Answer, Any]:
    now = context.now
    deadline = now() + context.timeout.total
    last: LingateError | None = None
    for route in routes:
        if last is not None and not covers(last, route.on):
            continue
        try:
            target, form = route.find if isinstance(route.find, tuple) else route.find()
            sent = form.request(route.call, target)
            if route.call.extra_headers:
                _hide(sent, route.call.extra_headers)
        except ConfigError as error:
            if last is None:
                raise
            # A fallback that cannot be used is noted; what the first route said stays the news.
            context.trail.append(_attempt(route.call.model.partition("/")[0], route.call.model, error, 0.0, 0.0))
            continue
        if route.call.operation == "embeddings":
            from lingate._call.batches import in_turn, requests

            ask = partial(_tries, form=form, context=context, deadline=deadline, whole=whole, route=route)
            outcome = yield from in_turn(requests(sent, route.call, form, target), context, ask)
        else:
            outcome = yield from _tries(sent, form, context, deadline, whole, route)
        if isinstance(outcome, _ANSWERED):
            return outcome
        last = context.error = outcome
        if now() >= deadline or not context.wanted:
            break
    if last is None:
        raise ConfigError("no route to send this call to")
    last.attempts = tuple(context.trail)
    raise last


def _tries(
    sent: HttpRequest, form: OperationFormat, context: Context, deadline: float, whole: bool, route: Route
) -> Generator[Step, Answer, Any]:
    # Try one place until it answers, the policy gives it up, or the deadline would pass.
    now = context.now
    timeout = route.timeout or context.timeout
    signer, own = sent.target.signer, route.call.extra_headers
    if signer is not None and own and not credential_headers(sent.target.row).isdisjoint(map(str.lower, own)):
        signer = None  # the caller's own credential stays alone
    turn, waited, renewed = 0, 0.0, False
    while True:
        began = now()
        limits = _within(timeout, deadline - began)
        refused = None
        if signer is not None:
            refused = yield from _sign(sent, limits)
            limits = _within(limits, limits.total - (now() - began))  # what fetching a token has left
        context.asked = refused is None
        if refused is not None:
            outcome: Any = refused
        elif (further := getattr(form, "further", None)) is not None:
            outcome = yield from (_send_on if whole else _open_on)(sent, form, further, limits, now)
        elif whole:
            outcome = _answered(sent, form, (yield Send(sent, limits)))
        else:
            outcome = yield from _open_once(sent, form, limits, now)
        if isinstance(outcome, _ANSWERED):
            to, head = sent.target, outcome.head
            context.trail.append(
                Attempt(to.row.name, to.model, head.status, "ok", now() - began, waited, request_id(head, to))
            )
            return outcome
        context.asked = False
        outcome.provider = outcome.provider or sent.target.provider
        outcome.model = outcome.model or sent.target.model
        context.trail.append(_attempt(sent.target.provider, sent.target.model, outcome, now() - began, waited))
        if outcome.status == 401 and signer is not None and refused is None and context.wanted and not renewed:
            renewed = signer.refused(sent)
            if renewed:
                continue  # with another token: this one was taken back, or a clock is wrong
        wait = (route.policy or context.policy).wait(outcome, turn, context.random)
        if wait is None:
            return outcome
        if now() + wait >= deadline:
            return _too_late(sent, context.timeout) if outcome.kind == "timeout" else outcome
        if context.wanted:
            yield Sleep(wait)
        if not context.wanted:
            return outcome
        waited, turn = wait, turn + 1


def _within(timeout: Timeout, left: float) -> Timeout:
    if left > timeout.total - 0.005:
        return timeout  # the first try; what has passed is the time it took to get here
    left = max(left, 0.001)
    return Timeout(total=left, connect=min(timeout.connect, left), read=timeout.read)


def _too_late(sent: HttpRequest, timeout: Timeout) -> DeadlineExceededError:
    text = f"no answer from {sent.target.provider} within {timeout.total:g} s"
    return DeadlineExceededError(text, provider=sent.target.provider, model=sent.target.model)


def _sign(sent: HttpRequest, timeout: Timeout) -> Generator[Step, Answer, LingateError | None]:
    # Put a fresh signature or token on a request, for each try anew.
    made = yield Sign(sent, timeout.total)
    if isinstance(made, LingateError):
        return made
    assert isinstance(made, Mapping)
    sent.headers = {**{name: value for name, value in sent.headers.items() if name.lower() not in made}, **made}
    _hide(sent, made)
    return None


def _hide(sent: HttpRequest, headers: Mapping[str, str]) -> None:
    # See to it that no error repeats the credentials in these headers.
    found = secrets_in(headers)
    if not set(found) <= set(sent.target.secrets):
        sent.target = msgspec.structs.replace(sent.target, secrets=(*sent.target.secrets, *found))


def _answered(sent: HttpRequest, form: OperationFormat, answer: Answer) -> Completed | LingateError:
    if not isinstance(answer, tuple):
        assert isinstance(answer, LingateError)
        return answer
    head, body = answer
    if not _is_good(head):
        from lingate._dialects._failure import failure, not_counted  # the classifier is loaded by the first error

        error = failure(head, body, sent.target)
        return not_counted(error) if sent.call.operation == "count_tokens" else error
    try:
        data, raw = form.response(sent, head, body)
        if told := sent.target.traits.get("cost_header"):
            add_cost(data, head.headers.get(told))
        return Completed(sent, head, data, raw, body)
    except ProtocolError as error:
        is_stream = body.lstrip().startswith((b"data:", b"event:", b":"))
        return (_unasked(sent, form, head, body) if is_stream else None) or with_words(error, body, sent.target)
    except LingateError as error:
        return error


def _unasked(sent: HttpRequest, form: OperationFormat, head: Head, body: bytes) -> Completed | LingateError | None:
    # The answer of a provider that streams whether it is asked to or not, as the whole one that it is; None if there are no
    # streams of this kind.
    try:
        decoder = form.decoder(sent, head)
    except LingateError:
        return None
    collector = Collector()
    for event in (*decoder.feed(body), *decoder.finish()):
        if isinstance(event, Failed):
            return event.error
        collector.add(event)
    data = answer_to(sent.call, collector)
    body = form.render(data)
    return Completed(sent, head, data, decode(body), body)


def _open_once(sent: HttpRequest, form: OperationFormat, timeout: Timeout, now: Clock) -> Generator[Step, Answer, Any]:
    until = now() + timeout.total
    opened = yield Open(sent, timeout)
    if isinstance(opened, LingateError):
        return opened
    assert isinstance(opened, Opened)
    labelled = opened.head.headers.get("content-type", "").startswith("application/json")
    begun: Any = (yield Read(opened.stream, timeout.total)) if labelled else b""
    if isinstance(begun, LingateError):
        outcome: Any = begun
    elif _is_good(opened.head) and (
        not labelled or (_LINES if getattr(form, "in_lines", False) else _STREAMED).match(begun or b"")
    ):
        outcome = yield from _first_events(sent, form, opened, until, now, begun)
    else:
        # An answer that is no stream: an error, or a provider that ignored `stream` and answered in one piece.
        outcome = _finished(sent, form, opened, (yield from _body(sent, opened, until, now, begun)))
    if isinstance(outcome, LingateError):
        yield Close(opened.stream)
    return outcome


_Next = Callable[[HttpRequest, Head, bytes], Further | None]


def _send_on(
    sent: HttpRequest, form: OperationFormat, further: _Next, timeout: Timeout, now: Clock
) -> Generator[Step, Answer, Any]:
    # Send, and go on asking as the format says, until there is the answer.
    until = now() + timeout.total
    while True:
        answer = yield Send(sent, timeout)
        following = further(sent, *answer) if isinstance(answer, tuple) and _is_good(answer[0]) else None
        if following is None:
            return _answered(sent, form, answer)
        if now() + following.wait >= until:
            return _not_done(sent)
        yield Sleep(following.wait)
        sent, timeout = following.request, _within(timeout, until - now())


def _open_on(
    sent: HttpRequest, form: OperationFormat, further: _Next, timeout: Timeout, now: Clock
) -> Generator[Step, Answer, Any]:
    # The same for a stream, which begins at the address that the format finds, or is the whole answer in one piece.
    until = now() + timeout.total
    while True:
        opened = yield Open(sent, timeout)
        if not isinstance(opened, Opened):
            return opened
        if _is_good(opened.head) and opened.head.headers.get("content-type", "").startswith("text/event-stream"):
            outcome = yield from _first_events(sent, form, opened, until, now, b"")
            if isinstance(outcome, LingateError):
                yield Close(opened.stream)
            return outcome
        body = yield from _body(sent, opened, until, now)
        following = further(sent, opened.head, body) if isinstance(body, bytes) and _is_good(opened.head) else None
        if following is None:
            outcome = _finished(sent, form, opened, body)
            if isinstance(outcome, LingateError):
                yield Close(opened.stream)
            return outcome
        yield Close(opened.stream)
        if now() + following.wait >= until:
            return _not_done(sent)
        yield Sleep(following.wait)
        sent, timeout = following.request, _within(timeout, until - now())
        if following.stream:
            return (yield from _open_once(sent, form, timeout, now))


def _is_good(head: Head) -> bool:
    return 200 <= head.status < 300


def _not_done(sent: HttpRequest) -> RequestTimeoutError:
    # Not tried again: the job goes on, and a second one would be paid for too.
    return RequestTimeoutError(f"{sent.target.provider} was not done with its answer in time", retryable=False)


_STREAMED = re.compile(rb"\s*[:deir]")
"""How server-sent events begin (`data`, `event`, `id`, `retry`, a comment), and no JSON does, whatever their label says."""

_LINES = re.compile(rb"\s*\{(?!\s*\n)")
"""The same of a format whose streams are JSON in lines: a whole answer in one line is a stream of one line."""


def _first_events(
    sent: HttpRequest, form: OperationFormat, opened: Opened, until: float, now: Clock, begun: bytes
) -> Generator[Step, Answer, Any]:
    decoder = form.decoder(sent, opened.head)
    ready: list[Event] = []
    taken: list[bytes] = []
    while True:
        left = until - now()
        if left <= 0:
            return RequestTimeoutError(f"{sent.target.provider} did not begin its answer in time")
        data: Answer = begun or (yield Read(opened.stream, left))
        begun = b""
        if isinstance(data, LingateError):
            return interrupted(data)
        events = decoder.finish() if data is None else decoder.feed(data)  # type: ignore[arg-type]
        if data is not None:
            taken.append(data)  # type: ignore[arg-type]
        for event in events:
            if isinstance(event, Failed) and not _substantial(ready):
                return event.error if ready else with_words(event.error, b"".join(taken), sent.target)
            ready.append(event)
        if _substantial(ready) or (ready and decoder.done):
            return Streaming(sent, opened.head, opened.stream, decoder, ready, b"".join(taken))
        if data is None:
            return StreamInterruptedError("the stream ended before it began")


def _substantial(events: list[Event]) -> bool:
    # Whether the caller has something to see: until then, a failure can still be retried without anyone noticing.
    return any(not isinstance(event, (Start, Usage)) for event in events)


def interrupted(error: LingateError) -> LingateError:
    # A transport error in the middle of a body is an interrupted stream, whatever the socket called it; time-outs stay.
    # So does what no socket said: a carrier that knows what its provider reported tells it as it is.
    if not isinstance(error, TransportError) or isinstance(error, StreamInterruptedError) or error.kind == "timeout":
        return error
    return StreamInterruptedError(f"the connection broke in mid-answer: {error.message}")


def _body(
    sent: HttpRequest, opened: Opened, until: float, now: Clock, begun: bytes | None = b""
) -> Generator[Step, Answer, bytes | LingateError]:
    if begun is None:
        return b""
    pieces = [begun]
    size = len(begun)
    while True:
        left = until - now()
        if left <= 0:
            return RequestTimeoutError(f"{sent.target.provider} did not end its answer in time")
        data = yield Read(opened.stream, left)
        if isinstance(data, LingateError):
            return data
        if data is None:
            return b"".join(pieces)
        size += len(data)  # type: ignore[arg-type]
        if size > MOST_ANSWER:
            return ProtocolError(f"the answer has more than {MOST_ANSWER} bytes")
        pieces.append(bytes(data))  # type: ignore[arg-type]


def _finished(
    sent: HttpRequest, form: OperationFormat, opened: Opened, body: bytes | LingateError
) -> Streaming | LingateError:
    outcome = _answered(sent, form, body if isinstance(body, LingateError) else (opened.head, body))
    if isinstance(outcome, LingateError):
        return outcome
    return Streaming(sent, opened.head, opened.stream, _Spent(), replay(outcome.data, outcome.raw))


class _Spent:
    # The decoder of a stream that is already complete.

    done = True

    def feed(self, data: bytes) -> list[Event]:
        return []

    def finish(self) -> list[Event]:
        return []


def _attempt(provider: str, model: str, error: LingateError, seconds: float, waited: float) -> Attempt:
    return Attempt(provider, model, error.status, error.kind, seconds, waited, error.request_id)


def request_id(head: Head, target: Target) -> str | None:
    # The provider's id of the request, from the head of its answer, fit to be written down.
    for name in _REQUEST_IDS:
        if found := head.headers.get(name):
            odd = len(found) > _LONGEST_ID or any(secret in found for secret in target.secrets)
            return redact(found, target.secrets, _LONGEST_ID) if odd else found
    return None

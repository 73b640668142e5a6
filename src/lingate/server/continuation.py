# Going on with an answer whose stream broke off: another deployment gives the rest, the client sees one answer.

# Only text is gone on with. Where a tool call has begun, or the answer must have a form that only its beginning can
# have, the stream fails as it does without this.

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lingate._call.batches import summed
from lingate._call.plan import Route, Streaming, open_stream
from lingate._call.stream import StreamState
from lingate._dialects._format_choice import form_of
from lingate._io.aio import perform
from lingate._model import Event, JsonDict, Opaque, Start, Text, Thinking, Usage, replaced
from lingate.errors import ConfigError, LingateError, StreamInterruptedError
from lingate.server.access.bounds import shortened
from lingate.server.admission import reserve_more
from lingate.server.costing import added, estimate_tokens, note_stream

if TYPE_CHECKING:
    from lingate.server.exchange import Exchange
    from lingate.server.records import LedgerRow

_MOST = 2
"""How often one answer is gone on with."""

_OPERATIONS = ("chat", "completions", "responses")
_REMEMBERED = ("previous_response_id", "conversation", "prompt")
_NOT_TEXT = ("tool_calls", "function_call", "refusal", "images", "audio")
_BOUNDS = ("max_tokens", "max_completion_tokens")
_REASONING = ("reasoning_effort", "thinking", "reasoning")
_OF_THE_BEGINNING = (Start, Thinking, Opaque)
"""Events that an answer has once, or that only their own provider's client understands."""

_PLEASE = (
    "Your last message was cut off while it was being written. Go on with it from exactly where it ends, beginning with the "
    "very next character. Do not repeat any of it, and do not say anything about the interruption."
)


class Continuation:
    # One streamed answer that may be gone on with.

    __slots__ = ("_bound", "_exchange", "_given", "_head", "_lead", "_noted", "_text", "_told", "count")

    def __init__(self, exchange: Exchange) -> None:
        self.count = 0
        self._exchange = exchange
        self._text = ""  # what the client has of the parts before
        self._given: list[str] = []  # and of this one
        self._lead = ""  # white space at its end, which the next part may begin with again
        self._head = ""  # white space that the next part began with
        self._told: JsonDict = {}  # token counts of the parts before
        self._noted: StreamState | None = None
        self._bound: int | None = None  # tokens that the next part may have, where the budgets say

    def may(self, state: StreamState) -> bool:
        # Whether the rest of this answer can be had from somebody else.
        error = state.error
        if error is None or self.count >= _MOST or state.sent.answer_tool is not None:
            return False
        if not (isinstance(error, StreamInterruptedError) or error.retryable):
            return False
        exchange = self._exchange
        if exchange.call.operation == "responses" and form_of(state.sent.target, "responses") is exchange.form:
            return False  # its client gets the provider's own events, which nobody else can go on with
        choices = state.collector.response()["choices"]
        if not choices:
            return True
        first = choices[0]
        if len(choices) > 1 or first["index"] != 0 or first.get("finish_reason") is not None:
            return False
        return not any(first["message"].get(name) for name in _NOT_TEXT)

    async def opened(self, state: StreamState) -> Streaming | None:
        # Ask somebody else for the rest; None if nobody has it, then the answer ends with its error.
        exchange, error = self._exchange, state.error
        self._note(state)
        text = self._text + (state.collector.text_so_far() if not self.count else "".join(self._given))
        exchange.context.error, exchange.context.asked = error, False
        if exchange.context.trail and error is not None:
            exchange.context.trail[-1].kind = error.kind
        try:
            await self._reserve(text)
            opened = await perform(open_stream(self._routes(text), exchange.context), exchange.transport)
        except LingateError:
            return None
        except asyncio.CancelledError:
            if exchange.chain.is_asking:
                self._begin(state, text)
                exchange.note_asked(estimate_tokens(len(text)))
            raise
        self._begin(state, text)
        return opened

    def _begin(self, state: StreamState, text: str) -> None:
        # From here on what comes is of the next part.
        self.count += 1
        self._text, self._lead, self._head, self._given = text, text[len(text.rstrip()) :], "", []
        self._told = summed(self._told, _counted(self._exchange.row, state.collector.usage))
        self._exchange.next_part()

    async def _reserve(self, text: str) -> None:
        # Reserve what the next part may cost beyond what the parts before have left of what was reserved.
        # Raises BudgetExceededError: Nobody would pay for it.
        exchange = self._exchange
        body = dict(exchange.call.body)
        self._make_room(body)
        _ask_for_rest(body, text.rstrip(), native=False)
        self._bound = await reserve_more(exchange, body, added(exchange.before, exchange.row).get("cost"))

    def _make_room(self, body: JsonDict) -> None:
        # What there is of an answer counts in its bounds.
        made = (self._told.get("completion_tokens") or 0) + (self._exchange.row.completion_tokens or 0)
        for name in _BOUNDS:
            if type(body.get(name)) is int:
                body[name] = max(body[name] - made, 1)

    def edited(self, events: list[Event]) -> list[Event]:
        # The events of a part as those of the whole answer.
        if not self.count:
            return events
        kept: list[Event] = []
        for event in events:
            if type(event) is Text:
                if event.choice == 0 and (text := self._without_lead(event.text)):
                    self._given.append(text)
                    kept.append(event if text is event.text else replaced(event, text=text))
            elif type(event) is Usage:
                kept.append(Usage(summed(self._told, event.usage)))
            elif type(event) not in _OF_THE_BEGINNING:
                kept.append(event)
        return kept

    def note(self, state: StreamState) -> None:
        # Write down what all parts used together.
        self._note(state)
        self._exchange.sum_up()
        body = self._exchange.row.body
        if body is not None:
            body["response"] = self._answer(state)

    def _answer(self, state: StreamState) -> JsonDict:
        response = state.collector.response()
        text = self._text + "".join(self._given)
        first = (response["choices"] or [{"index": 0, "message": {"role": "assistant"}, "finish_reason": None}])[0]
        choice = {**first, "message": {**first["message"], "content": text}}
        usage = response["usage"]
        told = _counted(self._exchange.row, None) if usage is None else summed(self._told, usage)
        return {**response, "choices": [choice], "usage": told}

    def untold(self, state: StreamState) -> list[Event]:
        # The counts of all parts, where the last one tells none: else those of the parts before would stand for them.
        return [Usage(_counted(self._exchange.row, None))] if self.count and state.collector.usage is None else []

    def _note(self, state: StreamState) -> None:
        if state is not self._noted:
            self._noted = state
            note_stream(self._exchange, state)

    def noted(self, state: StreamState) -> bool:
        # Whether it is written down already what this part used.
        return state is self._noted

    def _without_lead(self, text: str) -> str:
        # White space may come in pieces.
        lead = self._lead
        if not lead:
            return text
        head = self._head + text
        if len(head) < len(lead) and not head.strip():
            self._head = head
            return ""
        self._lead = self._head = ""
        return head[next(size for size in range(len(lead), -1, -1) if lead.endswith(head[:size])) :]

    def _routes(self, text: str) -> Iterator[Route]:
        # The places that are left; only where there is none, the one that broke off once more.
        exchange, others = self._exchange, False
        for route in exchange.chain:
            others = True
            yield self._asked_for_rest(route, text)
        if others:
            return
        again = exchange.live.router.chain(
            exchange.group, exchange.call, tags=exchange.row.tags, estimated_prompt=exchange.prompt_tokens, fallbacks=()
        )
        again.context, again.fallbacks = exchange.context, exchange.chain.fallbacks
        again.most, again.retries = exchange.chain.most, exchange.chain.retries
        again.spare(exchange.chain)
        exchange.chain = again
        for route in again:
            yield self._asked_for_rest(route, text)

    def _asked_for_rest(self, route: Route, text: str) -> Route:
        try:
            target, _ = route.find if isinstance(route.find, tuple) else route.find()
        except ConfigError:
            return route  # the plan will find that out too, and note it
        body = dict(route.call.body)
        native = target.traits.get("prefill") is True and not any(body.get(name) for name in _REASONING)
        self._make_room(body)
        _ask_for_rest(body, text.rstrip(), native=native)
        call = replaced(route.call, body=body)
        return replaced(route, call=call if self._bound is None else shortened(call, self._bound))


def continuation_of(exchange: Exchange) -> Continuation | None:
    # What may go on with a stream; None where its owner does not want that, or the call has no answer that can be.
    if not exchange.live.continues:
        return None
    call, body = exchange.call, exchange.call.body
    wanted = body.get("response_format")
    if (
        call.operation not in _OPERATIONS
        or body.get("n") not in (None, 1)
        or body.get("logprobs")
        or body.get("echo")
        or (isinstance(wanted, dict) and wanted.get("type") not in (None, "text"))
    ):
        return None
    if call.operation == "completions":
        return Continuation(exchange) if isinstance(body.get("prompt"), str) else None
    return None if any(body.get(name) for name in _REMEMBERED) else Continuation(exchange)


def _ask_for_rest(body: JsonDict, text: str, *, native: bool) -> None:
    # Make a request for an answer one for the rest of it.
    if not text:
        return
    if isinstance(body.get("prompt"), str) and "messages" not in body:
        body["prompt"] += text
        return
    messages = [*body["messages"], {"role": "assistant", "content": text}]
    if not native:
        messages.append({"role": "user", "content": _PLEASE})
    body["messages"] = messages


def _counted(row: LedgerRow, told: JsonDict | None) -> JsonDict:
    # Token counts of a part, as a client sees them.
    prompt, made = row.prompt_tokens or 0, row.completion_tokens or 0
    counts = {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}
    return {**(told or {}), **counts}

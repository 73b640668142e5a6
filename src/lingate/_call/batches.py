# Inputs to be embedded that are more than one request may hold: several requests, one after the other, and one answer.

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import reduce
from typing import Any

from lingate._call.plan import Answer, Completed, Context, Step
from lingate._dialects._base import OperationFormat
from lingate._model import Attempt, Call, HttpRequest, JsonDict, Target, replaced
from lingate.errors import LingateError, ProtocolError

_KEPT = "provider_specific_fields"


def requests(sent: HttpRequest, call: Call, form: OperationFormat, target: Target) -> list[HttpRequest]:
    # The request of a call, or those into which it has to be divided for this target.
    given = call.body.get("input")
    most = target.traits.get("most_inputs") or form.most(target)
    if not most or not isinstance(given, list) or len(given) <= most or isinstance(given[0], int):
        return [sent]
    made = []
    for at in range(0, len(given), most):
        body = _share(call.body, len(given), slice(at, at + most))
        made.append(form.request(replaced(call, body=body), target))
        made[-1].target = sent.target  # it knows the secrets among the call's own headers
    return made


def _share(body: JsonDict, count: int, place: slice) -> JsonDict:
    # With what a client of some format had said of each input besides.
    kept = {
        name: {
            key: value[place] if isinstance(value, list) and len(value) == count else value
            for key, value in fields.items()
        }
        for name, fields in body.get(_KEPT, {}).items()
    }
    return {**body, "input": body["input"][place], **({_KEPT: kept} if kept else {})}


def in_turn(
    wanted: list[HttpRequest], context: Context, ask: Callable[[HttpRequest], Generator[Step, Answer, Any]]
) -> Generator[Step, Answer, Any]:
    # Make each request as `ask` does, and give their answers as one, or the first error.
    if len(wanted) == 1:
        return (yield from ask(wanted[0]))
    done: list[Completed] = []
    outcome: Any = None
    mark = len(context.trail)
    for sent in wanted:
        if done and not context.wanted:
            break
        outcome = yield from ask(sent)
        if isinstance(outcome, LingateError):
            break
        done.append(outcome)
    if not isinstance(outcome, LingateError):
        outcome = _joined(done)
    _shorten(context.trail, mark)
    if isinstance(outcome, LingateError) and done and (used := _usage(done)) is not None:
        context.used = used
    return outcome


def _joined(done: list[Completed]) -> Completed | ProtocolError:
    last = done[-1]
    vectors: list[JsonDict] = []
    for part in done:
        found, wanted = part.data["data"], len(part.sent.call.body["input"])
        if len(found) != wanted:
            # Whoever counts on their order would give each later input another one's vector.
            return ProtocolError(f"{last.sent.target.provider} answered {wanted} inputs with {len(found)} vectors")
        vectors += [{**item, "index": at} for at, item in enumerate(found, len(vectors))]
    data = {**last.data, "data": vectors, "usage": _usage(done)}
    if _KEPT in data:
        data[_KEPT] = reduce(_with, (part.data.get(_KEPT) for part in done))
    return Completed(last.sent, last.head, data, {"parts": [part.raw for part in done]}, b"")


def _usage(done: list[Completed]) -> JsonDict | None:
    # Counts of a part alone would be taken for those of the whole.
    counts = [part.data.get("usage") for part in done]
    return reduce(summed, counts) if all(counts) else None  # type: ignore[arg-type]


def summed(one: JsonDict, other: JsonDict) -> JsonDict:
    # Two sets of counts added up; what is no number is the later one's.
    added = dict(one)
    for name, value in other.items():
        before = one.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            added[name] = summed(before, value)
        elif isinstance(value, (int, float)) and isinstance(before, (int, float)) and not isinstance(value, bool):
            added[name] = before + value
        elif value is not None or name not in one:
            added[name] = value
    return added


def _with(one: Any, other: Any) -> Any:
    # What was said beside the vectors, by the parts before and by this one: lists have an item for each input.
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **{name: _with(one.get(name), value) for name, value in other.items()}}
    return one + other if isinstance(one, list) and isinstance(other, list) else other


def _shorten(trail: list[Attempt], mark: int) -> None:
    # Requests that went well are one try together, which is told with the last, or with the failure.
    well = [attempt for attempt in trail[mark:-1] if attempt.kind == "ok"]
    trail[-1].seconds += sum(attempt.seconds for attempt in well)
    trail[mark:-1] = [attempt for attempt in trail[mark:-1] if attempt.kind != "ok"]

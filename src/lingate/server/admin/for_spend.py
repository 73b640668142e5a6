# Endpoints for what was used and what it cost: the ledger in sums and call by call, also as CSV.

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

from msgspec import Meta

from lingate._model import Record
from lingate.server.access.inputs import Asked
from lingate.server.access.service import RefusedError
from lingate.server.admin.endpoint import Call, Endpoint, Parts, Text
from lingate.server.ledger.query import DIMENSIONS, MOST_GROUPS, Filter, QueryError, rows_csv, usage_csv
from lingate.server.store import StoreError

MOMENT = Meta(
    max_length=40,
    pattern=r"^([0-9]{1,11}([.][0-9]{1,6})?|[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]{5,15}(Z|[+-][0-9]{2}:?[0-9]{2})?)?)$",
    description="Epoch seconds, a day (2026-11-20) or a moment (2026-11-20T13:00:00Z); UTC where it does not say.",
    examples=["2026-11-20"],
)
Moment = Annotated[str, MOMENT]
Status = Annotated[int, Meta(ge=0, le=999)]
_LAST = 1e11
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Which(Asked):
    """Which calls.

    Attributes:
        since: Not before.
        until: Before; a day here is not included.
        key_id: Of this key.
        team_id: Of this team.
        user_id: Of this user.
        end_user: Made for this end user.
        model: Asked for by this name.
        provider: Answered by this provider.
        deployment: Answered by this deployment.
        tag: Labelled with it.
        operation: chat, embeddings, ...
        face: Spoken to in this format.
        status: Answered with this HTTP status.
        failed: Only failures, or only successes.
    """

    since: Moment | None = None
    until: Moment | None = None
    key_id: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    end_user: str | None = None
    model: str | None = None
    provider: str | None = None
    deployment: str | None = None
    tag: str | None = None
    operation: str | None = None
    face: str | None = None
    status: Status | None = None
    failed: bool | None = None


class Sums(Which):
    """Which calls, and by what they are summed.

    Attributes:
        by: Names with commas: day, hour, key_id, team_id, user_id, end_user, model, provider, deployment, tag, ...
        limit: How many sums at most, 1,000 if not said (CSV: 10,000): the latest, or without a time the most expensive.
    """

    by: Annotated[str, Meta(max_length=200, pattern=r"^[a-z_, ]*$", examples=["day,model"])] = "day"
    limit: Annotated[int, Meta(ge=1, le=MOST_GROUPS)] | None = None


class Rows(Which):
    """Which calls, and which part of them.

    Attributes:
        cursor: From the part before.
        limit: How many at most.
    """

    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Spend(Record):
    """Sums.

    Attributes:
        data: One for each combination of what was asked for.
        totals: Over all calls.
    """

    data: list[dict[str, Any]]
    totals: dict[str, Any]


class RowPage(Record):
    """Part of the calls.

    Attributes:
        data: Newest first.
        next_cursor: Asks for the next part; None at the end.
    """

    data: list[dict[str, Any]]
    next_cursor: str | None


def moment(text: str | None, name: str) -> float | None:
    # Epoch seconds of a moment as queries write it.
    if text is None:
        return None
    try:
        if text.replace(".", "", 1).isdecimal():
            at = float(text)
        else:
            parsed = datetime.fromisoformat(text)
            at = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise RefusedError(f"{text!r} is neither epoch seconds nor a date", status=400, param=name) from None
    if not 0 <= at <= _LAST:
        raise RefusedError(f"{text!r} is out of range", status=400, param=name)
    return at


def filter_of(which: Which) -> Filter:
    # Conditions of a query.
    values = {name: getattr(which, name) for name in Which.__struct_fields__}
    return Filter(**{**values, "since": moment(which.since, "since"), "until": moment(which.until, "until")})


def _dimensions(by: str) -> list[str]:
    names = list(filter(None, map(str.strip, by.split(","))))
    for name in names:
        if name not in DIMENSIONS:
            known = ", ".join(DIMENSIONS)
            raise RefusedError(f"sums are not taken by {name!r}; by {known} they are", status=400, param="by")
    return names


async def _spend(parts: Parts, call: Call) -> Spend:
    query: Sums = call.query
    filter, usage = filter_of(query), parts.usage
    data = await usage.by(_dimensions(query.by), filter, limit=query.limit or 1000)
    return Spend(data=data, totals=await usage.totals(filter))


async def _rows(parts: Parts, call: Call) -> RowPage:
    query: Rows = call.query
    try:
        page = await parts.usage.rows(filter_of(query), cursor=query.cursor, limit=query.limit)
    except QueryError as error:
        raise RefusedError(str(error), status=400, param="cursor") from None
    return RowPage(data=page.rows, next_cursor=page.cursor)


async def _row(parts: Parts, call: Call) -> dict[str, Any]:
    found = await parts.usage.row(call.path["id"])
    if found is None:
        raise RefusedError("there is no such call", status=404)
    return found


async def _spend_csv(parts: Parts, call: Call) -> Text:
    query: Sums = call.query
    pieces = await _begun(usage_csv(parts.usage, _dimensions(query.by), filter_of(query), query.limit or MOST_GROUPS))
    return Text("text/csv", pieces, "spend.csv")


async def _rows_csv(parts: Parts, call: Call) -> Text:
    return Text("text/csv", await _begun(rows_csv(parts.usage, filter_of(call.query))), "calls.csv")


async def _begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    # The same pieces, the first two of them read: a database that is away is an error and no half of a file.
    first = [piece for _ in range(2) if (piece := await anext(pieces, None)) is not None]

    async def rest() -> AsyncIterator[bytes]:
        for piece in first:
            yield piece
        try:
            async for piece in pieces:
                yield piece
        except StoreError as error:
            # The head is out, and a body that ends looks whole: only the body itself can say that it is not.
            logging.getLogger("lingate.admin").warning("a table of calls ends early: %s", error)
            yield b"# the rest is missing: the database does not answer\r\n"

    return rest()


class LogQuery(Asked):
    """Which calls, in LiteLLM's words.

    Attributes:
        api_key: Of this key, by token or id.
        user_id: Of this user.
        request_id: This call.
        start_date: From this day on.
        end_date: To this day, included.
    """

    api_key: str | None = None
    user_id: str | None = None
    request_id: str | None = None
    start_date: Moment | None = None
    end_date: Moment | None = None


async def _logs(parts: Parts, call: Call) -> list[dict[str, Any]]:
    query: LogQuery = call.query
    usage = parts.usage
    if query.request_id is not None:
        found = await usage.row(query.request_id)
        return [_log(found)] if found is not None else []
    key_id = None if query.api_key is None else (await parts.access.service.key(query.api_key)).id
    until = moment(query.end_date, "end_date")
    if until is not None and _DAY.fullmatch(query.end_date or ""):
        until += timedelta(days=1).total_seconds()
    filter = Filter(since=moment(query.start_date, "start_date"), until=until, key_id=key_id, user_id=query.user_id)
    return list(map(_log, (await usage.rows(filter, limit=1000)).rows))


_LITELLM_NAMES = {
    "request_id": "id",
    "call_type": "operation",
    "api_key": "key_id",
    "model": "model",
    "model_id": "deployment",
    "model_group": "model",
    "custom_llm_provider": "provider",
    "user": "user_id",
    "team_id": "team_id",
    "end_user": "end_user",
}


def _log(row: dict[str, Any]) -> dict[str, Any]:
    prompt, completion = row["prompt_tokens"] or 0, row["completion_tokens"] or 0
    start = datetime.fromtimestamp(row["at"], UTC)
    return {
        **{theirs: row[ours] for theirs, ours in _LITELLM_NAMES.items()},
        "spend": row["cost"] or 0.0,
        "total_tokens": prompt + completion,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "startTime": start.isoformat(),
        "endTime": (start + timedelta(seconds=row["seconds"])).isoformat(),
        "request_tags": row["tags"] or [],
        "cache_hit": str(row["cache"] == "hit"),
        "status": "failure" if row["error"] else "success",
    }


_ROW = "One call, with its body if that was stored"
_NEWEST = "Calls, the newest thousand"
_CSV = "text/csv"
_get = partial(Endpoint, "GET", tag="Spend")
_Plain = dict[str, Any]
ENDPOINTS = (
    _get("/admin/spend", "Sums", _spend, query=Sums, result=Spend),
    _get("/admin/spend.csv", "Sums as CSV", _spend_csv, query=Sums, content_type=_CSV),
    _get("/admin/spend/rows", "Calls, newest first", _rows, query=Rows, result=RowPage),
    _get("/admin/spend/rows.csv", "All calls as CSV", _rows_csv, query=Which, content_type=_CSV),
    _get("/admin/spend/rows/{id}", _ROW, _row, result=_Plain, errors=(404,)),
    _get("/spend/logs", _NEWEST, _logs, tag="LiteLLM", query=LogQuery, result=list[_Plain], errors=(404,)),
)

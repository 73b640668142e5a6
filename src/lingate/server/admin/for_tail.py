"""The endpoint that shows calls as they end. It answers without end, so it is not in the document of those that answer once."""

from __future__ import annotations

import msgspec

from lingate.server.access.service import RefusedError
from lingate.server.admin.endpoint import Call, Endpoint, Text
from lingate.server.admin.parts import Parts
from lingate.server.feed import MOST_WATCHERS, Wanted


class TailQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls.

    Attributes:
        model: Of models with this name; `*` stands for anything.
        key: Of the key with this id or alias.
        team: Of this team.
        errors: Only those that failed.
    """

    model: str | None = None
    key: str | None = None
    team: str | None = None
    errors: bool = False


async def _tail(parts: Parts, call: Call) -> Text:
    feed, query = parts.feed, call.query
    if feed is None:
        raise RefusedError("there are no calls to be watched here", status=404)
    if len(feed) >= MOST_WATCHERS:
        raise RefusedError(f"{MOST_WATCHERS} watch already", status=429)
    wanted = Wanted(model=query.model, key=query.key, team=query.team, errors=query.errors)
    return Text("text/event-stream", feed.watch(wanted), "")


TAIL = Endpoint(
    method="GET",
    path="/admin/tail",
    summary="Calls as they end, as server-sent events",
    tag="System",
    handler=_tail,
    query=TailQuery,
    content_type="text/event-stream",
)

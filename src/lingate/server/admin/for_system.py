# Endpoints for the gateway itself: its deployments, its config, its state, the audit log.

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from msgspec import Meta

from lingate._model import Record
from lingate.server.access.inputs import Asked
from lingate.server.access.records import Entry
from lingate.server.access.service import RefusedError
from lingate.server.admin.endpoint import Call, ConfigStatus, DeploymentInfo, Endpoint, Parts, Text
from lingate.server.admin.for_records import Limit
from lingate.server.feed import MOST_WATCHERS, Wanted


class Deployments(Record):
    """All deployments.

    Attributes:
        data: In the order of the config.
    """

    data: tuple[DeploymentInfo, ...]


class AuditQuery(Asked):
    """Which entries.

    Attributes:
        kind: Of records of this kind.
        subject: Of the record with this id.
        before: Older than the entry with this number.
        limit: How many at most.
    """

    kind: str | None = None
    subject: str | None = None
    before: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    limit: Limit = 100


class AuditPage(Record):
    """Part of the audit log.

    Attributes:
        data: Newest first.
        next_before: Asks for the next part; None at the end.
    """

    data: tuple[Entry, ...]
    next_before: int | None


class Status(Record):
    """How the gateway is.

    Attributes:
        config: The config in use.
        keys: How many keys there are.
        database: Where records are, without secrets.
        facts: More, by part.
    """

    config: ConfigStatus
    keys: int
    database: str
    facts: dict[str, Any]


async def _deployments(parts: Parts, _: Call) -> Deployments:
    return Deployments(data=tuple(parts.deployments()))


async def _audit(parts: Parts, call: Call) -> AuditPage:
    query: AuditQuery = call.query
    edits = await parts.access.service.database.edits()
    found = await edits.audit_log(limit=query.limit, before=query.before, kind=query.kind, subject=query.subject)
    return AuditPage(data=tuple(found), next_before=found[-1].id if len(found) == query.limit else None)


async def _config(parts: Parts, _: Call) -> ConfigStatus:
    return parts.config()


async def _reload(parts: Parts, call: Call) -> ConfigStatus:
    status = await parts.reload()
    await parts.access.service.note(
        call.actor, "reload", "config", status.path or "", {"error": status.error} if status.error else {}
    )
    return status


async def _status(parts: Parts, _: Call) -> Status:
    keys = len(parts.access.keys.records)
    return Status(config=parts.config(), keys=keys, database=parts.store.shown, facts=parts.facts())


async def _tail(parts: Parts, call: Call) -> Text:
    feed = parts.feed
    if len(feed) >= MOST_WATCHERS:
        raise RefusedError(f"{MOST_WATCHERS} watch already", status=429)
    return Text(_EVENTS, feed.watch(call.query), "")


_EVENTS = "text/event-stream"
_system = partial(Endpoint, tag="System")
ENDPOINTS = (
    _system("GET", "/admin/models", "Deployments and how they are", _deployments, result=Deployments),
    _system("GET", "/admin/audit", "What administrators did", _audit, query=AuditQuery, result=AuditPage),
    _system("GET", "/admin/config", "The config in use", _config, result=ConfigStatus),
    _system("POST", "/admin/config/reload", "Read the config anew", _reload, result=ConfigStatus),
    _system("GET", "/admin/status", "How the gateway is", _status, result=Status),
)
TAIL = _system(
    "GET", "/admin/tail", "Calls as they end, as server-sent events", _tail, query=Wanted, content_type=_EVENTS
)
"""Answers without end, so it is not in the document of those that answer once."""

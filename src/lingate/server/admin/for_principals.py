"""Endpoints for teams, users, customers (end users), tags and budgets: the same for each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

import msgspec

from lingate.server.access.inputs import NewPrincipal, PrincipalPatch
from lingate.server.access.records import Kind, Principal
from lingate.server.admin.endpoint import Call, Endpoint, Handler
from lingate.server.admin.parts import Parts
from lingate.server.admin.views import Limit, Offset, PrincipalPage, PrincipalView, page_of, principal_view


class PageQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of a list.

    Attributes:
        limit: How many at most.
        offset: How many to skip.
    """

    limit: Limit = 100
    offset: Offset = 0


async def show(parts: Parts, kind: Kind, record: Principal) -> PrincipalView:
    """A record with its budgets, as the ledger knows them."""
    return (await _show_all(parts, kind, [record]))[0]


async def _show_all(parts: Parts, kind: Kind, records: Sequence[Principal]) -> tuple[PrincipalView, ...]:
    limiter, ids = parts.access.limiter, [record.id for record in records]
    if kind == "budget":
        return tuple(principal_view(limiter, kind, record) for record in records)
    spent = await limiter.learn(kind, ids)
    return tuple(principal_view(limiter, kind, record, spend) for record, spend in zip(records, spent, strict=True))


async def _list(parts: Parts, call: Call, *, kind: Kind) -> PrincipalPage:
    found = await parts.access.service.principals(kind)
    page, following = page_of(found, call.query.offset, call.query.limit)
    return PrincipalPage(data=await _show_all(parts, kind, page), total=len(found), next_offset=following)


async def _create(parts: Parts, call: Call, *, kind: Kind) -> PrincipalView:
    return await show(parts, kind, await parts.access.service.create(call.actor, kind, call.body))


async def _get(parts: Parts, call: Call, *, kind: Kind) -> PrincipalView:
    return await show(parts, kind, await parts.access.service.principal(kind, call.path["id"]))


async def _update(parts: Parts, call: Call, *, kind: Kind) -> PrincipalView:
    return await show(parts, kind, await parts.access.service.update(call.actor, kind, call.path["id"], call.body))


async def _delete(parts: Parts, call: Call, *, kind: Kind) -> PrincipalView:
    record = await parts.access.service.delete(call.actor, kind, call.path["id"])
    return principal_view(parts.access.limiter, kind, record)


async def _block(parts: Parts, call: Call, *, kind: Kind, blocked: bool) -> PrincipalView:
    return await show(parts, kind, await parts.access.service.block(call.actor, kind, call.path["id"], blocked))


def _endpoints(kind: Kind, many: str, what: str) -> Iterator[Endpoint]:
    base, one = f"/admin/{many}", f"/admin/{many}/{{id}}"
    make = partial(Endpoint, tag=many.capitalize())
    view = partial(make, result=PrincipalView)

    def of(handler: Callable[..., Awaitable[object]], **more: bool) -> Handler:
        return partial(handler, kind=kind, **more)

    yield make("GET", base, f"List {many}", of(_list), query=PageQuery, result=PrincipalPage)
    yield view("POST", base, f"Make {what}", of(_create), body=NewPrincipal, status=201, errors=(409,))
    yield view("GET", one, f"Show {what}", of(_get), errors=(404,))
    yield view("PATCH", one, f"Change {what}", of(_update), body=PrincipalPatch, errors=(404,))
    yield view("DELETE", one, f"Delete {what}", of(_delete), errors=(404, 409))
    if kind == "budget":
        return
    for name, blocked, then in (("block", True, "refused"), ("unblock", False, "accepted again")):
        text = f"{name.capitalize()} {what}: its calls are {then}"
        yield view("POST", f"{one}/{name}", text, of(_block, blocked=blocked), errors=(404,))


ENDPOINTS = (
    *_endpoints("team", "teams", "a team"),
    *_endpoints("user", "users", "a user"),
    *_endpoints("customer", "customers", "an end user"),
    *_endpoints("tag", "tags", "a tag"),
    *_endpoints("budget", "budgets", "a budget"),
)

# Endpoints for keys, and for teams, users, customers (end users), tags and budgets: the same for each of these.

# Records are shown as administrators see them: with what was spent and how far each budget is.

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from lingate._model import Record
from lingate._wire.shapes import not_null
from lingate.server.access.inputs import Asked, KeyPatch, NewKey, NewPrincipal, PrincipalPatch, Rotation
from lingate.server.access.keys import PREFIX
from lingate.server.access.limiter import LocalLimiter
from lingate.server.access.meters import NANO, Budget
from lingate.server.access.periods import FOREVER
from lingate.server.access.records import Key, Kind, Principal
from lingate.server.access.service import RefusedError, Service
from lingate.server.admin.endpoint import Call, Endpoint, Handler, Parts

Limit = Annotated[int, Meta(ge=1, le=1000)]
_Offset = Annotated[int, Meta(ge=0, le=10**9)]


class BudgetView(Record):
    """A budget and how far it is.

    Attributes:
        models: Pattern of the models it counts; None for all.
        max_budget: US dollars a period.
        budget_duration: The period; None for a budget that never begins anew.
        spent: In this period.
        reserved: Held back for calls under way.
        resets_at: When the next period begins, epoch seconds.
    """

    models: str | None
    max_budget: float
    budget_duration: str | None
    spent: float
    reserved: float
    resets_at: float | None


class KeyView(Key, frozen=True, kw_only=True):
    """A key, and how far its budgets are.

    Attributes:
        budgets: Its budgets.
        spend: US dollars in all, as the ledger has it; None where the ledger does not answer.
    """

    budgets: tuple[BudgetView, ...] = ()
    spend: float | None = None


class PrincipalView(Principal, frozen=True, kw_only=True):
    """A team, user, customer, tag or budget, and how far its budgets are.

    Attributes:
        budgets: Its budgets.
        spend: US dollars in all, as the ledger has it; None where the ledger does not answer.
    """

    budgets: tuple[BudgetView, ...] = ()
    spend: float | None = None


class KeyMade(Record):
    """A key that was made or rotated.

    Attributes:
        token: The token, shown this once.
        key: The record.
    """

    token: str
    key: KeyView


class KeyPage(Record):
    """Part of a list of keys.

    Attributes:
        data: The part.
        total: How many there are in all.
        next_offset: Where the next part begins; None at the end.
    """

    data: tuple[KeyView, ...]
    total: int
    next_offset: int | None


class PrincipalPage(Record):
    """Part of a list.

    Attributes:
        data: The part.
        total: How many there are in all.
        next_offset: Where the next part begins; None at the end.
    """

    data: tuple[PrincipalView, ...]
    total: int
    next_offset: int | None


class KeyQuery(Asked):
    """Which keys to list.

    Attributes:
        team_id: Those of this team.
        user_id: Those of this user.
        alias: Those with this alias.
        blocked: Blocked ones, or those that are not.
        limit: How many at most.
        offset: How many to skip.
    """

    team_id: str | None = None
    user_id: str | None = None
    alias: str | None = None
    blocked: bool | None = None
    limit: Limit = 100
    offset: _Offset = 0


class PageQuery(Asked):
    """Which part of a list.

    Attributes:
        limit: How many at most.
        offset: How many to skip.
    """

    limit: Limit = 100
    offset: _Offset = 0


_T = TypeVar("_T")


def _shown(parts: Parts, kind: str, record: Principal, spend: float | None = None) -> Any:
    view = KeyView if kind == "key" else PrincipalView
    budgets = budgets_of(parts.access.limiter, kind, record.id)
    return view(**msgspec.structs.asdict(record), budgets=budgets, spend=spend)


async def _shown_all(parts: Parts, kind: str, records: Sequence[Principal]) -> tuple[Any, ...]:
    if kind == "budget":
        return tuple(_shown(parts, kind, record) for record in records)
    spent = await parts.access.limiter.learn(kind, records)
    return tuple(map(partial(_shown, parts, kind), records, spent))


async def show(parts: Parts, key: Key) -> KeyView:
    # A key with its budgets, as the ledger knows them.
    (view,) = await _shown_all(parts, "key", [key])
    return view  # type: ignore[no-any-return]


async def _page(made: Callable[..., _T], parts: Parts, call: Call, kind: str, found: Sequence[Principal]) -> _T:
    page = found[call.query.offset :][: call.query.limit]
    end = call.query.offset + len(page)
    following = end if page and end < len(found) else None
    return made(data=await _shown_all(parts, kind, page), total=len(found), next_offset=following)


def budgets_of(limiter: LocalLimiter, kind: str, id: str) -> tuple[BudgetView, ...]:
    # How far the budgets of one who is limited are.
    scope = limiter.scope(kind, id)
    return () if scope is None else tuple(_budget(budget, limiter.now()) for budget in scope.budgets)


def _budget(budget: Budget, now: float) -> BudgetView:
    budget.remaining(now)
    return BudgetView(
        models=budget.owner.models,
        max_budget=budget.cap / NANO,
        budget_duration=budget.span,
        spent=budget.spent / NANO,
        reserved=budget.reserved / NANO,
        resets_at=None if budget.ends == FOREVER else budget.ends,
    )


def _id(call: Call) -> str:
    if call.path["id"].startswith(PREFIX):
        raise RefusedError("name a key by its id: a token has no place in a URL", status=400, param="id")
    return call.path["id"]


async def _list_keys(parts: Parts, call: Call) -> KeyPage:
    query: KeyQuery = call.query
    wanted = not_null(msgspec.structs.asdict(query), ("limit", "offset"))
    found = [
        key
        for key in await parts.access.service.keys()
        if all(getattr(key, name) == value for name, value in wanted.items())
    ]
    return await _page(KeyPage, parts, call, "key", found)


async def _create_key(parts: Parts, call: Call) -> KeyMade:
    return await _made(parts, parts.access.service.create_key(call.actor, call.body))


async def _rotate_key(parts: Parts, call: Call) -> KeyMade:
    return await _made(parts, parts.access.service.rotate_key(call.actor, _id(call), call.body))


async def _made(parts: Parts, making: Awaitable[tuple[Key, str]]) -> KeyMade:
    key, token = await making
    return KeyMade(token=token, key=await show(parts, key))


async def _me(parts: Parts, call: Call) -> KeyView:
    if call.caller.key_id in parts.access.keys.records:
        return await show(parts, parts.access.keys.records[call.caller.key_id].key)
    key = Key(id=call.caller.key_id, admin=call.caller.admin)
    return _shown(parts, "key", key)  # type: ignore[no-any-return]


async def _delete_key(parts: Parts, call: Call) -> KeyView:
    key = await parts.access.service.delete_key(call.actor, _id(call))
    return _shown(parts, "key", key)  # type: ignore[no-any-return]


async def _list(parts: Parts, call: Call, *, kind: Kind) -> PrincipalPage:
    return await _page(PrincipalPage, parts, call, kind, await parts.access.service.principals(kind))


async def _delete(parts: Parts, call: Call, *, kind: Kind) -> PrincipalView:
    record = await parts.access.service.delete(call.actor, kind, call.path["id"])
    return _shown(parts, kind, record)  # type: ignore[no-any-return]


def _shows(kind: str, act: Callable[..., Awaitable[Principal]], *more: Any) -> Handler:
    # Does something to a record, and shows what it is then.
    async def handler(parts: Parts, call: Call) -> Any:
        record = await act(parts.access.service, call, *more)
        return (await _shown_all(parts, kind, [record]))[0]

    return handler


def _block_key(service: Service, call: Call, blocked: bool) -> Awaitable[Key]:
    return service.block_key(call.actor, _id(call), blocked)


def _endpoints(kind: Kind, many: str, what: str) -> Iterator[Endpoint]:
    base, one = f"/admin/{many}", f"/admin/{many}/{{id}}"
    make = partial(Endpoint, tag=many.capitalize())
    view = partial(make, result=PrincipalView)
    create = _shows(kind, lambda to, call: to.create(call.actor, kind, call.body))
    get = _shows(kind, lambda to, call: to.principal(kind, call.path["id"]))
    update = _shows(kind, lambda to, call: to.update(call.actor, kind, call.path["id"], call.body))
    yield make("GET", base, f"List {many}", partial(_list, kind=kind), query=PageQuery, result=PrincipalPage)
    yield view("POST", base, f"Make {what}", create, body=NewPrincipal, status=201, errors=(409,))
    yield view("GET", one, f"Show {what}", get, errors=(404,))
    yield view("PATCH", one, f"Change {what}", update, body=PrincipalPatch, errors=(404,))
    yield view("DELETE", one, f"Delete {what}", partial(_delete, kind=kind), errors=(404, 409))
    if kind == "budget":
        return
    for name, blocked, then in (("block", True, "refused"), ("unblock", False, "accepted again")):
        text = f"{name.capitalize()} {what}: its calls are {then}"
        block = _shows(kind, lambda to, call, blocked: to.block(call.actor, kind, call.path["id"], blocked), blocked)
        yield view("POST", f"{one}/{name}", text, block, errors=(404,))


_get_key = _shows("key", lambda to, call: to.key(_id(call)))
_update_key = _shows("key", lambda to, call: to.update_key(call.actor, _id(call), call.body))
_key = partial(Endpoint, tag="Keys", result=KeyView)
_new_key = partial(Endpoint, tag="Keys", result=KeyMade)
_KEYS, _ONE = "/admin/keys", "/admin/keys/{id}"
_MAKE = "Make a key; its token is shown this once"
_REPLACE = "Replace the token; the old one stays good for the overlap"
_MISSING = (404,)
ENDPOINTS = (
    Endpoint("GET", _KEYS, "List keys, newest first", _list_keys, "Keys", query=KeyQuery, result=KeyPage),
    _new_key("POST", _KEYS, _MAKE, _create_key, body=NewKey, status=201, errors=(409,)),
    _key("GET", "/admin/me", "The key that this request is signed with", _me, anyone=True),
    _key("GET", _ONE, "One key, by its id", _get_key, errors=_MISSING),
    _key("PATCH", _ONE, "Change fields of a key", _update_key, body=KeyPatch, errors=_MISSING),
    _key("DELETE", _ONE, "Delete a key; its rows in the ledger stay", _delete_key, errors=_MISSING),
    _new_key("POST", f"{_ONE}/rotate", _REPLACE, _rotate_key, body=Rotation, errors=(404, 409)),
    _key("POST", f"{_ONE}/block", "Refuse a key's calls", _shows("key", _block_key, True), errors=_MISSING),
    _key("POST", f"{_ONE}/unblock", "Accept a key's calls again", _shows("key", _block_key, False), errors=_MISSING),
    *_endpoints("team", "teams", "a team"),
    *_endpoints("user", "users", "a user"),
    *_endpoints("customer", "customers", "an end user"),
    *_endpoints("tag", "tags", "a tag"),
    *_endpoints("budget", "budgets", "a budget"),
)

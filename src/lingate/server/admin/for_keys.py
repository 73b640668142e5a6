"""Endpoints for keys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from lingate.server.access.inputs import KeyPatch, NewKey, Rotation
from lingate.server.access.records import Key
from lingate.server.access.service import RefusedError
from lingate.server.access.tokens import PREFIX
from lingate.server.admin.endpoint import Call, Endpoint
from lingate.server.admin.parts import Parts
from lingate.server.admin.views import KeyMade, KeyPage, KeyView, Limit, Offset, key_view, page_of


class KeyQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    offset: Offset = 0


async def show(parts: Parts, key: Key) -> KeyView:
    """A key with its budgets, as the ledger knows them."""
    return (await show_all(parts, [key]))[0]


async def show_all(parts: Parts, keys: Sequence[Key]) -> tuple[KeyView, ...]:
    """The same for several."""
    limiter, ids = parts.access.limiter, [key.id for key in keys]
    spent = await limiter.learn("key", ids)
    return tuple(key_view(limiter, key, spend) for key, spend in zip(keys, spent, strict=True))


def _id(call: Call) -> str:
    if call.path["id"].startswith(PREFIX):
        raise RefusedError("name a key by its id: a token has no place in a URL", status=400, param="id")
    return call.path["id"]


async def _list(parts: Parts, call: Call) -> KeyPage:
    query: KeyQuery = call.query
    wanted = {
        name: value
        for name in ("team_id", "user_id", "alias", "blocked")
        if (value := getattr(query, name)) is not None
    }
    found = [
        key
        for key in await parts.access.service.keys()
        if all(getattr(key, name) == value for name, value in wanted.items())
    ]
    page, following = page_of(found, query.offset, query.limit)
    return KeyPage(data=await show_all(parts, page), total=len(found), next_offset=following)


async def _create(parts: Parts, call: Call) -> KeyMade:
    key, token = await parts.access.service.create_key(call.actor, call.body)
    return KeyMade(token=token, key=await show(parts, key))


async def _get(parts: Parts, call: Call) -> KeyView:
    return await show(parts, await parts.access.service.key(_id(call)))


async def _me(parts: Parts, call: Call) -> KeyView:
    if call.caller.key_id in parts.access.keys.records:
        return await show(parts, parts.access.keys.records[call.caller.key_id].key)
    return key_view(parts.access.limiter, Key(id=call.caller.key_id, admin=call.caller.admin))


async def _update(parts: Parts, call: Call) -> KeyView:
    return await show(parts, await parts.access.service.update_key(call.actor, _id(call), call.body))


async def _delete(parts: Parts, call: Call) -> KeyView:
    return key_view(parts.access.limiter, await parts.access.service.delete_key(call.actor, _id(call)))


async def _rotate(parts: Parts, call: Call) -> KeyMade:
    key, token = await parts.access.service.rotate_key(call.actor, _id(call), call.body)
    return KeyMade(token=token, key=await show(parts, key))


async def _block(parts: Parts, call: Call, *, blocked: bool) -> KeyView:
    return await show(parts, await parts.access.service.block_key(call.actor, _id(call), blocked))


_key = partial(Endpoint, tag="Keys", result=KeyView)
_made = partial(Endpoint, tag="Keys", result=KeyMade)
_ONE = "/admin/keys/{id}"
_MISSING = (404,)
ENDPOINTS = (
    Endpoint("GET", "/admin/keys", "List keys, newest first", _list, "Keys", query=KeyQuery, result=KeyPage),
    _made(
        "POST",
        "/admin/keys",
        "Make a key; its token is shown this once",
        _create,
        body=NewKey,
        status=201,
        errors=(409,),
    ),
    _key("GET", "/admin/me", "The key that this request is signed with", _me, anyone=True),
    _key("GET", _ONE, "One key, by its id", _get, errors=_MISSING),
    _key("PATCH", _ONE, "Change fields of a key", _update, body=KeyPatch, errors=_MISSING),
    _key("DELETE", _ONE, "Delete a key; its rows in the ledger stay", _delete, errors=_MISSING),
    _made(
        "POST",
        f"{_ONE}/rotate",
        "Replace the token; the old one stays good for the overlap",
        _rotate,
        body=Rotation,
        errors=(404, 409),
    ),
    _key("POST", f"{_ONE}/block", "Refuse a key's calls", partial(_block, blocked=True), errors=_MISSING),
    _key("POST", f"{_ONE}/unblock", "Accept a key's calls again", partial(_block, blocked=False), errors=_MISSING),
)

# What administrators can do to keys, teams, users, end users, tags and budgets.

# Every change is checked, written with its entry in the audit log in one transaction, and known to this process when
# the call returns.

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

import msgspec
from msgspec import UNSET

from lingate.errors import LingateError
from lingate.server.access.database import Changes, Database
from lingate.server.access.inputs import NewKey, NewPrincipal, PrincipalPatch, Rotation
from lingate.server.access.ips import Networks
from lingate.server.access.keys import Keys, digest, fault_of, make_id, make_token, masked
from lingate.server.access.periods import after, parse_span
from lingate.server.access.records import Actor, Entry, Key, Kind, Limits, Principal, StoredKey, differences

_MOST_METADATA = 65_536
_LATEST = 1e11


class RefusedError(LingateError):
    # An administrator asked for something that cannot be done; `status` is 400, 404 or 409.

    kind = "refused"

    def __init__(self, message: str, *, param: str | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.param = param


class Service:
    # Changes to keys and to those whom limits belong to.

    # changed: Called after a change, to tell other replicas.

    def __init__(
        self,
        database: Database,
        keys: Keys,
        *,
        changed: Callable[[], Awaitable[None]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self._keys = keys
        self._changed = changed
        self._now = now
        self._editing = asyncio.Lock()

    async def keys(self) -> list[Key]:
        # All keys, newest first, as far as the database answers.
        await self._keys.refresh()
        return sorted((stored.key for stored in self._keys.records.values()), key=lambda key: (-key.created_at, key.id))

    async def key(self, key_id: str) -> Key:
        # One key, by its id or, where that is not one, by its token.
        await self._keys.refresh()
        records = self._keys.records
        if (stored := records.get(key_id)) is None:  # one that is blocked or over has its token all the same
            known = digest(key_id).hex()
            stored = next((one for one in records.values() if known in (one.digest, one.previous_digest)), None)
        if stored is None:
            raise _missing("key", key_id)
        return stored.key

    async def create_key(self, actor: Actor, new: NewKey) -> tuple[Key, str]:
        # The token that comes back is shown this once and stored nowhere.
        await self._keys.refresh()
        now = self._now()
        key_id, token = make_token()
        if new.key is not None:
            token = _own_token(new.key)
        fields = {name: getattr(new, name) for name in _KEY_FIELDS}
        expires_at = _expiry(new.duration, new.expires_at, now)
        key = Key(
            id=key_id,
            masked=masked(token),
            created_at=now,
            updated_at=now,
            created_by=actor.name,
            expires_at=expires_at,
            **fields,
        )
        stored = StoredKey(key=key, digest=digest(token).hex())
        await self._refuse_known(stored.digest)
        await self._edit_key(actor, "create", key_id, _new(stored, f"key {key_id!r}", lambda: self._check(key)))
        return key, token

    async def update_key(self, actor: Actor, key_id: str, patch: msgspec.Struct) -> Key:
        key_id = (await self.key(key_id)).id
        values = _given(patch)
        duration, expires_at = values.pop("duration", None), values.get("expires_at")
        if duration is not None:
            values["expires_at"] = _expiry(duration, expires_at, self._now())
        return await self._replace(actor, "update", key_id, lambda key: _patched(key, values))

    async def block_key(self, actor: Actor, key_id: str, blocked: bool) -> Key:
        key_id = (await self.key(key_id)).id
        return await self._replace(actor, "block" if blocked else "unblock", key_id, lambda _: {"blocked": blocked})

    async def rotate_key(self, actor: Actor, key_id: str, rotation: Rotation) -> tuple[Key, str]:
        # Replace the token of a key; id, limits and what was spent stay.
        # The old token is good until the overlap ends.
        key_id = (await self.key(key_id)).id
        now = self._now()
        _, token = make_token(key_id)
        if rotation.key is not None:
            token = _own_token(rotation.key)
        until = None if rotation.overlap is None else _expiry(rotation.overlap, None, now)
        mine = digest(token).hex()
        await self._refuse_known(mine)

        def change(old: StoredKey) -> StoredKey:
            facts = {"masked": masked(token), "rotated_at": now, "updated_at": now, "previous_until": until}
            key = msgspec.structs.replace(old.key, **facts)
            return StoredKey(key=key, digest=mine, previous_digest=old.digest if until is not None else None)

        stored = await self._edit_key(actor, "rotate", key_id, _existing(change, "key", key_id))
        return cast(StoredKey, stored).key, token

    async def delete_key(self, actor: Actor, key_id: str) -> Key:
        # Its rows in the ledger stay.
        key = await self.key(key_id)
        await self._edit_key(actor, "delete", key.id, _existing(_gone, "key", key.id))
        return key

    async def principals(self, kind: Kind) -> list[Principal]:
        await self._keys.refresh()
        found = (record for (of, _), record in self._keys.principals.items() if of == kind)
        return sorted(found, key=lambda record: (-record.created_at, record.id))

    async def principal(self, kind: Kind, id: str) -> Principal:
        await self._keys.refresh()
        found = self._keys.principals.get((kind, id))
        if found is None:
            raise _missing(kind, id)
        return found

    async def create(self, actor: Actor, kind: Kind, new: NewPrincipal) -> Principal:
        await self._keys.refresh()
        now = self._now()
        fields = {name: getattr(new, name) for name in _PRINCIPAL_FIELDS}
        record = Principal(id=new.id or make_id(kind), created_at=now, updated_at=now, **fields)
        made = _new(record, f"{kind} {record.id!r}", lambda: self._check(record, kind=kind), param="id")
        await self._edit(actor, "create", kind, record.id, made)
        return record

    async def update(
        self, actor: Actor, kind: Kind, id: str, patch: msgspec.Struct, *, action: str = "update"
    ) -> Principal:
        await self._keys.refresh()
        values = _given(patch)

        def change(old: Principal) -> Principal:
            record = msgspec.structs.replace(old, **_patched(old, values), updated_at=self._now())
            self._check(record, old, kind)
            return record

        return cast(Principal, await self._edit(actor, action, kind, id, _existing(change, kind, id)))

    async def block(self, actor: Actor, kind: Kind, id: str, blocked: bool) -> Principal:
        patch = PrincipalPatch(blocked=blocked)
        return await self.update(actor, kind, id, patch, action="block" if blocked else "unblock")

    async def delete(self, actor: Actor, kind: Kind, id: str) -> Principal:
        # Delete one that nothing refers to.
        record = await self.principal(kind, id)

        def gone(_: Principal) -> None:
            users = sum(getattr(stored.key, f"{kind}_id", None) == id for stored in self._keys.records.values())
            if kind == "budget":
                users += sum(other.budget_id == id for other in self._keys.principals.values())
            if users:
                raise RefusedError(
                    f"{users} records refer to the {kind} {id!r}", status=409, hint="change or delete them first"
                )

        await self._edit(actor, "delete", kind, id, _existing(gone, kind, id))
        return record

    async def note(self, actor: Actor, action: str, kind: str, subject: str, changes: Mapping[str, Any]) -> None:
        # Write down something that was done to no record.
        await (await self.database.edits()).note(self._entry(actor, action, kind, subject, dict(changes)))

    async def _refuse_known(self, mine: str) -> None:
        if await self.database.key_of(mine) is not None or self._keys.is_master(bytes.fromhex(mine)):
            raise RefusedError("this token is in use already", status=409, param="key")

    async def _replace(self, actor: Actor, action: str, key_id: str, values: Callable[[Key], dict[str, Any]]) -> Key:
        def change(old: StoredKey) -> StoredKey:
            key = msgspec.structs.replace(old.key, **values(old.key), updated_at=self._now())
            self._check(key, old.key)
            return msgspec.structs.replace(old, key=key)

        stored = await self._edit_key(actor, action, key_id, _existing(change, "key", key_id))
        return cast(StoredKey, stored).key

    async def _edit_key(
        self, actor: Actor, action: str, key_id: str, change: Callable[[StoredKey | None], StoredKey | None]
    ) -> StoredKey | None:
        edits = await self.database.edits()
        async with self._editing:
            new = await edits.edit_key(
                key_id, change, lambda *two: self._entry(actor, action, "key", key_id, differences(*two))
            )
            await self._tell(Changes(0, keys={key_id: new}))
        return new

    async def _edit(
        self, actor: Actor, action: str, kind: Kind, id: str, change: Callable[[Principal | None], Principal | None]
    ) -> Principal | None:
        edits = await self.database.edits()
        async with self._editing:
            new = await edits.edit_principal(
                kind, id, change, lambda *two: self._entry(actor, action, kind, id, differences(*two))
            )
            await self._tell(Changes(0, principals={(kind, id): new}))
        return new

    async def _tell(self, changes: Changes) -> None:
        self._keys.edits += 1
        self._keys.apply(changes)
        await self._changed()

    def _entry(self, actor: Actor, action: str, kind: str, subject: str, changes: dict[str, Any]) -> Entry:
        return Entry(
            at=self._now(),
            actor=actor.name,
            address=actor.address,
            action=action,
            kind=kind,
            subject=subject,
            changes=changes,
        )

    def _check(self, record: Principal, old: Principal | None = None, kind: Kind | None = None) -> None:
        # Within the change itself: what the record refers to must still be there. Whom it referred to before may be gone
        # by way of another replica, and it can be blocked all the same.
        _check_text(record)
        _check_periods(record)
        if len(msgspec.json.encode(record.metadata)) > _MOST_METADATA:
            raise RefusedError(f"metadata is longer than {_MOST_METADATA} bytes", status=400, param="metadata")
        wanted: list[tuple[Kind, str | None]] = [("budget", record.budget_id)]
        if kind == "budget" and record.budget_id is not None:
            raise RefusedError("a budget cannot refer to another one", status=400, param="budget_id")
        if isinstance(record, Key):
            wanted += [("team", record.team_id), ("user", record.user_id)]
            try:
                Networks(record.allowed_ips)
            except ValueError as error:
                raise RefusedError(str(error), status=400, param="allowed_ips") from None
        for other, id in wanted:
            known = (other, id) in self._keys.principals or id == getattr(old, f"{other}_id", None)
            if id is not None and not known:
                raise RefusedError(f"there is no {other} {id!r}", status=400, param=f"{other}_id")


_PRINCIPAL_FIELDS = (*Limits.__struct_fields__, "alias", "models", "tags", "metadata", "blocked", "budget_id")
_KEY_FIELDS = (*_PRINCIPAL_FIELDS, "team_id", "user_id", "aliases", "allowed_routes", "allowed_ips", "admin")


_T = TypeVar("_T", StoredKey, Principal)


def _new(record: _T, named: str, check: Callable[[], None], param: str | None = None) -> Callable[[_T | None], _T]:
    def change(old: _T | None) -> _T:
        if old is not None:
            raise RefusedError(f"there is a {named} already", status=409, param=param)
        check()
        return record

    return change


def _existing(change: Callable[[_T], _T | None], kind: str, id: str) -> Callable[[_T | None], _T | None]:
    def checked(old: _T | None) -> _T | None:
        if old is None:
            raise _missing(kind, id)
        return change(old)

    return checked


def _gone(_: object) -> None:
    """What is deleted becomes nothing."""


def _missing(kind: str, id: str) -> RefusedError:
    # A token may stand in the place of an id: it is not repeated.
    shown = masked(id) if id.startswith("sk-") else repr(id[:100])
    return RefusedError(f"there is no {kind} {shown}", status=404)


def _given(patch: msgspec.Struct) -> dict[str, Any]:
    return {name: value for name in patch.__struct_fields__ if (value := getattr(patch, name)) is not UNSET}


def _patched(record: msgspec.Struct, values: Mapping[str, Any]) -> dict[str, Any]:
    # Values for the fields of a record, where null means what the field has when nobody set it.
    empty = {field.name: _empty(field) for field in msgspec.structs.fields(record)}
    return {name: empty[name] if value is None else value for name, value in values.items()}


def _empty(field: Any) -> Any:
    made = field.default is msgspec.NODEFAULT and callable(field.default_factory)
    return field.default_factory() if made else field.default


def _expiry(duration: str | None, expires_at: float | None, now: float) -> float | None:
    if duration is not None and expires_at is not None:
        raise RefusedError("give either duration or expires_at", status=400, param="duration")
    if duration is None:
        return expires_at
    try:
        return min(after(now, duration), _LATEST)
    except (ValueError, OverflowError) as error:
        raise RefusedError(str(error), status=400, param="duration") from None


def _own_token(token: str) -> str:
    fault = fault_of(token)
    if fault is not None:
        raise RefusedError(fault, status=400, param="key")
    return token


def _check_periods(limits: Limits) -> None:
    budgets = [("budget_duration", limits.budget_duration)]
    budgets += [("model_max_budget", money.budget_duration) for money in limits.model_max_budget.values()]
    for name, span in budgets:
        if span is not None:
            try:
                parse_span(span)
            except ValueError as error:
                raise RefusedError(str(error), status=400, param=name) from None


def _check_text(record: Principal) -> None:
    for name, value in msgspec.to_builtins(record).items():
        if name != "metadata" and not _printable(value):
            raise RefusedError("control characters are not allowed", status=400, param=name)


def _printable(value: object) -> bool:
    if isinstance(value, str):
        return not any(char < " " or char == "\x7f" for char in value)
    if isinstance(value, dict):
        return all(_printable(item) for pair in value.items() for item in pair)
    return all(map(_printable, value)) if isinstance(value, (list, tuple)) else True

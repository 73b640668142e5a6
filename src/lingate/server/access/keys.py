# Who a token belongs to.

# Everything that a request needs is in memory; the database is read beside the requests.
# Keys, teams, users and budgets are read once and then as they change. Whatever changes rebuilds the callers it
# concerns.

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from hashlib import sha256

from lingate.server.access.database import Changes, Database
from lingate.server.access.ips import Networks
from lingate.server.access.limiter import LocalLimiter
from lingate.server.access.records import Key, Limits, Principal, StoredKey, limits_of
from lingate.server.access.scopes import CallerLimits, Scope
from lingate.server.loop_timeout import LoopTimeout
from lingate.server.records import Caller
from lingate.server.store import StoreError

# Virtual keys as strings: how they are made, and the digest by which they are known.

# Only the digest is ever stored.

PREFIX = "sk-"
_ID_BYTES = 6
_SECRET_BYTES = 32
SHORTEST = 20
"""Characters a key must have that an administrator brings along instead of having one made."""
_LONGEST = 512
_MADE = re.compile(rf"{PREFIX}[0-9a-f]{{{2 * _ID_BYTES}}}-[\w-]{{43}}", re.ASCII).fullmatch


def make_token(key_id: str | None = None) -> tuple[str, str]:
    # A new key: its public id, and the whole token, which holds the id and 256 bits of secret.
    # key_id: The id to keep, when a key is rotated.
    public = key_id or secrets.token_hex(_ID_BYTES)
    return public, f"{PREFIX}{public}-{secrets.token_urlsafe(_SECRET_BYTES)}"


def is_made(token: str) -> bool:
    # Whether it has the form of those that are made here, known or not: deleted, or another replica's of a moment ago.
    return _MADE(token) is not None


def make_id(kind: str) -> str:
    # A new id for a team, a user, ...: the kind and random digits.
    return f"{kind}-{secrets.token_hex(_ID_BYTES)}"


def digest(token: str) -> bytes:
    # What a token is known by.
    # It has too much entropy to be guessed, so a plain hash is enough, and fast.
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def fault_of(token: str) -> str | None:
    # Why a token that an administrator chose cannot be one; None if it can.
    if not token.startswith(PREFIX):
        return f"a key begins with {PREFIX!r}"
    if not SHORTEST <= len(token) <= _LONGEST:
        return f"a key has {SHORTEST} to {_LONGEST} characters"
    if not all("!" <= char <= "~" for char in token):
        return "a key is made of printable ASCII characters without spaces"
    return None


def masked(token: str) -> str:
    # A token for display: enough to tell it from others, too little to use it.
    return f"{PREFIX}...{token[-4:]}"


_log = logging.getLogger("lingate.access")
_FIND_DEADLINE = 0.5
_UNKNOWN_SECONDS = 5.0
_MOST_UNKNOWN = 10_000
_MOST_FINDS = 8
"""Look-ups at once for tokens nobody knows: guessing must not become a load on the database."""
_EVERYTHING = {"all-proxy-models", "all-team-models", "*"}


class Keys:
    # The keys of this gateway, as callers by the digest of their tokens.

    # principals: Teams, users, ... by kind and id.
    # version: How far the database's changes were read.
    # generation: Counts changes of what callers are made of.
    # edits: Counts changes that were made here.

    def __init__(
        self,
        database: Database,
        limiter: LocalLimiter,
        *,
        gateway: Limits | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._limiter = limiter
        self._now = now
        self._gateway = gateway or Limits()
        self._known: dict[bytes, tuple[Caller, float | None]] = {}
        self._refused: dict[bytes, str] = {}
        self._digests: dict[str, tuple[bytes, ...]] = {}
        self._dependents: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._unknown: dict[bytes, float] = {}
        self._finding: dict[bytes, asyncio.Task[None]] = {}
        self._master: bytes | None = None
        self._refreshing = asyncio.Lock()
        self.records: dict[str, StoredKey] = {}
        self.principals: dict[tuple[str, str], Principal] = {}
        self.version = 0
        self.generation = 0
        self.edits = 0
        self.anonymous = self._special("", admin=False)

    def known(self, token: str) -> Caller | None:
        # Who sends this token, from memory; None if nobody here knows it or it is not good any more.
        entry = self._known.get(digest(token))
        if entry is None:
            return None
        caller, until = entry
        return caller if until is None or self._now() < until else None

    def refusal(self, token: str) -> str | None:
        # Why a token that is known is not good (`this key has expired`), None for one that is unknown.
        known = digest(token)
        entry = self._known.get(known)
        if entry is not None and entry[1] is not None and self._now() >= entry[1]:
            return "this key has expired"
        return self._refused.get(known)

    async def find(self, token: str) -> Caller | None:
        # Who sends this token, asking the database if it was made elsewhere a moment ago.
        # None if it does not answer.
        if not token.startswith(PREFIX):
            return None
        wanted, now = digest(token), time.monotonic()
        if self._unknown.get(wanted, 0.0) > now or self.refusal(token) is not None:
            return None
        task = self._finding.get(wanted)
        if task is None:
            if len(self._finding) >= _MOST_FINDS:
                return None
            task = self._finding[wanted] = asyncio.create_task(self._look_up(wanted))
            task.add_done_callback(lambda _: self._finding.pop(wanted, None))
        await asyncio.shield(task)
        return self.known(token)

    async def _look_up(self, wanted: bytes) -> None:
        try:
            async with LoopTimeout(_FIND_DEADLINE):
                if await self._database.key_of(wanted.hex()) is not None:
                    await self.refresh()
        except (StoreError, TimeoutError):
            pass
        if wanted not in self._known:
            if len(self._unknown) >= _MOST_UNKNOWN:
                self._unknown.clear()
            self._unknown[wanted] = time.monotonic() + _UNKNOWN_SECONDS

    def set_master(self, master: bytes | None) -> None:
        if self._master is not None:
            self._known.pop(self._master, None)
        self._master = master
        if master is not None:
            self._known[master] = (self._special("master", admin=True), None)

    def set_gateway(self, limits: Limits | None) -> None:
        wanted = limits or Limits()
        if wanted == self._gateway:
            return
        self._gateway = wanted
        self.anonymous = self._special("", admin=False)
        self.set_master(self._master)
        self._rebuild(self.records)
        self.generation += 1

    async def refresh(self) -> None:
        # Read what changed in the database.
        # Raises StoreUnavailableError: It does not answer.
        async with self._refreshing:
            more = True
            while more:
                edits = self.edits
                changes = await self._database.changes(self.version)
                more = changes.more or edits != self.edits  # what was read may be older than a change made meanwhile
                if edits == self.edits:
                    self.apply(changes)
                await asyncio.sleep(0)

    def apply(self, changes: Changes) -> None:
        # Take over changed records.
        concerned: set[str] = set()
        for (kind, id), principal in changes.principals.items():
            concerned |= self._take_principal(kind, id, principal)
        for key_id, stored in changes.keys.items():
            if stored is None:
                self._drop(key_id)
            else:
                self._unlink(key_id)
                self.records[key_id] = stored
                concerned.add(key_id)
        self._rebuild(concerned)
        if changes.principals or changes.keys:
            self.generation += 1
        self.version = max(self.version, changes.version)

    def is_master(self, known: bytes) -> bool:
        return known == self._master

    def _take_principal(self, kind: str, id: str, principal: Principal | None) -> set[str]:
        name = (kind, id)
        if principal is None:
            self.principals.pop(name, None)
            self._limiter.forget(kind, id)
        else:
            self.principals[name] = principal
        concerned = set(self._dependents.get(name, ()))
        if kind == "budget":
            for other in [p for p in self.principals.items() if p[1].budget_id == id and p[0][0] != "budget"]:
                concerned |= self._take_principal(*other[0], other[1])
        elif principal is not None:
            self._scope_of(kind, principal)
        return concerned

    def _rebuild(self, key_ids: Iterable[str]) -> None:
        for key_id in list(key_ids):
            stored = self.records.get(key_id)
            if stored is not None:
                self._build(stored)

    def _build(self, stored: StoredKey) -> None:
        key = stored.key
        self._unlink(key.id)
        for owner in _owners(key):
            self._dependents[owner].add(key.id)
        now = bytes.fromhex(stored.digest)
        digests = [now]
        reason = self.reason(key)
        caller = self.caller_of(key)
        if reason is None:
            self._known[now] = (caller, key.expires_at)
        else:
            self._refused[now] = reason
        if stored.previous_digest is not None and key.previous_until is not None:
            before = bytes.fromhex(stored.previous_digest)
            digests.append(before)
            if reason is None:
                ends = (end for end in (key.expires_at, key.previous_until) if end is not None)
                self._known[before] = (caller, min(ends))
            else:
                self._refused[before] = reason
        for known in digests:
            self._unknown.pop(known, None)
        self._digests[key.id] = tuple(digests)

    def caller_of(self, key: Key) -> Caller:
        # The caller that a key stands for; its limits are set as a side effect.
        team = self.principals.get(("team", key.team_id)) if key.team_id else None
        user = self.principals.get(("user", key.user_id)) if key.user_id else None
        limits = self._limits((key, "key"), (team, "team"), (user, "user"))
        owners = [record for record in (key, team, user) if record is not None]
        kept = tuple(filter(None, (_rule(record.models) for record in owners)))
        tags = dict.fromkeys(tag for record in owners for tag in record.tags)
        return Caller(
            key_id=key.id,
            key_alias=key.alias,
            team_id=key.team_id,
            user_id=key.user_id,
            tags=tuple(tags),
            models=kept[0] if kept else (),
            aliases=key.aliases,
            admin=key.admin,
            limits=limits,
            model_rules=kept,
            routes=key.allowed_routes,
            networks=Networks(key.allowed_ips) if key.allowed_ips else None,
        )

    def _limits(self, *parts: tuple[Principal | None, str]) -> CallerLimits | None:
        scopes = [self._limiter.limit("gateway", "", self._gateway)]
        scopes += [self._scope_of(kind, record) for record, kind in parts if record is not None]
        return self._limiter.limits_for(scopes)

    def _scope_of(self, kind: str, record: Principal) -> Scope | None:
        base = self.principals.get(("budget", record.budget_id)) if record.budget_id else None
        limits = limits_of(record, base)
        blocked = record.blocked and kind in {"customer", "tag"}
        return self._limiter.limit(
            kind, record.id, limits, name=record.alias or record.id, made_at=record.created_at, blocked=blocked
        )

    def _special(self, key_id: str, *, admin: bool) -> Caller:
        return Caller(key_id=key_id, admin=admin, limits=self._limits())

    def reason(self, key: Key) -> str | None:
        # Why a key is not good, whenever it ends; None if it is.
        if key.blocked:
            return "this key is blocked"
        for kind, id in (("team", key.team_id), ("user", key.user_id)):
            owner = self.principals.get((kind, id)) if id else None
            if owner is not None and owner.blocked:
                return f"the {kind} of this key is blocked"
        return None

    def _unlink(self, key_id: str) -> None:
        for known in self._digests.pop(key_id, ()):
            self._known.pop(known, None)
            self._refused.pop(known, None)

    def _drop(self, key_id: str) -> None:
        self._unlink(key_id)
        stored = self.records.pop(key_id, None)
        if stored is not None:
            for owner in _owners(stored.key):
                self._dependents[owner].discard(key_id)
            self._limiter.forget("key", key_id)


def _owners(key: Key) -> list[tuple[str, str]]:
    named = (("team", key.team_id), ("user", key.user_id), ("budget", key.budget_id))
    return [(kind, id) for kind, id in named if id is not None]


def _rule(models: tuple[str, ...]) -> tuple[str, ...]:
    # Patterns as they restrict: none of them does if one stands for everything.
    return () if any(name in _EVERYTHING for name in models) else models

"""Helpers for tests of keys, limits and the admin API: clocks that stand still, callers with limits, an admin client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from lingate.errors import LingateError
from lingate.server.access import Access, AccessSettings, Limits, LocalLimiter
from lingate.server.access.meters import Owner
from lingate.server.access.records import Actor
from lingate.server.admin.app import build
from lingate.server.admin.endpoint import ConfigStatus, Parts
from lingate.server.config.settings import GatewayConfig
from lingate.server.feed import Feed
from lingate.server.ledger.query import Usage
from lingate.server.records import Caller, Estimate
from lingate.server.routing.provider_budgets import SpendBudgets
from lingate.server.store import Store

MASTER = "sk-master-of-the-admin-tests"
ROOT = Actor("master", "127.0.0.1")


class Clock:
    """Time that passes when a test says so."""

    def __init__(self, at: float = 1_800_000_000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def estimate(prompt: int = 100, output: int | None = 50, *, model: str = "gpt", most: int | None = 4096) -> Estimate:
    """A call at a dollar a million tokens of input and two of output: 100 + 50 tokens cost $0.0002."""
    return Estimate(model, prompt, output, 1e-6, 2e-6, most)


COST = 0.0002
"""Of `estimate()`."""


def caller_of(limiter: LocalLimiter, limits: Limits, id: str = "k", **facts: Any) -> Caller:
    """A caller with these limits."""
    return Caller(key_id=id, limits=limiter.limits_for([limiter.limit("key", id, limits)]), **facts)


async def outcome(
    limiter: LocalLimiter,
    caller: Caller,
    wanted: Estimate | None = None,
    *,
    hold: float = 0.0,
    cost: float | None = COST,
    end_user: str | None = None,
) -> str:
    """One call from admission to settlement: `ok`, or the kind of the refusal."""
    try:
        reservation = await limiter.admit(caller, wanted or estimate(), end_user, ())
    except LingateError as error:
        return error.kind
    if hold:
        await asyncio.sleep(hold)
    if reservation is not None:
        reservation.settle(150, cost)
    return "ok"


class Books:
    """A ledger that knows what a test says, and can be away."""

    def __init__(self, spent: dict[tuple[str, str], float] | None = None) -> None:
        self.spent = spent or {}
        self.asked: list[tuple[Owner, float]] = []
        self.away = False

    async def __call__(self, wanted: Sequence[tuple[Owner, float]]) -> list[float]:
        self.asked += wanted
        if self.away:
            raise OSError("away")
        return [self.spent.get((owner.kind, owner.id), 0.0) for owner, _ in wanted]


@contextlib.asynccontextmanager
async def access(
    tmp_path: Path, settings: AccessSettings | None = None, *, url: str | None = None, **options: Any
) -> AsyncIterator[Access]:
    """Access to a database of the test's own, started and stopped."""
    store = Store(url or f"sqlite:///{tmp_path}/access.db")
    found = Access(store, settings or AccessSettings(master_key=MASTER), **options)
    await found.start()
    try:
        yield found
    finally:
        await found.stop()
        await store.close()


def bytes_in(directory: Path) -> bytes:
    """Everything in the files of a directory."""
    return b"".join(path.read_bytes() for path in sorted(directory.iterdir()))


class Admin:
    """The admin API, asked without sockets."""

    def __init__(self, access: Access, store: Store | None = None, **parts: Any) -> None:
        store = store or access.database._store

        async def reload() -> ConfigStatus:
            return ConfigStatus()

        async def alert(service: str) -> str:
            return f"nobody listens to {service}"

        given: dict[str, Any] = {
            "alert": alert,
            "spend_budgets": lambda: SpendBudgets(GatewayConfig()),
            "deployments": tuple,
            "config": ConfigStatus,
            "reload": reload,
            "facts": dict,
        }
        given |= {"usage": Usage(store), "feed": Feed([]), "key_header": lambda: None, **parts}
        self.app = build(Parts(access=access, store=store, **given))

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: str = "",
        key: str | None = MASTER,
        raw: bytes | None = None,
        headers: Sequence[tuple[str, str]] = (),
        peer: str = "127.0.0.1",
    ) -> tuple[int, Any]:
        """Send one request; the answer's status and JSON, or text where it is none."""
        status, _, answer = await self.exchange(
            method, path, body, query=query, key=key, raw=raw, headers=headers, peer=peer
        )
        try:
            return status, msgspec.json.decode(answer)
        except msgspec.DecodeError:
            return status, answer.decode()

    async def exchange(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: str = "",
        key: str | None = MASTER,
        raw: bytes | None = None,
        headers: Sequence[tuple[str, str]] = (),
        peer: str = "127.0.0.1",
    ) -> tuple[int, dict[str, str], bytes]:
        """The same, with the answer's headers and bytes."""
        sent = raw if raw is not None else b"" if body is None else msgspec.json.encode(body)
        given = [(name.encode(), value.encode()) for name, value in headers]
        if key is not None:
            given.append((b"authorization", f"Bearer {key}".encode()))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": given,
            "client": (peer, 1),
            "server": None,
        }
        messages: list[dict[str, Any]] = []

        given_out = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if given_out.is_set():
                await asyncio.Event().wait()  # a client that waits for its answer
            given_out.set()
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        shown = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        return messages[0]["status"], shown, b"".join(message.get("body", b"") for message in messages[1:])

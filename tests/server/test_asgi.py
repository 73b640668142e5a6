"""The gateway as an ASGI application: what a server that is not ours hands it, and takes from it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lingate.server.asgi import AsgiApplication, bind
from lingate.server.config import GatewayConfig, load
from lingate.server.gateway import Gateway
from lingate.server.store import Store
from tests.server.raw_upstream import CHAT, chat, chunk, config, whole
from tests.servers import RawServer, Script

Message = MutableMapping[str, Any]


def _loaded(text: str, tmp_path: Path) -> GatewayConfig:
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    return load(str(file), {})


@asynccontextmanager
async def embedded(text: str, tmp_path: Path) -> AsyncIterator[AsgiApplication]:
    """A gateway as an ASGI application of this process."""
    gateway = Gateway(
        _loaded(text, tmp_path), state=tmp_path, store=Store(f"sqlite:///{tmp_path}/x.db"), env={}, auth=False
    )
    await gateway.store_ready()
    await gateway.start()
    try:
        yield bind(gateway.handle, gateway.start, gateway.stop)
    finally:
        await gateway.drain(0.1)
        await gateway.stop()


class Exchange:
    """One request over ASGI, whose body comes slowly, and whose answer may not be taken."""

    def __init__(
        self, body: dict[str, Any], *, pause: float = 0.0, reads: int = 1_000_000, broken: bool = False
    ) -> None:
        data = json.dumps(body).encode()
        self.pieces = [data[at : at + 20] for at in range(0, len(data), 20)]
        self.pause = pause
        self.reads = reads
        self.broken = broken  # what is not taken fails at once, before anyone says that the client has gone
        self.client: tuple[str, int] | None = None
        self.status = 0
        self.got = b""
        self.left = asyncio.Event()

    async def call(self, application: AsgiApplication) -> None:
        scope: Message = {
            "type": "http",
            "method": "POST",
            "path": CHAT,
            "query_string": b"",
            "headers": [],
            "client": self.client,
        }
        await application(scope, self.receive, self.send)

    async def receive(self) -> Message:
        if not self.pieces:
            await self.left.wait()
            return {"type": "http.disconnect"}
        await asyncio.sleep(self.pause)
        piece = self.pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces)}

    async def send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        self.got += message.get("body", b"")
        self.reads -= 1
        if self.reads < 0:
            if not self.broken:
                await self.left.wait()
            raise OSError


class TestUnderAsgi:
    async def test_a_body_that_comes_slowly_comes_whole(self, upstream: RawServer, tmp_path: Path) -> None:
        upstream.script = whole({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
        async with embedded(config(upstream.url), tmp_path) as application:
            caller = Exchange(chat("openai-x"), pause=0.04)
            await asyncio.wait_for(caller.call(application), 10)
        assert (caller.status, json.loads(caller.got)["model"]) == (200, "m")

    async def test_a_client_that_does_not_read_keeps_no_other_from_its_comments(
        self, upstream: RawServer, tmp_path: Path
    ) -> None:
        upstream.script = Script([chunk({"content": "hello"})], ending="stay")
        own = config(upstream.url, settings={"litellm_settings": {"sse_keepalive_ping_interval_seconds": 1}})
        async with embedded(own, tmp_path) as application:
            callers = [Exchange(chat("openai-x", stream=True), reads=reads) for reads in (2, 2, 2, 2, 100)]
            calls = [asyncio.create_task(caller.call(application)) for caller in callers]
            await asyncio.sleep(4.5)
            comments = callers[-1].got.count(b": keep-alive\n\n")
            for caller in callers:
                caller.left.set()
            await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)
        assert comments >= 2

    async def test_a_client_that_is_gone_when_its_stream_begins_pays_for_what_had_come(
        self, upstream: RawServer, tmp_path: Path
    ) -> None:
        upstream.script = whole({"prompt_tokens": 11, "completion_tokens": 22, "total_tokens": 33})
        async with embedded(config(upstream.url), tmp_path) as application:
            caller = Exchange(chat("openai-x", stream=True), reads=0, broken=True)
            with pytest.raises(OSError):
                await asyncio.wait_for(caller.call(application), 10)
        with sqlite3.connect(tmp_path / "x.db") as database:
            found = database.execute(
                "SELECT status, error, prompt_tokens, completion_tokens, cost FROM ledger"
            ).fetchall()
        database.close()
        assert found == [(499, "client_left", 11, 22, pytest.approx(0.011 + 0.22))]

    async def test_a_body_that_is_too_long_is_read_on_and_refused(self, upstream: RawServer, tmp_path: Path) -> None:
        asked = len(upstream.requests)
        async with embedded(config(upstream.url, limits={"max_body": 500}), tmp_path) as application:
            caller = Exchange(chat("openai-x", user="x" * 2000))
            await asyncio.wait_for(caller.call(application), 10)
        assert (caller.status, caller.pieces) == (413, [])
        assert len(upstream.requests) == asked

    async def test_a_body_that_is_too_long_in_one_piece_is_refused_too(
        self, upstream: RawServer, tmp_path: Path
    ) -> None:
        async with embedded(config(upstream.url, limits={"max_body": 500}), tmp_path) as application:
            caller = Exchange({})
            caller.pieces = [json.dumps(chat("openai-x", user="x" * 2000)).encode()]
            await asyncio.wait_for(caller.call(application), 10)
        assert (caller.status, caller.pieces) == (413, [])

    @pytest.mark.parametrize(("peer", "status"), [(("10.0.0.1", 1), 200), (("10.1.0.1", 1), 403), (None, 403)])
    async def test_who_calls_is_who_the_server_says(
        self, upstream: RawServer, tmp_path: Path, peer: tuple[str, int] | None, status: int
    ) -> None:
        upstream.script = whole({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
        allowed = {"general_settings": {"allowed_ips": ["10.0.0.0/16"]}}
        async with embedded(config(upstream.url, settings=allowed), tmp_path) as application:
            caller = Exchange(chat("openai-x"))
            caller.client = peer
            await asyncio.wait_for(caller.call(application), 10)
        assert caller.status == status

    async def test_a_client_that_leaves_while_it_sends_is_answered_by_nobody(
        self, upstream: RawServer, tmp_path: Path
    ) -> None:
        asked = len(upstream.requests)
        async with embedded(config(upstream.url), tmp_path) as application:
            caller = Exchange(chat("openai-x"))
            caller.pieces = []
            caller.left.set()
            await asyncio.wait_for(caller.call(application), 10)
        assert (caller.status, caller.got) == (0, b"")
        assert len(upstream.requests) == asked


class TestLifespan:
    """A server that hosts the application starts and stops it."""

    async def test_it_starts_answers_and_stops(self, upstream: RawServer, tmp_path: Path) -> None:
        upstream.script = whole({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
        store = Store(f"sqlite:///{tmp_path}/x.db")
        gateway = Gateway(_loaded(config(upstream.url), tmp_path), state=tmp_path, store=store, env={}, auth=False)
        application = bind(gateway.handle, gateway.start, gateway.stop)
        wanted: asyncio.Queue[Message] = asyncio.Queue()
        told: asyncio.Queue[Message] = asyncio.Queue()
        hosted = asyncio.create_task(application({"type": "lifespan"}, wanted.get, told.put))

        wanted.put_nowait({"type": "lifespan.startup"})
        assert await asyncio.wait_for(told.get(), 10) == {"type": "lifespan.startup.complete"}
        caller = Exchange(chat("openai-x"))
        await asyncio.wait_for(caller.call(application), 10)
        assert caller.status == 200
        wanted.put_nowait({"type": "lifespan.shutdown"})
        assert await asyncio.wait_for(told.get(), 10) == {"type": "lifespan.shutdown.complete"}
        await asyncio.wait_for(hosted, 10)

    async def test_a_start_that_fails_is_told_to_the_server(self) -> None:
        async def nothing(*_: Any) -> None:
            raise RuntimeError("no room")

        async def wanted() -> Message:
            return {"type": "lifespan.startup"}

        told: list[Message] = []

        async def send(message: Message) -> None:
            told.append(message)

        with pytest.raises(RuntimeError):
            await bind(nothing, nothing, nothing)({"type": "lifespan"}, wanted, send)
        assert told == [{"type": "lifespan.startup.failed", "message": "no room"}]

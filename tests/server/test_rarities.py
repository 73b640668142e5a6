"""What callers, owners and providers do seldom: each is answered as it should be, and written down."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx2
import pytest

from lingate.server.access.inputs import NewKey
from lingate.server.access.service import RefusedError
from tests.server.access_kit import ROOT, access
from tests.server.asking import rows
from tests.server.gateway_kit import running_gateway
from tests.server.raw_upstream import CHAT, chat, config, whole
from tests.servers import RawServer

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


@pytest.mark.parametrize("url", ["sqlite", "postgres"])
async def test_one_token_brought_along_twice_at_once_is_one_key(
    url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = str(request.getfixturevalue("postgres")) if url == "postgres" else None
    async with access(tmp_path, url=place) as found:
        wanted = [found.service.create_key(ROOT, NewKey(key="sk-brought-along-by-its-owner")) for _ in range(4)]
        made = await asyncio.gather(*wanted, return_exceptions=True)
    assert [one.status for one in made if isinstance(one, RefusedError)] == [409] * 3
    assert sum(isinstance(one, tuple) for one in made) == 1


def test_a_request_that_can_be_read_and_is_too_deep_to_be_sent_on_is_its_callers_fault(
    upstream: RawServer, tmp_path: Path
) -> None:
    upstream.script = whole(USAGE)
    found: dict[str, set[int]] = {}
    with running_gateway(config(upstream.url), tmp_path) as gateway, httpx2.Client(timeout=20) as client:
        for model in ("openai-x", "anthropic-x", "gemini-x"):
            for depth in range(960, 1000):
                body = json.dumps(chat(model, odd=0)).replace('"odd": 0', f'"odd": {"[" * depth}{"]" * depth}')
                answer = client.post(gateway.url + CHAT, content=body)
                found.setdefault(model, set()).add(answer.status_code)
        statuses = {row["status"] for row in rows(gateway)}
    # The upstream speaks OpenAI's format only.
    assert found == {"openai-x": {200, 400}, "anthropic-x": {502, 400}, "gemini-x": {502, 400}}
    assert statuses == {200, 400, 502}

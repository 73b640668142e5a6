"""Asks a gateway over HTTP, and reads what it answered and what it wrote down."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

import httpx2

from tests.server.gateway_kit import ADMIN, Running


def ask(
    gateway: Running, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> httpx2.Response:
    """POST, and read the whole answer."""
    return httpx2.post(gateway.url + path, json=body, headers=dict(headers or {}), timeout=20)


def new_key(gateway: Running, **limits: Any) -> tuple[str, dict[str, str]]:
    """A key with these limits: its id, and the headers that send it."""
    made = ask(gateway, "/admin/keys", limits, ADMIN).raise_for_status().json()
    return made["key"]["id"], {"authorization": f"Bearer {made['token']}"}


def budget_of(gateway: Running, key_id: str) -> dict[str, Any]:
    """The first budget of a key, as the admin API shows it."""
    found = httpx2.get(f"{gateway.url}/admin/keys/{key_id}", headers=ADMIN).raise_for_status().json()
    budget: dict[str, Any] = found["budgets"][0]
    return budget


def chunks(answer: httpx2.Response) -> list[dict[str, Any]]:
    """The JSON of each event of an OpenAI stream."""
    lines = (line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: "))
    return [json.loads(line) for line in lines if line != "[DONE]"]


def deltas(answer: httpx2.Response) -> str:
    """The text of an OpenAI stream."""
    return "".join(
        choice["delta"].get("content") or "" for chunk in chunks(answer) for choice in chunk.get("choices") or ()
    )


def final_usage(answer: httpx2.Response) -> dict[str, Any] | None:
    """The token counts of an OpenAI stream."""
    found = [chunk["usage"] for chunk in chunks(answer) if chunk.get("usage")]
    return found[-1] if found else None


def rows(gateway: Running) -> list[dict[str, Any]]:
    """The ledger, oldest row first."""
    gateway.flush()
    with sqlite3.connect(gateway.state / "gateway.db") as database:
        database.row_factory = sqlite3.Row
        found = [dict(row) for row in database.execute("SELECT * FROM ledger ORDER BY at, id")]
    database.close()
    return found

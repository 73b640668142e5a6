"""Rows of providers with a wire format, or a way to sign in, of their own: nobody is missing, nothing contradicts the facts."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import lingate
from lingate._dialects._base import dialect
from lingate._model import ProviderRow
from lingate._providers.rows import DEFAULTS, ROWS

_TEMPLATE = re.compile(r"\{([A-Z0-9_|]+)(?:=([^{}]*))?\}")
_OPENAI_SHAPED = {"openai-chat", "anthropic-messages"}

# Where the table knows better than the entry: its own remarks, or the vendor's documentation.
_OTHER_ADDRESS = {
    "bytez": "https://api.bytez.com/models/v2/openai/v1",
    "predibase": "https://serving.app.predibase.com/",
}
_MORE_VARIABLES = {
    "azure": ("AZURE_AD_TOKEN", "AZURE_OPENAI_AD_TOKEN"),
    "azure_ai": ("ANTHROPIC_FOUNDRY_API_KEY", "AZURE_AD_TOKEN", "AZURE_OPENAI_AD_TOKEN"),
    "watsonx": ("WATSONX_TOKEN",),
}


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _by_name() -> dict[str, ProviderRow]:
    return {_plain(name): row for row in ROWS for name in (row.name, *row.aliases)}


@pytest.fixture
def facts(shared: Path) -> dict[str, dict[str, Any]]:
    """Every known provider that serves chats, whatever its format."""
    file = shared / "providers.json"
    if not file.is_file():
        pytest.skip(f"no {file}")
    return {item["id"]: item for item in json.loads(file.read_text()) if "chat" in item["endpoints"]}


def test_there_are_more_than_two_hundred_providers_of_chats_and_each_is_spoken_to_in_its_own_format() -> None:
    chats = [info for info in lingate.providers(env={}) if "chat" in info.operations]
    native = [info for info in chats if "chat" in dialect(info.dialect).operations and not info.ended]

    assert len(chats) >= 220
    assert len(native) >= 215


def test_nobody_who_serves_chats_is_missing(facts: dict[str, dict[str, Any]]) -> None:
    rows = _by_name()

    missing = [name for name, item in facts.items() if not {_plain(name), *map(_plain, item["aliases"])} <= rows.keys()]

    assert missing == []


def test_addresses_and_variables_are_those_that_the_sources_agreed_on(facts: dict[str, dict[str, Any]]) -> None:
    rows = _by_name()
    wrong = []
    for name, item in facts.items():
        if item["dialect"] in _OPENAI_SHAPED:
            continue
        row = rows[_plain(name)]
        url = _TEMPLATE.sub(lambda found: found[2] or "", row.url or "")
        if item["base_url"] is not None and url != _OTHER_ADDRESS.get(name, item["base_url"].rstrip("/")):
            wrong.append(f"{name}: {url}")
        known = (*row.key_env, *row.token_env)
        if item["api_key_env"] and known != (*item["api_key_env"], *_MORE_VARIABLES.get(name, ())):
            wrong.append(f"{name}: {known}")
        if not set(item["base_url_env"]) <= {*row.url_env, *_variables(row)}:
            wrong.append(f"{name}: {row.url_env}")

    assert wrong == []


def _variables(row: ProviderRow) -> set[str]:
    return {name for found in _TEMPLATE.finditer(row.url or "") for name in found[1].split("|")}


def test_what_the_sources_say_is_refused_is_said_or_has_no_counterpart(facts: dict[str, dict[str, Any]]) -> None:
    rows = _by_name()
    spoken = {"openai_chat", "watsonx_chat", "gigachat_chat"}
    elsewhere = {
        "messages[].name": lambda row: row.traits.get("names") == "none",
        "response_format (native)": lambda row: row.traits.get("structured") == "tool",
    }

    unsaid = [
        f"{name}: {param}"
        for name, item in facts.items()
        if item["dialect"] not in _OPENAI_SHAPED and rows[_plain(name)].dialect in spoken
        for param in item["unsupported_params"] or ()
        if param not in rows[_plain(name)].unsupported
        and not elsewhere.get(param, lambda row: False)(rows[_plain(name)])
    ]

    assert unsaid == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_format_and_the_way_to_sign_in_exist(row: ProviderRow) -> None:
    formats = {row.dialect, *(rule.dialect for rule in row.models if rule.dialect)}
    module = row.auth.partition("|")[2] or row.auth
    scheme = module.partition(":")[0]

    for name in formats:
        assert name in DEFAULTS
        assert dialect(name).name == name
    if scheme not in ("bearer", "none", "header", "scheme"):
        assert find_spec(f"lingate._auth.{scheme}") is not None
    assert (row.exchange is not None) is (scheme == "oauth")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_queries_bodies_and_exchanges_hold_templates_that_make_sense(row: ProviderRow) -> None:
    texts = [*row.query.values(), *(text for text in row.body.values() if isinstance(text, str))]
    if row.exchange is not None:
        given = row.exchange
        texts += [given.url, given.client_id, given.client_secret, *given.form.values(), *given.headers.values()]

    for text in texts:
        rest = re.sub(r"\{(?:key|basic|origin|uuid)\}", "", _TEMPLATE.sub("", text))
        assert "{" not in rest
        assert "}" not in rest
    if row.exchange is not None and "{origin}" not in row.exchange.url:
        filled = _TEMPLATE.sub(lambda found: found[2] or "https://x", row.exchange.url)
        assert filled.startswith("https://")

"""The table: every row makes sense by itself, and says what the sources beside the project say."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from lingate._dialects._base import dialect
from lingate._model import Operation, ProviderRow, Traits
from lingate._providers.quirks import QUIRKS
from lingate._providers.rows import DEFAULTS, PROXIES, ROWS
from lingate._providers.settings import check_headers, check_row, check_url, settings_from
from lingate.errors import BY_KIND

_VARIABLE = re.compile(r"[A-Z0-9][A-Z0-9_]*")
_TEMPLATE = re.compile(r"\{([A-Z0-9_|]+)(?:=([^{}]*))?\}")
_DIALECTS = {"openai-chat": "openai_chat", "anthropic-messages": "anthropic"}


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _each_row() -> Any:
    return pytest.mark.parametrize("row", [*ROWS, *DEFAULTS.values(), *PROXIES], ids=lambda row: row.name)


def test_the_table_has_at_least_190_providers() -> None:
    assert len(ROWS) >= 190


def test_the_table_is_sorted_by_name() -> None:
    names = [row.name for row in ROWS]

    assert names == sorted(names, key=str.lower)


def test_the_sources_of_every_row_are_written_down() -> None:
    lines = (Path(__file__).parents[2] / "docs" / "sources.txt").read_text(encoding="utf-8").splitlines()[1:]
    told = {name: found for name, _, found in (line.partition(": ") for line in lines)}
    assert list(told) == sorted(told)
    assert all(told.values())
    assert {row.name for row in ROWS} - told.keys() == set(), "say in docs/sources.txt where the facts are from"
    assert told.keys() - {row.name for row in ROWS} == set()


def test_no_two_rows_answer_to_the_same_name() -> None:
    names = Counter(name for row in ROWS for name in {_plain(name) for name in (row.name, *row.aliases)})

    assert [name for name, count in names.items() if count > 1] == []


def test_an_alias_says_more_than_its_row_s_name_does() -> None:
    idle = [alias for row in ROWS for alias in row.aliases if _plain(alias) == _plain(row.name)]

    assert idle == []


@_each_row()
def test_a_row_would_pass_as_a_user_s_own(row: ProviderRow) -> None:
    settings_from("mine", {"traits": dict(row.traits)}, None)
    for rule in row.models:
        settings_from("mine", {"traits": dict(rule.traits), "unsupported": list(rule.unsupported)}, None)

    check_row(row, row.name)
    assert check_headers(row.headers, "headers") == dict(row.headers)


@_each_row()
def test_a_row_names_only_what_exists(row: ProviderRow) -> None:
    assert row.dialect in DEFAULTS
    assert set(row.operations) <= set(get_args(Operation))
    assert len(set(row.operations)) == len(row.operations)
    assert {"chat", "embeddings", "images"} & set(row.operations)
    assert set(row.paths) <= set(row.operations)
    assert all(path.startswith("/") for path in row.paths.values())
    assert set(row.quirks) <= set(QUIRKS)
    assert set(row.error_kinds.values()) <= set(BY_KIND)


@_each_row()
def test_a_row_serves_no_more_than_its_formats_can_say(row: ProviderRow) -> None:
    formats = {row.dialect, *(rule.dialect for rule in row.models if rule.dialect)}
    known = {name for one in formats for name in dialect(one).operations}

    # The first three are asked for by way of chats, or in another format.
    assert set(row.operations) <= {"responses", "completions", "count_tokens"} | known


@_each_row()
def test_a_row_s_variables_look_like_variables(row: ProviderRow) -> None:
    names = [*row.key_env, *row.token_env, *row.url_env]
    for text in (row.url or "", *row.headers.values()):
        names += [name for found in _TEMPLATE.finditer(text) for name in found[1].split("|")]

    assert [name for name in names if not _VARIABLE.fullmatch(name)] == []
    assert len(set(row.key_env)) == len(row.key_env)
    assert len(set(row.url_env)) == len(row.url_env)


@_each_row()
def test_a_row_s_address_is_https_or_on_this_machine(row: ProviderRow) -> None:
    if row.url is None or row.dialect == "litellm":
        return
    filled = _TEMPLATE.sub(lambda found: found[2] or "x", row.url)
    if row.url.startswith("{"):
        filled = _TEMPLATE.sub(lambda found: found[2] or "https://x", row.url, count=1)

    assert check_url(filled, "url") == filled
    local = re.match(r"http://(localhost|127\.0\.0\.1):\d+(/|$)", filled)
    assert local is not None if row.local else filled.startswith("https://")


@_each_row()
def test_a_tail_is_a_path(row: ProviderRow) -> None:
    assert re.fullmatch(r"(/[\w.-]+)*", _TEMPLATE.sub("x", row.url_tail))


def test_a_row_that_needs_a_key_says_where_it_may_be() -> None:
    silent = [row.name for row in ROWS if not row.key_env and not row.sign_env and not row.local and row.auth != "none"]

    # Its key is made by signing in, which is the user's business.
    assert silent == ["github_copilot"]


def test_a_row_without_an_address_says_where_it_may_be() -> None:
    assert [row.name for row in ROWS if row.url is None and not row.url_env] == []


def test_every_quirk_has_a_function_and_is_used() -> None:
    assert {name for row in ROWS for name in row.quirks} == set(QUIRKS)


def test_a_service_that_ended_says_when_and_what_to_use() -> None:
    ended = {row.name: row.ended for row in ROWS if row.ended}

    assert set(ended) == {"anyscale", "github", "lambda_ai", "meta_llama", "monsterapi"}
    assert all(" use " in text or " successor " in text for text in ended.values())


def test_the_traits_a_row_may_state_all_have_a_meaning_written_down() -> None:
    (made,) = ast.parse(inspect.getsource(Traits)).body
    assert isinstance(made, ast.ClassDef)
    described = {
        field.target.id
        for field, words in pairwise(made.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(words, ast.Expr)
    }

    assert set(get_type_hints(Traits)) == described


# Where the table knows better than providers.json: what PROVIDERS.md section 2 or the entry's own remarks decided.
_MORE_KEYS = {
    "custom_openai": ("OPENAI_LIKE_API_KEY",),
    "kimi-for-coding": ("KIMI_CODING_API_KEY",),
    "oobabooga": ("OOBABOOGA_API_KEY",),
    "qiniu": ("QINIUCLOUD_API_KEY",),
    "qwencloud": ("ALIBABA_API_KEY",),
    "zhipuai": ("BIGMODEL_API_KEY",),
}


def _facts(shared: Path) -> dict[str, dict[str, Any]]:
    file = shared / "providers.json"
    if not file.is_file():
        pytest.skip(f"no {file}")
    entries = json.loads(file.read_text())
    return {item["id"]: item for item in entries if item["dialect"] in _DIALECTS and "chat" in item["endpoints"]}


def _by_name() -> dict[str, ProviderRow]:
    return {_plain(name): row for row in ROWS for name in (row.name, *row.aliases)}


def test_every_known_chat_provider_of_these_formats_is_in_the_table(shared: Path) -> None:
    rows = _by_name()

    missing = [name for name in _facts(shared) if _plain(name) not in rows]

    assert missing == []


def test_every_other_name_of_a_known_provider_is_found_too(shared: Path) -> None:
    rows = _by_name()

    missing = [alias for item in _facts(shared).values() for alias in item["aliases"] if _plain(alias) not in rows]

    assert missing == []


def test_addresses_and_formats_are_those_that_the_sources_agreed_on(shared: Path) -> None:
    rows = _by_name()

    wrong = []
    for name, item in _facts(shared).items():
        row = rows[_plain(name)]
        url = _TEMPLATE.sub(lambda found: found[2] or "", row.url or "")
        if item["base_url"] is not None and url != item["base_url"].rstrip("/"):
            wrong.append(f"{name}: {url}")
        if row.dialect != _DIALECTS[item["dialect"]]:
            wrong.append(f"{name}: {row.dialect}")

    assert wrong == []


def test_key_variables_and_their_order_are_those_that_the_sources_agreed_on(shared: Path) -> None:
    rows = _by_name()

    wrong = []
    for name, item in _facts(shared).items():
        if item["api_key_env"] is None:
            continue
        expected = (*item["api_key_env"], *_MORE_KEYS.get(name, ()))
        if rows[_plain(name)].key_env != expected:
            wrong.append(f"{name}: {rows[_plain(name)].key_env} is not {expected}")

    assert wrong == []


def test_what_the_sources_say_is_refused_is_said_in_the_table(shared: Path) -> None:
    rows = _by_name()
    elsewhere = {
        "tool_choice other than auto/none": lambda row: row.traits.get("tool_choice_required") == "auto",
        "tools[].function.strict": lambda row: "strict" in row.traits.get("tool_schema_drop", ()),
        "messages[].name": lambda row: row.traits.get("names") == "none",
    }

    unsaid = [
        f"{name}: {param}"
        for name, item in _facts(shared).items()
        if item["dialect"] == "openai-chat"
        for param in item["unsupported_params"] or ()
        if param not in rows[_plain(name)].unsupported
        and not elsewhere.get(param, lambda row: False)(rows[_plain(name)])
    ]

    assert unsaid == []


_RECORDED = {
    "avian": "avian",
    "cerebras": "cerebras",
    "crusoe": "crusoe",
    "deepseek": "deepseek",
    "groq": "groq",
    "heroku": "heroku",
    "mistral": "mistral",
    "openai": "openai-chat",
    "openrouter": "openrouter",
    "together_ai": "together",
    "vercel_ai_gateway": "vercel-ai-gateway",
    "xai": "xai",
    "zai": "zai",
}


@pytest.mark.parametrize("name", _RECORDED)
def test_nothing_that_was_seen_to_work_is_said_to_be_refused(name: str, recordings: Path) -> None:
    row = _by_name()[_plain(name)]
    file = recordings / f"{_RECORDED[name]}.jsonl"
    if not file.is_file():
        pytest.skip(f"no {file}")

    taken = set()
    for line in file.read_text().splitlines():
        exchange = json.loads(line)
        body = exchange["request"]["body"]
        if exchange["response"]["status"] == 200 and isinstance(body, dict) and "messages" in body:
            taken |= {field for field, value in body.items() if value is not None}

    assert taken & set(row.unsupported) == set()

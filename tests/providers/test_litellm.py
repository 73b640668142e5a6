"""What has to do with LiteLLM in a look-up: its proxy, and providers that only its package knows."""

from __future__ import annotations

import re

import pytest

from lingate._model import ProviderRow
from lingate._providers.lookup import borrowed, credential, find, resolve, rows
from lingate._providers.rows_litellm import BORROWED, LITELLM
from lingate._providers.settings import check_row
from lingate.errors import ConfigError, UnknownProviderError

KEY = "sk-canary-4711"
PROXY = {"LITELLM_PROXY_API_BASE": "http://proxy:4000", "LITELLM_PROXY_API_KEY": KEY}


def some(name: str) -> ProviderRow:
    """A provider of the package's, whoever has a row by now."""
    return ProviderRow(name=name, dialect=LITELLM.dialect, url=LITELLM.url, key_env=("SOME_KEY",), auth="none")


@pytest.mark.parametrize("name", ["litellm_proxy", "litellm-proxy", "litellm"])
def test_a_deployment_of_a_litellm_proxy_is_written_behind_its_name(name: str) -> None:
    target = resolve(f"{name}/team/big-model", env=PROXY)

    assert target.row.dialect == "openai_chat"
    assert (target.model, target.url) == ("team/big-model", "http://proxy:4000/v1")
    assert target.headers["authorization"] == f"Bearer {KEY}"
    assert target.secrets == (KEY,)


def test_a_litellm_proxy_without_a_key_is_asked_without_one() -> None:
    target = resolve("litellm_proxy/m", env={"LITELLM_PROXY_API_BASE": "http://proxy:4000/v1/"})

    assert target.url == "http://proxy:4000/v1"
    assert "authorization" not in target.headers


def test_a_litellm_proxy_without_an_address_says_where_it_may_be() -> None:
    with pytest.raises(ConfigError, match="LITELLM_PROXY_API_BASE"):
        resolve("litellm_proxy/m", env={"LITELLM_PROXY_API_KEY": KEY})


def test_a_litellm_proxy_takes_what_is_canonical_whatever_model_stands_behind_it() -> None:
    own = resolve("litellm_proxy/claude-opus-4-7", env=PROXY)
    last_resort = resolve("anthropic/claude-opus-4-7", env=PROXY)

    for target in (own, last_resort):
        assert target.traits["structured"] == "json_schema"
        assert target.traits["reasoning_param"] == "reasoning_effort"
        assert target.traits["reasoning_history"] == "thinking_blocks"
        assert target.traits["cache_control"] is True


@pytest.mark.parametrize("row", [*BORROWED, LITELLM], ids=lambda row: row.name)
def test_a_row_of_the_package_s_makes_sense(row: ProviderRow) -> None:
    check_row(row, row.name)

    assert (row.dialect, row.auth, row.url) == ("litellm", "none", LITELLM.url)
    assert set(row.operations) <= {"chat", "embeddings"}
    assert all(re.fullmatch(r"[A-Z0-9_]+", name) for name in row.key_env)


def test_what_only_the_package_knows_is_not_listed_among_the_providers() -> None:
    assert "litellm" not in {row.dialect for row in rows()}


def test_whether_there_is_a_key_is_known_without_the_package() -> None:
    row = next(row for row in BORROWED if row.key_env)

    found = credential(borrowed(row.name) or row, {row.key_env[0]: KEY})

    assert (found.provider, found.present, found.variable) == (row.name, True, row.key_env[0])
    assert find(row.name).name == row.name


def test_a_name_that_the_table_has_not_is_borrowed() -> None:
    asked: list[str] = []

    def borrow(name: str) -> ProviderRow:
        asked.append(name)
        return some("nowhere-else")

    target = resolve("nowhere-else/a/b", env={"SOME_KEY": KEY}, borrow=borrow)
    resolve("groq/m", env={"GROQ_API_KEY": KEY}, borrow=borrow)

    assert asked == ["nowhere-else"]
    assert (target.row.dialect, target.model, target.url) == ("litellm", "a/b", LITELLM.url)
    assert target.headers["authorization"] == f"Bearer {KEY}"
    assert target.secrets == (KEY,)


def test_a_configuration_may_hold_the_key_of_a_borrowed_provider() -> None:
    target = resolve("nowhere-else/m", env={}, config={"nowhere-else": {"api_key": KEY}}, borrow=some)

    assert target.row.dialect == "litellm"
    assert target.secrets == (KEY,)


def test_a_configuration_with_an_address_is_a_provider_of_the_user_s_own() -> None:
    config = {"nowhere-else": {"url": "http://mine/v1"}}

    target = resolve("nowhere-else/m", env={}, config=config, borrow=some)

    assert (target.row.dialect, target.url) == ("openai_chat", "http://mine/v1")


def test_any_provider_is_sent_to_the_package_by_its_dialect() -> None:
    target = resolve("groq/m", env={"GROQ_API_KEY": KEY}, config={"groq": {"dialect": "litellm"}})

    assert (target.row.name, target.row.dialect, target.url) == ("groq", "litellm", LITELLM.url)
    assert target.headers["authorization"] == f"Bearer {KEY}"


def test_a_name_that_nobody_lends_is_unknown() -> None:
    with pytest.raises(UnknownProviderError, match="the closest are") as caught:
        resolve("nowhere-else/m", env={}, borrow=lambda name: None)

    assert "pip install" not in str(caught.value)


@pytest.mark.parametrize("row", BORROWED, ids=lambda row: row.name)
def test_a_name_that_the_package_would_know_names_the_package(row: ProviderRow) -> None:
    if any(known.name == row.name or row.name in known.aliases for known in rows()):
        pytest.skip(f"{row.name} has a row of its own")

    with pytest.raises(UnknownProviderError) as caught:
        resolve(f"{row.name}/m", env={}, borrow=lambda name: None)

    assert "pip install 'lingate[litellm]'" in str(caught.value)
    assert "the closest are" in str(caught.value)

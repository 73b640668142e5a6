"""The public functions about providers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import lingate
from lingate._io.catalog_sources import CatalogSources
from lingate._io.config import Config
from lingate._providers import lookup
from lingate.errors import BadRequestError, ConfigError, UnknownProviderError
from lingate.testing import FakeTransport, Reply

KEY = "sk-canary-0123456789abcdef"


def test_credentials_tell_whether_a_key_is_there_and_never_the_key() -> None:
    absent = lingate.credentials("openai", env={})
    present = lingate.credentials("openai/gpt-4o", env={"OPENAI_API_KEY": KEY})

    assert (absent.present, absent.variable, absent.required) == (False, None, True)
    assert (present.present, present.variable) == (True, "OPENAI_API_KEY")
    assert "OPENAI_API_KEY" in absent.variables
    assert KEY not in repr(present)


def test_credentials_look_at_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", KEY)

    assert lingate.credentials("groq").present


@pytest.mark.parametrize("name", ["opena", "", "/gpt-4o"])
def test_credentials_of_an_unknown_provider_are_an_error(name: str) -> None:
    with pytest.raises(UnknownProviderError):
        lingate.credentials(name)


def test_credentials_of_something_else_than_a_name_are_an_error() -> None:
    with pytest.raises(ConfigError, match="takes the name of a provider, not int"):
        lingate.credentials(5)  # type: ignore[arg-type]


def test_providers_are_listed_by_name_with_what_their_rows_say() -> None:
    found = lingate.providers(env={"ANTHROPIC_API_KEY": KEY})
    by_name = {info.name: info for info in found}

    assert [info.name for info in found] == sorted(row.name for row in lookup.rows())
    assert by_name["anthropic"].present
    assert not by_name["openai"].present
    assert by_name["openai"].required
    assert not by_name["lm_studio"].required
    assert by_name["lm_studio"].local
    assert any(info.ended for info in found)
    assert KEY not in repr(found)
    assert by_name["openai"].to_dict()["variables"] == list(by_name["openai"].variables)


def test_a_registered_provider_is_found_listed_and_called() -> None:
    row = lingate.register("ours", url="https://ours.example/v1", key_env=["OURS_KEY"], aliases=["our-own"])

    assert row.name == "ours"
    assert lingate.credentials("our-own", env={"OURS_KEY": KEY}).present
    assert "ours" in {info.name for info in lingate.providers()}
    assert lookup.resolve("ours/m", env={"OURS_KEY": KEY}).url == "https://ours.example/v1"


def test_a_whole_row_can_be_registered() -> None:
    row = lingate.ProviderRow(name="ours", url="https://ours.example/v1")

    assert lingate.register(row) is row
    assert lookup.find("ours") is row


def test_what_is_not_named_comes_from_the_row_of_that_name() -> None:
    row = lingate.register("groq", url="https://ours.example/v1")

    assert row.key_env == ("GROQ_API_KEY",)
    assert row.url == "https://ours.example/v1"


def test_a_provider_that_is_changed_is_another_one_for_clients_that_have_called_it() -> None:
    transport = FakeTransport(Reply({"error": {"message": "no"}}, status=400))
    client = lingate.Lingate(transport=transport, env={"GROQ_API_KEY": KEY})

    for url in ("https://ours.example/v1", "https://theirs.example/v1"):
        lingate.register("groq", url=url)
        with pytest.raises(BadRequestError):
            client.chat("groq/m", "hi")
        assert transport.requests[-1].url == f"{url}/chat/completions"


def test_what_cannot_be_registered_is_an_error_that_says_why() -> None:
    with pytest.raises(ConfigError, match="key_env"):
        lingate.register("ours", key_envs=["OURS_KEY"])
    with pytest.raises(ConfigError, match="not both"):
        lingate.register(lingate.ProviderRow(name="ours"), url="https://ours.example")


def test_a_catalog_is_of_the_curated_models_or_of_all() -> None:
    with pytest.raises(ConfigError, match="'curated' or 'all', not 'some'"):
        lingate.catalog("some")  # type: ignore[arg-type]


@pytest.mark.parametrize("listed", [None, "not JSON", "[1]", '{"sample_spec": {}, "x": 5}'])
def test_the_list_that_comes_with_litellm_is_read_without_importing_it(
    listed: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "litellm"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    file = package / "model_prices_and_context_window_backup.json"
    if listed is not None:
        file.write_text(listed)
    monkeypatch.delitem(sys.modules, "litellm", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))

    before = {offer.model for offer in lingate.catalog("all", env={})}
    prices = {"input_cost_per_token": "1e-6", "output_cost_per_token": "dear", "max_input_tokens": 1000}
    file.write_text(json.dumps({"openai/strange": {"litellm_provider": "openai", "mode": "chat", **prices}}))
    (strange,) = [offer for offer in lingate.catalog("all", env={}) if offer.model == "openai/strange"]

    assert "openai/strange" not in before
    assert (strange.context, strange.input, strange.output) == (1000, 1.0, None)


def test_a_row_that_signs_in_in_no_known_way_says_so_when_it_is_called() -> None:
    row = lingate.ProviderRow(name="odd-sign-in", url="http://127.0.0.1:9/v1", dialect="openai_chat", auth="nowhere")
    lingate.register(row)

    with pytest.raises(ConfigError, match="no way to sign in named 'nowhere'"):
        lingate.Lingate(env={}).chat("odd-sign-in/m", "hi", api_key="k")


def test_a_provider_without_a_key_is_there_by_a_proxy() -> None:
    found = CatalogSources(Config(), {"LINGATE_PROXY_URL": "http://127.0.0.1:1"}).availability("openai")

    assert (found.mark, found.source, found.label) == ("present", "LINGATE_PROXY_URL", "by proxy")

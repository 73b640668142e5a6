"""`lingate models` where no person sits: lists, JSON, the default model; and the catalogue behind it."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._io.catalog_sources import CatalogSources
from lingate._io.config import Config
from lingate._model import ProviderRow
from lingate._providers import lookup
from lingate._providers.availability import availability
from lingate._providers.offered import Offer, curated, live, mapped, merged, modalities
from lingate._providers.rows_curated import CURATED, EDITION
from lingate.simulator import Simulator
from tests.cli.driver import KEY, Terminal, lingate, started


def home(folder: Path, **env: str) -> dict[str, str]:
    return {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), **env}


def test_a_pipe_gets_one_line_a_model_and_no_codes(tmp_path: Path) -> None:
    done = lingate("models", **home(tmp_path, OPENAI_API_KEY=KEY))
    lines = done.out.splitlines()

    assert lines[0].split() == ["MODEL", "CREDENTIAL", "CONTEXT", "IN", "OUT", "READS", "WRITES"]
    assert len(lines) == len(CURATED) + 1
    line = next(line for line in lines if line.startswith("openai/gpt-6-luna "))
    assert line.split() == ["openai/gpt-6-luna", "present", "1050000", "0.1", "0.5", "text,image,pdf", "text"]
    assert "\x1b" not in done.out + done.err
    assert KEY not in done.out + done.err
    assert "--all" in done.err


def test_json_has_every_fact_of_every_model(tmp_path: Path) -> None:
    found = json.loads(lingate("models", "--json", **home(tmp_path, GROQ_API_KEY=KEY)).out)
    by_name = {item["model"]: item for item in found}

    assert by_name["groq/openai/gpt-oss-120b"] == {
        "model": "groq/openai/gpt-oss-120b",
        "provider": "groq",
        "credential": "present",
        "credential_from": "GROQ_API_KEY",
        "context": 131072,
        "price": {"input": 0.15, "output": 0.6},
        "reads": ["text"],
        "writes": ["text"],
        "curated": True,
        "default": False,
        "sources": ["curated"],
    }
    assert by_name["openai/gpt-6-luna"]["credential"] == "missing"
    assert by_name["ollama/gpt-oss:20b"]["credential"] == "unneeded"
    assert by_name["bedrock/global.anthropic.claude-sonnet-5-5"]["credential"] == "unknown"


def test_all_is_thousands_of_models_each_once(tmp_path: Path) -> None:
    pytest.importorskip("genai_prices")
    found = json.loads(lingate("models", "--all", "--json", **home(tmp_path)).out)
    names = [item["model"] for item in found]

    assert len(names) > 2000
    assert len(set(names)) == len(names)
    assert all(item["reads"] or "prices" in item["sources"] for item in found)
    assert sum(item["price"]["input"] is not None for item in found) > 1900


def test_a_filter_and_present_narrow_the_list(tmp_path: Path) -> None:
    found = lingate("models", "sonnet anthropic", **home(tmp_path)).out.splitlines()[1:]
    assert all("sonnet" in line for line in found)
    assert len(found) >= 2

    ready = json.loads(lingate("models", "--json", "--present", **home(tmp_path, XAI_API_KEY=KEY)).out)
    assert {item["provider"] for item in ready} == {"xai"}
    assert lingate("models", "no-such-model", **home(tmp_path)).out == ""


def test_live_asks_the_providers_that_have_a_credential_and_no_other(tmp_path: Path, simulator: Simulator) -> None:
    to = {
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": f"{simulator.url}/v1",
        "GROQ_API_KEY": KEY,
        "GROQ_BASE_URL": "http://127.0.0.1:9",
    }
    done = lingate("models", "--live", "--json", "sim-", **home(tmp_path, **to))
    found = json.loads(done.out)

    assert {"provider": "openai", "sources": ["live"]}.items() <= found[0].items()
    assert "openai lists" in done.err
    assert "groq: lingate: ConnectError" in done.err
    assert [request.path for request in simulator.requests()] == ["/v1/models"]
    assert KEY not in done.out + done.err


def test_the_saved_default_is_asked_unless_something_else_is_said(tmp_path: Path, simulator: Simulator) -> None:
    env = home(tmp_path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL=f"{simulator.url}/v1")
    done = lingate("models", "--default", "openai/sim-large", **env)
    assert "openai/sim-large is the default model now" in done.err

    assert "hello there" in lingate("chat", "hello there", **env).out
    lingate("chat", "hello", LINGATE_MODEL="openai/sim-small", **env)
    lingate("chat", "hello", "-m", "openai/sim-other", **env)

    assert [request.model for request in simulator.requests()] == ["sim-large", "sim-small", "sim-other"]


def test_saving_a_default_keeps_whatever_else_is_in_the_file(tmp_path: Path) -> None:
    place = tmp_path / "config" / "lingate" / "settings.json"
    place.parent.mkdir(parents=True)
    place.write_text('{"later": [1], "model": "openai/old"}')
    lingate("models", "--default", "groq/new", **home(tmp_path))

    assert json.loads(place.read_text()) == {"later": [1], "model": "groq/new"}
    assert os.listdir(place.parent) == ["settings.json"]


def test_a_home_that_is_no_directory_has_no_saved_model_and_takes_none() -> None:
    env = {"HOME": "/dev/null", "XDG_CONFIG_HOME": ""}

    assert "no model is given" in lingate("chat", "hello", code=2, **env).err
    assert "cannot make /dev/null/.config/lingate" in lingate("models", "--default", "groq/m", code=2, **env).err


@pytest.mark.parametrize("content", ["{", "[]", '{"model": 3}', '{"model": "no-slash"}'])
def test_a_broken_settings_file_is_an_error_that_names_it(content: str, tmp_path: Path) -> None:
    place = tmp_path / "config" / "lingate" / "settings.json"
    place.parent.mkdir(parents=True)
    place.write_text(content)
    done = lingate("chat", "hello", code=2, **home(tmp_path))

    assert str(place) in done.err
    assert lingate("models", **home(tmp_path)).code == 0


@pytest.mark.parametrize(
    ("model", "words"), [("gpt", "provider/model"), ("opnai/gpt", "openai"), ("openai/", "provider/model")]
)
def test_a_default_that_cannot_be_asked_is_refused(model: str, words: str, tmp_path: Path) -> None:
    done = lingate("models", "--default", model, code=2, **home(tmp_path))

    assert words in done.err
    assert not (tmp_path / "config").exists()


def test_a_terminal_that_cannot_move_its_cursor_gets_a_list(tmp_path: Path) -> None:
    with Terminal("models", **home(tmp_path), TERM="dumb") as terminal:
        terminal.until("models; --all lists all that are known")
        assert terminal.end()[0] == 0
        assert "\x1b" not in terminal.shown


def test_the_picker_without_a_terminal_says_what_to_do(tmp_path: Path) -> None:
    assert "--plain or --json" in lingate("models", "--pick", code=2, **home(tmp_path)).err


def test_a_broken_config_file_is_one_line_and_code_2(tmp_path: Path) -> None:
    done = lingate("models", code=2, LINGATE_CONFIG=str(tmp_path / "none.toml"), **home(tmp_path))

    assert done.err.count("\n") == 1
    assert "none.toml" in done.err


def test_providers_and_credentials_of_the_config_file_count(tmp_path: Path) -> None:
    config = {"cohere": {"api_key": KEY}, "in-house": {"url": "https://llm.example.org/v1", "key_env": ["OURS"]}}
    catalog_sources = CatalogSources(Config(providers=config), {"OURS": "k"})

    assert catalog_sources.availability("cohere").source == "config file"
    assert catalog_sources.availability("in-house").source == "OURS"
    assert catalog_sources.availability("nobody").mark == "unknown"


@pytest.mark.parametrize("row", list(lookup.rows()), ids=lambda row: row.name)
def test_every_mark_follows_from_the_row_and_the_variables_alone(row: Any) -> None:
    variables = (*row.key_env, *row.token_env, *row.sign_env)
    bare = availability(row, {})
    expected = (
        "missing"
        if row.ended
        else "unneeded"
        if row.local or row.auth == "none"
        else "unknown"
        if row.sign_env
        else "missing"
    )
    own = any(row.env.get(name) for name in variables)

    assert bare.mark == ("present" if own and not row.ended else expected)
    for name in variables:
        found = availability(row, {name: "secret-value"})
        assert found.mark == ("missing" if row.ended else "present")
        assert "secret-value" not in repr(found)
        assert availability(row, {name: "   "}) == bare


def test_curated_facts_are_those_of_the_price_catalogue() -> None:
    prices = pytest.importorskip("genai_prices")
    if prices.__version__ != EDITION:
        pytest.skip(f"the table is of genai-prices {EDITION}, and {prices.__version__} is installed")
    from lingate._providers.catalog import entry_of

    compared = 0
    for offer in curated():
        entry = entry_of(offer.provider, offer.name)
        if entry is None:
            continue
        context, rates = entry
        compared += 1
        assert context in (offer.context, None), offer.model
        # Some providers are cheaper at night; the table has the price of the day.
        night = offer.name.startswith("deepseek") and "input" in rates
        assert offer.input == pytest.approx(rates["input"] * 1e6) or night, offer.model
        assert offer.output == pytest.approx(rates["output"] * 1e6) or night, offer.model
    assert compared >= 20


def test_litellms_list_is_read_under_our_names_without_its_variants() -> None:
    theirs = {
        "sample_spec": {"litellm_provider": "openai"},
        "gpt-9": {
            "litellm_provider": "openai",
            "mode": "chat",
            "max_input_tokens": 9,
            "input_cost_per_token": 1e-06,
            "supports_vision": True,
        },
        "openrouter/openai/gpt-9": {"litellm_provider": "openrouter", "output_cost_per_token": "0.000002"},
        "vertex_ai/claude-9": {"litellm_provider": "vertex_ai-anthropic_models"},
        "azure/eu/gpt-9": {"litellm_provider": "azure"},
        "bedrock/us-east-1/m": {"litellm_provider": "bedrock"},
        "1024-x-1024/dall-e-9": {"litellm_provider": "openai", "mode": "image_generation"},
        "tavily/search": {"litellm_provider": "tavily", "mode": "search"},
        "embed-9": {"litellm_provider": "brand-new", "mode": "embedding"},
        "odd": "not a mapping",
    }
    found = {offer.model: offer for offer in mapped(theirs)}

    assert list(found) == ["openai/gpt-9", "openrouter/openai/gpt-9", "vertex_ai/claude-9", "brand-new/embed-9"]
    assert found["openai/gpt-9"] == Offer(
        provider="openai",
        name="gpt-9",
        context=9,
        input=1.0,
        inputs=("text", "image"),
        outputs=("text",),
        sources=("litellm",),
    )
    assert found["openrouter/openai/gpt-9"].output == 2.0
    assert found["brand-new/embed-9"].outputs == ("embedding",)


def test_a_live_list_gives_what_it_says_and_nothing_else() -> None:
    listed = [
        {"id": "models/gem", "inputTokenLimit": 7},
        {
            "id": "a/b",
            "context_length": 9,
            "architecture": {"input_modalities": ["text", "image"]},
            "pricing": {"prompt": "0.000001", "completion": "-1"},
        },
        {"id": 3},
        {},
    ]
    found = list(live("openrouter", listed))

    assert [offer.model for offer in found] == ["openrouter/gem", "openrouter/a/b"]
    assert (found[1].context, found[1].input, found[1].output, found[1].inputs) == (9, 1.0, None, ("text", "image"))


def test_a_provider_of_ones_own_is_known_in_litellms_list_whenever_it_was_registered() -> None:
    prices = {"in_house/m": {"litellm_provider": "in_house", "mode": "chat"}}
    assert [offer.model for offer in mapped(prices)] == ["in_house/m"]

    lookup.register(ProviderRow(name="ours", url="https://ours.example/v1", aliases=("in_house",)))

    assert [offer.model for offer in mapped(prices)] == ["ours/m"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
known_keys = st.sampled_from(
    [
        "id",
        "context_length",
        "pricing",
        "architecture",
        "input_modalities",
        "litellm_provider",
        "mode",
        "max_input_tokens",
        "input_cost_per_token",
    ]
)


@given(st.lists(st.dictionaries(known_keys, json_values, max_size=6), max_size=4))
def test_no_list_from_outside_is_an_error(items: list[dict[str, Any]]) -> None:
    for offer in [*live("openai", items), *mapped({str(at): item for at, item in enumerate(items)})]:
        modalities(offer)


@pytest.mark.parametrize("arguments", [("models", "--live"), ("doctor", "--online")])
@pytest.mark.parametrize("client", ["pyreqwest", "httpx2"])
def test_ctrl_c_waits_for_no_list(tmp_path: Path, arguments: tuple[str, ...], client: str) -> None:
    if client == "httpx2":
        (tmp_path / "pyreqwest.py").write_text("raise ImportError('as if it were not installed')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        base = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with (
            started(*arguments, **home(tmp_path, PYTHONPATH=path, OPENAI_API_KEY=KEY, OPENAI_BASE_URL=base)) as process,
            silent.accept()[0],
        ):
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=10)  # the provider has 15 seconds

    assert process.returncode == 130
    assert b"Traceback" not in err


def test_of_what_two_lists_say_the_earlier_counts_and_gaps_are_filled() -> None:
    first = Offer(provider="a", name="m", context=1, sources=("prices",))
    second = Offer(provider="a", name="m", context=2, input=3.0, inputs=("text",), sources=("live",))

    assert merged([first], [second]) == [
        Offer(provider="a", name="m", context=1, input=3.0, inputs=("text",), sources=("prices", "live"))
    ]


@pytest.mark.parametrize(
    ("name", "reads", "writes"),
    [
        ("claude-sonnet-4-5", ("text", "image", "pdf"), ("text",)),
        ("text-embedding-3-small", (), ("embedding",)),
        ("vendor/claude-sonnet-4-5", ("text", "image", "pdf"), ("text",)),
        ("never-heard-of", (), ("text",)),
        ("dall-e-3", (), ("image",)),
    ],
)
def test_what_no_list_says_follows_from_the_family(name: str, reads: tuple[str, ...], writes: tuple[str, ...]) -> None:
    assert modalities(Offer(provider="any", name=name)) == (reads, writes)


def test_litellms_own_list_counts_where_it_is_installed_and_the_package_is_not_imported(tmp_path: Path) -> None:
    package = tmp_path / "site" / "litellm"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('litellm was imported')")
    theirs = {"groq/new-model": {"litellm_provider": "groq", "mode": "chat", "max_input_tokens": 4321}}
    (package / "model_prices_and_context_window_backup.json").write_text(json.dumps(theirs))
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    found = json.loads(lingate("models", "--all", "--json", "new-model", **home(tmp_path, PYTHONPATH=path)).out)

    assert [(item["model"], item["context"], item["sources"]) for item in found] == [
        ("groq/new-model", 4321, ["litellm"])
    ]


def test_without_a_list_of_prices_the_curated_models_are_all_there_is(tmp_path: Path) -> None:
    package = tmp_path / "site" / "genai_prices"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('as if it were not installed')")
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    done = lingate("models", "--all", "--json", **home(tmp_path, PYTHONPATH=path))

    assert len(json.loads(done.out)) == len(CURATED)
    assert "pip install 'lingate[prices]'" in lingate("models", "--all", **home(tmp_path, PYTHONPATH=path)).err

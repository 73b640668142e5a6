"""The rows of Cohere, Ollama and the hosts that only embed and rank, and what the look-up does for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lingate._dialects._base import dialect
from lingate._model import Call, Head
from lingate._providers.catalog import cost_of
from lingate._providers.counts import counts_of
from lingate._providers.lookup import find, resolve
from lingate.errors import ConfigError, UnsupportedError

NAMES = {"cohere": "cohere", "ollama": "ollama", "voyage": "voyage", "jina_ai": "jina_ai", "infinity": "infinity"}


@pytest.mark.parametrize("name", NAMES)
def test_a_row_says_what_the_sources_say(name: str, shared: Path) -> None:
    entries = {item["id"]: item for item in json.loads((shared / "providers.json").read_text())}
    item, row = entries[name], find(name)

    assert row.url == item["base_url"]
    assert row.key_env == tuple(item["api_key_env"])
    assert set(item["aliases"]) <= set(row.aliases)
    assert set(item["base_url_env"]) <= set(row.url_env)
    assert set(row.operations) <= {*item["endpoints"], "models"}
    assert row.local == item["local"]


@pytest.mark.parametrize("alias", ["cohere_chat", "ollama_chat", "voyageai", "jina", "Cohere"])
def test_their_other_names_are_known(alias: str) -> None:
    assert resolve(f"{alias}/m", env={}, api_key="k", api_base="http://127.0.0.1:9").model == "m"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("10.0.0.5", "http://10.0.0.5:11434"),
        ("10.0.0.5:8000", "http://10.0.0.5:8000"),
        (":8000", "http://localhost:8000"),
        ("0.0.0.0:11434/", "http://0.0.0.0:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("http://host", "http://host"),
        ("https://host/ollama", "https://host/ollama"),
    ],
)
def test_a_server_s_own_setting_is_completed_to_an_address(given: str, used: str) -> None:
    assert resolve("ollama/llama", env={"OLLAMA_HOST": given}).url == used


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="OLLAMA_HOST"):
        resolve("ollama/llama", env={"OLLAMA_HOST": "a b"})
    with pytest.raises(ConfigError, match="COHERE_API_BASE"):
        resolve("cohere/x", env={"COHERE_API_BASE": "10.0.0.5", "COHERE_API_KEY": "k"})


@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("cohere/x", "https://h.test/v2/chat"),
        ("cohere/x", "https://h.test/v2"),
        ("cohere/x", "https://h.test/v1/"),
        ("ollama/x", "https://h.test/api/chat"),
        ("ollama/x", "https://h.test/api"),
        ("ollama/x", "https://h.test/v1"),
    ],
)
def test_a_base_url_is_taken_in_the_forms_in_which_people_have_it(model: str, given: str) -> None:
    assert resolve(model, env={}, api_key="k", api_base=given).url == "https://h.test"


def test_a_local_server_needs_no_key_and_gets_the_one_that_is_set() -> None:
    assert "authorization" not in resolve("ollama/llama", env={}).headers
    assert resolve("ollama/llama", env={"OLLAMA_API_KEY": "k"}).headers["authorization"] == "Bearer k"
    assert resolve("infinity/m", env={"INFINITY_API_BASE": "http://127.0.0.1:7997"}).url == "http://127.0.0.1:7997"


@pytest.mark.parametrize(
    ("model", "word"),
    [
        ("command-r-plus", None),
        ("command-r-08-2024", None),
        ("command", None),
        ("command-r7b-12-2024", "REQUIRED"),
        ("command-a-03-2025", "REQUIRED"),
    ],
)
def test_older_models_of_cohere_cannot_be_made_to_call(model: str, word: str | None) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    call = Call(
        "chat", model, {"messages": [{"role": "user", "content": "x"}], "tools": [tool], "tool_choice": "required"}
    )
    to = resolve(f"cohere/{model}", env={}, api_key="k")

    sent = dialect("cohere").operations["chat"].request(call, to)

    assert json.loads(sent.body).get("tool_choice") == word


def _embed(model: str, **body: Any) -> dict[str, Any]:
    to = resolve(model, env={}, api_key="k")
    sent = (
        dialect(to.row.dialect)
        .operations["embeddings"]
        .request(Call("embeddings", to.model, {"input": "x", **body}), to)
    )
    made: dict[str, Any] = json.loads(sent.body)
    return made


def test_voyage_and_jina_have_words_of_their_own() -> None:
    assert _embed("voyage/v", dimensions=8, input_type="query", encoding_format="float") == {
        "model": "v",
        "input": "x",
        "output_dimension": 8,
        "input_type": "query",
    }
    assert _embed("voyage/v", encoding_format="base64")["encoding_format"] == "base64"
    assert _embed("jina/j", encoding_format="base64")["embedding_type"] == "base64"
    with pytest.raises(UnsupportedError, match="user"):
        _embed("voyage/v", user="me")


def test_recorded_vectors_of_voyage_arrive_as_they_were(recordings: Path) -> None:
    to = resolve("voyage/voyage-3-lite", env={}, api_key="k")
    form = dialect(to.row.dialect).operations["embeddings"]
    file = recordings / "voyage.jsonl"
    if not file.is_file():
        pytest.skip(f"no {file}")
    exchanges = [json.loads(line) for line in file.read_text().splitlines()]

    for exchange in exchanges:
        if exchange["response"]["status"] == 200:
            body = exchange["response"]["body"]
            sent = form.request(Call("embeddings", to.model, {"input": "x"}), to)
            response, raw = form.response(sent, Head(200, {}), json.dumps(body).encode())
            assert raw == body
            assert [item["embedding"] for item in response["data"]] == [item["embedding"] for item in body["data"]]
            assert response["usage"]["prompt_tokens"] == body["usage"]["total_tokens"]


def test_cohere_is_paid_for_what_it_bills_and_not_for_its_own_prompt() -> None:
    usage = {
        "prompt_tokens": 505,
        "completion_tokens": 107,
        "total_tokens": 612,
        "prompt_tokens_details": {"cached_tokens": 448},
        "billed_units": {"input_tokens": 10, "output_tokens": 104},
    }

    assert counts_of(usage) == {"input": 10, "output": 104, "request": 1}
    pytest.importorskip("genai_prices")
    cost = cost_of("cohere", "command-a-03-2025", usage)
    without = cost_of(
        "cohere", "command-a-03-2025", {"prompt_tokens": 10, "completion_tokens": 104, "total_tokens": 114}
    )
    assert cost.total == without.total

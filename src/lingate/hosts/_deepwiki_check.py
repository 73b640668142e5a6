# What `lingate hosts check deepwiki` runs in deepwiki's Python: adalflow's components, then deepwiki's own server.

from __future__ import annotations

import json
import os
import pickle
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from lingate.hosts._deepwiki_recipe import RECIPES
from lingate.hosts._disk import tree_of, write
from lingate.hosts._probe import Probe, Skipped, expect
from lingate.hosts._recipe import install
from lingate.hosts._shared import load

_NEEDED = "pip install 'adalflow[openai]'"
_VOCABULARIES = ("cl100k_base", "o200k_base")
_MODEL = "openai/sim-large"
_TOO_LONG_ONCE = "openai/sim-fault-context-flaky-1"
_LIMITED = "openai/sim-fault-429"
_QUESTION = "How does the walrus gate open?"
_FACT = "The walrus gate opens with the ivory key."


def check(probe: Probe) -> None:
    # Check the client with adalflow alone and, given a checkout, deepwiki's server with it.
    _components(probe)
    if probe.path is not None:
        _server(probe, probe.path)


def count_bytes() -> None:
    # Let adalflow count one token for each byte: when it is imported, it would fetch a vocabulary from the network.
    tiktoken = import_module("tiktoken")
    for name in _VOCABULARIES:
        ranks = {bytes([byte]): byte for byte in range(256)}
        plain = tiktoken.Encoding(name, pat_str=r"[\s\S]", mergeable_ranks=ranks, special_tokens={})
        import_module("tiktoken.registry").ENCODINGS[name] = plain


def _components(probe: Probe) -> None:
    client = None
    with probe.step("adalflow can be imported, and the client made"):
        load("tiktoken", of="adalflow", hint=_NEEDED)  # which adalflow brings along
        count_bytes()
        adalflow = load("adalflow", of="adalflow", hint=_NEEDED)
        client = import_module("lingate.hosts.deepwiki").LingateClient(retries=0)
    if client is None:
        return
    with probe.step("adalflow's Generator gets text, usage, and a completion that it can cache"):
        generator = adalflow.Generator(model_client=client, model_kwargs={"model": _MODEL})
        output = generator(prompt_kwargs={"input_str": "say walrus"})
        expect("walrus" in (output.data or ""), f"no text came: {output.error}")
        expect(bool(output.usage.total_tokens), "no token counts came")
        completion = client.call(
            {"model": _MODEL, "messages": [{"role": "user", "content": "hi"}]}, generator.model_type
        )
        pickle.loads(pickle.dumps(completion))  # noqa: S301
    with probe.step("errors are told by the Generator"):
        generator = adalflow.Generator(model_client=client, model_kwargs={"model": _LIMITED})
        output = generator(prompt_kwargs={"input_str": "hello"})
        expect(output.data is None and bool(output.error), "the error is missing")
    with probe.step("adalflow's Embedder gets vectors"):
        kwargs = {"model": "openai/text-embedding-3-small", "dimensions": 64}
        embedded = adalflow.Embedder(model_client=client, model_kwargs=kwargs)(["one", "two"])
        expect([len(item.embedding) for item in embedded.data] == [64, 64], f"wrong vectors: {embedded.error}")


def _server(probe: Probe, path: Path) -> None:
    for recipe in RECIPES:
        write(path, install(recipe, tree_of(path)))
    _configure(path)
    os.chdir(path)
    sys.path.insert(0, str(path))
    os.environ.setdefault("GOOGLE_API_KEY", "check")
    client = None
    with probe.step("deepwiki starts with the patch"):
        app = import_module("api.api").app
        client = import_module("fastapi.testclient").TestClient(app)
    if client is None:
        return
    repository = probe.home / "repository"
    repository.mkdir()
    (repository / "guide.md").write_text(f"# Gates\n\n{_FACT}\n", encoding="utf-8")
    with probe.step("the list of models has the provider, with a box for any model"):
        found = {item["id"]: item for item in client.get("/models/config").json()["providers"]}
        expect(found["lingate"]["supportsCustomModel"] is True, "no custom models")
    for way, ask in (("HTTP", _over_http), ("WebSocket", _over_websocket)):
        _conversation(probe, way, lambda model, ask=ask: ask(client, _request(repository, model)))
    with probe.step("RAG's own generator answers"):
        rag = import_module("api.rag").RAG(provider="lingate", model=_MODEL)
        output = rag.generator(prompt_kwargs={"input_str": _QUESTION})
        expect(_QUESTION in str(output.raw_response), f"no text came: {output.error}")


def _configure(path: Path) -> None:
    # Settings of the copy, made as users make theirs: a default model that is simulated, and one try for each call.
    file = path / "api/config/generator.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    entry = config["providers"]["lingate"]
    entry["default_model"] = _MODEL
    entry["models"][_MODEL] = {"temperature": 0.7, "top_p": 0.8}
    entry["initialize_kwargs"] = {"retries": 0, "api_key": "${LINGATE_CHECK_KEY}"}
    os.environ["LINGATE_CHECK_KEY"] = "from-initialize-kwargs"
    file.write_text(json.dumps(config), encoding="utf-8")


def _request(repository: Path, model: str | None) -> dict[str, Any]:
    return {
        "repo_url": str(repository),
        "type": "local",
        "messages": [{"role": "user", "content": _QUESTION}],
        "provider": "lingate",
        "model": model,
        # Named, because deepwiki leaves out everything below folders called tmp, build, out, ...
        "included_files": "guide.md",
    }


def _over_http(client: Any, request: dict[str, Any]) -> str:
    answer = client.post("/chat/completions/stream", json=request)
    text: str = answer.text
    if answer.status_code != 200:
        raise RuntimeError(f"status {answer.status_code}: {text}")
    return text


def _over_websocket(client: Any, request: dict[str, Any]) -> str:
    closed = import_module("starlette.websockets").WebSocketDisconnect
    texts = []
    with client.websocket_connect("/ws/chat") as socket:
        socket.send_json(request)
        try:
            while True:
                texts.append(socket.receive_text())
        except closed:
            return "".join(texts)


def _conversation(probe: Probe, way: str, ask: Any) -> None:
    def asked(model: str | None) -> tuple[str, list[dict[str, Any]]]:
        probe.forget()
        text = ask(model)
        return text, [item for item in probe.requests() if item["path"].endswith("/chat/completions")]

    with probe.step(f"{way}: a chat is answered, with what retrieval found"):
        text, sent = asked(_MODEL)
        _expect_answer(text)
        expect(len(sent) == 1 and _FACT in _prompt(sent[0]), "the prompt is without the repository's text")
    with probe.step(f"{way}: without a model, the default one answers"):
        text, sent = asked(None)
        _expect_answer(text)
        expect([item["model"] for item in sent] == ["sim-large"], "another model was asked")
    with probe.step(f"{way}: a prompt that is too long is asked again without context"):
        text, sent = asked(_TOO_LONG_ONCE)
        expect(len(sent) == 2, f"{len(sent)} calls were made, not two")
        expect(_FACT in _prompt(sent[0]) and _FACT not in _prompt(sent[1]), "the context is still there")
        _expect_answer(text)
    with probe.step(f"{way}: another error is shown, and the call not made again"):
        text, sent = asked(_LIMITED)
        expect(text.startswith("\nError: "), f"the answer is {text[:200]!r}")
        expect(len(sent) == 1, "the call was made again")


def _expect_answer(text: str) -> None:
    # "Error ..." and "I apologize, but your request is too large" are what deepwiki writes instead of one.
    refused = not text or "Error" in text or "apologize" in text
    expect(not refused, f"the answer is {text[:200]!r}")


def _prompt(request: dict[str, Any]) -> str:
    body = request["body"]
    if body is None:
        raise Skipped("the simulator keeps no bodies")
    return str(body["messages"])

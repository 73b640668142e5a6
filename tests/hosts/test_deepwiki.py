"""deepwiki's client with the real adalflow, over real HTTP, and the patch in a stand-in for deepwiki's chat code."""

from __future__ import annotations

import ast
import asyncio
import gc
import importlib
import inspect
import json
import logging
import pickle
import re
import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import lingate
from lingate.errors import (
    AuthenticationError,
    ConfigError,
    ContextLengthError,
    DeadlineExceededError,
    LingateError,
    MissingExtraError,
    RateLimitError,
    RequestTimeoutError,
    StreamInterruptedError,
    UnsupportedError,
)
from lingate.hosts import _deepwiki_recipe, deepwiki
from lingate.hosts._deepwiki_check import count_bytes
from lingate.hosts._disk import tree_of, write
from lingate.hosts._recipe import install
from lingate.simulator import Simulator, fingerprint
from tests.hosts.refusals import REFUSAL, events, refusing
from tests.servers import RawServer

pytest.importorskip("tiktoken")
count_bytes()  # adalflow counts tokens while it is imported, with a vocabulary from the network
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    adalflow = pytest.importorskip("adalflow")
    from adalflow.core.types import ModelType

    from lingate.hosts import _deepwiki_client
    from lingate.hosts.deepwiki import LingateClient

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:adalflow")
STAND_IN = Path(__file__).with_name("stand_ins") / "deepwiki"
SOURCES = [Path(inspect.getfile(module)) for module in (_deepwiki_client, _deepwiki_recipe, deepwiki)]
CHAT = ModelType.LLM
ASK = {"messages": [{"role": "user", "content": "say walrus"}]}
PHRASES = ("maximum context length", "token limit", "too many tokens")


@pytest.fixture(autouse=True)
def _simulated(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The providers are the simulator, and adalflow's home is empty."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, base in (("OPENAI", f"{simulator.url}/v1"), ("ANTHROPIC", simulator.url)):
        monkeypatch.setenv(f"{name}_BASE_URL", base)
        monkeypatch.setenv(f"{name}_API_KEY", f"env-{name.lower()}")
    yield
    # adalflow leaves its cache's database open, which Python says from 3.13 on, whenever it is found.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


def generator(client: Any = None, *, use_cache: bool = False, **kwargs: Any) -> Any:
    model_kwargs = {"model": "openai/sim-large", **kwargs}
    return adalflow.Generator(model_client=client or LingateClient(), model_kwargs=model_kwargs, use_cache=use_cache)


def sent_key(simulator: Simulator) -> str:
    headers = simulator.requests()[-1].headers
    return str(headers["authorization"]).removeprefix("Bearer ")


@pytest.mark.requirement("deepwiki R1")
@pytest.mark.parametrize("model", ["openai/sim-large", "anthropic/sim-large"])
async def test_one_class_reaches_any_provider_waiting_awaited_and_streamed(model: str) -> None:
    client = LingateClient()
    api_kwargs = {**ASK, "model": model, "max_completion_tokens": 200}

    whole = client.call(api_kwargs, CHAT)
    awaited = await client.acall(api_kwargs, CHAT)
    streamed = "".join(chunk.text for chunk in client.call({**api_kwargs, "stream": True}, CHAT))
    pieces = [
        chunk.choices[0].delta.content async for chunk in await client.acall({**api_kwargs, "stream": True}, CHAT)
    ]

    assert "walrus" in whole.text
    assert whole.text == awaited.text == streamed == "".join(piece or "" for piece in pieces)
    assert len(pieces) > 2


@pytest.mark.requirement("deepwiki R1")
async def test_embeddings_come_through_adalflows_embedder_in_the_order_of_the_texts() -> None:
    embedder = adalflow.Embedder(
        model_client=LingateClient(), model_kwargs={"model": "openai/sim-embed", "dimensions": 32}
    )

    found = embedder(["a walrus", "a gate", "a walrus"])
    awaited = await embedder.acall("a gate")

    assert [item.index for item in found.data] == [0, 1, 2]
    assert found.data[0].embedding == found.data[2].embedding != found.data[1].embedding
    assert awaited.data[0].embedding == found.data[1].embedding
    assert found.embedding_dim == 32
    assert found.error is None


@pytest.mark.requirement("deepwiki R2", "deepwiki R20", "deepwiki R23")
def test_the_configured_provider_takes_custom_models_and_its_default_is_one_of_its_models() -> None:
    entry = _deepwiki_recipe.PROVIDER_ENTRY

    assert entry["client_class"] == LingateClient.__name__
    assert entry["supportsCustomModel"] is True
    assert entry["default_model"] in entry["models"]
    # deepwiki's own default, not a model that costs more than the host's users expect.
    assert entry["default_model"].endswith("/gemini-2.5-flash")
    assert all("top_p" not in parameters for parameters in entry["models"].values())


@pytest.mark.requirement("deepwiki R3", "deepwiki R16", "deepwiki R22")
@pytest.mark.parametrize("use", ["LingateClient()", "LingateClient(api_key='k', base_url='http://x')"])
def test_without_adalflow_importing_works_and_using_names_the_command(use: str) -> None:
    code = (
        "import sys; sys.modules['adalflow'] = None\n"
        "import lingate.hosts.deepwiki\n"
        "from lingate.hosts.deepwiki import LingateClient\n"
        "from lingate.errors import MissingExtraError\n"
        f"try: {use}\n"
        "except MissingExtraError as error: print(error)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "pip install 'adalflow[openai]'" in done.stdout


@pytest.mark.requirement("deepwiki R3")
def test_importing_the_module_does_not_import_adalflow() -> None:
    code = "import sys, lingate.hosts.deepwiki; print('adalflow' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.mark.requirement("deepwiki R4")
@pytest.mark.parametrize(
    ("given", "expected"), [(None, "env-openai"), ("", "env-openai"), ("  ", "env-openai"), ("own", "own")]
)
def test_the_constructors_key_is_used_and_a_blank_one_is_none(
    given: str | None, expected: str, simulator: Simulator
) -> None:
    LingateClient(api_key=given).call({**ASK, "model": "openai/sim-large"}, CHAT)

    assert sent_key(simulator) == fingerprint(expected)


@pytest.mark.requirement("deepwiki R4", "deepwiki R22")
def test_the_constructors_base_url_is_used_also_for_embeddings(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    client = LingateClient(base_url=f"{simulator.url}/elsewhere/v1")

    client.call({**ASK, "model": "openai/sim-large"}, CHAT)
    client.call({"input": ["x"], "model": "openai/sim-embed"}, ModelType.EMBEDDER)

    assert [one.path for one in simulator.requests()] == ["/elsewhere/v1/chat/completions", "/elsewhere/v1/embeddings"]


@pytest.mark.requirement("deepwiki R5")
def test_what_a_provider_cannot_express_is_left_out_unless_it_is_to_be_refused() -> None:
    api_kwargs = {**ASK, "model": "anthropic/sim-large", "max_tokens": 50, "logit_bias": {"50256": -100}}

    answer = LingateClient().call(api_kwargs, CHAT)

    assert any("logit_bias" in text for text in answer.dropped)
    with pytest.raises(UnsupportedError):
        LingateClient(drop_params=False).call(api_kwargs, CHAT)


@pytest.mark.requirement("deepwiki R6", "X10")
def test_one_instance_serves_many_threads_and_remembers_nothing_of_their_calls() -> None:
    client = LingateClient()
    before = dict(vars(client))
    answers: dict[int, str] = {}

    def ask(number: int) -> None:
        prompt = f"number {number}"
        api_kwargs = client.convert_inputs_to_api_kwargs(prompt, {"model": "openai/sim-large"}, CHAT)
        answers[number] = client.parse_chat_completion(client.call(api_kwargs, CHAT)).raw_response

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(f"number {number}" in answers[number] for number in range(8))
    assert vars(client) == before


@pytest.mark.requirement("deepwiki R7")
def test_adalflows_generator_gets_the_text_as_data_and_the_rest_beside_it() -> None:
    output = generator(reasoning_effort="low")(prompt_kwargs={"input_str": "say walrus"})

    assert isinstance(output.data, str)
    assert "walrus" in output.data
    assert output.raw_response == output.data
    assert output.thinking
    assert output.usage.total_tokens == output.usage.prompt_tokens + output.usage.completion_tokens > 0
    assert output.api_response.finish_reason == "stop"
    assert output.error is None


@pytest.mark.requirement("deepwiki R7")
def test_an_output_processor_gets_the_text() -> None:
    made = adalflow.Generator(
        model_client=LingateClient(), model_kwargs={"model": "openai/sim-large"}, output_processors=_Upper()
    )

    assert "WALRUS" in made(prompt_kwargs={"input_str": "say walrus"}, model_kwargs={}, use_cache=False).data


class _Upper(adalflow.DataComponent):  # type: ignore[misc]
    def call(self, text: str) -> str:
        return text.upper()

    def __call__(self, text: str) -> str:
        return self.call(text)


@pytest.mark.requirement("deepwiki R7", "deepwiki R18")
async def test_a_streaming_generator_hands_on_pieces_of_text() -> None:
    waiting = generator(stream=True)(prompt_kwargs={"input_str": "say walrus"})
    awaited = await generator(stream=True).acall(prompt_kwargs={"input_str": "say walrus"})

    pieces = list(waiting.data)
    async_pieces = [piece async for piece in awaited.raw_response]

    assert pieces == async_pieces
    assert "walrus" in "".join(pieces)
    assert len(pieces) > 2


@pytest.mark.requirement("deepwiki R7")
def test_token_counts_that_a_provider_does_not_send_are_unknown() -> None:
    output = generator(model="openai/sim-fault-no_usage")(prompt_kwargs={"input_str": "hi"})

    assert output.error is None
    assert output.usage.total_tokens is None


@pytest.mark.requirement("deepwiki R8", "deepwiki R19", "X14")
@pytest.mark.parametrize(
    ("model", "calls"),
    [
        ("sim-fault-429-0-flaky-1", 2),
        ("sim-fault-503-0-flaky-1", 2),
        ("sim-fault-401", 1),
        ("sim-fault-404", 1),
        ("sim-fault-400", 1),
        ("sim-fault-context", 1),
        ("sim-fault-quota", 1),
    ],
)
def test_only_what_may_pass_is_tried_again(model: str, calls: int, simulator: Simulator) -> None:
    output = generator(model=f"openai/{model}")(prompt_kwargs={"input_str": "hi"})

    assert len(simulator.requests()) == calls
    assert bool(output.error) == (calls == 1)


@pytest.mark.requirement("deepwiki R9")
def test_prompts_and_keys_are_in_no_log_of_ours_and_in_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    client = LingateClient(api_key="sk-canary")
    with caplog.at_level(logging.DEBUG):
        client.call({"messages": [{"role": "user", "content": "a secret prompt"}], "model": "openai/sim-large"}, CHAT)

    assert not [record for record in caplog.records if record.name.startswith("lingate")]
    assert "secret prompt" not in caplog.text
    assert "sk-canary" not in f"{client!r}{client}{caplog.text}{client.to_dict()}"


@pytest.mark.requirement("deepwiki R10")
def test_registration_is_one_entry_made_when_the_module_is_loaded() -> None:
    added = {edit.file: edit.replacement.removeprefix(edit.anchor) for edit in _deepwiki_recipe.RECIPES[0].edits[:1]}

    tree = ast.parse(added["api/config.py"])

    assert "default_map" not in added["api/config.py"]
    assert not [node for node in ast.walk(tree) if isinstance(node, (ast.For, ast.FunctionDef))]


@pytest.mark.requirement("deepwiki R11", "deepwiki R21")
def test_the_client_imports_what_the_host_declares_and_uses_all_of_it() -> None:
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        modules, names = set(), set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                modules.add((node.module or "").partition(".")[0])
                names |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
                names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}

        assert modules - set(sys.stdlib_module_names) <= {"lingate", "adalflow"}
        assert names - {"annotations"} <= used, path.name


@pytest.mark.requirement("deepwiki R12", "deepwiki R22")
def test_settings_given_twice_are_no_type_error_and_the_constructors_win(simulator: Simulator) -> None:
    twice = {"drop_params": False, "api_key": "theirs", "api_base": "http://127.0.0.1:9/v1", "timeout": 5}
    api_kwargs = {**ASK, "model": "openai/sim-large", **twice}

    LingateClient(api_key="ours", base_url=f"{simulator.url}/v1").call(api_kwargs, CHAT)
    assert sent_key(simulator) == fingerprint("ours")

    LingateClient().call({**api_kwargs, "api_base": f"{simulator.url}/v1"}, CHAT)
    assert sent_key(simulator) == fingerprint("theirs")

    LingateClient().call({**ASK, "model": "openai/sim-large", "base_url": f"{simulator.url}/x/v1"}, CHAT)
    assert simulator.requests()[-1].path == "/x/v1/chat/completions"


@pytest.mark.requirement("deepwiki R13")
async def test_a_stream_is_tried_again_until_its_first_piece_and_never_after_it(simulator: Simulator) -> None:
    client = LingateClient()

    text = [piece async for piece in client.stream_text("hi", {"model": "openai/sim-fault-503-0-flaky-1"})]
    assert "".join(text)
    assert len(simulator.requests()) == 2

    simulator.reset()
    with pytest.raises(StreamInterruptedError) as caught:
        async for _ in client.stream_text("hi", {"model": "openai/sim-fault-cut-5"}):
            pass
    assert len(simulator.requests()) == 1
    assert caught.value.partial.text


@pytest.mark.requirement("deepwiki R13")
def test_the_time_for_further_tries_is_about_a_minute_and_can_be_set(simulator: Simulator) -> None:
    policy = LingateClient()._policy()
    bounds = [min(policy.cap, policy.base * 2**turn) for turn in range(policy.retries)]
    assert 45 <= sum(bounds) <= 75

    output = generator(LingateClient(retries=0), model="openai/sim-fault-503-0")(prompt_kwargs={"input_str": "x"})

    assert output.error
    assert len(simulator.requests()) == 1
    with pytest.raises((DeadlineExceededError, RequestTimeoutError)):
        LingateClient(timeout=0.3).call({"model": "openai/sim-first-5000", **ASK}, CHAT)


@pytest.mark.requirement("deepwiki R15")
def test_there_are_no_clients_to_initialise_and_one_place_for_each_setting() -> None:
    client = LingateClient(api_key="k", base_url="http://x/v1")

    assert not {"init_sync_client", "init_async_client"} & set(vars(LingateClient))
    assert client.sync_client is None
    assert client.async_client is None
    assert [name for name, value in vars(client).items() if value == "http://x/v1"] == ["base_url"]
    assert [name for name, value in vars(client).items() if value == "k"] == ["_api_key"]


@pytest.mark.requirement("deepwiki R17", "deepwiki R22")
def test_a_client_survives_its_dict_without_its_key_and_its_code(simulator: Simulator) -> None:
    client = LingateClient(
        api_key="k",
        base_url=f"{simulator.url}/v1",
        default_model="openai/sim-large",
        timeout=9.0,
        retries=1,
        input_type="messages",
        drop_params=False,
        chat_completion_parser=lambda completion: "parsed",
    )

    data = json.loads(json.dumps(client.to_dict()))
    restored = LingateClient.from_dict(data)

    assert restored.to_dict() == client.to_dict()
    assert restored.base_url == client.base_url
    assert restored.retries == 1
    assert restored.chat_completion_parser is None
    assert "k" not in data["data"].values()
    assert "base_url" not in client.to_dict(exclude=["base_url"])["data"]
    restored.call(ASK, CHAT)
    assert sent_key(simulator) == fingerprint("env-openai")


@pytest.mark.requirement("deepwiki R17")
def test_adalflows_own_serialization_of_a_component_restores_the_client() -> None:
    made = adalflow.Embedder(model_client=LingateClient(base_url="http://x/v1"), model_kwargs={"model": "openai/e"})

    restored = adalflow.Embedder.from_dict(made.to_dict())

    assert isinstance(restored.model_client, LingateClient)
    assert restored.model_client.base_url == "http://x/v1"


@pytest.mark.requirement("deepwiki R17")
def test_a_parser_of_the_users_reads_the_completion() -> None:
    client = LingateClient(chat_completion_parser=lambda completion: completion.finish_reason)

    assert generator(client)(prompt_kwargs={"input_str": "hi"}).data == "stop"


@pytest.mark.requirement("deepwiki R23", "X9")
def test_completions_are_cached_by_adalflow_and_the_second_call_asks_nobody(simulator: Simulator) -> None:
    made = generator(use_cache=True)

    first = made(prompt_kwargs={"input_str": "say walrus"})
    second = made(prompt_kwargs={"input_str": "say walrus"})

    assert first.error is None
    assert first.data == second.data
    assert len(simulator.requests()) == 1
    assert pickle.loads(pickle.dumps(first.api_response)).text == first.data


@pytest.mark.requirement("deepwiki R20", "deepwiki R23")
def test_without_a_model_the_default_one_is_asked_and_without_one_nobody_is(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    LingateClient(default_model="openai/sim-one").call({**ASK, "model": None}, CHAT)
    monkeypatch.setenv("LINGATE_MODEL", "openai/sim-two")
    LingateClient().call(ASK, CHAT)
    monkeypatch.delenv("LINGATE_MODEL")

    with pytest.raises(ConfigError, match="LINGATE_MODEL"):
        LingateClient().call({**ASK, "model": None}, CHAT)

    assert [one.model for one in simulator.requests()] == ["sim-one", "sim-two"]


@pytest.mark.requirement("deepwiki R23")
def test_max_tokens_never_arrives_and_max_completion_tokens_does(simulator: Simulator) -> None:
    generator(max_tokens=7)(prompt_kwargs={"input_str": "hello"})
    generator(max_completion_tokens=7)(prompt_kwargs={"input_str": "hello"})

    cut, whole = (one.body for one in simulator.requests())
    assert "max_tokens" not in cut
    assert "hello" not in str(cut["messages"])  # adalflow keeps seven characters of the prompt
    assert 7 in (whole.get("max_tokens"), whole.get("max_completion_tokens"))
    assert "hello" in str(whole["messages"])


@pytest.mark.requirement("X3")
def test_both_temperature_and_top_p_reach_a_provider_that_takes_both_and_one_where_not(simulator: Simulator) -> None:
    both = {"temperature": 0.7, "top_p": 0.8}

    generator(model="openai/sim-large", **both)(prompt_kwargs={"input_str": "hi"})
    generator(model="anthropic/claude-sonnet-4-5", **both)(prompt_kwargs={"input_str": "hi"})

    first, second = (one.body for one in simulator.requests())
    assert (first["temperature"], first["top_p"]) == (0.7, 0.8)
    assert second["temperature"] == 0.7
    assert "top_p" not in second


@pytest.mark.requirement("X8", "deepwiki R23")
@pytest.mark.parametrize("model", ["openai/sim-fault-context", "anthropic/sim-fault-context"])
async def test_a_prompt_that_is_too_long_is_told_in_the_words_deepwiki_looks_for(model: str) -> None:
    client = LingateClient()

    with pytest.raises(ContextLengthError) as waiting:
        client.call({**ASK, "model": model}, CHAT)
    with pytest.raises(ContextLengthError) as awaited:
        await client.acall({**ASK, "model": model, "stream": True}, CHAT)

    assert any(phrase in str(waiting.value) for phrase in PHRASES)
    assert any(phrase in str(awaited.value) for phrase in PHRASES)
    assert waiting.value.status == 400


@pytest.mark.requirement("X8")
@pytest.mark.parametrize("phrase", PHRASES)
@pytest.mark.parametrize("hint", [None, "raise the token limit"])
def test_no_other_error_sounds_like_a_prompt_that_is_too_long(phrase: str, hint: str | None) -> None:
    error = RateLimitError(f"429: {phrase} of this minute", status=429, retry_after=3.0, hint=hint, provider="p")

    told = _deepwiki_client._worded(error)

    assert type(told) is RateLimitError
    assert not any(words in str(told) for words in PHRASES)
    assert phrase.replace(" ", "-") in str(told)
    assert (told.status, told.retry_after, told.provider) == (429, 3.0, "p")


def test_an_error_without_those_words_is_handed_on_as_it_is() -> None:
    error = AuthenticationError("no such key", status=401)

    assert _deepwiki_client._worded(error) is error


@pytest.mark.requirement("X11")
async def test_leaving_the_text_early_lets_the_provider_go(simulator: Simulator) -> None:
    async for _ in (texts := LingateClient().stream_text("hi", {"model": "openai/sim-words-400-delay-20"})):
        break
    await texts.aclose()  # type: ignore[attr-defined]
    del texts
    gc.collect()

    for _ in range(250):
        if simulator.stats()["disconnects"]:
            break
        await asyncio.sleep(0.02)
    assert simulator.stats()["disconnects"]


def test_kinds_of_models_that_are_not_served_are_named() -> None:
    client = LingateClient()

    with pytest.raises(ValueError, match="is not supported"):
        client.convert_inputs_to_api_kwargs("x", {}, ModelType.IMAGE_GENERATION)
    with pytest.raises(ValueError, match="is not supported"):
        client.call({"model": "openai/x"}, ModelType.UNDEFINED)
    with pytest.raises(ConfigError, match="input_type"):
        LingateClient(input_type="other")


def test_prompts_become_messages_tagged_ones_in_two_if_asked() -> None:
    tagged = (
        "<START_OF_SYSTEM_PROMPT>\nBe kind.\n<END_OF_SYSTEM_PROMPT>\n<START_OF_USER_PROMPT>\nHi\n<END_OF_USER_PROMPT>"
    )
    history = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]

    def messages(client: Any, value: Any) -> Any:
        return client.convert_inputs_to_api_kwargs(value, {"model": "m"}, CHAT)["messages"]

    assert messages(LingateClient(), tagged) == [{"role": "user", "content": tagged}]
    assert messages(LingateClient(input_type="messages"), tagged) == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi"},
    ]
    assert messages(LingateClient(), history) == history


def test_images_go_with_the_prompt(tmp_path: Path, simulator: Simulator) -> None:
    picture = tmp_path / "dot.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n0123")
    client = LingateClient()

    api_kwargs = client.convert_inputs_to_api_kwargs(
        "what is this?",
        {"model": "openai/sim-large", "images": [str(picture), "https://example.com/a.jpg"], "detail": "low"},
        ModelType.LLM_REASONING,
    )
    json.dumps(api_kwargs)

    text, local, remote = api_kwargs["messages"][0]["content"]
    assert text == {"type": "text", "text": "what is this?"}
    assert local["image_url"]["url"].startswith("data:image/png;base64,")
    assert remote["image_url"] == {"url": "https://example.com/a.jpg", "detail": "low"}


def test_models_are_listed_as_they_are_named_in_calls() -> None:
    assert "openai/sim-large" in LingateClient(default_model="openai/x").list_models()
    assert "anthropic/sim-large" in LingateClient().list_models("anthropic")
    with pytest.raises(ConfigError):
        LingateClient().list_models()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Loads a module of the patched stand-in for deepwiki, whose provider has these settings."""
    root = tmp_path / "deepwiki"
    shutil.copytree(STAND_IN, root)
    write(root, install(_deepwiki_recipe.RECIPES[0], tree_of(root)))
    monkeypatch.syspath_prepend(str(root))
    _forget()

    def load(name: str, **settings: Any) -> Any:
        config = importlib.import_module("api.config")
        config.load()
        if settings:
            config.configs["providers"]["lingate"]["initialize_kwargs"] = settings
        return importlib.import_module(name)

    yield load
    _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "api"]:
        del sys.modules[name]


class _Socket:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.closed = 0

    async def send_text(self, text: str) -> None:
        assert not self.closed
        self.texts.append(text)

    async def close(self) -> None:
        self.closed += 1


async def over_http(load: Callable[..., Any], model: str | None, **settings: Any) -> str:
    chat = load("api.simple_chat", **settings)
    request = SimpleNamespace(provider="lingate", model=model)
    texts: AsyncIterator[str] = chat.chat(request, "long CONTEXT question", "short question")
    return "".join([text async for text in texts])


async def over_websocket(load: Callable[..., Any], model: str | None, **settings: Any) -> str:
    chat = load("api.websocket_wiki", **settings)
    socket = _Socket()
    await chat.chat(socket, SimpleNamespace(provider="lingate", model=model), "long CONTEXT question", "short question")
    assert socket.closed == 1
    return "".join(socket.texts)


ways = pytest.mark.parametrize("ask", [over_http, over_websocket], ids=["http", "websocket"])


@ways
@pytest.mark.requirement("deepwiki R14", "deepwiki R22")
async def test_the_patched_chat_answers_with_the_settings_of_the_configuration(
    ask: Any, host: Callable[..., Any], simulator: Simulator
) -> None:
    settings = {"api_key": "configured", "base_url": f"{simulator.url}/configured/v1"}

    text = await ask(host, "openai/sim-large", **settings)

    assert "CONTEXT" in text
    assert simulator.requests()[-1].path == "/configured/v1/chat/completions"
    assert sent_key(simulator) == fingerprint("configured")


@ways
@pytest.mark.requirement("deepwiki R22", "deepwiki R23")
async def test_the_patched_chat_asks_again_without_context_when_the_prompt_is_too_long(
    ask: Any, host: Callable[..., Any], simulator: Simulator
) -> None:
    text = await ask(host, "openai/sim-fault-context-flaky-1")

    prompts = [one.body["messages"][-1]["content"] for one in simulator.requests()]
    assert prompts == ["long CONTEXT question", "short question"]
    assert "short question" in text


@ways
@pytest.mark.requirement("deepwiki R18")
async def test_the_patched_chat_shows_other_errors_and_asks_once(
    ask: Any, host: Callable[..., Any], simulator: Simulator
) -> None:
    text = await ask(host, "openai/sim-fault-429", retries=0)

    # deepwiki's readers get a sentence of ours, the log gets what the provider said.
    assert text.startswith("\nError: The provider rate limited this request (HTTP 429).")
    assert len(simulator.requests()) == 1


@ways
@pytest.mark.requirement("deepwiki R9")
async def test_the_patched_chat_shows_nobody_what_a_provider_says_of_a_failed_call(
    ask: Any, host: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    refused = await ask(host, "openai/sim-fault-401", retries=0)
    broken = await ask(host, "openai/sim-words-30-fault-error_event-4", retries=0)
    unknown = await ask(host, "no-such/model", retries=0)

    assert refused == "\nError: The provider refused the API key (HTTP 401)."
    assert broken.startswith("You said")
    assert "out of capacity" in broken
    assert "Overloaded" not in broken
    assert "no provider is named 'no-such'" in unknown
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("lingate.hosts")]
    assert ["Incorrect API key" in line or "Overloaded" in line for line in logged] == [True, True]


@ways
@pytest.mark.parametrize(("reason", "says"), [("length", "size limit"), ("content_filter", "content policy")])
async def test_the_patched_chat_says_why_an_answer_has_no_word(
    ask: Any, host: Callable[..., Any], reason: str, says: str
) -> None:
    with RawServer(events({}, finish=reason)) as server:
        text = await ask(host, "openai/m", base_url=f"{server.url}/v1")
        server.script = events({"content": "half"}, {}, finish=reason)
        half = await ask(host, "openai/m", base_url=f"{server.url}/v1")

    assert text.startswith("\nError: ")
    assert says in text
    assert half == "half"
    assert len(server.requests) == 2


@ways
@pytest.mark.requirement("deepwiki R23")
async def test_the_patched_chat_takes_the_default_model_when_none_is_named(
    ask: Any, host: Callable[..., Any], simulator: Simulator
) -> None:
    config = host("api.config")
    entry = _deepwiki_recipe.PROVIDER_ENTRY
    assert config.get_model_config("lingate")["model_kwargs"]["model"] == entry["default_model"]
    text = Path(config.__file__).parent / "config" / "generator.json"
    text.write_text(text.read_text().replace(entry["default_model"], "openai/sim-large"))

    assert "CONTEXT" in await ask(host, None)
    assert simulator.requests()[-1].model == "sim-large"


@pytest.mark.requirement("deepwiki R18")
def test_the_patch_leaves_reading_of_streams_to_the_client() -> None:
    for edit in _deepwiki_recipe.RECIPES[0].edits:
        assert "delta" not in edit.replacement
        assert "choices" not in edit.replacement


@pytest.mark.requirement("deepwiki R14")
def test_retrieval_gets_the_settings_of_the_configuration(host: Callable[..., Any]) -> None:
    rag = host("api.rag", base_url="http://configured/v1")
    config = importlib.import_module("api.config")

    assert rag.client_of(config.get_model_config("lingate")).base_url == "http://configured/v1"


@pytest.mark.requirement("deepwiki R16")
def test_the_patched_host_starts_without_lingate_and_says_what_is_missing(
    host: Callable[..., Any], tmp_path: Path
) -> None:
    code = (
        "import sys, logging; logging.basicConfig(); sys.modules['lingate'] = None\n"
        "import api.config as config; config.load()\n"
        "print(config.get_model_config('dashscope')['model_client'].__name__)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path / "deepwiki"
    )

    assert done.stdout.strip() == "DashscopeClient"
    assert "pip install lingate" in done.stderr


@pytest.mark.requirement("deepwiki R2")
def test_registering_at_run_time_makes_the_client_known_to_an_unchanged_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lingate.hosts.deepwiki import register

    _forget()
    monkeypatch.syspath_prepend(str(STAND_IN))
    config = importlib.import_module("api.config")
    config.load()
    monkeypatch.setenv("LINGATE_EMBEDDING_MODEL", "mistral/mistral-embed")

    register(base_url="http://gateway/v1")

    made = config.get_model_config("lingate")["model_client"]()
    embedder = config.configs["embedder"]
    assert made.base_url == "http://gateway/v1"
    assert isinstance(made, LingateClient)
    assert config.CLIENT_CLASSES["LingateClient"] is LingateClient
    assert embedder["model_kwargs"]["model"] == "mistral/mistral-embed"
    assert embedder["model_client"](**embedder["initialize_kwargs"]).base_url == "http://gateway/v1"
    _forget()


def test_the_launcher_says_where_it_has_to_be_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lingate.hosts.deepwiki"], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert done.returncode != 0
    assert "run this in deepwiki's folder" in done.stderr


def test_the_code_on_its_page_runs() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/hosts/deepwiki.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    made: dict[str, Any] = {}

    exec(code, made)

    assert "walrus" in made["generator"](prompt_kwargs={"input_str": "say walrus"}).data
    assert made["embedder"]("walrus").data


def test_errors_of_the_client_are_lingates() -> None:
    assert issubclass(MissingExtraError, LingateError)
    assert issubclass(MissingExtraError, ImportError)
    assert lingate.errors.MissingExtraError is MissingExtraError


async def test_a_refusal_is_the_answer_however_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(refusing()) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        whole = generator()(prompt_kwargs={"input_str": "hi"}).data
        server.script = refusing(stream=True)
        pieces = "".join(generator(stream=True)(prompt_kwargs={"input_str": "hi"}).raw_response)
        streamed = "".join([text async for text in LingateClient().stream_text("hi", {"model": "openai/m"})])

    assert (whole, pieces, streamed) == (REFUSAL, REFUSAL, REFUSAL)


@pytest.mark.requirement("deepwiki R5")
async def test_what_a_model_was_not_sent_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    given = {"model": "anthropic/sim-of-deepwiki", "presence_penalty": 0.5}

    generator(**given)(prompt_kwargs={"input_str": "hi"})
    assert [text async for text in LingateClient().stream_text("hi", given)] != []

    told = [record.getMessage() for record in caplog.records if record.name == "lingate.hosts"]
    assert told == ["left out or changed for anthropic/sim-of-deepwiki: presence_penalty"]

"""vui's adapter: by vui's contract over real HTTP, and in vui's own code where a checkout is given."""

from __future__ import annotations

import asyncio
import gc
import importlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lingate
from lingate.errors import ConfigError, LingateError, MissingExtraError, ProtocolError
from lingate.hosts import _check, registry
from lingate.simulator import Simulator, fingerprint
from lingate.testing import AsyncFakeTransport, Reply
from tests.hosts.checkouts import checkout
from tests.hosts.refusals import REFUSAL, refusing
from tests.servers import RawServer

STAND_INS = Path(__file__).with_name("stand_ins")
ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tell me about rivers."}]
DEAD = "http://127.0.0.1:9/v1"
STOPS = [
    "[Results",
    "[You asked",
    "\nUser:",
    "\nYou:",
    "one sec.",
    "One sec.",
    "hold on.",
    "plain words",  # of what the simulator says
    "give me a sec.",
    "Give me a sec.",
]
TOOL = {
    "type": "function",
    "function": {
        "name": "add_memory",
        "parameters": {"type": "object", "properties": {"content": {"type": "string"}}, "required": ["content"]},
    },
}


def forget_modules() -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == "vui" or name.startswith(("lingate.hosts.vui", "lingate.hosts._vui")):
            del sys.modules[name]


@pytest.fixture
def vui(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`lingate.hosts.vui` in a process that has (a stand-in for) vui."""
    monkeypatch.syspath_prepend(str(STAND_INS))
    forget_modules()
    yield importlib.import_module("lingate.hosts.vui")
    forget_modules()


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator() as running:
        monkeypatch.setenv("OPENAI_API_KEY", "key")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{running.url}/v1")
        yield running


@pytest.fixture(params=["gateway", "in-process"])
async def backend(request: pytest.FixtureRequest, vui: Any, simulator: Simulator) -> AsyncIterator[Any]:
    if request.param == "gateway":
        made = vui.LingateGatewayBackend("sim-words-40", simulator.url)
    else:
        made = vui.LingateBackend("openai/sim-words-40")
    yield made
    await made.aclose()


@pytest.mark.requirement("vui R1")
async def test_the_three_variables_and_an_explicit_name_select_the_gateway(
    vui: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = vui.make_backend("lingate")
    explicit = vui.make_backend("lingate", model="anthropic/claude-sonnet-4-6")
    monkeypatch.setenv("VUI_LLM_BACKEND", "lingate")
    monkeypatch.setenv("VUI_LINGATE_URL", "http://gateway:9000/v1/")
    monkeypatch.setenv("VUI_LINGATE_MODEL", "mistral/mistral-small-latest")
    told = vui.make_backend()

    assert (plain.base_url, plain.model) == ("http://localhost:4000", "openai/gpt-4o-mini")
    assert explicit.model == "anthropic/claude-sonnet-4-6"
    assert (told.base_url, told.model, told.name) == (
        "http://gateway:9000",
        "mistral/mistral-small-latest",
        "lingate",
    )
    assert isinstance(vui.make_backend("lingate-inprocess"), vui.LingateBackend)
    with pytest.raises(ConfigError, match="unknown VUI_LLM_BACKEND 'olama'"):
        vui.make_backend("olama")


@pytest.mark.requirement("vui R1")
def test_the_installed_branch_makes_the_hosts_own_factory_return_our_backends(
    vui: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lingate.hosts._disk import tree_of, write
    from lingate.hosts._recipe import install

    source = tmp_path / "src" / "vui" / "serving" / "stream"
    source.mkdir(parents=True)
    for folder in (source, source.parent, source.parent.parent):
        (folder / "__init__.py").touch()
    text = (STAND_INS / "vui" / "serving" / "stream" / "llm_backend.py").read_text()
    (source / "llm_backend.py").write_text(text)
    forget_modules()
    monkeypatch.syspath_prepend(str(tmp_path / "src"))

    write(tmp_path, install(registry.recipe("vui"), tree_of(tmp_path)))

    host = importlib.import_module("vui.serving.stream.llm_backend")
    assert host.__file__ is not None
    assert host.__file__.startswith(str(tmp_path))
    assert type(host.make_backend("lingate", model="a/b")).__name__ == "LingateGatewayBackend"
    assert type(host.make_backend("LINGATE-INPROCESS")).__name__ == "LingateBackend"
    with pytest.raises(ValueError, match="unknown VUI_LLM_BACKEND: 'other'"):
        host.make_backend("other")


@pytest.mark.requirement("vui R2", "vui R10")
async def test_a_turn_is_streamed_as_text_and_its_context_is_counted(backend: Any) -> None:
    stats: dict[str, int] = {}

    pieces = [piece async for piece in backend.stream(ASK, max_tokens=2048, stats=stats)]

    assert len(pieces) > 5
    assert "rivers" in "".join(pieces)
    assert stats["ctx_used"] == stats["prompt_tokens"] + stats["completion_tokens"] > 0
    assert stats["ctx_max"] == 8192


@pytest.mark.requirement("vui R2")
async def test_models_are_listed_and_switched(backend: Any, simulator: Simulator) -> None:
    listed = await backend.list_models()
    await backend.set_model(listed[0])
    await backend.complete(ASK)

    assert len(listed) > 1
    assert backend.model == listed[0]
    assert simulator.requests()[-1].body["model"] == listed[0].removeprefix("openai/")


@pytest.mark.requirement("vui R3")
def test_the_gateway_backend_overrides_only_what_differs_from_vllm(vui: Any) -> None:
    own = {name for name in vars(vui.LingateGatewayBackend) if not name.startswith("__") or name == "__init__"}

    assert own == {"name", "__init__", "_client_inst", "_body", "prefill", "set_model"}
    assert [base.__name__ for base in vui.LingateGatewayBackend.__mro__[1:3]] == ["VLLMBackend", "LLMBackend"]


@pytest.mark.requirement("vui R4", "X7")
async def test_prefill_sends_nothing(backend: Any, simulator: Simulator) -> None:
    for _ in range(5):
        await backend.prefill([{"role": "system", "content": "Be brief."}])

    assert simulator.requests() == []


@pytest.mark.requirement("vui R5")
async def test_the_key_is_a_bearer_token_if_one_is_set_and_no_header_if_none_is(
    vui: Any, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = vui.LingateGatewayBackend("sim-large", simulator.url)
    monkeypatch.setenv("VUI_LINGATE_KEY", "sk-secret")
    keyed = vui.LingateGatewayBackend("sim-large", simulator.url)

    await bare.complete(ASK)
    await keyed.complete(ASK)
    [_ async for _ in keyed.stream(ASK)]

    without, *with_key = [request.headers.get("authorization") for request in simulator.requests()]
    assert without is None
    assert len(with_key) == 2
    assert all(fingerprint("sk-secret") in str(value) for value in with_key)
    await bare.aclose()
    await keyed.aclose()


@pytest.mark.requirement("vui R5", "vui R8")
def test_the_variables_are_documented_together() -> None:
    page = (Path(__file__).parents[2] / "docs" / "hosts" / "vui.md").read_text()

    assert all(name in page for name in ("VUI_LINGATE_URL", "VUI_LINGATE_MODEL", "VUI_LINGATE_KEY"))
    assert {variable.name for variable in registry.recipe("vui").variables} <= set(page.replace("`", " ").split())


@pytest.mark.requirement("vui R6", "vui R8", "vui R9", "X12")
def test_the_gateways_body_lacks_top_k_and_chat_template_kwargs_and_nothing_else(vui: Any) -> None:
    mine = vui.LingateGatewayBackend("m", "http://gateway")
    vllm = type(mine).__mro__[1]("m", "http://gateway")
    asked = {"stream": True, "max_tokens": 9, "temperature": 0.5, "top_k": 3, "top_p": None, "presence_penalty": None}

    body = mine._body(ASK, **asked, stop=None)

    expected = vllm._body(ASK, **asked, stop=None)
    assert {name: value for name, value in expected.items() if name not in ("top_k", "chat_template_kwargs")} == body
    assert sorted(body) == [
        "max_tokens",
        "messages",
        "model",
        "presence_penalty",
        "stream",
        "temperature",
        "top_p",
    ]


@pytest.mark.requirement("X3", "X12")
async def test_in_process_only_what_the_provider_takes_reaches_it(vui: Any, simulator: Simulator) -> None:
    usual = vui.LingateBackend("openai/sim-large", params={"seed": 7})
    wanted = vui.LingateBackend("openai/sim-large", sampling={"top_k": 5})
    claude = vui.LingateBackend(
        "claude/claude-sonnet-4-5",
        client=lingate.AsyncLingate(
            {"providers": {"claude": {"dialect": "anthropic", "url": simulator.url, "api_key": "k"}}}
        ),
    )

    for made in (usual, wanted, claude):
        await made.complete(ASK)
        await made.aclose()

    first, second, third = (request.body for request in simulator.requests())
    assert (first["temperature"], first["top_p"], first["presence_penalty"], first["seed"]) == (0.0, 0.95, 1.5, 7)
    assert "top_k" not in first
    assert second["top_k"] == 5
    assert (third["temperature"], "top_p" in third, "presence_penalty" in third) == (0.0, False, False)


@pytest.mark.requirement("vui R7")
async def test_what_the_call_and_the_backend_are_told_holds(vui: Any, simulator: Simulator) -> None:
    backend = vui.LingateBackend("openai/sim-large", max_model_len=1000)
    stats: dict[str, int] = {}

    answer = await backend.complete(ASK, top_k=9, stats=stats)
    await backend.aclose()

    assert simulator.requests()[-1].body["top_k"] == 9
    assert answer["usage"]["ctx_max"] == stats["ctx_max"] == 1000


@pytest.mark.requirement("vui R7")
async def test_the_gauge_shows_the_models_own_window_or_eight_thousand(vui: Any) -> None:
    known = vui.LingateBackend("anthropic/claude-sonnet-4-6")
    unknown = vui.LingateBackend("openai/sim-large")
    told = vui.LingateBackend("anthropic/claude-sonnet-4-6", max_model_len=32_000)
    gateway = vui.LingateGatewayBackend("anthropic/claude-sonnet-4-6")

    assert known.max_model_len >= 200_000
    assert unknown.max_model_len == gateway.max_model_len == 8192
    assert told.max_model_len == 32_000
    await unknown.set_model("anthropic/claude-sonnet-4-6")
    assert unknown.max_model_len == known.max_model_len


@pytest.mark.requirement("vui R10")
async def test_a_tool_calls_arguments_are_a_dict(backend: Any) -> None:
    stats: dict[str, int] = {}

    answer = await backend.complete(ASK, tools=[TOOL], temperature=0.0, stats=stats)

    (call,) = answer["tool_calls"]
    assert (call["type"], call["function"]["name"]) == ("function", "add_memory")
    assert isinstance(call["function"]["arguments"]["content"], str)
    assert call["id"]
    assert answer["content"] == ""
    assert answer["done_reason"] == "tool_calls"
    assert answer["usage"]["ctx_used"] == stats["ctx_used"] > 0
    assert answer["usage"]["ctx_max"] == stats["ctx_max"] == 8192


@pytest.mark.requirement("vui R10")
async def test_arguments_that_are_no_json_object_are_an_error_and_no_tool_is_run_without_them(vui: Any) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "add_memory", "arguments": '{"content": "my c'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    reply = Reply({"choices": [{"index": 0, "message": message, "finish_reason": "length"}]})
    made = vui.LingateBackend(
        "openai/any", client=lingate.AsyncLingate(transport=AsyncFakeTransport(reply), env={"OPENAI_API_KEY": "k"})
    )

    with pytest.raises(ProtocolError, match="add_memory"):
        await made.complete(ASK, tools=[TOOL])


@given(cuts=st.lists(st.integers(0, 200), max_size=8), ending=st.sampled_from(["done", "cut", "error"]))
def test_a_gateways_stream_is_passed_on_as_it_is_however_it_is_cut_and_checked_for_its_end(
    cuts: list[int], ending: str
) -> None:
    from lingate.hosts._vui_parts import _Whole

    chunk = b'data: {"choices": [{"delta": {"content": "\xc3\xa4 "error" [DONE]"}}]}\r\n\r\n: comment\n\n'
    tail = {"done": b"data: [DONE]\n\n", "cut": b"", "error": b'data: {"error": {"message": "too busy"}}\n\n'}[ending]
    data = chunk * 2 + tail
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in itertools.pairwise(edges)]

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def read() -> bytes:
        seen = b""
        try:
            async for piece in _Whole(body()):
                seen += piece
        except httpx.RemoteProtocolError as error:
            return b"!" + str(error).encode()
        return seen

    assert (
        asyncio.run(read())
        == {
            "done": data,
            "cut": b"!the gateway's stream ended before it was complete",
            "error": b"!the gateway's stream broke off: too busy",
        }[ending]
    )


@pytest.mark.requirement("vui R10", "X4")
async def test_ten_stop_sequences_are_cut_on_the_wire_and_all_of_them_stop_the_voice(
    vui: Any, simulator: Simulator
) -> None:
    made = vui.LingateBackend("openai/sim-words-40")

    spoken = "".join([piece async for piece in made.stream(ASK, stop=STOPS)])

    assert simulator.requests()[-1].body["stop"] == STOPS[:4]
    assert spoken.startswith("You said")
    assert "plain words" not in spoken
    assert spoken.endswith("with ")
    await made.aclose()


@pytest.mark.requirement("vui R10")
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("reset_head", (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)),
        ("cut-3", httpx.RemoteProtocolError),
        ("eof-3", httpx.RemoteProtocolError),
        ("error_event-3", (httpx.RemoteProtocolError, LingateError)),
    ],
)
async def test_an_answer_that_breaks_off_is_an_error_and_not_half_a_sentence(
    backend: Any, fault: str, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.model += f"-fault-{fault}"
    if hasattr(backend, "_lingate"):
        backend._lingate = lingate.AsyncLingate(retries=0)

    with pytest.raises(kind):
        [piece async for piece in backend.stream(ASK)]


@pytest.mark.requirement("vui R10")
async def test_nobody_listening_is_httpxs_connect_error_and_a_refusal_is_none(vui: Any, simulator: Simulator) -> None:
    dead = lingate.AsyncLingate(env={"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": DEAD}, retries=0)
    away = vui.LingateBackend("openai/sim-large", client=dead)
    gateway = vui.LingateGatewayBackend("sim-large", DEAD)
    refused = vui.LingateBackend("openai/sim-fault-401")

    for made in (away, gateway):
        with pytest.raises(httpx.ConnectError):
            await made.complete(ASK)
        with pytest.raises(httpx.ConnectError):
            [piece async for piece in made.stream(ASK)]
    assert await away.list_models() == ["openai/sim-large"]
    with pytest.raises(lingate.errors.AuthenticationError) as raised:
        await refused.complete(ASK)
    assert not isinstance(raised.value, httpx.HTTPError)
    for made in (away, gateway, refused):
        await made.aclose()


@pytest.mark.requirement("vui R10", "X11")
async def test_a_turn_that_is_left_early_lets_the_provider_go(backend: Any, simulator: Simulator) -> None:
    backend.model = backend.model.replace("sim-words-40", "sim-words-2000-delay-5")

    async def first_word() -> str:
        async for piece in backend.stream(ASK, max_tokens=2048):
            return str(piece)
        return ""

    assert await first_word()
    gc.collect()
    for _ in range(100):
        if simulator.stats()["requests"]["disconnected"]:
            break
        await asyncio.sleep(0.02)

    assert simulator.stats()["requests"]["disconnected"] == 1


@pytest.mark.requirement("vui R10")
async def test_a_turn_that_is_cancelled_lets_the_provider_go(backend: Any, simulator: Simulator) -> None:
    backend.model = backend.model.replace("sim-words-40", "sim-words-2000-delay-5")
    begun = asyncio.Event()

    async def speak() -> None:
        async for _ in backend.stream(ASK, max_tokens=2048):
            begun.set()

    task = asyncio.create_task(speak())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(100):
        if simulator.stats()["requests"]["disconnected"]:
            break
        await asyncio.sleep(0.02)

    assert simulator.stats()["requests"]["disconnected"] == 1


@pytest.mark.requirement("vui R10", "X13")
async def test_the_health_probe_is_answered_and_follows_the_provider(vui: Any, simulator: Simulator) -> None:
    env = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": DEAD}
    made = vui.LingateBackend("openai/sim-large", client=lingate.AsyncLingate(env=env, retries=0))

    async def probe(path: str = "/api/version") -> int:
        async with httpx.AsyncClient() as client:
            return (await client.get(made.base_url + path)).status_code

    assert await probe() == 200
    assert await probe("/anything") == 404
    made._lingate = lingate.AsyncLingate(env=env, retries=0)
    with pytest.raises(httpx.ConnectError):
        await made.complete(ASK)
    os.environ["OPENAI_BASE_URL"] = DEAD
    assert await probe() == 503
    os.environ["OPENAI_BASE_URL"] = f"{simulator.url}/v1"
    assert await probe() == 200
    url = made.base_url
    await made.aclose()
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient() as client:
            await client.get(url)


@pytest.mark.requirement("vui R5", "vui R6", "vui R10", "X4", "X12", "X13")
async def test_a_gateway_of_ours_serves_all_that_vui_asks_of_one(
    vui: Any, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("granian", reason="the gateway: lingate[server]")
    from tests.server.gateway_kit import MASTER, running_gateway

    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", simulator.url)
    with running_gateway("litellm_settings:\n  drop_params: true\n", tmp_path, auth=True) as gateway:
        keyed = vui.LingateGatewayBackend("anthropic/sim-words-40", f"{gateway.url}/v1", api_key=MASTER)
        bare = vui.LingateGatewayBackend("anthropic/sim-words-40", gateway.url)
        stats: dict[str, int] = {}

        spoken = "".join([piece async for piece in keyed.stream(ASK, stop=STOPS, stats=stats)])
        answer = await keyed.complete(ASK, tools=[TOOL], stats=stats)
        listed = await keyed.list_models()
        for refused in (bare.complete(ASK), anext(bare.stream(ASK))):
            with pytest.raises(httpx.HTTPStatusError, match=r"answered 401: .*key"):
                await refused
        async with httpx.AsyncClient() as client:
            probed = await client.get(f"{keyed.base_url}/api/version")
        await keyed.set_model("anthropic/sim-words-40-fault-cut-3")
        with pytest.raises(httpx.RemoteProtocolError, match="ended early"):
            [piece async for piece in keyed.stream(ASK)]
        await keyed.aclose()
        await bare.aclose()

    assert spoken.startswith("You said")
    assert spoken.endswith("with ")
    assert answer["tool_calls"][0]["function"]["arguments"].keys() == {"content"}
    assert stats["ctx_used"] > 0
    assert probed.status_code == 200
    assert any(name.startswith("anthropic/") for name in listed)


@pytest.mark.requirement("X6", "X7")
async def test_what_vuis_thoughts_send_is_taken(backend: Any) -> None:
    messages = [{"role": "system", "content": "Decide."}, {"role": "system", "content": "Tasks."}, ASK[1]]

    answer = await backend.complete(messages, tools=[TOOL])

    assert answer["tool_calls"][0]["function"]["name"] == "add_memory"


def test_without_vui_the_error_says_which_python_to_use() -> None:
    forget_modules()
    module = importlib.import_module("lingate.hosts.vui")

    with pytest.raises(MissingExtraError, match=r"no vui.*Python that vui is installed in"):
        module.make_backend("lingate")
    with pytest.raises(MissingExtraError):
        module.LingateBackend  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        module.Other  # noqa: B018


def launched(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    source = str(Path(lingate.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(STAND_INS), source])}
    command = [sys.executable, "-m", "lingate.hosts.vui", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=60, check=False)


@pytest.mark.requirement("vui R1")
@pytest.mark.parametrize("kind", ["LingateBackend", "LingateGatewayBackend"])
def test_the_launcher_starts_vui_and_its_spawned_workers_import_next_to_nothing(
    simulator: Simulator, kind: str
) -> None:
    options = ["--model", "openai/sim-large"]
    if kind == "LingateGatewayBackend":
        options = ["--model=sim-large", "--gateway", simulator.url]

    done = launched([*options, "nano.safetensors", "--asr-small"])

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["kind"], told["arguments"]) == (kind, ["nano.safetensors", "--asr-small"])
    assert "hello there" in told["said"]
    assert "lingate._client" not in told["imported"]
    assert "no credential" not in done.stderr


def test_the_launcher_says_that_a_key_is_missing() -> None:
    done = launched(["--model", "anthropic/claude-sonnet-4-6", "nano"])

    assert "no credential for anthropic/claude-sonnet-4-6 in the environment: set ANTHROPIC_API_KEY" in done.stderr


@pytest.mark.requirement(
    "vui R1",
    "vui R2",
    "vui R3",
    "vui R4",
    "vui R5",
    "vui R6",
    "vui R7",
    "vui R8",
    "vui R9",
    "vui R10",
    "X4",
    "X6",
    "X7",
    "X11",
)
def test_vuis_own_turn_code_runs_on_both_backends() -> None:
    path, python = checkout("VUI")
    lines: list[_check.Outcome] = []

    passed, text = _check.check(registry.recipe("vui"), path=path, python=python, values={}, each=lines.append)

    assert passed, text
    assert [line for line in lines if line.outcome != "ok"] == []
    assert len(lines) > 10


async def test_a_refusal_is_spoken(vui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    made = vui.LingateBackend("openai/m")
    with RawServer(refusing(stream=True)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        spoken = "".join([piece async for piece in made.stream(ASK)])
        server.script = refusing()
        whole = await made.complete(ASK)
    await made.aclose()

    assert (spoken, whole["content"]) == (REFUSAL, REFUSAL)


async def test_what_a_model_was_not_sent_is_logged_once(
    vui: Any, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", simulator.url)
    made = vui.LingateBackend("anthropic/sim-words-5-of-vui")

    assert [piece async for piece in made.stream(ASK)] != []
    await made.complete(ASK)
    await made.aclose()

    told = [record.getMessage() for record in caplog.records if record.name == "lingate.hosts"]
    assert told == ["left out or changed for anthropic/sim-words-5-of-vui: presence_penalty"]

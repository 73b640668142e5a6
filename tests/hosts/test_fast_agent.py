"""fast-agent's adapter where fast-agent is not: the client its chat code calls, errors, settings, picker data, overlays.

What needs fast-agent itself is in test_fast_agent_host.py.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage

import lingate
from lingate import errors
from lingate.errors import MissingExtraError
from lingate.hosts import fast_agent, registry
from lingate.hosts._disk import tree_of, write
from lingate.hosts._recipe import detect, install, uninstall
from lingate.hosts.fast_agent import _client, _settings, catalog
from lingate.hosts.fast_agent._client import LingateClient, Recall, as_openai, shared_client
from lingate.simulator import Simulator, fingerprint
from lingate.testing import AsyncFakeTransport, Reply, Streamed
from tests.effort import least_cpu
from tests.hosts.refusals import REFUSAL, events, refusing
from tests.servers import RawServer

ASK = [{"role": "user", "content": "Tell me about rivers."}]
TOOL = {
    "type": "function",
    "function": {
        "name": "remember",
        "parameters": {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]},
    },
}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "city",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": False,
        },
    },
}


@dataclass
class Section:
    """A section of fast-agent's configuration, which is an object where the host knows it."""

    api_key: str | None = None
    base_url: str | None = None


@dataclass
class Config:
    lingate: Any = None
    anthropic: Any = None
    openai: Any = None
    google: Any = None


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator() as running:
        monkeypatch.setenv("OPENAI_API_KEY", "openai-key")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{running.url}/v1")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "anthropic-key")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        yield running


async def streamed(client: LingateClient, **call: Any) -> list[ChatCompletionChunk]:
    async with client as opened:
        stream: Any = await opened.chat.completions.create(
            messages=ASK, stream=True, stream_options={"include_usage": True}, **call
        )
        return [chunk async for chunk in stream]


BOTH = pytest.mark.parametrize("model", ["openai/sim-words-20", "anthropic/sim-words-20"])


@BOTH
@pytest.mark.requirement("fast-agent R9", "X5", "X9")
async def test_a_stream_is_chunks_of_the_openai_package_with_usage_at_its_end(simulator: Simulator, model: str) -> None:
    chunks = await streamed(LingateClient(), model=model, tools=[], parallel_tool_calls=None)

    assert all(type(chunk) is ChatCompletionChunk for chunk in chunks)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert "rivers" in text
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == ["stop"]
    # fast-agent reads these without asking whether they are there.
    assert all(
        choice.delta.tool_calls is None and choice.delta.function_call is None and choice.delta.refusal is None
        for chunk in chunks
        for choice in chunk.choices
    )
    assert type(chunks[-1].usage) is CompletionUsage
    assert chunks[-1].usage.total_tokens > 20
    assert "tools" not in simulator.requests()[-1].body


@BOTH
@pytest.mark.requirement("fast-agent R9", "X1")
async def test_tool_calls_are_streamed_and_end_with_tool_calls(simulator: Simulator, model: str) -> None:
    chunks = await streamed(LingateClient(), model=model, tools=[TOOL])

    deltas = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or ()]
    assert {call.index for call in deltas} == {0}
    assert (deltas[0].type, deltas[0].function and deltas[0].function.name) == ("function", "remember")
    assert deltas[0].id
    arguments = "".join(call.function.arguments or "" for call in deltas if call.function)
    assert isinstance(json.loads(arguments)["what"], str)
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert reasons == ["tool_calls"]


@BOTH
@pytest.mark.requirement("fast-agent R9", "X9")
async def test_without_streaming_the_message_is_the_openai_packages(simulator: Simulator, model: str) -> None:
    answer: Any = await LingateClient().chat.completions.create(model=model, messages=ASK, stream=False)

    assert type(answer) is ChatCompletion
    assert type(answer.choices[0].message) is ChatCompletionMessage
    assert "rivers" in answer.choices[0].message.content


ODD = {"id": "a", "created": 1, "model": "m", "service_tier": "on_demand", "system_fingerprint": 7}
ODD_PART = {"role": "assistant", "content": "hi", "refusal": False, "annotations": [{"type": "url_citation"}]}


@pytest.mark.requirement("fast-agent R9", "X9")
async def test_fields_of_a_provider_that_openais_types_do_not_allow_are_no_error() -> None:
    choice = {"index": 0, "finish_reason": "stop"}
    pieces = [{**ODD, "choices": [{**choice, "delta": ODD_PART}]}, "[DONE]"]
    events = Streamed([f"data: {one if isinstance(one, str) else json.dumps(one)}\n\n".encode() for one in pieces])
    found = []
    for answer in (events, Reply({**ODD, "choices": [{**choice, "message": ODD_PART}]})):
        asked = lingate.AsyncLingate(transport=AsyncFakeTransport(answer), env={}, retries=0)
        client = LingateClient({"api_key": "k"}, client=asked)
        if answer is events:
            found += await streamed(client, model="groq/a")
        else:
            found.append(await client.chat.completions.create(model="groq/a", messages=ASK))

    whole, chunks = found[-1], found[:-1]
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "hi"
    assert all(choice.delta.function_call is None for chunk in chunks for choice in chunk.choices)
    assert chunks[0].service_tier == "on_demand"
    assert (type(whole), type(whole.choices[0].message)) == (ChatCompletion, ChatCompletionMessage)
    assert whole.service_tier == "on_demand"


@BOTH
@pytest.mark.requirement("fast-agent R9")
async def test_structured_output_reasoning_and_cached_tokens_keep_working(simulator: Simulator, model: str) -> None:
    client = LingateClient()

    shaped: Any = await client.chat.completions.create(model=model, messages=ASK, response_format=SCHEMA)
    thought = await streamed(client, model=model, extra_body={"reasoning_effort": "low"})
    long = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "rivers " * 2000, "cache_control": {"type": "ephemeral"}}],
        }
    ]
    for _ in range(2):
        cached: Any = await client.chat.completions.create(model=model, messages=long)

    assert isinstance(json.loads(shaped.choices[0].message.content)["name"], str)
    deltas = [choice.delta for chunk in thought for choice in chunk.choices]
    assert any(getattr(delta, "reasoning_content", None) for delta in deltas)
    assert thought[-1].usage is not None
    assert thought[-1].usage.completion_tokens_details is not None
    assert cached.usage.prompt_tokens_details.cached_tokens > 1000


@pytest.mark.requirement("fast-agent R9")
@pytest.mark.parametrize("stream", [True, False])
async def test_a_model_that_thinks_goes_on_thinking_after_a_tool_although_the_host_keeps_no_thoughts(
    simulator: Simulator, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_client, "_recall", Recall())  # nothing of the other way, whose answer is the same
    client = LingateClient()
    asked: dict[str, Any] = {"model": "anthropic/sim-words-20", "tools": [TOOL], "reasoning_effort": "low"}

    if stream:
        chunks = await streamed(client, **asked)
        deltas = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or ()]
        arguments = "".join(call.function.arguments or "" for call in deltas if call.function)
        call_id = deltas[0].id
    else:
        answer: Any = await client.chat.completions.create(messages=ASK, **asked)
        (call,) = answer.choices[0].message.tool_calls
        call_id, arguments = call.id, call.function.arguments
    # fast-agent reads the arguments and writes them anew.
    for said in (json.dumps(json.loads(arguments), indent=1), '{"what": "something else"}'):
        function = {"name": "remember", "arguments": said}
        history = [
            *ASK,
            {"role": "assistant", "tool_calls": [{"id": call_id, "type": "function", "function": function}]},
            {"role": "tool", "tool_call_id": call_id, "content": "done"},
        ]
        await client.chat.completions.create(messages=history, **asked)

    known, changed = (request.body for request in simulator.requests()[-2:])
    assert [block["type"] for block in known["messages"][1]["content"]] == ["thinking", "tool_use"]
    assert known["messages"][1]["content"][0]["signature"]
    assert "thinking" in known
    assert [block["type"] for block in changed["messages"][1]["content"]] == ["tool_use"]


def test_what_is_remembered_is_bounded_and_only_what_a_host_would_lose() -> None:
    recall = Recall()

    def message(number: int, **more: Any) -> dict[str, Any]:
        function = {"name": "f", "arguments": "{}"}
        return {
            "role": "assistant",
            "tool_calls": [{"id": f"c{number}", "type": "function", "function": function}],
            **more,
        }

    for number in range(600):
        recall.keep(message(number, thinking_blocks=[{"type": "thinking", "signature": str(number)}]))
    recall.keep(message(1000))
    recall.keep({"role": "assistant", "content": "text", "thinking_blocks": [{"type": "thinking"}]})

    assert recall.restored(message(0)) == message(0)
    assert recall.restored(message(599))["thinking_blocks"] == [{"type": "thinking", "signature": "599"}]
    assert recall.restored(message(1000)) == message(1000)
    assert recall.restored({"role": "user", "content": "hi"}) == {"role": "user", "content": "hi"}
    assert recall.restored("text") == "text"


@pytest.mark.requirement("fast-agent R9")
@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        ("high", {"reasoning_effort": "high"}),
        (True, {"reasoning_effort": "medium"}),
        ("auto", {}),
        (4096, {"reasoning_effort": "medium"}),
    ],
)
async def test_fast_agents_reasoning_setting_is_a_word_a_flag_or_a_number(
    simulator: Simulator, wanted: Any, sent: dict[str, Any]
) -> None:
    await streamed(LingateClient(), model="openai/sim-words-20", extra_body={"reasoning_effort": wanted, "seed": 1})

    body = simulator.requests()[-1].body
    assert body["seed"] == 1
    assert {name: body[name] for name in ("reasoning_effort",) if name in body} == sent


@pytest.mark.requirement("fast-agent R6")
async def test_defaults_go_with_every_call_and_explicit_arguments_win(simulator: Simulator) -> None:
    client = LingateClient(
        {
            "api_base": f"{simulator.url}/other/v1",
            "api_key": "shim-key",
            "extra_headers": {"x-trace": "abc"},
            "timeout": 45,
            "drop_params": False,
        }
    )

    await client.chat.completions.create(model="openai/sim-large", messages=ASK)
    await client.chat.completions.create(
        model="openai/sim-large", messages=ASK, api_key="caller-key", extra_headers={"x-trace": "xyz"}
    )

    first, second = simulator.requests()
    assert first.path == "/other/v1/chat/completions"
    assert fingerprint("shim-key") in first.headers["authorization"]
    assert first.headers["x-trace"] == "abc"
    assert fingerprint("caller-key") in second.headers["authorization"]
    assert second.headers["x-trace"] == "xyz"


@pytest.mark.requirement("fast-agent R6", "fast-agent R7")
async def test_proxy_mode_sends_every_model_to_the_gateway_under_its_own_name(simulator: Simulator) -> None:
    config = Config(lingate={"api_base": simulator.url, "api_key": "configured"}, anthropic=Section(api_key="not this"))
    sent = []

    for env in ({}, {"LINGATE_API_KEY": "from-env"}, {"ANTHROPIC_API_KEY": "not this"}):
        for named in ("my-deployment", "anthropic/claude-sonnet-4-6"):
            model, place = _settings.destination(named, config, env)
            await LingateClient(place).chat.completions.create(model=model, messages=ASK)
            sent.append(simulator.requests()[-1])

    assert [request.path for request in sent] == ["/v1/chat/completions"] * 6
    assert [request.body["model"] for request in sent] == ["my-deployment", "anthropic/claude-sonnet-4-6"] * 3
    keys = [request.headers["authorization"] for request in sent]
    assert [fingerprint("from-env") in key for key in keys] == [False, False, True, True, False, False]
    assert [fingerprint("configured") in key for key in keys] == [True, True, False, False, True, True]


@pytest.mark.requirement("fast-agent R6")
def test_a_deployment_goes_to_the_gateway_of_the_environment() -> None:
    env = {"LINGATE_PROXY_URL": "http://gateway:4000", "LINGATE_PROXY_API_KEY": "key"}

    assert _settings.destination("my-deployment", None, env) == (
        "litellm_proxy/my-deployment",
        {"api_base": "http://gateway:4000", "api_key": "key"},
    )
    assert _settings.destination("openai/gpt-4o", None, env) == ("openai/gpt-4o", {})


@pytest.mark.requirement("fast-agent R5")
def test_credentials_come_from_the_environment_then_the_configuration_and_nothing_is_exported() -> None:
    before = dict(os.environ)
    config = Config(
        anthropic=Section(api_key="cfg-anthropic", base_url="http://a"),
        openai=Section(api_key="<your-api-key-here>", base_url="http://o"),
        google={"api_key": "cfg-google"},
    )
    destination = _settings.destination

    assert destination("anthropic/m", config, {})[1] == {"api_key": "cfg-anthropic", "api_base": "http://a"}
    assert destination("anthropic/m", config, {"ANTHROPIC_API_KEY": "env"})[1] == {"api_base": "http://a"}
    assert destination("anthropic/m", config, {"ANTHROPIC_API_KEY": "env", "ANTHROPIC_BASE_URL": "http://e"})[1] == {}
    assert destination("openai/m", config, {})[1] == {"api_base": "http://o"}
    assert destination("gemini/m", config, {})[1] == {"api_key": "cfg-google"}
    assert destination("mistral/m", config, {}) == ("mistral/m", {})
    assert destination("anthropic/m", None, {}) == ("anthropic/m", {})
    assert destination("nobody/m", config, {}) == ("nobody/m", {})
    assert dict(os.environ) == before


@pytest.mark.requirement("fast-agent R10")
def test_settings_have_their_defaults_and_further_keys_are_ignored() -> None:
    nothing = _settings.settings_of(Config())
    section = {
        "api_base": "http://g",
        "default_model": "a/b",
        "drop_params": False,
        "extra_kwargs": {"seed": 1},
        "x": 2,
    }
    given = _settings.settings_of(Config(lingate=section))

    assert nothing == _settings.settings_of(None)
    assert (nothing.drop_params, nothing.api_key, nothing.extra_kwargs) == (True, None, {})
    assert (given.api_base, given.default_model, given.drop_params, given.extra_kwargs) == (
        "http://g",
        "a/b",
        False,
        {"seed": 1},
    )
    assert "secret" not in repr(_settings.settings_of(Config(lingate={"api_key": "secret"})))


async def test_what_a_models_place_says_wins_over_the_defaults(simulator: Simulator) -> None:
    client = LingateClient({"api_key": "default"}, place_of=lambda model: (f"openai/{model}", {"api_key": "its-own"}))

    await client.chat.completions.create(model="sim-words-3", messages=ASK)

    assert fingerprint("its-own") in simulator.requests()[-1].headers["authorization"]


@pytest.mark.requirement("fast-agent R8")
async def test_anything_but_chat_is_refused_loudly() -> None:
    client = LingateClient()

    for use in (lambda: client.files, lambda: client.responses, lambda: client.beta):
        with pytest.raises(NotImplementedError, match=r"answers chat\.completions\.create alone"):
            use()
    assert not hasattr(client, "_private")
    async with client as opened:
        assert opened is client


ERRORS = [
    (errors.ContextLengthError("too long", status=400), openai.BadRequestError, 400, "context_length_exceeded"),
    (errors.BadRequestError("bad", status=422, code="invalid"), openai.BadRequestError, 422, "invalid"),
    (errors.ContentFilterError("no", status=400), openai.BadRequestError, 400, "content_filter"),
    (errors.PayloadTooLargeError("big"), openai.BadRequestError, 413, "payload_too_large"),
    (errors.UnsupportedError("n", param="n"), openai.BadRequestError, 400, "unsupported"),
    (errors.UnknownProviderError("who"), openai.BadRequestError, 400, "unknown_provider"),
    (errors.MissingCredentialError("none", variables=("A",)), openai.AuthenticationError, 401, "missing_credential"),
    (errors.AuthenticationError("wrong", status=401), openai.AuthenticationError, 401, "auth"),
    (errors.PermissionDeniedError("no", status=403), openai.PermissionDeniedError, 403, "permission"),
    (errors.NotFoundError("gone", status=404, code="model_not_found"), openai.NotFoundError, 404, "model_not_found"),
    (errors.ConflictError("twice"), openai.ConflictError, 409, "conflict"),
    (errors.RateLimitError("slow", retry_after=3), openai.RateLimitError, 429, "rate_limit"),
    (errors.QuotaExceededError("empty"), openai.RateLimitError, 429, "insufficient_quota"),
    (errors.BudgetExceededError("spent"), openai.RateLimitError, 429, "budget"),
    (errors.OverloadedError("busy", status=529, request_id="req_7"), openai.InternalServerError, 529, "overloaded"),
    (errors.InternalServerError("oops"), openai.InternalServerError, 500, "server_error"),
    (errors.ProtocolError("garbage"), openai.InternalServerError, 502, "protocol"),
]


@pytest.mark.requirement("fast-agent R13", "X8")
@pytest.mark.parametrize(("error", "kind", "status", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_errors_are_the_openai_packages_with_message_status_and_code(
    error: errors.LingateError, kind: type[openai.APIStatusError], status: int, code: str
) -> None:
    found: Any = as_openai(error)

    assert type(found) is kind
    assert (found.status_code, found.code, found.message) == (status, code, str(error))
    assert found.response.headers.get("retry-after") == ("3" if error.retry_after else None)
    assert found.request_id == error.request_id
    # fast-agent gives up at once where it reads this.
    assert ("context_length_exceeded" in f"{found} {found.code}") == isinstance(error, errors.ContextLengthError)


@pytest.mark.requirement("X8")
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.RequestTimeoutError("late"), openai.APITimeoutError),
        (errors.DeadlineExceededError("late"), openai.APITimeoutError),
        (errors.ConnectError("nobody"), openai.APIConnectionError),
        (errors.StreamInterruptedError("cut"), openai.APIConnectionError),
        (errors.LingateError("what"), openai.APIError),
    ],
)
def test_troubles_without_an_answer_are_connection_errors(error: errors.LingateError, kind: type[Exception]) -> None:
    found: Any = as_openai(error)

    assert type(found) is kind
    assert found.message == str(found) == str(error)


@pytest.mark.requirement("fast-agent R13")
@pytest.mark.parametrize(
    "error",
    [
        errors.MissingCredentialError("no key for groq: set GROQ_API_KEY", provider="groq"),
        errors.AuthenticationError("groq: wrong key (request 4290503)", provider="groq", status=401),
        errors.AuthenticationError("quota of this key is exhausted", provider="groq", status=401),
    ],
)
def test_a_credential_is_fast_agents_own_error_and_never_reads_like_one_that_passes(error: errors.LingateError) -> None:
    class KeyError_(Exception):
        pass

    found = as_openai(error, lambda title, details: KeyError_(f"{title}\n\n{details}"))

    assert isinstance(found, KeyError_)
    assert "groq" in str(found)
    words = ("429", "503", "quota", "exhausted", "overloaded", "unavailable", "timeout")
    assert [word for word in words if word in str(found).lower()] == []
    if isinstance(error, errors.MissingCredentialError):
        assert "GROQ_API_KEY" in str(found)


@pytest.mark.requirement("fast-agent R13", "X14")
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("context", openai.BadRequestError),
        ("cut-3", openai.APIConnectionError),
        ("eof-3", openai.APIConnectionError),
        ("reset_head", openai.APIConnectionError),
    ],
)
async def test_what_goes_wrong_on_the_wire_is_raised_after_one_try(
    simulator: Simulator, fault: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as raised:
        await streamed(LingateClient(), model=f"openai/sim-words-20-fault-{fault}")

    assert type(raised.value) is kind
    assert simulator.stats()["requests"]["total"] == 1


@pytest.mark.requirement("X11")
@pytest.mark.parametrize("closed", [False, True])
async def test_a_stream_that_is_left_lets_the_provider_go(simulator: Simulator, closed: bool) -> None:
    kept = []

    async def first() -> str:
        stream: Any = await LingateClient().chat.completions.create(
            model="openai/sim-words-2000-delay-5", messages=ASK, stream=True
        )
        pieces = aiter(stream)
        async for chunk in pieces:
            if chunk.choices[0].delta.content:
                if closed:
                    kept.append(pieces)
                    await stream.close()
                return str(chunk.choices[0].delta.content)
        return ""

    assert await first()
    gc.collect()
    for _ in range(100):
        if simulator.stats()["requests"]["disconnected"]:
            break
        await _pause()
    assert simulator.stats()["requests"]["disconnected"] == 1


async def _pause() -> None:
    await asyncio.sleep(0.02)


@pytest.mark.requirement("X10")
def test_all_agents_share_one_client_and_its_connections() -> None:
    assert shared_client() is shared_client()
    assert LingateClient()._lingate is LingateClient()._lingate


async def test_messages_that_are_objects_of_the_openai_package_are_taken(simulator: Simulator) -> None:
    said = ChatCompletionMessage(role="assistant", content="Rivers flow.")

    await LingateClient().chat.completions.create(model="openai/sim-large", messages=[*ASK, said, ASK[0]])

    assert simulator.requests()[-1].body["messages"][1] == {"role": "assistant", "content": "Rivers flow."}


@pytest.mark.requirement("fast-agent R1")
def test_twenty_models_and_more_of_sixteen_providers_come_first_each_under_one_name() -> None:
    entries = catalog.curated()

    assert len(entries) >= 20
    assert len({entry.model.partition("/")[0] for entry in entries}) >= 16
    assert all(entry.spec == f"lingate.{entry.model}" for entry in entries)
    known = {item.name for item in lingate.providers()}
    assert {entry.model.partition("/")[0] for entry in entries} <= known


@pytest.mark.requirement("fast-agent R12")
def test_aliases_are_unique_and_need_no_quotes() -> None:
    aliases = [entry.alias for entry in catalog.curated()]

    assert len(set(aliases)) == len(aliases) == len(lingate.catalog())
    assert all(
        alias.startswith("lingate-") and set(alias) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
        for alias in aliases
    )


@pytest.mark.requirement("fast-agent R2")
def test_all_models_are_listed_once_without_their_provider_twice() -> None:
    pytest.importorskip("genai_prices", reason="the price catalogue lists the models: lingate[prices]")
    specs = catalog.every_spec()

    assert len(specs) > 2000
    assert len(set(specs)) == len(specs)
    parts = [spec.removeprefix("lingate.").split("/") for spec in specs]
    assert [part for part in parts if len(part) > 2 and part[0] == part[1] != "openrouter"] == []
    shown = [entry.spec for entry in catalog.curated()]
    assert set(catalog.further_specs(shown)) == set(specs) - set(shown)


@pytest.mark.requirement("fast-agent R3")
def test_each_row_is_marked_by_its_providers_credential_without_network_or_waiting(monkeypatch: Any) -> None:
    config = {"groq": {"api_key": "configured"}}

    def mark(spec: str, env: dict[str, str]) -> bool | None:
        return catalog.backing_present(spec, config, env)

    assert mark("lingate.anthropic/claude-sonnet-4-6", {"ANTHROPIC_API_KEY": "k"}) is True
    assert mark("lingate.anthropic/claude-sonnet-4-6", {}) is False
    assert mark("lingate.groq/any", {}) is True
    assert mark("lingate.ollama/any", {}) is True
    assert mark("lingate.my-deployment", {}) is None
    assert mark("anthropic.claude-sonnet-4-6", {"ANTHROPIC_API_KEY": "k"}) is None
    assert least_cpu(lambda: [catalog.backing_present(spec, config) for spec in catalog.every_spec()]) < 0.5
    monkeypatch.setenv("MISTRAL_API_KEY", "k")
    assert catalog.backing_present("lingate.mistral/any", {}) is True


@pytest.mark.requirement("fast-agent R11")
def test_fast_agent_is_imported_only_when_it_is_needed_and_its_absence_is_said() -> None:
    if importlib.util.find_spec("fast_agent") is not None:
        pytest.skip("fast-agent is installed here: test_fast_agent_host.py uses it")

    assert "fast_agent" not in sys.modules
    with pytest.raises(MissingExtraError, match=r"no fast_agent.*pip install fast-agent-mcp lingate"):
        fast_agent.register()
    with pytest.raises(MissingExtraError):
        fast_agent.LingateLLM  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        fast_agent.Other  # noqa: B018
    assert fast_agent.LingateClient is LingateClient


def test_the_launcher_tells_fast_agent_our_models_in_its_own_words() -> None:
    assert fast_agent.arguments_of(
        [
            "go",
            "--model",
            "lingate/anthropic/claude-sonnet-4-6",
            "--models=lingate.groq/a,gpt-5-mini",
            "-m",
            "sonnet",
            "-x",
        ]
    ) == [
        "go",
        "--model",
        "generic.lingate/anthropic/claude-sonnet-4-6",
        "--models=generic.lingate/groq/a,gpt-5-mini",
        "-m",
        "sonnet",
        "-x",
    ]
    assert fast_agent.spec_of("generic.lingate/a/b") == "generic.lingate/a/b"


@pytest.mark.requirement("fast-agent R1", "fast-agent R6")
def test_overlays_are_written_recognised_and_removed_and_the_users_own_stay(tmp_path: Path) -> None:
    recipe = registry.recipe("fast-agent")
    tree = tree_of(tmp_path)
    mine = tmp_path / "model-overlays" / "mine.yaml"
    mine.parent.mkdir()
    mine.write_text("name: mine\n")

    write(tmp_path, install(recipe, tree, {"url": "http://gw:4000/v1", "key_env": "LINGATE_API_KEY"}))

    files = sorted(tmp_path.glob("model-overlays/lingate-*.yaml"))
    assert len(files) >= 20
    assert detect(recipe, tree).state == "installed"
    for file in files:
        overlay = yaml.safe_load(file.read_text())
        assert overlay["name"] == file.stem
        assert overlay["provider"] == "generic"
        assert overlay["connection"] == {
            "base_url": "http://gw:4000/v1",
            "api_key_env": "LINGATE_API_KEY",
            "reasoning_field": "reasoning_effort",
        }
        assert overlay["metadata"]["context_window"] >= overlay["metadata"]["max_output_tokens"] > 0
        assert overlay["metadata"]["json_mode"] == "schema"
        assert "text/plain" in overlay["metadata"]["tokenizes"]
    write(tmp_path, uninstall(recipe, tree))
    assert [file.name for file in tmp_path.rglob("*.yaml")] == ["mine.yaml"]


def test_an_overlay_for_a_gateway_without_keys_names_no_variable(tmp_path: Path) -> None:
    write(tmp_path, install(registry.recipe("fast-agent"), tree_of(tmp_path)))

    overlay = yaml.safe_load(next(tmp_path.glob("model-overlays/*.yaml")).read_text())

    # With `auth: none` fast-agent hands an empty key to the openai package, which refuses it.
    assert overlay["connection"]["api_key_env"] is None
    assert "auth" not in overlay["connection"]


async def test_a_refusal_comes_where_fast_agent_looks_for_text(simulator: Simulator) -> None:
    with RawServer(refusing(stream=True)) as server:
        base = f"{server.url}/v1"
        chunks = await streamed(LingateClient({"api_base": base}), model="openai/m")
        server.script = refusing()
        whole: Any = await LingateClient({"api_base": base}).chat.completions.create(model="openai/m", messages=ASK)

    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert (text, whole.choices[0].message.content) == (REFUSAL, REFUSAL)


@pytest.mark.parametrize("written", ['{"what": "cut', "[]", "no JSON"])
@pytest.mark.requirement("fast-agent R9")
async def test_arguments_that_are_no_object_are_a_failure_that_fast_agent_tells(
    simulator: Simulator, written: str
) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "remember", "arguments": written}}
    with RawServer(events({"role": "assistant", "tool_calls": [call]}, {}, finish="tool_calls")) as server:
        client = LingateClient({"api_base": f"{server.url}/v1"})
        with pytest.raises(openai.APIError, match="arguments of tool call 'remember' are not"):
            await streamed(client, model="openai/m", tools=[TOOL])


@pytest.mark.parametrize("written", ["", "null", None])
async def test_a_call_without_arguments_is_none(simulator: Simulator, written: str | None) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "remember", "arguments": written}}
    with RawServer(events({"role": "assistant", "tool_calls": [call]}, {}, finish="tool_calls")) as server:
        chunks = await streamed(LingateClient({"api_base": f"{server.url}/v1"}), model="openai/m", tools=[TOOL])

    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "tool_calls"


@pytest.mark.requirement("fast-agent R10")
async def test_what_a_model_was_not_sent_is_logged_once(simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        await streamed(LingateClient(), model="anthropic/sim-words-5-of-fast-agent", seed=3)

    told = [record.getMessage() for record in caplog.records if record.name == "lingate.hosts"]
    assert told == ["left out or changed for anthropic/sim-words-5-of-fast-agent: seed"]


def test_a_checkout_is_given_the_provider_and_a_home_the_overlays(tmp_path: Path) -> None:
    types = tmp_path / "checkout" / "src" / "fast_agent" / "llm" / "provider_types.py"
    types.parent.mkdir(parents=True)
    types.write_text("class Provider(Enum):\n")
    (tmp_path / "home").mkdir()

    found = [registry.fitting("fast-agent", tree_of(tmp_path / name)).route for name in ("checkout", "home")]

    assert found == ["provider", "overlays"]

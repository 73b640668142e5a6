"""Traces as a collector gets them: a real OTLP/HTTP receiver on loopback, and what it decodes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from lingate.errors import ConfigError
from lingate.simulator import Simulator
from tests.server.collector import Collector, collecting, values
from tests.server.gateway_kit import Running, running_gateway

CHAT = "/v1/chat/completions"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def _config(simulator: str, **settings: Any) -> str:
    params = {"api_base": f"{simulator}/v1", "api_key": "sk-up", "max_retries": 0}
    models = [
        {"model_name": "small", "litellm_params": {"model": "openai/sim-small", **params}},
        {"model_name": "bad", "litellm_params": {"model": "openai/sim-fault-rate-limit", **params}},
        {"model_name": "cut", "litellm_params": {"model": "openai/sim-fault-cut-3", **params}},
        {"model_name": "french", "litellm_params": {"model": "mistral/sim-small", **params}},
        {"model_name": "any/*", "litellm_params": {"model": "openai/*", **params}},
    ]
    routing = {"fallbacks": [{"bad": ["small"]}]}
    return json.dumps({"model_list": models, "router_settings": routing, **settings})


ON = {"lingate": {"tracing": True}}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def exporting(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")


@pytest.fixture
def gateway(simulator: Simulator, exporting: None, tmp_path: Path) -> Iterator[Running]:
    with running_gateway(_config(simulator.url, **ON), tmp_path) as running:
        yield running


def _ask(gateway: Running, model: str, headers: dict[str, str] | None = None, **fields: Any) -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "a secret thought"}], **fields}
    return httpx2.post(gateway.url + CHAT, json=body, headers=headers, timeout=20)


def _split(spans: list[Span]) -> tuple[Span, list[Span]]:
    (call,) = (span for span in spans if span.kind == Span.SPAN_KIND_SERVER)
    return call, sorted((span for span in spans if span is not call), key=lambda span: span.start_time_unix_nano)


def test_a_call_is_a_span_with_the_names_of_the_genai_conventions(gateway: Running, collector: Collector) -> None:
    answer = _ask(gateway, "small", temperature=0.5, max_tokens=50)
    call, (attempt,) = _split(collector.wait(2))
    found, usage = values(call.attributes), answer.json()["usage"]

    assert call.name == "chat small"
    assert found["gen_ai.operation.name"] == "chat"
    assert found["gen_ai.provider.name"] == "openai"
    assert found["gen_ai.request.model"] == "small"
    assert found["gen_ai.response.model"] == answer.json()["model"]
    assert found["gen_ai.response.id"] == answer.json()["id"]
    assert found["gen_ai.response.finish_reasons"] == ["stop"]
    assert found["gen_ai.request.temperature"] == 0.5
    assert found["gen_ai.request.max_tokens"] == 50
    assert found["gen_ai.usage.input_tokens"] == usage["prompt_tokens"]
    assert found["gen_ai.usage.output_tokens"] == usage["completion_tokens"]
    assert found["lingate.call_id"] == answer.headers["x-lingate-call-id"]
    assert found["http.response.status_code"] == 200
    assert call.status.code == Status.STATUS_CODE_UNSET
    assert call.start_time_unix_nano < attempt.start_time_unix_nano
    assert attempt.end_time_unix_nano <= call.end_time_unix_nano
    assert collector.resources[0]["service.name"] == "lingate"


def test_providers_are_called_as_the_conventions_call_them(gateway: Running, collector: Collector) -> None:
    assert _ask(gateway, "french").status_code == 200

    assert [values(span.attributes)["gen_ai.provider.name"] for span in collector.wait(2)] == ["mistral_ai"] * 2


def test_a_try_upstream_is_a_span_below_and_the_upstream_is_told_of_the_trace(
    gateway: Running, collector: Collector, simulator: Simulator
) -> None:
    _ask(gateway, "small", {"traceparent": PARENT, "tracestate": "vendor=1"})
    call, (attempt,) = _split(collector.wait(2))
    found = values(attempt.attributes)
    passed_on = simulator.requests()[-1].headers

    assert call.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert call.parent_span_id.hex() == "b7ad6b7169203331"
    assert attempt.parent_span_id == call.span_id
    assert attempt.kind == Span.SPAN_KIND_CLIENT
    assert found["server.address"] == "127.0.0.1"
    assert found["server.port"] == int(simulator.url.rpartition(":")[2])
    assert found["gen_ai.request.model"] == "sim-small"
    assert passed_on["traceparent"] == f"00-{call.trace_id.hex()}-{call.span_id.hex()}-01"
    assert passed_on["tracestate"] == "vendor=1"


def test_each_try_of_a_call_that_fell_back_is_seen_with_what_became_of_it(
    gateway: Running, collector: Collector
) -> None:
    assert _ask(gateway, "bad").status_code == 200
    call, tries = _split(collector.wait(3))
    first, second = (values(span.attributes) for span in tries)

    assert first["error.type"] == "rate_limit"
    assert first["http.response.status_code"] == 429
    assert tries[0].status.code == Status.STATUS_CODE_ERROR
    assert "error.type" not in second
    assert second["http.request.resend_count"] == 1
    assert values(call.attributes)["lingate.fallbacks"] == 1
    assert call.status.code == Status.STATUS_CODE_UNSET
    assert tries[0].end_time_unix_nano <= tries[1].start_time_unix_nano


def test_a_stream_that_breaks_is_an_error_and_says_when_it_began(gateway: Running, collector: Collector) -> None:
    _ask(gateway, "cut", stream=True)
    call, _ = _split(collector.wait(2))
    found = values(call.attributes)

    assert found["error.type"] == "stream_interrupted"
    assert found["gen_ai.request.stream"] is True
    assert 0 < found["gen_ai.response.time_to_first_chunk"] < 5
    assert call.status.code == Status.STATUS_CODE_ERROR


def test_a_call_that_is_refused_is_a_span_without_tries(gateway: Running, collector: Collector) -> None:
    _ask(gateway, "nothing-of-the-kind")
    call, tries = _split(collector.wait(1))

    assert tries == []
    assert values(call.attributes)["error.type"] == "not_found"


def test_what_is_asked_and_answered_is_not_in_traces(gateway: Running, collector: Collector) -> None:
    answer = _ask(gateway, "small").json()["choices"][0]["message"]["content"]
    _ask(gateway, "cut", stream=True)
    sent = "".join(map(str, collector.wait(4)))

    assert "secret thought" not in sent
    assert answer[:12] not in sent


def test_what_is_asked_and_answered_is_there_for_owners_who_want_it(
    simulator: Simulator, collector: Collector, exporting: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    with running_gateway(_config(simulator.url, litellm_settings={"callbacks": ["otel"]}), tmp_path) as gateway:
        answer = _ask(gateway, "small").json()["choices"][0]["message"]["content"]
        found = values(_split(collector.wait(2))[0].attributes)

    asked = [{"role": "user", "parts": [{"type": "text", "content": "a secret thought"}]}]
    assert json.loads(found["gen_ai.input.messages"]) == asked
    assert json.loads(found["gen_ai.output.messages"])[0]["parts"] == [{"type": "text", "content": answer}]


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}}


def test_tools_and_pictures_are_in_traces_too_but_not_the_pictures_bytes(
    simulator: Simulator, collector: Collector, exporting: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "what is it?"}, PICTURE]},
        {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "this"}, PICTURE]},
    ]
    with running_gateway(_config(simulator.url, litellm_settings={"callbacks": ["otel"]}), tmp_path) as gateway:
        answer = httpx2.post(
            f"{gateway.url}/v1/chat/completions", json={"model": "small", "messages": messages}, timeout=20
        )
        assert answer.status_code == 200
        found = values(_split(collector.wait(2))[0].attributes)

    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "what is it?"}, {"type": "image_url"}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "tool_call", "id": "c1", "name": "look", "arguments": "{}"},
            ],
        },
        {
            "role": "tool",
            "parts": [
                {
                    "type": "tool_call_response",
                    "id": "c1",
                    "response": [{"type": "text", "content": "this"}, {"type": "image_url"}],
                }
            ],
        },
    ]


def test_a_key_where_a_model_is_meant_is_not_in_traces(gateway: Running, collector: Collector) -> None:
    key = "sk-proj-abcdefghijklmnop1234"
    assert _ask(gateway, f"any/{key}").json()["model"] == key

    for span in collector.wait(2):
        assert key not in str(span)
        assert values(span.attributes)["gen_ai.request.model"].endswith("[redacted]")


def test_what_is_left_is_sent_when_the_gateway_stops(
    simulator: Simulator, collector: Collector, exporting: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "front-door")
    with running_gateway(_config(simulator.url, **ON), tmp_path) as gateway:
        _ask(gateway, "small")
        assert collector.spans == []

    assert len(collector.spans) == 2
    assert collector.resources[0]["service.name"] == "front-door"


def test_what_nobody_has_asked_for_is_not_loaded() -> None:
    code = (
        "import sys, lingate.server.gateway; print('opentelemetry' in sys.modules, 'prometheus_client' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False"]


def test_without_being_asked_for_traces_are_not_made(
    simulator: Simulator, collector: Collector, exporting: None, tmp_path: Path
) -> None:
    with running_gateway(_config(simulator.url), tmp_path) as gateway:
        _ask(gateway, "small", {"traceparent": PARENT})
        assert gateway.gateway.tracing is None

    assert "traceparent" not in simulator.requests()[-1].headers
    assert collector.spans == []


def test_variables_that_make_no_sense_are_an_error_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    from lingate.server.tracing import Tracing

    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "2")

    with pytest.raises(ConfigError, match="OTEL_"):
        Tracing({})


def test_calls_that_are_no_conversation_have_no_messages_in_traces(
    simulator: Simulator, collector: Collector, exporting: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    with running_gateway(_config(simulator.url, **ON), tmp_path) as gateway:
        for path, body in (("/v1/embeddings", {"input": "x"}), (CHAT, {"messages": 5})):
            httpx2.post(gateway.url + path, json={"model": "small", **body}, timeout=20)
        spans = collector.wait(3)

    calls = {span.name: values(span.attributes) for span in spans if span.kind == Span.SPAN_KIND_SERVER}
    assert sorted(calls) == ["chat", "embeddings small"]
    assert not any(name.endswith("messages") for found in calls.values() for name in found)


def test_calls_that_are_not_sampled_are_answered_and_leave_no_trace(
    simulator: Simulator, collector: Collector, exporting: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    with running_gateway(_config(simulator.url, **ON), tmp_path) as gateway:
        assert _ask(gateway, "small").status_code == 200
        assert _ask(gateway, "small", {"traceparent": PARENT}).status_code == 200
        spans = collector.wait(2)

    assert [span.trace_id.hex() for span in spans] == [PARENT.split("-")[1]] * 2

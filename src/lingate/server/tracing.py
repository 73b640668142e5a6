# OpenTelemetry traces: a span for each call with the GenAI conventions, and one below it for each try upstream.

# Imported only where the configuration asks for traces. Where they go is said by the `OTEL_*` variables of the process,
# as for every program that uses OpenTelemetry; what was asked and answered is left out unless
# `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` is true.

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lingate._dialects._redact import redact
from lingate._model import Attempt, JsonDict
from lingate._providers.naming import row_of
from lingate._version import __version__
from lingate._wire import json
from lingate.errors import ConfigError, LingateError, MissingExtraError

try:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError as error:
    raise MissingExtraError("traces need opentelemetry: pip install 'lingate[server]'") from error

if TYPE_CHECKING:
    from lingate.server.exchange import Exchange
    from lingate.server.http import Request
    from lingate.server.routing.deployment import Deployment

Attributes = dict[str, Any]

_HEADERS = ("traceparent", "tracestate")
_PATIENCE = 5.0
"""Seconds that the last spans have to get out when the gateway stops."""

_OPERATIONS = {"completions": "text_completion", "responses": "chat"}
"""What the conventions call an operation, where that is not our own word."""

_SAMPLING = ("max_tokens", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "seed")
_PARAMETERS = {
    **{name: f"gen_ai.request.{name}" for name in _SAMPLING},
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "n": "gen_ai.request.choice.count",
}
_OWN = ("cost", "cache", "deployment", "attempts", "fallbacks", "key_id", "key_alias", "team_id", "end_user")
_COUNTS = {
    "prompt_tokens": "gen_ai.usage.input_tokens",
    "completion_tokens": "gen_ai.usage.output_tokens",
    "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    "ttft": "gen_ai.response.time_to_first_chunk",
    **{name: f"lingate.{name}" for name in _OWN},
}


class Tracing:
    # Makes the spans of one gateway.

    # env: The environment: what the exporter does not read by itself.
    # Raises ConfigError: The `OTEL_*` variables make no sense.

    def __init__(self, env: Mapping[str, str]) -> None:
        own = {"service.version": __version__}
        if "OTEL_SERVICE_NAME" not in env and "service.name" not in env.get("OTEL_RESOURCE_ATTRIBUTES", ""):
            own["service.name"] = "lingate"
        self.with_content = env.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "").lower() in ("true", "1")
        try:
            self._provider = TracerProvider(resource=Resource.create(own), shutdown_on_exit=False)
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        except ValueError as error:
            raise ConfigError(f"traces cannot be sent as the OTEL_* variables say: {error}") from None
        self.tracer: Tracer = self._provider.get_tracer("lingate", __version__)
        self.propagator = TraceContextTextMapPropagator()

    def begin(self, request: Request, operation: str) -> CallSpan:
        # The span of a call that has arrived, in the trace that its client is in.
        carrier = {name: value for name in _HEADERS if (value := request.header(name))}
        span = self.tracer.start_span(
            _OPERATIONS.get(operation, operation),
            self.propagator.extract(carrier) if carrier else None,
            SpanKind.SERVER,
            {"http.request.method": request.method, "url.path": _shown(request.path)},
        )
        return CallSpan(self, span)

    async def stop(self) -> None:
        # Send what is left, if there is somebody to take it.
        ending = threading.Thread(target=self._provider.shutdown, name="lingate-traces", daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, _PATIENCE)


class CallSpan:
    __slots__ = ("_response", "_routed", "_span", "_tracing")

    def __init__(self, tracing: Tracing, span: Span) -> None:
        self._tracing = tracing
        self._span = span
        self._routed = time.time_ns()
        self._response: JsonDict = {}

    def routed(self, exchange: Exchange) -> None:
        # The call is about to go upstream: let those there be part of the trace.
        self._routed = time.time_ns()
        carrier: dict[str, str] = {}
        self._tracing.propagator.inject(carrier, set_span_in_context(self._span))
        exchange.call.extra_headers = {**(exchange.call.extra_headers or {}), **carrier}

    def told(self, response: JsonDict) -> None:
        # There is an answer, or as much of one as there will be.
        self._response = response

    def end(self, exchange: Exchange, error: LingateError | None) -> None:
        span, row = self._span, exchange.row
        if not span.is_recording():
            return
        ended = time.time_ns()
        operation = _OPERATIONS.get(row.operation, row.operation)
        span.update_name(f"{operation} {_shown(row.model)}".strip())
        span.set_attributes(self._attributes(exchange, operation))
        trail: list[Attempt] = exchange.trail
        started = self._routed
        for number, attempt in enumerate(trail, 1):
            started += int(attempt.waited * 1e9)
            until = started + int(attempt.seconds * 1e9)
            # A stream goes on after what counts as its try, which ends with the first event.
            lasts = row.stream and number == len(trail) and attempt.kind == "ok"
            self._try(exchange, attempt, operation, started, ended if lasts else until, number)
            started = until
        if error is not None:
            _failed(span, error.kind, redact(error.message, ()) if error.kind != "client_left" else None)
        span.end(ended)

    def _attributes(self, exchange: Exchange, operation: str) -> Attributes:
        row, response = exchange.row, self._response
        found: Attributes = {
            "gen_ai.operation.name": operation,
            "http.response.status_code": row.status,
            "lingate.call_id": row.id,
            "lingate.face": row.face,
        }
        if row.model:
            found["gen_ai.request.model"] = _shown(row.model)
        if row.provider:
            found["gen_ai.provider.name"] = _called(row.provider)
        if row.stream:
            found["gen_ai.request.stream"] = True
        for name, attribute in _COUNTS.items():
            value = getattr(row, name)
            if value is not None and value != "":
                found[attribute] = _shown(value) if name == "deployment" else value
        if row.finish:
            found["gen_ai.response.finish_reasons"] = [row.finish]
        for name, fit in (("id", str), ("model", _shown)):
            if isinstance(response.get(name), str):
                found[f"gen_ai.response.{name}"] = fit(response[name])
        body = exchange.call.body if exchange.is_read else {}
        for name, attribute in _PARAMETERS.items():
            value = body.get(name)
            if type(value) in (int, float):
                found[attribute] = value
        if self._tracing.with_content:
            found |= _input_messages(body) | _output_messages(response)
        return found

    def _try(self, exchange: Exchange, attempt: Attempt, operation: str, started: int, ended: int, number: int) -> None:
        found: Attributes = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": _called(attempt.provider),
            "gen_ai.request.model": _shown(attempt.model),
            **_server(exchange, attempt),
        }
        if attempt.status is not None:
            found["http.response.status_code"] = attempt.status
        if number > 1:
            found["http.request.resend_count"] = number - 1
        if attempt.request_id:
            found["lingate.upstream_request_id"] = attempt.request_id
        span = self._tracing.tracer.start_span(
            f"{operation} {_shown(attempt.model)}",
            set_span_in_context(self._span),
            SpanKind.CLIENT,
            found,
            start_time=started,
        )
        if attempt.kind != "ok":
            _failed(span, attempt.kind, None)
        span.end(ended)


def _failed(span: Span, kind: str, message: str | None) -> None:
    span.set_attribute("error.type", kind)
    if kind != "client_left":
        span.set_status(Status(StatusCode.ERROR, message))


def _server(exchange: Exchange, attempt: Attempt) -> Attributes:
    # Where a try went, if that is clear: the trail has provider and model.
    last = exchange.chain.deployment
    fitting: list[Deployment] = [] if last is None or not _is_of(last, attempt) else [last]
    if not fitting:
        fitting = [one for one in exchange.live.router.deployments() if _is_of(one, attempt)]
    urls = {find()[0].url for one in fitting for find, _ in one.places.values()}
    hosts = set(map(_address, urls))
    if len(hosts) != 1:
        return {}
    host, port = hosts.pop()
    return {"server.address": host, "server.port": port}


@lru_cache(1024)
def _address(url: str) -> tuple[str, int]:
    at = urlsplit(url)
    return at.hostname or "", at.port or (443 if at.scheme == "https" else 80)


@lru_cache(1024)
def _shown(model: str) -> str:
    # A model's name without what may be a secret in it: it is the caller's word.
    return redact(model, (), 200)


@lru_cache(1024)
def _called(provider: str) -> str:
    # A provider by the name that the conventions have for it.
    row = row_of(provider)
    return (row and row.otel) or provider


def _is_of(one: Deployment, attempt: Attempt) -> bool:
    return one.provider == attempt.provider and one.model == attempt.model


def _input_messages(body: JsonDict) -> dict[str, str]:
    # The attribute for what was asked; none where it is no conversation.
    messages = body.get("messages")
    if not isinstance(messages, list):
        return {}
    return {"gen_ai.input.messages": _text([_message_of(item) for item in messages if isinstance(item, dict)])}


def _output_messages(response: JsonDict) -> dict[str, str]:
    # The same for what was answered.
    choices = response.get("choices")
    if not isinstance(choices, list):
        return {}
    found = []
    for choice in choices:
        if isinstance(choice, dict):
            message = choice.get("message")
            made = _message_of(message if isinstance(message, dict) else {"content": choice.get("text")})
            found.append({**made, "role": "assistant", "finish_reason": choice.get("finish_reason") or ""})
    return {"gen_ai.output.messages": _text(found)}


def _text(value: Any) -> str:
    return json.encode(value).decode("utf-8", "replace")


def _message_of(message: JsonDict) -> JsonDict:
    role, content = message.get("role"), message.get("content")
    if isinstance(content, list):
        content = [_part(part) for part in content if isinstance(part, dict)]
    if role == "tool":
        answer = {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": content}
        return {"role": "tool", "parts": [answer]}
    parts: list[JsonDict] = []
    if message.get("reasoning_content"):
        parts.append({"type": "reasoning", "content": message["reasoning_content"]})
    if isinstance(content, str):
        parts.append({"type": "text", "content": content})
    elif content:
        parts += content
    for call in message.get("tool_calls") or ():
        function = call.get("function") or call.get("custom") or {}
        arguments = function.get("arguments", function.get("input"))
        parts.append({"type": "tool_call", "id": call.get("id"), "name": function.get("name"), "arguments": arguments})
    return {"role": role or "user", "parts": parts}


def _part(part: JsonDict) -> JsonDict:
    # Pictures and sounds by their kind only: a trace is no place for megabytes.
    if part.get("type") == "text":
        return {"type": "text", "content": part.get("text") or ""}
    return {"type": str(part.get("type"))}

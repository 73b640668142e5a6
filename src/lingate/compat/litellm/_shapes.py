# Lingate's answers in LiteLLM's shapes.

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lingate._providers.catalog import cost_of
from lingate.compat.litellm import _records as records
from lingate.compat.litellm._costs import by_hand
from lingate.compat.litellm._params import Request
from lingate.compat.litellm._record import Record
from lingate.compat.litellm._tokens import usage_of


def chat(view: Any, request: Request) -> records.ModelResponse:
    # A chat answer. Counts the provider did not give are estimated, and `_hidden_params` says so.
    data = view.to_dict()
    data["object"] = "chat.completion"
    usage = data.pop("usage", None)
    beside = hidden(view, request)
    if not usage:
        usage = usage_of(request.given[0], [text for choice in data["choices"] for text in _written(choice)])
        beside["usage_estimated"] = True
    return records.ModelResponse(**data, usage=usage, _hidden_params=beside)


def _written(choice: dict[str, Any]) -> list[str]:
    # Everything that a model has written in a choice: text, reasoning, names and arguments of tools.
    message = choice.get("message") or {}
    calls = [call.get("function") or {} for call in message.get("tool_calls") or ()]
    texts = [message.get("content"), message.get("reasoning_content"), choice.get("text")]
    texts += [call.get(part) for call in calls for part in ("name", "arguments")]
    return [text for text in texts if isinstance(text, str)]


def _as_it_is(cls: type[Any]) -> Callable[[Any, Request], Any]:
    return lambda view, request: cls(**view.to_dict(), _hidden_params=hidden(view, request))


text = _as_it_is(records.TextCompletionResponse)
embedding = _as_it_is(records.EmbeddingResponse)
image = _as_it_is(records.ImageResponse)
transcription = _as_it_is(records.TranscriptionResponse)
rerank = _as_it_is(records.RerankResponse)
responses = _as_it_is(records.ResponsesAPIResponse)


def moderation(view: Any, request: Request) -> records.ModerationResponse:
    data = view.to_dict()
    data["results"] = [records.deep(_with_names(item)) for item in data.get("results") or ()]
    return records.ModerationResponse(**data, _hidden_params=hidden(view, request))


def _with_names(result: dict[str, Any]) -> dict[str, Any]:
    # A result whose categories can be read as attributes too: `hate/threatening` is `hate_threatening`.
    return {
        key: {**value, **{name.replace("/", "_").replace("-", "_"): item for name, item in value.items()}}
        if isinstance(value, dict)
        else value
        for key, value in result.items()
    }


def speech(view: Any, request: Request) -> records.HttpxBinaryResponseContent:
    return records.HttpxBinaryResponseContent(view.audio, view.content_type, hidden(view, request))


def hidden(view: Any, request: Request) -> dict[str, Any]:
    # What LiteLLM puts beside an answer: who gave it, how long it took and what it cost.
    provider, name = (request.provider, request.name) if request.mocked else (view.provider, view.requested_model)
    cost = by_hand(view.get("usage"), request)
    if cost is None:
        cost = cost_of(provider, name, view.get("usage")).total if request.mocked else view.cost
    kept = request.own.get("cache_hit")
    return {
        **({"cache_hit": True, "cache_key": kept} if kept else {}),
        **call_facts(request, view),
        "custom_llm_provider": provider,
        "litellm_model_name": name,
        "response_cost": 0.0 if kept else cost,
        "additional_headers": {"llm_provider-x-request-id": view.request_id} if view.request_id else {},
        "attempted_retries": max(len(view.attempts) - 1, 0),
        "_response_ms": (datetime.now() - request.started).total_seconds() * 1000,
    }


def call_facts(request: Request, view: Any) -> dict[str, Any]:
    # What is beside an answer and a stream alike.
    return {
        "litellm_call_id": request.call_id,
        "model_id": (request.own.get("model_info") or {}).get("id"),
        "api_base": request.options.get("api_base"),
        "dropped_params": [*request.own.get("dropped", ()), *view.dropped],
    }


def chunk(data: dict[str, Any], request: Request) -> records.ModelResponseStream:
    # One chunk. The usage chunk gets an empty choice, because LiteLLM's has one and callers index it.
    choices = [{**choice, "delta": dict(choice.get("delta") or {})} for choice in data.get("choices") or ()]
    if request.proven:
        for choice in choices:
            _tell_blocks(choice["delta"])
    fields = {**data, "choices": choices or [{"delta": {}}], "object": "chat.completion.chunk"}
    return records.ModelResponseStream(**fields, _hidden_params=_marks(request))


def _tell_blocks(delta: dict[str, Any]) -> None:
    # Thinking blocks as LiteLLM has them in chunks: their text in pieces, and the proof without what was told.
    text, blocks = delta.get("reasoning_content") or "", delta.get("thinking_blocks")
    if blocks:
        delta["thinking_blocks"] = [{**block, "thinking": text} if "signature" in block else block for block in blocks]
    elif text:
        delta["thinking_blocks"] = [{"type": "thinking", "thinking": text}]


def text_chunk(data: dict[str, Any], request: Request) -> records.TextCompletionResponse:
    fields = {**data, "choices": data.get("choices") or [{}]}
    return records.TextCompletionResponse(**fields, _hidden_params=_marks(request))


def _marks(request: Request) -> dict[str, Any]:
    model_id = (request.own.get("model_info") or {}).get("id")
    return {"custom_llm_provider": request.provider, "litellm_call_id": request.call_id, "model_id": model_id}


def count(view: Any, request: Request) -> Record:
    return Record(total_tokens=view.input_tokens, request_model=request.asked, model_used=request.name)


def event(data: dict[str, Any], request: Request) -> Record:
    made: Record = records.deep(data)
    return made

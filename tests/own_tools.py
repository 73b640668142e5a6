"""Answers that tell of a provider's own tools, in the formats they come in, with prices to work out their cost by."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import ClauseStartsWith, ModelInfo, ModelPrice, Provider


def _prices(**fees: str) -> ModelPrice:
    return ModelPrice(**{name: Decimal(fee) for name, fee in {"input_mtok": "2", "output_mtok": "8", **fees}.items()})


def _lists(name: str, address: str, **models: ModelPrice) -> Provider:
    found = [ModelInfo(model, ClauseStartsWith(model), prices=prices) for model, prices in models.items()]
    return Provider(name, name, address, models=found)


SNAPSHOT = DataSnapshot(
    [
        _lists(
            "openai",
            "https://api\\.openai\\.com",
            **{
                "o3-deep-research": _prices(web_searches_kcount="10", storage_searches_kcount="2.5"),
                "gpt-4o-search-preview": _prices(),
            },
        ),
        _lists(
            "google",
            "https://(.*\\.)?googleapis\\.com",
            **{
                "gemini-2.5-flash": _prices(web_searches_kcount="35"),
                "gemini-3-flash": _prices(web_searches_kcount="14"),
            },
        ),
        _lists(
            "anthropic",
            "https://api\\.anthropic\\.com",
            **{
                "claude-haiku": _prices(web_searches_kcount="10"),
                "claude-opus": _prices(input_mtok="5", output_mtok="25"),
            },
        ),
        _lists("aws", "https://bedrock-runtime\\.", **{"amazon.nova-premier-v1": _prices()}),
        _lists("groq", "https://api\\.groq\\.com", **{"openai/gpt-oss-20b": _prices()}),
    ],
    from_auto_update=True,
    timestamp=datetime(2026, 5, 4, tzinfo=UTC),
)

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}


def _grounded(model: str, *queries: str, **more: Any) -> dict[str, Any]:
    found = {"groundingMetadata": {"webSearchQueries": list(queries), **more}} if queries or more else {}
    candidate = {"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP", "index": 0, **found}
    counts = {"promptTokenCount": 1_000, "candidatesTokenCount": 100, "totalTokenCount": 1_100}
    return {"candidates": [candidate], "modelVersion": model, "responseId": "r", "usageMetadata": counts}


def _searched(*actions: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"type": "web_search_call", "id": f"ws_{n}", "status": "completed", "action": {"type": kind}, **more}
        for n, kind in enumerate(actions)
    ]


def _responded(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = {"type": "output_text", "text": "hi", "annotations": []}
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [said]}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "o3-deep-research",
        "output": [*items, message],
        "usage": {"input_tokens": 1_000, "output_tokens": 100, "total_tokens": 1_100},
        **more,
    }


def _chatted(model: str, **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi", **message}, "finish_reason": "stop"}
    counts = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": counts}


def _told(*iterations: dict[str, Any], **usage: Any) -> dict[str, Any]:
    counts = {"input_tokens": 1_000, "output_tokens": 100, "iterations": list(iterations), **usage}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "usage": counts,
    }


def _asked(kind: str, model: str) -> dict[str, Any]:
    return {"type": kind, "model": model, "input_tokens": 1_000, "output_tokens": 100}


def streamed(dialect: str, body: dict[str, Any]) -> bytes:
    """The same answer as a stream, its tokens in the last event."""
    if dialect == "responses":
        events = [{"type": "response.created", "response": {**body, "output": [], "status": "in_progress"}}]
        events += [
            {"type": f"response.output_item.{what}", "output_index": at, "item": item}
            for at, item in enumerate(body["output"])
            for what in ("added", "done")
        ]
        events.append({"type": "response.completed", "response": body})
        return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)
    if dialect == "anthropic":
        start = {**body, "content": [], "stop_reason": None, "usage": {"input_tokens": 1_000, "output_tokens": 1}}
        events = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": body["usage"]},
            {"type": "message_stop"},
        ]
        return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)
    if dialect == "gemini":
        (candidate,) = body["candidates"]
        begun = {"content": candidate["content"], "index": 0}
        events = [{**body, "candidates": [begun]}, {**body, "candidates": [{**candidate, "content": {"parts": []}}]}]
        return b"".join(f"data: {json.dumps(one)}\n\n".encode() for one in events)
    (choice,) = body["choices"]
    events = [
        {**body, "choices": [{"index": 0, "delta": choice["message"], "finish_reason": None}], "usage": None},
        {**body, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None},
        {**body, "choices": []},
    ]
    return b"".join(f"data: {json.dumps(one)}\n\n".encode() for one in events) + b"data: [DONE]\n\n"


TOKENS = 1_000 * 2e-6 + 100 * 8e-6
_OPUS = 1_000 * 5e-6 + 100 * 25e-6
_CITED = [{"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "a"}}]
_CALL = {"status": "completed", "id": "x"}

CASES: dict[str, tuple[str, str, dict[str, Any], float | str]] = {
    "searches that it counts itself": (
        "responses",
        "openai/o3-deep-research",
        _responded(*_searched("search", "search"), tool_usage={"web_search": {"num_requests": 1}}),
        TOKENS + 0.01,
    ),
    "searches, and pages that it opens": (
        "responses",
        "openai/o3-deep-research",
        _responded(*_searched("search", "open_page", "find_in_page", "search")),
        TOKENS + 0.02,
    ),
    "a search that failed": (
        "responses",
        "openai/o3-deep-research",
        _responded(*_searched("search", status="failed")),
        TOKENS,
    ),
    "searches in files": (
        "responses",
        "openai/o3-deep-research",
        _responded({"type": "file_search_call", "queries": ["a"], **_CALL}),
        TOKENS + 0.0025,
    ),
    "tools for nothing": (
        "responses",
        "openai/o3-deep-research",
        _responded({"type": "mcp_call", "name": "n", "server_label": "s", "arguments": "{}", **_CALL}),
        TOKENS,
    ),
    "code that it runs": (
        "responses",
        "openai/o3-deep-research",
        _responded({"type": "code_interpreter_call", "code": "1", "container_id": "c", **_CALL}),
        "the price catalogue has no price for the code interpreter of o3-deep-research",
    ),
    "grounding by the prompt": (
        "gemini",
        "gemini/gemini-2.5-flash",
        _grounded("gemini-2.5-flash", "a", "b"),
        TOKENS + 0.035,
    ),
    "grounding by the search": (
        "gemini",
        "gemini/gemini-3-flash",
        _grounded("gemini-3-flash", "", "a", "b", "a"),
        TOKENS + 0.028,
    ),
    "no grounding": ("gemini", "gemini/gemini-2.5-flash", _grounded("gemini-2.5-flash"), TOKENS),
    "pages that were named": (
        "gemini",
        "gemini/gemini-2.5-flash",
        _grounded("gemini-2.5-flash", groundingChunks=[{"web": {"uri": "https://a.example", "title": "a"}}]),
        TOKENS,
    ),
    "maps": (
        "gemini",
        "gemini/gemini-2.5-flash",
        _grounded("gemini-2.5-flash", groundingChunks=[{"maps": {"uri": "https://a.example", "title": "a"}}]),
        "the price catalogue has no price for the maps search of gemini-2.5-flash",
    ),
    "searches of Anthropic's": (
        "anthropic",
        "anthropic/claude-haiku",
        _told(server_tool_use={"web_search_requests": 2, "web_fetch_requests": 1}),
        TOKENS + 0.02,
    ),
    "an adviser": (
        "anthropic",
        "anthropic/claude-haiku",
        _told(_asked("message", "claude-haiku"), _asked("advisor_message", "claude-opus")),
        TOKENS + _OPUS,
    ),
    "a fallback of the provider's": (
        "anthropic",
        "anthropic/claude-haiku",
        _told(_asked("message", "claude-haiku"), _asked("fallback_message", "claude-opus")),
        TOKENS + _OPUS,
    ),
    "a fallback before anything was said": (
        "anthropic",
        "anthropic/claude-haiku",
        _told(
            {**_asked("message", "claude-haiku"), "output_tokens": 0},
            _asked("message", "claude-opus"),
            _asked("fallback_message", "claude-opus"),
        ),
        _OPUS,
    ),
    "pages that a chat cites": (
        "chat",
        "openai/gpt-4o-search-preview",
        _chatted("gpt-4o-search-preview-2025-03-11", annotations=_CITED),
        "the price catalogue has no price for the web search of gpt-4o-search-preview",
    ),
    "tools that a chat has executed": (
        "chat",
        "groq/openai/gpt-oss-20b",
        _chatted("openai/gpt-oss-20b", executed_tools=[{"index": 0, "type": "browser_search", "arguments": "{}"}]),
        "the price catalogue has no price for the executed tools of openai/gpt-oss-20b",
    ),
}


PATHS = {"gemini": "/v1beta", "anthropic": ""}
"""Where a format begins, `/v1` elsewhere."""

"""Answers, messages and parts that several tests of this dialect use."""

from __future__ import annotations

from typing import Any

from tests.dialects.anthropic.support import message, text

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
MARK = {"type": "ephemeral"}


def user(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **fields}


def assistant(content: Any = None, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


def called(given: str, arguments: Any = "{}", name: str = "look") -> dict[str, Any]:
    return {"id": given, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(given: str, content: Any = "done", **fields: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": given, "content": content, **fields}


USE = {"type": "tool_use", "id": "t1", "name": "look", "input": {"a": [1, "é"]}}
EMPTY_USE = {"type": "tool_use", "id": "t2", "name": "now", "input": {}}
THOUGHT = {"type": "thinking", "thinking": "hm, so", "signature": "sig=="}
HIDDEN = {"type": "redacted_thinking", "data": "xyz"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
RESULT = {"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": "e", "page_age": "1 day"}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [RESULT]}
CITED = {
    "type": "web_search_result_location",
    "url": "https://x.test/",
    "title": "X",
    "cited_text": "x",
    "encrypted_index": "e",
}

ANSWERS: dict[str, dict[str, Any]] = {
    "text": message(text("Hello, wörld 👋")),
    "nothing": message(),
    "cut": message(text("Hel"), stop_reason="max_tokens"),
    "thinking": message(THOUGHT, HIDDEN, {**THOUGHT, "thinking": ""}, text("So.")),
    "tools": message(text("Let me see."), USE, EMPTY_USE, stop_reason="tool_use"),
    "only tools": message(EMPTY_USE, stop_reason="tool_use"),
    "interleaved": message(THOUGHT, USE, THOUGHT, text("and"), EMPTY_USE, stop_reason="tool_use"),
    "search": message(text("I'll look. "), SEARCH, FOUND, text("Here: "), text("it is", citations=[CITED]), text(".")),
    "paused": message(text("Wait"), SEARCH, stop_reason="pause_turn"),
    "refused": message(
        text("I"), stop_reason="refusal", stop_details={"type": "refusal", "category": "bio", "explanation": "No."}
    ),
    "called by code": message(
        {**USE, "caller": {"type": "code_execution_20250825", "tool_id": "s"}}, stop_reason="tool_use"
    ),
    "new kinds": message({"type": "hologram", "data": {"x": 1}}, text("Look!"), stop_reason="brand_new"),
}

"""What a provider's own tools gave goes back to that provider; that another does not get it is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._base import dialect
from lingate._model import HttpRequest, ProviderRow, Target

SEARCHED = [
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
    {"type": "text", "text": "Found."},
]
PICTURE = {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}}
SERVED = [
    {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
    {"toolResult": {"toolUseId": "t", "content": [{"text": "x"}]}},
    {"text": "Found."},
]
RAN = [
    {"executableCode": {"language": "PYTHON", "code": "1"}},
    {"codeExecutionResult": {"outcome": "OUTCOME_OK"}},
    {"text": "Found."},
]
OTHERS = ("anthropic", "bedrock_converse", "gemini", "cohere", "ollama", "openai_responses")


def converted(wire: dict[str, Any], came: str, goes: str, **path: str) -> HttpRequest:
    call = dialect(came).operations["chat"].parse_call(json.dumps(wire).encode(), {"model": "m", **path})
    target = Target(row=ProviderRow(name="acme", dialect=goes), model="m", url="https://x.test")
    return dialect(goes).operations["chat"].request(call, target)


def claudes(*blocks: dict[str, Any]) -> dict[str, Any]:
    turns = [("user", "q"), ("assistant", list(blocks)), ("user", "on")]
    return {"model": "m", "max_tokens": 9, "messages": [{"role": role, "content": said} for role, said in turns]}


def converses(*blocks: dict[str, Any]) -> dict[str, Any]:
    turns = [("user", [{"text": "q"}]), ("assistant", list(blocks)), ("user", [{"text": "on"}])]
    return {"messages": [{"role": role, "content": said} for role, said in turns]}


def geminis(*parts: dict[str, Any]) -> dict[str, Any]:
    turns = [("user", [{"text": "q"}]), ("model", list(parts)), ("user", [{"text": "on"}])]
    return {"contents": [{"role": role, "parts": said} for role, said in turns]}


@pytest.mark.parametrize("goes", OTHERS)
@pytest.mark.parametrize(
    ("came", "wire", "words"),
    [
        ("anthropic", claudes(*SEARCHED), "server_tool_use, web_search_tool_result"),
        ("anthropic", claudes(PICTURE, SEARCHED[2]), "image"),
        ("bedrock_converse", converses(*SERVED), "toolResult, server_tool_use"),
        ("gemini", geminis(*RAN), "executableCode, codeExecutionResult"),
    ],
)
def test_blocks_that_another_format_has_no_place_for_are_reported(
    came: str, wire: dict[str, Any], words: str, goes: str
) -> None:
    request = converted(wire, came, goes, method="converse" if came == "bedrock_converse" else "generateContent")

    reported = [word for word in request.dropped if word == f"messages[1].content ({words})"]
    assert bool(reported) == (came != goes)
    assert b"Found." in request.body


@pytest.mark.parametrize("goes", [name for name in OTHERS if name != "anthropic"])
def test_blocks_that_the_message_says_itself_are_not_reported(goes: str) -> None:
    said = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]

    assert not [word for word in converted(claudes(*said), "anthropic", goes).dropped if "content" in word]


@pytest.mark.parametrize("goes", ["bedrock_converse", "gemini", "openai_responses"])
def test_what_a_document_is_told_about_and_that_it_be_cited_are_reported(goes: str) -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}
    document = {"type": "document", "source": source, "citations": {"enabled": True}, "context": "a letter"}
    wire = {"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": [document]}]}

    dropped = converted(wire, "anthropic", goes).dropped

    assert "messages[0].content (citations of document, context of document)" in dropped
    assert not [word for word in converted(wire, "anthropic", "anthropic").dropped if "document" in word]


@pytest.mark.parametrize("goes", [name for name in OTHERS if name != "anthropic"])
def test_what_only_anthropic_has_a_place_for_in_a_request_is_reported(goes: str) -> None:
    config = {"task_budget": {"type": "tokens", "total": 20_000}}
    wire = {"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": "q"}], "output_config": config}

    assert "output_config.task_budget" in converted(wire, "anthropic", goes).dropped
    assert converted(wire, "anthropic", "anthropic").dropped == []


@pytest.mark.parametrize("goes", [name for name in OTHERS if name != "anthropic"])
def test_fields_of_a_late_system_message_that_only_anthropic_has_are_reported(goes: str) -> None:
    wire = claudes({"type": "text", "text": "a"})
    wire["messages"].insert(2, {"role": "system", "content": "s", "clear_thinking": True})

    assert "messages[2].clear_thinking" in converted(wire, "anthropic", goes).dropped

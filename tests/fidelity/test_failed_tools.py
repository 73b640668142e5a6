"""A client that says that a tool failed is understood by every provider whose format has a word for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._model import Call, JsonDict
from tests.fidelity.formats import MODEL, chats, target

SAID = "no such file"


def _anthropic(failed: bool) -> JsonDict:
    call = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "a"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": SAID, "is_error": failed}
    turns = [{"role": "user", "content": "go"}, {"role": "assistant", "content": [call]}]
    return {"model": MODEL, "max_tokens": 9, "messages": [*turns, {"role": "user", "content": [result]}]}


def _converse(failed: bool) -> JsonDict:
    call = {"toolUse": {"toolUseId": "tooluse_1", "name": "read", "input": {"path": "a"}}}
    result = {"toolUseId": "tooluse_1", "content": [{"text": SAID}], "status": "error" if failed else "success"}
    turns = [{"role": "user", "content": [{"text": "go"}]}, {"role": "assistant", "content": [call]}]
    return {"messages": [*turns, {"role": "user", "content": [{"toolResult": result}]}]}


def _gemini(failed: bool) -> JsonDict:
    call = {"functionCall": {"name": "read", "args": {"path": "a"}}}
    result = {"functionResponse": {"name": "read", "response": {"error" if failed else "result": SAID}}}
    turns = [{"role": "user", "parts": [{"text": "go"}]}, {"role": "model", "parts": [call]}]
    return {"contents": [*turns, {"role": "user", "parts": [result]}]}


CLIENTS = {"anthropic": _anthropic, "bedrock_converse": _converse, "gemini": _gemini}


def _read(face: str, failed: bool) -> Call:
    return chats()[face].parse_call(json.dumps(CLIENTS[face](failed)).encode(), {"model": MODEL})


def _body(upstream: str, call: Call) -> JsonDict:
    call.drop_params = True
    body: JsonDict = json.loads(chats()[upstream].request(call, target(upstream)).body)
    return body


def _told(upstream: str, body: JsonDict) -> tuple[bool, str]:
    """Whether a provider is told that the tool failed, and what it is told of it."""
    if upstream == "anthropic":
        block = body["messages"][-1]["content"][0]
        return block.get("is_error") is True, json.dumps(block["content"])
    if upstream == "bedrock_converse":
        result = body["messages"][-1]["content"][0]["toolResult"]
        return result.get("status") == "error", json.dumps(result["content"])
    response = body["contents"][-1]["parts"][0]["functionResponse"]["response"]
    return response.keys() == {"error"}, json.dumps(response)


@pytest.mark.parametrize("failed", [True, False], ids=["failed", "fine"])
@pytest.mark.parametrize("upstream", CLIENTS)
@pytest.mark.parametrize("face", CLIENTS)
def test_what_a_client_says_of_a_tool_reaches_a_provider_of_another_format(
    face: str, upstream: str, failed: bool
) -> None:
    said, text = _told(upstream, _body(upstream, _read(face, failed)))
    assert said is failed
    assert SAID in text


@pytest.mark.parametrize("upstream", CLIENTS)
@pytest.mark.parametrize("face", CLIENTS)
def test_a_failed_tools_text_may_be_edited_on_the_way(face: str, upstream: str) -> None:
    call = _read(face, True)
    call.body["messages"][-1]["content"] = "no such folder"
    assert _told(upstream, _body(upstream, call))[0]


@pytest.mark.parametrize("upstream", ["openai_chat", "openai_responses", "cohere", "ollama"])
@pytest.mark.parametrize("face", CLIENTS)
def test_where_there_is_no_word_for_it_the_text_is_all_that_is_said(face: str, upstream: str) -> None:
    sent: Any = _body(upstream, _read(face, True))
    assert SAID in json.dumps(sent)
    assert "is_error" not in json.dumps(sent)


@pytest.mark.parametrize("given", ["yes", 1, None, {}])
def test_a_mark_of_the_wrong_kind_marks_nothing(given: Any) -> None:
    message = {"role": "tool", "tool_call_id": "c1", "content": SAID, "provider_specific_fields": {"is_error": given}}
    call = _read("anthropic", False)
    call.body["messages"][-1] = {**message, "tool_call_id": "toolu_1"}
    for upstream in CLIENTS:
        assert not _told(upstream, _body(upstream, call))[0]

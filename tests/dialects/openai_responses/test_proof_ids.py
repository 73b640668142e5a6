"""The secret of a reasoning item is good with the id of that item only, under whatever id a client was shown it."""

from __future__ import annotations

import json
from typing import Any

from lingate._dialects._replay import replay
from lingate._dialects.openai_responses import DIALECT
from lingate._model import Call, Head, JsonDict, ProviderRow, Target

CHAT: Any = DIALECT.operations["chat"]
TARGET = Target(row=ProviderRow(name="acme"), model="m", url="https://api.acme.test/v1")
ITEM = {"id": "rs_own", "type": "reasoning", "summary": [], "encrypted_content": "c2VjcmV0"}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
BODY = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": [ITEM, CALL]}


def shown() -> list[JsonDict]:
    """The output of a stream that was made of a whole answer: its items are announced before their proofs are known."""
    sent = CHAT.request(Call("chat", "m", {"messages": [{"role": "user", "content": "hi"}]}), TARGET)
    response = CHAT.response(sent, Head(200, {}), json.dumps(BODY).encode())[0]
    encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))
    data = b"".join([*map(encoder.event, replay(response)), encoder.end()]).decode()
    events = [json.loads(line[6:]) for line in data.splitlines() if line.startswith("data: {")]
    added = [event["item"] for event in events if event["type"] == "response.output_item.added"]
    output: list[JsonDict] = events[-1]["response"]["output"]
    assert [item["id"] for item in added] == [item["id"] for item in output]
    return output


def test_an_item_that_was_shown_under_another_id_goes_back_under_its_own() -> None:
    output = shown()
    assert output[0]["id"] != ITEM["id"]
    result = {"type": "function_call_output", "call_id": "call_1", "output": "1"}

    call = CHAT.parse_call(json.dumps({"model": "m", "input": [*output, result]}).encode(), {})

    sent = json.loads(CHAT.request(call, TARGET).body)
    assert sent["input"][0] == ITEM


def test_the_canonical_block_of_such_an_item_is_that_of_the_item_itself() -> None:
    result = {"type": "function_call_output", "call_id": "call_1", "output": "1"}

    call = CHAT.parse_call(json.dumps({"model": "m", "input": [*shown(), result]}).encode(), {})

    (block,) = call.body["messages"][0]["thinking_blocks"]
    assert block["signature"] == "openai_responses#rs_own:c2VjcmV0"

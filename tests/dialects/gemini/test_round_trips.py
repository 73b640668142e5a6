"""What only this format's provider understands survives a tool turn through any face, and goes nowhere else."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingate._dialects._base import Dialect
from lingate._dialects._replay import replay
from lingate._model import Call, ProviderRow, Target
from tests.dialects.gemini.oracle import client_at
from tests.dialects.gemini.strategies import names, objects, text
from tests.dialects.gemini.support import CHAT, JSON_HEAD, MIDDLE, answer, call, decode, parse, read, send, sse, target
from tests.dialects.short import collect
from tests.servers import RawServer, Script

SIGNED = answer(
    {"text": "Let me think.", "thought": True},
    {"text": "I will look."},
    {"functionCall": {"name": "find", "args": {"q": "a"}, "id": "f1"}, "thoughtSignature": "U0lHMQ=="},
    {"functionCall": {"name": "find", "args": {"q": "b"}, "id": "f2"}},
)
NAMELESS = answer(
    {"functionCall": {"name": "find", "args": {"q": "a"}}, "thoughtSignature": "U0lHMQ=="},
    {"functionCall": {"name": "find", "args": {"q": "b"}}},
)
NEWEST = target({"thinking": "level"})


def face(name: str) -> Dialect:
    found: Dialect = import_module(f"lingate._dialects.{name}").DIALECT
    return found


def _request_of(message: dict[str, Any]) -> dict[str, Any]:
    results = [{"role": "tool", "tool_call_id": c["id"], "content": "42"} for c in message["tool_calls"]]
    return send(call(messages=[{"role": "user", "content": "x"}, message, *results]), NEWEST)[0]


def _function_calls(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]


def _answer(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in body["contents"][1]["parts"] if not part.get("thought")]


def _expected(whole: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in whole["candidates"][0]["content"]["parts"] if "functionCall" in part]


@pytest.mark.parametrize("whole", [SIGNED, NAMELESS], ids=["with ids", "without ids"])
def test_the_canonical_message_goes_back_as_the_very_parts_it_was(whole: dict[str, Any]) -> None:
    made = _request_of(read(whole)["choices"][0]["message"])

    assert made["contents"][1] == {"role": "model", "parts": whole["candidates"][0]["content"]["parts"]}
    answered = [part["functionResponse"] for part in made["contents"][2]["parts"]]
    assert [found.get("id") for found in answered] == [part["functionCall"].get("id") for part in _expected(whole)]
    assert [found["name"] for found in answered] == ["find", "find"]


@pytest.mark.parametrize("kept", ["tool_calls", "thinking_blocks", "litellm"])
def test_a_signature_survives_clients_that_keep_only_some_fields(kept: str) -> None:
    message = dict(read(SIGNED)["choices"][0]["message"])
    message.pop("provider_specific_fields", None)
    if kept != "thinking_blocks":
        del message["thinking_blocks"]
    if kept != "tool_calls":
        message["tool_calls"] = [{k: v for k, v in c.items() if k != "extra_content"} for c in message["tool_calls"]]
    if kept == "litellm":
        message["tool_calls"][0]["provider_specific_fields"] = {"thought_signature": "U0lHMQ=="}

    made = _request_of(message)

    assert _function_calls(made) == _expected(SIGNED)
    assert _answer(made)[0] == {"text": "I will look."}


def test_an_edited_message_is_made_anew_and_its_signatures_stay() -> None:
    message = dict(read(SIGNED)["choices"][0]["message"])
    message["content"] = "Edited."

    made = _request_of(message)

    assert _answer(made)[0] == {"text": "Edited."}
    assert _function_calls(made) == _expected(SIGNED)


def test_calls_of_another_model_get_googles_stand_in_for_a_signature_where_one_is_required() -> None:
    calls = [{"id": f"toolu_{n}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for n in range(2)]
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": None, "tool_calls": calls}]
    messages += [{"role": "tool", "tool_call_id": c["id"], "content": "1"} for c in calls]

    newest, _ = send(call(messages=messages), NEWEST)
    older, _ = send(call(messages=messages), target(MIDDLE))

    stand_in = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
    assert [part.get("thoughtSignature") for part in _function_calls(newest)] == [stand_in, None]
    assert [part.get("thoughtSignature") for part in _function_calls(older)] == [None, None]


def test_a_turn_of_an_older_model_that_goes_to_a_newer_one_gets_it_too() -> None:
    unsigned = answer({"functionCall": {"name": "f", "args": {}}}, {"text": "odd place for text"})

    made = _request_of(read(unsigned)["choices"][0]["message"])

    (part,) = _function_calls(made)
    assert part["thoughtSignature"].startswith("c2tpcF90")


def _through_openai(response: dict[str, Any], streamed: bool) -> Call:
    """What a plain OpenAI client sends back: role, content and tool calls as it got them."""
    chat = face("openai_chat").operations["chat"]
    if streamed:
        encoder = chat.encoder(Call("chat", "m", {}, stream=True))
        data = b"".join([encoder.event(event) for event in replay(response)]) + encoder.end()
        calls: dict[int, dict[str, Any]] = {}
        for line in data.decode().splitlines():
            if line.startswith("data: {"):
                for choice in json.loads(line[6:])["choices"]:
                    for piece in choice["delta"].get("tool_calls", ()):
                        found = calls.setdefault(piece["index"], {"function": {"name": "", "arguments": ""}})
                        function = piece.pop("function", {})
                        found["function"]["name"] += function.get("name") or ""
                        found["function"]["arguments"] += function.get("arguments") or ""
                        found.update({k: v for k, v in piece.items() if k != "index"})
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None,
            "tool_calls": [calls[n] for n in sorted(calls)],
        }
    else:
        message = json.loads(chat.render(response))["choices"][0]["message"]
        message = {key: message[key] for key in ("role", "content", "tool_calls")}
    results = [{"role": "tool", "tool_call_id": c["id"], "content": "42"} for c in message["tool_calls"]]
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}, message, *results]}
    return chat.parse_call(json.dumps(body).encode(), {})


def _through_anthropic(response: dict[str, Any], streamed: bool) -> Call:
    """What an Anthropic client sends back: the content blocks as it got them."""
    chat = face("anthropic").operations["chat"]
    if streamed:
        encoder = chat.encoder(Call("chat", "m", {}, stream=True))
        data = b"".join([encoder.event(event) for event in replay(response)]) + encoder.end()
        blocks: dict[int, dict[str, Any]] = {}
        for line in data.decode().splitlines():
            event = json.loads(line[6:]) if line.startswith("data: {") else {"type": ""}
            if event["type"] == "content_block_start":
                blocks[event["index"]] = {**event["content_block"], "json": ""}
            elif event["type"] == "content_block_delta":
                block, delta = blocks[event["index"]], event["delta"]
                for name in ("text", "thinking", "signature"):
                    block[name] = block.get(name, "") + delta[name] if name in delta else block.get(name)
                block["json"] += delta.get("partial_json", "")
        content = []
        for block in blocks.values():
            pieces = block.pop("json")
            if block["type"] == "tool_use":
                block["input"] = json.loads(pieces or "{}")
            content.append({key: value for key, value in block.items() if value is not None})
    else:
        content = json.loads(chat.render(response))["content"]
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "42"}
        for block in content
        if block["type"] == "tool_use"
    ]
    turns = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": content},
        {"role": "user", "content": results},
    ]
    body = {"model": "m", "max_tokens": 100, "messages": turns}
    return chat.parse_call(json.dumps(body).encode(), {})


def _through_gemini(response: dict[str, Any], streamed: bool) -> Call:
    """What the vendor's own chat sends back."""
    if streamed:
        encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))
        script = Script([*(encoder.event(event) for event in replay(response)), encoder.end()])
    else:
        script = Script([CHAT.render(response)], headers={"content-type": "application/json"})
    with RawServer(script) as server:
        client = client_at(server.url)
        chat = client.chats.create(model="m")
        list(chat.send_message_stream("x")) if streamed else chat.send_message("x")
        history = chat.get_history()
    contents = [json.loads(content.model_dump_json(exclude_none=True, by_alias=True)) for content in history]
    calls = [p["functionCall"] for content in contents for p in content["parts"] if "functionCall" in p]
    results = [
        {"functionResponse": {**{k: v for k, v in c.items() if k != "args"}, "response": {"result": "42"}}}
        for c in calls
    ]
    return parse({"contents": [*contents, {"role": "user", "parts": results}]})


FACES = {"openai_chat": _through_openai, "anthropic": _through_anthropic, "gemini": _through_gemini}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("whole", [SIGNED, NAMELESS], ids=["with ids", "without ids"])
@pytest.mark.parametrize("name", FACES)
def test_signatures_survive_a_tool_turn_through_every_face(name: str, whole: dict[str, Any], streamed: bool) -> None:
    response = collect(decode([sse(whole)])) if streamed else read(whole)

    again = FACES[name](response, streamed)
    made = json.loads(CHAT.request(again, NEWEST).body)

    expected = _expected(whole)
    found = [{**part, "thoughtSignature": _standard(part.get("thoughtSignature"))} for part in _function_calls(made)]
    assert [part["thoughtSignature"] for part in found] == ["U0lHMQ==", None]
    assert [part["functionCall"] for part in found] == [part["functionCall"] for part in expected]
    answered = [p["functionResponse"] for c in made["contents"] for p in c["parts"] if "functionResponse" in p]
    assert [one.get("id") for one in answered] == [part["functionCall"].get("id") for part in expected]


def _standard(signature: str | None) -> str | None:
    """The same base64 in the standard alphabet: the vendor's package writes the other one."""
    return None if signature is None else signature.replace("-", "+").replace("_", "/")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", FACES)
def test_our_signatures_never_reach_another_providers_api(name: str, streamed: bool) -> None:
    response = collect(decode([sse(SIGNED)])) if streamed else read(SIGNED)
    again = FACES[name](response, streamed)
    anthropic = face("anthropic").operations["chat"]
    elsewhere = Target(row=ProviderRow(name="acme", dialect="anthropic"), model="c", url="https://api.acme.test")

    sent = anthropic.request(again, elsewhere)

    assert b"U0lHMQ" not in sent.body
    assert b"gemini#" not in sent.body
    uses = [b for m in json.loads(sent.body)["messages"] for b in m["content"] if isinstance(b, dict)]
    assert [b["input"] for b in uses if b["type"] == "tool_use"] == [{"q": "a"}, {"q": "b"}]


def test_another_providers_signed_thinking_is_not_sent_here() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "EqQBCg=="}
    message = {"role": "assistant", "content": "ok", "thinking_blocks": [block], "reasoning_content": "hm"}

    made, sent = send(
        call(messages=[{"role": "user", "content": "x"}, message, {"role": "user", "content": "y"}]), NEWEST
    )

    assert made["contents"][1] == {"role": "model", "parts": [{"text": "ok"}]}
    assert sent.dropped == ["messages[1].reasoning_content"]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_another_providers_proof_comes_back_with_its_call_from_clients_that_send_no_thoughts(streamed: bool) -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "EqQBCg=="}
    called = {"id": "toolu_1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "thinking_blocks": [block], "tool_calls": [called]}
    response = {"id": "r", "model": "m", "created": 1, "choices": [{"message": message, "finish_reason": "tool_calls"}]}
    if streamed:
        encoder = CHAT.encoder(call(stream=True))
        told = b"".join([*map(encoder.event, replay(response)), encoder.end()]).decode()
        answers = [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: ")]
    else:
        answers = [json.loads(CHAT.render(response))]
    parts = [part for one in answers for part in one["candidates"][0]["content"]["parts"]]

    kept = [part for part in parts if "functionCall" in part]
    (said,) = parse({"contents": [{"role": "model", "parts": kept}]}).body["messages"]
    (once,) = parse({"contents": [{"role": "model", "parts": parts}]}).body["messages"]

    assert said["thinking_blocks"] == once["thinking_blocks"] == [block]
    assert said["tool_calls"] == once["tool_calls"] == [called]


@pytest.mark.parametrize(
    "block",
    [{"type": "redacted_thinking", "data": "EqQBCg=="}, {"type": "thinking", "thinking": "", "signature": "EqQBCg=="}],
    ids=lambda block: block["type"],
)
def test_another_providers_thinking_without_words_is_reported_too(block: dict[str, Any]) -> None:
    message = {"role": "assistant", "content": "ok", "thinking_blocks": [block]}

    made, sent = send(call(messages=[{"role": "user", "content": "x"}, message, {"role": "user", "content": "y"}]))

    assert made["contents"][1] == {"role": "model", "parts": [{"text": "ok"}]}
    assert sent.dropped == ["messages[1].thinking_blocks (another provider's)"]


def _distinct(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same parts with ids that differ, as a provider's do."""
    for n, part in enumerate(parts):
        if part.get("functionCall", {}).get("id"):
            parts[n] = {**part, "functionCall": {**part["functionCall"], "id": f"{part['functionCall']['id']}{n}"}}
    return parts


model_parts = st.one_of(
    st.builds(lambda t: {"text": t}, text),
    st.builds(lambda t: {"text": t, "thought": True}, text),
    st.builds(lambda t: {"text": t, "thoughtSignature": "QUJD"}, text),
    st.builds(
        lambda n, a, i, s: {
            "functionCall": {"name": n, "args": a, **({"id": i} if i else {})},
            **({"thoughtSignature": "REVG"} if s else {}),
        },
        names,
        objects,
        st.none() | names,
        st.booleans(),
    ),
    st.just({"inlineData": {"mimeType": "image/png", "data": "QUJD"}}),
    st.just({"executableCode": {"language": "PYTHON", "code": "1"}}),
    st.just({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}),
    st.just({"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "id": "t"}, "thoughtSignature": "R0hJ"}),
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(model_parts, max_size=6).map(_distinct), st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "OTHER"]))
def test_any_answer_is_the_same_after_it_was_rendered_and_read_again(parts: list[Any], finish: str) -> None:
    response = read(answer(*parts, finish=finish))

    again = read(CHAT.render(response))

    assert again == response


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(model_parts, min_size=1, max_size=6).map(_distinct))
def test_any_streamed_answer_is_the_same_as_the_whole_one(parts: list[Any]) -> None:
    whole = read(answer(*parts))
    *rest, last = [*parts, {"text": ""}] if "executableCode" in parts[-1] else parts  # its result would come
    events = [*(answer(part, finish=None) for part in rest), answer(last)]

    streamed = collect(decode([sse(*events)]))

    message, told = whole["choices"][0]["message"], streamed["choices"][0]["message"]
    for name in ("content", "reasoning_content", "tool_calls", "images", "thinking_blocks"):
        assert told.get(name) == message.get(name)
    assert streamed["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]


def test_a_whole_answer_that_is_told_as_a_stream_keeps_every_part() -> None:
    parts = [
        {"text": "I count. ", "thoughtSignature": "QQ=="},
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"text": "It is one."},
        {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}},
    ]
    response = read(answer(*parts, logprobsResult={"chosenCandidates": [{"token": "I", "logProbability": -0.1}]}))
    encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))

    told = [encoder.event(event) for event in replay(response)]
    again = collect(decode([*told, encoder.end()]))

    (choice,) = response["choices"]
    assert again["choices"] == [choice]
    assert choice["message"]["provider_specific_fields"] == {"gemini": {"parts": parts}}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(model_parts, min_size=1, max_size=6).map(_distinct))
def test_any_answer_streamed_through_the_face_says_the_same(parts: list[Any]) -> None:
    response = read(answer(*parts))
    encoder = CHAT.encoder(Call("chat", "m", {}, stream=True))
    data = b"".join([encoder.event(event) for event in replay(response)]) + encoder.end()

    again = collect(decode([data]))

    message, told = response["choices"][0]["message"], again["choices"][0]["message"]
    for name in ("content", "tool_calls", "images", "reasoning_content"):
        assert told.get(name) == message.get(name)
    assert again["choices"][0]["finish_reason"] == response["choices"][0]["finish_reason"]
    assert again["id"] == response["id"]


def test_a_response_of_another_provider_is_read_back_from_our_rendering() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    response = {
        "id": "x1",
        "object": "chat.completion",
        "created": 1752487200,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hi"},
                "finish_reason": "length",
                "native_finish_reason": "MAX_TOKENS",
                "logprobs": {
                    "content": [{"token": "hi", "logprob": -0.5, "bytes": [104, 105], "top_logprobs": []}],
                    "refusal": None,
                },
            }
        ],
        "usage": usage,
    }

    again, _ = CHAT.response(CHAT.request(call(), target()), JSON_HEAD, CHAT.render(response))

    assert again == response

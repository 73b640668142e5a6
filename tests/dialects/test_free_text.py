"""Tools whose input is free text, with models that know functions only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._format_choice import form_of
from lingate._dialects._replay import replay
from lingate._dialects.openai_responses import DIALECT as RESPONSES
from lingate._dialects.openai_responses.face_response import response_object
from lingate._model import Call, Event, Failed, Head, HttpRequest, ToolArgs, ToolStart
from lingate._providers import lookup
from lingate._wire.json import encode
from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.openai_responses.oracle import check_response
from tests.dialects.openai_responses.support import parse

MODELS = (
    "anthropic/claude-opus-4-6",
    "gemini/gemini-2.5-flash",
    "cohere/command-a-03-2025",
    "ollama/llama3.2",
    "bedrock/amazon.nova-pro-v1:0",
    "bedrock/invoke/anthropic.claude-sonnet-4-20250514-v1:0",
    "groq/llama-3.3-70b-versatile",
    "mistral/mistral-small-latest",
    "openai/qwen3-coder",  # a server in OpenAI's place, with models of its own
)
PATCH = '*** Begin Patch\n*** Update File: a.py\n-"ä"\n+\\t\n*** End Patch'
TOOL = {"type": "custom", "custom": {"name": "apply_patch", "description": "Edits files."}}
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: begin end"}}
OK = Head(200, {"content-type": "application/json"})


def asked(model: str, operation: Any = "chat", drop_params: bool = False, **more: Any) -> Any:
    body = {"messages": [{"role": "user", "content": "hi"}], "tools": [LOOK, TOOL], "max_tokens": 100, **more}
    target = lookup.resolve(model, env={"AWS_REGION": "eu-west-1"}, api_key="sk-test")
    form = form_of(target, operation)
    return form, form.request(Call(operation, model, body, drop_params=drop_params), target)


def answer(*calls: tuple[str, str]) -> dict[str, Any]:
    """A canonical answer of a model that calls functions, by name and arguments."""
    made = [
        {"index": n, "id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": text}}
        for n, (name, text) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": None, "tool_calls": made}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return {"id": "r1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


CALLED = answer(("look", "{}"), ("apply_patch", json.dumps({"input": PATCH})))


def calls(response: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = response["choices"][0]["message"]["tool_calls"]
    return [(call["type"], *call[call["type"]].values()) for call in found]


def written(form: Any, sent: HttpRequest, told: list[Event]) -> bytes:
    """The stream in which a provider tells this."""
    encoder = form.encoder(sent.call)
    return b"".join(map(encoder.event, told)) + encoder.end()


def streamed(form: Any, sent: HttpRequest, data: bytes, size: int) -> list[Event]:
    decoder = form.decoder(sent, Head(200, {"content-type": form.encoder(sent.call).content_type}))
    found = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])]
    return [*found, *decoder.finish()]


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_for_free_text_goes_out_as_a_function_of_one_argument(model: str) -> None:
    choice = {} if model.startswith("ollama") else {"tool_choice": {"type": "custom", **TOOL}}
    _, sent = asked(model, **choice)
    body = sent.body.decode()

    assert sent.dropped == []
    assert sent.free_text == ("apply_patch",)
    assert "Edits files." in body
    assert body.count("apply_patch") == (1 if model.startswith(("cohere", "ollama")) else 2)
    assert '"required":["input"]' in body
    assert "custom" not in body


def test_it_is_chosen_as_a_function_among_those_that_are_allowed() -> None:
    tools = [{"type": "custom", "custom": {"name": "apply_patch"}}]
    _, sent = asked(
        "gemini/gemini-2.5-flash",
        tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": tools}},
    )
    config = json.loads(sent.body)["toolConfig"]["functionCallingConfig"]
    assert config == {"mode": "ANY", "allowedFunctionNames": ["apply_patch"]}


@pytest.mark.parametrize("model", MODELS)
def test_its_calls_come_back_with_their_text(model: str) -> None:
    form, sent = asked(model)

    response, _ = form.response(sent, OK, form.render(CALLED))

    assert calls(response) == [("function", "look", "{}"), ("custom", "apply_patch", PATCH)]
    assert response["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("size", [1, 1_000_000])
@pytest.mark.parametrize("model", MODELS)
def test_its_calls_come_back_with_their_text_in_streams(model: str, size: int) -> None:
    form, sent = asked(model, stream=True)

    events = streamed(form, sent, written(form, sent, replay(CALLED)), size)

    assert [(event.kind, event.name) for event in events if type(event) is ToolStart] == [
        ("function", "look"),
        ("custom", "apply_patch"),
    ]
    assert "".join(event.text for event in events if type(event) is ToolArgs and event.tool == 1) == PATCH
    assert not [event for event in events if type(event) is Failed]


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_call_that_breaks_off_has_no_text_and_an_error(size: int) -> None:
    form, sent = asked("anthropic/claude-opus-4-6", stream=True)
    data = written(form, sent, replay(CALLED))
    data = data[: data.index(b"Update File")]

    decoder = form.decoder(sent, Head(200, {"content-type": "text/event-stream"}))
    events = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])]
    events += decoder.finish()

    assert type(events[-1]) is Failed
    assert not [event for event in events if type(event) is ToolArgs and event.tool == 1]


@pytest.mark.parametrize("arguments", ['{"patch": "x"}', '{"input": 5}', '["x"]', '{"input": "x'])
def test_what_else_the_model_wrote_is_shown_as_it_is(arguments: str) -> None:
    form, sent = asked("anthropic/claude-opus-4-6", stream=True)
    start = {"type": "message_start", "message": {"id": "m", "model": "m", "role": "assistant", "content": []}}
    block = {"type": "tool_use", "id": "t1", "name": "apply_patch", "input": {}}
    events = [
        {**start, "message": {**start["message"], "type": "message", "usage": {"input_tokens": 1, "output_tokens": 1}}},  # type: ignore[dict-item]
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": arguments}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    data = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()

    told = streamed(form, sent, data, 7)

    assert "".join(event.text for event in told if type(event) is ToolArgs) == arguments


@pytest.mark.parametrize("model", MODELS)
def test_a_grammar_is_told_to_the_model_where_that_will_do(model: str) -> None:
    tool = {"type": "custom", "custom": {**TOOL["custom"], "format": GRAMMAR}}  # type: ignore[dict-item]
    with pytest.raises(UnsupportedError, match=r"tools\[0\]\.custom\.format.*enforced"):
        asked(model, tools=[tool])

    _, sent = asked(model, tools=[tool], drop_params=True)

    assert sent.dropped == ["tools[0].custom.format"]
    assert "must match this lark grammar:\\nstart: begin end" in sent.body.decode()


def test_a_tool_without_a_name_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"tools\[0\]\.custom\.name"):
        asked("anthropic/claude-opus-4-6", tools=[{"type": "custom", "custom": {}}])


@pytest.mark.parametrize("model", ["openai/gpt-5", "azure/a-deployment-by-any-name", "litellm_proxy/gpt-5"])
def test_openais_own_models_get_it_as_it_is(model: str) -> None:
    target = lookup.resolve(model, env={}, api_key="sk-test", api_base="https://openai.example")
    tool = {"type": "custom", "custom": {**TOOL["custom"], "format": GRAMMAR}}
    call = Call("chat", model, {"messages": [{"role": "user", "content": "hi"}], "tools": [tool]})

    assert json.loads(form_of(target, "chat").request(call, target).body)["tools"] == [tool]


def test_what_it_was_given_before_goes_along_as_the_functions_argument() -> None:
    given = {"id": "c1", "type": "custom", "custom": {"name": "apply_patch", "input": PATCH}}
    other = {"id": "c2", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [given, other]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
        {"role": "tool", "tool_call_id": "c2", "content": "seen"},
    ]
    before = json.dumps(history)

    _, sent = asked("groq/llama-3.3-70b-versatile", messages=history)

    patch, look = json.loads(sent.body)["messages"][1]["tool_calls"]
    assert (patch["id"], patch["type"], patch["function"]["name"]) == ("c1", "function", "apply_patch")
    assert json.loads(patch["function"]["arguments"]) == {"input": PATCH}
    assert (look, json.dumps(history)) == (other, before)


def test_tokens_are_counted_with_it() -> None:
    _, sent = asked("anthropic/claude-opus-4-6", "count_tokens")
    assert [tool["name"] for tool in json.loads(sent.body)["tools"]] == ["look", "apply_patch"]


SPACED = {
    "type": "namespace",
    "name": "mcp__disk",
    "description": "Disk",
    "tools": [{"type": "custom", "name": "apply_patch"}],
}
BROUGHT = [{"type": "additional_tools", "role": "developer", "tools": [SPACED]}, {"role": "user", "content": "hi"}]
CODEX = {"input": [{"role": "user", "content": "hi"}], "tools": [{"type": "custom", "name": "apply_patch"}, SPACED]}
BOTH = answer(("apply_patch", json.dumps({"input": PATCH})), ("mcp__disk__apply_patch", '{"input": "x"}'))


# The second has the Responses API itself, with functions only.
FOR_CODEX = ["anthropic/claude-opus-4-6", "hosted_vllm/qwen3-coder"]


def responses(model: str, **more: Any) -> Any:
    target = lookup.resolve(model, env={}, api_key="sk-test", api_base="https://models.example")
    return form_of(target, "responses"), form_of(target, "responses").request(parse({**CODEX, **more}), target), target


@pytest.mark.parametrize("model", FOR_CODEX)
def test_codex_gets_its_patches_from_any_model(model: str) -> None:
    form, sent, target = responses(model)
    tools = [tool.get("function", tool)["name"] for tool in json.loads(sent.body)["tools"]]
    assert tools == ["apply_patch", "mcp__disk__apply_patch"]

    response, _ = form.response(sent, OK, form_of(target, "chat").render(BOTH))

    made = response_object(response)
    check_response(encode(made))
    told = [(item["type"], item.get("namespace"), item["name"], item["input"]) for item in made["output"]]
    assert told == [
        ("custom_tool_call", None, "apply_patch", PATCH),
        ("custom_tool_call", "mcp__disk", "apply_patch", "x"),
    ]


@pytest.mark.parametrize(
    ("model", "more", "path"),
    [
        ("hosted_vllm/qwen3-coder", {}, "/chat/completions"),
        ("hosted_vllm/qwen3-coder", {"tools": [{"type": "function", "name": "f"}]}, "/responses"),
        ("hosted_vllm/qwen3-coder", {"tools": [SPACED]}, "/chat/completions"),
        ("hosted_vllm/qwen3-coder", {"tools": [], "input": BROUGHT}, "/chat/completions"),
        ("openrouter/openai/gpt-5-codex", {}, "/responses"),
        ("openrouter/openai/gpt-5-codex", {"tools": [], "input": BROUGHT}, "/responses"),
        ("openai/gpt-5", {}, "/responses"),
        ("openai/qwen3-coder", {}, "/chat/completions"),
    ],
)
def test_hosts_with_functions_only_are_asked_by_way_of_chats_where_it_is_needed(
    model: str, more: Any, path: str
) -> None:
    assert responses(model, **more)[1].url.removeprefix("https://models.example").removeprefix("/v1") == path


@pytest.mark.parametrize("model", FOR_CODEX)
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_codex_gets_its_patches_in_streams(size: int, model: str) -> None:
    form, sent, target = responses(model, stream=True)
    data = written(form_of(target, "chat"), sent, replay(BOTH))
    decoder = form.decoder(sent, Head(200, {"content-type": "text/event-stream"}))
    events = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])]
    encoder = RESPONSES.operations["responses"].encoder(sent.call)

    text = (b"".join(map(encoder.event, [*events, *decoder.finish()])) + encoder.end()).decode()

    told = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert [(item["type"], item["name"], item["input"]) for item in done] == [
        ("custom_tool_call", "apply_patch", PATCH),
        ("custom_tool_call", "apply_patch", "x"),
    ]
    pieces = [event["delta"] for event in told if event["type"] == "response.custom_tool_call_input.delta"]
    assert "".join(pieces) == PATCH + "x"

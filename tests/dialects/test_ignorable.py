"""What a coding agent sends in Anthropic's format with every request reaches no provider that would refuse it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._base import dialect
from lingate._dialects._format_choice import form_of
from lingate._dialects.anthropic import DIALECT as ANTHROPIC
from lingate._model import Call, HttpRequest, replaced
from lingate._providers import lookup
from lingate.errors import UnsupportedError

EDITS = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
TOOL = {
    "name": "Bash",
    "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}},
    "eager_input_streaming": True,
    "defer_loading": True,
    "allowed_callers": ["direct"],
    "input_examples": [{"command": "ls"}],
}
EXTRAS = ("eager_input_streaming", "defer_loading", "allowed_callers", "input_examples")
OTHERS = (
    "openai/gpt-4o",
    "groq/llama-3.3-70b-versatile",
    "gemini/gemini-2.5-flash",
    "cohere/command-a-03-2025",
    "ollama/llama3.2",
    "bedrock/amazon.nova-pro-v1:0",
)


def sent(model: str, headers: dict[str, str] | None = None, drop_params: bool = False, **more: Any) -> HttpRequest:
    """What goes to a provider when a client of Anthropic's format asks for its model."""
    body = {"max_tokens": 100, "messages": [{"role": "user", "content": "hi"}], "tools": [TOOL], **more}
    call = ANTHROPIC.operations["chat"].parse_call(json.dumps({"model": model, **body}).encode(), {})
    call.extra_headers, call.drop_params = headers, drop_params
    env = {"AWS_REGION": "eu-west-1"}
    target = lookup.resolve(model, env=env, api_key="sk-test")
    return form_of(target, "chat").request(call, target)


@pytest.mark.parametrize("model", OTHERS)
def test_hints_that_only_anthropic_knows_are_left_out_and_reported(model: str) -> None:
    billed = {"type": "billing_policy", "bill_to": "self"}
    seen = {"diagnostics": {"previous_message_id": "msg_1"}, "fallback_credit_token": "t1", "billing_policy": billed}
    request = sent(model, context_management=EDITS, speed="fast", fallbacks="default", **seen)
    body = request.body.decode()

    assert "clear_thinking" not in body
    assert '"speed"' not in body
    assert '"fallbacks"' not in body
    assert not [name for name in seen if f'"{name}"' in body]
    assert {"context_management", "speed", "fallbacks", *seen} <= set(request.dropped)
    assert "Bash" in body
    assert not [name for name in EXTRAS if name in body]
    assert all(any(name in words for words in request.dropped) for name in EXTRAS)


OWN: dict[str, Any] = {
    "compaction": {"type": "summarize"},
    "container": "container_1",
    "inference_geo": "eu",
    "mcp_servers": [{"type": "url", "name": "files", "url": "https://mcp.test"}],
}


@pytest.mark.parametrize("model", [*OTHERS, "openai/responses/gpt-4o"])
@pytest.mark.parametrize("name", OWN)
def test_what_only_anthropic_can_do_is_refused_by_name_elsewhere(model: str, name: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        sent(model, **{name: OWN[name]})
    assert caught.value.param == name

    request = sent(model, drop_params=True, **{name: OWN[name]})
    assert name in request.dropped
    assert f'"{name}"' not in request.body.decode()


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("model", ["anthropic/claude-opus-4-6", "openrouter/anthropic/claude-sonnet-4"])
def test_it_reaches_anthropic_and_who_stands_before_it(model: str, name: str) -> None:
    assert json.loads(sent(model, **{name: OWN[name]}).body)[name] == OWN[name]


def test_it_reaches_claude_by_way_of_converse() -> None:
    body = json.loads(sent("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", **OWN).body)
    assert OWN.items() <= body["additionalModelRequestFields"].items()


@pytest.mark.parametrize("model", ["anthropic/claude-opus-4-6", OTHERS[0], *OTHERS[2:4], OTHERS[-1]])
def test_the_least_probability_of_a_token_is_refused_by_name_where_nobody_knows_it(model: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        sent(model, min_p=0.1)
    assert caught.value.param == "min_p"
    assert "min_p" not in json.loads(sent(model, min_p=0).body)
    assert b"min_p" not in sent(model, min_p=0.1, drop_params=True).body


def test_they_reach_anthropic_as_they_are() -> None:
    request = sent("anthropic/claude-opus-4-6", context_management=EDITS)
    body = json.loads(request.body)

    assert body["context_management"] == EDITS
    assert {name: body["tools"][0][name] for name in EXTRAS} == {name: TOOL[name] for name in EXTRAS}
    assert "context-management-2025-06-27" in request.headers["anthropic-beta"]


def test_claude_on_bedrock_is_told_which_feature_they_are_of() -> None:
    body = json.loads(sent("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", context_management=EDITS).body)

    more = body["additionalModelRequestFields"]
    assert more["context_management"] == EDITS
    assert more["anthropic_beta"] == ["context-management-2025-06-27"]


FINDER = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}


@pytest.mark.parametrize("betas", ["advanced-tool-use-2025-11-20", ""])
def test_a_cloud_is_told_which_features_the_fields_of_tools_are_of(betas: str) -> None:
    named = ["tool-search-tool-2025-10-19", "tool-examples-2025-10-29"]
    given = {"anthropic-beta": betas} if betas else None

    body = json.loads(sent("bedrock/invoke/us.anthropic.claude-opus-4-5-v1:0", given, tools=[FINDER, TOOL]).body)

    assert body["tools"][0] == FINDER
    assert body["anthropic_beta"] == named
    plain = {"name": "Bash", "input_schema": {"type": "object"}, "defer_loading": False}
    bare = sent("bedrock/invoke/us.anthropic.claude-opus-4-5-v1:0", tools=[plain])
    assert "anthropic_beta" not in json.loads(bare.body)
    assert "anthropic-beta" not in sent("anthropic/claude-opus-4-5", tools=[FINDER, TOOL]).headers


def test_a_clients_features_reach_claude_by_way_of_converse() -> None:
    given = {"Anthropic-Beta": "claude-code-20250219, context-1m-2025-08-07,tool-search-tool-2025-10-19"}

    request = sent("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", given, context_management=EDITS)
    more = json.loads(request.body)["additionalModelRequestFields"]
    other = sent("bedrock/amazon.nova-pro-v1:0", given, tools=[])

    assert more["anthropic_beta"] == ["context-1m-2025-08-07", "context-management-2025-06-27"]
    assert [words for words in request.dropped if "beta" in words] == [
        "anthropic-beta: claude-code-20250219",
        "anthropic-beta: tool-search-tool-2025-10-19",
    ]
    assert "beta" not in f"{other.body!r} {request.headers} {other.headers}".lower()


def test_converse_has_no_search_for_tools() -> None:
    model = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    with pytest.raises(UnsupportedError, match=FINDER["type"]):
        sent(model, tools=[FINDER, TOOL])

    request = sent(model, drop_params=True, tools=[FINDER, TOOL])

    assert "tools[0]" in request.dropped
    assert "additionalModelRequestFields" not in json.loads(request.body)


def test_a_list_of_the_same_name_is_openais_own_and_stays() -> None:
    own: list[Any] = [{"type": "compaction", "compact_threshold": 1000}]
    call = ANTHROPIC.operations["chat"].parse_call(
        json.dumps({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}).encode(), {}
    )
    call.body["context_management"] = own
    target = lookup.resolve("openai/gpt-4o", env={}, api_key="sk-test")

    assert json.loads(form_of(target, "chat").request(call, target).body)["context_management"] == own


@pytest.mark.parametrize(
    "model",
    [
        "anthropic/claude-opus-4-6",
        "gemini/gemini-2.5-flash",
        "cohere/command-a-03-2025",
        "ollama/llama3.2",
        "bedrock/amazon.nova-pro-v1:0",
    ],
)
def test_a_conversation_in_which_another_model_had_a_tool_for_free_text_can_be_gone_on_with(model: str) -> None:
    called = {"id": "c1", "type": "custom", "custom": {"name": "apply_patch", "input": "*** Begin Patch"}}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
    ]
    target = lookup.resolve(model, env={"AWS_REGION": "eu-west-1"}, api_key="sk-test")
    body = form_of(target, "chat").request(Call("chat", model, {"messages": messages}), target).body.decode()

    assert "apply_patch" in body
    assert "*** Begin Patch" in body
    assert "done" in body


@pytest.mark.parametrize("model", ["openai/gpt-4o", "openrouter/openai/gpt-4o", "groq/llama-3.3-70b-versatile"])
def test_an_end_user_of_a_whole_object_is_named_by_its_hash(model: str) -> None:
    user = json.dumps({"device_id": "d" * 64, "account_uuid": "a" * 36, "session_id": "s" * 36})
    first, again = sent(model, metadata={"user_id": user}), sent(model, metadata={"user_id": user})
    other = sent(model, metadata={"user_id": user + " "})

    name = json.loads(first.body)["user"]
    assert len(name) == 64
    assert name == json.loads(again.body)["user"] != json.loads(other.body)["user"]
    assert any(what.startswith("user (") for what in first.dropped)


def test_an_end_user_with_a_usual_name_keeps_it() -> None:
    assert json.loads(sent("openai/gpt-4o", metadata={"user_id": "u" * 128}).body)["user"] == "u" * 128
    assert json.loads(sent("anthropic/claude-opus-4-6", metadata={"user_id": "u" * 200}).body)["metadata"] == {
        "user_id": "u" * 200
    }


def test_the_responses_api_takes_shorter_names() -> None:
    target = lookup.resolve("openai/gpt-4o", env={}, api_key="sk-test")
    call = Call("chat", "gpt-4o", {"messages": [{"role": "user", "content": "hi"}], "user": "u" * 65})
    assert len(json.loads(dialect("openai_responses").operations["chat"].request(call, target).body)["user"]) == 64


SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}


@pytest.mark.parametrize("tool", [SEARCH, FINDER], ids=["search", "finder"])
@pytest.mark.parametrize("model", ["openai/gpt-4o", "groq/llama-3.3-70b-versatile"])
def test_a_tool_that_anthropics_api_brings_is_refused_by_name_where_it_is_not(model: str, tool: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError, match=tool["type"]) as caught:
        sent(model, tools=[TOOL, tool])
    assert caught.value.param == "tools[1]"


def test_such_a_tool_is_left_out_where_that_is_allowed() -> None:
    target = lookup.resolve("openai/gpt-4o", env={}, api_key="sk-test")
    for tools, left in (([SEARCH, FINDER], None), ([SEARCH, TOOL], ["Bash"])):
        data = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "tools": tools}
        data["tool_choice"] = {"type": "auto"}
        call = ANTHROPIC.operations["chat"].parse_call(json.dumps(data).encode(), {})
        call.drop_params = True
        request = form_of(target, "chat").request(call, target)
        body = json.loads(request.body)
        assert [tool["function"]["name"] for tool in body.get("tools", ())] == (left or [])
        assert ("tool_choice" in body) is (left is not None)
        assert "tools[0]" in request.dropped


def test_whoever_stands_before_anthropic_takes_its_tools_as_they_are() -> None:
    body = json.loads(sent("openrouter/anthropic/claude-sonnet-4", tools=[SEARCH]).body)
    assert body["tools"] == [SEARCH]


@pytest.mark.parametrize("model", [model for model in OTHERS if not model.startswith("gemini/")])
@pytest.mark.parametrize("kind", ["web_search_20260318", "computer_toolset_20260801", "browser_toolset_20260801"])
def test_a_tool_of_anthropics_own_is_refused_or_left_out_on_demand(model: str, kind: str) -> None:
    tool = {"type": kind, "name": "own"} if "toolset" not in kind else {"type": kind}
    with pytest.raises(UnsupportedError) as caught:
        sent(model, tools=[tool])
    assert caught.value.param == "tools[0]"

    call = ANTHROPIC.operations["chat"].parse_call(
        json.dumps(
            {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "tools": [tool]}
        ).encode(),
        {},
    )
    call.drop_params = True
    target = lookup.resolve(model, env={"AWS_REGION": "eu-west-1"}, api_key="sk-test")
    request = form_of(target, "chat").request(call, target)

    assert "tools[0]" in request.dropped
    assert kind not in request.body.decode()


@pytest.mark.parametrize(
    "model",
    [
        *("openai/gpt-5.1", "openai/gpt-4.1", "azure/gpt-4.1", "groq/llama-3.3-70b-versatile"),
        *("mistral/mistral-large-latest", "codestral/codestral-latest", "cerebras/gpt-oss-120b"),
    ],
)
def test_sampling_that_gemini_cli_and_ollamas_clients_ask_for_is_left_out_where_it_is_refused(model: str) -> None:
    env = {"AZURE_API_BASE": "https://x.test"}
    target = lookup.resolve(model, env=env, api_key="sk-test")
    sampling = {"top_k": 64, "min_p": 0.1, "repetition_penalty": 1.1}
    asked = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0.5, **sampling}

    request = form_of(target, "chat").request(Call("chat", target.model, asked, drop_params=True), target)

    body = json.loads(request.body)
    assert not body.keys() & sampling.keys()
    assert sampling.keys() <= set(request.dropped)
    assert body["temperature"] == 0.5


GOOGLES = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
OLLAMAS = {"messages": [{"role": "user", "content": "hi"}]}
ENUM = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}}


@pytest.mark.parametrize("model", ["anthropic/claude-opus-4-6", *OTHERS])
@pytest.mark.parametrize(
    ("face", "body", "lost"),
    [
        ("gemini", {**GOOGLES, "safetySettings": [{"threshold": "OFF"}]}, {"safetySettings"}),
        (
            "gemini",
            {**GOOGLES, "generationConfig": {"imageConfig": {"aspectRatio": "1:1"}, **ENUM}},
            {f"generationConfig.{name}" for name in ("imageConfig", *ENUM)},
        ),
        (
            "gemini",
            {
                **GOOGLES,
                "generationConfig": {"thinkingConfig": {"thinkingBudget": 1}, "responseMimeType": "application/json"},
            },
            set(),
        ),
        (
            "gemini",
            {**GOOGLES, "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}, "retrievalConfig": {}}},
            {"toolConfig.retrievalConfig"},
        ),
        ("ollama", {**OLLAMAS, "keep_alive": "5m", "options": {"num_ctx": 9}}, {"keep_alive", "options.num_ctx"}),
        ("ollama", {**OLLAMAS, "think": "low", "options": {"num_predict": 9}}, set()),
    ],
)
def test_what_only_the_clients_own_format_has_words_for_is_reported_elsewhere(
    model: str, face: str, body: dict[str, Any], lost: set[str]
) -> None:
    call = dialect(face).operations["chat"].parse_call(json.dumps({"model": "m", **body}).encode(), {"model": "m"})
    target = lookup.resolve(model, env={"AWS_REGION": "eu-west-1"}, api_key="sk-test")

    request = form_of(target, "chat").request(replaced(call, drop_params=True), target)

    assert "provider_specific_fields" not in request.dropped
    said = {what for what in request.dropped if what.split(".")[0] in {*body, "keep_alive"}}
    assert said == (set() if target.row.dialect == face else lost)


@pytest.mark.parametrize("model", ["anthropic/claude-opus-4-6", *OTHERS])
def test_which_pages_google_is_to_read_is_reported_elsewhere(model: str) -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}, "documentMetadata": {"startPage": 2}}
    body = json.dumps({"contents": [{"role": "user", "parts": [{"text": "hi"}, part]}]}).encode()
    call = dialect("gemini").operations["chat"].parse_call(body, {"model": "m"})
    target = lookup.resolve(model, env={"AWS_REGION": "eu-west-1"}, api_key="sk-test")

    request = form_of(target, "chat").request(call, target)

    assert request.dropped == ([] if target.row.dialect == "gemini" else ["messages[0] (documentMetadata)"])


def googles(tools: list[Any], model: str, drop: bool = True) -> HttpRequest:
    """What goes to a provider when a client of Google's format asks for its model with these tools."""
    body = json.dumps({**GOOGLES, "tools": tools}).encode()
    call = replaced(dialect("gemini").operations["chat"].parse_call(body, {"model": "m"}), drop_params=drop)
    target = lookup.resolve(model, env={"AWS_REGION": "eu-west-1"}, api_key="sk-test")
    return form_of(target, "chat").request(call, target)


@pytest.mark.parametrize("model", ["anthropic/claude-opus-4-6", *(name for name in OTHERS if "gemini" not in name)])
@pytest.mark.parametrize("tool", [{"codeExecution": {}}, {"googleSearch": {"excludeDomains": ["a.test"]}}])
def test_googles_own_tools_are_refused_by_name_elsewhere(model: str, tool: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError, match=next(iter(tool))):
        googles([tool, {"functionDeclarations": [{"name": "f"}]}], model, drop=False)

    request = googles([tool, {"functionDeclarations": [{"name": "f"}]}], model)
    assert "tools[0]" in request.dropped
    assert next(iter(tool)) not in request.body.decode()


@pytest.mark.parametrize("model", ["anthropic/claude-opus-4-6", *OTHERS])
def test_what_only_google_asks_of_a_function_is_reported_elsewhere(model: str) -> None:
    function = {"name": "f", "behavior": "NON_BLOCKING", "response": {"type": "STRING"}}
    request = googles([{"functionDeclarations": [function]}], model)

    if model.startswith("gemini"):
        assert json.loads(request.body)["tools"] == [{"functionDeclarations": [function]}]
    else:
        assert "NON_BLOCKING" not in request.body.decode()
        assert {"tools[0].behavior", "tools[0].response"} == set(request.dropped)


def test_a_function_keeps_what_google_alone_asks_of_it_where_other_tools_are_changed() -> None:
    body = {**GOOGLES, "tools": [{"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}, {"name": "g"}]}]}
    call = dialect("gemini").operations["chat"].parse_call(json.dumps(body).encode(), {"model": "m"})
    call.body["tools"] = call.body["tools"][:1]
    target = lookup.resolve("gemini/gemini-2.5-flash", env={}, api_key="sk-test")

    tools = json.loads(form_of(target, "chat").request(call, target).body)["tools"]

    assert tools == [{"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}]


PICTURE = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
UPLOAD = {"type": "container_upload", "file_id": "file_1"}
OFFER = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "f"}}


def shown(face: str, said: list[Any], model: str, drop: bool = True, role: str = "user") -> HttpRequest:
    """What goes to a provider when a client of a format shows its model these parts of a message."""
    operation = "responses" if face == "openai_responses" else "chat"
    body = {
        "anthropic": {"max_tokens": 9, "messages": [{"role": role, "content": said}]},
        "gemini": {"contents": [{"role": role, "parts": said}]},
        "openai_responses": {"input": [{"role": role, "content": said}]},
    }[face]
    call = dialect(face).operations[operation].parse_call(json.dumps({"model": "m", **body}).encode(), {"model": "m"})
    target = lookup.resolve(model, env={"AWS_REGION": "eu-west-1"}, api_key="sk-test")
    return form_of(target, operation).request(replaced(call, drop_params=drop), target)


@pytest.mark.parametrize("model", [*OTHERS, "openai/responses/gpt-4o"])
@pytest.mark.parametrize("block", [PICTURE, UPLOAD, OFFER], ids=lambda block: block["type"])
def test_a_block_that_only_anthropic_knows_is_refused_by_its_place(model: str, block: dict[str, Any]) -> None:
    said = [{"type": "text", "text": "hi"}, block]
    with pytest.raises(UnsupportedError) as caught:
        shown("anthropic", said, model, drop=False)
    assert caught.value.param == "messages[0].content[1]"

    request = shown("anthropic", said, model)
    assert "messages[0].content[1]" in request.dropped
    assert block["type"] not in request.body.decode()
    assert b"hi" in request.body


@pytest.mark.parametrize("model", ["anthropic/claude-opus-4-6", "openrouter/anthropic/claude-sonnet-4"])
def test_it_goes_to_anthropic_as_it_is(model: str) -> None:
    said = [{"type": "text", "text": "hi"}, PICTURE, UPLOAD]
    assert json.loads(shown("anthropic", said, model).body)["messages"][0]["content"] == said


RAN = {"executableCode": {"language": "PYTHON", "code": "1"}}


@pytest.mark.parametrize(
    "model",
    ["anthropic/claude-opus-4-6", "openai/responses/gpt-4o", *(name for name in OTHERS if "gemini" not in name)],
)
def test_a_part_that_only_google_knows_is_refused_by_its_place(model: str) -> None:
    with pytest.raises(UnsupportedError, match="executableCode") as caught:
        shown("gemini", [{"text": "hi"}, RAN], model, drop=False)
    assert caught.value.param == "messages[0].content[1]"

    request = shown("gemini", [{"text": "hi"}, RAN], model)
    assert "messages[0].content[1]" in request.dropped
    assert b"executableCode" not in request.body
    assert b"hi" in request.body


def test_it_goes_to_google_as_it_is() -> None:
    said = [{"text": "hi"}, RAN]
    assert json.loads(shown("gemini", said, "gemini/gemini-2.5-flash").body)["contents"][0]["parts"] == said


@pytest.mark.parametrize("model", ["anthropic/claude-opus-4-6", *OTHERS[2:], "mistral/mistral-small-latest"])
def test_a_picture_that_openai_keeps_is_refused_by_its_place_elsewhere(model: str) -> None:
    said = [{"type": "input_text", "text": "hi"}, {"type": "input_image", "file_id": "file_1", "detail": "auto"}]
    with pytest.raises(UnsupportedError) as caught:
        shown("openai_responses", said, model, drop=False)
    assert caught.value.param == "messages[0].content[1]"
    assert b"file_1" not in shown("openai_responses", said, model).body


def test_openais_chats_take_no_file_by_its_address() -> None:
    said = [
        {"type": "text", "text": "hi"},
        {"type": "document", "source": {"type": "url", "url": "https://a.test/b.pdf"}},
    ]
    with pytest.raises(UnsupportedError) as caught:
        shown("anthropic", said, "openai/gpt-4o", drop=False)
    assert caught.value.param == "messages[0].content[1]"
    assert b"a.test" not in shown("anthropic", said, "openai/gpt-4o").body
    for model in ("openai/responses/gpt-4o", "openrouter/openai/gpt-4o"):
        assert b"https://a.test/b.pdf" in shown("anthropic", said, model, drop=False).body


def test_a_picture_that_another_model_made_does_not_go_back_to_openai() -> None:
    made = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
    body = {
        "contents": [*GOOGLES["contents"], {"role": "model", "parts": [{"text": "here"}, made]}, *GOOGLES["contents"]]
    }
    call = dialect("gemini").operations["chat"].parse_call(json.dumps(body).encode(), {"model": "m"})

    def asked(model: str) -> HttpRequest:
        return form_of(to := lookup.resolve(model, env={}, api_key="k"), "chat").request(call, to)

    assert json.loads(asked("openai/gpt-4o").body)["messages"][1] == {"role": "assistant", "content": "here"}
    assert asked("openai/gpt-4o").dropped == ["messages[].images"]
    assert json.loads(asked("openrouter/google/gemini-2.5-flash-image").body)["messages"][1]["images"]


@pytest.mark.parametrize("model", ["anthropic/claude-opus-4-6", *OTHERS[2:]])
def test_what_openais_clients_say_of_a_part_is_sent_or_reported(model: str) -> None:
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    paper = {
        "type": "input_file",
        "filename": "a.pdf",
        "file_data": "data:application/pdf;base64,QUJD",
        "detail": "low",
    }
    call = (
        dialect("openai_responses")
        .operations["responses"]
        .parse_call(
            json.dumps(
                {
                    "model": "m",
                    "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi", **mark}, paper]}],
                }
            ).encode(),
            {},
        )
    )
    target = lookup.resolve(model, env={"AWS_REGION": "eu-west-1"}, api_key="sk-test")
    request = form_of(target, "responses").request(replaced(call, drop_params=True), target)

    left = " ".join(request.dropped)
    assert b"prompt_cache_breakpoint" not in request.body
    assert ("prompt_cache_breakpoint" in left) is not (
        b'"cache_control"' in request.body or b"cachePoint" in request.body
    )
    whole = "messages[0].content[1]" in request.dropped
    assert whole or "messages[0].content[1].detail" in request.dropped
    assert b"detail" not in request.body
    assert whole or b'"a.pdf"' in request.body or b'"name":"a' in request.body or "file.filename" in left


def test_a_voice_that_openai_keeps_is_reported_at_google() -> None:
    body = {"messages": [{"role": "user", "content": "hi"}], "modalities": ["text", "audio"]}
    call = Call("chat", "m", {**body, "audio": {"voice": {"id": "voice_1"}, "format": "pcm16"}})
    target = lookup.resolve("gemini/gemini-2.5-flash", env={}, api_key="k")
    assert form_of(target, "chat").request(call, target).dropped == ["audio.voice"]


def test_a_cache_mark_on_a_call_reaches_claude_by_way_of_converse() -> None:
    used = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {}, "cache_control": {"type": "ephemeral"}}
    given = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [used]},
        {"role": "user", "content": [given]},
    ]
    body = json.loads(sent("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", messages=messages).body)
    assert body["messages"][1]["content"][1:] == [{"cachePoint": {"type": "default"}}]
    again = json.loads(sent("anthropic/claude-opus-4-6", messages=messages).body)
    assert again["messages"][1]["content"] == [used]
    for model in OTHERS:
        assert b"cache_control" not in sent(model, messages=messages).body


@pytest.mark.parametrize(
    "model", ["mistral/mistral-small-latest", "groq/llama-3.3-70b-versatile", "cerebras/llama3.1-8b"]
)
def test_what_openais_newest_clients_send_reaches_no_host_that_refuses_what_it_does_not_know(model: str) -> None:
    # openai 3.54: `prompt_cache_options`, `prompt_cache_breakpoint`, `moderation`.
    said = {"type": "text", "text": "hi", "prompt_cache_breakpoint": {"mode": "explicit"}}
    body = {"messages": [{"role": "user", "content": [said]}], "prompt_cache_options": {"mode": "explicit"}}
    target = lookup.resolve(model, env={}, api_key="k")

    request = form_of(target, "chat").request(Call("chat", "m", body), target)
    assert b"prompt_cache" not in request.body
    assert {"prompt_cache_options", "prompt_cache_breakpoint"} <= set(request.dropped)
    with pytest.raises(UnsupportedError) as caught:
        form_of(target, "chat").request(Call("chat", "m", {**body, "moderation": {"model": "x"}}), target)
    assert caught.value.param == "moderation"
    own = lookup.resolve("openai/gpt-4.1", env={}, api_key="k")
    assert form_of(own, "chat").request(Call("chat", "m", body), own).body.count(b"prompt_cache") == 2


EMBEDDERS = (
    "openai/text-embedding-3-small",
    "gemini/gemini-embedding-001",
    "cohere/embed-v4.0",
    "ollama/nomic",
    "bedrock/amazon.titan-embed-text-v2:0",
)


def embedded(face: str, model: str, **asked: Any) -> HttpRequest:
    """What goes to a provider when a client of a format wants a text of it embedded."""
    call = dialect(face).operations["embeddings"].parse_call(json.dumps({"model": "m", **asked}).encode(), {})
    env = {"AWS_REGION": "eu-west-1", "VERTEXAI_PROJECT": "p", "VERTEXAI_LOCATION": "l"}
    target = lookup.resolve(model, env=env, api_key="k")
    return form_of(target, "embeddings").request(call, target)


@pytest.mark.parametrize("model", EMBEDDERS)
def test_what_only_the_clients_own_format_says_of_embeddings_is_reported_elsewhere(model: str) -> None:
    own = model.split("/", maxsplit=1)[0]
    query = embedded("gemini", model, content={"parts": [{"text": "hi"}]}, taskType="RETRIEVAL_QUERY")
    assert query.dropped == ([] if own == "gemini" else ["taskType"])
    many = [{"content": {"parts": [{"text": text}]}, "taskType": "CLUSTERING"} for text in "ab"]
    assert embedded("gemini", model, requests=many[:1]).dropped == ([] if own == "gemini" else ["requests"])
    kept = embedded("ollama", model, input="hi", keep_alive="5m", options={"num_ctx": 9}, truncate=False)
    words = {"keep_alive", "options.num_ctx", "truncate"}
    assert set(kept.dropped) == (set() if own == "ollama" else words)


@pytest.mark.parametrize("model", [*EMBEDDERS, "vertex_ai/text-embedding-005", "vertex_ai/gemini-embedding-2"])
@pytest.mark.parametrize("batch", [False, True])
def test_the_size_that_googles_newer_clients_ask_for_is_understood(model: str, batch: bool) -> None:
    # google-genai 3.4 towards Google's cloud: what stood beside the content is in an object of its own.
    one = {"content": {"parts": [{"text": "hi"}]}, "embedContentConfig": {"outputDimensionality": 256}}
    body = embedded("gemini", model, **({"requests": [one]} if batch else one)).body
    assert body.count(b"256") == 1


@pytest.mark.parametrize("model", ["anthropic/claude-opus-5", "anthropic/claude-opus-4-6", *OTHERS])
@pytest.mark.parametrize("fields", [{"output_config": {"effort": "low"}}, {"clear_at": "never"}], ids=str)
def test_a_conversation_may_end_with_a_system_message_that_says_nothing(model: str, fields: dict[str, Any]) -> None:
    messages = [{"role": "user", "content": "hi"}, {"role": "system", **fields}]
    request = sent(model, messages=messages, tools=[])

    if model.endswith("-5"):
        assert json.loads(request.body)["messages"] == messages
    else:
        assert {f"messages[1].{name}" for name in fields} <= set(request.dropped)


def asked_as_openai(model: str, **body: Any) -> HttpRequest:
    """What goes to a provider when a client of OpenAI's chats asks for its model, and nothing may be left out."""
    asked = {"model": model, "messages": [{"role": "user", "content": "hi"}], **body}
    call = dialect("openai_chat").operations["chat"].parse_call(json.dumps(asked).encode(), {})
    env = {"AWS_REGION": "eu-west-1"}
    target = lookup.resolve(model, env=env, api_key="sk-test")
    return form_of(target, "chat").request(call, target)


@pytest.mark.parametrize(
    "model", ["anthropic/claude-sonnet-4-6", "bedrock/us.anthropic.claude-sonnet-4-6", *OTHERS[2:]]
)
def test_a_function_that_says_a_second_time_that_it_is_one_is_sent_as_any_other(model: str) -> None:
    # OpenAI answers such requests; Anthropic reads the type as one of its own tools' and refuses it.
    function = {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}}
    doubled = asked_as_openai(model, tools=[{"type": "function", "function": {"type": "function", **function}}])

    assert doubled.body == asked_as_openai(model, tools=[{"type": "function", "function": function}]).body
    assert doubled.dropped == []


@pytest.mark.parametrize("model", ["openai/responses/gpt-5", "anthropic/claude-sonnet-4-6", "gemini/gemini-2.5-flash"])
def test_mistrals_word_for_a_call_that_must_be_is_understood_in_other_formats(model: str) -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]

    theirs = asked_as_openai(model, tools=tools, tool_choice="any")

    assert theirs.body == asked_as_openai(model, tools=tools, tool_choice="required").body


@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "bedrock/us.anthropic.claude-sonnet-4-5"])
@pytest.mark.parametrize("effort", [{}, {"reasoning_effort": "high"}])
def test_thinking_that_is_on_without_a_budget_is_an_effort_to_claude(model: str, effort: dict[str, str]) -> None:
    # DeepSeek's, Z.ai's and Moonshot's clients say no more than that.
    on = asked_as_openai(model, thinking={"type": "enabled"}, **effort)

    assert on.body == asked_as_openai(model, **{"reasoning_effort": "medium", **effort}).body


def test_claude_that_adapts_its_thinking_needs_no_budget_either() -> None:
    on = asked_as_openai("anthropic/claude-opus-4-6", thinking={"type": "enabled"})

    assert json.loads(on.body)["thinking"] == {"type": "adaptive"}


DOCUMENT = "data:application/pdf;base64,JVBERi0xLjQ="


@pytest.mark.parametrize("url", [DOCUMENT, "https://example.com/a.pdf"])
@pytest.mark.parametrize(
    "model",
    [
        "anthropic/claude-sonnet-4-6",
        "gemini/gemini-2.5-flash",
        "openai/responses/gpt-5",
        "mistral/mistral-small-latest",
    ],
)
def test_a_document_of_mistrals_clients_is_a_file_in_other_formats(model: str, url: str) -> None:
    part = {"type": "document_url", "document_url": url, "document_name": "a.pdf"}
    held = {"file_data" if url == DOCUMENT else "file_url": url, "filename": "a.pdf"}

    given, file = (
        asked_as_openai(model, messages=[{"role": "user", "content": [{"type": "text", "text": "Read."}, one]}])
        for one in (part, {"type": "file", "file": held})
    )

    assert given.body == file.body
    assert url.removeprefix("data:application/pdf;base64,").encode() in given.body


def test_a_document_of_mistrals_clients_is_refused_where_there_are_no_files() -> None:
    content = [{"type": "text", "text": "Read."}, {"type": "document_url", "document_url": DOCUMENT}]
    with pytest.raises(UnsupportedError):
        asked_as_openai("cohere/command-a-03-2025", messages=[{"role": "user", "content": content}])


@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-6", *OTHERS])
def test_sampling_of_minus_one_is_none(model: str) -> None:
    # LangChain's older clients of Anthropic's send it where nothing was asked for.
    assert sent(model, top_p=-1, top_k=-1, tools=[]).body == sent(model, tools=[]).body


def test_a_client_of_anthropics_that_offers_no_tools_any_more_is_not_offered_any_by_us() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "nothing"}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]

    for nothing in ({"tools": []}, {"tools": None}):
        body = json.loads(sent("anthropic/claude-sonnet-4-6", messages=messages, **nothing).body)
        assert body["messages"] == messages
        assert body.keys().isdisjoint({"tools", "tool_choice"})
    for model in OTHERS:
        assert sent(model, messages=messages, tools=[]).dropped == []
    offered = json.loads(sent("bedrock/us.anthropic.claude-sonnet-4-6", messages=messages, tools=[]).body)
    assert offered["toolConfig"]["tools"][0]["toolSpec"]["name"] == "look"

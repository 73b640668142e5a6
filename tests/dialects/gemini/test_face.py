"""As a face: what clients of this format may send, in whatever way Google lets them write it, and what is not valid."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._base import dialect
from lingate._dialects._failure import failure
from lingate._dialects._format_choice import form_of
from lingate._dialects.gemini import DIALECT
from lingate._dialects.gemini.casing import camelized
from lingate._model import Finish, Head, Start, ToolArgs, ToolStart
from lingate._providers import lookup
from lingate.errors import BY_KIND, BadRequestError, UnsupportedError
from tests.dialects.gemini.support import CHAT, COUNT, EMBED, MODELS, call, parse, send, target

HI: dict[str, Any] = {"role": "user", "parts": [{"text": "hi"}]}


def canonical(**body: Any) -> dict[str, Any]:
    found: dict[str, Any] = parse({"contents": [HI], **body}).body
    return found


@pytest.mark.parametrize("field", ["inlineData", "fileData"])
def test_a_part_whose_only_field_is_null_stays_as_it_is(field: str) -> None:
    made = parse({"contents": [{"role": "user", "parts": [{field: None}]}]})

    assert made.body["messages"][0]["content"] == [{field: None}]


def test_one_part_may_stand_where_a_list_of_them_belongs_and_no_contents_are_none() -> None:
    made = parse({"contents": {"role": "user", "parts": {"text": "hi"}}, "systemInstruction": {"parts": {"text": "s"}}})

    assert [message["content"] for message in made.body["messages"]] == ["s", "hi"]
    with pytest.raises(BadRequestError):
        parse({"contents": [{"role": "user", "parts": "hi"}]})


def test_a_tier_that_is_no_word_of_ours_goes_on_as_it_is() -> None:
    made = parse({"contents": [HI], "serviceTier": "galactic"})

    assert "service_tier" not in made.body
    assert send(made)[0]["serviceTier"] == "galactic"


def test_an_answer_of_another_provider_brings_its_pictures_and_counts() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://x.test/a.webp?s=1"}}
    message = {"role": "assistant", "content": "here", "images": [picture, {"image_url": {}}]}
    usage = {"prompt_tokens": 3, "completion_tokens": 2}

    body = json.loads(
        CHAT.render({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage})
    )

    assert body["candidates"][0]["content"]["parts"] == [
        {"text": "here"},
        {"fileData": {"mimeType": "image/webp", "fileUri": "https://x.test/a.webp?s=1"}},
    ]
    assert body["usageMetadata"] == {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}


def test_what_is_null_in_a_tool_or_a_part_is_not_there() -> None:
    tool = {"functionDeclarations": [{"name": "f"}], "codeExecution": None, "googleSearch": None}

    made = parse(
        {
            "contents": [{"role": "user", "parts": [{"text": "hi", "thought": False}]}],
            "systemInstruction": {"role": "model", "parts": [{"text": "s", "thought": False}]},
            "tools": [tool],
        }
    )

    sent = send(made)[0]
    assert [part["text"] for part in sent["systemInstruction"]["parts"]] == ["s"]
    assert sent["tools"] == [tool]
    other = json.loads(dialect("openai_chat").operations["chat"].request(made, target()).body)
    assert [one["content"] for one in other["messages"]] == ["s", "hi"]
    assert [one["function"]["name"] for one in other["tools"]] == ["f"]
    assert "web_search_options" not in other


def test_calls_written_in_snake_case_are_the_same_calls() -> None:
    call = {"name": "look", "args": {"first_line": 1}, "id": "c1"}
    camel = [HI, {"role": "model", "parts": [{"functionCall": call}, {"functionCall": {**call, "id": "c2"}}]}]
    snake = [HI, {"role": "model", "parts": [{"function_call": call}, {"function_call": {**call, "id": "c2"}}]}]

    assert parse({"contents": snake}).body == parse({"contents": camel}).body
    assert (
        parse({"contents": camel}).body["messages"][1]["tool_calls"][1]["function"]["arguments"] == '{"first_line":1}'
    )


def test_a_request_in_canonical_words() -> None:
    made = parse(
        {
            "systemInstruction": {"role": "system", "parts": [{"text": "s"}, {"text": "t"}]},
            "contents": [HI, {"role": "model", "parts": [{"text": "yes"}]}, {"parts": [{"text": "on"}]}],
            "generationConfig": {
                "temperature": 0.5,
                "topP": 0.9,
                "topK": 3.0,
                "candidateCount": 2,
                "maxOutputTokens": 10,
                "stopSequences": ["x"],
                "seed": 1,
                "presencePenalty": 0.5,
                "frequencyPenalty": 0.25,
                "responseLogprobs": True,
                "logprobs": 3,
                "responseModalities": ["TEXT"],
                "thinkingConfig": {"thinkingBudget": 1000, "includeThoughts": True},
                "responseMimeType": "application/json",
                "responseJsonSchema": {"type": "object"},
            },
            "serviceTier": "standard",
        },
        "streamGenerateContent",
        "models/gemini-x",
    )

    assert (made.operation, made.model, made.stream) == ("chat", "gemini-x", True)
    own = made.body.pop("provider_specific_fields")["gemini"]
    assert own["generationConfig"].keys() == {"thinkingConfig", "responseMimeType", "responseJsonSchema"}
    assert made.body == {
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "s"}, {"type": "text", "text": "t"}]},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "yes"},
            {"role": "user", "content": "on"},
        ],
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "n": 2,
        "max_tokens": 10,
        "stop": ["x"],
        "seed": 1,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.25,
        "logprobs": True,
        "top_logprobs": 3,
        "modalities": ["text"],
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
        "service_tier": "default",
    }


def test_snake_case_is_the_same_request_and_the_callers_own_names_stay() -> None:
    body = {
        "system_instruction": {"parts": [{"text": "s"}]},
        "contents": [
            HI,
            {
                "role": "model",
                "parts": [
                    {"function_call": {"name": "f", "args": {"snake_arg": {"in_ner": 1}}}, "thought_signature": "QQ=="}
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"function_response": {"name": "f", "response": {"a_b": 1}}},
                    {"inline_data": {"mime_type": "image/png", "data": "QQ=="}},
                ],
            },
        ],
        "generation_config": {"max_output_tokens": 5, "response_json_schema": {"properties": {"a_b": {"any_of": []}}}},
        "tools": [
            {
                "function_declarations": [
                    {"name": "f", "parameters": {"type": "OBJECT", "properties": {"a_b": {"max_items": 1}}}}
                ]
            },
            {"google_search": {}},
        ],
        "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
        "safety_settings": [],
    }

    made = parse(body)

    assert made.body == parse(camelized(body)).body
    assert made.body["max_tokens"] == 5
    assert made.body["messages"][2]["tool_calls"][0]["function"]["arguments"] == '{"snake_arg":{"in_ner":1}}'
    assert made.body["messages"][3]["content"] == '{"a_b":1}'
    assert made.body["messages"][4]["content"][0]["type"] == "image_url"
    assert "a_b" in made.body["tools"][0]["function"]["parameters"]["properties"]
    assert made.body["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert made.body["web_search_options"] == {}


def test_a_call_whose_arguments_were_streamed_is_one_again() -> None:
    # The vendor's chats keep each event as a turn of its own, `partialArgs` and all.
    pieces: list[dict[str, Any]] = [
        {"name": "f", "id": "i", "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.a", "stringValue": "hel", "willContinue": True}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.a", "stringValue": "lo"}], "willContinue": True},
        {},
    ]
    turns = [{"role": "model", "parts": [{"functionCall": piece}]} for piece in pieces]
    answer = {"role": "user", "parts": [{"functionResponse": {"name": "f", "id": "i", "response": {"result": 1}}}]}

    made = parse({"contents": [HI, *turns, answer]})

    (called,) = made.body["messages"][1]["tool_calls"]
    assert called == {"id": "i", "type": "function", "function": {"name": "f", "arguments": '{"a":"hello"}'}}
    assert made.body["messages"][2]["tool_call_id"] == "i"
    steps = json.loads(dialect("gemini_interactions").operations["chat"].request(made, target()).body)["input"]
    assert [step["type"] for step in steps] == ["user_input", "function_call", "function_result"]


def test_a_call_whose_arguments_came_in_one_piece_has_them() -> None:
    piece = {
        "name": "f",
        "partialArgs": [{"jsonPath": "$.a", "numberValue": 2}, {"jsonPath": "$.b", "stringValue": "x"}],
    }
    answer = {"functionResponse": {"name": "f", "response": {"result": 1}}}
    turns = [HI, {"role": "model", "parts": [{"functionCall": piece}]}, {"role": "user", "parts": [answer]}]

    made = parse({"contents": turns})

    assert made.body["messages"][1]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a":2,"b":"x"}'}
    sent = json.loads(CHAT.request(made, target()).body)["contents"]
    assert sent[1]["parts"] == [{"functionCall": {"name": "f", "args": {"a": 2, "b": "x"}}}]


def test_an_answer_with_an_id_of_the_clients_own_belongs_to_the_call_of_its_name() -> None:
    # Gemini leaves ids out of its calls, and frameworks that want one make it up.
    calls = [{"functionCall": {"name": name, "args": {}}} for name in "fgf"]
    answers = [
        {"functionResponse": {"name": name, "id": f"own-{n}", "response": {"result": n}}}
        for n, name in enumerate("gff")
    ]

    made = parse({"contents": [HI, {"role": "model", "parts": calls}, {"role": "user", "parts": answers}]})

    called, *told = made.body["messages"][1:]
    ids = [one["id"] for one in called["tool_calls"]]
    assert [one["tool_call_id"] for one in told] == [ids[1], ids[0], ids[2]]
    results = json.loads(CHAT.request(made, target()).body)["contents"][2]["parts"]
    assert [one["functionResponse"]["response"] for one in results] == [{"result": n} for n in (1, 0, 2)]


def test_answers_without_ids_belong_to_the_calls_of_their_names_in_order() -> None:
    def called(name: str, **fields: Any) -> dict[str, Any]:
        return {"functionCall": {"name": name, "args": {}, **fields}}

    def answered(name: str, **fields: Any) -> dict[str, Any]:
        return {"functionResponse": {"name": name, "response": {"result": "x"}, **fields}}

    made = parse(
        {
            "contents": [
                HI,
                {"role": "model", "parts": [called("f"), called("g"), called("f"), called("h", id="i1")]},
                {"role": "user", "parts": [answered("g"), answered("f"), answered("f"), answered("h", id="i1")]},
                {"role": "model", "parts": [called("f")]},
                {"role": "function", "parts": [answered("f"), answered("unknown")]},
            ]
        }
    )

    messages = made.body["messages"]
    first = [c["id"] for c in messages[1]["tool_calls"]]
    assert [m["tool_call_id"] for m in messages[2:6]] == [first[1], first[0], first[2], "i1"]
    second = messages[6]["tool_calls"][0]["id"]
    assert messages[7]["tool_call_id"] == second
    assert len({*first, second}) == 5
    assert messages[8]["name"] == "unknown"


def test_an_answer_of_a_name_that_nobody_called_belongs_to_the_first_open_call() -> None:
    # Gemini counts answers and looks at no names; some clients write the call's id there.
    contents = [
        HI,
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "g"}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": n, "response": {"result": n}}} for n in ("c-1", "g")]},
    ]

    made = parse({"contents": contents})

    calls, *answers = made.body["messages"][1:]
    assert [m["tool_call_id"] for m in answers] == [c["id"] for c in calls["tool_calls"]]
    names = [
        p["functionResponse"]["name"] for p in json.loads(CHAT.request(made, target()).body)["contents"][2]["parts"]
    ]
    assert names == ["f", "g"]


@pytest.mark.parametrize(
    ("response", "content"),
    [
        ({"result": "plain"}, "plain"),
        ({"result": [1]}, "[1]"),
        ({"result": "{}"}, '{"result":"{}"}'),
        ({"output": "x"}, '{"output":"x"}'),
        ({}, "{}"),
    ],
)
def test_a_tools_answer_as_text_and_back(response: dict[str, Any], content: str) -> None:
    turns = [
        HI,
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}, "id": "i"}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "id": "i", "response": response}}]},
    ]

    made = parse({"contents": turns})

    assert made.body["messages"][2] == {"role": "tool", "tool_call_id": "i", "name": "f", "content": content}
    assert json.loads(CHAT.request(made, target()).body)["contents"] == turns


def test_turns_of_the_model_in_pieces_are_one_message() -> None:
    pieces = [
        {"role": "model", "parts": [part]} for part in ({"text": "a"}, {"text": "b"}, {"functionCall": {"name": "f"}})
    ]

    messages = canonical(contents=[HI, *pieces, HI])["messages"]

    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"] == "ab"
    assert len(messages[1]["tool_calls"]) == 1


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({"mode": "AUTO"}, "auto"),
        ({"mode": "any"}, "required"),
        ({"mode": 3}, "none"),
        ({"mode": "VALIDATED"}, "auto"),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, {"type": "function", "function": {"name": "f"}}),
        (
            {"mode": "ANY", "allowedFunctionNames": ["f", "g"]},
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": n}} for n in ("f", "g")],
                },
            },
        ),
        ({}, None),
    ],
)
def test_choices(config: dict[str, Any], choice: Any) -> None:
    tools = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]

    made = parse({"contents": [HI], "tools": tools, "toolConfig": {"functionCallingConfig": config}})

    assert made.body.get("tool_choice") == choice
    again = json.loads(CHAT.request(made, target()).body)
    assert again["toolConfig"] == {"functionCallingConfig": config}
    assert again["tools"] == tools


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        ({"thinkingBudget": 0}, "none"),
        ({"thinkingBudget": 512}, "low"),
        ({"thinkingBudget": 8000}, "medium"),
        ({"thinkingBudget": 20000}, "high"),
        ({"thinkingBudget": -1}, None),
        ({"thinkingLevel": "HIGH"}, "high"),
        ({"includeThoughts": True}, None),
    ],
)
def test_reasoning_in_other_providers_words(thinking: dict[str, Any], effort: Any) -> None:
    made = parse({"contents": [HI], "generationConfig": {"thinkingConfig": thinking}})

    assert made.body.get("reasoning_effort") == effort
    assert json.loads(CHAT.request(made, target()).body)["generationConfig"] == {"thinkingConfig": thinking}
    made.body["reasoning_effort"] = "medium"
    changed = json.loads(CHAT.request(made, target()).body)["generationConfig"]["thinkingConfig"]
    assert (changed == thinking) is (effort == "medium")


def test_what_was_edited_on_the_way_is_what_goes_out() -> None:
    body = {
        "contents": [
            {
                "role": "user",
                "parts": [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "QQ==", "displayName": "p"}}],
            }
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
        "generationConfig": {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
    }
    made = parse(body)
    assert json.loads(CHAT.request(made, target()).body) == body

    made.body["messages"][0]["content"] = "b"
    made.body["tools"] = [{"type": "function", "function": {"name": "g"}}]
    made.body["response_format"] = {"type": "json_object"}

    assert json.loads(CHAT.request(made, target()).body) == {
        "contents": [{"role": "user", "parts": [{"text": "b"}]}],
        "tools": [{"functionDeclarations": [{"name": "g"}]}],
        "generationConfig": {"responseMimeType": "application/json"},
    }


def test_fields_of_this_format_stay_beside_the_canonical_request() -> None:
    own = {
        "safetySettings": [{"category": 10, "threshold": 3}],
        "labels": {"a_b": "c"},
        "newField": 1,
    }

    made = parse({"contents": [HI], **own})

    assert made.body == {"messages": [{"role": "user", "content": "hi"}], "provider_specific_fields": {"gemini": own}}
    assert json.loads(CHAT.request(made, target()).body) == {"contents": [HI], **own}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"{", "body"),
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": "hi"}, "contents"),
        ({"contents": ["hi"]}, r"contents\[0\]"),
        ({"contents": [{"role": "robot", "parts": []}]}, r"contents\[0\].role"),
        ({"contents": [{"parts": {}}]}, r"contents\[0\].parts"),
        ({"contents": [{"parts": [{"text": 1}]}]}, r"contents\[0\].parts\[0\].text"),
        ({"contents": [{"parts": [{"functionResponse": {}}]}]}, r"functionResponse.name"),
        (
            {"contents": [{"parts": [{"functionResponse": {"name": "f", "parts": [{"inlineData": {}}]}}]}]},
            "inlineData.data",
        ),
        ({"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": 1}}]}]}, "functionCall.args"),
        ({"contents": [{"role": "model", "parts": [{"functionCall": {"args": {"a": 1}}}]}]}, "functionCall.name"),
        ({"contents": [HI], "systemInstruction": 1}, "systemInstruction"),
        ({"contents": [HI], "systemInstruction": {"text": "be brief"}}, "systemInstruction: must be"),
        ({"contents": [{"role": "user", "text": "hi"}]}, "contents"),
        ({"contents": [HI], "generationConfig": []}, None),
        ({"contents": [HI], "generationConfig": 1}, "generationConfig"),
        ({"contents": [HI], "generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"contents": [HI], "generationConfig": {"stopSequences": "x"}}, "generationConfig.stopSequences"),
        ({"contents": [HI], "tools": {}}, "tools"),
        ({"contents": [HI], "tools": [{"functionDeclarations": [{}]}]}, r"tools\[0\].functionDeclarations\[0\].name"),
        ({"contents": [HI], "toolConfig": 1}, "toolConfig"),
        (
            {"contents": [HI], "toolConfig": {"functionCallingConfig": {"allowedFunctionNames": [1]}}},
            "allowedFunctionNames",
        ),
    ],
)
def test_what_is_not_valid_is_refused_with_its_place(body: Any, where: str | None) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    if where is None:
        CHAT.parse_call(data, {"model": "m"})
        return
    with pytest.raises(BadRequestError, match=where):
        CHAT.parse_call(data, {"model": "m", "method": "generateContent"})


def test_a_request_needs_a_model() -> None:
    with pytest.raises(BadRequestError, match="model"):
        CHAT.parse_call(json.dumps({"contents": [HI]}).encode(), {})
    assert CHAT.parse_call(json.dumps({"model": "models/x", "contents": [HI]}).encode(), {}).model == "x"


def test_system_text_may_be_a_string_and_may_be_empty() -> None:
    assert canonical(systemInstruction="s")["messages"][0] == {"role": "system", "content": "s"}
    assert len(canonical(systemInstruction={"parts": []})["messages"]) == 1


# Errors


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_an_error_of_ours_is_the_same_kind_of_error_to_a_client_that_reads_it(kind: str) -> None:
    error = BY_KIND[kind]("x", provider="p", kind=kind, status=500, detail="secret words")

    status, body = DIALECT.render_error(error)
    again = failure(Head(status, {}), body, target())

    fault = json.loads(body)["error"]
    assert fault["code"] == status
    assert fault["status"].isupper()
    assert "secret" not in fault["message"]
    assert again.kind == kind


def test_a_wait_is_told_in_googles_way() -> None:
    error = BY_KIND["rate_limit"]("x", provider="p", retry_after=12.5)

    status, body = DIALECT.render_error(error)

    assert json.loads(body)["error"]["details"][-1]["retryDelay"] == "12.5s"
    assert failure(Head(status, {}), body, target()).retry_after == 12.5


def test_a_request_that_could_not_be_read_is_answered_with_the_reason() -> None:
    with pytest.raises(BadRequestError) as caught:
        parse({"contents": []})

    status, body = DIALECT.render_error(caught.value)

    assert (status, json.loads(body)["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "contents" in json.loads(body)["error"]["message"]


@pytest.mark.parametrize("form", [COUNT, EMBED, MODELS])
def test_only_chat_has_streams(form: Any) -> None:
    with pytest.raises(UnsupportedError):
        form.encoder(call())
    with pytest.raises(UnsupportedError):
        form.decoder(CHAT.request(call(), target()), Head(200, {}))


def test_numbers_may_be_written_as_text() -> None:
    made = canonical(generationConfig={"maxOutputTokens": "100", "temperature": "0.5", "topK": "3"})

    assert (made["max_tokens"], made["temperature"], made["top_k"]) == (100, 0.5, 3)
    for text in ("", "many", "1e999", "NaN", "0x10"):
        with pytest.raises(BadRequestError):
            canonical(generationConfig={"maxOutputTokens": text})


@pytest.mark.parametrize(
    "model",
    ["anthropic/claude-sonnet-4-5", "openai/gpt-4o", "bedrock/amazon.nova-pro-v1:0", "cohere/command-a-03-2025"],
)
@pytest.mark.parametrize("name", ["cachedContent", "continuationToken"])
def test_what_is_kept_at_google_is_part_of_the_prompt_and_left_out_by_nobody_in_silence(model: str, name: str) -> None:
    asked = {"contents": [HI], name: "cachedContents/1"}

    assert json.loads(CHAT.request(parse(asked), target()).body)[name] == "cachedContents/1"
    elsewhere = lookup.resolve(model, env={"AWS_REGION": "us-east-1"}, api_key="k")
    with pytest.raises(UnsupportedError, match=name):
        form_of(elsewhere, "chat").request(parse(asked), elsewhere)
    call = parse(asked)
    call.drop_params = True
    sent = form_of(elsewhere, "chat").request(call, elsewhere)
    assert b"cachedContents/1" not in sent.body
    assert name in sent.dropped


@pytest.mark.parametrize("role", ["tool", "function", "user", "USER", None])
def test_answers_of_tools_have_the_roles_that_google_s_own_examples_give_them(role: str | None) -> None:
    called = {"functionCall": {"name": "f", "args": {}}}
    answer = {"functionResponse": {"name": "f", "response": {"output": "1"}}}
    contents = [HI, {"role": "MODEL", "parts": [called]}, {"role": role, "parts": [answer]}]

    question, call_of_it, result = canonical(contents=contents)["messages"]

    assert question == {"role": "user", "content": "hi"}
    assert call_of_it["tool_calls"][0]["id"] == result["tool_call_id"]
    assert (result["role"], result["content"]) == ("tool", '{"output":"1"}')


def test_the_first_example_for_gemini_4_is_a_request() -> None:
    # https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/start/get-started-with-gemini-4
    asked = parse({"contents": {"role": "USER", "parts": {"text": "hi"}}})

    assert asked.body["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "cohere/command-a-03-2025", "ollama/llama3.2"])
def test_what_other_formats_have_no_place_for_is_reported(model: str) -> None:
    to = lookup.resolve(model, env={}, api_key="k")
    asked = parse({"contents": [HI], "safetySettings": [{"category": 10, "threshold": 3}], "labels": {"a": "b"}})

    assert {"safetySettings", "labels"} <= set(form_of(to, "chat").request(asked, to).dropped)
    assert not CHAT.request(asked, target()).dropped


@pytest.mark.parametrize(
    "part",
    [
        {"fileData": {"fileUri": "files/a"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "QUJD", "displayName": "a.pdf"}},
        {"fileData": {"mimeType": "text/plain", "fileUri": "gs://a/b", "displayName": "b"}},
    ],
)
def test_files_that_say_more_or_less_come_back_as_they_were(part: dict[str, Any]) -> None:
    contents = [{"role": "user", "parts": [{"text": "hi"}, part]}]

    assert send(parse({"contents": contents}))[0]["contents"] == contents


def test_a_file_is_told_to_other_formats_with_its_name() -> None:
    part = {"inlineData": {"mimeType": "application/pdf", "data": "QUJD", "displayName": "a.pdf"}}
    made = parse({"contents": [{"role": "user", "parts": [part, {"fileData": {"fileUri": "files/a"}}]}]})

    assert made.body["messages"][0]["content"] == [
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "files/a"}},
    ]


@pytest.mark.parametrize(("said", "meant"), [("mpeg", "mp3"), ("x-wav", "wav"), ("wav", "wav"), ("flac", "flac")])
def test_sound_is_told_to_other_formats_in_openai_s_words(said: str, meant: str) -> None:
    part = {"inlineData": {"mimeType": f"audio/{said}", "data": "QUJD"}}

    assert canonical(contents=[{"role": "user", "parts": [part]}])["messages"][0]["content"] == [
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": meant}}
    ]


@pytest.mark.parametrize("system", [None, {}, {"parts": None}, {"parts": []}])
def test_a_system_instruction_that_says_nothing_is_none(system: Any) -> None:
    made = parse({"systemInstruction": system, "contents": [{"role": "user", "parts": [{"text": "hi"}]}]})

    assert made.body["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("parts", [[], [{"functionCall": {"name": 5, "args": {}}}]])
def test_a_turn_of_the_model_s_may_be_empty_but_not_senseless(parts: Any) -> None:
    contents = [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": parts}]

    if parts:
        with pytest.raises(BadRequestError, match="functionCall"):
            parse({"contents": contents})
    else:
        assert parse({"contents": contents}).body["messages"][0] == {"role": "user", "content": "hi"}


def test_a_signature_that_is_no_base64_is_its_owner_s_to_judge() -> None:
    part = {"text": "hm", "thought": True, "thoughtSignature": "!!"}
    contents = [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": [part, {"text": "a"}]}]

    made = parse({"contents": [*contents, contents[0]]})

    assert made.body["messages"][1]["reasoning_content"] == "hm"
    assert send(made)[0]["contents"][1]["parts"] == contents[1]["parts"]


@pytest.mark.parametrize(
    ("native", "canonical"),
    [
        ({"type": "STRING", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"enum": ["a"], "nullable": True}, {"enum": ["a", None]}),
        (
            {"anyOf": [{"type": "STRING"}], "nullable": True},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
        ),
        ({"type": "STRING", "example": "a"}, {"type": "string", "examples": ["a"]}),
        ({"type": "ARRAY", "items": 5}, {"type": "array", "items": 5}),
        ({"nullable": True}, {}),
        ({"type": "ARRAY", "maxItems": "3"}, {"type": "array", "maxItems": 3}),
    ],
)
def test_google_s_schema_is_a_json_schema_to_others(native: Any, canonical: Any) -> None:
    tool = {"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": native}}}]}
    made = parse({"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "tools": [tool]})

    assert made.body["tools"][0]["function"]["parameters"]["properties"]["a"] == canonical


def test_what_is_told_about_a_call_that_is_whole_already_changes_nothing() -> None:
    told: list[Any] = [
        Start("r", "m", 1),
        ToolStart(0, "c0", "f"),
        ToolArgs(0, '{"a":1}'),
        ToolStart(1, "c1", "g"),
        ToolArgs(0, " "),
        ToolArgs(1, "{}"),
        Finish("tool_calls"),
    ]
    encoder = CHAT.encoder(call())

    data = b"".join(map(encoder.event, told)) + encoder.end()

    events = [json.loads(line[6:]) for line in data.splitlines() if line]
    parts = [part for event in events for part in event["candidates"][0]["content"]["parts"]]
    calls = [(part["functionCall"]["name"], part["functionCall"]["args"]) for part in parts if "functionCall" in part]
    assert calls == [("f", {"a": 1}), ("g", {})]


def test_thinking_blocks_that_are_none_are_not_shown() -> None:
    message = {"role": "assistant", "content": "a", "thinking_blocks": [5, {"type": "redacted_thinking"}]}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}

    shown = json.loads(CHAT.render({"id": "c", "model": "m", "choices": [choice]}))

    assert shown["candidates"][0]["content"]["parts"] == [{"text": "a"}]


FORM = {"type": "object", "properties": {"first_name": {"type": "string"}}, "additional_note": "mine"}


@pytest.mark.parametrize("kind", ["APPLICATION_JSON", "application/json"])
@pytest.mark.parametrize("listed", [False, True], ids=["developers", "cloud"])
@pytest.mark.parametrize("names", [("responseFormat", "mimeType"), ("response_format", "mime_type")], ids=str)
@pytest.mark.parametrize("schema", [FORM, None], ids=["schema", "any"])
def test_the_newer_way_to_ask_for_an_answers_form_is_understood(
    kind: str, listed: bool, names: tuple[str, str], schema: Any
) -> None:
    # In place of `responseMimeType` and its schemas: google-genai 3.4, `GenerationConfig.response_format`.
    form = {"text": {names[1]: kind, **({"schema": schema} if schema else {})}}
    asked = {"contents": [HI], "generationConfig": {names[0]: [form] if listed else form}}
    made = parse(asked)

    wanted = made.body["response_format"]
    assert wanted["type"] == ("json_schema" if schema else "json_object")
    if schema:
        assert wanted["json_schema"]["schema"] == schema
    said = {"text": {"mimeType": kind, **({"schema": schema} if schema else {})}}
    assert send(made)[0]["generationConfig"] == {"responseFormat": [said] if listed else said}
    for model in (
        "anthropic/claude-opus-4-6",
        "openai/gpt-4o",
        "ollama/llama3.2",
        "gemini/interactions/gemini-3-pro-preview",
    ):
        to = lookup.resolve(model, env={}, api_key="k")
        sent = form_of(to, "chat").request(made, to)
        assert sent.dropped == []
        body = json.loads(sent.body)
        assert "responseFormat" not in json.dumps(body)
        assert ("first_name" in json.dumps(body)) is (schema is not None)
        if model.startswith("gemini"):
            plain = {"type": "text", "mime_type": "application/json"}
            assert body["response_format"] == (plain | {"schema": schema} if schema else plain)
            assert "generation_config" not in body


def test_a_form_of_pictures_alone_asks_for_no_json() -> None:
    made = parse({"contents": [HI], "generationConfig": {"responseFormat": {"image": {"aspectRatio": "1:1"}}}})
    assert "response_format" not in made.body
    to = lookup.resolve("anthropic/claude-opus-4-6", env={}, api_key="k")
    assert form_of(to, "chat").request(made, to).dropped == ["generationConfig.responseFormat"]
    made.body["response_format"] = {"type": "json_object"}
    assert send(made)[0]["generationConfig"] == {"responseMimeType": "application/json"}

"""The conversation on the wire: turns, parts, thinking, cache points, and what comes back from a client of this format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.bedrock_converse.oracle import check_params
from tests.dialects.bedrock_converse.support import (
    CHAT,
    CLAUDE,
    LLAMA,
    MARK,
    NEW_CLAUDE,
    NOVA,
    PNG,
    POINT,
    at_bedrock,
    call,
    dropped,
    message,
    read,
    send,
    target,
    wire,
)


def user(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **fields}


def assistant(content: Any = None, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


def called(given: str, arguments: Any = "{}", name: str = "look") -> dict[str, Any]:
    return {"id": given, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(given: str, content: Any = "done", **fields: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": given, "content": content, **fields}


def turns(*messages: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    body = wire(messages=list(messages), **fields)
    check_params(body)
    found: list[dict[str, Any]] = body["messages"]
    return found


def used(given: str, name: str = "look", **arguments: Any) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": given, "name": name, "input": arguments}}


def answered(given: str, *content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": given, "content": list(content), **fields}}


@pytest.mark.requirement("X6")
def test_system_text_stands_apart_at_the_head_and_is_the_users_behind_it() -> None:
    late = {"role": "developer", "content": "No jokes.", "cache_control": {"type": "ephemeral"}}
    body = wire(
        at_bedrock("anthropic.claude-haiku-4-5"),
        messages=[{"role": "system", "content": "Be brief."}, user("hi"), late],
    )

    assert body["system"] == [{"text": "Be brief."}]
    told = [{"text": "hi"}, {"text": "<system>\nNo jokes.\n</system>"}, {"cachePoint": {"type": "default"}}]
    assert body["messages"] == [{"role": "user", "content": told}]


def test_a_late_system_message_stays_behind_its_turn_where_the_model_knows_them() -> None:
    messages = [user("hi"), assistant("Hello."), {"role": "system", "content": "Now in French."}, user("again")]

    made = wire(at_bedrock("anthropic.claude-opus-5"), messages=messages)

    assert [turn["role"] for turn in made["messages"]] == ["user", "assistant", "user", "system"]
    check_params(made)


def test_a_late_system_message_waits_for_the_results_of_the_tools_before_it() -> None:
    to = at_bedrock("anthropic.claude-opus-5")
    messages = [
        user("hi"),
        assistant(None, tool_calls=[called("a"), called("b")]),
        result("a"),
        {"role": "system", "content": "Hurry."},
        result("b"),
    ]

    made = wire(to, messages=messages)["messages"]

    assert [turn["role"] for turn in made] == ["user", "assistant", "user", "system"]
    assert len(made[2]["content"]) == 2


def test_a_lone_system_message_is_sent_as_the_users() -> None:
    messages = [{"role": "system", "content": "Say hi."}]

    assert turns(*messages) == [{"role": "user", "content": [{"text": "Say hi."}]}]
    assert dropped(messages=messages) == ["messages[0].role (a lone system message was sent as the user's)"]


def test_turns_of_one_role_become_one_turn() -> None:
    made = turns(user("a"), user("b"), assistant("c"), assistant("d"), user("e"))

    assert [(turn["role"], [b["text"] for b in turn["content"]]) for turn in made] == [
        ("user", ["a", "b"]),
        ("assistant", ["c", "d"]),
        ("user", ["e"]),
    ]


def test_all_results_of_a_turn_stand_in_one_user_turn_before_its_text() -> None:
    made = turns(
        user("look"),
        assistant("Let me see.", tool_calls=[called("a", '{"x": 1}'), called("b")]),
        result("a", "1"),
        result("b", "2"),
        user("and?"),
    )

    assert made[1]["content"] == [{"text": "Let me see."}, used("a", x=1), used("b")]
    assert made[2]["content"] == [answered("a", {"text": "1"}), answered("b", {"text": "2"}), {"text": "and?"}]


def test_tools_that_were_used_are_declared_although_none_is_offered() -> None:
    body = wire(
        messages=[user("x"), assistant(None, tool_calls=[called("a")]), result("a", name="look"), user("sum up")]
    )

    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["look"]
    assert body["system"] == [{"text": "The tools that were used before are no longer available. Do not call them."}]
    check_params(body)


@pytest.mark.parametrize("content", [None, "", [], "  ", [{"type": "text", "text": ""}]])
def test_an_assistant_turn_without_content_does_not_exist(content: Any) -> None:
    assert turns(user("a"), assistant(content), user("b")) == [
        {"role": "user", "content": [{"text": "a"}, {"text": "b"}]}
    ]


@pytest.mark.parametrize("content", ["", None, []])
def test_a_tool_that_gave_nothing_gives_empty_text(content: Any) -> None:
    made = turns(user("a"), assistant(None, tool_calls=[called("t")]), result("t", content))

    assert made[2]["content"] == [answered("t", {"text": ""})]


def test_a_conversation_of_blanks_is_refused() -> None:
    with pytest.raises(ConfigError, match="hold nothing to answer"):
        wire(messages=[user(""), assistant(None)])


@pytest.mark.parametrize(
    "messages", [None, "x", [5], [{"role": "bot", "content": "x"}], [{"role": "user", "content": 5}]]
)
def test_messages_that_are_none_are_refused_with_their_place(messages: Any) -> None:
    with pytest.raises(ConfigError, match="messages"):
        wire(messages=messages)


def test_ids_are_written_in_the_letters_and_the_length_this_format_allows() -> None:
    strange = ["a b", "a/b", "x" * 70]
    made = turns(
        user("x"),
        assistant(None, tool_calls=[called(given) for given in strange]),
        *[result(given) for given in strange],
    )

    calls = [block["toolUse"]["toolUseId"] for block in made[1]["content"]]
    assert len(set(calls)) == 3
    assert all(len(given) <= 64 for given in calls)
    assert [block["toolResult"]["toolUseId"] for block in made[2]["content"]] == calls


@pytest.mark.parametrize("given", ["look:0", "x" * 64])
def test_calls_of_one_id_have_one_each_and_so_have_their_results(given: str) -> None:
    # "The toolUse blocks at messages.2.content contain duplicate Ids" (bvcyber/Cyber-AutoAgent-ng#72)
    again = [assistant(None, tool_calls=[called(given), called(given)]), result(given), result(given)]
    made = turns(user("x"), *again, *again)

    calls = [block["toolUse"]["toolUseId"] for turn in made[1::2] for block in turn["content"]]
    assert len({*calls}) == 4
    assert all(len(one) <= 64 for one in calls)
    assert [block["toolResult"]["toolUseId"] for turn in made[2::2] for block in turn["content"]] == calls


@pytest.mark.parametrize("model", ["us.mistral.pixtral-large-2502-v1:0", "mistral.ministral-3-14b-instruct"])
def test_mistrals_models_get_ids_of_nine_letters_and_digits(model: str) -> None:
    given = ["tooluse_bpe71yCfRu2b5i-nKGDr5g", "a", "abcdefgh9"]
    messages = [
        user("x"),
        assistant(None, tool_calls=[called(one) for one in given]),
        *[result(one) for one in given],
    ]

    made = wire(at_bedrock(model), messages=messages)["messages"]

    calls = [block["toolUse"]["toolUseId"] for block in made[1]["content"]]
    assert [len(one) for one in calls] == [9, 9, 9]
    assert "".join(calls).isalnum()
    assert calls[2] == given[2]
    assert [block["toolResult"]["toolUseId"] for block in made[2]["content"]] == calls


def test_legacy_function_messages_become_a_tool_call_and_its_result() -> None:
    made = turns(
        user("x"),
        assistant(None, function_call={"name": "look", "arguments": "{}"}),
        {"role": "function", "name": "look", "content": "seen"},
    )

    assert made[1]["content"][0]["toolUse"]["name"] == "look"
    assert made[2]["content"][0]["toolResult"]["toolUseId"] == made[1]["content"][0]["toolUse"]["toolUseId"]


@pytest.mark.parametrize(("arguments", "shown"), [("{", "{"), ("[1]", [1]), ("5", 5)])
def test_arguments_that_a_model_wrote_wrong_stay_in_the_conversation_as_what_they_are(
    arguments: Any, shown: Any
) -> None:
    made = wire(messages=[user("x"), assistant(None, tool_calls=[called("a", arguments)]), result("a")])
    assert made["messages"][1]["content"][0]["toolUse"]["input"] == {"arguments": shown}


def test_arguments_that_are_neither_text_nor_an_object_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"messages\[1\].tool_calls\[0\].function.arguments: must be a JSON object"):
        wire(messages=[user("x"), assistant(None, tool_calls=[called("a", 5)]), result("a")])


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            {"image": {"format": "png", "source": {"bytes": PNG}}},
        ),
        (
            {"type": "image_url", "image_url": f"data:image/jpg;base64,{PNG}"},
            {"image": {"format": "jpeg", "source": {"bytes": PNG}}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "s3://bucket/a/cat.webp"}},
            {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/a/cat.webp"}}}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "My  report!.pdf"}},
            {"document": {"format": "pdf", "name": "My report-", "source": {"bytes": "QUJD"}}},
        ),
        (
            {"type": "file", "file": {"file_data": "QUJD", "filename": "table.xlsx"}},
            {"document": {"format": "xlsx", "name": "table", "source": {"bytes": "QUJD"}}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:text/markdown,%23%20hi"}},
            {"document": {"format": "md", "name": "document", "source": {"bytes": "IyBoaQ=="}}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:text/x-rst;base64,QUJD", "filename": "a.rst"}},
            {"document": {"format": "txt", "name": "a-rst", "source": {"bytes": "QUJD"}}},
        ),
        (
            {"type": "file", "file": {"file_url": "s3://bucket/film.mov"}},
            {"video": {"format": "mov", "source": {"s3Location": {"uri": "s3://bucket/film.mov"}}}},
        ),
        (
            {"type": "file", "file": {"file_data": f"data:image/gif;base64,{PNG}"}},
            {"image": {"format": "gif", "source": {"bytes": PNG}}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            {"audio": {"format": "wav", "source": {"bytes": "QUJD"}}},
        ),
        (
            {"type": "video_url", "video_url": {"url": "data:video/3gpp;base64,QUJD"}},
            {"video": {"format": "three_gp", "source": {"bytes": "QUJD"}}},
        ),
    ],
)
def test_every_kind_of_part_has_its_block(part: dict[str, Any], block: dict[str, Any]) -> None:
    assert turns(user([{"type": "text", "text": "see"}, part]))[0]["content"] == [{"text": "see"}, block]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_url": "https://x.test/a.pdf"}},
        {"type": "file", "file": {"file_data": "data:application/zip;base64,QUJD"}},
        {"type": "hologram"},
    ],
)
def test_a_part_without_a_block_is_unsupported_or_left_out_on_demand(part: dict[str, Any]) -> None:
    messages = [user([{"type": "text", "text": "see"}, part])]

    with pytest.raises(UnsupportedError) as caught:
        wire(messages=messages)

    assert caught.value.param == "messages[0].content[1]"
    assert dropped(messages=messages, drop_params=True) == ["messages[0].content[1]"]
    assert wire(messages=messages, drop_params=True)["messages"] == [{"role": "user", "content": [{"text": "see"}]}]


@pytest.mark.parametrize(
    "part",
    [
        5,
        {"text": "no type"},
        {"type": "text"},
        {"type": "image_url"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}},
        {"type": "file", "file": {}},
        {"type": "file"},
        {"type": "input_audio", "input_audio": {}},
    ],
)
def test_a_part_that_makes_no_sense_is_refused_with_its_place(part: Any) -> None:
    with pytest.raises(ConfigError, match=r"messages\[0\].content\[0\]"):
        wire(messages=[user([part])])


def test_documents_of_one_name_are_told_apart_and_have_text_beside_them() -> None:
    part = {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}}
    messages = [user([part, part]), assistant("Read."), user([part, {"type": "text", "text": "again"}])]

    made = turns(*messages)

    names = [block["document"]["name"] for turn in made for block in turn["content"] if "document" in block]
    assert names == ["a", "a-2", "a-3"]
    assert made[0]["content"][-1] == {"text": "."}
    assert dropped(messages=messages) == ["turn 1 (a full stop was added, as a document needs text beside it)"]


def test_a_conversation_begins_with_the_user_where_it_must() -> None:
    messages = [assistant("How can I help?"), user("hi")]

    claude, nova = (send(call(messages=messages), at_bedrock(model)) for model in (CLAUDE, NOVA))

    assert [turn["role"] for turn in claude[0]["messages"]] == ["assistant", "user"]
    assert claude[1].dropped == []
    assert nova[0]["messages"] == [{"role": "user", "content": [{"text": "."}]}, *claude[0]["messages"]]
    assert nova[1].dropped == [
        "turn 1 (a full stop of the user's was added, as the model needs a turn of theirs there)"
    ]


def test_a_documents_citations_and_context_are_sent_with_it() -> None:
    part = {
        "type": "file",
        "file": {"file_data": "data:text/plain,abc", "filename": "facts.txt"},
        "citations": {"enabled": True},
        "context": "School book",
    }

    (document, _) = turns(user([part, {"type": "text", "text": "?"}]))[0]["content"]

    assert document["document"]["citations"] == {"enabled": True}
    assert document["document"]["context"] == "School book"


def test_cache_marks_become_cache_points_behind_what_they_mark() -> None:
    body = wire(
        at_bedrock(CLAUDE),
        messages=[
            {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": MARK}]},
            user(
                [
                    {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                    {"type": "text", "text": "b"},
                ]
            ),
            assistant("c", tool_calls=[called("t")]),
            result("t", [{"type": "text", "text": "r", "cache_control": MARK}]),
        ],
        tools=[{"type": "function", "function": {"name": "look"}, "cache_control": MARK}],
    )

    check_params(body)
    assert body["system"] == [{"text": "s"}, POINT]
    assert body["messages"][0]["content"] == [
        {"text": "a"},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"text": "b"},
    ]
    assert body["messages"][2]["content"] == [answered("t", {"text": "r"}), POINT]
    assert body["toolConfig"]["tools"][1] == POINT


def test_at_most_four_cache_points_are_sent_and_the_oldest_go_first() -> None:
    messages = [
        {"role": "system", "content": "s", "cache_control": MARK},
        *[user(text, cache_control=MARK) for text in "abcd"],
    ]
    before = json.dumps(messages)

    body, sent = send(call(messages=messages), at_bedrock(CLAUDE))

    assert body["system"] == [{"text": "s"}]
    assert json.dumps(body).count("cachePoint") == 4
    assert sent.dropped == ["cache_control of system[0]"]
    assert json.dumps(messages) == before


def test_models_that_do_not_cache_get_no_cache_points_and_nova_none_on_tools() -> None:
    tools = [{"type": "function", "function": {"name": "look"}, "cache_control": MARK}]
    messages = [user("a", cache_control=MARK)]

    assert "cachePoint" not in json.dumps(wire(at_bedrock(LLAMA), messages=messages))
    assert dropped(at_bedrock(LLAMA), messages=messages) == ["cache_control of messages[0]"]
    nova = wire(at_bedrock(NOVA), messages=messages, tools=tools)
    assert nova["messages"][0]["content"] == [{"text": "a"}, POINT]
    assert len(nova["toolConfig"]["tools"]) == 1


def test_signed_thinking_goes_back_ahead_of_the_rest_and_other_thinking_stays_out() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "EmwKAhgB"},
    ]
    kept = turns(user("x"), assistant("y", thinking_blocks=blocks, reasoning_content="hm"), user("z"))[1]["content"]

    assert kept == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "RW13S0FoZ0I="}},
        {"text": "y"},
    ]
    for fields in (
        {"reasoning_content": "hm"},
        {"thinking_blocks": [{"type": "thinking", "thinking": "hm"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "gemini#abc"}]},
    ):
        messages = [user("x"), assistant("y", **fields), user("z")]
        assert turns(*messages)[1]["content"] == [{"text": "y"}]
        assert len(dropped(messages=messages)) == 1


def test_the_providers_own_blocks_go_back_only_with_the_thinking_that_they_were_read_with() -> None:
    own = [{"text": "a"}, {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}}, {"text": "y"}]
    told = read(message(*own))["choices"][0]["message"]

    assert turns(user("x"), told, user("z"))[1]["content"] == own
    other = {**told, "thinking_blocks": [{"type": "thinking", "thinking": "no", "signature": "sig"}]}
    assert turns(user("x"), other, user("z"))[1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "no", "signature": "sig"}}},
        {"text": "ay"},
    ]


def test_thinking_without_a_signature_goes_back_where_the_provider_wants_it() -> None:
    messages = [user("x"), assistant("y", reasoning_content="hm"), user("z")]

    made = wire(at_bedrock("us.deepseek.r1-v1:0"), messages=messages)

    assert made["messages"][1]["content"][0] == {"reasoningContent": {"reasoningText": {"text": "hm"}}}


def test_what_only_this_format_knows_survives_in_the_history_until_the_message_is_edited() -> None:
    blocks = [
        {"text": "It is "},
        {
            "citationsContent": {
                "content": [{"text": "so"}],
                "citations": [{"title": "f", "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 2}}}],
            }
        },
        {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "input": {"q": 1}, "type": "server_tool_use"}},
        {"text": "."},
    ]
    said = read(message(*blocks))["choices"][0]["message"]

    assert said["content"] == "It is so."
    assert "tool_calls" not in said
    assert turns(user("?"), said, user("on"))[1]["content"] == blocks
    edited = {**said, "content": "It is not so."}
    assert turns(user("?"), edited, user("on"))[1]["content"] == [{"text": "It is not so."}]


def test_a_prefill_is_continued_where_the_model_does_and_refused_where_not() -> None:
    messages = [user("x"), assistant("The answer is ")]

    assert turns(*messages)[-1] == {"role": "assistant", "content": [{"text": "The answer is"}]}
    with pytest.raises(UnsupportedError, match="does not continue"):
        wire(at_bedrock(NEW_CLAUDE), messages=messages)


def test_a_request_of_this_format_comes_out_again_as_it_went_in() -> None:
    body = {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"guardContent": {"text": {"text": "Tokyo", "qualifiers": ["grounding_source"]}}},
                    {
                        "document": {
                            "format": "txt",
                            "name": "a",
                            "source": {"content": [{"text": "x"}]},
                            "context": "c",
                        }
                    },
                    {
                        "searchResult": {
                            "source": "s",
                            "title": "t",
                            "content": [{"text": "x"}],
                            "citations": {"enabled": True},
                        }
                    },
                    {"text": "hi"},
                    POINT,
                ],
            },
            {"role": "assistant", "content": [{"text": "Let me"}, used("t1", x=1), POINT]},
            {
                "role": "user",
                "content": [
                    answered(
                        "t1", {"json": {"a": 1}}, {"image": {"format": "png", "source": {"bytes": PNG}}}, status="error"
                    ),
                    POINT,
                    {
                        "video": {
                            "format": "mp4",
                            "source": {"s3Location": {"uri": "s3://b/v.mp4", "bucketOwner": "123456789012"}},
                        }
                    },
                ],
            },
        ],
        "system": [{"text": "s"}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "inferenceConfig": {"maxTokens": 5, "temperature": 0.5, "topP": 0.5, "stopSequences": ["x"]},
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "look",
                        "description": "d",
                        "inputSchema": {"json": {"type": "object"}},
                        "strict": True,
                    }
                },
                {"systemTool": {"name": "nova_grounding"}},
            ],
            "toolChoice": {"any": {}},
        },
        "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "DRAFT"},
        "additionalModelRequestFields": {
            "top_k": 5,
            "inferenceConfig": {"topK": 3},
            "tools": [{"type": "x"}],
            "stop": 1,
        },
        "additionalModelResponseFieldPaths": ["/a"],
        "performanceConfig": {"latency": "optimized"},
        "promptVariables": {"a": {"text": "b"}},
        "requestMetadata": {"team": "x"},
        "serviceTier": {"type": "flex"},
        "outputConfig": {"effort": "high"},
        "somethingNew": {"a": 1},
    }

    made = CHAT.parse_call(json.dumps(body).encode(), {"model": "m"})
    to = target("m", {"structured": "json_schema", "sampling": "any"})

    assert json.loads(CHAT.request(made, to).body) == body
    assert made.body["reasoning_effort"] == "high"


def test_a_tool_that_failed_says_so() -> None:
    made = turns(user("x"), assistant(None, tool_calls=[called("a")]), result("a", "no", is_error=True))

    assert made[2]["content"] == [answered("a", {"text": "no"}, status="error")]


def test_a_turn_to_continue_is_refused_or_left_out_where_the_model_continues_none() -> None:
    begun = [user("x"), assistant("Once")]

    with pytest.raises(UnsupportedError, match="does not continue"):
        wire(target(traits={"prefill": False}), messages=begun)
    made = wire(target(traits={"prefill": False}), drop_params=True, messages=begun)
    assert [turn["role"] for turn in made["messages"]] == ["user"]


def test_a_file_may_be_an_address_or_say_what_it_is_and_blocks_of_the_formats_own_go_through() -> None:
    parts = [
        {"type": "file", "file": {"file_data": "s3://bucket/a.csv"}},
        {"type": "file", "file": {"file_data": "aGk=", "format": "Text/CSV"}},
        {"type": "guardContent", "guardContent": {"text": {"text": "g"}}},
    ]

    address, data, guarded = turns(user([{"type": "text", "text": "read"}, *parts]))[0]["content"][1:]

    assert address["document"]["source"] == {"s3Location": {"uri": "s3://bucket/a.csv"}}
    assert data["document"]["format"] == "csv"
    assert guarded == {"guardContent": {"text": {"text": "g"}}}

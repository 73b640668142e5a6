"""Conversations: canonical messages as system instruction and turns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lingate._dialects._round_trip import seal
from lingate._model import Traits
from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.gemini.support import CHAT, MIDDLE, call, dropped, parse, send, target, wire

USER = {"role": "user", "content": "hi"}
CALLS = [
    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
    {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}},
]
NEWEST: Traits = {"thinking": "level"}


def contents(*messages: Any, traits: Traits | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wire(traits, messages=list(messages))["contents"]
    return found


@pytest.mark.requirement("X6")
def test_system_messages_stand_apart_at_the_head_and_are_the_users_behind_it() -> None:
    # A system text that grows with the conversation is another beginning each time, and nothing is read from the cache.
    made = wire(
        messages=[
            {"role": "system", "content": "one"},
            USER,
            {"role": "assistant", "content": "yes"},
            {"role": "developer", "content": [{"type": "text", "text": "two"}]},
            {"role": "user", "content": "on"},
            {"role": "system", "content": "three"},
        ]
    )

    assert made["systemInstruction"] == {"parts": [{"text": "one"}]}
    assert made["contents"] == [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"text": "yes"}]},
        {"role": "user", "parts": [{"text": "<system>\ntwo\n</system>"}]},
        {"role": "user", "parts": [{"text": "on"}]},
        {"role": "user", "parts": [{"text": "<system>\nthree\n</system>"}]},
    ]


def test_a_late_system_message_divides_no_calls_from_their_results() -> None:
    note = {"role": "system", "content": "note"}
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "x"} for call in CALLS]
    asked = {"role": "assistant", "content": None, "tool_calls": CALLS}
    made = contents(USER, asked, note, results[0], note, *results[1:], USER)

    assert [part.keys() for part in made[2]["parts"]] == [{"functionResponse"}] * len(CALLS)
    assert made[3]["parts"] == [{"text": "<system>\nnote\n</system>"}] * 2
    assert made[4]["parts"] == [{"text": "hi"}]


def test_a_lone_system_message_is_the_users() -> None:
    assert wire(messages=[{"role": "system", "content": "s"}]) == {
        "contents": [{"role": "user", "parts": [{"text": "s"}]}]
    }
    assert dropped(messages=[{"role": "system", "content": "s"}]) != []


def test_a_call_has_one_result() -> None:
    # router-for-me/CLIProxyAPI#4997; each of two calls that share an id has its own (Kimi).
    one, two = ({"role": "tool", "tool_call_id": given, "content": given} for given in ("c1", "c2"))
    asked = [USER, {"role": "assistant", "tool_calls": CALLS}, one, one, two]

    assert len(contents(*asked)[2]["parts"]) == 2
    assert dropped(messages=asked) == ["messages[3] (a second result of one call)"]
    assert len(contents(USER, {"role": "assistant", "tool_calls": CALLS[:1] * 2}, one, one)[2]["parts"]) == 2
    assert dropped(messages=[*asked[:3], two, {"role": "assistant", "tool_calls": CALLS[:1]}, one]) == []


def test_google_cloud_is_told_no_ids() -> None:
    # "Unknown name "id" at 'contents[1].parts[0].function_call'": vercel/ai#15664, langchain-ai/langchainjs#10266.
    asked = [
        USER,
        {"role": "assistant", "tool_calls": CALLS},
        *({"role": "tool", "tool_call_id": given, "content": given} for given in ("c2", "c1")),
    ]

    made = contents(*asked, traits={"google_cloud": True})

    assert made[1]["parts"] == [
        {"functionCall": {"name": "f", "args": {"a": 1}}},
        {"functionCall": {"name": "g", "args": {}}},
    ]
    assert [part["functionResponse"] for part in made[2]["parts"]] == [
        {"name": "f", "response": {"result": "c1"}},
        {"name": "g", "response": {"result": "c2"}},
    ]
    assert "id" in contents(*asked)[1]["parts"][0]["functionCall"]
    again = json.loads(json.dumps(asked).replace("c1", "vcyiitct"))  # as it gives some itself
    made = contents(*again, traits={"google_cloud": True})
    assert [made[1]["parts"][0]["functionCall"]["id"], made[2]["parts"][0]["functionResponse"]["id"]] == [
        "vcyiitct"
    ] * 2


def test_google_cloud_is_told_no_ids_that_googles_clients_brought() -> None:
    turns = [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": {"id": "x", "name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "x", "name": "f", "response": {"a": 1}}}]},
    ]

    made = json.loads(CHAT.request(parse({"contents": turns}), target({"google_cloud": True})).body)

    assert made["contents"][1]["parts"] == [{"functionCall": {"name": "f", "args": {}}}]
    assert made["contents"][2]["parts"] == [{"functionResponse": {"name": "f", "response": {"a": 1}}}]


def test_a_model_without_system_text_is_told_by_the_user() -> None:
    messages = [{"role": "system", "content": "s"}, USER]

    made = wire({"system_role": "user"}, messages=messages)

    assert made == {"contents": [{"role": "user", "parts": [{"text": "s"}, {"text": "hi"}]}]}
    begun = [messages[0], {"role": "assistant", "content": "a"}, USER]
    assert [turn["parts"][0]["text"] for turn in wire({"system_role": "user"}, messages=begun)["contents"]] == [
        "s",
        "a",
        "hi",
    ]


@pytest.mark.parametrize("content", ["", None, []])
def test_a_turn_without_content_does_not_exist(content: Any) -> None:
    found = contents(USER, {"role": "assistant", "content": content}, {"role": "user", "content": "on"})

    assert [turn["parts"] for turn in found] == [[{"text": "hi"}], [{"text": "on"}]]


def test_a_conversation_without_anything_to_answer_is_refused() -> None:
    with pytest.raises(ConfigError, match="hold nothing"):
        wire(messages=[{"role": "user", "content": ""}])
    with pytest.raises(ConfigError, match=r"messages\[0\].role"):
        wire(messages=[{"role": "robot", "content": "x"}])
    with pytest.raises(ConfigError, match="messages"):
        wire(messages="x")
    with pytest.raises(ConfigError, match=r"messages\[0\].content\[0\].* must be an object with a type"):
        wire(messages=[{"role": "user", "content": [{"type": [], "text": "x"}]}])


def test_a_call_comes_right_after_a_turn_of_the_user() -> None:
    asked = {"role": "assistant", "content": None, "tool_calls": CALLS[:1]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "1"}
    said = {"role": "assistant", "content": "Wait."}

    apart, opening = contents(USER, said, asked, result), contents(asked, result, USER)

    assert [turn["role"] for turn in apart] == ["user", "model", "user"]
    assert [list(part) for part in apart[1]["parts"]] == [["text"], ["functionCall"]]
    assert [turn["role"] for turn in opening] == ["user", "model", "user", "user"]
    assert opening[0]["parts"] == [{"text": "."}]
    assert dropped(messages=[asked, result, USER]) == [
        "contents[0] (a full stop of the user's was added, as a call needs a turn of theirs before it)"
    ]
    assert [turn["role"] for turn in contents(USER, said, said, USER)] == ["user", "model", "model", "user"]
    assert [turn["role"] for turn in contents(said, USER)] == ["model", "user"]


@pytest.mark.parametrize("content", ["Wait.", [{"type": "text", "text": "Wait."}]])
def test_results_come_right_after_the_turn_of_their_calls(content: Any) -> None:
    first, second = ({"role": "assistant", "content": None, "tool_calls": [call]} for call in CALLS)
    said = {"role": "assistant", "content": content}
    late, early = ({"role": "tool", "tool_call_id": given, "content": "1"} for given in ("c2", "c1"))

    found = contents(USER, first, said, second, late, early, said)

    assert [turn["role"] for turn in found] == ["user", "model", "user", "model"]
    assert [list(part) for part in found[1]["parts"]] == [["functionCall"], ["text"], ["functionCall"]]
    assert [part["functionResponse"]["id"] for part in found[2]["parts"]] == ["c1", "c2"]


def test_answers_to_parallel_calls_are_one_turn_and_repeat_the_names() -> None:
    found = contents(
        USER,
        {"role": "assistant", "content": None, "tool_calls": CALLS},
        {"role": "tool", "tool_call_id": "c1", "content": "4"},
        {"role": "tool", "tool_call_id": "c2", "content": '{"b": 2}', "name": "whatever"},
        {"role": "user", "content": "and?"},
    )

    assert found[1] == {
        "role": "model",
        "parts": [
            {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}},
            {"functionCall": {"id": "c2", "name": "g", "args": {}}},
        ],
    }
    assert found[2] == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "c1", "name": "f", "response": {"result": "4"}}},
            {"functionResponse": {"id": "c2", "name": "g", "response": {"b": 2}}},
        ],
    }
    assert found[3]["parts"] == [{"text": "and?"}]


def test_answers_are_put_in_the_order_of_the_calls() -> None:
    found = contents(
        USER,
        {"role": "assistant", "content": None, "tool_calls": CALLS},
        {"role": "tool", "tool_call_id": "c2", "content": "2"},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
    )

    assert [part["functionResponse"]["id"] for part in found[2]["parts"]] == ["c1", "c2"]


@pytest.mark.parametrize(
    ("content", "response"),
    [
        ("plain", {"result": "plain"}),
        ("", {"result": ""}),
        ("[1, 2]", {"result": [1, 2]}),
        ("42", {"result": "42"}),
        ('{"x": null}', {"x": None}),
        ('{"broken": ', {"result": '{"broken": '}),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], {"result": "a\nb"}),
        (None, {"result": ""}),
    ],
)
def test_a_tools_answer_is_an_object(content: Any, response: dict[str, Any]) -> None:
    assistant = {"role": "assistant", "content": None, "tool_calls": CALLS[:1]}

    found = contents(USER, assistant, {"role": "tool", "tool_call_id": "c1", "content": content})

    assert found[2]["parts"][0]["functionResponse"]["response"] == response


def test_a_tool_that_failed_says_so() -> None:
    assistant = {"role": "assistant", "content": None, "tool_calls": CALLS[:1]}

    found = contents(USER, assistant, {"role": "tool", "tool_call_id": "c1", "content": "no", "is_error": True})

    assert found[2]["parts"][0]["functionResponse"]["response"] == {"error": "no"}


def test_pictures_of_a_tool_are_inside_its_answer_where_the_model_takes_that_and_beside_it_elsewhere() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    messages = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": CALLS[:1]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "see"}, picture]},
    ]
    blob = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
    plain = {"id": "c1", "name": "f", "response": {"result": "see"}}

    assert contents(*messages, traits=NEWEST)[2]["parts"] == [{"functionResponse": {**plain, "parts": [blob]}}]
    assert contents(*messages, traits=MIDDLE)[2]["parts"] == [{"functionResponse": plain}, blob]


def test_an_answer_to_a_call_that_is_not_there_needs_the_functions_name() -> None:
    with pytest.raises(ConfigError, match="answers no tool call"):
        wire(messages=[USER, {"role": "tool", "tool_call_id": "zz", "content": "x"}])

    found = contents(USER, {"role": "tool", "tool_call_id": "zz", "name": "f", "content": "x"})
    assert found[1]["parts"][0]["functionResponse"]["name"] == "f"


def test_old_style_function_calls_are_understood() -> None:
    found = contents(
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"a": 1}'}},
        {"role": "function", "name": "f", "content": "x"},
    )

    assert found[1]["parts"] == [{"functionCall": {"id": "call_0_f", "name": "f", "args": {"a": 1}}}]
    answer = {"id": "call_0_f", "name": "f", "response": {"result": "x"}}
    assert found[2]["parts"] == [{"functionResponse": answer}]


@pytest.mark.parametrize(("arguments", "shown"), [("[1]", [1]), ("{", "{"), ("nonsense", "nonsense"), ('"x"', "x")])
def test_arguments_that_a_model_wrote_wrong_stay_in_the_conversation_as_what_they_are(
    arguments: str, shown: Any
) -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]

    made = wire(messages=[USER, {"role": "assistant", "content": None, "tool_calls": calls}])
    assert made["contents"][1]["parts"][0]["functionCall"]["args"] == {"arguments": shown}


@pytest.mark.requirement("X6")
def test_tool_turns_are_taken_without_tools_being_offered() -> None:
    made = wire(
        messages=[
            USER,
            {"role": "assistant", "content": None, "tool_calls": CALLS[:1]},
            {"role": "tool", "tool_call_id": "c1", "content": "x"},
            {"role": "system", "content": "sum up"},
        ],
        tools=[],
        tool_choice="auto",
        stop=None,
    )

    assert made.keys() == {"contents"}
    assert made["contents"][-1]["parts"] == [{"text": "<system>\nsum up\n</system>"}]


def test_a_trailing_message_of_the_assistant_goes_out_unless_the_model_refuses_it() -> None:
    messages = [USER, {"role": "assistant", "content": "I am"}]

    assert contents(*messages)[-1] == {"role": "model", "parts": [{"text": "I am"}]}
    with pytest.raises(UnsupportedError, match="continue"):
        wire({"prefill": False}, messages=messages)
    made = wire({"prefill": False}, drop_params=True, messages=messages)
    assert [turn["role"] for turn in made["contents"]] == ["user"]


def test_what_was_left_out_of_messages_is_said() -> None:
    made = call(
        messages=[
            {"role": "user", "content": "hi", "name": "bob", "cache_control": {"type": "ephemeral"}},
            {"role": "assistant", "content": "x", "reasoning_content": "r", "audio": {"id": "a"}},
            {"role": "user", "content": [{"type": "text", "text": "y", "cache_control": {"type": "ephemeral"}}]},
        ]
    )

    _, sent = send(made, target())

    assert sent.dropped == ["messages[0].name", "cache_control", "messages[1].audio", "messages[1].reasoning_content"]


def test_reasoning_goes_back_where_the_facts_say_so() -> None:
    message = {"role": "assistant", "content": "x", "reasoning_content": "r"}

    found = contents(USER, message, USER, traits={"reasoning_history": "reasoning_content"})

    assert found[1]["parts"] == [{"text": "r", "thought": True}, {"text": "x"}]


# Media


@pytest.mark.parametrize(
    ("part", "made"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
            {"inlineData": {"mimeType": "image/png", "data": "QUJD"}},
        ),
        (
            {"type": "image_url", "image_url": "https://x.example/a/b.webp?q=1.2"},
            {"fileData": {"mimeType": "image/webp", "fileUri": "https://x.example/a/b.webp?q=1.2"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://x.example/p", "format": "image/gif"}},
            {"fileData": {"mimeType": "image/gif", "fileUri": "https://x.example/p"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "gs://bucket/p"}},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "gs://bucket/p"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://youtu.be/abc"}},
            {"fileData": {"mimeType": "video/mp4", "fileUri": "https://youtu.be/abc"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}},
            {"inlineData": {"mimeType": "audio/mp3", "data": "QUJD"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
            {"inlineData": {"mimeType": "application/pdf", "data": "QUJD"}},
        ),
        (
            {"type": "file", "file": {"file_data": "QUJD", "filename": "notes.txt"}},
            {"inlineData": {"mimeType": "text/plain", "data": "QUJD"}},
        ),
        (
            {"type": "file", "file": {"file_id": "files/abc", "format": "audio/wav"}},
            {"fileData": {"mimeType": "audio/wav", "fileUri": "https://api.acme.test/v1beta/files/abc"}},
        ),
        (
            {"type": "file", "file": {"file_url": "https://x.example/doc.pdf"}},
            {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x.example/doc.pdf"}},
        ),
        (
            {
                "type": "video_url",
                "video_url": {"url": "https://x.example/v.webm", "video_metadata": {"start_offset": "2s"}},
            },
            {
                "fileData": {"mimeType": "video/webm", "fileUri": "https://x.example/v.webm"},
                "videoMetadata": {"startOffset": "2s"},
            },
        ),
        (
            {"inline_data": {"mime_type": "image/png", "data": "QQ=="}},
            {"inlineData": {"mimeType": "image/png", "data": "QQ=="}},
        ),
        ({"type": "refusal", "refusal": "no"}, {"text": "no"}),
        ("text", {"text": "text"}),
    ],
)
def test_parts_of_content(part: Any, made: dict[str, Any]) -> None:
    assert contents({"role": "user", "content": [part]})[0]["parts"] == [made]


def test_text_of_a_data_url_that_is_not_base64_becomes_it() -> None:
    part = {"type": "file", "file": {"file_data": "data:text/plain,a%20b"}}

    assert contents({"role": "user", "content": [part]})[0]["parts"] == [
        {"inlineData": {"mimeType": "text/plain", "data": "YSBi"}}
    ]


def test_the_detail_of_a_picture_is_its_resolution_on_models_that_have_one() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "high"}}
    message = {"role": "user", "content": [part]}

    assert contents(message, traits=NEWEST)[0]["parts"][0]["mediaResolution"] == {"level": "MEDIA_RESOLUTION_HIGH"}
    assert "mediaResolution" not in contents(message, traits=MIDDLE)[0]["parts"][0]
    assert dropped(MIDDLE, messages=[message]) == ["messages[0].content[0].image_url.detail"]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {}},
        {"type": "image_url", "image_url": {"url": "data:image/png"}},
        {"type": "input_audio", "input_audio": {"format": "wav"}},
        {"type": "file", "file": {}},
        {"type": "file", "file": "x"},
        {"type": "text", "text": 1},
        {"text": 1},
        {},
        7,
    ],
)
def test_a_part_that_makes_no_sense_is_an_error_with_its_place(part: Any) -> None:
    with pytest.raises(ConfigError, match=r"messages\[0\].content\[0\]"):
        wire(messages=[{"role": "user", "content": [part]}])


def test_a_part_as_googles_package_dumps_it_goes_out_without_what_it_has_not() -> None:
    dumped = {"text": None, "inline_data": {"mime_type": "image/png", "data": "QUJD"}, "file_data": None}

    found = contents({"role": "user", "content": [dumped]})

    assert found[0]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "QUJD"}}]


def test_a_part_without_a_counterpart_is_refused_or_left_out() -> None:
    content = [{"type": "hologram"}, {"type": "text", "text": "x"}]

    with pytest.raises(UnsupportedError, match="hologram"):
        wire(messages=[{"role": "user", "content": content}])
    assert wire(drop_params=True, messages=[{"role": "user", "content": content}])["contents"][0]["parts"] == [
        {"text": "x"}
    ]


def test_pictures_that_the_model_made_go_back_with_its_turn() -> None:
    images = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}, "index": 0}]

    found = contents(USER, {"role": "assistant", "content": "here", "images": images}, USER)

    assert found[1]["parts"] == [{"text": "here"}, {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}]


def test_the_signature_of_a_text_goes_back_on_it() -> None:
    blocks = [{"type": "thinking", "thinking": "", "signature": seal("gemini", "#U0lH")}]
    said = {"role": "assistant", "content": "a", "thinking_blocks": blocks}

    sent = wire(messages=[{"role": "user", "content": "x"}, said, {"role": "user", "content": "y"}])
    rendered = json.loads(CHAT.render({"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}))
    silent = json.loads(CHAT.render({"choices": [{"message": {**said, "content": ""}, "finish_reason": "stop"}]}))

    assert sent["contents"][1]["parts"] == [{"text": "a", "thoughtSignature": "U0lH"}]
    assert rendered["candidates"][0]["content"]["parts"] == [{"text": "a", "thoughtSignature": "U0lH"}]
    assert silent["candidates"][0]["content"]["parts"] == [{"text": "", "thoughtSignature": "U0lH"}]


def test_sound_may_be_a_data_url() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "data:audio/mp3;base64,QUJD", "format": "wav"}}

    parts = wire(messages=[{"role": "user", "content": [part]}])["contents"][0]["parts"]

    assert parts == [{"inlineData": {"mimeType": "audio/mp3", "data": "QUJD"}}]

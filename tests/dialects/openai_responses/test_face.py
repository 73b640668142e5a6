"""As a face: clients' requests in; answers and streams of any provider out, as the official client reads them."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from lingate._dialects.openai_responses import DIALECT
from lingate._dialects.openai_responses.face_response import with_echo
from lingate._model import (
    Annotations,
    Call,
    Extra,
    Finish,
    Head,
    Media,
    Opaque,
    Refusal,
    Start,
    Text,
    Thinking,
    ToolArgs,
    ToolStart,
    Usage,
)
from lingate.errors import (
    BadRequestError,
    ContextLengthError,
    InternalServerError,
    RateLimitError,
    StreamInterruptedError,
)
from tests.dialects.openai_responses.oracle import check_events, check_response, client, parse_stream
from tests.dialects.openai_responses.support import (
    CHAT,
    NATIVE,
    again,
    answer,
    decode,
    decoded,
    encoded,
    events_of,
    function_call,
    message,
    parse,
    read,
    reasoning,
    sent,
    sse,
    streamed,
)
from tests.dialects.short import without_nulls
from tests.servers import RawServer, Script

USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 5,
    "total_tokens": 14,
    "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 1},
}


def messages(*items: Any, **body: Any) -> list[dict[str, Any]]:
    """Canonical messages of a client's input, without what only this format reads."""
    found = parse({"input": list(items), **body}).body["messages"]
    return [{key: value for key, value in one.items() if key != "provider_specific_fields"} for one in found]


# Requests


def test_a_request_is_a_canonical_call_of_the_responses_operation() -> None:
    call = parse({"input": "hi", "stream": True, "max_output_tokens": 9, "temperature": 0.5, "user": "u"})

    assert (call.operation, call.model, call.stream) == ("responses", "m-1", True)
    assert call.body == {
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "user": "u",
        "max_completion_tokens": 9,
        "provider_specific_fields": {"openai_responses": {"input": "hi"}},
    }
    assert parse({"input": "hi"}, CHAT).operation == "chat"


def test_the_model_may_stand_in_the_path() -> None:
    assert NATIVE.parse_call(b'{"input":"hi"}', {"model": "m-9"}).model == "m-9"


def test_instructions_are_the_system_message() -> None:
    assert messages({"role": "user", "content": "hi"}, instructions="be brief")[0] == {
        "role": "system",
        "content": "be brief",
    }


def test_what_the_model_made_together_is_one_message() -> None:
    made = messages(
        {"role": "user", "content": "hi"},
        reasoning("hm"),
        message("Let me look."),
        function_call(),
        function_call("{}", "hear", "call_2"),
        {"type": "function_call_output", "call_id": "call_1", "output": "sun"},
        {"type": "function_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "x"}]},
        message("Sunny."),
    )

    assert [one["role"] for one in made] == ["user", "assistant", "tool", "tool", "assistant"]
    assert made[1]["content"] == "Let me look."
    assert made[1]["reasoning_content"] == "hm"
    assert made[1]["thinking_blocks"][0]["signature"] == "openai_responses#rs_1:gAAA"
    assert [call["id"] for call in made[1]["tool_calls"]] == ["call_1", "call_2"]
    assert made[2] == {"role": "tool", "tool_call_id": "call_1", "content": "sun"}
    assert made[3]["content"] == [{"type": "text", "text": "x"}]


def test_parts_are_the_chat_formats_own() -> None:
    (made,) = messages(
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "a"},
                {"type": "input_image", "image_url": "https://x.test/a.png", "detail": "low"},
                {"type": "input_image", "file_id": "file-1", "detail": "auto"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"},
                {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            ],
        }
    )

    assert made["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}},
        {"type": "input_image", "file_id": "file-1", "detail": "auto"},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
    ]


def test_tools_choice_format_and_reasoning_are_the_chat_formats_own() -> None:
    schema = {"type": "object", "properties": {}}
    call = parse(
        {
            "input": "hi",
            "tools": [
                {"type": "function", "name": "f", "parameters": schema, "strict": True, "description": None},
                {"type": "custom", "name": "s", "format": {"type": "grammar", "syntax": "regex", "definition": "a"}},
                {"type": "web_search"},
            ],
            "tool_choice": {"type": "function", "name": "f"},
            "text": {"format": {"type": "json_schema", "name": "n", "schema": schema}, "verbosity": "low"},
            "reasoning": {"effort": "low", "summary": "auto"},
            "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
            "top_logprobs": 2,
        }
    )

    grammar = {"type": "grammar", "grammar": {"syntax": "regex", "definition": "a"}}
    assert call.body["tools"] == [
        {"type": "function", "function": {"name": "f", "parameters": schema, "strict": True}},
        {"type": "custom", "custom": {"name": "s", "format": grammar}},
        {"type": "web_search"},
    ]
    assert call.body["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    assert (call.body["response_format"], call.body["verbosity"]) == (form, "low")
    assert call.body["reasoning_effort"] == "low"
    assert (call.body["logprobs"], call.body["top_logprobs"]) == (True, 2)


EVERYTHING: dict[str, Any] = {
    "instructions": "be brief",
    "input": [
        {"role": "developer", "content": "x"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
        reasoning("hm", "so", content=[{"type": "reasoning_text", "text": "z"}]),
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        message("b", phase="commentary"),
        function_call(" {} ", namespace="n"),
        {"type": "function_call_output", "call_id": "call_1", "output": "1", "id": "fco_1"},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "s", "input": "q", "id": "ctc_1"},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "2"},
        {"type": "computer_call", "id": "cu_1", "call_id": "call_3", "action": {"type": "wait"}},
        {"type": "computer_call_output", "call_id": "call_3", "output": {"type": "computer_screenshot"}},
        {"type": "shell_call", "call_id": "call_4", "action": {"commands": ["ls"]}},
        {"type": "shell_call_output", "call_id": "call_4", "output": []},
        {"type": "apply_patch_call_output", "call_id": "call_5", "status": "completed"},
        {"type": "local_shell_call_output", "id": "call_6", "output": "{}"},
        {"type": "function_call_output", "call_id": None, "name": "pushed", "namespace": "n", "output": "1"},
        {"type": "function_call_output", "id": "fco_2", "output": "2", "status": "completed"},
        {"type": "mcp_approval_request", "id": "mcpr_1", "name": "f", "arguments": "{}", "server_label": "s"},
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True},
        {"type": "item_reference", "id": "msg_9"},
        {"id": "msg_8"},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "additional_tools", "role": "developer", "tools": []},
        {"type": "brand_new", "x": [1]},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d"},
    ],
    "tools": [
        {"type": "function", "name": "f", "parameters": None, "defer_loading": True},
        {"type": "mcp", "server_label": "s"},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "parallel_tool_calls": False,
    "text": {"format": {"type": "text"}, "verbosity": "low", "new": 1},
    "reasoning": {"effort": "high", "summary": "auto", "context": "all_turns"},
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "previous_response_id": "resp_0",
    "background": True,
    "store": True,
    "metadata": {"a": "b"},
    "max_output_tokens": 5,
    "max_tool_calls": 2,
    "top_logprobs": 3,
    "truncation": "auto",
    "prompt": {"id": "pmpt_1"},
    "service_tier": "flex",
    "temperature": 0.2,
    "top_p": 0.3,
    "presence_penalty": 0.1,
    "seed": 7,
    "brand_new": {"x": 1},
}


def test_everything_a_client_says_goes_on_to_this_format_as_it_was() -> None:
    assert without_nulls(again(EVERYTHING)) == without_nulls({"model": "m-1", **EVERYTHING})


@pytest.mark.parametrize("field", list(EVERYTHING))
def test_nothing_depends_on_another_field_to_survive(field: str) -> None:
    body = {"input": "hi", field: EVERYTHING[field]}

    assert without_nulls(again(body)) == without_nulls({"model": "m-1", **body})


@pytest.mark.parametrize("field", ["previous_response_id", "conversation", "prompt"])
def test_a_request_that_goes_on_from_something_needs_no_input(field: str) -> None:
    body = {field: "resp_1" if field != "prompt" else {"id": "p"}}

    assert again(body) == {"model": "m-1", **body}


def test_what_was_changed_on_the_way_is_what_goes_out() -> None:
    call = parse(EVERYTHING)
    call.body["messages"][-1]["content"] = "edited"
    call.body["tools"] = call.body["tools"][1:]
    call.body["tool_choice"] = "none"
    call.body["max_completion_tokens"] = 9
    call.body["response_format"] = {"type": "json_object"}
    call.body["reasoning_effort"] = "low"
    del call.body["logprobs"]

    made = json.loads(NATIVE.request(call, sent().target).body)

    assert made["input"][-1] == {"role": "user", "content": "edited"}
    assert made["input"][:-1] == EVERYTHING["input"][:-1]
    assert made["tools"] == EVERYTHING["tools"][1:]
    assert (made["tool_choice"], made["max_output_tokens"]) == ("none", 9)
    assert made["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    assert made["reasoning"] == {"effort": "low", "summary": "auto", "context": "all_turns"}
    assert made["include"] == ["reasoning.encrypted_content"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"{", "body"),
        (b'{"input":"x"}', "model"),
        (b'{"model":3,"input":"x"}', "model"),
        ({}, "input"),
        ({"input": 3}, "input"),
        ({"input": []}, "input"),
        ({"input": [3]}, r"input\[0\]"),
        ({"input": [{"role": "sheriff", "content": "x"}]}, r"input\[0\]\.role"),
        ({"input": [{"role": "user"}]}, r"input\[0\]\.content"),
        ({"input": [{"role": "user", "content": [3]}]}, r"input\[0\]\.content\[0\]"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, r"content\[0\]\.text"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": 3}]}]}, r"image_url"),
        ({"input": [{"type": "function_call", "name": "f"}]}, r"input\[0\]\.call_id"),
        ({"input": [{"type": "function_call", "call_id": "c"}]}, r"input\[0\]\.name"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, r"input\[0\]\.call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, r"input\[0\]\.output"),
        ({"input": [{"type": "computer_call_output"}]}, r"input\[0\]\.call_id"),
        ({"input": [{"type": "reasoning", "summary": "x"}]}, r"input\[0\]\.summary"),
        ({"input": "x", "stream": "yes"}, "stream"),
        ({"input": "x", "tools": {}}, "tools"),
        ({"input": "x", "tools": [3]}, r"tools\[0\]"),
        ({"input": "x", "tools": [{"type": "function"}]}, r"tools\[0\]\.name"),
        ({"input": "x", "tools": [{"type": "function", "name": "f", "parameters": 3}]}, "parameters"),
        ({"input": "x", "tool_choice": 3}, "tool_choice"),
        ({"input": "x", "tool_choice": {"type": "allowed_tools"}}, "tool_choice.tools"),
        ({"input": "x", "text": 3}, "text"),
        ({"input": "x", "text": {"format": 3}}, "text.format"),
        ({"input": "x", "text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
        ({"input": "x", "reasoning": "high"}, "reasoning"),
        ({"input": "x", "reasoning": {"effort": 3}}, "reasoning.effort"),
        ({"input": "x", "include": "x"}, "include"),
        ({"input": "x", "instructions": 3}, "instructions"),
        ({"input": "x", "temperature": "hot"}, "temperature"),
        ({"input": "x", "max_output_tokens": 1.5}, "max_output_tokens"),
        ({"input": "x", "metadata": []}, "metadata"),
        ({"input": "x", "previous_response_id": 3}, "previous_response_id"),
        ({"input": "x", "messages": [{"role": "user", "content": "y"}]}, "messages: is `input`"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_its_place(body: Any, where: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps({"model": "m", **body}).encode()

    with pytest.raises(BadRequestError, match=where) as caught:
        NATIVE.parse_call(data, {})

    assert caught.value.provider is None  # so that the client is shown the words


# Whole answers


def canonical(finish: Any = "stop", **fields: Any) -> dict[str, Any]:
    """An answer of some other provider's."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 7,
        "model": "other-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi", **fields}, "finish_reason": finish}],
        "usage": USAGE,
    }


def rendered(response: dict[str, Any]) -> dict[str, Any]:
    data = NATIVE.render(response)
    check_response(data)
    made: dict[str, Any] = json.loads(data)
    return made


def test_an_answer_of_another_provider_is_a_response() -> None:
    made = rendered(canonical())

    assert (made["id"], made["object"], made["created_at"], made["model"]) == ("chatcmpl-1", "response", 7, "other-1")
    assert made["status"] == "completed"
    assert made["output"] == [
        {
            "id": "msg_chatcmpl-1_0",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": "hi"}],
        }
    ]
    assert made["usage"] == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 14,
    }


def test_everything_in_an_answer_has_its_item() -> None:
    made = rendered(
        canonical(
            "tool_calls",
            refusal="No.",
            reasoning_content="hm",
            annotations=[{"type": "url_citation", "url_citation": {"url": "https://x.test", "title": None}}],
            tool_calls=[
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "call_2", "type": "custom", "custom": {"name": "s", "input": "q"}},
            ],
            images=[{"type": "image_url", "image_url": {"url": "data:image/webp;base64,QUJD"}}],
        )
    )

    assert [item["type"] for item in made["output"]] == [
        "reasoning",
        "message",
        "function_call",
        "custom_tool_call",
        "image_generation_call",
    ]
    assert made["output"][0]["summary"] == [{"type": "summary_text", "text": "hm"}]
    text, refusal = made["output"][1]["content"]
    assert text["annotations"][0]["url"] == "https://x.test"
    assert refusal == {"type": "refusal", "refusal": "No."}
    assert made["output"][4]["result"] == "QUJD"
    assert len({item["id"] for item in made["output"]}) == 5


def test_log_probabilities_have_bytes_and_alternatives_even_where_a_chat_lacks_them() -> None:
    said = canonical()
    given = [
        {"token": "a", "logprob": -1, "bytes": None},
        {"token": "b", "logprob": -2, "top_logprobs": [{"token": "c", "logprob": -3}]},
    ]
    said["choices"][0]["logprobs"] = {"content": given}
    made = rendered(said)

    assert made["output"][0]["content"][0]["logprobs"] == [
        {"token": "a", "logprob": -1, "bytes": [], "top_logprobs": []},
        {"token": "b", "logprob": -2, "bytes": [], "top_logprobs": [{"token": "c", "logprob": -3, "bytes": []}]},
    ]
    events = told(BEGIN, Text("x", 0, None, {"content": given[:1]}), *END)
    piece = next(event for event in events if event["type"] == "response.output_text.delta")
    assert piece["logprobs"] == [{"token": "a", "logprob": -1, "bytes": [], "top_logprobs": []}]


def test_a_file_that_is_cited_is_cited_in_this_formats_way() -> None:
    cited = {"start_index": 0, "end_index": 3, "file_id": "doc:1", "filename": "a"}
    said = canonical(annotations=[{"type": "file_citation", "file_citation": cited}])

    (annotation,) = rendered(said)["output"][0]["content"][0]["annotations"]

    assert annotation == {"type": "file_citation", "index": 3, **cited}


@pytest.mark.parametrize(
    ("finish", "status", "details"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
        (None, "in_progress", None),
    ],
)
def test_how_an_answer_ended_is_its_status(finish: Any, status: str, details: Any) -> None:
    made = rendered(canonical(finish))

    assert (made["status"], made["incomplete_details"]) == (status, details)
    assert made["output"][0]["status"] == status


def test_an_answer_with_nothing_in_it_is_an_empty_message() -> None:
    assert rendered(canonical(content=None))["output"][0]["content"] == []


def test_a_response_repeats_what_was_asked() -> None:
    call = parse(
        {
            "input": "x",
            "instructions": "be brief",
            "max_output_tokens": 5,
            "metadata": {"a": "b"},
            "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": True}],
            "tool_choice": "required",
            "text": {"verbosity": "low"},
            "temperature": 0.5,
            "store": True,
        }
    )

    made = rendered(with_echo(canonical(), call))

    assert (made["instructions"], made["max_output_tokens"], made["metadata"]) == ("be brief", 5, {"a": "b"})
    assert made["tools"][0]["name"] == "f"
    assert (made["tool_choice"], made["temperature"]) == ("required", 0.5)
    assert made["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert made["store"] is False  # nobody keeps it


def test_a_response_of_this_format_comes_back_as_it_was_but_for_what_was_changed() -> None:
    body = answer(reasoning("hm"), {"type": "web_search_call", "id": "ws"}, message(), created_at=1.5, new=[1])
    response = read(body, NATIVE)

    assert json.loads(NATIVE.render(response)) == body
    renamed = json.loads(NATIVE.render({**response, "model": "alias"}))
    assert renamed == {**body, "model": "alias"}


def test_proofs_of_other_providers_go_out_and_come_back() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "EqQB=="},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "thinking", "thinking": "", "signature": "gemini#abc"},
    ]
    output = rendered(canonical(thinking_blocks=blocks))["output"]

    (back,) = messages(*output)

    assert back["thinking_blocks"] == blocks
    assert back["content"] == "hi"


def test_reasoning_without_a_proof_comes_back_from_clients_that_send_encrypted_reasoning_only() -> None:
    (whole, _) = rendered(canonical(reasoning_content="hm"))["output"]
    streamed = told(BEGIN, Thinking("hm"), Text("x"), *END)[-1]["response"]["output"][0]
    for thought in (whole, streamed):
        assert thought["encrypted_content"]  # Vercel's AI SDK leaves out what has none

        (back,) = messages(thought, message("hi"))

        assert back["reasoning_content"] == "hm"
        assert "thinking_blocks" not in back


@pytest.mark.parametrize("signature", ["EqQB==", ""])
def test_proofs_of_other_providers_are_not_shown_to_this_formats_own(signature: str) -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": signature}
    output = rendered(canonical(thinking_blocks=[block]))["output"]

    made = again({"input": [*output, {"role": "user", "content": "go on"}]})

    assert [item.get("type") for item in made["input"]] == ["message", None]


def test_what_other_providers_want_back_travels_on_the_items() -> None:
    fields = {"anthropic": {"content": [{"type": "text", "text": "hi"}]}}
    signed = {"google": {"thought_signature": "sig"}}
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": signed}
    output = rendered(canonical("tool_calls", provider_specific_fields=fields, tool_calls=[call]))["output"]

    back = parse({"input": output}).body["messages"][0]
    made = again({"input": output})

    assert back["provider_specific_fields"]["anthropic"] == fields["anthropic"]
    assert back["tool_calls"] == [call]
    assert "anthropic" not in json.dumps(made)
    assert "thought_signature" not in json.dumps(made)


# Streams


def told(*events: Any, call: Call | None = None) -> list[dict[str, Any]]:
    """What a client is sent, after the package has found every event to be of a type it knows."""
    data = encoded(events, call)
    check_events(data)
    found = decoded(data)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    final = found[-1]["response"]
    done = {event["item"]["id"] for event in found if event["type"] == "response.output_item.done"}
    assert [item["id"] for item in final["output"]] == [
        event["item"]["id"] for event in found if event["type"] == "response.output_item.added"
    ]
    assert done == {item["id"] for item in final["output"]}
    return found


BEGIN = Start("chatcmpl-1", "other-1", 7)
END = [Finish("stop"), Usage(USAGE)]


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in found]


def test_text_of_another_provider_has_the_whole_sequence_of_events() -> None:
    found = told(BEGIN, Text("he"), Text("y"), *END)

    assert kinds(found) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert found[0]["response"]["status"] == "in_progress"
    assert [event["delta"] for event in found if "delta" in event] == ["he", "y"]
    assert found[6]["text"] == "hey"
    assert found[-1]["response"]["usage"]["input_tokens"] == 9


def test_reasoning_comes_first_with_its_proof_at_its_end() -> None:
    found = told(BEGIN, Thinking("h"), Thinking("m"), Thinking("", signature="EqQB"), Text("x"), *END)

    assert kinds(found)[2:9] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    assert found[8]["item"]["encrypted_content"] == "thinking#EqQB"
    assert found[8]["item"]["summary"] == [{"type": "summary_text", "text": "hm"}]


def test_probabilities_of_reasonings_tokens_do_not_break_it_up() -> None:
    said = {"content": [{"token": "h", "logprob": -1.0, "bytes": [104], "top_logprobs": []}]}

    found = told(BEGIN, Thinking("h"), Text("", logprobs=said), Thinking("m"), Text("", logprobs=said), Text("x"), *END)

    thought, message = found[-1]["response"]["output"]
    assert thought["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert [part["text"] for part in message["content"]] == ["x"]


def test_each_block_of_reasoning_is_an_item() -> None:
    found = told(
        BEGIN,
        Thinking("a"),
        Thinking("", signature="s0"),
        Thinking("", block=1, redacted="data"),
        Thinking("b", block=2),
        *END,
    )

    items = found[-1]["response"]["output"]
    assert [item["type"] for item in items] == ["reasoning", "reasoning", "reasoning"]
    assert [item.get("encrypted_content") for item in items] == ["thinking#s0", "redacted_thinking#data", "thinking#"]


def test_calls_stay_open_for_more_of_their_arguments() -> None:
    found = told(
        BEGIN,
        Text("x"),
        ToolStart(0, "call_1", "f"),
        ToolArgs(0, '{"a"'),
        ToolStart(1, "call_2", "sql", kind="custom"),
        ToolArgs(1, "select"),
        ToolArgs(0, ":1}"),
        Finish("tool_calls"),
        Usage(USAGE),
    )

    assert kinds(found)[8:] == [
        "output_item.added",
        "function_call_arguments.delta",
        "output_item.added",
        "custom_tool_call_input.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "custom_tool_call_input.done",
        "output_item.done",
        "completed",
    ]
    assert found[-1]["response"]["output"][1]["arguments"] == '{"a":1}'
    assert found[-1]["response"]["output"][2]["input"] == "select"


def test_a_call_whose_arguments_are_whole_is_done_before_the_next_item_begins() -> None:
    """As at OpenAI: there are clients that know of one call at a time (agno)."""
    first = [ToolStart(0, "call_1", "f"), ToolArgs(0, '{"a":'), ToolArgs(0, "{}}")]
    found = told(
        BEGIN, *first, ToolStart(1, "call_2", "g"), ToolArgs(1, "{}"), Text("x"), Finish("tool_calls"), Usage(USAGE)
    )

    call = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]
    assert kinds(found)[2:12] == [*call[:2], *call[1:], *call, "output_item.added"]
    assert [event["arguments"] for event in found if "arguments" in event] == ['{"a":{}}', "{}"]


def test_text_after_a_call_is_a_message_of_its_own() -> None:
    found = told(BEGIN, Text("a"), ToolStart(0, "call_1", "f"), Text("b"), *END)

    assert [item["type"] for item in found[-1]["response"]["output"]] == ["message", "function_call", "message"]


def test_a_refusal_is_a_part_of_its_own() -> None:
    found = told(BEGIN, Text("a"), Refusal("N"), Refusal("o"), *END)

    assert [part["type"] for part in found[-1]["response"]["output"][0]["content"]] == ["output_text", "refusal"]
    assert kinds(found)[5:9] == ["output_text.done", "content_part.done", "content_part.added", "refusal.delta"]


def test_citations_may_come_when_their_text_has_ended() -> None:
    cited = [{"type": "url_citation", "url_citation": {"url": "https://x.test", "title": "X"}}]

    found = told(BEGIN, Text("a"), ToolStart(0, "call_1", "f"), Annotations(cited), *END)

    (event,) = [event for event in found if event["type"] == "response.output_text.annotation.added"]
    assert (event["output_index"], event["annotation"]["url"]) == (0, "https://x.test")
    assert found[-1]["response"]["output"][0]["content"][0]["annotations"] == [event["annotation"]]


def test_images_are_items_and_speech_is_events() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    found = told(BEGIN, Media("image", image), Media("audio", {"data": "QQ==", "transcript": "a"}), *END)

    assert found[-1]["response"]["output"][0]["result"] == "QUJD"
    assert kinds(found)[4:6] == ["audio.delta", "audio.transcript.delta"]


@pytest.mark.parametrize(("reason", "why"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_was_cut_ends_as_incomplete(reason: str, why: str) -> None:
    found = told(BEGIN, Text("x"), Finish(reason), Usage(USAGE))

    assert found[-1]["type"] == "response.incomplete"
    assert found[-1]["response"]["status"] == "incomplete"
    assert found[-1]["response"]["incomplete_details"] == {"reason": why}
    assert found[-1]["response"]["output"][0]["status"] == "incomplete"


def test_an_answer_with_nothing_in_it_still_ends() -> None:
    data = encoded([BEGIN, *END])

    assert kinds(decoded(data)) == ["created", "in_progress", "completed"]
    assert len(decoded(data)[-1]["response"]["output"]) == 1
    assert kinds(decoded(encoded([]))) == ["created", "in_progress", "completed"]


def test_other_choices_and_other_formats_events_are_not_shown() -> None:
    found = told(BEGIN, Text("a"), Text("b", choice=1), Opaque("anthropic", {"type": "ping"}), *END)

    assert parse_stream(encoded([BEGIN, Text("a"), Text("b", choice=1), *END]))["output_text"] == "a"
    assert "ping" not in json.dumps(found)


def test_what_other_providers_want_back_is_on_an_item_of_the_stream_too() -> None:
    fields = {"provider_specific_fields": {"anthropic": {"content": [1]}}}
    found = told(
        BEGIN, Text("a"), ToolStart(0, "call_1", "f", extra={"extra_content": {"g": 1}}), Extra(fields, 0), *END
    )

    back = parse({"input": found[-1]["response"]["output"]}).body["messages"][0]

    assert back["provider_specific_fields"]["anthropic"] == {"content": [1]}
    assert back["tool_calls"][0]["extra_content"] == {"g": 1}


def test_a_stream_repeats_what_was_asked() -> None:
    found = told(BEGIN, Text("x"), *END, call=parse({"input": "x", "instructions": "be brief", "temperature": 0.5}))

    for event in (found[0], found[-1]):
        assert (event["response"]["instructions"], event["response"]["temperature"]) == ("be brief", 0.5)


def test_a_whole_answer_of_this_format_told_as_a_stream_keeps_its_items() -> None:
    search = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    }
    body = answer(search, message("hi", phase="final_answer"))

    events = decode([json.dumps(body).encode()], sent(NATIVE), Head(200, {"content-type": "application/json"}))
    found = decoded(encoded(events))

    assert {item["type"] for item in found[-1]["response"]["output"]} == {"message", "web_search_call"}
    assert found[-1]["type"] == "response.completed"


def test_events_of_this_format_are_sent_on_as_they_came_even_what_we_do_not_know() -> None:
    strange = {"type": "response.brand_new", "sequence_number": 2, "x": [1]}
    start, progress, *rest = streamed(answer(reasoning("hm"), message("x"), function_call()))
    events = [start, progress, strange, *rest]

    assert decoded(encoded(events_of(*events, operation=NATIVE))) == events


@pytest.mark.parametrize("status", ["completed", "incomplete"])
def test_an_end_by_its_older_name_is_sent_on_by_the_name_that_clients_wait_for(status: str) -> None:
    *events, last = streamed(answer(message(), status=status))
    older = {**last, "type": "response.done"}

    assert decoded(encoded(events_of(*events, older, operation=NATIVE))) == [
        *events,
        {**last, "type": f"response.{status}"},
    ]


@pytest.mark.parametrize("output", [{"output": []}, {"output": None}, {}])
def test_a_final_response_without_output_is_sent_on_with_the_items_that_were_told(output: dict[str, Any]) -> None:
    # As from ChatGPT's backend of Codex; OpenAI's package hands its caller the final response.
    *events, last = streamed(answer(reasoning("hm"), message()))
    bare = {name: value for name, value in last["response"].items() if name != "output"} | output

    assert decoded(encoded(events_of(*events, {**last, "response": bare}, operation=NATIVE))) == [*events, last]


def test_text_that_was_changed_on_the_way_is_sent_changed() -> None:
    events = [
        Text(event.text.upper(), raw=event.raw) if type(event) is Text else event
        for event in events_of(*streamed(answer(message("ab"))), operation=NATIVE)
    ]

    deltas = [event["delta"] for event in decoded(encoded(events)) if event["type"] == "response.output_text.delta"]

    assert deltas == ["A", "B"]


# Failures


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RateLimitError("slow down", provider="p"), "rate_limit_exceeded"),
        (ContextLengthError("too long", provider="p"), "context_length_exceeded"),
        (InternalServerError("sk-secret", provider="p"), "upstream_error"),
        (StreamInterruptedError("cut", provider="p"), "stream_interrupted"),
    ],
)
def test_a_stream_that_breaks_ends_as_failed_and_never_as_completed(error: Any, code: str) -> None:
    encoder = NATIVE.encoder(parse({"input": "hi"}))
    data = encoder.event(BEGIN) + encoder.event(Text("ha")) + encoder.error(error)

    with pytest.raises(openai.APIError) as caught:  # what frameworks show: several of them look over typed failures
        check_events(data)
    assert caught.value.code == code
    # As OpenAI's streams have it: Vercel's AI SDK 5 knows the first event only, Codex the second.
    *_, told, found = decoded(data)
    assert (told["type"], told["code"], told["error"]["code"]) == ("error", code, code)
    assert (found["type"], found["sequence_number"]) == ("response.failed", told["sequence_number"] + 1)
    assert found["response"]["status"] == "failed"
    assert found["response"]["error"]["code"] == code
    assert found["response"]["output"][0]["content"][0]["text"] == "ha"
    assert b"completed" not in data.replace(b'"status":"completed"', b"")
    assert b"sk-secret" not in data


def test_a_stream_that_breaks_before_it_began_is_an_error_event() -> None:
    data = NATIVE.encoder(parse({"input": "hi"})).error(RateLimitError("slow down", provider="p"))

    (found,) = decoded(data)
    assert (found["type"], found["code"]) == ("error", "rate_limit_exceeded")
    assert found["error"]["code"] == "rate_limit_exceeded"


def test_a_stream_that_breaks_for_a_wrong_request_has_openais_code_for_that() -> None:
    # Vercel's AI SDK 5 requires one, and Codex asks again unless it is this.
    data = NATIVE.encoder(parse({"input": "hi"})).error(BadRequestError("no", provider="p"))

    assert decoded(data)[0]["error"]["code"] == "invalid_prompt"


def test_a_stream_of_this_format_that_breaks_ends_as_failed() -> None:
    encoder = NATIVE.encoder(parse({"input": "hi"}))
    for event in events_of(*streamed(answer(message("hello")))[:6], operation=NATIVE)[:-1]:
        encoder.event(event)

    told, found = decoded(encoder.error(StreamInterruptedError("cut", provider="p")))

    assert (told["type"], found["type"]) == ("error", "response.failed")
    assert found["response"]["id"] == "resp_1"
    assert (told["sequence_number"], found["sequence_number"]) == (6, 7)


def test_errors_are_openais() -> None:
    status, body = DIALECT.render_error(RateLimitError("slow down", provider="p", retry_after=2))

    with pytest.raises(openai.RateLimitError) as caught, client(body, status=status) as official:
        official.responses.create(model="m", input="hi")

    assert caught.value.code == "rate_limit_exceeded"


# Over a real connection


def test_the_official_client_reads_our_answer_over_a_socket() -> None:
    body = NATIVE.render(
        canonical("tool_calls", tool_calls=[{"id": "c", "function": {"name": "f", "arguments": "{}"}}])
    )
    script = Script([body], headers={"content-type": "application/json"})

    with RawServer(script) as server, openai.OpenAI(api_key="k", base_url=server.url, max_retries=0) as official:
        found = official.responses.create(model="m", input="hi")

    assert found.output_text == "hi"
    assert found.output[1].type == "function_call"


def test_the_official_client_reads_our_stream_over_a_socket() -> None:
    data = encoded([BEGIN, Thinking("hm"), Text("he"), Text("y"), ToolStart(0, "c", "f"), ToolArgs(0, "{}"), *END])
    script = Script([data[n : n + 50] for n in range(0, len(data), 50)])

    with (
        RawServer(script) as server,
        openai.OpenAI(api_key="k", base_url=server.url, max_retries=0) as official,
        official.responses.stream(model="m", input="hi") as stream,
    ):
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()

    assert text == final.output_text == "hey"
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]


def test_the_bytes_of_an_event_are_named_after_its_type() -> None:
    data = encoded([BEGIN, Text("x"), *END])

    assert data.startswith(b"event: response.created\ndata: ")
    assert b"[DONE]" not in data
    assert sse(*decoded(data)).count(b"\n\n") == data.count(b"\n\n")


def test_instructions_alone_are_something_to_answer() -> None:
    assert parse({"instructions": "s", "input": []}, CHAT).body["messages"] == [{"role": "system", "content": "s"}]


def test_arguments_that_only_look_whole_may_go_on() -> None:
    events = [
        Start("r", "m", 1),
        ToolStart(0, "c0", "f"),
        ToolArgs(0, '{"a":{}'),
        ToolStart(1, "c1", "g"),
        ToolArgs(0, "}"),
        ToolArgs(1, "{}"),
        Finish("tool_calls"),
    ]

    output = decoded(encoded(events))[-1]["response"]["output"]

    assert [item["arguments"] for item in output] == ['{"a":{}}', "{}"]


def test_the_tier_that_a_stream_begins_with_is_shown() -> None:
    told = decoded(encoded([Start("r", "m", 1, {"service_tier": "flex"}), Text("a"), Finish("stop")]))

    assert [event["response"]["service_tier"] for event in told if "response" in event] == ["flex"] * 3


def test_the_proof_of_a_thought_that_is_closed_is_in_the_end() -> None:
    events = [
        Start("r", "m", 1),
        Thinking("hm", block=0),
        Text("a"),
        Thinking("", block=0, signature="c2ln"),
        Finish("stop"),
    ]

    output = decoded(encoded(events))[-1]["response"]["output"]

    assert [item["type"] for item in output] == ["reasoning", "message"]
    assert output[0]["encrypted_content"]


@pytest.mark.parametrize("url", ["data:image/png;base64", "https://x.test/a.png"])
def test_an_image_without_data_is_shown_by_its_place(url: str) -> None:
    message_of = {"role": "assistant", "content": "a", "images": [{"type": "image_url", "image_url": {"url": url}}]}
    choice = {"index": 0, "message": {**message_of, "annotations": [5]}, "finish_reason": "stop"}

    output = json.loads(NATIVE.render({"id": "r", "model": "m", "created": 1, "choices": [choice]}))["output"]

    assert [item["result"] for item in output if item["type"] == "image_generation_call"] == [url]

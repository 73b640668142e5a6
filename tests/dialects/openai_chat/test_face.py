"""The format as a server speaks it."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from lingate._dialects.openai_chat import DIALECT
from lingate._model import Annotations, Call, Extra, Failed, Finish, Start, Text, Thinking, ToolArgs, ToolStart, Usage
from lingate.errors import BadRequestError, InternalServerError, RateLimitError
from tests.dialects.openai_chat.support import CHAT, HELLO, decode

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def parse(**fields: Any) -> Call:
    body = {"model": "m", "messages": HELLO, **fields}
    made: Call = CHAT.parse_call(
        json.dumps({name: value for name, value in body.items() if value is not ...}).encode(), {}
    )
    return made


class TestParse:
    def test_the_call_has_the_model_the_stream_flag_and_everything_else(self) -> None:
        got = parse(stream=True, temperature=0.5, unknown={"x": 1}, stop=None)

        body = {"messages": HELLO, "temperature": 0.5, "unknown": {"x": 1}}
        assert got == Call("chat", "m", body, stream=True, texts=HELLO)

    def test_a_model_in_the_path_will_do(self) -> None:
        assert CHAT.parse_call(json.dumps({"messages": HELLO}).encode(), {"model": "deployed"}).model == "deployed"

    @pytest.mark.parametrize(
        "fields",
        [
            {"messages": [{"role": "assistant", "content": None}]},
            {"messages": [{"role": "assistant", "content": []}]},
            {"messages": [{"role": "tool", "tool_call_id": "orphan", "content": "x"}]},
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "https://x"}]}]},
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "image_url": None}]}]},
            {"messages": [{"role": "user", "content": [{"type": "hologram"}]}]},
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
            {"messages": [{"role": "system", "content": "late"}, *HELLO, {"role": "system", "content": "later"}]},
            {"tools": []},
            {"tools": [{"type": "function", "function": {"name": "f"}, "strict": True}]},
            {"tools": [{"type": "web_search"}]},
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            {"functions": [{"name": "f"}], "function_call": "auto"},
            {"chat_template_kwargs": {"enable_thinking": False}, "top_k": 20},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            {"thinking": False},
            {"stop": list("abcdefghij")},
            {"max_tokens": 5.0, "temperature": 1},
        ],
    )  # fmt: skip
    def test_what_hosts_send_is_taken(self, fields: Any) -> None:
        assert parse(**fields).body == {"messages": HELLO, **fields}

    def test_a_limit_below_all_others_is_none(self) -> None:
        assert parse(max_tokens=-1).body == {"messages": HELLO}

    @pytest.mark.parametrize(
        ("fields", "where"),
        [
            ({"model": ...}, "model: expected the name of a model"),
            ({"model": 5}, "model: expected the name of a model, got a number"),
            ({"model": ""}, "model: "),
            ({"messages": ...}, "messages: expected a list of messages, got nothing"),
            ({"messages": "hi"}, "messages: expected a list"),
            ({"messages": []}, "messages: expected at least one"),
            ({"messages": [5]}, r"messages\[0\]: expected an object, got a number"),
            ({"messages": [{"content": "x"}]}, r"messages\[0\].role: expected one of"),
            ({"messages": [{"role": "robot", "content": "x"}]}, r"messages\[0\].role: .*got 'robot'"),
            ({"messages": [{"role": "user"}]}, r"messages\[0\].content: "),
            ({"messages": [{"role": "user", "content": 5}]}, r"messages\[0\].content: .*got a number"),
            ({"messages": [*HELLO, {"role": "user", "content": ["x"]}]}, r"messages\[1\].content\[0\]: expected an object"),
            ({"messages": [{"role": "user", "content": [{}]}]}, r"content\[0\].type: "),
            ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, r"content\[0\].text: expected text"),
            ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, r"content\[0\].image_url: "),
            ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, r"image_url.url: "),
            ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": ""}]}]}, r"image_url: .*not empty"),
            ({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x"}}]}]}, "format"),
            ({"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}, r"content\[0\].file: "),
            ({"messages": [{"role": "tool", "content": "x"}]}, r"messages\[0\].tool_call_id: "),
            ({"messages": [{"role": "assistant", "tool_calls": {}}]}, r"messages\[0\].tool_calls: expected a list"),
            ({"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]}, r"tool_calls\[0\].function: "),
            ({"messages": [{"role": "assistant", "tool_calls": [{"id": 1}]}]}, r"tool_calls\[0\].id: "),
            ({"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": 5}}]}]},
             r"tool_calls\[0\].function.arguments: "),
            ({"tools": {}}, "tools: expected a list"),
            ({"tools": [{"type": "function"}]}, r"tools\[0\].function: "),
            ({"tools": [{"type": "function", "function": {"name": "f", "parameters": "x"}}]}, "function.parameters: "),
            ({"tool_choice": 5}, "tool_choice: "),
            ({"temperature": 3}, "temperature: expected a number from 0 to 2, got 3"),
            ({"temperature": "hot"}, "temperature: expected a number, got text"),
            ({"n": 0}, "n: "),
            ({"n": 1.5}, "n: expected a whole number"),
            ({"n": True}, "n: expected a whole number, got a boolean"),
            ({"max_tokens": 0}, "max_tokens: "),
            ({"stop": 5}, "stop: "),
            ({"stop": ["a", 5]}, r"stop\[1\]: "),
            ({"stream": "yes"}, "stream: expected true or false"),
            ({"stream_options": []}, "stream_options: expected an object"),
            ({"response_format": {"type": "xml"}}, "response_format.type: .*got 'xml'"),
            ({"response_format": {"type": "json_schema"}}, "response_format.json_schema: "),
            ({"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}}, "json_schema.schema: "),
            ({"response_format": {"type": "json_schema", "schema": 5}}, "response_format.schema: "),
            ({"reasoning_effort": 5}, "reasoning_effort: "),
            ({"thinking": "x"}, "thinking: "),
            ({"logprobs": 1}, "logprobs: "),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_refused_with_its_place(self, fields: Any, where: str) -> None:
        with pytest.raises(BadRequestError, match=where) as caught:
            parse(**fields)

        status, body = DIALECT.render_error(caught.value)
        assert status == 400
        assert json.loads(body)["error"]["type"] == "invalid_request_error"
        assert json.loads(body)["error"]["message"] == caught.value.message

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"\xff\xfe", b"[" * 100_000])
    def test_what_is_no_object_is_refused(self, body: bytes) -> None:
        with pytest.raises(BadRequestError, match="request body"):
            CHAT.parse_call(body, {})


EVENTS = [
    Start("i", "m", 1, {"provider": "p"}),
    Thinking("hm"),
    Text("a"),
    Text("b \U0001f600\n"),
    ToolStart(0, "c1", "f"),
    ToolArgs(0, "{}"),
    Finish("tool_calls"),
    Usage(USAGE),
]


def encoded(*events: Any, **fields: Any) -> bytes:
    encoder = CHAT.encoder(parse(stream=True, **fields))
    assert encoder.content_type == "text/event-stream"
    return b"".join(encoder.event(event) for event in events) + encoder.end()


class TestEncoder:
    def test_every_line_is_data_and_the_last_is_done(self) -> None:
        data = encoded(*EVENTS)

        assert data.endswith(b"}\n\ndata: [DONE]\n\n")
        for line in data.decode().split("\n\n")[:-2]:
            assert line.startswith("data: {")
            assert json.loads(line[6:])["object"] == "chat.completion.chunk"

    @pytest.mark.parametrize(
        ("options", "shown"), [(None, False), ({"include_usage": False}, False), ({"include_usage": True}, True)]
    )
    def test_usage_is_sent_only_if_asked_for_once_and_last(self, options: Any, shown: bool) -> None:
        data = encoded(EVENTS[0], Usage({"prompt_tokens": 1}), *EVENTS[1:], Usage(USAGE), stream_options=options)

        documents = [json.loads(line[6:]) for line in data.decode().split("\n\n")[:-2]]
        with_usage = [document for document in documents if "usage" in document]
        assert with_usage == ([documents[-1]] if shown else [])
        if shown:
            assert (documents[-1]["choices"], documents[-1]["usage"]) == ([], USAGE)

    @pytest.mark.parametrize("usage", [{"prompt_tokens": 3}, {"prompt_tokens": 3, "completion_tokens": None}])
    def test_counts_that_nobody_gave_are_zero_where_the_format_requires_them(self, usage: dict[str, Any]) -> None:
        events = (EVENTS[0], Finish("stop"), Usage(usage))
        streamed = encoded(*events, stream_options={"include_usage": True}).decode().split("\n\n")[-3]
        whole = CHAT.render({"id": "i", "choices": [], "usage": usage})

        for data in (streamed.removeprefix("data: "), whole):
            assert json.loads(data)["usage"] == {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}
        for nothing in (None, {}):
            assert json.loads(CHAT.render({"usage": nothing}))["usage"] is None

    def test_our_own_decoder_reads_back_the_same_events(self) -> None:
        def told(events: list[Any]) -> list[Any]:
            return [
                tuple(getattr(event, name) for name in event.__slots__ if name not in ("raw", "native"))
                for event in events
            ]

        assert told(decode(encoded(*EVENTS, stream_options={"include_usage": True}))) == told(EVENTS)

    @pytest.mark.parametrize("kind", ["file_citation", "container_file_citation", "file_path"])
    def test_files_that_are_cited_stand_where_nobody_checks_them(self, kind: str) -> None:
        # The format has pages only; clients that check what they read refuse the whole answer for anything else.
        page: Any = {"type": "url_citation", "url_citation": {"url": "https://a.test", "title": "", "start_index": 0}}
        file = {"type": kind, "file_id": "f", "index": 7}
        message = {"role": "assistant", "content": "x", "provider_specific_fields": {"acme": {"a": 1}}}
        told = {**message, "annotations": [file, page]}

        whole = json.loads(CHAT.render({"choices": [{"index": 0, "message": told}]}))["choices"][0]["message"]
        deltas = [
            json.loads(line[6:])["choices"][0]["delta"]
            for line in encoded(EVENTS[0], Annotations([file, page])).decode().split("\n\n")[:-2]
        ]

        assert whole == {
            **message,
            "annotations": [page],
            "provider_specific_fields": {"acme": {"a": 1}, "annotations": [file]},
        }
        assert deltas[-1] == {
            "annotations": [{**page, "index": 1}],
            "provider_specific_fields": {"annotations": [file]},
        }
        assert told["annotations"] == [file, page]

    def test_fields_that_come_last_are_sent_last(self) -> None:
        data = encoded(*EVENTS, Extra({"late": 1}))

        assert b'"late":1' in data.split(b"\n\n")[-3]

    def test_an_error_is_a_chunk_and_no_success_follows(self) -> None:
        encoder = CHAT.encoder(parse(stream=True))
        data = encoder.event(EVENTS[0]) + encoder.error(
            RateLimitError("secret words of acme", provider="acme", status=429)
        )

        last = data.decode().strip().split("\n\n")[-1]
        assert json.loads(last.removeprefix("data: "))["error"]["code"] == "rate_limit_exceeded"
        assert "secret" not in last
        events = decode(data)
        assert isinstance(events[-1], Failed)
        assert isinstance(events[-1].error, RateLimitError)

    def test_a_lone_surrogate_can_be_sent(self) -> None:
        assert b"\\ud83d" in encoded(EVENTS[0], Text("\ud83d"))


def test_render_is_json_and_errors_have_a_status() -> None:
    assert json.loads(CHAT.render({"id": "x", "choices": []})) == {"id": "x", "choices": []}
    status, body = DIALECT.render_error(InternalServerError("x", provider="p"))
    assert status == 502
    assert json.loads(body)["error"]["type"] == "api_error"


@pytest.mark.parametrize(
    ("written", "meant"), [("auto", "auto"), ("none", "none"), ("required", "required"), ("any", "required")]
)
def test_a_word_for_the_choice_of_tools_may_stand_in_an_object(written: str, meant: str) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert parse(tools=tools, tool_choice={"type": written}).body["tool_choice"] == meant


class TestBlocksOfAnthropics:
    """Cursor writes calls and results so where the model's name has Claude in it."""

    USE: ClassVar = {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": 1}}
    RESULT: ClassVar = {"type": "tool_result", "tool_use_id": "t1", "content": "sea"}
    TEXT: ClassVar = {"type": "text", "text": "so?"}
    PICTURE: ClassVar = {"type": "image_url", "image_url": {"url": "https://a.test/b.png"}}

    def test_calls_and_results_stand_where_chats_have_them(self) -> None:
        spoken = {"role": "assistant", "content": [{"type": "text", "text": "hm"}, self.USE]}
        answered = {"role": "user", "content": [self.TEXT, self.RESULT, self.PICTURE]}

        made = parse(messages=[*HELLO, spoken, answered]).body["messages"]

        call = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"at":1}'}}
        assert made == [
            *HELLO,
            {"role": "assistant", "content": "hm", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "t1", "content": "sea"},
            {"role": "user", "content": [self.TEXT, self.PICTURE]},
        ]
        assert parse(messages=[{"role": "assistant", "content": [self.USE]}]).body["messages"][0]["content"] is None

    def test_no_part_of_a_system_message_is_taken_for_one(self) -> None:
        message = {"role": "system", "content": [{"type": "", "text": "s"}]}

        assert parse(messages=[message, *HELLO]).body["messages"][0] == message

    @pytest.mark.parametrize(
        "message",
        [
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1"}]},
            {"role": "assistant", "content": [USE, PICTURE]},
            {"role": "user", "content": [{"type": "tool_result"}]},
        ],
    )
    def test_those_that_are_not_valid_are_refused(self, message: dict[str, Any]) -> None:
        with pytest.raises(BadRequestError, match=r"messages\[0\].content"):
            parse(messages=[message])

    def test_a_choice_of_a_tool_is_one_of_a_function(self) -> None:
        tools = [{"name": "look", "input_schema": {"type": "object"}}]
        made = parse(tools=tools, tool_choice={"type": "tool", "name": "look"}).body

        assert made["tools"][0]["function"]["name"] == "look"
        assert made["tool_choice"] == {"type": "function", "function": {"name": "look"}}


def test_input_that_cannot_be_read_is_refused_with_its_place() -> None:
    with pytest.raises(BadRequestError, match="input"):
        CHAT.parse_call(json.dumps({"model": "m", "input": 5}).encode(), {})


def test_a_flat_tool_s_grammar_goes_one_level_deeper() -> None:
    form = {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}
    tool = {"type": "custom", "name": "f", "format": form}

    made = CHAT.parse_call(json.dumps({"model": "m", "messages": HELLO, "tools": [tool]}).encode(), {})

    grammar = {"syntax": "lark", "definition": "start: /a/"}
    assert made.body["tools"] == [
        {"type": "custom", "custom": {"name": "f", "format": {"type": "grammar", "grammar": grammar}}}
    ]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"tools": [{"type": 5}]}, r"tools\[0\]\.type"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}}, r"json_schema\.schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}}, ""),
    ],
)
def test_tools_and_formats_are_what_they_must_be(fields: dict[str, Any], where: str) -> None:
    body = json.dumps({"model": "m", "messages": HELLO, **fields}).encode()

    if where:
        with pytest.raises(BadRequestError, match=where):
            CHAT.parse_call(body, {})
    else:
        assert CHAT.parse_call(body, {}).body["response_format"] == fields["response_format"]

"""Formats that know texts only: what goes into the prompt, what is refused, and how each answer is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from lingate._dialects._base import dialect
from lingate._model import Call, Head
from lingate.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigError,
    InternalServerError,
    LingateError,
    NotFoundError,
    OverloadedError,
    ProtocolError,
    RateLimitError,
    StreamInterruptedError,
    UnsupportedError,
)
from tests.dialects.gemini.strategies import requests
from tests.dialects.hosts.support import (
    HELLO,
    JSON,
    KEY,
    SSE,
    TOOL,
    ask,
    counted,
    decode,
    ended,
    events_of,
    place,
    read,
    said,
    sse,
    wire,
)
from tests.dialects.short import collect, failed

TGI = place("tgi-server/m", {}, config={"tgi-server": {"dialect": "tgi_generate", "url": "http://127.0.0.1:1"}})
NLP = place("nlp_cloud/dolphin", {"NLP_CLOUD_API_KEY": KEY})
FLOW = place("langflow/flow-1", {})
GRAPH = place("langgraph/agent", {"LANGGRAPH_API_KEY": KEY})
AGENT = place("a2a/agent", {"A2A_API_BASE": "https://agents.example/one"})
REPLICATE = place("replicate/meta/meta-llama-3-8b-instruct", {"REPLICATE_API_KEY": KEY})
ALL = [TGI, NLP, FLOW, GRAPH, AGENT, REPLICATE]
PROMPTED = [TGI, NLP, FLOW, AGENT, REPLICATE]

_each = pytest.mark.parametrize("to", ALL, ids=lambda to: to.row.dialect)
_prompted = pytest.mark.parametrize("to", PROMPTED, ids=lambda to: to.row.dialect)


def prompt(to: Any, **facts: Any) -> str:
    """All the text that is sent, wherever the format has it."""
    body = wire(to, **facts)
    if "params" in body:
        return str(body["params"]["message"]["parts"][0]["text"])
    given = body.get("input", body)
    text = next(given[name] for name in ("prompt", "inputs", "text", "input_value") if name in given)
    system = given.get("system_prompt")
    return f"{system}\n\n{text}" if system else str(text)


class TestPrompts:
    @_prompted
    def test_one_question_is_the_prompt_itself(self, to: Any) -> None:
        assert prompt(to) == "hello"

    @_prompted
    def test_system_text_comes_first(self, to: Any) -> None:
        messages = [{"role": "system", "content": "be nice"}, *HELLO, {"role": "developer", "content": "and short"}]

        assert prompt(to, messages=messages) == "be nice\n\nand short\n\nhello"

    @_prompted
    def test_a_conversation_is_a_transcript_that_is_the_assistant_s_to_continue(self, to: Any) -> None:
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
        messages = [
            *HELLO,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "42"},
            {"role": "assistant", "content": [{"type": "text", "text": "so"}]},
            {"role": "user", "content": [{"type": "text", "text": "and "}, {"type": "text", "text": "now?"}]},
        ]

        assert prompt(to, messages=messages) == (
            'User: hello\nAssistant: f({"a":1})\nTool: 42\nAssistant: so\nUser: and now?\nAssistant:'
        )

    @_prompted
    def test_parts_may_be_bare_texts(self, to: Any) -> None:
        messages = [{"role": "user", "content": ["and ", {"type": "text", "text": "now?"}]}]

        assert prompt(to, messages=messages) == "and now?"

    @_prompted
    def test_images_are_refused_or_dropped(self, to: Any) -> None:
        image = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
        messages = [{"role": "user", "content": [{"type": "text", "text": "look"}, image]}]

        with pytest.raises(UnsupportedError, match="takes text alone"):
            ask(to, messages=messages)
        assert prompt(to, messages=messages, drop=True) == "look"

    @_each
    @pytest.mark.parametrize(
        "fields",
        [
            {"tools": [TOOL]},
            {"response_format": {"type": "json_object"}},
            {"reasoning_effort": "low"},
            {"n": 2},
            {"logprobs": True},
        ],
    )
    def test_what_no_text_can_say_is_refused_or_dropped(self, to: Any, fields: Any) -> None:
        with pytest.raises(UnsupportedError):
            ask(to, **fields)
        sent = ask(to, drop=True, **fields)
        assert sent.dropped == list(fields)

    @_each
    def test_what_says_nothing_is_left_out_without_a_word(self, to: Any) -> None:
        sent = ask(to, tools=[], response_format={"type": "text"}, reasoning_effort="none", n=1, stop=None)

        assert sent.dropped == []

    @_each
    @pytest.mark.parametrize("messages", [None, [], "x", [5]])
    def test_a_call_without_messages_makes_no_sense(self, to: Any, messages: Any) -> None:
        if to is GRAPH and messages == [5]:
            pytest.skip("messages of a graph are its own business")
        with pytest.raises(ConfigError):
            ask(to, messages=messages)

    @_each
    def test_a_face_is_nobody_s_wish(self, to: Any) -> None:
        chat: Any = dialect(to.row.dialect).operations["chat"]

        for use in (
            lambda: chat.parse_call(b"{}", {}),
            lambda: chat.render({}),
            lambda: chat.encoder(Call("chat", "m", {})),
        ):
            with pytest.raises(UnsupportedError, match="upstreams only"):
                use()

    @_each
    def test_parameters_of_the_host_s_own_pass_through(self, to: Any) -> None:
        assert '"colour":"red"' in ask(to, colour="red").body.decode()

    @_each
    def test_the_caller_s_headers_and_fields_have_the_last_word(self, to: Any) -> None:
        from lingate._dialects._format_choice import form_of

        made = Call("chat", to.model, {"messages": HELLO}, extra_headers={"X-Own": "1"}, extra_body={"own": 2})
        sent = form_of(to, "chat").request(made, to)

        assert sent.headers["X-Own"] == "1"
        assert json.loads(sent.body)["own"] == 2


@_each
@settings(max_examples=100, deadline=None)
@given(body=requests())
def test_whatever_is_asked_something_is_sent_or_the_reason_is_told(to: Any, body: Any) -> None:
    before = json.dumps(body)
    for drop in (False, True):
        try:
            json.loads(ask(to, drop=drop, **body).body)
        except UnsupportedError:
            assert not drop
        except ConfigError as refused:
            # Nothing was left of an only message that was an image.
            assert "nothing to answer" in refused.message  # noqa: PT017
    assert json.dumps(body) == before


@_each
@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"<html>", b"{}", b'{"status": "x"}', b"\xff"])
def test_rubbish_gives_our_errors_only(to: Any, body: bytes) -> None:
    with pytest.raises(LingateError) as caught:
        read(to, body)
    assert isinstance(caught.value, ProtocolError | InternalServerError)


@_each
@pytest.mark.parametrize(
    "data", [b"data: {\n\n", b"data: [1]\n\n", b"data: 5\n\n", b"\xff\xfe\n\n", b'data: {"a": {}}\n\n']
)
def test_rubbish_in_a_stream_is_a_failure(to: Any, data: bytes) -> None:
    events = events_of(to, data)

    assert isinstance(failed(events), LingateError)


@_each
def test_a_stream_that_never_begins_was_interrupted(to: Any) -> None:
    events = events_of(to, b": hello\n\n")

    assert isinstance(failed(events), StreamInterruptedError | ProtocolError)


class TestTgi:
    ANSWER = (
        '{"generated_text":"hi there","details":{"finish_reason":"length","generated_tokens":2,"seed":1,'
        '"prefill":[{"id":1,"text":"a"},{"id":2,"text":"b"}],"tokens":[]}}'
    )

    def test_parameters_have_a_place_of_their_own(self) -> None:
        sent = ask(TGI, max_completion_tokens=5, temperature=0.5, top_k=3, seed=1, stop=["a", "b", "c", "d", "e"])

        body = json.loads(sent.body)
        assert sent.url == "http://127.0.0.1:1/"
        assert body == {
            "inputs": "hello",
            "parameters": {
                "return_full_text": False,
                "details": True,
                "temperature": 0.5,
                "top_k": 3,
                "seed": 1,
                "max_new_tokens": 5,
                "stop": ["a", "b", "c", "d"],
            },
            "stream": False,
        }
        assert sent.stop == ("a", "b", "c", "d", "e")
        assert wire(TGI, stream=True)["stream"] is True
        assert wire(TGI, temperature=0)["parameters"] == {
            "return_full_text": False,
            "details": True,
            "do_sample": False,
        }

    def test_a_model_whose_name_tells_is_written_to_in_its_own_way(self) -> None:
        to = place(
            "tgi-server/meta-llama/Llama-3.1-8B",
            {},
            config={"tgi-server": {"dialect": "tgi_generate", "url": "http://h"}},
        )
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        messages = [*HELLO, {"role": "assistant", "content": None, "tool_calls": [call]}]
        messages.append({"role": "tool", "tool_call_id": "c", "content": "42"})

        inputs = wire(to, messages=messages)["inputs"]

        assert inputs.startswith("<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nhello<|eot_id|>")
        assert inputs.endswith("Tool: 42<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")

    @pytest.mark.parametrize("wrapped", [True, False])
    def test_an_answer_may_be_in_a_list(self, wrapped: bool) -> None:
        body = json.loads(self.ANSWER)

        response = read(TGI, [body] if wrapped else body)

        choice = response["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("hi there", "length")
        assert response["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}

    def test_counts_may_be_in_the_headers(self) -> None:
        head = Head(200, {"x-prompt-tokens": "7", "x-generated-tokens": "3"})

        assert read(TGI, {"generated_text": "x"}, head)["usage"]["total_tokens"] == 10
        assert read(TGI, {"generated_text": "x"}, JSON)["usage"] is None

    def test_several_answers_are_kept_apart(self) -> None:
        both = [{"generated_text": "a"}, {"generated_text": "b"}]
        response, raw = dialect("tgi_generate").operations["chat"].response(ask(TGI), JSON, json.dumps(both).encode())

        assert [choice["message"]["content"] for choice in response["choices"]] == ["a", "b"]
        assert raw == {"data": both}

    def test_a_stream_is_tokens_until_the_whole_text(self) -> None:
        def token(text: str, **more: Any) -> Any:
            return {"index": 1, "token": {"id": 1, "text": text, "special": False}, "generated_text": None, **more}

        last = token("</s>", generated_text="hi there", details={"finish_reason": "eos_token", "generated_tokens": 3})
        last["token"]["special"] = True
        data = sse(token("hi"), token(" there"), last, done=False)

        events = events_of(TGI, data)

        assert (said(events), ended(events)) == ("hi there", "stop")
        assert counted(events) == {"completion_tokens": 3}
        assert isinstance(failed(decode(TGI, [data[: data.index(b"</s>")]])), StreamInterruptedError)

    def test_an_answer_that_failed_is_an_error_and_no_reason_to_stop(self) -> None:
        details = {"finish_reason": "error", "generated_tokens": 1}
        last = {"index": 1, "token": {"id": 1, "text": "h"}, "generated_text": "h", "details": details}

        with pytest.raises(InternalServerError):
            read(TGI, {"generated_text": "h", "details": details})
        assert isinstance(failed(events_of(TGI, sse(last, done=False))), InternalServerError)

    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            ({"error": "Model is overloaded", "error_type": "overloaded"}, OverloadedError),
            (
                {"error": "Input validation error: temperature must be positive", "error_type": "validation"},
                BadRequestError,
            ),
        ],
    )
    def test_errors_are_what_they_say_also_in_mid_stream(self, error: Any, kind: Any) -> None:
        with pytest.raises(kind):
            read(TGI, json.dumps(error).encode())
        assert isinstance(failed(events_of(TGI, sse(error, done=False))), kind)

    def test_a_stream_that_came_as_one_body_is_read(self) -> None:
        events = events_of(TGI, self.ANSWER.encode(), JSON)

        assert (said(events), ended(events)) == ("hi there", "length")


class TestNlpCloud:
    def test_the_request(self) -> None:
        sent = ask(NLP, max_tokens=5, stop=["x", "y"], temperature=0.1)

        assert sent.url == "https://api.nlpcloud.io/v1/gpu/dolphin/generation"
        assert sent.headers["authorization"] == f"Token {KEY}"
        assert json.loads(sent.body) == {
            "text": "hello",
            "remove_input": True,
            "temperature": 0.1,
            "max_length": 5,
            "end_sequence": "x",
            "remove_end_sequence": True,
        }
        assert sent.stop == ("x", "y")

    def test_the_answer_also_where_a_stream_was_asked_for(self) -> None:
        body = {"generated_text": "hi", "nb_input_tokens": 3, "nb_generated_tokens": 2}

        response = read(NLP, body)

        assert response["choices"][0]["message"]["content"] == "hi"
        assert response["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        assert collect(events_of(NLP, json.dumps(body).encode()))["usage"] == response["usage"]

    def test_an_error(self) -> None:
        with pytest.raises(AuthenticationError):
            read(NLP, json.dumps({"error": "invalid api key", "status_code": 401}).encode())


class TestLangflow:
    def test_the_request(self) -> None:
        sent = ask(place("langflow/flow-1", {"LANGFLOW_API_KEY": KEY}), tweaks={"a": 1})

        assert sent.url == "http://localhost:7860/api/v1/run/flow-1?stream=false"
        assert sent.headers["x-api-key"] == KEY
        assert json.loads(sent.body) == {
            "input_value": "hello",
            "input_type": "chat",
            "output_type": "chat",
            "tweaks": {"a": 1},
        }

    def test_a_session_knows_what_was_said_before(self) -> None:
        messages = [*HELLO, {"role": "assistant", "content": "hi"}, {"role": "user", "content": "and?"}]

        body = wire(FLOW, messages=messages, session_id="s")

        assert (body["input_value"], body["session_id"]) == ("and?", "s")

    def test_what_the_flow_decides_on_is_refused(self) -> None:
        for fields in ({"temperature": 0.5}, {"max_tokens": 5}, {"stop": "x"}):
            with pytest.raises(UnsupportedError, match="the flow decides"):
                ask(FLOW, **fields)
            assert ask(FLOW, drop=True, **fields).dropped == list(fields)

    @pytest.mark.parametrize(
        "inner",
        [
            {"results": {"message": {"text": "hi", "sender": "Machine"}}},
            {"results": {}, "outputs": {"message": {"message": "hi", "type": "text"}}},
            {"outputs": {"message": {"message": {"text": "hi"}}}},
        ],
    )
    def test_the_text_is_found_wherever_servers_put_it(self, inner: Any) -> None:
        body = {"session_id": "s", "outputs": [{"inputs": {}, "outputs": [inner]}]}

        response = read(FLOW, body)

        assert response["choices"][0]["message"]["content"] == "hi"
        assert response["session_id"] == "s"

    def test_a_flow_without_a_chat_output_has_no_answer(self) -> None:
        with pytest.raises(ProtocolError, match="chat output"):
            read(FLOW, {"session_id": "s", "outputs": [{"outputs": [{"results": {}}]}]})


class TestLangGraph:
    AI = {
        "type": "ai",
        "id": "run-1",
        "content": "hi",
        "response_metadata": {"finish_reason": "stop"},
        "usage_metadata": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    }

    def test_the_request(self) -> None:
        messages = [{"role": "system", "content": "s"}, *HELLO, {"role": "assistant", "content": "a"}]
        whole, streamed = (
            ask(GRAPH, messages=messages, config={"tags": []}, metadata={"a": "b"}),
            ask(GRAPH, stream=True),
        )

        body = json.loads(whole.body)
        assert (whole.url, streamed.url) == ("http://localhost:2024/runs/wait", "http://localhost:2024/runs/stream")
        assert whole.headers["x-api-key"] == KEY
        assert body["assistant_id"] == "agent"
        assert [message["role"] for message in body["input"]["messages"]] == ["system", "human", "ai"]
        assert (body["config"], body["metadata"]) == ({"tags": []}, {"a": "b"})
        assert json.loads(streamed.body)["stream_mode"] == "messages-tuple"

    @pytest.mark.parametrize("nested", [True, False])
    def test_the_last_message_of_the_agent_is_the_answer(self, nested: bool) -> None:
        values = {"messages": [{"type": "human", "content": "x"}, {"type": "ai", "content": "first"}, self.AI]}

        response = read(GRAPH, {"values": values} if nested else values)

        assert response["choices"][0]["message"]["content"] == "hi"
        assert response["id"] == "run-1"
        assert response["usage"]["total_tokens"] == 5

    def test_a_stream_is_pieces_of_messages(self) -> None:
        piece = {"type": "AIMessageChunk", "id": "run-1", "content": "h", "response_metadata": {}}
        last = {**piece, "content": [{"type": "text", "text": "i"}], "response_metadata": {"finish_reason": "length"}}
        tool = {"type": "tool", "content": "not for the caller"}
        data = [{"run_id": "r"}, [piece, {}], [tool, {}], [last, {}], "null"]
        names = ("metadata", "messages", "messages", "messages", "end")

        events = events_of(GRAPH, sse(*data, names=names, done=False))

        assert (said(events), ended(events)) == ("hi", "length")
        unmarked = events_of(GRAPH, sse(*data[:-1], names=names, done=False))
        assert (said(unmarked), ended(unmarked)) == ("hi", "length")
        assert isinstance(failed(events_of(GRAPH, sse(*data[:2], names=names, done=False))), StreamInterruptedError)

    def test_an_error_in_the_stream(self) -> None:
        data = sse({"error": "GraphRecursionError", "message": "too deep"}, names=("error",), done=False)

        assert isinstance(failed(events_of(GRAPH, data)), LingateError)


class TestA2a:
    def test_the_request_is_a_remote_call(self) -> None:
        whole, streamed = ask(AGENT, contextId="c1"), ask(AGENT, stream=True)

        body = json.loads(whole.body)
        assert whole.url == "https://agents.example/one"
        assert (body["jsonrpc"], body["method"]) == ("2.0", "message/send")
        message = body["params"]["message"]
        assert (message["role"], message["contextId"]) == ("user", "c1")
        assert message["parts"] == [{"kind": "text", "text": "hello"}]
        assert message["messageId"]
        assert json.loads(streamed.body)["method"] == "message/stream"
        assert streamed.headers["accept"] == "text/event-stream"

    @pytest.mark.parametrize(
        "result",
        [
            {"kind": "message", "messageId": "m1", "role": "agent", "parts": [{"kind": "text", "text": "hi"}]},
            {
                "kind": "task",
                "id": "m1",
                "status": {"state": "completed"},
                "artifacts": [{"artifactId": "a", "parts": [{"kind": "text", "text": "hi"}]}],
            },
            {
                "kind": "task",
                "id": "m1",
                "status": {"state": "input-required", "message": {"parts": [{"kind": "text", "text": "hi"}]}},
            },
        ],
    )
    def test_a_message_and_a_task_are_answers(self, result: Any) -> None:
        response = read(AGENT, {"jsonrpc": "2.0", "id": "1", "result": {**result, "contextId": "c1"}})

        assert response["choices"][0]["message"]["content"] == "hi"
        assert (response["id"], response["contextId"]) == ("m1", "c1")

    @pytest.mark.parametrize("state", ["failed", "rejected", "working"])
    def test_a_task_that_is_not_done_is_no_answer(self, state: str) -> None:
        status = {"state": state, "message": {"parts": [{"kind": "text", "text": "because"}]}}

        with pytest.raises(InternalServerError, match=f"a task that is {state}: because"):
            read(AGENT, {"jsonrpc": "2.0", "id": "1", "result": {"kind": "task", "id": "t", "status": status}})

    def test_an_error_of_the_protocol(self) -> None:
        error = {"jsonrpc": "2.0", "id": "1", "error": {"code": -32602, "message": "Invalid parameters"}}

        with pytest.raises(LingateError, match="Invalid parameters"):
            read(AGENT, json.dumps(error).encode())
        assert isinstance(failed(events_of(AGENT, sse(error, done=False))), LingateError)

    def test_a_stream_of_artifacts_ends_with_the_final_status(self) -> None:
        def result(**fields: Any) -> Any:
            return {"jsonrpc": "2.0", "id": "1", "result": {"taskId": "t1", **fields}}

        def piece(text: str) -> Any:
            return result(kind="artifact-update", artifact={"parts": [{"kind": "text", "text": text}]}, append=True)

        done = {"state": "completed", "message": {"parts": [{"kind": "text", "text": "hi"}]}}
        working = result(kind="status-update", status={"state": "working"}, final=False)
        last = result(kind="status-update", status=done, final=True)

        events = events_of(AGENT, sse(working, piece("h"), piece("i"), last, done=False))

        assert (said(events), ended(events)) == ("hi", "stop")
        assert said(events_of(AGENT, sse(working, last, done=False))) == "hi"
        assert isinstance(failed(events_of(AGENT, sse(working, piece("h"), done=False))), StreamInterruptedError)

    def test_a_stream_that_is_one_message(self) -> None:
        message = {"kind": "message", "messageId": "m", "parts": [{"kind": "text", "text": "hi"}]}

        events = events_of(AGENT, sse({"jsonrpc": "2.0", "id": "1", "result": message}, done=False))

        assert (said(events), ended(events)) == ("hi", "stop")

    def test_a_task_that_fails_in_mid_stream_fails_the_answer(self) -> None:
        def task(state: str) -> Any:
            status = {"state": state, "message": {"parts": [{"kind": "text", "text": "because"}]}}
            return {"jsonrpc": "2.0", "id": "1", "result": {"kind": "status-update", "taskId": "t", "status": status}}

        piece = {"kind": "artifact-update", "taskId": "t", "artifact": {"parts": [{"kind": "text", "text": "h"}]}}
        events = events_of(AGENT, sse({"result": piece}, task("failed"), done=False))

        assert said(events) == "h"
        assert "a task that is failed: because" in str(failed(events))

    def test_a_stream_may_end_with_the_whole_task(self) -> None:
        parts = [{"kind": "text", "text": "hi"}]
        task = {"kind": "task", "id": "t", "status": {"state": "completed"}, "artifacts": [{"parts": parts}]}
        piece = {"kind": "artifact-update", "taskId": "t", "artifact": {"parts": parts}}

        for told in ([{"result": task}], [{"result": piece}, {"result": task}]):
            events = events_of(AGENT, sse(*told, done=False))
            assert (said(events), ended(events)) == ("hi", "stop")


class TestReplicate:
    DONE = {
        "id": "p1",
        "status": "succeeded",
        "output": ["h", "i"],
        "error": None,
        "metrics": {"input_token_count": 3, "output_token_count": 2},
        "urls": {"get": "https://api.replicate.com/v1/predictions/p1"},
    }

    @pytest.mark.parametrize(
        ("model", "path", "version"),
        [
            ("meta/meta-llama-3-8b-instruct", "/models/meta/meta-llama-3-8b-instruct/predictions", None),
            ("deployments/acme/mine", "/deployments/acme/mine/predictions", None),
            (f"a/b:{'0af' * 21}0", "/predictions", f"{'0af' * 21}0"),
            ("e" * 64, "/predictions", "e" * 64),
        ],
    )
    def test_a_model_may_be_named_in_each_way(self, model: str, path: str, version: str | None) -> None:
        sent = ask(place(f"replicate/{model}", {"REPLICATE_API_TOKEN": KEY}))

        assert sent.url == f"https://api.replicate.com/v1{path}"
        assert json.loads(sent.body).get("version") == version
        assert sent.headers["prefer"] == "wait=60"

    def test_parameters_are_input(self) -> None:
        messages = [{"role": "system", "content": "s"}, *HELLO]
        sent = ask(
            REPLICATE, messages=messages, max_tokens=5, temperature=0.1, stop=["a", "b,c"], min_tokens=1, stream=True
        )

        assert json.loads(sent.body) == {
            "input": {
                "prompt": "hello",
                "system_prompt": "s",
                "temperature": 0.1,
                "max_tokens": 5,
                "stop_sequences": "a",
                "min_tokens": 1,
            }
        }
        assert sent.stop == ("a", "b,c")
        assert "prefer" not in sent.headers

    @pytest.mark.parametrize(("output", "text"), [(["h", "i"], "hi"), ("hi", "hi"), (None, ""), ({"a": 1}, '{"a":1}')])
    def test_an_output_may_have_any_form(self, output: Any, text: str) -> None:
        response = read(REPLICATE, {**self.DONE, "output": output})

        assert response["choices"][0]["message"]["content"] == text
        assert response["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        assert response["id"] == "p1"

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({"status": "failed", "error": "CUDA out of memory"}, LingateError),
            ({"status": "failed", "error": None}, InternalServerError),
            ({"status": "canceled"}, InternalServerError),
            ({"status": "starting"}, InternalServerError),
            ({"detail": "Invalid token.", "status": 401, "title": "Unauthenticated"}, AuthenticationError),
            ({"detail": "The requested resource could not be found.", "status": 404}, NotFoundError),
            ({"detail": "Request was throttled.", "status": 429}, RateLimitError),
        ],
    )
    def test_a_prediction_that_came_to_nothing_is_an_error(self, body: Any, kind: Any) -> None:
        with pytest.raises(kind):
            read(REPLICATE, json.dumps(body).encode())

    def test_a_stream_is_plain_text_in_events(self) -> None:
        data = sse("h", "i\n", " there", "{}", names=("output", "output", "output", "done"), done=False)

        events = events_of(REPLICATE, data)

        assert (said(events), ended(events)) == ("hi\n there", "stop")

    @pytest.mark.parametrize(
        "last",
        [
            ("error", '{"detail": "NSFW content"}'),
            ("error", "boom"),
            ("done", '{"reason": "error"}'),
            ("done", '{"reason": "canceled"}'),
        ],
    )
    def test_a_stream_that_failed_says_so(self, last: tuple[str, str]) -> None:
        data = sse("h", last[1], names=("output", last[0]), done=False)

        assert isinstance(failed(events_of(REPLICATE, data)), LingateError)

    def test_a_stream_without_its_end_was_interrupted(self) -> None:
        data = sse("h", names=("output",), done=False)

        assert isinstance(failed(decode(REPLICATE, [data], SSE)), StreamInterruptedError)


def test_a_stream_may_end_without_the_blank_line_after_its_last_event() -> None:
    last = {
        "token": {"id": 1, "text": "", "special": True},
        "generated_text": "hi",
        "details": {"finish_reason": "eos_token"},
    }
    data = sse({"token": {"id": 2, "text": "hi", "special": False}}, last, done=False).rstrip()

    events = events_of(TGI, data)

    assert (said(events), ended(events)) == ("hi", "stop")


def test_what_is_no_message_is_told_to_a_graph_as_it_is() -> None:
    assert wire(GRAPH, messages=["hello"])["input"] == {"messages": ["hello"]}

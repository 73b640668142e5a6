"""What five host applications need from the core (X1 to X14), for every wire format: bytes sent, and what came back.

Each is told in one sentence; the applications' own code proved that it matters.
"""

from __future__ import annotations

import asyncio
import gc
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage

import lingate
from lingate._model import JsonDict
from lingate.errors import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    InternalServerError,
    RateLimitError,
)
from lingate.simulator import Simulator
from lingate.testing import Reply, Streamed
from tests.fidelity.formats import chats, events_in, faces, holding, stream_of
from tests.fidelity.gist import text_of
from tests.fidelity.providers import provider_of
from tests.fidelity.sdk import (
    ASK,
    MODEL,
    TOOL,
    aclient,
    client,
    config,
    read_back,
    refusal,
    reply,
    response,
    streamed,
    wire,
)

EVERY = pytest.mark.parametrize("name", faces())
STOPPED = {
    "anthropic": ("stop_reason", "end_turn"),
    "bedrock_converse": ("stopReason", "end_turn"),
    "cohere": ("finish_reason", "COMPLETE"),
    "ollama": ("done_reason", "stop"),
    "openai_responses": ("status", "completed"),
}
"""The field and the word by which a whole answer says that it simply ended."""

NO_WAIT = lingate.RetryPolicy(retries=2, base=0.0)


def ended_plainly(name: str) -> JsonDict:
    """An answer with tool calls that claims to have ended as any other: several servers send such."""
    body: JsonDict = json.loads(holding(name).data)
    if name == "openai_chat":
        body["choices"][0]["finish_reason"] = "stop"
    elif name == "gemini":
        assert body["candidates"][0]["finishReason"] == "STOP"
    else:
        field, word = STOPPED[name]
        body[field] = word
    return body


@EVERY
def test_x01_an_answer_with_tool_calls_ends_with_tool_calls_whatever_the_provider_calls_it(name: str) -> None:
    body = ended_plainly(name)
    data, content_type = provider_of(name).stream(body)
    lone, _ = client(name, Reply(body), Streamed([data], headers={"content-type": content_type}))

    whole = lone.chat(MODEL, ASK, tools=[TOOL])
    stream = lone.chat(MODEL, ASK, tools=[TOOL], stream=True)
    chunks = list(stream)

    assert whole.finish_reason == "tool_calls"
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["tool_calls"]
    assert len(whole.tool_calls) == len(stream.final().tool_calls) == 2


@EVERY
@pytest.mark.parametrize(
    "told", [response("hello"), response(None, "find"), response("")], ids=["text", "call", "none"]
)
def test_x02_what_hosts_take_for_text_numbers_and_lists_is_never_none(name: str, told: JsonDict) -> None:
    lone, _ = client(name, reply(name, told), streamed(name, told))

    for answer in (lone.chat(MODEL, ASK), lone.chat(MODEL, ASK, stream=True).final()):
        assert isinstance(answer.text, str)
        assert isinstance(answer.finish_reason, str)
        assert isinstance(answer.tool_calls, list)
        assert all(isinstance(call.arguments, dict) for call in answer.tool_calls)
        usage = answer.usage
        assert [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens] == [3, 2, 5]


@EVERY
def test_x03_of_temperature_and_top_p_a_model_that_takes_one_gets_temperature(name: str) -> None:
    lone, transport = client(name, reply(name, response()))

    # The family of the model says so, wherever it is served.
    answer = lone.chat("acme/claude-sonnet-4-5", ASK, temperature=0.7, top_p=0.8)
    free = lone.chat("acme/some-other-model", ASK, temperature=0.7, top_p=0.8)

    first, second = (read_back(name, sent).body for sent in transport.requests)
    assert (first.get("temperature"), first.get("top_p")) == (0.7, None)
    assert (second.get("temperature"), second.get("top_p")) == (0.7, 0.8)
    assert ("top_p" in answer.dropped, "top_p" in free.dropped) == (True, False)


STOPS = [f"<{number}>" for number in range(10)]


@EVERY
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_x04_more_stop_sequences_than_a_provider_takes_are_enforced_here(name: str, stream: bool) -> None:
    told = response("one two <8> three")
    answer: Any = streamed(name, told, pieces=40) if stream else reply(name, told)
    lone, transport = client(name, answer, traits={"max_stop": 4})

    made = lone.chat(MODEL, ASK, stop=STOPS, stream=stream)
    texts = [chunk.text for chunk in made] if stream else []
    final = made.final() if stream else made

    assert len(read_back(name, transport.requests[0]).body.get("stop", [])) <= 4
    assert (final.text, final.finish_reason) == ("one two ", "stop")
    assert "".join(texts) == ("one two " if stream else "")
    assert transport.closed == stream, "nobody waits for what the caller does not want"


@EVERY
def test_x05_empty_tools_and_a_stop_of_null_are_left_out(name: str) -> None:
    lone, transport = client(name, reply(name, response()))

    lone.chat(MODEL, ASK, tools=[], stop=None, tool_choice="auto")

    body = read_back(name, transport.requests[0]).body
    assert body.keys().isdisjoint({"tools", "tool_choice", "stop"})
    assert not {"tools", "toolConfig", "stop", "stop_sequences"} & wire(transport.requests[0]).keys()


CALLED = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"x":"y"}'}}
HISTORY: dict[str, list[JsonDict]] = {
    "results without tools, system text last": [
        {"role": "user", "content": "find it"},
        {"role": "assistant", "content": "", "tool_calls": [CALLED]},
        {"role": "tool", "tool_call_id": "call_1", "content": "found"},
        {"role": "system", "content": "Sum it up."},
    ],
    "two system texts before the user's": [
        {"role": "system", "content": "Be brief."},
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "hi"},
    ],
    "system text in mid-conversation": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "go on"},
    ],
    "content that is an empty list": [
        {"role": "user", "content": "find it"},
        {"role": "assistant", "content": [], "tool_calls": [CALLED]},
        {"role": "tool", "tool_call_id": "call_1", "content": "found"},
        {"role": "user", "content": "go on"},
    ],
    "content of null, and a name on the result": [
        {"role": "user", "content": "find it"},
        {"role": "assistant", "content": None, "tool_calls": [CALLED]},
        {"role": "tool", "tool_call_id": "call_1", "name": "find", "content": "found"},
        {"role": "user", "content": "go on"},
    ],
    "an assistant that said nothing": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": []},
        {"role": "user", "content": "go on"},
    ],
}


@EVERY
@pytest.mark.parametrize("case", HISTORY)
def test_x06_histories_as_hosts_write_them_are_taken_and_nothing_said_is_lost(name: str, case: str) -> None:
    lone, transport = client(name, reply(name, response()))

    lone.chat(MODEL, HISTORY[case])

    back = read_back(name, transport.requests[0]).body["messages"]
    texts = "\n".join(text_of(message) for message in back)
    said = [text_of(message) for message in HISTORY[case]]
    assert [text for text in said if text and text not in texts] == []
    results = [message["tool_call_id"] for message in back if message["role"] == "tool"]
    calls = [call["id"] for message in back for call in message.get("tool_calls") or ()]
    assert results == calls == [m["tool_call_id"] for m in HISTORY[case] if m["role"] == "tool"]


@EVERY
def test_x07_a_lone_system_message_leaves_something_to_answer(name: str) -> None:
    """Adapters never send one; what reaches the core all the same is what OpenAI answers."""
    lone, transport = client(name, reply(name, response()))

    lone.chat(MODEL, [{"role": "system", "content": "Be brief."}])

    back = read_back(name, transport.requests[0]).body["messages"]
    assert "Be brief." in "".join(text_of(message) for message in back)
    if name in ("anthropic", "bedrock_converse", "cohere", "gemini"):  # they refuse a conversation without a turn
        assert any(message["role"] == "user" for message in back)


# What deepwiki's retry looks for, and what second-brain takes for an overflow of the context.
OVERFLOW = ("maximum context length", "token limit", "too many tokens")
OVERFLOW_HINTS = (*OVERFLOW, "context window", "context_length_exceeded", "prompt is too long")


@EVERY
def test_x08_the_text_of_an_error_says_which_kind_it_is(name: str) -> None:
    errors = [
        ContextLengthError("This model's maximum context length is 8192 tokens."),
        RateLimitError("Slow down."),
        AuthenticationError("Wrong key."),
    ]
    lone, _ = client(name, *(refusal(name, error) for error in errors), retries=0)

    found = []
    for error in errors:
        with pytest.raises(type(error)) as raised:
            lone.chat(MODEL, ASK)
        found.append(raised.value)

    context, *others = found
    assert any(hint in str(context).lower() for hint in OVERFLOW), str(context)
    assert [[hint for hint in OVERFLOW_HINTS if hint in str(other).lower()] for other in others] == [[], []]
    assert [error.kind for error in found] == ["context_window", "rate_limit", "auth"]


@EVERY
def test_x09_answers_pickle_are_json_and_fit_the_types_of_the_openai_package(name: str) -> None:
    body = json.loads(holding(name).data)
    data, content_type = provider_of(name).stream(body)
    lone, _ = client(name, Reply(body), Streamed([data], headers={"content-type": content_type}))

    whole = lone.chat(MODEL, ASK, tools=[TOOL])
    stream = lone.chat(MODEL, ASK, tools=[TOOL], stream=True, stream_options={"include_usage": True})
    chunks = list(stream)

    for answer in (whole, stream.final()):
        again = pickle.loads(pickle.dumps(answer))
        assert again == answer
        assert json.loads(json.dumps(again.to_dict())) == answer.to_dict()
        ChatCompletion.model_validate(answer.to_dict(), strict=True)
        ChatCompletionMessage.model_validate(answer.message.to_dict(), strict=True)
        CompletionUsage.model_validate(answer.usage.to_dict(), strict=True)
    for chunk in chunks:
        assert pickle.loads(pickle.dumps(chunk)) == chunk
        ChatCompletionChunk.model_validate(chunk.to_dict(), strict=True)
    assert chunks[-1].usage == whole.usage


@EVERY
def test_x10_one_client_answers_many_threads_each_its_own_question(name: str) -> None:
    with Simulator() as simulator, lingate.Lingate(env={}, config=config(name)) as shared:

        def ask(number: int) -> str:
            text: str = shared.chat(MODEL, f"question {number}", api_base=simulator.url).text
            return text

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(40)))

    assert [f'"question {number}"' in answer for number, answer in enumerate(answers)] == [True] * 40


@EVERY
def test_x11_a_stream_that_is_left_early_lets_go_of_the_connection(name: str) -> None:
    told = response("one two three four five six seven eight")
    lone, transport = client(name, streamed(name, told, pieces=60))

    def first_words() -> str:
        for chunk in lone.chat(MODEL, ASK, stream=True):
            if chunk.text:
                return chunk.text
        return ""

    assert first_words()
    gc.collect()
    assert transport.closed == 1


@EVERY
async def test_x11_a_stream_whose_task_is_cancelled_lets_go_of_the_connection(name: str) -> None:
    told = response("one two three four five six seven eight")
    lone, transport = aclient(name, streamed(name, told, pieces=60))
    begun = asyncio.Event()

    async def listen() -> None:
        async for chunk in await lone.chat(MODEL, ASK, stream=True):
            if chunk.text:
                begun.set()
                await asyncio.sleep(60)

    task = asyncio.create_task(listen())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    gc.collect()
    await asyncio.sleep(0)

    assert transport.closed == 1


@EVERY
def test_x12_parameters_that_mean_nothing_to_a_provider_are_ignored_if_that_is_allowed(name: str) -> None:
    lone, transport = client(name, streamed(name, response()))
    strict = {**TOOL, "strict": True}

    stream = lone.chat(
        MODEL,
        ASK,
        stream=True,
        drop_params=True,
        tools=[strict],
        top_k=20,
        chat_template_kwargs={"enable_thinking": False},
        stream_options={"include_usage": True},
    )

    assert stream.final().text == "hello"
    (tool,) = read_back(name, transport.requests[0]).body["tools"]
    assert "strict" not in tool, "it belongs into the function, where the format has a place for it"
    assert ("chat_template_kwargs" in wire(transport.requests[0])) == (name == "openai_chat")


@EVERY
@pytest.mark.parametrize("include_usage", [False, True])
def test_x13_the_openai_face_speaks_sse_as_strict_clients_read_it(name: str, include_usage: bool) -> None:
    """What a server adds to it (`/api/version`, `/v1/models`) is tested with the server."""
    face = chats()["openai_chat"]
    asked = {"model": "m", "messages": ASK, "stream": True, "stream_options": {"include_usage": include_usage}}
    call = face.parse_call(json.dumps(asked).encode(), {})
    events = events_in(name, *provider_of(name).stream(json.loads(holding(name).data)))

    data, content_type = stream_of("openai_chat", events, call)

    lines = [line for line in data.decode().split("\n") if line]
    assert content_type == "text/event-stream"
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line[6:]) for line in lines[:-1]]
    assert [bool(chunk.get("usage")) for chunk in chunks] == [False] * (len(chunks) - 1) + [include_usage]


@EVERY
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_x14_nothing_below_the_one_retry_engine_retries(name: str, stream: bool) -> None:
    """What a server says to its own clients about retrying is tested with the server."""
    lone, transport = client(name, refusal(name, InternalServerError("down")))

    for retries, expected in ((0, 1), (NO_WAIT, 3)):
        transport.requests.clear()
        with pytest.raises(InternalServerError) as raised:
            lone.chat(MODEL, ASK, stream=stream, retries=retries)

        assert len(transport.requests) == expected
        assert len(raised.value.attempts) == expected


@EVERY
def test_x14_a_provider_that_says_not_to_try_again_is_not_tried_again(name: str) -> None:
    refused = refusal(name, RateLimitError("slow down"), x_should_retry="false")
    lone, transport = client(name, refused)

    with pytest.raises(RateLimitError) as raised:
        lone.chat(MODEL, ASK, retries=NO_WAIT)

    assert len(transport.requests) == 1
    assert not raised.value.retryable


@EVERY
def test_x14_a_provider_that_says_to_try_again_is_tried_again(name: str) -> None:
    refused = refusal(name, BadRequestError("not now"), x_should_retry="true")
    lone, transport = client(name, refused, reply(name, response()))

    answer = lone.chat(MODEL, ASK, retries=NO_WAIT)

    assert answer.text == "hello"
    assert [attempt.kind for attempt in answer.attempts] == ["bad_request", "ok"]
    assert len(transport.requests) == 2


@EVERY
def test_x14_a_request_that_is_wrong_is_sent_once(name: str) -> None:
    lone, transport = client(name, refusal(name, BadRequestError("no")))

    with pytest.raises(BadRequestError):
        lone.chat(MODEL, ASK, retries=NO_WAIT)

    assert len(transport.requests) == 1

"""What callers read answers and chunks by."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import lingate
from lingate import errors
from lingate._wire.json import encode
from lingate.testing import FakeTransport, Reply, Streamed

KEYS = {"OPENAI_API_KEY": "test"}
TOKEN = {"token": "t", "logprob": -1.0, "bytes": None, "top_logprobs": []}
COUNTS = {
    "prompt_tokens": 9,
    "completion_tokens": 2,
    "total_tokens": 11,
    "prompt_tokens_details": {"cache_write_tokens": 4},
}


def client(*answers: Reply | Streamed) -> lingate.Lingate:
    return lingate.Lingate(transport=FakeTransport(*answers), env=KEYS, retries=0)


def answer() -> lingate.ChatResponse:
    message = {"role": "assistant", "content": "t"}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": {"content": [TOKEN]}}
    return client(Reply({"id": "c", "choices": [choice], "usage": COUNTS})).chat("openai/m", "hi")


def test_a_part_of_an_answer_is_read_as_a_dict_and_as_an_object_is() -> None:
    choice = answer().choices[0]

    assert list(choice) == ["index", "message", "finish_reason", "logprobs"]
    assert "message" in choice
    assert choice == choice.to_dict() == choice.model_dump()
    assert choice != 5
    assert choice.logprobs.content[0].token == "t"
    for twin in (copy.copy(choice), copy.deepcopy(choice), pickle.loads(pickle.dumps(choice))):
        assert (type(twin), twin) == (type(choice), choice)


def test_what_an_answer_does_not_have_is_none_or_empty() -> None:
    found = answer()

    assert (found.message.thinking_blocks, found.message.annotations, found.message.tool_calls) == ([], [], None)
    assert found.usage is not None
    assert (found.usage.cache_write_tokens, found.usage.cached_tokens, found.usage.reasoning_tokens) == (4, None, None)
    bare = client(Reply({"choices": [{"message": {"content": "t"}}]})).chat("openai/m", "hi")
    assert (bare.usage, bare.choices[0].logprobs) == (None, None)


def test_chunks_say_what_each_adds_to_which_answer() -> None:
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    first = {"index": 0, "delta": {"reasoning_content": "r", "content": "t", "tool_calls": [call]}}
    events = [
        {"choices": [{**first, "logprobs": {"content": [TOKEN]}}]},
        {"choices": [{"index": 1, "delta": {"content": "u", "reasoning_content": "q"}, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], "usage": COUNTS},
    ]
    pieces = [b"data: " + encode(event) + b"\n\n" for event in events]
    options: dict[str, Any] = {"n": 2, "logprobs": True, "stream_options": {"include_usage": True}}

    stream = client(Streamed([*pieces, b"data: [DONE]\n\n"])).chat("openai/m", "hi", stream=True, **options)
    chunks = list(stream)

    assert "".join(chunk.text for chunk in chunks) == "t"
    assert "".join(chunk.reasoning for chunk in chunks) == "r"
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    calls = [call for delta in deltas for call in delta.tool_calls or ()]
    assert "".join(call.function.name or "" for call in calls) == "f"
    assert "".join(call.function.arguments or "" for call in calls) == "{}"
    assert [choice.logprobs.content[0].token for chunk in chunks for choice in chunk.choices if choice.logprobs] == [
        "t"
    ]
    assert (chunks[-1].text, chunks[-1].reasoning, chunks[-1].choices) == ("", "", [])
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.cache_write_tokens == 4
    assert pickle.loads(pickle.dumps(chunks[0])) == chunks[0]


def test_a_completion_has_texts_with_their_probabilities() -> None:
    told = {"tokens": ["t"], "token_logprobs": [-1.0], "top_logprobs": None, "text_offset": [0]}
    choice = {"index": 0, "text": "t", "finish_reason": "stop", "logprobs": told}

    found = client(Reply({"id": "c", "choices": [choice]})).complete("openai/m", "hi")

    assert [(choice.text, choice.logprobs.tokens) for choice in found.choices] == [("t", ["t"])]


class Fields(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def test_any_mapping_is_taken_where_a_dict_is() -> None:
    transport = FakeTransport(Reply({"choices": [{"message": {"content": "t"}}]}))
    asked = lingate.Lingate(transport=transport, env=Fields(**KEYS))

    asked.chat("openai/m", [Fields(role="user", content="hi")], logit_bias=Fields(a=1), response_format="json")

    assert transport.bodies[0]["messages"] == [{"role": "user", "content": "hi"}]
    assert transport.bodies[0]["logit_bias"] == {"a": 1}
    assert transport.bodies[0]["response_format"] == {"type": "json_object"}


def test_any_number_of_addresses_is_asked_and_few_are_kept() -> None:
    asked = client(Reply({"choices": [{"message": {"content": "t"}}]}))

    for number in range(1100):
        asked.chat("openai/m", "hi", api_base=f"http://host{number}.invalid/v1")

    assert len(asked._session._places) <= 1024


def test_names_of_headers_in_a_script_may_be_written_in_any_case() -> None:
    body = b'{"choices":[{"message":{"content":"t"}}]}'
    named = {"Content-Type": "application/json", "X-Request-Id": "one", "Retry-After": "7"}

    assert client(Streamed([body], headers=named)).chat("openai/m", "hi").request_id == "one"
    for stream in (False, True):
        with pytest.raises(errors.RateLimitError) as caught:
            client(Streamed([b"{}"], status=429, headers=named)).chat("openai/m", "hi", stream=stream)
        assert (caught.value.retry_after, caught.value.request_id) == (7, "one")


def test_a_script_without_an_answer_says_so_and_an_error_in_it_is_raised() -> None:
    with pytest.raises(AssertionError, match="no answer to request 1"):
        client().chat("openai/m", "hi")
    with pytest.raises(errors.ConnectError, match="gone"):
        client(Streamed([b"{"], errors.ConnectError("gone"))).chat("openai/m", "hi")

"""More inputs to be embedded than one request may hold: several requests, one answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import lingate
from lingate.errors import AuthenticationError, BadRequestError, ConfigError, ProtocolError, RateLimitError
from lingate.testing import AsyncFakeTransport, FakeTransport, Reply
from tests.aws import ACCESS_KEY, SECRET_KEY

TITAN = "bedrock/amazon.titan-embed-text-v2:0"
TEN = "dashscope/text-embedding-v4"
ENV = {"DASHSCOPE_API_KEY": "sk", "GEMINI_API_KEY": "sk", "COHERE_API_KEY": "sk"}
ENV |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "us-east-1"}


def vectors(*numbers: float, tokens: int | None = None, **more: Any) -> Reply:
    usage = {} if tokens is None else {"usage": {"prompt_tokens": tokens, "total_tokens": tokens, **more}}
    data = [{"object": "embedding", "index": at, "embedding": [number]} for at, number in enumerate(numbers)]
    return Reply({"object": "list", "model": "text-embedding-v4", "data": data, **usage})


def client(*answers: Any, **options: Any) -> tuple[lingate.Lingate, FakeTransport]:
    transport = FakeTransport(*answers)
    return lingate.Lingate(transport=transport, env=ENV, **options), transport


def words(count: int) -> list[str]:
    return [f"word {number}" for number in range(count)]


@pytest.mark.parametrize("drop_params", [False, True])
def test_a_model_that_embeds_one_text_a_request_is_asked_once_for_each(drop_params: bool) -> None:
    answers = [Reply({"embedding": [float(at)], "inputTextTokenCount": 3 + at}) for at in range(3)]
    made, transport = client(*answers, drop_params=drop_params)

    answer = made.embed(TITAN, ["a", "b", "c"], dimensions=256)

    assert transport.bodies == [{"inputText": text, "dimensions": 256} for text in "abc"]
    assert answer.vectors == [[0.0], [1.0], [2.0]]
    assert [item.index for item in answer.data] == [0, 1, 2]
    assert answer.usage == {"prompt_tokens": 12, "total_tokens": 12}
    assert answer.dropped == ()
    assert len({sent.headers["authorization"] for sent in transport.requests}) == 3  # each is signed


def test_inputs_go_out_in_as_few_requests_as_will_do() -> None:
    made, transport = client(
        vectors(*range(10), tokens=20), vectors(*range(10, 20), tokens=30), vectors(20, 21, tokens=4)
    )

    answer = made.embed(TEN, words(22))

    assert [body["input"] for body in transport.bodies] == [words(22)[:10], words(22)[10:20], words(22)[20:]]
    assert answer.vectors == [[number] for number in range(22)]
    assert answer.usage == {"prompt_tokens": 54, "total_tokens": 54}
    assert [attempt.kind for attempt in answer.attempts] == ["ok"]
    assert [len(part["data"]) for part in answer.raw["parts"]] == [10, 10, 2]


def test_mistral_embeds_256_at_once() -> None:
    made, transport = client(vectors(*range(256), tokens=1), vectors(256, tokens=1))

    assert len(made.embed("mistral/mistral-embed", words(257), api_key="k").vectors) == 257
    assert [len(body["input"]) for body in transport.bodies] == [256, 1]


def test_awaited_calls_are_divided_too() -> None:
    transport = AsyncFakeTransport(vectors(*range(10), tokens=1), vectors(10, tokens=1))

    async def embed() -> Any:
        return await lingate.AsyncLingate(transport=transport, env=ENV).embed(TEN, words(11))

    assert asyncio.run(embed()).vectors == [[number] for number in range(11)]


@pytest.mark.parametrize("given", ["a", words(10), list(range(30)), [list(range(30))] * 3])
def test_what_fits_is_one_request(given: Any) -> None:
    made, transport = client(vectors(0, tokens=1))

    answer = made.embed(TEN, given)

    assert [body["input"] for body in transport.bodies] == [given]
    assert "parts" not in answer.raw


def test_lists_of_tokens_are_inputs_like_texts() -> None:
    made, transport = client(vectors(*range(10), tokens=1), vectors(10, tokens=1))

    made.embed(TEN, [[1, 2]] * 11)

    assert [len(body["input"]) for body in transport.bodies] == [10, 1]


@pytest.mark.parametrize(
    ("model", "path", "name", "count", "sizes"),
    [
        ("gemini/gemini-embedding-001", ":batchEmbedContents", "requests", 101, [100, 1]),
        ("cohere/embed-v4.0", "/v2/embed", "texts", 97, [96, 1]),
        ("bedrock/cohere.embed-v4:0", "/invoke", "texts", 97, [96, 1]),
    ],
)
def test_formats_know_their_own_limits(model: str, path: str, name: str, count: int, sizes: list[int]) -> None:
    made, transport = client(
        *(Reply({"embeddings": [{"values": [1.0]} if name == "requests" else [1.0]] * size}) for size in sizes)
    )

    assert len(made.embed(model, words(count)).vectors) == count
    assert [len(body[name]) for body in transport.bodies] == sizes
    assert all(sent.url.endswith(path) for sent in transport.requests)


def test_vectors_of_further_types_are_those_of_all_inputs() -> None:
    made, transport = client(
        *(
            Reply({"id": "x", "embeddings": {"float": [[1.0]] * size, "int8": [[at]] * size}, "texts": ["t"] * size})
            for at, size in enumerate((96, 2))
        )
    )

    answer = made.embed("cohere/embed-v4.0", words(98), embedding_types=["float", "int8"])

    assert len(transport.requests) == 2
    kept = answer.to_dict()["provider_specific_fields"]["cohere"]
    assert kept["embeddings"]["int8"] == [[0]] * 96 + [[1]] * 2
    assert kept["embedding_type"] == "float"


def test_a_request_that_fails_is_made_again_and_those_before_it_are_not() -> None:
    slow = Reply({"error": {"message": "slow down"}}, 429, {"retry-after": "0"})
    made, transport = client(vectors(*range(10), tokens=5), slow, vectors(10, tokens=1), retries=1)

    answer = made.embed(TEN, words(11))

    assert answer.vectors == [[number] for number in range(11)]
    assert [len(body["input"]) for body in transport.bodies] == [10, 1, 1]
    assert [attempt.kind for attempt in answer.attempts] == ["rate_limit", "ok"]


def test_a_request_that_cannot_be_had_is_the_error_of_the_call() -> None:
    made, _ = client(vectors(*range(10), tokens=5), Reply({"error": {"message": "no"}}, 429), retries=0)

    with pytest.raises(RateLimitError) as caught:
        made.embed(TEN, words(11))

    assert [attempt.kind for attempt in caught.value.attempts] == ["rate_limit"]


def test_another_model_embeds_all_of_it() -> None:
    made, transport = client(
        vectors(*range(10), tokens=5), Reply({}, 500), vectors(*range(10), tokens=5), vectors(10, tokens=1), retries=0
    )

    answer = made.embed(TEN, words(11), fallbacks=["alibaba/text-embedding-v4"])

    assert answer.vectors == [[number] for number in range(11)]
    assert [len(body["input"]) for body in transport.bodies] == [10, 1, 10, 1]


def test_what_cannot_be_sent_is_said_before_anything_is_paid_for() -> None:
    made, transport = client(Reply({"embedding": [1.0]}))

    with pytest.raises(ConfigError, match="only text"):
        made.embed(TITAN, ["a", "b", [1, 2]])

    assert transport.requests == []


def test_too_few_vectors_are_an_error_where_each_later_input_would_get_anothers() -> None:
    made, _ = client(vectors(*range(9), tokens=5), vectors(9, 10, tokens=5), retries=0)

    with pytest.raises(ProtocolError, match="10 inputs with 9 vectors"):
        made.embed(TEN, words(12))


def test_usage_that_a_part_does_not_tell_is_unknown() -> None:
    made, _ = client(vectors(*range(10), tokens=5), vectors(10))

    assert made.embed(TEN, words(11)).usage is None


def test_counts_and_costs_of_all_parts_are_added_up() -> None:
    made, _ = client(
        vectors(*range(10), tokens=5, cost=0.25, prompt_tokens_details={"cached_tokens": 2}),
        vectors(10, tokens=2, cost=0.5, prompt_tokens_details={"cached_tokens": 1}),
    )

    usage = made.embed(TEN, words(11)).usage

    assert usage is not None
    assert usage.to_dict() == {
        "prompt_tokens": 7,
        "total_tokens": 7,
        "cost": 0.75,
        "prompt_tokens_details": {"cached_tokens": 3},
    }


def test_a_refusal_names_the_provider() -> None:
    made, transport = client(Reply({"error": {"message": "bad"}}, 400))

    with pytest.raises(BadRequestError) as caught:
        made.embed(TEN, words(30))

    assert (caught.value.provider, caught.value.model) == ("dashscope", "text-embedding-v4")
    assert len(transport.requests) == 1


def test_headers_of_the_call_go_with_each_request_and_are_repeated_in_no_error() -> None:
    own = "canary-of-the-call-4711"
    made, transport = client(
        vectors(*range(10), tokens=1), Reply({"error": {"message": f"no such key {own}"}}, 401), retries=0
    )

    with pytest.raises(AuthenticationError) as caught:
        made.embed(TEN, words(11), extra_headers={"x-own-token": own})

    assert [sent.headers["x-own-token"] for sent in transport.requests] == [own, own]
    assert own not in f"{caught.value} {caught.value.detail}"

"""Calls and answers as providers beside OpenAI have them, over HTTP: nothing is lost, and nothing is another's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import lingate
from lingate._wire import eventstream
from lingate.errors import InternalServerError, LingateError, ProtocolError, StreamInterruptedError, UnsupportedError
from lingate.testing import AsyncFakeTransport, FakeTransport, Reply, Streamed
from tests.servers import RawServer, Script

WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
KEYS = {"GIGACHAT_ACCESS_TOKEN": "t", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
# Servers of llama.cpp score documents in the order in which they came, and return them all.
RESULTS = [{"index": at, "relevance_score": score} for at, score in enumerate((-3.1, 2.0, -3.1, 0.5))]
FAILED = {"generated_text": "", "details": {"finish_reason": "error", "generated_tokens": None, "inputs": None}}
TOKEN = {"token": {"id": 304, "text": "Deep ", "log_prob": -0.05}}


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with RawServer() as running:
        yield running


@pytest.fixture
def client(server: RawServer) -> Iterator[lingate.Lingate]:
    own = {
        "tgi": {"dialect": "tgi_generate", "url": server.url},
        "container": {"dialect": "sagemaker", "url": server.url, "traits": {"body_format": "prompt"}},
        "gigachat": {"url": server.url},
    }
    with lingate.Lingate({"providers": own}, env=KEYS, retries=0) as made:
        yield made


def place(model: str, server: RawServer) -> dict[str, Any]:
    """Where a provider of the table is asked; those of the fixture know."""
    ours = model.partition("/")[0] in ("tgi", "container", "gigachat")
    return {} if ours else {"api_key": "k", "api_base": server.url}


@pytest.fixture
def ask(server: RawServer, client: lingate.Lingate) -> Any:
    """Asks by a method of the client; the first argument is what is answered."""

    def asked(body: Any, method: str, model: str, *about: Any, **params: Any) -> Any:
        server.script = Script([json.dumps(body).encode()], headers={"content-type": "application/json"})
        return getattr(client, method)(model, *about, **place(model, server), **params)

    return asked


@pytest.fixture
def stream(server: RawServer, client: lingate.Lingate) -> Any:
    """Reads a stream whole, and byte by byte with the same outcome: its text, and the response that it adds up to."""

    def read(data: bytes, model: str, kind: str = "text/event-stream", **params: Any) -> Any:
        outcomes = []
        for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
            server.script = Script(pieces, headers={"content-type": kind})
            opened = client.chat(model, "hi", stream=True, **place(model, server), **params)
            text = "".join(chunk.text for chunk in opened)
            outcomes.append((text, opened.final()))
        assert outcomes[0][0] == outcomes[1][0]
        assert outcomes[0][1].usage == outcomes[1][1].usage
        return outcomes[0]

    return read


def sse(*values: Any, done: bool = True) -> bytes:
    lines = "".join(f"data: {json.dumps(value)}\n\n" for value in values)
    return (lines + ("data: [DONE]\n\n" if done else "")).encode()


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def frames(data: bytes) -> bytes:
    """What SageMaker makes of a container's stream."""
    headers = {":event-type": "PayloadPart", ":content-type": "application/octet-stream", ":message-type": "event"}
    return eventstream.encode(headers, data)


def chunk(reason: str | None = None, **delta: Any) -> Any:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def whole(message: Any, reason: str = "stop") -> Any:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": reason}]}


class TestVectors:
    def test_vectors_stand_in_the_order_of_their_inputs_in_whichever_they_came(self, ask: Any) -> None:
        data = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]

        made = ask({"data": data}, "embed", "jina_ai/x", ["a", "b"])

        assert [item.embedding for item in made.data] == made.vectors == [[1.0], [2.0]]

    def test_vectors_that_all_say_they_are_the_first_keep_their_order(self, ask: Any) -> None:
        data = [{"index": 0, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]

        assert ask({"data": data}, "embed", "llamacpp/x", ["a", "b"]).vectors == [[2.0], [1.0]]

    def test_a_vector_for_each_token_is_a_vector_too(self, ask: Any) -> None:
        data = [{"object": "embedding", "index": 0, "embeddings": [[1.0, 2.0], [3.0, 4.0]]}]

        assert ask({"data": data}, "embed", "jina_ai/x", ["a"]).vectors == [[[1.0, 2.0], [3.0, 4.0]]]

    def test_a_vector_in_a_list_of_its_own_is_that_vector(self, ask: Any) -> None:
        data = [{"object": "embedding", "index": 0, "embedding": [[0.5, 0.25]]}]

        assert ask({"data": data}, "embed", "llamacpp/x", ["a"]).vectors == [[0.5, 0.25]]
        packed = ask({"data": data}, "embed", "llamacpp/x", ["a"], encoding_format="base64")
        assert packed.vectors == ["AAAAPwAAgD4="]

    def test_tokens_that_are_counted_for_each_vector_add_up(self, ask: Any) -> None:
        data = [{"index": at, "embedding": [0.1], "usage": {"prompt_tokens": 6 + at}} for at in range(2)]

        usage = ask({"object": "list", "data": data}, "embed", "gigachat/Embeddings", ["a", "b"]).usage

        assert (usage.prompt_tokens, usage.total_tokens) == (13, 13)

    def test_a_length_that_was_asked_for_goes_out_under_the_host_s_name(self, server: RawServer, ask: Any) -> None:
        ask({"data": [{"embedding": [0.5]}]}, "embed", "mistral/codestral-embed", "a", dimensions=1)

        assert json.loads(server.requests[-1]) == {"model": "codestral-embed", "input": "a", "output_dimension": 1}

    def test_a_host_with_a_place_and_words_of_its_own_is_asked_there(self, server: RawServer, ask: Any) -> None:
        made = ask({"data": [{"embedding": [[0.5, 0.25]], "index": 0}]}, "embed", "snowflake/e5-base-v2", "a")

        assert made.vectors == [[0.5, 0.25]]
        assert server.heads[-1].startswith(b"POST /api/v2/cortex/inference:embed ")
        assert json.loads(server.requests[-1]) == {"model": "e5-base-v2", "text": ["a"]}


class TestRankings:
    def test_the_best_document_is_first_whoever_ranked_them(self, ask: Any) -> None:
        made = ask({"results": RESULTS}, "rerank", "llamacpp/x", "q", ["a", "b", "c", "d"])

        assert made.order == [1, 3, 0, 2]

    def test_no_more_documents_come_back_than_were_asked_for(self, ask: Any) -> None:
        made = ask({"results": RESULTS}, "rerank", "llamacpp/x", "q", ["a", "b", "c", "d"], top_n=2)

        assert made.order == [1, 3]

    def test_a_server_with_a_place_and_words_of_its_own_is_asked_there(self, server: RawServer, ask: Any) -> None:
        body = [{"index": 1, "score": 0.9, "text": "b"}, {"index": 0, "score": 0.1, "text": "a"}]

        made = ask(body, "rerank", "huggingface/x", "q", ["a", "b"], return_documents=True)

        assert (made.order, made.results[0].document) == ([1, 0], {"text": "b"})
        assert server.heads[-1].startswith(b"POST /rerank ")
        sent = json.loads(server.requests[-1])
        assert (sent["texts"], sent["return_text"]) == (["a", "b"], True)


class TestText:
    @pytest.mark.parametrize(("value", "text"), [(6, "6"), (0.005, "0.005"), (0, "0"), (True, "true")])
    def test_a_token_that_a_server_took_for_a_value_is_text(self, value: Any, text: str, ask: Any, stream: Any) -> None:
        pieces = sse(chunk(content="a["), chunk(content=value), chunk(content="]"), chunk("stop", content=""))

        assert stream(pieces, "cloudflare/m")[0] == f"a[{text}]"
        assert stream(sse(chunk(content=value), chunk("stop")), "cloudflare/m")[0] == text
        assert ask(whole({"role": "assistant", "content": value}), "chat", "cloudflare/m", "hi").text == text

    def test_reasoning_of_one_number_is_not_lost(self, stream: Any) -> None:
        pieces = sse(chunk(reasoning_content="x = "), chunk(reasoning_content=6), chunk("stop", content="so"))

        assert stream(pieces, "cloudflare/m")[1].choices[0].message.reasoning_content == "x = 6"

    def test_an_answer_after_tools_of_the_provider_is_the_last_of_its_messages(self, ask: Any) -> None:
        called = {"id": "t", "function": {"name": "web_search", "arguments": "{}"}}
        messages = [
            {"role": "assistant", "content": "", "tool_calls": [called]},
            {"role": "tool", "name": "web_search", "tool_call_id": "t", "content": "found"},
            {"role": "assistant", "content": "It rains."},
        ]
        body = {"id": "c", "choices": [{"index": 0, "finish_reason": "stop", "messages": messages}]}

        made = ask(body, "chat", "mistral/m", "hi")

        assert (made.text, made.tool_calls, made.choices[0].finish_reason) == ("It rains.", [], "stop")

    def test_a_document_is_asked_about_in_the_host_s_words(self, server: RawServer, ask: Any) -> None:
        url = "data:application/pdf;base64,aGk="
        files = [{"file_data": url, "filename": "a.pdf"}, {"file_id": "f-1"}, {"file_url": "https://x.test/a.pdf"}]
        content = [{"type": "text", "text": "What is it?"}, *({"type": "file", "file": file} for file in files)]

        ask(whole({"role": "assistant", "content": "x"}), "chat", "mistral/m", [{"role": "user", "content": content}])

        assert json.loads(server.requests[-1])["messages"][0]["content"] == [
            {"type": "text", "text": "What is it?"},
            {"type": "document_url", "document_url": url, "document_name": "a.pdf"},
            {"type": "file", "file_id": "f-1"},
            {"type": "document_url", "document_url": "https://x.test/a.pdf"},
        ]
        assert content[1] == {"type": "file", "file": files[0]}

    def test_the_address_of_a_document_goes_where_the_host_looks_for_it(self, server: RawServer, ask: Any) -> None:
        files = [
            {"file_url": "https://x.test/a.pdf", "filename": "a.pdf"},
            {"file_data": "data:text/plain,a", "filename": "a"},
        ]
        content = [{"type": "text", "text": "What is it?"}, *({"type": "file", "file": file} for file in files)]

        ask(
            whole({"role": "assistant", "content": "x"}), "chat", "openrouter/m", [{"role": "user", "content": content}]
        )

        assert json.loads(server.requests[-1])["messages"][0]["content"] == [
            content[0],
            {"type": "file", "file": {"file_data": "https://x.test/a.pdf", "filename": "a.pdf"}},
            content[2],
        ]
        assert content[1] == {"type": "file", "file": files[0]}

    @pytest.mark.parametrize("sound", [{"data": "aGk=", "format": "mp3"}, "aGk="])
    def test_sound_goes_to_a_host_in_its_form_from_either(self, server: RawServer, ask: Any, sound: Any) -> None:
        content = [{"type": "input_audio", "input_audio": sound}]

        ask(whole({"role": "assistant", "content": "x"}), "chat", "mistral/m", [{"role": "user", "content": content}])

        sent = json.loads(server.requests[-1])["messages"][0]["content"]
        assert sent == [{"type": "input_audio", "input_audio": "aGk="}]

    def test_what_a_tool_of_the_provider_says_while_it_works_is_not_the_answer(self, stream: Any) -> None:
        working = chunk(role="function_in_progress", name="text2image", content="drawing")

        assert stream(sse(working, chunk("stop", role="assistant", content="done")), "gigachat/m")[0] == "done"


class TestCounts:
    def test_tokens_from_the_cache_are_part_of_the_prompt(self, ask: Any, stream: Any) -> None:
        counts = {"prompt_eval_count": 21, "prompt_eval_cached_count": 16, "eval_count": 4}
        last = {"model": "m", "message": {"role": "assistant", "content": "hi"}, "done": True, **counts}

        for made in (ask(last, "chat", "ollama/m", "hi"), stream(lines(last), "ollama/m", "application/x-ndjson")[1]):
            assert made.usage.prompt_tokens == 21
            assert made.usage["prompt_tokens_details"] == {"cached_tokens": 16}


class TestContainers:
    def test_generation_that_failed_is_no_answer(self, ask: Any, stream: Any) -> None:
        with pytest.raises(InternalServerError):
            ask(FAILED, "chat", "container/m", "hi")
        failed = {"token": {"id": -1, "text": "", "log_prob": -1, "special_token": True}, **FAILED}
        with pytest.raises(InternalServerError) as caught:
            stream(frames(lines(TOKEN, failed)), "container/m", "application/vnd.amazon.eventstream")
        assert caught.value.partial is not None
        assert caught.value.partial["choices"][0]["message"]["content"] == "Deep "

    @pytest.mark.parametrize("model", ["tgi/m", "container/m"])
    def test_a_stop_sequence_is_no_part_of_the_answer(self, model: str, ask: Any, stream: Any) -> None:
        details = {"finish_reason": "stop_sequence", "generated_tokens": 2, "input_length": 5}
        last = {"token": {"id": 5, "text": "END", "special": False}, "generated_text": "Deep END", "details": details}
        kinds = {"tgi/m": "text/event-stream", "container/m": "application/vnd.amazon.eventstream"}
        data = sse(TOKEN, last, done=False)

        text, made = stream(data if model == "tgi/m" else frames(data), model, kinds[model], stop=["END"])

        assert (text, made.choices[0].finish_reason, made.usage.total_tokens) == ("Deep ", "stop", 7)
        once = {"generated_text": "Deep END", "details": details}
        assert ask(once, "chat", model, "hi", stop=["END"]).text == "Deep "

    def test_sampling_from_all_tokens_is_asked_for_without_a_word(self, server: RawServer, ask: Any) -> None:
        for model in ("tgi/m", "container/m"):
            ask({"generated_text": "x"}, "chat", model, "hi", top_p=1)

            assert "top_p" not in json.loads(server.requests[-1])["parameters"]


class TestMedia:
    def test_a_length_in_words_is_a_number_of_seconds(self, ask: Any) -> None:
        body = {"text": "hi", "duration": "5.0", "language": "en", "segments": []}

        assert ask(body, "transcribe", "hosted_vllm/m", WAV, response_format="verbose_json").duration == 5.0

    def test_images_may_go_by_their_own_name(self, ask: Any) -> None:
        body = {"images": [{"url": "https://a.example/1.png"}], "timings": {"inference": 1.2}, "seed": 5}

        made = ask(body, "images", "modelscope/m", "a cat")

        assert [item.url for item in made.data] == ["https://a.example/1.png"]
        assert made.raw == body

    def test_image_data_may_say_what_it_is(self, ask: Any) -> None:
        body = {"created": 1, "data": [{"b64_json": "data:image/png;base64,aGk="}]}

        assert ask(body, "images", "xinference/m", "a cat").data[0].data == b"hi"

    def test_an_image_is_asked_for_in_the_host_s_words(self, server: RawServer, ask: Any) -> None:
        wanted = {"size": "1024x768", "response_format": "b64_json"}

        made = ask({"data": [{"index": 0, "b64_json": "aGk="}]}, "images", "together_ai/flux", "a cat", **wanted)

        assert made.data[0].data == b"hi"
        sent = json.loads(server.requests[-1])
        assert sent == {
            "model": "flux",
            "prompt": "a cat",
            "response_format": "base64",
            "width": 1024,
            "height": 768,
        }

    @pytest.mark.parametrize("model", ["openai/gpt-image-1-mini", "azure/gpt-image-1"])
    def test_base64_is_not_asked_for_where_there_is_nothing_else(self, server: RawServer, ask: Any, model: str) -> None:
        body = {"created": 1, "data": [{"b64_json": "aGk="}]}

        assert ask(body, "images", model, "a cat", response_format="b64_json").data[0].data == b"hi"
        assert "response_format" not in json.loads(server.requests[-1])
        with pytest.raises(UnsupportedError, match="response_format"):
            ask(body, "images", model, "a cat", response_format="url")


PAGE = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><p>key: s3cret-canary-77</p></body></html>"
)
ASKED = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("model", ["openai/m", "anthropic/m", "gemini/m", "cohere/m", "ollama/m"])
@pytest.mark.parametrize("came", [PAGE, b"\xef\xbb\xbfToo many connections", "zu viele Anfragen für heute".encode()])
async def test_words_in_place_of_an_answer_are_told_but_for_secrets(model: str, came: bytes) -> None:
    words = "502 Bad Gateway" if came is PAGE else came.decode("utf-8-sig")
    label = {"content-type": "text/event-stream"}
    place = {"api_key": "s3cret-canary-77", "api_base": "https://h.test/v1"}
    pieces = [came[at : at + 1] for at in range(len(came))]

    found = []
    for answer in (Streamed([came], headers=label), Streamed(pieces, headers=label)):
        with pytest.raises(StreamInterruptedError) as caught:
            list(lingate.Lingate(transport=FakeTransport(answer), retries=0).chat(model, ASKED, stream=True, **place))
        found.append(caught.value)
        client = lingate.AsyncLingate(transport=AsyncFakeTransport(answer), retries=0)
        with pytest.raises(StreamInterruptedError) as caught:
            [chunk async for chunk in await client.chat(model, ASKED, stream=True, **place)]
        found.append(caught.value)
    reply = Reply(came, headers={"content-type": "text/html"})
    with pytest.raises(ProtocolError) as whole:
        lingate.Lingate(transport=FakeTransport(reply), retries=0).chat(model, ASKED, **place)

    assert len({str(error) for error in found}) == 1
    for error in (*found, whole.value):
        assert words in str(error)
        assert words in (error.detail or "")
        assert "check the base URL https://h.test" in str(error)
        assert "s3cret" not in str(error)
    assert all(error.retryable for error in found)


@pytest.mark.parametrize(
    "came", [b"", b"\n", b": ping\n\n", b"data", b'data: {"id"', b'{"choices": [', b"\x00\x00\x01\x10abc"]
)
def test_what_is_cut_or_empty_is_no_words(came: bytes) -> None:
    answer = Streamed([came], headers={"content-type": "text/event-stream"})
    client = lingate.Lingate(transport=FakeTransport(answer), retries=0, env={"OPENAI_API_KEY": "k"})

    with pytest.raises(LingateError) as caught:
        list(client.chat("openai/m", ASKED, stream=True))

    assert caught.value.detail is None

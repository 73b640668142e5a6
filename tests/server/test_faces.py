"""The vendors' own packages as clients of each face, in front of providers of three formats."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import ollama
import openai
import pytest
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google_types

from lingate.simulator import Simulator
from tests.server.asking import rows
from tests.server.gateway_kit import MASTER, Running, running_gateway

UPSTREAMS = ("openai", "anthropic", "gemini")
PIXEL = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
).decode()
TOOL_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
OBJECT_SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "year": {"type": "integer"}},
    "required": ["name", "year"],
    "additionalProperties": False,
}


def _config(simulator: str) -> str:
    bases = {"openai": f"{simulator}/v1", "anthropic": simulator, "gemini": f"{simulator}/v1beta"}
    models = [
        {
            "model_name": f"{name}-*",
            "litellm_params": {"model": f"{name}/sim-*", "api_base": base, "api_key": "sk-up", "max_retries": 0},
        }
        for name, base in bases.items()
    ]
    return json.dumps({"model_list": models})


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path: Path = tmp_path_factory.mktemp("faces")
    with Simulator() as simulator, running_gateway(_config(simulator.url), path, auth=True) as running:
        yield running


@pytest.fixture
def openai_client(gateway: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=MASTER, max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(gateway: Running) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key=MASTER, max_retries=0) as client:
        yield client


@pytest.fixture
def google_client(gateway: Running) -> Iterator[genai.Client]:
    client = genai.Client(api_key=MASTER, http_options=google_types.HttpOptions(base_url=gateway.url))
    yield client
    client.close()


@pytest.fixture
def ollama_client(gateway: Running) -> Iterator[ollama.Client]:
    client = ollama.Client(gateway.url, headers={"authorization": f"Bearer {MASTER}"})
    yield client
    client._client.close()


def _messages(text: str = "hello") -> list[Any]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("upstream", UPSTREAMS)
class TestOpenAI:
    def test_chat(self, openai_client: openai.OpenAI, upstream: str) -> None:
        answer = openai_client.chat.completions.create(model=f"{upstream}-large", messages=_messages())
        assert "hello" in (answer.choices[0].message.content or "")
        assert answer.choices[0].finish_reason == "stop"
        assert answer.usage is not None
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0

    def test_a_stream_says_the_same_as_the_whole_answer(self, openai_client: openai.OpenAI, upstream: str) -> None:
        whole = openai_client.chat.completions.create(model=f"{upstream}-large", messages=_messages())
        chunks = list(
            openai_client.chat.completions.create(
                model=f"{upstream}-large",
                messages=_messages(),
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert text == whole.choices[0].message.content
        assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
        assert chunks[-1].usage is not None
        assert whole.usage is not None
        assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens

    def test_usage_is_withheld_unless_it_is_asked_for(self, openai_client: openai.OpenAI, upstream: str) -> None:
        chunks = list(
            openai_client.chat.completions.create(model=f"{upstream}-large", messages=_messages(), stream=True)
        )
        assert all(chunk.choices and chunk.usage is None for chunk in chunks)

    @pytest.mark.parametrize("stream", [False, True])
    def test_tools(self, openai_client: openai.OpenAI, upstream: str, stream: bool) -> None:
        tool = {"type": "function", "function": {"name": "weather", "parameters": TOOL_SCHEMA}}
        asked: Any = {"model": f"{upstream}-large", "messages": _messages("weather in Oslo?"), "tools": [tool]}
        if stream:
            with openai_client.chat.completions.stream(**asked) as events:
                choice = events.get_final_completion().choices[0]
        else:
            choice = openai_client.chat.completions.create(**asked).choices[0]
        assert choice.finish_reason == "tool_calls"
        assert choice.message.tool_calls
        call: Any = choice.message.tool_calls[0]
        assert call.function.name == "weather"
        assert isinstance(json.loads(call.function.arguments)["city"], str)
        back = [
            *asked["messages"],
            choice.message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": "rain"},
        ]
        after = openai_client.chat.completions.create(model=f"{upstream}-large", messages=back)
        assert after.choices[0].finish_reason == "stop"

    def test_structured_output(self, openai_client: openai.OpenAI, upstream: str) -> None:
        form: Any = {"type": "json_schema", "json_schema": {"name": "person", "schema": OBJECT_SCHEMA, "strict": True}}
        answer = openai_client.chat.completions.create(
            model=f"{upstream}-large", messages=_messages(), response_format=form
        )
        found = json.loads(answer.choices[0].message.content or "")
        assert isinstance(found["name"], str)
        assert isinstance(found["year"], int)

    def test_images(self, openai_client: openai.OpenAI, upstream: str) -> None:
        parts: Any = [
            {"type": "text", "text": "what is this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        ]
        answer = openai_client.chat.completions.create(
            model=f"{upstream}-large", messages=[{"role": "user", "content": parts}]
        )
        assert "image" in (answer.choices[0].message.content or "").lower()

    def test_responses_that_break_off_are_raised(self, openai_client: openai.OpenAI, upstream: str) -> None:
        with pytest.raises(openai.APIError) as caught:
            list(openai_client.responses.create(model=f"{upstream}-fault-cut-6", input="hello", stream=True))
        assert caught.value.code == "stream_interrupted"

    @pytest.mark.parametrize("stream", [False, True])
    def test_responses(self, openai_client: openai.OpenAI, upstream: str, stream: bool) -> None:
        if stream:
            with openai_client.responses.stream(model=f"{upstream}-large", input="hello") as events:
                answer: Any = events.get_final_response()
        else:
            answer = openai_client.responses.create(model=f"{upstream}-large", input="hello")
        assert "hello" in answer.output_text
        assert answer.usage.output_tokens > 0

    @pytest.mark.parametrize("stream", [False, True])
    def test_responses_with_a_tool_for_free_text(
        self, openai_client: openai.OpenAI, upstream: str, stream: bool
    ) -> None:
        asked: Any = {
            "model": f"{upstream}-large",
            "input": "hello",
            "tools": [{"type": "custom", "name": "apply_patch"}],
            "tool_choice": {"type": "custom", "name": "apply_patch"},
        }
        if stream:
            with openai_client.responses.stream(**asked) as events:
                answer: Any = events.get_final_response()
        else:
            answer = openai_client.responses.create(**asked)
        (call,) = (item for item in answer.output if item.type == "custom_tool_call")
        assert call.name == "apply_patch"
        assert call.input
        assert not call.input.startswith("{")

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize(
        ("fault", "kind", "status"),
        [
            ("400", openai.BadRequestError, 400),
            ("401", openai.AuthenticationError, 401),
            ("429-7", openai.RateLimitError, 429),
            ("500", openai.InternalServerError, 502),
            ("529", openai.InternalServerError, 503),
        ],
    )
    def test_errors_keep_their_class(
        self,
        openai_client: openai.OpenAI,
        upstream: str,
        fault: str,
        kind: type[openai.APIStatusError],
        status: int,
        stream: bool,
    ) -> None:
        with pytest.raises(kind) as caught:
            openai_client.chat.completions.create(
                model=f"{upstream}-fault-{fault}", messages=_messages(), stream=stream
            )
        assert caught.value.status_code == status
        if fault == "429-7":
            assert 0 < float(caught.value.response.headers["retry-after"]) <= 7
        assert "sk-" not in str(caught.value)

    def test_a_context_overflow_is_told_by_its_code(self, openai_client: openai.OpenAI, upstream: str) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            openai_client.chat.completions.create(model=f"{upstream}-fault-context", messages=_messages())
        assert caught.value.code == "context_length_exceeded"

    def test_a_context_overflow_is_told_in_the_stream_of_a_response(
        self, gateway: Running, openai_client: openai.OpenAI, upstream: str
    ) -> None:
        asked: Any = {"model": f"{upstream}-fault-context", "input": "hello"}
        with pytest.raises(openai.APIError) as caught:
            list(openai_client.responses.create(**asked, stream=True))
        assert (type(caught.value), caught.value.code) == (openai.APIError, "context_length_exceeded")
        headers = {"authorization": f"Bearer {MASTER}"}
        answer = httpx2.post(f"{gateway.url}/v1/responses", json={**asked, "stream": True}, headers=headers)
        events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
        assert (answer.status_code, answer.headers["content-type"][:17]) == (200, "text/event-stream")
        begun = ["response.created", "response.in_progress"]
        assert [event["type"] for event in events] == [*begun, "error", "response.failed"]
        assert events[-1]["response"]["error"]["code"] == "context_length_exceeded"
        assert rows(gateway)[-1]["status"] == 400
        with pytest.raises(openai.BadRequestError):
            openai_client.responses.create(**asked)


def test_embeddings(openai_client: openai.OpenAI) -> None:
    for upstream in ("openai", "gemini"):
        answer = openai_client.embeddings.create(model=f"{upstream}-embed", input=["a", "b"])
        assert [item.index for item in answer.data] == [0, 1]
        assert len(answer.data[0].embedding) > 8


def test_embeddings_by_googles_and_ollamas_packages(google_client: genai.Client, ollama_client: ollama.Client) -> None:
    for upstream in ("openai", "gemini"):
        found = google_client.models.embed_content(model=f"{upstream}-embed", contents=["a", "b"]).embeddings
        assert found is not None
        # Until 3.4 the package sends a request for each text, since then one with two parts.
        assert all(item.values for item in found)
        assert len(ollama_client.embed(f"{upstream}-embed", ["a", "b"]).embeddings) == 2


@pytest.mark.parametrize("upstream", UPSTREAMS)
class TestAnthropic:
    def test_chat(self, anthropic_client: anthropic.Anthropic, upstream: str) -> None:
        answer = anthropic_client.messages.create(model=f"{upstream}-large", max_tokens=100, messages=_messages())
        block: Any = answer.content[0]
        assert "hello" in block.text
        assert answer.stop_reason == "end_turn"
        assert answer.usage.output_tokens > 0

    def test_a_stream_says_the_same_as_the_whole_answer(
        self, anthropic_client: anthropic.Anthropic, upstream: str
    ) -> None:
        whole: Any = anthropic_client.messages.create(model=f"{upstream}-large", max_tokens=100, messages=_messages())
        with anthropic_client.messages.stream(
            model=f"{upstream}-large", max_tokens=100, messages=_messages()
        ) as events:
            final: Any = events.get_final_message()
        assert final.content[0].text == whole.content[0].text
        assert final.stop_reason == "end_turn"
        assert final.usage.output_tokens == whole.usage.output_tokens

    @pytest.mark.parametrize("stream", [False, True])
    def test_tools(self, anthropic_client: anthropic.Anthropic, upstream: str, stream: bool) -> None:
        asked: Any = {
            "model": f"{upstream}-large",
            "max_tokens": 100,
            "messages": _messages("weather in Oslo?"),
            "tools": [{"name": "weather", "input_schema": TOOL_SCHEMA}],
        }
        if stream:
            with anthropic_client.messages.stream(**asked) as events:
                answer: Any = events.get_final_message()
        else:
            answer = anthropic_client.messages.create(**asked)
        assert answer.stop_reason == "tool_use"
        call = next(block for block in answer.content if block.type == "tool_use")
        assert isinstance(call.input["city"], str)

    def test_images(self, anthropic_client: anthropic.Anthropic, upstream: str) -> None:
        parts: Any = [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            {"type": "text", "text": "what is this?"},
        ]
        answer: Any = anthropic_client.messages.create(
            model=f"{upstream}-large", max_tokens=100, messages=[{"role": "user", "content": parts}]
        )
        assert "image" in answer.content[0].text.lower()

    def test_token_counts(self, anthropic_client: anthropic.Anthropic, upstream: str) -> None:
        count = anthropic_client.messages.count_tokens(model=f"{upstream}-large", messages=_messages("one two three"))
        assert count.input_tokens > 0

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            ("400", anthropic.BadRequestError),
            ("401", anthropic.AuthenticationError),
            ("429-7", anthropic.RateLimitError),
            ("500", anthropic.InternalServerError),
            ("529", anthropic.InternalServerError),
        ],
    )
    def test_errors_keep_their_class(
        self, anthropic_client: anthropic.Anthropic, upstream: str, fault: str, kind: type[anthropic.APIStatusError]
    ) -> None:
        with pytest.raises(kind) as caught:
            anthropic_client.messages.create(model=f"{upstream}-fault-{fault}", max_tokens=9, messages=_messages())
        if fault == "429-7":
            assert 0 < float(caught.value.response.headers["retry-after"]) <= 7
        if fault == "529":
            assert caught.value.status_code == 529


@pytest.mark.parametrize("upstream", UPSTREAMS)
class TestGoogle:
    def test_chat(self, google_client: genai.Client, upstream: str) -> None:
        answer = google_client.models.generate_content(model=f"{upstream}-large", contents="hello")
        assert "hello" in (answer.text or "")
        assert answer.usage_metadata is not None
        assert answer.usage_metadata.candidates_token_count

    def test_a_stream_says_the_same_as_the_whole_answer(self, google_client: genai.Client, upstream: str) -> None:
        whole = google_client.models.generate_content(model=f"{upstream}-large", contents="hello")
        chunks = list(google_client.models.generate_content_stream(model=f"{upstream}-large", contents="hello"))
        assert "".join(chunk.text or "" for chunk in chunks) == whole.text

    def test_tools(self, google_client: genai.Client, upstream: str) -> None:
        weather = google_types.FunctionDeclaration(name="weather", parameters_json_schema=TOOL_SCHEMA)
        answer = google_client.models.generate_content(
            model=f"{upstream}-large",
            contents="weather in Oslo?",
            config=google_types.GenerateContentConfig(tools=[google_types.Tool(function_declarations=[weather])]),
        )
        assert answer.function_calls
        assert answer.function_calls[0].name == "weather"

    def test_structured_output(self, google_client: genai.Client, upstream: str) -> None:
        form = google_types.GenerateContentConfig(
            response_mime_type="application/json", response_json_schema=OBJECT_SCHEMA
        )
        answer = google_client.models.generate_content(model=f"{upstream}-large", contents="hello", config=form)
        assert isinstance(json.loads(answer.text or "")["year"], int)

    def test_images(self, google_client: genai.Client, upstream: str) -> None:
        picture = google_types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")
        answer = google_client.models.generate_content(model=f"{upstream}-large", contents=["what is this?", picture])
        assert "1x1 pixels" in (answer.text or ""), "the package writes base64 in an alphabet of its own"

    @pytest.mark.parametrize(("fault", "code"), [("400", 400), ("401", 401), ("429", 429), ("500", 500)])
    def test_errors_keep_their_class(self, google_client: genai.Client, upstream: str, fault: str, code: int) -> None:
        with pytest.raises(google_errors.APIError) as caught:
            google_client.models.generate_content(model=f"{upstream}-fault-{fault}", contents="hello")
        assert caught.value.code == code


@pytest.mark.parametrize("upstream", UPSTREAMS)
class TestOllama:
    @pytest.mark.parametrize("stream", [False, True])
    def test_chat(self, ollama_client: ollama.Client, upstream: str, stream: bool) -> None:
        if stream:
            pieces = list(ollama_client.chat(f"{upstream}-large", _messages(), stream=True))
            assert pieces[-1].done
            text = "".join(piece.message.content or "" for piece in pieces)
        else:
            text = ollama_client.chat(f"{upstream}-large", _messages()).message.content or ""
        assert "hello" in text

    def test_structured_output(self, ollama_client: ollama.Client, upstream: str) -> None:
        answer = ollama_client.chat(f"{upstream}-large", _messages(), format=OBJECT_SCHEMA)
        assert isinstance(json.loads(answer.message.content or "")["year"], int)

    def test_images(self, ollama_client: ollama.Client, upstream: str) -> None:
        message = {"role": "user", "content": "what is this?", "images": [PIXEL]}
        answer = ollama_client.chat(f"{upstream}-large", [message])
        assert "image" in (answer.message.content or "").lower()

    def test_tools(self, ollama_client: ollama.Client, upstream: str) -> None:
        tool: Any = {"type": "function", "function": {"name": "weather", "parameters": TOOL_SCHEMA}}
        answer = ollama_client.chat(f"{upstream}-large", _messages("weather in Oslo?"), tools=[tool])
        assert answer.message.tool_calls
        assert answer.message.tool_calls[0].function.name == "weather"

    @pytest.mark.parametrize(("fault", "status"), [("400", 400), ("401", 401), ("429", 429), ("500", 502)])
    def test_errors_keep_their_class(
        self, ollama_client: ollama.Client, upstream: str, fault: str, status: int
    ) -> None:
        with pytest.raises(ollama.ResponseError) as caught:
            ollama_client.chat(f"{upstream}-fault-{fault}", _messages())
        assert caught.value.status_code == status

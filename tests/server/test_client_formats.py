"""What programs of each format send that is not in the examples of its documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import anthropic
import httpx2
import ollama
import openai
import pytest
from google import genai
from google.genai import types as google_types

from lingate._version import __version__
from tests.server.asking import ask, chunks, deltas, rows
from tests.server.client_kit import HI, UPSTREAMS, chat, clients_gateway
from tests.server.gateway_kit import ADMIN, MASTER, Running

GIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with clients_gateway(tmp_path_factory.mktemp("clients")) as running:
        yield running


class TestOllama:
    @pytest.fixture
    def client(self, gateway: Running) -> Iterator[ollama.Client]:
        made = ollama.Client(gateway.url, headers=ADMIN)
        yield made
        made._client.close()

    def test_is_of_a_version_that_its_clients_take(self, gateway: Running) -> None:
        told = httpx2.get(f"{gateway.url}/api/version").json()["version"]
        assert told != __version__
        assert tuple(map(int, told.split("."))) >= (0, 6, 4)

    @pytest.mark.parametrize("path", ["/ollama", "/ollama/"])
    def test_is_running_in_the_words_that_its_clients_look_for(self, gateway: Running, path: str) -> None:
        assert httpx2.get(gateway.url + path).text == "Ollama is running"
        assert httpx2.head(gateway.url + path).status_code == 200

    def test_is_whole_behind_its_name(self, gateway: Running) -> None:
        made = ollama.Client(f"{gateway.url}/ollama", headers=ADMIN)
        assert "hello" in (made.chat("org/model", HI).message.content or "")
        assert made.show("org/model").capabilities
        assert made.list().models
        assert made.ps().models == []
        assert httpx2.get(f"{gateway.url}/ollama/api/version").json()["version"]
        made._client.close()

    def test_behind_its_name_keys_may_ask_what_they_may_ask_elsewhere(self, gateway: Running) -> None:
        made = ask(gateway, "/admin/keys", {"allowed_routes": ["/v1/chat/completions"]}, ADMIN).json()
        for path in ("/api/show", "/ollama/api/show", "/ollama//api/show", "/ollama/api/chat"):
            answer = ask(gateway, path, {"model": "org/model"}, {"authorization": f"Bearer {made['token']}"})
            assert answer.status_code == 403

    def test_lists_have_what_its_command_line_shows_of_them(self, client: ollama.Client) -> None:
        # It cuts twelve digits off each digest, and dies where there are fewer.
        assert all(len(model.digest or "") >= 12 for model in client.list().models)
        assert client.ps().models == []

    @pytest.mark.parametrize("upstream", UPSTREAMS)
    def test_a_model_is_loaded_and_unloaded_without_asking_anybody(self, client: ollama.Client, upstream: str) -> None:
        model = f"{upstream}-fault-500"
        assert client.generate(model).done_reason == "load"
        assert client.generate(model, prompt="", keep_alive=0).done_reason == "unload"
        assert client.chat(model, []).done_reason == "load"
        assert client.chat(model, [], keep_alive="5m", stream=False).message.content == ""

    def test_only_models_that_there_are_can_be_loaded(self, client: ollama.Client) -> None:
        with pytest.raises(ollama.ResponseError) as caught:
            client.generate("nobody")
        assert caught.value.status_code == 404

    def test_latest_is_what_a_name_without_a_tag_means(self, client: ollama.Client) -> None:
        assert "hello" in (client.chat("org/model:latest", HI).message.content or "")
        assert client.show("org/model:latest").capabilities

    def test_its_package_reads_every_refusal(self, gateway: Running, client: ollama.Client) -> None:
        with pytest.raises(ollama.ResponseError) as caught:
            client.pull("org/model")
        assert (caught.value.status_code, "there is no POST /api/pull" in caught.value.error) == (404, True)
        assert isinstance(ask(gateway, "/api/show", {"model": "org/model"}).json()["error"], str)

    @pytest.mark.parametrize("upstream", UPSTREAMS)
    def test_answers_say_how_long_they_took(self, client: ollama.Client, upstream: str) -> None:
        chat_answer = client.chat(f"{upstream}-large", HI)
        *_, last = client.chat(f"{upstream}-large", HI, stream=True)
        *_, written = client.generate(f"{upstream}-large", "hello", stream=True)
        for answer in (chat_answer, client.generate(f"{upstream}-large", "hello"), last, written):
            assert answer.total_duration
            assert answer.eval_duration
            assert answer.prompt_eval_duration is not None
            assert answer.load_duration is not None
            assert answer.total_duration >= answer.eval_duration

    def test_a_model_is_shown_with_what_editors_look_for(self, client: ollama.Client, gateway: Running) -> None:
        shown = ask(gateway, "/api/show", {"model": "openai-gpt-4o"}, ADMIN).json()
        info = shown["model_info"]
        assert info["general.basename"] == "openai-gpt-4o"
        assert "vision" not in shown["capabilities"]  # that of the simulator is called otherwise
        assert isinstance(info["general.architecture"], str)
        assert client.list().models[0].details.families == []

    @pytest.mark.parametrize("upstream", UPSTREAMS)
    def test_pictures_may_be_data_urls(self, client: ollama.Client, gateway: Running, upstream: str) -> None:
        url = f"data:image/gif;base64,{GIF}"
        asked = {"messages": [{"role": "user", "content": "see", "images": [url]}], "stream": False}
        answer = ask(gateway, "/api/chat", {"model": f"{upstream}-large", **asked}, ADMIN)
        assert "image/gif" in answer.json()["message"]["content"]


class TestGoogle:
    @pytest.mark.parametrize("upstream", UPSTREAMS)
    @pytest.mark.parametrize("query", ["", "?alt=json", f"?key={MASTER}"])
    def test_a_stream_is_one_list_unless_events_are_asked_for(
        self, gateway: Running, upstream: str, query: str
    ) -> None:
        body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
        path = f"/v1beta/models/{upstream}-large:streamGenerateContent"
        answer = ask(gateway, path + query, body, ADMIN)
        events = ask(gateway, f"{path}?alt=sse", body, ADMIN)

        assert answer.headers["content-type"] == "application/json"
        assert events.headers["content-type"] == "text/event-stream"
        said = [json.loads(line.removeprefix("data: ")) for line in events.text.splitlines() if line]
        assert _text(answer.json()) == _text(said)
        assert answer.json()[-1]["candidates"][0]["finishReason"] == "STOP"

    def test_a_stream_that_breaks_off_is_a_list_that_ends_with_why(self, gateway: Running) -> None:
        body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
        answer = ask(gateway, "/v1beta/models/openai-fault-cut:streamGenerateContent", body, ADMIN)
        assert answer.status_code == 200
        assert answer.json()[-1]["error"]["code"] == 500

    def test_nothing_but_data_is_in_a_stream_that_is_silent_for_long(self, gateway: Running) -> None:
        # Google's packages take every line for data: at a comment they fail.
        client = genai.Client(api_key=MASTER, http_options=google_types.HttpOptions(base_url=gateway.url))
        form = google_types.GenerateContentConfig(max_output_tokens=3)
        pieces = list(client.models.generate_content_stream(model="silent", contents="hello", config=form))
        assert "".join(piece.text or "" for piece in pieces)
        client.close()

    def test_one_object_is_a_list_of_one_as_in_its_own_examples(self, gateway: Running) -> None:
        body = {"system_instruction": {"parts": {"text": "be a cat"}}, "contents": {"parts": {"text": "hello"}}}
        answer = ask(gateway, "/v1beta/models/gemini-large:generateContent", body, ADMIN)
        assert "hello" in _text([answer.json()])


def _text(answers: list[dict[str, Any]]) -> str:
    return "".join(part.get("text", "") for one in answers for part in one["candidates"][0]["content"]["parts"])


@pytest.mark.parametrize("upstream", UPSTREAMS)
class TestAnthropic:
    def test_what_its_coding_agent_sends_is_answered_by_everybody(self, gateway: Running, upstream: str) -> None:
        tool = {"name": "Bash", "input_schema": {"type": "object", "properties": {}}, "eager_input_streaming": True}
        body = {
            "model": f"{upstream}-large",
            "max_tokens": 32_000,
            "stream": True,
            "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
            "tools": [tool],
            "thinking": {"type": "adaptive"},
            "output_config": {"effort": "high"},
            "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
            "metadata": {"user_id": "u"},
        }
        answer = ask(gateway, "/v1/messages?beta=true", body, {**ADMIN, "anthropic-beta": "claude-code-20250219"})
        assert answer.status_code == 200
        assert "event: message_stop" in answer.text

    def test_a_streams_beginning_has_an_estimate_of_the_prompt_and_its_end_what_the_provider_counted(
        self, gateway: Running, upstream: str
    ) -> None:
        asked: Any = {
            "model": f"{upstream}-large",
            "max_tokens": 100,
            "messages": chat()["messages"],
            "system": "be brief " * 90,
        }
        with anthropic.Anthropic(base_url=gateway.url, api_key=MASTER, max_retries=0) as client:
            whole = client.messages.create(**asked).usage
            with client.messages.stream(**asked) as stream:
                begun = next(event.message.usage.input_tokens for event in stream if event.type == "message_start")
                ended = stream.get_final_message().usage
        assert 150 < begun < 400
        assert (ended.input_tokens, ended.output_tokens) == (whole.input_tokens, whole.output_tokens)

    def test_its_runner_of_tools_is_told_to_send_the_whole_conversation(self, gateway: Running, upstream: str) -> None:
        @anthropic.beta_tool
        def weather(city: str) -> str:
            """The weather somewhere."""
            return f"rain in {city}"

        with anthropic.Anthropic(base_url=gateway.url, api_key=MASTER, max_retries=0) as client:
            runner = client.beta.messages.tool_runner(
                model=f"{upstream}-large",
                max_tokens=100,
                tools=[weather],
                messages=[{"role": "user", "content": "weather?"}],
            )
            block: Any = runner.until_done().content[-1]
        assert "rain in" in block.text

    def test_a_thread_is_refused_in_words_that_its_package_knows(self, gateway: Running, upstream: str) -> None:
        asked = chat(f"{upstream}-large", max_tokens=9, thread={"type": "continue", "previous_message_id": "m"})
        answer = ask(gateway, "/v1/messages", asked, ADMIN)
        assert answer.status_code == 400
        assert answer.json()["error"]["details"] == {"error_code": "thread_unsupported_request"}

    def test_the_mark_of_the_large_window_is_no_part_of_a_models_name(self, gateway: Running, upstream: str) -> None:
        answer = ask(gateway, "/v1/messages", chat(f"{upstream}-large[1m]", max_tokens=9), ADMIN)
        assert (answer.status_code, "[1m]" in answer.text) == (200, False)
        assert ask(gateway, "/v1/messages", chat("org/model[1m]", max_tokens=9), ADMIN).is_success

    @pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
    def test_who_answers_is_called_as_it_was_asked_for(self, gateway: Running, upstream: str, stream: bool) -> None:
        # Claude Code sends signed thinking back only to the model whose name the answer had.
        name = f"{upstream}-large"
        answer = ask(gateway, "/v1/messages", chat(name, max_tokens=9, stream=stream), ADMIN)
        told = chunks(answer)[0]["message"] if stream else answer.json()
        assert told["model"] == name

    def test_null_is_what_is_not_said(self, gateway: Running, upstream: str) -> None:
        names = (
            "stream",
            "system",
            "tools",
            "tool_choice",
            "thinking",
            "metadata",
            "stop_sequences",
            "top_p",
            "thread",
        )
        assert ask(
            gateway, "/v1/messages", chat(f"{upstream}-large", max_tokens=9, **dict.fromkeys(names)), ADMIN
        ).is_success


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("upstream", UPSTREAMS)
class TestStopSequences:
    """More of them than a provider takes hold all the same."""

    STOPS: ClassVar = ["q1", "q2", "q3", "q4", "q5", "simulated", "on from"]

    def test_of_openais_clients(self, gateway: Running, upstream: str, stream: bool) -> None:
        answer = ask(gateway, "/v1/chat/completions", chat(f"{upstream}-large", stop=self.STOPS, stream=stream), ADMIN)
        text = deltas(answer) if stream else answer.json()["choices"][0]["message"]["content"]
        assert text.endswith("This is a ")

    def test_of_anthropics_clients(self, gateway: Running, upstream: str, stream: bool) -> None:
        asked = chat(f"{upstream}-large", stop_sequences=self.STOPS, max_tokens=100)
        with anthropic.Anthropic(base_url=gateway.url, api_key=MASTER, max_retries=0) as client:
            if stream:
                with client.messages.stream(**asked) as events:
                    final: Any = events.get_final_message()
            else:
                final = client.messages.create(**asked)
        assert final.content[0].text.endswith("This is a ")
        assert final.stop_reason in ("stop_sequence", "end_turn")

    def test_of_prompts(self, gateway: Running, upstream: str, stream: bool) -> None:
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=MASTER, max_retries=0) as client:
            asked: Any = {"model": f"{upstream}-large", "prompt": "hello", "stop": self.STOPS}
            made: Any = client.completions.create(**asked, stream=stream)
            text = "".join(piece.choices[0].text for piece in made) if stream else made.choices[0].text
        assert text.endswith((" goes ", "This is a "))


@pytest.mark.parametrize("stream", [False, True])
class TestWhatAProviderCannotTake:
    def test_is_named_in_a_header(self, gateway: Running, stream: bool) -> None:
        edits = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
        asked = chat("openai-large", max_tokens=9, stream=stream, context_management=edits)
        answer = ask(gateway, "/v1/messages", asked, ADMIN)
        assert answer.headers["x-lingate-dropped"] == "context_management"
        assert (
            "x-lingate-dropped" not in ask(gateway, "/v1/messages", chat("openai-large", max_tokens=9), ADMIN).headers
        )

    def test_is_named_as_headers_can_be_sent(self, gateway: Running, stream: bool) -> None:
        names = {"a\r\nx-evil": "1", "größe": "2", "z" * 1000: "3"}
        answer = ask(gateway, "/v1/chat/completions", chat("anthropic-large", stream=stream, metadata=names), ADMIN)
        assert answer.status_code == 200
        assert answer.headers["x-lingate-dropped"].startswith("metadata.a??x-evil, metadata.gr??e, metadata.zzz")
        assert "x-evil" not in answer.headers
        assert len(answer.headers["x-lingate-dropped"]) <= 500


@pytest.mark.parametrize("upstream", ["anthropic", "gemini"])
@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"input": [{"type": "item_reference", "id": "msg_1"}, *HI]}, ("store: false", "unsupported_parameter")),
        ({"previous_response_id": "resp_1"}, ("send the whole conversation", "previous_response_not_found")),
    ],
    ids=["item_reference", "previous_response_id"],
)
def test_what_nobody_keeps_is_refused_with_what_to_do_instead(
    gateway: Running, upstream: str, more: dict[str, Any], what: tuple[str, str]
) -> None:
    answer = ask(gateway, "/v1/responses", {"model": f"{upstream}-large", "input": "hello", **more}, ADMIN)
    error = answer.json()["error"]
    assert (answer.status_code, what[0] in error["message"], error["code"]) == (400, True, what[1])


READ = {
    "type": "function",
    "name": "read_file",
    "strict": False,
    "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}


@pytest.mark.parametrize("upstream", UPSTREAMS)
class TestEditors:
    """Cursor writes half of its requests for chats as the Responses API has them."""

    @pytest.mark.parametrize("stream", [False, True])
    def test_that_send_input_for_messages_get_a_chats_answer(
        self, gateway: Running, upstream: str, stream: bool
    ) -> None:
        body = {
            "model": f"{upstream}-large",
            "input": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": [{"type": "input_text", "text": "read the file"}]},
            ],
            "tools": [READ],
            "reasoning": {"effort": "medium", "summary": "auto"},
            "store": False,
            "stream": stream,
            **({"stream_options": {"include_usage": True}} if stream else {}),
        }
        answer = ask(gateway, "/v1/chat/completions", body, ADMIN)
        if stream:
            told = chunks(answer)
            assert all(chunk["object"] == "chat.completion.chunk" for chunk in told)
            calls = [
                call for chunk in told for one in chunk["choices"] for call in one["delta"].get("tool_calls") or ()
            ]
            assert told[-1]["usage"]["total_tokens"] > 0
            assert answer.text.rstrip().endswith("data: [DONE]")
        else:
            assert answer.json()["object"] == "chat.completion"
            calls = answer.json()["choices"][0]["message"]["tool_calls"]
        assert calls[0]["function"]["name"] == "read_file"

    def test_that_mix_both_ways_to_write_tools_are_understood(self, gateway: Running, upstream: str) -> None:
        nested = {"type": "function", "function": {"name": "other", "parameters": {"type": "object", "properties": {}}}}
        anthropics = {"name": "third", "input_schema": {"type": "object", "properties": {}}}
        choice = {"type": "function", "name": "read_file"}
        asked = chat(f"{upstream}-large", tools=[nested, READ, anthropics], tool_choice=choice)
        message = ask(gateway, "/v1/chat/completions", asked, ADMIN).json()["choices"][0]["message"]
        assert message["tool_calls"][0]["function"]["name"] == "read_file"


@pytest.mark.parametrize("upstream", UPSTREAMS)
class TestPrompts:
    def test_reach_providers_that_have_chats_only(self, gateway: Running, upstream: str) -> None:
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=MASTER, max_retries=0) as client:
            whole = client.completions.create(model=f"{upstream}-large", prompt=["hello"], best_of=1, echo=False)
            pieces = list(
                client.completions.create(
                    model=f"{upstream}-large", prompt="hello", stream=True, stream_options={"include_usage": True}
                )
            )
        assert "hello" in whole.choices[0].text
        assert whole.object == "text_completion"
        assert "".join(chunk.choices[0].text for chunk in pieces if chunk.choices) == whole.choices[0].text
        assert pieces[-1].usage
        assert whole.usage
        assert pieces[-1].usage.completion_tokens == whole.usage.completion_tokens


@pytest.mark.parametrize("upstream", ["anthropic", "gemini"])
@pytest.mark.parametrize(
    "more", [{"prompt": ["a", "b"]}, {"prompt": [1, 2]}, {"suffix": "x"}, {"echo": True}, {"best_of": 2}], ids=str
)
def test_what_a_chat_cannot_say_of_a_prompt_is_refused_by_name(
    gateway: Running, upstream: str, more: dict[str, Any]
) -> None:
    answer = ask(gateway, "/v1/completions", {"model": f"{upstream}-large", "prompt": "a", **more}, ADMIN)
    told = answer.json()["error"]
    assert (answer.status_code, told["code"], told["param"]) == (400, "unsupported_parameter", next(iter(more)))


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_vendors_packages_know_the_calls_name_also_of_one_that_failed(gateway: Running, upstream: str) -> None:
    body: Any = {"model": f"{upstream}-large", "messages": HI}
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=MASTER, max_retries=0) as client:
        named = [client.chat.completions.create(**body)._request_id]
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(**{**body, "model": f"{upstream}-fault-429"})
        named.append(caught.value.request_id)
    with anthropic.Anthropic(base_url=gateway.url, api_key=MASTER, max_retries=0) as messages:
        named.append(messages.messages.create(**body, max_tokens=50)._request_id)
        with pytest.raises(anthropic.APIStatusError) as failed:
            messages.messages.create(**{**body, "model": f"{upstream}-fault-429"}, max_tokens=50)
        named.append(failed.value.request_id)
    assert set(named) <= {row["id"] for row in rows(gateway)}
    assert len(set(named)) == 4

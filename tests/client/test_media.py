"""The methods beside chat: over real HTTP in both colours, and byte for byte what the official package would send."""

from __future__ import annotations

import copy
import io
import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

import lingate
from lingate._wire.multipart import Upload, boundary_of, parse
from lingate.errors import (
    BadRequestError,
    ConfigError,
    InternalServerError,
    OverloadedError,
    ProtocolError,
    RateLimitError,
    StreamInterruptedError,
    UnsupportedError,
)
from lingate.simulator import Simulator
from lingate.testing import AsyncFakeTransport, FakeTransport, Reply, Streamed
from tests.conftest import ROOT

KEYS = {"OPENAI_API_KEY": "k1", "ANTHROPIC_API_KEY": "k3", "MISTRAL_API_KEY": "k4"}
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x02\x00\x00\x00\x03"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


def settings(simulator: Simulator) -> dict[str, Any]:
    return {
        "providers": {
            "sim": {"url": simulator.url + "/v1", "api_key": "k"},
            "claude": {"url": simulator.url, "api_key": "k", "dialect": "anthropic"},
            "gpt": {
                "url": simulator.url + "/v1",
                "api_key": "k",
                "operations": ["chat", "responses", "count_tokens"],
            },
        }
    }


@pytest.fixture
def client(simulator: Simulator) -> Iterator[lingate.Lingate]:
    with lingate.Lingate(settings(simulator), env={}) as made:
        yield made


def scripted(*answers: Any) -> tuple[lingate.Lingate, FakeTransport]:
    transport = FakeTransport(*answers)
    return lingate.Lingate(transport=transport, env=KEYS), transport


def image(**fields: Any) -> Reply:
    return Reply({"created": 1, "data": [{"b64_json": "aGk="}], **fields})


class TestOverHttp:
    def test_images(self, client: lingate.Lingate, tmp_path: Path) -> None:
        made = client.images("sim/gpt-image-1", "a cat", n=2)

        assert (len(made.data), made.provider, made.model) == (2, "sim", "gpt-image-1")
        assert made.data[0].data.startswith(b"\x89PNG")
        assert made.usage is not None
        assert made.usage.total_tokens == made.usage["input_tokens"] + made.usage["output_tokens"]
        made.data[0].save(tmp_path / "cat.png")
        assert (tmp_path / "cat.png").read_bytes() == made.data[0].data

    def test_edits_and_variations(self, client: lingate.Lingate, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(PNG)

        edited = client.images("sim/m", "a hat", image=[tmp_path / "a.png", PNG], mask=PNG)
        varied = client.images("sim/m", image=io.BytesIO(PNG), n=2)

        about = "(image/png, 24 bytes, 2x3 pixels)"
        assert edited.data[0].revised_prompt == f"a hat of a.png {about}; image.png {about}"
        assert [item.revised_prompt for item in varied.data] == [f"A variation of image.png {about}"] * 2

    def test_speech_and_back_again(self, client: lingate.Lingate, tmp_path: Path) -> None:
        said = client.speech("sim/tts-1", "one two three", voice="alloy")
        said.save(tmp_path / "said.wav")
        heard = client.transcribe("sim/whisper-1", tmp_path / "said.wav", language="en")

        assert (said.content_type, said.audio[:4]) == ("audio/wav", b"RIFF")
        assert heard.text == f"This is said.wav, {len(said.audio)} bytes of audio/wav."
        assert heard.usage is not None
        assert heard.usage.prompt_tokens

    def test_every_form_of_transcript(self, client: lingate.Lingate) -> None:
        texts = {form: client.transcribe("sim/m", WAV, response_format=form) for form in ("text", "srt", "vtt")}
        verbose = client.transcribe("sim/m", WAV, response_format="verbose_json", timestamp_granularities="word")

        assert texts["text"].text.endswith("audio/wav.\n")
        assert texts["srt"].text.startswith("1\n00:00:00,000 --> ")
        assert texts["vtt"].text.startswith("WEBVTT\n")
        assert (verbose.language, verbose.duration) == ("english", 0.001)
        assert verbose.segments[0].text == verbose.text
        assert [word.word for word in verbose.words] == verbose.text.split()
        assert client.transcribe("sim/m", WAV, translate=True).text.startswith("In English")

    def test_moderations(self, client: lingate.Lingate) -> None:
        made = client.moderate("sim/omni", ["peace", "hate"])

        assert (made.flagged, [result.flagged for result in made.results]) == (True, [False, True])
        assert made.results[1].categories["hate"] is True
        assert made.results[1].category_scores["hate"] == 0.9

    def test_completions(self, client: lingate.Lingate) -> None:
        whole = client.complete("sim/davinci", "Once", max_tokens=50, n=2)
        with client.complete("sim/davinci", "Once", max_tokens=50, n=2, stream=True) as stream:
            chunks = list(stream)

        assert whole.text == ' goes on from "Once".'
        assert "".join(chunk.text for chunk in chunks) == whole.text
        assert chunks[0].raw is not None
        assert chunks[-1].choices[0].finish_reason == "stop"
        assert stream.final() == whole
        assert stream.usage == whole.usage

    def test_usage_ends_a_stream_if_it_was_asked_for(self, client: lingate.Lingate) -> None:
        chunks = list(client.complete("sim/m", "Once", stream=True, stream_options={"include_usage": True}))

        assert chunks[-1].choices == []
        assert chunks[-1].usage is not None
        assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)

    def test_a_stop_sequence_too_many_is_enforced_here(self, client: lingate.Lingate) -> None:
        stop = ["1", "2", "3", "4", "from"]

        whole = client.complete("sim/m", "Once", stop=stop)
        streamed = client.complete("sim/m", "Once", stop=stop, stream=True).final()

        assert whole.text == streamed.text == " goes on "
        assert whole.dropped == streamed.dropped == ("stop[4:]",)
        assert whole.finish_reason == streamed.finish_reason == "stop"

    def test_a_stream_that_breaks_carries_what_had_arrived(self, client: lingate.Lingate) -> None:
        stream = client.complete("sim/m-fault-cut-2", "Once", stream=True, retries=0)

        with pytest.raises(StreamInterruptedError) as caught:
            stream.final()

        assert isinstance(caught.value.partial, lingate.CompletionResponse)
        assert caught.value.partial.text == " goes on"
        assert caught.value.partial.finish_reason is None

    @pytest.mark.parametrize("provider", ["claude", "gpt"])
    def test_counting_tokens_agrees_with_what_is_billed(self, client: lingate.Lingate, provider: str) -> None:
        # The Responses API has a form of its own for tools, which counts differently here.
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
        params: Any = {"tools": tools} if provider == "claude" else {}

        counted = client.count_tokens(f"{provider}/m", "one two three", **params)
        billed = client.chat(f"{provider}/m", "one two three", **params).usage

        assert billed is not None
        assert counted.input_tokens == billed.prompt_tokens
        with pytest.raises(UnsupportedError):
            client.count_tokens("sim/m", "one")

    def test_errors_and_retries_are_those_of_every_call(self, client: lingate.Lingate) -> None:
        made = client.images("sim/m-fault-429-0.01-flaky-2", "a")

        assert [attempt.kind for attempt in made.attempts] == ["rate_limit", "rate_limit", "ok"]
        with pytest.raises(RateLimitError):
            client.transcribe("sim/m-fault-429", WAV, retries=0)
        with pytest.raises(InternalServerError):
            client.speech("sim/m-fault-500", "a", voice="x", retries=0)
        with pytest.raises(BadRequestError):
            client.speech("sim/m", "a")
        with pytest.raises(ProtocolError):
            client.speech("sim/m-fault-html-200", "a", voice="x", retries=0)
        with pytest.raises(OverloadedError):
            client.moderate("sim/m-fault-529", "a", retries=0)

    def test_a_fallback_takes_over_with_the_same_file(self, client: lingate.Lingate) -> None:
        made = client.transcribe("sim/m-fault-500", ("a.wav", WAV), retries=0, fallbacks=["sim/other"])

        assert made.model == "other"
        assert made.text.startswith("This is a.wav, 16 bytes")

    async def test_the_same_awaited(self, simulator: Simulator, tmp_path: Path) -> None:
        (tmp_path / "a.wav").write_bytes(WAV)
        async with lingate.AsyncLingate(settings(simulator), env={}) as client:
            assert (await client.images("sim/m", "a", image=PNG)).data[0].data[:4] == b"\x89PNG"
            assert (await client.speech("sim/m", "a", voice="x")).content_type == "audio/wav"
            assert (await client.transcribe("sim/m", tmp_path / "a.wav")).text.startswith("This is a.wav")
            assert (await client.moderate("sim/m", "hate")).flagged
            assert (await client.complete("sim/m", "Once")).text == ' goes on from "Once".'
            assert (await client.count_tokens("claude/m", "a")).input_tokens > 0
            stream = await client.complete("sim/m", "Once", stream=True)
            assert "".join([chunk.text async for chunk in stream]) == (await stream.final()).text
            with pytest.raises(ConfigError, match="there is no file"):
                await client.transcribe("sim/m", tmp_path / "none.wav")


class TestWhatIsSent:
    def test_json_is_what_was_said_and_nothing_else(self) -> None:
        client, transport = scripted(image())

        client.images("openai/gpt-image-1", "a cat", size="auto", user=None)

        assert transport.bodies == [{"model": "gpt-image-1", "prompt": "a cat", "size": "auto"}]
        assert transport.requests[0].url == "https://api.openai.com/v1/images/generations"
        assert transport.requests[0].headers["authorization"] == "Bearer k1"

    def test_a_fake_transport_shows_the_fields_of_a_form(self) -> None:
        client, transport = scripted(Reply({"text": "hi"}))

        client.transcribe("openai/whisper-1", ("a.wav", WAV), prompt="names")

        assert transport.bodies == [
            {"model": "whisper-1", "file": Upload("a.wav", WAV, "audio/wav"), "prompt": "names"}
        ]

    def test_a_voice_goes_by_the_provider_s_own_name(self) -> None:
        client, transport = scripted(Reply({"audio_data": "SUQz"}))

        made = client.speech("mistral/voxtral-tts", "hi", voice="paul")

        assert transport.bodies == [{"model": "voxtral-tts", "input": "hi", "voice_id": "paul"}]
        assert (made.audio, made.raw) == (b"ID3", {"audio_data": "SUQz"})

    def test_parameters_go_through_extra_body_and_headers_through_extra_headers(self) -> None:
        client, transport = scripted(Reply({"text": "hi"}))

        client.transcribe("openai/m", WAV, extra_body={"diarize": True}, extra_headers={"x-a": "b"})

        assert transport.bodies[0]["diarize"] == "true"
        assert transport.requests[0].headers["x-a"] == "b"

    @pytest.mark.parametrize(
        ("ask", "why"),
        [
            (lambda client: client.images("openai/m"), "needs a prompt, or an image"),
            (lambda client: client.images("openai/m", ""), "prompt is an empty string"),
            (lambda client: client.images("openai/m", ["a"]), "prompt must be a string"),
            (lambda client: client.images("openai/m", image=[PNG, PNG]), "variations are made of one image"),
            (lambda client: client.images("openai/m", image=PNG, mask=PNG), "variations are made of one image"),
            (lambda client: client.images("openai/m", "a", mask=PNG), "give the image too"),
            (lambda client: client.images("openai/m", "a", image=[]), "image must be a file"),
            (lambda client: client.images("openai/m", "a", image=PNG, mask=[PNG]), "mask must be a file"),
            (lambda client: client.images("openai/m", "a", image="/no/such.png"), "image: there is no file"),
            (lambda client: client.images("openai/m", "a", image=[PNG, b""]), r"image\[1\] is empty"),
            (lambda client: client.images("openai/m", "a", size=object()), "size holds a object"),
            (lambda client: client.speech("openai/m", ""), "nothing to say"),
            (lambda client: client.speech("openai/m", b"a"), "input must be a string"),
            (lambda client: client.transcribe("openai/m", 3), "file must be a path"),
            (lambda client: client.transcribe("openai/m", WAV, translate="yes"), "translate must be True or False"),
            (
                lambda client: client.transcribe("openai/m", WAV, response_format=str),
                "response_format holds the class str",
            ),
            (lambda client: client.transcribe("openai/m", WAV, response_format={}), "response_format must be a string"),
            (lambda client: client.moderate("openai/m", ""), "nothing to judge"),
            (lambda client: client.moderate("openai/m", []), "nothing to judge"),
            (lambda client: client.moderate("openai/m", ["a", {"type": "text"}]), r"input\[1\]"),
            (lambda client: client.moderate("openai/m", 3), "input must be a string or a list"),
            (lambda client: client.complete("openai/m", None), "prompt must be a string or a list"),
            (lambda client: client.complete("openai/m", []), "nothing to go on from"),
            (lambda client: client.complete("openai/m", ["a", 1]), r"prompt\[1\]"),
            (lambda client: client.complete("openai/m", [[]]), r"prompt\[0\]"),
            (lambda client: client.complete("openai/m", [True]), r"prompt\[0\]"),
            (lambda client: client.complete("openai/m", "a", stop=3), "stop must be"),
            (lambda client: client.complete("openai/m", "a", stream="yes"), "stream must be True or False"),
            (lambda client: client.complete("", "a"), "model must be a string"),
            (lambda client: client.count_tokens("anthropic/m", []), "messages is empty"),
            (lambda client: client.speech("openai/m", "a", extra_body=3), "extra_body must be a mapping"),
            (lambda client: client.speech("openai/m", "a", extra_headers={"a": "b\n"}), "control character"),
        ],
    )
    def test_what_cannot_be_asked_is_a_config_error_and_nothing_is_sent(self, ask: Any, why: str) -> None:
        client, transport = scripted(image())

        with pytest.raises(ConfigError, match=why):
            ask(client)

        assert transport.requests == []

    def test_an_operation_the_wire_format_does_not_have_is_unsupported(self) -> None:
        client, transport = scripted(image())

        for ask in (
            lambda: client.images("anthropic/m", "a"),
            lambda: client.speech("anthropic/m", "a"),
            lambda: client.transcribe("anthropic/m", WAV),
            lambda: client.moderate("anthropic/m", "a"),
            lambda: client.count_tokens("mistral/m", "a"),
        ):
            with pytest.raises(UnsupportedError):
                ask()

        assert transport.requests == []

    def test_a_stream_where_there_is_none_is_unsupported_or_dropped(self) -> None:
        client, _ = scripted(image())

        with pytest.raises(UnsupportedError) as caught:
            client.images("openai/m", "a", stream=True)  # type: ignore[call-arg]
        made = client.images("openai/m", "a", stream=True, drop_params=True)  # type: ignore[call-arg]

        assert caught.value.param == "stream"
        assert made.dropped == ("stream",)

    async def test_both_colours_send_the_same_bytes(self) -> None:
        client, transport = scripted(Reply({"text": "hi"}))
        waiting = AsyncFakeTransport(Reply({"text": "hi"}))

        client.transcribe("openai/m", WAV, temperature=0.5)
        await lingate.AsyncLingate(transport=waiting, env=KEYS).transcribe("openai/m", WAV, temperature=0.5)

        assert transport.requests[0].body == waiting.requests[0].body


class TestAnswers:
    def test_answers_pickle_and_copy_and_become_json(self) -> None:
        client, _ = scripted(Reply(b"ID3x", headers={"content-type": "audio/mpeg"}))
        said = client.speech("openai/tts-1", "hi", voice="x")

        again = pickle.loads(pickle.dumps(said))

        assert (again.audio, again.content_type, again.provider, again.attempts) == (
            b"ID3x",
            "audio/mpeg",
            "openai",
            said.attempts,
        )
        assert copy.deepcopy(said) == said
        assert json.loads(said.to_json()) == {"audio": "SUQzeA==", "content_type": "audio/mpeg", "model": "tts-1"}
        assert said.to_dict()["audio"] == b"ID3x"
        assert repr(said) == "SpeechResponse(4 bytes of audio/mpeg)"

    def test_completions_and_their_chunks_pickle(self) -> None:
        body = {"choices": [{"text": "hi", "index": 0, "finish_reason": "stop"}]}
        client, _ = scripted(Reply(body))
        made = client.complete("openai/m", "a")
        data = b'data: {"choices":[{"text":"hi","index":0,"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        client, _ = scripted(Streamed([data]))
        (chunk, *_) = client.complete("openai/m", "a", stream=True)

        assert pickle.loads(pickle.dumps(made)) == made
        again = pickle.loads(pickle.dumps(chunk))
        assert (again, again.raw) == (chunk, chunk.raw)
        assert json.loads(made.to_json())["choices"][0]["text"] == "hi"

    def test_an_image_without_data_says_so(self, tmp_path: Path) -> None:
        client, _ = scripted(image(data=[{"url": "https://x/y.png"}, {"url": "data:image/png;base64,aGk="}]))
        distant, near = client.images("openai/m", "a").data

        assert repr(distant) == "Image(https://x/y.png)"
        with pytest.raises(ProtocolError, match="only a URL") as caught:
            distant.save(tmp_path / "x.png")

        assert "b64_json" in str(caught.value)
        assert near.data == b"hi"
        assert not (tmp_path / "x.png").exists()

    def test_image_data_that_is_no_base64_is_a_protocol_error(self) -> None:
        client, _ = scripted(image(data=[{"b64_json": "a"}]))
        made = client.images("openai/m", "a")

        assert repr(made) == "ImageResponse([Image(1 characters of base64)])"
        with pytest.raises(ProtocolError, match="cannot be read"):
            _ = made.data[0].data

    def test_an_answer_of_a_server_that_ignores_stream_is_a_stream(self) -> None:
        body = {"id": "1", "choices": [{"text": "hi", "index": 0, "finish_reason": "length"}]}
        client, _ = scripted(Reply(body))

        stream = client.complete("openai/m", "a", stream=True)

        assert "".join(chunk.text for chunk in stream) == "hi"
        assert stream.final().finish_reason == "length"

    def test_a_cost_that_nobody_knows_is_none_with_a_reason(self) -> None:
        client, _ = scripted(Reply(b"ID3x", headers={"content-type": "audio/mpeg"}))

        said = client.speech("openai/tts-1", "hi", voice="x")

        assert said.cost is None
        assert said.cost_details.reason


def test_the_documentation_s_example_runs(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "media.md").read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    monkeypatch.chdir(tmp_path)
    for name, base in (("ANTHROPIC", simulator.url), ("OPENAI", simulator.url + "/v1")):
        monkeypatch.setenv(f"{name}_API_KEY", "test-key")
        monkeypatch.setenv(f"{name}_API_BASE", base)

    exec(compile(code[1], "media.md", "exec"), {})

    out = capsys.readouterr().out
    assert "This is ahoy.wav" in out
    assert 'goes on from "Once upon a time"' in out
    assert (tmp_path / "lighthouse.png").read_bytes()[:4] == b"\x89PNG"


class TestBesideTheOfficialPackage:
    """Both send a request to the simulator, which shows what arrived."""

    @staticmethod
    def arrived(simulator: Simulator) -> tuple[str, str, Any]:
        request = simulator.requests()[-1]
        kind = request.headers["content-type"]
        boundary = boundary_of(kind, request.raw)
        if boundary is None:
            return request.method, request.path, request.body
        fields = [(name, _bare(value)) for name, value in parse(request.raw, boundary)]
        return request.method, request.path, sorted(fields, key=repr)

    @pytest.mark.parametrize(
        ("theirs", "ours"),
        [
            (
                lambda oai: oai.images.generate(model="m", prompt="a", n=2, size="1024x1024", response_format="url"),
                lambda client: client.images("sim/m", "a", n=2, size="1024x1024", response_format="url"),
            ),
            (
                lambda oai: oai.images.edit(model="m", prompt="a", image=("a.png", PNG), mask=("b.png", PNG), n=1),
                lambda client: client.images("sim/m", "a", image=("a.png", PNG), mask=("b.png", PNG), n=1),
            ),
            (
                lambda oai: oai.images.edit(model="m", prompt="é", image=[("a.png", PNG), ("ü.png", PNG)]),
                lambda client: client.images("sim/m", "é", image=[("a.png", PNG), ("ü.png", PNG)]),
            ),
            (
                lambda oai: oai.audio.speech.create(model="m", input="a", voice="x", speed=1.5, instructions="calm"),
                lambda client: client.speech("sim/m", "a", voice="x", speed=1.5, instructions="calm"),
            ),
            (
                lambda oai: oai.audio.transcriptions.create(
                    model="m",
                    file=("a.mp3", b"ID3"),
                    language="en",
                    temperature=0.5,
                    timestamp_granularities=["word", "segment"],
                    response_format="verbose_json",
                    chunking_strategy={"type": "server_vad", "threshold": 0.5},
                ),
                lambda client: client.transcribe(
                    "sim/m",
                    ("a.mp3", b"ID3"),
                    language="en",
                    temperature=0.5,
                    timestamp_granularities=["word", "segment"],
                    response_format="verbose_json",
                    chunking_strategy={"type": "server_vad", "threshold": 0.5},
                ),
            ),
            (
                lambda oai: oai.moderations.create(model="m", input=["a", "b"]),
                lambda client: client.moderate("sim/m", ["a", "b"]),
            ),
            (
                lambda oai: oai.completions.create(model="m", prompt=[[1, 2]], max_tokens=5, logprobs=1, stop=["x"]),
                lambda client: client.complete("sim/m", [[1, 2]], max_tokens=5, logprobs=1, stop="x"),
            ),
        ],
    )
    def test_the_same_request_arrives(
        self, simulator: Simulator, client: lingate.Lingate, theirs: Any, ours: Any
    ) -> None:
        with openai.OpenAI(base_url=simulator.url + "/v1", api_key="k", max_retries=0) as oai:
            theirs(oai)
        expected = self.arrived(simulator)
        ours(client)

        assert self.arrived(simulator) == expected


def _bare(value: Any) -> Any:
    """Without the media type, which each side guesses from its own table."""
    return (value.name, value.data) if isinstance(value, Upload) else value

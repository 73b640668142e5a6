"""The official package against the simulator's images, sound, transcripts, moderations and completions."""

from __future__ import annotations

import io
import wave
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from lingate.simulator import Simulator
from lingate.simulator.prompt import pixels
from tests.simulator.wire import ask

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x02\x00\x00\x00\x03"


@pytest.fixture
def oai(simulator: Simulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=simulator.url + "/v1", api_key="sk-any", max_retries=0) as client:
        yield client


def spoken(oai: openai.OpenAI, **options: Any) -> Any:
    return oai.audio.speech.create(model="sim", voice="alloy", input="one two three four", **options)


def test_images_are_small_pngs_and_the_same_for_the_same_prompt(oai: openai.OpenAI) -> None:
    first = oai.images.generate(model="sim", prompt="a cat", n=2)
    second = oai.images.generate(model="sim", prompt="a cat", n=2)

    images = [b64decode(image.b64_json or "") for image in first.data or ()]
    assert [pixels(image) for image in images] == [(8, 8), (8, 8)]
    assert images[0] != images[1]
    assert first == second
    assert first.usage is not None
    assert first.usage.total_tokens == first.usage.input_tokens + first.usage.output_tokens


def test_an_image_s_url_needs_no_network(oai: openai.OpenAI) -> None:
    made = oai.images.generate(model="sim", prompt="a cat", response_format="url")

    (image,) = made.data or ()
    assert (image.url or "").startswith("data:image/png;base64,iVBOR")


def test_edits_say_which_files_arrived(oai: openai.OpenAI) -> None:
    made = oai.images.edit(model="sim", prompt="a hat", image=[("a.png", PNG), ("b.jpg", b"12")], mask=PNG, n=1)

    (image,) = made.data or ()
    assert image.revised_prompt == "a hat of a.png (image/png, 24 bytes, 2x3 pixels); b.jpg (image/jpeg, 2 bytes)"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_variations_need_one_image_and_no_prompt(oai: openai.OpenAI) -> None:
    made = oai.images.create_variation(model="sim", image=("a.png", PNG), n=2)

    assert [image.revised_prompt for image in made.data or ()] == [
        "A variation of a.png (image/png, 24 bytes, 2x3 pixels)"
    ] * 2


def test_speech_is_a_wav_that_is_longer_the_more_is_said(oai: openai.OpenAI) -> None:
    answer = spoken(oai)
    faster = spoken(oai, speed=2)

    with wave.open(io.BytesIO(answer.content)) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (1, 8000, 1600)
    assert answer.response.headers["content-type"] == "audio/wav"
    assert len(faster.content) < len(answer.content)
    assert spoken(oai, response_format="pcm").content == answer.content[44:]


def test_transcripts_come_in_every_form(oai: openai.OpenAI) -> None:
    file = ("said.wav", spoken(oai).content, "audio/wav")
    line = f"This is said.wav, {len(file[1])} bytes of audio/wav."

    def transcribed(**options: Any) -> Any:
        return oai.audio.transcriptions.create(model="sim", file=file, **options)

    assert transcribed().text == line
    assert transcribed(response_format="text") == line + "\n"
    assert transcribed(response_format="srt") == f"1\n00:00:00,000 --> 00:00:00,200\n{line}\n\n"
    assert transcribed(response_format="vtt").startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.200\n")
    verbose = transcribed(response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert (verbose.text, verbose.duration, verbose.language) == (line, 0.2, "english")
    assert [word.word for word in verbose.words] == line.split()
    assert verbose.segments[0].end == 0.2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_translation_is_in_english(oai: openai.OpenAI) -> None:
    made = oai.audio.translations.create(model="sim", file=("a.mp3", b"ID3"))

    assert made.text.startswith("In English, this is a.mp3, 3 bytes")


def test_moderations_find_what_is_named(oai: openai.OpenAI) -> None:
    made = oai.moderations.create(input=["all is well", "graphic violence"])

    calm, violent = made.results
    assert (made.model, calm.flagged, violent.flagged) == ("omni-moderation-latest", False, True)
    assert (violent.categories.violence_graphic, violent.categories.hate) == (True, False)
    assert violent.category_scores.violence == 0.9
    assert 0 <= calm.category_scores.violence < 0.02
    assert made == oai.moderations.create(input=["all is well", "graphic violence"])


def test_parts_of_a_message_are_judged_together(oai: openai.OpenAI) -> None:
    image: Any = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}

    made = oai.moderations.create(input=[{"type": "text", "text": "hate"}, image])

    (result,) = made.results
    assert result.categories.hate is True
    assert result.category_applied_input_types.violence == ["image", "text"]


def test_completions_whole_and_streamed_agree(oai: openai.OpenAI) -> None:
    options: Any = {"model": "sim", "prompt": ["one", "two"], "n": 2, "logprobs": 2, "max_tokens": 50}

    whole = oai.completions.create(**options)
    chunks = list(oai.completions.create(**options, stream=True, stream_options={"include_usage": True}))

    assert [choice.text for choice in whole.choices] == [
        ' goes on from "one".',
        ' goes on from "one". This is choice 2.',
        ' goes on from "two".',
        ' goes on from "two". This is choice 2.',
    ]
    for choice in whole.choices:
        parts = [part for chunk in chunks for part in chunk.choices if part.index == choice.index]
        assert "".join(part.text for part in parts) == choice.text
        assert parts[-1].finish_reason == choice.finish_reason == "stop"
        assert choice.logprobs is not None
        assert "".join(choice.logprobs.tokens or ()) == choice.text
    assert chunks[-1].usage == whole.usage
    assert not chunks[-1].choices


def test_completions_obey(oai: openai.OpenAI) -> None:
    def first(model: str = "sim", **options: Any) -> Any:
        return oai.completions.create(model=model, prompt="one", **options).choices[0]

    assert (first(max_tokens=2).text, first(max_tokens=2).finish_reason) == (" goes on", "length")
    assert first(stop="from").text == " goes on "
    assert first(echo=True).text.startswith("one goes on")
    assert len(first("sim-words-40").text.split()) == 40
    assert oai.completions.create(model="sim", prompt=[1, 2, 3]).choices[0].text == ' goes on from "1 2 3".'


@pytest.mark.parametrize("fault", ["empty_answer", "filtered"])
def test_faults_of_answers_work_on_completions(oai: openai.OpenAI, fault: str) -> None:
    made = oai.completions.create(model=f"sim-fault-{fault}", prompt="one").choices[0]

    assert len(made.text) < len(' goes on from "one".')
    assert made.finish_reason == ("stop" if fault == "empty_answer" else "content_filter")


def test_a_fault_for_json_leaves_sound_alone(simulator: Simulator) -> None:
    body = {"model": "sim-fault-no_usage", "voice": "x", "input": "one"}

    answer = ask(simulator, "/v1/audio/speech", body)

    assert (answer.ended, answer.body[:4]) == ("whole", b"RIFF")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/images/generations", {"prompt": "a", "n": 11}),
        ("/v1/images/edits", {"prompt": "a"}),
        ("/v1/audio/speech", {"model": "sim", "input": "a"}),
        ("/v1/audio/transcriptions", {"model": "sim"}),
        ("/v1/moderations", {"input": []}),
        ("/v1/completions", {"model": "sim", "prompt": "a", "n": 128, "best_of": 129}),
        ("/v1/completions", {"model": "sim", "prompt": ["a", "b"], "n": 128}),
        ("/v1/images/generations", {"prompt": "a", "stream": True}),
    ],
)
def test_a_wrong_request_is_a_400_in_words(simulator: Simulator, path: str, body: Any) -> None:
    answer = ask(simulator, path, body)

    assert answer.status == 400
    assert answer.json["error"]["message"]


@pytest.mark.parametrize(("fault", "expected"), [("401", openai.AuthenticationError), ("429", openai.RateLimitError)])
def test_errors_come_as_for_chats(oai: openai.OpenAI, fault: str, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        oai.images.generate(model=f"sim-fault-{fault}", prompt="a")
    with pytest.raises(expected):
        oai.audio.transcriptions.create(model=f"sim-fault-{fault}", file=("a.wav", b"RIFF"))

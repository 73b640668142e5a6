"""Images, sound, transcripts and moderations, both directions."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import ImagesResponse, ModerationCreateResponse
from openai.types.audio import SpeechCreateParams, Transcription
from openai.types.image_generate_params import ImageGenerateParamsNonStreaming
from openai.types.moderation_create_params import ModerationCreateParams
from pydantic import TypeAdapter

from lingate._dialects._base import media_type
from lingate._dialects.openai_chat import DIALECT
from lingate._model import Call, Head, HttpRequest, JsonDict, Operation, Target
from lingate._wire.multipart import Upload, boundary_of, encode, flatten, parse, unflatten
from lingate.errors import (
    BadRequestError,
    ConfigError,
    InternalServerError,
    LingateError,
    ProtocolError,
    RateLimitError,
    UnsupportedError,
)
from tests.dialects.openai_chat.support import JSON, target

IMAGES: Any = DIALECT.operations["images"]
SPEECH: Any = DIALECT.operations["speech"]
TRANSCRIPTION: Any = DIALECT.operations["transcription"]
MODERATIONS: Any = DIALECT.operations["moderations"]

WAV = Upload("a.wav", b"RIFF....WAVE", "audio/wav")
PNG = Upload("a.png", b"\x89PNG\r\n\x1a\n", "image/png")


def call(operation: Operation, drop_params: bool = False, **body: Any) -> Call:
    return Call(operation, "m-1", body, drop_params=drop_params)


def request(made: Call, to: Target | None = None) -> HttpRequest:
    found: HttpRequest = DIALECT.operations[made.operation].request(made, to or target())
    return found


def form(sent: HttpRequest) -> JsonDict:
    kind = sent.headers["content-type"]
    return unflatten(parse(sent.body, boundary_of(kind, sent.body) or ""))


def read(made: Call, body: Any, head: Head = JSON, to: Target | None = None) -> tuple[JsonDict, JsonDict]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return DIALECT.operations[made.operation].response(request(made, to), head, data)


def typed(kind: str, status: int = 200) -> Head:
    return Head(status, {"content-type": kind})


class TestImages:
    def test_a_generation_is_json_that_openai_s_types_accept(self) -> None:
        sent = request(call("images", prompt="a cat", n=2, size="1024x1024", quality="low"))

        assert (sent.url, sent.headers["content-type"]) == (
            "https://api.acme.test/v1/images/generations",
            "application/json",
        )
        assert json.loads(sent.body) == {
            "model": "m-1",
            "prompt": "a cat",
            "n": 2,
            "size": "1024x1024",
            "quality": "low",
        }
        TypeAdapter(ImageGenerateParamsNonStreaming).validate_json(sent.body)

    def test_an_edit_is_a_form_with_files(self) -> None:
        sent = request(call("images", prompt="a hat", image=[PNG, PNG], mask=PNG, n=1, transparent=True))

        assert sent.url.endswith("/v1/images/edits")
        assert form(sent) == {
            "model": "m-1",
            "prompt": "a hat",
            "image": [PNG, PNG],
            "mask": PNG,
            "n": "1",
            "transparent": "true",
        }

    def test_one_image_of_a_list_goes_by_the_plain_name(self) -> None:
        assert b'name="image"' in request(call("images", prompt="a", image=[PNG])).body

    def test_an_image_without_a_prompt_is_a_variation(self) -> None:
        sent = request(call("images", image=PNG), target(paths={"images": "/openai/images/generations"}))

        assert sent.url == "https://api.acme.test/v1/openai/images/variations"
        assert form(sent) == {"model": "m-1", "image": PNG}

    def test_a_form_s_content_type_wins_over_the_caller_s(self) -> None:
        made = call("images", image=PNG)
        made.extra_headers = {"Content-Type": "application/json", "x-a": "b"}

        sent = request(made)

        assert {name.lower(): value for name, value in sent.headers.items() if name != "authorization"} == {
            "x-a": "b",
            "content-type": sent.headers["content-type"],
        }
        assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")

    def test_extra_fields_and_edits_reach_a_form_too(self) -> None:
        made = call("images", image=PNG, n=1)
        made.extra_body = {"n": 2, "nested": {"a": [1]}}

        sent = request(made, target(edits=(lambda body, sent: body.update(edited="yes"),)))

        assert form(sent) == {"model": "m-1", "image": PNG, "n": "2", "nested": {"a": ["1"]}, "edited": "yes"}

    def test_what_a_form_cannot_hold_is_a_config_error(self) -> None:
        made = call("images", image=PNG)
        made.extra_body = {"x": b"bytes"}

        with pytest.raises(ConfigError, match="cannot be written as a form: x is a bytes"):
            request(made)

    def test_streams_are_refused_or_dropped_with_a_word(self) -> None:
        with pytest.raises(UnsupportedError) as caught:
            request(call("images", prompt="a", stream=True))
        sent = request(call("images", drop_params=True, prompt="a", stream=True))

        assert caught.value.param == "stream"
        assert (json.loads(sent.body), sent.dropped) == ({"model": "m-1", "prompt": "a"}, ["stream"])

    def test_what_the_row_refuses_is_refused(self) -> None:
        with pytest.raises(UnsupportedError, match="style"):
            request(call("images", prompt="a", style="vivid"), target(unsupported=("style",)))

    def test_an_answer_keeps_everything_and_counts_as_chats_do(self) -> None:
        usage = {
            "input_tokens": 5,
            "output_tokens": 7,
            "total_tokens": 12,
            "input_tokens_details": {"text_tokens": 5, "image_tokens": 0},
        }
        body = {"created": 3, "data": [{"b64_json": "aGk="}], "usage": usage, "seed": 9}

        canonical, raw = read(call("images", prompt="a"), body)

        assert raw == body
        assert canonical["data"] == body["data"]
        assert canonical["seed"] == 9
        assert canonical["usage"] == {
            **usage,
            "prompt_tokens": 5,
            "completion_tokens": 7,
            "prompt_tokens_details": {"text_tokens": 5, "image_tokens": 0},
        }

    def test_an_image_that_failed_among_others_stays_and_nothing_but_failures_is_an_error(self) -> None:
        failed = {"error": {"code": "content_policy_violation", "message": "no"}}

        canonical, _ = read(call("images", prompt="a"), {"data": [{"url": "https://x"}, failed]})

        assert canonical["data"][1] == failed
        with pytest.raises(BadRequestError):
            read(call("images", prompt="a"), {"data": [failed]})

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b"", ProtocolError),
            (b"\x89PNG", ProtocolError),
            ({}, ProtocolError),
            ({"data": []}, ProtocolError),
            ({"data": [{}]}, ProtocolError),
            ({"data": [{"url": None, "b64_json": ""}]}, ProtocolError),
            ({"data": ["x"]}, ProtocolError),
            ({"error": {"code": "rate_limit_exceeded", "message": "slow"}}, RateLimitError),
            ({"error": {"message": "x", "type": "server_error"}}, InternalServerError),
        ],
    )
    def test_what_is_no_image_is_an_error(self, body: Any, kind: type[LingateError]) -> None:
        with pytest.raises(kind):
            read(call("images", prompt="a"), body)

    def test_an_answer_is_rendered_as_openai_s_package_reads_it(self) -> None:
        canonical = {
            "created": 1,
            "data": [{"b64_json": "aGk="}],
            "usage": {
                "prompt_tokens": 1,
                "completion_tokens": 2,
                "total_tokens": 3,
                "prompt_tokens_details": {"text_tokens": 1, "image_tokens": 0},
            },
        }

        found = ImagesResponse.model_validate_json(IMAGES.render(canonical))

        assert found.usage is not None
        assert (found.usage.input_tokens, found.usage.output_tokens) == (1, 2)
        again, _ = read(call("images", prompt="a"), IMAGES.render(canonical))
        assert read(call("images", prompt="a"), IMAGES.render(again))[0] == again
        assert IMAGES.render({"created": 1, "data": []}) == b'{"created":1,"data":[]}'

    def test_a_client_s_json_and_form_are_read(self) -> None:
        plain = IMAGES.parse_call(b'{"prompt": "a", "n": 2, "odd": 1}', {})
        body, content_type = encode(flatten({"model": "m", "prompt": "a", "image": [PNG], "n": 3, "size": "1x1"}))
        edit = IMAGES.parse_call(body, {"task": "edits", "content-type": content_type})
        without_header = IMAGES.parse_call(body, {"task": "edits"})

        assert plain == Call("images", "dall-e-2", {"prompt": "a", "n": 2, "odd": 1})
        assert edit == without_header == Call("images", "m", {"prompt": "a", "image": [PNG], "n": 3, "size": "1x1"})

    @pytest.mark.parametrize(
        ("fields", "task", "where"),
        [
            ({"model": "m"}, "generations", "prompt"),
            ({"prompt": ""}, "generations", "prompt"),
            ({"prompt": "a", "n": "many"}, "generations", "n"),
            ({"prompt": "a", "n": 0}, "generations", "n"),
            ({"prompt": "a"}, "edits", "image"),
            ({"prompt": "a", "image": "text"}, "edits", "image"),
            ({"prompt": "a", "image": Upload("a", b"")}, "edits", "image: the file is empty"),
            ({"prompt": "a", "image": [PNG, Upload("a", b"")]}, "edits", r"image\[1\]"),
            ({"prompt": "a", "image": PNG, "mask": "x"}, "edits", "mask"),
            ({"image": PNG}, "edits", "prompt"),
            ({"image": PNG, "prompt": "a"}, "variations", "prompt"),
            ({}, "variations", "image"),
            ({"model": PNG, "prompt": "a"}, "generations", "model"),
            ({"prompt": "a", "stream": "perhaps"}, "generations", "stream"),
        ],
    )
    def test_a_wrong_form_is_refused_saying_where(self, fields: JsonDict, task: str, where: str) -> None:
        body, content_type = encode(flatten(fields))

        with pytest.raises(BadRequestError, match=f"^{where}"):
            IMAGES.parse_call(body, {"task": task, "content-type": content_type})

    def test_a_broken_form_is_a_bad_request(self) -> None:
        with pytest.raises(BadRequestError, match="cannot be read"):
            IMAGES.parse_call(b"--x\r\nrubbish", {"task": "edits"})
        with pytest.raises(BadRequestError):
            IMAGES.parse_call(b"\xff\xfe", {"task": "edits"})

    def test_a_client_that_wants_a_stream_is_told_that_there_is_none(self) -> None:
        with pytest.raises(UnsupportedError) as caught:
            IMAGES.parse_call(b'{"prompt": "a", "stream": true}', {})

        assert caught.value.param == "stream"
        assert DIALECT.render_error(caught.value)[0] == 400


class TestSpeech:
    def test_a_request_is_json_that_openai_s_types_accept(self) -> None:
        sent = request(call("speech", input="hello", voice="alloy", response_format="wav", speed=1.5))

        assert sent.url == "https://api.acme.test/v1/audio/speech"
        TypeAdapter(SpeechCreateParams).validate_json(sent.body)

    def test_a_row_may_have_another_name_for_the_voice(self) -> None:
        sent = request(call("speech", input="a", voice="x"), target(rename={"voice": "voice_id"}))

        assert json.loads(sent.body) == {"model": "m-1", "input": "a", "voice_id": "x"}

    @pytest.mark.parametrize("field", [{"stream": True}, {"stream_format": "sse"}])
    def test_streams_are_refused(self, field: JsonDict) -> None:
        with pytest.raises(UnsupportedError) as caught:
            request(call("speech", input="a", **field))
        sent = request(call("speech", drop_params=True, input="a", **field))

        assert [caught.value.param] == sent.dropped == list(field)
        assert json.loads(sent.body) == {"model": "m-1", "input": "a"}

    @pytest.mark.parametrize(
        ("asked", "said", "body", "found"),
        [
            (None, "audio/mpeg", b"ID3x", "audio/mpeg"),
            ("wav", "Audio/X-Wav; rate=8000", b"RIFF", "audio/x-wav"),
            (None, "application/octet-stream", b"ID3x", "audio/mpeg"),
            ("opus", "application/octet-stream", b"????", "audio/ogg"),
            ("pcm", "", b"{x", "audio/pcm"),
            (None, "", b"fLaC", "audio/flac"),
            ("strange", "", b"????", "application/octet-stream"),
        ],
    )
    def test_the_answer_is_sound_and_what_it_is_is_known(
        self, asked: str | None, said: str, body: bytes, found: str
    ) -> None:
        made = call("speech", input="a", response_format=asked)
        if body[:1] == b"{":
            said = "audio/pcm"

        canonical, raw = read(made, body, typed(said) if said else Head(200, {}))

        assert canonical == raw == {"audio": body, "content_type": found, "model": "m-1"}
        assert SPEECH.render(canonical) == body
        assert media_type("speech", canonical) == found

    def test_sound_inside_json_is_taken_out(self) -> None:
        body = {"audio_data": b64encode(b"ID3x").decode(), "cost": 1}

        canonical, raw = read(call("speech", input="a"), body)

        assert canonical == {"audio": b"ID3x", "content_type": "audio/mpeg", "model": "m-1", "cost": 1}
        assert raw == body

    @pytest.mark.parametrize(
        ("body", "head", "kind"),
        [
            (b"", typed("audio/mpeg"), ProtocolError),
            (b"<html>", typed("text/html"), ProtocolError),
            (b"{}", JSON, ProtocolError),
            (b'{"audio": "!"}', JSON, ProtocolError),
            (b'{"audio": 3}', JSON, ProtocolError),
            (b"[1]", JSON, ProtocolError),
            (b'{"error": {"code": "rate_limit_exceeded", "message": "x"}}', JSON, RateLimitError),
            (b'{"error": {"code": "rate_limit_exceeded", "message": "x"}}', Head(200, {}), RateLimitError),
        ],
    )
    def test_what_is_no_sound_is_an_error(self, body: bytes, head: Head, kind: type[LingateError]) -> None:
        with pytest.raises(kind):
            read(call("speech", input="a"), body, head)

    def test_a_client_s_request_is_read(self) -> None:
        made = SPEECH.parse_call(b'{"model": "m", "input": "a", "voice": {"id": "v"}, "speed": 2}', {})

        assert made == Call("speech", "m", {"input": "a", "voice": {"id": "v"}, "speed": 2})

    @pytest.mark.parametrize(
        ("fields", "where"),
        [
            ({"input": "a", "voice": "x"}, "model"),
            ({"model": "m", "voice": "x"}, "input"),
            ({"model": "m", "input": "", "voice": "x"}, "input"),
            ({"model": "m", "input": "a", "voice": 3}, "voice"),
            ({"model": "m", "input": "a", "voice": "x", "speed": 9}, "speed"),
            ({"model": "m", "input": "a", "voice": "x", "response_format": 1}, "response_format"),
        ],
    )
    def test_a_wrong_request_is_refused_saying_where(self, fields: JsonDict, where: str) -> None:
        with pytest.raises(BadRequestError, match=f"^{where}"):
            SPEECH.parse_call(json.dumps(fields).encode(), {})


class TestTranscription:
    def test_a_request_is_a_form(self) -> None:
        sent = request(
            call(
                "transcription",
                file=WAV,
                language="en",
                temperature=0.5,
                timestamp_granularities=["word", "segment"],
                chunking_strategy={"type": "server_vad", "threshold": 0.4},
            )
        )

        assert sent.url == "https://api.acme.test/v1/audio/transcriptions"
        assert form(sent) == {
            "model": "m-1",
            "file": WAV,
            "language": "en",
            "temperature": "0.5",
            "timestamp_granularities": ["word", "segment"],
            "chunking_strategy": {"type": "server_vad", "threshold": "0.4"},
        }

    def test_a_translation_has_its_own_address(self) -> None:
        sent = request(
            call("transcription", file=WAV, translate=True), target(paths={"transcription": "/x/transcriptions"})
        )

        assert sent.url == "https://api.acme.test/v1/x/translations"
        assert "translate" not in form(sent)

    def test_streams_are_refused(self) -> None:
        with pytest.raises(UnsupportedError):
            request(call("transcription", file=WAV, stream=True))

    def test_an_answer_in_json_keeps_everything(self) -> None:
        body = {
            "text": "hi",
            "words": [{"word": "hi", "start": 0, "end": 1}],
            "x_groq": {"id": "r"},
            "usage": {
                "type": "tokens",
                "input_tokens": 4,
                "input_token_details": {"audio_tokens": 4},
                "output_tokens": 2,
                "total_tokens": 6,
            },
        }

        canonical, raw = read(call("transcription", file=WAV), body)

        assert raw == body
        assert {name: canonical[name] for name in ("text", "words", "x_groq")} == {
            name: body[name] for name in ("text", "words", "x_groq")
        }
        assert (canonical["usage"]["prompt_tokens"], canonical["usage"]["completion_tokens"]) == (4, 2)
        assert canonical["usage"]["prompt_tokens_details"] == {"audio_tokens": 4}
        assert Transcription.model_validate_json(TRANSCRIPTION.render(canonical)).text == "hi"

    @pytest.mark.parametrize(
        ("form", "head", "body", "text"),
        [
            ("text", typed("text/plain; charset=utf-8"), "Héllo\n".encode(), "Héllo\n"),
            ("text", JSON, b'"Hello"', "Hello"),
            ("text", JSON, b"Hello", "Hello"),
            ("text", Head(200, {}), b"12", "12"),
            ("text", typed("text/plain"), b"[music]", "[music]"),
            ("text", typed("text/plain"), b"{music}", "{music}"),
            ("srt", typed("text/plain"), b"1\n00:00", "1\n00:00"),
            ("srt", typed("application/x-subrip"), b"1\n00:00", "1\n00:00"),
            ("vtt", typed("text/vtt"), b"\xef\xbb\xbfWEBVTT", "WEBVTT"),
            ("text", typed("text/plain"), b"", ""),
            ("text", JSON, b'{"text": "Hello"}', "Hello"),
        ],
    )
    def test_plain_transcripts_are_text(self, form: str, head: Head, body: bytes, text: str) -> None:
        canonical, _ = read(call("transcription", file=WAV, response_format=form), body, head)

        assert canonical["text"] == text
        assert media_type("transcription", canonical) != "application/json"
        assert TRANSCRIPTION.render(canonical).decode() == text
        again, _ = read(
            call("transcription", file=WAV, response_format=form),
            TRANSCRIPTION.render(canonical),
            typed(media_type("transcription", canonical)),
        )
        assert again == canonical

    @pytest.mark.parametrize(
        ("form", "head", "body", "kind"),
        [
            ("json", JSON, b"", ProtocolError),
            ("json", JSON, b"Hello", ProtocolError),
            ("json", JSON, b"{}", ProtocolError),
            ("json", JSON, b'{"text": 3}', ProtocolError),
            ("verbose_json", JSON, b"[]", ProtocolError),
            ("text", typed("text/html"), b"<html>", ProtocolError),
            ("text", typed("text/plain"), b"\xff\xfe", ProtocolError),
            ("text", JSON, b"[1]", ProtocolError),
            ("text", JSON, b'{"error": {"code": "rate_limit_exceeded", "message": "x"}}', RateLimitError),
            ("text", typed("text/plain"), b'{"error": {"code": "rate_limit_exceeded"}}', RateLimitError),
            (None, JSON, b'{"error": {"code": "rate_limit_exceeded", "message": "x"}}', RateLimitError),
        ],
    )
    def test_what_is_no_transcript_is_an_error(
        self, form: str | None, head: Head, body: bytes, kind: type[LingateError]
    ) -> None:
        with pytest.raises(kind):
            read(call("transcription", file=WAV, response_format=form), body, head)

    def test_a_list_of_one_may_be_written_without_brackets(self) -> None:
        body, content_type = encode(flatten({"model": "m", "file": WAV, "include": "logprobs"}))

        assert TRANSCRIPTION.parse_call(body, {"content-type": content_type}).body["include"] == ["logprobs"]

    def test_a_client_s_form_is_read_with_its_numbers(self) -> None:
        fields = {
            "model": "m",
            "file": WAV,
            "temperature": 0.5,
            "timestamp_granularities": ["word"],
            "chunking_strategy": {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300},
            "odd": "1",
        }
        body, content_type = encode(flatten(fields))

        made = TRANSCRIPTION.parse_call(body, {"content-type": content_type, "translate": "yes"})

        fields.pop("model")
        assert made == Call("transcription", "m", {**fields, "translate": True})

    @pytest.mark.parametrize(
        ("fields", "where"),
        [
            ({"file": WAV}, "model"),
            ({"model": "m"}, "file"),
            ({"model": "m", "file": "a.wav"}, "file"),
            ({"model": "m", "file": Upload("a.wav", b"")}, "file: the file is empty"),
            ({"model": "m", "file": WAV, "temperature": "warm"}, "temperature"),
            ({"model": "m", "file": WAV, "temperature": 2}, "temperature"),
            ({"model": "m", "file": WAV, "include": {"a": "b"}}, "include"),
            ({"model": "m", "file": WAV, "language": ["en"]}, "language"),
        ],
    )
    def test_a_wrong_form_is_refused_saying_where(self, fields: JsonDict, where: str) -> None:
        body, _ = encode(flatten(fields))

        with pytest.raises(BadRequestError, match=f"^{where}"):
            TRANSCRIPTION.parse_call(body, {})

    def test_a_json_body_has_no_file(self) -> None:
        with pytest.raises(BadRequestError, match=r"^file"):
            TRANSCRIPTION.parse_call(b'{"model": "m", "file": "a.wav"}', {"content-type": "application/json"})

    def test_a_client_that_wants_a_stream_is_told_that_there_is_none(self) -> None:
        body, _ = encode(flatten({"model": "m", "file": WAV, "stream": True}))

        with pytest.raises(UnsupportedError):
            TRANSCRIPTION.parse_call(body, {})


class TestModerations:
    def test_a_request_is_json_that_openai_s_types_accept(self) -> None:
        parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}]

        sent = request(call("moderations", input=parts))

        assert (sent.url, json.loads(sent.body)) == (
            "https://api.acme.test/v1/moderations",
            {"model": "m-1", "input": parts},
        )
        TypeAdapter(ModerationCreateParams).validate_json(sent.body)

    def test_an_answer_keeps_everything_and_says_whether_it_is_flagged(self) -> None:
        body = {"id": "1", "results": [{"categories": {"a": False, "b": True}, "category_scores": {"a": 0.1}, "x": 1}]}

        canonical, raw = read(call("moderations", input="a"), body)

        assert raw == body
        assert canonical["results"] == [{**body["results"][0], "flagged": True}]  # type: ignore[dict-item]
        assert canonical["model"] == "m-1"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            {},
            {"results": []},
            {"results": [1]},
            {"results": [{"flagged": True}]},
            {"results": [{"categories": {}, "category_scores": 1}]},
        ],
    )
    def test_what_is_no_verdict_is_an_error(self, body: Any) -> None:
        with pytest.raises(ProtocolError):
            read(call("moderations", input="a"), body)

    def test_an_answer_is_rendered_as_openai_s_package_reads_it(self) -> None:
        body = {"id": "1", "model": "m", "results": [{"categories": {}, "category_scores": {}, "flagged": False}]}

        rendered = MODERATIONS.render(read(call("moderations", input="a"), body)[0])

        assert ModerationCreateResponse.construct(**json.loads(rendered)).results[0].flagged is False
        assert json.loads(rendered) == body

    def test_a_client_s_request_is_read_and_the_model_may_be_missing(self) -> None:
        assert MODERATIONS.parse_call(b'{"input": ["a"]}', {}) == Call(
            "moderations", "omni-moderation-latest", {"input": ["a"]}
        )

    @pytest.mark.parametrize("given", [None, "", [], 3, ["a", 3], [["a"]], ["a", {"type": "text"}]])
    def test_a_wrong_request_is_refused(self, given: Any) -> None:
        with pytest.raises(BadRequestError, match=r"^input"):
            MODERATIONS.parse_call(json.dumps({"model": "m", "input": given}).encode(), {})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KNOWN = ["data", "results", "text", "choices", "error", "usage", "audio", "b64_json", "categories", "created", "model"]


@given(
    st.sampled_from(["completions", "images", "speech", "transcription", "moderations"]),
    st.dictionaries(st.sampled_from(KNOWN), VALUES, max_size=4) | VALUES,
    st.sampled_from([JSON, Head(200, {}), typed("text/plain"), typed("audio/mpeg")]),
    st.sampled_from([None, "text", "verbose_json"]),
)
@settings(max_examples=400)
def test_rubbish_gives_only_our_errors(operation: Operation, body: Any, head: Head, form: str | None) -> None:
    made = call(operation, prompt="a", input="a", file=WAV, response_format=form)

    try:
        read(made, body, head)
    except LingateError:
        return


@given(
    st.sampled_from(["completions", "images", "speech", "transcription", "moderations"]),
    st.dictionaries(
        st.sampled_from(["model", "prompt", "input", "file", "image", "n", "stream", "voice"]),
        st.text(max_size=4) | st.just(PNG) | st.lists(st.just(PNG) | st.text(max_size=2), max_size=2),
        max_size=5,
    ),
    st.sampled_from(["edits", "variations", "generations"]),
)
@settings(max_examples=300)
def test_a_client_s_rubbish_is_refused_in_words(operation: Operation, fields: JsonDict, task: str) -> None:
    body, content_type = encode(flatten(fields))

    for path_args in ({"task": task, "content-type": content_type}, {"task": task}):
        try:
            DIALECT.operations[operation].parse_call(body, path_args)
        except (BadRequestError, UnsupportedError) as error:
            status, _ = DIALECT.render_error(error)
            if status != 400:
                raise


def test_speech_as_events_is_not_to_be_had() -> None:
    body = json.dumps({"model": "m", "input": "hi", "voice": "v", "stream_format": "sse"}).encode()

    with pytest.raises(UnsupportedError, match="no streams"):
        DIALECT.operations["speech"].parse_call(body, {})


def test_no_images_cannot_be_edited() -> None:
    body = json.dumps({"model": "m", "prompt": "p", "image": []}).encode()

    with pytest.raises(BadRequestError, match="image: expected a file"):
        DIALECT.operations["images"].parse_call(body, {"task": "edits", "content-type": "application/json"})

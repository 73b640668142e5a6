"""Completions, both directions: recorded exchanges, streams in any pieces, and what is refused."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import Completion
from openai.types.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from lingate._call.stream import cut_at_stops
from lingate._dialects._failure import failure
from lingate._dialects._replay import replay
from lingate._dialects.openai_chat import DIALECT
from lingate._dialects.openai_chat.completion_chunks import CompletionChunkBuilder, completion_of
from lingate._model import Call, Event, Extra, Failed, Finish, Head, HttpRequest, JsonDict, Start, Target, Text, Usage
from lingate.errors import (
    BadRequestError,
    InternalServerError,
    LingateError,
    ProtocolError,
    RateLimitError,
    StreamInterruptedError,
    UnsupportedError,
)
from tests.conftest import RECORDINGS
from tests.dialects.openai_chat.support import JSON, SSE, comparable, only, sse, target, text_of
from tests.dialects.short import collect, error_of

COMPLETIONS: Any = DIALECT.operations["completions"]


def call(stream: bool = False, drop_params: bool = False, **body: Any) -> Call:
    return Call("completions", "m-1", {"prompt": "Once", **body}, stream=stream, drop_params=drop_params)


def wire(made: Call, to: Target | None = None) -> JsonDict:
    body: JsonDict = json.loads(COMPLETIONS.request(made, to or target()).body)
    return body


def sent(to: Target | None = None, stream: bool = True) -> HttpRequest:
    request: HttpRequest = COMPLETIONS.request(call(stream=stream), to or target())
    return request


def read(body: Any, to: Target | None = None) -> JsonDict:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    canonical: JsonDict
    canonical, raw = COMPLETIONS.response(sent(to, stream=False), JSON, data)
    assert raw == json.loads(data)
    return canonical


def decode(data: bytes, pieces: Iterable[bytes] | None = None, to: Target | None = None) -> list[Event]:
    decoder = COMPLETIONS.decoder(sent(to), SSE)
    events: list[Event] = []
    for piece in [data] if pieces is None else pieces:
        events += decoder.feed(piece)
    events += decoder.finish()
    assert decoder.done is not any(isinstance(event, Failed) for event in events)
    return events


def in_any_pieces(data: bytes, to: Target | None = None) -> list[Event]:
    """The events of a stream, which are the same whole, byte by byte and, if it is short, cut at every place."""
    whole = decode(data, to=to)
    splits = range(1, len(data)) if len(data) < 1500 else random.Random(1).sample(range(1, len(data)), 40)
    for pieces in ((data[at : at + 1] for at in range(len(data))), *([data[:at], data[at:]] for at in splits)):
        assert comparable(decode(data, pieces, to)) == comparable(whole)
    return whole


def chunk(text: str = "", reason: str | None = None, index: int = 0, **fields: Any) -> JsonDict:
    choice = {"text": text, "index": index, "logprobs": None, "finish_reason": reason}
    return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice], **fields}


def answer(*texts: str, **fields: Any) -> JsonDict:
    choices = [
        {"text": text, "index": at, "logprobs": None, "finish_reason": "stop"}
        for at, text in enumerate(texts or ("hi",))
    ]
    return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": choices, **fields}


class TestRecordings:
    """What api.openai.com and vLLM really sent."""

    @staticmethod
    @cache
    def exchanges(success: bool) -> tuple[JsonDict, ...]:
        found: list[JsonDict] = []
        for name in ("openai-completions", "vllm"):
            file = RECORDINGS / f"{name}.jsonl"
            if not file.is_file():
                pytest.skip(f"no recordings at {RECORDINGS}: set LINGATE_RECORDINGS")
            found += map(json.loads, file.read_text(encoding="utf-8").splitlines())
        return tuple(
            item
            for item in found
            if item["request"]["url"].endswith("/v1/completions") and (item["response"]["status"] < 300) is success
        )

    @staticmethod
    def chunks(body: str) -> Iterator[JsonDict]:
        """The JSON of a stream, read without any code of ours."""
        for line in body.splitlines():
            if line.startswith("data: {"):
                yield json.loads(line[6:])

    def test_every_whole_answer_reads_as_what_was_said(self) -> None:
        bodies = [item["response"]["body"] for item in self.exchanges(True)]
        whole = [body for body in bodies if isinstance(body, dict)]

        for body in whole:
            canonical = read(body)
            for choice, raw in zip(canonical["choices"], body["choices"], strict=True):
                assert {name: choice[name] for name in raw} == raw
            assert {name: canonical["usage"][name] for name in body["usage"]} == body["usage"]
            assert {name: canonical[name] for name in body if name not in ("choices", "usage")} == {
                name: value for name, value in body.items() if name not in ("choices", "usage")
            }

    def test_every_stream_tells_what_was_said_in_any_pieces(self) -> None:
        bodies = [item["response"]["body"] for item in self.exchanges(True)]
        streams = [body for body in bodies if isinstance(body, str)]
        for body in streams:
            events = in_any_pieces(body.encode())
            made = completion_of(collect(events))
            chunks = list(self.chunks(body))
            for index in {choice["index"] for chunk in chunks for choice in chunk.get("choices") or ()}:
                mine = [choice for chunk in chunks for choice in chunk.get("choices") or () if choice["index"] == index]
                assert made["choices"][index]["text"] == "".join(choice["text"] for choice in mine)
                reason = next(choice["finish_reason"] for choice in mine if choice["finish_reason"])
                assert made["choices"][index]["finish_reason"] == {"eos": "stop"}.get(reason, reason)
            assert made["id"] == chunks[0]["id"]
            assert made["model"] == chunks[0]["model"]
            usage = next((chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage")), None)
            assert made["usage"] == usage or {**made["usage"], **usage} == made["usage"]
            raws = [event.raw for event in events if not isinstance(event, Failed) and event.raw is not None]
            assert all(raw in chunks for raw in raws), "raw is the provider's own event"

    def test_every_error_is_the_one_it_is(self) -> None:
        for item in self.exchanges(False):
            status = item["response"]["status"]
            body = json.dumps(item["response"]["body"]).encode()
            error = failure(Head(status, item["response"]["headers"]), body, target())
            assert isinstance(error, error_of(item["response"]))
            assert error.status == status
            said = item["response"]["body"]["error"]
            assert error.code == (said["code"] or said["type"])

    def test_a_recorded_request_survives_both_directions(self) -> None:
        for item in (*self.exchanges(True), *self.exchanges(False)):
            body = {name: value for name, value in item["request"]["body"].items() if value is not None}
            if body.get("max_tokens", 1) < 0 or body.get("temperature", 0) > 2:
                with pytest.raises(BadRequestError):
                    COMPLETIONS.parse_call(json.dumps(body).encode(), {})
                continue

            made = COMPLETIONS.parse_call(json.dumps(body).encode(), {})
            again = json.loads(COMPLETIONS.request(made, target(model=body["model"])).body)

            again.pop("stream_options", None)
            body.pop("stream_options", None)
            if not body.get("stream"):
                body.pop("stream", None)
            assert again == body


class TestRequest:
    def test_only_what_was_said_is_sent_to_its_place(self) -> None:
        request = COMPLETIONS.request(call(max_tokens=5, suffix="end", echo=None), target())

        assert request.url == "https://api.acme.test/v1/completions"
        assert json.loads(request.body) == {"model": "m-1", "prompt": "Once", "max_tokens": 5, "suffix": "end"}

    def test_a_row_may_have_another_path(self) -> None:
        request = COMPLETIONS.request(call(), target(paths={"completions": "/fim/completions"}))

        assert request.url == "https://api.acme.test/v1/fim/completions"

    def test_the_cap_has_one_name_here_whatever_chats_call_it(self) -> None:
        to = target(traits={"max_tokens_param": "max_completion_tokens"})

        assert wire(call(max_tokens=5), to)["max_tokens"] == 5
        assert wire(call(max_completion_tokens=5), to) == {"model": "m-1", "prompt": "Once", "max_tokens": 5}
        request = COMPLETIONS.request(call(max_completion_tokens=6, max_tokens=5), to)
        assert (json.loads(request.body)["max_tokens"], request.dropped) == (5, ["max_completion_tokens=6"])

    def test_a_stream_asks_for_usage_where_that_is_known(self) -> None:
        assert wire(call(stream=True))["stream_options"] == {"include_usage": True}
        assert "stream_options" not in wire(call(stream=True), target(traits={"stream_usage": False}))

    def test_what_the_provider_refuses_is_refused_or_dropped_with_a_word(self) -> None:
        to = target(unsupported=("echo", "best_of>1"), rename={"seed": "random_seed"})

        with pytest.raises(UnsupportedError) as caught:
            wire(call(echo=True), to)
        request = COMPLETIONS.request(call(drop_params=True, echo=True, best_of=2, seed=1), to)

        assert caught.value.param == "echo"
        assert json.loads(request.body) == {"model": "m-1", "prompt": "Once", "random_seed": 1}
        assert request.dropped == ["echo", "best_of>1"]

    def test_more_stop_sequences_than_fit_are_enforced_on_the_way_back(self) -> None:
        request = COMPLETIONS.request(call(stop=["a", "b", "c", "d", "e"]), target())

        assert json.loads(request.body)["stop"] == ["a", "b", "c", "d"]
        assert (request.stop, request.dropped) == (("a", "b", "c", "d", "e"), ["stop[4:]"])
        cut = cut_at_stops(read(answer("xx e yy", "zz")), request.stop)
        assert [choice["text"] for choice in cut["choices"]] == ["xx ", "zz"]

    def test_extra_fields_are_merged_last(self) -> None:
        made = call(max_tokens=5)
        made.extra_body = {"max_tokens": 6, "guided_regex": "x"}

        assert wire(made)["max_tokens"] == 6
        assert wire(made)["guided_regex"] == "x"


class TestAnswer:
    def test_what_is_missing_is_made_up_and_what_is_unknown_stays(self) -> None:
        canonical = read({"choices": [{"text": "hi", "stop_reason": "x"}], "kv": 1})

        assert canonical["id"].startswith("cmpl-")
        assert canonical["model"] == "m-1"
        assert canonical["choices"] == [
            {"text": "hi", "stop_reason": "x", "index": 0, "logprobs": None, "finish_reason": "stop"}
        ]
        assert (canonical["usage"], canonical["kv"], canonical["object"]) == (None, 1, "text_completion")

    def test_choices_keep_the_index_that_they_have(self) -> None:
        choices = read({"choices": [{"text": "b", "index": 1}, {"text": "a", "index": 0}]})["choices"]

        assert [(choice["text"], choice["index"]) for choice in choices] == [("b", 1), ("a", 0)]

    def test_a_completion_that_comes_as_a_chat_is_one(self) -> None:
        body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "mid"}, "finish_reason": "stop"}]}

        assert read(body)["choices"] == [{"text": "mid", "index": 0, "logprobs": None, "finish_reason": "stop"}]

    def test_reasons_are_openai_s_and_the_provider_s_own_is_kept(self) -> None:
        choice = read({"choices": [{"text": "a", "finish_reason": "max_tokens"}]})["choices"][0]

        assert (choice["finish_reason"], choice["native_finish_reason"]) == ("length", "max_tokens")

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b"", ProtocolError),
            (b"<html>", ProtocolError),
            (b"[]", ProtocolError),
            ({}, ProtocolError),
            ({"choices": []}, ProtocolError),
            ({"choices": [3]}, ProtocolError),
            ({"choices": [{"text": 3}]}, ProtocolError),
            ({"choices": [{"message": {"content": None}}]}, ProtocolError),
            ({"error": {"message": "slow down", "code": 429}}, RateLimitError),
            ({"choices": [{"text": "", "finish_reason": "error"}]}, InternalServerError),
        ],
    )
    def test_what_is_no_completion_is_an_error(self, body: Any, kind: type[LingateError]) -> None:
        with pytest.raises(kind):
            read(body)


class TestStream:
    def test_events_in_full(self) -> None:
        first, last = chunk("Hel", system_fingerprint="fp"), chunk("lo", "length")

        events = in_any_pieces(sse(first, last, chunk(choices=[], usage={"prompt_tokens": 1, "total_tokens": 1})))

        usage = {"prompt_tokens": 1, "total_tokens": 1}
        assert events == [
            Start("cmpl-1", "m", 1, {"system_fingerprint": "fp"}, first),
            Text("Hel", 0, first),
            Text("lo", 0, last),
            Finish("length", 0, "length", events[3].raw),  # type: ignore[union-attr]
            Usage(usage, {**chunk(choices=[]), "usage": usage}),
        ]

    def test_choices_are_kept_apart_and_logprobs_add_up(self) -> None:
        def logprobs(*tokens: str) -> JsonDict:
            return {"tokens": list(tokens), "token_logprobs": [-0.1] * len(tokens), "text_offset": [0] * len(tokens)}

        pieces = [
            {**chunk(), "choices": [{"text": text, "index": index, "logprobs": logprobs(text), "finish_reason": None}]}
            for text, index in (("a", 1), ("b", 0), ("c", 1))
        ]

        made = completion_of(collect(in_any_pieces(sse(*pieces, chunk("", "stop", 0), chunk("", "stop", 1)))))

        assert [choice["text"] for choice in made["choices"]] == ["b", "ac"]
        assert made["choices"][1]["logprobs"]["tokens"] == ["a", "c"]

    def test_a_field_of_the_provider_s_own_stays_on_its_choice(self) -> None:
        end = chunk("", "stop")
        end["choices"][0]["stop_reason"] = "###"

        events = in_any_pieces(sse(chunk("a"), end))

        assert [(event.fields, event.on_choice) for event in only(events, Extra)] == [({"stop_reason": "###"}, True)]
        assert completion_of(collect(events))["choices"][0]["stop_reason"] == "###"

    def test_a_stream_that_comes_in_a_chat_s_words_is_read_too(self) -> None:
        deltas = [{"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]} for word in ("a", "b")]

        events = in_any_pieces(sse(*deltas, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))

        assert text_of(events) == "ab"

    def test_a_stream_without_its_end_is_interrupted(self) -> None:
        events = in_any_pieces(sse(chunk("a"), chunk("b", "stop"), done=False))

        assert isinstance(events[-1], Failed)
        assert isinstance(events[-1].error, StreamInterruptedError)

    def test_an_error_in_mid_stream_is_the_last_event(self) -> None:
        events = in_any_pieces(sse(chunk("a"), {"error": {"message": "overloaded", "code": 503}}, chunk("b")))

        assert isinstance(events[-1], Failed)
        assert text_of(events) == "a"

    def test_one_body_instead_of_a_stream_is_told_as_one(self) -> None:
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        body = answer("one", "two", usage=usage)

        made = completion_of(collect(in_any_pieces(json.dumps(body).encode())))

        assert made == read(body)

    def test_tags_of_reasoning_are_text_here(self) -> None:
        to = target(traits={"think_tags": True})

        assert text_of(in_any_pieces(sse(chunk("<think>a</think>b"), chunk("", "stop")), to)) == "<think>a</think>b"

    @given(st.lists(st.sampled_from([b"data: ", b"{}", b"[DONE]", b"\n\n", b'{"choices":', b'[{"text":1}]}', b"\xff"])))
    def test_rubbish_gives_only_our_errors(self, pieces: list[bytes]) -> None:
        for event in decode(b"".join(pieces), pieces):
            assert not isinstance(event, Failed) or isinstance(event.error, LingateError)


class TestFace:
    @pytest.mark.parametrize(
        ("body", "where"),
        [
            ({"prompt": "a"}, "model"),
            ({"model": "m"}, "prompt"),
            ({"model": "m", "prompt": []}, "prompt"),
            ({"model": "m", "prompt": ["a", 1]}, r"prompt\[1\]"),
            ({"model": "m", "prompt": [[]]}, r"prompt\[0\]"),
            ({"model": "m", "prompt": [["a"]]}, r"prompt\[0\]"),
            ({"model": "m", "prompt": [True]}, r"prompt\[0\]"),
            ({"model": "m", "prompt": "a", "n": 0}, "n"),
            ({"model": "m", "prompt": "a", "temperature": 3}, "temperature"),
            ({"model": "m", "prompt": "a", "echo": 1}, "echo"),
            ({"model": "m", "prompt": "a", "stream": "yes"}, "stream"),
            ({"model": "m", "prompt": "a", "stop": [1]}, r"stop\[0\]"),
        ],
    )
    def test_a_wrong_request_is_refused_saying_where(self, body: JsonDict, where: str) -> None:
        with pytest.raises(BadRequestError, match=f"^{where}:"):
            COMPLETIONS.parse_call(json.dumps(body).encode(), {})

    def test_a_request_is_read_with_its_unknown_fields(self) -> None:
        made = COMPLETIONS.parse_call(
            b'{"model": "m", "prompt": [[1, 2]], "stream": true, "user": null, "guided_regex": "x"}', {}
        )

        assert made == Call("completions", "m", {"prompt": [[1, 2]], "guided_regex": "x"}, stream=True)

    def test_an_answer_is_rendered_as_openai_s_package_reads_it(self) -> None:
        canonical = read(answer("hi", usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}))

        rendered = COMPLETIONS.render(canonical)

        assert Completion.model_validate_json(rendered).choices[0].text == "hi"
        assert read(rendered) == canonical

    def test_a_stream_that_is_written_reads_as_the_same_events(self) -> None:
        response = read(answer("one", "", usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}))
        encoder = COMPLETIONS.encoder(call(stream_options={"include_usage": True}))

        data = b"".join([*(encoder.event(event) for event in replay(response)), encoder.end()])

        assert encoder.content_type == "text/event-stream"
        assert completion_of(collect(in_any_pieces(data))) == response

    def test_usage_is_sent_only_if_it_was_asked_for(self) -> None:
        encoder = COMPLETIONS.encoder(call())
        usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}

        data = b"".join([encoder.event(Text("a")), encoder.event(Usage(usage)), encoder.end()])

        assert b"usage" not in data
        assert data.endswith(b"data: [DONE]\n\n")

    def test_an_error_in_mid_stream_is_written_without_an_end(self) -> None:
        encoder = COMPLETIONS.encoder(call())

        data = encoder.event(Text("a")) + encoder.error(RateLimitError("wait", provider="acme"))

        assert b"[DONE]" not in data
        assert isinstance(decode(data)[-1], Failed)


TEXTS = st.text("ab \n\u00e9", max_size=6)
RESPONSES = st.builds(
    lambda texts, usage: read(answer(*texts, **({"usage": usage} if usage else {}))),
    st.lists(TEXTS, min_size=1, max_size=3),
    st.none() | st.just({"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}),
)


@given(RESPONSES)
@settings(max_examples=50)
def test_a_completion_taken_apart_chunked_and_read_again_is_the_same(response: JsonDict) -> None:
    builder = CompletionChunkBuilder()
    chunks = [made for event in replay(response) if (made := builder.chunk(event)) is not None]
    last = builder.end()

    events = decode(sse(*chunks, *([last] if last else [])))

    assert completion_of(collect(events)) == response
    for made in chunks:
        Completion.model_validate({**made, "choices": [{**made["choices"][0], "finish_reason": "stop"}]})


PROMPTS = (
    TEXTS
    | st.lists(TEXTS, min_size=1, max_size=3)
    | st.lists(st.integers(0, 99), min_size=1, max_size=3)
    | st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=3), min_size=1, max_size=2)
)
PARAMS = st.fixed_dictionaries(
    {"prompt": PROMPTS},
    optional={
        "best_of": st.integers(1, 9),
        "echo": st.booleans(),
        "frequency_penalty": st.floats(-2, 2),
        "logit_bias": st.dictionaries(st.sampled_from(["1", "2"]), st.integers(-100, 100)),
        "logprobs": st.integers(0, 5),
        "max_tokens": st.integers(0, 99),
        "n": st.integers(1, 9),
        "seed": st.integers(0, 99),
        "stop": st.text("ab", min_size=1, max_size=2) | st.lists(st.text("ab", min_size=1), min_size=1, max_size=4),
        "suffix": TEXTS,
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "user": TEXTS,
    },
)
VENDOR = TypeAdapter(CompletionCreateParamsNonStreaming)


@given(PARAMS)
@settings(max_examples=500)
def test_what_is_sent_is_valid_for_openai_s_types_and_reads_back_as_it_was(params: JsonDict) -> None:
    body = COMPLETIONS.request(Call("completions", "m-1", params), target()).body

    VENDOR.validate_json(body)
    assert COMPLETIONS.parse_call(body, {}) == Call("completions", "m-1", params)


def test_a_filter_may_leave_nothing_of_the_text() -> None:
    body = answer()
    body["choices"][0] |= {"text": None, "finish_reason": "content_filter"}

    choice = read(body)["choices"][0]

    assert (choice["text"], choice["finish_reason"]) == ("", "content_filter")

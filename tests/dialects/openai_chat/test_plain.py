"""Answers and requests of the most ordinary kind take a shorter way; it must lead to the same as the long one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate._wire.plain import PlainUsage, is_plain_answer, is_plain_chat, shaped
from lingate.errors import LingateError
from tests.dialects.openai_chat.support import CHAT, read, target

_COUNT = st.one_of(st.integers(-1, 60), st.sampled_from([None, True, 3.0, "3"]))
_DETAILS = st.dictionaries(
    st.sampled_from(["cached_tokens", "reasoning_tokens", "audio_tokens", "accepted_prediction_tokens"]),
    _COUNT,
    min_size=1,
)
_USAGE = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": _COUNT,
        "completion_tokens": _COUNT,
        "total_tokens": _COUNT,
        "prompt_tokens_details": st.one_of(st.none(), _DETAILS),
        "completion_tokens_details": st.one_of(st.none(), _DETAILS),
    },
)
_SUMS = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(
    lambda pair: {"prompt_tokens": pair[0], "completion_tokens": pair[1], "total_tokens": sum(pair)}
)
_MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["assistant", None, ""]), "content": st.one_of(st.text(max_size=5), st.none())},
    optional={
        "refusal": st.sampled_from([None, "", "no"]),
        "annotations": st.sampled_from([None, [], [{"type": "url_citation"}]]),
        "tool_calls": st.sampled_from([None, []]),
        "function_call": st.none(),
        "audio": st.none(),
        "reasoning_content": st.sampled_from([None, "", "so"]),
    },
)
_ANSWER = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["chatcmpl-1", "", None]),
        "object": st.sampled_from(["chat.completion", "text_completion"]),
        "created": st.sampled_from([1750000000, 0, "x", True]),
        "model": st.sampled_from(["m-1", ""]),
        "choices": st.fixed_dictionaries(
            {"index": st.sampled_from([0, 1, None]), "message": _MESSAGE},
            optional={
                "finish_reason": st.sampled_from(["stop", "length", "eos", None]),
                "logprobs": st.sampled_from([None, {}, {"content": []}]),
            },
        ).map(lambda choice: [choice]),
        "usage": st.one_of(_USAGE, _SUMS),
    }
)


def _the_long_way(body: Any) -> Any:
    """The canonical form of the same body with something unknown in it, without that."""
    body = json.loads(json.dumps(body))
    body["choices"][0]["message"]["new"] = 1
    got = read(body)
    del got["choices"][0]["message"]["new"]
    return got


@settings(deadline=None, max_examples=300)
@given(_ANSWER)
def test_an_answer_that_needs_no_change_is_what_the_careful_reader_makes_of_it(body: Any) -> None:
    got, careful = read(body), _the_long_way(body)

    if not (isinstance(body["id"], str) and body["id"]):  # ids are made up anew
        got["id"] = careful["id"] = ""
    assert got == careful


def _plain() -> Any:
    message = {"role": "assistant", "content": "hi", "refusal": None, "annotations": []}
    usage = {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-1",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": usage,
        "system_fingerprint": "fp",
    }


def test_an_ordinary_answer_takes_the_short_way_and_is_its_own_canonical_form() -> None:
    assert is_plain_answer(_plain())
    assert read(_plain()) == _plain()


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["choices"][0]["message"].update(tool_calls=[{"id": "c"}]),
        lambda body: body["choices"][0]["message"].update(content=[{"type": "text", "text": "hi"}]),
        lambda body: body["choices"][0]["message"].update(reasoning="so"),
        lambda body: body["choices"][0].update(index=1),
        lambda body: body["choices"][0].update(finish_reason="eos"),
        lambda body: body["choices"].append(body["choices"][0]),
        lambda body: body["usage"].update(total_tokens=7),
        lambda body: body["usage"].update(prompt_tokens=True),
        lambda body: body["usage"].update(prompt_tokens_details={"cached_tokens": 5}),
        lambda body: body["usage"].update(queue_time=0.1),
        lambda body: body.update(usage=None),
        lambda body: body.update(object="text_completion"),
        lambda body: body.update(error={"message": "overloaded"}),
        lambda body: body.update(x_groq={"id": "r", "error": "over capacity"}),
        lambda body: body.update(base_resp={"status_code": 1002}),
    ],
)
def test_whatever_needs_a_second_look_takes_the_long_way(change: Any) -> None:
    body = _plain()
    change(body)
    assert not is_plain_answer(body)


@pytest.mark.parametrize(
    "hidden",
    [
        {"error": {"message": "overloaded", "code": 503}},
        {"x_groq": {"id": "r", "error": "over capacity"}},
        {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
    ],
)
def test_an_error_beside_an_otherwise_ordinary_answer_is_an_error(hidden: Any) -> None:
    with pytest.raises(LingateError):
        read({**_plain(), **hidden})


def test_thoughts_between_tags_are_taken_out_of_an_otherwise_ordinary_answer() -> None:
    body = _plain()
    body["choices"][0]["message"]["content"] = "<think>so</think>hi"

    message = read(body, target(traits={"think_tags": True}))["choices"][0]["message"]

    assert (message["content"], message["reasoning_content"]) == ("hi", "so")


@settings(deadline=None, max_examples=300)
@given(st.one_of(_USAGE, _SUMS))
def test_counts_that_add_up_are_never_negative_and_no_part_is_larger_than_the_whole(usage: Any) -> None:
    found = shaped(usage, PlainUsage)
    if found is None or not found.adds_up():
        return
    read_, made = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    assert 0 <= (read_.get("cached_tokens") or 0) <= usage["prompt_tokens"]
    assert 0 <= (made.get("reasoning_tokens") or 0) <= usage["completion_tokens"]
    assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"]
    assert all(type(usage[name]) is int for name in ("prompt_tokens", "completion_tokens", "total_tokens"))


@pytest.mark.parametrize(
    ("messages", "plain"),
    [
        ([{"role": "user", "content": "hi"}], True),
        ([{"role": "system", "content": "a"}, {"role": "assistant", "content": "b"}], True),
        ([], False),
        ([{"role": "user", "content": ""}], False),
        ([{"role": "user", "content": None}], False),
        ([{"role": "user", "content": [{"type": "text", "text": "hi"}]}], False),
        ([{"role": "user", "content": "hi", "name": "Ada"}], False),
        ([{"role": "tool", "content": "hi"}], False),
        ([{"role": "user", "content": "hi"}, None], False),
        ([{"role": "\ud83d", "content": "hi"}], False),
        ("hi", False),
        (None, False),
    ],
)
def test_a_plain_chat_is_roles_and_texts_and_nothing_else(messages: Any, plain: bool) -> None:
    assert is_plain_chat(messages) is plain


def test_a_client_of_the_gateway_gets_its_plain_messages_noted_as_such() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stop": None}

    call = CHAT.parse_call(json.dumps(body).encode(), {})

    assert call.texts is call.body["messages"]
    assert "stop" not in call.body

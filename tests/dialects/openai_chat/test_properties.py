"""What holds for any input: rubbish is an error of ours, nothing is lost, nothing depends on how bytes are cut."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingate._model import Call, Failed
from lingate.errors import BadRequestError, LingateError
from tests.dialects.openai_chat.support import CHAT, JSON, SSE, chunk, comparable, decode, read, sent, sse, target
from tests.dialects.short import collect

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
_WORDS = st.sampled_from(
    [
        "id",
        "model",
        "created",
        "choices",
        "usage",
        "index",
        "delta",
        "message",
        "content",
        "role",
        "finish_reason",
        "error",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "reasoning",
        "reasoning_details",
        "thinking_blocks",
        "type",
        "text",
        "thinking",
        "logprobs",
        "x_groq",
        "base_resp",
        "audio",
        "images",
        "annotations",
        "custom",
        "input",
        "function_call",
        "code",
        "native_finish_reason",
        "prompt_tokens",
        "total_tokens",
        "signature",
        "data",
        "summary",
        "refusal",
    ]
)
_JSON = st.recursive(
    _SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=5), max_leaves=20
)
_TRAITS = st.sampled_from(
    [
        {},
        {"think_tags": True},
        {"stream_end": "finish"},
        {"strict_schema": True, "text_content": True, "late_system": "user"},
    ]
)


def _choice(inner: Any) -> Any:
    fields = dict.fromkeys(("content", "tool_calls", "reasoning", "reasoning_details", "function_call", "audio"), inner)
    message = st.fixed_dictionaries({}, optional=fields)
    return st.fixed_dictionaries(
        {}, optional={"index": inner, "delta": message, "message": message, "finish_reason": inner}
    )


_CHUNK = st.fixed_dictionaries(
    {}, optional={"choices": st.lists(_choice(_JSON) | _JSON, max_size=2) | _JSON, "usage": _JSON}
)


@given(st.binary(max_size=200))
@QUICK
def test_any_bytes_are_an_answer_or_an_error_of_ours(data: bytes) -> None:
    for head in (JSON, SSE):
        try:
            CHAT.response(sent(), head, data)
        except LingateError:
            pass
    assert isinstance(decode(data)[-1], Failed)
    try:
        CHAT.parse_call(data, {})
    except BadRequestError:
        pass


@given(_CHUNK | _JSON, _TRAITS)
@QUICK
def test_any_json_is_an_answer_or_an_error_of_ours(value: Any, traits: Any) -> None:
    try:
        canonical, raw = CHAT.response(sent(target(traits=traits), "answer"), JSON, json.dumps(value).encode())
    except LingateError:
        return
    assert raw == value
    CHAT.render(canonical)


@given(st.lists(_CHUNK | _JSON, max_size=4), _TRAITS, st.integers(0, 5))
@QUICK
def test_any_chunks_are_events_and_at_most_one_failure_at_the_end(values: Any, traits: Any, seed: int) -> None:
    to = target(traits=traits)
    data = sse(chunk({"content": "a"}), *values)

    events = decode(data, to, answer_tool="answer")

    assert [event for event in events[:-1] if isinstance(event, Failed)] == []
    assert comparable(
        decode(data, to, (data[at : at + 1] for at in range(len(data))), answer_tool="answer")
    ) == comparable(events)
    encoder = CHAT.encoder(Call("chat", "m", {}))
    for event in events[:-1]:
        encoder.event(event)
    collect(event for event in events if not isinstance(event, Failed))


@given(st.lists(st.text(), min_size=1), st.integers(1, 30))
@QUICK
def test_text_arrives_as_it_was_sent_however_it_is_cut(words: list[str], size: int) -> None:
    data = sse(*(chunk({"content": word}) for word in words), chunk({}, "stop"))

    events = decode(data, pieces=(data[at : at + size] for at in range(0, len(data), size)))

    assert "".join(getattr(event, "text", "") for event in events) == "".join(words)


@given(st.text(alphabet="<think>/ a\n", max_size=40), st.integers(1, 9))
@QUICK
def test_think_tags_are_found_the_same_way_whole_and_in_pieces(text: str, size: int) -> None:
    to = target(traits={"think_tags": True})
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    whole = read({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}, to)["choices"][0]["message"]

    streamed = collect(
        decode(
            sse(chunk({"role": "assistant"}), *(chunk({"content": piece}) for piece in pieces), chunk({}, "stop")), to
        )
    )

    message = streamed["choices"][0]["message"] if streamed["choices"] else {"content": ""}
    assert message["content"] == whole["content"]
    assert message.get("reasoning_content") == whole.get("reasoning_content")


_NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
_MORE = st.dictionaries(
    st.from_regex(r"zz_[a-z]{1,5}", fullmatch=True), _JSON.filter(lambda value: value is not None), max_size=3
)
_CALLS = st.lists(
    st.builds(
        lambda name, arguments, number, more: {
            "id": f"call-{number}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}, **more,
        },
        _NAMES, st.dictionaries(_NAMES, _SCALAR), st.integers(0, 99), _MORE,
    ),
    max_size=3, unique_by=lambda call: call["id"],
)  # fmt: skip
_COUNT = st.integers(0, 1000)
_USAGE = st.none() | st.builds(
    lambda a, b: {"prompt_tokens": a, "completion_tokens": b, "total_tokens": a + b}, _COUNT, _COUNT
)


@st.composite
def responses(draw: Any) -> Any:
    choices = []
    for index in range(draw(st.integers(1, 3))):
        calls = draw(_CALLS)
        message = {"role": "assistant", "content": draw(st.text(max_size=10)), **draw(_MORE)}
        if calls:
            message["tool_calls"] = calls
        if draw(st.booleans()):
            message["reasoning_content"] = draw(st.text(min_size=1, max_size=5))
        choices.append(
            {"index": index, "message": message, "finish_reason": "tool_calls" if calls else "stop", **draw(_MORE)}
        )
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "m"}
    return {**head, "choices": choices, "usage": draw(_USAGE), **draw(_MORE)}


@given(responses())
@QUICK
def test_reading_what_was_rendered_gives_the_same(response: Any) -> None:
    assert read(CHAT.render(response)) == response


@given(responses())
@QUICK
def test_a_streamed_response_is_the_same_response(response: Any) -> None:
    whole = json.dumps(response).encode()

    events = decode(whole)
    encoder = CHAT.encoder(Call("chat", "m", {"stream_options": {"include_usage": True}}))
    served = b"".join(map(encoder.event, events)) + encoder.end()
    again = decode(served)

    for told in (events, again):
        got = collect(told)
        assert got["usage"] == response["usage"]
        for choice, wanted in zip(got["choices"], response["choices"], strict=True):
            message = wanted["message"]
            assert (choice["message"]["content"] or "") == message["content"]
            assert choice["message"].get("reasoning_content") == message.get("reasoning_content")
            assert choice["message"].get("tool_calls") == message.get("tool_calls")
            assert choice["finish_reason"] == wanted["finish_reason"]


@given(st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "tool", "system"])}, optional={
    "content": _JSON, "tool_calls": _JSON, "reasoning_content": _JSON, "thinking_blocks": _JSON, "reasoning_details": _JSON,
}), max_size=4), _MORE, _TRAITS)  # fmt: skip
@QUICK
def test_any_call_is_sent_or_refused_and_its_unknown_fields_arrive(messages: Any, more: Any, traits: Any) -> None:
    body = {"messages": messages, **more}
    before = json.dumps(body)

    out = json.loads(CHAT.request(Call("chat", "m", body), target(traits=traits)).body)

    assert json.dumps(body) == before
    assert {name: out.get(name) for name in more if more[name] is not None} == {
        name: value for name, value in more.items() if value is not None
    }
    assert len(out["messages"]) == len(messages) or "late_system" in traits

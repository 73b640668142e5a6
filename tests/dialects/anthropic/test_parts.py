"""Content parts, cache marks, and messages that go back block by block."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lingate.errors import ConfigError, UnsupportedError
from tests.dialects.anthropic.oracle import check_params
from tests.dialects.anthropic.samples import (
    MARK,
    PNG,
    assistant,
    called,
    result,
    user,
)
from tests.dialects.anthropic.support import call, dropped, send, target, text, wire


def turns(*messages: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    body = wire(messages=list(messages), **options)
    check_params(body)
    return body["messages"]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "auto"}},
            {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
        ),
        (
            {"type": "image_url", "image_url": f"data:image/png;base64,{PNG}", "cache_control": MARK},
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                "cache_control": MARK,
            },
        ),
        (
            {"type": "image_url", "image_url": {"url": f"data:image/jpg;base64,{PNG}"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PNG}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"},
                "title": "a.pdf",
            },
        ),
        (
            {"type": "file", "file": {"file_data": "QUJD", "filename": "a.pdf"}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"},
                "title": "a.pdf",
            },
        ),
        (
            {"type": "file", "file": {"file_data": "data:text/plain;charset=utf-8;base64,aMOp"}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hé"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:text/plain,h%C3%A9"}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hé"}},
        ),
        (
            {"type": "file", "file": {"file_data": f"data:image/png;base64,{PNG}"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:application/pdf;base64,QUJD"}},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}},
        ),
        (
            {"type": "file", "file": {"file_url": "https://x.test/a.pdf"}},
            {"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}},
        ),
        (
            {"type": "file", "file": {"file_id": "file_1"}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        ),
        (
            {"type": "file", "file": {"file_id": "https://x.test/a", "format": "image/png"}},
            {"type": "image", "source": {"type": "url", "url": "https://x.test/a"}},
        ),
        (
            {
                "type": "document",
                "source": {"type": "url", "url": "https://x.test/a.pdf"},
                "citations": {"enabled": True},
            },
            {
                "type": "document",
                "source": {"type": "url", "url": "https://x.test/a.pdf"},
                "citations": {"enabled": True},
            },
        ),
    ],
)
def test_every_kind_of_part_has_its_block(part: dict[str, Any], block: dict[str, Any]) -> None:
    assert turns(user([part])) == [user([block])]


def test_an_uploaded_file_needs_the_files_beta() -> None:
    _, sent = send(call(messages=[user([{"type": "file", "file": {"file_id": "file_1"}}])]))

    assert sent.headers["anthropic-beta"] == "files-api-2025-04-14"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "https://x.test/v.mp4"}},
        {"type": "file", "file": {"file_data": "data:application/msword;base64,QUJD"}},
        {"type": "file", "file": {"file_id": "https://youtu.be/x", "format": "video/mp4"}},
    ],
)
def test_a_part_without_a_block_is_unsupported_or_left_out_on_demand(part: dict[str, Any]) -> None:
    messages = [user([text("hi"), part])]

    with pytest.raises(UnsupportedError) as caught:
        wire(messages=messages)
    assert caught.value.param == "messages[0].content[1]"
    assert dropped(messages=messages, drop_params=True) == ["messages[0].content[1]"]
    assert wire(messages=messages, drop_params=True)["messages"] == [user([text("hi")])]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text"},
        {"type": "text", "text": 5},
        {"text": "x"},
        7,
        {"type": "image_url"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64"}},
        {"type": "file", "file": {}},
        {"type": "file", "file": "x"},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,A"}},
    ],
)
def test_a_part_that_makes_no_sense_is_refused_with_its_place(part: Any) -> None:
    with pytest.raises(ConfigError, match=r"^messages\[0\]\.content\[0\]"):
        wire(messages=[user([part])])


def test_at_most_four_cache_marks_are_sent_and_the_oldest_go_first() -> None:
    messages = [
        {"role": "system", "content": [text("s", cache_control=MARK)]},
        user([text("a", cache_control=MARK), text("b", cache_control=MARK)]),
        assistant("c", cache_control=MARK),
        user("d", cache_control=MARK),
    ]
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}, "cache_control": MARK}]
    before = json.dumps([messages, tools])

    body, sent = send(call(messages=messages, tools=tools))

    assert json.dumps(body).count("cache_control") == 4
    assert "cache_control" not in body["tools"][0]
    assert "cache_control" not in body["system"][0]
    assert sent.dropped == ["cache_control of tools[0]", "cache_control of system[0]"]
    assert json.dumps([messages, tools]) == before
    check_params(body)


def test_the_automatic_cache_mark_takes_one_of_the_four_places() -> None:
    messages = [user([text(letter, cache_control=MARK) for letter in "abcd"])]

    body = wire(messages=messages, cache_control=MARK)

    assert body["cache_control"] == MARK
    assert json.dumps(body["messages"]).count("cache_control") == 3


def test_marks_inside_a_tool_result_count_too_and_the_callers_objects_stay_as_they_were() -> None:
    inner = {"type": "text", "text": "x", "cache_control": MARK}
    blocks = [{"type": "tool_result", "tool_use_id": "t", "content": [inner], "is_error": False}]
    history = result("t", [dict(inner)], provider_specific_fields={"anthropic": {"content": blocks}})
    messages = [
        user("go"),
        assistant(tool_calls=[called("t")]),
        history,
        user([text(x, cache_control=MARK) for x in "abcd"]),
    ]

    body, sent = send(call(messages=messages))

    assert json.dumps(body).count("cache_control") == 4
    assert sent.dropped == ["cache_control of messages[2].content[0].content[0]"]
    assert inner["cache_control"] == MARK


@pytest.mark.parametrize("own", [{}, {"cache_control": {"type": "ephemeral", "ttl": "1h"}}])
def test_a_mark_on_a_part_of_a_tool_result_is_one_on_the_result(own: dict[str, Any]) -> None:
    # "cache_control may not be specified within `tool_result.content`" (langchain-ai/langchain#35126).
    parts = [text("a", cache_control=MARK), text("b", cache_control=MARK)]

    body = wire(messages=[user("go"), assistant(tool_calls=[called("t")]), result("t", parts, **own)])

    made = {"type": "tool_result", "tool_use_id": "t", "content": [text("a"), text("b")]}
    assert body["messages"][2]["content"] == [{**made, "cache_control": MARK, **own}]
    assert parts[1]["cache_control"] == MARK


def test_no_cache_mark_is_sent_to_a_host_that_does_not_know_them() -> None:
    body = wire({"cache_control": False}, messages=[user("a", cache_control=MARK)], cache_control=MARK)

    assert "cache_control" not in json.dumps(body)


def test_kept_blocks_are_sent_verbatim_until_the_message_is_edited() -> None:
    blocks = [
        text("I'll search."),
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        text("Found."),
    ]
    kept = {"provider_specific_fields": {"anthropic": {"content": blocks}}}

    same = turns(user("q"), assistant("I'll search.Found.", **kept), user("on"))
    edited = turns(user("q"), assistant("Something else", **kept), user("on"))

    assert same[1]["content"] == blocks
    assert edited[1]["content"] == "Something else"


def test_kept_blocks_are_dropped_when_a_tool_call_or_the_thinking_was_edited() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    use = {"type": "tool_use", "id": "t", "name": "look", "input": {"a": 1}}
    kept = {"provider_specific_fields": {"anthropic": {"content": [use, thinking]}}}

    def sent_back(**fields: Any) -> list[dict[str, Any]]:
        return turns(user("q"), assistant(None, **fields, **kept), result("t"))[1]["content"]

    assert sent_back(tool_calls=[called("t", '{"a":1}')], thinking_blocks=[thinking]) == [use, thinking]
    assert sent_back(tool_calls=[called("t", '{"a":1}')]) == [use, thinking]
    assert sent_back(tool_calls=[called("t", {"a": 1})]) == [use, thinking]
    assert sent_back(tool_calls=[called("t", '{"a":2}')])[0]["input"] == {"a": 2}
    assert sent_back(tool_calls=[called("t", '{"a":1}')], thinking_blocks=[]) == [use]


def test_a_cache_mark_put_on_a_kept_message_reaches_its_last_block() -> None:
    blocks = [text("a"), text("b")]
    kept = {"provider_specific_fields": {"anthropic": {"content": blocks}}}
    marked = [assistant("ab", cache_control=MARK, **kept), assistant([text("ab", cache_control=MARK)], **kept)]

    for message in marked:
        assert turns(user("q"), message, user("on"))[1]["content"] == [text("a"), text("b", cache_control=MARK)]


@pytest.mark.parametrize("kept", [None, 5, [], [5], [{"type": "text"}], {"a": 1}, [{"type": "text", "text": "other"}]])
def test_kept_blocks_that_are_garbage_are_ignored(kept: Any) -> None:
    fields = {"provider_specific_fields": {"anthropic": {"content": kept}}}

    made = turns(user("q", **fields), assistant("a", **fields), result("t", "r", **fields))

    assert made[0] == user("q")
    assert made[1] == assistant("a")


def test_a_blank_block_that_the_api_itself_sent_does_not_go_back() -> None:
    blocks = [text("\n\n"), {"type": "thinking", "thinking": "x", "signature": "s"}, text("4")]
    kept = {"provider_specific_fields": {"anthropic": {"content": blocks}}}

    assert turns(user("q"), assistant("\n\n4", **kept), user("on"))[1]["content"] == blocks[1:]


def test_binary_data_stays_as_it_is_however_large() -> None:
    data = base64.b64encode(bytes(range(256)) * 400).decode()
    part = {"type": "image_url", "image_url": {"url": f"data:image/webp;base64,{data}"}}

    assert turns(user([part]))[0]["content"][0]["source"] == {
        "type": "base64",
        "media_type": "image/webp",
        "data": data,
    }


def test_the_request_goes_to_the_rows_path_with_version_and_key() -> None:
    _, sent = send(call(), target(paths={"chat": "/x/messages"}))

    assert (sent.method, sent.url) == ("POST", "https://api.acme.test/x/messages")
    assert sent.headers == {
        "content-type": "application/json",
        "x-api-key": "secret",
        "anthropic-version": "2023-06-01",
    }
    assert "secret" not in repr(sent)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "s3://bucket/a.png"}},
        {"type": "file", "file": {"file_url": "s3://bucket/a.pdf", "filename": "a"}},
        {"type": "file", "file": {"file_id": "gs://bucket/a.pdf"}},
        {"type": "file", "file": {"file_data": "gs://bucket/a.pdf"}},
    ],
)
def test_what_lies_in_a_clouds_store_is_unsupported_or_left_out_on_demand(part: dict[str, Any]) -> None:
    messages = [user([text("hi"), part])]

    with pytest.raises(UnsupportedError) as caught:
        wire(messages=messages)
    assert caught.value.param == "messages[0].content[1]"
    assert dropped(messages=messages, drop_params=True) == ["messages[0].content[1]"]


def test_the_cache_marks_of_openais_clients_are_this_formats_where_the_host_caches() -> None:
    # Programs mark so what Claude is to cache behind gateways that speak the Responses API (langfuse/langfuse#16865).
    marked = {**text("a"), "prompt_cache_breakpoint": {"mode": "explicit"}}
    own = {**marked, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    messages = [{"role": "system", "content": [marked]}, user([dict(marked), own])]

    body, sent = send(call(messages=messages), target({"cache_control": True}))

    assert body["system"] == [text("a", cache_control=MARK)]
    assert body["messages"][0]["content"] == [
        text("a", cache_control=MARK),
        text("a", cache_control=own["cache_control"]),
    ]
    assert (sent.dropped, "cache_control" in marked) == ([], False)


def test_the_cache_marks_of_openais_clients_are_reported_where_the_host_does_not_cache() -> None:
    # `prompt_cache_breakpoint`: openai 3.54, `ChatCompletionContentPartTextParam`. Anthropic refuses what it does not know.
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    image = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}

    body, sent = send(
        call(messages=[user([{**text("x"), **mark}, {**image, **mark}])]), target({"cache_control": False})
    )

    assert body["messages"] == turns(user([text("x"), image]))
    assert sent.dropped == ["prompt_cache_breakpoint"]

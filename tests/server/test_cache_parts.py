"""The cache's parts by themselves: the store in memory, the key, and what requests say."""

from __future__ import annotations

from typing import Any

import pytest

from lingate._model import Call
from lingate.server.cache.entry import Entry, Memory, unpacked
from lingate.server.cache.keys import LONGEST, control_of, is_cacheable, key_of, owner_of
from lingate.server.records import Caller
from lingate.server.routing import Router
from tests.server.driving import config_of, deployments

ROUTER = Router(config_of("model_list:\n" + deployments("a") + deployments("b", group="other")))
OWNER = ("key", "k1")


def key(call: Call, *, model: str = "gpt", owner: tuple[str, str] = OWNER, namespace: str = "") -> str:
    group = ROUTER.group(model)
    assert group is not None
    found = key_of(call, group, owner, namespace, ())
    assert found is not None
    return found


def call(operation: Any = "chat", **body: Any) -> Call:
    return Call(operation, "gpt", {"messages": [{"role": "user", "content": "hi"}], **body})


async def test_memory_keeps_what_was_asked_for_last_within_its_bound() -> None:
    clock = [0.0]
    memory = Memory(4 * (1000 + 512), lambda: clock[0])
    for name in "abcd":
        memory.put(name, Entry(b"x" * 1000, 0.0), 60)
    await memory.get("a")

    memory.put("e", Entry(b"x" * 1000, 0.0), 60)

    assert await memory.get("b") is None
    assert await memory.get("a") is not None
    assert memory.bytes <= memory.max_bytes
    memory.put("huge", Entry(b"x" * 100_000, 0.0), 60)
    assert await memory.get("huge") is None
    assert len(memory) == 4
    clock[0] = 61.0
    assert await memory.get("a") is None
    assert len(memory) == 3


def test_the_order_of_fields_makes_no_difference_the_order_of_messages_does() -> None:
    one = Call("chat", "gpt", {"messages": [{"role": "user", "content": "a"}], "seed": 1, "top_p": 0.5})
    same = Call("chat", "gpt", {"top_p": 0.5, "seed": 1, "messages": [{"content": "a", "role": "user"}]})
    turned = call(messages=[{"role": "user", "content": "b"}, {"role": "user", "content": "a"}])
    straight = call(messages=[{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])

    assert key(one) == key(same)
    assert key(turned) != key(straight)


@pytest.mark.parametrize("text", ["hi", "\ud800"], ids=["plain", "lone surrogate"])
@pytest.mark.parametrize("where", ["response_format", "tools", "functions", "guided_json"])
def test_the_order_in_which_an_answer_is_to_be_written_makes_a_difference(where: str, text: str) -> None:
    # Models write the properties of a schema in its order: who asks for the reasons first gets other answers.
    reasons, verdict = {"reasons": {"type": "string"}}, {"verdict": {"type": "string"}}
    one, other = ({"type": "object", "properties": parts} for parts in (reasons | verdict, verdict | reasons))
    tool = {"type": "function", "function": {"name": "f", "parameters": one}}
    turned = {"type": "function", "function": {"name": "f", "parameters": other}}
    made = {
        "response_format": ({"type": "json_schema", "json_schema": {"name": "f", "schema": it}} for it in (one, other)),
        "tools": ([it] for it in (tool, turned)),
        "functions": ([it["function"]] for it in (tool, turned)),
        "guided_json": (one, other),
    }

    messages = [{"role": "user", "content": text}]
    assert len({key(call(messages=messages, **{where: value})) for value in made[where]}) == 2


@pytest.mark.parametrize(
    "other", ["model: openai/b", "model: openai/a, temperature: 0", "model: openai/a, extra_body: {x: 1}"]
)
def test_another_deployment_of_the_same_id_has_answers_of_its_own(other: str) -> None:
    found = set()
    for params in ("model: openai/a", other):
        text = f"model_list: [{{model_name: gpt, litellm_params: {{{params}, api_key: k}}, model_info: {{id: mine}}}}]"
        group = Router(config_of(text)).group("gpt")
        assert group is not None
        found.add(key_of(call(), group, OWNER, "", ()))

    assert len(found) == 2


@pytest.mark.parametrize("more", [{"metadata": {"order": "2"}}, {"user": "ben"}, {"safety_identifier": "ben"}])
def test_a_response_says_whom_it_is_for_and_is_nobody_elses(more: dict[str, Any]) -> None:
    assert key(call(**more)) == key(call())
    assert key(call("responses", **more)) != key(call("responses"))
    assert key(call("responses", stream=True)) == key(call("responses"))


def test_model_owner_namespace_and_operation_are_part_of_the_key() -> None:
    found = [
        key(call()),
        key(call(), model="other"),
        key(call(), owner=("key", "k2")),
        key(call(), owner=("team", "k1")),
        key(call(), owner=("shared", "")),
        key(call(), namespace="a"),
        key(call("responses")),
    ]

    assert len(set(found)) == len(found)


def test_headers_that_change_nothing_are_not_part_of_it() -> None:
    plain, traced, other = call(), call(), call()
    traced.extra_headers = {"traceparent": "00-1", "x-stainless-lang": "python", "x-request-id": "1"}
    other.extra_headers = {"anthropic-beta": "new"}

    assert key(plain) == key(traced) != key(other)


def test_text_that_has_no_utf_8_form_has_a_key() -> None:
    assert key(call(messages=[{"role": "user", "content": "\ud83d"}])) != key(call())


@pytest.mark.parametrize(
    ("body", "operation"),
    [
        ({"tools": [{"type": "web_search"}]}, "chat"),
        ({"tools": [{"googleSearch": {}, "type": "google_search"}]}, "chat"),
        ({"tools": "all"}, "chat"),
        ({"tools": 1}, "chat"),
        ({"tools": [{"codeExecution": {}}]}, "chat"),
        ({"web_search_options": {}}, "chat"),
        ({"mcp_servers": [{"url": "https://mcp.example"}]}, "chat"),
        ({"modalities": ["audio"]}, "chat"),
        ({"previous_response_id": "r"}, "responses"),
        ({"background": True}, "responses"),
        ({}, "images"),
        ({}, "speech"),
        ({}, "transcription"),
        ({}, "count_tokens"),
    ],
)
def test_some_calls_have_answers_that_nobody_can_keep(body: dict[str, Any], operation: str) -> None:
    assert not is_cacheable(call(operation, **body))


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}}]},
        {"functions": [{"name": "f"}]},
        {"modalities": ["text"], "background": False, "tools": []},
    ],
)
def test_the_callers_own_tools_are_no_reason_against_it(body: dict[str, Any]) -> None:
    assert is_cacheable(call(**body))


def test_a_team_shares_its_answers_and_a_key_without_one_has_its_own() -> None:
    member, single = Caller(key_id="k1", team_id="t"), Caller(key_id="k2")

    assert owner_of(member, "team") == ("team", "t")
    assert owner_of(single, "team") == ("key", "k2")
    assert owner_of(member, "key") == ("key", "k1")
    assert owner_of(member, "shared") == owner_of(single, "shared")


@pytest.mark.parametrize(
    ("header", "read", "write", "age"),
    [
        ("no-cache", False, True, None),
        ("NO-STORE", True, False, None),
        ("no-cache, no-store", False, False, None),
        ("max-age=60", True, True, 60.0),
        ("max-age=-1", True, True, None),
        ("max-age=9999999999999", True, True, None),
        ("private, must-revalidate", True, True, None),
        ("", True, True, None),
    ],
)
def test_directives_of_http_are_understood(header: str, read: bool, write: bool, age: float | None) -> None:
    found = control_of(None, header)

    assert (found.read, found.write, found.max_age) == (read, write, age)


def test_nobody_has_an_answer_kept_for_ever() -> None:
    assert control_of({"ttl": 1e300}, None).ttl == LONGEST
    assert control_of({"ttl": 10**400}, None).ttl == LONGEST


def test_an_entry_survives_its_way_through_redis() -> None:
    entry = Entry(b'{"data":[1]}', 12.5, "d", "p", "m")

    assert unpacked(entry.packed()) == entry
    assert unpacked(b"") is None
    assert unpacked(b"\x93\x01\x02\x03") is None

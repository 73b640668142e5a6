"""What users write, and what goes over the wire for it."""

from __future__ import annotations

import json
import pickle
from collections import UserDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

import lingate
from lingate.errors import (
    BadRequestError,
    ConfigError,
    ConnectError,
    ContextLengthError,
    DeadlineExceededError,
    InternalServerError,
    MissingCredentialError,
    ProtocolError,
    RateLimitError,
    UnknownProviderError,
    UnsupportedError,
)
from lingate.simulator import Simulator
from lingate.testing import AsyncFakeTransport, FakeTransport, Reply
from tests.servers import RawServer, Script

ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    "provider": "somebody",
}
KEYS = {"OPENAI_API_KEY": "k1", "GROQ_API_KEY": "k2", "ANTHROPIC_API_KEY": "k3", "MISTRAL_API_KEY": "k4"}


def client(*answers: Any, **options: Any) -> tuple[lingate.Lingate, FakeTransport]:
    transport = FakeTransport(*answers or (Reply(ANSWER),))
    return lingate.Lingate(transport=transport, env=KEYS, **options), transport


def test_a_string_is_a_users_message_and_only_what_was_said_is_sent() -> None:
    lingate_client, transport = client()

    lingate_client.chat("openai/gpt-4o-mini", "hi", temperature=None, tools=[], stop=None, seed=7)

    assert transport.bodies == [{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "seed": 7}]
    assert transport.requests[0].url == "https://api.openai.com/v1/chat/completions"
    assert transport.requests[0].headers["authorization"] == "Bearer k1"


def test_everything_after_the_first_slash_belongs_to_the_provider() -> None:
    lingate_client, transport = client()

    lingate_client.chat("groq/openai/gpt-oss-20b:free", "hi")

    assert transport.bodies[0]["model"] == "openai/gpt-oss-20b:free"


def test_an_answer_has_the_shape_of_openais_and_short_cuts_for_its_first_choice() -> None:
    answer = client()[0].chat("openai/m", "hi")

    assert (answer.text, answer.finish_reason, answer.tool_calls) == ("hello", "stop", [])
    assert answer.choices[0].message.content == "hello"
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens, answer.usage.cached_tokens) == (3, 5, None)
    assert answer.raw == ANSWER
    assert answer["model"] == "m-1"
    assert [attempt.kind for attempt in answer.attempts] == ["ok"]
    assert answer.to_dict()["choices"][0]["message"] == {"role": "assistant", "content": "hello"}


@pytest.mark.requirement("X9")
def test_answers_can_be_pickled_and_copied() -> None:
    answer = client()[0].chat("openai/m", "hi")

    again = pickle.loads(pickle.dumps(answer))

    assert again == answer
    assert (again.text, again.raw, again.attempts, again.provider) == ("hello", ANSWER, answer.attempts, "openai")


def test_messages_of_an_answer_go_back_as_they_are() -> None:
    lingate_client, transport = client()
    answer = lingate_client.chat("openai/m", "hi")

    lingate_client.chat(
        "openai/m", [{"role": "user", "content": "hi"}, answer.message, {"role": "user", "content": "and?"}]
    )

    assert transport.bodies[1]["messages"][1] == {"role": "assistant", "content": "hello"}


@pytest.mark.parametrize("kept", [lambda message: message, lambda message: message.to_dict(), UserDict])
def test_what_only_an_answer_has_does_not_go_back_with_its_message(kept: Any) -> None:
    told = {"role": "assistant", "content": "hello", "reasoning_content": "hm", "annotations": [], "refusal": None}
    choice = {"index": 0, "message": told, "finish_reason": "stop"}
    lingate_client, transport = client(Reply({**ANSWER, "choices": [choice]}))
    answer = lingate_client.chat("openai/gpt-4o", "hi")

    lingate_client.chat("openai/gpt-4o", [{"role": "user", "content": "hi"}, kept(answer.message)])

    assert transport.bodies[1]["messages"][1] == {"role": "assistant", "content": "hello"}


def test_pydantic_messages_of_the_openai_package_are_taken() -> None:
    from openai.types.chat import ChatCompletionMessage

    lingate_client, transport = client()

    lingate_client.chat(
        "openai/m", [{"role": "user", "content": "a"}, ChatCompletionMessage(role="assistant", content="b")]
    )

    assert transport.bodies[0]["messages"][1] == {"role": "assistant", "content": "b"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gpt-4o", "hi"), "provider/model"),
        (("", "hi"), "provider/model"),
        ((None, "hi"), "provider/model"),
        (("openai/", "hi"), "model"),
        (("openai/m", []), "empty"),
        (("openai/m", None), "messages must be a list"),
        (("openai/m", 5), "messages must be a list"),
        (("openai/m", [{"content": "x"}]), r"messages\[0\].role"),
        (("openai/m", [{"role": "boss", "content": "x"}]), r"messages\[0\].role is 'boss'"),
        (("openai/m", [{"role": ["user"], "content": "x"}]), r"messages\[0\].role is \['user'\]"),
        (("openai/m", ["x"]), r"messages\[0\] must be a dict"),
        (("openai/m", [{"role": "user", "content": object()}]), r"messages\[0\].content holds a object"),
        (("openai/m", [{"role": "user", "content": b"x"}]), r"messages\[0\].content holds a bytes"),
        (("openai/m", [{"role": "user", 5: "x"}]), "JSON keys are strings"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_where_and_why(arguments: tuple[Any, Any], says: str) -> None:
    lingate_client, transport = client()

    with pytest.raises(ConfigError, match=says):
        lingate_client.chat(*arguments)

    assert transport.requests == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tools": "x"}, "tools must be a list"),
        ({"tools": ["x"]}, r"tools\[0\] must be a dict"),
        ({"stop": 5}, "stop must be"),
        ({"stream": "yes"}, "stream must be True or False"),
        ({"timeout": -1}, "timeout must be a positive number"),
        ({"retries": -1}, "retries must be a whole number"),
        ({"fallbacks": [5]}, r"fallbacks\[0\]"),
        ({"fallbacks": [{"modle": "x"}]}, "unknown keys"),
        ({"extra_headers": {"a": "b\r\nc: d"}}, "control character"),
        ({"extra_headers": ["a"]}, "extra_headers must be a mapping"),
        ({"extra_body": ["a"]}, "extra_body must be a mapping"),
        ({"response_format": 5}, "response_format must be"),
        ({"response_format": int}, "model_json_schema"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "base_url is called api_base here"),
        ({"max_retries": 3}, "max_retries is called retries here"),
        ({"num_retries": 3}, "num_retries is called retries here"),
    ],
)
def test_options_of_the_wrong_kind_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        client()[0].chat("openai/m", "hi", **options)


def test_a_misspelt_provider_gets_the_closest_names() -> None:
    with pytest.raises(UnknownProviderError, match="groq"):
        client()[0].chat("grok-q/m", "hi")


def test_a_missing_key_names_the_variables_that_were_tried() -> None:
    with pytest.raises(MissingCredentialError, match="OPENAI_API_KEY") as caught:
        lingate.Lingate(env={}, transport=FakeTransport(Reply(ANSWER))).chat("openai/m", "hi")

    assert "OPENAI_API_KEY" in caught.value.variables


def test_a_key_that_changes_in_the_environment_is_used_at_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = FakeTransport(Reply(ANSWER))
    lingate_client = lingate.Lingate(transport=transport)
    for key in ("first", "second"):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        lingate_client.chat("openai/m", "hi")
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(MissingCredentialError):
        lingate_client.chat("openai/m", "hi")

    assert [request.headers["authorization"] for request in transport.requests] == ["Bearer first", "Bearer second"]


def test_call_beats_environment_beats_config_beats_proxy() -> None:
    config = {"providers": {"openai": {"api_key": "from-config"}}}
    proxy = {"LINGATE_PROXY_URL": "http://127.0.0.1:1/v1", "LINGATE_PROXY_API_KEY": "from-proxy"}

    def used(env: Mapping[str, str], config: Any, **call: Any) -> str:
        transport = FakeTransport(Reply(ANSWER))
        lingate.Lingate(config, env=env, transport=transport).chat("openai/m", "hi", **call)
        return transport.requests[0].headers["authorization"]

    assert used({**proxy, **KEYS}, config, api_key="from-call") == "Bearer from-call"
    assert used({**proxy, **KEYS}, config) == "Bearer k1"
    assert used(proxy, config) == "Bearer from-config"
    assert used(proxy, None) == "Bearer from-proxy"


def test_unknown_parameters_go_through_and_extra_body_has_the_last_word() -> None:
    lingate_client, transport = client()

    lingate_client.chat("openai/m", "hi", tomorrows_param={"a": [1]}, seed=1, extra_body={"seed": 2, "more": True})

    assert transport.bodies[0]["tomorrows_param"] == {"a": [1]}
    assert (transport.bodies[0]["seed"], transport.bodies[0]["more"]) == (2, True)


def test_extra_headers_win_over_ours_whatever_their_case() -> None:
    lingate_client, transport = client()

    lingate_client.chat("openai/m", "hi", extra_headers={"Authorization": "Bearer other", "x-team": "search"})

    sent = {name.lower(): value for name, value in transport.requests[0].headers.items()}
    assert sent["authorization"] == "Bearer other"
    assert len([name for name in transport.requests[0].headers if name.lower() == "authorization"]) == 1
    assert sent["x-team"] == "search"


def test_what_a_provider_cannot_express_is_an_error_or_is_named() -> None:
    lingate_client, transport = client()

    with pytest.raises(UnsupportedError, match="logit_bias") as caught:
        lingate_client.chat("groq/m", "hi", logit_bias={"1": 1})
    answer = lingate_client.chat("groq/m", "hi", logit_bias={"1": 1}, drop_params=True)

    assert caught.value.param == "logit_bias"
    assert "drop_params" in str(caught.value)
    assert "logit_bias" not in transport.bodies[0]
    assert answer.dropped == ("logit_bias",)


@pytest.mark.requirement("X4")
def test_more_stop_sequences_than_the_wire_takes_are_enforced_here() -> None:
    stops = [f"<{n}>" for n in range(10)]
    reply = {
        **ANSWER,
        "choices": [{**ANSWER["choices"][0], "message": {"role": "assistant", "content": "one <9> two"}}],
    }  # type: ignore[index]
    lingate_client, transport = client(Reply(reply))

    answer = lingate_client.chat("openai/m", "hi", stop=stops)

    assert transport.bodies[0]["stop"] == stops[:4]
    assert (answer.text, answer.finish_reason) == ("one ", "stop")
    assert answer.raw["choices"][0]["message"]["content"] == "one <9> two"


def test_a_class_as_response_format_gives_an_object_back() -> None:
    from pydantic import BaseModel

    class City(BaseModel):
        name: str
        people: int

    reply = {
        **ANSWER,
        "choices": [{"index": 0, "message": {"content": '{"name": "Oslo", "people": 7}'}, "finish_reason": "stop"}],
    }
    lingate_client, transport = client(Reply(reply))

    answer = lingate_client.chat("openai/gpt-4o", "hi", response_format=City)

    assert answer.parsed == City(name="Oslo", people=7)
    sent = transport.bodies[0]["response_format"]
    assert (sent["type"], sent["json_schema"]["name"], sent["json_schema"]["strict"]) == ("json_schema", "City", True)
    assert sent["json_schema"]["schema"]["additionalProperties"] is False


def test_fields_of_a_class_may_be_named_as_the_words_of_schemas_are() -> None:
    from pydantic import BaseModel

    class Part(BaseModel):
        properties: list[str]
        const: str

    class Whole(BaseModel):
        parts: list[Part]
        default: str
        usual: dict[str, Any] = {"properties": {}}

    blocking, transport = client()
    for format_class in (Part, Whole):
        blocking.chat("openai/gpt-4o", "hi", response_format=format_class)

    part, whole = (body["response_format"]["json_schema"] for body in transport.bodies)
    assert part["strict"] is True
    assert part["schema"] == {**Part.model_json_schema(), "additionalProperties": False}
    assert whole["schema"]["$defs"]["Part"] == part["schema"]
    assert whole["schema"]["properties"] == Whole.model_json_schema()["properties"]


def test_a_strict_class_takes_what_json_has_no_type_for() -> None:
    from datetime import date

    from pydantic import BaseModel, ConfigDict

    class Visit(BaseModel):
        model_config = ConfigDict(strict=True)
        day: date
        places: tuple[str, ...]

    choice = {"message": {"content": '{"day": "2026-11-22", "places": ["Oslo"]}'}, "finish_reason": "stop"}
    lingate_client, _ = client(Reply({**ANSWER, "choices": [{"index": 0, **choice}]}))

    answer = lingate_client.chat("openai/gpt-4o", "hi", response_format=Visit)

    assert answer.parsed == Visit(day=date(2026, 11, 22), places=("Oslo",))


def test_an_answer_cut_at_the_token_limit_says_so_when_it_is_parsed() -> None:
    reply = {**ANSWER, "choices": [{"index": 0, "message": {"content": '{"name": "Os'}, "finish_reason": "length"}]}

    with pytest.raises(ProtocolError, match="token limit"):
        _ = client(Reply(reply))[0].chat("openai/m", "hi", response_format={"type": "object"}).parsed


def test_the_callers_own_objects_are_left_as_they_were() -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "x"}]}]
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "$schema": "x"}}}]
    before = repr((messages, tools))

    for model in ("openai/m", "anthropic/claude-sonnet-4-5", "mistral/m", "groq/m"):
        reply = Reply(ANSWER) if "anthropic" not in model else Reply({"type": "message", "content": [], "usage": {}})
        client(reply)[0].chat(model, messages, tools=tools, drop_params=True)

    assert repr((messages, tools)) == before


def limited(retry_after: str | None = None) -> Reply:
    return Reply({"error": {"message": "slow down"}}, 429, {"retry-after": retry_after} if retry_after else {})


def test_a_rate_limit_is_waited_out_and_the_trail_tells() -> None:
    lingate_client, transport = client(limited("0.01"), limited("0.02"), Reply(ANSWER))

    answer = lingate_client.chat("openai/m", "hi")

    assert answer.text == "hello"
    assert [(attempt.kind, attempt.status) for attempt in answer.attempts] == [
        ("rate_limit", 429),
        ("rate_limit", 429),
        ("ok", 200),
    ]
    assert answer.attempts[1].waited >= 0.01
    assert answer.attempts[2].waited >= 0.02
    assert len({bytes(request.body) for request in transport.requests}) == 1


@pytest.mark.requirement("X14")
def test_when_the_retries_are_used_up_the_error_holds_the_trail() -> None:
    lingate_client, transport = client(limited("0"))

    with pytest.raises(RateLimitError) as caught:
        lingate_client.chat("openai/m", "hi", retries=3)

    assert len(transport.requests) == len(caught.value.attempts) == 4
    assert (caught.value.provider, caught.value.model, caught.value.status) == ("openai", "m", 429)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_what_cannot_get_better_is_tried_once(status: int) -> None:
    lingate_client, transport = client(Reply({"error": {"message": "no"}}, status))

    with pytest.raises(lingate.errors.UpstreamError):
        lingate_client.chat("openai/m", "hi", retries=5)

    assert len(transport.requests) == 1


def test_a_wait_that_would_pass_the_deadline_is_not_begun() -> None:
    lingate_client, transport = client(limited("5"))

    with pytest.raises(RateLimitError):
        lingate_client.chat("openai/m", "hi", timeout=1)

    assert len(transport.requests) == 1


def test_fallbacks_are_tried_in_order_and_each_speaks_its_own_format() -> None:
    whole = {
        "id": "a",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": "from afar"}],
    }
    down = Reply({"error": {"message": "down"}}, 503)
    lingate_client, transport = client(down, down, Reply({**whole, "stop_reason": "end_turn", "usage": {}}))

    answer = lingate_client.chat("openai/m", "hi", retries=0, fallbacks=["groq/g", "anthropic/claude-sonnet-4-5"])

    assert answer.text == "from afar"
    assert answer.provider == "anthropic"
    assert [(attempt.provider, attempt.kind) for attempt in answer.attempts] == [
        ("openai", "overloaded"),
        ("groq", "overloaded"),
        ("anthropic", "ok"),
    ]
    assert [request.url.split("/")[2] for request in transport.requests] == [
        "api.openai.com",
        "api.groq.com",
        "api.anthropic.com",
    ]


def test_a_fallback_for_context_overflow_is_tried_for_that_alone() -> None:
    overflow = Reply({"error": {"message": "too long", "code": "context_length_exceeded"}}, 400)
    only = [{"model": "groq/big", "on": ["context_window"], "params": {"max_tokens": 5}}]

    answered, transport = client(overflow, Reply(ANSWER))
    assert answered.chat("openai/m", "hi", fallbacks=only).text == "hello"
    assert transport.bodies[1]["model"] == "big"
    assert 5 in transport.bodies[1].values()

    refused, transport = client(Reply({"error": {"message": "no"}}, 401))
    with pytest.raises(lingate.errors.AuthenticationError):
        refused.chat("openai/m", "hi", fallbacks=only)
    assert len(transport.requests) == 1


def test_a_bad_request_does_not_wander_through_the_fallbacks() -> None:
    lingate_client, transport = client(Reply({"error": {"message": "no such field"}}, 400))

    with pytest.raises(BadRequestError):
        lingate_client.chat("openai/m", "hi", fallbacks=["groq/g"])

    assert len(transport.requests) == 1


def test_a_fallback_without_a_key_does_not_hide_the_first_error() -> None:
    lingate_client, _ = client(Reply({"error": {"message": "boom"}}, 500))

    with pytest.raises(InternalServerError) as caught:
        lingate_client.chat("openai/m", "hi", retries=0, fallbacks=["deepseek/d"])

    assert [(attempt.provider, attempt.kind) for attempt in caught.value.attempts] == [
        ("openai", "server_error"),
        ("deepseek", "missing_credential"),
    ]


def test_the_messages_that_a_fallback_brings_are_written_for_its_provider() -> None:
    lingate_client, transport = client(Reply({"error": {"message": "down"}}, 503), Reply(ANSWER))
    told = [{"role": "assistant", "content": "yes", "reasoning_content": "hm"}, {"role": "user", "content": "go on"}]

    lingate_client.chat("openai/m", "hi", retries=0, fallbacks=[{"model": "openai/n", "params": {"messages": told}}])

    assert transport.bodies[0]["messages"] == [{"role": "user", "content": "hi"}]
    assert transport.bodies[1]["messages"] == [
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "go on"},
    ]


@pytest.mark.parametrize("role", [["user"], {"user": 1}, None, 5])
def test_a_role_that_is_no_word_is_refused_with_its_place(role: Any) -> None:
    lingate_client, _ = client()

    with pytest.raises(ConfigError, match=r"messages\[1\]\.role"):
        lingate_client.chat("openai/m", [{"role": "user", "content": "a"}, {"role": role, "content": "b"}])


def test_context_overflow_without_a_fallback_is_its_own_error() -> None:
    overflow = Reply({"error": {"message": "x", "code": "context_length_exceeded"}}, 400)

    with pytest.raises(ContextLengthError):
        client(overflow)[0].chat("openai/m", "hi")


async def test_the_async_client_retries_and_falls_back_in_the_same_way() -> None:
    transport = AsyncFakeTransport(limited("0"), limited("0"), Reply(ANSWER))
    aclient = lingate.AsyncLingate(transport=transport, env=KEYS)

    answer = await aclient.chat("openai/m", "hi", retries=1, fallbacks=["groq/g"])

    assert [(attempt.provider, attempt.kind) for attempt in answer.attempts] == [
        ("openai", "rate_limit"),
        ("openai", "rate_limit"),
        ("groq", "ok"),
    ]


def test_nobody_listening_is_a_connection_error_that_names_the_address() -> None:
    with lingate.Lingate(retries=0) as real, pytest.raises(ConnectError, match="cannot connect") as caught:
        real.chat("openai/m", "hi", api_key="k", api_base="http://127.0.0.1:1/v1")

    assert "base URL http://127.0.0.1:1/v1" in str(caught.value)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("retries", "kind"), [(2, DeadlineExceededError), (0, lingate.errors.RequestTimeoutError)])
def test_a_slow_upstream_meets_the_deadline_which_is_told_from_one_slow_try(
    stream: bool, retries: int, kind: type[lingate.errors.LingateError]
) -> None:
    with Simulator() as simulator, lingate.Lingate(retries=retries) as real:
        with pytest.raises(kind) as caught:
            real.chat(
                "openai/sim-fault-hang_head", "hi", stream=stream, api_key="k", api_base=simulator.url, timeout=0.3
            )

        assert caught.value.provider == "openai"
        assert sum(attempt.seconds + attempt.waited for attempt in caught.value.attempts) < 2


def test_a_redirect_is_not_followed_with_the_key() -> None:
    lingate_client, transport = client(Reply(b"", 302, {"location": "http://elsewhere.test"}))

    with pytest.raises(lingate.errors.LingateError) as caught:
        lingate_client.chat("openai/m", "hi", retries=0, api_base="http://mine.test/v1")

    assert len(transport.requests) == 1
    assert caught.value.hint == "the server redirects; check the base URL http://mine.test/v1"


def test_embeddings_come_back_in_the_order_of_the_inputs() -> None:
    reply = {
        "data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}],
        "usage": {"prompt_tokens": 2},
    }
    lingate_client, transport = client(Reply(reply))

    answer = lingate_client.embed("openai/text-embedding-3-small", ["a", "b"], dimensions=1)

    assert answer.vectors == [[1.0], [2.0]]
    assert transport.bodies == [{"model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 1}]


@pytest.mark.parametrize("bad", ["", [], [""], None, 5, [None]])
def test_nothing_to_embed_is_an_error(bad: Any) -> None:
    with pytest.raises(ConfigError, match="input"):
        client()[0].embed("openai/m", bad)


def test_models_are_listed_by_provider() -> None:
    lingate_client, transport = client(Reply({"object": "list", "data": [{"id": "a"}, {"id": "b", "owned_by": "x"}]}))

    found = lingate_client.models("groq")

    assert found.ids == ["a", "b"]
    assert found.data[1].owned_by == "x"
    assert (transport.requests[0].method, transport.requests[0].url) == ("GET", "https://api.groq.com/openai/v1/models")


def test_a_config_file_sets_defaults_and_names_what_it_does_not_know(tmp_path: Any) -> None:
    path = tmp_path / "lingate.toml"
    path.write_text(
        'retries = 0\ndrop_params = true\n[providers.mine]\ndialect = "openai_chat"\nurl = "http://127.0.0.1:9/v1"\n'
    )
    transport = FakeTransport(Reply(ANSWER))

    answer = lingate.Lingate(path, env={}, transport=transport).chat("mine/m", "hi", api_key="k")
    assert answer.text == "hello"
    assert transport.requests[0].url == "http://127.0.0.1:9/v1/chat/completions"

    path.write_text("retires = 0")
    with pytest.raises(ConfigError, match="did you mean 'retries'"):
        lingate.Lingate(path)
    path.write_text("retries = ")
    with pytest.raises(ConfigError, match="not valid TOML"):
        lingate.Lingate(path)
    with pytest.raises(ConfigError, match="cannot read"):
        lingate.Lingate(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"fallbacks": "two/m", "providers": {"one": {"url": "http://127.0.0.1:9"}, "two": {"url": "http://127.0.0.1:9/v1"}}}'),
        ("a.yaml", "fallbacks: two/m\nproviders:\n  one: {url: 'http://127.0.0.1:9'}\n  two: {url: 'http://127.0.0.1:9/v1'}\n"),
        ("a.YML", "fallbacks: {model: two/m}\nproviders: {one: {url: 'http://127.0.0.1:9'}, two: {url: 'http://127.0.0.1:9/v1'}}"),
    ],
)  # fmt: skip
def test_a_config_file_may_be_json_or_yaml_with_one_fallback(tmp_path: Any, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    transport = FakeTransport(Reply({}, 401), Reply(ANSWER))

    answer = lingate.Lingate(path, env={}, transport=transport).chat("one/m", "hi", api_key="k")

    assert answer.text == "hello"
    assert transport.requests[1].url == "http://127.0.0.1:9/v1/chat/completions"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.json", "{", "not valid JSON"),
        ("a.yaml", "a: [", "not valid YAML at line 1"),
        ("a.yaml", "- a", "must be a mapping, not list"),
        ("a.yaml", "timeout: 2026-02-30", "a.yaml is not valid YAML"),
        ("a.yaml", "{" * 5000, "a.yaml is not valid YAML"),
        ("a.ini", "", "ends in .toml, .json, .yaml or .yml"),
        ("a.json", '{"providers": {"x": 5}}', "must map provider names to settings"),
        ("a.json", '{"providers": ["x"]}', "must map provider names to settings"),
        ("a.yaml", "providers: {302: {api_key: k}}", "must map provider names to settings"),
        ("a.json", '{"fallbacks": 5}', "fallbacks must be a list"),
        ("a.json", '{"drop_params": "yes"}', "drop_params must be true or false"),
        ("a.json", '{"model": 5}', "model must be a string"),
        ("a.json", '{"retries": 1.5}', "retries must be a whole number"),
        ("a.json", '{"retries": true}', "retries must be a whole number"),
    ],
)
def test_a_config_file_that_makes_no_sense_is_refused_with_its_name(
    tmp_path: Any, name: str, text: str, why: str
) -> None:
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(ConfigError, match=why) as caught:
        lingate.Lingate(path)

    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["a\x00.json", "a\ud800.json"])
def test_a_config_file_whose_name_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot read the config file"):
        lingate.Lingate(name)


def test_what_a_config_says_about_dropping_holds_until_a_client_or_a_call_says_otherwise() -> None:
    config, asked = {"drop_params": True}, {"api_key": "k", "top_k": 5}
    transport = FakeTransport(Reply(ANSWER))

    assert lingate.Lingate(config, transport=transport).chat("openai/gpt-4o", "hi", **asked).dropped  # type: ignore[call-overload]
    for strict, more in ((False, {}), (None, {"drop_params": False})):
        with pytest.raises(lingate.errors.UnsupportedError):
            lingate.Lingate(config, transport=transport, drop_params=strict).chat(  # type: ignore[call-overload]
                "openai/gpt-4o", "hi", **asked, **more
            )


def test_an_empty_yaml_file_is_a_config_of_nothing(tmp_path: Any) -> None:
    (tmp_path / "a.yaml").write_text("# nothing yet\n")

    with lingate.Lingate(tmp_path / "a.yaml", env={}) as empty, pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        empty.chat("openai/m", "hi")


@pytest.mark.parametrize("fallbacks", [5, {"on": "auth"}, [5]])
def test_fallbacks_that_name_no_model_are_refused(fallbacks: Any) -> None:
    with pytest.raises(ConfigError, match=r"fallback|model"):
        client(Reply(ANSWER))[0].chat("openai/m", "hi", fallbacks=fallbacks)


def test_one_fallback_needs_no_list() -> None:
    lingate_client, transport = client(Reply({}, 401), Reply(ANSWER))

    assert lingate_client.chat("openai/m", "hi", fallbacks="groq/m").text == "hello"
    assert transport.requests[1].url.startswith("https://api.groq.com/")


def test_the_module_level_functions_use_a_default_client(monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator() as simulator:
        answer = lingate.chat("openai/sim", "default client", api_key="k", api_base=simulator.url)
        streamed = lingate.chat(
            "anthropic/claude-sonnet-4-5", "default client", stream=True, api_key="k", api_base=simulator.url
        )

        assert "default client" in answer.text
        assert "default client" in streamed.final().text


def test_a_provider_of_ones_own_can_be_registered() -> None:
    @dataclass
    class Own:
        name: str = "house"

    lingate.register(lingate.ProviderRow(name=Own.name, url="http://127.0.0.1:9/v1", key_env=("HOUSE_KEY",)))
    transport = FakeTransport(Reply(ANSWER))

    lingate.Lingate(env={"HOUSE_KEY": "k"}, transport=transport).chat("house/m", "hi")

    assert transport.requests[0].headers["authorization"] == "Bearer k"
    assert lingate.credentials("house").present is False


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_without_a_signature_goes_back_to_a_host_that_wants_it(stream: bool) -> None:
    # 400 "thinking is enabled but reasoning_content is missing in assistant tool call message".
    use = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    content = [{"type": "thinking", "thinking": "hm"}, use]
    counts = {"input_tokens": 1, "output_tokens": 1}
    answer = {"id": "msg_1", "role": "assistant", "content": content, "stop_reason": "tool_use", "usage": counts}
    question: list[Any] = [{"role": "user", "content": "go"}]
    tools: Any = [{"type": "function", "function": {"name": "look"}}]
    with RawServer(Script([json.dumps(answer).encode()], headers={"content-type": "application/json"})) as server:
        options: Any = {"api_base": server.url, "api_key": "k", "retries": 0, "tools": tools}
        model = "kimi-for-coding/kimi-for-coding"
        if stream:
            told = lingate.chat(model, question, stream=True, **options)
            list(told)
            first = told.final()
        else:
            first = lingate.chat(model, question, **options)
        result = {"role": "tool", "tool_call_id": "t1", "content": "x"}
        lingate.chat(model, [*question, first.message, result], **options)

        thought, called = json.loads(server.requests[-1])["messages"][1]["content"]

    assert (thought["type"], thought["thinking"], called["id"]) == ("thinking", "hm", "t1")

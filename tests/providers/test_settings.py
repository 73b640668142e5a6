"""What users write about providers is read strictly, and what is wrong is named with its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._model import ModelRule
from lingate._providers.lookup import find, from_config
from lingate._providers.settings import ROW_KEYS, settings_from
from lingate.errors import ConfigError, LingateError


def test_a_row_from_config_has_every_field_in_the_shape_of_the_table() -> None:
    row = from_config(
        "mine",
        {
            "title": "Mine",
            "url": "https://llm.example/v1/",
            "key_env": ["A", "B"],
            "headers": {"X-One": "1"},
            "operations": ["chat", "embeddings"],
            "unsupported": ["logprobs"],
            "rename": {"seed": "random_seed"},
            "models": [{"pattern": "x-.*", "traits": {"sampling": "none"}}],
            "body": {"user": "me"},
            "quirks": ["effort_null"],
            "error_kinds": {"status:429": "rate_limit"},
            "local": True,
        },
    )

    assert (row.name, row.url, row.auth, row.key_env) == ("mine", "https://llm.example/v1", "bearer", ("A", "B"))
    assert row.headers == {"x-one": "1"}
    assert row.operations == ("chat", "embeddings")
    assert row.models == (ModelRule(pattern="x-.*", traits={"sampling": "none"}),)
    assert row.body == {"user": "me"}
    assert row.local is True


def test_a_new_row_serves_every_operation_of_its_format() -> None:
    assert "embeddings" in from_config("mine", {"url": "http://h/v1"}).operations
    assert "count_tokens" in from_config("mine", {"url": "http://h", "dialect": "anthropic"}).operations


def test_what_the_config_leaves_out_stays_as_the_shipped_row_has_it() -> None:
    row = from_config("groq", {"headers": {"X-A": "1"}})

    assert row.key_env == find("groq").key_env
    assert row.url == find("groq").url
    assert row.unsupported == find("groq").unsupported


def test_a_null_is_the_same_as_nothing() -> None:
    assert from_config("groq", {"url": None, "traits": None}) == find("groq")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"dialct": "anthropic"}, "providers.mine.dialct is unknown; did you mean 'dialect'?"),
        ({"api_bse": "http://h"}, "providers.mine.api_bse is unknown; did you mean 'api_base'?"),
        ({"name": "other"}, "providers.mine.name is unknown"),
        ({"ended": "yesterday"}, "providers.mine.ended is unknown"),
        ({"dialect": "antropic"}, "providers.mine.dialect is 'antropic'; did you mean 'anthropic'?"),
        ({"traits": {"max_stopp": 1}}, "providers.mine.traits.max_stopp is unknown; did you mean 'max_stop'?"),
        ({"traits": {"max_stop": "4"}}, "providers.mine.traits.max_stop must be a whole number, not str"),
        ({"traits": {"max_stop": True}}, "providers.mine.traits.max_stop must be a whole number, not bool"),
        ({"traits": {"sampling": "nun"}}, "providers.mine.traits.sampling is 'nun'; did you mean 'none'?"),
        ({"traits": ["sampling"]}, "providers.mine.traits must be a mapping, not list"),
        ({"operations": ["chats"]}, "providers.mine.operations[0] is 'chats'; did you mean 'chat'?"),
        ({"operations": "chat"}, "providers.mine.operations must be a list, not str"),
        ({"key_env": ["A", 2]}, "providers.mine.key_env[1] must be a string, not int"),
        ({"rename": {"a": 1}}, "providers.mine.rename.a must be a string, not int"),
        ({"local": "yes"}, "providers.mine.local must be true or false, not str"),
        ({"models": [{"patern": "x"}]}, "providers.mine.models[0].patern is unknown; did you mean 'pattern'?"),
        ({"models": [{"pattern": "("}]}, "providers.mine.models: '(' is not a regular expression"),
        ({"models": [{"traits": {}}]}, "providers.mine.models[0].pattern is missing"),
        ({"quirks": ["effort_nul"]}, "providers.mine.quirks holds 'effort_nul'; did you mean 'effort_null'?"),
        (
            {"error_kinds": {"1": "rate-limit"}},
            "providers.mine.error_kinds.1 is 'rate-limit'; did you mean 'rate_limit'?",
        ),
        ({"auth": "basic auth"}, "providers.mine.auth is 'basic auth'"),
        ({"url": "llm.example"}, "providers.mine.url is not a base URL"),
        ({"api_base": "llm.example"}, "providers.mine.api_base is not a base URL"),
        ({"headers": {"X A": "1"}}, "providers.mine.headers: 'X A' is not the name of a header"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_what_was_meant(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_from("mine", given, None)

    assert said in str(caught.value)


def test_a_provider_s_name_may_not_hold_a_slash() -> None:
    with pytest.raises(ConfigError, match="cannot be the name of a provider"):
        from_config("a/b", {"url": "http://h"})


def test_a_whole_number_will_do_for_a_fraction() -> None:
    assert from_config("mine", {"traits": {"max_temperature": 1}}).traits["max_temperature"] == 1.0


def test_a_template_in_a_url_is_left_for_the_call_to_fill() -> None:
    assert from_config("mine", {"url": "https://{REGION=eu}.example/v1/"}).url == "https://{REGION=eu}.example/v1"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*ROW_KEYS, "api_key", "api_base"]) | st.text(max_size=8), _VALUES, max_size=4))
def test_whatever_is_written_only_our_errors_come_back(given: dict[str, Any]) -> None:
    for known in (None, find("openai")):
        try:
            settings_from("mine", given, known)
        except LingateError:
            pass


@given(st.dictionaries(st.text(max_size=4) | st.integers(), _VALUES, max_size=2))
def test_a_rule_of_any_shape_gives_only_our_errors(rule: dict[Any, Any]) -> None:
    try:
        settings_from("mine", {"models": [rule, {"pattern": "x", **rule}]}, None)
    except LingateError:
        pass

"""From `provider/model` to a target: names, keys, addresses, the proxy, and what is never said aloud."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingate._model import ModelRule, ProviderRow, replaced
from lingate._providers import lookup
from lingate._providers.lookup import credential, find, from_config, register, resolve, rows
from lingate._providers.rows import ROWS
from lingate.errors import ConfigError, LingateError, MissingCredentialError, UnknownProviderError

KEY = "sk-canary-4711"


# Names


@pytest.mark.parametrize("name", ["together_ai", "together-ai", "Together_AI", "together", "TOGETHERAI"])
def test_case_dashes_and_aliases_do_not_matter(name: str) -> None:
    assert find(name).name == "together_ai"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_is_found_by_all_its_names(row: ProviderRow) -> None:
    assert all(find(name) is row for name in (row.name, *row.aliases))


@pytest.mark.parametrize(
    ("wrong", "meant"), [("grok", "groq"), ("opnai", "openai"), ("antropic", "anthropic"), ("mistrall", "mistral")]
)
def test_a_misspelt_provider_is_answered_with_the_three_closest(wrong: str, meant: str) -> None:
    with pytest.raises(UnknownProviderError) as caught:
        find(wrong)

    names = str(caught.value).partition("the closest are ")[2].split(", ")
    assert meant in names
    assert len(set(names)) == 3
    assert all(find(name).name == name for name in names)


@pytest.mark.parametrize(
    "meant",
    ["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-6", "gemini/gemini-2.5-pro", "mistral/mistral-small-latest"],
)
def test_a_model_without_a_provider_is_told_whose_it_may_be(meant: str) -> None:
    with pytest.raises(UnknownProviderError) as caught:
        resolve(meant.partition("/")[2], env={"OPENAI_API_KEY": KEY})

    assert str(caught.value).endswith(f"write it as provider/model ({meant}?)")


def test_a_model_without_a_provider_is_told_how_to_write_it() -> None:
    with pytest.raises(UnknownProviderError, match="provider/model") as caught:
        resolve("gpt-4o", env={"OPENAI_API_KEY": KEY})

    assert "'gpt-4o'" in str(caught.value)


def test_a_provider_without_a_model_is_told_what_is_missing() -> None:
    with pytest.raises(UnknownProviderError, match="write it as groq/model"):
        resolve("groq", env={})
    with pytest.raises(ConfigError, match="nothing after the slash"):
        resolve("groq/", env={})
    with pytest.raises(ConfigError, match="nothing before the slash"):
        resolve("/llama", env={})


@pytest.mark.parametrize("model", [None, 3, b"groq/x", ["groq/x"]])
def test_a_model_that_is_no_string_is_a_config_error(model: Any) -> None:
    with pytest.raises(ConfigError, match="model must be a string"):
        resolve(model, env={})


def test_everything_after_the_first_slash_belongs_to_the_provider() -> None:
    target = resolve("openrouter/anthropic/claude-sonnet-4.5:beta", env={"OPENROUTER_API_KEY": KEY})

    assert (target.provider, target.model) == ("openrouter", "anthropic/claude-sonnet-4.5:beta")


@given(st.text(max_size=30))
def test_whatever_is_given_as_a_model_only_our_errors_come_back(model: str) -> None:
    try:
        resolve(model, env={})
    except LingateError:
        pass


def test_a_service_that_ended_answers_with_what_replaces_it() -> None:
    with pytest.raises(ConfigError, match="2026-07-06; its successor is meta"):
        resolve("meta_llama/llama-4", env={"LLAMA_API_KEY": KEY})


# Keys, by precedence


def test_a_key_of_the_call_wins_over_everything() -> None:
    target = resolve(
        "groq/m",
        env={"GROQ_API_KEY": "from-env", "LINGATE_PROXY_URL": "http://proxy"},
        api_key=KEY,
        config={"groq": {"api_key": "from-config"}},
        proxy=("http://proxy", "from-proxy"),
    )

    assert target.headers["authorization"] == f"Bearer {KEY}"
    assert target.secrets == (KEY,)


def test_the_environment_wins_over_the_config() -> None:
    target = resolve("groq/m", env={"GROQ_API_KEY": KEY}, config={"groq": {"api_key": "from-config"}})

    assert target.headers["authorization"] == f"Bearer {KEY}"


def test_the_config_wins_over_the_proxy() -> None:
    target = resolve("groq/m", env={"LINGATE_PROXY_URL": "http://proxy"}, config={"groq": {"api_key": KEY}})

    assert target.provider == "groq"
    assert target.headers["authorization"] == f"Bearer {KEY}"


def test_without_any_key_the_call_goes_to_the_proxy_with_the_full_model() -> None:
    env = {"LINGATE_PROXY_URL": "http://gateway:4000/", "LINGATE_PROXY_API_KEY": KEY}

    target = resolve("anthropic/claude-sonnet-4-6", env=env)

    assert target.model == "anthropic/claude-sonnet-4-6"
    assert target.url == "http://gateway:4000/v1"
    assert target.row.dialect == "openai_chat"
    assert target.headers["authorization"] == f"Bearer {KEY}"


def test_litellm_s_variables_for_a_proxy_are_read_too() -> None:
    env = {"LITELLM_PROXY_API_BASE": "http://old:4000/v1", "LITELLM_PROXY_API_KEY": KEY}

    target = resolve("openai/gpt-4o", env=env)

    assert (target.url, target.headers["authorization"]) == ("http://old:4000/v1", f"Bearer {KEY}")


def test_our_own_proxy_variable_wins_and_does_not_get_the_other_proxy_s_key() -> None:
    env = {"LINGATE_PROXY_URL": "http://new", "LITELLM_PROXY_API_BASE": "http://old", "LITELLM_PROXY_API_KEY": KEY}

    target = resolve("openai/gpt-4o", env=env)

    assert target.url == "http://new/v1"
    assert target.secrets == ()


def test_a_proxy_that_is_passed_wins_over_one_in_the_environment() -> None:
    target = resolve("openai/gpt-4o", env={"LINGATE_PROXY_URL": "http://env"}, proxy=("http://passed/v1/", KEY))

    assert (target.url, target.secrets) == ("http://passed/v1", (KEY,))


def test_a_call_that_names_its_base_url_is_not_taken_elsewhere() -> None:
    with pytest.raises(MissingCredentialError):
        resolve("groq/m", env={"LINGATE_PROXY_URL": "http://proxy"}, api_base="http://mine/v1")


def test_a_local_server_is_called_directly_even_if_there_is_a_proxy() -> None:
    target = resolve("llamacpp/m", env={"LINGATE_PROXY_URL": "http://proxy"})

    assert (target.url, dict(target.headers)) == ("http://127.0.0.1:8080/v1", {"content-type": "application/json"})


def test_a_server_nobody_said_where_it_is_is_reached_through_the_proxy() -> None:
    target = resolve("hosted_vllm/m", env={"LINGATE_PROXY_URL": "http://proxy"})

    assert (target.url, target.model) == ("http://proxy/v1", "hosted_vllm/m")


def test_variables_are_tried_in_their_order_and_blank_ones_are_unset() -> None:
    env = {"TOGETHER_API_KEY": "  ", "TOGETHERAI_API_KEY": "third", "TOGETHER_AI_API_KEY": ""}

    assert resolve("together_ai/m", env=env).secrets == ("third",)


def test_a_missing_key_names_every_variable_that_was_tried() -> None:
    with pytest.raises(MissingCredentialError) as caught:
        resolve("anthropic/claude-opus-5", env={})

    assert caught.value.variables == ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
    assert "set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN, or pass api_key" in str(caught.value)
    assert (caught.value.provider, caught.value.model) == ("anthropic", "claude-opus-5")


def test_the_caller_s_own_header_is_a_credential() -> None:
    target = resolve("openai/gpt-4o", env={}, headers={"Authorization": f"Bearer {KEY}"})

    assert target.headers == {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    assert target.secrets == (KEY,)


def test_a_header_of_the_config_is_a_credential() -> None:
    target = resolve("anthropic/claude-opus-5", env={}, config={"anthropic": {"headers": {"X-Api-Key": KEY}}})

    assert target.headers["x-api-key"] == KEY
    assert target.headers["anthropic-version"] == "2023-06-01"
    assert target.secrets == (KEY,)


def test_a_key_in_the_environment_wins_over_a_header_of_the_config() -> None:
    config = {"openai": {"headers": {"Authorization": "Bearer from-config"}}}

    target = resolve("openai/gpt-4o", env={"OPENAI_API_KEY": KEY}, config=config)

    assert target.headers["authorization"] == f"Bearer {KEY}"


# The way a key goes out


def test_a_token_variable_is_sent_as_bearer_and_a_key_variable_is_preferred() -> None:
    token = resolve("anthropic/claude-opus-5", env={"ANTHROPIC_AUTH_TOKEN": KEY})
    both = resolve("anthropic/claude-opus-5", env={"ANTHROPIC_AUTH_TOKEN": "token", "ANTHROPIC_API_KEY": KEY})

    assert token.headers["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in token.headers
    assert both.headers["x-api-key"] == KEY
    assert "authorization" not in both.headers


@pytest.mark.parametrize(
    ("model", "header", "value"),
    [
        ("mistral/m", "authorization", f"Bearer {KEY}"),
        ("anthropic/m", "x-api-key", KEY),
        ("oobabooga/m", "authorization", f"Token {KEY}"),
        ("cloudflare-ai-gateway/openai/m", "cf-aig-authorization", f"Bearer {KEY}"),
        ("portkey/m", "x-portkey-api-key", KEY),
        ("llamacpp/m", "authorization", f"Bearer {KEY}"),
        ("sarvam/m", "api-subscription-key", KEY),
    ],
)
def test_each_way_to_send_a_key(model: str, header: str, value: str) -> None:
    target = resolve(model, env={}, api_key=KEY, api_base="http://localhost:1")

    assert target.headers[header] == value
    assert target.secrets == (KEY,)


def test_headers_are_filled_from_the_environment_and_left_out_without_it() -> None:
    env = {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-1"}

    target = resolve("openai/gpt-4o", env=env)

    assert target.headers["openai-organization"] == "org-1"
    assert "openai-project" not in target.headers


def test_a_call_s_header_wins_over_the_row_s_whatever_its_case() -> None:
    env = {"OPENROUTER_API_KEY": KEY, "OR_APP_NAME": "row"}

    target = resolve("openrouter/m", env=env, headers={"X-TITLE": "call"})

    assert target.headers["x-title"] == "call"
    assert sorted(target.headers) == ["authorization", "content-type", "x-title"]


# Addresses


def test_the_base_url_comes_from_the_call_then_the_environment_then_the_config_then_the_row() -> None:
    def url(**given: Any) -> str:
        return resolve("groq/m", **{"env": {}, "api_key": KEY, **given}).url

    env, config = {"GROQ_API_BASE": "http://env/v1"}, {"groq": {"api_base": "http://config/v1"}}

    assert url(env=env, config=config, api_base="http://call/v1") == "http://call/v1"
    assert url(env=env, config=config) == "http://env/v1"
    assert url(config=config) == "http://config/v1"
    assert url() == "https://api.groq.com/openai/v1"


def test_of_two_url_variables_the_first_in_the_row_wins() -> None:
    env = {"OPENAI_API_KEY": KEY, "OPENAI_API_BASE": "http://second", "OPENAI_BASE_URL": "http://first"}

    assert resolve("openai/m", env=env).url == "http://first"


@pytest.mark.parametrize(
    ("model", "given", "used"),
    [
        ("groq/m", "http://h/v1/", "http://h/v1"),
        ("groq/m", "http://h/v1/chat/completions", "http://h/v1"),
        ("groq/m", "http://h/v1/chat/completions/", "http://h/v1"),
        ("groq/m", " http://h/v1 ", "http://h/v1"),
        ("groq/m", "http://h", "http://h"),
        ("groq/m", "http://h/v1?api-version=1", "http://h/v1?api-version=1"),
        ("anthropic/m", "http://h/v1/messages", "http://h"),
        ("anthropic/m", "http://h/v1/", "http://h"),
        ("anthropic/m", "http://h/proxy/anthropic", "http://h/proxy/anthropic"),
        ("datarobot/m", "http://h/deployments/1/chat/completions/", "http://h/deployments/1"),
        ("hosted_vllm/m", "http://h:8000", "http://h:8000/v1"),
        ("hosted_vllm/m", "http://h:8000/v1", "http://h:8000/v1"),
        ("gradient_ai/m", "https://agent.example", "https://agent.example/api/v1"),
        ("merge-gateway/m", "https://host.example/", "https://host.example/v1/openai"),
    ],
)
def test_a_base_url_is_taken_in_the_forms_in_which_people_have_it(model: str, given: str, used: str) -> None:
    assert resolve(model, env={}, api_key=KEY, api_base=given).url == used


@pytest.mark.parametrize(
    "bad",
    [
        "",
        " ",
        "ftp://h",
        "h/v1",
        "http://",
        "http://u:p@h",
        "http://h/v1#x",
        "http://h /v1",
        "http://h/?api_key=x",
        "http://h\n",
        3,
    ],
)
def test_a_base_url_that_cannot_be_one_is_refused_without_being_repeated(bad: Any) -> None:
    if isinstance(bad, str) and bad.strip() == "http://h":
        bad = "http://h\nhttp://i"
    with pytest.raises(ConfigError, match="api_base") as caught:
        resolve("groq/m", env={}, api_key=KEY, api_base=bad)

    assert "u:p" not in str(caught.value)


def test_a_bad_base_url_in_a_variable_is_blamed_on_the_variable() -> None:
    with pytest.raises(ConfigError, match="GROQ_API_BASE is not a base URL"):
        resolve("groq/m", env={"GROQ_API_BASE": "localhost", "GROQ_API_KEY": KEY})


def test_a_missing_base_url_names_what_to_set() -> None:
    with pytest.raises(ConfigError, match="set HOSTED_VLLM_API_BASE or VLLM_API_BASE, or pass api_base"):
        resolve("vllm/m", env={})
    with pytest.raises(ConfigError, match="AWS_REGION or AWS_DEFAULT_REGION, or pass api_base"):
        resolve("anthropic-aws/claude-opus-5", env={"ANTHROPIC_AWS_API_KEY": KEY})


def test_addresses_are_filled_from_the_environment() -> None:
    account = {"CLOUDFLARE_API_TOKEN": KEY, "CLOUDFLARE_ACCOUNT_ID": "a1", "CLOUDFLARE_GATEWAY_ID": "g1"}
    neon = {"NEON_AI_GATEWAY_TOKEN": KEY, "NEON_AI_GATEWAY_BASE_URL": "https://n.example/"}

    assert resolve("cloudflare-ai-gateway/m", env=account).url == "https://gateway.ai.cloudflare.com/v1/a1/g1/compat"
    assert resolve("neon/m", env=neon).url == "https://n.example/ai-gateway/mlflow/v1"


def test_the_first_region_variable_that_is_set_wins_and_there_is_a_region_without_any() -> None:
    def host(**env: str) -> str:
        return resolve("bedrock_mantle/m", env={"AWS_BEARER_TOKEN_BEDROCK": KEY, **env}).url

    assert host(AWS_REGION="eu-west-1", AWS_REGION_NAME="eu-north-1") == "https://bedrock-mantle.eu-north-1.api.aws/v1"
    assert host() == "https://bedrock-mantle.us-east-1.api.aws/v1"


def test_a_variable_that_would_break_the_address_is_refused() -> None:
    env = {"AWS_BEARER_TOKEN_BEDROCK": KEY, "AWS_REGION": "x y"}

    with pytest.raises(ConfigError, match="the base URL of bedrock_mantle"):
        resolve("bedrock_mantle/m", env=env)


# Rules for some models of one provider


@pytest.mark.parametrize(
    ("model", "sent", "url"),
    [
        ("fireworks_ai/llama-v3", "accounts/fireworks/models/llama-v3", "https://api.fireworks.ai/inference/v1"),
        ("fireworks_ai/accounts/me/models/x", "accounts/me/models/x", "https://api.fireworks.ai/inference/v1"),
        (
            "clarifai/openai.chat.gpt-4o",
            "https://clarifai.com/openai/chat/models/gpt-4o",
            "https://api.clarifai.com/v2/ext/openai/v1",
        ),
        ("baseten/abcd1234", "abcd1234", "https://model-abcd1234.api.baseten.co/environments/production/sync/v1"),
        ("baseten/deepseek-ai/DeepSeek-V3", "deepseek-ai/DeepSeek-V3", "https://inference.baseten.co/v1"),
    ],
)
def test_a_rule_renames_a_model_or_moves_it(model: str, sent: str, url: str) -> None:
    target = resolve(model, env={}, api_key=KEY)

    assert (target.model, target.url) == (sent, url)


def test_a_rule_s_path_goes_behind_the_user_s_own_base_url() -> None:
    target = resolve("ragflow/agent/a-1/m/n", env={"RAGFLOW_API_KEY": KEY, "RAGFLOW_API_BASE": "http://h:9380"})

    assert (target.model, target.url) == ("m/n", "http://h:9380/api/v1/agents_openai/a-1")


def test_a_base_url_of_the_call_wins_over_a_rule_s() -> None:
    assert resolve("baseten/abcd1234", env={}, api_key=KEY, api_base="http://h/v1").url == "http://h/v1"


def test_a_rule_adds_to_what_is_refused() -> None:
    reasoning = resolve("xai/grok-4.3", env={"XAI_API_KEY": KEY})
    plain = resolve("xai/grok-vision", env={"XAI_API_KEY": KEY})
    quick = resolve("xai/grok-4.20-0309-non-reasoning", env={"XAI_API_KEY": KEY})

    assert set(reasoning.row.unsupported) == {"stop", "frequency_penalty", "presence_penalty"}
    assert set(quick.row.unsupported) == {"reasoning_effort", "frequency_penalty", "presence_penalty"}
    assert plain.row.unsupported == ()


# Traits, by precedence


def test_a_family_is_stronger_than_a_row_and_the_config_is_stronger_than_both() -> None:
    env = {"OPENAI_API_KEY": KEY}

    family = resolve("openai/gpt-5", env=env).traits
    config = resolve("openai/gpt-5", env=env, config={"openai": {"traits": {"max_stop": 2, "sampling": "any"}}}).traits

    assert (family["max_stop"], family["sampling"]) == (0, "none")
    assert (config["max_stop"], config["sampling"]) == (2, "any")
    assert config["max_tokens_param"] == "max_completion_tokens"


def test_what_a_host_says_about_its_own_wire_is_stronger_than_a_family() -> None:
    target = resolve("openrouter/openai/gpt-5", env={"OPENROUTER_API_KEY": KEY})

    assert target.traits["max_tokens_param"] == "max_tokens"
    assert target.traits["sampling"] == "none"


def test_an_answer_s_limit_is_filled_in_only_for_formats_that_demand_one() -> None:
    own = resolve("anthropic/claude-opus-4-6", env={"ANTHROPIC_API_KEY": KEY})
    hosted = resolve("openrouter/anthropic/claude-opus-4.6", env={"OPENROUTER_API_KEY": KEY})

    assert own.traits["default_max_tokens"] == 128_000
    assert "default_max_tokens" not in hosted.traits


# A user's own providers


def test_the_config_makes_a_provider_of_the_user_s_own() -> None:
    config = {"my-host": {"url": "https://llm.example/v1/", "key_env": ["MY_KEY"], "traits": {"max_stop": 1}}}

    target = resolve("my_host/m", env={"MY_KEY": KEY}, config=config)

    assert (target.provider, target.url, target.model) == ("my_host", "https://llm.example/v1", "m")
    assert target.headers["authorization"] == f"Bearer {KEY}"
    assert target.traits["max_stop"] == 1


def test_a_provider_of_the_user_s_own_needs_no_key_unless_it_names_a_variable() -> None:
    open_one = resolve("mine/m", env={}, config={"mine": {"url": "http://h/v1"}})

    assert open_one.secrets == ()
    with pytest.raises(MissingCredentialError, match="MY_KEY"):
        resolve("mine/m", env={}, config={"mine": {"url": "http://h/v1", "key_env": ["MY_KEY"]}})


def test_a_provider_of_the_user_s_own_may_speak_another_format() -> None:
    config = {"mine": {"dialect": "anthropic", "api_base": "http://h/anthropic", "api_key": KEY}}

    target = resolve("mine/m", env={}, config=config)

    assert (target.row.dialect, target.url) == ("anthropic", "http://h/anthropic")
    assert target.headers["x-api-key"] == KEY
    assert target.headers["anthropic-version"] == "2023-06-01"


def test_the_config_changes_a_shipped_row_found_under_any_of_its_names() -> None:
    config = {"Together": {"api_key": KEY, "headers": {"X-Trace": "1"}}}

    target = resolve("together_ai/m", env={}, config=config)

    assert target.headers["x-trace"] == "1"
    assert target.url == "https://api.together.ai/v1"
    assert find("together_ai").headers == {}


def test_a_shipped_provider_can_be_spoken_to_in_another_format() -> None:
    config = {"deepseek": {"dialect": "anthropic", "url": "https://api.deepseek.com/anthropic"}}

    target = resolve("deepseek/deepseek-chat", env={"DEEPSEEK_API_KEY": KEY}, config=config)

    assert (target.row.dialect, target.url) == ("anthropic", "https://api.deepseek.com/anthropic")
    assert target.headers["x-api-key"] == KEY


def test_a_registered_row_wins_over_a_shipped_one() -> None:
    shipped = resolve("groq/m", env={"GROQ_API_KEY": KEY})

    register(ProviderRow(name="groq", url="http://mine/v1", key_env=("MINE",), aliases=("my_groq",)))

    assert shipped.url != "http://mine/v1"
    assert resolve("groq/m", env={"MINE": KEY}).url == "http://mine/v1"
    assert find("my-groq").url == "http://mine/v1"
    assert sum(row.name == "groq" for row in rows()) == 1


def test_a_row_that_names_what_does_not_exist_is_not_registered() -> None:
    with pytest.raises(ConfigError, match="did you mean 'effort_null'"):
        register(ProviderRow(name="mine", quirks=("efort_null",)))
    with pytest.raises(ConfigError, match="is not a regular expression"):
        register(ProviderRow(name="mine", models=(ModelRule(pattern="("),)))
    with pytest.raises(UnknownProviderError):
        find("mine")


def test_all_rows_are_listed_once() -> None:
    names = [row.name for row in rows()]

    assert sorted(names) == sorted(row.name for row in ROWS)


def test_a_row_made_from_config_can_be_registered() -> None:
    register(from_config("mine", {"url": "http://h/v1"}))

    assert resolve("mine/m", env={}).url == "http://h/v1"


# Whether there is a credential


def test_a_credential_says_which_variable_holds_it_and_not_what() -> None:
    env = {"TOGETHER_AI_TOKEN": KEY}

    found = credential(find("together"), env)

    assert (found.provider, found.present, found.variable, found.required) == (
        "together_ai",
        True,
        "TOGETHER_AI_TOKEN",
        True,
    )
    assert found.variables[0] == "TOGETHER_API_KEY"
    assert KEY not in repr(found)


def test_a_credential_that_is_absent_or_not_needed() -> None:
    absent, local = credential(find("openai"), {"OPENAI_API_KEY": "\t"}), credential(find("lm_studio"), {})

    assert (absent.present, absent.variable, absent.required) == (False, None, True)
    assert (local.present, local.required) == (False, False)
    assert "retired" in credential(find("github"), {}).note


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_resolves_once_it_has_a_key_and_an_address(row: ProviderRow) -> None:
    if row.ended:
        with pytest.raises(ConfigError):
            resolve(f"{row.name}/m", env={}, api_key=KEY)
        return

    target = resolve(f"{row.name}/m", env={}, api_key=KEY, api_base="http://127.0.0.1:1/v1")

    assert target.row.name == row.name
    assert target.url.startswith("http://127.0.0.1:1")
    # A key that is exchanged for a token is sent to nobody else.
    assert (KEY in "".join(target.headers.values())) is (row.auth != "oauth")
    assert KEY in target.secrets


# What is never said


@pytest.mark.parametrize(
    "bad", ["", "  ", "sk canary", "sk-canary\n", "Bearer sk-canary", "sk-canär", "sk\x00canary", "\ufeffsk-canary"]
)
def test_a_key_that_cannot_be_sent_is_refused_and_not_repeated(bad: str) -> None:
    for make in (
        lambda: resolve("openai/m", env={}, api_key=bad),
        lambda: resolve("openai/m", env={}, config={"openai": {"api_key": bad}}),
        lambda: resolve("openai/m", env={}, proxy=("http://p", bad)),
    ):
        with pytest.raises(ConfigError) as caught:
            make()
        assert "canary" not in f"{caught.value!r} {caught.value} {caught.value.hint}"


def test_a_bad_key_in_a_variable_is_blamed_on_the_variable() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY holds white space"):
        resolve("openai/m", env={"OPENAI_API_KEY": f"{KEY}\n"})


@pytest.mark.parametrize("bad", [3, b"key", ["key"], True])
def test_a_key_that_is_no_string_is_a_config_error(bad: Any) -> None:
    with pytest.raises(ConfigError, match="api_key must be a string"):
        resolve("openai/m", env={}, api_key=bad)


def test_no_repr_shows_a_key() -> None:
    target = resolve("sarvam/m", env={}, api_key=KEY, headers={"X-Auth-Token": f"{KEY}-2"})
    plan = lookup._plan(find("sarvam"), "m")

    assert KEY not in repr(target) + repr(plan)
    assert target.secrets == (KEY, f"{KEY}-2")


@pytest.mark.parametrize(
    "headers", [{"X-A\n": "x"}, {"X-A": f"{KEY}\r\nX-B: 1"}, {"": "x"}, {3: "x"}, {"X-A": 3}, ["X-A"]]
)
def test_headers_that_cannot_be_sent_are_refused_and_their_values_not_repeated(headers: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("openai/m", env={"OPENAI_API_KEY": "k"}, headers=headers)

    assert KEY not in str(caught.value)


def test_errors_of_the_look_up_survive_pickling() -> None:
    with pytest.raises(MissingCredentialError) as caught:
        resolve("groq/m", env={})

    again = pickle.loads(pickle.dumps(caught.value))

    assert again.variables == ("GROQ_API_KEY",)


# Cost


def test_what_is_remembered_about_models_is_bounded() -> None:
    for number in range(lookup._MOST_PLANS + 10):
        resolve(f"llamacpp/model-{number}", env={})

    assert len(lookup._plans) <= lookup._MOST_PLANS


def test_two_look_ups_share_no_headers() -> None:
    first = resolve("openai/m", env={"OPENAI_API_KEY": "one"})
    second = resolve("openai/m", env={"OPENAI_API_KEY": "two"})

    assert replaced(first).headers["authorization"] == "Bearer one"
    assert second.headers["authorization"] == "Bearer two"


def test_plain_calls_to_openai_take_the_short_way() -> None:
    # What its row says matters to calls with tools, or to how to reason; the others are written without a question.
    assert not resolve("openai/gpt-4o-mini", api_key="k", env={}).differs


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("sap/m", "set AICORE_SERVICE_KEY or AICORE_BASE_URL with AICORE_DEPLOYMENT_ID, or pass api_base"),
        ("cloudflare-ai-gateway/m", "set CLOUDFLARE_ACCOUNT_ID with CLOUDFLARE_GATEWAY_ID, or pass api_base"),
        ("databricks/m", "set DATABRICKS_API_BASE or DATABRICKS_HOST, or pass api_base"),
    ],
)
def test_who_lacks_a_base_url_is_told_the_variables_that_make_one(model: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(
            model, env={"DATABRICKS_TOKEN": "k", "CLOUDFLARE_API_TOKEN": "k", "AICORE_SERVICE_KEY": '{"clientid": "c"}'}
        )

    assert str(caught.value).endswith(told)

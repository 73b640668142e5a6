"""What the rows of AWS make of a model's name and of the environment."""

from __future__ import annotations

from typing import Any

import pytest

from lingate._dialects._base import dialect
from lingate._dialects._format_choice import form_of
from lingate._model import Target
from lingate._providers.lookup import resolve
from lingate.errors import ConfigError, MissingCredentialError

KEY = "k" * 20
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
IMPORTED = "arn:aws:bedrock:eu-west-1:123456789012:imported-model/abc"


def at(model: str, region: str | None = "us-east-1", **env: str) -> Target:
    regions = {} if region is None else {"AWS_REGION": region}
    return resolve(model, env={**regions, **env}, api_key=KEY)


def dialect_of(target: Target, operation: Any = "chat") -> str:
    form = form_of(target, operation)
    known = (target.row.dialect, "openai_responses")
    return next(name for name in known if form in dialect(name).operations.values())


# Bedrock.


@pytest.mark.parametrize(
    ("model", "name", "dialect", "body"),
    [
        (f"bedrock/{CLAUDE}", CLAUDE, "bedrock_converse", None),
        (f"bedrock_converse/{CLAUDE}", CLAUDE, "bedrock_converse", None),
        (f"amazon-bedrock/{CLAUDE}", CLAUDE, "bedrock_converse", None),
        (f"bedrock/converse/{CLAUDE}", CLAUDE, "bedrock_converse", None),
        (f"bedrock/converse_like/{CLAUDE}", CLAUDE, "bedrock_converse", None),
        (f"bedrock/invoke/{CLAUDE}", CLAUDE, "bedrock_invoke", None),
        (f"bedrock/invoke/us-west-2/{CLAUDE}", CLAUDE, "bedrock_invoke", None),
        (f"bedrock/us-west-2/{CLAUDE}", CLAUDE, "bedrock_converse", None),
        (f"bedrock/{IMPORTED}", IMPORTED, "bedrock_converse", None),
        (f"bedrock/llama/{IMPORTED}", IMPORTED, "bedrock_invoke", "llama"),
        (f"bedrock/invoke/llama/{IMPORTED}", IMPORTED, "bedrock_invoke", "llama"),
        (f"bedrock/deepseek_r1/{IMPORTED}", IMPORTED, "bedrock_invoke", "deepseek_r1"),
        (f"bedrock/qwen3/{IMPORTED}", IMPORTED, "bedrock_invoke", "openai_chat"),
        (f"bedrock/openai/{IMPORTED}", IMPORTED, "bedrock_invoke", "openai_chat"),
        (f"bedrock/mistral/{IMPORTED}", IMPORTED, "bedrock_invoke", "mistral_text"),
        (f"bedrock/nova/{IMPORTED}", IMPORTED, "bedrock_converse", "nova"),
        (f"bedrock/nova-2/{IMPORTED}", IMPORTED, "bedrock_converse", "nova"),
        (f"bedrock/invoke/nova/{IMPORTED}", IMPORTED, "bedrock_invoke", "nova"),
        ("bedrock/amazon.titan-embed-text-v2:0", "amazon.titan-embed-text-v2:0", "bedrock_invoke", None),
        ("bedrock/cohere.rerank-v3-5:0", "cohere.rerank-v3-5:0", "bedrock_invoke", None),
    ],
)
def test_what_stands_before_a_models_id_chooses_the_format(
    model: str, name: str, dialect: str, body: str | None
) -> None:
    target = at(model)

    assert target.model == name
    assert dialect_of(target) == dialect
    assert target.traits.get("body_format") == body


@pytest.mark.parametrize(
    ("model", "host"),
    [
        (f"bedrock/{CLAUDE}", "bedrock-runtime.ap-south-1.amazonaws.com"),
        (f"bedrock/us-gov-west-1/{CLAUDE}", "bedrock-runtime.us-gov-west-1.amazonaws.com"),
        (f"bedrock/invoke/eu-west-3/{CLAUDE}", "bedrock-runtime.eu-west-3.amazonaws.com"),
        (f"bedrock/{IMPORTED}", "bedrock-runtime.eu-west-1.amazonaws.com"),
        # A model of the marketplace goes by its endpoint at SageMaker.
        ("bedrock/arn:aws:sagemaker:eu-west-1:1:endpoint/e", "bedrock-runtime.eu-west-1.amazonaws.com"),
        (f"bedrock/llama/{IMPORTED}", "bedrock-runtime.eu-west-1.amazonaws.com"),
        ("sagemaker/endpoint", "runtime.sagemaker.ap-south-1.amazonaws.com"),
        ("sagemaker_chat/endpoint", "runtime.sagemaker.ap-south-1.amazonaws.com"),
    ],
)
def test_the_host_is_in_the_region_of_the_model_or_of_the_environment(model: str, host: str) -> None:
    assert at(model, "ap-south-1").url == f"https://{host}"


@pytest.mark.parametrize("name", ["AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"])
def test_each_variable_of_the_region_counts(name: str) -> None:
    assert ".ca-central-1." in at(f"bedrock/{CLAUDE}", None, **{name: "ca-central-1"}).url


@pytest.mark.parametrize("model", [f"bedrock/{CLAUDE}", "sagemaker/endpoint"])
def test_without_a_region_there_is_an_error_that_names_the_variables(model: str) -> None:
    with pytest.raises(ConfigError, match="AWS_REGION_NAME or AWS_REGION or AWS_DEFAULT_REGION"):
        at(model, None)


def test_a_model_that_names_its_region_needs_no_variable() -> None:
    assert ".eu-west-3." in at(f"bedrock/eu-west-3/{CLAUDE}", None).url
    assert ".eu-west-1." in at(f"bedrock/{IMPORTED}", None).url


@pytest.mark.parametrize("name", ["AWS_BEDROCK_RUNTIME_ENDPOINT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"])
def test_an_address_of_the_users_own_is_used(name: str) -> None:
    url = "https://vpce-1.bedrock-runtime.us-west-2.vpce.amazonaws.com"

    assert at(f"bedrock/{CLAUDE}", None, **{name: url}).url == url


@pytest.mark.parametrize(
    ("model", "operation", "dialect"),
    [
        (CLAUDE, "count_tokens", "bedrock_converse"),
        (f"invoke/{CLAUDE}", "count_tokens", "bedrock_invoke"),
        ("cohere.embed-v4:0", "embeddings", "bedrock_invoke"),
        ("us-east-1/amazon.titan-embed-text-v2:0", "embeddings", "bedrock_invoke"),
        ("amazon.rerank-v1:0", "rerank", "bedrock_invoke"),
    ],
)
def test_each_operation_goes_out_in_a_format_that_has_it(model: str, operation: Any, dialect: str) -> None:
    assert dialect_of(at(f"bedrock/{model}"), operation) == dialect


# Mantle.


@pytest.mark.parametrize(
    ("model", "dialect", "path"),
    [
        ("openai.gpt-oss-120b", "openai_chat", "/v1"),
        ("gpt-oss-20b", "openai_chat", "/v1"),
        ("qwen.qwen3-32b", "openai_chat", "/v1"),
        ("openai.gpt-5.4", "openai_responses", "/openai/v1"),
        ("google.gemma-4-31b", "openai_chat", "/openai/v1"),
        ("anthropic.claude-opus-4-7", "anthropic", "/anthropic"),
    ],
)
def test_mantle_asks_each_model_in_its_own_format(model: str, dialect: str, path: str) -> None:
    target = at(f"bedrock_mantle/{model}", "us-west-2")

    assert dialect_of(target) == dialect
    assert target.url == f"https://bedrock-mantle.us-west-2.api.aws{path}"
    assert target.headers["authorization"] == f"Bearer {KEY}"


def test_mantle_has_a_region_without_any_variable() -> None:
    assert resolve(
        "bedrock_mantle/qwen.qwen3-32b", env={"AWS_DEFAULT_REGION": "eu-west-1", "BEDROCK_MANTLE_API_KEY": KEY}
    ).url.startswith("https://bedrock-mantle.eu-west-1.")
    assert at("bedrock_mantle/qwen.qwen3-32b", None).url == "https://bedrock-mantle.us-east-1.api.aws/v1"


# Credentials.


@pytest.mark.parametrize(
    "model", [f"bedrock/{CLAUDE}", "sagemaker/e", "bedrock_mantle/qwen.qwen3-32b", f"bedrock/invoke/{CLAUDE}"]
)
def test_a_key_is_a_plain_bearer_token_and_everything_else_a_signature(model: str) -> None:
    made: list[tuple[str, str]] = []

    def sign(auth: str, row: Any, env: Any, key: str | None, url: str) -> Any:
        made.append((auth.partition(":")[0], url))

    plain = resolve(model, env={"AWS_REGION": "us-east-1"}, api_key=KEY, sign=sign)
    assert plain.headers["authorization"] == f"Bearer {KEY}"
    assert made == []

    signed = resolve(model, env={"AWS_REGION": "us-east-1"}, sign=sign)
    assert "authorization" not in signed.headers
    assert made == [("aws", signed.url)]


def test_bedrocks_bearer_token_is_not_sagemakers() -> None:
    env = {"AWS_REGION": "us-east-1", "AWS_BEARER_TOKEN_BEDROCK": KEY}

    assert resolve(f"bedrock/{CLAUDE}", env=env).headers["authorization"] == f"Bearer {KEY}"
    assert resolve("bedrock_mantle/qwen.qwen3-32b", env=env).headers["authorization"] == f"Bearer {KEY}"
    with pytest.raises(MissingCredentialError):
        resolve("sagemaker/e", env=env)

# THE TABLE, continued: what runs on AWS. Data only, as in `rows.py`, which includes these.

from __future__ import annotations

from lingate._model import ModelRule, ProviderRow, Traits
from lingate._providers.rows_cloud import CLAUDE_BETAS

_REGION = "{AWS_REGION_NAME|AWS_REGION|AWS_DEFAULT_REGION}"
_A_REGION = r"[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}"

# Any of these says that signing in works; without them there may still be a default profile, or a role of the machine.
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE_NAME",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)

# Neither cache points nor a say in whether a tool is called: https://docs.aws.amazon.com/bedrock/latest/userguide,
# "prompt-caching" and "conversation-inference-supported-models-features"; pydantic-ai has the same list.
_PLAIN: Traits = {"cache_control": False, "tool_choice_required": "auto"}
_OTHERS = (
    r"(?:.*[./])?(?:ai21|cohere|deepseek|google|meta|minimax|mistral|moonshot(?:ai)?|nvidia|openai|qwen|writer|zai|llama\d?"
    r"|titan|amazon\.titan)\b"
)

_BETAS: Traits = {"betas": f"(?:{CLAUDE_BETAS}|effort|tool-examples|tool-search-tool)-.+"}

BEDROCK_MODELS = (
    ModelRule(pattern=rf"{_OTHERS}.*", traits=_PLAIN),
    ModelRule(pattern=r".*claude.*", traits=_BETAS),
    # Neither schemas nor `strict` tools here, unlike at their maker's (pydantic-ai, BerriAI/litellm#31582, vercel/ai#17919,
    # presenton/presenton#939, of 5.5 and 5.1 lobehub/lobehub#19876).
    ModelRule(pattern=r".*claude-(?:opus-(?:4-[178]|5)|fable-5|sonnet-5(?!-\d\b))\b.*", traits={"structured": "tool"}),
    ModelRule(
        pattern=(
            r".*(?:qwen3|magistral-small|ministral-3|mistral-large-3|voxtral|gemma-3-(?:12b|27b)|minimax-m2|nemotron-nano).*"
        ),
        traits={"structured": "json_schema"},
    ),
    # vercel/ai#11802, anomalyco/opencode#48843.
    ModelRule(pattern=r"(?:.*[./])?mistral\..*", traits={"call_ids": "[a-zA-Z0-9]{9}"}),
    ModelRule(pattern=r".*gpt-oss.*", traits={"think_tags": True}),
    # How each says how much it thinks: LiteLLM 1.109 and pydantic-ai, the last two recorded.
    ModelRule(pattern=r".*nova-[2-9]\b.*", traits={"reasoning_param": "reasoning_config"}),
    ModelRule(
        pattern=r".*(?:nova-(?:micro|lite|pro|premier)|titan|deepseek[./]r1).*", traits={"reasoning_param": "none"}
    ),
    ModelRule(pattern=r".*deepseek[./]r1.*", traits={"reasoning_history": "reasoning_content"}),
    ModelRule(pattern=r".*openai\.gpt-\d.*", traits={"reasoning_param": "reasoning", "sampling": "none"}),
    ModelRule(pattern=r".*qwen.*", traits={"reasoning_param": "reasoning_config"}),
    ModelRule(pattern=r".*gpt-oss.*", traits={"reasoning_param": "reasoning_effort"}),
)
"""What differs for models on Bedrock, whatever the format they are asked in."""

_OF_THE_USERS_OWN = {
    "anthropic": "anthropic",
    "titan": "titan",
    "llama": "llama",
    "cohere": "cohere",
    "mistral": "mistral_text",
    "ai21": "jurassic",
    "deepseek_r1": "deepseek_r1",
    "openai": "openai_chat",
    "qwen2": "openai_chat",
    "qwen3": "openai_chat",
    "moonshot": "openai_chat",
}
"""What LiteLLM has users write before the ARN of an imported model, and the body that such a model takes."""

_BEDROCK_RULES = (
    *BEDROCK_MODELS,
    # LiteLLM's routes: bedrock/<route>/<region>/<model>, each part but the last optional.
    ModelRule(pattern=rf"(?:(?:converse(?:_like)?|invoke)/)?(?:{_A_REGION}/)?(.+)", model=r"\1"),
    ModelRule(pattern=rf"(?:\w+/)?({_A_REGION})/.+", url=r"https://bedrock-runtime.\1.amazonaws.com"),
    ModelRule(
        # SageMaker's endpoints are models of Bedrock's marketplace: docs.aws.amazon.com/bedrock, "bedrock-marketplace".
        pattern=rf"(?:\w+/)*arn:aws[a-z-]*:(?:bedrock|sagemaker):({_A_REGION}):.+",
        url=r"https://bedrock-runtime.\1.amazonaws.com",
    ),
    ModelRule(pattern=r"invoke/.+", dialect="bedrock_invoke"),
    # Converse neither embeds nor ranks.
    ModelRule(pattern=r"(?!converse/).*(?:embed|rerank).*", dialect="bedrock_invoke"),
    ModelRule(pattern=r"nova(?:-2)?/(.+)", model=r"\1", traits={"body_format": "nova"}),
    *(
        ModelRule(
            pattern=rf"(?:invoke/)?{prefix}/(.+)", model=r"\1", dialect="bedrock_invoke", traits={"body_format": body}
        )
        for prefix, body in _OF_THE_USERS_OWN.items()
    ),
    ModelRule(pattern=r"invoke/nova(?:-2)?/(.+)", model=r"\1", traits={"body_format": "nova"}),
)

_MANTLE_REGION = "{BEDROCK_MANTLE_REGION|AWS_REGION_NAME|AWS_REGION|AWS_DEFAULT_REGION=us-east-1}"

AWS_DEFAULTS = {
    "bedrock_converse": ProviderRow(
        "custom",
        dialect="bedrock_converse",
        auth="bearer|aws:bedrock",
        sign_env=_CREDENTIALS,
        operations=("chat", "count_tokens"),
        models=BEDROCK_MODELS,
    ),
    "bedrock_invoke": ProviderRow(
        "custom",
        dialect="bedrock_invoke",
        auth="bearer|aws:bedrock",
        sign_env=_CREDENTIALS,
        operations=("chat", "embeddings", "rerank", "count_tokens"),
        models=BEDROCK_MODELS,
        traits={"default_max_tokens": 4096},
    ),
    "sagemaker": ProviderRow(
        "custom",
        dialect="sagemaker",
        auth="bearer|aws:sagemaker",
        sign_env=_CREDENTIALS,
        operations=("chat", "embeddings"),
    ),
}
"""What a provider of the user's own begins with, for the formats of AWS."""

AWS = (
    ProviderRow(
        "anthropic-aws",
        "Claude Platform on AWS",
        "https://aws-external-anthropic.{AWS_REGION_NAME|AWS_REGION|AWS_DEFAULT_REGION}.api.aws",
        ("ANTHROPIC_AWS_API_KEY",),
        ("chat", "count_tokens"),
        dialect="anthropic",
        sign_env=_CREDENTIALS,
        url_env=("ANTHROPIC_AWS_BASE_URL",),
        auth="header:x-api-key|aws:aws-external-anthropic",
        headers={"anthropic-version": "2023-06-01", "anthropic-workspace-id": "{ANTHROPIC_AWS_WORKSPACE_ID}"},
        prices="anthropic",
        note="Needs the workspace's id in ANTHROPIC_AWS_WORKSPACE_ID.",
    ),
    ProviderRow(
        "bedrock",
        "Amazon Bedrock",
        f"https://bedrock-runtime.{_REGION}.amazonaws.com",
        ("AWS_BEARER_TOKEN_BEDROCK",),
        ("chat", "embeddings", "rerank", "count_tokens"),
        dialect="bedrock_converse",
        sign_env=_CREDENTIALS,
        url_env=("AWS_BEDROCK_RUNTIME_ENDPOINT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
        auth="bearer|aws:bedrock",
        aliases=("bedrock_converse", "amazon-bedrock"),
        # Nova costs 30 % more in Europe and 20 % more for governments; Llama 68 % more in Brazil.
        traits={
            "tool_names": "[a-zA-Z0-9_-]{1,64}",
            "away": r"(?:^|/)(us-gov|eu|apac?|jp|au|ca|sa|(?!us-[ew])[a-z]{2}(?:-gov)?-[a-z]+-\d)[./]",
        },
        models=_BEDROCK_RULES,
        prices="aws",
        note=(
            "Models go by id, inference profile or ARN. invoke/<model> uses the model's own format instead of Converse, "
            "<region>/<model> another region than the environment's."
        ),
        otel="aws.bedrock",
    ),
    # Official packages of Anthropic sign for bedrock-mantle, LiteLLM for bedrock; AWS's own documentation names the first.
    ProviderRow(
        "bedrock_mantle",
        "Amazon Bedrock Mantle (OpenAI-compatible)",
        f"https://bedrock-mantle.{_MANTLE_REGION}.api.aws/v1",
        ("BEDROCK_MANTLE_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"),
        ("chat", "responses", "models"),
        sign_env=_CREDENTIALS,
        url_env=("BEDROCK_MANTLE_API_BASE",),
        auth="bearer|aws:bedrock-mantle",
        models=(
            # LiteLLM 1.109, the first recorded: GPT models other than the open ones answer at /responses only.
            ModelRule(
                pattern=r"(?:openai\.)?gpt-(?!oss).*|google\.gemma-4.*",
                url=f"https://bedrock-mantle.{_MANTLE_REGION}.api.aws/openai/v1",
            ),
            ModelRule(pattern=r"(?:openai\.)?gpt-(?!oss).*", dialect="openai_responses"),
            # Claude in Anthropic's format; schemas are refused there: "claude-messages-structured-outputs" in AWS's guide.
            ModelRule(
                pattern=r".*claude.*",
                dialect="anthropic",
                url=f"https://bedrock-mantle.{_MANTLE_REGION}.api.aws/anthropic",
                traits={"structured": "tool", **_BETAS},
            ),
        ),
        prices="aws",
        note=(
            "Chats with GPT models other than the open ones go out in the Responses format, those with Claude models in "
            "Anthropic's, all others in OpenAI's."
        ),
        otel="aws.bedrock",
    ),
    ProviderRow(
        "sagemaker",
        "Amazon SageMaker (TGI containers)",
        f"https://runtime.sagemaker.{_REGION}.amazonaws.com",
        dialect="sagemaker",
        sign_env=_CREDENTIALS,
        url_env=("SAGEMAKER_ENDPOINT_URL", "SAGEMAKER_BASE_URL"),
        auth="bearer|aws:sagemaker",
        operations=("chat", "embeddings"),
        traits={"body_format": "prompt"},
        note=(
            "The model is the endpoint's name. The prompt goes as plain text; sagemaker_chat is for containers that take "
            "messages."
        ),
    ),
    ProviderRow(
        "sagemaker_chat",
        "Amazon SageMaker (Messages API containers)",
        f"https://runtime.sagemaker.{_REGION}.amazonaws.com",
        dialect="sagemaker",
        sign_env=_CREDENTIALS,
        url_env=("SAGEMAKER_ENDPOINT_URL", "SAGEMAKER_BASE_URL"),
        auth="bearer|aws:sagemaker",
        traits={"body_format": "openai_chat"},
        note="The model is the endpoint's name.",
    ),
    ProviderRow(
        "sagemaker_nova",
        "Amazon SageMaker (Nova)",
        f"https://runtime.sagemaker.{_REGION}.amazonaws.com",
        dialect="sagemaker",
        sign_env=_CREDENTIALS,
        url_env=("SAGEMAKER_ENDPOINT_URL", "SAGEMAKER_BASE_URL"),
        auth="bearer|aws:sagemaker",
        traits={"body_format": "openai_chat"},
        note="The model is the endpoint's name.",
    ),
)

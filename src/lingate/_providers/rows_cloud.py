# THE TABLE, continued: the clouds other than AWS, and hosts that are signed in to or spoken to in a format of their own.
#
# Data only, as in `rows.py`, which includes these.

from __future__ import annotations

from lingate._model import ModelRule, ProviderRow, TokenExchange, Traits

_EFFORTS_TO_XHIGH = ("none", "minimal", "low", "medium", "high", "xhigh")
# 400 "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40", and "Image URLs
# are only allowed for messages with role 'user', but this message with role 'tool' contains an image URL".
OPENAI_TOOLS: Traits = {"tool_names": "[a-zA-Z0-9_-]{1,64}", "call_ids": ".{1,40}", "tool_media": False}
SAMPLING = ("top_k", "min_p", "repetition_penalty")
"""Of other formats and of servers for open weights: Gemini CLI sends one always, Ollama's clients another."""
# "Unknown parameter: 'response_format'": they answer in base64 alone.
# 400 "Function tools with reasoning_effort are not supported for gpt-5.6 in /v1/chat/completions", from 5.6 on also where no effort
# is asked for: danny-avila/LibreChat#14231, BerriAI/litellm#34569; at Azure too: aaif-goose/goose#9825.
TOOLS_BY_RESPONSES = (
    ModelRule(pattern=r"(?:.*\W)?gpt-5\.[45](?!\d|.*chat).*", traits={"tools_by_responses": "asked"}),
    ModelRule(pattern=r"(?:.*\W)?gpt-(?:5\.[6-9]|[6-9]|1\d)(?!.*chat).*", traits={"tools_by_responses": "always"}),
)
OPENAI_IMAGES = ModelRule(pattern=r"(?:chatgpt|gpt)-image.*", unsupported=("response_format",))
_CLAUDE_LIMIT: Traits = {"default_max_tokens": 4096}

# Any of these says that signing in works; without them there may still be a managed identity, or `az login`.
_ENTRA = ("AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_USERNAME", "IDENTITY_ENDPOINT")
_ENTRA_TOKENS = ("AZURE_AD_TOKEN", "AZURE_OPENAI_AD_TOKEN")

# The names of deployments are their owners'; LiteLLM's prefixes say what is behind them.
_AZURE_MODELS = (
    ModelRule(
        pattern=r"o_series/(.+)", model=r"\1", traits={"max_tokens_param": "max_completion_tokens", "sampling": "none"}
    ),
    ModelRule(
        pattern=r"gpt5_series/(.+)",
        model=r"\1",
        traits={"max_tokens_param": "max_completion_tokens", "sampling": "none", "max_stop": 0},
    ),
    ModelRule(pattern=r"responses/(.+)", model=r"\1", dialect="azure_responses"),
    ModelRule(
        pattern=r"(?:(?:o\d|gpt-\d+(?:\.\d+)?)-pro(?:-\d{4}-\d\d-\d\d)?|.*(?:codex|deep-research|computer-use-preview).*)",
        dialect="azure_responses",
    ),
    *TOOLS_BY_RESPONSES,
    OPENAI_IMAGES,
)

CLAUDE_BETAS = (
    "compact|computer-use|context-1m|context-management|dev-full-thinking|fine-grained-tool-streaming"
    "|interleaved-thinking|output-128k|thinking-binding-controls|token-efficient-tools"
)
"""What AWS and Google know of the features that clients ask of any host; of others they say 400 "invalid beta flag" and
"Unexpected value(s)" (anthropics/claude-code#56595, anthropics/claude-agent-sdk-typescript#307)."""

VERTEX_PUBLISHERS = (
    ModelRule(
        pattern=r"(?:anthropic/)?(claude-.+)",
        model=r"\1",
        dialect="vertex_anthropic",
        traits={"betas": f"(?:{CLAUDE_BETAS}|tool-search-tool)-.+"},
    ),
    ModelRule(
        pattern=r"(?:mistralai/)?((?:mistral|ministral|magistral|codestral)-.+)",
        model=r"publishers/mistralai/models/\1",
        dialect="vertex_openai",
        traits={
            "max_tokens_param": "max_tokens",
            "tool_choice_required": "any",
            "tool_schema_drop": ("$id", "$schema", "additionalProperties", "strict"),
            "stream_usage": False,
            "strict_schema": True,
            "names": "tool",
        },
    ),
    ModelRule(
        pattern=r"(?:ai21/)?(jamba-.+)",
        model=r"publishers/ai21/models/\1",
        dialect="vertex_openai",
        traits={"stream_usage": False},
    ),
    # Llama, DeepSeek, Qwen, gpt-oss, Kimi, GLM, MiniMax, Grok: publisher and name.
    ModelRule(
        pattern=r"(?!(?:anthropic|mistralai|ai21|google|publishers|endpoints|models|tunedModels|projects)/)[\w-]+/[^/]+",
        dialect="vertex_openai",
    ),
)
"""Models on Vertex AI that are not Google's, and the formats they are asked in."""

CLOUD_DEFAULTS = {
    "azure_openai": ProviderRow(
        "custom",
        dialect="azure_openai",
        auth="header:api-key",
        operations=("chat", "embeddings", "models", "responses"),
        query={"api-version": "{AZURE_API_VERSION}"},
    ),
    "azure_responses": ProviderRow(
        "custom",
        dialect="azure_responses",
        auth="header:api-key",
        operations=("chat", "responses"),
        query={"api-version": "{AZURE_API_VERSION}"},
    ),
    "azure_inference": ProviderRow(
        "custom",
        dialect="azure_inference",
        auth="header:api-key",
        operations=("chat", "embeddings", "responses"),
        query={"api-version": "{AZURE_AI_API_VERSION}"},
    ),
    "azure_anthropic": ProviderRow(
        "custom",
        dialect="azure_anthropic",
        auth="header:api-key",
        operations=("chat", "count_tokens"),
        traits=_CLAUDE_LIMIT,
    ),
    "vertex_anthropic": ProviderRow(
        "custom", dialect="vertex_anthropic", auth="google", operations=("chat", "count_tokens"), traits=_CLAUDE_LIMIT
    ),
    "vertex_openai": ProviderRow("custom", dialect="vertex_openai", auth="google"),
    "watsonx_chat": ProviderRow(
        "custom", dialect="watsonx_chat", auth="none", query={"version": "{WATSONX_API_VERSION=2024-03-13}"}
    ),
    "gigachat_chat": ProviderRow(
        "custom", dialect="gigachat_chat", auth="none", operations=("chat", "embeddings", "models")
    ),
    "sap_orchestration": ProviderRow("custom", dialect="sap_orchestration", auth="none"),
    "tgi_generate": ProviderRow("custom", dialect="tgi_generate", auth="none"),
    "replicate_predictions": ProviderRow("custom", dialect="replicate_predictions"),
    "nlpcloud_generation": ProviderRow("custom", dialect="nlpcloud_generation", auth="scheme:Token"),
    "langgraph_runs": ProviderRow("custom", dialect="langgraph_runs", auth="none"),
    "langflow_run": ProviderRow("custom", dialect="langflow_run", auth="header:x-api-key"),
    "a2a_message": ProviderRow("custom", dialect="a2a_message", auth="none"),
}

CLOUD = (
    ProviderRow(
        "a2a",
        "A2A agents",
        dialect="a2a_message",
        key_env=("A2A_API_KEY",),
        url_env=("A2A_API_BASE",),
        auth="none",
        note=(
            "An agent, not a model: the base URL is the agent's own, and the model is a name for it. No source names "
            "variables; these follow the usual pattern."
        ),
    ),
    ProviderRow(
        "azure",
        "Azure OpenAI",
        "https://{AZURE_RESOURCE_NAME}.openai.azure.com",
        ("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
        ("chat", "responses", "embeddings", "completions", "images", "transcription", "speech", "models"),
        dialect="azure_openai",
        token_env=_ENTRA_TOKENS,
        sign_env=_ENTRA,
        url_env=("AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT"),
        auth="header:api-key|azure:https://cognitiveservices.azure.com/.default",
        aliases=("azureopenai",),
        query={"api-version": "{AZURE_API_VERSION|AZURE_OPENAI_API_VERSION|OPENAI_API_VERSION}"},
        unsupported=SAMPLING,
        traits={**OPENAI_TOOLS, "custom_tools": True, "most_inputs": 2048},
        models=_AZURE_MODELS,
        note=(
            "The model is the deployment's name. An API version that is a date asks at /openai/deployments, none, `v1` or "
            "`preview` at /openai/v1. Where the name does not tell that a deployment reasons, write o_series/<name> or "
            "gpt5_series/<name>. Signing in takes the extra `azure`."
        ),
        otel="azure.ai.openai",
    ),
    ProviderRow(
        "azure_ai",
        "Microsoft Foundry Models (Azure AI)",
        "https://{AZURE_AI_RESOURCE|ANTHROPIC_FOUNDRY_RESOURCE}.services.ai.azure.com",
        ("AZURE_AI_API_KEY", "ANTHROPIC_FOUNDRY_API_KEY"),
        ("chat", "embeddings", "responses", "count_tokens"),
        dialect="azure_inference",
        token_env=_ENTRA_TOKENS,
        sign_env=_ENTRA,
        url_env=("AZURE_AI_API_BASE", "AZURE_AI_CHAT_ENDPOINT", "ANTHROPIC_FOUNDRY_BASE_URL"),
        auth="header:api-key|azure:https://ai.azure.com/.default",
        aliases=("azureanthropic",),
        query={"api-version": "{AZURE_AI_API_VERSION}"},
        models=(
            ModelRule(pattern=r".*claude.*", dialect="azure_anthropic"),
            *TOOLS_BY_RESPONSES,
            # Refused as unknown (BerriAI/litellm).
            ModelRule(pattern=r".*(?:mistral|ministral|codestral).*", traits={"max_tokens_param": "max_tokens"}),
        ),
        note=(
            "The model is the deployment's name; those with claude in it are asked in Anthropic's format. An API version "
            "that is a date, or a base URL that ends in /models, asks at the older Model Inference surface."
        ),
        otel="azure.ai.inference",
    ),
    # Its own format, at /models/v2/{org}/{model}, has no tools; the vendor documents this one for OpenAI's clients.
    ProviderRow("bytez", "Bytez", "https://api.bytez.com/models/v2/openai/v1", ("BYTEZ_API_KEY",)),
    ProviderRow(
        "cloudflare",
        "Cloudflare Workers AI",
        "https://api.cloudflare.com/client/v4/accounts/{CLOUDFLARE_ACCOUNT_ID}/ai/v1",
        ("CLOUDFLARE_API_KEY", "CLOUDFLARE_API_TOKEN"),
        ("chat", "embeddings", "responses", "transcription"),
        url_env=("CLOUDFLARE_API_BASE",),
        aliases=("cloudflare-workers-ai",),
        traits={"most_inputs": 100},
        error_kinds=dict.fromkeys(("5023", "5024", "5025"), "bad_request")
        | {"7000": "not_found", "7003": "not_found", "10001": "auth"},
        note="Models look like @cf/meta/llama-3.1-8b-instruct. A base URL from the user ends in /ai/v1, not in /ai/run.",
    ),
    ProviderRow(
        "databricks",
        "Databricks Model Serving",
        key_env=("DATABRICKS_API_KEY", "DATABRICKS_TOKEN"),
        sign_env=("DATABRICKS_CLIENT_ID",),
        url_env=("DATABRICKS_API_BASE", "DATABRICKS_HOST"),
        url_tail="/serving-endpoints",
        auth="bearer|oauth",
        exchange=TokenExchange(
            url="{origin}/oidc/v1/token",
            form={"grant_type": "client_credentials", "scope": "all-apis"},
            headers={"authorization": "Basic {basic}"},
            client_id="{DATABRICKS_CLIENT_ID}",
            client_secret="{DATABRICKS_CLIENT_SECRET}",  # noqa: S106 - a template
        ),
        operations=("chat", "completions", "embeddings", "responses"),
        traits={"names": "none", "text_content": True},
        models=(
            ModelRule(
                pattern=r".*(?:claude|gemini-2).*",
                traits={"reasoning_param": "thinking", "reasoning_history": "thinking_blocks"},
            ),
            ModelRule(pattern=r".*claude.*", traits={"structured": "tool", "max_tokens_param": "max_tokens"}),
        ),
        quirks=("thinking_budget", "reasoning_blocks"),
        note=(
            "The AI gateway, which knows models by catalog.schema.name, has the base <host>/ai-gateway/mlflow/v1. A service "
            "principal signs in with DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET."
        ),
    ),
    ProviderRow(
        "gigachat",
        "GigaChat (Sber)",
        "https://gigachat.devices.sberbank.ru/api/v1",
        ("GIGACHAT_CREDENTIALS", "GIGACHAT_API_KEY"),
        ("chat", "embeddings", "models"),
        dialect="gigachat_chat",
        token_env=("GIGACHAT_ACCESS_TOKEN",),
        url_env=("GIGACHAT_API_BASE",),
        # More tokens than the model takes: developers.sber.ru/docs/ru/gigachat/api/errors-description
        error_kinds={"status:413": "context_window"},
        auth="oauth",
        exchange=TokenExchange(
            url="{GIGACHAT_AUTH_URL=https://ngw.devices.sberbank.ru:9443/api/v2/oauth}",
            form={"scope": "{GIGACHAT_SCOPE=GIGACHAT_API_PERS}"},
            headers={"authorization": "Basic {key}", "rquid": "{uuid}"},
        ),
        unsupported=("stop", "n", "parallel_tool_calls", "logprobs", "seed"),
        traits={"structured": "tool", "stream_usage": False, "late_system": "user", "max_tokens_param": "max_tokens"},
        note=(
            "The key is the authorization data of the personal account. GIGACHAT_SCOPE is GIGACHAT_API_PERS, _B2B or _CORP. The "
            "host's certificates are of a Russian authority, which the system must know."
        ),
    ),
    ProviderRow(
        "huggingface",
        "Hugging Face Inference Providers",
        "https://router.huggingface.co/v1",
        ("HF_TOKEN", "HUGGINGFACE_API_KEY"),
        ("chat", "embeddings", "rerank", "responses", "models"),
        url_env=("HF_API_BASE", "HUGGINGFACE_API_BASE"),
        url_tail="/v1",
        # Streams come as each provider writes them, and not all of these write [DONE] (recorded for Cerebras).
        traits={"efforts": _EFFORTS_TO_XHIGH, "stream_end": "finish", "most_inputs": 32},
        # Rankings are those of Text Embeddings Inference.
        paths={"rerank": "/../rerank"},
        rename={"documents": "texts", "return_documents": "return_text"},
        # LiteLLM's form, <provider>/<org>/<name>, in the router's own: <org>/<name>:<provider>.
        models=(ModelRule(pattern=r"([\w-]+)/([^/]+/[^/:]+)", model=r"\2:\1"),),
        note=(
            "Dedicated endpoints and TGI servers have a base URL of their own, and embeddings and rankings always (TEI); "
            "containers without the Messages API speak the format tgi_generate (config: dialect)."
        ),
    ),
    ProviderRow(
        "langflow",
        "Langflow",
        "http://localhost:7860",
        ("LANGFLOW_API_KEY",),
        dialect="langflow_run",
        url_env=("LANGFLOW_API_BASE",),
        auth="header:x-api-key",
        local=True,
        note="A server of flows: the model is the flow's id. session_id continues a conversation.",
    ),
    ProviderRow(
        "langgraph",
        "LangGraph Platform",
        "http://localhost:2024",
        ("LANGGRAPH_API_KEY",),
        dialect="langgraph_runs",
        url_env=("LANGGRAPH_API_BASE",),
        headers={"x-api-key": "{key}"},
        local=True,
        note="A server of agents: the model is the assistant's id. Agents call their own tools.",
    ),
    ProviderRow(
        "nlp_cloud",
        "NLP Cloud",
        "https://api.nlpcloud.io/v1/gpu",
        ("NLP_CLOUD_API_KEY",),
        dialect="nlpcloud_generation",
        url_env=("NLP_CLOUD_API_BASE",),
        auth="scheme:Token",
        note="Prompts and texts, without tools or streams.",
    ),
    ProviderRow(
        "oci",
        "Oracle OCI Generative AI",
        "https://inference.generativeai.{OCI_REGION=us-chicago-1}.oci.oraclecloud.com/openai/v1",
        ("OCI_GENAI_API_KEY",),
        ("chat", "responses"),
        url_env=("OCI_API_BASE",),
        headers={"opc-compartment-id": "{OCI_COMPARTMENT_ID}"},
        note=(
            "The key is an API key of the Generative AI service; no source names a variable for it. Requests signed with an "
            "IAM key, and the native format, are not made here."
        ),
    ),
    # LiteLLM uses the older /generate; this is the same server's OpenAI format.
    ProviderRow(
        "predibase",
        "Predibase",
        "https://serving.app.predibase.com/{PREDIBASE_TENANT_ID}",
        ("PREDIBASE_API_KEY",),
        url_env=("PREDIBASE_API_BASE",),
        paths={"chat": "/deployments/v2/llms/{model}/v1/chat/completions"},
        note="A base URL from the user ends in the tenant's id.",
    ),
    ProviderRow(
        "replicate",
        "Replicate",
        "https://api.replicate.com/v1",
        ("REPLICATE_API_KEY", "REPLICATE_API_TOKEN"),
        dialect="replicate_predictions",
        url_env=("REPLICATE_API_BASE",),
        note=(
            "Prompts and texts, without tools; what a model takes besides goes into its input as "
            "keyword arguments. A model is owner/name, owner/name:version or deployments/owner/name."
        ),
    ),
    ProviderRow(
        "sap",
        "SAP AI Core / Generative AI Hub",
        (
            "{KEY_SERVICEURLS_AI_API_URL|KEY_CREDENTIALS_SERVICEURLS_AI_API_URL|AICORE_BASE_URL}"
            "/v2/inference/deployments/{AICORE_DEPLOYMENT_ID}"
        ),
        ("AICORE_SERVICE_KEY",),
        dialect="sap_orchestration",
        sign_env=("AICORE_CLIENT_ID",),
        auth="oauth",
        exchange=TokenExchange(
            url="{KEY_URL|KEY_CREDENTIALS_URL|AICORE_AUTH_URL}",
            form={"grant_type": "client_credentials"},
            headers={"authorization": "Basic {basic}"},
            client_id="{KEY_CLIENTID|KEY_CREDENTIALS_CLIENTID|AICORE_CLIENT_ID}",
            client_secret="{KEY_CLIENTSECRET|KEY_CREDENTIALS_CLIENTSECRET|AICORE_CLIENT_SECRET}",  # noqa: S106 - a template
            key_json=True,
        ),
        headers={"ai-resource-group": "{AICORE_RESOURCE_GROUP=default}"},
        aliases=("sap-ai-core",),
        traits={"stream_usage": False},
        note=(
            "The deployment of the orchestration service is not looked up: set AICORE_DEPLOYMENT_ID, or pass its URL as "
            "api_base. Client certificates are not done."
        ),
    ),
    ProviderRow(
        "snowflake",
        "Snowflake Cortex",
        "https://{SNOWFLAKE_ACCOUNT_ID|SNOWFLAKE_ACCOUNT}.snowflakecomputing.com/api/v2/cortex/v1",
        ("SNOWFLAKE_JWT", "SNOWFLAKE_TOKEN", "SNOWFLAKE_CORTEX_PAT"),
        ("chat", "embeddings"),
        url_env=("SNOWFLAKE_API_BASE",),
        url_tail="/api/v2/cortex/v1",
        aliases=("snowflake-cortex",),
        traits={
            "max_tokens_param": "max_completion_tokens",
            "reasoning_history": "reasoning_details",
            "tool_schema_drop": ("strict",),
        },
        paths={"embeddings": "/../inference:embed"},
        # `reasoning_effort` is for OpenAI's models; Claude's are asked as recorded.
        models=(ModelRule(pattern=r"claude.*", traits={"reasoning_param": "reasoning"}),),
        quirks=("marked_token", "listed_texts"),
        note="A key may be marked as a programmatic access token by a leading pat/. Answers have 16,384 tokens at most.",
    ),
    ProviderRow(
        "snowflake_anthropic",
        "Snowflake Cortex (Claude)",
        "https://{SNOWFLAKE_ACCOUNT_ID|SNOWFLAKE_ACCOUNT}.snowflakecomputing.com/api/v2/cortex",
        ("SNOWFLAKE_JWT", "SNOWFLAKE_TOKEN", "SNOWFLAKE_CORTEX_PAT"),
        ("chat",),
        dialect="anthropic",
        url_env=("SNOWFLAKE_API_BASE",),
        url_tail="/api/v2/cortex",
        traits=_CLAUDE_LIMIT,
        quirks=("marked_token",),
        note="The same account in Anthropic's format, which only Claude models speak there.",
    ),
    ProviderRow(
        "watsonx",
        "IBM watsonx.ai",
        "https://{WATSONX_REGION|WX_REGION}.ml.cloud.ibm.com",
        ("WATSONX_APIKEY", "WATSONX_API_KEY", "WX_API_KEY"),
        dialect="watsonx_chat",
        token_env=("WATSONX_TOKEN",),
        sign_env=("WATSONX_ZENAPIKEY",),
        url_env=("WATSONX_API_BASE", "WATSONX_URL", "WX_URL", "WML_URL"),
        auth="oauth",
        exchange=TokenExchange(
            url="{WATSONX_IAM_URL=https://iam.cloud.ibm.com/identity/token}",
            form={"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": "{key}"},
        ),
        # On one's own premises.
        headers={"authorization": "ZenApiKey {WATSONX_ZENAPIKEY}"},
        query={"version": "{WATSONX_API_VERSION=2024-03-13}"},
        unsupported=("parallel_tool_calls", "store", "service_tier"),
        traits={"tool_schema_drop": ("strict", "additionalProperties"), "stream_usage": False, "stream_end": "finish"},
        body={
            "project_id": "{WATSONX_PROJECT_ID|WX_PROJECT_ID}",
            "space_id": "{WATSONX_DEPLOYMENT_SPACE_ID|WATSONX_SPACE_ID|WX_SPACE_ID}",
        },
        note=(
            "A project or a space is needed: WATSONX_PROJECT_ID, or project_id of the call. A model deployment/<id> is a "
            "deployment. The model gateway in OpenAI's format is at /ml/gateway/v1."
        ),
        otel="ibm.watsonx.ai",
    ),
)
"""These providers, by name."""

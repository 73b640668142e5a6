# THE TABLE, continued: providers that have a wire format of their own. Data only, as in `rows.py`, which includes these.

from __future__ import annotations

from lingate._model import ModelRule, ProviderRow, Traits
from lingate._providers.rows_cloud import VERTEX_PUBLISHERS

# By generation. From 3 on models think by levels, sign what they think and take JSON schemas beside tools; 2.5 thinks by
# a number of tokens; what came before does not think. Gemma has neither system text nor tools.
# https://ai.google.dev/gemini-api/docs/{thinking,structured-output,models}
_BEFORE_3: Traits = {"thinking": "none", "structured": "json_schema_alone"}
_NEWEST: Traits = {"thinking": "level", "tool_names": "[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}"}
GEMINI_MODELS = (
    ModelRule(pattern=r".*", traits=_NEWEST),
    # docs.cloud.google.com/gemini-enterprise-agent-platform/models/guides/gemini-3-8-flash: from 3.7 on Flash too has no `minimal`.
    ModelRule(
        pattern=r".*gemini-(?:3(?:(?:\.\d+)?-pro|\.[7-9])|(?:pro|flash)-latest).*",
        traits={"efforts": ("low", "medium", "high")},
    ),
    ModelRule(pattern=r".*gemini-3-pro.*", traits={"efforts": ("low", "high")}),
    # 400 "Requests ending with a model turn are not supported", of these "and all future" ones: Zoo-Code-Org/Zoo-Code#1052,
    # LibreChat-AI/agents#323.
    ModelRule(
        pattern=r".*gemini-(?:3\.5-flash-lite|3\.[6-9]|[4-9]|flash-(?:lite-)?latest).*", traits={"prefill": False}
    ),
    # mozilla-ai/any-llm#1345; 400 "thinking_level is not supported by this model": BerriAI/litellm#17074.
    ModelRule(pattern=r".*gemini-3.*-image.*", traits={"efforts": ("minimal", "high")}),
    ModelRule(pattern=r".*gemini-3.*-pro-image.*", traits={"thinking": "none"}),
    # https://ai.google.dev/gemini-api/docs/generate-content/latest-model: what earlier ones took answers 400.
    ModelRule(
        pattern=r".*gemini-[4-9].*",
        traits={"efforts": ("low", "medium", "high"), "budgets": False},
        unsupported=("frequency_penalty", "presence_penalty", "n>1"),
    ),
    ModelRule(pattern=r".*gemini-2\.5-.*", traits={"thinking": "budget", "structured": "json_schema_alone"}),
    ModelRule(pattern=r".*gemini-2\.5-pro.*", traits={"efforts": ("minimal", "low", "medium", "high")}),
    ModelRule(pattern=r".*gemini-2\.5-.*(?:image|tts).*", traits={"thinking": "none"}),
    ModelRule(pattern=r".*gemini-2\.0-.*|.*learnlm.*", traits=_BEFORE_3),
    ModelRule(pattern=r".*gemini-(?:1\.\d-.*|pro|pro-vision)", traits={**_BEFORE_3, "schema_language": "openapi"}),
    ModelRule(pattern=r".*gemma.*", traits={"thinking": "none", "structured": "none", "system_role": "user"}),
)
# Agents are reached by interactions alone; models too where the first says so.
_INTERACTIONS = (
    ModelRule(pattern=r"interactions/(.+)", model=r"\1", dialect="gemini_interactions"),
    ModelRule(
        pattern=r"(?:interactions/)?((?:deep-research|antigravity)-.+)",
        model=r"\1",
        dialect="gemini_interactions",
        traits={"agent": True},
    ),
)
_CLOUD_MODELS = (
    # Claude is there too, and knows itself how it thinks.
    ModelRule(pattern=r"(?!.*claude).*", traits=_NEWEST),
    *GEMINI_MODELS[1:],
    # As Google's own package and the address for OpenAI's clients have it.
    ModelRule(pattern=r"google/(.+)", model=r"\1"),
    ModelRule(pattern=r".*gemini-embedding-.*", traits={"most_inputs": 1}),
    ModelRule(pattern=r".*gemini-embedding-[2-9].*", traits={"embed_method": "embedContent"}),
    *VERTEX_PUBLISHERS,
)

# "tool_choice is only compatible with models Command-r7b and newer": https://docs.cohere.com/reference/chat
COHERE_MODELS = (
    ModelRule(
        pattern=r"command(?:-light|-nightly)?|command-r(?:-plus)?(?:-0\d-2024)?|c4ai-.*",
        traits={"tool_choice_required": "auto"},
    ),
)

_LOCATION = "{VERTEXAI_LOCATION|VERTEX_LOCATION|GOOGLE_CLOUD_LOCATION|GOOGLE_VERTEX_LOCATION=global}"
_VERTEX_TAIL = (
    "/v1/projects/{VERTEXAI_PROJECT|GOOGLE_CLOUD_PROJECT|GOOGLE_VERTEX_PROJECT}"
    f"/locations/{_LOCATION}/publishers/google"
)

NATIVE = (
    # Its chat format ended on 2026-09-27; what took its place is OpenAI's Responses format.
    ProviderRow(
        "perplexity",
        "Perplexity",
        "https://api.perplexity.ai/v1",
        ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
        ("chat", "responses"),
        dialect="openai_responses",
        url_env=("PERPLEXITY_API_BASE", "PERPLEXITY_BASE_URL"),
        url_tail="/v1",
        aliases=("perplexity-agent", "perplexity-ai"),
        # Models are named by their makers, its own too.
        models=(ModelRule(pattern=r"sonar.*", model=r"perplexity/\g<0>"),),
        note=(
            "Chats go to its Agent API. The tiers of old became presets (fast, low, medium, high, xhigh): pass "
            "extra_body={'preset': ...}. Sources are url citations and search_results items."
        ),
    ),
    ProviderRow(
        "gemini",
        "Google Gemini API (AI Studio)",
        "https://generativelanguage.googleapis.com/v1beta",
        ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"),
        ("chat", "embeddings", "models", "count_tokens"),
        dialect="gemini",
        url_env=("GEMINI_API_BASE", "GOOGLE_GEMINI_BASE_URL"),
        url_tail="/v1beta",
        auth="header:x-goog-api-key",
        aliases=("google", "google-gla"),
        models=(*GEMINI_MODELS, *_INTERACTIONS),
        note="gemini/interactions/<model> asks by interactions; agents are always asked so.",
        otel="gcp.gemini",
    ),
    ProviderRow(
        "vertex_ai",
        "Google Vertex AI",
        # The format knows the hosts of what is no region.
        f"https://{_LOCATION}-aiplatform.googleapis.com{_VERTEX_TAIL}",
        ("GOOGLE_VERTEX_API_KEY",),
        ("chat", "embeddings", "count_tokens"),
        dialect="gemini",
        sign_env=("VERTEXAI_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"),
        url_env=("VERTEXAI_API_BASE",),
        url_tail=_VERTEX_TAIL,
        auth="header:x-goog-api-key|google",
        aliases=(
            "vertex_ai_beta",
            "vertexai",
            "vertexaianthropic",
            "google-vertex",
            "google-vertex-anthropic",
            "google-cloud",
        ),
        traits={"google_cloud": True, "embed_method": "predict"},
        models=_CLOUD_MODELS,
        note=(
            "Tuned models are written endpoints/<id>. A base URL from the user is a host, or goes up to publishers/google. "
            "Express mode has the base https://aiplatform.googleapis.com/v1/publishers/google and a key."
        ),
        otel="gcp.vertex_ai",
    ),
    ProviderRow(
        "cohere",
        "Cohere",
        "https://api.cohere.com",
        ("COHERE_API_KEY", "CO_API_KEY"),
        ("chat", "embeddings", "rerank", "models"),
        dialect="cohere",
        url_env=("COHERE_API_BASE", "COHERE_BASE_URL"),
        aliases=("cohere_chat",),
        models=COHERE_MODELS,
        error_kinds={"status:498": "content_filter"},  # a token that is on a deny list, in the prompt or the answer
        note=(
            "input_type of embeddings is search_document unless it is given. OpenAI format at "
            "https://api.cohere.ai/compatibility/v1."
        ),
    ),
    ProviderRow(
        "infinity",
        "Infinity server",
        key_env=("INFINITY_API_KEY",),
        url_env=("INFINITY_API_BASE",),
        auth="none",
        operations=("embeddings", "rerank"),
        local=True,
        note="Port 7997 by default.",
    ),
    ProviderRow(
        "jina_ai",
        "Jina AI",
        "https://api.jina.ai/v1",
        ("JINA_AI_API_KEY", "JINA_API_KEY", "JINA_AI_TOKEN"),
        ("embeddings", "rerank"),
        url_env=("JINA_AI_API_BASE",),
        aliases=("jina",),
        rename={"encoding_format": "embedding_type"},
        note="Fields of its own (task, late_chunking, truncate) pass through. Rerank sends documents back by default.",
    ),
    # Not the cloud's row: that speaks OpenAI's format.
    ProviderRow(
        "ollama",
        "Ollama",
        "http://localhost:11434",
        ("OLLAMA_API_KEY",),
        ("chat", "embeddings", "models"),
        dialect="ollama",
        url_env=("OLLAMA_API_BASE", "OLLAMA_HOST", "OLLAMA_BASE_URL"),
        auth="none",
        aliases=("ollama_chat",),
        local=True,
        note=(
            "A prompt longer than num_ctx is cut silently: set num_ctx. The cloud answers this format too, with a key and "
            "api_base https://ollama.com. OpenAI format at /v1, Anthropic format at /v1/messages."
        ),
    ),
    ProviderRow(
        "voyage",
        "Voyage AI",
        "https://api.voyageai.com/v1",
        ("VOYAGE_API_KEY", "VOYAGE_AI_API_KEY", "VOYAGE_AI_TOKEN"),
        ("embeddings", "rerank"),
        url_env=("VOYAGE_API_BASE",),
        aliases=("voyageai",),
        traits={"most_inputs": 1000},
        rename={"dimensions": "output_dimension", "top_n": "top_k"},
        # Numbers are what it sends unless asked for base64, and it has no word for them.
        unsupported=("encoding_format=float", "user"),
        note="Keys of MongoDB Atlas need the base https://ai.mongodb.com/v1. input_type is query or document.",
    ),
)

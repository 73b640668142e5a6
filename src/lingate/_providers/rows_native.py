"""THE TABLE, continued: providers that have a wire format of their own. Data only, as in `rows.py`, which includes these."""

from __future__ import annotations

from lingate._model import ModelRule, ProviderRow, Traits

# By generation. From 3 on models think by levels, sign what they think and take JSON schemas beside tools; 2.5 thinks by
# a number of tokens; what came before does not think. Gemma has neither system text nor tools.
# https://ai.google.dev/gemini-api/docs/{thinking,structured-output,models}
_BEFORE_3: Traits = {"thinking": "none", "structured": "json_schema_alone"}
GEMINI_MODELS = (
    ModelRule(pattern=r".*", traits={"thinking": "level"}),
    ModelRule(pattern=r".*gemini-3(?:\.\d+)?-pro.*", traits={"efforts": ("low", "medium", "high")}),
    ModelRule(pattern=r".*gemini-3-pro.*", traits={"efforts": ("low", "high")}),
    ModelRule(pattern=r".*gemini-2\.5-.*", traits={"thinking": "budget", "structured": "json_schema_alone"}),
    ModelRule(pattern=r".*gemini-2\.5-pro.*", traits={"efforts": ("minimal", "low", "medium", "high")}),
    ModelRule(pattern=r".*gemini-2\.5-.*(?:image|tts).*", traits={"thinking": "none"}),
    ModelRule(pattern=r".*gemini-2\.0-.*|.*learnlm.*", traits=_BEFORE_3),
    ModelRule(pattern=r".*gemini-(?:1\.\d-.*|pro|pro-vision)", traits={**_BEFORE_3, "schema_language": "openapi"}),
    ModelRule(pattern=r".*gemma.*", traits={"thinking": "none", "structured": "none", "system_role": "user"}),
)
_CLOUD_MODELS = (
    *GEMINI_MODELS,
    ModelRule(pattern=r".*gemini-embedding-[2-9].*", traits={"embed_method": "embedContent"}),
)

NATIVE: tuple[ProviderRow, ...] = (
    # Its chat format ended on 2026-09-27; what took its place is OpenAI's Responses format.
    ProviderRow(
        name="perplexity",
        title="Perplexity",
        dialect="openai_responses",
        url="https://api.perplexity.ai/v1",
        key_env=("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
        url_env=("PERPLEXITY_API_BASE", "PERPLEXITY_BASE_URL"),
        url_tail="/v1",
        aliases=("perplexity-agent", "perplexity-ai"),
        operations=("chat", "responses"),
        # Models are named by their makers, its own too.
        models=(ModelRule(pattern=r"sonar.*", model=r"perplexity/\g<0>"),),
        note=(
            "Chats go to its Agent API. The tiers of old became presets (fast, low, medium, high, xhigh): pass "
            "extra_body={'preset': ...}. Sources are url citations and search_results items."
        ),
        source="litellm, vercel-ai, models.dev, docs",
    ),
    ProviderRow(
        name="gemini",
        title="Google Gemini API (AI Studio)",
        dialect="gemini",
        url="https://generativelanguage.googleapis.com/v1beta",
        key_env=("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"),
        url_env=("GEMINI_API_BASE", "GOOGLE_GEMINI_BASE_URL"),
        url_tail="/v1beta",
        auth="header:x-goog-api-key",
        aliases=("google", "google-gla"),
        operations=("chat", "embeddings", "models", "count_tokens"),
        models=GEMINI_MODELS,
        note="OpenAI format at https://generativelanguage.googleapis.com/v1beta/openai.",
        source="litellm, any-llm, portkey-gateway, pydantic-ai, tensorzero, vercel-ai, models.dev",
    ),
    ProviderRow(
        name="vertex_ai",
        title="Google Vertex AI",
        dialect="gemini",
        # The global host serves every location (recorded); us and eu as a whole have hosts of their own.
        url=(
            "https://aiplatform.googleapis.com/v1"
            "/projects/{VERTEXAI_PROJECT|GOOGLE_CLOUD_PROJECT|GOOGLE_VERTEX_PROJECT}"
            "/locations/{VERTEXAI_LOCATION|VERTEX_LOCATION|GOOGLE_CLOUD_LOCATION|GOOGLE_VERTEX_LOCATION=global}"
            "/publishers/google"
        ),
        key_env=("GOOGLE_VERTEX_API_KEY",),
        sign_env=("VERTEXAI_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"),
        url_env=("VERTEXAI_API_BASE",),
        auth="header:x-goog-api-key|google",
        aliases=(
            "vertex_ai_beta",
            "vertexai",
            "vertexaianthropic",
            "google-vertex",
            "google-vertex-anthropic",
            "google-cloud",
        ),
        operations=("chat", "embeddings", "count_tokens"),
        traits={"google_cloud": True, "embed_method": "predict"},
        models=_CLOUD_MODELS,
        note=(
            "Tuned models are written endpoints/<id>. A base URL from the user goes up to publishers/google. Express mode "
            "has the base https://aiplatform.googleapis.com/v1/publishers/google and a key."
        ),
        source="litellm, any-llm, pydantic-ai, tensorzero, vercel-ai",
    ),
)

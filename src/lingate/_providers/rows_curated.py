# THE TABLE, continued: the models that the picker offers first, one or a few for each backing.

# Data only.
#
# Context sizes and prices are those of genai-prices `EDITION` (at DeepSeek the price of the day's busy hours), what a model
# reads is the vendor's word. A test compares them with the installed catalogue when it is of that edition.

from __future__ import annotations

EDITION = "0.2.3"

_SEES = "text image"
_READS = "text image pdf"
_ALL = "text image pdf audio video"

CURATED: tuple[tuple[str, int | None, float | None, float | None, str], ...] = (
    ("anthropic/claude-sonnet-5-5", 1_000_000, 2.0, 10.0, _READS),
    ("anthropic/claude-opus-5-5", 1_000_000, 4.0, 20.0, _READS),
    ("anthropic/claude-haiku-5-5", 1_000_000, 0.1, 0.5, _READS),
    ("openai/gpt-6.1-sol", 1_050_000, 2.0, 10.0, _READS),
    ("openai/gpt-6.1-terra", 1_050_000, 1.0, 5.0, _READS),
    ("openai/gpt-6-luna", 1_050_000, 0.1, 0.5, _READS),
    ("gemini/gemini-4-argon", 1_048_576, 2.0, 10.0, _ALL),
    ("gemini/gemini-3.8-flash", 1_000_000, 0.75, 3.75, _ALL),
    ("vertex_ai/gemini-4-argon", 1_048_576, 2.0, 10.0, _ALL),
    ("bedrock/global.anthropic.claude-sonnet-5-5", 1_000_000, 2.0, 10.0, _READS),
    ("azure/gpt-6.1-sol", 1_050_000, 2.0, 10.0, _READS),
    ("cohere/command-a-03-2025", 256_000, 2.5, 10.0, "text"),
    ("mistral/mistral-large-4", 1_048_576, 0.7, 2.1, _SEES),
    ("mistral/mistral-medium-3-5", 262_144, 1.5, 7.5, _SEES),
    ("together_ai/deepseek-ai/DeepSeek-V4.1-Flash", 1_000_000, 0.3, 1.2, "text"),
    ("groq/openai/gpt-oss-120b", 131_072, 0.15, 0.6, "text"),
    ("cerebras/zai-glm-4.7", 131_072, 2.25, 2.75, "text"),
    ("deepseek/deepseek-v4-pro", 1_000_000, 1.32, 3.96, "text"),
    ("xai/grok-4.7", 500_000, 2.0, 6.0, _SEES),
    ("perplexity/sonar-pro", 200_000, 3.0, 15.0, "text"),
    ("fireworks_ai/accounts/fireworks/models/kimi-k3p1-pro", None, 2.0, 10.0, _SEES),
    ("databricks/databricks-glm-5-3", 1_048_576, 1.4, 4.4, "text"),
    ("openrouter/anthropic/claude-sonnet-5.5", 1_000_000, 2.0, 10.0, _READS),
    ("moonshot/kimi-k3.1-pro", 1_048_576, 2.0, 10.0, _SEES),
    ("zai/glm-5.3", 1_000_000, 1.4, 4.4, "text"),
    ("minimax/MiniMax-M3.1-Flash", 1_000_000, 0.15, 0.6, "text"),
    ("meta/muse-spark-1.3", 1_048_576, 1.25, 4.25, "text image pdf video"),
    ("ollama/gpt-oss:20b", 131_072, None, None, "text"),
)
"""Model, context window in tokens, US dollars for a million tokens in and out, what it reads. None: not stated, or free."""

NOT_SERVED: dict[str, str] = {
    "gemini": r"claude-.*",
    "codestral": r"(?!codestral).*",
}
"""Models that the price catalogue lists at a provider because it counts several services as one, and that it does not serve."""

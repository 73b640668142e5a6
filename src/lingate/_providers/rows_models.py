# THE TABLE, continued: what a bare model name says about its provider, and what models are known to do.

# Data only.
#
# LiteLLM's users write `gpt-4o` and `claude-sonnet-4-5` without a provider; `lingate.compat.litellm` reads these. Lingate's
# own calls never guess.

from __future__ import annotations

MODEL_NAMES: tuple[tuple[str, str], ...] = (
    (
        r"(us\.|eu\.|ap\.|apac\.|jp\.|au\.|global\.|us-gov\.)?(anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen)\..+",
        "bedrock",
    ),
    (r"ft:.+", "openai"),
    (r"(chatgpt|gpt|codex|computer-use|davinci|babbage|omni-moderation|text-moderation)-.+", "openai"),
    (r"o[1-9](-.+)?", "openai"),
    (r"(whisper|tts|dall-e|sora)-.+", "openai"),
    (r"text-embedding-(3-.+|ada-.+)", "openai"),
    (r"claude-.+@\d{8}", "vertex_ai"),
    (r"claude-.+", "anthropic"),
    (
        r"gemini-.+|gemma-.+|imagen-.+|veo-.+|text-embedding-00\d|textembedding-gecko.*|text-multilingual-embedding-.+",
        "vertex_ai",
    ),
    (r"command.*|c4ai-.+|embed-(english|multilingual)-.+|embed-v\d.*|rerank-.+", "cohere"),
    (r"(open-)?(mistral|mixtral)-.+|codestral-.+|ministral-.+|magistral-.+|pixtral-.+|devstral-.+", "mistral"),
    (r"deepseek-(chat|reasoner|coder|flash|v4).*", "deepseek"),
    (r"grok-.+", "xai"),
    (r"(jamba|j2)-.+", "ai21"),
    (r"sonar.*", "perplexity"),
    (r"voyage-.+", "voyage"),
)
"""Regular expression that the whole name matches, and the provider; the first that fits counts."""

VISION, TOOLS, REASONING, SCHEMA, CACHING = (
    "vision",
    "function_calling",
    "reasoning",
    "response_schema",
    "prompt_caching",
)
AUDIO_IN, AUDIO_OUT, PDF, SEARCH, PREFILL = (
    "audio_input",
    "audio_output",
    "pdf_input",
    "web_search",
    "assistant_prefill",
)
PARALLEL, CHOICE, SYSTEM, COMPUTER = "parallel_function_calling", "tool_choice", "system_messages", "computer_use"

_CALLS = (TOOLS, CHOICE, SYSTEM)
_GPT = (*_CALLS, PARALLEL, SCHEMA, CACHING, VISION, PDF)
_CLAUDE = (*_CALLS, PARALLEL, SCHEMA, CACHING, VISION, PDF, COMPUTER)
_OPEN = (*_CALLS, SCHEMA, REASONING)
_GEMINI = (*_CALLS, PARALLEL, SCHEMA, CACHING, VISION, PDF, AUDIO_IN, SEARCH)

MODEL_FACTS: tuple[tuple[str, int | None, int | None, tuple[str, ...]], ...] = (
    (r"gpt-5(\.\d+)?-chat.*", 128_000, 16_384, (*_GPT, REASONING)),
    (r"gpt-(5\.[4-9](?!-mini|-nano)|[6-9]).*", 922_000, 128_000, (*_GPT, REASONING, SEARCH)),
    (r"gpt-5.*", 272_000, 128_000, (*_GPT, REASONING, SEARCH)),
    (r"(ft:)?gpt-4\.1.*", 1_047_576, 32_768, _GPT),
    (r"gpt-(4o-(mini-)?)?audio.*", 128_000, 16_384, (*_CALLS, PARALLEL, AUDIO_IN, AUDIO_OUT)),
    (r"gpt-4o-2024-05-13", 128_000, 4_096, (*_CALLS, PARALLEL, CACHING, VISION, PDF)),
    (r"(ft:|chat)?gpt-4o.*", 128_000, 16_384, _GPT),
    (r"gpt-4-(turbo|1106|0125|vision).*", 128_000, 4_096, (*_CALLS, PARALLEL, VISION, PDF, CACHING)),
    (r"gpt-4(-0613)?", 8_192, 4_096, (*_CALLS, CACHING)),
    (r"gpt-3\.5-turbo-instruct.*", 8_192, 4_096, ()),
    (r"(ft:)?gpt-3\.5-turbo.*", 16_385, 4_096, (*_CALLS, PARALLEL, CACHING)),
    (r"gpt-oss-.*", 131_072, 32_768, (*_CALLS, SCHEMA, REASONING)),
    (r"o1-mini.*", 128_000, 65_536, (VISION, PDF, CACHING, REASONING)),
    (r"o3-mini.*", 200_000, 100_000, (*_CALLS, SCHEMA, CACHING, REASONING)),
    (r"o[134].*", 200_000, 100_000, (*_CALLS, SCHEMA, CACHING, VISION, PDF, REASONING)),
    (
        r".*claude-((opus|sonnet)-4[-.][6-9]|[a-z]+-[5-9]|mythos).*",
        1_000_000,
        128_000,
        (*_CLAUDE, REASONING, SEARCH),
    ),
    (r".*claude-(opus-4[-.]5|(sonnet|haiku)-4).*", 200_000, 64_000, (*_CLAUDE, REASONING, PREFILL, SEARCH)),
    (r".*claude-opus-4.*", 200_000, 32_000, (*_CLAUDE, REASONING, PREFILL, SEARCH)),
    (r".*claude-3[-.]7.*", 200_000, 64_000, (*_CLAUDE, REASONING, PREFILL, SEARCH)),
    (r".*claude-3[-.]5.*", 200_000, 8_192, (*_CLAUDE, PREFILL)),
    (r".*claude-3-.*", 200_000, 4_096, (*_CALLS, SCHEMA, CACHING, VISION, PREFILL)),
    (r"(models/)?gemini-[4-9].*", 1_048_576, 1_048_576, (*_GEMINI, REASONING)),
    (r"(models/)?gemini-(3|2\.5|.*-latest).*", 1_048_576, 65_536, (*_GEMINI, REASONING)),
    (r"(models/)?gemini-2\.0.*", 1_048_576, 8_192, _GEMINI),
    (r"(models/)?gemini-1\.5-pro.*", 2_097_152, 8_192, _GEMINI),
    (r"(models/)?gemini-1\.5.*", 1_000_000, 8_192, _GEMINI),
    (r"grok-(4\.[5-9].*|build-latest)", 500_000, 500_000, (*_OPEN, CACHING, VISION, SEARCH)),
    (r"grok-4\.(20|3).*", 1_000_000, 1_000_000, (*_OPEN, CACHING, VISION, SEARCH)),
    (r"grok-(4|code|build).*", 256_000, 256_000, (*_OPEN, SEARCH)),
    (r"grok-3-mini.*", 131_072, 131_072, (*_OPEN, SEARCH)),
    (r"grok-3.*", 131_072, 131_072, (*_CALLS, SCHEMA, SEARCH)),
    (r"deepseek-(flash|v4-).*", 1_000_000, 393_216, (*_CALLS, REASONING, CACHING, PREFILL)),
    (r"deepseek-reasoner.*", 131_072, 65_536, (*_CALLS, REASONING, CACHING)),
    (r"deepseek-chat.*", 131_072, 8_192, (*_CALLS, CACHING, PREFILL)),
    (r"kimi-k[3-9].*", 1_048_576, 1_048_576, (*_OPEN, CACHING, VISION)),
    (r"kimi-k2\.[5-9].*", 262_144, 262_144, (*_OPEN, CACHING, VISION)),
    (r"glm-(5\.[2-9]|[6-9]).*", 1_000_000, 128_000, (*_CALLS, REASONING, CACHING)),
    (r"glm-(5|4\.[67]).*", 200_000, 128_000, (*_CALLS, REASONING, CACHING)),
    (r"minimax-m[3-9].*", 1_000_000, 128_000, (*_CALLS, REASONING, CACHING, VISION)),
    (r"qwen3\.[5-9]-(max|plus|flash).*", 991_808, 65_536, (*_OPEN, CACHING)),
    (r"mistral-large-[4-9].*", 1_048_576, 1_048_576, (*_OPEN, CACHING, VISION, PREFILL)),
    (r"(mistral-(medium|small)|magistral).*", 262_144, 262_144, (*_OPEN, VISION, PREFILL)),
    (r"(mistral-large|ministral).*", 262_144, 262_144, (*_CALLS, SCHEMA, VISION, PREFILL)),
    (r"devstral.*", 256_000, 256_000, (*_OPEN, PREFILL)),
    (r"(open-mixtral-8x22b|codestral).*", 128_000, 128_000, (*_CALLS, SCHEMA, PREFILL)),
    (r"pixtral.*", 128_000, 128_000, (*_CALLS, SCHEMA, VISION)),
    (r"command-a-plus.*", 128_000, 64_000, (*_OPEN, VISION)),
    (r"command-a.*", 256_000, 8_000, _CALLS),
    (r"command-r.*", 128_000, 4_096, _CALLS),
    (r"(.*/)?llama-?3\.[1-3]-.*", 131_072, 32_768, (*_CALLS, SCHEMA)),
    (r"sonar-(reasoning|deep).*", 128_000, None, (SYSTEM, REASONING, SEARCH)),
    (r"sonar.*", 128_000, 8_000, (SYSTEM, SEARCH)),
)
"""Regular expression that the whole model name matches, input limit, output limit, what it does; the first that fits counts. The
numbers are those of LiteLLM 1.109.1's list, or of the makers' pages."""

MODES: tuple[tuple[str, str], ...] = (
    (r".*(embed|voyage-|titan-embed).*", "embedding"),
    (r".*rerank.*", "rerank"),
    (r"(dall-e|gpt-image|imagen|flux|stable-).*", "image_generation"),
    (r"(whisper|.*-transcribe).*", "audio_transcription"),
    (r"(tts-|.*-tts).*", "audio_speech"),
    (r".*moderation.*", "moderation"),
    (r"gpt-3\.5-turbo-instruct.*|(davinci|babbage)-.*", "completion"),
)
"""What a model of such a name is for; any other is for chat."""

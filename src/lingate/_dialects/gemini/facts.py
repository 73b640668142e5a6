# The tables of the Gemini format: names, words and limits. No logic beyond look-ups.

# Sources: the types of the google-genai package (3.3), https://ai.google.dev/api, and recorded traffic.

from __future__ import annotations

from lingate._model import Traits

NAME = "gemini"
"""The dialect's name: on `Opaque` events and as the key inside `provider_specific_fields`."""

WHOLE, STREAM, COUNT = "generateContent", "streamGenerateContent", "countTokens"
EMBED, EMBED_BATCH, PREDICT = "embedContent", "batchEmbedContents", "predict"

DEFAULTS: Traits = {
    "max_stop": 5,
    "sampling": "any",
    "structured": "json_schema",
    "schema_language": "json_schema",
    "thinking": "level",
    "embed_method": "batchEmbedContents",
}
"""What holds where neither the provider's row nor the model says otherwise: the newest models."""

FINISH = {
    "FINISH_REASON_UNSPECIFIED": "stop",
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "JAILBREAK": "content_filter",
    "BLOCKED_REASON_UNSPECIFIED": "content_filter",
    "ESCALATION": "content_filter",
    "OTHER": "content_filter",
    "IMAGE_OTHER": "content_filter",
    "NO_IMAGE": "content_filter",
}
"""`finishReason` -> OpenAI's `finish_reason`. `OTHER` and its kin end an answer early, so they must not pass as `stop`."""

UNFINISHED = "FINISH_REASON_UNSPECIFIED"
"""Finish reason that some servers put on events before the last: "if empty, the model has not stopped generating"."""

BROKEN = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
    }
)
"""Finish reasons by which the model says that it failed; what came before them is no answer."""

FINISH_REASON = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "function_call": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}
"""OpenAI's `finish_reason` -> `finishReason`, where the native word was not kept."""

FINISH_NUMBERS = (
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "MODEL_ARMOR",
)
"""Finish reasons by number, which clients can ask for (`enum-encoding=int`); as google.cloud.aiplatform.v1 counts them."""

MODALITIES = ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT")
"""Kinds of tokens, by number."""

TYPES = ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
"""Types of schemas, by number."""

CALLING_MODES = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE")
"""Modes of function calling, by number."""

BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
"""`reasoning_effort` -> thinking tokens, as in Google's OpenAI compatibility (https://ai.google.dev/gemini-api/docs/openai)."""

LEAST_BUDGET = 128
"""The smallest budget of models that cannot stop thinking."""

LEVELS = ("minimal", "low", "medium", "high")
"""Words of `thinkingLevel`, in order."""

UNSIGNED = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""`skip_thought_signature_validator` in base64: Google's stand-in for the signature of a call that another model made
(https://ai.google.dev/gemini-api/docs/thought-signatures). Without any the newest models answer 400."""

GENERATION_FIELDS = frozenset(
    {
        "audioTimestamp",
        "audioTranscriptionConfig",
        "candidateCount",
        "enableAffectiveDialog",
        "enableEnhancedCivicAnswers",
        "frequencyPenalty",
        "imageConfig",
        "logprobs",
        "maxOutputTokens",
        "mediaResolution",
        "modelSelectionConfig",
        "presencePenalty",
        "responseFormat",
        "responseJsonSchema",
        "responseLogprobs",
        "responseMimeType",
        "responseModalities",
        "responseSchema",
        "routingConfig",
        "seed",
        "speechConfig",
        "stopSequences",
        "temperature",
        "thinkingConfig",
        "topK",
        "topP",
        "translationConfig",
    }
)
"""Names inside `generationConfig`."""

BODY_FIELDS = frozenset(
    {
        "cachedContent",
        "continuationToken",
        "labels",
        "modelArmorConfig",
        "safetySettings",
        "serviceTier",
        "toolConfig",
    }
)
"""Names beside it that a caller may give straight."""

SERVER_TOOLS = frozenset(
    {
        "googleSearch",
        "googleSearchRetrieval",
        "urlContext",
        "codeExecution",
        "fileSearch",
        "googleMaps",
        "computerUse",
        "retrieval",
        "enterpriseWebSearch",
        "parallelAiSearch",
        "exaAiSearch",
        "mcpServers",
    }
)
"""Tools that the provider runs."""

TOOL_WORDS = (
    ("web_search", "googleSearch"),
    ("google_search", "googleSearch"),
    ("web_fetch", "urlContext"),
    ("url_context", "urlContext"),
    ("code_execution", "codeExecution"),
    ("code_interpreter", "codeExecution"),
)
"""Beginnings of the `type` of other providers' server tools that have a counterpart here."""

PART_KINDS = frozenset(
    {
        "text",
        "inlineData",
        "fileData",
        "functionCall",
        "functionResponse",
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
        "videoMetadata",
    }
)
"""Fields by which a native part is known."""

MEDIA_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "css": "text/css",
    "csv": "text/csv",
    "xml": "text/xml",
    "json": "application/json",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "aiff": "audio/aiff",
    "m4a": "audio/m4a",
    "opus": "audio/opus",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "avi": "video/x-msvideo",
    "wmv": "video/x-ms-wmv",
    "flv": "video/x-flv",
    "webm": "video/webm",
    "3gp": "video/3gpp",
}
"""Media types by the ending of a name or path; the format wants to be told."""

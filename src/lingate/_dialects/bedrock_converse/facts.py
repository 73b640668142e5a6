# The tables of Bedrock's Converse format: names, words and limits. No logic beyond look-ups.

# Sources: botocore's model of bedrock-runtime (1.44), https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference.html,
# LiteLLM 1.109 and pydantic-ai of August 2026 where they were tried live, and recorded traffic.

from __future__ import annotations

import re

from lingate._model import Target, Traits

NAME = "bedrock_converse"
"""The dialect's name: on `Opaque` events and as the key inside `provider_specific_fields`."""

DEFAULTS: Traits = {
    "max_temperature": 1.0,
    "sampling": "any",
    "structured": "tool",
    "late_system": "user",
    "prefill": True,
    "cache_control": True,
}
"""What holds where neither the provider's row nor the model family says otherwise."""

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    # What the model wrote is no answer, and no call to execute: the native word tells.
    "malformed_model_output": "stop",
    "malformed_tool_use": "stop",
}
"""`stopReason` -> OpenAI's `finish_reason`."""

STOP_REASON = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "content_filtered",
}
"""OpenAI's `finish_reason` -> `stopReason`, where the native word was not kept."""

BLOCKS = (
    "text",
    "image",
    "document",
    "video",
    "audio",
    "toolUse",
    "toolResult",
    "reasoningContent",
    "cachePoint",
    "guardContent",
    "citationsContent",
    "searchResult",
    "toolAddition",
    "toolRemoval",
)
"""Members of the union that a content block is."""

IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp", "image/jpg": "jpeg"}

DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/x-markdown": "md",
    "application/csv": "csv",
    "application/json": "txt",
    "application/xml": "txt",
    "application/xhtml+xml": "html",
}

VIDEOS = {
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/mpg": "mpg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}

SOUNDS = {
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/mp4": "mp4",
    "audio/webm": "webm",
    "audio/x-matroska": "mka",
    "audio/x-aac": "x-aac",
    "audio/m4a": "m4a",
    "audio/mpga": "mpga",
    "audio/pcm": "pcm",
    "audio/mp3": "mp3",
    "audio/x-wav": "wav",
    "audio/x-m4a": "m4a",
}
"""Media types -> `format`. Of several types of one format the first is how it is said the other way."""

MAX_TOOL_ID = 64
MAX_DOCUMENT_NAME = 200
MAX_CACHE_MARKS = 4

TOP_FIELDS = frozenset(
    {
        "guardrailConfig",
        "promptVariables",
        "additionalModelResponseFieldPaths",
        "requestMetadata",
        "performanceConfig",
    }
)
"""Fields of the request that the canonical form has no name for and so carries under their own."""

TIERS = {"default": "default", "flex": "flex", "priority": "priority", "reserved": "reserved"}

_FAMILIES = (
    ("claude", re.compile(r"claude|anthropic")),
    ("nova", re.compile(r"\bnova\b|amazon[.]nova")),
)
_GEOGRAPHIES = re.compile(r"(?:us|eu|apac|jp|au|ca|sa|me|af|global|us-gov)\.(?=[a-z0-9-]+\.)")


def family(target: Target) -> str:
    # Whose model it is, as far as it changes the wire: `claude`, `nova`, or empty.
    # An ARN may not tell.
    told = target.traits.get("body_format")
    name = (told or target.model).lower()
    return next((word for word, pattern in _FAMILIES if pattern.search(name)), "")


def foundation_model(model: str) -> str:
    # The model's name without the geography of an inference profile, which some operations do not know.
    return _GEOGRAPHIES.sub("", model, count=1) if _GEOGRAPHIES.match(model) else model

# The tables of Cohere's v2 format: names, words and limits. No logic.

# Sources: the types of the cohere package (7.3), https://docs.cohere.com/reference/chat and recorded traffic.

from __future__ import annotations

from lingate._model import Traits

NAME = "cohere"
"""The dialect's name: on `Opaque` events and as the key inside `provider_specific_fields`."""

CHAT_PATH = "/v2/chat"
EMBED_PATH = "/v2/embed"
RERANK_PATH = "/v2/rerank"
MODELS_PATH = "/v1/models"

MOST_TEXTS = 96
"""How many texts one request may have embedded: https://docs.cohere.com/reference/embed."""

DEFAULTS: Traits = {
    "max_stop": 5,
    # "The parameter is not supported when used in combinations with the documents or tools parameters."
    "structured": "json_schema_alone",
    "reasoning_history": "reasoning_content",
}
"""What holds where neither the provider's row nor the model family says otherwise."""

RANGES = {
    "p": (0.01, 0.99),
    "k": (0, 500),
    "frequency_penalty": (0.0, 1.0),
    "presence_penalty": (0.0, 1.0),
}
"""What the API takes; OpenAI's ranges are wider."""

FINISH = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "function_call": "TOOL_CALL",
    "content_filter": "ERROR_TOXIC",
}
"""OpenAI's `finish_reason` -> Cohere's, where the native word was not kept."""

BUDGETS = {"minimal": 512, "low": 2048, "medium": 8192}
"""`reasoning_effort` -> thinking tokens. Larger efforts have no limit, which is what the API does by itself."""

EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")

EMBEDDING_TYPES = ("float", "base64", "int8", "uint8", "binary", "ubinary")
"""Kinds of vectors, those first that canonical responses show if there are several."""

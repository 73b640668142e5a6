# The tables of Ollama's own format: names, words and defaults. No logic.

# Sources: https://docs.ollama.com/api, Ollama's api/types.go of August 2026 (fb30760), the types of the ollama package (0.6)
# and recorded traffic.

from __future__ import annotations

from lingate._model import Traits

NAME = "ollama"
"""The dialect's name: as the key inside `provider_specific_fields`."""

VERSION = "0.18.3"
"""The version of Ollama that a server of ours says it is: clients refuse older ones than they know (VS Code's before 0.6.4)."""

CHAT_PATH = "/api/chat"
EMBED_PATH = "/api/embed"
MODELS_PATH = "/api/tags"

DEFAULTS: Traits = {
    "structured": "json_schema",
    "reasoning_history": "reasoning_content",
}
"""What holds where neither the provider's row nor the model family says otherwise."""

OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "repetition_penalty": "repeat_penalty",
}
"""Canonical fields and what they are called inside `options`."""

OWN_OPTIONS = frozenset(
    {
        "num_ctx",
        "num_keep",
        "num_predict",
        "num_batch",
        "num_gpu",
        "main_gpu",
        "num_thread",
        "use_mmap",
        "use_mlock",
        "numa",
        "low_vram",
        "draft_num_predict",
        "typical_p",
        "tfs_z",
        "repeat_last_n",
        "repeat_penalty",
        "mirostat",
        "mirostat_tau",
        "mirostat_eta",
        "penalize_newline",
    }
)
"""Options without a canonical name: a caller may also write them beside the other parameters."""

THINK = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "max",
}
"""`reasoning_effort` -> `think`. `max` is the newest word, so it stands for itself alone."""

COUNTS = ("prompt_eval_count", "eval_count", "prompt_eval_cached_count")
"""Tokens of the prompt, of the answer, and those of the prompt that were in the cache."""

PLACEHOLDER = "call_ollama_"
"""How ids begin that stand for none: older servers and clients tell calls apart by their order."""

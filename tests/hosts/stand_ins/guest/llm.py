"""What Second Brain's sandbox promises to a backend, for tests without the host: records, and how errors are read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

_HINTS = (
    *("context window", "context length", "context_length", "maximum context", "max context", "too many tokens"),
    *("too long", "max_tokens", "prompt tokens", "exceeds limit", "exceeded limit", "token limit", "request too large"),
)
_ABOUT = ("context", "token", "prompt", "input")
_BOUNDS = ("limit", "length", "max", "too long", "too many", "exceed")


def is_context_limit_error(error: Any) -> bool:
    """The host's heuristic: it sees nothing but the text."""
    text = str(error or "").lower()
    if any(hint in text for hint in _HINTS):
        return True
    return any(word in text for word in _ABOUT) and any(word in text for word in _BOUNDS)


@dataclass
class LLMRequest:
    model_name: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    tools: list[dict[str, Any]] | None = None
    attachments: list[dict[str, Any]] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    api_key: str = ""
    base_url: str = ""
    stream: bool = False


@dataclass
class LLMResponse:
    content: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    prompt_tokens: int | None = None
    cached_prompt_tokens: int | None = None
    completion_tokens: int | None = None
    error: str | None = None
    error_code: str | None = None

    @property
    def is_error(self) -> bool:
        return bool(self.error)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def failure(cls, message: str, code: str = "provider_error") -> LLMResponse:
        return cls(content=f"Error: {message}", error=message, error_code=code)


class BaseLLMBackend:
    def start(self, sdk: Any) -> bool:
        return True

    def stop(self, sdk: Any) -> bool:
        return True

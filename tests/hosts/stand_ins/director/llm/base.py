"""The fields, defaults and checks of Director's LLM base classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from pydantic import BaseModel
from pydantic_settings import BaseSettings


class LLMResponseStatus:
    SUCCESS: bool = True
    ERROR: bool = False


class LLMResponse(BaseModel):
    """Refuses None everywhere, as the host's does."""

    content: str = ""
    tool_calls: list[dict[str, Any]] = []
    send_tokens: int = 0
    recv_tokens: int = 0
    total_tokens: int = 0
    finish_reason: str = ""
    status: int = LLMResponseStatus.ERROR


class BaseLLMConfig(BaseSettings):
    llm_type: str = ""
    api_key: str = ""
    api_base: str = ""
    chat_model: str = ""
    temperature: float = 0.9
    top_p: float = 1
    max_tokens: int = 4096
    timeout: int = 120
    enable_langfuse: bool = False


class BaseLLM(ABC):
    def __init__(self, config: BaseLLMConfig) -> None:
        self.config = config
        for name in type(config).model_fields:
            setattr(self, name, getattr(config, name))

    @abstractmethod
    def chat_completions(self, messages: list[Any], tools: list[Any]) -> LLMResponse: ...

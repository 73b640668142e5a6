"""Which provider a model name means, as LiteLLM answers it."""

from __future__ import annotations

from typing import Any

from lingate._providers.naming import provider_of, row_of
from lingate.errors import UnknownProviderError

__all__ = ["resolve", "row_of"]


def resolve(model: Any, provider: str | None = None, api_base: str | None = None) -> tuple[str, str]:
    """Split a model name in what the provider calls it, and the provider.

    In this order: the provider that is named beside it, the one before the slash, the one at that address, the one whose
    models are named so.

    Raises:
        UnknownProviderError: None of these.
    """
    if not isinstance(model, str) or not model.strip():
        raise UnknownProviderError(f"model must be a name such as 'provider/model', not {model!r}")
    found = provider_of(model, provider, api_base)
    if found is None:
        raise UnknownProviderError(
            f"LLM Provider NOT provided. Pass in the LLM provider you are trying to call. You passed model={model}",
            hint="write it as provider/model, or pass custom_llm_provider",
        )
    return found

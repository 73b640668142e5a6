# The default clients behind `lingate.chat` and its siblings, made at first use.

from __future__ import annotations

import os
import threading
from typing import Any

from lingate._client import AsyncLingate, Lingate

_lock = threading.Lock()
_sync: Lingate | None = None
_async: AsyncLingate | None = None

CONFIG_VARIABLE = "LINGATE_CONFIG"
"""Path of a config file for the default clients."""


def _client() -> Lingate:
    global _sync
    client = _sync
    if client is None:
        with _lock:
            client = _sync = _sync or Lingate(os.environ.get(CONFIG_VARIABLE) or None)
    return client


def _aclient() -> AsyncLingate:
    global _async
    client = _async
    if client is None:
        with _lock:
            client = _async = _async or AsyncLingate(os.environ.get(CONFIG_VARIABLE) or None)
    return client


def chat(model: str, messages: Any, **params: Any) -> Any:
    """Ask a model on the default client: see `Lingate.chat`."""
    return _client().chat(model, messages, **params)


async def achat(model: str, messages: Any, **params: Any) -> Any:
    """Ask a model on the default client: see `AsyncLingate.chat`."""
    return await _aclient().chat(model, messages, **params)


def embed(model: str, input: Any, **params: Any) -> Any:
    """Turn text into vectors on the default client: see `Lingate.embed`."""
    return _client().embed(model, input, **params)


async def aembed(model: str, input: Any, **params: Any) -> Any:
    """Turn text into vectors on the default client: see `AsyncLingate.embed`."""
    return await _aclient().embed(model, input, **params)


def rerank(model: str, query: str, documents: Any, **params: Any) -> Any:
    """Order documents by relevance on the default client: see `Lingate.rerank`."""
    return _client().rerank(model, query, documents, **params)


async def arerank(model: str, query: str, documents: Any, **params: Any) -> Any:
    """Order documents by relevance on the default client: see `AsyncLingate.rerank`."""
    return await _aclient().rerank(model, query, documents, **params)


def models(provider: str, **options: Any) -> Any:
    """List a provider's models on the default client: see `Lingate.models`."""
    return _client().models(provider, **options)

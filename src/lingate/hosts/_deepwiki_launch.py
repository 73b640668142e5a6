"""Serves an unchanged deepwiki with Lingate's client: `python -m lingate.hosts.deepwiki`, in its folder."""

from __future__ import annotations

import os
import sys
from typing import Any

from lingate.hosts import deepwiki
from lingate.hosts._deepwiki_recipe import EMBEDDER, PROVIDER_ENTRY
from lingate.hosts._shared import load

_EMBEDDING_VARIABLE = "LINGATE_EMBEDDING_MODEL"


def register(settings: dict[str, Any]) -> None:
    client = deepwiki.LingateClient
    config = _host("api.config")
    config.CLIENT_CLASSES[client.__name__] = client
    providers = config.configs.setdefault("providers", {})
    entry = providers.setdefault(deepwiki.PROVIDER, dict(PROVIDER_ENTRY))
    entry["model_client"] = client if not settings else _bound(client, settings)
    for key in ("embedder", "embedder_ollama", "embedder_google", "embedder_bedrock"):
        embedder = config.configs.get(key) or {}
        if embedder.get("client_class") == client.__name__:
            embedder["model_client"] = client
    if model := os.environ.get(_EMBEDDING_VARIABLE):
        kwargs = {**EMBEDDER["model_kwargs"], "model": model}
        made = {**EMBEDDER, "model_kwargs": kwargs, "model_client": client, "initialize_kwargs": settings}
        config.configs["embedder"] = made


def _bound(client: type[Any], settings: dict[str, Any]) -> type[Any]:
    """The client with settings of its own: deepwiki makes it without arguments."""

    def make(self: Any) -> None:
        client.__init__(self, **settings)

    return type(client.__name__, (client,), {"__init__": make, "__module__": client.__module__})


def _host(name: str) -> Any:
    return load(name, of="deepwiki", hint="run this in deepwiki's folder, with the Python that has its packages")


def main() -> None:
    sys.path.insert(0, os.getcwd())
    # In development deepwiki restarts itself in a new process, which would know nothing of what is registered here.
    os.environ.setdefault("NODE_ENV", "production")
    _host("api.main")
    register({})
    uvicorn = _host("uvicorn")
    uvicorn.run(
        _host("api.api").app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "8001"))
    )

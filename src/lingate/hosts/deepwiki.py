"""deepwiki-open, and anything else that is built on adalflow: `LingateClient`."""

#
#     import adalflow
#     from lingate.hosts.deepwiki import LingateClient
#
#     adalflow.Generator(model_client=LingateClient(), model_kwargs={"model": "anthropic/claude-sonnet-4-6"})
#
# `lingate hosts install deepwiki` puts it into a checkout; `python -m lingate.hosts.deepwiki`, run in an unchanged one,
# serves it with the client for its retrieval. adalflow is imported when the client is.

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lingate.errors import MissingExtraError
from lingate.hosts._shared import launch, load

if TYPE_CHECKING:
    from lingate.hosts._deepwiki_client import LingateClient

__all__ = ["LingateClient", "register"]

PROVIDER = "lingate"
"""Name of the provider in deepwiki's user interface and in its `generator.json`."""


def register(**settings: Any) -> None:
    """Make the client known to a running, unchanged deepwiki: for retrieval, embeddings and the list of models.

    Chat needs the patch (`lingate hosts install deepwiki`): there deepwiki compares names of providers.

    Args:
        **settings: Arguments of `LingateClient`, for `initialize_kwargs`.

    Raises:
        MissingExtraError: deepwiki's `api` package, or adalflow, cannot be imported.
    """
    from lingate.hosts._deepwiki_recipe import EMBEDDER, PROVIDER_ENTRY

    # By its name: this is another module where it is run.
    client = import_module("lingate.hosts.deepwiki").LingateClient
    config = _host("api.config")
    config.CLIENT_CLASSES[client.__name__] = client
    providers = config.configs.setdefault("providers", {})
    entry = providers.setdefault(PROVIDER, dict(PROVIDER_ENTRY))
    entry["model_client"] = client if not settings else _bound(client, settings)
    for key in ("embedder", "embedder_ollama", "embedder_google", "embedder_bedrock"):
        embedder = config.configs.get(key) or {}
        if embedder.get("client_class") == client.__name__:
            embedder["model_client"] = client
    if model := os.environ.get("LINGATE_EMBEDDING_MODEL"):
        kwargs = {**EMBEDDER["model_kwargs"], "model": model}
        made = {**EMBEDDER, "model_kwargs": kwargs, "model_client": client, "initialize_kwargs": settings}
        config.configs["embedder"] = made


def _bound(client: type[Any], settings: dict[str, Any]) -> type[Any]:
    # The client with settings of its own: deepwiki makes it without arguments.
    def make(self: Any) -> None:
        client.__init__(self, **settings)

    return type(client.__name__, (client,), {"__init__": make, "__module__": client.__module__})


def _host(name: str) -> Any:
    return load(name, of="deepwiki", hint="run this in deepwiki's folder, with the Python that has its packages")


def _main() -> None:
    sys.path.insert(0, os.getcwd())
    # In development deepwiki restarts itself in a new process, which would know nothing of what is registered here.
    os.environ.setdefault("NODE_ENV", "production")
    _host("api.main")
    register()
    uvicorn = _host("uvicorn")
    uvicorn.run(
        _host("api.api").app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "8001"))
    )


def _absent(why: MissingExtraError) -> type:
    # Stands for the client where adalflow is not installed: importing works, using says what is missing.
    class LingateClient:
        def __init__(self, *_: Any, **__: Any) -> None:
            raise why

    return LingateClient


def __getattr__(name: str) -> Any:
    if name != "LingateClient":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        part = load("lingate.hosts._deepwiki_client", of="adalflow", hint="pip install 'adalflow[openai]'")
    except MissingExtraError as error:
        return _absent(error)
    globals()[name] = part.LingateClient
    return part.LingateClient


if __name__ == "__main__":
    launch(_main)

"""deepwiki-open, and anything else that is built on adalflow: `LingateClient`.

    import adalflow
    from lingate.hosts.deepwiki import LingateClient

    adalflow.Generator(model_client=LingateClient(), model_kwargs={"model": "anthropic/claude-sonnet-4-6"})

`lingate hosts install deepwiki` puts it into a checkout; `python -m lingate.hosts.deepwiki`, run in an unchanged one,
serves it with the client for its retrieval. adalflow is imported when the client is.
"""

from __future__ import annotations

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
    from lingate.hosts._deepwiki_launch import register as into

    into(settings)


def _absent(why: MissingExtraError) -> type:
    """Stands for the client where adalflow is not installed: importing works, using says what is missing."""

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
    from lingate.hosts._deepwiki_launch import main

    launch(main)

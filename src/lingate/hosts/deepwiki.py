"""deepwiki-open, and anything else that is built on adalflow: `LingateClient`.

    import adalflow
    from lingate.hosts.deepwiki import LingateClient

    adalflow.Generator(model_client=LingateClient(), model_kwargs={"model": "anthropic/claude-sonnet-4-6"})

`lingate hosts install deepwiki` puts it into a checkout; `python -m lingate.hosts.deepwiki`, run in an unchanged one,
serves it with the client for its retrieval. adalflow is imported when the client is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

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


class _Absent:
    """Stands for the client where adalflow is not installed: importing works, using says what is missing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        _refuse()


def _refuse() -> NoReturn:
    from lingate.errors import MissingExtraError

    raise MissingExtraError(
        "LingateClient is a client for adalflow, which is not installed: pip install 'adalflow[openai]'"
    )


def __getattr__(name: str) -> Any:
    if name != "LingateClient":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from lingate.hosts._deepwiki_client import LingateClient as client
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "adalflow":
            raise
        return _Absent
    globals()[name] = client
    return client


if __name__ == "__main__":
    from lingate.hosts._deepwiki_launch import main

    main()

"""vui (fluxions-ai) with any provider behind its voice: in this process, or through a gateway."""

#
#     python -m lingate.hosts.vui --model anthropic/claude-sonnet-4-6          # what vui itself takes may follow
#     python -m lingate.hosts.vui --gateway http://localhost:4000 --model groq/llama-3.3-70b-versatile
#
# `LingateBackend` and `LingateGatewayBackend` are vui's backends; they are built when they are first named, because only
# then vui is imported. vui's workers are spawned and import this module again, so it must stay cheap.

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from lingate.errors import ConfigError
from lingate.hosts._shared import DEFAULT_MODEL, launch, load

__all__ = ["GATEWAY", "IN_PROCESS", "LingateBackend", "LingateGatewayBackend", "main", "make_backend"]

GATEWAY = "lingate"
"""`VUI_LLM_BACKEND` for a gateway at `VUI_LINGATE_URL`."""
IN_PROCESS = "lingate-inprocess"
"""`VUI_LLM_BACKEND` for Lingate in vui's own process."""

_LAZY = ("LingateBackend", "LingateGatewayBackend")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lingate.hosts._vui_backends import LingateBackend, LingateGatewayBackend
else:

    def __getattr__(name: str) -> Any:
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(_backends(), name)
        return value


def _backends() -> Any:
    hint = "run this with the Python that vui is installed in, after `pip install lingate` there"
    return load("lingate.hosts._vui_backends", of="vui", hint=hint)


def make_backend(name: str | None = None, model: str | None = None) -> Any:
    """The backend that vui's own `make_backend` returns for a name of ours (default: `VUI_LLM_BACKEND`).

    Raises:
        ConfigError: The name is not one of ours.
        MissingExtraError: vui is not installed in this Python.
    """
    wanted = (name or os.environ.get("VUI_LLM_BACKEND") or GATEWAY).lower()
    if wanted not in (GATEWAY, IN_PROCESS):
        raise ConfigError(f"unknown VUI_LLM_BACKEND {wanted!r}: Lingate's are {GATEWAY} and {IN_PROCESS}")
    backends = _backends()
    return backends.LingateGatewayBackend(model) if wanted == GATEWAY else backends.LingateBackend(model)


def main(arguments: Sequence[str] | None = None) -> None:
    """Start vui's server with Lingate as its language model, without a change to vui's files."""
    parser = argparse.ArgumentParser(
        prog="python -m lingate.hosts.vui",
        description="Start vui with Lingate as its language model. Everything else is handed to vui.",
        allow_abbrev=False,
    )
    parser.add_argument("--model", help=f"provider/model (default: $VUI_LINGATE_MODEL, then {DEFAULT_MODEL})")
    parser.add_argument("--gateway", help="URL of a gateway (default: $VUI_LINGATE_URL; neither: no gateway)")
    own, rest = parser.parse_known_args(sys.argv[1:] if arguments is None else list(arguments))
    url = own.gateway or os.environ.get("VUI_LINGATE_URL")
    backends = _backends()
    if url:
        backend = backends.LingateGatewayBackend(own.model, url)
    else:
        backend = backends.LingateBackend(own.model)
        backend.warn_of_missing_key()
    import_module("vui.serving.stream.llm_backend").set_backend(backend)
    sys.argv = [sys.argv[0], *rest]
    import_module("vui.serving.stream.server").main()


if __name__ == "__main__":
    launch(main)

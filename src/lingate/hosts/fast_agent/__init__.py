"""fast-agent (evalstate) with any provider, three ways; docs/hosts/fast-agent.md compares them.

    lingate hosts install fast-agent                    # overlays: models of a gateway in fast-agent's picker
    python -m lingate.hosts.fast_agent go --model lingate/anthropic/claude-sonnet-4-6      # no gateway, no patch
    lingate hosts install fast-agent --route provider   # a provider of its own, with a row in the picker

In a program of your own, `import lingate.hosts.fast_agent as lingate_host; lingate_host.register()` before agents are
made does what the second does. fast-agent itself is imported when something here needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from lingate.hosts._shared import load

__all__ = ["LingateClient", "LingateLLM", "main", "register"]

_HOMES = {"LingateLLM": "provider", "LingateClient": "_client"}
_MODEL_OPTIONS = ("--model", "--models", "-m")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lingate.hosts.fast_agent._client import LingateClient
    from lingate.hosts.fast_agent.provider import LingateLLM
else:

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(_part(_HOMES[name]), name)
        return value


def _part(name: str) -> Any:
    hint = "run this with fast-agent's Python (3.12 or newer): pip install fast-agent-mcp lingate"
    return load(f"lingate.hosts.fast_agent.{name}", of="fast-agent", hint=hint)


def register() -> None:
    """Have `generic.lingate/<provider>/<model>` answered in this process. May be called any number of times."""
    # Raises MissingExtraError: fast-agent is not installed in this Python.
    _part("provider").register()


def spec_of(model: str) -> str:
    """A model as fast-agent must be told it: `lingate/...` and `lingate....` become `generic.lingate/...`."""
    for prefix in ("lingate/", "lingate."):
        if model.startswith(prefix):
            return f"generic.lingate/{model[len(prefix) :]}"
    return model


def _specs(value: str) -> str:
    return ",".join(spec_of(one.strip()) for one in value.split(","))


def arguments_of(given: Sequence[str]) -> list[str]:
    """The command line for fast-agent, with the models of ours in its own words."""
    made: list[str] = []
    for at, argument in enumerate(given):
        name, equals, value = argument.partition("=")
        if equals and name in _MODEL_OPTIONS:
            made.append(f"{name}={_specs(value)}")
        elif at and given[at - 1] in _MODEL_OPTIONS:
            made.append(_specs(argument))
        else:
            made.append(argument)
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Run fast-agent's own command line with Lingate in its process."""
    register()
    given = sys.argv[1:] if arguments is None else arguments
    sys.argv = ["fast-agent", *arguments_of(given)]
    import_module("fast_agent.cli.__main__").main()

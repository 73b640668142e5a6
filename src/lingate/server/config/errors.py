"""The error for a configuration that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence

from lingate.errors import ConfigError
from lingate.server.config.reading import Problem


class ConfigFileError(ConfigError):
    """The configuration has errors; the message lists all of them.

    Attributes:
        problems: What is wrong, in the order of the file.
    """

    def __init__(self, path: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} error{'s' if len(self.problems) != 1 else ''}"
        super().__init__("\n".join((f"{path} has {count}:", *(f"  {item}" for item in self.problems))))

# Notices that the configuration's files have changed, and reads them again.

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping

from lingate.server.config.loading import load
from lingate.server.config.reading import ConfigFileError
from lingate.server.config.settings import GatewayConfig

Stamp = tuple[tuple[int, int, int, int] | None, ...]
"""Inode, size and times of change of each file, that of its rights too; None for one that is not there."""

Changed = Callable[[GatewayConfig | ConfigFileError], None]


class Watcher:
    # Looks at the files of a configuration.

    # A change is read when the files have stayed the same between two looks, so that one that is still being written is
    # not.

    def __init__(self, config: GatewayConfig, env: Mapping[str, str]) -> None:
        self._path = config.path
        self._files = config.files
        self._env = env
        self._known = self._seen = _stamp(self._files)

    def is_due(self) -> bool:
        # Whether the files have changed and come to rest.
        # To be asked again and again.
        stamp = _stamp(self._files)
        settled = stamp == self._seen and all(file is None or file[1] for file in stamp)  # an empty one will be written
        self._seen = stamp
        return settled and stamp != self._known

    def reload(self) -> GatewayConfig | ConfigFileError | None:
        # Read the files again, whether they have changed or not: the new configuration, or what is wrong with it.
        # None if they were written since the last look, and are due again: half a file, or one just emptied, may make
        # sense too.
        before = self._seen
        found: GatewayConfig | ConfigFileError
        try:
            found = load(self._path, self._env)
        except ConfigFileError as error:
            found = error
        if _stamp(self._files) != before:
            return None
        self._files = found.files
        self._known = self._seen = before if len(before) == len(found.files) else _stamp(found.files)
        return found

    async def run(self, changed: Changed, interval: float) -> None:
        # Look every so many seconds, and tell of each new configuration or error.
        # Runs until it is cancelled.
        while True:
            await asyncio.sleep(interval)
            if self.is_due() and (found := await asyncio.to_thread(self.reload)) is not None:
                changed(found)


async def watch(config: GatewayConfig, env: Mapping[str, str], changed: Changed) -> None:
    # Tell of each new configuration, or what is wrong with it, until cancelled; done at once if nothing is watched.
    # config: The configuration as it is; its `lingate.reload` says how often to look.
    if config.path is None or not config.own.reload:
        return
    await Watcher(config, env).run(changed, config.own.reload)


def _stamp(files: tuple[str, ...]) -> Stamp:
    return tuple(map(_file_stamp, files))


def _file_stamp(name: str) -> tuple[int, int, int, int] | None:
    try:
        status = os.stat(name)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns

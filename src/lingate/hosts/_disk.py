# Carries out what `_recipe` works out: reads a host's files, and writes all of a set of changes or none.

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lingate.errors import ConfigError
from lingate.hosts._recipe import Change, Tree


def tree_of(root: Path, *, new: bool = False) -> Tree:
    # The files below a folder. One that may be `new` need not be there: then it holds nothing.
    if not root.is_dir() and not (new and not root.exists()):
        raise ConfigError(f"{root} is not a folder")

    def read(path: str) -> str | None:
        full = root / path
        if path.endswith("/"):
            return "" if full.is_dir() else None
        return _text(full)[0] if full.is_file() else None

    def find(pattern: str) -> list[str]:
        return [path.relative_to(root).as_posix() for path in root.glob(pattern)]

    return Tree(read, find)


def _text(path: Path) -> tuple[str, str]:
    # A file with `\n` line ends, and the line end it has. A mixture is left as it is, so that nothing is lost.
    try:
        raw = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    if "\r\n" in raw and raw.count("\r\n") == raw.count("\n"):
        return raw.replace("\r\n", "\n"), "\r\n"
    return raw, "\n"


def write(root: Path, changes: Sequence[Change]) -> None:
    # Make the changes; if one fails, take back those that were made.
    made: list[tuple[Path, bytes | None]] = []
    try:
        for change in changes:
            path = root / change.path
            if tree_of(root, new=True).read(change.path) != change.before:
                raise ConfigError(f"{path} has changed meanwhile")
            before = path.read_bytes() if change.before is not None else None
            end = _text(path)[1] if before is not None else "\n"
            _replace(path, None if change.after is None else change.after.replace("\n", end).encode())
            made.append((path, before))
    except (OSError, ConfigError) as error:
        for path, before in reversed(made):
            _replace(path, before)
        raise ConfigError(f"nothing was changed: {error}") from error


def _replace(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
        return
    path = path.resolve()  # what a link leads to is changed, and the link stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, path.stat().st_mode & 0o7777 if path.exists() else 0o644)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise

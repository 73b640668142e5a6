# Writes files of the user's: whole or not at all.

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lingate.errors import ConfigError


def write(path: Path, content: bytes, *, like: Path | None = None) -> None:
    # Make or replace a file that its owner alone may read, or that has the permissions of another.
    #
    # Who is reading the old one, or watching it, never sees half. What a link leads to is replaced, and the link stays one.
    place = path.resolve()
    if place.exists() and not place.is_file():  # a terminal, a pipe: never to be replaced
        raise ConfigError(f"cannot write {path}: it is no file")
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        try:
            draft.unlink(missing_ok=True)  # another user may have laid one, or a link, where all may write
            draft.touch(mode=0o600, exist_ok=False)
            draft.write_bytes(content)
            if like is not None:
                shutil.copymode(like, draft)
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from None

# The model that the user has chosen as default: `lingate/settings.json` under XDG_CONFIG_HOME. Read by the command line only.

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lingate._wire.json import decode, encode
from lingate.cli import files
from lingate.errors import ConfigError


def path() -> Path:
    given = os.environ.get("XDG_CONFIG_HOME") or ""
    try:
        base = Path(given) if os.path.isabs(given) else Path.home() / ".config"
    except RuntimeError:  # a container's user may have no home
        raise ConfigError(
            "there is no home directory to keep the default model in", hint="set XDG_CONFIG_HOME"
        ) from None
    return base / "lingate" / "settings.json"


def load() -> str | None:
    try:
        place = path()
    except ConfigError:
        return None
    model = _settings(place).get("model")
    if model is None or (isinstance(model, str) and "/" in model):
        return model
    raise ConfigError(f"{place}: model must be written 'provider/model'", hint="`lingate models` saves another")


def save(model: str) -> Path:
    # Keep a model as the default, whatever else is in the file, and tell where.
    place = path()
    settings = {**_settings(place), "model": model}
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make {place.parent}: {error.strerror or error}") from None
    files.write(place, encode(settings) + b"\n")
    return place


def _settings(place: Path) -> dict[str, Any]:
    try:
        found = decode(place.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(f"cannot read {place}: {error.strerror or error}") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"{place} is not a JSON object", hint="mend or delete it; it holds the default model")
    return found

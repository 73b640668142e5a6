# Reads the SDK's configuration: a dict, or a TOML, JSON or YAML file. Strict: an unknown key is an error that names it.

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lingate._call.policy import RetryPolicy, Timeout
from lingate._model import Fixed
from lingate.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ("drop_params", "fallbacks", "model", "providers", "retries", "timeout")


class Config(Fixed, frozen=True, kw_only=True):
    """What a client is set to."""

    providers: Mapping[str, Mapping[str, Any]] = {}
    """Settings by provider name (`api_key`, `api_base`, `headers`, `traits`, ...), and rows of the user's own."""
    timeout: Timeout = Timeout()
    """Default time-outs."""
    policy: RetryPolicy = RetryPolicy()
    """Default retry policy."""
    drop_params: bool = False
    """Leave out what a provider cannot express, instead of raising."""
    fallbacks: tuple[Any, ...] = ()
    """Tried in order when a call's own model fails, unless the call brings its own."""
    model: str | None = None
    """What the command line asks when it is not told; the clients are always told."""


def load(source: Mapping[str, Any] | str | os.PathLike[str] | None) -> Config:
    """Read a configuration."""
    # source: A mapping, the path of a `.toml`, `.json`, `.yaml` or `.yml` file, or None for the defaults.
    # Raises ConfigError: The file cannot be read, or something in it is wrong; the message says what and where.
    if source is None:
        return Config()
    if isinstance(source, Mapping):
        return _config(source, "config")
    if not isinstance(source, (str, os.PathLike)):
        raise ConfigError(f"config must be a mapping or the path of a file, not {type(source).__name__}")
    from pathlib import Path  # what only a file needs is loaded when there is one

    path = Path(source)
    try:
        text = path.read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the config file {path}: {getattr(error, 'strerror', error)}") from None
    return _config(_parse(path, text), str(path))


def _parse(path: Path, text: bytes) -> Any:
    import tomllib

    from lingate._wire.json import decode

    suffix = path.suffix.lower()
    try:
        if suffix == ".toml":
            return tomllib.loads(text.decode())
        if suffix == ".json":
            return decode(text)
    except ValueError as error:
        raise ConfigError(f"{path} is not valid {suffix[1:].upper()}: {error}") from None
    if suffix in (".yaml", ".yml"):
        return _parse_yaml(path, text)
    raise ConfigError(f"{path}: the name of a config file ends in .toml, .json, .yaml or .yml")


def _parse_yaml(path: Path, text: bytes) -> Any:
    try:
        import yaml
    except ImportError:
        raise MissingExtraError(f"{path} is YAML: pip install 'lingate[yaml]', or write it as TOML or JSON") from None
    try:
        return yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # 2026-02-30 is a ValueError of Python's
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path} is not valid YAML{where}") from None


def _config(data: Any, where: str) -> Config:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where} must be a mapping, not {type(data).__name__}")
    for key in data:
        if key not in KEYS:
            from difflib import get_close_matches

            near = get_close_matches(str(key), KEYS, 1)
            meant = f"; did you mean {near[0]!r}?" if near else f"; it may hold {', '.join(KEYS)}"
            raise ConfigError(f"{where} has an unknown key {key!r}{meant}")
    providers = data.get("providers") or {}
    if not isinstance(providers, Mapping) or not all(
        isinstance(name, str) and isinstance(item, Mapping) for name, item in providers.items()
    ):
        raise ConfigError(f"{where}: providers must map provider names to settings")
    fallbacks = data.get("fallbacks") or ()
    if isinstance(fallbacks, (str, Mapping)):
        fallbacks = (fallbacks,)
    if not isinstance(fallbacks, (list, tuple)):
        raise ConfigError(f"{where}: fallbacks must be a list of models or of dicts with a model")
    drop = data.get("drop_params", False)
    if not isinstance(drop, bool):
        raise ConfigError(f"{where}: drop_params must be true or false")
    model = data.get("model")
    if model is not None and not isinstance(model, str):
        raise ConfigError(f"{where}: model must be a string of the form 'provider/model'")
    try:
        timeout, policy = Timeout.of(data.get("timeout"), Timeout()), policy_of(data.get("retries"), RetryPolicy())
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    return Config(
        providers=providers,
        timeout=timeout,
        policy=policy,
        drop_params=drop,
        fallbacks=tuple(fallbacks),
        model=model,
    )


def policy_of(retries: Any, default: RetryPolicy) -> RetryPolicy:
    """Read a `retries` argument: a number of further tries, or a whole policy; ConfigError if it is neither."""
    if retries is None:
        return default
    if isinstance(retries, RetryPolicy):
        return retries
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise ConfigError(f"retries must be a whole number from 0 or a RetryPolicy, not {retries!r}")
    if retries == default.retries:
        return default
    return RetryPolicy(retries=retries, base=default.base, cap=default.cap, longest_hint=default.longest_hint)

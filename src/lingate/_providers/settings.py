# What users write about providers: keys, addresses, headers and rows of their own, checked before anything uses them.
#
# No message here ever holds the value of a key or a header.

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from lingate._model import ModelRule, ProviderRow, TokenExchange, Traits, replaced
from lingate._providers.quirks import QUIRKS
from lingate._providers.rows import DEFAULTS
from lingate._providers.templates import compact_key
from lingate.errors import BY_KIND, ConfigError

_OWN_KEYS = ("api_key", "api_base", "api_version")
_NOT_FROM_USERS = frozenset({"name", "ended"})
ROW_KEYS = tuple(name for name in ProviderRow.__struct_fields__ if name not in _NOT_FROM_USERS)

_PRINTABLE = re.compile(r"[!-~]+")
_URL = re.compile(
    r"https?://(?:\[[0-9a-f:.]+\]|[^\s/?#@\\:\[\]%]+)(?::(?P<port>\d{0,5}))?(?:/[^\s?#\\]*)?(?:\?(?P<query>[^\s#\\]*))?",
    re.IGNORECASE,
)
_VERSION = re.compile(r"[\w.-]+")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
SENSITIVE = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)
"""Names of headers and of query parameters that hold a secret."""
_MODULE = r"[a-z][a-z0-9_]*(?::[^\s|]+)?"
_AUTH = re.compile(rf"(?:bearer|none|header:[\w-]+(?: [\w-]+)?|scheme:[\w-]+)(?:\|{_MODULE})?|{_MODULE}")


class Settings(NamedTuple):
    row: ProviderRow
    api_key: str | None
    api_base: str | None


def wrong_type(where: str, wanted: str, value: Any) -> ConfigError:
    # What stands there is of another type than it must be.
    return ConfigError(f"{where} must be {wanted}, not {type(value).__name__}")


def check_key(value: Any, where: str) -> str:
    # The key, if it can go into a header; the error names `where` it came from and does not hold it.
    if not isinstance(value, str):
        raise wrong_type(where, "a string", value)
    if not value.strip():
        raise ConfigError(f"{where} is empty")
    if not _PRINTABLE.fullmatch(value):
        raise ConfigError(
            f"{where} holds white space, control characters or letters outside ASCII, which no key has",
            hint="give the key alone, without quotes, a line end or the word Bearer",
        )
    return value


def check_url(value: Any, where: str) -> str:
    # The base URL without a slash at its end.
    # A query stays, for hosts that want a version in it.
    if not isinstance(value, str):
        raise wrong_type(where, "a string", value)
    text = value.strip()
    if not text:
        raise ConfigError(f"{where} is empty")
    found = _URL.fullmatch(text)
    if (
        found is None
        or not text.isprintable()
        or int(found["port"] or 0) > 65535
        or SENSITIVE.search(found["query"] or "")
    ):
        raise ConfigError(
            f"{where} is not a base URL",
            hint="it begins with http:// or https:// and holds no user name, password, key or fragment",
        )
    path, mark, query = text.partition("?")
    return path.rstrip("/") + mark + query


def check_headers(value: Any, where: str) -> dict[str, str]:
    # Headers with their names in lower case; the error holds the name of a wrong one only.
    out: dict[str, str] = {}
    for name, text in _mapping(value, where).items():
        if not HEADER_NAME.fullmatch(name):
            raise ConfigError(f"{where}: {name!r:.80} is not the name of a header")
        if not isinstance(text, str) or not _HEADER_VALUE.fullmatch(text):
            raise ConfigError(f"{where}.{name} must be a string without line ends")
        out[name.lower()] = text.strip()
    return out


def secrets_in(headers: Mapping[str, str]) -> tuple[str, ...]:
    # The credentials in headers, without the word that says of which kind they are.
    found: dict[str, None] = {}
    for name, text in headers.items():
        if SENSITIVE.search(name):
            word, space, rest = text.partition(" ")
            found[rest if space else word] = None
    return tuple(found)


def settings_from(name: str, given: Mapping[str, Any], known: ProviderRow | None, where: str = "providers") -> Settings:
    # Read what a configuration says about one provider, in words of its own or as changes of a known row.
    # Raises ConfigError: A key is unknown or a value wrong; the message holds the path and the closest key.
    path = f"{where}.{name}"
    _known_keys(given, _OWN_KEYS + ROW_KEYS, path)
    own = {key: item for key, item in given.items() if key not in _OWN_KEYS and item is not None}
    api_key, api_base, version = given.get("api_key"), given.get("api_base"), given.get("api_version")
    row = _changed(name, own, known, path) if own or known is None else known
    return Settings(
        row if version is None else with_version(row, version, f"{path}.api_version"),
        None if api_key is None else check_key(compact_key(api_key, row), f"{path}.api_key"),
        None if api_base is None else check_url(api_base, f"{path}.api_base"),
    )


def with_version(row: ProviderRow, version: Any, where: str) -> ProviderRow:
    # The row with this version in its query, instead of the one that the environment may hold.
    name = next((name for name in row.query if name.endswith("version")), None)
    if name is None:
        raise ConfigError(f"{where} is given, and {row.name} takes no version", provider=row.name)
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise ConfigError(f"{where} must be a version in a string, such as '2024-10-21'", provider=row.name)
    return replaced(row, query={**row.query, name: version})


def _changed(name: str, own: dict[str, Any], known: ProviderRow | None, path: str) -> ProviderRow:
    hints = _types(ProviderRow)
    own = {key: _typed(item, hints[key], f"{path}.{key}") for key, item in own.items()}
    base = _base(name, own.get("dialect"), known, path)
    if known is None and own.get("key_env") and base.auth == "none":
        own.setdefault("auth", "bearer")
    if "url" in own:
        # A template is checked when it is filled.
        own["url"] = own["url"].rstrip("/") if "{" in own["url"] else check_url(own["url"], f"{path}.url")
    if "headers" in own:
        own["headers"] = {**base.headers, **check_headers(own["headers"], f"{path}.headers")}
    if "query" in own:
        own["query"] = {**base.query, **own["query"]}
    if "env" in own:
        own["env"] = {**base.env, **own["env"]}
    if "traits" in own:
        # As a rule for every model too: what users say about their provider is stronger than a model's family.
        rule = ModelRule(pattern="(?s:.*)", traits=own["traits"])
        own["models"] = (*own.get("models", base.models), rule)
        own["traits"] = {**base.traits, **own["traits"]}
    row = replaced(base, **own)
    check_row(row, path)
    return row


@lru_cache(maxsize=8)
def _types(record: Any) -> dict[str, Any]:
    return get_type_hints(record)


def _typed(value: Any, wanted: Any, path: str) -> Any:
    # The value as its annotation wants it: lists become tuples, mappings become our records.
    origin, parts = get_origin(wanted), get_args(wanted)
    if wanted is Any:
        return value
    if origin in (Union, UnionType):
        return None if value is None else _typed(value, parts[0], path)
    if origin is Literal:
        if value not in parts:
            raise ConfigError(f"{path} is {value!r:.80}{_nearest(str(value), parts)}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise wrong_type(path, "a list", value)
        return tuple(_typed(item, parts[0], f"{path}[{at}]") for at, item in enumerate(value))
    if origin in (dict, Mapping):
        return {key: _typed(item, parts[1], f"{path}.{key}") for key, item in _mapping(value, path).items()}
    if wanted in _RECORDS:
        hints = _types(wanted)
        known = _known_keys(_mapping(value, path), tuple(hints), path)
        if (needed := _RECORDS[wanted]) and needed not in known:
            raise ConfigError(f"{path}.{needed} is missing")
        return wanted(**{key: _typed(item, hints[key], f"{path}.{key}") for key, item in known.items()})
    return _plain_value(value, wanted, path)


_RECORDS: Mapping[Any, str] = {Traits: "", ModelRule: "pattern", TokenExchange: "url"}
"""Our own records, and the field that each cannot do without."""

_WORDS = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}


def _plain_value(value: Any, wanted: type, path: str) -> Any:
    if wanted is float and type(value) is int:
        return float(value)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise wrong_type(path, _WORDS[wanted], value)
    return value


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong_type(path, "a mapping", value)
    for key in value:
        if not isinstance(key, str):
            raise ConfigError(f"{path}: {key!r:.80} must be a string")
    return value


def _known_keys(given: Mapping[Any, Any], allowed: tuple[str, ...], path: str) -> Mapping[str, Any]:
    for key in given:
        if key not in allowed:
            raise ConfigError(f"{path}.{key!s:.80} is unknown{_nearest(str(key), allowed)}")
    return given


def _base(name: str, dialect: Any, known: ProviderRow | None, path: str) -> ProviderRow:
    # What the user's words are laid over: the row itself, or what a dialect needs.
    if known is not None and dialect in (None, known.dialect):
        return known
    wanted = "openai_chat" if dialect is None else dialect
    if wanted not in DEFAULTS:
        raise ConfigError(f"{path}.dialect is {wanted!r:.80}{_nearest(str(wanted), tuple(DEFAULTS))}")
    start = replaced(DEFAULTS[wanted], name=name)
    if known is None:
        return start
    return replaced(start, name=known.name, title=known.title, key_env=known.key_env, aliases=known.aliases)


def check_row(row: ProviderRow, path: str) -> None:
    # Check what a row's types cannot say.
    if not row.name or "/" in row.name or not row.name.isprintable():
        raise ConfigError(f"{path}: {row.name!r:.80} cannot be the name of a provider")
    if not _AUTH.fullmatch(row.auth):
        raise ConfigError(f"{path}.auth is {row.auth!r:.80}; it is bearer, none, header:<Name> or scheme:<Word>")
    for quirk in row.quirks:
        if quirk not in QUIRKS:
            raise ConfigError(f"{path}.quirks holds {quirk!r:.80}{_nearest(quirk, tuple(QUIRKS))}")
    for code, kind in row.error_kinds.items():
        if kind not in BY_KIND:
            raise ConfigError(f"{path}.error_kinds.{code} is {kind!r:.80}{_nearest(kind, tuple(BY_KIND))}")
    for rule in row.models:
        try:
            re.compile(rule.pattern)
        except re.error as error:
            raise ConfigError(f"{path}.models: {rule.pattern!r} is not a regular expression: {error}") from None


def _nearest(word: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches  # for mistakes only

    near = get_close_matches(word, known, 1, 0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"

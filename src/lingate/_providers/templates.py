# Templates in rows: `{NAME}` is the variable NAME, `{A|B=word}` the first of A and B that is set, else `word`.

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from typing import Any, cast

from lingate._model import ProviderRow, replaced

VARIABLE = re.compile(r"\{([A-Z0-9_|]+)(?:=([^{}]*))?\}")


def first_set(names: tuple[str, ...], env: Mapping[str, str]) -> str | None:
    # The first of these variables that holds something.
    for name in names:
        value = env.get(name)
        if value and not value.isspace():
            return name
    return None


def filled(text: str, env: Mapping[str, str], *, exact: bool = False) -> str | None:
    # Put variables into a template; None if one is missing.
    # Slashes at the end of a value go, unless it is `exact`.
    if "{" not in text:
        return text
    missing = False

    def value(found: re.Match[str]) -> str:
        nonlocal missing
        name = first_set(tuple(found[1].split("|")), env)
        if name is None:
            missing = missing or found[2] is None
            return found[2] or ""
        return env[name].strip() if exact else env[name].strip().rstrip("/")

    out = VARIABLE.sub(value, text)
    return None if missing else out


def has_header(row: ProviderRow, name: str, env: Mapping[str, str]) -> bool:
    # Whether a row's own headers hold this one, filled from the environment and not with the key.
    template = row.headers.get(name)
    return template is not None and "{key}" not in template and filled(template, env) is not None


def with_query(url: str, query: Mapping[str, str], env: Mapping[str, str]) -> str:
    # The URL with a row's parameters; those that it has already stay as they are.
    given = {part.partition("=")[0] for part in url.partition("?")[2].split("&")}
    for name, template in query.items():
        value = None if name in given else filled(template, env)
        if value:
            from urllib.parse import quote  # importing Lingate's client is to be quick, and few rows have parameters

            url += f"{'&' if '?' in url else '?'}{name}={quote(value, safe='')}"
    return url


def compact_key(key: str, row: ProviderRow) -> str:
    # A key that may be JSON, without the white space and the letters that no header takes.
    if row.exchange is None or not row.exchange.key_json:
        return key
    from json import dumps, loads  # importing Lingate's client is to be quick, and few keys are JSON

    try:
        return dumps(loads(key), separators=(",", ":"))
    except ValueError:
        return key


def with_key_parts(key: str, env: Mapping[str, str]) -> Mapping[str, str]:
    # The environment with the values of a key that is JSON: `{"a": {"b": "x"}}` is `KEY_A_B`.
    from json import loads

    parts: dict[str, str] = {}

    def add(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                add(f"{prefix}_{name.upper()}", inner)
        elif isinstance(value, str):
            parts[prefix] = value

    try:
        add("KEY", loads(key))
    except ValueError:
        return env  # not the JSON but what it is exchanged for
    return ChainMap(parts, cast("dict[str, str]", env))


def with_exchange(row: ProviderRow, env: Mapping[str, str]) -> ProviderRow:
    # The row with its exchange's templates filled from the environment.
    if row.exchange is None:
        return row

    def fill(fields: Mapping[str, str]) -> dict[str, str]:
        known = ((name, filled(template, env, exact=True)) for name, template in fields.items())
        return {name: text for name, text in known if text is not None}

    given = row.exchange
    one = fill({"client_id": given.client_id, "client_secret": given.client_secret})
    known = replaced(
        given,
        url=filled(given.url, env) or "",
        client_id=one.get("client_id", ""),
        client_secret=one.get("client_secret", ""),
        form=fill(given.form),
        headers=fill(given.headers),
    )
    return replaced(row, exchange=known)

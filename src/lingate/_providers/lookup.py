# From `provider/model` to the place a request is sent to: which row, which URL, which credential, which traits.

# Nothing here touches the network or the process's own environment; variables are read from the mapping that is passed.

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, cast

from lingate._model import Edit, Fixed, MakeSigner, ProviderRow, Target, Traits, replaced
from lingate._providers.families import family_traits
from lingate._providers.missing import WRITTEN, missing_key, missing_url, no_provider, unknown
from lingate._providers.missing import plain as _plain
from lingate._providers.quirks import edits_for
from lingate._providers.rows import DEFAULTS, PROXIES, ROWS
from lingate._providers.rows_litellm import BORROWED
from lingate._providers.settings import (
    check_headers,
    check_key,
    check_row,
    check_url,
    secrets_in,
    settings_from,
    with_version,
    wrong_type,
)
from lingate._providers.templates import (
    compact_key,
    filled,
    first_set,
    has_header,
    with_exchange,
    with_key_parts,
    with_query,
)
from lingate.errors import ConfigError, UnknownProviderError

# What a host says about its own wire; such a fact of a row is stronger than what is known about a model elsewhere.
_HOST_FACTS = ("max_tokens_param", "reasoning_param", "reasoning_history", "structured", "efforts", "tool_names")

# A base URL is sometimes given with the path of the one request it was copied from. Of `/v1` too, the wire format that
# begins its own paths so has no use.
_CHAT_PATHS = {
    "openai_chat": ("/chat/completions",),
    "openai_responses": ("/responses",),
    "anthropic": ("/v1/messages", "/messages", "/v1"),
    "cohere": ("/v2/chat", "/v2", "/v1"),
    "ollama": ("/api/chat", "/api/generate", "/api", "/v1"),
}

_OWN_ADDRESS = re.compile(r"(https?://)([^:/]+):(\d+).*")
_ADDRESS = re.compile(r"(\[[^\]]*\]|[^:/]*)(?::(\d+))?(/.*)?")

_HOST = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}(?:/.*)?", re.IGNORECASE)

_MOST_PLANS = 2048


class Credential(Fixed, frozen=True, kw_only=True):
    # Whether a provider could be called, as far as its row and the environment tell. Never holds the key.

    provider: str
    """The row's name."""
    present: bool
    """A variable holds a key."""
    variable: str | None
    """That variable."""
    variables: tuple[str, ...]
    """All that are looked at, in order."""
    required: bool
    """Calls without a key are refused."""
    note: str
    """What a user should know: why the service ended, or what is special about its key."""


class _Plan(NamedTuple):
    # What follows from a row and a model alone, so that it is worked out once.

    source: ProviderRow
    row: ProviderRow
    model: str
    url: str | None
    suffix: str
    traits: Traits
    edits: tuple[Edit, ...]


def _index(table: tuple[ProviderRow, ...]) -> dict[str, ProviderRow]:
    return {_plain(name): row for row in table for name in (row.name, *row.aliases)}


_shipped = _index(ROWS)
_borrowed = _index(BORROWED)
_users: dict[str, ProviderRow] = {}
_plans: dict[tuple[str, str], _Plan] = {}
registered = 0
"""How often a provider was added or changed: what was looked up before the last time may be another one's."""


def wire_model(provider: str, model: str) -> str:
    # The model as its provider knows it, without what only says in which format it is asked (`responses/gpt-5`).
    row = _known(provider)
    return model if row is None else _plan(row, model).model


def priced_as(provider: str, model: str) -> str:
    # The model under which the price catalogue has this one's price.
    row = _known(provider)
    return model if row is None else _plan(row, model).traits.get("priced_as", model)


def rows() -> Iterator[ProviderRow]:
    # Every provider that can be found, a user's own ones first.
    seen = set()
    for row in (*_users.values(), *ROWS):
        if row.name not in seen and _known(row.name) is row:
            seen.add(row.name)
            yield row


def find(name: str) -> ProviderRow:
    # The row of a provider, by its name or an alias; case and `-` against `_` do not matter.
    row = found(name)
    if row is None:
        raise unknown(name, {**_shipped, **_users})
    return row


def found(name: str) -> ProviderRow | None:
    # `find` without an error, which takes a thousand times as long: it looks for the closest names.
    return _known(name) or borrowed(name)


def borrowed(name: str) -> ProviderRow | None:
    # The row of a provider that is reached through a package which need not be installed.
    return _borrowed.get(_plain(name))


def register(row: ProviderRow) -> None:
    # Add a provider for the whole process.
    # It wins over a shipped row of the same name.
    global registered
    check_row(row, row.name)
    for name in (row.name, *row.aliases):
        _users[_plain(name)] = row
    registered += 1


def from_config(name: str, given: Mapping[str, Any]) -> ProviderRow:
    # A row from a configuration's words; what they leave out comes from the row of that name, if there is one.
    # Raises ConfigError: A key is unknown or a value wrong; the message holds the path and the closest key.
    return settings_from(name, given, _known(name)).row


def credential(row: ProviderRow, env: Mapping[str, str]) -> Credential:
    # Whether the environment holds a key for this provider: from the row alone, no network, no sign-in.
    variables = row.key_env + row.token_env + row.sign_env
    variable = first_set(variables, _with_own(row, env))
    return Credential(
        provider=row.name,
        present=variable is not None,
        variable=variable,
        variables=variables,
        required=_needs_key(row),
        note=row.ended or row.note,
    )


def resolve(
    model: str,
    *,
    env: Mapping[str, str],
    api_key: str | None = None,
    api_base: str | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    proxy: tuple[str, str | None] | None = None,
    headers: Mapping[str, str] | None = None,
    sign: MakeSigner | None = None,
    api_version: str | None = None,
    borrow: Callable[[str], ProviderRow | None] | None = None,
) -> Target:
    # Turn `provider/model` into the place a request is sent to.
    # Everything after the first slash belongs to the provider. Where the credential comes from, the first that has one:
    #
    # 1. the call: `api_key`, or `headers` that hold the provider's own header for it;
    # 2. the environment: `key_env` of the row in its order, then `token_env`;
    # 3. the configuration: `api_key` of the provider, or such `headers`;
    # 4. the proxy, if one is set (`proxy`, else the environment's) and the call names no `api_base`: then the whole
    #    request goes there in OpenAI's format, with the full `provider/model` as the model's name;
    # 5. signing in, for a provider with a module for it: before the proxy if one of `sign_env` is set, else after it.
    #
    # The base URL, the first that there is: `api_base` of the call, `url_env` of the row, `api_base` of the
    # configuration, `url` of a rule for this model, `url` of the row. Where there is none, the proxy is the last resort.
    #
    # Traits, later ones win: the row, the model's family, the row again for what it says about its own wire, rules of the
    # row for this model, the configuration.
    #
    # model: `provider/model`. A bare model name is an error; the provider is never guessed.
    # config: Settings by provider name (`api_key`, `api_base`, `headers`, `traits`, any field of a row); a name that
    # no row has makes a provider of the user's own.
    # proxy: URL and key of a gateway for calls that have no credential.
    # sign: Makes the signers of providers that can be signed in to; without it these need a key like all others.
    # api_version: Instead of the configuration's and the environment's, at providers whose addresses hold one.
    # borrow: Finds the row of a provider that the table has not, and that can be reached all the same.
    # Raises UnknownProviderError: No row has this name, or there is no slash; the message lists the closest three.
    # Raises MissingCredentialError: The provider needs a key and there is none; the message names the variables.
    # Raises ConfigError: The base URL is missing, a value cannot be used, or the service has ended.
    provider, name = _split(model)
    row, config_key, config_base = _configured(provider, config, borrow)
    if row.ended:
        raise ConfigError(f"{row.name}: {row.ended}", provider=row.name, model=name)
    if api_version is not None:
        row = with_version(row, api_version, "api_version")
    plan = _plan(row, name)
    extra = check_headers(headers, "headers") if headers else {}
    env = _with_own(plan.row, env)
    key, auth = _key(plan.row, env, api_key, config_key)
    if key is not None and plan.row.exchange is not None and plan.row.exchange.key_json:
        env = with_key_parts(key, env)
    static, module = _ways(auth)
    ours = credential_headers(plan.row)
    given_by_hand = any(name in extra or has_header(plan.row, name, env) for name in ours)
    signs = sign is not None and bool(module) and not given_by_hand and (key is None or not static)
    if key is None and _needs_key(plan.row) and not given_by_hand:
        sure = signs and first_set(plan.row.sign_env, env) is not None
        through = None if api_base is not None or sure else _through_proxy(model, env, proxy, extra)
        if through is not None:
            return through
        if not signs:
            raise missing_key(plan.row, name)
    url = _url(plan, env, api_base, config_base)
    if url is None:
        through = _through_proxy(model, env, proxy, extra)
        if through is None:
            raise missing_url(plan.row, name)
        return through
    target = _target(plan, url, key, static, env, extra)
    if sign is None or not signs:
        return target
    return replaced(target, signer=sign(module, with_exchange(plan.row, env), env, key, url))


def _split(model: str) -> tuple[str, str]:
    if not isinstance(model, str):
        raise wrong_type("model", "a string", model)
    provider, slash, name = model.partition("/")
    if not slash:
        if _known(model) is not None:
            raise UnknownProviderError(f"{model!r} names a provider and no model: write it as {model}/model")
        raise no_provider(model, {**_shipped, **_users})
    if not provider:
        raise ConfigError(f"model {model!r:.100} has nothing before the slash: write it as provider/model")
    if not name.strip():
        raise ConfigError(f"model {model!r:.100} has nothing after the slash: write it as {provider:.60}/model")
    return provider, name


def _known(name: str) -> ProviderRow | None:
    plain = _plain(name)
    return _users.get(plain) or _shipped.get(plain)


def _configured(
    provider: str,
    config: Mapping[str, Mapping[str, Any]] | None,
    borrow: Callable[[str], ProviderRow | None] | None,
) -> tuple[ProviderRow, str | None, str | None]:
    # A provider's row with the configuration's words over it, and the key and the base URL that these give.
    known = _known(provider)
    given = None if config is None else _entry(config, provider, known)
    if known is None and borrow is not None and not (given and ("url" in given or "dialect" in given)):
        known = borrow(provider)
    if given is not None:
        return settings_from(provider, given, known)
    if known is None:
        raise unknown(provider, {**_shipped, **_users}, WRITTEN)
    return known, None, None


def _entry(
    config: Mapping[str, Mapping[str, Any]], provider: str, known: ProviderRow | None
) -> Mapping[str, Any] | None:
    found = config.get(provider)
    if found is None:
        names = {_plain(provider)}
        if known is not None:
            names.update(map(_plain, (known.name, *known.aliases)))
        found = next((item for key, item in config.items() if _plain(key) in names), None)
    return found


def _plan(row: ProviderRow, model: str) -> _Plan:
    key = (row.name, model)
    plan = _plans.get(key)
    if plan is None or plan.source is not row:
        plan = _make_plan(row, model)
        if len(_plans) >= _MOST_PLANS:
            _plans.clear()
        _plans[key] = plan
    return plan


def _make_plan(row: ProviderRow, model: str) -> _Plan:
    own = {key: item for key, item in row.traits.items() if key in _HOST_FACTS}
    family = dict(family_traits(model))
    rules = [(rule, found) for rule in row.models if (found := _pattern(rule.pattern).fullmatch(model))]
    dialect = next((rule.dialect for rule, _ in reversed(rules) if rule.dialect), row.dialect)
    if dialect in DEFAULTS and "default_max_tokens" not in DEFAULTS[dialect].traits:
        # Only for the formats that cannot do without: elsewhere it would be paid for and counted against limits.
        family.pop("default_max_tokens", None)
    traits: dict[str, Any] = {**row.traits, **family, **own}
    unsupported = row.unsupported
    wire, url, suffix = model, None, ""
    for rule, found in rules:
        traits.update(rule.traits)
        unsupported += rule.unsupported
        if rule.model is not None:
            wire = found.expand(rule.model)
        if rule.url is not None:
            place = found.expand(rule.url)
            url, suffix = (url, place) if place.startswith("/") else (place, suffix)
    merged = cast("Traits", traits)
    sent_row = row if unsupported == row.unsupported else replaced(row, unsupported=unsupported)
    if dialect != row.dialect:
        # What such a model is asked for as a response goes to it as a chat, unless its format has responses itself.
        has = dialect in DEFAULTS and "responses" in DEFAULTS[dialect].operations
        left = tuple(name for name in row.operations if name != "responses" or has)
        sent_row = replaced(sent_row, dialect=dialect, paths={}, operations=left)
    return _Plan(row, sent_row, wire, url, suffix, merged, edits_for(row.quirks, row.body, merged))


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _needs_key(row: ProviderRow) -> bool:
    return not row.local and row.auth != "none"


def _key(
    row: ProviderRow, env: Mapping[str, str], api_key: str | None, config_key: str | None
) -> tuple[str | None, str]:
    # The key, and the way it goes out.
    if api_key is not None:
        return check_key(compact_key(api_key, row), "api_key"), row.auth
    name = first_set(row.key_env, env)
    if name is not None:
        return check_key(compact_key(env[name], row), name), row.auth
    name = first_set(row.token_env, env)
    if name is not None:
        return check_key(env[name], name), "bearer"
    return config_key, row.auth


def _with_own(row: ProviderRow, env: Mapping[str, str]) -> Mapping[str, str]:
    return ChainMap(cast("dict[str, str]", row.env), cast("dict[str, str]", env)) if row.env else env


def _ways(auth: str) -> tuple[str, str]:
    # How a key goes out, and the module that signs in with what the row tells it; either may be empty.
    static, _, module = auth.partition("|")
    if static in ("bearer", "none") or static.startswith(("header:", "scheme:")):
        return static, module
    return "", auth


def credential_headers(row: ProviderRow) -> frozenset[str]:
    # The headers that a key or a token of this provider may go out in.
    static, module = _ways(row.auth)
    return frozenset((_auth_header(static), *(("authorization",) if module else ())))


def _auth_header(auth: str) -> str:
    return auth[7:].partition(" ")[0].lower() if auth.startswith("header:") else "authorization"


def _auth_value(auth: str, key: str) -> str | None:
    # What the header holds; None where a module gets the key.
    if auth in ("bearer", "none"):
        return f"Bearer {key}"
    kind, colon, rest = auth.partition(":")
    if not colon:
        return None
    word = rest if kind == "scheme" else rest.partition(" ")[2]
    return f"{word} {key}" if word else key


def _url(plan: _Plan, env: Mapping[str, str], api_base: str | None, config_base: str | None) -> str | None:
    row = plan.row
    if api_base is not None:
        base: str | None = _given_base(row, check_url(api_base, "api_base"), env)
    elif (name := first_set(row.url_env, env)) is not None:
        base = _given_base(row, check_url(_completed(env[name], row), name), env)
    elif config_base is not None:
        base = _given_base(row, config_base, env)
    else:
        template = plan.url or row.url
        base = None if template is None else filled(template, env)
        if base is not None and template != base:
            base = check_url(base, f"the base URL of {row.name}, filled from the environment,")
    if base is None:
        return None
    if plan.suffix:
        base, mark, query = base.partition("?")
        base += plan.suffix + mark + query
    return with_query(base, row.query, env) if row.query else base


def _completed(address: str, row: ProviderRow) -> str:
    # A server's address as its own settings have it (`OLLAMA_HOST=10.0.0.5`, `:8000`), completed by the row's.
    own = _OWN_ADDRESS.fullmatch(row.url or "") if row.local else None
    found = _ADDRESS.fullmatch(address.strip()) if "://" not in address else None
    if own is None and _HOST.fullmatch(address.strip()):
        return f"https://{address.strip()}"  # as Databricks sets its own for programs (tidyverse/ellmer#252)
    if own is None or found is None:
        return address
    return f"{own[1]}{found[1] or own[2]}:{found[2] or own[3]}{found[3] or ''}"


def _given_base(row: ProviderRow, url: str, env: Mapping[str, str]) -> str:
    url, mark, query = url.partition("?")
    for path in (row.paths.get("chat", "").rstrip("/"), *_CHAT_PATHS.get(row.dialect, ())):
        if path and url.endswith(path):
            url = url[: -len(path)].rstrip("/")
            break
    if row.url_tail and (tail := filled(row.url_tail, env)):
        scheme, _, place = url.partition("://")
        host, _, path = place.partition("/")
        if f"{tail}/".startswith(f"/{path}/" if path else "/"):  # what it has of the tail it need not have twice
            url = f"{scheme}://{host}{tail}"
    return url + mark + query


def _target(
    plan: _Plan, url: str, key: str | None, auth: str, env: Mapping[str, str], extra: Mapping[str, str]
) -> Target:
    row = plan.row
    headers = {"content-type": "application/json"}
    for name, template in row.headers.items():
        text = filled(template, env) if "{key}" not in template else key and template.replace("{key}", key)
        if text:
            headers[name] = text
    value = None if key is None else _auth_value(auth, key)
    if value is not None:
        headers[_auth_header(auth)] = value
    headers.update(extra)
    own = () if key is None else (key,)
    return Target(
        row=row,
        model=plan.model,
        url=url,
        headers=headers,
        secrets=tuple(dict.fromkeys((*own, *secrets_in(headers)))),
        traits=plan.traits,
        edits=_edits(plan, env),
    )


def _edits(plan: _Plan, env: Mapping[str, str]) -> tuple[Edit, ...]:
    fields = plan.row.body
    if not any(isinstance(value, str) and "{" in value for value in fields.values()):
        return plan.edits
    known = {name: filled(value, env) if isinstance(value, str) else value for name, value in fields.items()}
    told = {name: value for name, value in known.items() if value is not None}
    return edits_for(plan.row.quirks, told, plan.traits)


def _through_proxy(
    model: str, env: Mapping[str, str], proxy: tuple[str, str | None] | None, extra: Mapping[str, str]
) -> Target | None:
    # The gateway that takes calls for which there is nothing else; None if no gateway is set.
    if proxy is not None:
        url, key = proxy
        row = PROXIES[0]
        plan = _plan(row, model)
        base = _given_base(row, check_url(url, "the proxy's URL"), env)
        return _target(plan, base, None if key is None else check_key(key, "the proxy's key"), row.auth, env, extra)
    for row in PROXIES:
        # A URL goes with its own key variable: one gateway's key is none of another's business.
        if first_set(row.url_env, env) is not None:
            plan = _plan(row, model)
            base = cast("str", _url(plan, env, None, None))
            key, auth = _key(row, env, None, None)
            return _target(plan, base, key, auth, env, extra)
    return None

# From a file to a `GatewayConfig`: reads every section, then checks what they say about each other.

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, replace
from typing import Any, NamedTuple

from lingate._model import replaced
from lingate._providers.naming import row_of
from lingate._providers.settings import settings_from
from lingate._wire.shapes import without
from lingate.errors import ConfigError
from lingate.server.config import litellm_schema as schema
from lingate.server.config import rules
from lingate.server.config import source as files
from lingate.server.config.deployments import Surroundings, read_credentials, read_deployments
from lingate.server.config.reading import (
    ConfigFileError,
    Place,
    Problem,
    Reading,
    Unset,
    closest,
    dotted,
    found,
    hints_of,
    plain,
)
from lingate.server.config.settings import (
    Alias,
    CacheParams,
    Fallback,
    Fallbacks,
    GatewayConfig,
    General,
    Own,
    Routing,
    Settings,
)
from lingate.server.patterns import matches

_SECTIONS = (
    *("model_list", "litellm_settings", "router_settings", "general_settings"),
    *("environment_variables", "include", "credential_list", "lingate"),
)
_SHORT_KEY = 16
_FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
_ROUTING_TOO = tuple(
    name
    for name in hints_of(Routing)
    if name not in (*_FALLBACKS, "model_group_alias") and not name.startswith("redis_")
)
"""Keys of `router_settings` that may stand in `litellm_settings` too, where they are weaker."""


class Loaded(NamedTuple):
    # What a file came to, errors included.

    config: GatewayConfig
    """As far as it could be read."""
    problems: list[Problem]
    """What is wrong; empty for a configuration that can be used."""
    undone: dict[Place, str]
    """Keys of LiteLLM's without effect, and what to use instead."""
    source: files.Source
    """The values and where they stood."""


def load(path: str | None, env: Mapping[str, str]) -> GatewayConfig:
    # Read a configuration file, or the defaults where there is none.
    # path: The file; None serves every provider whose credential is in the environment.
    # Raises ConfigFileError: Something is wrong; the message lists everything that is.
    loaded = read(path, env)
    if loaded.problems:
        raise ConfigFileError(path or "the configuration", loaded.problems, loaded.config.files)
    return loaded.config


def read(path: str | None, env: Mapping[str, str]) -> Loaded:
    # Read a configuration file as far as it goes.
    source = files.Source(data={}) if path is None else files.read(path)
    return interpret(source, path, env)


def interpret(source: files.Source, path: str | None, env: Mapping[str, str]) -> Loaded:
    reading = Reading(source.where)
    reading.problems = list(source.problems)
    data = _top(reading, source)
    env = _environment(reading, data, env)
    values = replaced(source, data=without(data, ("environment_variables",)))
    files.substituted(values, env)
    data = values.data
    own = _own(reading, data.get("lingate"))
    settings = reading.mapping(data.get("litellm_settings"), ("litellm_settings",))
    routing = _routing(reading, data.get("router_settings"), settings)
    around = Surroundings(
        credentials=read_credentials(reading, data.get("credential_list")),
        defaults=routing.default_litellm_params,
        providers=tuple(own.providers),
    )
    deployments = read_deployments(reading, data.get("model_list"), around)
    general = _general(reading, data.get("general_settings"))
    serve_all = own.serve_all_providers
    if serve_all is None:
        serve_all = general.infer_model_from_keys or not data.get("model_list")
    config = GatewayConfig(
        path=path,
        files=tuple(source.files),
        deployments=deployments,
        routing=routing,
        settings=_cached(_settings(reading, settings), settings, env),
        general=general,
        own=own,
        env=env,
        serve_all=serve_all,
    )
    rules.check(reading, config)
    if not reading.problems:
        _check_names(reading, config, data)
    warnings = _warnings(reading, config, values.unset, source.data)
    return Loaded(replace(config, warnings=warnings), reading.problems, reading.undone, source)


def _top(reading: Reading, source: files.Source) -> dict[str, Any]:
    data = dict(reading.mapping(source.data, ()))
    for key in data:
        if key in schema.TOP:
            reading.undone[(key,)] = schema.TOP[key]
        elif key not in _SECTIONS:
            reading.problem((key,), f"is unknown{_home(key) or closest(key, _SECTIONS)}")
    return data


def _home(key: str) -> str:
    # The end of a message about a key that stands in a section that is not its own; empty for one of no section.
    for name, (record, undone) in _KNOWN.items():
        if key in hints_of(record) or key in undone:
            return f"; it belongs into {name}"
    return ""


_KNOWN = {
    "router_settings": (Routing, schema.ROUTER_SETTINGS),
    "general_settings": (General, schema.GENERAL_SETTINGS),
    "litellm_settings": (Settings, schema.LITELLM_SETTINGS),
    "lingate": (Own, {}),
}
_UNDONE = {
    key: instead
    for _, undone in _KNOWN.values()
    for key, instead in undone.items()
    if not any(key in hints_of(record) for record, _ in _KNOWN.values())
}
"""Keys without effect in whichever section they stand: no error where it is a wrong one."""
_CALLBACKS = ("callbacks", "success_callback", "failure_callback", "service_callback", "service_callbacks")


def _refers_to(name: str, data: Any) -> bool:
    return f"{files.REFERENCE}{name}'" in str(data)


def _environment(reading: Reading, data: Mapping[str, Any], env: Mapping[str, str]) -> Mapping[str, str]:
    given = data.get("environment_variables")
    if given is None:
        return env
    own = files.Source(data=given)
    files.substituted(own, env)
    overlay: dict[str, str] = {}
    for name, value in reading.mapping(own.data, ("environment_variables",)).items():
        if name in schema.VARIABLES and not _refers_to(name, data):
            reading.undone["environment_variables", name] = schema.VARIABLES[name]
        if isinstance(value, bool):
            overlay[name] = str(value).lower()
        elif isinstance(value, str | int | float):
            overlay[name] = str(value)
        elif value is not None and not own.unset.get((name,)):
            reading.problem(("environment_variables", name), f"must be a text, not {found(value)}")
    return ChainMap(overlay, env)  # type: ignore[arg-type]


def _own(reading: Reading, data: Any) -> Own:
    own = reading.record(Own, data, ("lingate",), near=_home)
    for name, given in own.providers.items():
        try:
            settings_from(name, given, row_of(name), "lingate.providers")
        except ConfigError as error:
            reading.problem(("lingate", "providers", name), f"cannot be used: {error}")
    return own


def _settings(reading: Reading, given: Mapping[str, Any]) -> Settings:
    params = given.get("cache_params")
    known = dict(given)
    if isinstance(params, Mapping):
        known["cache_params"] = kept = dict(params)
        for key, value in params.items():
            if key in schema.CACHE_PARAMS:
                instead = schema.CACHE_PARAMS[key]
            elif key == "type" and isinstance(value, str) and value in schema.CACHES:
                instead = f"{value!s}: {schema.CACHES[value]}"
            else:
                continue
            reading.undone["litellm_settings", "cache_params", key] = instead
            del kept[key]
    for key in _CALLBACKS:
        if isinstance(listed := known.get(key), list):
            # LiteLLM takes `{name: parameters}` among the names.
            known[key] = [str(next(iter(item))) if item and isinstance(item, dict) else item for item in listed]
    elsewhere = (*_FALLBACKS, *_ROUTING_TOO, "request_timeout")
    settings = reading.record(
        Settings, known, ("litellm_settings",), undone=_UNDONE | schema.LITELLM_SETTINGS, also=elsewhere, near=_home
    )
    for key in _CALLBACKS:
        names: Any = known.get(key)
        # A single name may stand there without a list.
        alone = not isinstance(names, list)
        for index, name in enumerate(getattr(settings, key) if alone else names):
            if isinstance(name, str) and name not in schema.INTEGRATIONS:
                inner = () if alone else (index,)
                instead = schema.CALLBACKS.get(
                    "." if "." in name else name, "use the ledger, /metrics and OpenTelemetry"
                )
                reading.undone["litellm_settings", key, *inner] = f"{name}: {instead}"
    return settings


def _general(reading: Reading, data: Any) -> General:
    place = ("general_settings",)
    given = dict(reading.mapping(data, place))
    args = given.get("alerting_args")
    if isinstance(args, Mapping):
        for key in args.keys() & schema.ALERTING_ARGS.keys():
            reading.undone[*place, "alerting_args", key] = schema.ALERTING_ARGS[key]
        given["alerting_args"] = without(args, schema.ALERTING_ARGS)
    _drop_words(reading, given, (*place, "alerting"), schema.ALERTING)
    _drop_words(reading, given, (*place, "alert_types"), schema.ALERT_TYPES)
    return reading.record(General, given, place, undone=_UNDONE | schema.GENERAL_SETTINGS, near=_home)


def _drop_words(reading: Reading, given: dict[str, Any], place: tuple[str, ...], undone: Mapping[str, str]) -> None:
    # Take words without effect out of a list. The others stay in their places, which are told of those that are wrong.
    words = given.get(place[-1])
    if isinstance(words, list):
        given[place[-1]] = words = list(words)
        for index, word in enumerate(words):
            if isinstance(word, str) and word in undone:
                reading.undone[*place, index] = f"{word!s}: {undone[word]}"
                words[index] = None


def _cached(settings: Settings, given: Mapping[str, Any], env: Mapping[str, str]) -> Settings:
    # A cache of which nothing is said is in the environment's Redis, where there is one: so it is for LiteLLM.
    if settings.cache and not given.get("cache_params") and (env.get("REDIS_URL") or env.get("REDIS_HOST")):
        return replace(settings, cache_params=CacheParams(type="redis"))
    return settings


def _routing(reading: Reading, data: Any, settings: Mapping[str, Any]) -> Routing:
    place = ("router_settings",)
    given = dict(reading.mapping(data, place))
    special: dict[str, Any] = {}
    for key in _FALLBACKS:
        section = "router_settings" if given.get(key) is not None else "litellm_settings"
        value = given.pop(key, None) or settings.get(key)
        special[key] = _fallbacks(reading, value, (section, key))
    aliases = given.pop("model_group_alias", None)
    special["model_group_alias"] = _aliases(reading, aliases, (*place, "model_group_alias"))
    strategy = given.get("routing_strategy")
    if isinstance(strategy, str) and strategy in schema.STRATEGIES:
        reading.problem((*place, "routing_strategy"), f"is {str(strategy)!r}: {schema.STRATEGIES[strategy]}")
        del given["routing_strategy"]
    _drop_words(reading, given, (*place, "optional_pre_call_checks"), schema.PRE_CALL_CHECKS)
    routing = reading.record(Routing, given, place, undone=_UNDONE | schema.ROUTER_SETTINGS, near=_home)
    hints = hints_of(Routing)
    # `request_timeout` last: it wins.
    for key, there in (*zip(_ROUTING_TOO, _ROUTING_TOO, strict=True), ("timeout", "request_timeout")):
        if given.get(key) is None and there in settings:
            value = reading.value(settings[there], hints[key], ("litellm_settings", there))
            if value is not MISSING:
                special[key] = value
    return replace(routing, **special)


def _fallbacks(reading: Reading, data: Any, place: Place) -> Fallbacks:
    # LiteLLM writes them as a list of mappings with one key each; one mapping is as clear.
    if data is None:
        return {}
    entries = [data] if isinstance(data, Mapping) else data
    if not isinstance(entries, list):
        reading.problem(place, f"must be a list such as [{{group: [other group]}}], not {found(data)}")
        return {}
    read: dict[str, tuple[Fallback, ...]] = {}
    for index, entry in enumerate(entries):
        inner = place if isinstance(data, Mapping) else (*place, index)
        if not isinstance(entry, Mapping):
            reading.problem(inner, f"must be a mapping such as {{group: [other group]}}, not {found(entry)}")
            continue
        for group, targets in entry.items():
            if str(group) in read:
                reading.problem((*inner, str(group)), "stands here twice")
            listed = targets if isinstance(targets, list) else [targets]
            found_here = (_fallback(reading, item, (*inner, str(group), at)) for at, item in enumerate(listed))
            read[str(group)] = tuple(filter(None, found_here))
    return read


def _fallback(reading: Reading, data: Any, place: Place) -> Fallback | None:
    if isinstance(data, str) and data:
        return Fallback(model=str(data))
    if isinstance(data, Mapping) and isinstance(data.get("model"), str):
        return Fallback(model=str(data["model"]), params=plain(without(data, ("model",))))
    if not isinstance(data, Unset):
        reading.problem(place, f"must be the name of a group, or a mapping with model, not {found(data)}")
    return None


def _aliases(reading: Reading, data: Any, place: Place) -> dict[str, Alias]:
    read: dict[str, Alias] = {}
    for name, value in reading.mapping(data, place).items():
        if isinstance(value, str) and value:
            read[name] = Alias(model=str(value))
        elif isinstance(value, Mapping):
            read[name] = reading.record(Alias, value, (*place, name))
        elif not isinstance(value, Unset):
            reading.problem((*place, name), f"must be the name of a group, not {found(value)}")
    return read


def _check_names(reading: Reading, config: GatewayConfig, data: Mapping[str, Any]) -> None:
    # Note every name of a group that no deployment has.
    routing = config.routing
    names = {item.group for item in config.deployments}
    for alias, target in routing.model_group_alias.items():
        if not _is_served(target.model, names, config):
            reading.problem(("router_settings", "model_group_alias", alias), _unserved(target.model, names))
    names |= set(routing.model_group_alias)
    for place, name in _mentioned(config, data.get("router_settings") or {}):
        if not _is_served(name, names, config):
            reading.problem(place, _unserved(name, names))


def _mentioned(config: GatewayConfig, stronger: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    def section(key: str) -> str:
        return "litellm_settings" if stronger.get(key) is None else "router_settings"

    routing = config.routing
    for kind in _FALLBACKS:
        for group, targets in getattr(routing, kind).items():
            place = (section(kind), kind, group)
            if group != "*":
                yield place, group
            for target in targets:
                yield place, target.model
    for name in routing.default_fallbacks:
        yield (section("default_fallbacks"), "default_fallbacks"), name
    for group in routing.model_group_retry_policy:
        yield ("router_settings", "model_group_retry_policy", group), group


def _is_served(name: str, names: set[str], config: GatewayConfig) -> bool:
    if name in names or any("*" in known and matches(known, name) for known in names):
        return True
    if any(item.id == name for item in config.deployments):
        return True
    head, slash, _ = name.partition("/")
    return config.serve_all and bool(slash) and (head in config.own.providers or row_of(head) is not None)


def _unserved(name: str, names: set[str]) -> str:
    return f"names {name!r:.80}, which no model_name has{closest(name, sorted(names)) if names else ''}"


def _warnings(reading: Reading, config: GatewayConfig, unset: Mapping[Place, str], data: Any) -> tuple[str, ...]:
    texts = []
    if reading.undone:
        listed = (f"{anywhere(place)} ({instead})" for place, instead in reading.undone.items())
        texts.append(f"without effect here: {'; '.join(dict.fromkeys(listed))}")
    if unset:
        names = ", ".join(f"{name} (for {dotted(place)})" for place, name in unset.items())
        texts.append(f"variables that are not set: {names}")
    if shells := list(map(dotted, _shells(data, ()))):
        texts.append(f"taken as they stand, since a variable is written {files.REFERENCE}NAME: {', '.join(shells)}")
    env, general = config.env, config.general
    ours = {
        "LITELLM_MASTER_KEY": general.master_key or env.get("LINGATE_MASTER_KEY"),
        "DATABASE_URL": general.database_url or env.get("LINGATE_DATABASE_URL"),
    }
    theirs = [
        f"{name} ({instead})"
        for name, instead in schema.VARIABLES.items()
        if env.get(name) and not ours.get(name) and not _refers_to(name, data)
        if ("environment_variables", name) not in reading.undone
    ]
    if theirs:
        texts.append(f"LiteLLM's variables are not read: {', '.join(theirs)}")
    key = ours["LITELLM_MASTER_KEY"]
    if key and len(key) < _SHORT_KEY:
        name = "general_settings.master_key" if general.master_key else "LINGATE_MASTER_KEY"
        texts.append(f"{name} has {len(key)} characters and can be guessed: make it longer")
    known = config.webhooks.keys() | ({"slack"} if general.alert_to_webhook_url else set())
    if silent := [rules.WEBHOOKS[word] for word in general.alerting if word not in known]:
        texts.append(f"alerts that go nowhere: {' and '.join(silent)} must be set")
    if idle := [
        f"{item.group} ({item.provider or '*'}/{item.model}): {item.unusable}"
        for item in config.deployments
        if item.unusable
    ]:
        texts.append(f"deployments that cannot be asked: {'; '.join(idle)}")
    return tuple(texts)


_SHELL = re.compile(r"\$[A-Z][A-Z0-9_]*|.*\$\{\w+[:}].*|os\.environ(?!/).*|[A-Z][A-Z0-9_]*_(KEY|TOKEN)", re.DOTALL)


def _shells(value: Any, place: Place) -> Iterator[Place]:
    # Where a variable is written as a shell or Python would have it, or stands alone.
    if isinstance(value, str) and _SHELL.fullmatch(value):
        yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _shells(inner, (*place, key))


def anywhere(place: Place) -> str:
    # A place, the numbers of list entries left out: what holds for one of them holds for all.
    return dotted([part for part in place if isinstance(part, str)])

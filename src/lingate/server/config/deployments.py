# Reads `model_list`: one entry is one deployment.

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from lingate._providers.naming import PARAMETERS, provider_of, row_of
from lingate._wire.json import encode_str
from lingate._wire.shapes import PATH, as_list, without
from lingate.server.config.litellm_schema import (
    DESCRIPTIVE,
    ELSEWHERE,
    MISSING,
    MODEL_INFO,
    PREFIXES,
    REQUEST,
    deployment_undone,
)
from lingate.server.config.reading import FromEnv, Place, Reading, Unset, closest, found, hints_of, nearest, plain
from lingate.server.config.settings import DeploymentConfig, DeploymentParams, ModelInfo
from lingate.server.config.source import REFERENCE

_ENTRY = ("model_name", "litellm_params", "model_info")
_BESIDE = ("rpm", "tpm")
"""Limits that older configurations have beside `litellm_params`."""

_NAMED = ("model", "custom_llm_provider")
_REACH = frozenset({*_NAMED, "api_key", "api_base", "base_url", *PARAMETERS})
"""Parameters without which a deployment would call with somebody else's credential, or elsewhere."""

_PUBLIC = frozenset({"model", "custom_llm_provider", "api_base", "base_url", "api_version", "order", "tags"})


class Surroundings(NamedTuple):
    # What entries of the list refer to.

    credentials: Mapping[str, Mapping[str, Any]]
    """`credential_list`, by name."""
    defaults: Mapping[str, Any]
    """Parameters laid under all."""
    providers: Sequence[str]
    """Names of the owner's own providers."""


def read_deployments(reading: Reading, data: Any, around: Surroundings) -> tuple[DeploymentConfig, ...]:
    # Read the list; entries that are wrong are left out and noted.
    read = (_deployment(reading, item, place, around) for place, item in _entries(reading, data, "model_list"))
    return _told_apart(reading, list(filter(None, read)))


def _entries(reading: Reading, data: Any, section: str) -> Iterator[tuple[Place, Any]]:
    if data is not None and not isinstance(data, list):
        reading.problem((section,), f"must be a list, not {found(data)}")
    for index, item in enumerate(as_list(data)):
        yield (section, index), item


def read_credentials(reading: Reading, data: Any) -> dict[str, Mapping[str, Any]]:
    # Read `credential_list`: parameters of deployments under a name.
    credentials: dict[str, Mapping[str, Any]] = {}
    for place, item in _entries(reading, data, "credential_list"):
        entry = reading.mapping(item, place)
        for key in entry:
            if key not in ("credential_name", "credential_values", "credential_info"):
                reading.problem((*place, key), f"is unknown{closest(key, ('credential_name', 'credential_values'))}")
        name = entry.get("credential_name")
        if not isinstance(name, str) or not name:
            reading.problem((*place, "credential_name"), "is missing" if name is None else "must be a text")
            continue
        credentials[str(name)] = reading.mapping(entry.get("credential_values"), (*place, "credential_values"))
    return credentials


def _deployment(reading: Reading, data: Any, place: Place, around: Surroundings) -> DeploymentConfig | None:
    before = len(reading.problems)
    entry = reading.mapping(data, place)
    for key in entry:
        if key not in _ENTRY and key not in _BESIDE:
            is_parameter = key in hints_of(DeploymentParams) or key in REQUEST or key in PARAMETERS
            beside = " beside model_name: it belongs into litellm_params" if is_parameter else ""
            reading.problem((*place, key), f"is unknown{beside or closest(key, _ENTRY)}")
    group = reading.value(entry.get("model_name"), str, (*place, "model_name"))
    if not isinstance(group, str) or not group:
        reading.problem((*place, "model_name"), "is missing")
    inner = (*place, "litellm_params")
    older = {key: entry[key] for key in _BESIDE if key in entry}
    given = _laid(reading, {**older, **reading.mapping(entry.get("litellm_params"), inner)}, inner, around)
    params, defaults, overlay = _params(reading, given, inner)
    info = _info(reading, entry.get("model_info"), (*place, "model_info"))
    named = _unnamed(given) or _provider(reading, params, inner, around)
    if len(reading.problems) > before or named is None:
        return None
    model, provider = named
    unset = next((value.variable for key, value in given.items() if key in _REACH and isinstance(value, Unset)), None)
    return DeploymentConfig(
        id=info.id or _digest(group, given),
        group=group,
        provider=provider,
        model=model,
        params=params,
        info=info,
        defaults=defaults,
        overlay=overlay,
        unusable=None if unset is None else f"the variable {unset} is not set",
    )


def _unnamed(given: Mapping[str, Any]) -> tuple[str, str] | None:
    # What stands for model and provider where a variable that is not set would tell them.
    unset = next((given[key] for key in _NAMED if isinstance(given.get(key), Unset)), None)
    return None if unset is None else (unset.variable, REFERENCE.rstrip("/"))


def _laid(reading: Reading, given: Mapping[str, Any], place: Place, around: Surroundings) -> Mapping[str, Any]:
    # An entry's parameters over those of its credential, over those of all.
    name, known = given.get("litellm_credential_name"), around.credentials
    if isinstance(name, str) and name not in known:
        near = closest(str(name), tuple(known)) if known else ": there is no credential_list"
        reading.problem((*place, "litellm_credential_name"), f"names no credential{near}")
    return {**around.defaults, **(known.get(name, {}) if isinstance(name, str) else {}), **given}


def _params(
    reading: Reading, given: Mapping[str, Any], place: Place
) -> tuple[DeploymentParams, dict[str, Any], dict[str, str]]:
    # Our own parameters, those of the request, and those that stand for variables.
    own, defaults, overlay = {}, {}, {}
    hints = hints_of(DeploymentParams)
    for key, value in given.items():
        if key in hints:
            own[key] = value
        elif key in PARAMETERS or key in REQUEST:
            if isinstance(value, Unset) or value is None:
                continue
            if key in REQUEST:
                defaults[key] = plain(value)
            elif (text := _variable(reading, value, (*place, key))) is not None:
                overlay[PARAMETERS[key]] = text
        elif (instead := deployment_undone(key)) is not None:
            reading.undone[*place, key] = instead
        elif key in ELSEWHERE:
            reading.problem((*place, key), f"is not read here: {ELSEWHERE[key]}")
        else:
            near = closest(key, (*hints, *PARAMETERS, *REQUEST))
            reading.problem((*place, key), f"is unknown{near}; parameters of one provider alone go into extra_body")
    params = reading.record(DeploymentParams, own, place)
    if params.base_url is not None and params.api_base is None:
        params = replace(params, api_base=params.base_url)
    for index, path in enumerate(params.additional_drop_params):
        if not PATH.fullmatch(path):
            reading.problem((*place, "additional_drop_params", index), "must be a path such as tools[*].input_examples")
    return params, defaults, overlay


def _variable(reading: Reading, value: Any, place: Place) -> str | None:
    if isinstance(value, Mapping):
        return encode_str(plain(value))
    if isinstance(value, str):
        return str(value)
    reading.problem(place, f"must be a text, not {found(value)}; write it in quotes")
    return None


def _info(reading: Reading, data: Any, place: Place) -> ModelInfo:
    given = dict(reading.mapping(data, place))
    for key in without(given, hints_of(ModelInfo)):
        instead = MODEL_INFO.get(key) or (deployment_undone(key) if not DESCRIPTIVE.fullmatch(key) else None)
        if instead is None and not DESCRIPTIVE.fullmatch(key):
            near = nearest(key, (*hints_of(ModelInfo), *MODEL_INFO), 0.8)
            if near:
                reading.problem((*place, key), f"is unknown{near}; what only describes goes into model_info.metadata")
            instead = None if near else "taken as a description, which nothing shows"
        if instead is not None:
            reading.undone[*place, key] = instead
        del given[key]
    if isinstance(given.get("id"), int) and not isinstance(given["id"], bool):
        given["id"] = str(given["id"])
    return reading.record(ModelInfo, given, place)


def _provider(reading: Reading, params: DeploymentParams, place: Place, around: Surroundings) -> tuple[str, str] | None:
    # What the provider calls the model, and the provider; empty for `*`, where each call names its own.
    model = params.model
    if not model:
        if not any(problem.place[: len(place)] == place for problem in reading.problems):
            reading.problem((*place, "model"), "is missing")
        return None
    if model == "*" and not params.custom_llm_provider:
        return model, ""
    head, slash, rest = model.partition("/")
    if not params.custom_llm_provider and slash and rest and head in around.providers:
        return rest, head
    named = provider_of(model, params.custom_llm_provider, params.api_base)
    if named is None and slash and rest:
        text = (
            f"names the provider {head!r:.80}, which is {_unknown(head)}; one of your own goes under lingate.providers"
        )
        reading.problem((*place, "model"), f"names no model: {PREFIXES[head]}" if head in PREFIXES else text)
        return None
    if named is None:
        what = "a provider and no model" if slash else "no provider"
        reading.problem((*place, "model"), f"names {what}: write it as provider/model")
        return None
    if named[1] in around.providers:
        return named
    row = row_of(named[1])
    if row is None:
        key = "custom_llm_provider" if params.custom_llm_provider else "model"
        reading.problem((*place, key), f"names the provider {named[1]!r:.80}, which is {_unknown(named[1])}")
        return None
    return named[0], row.name


def _unknown(name: str) -> str:
    from lingate._providers.lookup import rows

    instead = MISSING.get(name)
    return f"not here: {instead}" if instead else f"unknown{closest(name, [row.name for row in rows()])}"


def _digest(group: str, given: Mapping[str, Any]) -> str:
    # The same for the same entry in every process. Of keys, only the names of their variables are in it.
    public = {}
    for key, value in sorted(given.items()):
        if isinstance(value, FromEnv | Unset):
            public[key] = f"{REFERENCE}{value.variable}"
        elif key in _PUBLIC:
            public[key] = plain(value)
    return hashlib.sha256(f"{group}\0{encode_str(public)}".encode()).hexdigest()[:32]


def _told_apart(reading: Reading, read: list[DeploymentConfig]) -> tuple[DeploymentConfig, ...]:
    # Ids that are all different: entries that differ in nothing public are numbered.
    for name, count in Counter(item.info.id for item in read).items():
        if name and count > 1:
            reading.problem(("model_list",), f"has {count} entries with the model_info.id {name!r:.80}")
    seen: Counter[str] = Counter()
    for at, item in enumerate(read):
        seen[item.id] += 1
        if seen[item.id] > 1 and not item.info.id:
            read[at] = replace(item, id=f"{item.id}-{seen[item.id]}")
    return tuple(read)

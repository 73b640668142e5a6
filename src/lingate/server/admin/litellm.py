# The endpoints of LiteLLM's proxy that scripts and dashboards use most, on the same records.

# Names of fields are LiteLLM's there; what it has and this gateway has not is refused unless it is empty.

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from lingate._wire.shapes import not_null
from lingate.server.access import may_use
from lingate.server.access.inputs import Asked, KeyPatch, NewKey, NewPrincipal, PrincipalPatch, Rotation, struct_of
from lingate.server.access.meters import NANO
from lingate.server.access.periods import FOREVER
from lingate.server.access.records import Key, Kind, Limits, Name, Principal, Span
from lingate.server.access.service import RefusedError
from lingate.server.admin.endpoint import Call, Endpoint, Parts
from lingate.server.admin.for_records import budgets_of, show

Plain = dict[str, Any]
_NAMES = {"key_alias": "alias", "team_alias": "alias", "user_alias": "alias"}
_EMPTY: tuple[object, ...] = (None, "", False, 0, [], {})
_UNKNOWN = """config permissions send_invite_email guardrails policies prompts object_permission spend key_type
    auto_rotate rotation_interval enforced_params allowed_cache_controls user_email members_with_roles organization_id
    auto_create_key user_role sso_user_id teams project_id allowed_passthrough_routes allowed_vector_store_indexes
    router_settings access_group_ids agent_id model_aliases team_member_budget disable_global_guardrails tpm_limit_type
    rpm_limit_type"""
_IGNORED = frozenset(_UNKNOWN.split())
_DEFAULTS: dict[str, object] = {"key_type": "default"}


class KeyQuery(Asked):
    """Which key.

    Attributes:
        key: Its token or its id; without it, the one the request is signed with.
    """

    key: str | None = None


class ModelQuery(Asked):
    """Which deployment.

    Attributes:
        litellm_model_id: Its id; without it, all that the key may use.
    """

    litellm_model_id: str | None = None


class ServiceQuery(Asked):
    """Who is to be told.

    Attributes:
        service: One of `general_settings.alerting`.
    """

    service: Literal["slack", "webhook"]


class KeyNames(Asked):
    """Keys by token or id, or by alias."""

    keys: Annotated[tuple[Name, ...], Meta(max_length=1000)] = ()
    key_aliases: Annotated[tuple[Name, ...], Meta(max_length=1000)] = ()


class Regeneration(Asked):
    """Which key to rotate.

    Attributes:
        key: Its token or its id.
        grace_period: How long the old token stays good.
    """

    key: Name
    grace_period: Span | None = None


def _renamed(
    name: str, base: type[msgspec.Struct], doc: str, id: str | None, **more: tuple[Any, Any]
) -> type[msgspec.Struct]:
    other = {"alias": "key_alias"} if id is None else {"alias": id.removesuffix("_id") + "_alias", "id": id}
    fields: list[Any] = [(field, *of) for field, of in more.items()]
    for field in msgspec.structs.fields(base):
        default = field.default
        if default is msgspec.NODEFAULT:
            default = msgspec.field(default_factory=field.default_factory)
        fields.append((other.get(field.name, field.name), field.type, default))
    return struct_of(name, doc, fields)


KeyName = struct_of("KeyName", "One key, by token or id.", [("key", Name)])
TeamQuery = struct_of("TeamQuery", "Which team.", [("team_id", str)])
UserQuery = struct_of("UserQuery", "Which user.", [("user_id", str)])
EndUserQuery = struct_of("EndUserQuery", "Which end user.", [("end_user_id", str)])
_TeamIds = Annotated[tuple[Name, ...], Meta(min_length=1, max_length=1000)]
TeamNames = struct_of("TeamNames", "Which teams.", [("team_ids", _TeamIds)])
GenerateKey = _renamed("GenerateKey", NewKey, "A key to make.", None)
UpdateKey = _renamed(
    "UpdateKey", KeyPatch, "Changes to a key, named by its token or id.", None, key=(Name, msgspec.NODEFAULT)
)
NewTeam = _renamed("NewTeam", NewPrincipal, "A team to make.", "team_id")
UpdateTeam = _renamed("UpdateTeam", PrincipalPatch, "Changes to a team.", "team_id", team_id=(Name, msgspec.NODEFAULT))
NewUser = _renamed("NewUser", NewPrincipal, "A user to make.", "user_id")
NewCustomer = _renamed("NewCustomer", NewPrincipal, "An end user to make.", "user_id")
NewBudget = _renamed("NewBudget", Limits, "A budget to make.", None, budget_id=(Name | None, None))


def prepare(body: Plain) -> Plain:
    # A body without the fields that say nothing, and with budgets by model in one spelling.
    kept = {
        name: value
        for name, value in not_null(body).items()
        if name not in _IGNORED or (value not in _EMPTY and value != _DEFAULTS.get(name))
    }
    budgets = kept.get("model_max_budget")
    if isinstance(budgets, dict):
        kept["model_max_budget"] = {model: _budget(value) for model, value in budgets.items()}
    return kept


def _budget(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    names = {"budget_limit": "max_budget", "time_period": "budget_duration"}
    budget = {names.get(name, name): part for name, part in value.items()}
    # LiteLLM's own documentation writes amounts as strings.
    if isinstance(budget.get("max_budget"), str):
        with suppress(ValueError):
            budget["max_budget"] = float(budget["max_budget"])
    return budget


def _ours(body: msgspec.Struct, id: str | None = None) -> Plain:
    names = {**_NAMES, id or "id": "id"}
    given = msgspec.structs.asdict(body).items()
    return {names.get(field, field): value for field, value in given if value is not UNSET}


def _shown_key(key: Key, parts: Parts, token: str | None = None) -> Plain:
    record = msgspec.to_builtins(key)
    alias, ends = record.pop("alias"), record.pop("expires_at")
    return {
        **record,
        "key": token,
        "token": key.id,
        "token_id": key.id,
        "key_name": key.masked,
        "key_alias": alias,
        "expires": _iso(ends),
        "created_at": _iso(key.created_at),
        "updated_at": _iso(key.updated_at),
        "spend": _spent(parts, "key", key.id),
    }


def _spent(parts: Parts, kind: str, id: str) -> float | None:
    # What counts in the budget for all models, None without one.
    budgets = budgets_of(parts.access.limiter, kind, id)
    return next((budget.spent for budget in budgets if budget.models is None), None)


def _iso(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()


async def _generate(parts: Parts, call: Call) -> Plain:
    key, token = await parts.access.service.create_key(call.actor, NewKey(**_ours(call.body)))
    return _shown_key(key, parts, token)


async def _key_info(parts: Parts, call: Call) -> Plain:
    query: KeyQuery = call.query
    service = parts.access.service
    named = query.key if call.caller.admin else None
    key = await service.key(call.caller.key_id if named is None else named)
    if query.key is not None and named is None:
        with suppress(RefusedError):
            named = (await service.key(query.key)).id
        if named != key.id:
            raise RefusedError("a key may ask for itself only", status=403)
    view = await show(parts, key)
    return {"key": key.id, "info": {**_shown_key(key, parts), "spend": view.spend or 0.0}}


async def _update_key(parts: Parts, call: Call) -> Plain:
    values = _ours(call.body)
    name = values.pop("key")
    return _shown_key(await parts.access.service.update_key(call.actor, name, KeyPatch(**values)), parts)


async def _delete_keys(parts: Parts, call: Call) -> Plain:
    body: KeyNames = call.body
    service = parts.access.service
    wanted = [(await service.key(name)).id for name in body.keys]
    for alias in body.key_aliases:
        found = [key.id for key in await service.keys() if key.alias == alias]
        if not found:
            raise RefusedError(f"there is no key with the alias {alias!r}", status=404, param="key_aliases")
        wanted += found
    if not wanted:
        raise RefusedError("name keys or key_aliases", status=400, param="keys")
    for key_id in dict.fromkeys(wanted):
        await service.delete_key(call.actor, key_id)
    return {"deleted_keys": list(body.keys) + list(body.key_aliases)}


async def _block(parts: Parts, call: Call, *, blocked: bool) -> Plain:
    return _shown_key(await parts.access.service.block_key(call.actor, call.body.key, blocked), parts)


async def _regenerate(parts: Parts, call: Call) -> Plain:
    body: Regeneration = call.body
    key, token = await parts.access.service.rotate_key(call.actor, body.key, Rotation(overlap=body.grace_period))
    return _shown_key(key, parts, token)


async def _list_keys(parts: Parts, _: Call) -> Plain:
    found = await parts.access.service.keys()
    await parts.access.limiter.learn("key", found)
    return {"keys": [_shown_key(key, parts) for key in found], "total_count": len(found)}


def _shown(kind: Kind, record: Principal, parts: Parts) -> Plain:
    plain = msgspec.to_builtins(record)
    id, alias = plain.pop("id"), plain.pop("alias")
    word = "user" if kind == "customer" else kind
    return {**plain, f"{word}_id": id, f"{word}_alias": alias, "spend": _spent(parts, kind, id)}


async def _new(parts: Parts, call: Call, *, kind: Kind, id: str) -> Plain:
    given = NewPrincipal(**_ours(call.body, id))
    return _shown(kind, await parts.access.service.create(call.actor, kind, given), parts)


async def _owner_info(parts: Parts, call: Call, *, kind: Kind) -> Plain:
    field = f"{kind}_id"
    record = await parts.access.service.principal(kind, getattr(call.query, field))
    await parts.access.limiter.learn(kind, [record])
    keys = [_shown_key(key, parts) for key in await parts.access.service.keys() if getattr(key, field) == record.id]
    return {field: record.id, f"{kind}_info": _shown(kind, record, parts), "keys": keys}


async def _customer_info(parts: Parts, call: Call) -> Plain:
    record = await parts.access.service.principal("customer", call.query.end_user_id)
    await parts.access.limiter.learn("customer", [record])
    return _shown("customer", record, parts)


async def _list_teams(parts: Parts, _: Call) -> list[Plain]:
    found = await parts.access.service.principals("team")
    await parts.access.limiter.learn("team", found)
    return [_shown("team", record, parts) for record in found]


async def _update_team(parts: Parts, call: Call) -> Plain:
    values = _ours(call.body)
    record = await parts.access.service.update(call.actor, "team", values.pop("team_id"), PrincipalPatch(**values))
    return {"team_id": record.id, "data": _shown("team", record, parts)}


async def _delete_teams(parts: Parts, call: Call) -> Plain:
    service = parts.access.service
    for team in [await service.principal("team", name) for name in call.body.team_ids]:
        await service.delete(call.actor, "team", team.id)
    return {"deleted_teams": list(call.body.team_ids)}


async def _models(parts: Parts, call: Call) -> Plain:
    # For any key what it may use: coding agents look here for windows and abilities.
    wanted = call.query.litellm_model_id
    return {
        "data": [
            {
                "model_name": found.model_name,
                "litellm_params": {"model": f"{found.provider}/{found.model}"},
                "model_info": {
                    "id": found.id,
                    "mode": found.mode,
                    "input_cost_per_token": found.input_price,
                    "output_cost_per_token": found.output_price,
                    "max_tokens": found.max_output,
                    "max_input_tokens": found.max_input,
                    "max_output_tokens": found.max_output,
                    "litellm_provider": found.provider,
                    **{f"supports_{ability}": True for ability in found.abilities},
                },
            }
            for found in parts.deployments()
            if wanted in (None, found.id) and may_use(call.caller, found.model_name)
        ]
    }


async def _provider_budgets(parts: Parts, _: Call) -> Plain:
    found = [budget for budget in parts.spend_budgets().all() if budget.owner.kind == "provider"]
    return {
        "providers": {
            budget.owner.id: {
                "budget_limit": budget.cap / NANO,
                "time_period": budget.span,
                "spend": (budget.cap - budget.remaining(time.time())) / NANO,
                "budget_reset_at": None if budget.ends == FOREVER else _iso(budget.ends),
            }
            for budget in found
        }
    }


async def _test_alert(parts: Parts, call: Call) -> Plain:
    service = call.query.service
    error = await parts.alert(service)
    if error is not None:
        raise RefusedError(f"no alert could be sent: {error}", status=400, param="service")
    return {"status": "success", "message": f"a test was sent to {service}"}


_get = partial(Endpoint, "GET", tag="LiteLLM", result=Plain)
_post = partial(Endpoint, "POST", tag="LiteLLM", result=Plain, prepare=prepare)
_one = partial(_post, errors=(404,))
_new_one = partial(_post, errors=(409,))
_show = partial(_get, errors=(404,))
ENDPOINTS = (
    _new_one("/key/generate", "Make a key", _generate, body=GenerateKey),
    _get("/key/info", "Show a key", _key_info, query=KeyQuery, errors=(403, 404), anyone=True),
    _get("/key/list", "List keys", _list_keys),
    _one("/key/update", "Change a key", _update_key, body=UpdateKey),
    _one("/key/delete", "Delete keys", _delete_keys, body=KeyNames),
    _one("/key/block", "Refuse a key's calls", partial(_block, blocked=True), body=KeyName),
    _one("/key/unblock", "Accept a key's calls again", partial(_block, blocked=False), body=KeyName),
    _post("/key/regenerate", "Replace a key's token", _regenerate, body=Regeneration, errors=(404, 409)),
    _new_one("/team/new", "Make a team", partial(_new, kind="team", id="team_id"), body=NewTeam),
    _show("/team/info", "Show a team and its keys", partial(_owner_info, kind="team"), query=TeamQuery),
    Endpoint("GET", "/team/list", "List teams", _list_teams, "LiteLLM", result=list[Plain]),
    _one("/team/update", "Change a team", _update_team, body=UpdateTeam),
    _post("/team/delete", "Delete teams", _delete_teams, body=TeamNames, errors=(404, 409)),
    _new_one("/user/new", "Make a user", partial(_new, kind="user", id="user_id"), body=NewUser),
    _show("/user/info", "Show a user and its keys", partial(_owner_info, kind="user"), query=UserQuery),
    _new_one("/customer/new", "Make an end user", partial(_new, kind="customer", id="user_id"), body=NewCustomer),
    _show("/customer/info", "Show an end user", _customer_info, query=EndUserQuery),
    _new_one("/budget/new", "Make a budget", partial(_new, kind="budget", id="budget_id"), body=NewBudget),
    _get("/model/info", "Deployments", _models, query=ModelQuery, anyone=True),
    _get("/v1/model/info", "Deployments", _models, query=ModelQuery, anyone=True),
    _get("/provider/budgets", "Budgets of providers", _provider_budgets),
    _get("/health/services", "Send a test alert", _test_alert, query=ServiceQuery),
)

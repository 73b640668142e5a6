"""Keys, teams, users and the limits they carry: as they are stored, and as the admin API shows them.

Field names are LiteLLM's, so that what was written for its API can be carried over.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Kind = Literal["team", "user", "customer", "tag", "budget"]
KINDS: tuple[Kind, ...] = ("team", "user", "customer", "tag", "budget")

_SPAN = r"^[1-9][0-9]{0,8}(s|m|h|d|w|mo|y)$"
Span = Annotated[str, Meta(pattern=_SPAN, description="A number and a unit: s, m, h, d, w, mo or y.", examples=["30d"])]
Money = Annotated[float, Meta(ge=0, le=1e9, description="US dollars.")]
Count = Annotated[int, Meta(ge=0, le=10**12)]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Pattern = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Patterns = Annotated[tuple[Pattern, ...], Meta(max_length=1000)]
Labels = Annotated[tuple[Name, ...], Meta(max_length=100)]


class ModelBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be spent on the models of one pattern.

    Attributes:
        max_budget: US dollars a period.
        budget_duration: The period; None for a budget that never begins anew.
    """

    max_budget: Money
    budget_duration: Span | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody may use. None, and an empty mapping: no limit.

    Attributes:
        max_budget: US dollars a period.
        budget_duration: The period; None for a budget that never begins anew.
        rpm_limit: Requests in any minute.
        tpm_limit: Tokens in any minute, input and output.
        max_parallel_requests: Calls at once.
        model_max_budget: Budgets by model; `*` in a name stands for anything.
        model_rpm_limit: Requests a minute by model.
        model_tpm_limit: Tokens a minute by model.
    """

    max_budget: Money | None = None
    budget_duration: Span | None = None
    rpm_limit: Count | None = None
    tpm_limit: Count | None = None
    max_parallel_requests: Count | None = None
    model_max_budget: dict[Pattern, ModelBudget] = {}
    model_rpm_limit: dict[Pattern, Count] = {}
    model_tpm_limit: dict[Pattern, Count] = {}


class Principal(Limits, frozen=True, kw_only=True):
    """A team, a user, an end user (customer), a tag, or a budget that others refer to.

    Attributes:
        id: Unique among its kind.
        alias: Its name for people.
        models: Patterns of the models its keys may call; empty for all.
        tags: Labels that calls of its keys carry in the ledger.
        metadata: Whatever its owner wants to keep here.
        blocked: Its calls are refused.
        budget_id: Budget whose limits apply where it has none of its own.
        created_at: When it was made; periods of several days count from here.
        updated_at: When it was last changed.
    """

    id: str
    alias: str | None = None
    models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    blocked: bool = False
    budget_id: str | None = None
    created_at: float = 0.0
    updated_at: float = 0.0


class Key(Principal, frozen=True, kw_only=True):
    """A virtual key, without its secret.

    Attributes:
        team_id: Team whose limits apply too.
        user_id: User whose limits apply too.
        aliases: Names this key may use for models.
        allowed_routes: Paths it may call, `*` stands for anything; empty for all of the gateway's faces.
        allowed_ips: Addresses and networks it may be used from; empty for all.
        admin: It may use the admin API.
        expires_at: When it ends.
        masked: The last characters of the token.
        created_by: Who made it.
        rotated_at: When its token was last replaced.
        previous_until: Until when the token before that is good too.
    """

    team_id: str | None = None
    user_id: str | None = None
    aliases: dict[str, str] = {}
    allowed_routes: tuple[str, ...] = ()
    allowed_ips: tuple[str, ...] = ()
    admin: bool = False
    expires_at: float | None = None
    masked: str = ""
    created_by: str | None = None
    rotated_at: float | None = None
    previous_until: float | None = None


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key with the digests of its tokens, as hex."""

    key: Key
    digest: str
    previous_digest: str | None = None


_LIMITS = tuple(field.name for field in msgspec.structs.fields(Limits))


def stored_from(data: str, digest: str, previous_digest: str | None) -> StoredKey:
    """A key as the database has it."""
    return StoredKey(
        key=msgspec.json.decode(data, type=Key, strict=False), digest=digest, previous_digest=previous_digest
    )


def principal_from(data: str) -> Principal:
    """A principal as the database has it."""
    return msgspec.json.decode(data, type=Principal, strict=False)


def limits_of(record: Limits, base: Limits | None = None) -> Limits:
    """The limits of a record alone, filled up from the budget it refers to.

    A record with a budget of its own does not take over the other's period, which would mean something else with it.
    """
    values = {name: getattr(record, name) for name in _LIMITS}
    if base is not None:
        own_budget = record.max_budget is not None
        for name in _LIMITS:
            if not values[name] and values[name] != 0 and not (own_budget and name == "budget_duration"):
                values[name] = getattr(base, name)
    return Limits(**values)


def unlimited(limits: Limits) -> bool:
    """Nothing is limited."""
    return all(getattr(limits, name) in (None, {}) for name in _LIMITS if name != "budget_duration")


__all__ = [
    "KINDS",
    "Count",
    "Key",
    "Kind",
    "Labels",
    "Limits",
    "ModelBudget",
    "Money",
    "Name",
    "Pattern",
    "Patterns",
    "Principal",
    "Span",
    "StoredKey",
    "limits_of",
    "unlimited",
]

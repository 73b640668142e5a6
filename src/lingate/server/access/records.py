# Keys, teams, users and the limits they carry: as they are stored, and as the admin API shows them.

# Field names are LiteLLM's, so that what was written for its API can be carried over.

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Kind = Literal["team", "user", "customer", "tag", "budget"]
KINDS = ("team", "user", "customer", "tag", "budget")

SPAN = Meta(
    pattern=r"^[1-9][0-9]{0,8}(s|m|h|d|w|mo|y)$",
    description="A number and a unit: s, m, h, d, w, mo or y.",
    examples=["30d"],
)
Span = Annotated[str, SPAN]
Money = Annotated[float, Meta(ge=0, le=1e9, description="US dollars.")]
Count = Annotated[int, Meta(ge=0, le=10**12)]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Pattern = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Patterns = Annotated[tuple[Pattern, ...], Meta(max_length=1000)]
Labels = Annotated[tuple[Name, ...], Meta(max_length=100)]


class ModelBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    # What may be spent on the models of one pattern.
    # max_budget: US dollars a period.
    # budget_duration: The period; None for a budget that never begins anew.

    max_budget: Money
    budget_duration: Span | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    # What somebody may use. None, and an empty mapping: no limit.

    max_budget: Money | None = None
    """US dollars a period."""
    soft_budget: Money | None = None
    """US dollars a period after which an alert is sent; nothing is refused for it."""
    budget_duration: Span | None = None
    """The period; None for a budget that never begins anew."""
    rpm_limit: Count | None = None
    """Requests in any minute."""
    tpm_limit: Count | None = None
    """Tokens in any minute, input and output."""
    max_parallel_requests: Count | None = None
    """Calls at once."""
    model_max_budget: dict[Pattern, ModelBudget] = {}
    """Budgets by model; `*` in a name stands for anything."""
    model_rpm_limit: dict[Pattern, Count] = {}
    """Requests a minute by model."""
    model_tpm_limit: dict[Pattern, Count] = {}
    """Tokens a minute by model."""


class Principal(Limits, frozen=True, kw_only=True):
    # A team, a user, an end user (customer), a tag, or a budget that others refer to.

    id: str
    """Unique among its kind."""
    alias: str | None = None
    """Its name for people."""
    models: tuple[str, ...] = ()
    """Patterns of the models its keys may call; empty for all."""
    tags: tuple[str, ...] = ()
    """Labels that calls of its keys carry in the ledger."""
    metadata: dict[str, Any] = {}
    """Whatever its owner wants to keep here."""
    blocked: bool = False
    """Its calls are refused."""
    budget_id: str | None = None
    """Budget whose limits apply where it has none of its own."""
    created_at: float = 0.0
    """When it was made; periods of several days count from here."""
    updated_at: float = 0.0
    """When it was last changed."""


class Key(Principal, frozen=True, kw_only=True):
    # A virtual key, without its secret.

    team_id: str | None = None
    """Team whose limits apply too."""
    user_id: str | None = None
    """User whose limits apply too."""
    aliases: dict[str, str] = {}
    """Names this key may use for models."""
    allowed_routes: tuple[str, ...] = ()
    """Paths it may call, `*` stands for anything; empty for all of the gateway's faces."""
    allowed_ips: tuple[str, ...] = ()
    """Addresses and networks it may be used from; empty for all."""
    admin: bool = False
    """It may use the admin API."""
    expires_at: float | None = None
    """When it ends."""
    masked: str = ""
    """The last characters of the token."""
    created_by: str | None = None
    """Who made it."""
    rotated_at: float | None = None
    """When its token was last replaced."""
    previous_until: float | None = None
    """Until when the token before that is good too."""


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    # A key with the digests of its tokens, as hex.

    key: Key
    digest: str
    previous_digest: str | None = None


_LIMITS = Limits.__struct_fields__


def stored_from(data: str, digest: str, previous_digest: str | None) -> StoredKey:
    return StoredKey(
        key=msgspec.json.decode(data, type=Key, strict=False), digest=digest, previous_digest=previous_digest
    )


def principal_from(data: str) -> Principal:
    return msgspec.json.decode(data, type=Principal, strict=False)


def limits_of(record: Limits, base: Limits | None = None) -> Limits:
    # The limits of a record alone, filled up from the budget it refers to.
    #
    # A record with a budget of its own does not take over the other's period, which would mean something else with it.
    values = {name: getattr(record, name) for name in _LIMITS}
    if base is not None:
        own_budget = record.max_budget is not None
        for name in _LIMITS:
            if not values[name] and values[name] != 0 and not (own_budget and name == "budget_duration"):
                values[name] = getattr(base, name)
    return Limits(**values)


def unlimited(limits: Limits) -> bool:
    return all(getattr(limits, name) in (None, {}) for name in _LIMITS if name != "budget_duration")


# What administrators did: who, what, when, from where.

# Values that may hold secrets are named, never written.

_HIDDEN = {"metadata"}
_OBVIOUS = {"id", "created_at", "updated_at", "created_by"}


class Actor(msgspec.Struct, frozen=True):
    # Who does something.

    name: str
    """`master`, a key's id, or the subject of a signed token."""
    address: str | None = None
    """Where the request came from."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    # One thing that was done.

    id: int = 0
    """Number in the log, 0 before it is written."""
    at: float
    """Epoch seconds."""
    actor: str
    """Who did it."""
    address: str | None = None
    """From where."""
    action: str
    """`create`, `update`, `delete`, `rotate`, `block`, `unblock`, `reload`."""
    kind: str
    """What it was done to: `key`, `team`, `user`, `customer`, `tag`, `budget`, `config`."""
    subject: str
    """Which one."""
    changes: dict[str, Any] = {}
    """Fields with their old and new value."""


def differences(old: msgspec.Struct | None, new: msgspec.Struct | None) -> dict[str, Any]:
    # The fields in which two versions of a record differ, as `{field: {"from": ..., "to": ...}}`.
    before, after = map(_fields, (old, new))
    changed = {name: (before.get(name), after.get(name)) for name in {**before, **after} if name not in _OBVIOUS}
    return {
        name: {} if name in _HIDDEN else {key: value for key, value in (("from", left), ("to", right)) if _said(value)}
        for name, (left, right) in changed.items()
        if left != right and (_said(left) or _said(right))
    }


def _said(value: object) -> bool:
    return value is not None and value != {} and value != [] and value is not False


def _fields(record: msgspec.Struct | None) -> dict[str, Any]:
    return {} if record is None else msgspec.to_builtins(record)

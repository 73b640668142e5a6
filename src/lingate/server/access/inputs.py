# What administrators send: new records and changes to them, checked as far as types and patterns go.

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lingate.server.access.records import Labels, Limits, Name, Patterns, Span

Moment = Annotated[float, Meta(ge=0, le=1e11, description="Epoch seconds.")]
NETWORK = Meta(min_length=2, max_length=64, pattern=r"^[0-9a-fA-F.:/]+$", examples=["10.0.0.0/8"])
Network = Annotated[str, NETWORK]
Route = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[!-~]+$", examples=["/v1/*"])]
Secret = Annotated[str, Meta(min_length=20, max_length=512, pattern=r"^sk-[!-~]+$")]


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """What a request says, in its body or its query. Whatever else stands there is refused."""


class NewPrincipal(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A team, user, customer, tag or budget to make. Field for field as in the record that comes back.

    Attributes:
        id: Its id; made up if it is left out.
    """

    id: Name | None = None
    alias: Name | None = None
    models: Patterns = ()
    tags: Labels = ()
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    blocked: bool = False
    budget_id: Name | None = None


class NewKey(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make. Field for field as in the record that comes back.

    Attributes:
        key: The token itself, to bring an existing one along; made if it is left out.
        duration: How long the key is good for, instead of `expires_at`.
    """

    key: Secret | None = None
    alias: Name | None = None
    team_id: Name | None = None
    user_id: Name | None = None
    budget_id: Name | None = None
    models: Patterns = ()
    aliases: dict[Name, Name] = msgspec.field(default_factory=dict)
    tags: Labels = ()
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    allowed_routes: Annotated[tuple[Route, ...], Meta(max_length=100)] = ()
    allowed_ips: Annotated[tuple[Network, ...], Meta(max_length=1000)] = ()
    admin: bool = False
    blocked: bool = False
    duration: Span | None = None
    expires_at: Moment | None = None


def struct_of(name: str, doc: str, fields: Iterable[tuple[Any, ...]]) -> type[msgspec.Struct]:
    # A struct that is made of other ones' fields, or of few of its own.
    made: Any = list(fields)
    return msgspec.defstruct(
        name, made, frozen=True, kw_only=True, forbid_unknown_fields=True, namespace={"__doc__": doc}, module=__name__
    )


def _patch(name: str, of: type[msgspec.Struct], doc: str, without: str) -> type[msgspec.Struct]:
    # The same fields, each of which may be left out, or null to empty it.
    fields = (field for field in msgspec.structs.fields(of) if field.name != without)
    return struct_of(name, doc, ((field.name, (field.type | None) | UnsetType, UNSET) for field in fields))


KeyPatch = _patch("KeyPatch", NewKey, "Changes to a key. What is left out stays; null empties a field.", "key")
PrincipalPatch = _patch(
    "PrincipalPatch", NewPrincipal, "Changes to a record. What is left out stays; null empties a field.", "id"
)


class Rotation(Asked):
    """How to replace a token.

    Attributes:
        overlap: How long the old token stays good; None ends it at once.
        key: The new token, made if it is left out.
    """

    overlap: Span | None = None
    key: Secret | None = None

# From `api_base` and `api_key` in a request to a call that goes there: with the caller's key, and nothing of the owner's.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lingate._dialects._format_choice import form_of
from lingate._io.transport import travels_by_wire
from lingate._model import JsonDict, Target
from lingate._providers.lookup import resolve
from lingate.errors import BadRequestError, ConfigError, UnsupportedError
from lingate.server.routing import Group
from lingate.server.routing.health import Health, Load
from lingate.server.upstreams.pinned import Allowed, Place, read_place

if TYPE_CHECKING:
    from lingate.server.config.settings import GatewayConfig
    from lingate.server.exchange import Exchange
    from lingate.server.live import Live
    from lingate.server.routing.deployment import Deployment

UPSTREAM_FIELDS = ("api_base", "base_url", "api_key")
"""Fields of a request that say where it goes, and with whose key. They never reach a provider as they are."""

_OWNERS = ("api_key", "api_base", "headers", "env")
"""What `lingate.providers` says about a provider that is nobody else's business."""


@dataclass(frozen=True, slots=True)
class CallerUpstream:
    """What a caller brings: a place, a key, or both."""

    place: Place | None
    key: str | None = field(repr=False)


class Upstreams:
    # What callers may bring, by the configuration.

    def __init__(self, config: GatewayConfig) -> None:
        self.welcome = config.general.allow_client_side_credentials
        self.private = config.own.allow_private_hosts
        self.allowed = Allowed(config.own.allowed_hosts)
        self.providers: Mapping[str, Mapping[str, Any]] = {
            name: {key: value for key, value in given.items() if key not in _OWNERS}
            for name, given in config.own.providers.items()
        }


def caller_upstream(body: JsonDict, live: Live) -> CallerUpstream | None:
    # What a request brings, None if nothing.
    # Raises BadRequestError: It may not, or it is not written as it must be. It is never passed over in silence.
    given = {name: body[name] for name in UPSTREAM_FIELDS if body.get(name) is not None}
    if not given:
        return None
    if not live.upstreams.welcome:
        raise BadRequestError(
            f"this gateway does not take {' and '.join(given)} from callers",
            hint="its owner can allow it: general_settings.allow_client_side_credentials",
        )
    key = given.get("api_key")
    if key is not None and (not isinstance(key, str) or not key):
        raise BadRequestError("api_key must be a text")
    addresses = [given[name] for name in ("api_base", "base_url") if name in given]
    if not addresses:
        return CallerUpstream(None, key)
    if len(addresses) == 2 and addresses[0] != addresses[1]:
        raise BadRequestError("api_base and base_url are the same thing; they must not differ")
    if key is None:
        raise BadRequestError("api_base needs an api_key beside it: the gateway's own goes to no address of a caller's")
    place = read_place(addresses[0])
    if live.upstreams.allowed.find(place) is None:
        raise BadRequestError(
            "api_base is not among the hosts that this gateway allows",
            hint="its owner can list host, or host:port, in lingate.allowed_hosts",
        )
    return CallerUpstream(place, key)


async def bring(exchange: Exchange, what: CallerUpstream) -> None:
    # Send a call where its caller wants it: to one place only, nobody stands in.
    # Raises BadRequestError: It may not go there, or the provider takes no such key.
    # Raises ConnectError: The place's name does not resolve.
    first, upstreams, place = exchange.group.tiers[0][0], exchange.live.upstreams, what.place
    try:
        target = _target(first, what, upstreams.providers)
        form = form_of(target, exchange.call.operation)
    except UnsupportedError:
        raise
    except ConfigError as error:
        raise BadRequestError(f"the call cannot be made with what it brings: {error}") from None
    if not _carries(target, what.key):
        raise BadRequestError(f"{target.provider} is not signed in to with an api_key alone")
    if place is not None:
        if not travels_by_wire(target.row):
            raise BadRequestError(f"{target.provider} takes no api_base of a caller's")
        by_name = upstreams.allowed.find(place) is True
        private, most = upstreams.private and by_name, exchange.live.config.own.limits.max_answer
        exchange.transport = await exchange.gateway.pins.transport(place, private=private, most=most)
    own = place is None
    deployment = replace(
        first,
        id=f"{first.id}@caller",
        load=Load(),
        health=Health(id=first.id, now=exchange.live.router.now, rules=first.health.rules),
        extra_headers=first.extra_headers if own else {},
        extra_body=first.extra_body if own else {},
        unusable=None,
        places={exchange.call.operation: ((lambda: (target, form)), target.model)},
        policies={},
    )
    group = exchange.group
    exchange.group = Group(
        name=group.name,
        base=group.base,
        deployments=(deployment,),
        tiers=((deployment,),),
        only=deployment,
        choose=group.choose,
        retries=group.retries,
        retries_by_kind=group.retries_by_kind,
        aka=group.aka,
    )


def _target(deployment: Deployment, what: CallerUpstream, providers: Mapping[str, Mapping[str, Any]]) -> Target:
    place, session, (_, base, version) = what.place, deployment.session, deployment.given
    if place is None:
        # The deployment's own place, with the caller's key.
        env, config = session.env, session.config.providers
    else:
        # The same model at the caller's place: neither the environment nor what the owner configured goes there.
        env, base, config = {}, place.url, providers
    target = resolve(deployment.name, env=env, api_key=what.key, api_base=base, api_version=version, config=config)
    if place is not None and not target.url.startswith(place.origin):
        raise ConfigError(f"{target.provider} takes no api_base")
    return target


def _carries(target: Target, key: str | None) -> bool:
    # Whether the caller's key is what the request goes out with.
    return key is None or (target.signer is None and any(key in value for value in target.headers.values()))

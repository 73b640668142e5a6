# Makes deployments of configuration, and keeps what is known about them from one configuration to the next.

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from lingate._call.policy import Timeout
from lingate._io.session import Session
from lingate._providers.lookup import credential
from lingate._providers.naming import environment, provider_of, row_of
from lingate.errors import ConfigError
from lingate.server.config.settings import DeploymentConfig, DeploymentParams, GatewayConfig, ModelInfo
from lingate.server.routing.deployment import Deployment, fails_by_kind
from lingate.server.routing.health import Health, Load, Rules, Shared
from lingate.server.routing.names import filled
from lingate.server.routing.prices import Sheet
from lingate.server.routing.provider_budgets import SpendBudgets

_MOST_WILD = 4096


class Builder:
    # Deployments of one configuration.

    # previous: The builder before a change; loads and healths of deployments that stay are taken over from it.

    def __init__(
        self, config: GatewayConfig, now: Callable[[], float], shared: Shared | None, previous: Builder | None
    ) -> None:
        self._config = config
        self._now = now
        self._shared = shared
        routing = config.routing
        self._fails = fails_by_kind(routing.allowed_fails_policy)
        self._sessions: dict[tuple[object, ...], Session] = {}
        self._deployments: dict[tuple[str, str], Deployment] = {}
        self._loads: dict[str, Load] = {}
        self._healths: dict[tuple[str, str], Health] = {}
        self.spend_budgets: SpendBudgets = SpendBudgets(config, None if previous is None else previous.spend_budgets)
        if previous is not None:
            stay = {entry.id for entry in config.deployments}
            serve_all = config.serve_all
            # Of what stands behind a `*`, what nobody has asked since the last change is kept while it rests.
            self._healths = {
                key: item
                for key, item in previous._healths.items()
                if (serve_all or key[0] in stay) and (key in previous._deployments or item.until > now())
            }
            stay |= {id_ for id_, _ in self._healths}
            self._loads = {
                id_: load for id_, load in previous._loads.items() if id_ in stay or (serve_all and load.in_flight)
            }
        self.known()

    def known(self) -> list[Deployment]:
        # All deployments made so far, those with a name of their own in the order of the configuration.
        for entry in self._config.deployments:
            if "*" not in entry.group:
                self.deployment(entry, entry.group, None)
        return list(self._deployments.values())

    def healths_of(self, id_: str) -> Iterator[Health]:
        # How deployments fare that are known to replicas by this.
        return (item.health for item in self._deployments.values() if item.health.id == id_)

    def _session(self, overlay: Mapping[str, str], provider: str) -> Session:
        # Look-ups in the environment with these variables laid over it; one for equal ones.
        key = (*sorted(overlay.items()), provider if overlay else "")
        session = self._sessions.get(key)
        if session is None:
            config = self._config
            env = environment(overlay, provider, config.env)
            own = {"providers": dict(config.own.providers)}
            session = self._sessions[key] = Session(own, env, None, None, config.settings.drop_params)
        return session

    def deployment(self, entry: DeploymentConfig, asked: str, captured: Collection[str] | None) -> Deployment | None:
        # The deployment of an entry, for the model that was asked for; None where that names no provider.
        provider, model = entry.provider, entry.model
        if captured is not None and "*" in model:
            if not provider:
                named = provider_of(asked)
                if named is None or not self._is_known(named[1]):
                    return None
                model, provider = named
            else:
                model = filled(model, captured)
        key = (entry.id, f"{provider}/{model}")
        found = self._deployments.get(key)
        if found is None:
            found = self._made(entry, provider, model, wild=captured is not None)
            self._remember(key, found)
        return found

    def any_provider(self, name: str) -> Deployment | None:
        # A deployment for `provider/model`, if there is a credential for it.
        head, slash, model = name.partition("/")
        if not slash or not model or not self._is_known(head):
            return None
        row = row_of(head)
        key = (name, name)
        found = self._deployments.get(key)
        if found is not None:
            return found
        session = self._session({}, "")
        try:
            session.place(name, "chat")
        except ConfigError:
            # A provider may lack chat and serve something else; without a credential it serves nothing.
            if head not in self._config.own.providers and (
                row is None or not credential(row, self._config.env).present
            ):
                return None
        provider = head if row is None or head in self._config.own.providers else row.name
        entry = DeploymentConfig(
            id=name, group=name, provider=provider, model=model, params=DeploymentParams(model=name), info=ModelInfo()
        )
        found = self._made(entry, provider, model, wild=True)
        self._remember(key, found)
        return found

    def _is_known(self, provider: str) -> bool:
        return provider in self._config.own.providers or row_of(provider) is not None

    def _remember(self, key: tuple[str, str], found: Deployment) -> None:
        if len(self._deployments) >= _MOST_WILD:
            for old in [old for old, item in self._deployments.items() if item.wild]:
                del self._deployments[old]
            self._healths = {old: item.health for old, item in self._deployments.items()}
            # Chains under way hold their loads; what else is behind a `*` begins anew.
            ids = {id_ for id_, _ in self._deployments} | {entry.id for entry in self._config.deployments}
            self._loads = {id_: load for id_, load in self._loads.items() if id_ in ids or load.in_flight}
        self._deployments[key] = found

    def _made(self, entry: DeploymentConfig, provider: str, model: str, *, wild: bool) -> Deployment:
        params, routing = entry.params, self._config.routing
        cooldown = routing.cooldown_time if params.cooldown_time is None else params.cooldown_time
        rules = Rules(
            cooldown=cooldown, allowed=routing.allowed_fails, by_kind=self._fails, never=routing.disable_cooldowns
        )
        key = (entry.id, f"{provider}/{model}")
        health = self._healths.get(key)
        if health is None:
            told = " ".join(key) if wild else entry.id
            health = self._healths[key] = Health(id=told, now=self._now, rules=rules, shared=self._shared)
        else:
            health.rules, health.now, health.shared = rules, self._now, self._shared
        sheet = Sheet(provider, model, entry.info, params)
        parallel = (
            params.max_parallel_requests,
            routing.default_max_parallel_requests,
            self._config.general.max_parallel_requests,
        )
        return Deployment(
            id=entry.id,
            group=entry.group,
            provider=provider,
            model=model,
            session=self._session(entry.overlay, provider),
            given=(params.api_key, params.api_base, params.api_version),
            load=self._loads.setdefault(entry.id, Load(start=self._now())),
            health=health,
            sheet=sheet,
            defaults=entry.defaults,
            extra_headers=params.extra_headers,
            extra_body=params.extra_body,
            drop_params=params.drop_params,
            always_drop=params.additional_drop_params,
            tags=frozenset(params.tags),
            own_weight=params.weight,
            order=params.order or 0,
            rpm=params.rpm,
            tpm=params.tpm,
            max_parallel=next((count for count in parallel if count is not None), None) or None,
            timeout=_first(params.timeout, routing.timeout),
            stream_timeout=_first(params.stream_timeout, params.timeout, routing.stream_timeout, routing.timeout),
            retries=params.num_retries if params.max_retries is None else params.max_retries,
            spend_budget=self.spend_budgets.of(provider, entry.id, sheet),
            wild=wild,
            unusable=entry.unusable,
        )


def _first(*given: float | None) -> Timeout | None:
    seconds = next(filter(None, given), None)
    return None if seconds is None else Timeout.of(seconds, Timeout())


def weigh(found: Sequence[Deployment]) -> None:
    # Give each deployment of a group its weight: the first of `weight`, `rpm` and `tpm` that any of them has.
    for name in ("own_weight", "rpm", "tpm"):
        given: list[Any] = [getattr(item, name) for item in found]
        if any(given):
            for item, weight in zip(found, given, strict=True):
                item.weight = float(weight or 0.0)
            return
    for item in found:
        item.weight = 1.0

# Keys, limits and sign-in as one thing that is started and stopped with the gateway.

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from lingate.server.access.database import Database
from lingate.server.access.ips import Networks
from lingate.server.access.keys import PREFIX, Keys, digest, make_token
from lingate.server.access.limiter import LocalLimiter, Spending, end
from lingate.server.access.oidc import Issuer, SignIn
from lingate.server.access.periods import parse_span
from lingate.server.access.records import Limits
from lingate.server.access.service import Service
from lingate.server.patterns import matches_any
from lingate.server.records import Caller
from lingate.server.store import Store, StoreError

_log = logging.getLogger("lingate.access")
_MASTER = "master_key"
_REFRESH_SECONDS = 2.0
_RECONCILE_SECONDS = 15.0


class AccessSettings(msgspec.Struct, frozen=True, kw_only=True):
    # What the config says about access.

    master_key: str | None = None
    """The master key; None to use the stored one, or make one."""
    gateway: Limits | None = None
    """Limits of all calls together."""
    customers: Limits | None = None
    """Limits of each end user that has none of its own."""
    allow_unpriced: bool = False
    """Models without a price may be called under a budget, for nothing."""
    allowed_ips: tuple[str, ...] = ()
    """Addresses and networks that may use the gateway; empty for all."""
    trusted_proxies: tuple[str, ...] = ()
    """Whose `X-Forwarded-For` is believed."""
    issuers: tuple[Issuer, ...] = ()
    """Whose signed tokens (JWT) are accepted."""
    redis_url: str | None = None
    """Redis that limits are shared through; None for limits of this process."""


class Access:
    # Keys, limits and sign-in of a gateway.

    # on_master: Told the master key once, if one had to be made.

    def __init__(
        self,
        store: Store,
        settings: AccessSettings,
        *,
        spending: Spending | None = None,
        on_master: Callable[[str], None] | None = None,
    ) -> None:
        self.database = Database(store)
        self.limiter = self._limiter(settings, spending)
        self.keys = Keys(self.database, self.limiter, gateway=settings.gateway)
        self.service = Service(self.database, self.keys, changed=self.limiter.changed)
        self.sign_in: SignIn | None = None
        self._issuers: tuple[Issuer, ...] = ()
        self.allowed: Networks | None = None
        self.trusted: Networks | None = None
        self._on_master = on_master
        self._has_master = self._is_given = False
        self._tasks: list[asyncio.Task[None]] = []
        self._away = False
        self.configure(settings)

    def configure(self, settings: AccessSettings) -> None:
        # Take over a new config, but for `redis_url`, which is read once.
        # Raises ValueError: A network, a period or an issuer is not one; nothing was changed.
        # Whatever can be wrong is found out before anything is changed.
        for limits in (settings.gateway, settings.customers):
            if limits is not None and limits.budget_duration is not None:
                parse_span(limits.budget_duration)
        allowed = Networks(settings.allowed_ips) if settings.allowed_ips else None
        trusted = Networks(settings.trusted_proxies) if settings.trusted_proxies else None
        if settings.issuers != self._issuers:
            self.sign_in = SignIn(settings.issuers, self.keys) if settings.issuers else None
            self._issuers = settings.issuers
        self.allowed, self.trusted = allowed, trusted
        self.limiter.allow_unpriced = settings.allow_unpriced
        self.limiter.limit_customers(settings.customers)
        self.keys.set_gateway(settings.gateway)
        given = settings.master_key
        # Without one there is the stored one, with the next look at the database.
        if given is not None or self._is_given:
            self._has_master = self._is_given = given is not None
            self.keys.set_master(None if given is None else digest(given))

    async def start(self) -> None:
        # Read the keys and go on reading what changes.
        # Does not fail where the database is away: it is asked again.
        await asyncio.gather(self._refresh(), self.limiter.start())
        chores = (self._every(_REFRESH_SECONDS, self._refresh), self._every(_RECONCILE_SECONDS, self.limiter.reconcile))
        self._tasks = list(map(asyncio.create_task, chores))

    async def stop(self) -> None:
        await end(self._tasks)
        await self.limiter.stop()

    def known(self, token: str) -> Caller | None:
        caller = self.keys.known(token)
        return self.sign_in.known(token) if caller is None and self.sign_in is not None else caller

    async def find(self, token: str) -> Caller | None:
        # Who sends this token, asking whoever may know.
        # None for a wrong one, in every state of the database.
        if self.sign_in is not None and not token.startswith(PREFIX):
            return await self.sign_in.verify(token)
        return await self.keys.find(token)

    def _limiter(self, settings: AccessSettings, spending: Spending | None) -> LocalLimiter:
        if settings.redis_url is None:
            return LocalLimiter(spending=spending, allow_unpriced=settings.allow_unpriced)
        from lingate.server.access.redis_limiter import RedisLimiter

        return RedisLimiter(
            settings.redis_url, spending=spending, allow_unpriced=settings.allow_unpriced, on_news=self._refresh
        )

    def refusal(self, token: str) -> str | None:
        # Why a token is not good, for whoever holds it; None where nothing is known of it.
        return self.keys.refusal(token) or (self.sign_in.refusal(token) if self.sign_in is not None else None)

    async def _every(self, seconds: float, what: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await what()
            except Exception:  # what was not foreseen must not end the reading of keys
                _log.exception("keys could not be looked at")

    async def _refresh(self) -> None:
        try:
            if not self._has_master:
                await self._settle_master()
            await self.keys.refresh()
        except StoreError as error:
            if not self._away:
                _log.warning("keys stay as they are: %s", error)
            self._away = True
        else:
            if self._away:
                _log.warning("the database answers again: keys are up to date")
            self._away = False

    async def _settle_master(self) -> None:
        # Use the stored hash of the master key; where there is none, make a key and store its hash.
        stored = await self.database.setting(_MASTER)
        if stored is None:
            _, token = make_token()
            mine = digest(token).hex()
            stored = await self.database.settle_setting(_MASTER, mine)
            if stored == mine and self._on_master is not None:
                self._on_master(token)
        if not self._has_master:  # a configuration may have come meanwhile, with one
            self._has_master = True
            self.keys.set_master(bytes.fromhex(stored))


# What a caller may do, once it is known who it is.

_READING = "info_routes"
_GROUPS = {
    "llm_api_routes": (
        "/v1/*",
        "/v1beta/*",
        "/v1alpha/*",
        "/v1beta1/*",
        "/api/*",
        "/v2/*",
        "/openai/*",
        "/deployments/*",
        "/engines/*",
        "/chat/*",
        "/completions",
        "/embeddings",
        "/responses",
        "/responses/*",
        "/messages",
        "/messages/*",
        "/images/*",
        "/audio/*",
        "/rerank",
        "/moderations",
        "/models",
        "/models/*",
    ),
    "management_routes": (
        "/admin/*",
        "/key/*",
        "/team/*",
        "/user/*",
        "/customer/*",
        "/budget/*",
        "/spend/*",
        "/model/*",
    ),
    _READING: ("/health/*", "/v1/models", "/v1/models/*", "/models", "/key/info", "/model/info"),
}


def may_use(caller: Caller, model: str) -> bool:
    # Whether a caller may use a model, by the name of its group (after the caller's aliases were resolved).
    return all(matches_any(rule, model) for rule in caller.model_rules)


def may_call(caller: Caller, path: str, method: str = "GET") -> bool:
    # LiteLLM's names for groups of paths stand for their paths.
    # Google's format calls models below the path where the others list them.
    asks = method not in ("GET", "HEAD")
    return not caller.routes or any(
        matches_any(_GROUPS.get(route, (route,)), path) for route in caller.routes if not (asks and route == _READING)
    )


def may_come_from(caller: Caller, address: str | None) -> bool:
    return caller.networks is None or address in caller.networks

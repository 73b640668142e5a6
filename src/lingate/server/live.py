# What one configuration makes: swapped as a whole when another takes its place, so that a call sees one or the other.

from __future__ import annotations

import random
import time

from lingate._call.plan import Context
from lingate._call.policy import RetryPolicy, Timeout
from lingate.server.access import AccessSettings, Issuer, Limits
from lingate.server.cache import ResponseCache, response_cache_of
from lingate.server.config.settings import GatewayConfig
from lingate.server.cors import Sharing
from lingate.server.pass_through_routes import pass_through_routes_of
from lingate.server.routing import Router
from lingate.server.routing.health import Shared
from lingate.server.upstreams import Upstreams


class Live:
    # A configuration at work.

    # before: What it was set to: what is known about deployments that are in both goes on being known.

    def __init__(self, config: GatewayConfig, before: Live | None = None, shared: Shared | None = None) -> None:
        self.config = config
        self.router: Router = Router(config, shared=shared, previous=None if before is None else before.router)
        self.max_body = config.max_body
        self.max_values = config.own.limits.max_values
        self.max_in_flight = config.max_in_flight
        self.keepalive = config.settings.sse_keepalive_ping_interval_seconds
        self.forwarded = frozenset(name.lower() for name in config.own.forward_headers if "*" not in name)
        self.forwarded_prefixes = tuple(name.lower()[:-1] for name in config.own.forward_headers if name.endswith("*"))
        self.forwards_x = config.general.forward_client_headers_to_llm_api
        self.key_header = (config.general.litellm_key_header_name or "").lower() or None
        self.user_header = (config.general.user_header_name or "").lower() or None
        self.needs_user = config.general.enforce_user_param
        self.store_prompts = config.store_prompts
        self.keeps_ledger = not config.general.disable_spend_logs
        self.only_priced = config.settings.block_requests_for_models_without_pricing
        self.drop_params = config.settings.drop_params
        self.cache: ResponseCache | None = response_cache_of(config, None if before is None else before.cache)
        self.upstreams = Upstreams(config)
        self.continues = config.own.continue_streams
        self.sharing = Sharing(config.own.cors) if config.own.cors.allow_origins else None
        self.pass_through_routes = pass_through_routes_of(config.general)
        self._policy = RetryPolicy(retries=0)

    def context(self, timeout: float | None = None) -> Context:
        # Time-outs and clock of one call; how often it is tried is the router's business.
        # timeout: Seconds for the call, where its caller says.
        bounds = self.router.timeout if timeout is None else Timeout.of(timeout, self.router.timeout)
        return Context(self._policy, bounds, time.monotonic, random.random)


def access_settings(config: GatewayConfig) -> AccessSettings:
    # What the configuration says about keys and limits.
    general, settings = config.general, config.settings
    everyone = Limits(max_budget=settings.max_budget, budget_duration=settings.budget_duration)
    customers = Limits(max_budget=settings.max_end_user_budget)
    return AccessSettings(
        master_key=general.master_key or config.env.get("LINGATE_MASTER_KEY") or None,
        gateway=everyone if settings.max_budget is not None else None,
        customers=customers if settings.max_end_user_budget is not None else None,
        allow_unpriced=config.own.unpriced == "allow",
        allowed_ips=general.allowed_ips,
        trusted_proxies=config.own.trusted_proxies,
        redis_url=config.redis_url,
        issuers=_issuers(config),
    )


def _issuers(config: GatewayConfig) -> tuple[Issuer, ...]:
    jwt = config.own.jwt
    if jwt is None or jwt.audience is None or not config.general.enable_jwt_auth:
        return ()
    return (
        Issuer(
            issuer=jwt.issuer,
            audience=(jwt.audience,),
            jwks=jwt.jwks_url,
            algorithms=jwt.algorithms,
            user_claim=jwt.user_claim,
            team_claim=jwt.team_claim,
            scope_claim=jwt.scope_claim,
            admin_scope=jwt.admin_scope,
            leeway=jwt.leeway,
        ),
    )

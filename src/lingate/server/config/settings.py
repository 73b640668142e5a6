# What a gateway is set to.

# Frozen records; what a key of the file means is the docstring of its attribute.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, Literal

from lingate._call.policy import MOST_ANSWER
from lingate.server.config.models import (
    Alias,
    Amount,
    Bytes,
    Count,
    DeploymentConfig,
    DeploymentParams,
    FailsByKind,
    Fallback,
    Fallbacks,
    ModelInfo,
    Period,
    Prices,
    ProviderBudget,
    RetriesByKind,
    Routing,
    Seconds,
    Secret,
    record,
)

__all__ = [
    "AlertType",
    "AlertingArgs",
    "Alias",
    "Bounds",
    "CacheParams",
    "CacheSettings",
    "Cors",
    "DeploymentConfig",
    "DeploymentParams",
    "FailsByKind",
    "Fallback",
    "Fallbacks",
    "GatewayConfig",
    "General",
    "Jwt",
    "LedgerSettings",
    "ModelInfo",
    "Own",
    "PassThrough",
    "Prices",
    "ProviderBudget",
    "RetriesByKind",
    "Routing",
    "Settings",
]

AlertType = Literal[
    "llm_exceptions",
    "llm_too_slow",
    "llm_requests_hanging",
    "budget_alerts",
    "db_exceptions",
    "failed_tracking_spend",
    "cooldown_deployment",
    "outage_alerts",
]

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a public key: a shared secret would let whoever can check a token make one."""

_DEADLINE = 600.0


@record
class CacheParams:
    # `cache_params`: where answers are kept.

    type: Literal["local", "redis"] = "local"
    """`local` (memory of the process) or `redis`."""
    mode: Literal["default_on", "default_off"] = "default_on"
    """`default_on`: every call may be answered from the cache; `default_off`: those that ask for it."""
    ttl: Seconds | None = None
    """Seconds an answer is kept."""
    default_in_memory_ttl: Seconds | None = None
    """The same in memory."""
    default_in_redis_ttl: Seconds | None = None
    """The same in Redis."""
    namespace: str = ""
    """Part of every key: what has another shares no answers."""
    supported_call_types: tuple[str, ...] = ()
    """What is cached: `acompletion`, `aembedding`, ...; empty for all that can be."""
    url: Secret | None = field(default=None, repr=False)
    """Redis."""
    host: str | None = None
    """Its parts, in place of a URL."""
    port: Count | None = None
    """See there."""
    username: str | None = None
    """See there."""
    password: Secret | None = field(default=None, repr=False)
    """See there."""
    db: Count | None = None
    """See there."""
    ssl: bool = False
    """See there."""


@record
class Settings:
    # `litellm_settings` that are not about routing.

    drop_params: bool = False
    """Leave out what a provider cannot express, instead of refusing the call."""
    cache: bool = False
    """Answer equal calls from a cache."""
    cache_params: CacheParams = field(default_factory=CacheParams)
    """Where and how long."""
    callbacks: tuple[str, ...] = ()
    """`prometheus` and `otel` are here; others are named in the warning."""
    success_callback: tuple[str, ...] = ()
    """The same."""
    failure_callback: tuple[str, ...] = ()
    """The same."""
    service_callback: tuple[str, ...] = ()
    """The same."""
    service_callbacks: tuple[str, ...] = ()
    """The same."""
    max_budget: Amount | None = None
    """US dollars that all calls together may cost in `budget_duration`."""
    budget_duration: Period | None = None
    """When it begins anew: `1d`, `30d`, `1mo`. Default: never."""
    max_end_user_budget: Amount | None = None
    """US dollars for each end user."""
    json_logs: bool = False
    """Logs are lines of JSON."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least level that is logged."""
    sse_keepalive_ping_interval_seconds: Seconds = 15.0
    """A comment is sent on a stream that has been silent for so long; 0: never."""
    block_requests_for_models_without_pricing: bool = False
    """Refuse models whose price is not known, for everyone."""


@record
class PassThrough:
    # `pass_through_endpoints`: a path whose requests go on as they are.

    path: str = ""
    """The path here. It goes before a face's of the same name, and never before one of the admin API's."""
    target: str = ""
    """Address that its requests go to; parameters in its query go with every request."""
    headers: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    """Sent with every request: `{Authorization: Bearer os.environ/NAME}`."""
    default_query_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Parameters for a request that does not have them itself."""
    include_subpath: bool = False
    """What lies below the path goes on too, to what lies below the address."""
    methods: tuple[Literal["GET", "POST", "PUT", "PATCH", "DELETE"], ...] = ()
    """The methods that go on; empty for all five."""
    cost_per_request: Amount | None = None
    """US dollars that a request costs. Where it is not said, keys with a budget may not use the path."""
    timeout: Seconds | None = None
    """Seconds for a whole answer, and until a stream's first piece. Default: `pass_through_request_timeout`."""
    auth: bool = True
    """A key is needed; false lets anybody use it."""
    forward_headers: bool = False
    """The caller's headers go on, without its key to this gateway. Otherwise those do that tell of the body."""
    merge_query_params: bool = False
    """Taken; parameters are always merged."""
    id: str | None = None
    """What the ledger has as the deployment. Default: the path."""


@record
class AlertingArgs:
    # `alerting_args`: how often alerts say the same.

    budget_alert_ttl: Seconds = 86400.0
    """Seconds until the same budget is told of again; what is left of it falling below the next mark is news."""
    outage_alert_ttl: Seconds = 60.0
    """Seconds until the same deployment is told of again."""


@record
class General:
    # `general_settings`.

    master_key: Secret | None = field(default=None, repr=False)
    """The key that may do everything."""
    database_url: Secret | None = field(default=None, repr=False)
    """Keys and ledger. Default: SQLite in the state directory. `LINGATE_DATABASE_URL` wins."""
    max_parallel_requests: Count | None = None
    """Calls at once for each deployment that does not say; 0: any number."""
    global_max_parallel_requests: Count | None = None
    """Calls at once in this process; further ones are refused with Retry-After."""
    max_request_size_mb: Amount | None = None
    """Longest body of a request."""
    allowed_ips: tuple[str, ...] = ()
    """Addresses and networks that may call; empty for all."""
    use_x_forwarded_for: bool = False
    """Taken; `X-Forwarded-For` is believed of `lingate.trusted_proxies`, and of nobody else."""
    enable_jwt_auth: bool = False
    """Take tokens of an identity provider, see `lingate.jwt`."""
    infer_model_from_keys: bool = False
    """Serve every provider whose credential is present, besides `model_list`."""
    background_health_checks: bool = False
    """List the models of each deployment's provider regularly, where it has a list: that is not billed. A failure
    counts as a failed call would.
    """
    health_check_interval: Seconds = 300.0
    """Seconds between two rounds."""
    health_check_concurrency: Count = 4
    """Deployments asked at once."""
    store_prompts_in_spend_logs: bool = False
    """Write requests and answers into the ledger."""
    disable_spend_logs: bool = False
    """Keep no ledger."""
    maximum_spend_logs_retention_period: Seconds | None = None
    """How long rows of the ledger are kept."""
    user_header_name: str | None = None
    """Header that names the end user."""
    litellm_key_header_name: str | None = None
    """Header that holds the key, besides `Authorization` and `x-api-key`."""
    enforce_user_param: bool = False
    """Refuse calls that name no end user."""
    pass_through_endpoints: tuple[PassThrough, ...] = ()
    """Paths whose requests go on as they are, see below."""
    pass_through_request_timeout: Seconds = 600.0
    """Seconds for those that do not say."""
    alerting: tuple[Literal["slack", "webhook"], ...] = ()
    """Who is told when something is wrong: `slack` (its webhooks, and what takes the same: Discord, Teams) or `webhook`
    (JSON for a program). Addresses are in `SLACK_WEBHOOK_URL` and `WEBHOOK_URL`.
    """
    alerting_threshold: Seconds = 300.0
    """Seconds after which a call is slow, or hangs."""
    alert_types: tuple[AlertType, ...] = ()
    """What is told of; empty for everything."""
    alert_to_webhook_url: Mapping[str, tuple[Secret, ...]] = field(default_factory=dict, repr=False)
    """Other addresses for `slack`, by type of alert: one, or a list."""
    alerting_args: AlertingArgs = field(default_factory=AlertingArgs)
    """How often, see below."""
    forward_client_headers_to_llm_api: bool = False
    """Pass `x-*` headers of callers on (never credentials)."""
    allow_client_side_credentials: bool = False
    """Callers may bring `api_key` and, for `lingate.allowed_hosts`, `api_base`."""


@record
class Bounds:
    # `lingate.limits`: what one process takes.

    max_body: Bytes = 32 * 1024 * 1024
    """Longest body of a request; a longer one is refused with 413 while it arrives."""
    max_values: Count = 500_000
    """Most values in a request's body, tokens of an embedding among them; more are refused with 413, since in memory they take
    thirty times their bytes."""
    max_in_flight: Count = 1000
    """Calls at once; further ones are refused with Retry-After."""
    max_answer: Bytes = MOST_ANSWER
    """Longest answer of a provider, in one piece or as a stream; a longer one is an error, and is not read to its end."""
    max_headers: Bytes = 64 * 1024
    """Bytes of a request's headers that are certainly taken; from 64 KB above it on they are refused with 431, as more than
    100 of them always are.
    """
    body_seconds: Seconds = 60.0
    """How long a request's body may take to arrive."""


@record
class LedgerSettings:
    # `lingate.ledger`: what is written down about calls.

    retention: Seconds | None = None
    """How long rows are kept in the database. Default: for ever."""
    journal_max_bytes: Bytes = 1024 * 1024 * 1024
    """How much may wait for a database that does not answer."""
    store_prompts: bool = False
    """Write requests and answers down too."""


@record
class CacheSettings:
    # `lingate.cache`: beside `cache_params`.

    namespace: Literal["key", "team", "shared"] = "key"
    """Whose answers a caller may get: those of its `key`, of its `team`, or `shared`."""
    max_bytes: Bytes = 64 * 1024 * 1024
    """Memory for answers."""
    max_entry: Bytes = 1024 * 1024
    """Longest answer that is kept."""
    single_flight: bool = True
    """Equal calls at the same time are made once."""


@record
class Cors:
    # `lingate.cors`: browsers of which sites may call.

    allow_origins: tuple[str, ...] = ()
    """`https://app.example.com`, or `*`; empty for none."""
    allow_headers: tuple[str, ...] = ()
    """Request headers they may send besides the usual ones."""
    max_age: Seconds = 600.0
    """How long a browser remembers."""


@record
class Jwt:
    # `lingate.jwt`: tokens of an identity provider (OpenID Connect).

    issuer: str = ""
    """Who must have issued them."""
    audience: str | None = None
    """For whom they must be."""
    jwks_url: str | None = None
    """Where its keys are. Default: what `issuer` says at `/.well-known/openid-configuration`."""
    algorithms: tuple[Algorithm, ...] = ("RS256", "ES256")
    """Signatures that are taken."""
    user_claim: str = "sub"
    """Claim that names the user."""
    team_claim: str | None = None
    """Claim that names the team."""
    scope_claim: str = "scope"
    """Claim that lists scopes."""
    admin_scope: str | None = None
    """Scope that may use the admin API."""
    leeway: Seconds = 30.0
    """Seconds that clocks may differ."""


@record
class Own:
    # `lingate`: what LiteLLM's schema has no words for.

    providers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """Settings by provider name, and providers of your own, as in the SDK's configuration."""
    serve_all_providers: bool | None = None
    """Serve `provider/model` for every provider whose credential is present. Default: only where there is no
    `model_list`.
    """
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Count = 4000
    """Port to listen on."""
    state_dir: str | None = None
    """Where the journal and the SQLite database are. `LINGATE_STATE_DIR` wins."""
    limits: Bounds = field(default_factory=Bounds)
    """What one process takes, see below."""
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    """What is written down about calls, see below."""
    cache: CacheSettings = field(default_factory=CacheSettings)
    """Beside `cache_params`, see below."""
    cors: Cors = field(default_factory=Cors)
    """Browsers of which sites may call, see below."""
    jwt: Jwt | None = None
    """Tokens of an identity provider, see below."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts, or `host:port`, that callers may name in `api_base`; `*.example.com` stands for all below."""
    allow_private_hosts: bool = False
    """Hosts that `allowed_hosts` names without a `*` may be on loopback or a private network."""
    forward_headers: tuple[str, ...] = ()
    """Headers of callers that are passed on; `x-team-*` stands for all that begin so."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose `X-Forwarded-For` is believed."""
    deadline: Seconds | None = None
    """Seconds for a whole call, or until a stream's first event: tries, waits and fallbacks included. Default: 600, or
    three times `timeout` if that is more.
    """
    drain: Seconds = 30.0
    """Seconds that calls may go on after SIGTERM."""
    one_cpu: bool = True
    """Stay on one processor as long as nobody else wants that one (Linux): calls then cost half the CPU."""
    ui: bool = True
    """Serve the pages at /ui, by which administrators look at spend, calls, keys and deployments in a browser."""
    continue_streams: bool = False
    """Let another deployment go on with an answer that broke off."""
    unpriced: Literal["refuse", "allow"] = "refuse"
    """Calls that a budget covers to models without a price: `refuse` or `allow`."""
    metrics_auth: bool = False
    """`/metrics` needs the master key, or an administrator's."""
    tracing: bool = False
    """Send traces where the `OTEL_*` variables say."""
    access_log: bool = False
    """A line in the log for each call. The ledger has them all, and `lingate tail` shows them."""
    reload: Seconds = 1.0
    """Seconds between two looks at the configuration file; 0: never."""


@record
class GatewayConfig:
    # Everything a gateway is set to.

    path: str | None = None
    """The file, None without one."""
    files: tuple[str, ...] = ()
    """The file and those it includes, to be watched."""
    deployments: tuple[DeploymentConfig, ...] = ()
    """`model_list`."""
    routing: Routing = field(default_factory=Routing)
    """`router_settings`."""
    settings: Settings = field(default_factory=Settings)
    """`litellm_settings`."""
    general: General = field(default_factory=General)
    """`general_settings`."""
    own: Own = field(default_factory=Own)
    """`lingate`."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment, `environment_variables` laid over it."""
    serve_all: bool = True
    """Whether every provider with a credential is served."""
    warnings: tuple[str, ...] = ()
    """What the owner should know, one text each."""

    @property
    def redis_url(self) -> str | None:
        # Redis for limits, budgets and rests: `LINGATE_REDIS_URL`, else of the router, else of the cache.
        return self.env.get("LINGATE_REDIS_URL") or _redis(self.routing, "redis_", self.env) or self._redis_of_cache

    @property
    def cache_redis_url(self) -> str | None:
        # Redis for answers: `LINGATE_REDIS_URL`, else of a cache of the type `redis`, which may be in the router's.
        shared = self.env.get("LINGATE_REDIS_URL")
        if shared or self.settings.cache_params.type != "redis":
            return shared
        return self._redis_of_cache or self.redis_url

    @property
    def _redis_of_cache(self) -> str | None:
        # A cache of the type `redis` that names no host is at `REDIS_URL`, or `REDIS_HOST`. Of a host, `REDIS_PORT`,
        # `REDIS_USERNAME`, `REDIS_PASSWORD` and `REDIS_SSL` say what is not configured. All this is as it is for LiteLLM.
        env, cache = self.env, self.settings.cache_params
        if cache.type != "redis":
            return None
        found = None
        if not cache.host:
            found, cache = cache.url or env.get("REDIS_URL"), replace(cache, host=env.get("REDIS_HOST"))
        return found or _redis(cache, "", env)

    @property
    def deadline(self) -> float:
        # Seconds for a whole call, tries, waits and fallbacks included.
        return self.own.deadline or max(_DEADLINE, 3 * (self.routing.timeout or 0.0))

    @property
    def max_body(self) -> int:
        mb = self.general.max_request_size_mb
        return int(mb * 1024 * 1024) if mb else self.own.limits.max_body

    @property
    def max_in_flight(self) -> int:
        return self.general.global_max_parallel_requests or self.own.limits.max_in_flight

    @property
    def store_prompts(self) -> bool:
        return self.own.ledger.store_prompts or self.general.store_prompts_in_spend_logs

    @property
    def retention(self) -> float | None:
        # Seconds that rows of the ledger are kept, None for ever.
        return self.own.ledger.retention or self.general.maximum_spend_logs_retention_period

    @property
    def webhooks(self) -> dict[str, tuple[str, ...]]:
        # Addresses that alerts go to: by type of alert, else under `slack`; under `webhook` those of programs.
        env = self.env
        slack, program = env.get("SLACK_WEBHOOK_URL") or env.get("ALERTING_WEBHOOK_URL"), env.get("WEBHOOK_URL")
        usual = {"slack": slack, "webhook": program}
        return {**self.general.alert_to_webhook_url, **{name: (url,) for name, url in usual.items() if url}}

    @property
    def callbacks(self) -> frozenset[str]:
        # Names of the integrations that are asked for.
        kept = self.settings
        services = (*kept.service_callback, *kept.service_callbacks)
        return frozenset((*kept.callbacks, *kept.success_callback, *kept.failure_callback, *services))


def _redis(record: Routing | CacheParams, prefix: str, env: Mapping[str, str]) -> str | None:
    def of(name: str) -> Any:
        return getattr(record, prefix + name, None)

    if of("url") or not of("host"):
        return of("url") or None
    from urllib.parse import quote

    user, password = of("username") or env.get("REDIS_USERNAME", ""), of("password") or env.get("REDIS_PASSWORD", "")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user or password else ""
    # Kubernetes sets a REDIS_PORT of its own, tcp://...
    usual = env.get("REDIS_PORT", "")
    scheme = "rediss" if of("ssl") or env.get("REDIS_SSL", "").lower() in ("true", "1") else "redis"
    port = of("port") or (usual if usual.isdigit() else 6379)
    return f"{scheme}://{login}{of('host')}:{port}/{of('db') or 0}"

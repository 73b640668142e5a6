# What a gateway is set to about models: deployments, groups and how calls go through them.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform

# Kinds of values that a plain type does not tell.
Seconds = Annotated[float, "duration"]
"""A number of seconds, or a word such as `90s`, `30m`, `24h`, `30d`, `1mo`."""

Period = Annotated[str, "period"]
"""How often something begins anew: `1d`, `30d`, `1mo`. Kept as it is written, since months differ in length."""

Bytes = Annotated[int, "size"]
"""A number of bytes, or a word such as `10MB`."""

Secret = Annotated[str, "secret"]
"""Kept out of every message."""

Count = Annotated[int, "count"]
"""A whole number from 0."""

Amount = Annotated[float, "amount"]
"""A number from 0."""

Strategy = Literal[
    "simple-shuffle",
    "least-busy",
    "latency-based-routing",
    "usage-based-routing",
    "usage-based-routing-v2",
    "cost-based-routing",
]

PreCallCheck = Literal[
    "prompt_caching", "deployment_affinity", "session_affinity", "enforce_model_rate_limits", "router_budget_limiting"
]


_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def record(made: type[_T]) -> type[_T]:
    # Part of a configuration, as a dataclass that nobody changes.
    return dataclass(frozen=True, slots=True, kw_only=True)(made)


@record
class Prices:
    # Prices of a deployment's owner, US dollars a token. They come from the catalogue, unless any is given.

    input_cost_per_token: Amount | None = None
    """US dollars for a token of input."""
    output_cost_per_token: Amount | None = None
    """The same for output."""
    cache_read_input_token_cost: Amount | None = None
    """For input read from the provider's cache. Default: as other input."""
    cache_creation_input_token_cost: Amount | None = None
    """For input written to it. Default: as other input."""
    output_cost_per_reasoning_token: Amount | None = None
    """For reasoning. Default: as other output."""


@record
class DeploymentParams(Prices):
    # `litellm_params`: where a deployment's calls go and how many it takes. Parameters of the request stand beside these.

    model: str = ""
    """`provider/model`; a bare name is taken where it is clear whose model it is."""
    custom_llm_provider: str | None = None
    """The provider, where `model` does not name it."""
    api_key: Secret | None = None
    """Used instead of the provider's variables."""
    api_base: str | None = None
    """Used instead of the provider's address."""
    base_url: str | None = None
    """The same as `api_base`."""
    api_version: str | None = None
    """For providers whose addresses hold one."""
    litellm_credential_name: str | None = None
    """An entry of `credential_list` that these parameters are laid over."""
    rpm: Count | None = None
    """Requests a minute at most, of each replica; the weight too, where there is no `weight`."""
    tpm: Count | None = None
    """Tokens a minute at most, of each replica."""
    weight: Amount | None = None
    """Share of the traffic in its group."""
    order: int | None = None
    """Deployments of a lower order are asked first."""
    max_parallel_requests: Count | None = None
    """Calls at once, of each replica; 0: any number."""
    timeout: Seconds | None = None
    """Seconds for one try."""
    stream_timeout: Seconds | None = None
    """The same for a stream, until its first event, and for each silence after it."""
    max_retries: Count | None = None
    """Further tries at this deployment, where it is the last that can be asked."""
    num_retries: Count | None = None
    """The same."""
    cooldown_time: Seconds | None = None
    """Seconds it rests after failures."""
    extra_headers: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    """Sent with every request."""
    extra_body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Put into every request as it is."""
    drop_params: bool | None = None
    """Leave out what the provider cannot express."""
    additional_drop_params: tuple[str, ...] = ()
    """Request parameters that are always left out, or paths into them: `tools[*].input_examples`."""
    max_budget: Amount | None = None
    """US dollars a period; when they are spent, it is asked no more until the next one. Calls under way count when they end."""
    budget_duration: Period | None = None
    """The period: `1d`, `30d`, `1mo`. Default: the budget never begins anew."""
    tags: tuple[str, ...] = ()
    """What calls must be tagged with to be sent here, with `enable_tag_filtering`."""


@record
class ModelInfo(Prices):
    # `model_info`: what the owner says about a deployment.

    id: str | None = None
    """What it is called in headers, logs and the ledger. Default: a digest of the entry, without its secrets."""
    mode: str | None = None
    """What the model is for."""
    base_model: str | None = None
    """The model whose prices and limits hold, where the deployment's name does not tell."""
    max_input_tokens: Count | None = None
    """Size of its context window."""
    max_output_tokens: Count | None = None
    """Longest answer."""
    max_tokens: Count | None = None
    """The same as `max_output_tokens`."""


@record
class DeploymentConfig:
    # One entry of `model_list`, read.

    id: str
    """What tells it from the others."""
    group: str
    """`model_name`: what clients ask for; may hold `*`."""
    provider: str
    """Name of the provider's row."""
    model: str
    """The model there; may hold `*`."""
    params: DeploymentParams = field(repr=False)
    """Our part of `litellm_params`."""
    info: ModelInfo
    """`model_info`."""
    defaults: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Request parameters laid under the caller's."""
    overlay: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables for this deployment alone (`aws_*`, `vertex_*`, ...)."""
    unusable: str | None = None
    """Why it cannot be asked, in words; None where it can."""


@record
class Fallback:
    # One place to go to instead.

    model: str
    """Name of a group."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Request parameters for it."""


Fallbacks = Mapping[str, tuple[Fallback, ...]]
"""What stands in for a group, `*` for any."""


@record
class Alias:
    # Another name of a group.

    model: str
    """The group."""
    hidden: bool = False
    """It is not listed."""


@record
class RetriesByKind:
    # `retry_policy`: further tries by kind of error. Names are LiteLLM's.

    BadRequestErrorRetries: Count | None = None
    """After a request that was called wrong."""
    AuthenticationErrorRetries: Count | None = None
    """After a key that was refused."""
    TimeoutErrorRetries: Count | None = None
    """After a time-out."""
    RateLimitErrorRetries: Count | None = None
    """After a rate limit."""
    ContentPolicyViolationErrorRetries: Count | None = None
    """After a refusal by a content policy."""
    InternalServerErrorRetries: Count | None = None
    """After a failure of the provider, or no complete answer."""
    ServiceUnavailableErrorRetries: Count | None = None
    """After 503 and 529."""
    NotFoundErrorRetries: Count | None = None
    """After a model that is not there."""
    DefaultRetries: Count | None = None
    """After any other."""


@record
class FailsByKind:
    # `allowed_fails_policy`: failures in a minute, by kind, after which a deployment rests. Names are LiteLLM's.

    BadRequestErrorAllowedFails: Count | None = None
    """Taken; a request that is wrong is never held against a deployment."""
    AuthenticationErrorAllowedFails: Count | None = None
    """Keys that were refused."""
    TimeoutErrorAllowedFails: Count | None = None
    """Time-outs."""
    RateLimitErrorAllowedFails: Count | None = None
    """Rate limits without a Retry-After."""
    ContentPolicyViolationErrorAllowedFails: Count | None = None
    """Taken; a refusal is never held against a deployment."""
    InternalServerErrorAllowedFails: Count | None = None
    """Failures of the provider, and incomplete answers."""


@record
class ProviderBudget:
    # `provider_budget_config`: what all deployments of a provider may cost.

    budget_limit: Amount | None = None
    """US dollars a period."""
    max_budget: Amount | None = None
    """The same."""
    time_period: Period | None = None
    """The period: `1d`, `30d`, `1mo`. Default: the budget never begins anew."""
    budget_duration: Period | None = None
    """The same."""


@record
class Routing:
    # `router_settings`, and what `litellm_settings` says about the same.

    routing_strategy: Strategy = "simple-shuffle"
    """How the next deployment is chosen."""
    model_group_alias: Mapping[str, Alias] = field(default_factory=dict)
    """Other names of groups."""
    num_retries: Count | None = None
    """Further tries in a group after the first. Default: 2 where no fallback is configured, else none."""
    retry_after: Seconds = 0.0
    """Least seconds between tries at the same deployment."""
    retry_policy: RetriesByKind | None = None
    """Further tries by kind of error."""
    model_group_retry_policy: Mapping[str, RetriesByKind] = field(default_factory=dict)
    """The same for a group."""
    timeout: Seconds | None = None
    """Seconds for one try, unless the deployment says; see `lingate.deadline` for all of them."""
    stream_timeout: Seconds | None = None
    """The same for a stream, until its first event, and for each silence after it."""
    allowed_fails: Count | None = None
    """Failures in a minute after which a deployment rests. Default: more than half of at least five."""
    allowed_fails_policy: FailsByKind | None = None
    """The same by kind of error."""
    cooldown_time: Seconds = 5.0
    """Seconds it rests; doubled for each further time it fails at once."""
    disable_cooldowns: bool = False
    """Deployments never rest."""
    fallbacks: Fallbacks = field(default_factory=dict)
    """Groups that stand in when a group has failed."""
    default_fallbacks: tuple[str, ...] = ()
    """Groups that stand in for those not in `fallbacks`."""
    context_window_fallbacks: Fallbacks = field(default_factory=dict)
    """Groups that stand in for prompts that do not fit."""
    content_policy_fallbacks: Fallbacks = field(default_factory=dict)
    """Groups that stand in when a content policy refused."""
    max_fallbacks: Count = 5
    """Groups tried after the first at most."""
    enable_pre_call_checks: bool = False
    """Do not ask deployments whose context window is certainly too small for the prompt."""
    optional_pre_call_checks: tuple[PreCallCheck, ...] = ()
    """`prompt_caching`: calls of the same key that begin alike stay at one deployment; `deployment_affinity`: all
    calls of a key do; `session_affinity`: all calls of a session do. `enforce_model_rate_limits` and
    `router_budget_limiting` always hold.
    """
    enable_tag_filtering: bool = False
    """Send calls to deployments with their tags only."""
    tag_filtering_match_any: bool = True
    """One common tag is enough; false: all of the call's must be there."""
    default_max_parallel_requests: Count | None = None
    """Calls at once for deployments that do not say; 0: any number."""
    provider_budget_config: Mapping[str, ProviderBudget] = field(default_factory=dict)
    """Budgets of providers, by name: their deployments are asked no more until the next period, see below."""
    default_litellm_params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Laid under the parameters of every deployment."""
    redis_url: Secret | None = field(default=None, repr=False)
    """Where cool-downs, limits and budgets are shared between replicas. `LINGATE_REDIS_URL` wins."""
    redis_host: str | None = None
    """Its parts, in place of a URL."""
    redis_port: Count | None = None
    """See there."""
    redis_password: Secret | None = field(default=None, repr=False)
    """See there."""
    redis_db: Count | None = None
    """See there."""

"""What a gateway is set to about models: deployments, groups and how calls go through them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from lingate.server.config.kinds import Amount, Count, Seconds, Secret

Strategy: TypeAlias = Literal[
    "simple-shuffle",
    "least-busy",
    "latency-based-routing",
    "usage-based-routing",
    "usage-based-routing-v2",
    "cost-based-routing",
]

PreCallCheck: TypeAlias = Literal[
    "prompt_caching", "deployment_affinity", "session_affinity", "enforce_model_rate_limits"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices of a deployment's owner, US dollars a token. They come from the catalogue, unless any is given.

    Attributes:
        input_cost_per_token: US dollars for a token of input.
        output_cost_per_token: The same for output.
        cache_read_input_token_cost: For input read from the provider's cache. Default: as other input.
        cache_creation_input_token_cost: For input written to it. Default: as other input.
        output_cost_per_reasoning_token: For reasoning. Default: as other output.
    """

    input_cost_per_token: Amount | None = None
    output_cost_per_token: Amount | None = None
    cache_read_input_token_cost: Amount | None = None
    cache_creation_input_token_cost: Amount | None = None
    output_cost_per_reasoning_token: Amount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentParams(Prices):
    """`litellm_params`: where a deployment's calls go and how many it takes. Parameters of the request stand beside these.

    Attributes:
        model: `provider/model`; a bare name is taken where it is clear whose model it is.
        custom_llm_provider: The provider, where `model` does not name it.
        api_key: Used instead of the provider's variables.
        api_base: Used instead of the provider's address.
        base_url: The same as `api_base`.
        api_version: For providers whose addresses hold one.
        litellm_credential_name: An entry of `credential_list` that these parameters are laid over.
        rpm: Requests a minute at most; the weight too, where there is no `weight`.
        tpm: Tokens a minute at most.
        weight: Share of the traffic in its group.
        order: Deployments of a lower order are asked first.
        max_parallel_requests: Calls at once; 0: any number.
        timeout: Seconds for one try.
        stream_timeout: The same for a stream, until its first event.
        max_retries: Further tries at this deployment, where it is the last that can be asked.
        num_retries: The same.
        cooldown_time: Seconds it rests after failures.
        extra_headers: Sent with every request.
        extra_body: Put into every request as it is.
        drop_params: Leave out what the provider cannot express.
        additional_drop_params: Request parameters that are always left out.
        tags: What calls must be tagged with to be sent here, with `enable_tag_filtering`.
    """

    model: str = ""
    custom_llm_provider: str | None = None
    api_key: Secret | None = None
    api_base: str | None = None
    base_url: str | None = None
    api_version: str | None = None
    litellm_credential_name: str | None = None
    rpm: Count | None = None
    tpm: Count | None = None
    weight: Amount | None = None
    order: int | None = None
    max_parallel_requests: Count | None = None
    timeout: Seconds | None = None
    stream_timeout: Seconds | None = None
    max_retries: Count | None = None
    num_retries: Count | None = None
    cooldown_time: Seconds | None = None
    extra_headers: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    extra_body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    drop_params: bool | None = None
    additional_drop_params: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo(Prices):
    """`model_info`: what the owner says about a deployment.

    Attributes:
        id: What it is called in headers, logs and the ledger. Default: a digest of the entry, without its secrets.
        mode: What the model is for.
        base_model: The model whose prices and limits hold, where the deployment's name does not tell.
        max_input_tokens: Size of its context window.
        max_output_tokens: Longest answer.
        max_tokens: The same as `max_output_tokens`.
    """

    id: str | None = None
    mode: str | None = None
    base_model: str | None = None
    max_input_tokens: Count | None = None
    max_output_tokens: Count | None = None
    max_tokens: Count | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentConfig:
    """One entry of `model_list`, read.

    Attributes:
        id: What tells it from the others.
        group: `model_name`: what clients ask for; may hold `*`.
        provider: Name of the provider's row.
        model: The model there; may hold `*`.
        params: Our part of `litellm_params`.
        info: `model_info`.
        defaults: Request parameters laid under the caller's.
        overlay: Variables for this deployment alone (`aws_*`, `vertex_*`, ...).
        unusable: Why it cannot be asked, in words; None where it can.
    """

    id: str
    group: str
    provider: str
    model: str
    params: DeploymentParams = field(repr=False)
    info: ModelInfo
    defaults: Mapping[str, Any] = field(default_factory=dict, repr=False)
    overlay: Mapping[str, str] = field(default_factory=dict, repr=False)
    unusable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """One place to go to instead.

    Attributes:
        model: Name of a group.
        params: Request parameters for it.
    """

    model: str
    params: Mapping[str, Any] = field(default_factory=dict)


Fallbacks: TypeAlias = Mapping[str, tuple[Fallback, ...]]
"""What stands in for a group, `*` for any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Another name of a group.

    Attributes:
        model: The group.
        hidden: It is not listed.
    """

    model: str
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriesByKind:
    """`retry_policy`: further tries by kind of error. Names are LiteLLM's.

    Attributes:
        BadRequestErrorRetries: After a request that was called wrong.
        AuthenticationErrorRetries: After a key that was refused.
        TimeoutErrorRetries: After a time-out.
        RateLimitErrorRetries: After a rate limit.
        ContentPolicyViolationErrorRetries: After a refusal by a content policy.
        InternalServerErrorRetries: After a failure of the provider, or no complete answer.
        ServiceUnavailableErrorRetries: After 503 and 529.
        NotFoundErrorRetries: After a model that is not there.
        DefaultRetries: After any other.
    """

    BadRequestErrorRetries: Count | None = None
    AuthenticationErrorRetries: Count | None = None
    TimeoutErrorRetries: Count | None = None
    RateLimitErrorRetries: Count | None = None
    ContentPolicyViolationErrorRetries: Count | None = None
    InternalServerErrorRetries: Count | None = None
    ServiceUnavailableErrorRetries: Count | None = None
    NotFoundErrorRetries: Count | None = None
    DefaultRetries: Count | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailsByKind:
    """`allowed_fails_policy`: failures in a minute, by kind, after which a deployment rests. Names are LiteLLM's.

    Attributes:
        BadRequestErrorAllowedFails: Taken; a request that is wrong is never held against a deployment.
        AuthenticationErrorAllowedFails: Keys that were refused.
        TimeoutErrorAllowedFails: Time-outs.
        RateLimitErrorAllowedFails: Rate limits without a Retry-After.
        ContentPolicyViolationErrorAllowedFails: Taken; a refusal is never held against a deployment.
        InternalServerErrorAllowedFails: Failures of the provider, and incomplete answers.
    """

    BadRequestErrorAllowedFails: Count | None = None
    AuthenticationErrorAllowedFails: Count | None = None
    TimeoutErrorAllowedFails: Count | None = None
    RateLimitErrorAllowedFails: Count | None = None
    ContentPolicyViolationErrorAllowedFails: Count | None = None
    InternalServerErrorAllowedFails: Count | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """`router_settings`, and what `litellm_settings` says about the same.

    Attributes:
        routing_strategy: How the next deployment is chosen.
        model_group_alias: Other names of groups.
        num_retries: Further tries in a group after the first. Default: 2 where no fallback is configured, else none.
        retry_after: Least seconds between tries at the same deployment.
        retry_policy: Further tries by kind of error.
        model_group_retry_policy: The same for a group.
        timeout: Seconds for one try, unless the deployment says; see `lingate.deadline` for all of them.
        stream_timeout: The same for a stream, until its first event.
        allowed_fails: Failures in a minute after which a deployment rests. Default: more than half of at least five.
        allowed_fails_policy: The same by kind of error.
        cooldown_time: Seconds it rests; doubled for each further time it fails at once.
        disable_cooldowns: Deployments never rest.
        fallbacks: Groups that stand in when a group has failed.
        default_fallbacks: Groups that stand in for those not in `fallbacks`.
        context_window_fallbacks: Groups that stand in for prompts that do not fit.
        content_policy_fallbacks: Groups that stand in when a content policy refused.
        max_fallbacks: Groups tried after the first at most.
        enable_pre_call_checks: Do not ask deployments whose context window is certainly too small for the prompt.
        optional_pre_call_checks: `prompt_caching`: calls of the same key that begin alike stay at one deployment;
            `deployment_affinity`: all calls of a key do; `session_affinity`: all calls of a session do.
            `enforce_model_rate_limits` always holds.
        enable_tag_filtering: Send calls to deployments with their tags only.
        tag_filtering_match_any: One common tag is enough; false: all of the call's must be there.
        default_max_parallel_requests: Calls at once for deployments that do not say; 0: any number.
        default_litellm_params: Laid under the parameters of every deployment.
        redis_url: Where cool-downs, limits and budgets are shared between replicas.
        redis_host: Its parts, in place of a URL.
        redis_port: See there.
        redis_password: See there.
        redis_db: See there.
    """

    routing_strategy: Strategy = "simple-shuffle"
    model_group_alias: Mapping[str, Alias] = field(default_factory=dict)
    num_retries: Count | None = None
    retry_after: Seconds = 0.0
    retry_policy: RetriesByKind | None = None
    model_group_retry_policy: Mapping[str, RetriesByKind] = field(default_factory=dict)
    timeout: Seconds | None = None
    stream_timeout: Seconds | None = None
    allowed_fails: Count | None = None
    allowed_fails_policy: FailsByKind | None = None
    cooldown_time: Seconds = 5.0
    disable_cooldowns: bool = False
    fallbacks: Fallbacks = field(default_factory=dict)
    default_fallbacks: tuple[str, ...] = ()
    context_window_fallbacks: Fallbacks = field(default_factory=dict)
    content_policy_fallbacks: Fallbacks = field(default_factory=dict)
    max_fallbacks: Count = 5
    enable_pre_call_checks: bool = False
    optional_pre_call_checks: tuple[PreCallCheck, ...] = ()
    enable_tag_filtering: bool = False
    tag_filtering_match_any: bool = True
    default_max_parallel_requests: Count | None = None
    default_litellm_params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    redis_url: Secret | None = field(default=None, repr=False)
    redis_host: str | None = None
    redis_port: Count | None = None
    redis_password: Secret | None = field(default=None, repr=False)
    redis_db: Count | None = None

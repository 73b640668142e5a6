"""The records that the parts of the gateway hand to each other: who calls, what a call costs, what is written down."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request, as the authentication found out. One object per key, made when keys are loaded, not per request.

    Attributes:
        key_id: Public id of the virtual key, `master` for the master key, empty where authentication is off.
        key_alias: The name its owner gave it.
        team_id: Team the key belongs to.
        user_id: User the key belongs to.
        tags: Labels that every call of this key carries in the ledger.
        models: Patterns (`*` stands for anything) of the models it may call; empty for all.
        aliases: Names this key may use for models.
        admin: May use the admin API.
        limits: What the limiter knows this caller by: opaque here.
        model_rules: Lists of patterns that a model must match one of each: the key's, its team's, its user's.
        routes: Patterns of paths it may call; empty for all faces.
        networks: Where it may call from, as a container of addresses; None for anywhere.
    """

    key_id: str
    key_alias: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    admin: bool = False
    limits: Any = None
    model_rules: tuple[tuple[str, ...], ...] = ()
    routes: tuple[str, ...] = ()
    networks: Container[str | None] | None = None


class LedgerRow(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One call as it is accounted for. Times are epoch seconds, durations seconds, money US dollars.

    Attributes:
        id: The gateway's own id of the call, unique; also sent as `x-lingate-call-id`.
        at: When the request arrived.
        key_id: Virtual key; see `Caller`.
        key_alias: Its name.
        team_id: Its team.
        user_id: Its user.
        end_user: Who the caller says the call is for (`user`, `safety_identifier`, `metadata.user_id`).
        tags: Labels of key and call.
        face: Wire format that the client speaks.
        operation: What was asked for (`chat`, `embeddings`, ...).
        stream: It was asked for as a stream.
        model: Model as the client asked for it.
        deployment: Id of the deployment that answered, or was tried last.
        provider: Its provider's row.
        provider_model: The model's name there.
        attempts: Tries upstream; 0 for answers from the cache and refusals.
        fallbacks: Other model groups tried.
        prompt_tokens: Input tokens with cached ones; None where nobody said.
        completion_tokens: Output tokens with reasoning.
        cached_tokens: Input tokens read from the provider's cache.
        cache_write_tokens: Input tokens written to it.
        reasoning_tokens: Output tokens of reasoning.
        audio_tokens: Input and output tokens of sound.
        estimated: The counts are the gateway's own estimate.
        cost: What it cost, None where unknown.
        price: Version of the prices, or why there is no cost.
        seconds: From the request's arrival to the answer's last byte.
        ttft: To the first byte of a streamed answer.
        upstream: Of `seconds`, waited for upstreams.
        status: HTTP status the client got (499 if it left before the end).
        error: Kind of error (`rate_limit`, ...), None for success.
        finish: Finish reason.
        cache: `hit`, `miss`, `shared` (single flight), or None where the cache had no say.
        request_id: The provider's id of the answer.
        body: The request and response, only where storing prompts was switched on.
    """

    id: str
    at: float
    key_id: str = ""
    key_alias: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    end_user: str | None = None
    tags: tuple[str, ...] = ()
    face: str = ""
    operation: str = ""
    stream: bool = False
    model: str = ""
    deployment: str | None = None
    provider: str | None = None
    provider_model: str | None = None
    attempts: int = 0
    fallbacks: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    estimated: bool = False
    cost: float | None = None
    price: str | None = None
    seconds: float = 0.0
    ttft: float | None = None
    upstream: float = 0.0
    status: int = 200
    error: str | None = None
    finish: str | None = None
    cache: str | None = None
    request_id: str | None = None
    body: dict[str, Any] | None = None


class Ledger(Protocol):
    """Where rows go. `write` is called before the last byte of an answer goes out, on the hot path: it never blocks on a
    database and returns when the row would survive the death of the process.
    """

    def write(self, row: LedgerRow) -> None: ...


class Circumstances(NamedTuple):
    """What decides on the prices of a call, beside its model.

    Attributes:
        tokens: Input tokens that it cannot have more of.
        lasting: Its input may be written to the provider's cache for long.
        media: Its input has pictures, sound or files.
        sound: Its answer may have more than text.
        tier: The tier that it asks for.
        speed: The speed that it asks for.
        effort: How hard the model is to think.
    """

    tokens: int = 0
    lasting: bool = False
    media: bool = False
    sound: bool = False
    tier: str | None = None
    speed: str | None = None
    effort: str | None = None


_ORDINARY = Circumstances()


@dataclass(slots=True)
class Estimate:
    """What a call may use at most, for reserving before it is made.

    Attributes:
        model: Name of the model group.
        prompt_tokens: Our estimate of its input.
        max_output: What the caller allows as output, None if it does not say.
        input_price: Dollars a token; None where the price is unknown.
        output_price: The same for output.
        model_max_output: What the model can give at most, None where unknown.
        prompt_bound: Input tokens that the call cannot have more of, for budgets; None where `prompt_tokens` is that.
        circumstances: What else decides on the prices.
        fixed: Dollars for the call itself, however long it is.
        thinking: Tokens for thinking that come on top of an answer's bound where that has no room for them.
        aka: Other names that limits by model may know it by: what an alias stands for, the group of a deployment.
        answers: How many answers are made; `max_output` and `model_max_output` are for all of them.
        most: Fills in prices and bounds, which only budgets need and most calls have none of.
    """

    model: str
    prompt_tokens: int
    max_output: int | None = None
    input_price: float | None = None
    output_price: float | None = None
    model_max_output: int | None = None
    prompt_bound: int | None = None
    circumstances: Circumstances = _ORDINARY
    fixed: float = 0.0
    thinking: int = 0
    answers: int = 1
    aka: tuple[str, ...] = ()
    most: Callable[[Estimate], None] | None = None


class Ticket(Protocol):
    """A reservation that was granted. Exactly one of `settle` and `release` is called, once, however the call ended.

    Attributes:
        headers: `x-ratelimit-*` headers for the answer; made when the ticket is.
        max_output: Output tokens that the budgets have room for, where that is less than the caller's own bound or the
            caller gave none; the handler writes it into the request. None: no bound of ours.
    """

    headers: tuple[tuple[str, str], ...]
    max_output: int | None

    def settle(self, tokens: int | None, cost: float | None) -> None:
        """The call used this much (a part of an answer counts too); None where it is unknown: the reservation stands."""
        ...

    def release(self) -> None:
        """Nothing was used: the call was not made, or the upstream refused it."""
        ...


class Limiter(Protocol):
    """Rates, parallel calls and budgets of keys, teams, users, end users and models, in one place."""

    async def admit(
        self, caller: Caller, estimate: Estimate, end_user: str | None, tags: tuple[str, ...]
    ) -> Ticket | None:
        """Reserve for one call. None where nothing limits this caller: the hot path for most.

        Raises:
            RateLimitError: Too many requests or tokens a minute; `retry_after` is set.
            ConcurrencyLimitError: Too many calls at once.
            BudgetExceededError: The call might go over a budget, or its price is unknown and a budget applies.
        """
        ...

    async def extend(self, ticket: Ticket, estimate: Estimate, spent: float | None) -> int | None:
        """Reserve for one more part of a call that was admitted. Only money is: it is the same call.

        Args:
            ticket: The call's. What is reserved here is held by it, and given back with it.
            estimate: Of the part.
            spent: What the parts before cost in dollars, None where nobody knows.

        Returns:
            Output tokens that the budgets have room for; None: no bound of ours.

        Raises:
            BudgetExceededError: There is no room for the part.
        """
        ...

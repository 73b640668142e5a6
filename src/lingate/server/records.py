# The records that the parts of the gateway hand to each other: who calls, what a call costs, what is written down.

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any, NamedTuple

import msgspec

from lingate._model import Fixed, Record


class Caller(Fixed, frozen=True, kw_only=True):
    # Who sent a request, as the authentication found out. One object per key, made when keys are loaded, not per request.

    key_id: str
    """Public id of the virtual key, `master` for the master key, empty where authentication is off."""
    key_alias: str | None = None
    """The name its owner gave it."""
    team_id: str | None = None
    """Team the key belongs to."""
    user_id: str | None = None
    """User the key belongs to."""
    tags: tuple[str, ...] = ()
    """Labels that every call of this key carries in the ledger."""
    models: tuple[str, ...] = ()
    """Patterns (`*` stands for anything) of the models it may call; empty for all."""
    aliases: Mapping[str, str] = {}
    """Names this key may use for models."""
    admin: bool = False
    """May use the admin API."""
    limits: Any = None
    """What the limiter knows this caller by: opaque here."""
    model_rules: tuple[tuple[str, ...], ...] = ()
    """Lists of patterns that a model must match one of each: the key's, its team's, its user's."""
    routes: tuple[str, ...] = ()
    """Patterns of paths it may call; empty for all faces."""
    networks: Container[str | None] | None = None
    """Where it may call from, as a container of addresses; None for anywhere."""


INCOMPLETE = "incomplete: "
"""What the `price` of a row begins with whose cost leaves out a fee that nobody knows."""


class LedgerRow(msgspec.Struct, kw_only=True, omit_defaults=True):
    # One call as it is accounted for. Times are epoch seconds, durations seconds, money US dollars.

    id: str
    """The gateway's own id of the call, unique; also sent as `x-lingate-call-id`."""
    at: float
    """When the request arrived."""
    key_id: str = ""
    """Virtual key; see `Caller`."""
    key_alias: str | None = None
    """Its name."""
    team_id: str | None = None
    """Its team."""
    user_id: str | None = None
    """Its user."""
    end_user: str | None = None
    """Who the caller says the call is for (`user`, `safety_identifier`, `metadata.user_id`)."""
    tags: tuple[str, ...] = ()
    """Labels of key and call."""
    face: str = ""
    """Wire format that the client speaks."""
    operation: str = ""
    """What was asked for (`chat`, `embeddings`, ...)."""
    stream: bool = False
    """It was asked for as a stream."""
    model: str = ""
    """Model as the client asked for it."""
    deployment: str | None = None
    """Id of the deployment that answered, or was tried last."""
    provider: str | None = None
    """Its provider's row."""
    provider_model: str | None = None
    """The model's name there."""
    attempts: int = 0
    """Tries upstream; 0 for answers from the cache and refusals."""
    fallbacks: int = 0
    """Other model groups tried."""
    prompt_tokens: int | None = None
    """Input tokens with cached ones; None where nobody said."""
    completion_tokens: int | None = None
    """Output tokens with reasoning."""
    cached_tokens: int | None = None
    """Input tokens read from the provider's cache."""
    cache_write_tokens: int | None = None
    """Input tokens written to it."""
    reasoning_tokens: int | None = None
    """Output tokens of reasoning."""
    audio_tokens: int | None = None
    """Input and output tokens of sound."""
    estimated: bool = False
    """The counts are the gateway's own estimate."""
    cost: float | None = None
    """What it cost, None where unknown."""
    price: str | None = None
    """Version of the prices, or why there is no cost; `INCOMPLETE` and why, where the cost is not all of it."""
    seconds: float = 0.0
    """From the request's arrival to the answer's last byte."""
    ttft: float | None = None
    """To the first byte of a streamed answer."""
    upstream: float = 0.0
    """Of `seconds`, waited for upstreams."""
    status: int = 200
    """HTTP status the client got (499 if it left before the end)."""
    error: str | None = None
    """Kind of error (`rate_limit`, ...), None for success."""
    finish: str | None = None
    """Finish reason."""
    cache: str | None = None
    """`hit`, `miss`, `shared` (single flight), or None where the cache had no say."""
    request_id: str | None = None
    """The provider's id of the answer."""
    body: dict[str, Any] | None = None
    """The request and response, only where storing prompts was switched on."""

    @property
    def is_priced(self) -> bool:
        return self.cost is not None and not (self.price or "").startswith(INCOMPLETE)


COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "audio_tokens",
)
"""Fields of a row that are numbers of tokens."""


class Circumstances(NamedTuple):
    # What decides on the prices of a call, beside its model.

    tokens: int = 0
    """Input tokens that it cannot have more of."""
    lasting: bool = False
    """Its input may be written to the provider's cache for long."""
    media: bool = False
    """Its input has pictures, sound or files."""
    sound: bool = False
    """Its answer may have more than text."""
    tier: str | None = None
    """The tier that it asks for."""
    speed: str | None = None
    """The speed that it asks for."""
    effort: str | None = None
    """How hard the model is to think."""


_ORDINARY = Circumstances()


class Estimate(Record):
    # What a call may use at most, for reserving before it is made.

    model: str
    """Name of the model group."""
    prompt_tokens: int
    """Our estimate of its input."""
    max_output: int | None = None
    """What the caller allows as output, None if it does not say."""
    input_price: float | None = None
    """Dollars a token; None where the price is unknown."""
    output_price: float | None = None
    """The same for output."""
    model_max_output: int | None = None
    """What the model can give at most, None where unknown."""
    prompt_bound: int | None = None
    """Input tokens that the call cannot have more of, for budgets; None where `prompt_tokens` is that."""
    circumstances: Circumstances = _ORDINARY
    """What else decides on the prices."""
    fixed: float = 0.0
    """Dollars for the call itself, however long it is."""
    thinking: int = 0
    """Tokens for thinking that come on top of an answer's bound where that has no room for them."""
    answers: int = 1
    """How many answers are made; `max_output` and `model_max_output` are for all of them."""
    keys: str = "input_cost_per_token and output_cost_per_token"
    """Keys of the configuration for prices that are unknown, and of which deployment."""
    aka: tuple[str, ...] = ()
    """Other names that limits by model may know it by: what an alias stands for, the group of a deployment."""
    most: Callable[[Estimate], None] | None = None
    """Fills in prices and bounds, which only budgets need and most calls have none of."""


# What the sums are of, as SQL over rows of `ledger`.
MEASURES = {
    "calls": "count(*)",
    "errors": "sum(CASE WHEN error IS NULL THEN 0 ELSE 1 END)",
    "cache_hits": "sum(CASE WHEN cache IN ('hit', 'shared') THEN 1 ELSE 0 END)",
    "prompt_tokens": "coalesce(sum(prompt_tokens), 0)",
    "completion_tokens": "coalesce(sum(completion_tokens), 0)",
    "cached_tokens": "coalesce(sum(cached_tokens), 0)",
    "cache_write_tokens": "coalesce(sum(cache_write_tokens), 0)",
    "reasoning_tokens": "coalesce(sum(reasoning_tokens), 0)",
    "cost": "coalesce(sum(cost), 0.0)",
    "unpriced": "sum(CASE WHEN cost IS NULL"
    f" OR substr(price, 1, {len(INCOMPLETE)}) = '{INCOMPLETE}' THEN 1 ELSE 0 END)",
    "seconds": "sum(seconds)",
}
FRACTIONS = {"cost", "seconds"}

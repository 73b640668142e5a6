# What calls cost, from the provider's own word or the price catalogue (`pip install 'lingate[prices]'`).

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingate._providers.catalog import cost_of
from lingate._providers.counts import with_own_tools
from lingate._providers.naming import provider_of, row_of
from lingate.compat import litellm as names
from lingate.compat.litellm._params import Request
from lingate.compat.litellm._record import Record

_OUTPUT = ("output", "reasoning")
_CACHED = (
    ("cached_tokens", "cache_read_input_token_cost"),
    ("cache_write_tokens", "cache_creation_input_token_cost"),
)


def cost_per_token(
    model: str = "",
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    response_time_ms: float | None = None,
    custom_llm_provider: str | None = None,
    *,
    cache_creation_input_tokens: int | None = None,
    cache_read_input_tokens: int | None = None,
    custom_cost_per_token: Mapping[str, float] | None = None,
    usage_object: Any = None,
    service_tier: str | None = None,
    **_: Any,
) -> tuple[float, float]:
    # Price token counts: US dollars for the prompt, and for the completion.
    # prompt_tokens, completion_tokens: Cached ones and reasoning included.
    # custom_cost_per_token: Prices of your own: `input_cost_per_token`, `output_cost_per_token`.
    # usage_object: Token counts in OpenAI's form, instead of numbers.
    # Raises NotFoundError: The price is not known; the message says why. LiteLLMUnknownProvider: Nor is the provider.
    usage = _usage(usage_object) or {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "prompt_tokens_details": {
            "cached_tokens": cache_read_input_tokens or 0,
            "cache_write_tokens": cache_creation_input_tokens or 0,
        },
    }
    from lingate.compat.litellm._models import get_llm_provider, own_prices

    if custom_cost_per_token:
        return _by_hand(usage, custom_cost_per_token)
    name, provider, *_rest = get_llm_provider(model, custom_llm_provider)
    own = own_prices(model, name, provider)
    if own is not None:
        return _by_hand(usage, own)
    row = row_of(provider)
    if row is not None and "cost_header" in row.traits:
        # A gateway does not say what a stream cost: OpenHands then asks for the price of the model by its name there.
        name, provider = provider_of(name) or (name, provider)
        row = row_of(provider)
    cost = cost_of(row.name if row else provider, name, usage, service_tier=service_tier)
    if cost.total is None:
        raise names.NotFoundError(f"no price: {cost.reason}", name, provider)
    if "reported" in cost.parts:
        return 0.0, cost.total
    answer = sum(amount for kind, amount in cost.parts.items() if kind.startswith(_OUTPUT))
    return sum(amount for kind, amount in cost.parts.items() if not kind.startswith(_OUTPUT)), answer


def completion_cost(
    completion_response: Any = None,
    model: str | None = None,
    prompt: str = "",
    messages: Any = None,
    completion: str = "",
    *,
    custom_llm_provider: str | None = None,
    custom_cost_per_token: Mapping[str, float] | None = None,
    **_: Any,
) -> float:
    # Price an answer, or a prompt and a completion that are counted here: US dollars.
    # model: The model, where there is no answer, or another one to price it as.
    # prompt, messages, completion: What to count where there is no answer.
    # Raises NotFoundError: The price is not known; the message says why.
    hidden = getattr(completion_response, "_hidden_params", None) or {}
    if model is None and custom_cost_per_token is None and hidden.get("response_cost") is not None:
        return float(hidden["response_cost"])
    told = completion_response.model_dump() if isinstance(completion_response, Record) else completion_response or {}
    usage = _usage(with_own_tools(told))
    named = model or hidden.get("litellm_model_name") or told.get("model") or ""
    provider = custom_llm_provider or (None if model else hidden.get("custom_llm_provider"))
    counts: dict[str, Any] = {"usage_object": usage, "service_tier": told.get("service_tier")}
    if usage is None:
        from lingate.compat.litellm._tokens import token_counter

        counts = {
            "prompt_tokens": token_counter(messages=messages) if messages else token_counter(text=prompt),
            "completion_tokens": token_counter(text=completion),
        }
    return sum(
        cost_per_token(named, custom_llm_provider=provider, custom_cost_per_token=custom_cost_per_token, **counts)
    )


def response_cost_calculator(response_object: Any, model: str | None = None, **options: Any) -> float | None:
    # `completion_cost`, None where the price is not known.
    try:
        return completion_cost(response_object, model, custom_llm_provider=options.get("custom_llm_provider"))
    except names.NotFoundError:
        return None


def by_hand(usage: Any, request: Request) -> float | None:
    # The price of an answer at prices that came with the call or were registered, None where there are none.
    from lingate.compat.litellm._models import own_prices

    own: Mapping[str, Any] | None = request.own
    if request.own.get("input_cost_per_token") is None and request.own.get("output_cost_per_token") is None:
        own = own_prices(request.asked, request.name, request.provider)
    return None if own is None else sum(_by_hand(_usage(usage) or {}, own))


def _by_hand(usage: Mapping[str, Any], prices: Mapping[str, Any]) -> tuple[float, float]:
    details = usage.get("prompt_tokens_details") or {}
    price = float(prices.get("input_cost_per_token") or 0.0)
    cost = (usage.get("prompt_tokens") or 0) * price
    for count, kind in _CACHED:
        own = prices.get(kind)
        # Cached tokens are among the prompt's: what is left is the difference of the prices.
        cost += 0.0 if own is None else (details.get(count) or 0) * (float(own) - price)
    return cost, (usage.get("completion_tokens") or 0) * float(prices.get("output_cost_per_token") or 0.0)


def _usage(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    found = value.model_dump(exclude_none=True) if isinstance(value, Record) else value
    if not isinstance(found, Mapping):
        found = found.model_dump(exclude_none=True)
    if "input_tokens" in found and "prompt_tokens" not in found:
        # The Responses API's names.
        found = {_CHAT_NAMES.get(name, name): value for name, value in found.items()}
    return dict(found) or None


_CHAT_NAMES = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens_details": "completion_tokens_details",
}

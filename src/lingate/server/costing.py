# Token counts and costs of an answer, as the ledger has them.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lingate._model import Call, JsonDict
from lingate._providers.catalog import REPORTED
from lingate._providers.counts import with_own_tools
from lingate.server.access.bounds import all_output, answers_of, longest_answer
from lingate.server.ledger.journal import MOST_TOKENS
from lingate.server.records import COUNTS, INCOMPLETE

if TYPE_CHECKING:
    from lingate._call.stream import StreamState
    from lingate.server.exchange import Exchange
    from lingate.server.records import LedgerRow
    from lingate.server.routing import Deployment
    from lingate.server.routing.prices import Sheet

_NO_PARTS: JsonDict = {}
_BYTES_A_TOKEN = 3
_MOST_DOLLARS = 1e6
"""More than one call can cost. A provider's word beyond that would empty any budget for good."""

_NOT_COUNTED = "the provider gave no token counts"
_NO_OUTPUT = "the provider did not count the output"
_IMPOSSIBLE = "the provider's token counts cannot be"
SUMMED = (*COUNTS, "cost", "price")
"""Fields of a row that say what a part of its call used."""

_OF_THE_INPUT = ("prompt_tokens_details", "cache_creation", "service_tier", "speed", "inference_geo")


def note_usage(exchange: Exchange, response: JsonDict, by: Deployment | None = None) -> None:
    # Write what an answer used into the row, with what that costs where it was made.
    if exchange.span is not None and by is None:
        exchange.span.told(response)
    row, deployment, usage = exchange.row, by or exchange.chain.deployment, response.get("usage")
    if not isinstance(usage, dict):
        if deployment is not None and row.operation != "count_tokens":
            row.cost, row.price = None, _NOT_COUNTED
        return
    row.prompt_tokens = _count(usage.get("prompt_tokens"))
    row.completion_tokens = _count(usage.get("completion_tokens"))
    if row.completion_tokens == 0 and _said(response):
        row.completion_tokens = None  # some write 0 for what they did not count
    read, made = _parts(usage, "prompt_tokens_details"), _parts(usage, "completion_tokens_details")
    if read or made:
        row.cached_tokens = _count(read.get("cached_tokens"))
        row.cache_write_tokens = _count(read.get("cache_write_tokens"))
        row.reasoning_tokens = _count(made.get("reasoning_tokens"))
        row.audio_tokens = (_count(read.get("audio_tokens")) or 0) + (_count(made.get("audio_tokens")) or 0) or None
    if deployment is not None:
        row.cost, row.price = _cost(exchange, deployment.sheet, response, usage)


def added(before: JsonDict, row: LedgerRow) -> JsonDict:
    # What parts before and this one used, where anybody said. The cost is known if that of every part is.
    if row.price is None:
        return before  # nothing was noted
    made = {name: getattr(row, name) for name in SUMMED}
    if before:
        for name in COUNTS:
            if before[name] is not None:
                made[name] = before[name] + (made[name] or 0)
        made["cost"] = None if None in (before["cost"], row.cost) else before["cost"] + row.cost
        if before["cost"] is None or before["price"].startswith(INCOMPLETE):
            made["price"] = before["price"]
    return made


def estimated_cost(exchange: Exchange, response: JsonDict) -> float | None:
    # What an answer may have cost whose tokens or tier have no price; None where the price is not known.
    deployment = exchange.chain.deployment
    assert deployment is not None  # what the cache answers costs nothing
    usage = _estimated(exchange, exchange.call, response, _NO_PARTS, (None, None))
    sheet = deployment.sheet
    told = sheet.cost(usage, response.get("model"), response.get("service_tier"))[0]
    read, written, *_ = sheet.price()
    if told is not None or read is None or written is None:
        return told
    # Not every tier's price is known, nor every place's.
    return float(usage["prompt_tokens"] * read + usage["completion_tokens"] * written)


def _cost(exchange: Exchange, sheet: Sheet, response: JsonDict, usage: JsonDict) -> tuple[float | None, str | None]:
    row = exchange.row
    if (row.prompt_tokens is None and usage.get("prompt_tokens")) or (
        row.completion_tokens is None and usage.get("completion_tokens")
    ):
        return None, _IMPOSSIBLE
    cost, price = sheet.cost(with_own_tools(response), response.get("model"), response.get("service_tier"))
    if cost is None:
        return None, price
    if row.completion_tokens is None and price != REPORTED and response.get("choices"):
        return None, _NO_OUTPUT  # something was generated, and it is not free
    return (cost, price) if 0 <= cost <= _MOST_DOLLARS else (None, _IMPOSSIBLE)


def _count(value: Any) -> int | None:
    # A number of tokens, if it can be one.
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None


def _parts(usage: JsonDict, name: str) -> JsonDict:
    found = usage.get(name)
    return found if type(found) is dict else _NO_PARTS


def note_stream(exchange: Exchange, state: StreamState) -> None:
    # The same for a stream, as far as it came.
    # What the provider did not count is estimated, and marked so.
    response = state.collector.response()
    choices = response.get("choices")
    if choices:
        exchange.row.finish = choices[0].get("finish_reason")
    usage = response.get("usage")
    told = usage if isinstance(usage, dict) else _NO_PARTS
    counts = (_count(told.get("prompt_tokens")), _count(told.get("completion_tokens")))
    if not state.whole or None in counts or (counts[1] == 0 and _said(response)):
        response = {**response, "usage": _estimated(exchange, state.sent.call, response, told, counts)}
        exchange.row.estimated = True
    if exchange.live.store_prompts:
        exchange.row.body = {"request": exchange.call.body, "response": response}
    note_usage(exchange, response)
    exchange.estimate_cost(response)


def _estimated(
    exchange: Exchange, asked: Call, response: JsonDict, told: JsonDict, counts: tuple[int | None, int | None]
) -> JsonDict:
    # Token counts where the provider gave none, or had not given the last ones: no more output than was asked for.
    read, written = counts
    prompt = read or exchange.prompt_tokens
    said, longest = estimate_tokens(_said(response)), longest_answer(asked.body)
    if longest is not None and (deployment := exchange.chain.deployment) is not None:
        thinking = deployment.thinking(str(asked.body.get("reasoning_effort") or ""))
        said = min(said, all_output(longest, thinking, answers_of(asked.body)))
    made = max(written or 0, said)
    sums = {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}
    if read and made == written:
        return {**told, **sums}  # it had told everything
    return {**({name: told[name] for name in _OF_THE_INPUT if name in told} if read else _NO_PARTS), **sums}


def _said(response: JsonDict) -> int:
    # Characters of what was generated.
    messages = [choice.get("message") or choice for choice in response.get("choices") or ()]
    return sum(
        text_size([message.get(name) for name in ("content", "text", "refusal", "reasoning_content")])
        + text_size([call.get("function") for call in message.get("tool_calls") or ()])
        for message in messages
    )


def estimate_tokens(size: int) -> int:
    # How many tokens so many bytes of text are, roughly: English has four bytes a token, most other text fewer.
    return -(-size // _BYTES_A_TOKEN)


_LARGE = 64 * 1024
_PICTURE = 4096
"""What a picture counts for in bytes of text: models take some thousand tokens for one, however many bytes it has."""


def prompt_size(call: Call) -> int:
    texts = call.texts
    if texts is None:
        return text_size(call.body)
    size = 0
    for message in texts:
        size += len(message["role"]) + _length(message["content"])
    for value in call.body.values():
        if value is not texts and type(value) in _HOLD_TEXT:
            size += text_size(value)
    return size


_HOLD_TEXT = frozenset({str, list, dict})


def _length(text: str) -> int:
    return len(text) if len(text) < _LARGE or " " in text[:_LARGE] else _PICTURE


def text_size(value: Any) -> int:
    size = 0
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        if type(item) is str:
            size += _length(item)
        elif type(item) is list:
            pending += item
        elif type(item) is dict:
            pending += item.values()
    return size

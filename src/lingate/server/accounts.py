"""Token counts and costs of an answer, as the ledger has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lingate._model import JsonDict

if TYPE_CHECKING:
    from lingate._call.stream import StreamState
    from lingate.server.turn import Turn

_NO_PARTS: JsonDict = {}
_BYTES_A_TOKEN = 3


def note_usage(turn: Turn, response: JsonDict) -> None:
    """Write what an answer used into the row, with what that costs."""
    if turn.span is not None:
        turn.span.told(response)
    usage = response.get("usage")
    if not isinstance(usage, dict):
        return
    row = turn.row
    row.prompt_tokens = usage.get("prompt_tokens")
    row.completion_tokens = usage.get("completion_tokens")
    read = usage.get("prompt_tokens_details") or _NO_PARTS
    made = usage.get("completion_tokens_details") or _NO_PARTS
    if read or made:
        row.cached_tokens = read.get("cached_tokens")
        row.cache_write_tokens = read.get("cache_write_tokens")
        row.reasoning_tokens = made.get("reasoning_tokens")
        row.audio_tokens = (read.get("audio_tokens") or 0) + (made.get("audio_tokens") or 0) or None
    deployment = turn.ride.deployment
    if deployment is not None:
        row.cost, row.price = deployment.sheet.cost(usage, response.get("model"), response.get("service_tier"))


def note_stream(turn: Turn, state: StreamState) -> None:
    """The same for a stream, as far as it came. What the provider did not count is estimated, and marked so."""
    response = state.collector.response()
    choices = response.get("choices")
    if choices:
        turn.row.finish = choices[0].get("finish_reason")
    if not state.whole or not isinstance(response.get("usage"), dict):
        response = {**response, "usage": _estimated(turn, response)}
        turn.row.estimated = True
    if turn.live.store_prompts:
        turn.row.body = {"request": turn.call.body, "response": response}
    note_usage(turn, response)


def _estimated(turn: Turn, response: JsonDict) -> JsonDict:
    """Token counts where the provider gave none, or had not given the last ones."""
    told = response.get("usage")
    told = told if isinstance(told, dict) else {}
    prompt = told.get("prompt_tokens") or turn.prompt_tokens
    made = max(told.get("completion_tokens") or 0, estimate_tokens(_said(response)))
    return {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}


def _said(response: JsonDict) -> int:
    """Characters of what was generated."""
    messages = [choice.get("message") or choice for choice in response.get("choices") or ()]
    return sum(
        text_size([message.get(name) for name in ("content", "text", "refusal", "reasoning_content")])
        + text_size([call.get("function") for call in message.get("tool_calls") or ()])
        for message in messages
    )


def estimate_tokens(size: int) -> int:
    """How many tokens so many bytes of text are, roughly: English has four bytes a token, most other text fewer."""
    return -(-size // _BYTES_A_TOKEN)


_LARGE = 64 * 1024
_PICTURE = 4096
"""What a picture counts for in bytes of text: models take some thousand tokens for one, however many bytes it has."""


def text_size(value: Any) -> int:
    """Characters of all texts in a piece of JSON."""
    size = 0
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        if type(item) is str:
            size += len(item) if len(item) < _LARGE or " " in item[:_LARGE] else _PICTURE
        elif type(item) is list:
            pending += item
        elif type(item) is dict:
            pending += item.values()
    return size

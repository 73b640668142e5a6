# Token counts and log-probabilities, both ways.

# `tokens` counts what the model read and wrote; `billed_units` leaves out what Cohere's own prompt adds, and is kept beside.
# Tokens of images stand apart from `input_tokens` (recorded: 34 beside 259), OpenAI's `prompt_tokens` includes them.
# Log-probabilities are given for pieces of text that may be several tokens long.

from __future__ import annotations

from typing import Any

from lingate._dialects._counts import COUNTS, integer
from lingate._model import JsonDict
from lingate._wire.shapes import as_dict, as_dicts, as_list, as_str, dig, not_null, without

_COUNTED = ("input_tokens", "output_tokens", "image_tokens", "reasoning_tokens")


def canonical_usage(native: Any) -> JsonDict | None:
    # Cohere's `usage` of a chat or `meta` of another answer in OpenAI's words; None where it has no counts.
    if not isinstance(native, dict):
        return None
    tokens = native.get("tokens") if isinstance(native.get("tokens"), dict) else native.get("billed_units")
    counts = {name: integer(tokens.get(name)) for name in _COUNTED} if isinstance(tokens, dict) else {}
    read, written, image = counts.get("input_tokens"), counts.get("output_tokens"), counts.get("image_tokens")
    usage: JsonDict = {}
    if read is not None or image is not None:
        usage["prompt_tokens"] = (read or 0) + (image or 0)
    if written is not None:
        usage["completion_tokens"] = written
        if "prompt_tokens" in usage:
            usage["total_tokens"] = usage["prompt_tokens"] + written
    details = not_null({"cached_tokens": integer(native.get("cached_tokens")), "image_tokens": image})
    if details:
        usage["prompt_tokens_details"] = details
    if counts.get("reasoning_tokens") is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": counts["reasoning_tokens"]}
    if isinstance(native.get("billed_units"), dict):
        usage["billed_units"] = native["billed_units"]
    return usage or None


def native_usage(usage: Any) -> JsonDict | None:
    # OpenAI's counts as Cohere's; None where there are none.
    if not isinstance(usage, dict) or not usage:
        return None
    before, after = as_dict(usage.get("prompt_tokens_details")), as_dict(usage.get("completion_tokens_details"))
    read, image = integer(usage.get("prompt_tokens")), integer(before.get("image_tokens"))
    tokens = not_null(
        {
            "input_tokens": None if read is None else read - (image or 0),
            "output_tokens": integer(usage.get("completion_tokens")),
            "image_tokens": image,
            "reasoning_tokens": integer(after.get("reasoning_tokens")),
        }
    )
    native: JsonDict = without(usage, COUNTS)
    billed = {name: count for name, count in tokens.items() if name in ("input_tokens", "output_tokens")}
    if billed:
        native.setdefault("billed_units", billed)
    if tokens:
        native["tokens"] = tokens
    if integer(before.get("cached_tokens")) is not None:
        native["cached_tokens"] = before["cached_tokens"]
    return native


_OPENAI_ONLY = frozenset({"token", "logprob", "bytes", "top_logprobs"})


def canonical_logprobs(items: Any) -> JsonDict | None:
    # A list of Cohere's items, or one of them, as OpenAI's `logprobs`; None if there is nothing in it.
    items = items if isinstance(items, list) else [items]
    content = [_entry(item) for item in items if isinstance(item, dict)]
    return {"content": content, "refusal": None} if content else None


def native_logprobs(logprobs: Any) -> list[JsonDict]:
    # OpenAI's `logprobs` as Cohere's items.
    return list(map(_item, as_dicts(dig(logprobs, "content"))))


def _entry(item: JsonDict) -> JsonDict:
    text = as_str(item.get("text"))
    numbers = [number for number in as_list(item.get("logprobs")) if isinstance(number, int | float)]
    rest = without(item, ("text",))
    data = list(text.encode("utf-8", "surrogatepass"))
    # What the model wrote together was as likely as all of it: the logarithms add up.
    return {"token": text, "logprob": float(sum(numbers)), "bytes": data, "top_logprobs": [], **rest}


def _item(entry: JsonDict) -> JsonDict:
    rest = without(entry, _OPENAI_ONLY)
    return {"text": entry.get("token") or "", "token_ids": [], "logprobs": [entry.get("logprob") or 0.0], **rest}

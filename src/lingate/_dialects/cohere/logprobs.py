"""Log-probabilities, both ways. Cohere gives them for pieces of text that may be several tokens long."""

from __future__ import annotations

from typing import Any

from lingate._model import JsonDict

_OPENAI_ONLY = frozenset({"token", "logprob", "bytes", "top_logprobs"})


def canonical_logprobs(items: Any) -> JsonDict | None:
    """A list of Cohere's items, or one of them, as OpenAI's `logprobs`; None if there is nothing in it."""
    items = items if isinstance(items, list) else [items]
    content = [_entry(item) for item in items if isinstance(item, dict)]
    return {"content": content, "refusal": None} if content else None


def native_logprobs(logprobs: Any) -> list[JsonDict]:
    """OpenAI's `logprobs` as Cohere's items."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return [_item(entry) for entry in content if isinstance(entry, dict)] if isinstance(content, list) else []


def _entry(item: JsonDict) -> JsonDict:
    text = item.get("text")
    text = text if isinstance(text, str) else ""
    numbers = item.get("logprobs")
    numbers = [number for number in numbers if isinstance(number, int | float)] if isinstance(numbers, list) else []
    rest = {name: value for name, value in item.items() if name != "text"}
    data = list(text.encode("utf-8", "surrogatepass"))
    # What the model wrote together was as likely as all of it: the logarithms add up.
    return {"token": text, "logprob": float(sum(numbers)), "bytes": data, "top_logprobs": [], **rest}


def _item(entry: JsonDict) -> JsonDict:
    rest = {name: value for name, value in entry.items() if name not in _OPENAI_ONLY}
    return {"text": entry.get("token") or "", "token_ids": [], "logprobs": [entry.get("logprob") or 0.0], **rest}

"""Log-probabilities of tokens, both ways."""

from __future__ import annotations

from typing import Any

from lingate._dialects.gemini.checks import objects
from lingate._model import JsonDict

_NATIVE = ("token", "logProbability")
_CANONICAL = ("token", "logprob", "bytes", "top_logprobs")


def canonical_logprobs(result: Any) -> JsonDict | None:
    """A `logprobsResult` as OpenAI's `logprobs`; None if there is nothing in it."""
    chosen = list(objects(result.get("chosenCandidates"))) if isinstance(result, dict) else []
    if not chosen:
        return None
    tops = result.get("topCandidates")
    tops = tops if isinstance(tops, list) else []
    content = []
    for n, item in enumerate(chosen):
        others = tops[n].get("candidates") if n < len(tops) and isinstance(tops[n], dict) else None
        content.append({**_entry(item), "top_logprobs": [_entry(other) for other in objects(others)]})
    return {"content": content, "refusal": None}


def native_logprobs(logprobs: Any) -> JsonDict | None:
    """OpenAI's `logprobs` as a `logprobsResult`; None if there is nothing in it."""
    content = list(objects(logprobs.get("content"))) if isinstance(logprobs, dict) else []
    if not content:
        return None
    made: JsonDict = {"chosenCandidates": [_native(item) for item in content]}
    if any(item.get("top_logprobs") for item in content):
        made["topCandidates"] = [
            {"candidates": [_native(other) for other in objects(item.get("top_logprobs"))]} for item in content
        ]
    return made


def _entry(item: JsonDict) -> JsonDict:
    token = item.get("token")
    token = token if isinstance(token, str) else ""
    rest = {name: value for name, value in item.items() if name not in _NATIVE}
    data = list(token.encode("utf-8", "surrogatepass"))
    return {"token": token, "logprob": item.get("logProbability", 0.0), "bytes": data, **rest}


def _native(item: JsonDict) -> JsonDict:
    rest = {name: value for name, value in item.items() if name not in _CANONICAL}
    return {"token": item.get("token"), "logProbability": item.get("logprob"), **rest}

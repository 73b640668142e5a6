# What is told of tokens, both ways: how many there were, and how probable each was.

# Gemini counts thoughts beside the answer and tool results beside the prompt; OpenAI's counts include them. What the provider
# did not say stays absent; fields that only one side knows are carried along.

from __future__ import annotations

from typing import Any

from lingate._dialects._counts import COUNTS, integer
from lingate._dialects.gemini.facts import MODALITIES
from lingate._model import JsonDict
from lingate._wire.shapes import as_dict, as_dicts, as_list, as_str, dig, not_null, without

_COUNTS = (
    "promptTokenCount",
    "candidatesTokenCount",
    "responseTokenCount",
    "thoughtsTokenCount",
    "toolUsePromptTokenCount",
    "cachedContentTokenCount",
    "totalTokenCount",
)
_TAKEN = frozenset(
    {
        "promptTokenCount",
        "candidatesTokenCount",
        "responseTokenCount",
        "thoughtsTokenCount",
        "cachedContentTokenCount",
        "totalTokenCount",
        "promptTokensDetails",
        "candidatesTokensDetails",
        "cacheTokensDetails",
    }
)
_CANONICAL = COUNTS | {"service_tier", "inference_geo"}
_TIERS = ("flex", "priority", "provisioned")
"""That have other prices."""
_KINDS = ("text", "image", "video", "audio", "document")


def has_counts(native: JsonDict) -> bool:
    # Whether there is any count: the first chunks of a stream may only tell the kind of traffic.
    return any(native.get(name) is not None for name in _COUNTS)


def merged_usage(before: JsonDict, after: JsonDict) -> JsonDict:
    # Native counts of a stream so far.
    # Each report has all counts anew; one without any only adds what else it says.
    return after if has_counts(after) else {**before, **after}


def canonical_usage(native: JsonDict) -> JsonDict:
    # Gemini's counts in OpenAI's convention.
    usage: JsonDict = {}
    prompt, total = integer(native.get("promptTokenCount")), integer(native.get("totalTokenCount"))
    tools = integer(native.get("toolUsePromptTokenCount"))
    thoughts = integer(native.get("thoughtsTokenCount"))
    output = integer(native.get("candidatesTokenCount", native.get("responseTokenCount")))
    if prompt is not None:
        usage["prompt_tokens"] = prompt = prompt + (tools or 0)
    if output is not None or thoughts is not None:
        # The first models that thought counted thoughts among the answer; the total tells.
        inside = thoughts is not None and output is not None and thoughts <= output and total == (prompt or 0) + output
        usage["completion_tokens"] = (output or 0) + (0 if inside else thoughts or 0)
    elif prompt is not None and total == prompt:
        usage["completion_tokens"] = 0  # counts of 0 are left out, and the total says that this is one
    answered = usage.get("completion_tokens")
    if total is None and prompt is not None and answered is not None:
        total = prompt + answered
    elif prompt is None and total is not None and answered is not None and total > answered:
        usage["prompt_tokens"] = total - answered  # as for files by their address
    if total is not None:
        usage["total_tokens"] = total
    details = _modalities(native.get("promptTokensDetails"), native.get("toolUsePromptTokensDetails"))
    cached = integer(native.get("cachedContentTokenCount"))
    if cached is not None:
        details["cached_tokens"] = cached
    cached_kinds = _modalities(native.get("cacheTokensDetails"))
    if cached_kinds:
        details["cached_tokens_details"] = cached_kinds
    if details:
        usage["prompt_tokens_details"] = details
    spent = _modalities(native.get("candidatesTokensDetails"))
    if thoughts is not None:
        spent["reasoning_tokens"] = thoughts
    if spent:
        usage["completion_tokens_details"] = spent
    usage.update(not_null(native, _TAKEN))
    told = f"{native.get('serviceTier')} {native.get('trafficType')}".lower()  # the second is Google Cloud's
    if tier := next((tier for tier in _TIERS if tier in told), None):
        usage["service_tier"] = tier
    return usage


def native_usage(usage: Any) -> JsonDict:
    # OpenAI's counts in Gemini's convention.
    usage = as_dict(usage)
    prompt, completion = integer(usage.get("prompt_tokens")), integer(usage.get("completion_tokens"))
    details, spent = as_dict(usage.get("prompt_tokens_details")), as_dict(usage.get("completion_tokens_details"))
    tools = integer(usage.get("toolUsePromptTokenCount"))
    thoughts = integer(spent.get("reasoning_tokens"))
    native: JsonDict = {}
    if prompt is not None:
        native["promptTokenCount"] = max(prompt - (tools or 0), 0)
    if completion is not None and (completion != thoughts or not thoughts):
        native["candidatesTokenCount"] = max(completion - (thoughts or 0), 0)
    if thoughts is not None:
        native["thoughtsTokenCount"] = thoughts
    if integer(details.get("cached_tokens")) is not None:
        native["cachedContentTokenCount"] = details["cached_tokens"]
    total = integer(usage.get("total_tokens"))
    if total is None and prompt is not None and completion is not None:
        total = prompt + completion
    if total is not None:
        native["totalTokenCount"] = total
    used = _modalities(usage.get("toolUsePromptTokensDetails"))
    lists = {
        "promptTokensDetails": _details(details, used),
        "candidatesTokensDetails": _details(spent, {}),
        "cacheTokensDetails": _details(as_dict(details.get("cached_tokens_details")), {}),
    }
    native.update((name, found) for name, found in lists.items() if found)
    native.update(without(usage, _CANONICAL))
    return native


def _modalities(*lists: Any) -> JsonDict:
    # Lists of counts by modality as `text_tokens`, `image_tokens` and so on.
    found: JsonDict = {}
    for item in (item for each in lists for item in as_dicts(each)):
        kind, count = item.get("modality"), integer(item.get("tokenCount", 0))  # counts of 0 are left out
        if isinstance(kind, int) and not isinstance(kind, bool) and 0 <= kind < len(MODALITIES):
            kind = MODALITIES[kind]
        if isinstance(kind, str) and count is not None:
            name = f"{kind.lower()}_tokens"
            found[name] = found.get(name, 0) + count
    return found


def _details(counts: JsonDict, others: JsonDict) -> list[JsonDict]:
    # A list of counts by modality, less those that stand elsewhere.
    made = []
    for kind in _KINDS:
        count = integer(counts.get(f"{kind}_tokens"))
        left = None if count is None else count - (integer(others.get(f"{kind}_tokens")) or 0)
        if left:
            made.append({"modality": kind.upper(), "tokenCount": left})
    return made


_LOG_PROBABILITY = ("token", "logProbability")
_LOGPROB = ("token", "logprob", "bytes", "top_logprobs")


def canonical_logprobs(result: Any) -> JsonDict | None:
    # A `logprobsResult` as OpenAI's `logprobs`; None if there is nothing in it.
    chosen = as_dicts(dig(result, "chosenCandidates"))
    if not chosen:
        return None
    tops, content = as_list(result.get("topCandidates")), []
    for n, item in enumerate(chosen):
        others = as_dicts(dig(tops[n], "candidates")) if n < len(tops) else ()
        content.append({**_entry(item), "top_logprobs": list(map(_entry, others))})
    return {"content": content, "refusal": None}


def native_logprobs(logprobs: Any) -> JsonDict | None:
    # OpenAI's `logprobs` as a `logprobsResult`; None if there is nothing in it.
    content = as_dicts(dig(logprobs, "content"))
    if not content:
        return None
    made: JsonDict = {"chosenCandidates": list(map(_native, content))}
    if any(item.get("top_logprobs") for item in content):
        tops = [as_dicts(item.get("top_logprobs")) for item in content]
        made["topCandidates"] = [{"candidates": list(map(_native, others))} for others in tops]
    return made


def _entry(item: JsonDict) -> JsonDict:
    token = as_str(item.get("token"))
    data = list(token.encode("utf-8", "surrogatepass"))
    told = {"token": token, "logprob": item.get("logProbability", 0.0), "bytes": data}
    return told | without(item, _LOG_PROBABILITY)


def _native(item: JsonDict) -> JsonDict:
    return {"token": item.get("token"), "logProbability": item.get("logprob"), **without(item, _LOGPROB)}

# What the ledger's sums are of.

from __future__ import annotations

from lingate.server.records import INCOMPLETE

# As SQL over rows of `ledger`.
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

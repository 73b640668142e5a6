# Retries at one deployment, which learns of every failed try as it happens.

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from lingate._call.policy import RetryPolicy
from lingate.errors import LingateError
from lingate.server.config.settings import FailsByKind, RetriesByKind

_KINDS = {
    "BadRequestError": ("bad_request", "output_limit", "context_window", "payload_too_large"),
    "AuthenticationError": ("auth", "permission"),
    "TimeoutError": ("timeout",),
    "RateLimitError": ("rate_limit", "quota"),
    "ContentPolicyViolationError": ("content_filter",),
    "InternalServerError": ("server_error", "transport", "connect", "stream_interrupted", "protocol", "upstream"),
    "ServiceUnavailableError": ("overloaded",),
    "NotFoundError": ("not_found",),
}
"""LiteLLM's names of exceptions, and our kinds of error."""


class Watched(RetryPolicy, frozen=True, kw_only=True):
    # A retry policy that tells somebody of each failure before it decides.

    told: Callable[[LingateError], None]
    again: Callable[[], bool]
    """Counts one more try, if there is room for it."""
    by_kind: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Further tries for some kinds of error, instead of `retries`."""
    least: float = 0.0
    """Seconds to wait at least."""

    def wait(self, error: LingateError, exchange: int, random: Callable[[], float]) -> float | None:
        # Seconds to wait before try number `exchange + 2`, or None to give this deployment up.
        self.told(error)
        own = self.by_kind.get(error.kind) if self.by_kind else None
        if own is None:
            found = super().wait(error, exchange, random)
        elif exchange >= own:
            found = None
        else:
            # Whoever names a kind wants it tried again, retryable or not.
            found = RetryPolicy(retries=own, base=self.base, cap=self.cap).wait(_again(error), exchange, random)
        return None if found is None or not self.again() else max(found, self.least)


def _again(error: LingateError) -> LingateError:
    if error.retryable:
        return error
    return LingateError(error.message, retryable=True, retry_after=error.retry_after)


def retries_by_kind(policy: RetriesByKind | None) -> dict[str, int]:
    # `retry_policy` by our kinds of error; `DefaultRetries` under the empty name.
    found = _by_kind(policy, "Retries")
    return found if policy is None or policy.DefaultRetries is None else {"": policy.DefaultRetries, **found}


def fails_by_kind(policy: FailsByKind | None) -> dict[str, int]:
    # `allowed_fails_policy` by our kinds of error.
    return _by_kind(policy, "AllowedFails")


def _by_kind(policy: object, what: str) -> dict[str, int]:
    counts = {name: getattr(policy, f"{name}{what}", None) for name in _KINDS}
    return {kind: count for name, count in counts.items() if count is not None for kind in _KINDS[name]}

"""Retries at one deployment, which learns of every failed try as it happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lingate._call.policy import RetryPolicy
from lingate.errors import LingateError
from lingate.server.config.settings import FailsByKind, RetriesByKind

_KINDS: Mapping[str, tuple[str, ...]] = {
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched(RetryPolicy):
    """A retry policy that tells somebody of each failure before it decides.

    Attributes:
        told: Is told.
        by_kind: Further tries for some kinds of error, instead of `retries`.
        least: Seconds to wait at least.
    """

    told: Callable[[LingateError], None]
    by_kind: Mapping[str, int] = field(default_factory=dict)
    least: float = 0.0

    def wait(self, error: LingateError, turn: int, random: Callable[[], float]) -> float | None:
        """Seconds to wait before try number `turn + 2`, or None to give this deployment up."""
        self.told(error)
        own = self.by_kind.get(error.kind) if self.by_kind else None
        if own is None:
            found = RetryPolicy.wait(self, error, turn, random)
        elif turn >= own:
            found = None
        else:
            # Whoever names a kind wants it tried again, retryable or not.
            found = RetryPolicy(retries=own, base=self.base, cap=self.cap).wait(_again(error), turn, random)
        return found if found is None else max(found, self.least)


def _again(error: LingateError) -> LingateError:
    if error.retryable:
        return error
    return LingateError(error.message, retryable=True, retry_after=error.retry_after)


def retries_by_kind(policy: RetriesByKind | None) -> dict[str, int]:
    """`retry_policy` by our kinds of error; `DefaultRetries` under the empty name."""
    if policy is None:
        return {}
    found = {
        kind: count
        for name, kinds in _KINDS.items()
        if (count := getattr(policy, f"{name}Retries")) is not None
        for kind in kinds
    }
    return found if policy.DefaultRetries is None else {"": policy.DefaultRetries, **found}


def fails_by_kind(policy: FailsByKind | None) -> dict[str, int]:
    """`allowed_fails_policy` by our kinds of error."""
    if policy is None:
        return {}
    return {
        kind: count
        for name, kinds in _KINDS.items()
        if (count := getattr(policy, f"{name}AllowedFails", None)) is not None
        for kind in kinds
    }

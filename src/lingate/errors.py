"""Every error Lingate raises, as one tree.

    LingateError
    +- ConfigError                     the call cannot be made as written; nothing was sent
    |  +- UnknownProviderError         no row has this name; the closest names are in the message
    |  +- MissingCredentialError       no key; `.variables` are the ones that were looked at
    |  +- UnsupportedError             the provider cannot express a parameter; `.param` names it
    |  +- MissingExtraError            an optional package is absent; the message holds the pip command
    +- UpstreamError                   the provider answered with an error
    |  +- BadRequestError
    |  |  +- ContextLengthError        the prompt does not fit the model
    |  |  +- ContentFilterError        refused by a content policy
    |  +- AuthenticationError
    |  +- PermissionDeniedError
    |  +- NotFoundError
    |  +- ConflictError
    |  +- PayloadTooLargeError
    |  +- RateLimitError
    |  |  +- QuotaExceededError        credit or spending limit: waiting does not help
    |  |     +- PaymentRequiredError   the same, said with status 402
    |  +- OverloadedError
    |  +- InternalServerError
    +- TransportError                  no complete answer arrived
    |  +- ConnectError
    |  +- RequestTimeoutError
    |  +- StreamInterruptedError       an answer broke off; `.partial` is what a stream brought
    +- ProtocolError                   the upstream's bytes make no sense
    +- LimitError                      a limit of our own
       +- BudgetExceededError
       +- ConcurrencyLimitError
       +- DeadlineExceededError

Names are those of the openai package where the meaning is the same. `str(error)` never holds a secret: whoever
builds an error from an upstream's text redacts it first.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AuthenticationError",
    "BadRequestError",
    "BudgetExceededError",
    "ConcurrencyLimitError",
    "ConfigError",
    "ConflictError",
    "ConnectError",
    "ContentFilterError",
    "ContextLengthError",
    "DeadlineExceededError",
    "InternalServerError",
    "LimitError",
    "LingateError",
    "MissingCredentialError",
    "MissingExtraError",
    "NotFoundError",
    "OverloadedError",
    "PayloadTooLargeError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "ProtocolError",
    "QuotaExceededError",
    "RateLimitError",
    "RequestTimeoutError",
    "StreamInterruptedError",
    "TransportError",
    "UnknownProviderError",
    "UnsupportedError",
    "UpstreamError",
]


class LingateError(Exception):
    """Base of every error that Lingate raises on purpose.

    Attributes:
        message: What happened, in our words, and the provider's own words where there are any (redacted).
        provider: Name of the provider's row, if one was involved.
        model: The model as the caller wrote it after the slash.
        status: HTTP status of the answer, None if there was none.
        code: The most specific machine-readable code that the provider sent.
        kind: Short name of the class of error, stable for logs and metrics (`rate_limit`, `context_window`, ...).
        retryable: Whether the same call may succeed later on the same deployment.
        retry_after: Seconds the provider asked to wait, None if it did not say.
        request_id: The provider's id of the request.
        hint: What the caller can do about it.
        detail: The provider's own text, redacted. Not for a gateway's clients.
        attempts: The trail of tries that led here, oldest first.
        partial: Where a stream failed after its beginning: the response as far as it had arrived, in the same shape as a
            whole one. None else.
    """

    kind: str = "error"
    retryable: bool = False
    partial: Any = None

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        code: str | None = None,
        kind: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        hint: str | None = None,
        detail: str | None = None,
        attempts: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.model = model
        self.status = status
        self.code = code
        if kind is not None:
            self.kind = kind
        if retryable is not None:
            self.retryable = retryable
        self.retry_after = retry_after
        self.request_id = request_id
        self.hint = hint
        self.detail = detail
        self.attempts = attempts

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, dict(self.__dict__))


def _rebuild(cls: type[LingateError], message: str, state: dict[str, Any]) -> LingateError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class ConfigError(LingateError):
    """The call or the configuration is wrong; nothing was sent."""

    kind = "config"


class UnknownProviderError(ConfigError):
    """No provider has this name."""

    kind = "unknown_provider"


class MissingCredentialError(ConfigError):
    """The provider needs a credential and none was found.

    Attributes:
        variables: Environment variables that were tried, in order.
    """

    kind = "missing_credential"

    def __init__(self, message: str, *, variables: tuple[str, ...] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.variables = variables


class UnsupportedError(ConfigError):
    """The provider or dialect has no way to express what was asked.

    Attributes:
        param: The request field that cannot be expressed.
    """

    kind = "unsupported"

    def __init__(self, message: str, *, param: str | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.param = param


class MissingExtraError(ConfigError, ImportError):
    """An optional dependency is not installed; the message holds the pip command."""

    kind = "missing_extra"


class UpstreamError(LingateError):
    """The provider answered, and the answer is an error."""

    kind = "upstream"


class BadRequestError(UpstreamError):
    """The provider refused the request as malformed or not allowed for this model."""

    kind = "bad_request"


class ContextLengthError(BadRequestError):
    """Prompt (and asked-for answer) exceed the model's context window."""

    kind = "context_window"


class ContentFilterError(BadRequestError):
    """A content policy refused the prompt or the answer."""

    kind = "content_filter"


class AuthenticationError(UpstreamError):
    """The credential is missing, wrong or expired in the provider's eyes."""

    kind = "auth"


class PermissionDeniedError(UpstreamError):
    """The credential is valid but may not do this."""

    kind = "permission"


class NotFoundError(UpstreamError):
    """No such model, deployment or path."""

    kind = "not_found"


class ConflictError(UpstreamError):
    """The provider saw a conflicting request."""

    kind = "conflict"
    retryable = True


class PayloadTooLargeError(UpstreamError):
    """The request body has too many bytes."""

    kind = "payload_too_large"


class RateLimitError(UpstreamError):
    """Too many requests or tokens per time; `.retry_after` says how long to wait, if the provider did."""

    kind = "rate_limit"
    retryable = True


class QuotaExceededError(RateLimitError):
    """Credit, spending limit or a hard quota is used up: the same key will not work again soon."""

    kind = "quota"
    retryable = False


class PaymentRequiredError(QuotaExceededError):
    """The same, said with status 402; the kind is `quota` too."""


class OverloadedError(UpstreamError):
    """The provider is out of capacity."""

    kind = "overloaded"
    retryable = True


class InternalServerError(UpstreamError):
    """The provider failed."""

    kind = "server_error"
    retryable = True


class TransportError(LingateError):
    """No complete answer arrived."""

    kind = "transport"
    retryable = True


class ConnectError(TransportError):
    """No connection (refused, name not resolved, TLS failed), or one that broke before an answer began."""

    kind = "connect"


class RequestTimeoutError(TransportError, TimeoutError):
    """A phase of the call (connect, first byte, between bytes) took longer than allowed, or the provider said so."""

    kind = "timeout"


class StreamInterruptedError(TransportError):
    """An answer ended before its end; `.partial` is what a stream had brought, None if nothing had come."""

    kind = "stream_interrupted"

    def __init__(self, message: str, *, partial: Any = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.partial = partial


class ProtocolError(LingateError):
    """The upstream's bytes are not what its wire format promises."""

    kind = "protocol"


class LimitError(LingateError):
    """A limit that was set on our side."""

    kind = "limit"


class BudgetExceededError(LimitError):
    """A budget is used up."""

    kind = "budget"


class ConcurrencyLimitError(LimitError):
    """Too many calls at once."""

    kind = "concurrency"
    retryable: bool = True


class DeadlineExceededError(LimitError, TimeoutError):
    """The call's total deadline passed, tries and waits included."""

    kind = "deadline"


BY_KIND = {
    "bad_request": BadRequestError,
    "output_limit": BadRequestError,
    "context_window": ContextLengthError,
    "content_filter": ContentFilterError,
    "auth": AuthenticationError,
    "permission": PermissionDeniedError,
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "payload_too_large": PayloadTooLargeError,
    "rate_limit": RateLimitError,
    "quota": QuotaExceededError,
    "overloaded": OverloadedError,
    "server_error": InternalServerError,
    "timeout": RequestTimeoutError,
}
"""Class of error for each kind that an upstream's answer can have (see `_dialects/_failure.py`)."""

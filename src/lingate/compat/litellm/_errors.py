# Errors of Lingate as LiteLLM's exceptions.

from __future__ import annotations

from typing import Any

from lingate import errors
from lingate.compat.litellm import exceptions as names

# The most specific first: the first that fits is taken.
_CLASSES: tuple[tuple[type[errors.LingateError], type[Any]], ...] = (
    (errors.InternalServerError, names.InternalServerError),
    (errors.ContextLengthError, names.ContextWindowExceededError),
    (errors.ContentFilterError, names.ContentPolicyViolationError),
    (errors.UnsupportedError, names.UnsupportedParamsError),
    (errors.UnknownProviderError, names.LiteLLMUnknownProvider),
    (errors.MissingCredentialError, names.AuthenticationError),
    (errors.MissingExtraError, names.APIConnectionError),
    (errors.ConfigError, names.BadRequestError),
    (errors.BadRequestError, names.BadRequestError),
    (errors.AuthenticationError, names.AuthenticationError),
    (errors.PermissionDeniedError, names.PermissionDeniedError),
    (errors.PaymentRequiredError, names.PaymentRequiredError),
    (errors.RateLimitError, names.RateLimitError),
    (errors.NotFoundError, names.NotFoundError),
    (errors.ConflictError, names.ConflictError),
    (errors.PayloadTooLargeError, names.BadRequestError),
    (errors.OverloadedError, names.ServiceUnavailableError),
    (errors.RequestTimeoutError, names.Timeout),
    (errors.DeadlineExceededError, names.Timeout),
    (errors.ProtocolError, names.APIResponseValidationError),
    (errors.ConcurrencyLimitError, names.RateLimitError),
    (errors.TransportError, names.APIConnectionError),
)

_BY_STATUS = {422: names.UnprocessableEntityError, 502: names.BadGatewayError, 503: names.ServiceUnavailableError}


def translate(error: errors.LingateError, model: str, retries: int | None) -> Exception:
    # The exception a user of LiteLLM expects; `retries` is the limit that was set. Raise it `from` the error it is made of.
    if isinstance(error, errors.BudgetExceededError):
        return names.BudgetExceededError(message=str(error))
    kind = next((found for kind, found in _CLASSES if isinstance(error, kind)), names.APIError)
    if type(error) in (errors.InternalServerError, errors.BadRequestError):
        kind = _BY_STATUS.get(error.status or 0, kind)
    text = str(error)
    made: Any = kind(
        # Our words with the code behind them: hosts look for `context_length_exceeded` in the text.
        message=f"{text} [{error.code}]" if error.code and error.code not in text else text,
        llm_provider=error.provider or "",
        model=error.model or model,
        max_retries=retries,
        num_retries=max(len(error.attempts) - 1, 0),
        status_code=error.status,
        code=error.code,
        headers={} if error.retry_after is None else {"retry-after": f"{error.retry_after:g}"},
    )
    made.request_id = error.request_id
    made.retry_after = error.retry_after
    if isinstance(error, errors.StreamInterruptedError):
        made.partial = error.partial
    return made  # type: ignore[no-any-return]

"""LiteLLM's exceptions. They are subclasses of the openai package's, if that is installed.

Each carries `message`, `llm_provider`, `model`, `status_code`, `response`, `num_retries`, `max_retries`; the error of
Lingate it was made from is its `__cause__`.
"""

# mypy: allow-subclassing-any, disable-error-code="misc, valid-type"

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

# The openai package's classes where it is installed, so that its `except` clauses work too.
try:
    import openai as _openai
except ImportError:
    _openai = None  # type: ignore[assignment]


def _base(name: str, parent: type[Exception]) -> Any:
    found = getattr(_openai, name, None)
    return found if isinstance(found, type) else type(name, (parent,), {})


OpenAIError = _base("OpenAIError", Exception)
_APIError = _base("APIError", OpenAIError)
_APIStatusError = _base("APIStatusError", _APIError)
_APIConnectionError = _base("APIConnectionError", _APIError)
_APITimeoutError = _base("APITimeoutError", _APIConnectionError)
_APIResponseValidationError = _base("APIResponseValidationError", _APIError)
_AuthenticationError = _base("AuthenticationError", _APIStatusError)
_BadRequestError = _base("BadRequestError", _APIStatusError)
_ConflictError = _base("ConflictError", _APIStatusError)
_InternalServerError = _base("InternalServerError", _APIStatusError)
_NotFoundError = _base("NotFoundError", _APIStatusError)
_PermissionDeniedError = _base("PermissionDeniedError", _APIStatusError)
_RateLimitError = _base("RateLimitError", _APIStatusError)
_UnprocessableEntityError = _base("UnprocessableEntityError", _APIStatusError)


def _response(status: int, headers: dict[str, str], text: str) -> Any:
    # What is known of the answer that became an exception, as httpx has it if it is installed.
    try:
        import httpx
    except ImportError:
        return SimpleNamespace(status_code=status, headers=headers, text=text)
    request = httpx.Request("POST", "https://upstream.invalid/")
    return httpx.Response(status, headers=headers, text=text, request=request)


_RETRIES = ("litellm_debug_info", "max_retries", "num_retries")
_MODEL_FIRST: tuple[str, ...] = ("model", "llm_provider", "response", *_RETRIES)


class _Facts(Exception):
    # The attributes and the signature that all exceptions share.

    status_code: int = 500
    _order: tuple[str, ...] = ("llm_provider", "model", "response", *_RETRIES)

    def __init__(self, message: str = "", *args: Any, **facts: Any) -> None:
        self._fill(message, **dict(zip(self._order, args, strict=False)), **facts)

    def _fill(
        self,
        message: str,
        *,
        llm_provider: str | None = None,
        model: str | None = None,
        response: Any = None,
        litellm_debug_info: str | None = None,
        max_retries: int | None = None,
        num_retries: int | None = None,
        status_code: int | None = None,
        headers: dict[str, str] | None = None,
        body: Any = None,
        code: str | None = None,
        **_: Any,
    ) -> None:
        # Past the openai classes' own constructors: they want a response of httpx, made here only when asked for.
        Exception.__init__(self, message)
        self.message = f"litellm.{type(self).__name__}: {message}"
        self.llm_provider = llm_provider
        self.model = model
        self.litellm_debug_info = litellm_debug_info
        self.max_retries = max_retries
        self.num_retries = num_retries
        if status_code is not None:
            self.status_code = status_code
        self.body = body
        self.code = code
        self.param = None
        self.type = None
        self.request_id: str | None = None
        self.retry_after: float | None = None
        self._headers = dict(headers or {})
        self._given = response

    @property
    def response(self) -> Any:
        """The answer: status, headers (`retry-after`) and text."""
        if self._given is None:
            self._given = _response(self.status_code, self._headers, self.message)
        return self._given

    @response.setter
    def response(self, value: Any) -> None:
        self._given = value

    @property
    def request(self) -> Any:
        """The request of `response`, None where httpx is not installed."""
        return getattr(self.response, "request", None)

    def __str__(self) -> str:
        text = self.message
        if self.num_retries:
            text += f" LiteLLM Retried: {self.num_retries} times"
            if self.max_retries:
                text += f", LiteLLM Max Retries: {self.max_retries}"
        return text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        state = {**self.__dict__, "_given": None}
        return _rebuild, (type(self), self.args, state)


def _rebuild(cls: type[Exception], args: tuple[Any, ...], state: dict[str, Any]) -> Exception:
    error = cls.__new__(cls)
    Exception.__init__(error, *args)
    error.__dict__.update(state)
    return error


def _reduced(self: Exception) -> tuple[Any, ...]:
    return _rebuild, (type(self), self.args, dict(self.__dict__))


class APIError(_Facts, _APIError):
    """The provider answered with an error that has no class of its own."""

    def __init__(self, status_code: int | None = None, message: str = "", *args: Any, **facts: Any) -> None:
        # LiteLLM's order: the status comes first here.
        super().__init__(message, *args, status_code=status_code, **facts)


class APIConnectionError(_Facts, _APIConnectionError):
    """No complete answer arrived; `partial` is what a stream had brought."""

    partial: Any = None


class APIResponseValidationError(_Facts, _APIResponseValidationError):
    """The answer makes no sense."""


class Timeout(_Facts, _APITimeoutError):
    """The call, or a phase of it, took too long."""

    status_code = 408
    _order = ("model", "llm_provider", *_RETRIES)


class AuthenticationError(_Facts, _AuthenticationError):
    """The credential is missing or wrong."""

    status_code = 401


class PermissionDeniedError(APIError, _PermissionDeniedError):
    """The credential may not do this. (Calls of LiteLLM's raise `APIError`, which it is too.)"""

    status_code = 403
    __init__ = _Facts.__init__


class NotFoundError(_Facts, _NotFoundError):
    """No such model, deployment or path."""

    status_code = 404
    _order = _MODEL_FIRST


class ConflictError(_Facts, _ConflictError):
    """The provider saw a conflicting request. (LiteLLM has no such class and raises `APIError`.)"""

    status_code = 409


class UnprocessableEntityError(_Facts, _UnprocessableEntityError):
    """The request was understood and cannot be carried out."""

    status_code = 422
    _order = _MODEL_FIRST


class RateLimitError(_Facts, _RateLimitError):
    """Too many requests or tokens, or the quota is used up."""

    status_code = 429


class InternalServerError(_Facts, _InternalServerError):
    """The provider failed."""

    status_code = 500


class BadGatewayError(_Facts, _APIStatusError):
    """Something in front of the provider failed."""

    status_code = 502


class ServiceUnavailableError(_Facts, _APIStatusError):
    """The provider is out of capacity."""

    status_code = 503


class AzureOpenAIError(Exception):
    """Kept for `except` clauses; calls raise the classes above."""


class MidStreamFallbackError(ServiceUnavailableError):
    """Kept for `except` clauses; an interrupted stream raises `APIConnectionError` with `partial`."""


class BadRequestError(_Facts, _BadRequestError):
    """The request is wrong."""

    status_code = 400
    _order = _MODEL_FIRST


class InvalidRequestError(BadRequestError):
    """An older name of `BadRequestError`."""


class ContextWindowExceededError(BadRequestError):
    """The prompt does not fit the model."""


class ContentPolicyViolationError(BadRequestError):
    """A content policy refused."""


class UnsupportedParamsError(BadRequestError):
    """The provider cannot express a parameter; `drop_params=True` leaves it out."""

    _order = ("llm_provider", "model", "status_code", "response")


class PaymentRequiredError(BadRequestError, APIError):
    """The account must pay first. (Calls of LiteLLM's raise `APIError`, which it is too.)"""

    status_code = 402
    __init__ = _Facts.__init__


class RejectedRequestError(BadRequestError):
    """The request was refused before it was sent."""


class ImageFetchError(BadRequestError):
    """An image could not be fetched."""


class LiteLLMUnknownProvider(BadRequestError):
    """No provider has this name."""


class JSONSchemaValidationError(APIResponseValidationError):
    """The answer does not fit its schema."""


class ModelNotMappedError(Exception):
    """Nothing is known about a model."""


class BudgetExceededError(Exception):
    """A budget is used up."""

    def __init__(self, current_cost: float = 0.0, max_budget: float = 0.0, message: str | None = None) -> None:
        self.current_cost = current_cost
        self.max_budget = max_budget
        self.message = message or f"Budget has been exceeded! Current cost: {current_cost}, Max budget: {max_budget}"
        self.status_code = 422
        super().__init__(self.message)

    __reduce__ = _reduced


class RouterRateLimitError(ValueError):
    """Every deployment of a group rests after failures."""

    def __init__(self, model: str, cooldown_time: float, cooldown_list: list[str] | None = None) -> None:
        self.model = model
        self.cooldown_time = cooldown_time
        self.cooldown_list = cooldown_list or []
        wait = f"Try again in {cooldown_time:.0f} seconds"
        super().__init__(f"No deployments available for selected model, {wait}. Passed model={model}")

    __reduce__ = _reduced


LITELLM_EXCEPTION_TYPES = [
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    BudgetExceededError,
    ConflictError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    InvalidRequestError,
    JSONSchemaValidationError,
    NotFoundError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    RejectedRequestError,
    ServiceUnavailableError,
    Timeout,
    UnprocessableEntityError,
    UnsupportedParamsError,
]

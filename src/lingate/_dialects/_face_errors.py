# Our errors as our own faces report them. Kinds travel, the upstream's words do not: they are not for its clients.

from __future__ import annotations

import math
from typing import NamedTuple

from lingate._model import JsonDict
from lingate.errors import ConfigError, LimitError, LingateError, UnsupportedError, UpstreamError


class _Fault(NamedTuple):
    # How a kind looks to a client: OpenAI's status, type and code, the text, Anthropic's status and type if they differ.

    status: int
    type: str
    code: str | None
    text: str
    anthropic: tuple[int, str] | None = None


_INVALID = "invalid_request_error"
_UNAVAILABLE = "service_unavailable_error"

_FAULTS = {
    # The texts of the first hold what clients look for where they do not read codes.
    "context_window": _Fault(
        400,
        _INVALID,
        "context_length_exceeded",
        "The prompt is too long: it exceeds the context window, this model's maximum context length. "
        "Its token count exceeds the maximum number of tokens allowed.",
    ),
    "output_limit": _Fault(400, _INVALID, "max_tokens_exceeded", "max_tokens is larger than the model's output limit."),
    "rate_limit": _Fault(429, "rate_limit_error", "rate_limit_exceeded", "The provider's rate limit is reached."),
    "quota": _Fault(
        429,
        "insufficient_quota",
        "insufficient_quota",
        "The provider's credit or quota is used up.",
        (402, "billing_error"),
    ),
    "auth": _Fault(401, "authentication_error", "invalid_api_key", "The provider refused the credential."),
    "permission": _Fault(403, "permission_error", "permission_denied", "The provider does not permit this."),
    "not_found": _Fault(
        404, _INVALID, "model_not_found", "The provider has no such model or resource.", (404, "not_found_error")
    ),
    "content_filter": _Fault(400, _INVALID, "content_policy_violation", "The request was refused by a content policy."),
    "overloaded": _Fault(
        503, _UNAVAILABLE, "server_is_overloaded", "The provider is overloaded.", (529, "overloaded_error")
    ),
    "timeout": _Fault(504, "timeout_error", "timeout", "The provider took too long to answer."),
    "payload_too_large": _Fault(
        413, _INVALID, "request_too_large", "The request is too large.", (413, "request_too_large")
    ),
    "conflict": _Fault(409, _INVALID, "conflict", "The request conflicts with another one."),
    "bad_request": _Fault(400, _INVALID, None, "The provider refused the request as invalid."),
    "server_error": _Fault(502, "api_error", "upstream_error", "The provider failed.", (500, "api_error")),
    # Ours: about the request itself, whatever it asks for.
    "no_such_path": _Fault(404, _INVALID, None, "There is nothing at this path.", (404, "not_found_error")),
    "method": _Fault(405, _INVALID, None, "This path is not for this method."),
    "encoding": _Fault(415, _INVALID, None, "The request's encoding is not known."),
    "no_upgrade": _Fault(426, _INVALID, None, "This path has no WebSocket."),
    # Ours: nothing came back from a provider, or what came was not an answer.
    "unknown_provider": _Fault(404, _INVALID, "model_not_found", "There is no such model.", (404, "not_found_error")),
    "unsupported": _Fault(400, _INVALID, "unsupported_parameter", "A parameter is not supported."),
    "bad_call": _Fault(400, _INVALID, None, "The request makes no sense."),
    "budget": _Fault(429, "insufficient_quota", "budget_exceeded", "The budget is used up.", (402, "billing_error")),
    "concurrency": _Fault(429, "rate_limit_error", "concurrency_limit_exceeded", "Too many requests at once."),
    "limit": _Fault(429, "rate_limit_error", "limit_exceeded", "A limit is reached."),
    "deadline": _Fault(504, "timeout_error", "deadline_exceeded", "The request took too long."),
    "connect": _Fault(502, "api_error", "upstream_unreachable", "The provider cannot be reached."),
    "stream_interrupted": _Fault(502, "api_error", "stream_interrupted", "The provider's answer ended early."),
    "protocol": _Fault(502, "api_error", "upstream_error", "The provider's answer could not be understood."),
}
_ANY_TRANSPORT = _FAULTS["connect"]
_ANY_CONFIG = _Fault(500, "api_error", "misconfigured", "The gateway is not configured for this.")
_ANY = _Fault(500, "api_error", "internal_error", "The gateway failed.")


def openai_error(error: LingateError) -> tuple[int, JsonDict]:
    fault = _fault(error)
    param = error.param if isinstance(error, UnsupportedError) else None
    code = "previous_response_not_found" if param == "previous_response_id" else fault.code  # OpenAI's own for it
    return fault.status, {"error": {"message": _text(error, fault), "type": fault.type, "param": param, "code": code}}


def anthropic_error(error: LingateError) -> tuple[int, JsonDict]:
    fault = _fault(error)
    status, kind = fault.anthropic or (fault.status, fault.type)
    told: JsonDict = {"type": kind, "message": _text(error, fault)}
    if isinstance(error, UnsupportedError) and error.param == "thread":
        # By this their packages know that they are to send the whole conversation from now on.
        told["details"] = {"error_code": "thread_unsupported_request"}
    return status, {"type": "error", "error": told}


_GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    426: "UNIMPLEMENTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_GOOGLE_CODES = {502: 500}  # Google has no such status; clients know this


def google_error(error: LingateError) -> tuple[int, JsonDict]:
    fault = _fault(error)
    status = _GOOGLE_CODES.get(fault.status, fault.status)
    details: list[JsonDict] = []
    if fault.code is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": fault.code, "domain": "lingate"})
    if error.retryable and error.retry_after is not None:
        delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{error.retry_after:g}s"}
        details.append(delay)
    body: JsonDict = {"code": status, "message": _text(error, fault), "status": _GOOGLE_STATUS[status]}
    if details:
        body["details"] = details
    return status, {"error": body}


_AWS_STATUS = {
    400: (400, "ValidationException"),
    401: (403, "UnrecognizedClientException"),
    403: (403, "AccessDeniedException"),
    404: (404, "ResourceNotFoundException"),
    409: (400, "ConflictException"),
    413: (400, "ValidationException"),
    429: (429, "ThrottlingException"),
    503: (503, "ServiceUnavailableException"),
    504: (408, "ModelTimeoutException"),
}


def aws_error(error: LingateError) -> tuple[int, str, str]:
    # Status, exception and text of an error as AWS services report them.
    fault = _fault(error)
    status, name = _AWS_STATUS.get(fault.status, (500, "InternalServerException"))
    return status, name, _text(error, fault)


def _fault(error: LingateError) -> _Fault:
    found = _FAULTS.get(error.kind)
    if found is None:
        found = _ANY_CONFIG if isinstance(error, ConfigError) else _ANY_TRANSPORT if error.kind == "transport" else _ANY
    return found


def _text(error: LingateError, fault: _Fault) -> str:
    if _is_ours(error):
        # With the hint, but where that is for whoever calls the library (`pass drop_params=True`).
        return error.message if isinstance(error, ConfigError) else str(error)
    if error.retryable and error.retry_after:
        return f"{fault.text} Try again in {math.ceil(error.retry_after)} seconds."
    return fault.text


def _is_ours(error: LingateError) -> bool:
    # Whether the message was written for the client: about its own request, or a limit of ours.
    if isinstance(error, UpstreamError):
        # A face that cannot read a request raises BadRequestError; it has neither a provider nor a status.
        # A limit of ours, or a rest, has a status all the same.
        ours = error.status is None or error.kind in ("rate_limit", "permission", "overloaded")
        return ours and error.provider is None and error.detail is None
    return isinstance(error, (UnsupportedError, LimitError)) or error.kind in ("unknown_provider", "bad_call")

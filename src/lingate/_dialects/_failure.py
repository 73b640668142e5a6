# From a provider's answer to one of our errors; layouts, rules, waits and redaction have files of their own.

from __future__ import annotations

import re
from collections.abc import Mapping

from lingate._dialects import _classify, _evidence, _redact, _times
from lingate._dialects._evidence import BASE_RESP, Evidence
from lingate._model import Head, Target
from lingate._wire import json
from lingate.errors import (
    BY_KIND,
    LingateError,
    PaymentRequiredError,
    ProtocolError,
    UnsupportedError,
)

_MAX_MESSAGE = 600
_MAX_BODY = 8 * 1024 * 1024  # validation errors echo the request, images included
_NO_HEADERS: Mapping[str, str] = {}

_REQUEST_ID_HEADERS = (
    "x-request-id request-id x-amzn-requestid apim-request-id x-ms-request-id x-groq-request-id opc-request-id"
    " nvcf-reqid mistral-correlation-id x-siliconcloud-trace-id msh-request-id x-ds-trace-id x-tt-logid"
    " x-oneapi-request-id x-global-transaction-id x-trace-id trace-id x-bce-request-id dg-request-id"
    " x-baseten-request-id x-litellm-call-id"
)

_SUMMARIES = {
    "bad_request": "the request was refused",
    "output_limit": "more output tokens were asked for than the model gives",
    "context_window": "the prompt does not fit the model's context window",
    "content_filter": "a content policy refused the request",
    "auth": "the credential was refused",
    "permission": "the credential may not do this",
    "not_found": "there is no such model or path",
    "conflict": "the request conflicts with another",
    "payload_too_large": "the request has too many bytes",
    "rate_limit": "the rate limit is reached",
    "quota": "credit or quota is used up",
    "overloaded": "the provider is out of capacity",
    "server_error": "the provider failed",
    "timeout": "the provider took too long",
}

_WAITING = frozenset({"rate_limit", "quota", "overloaded", "server_error", "timeout", "conflict"})

_GENERIC_CODES = (
    "invalid_(?:request(?:_error)?|argument)|failed_precondition|bad_?request(?:_?error)?|validationexception"
    "|(?:api|unknown)_error|internal|toomanyrequests|resource_exhausted|permission_denied|forbidden|.* .*"
)
"""Codes that say no more than a status does; a code beside them is the better one to report."""


def failure(head: Head, body: bytes, target: Target, now: float | None = None) -> LingateError:
    # The error that an answer stands for.
    # `head`: its status: not 2xx, or 2xx with a body that is an error.
    # `now`: epoch seconds, for waits given as points in time; by default the answer's own `date` header.
    # Gives the error, never raised here. A 2xx without an error in it gives a `ProtocolError`.
    value = _decoded(body)
    if 200 <= head.status < 300 and not _evidence.is_error(value):
        return ProtocolError(
            f"{target.provider}: the answer with status {head.status} is neither a response nor an error",
            provider=target.provider,
            model=target.model,
            status=head.status,
            request_id=_request_id(head.headers, None, target),
            detail=_redact.redact(value, target.secrets) if isinstance(value, str) and value else None,
        )
    return _build(_evidence.read(value, head.status, head.headers), head.status, head.headers, target, now)


def not_counted(error: LingateError) -> LingateError:
    # What went wrong with a count; another error where it says that there is none: nobody failed, and nobody is to rest.
    # Bedrock counts for few models (BerriAI/litellm#37102), Anthropic not with tools of its own, others have no such path.
    said = error.detail or ""
    no_path = error.status in (405, 501) or (error.kind == "not_found" and "model" not in said.lower())
    if no_path or (error.kind in ("bad_request", "permission", "server_error") and _COUNT(said)):
        text = f"{error.provider} does not count the tokens of this call"
        return UnsupportedError(text, provider=error.provider, model=error.model, status=error.status, detail=said)
    return error


_COUNT = re.compile("(?i)(?<!ac)count").search


def body_failure(
    value: object,
    target: Target,
    status: int | None = 200,
    headers: Mapping[str, str] = _NO_HEADERS,
    now: float | None = None,
) -> LingateError | None:
    # The error inside a decoded JSON value, None if it is an ordinary answer or stream event.
    # `value`: any JSON value: a body, the data of an SSE event, a line of NDJSON, the payload of an event-stream
    # exception as `{"__type": <exception type>, ...}`.
    # `status`: HTTP status of the answer it came in; `headers` and `now` as for `failure`.
    if not _evidence.is_error(value):
        return None
    return _build(_evidence.read(value, status, headers), status, headers, target, now)


def _decoded(body: bytes) -> object:
    if len(body) > _MAX_BODY:
        body = body[:_MAX_BODY]
    try:
        return json.decode(body)
    except ValueError:
        return _redact.readable(body.decode("utf-8", "replace"))


def _build(
    evidence: Evidence, status: int | None, headers: Mapping[str, str], target: Target, now: float | None
) -> LingateError:
    kind = _classify.classify(evidence, target.row.error_kinds)
    if kind == "quota" and status == 402 and "retry-after" in headers:
        kind = "rate_limit"  # OpenRouter: what is in flight holds the whole budget, for a moment
    oversized = kind == "rate_limit" and _exceeds_limit(evidence.said)
    detail = _redact.redact(evidence.message, target.secrets) or None
    code = _main_code(evidence.codes, target)
    counting = status if status is not None and not 200 <= status < 300 else evidence.status or status
    # A 402 may be caught by its own name, and as the used-up quota that it is.
    error_class = PaymentRequiredError if kind == "quota" and counting == 402 else BY_KIND[kind]
    return error_class(
        _message(kind, target, counting, code, detail),
        provider=target.provider,
        model=target.model,
        status=counting,
        code=code,
        kind=kind,
        retryable=_retryable(kind, counting, headers, oversized),
        retry_after=_wait(kind, evidence, headers, now),
        request_id=_request_id(headers, evidence.request_id, target),
        hint=_redact.redact(_hint(kind, counting, evidence, target, oversized), target.secrets) or None,
        detail=detail,
    )


def _message(kind: str, target: Target, status: int | None, code: str | None, detail: str | None) -> str:
    facts = " ".join(dict.fromkeys(str(fact) for fact in (status, code) if fact is not None))
    text = f"{target.provider}: {_SUMMARIES[kind]}" + (f" ({facts})" if facts else "")
    if detail:
        text += f": {detail if len(detail) <= _MAX_MESSAGE else detail[: _MAX_MESSAGE - 1] + '…'}"
    return text


def _main_code(codes: tuple[str, ...], target: Target) -> str | None:
    # The code that says most: neither an HTTP number nor a class of error, unless there is nothing else.
    named = [code for code in codes if not (len(code) == 3 and code.isdecimal())]
    telling = [code for code in named if not _redact.compiled(_GENERIC_CODES).fullmatch(code.lower())]
    chosen = next(iter(telling or named or codes), None)
    return None if chosen is None else _redact.redact(chosen.removeprefix(BASE_RESP), target.secrets, 200)


def _request_id(headers: Mapping[str, str], from_body: str | None, target: Target) -> str | None:
    found = next((headers[name] for name in _REQUEST_ID_HEADERS.split() if headers.get(name)), None)
    found = found or from_body or headers.get("cf-ray")
    return _redact.redact(found, target.secrets, 200) if found else None


def _retryable(kind: str, status: int | None, headers: Mapping[str, str], oversized: bool) -> bool:
    said = headers.get("x-should-retry", "").lower()
    if said in ("true", "false"):
        return said == "true"
    # 501 Not Implemented and 505 stay as they are however often they are asked.
    return BY_KIND[kind].retryable and not oversized and status not in (501, 505)


def _wait(kind: str, evidence: Evidence, headers: Mapping[str, str], now: float | None) -> float | None:
    if kind not in _WAITING:
        return None
    if evidence.headers:
        headers = {**evidence.headers, **headers}
    wait = _times.retry_after(headers, evidence.waits, evidence.message, now, limited=kind == "rate_limit")
    if kind == "rate_limit" and any("PerDay" in quota for quota, _ in evidence.quotas):
        return max(wait or 0.0, _times.DAILY)
    return wait


_LIMIT_REQUESTED = r"limit:? ?([\d,]{1,15}).{0,60}?requested:? ?([\d,]{1,15})"


def _exceeds_limit(said: str) -> bool:
    # `Limit 30000, Requested 342389`: more than fits into one window, so no wait helps.
    found = _redact.compiled(_LIMIT_REQUESTED).search(said)
    if found is None:
        return False
    limit, requested = (int(digits.replace(",", "") or 0) for digits in found.groups())
    return requested > limit


_HINTS = {
    "auth": "check the key for {provider}{variables}",
    "permission": "check that the key for {provider}{variables} may use {model}",
    "context_window": "shorten the messages, or use a model with a larger context window",
    "output_limit": "lower max_tokens",
    "content_filter": "change the prompt; the same one will be refused again",
    "quota": "add credit or raise the limit of this account or key at {provider}",
    "payload_too_large": "send fewer or smaller images and files",
    "not_found": "check the model name {model!r} and the base URL {url}",
}


def _hint(kind: str, status: int | None, evidence: Evidence, target: Target, oversized: bool) -> str:
    if oversized:
        return "this request alone is larger than the limit: shorten it or ask for fewer output tokens, do not wait"
    url = target.url.partition("?")[0]
    if status is not None and 300 <= status < 400:
        return f"the server redirects; check the base URL {url}"
    if kind == "quota" and _classify.zero_quota(evidence):
        return f"this account's plan has no quota for {target.model}"
    names = target.row.key_env
    return _HINTS.get(kind, "").format(
        provider=target.provider,
        model=target.model,
        variables=f" ({' or '.join(names)})" if names else "",
        url=url,
    )

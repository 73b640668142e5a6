"""Our faces report errors in their own formats, by kind, and never in the upstream's words."""

from __future__ import annotations

import json

import pytest

from lingate import errors
from lingate._dialects._face_errors import anthropic_error, openai_error
from lingate._dialects._failure import failure
from lingate._model import Head, ProviderRow, Target
from lingate.errors import BY_KIND, LingateError

TARGET = Target(row=ProviderRow(name="acme", key_env=("ACME_KEY",)), model="m-1", url="https://acme.test")

# Status, type and code in OpenAI's format; status and type in Anthropic's.
TABLE = {
    "context_window": (400, "invalid_request_error", "context_length_exceeded", 400, "invalid_request_error"),
    "output_limit": (400, "invalid_request_error", "max_tokens_exceeded", 400, "invalid_request_error"),
    "rate_limit": (429, "rate_limit_error", "rate_limit_exceeded", 429, "rate_limit_error"),
    "quota": (429, "insufficient_quota", "insufficient_quota", 402, "billing_error"),
    "auth": (401, "authentication_error", "invalid_api_key", 401, "authentication_error"),
    "permission": (403, "permission_error", "permission_denied", 403, "permission_error"),
    "not_found": (404, "invalid_request_error", "model_not_found", 404, "not_found_error"),
    "content_filter": (400, "invalid_request_error", "content_policy_violation", 400, "invalid_request_error"),
    "overloaded": (503, "service_unavailable_error", "server_is_overloaded", 529, "overloaded_error"),
    "timeout": (504, "timeout_error", "timeout", 504, "timeout_error"),
    "payload_too_large": (413, "invalid_request_error", "request_too_large", 413, "request_too_large"),
    "bad_request": (400, "invalid_request_error", None, 400, "invalid_request_error"),
    "server_error": (502, "api_error", "upstream_error", 500, "api_error"),
}


@pytest.mark.parametrize("kind", TABLE)
def test_each_kind_has_its_status_type_and_code(kind: str) -> None:
    error = BY_KIND[kind]("acme: told us", provider="acme", status=418, kind=kind, detail="told us")

    status, body = openai_error(error)
    other_status, other = anthropic_error(error)

    assert (status, body["error"]["type"], body["error"]["code"], other_status, other["error"]["type"]) == TABLE[kind]
    assert other["type"] == "error"
    assert set(body["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("kind", BY_KIND)
def test_the_upstreams_words_and_names_do_not_reach_a_client(kind: str) -> None:
    error = BY_KIND[kind](
        "acme: org-17 said so", provider="acme", status=400, code="E-17", kind=kind, hint="ACME_KEY", detail="org-17"
    )

    shown = json.dumps([openai_error(error), anthropic_error(error)])

    assert all(word not in shown for word in ("org-17", "acme", "E-17", "ACME_KEY"))


def test_a_context_error_says_what_clients_look_for() -> None:
    error = failure(Head(400, {}), b'{"error": {"message": "x", "code": "context_length_exceeded"}}', TARGET)

    assert "maximum context length" in openai_error(error)[1]["error"]["message"]
    assert "prompt is too long" in anthropic_error(error)[1]["error"]["message"].lower()


def test_a_rate_limit_says_how_long_to_wait() -> None:
    error = failure(Head(429, {"retry-after": "6.2"}), b"", TARGET)

    assert openai_error(error)[1]["error"]["message"].endswith("Try again in 7 seconds.")


@pytest.mark.parametrize(
    ("error", "status", "kept"),
    [
        (errors.BadRequestError("messages: expected an array"), 400, True),
        (errors.UnsupportedError("acme has no top_k", param="top_k"), 400, True),
        (errors.UnknownProviderError("no provider 'acne'; did you mean 'acme'?"), 404, True),
        (errors.BudgetExceededError("the team's budget of 5 USD is used up"), 429, True),
        (errors.ConcurrencyLimitError("more than 4 requests at once"), 429, True),
        (errors.DeadlineExceededError("took longer than 30 s"), 504, True),
        (errors.MissingCredentialError("set ACME_KEY", variables=("ACME_KEY",)), 500, False),
        (errors.MissingExtraError("pip install lingate[bedrock]"), 500, False),
        (errors.ConfigError("config.yaml: unknown key"), 500, False),
        (errors.ConnectError("10.0.0.7:443 refused"), 502, False),
        (errors.StreamInterruptedError("cut after 3 events"), 502, False),
        (errors.TransportError("tls"), 502, False),
        (errors.RequestTimeoutError("no byte in 600 s from 10.0.0.7"), 504, False),
        (errors.ProtocolError("not JSON at 3"), 502, False),
        (LingateError("bug in row"), 500, False),
    ],
)
def test_messages_of_ours_reach_the_client_where_they_are_about_its_request(
    error: LingateError, status: int, kept: bool
) -> None:
    answered, body = openai_error(error)
    anthropic_answered, other = anthropic_error(error)

    assert answered == status
    assert 400 <= anthropic_answered < 600
    assert (error.message in body["error"]["message"]) is kept
    assert body["error"]["message"] == other["error"]["message"]


def test_an_unsupported_parameter_is_named() -> None:
    _, body = openai_error(errors.UnsupportedError("acme has no top_k", param="top_k"))

    assert body["error"]["param"] == "top_k"

"""Every error that providers are known to send becomes the right one of ours, and nothing they send breaks us."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingate import errors
from lingate._dialects._failure import body_failure, failure
from lingate._model import Head, ProviderRow, Target
from lingate._providers.rows import ROWS
from lingate.errors import BY_KIND, LingateError
from tests.conftest import RECORDINGS, SHARED
from tests.dialects.short import error_of as class_of
from tests.effort import least_cpu

SECRET = "canary-5f2c9e7b1a"
CASES = [json.loads(line) for line in (Path(__file__).parent / "failure_cases.jsonl").read_text().splitlines()]

DASHSCOPE = {"Arrearage": "quota", "status:429": "rate_limit"}
"""What the row of that provider says; the rows themselves are tested elsewhere."""


def target(overrides: dict[str, str] | None = None, provider: str = "acme") -> Target:
    row = ProviderRow(name=provider, key_env=("ACME_API_KEY",), error_kinds=overrides or {})
    return Target(row=row, model="m-1", url="https://api.acme.test/v1/chat/completions", secrets=(SECRET,))


def error_of(case: dict[str, Any], overrides: dict[str, str] | None = None) -> LingateError | None:
    status, headers = case["status"], case.get("headers") or {}
    to = target(overrides or case.get("overrides"))
    if status is None:
        return body_failure(case["body"], to, headers=headers)
    body = case["text"] if "text" in case else json.dumps(case["body"])
    return failure(Head(status, headers), body.encode(), to)


def label(case: dict[str, Any]) -> str:
    return f"{case['kind']}-{case['status']}-{case['source'].removeprefix('https://github.com/')}"[:80]


@pytest.mark.parametrize("case", CASES, ids=label)
def test_an_error_of_a_provider_becomes_the_right_error_of_ours(case: dict[str, Any]) -> None:
    error = error_of(case)

    assert error is not None
    assert error.kind == case["kind"], error
    expected_class = getattr(errors, case["error"]) if "error" in case else BY_KIND[case["kind"]]
    assert isinstance(error, expected_class)
    assert (error.provider, error.model) == ("acme", "m-1")
    for field in ("code", "retryable", "request_id", "detail"):
        if field in case:
            assert getattr(error, field) == case[field], field
    if "wait" in case:
        assert error.retry_after == pytest.approx(case["wait"])
    if "status_out" in case or case["status"] not in (None, 200):
        assert error.status == case.get("status_out", case["status"])


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["status"] in (None, 200) and "body" in case], ids=label
)
def test_an_error_inside_a_success_is_seen_whether_it_comes_as_bytes_or_decoded(case: dict[str, Any]) -> None:
    to = target(case.get("overrides"))

    decoded = body_failure(case["body"], to)
    as_bytes = failure(Head(200, {}), json.dumps(case["body"]).encode(), to)

    assert decoded is not None
    assert decoded.kind == as_bytes.kind == case["kind"]


def test_our_own_cases_cover_every_kind_an_answer_can_have() -> None:
    assert {case["kind"] for case in CASES} == BY_KIND.keys()


def test_the_shared_vectors_come_out_right() -> None:
    path = SHARED / "error_vectors.json"
    if not path.exists():
        pytest.skip(f"the shared error vectors are not at {path}; set LINGATE_SHARED")
    vectors = json.loads(path.read_text())["vectors"]

    wrong = [
        (vector["provider"], vector["status"], vector["expect"], error and error.kind, vector["body"])
        for vector in vectors
        if (error := error_of(vector, DASHSCOPE if vector["provider"] == "dashscope" else None)) is None
        or error.kind != vector["expect"]
    ]

    assert vectors
    assert not wrong


# What the code in the body of a recorded error makes of it; else its status does.
RECORDED_BY_CODE = {
    "ExpiredTokenException": "auth",
    "UnrecognizedClientException": "auth",
    "API_KEY_INVALID": "auth",
    "model_not_found": "not_found",
    "content_filter": "content_filter",
}


# What a status leaves open, and words tell: that there is no such model, or what a server cannot do.
RECORDED_BY_WORDS = {
    400: {"not_found", "auth", "quota", "context_window", "output_limit", "content_filter"},
    500: {"bad_request", "context_window", "overloaded"},
}


def recorded_errors() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted(RECORDINGS.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            marked = [json.loads(line) for line in lines if '"error"' in line[:400]]
        found += [recording for recording in marked if "error" in recording["kind"]]
    return found


def stream_errors(body: str) -> list[Any]:
    """What the events of a recorded stream hold, where one of them is an error."""
    events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")]
    return [event for event in events if body_failure(event, target()) is not None]


def test_recorded_errors_classify_by_their_code_or_status() -> None:
    recordings = recorded_errors()
    if not recordings:
        pytest.skip(f"no recordings at {RECORDINGS}; set LINGATE_RECORDINGS")

    for recording in recordings:
        answer = recording["response"]
        body, headers = answer["body"], {name.lower(): value for name, value in answer["headers"].items()}
        if answer["status"] == 200 and isinstance(body, str):
            body = stream_errors(body)[0]  # some say it twice
        raw = body if isinstance(body, str) else json.dumps(body)

        error = failure(Head(answer["status"], headers), raw.encode(), target())

        status = error.status if answer["status"] == 200 else answer["status"]
        if by_code := RECORDED_BY_CODE.get(error.code or ""):
            assert error.kind == by_code, (recording["id"], str(error))
        elif status:
            told = {"status": status, "headers": headers, "body": body}
            by_words = RECORDED_BY_WORDS.get(status, ())
            assert error.kind in by_words or isinstance(error, class_of(told)), (recording["id"], str(error))
        assert error.detail


@pytest.mark.parametrize(
    "ordinary",
    [
        {
            "id": "c",
            "object": "chat.completion",
            "error": None,
            "choices": [{"index": 0, "message": {"content": "error"}}],
        },
        {"id": "c", "object": "chat.completion.chunk", "choices": [], "x_groq": {"id": "req_1"}},
        {
            "id": "c",
            "choices": [{"delta": {"content": "x"}, "error": None}],
            "base_resp": {"status_code": 0, "status_msg": ""},
        },
        {"type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn"},
        {"type": "message_start", "message": {"type": "message", "content": []}},
        {"type": "ping"},
        {"type": "response.completed", "response": {"status": "completed", "error": None, "output": []}},
        {"type": "response.output_text.delta", "delta": "error", "item_id": "i", "sequence_number": 4},
        {"id": "resp_1", "object": "response", "status": "completed", "error": None, "output": []},
        {"candidates": [{"content": {"parts": [{"text": "error"}]}}], "usageMetadata": {}},
        {"promptFeedback": {"blockReason": "SAFETY"}},
        {"model": "llama3", "message": {"role": "assistant", "content": "error"}, "done": True, "done_reason": "stop"},
        {"id": "1", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": []}, "usage": {}},
        {"success": True, "errors": [], "messages": [], "result": {"response": "x"}},
        {"result": {"data": []}, "success": True, "errors": [{"code": 1, "message": "a warning"}]},
        {"status_code": 200, "code": "", "message": "", "output": {"text": "x"}, "request_id": "r"},
        {"code": 0, "message": "Success", "sid": "cha1", "choices": [{"index": 0}]},
        {"header": {"code": 0, "message": "Success", "sid": "cha1", "status": 1}, "payload": {}},
        {"Choices": [{"Delta": {"Content": "x"}}], "ErrorMsg": None},
        {"code": 200, "message": "ok"},
        {"error_code": 0, "error_msg": "success", "data": []},
        {"status": "ok", "message": "ready"},
        {"id": "p1", "status": "succeeded", "error": None, "output": ["x"], "detail": "none"},
        {"object": "list", "data": [{"id": "m", "type": "chat", "code": "x", "message": "y"}]},
        {"output": {"message": {"role": "assistant", "content": []}}, "stopReason": "end_turn"},
        {},
        [],
        [{"candidates": []}],
        None,
        "error",
        17,
    ],
)
def test_an_ordinary_answer_is_no_error(ordinary: Any) -> None:
    assert body_failure(ordinary, target()) is None


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>", b'{"choices": []}', b"[1, 2", b"\xff\xfe", b"null"])
def test_a_success_without_an_error_in_it_is_a_protocol_error(body: bytes) -> None:
    error = failure(Head(200, {"x-request-id": "r-9"}), body, target())

    assert isinstance(error, errors.ProtocolError)
    assert (error.status, error.request_id, error.provider) == (200, "r-9", "acme")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-request-id", "a"),
        ("request-id", "b"),
        ("x-amzn-requestid", "c"),
        ("apim-request-id", "d"),
        ("x-groq-request-id", "e"),
        ("opc-request-id", "f"),
        ("x-bce-request-id", "i"),
        ("dg-request-id", "j"),
        ("trace-id", "k"),
        ("x-baseten-request-id", "l"),
        ("x-litellm-call-id", "m"),
        ("cf-ray", "g"),
    ],
)
def test_the_request_id_is_found_in_every_spelling(name: str, value: str) -> None:
    assert failure(Head(500, {name: value}), b"", target()).request_id == value


def test_the_id_of_a_header_wins_over_the_body_and_the_body_over_the_edge() -> None:
    body = b'{"error": {"message": "x"}, "request_id": "from-body"}'

    assert (
        failure(Head(500, {"request-id": "from-header", "cf-ray": "edge"}), body, target()).request_id == "from-header"
    )
    assert failure(Head(500, {"cf-ray": "edge"}), body, target()).request_id == "from-body"


def test_a_refused_credential_names_the_variables_to_look_at() -> None:
    error = failure(Head(401, {}), b'{"error": {"message": "no"}}', target())

    assert error.hint == "check the key for acme (ACME_API_KEY)"
    assert "ACME_API_KEY" in str(error)


def test_a_missing_model_names_the_model_and_the_address() -> None:
    error = failure(Head(404, {}), b"", target())

    assert error.hint is not None
    assert "'m-1'" in error.hint
    assert "https://api.acme.test/v1/chat/completions" in error.hint


def test_a_request_larger_than_its_limit_says_that_waiting_is_vain() -> None:
    body = b'{"error": {"message": "Request too large on tokens per min (TPM): Limit 30,000, Requested 42,000."}}'

    error = failure(Head(429, {}), body, target())

    assert isinstance(error, errors.RateLimitError)
    assert not error.retryable
    assert "do not wait" in (error.hint or "")


def test_what_is_left_of_a_limit_may_be_less_than_the_request_without_making_it_hopeless() -> None:
    body = b'{"error": {"message": "Rate limit reached: Limit 30000, Used 29000, Requested 2000."}}'

    assert failure(Head(429, {}), body, target()).retryable


def test_a_402_can_be_caught_by_its_own_name_and_as_a_used_up_quota() -> None:
    error = failure(Head(402, {}), b'{"error": {"message": "Insufficient Balance"}}', target())

    assert isinstance(error, errors.PaymentRequiredError)
    assert isinstance(error, errors.QuotaExceededError)
    assert error.kind == "quota"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"E7": "overloaded"}, "overloaded"),
        ({"status:400": "rate_limit"}, "rate_limit"),
        ({"status:400": "rate_limit", "E7": "quota"}, "quota"),
        ({"status:401": "rate_limit"}, "bad_request"),
        ({"E7": "no such kind"}, "bad_request"),
    ],
)
def test_a_row_decides_by_exact_code_first_and_by_status_then(overrides: dict[str, str], expected: str) -> None:
    error = failure(Head(400, {}), b'{"error": {"message": "x", "code": "E7"}}', target(overrides))

    assert error.kind == expected


@pytest.mark.parametrize(
    ("provider", "status", "body", "expected"),
    [
        ("cohere", 498, {"message": "blocked output"}, "content_filter"),
        (
            "novita",
            429,
            {"code": 429, "reason": "TOKEN_LIMIT_EXCEEDED", "message": "Token limit exceeded."},
            "rate_limit",
        ),
        ("scaleway", 416, {"error": {"message": "max_completion_tokens is above the model limit"}}, "output_limit"),
        (
            "opencode",
            401,
            {"type": "error", "error": {"type": "ModelError", "message": "Model m is not supported"}},
            "not_found",
        ),
        ("gigachat", 413, {"status": 413, "message": "Payload too large"}, "context_window"),
        # Workers AI answers 403 to what the model cannot do.
        ("cloudflare", 403, {"success": False, "errors": [{"code": 5025, "message": "no JSON Schema"}]}, "bad_request"),
        ("cloudflare", 400, {"success": False, "errors": [{"code": 10001, "message": "Unable to say"}]}, "auth"),
        ("cloudflare", 400, {"success": False, "errors": [{"code": 7000, "message": "No route"}]}, "not_found"),
        ("dashscope", 429, {"error": {"message": "x", "code": "insufficient_quota"}}, "rate_limit"),
        ("dashscope", 429, {"error": {"message": "x", "code": "Arrearage"}}, "quota"),
    ],
)
def test_a_provider_s_own_meanings_are_in_its_row(
    provider: str, status: int, body: dict[str, Any], expected: str
) -> None:
    (row,) = (row for row in ROWS if row.name == provider)
    to = Target(row=row, model="m-1", url="https://api.acme.test/v1")

    assert failure(Head(status, {}), json.dumps(body).encode(), to).kind == expected


def test_an_error_page_is_reduced_to_its_words() -> None:
    page = b"<!DOCTYPE html><html><head><title>Just a moment...</title><style>x{}</style></head><body><p>Wait &amp; see</p>"

    error = failure(Head(403, {"content-type": "text/html"}), page, target())

    assert error.detail == "Just a moment...: Wait & see"


@pytest.mark.parametrize(
    "unread",
    [
        "<script>" + "let x = 1 < 2;" * 500 + "</script>",
        "<!-- " + "padding for an old browser " * 300 + "-->",
        "<head><meta a='" + "b" * 5_000 + "'></head>",
        "<a href='" + "c" * 2_000 + "'>",
    ],
)
def test_of_an_error_page_only_its_words_are_told_however_long_the_rest_is(unread: str) -> None:
    page = f"<html><title>Busy</title>{unread}<p>Come back at < 5".encode()

    assert failure(Head(403, {}), page, target()).detail == "Busy: Come back at < 5"


@pytest.mark.parametrize("cut", ["<script>let x = 1;", "<style>p {", "<!-- a comment", "<a href='/in", "<title>Bu"])
def test_what_an_error_page_was_cut_within_is_not_among_its_words(cut: str) -> None:
    assert failure(Head(403, {}), f"<html><p>Come back{cut}".encode(), target()).detail in (
        "Come back",
        "Bu: Come back",
    )


def test_the_text_is_bounded() -> None:
    error = failure(
        Head(400, {}), json.dumps({"error": {"message": "x" * 100_000, "code": "y" * 5_000}}).encode(), target()
    )

    assert len(error.detail or "") == 2_000
    assert len(error.message) < 800
    assert error.code is None


def test_an_error_survives_pickling() -> None:
    error = failure(Head(429, {"retry-after": "3"}), b'{"error": {"message": "slow", "code": "slow_down"}}', target())

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert again.__dict__ == error.__dict__


def everything_shown(error: LingateError) -> str:
    return " ".join([str(error), repr(error), *(str(value) for value in error.__dict__.values())])


@pytest.mark.parametrize(
    ("text", "leaks"),
    [
        (f"Incorrect API key provided: {SECRET}.", SECRET),
        (f"GET https://x.test/v1?key={SECRET}&a=b failed", SECRET),
        ("Incorrect API key provided: sk-proj-abcdefghijklmnop", "abcdefghijklmnop"),
        ("header Authorization: Bearer abcdefghijklmnopqrstuvwxyz is wrong", "abcdefghijklmnopqrstuvwxyz"),
        ("key AIzaSyA1234567890abcdefghijklmnopqrstuv is wrong", "AIzaSyA1234567890"),
        ("gsk_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnop"),
        ("xai-abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnop"),
        ("hf_abcdefghijklmnopqrstuvwxyz0123", "abcdefghijklmnop"),
        ("sk_abcdefghijklmnopqrstuvwxyz0123", "abcdefghijklmnop"),
        ("cpk_abcdefghijklmnopqrstuvwxyz0123", "abcdefghijklmnop"),
        ("jina_abcdefghijklmnopqrstuvwxyz0123", "abcdefghijklmnop"),
        ("tgp_v1_abcdefghijklmnopqrstuvwxyz0123", "abcdefghijklmnop"),
        ("fpk_abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnop"),
        ("the canonical string is x-amz-security-token:IQoJb3JpZ2luX2VjEJ3//8wEaCX", "IQoJb3JpZ2luX2VjEJ3"),
        ("bce-v3/ALTAK-abcdefghijklmnopqrstu/0123456789abcdef", "abcdefghijklmnop"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "eyJzdWIi"),
        ("https://user:hunter2hunter2@x.test/", "hunter2hunter2"),
        ('{"api_key": "abcdefgh12345678"}', "abcdefgh12345678"),
        ("https://x.test/?X-Amz-Signature=abcdef0123456789", "abcdef0123456789"),
        ("header Authorization: Basic YWNtZTpodW50ZXIy is wrong", "YWNtZTpodW50ZXIy"),
        ("grant with refresh_token=abcdefgh12345678 refused", "abcdefgh12345678"),
        ("{'client_secret': 'abcdefghijklmnop'}", "abcdefghijklmnop"),
        ("aws_secret_access_key = abcdefgh/12345678", "abcdefgh/12345678"),
        ("password=hunter2hunter2", "hunter2hunter2"),
        ("The API key ark-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-abcde is wrong", "1a2b3c4d"),
        ("key-0123456789abcdef0123456789abcdef", "0123456789abcdef"),
        ("LTAI5tAbCdEfGhIjKlMnOpQr", "AbCdEfGhIjKlMnOpQr"),
        ("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "z8krbsJ5yKBZQpn74WF"),
        ("AKLTYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo", "YWJjZGVmZ2hpamtsbW"),
        ("GOOG1EAbCdEfGhIjKlMnOpQrStUvWxYz0123456789", "AbCdEfGhIjKlMnOpQr"),
        ("xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOp", "AbCdEfGhIjKlMnOp"),
        ("AQ.Ab8RN6abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnop"),
        ("rpa_ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ABCDEFGHIJKLMNOP"),
        ("Invalid API key: 123e4567-e89b-12d3-a456-426614174000.", "123e4567"),
        ("the key '123e4567-e89b-12d3-a456-426614174000:0123456789abcdef' is unknown", "123e4567-e89b"),
        ("the key '123e4567-e89b-12d3-a456-426614174000:0123456789abcdef' is unknown", "0123456789abcdef"),
        ("Incorrect API key provided: 0123456789abcdef0123456789abcdef", "0123456789abcdef"),
        ("invalid api token: 40AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AB", "AbCdEfGhIjKlMnOp"),
        ('{"key": "AbCdEfGhIjKlMnOpQrStUvWxYz012345"}', "AbCdEfGhIjKlMnOp"),
        ("Invalid API key: 0123456789abcdef0123456789abcdef", "0123456789abcdef"),
        ("API key 'AbCdEf0123456789AbCdEf0123456789' is not valid", "AbCdEf0123456789"),
        ("Invalid token: 8f7d6e5c4b3a29180f7e6d5c4b3a2918", "8f7d6e5c4b3a2918"),
        ("header Authorization: Token 0123456789abcdef0123 is wrong", "0123456789abcdef"),
    ],
)
def test_nothing_that_looks_like_a_credential_is_shown(text: str, leaks: str) -> None:
    body = json.dumps({"error": {"message": text, "code": f"c-{SECRET}"}, "request_id": SECRET}).encode()

    for head, raw in ((Head(401, {}), body), (Head(500, {"x-request-id": SECRET}), text.encode())):
        assert leaks not in everything_shown(failure(head, raw, target()))
        assert SECRET not in everything_shown(failure(head, raw, target()))


@pytest.mark.parametrize(
    "text",
    [
        "the task-completion-risk-assessment failed",
        "token limit",
        "Bearer authentication required",
        "API key not found: authentication-by-key-is-required",
        "token limit: 128000 of the-model-with-a-long-name",
        "sk-ab***yz",
        "session_tokens: 12345678 of max_tokens=12345678",
        "no model key-value-store-of-my-organisation",
        "the key must be one of prompt_tokens_details, completion_tokens_details",
        "Unknown key 'chat_template_kwargs_with_a_long_name_v2' in the request",
        "Missing required key: additionalPropertiesOfTheSchema",
        "the key claude-3-5-sonnet-20241022-v2:0 is none of gpt-4o-mini-2024-07-18",
        "key projects/my-project-12345/locations/us-central1 was not found",
        "request 123e4567-e89b-12d3-a456-426614174000 had no key",
        "the key id is 123e4567-e89b-12d3-a456-426614174000",
    ],
)
def test_ordinary_words_are_not_blanked(text: str) -> None:
    assert failure(Head(400, {}), json.dumps({"error": text}).encode(), target()).detail == text


# Words that steer the rules, mixed with anything else.
STEERING = [
    "rate limit", "tokens per minute", "maximum context length", "prompt is too long", "max_tokens is too large",
    "overloaded", "invalid api key", "model x not found", "content policy", "timed out", "Limit 1, Requested 2",
    "try again in 3s", "limit: 0", "{", "}",
]  # fmt: skip
MONEY = ["credit balance is too low", "余额不足"]
CODED = ['{"error": {"code": "rate_limit_exceeded"}}', '{"error": {"code": "context_length_exceeded"}}']
WORDS = st.sampled_from([*STEERING, *MONEY, CODED[0], SECRET, f"Bearer {SECRET}", "\ud800", "\x00"])
TEXTS = st.one_of(WORDS, st.text(max_size=40), st.lists(WORDS, max_size=4).map(" ".join))
KEYS = st.sampled_from(
    [
        "error", "message", "code", "type", "status", "detail", "details", "errors", "metadata", "raw", "base_resp", "id",
        "status_code", "status_msg", "response", "choices", "innererror", "violations", "quotaId", "quotaValue", "headers",
        "retryDelay", "retry_after", "retry_after_ms", "loc", "msg", "request_id", "__type", "x_groq", "success", "fault",
        "object", "OriginalStatusCode", "title", "flagged_input", "param", "estimated_time",
    ]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.integers(390, 610), st.integers(10**300, 10**310)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=12,
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens", "date", "x-request-id",
         "x-should-retry", "x-amzn-errortype", "anthropic-ratelimit-requests-reset", "cf-ray"]
    ),
    st.one_of(TEXTS, st.floats().map(str), st.integers().map(str), st.just("Fri, 08 Aug 2025 15:40:00 GMT")),
    max_size=4,
)  # fmt: skip
STATUSES = st.one_of(st.integers(300, 599), st.sampled_from([200, 400, 401, 413, 429, 500, 529]))


def sound(error: LingateError) -> None:
    shown = everything_shown(error)
    assert SECRET not in shown
    assert error.kind in BY_KIND or error.kind == "protocol"
    assert error.retry_after is None or 0.0 <= error.retry_after <= 86_400.0
    shown.encode()


@settings(max_examples=300, deadline=None)
@given(value=VALUES, status=STATUSES, headers=HEADERS)
def test_any_json_with_any_status_gives_an_error_and_keeps_the_secret(
    value: Any, status: int, headers: dict[str, str]
) -> None:
    error = failure(Head(status, headers), json.dumps(value).encode(), target())
    sound(error)

    found = body_failure(value, target(), headers=headers)
    if found is not None:
        sound(found)


@settings(max_examples=200, deadline=None)
@given(
    body=st.one_of(st.binary(max_size=200), TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass"))),
    status=STATUSES,
)
def test_any_bytes_with_any_status_give_an_error_and_keep_the_secret(body: bytes, status: int) -> None:
    sound(failure(Head(status, {}), body, target()))


@settings(max_examples=200, deadline=None)
@given(words=st.lists(st.one_of(WORDS, st.text(max_size=20)), max_size=6))
def test_words_never_make_a_context_error_of_a_429(words: list[str]) -> None:
    text = " ".join(["it says", *words])  # a word alone may be a code, which does
    for body in ({"error": {"message": text}}, {"message": text}, {"error": text}, {"detail": text}):
        assert failure(Head(429, {}), json.dumps(body).encode(), target()).kind in ("rate_limit", "quota", "overloaded")


@settings(max_examples=200, deadline=None)
@given(text=st.lists(st.one_of(st.sampled_from(STEERING), st.text(max_size=3)), max_size=6).map(" ".join))
def test_a_401_is_about_the_credential_unless_a_code_or_money_says_otherwise(text: str) -> None:
    assert failure(Head(401, {}), json.dumps({"error": {"message": text}}).encode(), target()).kind == "auth"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5_000,
        '{"error":' * 5_000,
        "{" * 20_000,
        "model " + ":" * 20_000,
        "wait " * 4_000,
        "<head>" * 9_000,
        "invalid " * 2_000,
        "map[" * 5_000,
    ],
)
def test_hostile_text_costs_little(text: str) -> None:
    for body in (text.encode(), json.dumps({"error": {"message": text}}).encode()):
        assert failure(Head(400, {}), body, target()).kind
        assert least_cpu(failure, Head(400, {}), body, target()) < 0.5


@pytest.mark.parametrize(
    "quoted", ['got {"text": "%s"}', "unknown variant `%s`", "invalid type: map[text:%s]", "field map[%s"]
)
def test_a_quotation_longer_than_what_is_read_of_an_error_decides_nothing(quoted: str) -> None:
    body = json.dumps({"error": {"message": quoted % ("insufficient credits" + " and so on" * 900)}}).encode()

    assert failure(Head(400, {}), body, target()).kind == "bad_request"


def test_an_error_that_echoes_a_whole_request_is_told_by_its_status() -> None:
    body = json.dumps({"detail": [{"loc": ["body"], "msg": "too long", "input": "A" * 9_000_000}]}).encode()

    error = failure(Head(422, {}), body, target())

    assert error.kind == "bad_request"
    assert len(str(error)) < 5_000


@pytest.mark.parametrize("deep", [lambda node: {"error": node}, lambda node: {"errors": [node]}])
def test_an_error_in_more_envelopes_than_anyone_needs_is_still_one(deep: Any) -> None:
    node: Any = {"message": "no credit", "code": "insufficient_quota"}
    for _ in range(50):
        node = deep(node)

    assert failure(Head(429, {}), json.dumps(node).encode(), target()).kind == "rate_limit"


def test_no_pattern_is_compiled_again_whatever_else_the_process_has_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    head = Head(429, {"ratelimit": "default;r=0;t=7"})
    body = b'{"error": {"message": "Limit 10, Requested 2. Error code: 429 - {\'code\': \'x_y\'}. Try again in 3s"}}'
    pages = (b"<html><title>Busy</title><p>busy</p></html>", body)
    first = [str(failure(head, page, target())) for page in pages]

    re.purge()  # what `re` itself keeps it shares with the application, and forgets
    with monkeypatch.context() as patched:
        patched.setattr("re._compiler.compile", lambda *_: pytest.fail("compiled again"))
        again = [str(failure(head, page, target())) for page in pages]

    assert again == first

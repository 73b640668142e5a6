"""Every fault, seen from a plain socket, in both dialects, whole and streamed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from lingate.simulator import FAULTS, Simulator
from tests.simulator.wire import ANTHROPIC, OPENAI, TOOL_SCHEMA, Reply, ask, chat

PATHS = [OPENAI, ANTHROPIC]


def error_of(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = reply.json["error"]
    return found


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "status", "openai", "anthropic"),
    [
        ("bad_request", 400, "invalid_request_error", "invalid_request_error"),
        ("auth", 401, "authentication_error", "authentication_error"),
        ("payment", 402, "insufficient_quota", "billing_error"),
        ("permission", 403, "permission_error", "permission_error"),
        ("not_found", 404, "invalid_request_error", "not_found_error"),
        ("timeout", 408, "timeout_error", "timeout_error"),
        ("conflict", 409, "invalid_request_error", "invalid_request_error"),
        ("payload_too_large", 413, "invalid_request_error", "request_too_large"),
        ("rate_limit", 429, "rate_limit_error", "rate_limit_error"),
        ("server_error", 500, "api_error", "api_error"),
        ("bad_gateway", 502, "api_error", "api_error"),
        ("unavailable", 503, "service_unavailable_error", "overloaded_error"),
        ("gateway_timeout", 504, "timeout_error", "timeout_error"),
        ("overloaded", 529, "service_unavailable_error", "overloaded_error"),
        ("context", 400, "invalid_request_error", "invalid_request_error"),
        ("content_filter", 400, "invalid_request_error", "invalid_request_error"),
    ],
)
def test_errors_have_their_status_and_the_form_of_the_dialect(
    simulator: Simulator, fault: str, status: int, openai: str, anthropic: str, stream: bool
) -> None:
    first = chat(simulator, OPENAI, f"sim-fault-{fault}", stream=stream)
    second = chat(simulator, ANTHROPIC, f"sim-fault-{fault}", stream=stream)

    assert (first.status, error_of(first)["type"], first.ended) == (status, openai, "whole")
    assert (second.status, error_of(second)["type"], second.json["type"]) == (status, anthropic, "error")
    assert FAULTS[fault].status == status


def test_an_account_without_credit_has_the_status_of_the_dialect(simulator: Simulator) -> None:
    first, second = (chat(simulator, path, "sim-fault-quota") for path in PATHS)

    assert (first.status, error_of(first)["code"]) == (429, "insufficient_quota")
    assert (second.status, error_of(second)["type"]) == (402, "billing_error")


def test_the_table_of_errors_above_is_complete() -> None:
    (mark,) = (
        mark
        for mark in test_errors_have_their_status_and_the_form_of_the_dialect.pytestmark  # type: ignore[attr-defined]
        if mark.args[0] != "stream"
    )

    assert {row[0] for row in mark.args[1]} == {name for name, fault in FAULTS.items() if fault.status}


def test_a_context_overflow_is_recognised_by_code_and_by_text(simulator: Simulator) -> None:
    assert error_of(chat(simulator, OPENAI, "sim-fault-context"))["code"] == "context_length_exceeded"
    assert (
        "prompt is too long: 250001 tokens > 200000 maximum"
        in error_of(chat(simulator, ANTHROPIC, "sim-fault-context"))["message"]
    )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("headers", [{"authorization": "Bearer sk-canary"}, {"x-api-key": "sk-canary"}])
def test_a_401_repeats_the_key_it_was_given(simulator: Simulator, path: str, headers: dict[str, str]) -> None:
    assert "sk-canary" in error_of(chat(simulator, path, "sim-fault-401", headers=headers))["message"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("sim-fault-429", (None, None)),
        ("sim-fault-429-2", ("2", None)),
        ("sim-fault-429-0.25", ("1", "250")),
        ("sim-fault-503-7", ("7", None)),
    ],
)
def test_retry_after_is_what_was_asked_for(simulator: Simulator, model: str, expected: tuple[str, str]) -> None:
    headers = chat(simulator, OPENAI, model).headers

    assert (headers.get("retry-after"), headers.get("retry-after-ms")) == expected
    assert ("x-ratelimit-remaining-requests" in headers) == ("429" in model)


@pytest.mark.parametrize(
    ("model", "headers"), [("sim-fault-500-flaky-2", {}), ("sim", {"x-sim-fault": "500; times=2"})]
)
def test_a_fault_for_some_times_is_over_after_them_and_comes_back_after_a_reset(
    simulator: Simulator, model: str, headers: dict[str, str]
) -> None:
    statuses = [chat(simulator, OPENAI, model, headers=headers).status for _ in range(4)]
    other = chat(simulator, OPENAI, model + "-notools", headers=headers).status
    simulator.reset()

    assert statuses == [500, 500, 200, 200]
    assert other == 500
    assert chat(simulator, OPENAI, model, headers=headers).status == 500


def test_a_fault_nobody_knows_is_a_bad_request_that_names_the_known_ones(simulator: Simulator) -> None:
    reply = chat(simulator, OPENAI, "sim-fault-nonsense")

    assert reply.status == 400
    assert "rate_limit" in error_of(reply)["message"]


def test_faults_hit_other_operations_too(simulator: Simulator) -> None:
    embedded = ask(simulator, "/v1/embeddings", {"model": "sim-fault-429", "input": "x"})
    listed = ask(simulator, "/v1/models", method="GET", headers={"x-sim-fault": "503"})
    cut = ask(simulator, "/v1/embeddings", {"model": "sim-fault-cut", "input": "x"})

    assert (embedded.status, listed.status, cut.ended) == (429, 503, "eof")


# What a fault does to a stream of OpenAI's, one of Anthropic's, and to a body that is no stream.


def usual(reply: Reply) -> bool:
    return reply.status == 200 and reply.ended == "whole"


def ends(reply: Reply) -> bool:
    """The stream's own end is there."""
    return bool(reply.events) and (reply.events[-1] == b"[DONE]" or reply.objects[-1].get("type") == "message_stop")


def finish_of(reply: Reply) -> list[str]:
    found = []
    for item in reply.objects:
        found += [choice["finish_reason"] for choice in item.get("choices", ()) if choice.get("finish_reason")]
        if item.get("type") == "message_delta" and item["delta"]["stop_reason"]:
            found.append(item["delta"]["stop_reason"])
    return found


def is_broken(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return data != b"[DONE]"
    return False


CHECKS: dict[str, Callable[[Reply], bool]] = {
    "filtered": lambda r: usual(r) and ends(r) and finish_of(r)[0] in ("content_filter", "refusal"),
    "empty_answer": lambda r: usual(r) and ends(r) and finish_of(r)[0] in ("stop", "end_turn"),
    "huge_event": lambda r: usual(r) and ends(r) and max(map(len, r.events)) > 1 << 20,
    "error_in_200": lambda r: usual(r) and len(r.events) == 1 and "error" in r.objects[0],
    "empty_body": lambda r: usual(r) and r.body == b"",
    "html": lambda r: r.status == 502 and r.body.startswith(b"<!DOCTYPE html>") and "html" in r.headers["content-type"],
    "malformed_json": lambda r: usual(r) and ends_raw(r) and sum(map(is_broken, r.events)) == 1,
    "slow_head": lambda r: r.ended == "timeout" and r.status is None,
    "slow_first": lambda r: r.ended == "timeout" and r.status == 200 and r.body == b"",
    "hang_head": lambda r: r.ended == "timeout" and r.status is None,
    "reset_head": lambda r: r.ended == "reset" and r.status is None,
    "close_head": lambda r: r.ended == "eof" and r.status is None,
    "stall": lambda r: r.ended == "timeout" and len(r.events) == 3,
    "cut": lambda r: r.ended == "eof" and len(r.events) == 3,
    "reset": lambda r: r.ended == "reset" and len(r.events) == 3,
    "eof": lambda r: usual(r) and len(r.events) == 3 and not ends(r),
    "error_event": lambda r: usual(r) and len(r.events) == 4 and "error" in r.objects[3],
    "malformed_event": lambda r: usual(r) and ends_raw(r) and [is_broken(e) for e in r.events].index(True) == 3,
    "no_usage": lambda r: usual(r) and ends(r) and b'"usage"' not in r.body,
    "no_finish": lambda r: usual(r) and ends(r) and finish_of(r) == [],
    "no_terminal": lambda r: usual(r) and not ends(r) and len(finish_of(r)) == 1,
    "no_tool_index": lambda r: usual(r) and ends(r),
    "duplicate_finish": lambda r: usual(r) and ends(r) and len(finish_of(r)) == 2,
    "empty_choices": lambda r: usual(r) and ends(r),
    "comments": lambda r: usual(r) and ends(r) and r.body.count(b": keep-alive\n\n") == len(r.events),
    "crlf": lambda r: usual(r) and ends(r) and b"\n" not in r.body.replace(b"\r\n", b""),
    "drip": lambda r: usual(r) and ends(r),
}


def ends_raw(reply: Reply) -> bool:
    return reply.events[-1] == b"[DONE]" or b"message_stop" in reply.events[-1]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("fault", CHECKS)
def test_a_fault_does_to_a_stream_what_the_table_says(simulator: Simulator, fault: str, path: str) -> None:
    reply = chat(simulator, path, f"sim-fault-{fault}", stream=True, **patience(fault))

    assert CHECKS[fault](reply), reply


def patience(fault: str) -> dict[str, float]:
    """How long to wait where nothing more comes."""
    if fault in ("slow_head", "hang_head"):
        return {"timeout": 0.15}
    return {"idle": 0.2} if fault in ("slow_first", "stall") else {}


def test_the_checks_above_cover_every_fault() -> None:
    assert set(CHECKS) == {name for name, fault in FAULTS.items() if not fault.error}


WHOLE: dict[str, Callable[[Reply], bool]] = {
    "filtered": lambda r: usual(r) and ("content_filter" in r.body.decode() or "refusal" in r.body.decode()),
    "empty_answer": lambda r: usual(r) and b"You said" not in r.body,
    "huge_event": lambda r: usual(r) and len(r.body) > 1 << 20,
    "error_in_200": lambda r: usual(r) and "error" in r.json,
    "empty_body": lambda r: usual(r) and r.body == b"",
    "html": lambda r: r.status == 502 and r.body.startswith(b"<!DOCTYPE html>"),
    "malformed_json": lambda r: usual(r) and is_broken(r.body),
    "slow_head": CHECKS["slow_head"],
    "slow_first": CHECKS["slow_first"],
    "hang_head": CHECKS["hang_head"],
    "reset_head": CHECKS["reset_head"],
    "close_head": CHECKS["close_head"],
    "stall": lambda r: r.ended == "timeout" and is_broken(r.body),
    "cut": lambda r: r.ended == "eof" and is_broken(r.body),
    "reset": lambda r: r.ended == "reset" and is_broken(r.body),
    "eof": lambda r: usual(r) and is_broken(r.body) and "content-length" not in r.headers,
    "error_event": lambda r: usual(r) and "error" in r.json,
    "malformed_event": lambda r: usual(r) and is_broken(r.body),
    "no_usage": lambda r: usual(r) and "usage" not in r.json,
    "no_finish": lambda r: usual(r) and all(r.json.get(k) is None for k in ("stop_reason", "finish_reason")),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_does_to_a_body_what_the_table_says(simulator: Simulator, fault: str, path: str) -> None:
    if FAULTS[fault].error:
        return
    reply = chat(simulator, path, f"sim-fault-{fault}", **patience(fault))

    assert WHOLE.get(fault, usual)(reply), reply


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("fault", "ended"), [("cut", "eof"), ("stall", "timeout"), ("reset", "reset"), ("eof", "whole")]
)
@pytest.mark.parametrize("count", [0, 1, 5, 1000])
def test_the_number_of_events_before_the_end_is_what_was_asked_for(
    simulator: Simulator, path: str, fault: str, ended: str, count: int
) -> None:
    whole = len(chat(simulator, path, stream=True).events)

    reply = chat(simulator, path, f"sim-fault-{fault}-{count}", stream=True, **patience(fault))

    assert (reply.status, reply.ended, len(reply.events)) == (200, ended, min(count, whole))


def _tool_chunks(reply: Reply) -> list[dict[str, Any]]:
    found = []
    for item in reply.objects:
        for choice in item["choices"]:
            found += choice["delta"].get("tool_calls", ())
    return found


def test_tool_deltas_lose_their_index_and_nothing_else(simulator: Simulator) -> None:
    tools = [{"type": "function", "function": {"name": name, "parameters": TOOL_SCHEMA}} for name in ("a", "b")]

    plain = _tool_chunks(chat(simulator, OPENAI, "sim-parallel", stream=True, tools=tools))
    headers = {"x-sim-fault": "no_tool_index"}
    reply = _tool_chunks(chat(simulator, OPENAI, "sim-parallel", stream=True, tools=tools, headers=headers))

    assert {call.pop("index") for call in plain} == {0, 1}
    assert [call.get("function") for call in plain] == [call.get("function") for call in reply]
    assert not any("index" in call for call in reply)


def test_events_without_choices_come_first_and_before_the_end(simulator: Simulator) -> None:
    objects = chat(simulator, OPENAI, "sim-fault-empty_choices", stream=True).objects

    assert [item["choices"] == [] for item in objects] == [True, *[False] * (len(objects) - 2), True]


def test_dripped_and_plain_streams_have_the_same_bytes(simulator: Simulator) -> None:
    plain = chat(simulator, OPENAI, stream=True, headers={"x-sim-fault": ""})
    drip = chat(simulator, OPENAI, stream=True, headers={"x-sim-fault": "drip"})
    both = chat(simulator, OPENAI, stream=True, headers={"x-sim-fault": "comments, crlf, drip"})

    assert drip.body == plain.body
    assert both.objects == plain.objects


@pytest.mark.parametrize("model", ["sim-fault-slow_head-120", "sim-fault-slow_first-120", "sim-first-120"])
@pytest.mark.parametrize("stream", [False, True])
def test_slowness_is_as_long_as_asked_for(simulator: Simulator, model: str, stream: bool) -> None:
    started = time.monotonic()
    reply = chat(simulator, OPENAI, model, stream=stream)

    assert reply.ended == "whole"
    assert time.monotonic() - started >= 0.119


def test_tokens_are_spaced_by_the_delay(simulator: Simulator) -> None:
    started = time.monotonic()
    tokens = chat(simulator, OPENAI, "sim-words-20-delay-5", stream=True)

    assert tokens.ended == "whole"
    assert time.monotonic() - started >= 20 * 0.005


@pytest.mark.parametrize("stream", [False, True])
def test_lines_of_json_are_changed_as_events_are(simulator: Simulator, stream: bool) -> None:
    def last(fault: str) -> list[Any]:
        reply = chat(simulator, "/api/chat", f"sim-fault-{fault}", stream=stream)
        return [json.loads(line) for line in reply.body.splitlines()][-2:]

    assert not {"prompt_eval_count", "eval_count"} & last("no_usage")[-1].keys()
    assert last("no_finish")[-1]["done_reason"] is None
    if stream:
        assert [line.get("done_reason") for line in last("duplicate_finish")] == ["stop", "stop"]


def test_faults_add_up(simulator: Simulator) -> None:
    reply = chat(simulator, OPENAI, headers={"x-sim-fault": "slow_head=1, empty_body"})

    assert (reply.status, reply.body, reply.ended) == (200, b"", "whole")


def test_a_tool_call_that_does_not_fit_is_left_out_and_those_before_it_are_not(simulator: Simulator) -> None:
    text = {"type": "string", "minLength": 400}
    tools = [
        {"type": "function", "function": {"name": "short", "parameters": {"type": "object", "properties": {}}}},
        {
            "type": "function",
            "function": {
                "name": "long",
                "parameters": {"type": "object", "properties": {"a": text}, "required": ["a"]},
            },
        },
    ]
    asked = [{"role": "user", "content": "call short and call long"}]

    (choice,) = chat(simulator, OPENAI, messages=asked, tools=tools, max_tokens=30).json["choices"]

    assert [call["function"]["name"] for call in choice["message"]["tool_calls"]] == ["short"]

"""Streams that break off and are gone on with: one answer for the client, all parts of it in the ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from lingate._wire.json import encode
from lingate.server.costing import estimate_tokens
from lingate.simulator import Simulator
from tests.server.asking import ask, chunks, deltas, final_usage, rows
from tests.server.gateway_kit import Running, running_gateway
from tests.servers import RawServer, Script

CHAT = "/v1/chat/completions"
BROKEN = "sim-words-30-fault-cut-8"
MESSAGES = [{"role": "user", "content": "tell me"}]
PRICES = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.01}


def deployment(group: str, model: str, simulator: str, **more: Any) -> dict[str, Any]:
    """An entry of `model_list` at the simulator."""
    base = simulator if model.startswith(("anthropic/", "cohere/")) else f"{simulator}/v1"
    params = {"model": model, "api_base": base, "api_key": "sk-up", "max_retries": 0, **PRICES, **more}
    return {"model_name": group, "litellm_params": params, "model_info": {"id": f"{group}={model}"}}


def config(simulator: str, *, on: bool = True, **more: Any) -> str:
    """Groups whose first deployment breaks off; `order` says who is asked first."""
    groups = {
        "pair": [f"openai/{BROKEN}", "openai/sim-words-12"],
        "claude": [f"openai/{BROKEN}", "anthropic/claude-3-5-sonnet-words-12"],
        "thinking": ["openai/sim-words-60-fault-cut-40", "anthropic/claude-3-7-sonnet-words-12"],
        "newer": [f"openai/{BROKEN}", "anthropic/claude-opus-4-7-words-12"],
        "from-claude": ["anthropic/sim-words-30-fault-cut-12", "openai/sim-words-12"],
        "event": ["openai/sim-words-30-fault-error-event-8", "openai/sim-words-12"],
        "alone": [f"openai/{BROKEN}"],
        "with-fallback": [f"openai/{BROKEN}"],
        "other": ["cohere/sim-words-12"],
        "worse": [f"openai/{BROKEN}", "openai/sim-words-31-fault-cut-8", "openai/sim-words-32-fault-cut-8"],
        "worst": [f"openai/{BROKEN}"] * 5,
        "refused": [f"openai/{BROKEN}", "openai/sim-fault-auth"],
        "slow": [f"openai/{BROKEN}", "openai/sim-words-100-delay-40"],
        **{
            f"at-{number}": [f"openai/sim-words-10-fault-cut-{number}", "openai/sim-words-6"] for number in range(1, 16)
        },
        "tools": ["openai/sim-fault-cut-3", "openai/sim-words-12"],
    }
    entries = [
        deployment(group, model, simulator, order=at + 1)
        for group, models in groups.items()
        for at, model in enumerate(models)
    ]
    for at, entry in enumerate(entries):
        entry["model_info"]["id"] += f"#{at}"
    return json.dumps(
        {
            "model_list": entries,
            "router_settings": {"fallbacks": [{"with-fallback": ["other"]}], "disable_cooldowns": True},
            "lingate": {"continue_streams": on},
            **more,
        }
    )


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_gateway(config(simulator.url), tmp_path_factory.mktemp("continuation")) as running:
        yield running


def streamed(gateway: Running, model: str, **more: Any) -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "tell me"}], "stream": True, **more}
    return ask(gateway, CHAT, {"stream_options": {"include_usage": True}, **body})


def part(simulator: Simulator, number: int) -> str:
    """The text of an assistant's message in one of the last requests."""
    messages = simulator.requests()[number].body["messages"]
    text = next((item["content"] for item in messages if item["role"] == "assistant"), "")
    return text if isinstance(text, str) else "".join(block["text"] for block in text)


def test_the_client_sees_one_answer(gateway: Running, simulator: Simulator) -> None:
    found = streamed(gateway, "pair")

    given = chunks(found)
    assert found.text.endswith("data: [DONE]\n\n")
    assert len({chunk["id"] for chunk in given}) == 1
    assert [choice["delta"].get("role") for chunk in given for choice in chunk["choices"]].count("assistant") == 1
    reasons = [choice["finish_reason"] for chunk in given for choice in chunk["choices"] if choice["finish_reason"]]
    assert reasons == ["stop"]
    prefix = part(simulator, -1)
    assert prefix
    assert deltas(found).startswith(prefix)
    assert len(deltas(found).split()) > 12


@pytest.mark.parametrize("events", range(1, 16))
def test_wherever_it_breaks_the_answer_is_whole_and_nothing_is_twice(
    gateway: Running, simulator: Simulator, events: int
) -> None:
    before = simulator.stats()["requests"]["total"]
    found = streamed(gateway, f"at-{events}")

    asked = simulator.stats()["requests"]["total"] - before
    last = simulator.requests()[-1]
    prefix = part(simulator, -1) if asked == 2 else ""
    rest = httpx2.post(f"{simulator.url}/v1/chat/completions", json={**last.body, "stream": False}).json()
    assert asked in (1, 2)
    assert deltas(found).replace(" ", "") == (prefix + rest["choices"][0]["message"]["content"]).replace(" ", "")
    ends = [
        choice["finish_reason"] for chunk in chunks(found) for choice in chunk["choices"] if choice["finish_reason"]
    ]
    assert ends == ["stop"]
    assert found.text.endswith("[DONE]\n\n") == ("error" not in found.text)


def test_the_other_one_is_told_what_there_is_and_to_go_on(gateway: Running, simulator: Simulator) -> None:
    found = streamed(gateway, "pair")

    first, second = simulator.requests()[-2:]
    assert (first.model, second.model) == (BROKEN, "sim-words-12")
    *before, assistant, please = second.body["messages"]
    assert before == first.body["messages"]
    assert assistant["role"] == "assistant"
    assert deltas(found).startswith(assistant["content"])
    assert please["role"] == "user"
    assert "cut off" in please["content"]


def test_a_model_that_takes_the_beginning_of_its_answer_is_given_it(gateway: Running, simulator: Simulator) -> None:
    found = streamed(gateway, "claude", max_tokens=100)

    sent = simulator.requests()[-1]
    assert sent.dialect == "anthropic"
    assert sent.body["messages"][-1]["role"] == "assistant"
    assert deltas(found).startswith(part(simulator, -1))
    assert found.text.endswith("[DONE]\n\n")
    assert sent.body["max_tokens"] < 100


@pytest.mark.parametrize(("model", "more"), [("newer", {}), ("thinking", {"reasoning_effort": "low"})])
def test_a_model_that_does_not_is_asked_in_words(
    gateway: Running, simulator: Simulator, model: str, more: dict[str, Any]
) -> None:
    found = streamed(gateway, model, **more)

    assert simulator.requests()[-1].body["messages"][-1]["role"] == "user"
    assert found.text.endswith("[DONE]\n\n")


def test_a_callers_bound_is_for_all_parts_together(gateway: Running, simulator: Simulator) -> None:
    streamed(gateway, "worse", max_tokens=100)

    bounds = [request.body["max_tokens"] for request in simulator.requests()[-3:]]
    made = [estimate_tokens(len(part(simulator, number))) for number in (-2, -1)]
    assert bounds == [100, pytest.approx(100 - made[0], abs=1), pytest.approx(100 - made[1], abs=2)]
    assert made[0] + 5 < made[1]


def test_counts_and_costs_are_those_of_all_parts(gateway: Running, simulator: Simulator) -> None:
    usage = final_usage(streamed(gateway, "pair"))

    row = rows(gateway)[-1]
    first, second = simulator.requests()[-2:]
    assert usage is not None
    assert (row["prompt_tokens"], row["completion_tokens"]) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens"] > second.prompt_tokens
    assert usage["completion_tokens"] > second.completion_tokens >= 12
    assert row["cost"] == pytest.approx(0.001 * usage["prompt_tokens"] + 0.01 * usage["completion_tokens"])
    assert row["estimated"]
    assert first.completion_tokens > 0


def test_the_ledger_says_who_was_asked_and_how_often(gateway: Running) -> None:
    streamed(gateway, "pair")
    streamed(gateway, "with-fallback")

    pair, fallback = rows(gateway)[-2:]
    assert (pair["status"], pair["error"], pair["finish"], pair["attempts"], pair["fallbacks"]) == (
        200,
        None,
        "stop",
        2,
        0,
    )
    assert pair["provider_model"] == "sim-words-12"
    assert (fallback["error"], fallback["attempts"], fallback["fallbacks"]) == (None, 2, 1)
    assert fallback["provider_model"] == "sim-words-12"


def test_an_error_event_of_the_provider_is_gone_on_from_too(gateway: Running) -> None:
    found = streamed(gateway, "event")

    assert found.text.endswith("[DONE]\n\n")
    assert '"error"' not in found.text
    assert rows(gateway)[-1]["attempts"] == 2


def test_without_another_the_same_deployment_is_asked_once_more(gateway: Running, simulator: Simulator) -> None:
    before = simulator.stats()["requests"]["total"]
    found = streamed(gateway, "alone")

    assert simulator.stats()["requests"]["total"] == before + 3
    assert "stream_interrupted" in found.text
    assert "[DONE]" not in found.text


def test_another_is_asked_before_the_same_one_also_where_no_retries_are_wished(
    gateway: Running, simulator: Simulator
) -> None:
    found = streamed(gateway, "pair", num_retries=0)

    assert found.text.rstrip().endswith("data: [DONE]")
    assert [request.model for request in simulator.requests()[-2:]] == [BROKEN, "sim-words-12"]


def test_an_answer_is_gone_on_with_twice_at_most(gateway: Running, simulator: Simulator) -> None:
    before = simulator.stats()["requests"]["total"]

    found = streamed(gateway, "worst")

    assert simulator.stats()["requests"]["total"] == before + 3
    assert "[DONE]" not in found.text
    assert "stream_interrupted" in found.text
    row = rows(gateway)[-1]
    assert (row["error"], row["attempts"]) == ("stream_interrupted", 3)
    assert row["completion_tokens"] > 0
    assert row["cost"] == pytest.approx(0.001 * row["prompt_tokens"] + 0.01 * row["completion_tokens"])


def test_each_part_adds_to_what_the_next_is_given(gateway: Running, simulator: Simulator) -> None:
    found = streamed(gateway, "worse")

    first, second = part(simulator, -2), part(simulator, -1)
    assert second.startswith(first)
    assert len(second) > len(first) > 0
    assert deltas(found).startswith(second)


def test_where_nobody_has_the_rest_the_error_is_that_of_the_break(gateway: Running) -> None:
    found = streamed(gateway, "refused")

    assert "stream_interrupted" in found.text
    assert "[DONE]" not in found.text
    row = rows(gateway)[-1]
    assert (row["error"], row["attempts"]) == ("stream_interrupted", 2)
    assert row["completion_tokens"] > 0


@pytest.mark.parametrize(
    "more",
    [
        {"n": 2},
        {"logprobs": True},
        {"response_format": {"type": "json_object"}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}},
            }
        },
    ],
)
def test_an_answer_that_only_its_beginning_can_end_is_not_gone_on_with(gateway: Running, more: dict[str, Any]) -> None:
    found = streamed(gateway, "pair", **more)

    assert "[DONE]" not in found.text
    assert rows(gateway)[-1]["attempts"] == 1


def test_a_tool_call_that_has_begun_is_not_gone_on_with(gateway: Running) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "day": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "weather", "parameters": schema}}

    found = streamed(gateway, "tools", tools=[tool], tool_choice="required")

    assert "stream_interrupted" in found.text
    assert rows(gateway)[-1]["attempts"] == 1


def test_off_is_the_default_and_a_break_is_an_error(simulator: Simulator, tmp_path: Path) -> None:
    with running_gateway(config(simulator.url, on=False), tmp_path) as gateway:
        found = streamed(gateway, "pair")

        assert "stream_interrupted" in found.text
        assert "[DONE]" not in found.text
        assert rows(gateway)[-1]["attempts"] == 1


@pytest.mark.parametrize("model", ["pair", "from-claude", "with-fallback"])
def test_anthropics_client_sees_one_message(gateway: Running, model: str) -> None:
    with anthropic.Anthropic(base_url=gateway.url, api_key="any", max_retries=0) as client:
        with client.messages.stream(
            model=model, max_tokens=200, messages=[{"role": "user", "content": "tell me"}]
        ) as stream:
            events = [event.type for event in stream]
        message = stream.get_final_message()

    assert events.count("message_start") == events.count("message_stop") == 1
    assert events.count("content_block_start") == events.count("content_block_stop") == 1
    assert message.stop_reason == "end_turn"
    text = message.content[0]
    assert text.type == "text"
    assert len(text.text.split()) > 12
    assert message.usage.output_tokens == rows(gateway)[-1]["completion_tokens"]


def test_openais_client_sees_one_response(gateway: Running) -> None:
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=0) as client,
        client.responses.stream(model="from-claude", input="tell me") as stream,
    ):
        events = [event.type for event in stream]
        response = stream.get_final_response()

    assert events.count("response.created") == events.count("response.completed") == 1
    assert events.count("response.output_item.added") == 1
    assert len(response.output_text.split()) > 12


def test_a_response_that_is_passed_on_as_the_provider_says_it_is_not_gone_on_with(gateway: Running) -> None:
    found = ask(gateway, "/v1/responses", {"model": "pair", "input": "tell me", "stream": True})

    assert "response.completed" not in found.text
    assert "error" in found.text
    assert rows(gateway)[-1]["attempts"] == 1


@pytest.mark.parametrize("told", [None, {"prompt_tokens": 11, "completion_tokens": 1, "total_tokens": 12}], ids=str)
def test_counts_are_those_of_the_ledger_where_the_last_part_tells_none(
    upstream: RawServer, tmp_path: Path, told: Any
) -> None:
    said = {"model": "m", "choices": [{"index": 0, "delta": {"content": "x" * 30}}], "usage": told}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    upstream.script = Script([b"data: %s\n\n" % encode(said)], "close")
    with RawServer(Script([b"data: %s\n\n" % encode({**said, "usage": None, **end}), b"data: [DONE]\n\n"])) as other:
        entries = [deployment("it", "openai/m", server.url, order=at) for at, server in enumerate((upstream, other))]
        for at, entry in enumerate(entries):
            entry["model_info"]["id"] = str(at)
        own = {"router_settings": {"disable_cooldowns": True}, "lingate": {"continue_streams": True}}
        with running_gateway(json.dumps({"model_list": entries, **own}), tmp_path) as gateway:
            found = streamed(gateway, "it")
            last = json.loads(ask(gateway, "/api/chat", {"model": "it", "messages": MESSAGES}).text.splitlines()[-1])
            first, second = rows(gateway)

    usage = final_usage(found)
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (first["prompt_tokens"], first["completion_tokens"])
    assert (last["prompt_eval_count"], last["eval_count"]) == (second["prompt_tokens"], second["completion_tokens"])
    assert first["completion_tokens"] >= 10


def test_an_answer_of_several_parts_is_not_kept_by_the_cache(simulator: Simulator, tmp_path: Path) -> None:
    text = config(simulator.url, litellm_settings={"cache": True})
    with running_gateway(text, tmp_path) as gateway:
        told = [streamed(gateway, "pair").headers["x-lingate-cache"] for _ in range(2)]

    assert told == ["miss", "miss"]


@pytest.mark.parametrize(
    ("path", "body", "end"),
    [
        ("/v1beta/models/pair:streamGenerateContent?alt=sse", {"contents": [{"parts": [{"text": "tell me"}]}]}, "STOP"),
        ("/api/chat", {"model": "pair", "messages": [{"role": "user", "content": "tell me"}]}, '"done":true'),
    ],
)
def test_other_faces_end_as_if_nothing_had_happened(
    gateway: Running, simulator: Simulator, path: str, body: dict[str, Any], end: str
) -> None:
    found = ask(gateway, path, body)

    assert found.status_code == 200
    assert found.text.count(end) == 1
    assert '"error"' not in found.text
    assert rows(gateway)[-1]["attempts"] == 2


def test_a_client_that_leaves_in_a_later_part_pays_for_all_that_came(gateway: Running, simulator: Simulator) -> None:
    body = {"model": "slow", "messages": [{"role": "user", "content": "tell me"}], "stream": True}
    with httpx2.Client(timeout=20) as client, client.stream("POST", gateway.url + CHAT, json=body) as answer:
        seen = 0
        for line in answer.iter_lines():
            seen += line.startswith("data: ")
            if seen == 20:
                break

    deadline = time.monotonic() + 5
    while len(found := [row for row in rows(gateway) if row["model"] == "slow"]) < 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    while (last := simulator.requests()[-1]).outcome == "open" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (found[0]["status"], found[0]["attempts"]) == (499, 2)
    assert last.outcome == "disconnected"
    assert found[0]["completion_tokens"] > last.completion_tokens > 0
    assert found[0]["cost"] == pytest.approx(0.001 * found[0]["prompt_tokens"] + 0.01 * found[0]["completion_tokens"])


def test_a_ledger_that_holds_answers_holds_the_whole_one(simulator: Simulator, tmp_path: Path) -> None:
    text = json.dumps(
        {**json.loads(config(simulator.url)), "lingate": {"continue_streams": True, "ledger": {"store_prompts": True}}}
    )
    with running_gateway(text, tmp_path) as gateway:
        found = streamed(gateway, "pair")
        row = rows(gateway)[-1]

    kept = json.loads(row["body"])["response"]
    assert kept["choices"][0]["message"]["content"] == deltas(found)
    assert kept["usage"]["completion_tokens"] == row["completion_tokens"]


def test_a_completion_goes_on_from_the_longer_prompt(gateway: Running, simulator: Simulator) -> None:
    body = {"model": "pair", "prompt": "once upon a time", "stream": True, "max_tokens": 40}

    found = ask(gateway, "/v1/completions", body)

    text = "".join(chunk["choices"][0]["text"] for chunk in chunks(found) if chunk["choices"])
    prompt = simulator.requests()[-1].body["prompt"]
    assert found.text.endswith("[DONE]\n\n")
    assert prompt.startswith("once upon a time")
    assert len(prompt) > len("once upon a time")
    assert text.startswith(prompt.removeprefix("once upon a time"))


SEAMS = [
    ("", " world", " world"),
    (" ", " world", "world"),
    (" ", "world", "world"),
    ("\n", "\n\nworld", "\nworld"),
    ("\n\n", "\nworld", "world"),
    ("\n\n", "world", "world"),
    ("\n\n", "\n\n\n\nworld", "\n\nworld"),
    (", \t", " \tworld", "world"),
    (" \t", "\n world", "\n world"),
]
"""Where an answer broke off, how the next part begins, and what of that is new."""


def test_white_space_at_the_seam_is_there_once_in_whatever_pieces_it_comes(tmp_path: Path) -> None:
    def said(text: str, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
        return b"data: %s\n\n" % encode({"model": "m", "choices": [choice]})

    own = {"router_settings": {"disable_cooldowns": True}, "lingate": {"continue_streams": True}}
    with RawServer() as first, RawServer() as second:
        entries = [deployment("it", f"openai/m{at}", server.url, order=at) for at, server in enumerate((first, second))]
        with running_gateway(json.dumps({"model_list": entries, **own}), tmp_path) as gateway:
            for end, begin, kept in SEAMS:
                first.script = Script([said("Hello" + end)], "close")
                for pieces in ([begin], ["", *begin]):
                    second.script = Script([*map(said, pieces), said("", "stop"), b"data: [DONE]\n\n"])
                    assert deltas(streamed(gateway, "it")) == "Hello" + end + kept, (end, pieces)

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lingate.simulator import Simulator
from tests.simulator.wire import ANTHROPIC, OPENAI, QUESTION, TOOL_SCHEMA, ask, chat, connect, request_bytes

TOOLS = [{"type": "function", "function": {"name": "find", "parameters": TOOL_SCHEMA}}]


def test_everything_adds_up_over_many_requests(simulator: Simulator) -> None:
    models = ["sim", "sim-words-40", "sim-fault-500", "sim-fault-cut-4", "sim-fault-eof-2", "sim-fault-reset_head"]
    jobs = [(path, model, stream) for path in (OPENAI, ANTHROPIC) for model in models for stream in (False, True)] * 3
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda job: chat(simulator, job[0], job[1], stream=job[2]), jobs))

    stats, records = simulator.stats(), simulator.requests()
    requests = stats["requests"]
    assert requests["total"] == len(jobs) == len(records) == sum(stats["by_model"].values())
    assert requests["total"] == requests["complete"] + requests["dropped"]
    assert stats["by_path"] == {f"POST {OPENAI}": len(jobs) // 2, f"POST {ANTHROPIC}": len(jobs) // 2}
    assert sum(stats["by_status"].values()) == sum(reply.status is not None for reply in replies)
    assert stats["by_status"]["500"] == 12
    assert stats["bytes"]["out"] == sum(len(reply.body) for reply in replies)
    assert stats["bytes"]["in"] == sum(len(record.raw) for record in records)
    assert stats["streams"]["started"] == stats["streams"]["finished"] + stats["streams"]["aborted"]
    assert stats["in_flight"]["now"] == 0
    assert 1 <= stats["in_flight"]["max"] <= 8
    for part in ("prompt", "completion"):
        billed = stats["billed"]
        assert billed[part] == billed["completed"][part] + billed["aborted"][part]
        assert billed[part] == sum(getattr(record, f"{part}_tokens") for record in records)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fields", [{}, {"max_tokens": 3}, {"reasoning_effort": "low"}, {"tools": TOOLS}, {"n": 2}])
def test_what_is_billed_is_what_the_answer_says_it_cost(
    simulator: Simulator, stream: bool, fields: dict[str, object]
) -> None:
    reply = chat(simulator, stream=stream, stream_options={"include_usage": True}, **fields)

    usage = reply.objects[-1]["usage"] if stream else reply.json["usage"]
    billed = simulator.stats()["billed"]["completed"]
    assert billed == {
        "prompt": usage["prompt_tokens"],
        "completion": usage["completion_tokens"],
        "total": usage["total_tokens"],
    }


@pytest.mark.parametrize("stream", [False, True])
def test_anthropic_answers_are_billed_alike(simulator: Simulator, stream: bool) -> None:
    reply = chat(simulator, ANTHROPIC, stream=stream, thinking={"type": "enabled", "budget_tokens": 1024})

    usage = reply.objects[-2]["usage"] if stream else reply.json["usage"]
    billed = simulator.stats()["billed"]["completed"]
    assert (billed["prompt"], billed["completion"]) == (usage["input_tokens"], usage["output_tokens"])


def test_an_anthropic_stream_says_at_its_start_what_the_prompt_cost(simulator: Simulator) -> None:
    objects = chat(simulator, ANTHROPIC, stream=True).objects

    assert objects[0]["message"]["usage"]["input_tokens"] == objects[-2]["usage"]["input_tokens"] > 0
    assert objects[0]["message"]["usage"]["output_tokens"] == 0


@pytest.mark.parametrize("model", ["sim-fault-error_in_200", "sim-fault-empty_body", "sim-fault-html", "sim-fault-500"])
@pytest.mark.parametrize("stream", [False, True])
def test_failures_are_not_billed(simulator: Simulator, model: str, stream: bool) -> None:
    chat(simulator, OPENAI, model, stream=stream)

    assert simulator.stats()["billed"]["total"] == 0


def test_embeddings_are_billed_for_their_input(simulator: Simulator) -> None:
    reply = ask(simulator, "/v1/embeddings", {"model": "sim", "input": ["one two", "three"], "dimensions": 4})

    assert reply.json["usage"]["prompt_tokens"] == simulator.stats()["billed"]["prompt"] == 3


def test_requests_and_connections_at_the_same_time_are_counted(simulator: Simulator) -> None:
    connections = [connect(simulator) for _ in range(5)]
    for connection in connections:
        connection.sendall(request_bytes(OPENAI, {"model": "sim-fault-hang_head", "messages": QUESTION}))
    while simulator.stats()["in_flight"]["now"] < 5:
        pass
    stats = simulator.stats()
    for connection in connections:
        connection.close()

    assert stats["connections"] == {"open": 5, "max": 5, "total": 5}
    assert stats["in_flight"] == {"now": 5, "max": 5}


def test_the_page_and_the_method_say_the_same(simulator: Simulator) -> None:
    chat(simulator)
    page = ask(simulator, "/simulator/stats", method="GET").json

    own = simulator.stats()
    assert {**page, "connections": None} == {**own, "connections": None}


def test_reset_forgets_what_happened_and_keeps_what_is_open(simulator: Simulator) -> None:
    with connect(simulator) as connection:
        connection.sendall(request_bytes(OPENAI, {"model": "sim-fault-hang_head", "messages": QUESTION}))
        while simulator.stats()["in_flight"]["now"] < 1:
            pass
        simulator.reset()
        stats = simulator.stats()

    assert (stats["requests"]["total"], stats["by_model"]) == (0, {})
    assert (stats["in_flight"], stats["connections"]["open"]) == ({"now": 1, "max": 1}, 1)


def test_the_same_request_has_the_same_bytes_over_http_and_new_ids_when_asked_for(simulator: Simulator) -> None:
    assert chat(simulator, stream=True).body == chat(simulator, stream=True).body
    assert chat(simulator, tools=TOOLS).body == chat(simulator, tools=TOOLS).body

    ids = {chat(simulator, headers={"x-sim-unique": "yes"}).json["id"] for _ in range(3)}
    assert len(ids) == 3


def test_a_long_prompt_is_cached_the_second_time_and_not_after_a_reset(simulator: Simulator) -> None:
    long = [{"role": "user", "content": "word " * 1500}]

    def cached() -> int:
        reply = chat(simulator, messages=long)
        found: int = reply.json["usage"]["prompt_tokens_details"]["cached_tokens"]
        return found

    assert cached() == 0
    assert cached() >= 1024
    simulator.reset()
    assert cached() == 0


def test_reading_while_writing_is_safe(simulator: Simulator) -> None:
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                simulator.stats()
                simulator.requests()
        except BaseException as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        chat(simulator, stream=True)
    stop.set()
    reader.join()

    assert failures == []

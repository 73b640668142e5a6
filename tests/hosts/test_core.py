"""What several hosts need of the core, at providers of four wire formats over real HTTP."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lingate
from lingate.simulator import Simulator

MODELS = ["openai/sim-large", "anthropic/sim-large", "cohere/sim-large", "ollama/sim-large"]
TOOL = {
    "type": "function",
    "strict": True,
    "function": {
        "name": "look_up",
        "description": "Look something up.",
        "parameters": {
            "type": "object",
            "properties": {"word": {"type": "string"}},
            "required": ["word"],
            "additionalProperties": False,
        },
    },
}
HISTORY: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "look up walrus"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"word": "walrus"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "name": "look_up", "content": "an animal"},
    {"role": "assistant", "content": []},
    {"role": "user", "content": "and now?"},
    {"role": "system", "content": "Sum it up."},
]

every_format = pytest.mark.parametrize("model", MODELS)


@pytest.fixture
def client(simulator: Simulator) -> lingate.Lingate:
    """A client whose providers are all the simulator."""
    bases = {
        "openai": f"{simulator.url}/v1",
        "anthropic": simulator.url,
        "cohere": simulator.url,
        "ollama": simulator.url,
    }
    settings = {name: {"api_base": base, "api_key": "k"} for name, base in bases.items()}
    return lingate.Lingate({"providers": settings, "drop_params": True}, env={})


@every_format
@pytest.mark.requirement("X1")
def test_an_answer_with_tool_calls_ends_with_tool_calls_also_in_the_last_chunk(
    client: lingate.Lingate, model: str
) -> None:
    ask = "look up walrus"

    whole = client.chat(model, ask, tools=[TOOL])
    reasons = [
        chunk.choices[0].finish_reason for chunk in client.chat(model, ask, tools=[TOOL], stream=True) if chunk.choices
    ]

    assert whole.tool_calls
    assert whole.finish_reason == "tool_calls"
    assert [reason for reason in reasons if reason] == ["tool_calls"]
    assert reasons[-1] == "tool_calls"


@every_format
@pytest.mark.requirement("X2")
def test_text_calls_and_counts_of_an_answer_have_their_types(client: lingate.Lingate, model: str) -> None:
    answer = client.chat(model, "look up walrus", tools=[TOOL])

    assert isinstance(answer.text, str)
    assert isinstance(answer.tool_calls, list)
    assert isinstance(answer.finish_reason, str)
    assert answer.usage is not None
    assert isinstance(answer.usage.total_tokens, int)
    assert isinstance(json.loads(answer.tool_calls[0].function.arguments), dict)


@every_format
@pytest.mark.requirement("X5")
def test_an_empty_list_of_tools_and_a_null_stop_do_not_reach_the_wire(
    client: lingate.Lingate, model: str, simulator: Simulator
) -> None:
    client.chat(model, "hi", tools=[], stop=None)

    assert not {"tools", "tool_choice", "stop", "stop_sequences"} & set(simulator.requests()[-1].body)


@every_format
@pytest.mark.requirement("X6")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_history_of_tools_without_tools_and_with_late_systems_and_empty_turns_is_answered(
    client: lingate.Lingate, model: str, stream: bool, simulator: Simulator
) -> None:
    given = json.loads(json.dumps(HISTORY))

    if stream:
        text = "".join(chunk.text for chunk in client.chat(model, given, stream=True))
    else:
        text = client.chat(model, given).text

    assert text
    assert given == HISTORY
    sent = json.dumps(simulator.requests()[-1].body)
    assert all(words in sent for words in ("Be brief.", "Be kind.", "an animal", "Sum it up."))


@every_format
@pytest.mark.requirement("X9")
def test_answers_and_chunks_can_be_pickled(client: lingate.Lingate, model: str) -> None:
    answer = client.chat(model, "look up walrus", tools=[TOOL])
    chunks = list(client.chat(model, "hi", stream=True))

    assert pickle.loads(pickle.dumps(answer)).to_dict() == answer.to_dict()
    assert [chunk.to_dict() for chunk in pickle.loads(pickle.dumps(chunks))] == [chunk.to_dict() for chunk in chunks]


@every_format
@pytest.mark.requirement("X12")
def test_parameters_of_other_providers_are_accepted(client: lingate.Lingate, model: str) -> None:
    answer = client.chat(
        model,
        "look up walrus",
        tools=[TOOL],
        top_k=20,
        presence_penalty=0.5,
        stream_options={"include_usage": True},
        chat_template_kwargs={"enable_thinking": False},
    )

    assert answer.tool_calls


@every_format
@pytest.mark.requirement("X14")
@pytest.mark.parametrize("retries", [0, 2])
def test_one_call_makes_the_tries_that_were_asked_for_and_no_more(
    client: lingate.Lingate, model: str, retries: int, simulator: Simulator
) -> None:
    policy = lingate.RetryPolicy(retries=retries, base=0.001)

    with pytest.raises(lingate.errors.LingateError) as caught:
        client.chat(f"{model.partition('/')[0]}/sim-fault-503", "hi", retries=policy)

    assert len(simulator.requests()) == retries + 1
    assert len(caught.value.attempts) == retries + 1


@pytest.mark.parametrize(
    ("launcher", "missing"), [("vui", "no vui"), ("deepwiki", "no api"), ("fast_agent", "no fast_agent")]
)
def test_a_launcher_without_its_host_says_what_is_missing_in_one_line(
    launcher: str, missing: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", f"lingate.hosts.{launcher}"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 2
    assert done.stderr.startswith("lingate: MissingExtraError: ")
    assert missing in done.stderr
    assert len(done.stderr.splitlines()) == 1

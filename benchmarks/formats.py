"""A conversation of 100 KB in every wire format, both ways, without a network. Run by Lingate's interpreter; prints one
JSON line.

Encoding makes the request for the provider, decoding is a server's reading of that very body. The rounds are
interleaved, so that each format's figure of a round has OpenAI chat's beside it. `--quick` takes fewer of them.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.exchange import ANSWER
from lingate._dialects._base import dialect
from lingate._model import Call, ProviderRow, Target
from lingate._wire.json import decode, encode

FORMATS = ("openai_chat", "anthropic", "gemini", "openai_responses", "bedrock_converse", "cohere", "ollama")
FLOOR = "JSON alone"
"""The row of what the JSON library takes for OpenAI chat's body."""

_BYTES = 100_000
_MODEL = "model-1"


def main() -> None:
    rounds, seconds = (3, 0.005) if "--quick" in sys.argv else (41, 0.01)
    steps = steps_of(conversation())
    found: dict[str, dict[str, Any]] = {
        name: {"bytes": size, "encode": [], "decode": []} for name, (size, *_) in steps.items()
    }
    for _ in range(rounds):
        for name, (_, encoding, decoding) in steps.items():
            found[name]["encode"].append(_time(encoding, seconds))
            found[name]["decode"].append(_time(decoding, seconds))
    print(json.dumps(found))


def conversation() -> dict[str, Any]:
    """An agent's history: instructions, a picture, then a question, a tool call, its result and an answer, over and over."""
    picture = base64.b64encode(bytes(range(256)) * 24).decode()
    asked = [
        {"type": "text", "text": "What is in this picture?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}},
    ]
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": ANSWER},
        {"role": "user", "content": asked},
        {"role": "assistant", "content": ANSWER},
    ]
    size, turn = len(picture), 0
    while size < _BYTES:
        messages += _turn(turn)
        size += sum(len(json.dumps(message)) for message in messages[-4:])
        turn += 1
    messages.append({"role": "user", "content": "Go on."})
    return {"messages": messages, "tools": [_TOOL], "max_tokens": 1000, "temperature": 0.2}


def _turn(number: int) -> list[dict[str, Any]]:
    arguments = json.dumps({"path": f"src/part_{number}.py", "first_line": 1, "last_line": 80})
    call = {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": "read_file", "arguments": arguments},
    }
    lines = f"def part_{number}():\n    return 'ü'\n" * 30
    return [
        {"role": "user", "content": f"{number}. {ANSWER}"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": lines},
        {"role": "assistant", "content": f"Part {number}: {ANSWER}"},
    ]


_TOOL = {
    "type": "function",
    "function": {
        "name": "read_file",
        "description": "Read lines of a file.",
        "parameters": {
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "first_line": {"type": "integer"},
                "last_line": {"type": "integer"},
            },
            "required": ["path"],
        },
    },
}


def steps_of(body: dict[str, Any]) -> dict[str, tuple[int, Callable[[], object], Callable[[], object]]]:
    """Size of the wire body, encoding and decoding of each format, and of JSON alone."""
    call = Call("chat", _MODEL, body)
    steps: dict[str, tuple[int, Callable[[], object], Callable[[], object]]] = {}
    for name in FORMATS:
        form = dialect(name).operation("chat", name)
        target = Target(row=ProviderRow(name="benchmark", dialect=name), model=_MODEL, url="http://127.0.0.1/v1")
        wire = form.request(call, target).body
        messages = form.parse_call(wire, {"model": _MODEL}).body["messages"]
        if len(messages) != len(body["messages"]):
            raise ValueError(f"{name} holds {len(messages)} messages of {len(body['messages'])}")
        steps[name] = (
            len(wire),
            lambda form=form, target=target: form.request(call, target),  # type: ignore[misc]
            lambda form=form, wire=wire: form.parse_call(wire, {"model": _MODEL}),  # type: ignore[misc]
        )
    plain = encode(body)
    steps[FLOOR] = (len(plain), lambda: encode(body), lambda: decode(plain))
    return steps


def _time(work: Callable[[], object], seconds: float) -> float:
    """CPU time of one execution in microseconds."""
    work()
    start = time.process_time()
    count = 0
    while (spent := time.process_time() - start) < seconds:
        for _ in range(5):
            work()
        count += 5
    return spent / count * 1e6


if __name__ == "__main__":
    main()

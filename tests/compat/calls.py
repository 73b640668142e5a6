"""Calls that litellm and the drop-in both make, each told as plain values. Run by `test_same_calls.py` under two interpreters.

Arguments: the module to import (`litellm` or `lingate.compat.litellm`) and the address of a simulator.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
USER = {"role": "user", "content": "tell me about tides"}
ASKED = [USER]
SYSTEM = [{"role": "system", "content": "be brief"}, USER]
TURNS = [*SYSTEM, {"role": "assistant", "content": "they rise"}, {"role": "user", "content": "and then?"}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
}
LOOK = {"type": "function", "function": {"name": "look", "description": "Look.", "parameters": SCHEMA}}
SEND = {"type": "function", "function": {"name": "send", "parameters": {"type": "object", "properties": {}}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
RESULT = [
    USER,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "look", "arguments": '{"city": "Oslo", "days": 2}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "high at noon"},
]
PICTURE = [
    {
        "role": "user",
        "content": [{"type": "text", "text": "what is this"}, {"type": "image_url", "image_url": {"url": PIXEL}}],
    }
]
LONG = [{"role": "user", "content": "word " * 1500}]
MARKED = [
    {"role": "user", "content": [{"type": "text", "text": "word " * 1500, "cache_control": {"type": "ephemeral"}}]}
]
OPENAI, CLAUDE = "openai/gpt-4o", "anthropic/claude-sonnet-4-5"
FAULTS = "400 401 402 403 404 408 409 413 429 500 502 503 504 529 quota context content_filter html=502 malformed_json error_in_200 empty_body close_head reset_head"
CLAUDE_FAULTS = "400 401 404 429 500 529 context quota"
STREAM_FAULTS = "429 500 error_event=2 cut=3 reset=3 malformed_event=2 no_finish no_terminal no_usage empty_choices duplicate_finish comments crlf"
_VOLATILE = {"id", "created", "system_fingerprint", "created_at", "completed_at", "item_id", "call_id", "obfuscation"}


def chat(**given: Any) -> dict[str, Any]:
    return {"function": "completion", "model": OPENAI, "messages": ASKED, **given}


def fault(name: str, **given: Any) -> dict[str, Any]:
    return chat(extra_headers={"x-sim-fault": name}, **given)


def table() -> dict[str, dict[str, Any]]:
    """Every call by its name."""
    return {**_texts(), **_tools(), **_streams(), **_failures(), **_others()}


def _texts() -> dict[str, dict[str, Any]]:
    return {
        "text": chat(),
        "text awaited": chat(function="acompletion"),
        "text with a system prompt": chat(messages=SYSTEM),
        "text after turns": chat(messages=TURNS),
        "text of a bare model name": chat(model="gpt-4o-mini"),
        "text by another provider": chat(model="gpt-4o", custom_llm_provider="openai"),
        "text with parameters": chat(
            temperature=0.2, top_p=0.9, seed=7, user="u", frequency_penalty=0.1, presence_penalty=0.1
        ),
        "text that is cut": chat(max_tokens=2),
        "text that stops": chat(stop=["about"]),
        "text, two of it": chat(n=2),
        "text with probabilities": chat(logprobs=True, top_logprobs=2),
        "text with metadata": chat(metadata={"trace": "t"}),
        "text and a picture": chat(messages=PICTURE),
        "text with reasoning": chat(model="openai/o3-mini", reasoning_effort="low"),
        "text as an object": chat(response_format={"type": "json_object"}),
        "text by a schema": chat(response_format=FORMAT),
        "text that is filtered": fault("filtered"),
        "text that is empty": fault("empty_answer"),
        "text without usage": fault("no_usage"),
        "text of many words": chat(extra_headers={"x-sim-words": "60"}),
        "text from a cache": chat(messages=LONG),
        "text of claude": chat(model=CLAUDE),
        "text of claude, awaited": chat(model=CLAUDE, function="acompletion"),
        "text of claude with a system prompt": chat(model=CLAUDE, messages=SYSTEM, max_tokens=50),
        "text of claude that is cut": chat(model=CLAUDE, max_tokens=2),
        "text of claude from a cache": chat(model=CLAUDE, messages=MARKED),
        "text of claude with thinking": chat(
            model=CLAUDE, thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2048
        ),
        "text of claude and a picture": chat(model=CLAUDE, messages=PICTURE),
        "text of groq": chat(model="groq/llama-3.3-70b-versatile"),
        "text of mistral": chat(model="mistral/mistral-small-latest"),
        "text of deepseek": chat(model="deepseek/deepseek-chat"),
        "text of together": chat(model="together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        "text of openrouter": chat(model="openrouter/openai/gpt-4o"),
        "text that is made up": chat(mock_response="made up"),
    }


def _tools() -> dict[str, dict[str, Any]]:
    return {
        "tool": chat(tools=[LOOK]),
        "tool, awaited": chat(function="acompletion", tools=[LOOK]),
        "tool that is forced": chat(tools=[LOOK, SEND], tool_choice={"type": "function", "function": {"name": "send"}}),
        "tool that is required": chat(tools=[LOOK, SEND], tool_choice="required"),
        "tool that is not wanted": chat(tools=[LOOK], tool_choice="none"),
        "tools at once": chat(
            messages=[{"role": "user", "content": "both in parallel"}], tools=[LOOK, SEND], parallel_tool_calls=True
        ),
        "tool result": chat(messages=RESULT, tools=[LOOK]),
        "tool of claude": chat(model=CLAUDE, tools=[LOOK]),
        "tool of claude, forced": chat(
            model=CLAUDE, tools=[LOOK, SEND], tool_choice={"type": "function", "function": {"name": "send"}}
        ),
        "tool result of claude": chat(model=CLAUDE, messages=RESULT, tools=[LOOK]),
    }


def _streams() -> dict[str, dict[str, Any]]:
    calls = {
        "stream": chat(stream=True),
        "stream, awaited": chat(function="acompletion", stream=True),
        "stream with usage": chat(stream=True, stream_options={"include_usage": True}),
        "stream that is cut short": chat(stream=True, max_tokens=2),
        "stream of two": chat(stream=True, n=2),
        "stream of a tool": chat(stream=True, tools=[LOOK], stream_options={"include_usage": True}),
        "stream of tools at once": chat(
            stream=True, tools=[LOOK, SEND], messages=[{"role": "user", "content": "both in parallel"}]
        ),
        "stream of reasoning": chat(model="openai/o3-mini", stream=True, reasoning_effort="low"),
        "stream of claude": chat(model=CLAUDE, stream=True, stream_options={"include_usage": True}),
        "stream of claude's tool": chat(model=CLAUDE, stream=True, tools=[LOOK]),
        "stream of claude's thinking": chat(
            model=CLAUDE, stream=True, thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2048
        ),
        "stream of groq": chat(model="groq/llama-3.3-70b-versatile", stream=True),
        "stream that is made up": chat(mock_response="made up", stream=True),
    }
    return calls | {f"stream with {name}": fault(name, stream=True) for name in STREAM_FAULTS.split()}


def _failures() -> dict[str, dict[str, Any]]:
    calls = {f"failure {name}": fault(name) for name in FAULTS.split()}
    calls |= {f"failure {name} of claude": fault(name, model=CLAUDE) for name in CLAUDE_FAULTS.split()}
    return calls | {
        "failure in time": fault("slow_head=3000", timeout=0.4),
        "failure awaited": fault("429", function="acompletion"),
        "failure of an unknown provider": chat(model="no-such-provider/x", api_base=None),
        "failure of a bare name": chat(model="no-such-model", api_base=None),
        "failure without a key": chat(api_key=None),
    }


def _others() -> dict[str, dict[str, Any]]:
    embed = {"function": "embedding", "model": "openai/text-embedding-3-small"}
    return {
        "embedding": {**embed, "input": ["a b", "c"]},
        "embedding of one text": {**embed, "input": "a b"},
        "embedding of a size": {**embed, "input": ["a"], "dimensions": 3},
        "embedding, awaited": {**embed, "function": "aembedding", "input": ["a b"], "dimensions": 3},
        "embedding that fails": {**embed, "input": ["a"], "extra_headers": {"x-sim-fault": "429"}},
        "completion of a text": {
            "function": "text_completion",
            "model": "text-completion-openai/gpt-3.5-turbo-instruct",
            "prompt": "once upon",
        },
        "response": {"function": "responses", "model": OPENAI, "input": "tell me about tides"},
        "response, awaited": {"function": "aresponses", "model": OPENAI, "input": "tell me about tides"},
        "image": {"function": "image_generation", "model": "openai/dall-e-3", "prompt": "a tide"},
        "moderation": {"function": "moderation", "model": "openai/omni-moderation-latest", "input": "a tide"},
        "ranking": {
            "function": "rerank",
            "model": "cohere/rerank-v3.5",
            "query": "tide",
            "documents": ["the tide", "a cat"],
            "top_n": 2,
        },
    }


def told(litellm: Any, given: dict[str, Any], url: str) -> dict[str, Any]:
    """Make one call, and tell what came of it."""
    function = given["function"]
    root = url if given["model"].startswith(("anthropic/", "cohere/")) else f"{url}/v1"
    if given["model"].startswith("cohere/"):
        root = f"{url}/v2/rerank"
    to = {"api_base": root, "api_key": "key", "num_retries": 0, "max_retries": 0}
    options = {key: value for key, value in {**to, **given}.items() if key != "function" and value is not None}
    if function in ("moderation", "rerank"):
        options = {key: value for key, value in options.items() if not key.endswith("retries")}
    call: Callable[..., Any] = getattr(litellm, function)
    pieces: list[Any] = []
    try:
        if function.startswith("a"):
            answer = asyncio.run(_awaited(call, options, pieces))
        else:
            answer = call(**options)
            if options.get("stream"):
                pieces.extend(answer)
    except Exception as error:  # what is raised is what is compared
        return {"error": _error(error), **({"pieces": _pieces(pieces)} if given.get("stream") else {})}
    if options.get("stream"):
        built = litellm.stream_chunk_builder(pieces, messages=given["messages"])
        return {"pieces": _pieces(pieces), "built": _answer(built)}
    return {"answer": _answer(answer), "kinds": _kinds(answer), "cost": _cost(answer)}


async def _awaited(call: Callable[..., Any], options: dict[str, Any], pieces: list[Any]) -> Any:
    answer = await call(**options)
    if options.get("stream"):
        async for piece in answer:
            pieces.append(piece)
    return answer


def _error(error: Exception) -> dict[str, Any]:
    classes = [cls.__name__ for cls in type(error).__mro__ if cls.__module__.startswith("openai") or cls is Exception]
    return {
        "class": type(error).__name__,
        "above": classes,
        "status": getattr(error, "status_code", None),
        "provider": getattr(error, "llm_provider", None),
        "model": getattr(error, "model", None),
    }


def _pieces(pieces: list[Any]) -> dict[str, Any]:
    """What a stream came to, choice by choice: how it was cut is the provider's business."""
    found: dict[str, Any] = {"class": sorted({type(piece).__name__ for piece in pieces}), "usage": []}
    for piece in pieces:
        usage = getattr(piece, "usage", None)
        if usage is not None:
            found["usage"].append([usage.prompt_tokens, usage.completion_tokens, usage.total_tokens])
        for choice in piece.choices:
            one = found.setdefault(f"choice {choice.index}", {"text": "", "reasoning": "", "tools": {}, "ends": []})
            one["text"] += choice.delta.content or ""
            one["reasoning"] += getattr(choice.delta, "reasoning_content", None) or ""
            for call in choice.delta.tool_calls or ():
                tool = one["tools"].setdefault(str(call.index), {"name": "", "arguments": ""})
                tool["name"] += call.function.name or ""
                tool["arguments"] += call.function.arguments or ""
            if choice.finish_reason:
                one["ends"].append(choice.finish_reason)
    return dict(_bare(found))


def _answer(answer: Any) -> Any:
    """The whole answer as its own `model_dump` has it, without ids, times and what is not there."""
    return _bare(answer.model_dump() if hasattr(answer, "model_dump") else answer)


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _names(item) if key == "arguments" else _bare(item)
            for key, item in value.items()
            if key not in _VOLATILE and item not in (None, [], {}, "")
        }
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(item, float) for item in value):
            return [f"{len(value)} numbers", round(sum(value), 4)]
        return [_bare(item) for item in value]
    if hasattr(value, "model_dump"):
        return _bare(value.model_dump())
    return round(value, 9) if isinstance(value, float) else value


def _names(arguments: str) -> list[str]:
    """The names of a tool's arguments: the simulator makes their values from the bytes that it was sent, order included."""
    return sorted(json.loads(arguments))


def _kinds(answer: Any) -> list[str]:
    """Names of the classes of an answer and its parts, where code is known to look at them."""
    found = [type(answer).__name__]
    choices = getattr(answer, "choices", None)
    if choices:
        first = choices[0]
        found += [type(first).__name__, type(getattr(first, "message", None)).__name__, type(answer.usage).__name__]
        for call in getattr(getattr(first, "message", None), "tool_calls", None) or ():
            found += [type(call).__name__, type(call.function).__name__]
    return found


def _cost(answer: Any) -> float | None:
    cost = (getattr(answer, "_hidden_params", None) or {}).get("response_cost")
    return None if cost is None else round(cost, 9)


def main() -> None:
    litellm = importlib.import_module(sys.argv[1])
    litellm.suppress_debug_info = True
    wanted = sys.argv[3:]
    calls = {name: given for name, given in table().items() if not wanted or name in wanted}
    found = {name: told(litellm, given, sys.argv[2]) for name, given in calls.items()}
    sys.stdout.write("\n" + json.dumps(found))


if __name__ == "__main__":
    main()

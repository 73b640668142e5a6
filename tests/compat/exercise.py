"""What both libraries are asked, and what they answer, as JSON. Run by `test_side_by_side.py` under two interpreters.

Arguments: the module to import (`litellm` or `lingate.compat.litellm`) and the address of a simulator.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

ASKED = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
FAULTS = [
    "rate_limit",
    "quota",
    "auth",
    "permission",
    "not_found",
    "context",
    "content_filter",
    "bad_request",
    "server_error",
    "unavailable",
    "overloaded",
]


def answers(litellm: Any, to: dict[str, Any]) -> dict[str, Any]:
    whole = litellm.completion("openai/gpt-4o", ASKED, **to)
    tools = litellm.completion("openai/gpt-4o", ASKED, tools=[TOOL], **to)
    chunks = list(litellm.completion("openai/gpt-4o", ASKED, stream=True, stream_options={"include_usage": True}, **to))
    built = litellm.stream_chunk_builder(chunks, messages=ASKED)
    vectors = litellm.embedding("openai/text-embedding-3-small", ["a", "b"], dimensions=3, **to)
    calls = tools.choices[0].message.tool_calls
    awaited = asyncio.run(litellm.acompletion("openai/gpt-4o", ASKED, **to))
    return {
        "content": whole.choices[0].message.content,
        "item": whole["choices"][0]["message"]["content"],
        "get": whole.get("model"),
        "absent": whole.get("nothing", "default"),
        "in": "choices" in whole,
        "usage": [whole.usage.prompt_tokens, whole.usage.completion_tokens, whole["usage"]["total_tokens"]],
        "class": [type(whole).__name__, type(whole.choices[0]).__name__, type(whole.choices[0].message).__name__],
        "json": sorted(whole.json()),
        "dump": sorted(whole.model_dump()["choices"][0]["message"]),
        "cost": whole._hidden_params["response_cost"],
        "provider": whole._hidden_params["custom_llm_provider"],
        "has_reasoning": hasattr(whole.choices[0].message, "reasoning_content"),
        "tool_calls": [
            [type(call).__name__, call.type, call.function.name, call["function"]["arguments"]] for call in calls
        ],
        "tool_finish": tools.choices[0].finish_reason,
        "tool_content": tools.choices[0].message.content,
        "stream_text": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
        "stream_finish": [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason],
        "stream_usage": [chunk.usage.total_tokens for chunk in chunks if getattr(chunk, "usage", None)],
        "stream_class": type(chunks[0]).__name__,
        "built": [built.choices[0].message.content, built.choices[0].finish_reason, built.usage.total_tokens],
        "vectors": [len(vectors.data), len(vectors.data[0]["embedding"]), vectors.usage.prompt_tokens],
        "awaited": awaited.choices[0].message.content,
    }


def failures(litellm: Any, to: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for fault in FAULTS:
        try:
            litellm.completion("openai/gpt-4o", ASKED, extra_headers={"x-sim-fault": fault}, **to)
        except Exception as error:  # what is raised is what is compared
            classes = [cls.__name__ for cls in type(error).__mro__ if cls.__module__.startswith("openai")]
            found[fault] = [type(error).__name__, error.status_code, error.llm_provider, error.model, classes]
    return found


def told(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except Exception as error:  # as above
        return type(error).__name__


def models(litellm: Any, utils: Any) -> dict[str, Any]:
    names = [
        "gpt-4o",
        "o3-mini",
        "claude-sonnet-4-5",
        "gemini-2.5-pro",
        "groq/x",
        "azure/mine",
        "command-a-03-2025",
        "no-such",
    ]
    names += ["whisper-1", "text-embedding-3-small", "anthropic.claude-3-5-sonnet-20240620-v1:0", "ft:gpt-4o-mini:x"]
    known = ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "o3", "claude-sonnet-4-5", "gemini/gemini-2.5-flash", "gpt-3.5-turbo"]
    questions = ["function_calling", "vision", "reasoning", "response_schema", "prompt_caching"]
    return {
        "provider": {name: told(lambda name=name: list(litellm.get_llm_provider(name)[:2])) for name in names},
        "max": {name: told(lambda name=name: litellm.get_max_tokens(name)) for name in known},
        "window": {name: told(lambda name=name: litellm.get_model_info(name)["max_input_tokens"]) for name in known},
        "supports": {
            name: [bool(getattr(utils, f"supports_{question}")(name)) for question in questions] for name in known
        },
        "price": {name: told(lambda name=name: litellm.cost_per_token(name, 1000, 100)) for name in known},
        "unknown_info": told(lambda: litellm.get_model_info("no-such-model-at-all")),
        "unknown_supports": told(lambda: litellm.supports_vision("no-such-model-at-all")),
        "environment": litellm.validate_environment("groq/x"),
    }


def together(litellm: Any, utils: Any, to: dict[str, Any]) -> dict[str, Any]:
    words = "one two three four five six seven eight nine ten " * 20
    said = [
        {"role": role, "content": text} for role, text in (("user", words), ("assistant", "first"), ("user", "and"))
    ]
    asked = [{"role": "system", "content": "be brief"}, said[0], {"role": "system", "content": "be kind"}, *said[1:]]
    trimmed = {
        "what fits": utils.trim_messages(asked, "gpt-4o"),
        "the newest": utils.trim_messages(asked, "gpt-4o", max_tokens=50),
        "one that is cut": utils.trim_messages(said[:1], "gpt-4o", max_tokens=60),
        "of nobody's model": utils.trim_messages(asked, "no-such"),
    }
    models = ["no-such", "openai/gpt-4o", "openai/gpt-4o-mini"]
    return {
        "trimmed": {name: [item["role"] for item in found] for name, found in trimmed.items()},
        "system": trimmed["the newest"][0]["content"],
        "cut": [".." in item["content"] for item in (*trimmed["the newest"], *trimmed["one that is cut"])],
        "all": [
            answer.choices[0].message.content
            for answer in litellm.batch_completion_models_all_responses(models=models, messages=ASKED, **to)
        ],
        "provider": [litellm.LlmProviders.OPENAI.value, litellm.LlmProviders("vertex_ai").name],
    }


def main() -> None:
    litellm = importlib.import_module(sys.argv[1])
    utils = importlib.import_module(f"{sys.argv[1]}.utils")
    litellm.suppress_debug_info = True
    to = {"api_base": f"{sys.argv[2]}/v1", "api_key": "key", "num_retries": 0, "max_retries": 0}
    found = {"answers": answers(litellm, to), "failures": failures(litellm, to), "models": models(litellm, utils)}
    found["together"] = together(litellm, utils, to)
    sys.stdout.write("\n" + json.dumps(found))


if __name__ == "__main__":
    main()

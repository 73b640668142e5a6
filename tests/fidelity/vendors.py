"""The vendors' own packages as chat clients of one shape: each asks in its own words, over HTTP, and tells what it read.

A package that is not installed skips the tests that need it.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

TOOL = "find"
DESCRIBED = "Finds something."
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


@dataclass
class Said:
    """What a package read in an answer.

    Attributes:
        text: Of the answer.
        thoughts: Reasoning that was shown.
        calls: Names and arguments of tool calls.
        ended: The format's own word for why the answer ended.
        counts: Tokens of the prompt and of the answer.
        turn: The answer as the package keeps it for the next request.
    """

    text: str = ""
    thoughts: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ended: str = ""
    counts: tuple[int, int] = (0, 0)
    turn: list[Any] = field(default_factory=list)


class Vendor(ABC):
    """One package, at one address. `ended` are its words for a plain end and for tool calls."""

    package: str
    ended: tuple[str, str]

    def __init__(self, url: str) -> None:
        pytest.importorskip(self.package)
        self.url = url
        self.client: Any = self.connect()

    @abstractmethod
    def connect(self) -> Any:
        """The package's client."""

    @abstractmethod
    def ask(self, history: list[Any], model: str, stream: bool, tools: bool = False, think: bool = False) -> Said:
        """Ask for the next answer."""

    def user(self, text: str) -> list[Any]:
        """A user's message."""
        return [{"role": "user", "content": text}]

    @abstractmethod
    def results(self, said: Said, texts: list[str]) -> list[Any]:
        """What the tools answered to the calls of the last answer, in order."""

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()


_FUNCTION = {"type": "function", "function": {"name": TOOL, "description": DESCRIBED, "parameters": SCHEMA}}


class OpenAIChat(Vendor):
    package = "openai"
    ended = ("stop", "tool_calls")

    def connect(self) -> Any:
        import openai

        return openai.OpenAI(base_url=f"{self.url}/v1", api_key="k", max_retries=0)

    def ask(self, history: list[Any], model: str, stream: bool, tools: bool = False, think: bool = False) -> Said:
        asked: dict[str, Any] = {"model": model, "messages": history}
        asked |= {"tools": [_FUNCTION]} if tools else {}
        asked |= {"reasoning_effort": "low"} if think else {}
        if stream:
            with self.client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as opened:
                made = opened.get_final_completion()
        else:
            made = self.client.chat.completions.create(**asked)
        (choice,) = made.choices
        message = choice.message
        return Said(
            message.content or "",
            getattr(message, "reasoning_content", None) or "",
            [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()],
            choice.finish_reason,
            (made.usage.prompt_tokens, made.usage.completion_tokens),
            [message],
        )

    def results(self, said: Said, texts: list[str]) -> list[Any]:
        calls = said.turn[0].tool_calls
        return [
            {"role": "tool", "tool_call_id": call.id, "content": text} for call, text in zip(calls, texts, strict=True)
        ]


class OpenAIResponses(Vendor):
    package = "openai"
    ended = ("completed", "completed")

    def connect(self) -> Any:
        import openai

        return openai.OpenAI(base_url=f"{self.url}/v1", api_key="k", max_retries=0)

    def ask(self, history: list[Any], model: str, stream: bool, tools: bool = False, think: bool = False) -> Said:
        asked: dict[str, Any] = {"model": model, "input": history, "store": False}
        if tools:
            asked["tools"] = [{"type": "function", "name": TOOL, "parameters": SCHEMA, "strict": False}]
        if think:
            asked |= {"reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"]}
        if stream:
            with self.client.responses.stream(**asked) as opened:
                made = opened.get_final_response()
        else:
            made = self.client.responses.create(**asked)
        calls = [item for item in made.output if item.type == "function_call"]
        reasons = [part.text for item in made.output if item.type == "reasoning" for part in item.summary]
        return Said(
            made.output_text,
            "".join(reasons),
            [(call.name, json.loads(call.arguments)) for call in calls],
            made.status,
            (made.usage.input_tokens, made.usage.output_tokens),
            [item.to_dict() for item in made.output],
        )

    def results(self, said: Said, texts: list[str]) -> list[Any]:
        calls = [item for item in said.turn if item["type"] == "function_call"]
        return [
            {"type": "function_call_output", "call_id": call["call_id"], "output": text}
            for call, text in zip(calls, texts, strict=True)
        ]


class Anthropic(Vendor):
    package = "anthropic"
    ended = ("end_turn", "tool_use")

    def connect(self) -> Any:
        import anthropic

        return anthropic.Anthropic(base_url=self.url, api_key="k", max_retries=0)

    def ask(self, history: list[Any], model: str, stream: bool, tools: bool = False, think: bool = False) -> Said:
        asked: dict[str, Any] = {"model": model, "max_tokens": 4000, "messages": history}
        asked |= {"tools": [{"name": TOOL, "description": DESCRIBED, "input_schema": SCHEMA}]} if tools else {}
        asked |= {"thinking": {"type": "enabled", "budget_tokens": 1024}} if think else {}
        if stream:
            with self.client.messages.stream(**asked) as opened:
                made = opened.get_final_message()
        else:
            made = self.client.messages.create(**asked)
        blocks = [block.to_dict() for block in made.content]
        return Said(
            "".join(block["text"] for block in blocks if block["type"] == "text"),
            "".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
            [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"],
            made.stop_reason,
            (made.usage.input_tokens, made.usage.output_tokens),
            [{"role": "assistant", "content": made.content}],
        )

    def results(self, said: Said, texts: list[str]) -> list[Any]:
        calls = [block for block in said.turn[0]["content"] if block.type == "tool_use"]
        content = [
            {"type": "tool_result", "tool_use_id": call.id, "content": text}
            for call, text in zip(calls, texts, strict=True)
        ]
        return [{"role": "user", "content": content}]


class Gemini(Vendor):
    package = "google.genai"
    ended = ("STOP", "STOP")

    def connect(self) -> Any:
        from google import genai

        return genai.Client(api_key="k", http_options=genai.types.HttpOptions(base_url=self.url))

    def ask(self, history: list[Any], model: str, stream: bool, tools: bool = False, think: bool = False) -> Said:
        from google.genai import types

        settings: dict[str, Any] = {"automatic_function_calling": {"disable": True}}
        if tools:
            declared = {"name": TOOL, "description": DESCRIBED, "parameters_json_schema": SCHEMA}
            settings["tools"] = [{"function_declarations": [declared]}]
        if think:
            settings["thinking_config"] = {"include_thoughts": True, "thinking_level": "low"}
        asked = {"model": model, "contents": history, "config": types.GenerateContentConfig(**settings)}
        if stream:
            events = list(self.client.models.generate_content_stream(**asked))
        else:
            events = [self.client.models.generate_content(**asked)]
        contents = [e.candidates[0].content for e in events if e.candidates and e.candidates[0].content.parts]
        parts = [part for content in contents for part in content.parts]
        last = events[-1]
        return Said(
            "".join(part.text for part in parts if part.text and not part.thought),
            "".join(part.text for part in parts if part.text and part.thought),
            [(part.function_call.name, part.function_call.args) for part in parts if part.function_call],
            last.candidates[0].finish_reason.value,
            (
                last.usage_metadata.prompt_token_count,
                (last.usage_metadata.candidates_token_count or 0) + (last.usage_metadata.thoughts_token_count or 0),
            ),
            contents,
        )

    def user(self, text: str) -> list[Any]:
        return [{"role": "user", "parts": [{"text": text}]}]

    def results(self, said: Said, texts: list[str]) -> list[Any]:
        calls = [part.function_call for content in said.turn for part in content.parts if part.function_call]
        parts = [
            {"function_response": {"id": call.id, "name": call.name, "response": {"result": text}}}
            for call, text in zip(calls, texts, strict=True)
        ]
        return [{"role": "user", "parts": parts}]


class Bedrock(Vendor):
    package = "boto3"
    ended = ("end_turn", "tool_use")

    def connect(self) -> Any:
        from tests.aws import client

        return client("bedrock-runtime", self.url)

    def ask(self, history: list[Any], model: str, stream: bool, tools: bool = False, think: bool = False) -> Said:
        asked: dict[str, Any] = {"modelId": model, "messages": history}
        if tools:
            spec = {"name": TOOL, "description": DESCRIBED, "inputSchema": {"json": SCHEMA}}
            asked["toolConfig"] = {"tools": [{"toolSpec": spec}]}
        if think:
            asked["additionalModelRequestFields"] = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
        if stream:
            made = self._added_up(self.client.converse_stream(**asked)["stream"])
        else:
            made = self.client.converse(**asked)
        message = made["output"]["message"]
        blocks = message["content"]
        reasons = [
            block["reasoningContent"]["reasoningText"]["text"] for block in blocks if "reasoningContent" in block
        ]
        return Said(
            "".join(block["text"] for block in blocks if "text" in block),
            "".join(reasons),
            [(block["toolUse"]["name"], block["toolUse"]["input"]) for block in blocks if "toolUse" in block],
            made["stopReason"],
            (made["usage"]["inputTokens"], made["usage"]["outputTokens"]),
            [message],
        )

    def _added_up(self, events: Iterable[Any]) -> dict[str, Any]:
        """boto3 leaves this to its users."""
        blocks: dict[int, dict[str, Any]] = {}
        made: dict[str, Any] = {}
        for event in events:
            ((kind, told),) = event.items()
            if kind == "contentBlockStart":
                blocks[told["contentBlockIndex"]] = {"toolUse": {**told["start"]["toolUse"], "input": ""}}
            elif kind == "contentBlockDelta":
                block, delta = blocks.setdefault(told["contentBlockIndex"], {}), told["delta"]
                if "text" in delta:
                    block["text"] = block.get("text", "") + delta["text"]
                elif "toolUse" in delta:
                    block["toolUse"]["input"] += delta["toolUse"]["input"]
                else:
                    inner = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"]
                    inner["text"] += delta["reasoningContent"].get("text", "")
                    inner |= {k: v for k, v in delta["reasoningContent"].items() if k == "signature"}
            elif kind in ("messageStop", "metadata"):
                made |= told
        for block in blocks.values():
            if "toolUse" in block:
                block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
        content = [blocks[index] for index in sorted(blocks)]
        return {**made, "output": {"message": {"role": "assistant", "content": content}}}

    def user(self, text: str) -> list[Any]:
        return [{"role": "user", "content": [{"text": text}]}]

    def results(self, said: Said, texts: list[str]) -> list[Any]:
        calls = [block["toolUse"] for block in said.turn[0]["content"] if "toolUse" in block]
        content = [
            {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": text}]}}
            for call, text in zip(calls, texts, strict=True)
        ]
        return [{"role": "user", "content": content}]


class Cohere(Vendor):
    package = "cohere"
    ended = ("COMPLETE", "TOOL_CALL")

    def connect(self) -> Any:
        import cohere

        return cohere.ClientV2("k", base_url=self.url, timeout=10)

    def ask(self, history: list[Any], model: str, stream: bool, tools: bool = False, think: bool = False) -> Said:
        asked: dict[str, Any] = {"model": model, "messages": history}
        asked |= {"tools": [_FUNCTION]} if tools else {}
        asked |= {"thinking": {"type": "enabled"}} if think else {}
        if stream:
            message, ended, usage = self._added_up(self.client.chat_stream(**asked))
        else:
            made = self.client.chat(**asked)
            message, ended, usage = made.message.dict(), made.finish_reason, made.usage
        content = message.get("content") or ()
        calls = message.get("tool_calls") or ()
        return Said(
            "".join(part.get("text") or "" for part in content),
            "".join(part.get("thinking") or "" for part in content) + (message.get("tool_plan") or ""),
            [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls],
            ended,
            (usage.tokens.input_tokens, usage.tokens.output_tokens),
            [{name: value for name, value in message.items() if value is not None}],
        )

    def _added_up(self, events: Iterable[Any]) -> tuple[dict[str, Any], str, Any]:
        """The package leaves this to its users."""
        content: dict[int, dict[str, Any]] = {}
        calls: dict[int, dict[str, Any]] = {}
        message: dict[str, Any] = {"role": "assistant", "tool_plan": ""}
        for event in events:
            told = getattr(getattr(event, "delta", None), "message", None)
            if event.type == "content-start":
                content[event.index] = {"type": told.content.type}
            elif event.type == "content-delta":
                part = content[event.index]
                for name in ("text", "thinking"):
                    if piece := getattr(told.content, name, None):
                        part[name] = part.get(name, "") + piece
            elif event.type == "tool-plan-delta":
                message["tool_plan"] += told.tool_plan
            elif event.type == "tool-call-start":
                calls[event.index] = told.tool_calls.dict()
            elif event.type == "tool-call-delta":
                calls[event.index]["function"]["arguments"] += told.tool_calls.function.arguments
        message["content"] = [content[index] for index in sorted(content)]
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
        return {k: v for k, v in message.items() if v}, event.delta.finish_reason, event.delta.usage

    def results(self, said: Said, texts: list[str]) -> list[Any]:
        return [
            {"role": "tool", "tool_call_id": call["id"], "content": text}
            for call, text in zip(said.turn[0]["tool_calls"], texts, strict=True)
        ]

    def close(self) -> None:
        self.client.__exit__(None, None, None)


class Ollama(Vendor):
    package = "ollama"
    ended = ("stop", "stop")

    def connect(self) -> Any:
        import ollama

        return ollama.Client(host=self.url)

    def ask(self, history: list[Any], model: str, stream: bool, tools: bool = False, think: bool = False) -> Said:
        asked: dict[str, Any] = {"model": model, "messages": history, "stream": stream}
        asked |= {"tools": [_FUNCTION]} if tools else {}
        asked |= {"think": True} if think else {}
        lines = list(self.client.chat(**asked)) if stream else [self.client.chat(**asked)]
        calls = [call for line in lines for call in line.message.tool_calls or ()]
        text = "".join(line.message.content or "" for line in lines)
        thoughts = "".join(line.message.thinking or "" for line in lines)
        turn = {"role": "assistant", "content": text, "thinking": thoughts, "tool_calls": calls}
        return Said(
            text,
            thoughts,
            [(call.function.name, dict(call.function.arguments)) for call in calls],
            lines[-1].done_reason,
            (lines[-1].prompt_eval_count, lines[-1].eval_count),
            [turn],
        )

    def results(self, said: Said, texts: list[str]) -> list[Any]:
        calls = said.turn[0]["tool_calls"]
        return [
            {"role": "tool", "tool_name": call.function.name, "content": text}
            for call, text in zip(calls, texts, strict=True)
        ]


VENDORS: dict[str, type[Vendor]] = {
    "openai chat": OpenAIChat,
    "openai responses": OpenAIResponses,
    "anthropic": Anthropic,
    "google-genai": Gemini,
    "boto3": Bedrock,
    "cohere": Cohere,
    "ollama": Ollama,
}

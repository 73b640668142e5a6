"""The conversation that goes through every pair of formats, in canonical words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

JsonDict = dict[str, Any]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@dataclass(frozen=True)
class Talk:
    """What a client says in its second turn, after it has run the two tools that it was asked to run.

    A client of any format can say all of it but for what its format has no words for.
    """

    model: str = "model-1"
    system: str = "Answer in one short sentence."
    question: str = "Is this Paris? And what is the weather there and in Rome?"
    image: tuple[str, str] = ("image/png", PIXEL)
    tool: str = "get_weather"
    described: str = "The weather in a city."
    parameters: JsonDict = field(
        default_factory=lambda: {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Name of the city."}},
            "required": ["city"],
        }
    )
    results: tuple[str, ...] = ("sunny, 21", "rain, 15")
    follow_up: str = "Put it into the form."
    schema: JsonDict = field(
        default_factory=lambda: {
            "type": "object",
            "properties": {"paris": {"type": "string"}, "rome": {"type": "string"}},
            "required": ["paris", "rome"],
            "additionalProperties": False,
        }
    )
    temperature: float = 0.5
    max_tokens: int = 500
    stop: tuple[str, ...] = ("THE END", "STOP")
    stream: bool = False


def canonical(talk: Talk, turn: JsonDict) -> JsonDict:
    """The request as the canonical form has it.

    Args:
        talk: What is said.
        turn: The assistant's message in canonical form, with as many calls as there are results.
    """
    media_type, data = talk.image
    return {
        "messages": [
            {"role": "system", "content": talk.system},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": talk.question},
                    {"type": "image_url", "image_url": {"url": f"data:{media_type};base64,{data}"}},
                ],
            },
            turn,
            *(
                {"role": "tool", "tool_call_id": call["id"], "content": text}
                for call, text in zip(turn.get("tool_calls") or (), talk.results, strict=False)
            ),
            {"role": "user", "content": talk.follow_up},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": talk.tool, "description": talk.described, "parameters": talk.parameters},
            }
        ],
        "response_format": {"type": "json_schema", "json_schema": {"name": "form", "schema": talk.schema}},
        "temperature": talk.temperature,
        "max_tokens": talk.max_tokens,
        "stop": list(talk.stop),
    }

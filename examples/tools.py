"""A loop with tools: the model asks for them until it can answer. Written once, for every provider."""

import json

import lingate

MODEL = "anthropic/claude-sonnet-4-6"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather in a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


def weather(city: str) -> str:
    return json.dumps({"city": city, "sky": "rain", "degrees": 7})


messages: list = [{"role": "user", "content": "Do I need an umbrella in Oslo?"}]
while True:
    answer = lingate.chat(MODEL, messages, tools=TOOLS)
    messages.append(answer.message)
    if not answer.tool_calls:
        break
    for call in answer.tool_calls:
        print("called:", call.function.name, call.function.arguments)
        result = weather(**json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
print("answer:", answer.text)

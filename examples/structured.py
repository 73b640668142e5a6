"""An answer that fits a schema. How a provider is told is Lingate's business: natively, by a tool or in the prompt."""

import lingate

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "born": {"type": "integer"}},
    "required": ["name", "born"],
    "additionalProperties": False,
}

for model in ("openai/gpt-4o-mini", "anthropic/claude-sonnet-4-6"):
    answer = lingate.chat(model, "Ada Lovelace, born 1815", response_format=PERSON)
    print(model, sorted(answer.parsed))

"""Ask a model, whole and streamed. The same two calls work for every provider: only the model's name changes."""

import lingate

MODEL = "openai/gpt-4o-mini"

answer = lingate.chat(MODEL, "Why is the sky blue?")
print(answer.text)
print("tokens:", answer.usage.total_tokens, "cost:", answer.cost)

for chunk in lingate.chat(MODEL, "And at sunset?", stream=True):
    print(chunk.text, end="", flush=True)
print()

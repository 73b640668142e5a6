"""Many questions at once, to several providers, each with a time limit of its own."""

import asyncio

import lingate

MODELS = ["openai/gpt-4o-mini", "groq/llama-3.3-70b-versatile", "mistral/mistral-small-latest"]


async def main() -> None:
    async with lingate.AsyncLingate(timeout=30) as client:
        answers = await asyncio.gather(*(client.chat(model, "Say hello.") for model in MODELS))
    for model, answer in zip(MODELS, answers, strict=True):
        print(f"{model}: {answer.text}")


asyncio.run(main())

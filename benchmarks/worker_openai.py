"""The openai package."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from benchmarks.exchange import API_KEY, MESSAGES, MODEL
from benchmarks.worker import Driver, main


class OpenAIDriver(Driver):
    def connect(self, base: str) -> Any:
        import openai

        return openai.OpenAI(api_key=API_KEY, base_url=base)

    def call(self, client: Any) -> Any:
        return client.chat.completions.create(model=MODEL, messages=MESSAGES)

    def stream(self, client: Any) -> Iterator[Any]:
        chunks: Iterator[Any] = client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
        return chunks

    async def aconnect(self, base: str) -> Any:
        import openai

        return openai.AsyncOpenAI(api_key=API_KEY, base_url=base)

    async def acall(self, client: Any) -> Any:
        return await client.chat.completions.create(model=MODEL, messages=MESSAGES)

    async def astream(self, client: Any) -> AsyncIterator[Any]:
        chunks: AsyncIterator[Any] = await client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
        return chunks


if __name__ == "__main__":
    main(OpenAIDriver())

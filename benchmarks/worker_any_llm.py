"""any-llm, with one provider object kept for all calls, its cheapest way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from benchmarks.exchange import API_KEY, MESSAGES, MODEL
from benchmarks.worker import Driver, main


class AnyLLMDriver(Driver):
    def connect(self, base: str) -> Any:
        from any_llm import AnyLLM

        return AnyLLM.create("openai", api_key=API_KEY, api_base=base)

    def call(self, client: Any) -> Any:
        return client.completion(model=MODEL, messages=MESSAGES)

    def stream(self, client: Any) -> Iterator[Any]:
        chunks: Iterator[Any] = client.completion(model=MODEL, messages=MESSAGES, stream=True)
        return chunks

    def close(self, client: Any) -> None:
        """any-llm offers no way to close a provider object."""

    async def aconnect(self, base: str) -> Any:
        return self.connect(base)

    async def acall(self, client: Any) -> Any:
        return await client.acompletion(model=MODEL, messages=MESSAGES)

    async def astream(self, client: Any) -> AsyncIterator[Any]:
        chunks: AsyncIterator[Any] = await client.acompletion(model=MODEL, messages=MESSAGES, stream=True)
        return chunks

    async def aclose(self, client: Any) -> None:
        """As above."""


if __name__ == "__main__":
    main(AnyLLMDriver())

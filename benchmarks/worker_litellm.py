"""LiteLLM's SDK: module functions, which keep their own cache of clients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

from benchmarks.exchange import API_KEY, MESSAGES, MODEL
from benchmarks.worker import Driver, main


class LiteLLMDriver(Driver):
    def connect(self, base: str) -> Any:
        import litellm

        return partial(litellm.completion, model=f"openai/{MODEL}", messages=MESSAGES, api_base=base, api_key=API_KEY)

    def call(self, client: Any) -> Any:
        return client()

    def stream(self, client: Any) -> Iterator[Any]:
        chunks: Iterator[Any] = client(stream=True)
        return chunks

    def close(self, client: Any) -> None:
        """The cached client stays: LiteLLM offers no way to close one."""

    async def aconnect(self, base: str) -> Any:
        import litellm

        return partial(litellm.acompletion, model=f"openai/{MODEL}", messages=MESSAGES, api_base=base, api_key=API_KEY)

    async def acall(self, client: Any) -> Any:
        return await client()

    async def astream(self, client: Any) -> AsyncIterator[Any]:
        chunks: AsyncIterator[Any] = await client(stream=True)
        return chunks

    async def aclose(self, client: Any) -> None:
        """The cached client stays, as above."""


if __name__ == "__main__":
    main(LiteLLMDriver())

"""Lingate, one client kept for all calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from benchmarks.exchange import API_KEY, MESSAGES, MODEL
from benchmarks.worker import Driver, main


class LingateDriver(Driver):
    def connect(self, base: str) -> Any:
        import lingate

        return lingate.Lingate(), base

    def call(self, client: Any) -> Any:
        gate, base = client
        return gate.chat(f"openai/{MODEL}", MESSAGES, api_base=base, api_key=API_KEY)

    def stream(self, client: Any) -> Iterator[Any]:
        gate, base = client
        chunks: Iterator[Any] = gate.chat(f"openai/{MODEL}", MESSAGES, api_base=base, api_key=API_KEY, stream=True)
        return chunks

    def close(self, client: Any) -> None:
        client[0].close()

    async def aconnect(self, base: str) -> Any:
        import lingate

        return lingate.AsyncLingate(), base

    async def acall(self, client: Any) -> Any:
        gate, base = client
        return await gate.chat(f"openai/{MODEL}", MESSAGES, api_base=base, api_key=API_KEY)

    async def astream(self, client: Any) -> AsyncIterator[Any]:
        gate, base = client
        chunks: AsyncIterator[Any] = await gate.chat(
            f"openai/{MODEL}", MESSAGES, api_base=base, api_key=API_KEY, stream=True
        )
        return chunks

    async def aclose(self, client: Any) -> None:
        await client[0].aclose()


if __name__ == "__main__":
    main(LingateDriver())

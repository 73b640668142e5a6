"""aisuite, one client kept for all calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from benchmarks.exchange import API_KEY, MESSAGES, MODEL
from benchmarks.worker import Driver, main


class AisuiteDriver(Driver):
    def connect(self, base: str) -> Any:
        import aisuite

        return aisuite.Client({"openai": {"api_key": API_KEY, "base_url": base}})

    def call(self, client: Any) -> Any:
        return client.chat.completions.create(model=f"openai:{MODEL}", messages=MESSAGES)

    def stream(self, client: Any) -> Iterator[Any]:
        chunks: Iterator[Any] = client.chat.completions.create(model=f"openai:{MODEL}", messages=MESSAGES, stream=True)
        return chunks

    def close(self, client: Any) -> None:
        """aisuite offers no way to close a client."""

    async def aconnect(self, base: str) -> Any:
        return self.connect(base)

    async def acall(self, client: Any) -> Any:
        return await client.chat.completions.acreate(model=f"openai:{MODEL}", messages=MESSAGES)

    async def astream(self, client: Any) -> AsyncIterator[Any]:
        chunks: AsyncIterator[Any] = await client.chat.completions.acreate(
            model=f"openai:{MODEL}", messages=MESSAGES, stream=True
        )
        return chunks

    async def aclose(self, client: Any) -> None:
        """As above."""


if __name__ == "__main__":
    main(AisuiteDriver())

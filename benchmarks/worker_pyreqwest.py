"""The floor: pyreqwest and msgspec with nothing around them, the least that a correct caller could do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from benchmarks.exchange import API_KEY, MESSAGES, MODEL
from benchmarks.worker import Driver, main

_HEADERS = {"authorization": f"Bearer {API_KEY}", "content-type": "application/json"}


class PyreqwestDriver(Driver):
    def connect(self, base: str) -> Any:
        import msgspec
        from pyreqwest.client import SyncClientBuilder

        return SyncClientBuilder().build(), f"{base}/chat/completions", msgspec.json

    def call(self, client: Any) -> Any:
        http, url, json = client
        body = json.encode({"model": MODEL, "messages": MESSAGES})
        return json.decode(http.post(url).headers(_HEADERS).body_bytes(body).build().send().bytes())

    def stream(self, client: Any) -> Iterator[Any]:
        http, url, json = client
        body = json.encode({"model": MODEL, "messages": MESSAGES, "stream": True})
        request = http.post(url).headers(_HEADERS).body_bytes(body).streamed_read_buffer_limit(0).build_streamed()
        with request as response:
            rest = b""
            while (data := response.body_reader.read_chunk()) is not None:
                *lines, rest = (rest + bytes(data)).split(b"\n\n")
                yield from (json.decode(line[6:]) for line in lines if line != b"data: [DONE]")

    def close(self, client: Any) -> None:
        client[0].close()

    async def aconnect(self, base: str) -> Any:
        import msgspec
        from pyreqwest.client import ClientBuilder

        return ClientBuilder().build(), f"{base}/chat/completions", msgspec.json

    async def acall(self, client: Any) -> Any:
        http, url, json = client
        body = json.encode({"model": MODEL, "messages": MESSAGES})
        response = await http.post(url).headers(_HEADERS).body_bytes(body).build().send()
        return json.decode(await response.bytes())

    async def astream(self, client: Any) -> AsyncIterator[Any]:
        return self._chunks(*client)

    async def _chunks(self, http: Any, url: str, json: Any) -> AsyncIterator[Any]:
        body = json.encode({"model": MODEL, "messages": MESSAGES, "stream": True})
        request = http.post(url).headers(_HEADERS).body_bytes(body).streamed_read_buffer_limit(0).build_streamed()
        async with request as response:
            rest = b""
            while (data := await response.body_reader.read_chunk()) is not None:
                *lines, rest = (rest + bytes(data)).split(b"\n\n")
                for line in lines:
                    if line != b"data: [DONE]":
                        yield json.decode(line[6:])

    async def aclose(self, client: Any) -> None:
        await client[0].close()

    def text(self, answer: Any) -> str | None:
        content: str | None = answer["choices"][0]["message"]["content"]
        return content

    def piece(self, chunk: Any) -> str | None:
        return chunk["choices"][0]["delta"].get("content") if chunk["choices"] else None


if __name__ == "__main__":
    main(PyreqwestDriver())

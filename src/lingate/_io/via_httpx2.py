# The second transport: httpx2, for forked children, platforms without a pyreqwest wheel, and users with a client of their own.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from time import monotonic
from typing import Any

from lingate._call.policy import Timeout
from lingate._io.transport import USER_AGENT, AsyncByteStream, ByteStream, lost, unbuilt, unreached
from lingate._model import Head, HttpRequest, replaced
from lingate.errors import (
    ConfigError,
    LingateError,
    MissingExtraError,
    ProtocolError,
    RequestTimeoutError,
    StreamInterruptedError,
)

try:
    import httpx2
except ImportError:
    raise MissingExtraError("this needs the httpx2 package: pip install 'lingate[httpx]'") from None


def _made(kind: Any) -> Any:
    try:
        return kind(headers={"user-agent": USER_AGENT}, follow_redirects=False)
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigError(f"the certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {why}") from None


def _head(response: Any) -> Head:
    return Head(response.status_code, {name.lower(): value for name, value in response.headers.items()})


def _built(client: httpx2.Client | httpx2.AsyncClient, request: HttpRequest, timeout: Timeout) -> Any:
    try:
        return client.build_request(
            request.method,
            request.url,
            headers=dict(request.headers),
            content=request.body,
            timeout=httpx2.Timeout(timeout.read, connect=timeout.connect, pool=timeout.total),
        )
    except ValueError:
        raise unbuilt(request) from None


def _translate(error: Exception, request: HttpRequest, begun: bool) -> LingateError:
    place = request.target.provider
    if isinstance(error, httpx2.ConnectTimeout):
        return RequestTimeoutError(f"connecting to {place} took too long")
    if isinstance(error, httpx2.TimeoutException):
        return RequestTimeoutError(f"{place} {'sent nothing for too long' if begun else 'did not answer in time'}")
    if isinstance(error, httpx2.DecodingError):
        return ProtocolError(f"{place} sent a body that is not encoded as it says: {error}")
    if begun:
        return StreamInterruptedError(f"the connection to {place} broke in mid-answer")
    if isinstance(error, (httpx2.UnsupportedProtocol, httpx2.InvalidURL)):
        return unbuilt(request)
    if isinstance(error, (httpx2.ConnectError, httpx2.ProxyError)):
        return unreached(request, str(error) or type(error).__name__)
    return lost(request, type(error).__name__)  # its words may quote a header


class SyncHttpx:
    # Blocking `Transport` over httpx2.

    def __init__(self, client: httpx2.Client | None = None) -> None:
        self._own = client is None
        self._client = client or _made(httpx2.Client)

    def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]:
        begun = False
        until = monotonic() + timeout.total
        timeout = replaced(timeout, read=min(timeout.read, timeout.total))
        try:
            response = self._client.send(_built(self._client, request, timeout), stream=True)
            begun = True
            pieces: list[bytes] = []
            try:
                for piece in response.iter_bytes():
                    pieces.append(piece)
                    if monotonic() > until:  # its own time-outs are those of one read
                        raise RequestTimeoutError(f"{request.target.provider} did not answer in time")
                return _head(response), b"".join(pieces)
            finally:
                response.close()
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise _translate(error, request, begun) from None

    def open(self, request: HttpRequest, timeout: Timeout) -> ByteStream:
        try:
            response = self._client.send(_built(self._client, request, timeout), stream=True)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _translate(error, request, False) from None
        return _SyncStream(response, request)

    def close(self) -> None:
        if self._own:
            self._client.close()


class _SyncStream:
    __slots__ = ("_pieces", "_request", "_response", "head")

    def __init__(self, response: Any, request: HttpRequest) -> None:
        self._response = response
        self._pieces: Iterator[bytes] = response.iter_bytes()
        self._request = request
        self.head = _head(response)

    def read(self) -> bytes | None:
        try:
            return next(self._pieces, None)
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise _translate(error, self._request, True) from None

    def finish(self) -> None:
        # The last chunk of a body nearly always arrives with its terminal event; waiting for a late one could block.
        self.close()

    def close(self) -> None:
        self._response.close()


class AsyncHttpx:
    # `AsyncTransport` over httpx2: one client for each event loop, because its connections belong to their loop.

    def __init__(self, client: httpx2.AsyncClient | None = None) -> None:
        self._given = client
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: httpx2.AsyncClient | None = client

    def _here(self) -> httpx2.AsyncClient:
        loop = asyncio.get_running_loop()
        if self._given is not None:
            return self._given
        if self._client is None or self._loop is not loop:
            self._client = _made(httpx2.AsyncClient)
            self._loop = loop
        return self._client

    async def _send(self, request: HttpRequest, timeout: Timeout) -> Any:
        client = self._here()
        return await client.send(_built(client, request, timeout), stream=True)

    async def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]:
        begun = False
        try:
            async with asyncio.timeout(timeout.total):
                response = await self._send(request, timeout)
                begun = True
                try:
                    return _head(response), await response.aread()
                finally:
                    await response.aclose()
        except TimeoutError:
            raise RequestTimeoutError(f"{request.target.provider} did not answer in time") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise _translate(error, request, begun) from None

    async def open(self, request: HttpRequest, timeout: Timeout) -> AsyncByteStream:
        try:
            async with asyncio.timeout(timeout.total):
                return _AsyncStream(await self._send(request, timeout), request)
        except TimeoutError:
            raise RequestTimeoutError(f"{request.target.provider} did not answer in time") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _translate(error, request, False) from None

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None and self._given is None and self._loop is asyncio.get_running_loop():
            await client.aclose()


class _AsyncStream:
    __slots__ = ("_pieces", "_request", "_response", "head")

    def __init__(self, response: Any, request: HttpRequest) -> None:
        self._response = response
        self._pieces: AsyncIterator[bytes] = response.aiter_bytes()
        self._request = request
        self.head = _head(response)

    async def read(self, limit: float | None = None) -> bytes | None:
        try:
            async with asyncio.timeout(limit):
                return await anext(self._pieces, None)
        except TimeoutError:
            raise RequestTimeoutError(f"{self._request.target.provider} did not begin its answer in time") from None
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise _translate(error, self._request, True) from None

    async def finish(self) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._response.aclose()

# The seam under which bytes travel: one protocol per colour, so that a fake, pyreqwest and httpx2 are interchangeable.

from __future__ import annotations

from typing import Protocol

from lingate._call.policy import Timeout
from lingate._model import Head, HttpRequest, ProviderRow
from lingate._version import __version__
from lingate.errors import ConfigError, ConnectError, LingateError, ProtocolError

USER_AGENT = f"lingate/{__version__}"


def untied(error: LingateError) -> LingateError:
    # The error without its trace and context: both lead to whoever waited for it, and who then has it waits for the collector.
    error.__context__ = None
    return error.with_traceback(None)


def too_long(request: HttpRequest, most: int) -> ProtocolError:
    # The error for an answer in one piece that has more than so many bytes. Nothing of it is kept.
    place = request.target.provider
    return ProtocolError(f"{place} answered with more than {most} bytes", provider=place)


def unbuilt(request: HttpRequest, why: str = "") -> ConfigError:
    # The error for a request that no client could send: its address or a header is not one, or nobody is trusted here.
    place = request.target.provider
    if "CA certificates" in why:
        text = "no certificates to trust were found: install ca-certificates, or name a PEM file in SSL_CERT_FILE"
    else:
        text = f"the request to {place} cannot be built: check api_base and headers (and SSL_CERT_FILE, SSL_CERT_DIR)"
    return ConfigError(text, provider=place)


def unreached(request: HttpRequest, why: str) -> ConnectError:
    # The error for a server that cannot be connected to.
    target = request.target
    remedy = next(
        (remedy for sign, remedy in _REMEDIES if sign in why), "check the network, its proxy and the base URL"
    )
    return ConnectError(
        f"cannot connect to {target.provider}: {why}",
        hint=f"{remedy} {target.url.partition('?')[0]}",
        retryable=False if any(sign in why for sign in _LASTING) else None,
    )


# A certificate that is not taken, as rustls and OpenSSL say it, and a server that speaks no TLS: the same at the next try.
_LASTING = ("invalid peer certificate", "CERTIFICATE_VERIFY_FAILED", "InvalidContentType", "WRONG_VERSION_NUMBER")
_REMEDIES = (
    # What rustls calls an answer that is none of its records.
    ("InvalidContentType", "it speaks no TLS: write http:// in"),
    ("UnknownIssuer", "name the certificates to trust in SSL_CERT_FILE; base URL"),
    ("CaUsedAsEndEntity", "its certificate is an authority's: make one with basicConstraints=CA:FALSE; base URL"),
    ("tunnel", "the proxy that HTTPS_PROXY names did not connect to"),
)


def lost(request: HttpRequest, why: str) -> ConnectError:
    # The error for a connection that broke before there was an answer: the request may have been read, and billed.
    return ConnectError(f"the connection to {request.target.provider} broke: {why}")


class ByteStream(Protocol):
    # An answer whose body is read piece by piece.

    head: Head

    def read(self) -> bytes | None:
        # The next bytes as they arrive, None at the end.
        # Raises TransportError: The connection broke or stalled.
        ...

    def finish(self) -> None:
        # The terminal event has been read: keep the connection if the body ends soon. Never blocks for long.
        ...

    def close(self) -> None:
        # Let the upstream go, at once; harmless when repeated.
        ...


class Transport(Protocol):
    # Sends requests. Knows nothing of providers, retries or meaning; a status is not an error here.

    def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]:
        # The whole answer.
        # Raises TransportError: There was none.
        # Raises ProtocolError: It is longer than the transport takes.
        ...

    def open(self, request: HttpRequest, timeout: Timeout) -> ByteStream: ...

    def close(self) -> None: ...


class AsyncByteStream(Protocol):
    # `ByteStream`, awaited.

    head: Head

    async def read(self, limit: float | None = None) -> bytes | None:
        # The next bytes; `limit` bounds this one read, in seconds.
        ...

    async def finish(self) -> None: ...

    async def aclose(self) -> None: ...


class AsyncTransport(Protocol):
    # `Transport`, awaited.

    async def send(self, request: HttpRequest, timeout: Timeout) -> tuple[Head, bytes]: ...

    async def open(self, request: HttpRequest, timeout: Timeout) -> AsyncByteStream: ...

    async def aclose(self) -> None: ...


_PACKAGE = "litellm"  # a format that is a package's and no wire's


def travels_by_wire(row: ProviderRow) -> bool:
    # Whether requests to a provider go out by the client's own transport.
    return row.dialect != _PACKAGE


def carrier(request: HttpRequest, transport: Transport) -> Transport:
    # What takes this request where it goes.
    if request.target.row.dialect != _PACKAGE:
        return transport
    from lingate._io.via_litellm import Litellm

    return Litellm()


def async_carrier(request: HttpRequest, transport: AsyncTransport) -> AsyncTransport:
    # The same, awaited.
    if request.target.row.dialect != _PACKAGE:
        return transport
    from lingate._io.via_litellm import AsyncLitellm

    return AsyncLitellm()

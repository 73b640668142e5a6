# What takes a request to its provider: the client's transport, but for formats that are a package's and no wire's.

from __future__ import annotations

from lingate._io.transport import AsyncTransport, Transport
from lingate._model import HttpRequest, ProviderRow

_PACKAGE = "litellm"


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

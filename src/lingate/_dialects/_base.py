# What a wire format must provide. Both directions are the same object: towards an upstream, and as a face of a server.

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from lingate._model import Call, Event, Fixed, Head, HttpRequest, JsonDict, Operation, Record, Target
from lingate.errors import LingateError, UnsupportedError


class StreamDecoder(Protocol):
    # Bytes of an upstream's stream in, canonical events out. Never raises: what is wrong becomes a `Failed` event.

    # After a `Failed` event, or once `done`, `feed` and `finish` return nothing more.

    done: bool
    """The stream's own terminal event has been seen."""

    def feed(self, data: bytes) -> list[Event]: ...

    def finish(self) -> list[Event]:
        # The bytes have ended.
        # Without the terminal event this is `Failed(StreamInterruptedError)`.
        ...


class StreamEncoder(Protocol):
    # Canonical events in, bytes of this format's stream out, as a server sends them.

    content_type: str

    def event(self, event: Event) -> bytes: ...

    def end(self) -> bytes:
        # The terminal event, sent only after a stream that was whole.
        ...

    def error(self, error: LingateError) -> bytes:
        # An error in mid-stream, in this format; no success terminator follows it.
        ...


class OperationFormat(Protocol):
    # One operation (chat, embeddings, ...) in one wire format.

    most: Callable[[Target], int]
    """How many inputs a request may hold where no trait says so; 0 for any number."""

    # towards the upstream
    def request(self, call: Call, target: Target) -> HttpRequest:
        # Write the call for this target.
        # Raises ConfigError: the call makes no sense in any format, or holds something that JSON has no form for;
        # UnsupportedError: the call holds something this format or provider cannot express and `drop_params` is off.
        ...

    def response(self, sent: HttpRequest, head: Head, body: bytes) -> tuple[JsonDict, JsonDict]:
        # Read a 2xx answer.
        # Gives the canonical response, and the upstream's own decoded body, untouched.
        # Raises UpstreamError: the body is an error although the status says success; ProtocolError: the body is not
        # what the format promises.
        ...

    def decoder(self, sent: HttpRequest, head: Head) -> StreamDecoder: ...

    # as a face of a server
    def parse_call(self, body: bytes, path_args: Mapping[str, str]) -> Call:
        # Read a client's request into the canonical form.
        # `path_args`: what path and query say, and under `content-type` the request's own where it has one: without it
        # a body that is no JSON is recognised by how it begins.
        # Raises BadRequestError: the body is not valid; the message says where and why.
        ...

    def render(self, response: JsonDict) -> bytes:
        # Write a canonical response as this format's body, whose type is `media_type`'s.
        ...

    def encoder(self, call: Call) -> StreamEncoder: ...


Reader = Callable[[HttpRequest, Head, bytes], tuple[JsonDict, JsonDict]]
"""Reads an answer in one piece: `OperationFormat.response`."""


def _any_number(target: Target) -> int:
    return 0


class Form:
    # An operation as a record of functions; see `OperationFormat` for what each does.

    # Without a decoder and an encoder it is an operation whose answers come in one piece.

    def __init__(
        self,
        request: Callable[[Call, Target], HttpRequest],
        response: Reader,
        parse_call: Callable[[bytes, Mapping[str, str]], Call],
        render: Callable[[JsonDict], bytes],
        decoder: Callable[[HttpRequest, Head], StreamDecoder] | None = None,
        encoder: Callable[[Call], StreamEncoder] | None = None,
        most: Callable[[Target], int] = _any_number,
    ) -> None:
        self.request = request
        self.response = response
        self.parse_call = parse_call
        self.render = render
        self.decoder = decoder or _no_decoder
        self.encoder = encoder or _no_encoder
        self.most = most


def no_stream(operation: str, provider: str | None = None) -> UnsupportedError:
    # The error for a stream of an operation that has none here.
    return UnsupportedError(f"{operation} has no streams here", param="stream", provider=provider)


def _no_decoder(sent: HttpRequest, head: Head) -> StreamDecoder:
    raise no_stream(sent.call.operation, sent.target.provider)


def _no_encoder(call: Call) -> StreamEncoder:
    raise no_stream(call.operation)


def media_type(operation: Operation, response: JsonDict) -> str:
    # The content type of what `render` makes of a canonical response: JSON, but for sound and plain transcripts.
    if operation in ("speech", "transcription"):
        return str(response.get("content_type") or "application/json")
    return "application/json"


class Operations(Mapping[Operation, OperationFormat]):
    # The operations of a wire format, of which some are loaded when they are first asked for: most programs only chat.

    # `ready`: those that are at hand.
    # `later`: of the others, where they are: `module:NAME`.

    def __init__(
        self,
        ready: Mapping[Operation, OperationFormat],
        later: Mapping[Operation, str],
    ) -> None:
        self._forms: dict[Operation, OperationFormat | str] = {**ready, **later}

    def __getitem__(self, name: Operation) -> OperationFormat:
        found = self._forms[name]
        if isinstance(found, str):
            module, _, form = found.partition(":")
            self._forms[name] = found = cast("OperationFormat", getattr(import_module(module), form))
        return found

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._forms)

    def __len__(self) -> int:
        return len(self._forms)


class Further(Record):
    # A request to be made after an answer that is not the answer yet, but says where that will be.

    # An operation that takes more than one request, because a job is begun and asked after until it is done, has a
    # function `further(sent, head, body)` besides: it is told what a request and its 2xx answer were, and gives this,
    # or None if that is the answer. A body that makes no sense is the answer too.

    request: HttpRequest
    """The next request."""
    wait: float = 0.0
    """Seconds to let pass before it."""
    stream: bool = False
    """Its answer is the stream."""


class Dialect(Fixed, frozen=True):
    # A wire format: its operations, how it reports errors, and how it is told about ours.

    name: str
    operations: Mapping[Operation, OperationFormat]
    render_error: Any  # Callable[[LingateError], tuple[int, bytes]]: status and body of an error, in this format

    def operation(self, name: Operation, provider: str) -> OperationFormat:
        # The format of one operation.
        # Raises UnsupportedError: this wire format does not have it.
        found = self.operations.get(name)
        if found is None:
            raise UnsupportedError(
                f"{provider} speaks the {self.name} wire format, which has no {name} operation",
                provider=provider,
                param=name,
            )
        return found


def dialect(name: str) -> Dialect:
    # Load a dialect by name; the file name is the dialect's name.
    found = _LOADED.get(name)
    if found is None:
        module = import_module(f"lingate._dialects.{name}")
        found = _LOADED[name] = module.DIALECT
    return found


_LOADED: dict[str, Dialect] = {}

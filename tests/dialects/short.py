"""Short forms of what the tests of all formats do: calls, what they send, what answers and streams come to."""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from lingate import errors
from lingate._call.collect import Collector
from lingate._dialects._base import OperationFormat
from lingate._model import Call, Event, Failed, Head, HttpRequest, Target, Traits
from lingate._wire.eventstream import CONTENT_TYPE
from lingate.errors import LingateError
from tests.conftest import RECORDINGS

DATE = "Tue, 14 Jul 2026 10:00:00 GMT"


class Short:
    """A format's chats in few words: with a target that has these traits, or any other."""

    def __init__(self, chat: OperationFormat, target: Callable[..., Target], whole: Head, flowing: Head) -> None:
        self._chat = chat
        self._target = target
        self._whole = whole
        self._flowing = flowing

    def call(self, stream: bool = False, drop_params: bool = False, **body: Any) -> Call:
        asked = {"messages": [{"role": "user", "content": "hi"}], **body}
        return Call("chat", self._target().model, asked, stream, drop_params)

    def send(self, made: Call, to: Target | None = None) -> tuple[dict[str, Any], HttpRequest]:
        """The wire body of a call, decoded, and the request it is in."""
        sent = self._chat.request(made, to or self._target())
        return json.loads(sent.body), sent

    def wire(self, traits: Traits | None = None, drop_params: bool = False, **body: Any) -> dict[str, Any]:
        """The wire body of a chat with these fields."""
        return self.send(self.call(drop_params=drop_params, **body), self._target(traits))[0]

    def dropped(self, traits: Traits | None = None, drop_params: bool = False, **body: Any) -> list[str]:
        """What of such a chat is not sent."""
        return self.send(self.call(drop_params=drop_params, **body), self._target(traits))[1].dropped

    def read(self, body: Any, sent: HttpRequest | None = None) -> dict[str, Any]:
        """A whole answer in canonical form."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._chat.response(sent or self.send(self.call())[1], self._whole, data)[0]

    def decode(self, pieces: Iterable[bytes], sent: HttpRequest | None = None, head: Head | None = None) -> list[Event]:
        """The events of a stream that comes in these pieces."""
        return fed(self._chat.decoder(sent or self.send(self.call(stream=True))[1], head or self._flowing), pieces)


def fed(decoder: Any, pieces: Iterable[bytes], after: bytes = b"data: {}\n\n") -> list[Event]:
    """All that a decoder makes of a stream, behind which nothing comes."""
    events: list[Event] = []
    for piece in pieces:
        events += decoder.feed(piece)
    events += decoder.finish()
    assert decoder.feed(after) == [] == decoder.finish(), "nothing comes after the end"
    assert decoder.done is not any(isinstance(event, Failed) for event in events)
    return events


def collect(events: Iterable[Event]) -> dict[str, Any]:
    """The answer that a whole stream comes to."""
    collector = Collector()
    for event in events:
        assert not isinstance(event, Failed), event
        collector.add(event)
    return collector.response()


Decode = Callable[[list[bytes]], list[Event]]


def expect_same_however_cut(decode: Decode, data: bytes, seed: str) -> None:
    """A stream gives the same events byte by byte, and in pieces cut anywhere."""
    whole, places = decode([data]), random.Random(seed)
    assert decode([data[n : n + 1] for n in range(len(data))]) == whole
    for _ in range(3):
        cuts = sorted(places.sample(range(len(data)), k=min(20, len(data) - 1)))
        assert decode([data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]) == whole


def expect_never_whole_when_cut(decode: Decode, data: bytes) -> None:
    """A stream that ends too early says so."""
    for part in (1, 2, 3):
        assert failed(decode([data[: len(data) * part // 4]])).kind == "stream_interrupted"


def failed(events: list[Event]) -> Any:
    """The error that a stream ended with."""
    last = events[-1]
    assert isinstance(last, Failed), last
    assert not any(isinstance(event, Failed) for event in events[:-1])
    return last.error


def single_bytes(data: bytes) -> Iterator[bytes]:
    """A stream as nobody sends it and everybody may."""
    return (data[at : at + 1] for at in range(len(data)))


def cut_at_random(data: bytes, seed: int, cuts: int = 7) -> list[bytes]:
    """The same in a few pieces."""
    places = sorted(random.Random(seed).sample(range(len(data) + 1), min(cuts, len(data) + 1)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def named_events(*events: dict[str, Any]) -> bytes:
    """A stream whose events are named as their JSON says."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def without_nulls(value: Any) -> Any:
    """JSON in which null and absent are the same."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


@lru_cache
def recorded(*names: str) -> tuple[dict[str, Any], ...]:
    """All recorded exchanges of these formats; none where the recordings are absent."""
    files = [path for name in names if (path := RECORDINGS / f"{name}.jsonl").is_file()]
    return tuple(json.loads(line) for path in files for line in path.read_text().splitlines())


def is_stream(exchange: dict[str, Any]) -> bool:
    """Whether events were sent."""
    return "event-stream" in exchange["response"]["headers"].get("content-type", "")


def body_of(exchange: dict[str, Any]) -> bytes:
    """A recorded answer as it came."""
    body = exchange["response"]["body"]
    if exchange["response"]["headers"].get("content-type") == CONTENT_TYPE:
        return base64.b64decode(body)
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


_SIGNED_IN_WRONGLY = (
    "API_KEY_INVALID",
    "ExpiredToken",
    "UnrecognizedClient",
    "InvalidSignature",
    "security token",
    "API key",
    "signature",
)
_NO_MODEL = re.compile(
    r"model identifier is invalid|[Mm]odel not found|model_not_found|Model \S+ is not supported|supported API model names"
)
_BY_STATUS: dict[int, type[LingateError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.QuotaExceededError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    413: errors.UpstreamError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
    500: errors.InternalServerError,
    503: errors.OverloadedError,
    529: errors.OverloadedError,
}


def error_of(answer: dict[str, Any]) -> type[LingateError]:
    """The class, or what it is one of, that a refusal in a recording should get: by its status, but for keys."""
    said = json.dumps([answer["headers"], answer["body"]])
    if answer["status"] in (400, 401, 403) and any(word in said for word in _SIGNED_IN_WRONGLY):
        return errors.AuthenticationError
    if "User location is not supported" in said:
        return errors.PermissionDeniedError
    if _NO_MODEL.search(said) and answer["status"] in (400, 403, 422):
        return errors.NotFoundError
    return _BY_STATUS.get(answer["status"], errors.LingateError)

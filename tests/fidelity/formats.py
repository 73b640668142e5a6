"""The wire formats there are, found in the package, and what it takes to run one end of a pair."""

from __future__ import annotations

import json
import pkgutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import lingate._dialects
from lingate._dialects._base import OperationFormat, dialect
from lingate._dialects._replay import replay
from lingate._model import Call, Event, Failed, Head, HttpRequest, JsonDict, ProviderRow, Target, Traits
from lingate.errors import UnsupportedError
from lingate.simulator.turn import find_route
from tests.dialects.short import collect
from tests.fidelity.clients import client_of
from tests.fidelity.providers import provider_of
from tests.fidelity.talk import Talk, canonical

ANSWERS = Path(__file__).parent / "answers"
MODEL = "model-1"

ADDRESSES = {
    "vertex_anthropic": "https://api.acme.test/v1/projects/p1/locations/l1",
    "vertex_openai": "https://api.acme.test/v1/projects/p1/locations/l1",
}
"""Base URLs of providers whose addresses must look a certain way."""

TRAITS: dict[str, Traits] = {
    # OpenAI's format has no one field for signed reasoning; this is the one of the largest provider that has any.
    "openai_chat": {"reasoning_history": "reasoning_details"},
}
"""Traits of the upstream, where a format needs one to carry reasoning. All others are at their defaults."""


@lru_cache
def chats() -> dict[str, OperationFormat]:
    """The chat operation of every wire format that has one."""
    names = [info.name for info in pkgutil.iter_modules(lingate._dialects.__path__) if info.name[0] != "_"]
    found = {name: dialect(name).operations.get("chat") for name in sorted(names)}
    return {name: chat for name, chat in found.items() if chat is not None}


@lru_cache
def has_face(name: str) -> bool:
    """Whether clients speak this format: requests in it can be read."""
    try:
        chats()[name].encoder(Call("chat", MODEL, {}))
    except UnsupportedError:
        return False
    return True


@lru_cache
def base_of(name: str) -> str:
    """The format whose bodies these are: itself, or another one that is spoken at other addresses."""
    own = _innermost(name)
    return next((face for face in faces() if _innermost(face) is own), name)


@lru_cache
def faces() -> tuple[str, ...]:
    """Formats that clients speak, each once."""
    return tuple(name for name in chats() if has_face(name) and client_of(name) is not None)


def _innermost(name: str) -> object:
    """A format's own operation: where addresses, envelopes, or tools are changed on their way, it is inside of that."""
    found: Any = chats()[name]
    while inside := getattr(found, "_inside", None):
        found = inside
    return found


@lru_cache
def hosts() -> tuple[str, ...]:
    """Formats whose bodies are those of another, at other addresses or in other envelopes."""
    return tuple(name for name in chats() if base_of(name) != name)


def target(name: str, traits: Traits | None = None) -> Target:
    """A provider that speaks this format, with nothing peculiar about it."""
    return Target(
        row=ProviderRow(name="acme", dialect=name),
        model=MODEL,
        url=ADDRESSES.get(name, "https://api.acme.test/v1"),
        traits=TRAITS.get(base_of(name), {}) if traits is None else traits,
    )


@dataclass(frozen=True)
class Answer:
    """An answer of a provider, as it sends it.

    Attributes:
        case: Name of the file it is in.
        body: The answer in one piece.
        traits: Of a provider that gives such answers, where they are not the usual ones.
    """

    case: str
    body: JsonDict
    traits: Traits | None = None

    @property
    def data(self) -> bytes:
        """The body as bytes."""
        return json.dumps(self.body).encode()


@lru_cache
def answers(name: str) -> dict[str, Answer]:
    """Answers of providers of this format, by case."""
    paths = sorted((ANSWERS / base_of(name)).glob("*.json"))
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    return {case: Answer(case, item["body"], item.get("traits")) for case, item in found.items()}


def holding(name: str) -> Answer:
    """The answer that goes through every pair."""
    return answers(name)["plain"]


def asked(name: str, stream: bool = False) -> HttpRequest:
    """Any request in this format."""
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 99}
    return chats()[name].request(Call("chat", MODEL, body, stream=stream), target(name))


def read(name: str, body: bytes) -> JsonDict:
    """A whole answer in canonical form."""
    return chats()[name].response(asked(name), Head(200, {"content-type": "application/json"}), body)[0]


def stream_of(name: str, events: list[Event], call: Call | None = None) -> tuple[bytes, str]:
    """Events as this format's stream, and its content type."""
    options = {"stream_options": {"include_usage": True}}
    encoder = chats()[name].encoder(call or Call("chat", MODEL, options, stream=True))
    return b"".join([*map(encoder.event, events), encoder.end()]), encoder.content_type


def events_in(name: str, data: bytes, content_type: str) -> list[Event]:
    """The events of a stream."""
    decoder = chats()[name].decoder(asked(name, stream=True), Head(200, {"content-type": content_type}))
    events = [*decoder.feed(data), *decoder.finish()]
    failed = [event for event in events if isinstance(event, Failed)]
    assert not failed, failed
    return events


def told_again(name: str, response: JsonDict, stream: bool) -> JsonDict:
    """A canonical response as a client of this format reads it, through Lingate's own face and back."""
    if not stream:
        return read(name, chats()[name].render(response))
    return collect(events_in(name, *stream_of(name, replay(response))))


def told_through(face: str, upstream: str, answer: Answer, stream: bool) -> JsonDict:
    """An upstream's answer as a client of a face reads it."""
    if not stream:
        return read(face, chats()[face].render(read(upstream, answer.data)))
    events = events_in(upstream, *provider_of(base_of(upstream)).stream(answer.body))
    return collect(events_in(face, *stream_of(face, events)))


def parse(name: str, body: bytes, path: str) -> Call:
    """A request as this format's face reads it; what the path says is found as the simulator finds it."""
    found = find_route("POST", path, {})
    args = {**(found[1] if found else {}), "model": MODEL}
    # Not every address has a route; of these formats the last part of the path is what counts.
    args.setdefault("method", path.replace(":", "/").rpartition("/")[2])
    return chats()[name].parse_call(body, args)


@dataclass(frozen=True)
class Arrival:
    """What became of a request: how the face read it, what was sent on, and how the upstream reads that."""

    call: Call
    sent: HttpRequest
    back: Call


def pass_on(face: str, upstream: str, talk: Talk, turn: list[JsonDict], traits: Traits | None = None) -> Arrival:
    """Send a client's request through a face to an upstream."""
    client = client_of(face)
    call = parse(face, client.ask(talk, turn), client.path(talk))
    call.drop_params = True
    sent = chats()[upstream].request(call, target(upstream, traits))
    return Arrival(call, sent, parse(upstream, sent.body, sent.url.partition("?")[0]))


def turn_through(face: str, upstream: str, answer: Answer, stream: bool) -> list[JsonDict]:
    """The assistant's turn that a client of a face keeps of an upstream's answer."""
    client = client_of(face)
    if not stream:
        return client.turn_of(chats()[face].render(read(upstream, answer.data)))
    events = events_in(upstream, *provider_of(base_of(upstream)).stream(answer.body))
    return client.turn_of_stream(stream_of(face, events)[0])


def what_was_said(talk: Talk, message: JsonDict) -> Call:
    """The request that a conversation means, whatever format it is said in."""
    return Call("chat", talk.model, canonical(talk, message), stream=talk.stream)

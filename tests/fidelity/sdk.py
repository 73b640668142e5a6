"""The SDK on a scripted transport, with a provider of any wire format."""

from __future__ import annotations

import json
from typing import Any

import lingate
from lingate._dialects._base import dialect
from lingate._dialects._replay import replay
from lingate._model import Call, HttpRequest, JsonDict, Traits
from lingate.errors import LingateError
from lingate.testing import AsyncFakeTransport, FakeTransport, Reply, Streamed
from tests.fidelity.formats import chats, parse, stream_of

BASE = "https://api.acme.test/v1"
MODEL = "acme/model-1"
ASK: list[JsonDict] = [{"role": "user", "content": "hi"}]
TOOL: JsonDict = {
    "type": "function",
    "function": {"name": "find", "parameters": {"type": "object", "properties": {"x": {"type": "string"}}}},
}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def config(name: str, traits: Traits | None = None) -> dict[str, Any]:
    """A configuration with one provider, which speaks this format."""
    row = {"dialect": name, "api_base": BASE, "api_key": "sk-test", "traits": traits or {}}
    return {"providers": {"acme": row}}


def client(
    name: str, *answers: Any, traits: Traits | None = None, **more: Any
) -> tuple[lingate.Lingate, FakeTransport]:
    """A client, and the transport that answers it."""
    transport = FakeTransport(*answers)
    return lingate.Lingate(transport=transport, env={}, config=config(name, traits), **more), transport


def aclient(name: str, *answers: Any) -> tuple[lingate.AsyncLingate, AsyncFakeTransport]:
    """The same, awaited."""
    transport = AsyncFakeTransport(*answers)
    return lingate.AsyncLingate(transport=transport, env={}, config=config(name)), transport


def response(text: str | None = "hello", *calls: str, finish: str | None = None) -> JsonDict:
    """A canonical response."""
    made = [
        {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": '{"x":"y"}'}}
        for at, name in enumerate(calls)
    ]
    message = {"role": "assistant", "content": text, **({"tool_calls": made} if made else {})}
    reason = finish or ("tool_calls" if made else "stop")
    return {
        "id": "r-1",
        "object": "chat.completion",
        "created": 1_750_000_000,
        "model": "model-1",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": USAGE,
    }


def reply(name: str, told: JsonDict) -> Reply:
    """A canonical response as a provider of this format gives it."""
    return Reply(chats()[name].render(told))


def streamed(name: str, told: JsonDict, pieces: int = 0) -> Streamed:
    """The same as a stream, in one piece for each event, or cut into pieces of equal size."""
    data, content_type = stream_of(name, replay(told))
    size = max(1, len(data) // pieces) if pieces else len(data)
    cut = [data[at : at + size] for at in range(0, len(data), size)]
    return Streamed(cut, headers={"content-type": content_type})


def refusal(name: str, error: LingateError, **headers: str) -> Reply:
    """An error as a provider of this format reports it."""
    status, body = dialect(name).render_error(error)
    return Reply(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def read_back(name: str, sent: HttpRequest) -> Call:
    """A request as a server of this format reads it."""
    return parse(name, sent.body, sent.url.partition("?")[0])


def wire(sent: HttpRequest) -> Any:
    """The body of a request."""
    return json.loads(sent.body)

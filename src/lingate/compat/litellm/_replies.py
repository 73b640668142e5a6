# Answers that are not a provider's: `mock_response`, and chunks that are read again.
#
# They go through the same client as all others, over a transport that answers from a script.

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from lingate._client import AsyncLingate, Lingate
from lingate._endpoints._arguments import plain
from lingate._wire.json import encode
from lingate._wire.shapes import not_null, without
from lingate.compat import litellm as names
from lingate.compat.litellm._names import SUBMODULES
from lingate.compat.litellm._params import Request, translated
from lingate.compat.litellm._tokens import usage_of
from lingate.errors import LingateError
from lingate.testing import AsyncFakeTransport, FakeTransport, Reply, Streamed

_CONFIG = {"providers": {"script": {"url": "http://script.invalid/v1", "auth": "none"}}}
MODEL = "script/model"
"""What a client that gives a mock is asked for."""
_PIECE = 3


def collected(chunks: list[bytes]) -> Any:
    pieces = [*(b"data: " + chunk + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"]
    client = Lingate(_CONFIG, transport=FakeTransport(Streamed(pieces)), retries=0, env={})
    try:
        return client.chat(MODEL, "chunks", stream=True).final()
    except LingateError as error:
        raise translated(error, "") from error


def scripted(request: Request, awaited: bool) -> Any:
    body = _body(request.own.get("mock_response"), request)
    answer: Any = Streamed(_pieces(body)) if request.stream else Reply(body)
    if awaited:
        return AsyncLingate(_CONFIG, transport=AsyncFakeTransport(answer), retries=0, env={})
    return Lingate(_CONFIG, transport=FakeTransport(answer), retries=0, env={})


def canned_error(request: Request) -> BaseException | None:
    # The exception that `mock_response` is or names, or `Timeout` for `mock_timeout`; None for any other mock.
    given = request.own.get("mock_response")
    if isinstance(given, BaseException):
        return given
    facts = {"llm_provider": request.provider, "model": request.name}
    if request.own.get("mock_timeout"):
        return cast("Exception", names.Timeout("this is a mock timeout", **facts))
    if isinstance(given, str) and given.startswith("litellm."):
        name = given.removeprefix("litellm.").partition(":")[0]
        if name in SUBMODULES["exceptions"] and name.endswith("Error"):
            return cast("Exception", getattr(names, name)(f"this is a mock {name}", **facts))
    return None


def _body(given: Any, request: Request) -> dict[str, Any]:
    if request.own.get("cache_hit"):
        return dict(given)
    if request.call_type == "embedding":
        vectors = given if given and isinstance(given[0], list) else [given]
        data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
        return {"object": "list", "model": request.name, "data": data, "usage": {"prompt_tokens": 0, "total_tokens": 0}}
    if not isinstance(given, (str, type(None))):
        return dict(plain(given, "mock_response"))
    message: dict[str, Any] = {"role": "assistant", "content": given}
    calls = request.own.get("mock_tool_calls")
    if calls:
        message["tool_calls"] = [plain(call, "mock_tool_calls") for call in calls]
    said = {"text": given} if request.call_type == "text_completion" else {"message": message}
    choice = {**said, "finish_reason": "tool_calls" if calls else "stop"}
    return {
        "id": f"chatcmpl-{uuid4()}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": request.name,
        "choices": [{**choice, "index": index} for index in range(int(request.options.get("n") or 1))],
        "usage": usage_of(request.given[0], given or ""),
    }


def _pieces(body: Mapping[str, Any]) -> list[bytes]:
    head = {**{key: body.get(key) for key in ("id", "created", "model")}, "object": "chat.completion.chunk"}
    made: list[dict[str, Any]] = []
    for choice in body.get("choices") or ():
        if "text" in choice:
            made.append({**head, "choices": [choice]})
            continue
        message = choice.get("message") or {}
        text = message.get("content") or ""
        rest = without(not_null(message), ("role", "content", "tool_calls"))
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", **rest}]
        deltas += [{"content": text[start : start + _PIECE]} for start in range(0, len(text), _PIECE)]
        calls = message.get("tool_calls") or ()
        deltas += [{"tool_calls": [{**call, "index": index}]} for index, call in enumerate(calls)]
        place = {"index": choice.get("index") or 0}
        for delta in deltas:
            made.append({**head, "choices": [{**place, "delta": delta, "finish_reason": None}]})
        made.append({**head, "choices": [{**place, "delta": {}, "finish_reason": choice.get("finish_reason")}]})
    made.append({**head, "choices": [], "usage": body.get("usage")})
    return [*(b"data: " + encode(item) + b"\n\n" for item in made), b"data: [DONE]\n\n"]

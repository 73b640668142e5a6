"""The cohere package as judge: of request bodies by its parameter types, of answers by its own client."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import cohere
import cohere.v2.client
from pydantic import BaseModel, TypeAdapter

from tests.servers import RawServer, Script

ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@lru_cache
def _params(method: str) -> dict[str, TypeAdapter[Any]]:
    function = getattr(cohere.v2.client.V2Client, method)
    hints = typing.get_type_hints(function, vars(cohere.v2.client), include_extras=True)
    names = [name for name in inspect.signature(function).parameters if name not in ("self", "request_options")]
    return {name: TypeAdapter(_closed(hints[name])) for name in names}


def _closed(hint: Any) -> Any:
    """The package lets words of its enums be anything, for the sake of words to come. Here they are what is known."""
    parts = typing.get_args(hint)
    if Any in parts and any(typing.get_origin(part) is typing.Literal for part in parts):
        return typing.Union[tuple(part for part in parts if part is not Any)]  # noqa: UP007
    return hint


def check(body: dict[str, Any], method: str = "chat") -> None:
    """Fail unless the body is one that the package itself could have written, down to the last field."""
    params = _params(method)
    fields = {name: value for name, value in body.items() if not (method == "chat" and name == "stream")}
    assert fields.keys() <= params.keys(), fields.keys() - params.keys()
    for name, value in fields.items():
        _nothing_unknown(params[name].validate_python(value, strict=False), name)


def _nothing_unknown(value: Any, where: str) -> None:
    if isinstance(value, BaseModel):
        assert not value.model_extra, f"{where}: {value.model_extra}"
        for name in type(value).model_fields:
            _nothing_unknown(getattr(value, name), f"{where}.{name}")
    elif isinstance(value, list):
        for n, item in enumerate(value):
            _nothing_unknown(item, f"{where}[{n}]")


@contextmanager
def _client(data: bytes, content_type: str, status: int = 200) -> Iterator[cohere.ClientV2]:
    script = Script([data], status=status, headers={"content-type": content_type})
    with RawServer(script) as server, cohere.ClientV2("k", base_url=server.url, timeout=10) as client:
        yield client


def parse_chat(data: bytes) -> Any:
    """A whole answer as the package reads it."""
    with _client(data, "application/json") as client:
        return client.chat(**ASK)


def parse_stream(data: bytes) -> list[Any]:
    """The events of a stream as the package reads them."""
    with _client(data, "text/event-stream") as client:
        return list(client.chat_stream(**ASK))


def parse_embed(data: bytes) -> Any:
    with _client(data, "application/json") as client:
        return client.embed(model="m", input_type="search_query", texts=["a"])


def parse_rerank(data: bytes) -> Any:
    with _client(data, "application/json") as client:
        return client.rerank(model="m", query="q", documents=["a"])


def parse_models(data: bytes) -> Any:
    with _client(data, "application/json") as client:
        return client.models.list()


def raised(data: bytes, status: int) -> Any:
    """The error that the package raises for this answer."""
    with _client(data, "application/json", status) as client:
        try:
            client.chat(**ASK, request_options={"max_retries": 0})
        except cohere.core.ApiError as error:
            return error
    raise AssertionError("no error was raised")


def plain(value: Any) -> Any:
    """An answer of the package without what says nothing: nulls and fields that were not sent."""
    if isinstance(value, BaseModel):
        return {name: plain(item) for name, item in value if item is not None} | {
            name: plain(item) for name, item in (value.model_extra or {}).items() if item is not None
        }
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if item is not None}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value

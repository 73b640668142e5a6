"""The anthropic package as judge: of request bodies by its parameter types, of answers by its own parsers."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import anthropic
import anthropic.types as types
import httpx2
from pydantic import TypeAdapter
from typing_extensions import is_typeddict

_SAMPLING = ("temperature", "top_p", "top_k")
_Params = types.message_create_params.MessageCreateParams


@lru_cache
def _adapters() -> tuple[TypeAdapter[Any], TypeAdapter[Any]]:
    # The API refuses fields it does not know; the package's types only do so when told.
    for name in dir(types):
        module = getattr(types, name)
        if inspect.ismodule(module):
            for part in vars(module).values():
                if is_typeddict(part) and not getattr(part, "__pydantic_config__", None):
                    part.__pydantic_config__ = {"extra": "forbid"}
    return TypeAdapter(_Params), TypeAdapter(types.ContentBlockParam)


def check_params(body: dict[str, Any]) -> None:
    """Fail unless the body is one that the API's own types allow, down to the last block."""
    params, block = _adapters()
    # Sampling is no longer among the package's types, though the older models take it.
    _drain(params.validate_python({key: value for key, value in body.items() if key not in _SAMPLING}))
    for message in body["messages"]:
        # As content of a message the package also allows its own answer objects, which take any field.
        for content in message["content"] if isinstance(message["content"], list) else ():
            _drain(block.validate_python(content))


def _drain(value: Any) -> None:
    """Walk everything: pydantic checks `Iterable` fields only as they are read."""
    if isinstance(value, dict):
        for inner in value.values():
            _drain(inner)
    elif isinstance(value, list | Iterator) or type(value).__name__ == "ValidatorIterator":
        for inner in value:
            _drain(inner)


def _client(data: bytes, content_type: str, status: int = 200) -> anthropic.Anthropic:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=data, headers={"content-type": content_type})

    transport = httpx2.MockTransport(answer)
    http_client = anthropic.DefaultHttpxClient(transport=transport, trust_env=False)
    return anthropic.Anthropic(api_key="k", base_url="http://127.0.0.1:9", max_retries=0, http_client=http_client)


_ASK: dict[str, Any] = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}


def parse_message(data: bytes, beta: bool = False) -> dict[str, Any]:
    """A whole answer as the package reads it; every block must be of a type it knows.

    `beta` also allows blocks that only the beta half of the package knows; it warns about those and keeps them.
    """
    with _client(data, "application/json") as client, _warnings_allowed(beta):
        message = client.messages.create(**_ASK)
        if not beta:
            types.Message.model_validate(message.to_dict())
        return message.to_dict()


def parse_stream(data: bytes, beta: bool = False) -> dict[str, Any]:
    """A streamed answer as the package adds it up."""
    with (
        _client(data, "text/event-stream") as client,
        _warnings_allowed(beta),
        client.messages.stream(**_ASK) as stream,
    ):
        assert list(stream)
        return stream.get_final_message().to_dict()


@contextmanager
def _warnings_allowed(allowed: bool) -> Iterator[None]:
    with warnings.catch_warnings():
        if allowed:
            warnings.simplefilter("ignore")
        yield


def parse_models(data: bytes) -> list[dict[str, Any]]:
    with _client(data, "application/json") as client:
        return [model.to_dict() for model in client.models.list()]


def parse_count(data: bytes) -> int:
    with _client(data, "application/json") as client:
        return client.messages.count_tokens(model="m", messages=_ASK["messages"]).input_tokens


def raised(data: bytes, status: int, content_type: str = "application/json") -> anthropic.APIStatusError:
    """The error that the package raises for this answer."""
    with _client(data, content_type, status) as client:
        try:
            if "event-stream" in content_type:
                with client.messages.stream(**_ASK) as stream:
                    list(stream)
            else:
                client.messages.create(**_ASK)
        except anthropic.APIStatusError as error:
            return error
    raise AssertionError("no error was raised")

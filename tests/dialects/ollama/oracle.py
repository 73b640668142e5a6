"""The ollama package as judge: of request bodies by its types, of answers by its own client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ollama
from ollama._types import ChatRequest, EmbedRequest, Image, Message, Options, Tool
from pydantic import BaseModel

from tests.servers import RawServer, Script

# Fields of Ollama's api/types.go that the package does not know yet.
_NEWER = {"tool_call_id", "id", "index", "truncate", "shift", "min_p", "draft_num_predict"}
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def check(body: dict[str, Any]) -> None:
    """Fail unless the body is one that the package itself could have written, down to the last field."""
    _known(body, ChatRequest)
    ChatRequest(**{**body, "messages": []})
    Options.model_validate(body.get("options", {}), strict=True)
    _known(body.get("options", {}), Options)
    for message in body["messages"]:
        _known(message, Message)
        assert isinstance(message["content"], str)
        assert message["role"] in ("system", "user", "assistant", "tool")
        # The package wraps what its users give; on the wire these are texts.
        pictures = [Image(value=image) for image in message.get("images", ())]
        Message.model_validate({**message, "images": pictures or None})
        assert [picture.serialize_model() for picture in pictures] == message.get("images", [])
        for one in message.get("tool_calls", ()):
            _known(one, Message.ToolCall)
            _known(one["function"], Message.ToolCall.Function)
    for tool in body.get("tools", ()):
        _known(tool, Tool)
        Tool.model_validate(tool)


def check_embed(body: dict[str, Any]) -> None:
    _known(body, EmbedRequest)
    EmbedRequest(**body)


def _known(value: dict[str, Any], model: type[BaseModel]) -> None:
    unknown = value.keys() - model.model_fields.keys() - _NEWER
    assert not unknown, f"{model.__name__}: {unknown}"


@contextmanager
def _client(data: bytes, content_type: str = "application/json", status: int = 200) -> Iterator[ollama.Client]:
    script = Script([data], status=status, headers={"content-type": content_type})
    with RawServer(script) as server, ollama.Client(host=server.url) as client:
        yield client


def parse_chat(data: bytes) -> Any:
    """A whole answer as the package reads it."""
    with _client(data) as client:
        return client.chat(**ASK)


def parse_stream(data: bytes) -> list[Any]:
    """The lines of a stream as the package reads them."""
    with _client(data, "application/x-ndjson") as client:
        return list(client.chat(**ASK, stream=True))


def parse_generate(data: bytes) -> Any:
    with _client(data) as client:
        return client.generate(model="m", prompt="x")


def parse_generate_stream(data: bytes) -> list[Any]:
    with _client(data, "application/x-ndjson") as client:
        return list(client.generate(model="m", prompt="x", stream=True))


def parse_embed(data: bytes) -> Any:
    with _client(data) as client:
        return client.embed(model="m", input="x")


def parse_embeddings(data: bytes) -> Any:
    with _client(data) as client:
        return client.embeddings(model="m", prompt="x")


def parse_models(data: bytes) -> Any:
    with _client(data) as client:
        return client.list()


def parse_show(data: bytes) -> Any:
    with _client(data) as client:
        return client.show("m")


def raised(data: bytes, status: int = 200, stream: bool = False) -> ollama.ResponseError:
    """The error that the package raises for this answer."""
    with _client(data, "application/x-ndjson" if stream else "application/json", status) as client:
        try:
            made = client.chat(**ASK, stream=stream)
            if stream:
                list(made)
        except ollama.ResponseError as error:
            return error
    raise AssertionError("no error was raised")


def plain(value: Any) -> Any:
    """An answer of the package without what was not sent."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_none=True)
    return [plain(item) for item in value] if isinstance(value, list) else value

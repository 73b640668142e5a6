"""The openai package as judge: of request bodies by its parameter types, of answers by its own parsers."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import httpx2
import openai
import openai.types.responses as types
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from pydantic import TypeAdapter
from typing_extensions import is_typeddict


@lru_cache
def _params() -> TypeAdapter[Any]:
    # The API refuses fields it does not know; the package's types only do so when told.
    for name in dir(types):
        module = getattr(types, name)
        if inspect.ismodule(module):
            for part in vars(module).values():
                if is_typeddict(part) and not getattr(part, "__pydantic_config__", None):
                    part.__pydantic_config__ = {"extra": "forbid"}
    return TypeAdapter(ResponseCreateParamsBase)


def check_params(body: dict[str, Any]) -> None:
    """Fail unless the body is one that the API's own types allow, down to the last item."""
    _drain(_params().validate_python({key: value for key, value in body.items() if key != "stream"}))


def _drain(value: Any) -> None:
    """Walk everything: pydantic checks `Iterable` fields only as they are read."""
    if isinstance(value, Mapping):
        for inner in value.values():
            _drain(inner)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for inner in value:
            _drain(inner)


def client(data: bytes, content_type: str = "application/json", status: int = 200) -> openai.OpenAI:
    """The official client, whose server answers with these bytes."""

    def reply(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=data, headers={"content-type": content_type})

    http_client = openai.DefaultHttpxClient(transport=httpx2.MockTransport(reply), trust_env=False)
    return openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1", max_retries=0, http_client=http_client)


def parse_response(data: bytes) -> dict[str, Any]:
    """A whole answer as the package reads it."""
    with client(data) as official:
        found = official.responses.create(model="m", input="hi")
    return {**found.to_dict(mode="json", warnings=False), "output_text": found.output_text}


def check_response(data: bytes) -> dict[str, Any]:
    """The same, and fail unless all that the package's types require is there. Older answers of the API lack some."""
    found = parse_response(data)
    TypeAdapter(Response).validate_json(data)
    return found


def parse_stream(data: bytes) -> dict[str, Any]:
    """A streamed answer as the package reads its last event, and adds up those before it."""
    with warnings.catch_warnings(), client(data, "text/event-stream") as official:
        with official.responses.create(model="m", input="hi", stream=True) as stream:
            last = list(stream)[-1].response
        if last.status == "completed":  # the package's own adding up knows no other end
            warnings.simplefilter("ignore")  # it does not know all of its own union's members either
            with official.responses.stream(model="m", input="hi") as stream:
                list(stream)
                assert stream.get_final_response().output_text == last.output_text
    return {**last.to_dict(mode="json", warnings=False), "output_text": last.output_text}


def check_events(data: bytes) -> list[Any]:
    """Fail unless every event is one that the package's types allow, with all that they require."""
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    with client(data, "text/event-stream") as official:
        events = list(official.responses.create(model="m", input="hi", stream=True))
    for event in events:
        if event.type == "response.failed":
            continue  # the API documents more codes than the types name
        adapter.validate_python(event.to_dict(mode="json", warnings=False))
    return events

"""What the tests of this dialect share: targets, short forms of the operations, the recordings."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from functools import partial
from typing import Any
from urllib.parse import unquote

from lingate._dialects.bedrock_invoke import DIALECT
from lingate._model import Call, Event, Head, HttpRequest, Target
from lingate._providers.lookup import resolve
from lingate._wire.eventstream import CONTENT_TYPE, encode
from tests.dialects import short

CHAT = DIALECT.operations["chat"]
EMBED = DIALECT.operations["embeddings"]
RERANK = DIALECT.operations["rerank"]
COUNT = DIALECT.operations["count_tokens"]

METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 3, "outputTokenCount": 4}}

CLAUDE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
TITAN = "amazon.titan-text-express-v1"
NOVA = "us.amazon.nova-micro-v1:0"
LLAMA = "meta.llama3-1-70b-instruct-v1:0"
MISTRAL = "mistral.mistral-7b-instruct-v0:2"
COHERE = "cohere.command-light-text-v14"
COMMAND_R = "cohere.command-r-v1:0"


exchanges = partial(short.recorded, "bedrock-invoke")


def at_bedrock(model: str) -> Target:
    """The target that the table gives for a model that is to be invoked."""
    return resolve(f"bedrock/invoke/{model}", env={"AWS_BEARER_TOKEN_BEDROCK": "k" * 20, "AWS_REGION": "us-east-1"})


def call(**body: Any) -> Call:
    return Call("chat", "m", {"messages": [{"role": "user", "content": "hi"}], **body})


def send(made: Call, model: str) -> tuple[dict[str, Any], HttpRequest]:
    """The wire body of a call, decoded, and the request it is in."""
    sent = CHAT.request(made, at_bedrock(model))
    return json.loads(sent.body), sent


def wire(model: str, drop_params: bool = False, **body: Any) -> dict[str, Any]:
    made = call(**body)
    made.drop_params = drop_params
    return send(made, model)[0]


def dropped(model: str, drop_params: bool = False, **body: Any) -> list[str]:
    made = call(**body)
    made.drop_params = drop_params
    return send(made, model)[1].dropped


def head(**headers: str) -> Head:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Head(200, {"date": short.DATE, "x-amzn-requestid": "req-1", **named})


JSON_HEAD = head(content_type="application/json")
STREAM_HEAD = head(content_type=CONTENT_TYPE)


def read(body: Any, model: str, answered: Head = JSON_HEAD) -> dict[str, Any]:
    """A whole answer in canonical form."""
    return CHAT.response(CHAT.request(call(), at_bedrock(model)), answered, json.dumps(body).encode())[0]


def chunks(*events: Any) -> bytes:
    """Events in frames, as AWS sends them."""
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    inner = [base64.b64encode(json.dumps(event).encode()).decode() for event in events]
    return b"".join(encode(headers, json.dumps({"bytes": data, "p": "abc"}).encode()) for data in inner)


def decode(pieces: Iterable[bytes], model: str, sent: HttpRequest | None = None) -> list[Event]:
    return short.fed(CHAT.decoder(sent or CHAT.request(call(), at_bedrock(model)), STREAM_HEAD), pieces)


def recorded_model(exchange: dict[str, Any]) -> tuple[str, str]:
    """Model and method of a recorded request."""
    model, _, method = exchange["request"]["url"].partition("/model/")[2].rpartition("/")
    return unquote(model), method


def recorded_head(exchange: dict[str, Any]) -> Head:
    return Head(exchange["response"]["status"], {"date": short.DATE, **exchange["response"]["headers"]})

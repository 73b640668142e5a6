"""botocore as judge: of request bodies by its model of the API, of answers by its own client."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.exceptions import ClientError, EventStreamError
from botocore.validate import ParamValidator

from lingate._wire.eventstream import CONTENT_TYPE
from tests.aws import AwsServer, Reply, client


@lru_cache
def _service() -> Any:
    return botocore.session.get_session().get_service_model("bedrock-runtime")


def check_params(body: dict[str, Any], operation: str = "ConverseStream") -> None:
    """Fail unless the body is one that the API's own model allows, down to the last field."""
    shape = _service().operation_model(operation).input_shape
    report = ParamValidator().validate({"modelId": "m", **_with_bytes(body, shape)}, shape)
    assert not report.has_errors(), report.generate_report()
    _check_words(body, shape, "")


def _with_bytes(value: Any, shape: Any) -> Any:
    """The body as a caller of botocore would write it: with bytes where JSON has base64."""
    if shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    if shape.type_name == "structure" and isinstance(value, dict) and not shape.is_document_type:
        members = shape.members
        return {key: _with_bytes(item, members[key]) if key in members else item for key, item in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_with_bytes(item, shape.member) for item in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _with_bytes(item, shape.value) for key, item in value.items()}
    return value


def _check_words(value: Any, shape: Any, where: str) -> None:
    """What botocore leaves to the service: enumerations, patterns, and one member to a union."""
    if shape.type_name == "structure" and isinstance(value, dict) and not shape.is_document_type:
        if getattr(shape, "is_tagged_union", False):
            assert len(value) == 1, f"{where} has {sorted(value)}"
        for key, item in value.items():
            _check_words(item, shape.members[key], f"{where}.{key}")
    elif shape.type_name == "list" and isinstance(value, list):
        for item in value:
            _check_words(item, shape.member, f"{where}[]")
    elif shape.type_name == "string" and isinstance(value, str) and getattr(shape, "enum", None):
        assert value in shape.enum, f"{where} is {value!r}"


def parse_message(data: bytes) -> dict[str, Any]:
    """A whole answer as the package reads it."""
    with AwsServer(Reply(data)) as server:
        answer = client("bedrock-runtime", server.url).converse(modelId="m", messages=[])
    del answer["ResponseMetadata"]
    return answer


def parse_stream(data: bytes) -> list[dict[str, Any]]:
    """A streamed answer as the package reads it."""
    with AwsServer(Reply(data, headers={"content-type": CONTENT_TYPE})) as server:
        answer = client("bedrock-runtime", server.url).converse_stream(modelId="m", messages=[])
        return list(answer["stream"])


def parse_count(data: bytes) -> int:
    with AwsServer(Reply(data)) as server:
        return client("bedrock-runtime", server.url).count_tokens(modelId="m", input={"converse": {}})["inputTokens"]


def raised(data: bytes, status: int) -> ClientError:
    """The error that the package raises for this answer."""
    with AwsServer(Reply(data, status)) as server:
        try:
            client("bedrock-runtime", server.url).converse(modelId="m", messages=[])
        except ClientError as error:
            return error
    raise AssertionError("no error was raised")


def raised_in_stream(data: bytes) -> EventStreamError:
    try:
        parse_stream(data)
    except EventStreamError as error:
        return error
    raise AssertionError("no error was raised")

# Checks of decoded JSON that a format promises to look a certain way.

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, Protocol

from lingate._model import Call, JsonDict
from lingate._wire.json import decode
from lingate.errors import BadRequestError

_TYPES = {str: "a string", dict: "an object", list: "a list", bool: "true or false"}


class Malformed(ValueError):
    # A value is not what the format promises.

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where = where
        """Path of the value."""
        self.why = why
        """What is wrong with it."""


class Block(Protocol):
    def whole(self) -> JsonDict:
        # The block.
        # Raises ValueError: it cannot be put together.
        ...


def expect(value: Any, kind: type, where: str) -> None:
    # Check the JSON type of one value.
    # Raises Malformed: it is another.
    if not isinstance(value, kind):
        raise Malformed(where, f"must be {_TYPES[kind]}")


def are_texts(value: Any) -> bool:
    # Whether this is a list of strings.
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def expect_texts(value: Any, where: str) -> None:
    # Check for a list of strings.
    # Raises Malformed: it is none.
    if not are_texts(value):
        raise Malformed(where, "must be a list of strings")


def expect_filled(value: Any, where: str) -> None:
    # Check for a list with something in it.
    # Raises Malformed: it is none.
    if not isinstance(value, list) or not value:
        raise Malformed(where, "must be a list that is not empty")


def whole_blocks(blocks: Iterable[Block], check: Callable[[Any, str], None]) -> list[JsonDict] | None:
    # All blocks of a stream put together; None if one of them cannot be, because it was cut short or is none we know.
    try:
        made = [block.whole() for block in blocks]
        check(made, "content")
    except (Malformed, ValueError):
        return None
    return made


P = ParamSpec("P")


def client_request(parse: Callable[P, Call]) -> Callable[P, Call]:
    # What reads a client's request, so that what is malformed is told the client.
    def read(*args: P.args, **kwargs: P.kwargs) -> Call:
        try:
            return parse(*args, **kwargs)
        except Malformed as flaw:
            raise BadRequestError(str(flaw)) from None

    return read


def read_json(body: bytes) -> JsonDict:
    # Decode a request body.
    # Raises BadRequestError: it is not a JSON object.
    try:
        wire = decode(body)
    except ValueError as error:
        raise BadRequestError(f"the body is {error}") from None
    if not isinstance(wire, dict):
        raise BadRequestError("the body must be a JSON object")
    return wire


def model_and_stream(wire: JsonDict, path_args: Mapping[str, str]) -> tuple[str, bool]:
    # Which model a request body, or else its path, asks for, and whether for a stream.
    # Raises Malformed: there is none, or it is not said properly.
    model = wire.get("model") or path_args.get("model")
    if not isinstance(model, str):
        raise Malformed("model", "must be a string that is not empty")
    stream = wire.get("stream") or False
    expect(stream, bool, "stream")
    return model, stream

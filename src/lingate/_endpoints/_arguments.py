# What every endpoint does with its arguments: plain dicts out of whatever users hold, and nothing that was left at None.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, TypedDict

from lingate._model import Call, JsonDict, Operation
from lingate._providers.settings import HEADER_NAME, wrong_type
from lingate.errors import ConfigError

MAX_DEPTH = 64


class Extras(TypedDict, total=False):
    # What every endpoint's call takes besides its own fields.

    # drop_params: Leave out what the provider cannot express, instead of raising.
    # extra_headers: Sent besides ours, and instead of ours where names are equal.
    # extra_body: Merged into the wire body last.

    drop_params: bool
    extra_headers: Any
    extra_body: Any


def build(operation: Operation, model: str, body: JsonDict, extras: Extras, *, stream: bool = False) -> Call:
    extra_body = extras.get("extra_body")
    if extra_body is not None and not isinstance(extra_body, Mapping):
        raise wrong_type("extra_body", "a mapping", extra_body)
    return Call(
        operation,
        model,
        body,
        stream,
        extras.get("drop_params", False),
        text_mapping(extras.get("extra_headers"), "extra_headers"),
        None if extra_body is None else plain(extra_body, "extra_body"),
    )


def fields(params: Mapping[str, Any]) -> JsonDict:
    return {name: plain(value, name) for name, value in present(params).items()}


def list_stops(body: JsonDict) -> None:
    # Stop sequences as a list, of which a single one may be given alone.
    stop = body.get("stop")
    if isinstance(stop, str):
        body["stop"] = [stop]
    elif stop is not None and not (isinstance(stop, list) and all(isinstance(item, str) for item in stop)):
        raise ConfigError("stop must be a string or a list of strings")


def require_text(value: Any, name: str, purpose: str) -> str:
    # Text that is not empty; the error says what it is wanted for.
    if not isinstance(value, str):
        raise wrong_type(name, "a string", value)
    if not value:
        raise ConfigError(f"{name} is an empty string: there is nothing to {purpose}")
    return str(plain(value, name))


def require_list(value: Any, name: str, wanted: str, purpose: str) -> None:
    # A list, or another sequence that is no text, and not empty.
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray)):
        raise wrong_type(name, wanted, value)
    if not value:
        raise ConfigError(f"{name} is an empty list: there is nothing to {purpose}")


def present(params: Mapping[str, Any]) -> JsonDict:
    # The parameters that were given: a parameter set to None is one that was not set.
    return {key: value for key, value in params.items() if value is not None}


def plain(value: Any, where: str, depth: int = 0) -> Any:
    # Views, pydantic models and other mappings as plain JSON values; plain values are passed on as they are.
    kind = type(value)
    if kind is str or value is None or kind is bool or kind is int:
        return value
    if kind is float:
        if not isfinite(value):
            raise ConfigError(f"{where} is {value}, which has no JSON form")
        return value
    if depth > MAX_DEPTH:
        raise ConfigError(f"{where} is nested more than {MAX_DEPTH} levels deep")
    if kind is dict:
        return _plain_dict(value, where, depth)
    if kind is list or kind is tuple:
        return [plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    for method in () if isinstance(value, type) else ("to_dict", "model_dump", "_asdict"):
        convert = getattr(value, method, None)
        if callable(convert):
            # What a pydantic message leaves unset must not travel as null: some providers refuse it.
            found = convert(exclude_none=True) if method == "model_dump" else convert()
            return plain(found, where, depth + 1)
    if isinstance(value, Mapping):
        return _plain_dict(dict(value), where, depth)
    for base in (str, int, float):
        if isinstance(value, base):  # an enum, a number of numpy's: what it is to JSON
            return plain(base.__str__(value) if base is str else base(value), where)
    name = f"the class {value.__name__}" if isinstance(value, type) else f"a {kind.__name__}"
    raise ConfigError(f"{where} holds {name}, which has no JSON form")


def _plain_dict(value: dict[Any, Any], where: str, depth: int) -> JsonDict:
    out: JsonDict = {}
    for key, item in value.items():
        if type(key) is not str:
            raise ConfigError(f"{where} has the key {key!r}: JSON keys are strings")
        item_kind = type(item)
        out[key] = item if item_kind is str or item_kind is int else plain(item, f"{where}.{key}", depth + 1)
    return out


def require_model(model: Any) -> str:
    # The model argument, if it is usable.
    if not isinstance(model, str) or not model.strip():
        raise ConfigError(f"model must be a string of the form 'provider/model', not {model!r:.100}")
    return model


def text_mapping(value: Any, name: str) -> dict[str, str] | None:
    # Headers and the like: a mapping of strings to strings.
    # Raises ConfigError: It is not, or a value could break a header line; the value is not repeated, it may be a secret.
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise wrong_type(name, "a mapping of strings", value)
    for key, item in value.items():
        if not isinstance(key, str) or not isinstance(item, str):
            raise ConfigError(f"{name} must map strings to strings; {key!r} does not")
        if not HEADER_NAME.fullmatch(key):
            raise ConfigError(f"{name}: {key!r:.80} is not the name of a header")
        if any(ord(char) < 32 or ord(char) == 127 for char in key + item):
            raise ConfigError(f"{name}[{key!r}] holds a control character, which no header may")
    return dict(value)

"""Arguments of tool calls: JSON text in the canonical form, objects on several wires."""

from __future__ import annotations

from typing import Any

from lingate._dialects._draft import Draft
from lingate._model import JsonDict
from lingate._wire.json import decode, encode_str


def called(call: Any) -> Any:
    """The function of a call in a request, if it is one.

    What a tool for free text was given is shown as its one argument, so that a conversation in which another model had
    such a tool can be gone on with.
    """
    if not isinstance(call, dict):
        return None
    custom = call.get("custom")
    if call.get("type") == "custom" and isinstance(custom, dict):
        return {"name": custom.get("name"), "arguments": {"input": custom.get("input") or ""}}
    return call.get("function")


def arguments_object(arguments: Any, where: str, draft: Draft) -> JsonDict:
    """Arguments of a call in a request as an object; empty ones and `null` mean `{}`.

    Raises:
        ConfigError: They are not a JSON object. Sending anything else in their place would be an invention.
    """
    if isinstance(arguments, str):
        try:
            arguments = decode(arguments) if arguments.strip() else {}
        except ValueError as error:
            raise draft.broken(where, f"must be a JSON object in a string: {error}") from None
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise draft.broken(where, "must be a JSON object in a string")
    return arguments


def arguments_text(arguments: Any) -> str:
    """Arguments as JSON text, however they were given; none at all are an empty object."""
    if isinstance(arguments, str):
        return arguments if arguments.strip() else "{}"
    return "{}" if arguments is None else encode_str(arguments)


def shown_arguments(arguments: Any) -> JsonDict:
    """Arguments of a call in an answer as an object.

    Text that is no object is shown under a name, since a client that runs the tool must see what the model wrote.
    """
    if isinstance(arguments, dict):
        return arguments
    if not isinstance(arguments, str) or not arguments.strip():
        return {}
    try:
        found = decode(arguments)
    except ValueError:
        found = arguments
    return found if isinstance(found, dict) else {"arguments": found}

"""What the operations beside chat share: a body that is passed on nearly as it is, and an answer in one piece."""

from __future__ import annotations

from lingate._dialects.openai_chat.envelope import new_request, refuse
from lingate._dialects.openai_chat.parameters import rename_fields, rename_values
from lingate._dialects.openai_chat.reading import decode_object, hidden_error
from lingate._dialects.openai_chat.refusals import apply_refusals
from lingate._model import Call, Head, HttpRequest, JsonDict, Operation, Target


def begin(call: Call, target: Target, operation: Operation, path: str) -> tuple[HttpRequest, JsonDict]:
    """A request without a body, and its body as far as the row decides on it.

    Raises:
        UnsupportedError: The call asks for something the provider cannot express and `drop_params` is off.
    """
    sent = new_request(call, target, operation, path)
    wire = {"model": target.model, **{name: value for name, value in call.body.items() if value is not None}}
    wire.pop("provider_specific_fields", None)
    rename_values(wire, sent)
    apply_refusals(wire, sent)
    rename_fields(wire, sent)
    return sent, wire


def refuse_stream(wire: JsonDict, sent: HttpRequest) -> None:
    """Take `stream` out of an operation whose streams are not spoken here.

    Raises:
        UnsupportedError: It is asked for and `drop_params` is off.
    """
    if wire.pop("stream", None):
        refuse(sent, "stream", f": streams of {sent.call.operation} are not spoken here")


def read_object(sent: HttpRequest, head: Head, body: bytes) -> JsonDict:
    """The answer as a JSON object that is no error.

    Raises:
        UpstreamError: The body is an error.
        ProtocolError: It is not a JSON object.
    """
    raw = decode_object(body, sent.target)
    error = hidden_error(raw, sent.target, head.headers)
    if error is not None:
        raise error
    return raw

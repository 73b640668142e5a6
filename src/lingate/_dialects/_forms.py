"""Which format an operation is written in at a target."""

from __future__ import annotations

from lingate._dialects._base import OperationFormat, dialect
from lingate._model import Operation, Target

_RESPONSES = "openai_responses"


def form_of(target: Target, operation: Operation) -> OperationFormat:
    """The format of one operation at this target.

    `responses` is an operation and a wire format at once: where the row has it, it is spoken as it is, everywhere else as
    a chat in the row's own format.

    Raises:
        UnsupportedError: The target's wire format does not have the operation.
    """
    row = target.row
    if operation != "responses":
        return dialect(row.dialect).operation(operation, row.name)
    if "responses" in row.operations:
        return dialect(_RESPONSES).operation("responses", row.name)
    # Most processes never need it.
    from lingate._dialects.openai_responses.bridge import Bridge

    return Bridge(dialect(row.dialect).operation("chat", row.name))

# Which format an operation is written in at a target.

from __future__ import annotations

from lingate._dialects._base import OperationFormat, dialect
from lingate._model import Operation, Target

_RESPONSES = "openai_responses"
_PARTS = ("responses", "count_tokens")


def form_of(target: Target, operation: Operation) -> OperationFormat:
    # The format of one operation at this target.
    # `responses` is an operation and a wire format at once: where the row has it, it is spoken as it is, everywhere
    # else as a chat in the row's own format. So is `completions` where there are chats only. Counting tokens is part of
    # the first too, for rows whose chat format has no such thing.
    # Raises UnsupportedError: the target's wire format does not have the operation.
    row = target.row
    spoken = dialect(row.dialect)
    if operation in _PARTS and operation not in spoken.operations:
        if operation in row.operations:
            return dialect(_RESPONSES).operation(operation, row.name)
        if operation == "responses":
            # Most processes never need it.
            from lingate._dialects.openai_responses.bridge import Bridge

            return Bridge(spoken.operation("chat", row.name))
    if operation == "completions":
        form = spoken.operations.get(operation)
        if form is None or getattr(form, "face_only", False):
            from lingate._dialects.openai_chat.completions import Prompted  # as rarely

            return Prompted(spoken.operation("chat", row.name))
    return spoken.operation(operation, row.name)

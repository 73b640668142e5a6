# Classes the exceptions are built on: the openai package's where it is installed, so that its `except` clauses work too.
#
# Importing the openai package takes long, so this module is loaded with the first exception class that is used.

from __future__ import annotations

from typing import Any

try:
    import openai as _openai
except ImportError:
    _openai = None  # type: ignore[assignment]


class _Plain(Exception):
    # Stands in for the openai package's base class.
    pass


def _base(name: str, *parents: type[Exception]) -> Any:
    found = getattr(_openai, name, None)
    return found if isinstance(found, type) else type(name, parents or (_Plain,), {"__module__": __name__})


OpenAIError = _base("OpenAIError", Exception)
APIError = _base("APIError", OpenAIError)
APIStatusError = _base("APIStatusError", APIError)
APIConnectionError = _base("APIConnectionError", APIError)
APITimeoutError = _base("APITimeoutError", APIConnectionError)
APIResponseValidationError = _base("APIResponseValidationError", APIError)
AuthenticationError = _base("AuthenticationError", APIStatusError)
BadRequestError = _base("BadRequestError", APIStatusError)
ConflictError = _base("ConflictError", APIStatusError)
InternalServerError = _base("InternalServerError", APIStatusError)
NotFoundError = _base("NotFoundError", APIStatusError)
PermissionDeniedError = _base("PermissionDeniedError", APIStatusError)
RateLimitError = _base("RateLimitError", APIStatusError)
UnprocessableEntityError = _base("UnprocessableEntityError", APIStatusError)

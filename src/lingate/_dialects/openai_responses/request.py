"""Towards the upstream: a canonical call as a `/responses` request."""

from __future__ import annotations

from lingate._dialects._params import refuse_for_provider
from lingate._dialects.openai_chat.envelope import seal
from lingate._dialects.openai_chat.parameters import shorten_user
from lingate._dialects.openai_chat.structured import write_response_format
from lingate._dialects.openai_responses.draft import Draft, draft
from lingate._dialects.openai_responses.history import write_input
from lingate._dialects.openai_responses.params import (
    write_exact_rest,
    write_include,
    write_limit,
    write_reasoning,
    write_rest,
    write_sampling,
    write_storage,
    write_stream,
    write_text,
)
from lingate._dialects.openai_responses.tools import write_tool_fields
from lingate._model import Call, HttpRequest, Target


def write_request(call: Call, target: Target) -> HttpRequest:
    """A call, ready to be sent. A call of the `responses` operation goes out as its client wrote it.

    Raises:
        ConfigError: The call makes no sense in any format.
        UnsupportedError: Something has no counterpart here and `drop_params` is off.
    """
    made = write_body(call, target)
    return seal(made.sent, {"model": target.model, **made.body})


def write_body(call: Call, target: Target) -> Draft:
    """The wire body of a call, without `model`."""
    made = draft(call, target)
    if made.exact:
        _write_exactly(made)
    else:
        _translate(made)
    return made


def _write_exactly(made: Draft) -> None:
    write_input(made)
    write_limit(made)
    write_tool_fields(made)
    write_text(made)
    write_reasoning(made)
    write_exact_rest(made)


def _translate(made: Draft) -> None:
    # The row and the model's family speak of chat fields, so they come before anything is renamed.
    refuse_for_provider(made)
    write_response_format(made.asked, made.sent)
    write_storage(made)
    write_input(made)
    write_limit(made)
    write_tool_fields(made)
    write_text(made)
    write_reasoning(made)
    write_include(made)
    write_sampling(made)
    write_rest(made)
    shorten_user(made.body, made.sent, longest=64)
    write_stream(made)

# The wire request while it is being written, with what only this format needs.

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lingate._dialects import _draft
from lingate._dialects._envelope import new_request
from lingate._dialects._legacy_functions import modern
from lingate._dialects.openai_responses.facts import DEFAULTS, NAME, PATH
from lingate._model import Call, HttpRequest, JsonDict, Target, Traits


@dataclass(slots=True, kw_only=True)
class Draft(_draft.Draft):
    # One request under construction.

    sent: HttpRequest
    """The request around the body; notes of both go to one list."""
    native: JsonDict
    """What a client of this very format had asked for, where the canonical form says less."""
    exact: bool
    """The caller speaks this very format: what is not understood is sent as it is, nothing is added."""
    stateless: bool = True
    """The provider will not remember the answer."""
    custom: set[str] = field(default_factory=set)
    """Ids of calls of custom tools, whose results are items of another type."""
    known_ids: set[str] = field(default_factory=set)
    """Call ids that stand in the request as the provider made them."""


def draft(call: Call, target: Target) -> Draft:
    asked = modern(_draft.asked_of(call))
    traits: Traits = {**DEFAULTS, **target.traits}
    sent = new_request(call, target, "responses", PATH)
    return Draft(
        call,
        target,
        asked,
        traits,
        dropped=sent.dropped,
        sent=sent,
        native=native_fields(asked),
        exact=call.operation != "chat",
    )


def native_fields(holder: Any) -> JsonDict:
    # This format's part of `provider_specific_fields` of a request, message or response; empty if there is none.
    return _draft.native_fields(holder, NAME)

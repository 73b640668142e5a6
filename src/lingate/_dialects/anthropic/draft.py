# The wire request while it is being written, with what only this format needs.

from __future__ import annotations

from dataclasses import dataclass, field

from lingate._dialects import _draft
from lingate._dialects._legacy_functions import modern
from lingate._dialects.anthropic.facts import DEFAULTS, NAME
from lingate._model import Call, JsonDict, Target, Traits


@dataclass(slots=True)
class Draft(_draft.Draft):
    # One request under construction.

    native: JsonDict = field(default_factory=dict)
    """What a client of this very format had asked for, where the canonical form says less."""
    betas: list[str] = field(default_factory=list)
    """Values for the `anthropic-beta` header, in order of first need."""

    def need(self, beta: str) -> None:
        if beta not in self.betas:
            self.betas.append(beta)

    def config(self) -> JsonDict:
        # `output_config` of the wire body, made when first needed.
        found: JsonDict = self.body.setdefault("output_config", {})
        return found


def draft(call: Call, target: Target) -> Draft:
    asked = modern(_draft.asked_of(call))
    traits: Traits = {**DEFAULTS, **target.traits}
    return Draft(call, target, asked, traits, native=_draft.native_fields(asked, NAME))

# The wire request while it is being written, with what only this format needs.

from __future__ import annotations

from dataclasses import dataclass, field

from lingate._dialects import _draft
from lingate._dialects._legacy_functions import modern
from lingate._dialects.bedrock_converse.facts import DEFAULTS, NAME, family
from lingate._model import Call, JsonDict, Target, Traits


@dataclass(slots=True)
class Draft(_draft.Draft):
    # One request under construction.

    native: JsonDict = field(default_factory=dict)
    """What a client of this very format had asked for, where the canonical form says less."""
    family: str = ""
    """Whose model it is, see `facts.family`."""

    def inference(self) -> JsonDict:
        # `inferenceConfig` of the wire body, made when first needed.
        found: JsonDict = self.body.setdefault("inferenceConfig", {})
        return found

    def additional(self) -> JsonDict:
        # `additionalModelRequestFields`: what this model takes beyond Converse.
        found: JsonDict = self.body.setdefault("additionalModelRequestFields", {})
        return found

    def output(self) -> JsonDict:
        # `outputConfig` of the wire body.
        found: JsonDict = self.body.setdefault("outputConfig", {})
        return found

    def instruct(self, text: str) -> None:
        # Tell the model something that the format has no field for.
        self.body["system"] = [*self.body.get("system", ()), {"text": text}]


def draft(call: Call, target: Target) -> Draft:
    asked = modern(_draft.asked_of(call))
    traits: Traits = {**DEFAULTS, **target.traits}
    native = _draft.native_fields(asked, NAME)
    return Draft(call, target, asked, traits, native=native, family=family(target))

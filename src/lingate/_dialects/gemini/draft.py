# The wire request while it is being written: what this format keeps in addition.

from __future__ import annotations

from dataclasses import dataclass, field

from lingate._dialects import _draft
from lingate._dialects._draft import asked_of, native_fields
from lingate._dialects._legacy_functions import modern
from lingate._dialects.gemini.facts import DEFAULTS, NAME
from lingate._model import Call, JsonDict, Target, replaced
from lingate._wire.shapes import as_dict, without

_GOOGLES = ("google", "extra_body")


@dataclass(slots=True)
class Draft(_draft.Draft):
    # One request under construction.

    native: JsonDict = field(default_factory=dict)
    """What a client of this very format had asked for, where the canonical form says less."""
    names: dict[str, str] = field(default_factory=dict)
    """Function name of each tool call so far, by its canonical id; answers must repeat it."""
    wire_ids: dict[str, str | None] = field(default_factory=dict)
    """What each of these calls has as its id on the wire, if it has one there."""

    @property
    def newest(self) -> bool:
        # The model is known to be of the generation that signs its thoughts and takes media in tool results.
        return self.target.traits.get("thinking") == "level"

    def config(self) -> JsonDict:
        # `generationConfig` of the wire body, made when first needed.
        found: JsonDict = self.body.setdefault("generationConfig", {})
        return found


def begin(call: Call, target: Target) -> Draft:
    # What clients of Google's OpenAI-shaped APIs say in `google` or `extra_body.google` are fields like others here.
    # https://ai.google.dev/gemini-api/docs/openai#extra-body
    body, extra, googles = call.body, call.extra_body or {}, JsonDict()
    for holder in (body, extra):
        inner = as_dict(holder.get("extra_body"))
        googles |= {**without(inner, _GOOGLES), **as_dict(holder.get("google")), **as_dict(inner.get("google"))}
    if googles:
        body, extra = {**without(body, _GOOGLES), **googles}, without(extra, _GOOGLES)
        call = replaced(call, body=body, extra_body=extra or None)
    asked = modern(asked_of(call))
    native = dict(native_fields(asked, NAME))
    for name in ("generationConfig", "toolConfig"):
        if not isinstance(native.get(name, {}), dict):
            del native[name]
    return Draft(call, target, asked, {**DEFAULTS, **target.traits}, native=native)

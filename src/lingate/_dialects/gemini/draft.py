# The wire request while it is being written: what this format keeps in addition.

from __future__ import annotations

from dataclasses import dataclass, field

from lingate._dialects import _draft
from lingate._dialects._draft import asked_of, native_fields
from lingate._dialects._legacy_functions import modern
from lingate._dialects.gemini.casing import camel
from lingate._dialects.gemini.facts import BODY_FIELDS, DEFAULTS, GENERATION_FIELDS, NAME
from lingate._model import Call, JsonDict, Target, replaced
from lingate._wire.shapes import as_dict, dig, without


@dataclass(slots=True)
class Draft(_draft.Draft):
    """One request under construction."""

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
    # Google's OpenAI-shaped APIs take words of their own in `google`, or in `extra_body.google`: they are fields here.
    # https://ai.google.dev/gemini-api/docs/openai#extra-body
    body, extra = call.body, call.extra_body or {}
    googles: JsonDict = {}
    for holder in (body, extra):
        googles |= {**as_dict(holder.get("google")), **as_dict(dig(holder, "extra_body", "google"))}
    fields = {name: value for name, value in googles.items() if camel(name) in GENERATION_FIELDS | BODY_FIELDS}
    if googles:
        call = replaced(call, body={**_without_googles(body), **fields}, extra_body=_without_googles(extra) or None)
    asked = modern(asked_of(call))
    native = dict(native_fields(asked, NAME))
    for name in ("generationConfig", "toolConfig"):
        if not isinstance(native.get(name, {}), dict):
            del native[name]
    draft = Draft(call, target, asked, {**DEFAULTS, **target.traits}, native=native)
    for name in googles.keys() - fields:
        draft.refuse(f"google.{name}", "it is a word of Google's OpenAI-shaped API alone")
    return draft


def _without_googles(holder: JsonDict) -> JsonDict:
    inner = without(as_dict(holder.get("extra_body")), ("google",))
    return {**without(holder, ("google", "extra_body")), **({"extra_body": inner} if inner else {})}

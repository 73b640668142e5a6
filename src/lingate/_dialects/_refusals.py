# What a row says its provider refuses, taken out of requests.

# `ProviderRow.unsupported` has fields, or values of fields, that a provider refuses. The forms are `field`, `field.inner`,
# `list[].field` and, for values, `field>1`, `field>=2`, `field=word` and `field!=word`.

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from lingate._model import JsonDict, Record
from lingate._wire.shapes import without

_FORM = re.compile(r"(?P<path>[^<>=!\s]+?)\s*(?:(?P<op>>=|<=|!=|==|=|>|<)\s*(?P<value>.+))?")

_COMPARE = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

# Values that mean the same as leaving the field out: clients send them by habit, nobody loses anything.
_NEUTRAL = {
    "n": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "parallel_tool_calls": (True,),
    "store": (False,),
    "metadata": ({},),
    "service_tier": ("auto",),
    "verbosity": ("medium",),
    "temperature": (1,),
    "top_p": (1,),
    "min_p": (0,),
    "repetition_penalty": (1,),
    "tool_choice": ("auto",),
    "response_format": ({"type": "text"}, "b64_json"),  # models of images that refuse it answer so
    "encoding_format": ("float",),
}

# What these ask for is done on our side, so a provider that does not know them loses nothing.
_OURS = frozenset({"stop", "stream", "stream_options", "model", "messages"})


class _Refusal(Record):
    text: str
    path: tuple[str, ...]
    op: str | None
    value: Any

    def hits(self, found: Any) -> bool:
        # Whether this value is one the provider refuses.
        if self.op is None:
            return True
        if self.op in _COMPARE:
            return (
                isinstance(found, int | float)
                and isinstance(self.value, float)
                and _COMPARE[self.op](found, self.value)
            )
        same = found == self.value or str(found).lower() == str(self.value).lower()
        return same if self.op in {"=", "=="} else not same


@lru_cache(maxsize=512)
def _compiled(unsupported: tuple[str, ...]) -> tuple[_Refusal, ...]:
    matches = ((text, _FORM.fullmatch(text)) for text in unsupported)
    return tuple(
        _Refusal(text, tuple(form["path"].split(".")), form["op"], _value(form["value"]))
        for text, form in matches
        if form is not None and text not in _OURS
    )


def _value(text: str | None) -> Any:
    try:
        return float(text) if text else None
    except ValueError:
        return text


def take_out(fields: JsonDict, unsupported: tuple[str, ...], refused: Callable[[str], None]) -> None:
    # Take out of a request's fields what a provider refuses.
    # `fields`: changed in place; what they hold is not.
    # `refused`: told of each thing before it is taken out, unless it says no more than its absence; may raise.
    for refusal in _compiled(unsupported):
        name = refusal.path[0]
        if len(refusal.path) == 1:
            if name in fields and refusal.hits(fields[name]):
                if fields[name] not in _NEUTRAL.get(name, ()):
                    refused(refusal.text)
                del fields[name]
            continue
        cut = _without(fields, refusal.path, refusal)
        if cut is not fields:
            refused(refusal.text)
            fields.update(cut)


def _without(value: Any, path: tuple[str, ...], refusal: _Refusal) -> Any:
    # The value without what the path leads to; the same object if the path leads nowhere.
    name, rest = path[0], path[1:]
    listed = name.endswith("[]")
    name = name.removesuffix("[]")
    if not isinstance(value, dict) or name not in value:
        return value
    inner = value[name]
    if not rest:
        return without(value, (name,)) if refusal.hits(inner) else value
    if not listed:
        cut = _without(inner, rest, refusal)
        return value if cut is inner else {**value, name: cut}
    if not isinstance(inner, list):
        return value
    items = [_without(item, rest, refusal) for item in inner]
    return value if all(new is old for new, old in zip(items, inner, strict=True)) else {**value, name: items}

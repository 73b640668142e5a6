# Microsoft Foundry's models of other makers: OpenAI's formats on three surfaces (PROVIDERS.md, 4.5).

# A version that is a date means the older Model Inference surface here; without one the v1 surface is used.

from __future__ import annotations

from lingate._dialects._adapted import Rehosted
from lingate._dialects._azure import place_of, surface_of, url_for, with_key_as
from lingate._dialects._base import Dialect
from lingate._dialects.openai_chat import DIALECT as OPENAI_CHAT
from lingate._dialects.openai_chat import by_responses
from lingate._dialects.openai_responses import DIALECT as OPENAI_RESPONSES
from lingate._model import Call, Target, replaced

_EXTRA = "extra-parameters"
"""Header of the inference surface: what becomes of fields that it does not know. Its default is to refuse the call."""


def _target(call: Call, target: Target) -> Target:
    asked = by_responses(call, target)
    if asked is not target:
        return _responses_target(call, asked)
    place = place_of(target.url)
    surface = surface_of(place, "inference")
    moved = replaced(target, url=url_for(place, surface, target.model))
    if surface == "serverless":
        return with_key_as(moved, "authorization", "Bearer {key}")
    if surface == "inference" and _EXTRA not in moved.headers:
        return replaced(moved, headers={**moved.headers, _EXTRA: "pass-through"})
    return moved


def _responses_target(call: Call, target: Target) -> Target:
    return replaced(target, url=url_for(place_of(target.url), "v1", target.model))


DIALECT = Dialect(
    name="azure_inference",
    operations={
        "chat": Rehosted(OPENAI_CHAT.operations["chat"], _target),
        "embeddings": Rehosted(OPENAI_CHAT.operations["embeddings"], _target),
        "responses": Rehosted(OPENAI_RESPONSES.operations["responses"], _responses_target),
    },
    render_error=OPENAI_CHAT.render_error,
)

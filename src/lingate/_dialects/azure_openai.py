# Azure OpenAI: OpenAI's formats, with the version of the API and the deployment in the address (PROVIDERS.md, 4.4).

from __future__ import annotations

from typing import Any

from lingate._dialects._adapted import Rehosted, edited
from lingate._dialects._azure import (
    Place,
    is_date,
    place_of,
    surface_of,
    url_for,
    version_for,
    with_key_as,
    with_query,
)
from lingate._dialects._base import Dialect
from lingate._dialects._envelope import refuse
from lingate._dialects.openai_chat import DIALECT as OPENAI_CHAT
from lingate._dialects.openai_chat import by_responses
from lingate._dialects.openai_responses import DIALECT as OPENAI_RESPONSES
from lingate._model import Call, Edit, HttpRequest, JsonDict, Target, replaced
from lingate._wire.shapes import dig

_STREAM_OPTIONS_SINCE = "2024-09"
"""Version from which `stream_options` and `max_completion_tokens` are known."""
_RESPONSES_SINCE = "2025-03"
"""Version from which the Responses API is known; to others 400 "is enabled only for api-version 2025-03-01-preview and
later" (Aider-AI/aider#4029), so they are asked on the v1 surface."""


def chat_target(call: Call, target: Target) -> Target:
    # Where chats go, and what is different about their bodies there.
    asked = by_responses(call, target)
    if asked is not target:
        return responses_target(call, asked)
    moved = _target(call, target)
    return edited(moved, _body_edit(place_of(moved.url)))


def responses_target(call: Call, target: Target) -> Target:
    # Where the Responses API and the list of models are: their dated forms have no deployment in the address.
    place = place_of(target.url)
    version = version_for(place, "dated") or ""
    if surface_of(place, "dated") == "dated" and (call.operation == "models" or version >= _RESPONSES_SINCE):
        return replaced(target, url=with_query(place, "/openai", version))
    return replaced(target, url=url_for(place, "v1", target.model))


def _target(call: Call, target: Target) -> Target:
    place = place_of(target.url)
    surface = surface_of(place, "dated")
    moved = replaced(target, url=url_for(place, surface, target.model))
    return with_key_as(moved, "authorization", "Bearer {key}") if surface == "serverless" else moved


def _body_edit(place: Place) -> Edit:
    # What Azure's chat differs in.
    # The name of a deployment does not tell whether its model reasons, so a cap that the caller named as reasoning models
    # want it keeps that name; versions from before there were such models know neither it nor `stream_options`.
    old = is_date(place.version) and (place.version or "") < _STREAM_OPTIONS_SINCE

    def edit(body: JsonDict, sent: HttpRequest) -> None:
        if old:
            body.pop("stream_options", None)
        elif (
            "max_tokens_param" not in sent.target.traits
            and "max_tokens" in body
            and sent.call.body.get("max_completion_tokens") is not None
            and sent.call.body.get("max_tokens") is None
        ):
            body["max_completion_tokens"] = body.pop("max_tokens")
        body["messages"] = [_without_files(message, sent) for message in body["messages"]]

    return edit


def _without_files(message: Any, sent: HttpRequest) -> Any:
    content = dig(message, "content")
    if not isinstance(content, list) or not any(map(_is_file, content)):
        return message
    refuse(sent, "messages[].content[].file", ": files are taken by its Responses API only")
    return {**message, "content": [part for part in content if not _is_file(part)]}


def _is_file(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "file"


_CHAT = OPENAI_CHAT.operations

DIALECT = Dialect(
    name="azure_openai",
    operations={
        **{name: Rehosted(inside, _target) for name, inside in _CHAT.items() if name != "rerank"},
        "chat": Rehosted(_CHAT["chat"], chat_target),
        "models": Rehosted(_CHAT["models"], responses_target),
        "responses": Rehosted(OPENAI_RESPONSES.operations["responses"], responses_target),
    },
    render_error=OPENAI_CHAT.render_error,
)

# IBM watsonx.ai: OpenAI's chat format with the project in the body, and a path of its own for streams (PROVIDERS.md, 4.9).

# A model written `deployment/<id>` is a deployment. Answers of the older text generation are understood too.

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from lingate._dialects._adapted import edited
from lingate._dialects._base import Dialect
from lingate._dialects._envelope import join_url
from lingate._dialects._reshaped import Reshaped
from lingate._dialects._texts import generated
from lingate._dialects.openai_chat import DIALECT as OPENAI_CHAT
from lingate._model import Call, HttpRequest, JsonDict, Target, replaced
from lingate.errors import ConfigError

_DEPLOYMENT = ("deployment/", "deployments/")


def _target(call: Call, target: Target) -> Target:
    deployment = next((target.model[len(word) :] for word in _DEPLOYMENT if target.model.startswith(word)), None)
    place = "/ml/v1/text" if deployment is None else f"/ml/v1/deployments/{quote(deployment, safe='')}/text"
    url = join_url(target.url, f"{place}/{'chat_stream' if call.stream else 'chat'}", "")

    def write(body: JsonDict, sent: HttpRequest) -> None:
        sent.url = url
        model = body.pop("model")
        for name in ("stream", "stream_options"):
            body.pop(name, None)
        if isinstance(body.get("tool_choice"), str):
            body["tool_choice_option"] = body.pop("tool_choice")
        if deployment is not None:
            # It knows its own model and space.
            for name in ("project_id", "space_id"):
                body.pop(name, None)
            return
        body["model_id"] = model
        _one_owner(body, sent)

    return edited(replaced(target, traits={"stream_end": "finish", **target.traits}), write)


def _one_owner(body: JsonDict, sent: HttpRequest) -> None:
    # A project or a space, and never both.
    given = sent.call.extra_body or {}
    if "project_id" in body and "space_id" in body:
        del body["space_id" if "space_id" not in sent.call.body else "project_id"]
    if not {"project_id", "space_id"} & {*body, *given}:
        raise ConfigError(
            f"{sent.target.provider} needs a project or a space",
            provider=sent.target.provider,
            model=sent.target.model,
            hint="set WATSONX_PROJECT_ID, or pass project_id or space_id",
        )


def _rewrite(raw: JsonDict) -> JsonDict:
    results = raw.get("results")
    if isinstance(results, list) and "choices" not in raw:
        return generated(results, raw)
    model: Any = raw.get("model_id")
    return {**raw, "model": model} if model and not raw.get("model") else raw


DIALECT = Dialect(
    name="watsonx_chat",
    operations={"chat": Reshaped(OPENAI_CHAT.operations["chat"], _target, _rewrite)},
    render_error=OPENAI_CHAT.render_error,
)

# SAP's orchestration service: OpenAI's chat format inside a configuration of modules (PROVIDERS.md, 4.9).

# https://help.sap.com/docs/sap-ai-core/sap-ai-core-service-guide/orchestration. The base URL is that of a deployment; which
# ones there are is asked elsewhere.

from __future__ import annotations

from typing import Any

from lingate._dialects._adapted import edited
from lingate._dialects._base import Dialect
from lingate._dialects._envelope import join_url
from lingate._dialects._reshaped import Reshaped
from lingate._dialects.openai_chat import DIALECT as OPENAI_CHAT
from lingate._model import Call, HttpRequest, JsonDict, Target, replaced
from lingate._wire.shapes import as_dict, without

_PATH = "/v2/completion"
_PROMPT = ("tools", "response_format")
_CHUNK_SIZE = 100
"""Characters by which the service cuts streams unless it is told otherwise."""


def _target(call: Call, target: Target) -> Target:
    # Service keys give the address without the version that deployments have in theirs, variables often with it.
    url = join_url(target.url.replace("/v2/v2/", "/v2/"), _PATH, "")
    return edited(
        replaced(target, traits={"stream_end": "finish", **target.traits}), lambda body, sent: _wrap(body, sent, url)
    )


def _wrap(body: JsonDict, sent: HttpRequest, url: str) -> None:
    sent.url = url
    model: JsonDict = {"name": body.pop("model"), "version": body.pop("model_version", "latest")}
    prompt: JsonDict = {"template": body.pop("messages", [])}
    prompt.update((name, body.pop(name)) for name in _PROMPT if name in body)
    streamed = body.pop("stream", False)
    options = body.pop("stream_options", None)
    if body:
        model["params"] = dict(body)
    config: JsonDict = {"modules": {"prompt_templating": {"prompt": prompt, "model": model}}}
    if streamed:
        asked: Any = as_dict(options)
        rest = without(asked, ("include_usage",))
        config["stream"] = {"enabled": True, "chunk_size": _CHUNK_SIZE, **rest}
    body.clear()
    body["config"] = config


def _rewrite(raw: JsonDict) -> JsonDict:
    inner = raw.get("final_result") or raw.get("orchestration_result")
    if not isinstance(inner, dict):
        return raw
    rest = without(raw, ("final_result", "orchestration_result"))
    return {**rest, **inner}


DIALECT = Dialect(
    name="sap_orchestration",
    operations={"chat": Reshaped(OPENAI_CHAT.operations["chat"], _target, _rewrite)},
    render_error=OPENAI_CHAT.render_error,
)

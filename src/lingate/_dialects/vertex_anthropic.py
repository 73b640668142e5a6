# Claude on Vertex AI: Anthropic's format, with the model in the address and the version in the body.

from __future__ import annotations

from urllib.parse import quote

from lingate._dialects._adapted import Rehosted, edited
from lingate._dialects._base import Dialect
from lingate._dialects._claude import BETA
from lingate._dialects._vertex import location_url
from lingate._dialects.anthropic import DIALECT as ANTHROPIC
from lingate._model import Call, HttpRequest, JsonDict, Target, replaced
from lingate._wire.shapes import without

_VERSION = "vertex-2023-10-16"
_COUNTER = "count-tokens"


def _target(call: Call, target: Target) -> Target:
    # The target with the body's last edit and the address.
    base = f"{location_url(target)}/publishers/anthropic/models"
    counts = call.operation == "count_tokens"
    method = "streamRawPredict" if call.stream else "rawPredict"
    url = f"{base}/{_COUNTER if counts else quote(target.model, safe='@')}:{method}"

    def write(body: JsonDict, sent: HttpRequest) -> None:
        if counts:  # it knows neither the name of the newest version nor most betas: BerriAI/litellm#25798, #39597
            body["model"] = body["model"].removesuffix("@default")
            sent.headers = without(sent.headers, (BETA,))
        else:
            del body["model"]
        body["anthropic_version"] = _VERSION
        sent.url = url

    return edited(replaced(target, url=base), write)


DIALECT = Dialect(
    name="vertex_anthropic",
    operations={name: Rehosted(ANTHROPIC.operations[name], _target) for name in ("chat", "count_tokens")},
    render_error=ANTHROPIC.render_error,
)

# Models of other publishers on Vertex AI: OpenAI's chat format at two kinds of addresses.

# `publisher/model` goes to the one endpoint for all open models; a model under `publishers/<publisher>/models/` has an address of
# its own, where the same body is predicted upon.

from __future__ import annotations

from urllib.parse import quote

from lingate._dialects._adapted import Rehosted, edited
from lingate._dialects._base import Dialect
from lingate._dialects._vertex import location_url
from lingate._dialects.openai_chat import DIALECT as OPENAI_CHAT
from lingate._model import Call, HttpRequest, JsonDict, Target, replaced

_OWN_ADDRESS = "publishers/"


def _target(call: Call, target: Target) -> Target:
    base = location_url(target)
    if not target.model.startswith(_OWN_ADDRESS):
        return replaced(target, url=f"{base}/endpoints/openapi")
    method = "streamRawPredict" if call.stream else "rawPredict"

    def write(body: JsonDict, sent: HttpRequest) -> None:
        # A version after @ belongs to the address.
        body["model"] = target.model.rpartition("/")[2].partition("@")[0]
        sent.url = f"{base}/{quote(target.model, safe='/@')}:{method}"

    return edited(replaced(target, url=base), write)


DIALECT = Dialect(
    name="vertex_openai",
    operations={"chat": Rehosted(OPENAI_CHAT.operations["chat"], _target)},
    render_error=OPENAI_CHAT.render_error,
)

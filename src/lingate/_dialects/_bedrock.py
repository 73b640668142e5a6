# Requests to Bedrock's runtime, and to SageMaker's: `/model/{modelId}/{method}`, whatever the body's format.

from __future__ import annotations

import re
from urllib.parse import quote

from lingate._dialects._claude import BETA
from lingate._dialects._draft import Draft
from lingate._dialects._envelope import join_url, merge_headers
from lingate._model import HttpRequest

# Of the partitions where these services are (botocore's partitions.json); rows have the host of the usual one.
_DOMAINS = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}
_ELSEWHERE = re.compile(r"(https://[\w.-]+\.(cn|eusc)-[a-z-]+-\d+\.)amazonaws\.com(?=/)")


def begin_request(made: Draft, method: str, model: str, place: str = "model") -> HttpRequest:
    # The request around a body that is written.
    # `made`: what was written, for what must be said about it.
    # `model`: name in the path. It may hold slashes and colons (an ARN), which are no part of the path.
    # `place`: what stands before the name.
    call, target = made.call, made.target
    url = join_url(target.url, f"/{place}/{quote(model, safe='')}/{method}", target.model)
    url = _ELSEWHERE.sub(lambda found: found[1] + _DOMAINS[found[2]], url, 1)
    headers = {"content-type": "application/json", **target.headers}
    extra = call.extra_headers
    merged = merge_headers(headers, extra) if extra else headers
    # Claude's features stand in bodies there: AWS takes the header away.
    told = {name: value for name, value in merged.items() if name.lower() not in (BETA, "anthropic-version")}
    sent = HttpRequest("POST", url, told, b"", call, target)
    made.hand_over(sent)
    return sent

# Towards the upstream: a canonical call as an HTTP request.

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from lingate._dialects._envelope import merge_headers, seal
from lingate._dialects._params import refuse_for_provider
from lingate._dialects._vertex import at_its_host
from lingate._dialects.gemini.draft import Draft, begin
from lingate._dialects.gemini.facts import COUNT, STREAM, WHOLE
from lingate._dialects.gemini.params import write_output, write_rest, write_sampling, write_stop, write_thinking
from lingate._dialects.gemini.tools import FORMAT_FIELDS, write_format, write_tools
from lingate._dialects.gemini.turns import write_messages
from lingate._model import Call, HttpRequest, JsonDict, Operation, Target
from lingate._wire.shapes import without

_TUNED = re.compile(r"(?:endpoints/)?\d+|endpoints/.+")
_COPIED = re.compile(r"/models(?:/[^/]+)?$")
"""What a base URL has too much if it was copied from a request."""
_LOCATION = re.compile(r"projects/[^/]+/locations/([^/]+)/")
_COUNTED_FLAT = ("contents", "systemInstruction", "tools", "generationConfig")
_HANDLED = frozenset({"generationConfig", "tools", "toolConfig"})
_HANDLED_CONFIG = FORMAT_FIELDS | {"thinkingConfig"}


def write_body(call: Call, target: Target) -> Draft:
    # The wire body of a chat call.
    # Raises ConfigError: the call makes no sense in any format.
    made = begin(call, target)
    refuse_for_provider(made)
    write_messages(made)
    _write_kept(made)
    write_tools(made)
    write_sampling(made)
    write_stop(made)
    write_output(made)
    write_thinking(made)
    write_format(made)
    write_rest(made)
    return made


def chat_request(call: Call, target: Target) -> HttpRequest:
    made = write_body(call, target)
    method = f"{STREAM}?alt=sse" if call.stream else WHOLE
    return finish_request(made, method_url(target, method, "chat"), made.body)


def count_request(call: Call, target: Target) -> HttpRequest:
    made = write_body(call, target)
    made.answer_tool, made.stop = None, ()
    if made.traits.get("google_cloud"):
        body = {name: made.body[name] for name in _COUNTED_FLAT if name in made.body}
    elif made.body.keys() <= {"contents", "generationConfig"}:
        body = {"contents": made.body["contents"]}
    else:
        counted = without(made.body, ("generationConfig",))
        body = {"generateContentRequest": {"model": resource_name(target.model), **counted}}
    return finish_request(made, method_url(target, COUNT, "count_tokens"), body)


def method_url(target: Target, method: str, operation: Operation) -> str:
    # The address of a method of the target's model.
    # Models of the publisher are below the base URL; tuned ones (`endpoints/123`, `tunedModels/x`) and full resource
    # names (`projects/...`) have places of their own.
    base, _, query = target.url.partition("?")
    base, model = at_its_host(_COPIED.sub("", base.rstrip("/"))), target.model
    if base.rpartition("/")[0].endswith("/locations"):
        base += "/publishers/google"
    own = target.row.paths.get(operation)
    if own is not None:
        path = own.replace("{model}", quote(model, safe="@")).replace("{method}", method)
        return _with_query(base + path, query)
    if _TUNED.fullmatch(model):
        base, model = base.partition("/publishers/")[0], model if "/" in model else f"endpoints/{model}"
    elif model.startswith("publishers/"):
        base = base.partition("/publishers/")[0]
    elif model.startswith("projects/"):
        base = base.partition("/projects/")[0]
        place = _LOCATION.match(model)
        base = at_its_host(f"{base}/", place and place[1]).rstrip("/")
    elif "/" not in model:
        model = f"models/{model}"
    return _with_query(f"{base}/{quote(model, safe='/@')}:{method}", query)


def resource_name(model: str) -> str:
    return model if "/" in model else f"models/{model}"


def finish_request(made: Draft, url: str, body: JsonDict) -> HttpRequest:
    # Let the provider's quirks and the caller's own fields have the last word, and encode.
    call, target = made.call, made.target
    sent = HttpRequest("POST", url, headers_for(call, target), b"", call, target)
    made.hand_over(sent)
    return seal(sent, body, body)  # one level deeper than elsewhere: nearly everything is inside `generationConfig`


def headers_for(call: Call, target: Target) -> Mapping[str, str]:
    # Headers of a request.
    # Names are matched whatever their case; the caller's win.
    return merge_headers(merge_headers({"content-type": "application/json"}, target.headers), call.extra_headers or {})


def _write_kept(draft: Draft) -> None:
    # What a client of this format asked for and the canonical form has no word for.
    for name, value in draft.native.items():
        if name not in _HANDLED:
            draft.body[name] = value
    config = draft.native.get("generationConfig")
    if isinstance(config, dict):
        kept = without(config, _HANDLED_CONFIG)
        if kept:
            draft.config().update(kept)


def _with_query(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url

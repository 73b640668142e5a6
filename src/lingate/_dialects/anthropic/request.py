"""Towards the upstream: a canonical call as an HTTP request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lingate._dialects.anthropic.caching import limit_cache_marks
from lingate._dialects.anthropic.draft import Draft, draft
from lingate._dialects.anthropic.facts import CHAT_PATH, COMPACT_BETA, VERSION
from lingate._dialects.anthropic.params import (
    refuse_for_provider,
    write_identity,
    write_limit,
    write_rest,
    write_stop,
)
from lingate._dialects.anthropic.thinking import write_sampling, write_thinking
from lingate._dialects.anthropic.tools import write_format, write_tools
from lingate._dialects.anthropic.turns import write_messages
from lingate._model import Call, HttpRequest, JsonDict, Target
from lingate._wire.json import encode
from lingate.errors import ConfigError

_COUNTED = frozenset(
    {"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control", "mcp_servers"}
)
"""Fields that `count_tokens` takes; the others do not change the count."""


def write_body(call: Call, target: Target) -> Draft:
    """The wire body of a call, without `model` and `stream`: hosts of this format differ in where those go.

    Raises:
        ConfigError: The call makes no sense in any format.
        UnsupportedError: Something has no counterpart here and `drop_params` is off.
    """
    made = draft(call, target)
    refuse_for_provider(made)
    write_limit(made)
    turns = write_messages(made)
    write_tools(made, list(turns.tools_used))
    thinking = write_thinking(made)
    write_format(made, thinking)
    write_sampling(made, thinking)
    write_stop(made)
    write_identity(made)
    write_rest(made)
    limit_cache_marks(made)
    if _has_block(made.body["messages"], "compaction"):
        made.need(COMPACT_BETA)
    return made


def chat_request(call: Call, target: Target) -> HttpRequest:
    """A chat call, ready to be sent."""
    made = write_body(call, target)
    body: JsonDict = {"model": target.model, **made.body}
    if call.stream:
        body["stream"] = True
    return finish_request(made, target.url + target.row.paths.get("chat", CHAT_PATH), body)


def count_request(call: Call, target: Target) -> HttpRequest:
    """A call that counts the tokens a chat call would read."""
    made = write_body(call, target)
    body = {"model": target.model, **made.body}
    body = {name: value for name, value in body.items() if name in _COUNTED}
    made.answer_tool, made.stop = None, ()
    path = target.row.paths.get("count_tokens", target.row.paths.get("chat", CHAT_PATH) + "/count_tokens")
    return finish_request(made, target.url + path, body)


def finish_request(made: Draft, url: str, body: JsonDict) -> HttpRequest:
    """Let the provider's quirks and the caller's own fields have the last word, and encode."""
    call, target = made.call, made.target
    sent = HttpRequest("POST", url, headers_for(call, target, made.betas), b"", call, target)
    sent.dropped, sent.answer_tool, sent.stop = made.dropped, made.answer_tool, made.stop
    for edit in target.edits:
        edit(body, sent)
    body.update(call.extra_body or {})
    try:
        sent.body = encode(body)
    except TypeError as error:
        raise ConfigError(
            f"the request holds something that JSON has no form for: {error}",
            provider=target.provider,
            model=target.model,
        ) from None
    return sent


def headers_for(call: Call, target: Target, betas: Iterable[str] = ()) -> Mapping[str, str]:
    """Headers of a request. Names are matched whatever their case; the caller's win, beta features add up."""
    headers = {"content-type": "application/json"}
    features: list[str] = []
    for name, value in [*target.headers.items(), *(call.extra_headers or {}).items()]:
        if name.lower() == "anthropic-beta":
            features += [feature.strip() for feature in value.split(",")]
        else:
            headers = {known: kept for known, kept in headers.items() if known.lower() != name.lower()}
            headers[name] = value
    if not any(name.lower() == "anthropic-version" for name in headers):
        headers["anthropic-version"] = VERSION
    features = list(dict.fromkeys([*filter(None, features), *betas]))
    if features:
        headers["anthropic-beta"] = ",".join(features)
    return headers


def _has_block(turns: list[JsonDict], kind: str) -> bool:
    for turn in turns:
        content = turn["content"]
        if not isinstance(content, str):
            for block in content:
                if block["type"] == kind:
                    return True
    return False

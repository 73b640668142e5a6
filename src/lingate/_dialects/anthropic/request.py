# Towards the upstream: a canonical call as an HTTP request. At most four `cache_control` marks reach the wire.

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lingate._dialects._claude import BETA, asked_betas
from lingate._dialects._envelope import join_url, seal
from lingate._dialects._params import refuse_for_provider, sampling, stops
from lingate._dialects.anthropic.draft import Draft, draft
from lingate._dialects.anthropic.facts import CHAT_PATH, COMPACT_BETA, MAX_CACHE_MARKS, SCOPE_BETA, VERSION
from lingate._dialects.anthropic.params import (
    write_identity,
    write_limit,
    write_rest,
    write_thinking,
)
from lingate._dialects.anthropic.tools import write_format, write_tools
from lingate._dialects.anthropic.turns import write_messages
from lingate._model import Call, HttpRequest, JsonDict, Target
from lingate._wire.shapes import as_dicts, as_list, dig, without

_COUNTED = frozenset(
    {
        "model",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "output_format",
        "cache_control",
        "mcp_servers",
        "context_management",
        "compaction",
        "speed",
        "billing_policy",
    }
)
"""Fields that `count_tokens` takes; the others do not change the count."""


def write_body(call: Call, target: Target) -> Draft:
    # The wire body of a call, without `model` and `stream`: hosts of this format differ in where those go.
    # Raises ConfigError: the call makes no sense in any format.
    made = draft(call, target)
    refuse_for_provider(made)
    write_limit(made)
    turns = write_messages(made)
    write_tools(made, list(turns.tools_used))
    thinking = write_thinking(made)
    write_format(made, thinking)
    made.body.update(sampling(made, thinking=thinking))
    if wire := stops(made, made.traits.get("max_stop"), blank=False):
        made.body["stop_sequences"] = wire
    write_identity(made)
    write_rest(made)
    limit_cache_marks(made)
    if any(block["type"] == "compaction" for turn in made.body["messages"] for block in as_dicts(turn.get("content"))):
        made.need(COMPACT_BETA)
    return made


def chat_request(call: Call, target: Target) -> HttpRequest:
    made = write_body(call, target)
    body: JsonDict = {"model": target.model, **made.body}
    if call.stream:
        body["stream"] = True
    return _finished(made, target.row.paths.get("chat", CHAT_PATH), body)


def count_request(call: Call, target: Target) -> HttpRequest:
    made = write_body(call, target)
    body = {"model": target.model, **made.body}
    body = {name: value for name, value in body.items() if name in _COUNTED}
    made.answer_tool, made.stop = None, ()
    path = target.row.paths.get("count_tokens", target.row.paths.get("chat", CHAT_PATH) + "/count_tokens")
    return _finished(made, path, body)


def _finished(made: Draft, path: str, body: JsonDict) -> HttpRequest:
    call, target = made.call, made.target
    betas = [*asked_betas(call, target, made.note), *made.betas]
    url = join_url(target.url, path, target.model)
    sent = HttpRequest("POST", url, headers_for(call, target, betas), b"", call, target)
    made.hand_over(sent)
    return seal(sent, body)


def headers_for(call: Call, target: Target, betas: Iterable[str] = ()) -> Mapping[str, str]:
    # Headers of a request, with these beta features.
    # Names are matched whatever their case; the caller's win.
    headers = {"content-type": "application/json", "anthropic-version": VERSION}
    for name, value in [*target.headers.items(), *(call.extra_headers or {}).items()]:
        headers = {known: kept for known, kept in headers.items() if known.lower() != name.lower()}
        if name.lower() != BETA:
            headers[name] = value
    features = ",".join(dict.fromkeys(betas))
    return {**headers, BETA: features} if features else headers


_Path = tuple[str | int, ...]


def limit_cache_marks(draft: Draft) -> None:
    # Take away the oldest marks beyond the limit: the later ones cover their text too.
    allowed = MAX_CACHE_MARKS if draft.traits.get("cache_control") else 0
    if "cache_control" in draft.body:
        if not allowed:
            del draft.body["cache_control"]
            draft.note("cache_control")
        else:
            # The automatic mark takes one of the four places.
            allowed -= 1
    marked = list(_marked(draft.body))
    surplus = marked[: max(len(marked) - allowed, 0)]
    for path in surplus:
        del _rebuilt(draft.body, path)["cache_control"]
        draft.note(f"cache_control of {_words(path)}")
    _drop_scopes(draft, marked[len(surplus) :])


def _drop_scopes(draft: Draft, marked: list[_Path]) -> None:
    # "cache_control.ephemeral.scope: Extra inputs are not permitted", where its beta is not taken either.
    if not marked or re.fullmatch(draft.traits.get("betas", ".*"), SCOPE_BETA):
        return
    for path in marked:
        block: Any = draft.body
        for step in path:
            block = block[step]
        if dig(block["cache_control"], "scope") is not None:
            _rebuilt(draft.body, path)["cache_control"] = without(block["cache_control"], ("scope",))
            draft.note(f"cache_control.scope of {_words(path)}")


def _marked(body: JsonDict) -> Iterator[_Path]:
    # Everything that bears a mark, in the order in which the API caches: tools, system, messages.
    for field in ("tools", "system"):
        yield from _listed(body.get(field), (field,))
    for n, turn in enumerate(body["messages"]):
        if isinstance(turn.get("content"), list):
            yield from _listed(turn["content"], ("messages", n, "content"))


def _listed(blocks: object, path: _Path) -> Iterator[_Path]:
    for n, block in enumerate(as_list(blocks)):
        if not isinstance(block, dict):
            continue  # its provider says what it thinks of that
        if block.get("type") == "tool_result" and isinstance(block.get("content"), list):
            yield from _listed(block["content"], (*path, n, "content"))
        if block.get("cache_control"):
            yield (*path, n)


def _rebuilt(body: JsonDict, path: _Path) -> JsonDict:
    # The block, to be changed. What is on the way to it is made anew: parts of it may be the caller's own objects.
    node: Any = body
    for step in path:
        child = node[step]
        node[step] = list(child) if isinstance(child, list) else dict(child)
        node = node[step]
    block: JsonDict = node
    return block


def _words(path: _Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")

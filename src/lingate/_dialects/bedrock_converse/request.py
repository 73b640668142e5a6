# Towards the upstream: a canonical call as an HTTP request.

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lingate._dialects._bedrock import begin_request
from lingate._dialects._envelope import seal
from lingate._dialects._params import refuse_for_provider
from lingate._dialects.bedrock_converse.draft import Draft, draft
from lingate._dialects.bedrock_converse.facts import MAX_CACHE_MARKS, foundation_model
from lingate._dialects.bedrock_converse.params import (
    write_limits,
    write_rest,
    write_sampling,
    write_thinking,
    write_tier,
)
from lingate._dialects.bedrock_converse.tools import write_format, write_tools
from lingate._dialects.bedrock_converse.turns import write_messages
from lingate._model import Call, HttpRequest, JsonDict, Target

_COUNTED = ("messages", "system", "toolConfig", "additionalModelRequestFields")
"""Fields that `count-tokens` takes; the others do not change the count."""


def write_body(call: Call, target: Target) -> Draft:
    # The wire body of a call.
    # Raises ConfigError: the call makes no sense in any format.
    made = draft(call, target)
    refuse_for_provider(made)
    turns = write_messages(made)
    write_limits(made)
    write_tools(made, list(turns.tools_used))
    thinking = write_thinking(made)
    write_format(made, thinking)
    write_sampling(made, thinking)
    write_tier(made)
    write_rest(made)
    _limit_cache_points(made)
    return made


def chat_request(call: Call, target: Target) -> HttpRequest:
    made = write_body(call, target)
    sent = begin_request(made, "converse-stream" if call.stream else "converse", target.model)
    return seal(sent, made.body)


def count_request(call: Call, target: Target) -> HttpRequest:
    made = write_body(call, target)
    made.answer_tool, made.stop = None, ()
    # It knows foundation models only (recorded: what chat is asked for as `us.anthropic...`).
    sent = begin_request(made, "count-tokens", foundation_model(target.model))
    counted = {name: made.body[name] for name in _COUNTED if name in made.body}
    sent.body = b'{"input":{"converse":%b}}' % seal(sent, counted).body
    return sent


def _limit_cache_points(made: Draft) -> None:
    # At most four cache points reach the wire. The oldest go: the later ones cover their text too.
    points = list(_cache_points(made.body))
    surplus = points[: max(len(points) - MAX_CACHE_MARKS, 0)]
    for where, blocks, n in surplus:
        made.note(f"cache_control of {where}[{n - 1}]")
        blocks[n] = {}
    for _, blocks, _ in surplus:
        blocks[:] = list(filter(None, blocks))


def _cache_points(body: JsonDict) -> Iterator[tuple[str, list[Any], int]]:
    # Every cache point, as a place in a list, in the order in which the API caches: tools, system, messages.
    for field, blocks in (("tools", body.get("toolConfig", {}).get("tools", [])), ("system", body.get("system", []))):
        yield from ((field, blocks, n) for n, block in enumerate(blocks) if "cachePoint" in block)
    for at, turn in enumerate(body["messages"]):
        blocks = turn["content"]
        if len(blocks) == 1 and "text" in blocks[0]:
            continue  # as most are
        for n, block in enumerate(blocks):
            if "cachePoint" in block:
                yield f"messages[{at}].content", blocks, n

"""Tools of a provider's own: how often they ran for an answer, where its counts of tokens leave out what is paid for."""

from __future__ import annotations

from typing import Any

from lingate._model import JsonDict
from lingate._providers.families import family_traits
from lingate._wire.shapes import as_dict, as_dicts, as_list, dig

_COUNTED = frozenset({"server_tool_use", "server_tool_use_details"})
_WITHOUT_FEE = frozenset(
    {
        *("function_call", "custom_tool_call", "apply_patch_call", "computer_call", "local_shell_call", "shell_call"),
        *("mcp_call", "tool_search_call"),
    }
)
"""Items of the Responses API: calls that the caller answers, and those that cost no more than their tokens."""


def with_own_tools(answer: JsonDict) -> Any:
    """The counts of an answer, with those of the provider's own tools as `server_tool_use`, where the answer tells of any.

    Args:
        answer: In canonical form, or in the shape of the Responses API with canonical counts.
    """
    usage = answer.get("usage")
    ran: dict[str, int] = {}
    if "output" in answer:
        _read(answer, ran)
    elif answer.get("web_search"):
        ran["web_search"] = 1
    for choice in answer.get("choices") or ():
        message = choice.get("message")
        if message is None:
            continue
        own = message.get("provider_specific_fields")
        if own:
            for told in as_dicts(list(own.values())):
                _read(told, ran)
        elif message.get("annotations") and any(note.get("type") == "url_citation" for note in message["annotations"]):
            # Where nothing else tells, who cites pages has searched for them; nobody says how often.
            ran["web_search"] = 1
        if "executed_tools" in message:
            ran["executed_tools"] = len(as_list(message["executed_tools"]))
    if not ran or not isinstance(usage, dict) or not _COUNTED.isdisjoint(usage):
        return usage
    if "web_search" in ran:
        holders = (answer, *as_dict(answer.get("provider_specific_fields")).values())
        billed = [dig(holder, "tool_usage", "web_search", "num_requests") for holder in holders]
        if family_traits(str(answer.get("model"))).get("searched_once"):
            billed.append(1)
        ran["web_search"] = next((count for count in billed if count is not None), ran["web_search"])
    return {**usage, "server_tool_use": {f"{name}_requests": count for name, count in ran.items()}}


def _read(told: JsonDict, ran: dict[str, int]) -> None:
    """Count the tools that the provider's own form of an answer tells of."""
    for item in as_dicts(told.get("output") or told.get("items")):
        kind = str(item.get("type"))
        if kind == "shell_call_output":
            kind = "hosted_shell_call"  # only what the provider runs itself has its output in an answer
        # Of what a search does in the web, the searching alone is paid for.
        if kind.endswith("_call") and kind not in _WITHOUT_FEE and dig(item, "action", "type") in (None, "search"):
            name = kind.removesuffix("_call")
            ran[name] = ran.get(name, 0) + (item.get("status") != "failed")
    for block in as_dicts(told.get("content")):
        if dig(block, "toolUse", "type") == "server_tool_use":
            ran[str(block["toolUse"].get("name"))] = 1
    grounding = told.get("groundingMetadata")
    if isinstance(grounding, dict):
        asked = [*as_list(grounding.get("webSearchQueries")), *as_list(grounding.get("imageSearchQueries"))]
        # The same words again, and none at all, are not paid for.
        queries = {words for words in asked if isinstance(words, str) and words}
        if queries:
            ran["web_search"] = ran.get("web_search", 0) + len(queries)
        if any(chunk.get("maps") for chunk in as_dicts(grounding.get("groundingChunks"))):
            ran["maps_search"] = 1

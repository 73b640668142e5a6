"""What holds for Claude in whichever format it is spoken to."""

from __future__ import annotations

from lingate._dialects._draft import Draft
from lingate._model import JsonDict, Target

_FORMATS = ("anthropic", "vertex_anthropic", "azure_anthropic", "bedrock_converse", "bedrock_invoke")


def thinking_on_top(target: Target, effort: str) -> int:
    """Tokens by which the bound of an answer is raised at most where it has no room for thinking so hard."""
    if target.row.dialect not in _FORMATS or target.traits.get("thinking") in ("adaptive", "none"):
        return 0
    from lingate._dialects.anthropic.facts import BUDGETS  # that dialect imports this module

    return BUDGETS.get(effort, 0)


def limit_for_thinking(draft: Draft, asked: JsonDict) -> None:
    """While Claude thinks, temperature is 1, top_k is refused, and top_p is 0.95 or more."""
    top_p = asked.get("top_p")
    refused = {
        "temperature": asked.get("temperature", 1) != 1,
        "top_k": "top_k" in asked,
        "top_p": isinstance(top_p, (int, float)) and not 0.95 <= top_p <= 1,
    }
    for name, out in refused.items():
        if out:
            draft.note(f"{name} (not while thinking)")
            del asked[name]

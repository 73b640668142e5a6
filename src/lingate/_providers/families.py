# Facts about models that hold wherever they run, found by the model's name. What one provider adds is in its row.

from __future__ import annotations

import re
from functools import lru_cache

from lingate._model import Traits

_EFFORTS_46 = ("none", "low", "medium", "high", "max")
_EFFORTS_47 = ("none", "low", "medium", "high", "xhigh", "max")

_CLAUDE_47: Traits = {
    "default_max_tokens": 128_000,
    "thinking": "adaptive",
    "budgets": False,
    "structured": "json_schema",
    "sampling": "none",
    "prefill": False,
    "efforts": _EFFORTS_47,
}
_CLAUDE_46: Traits = {
    "default_max_tokens": 128_000,
    "thinking": "adaptive",
    "structured": "json_schema",
    "sampling": "one",
    "prefill": False,
    "efforts": _EFFORTS_46,
}
_CLAUDE_45: Traits = {
    "default_max_tokens": 64_000,
    "thinking": "budget",
    "structured": "json_schema",
    "sampling": "one",
    "prefill": True,
}

# Claude, by generation: the first line that is not newer than the model counts, so an unknown newer model has the
# newest rules. Limits of the answer and refusals of sampling are those of the Vercel AI SDK's table of August 2026;
# temperature beside top_p is refused from 4.1 (BerriAI/litellm#15097); a trailing assistant turn from 4.6
# (livekit/agents#4907); a system message between turns is taken from 4.8 (recorded). `tool`: no JSON schema mode.
_CLAUDE: tuple[tuple[tuple[int, int], Traits], ...] = (
    ((4, 8), {**_CLAUDE_47, "late_system": "keep"}),
    ((4, 7), _CLAUDE_47),
    ((4, 6), _CLAUDE_46),
    ((4, 5), _CLAUDE_45),
    ((4, 1), {**_CLAUDE_45, "default_max_tokens": 32_000}),
    ((3, 7), {"default_max_tokens": 64_000, "thinking": "budget", "structured": "tool", "prefill": True}),
    ((3, 5), {"default_max_tokens": 8192, "thinking": "none", "structured": "tool", "prefill": True}),
    ((0, 0), {"default_max_tokens": 4096, "thinking": "none", "structured": "tool", "prefill": True}),
)
_OPUS_4_MAX_TOKENS = 32_000
_CLAUDE_TEMPERATURE = 1.0

# claude-3-5-sonnet@20241022, claude-sonnet-4-20250514, claude-4.5-haiku, claude-v2:1: a number of three digits or
# more is a date, never a version.
_CLAUDE_VERSION = re.compile(
    r"claude[-_. ]?(?:[a-z]+[-_. ])*?v?(?P<major>\d{1,2})(?!\d)(?:[-_.:](?P<minor>\d{1,2})(?!\d))?"
)

# What its own validation refuses, wherever the models run: mistralai/mistral-common, protocol/instruct/validator.py.
MISTRAL_TURNS: Traits = {
    "tool_names": "[a-zA-Z0-9_-]{1,64}",
    "call_ids": "[a-zA-Z0-9]{9}",
    "late_system": "result",
    "strict_turns": True,
}

_LOW_TO_HIGH = ("low", "medium", "high")
_REASONS: Traits = {"max_tokens_param": "max_completion_tokens", "sampling": "none"}
_GPT_5: Traits = {**_REASONS, "max_stop": 0, "custom_tools": True}
_GPT_51: Traits = {**_GPT_5, "sampling": "effort_none", "default_effort": "none"}
_NONE_TO_XHIGH = ("none", *_LOW_TO_HIGH, "xhigh")
_GPT_56: Traits = {**_GPT_51, "default_effort": "medium", "efforts": (*_NONE_TO_XHIGH, "max")}
_NEVER_REASONS: Traits = {"default_effort": "none"}

# Tried in order, the first that is found counts. The boundary keeps `o1` out of names such as `bingo1`.
_PATTERNS: tuple[tuple[str, Traits], ...] = (
    # Open weights, not the API's models: the effort goes into the prompt's template, and cannot be none.
    (r"\bgpt-?oss\b", {"efforts": _LOW_TO_HIGH}),
    # The first two reasoning models know neither `system` nor `developer`, nor `stop` (recorded).
    (r"(?:^|[/.:])o1-(?:mini|preview)\b", {**_REASONS, "system_role": "user", "max_stop": 0}),
    (r"(?:^|[/.:])(?:o1|o3-mini)(?![\w.])", {**_REASONS, "efforts": _LOW_TO_HIGH}),
    # `stop` is refused from o3 on, and by all of gpt-5 (recorded): it is watched for on our side instead.
    (r"(?:^|[/.:])o[3-9](?![\w.])", {**_REASONS, "max_stop": 0, "efforts": _LOW_TO_HIGH}),
    (r"(?:^|[/.:])gpt-5-chat\b", {"max_tokens_param": "max_completion_tokens"}),
    # "All models before gpt-5.1 ... do not support `none`", and pro thinks hard only (OpenAI's reference, `reasoning_effort`);
    # o4-mini and openai/codex#6647 for the words themselves.
    (r"(?:^|[/.:])gpt-5(?:-(?:mini|nano))?(?:-\d{4}-\d\d-\d\d)?$", {**_GPT_5, "efforts": ("minimal", *_LOW_TO_HIGH)}),
    (r"(?:^|[/.:])gpt-5(?:\.1)?-codex(?!-max)", {**_GPT_5, "efforts": _LOW_TO_HIGH}),
    (r"(?:^|[/.:])gpt-5-pro\b", {**_GPT_5, "efforts": ("high",)}),
    (r"(?:^|[/.:])gpt-5\.\d-pro\b", {**_GPT_5, "efforts": ("medium", "high", "xhigh")}),
    # From 5.1 sampling is back while the effort is none, which is what 5.1 to 5.4 begin with and later ones do not
    # (recorded; the AI SDK has the same bounds).
    # "Unsupported value: 'xhigh' is not supported with the 'gpt-5.1' model. Supported values are: 'none', 'low', [...]",
    # 'minimal' neither (anomalyco/opencode#4451, CortexReach/memory-lancedb-pro#201); `max` came with 5.6.
    (r"(?:^|[/.:])gpt-5\.1(?!\d|-codex|-chat)", {**_GPT_51, "efforts": ("none", *_LOW_TO_HIGH)}),
    (r"(?:^|[/.:])gpt-5\.[2-4](?!\d|-chat)", {**_GPT_51, "efforts": _NONE_TO_XHIGH}),
    (r"(?:^|[/.:])gpt-5\.[1-4](?!\d)", _GPT_51),
    (r"(?:^|[/.:])gpt-5\.5(?!\d|-chat)", {**_GPT_51, "default_effort": "medium", "efforts": _NONE_TO_XHIGH}),
    (r"(?:^|[/.:])gpt-5\.[6-9](?!\d|-chat)", _GPT_56),
    (r"(?:^|[/.:])gpt-5\.\d", {**_GPT_51, "default_effort": "medium"}),
    # These always reason: developers.openai.com/api/docs/guides/latest-model, "GPT-6 Astra does not support the `none` reasoning
    # effort", nor does Sol from 6.1 on.
    (
        r"(?:^|[/.:])gpt-6(?:\.\d+-sol|(?:\.\d+)?-(?:astra|rosalind))",
        {**_GPT_56, "efforts": (*_LOW_TO_HIGH, "xhigh", "max")},
    ),
    (r"(?:^|[/.:])gpt-(?:[6-9]|1\d)(?!\d|[^/]*-chat)", _GPT_56),
    (r"(?:^|[/.:])gpt-(?:[5-9]|1\d)(?!\d)", _GPT_5),
    # JSON schemas came with gpt-4o of August 2024; JSON mode with gpt-4-turbo.
    (r"\bgpt-4o-2024-05-13\b", {"structured": "json_object", **_NEVER_REASONS}),
    (
        r"\bgpt-(?:3\.5-turbo(?!-instruct)|35-turbo|4-turbo|4-1106|4-0125)",
        {"structured": "json_object", **_NEVER_REASONS},
    ),
    (r"\bgpt-4(?:-32k)?(?:-0\d{3})?$", {"structured": "tool", **_NEVER_REASONS}),
    (r"(?:\b|chat)gpt-4(?:o|\.1)(?![\w.])", _NEVER_REASONS),
    # The others are refused, `none` by all from 4.5 on: docs.x.ai/developers/model-capabilities/text/reasoning, probed in
    # theopenco/llmgateway#3669, mnfst/modelparams.dev#330.
    (r"\bgrok-4[.-]3(?!\d)", {"efforts": ("none", *_LOW_TO_HIGH)}),
    (r"\bgrok-4[.-]5(?!\d)", {"efforts": _LOW_TO_HIGH}),
    (r"\bgrok-(?:4[.-][6-9]|[5-9])(?!\d)", {"efforts": (*_LOW_TO_HIGH, "xhigh")}),
    # Without their reasoning beside the tool calls of the turn these answer 400, or think it all over again.
    (r"\bkimi-k[2-9]|deepseek-(?:v[3-9]|chat|reasoner)|\bmimo-v\d", {"reasoning_history": "reasoning_content"}),
    # ai.google.dev, "Grounding with Google Search": Gemini 3 is billed by the search, models before it by the prompt.
    (r"\bgemini-(?:[a-z]+-)*[12](?!\d)", {"searched_once": True}),
    (r"\bgemini-\d(?!.*preview)", {"regional_price": True}),  # previews are everywhere or nowhere
    (r"\b(?:mistral|ministral|mixtral|pixtral|magistral|codestral|devstral)", MISTRAL_TURNS),
    # Their template knows one system message, and that first (anomalyco/opencode#15059, BerriAI/litellm#39282).
    # "No user query found in messages" is another of its errors, and GLM's 1214 (diegosouzapw/OmniRoute#11209).
    (r"\bqwen-?3[.p][5-9]", {"think_tags": True, "late_system": "result", "needs_user": True}),
    (r"\bqwen-?[4-9](?!\d)", {"late_system": "result", "needs_user": True}),
    (r"\bglm-?[4-9]", {"needs_user": True}),
    # A later system turn is none that its template knows: it answers as if it were the user (livekit/agents#7020).
    (r"\bgemma-?[4-9]", {"late_system": "user"}),
    # These write their reasoning into the content unless the host takes it out (recorded at two hosts).
    (r"deepseek-r1|\bqwq\b|\bqwen-?3(?![\d])|minimax-m\d", {"think_tags": True}),
)
_COMPILED = tuple((re.compile(pattern), traits) for pattern, traits in _PATTERNS)


@lru_cache(maxsize=2048)
def family_traits(model: str) -> Traits:
    # What is known about the family of this model; empty if nothing is.
    # Shared between callers: read only.
    # model: The name as its provider writes it, with whatever stands before it: `us.anthropic.claude-...`,
    # `anthropic/claude-sonnet-4.5`, `claude-3-5-sonnet@20241022`.
    name = model.lower()
    if "claude" in name:
        return _claude(name)
    for pattern, traits in _COMPILED:
        if pattern.search(name):
            return traits
    return {}


def _claude(name: str) -> Traits:
    found = _CLAUDE_VERSION.search(name)
    version = (int(found["major"]), int(found["minor"] or 0)) if found else (99, 0)
    if "claude-instant" in name:
        version = (1, 0)
    facts = next(facts for oldest, facts in _CLAUDE if version >= oldest)
    out: Traits = {**facts, "max_temperature": _CLAUDE_TEMPERATURE, "tool_names": "[a-zA-Z0-9_-]{1,128}"}
    if "opus" in name:
        if version == (4, 0):
            out["default_max_tokens"] = _OPUS_4_MAX_TOKENS
        elif version == (4, 5):
            # The first with `effort`, and beside it thinking still has a budget.
            out["efforts"] = ("none", "low", "medium", "high")
    # The pages "What's new" of Fable 5.1, Opus 5.5 and Sonnet 5.5: 400 `tool_choice: type "tool" and "any" are not
    # supported for this model`, `"thinking.type.disabled" is not supported for this model`. Haiku 5.5 takes both.
    mythos = "fable" in name or "mythos" in name
    if "mythos-preview" in name:  # UKGovernmentBEIS/inspect_ai#4221
        del out["late_system"]
    if version >= (4, 5):
        out["regional_price"] = True
    newest = version >= (5, 1 if mythos else 5) and "haiku" not in name
    if newest:
        out["tool_choice_required"] = "auto"
    if newest or mythos:
        out["unthinking"] = "between_tools" if "sonnet" in name else ""
    return out

# How Director gets Lingate: a name for it, and a branch where the default LLM is chosen.

from __future__ import annotations

from lingate.hosts._recipe import Edit, Marker, Recipe, Variable
from lingate.hosts._shared import DEFAULT_MODEL

PINS: tuple[str, ...] = ("0.1.0",)
"""Versions of Lingate that were ever written into the host's requirements, the current one last."""

_ABOUT = f"""\
Director has no hook for a provider, so two of its files get five lines: LINGATE among the types and among the prefixes, and
a branch in get_default_llm, before the others, so that an OPENAI_API_KEY in the environment does not outdo an explicit
DEFAULT_LLM. Its list of requirements gets lingate=={PINS[-1]}.

Then, in backend/.env: DEFAULT_LLM=lingate and LINGATE_CHAT_MODEL=anthropic/claude-sonnet-4-6, or any other provider/model.

Without any change: start a gateway with `lingate serve` and set OPENAI_API_BASE, OPENAI_API_KEY and OPENAI_CHAT_MODEL; see
docs/hosts/director.md for what is lost that way."""

_TYPES = "backend/director/constants.py"
_CHOICE = "backend/director/llm/__init__.py"
_REQUIREMENTS = "backend/requirements.txt"

RECIPES = (
    Recipe(
        host="director",
        route="patch",
        title="Director",
        summary="DEFAULT_LLM=lingate selects any provider by LINGATE_CHAT_MODEL",
        about=_ABOUT,
        undo="The lines are taken out; nothing else was changed.",
        markers=(Marker(_TYPES, contains="class LLMType"), Marker(_CHOICE, contains="def get_default_llm")),
        known={
            "aa35387, 2025-06-10": {
                "backend/director/llm/base.py": "a74a9751dedf7126",
                _TYPES: "ed2ec8f8137077ba",
                _CHOICE: "2b8f9d7811f577ed",
                _REQUIREMENTS: "95eb4a59e82c03fa",
            }
        },
        edits=(
            Edit(
                _TYPES,
                '    VIDEODB_PROXY = "videodb_proxy"\n',
                '    VIDEODB_PROXY = "videodb_proxy"\n    LINGATE = "lingate"\n',
            ),
            Edit(_TYPES, '    GOOGLEAI_ = "GOOGLEAI_"\n', '    GOOGLEAI_ = "GOOGLEAI_"\n    LINGATE_ = "LINGATE_"\n'),
            Edit(
                _CHOICE,
                "    if openai or default_llm == LLMType.OPENAI:\n",
                "    if default_llm == LLMType.LINGATE:\n"
                "        from lingate.hosts.director import LingateLLM\n"
                "        return LingateLLM()\n"
                "    if openai or default_llm == LLMType.OPENAI:\n",
            ),
            Edit(
                _REQUIREMENTS,
                "-e .\n",
                f"-e .\nlingate=={PINS[-1]}\n",
                former=tuple(f"-e .\nlingate=={pin}\n" for pin in PINS[:-1]),
            ),
        ),
        variables=(
            Variable("DEFAULT_LLM", "`lingate` selects it"),
            Variable("LINGATE_CHAT_MODEL", "provider/model", default=DEFAULT_MODEL),
            Variable("LINGATE_API_KEY", "key, instead of the provider's own variable", default="none"),
            Variable("LINGATE_API_BASE", "address, instead of the provider's own", default="none"),
            Variable("LINGATE_TEMPERATURE", "sampling", default="0.9"),
            Variable("LINGATE_TOP_P", "sampling; left out where a model takes one of the two", default="1"),
            Variable("LINGATE_MAX_TOKENS", "longest answer", default="4096"),
            Variable("LINGATE_TIMEOUT", "seconds in total for a call", default="120"),
        ),
        check="lingate.hosts._director_check:check",
    ),
)

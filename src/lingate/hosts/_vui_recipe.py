# How vui gets Lingate: one branch in its choice of backends, or nothing at all where our launcher starts it.

from lingate.hosts._recipe import Edit, Marker, Recipe, Variable
from lingate.hosts._shared import DEFAULT_MODEL

_FILE = "src/vui/serving/stream/llm_backend.py"
_REFUSAL = '    raise ValueError(f"unknown VUI_LLM_BACKEND: {name!r}")\n'

RECIPES = (
    Recipe(
        host="vui",
        route="patch",
        title="vui",
        summary="VUI_LLM_BACKEND=lingate talks to any provider, through a gateway or in vui's own process",
        about=(
            "One branch is added to make_backend() in vui's llm_backend.py.\n\n"
            "VUI_LLM_BACKEND=lingate uses a gateway at VUI_LINGATE_URL (for example `lingate serve`), with the bearer "
            "key VUI_LINGATE_KEY if that is set. VUI_LLM_BACKEND=lingate-inprocess needs no gateway: providers' keys are "
            "then read from the environment of vui. VUI_LINGATE_MODEL is the model in both.\n\n"
            "vui's prefill, which it calls several times a second while you speak, sends nothing in either.\n\n"
            "Without any change to vui: python -m lingate.hosts.vui --model provider/model [what vui takes]."
        ),
        undo="The branch is taken out again. Unset VUI_LLM_BACKEND to have vui's own default back.",
        markers=(Marker(_FILE, contains="def make_backend("),),
        known={"f939eb1, 2026-06-26": {_FILE: "e4d22ad937fd6286"}},
        edits=(
            Edit(
                _FILE,
                anchor=_REFUSAL,
                replacement=(
                    '    if name in ("lingate", "lingate-inprocess"):\n'
                    "        from lingate.hosts.vui import make_backend as make_lingate\n\n"
                    "        return make_lingate(name, model)\n" + _REFUSAL
                ),
            ),
        ),
        variables=(
            Variable("VUI_LLM_BACKEND", "`lingate` for a gateway, `lingate-inprocess` for none"),
            Variable("VUI_LINGATE_MODEL", "provider/model", default=DEFAULT_MODEL),
            Variable("VUI_LINGATE_URL", "where the gateway listens", default="http://localhost:4000"),
            Variable("VUI_LINGATE_KEY", "the gateway's key, sent as a bearer token; unset: none is sent"),
        ),
        check="lingate.hosts._vui_check:check",
    ),
)

# How Second Brain gets Lingate: one file in its own tree, nothing of the host is changed.

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import lingate
from lingate.hosts._recipe import Added, Marker, Recipe, Variable

_BACKEND = '''"""Any provider through Lingate. A profile's name is `provider/model`; its key, or the provider's own variable, pays.

Installed by `lingate hosts install second-brain`, taken away by `lingate hosts uninstall second-brain`. The work is done by
lingate.hosts.second_brain, because a sandboxed file may not reach for much itself.
"""

dependencies_pip = ["lingate{range}"]
lifetime = "persistent"
timeout = 600
supports_streaming = True
supports_tool_choice = True
native_modalities = ["image", "audio", "video"]
display_name = "Lingate (any provider)"

from guest.llm import BaseLLMBackend, LLMResponse, is_context_limit_error


class LingateBackend(BaseLLMBackend):
    """Hands each request to Lingate."""

    _answering = None

    def start(self, sdk):
        """Import the library, once for each box."""
        try:
            import lingate
            from lingate.hosts.second_brain import Answering
        except ImportError as exc:
            raise RuntimeError(f"Lingate cannot be imported here ({{exc}}): pip install lingate, in Second Brain's Python")
        self._answering = Answering(LLMResponse, is_context_limit_error)
        sdk.log(f"lingate {{lingate.__version__}} ready")
        return True

    def chat(self, sdk, request):
        """Answer one request."""
        if self._answering is None:
            return LLMResponse.failure("Lingate is not loaded.", "not_loaded")
        return self._answering.chat(sdk, request)

    def stop(self, sdk):
        """Let go of the library."""
        self._answering = None
        return True
'''


def backend_file() -> str:
    # The text of `llm_lingate.py`, with the versions of Lingate that it works with.
    major, minor = lingate.__version__.split(".")[:2]
    ceiling = f"{int(major) + 1}" if int(major) else f"0.{int(minor) + 1}"
    return _BACKEND.format(range=f">={major}.{minor},<{ceiling}")


def data_folder(env: Mapping[str, str]) -> Path:
    # Where Second Brain keeps its data, by the host's own rule (its paths.py).
    if sys.platform == "win32":
        return Path(env.get("LOCALAPPDATA", ""), "Second Brain")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Second Brain"
    return Path(env.get("XDG_DATA_HOME") or Path.home() / ".local" / "share", "Second Brain")


_VARIABLES = (
    Variable("ANTHROPIC_API_KEY, OPENAI_API_KEY, ...", "the provider's own variable, unless the profile has a key"),
    Variable("LINGATE_CONFIG", "path of a Lingate config file, for providers of your own", default="none"),
)

_ABOUT = """\
One file, llm_lingate.py, is put where Second Brain looks for backends; it finds it at once. In /llm, a profile then has the
model's name as its key (anthropic/claude-sonnet-4-6) and LingateBackend as its backend. Its key and endpoint are used if it
has any, else the provider's own variable and address.

Lingate itself must be in Second Brain's Python (3.12 or newer): pip install lingate."""

_UNDO = "The file is deleted; nothing else was changed. Profiles that name LingateBackend then need another backend."

_MARK = "lingate.hosts.second_brain"

RECIPES = (
    Recipe(
        host="second_brain",
        route="workspace",
        title="Second Brain",
        summary="a backend for any provider, put into your data folder",
        about=_ABOUT,
        undo=_UNDO,
        markers=(Marker("config.json", contains="llm_profiles"),),
        added=(Added("workspace/llm/llm_lingate.py", backend_file(), _MARK),),
        variables=_VARIABLES,
        check="lingate.hosts._second_brain_check:check",
        locate=data_folder,
    ),
    Recipe(
        host="second_brain",
        route="checkout",
        title="Second Brain",
        summary="the same file in a checkout, for an image of your own and for `lingate hosts check`",
        about=_ABOUT,
        undo=_UNDO,
        markers=(
            Marker("sandbox/guest/llm.py", contains="class BaseLLMBackend"),
            Marker("llm/registry.py", contains="def discover"),
        ),
        known={
            "5e3fa26, 2026-08-21": {
                "llm/registry.py": "6fa47d2efded29cb",
                "runtime/conversation_loop.py": "e306822ff7238d74",
                "sandbox/guest/llm.py": "cb237faedb623d24",
            }
        },
        added=(Added("bundled/llm/llm_lingate.py", backend_file(), _MARK),),
        variables=_VARIABLES,
        check="lingate.hosts._second_brain_check:check",
    ),
)

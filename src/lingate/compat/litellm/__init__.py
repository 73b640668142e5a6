"""A drop-in for the litellm package: the names applications import, on Lingate's engine.

    from lingate.compat import litellm      # instead of: import litellm

    answer = litellm.completion("gpt-4o-mini", [{"role": "user", "content": "hi"}])
    print(answer.choices[0].message.content, answer._hidden_params["response_cost"])

The settings below are read at each call and may be assigned (`litellm.drop_params = True`). Everything else is loaded when
it is first used. What differs from litellm, and why, is in docs/migrating-from-litellm.md;
`python -m lingate.compat.litellm check PATH` says which names a code base uses and whether they are here.
"""

from __future__ import annotations

import sys as _sys
from typing import Any

from lingate.compat.litellm import _names

callbacks: list[Any] = []
"""`CustomLogger`s and functions told of every call, whether it succeeds or fails."""
input_callback: list[Any] = []
"""Functions told of a call before it is made."""
success_callback: list[Any] = []
"""Functions `(kwargs, response, start_time, end_time)`, and `CustomLogger`s, told of calls that succeed."""
failure_callback: list[Any] = []
"""The same for calls that fail."""
_async_success_callback: list[Any] = []
_async_failure_callback: list[Any] = []

drop_params: bool = False
"""Leave out what a provider cannot express, instead of raising."""
num_retries: int | None = None
"""Further tries after the first; None is Lingate's default of two, the same for every provider."""
request_timeout: float | None = None
"""Seconds for a call, all tries included; None is Lingate's default of 600."""
api_key: str | None = None
api_base: str | None = None
api_version: str | None = None
organization: str | None = None
headers: dict[str, str] | None = None
default_fallbacks: list[Any] | None = None
context_window_fallbacks: list[Any] | None = None
model_alias_map: dict[str, str] = {}
max_budget: float = 0.0
"""US dollars after which calls raise `BudgetExceededError`; 0 is no limit. Holds for this process."""
_current_cost: float = 0.0
use_litellm_proxy: bool = False
"""All calls go to the LiteLLM proxy, or the gateway, of `LITELLM_PROXY_API_BASE`; so they do where the variable
`USE_LITELLM_PROXY` is true, and for calls with this argument."""
turn_off_message_logging: bool = False
"""Callbacks are not given messages and answers."""

# Accepted and without effect: what they switch does not exist here, or is always so.
set_verbose: bool = False
suppress_debug_info: bool = True
modify_params: bool = True
telemetry: bool = False
enable_json_schema_validation: bool = False
cache: Any = None
disable_streaming_logging: bool = False
ssl_verify: Any = True
client_session: Any = None
aclient_session: Any = None


def __getattr__(name: str) -> Any:
    home = _names.HOMES.get(name)
    if home is not None:
        from importlib import import_module

        module = import_module(f"{__name__}.{home}")
        # A submodule is its own name; anything else is an attribute of its home, and kept, so that later uses are free.
        value = globals()[name] = module if home == name else getattr(module, name)
        return value
    if name in _names.CAPABILITIES:
        from lingate.compat.litellm._models import supports

        return supports(name)
    if name == "litellm":
        return _sys.modules[__name__]
    if name in _names.IDLE:
        value = globals()[name] = _names.IDLE[name]
        return value
    if not name.startswith("__"):
        if _names.without_value(name):
            return None
        provider = _names.models_of(name)
        if provider is not None:
            return _sys.modules[__name__].models_by_provider.get(provider, set())
    raise _names.missing(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_names.HOMES, *_names.CAPABILITIES, *_names.IDLE} - _names.NEWER)


class _Module(type(_sys)):  # type: ignore[misc]  # the class of modules
    # Warns of settings that are not here, or that have no effect here, instead of taking them in silence.

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and not isinstance(value, type(_sys)):
            text = _names.unheeded(name, value)
            if text:
                import warnings

                warnings.warn(text, stacklevel=2)
        super().__setattr__(name, value)


class _Absent:
    # Says of a submodule that is not here what to use instead; asked last, and about this package alone.

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        installed = getattr(_sys.modules.get("litellm"), "__name__", "") == __name__
        for head in (f"{__name__}.", "litellm.") if installed else (f"{__name__}.",):
            if name.startswith(head):
                raise ModuleNotFoundError(_names.instead(name.removeprefix(head)), name=name)


def install() -> None:
    """Let `import litellm` mean this package from now on: for packages that are built on litellm, before they are imported.

    Answers and exceptions then name litellm's modules as theirs: some packages tell them by that.

    Raises:
        RuntimeError: The litellm package is imported already.
    """
    from importlib import import_module

    here = _sys.modules[__name__]
    if _sys.modules.setdefault("litellm", here) is not here:
        raise RuntimeError("litellm is imported already: call install() before what imports it")
    for name in _names.SUBMODULES:
        _sys.modules[f"litellm.{name}"] = import_module(f"{__name__}.{name}")
    for home, name in (("_records", "types.utils"), ("exceptions", "exceptions")):
        for found in vars(import_module(f"{__name__}.{home}")).values():
            if getattr(found, "__module__", None) == f"{__name__}.{home}":
                found.__module__ = f"litellm.{name}"


_sys.modules[__name__].__class__ = _Module
_sys.meta_path.append(_Absent)
for _name in _names.SUBMODULES.keys() - {"exceptions", "router", "_logging"}:
    # Where litellm has a module that only says where names live. For type checkers each has a stub.
    _made = _sys.modules[f"{__name__}.{_name}"] = type(_sys)(f"{__name__}.{_name}")
    _made.__dict__.update(__getattr__=_names.exported(_name), __path__=[])

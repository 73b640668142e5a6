# LiteLLM's keys that have no effect here, each with what to use instead.

# Names are those of LiteLLM 1.106.
# The tables are written in `docs/litellm_keys.txt`: the name of one in brackets, what to use instead, and below it,
# indented, the keys that this is said of. `litellm_keys.z` is the same text in a third of the bytes, made by
# `make docs`.

from __future__ import annotations

import re
import zlib
from pathlib import Path


def _read() -> dict[str, dict[str, str]]:
    tables: dict[str, dict[str, str]] = {}
    table, instead = {}, ""
    packed = Path(__file__).with_name("litellm_keys.z").read_bytes()
    for line in zlib.decompress(packed).decode().splitlines():
        if line.startswith("["):
            table = tables[line.strip("[]")] = {}
        elif line.startswith(" "):
            table.update(dict.fromkeys(line.split(), instead))
        else:
            instead = line
    return tables


_TABLES = _read()
TOP = _TABLES["top"]
LITELLM_SETTINGS = _TABLES["litellm_settings"]
ROUTER_SETTINGS = _TABLES["router_settings"]
GENERAL_SETTINGS = _TABLES["general_settings"]
CACHE_PARAMS = _TABLES["cache_params"]
DEPLOYMENT = _TABLES["deployment"]
MODEL_INFO = _TABLES["model_info"]
PRE_CALL_CHECKS = _TABLES["pre_call_checks"]
"""Words of `optional_pre_call_checks`."""
ALERTING = _TABLES["alerting"]
"""Words of `general_settings.alerting`."""
ALERT_TYPES = _TABLES["alert_types"]
"""Words of `alert_types`."""
ALERTING_ARGS = _TABLES["alerting_args"]
"""Keys of `alerting_args`."""
CALLBACKS = _TABLES["callbacks"]
"""Names of callbacks that do something else than to write down; `.` stands for those of a module of the owner's."""
CACHES = _TABLES["caches"]
"""Words of `cache_params.type`."""
STRATEGIES = _TABLES["strategies"]
"""Words of `routing_strategy`."""
ELSEWHERE = _TABLES["elsewhere"]
"""Parameters of a deployment without which it would be another one, and where they go here."""
VARIABLES = _TABLES["variables"]
"""Variables of the environment by which LiteLLM's proxy is configured."""
PREFIXES = _TABLES["prefixes"]
"""What stands before a model at LiteLLM and is no provider."""
MISSING = _TABLES["missing"]
"""Providers of LiteLLM's that have no row of ours."""
REQUEST = _TABLES["request"]
"""Parameters of a request that may stand in `litellm_params`; any other goes into `extra_body`."""
DIFFERENT = _TABLES["different"]
"""Not without effect, but with another one than at LiteLLM, by place."""

_DEPLOYMENT_PATTERNS = [(re.compile(pattern), instead) for pattern, instead in _TABLES["deployment_patterns"].items()]

DESCRIPTIVE = re.compile(
    r"supports_\w+|description|tier|version|litellm_provider|created_at|created_by|updated_at|updated_by|db_model"
    r"|supported_\w+|input_type|domain|region_name|health_check_\w+|key|output_vector_size|rpm|tpm|source|metadata|tags"
)
"""Keys of `model_info` that only describe: taken, and shown by nothing."""

INTEGRATIONS = frozenset({"prometheus", "prometheus_system", "otel", "opentelemetry"})
"""Callbacks that are here."""


def deployment_undone(key: str) -> str | None:
    # What to use instead of a parameter of a deployment; None where it is none of LiteLLM's.
    found = DEPLOYMENT.get(key)
    if found is not None:
        return found
    return next((instead for pattern, instead in _DEPLOYMENT_PATTERNS if pattern.fullmatch(key)), None)

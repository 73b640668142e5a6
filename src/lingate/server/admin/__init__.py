"""The admin API: keys, teams, users, budgets, models, spending, the audit log, the config."""

# Loaded with the first request to it.

from __future__ import annotations

from typing import TYPE_CHECKING

from lingate.server.admin.parts import ConfigStatus, DeploymentInfo, Parts

if TYPE_CHECKING:
    from starlette.applications import Starlette

PREFIXES = (
    *("/admin", "/key", "/team", "/user", "/customer", "/end_user", "/budget", "/spend", "/model", "/v1/model"),
    *("/provider", "/health/services"),
)
"""First parts of the paths that belong to the admin API."""


def is_admin_path(path: str) -> bool:
    return path.startswith(PREFIXES) and any(path == name or path.startswith(name + "/") for name in PREFIXES)


def create_admin(parts: Parts) -> Starlette:
    # The admin API as an ASGI application; starlette is imported here and nowhere before.
    from lingate.server.admin.app import build

    return build(parts)


__all__ = ["PREFIXES", "ConfigStatus", "DeploymentInfo", "Parts", "create_admin", "is_admin_path"]

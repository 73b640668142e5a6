"""The admin API: keys, teams, users, budgets, models, spending, the audit log, the config."""

# What is in its modules is loaded with the first request to it.

PREFIXES = (
    *("/admin", "/key", "/team", "/user", "/customer", "/end_user", "/budget", "/spend", "/model", "/v1/model"),
    *("/provider", "/health/services"),
)
"""First parts of the paths that belong to the admin API."""


def is_admin_path(path: str) -> bool:
    return path.startswith(PREFIXES) and any(path == name or path.startswith(name + "/") for name in PREFIXES)

"""The admin API: keys, teams, users, budgets, models, spending, the audit log, the config."""

# Loaded with the first request to it.

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from lingate._model import Record

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from lingate.server.access import Access
    from lingate.server.feed import Feed
    from lingate.server.ledger.query import Usage
    from lingate.server.routing.provider_budgets import SpendBudgets
    from lingate.server.store import Store

PREFIXES = (
    *("/admin", "/key", "/team", "/user", "/customer", "/end_user", "/budget", "/spend", "/model", "/v1/model"),
    *("/provider", "/health/services"),
)
"""First parts of the paths that belong to the admin API."""


def is_admin_path(path: str) -> bool:
    return path.startswith(PREFIXES) and any(path == name or path.startswith(name + "/") for name in PREFIXES)


class DeploymentInfo(Record):
    """A deployment and how it is.

    Attributes:
        id: As in the ledger and in `x-lingate-deployment`.
        model_name: Name that clients ask for.
        provider: Its provider.
        model: The model's name there.
        healthy: It is asked.
        cooling: Seconds until it is asked again after failures.
        in_flight: Calls under way.
        input_price: US dollars a token, None where unknown.
        output_price: The same for output.
        max_input: Tokens that fit into it, None where unknown.
        max_output: Longest answer in tokens.
        mode: What the model is for, as the config says.
        abilities: What it is known to do: `vision`, `reasoning`, `function_calling` and the like.
        problem: Why it cannot be asked at all.
    """

    id: str
    model_name: str
    provider: str
    model: str
    healthy: bool = True
    cooling: float | None = None
    in_flight: int = 0
    input_price: float | None = None
    output_price: float | None = None
    max_input: int | None = None
    max_output: int | None = None
    mode: str | None = None
    abilities: tuple[str, ...] = ()
    problem: str | None = None


class ConfigStatus(Record):
    """The config in use, and what became of the last attempt to read it.

    Attributes:
        path: The file, None where there is none.
        loaded_at: When the config in use was read, epoch seconds.
        error: Why the last attempt failed; None if it did not.
        warnings: What the file says that has no effect.
    """

    path: str | None = None
    loaded_at: float = 0.0
    error: str | None = None
    warnings: tuple[str, ...] = ()


class Parts(Record):
    # What the admin API needs of the rest of the gateway.

    access: Access
    """Keys and limits."""
    store: Store
    """The database."""
    usage: Usage
    """The ledger, with the rows that are not in the database yet."""
    deployments: Callable[[], Sequence[DeploymentInfo]]
    """The deployments as they are now."""
    config: Callable[[], ConfigStatus]
    """The config as it is now."""
    reload: Callable[[], Awaitable[ConfigStatus]]
    """Read the config anew; the old one is kept if it is wrong, and the status says why."""
    facts: Callable[[], dict[str, Any]]
    """More about the gateway for `/admin/status` (journal, drainer, ...), as plain values."""
    feed: Feed
    """Shows calls as they end."""
    spend_budgets: Callable[[], SpendBudgets]
    """Budgets of providers and deployments as they are now."""
    alert: Callable[[str], Awaitable[str | None]]
    """Send a test alert to `slack` or `webhook`; returns why it did not arrive, None if it did."""
    key_header: Callable[[], str | None]
    """The owner's own header for keys, in lower case; None where there is none."""


def create_admin(parts: Parts) -> Starlette:
    # The admin API as an ASGI application; starlette is imported here and nowhere before.
    from lingate.server.admin.app import build

    return build(parts)

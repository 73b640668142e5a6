# Who may use the gateway, and how much: keys, teams, users, limits and budgets.

# `Access` is what the rest of the gateway holds; see its methods for what happens on the hot path and what beside it.

from lingate.server.access.access import Access, AccessSettings, may_call, may_come_from, may_use
from lingate.server.access.keys import Keys
from lingate.server.access.limiter import LocalLimiter, Spending
from lingate.server.access.oidc import Issuer
from lingate.server.access.records import Limits

__all__ = [
    "Access",
    "AccessSettings",
    "Issuer",
    "Keys",
    "Limits",
    "LocalLimiter",
    "Spending",
    "may_call",
    "may_come_from",
    "may_use",
]

# Addresses and keys of providers that callers bring themselves: off by default, and then for hosts that are listed only.

from lingate.server.upstreams.bringing import UPSTREAM_FIELDS, Brought, Upstreams, bring, brought
from lingate.server.upstreams.pinned import Pins, Resolve

__all__ = ["UPSTREAM_FIELDS", "Brought", "Pins", "Resolve", "Upstreams", "bring", "brought"]

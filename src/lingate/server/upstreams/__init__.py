# Addresses and keys of providers that callers bring themselves: off by default, and then for hosts that are listed only.

from lingate.server.upstreams.caller_upstream import UPSTREAM_FIELDS, CallerUpstream, Upstreams, bring, caller_upstream
from lingate.server.upstreams.pinned import Pins, Resolve

__all__ = ["UPSTREAM_FIELDS", "CallerUpstream", "Pins", "Resolve", "Upstreams", "bring", "caller_upstream"]

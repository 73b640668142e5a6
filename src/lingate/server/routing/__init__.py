# Which deployment answers a call: groups, strategies, cool-downs, fallbacks.

# No I/O, no awaits, no locks: one thread's.

from lingate.server.routing.choosing import sticky_key
from lingate.server.routing.deployment import Deployment
from lingate.server.routing.group import Group
from lingate.server.routing.health import Shared
from lingate.server.routing.prices import Price
from lingate.server.routing.route_chain import RouteChain
from lingate.server.routing.router import LONGEST_NAME, Router

__all__ = ["LONGEST_NAME", "Deployment", "Group", "Price", "RouteChain", "Router", "Shared", "sticky_key"]

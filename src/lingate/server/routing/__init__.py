# Which deployment answers a call: groups, strategies, cool-downs, fallbacks.

# No I/O, no awaits, no locks: one thread's.

from lingate.server.routing.deployment import Deployment
from lingate.server.routing.group import Group
from lingate.server.routing.health import Shared
from lingate.server.routing.prices import Price
from lingate.server.routing.ride import Ride
from lingate.server.routing.router import LONGEST_NAME, Router
from lingate.server.routing.sticky import sticky_key

__all__ = ["LONGEST_NAME", "Deployment", "Group", "Price", "Ride", "Router", "Shared", "sticky_key"]

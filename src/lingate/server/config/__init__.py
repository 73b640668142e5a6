# The gateway's configuration: YAML in LiteLLM's schema, read strictly, with additions of our own under `lingate`.

from lingate.server.config.checking import Report, check
from lingate.server.config.loading import load
from lingate.server.config.migrating import Migration, cleaned, migrate
from lingate.server.config.reading import ConfigFileError
from lingate.server.config.settings import GatewayConfig
from lingate.server.config.watching import Watcher, watch

__all__ = [
    "ConfigFileError",
    "GatewayConfig",
    "Migration",
    "Report",
    "Watcher",
    "check",
    "cleaned",
    "load",
    "migrate",
    "watch",
]

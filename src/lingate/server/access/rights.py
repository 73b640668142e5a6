# What a caller may do, once it is known who it is.

from __future__ import annotations

from lingate.server.patterns import matches_any
from lingate.server.records import Caller

_READING = "info_routes"
_GROUPS = {
    "llm_api_routes": (
        "/v1/*",
        "/v1beta/*",
        "/v1alpha/*",
        "/v1beta1/*",
        "/api/*",
        "/v2/*",
        "/openai/*",
        "/deployments/*",
        "/engines/*",
        "/chat/*",
        "/completions",
        "/embeddings",
        "/responses",
        "/responses/*",
        "/messages",
        "/messages/*",
        "/images/*",
        "/audio/*",
        "/rerank",
        "/moderations",
        "/models",
        "/models/*",
    ),
    "management_routes": (
        "/admin/*",
        "/key/*",
        "/team/*",
        "/user/*",
        "/customer/*",
        "/budget/*",
        "/spend/*",
        "/model/*",
    ),
    _READING: ("/health/*", "/v1/models", "/v1/models/*", "/models", "/key/info", "/model/info"),
}


def may_use(caller: Caller, model: str) -> bool:
    # Whether a caller may use a model, by the name of its group (after the caller's aliases were resolved).
    return all(matches_any(rule, model) for rule in caller.model_rules)


def may_call(caller: Caller, path: str, method: str = "GET") -> bool:
    # LiteLLM's names for groups of paths stand for their paths.
    # Google's format calls models below the path where the others list them.
    asks = method not in ("GET", "HEAD")
    return not caller.routes or any(
        matches_any(_GROUPS.get(route, (route,)), path) for route in caller.routes if not (asks and route == _READING)
    )


def may_come_from(caller: Caller, address: str | None) -> bool:
    return caller.networks is None or address in caller.networks

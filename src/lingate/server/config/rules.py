# What values must be beyond their types: addresses, paths, and switches that need another one.

from __future__ import annotations

import ipaddress
import re
from typing import get_args
from urllib.parse import urlsplit

from lingate._providers.naming import row_of
from lingate.server.config import litellm_schema as schema
from lingate.server.config.reading import Place, Reading, closest
from lingate.server.config.settings import AlertType, GatewayConfig


def check(reading: Reading, config: GatewayConfig) -> None:
    # Note what is wrong, and what has no effect because of something else.
    _check_master_key(reading, config)
    _check_addresses(reading, config)
    _check_passages(reading, config)
    _check_alerting(reading, config)
    _check_purses(reading, config)
    _check_sign_in(reading, config)


_HOST = re.compile(r"\s*(?:(?:\*\.)?[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?\s*")
_ORIGIN = re.compile(r"\s*(?:\*|null|[\w.+-]+://[^/?#\s]+)\s*")
_PATH = re.compile(r"/[^?#\s]*[^/?#\s]/?")
_ADDRESS = re.compile(r"https?://[^/?#\s@]+(?:[/?][^#\s]*)?")
_NETWORK = "is no address or network such as 10.0.0.0/8"
_A_HOST = "must be a host such as example.com, *.example.com or 10.0.0.7:8000, without a path"
_AN_ORIGIN = "must be * or an origin such as https://example.com, without a path"


def _check_master_key(reading: Reading, config: GatewayConfig) -> None:
    own = config.general.master_key
    key = own or config.env.get("LINGATE_MASTER_KEY") or "-"
    if not re.fullmatch("[!-~]+", key):  # the line end of a file, most often: nobody could ever sign in with it
        place: Place = ("general_settings", "master_key") if own else ("LINGATE_MASTER_KEY",)
        reading.problem(
            place, "holds white space, control characters or letters outside ASCII, which no client can send"
        )


def _check_addresses(reading: Reading, config: GatewayConfig) -> None:
    own = config.own
    if own.port not in range(1, 65536):
        reading.problem(("lingate", "port"), "must be a port from 1 to 65535")
    for place, texts, is_right, what in (
        (("general_settings", "allowed_ips"), config.general.allowed_ips, _is_network, _NETWORK),
        (("lingate", "trusted_proxies"), own.trusted_proxies, _is_network, _NETWORK),
        (("lingate", "allowed_hosts"), own.allowed_hosts, _HOST.fullmatch, _A_HOST),
        (("lingate", "cors", "allow_origins"), own.cors.allow_origins, _ORIGIN.fullmatch, _AN_ORIGIN),
    ):
        for index, text in enumerate(texts):
            if not is_right(text):
                reading.problem((*place, index), what)


def _check_passages(reading: Reading, config: GatewayConfig) -> None:
    for at, item in enumerate(config.general.pass_through_endpoints):
        here: Place = ("general_settings", "pass_through_endpoints", at)
        if not _PATH.fullmatch(item.path):
            reading.problem((*here, "path"), "must be a path such as /v1/rank, with a name behind its slash")
        if not _is_address(item.target):
            reading.problem((*here, "target"), "must be an address such as https://example.com/v1/rank")
        for name, value in item.headers.items():
            if not (name + value).isascii() or not (name + value).isprintable():
                reading.problem((*here, "headers", name), "cannot be sent: a header is one line of ASCII")


WEBHOOKS = {"slack": "SLACK_WEBHOOK_URL", "webhook": "WEBHOOK_URL"}


def _check_alerting(reading: Reading, config: GatewayConfig) -> None:
    general, hooks = config.general, config.webhooks
    here: Place = ("general_settings", "alerting")
    for kind, urls in hooks.items():
        place = here if kind in WEBHOOKS else ("general_settings", "alert_to_webhook_url", kind)
        if kind in schema.ALERT_TYPES:
            reading.undone[place] = schema.ALERT_TYPES[kind]
        elif place != here and kind not in get_args(AlertType):
            reading.problem(place, f"is no type of alert{closest(kind, get_args(AlertType))}")
        if (place != here or kind in general.alerting) and not all(map(_is_address, urls)):
            named = f"the address in {WEBHOOKS[kind]} " if place == here else ""
            reading.problem(place, f"{named}must be an address such as https://hooks.slack.com/services/...")
    if general.alert_to_webhook_url and "slack" not in general.alerting:
        reading.undone["general_settings", "alert_to_webhook_url"] = "set alerting: [slack]"


def _check_purses(reading: Reading, config: GatewayConfig) -> None:
    known = {entry.provider for entry in config.deployments} | config.own.providers.keys()
    for name, budget in config.routing.provider_budget_config.items():
        place: Place = ("router_settings", "provider_budget_config", name)
        if name not in known and row_of(name) is None:
            reading.problem(place, f"is no provider{closest(name, sorted(known))}")
        if budget.budget_limit is None and budget.max_budget is None:
            reading.problem(place, "needs a budget_limit in US dollars")


def _is_address(text: str) -> bool:
    try:
        return _ADDRESS.fullmatch(text) is not None and urlsplit(text).port != 0
    except ValueError:  # half a bracket, or no such port
        return False


def _is_network(text: str) -> bool:
    try:
        return bool(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return False


def _check_sign_in(reading: Reading, config: GatewayConfig) -> None:
    # Switches that need another word to be of effect: without it, whoever set them would be wrong about who may call.
    general, jwt = config.general, config.own.jwt
    if general.use_x_forwarded_for and not config.own.trusted_proxies:
        reading.undone["general_settings", "use_x_forwarded_for"] = "name the proxies in lingate.trusted_proxies"
    if general.enable_jwt_auth and jwt is None:
        reading.undone["general_settings", "enable_jwt_auth"] = "describe the identity provider under lingate.jwt"
    if jwt is None:
        return
    if not general.enable_jwt_auth:
        reading.undone["lingate", "jwt"] = "set general_settings.enable_jwt_auth: true"
    if not jwt.issuer or jwt.audience is None:
        reading.problem(("lingate", "jwt"), "needs an issuer and an audience: tokens made for others must not be taken")
        return
    from lingate.server.access.oidc import keys_at

    try:
        keys_at(jwt.issuer, jwt.jwks_url)
    except ValueError as error:
        reading.problem(("lingate", "jwt"), f"cannot be used: {error}")

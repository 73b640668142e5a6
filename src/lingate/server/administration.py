# The admin side of a gateway: what it is given of the gateway's parts.

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lingate.server.admin import ConfigStatus, DeploymentInfo, Parts, create_admin
from lingate.server.asgi import AsgiApplication
from lingate.server.ledger.query import Usage

if TYPE_CHECKING:
    from lingate.server.gateway import Gateway
    from lingate.server.routing.deployment import Deployment


def administration(gateway: Gateway) -> AsgiApplication:

    async def reload() -> ConfigStatus:
        await gateway.reload_file()
        return _config(gateway)

    async def alert(service: str) -> str | None:
        if gateway.alerts is None or service not in gateway.live.config.general.alerting:
            return f"general_settings.alerting does not have {service}"
        return await gateway.alerts.test(service)

    parts = Parts(
        access=gateway.access,
        store=gateway.store,
        usage=Usage(gateway.store, gateway.drainer),
        deployments=lambda: [_deployment(gateway, one) for one in gateway.live.router.deployments()],
        config=lambda: _config(gateway),
        reload=reload,
        facts=gateway.status,
        feed=gateway.feed,
        spend_budgets=lambda: gateway.live.router.spend_budgets,
        alert=alert,
        key_header=lambda: gateway.live.key_header,
    )
    return cast("AsgiApplication", create_admin(parts))


def _config(gateway: Gateway) -> ConfigStatus:
    config, reloads = gateway.live.config, gateway.reloads
    return ConfigStatus(path=config.path, loaded_at=reloads.at, error=reloads.error, warnings=config.warnings)


def _deployment(gateway: Gateway, one: Deployment) -> DeploymentInfo:
    left, spent = (0.0, "") if one.spend_budget is None else one.spend_budget.empty()
    wait = max(one.health.until - gateway.live.router.now(), left)
    price = one.price()
    return DeploymentInfo(
        id=one.id,
        model_name=one.group,
        provider=one.provider,
        model=one.model,
        healthy=wait <= 0 and one.unusable is None,
        cooling=wait if wait > 0 else None,
        in_flight=one.load.in_flight,
        input_price=price.input,
        output_price=price.output,
        max_input=one.max_input,
        max_output=one.max_output,
        mode=one.sheet.mode,
        abilities=one.sheet.abilities,
        problem=one.unusable or spent or None,
    )

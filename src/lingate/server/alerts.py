# Alerts by `general_settings.alerting`: to Slack, or whatever takes its webhooks, and as JSON to programs.

# What happens is gathered and told every ten seconds; what is alike is counted. What was told is not told again for a while,
# by no replica that shares Redis.

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from lingate._call.policy import Timeout
from lingate._dialects._redact import redact
from lingate._model import Call, HttpRequest, ProviderRow, Record, Target
from lingate.errors import BudgetExceededError, LingateError
from lingate.server.access.reservations import dollars
from lingate.server.records import LedgerRow
from lingate.server.routing.health import FAILURES, OWN_FAULT

if TYPE_CHECKING:
    from lingate.server.exchange import Exchange
    from lingate.server.gateway import Gateway
    from lingate.server.routing import RouteChain

_log = logging.getLogger("lingate.alerts")

_ROUND = 10.0
_MARKS: tuple[float, ...] = (0.95, 0.85)
"""Shares of a budget that are told when they are spent."""
_TRIES = 3
_MOST_LINES = 20
_MOST = 500
"""Different things of a kind that wait to be told, and messages that wait for an address that does not answer."""
_TIMEOUT = Timeout(total=10.0, connect=5.0, read=10.0)
_DIGEST = re.compile(r"[0-9a-f]{32}(-\d+)?").fullmatch
_FAULTS = FAILURES | OWN_FAULT
_CROSSED = {"max_budget": "threshold_crossed", "soft_budget": "soft_budget_crossed"}
_IDS = {"end_user": "customer_id", "key": "token"}
_GROUPS = {"end_user": "customer", "gateway": "proxy"}


class _Alert(Record):
    type: str
    text: str
    event: str = ""  # for programs: the type, where it says all
    facts: Mapping[str, Any] = {}


class _Letter(Record):
    url: str
    body: bytes
    tries: int = 0


class Alerts:
    # The alerts of one gateway: sees calls as they end, and looks at everything else each round.

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._sent = self._lost = 0
        self._errors: dict[str, str] = {}
        self._failed: Counter[tuple[str, str]] = Counter()
        self._slow: dict[str, list[float]] = {}
        self._owners: set[tuple[str, str]] = set()
        self._refused: dict[str, str] = {}
        self._rested: dict[str, str] = {}
        self._out: set[str] = set()
        self._hanging: frozenset[str] = frozenset()
        self._away = False
        self._rejected = 0
        self._told: dict[str, float] = {}
        self._letters: list[_Letter] = []
        gateway.observers.append(self._observe)
        self._ending = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def cooled(self, deployment: str, seconds: float, kind: str) -> None:
        # A deployment began to rest, as this process found out.
        if len(self._rested) < _MOST:
            self._rested[deployment] = f"{self._named(deployment)} is not asked for {seconds:.0f} s: {kind}"
            self._note_outages()

    def state(self) -> dict[str, Any]:
        # How many messages arrived and did not, and why the last ones did not.
        error = "; ".join(self._errors.values()) or None
        return {"sent": self._sent, "lost": self._lost, "waiting": len(self._letters), "error": error}

    async def stop(self) -> None:
        # Tell what there is to tell, and end.
        self._gateway.observers.remove(self._observe)
        self._ending.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TIMEOUT.connect):
                await self._task

    async def test(self, service: str) -> str | None:
        # Send a message that says that it is a test, to `slack` or `webhook`; returns why it did not arrive, None if it did.
        urls = self._gateway.live.config.webhooks.get(service)
        if not urls:
            return f"{service} has no address"
        (body,) = _written(service, [_Alert("test", "This is a test: alerts arrive.")])
        errors = await asyncio.gather(*(self._post(_Letter(url, body, _TRIES)) for url in urls))
        return next(filter(None, errors), None)

    async def round(self) -> None:
        now = time.monotonic()
        self._told = {name: until for name, until in self._told.items() if until > now}
        wanted = self._gateway.live.config.general.alert_types
        found = [alert async for alert in self._found() if not wanted or alert.type in wanted]
        letters, self._letters = [*self._letters, *self._addressed(found)], []
        self._lost += len(letters[_MOST:])
        await asyncio.gather(*map(self._post, letters[:_MOST]))

    async def _run(self) -> None:
        ending = False
        while not ending:  # when it is, a round that is under way is not the last
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ROUND):
                    ending = await self._ending.wait()
            if ending:
                self._told = {
                    name: end for name, end in self._told.items() if not name.startswith(("failed ", "slow "))
                }
            try:
                await self.round()
            except Exception:  # what was not foreseen must not end the alerts, of all things
                _log.exception("a round of alerts failed")

    def _observe(self, row: LedgerRow, error: LingateError | None) -> None:
        where = row.deployment or "?"
        if error is not None:
            if row.attempts and error.kind in _FAULTS and len(self._failed) < _MOST:
                self._failed[where, error.kind] += 1
            if isinstance(error, BudgetExceededError) and not error.retryable and len(self._refused) < _MOST:
                self._refused[row.key_id] = error.message
        elif row.upstream > self._gateway.live.config.general.alerting_threshold and len(self._slow) < _MOST:
            self._slow.setdefault(where, []).append(row.upstream)
        if row.cost and len(self._owners) < _MOST:
            named = {"key": row.key_id, "team": row.team_id, "user": row.user_id, "customer": row.end_user}
            self._owners |= {(kind, id) for kind, id in named.items() if id}
            self._owners |= {("gateway", ""), *(("tag", tag) for tag in row.tags)}

    async def _found(self) -> AsyncIterator[_Alert]:
        general = self._gateway.live.config.general
        limit, pause = general.alerting_threshold, general.alerting_args.outage_alert_ttl
        for (where, kind), count in self._failed.most_common():
            if self._is_news(f"failed {where} {kind}", pause):  # what fails meanwhile is counted, and told after it
                del self._failed[where, kind]
                yield _Alert("llm_exceptions", f"{_calls(count)} failed at {self._named(where)}: {kind}")
        for where, times in list(self._slow.items()):
            if self._is_news(f"slow {where}", pause):
                del self._slow[where]
                text = f"{_calls(len(times))} took longer than {limit:g} s at {self._named(where)}, up to {max(times):.0f} s"
                yield _Alert("llm_too_slow", text)
        waiting = {exchange.row.id: exchange for exchange in self._gateway.exchanges if _hangs(exchange, limit)}
        if fresh := waiting.keys() - self._hanging:
            places = Counter(_asked(waiting[id]) for id in fresh).most_common(5)
            where = ", ".join(f"{self._named(id)}: {count}" for id, count in places)
            yield _Alert("llm_requests_hanging", f"{_calls(len(fresh))} without an answer for {limit:g} s: {where}")
        self._hanging = frozenset(waiting)
        for part in (self._database, self._budgets, self._outages):
            async for alert in part():
                yield alert

    async def _database(self) -> AsyncIterator[_Alert]:
        state, journal = self._gateway.drainer.state, self._gateway.journal
        if state.away_since is None:
            if self._away:
                yield _Alert("db_exceptions", "the database answers again", "db_recovered")
            self._away = False
        elif not self._away and time.time() - state.away_since >= _ROUND:
            self._away = True
            yield _Alert(
                "db_exceptions", "the database does not answer; calls go on, and their rows wait in the journal"
            )
        if more := state.rejected_rows - self._rejected:
            self._rejected = state.rejected_rows
            yield _Alert("failed_tracking_spend", f"rows that the database refused, and rejected.jsonl has: {more}")
        if not journal.has_room() and self._is_news("journal", 60.0):
            yield _Alert("failed_tracking_spend", "the journal is full: calls are refused")

    async def _budgets(self) -> AsyncIterator[_Alert]:
        limiter, pause = self._gateway.access.limiter, self._gateway.live.config.general.alerting_args.budget_alert_ttl
        owners, self._owners = self._owners, set()
        scopes = [scope for owner in owners if (scope := limiter.scope(*owner))]
        await limiter.reread([scope.soft for scope in scopes if scope.soft])
        looks = [(budget, _MARKS, "max_budget") for scope in scopes for budget in scope.budgets]
        looks += [(budget, _MARKS, "max_budget") for budget in self._gateway.live.router.spend_budgets.all()]
        looks += [(scope.soft, (1.0,), "soft_budget") for scope in scopes if scope.soft]
        for budget, marks, field in looks:
            budget.roll(limiter.now())
            mark = next((mark for mark in marks if 0 < mark * budget.cap <= budget.spent), None)
            if mark and await self._first(f"budget {budget.id} {budget.start:.0f} {mark}", pause):
                spent, cap, kind = dollars(budget.spent), dollars(budget.cap), budget.owner.kind
                facts = {"event_group": _GROUPS.get(kind, kind), "spend": float(spent), field: float(cap)}
                facts[_IDS.get(kind, f"{kind}_id")] = budget.owner.id
                text = (
                    f"{budget.name} has spent ${spent} of its {field.removeprefix('max_').replace('_', ' ')} of ${cap}"
                )
                yield _Alert("budget_alerts", text, _CROSSED[field], facts)
        refused, self._refused = self._refused, {}
        for key, why in refused.items():
            if await self._first(f"refused {key}", pause):
                facts = {"event_group": "key", "token": key}
                yield _Alert(
                    "budget_alerts", f"calls of {key or 'everybody'} are refused: {why}", "budget_crossed", facts
                )

    async def _outages(self) -> AsyncIterator[_Alert]:
        pause = self._gateway.live.config.general.alerting_args.outage_alert_ttl
        rested, self._rested = self._rested, {}
        for id, text in rested.items():
            if await self._first(f"rest {id}", pause):
                yield _Alert("cooldown_deployment", text)
        self._note_outages()
        out, self._out = self._out, set()
        for name in sorted(out):
            if await self._first(f"outage {name}", pause):
                yield _Alert("outage_alerts", f"no deployment of {name} could be asked")

    def _note_outages(self) -> None:
        # Models whose deployments all rest at this moment.
        router = self._gateway.live.router
        resting: dict[str, bool] = {}
        for one in router.deployments():
            if one.unusable is None:
                resting[one.group] = resting.get(one.group, True) and one.health.until > router.now()
        self._out.update(name for name, rests in resting.items() if rests)

    def _named(self, id: str) -> str:
        # A deployment for people, who do not know the digests that stand for those without an id.
        found = next((one for one in self._gateway.live.router.deployments() if id in (one.id, one.health.id)), None)
        return id if found is None or not _DIGEST(found.id) else f"{found.group} ({found.name})"

    def _is_news(self, name: str, seconds: float) -> bool:
        # Whether this process has not told it in the last seconds.
        now = time.monotonic()
        if self._told.get(name, now) > now:
            return False
        self._told[name] = now + seconds
        return True

    async def _first(self, name: str, seconds: float) -> bool:
        # The same of all replicas.
        return self._is_news(name, seconds) and await self._gateway.access.limiter.first(name, seconds)

    def _addressed(self, alerts: list[_Alert]) -> Iterator[_Letter]:
        config = self._gateway.live.config
        hooks = config.webhooks
        for service in config.general.alerting:
            places: dict[str, list[_Alert]] = {}
            for alert in alerts:
                own = hooks.get(alert.type) if service == "slack" else None
                for url in own or hooks.get(service, ()):
                    places.setdefault(url, []).append(alert)
            for url, ones in places.items():
                yield from (_Letter(url, body) for body in _written(service, ones))

    async def _post(self, letter: _Letter) -> str | None:
        # Send it; returns why it did not arrive.
        url, host = letter.url, urlsplit(letter.url).hostname or "?"
        target = Target(row=ProviderRow(host), model="alert", url=url, secrets=(url,))
        call = Call("chat", "alert", {}, extra_headers={})
        request = HttpRequest("POST", url, {"content-type": "application/json"}, letter.body, call, target)
        letter.tries += 1
        try:
            head, _ = await self._gateway.transport.send(request, _TIMEOUT)
            status, error = head.status, f"{host} answered {head.status}"
        except LingateError as failure:  # whose message may have the address: whoever knows it can write there
            status, error = 503, f"{host} cannot be reached ({failure.kind})"
        if status < 300:
            self._sent += 1
            self._errors.pop(host, None)
            return None
        if letter.tries < _TRIES and (status >= 500 or status in (408, 429)):
            self._letters.append(letter)
        else:
            self._lost += 1
        if error != self._errors.get(host):
            _log.warning("alerts do not arrive: %s", error)
        self._errors[host] = error
        return error


def _hangs(exchange: Exchange, limit: float) -> bool:
    return exchange.is_read and not exchange.started and time.monotonic() - exchange.began > limit


def _asked(exchange: Exchange) -> str:
    # What a client calls the model is the client's word.
    chain: RouteChain | None = exchange.chain
    deployment = None if chain is None else chain.deployment
    return "no deployment yet" if deployment is None else deployment.id


def _calls(count: int) -> str:
    return f"{count} call{'s' if count > 1 else ''}"


def _written(service: str, alerts: list[_Alert]) -> list[bytes]:
    # For people one message of lines, for a program one object each.
    host = socket.gethostname()
    if service == "slack":
        lines = [
            f"Lingate on {_plain(host)}:",
            *(f"*{alert.type}* {_plain(alert.text)}" for alert in alerts[:_MOST_LINES]),
        ]
        if len(alerts) > _MOST_LINES:
            lines.append(f"and {len(alerts) - _MOST_LINES} more")
        return [msgspec.json.encode({"text": "\n".join(lines)})]
    return [
        msgspec.json.encode(
            {
                "event": alert.event or alert.type,
                "alert_type": alert.type,
                "event_message": redact(alert.text, ()),
                "host": host,
                **alert.facts,
            }
        )
        for alert in alerts
    ]


def _plain(text: str) -> str:
    # Without what Slack would read as its markup: a name must not call a channel.
    return redact(text, ()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

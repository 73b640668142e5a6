# `lingate keys`: make, list, change, rotate, block and delete the keys of a running gateway.

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from lingate.cli.failures import YES, command
from lingate.cli.screen import Screen, dollars, plain_table
from lingate.errors import AuthenticationError, ConfigError, NotFoundError

app = typer.Typer(
    help="Make, list, change, rotate, block and delete the keys of a running gateway.", no_args_is_help=True
)

_OWN_TOKEN = re.compile(r"sk-([0-9a-f]{12})-[A-Za-z0-9_-]{43}$")
_KEY = Annotated[str, typer.Argument(metavar="KEY", help="Id or alias of the key, or the key itself.")]
_TEAM = Annotated[str | None, typer.Option("--team", help="Team it belongs to.")]
_USER = Annotated[str | None, typer.Option("--user", help="User it belongs to.")]
GATEWAY_URL = Annotated[str | None, typer.Option(help="The gateway. Default: LINGATE_URL, or 127.0.0.1:4000.")]
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]


_FIELDS: Mapping[str, Any] = {
    "alias": Annotated[str | None, typer.Option(help="A name for people.")],
    "team_id": _TEAM,
    "user_id": _USER,
    "models": Annotated[
        list[str] | None, typer.Option("--model", "-m", help="Model it may call; * stands for anything. Repeatable.")
    ],
    "tags": Annotated[list[str] | None, typer.Option("--tag", help="Label of its calls in the ledger. Repeatable.")],
    "max_budget": Annotated[float | None, typer.Option("--budget", help="US dollars it may spend.", min=0, max=1e9)],
    "soft_budget": Annotated[
        float | None, typer.Option("--soft-budget", help="US dollars after which an alert is sent.", min=0, max=1e9)
    ],
    "budget_duration": Annotated[
        str | None, typer.Option("--per", help="The budget begins anew: 1h, 1d, 30d, 1mo, ...")
    ],
    "budget_id": Annotated[str | None, typer.Option(help="Budget whose limits apply where it has none of its own.")],
    "rpm_limit": Annotated[int | None, typer.Option("--rpm", help="Requests a minute.", min=0)],
    "tpm_limit": Annotated[int | None, typer.Option("--tpm", help="Tokens a minute.", min=0)],
    "max_parallel_requests": Annotated[int | None, typer.Option("--parallel", help="Calls at once.", min=0)],
    "duration": Annotated[str | None, typer.Option("--expires", help="How long it is good for: 12h, 30d, 1y, ...")],
    "admin": Annotated[bool | None, typer.Option("--admin/--no-admin", help="It may use the admin API.")],
    "allowed_ips": Annotated[
        list[str] | None, typer.Option("--ip", help="Address or network it may be used from. Repeatable.")
    ],
    "metadata": Annotated[str | None, typer.Option(help="A JSON object to keep with it.")],
}
"""Options of `create` and `update`, by the fields of a key that they set."""


@command(app, more=_FIELDS)
def create(screen: Screen, url: GATEWAY_URL = None, as_json: _JSON = False, **given: Any) -> None:
    """Make a key. It is printed this once."""
    if given["budget_duration"] and not any(map(given.get, ("max_budget", "soft_budget", "budget_id"))):
        raise ConfigError("--per says when a budget begins anew, and there is none", hint="add --budget")
    _show_made(screen, _line(url).ask("POST", "keys", body=_fields(given)), as_json=as_json)


@command(app, "list")
def list_(
    screen: Screen,
    team: _TEAM = None,
    user: _USER = None,
    blocked: Annotated[bool | None, typer.Option("--blocked/--not-blocked", help="Only these.")] = None,
    url: GATEWAY_URL = None,
    as_json: _JSON = False,
) -> None:
    """List keys, newest first."""
    line, found = _line(url), []
    offset: int | None = 0
    while offset is not None:
        page = line.ask("GET", "keys", team_id=team, user_id=user, blocked=blocked, limit=1000, offset=offset)
        found += page["data"]
        offset = page["next_offset"]
    if as_json:
        screen.json(found)
    else:
        _table(found, screen)


@command(app)
def show(screen: Screen, key: _KEY, url: GATEWAY_URL = None, as_json: _JSON = False) -> None:
    """Show a key, its limits, and what it has spent."""
    _show(screen, _asked(url, "GET", key), as_json=as_json)


@command(app, more=_FIELDS)
def update(
    screen: Screen,
    key: _KEY,
    clear: Annotated[
        list[str] | None, typer.Option(help="Field to empty, as `lingate keys show --json` names it. Repeatable.")
    ] = None,
    url: GATEWAY_URL = None,
    as_json: _JSON = False,
    **given: Any,
) -> None:
    """Change a key; what is not given stays."""
    fields = _fields(given)
    fields.update(dict.fromkeys(clear or ()))
    if not fields:
        raise ConfigError("say what to change", hint="see `lingate keys update --help`")
    _show(screen, _asked(url, "PATCH", key, body=fields), as_json=as_json)


@command(app)
def rotate(
    screen: Screen,
    key: _KEY,
    overlap: Annotated[
        str | None, typer.Option(help="How long the old key stays good: 1h, 7d, ... Default: not at all.")
    ] = None,
    url: GATEWAY_URL = None,
    as_json: _JSON = False,
) -> None:
    """Replace a key by a new one with the same id, limits and spending. It is printed this once."""
    body = {} if overlap is None else {"overlap": overlap}
    _show_made(screen, _asked(url, "POST", key, "rotate", body=body), as_json=as_json)


@command(app)
def block(screen: Screen, key: _KEY, url: GATEWAY_URL = None, as_json: _JSON = False) -> None:
    """Refuse a key's calls from now on."""
    _show_done(screen, _asked(url, "POST", key, "block"), "blocked", as_json=as_json)


@command(app)
def unblock(screen: Screen, key: _KEY, url: GATEWAY_URL = None, as_json: _JSON = False) -> None:
    """Accept a key's calls again."""
    _show_done(screen, _asked(url, "POST", key, "unblock"), "unblocked", as_json=as_json)


@command(app)
def delete(screen: Screen, key: _KEY, url: GATEWAY_URL = None, as_json: _JSON = False, yes: YES = False) -> None:
    """Delete a key; asks first. Its calls stay in the ledger."""
    line = _line(url)
    key_id = _id(line, key)
    if not yes:
        alias = line.ask("GET", "keys", key_id)["alias"]
        screen.agreed(f"Delete the key {key_id}{f' ({alias!r})' if alias else ''} for good?")
    _show_done(screen, line.ask("DELETE", "keys", key_id), "deleted", as_json=as_json)


def _line(url: str | None, key: str | None = None) -> Any:
    from lingate.cli.admin_client import AdminClient

    return AdminClient(url, key)


def _asked(url: str | None, method: str, key: str, *action: str, body: Any = None) -> dict[str, Any]:
    line = _line(url)
    found: dict[str, Any] = line.ask(method, "keys", _id(line, key), *action, body=body)
    return found


def _id(line: Any, key: str) -> str:
    # The id that an alias or a token means. A token is never put into a URL, where logs would keep it.
    if not key.strip():  # of a variable that is not set, say
        raise ConfigError("no key is named: the argument is empty")
    if key.startswith("sk-"):
        if found := _OWN_TOKEN.match(key):
            return found[1]
        try:
            return str(_line(line.url, key).ask("GET", "me")["id"])
        except AuthenticationError as error:  # of the key that was named, not of the one that asks
            raise NotFoundError(f"that names no key: {error.args[0]}", hint="name it by id or alias") from None
    named = line.ask("GET", "keys", alias=key)["data"]
    if len(named) > 1:
        raise ConfigError(f"{len(named)} keys have the alias {key!r}: {', '.join(item['id'] for item in named)}")
    return named[0]["id"] if named else key


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    # What was given on the command line, as the gateway takes it.
    fields = {field: value for field, value in given.items() if value is not None and value not in ([], ())}
    if "metadata" in fields:
        try:
            fields["metadata"] = json.loads(fields["metadata"], parse_constant=_no_number)
        except ValueError as error:
            raise ConfigError(f"--metadata is not JSON: {error}") from None
        if not isinstance(fields["metadata"], dict):
            raise ConfigError("--metadata is not a JSON object")
    return fields


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number there")


def _show_done(screen: Screen, key: dict[str, Any], done: str, *, as_json: bool) -> None:
    if as_json:
        screen.json(key)
    else:
        screen.answer(f"{key['id']} {done}\n")


def _show_made(screen: Screen, made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        screen.json(made)
        return
    screen.answer(made["token"] + "\n")
    screen.note(f"id {made['key']['id']}; the key is shown this once")


def _show(screen: Screen, key: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        screen.json(key)
        return
    for name, value in key.items():
        if name not in ("budgets", "spend") and value is not False and value not in (None, [], {}):
            screen.answer(f"{name:24}{_value(name, value)}\n")
    if key.get("spend"):
        screen.answer(f"{'spent in all':24}{dollars(key['spend'])}\n")
    for budget in key["budgets"]:
        of = f" on {budget['models']}" if budget["models"] else ""
        until = f", begins anew {_when(budget['resets_at'])}" if budget["resets_at"] else ""
        screen.answer(f"{'spent' + of:24}{_spent(budget)}{until}\n")


def _spent(budget: dict[str, Any]) -> str:
    most = budget["max_budget"]
    return f"{dollars(budget['spent'])} of {f'${most:.2f}' if most == round(most, 2) else dollars(most)}"


def _value(name: str, value: Any) -> str:
    if name.endswith(("_at", "_until")):
        return _when(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _when(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def _table(found: Sequence[dict[str, Any]], screen: Screen) -> None:
    from rich.text import Text

    table, now, rows = plain_table(), time.time(), []
    for key in found:
        expired = key["expires_at"] is not None and key["expires_at"] <= now
        state = "blocked" if key["blocked"] else "expired" if expired else "good"
        budgets = [_spent(item) for item in key["budgets"] if not item["models"]]
        spent = budgets[0] if budgets else dollars(key["spend"] or 0)
        texts = (key["id"], key["masked"], key["alias"] or "", key["team_id"] or "", key["user_id"] or "")
        models = ", ".join(key["models"]) or "all"
        rows.append((*texts, models, spent, state))
    columns = zip(("id", "key", "alias", "team", "user", "models", "spent", "state"), *rows, strict=True)
    # A terminal has no room for columns that are empty, and a narrow one for some others; who reads a pipe counts them.
    left_out = {"key", "team", "user", "models"} if screen.narrow else ()
    shown = [column for column in columns if not screen.terminal or (any(column[1:]) and column[0] not in left_out)]
    for title, *_ in shown:
        table.add_column(title, no_wrap=title in {"id", "key", "state"}, overflow="fold")
    for row in zip(*(cells for _, *cells in shown), strict=True):
        table.add_row(*map(Text, row))
    if found:
        screen.table(table)
    screen.note(f"{len(found)} key{'s' * (len(found) != 1)}")

# An endpoint as data: what it takes, what it gives, who may call it.

# Requests are checked and the document is made from it.

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from lingate._model import Record
from lingate._version import __version__
from lingate._wire.shapes import without
from lingate.server.access.records import Actor
from lingate.server.records import Caller

if TYPE_CHECKING:
    from lingate.server.access import Access
    from lingate.server.feed import Feed
    from lingate.server.ledger.query import Usage
    from lingate.server.routing.provider_budgets import SpendBudgets
    from lingate.server.store import Store


class DeploymentInfo(Record):
    """A deployment and how it is.

    Attributes:
        id: As in the ledger and in `x-lingate-deployment`.
        model_name: Name that clients ask for.
        provider: Its provider.
        model: The model's name there.
        healthy: It is asked.
        cooling: Seconds until it is asked again after failures.
        in_flight: Calls under way.
        input_price: US dollars a token, None where unknown.
        output_price: The same for output.
        max_input: Tokens that fit into it, None where unknown.
        max_output: Longest answer in tokens.
        mode: What the model is for, as the config says.
        abilities: What it is known to do: `vision`, `reasoning`, `function_calling` and the like.
        problem: Why it cannot be asked at all.
    """

    id: str
    model_name: str
    provider: str
    model: str
    healthy: bool = True
    cooling: float | None = None
    in_flight: int = 0
    input_price: float | None = None
    output_price: float | None = None
    max_input: int | None = None
    max_output: int | None = None
    mode: str | None = None
    abilities: tuple[str, ...] = ()
    problem: str | None = None


class ConfigStatus(Record):
    """The config in use, and what became of the last attempt to read it.

    Attributes:
        path: The file, None where there is none.
        loaded_at: When the config in use was read, epoch seconds.
        error: Why the last attempt failed; None if it did not.
        warnings: What the file says that has no effect.
    """

    path: str | None = None
    loaded_at: float = 0.0
    error: str | None = None
    warnings: tuple[str, ...] = ()


class Parts(Record):
    # What the admin API needs of the rest of the gateway.

    access: Access
    """Keys and limits."""
    store: Store
    """The database."""
    usage: Usage
    """The ledger, with the rows that are not in the database yet."""
    deployments: Callable[[], Sequence[DeploymentInfo]]
    """The deployments as they are now."""
    config: Callable[[], ConfigStatus]
    """The config as it is now."""
    reload: Callable[[], Awaitable[ConfigStatus]]
    """Read the config anew; the old one is kept if it is wrong, and the status says why."""
    facts: Callable[[], dict[str, Any]]
    """More about the gateway for `/admin/status` (journal, drainer, ...), as plain values."""
    feed: Feed
    """Shows calls as they end."""
    spend_budgets: Callable[[], SpendBudgets]
    """Budgets of providers and deployments as they are now."""
    alert: Callable[[str], Awaitable[str | None]]
    """Send a test alert to `slack` or `webhook`; returns why it did not arrive, None if it did."""
    key_header: Callable[[], str | None]
    """The owner's own header for keys, in lower case; None where there is none."""


class Call(Record):
    # One request, checked.

    caller: Caller
    """Who sends it."""
    actor: Actor
    """The same for the audit log."""
    path: dict[str, str]
    """Parameters in the path."""
    query: Any = None
    """The endpoint's `query` struct."""
    body: Any = None
    """The endpoint's `body` struct."""


class Text(NamedTuple):
    # An answer that is not JSON, in pieces.

    content_type: str
    pieces: AsyncIterator[bytes]
    filename: str


Handler = Callable[[Parts, Call], Awaitable[Any]]


class Endpoint(Record):
    # One method of one path.

    method: str
    """`GET`, `POST`, `PATCH` or `DELETE`."""
    path: str
    """With parameters in braces."""
    summary: str
    """What it does, one line."""
    handler: Handler
    """Does it."""
    tag: str
    """Its chapter."""
    body: type[msgspec.Struct] | None = None
    """Struct of the JSON body."""
    query: type[msgspec.Struct] | None = None
    """Struct of the query."""
    result: Any = None
    """Type of the answer."""
    status: int = 200
    """Status of success."""
    errors: tuple[int, ...] = ()
    """What may be refused, beside 400 and 401."""
    anyone: bool = False
    """Every key may call it, not just administrators'."""
    content_type: str = "application/json"
    """Of the answer."""
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Changes a body before it is checked: other names for the same things."""


class Problem(Record):
    """What is wrong.

    Attributes:
        message: For people.
        type: Kind of error, for programs.
        param: The field that is wrong.
        code: More precise than the type.
    """

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class Failure(Record):
    """The body of every answer that is an error."""

    error: Problem


# The OpenAPI 3.1 document, made from the endpoints and their structs, so that it cannot say anything else than the code.

_REF = "#/components/schemas/{name}"
_REASONS = {
    200: "Done",
    201: "Made",
    400: "The request is wrong; the message says where",
    401: "No key, or a wrong one",
    403: "Not an administrator's key, or not from here",
    404: "There is no such thing",
    409: "It exists already, or is in use",
    413: "The body is too long",
    503: "The database does not answer",
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    types: list[Any] = [Failure]
    for endpoint in endpoints:
        types += filter(None, (endpoint.body, endpoint.query, endpoint.result))
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, by_type, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lingate admin API",
            "version": __version__,
            "description": "Keys, teams, users, budgets, models, spending and the audit log of a gateway.",
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "Master key or admin key"}},
        },
    }


def _operation(endpoint: Endpoint, schemas: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    words = re.sub(r"[^A-Za-z0-9]+", "_", endpoint.path.removeprefix("/admin")).strip("_")
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.method.lower()}_{words}",
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "parameters": list(_parameters(endpoint, schemas, components)),
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.body is not None:
        schema = schemas[repr(endpoint.body)]
        required = bool(_resolved(schema, components).get("required"))
        operation["requestBody"] = {"required": required, "content": {"application/json": {"schema": schema}}}
    return operation


def _parameters(endpoint: Endpoint, schemas: dict[str, Any], components: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", endpoint.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    if endpoint.query is None:
        return
    schema = _resolved(schemas[repr(endpoint.query)], components)
    told = inspect.cleandoc(endpoint.query.__doc__ or "")
    docs = {name: text.strip() for name, text in re.findall(r"^ {4}(\w+): (.+)$", told, re.MULTILINE)}
    for name, of in schema["properties"].items():
        about = {"description": docs[name]} if name in docs else {}
        needed = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": needed, "schema": _without_null(of), **about}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    # A query cannot say null: leaving a parameter out is what that would mean.
    kept = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]
    if len(kept) == 1:
        return {**kept[0], **without(schema, ("anyOf", "default"))}
    return {**schema, "anyOf": kept} if kept else schema


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = components[name] if name else schema
    return found


def _responses(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    if endpoint.content_type == "application/json":
        schema = {} if endpoint.result is None else schemas[repr(endpoint.result)]
    else:
        schema = {"type": "string"}
    responses: dict[str, Any] = {
        str(endpoint.status): {
            "description": _REASONS[endpoint.status],
            "content": {endpoint.content_type: {"schema": schema}},
        }
    }
    failure = {"application/json": {"schema": schemas[repr(Failure)]}}
    refusals = {400, 401, 503, *endpoint.errors, 401 if endpoint.anyone else 403, 413 if endpoint.body else 400}
    for status in sorted(refusals):
        responses[str(status)] = {"description": _REASONS[status], "content": failure}
    return responses

# The OpenAPI 3.1 document, made from the endpoints and their structs, so that it cannot say anything else than the code.

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from lingate._version import __version__
from lingate._wire.shapes import without
from lingate.server.admin.endpoint import Endpoint, Failure

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

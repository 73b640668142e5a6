"""The admin API's OpenAPI document: valid, true to the code, and no request that it describes makes the server fail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lingate.server.admin.app import ENDPOINTS
from lingate.server.admin.endpoint import document
from tests.server.access_kit import Admin, access
from tests.server.gateway_kit import MASTER, running_gateway

CHECKS = (
    "not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance,unsupported_method"
)


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(ENDPOINTS)


def test_every_endpoint_is_in_the_document_once(described: dict[str, Any]) -> None:
    found = [(method.upper(), path) for path, methods in described["paths"].items() for method in methods]
    names = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]

    assert sorted(found) == sorted((endpoint.method, endpoint.path) for endpoint in ENDPOINTS)
    assert len(set(names)) == len(names)


def test_the_document_is_openapi_31_and_every_schema_is_a_schema(described: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator

    assert described["openapi"] == "3.1.0"
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    references = set(re.findall(r"#/components/schemas/([^\"]+)", msgspec.json.encode(described).decode()))
    assert references <= set(described["components"]["schemas"])


def test_fields_are_explained(described: dict[str, Any]) -> None:
    limits = described["components"]["schemas"]["NewKey"]["properties"]

    assert limits["budget_duration"]["anyOf"][0]["pattern"].startswith("^")
    assert limits["max_budget"]["anyOf"][0] | {"description": ""} == {
        "type": "number",
        "minimum": 0,
        "maximum": 1e9,
        "description": "",
    }
    parameters = described["paths"]["/admin/keys"]["get"]["parameters"]
    assert {"name", "in", "schema", "description", "required"} == set(parameters[0])


async def test_the_document_is_served_to_everybody(tmp_path: Path, described: dict[str, Any]) -> None:
    async with access(tmp_path) as found:
        status, served = await Admin(found).ask("GET", "/admin/openapi.json", key=None)

    assert (status, served) == (200, msgspec.json.decode(msgspec.json.encode(described)))


@pytest.mark.slow
def test_nothing_that_the_document_describes_makes_a_running_gateway_fail(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    with running_gateway("model_list: []\n", tmp_path, auth=True) as running:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{running.url}/admin/openapi.json"),
            *("-H", f"Authorization: Bearer {MASTER}", "--checks", CHECKS, "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "3", "--seed", "1", "--max-time", "25", "--no-color"),
            *("--generation-database", "none", "--continue-on-failure"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180, cwd=tmp_path)

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]

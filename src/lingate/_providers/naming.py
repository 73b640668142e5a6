# Which provider a model name means, where it is not written `provider/model`, and cloud parameters as variables.

from __future__ import annotations

import re
from collections.abc import Mapping

from lingate._providers import lookup
from lingate._providers.rows_models import MODEL_NAMES
from lingate._wire.shapes import without

PARAMETERS = {
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "aws_session_token": "AWS_SESSION_TOKEN",
    "aws_region_name": "AWS_REGION_NAME",
    "region_name": "AWS_REGION_NAME",
    "aws_profile_name": "AWS_PROFILE_NAME",
    "aws_role_name": "AWS_ROLE_NAME",
    "aws_session_name": "AWS_SESSION_NAME",
    "aws_external_id": "AWS_EXTERNAL_ID",
    "aws_web_identity_token": "AWS_WEB_IDENTITY_TOKEN_FILE",
    "vertex_project": "VERTEXAI_PROJECT",
    "vertex_ai_project": "VERTEXAI_PROJECT",
    "vertex_location": "VERTEXAI_LOCATION",
    "vertex_ai_location": "VERTEXAI_LOCATION",
    "vertex_credentials": "VERTEXAI_CREDENTIALS",
    "vertex_ai_credentials": "VERTEXAI_CREDENTIALS",
    "aws_bedrock_runtime_endpoint": "AWS_BEDROCK_RUNTIME_ENDPOINT",
    "azure_scope": "AZURE_SCOPE",
    "azure_ad_token": "AZURE_AD_TOKEN",
    "azure_ad_token_provider": "AZURE_AD_TOKEN",
    "tenant_id": "AZURE_TENANT_ID",
    "client_id": "AZURE_CLIENT_ID",
    "client_secret": "AZURE_CLIENT_SECRET",
    "organization": "OPENAI_ORGANIZATION",
    "project": "OPENAI_PROJECT",
}
"""LiteLLM's arguments that stand for a variable of the environment, for one call or one deployment."""


row_of = lookup.found


def provider_of(model: str, provider: str | None = None, api_base: str | None = None) -> tuple[str, str] | None:
    # What the provider calls a model, and the provider; None where nothing tells.
    # In this order: the provider that is named beside it, the one before the slash, the one at that address, the one whose
    # models are named so.
    head, slash, rest = model.partition("/")
    if provider:
        return (rest if slash and head == provider else model), provider
    if slash and rest and row_of(head) is not None:
        return rest, head
    found = _at(api_base) if api_base else None
    found = found or next((name for pattern, name in MODEL_NAMES if re.fullmatch(pattern, model, re.IGNORECASE)), None)
    return None if found is None else (model, found)


def _at(api_base: str) -> str | None:
    host = _host(api_base)
    return next((row.name for row in lookup.rows() if row.url and "{" not in row.url and _host(row.url) == host), None)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].lower()


# The environment of one deployment: its own variables over the process's, without those of other credentials.

# Credentials are made of several variables. A deployment with an access key of its own must not be signed with the
# session token, the profile or the bearer key that the process happens to have for somebody else.

_WHERE = frozenset(
    PARAMETERS[name]
    for name in (
        *("aws_region_name", "aws_session_name", "aws_external_id", "aws_bedrock_runtime_endpoint"),
        *("vertex_project", "vertex_location", "azure_scope", "organization", "project"),
    )
)
"""Variables that say where or for whom, not who."""

_WHO = frozenset(PARAMETERS.values()) - _WHERE
_ON_TOP = frozenset({PARAMETERS["aws_role_name"], PARAMETERS["tenant_id"], PARAMETERS["client_id"]})
"""Of those, the ones that need others of the process: a role is assumed with them."""


_THEIR_ROLE = "AWS_ROLE_ARN"
"""Goes with the process's own web identity, as in a pod; a deployment names its role otherwise."""


def hidden_by(overlay: Mapping[str, str], provider: str) -> frozenset[str]:
    # Variables of the process that a deployment with these of its own must not see.
    who = overlay.keys() & _WHO
    row = row_of(provider) if who else None
    if row is None:
        return frozenset()
    hidden = {*row.key_env, *row.token_env}
    if who - _ON_TOP:
        hidden |= {*row.sign_env, *_WHO, _THEIR_ROLE}
    return frozenset(hidden - overlay.keys())


def environment(overlay: Mapping[str, str], provider: str, env: Mapping[str, str]) -> Mapping[str, str]:
    if not overlay:
        return env
    hidden = hidden_by(overlay, provider)
    return without(env, hidden) | dict(overlay)

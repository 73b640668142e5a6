# The environment of one deployment: its own variables over the process's, without those of other credentials.

# Credentials are made of several variables. A deployment with an access key of its own must not be signed with the
# session token, the profile or the bearer key that the process happens to have for somebody else.

from __future__ import annotations

from collections.abc import Mapping

from lingate._providers.naming import PARAMETERS, row_of
from lingate._wire.shapes import without

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

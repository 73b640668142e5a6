"""The environment as one deployment sees it: its own variables over the process's, without those of other credentials.

Credentials are made of several variables. A deployment with an access key of its own must not be signed with the session
token, the profile or the bearer key that the process happens to have for somebody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lingate._providers.naming import PARAMETERS, row_of

_WHERE = frozenset(
    PARAMETERS[name]
    for name in (
        "aws_region_name",
        "aws_session_name",
        "aws_external_id",
        "aws_bedrock_runtime_endpoint",
        "vertex_project",
        "vertex_location",
        "organization",
        "project",
    )
)
"""Variables that say where or for whom, not who."""

_WHO = frozenset(PARAMETERS.values()) - _WHERE
_ON_TOP = frozenset({PARAMETERS["aws_role_name"], PARAMETERS["tenant_id"], PARAMETERS["client_id"]})
"""Of those, the ones that need others of the process: a role is assumed with them."""


class Overlaid(Mapping[str, str]):
    """Variables over an environment of which some are hidden."""

    __slots__ = ("_env", "_hidden", "_own")

    def __init__(self, own: Mapping[str, str], env: Mapping[str, str], hidden: frozenset[str]) -> None:
        self._own = dict(own)
        self._env = env
        self._hidden = hidden

    def __getitem__(self, name: str) -> str:
        found = self._own.get(name)
        if found is not None:
            return found
        if name in self._hidden:
            raise KeyError(name)
        return self._env[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (name for name in self._env if name not in self._own and name not in self._hidden)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def hidden_by(overlay: Mapping[str, str], provider: str) -> frozenset[str]:
    """Variables of the process that a deployment with these of its own must not see."""
    who = overlay.keys() & _WHO
    row = row_of(provider) if who else None
    if row is None:
        return frozenset()
    hidden = {*row.key_env, *row.token_env}
    if who - _ON_TOP:
        hidden |= {*row.sign_env, *_WHO}
    return frozenset(hidden - overlay.keys())


def environment(overlay: Mapping[str, str], provider: str, env: Mapping[str, str]) -> Mapping[str, str]:
    """The environment as a deployment of this provider sees it."""
    return Overlaid(overlay, env, hidden_by(overlay, provider)) if overlay else env

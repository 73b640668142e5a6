# Claude on Microsoft Foundry: Anthropic's format at an address of Azure's (PROVIDERS.md, 4.1).

from __future__ import annotations

from lingate._dialects._adapted import Rehosted
from lingate._dialects._azure import place_of, with_key_as, with_query
from lingate._dialects._base import Dialect
from lingate._dialects.anthropic import DIALECT as ANTHROPIC
from lingate._model import Call, Target, replaced


def _target(call: Call, target: Target) -> Target:
    # Where Claude is. Anthropic's own package sends the key under both names.
    moved = with_key_as(target, "x-api-key", keep=True)
    return replaced(moved, url=with_query(place_of(target.url), "/anthropic", None))


DIALECT = Dialect(
    name="azure_anthropic",
    # There is no list of models at this address.
    operations={name: Rehosted(ANTHROPIC.operations[name], _target) for name in ("chat", "count_tokens")},
    render_error=ANTHROPIC.render_error,
)

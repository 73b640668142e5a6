"""Reranking: a query and documents into one canonical call (its form is in `_dialects/openai_chat/ranking.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from lingate._endpoints._arguments import Extras, build, fields, plain, require_text
from lingate._model import Call
from lingate.errors import ConfigError


def prepare(model: str, query: Any, documents: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    """Build the canonical call.

    Args:
        model: The model as its provider names it.
        query: What is looked for.
        documents: Texts, or objects with a `text`.
        params: `top_n`, `return_documents`, `max_tokens_per_doc` and whatever else the provider takes; None means not
            set.
        **extras: See `Extras`.

    Raises:
        ConfigError: There is nothing to rank, or something has the wrong type.
    """
    given = fields(params)
    top = given.get("top_n", 1)
    if type(top) is not int or top < 1:
        raise ConfigError(f"top_n must be a whole number above 0, not {top!r}")
    query = require_text(query, "query", "look for")
    return build("rerank", model, {"query": query, "documents": _documents(documents), **given}, extras)


def _documents(documents: Any) -> list[Any]:
    if not isinstance(documents, Sequence) or isinstance(documents, (str, bytes, bytearray)):
        raise ConfigError(f"documents must be a list of texts, not {type(documents).__name__}")
    if not documents:
        raise ConfigError("documents is empty: there is nothing to rank")
    made = [plain(document, f"documents[{index}]") for index, document in enumerate(documents)]
    for index, document in enumerate(made):
        if not isinstance(document, (str, dict)):
            raise ConfigError(f"documents[{index}] must be text or a dict, not {type(document).__name__}")
    return made

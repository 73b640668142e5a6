# Reranking: a query and documents into one canonical call (its form is in `_dialects/openai_chat/ranking.py`).

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lingate._endpoints._arguments import Extras, build, fields, plain, require_list, require_text
from lingate._model import Call
from lingate._providers.settings import wrong_type
from lingate.errors import ConfigError


def prepare(model: str, query: Any, documents: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    # `documents` are texts, or objects with a `text`.
    given = fields(params)
    top = given.get("top_n", 1)
    if type(top) is not int or top < 1:
        raise ConfigError(f"top_n must be a whole number above 0, not {top!r}")
    query = require_text(query, "query", "look for")
    return build("rerank", model, {"query": query, "documents": _documents(documents), **given}, extras)


def _documents(documents: Any) -> list[Any]:
    require_list(documents, "documents", "a list of texts", "rank")
    made = [plain(document, f"documents[{index}]") for index, document in enumerate(documents)]
    for index, document in enumerate(made):
        if not isinstance(document, (str, dict)):
            raise wrong_type(f"documents[{index}]", "text or a dict", document)
    return made

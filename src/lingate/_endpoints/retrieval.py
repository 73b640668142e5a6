# Embeddings and reranking: text or tokens, and a query with documents, into one canonical call.

# The form of a canonical reranking is in `_dialects/openai_chat/ranking.py`.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from lingate._endpoints._arguments import Extras, build, fields, plain, require_list, require_text
from lingate._model import Call
from lingate._providers.settings import wrong_type
from lingate.errors import ConfigError


def prepare_embedding(model: str, inputs: Any, params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    # `inputs` is one text, a list of texts, a list of token numbers, or a list of such lists.
    return build("embeddings", model, {"input": _inputs(inputs), **fields(params)}, extras)


def _inputs(inputs: Any) -> Any:
    if isinstance(inputs, str):
        return require_text(inputs, "input", "embed")
    require_list(inputs, "input", "a string or a list", "embed")
    for index, item in enumerate(inputs):
        if isinstance(item, str):
            if not item:
                raise ConfigError(f"input[{index}] is an empty string: there is nothing to embed")
        elif not _is_token(item) and not (isinstance(item, (list, tuple)) and item and all(map(_is_token, item))):
            raise ConfigError(f"input[{index}] must be text or tokens, not {item!r:.60}")
    return [
        plain(item, "input") if isinstance(item, str) else list(item) if isinstance(item, tuple) else item
        for item in inputs
    ]


def _is_token(item: Any) -> bool:
    return isinstance(item, int) and not isinstance(item, bool)


def prepare_rerank(model: str, asked: tuple[Any, Any], params: Mapping[str, Any], **extras: Unpack[Extras]) -> Call:
    # `asked`: the query, and the documents: texts, or objects with a `text`.
    query, documents = asked
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

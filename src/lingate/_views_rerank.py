"""Views of rerank answers."""

from __future__ import annotations

from lingate._model import JsonDict
from lingate._views import Response, View, given, parts


class RerankResult(View):
    """One document's place in the ranking."""

    __slots__ = ()

    index: int = given("index", 0)
    """Which of the documents that were given."""

    relevance_score: float = given("relevance_score", 0.0)
    """How relevant it is. Only scores of one answer compare."""

    document: JsonDict | None = given("document")
    """The document itself, mostly `{"text": ...}`, where `return_documents` asked for it."""


class RerankResponse(Response):
    """Documents in the order of their relevance to a query, the most relevant first."""

    __slots__ = ()

    results: list[RerankResult] = parts("results", RerankResult)
    """One item a document, or as many as `top_n` asked for."""

    @property
    def order(self) -> list[int]:
        """The documents' places in the list that was given, the most relevant first."""
        return [result.index for result in self.results]

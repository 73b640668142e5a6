"""Views of rerank answers."""

from __future__ import annotations

from lingate._model import JsonDict
from lingate._views import Field, Response, View, field, items


class RerankResult(View):
    """One document's place in the ranking."""

    __slots__ = ()

    index: Field[int] = field("index", "Which of the documents that were given.", 0)
    relevance_score: Field[float] = field(
        "relevance_score", "How relevant it is. Only scores of one answer compare.", 0.0
    )
    document: Field[JsonDict | None] = field(
        "document", 'The document itself, mostly `{"text": ...}`, where `return_documents` asked for it.'
    )


class RerankResponse(Response):
    """Documents in the order of their relevance to a query, the most relevant first."""

    __slots__ = ()

    results: Field[list[RerankResult]] = items(
        "results", RerankResult, "One item a document, or as many as `top_n` asked for."
    )

    @property
    def order(self) -> list[int]:
        """The documents' places in the list that was given, the most relevant first."""
        return [result.index for result in self.results]
